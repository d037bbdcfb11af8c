"""Filters that a grid can steer best: the solutions of an eigenproblem on its samples, for each degree of harmonics."""

import functools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..._linalg import fix_sign, orthonormal_columns
from ..._values import Array, as_numbers, as_tuple, frozen, is_real, require_count
from ...errors import KernelError, ShapeError
from ...reps import Group, group, harmonic_size
from ..cache._descriptor import Descriptor
from ..cache._fetch import fetch
from ._aliasing import (
    Ball,
    energies,
    nyquist,
    require_fraction,
    share_of_ball,
    steerable_response,
    total_energy,
)
from ._angular import AngularFunctions
from ._functions import Aliasing
from ._grid import Grid, require_grid
from ._wigner_eckart import harmonic

BAND_LIMIT, NOISE = 0.5, 2e-5
TAIL, REACH = 1e-3, 1.5
"""Density of waves above the band limit, and up to how many times the limit. Without them filters of 7 x 7 and larger
are worse than rings at 3/4 of the Nyquist frequency, with more of them the error in the band grows."""
TOLERANCE = 0.1
"""Rings are within 8% on the same band; most filters that the grid cannot steer are far above."""


class Multiplets(NamedTuple):
    """Filters of one degree, the most steerable first.

    Attributes:
        filters: (n, m, harmonic), of a squared norm, on average over the harmonics, that is the share of their response
            to white noise which is in the band.
        errors: (n,), as of `Aliasing`.
        noise_gains: (n,).
    """

    filters: Array
    errors: Array
    noise_gains: Array


@dataclass(frozen=True)
class MultipletDescriptor(Descriptor[Multiplets]):
    """What is solved and cached: all filters of a degree on a grid that the symmetries of the grid turn exactly.

    Args:
        grid: where filters are sampled.
        degree: of the harmonics.
        band_limit: as of `LeastAliasing`.
        noise: as of `LeastAliasing`.
    """

    grid: Grid
    degree: int
    band_limit: float
    noise: float

    @property
    def group(self) -> Group:
        return _lattice_group(self.grid)

    @property
    def cost(self) -> float:
        return float(len(self.grid.points) ** 2 * harmonic_size(len(self.grid.shape), self.degree)) / 4

    @property
    def ball(self) -> Ball:
        """The waves that filters are made for."""
        limit = self.band_limit * nyquist(self.grid)
        return Ball(limit, TAIL, min(REACH * limit, nyquist(self.grid)))

    def compute(self) -> Multiplets:
        points, ball = self.grid.points, self.ball
        basis = symmetric_multiplets(self.grid, self.degree)
        size = basis.shape[-1]
        if not len(basis):
            return Multiplets(np.zeros((0, len(points), size)), np.zeros(0), np.zeros(0))
        radius = float(np.linalg.norm(points, axis=1).max())
        frequencies, weights = ball.nodes(points.shape[1], radius)
        response = np.einsum("qxi,axi->qa", steerable_response(points, self.degree, frequencies), basis, optimize=True)
        steerable = (response * weights[:, None]).T @ response
        moved = np.einsum("xy,byi->bxi", total_energy(points, ball), basis, optimize=True)
        total = np.einsum("axi,bxi->ab", basis, moved, optimize=True)
        noise = self.noise * (2 * self.band_limit) ** 2
        values, vectors = _generalised(steerable, total + noise * np.eye(len(basis)))
        filters = np.einsum("ak,axi->kxi", vectors[:, np.argsort(-values, kind="stable")], basis, optimize=True)
        filters *= math.sqrt(size) / np.linalg.norm(filters, axis=(1, 2), keepdims=True)
        filters = np.stack([fix_sign(each) for each in filters])
        energy, lost = energies(filters, points, self.degree, ball)
        shares = energy / size * share_of_ball(self.grid, ball.limit)
        scaled = filters * np.sqrt(shares)[:, None, None]
        return Multiplets(frozen(scaled), frozen(np.sqrt(lost / energy)), frozen(size / energy))

    def to_arrays(self, value: Multiplets) -> tuple[dict[str, Array], dict[str, str]]:
        return {str(i): array for i, array in enumerate(value)}, {}

    def from_arrays(self, arrays: dict[str, Array], texts: dict[str, str]) -> Multiplets:
        found = Multiplets(*(frozen(arrays[str(i)]) for i in range(len(Multiplets._fields))))
        n, shape = len(found.errors), (len(self.grid.points), harmonic_size(len(self.grid.shape), self.degree))
        if found.filters.shape != (n, *shape) or found.noise_gains.shape != (n,):
            raise ValueError(f"filters have the shape {found.filters.shape}")
        return found


