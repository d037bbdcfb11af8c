"""Sampling grids: the points at which a filter reads its input."""

import functools
import numbers
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import KernelError
from ..reps import Group
from ..reps._frozen import Frozen
from ..reps._linalg import INDEPENDENT, Array, frozen


@dataclass(frozen=True)
class Grid(Frozen):
    """A centred box of the cubic lattice, `shape` in the order of tensor axes ([z,] y, x).

    Sizes may be even: the centre then lies between samples. Without axes it is the one point of R^0.

    Raises:
        KernelError: the shape is not a tuple of integers >= 1.
    """

    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        given: object = self.shape
        sizes = tuple(given) if isinstance(given, Sequence) else (None,)
        if not all(is_count(size, 1) for size in sizes):
            raise KernelError(f"grid: expected a tuple of integers >= 1 in the order ([z,] y, x), got {given!r}")
        object.__setattr__(self, "shape", tuple(map(int, sizes)))

    @functools.cached_property
    def points(self) -> Array:
        """(m, d): coordinates (x, y[, z]) of the samples, in the order of a flattened filter (x fastest)."""
        if not self.shape:
            return frozen(np.zeros((1, 0)))
        axes = [np.arange(size) - (size - 1) / 2 for size in self.shape]
        mesh = np.meshgrid(*axes, indexing="ij")
        return frozen(np.stack([axis.ravel() for axis in mesh[::-1]], axis=-1))


def is_count(value: object, least: int) -> bool:
    """Whether a value is an integer, of Python or NumPy, of at least `least`."""
    return not isinstance(value, bool) and isinstance(value, numbers.Integral) and int(value) >= least


def axis_classes(group: Group) -> tuple[int, ...]:
    """For each tensor axis of space ([z,] y, x), the first axis that the group mixes it with (itself if none).

    Sizes and steps must be equal on axes of one class, or a group element does not map the sampling grid to itself.
    """
    elements = np.concatenate([group.haar(4)[0], group.generators, group.identity_component])
    mixed: npt.NDArray[np.bool_] = np.abs(group._action(elements)[:, ::-1, ::-1]).max(axis=0) > INDEPENDENT
    return tuple(int(np.argmax(mixed[:, axis] | (np.arange(group.dim) == axis))) for axis in range(group.dim))


def require_symmetric(group: Group, **values: tuple[int, ...]) -> None:
    """Raise a `KernelError` when a per-axis argument differs on axes that the group mixes."""
    classes = axis_classes(group)
    for name, value in values.items():
        for axis, first in enumerate(classes):
            if value[axis] != value[first]:
                raise KernelError(
                    f"{name}: {group.name} mixes the axes of space, so {name} must be equal on them; got {value}; "
                    f"use {name}={max(value)} or a group that keeps the axes apart (C2 or D2 in the plane)"
                )
