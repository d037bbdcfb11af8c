"""Kernels on the sampling grid itself, one orbit of its points at a time, for groups that map the grid to itself."""

import functools
import json
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..._linalg import commuting
from ..._values import Array, frozen
from ...errors import KernelError
from ...reps import Group, Representation, intertwiners
from ..cache._descriptor import Descriptor
from ..cache._fetch import fetch
from ._functions import Element, ScalarFunctions
from ._grid import Grid, require_grid

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Pixels(ScalarFunctions):
    """The functions that are 1 at one point of a grid and 0 elsewhere: kernels on the grid, with no model in between.

    They are all kernels there are on the grid, for a group that maps it to itself by turns about its centre, which lies
    between samples for even sizes. Of regular fields they are the group convolutions of Cohen, Welling 2016.

    The function of a point has the degree 0, the ring of its position in `grid.points` and the copy 0. It is 1 within
    1e-6 of the point (see `Grid.positions`), so that turned points are met in spite of rounding.

    Args:
        grid: the grid.

    Raises:
        KernelError: `grid` is not a `Grid`.
    """

    grid: Grid

    def __post_init__(self) -> None:
        if not isinstance(self.grid, Grid):
            raise KernelError(f"grid: expected a Grid, got {self.grid!r}; make one of a shape with Pixels.for_kernel")

    @classmethod
    def for_kernel(cls, shape: tuple[int, ...]) -> "Pixels":
        """The pixels of a kernel of shape ([z,] y, x).

        Args:
            shape: kernel shape ([z,] y, x).

        Returns:
            The functions.

        Raises:
            KernelError: the shape is not a tuple of integers >= 1.
        """
        return cls(Grid(shape))

    @classmethod
    def for_grid(cls, grid: Grid, max_frequency: int | None = None) -> "Pixels":
        if max_frequency is not None:
            raise KernelError(f"max_frequency: pixels have no harmonics to cap, got {max_frequency}; leave it out")
        return cls(require_grid(grid))

    def count(self, dim: int) -> int:
        return len(self.grid.points)

    def names(self, dim: int) -> tuple[tuple[int, int, int], ...]:
        return tuple((0, position, 0) for position in range(self.count(dim)))

    def sample(self, points: npt.ArrayLike) -> Array:
        """The functions at given points, in the order of `grid.points`.

        Args:
            points: (..., d), in pixels.

        Returns:
            (count, ...), float64: 0 or 1.

        Raises:
            KernelError: the points have another number of coordinates than the grid.
        """
        positions = self.grid.positions(points)
        order = np.arange(len(self.grid.points)).reshape(-1, *(1,) * positions.ndim)
        return np.asarray(positions == order, dtype=np.float64)

    def action(self, group: Group, elements: Array) -> Array | None:
        places = self.grid.positions(np.einsum("gij,mj->gmi", group.action(elements), self.grid.points))
        return np.asarray(places[:, None, :] == np.arange(len(self.grid.points))[:, None], dtype=np.float64)

    def _is_mapped_by(self, group: Group) -> bool:
        return maps_grid(self.grid, group)

    def require(self, group: Group) -> None:
        """Raise an error unless every element of the group maps the grid to itself.

        Args:
            group: the group.

        Raises:
            KernelError: some do not, or the group does not act on the space of the grid.
        """
        shape = self.grid.shape
        if group.dim != len(shape):
            raise KernelError(
                f"grid: {group!r} acts on {group.dim}-dimensional space, got a grid of shape {shape}; "
                f"pass {group.dim} sizes"
            )
        if self._is_mapped_by(group):
            return
        # Oh, the largest finite group of a cubic grid, has 48 elements
        fitting = [small for small in group.subgroups(48) if small.order > 1 and self._is_mapped_by(small)]
        smaller = f", or restrict the types to a subgroup that does, such as {fitting[-1]!r}" if fitting else ""
        raise KernelError(
            f"basis: {group!r} does not map {self.grid!r} to itself, so it has no pixel kernels; "
            f"use basis='rings', which has kernels of every group{smaller}"
        )

    def form(self, in_rep: Representation, out_rep: Representation) -> "PixelForm":
        return PixelForm(in_rep, out_rep, self)

    @property
    def defined_on(self) -> Grid:
        return self.grid

    @property
    def reach(self) -> str:
        return "of any kind"


