"""Rings moved to the nearest filters that a grid can steer."""

import functools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..._linalg import orthonormal_columns
from ..._values import Array, frozen, is_real, require_count
from ...errors import KernelError
from ...reps import Group, group, harmonic_size
from ..cache._descriptor import Descriptor
from ..cache._fetch import fetch
from ._aliasing import Ball, energies, nyquist, require_fraction, steerable_response, total_energy
from ._functions import Aliasing
from ._grid import Grid, require_grid
from ._radial import Rings
from ._stencils import Stencils
from ._wigner_eckart import harmonic

BAND_LIMIT, NOISE = 0.5, 2e-5
"""With less noise errors fall, and filters of a degree grow alike: a grid of 5 x 5 steers one of degree 2 well, and two
not so well. docs/theory/aliasing.md has the errors."""
TAIL, REACH = 1e-2, 1.5
"""Weight of waves above the band limit, and up to how many times the limit. Without them filters are worse than rings
at 3/4 of the Nyquist frequency; with more of them the error in the band grows."""
TOLERANCE, APART = 0.1, 0.1
"""Largest error, where rings themselves have 0.08 on the band; and the least part of a filter of unit norm that is no
combination of the others of its degree, where those of rings have 0.4 to 0.8."""


class Multiplets(NamedTuple):
    """Filters of one degree, one for each ring.

    Attributes:
        filters: (n, m, harmonic), of the norm that the samples of the ring have.
        errors: (n,), as of `Aliasing`; 1 where a ring has no samples.
        noise_gains: (n,).
    """

    filters: Array
    errors: Array
    noise_gains: Array


@dataclass(frozen=True)
class MultipletDescriptor(Descriptor[Multiplets]):
    """What is solved and cached: the filters of one degree that are nearest to rings on a grid.

    Args:
        grid: where filters are sampled.
        degree: of the harmonics.
        radii: of the rings.
        widths: of the rings.
        band_limit: as of `LeastAliasing`.
        noise: as of `LeastAliasing`.
    """

    grid: Grid
    degree: int
    radii: tuple[float, ...]
    widths: tuple[float, ...]
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
        rings = Rings(self.radii, self.widths, (self.degree,) * len(self.radii))
        size = harmonic_size(points.shape[1], self.degree)
        wanted = rings.sample(points).reshape(len(self.radii), -1, len(points))[:, -size:].transpose(0, 2, 1)
        basis, lost = _lost_energy(self.grid, self.degree, ball)
        start = np.einsum("axi,kxi->ak", basis, wanted, optimize=True)
        found = np.linalg.solve(np.eye(len(basis)) + lost / self.noise, start)
        filters = np.einsum("ak,axi->kxi", found, basis, optimize=True)
        norms = [np.linalg.norm(each, axis=(1, 2)) for each in (wanted, filters)]
        there = norms[1] > 0
        filters *= np.divide(norms[0], norms[1], out=np.zeros_like(norms[0]), where=there)[:, None, None]
        energy, missed = energies(filters, points, self.degree, ball)
        errors = np.sqrt(np.divide(missed, energy, out=np.ones_like(energy), where=there))
        gains = np.divide(norms[0] ** 2, energy, out=np.full_like(energy, math.inf), where=there)
        return Multiplets(frozen(filters), frozen(errors), frozen(gains))

    def to_arrays(self, value: Multiplets) -> tuple[dict[str, Array], dict[str, str]]:
        return {str(i): array for i, array in enumerate(value)}, {}

    def from_arrays(self, arrays: dict[str, Array], texts: dict[str, str]) -> Multiplets:
        found = Multiplets(*(frozen(arrays[str(i)]) for i in range(len(Multiplets._fields))))
        n, shape = len(self.radii), (len(self.grid.points), harmonic_size(len(self.grid.shape), self.degree))
        if found.filters.shape != (n, *shape) or not found.errors.shape == found.noise_gains.shape == (n,):
            raise ValueError(f"filters have the shape {found.filters.shape}")
        return found


