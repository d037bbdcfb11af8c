"""Fields as functions on a group or its cosets: where they are sampled, and the way there and back."""

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np
import torch

from ..._values import CHUNK, Array, frozen, is_count, is_integer
from ...errors import FieldTypeError, RepresentationError, SteerError
from ...kernels.plans._recorded import recorded
from ...reps import (
    BandLimited,
    Group,
    Irrep,
    Quadrature,
    Representation,
    Restriction,
    Sections,
    fourier,
    quadrature,
)
from .._engine._constants import Constants
from .._engine._layout import Arrangement, channels_of, computed, merge, split, wide
from .._fields._types import FieldType, require_types
from ._norm_act import SHORTEST
from ._parity import ODD, keeps_positive, parity
from ._signed import unsigned

Function = Callable[[torch.Tensor], torch.Tensor]
Choice = int | Quadrature
Band = int | Iterable[Irrep | str] | None
Grids = Choice | Mapping[Representation, Choice] | Callable[[Representation], Choice] | None

POWERS: Final = {1: 7, 2: 3}
"""p of the degree p L + L_out of a grid, by the dimension of G/H; 2 above."""

CHANNELS: Final = 8
"""Channels that functions are tried with, as `elementwise` does."""

COARSEST: Final = 4
"""Least degree in three dimensions. The rule of degree 3 with the symmetries of the cube is the group O itself, which
leaves an error of 0.1 at band limit 1."""


class Kind(NamedTuple):
    """How fields of one representation are sampled; a field that the group permutes holds its samples already.

    `synthesis` is S (n, size), `analysis` A (out.size, n). Where `radial` is not 0, so many samples side by side are
    the vector at a node, of which functions change the length.
    """

    rep: Representation
    out: Representation
    grid: Quadrature | None = None
    synthesis: Array | None = None
    analysis: Array | None = None
    radial: int = 0


def kinds_of(
    in_type: FieldType, layer: str, instead: str, out_frequency: Band, grid: Grids, function: torch.nn.Module | None
) -> dict[Representation, Kind]:
    """The kind of each representation of a type, in order of appearance; `instead` is the layers that take any field.

    `function` is the elementwise function that acts on samples; None for what acts otherwise on them.

    Raises:
        FieldTypeError: a field is neither band limited nor permuted; or changes sign, and the function is neither odd
            nor even.
        SteerError: no such band limit or grid.
        RepresentationError: a grid on another group, or too coarse.
    """
    require_types(layer, in_type=in_type)
    is_list = isinstance(out_frequency, Iterable) and not isinstance(out_frequency, str | bytes)
    if out_frequency is not None and not is_integer(out_frequency) and not is_list:
        raise SteerError(
            f"out_frequency: expected a band limit such as 2, a list of irreps, or None for those of the input, got "
            f"{out_frequency!r}"
        )
    found: dict[Representation, Kind] = {}
    for index, rep in enumerate(in_type):
        if rep in found:
            continue
        base = rep
        while isinstance(base, Restriction):
            base = base.base
        values = base.base if isinstance(base, Sections) else None
        if isinstance(base, BandLimited | Sections) and (values is None or values.is_permutation or function):
            found[rep] = _sampled(rep, base, out_frequency, grid)._replace(radial=_radial(values, function))
        elif rep.is_permutation:
            found[rep] = Kind(rep, rep)
        elif function is not None and rep.is_signed_permutation and (sign := parity(function, CHANNELS)):
            found[rep] = Kind(rep, rep if sign == ODD else unsigned(rep))
        else:
            raise FieldTypeError(
                f"in_type: {layer} needs fields that are functions on a group or its cosets, but field {index} is "
                f"{rep!r}, which is none; declare it as group.band_limited(L) or group.quotient(subgroup, L) "
                f"(group.sections(values, L), of vectors), or use "
                f"{instead}, which take any field"
            )
    return found


