"""Distances between samples that differ from axis to axis: pixels that are no squares, voxels that are no cubes."""

import math

from ._values import as_tuple, is_real
from .errors import KernelError, SteerError

DIGITS = 6
"""Decimals of a ratio of spacings: single precision, in which headers of volumes hold them, has no more."""

Spacing = tuple[float, ...] | None
"""Distances of neighbours along ([z,] y, x) in units of the smallest of them; None where they are all equal."""


def as_spacing(spacing: object, dim: int, error: type[SteerError] = KernelError) -> Spacing:
    """The spacing of samples in units of the smallest, rounded to six decimals; None if it is the same on every axis.

    Args:
        spacing: a positive number for every axis ([z,] y, x) in any unit, one for all of them, or None.
        dim: number of axes.
        error: what is raised.

    Raises:
        error: another number of them, or one that is not positive and finite.
    """
    if spacing is None:
        return None
    given = dim * (spacing,) if is_real(spacing) else as_tuple("spacing", spacing, error, f"{dim} numbers ([z,] y, x)")
    if len(given) != dim or not all(is_real(step) and 0 < step < math.inf for step in given):
        raise error(f"spacing: expected {dim} distances > 0 in the order of the axes ([z,] y, x), got {spacing!r}")
    least = min(given, default=1.0)
    found = tuple(round(float(step) / float(least), DIGITS) for step in given)
    return None if all(step == 1 for step in found) else found


def along_axes(spacing: Spacing, factors: tuple[float, ...]) -> Spacing:
    """The spacing of every n-th sample, or of a grid that is as much coarser along each axis."""
    steps = spacing or len(factors) * (1.0,)
    return as_spacing(tuple(step * factor for step, factor in zip(steps, factors, strict=True)), len(factors))


def printed(spacing: Spacing) -> str:
    """What a value prints of its spacing, as a last argument; nothing of an equal one, which prints had not always."""
    return "" if spacing is None else f", spacing={spacing}"