@dataclass(frozen=True)
class LeastAliasing(AngularFunctions):
    """The filters of a grid whose response to waves below a band limit is the most steerable.

    For each degree L a multiplet of filters, one for each harmonic, has a response H(omega) to the wave exp(i omega.x).
    Those of the highest ratio of steerable to total energy are wanted::

        maximise  <|P H|^2>  /  ( <|H|^2> + noise (2 band_limit)^2 |F|^2 ),

    with P the projection on h(|omega|) Y_L(omega / |omega|) and < > the mean over waves, uniform in the ball of
    frequencies up to the band limit, with a weight of 0.001 up to 1.5 times that. It is a generalised symmetric
    eigenproblem on the samples. The noise term keeps out filters of small response that cancel large samples. The
    symmetries of the grid turn solutions exactly; at other angles the error is that of `aliasing`, a tenth of that of
    rings or less.

    The squared norm of a filter is the share of its response to white noise which is in the band, nearly 1 of smooth
    filters: fresh coefficients of one size then make networks that hear little of what the grid cannot turn.

    The functions are defined on the samples of the grid alone. Turned filters are combinations of those of their
    multiplet. `for_grid` gives those that the grid can steer. Of a dilated kernel the samples are the pixels.

    Args:
        grid: where filters are sampled.
        counts: number of filters of each degree from 0 on.
        band_limit: the highest frequency, as a fraction of the Nyquist frequency of the coarsest axis.
        noise: white noise in each pixel, relative to the mean energy of the waves there.

    Raises:
        KernelError: no grid, more filters of a degree than the grid has, or a value out of range.

    Source:
        Generalised eigenproblems for filters of most energy in a band are Slepian's (1978, "Prolate spheroidal wave
        functions, V"); for steerable ones see Simoncelli, Farid 1996, "Steerable wedge filters for local orientation
        analysis".

    Example:
        >>> import steer
        >>> filters = steer.kernels.LeastAliasing.for_grid(steer.kernels.Grid((5, 5)))
        >>> filters.counts
        (3, 2, 2, 1, 1)
        >>> [round(100 * found.error, 2) for found in steer.kernels.aliasing(filters, (5, 5))[:2]]  # in per cent
        [0.01, 0.1]
    """

    grid: Grid
    counts: tuple[int, ...]
    band_limit: float = BAND_LIMIT
    noise: float = NOISE

    def __post_init__(self) -> None:
        require_grid(self.grid)
        counts = as_tuple("counts", self.counts, KernelError, "a tuple with the number of filters of each degree")
        counts = tuple(require_count("counts", count, KernelError) for count in counts)
        while counts and not counts[-1]:
            counts = counts[:-1]
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "band_limit", require_fraction("band_limit", self.band_limit))
        object.__setattr__(self, "noise", _require_noise(self.noise))
        if not counts:
            raise KernelError("counts: expected a filter of some degree, got none")
        for degree, count in enumerate(counts):
            if count and count > (n := len(self._solved(degree).errors)):
                raise KernelError(f"counts: {self.grid!r} has {n} filters of degree {degree}, got {count}")

    @classmethod
    def for_grid(
        cls,
        grid: Grid,
        max_frequency: int | None = None,
        *,
        band_limit: float = BAND_LIMIT,
        noise: float = NOISE,
        tolerance: float = TOLERANCE,
    ) -> "LeastAliasing":
        """All filters that a grid can steer within a tolerance, up to the first degree that has none.

        Args:
            grid: where filters are sampled.
            max_frequency: cap on the degrees; by default what the grid carries.
            band_limit: the highest frequency, as a fraction of the Nyquist frequency of the coarsest axis.
            noise: white noise in each pixel, relative to the mean energy of the waves there.
            tolerance: the largest error, on the waves that filters are made for; 0.1 is 10%.

        Returns:
            The filters.

        Raises:
            KernelError: `max_frequency` is not an integer from 0 to what the grid carries, or a value is out of range.
        """
        require_grid(grid)
        band_limit, noise = require_fraction("band_limit", band_limit), _require_noise(noise)
        if not is_real(tolerance) or not 0 <= tolerance <= 1:
            raise KernelError(f"tolerance: expected an error from 0 to 1, got {tolerance!r}")
        cap = None if max_frequency is None else require_count("max_frequency", max_frequency, KernelError)
        counts: list[int] = []
        top = 1 if len(grid.shape) == 1 else math.inf  # degrees of harmonics on a line
        while len(counts) <= min(top, math.inf if cap is None else cap):
            errors = fetch(MultipletDescriptor(grid, len(counts), band_limit, noise)).errors
            if not (found := _leading(errors, tolerance)):
                break
            counts.append(found)
        if not counts:
            raise KernelError(f"tolerance: {grid!r} has no filter within {tolerance}; allow a larger error")
        if cap is not None and cap >= len(counts):
            size = " x ".join(map(str, grid.shape))
            raise KernelError(
                f"max_frequency: a {size} kernel carries frequencies from 0 to {len(counts) - 1}, got {cap}; take a "
                f"larger kernel_size, or LeastAliasing.for_grid with a larger tolerance"
            )
        return cls(grid, tuple(counts), band_limit, noise)

    def capped(self, max_frequency: int) -> "LeastAliasing":
        cap = require_count("max_frequency", max_frequency, KernelError)
        return LeastAliasing(self.grid, self.counts[: cap + 1], self.band_limit, self.noise)

    @property
    def max_frequency(self) -> int:
        """The highest degree."""
        return len(self.counts) - 1

    @functools.cached_property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """Number in its degree, and degree, of each multiplet, in their order."""
        return tuple((ring, degree) for degree, count in enumerate(self.counts) for ring in range(count))

    @property
    def descriptors(self) -> tuple[MultipletDescriptor, ...]:
        return tuple(
            MultipletDescriptor(self.grid, degree, self.band_limit, self.noise)
            for degree, count in enumerate(self.counts)
            if count
        )

    @property
    def defined_on(self) -> Grid:
        return self.grid

    def require(self, group: Group) -> None:
        super().require(group)
        if group.dim != len(self.grid.shape):
            raise KernelError(f"grid: expected {group.dim} sizes for {group.name}, got {self.grid!r}")

    def quality(self, degree: int, ring: int) -> Aliasing:
        solved = self._solved(degree)
        return Aliasing(degree, ring, float(solved.errors[ring]), float(solved.noise_gains[ring]))

    def sample(self, points: npt.ArrayLike) -> Array:
        """The functions at points that are samples of the kernel, by degree, then number, then harmonic.

        Args:
            points: (..., d), in pixels.

        Returns:
            (count, ...), float64.

        Raises:
            KernelError: a point is not within 1e-6 of a sample.
        """
        taken = self._positions(points)
        return np.concatenate([stencil[:, taken] for stencil in self._stencils])

    def turned(self, group: Group, elements: Array, points: Array) -> Array:
        """The functions moved by group elements: their values at g^-1 x.

        Args:
            group: the group.
            elements: g (n, ...), elements of the group.
            points: x (m, d), samples of the kernel.

        Returns:
            (count, n, m), float64.

        Raises:
            GroupError: an element is not in the group.
            KernelError: a point is not within 1e-6 of a sample.
        """
        taken, out = self._positions(points), []
        for (_, degree), stencil in zip(self.blocks, self._stencils, strict=True):
            out.append(np.einsum("gji,jm->igm", harmonic(group, degree)(elements), stencil[:, taken]))
        return np.concatenate(out)

    @functools.cached_property
    def _stencils(self) -> tuple[Array, ...]:
        """For each block, its filters (harmonic, m)."""
        return tuple(self._solved(degree).filters[ring].T for ring, degree in self.blocks)

    def _solved(self, degree: int) -> Multiplets:
        return fetch(MultipletDescriptor(self.grid, degree, self.band_limit, self.noise))

    def _positions(self, points: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """(...): the positions of points (..., d) in a flattened kernel."""
        found = self.grid.positions(as_numbers("points", points, ShapeError))
        if np.any(found < 0):
            raise KernelError(
                f"points: the filters of least aliasing are defined on the samples of {self.grid!r} only, got others; "
                f"use basis='rings' to sample elsewhere"
            )
        return found


def symmetric_multiplets(grid: Grid, degree: int) -> Array:
    """(n, m, harmonic): an orthonormal basis of all F with F(s x) = D(s) F(x) for the symmetries s of the grid.

    One for each vector that the stabiliser of a first point fixes, moved along the point's orbit.
    """
    acting = _lattice_group(grid)
    elements = acting.elements
    places = grid.positions(np.einsum("gij,mj->gmi", acting.action(elements), grid.points))
    own = np.all(places >= 0, axis=1)
    elements, places = elements[own], places[own]
    turns = harmonic(acting, degree)(elements)
    size, m = turns.shape[-1], len(grid.points)
    found: list[Array] = []
    seen = np.zeros(m, dtype=bool)
    for first in range(m):
        if seen[first]:
            continue
        projector = turns[places[:, first] == first].mean(axis=0)
        rank = round(float(np.trace(projector)))
        for vector in orthonormal_columns(iter(projector.T), rank, size):
            multiplet = np.zeros((m, size))
            multiplet[places[:, first]] = turns @ vector
            found.append(multiplet / np.linalg.norm(multiplet))
        seen[places[:, first]] = True
    return np.asarray(found).reshape(-1, m, size)


def _lattice_group(grid: Grid) -> Group:
    """The symmetries of the lattice of a grid about a point; those of the grid itself are some of them."""
    dim = len(grid.shape)
    if dim not in (1, 2, 3):
        raise KernelError(f"grid: expected 1 to 3 axes of space, got {grid!r}; use basis='rings'")
    return group(("D1", "D6" if grid.lattice == "hexagonal" else "D4", "Oh")[dim - 1], dim=dim)


def _generalised(a: Array, b: Array) -> tuple[Array, Array]:
    """Eigenvalues, and eigenvectors in columns, of a v = lambda b v, for a symmetric and b positive definite."""
    root = np.linalg.inv(np.linalg.cholesky(b))
    values, vectors = np.linalg.eigh(root @ a @ root.T)
    return values, root.T @ vectors


def _leading(errors: Array, tolerance: float) -> int:
    """How many of the first errors are within a tolerance, up to the first that is not."""
    over = np.flatnonzero(errors > tolerance)
    return int(over[0]) if over.size else len(errors)


def _require_noise(noise: object) -> float:
    if not is_real(noise) or not 0 < noise < math.inf:
        raise KernelError(f"noise: expected a finite number > 0, got {noise!r}")
    return float(noise)
