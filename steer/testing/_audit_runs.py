"""What the layers of a network return on fields and on turned fields: errors at each depth, for two dtypes."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from .. import nn
from .._spacing import Spacing
from .._values import Array
from ..errors import GridWarning, GroupError
from ..nn import FieldTensor, FieldType
from ..nn._engine._output_shape import copied
from ..reps import Group
from ._elements import MOST, common_elements, common_group, embedded, grid_symmetries, is_inexact
from ._waves import at_centre, has_centre, relative_error

SOME_EXACT, SOME_OTHER = 8, 4
"""So many elements of each kind are tried, unless others are asked for."""

Kinds = tuple[FieldType, FieldType]


class Place(NamedTuple):
    """Where outputs are compared: the lattices of the network's ends, a spacing, the radius of a window."""

    lattices: tuple[str, str]
    spacing: Spacing
    average: float | None

    def read(self, x: torch.Tensor, kind: FieldType, module: torch.nn.Module) -> torch.Tensor:
        """What of the input or output of a layer is compared."""
        spacing = getattr(module, "spacing", None) or self.spacing
        return at_centre(x, kind, self.lattice_of(module, tuple(x.shape[2:])), spacing, self.average)

    def lattice_of(self, module: torch.nn.Module, space: tuple[int, ...]) -> str:
        """The lattice of a layer's maps."""
        known = getattr(module, "lattice", None)
        found = known or (self.lattices[0] if self.lattices[0] == self.lattices[1] else "square")
        return found if has_centre(space) else "square"


@dataclass(frozen=True)
class Turns:
    """Elements that are tried, of the group of the input, and what they are in the groups inside of the network.

    Attributes:
        group: of the input.
        g: (n, d, d).
        exact: (n,), whether they map the lattice of the input to itself.
        small: the group of which they are elements, too; None of those that were asked for.
        own: (n, d', d'), what they are there.
        lattice: of the input.
    """

    group: Group
    g: Array
    exact: npt.NDArray[np.bool_]
    small: Group | None
    own: Array
    lattice: str

    def inside(self, other: Group) -> Array | None:
        """The elements in another group; None if it has not all of them."""
        try:
            if self.small is None:
                return common_elements(self.group, other, self.g, self.lattice, True).target
            return self.own if other == self.small else embedded(other, self.small, self.own)
        except GroupError:
            return None


def turns_of(
    groups: list[Group],
    elements: npt.ArrayLike | None,
    lattice: str,
    spacing: Spacing,
    has_positions: bool,
    seed: int,
) -> Turns:
    """Elements that are asked for, or some that all groups have: of the lattice, and others.

    Args:
        groups: of the input first, then those of all layers.
        elements: (n, d, d), of the group of the input.
        lattice: of the input.
        spacing: of the input.
        has_positions: whether it is sampled in space; if not, all elements act exactly.
        seed: of elements of continuous groups.
    """
    group = small = groups[0]

    def exactly(g: Array) -> npt.NDArray[np.bool_]:
        return np.array([not has_positions or not is_inexact(group, each[None], lattice, spacing) for each in g], bool)

    if elements is not None:
        g = common_elements(group, group, elements, lattice, has_positions, spacing).source
        return Turns(group, g, exactly(g), None, g, lattice)
    for other in groups[1:]:
        small = common_group(small, other) or small
    own = [grid_symmetries(small, lattice, spacing=spacing)[1:]] if has_positions else []
    drawn = small.elements if small.is_finite and small.order <= MOST else small.sample(16, seed)
    own.append(drawn[np.abs(drawn - np.eye(drawn.shape[-1])).max(axis=(-2, -1), initial=0) > 1e-9])
    found = np.concatenate(own)
    g = found if small == group else embedded(group, small, found)
    exact = exactly(g)
    # elements of the lattice that were drawn, too, are in the list already
    first = np.flatnonzero(exact)[: len(own[0]) if has_positions else None]
    kept = np.concatenate([_spread(first, SOME_EXACT), _spread(np.flatnonzero(~exact), SOME_OTHER)]).astype(int)
    return Turns(group, g[kept], exact[kept], small, found[kept], lattice)


def _spread(indices: npt.NDArray[Any], count: int) -> npt.NDArray[Any]:
    """Some of many, evenly."""
    if len(indices) <= count:
        return indices
    chosen: npt.NDArray[Any] = indices[np.round(np.linspace(0, len(indices) - 1, count)).astype(int)]
    return chosen