@dataclass(frozen=True)
class LeastAliasing(Stencils):
    """Rings moved to the nearest filters that a grid can steer.

    The samples r of a ring and its harmonics of degree L are a multiplet of filters, one for each harmonic. A multiplet
    F has a response H(omega) to the wave exp(i omega.x), of which the projection P on h(|omega|) Y_L(omega / |omega|)
    is steerable. The filters here are the samples that::

        minimise  noise |F - r|^2 + <|H - P H|^2>,

    then of the norm of r, where < > is the mean over waves, uniform in the ball of frequencies up to the band limit,
    and with a hundredth of the weight up to 1.5 times that: one linear system for each degree. The symmetries of the
    grid turn them exactly; at other angles the error is that of `aliasing`, on average a tenth of that of rings, at
    nearly the same response to noise.

    The functions are defined on the samples of the grid alone. Turned filters are combinations of those of their
    multiplet. Of a dilated kernel the samples are the pixels.

    Args:
        rings: the rings to start from.
        grid: where filters are sampled.
        band_limit: the highest frequency, as a fraction of the Nyquist frequency of the coarsest axis.
        noise: weight of the distance from the rings, as the energy of white noise in each pixel relative to that of the
            waves there.

    Raises:
        KernelError: no rings, no grid, or a value out of range.

    Source:
        Rings: Weiler, Cesa 2019, "General E(2)-equivariant steerable CNNs". Filters that are steerable in the sense of
        least squares: Freeman, Adelson 1991, "The design and use of steerable filters"; Simoncelli, Farid 1996,
        "Steerable wedge filters for local orientation analysis".

    Example:
        >>> import steer
        >>> grid = steer.kernels.Grid((5, 5))
        >>> filters = steer.kernels.LeastAliasing.for_grid(grid)
        >>> filters.rings == steer.kernels.Rings.for_grid(grid)
        True
        >>> for functions in (filters, filters.rings):  # errors of the last ring, in per cent
        ...     print([round(100 * found.error, 2) for found in steer.kernels.aliasing(functions, grid)[4:]])
        [0.05, 0.1, 0.11, 0.36]
        [2.17, 1.5, 2.45, 7.72]
    """

    rings: Rings
    grid: Grid
    band_limit: float = BAND_LIMIT
    noise: float = NOISE

    def __post_init__(self) -> None:
        if not isinstance(self.rings, Rings):
            raise KernelError(f"rings: expected steer.kernels.Rings, got {self.rings!r}")
        _lattice_group(require_grid(self.grid))
        object.__setattr__(self, "band_limit", require_fraction("band_limit", self.band_limit))
        object.__setattr__(self, "noise", _require_noise(self.noise))

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
        """Those from the rings of `Rings.for_grid` that the grid can steer within a tolerance, and tell apart.

        Args:
            grid: where filters are sampled.
            max_frequency: cap on the degrees. Above those of the rings, which are the default, the last ring gets more
                degrees, as long as these are within the tolerance.
            band_limit: the highest frequency, as a fraction of the Nyquist frequency of the coarsest axis.
            noise: weight of the distance from the rings.
            tolerance: the largest error, on the waves that filters are made for; 0.1 is 10%.

        Returns:
            The filters.

        Raises:
            KernelError: `max_frequency` is not an integer from 0 to what the grid carries, or a value is out of range.
        """
        _lattice_group(require_grid(grid))
        band_limit, noise = require_fraction("band_limit", band_limit), _require_noise(noise)
        if not is_real(tolerance) or not 0 <= tolerance <= 1:
            raise KernelError(f"tolerance: expected an error from 0 to 1, got {tolerance!r}")
        rings = Rings.for_grid(grid)
        if max_frequency is not None:
            cap = require_count("max_frequency", max_frequency, KernelError)
            rings = rings.capped(cap)
            if cap > rings.max_frequency and len(grid.shape) > 1:
                rings = Rings(rings.radii, rings.widths, (*rings.limits[:-1], min(cap, len(grid.points))))
        tried = cls(rings, grid, band_limit, noise)
        within = {block for block in tried.apart if tried.quality(*block[::-1]).error <= tolerance}
        limits = [_leading(ring, limit, within) for ring, limit in enumerate(rings.limits)]
        kept = [(*ring, limit) for *ring, limit in zip(rings.radii, rings.widths, limits, strict=True) if limit >= 0]
        if not kept:
            raise KernelError(f"tolerance: {grid!r} has no filter within {tolerance}; allow a larger error")
        found = Rings(*zip(*kept, strict=True))
        if max_frequency is not None and found.max_frequency < max_frequency:
            size = " x ".join(map(str, grid.shape))
            raise KernelError(
                f"max_frequency: a {size} kernel carries frequencies from 0 to {found.max_frequency}, got "
                f"{max_frequency}; take a larger kernel_size, or LeastAliasing.for_grid with a larger tolerance"
            )
        return cls(found, grid, band_limit, noise)

    def capped(self, max_frequency: int) -> "LeastAliasing":
        return LeastAliasing(self.rings.capped(max_frequency), self.grid, self.band_limit, self.noise)

    @property
    def max_frequency(self) -> int:
        """The highest degree."""
        return self.rings.max_frequency

    @property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """Ring and degree of each multiplet, in their order."""
        return self.rings.blocks

    @functools.cached_property
    def descriptors(self) -> tuple[MultipletDescriptor, ...]:
        found = []
        for degree in range(self.max_frequency + 1):
            rings = self._rings_of(degree)
            radii, widths = ([values[ring] for ring in rings] for values in (self.rings.radii, self.rings.widths))
            found.append(
                MultipletDescriptor(self.grid, degree, tuple(radii), tuple(widths), self.band_limit, self.noise)
            )
        return tuple(found)

    @property
    def defined_on(self) -> Grid:
        return self.grid

    def require(self, group: Group) -> None:
        super().require(group)
        if group.dim != len(self.grid.shape):
            raise KernelError(f"grid: expected {group.dim} sizes for {group.name}, got {self.grid!r}")

    def quality(self, degree: int, ring: int) -> Aliasing:
        solved, place = fetch(self.descriptors[degree]), self._rings_of(degree).index(ring)
        return Aliasing(degree, ring, float(solved.errors[place]), float(solved.noise_gains[place]))

    @property
    def apart(self) -> list[tuple[int, int]]:
        """Ring and degree of the filters that are no combinations of those of the same degree on rings further out."""
        found = []
        for degree, descriptor in enumerate(self.descriptors):
            filters = fetch(descriptor).filters.reshape(len(descriptor.radii), -1)
            others = np.zeros((0, filters.shape[1]))
            for ring, each in list(zip(self._rings_of(degree), filters, strict=True))[::-1]:
                rest = each - others.T @ (others @ each)
                if float(np.linalg.norm(rest)) > APART * float(np.linalg.norm(each)):
                    others = np.concatenate([others, rest[None] / np.linalg.norm(rest)])
                    found.append((ring, degree))
        return found

    def _rings_of(self, degree: int) -> list[int]:
        """The rings that have a degree."""
        return [ring for ring, limit in enumerate(self.rings.limits) if limit >= degree]

    @functools.cached_property
    def stencils(self) -> tuple[Array, ...]:
        """For each block, its filters (harmonic, m)."""
        solved = [fetch(descriptor) for descriptor in self.descriptors]
        return tuple(solved[degree].filters[self._rings_of(degree).index(ring)].T for ring, degree in self.blocks)

    @property
    def only(self) -> tuple[str, str]:
        return f"the filters of least aliasing are defined on the samples of {self.grid!r}", "basis='rings'"


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