def _radial(values: Representation | None, function: torch.nn.Module | None) -> int:
    """How many components the vectors have of which a function changes the length; 0 if it acts on each component.

    The latter commutes with what the stabiliser does to the values where this permutes components, for odd functions
    also up to signs.
    """
    if values is None or function is None or values.is_permutation:
        return 0
    if values.is_signed_permutation and parity(function, CHANNELS) == ODD:
        return 0
    if keeps_positive(function, CHANNELS):
        raise SteerError(
            f"function: {function!r} leaves lengths as they are, and so all vectors at the nodes, which are of "
            f"{values!r}; take 'silu', 'tanh' or torch.nn.Softshrink(), which is max(length - 0.5, 0)"
        )
    return values.size


def _sampled(rep: Representation, base: BandLimited | Sections, out_frequency: Band, grid: Grids) -> Kind:
    target = base if out_frequency is None else _with_frequency(base, out_frequency)
    chosen: object = grid
    if isinstance(grid, Mapping):
        if rep not in grid:
            raise SteerError(f"grid: there is none for the fields {rep!r}; give each band-limited representation one")
        chosen = grid[rep]
    elif callable(grid) and not isinstance(grid, type | torch.nn.Module | Representation):
        chosen = grid(rep)
    if isinstance(chosen, Quadrature):
        rule = chosen
    elif chosen is None or is_count(chosen, 0):
        rule = default_grid(base, target.max_frequency, rep, chosen)
    else:
        raise SteerError(
            f"grid: expected a degree, a steer.reps.quadrature(group, degree), a dictionary or function from "
            f"representations to these, or None, got {chosen!r}"
        )
    synthesis, analysis = _matrices(base, target, rule)
    out = rep if target == base else target
    return Kind(rep, out if out.group == rep.group else out.restrict(rep.group), rule, synthesis, analysis)


def _with_frequency(base: BandLimited | Sections, band: int | Iterable[Irrep | str]) -> BandLimited | Sections:
    """The same functions, cut at another frequency or to other irreps."""
    try:
        if isinstance(base, Sections):
            other = base.group.sections(base.base, band)
            assert isinstance(other, Sections), "the values are the same"
            return other
        is_whole = base.subgroup == base.group.trivial_subgroup
        found = base.group.band_limited(band) if is_whole else base.group.quotient(base.subgroup, band)
    except RepresentationError as error:
        raise SteerError(f"out_frequency: {str(error).partition(': ')[2]}") from error
    assert isinstance(found, BandLimited), "cosets of which there are finitely many have no band limit"
    return found


@functools.lru_cache(maxsize=64)
def _matrices(source: BandLimited | Sections, target: BandLimited | Sections, grid: Quadrature) -> tuple[Array, Array]:
    """S and A, such that coefficients of unit variance give samples of unit variance at every node.

    The squares of the basis functions of `fourier` add up to `size` at every element, over all components of a value.
    """
    bands = [rep.kept or rep.max_frequency for rep in (source, target)]
    values = source.base if isinstance(source, Sections) else None
    ends = [fourier(source.group, band, subgroup=source.subgroup, grid=grid, base=values) for band in bands]
    assert [end.rep for end in ends] == [source, target], "the transform is that of the representation"
    synthesis, analysis = ends[0].sample_matrix, ends[1].analysis_matrix
    width = 1 if values is None else values.size
    return frozen(synthesis / np.sqrt(source.size / width)), frozen(analysis * np.sqrt(target.size / width))


