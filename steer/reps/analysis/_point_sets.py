"""Points of the sphere and rotations from which quadratures are made."""

import functools
import math
from typing import NamedTuple

import numpy as np

from ..._values import Array, frozen
from ...errors import GroupError
from ..groups._rotations import from_quaternions

LEBEDEV = (3, 5, 7, 9, 11, 15, 17, 19, 21, 23, 29, 31, *range(35, 132, 6))
"""Degrees of the Lebedev rules with positive weights."""

GOLDEN = (1 + math.sqrt(5)) / 2

SPIRAL = 1.533751168755204288118041
"""The positive root of x^4 = x + 4, for super-Fibonacci spirals."""


class Rule(NamedTuple):
    """Elements (n, d, d) and positive weights (n,) that add up to 1."""

    elements: Array
    weights: Array


def _on_sphere(z: Array, angle: Array) -> Array:
    """(n, 3): points of given height and azimuth."""
    sine = np.sqrt(1 - z**2)
    return np.stack(np.broadcast_arrays(sine * np.cos(angle), sine * np.sin(angle), z), -1).reshape(-1, 3)


def latitudes(degree: int, order: int, half: bool) -> Rule:
    """Points (n, 3): Gauss-Legendre latitudes and equidistant angles, in a turn divided by `order`.

    With `half`, for functions whose mean over the angle is even in z, only those with z > 0.
    """
    rings, count = degree // 2 + 1, degree // order + 1
    z, weights = np.polynomial.legendre.leggauss(rings + (half and rings % 2))
    first = len(z) // 2 if half else 0
    angle = 2 * np.pi * (np.arange(count) / (order * count))
    return Rule(_on_sphere(z[first:], angle[:, None]), np.tile(weights[first:] / weights[first:].sum() / count, count))


@functools.lru_cache(maxsize=8)
def lebedev(degree: int) -> Rule:
    """Points (n, 3) of the smallest Lebedev rule of at least a degree, with positive weights."""
    try:
        from scipy.integrate import lebedev_rule
    except ImportError as error:
        raise GroupError("kind: 'lebedev' needs scipy 1.15 or later; update it, or use kind='product'") from error
    points, weights = lebedev_rule(next(order for order in LEBEDEV if order >= degree))
    return Rule(frozen(points.T), frozen(weights / weights.sum()))


def fibonacci(n: int, half: bool) -> Array:
    """(n, 3): a Fibonacci lattice on the sphere, or on its upper half: equal steps of height, golden turns."""
    step = np.arange(n, dtype=np.float64)
    return _on_sphere(1 - (2 * step + 1) / (2 * n if half else n), 2 * np.pi * step / GOLDEN)


def super_fibonacci(n: int) -> Array:
    """(n, 3, 3): rotations along spirals of quaternions."""
    s = np.arange(n) + 0.5
    alpha, beta = 2 * np.pi * s / math.sqrt(2), 2 * np.pi * s / SPIRAL
    inner, outer = np.sqrt(s / n), np.sqrt(1 - s / n)
    spirals = [inner * np.sin(alpha), inner * np.cos(alpha), outer * np.sin(beta), outer * np.cos(beta)]
    return from_quaternions(np.stack(spirals, -1))
