"""Radial profiles: Gaussian rings, each with a band limit of its own."""

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..._spacing import DIGITS
from ..._values import Array, as_numbers, as_tuple, is_real, require_count
from ...errors import KernelError, ShapeError
from ...reps import harmonics
from ._angular import AngularFunctions
from ._grid import Grid, require_grid
from ._leak import leaks

INNER_WIDTH, OUTER_WIDTH = 0.6, 0.45
"""Widths in pixels: of those from 0.4 to 0.7, those that keep most of the filters' response steerable. On frequencies
up to half the Nyquist rate the rest is below 7% for every degree of an inner ring and below 8% on the last one, which
the box cuts off (benchmarks/aliasing.py prints them all)."""


@dataclass(frozen=True)
class Rings(AngularFunctions):
    """Gaussian rings times harmonics: exp(-(|x| - r)^2 / 2 s^2) Y_L(x / |x|), L up to a limit on each ring.

    Each function has unit L2 norm over R^d, so that coefficients of all rings are of one size. Units are pixels.

    Args:
        radii: radius of each ring.
        widths: standard deviation of each ring.
        limits: highest harmonic degree on each ring.

    Raises:
        KernelError: the three do not have one length, or a value is out of range.

    Source:
        Weiler, Cesa 2019, "General E(2)-equivariant steerable CNNs"; Weiler et al. 2018, "3D Steerable CNNs", for
        shells.

    Example:
        >>> import steer
        >>> rings = steer.kernels.Rings.for_kernel((5, 5))
        >>> rings.radii, rings.limits
        ((0.0, 1.0, 2.0), (0, 2, 3))
        >>> rings.sample([[1.0, 0.0]]).shape
        (13, 1)
    """

    radii: tuple[float, ...]
    widths: tuple[float, ...]
    limits: tuple[int, ...]

    def __post_init__(self) -> None:
        for name in ("radii", "widths", "limits"):
            object.__setattr__(
                self, name, as_tuple(name, getattr(self, name), KernelError, "a tuple with a value for each ring")
            )
        if not len(self.radii) == len(self.widths) == len(self.limits) > 0:
            raise KernelError(
                f"radii, widths, limits: expected one value of each for every ring, got {len(self.radii)}, "
                f"{len(self.widths)} and {len(self.limits)} of them"
            )
        # Equal rings print alike whatever the types they were given as, because fingerprints are made of the print.
        for name in ("radii", "widths"):
            if not all(map(is_real, getattr(self, name))):
                raise KernelError(f"{name}: expected numbers, got {getattr(self, name)!r}")
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))
        object.__setattr__(self, "limits", tuple(require_count("limits", limit, KernelError) for limit in self.limits))
        if not all(0 <= r < math.inf for r in self.radii):
            raise KernelError(f"radii: expected finite numbers >= 0, got {self.radii}")
        if not all(0 < width < math.inf for width in self.widths):
            raise KernelError(f"widths: expected finite numbers > 0, got {self.widths}")

    @classmethod
    def for_kernel(cls, shape: tuple[int, ...], max_frequency: int | None = None) -> "Rings":
        """Rings one pixel apart that fill a kernel of that shape.

        A ring of radius r has 2 pi r samples and carries degrees up to 2 r; the last one, partly outside the box, up to
        r + 1; on a line there are degrees 0 and 1. The same limits hold in space: of each of these functions less than
        8% of the response, on frequencies up to half the Nyquist rate, is not steerable, and of those of the next
        degree 10% to 70% on most rings. A kernel whose axes are not of one size has the rings of the longest.

        Args:
            shape: kernel shape ([z,] y, x).
            max_frequency: cap on the degrees; by default what the kernel carries.

        Returns:
            The rings.

        Raises:
            KernelError: `max_frequency` is not an integer from 0 to what the kernel size carries.
        """
        shape = Grid(shape).shape
        return cls._up_to((max(shape, default=1) - 1) / 2, 1.0, shape, max_frequency)

    @classmethod
    def for_grid(cls, grid: Grid, max_frequency: int | None = None) -> "Rings":
        """Those of `for_kernel`; on a grid with a spacing, rings that its coarsest axis can hold.

        What lies between the samples of that axis no kernel can turn into the others. So the coarsest spacing s is the
        unit: rings are s apart, as wide as those of `for_kernel` times s, and the last is s / 2 inside of the nearest
        face of the box of voxels. A kernel (3, 5, 5) of voxels 3 : 1 : 1 has one ring, of radius 1 and of degrees 0 and
        1; degree 2 needs (5, 9, 9). Of each of these functions less than 16% of the response, on frequencies up to half
        the Nyquist rate of that axis, is not steerable in kernels of 3 to 9 pixels, up to 4 : 1 : 1. Groups that turn
        only axes of one spacing into each other need none of this: leave out the spacing, or pass `Rings` of one's own.

        Args:
            grid: where filters are sampled.
            max_frequency: cap on the degrees; by default what the kernel carries.

        Returns:
            The rings.

        Raises:
            KernelError: `max_frequency` is not an integer from 0 to what the grid carries.
        """
        grid = require_grid(grid)
        if grid.spacing is None:
            return cls.for_kernel(grid.shape, max_frequency)
        unit = max(grid.spacing)
        faces = [size * step / 2 for size, step in zip(grid.shape, grid.spacing, strict=True)]
        return cls._up_to(max(min(faces) / unit - 0.5, 0.0), unit, grid.shape, max_frequency)

    @classmethod
    def _up_to(cls, last: float, unit: float, shape: tuple[int, ...], max_frequency: int | None) -> "Rings":
        """Rings one unit apart up to a last one, whose radius is in these units."""
        count = math.floor(last) + 1
        radii = tuple(round((last - count + 1 + i) * unit, DIGITS) for i in range(count))
        limits = [math.floor(2 * r / unit) for r in radii]
        limits[-1] = math.floor(last + 1) if max(shape, default=1) > 1 else 0
        if len(shape) == 1:
            limits = [min(limit, 1) for limit in limits]
        highest = max(limits)
        cap = highest if max_frequency is None else require_count("max_frequency", max_frequency, KernelError)
        if cap > highest:
            size = " x ".join(map(str, shape))
            raise KernelError(f"max_frequency: a {size} kernel carries frequencies from 0 to {highest}, got {cap}")
        widths = tuple(round(width * unit, DIGITS) for width in (*(count - 1) * (INNER_WIDTH,), OUTER_WIDTH))
        return cls(radii, widths, tuple(min(limit, cap) for limit in limits))

    @classmethod
    def point(cls) -> "Rings":
        """The one function of kernels that are one point, as of linear maps: 1 at the centre, up to its norm.

        Returns:
            One ring of radius 0 and degree 0.
        """
        return cls((0.0,), (1.0,), (0,))

    def capped(self, max_frequency: int) -> "Rings":
        cap = require_count("max_frequency", max_frequency, KernelError)
        return Rings(self.radii, self.widths, tuple(min(limit, cap) for limit in self.limits))

    def leaks(self, grid: Grid) -> tuple[float, ...]:
        """How much of each ring lies outside of a kernel, which cuts it off: between 0 and 1.

        It is the part of the squared norm beyond the cells of the grid, on average over the harmonics of a degree. What
        is cut off unevenly is not steerable, between the symmetries of the grid: 2% to 5% of the last of the default
        rings, in kernels of 3 pixels or more. A layer warns of rings of one's own of which more than half is outside.

        Args:
            grid: where filters are sampled.

        Returns:
            A number for each ring.

        Raises:
            KernelError: no grid.

        Example:
            >>> import steer
            >>> rings = steer.kernels.Rings(radii=(0.0, 1.5, 2.5), widths=(0.6, 0.6, 0.6), limits=(0, 2, 4))
            >>> [round(leak, 2) for leak in rings.leaks(steer.kernels.Grid((5, 5)))]
            [0.0, 0.01, 0.33]
        """
        return leaks(self.radii, self.widths, require_grid(grid))

    @property
    def max_frequency(self) -> int:
        """The highest degree on any ring."""
        return max(self.limits)

    @property
    def reaches_to(self) -> float:
        return max(r + 2.0 * width for r, width in zip(self.radii, self.widths, strict=True))

    @functools.cached_property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """Ring and degree of each group of scalar functions, in their order."""
        return tuple((ring, degree) for ring, limit in enumerate(self.limits) for degree in range(limit + 1))

    def sample(self, points: npt.ArrayLike) -> Array:
        """The scalar functions at given points, by ring, then degree, then harmonic.

        Args:
            points: (..., d), in pixels.

        Returns:
            (count, ...), float64.

        Raises:
            ShapeError: some degree is not 0, and the points are not of a line, the plane or space.
            RepresentationError: a degree above 1, on a line.
        """
        x = as_numbers("points", points, ShapeError)
        if x.ndim < 1:
            raise ShapeError(f"points: expected shape (..., d), got the number {x}")
        radius = np.linalg.norm(x, axis=-1)
        if x.shape[-1] == 0 and not self.max_frequency:  # R^0 is one point: the function of norm 1 on it is 1
            return np.ones((len(self.blocks), *x.shape[:-1]))
        angular = [_angular(x, degree) for degree in range(self.max_frequency + 1)]
        out = []
        for ring, degree in self.blocks:
            r, width = self.radii[ring], self.widths[ring]
            profile = np.exp(-((radius - r) ** 2) / (2 * width**2)) / _norm(r, width, x.shape[-1])
            out.append(profile * angular[degree])
        return np.concatenate(out)


def _angular(x: Array, degree: int) -> Array:
    """(harmonic, ...): the harmonics of a degree; above three dimensions there is the constant only."""
    if degree == 0:
        return np.ones((1, *x.shape[:-1]))
    return np.moveaxis(harmonics(x, degree), -1, 0)


def _norm(r: float, width: float, dim: int) -> float:
    """L2 norm over R^dim of exp(-(|x| - r)^2 / 2 width^2), by the recursion of its radial moments."""
    previous = 0.5 * width * math.sqrt(math.pi) * (1 + math.erf(r / width))
    moment = 0.5 * width**2 * math.exp(-((r / width) ** 2)) + r * previous
    for n in range(2, dim):
        previous, moment = moment, r * moment + 0.5 * (n - 1) * width**2 * previous
    surface = 2 * math.pi ** (dim / 2) / math.gamma(dim / 2)
    return math.sqrt(surface * (previous if dim == 1 else moment))