def default_grid(
    base: BandLimited | Sections, out_frequency: int, rep: Representation, degree: int | None = None
) -> Quadrature:
    """The grid for functions of a band limit and a result of another; of a given degree, if there is one.

    Of a finite group, all elements. Else nodes are mapped to nodes by the acting group where it is finite, or by its
    elements that move space as square, cubic or hexagonal lattices are moved to themselves.

    Args:
        base: what the functions are.
        out_frequency: band limit of the result.
        rep: the representation of the fields, that of the functions or a restriction of it.
        degree: of the quadrature.
    """
    group, small = base.group, base.subgroup
    if group.is_finite:
        return quadrature(group, subgroup=small)
    if degree is None:
        dimension = group._dimension - small._dimension
        power = POWERS.get(dimension, 2)
        coarsest = COARSEST if dimension > 2 else 0
        degree = max(power * base.max_frequency + out_frequency, 2 * out_frequency, coarsest)
    symmetry = _symmetry(rep)
    if symmetry is None:
        return quadrature(group, degree, subgroup=small)
    return quadrature(group, degree, subgroup=small, kind="orbit", symmetry=symmetry)


def _symmetry(rep: Representation) -> Group | None:
    """The symmetries of lattices that a group has, as a subgroup of that of the functions that it acts on."""
    found = rep.group._lattice_symmetry
    while isinstance(rep, Restriction) and found is not None:
        found = rep.base.group._lifted(rep.group, found)
        rep = rep.base
    return found


