"""What the features of a model are made of, and how many of them equal a number of plain channels."""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from ..._spacing import Spacing
from ..._values import as_tuple, is_one_of, require_count
from ...errors import FieldTypeError, SteerError, nearest
from ...kernels import Grid, functions_for, kernel_basis
from ...reps import Group, GroupAction, Representation
from .._act._fourier import FourierAct
from .._act._gate import Gate
from .._act._pointwise import ReLU
from .._engine._module import Module
from .._fields._types import FieldType


@dataclass(frozen=True)
class Features:
    """Hidden features: copies of a unit of fields, and the nonlinearity that suits them.

    Args:
        unit: from a group to the fields of one unit, e.g. ``lambda G: [G.regular]``. A module-level function keeps the
            model picklable.
        act: from a field type to its nonlinearity, a steer module whose `out_type` is that type, e.g. ``nn.ReLU``. The
            convolution before it computes its `in_type`, to which a `Gate` adds the gates.

    Raises:
        SteerError: `unit` or `act` is no function.
    """

    unit: Callable[[Group], Sequence[Representation]]
    act: Callable[[FieldType], Module]

    def __post_init__(self) -> None:
        for name in ("unit", "act"):
            if not callable(getattr(self, name)):
                raise SteerError(f"{name}: expected a function, got {getattr(self, name)!r}; see the class")

    def of(self, group: Group, count: int) -> FieldType:
        """The type of a number of units, with the fields of one kind side by side.

        Args:
            group: of the fields.
            count: the number of units.

        Returns:
            The field type.

        Raises:
            FieldTypeError: the group has no such fields, or is none.
            SteerError: `count` is no integer >= 1.
        """
        if not isinstance(group, Group):
            raise FieldTypeError(f"group: expected a group, got {group!r}")
        require_count("count", count, SteerError, 1)
        unit = FieldType(group, self.unit(group))
        return FieldType(group, [rep for rep, copies in unit.multiplicities.items() for _ in range(count * copies)])

    def count(self, group: Group, channels: int, width: str, convs: Sequence["Conv"], basis: str) -> int:
        """How many units stand for a number of plain channels.

        Args:
            group: of the fields.
            channels: of the plain twin.
            width: "channels" for the number whose channels come nearest; "parameters" for that with which the
                convolutions together have nearest as many parameters as the plain ones.
            convs: to the features that are counted.
            basis: of the kernels.

        Returns:
            A number >= 1.

        Raises:
            FieldTypeError: the group has no such fields, or is none.
            SteerError: another width, no integer >= 1 of channels, or no convolutions.
        """
        require_count("channels", channels, SteerError, 1)
        if not is_one_of(width, ("channels", "parameters")):
            raise SteerError(f"width: expected 'channels' or 'parameters', got {width!r}")
        if not all(isinstance(conv, Conv) for conv in as_tuple("convs", convs, SteerError, "a list of convolutions")):
            raise SteerError(f"convs: expected convolutions, got {convs!r}")
        unit = self.of(group, 1)
        if width == "channels":
            return max(1, round(channels / unit.size))
        gated = self.act(unit).in_type
        # n units have a n^2 + b n parameters
        a = b = plain = 0
        for conv in convs:
            target = gated if conv.before_act else unit
            weights = conv.times * _weights(conv.source or unit, target, conv, basis)
            a, b = (a, b + weights) if conv.source else (a + weights, b)
            plain += conv.times * (conv.channels or channels) * channels * math.prod(conv.kernel_size)
        return max(1, round((math.sqrt(b**2 + 4 * a * plain) - b) / (2 * a)))


class Conv(NamedTuple):
    """Some equal convolutions to the features of a stage.

    From fields of type `source`, which stand for plain `channels`, or from these features themselves. With `before_act`
    to what the nonlinearity needs to return these features.
    """

    kernel_size: tuple[int, ...]
    spacing: Spacing
    times: int
    before_act: bool
    source: FieldType | None = None
    channels: int = 0


def _weights(source: FieldType, target: FieldType, conv: Conv, basis: str) -> int:
    """The number of coefficients of a convolution."""
    functions = functions_for(basis, Grid(conv.kernel_size, spacing=conv.spacing), None)
    counts = [Counter(fields) for fields in (source, target)]
    pairs = itertools.product(*(count.items() for count in counts))
    return sum(m * n * len(kernel_basis(a, b, radial=functions)) for (a, m), (b, n) in pairs)


def _regular(group: Group) -> list[Representation]:
    if not group.is_finite:
        raise FieldTypeError(
            f"features: {group.name} is continuous and has no regular fields; use features='irreps' or 'fourier'"
        )
    return [group.regular]


def _irreps(group: Group) -> list[Representation]:
    # those of the harmonics up to degree 2: others, as the pseudoscalars of O(2), get no kernel from scalar images
    degrees = range(2 if group.dim == 1 else 3)
    return list(dict.fromkeys(psi for degree in degrees for psi in group.harmonic(degree).irreps))


def _band_limited(group: Group) -> list[Representation]:
    return [group.band_limited(min(2, max(psi.frequency for psi in group.irreps())) if group.is_finite else 2)]


def _fourier_act(field_type: FieldType) -> Module:
    return FourierAct(field_type, "elu")


KINDS: Final = {
    "regular": Features(_regular, ReLU),
    "irreps": Features(_irreps, Gate),
    "fourier": Features(_band_limited, _fourier_act),
}


def features_for(group: Group, features: "str | Features | None", source: FieldType | None = None) -> Features:
    """The features that an argument names; when None regular fields for finite groups and irreps for others.

    A continuous group that acts on space through a representation may turn fields of the source otherwise than any
    harmonic: gates, which scalars open and close, would not make scalars of them, so that features are band-limited.

    Raises:
        SteerError: no such kind of features.
    """
    if features is None and group.is_finite:
        return KINDS["regular"]
    if features is None:
        reached = {psi for rep in source.kinds for psi in rep.irreps} if source is not None else set()
        hidden = isinstance(group, GroupAction) and not reached <= set(_irreps(group))
        return KINDS["fourier" if hidden else "irreps"]
    if isinstance(features, Features):
        return features
    if not isinstance(features, str) or features not in KINDS:
        raise SteerError(
            f"features: expected {', '.join(map(repr, KINDS))} or a Features, got {features!r}; "
            f"{nearest(str(features), KINDS)}"
        )
    return KINDS[features]
