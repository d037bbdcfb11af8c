"""Distances between samples that differ from axis to axis: pixels that are no squares, voxels that are no cubes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._values import as_numbers, is_listing
from .errors import KernelError, SteerError

DIGITS = 6
"""Decimals of a ratio of spacings: single precision, in which headers of volumes hold them, has no more."""

MOST = 1e6
"""How many times the smallest distance the largest may be: no grid is so thin, but units are mistaken by so much."""

Spacing = tuple[float, ...] | None
"""Distances of neighbours along ([z,] y, x) in units of the smallest of them; None where they are all equal."""


def as_spacing(spacing: object, dim: int, error: type[SteerError] = KernelError) -> Spacing:
    """The spacing of samples in units of the smallest, rounded to six decimals; None if it is the same on every axis.

    Args:
        spacing: a positive number for every axis ([z,] y, x) in any unit, a sequence, an array or a tensor of them; one
            for all axes; or None.
        dim: number of axes.
        error: what is raised.

    Raises:
        error: another number of them, one that is not positive and finite, one that has a gradient, or one that is a
            million times another.
    """
    if spacing is None:
        return None
    if getattr(spacing, "requires_grad", False):
        raise error("spacing: distances are constants here, without gradient; pass spacing.detach()")
    what = f"{dim} distances > 0 in the order of the axes ([z,] y, x)"
    given = as_numbers("spacing", spacing, error, what)
    steps = np.repeat(given, dim) if given.ndim == 0 else given
    if steps.shape != (dim,) or _has_flags(spacing) or not (np.isfinite(steps) & (steps > 0)).all():
        raise error(f"spacing: expected {what}, got {spacing!r}")
    least = steps.min(initial=np.inf)
    if not (steps <= MOST * least).all():
        raise error(
            f"spacing: expected distances in one unit, of which the largest is less than {MOST:,.0f} times the "
            f"smallest, got {spacing!r}"
        )
    return _in_smallest(steps.tolist())


def _has_flags(given: Any) -> bool:
    if hasattr(given, "dtype"):
        return str(given.dtype).endswith("bool")
    return any(isinstance(step, bool | np.bool_) for step in (given if is_listing(given) else [given]))


def _in_smallest(steps: Sequence[float]) -> Spacing:
    found = tuple(round(step / min(steps), DIGITS) for step in steps)
    return None if all(step == 1 for step in found) else found


def along_axes(spacing: Spacing, factors: tuple[float, ...]) -> Spacing:
    """The spacing of every n-th sample, or of a grid that is as much coarser along each axis."""
    steps = spacing or len(factors) * (1.0,)
    return _in_smallest([step * factor for step, factor in zip(steps, factors, strict=True)])


def printed(spacing: Spacing) -> str:
    """What a value prints of its spacing, as a last argument; nothing of an equal one, which prints had not always."""
    return "" if spacing is None else f", spacing={spacing}"