class Samples(Constants):
    """Functions of the samples of fields: synthesis, a function, analysis, with one matmul each for fields of one kind.

    Works for tensors (batch, channels, ...) of any rank, and under `torch.fx` tracing.

    Args:
        in_type: type of the input.
        kinds: that of each of its representations.
        pointwise: whether the functions act on each sample alone. Then, without gradients and on CPU, the samples of
            large feature maps are made and used up a part at a time.
    """

    channels: torch.Tensor
    position: torch.Tensor

    def __init__(self, in_type: FieldType, kinds: dict[Representation, Kind], pointwise: bool) -> None:
        super().__init__()
        self.pointwise = pointwise
        self.kinds = kinds
        sampled = [kind for kind in kinds.values() if kind.grid is not None]
        numbers = {kind.rep: number for number, kind in enumerate(sampled, 1)}
        self.out_type = FieldType(in_type.group, [kinds[rep].out for rep in in_type])
        self.nodes, self.radial = [0], [0]
        for number, kind in enumerate(sampled, 1):
            assert kind.synthesis is not None, "a kind with a grid has both matrices"
            assert kind.analysis is not None, "a kind with a grid has both matrices"
            self.add_constant(f"synthesis{number}", kind.synthesis)
            self.add_constant(f"analysis{number}", kind.analysis)
            self.nodes.append(len(kind.synthesis))
            self.radial.append(kind.radial)
        by_field = [numbers.get(rep, 0) for rep in in_type]
        self.runs, self.repeats, self.gathered = Arrangement.of(by_field)
        order = np.argsort(by_field, kind="stable") if self.gathered else np.arange(len(by_field))
        self.widths, self.out_widths = [], []
        start = 0
        for count, _ in self.runs:
            reps = [in_type[int(field)] for field in order[start : start + count]]
            self.widths.append(sum(rep.size for rep in reps))
            self.out_widths.append(sum(kinds[rep].out.size for rep in reps))
            start += count
        if self.gathered:
            into, out = (channels_of([rep.size for rep in kind], order) for kind in (in_type, self.out_type))
            self.add_constant("channels", into)
            self.add_constant("position", np.argsort(out))

    def through(self, x: torch.Tensor, function: Function) -> torch.Tensor:
        """(batch, out channels, ...) from x (batch, channels, ...).

        `function` maps samples (batch, fields * nodes, ...) to the same, perhaps at other points of space.
        """
        if self.gathered:
            x = x.index_select(1, self.constant("channels", x))
        if len(self.runs) == 1:
            out = self._run(x, 0, function)
        else:
            parts = torch.split(split(x, self.repeats, sum(self.widths)), self.widths, 2)
            done = [self._run(merge(parts[index]), index, function) for index in range(len(self.runs))]
            both = zip(done, self.out_widths, strict=True)
            out = merge(torch.cat([split(part, self.repeats, width) for part, width in both], 2))
        return out.index_select(1, self.constant("position", out)) if self.gathered else out

    def _run(self, x: torch.Tensor, index: int, function: Function) -> torch.Tensor:
        """`through` for the fields of one run, in all periods."""
        count, number = self.runs[index]
        if not number:
            return function(x)
        fields, size = self.repeats * count, self.widths[index] // count
        if self.pointwise and not torch.is_grad_enabled() and _is_large(x, fields * self.nodes[number]):
            flat = x.reshape(x.shape[0] * fields, size, x.shape[2:].numel())
            done = _by_blocks(flat, self.nodes[number], lambda part: self._one(part, number, 1, size, function))
            return done.reshape(x.shape[0], fields * done.shape[1], *x.shape[2:])
        return self._one(x, number, fields, size, function)

    def _one(self, x: torch.Tensor, number: int, fields: int, size: int, function: Function) -> torch.Tensor:
        """A f(S x) for fields of one kind."""
        samples = times(self.constant(f"synthesis{number}", x), x, fields, size)
        width = self.radial[number]
        if width:
            samples = _on_lengths(samples, fields * self.nodes[number] // width, width, function)
        else:
            samples = function(samples)
        return times(self.constant(f"analysis{number}", samples), samples, fields, self.nodes[number])


def _on_lengths(x: torch.Tensor, count: int, width: int, function: Function) -> torch.Tensor:
    """f(|u|) u / |u| for vectors u, x (batch, count * width, ...); 0 for those too short to have a direction."""
    vectors = split(x, count, width)
    squares = wide(vectors).square().sum(2, keepdim=True)
    inverse = torch.nn.functional.threshold(squares, SHORTEST**2, math.inf).rsqrt()
    factor = function((squares * inverse).to(x.dtype)) * inverse.to(x.dtype)
    return merge(vectors * factor)


def _is_large(x: torch.Tensor, samples: int) -> bool:
    """Whether so many samples at each point of x are best made a part at a time; eager, on CPU."""
    if recorded() or not isinstance(x, torch.Tensor) or x.device.type != "cpu":
        return False
    return len(x) * x.shape[2:].numel() * samples * x.element_size() > 2 * CHUNK


def _by_blocks(x: torch.Tensor, nodes: int, function: Function) -> torch.Tensor:
    """`function` of fields x (fields, size, points), for as many as have about CHUNK bytes of samples at a time."""
    fields, points = len(x), x.shape[2]
    step = max(1, CHUNK // (nodes * x.element_size()))
    at_once = max(1, step // points)
    rows = []
    for first in range(0, fields, at_once):
        row = x[first : first + at_once]
        done = [function(row[:, :, start : start + step]) for start in range(0, points, step)]
        rows.append(done[0] if len(done) == 1 else torch.cat(done, 2))
    return torch.cat(rows)


def times(matrix: torch.Tensor, x: torch.Tensor, fields: int, size: int) -> torch.Tensor:
    """(batch, fields * n, ...): a matrix (n, size) times each field of x (batch, fields * size, ...)."""
    if not isinstance(x, torch.Tensor):  # a tracer does not know the number of axes
        spread = x.unsqueeze(-1)  # type: ignore[unreachable] # so that there is one to flatten
        flat = spread.unflatten(1, (fields, size)).flatten(3)
        return torch.matmul(matrix, flat).flatten(1, 2).unflatten(2, spread.shape[2:]).squeeze(-1)
    batch, space = x.shape[0], x.shape[2:]
    if x.dim() == 2:
        return (x.reshape(batch * fields, size) @ matrix.T).reshape(batch, fields * len(matrix))
    flat = x.reshape(batch * fields, size, space.numel())
    done = torch.bmm(matrix.expand(batch * fields, -1, -1), flat)
    return computed(done.reshape(batch, fields * len(matrix), *space))
