"""Fields as functions on a group or its cosets: where they are sampled, and the way there and back."""

import copy
import functools
import numbers
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ..errors import FieldTypeError, RepresentationError, SteerError
from ..kernels._grid import is_count
from ..reps import (
    AxialGroup,
    BandLimited,
    Group,
    PlanarGroup,
    Quadrature,
    Representation,
    Restriction,
    RotationGroup,
    fourier,
    quadrature,
)
from ..reps._linalg import Array, frozen
from ._constants import Constants
from ._field_type import FieldType
from ._layout import Arrangement, merge, split

Choice = int | Quadrature
Grids = Choice | Mapping[Representation, Choice] | Callable[[Representation], Choice] | None
Function = Callable[[torch.Tensor], torch.Tensor]

COARSEST: Final = 4
"""Least degree on SO(3) and O(3). The rule of degree 3 with the symmetries of the cube is the group O itself, and
leaves an error of 0.1 at band limit 1."""


class Sampling(NamedTuple):
    """Matrices S (n, size), coefficients to samples at the nodes of a grid, and A (out size, n), back."""

    grid: Quadrature
    synthesis: Array
    analysis: Array


class Kind(NamedTuple):
    """What fields of one representation become; a field that the group permutes holds its samples already."""

    out: Representation
    sampling: Sampling | None = None


def kinds_of(in_type: FieldType, layer: str, out_frequency: int | None, grid: Grids) -> dict[Representation, Kind]:
    """The kind of each representation of a type, in order of appearance.

    Raises:
        FieldTypeError: a field is neither band limited nor permuted.
        SteerError: no such band limit or grid.
        RepresentationError: a grid on another group, or too coarse.
    """
    if out_frequency is not None and not is_count(out_frequency, 0):
        raise SteerError(
            f"out_frequency: expected an integer >= 0, or None for the band limit of each field, got {out_frequency!r}"
        )
    found: dict[Representation, Kind] = {}
    for index, rep in enumerate(in_type):
        if rep in found:
            continue
        base = rep
        while isinstance(base, Restriction):
            base = base.base
        if isinstance(base, BandLimited):
            found[rep] = _sampled(rep, base, out_frequency, grid)
        elif rep.is_permutation:
            found[rep] = Kind(rep)
        else:
            raise FieldTypeError(
                f"in_type: {layer} needs fields that are functions on a group or its cosets, but field {index} is "
                f"{rep!r}, which is none; declare it as group.band_limited(L) or group.quotient(subgroup, L), or use "
                f"NormAct or Gate, which take any field"
            )
    return found


def _sampled(rep: Representation, base: BandLimited, out_frequency: int | None, grid: Grids) -> Kind:
    frequency = base.max_frequency if out_frequency is None else out_frequency
    target = _with_frequency(base, frequency)
    chosen: object = grid
    if isinstance(grid, Mapping):
        if rep not in grid:
            raise SteerError(f"grid: there is none for the fields {rep!r}; give each band-limited representation one")
        chosen = grid[rep]
    elif callable(grid):
        chosen = grid(rep)
    if isinstance(chosen, Quadrature):
        rule = chosen
    elif chosen is None or (isinstance(chosen, numbers.Integral) and is_count(chosen, 0)):
        rule = default_grid(base, frequency, rep.group, None if chosen is None else int(chosen))
    else:
        raise SteerError(
            f"grid: expected a degree, a steer.reps.quadrature(group, degree), a dictionary or function from "
            f"representations to these, or None, got {chosen!r}"
        )
    out = rep if target == base else target
    return Kind(out if out.group == rep.group else out.restrict(rep.group), _sampling(base, target, rule))


def _with_frequency(base: BandLimited, frequency: int) -> BandLimited:
    """The same functions, cut at another frequency."""
    if frequency == base.max_frequency:
        return base
    try:
        is_whole = base.subgroup == base.group.trivial_subgroup
        found = base.group.band_limited(frequency) if is_whole else base.group.quotient(base.subgroup, frequency)
    except RepresentationError as error:
        raise SteerError(f"out_frequency: {str(error).partition(': ')[2]}") from error
    assert isinstance(found, BandLimited), "cosets of which there are finitely many have no band limit"
    return found