class PixelOrbit(NamedTuple):
    """The points of the grid to which a group takes the first of them, by the nodes of a quadrature of the group."""

    points: Indices  # positions in the grid, in their order
    movers: Indices  # for each point, the first node that takes the first point to it
    stabiliser: Indices  # the nodes that fix the first point


@dataclass(frozen=True)
class PixelDescriptor(Descriptor[tuple[Array, ...]]):
    """What is solved and cached: the kernels at the first points of all orbits of a grid, (n, out, in) of each."""

    in_rep: Representation
    out_rep: Representation
    grid: Grid

    @property
    def group(self) -> Group:
        return self.in_rep.group

    @property
    def cost(self) -> float:
        return float(self.in_rep.size**2 * self.out_rep.size**2 + len(self.grid.points))

    @functools.cached_property
    def _haar(self) -> tuple[Array, Array]:
        # The part of an exact quadrature in a union of connected components, here the stabiliser, is exact for it.
        return self.group.haar(0 if self.group.is_finite else self.in_rep._degree + self.out_rep._degree)

    @property
    def nodes(self) -> Array:
        """The nodes of a quadrature of the group that is exact for the two representations."""
        return self._haar[0]

    @property
    def orbits(self) -> tuple[PixelOrbit, ...]:
        """The orbits of the grid under the nodes."""
        return _orbits(self.grid, self.group, 0 if self.group.is_finite else self.in_rep._degree + self.out_rep._degree)

    def compute(self) -> tuple[Array, ...]:
        solved: dict[bytes, Array] = {}  # many orbits have one stabiliser
        for _, _, stabiliser in self.orbits:
            key = stabiliser.tobytes()
            if key not in solved:
                solved[key] = frozen(self._commuting(stabiliser))
        return tuple(solved[orbit.stabiliser.tobytes()] for orbit in self.orbits)

    def _commuting(self, stabiliser: Indices) -> Array:
        """(n, out, in): the matrices that commute with the nodes of a stabiliser."""
        size_out, size_in = self.out_rep.size, self.in_rep.size
        if len(stabiliser) == 1:  # the identity, or what acts like it: the gauge rule gives the matrix units
            return np.eye(size_out * size_in).reshape(-1, size_out, size_in)
        nodes, weights = self._haar
        if len(stabiliser) == len(nodes):
            return intertwiners(self.in_rep, self.out_rep)
        at_in, at_out = (rep(nodes[stabiliser]) for rep in (self.in_rep, self.out_rep))
        return commuting(at_in, at_out, weights[stabiliser] / np.sum(weights[stabiliser]))

    def to_arrays(self, value: tuple[Array, ...]) -> tuple[dict[str, Array], dict[str, str]]:
        distinct = list({id(kernels): kernels for kernels in value}.values())
        number = {id(kernels): i for i, kernels in enumerate(distinct)}
        return dict(zip(map(str, range(len(distinct))), distinct, strict=True)), {
            "orbits": json.dumps([number[id(kernels)] for kernels in value])
        }

    def from_arrays(self, arrays: dict[str, Array], texts: dict[str, str]) -> tuple[Array, ...]:
        kernels = {name: frozen(array) for name, array in arrays.items()}
        found = tuple(kernels[str(int(number))] for number in json.loads(texts["orbits"]))
        if len(found) != len(self.orbits) or any(
            array.ndim != 3 or array.shape[1:] != (self.out_rep.size, self.in_rep.size) for array in found
        ):
            raise ValueError("its arrays are not those of the orbits of the grid")
        return found


