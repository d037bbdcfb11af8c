"""Pixel kernels whose rotated copies are made by interpolation, for networks with regular fields."""

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..._spacing import Spacing, printed
from ..._values import Array, as_numbers, is_count
from ...errors import KernelError, ShapeError
from ...reps import Group, Representation
from ._functions import ScalarFunctions, SolvedForm
from ._grid import Grid, require_grid

EDGE = 1e-6
"""Added to the radius of the mask, in pixels, against rounding in g^-1 x."""


@dataclass(frozen=True, repr=False)
class Interpolated(ScalarFunctions):
    """One free weight for each pixel of a kernel; turned copies of the kernel are interpolated.

    The function of a pixel is the tensor product of B-splines of one order centred at it, and the kernel of a group
    element g is their weighted sum at g^-1 x. Order 1 is bilinear (in space trilinear) interpolation of the weights,
    zero outside of the box. Order 3 takes the weights as the coefficients of a cubic spline: there is no prefilter, so
    the kernel at a pixel is a mean of the weights around it and not its own weight.

    The mask is the disk (ball) inscribed in the box of the pixels: |x| <= k/2, with k the longest edge, and a tolerance
    of 1e-6. Only pixels inside have weights, and kernels are zero outside, so that copies at all angles reach equally
    far; lengths are those of `Grid` with the spacing. No sample lies on its edge. (The disk of radius (k - 1)/2 has 5
    of the 9 samples of k = 3, and none of k = 2.)

    Kernels are free, so one of the two fields must be regular, and the group finite. They are moved along the group by
    exact functions; what the layer breaks of the symmetry is the interpolation at angles that do not map the grid to
    itself.

    Args:
        shape: kernel shape ([z,] y, x).
        order: 1 (linear) or 3 (cubic).
        masked: whether there is a mask; without it the corners of the box have weights too.
        spacing: distances of neighbouring pixels, as of `Grid`.

    Raises:
        KernelError: the shape is not a tuple of integers >= 1, another order, or a spacing that is none.

    Source:
        Bekkers, Lafarge et al. 2018, "Roto-translation covariant convolutional networks for medical image analysis";
        Lafarge et al. 2020, "Roto-translation equivariant convolutional networks". Unser 1999, "Splines", eq. 1-2.
    """

    shape: tuple[int, ...]
    order: int = 1
    masked: bool = True
    spacing: Spacing = None

    def __post_init__(self) -> None:
        grid = Grid(self.shape, spacing=self.spacing)
        object.__setattr__(self, "shape", grid.shape)
        object.__setattr__(self, "spacing", grid.spacing)
        if not is_count(self.order, 1) or self.order not in (1, 3):
            raise KernelError(f"order: expected 1 (linear) or 3 (cubic), got {self.order!r}")
        if not isinstance(self.masked, bool):
            raise KernelError(f"masked: expected True or False, got {self.masked!r}")
        object.__setattr__(self, "order", int(self.order))

    def __repr__(self) -> str:
        own = f"shape={self.shape}, order={self.order}, masked={self.masked}"
        return f"{type(self).__qualname__}({own}{printed(self.spacing)})"

    @functools.cached_property
    def _grid(self) -> Grid:
        return Grid(self.shape, spacing=self.spacing)

    @property
    def _reach(self) -> float:
        """Half of the longest edge of the box."""
        edges = self.shape if self.spacing is None else np.multiply(self.shape, self.spacing)
        return float(max(edges, default=1)) / 2

    @classmethod
    def for_grid(cls, grid: Grid, max_frequency: int | None = None) -> "Interpolated":
        require_grid(grid).require_square("interpolated")
        if max_frequency is not None:
            raise KernelError(f"max_frequency: splines have no harmonics to cap, got {max_frequency}; leave it out")
        return cls(grid.shape, spacing=grid.spacing)

    @functools.cached_property
    def _inside(self) -> npt.NDArray[np.intp]:
        """The pixels that have weights, as positions in a flattened kernel."""
        return np.flatnonzero(self._mask(self._grid.points))

    def _mask(self, points: Array) -> npt.NDArray[np.bool_]:
        squared: Array = np.sum(points**2, axis=-1)
        radius = self._reach + EDGE
        return np.asarray(squared <= radius**2) | (not self.masked)

    def count(self, dim: int) -> int:
        return len(self._inside)

    def sample(self, points: npt.ArrayLike) -> Array:
        """The B-splines of the pixels inside the mask, x fastest, at given points.

        Args:
            points: (..., d), in pixels.

        Returns:
            (count, ...), float64.

        Raises:
            KernelError: the points have another number of coordinates than the kernel.
        """
        x = as_numbers("points", points, ShapeError)
        if x.ndim < 1 or x.shape[-1] != len(self.shape):
            raise KernelError(f"points: expected shape (..., {len(self.shape)}) for {self!r}, got {x.shape}")
        values: Array = np.broadcast_to(self._mask(x).astype(np.float64), (len(self._inside), *x.shape[:-1]))
        positions = np.unravel_index(self._inside, self.shape)
        steps = x if self.spacing is None else x / self.spacing[::-1]
        for axis, (size, position) in enumerate(zip(self.shape[::-1], positions[::-1], strict=True)):
            centres = (np.arange(size) - (size - 1) / 2).reshape(size, *[1] * (x.ndim - 1))
            values = values * b_spline(steps[..., axis] - centres, self.order)[position]
        return values

    def action(self, group: Group, elements: Array) -> Array | None:
        # Splines along the axes are moved to one another by turns of the lattice alone, and if these keep the box.
        moves = group.action(elements)
        points = self._grid.points[self._inside]
        places = self._grid.positions(np.einsum("gij,mj->gmi", moves, points))
        if np.any(np.minimum(np.abs(moves), np.abs(np.abs(moves) - 1)) > EDGE) or np.any(places < 0):
            return None
        if self.spacing is not None:  # nor do splines of different widths go to one another
            mixed = np.abs(moves[:, ::-1, ::-1]) > EDGE
            if np.any(mixed & ~np.equal.outer(self.spacing, self.spacing)):
                return None
        # the mask is a disk, so that pixels inside it stay there
        return np.asarray(places[:, None, :] == self._inside[:, None], dtype=np.float64)

    def names(self, dim: int) -> tuple[tuple[int, int, int], ...]:
        """What each function is called: (0, position of the pixel in a flattened kernel, 0).

        Args:
            dim: dimension of space.

        Returns:
            A triple for each function.
        """
        return tuple((0, int(pixel), 0) for pixel in self._inside)

    def require(self, group: Group) -> None:
        if not group.is_finite:
            raise KernelError(
                f"basis: interpolated kernels have a copy for each element of a finite group, got {group.name}; "
                f"use a finite subgroup such as C8, or basis='rings'"
            )
        if group.dim != len(self.shape):
            raise KernelError(f"shape: expected {group.dim} sizes for {group.name}, got {self.shape}")

    def form(self, in_rep: Representation, out_rep: Representation) -> SolvedForm:
        raise KernelError(
            f"basis: interpolated kernels are free, so they need a regular input or output, such as group.regular; got "
            f"kernels from {in_rep.name} to {out_rep.name} of {in_rep.group.name}; use basis='rings' for these"
        )

    @property
    def reaches_to(self) -> float:
        return self._reach

    @property
    def reach(self) -> str:
        return "of interpolated pixels"


def b_spline(t: Array, order: int) -> Array:
    """The centred cardinal B-spline of order 1 (a hat) or 3 at distances t; its integer translates sum to 1."""
    distance = np.abs(t)
    if order == 1:
        return np.asarray(np.maximum(1 - distance, 0.0))
    outer = np.maximum(2 - distance, 0.0) ** 3 / 6
    return np.asarray(np.where(distance < 1, 2 / 3 - distance**2 + distance**3 / 2, outer))
