"""Sampling grids: the points at which a filter reads its input."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._linalg import INDEPENDENT
from ..._spacing import Spacing, as_spacing, printed
from ..._values import (
    Array,
    Frozen,
    as_numbers,
    as_tuple,
    frozen,
    is_count,
    is_one_of,
    is_real,
    require_count,
    require_room,
)
from ...errors import KernelError, ShapeError
from ...reps import Group

LATTICES = ("square", "hexagonal")

ROW = math.sqrt(3) / 2
"""Distance between the rows of the hexagonal lattice."""

MATCHES = 1e-6
"""A point is a point of the grid when it is not further from it than this along any axis of the lattice, in pixels."""


@dataclass(frozen=True, repr=False)
class Grid(Frozen):
    """A centred piece of a lattice with unit distance between neighbours, in a tensor of `shape` ([z,] y, x).

    The "square" lattice, cubic in space, fills the tensor. Sizes may be even: the centre then lies between samples.
    Without axes it is the one point of R^0.

    The "hexagonal" lattice of the plane is held in axial coordinates (Hoogeboom et al. 2018, "HexaConv", sec. 3): the
    entry (r, q) of a tensor (2R + 1, 2R + 1), counted from its centre, is the point x = q + r/2, y = sqrt(3)/2 r. Its
    samples are the 3R(R + 1) + 1 points at most R steps from the centre, |q|, |r|, |q + r| <= R: a hexagon, which D6
    and its subgroups map to itself. The rest of the tensor holds no samples.

    Voxels that are no cubes have a `spacing`. Lengths are in units of the smallest of the distances, the pixel, so that
    only their ratios count: (3.0, 1.0, 1.0), (3, 1, 1) and (1.5, 0.5, 0.5) are one grid, whose points are 3 apart along
    z, and an equal spacing is none.

    Args:
        shape: sizes of the tensor's axes.
        lattice: "square" or "hexagonal".
        spacing: distances of neighbours along the axes of the square lattice ([z,] y, x), in any unit; None where they
            are equal. It is kept in units of the smallest, with six decimals.

    Raises:
        KernelError: the shape is not a tuple of integers >= 1, no lattice has that name, the shape does not hold a
            hexagon: two equal odd sizes; a spacing of another number of axes, or one that is not positive; or of
            hexagons.

    Example:
        >>> import steer
        >>> steer.kernels.Grid((1, 3)).points.tolist()
        [[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]
        >>> len(steer.kernels.Grid((5, 5), "hexagonal").points)
        19
        >>> steer.kernels.Grid((3, 1), spacing=(5.0, 2.0)).points.tolist()
        [[0.0, -2.5], [0.0, 0.0], [0.0, 2.5]]
    """

    shape: tuple[int, ...]
    lattice: str = "square"
    spacing: Spacing = None

    def __post_init__(self) -> None:
        given: object = self.shape
        sizes = tuple(given) if isinstance(given, Sequence) else (None,)
        if not all(is_count(size, 1) for size in sizes):
            raise KernelError(f"grid: expected a tuple of integers >= 1 in the order ([z,] y, x), got {given!r}")
        object.__setattr__(self, "shape", tuple(map(int, sizes)))
        points = math.prod(self.shape) * len(self.shape)
        require_room("grid", f"the points of a grid {self.shape}", points, "take a smaller kernel", KernelError)
        if not is_one_of(self.lattice, LATTICES):
            raise KernelError(f"lattice: expected {' or '.join(map(repr, LATTICES))}, got {self.lattice!r}")
        if self.lattice == "hexagonal" and not _holds_hexagon(self.shape):
            raise KernelError(f"grid: a hexagon of radius R needs the shape (2R + 1, 2R + 1), got {self.shape}")
        object.__setattr__(self, "spacing", as_spacing(self.spacing, len(self.shape)))
        if self.spacing and self.lattice == "hexagonal":
            raise KernelError(f"spacing: the hexagonal lattice has one distance of neighbours, got {self.spacing}")

    def __repr__(self) -> str:
        # The usual lattice is not named: fingerprints, which are made of the print, are older than the other ones.
        lattice = "" if self.lattice == "square" else f", lattice={self.lattice!r}"
        return f"Grid(shape={self.shape}{lattice}{printed(self.spacing)})"

    def require_square(self, basis: str) -> None:
        """Raise an error unless the lattice is square, as some bases need it.

        Args:
            basis: the name of the basis, for the message.

        Raises:
            KernelError: the lattice is another.
        """
        if self.lattice != "square":
            raise KernelError(f"basis: {basis!r} needs the square lattice, got {self!r}; use basis='rings'")

    @functools.cached_property
    def index(self) -> npt.NDArray[np.intp] | None:
        """Where the samples lie in the flattened tensor, (m,); None when they fill it."""
        if self.lattice == "square":
            return None
        steps = np.arange(self.shape[0]) - self.shape[0] // 2
        found = np.flatnonzero(np.abs(steps[:, None] + steps) <= self.shape[0] // 2)
        found.setflags(write=False)
        return found

    @functools.cached_property
    def points(self) -> Array:
        """Coordinates (x, y[, z]) of the samples, (m, d), in the order of a flattened filter (x fastest)."""
        if not self.shape:
            return frozen(np.zeros((1, 0)))
        axes = [np.arange(size) - (size - 1) / 2 for size in self.shape]
        mesh = np.meshgrid(*axes, indexing="ij")
        found = np.stack([axis.ravel() for axis in mesh[::-1]], axis=-1)
        if self.index is None:
            return frozen(found if self.spacing is None else found * self.spacing[::-1])
        q, r = found[self.index].T
        return frozen(np.stack([q + r / 2, ROW * r], axis=-1))

    @classmethod
    def axial(cls, points: npt.ArrayLike) -> Array:
        """The axial coordinates (q, r) of points (x, y) of the plane.

        Args:
            points: (..., 2).

        Returns:
            (..., 2).

        Raises:
            ShapeError: the points are not of the plane, or no numbers.
        """
        x = as_numbers("points", points, ShapeError)
        if x.ndim == 0 or x.shape[-1] != 2:
            raise ShapeError(f"points: expected an array of shape (..., 2), got {x.shape}")
        r = x[..., 1] / ROW
        return np.stack([x[..., 0] - r / 2, r], axis=-1)

    def embed(self, samples: npt.ArrayLike) -> Array:
        """Values at the samples, laid out in the flattened tensor; entries that hold no sample are zero.

        Args:
            samples: (..., m), values at `points`.

        Returns:
            (..., entries of the tensor).

        Raises:
            ShapeError: another number of values than of samples, or what are no numbers.
        """
        values = as_numbers("samples", samples, ShapeError)
        if values.ndim == 0 or values.shape[-1] != len(self.points):
            raise ShapeError(f"samples: expected an array of shape (..., {len(self.points)}), got {values.shape}")
        if self.index is None:
            return values
        found = np.zeros((*values.shape[:-1], math.prod(self.shape)))
        found[..., self.index] = values
        return found

    def positions(self, points: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """Where given points stand in `points`.

        Args:
            points: (..., d), coordinates (x, y[, z]).

        Returns:
            Indices (...), -1 for points that are not within 1e-6 of a sample.

        Raises:
            KernelError: the points have another number of coordinates than the grid.
        """
        x = as_numbers("points", points, ShapeError)
        sizes = np.array(self.shape, dtype=np.intp)
        if x.ndim == 0 or x.shape[-1] != len(sizes):
            raise KernelError(f"points: expected an array of shape (..., {len(sizes)}), got {x.shape}")
        along = (x if self.index is None else self.axial(x))[..., ::-1]  # the tensor's axes
        steps = (along if self.spacing is None else along / self.spacing) + (sizes - 1) / 2
        nearest = np.clip(np.round(steps), 0, sizes - 1)
        strides = np.array([math.prod(self.shape[axis + 1 :]) for axis in range(len(sizes))], dtype=np.intp)
        found = nearest.astype(np.intp) @ strides
        if self.index is not None:
            order = np.full(math.prod(self.shape), -1)
            order[self.index] = np.arange(len(self.index))
            found = order[found]
        return np.where(np.all(np.abs(steps - nearest) < MATCHES, axis=-1), found, -1)


def require_grid(grid: object) -> Grid:
    """`grid` if it is one.

    Raises:
        KernelError: it is none.
    """
    if not isinstance(grid, Grid):
        raise KernelError(f"grid: expected a steer.kernels.Grid, got {grid!r}")
    return grid


def _holds_hexagon(shape: tuple[int, ...]) -> bool:
    """Whether a tensor of that shape holds a hexagon in axial coordinates: (2R + 1, 2R + 1)."""
    return len(shape) == 2 and shape[0] == shape[1] and shape[0] % 2 == 1


def per_axis(name: str, value: object, dim: int, least: int) -> tuple[int, ...]:
    """An integer argument for each axis of space.

    Args:
        name: of the argument, for the error.
        value: an integer, or one for each axis.
        dim: number of axes.
        least: the smallest integer that is allowed.

    Returns:
        One integer for each axis.

    Raises:
        KernelError: it is not one integer, or `dim` of them, of at least `least`.
    """
    least = require_count("least", least, KernelError, -(2**62))
    dim = require_count("dim", dim, KernelError)
    if dim > 3:
        raise KernelError(f"dim: expected at most 3 axes of space, got {dim}")
    values = (value,) * dim if is_count(value, least) else value
    if not isinstance(values, Sequence) or len(values) != dim or not all(is_count(v, least) for v in values):
        raise KernelError(f"{name}: expected an integer >= {least} or {dim} of them, got {value!r}")
    return tuple(map(int, values))


def axis_classes(group: Group, spacing: Spacing = None) -> tuple[int, ...]:
    """For each tensor axis of space ([z,] y, x), the first axis that the group mixes it with (itself if none).

    Sizes and steps must be equal on axes of one class, or a group element does not map the sampling grid to itself. No
    element maps a grid to itself that exchanges axes of different spacing: these are of different classes.
    """
    elements = np.concatenate([group.haar(4)[0], group.generators, group.identity_component])
    mixed: npt.NDArray[np.bool_] = np.abs(group.action(elements)[:, ::-1, ::-1]).max(axis=0) > INDEPENDENT
    if spacing is not None:
        mixed &= np.equal.outer(spacing, spacing)
    return tuple(int(np.argmax(mixed[:, axis] | (np.arange(group.dim) == axis))) for axis in range(group.dim))


def require_symmetric(group: Group, *, spacing: Sequence[float] | float | None = None, **values: Any) -> None:
    """Raise an error when an argument differs on axes of space that the group mixes.

    Args:
        group: the group.
        spacing: distances of neighbouring samples along the axes ([z,] y, x), as of `Grid`; the group mixes no axes of
            different spacing as far as the grid is concerned.
        values: arguments by their names, each with one number for every axis ([z,] y, x).

    Raises:
        KernelError: one of them does, so that no group element would map the sampling grid to itself.
    """
    if not isinstance(group, Group):
        raise KernelError(f"group: expected a group such as steer.group('C4', dim=2), got {group!r}")
    classes = axis_classes(group, as_spacing(spacing, group.dim))
    for name, given in values.items():
        value = as_tuple(name, given, KernelError, f"{group.dim} numbers")
        if len(value) != group.dim or not all(map(is_real, value)):
            raise KernelError(f"{name}: expected {group.dim} numbers, got {given!r}")
        largest = tuple(max(v for v, c in zip(value, classes, strict=True) if c == mine) for mine in classes)
        if value == largest:
            continue
        worst = next(first for first, v, top in zip(classes, value, largest, strict=True) if v < top)
        mixed = [axis for axis, first in enumerate(classes) if first == worst]
        every = len(mixed) == group.dim
        axes = "of space" if every else " and ".join("zyx"[-group.dim :][axis] for axis in mixed)
        apart = "C2 or D2 in the plane" if group.dim == 2 else "D2h and its subgroups; one about z mixes y and x only"
        raise KernelError(
            f"{name}: {group.name} mixes the axes {axes}, so {name} must be equal on them; got {value}; "
            f"use {name}={largest[0] if every else largest} or a group that keeps the axes apart ({apart}); if the "
            f"samples are farther apart along one of them, give their spacing="
        )