@functools.lru_cache(maxsize=64)
def _sampling(source: BandLimited, target: BandLimited, grid: Quadrature) -> Sampling:
    """S and A, such that coefficients of unit variance give samples of unit variance at every node.

    The squares of the basis functions of `fourier` add up to `size` at every element.
    """
    ends = [fourier(rep.group, rep.max_frequency, subgroup=rep.subgroup, grid=grid) for rep in (source, target)]
    assert [end.rep for end in ends] == [source, target], "the transform is that of the representation"
    synthesis, analysis = ends[0].sample_matrix, ends[1].analysis_matrix
    return Sampling(grid, frozen(synthesis / np.sqrt(source.size)), frozen(analysis * np.sqrt(target.size)))


def default_grid(base: BandLimited, out_frequency: int, acting: Group, degree: int | None = None) -> Quadrature:
    """The grid for functions of a band limit and a result of another; of a given degree, if there is one.

    Of a finite group, all elements. Else the rule is the orbit of a symmetry group: the acting group where it is
    finite, or what maps square and hexagonal (cubic) lattices to themselves.

    Args:
        base: what the functions are.
        out_frequency: band limit of the result.
        acting: the group of the fields, a subgroup of that of `base`.
        degree: of the quadrature.
    """
    group, small = base.group, base.subgroup
    if group.is_finite:
        return quadrature(group, subgroup=small)
    total = base.max_frequency + out_frequency
    if degree is None and isinstance(group, RotationGroup):
        degree = max((3 * total + 1) // 2, 2 * out_frequency, COARSEST) if small.is_finite else 2 * total
    elif degree is None:
        degree = 4 * total
    symmetry = acting if acting.is_finite and acting <= group else lattice_symmetry(group)
    if symmetry is None:
        return quadrature(group, degree, subgroup=small)
    return quadrature(group, degree, subgroup=small, kind="orbit", symmetry=symmetry)


def lattice_symmetry(group: Group) -> Group | None:
    """A finite subgroup of a continuous group with its symmetries of square and hexagonal, or cubic, lattices."""
    if isinstance(group, PlanarGroup):
        return PlanarGroup(12, group.reflections)  # 12 is a multiple of 4 and 6
    if isinstance(group, RotationGroup):
        return group.subgroup("Oh" if group.inversion else "O")
    if isinstance(group, AxialGroup):
        return AxialGroup(group.family, 4).in_frame(group.frame)
    return None


class Samples(Constants):
    """Functions of the samples of fields: analysis, a function, synthesis, with one matmul each for fields of one kind.

    Works for tensors (batch, channels, ...) of any rank, and under `torch.fx` tracing.

    Args:
        in_type: type of the input.
        kinds: that of each of its representations.
    """

    channels: torch.Tensor
    position: torch.Tensor

    def __init__(self, in_type: FieldType, kinds: dict[Representation, Kind]) -> None:
        super().__init__()
        sampled = {rep: kind.sampling for rep, kind in kinds.items() if kind.sampling is not None}
        self.grids = {rep: sampling.grid for rep, sampling in sampled.items()}
        self.outs = {rep: kinds[rep].out for rep in sampled}
        numbers = {rep: number for number, rep in enumerate(sampled, 1)}
        self.out_type = FieldType(in_type.group, [kinds[rep].out for rep in in_type])
        self.nodes = [0]
        for number, sampling in enumerate(sampled.values(), 1):
            self.add_constant(f"synthesis{number}", sampling.synthesis)
            self.add_constant(f"analysis{number}", sampling.analysis)
            self.nodes.append(len(sampling.synthesis))
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
            into, out = (np.split(np.arange(kind.size), kind.offsets[1:-1]) for kind in (in_type, self.out_type))
            self.add_constant("channels", np.concatenate([into[field] for field in order]))
            self.add_constant("position", np.argsort(np.concatenate([out[field] for field in order])))

    def mapped(self, x: torch.Tensor, function: Function) -> torch.Tensor:
        """(batch, out channels, ...) from x (batch, channels, ...).

        `function` maps samples (batch, fields * nodes, ...) to the same, perhaps at other points of space.
        """
        if self.gathered:
            x = x.index_select(1, self.channels)
        if len(self.runs) == 1:
            out = self._run(x, 0, function)
        else:
            parts = torch.split(split(x, self.repeats, sum(self.widths)), self.widths, 2)
            done = [self._run(merge(parts[index]), index, function) for index in range(len(self.runs))]
            both = zip(done, self.out_widths, strict=True)
            out = merge(torch.cat([split(part, self.repeats, width) for part, width in both], 2))
        return out.index_select(1, self.position) if self.gathered else out

    def equivariance_error(
        self,
        function: torch.nn.Module,
        elements: npt.ArrayLike | None,
        samples: int,
        seed: int,
        space: tuple[int, ...],
    ) -> dict[Representation, Array]:
        """The error of `mapped` for random fields on a region of space, relative to its norm, for each group element.

        Raises:
            GroupError: a matrix is not in the group.
            SteerError: `samples` is no positive integer.
        """
        if not is_count(samples, 1):
            raise SteerError(f"samples: expected an integer >= 1, got {samples!r}")
        group, exact = self.out_type.group, copy.deepcopy(function).to("cpu", torch.float64).eval()
        given = group.sample(16, seed) if elements is None else np.asarray(elements, dtype=np.float64)
        given = given.reshape(-1, group.element_size, group.element_size)
        found = {}
        for number, (rep, out) in enumerate(self.outs.items(), 1):
            ends = [torch.from_numpy(self._sources[f"{name}{number}"]) for name in ("synthesis", "analysis")]
            noise = torch.from_numpy(np.random.default_rng(seed).normal(size=(samples, rep.size, *space)))
            moves, moved = (torch.from_numpy(kind(given)) for kind in (rep, out))
            with torch.no_grad():
                whole = _through(exact, noise, ends)
                errors = [
                    _through(exact, times(g, noise, 1, rep.size), ends) - times(h, whole, 1, out.size)
                    for g, h in zip(moves, moved, strict=True)
                ]
                scale = float(torch.linalg.vector_norm(whole)) or 1.0
                found[rep] = np.array([float(torch.linalg.vector_norm(error)) / scale for error in errors])
        return found

    def _run(self, x: torch.Tensor, index: int, function: Function) -> torch.Tensor:
        """`mapped` for the fields of one run, in all periods."""
        count, number = self.runs[index]
        if not number:
            return function(x)
        fields = self.repeats * count
        samples = times(getattr(self, f"synthesis{number}"), x, fields, self.widths[index] // count)
        return times(getattr(self, f"analysis{number}"), function(samples), fields, self.nodes[number])


def _through(function: Function, x: torch.Tensor, ends: list[torch.Tensor]) -> torch.Tensor:
    """A f(S x) of one field x (batch, size, ...), for the matrices S and A."""
    synthesis, analysis = ends
    return times(analysis, function(times(synthesis, x, 1, synthesis.shape[1])), 1, len(synthesis))


def times(matrix: torch.Tensor, x: torch.Tensor, fields: int, size: int) -> torch.Tensor:
    """(batch, fields * n, ...): a matrix (n, size) times each field of x (batch, fields * size, ...)."""
    matrix = matrix.to(x.dtype)
    if not isinstance(x, torch.Tensor):  # a tracer does not know the number of axes
        spread = x.unsqueeze(-1)  # type: ignore[unreachable] # so that there is one to flatten
        flat = spread.unflatten(1, (fields, size)).flatten(3)
        return torch.matmul(matrix, flat).flatten(1, 2).unflatten(2, spread.shape[2:]).squeeze(-1)
    batch, space = x.shape[0], x.shape[2:]
    if x.dim() == 2:
        return (x.reshape(batch * fields, size) @ matrix.T).reshape(batch, fields * len(matrix))
    flat = x.reshape(batch * fields, size, space.numel())
    return torch.bmm(matrix.expand(batch * fields, -1, -1), flat).reshape(batch, fields * len(matrix), *space)
