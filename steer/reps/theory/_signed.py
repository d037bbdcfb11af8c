"""Signed permutations of basis vectors as permutations: of these and their negatives, or of the lines through them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..._values import Array
from ...errors import RepresentationError
from ._representation import Representation, require_representation

if TYPE_CHECKING:
    from ._group import Group


@dataclass(frozen=True, repr=False)
class SignedPoints(Representation):
    """Functions on the vectors e_0, e_1, ..., -e_0, -e_1, ..., which a representation permutes.

    Its matrices are non-negative: where an element takes e_i to -e_j, this takes the value at e_i to that at -e_j.

    Args:
        base: a representation by signed permutations.

    Raises:
        RepresentationError: `base` is none.

    Example:
        >>> import numpy as np, steer
        >>> D4 = steer.group("D4", dim=2)
        >>> steer.reps.SignedPoints(D4.irrep("B1"))(D4.elements[1]).tolist()  # a quarter turn changes its sign
        [[0.0, 1.0], [1.0, 0.0]]
    """

    base: Representation

    def __post_init__(self) -> None:
        _require_signed(self.base)

    @property
    def group(self) -> "Group":  # type: ignore[override]
        """The group of `base`."""
        return self.base.group

    @property
    def size(self) -> int:
        return 2 * self.base.size

    @property
    def name(self) -> str:
        return f"signed({self.base.name})"

    @property
    def _degree(self) -> int:
        return self.base._degree

    def _matrices(self, g: Array) -> Array:
        signed = self.base._matrices(g)
        kept, turned = np.maximum(signed, 0.0), np.maximum(-signed, 0.0)
        return np.concatenate([np.concatenate([kept, turned], -1), np.concatenate([turned, kept], -1)], -2)

    def __repr__(self) -> str:
        return f"steer.reps.SignedPoints({self.base!r})"


@dataclass(frozen=True, repr=False)
class Unsigned(Representation):
    """Signed permutations without their signs: the absolute values of the entries of their matrices.

    Where an element takes e_i to e_j or -e_j, this takes e_i to e_j. So |x| is such a field where x is one of `base`.

    Args:
        base: a representation by signed permutations.

    Raises:
        RepresentationError: `base` is none.

    Example:
        >>> import steer
        >>> D4 = steer.group("D4", dim=2)
        >>> steer.reps.Unsigned(D4.vector)(D4.elements[1]).round(12).tolist()  # a quarter turn exchanges |x| and |y|
        [[0.0, 1.0], [1.0, 0.0]]
    """

    base: Representation

    def __post_init__(self) -> None:
        _require_signed(self.base)

    @property
    def group(self) -> "Group":  # type: ignore[override]
        """The group of `base`."""
        return self.base.group

    @property
    def size(self) -> int:
        return self.base.size

    @property
    def name(self) -> str:
        return f"unsigned({self.base.name})"

    @property
    def _degree(self) -> int:
        return self.base._degree

    def _matrices(self, g: Array) -> Array:
        # whole numbers, so that sums of squares are
        return np.asarray(np.abs(self.base._matrices(g)).round())

    @property
    def _lists_places(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"steer.reps.Unsigned({self.base!r})"


def _require_signed(base: object) -> None:
    if not require_representation("base", base).is_signed_permutation:
        raise RepresentationError(
            f"base: expected a representation by signed permutations (irreps of one component, what these induce), "
            f"got {base!r}"
        )
