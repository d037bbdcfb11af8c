"""The closed subgroups of O(1): the identity alone, and the reflection of a line."""

from dataclasses import dataclass

import numpy as np

from ..._values import Array, frozen
from ...errors import GroupError, nearest
from ..theory._group import Group
from ..theory._representation import IrrepData

_ELEMENTS = frozen(np.array([[[1.0]], [[-1.0]]]))


@dataclass(frozen=True, repr=False)
class LineGroup(Group):
    """A subgroup of O(1), for sequences: C1, the identity alone, or D1, with the reflection x -> -x; see `steer.group`.

    The irreps of D1 are A1, of frequency 0, and A2, of frequency 1, which changes its sign: the vectors of a line.

    Args:
        reflections: whether there is the reflection.
    """

    reflections: bool

    @property
    def name(self) -> str:
        return "D1" if self.reflections else "C1"

    def __repr__(self) -> str:
        return f"steer.group({self.name!r}, dim=1)"

    @property
    def dim(self) -> int:
        return 1

    @property
    def components(self) -> Array:
        return _ELEMENTS if self.reflections else _ELEMENTS[:1]

    @property
    def generators(self) -> Array:
        return self.components[1:]

    @property
    def _axes(self) -> str:
        return "line"

    @property
    def trivial_subgroup(self) -> "LineGroup":
        return LineGroup(False)

    def subgroups(self, max_order: int = 12) -> tuple["LineGroup", ...]:
        return (LineGroup(False), self) if self.reflections else (self,)

    def _labels(self, max_frequency: int | None) -> tuple[str, ...]:
        if not self.reflections:
            return ("A",)
        return ("A1",) if max_frequency == 0 else ("A1", "A2")

    def _irrep_data(self, label: str) -> IrrepData | None:
        if label not in self._labels(None):
            return None
        return IrrepData(1, 1, "real", np.sign) if label == "A2" else IrrepData(1, 0, "real", np.ones_like)


NAMES = {"C1": LineGroup(False), "D1": LineGroup(True)}


def parse_line(name: object) -> LineGroup:
    """The group of a line of that name.

    Raises:
        GroupError: the name is neither C1 nor D1.
    """
    if not isinstance(name, str):
        raise GroupError(f"name: expected a string, 'C1' or 'D1', got {name!r}")
    if name not in NAMES:
        raise GroupError(
            f"name: no group of a line is called {name!r}; {nearest(name, list(NAMES))} The names are C1, the identity "
            f"alone, and D1, the reflection x -> -x. For a group of the plane or of space that acts on the channels of "
            f"sequences use steer.reps.with_action"
        )
    return NAMES[name]