class PixelForm:
    """All kernels on the grid: for each orbit, Hom(in, out) of the stabiliser of its first point x, moved by the group.

    A kernel is fixed by Q = K(x), which commutes with the stabiliser, and K(g x) = out(g) Q in(g)^T whatever g takes x
    to a point; for regular representations this is Cohen, Welling 2016, eq. 10 and 11. Kernels go by orbit, and then in
    the gauge of `intertwiners`. They are orthonormal: the sum of their products over all entries and points is 1 or 0.

    The elements are named by the trivial irrep, since the kernels of an orbit are not split by irreps of the
    stabiliser: degree, parts and copy are 0, the ring counts the orbits, by their first points in the order of the
    grid, and the multiplicity counts the kernels of one orbit.
    """

    def __init__(self, in_rep: Representation, out_rep: Representation, functions: Pixels) -> None:
        self.in_rep, self.out_rep, self.functions = in_rep, out_rep, functions
        self.descriptor = PixelDescriptor(in_rep, out_rep, functions.grid)

    @property
    def orbits(self) -> tuple[PixelOrbit, ...]:
        """The orbits of the grid, by their first points."""
        return self.descriptor.orbits

    @functools.cached_property
    def _kernels(self) -> tuple[Array, ...]:
        """(n, out, in) for each orbit: the kernels at its first point, orthonormal."""
        return fetch(self.descriptor)

    @functools.cached_property
    def elements(self) -> tuple[Element, ...]:
        label = self.in_rep.group.trivial.label
        found = ((orbit, n) for orbit, kernels in enumerate(self._kernels) for n in range(len(kernels)))
        return tuple(Element(label, 0, orbit, 0, 0, 0, n) for orbit, n in found)

    @functools.cached_property
    def spectrum(self) -> Array:
        """(len, out, in, pixel): the kernels on the grid."""
        shape = self.out_rep.size, self.in_rep.size, len(self.functions.grid.points)
        found = np.zeros((sum(map(len, self._kernels)), *shape))
        used = np.unique(np.concatenate([orbit.movers for orbit in self.orbits]))
        right, left = (rep(self.descriptor.nodes[used]) for rep in (self.in_rep, self.out_rep))
        start = 0
        for (points, movers, _), kernels in zip(self.orbits, self._kernels, strict=True):
            at = np.searchsorted(used, movers)
            moved = np.einsum("mop,npq,miq->noim", left[at], kernels, right[at], optimize=True)
            found[start : start + len(kernels), ..., points] = moved / math.sqrt(len(points))
            start += len(kernels)
        return frozen(found)

    def sample(self, points: Array) -> Array:
        positions = self.functions.grid.positions(points)
        return np.asarray(self.spectrum[..., positions] * (positions >= 0))

    def energies(self, points: Array) -> Array:
        return np.asarray(np.sum(self.sample(points) ** 2, axis=(1, 2, 3)))


@functools.lru_cache(maxsize=256)
def maps_grid(grid: Grid, group: Group) -> bool:
    """Whether every element of a group maps a grid to itself."""
    # Generators suffice: they are injective, so permute the grid. Those of a continuous group generate a dense
    # subgroup, whose identity component then fixes every point, because it is connected.
    turned = np.einsum("gij,mj->gmi", group.action(group.generators), grid.points)
    return bool(np.all(grid.positions(turned) >= 0))


@functools.lru_cache(maxsize=64)
def _orbits(grid: Grid, group: Group, max_degree: int) -> tuple[PixelOrbit, ...]:
    """The orbits of the grid under the nodes of a quadrature, by their first points."""
    moves = group.action(group.haar(max_degree)[0])
    turned = grid.positions(np.einsum("gij,mj->gmi", moves, grid.points))  # (node, point)
    found, seen = [], np.zeros(turned.shape[1], dtype=np.bool_)
    for first in range(turned.shape[1]):
        if seen[first]:
            continue
        points, movers = np.unique(turned[:, first], return_index=True)
        found.append(PixelOrbit(points, movers, np.flatnonzero(turned[:, first] == first)))
        seen[points] = True
    return tuple(found)
