"""How steerable sampled filters are: the response of a multiplet of filters to plane waves, and its steerable part.

A multiplet F: grid -> R^n of the harmonics of degree L has the response H(omega) = sum over x of F(x) exp(i omega.x).
Its steerable part is the projection of H on the fields h(|omega|) Y_L(omega / |omega|), in closed form by the expansion
of plane waves (Jacobi-Anger, Rayleigh): the mean of Y_L(omega / |omega|) exp(i omega.x) over directions of omega is
i^L j_L(|omega| |x|) Y_L(x / |x|), with j_L a Bessel function in the plane and a spherical one in space.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..._values import Array, Frozen, is_real
from ...errors import KernelError
from ...reps import harmonic_size, harmonics
from ._angular import AngularFunctions
from ._functions import Aliasing
from ._grid import Grid, require_grid

CENTRE = 1e-9
"""A sample nearer to the centre than this, in pixels, has no direction."""


@dataclass(frozen=True)
class Ball(Frozen):
    """Waves of all directions and of frequencies up to a limit, uniform in the ball |omega| <= limit.

    Args:
        limit: in radians per pixel.
        tail: density of waves outside of the limit relative to that inside.
        reach: how far out those go, in radians per pixel; at least the limit.
    """

    limit: float
    tail: float = 0.0
    reach: float = 0.0

    def shells(self, dim: int) -> tuple[tuple[float, float], ...]:
        """(radius, weight) of uniform balls whose weighted sum this is; the weights sum to 1."""
        found = ((self.limit, (1 - self.tail) * self.limit**dim), (self.reach, self.tail * self.reach**dim))
        total = sum(weight for _, weight in found)
        return tuple((radius, weight / total) for radius, weight in found if weight > 0)

    def nodes(self, dim: int, extent: float) -> tuple[Array, Array]:
        """Frequencies (n,) and weights (n,) of sum 1: a quadrature over |omega| for kernels of a radius in pixels."""
        radii, weights = [], []
        for radius, weight in self.shells(dim):
            t, q = np.polynomial.legendre.leggauss(16 + math.ceil(radius * extent))  # products of two waves
            rho = (t + 1) / 2
            radii.append(radius * rho)
            weights.append(weight * dim / 2 * q * rho ** (dim - 1))
        return np.concatenate(radii), np.concatenate(weights)


def total_energy(points: Array, ball: Ball) -> Array:
    """(m, m): the mean over waves of exp(i omega.(x - y)) of all pairs of points."""
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    _, first, where = np.unique(np.round(distances, 9), return_index=True, return_inverse=True)
    distance = distances.ravel()[first]
    dim = points.shape[1]
    values = sum(weight * _mean_wave(dim, radius * distance) for radius, weight in ball.shells(dim))
    return np.asarray(values)[where.reshape(len(points), -1)]


def steerable_response(points: Array, degree: int, frequencies: Array) -> Array:
    """(n, m, harmonic): the inner product of a multiplet with them is its steerable response at each frequency.

    The mean square over waves of that frequency is the square of the inner product.
    """
    radius = np.linalg.norm(points, axis=1)
    angular = directions(points, degree)
    waves = _wave(points.shape[1], degree, frequencies[:, None] * radius)
    return waves[..., None] * angular / math.sqrt(angular.shape[1])


def directions(points: Array, degree: int) -> Array:
    """(m, harmonic): the harmonics of a degree at the directions of points, zero at the centre unless constant."""
    if degree == 0:
        return np.ones((len(points), 1))
    found = np.zeros((len(points), harmonic_size(points.shape[1], degree)))
    apart = np.linalg.norm(points, axis=1) > CENTRE
    found[apart] = harmonics(points[apart], degree)
    return found


def energies(filters: Array, points: Array, degree: int, ball: Ball) -> tuple[Array, Array]:
    """The mean squares of the responses of multiplets (n, m, harmonic), and of the part that is not steerable: (n,)."""
    total = np.einsum("nxi,xy,nyi->n", filters, total_energy(points, ball), filters, optimize=True)
    frequencies, weights = ball.nodes(points.shape[1], float(np.linalg.norm(points, axis=1).max(initial=0.0)))
    steerable = np.einsum("qxi,nxi->qn", steerable_response(points, degree, frequencies), filters, optimize=True)
    return total, np.maximum(total - weights @ steerable**2, 0.0)


def aliasing(
    functions: AngularFunctions, grid: Grid | Sequence[int], *, band_limit: float = 0.5
) -> tuple[Aliasing, ...]:
    """How steerable functions are once they are sampled on a grid: error and noise gain of each ring and degree.

    The waves are uniform in the ball of frequencies up to the band limit. A layer of random coefficients misses
    equivariance by sqrt(2) times the error, at angles that the grid does not have: the parts of two outputs that are
    not steerable differ.

    Args:
        functions: rings, derivatives, or other radial functions times harmonics.
        grid: where they are sampled: a `Grid`, or its shape ([z,] y, x).
        band_limit: the highest frequency, as a fraction of the Nyquist frequency of the coarsest axis, pi per pixel.

    Returns:
        One of each block of the functions, in their order.

    Raises:
        KernelError: what is given are no such functions, no grid, or a band limit that is not in (0, 1].

    Example:
        >>> import steer
        >>> rings = steer.kernels.Rings.for_kernel((5, 5))
        >>> [round(100 * found.error, 1) for found in steer.kernels.aliasing(rings, (5, 5))]  # in per cent
        [0.1, 0.2, 0.5, 2.0, 2.2, 1.5, 2.4, 7.7]
    """
    if not isinstance(functions, AngularFunctions):
        raise KernelError(f"functions: expected rings or other AngularFunctions, got {functions!r}")
    grid = require_grid(grid if isinstance(grid, Grid) else Grid(grid))  # type: ignore[arg-type]
    ball = Ball(nyquist(grid) * require_fraction("band_limit", band_limit))
    samples, dim, found, start = functions.sample(grid.points), len(grid.shape), [], 0
    for ring, degree in functions.blocks:
        size = harmonic_size(dim, degree)
        multiplet = samples[start : (start := start + size)].T[None]
        total, lost = (float(energy[0]) for energy in energies(multiplet, grid.points, degree, ball))
        norm = float(np.sum(multiplet**2))
        error, gain = (math.sqrt(lost / total), norm / total) if total > 0 else (0.0, math.inf)
        found.append(Aliasing(degree, ring, error, gain))
    return tuple(found)


def nyquist(grid: Grid) -> float:
    """The Nyquist frequency of the coarsest axis of a grid, in radians per pixel."""
    return math.pi / max(grid.spacing or (1.0,))


def require_fraction(name: str, value: object) -> float:
    """`value` if it is a number in (0, 1].

    Raises:
        KernelError: it is not.
    """
    if not is_real(value) or not 0 < value <= 1:
        raise KernelError(f"{name}: expected a fraction of the Nyquist frequency, in (0, 1], got {value!r}")
    return float(value)


def _wave(dim: int, degree: int, u: Array) -> Array:
    """j_L(u) of the plane-wave expansion: on a line cos and sin, in the plane J_L, in space j_L."""
    from scipy import special  # on first use: what is solved already needs none of it

    if dim == 1:
        return np.asarray(np.sin(u) if degree else np.cos(u))
    return np.asarray(special.jv(degree, u) if dim == 2 else special.spherical_jn(degree, u))


def _mean_wave(dim: int, u: Array) -> Array:
    """The mean of exp(i omega.x) over the ball |omega| <= w, with u = w |x|: d j_1(u) / u, 1 at u = 0."""
    safe = np.where(u < CENTRE, 1.0, u)
    found = np.sin(safe) / safe if dim == 1 else dim * _wave(dim, 1, safe) / safe
    return np.asarray(np.where(u < CENTRE, 1.0, found))