@dataclass
class Seen:
    """What is known of one layer after runs.

    Attributes:
        kinds: types of input and output; None if they are not known.
        invariant: whether the types are not its own: it follows on fields that elements leave alone.
        shapes: of input and output, without the batch; None of what is no tensor.
        errors: by dtype (2, n): relative error of input and output for each element.
    """

    kinds: Kinds | None = None
    invariant: bool = False
    shapes: tuple[tuple[int, ...] | None, tuple[int, ...] | None] = (None, None)
    errors: dict[torch.dtype, Array] = field(default_factory=dict)


@dataclass
class Observer:
    """Runs a network, and keeps of each layer what is compared of its first input and output in a run."""

    parts: dict[str, torch.nn.Module]
    place: Place
    seen: dict[str, Seen] = field(default_factory=dict)
    _values: dict[str, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)
    _still: Group | None = None

    def run(self, network: torch.nn.Module, x: torch.Tensor) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """What is compared, by the name of the layer, in the order of the calls."""
        self._values, self._still = {}, None
        network(x)
        return self._values

    @contextmanager
    def watching(self, network: torch.nn.Module) -> Iterator[None]:
        """Hooks on the layers of a network, or on those of a copy of it."""
        handles = [network.get_submodule(name).register_forward_hook(self._noting(name)) for name in self.parts]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _noting(self, name: str) -> Callable[..., None]:
        def note(module: torch.nn.Module, given: tuple[Any, ...], out: Any) -> None:
            if name in self._values:
                return
            ends = [as_tensor(given[0] if given else None), as_tensor(out)]
            seen = self.seen.setdefault(name, Seen())
            shapes = [None if end is None else tuple(end.shape[1:]) for end in ends]
            seen.shapes = (shapes[0], shapes[1])
            seen.kinds, seen.invariant = self._kinds(module, ends)
            if seen.kinds is not None:
                found = [end for end in ends if end is not None]
                values = [self.place.read(end, kind, module) for end, kind in zip(found, seen.kinds, strict=True)]
                self._values[name] = (values[0], values[1])

        return note

    def _kinds(self, module: torch.nn.Module, ends: list[torch.Tensor | None]) -> tuple[Kinds | None, bool]:
        """The types of a layer, and whether they are only taken to be such."""
        if any(end is None or end.dim() < 2 for end in ends):
            return None, False
        if isinstance(module, nn.Module):
            kind = module.out_type
            self._still = kind.group if all(rep == kind.group.trivial for rep in kind) else None
            return (module.in_type, kind), False
        if self._still is None:
            return None, False
        trivial = self._still.trivial
        kinds = [FieldType(self._still, end.shape[1] * [trivial]) for end in ends if end is not None]
        return (kinds[0], kinds[1]), True


def as_tensor(value: object) -> torch.Tensor | None:
    """The tensor of what a layer is given or returns, if it is one."""
    value = value.tensor if isinstance(value, FieldTensor) else value
    return value if isinstance(value, torch.Tensor) else None


@contextmanager
def copy_of(network: torch.nn.Module, dtype: torch.dtype) -> Iterator[torch.nn.Module]:
    """A copy in evaluation and without gradients, of another dtype; what its strides lose is told otherwise."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore", GridWarning)
        yield copied(network, torch.clone).to(dtype).eval()


def measure(
    observer: Observer, network: torch.nn.Module, fields: Callable[[Array | None], torch.Tensor], turns: Turns
) -> None:
    """Put into ``observer.seen`` the errors of all layers with types, for one dtype, that of the fields."""
    before = dict(observer.run(network, x := fields(None)))
    found = {name: np.full((2, len(turns.g)), np.nan) for name in before}
    for index, g in enumerate(turns.g):
        after = observer.run(network, fields(g))
        for name, values in before.items():
            kinds = observer.seen[name].kinds
            if kinds is None or name not in after:
                continue
            for end in range(2):
                h = turns.inside(kinds[end].group)
                if h is not None:
                    back = kinds[end].transform(values[end], h[index])
                    scale = float(torch.linalg.vector_norm(back))
                    found[name][end, index] = relative_error(after[name][end], back, scale)
    for name, errors in found.items():
        observer.seen[name].errors[x.dtype] = errors