@functools.lru_cache(maxsize=16)
def _lost_energy(grid: Grid, degree: int, ball: Ball) -> tuple[Array, Array]:
    """A basis (n, m, harmonic) of the multiplets of a degree, and the mean square (n, n) of what it cannot steer."""
    points, basis = grid.points, symmetric_multiplets(grid, degree)
    frequencies, weights = ball.nodes(points.shape[1], float(np.linalg.norm(points, axis=1).max()))
    response = np.einsum("qxi,axi->qa", steerable_response(points, degree, frequencies), basis, optimize=True)
    moved = np.einsum("xy,byi->bxi", total_energy(points, ball), basis, optimize=True)
    total = np.einsum("axi,bxi->ab", basis, moved, optimize=True)
    return frozen(basis), frozen(total - (response * weights[:, None]).T @ response)


def _leading(ring: int, limit: int, within: set[tuple[int, int]]) -> int:
    """The degree up to which all of a ring are within the tolerance; -1 if 0 is not."""
    return next((degree for degree in range(limit + 1) if (ring, degree) not in within), limit + 1) - 1


def _require_noise(noise: object) -> float:
    if not is_real(noise) or not 0 < noise < math.inf:
        raise KernelError(f"noise: expected a finite number > 0, got {noise!r}")
    return float(noise)
