"""Spherical harmonics against those of lie_learn, of e3nn and, in exact arithmetic, of sympy."""

import math

import numpy as np
import pytest
import sympy
import torch
from e3nn import o3
from lie_learn.representations.SO3.spherical_harmonics import rsh

from steer.reps import harmonics
from tests.oracles.conventions import AXES, EPS, alternating, by_order

HIGHEST_OF_E3NN = 12
DEGREES = [*range(HIGHEST_OF_E3NN + 1), 20, 30, 50]

RANDOM = np.random.default_rng(0).normal(size=(200, 3))
SPECIAL = [[0, 0, 1], [0, 0, -2], [1, 0, 0], [0, -1, 0], [1e-9, -1e-9, 3], [1e-3, 0, -2], [1e-5, 2e-5, 1], [1, 1, 1]]
POINTS = np.concatenate([RANDOM, SPECIAL])

RATIONAL = [(2, 3, 6), (-1, 2, 2), (4, -4, 7), (-6, -2, -3), (0, 3, -4), (3, 0, 4), (-1, 0, 0), (0, -1, 0), (0, 0, -1)]
"""Directions whose length is an integer."""


def rounding(degree):
    """A bound on the difference of two computations of a harmonic.

    The largest rounding errors are near the poles, where the slope of the zonal harmonic in z is sqrt(2l+1) l(l+1)/2
    and that in the length of the point as large; both z and the length are rounded.
    """
    return 2 * EPS * (degree + 1) ** 2 * math.sqrt(2 * degree + 1)


def of_lie_learn(degree, normalization):
    """(n, 2l + 1): its real harmonics at `POINTS`, m = -l, ..., l."""
    x, y, z = POINTS.T
    polar, azimuth = np.arctan2(np.hypot(x, y), z), np.arctan2(y, x)
    orders = range(-degree, degree + 1)
    return np.stack([rsh(degree, m, polar, azimuth, normalization=normalization) for m in orders], -1)


@pytest.mark.parametrize("degree", DEGREES)
def test_lie_learn(degree):
    found = harmonics(POINTS, degree) @ by_order(degree).T
    np.testing.assert_allclose(found, of_lie_learn(degree, "geodesy"), rtol=0, atol=rounding(degree))
    quantum = found @ alternating(degree) / math.sqrt(4 * math.pi)
    np.testing.assert_allclose(quantum, of_lie_learn(degree, "quantum"), rtol=0, atol=rounding(degree))


@pytest.mark.parametrize("degree", range(HIGHEST_OF_E3NN + 1))
@pytest.mark.parametrize(
    ("normalization", "factor"),
    [
        ("component", lambda degree: 1),
        ("norm", lambda degree: 1 / math.sqrt(2 * degree + 1)),
        ("integral", lambda degree: 1 / math.sqrt(4 * math.pi)),
    ],
    ids=["component", "norm", "integral"],
)
def test_e3nn(degree, normalization, factor):
    found = factor(degree) * harmonics(POINTS, degree) @ by_order(degree).T
    points = torch.tensor(POINTS @ AXES.T)
    expected = o3.spherical_harmonics(degree, points, normalize=True, normalization=normalization)
    np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=rounding(degree))


def real_from_complex(degree, m, polar, azimuth):
    """The real harmonic of order m by sympy's complex ones, exactly: twice the real or imaginary part, over sqrt(2)."""
    plus, minus = (sympy.Ynm(degree, k, polar, azimuth).expand(func=True) for k in (abs(m), -abs(m)))
    phase = (-1) ** abs(m)  # Y_-m is (-1)^m times the conjugate of Y_m, which has a factor (-1)^m itself
    if m == 0:
        return plus
    return (minus + phase * plus) / sympy.sqrt(2) if m > 0 else sympy.I * (minus - phase * plus) / sympy.sqrt(2)


def real_of_sympy(degree, m, polar, azimuth):
    """The real harmonic of order m by sympy's real ones: Znm has the sign (-1)^m for m > 0, and -1 for m < 0."""
    sign = (-1) ** m if m >= 0 else -1
    return sign * sympy.Znm(degree, m, polar, azimuth).expand(func=True)


@pytest.mark.parametrize("degree", range(5))
@pytest.mark.parametrize("exact", [real_from_complex, real_of_sympy])
def test_sympy(degree, exact):
    polar, azimuth = sympy.symbols("polar azimuth", real=True)
    forms = [sympy.sqrt(4 * sympy.pi) * exact(degree, m, polar, azimuth) for m in range(-degree, degree + 1)]
    for x, y, z in RATIONAL:
        length = sympy.sqrt(x * x + y * y + z * z)
        assert length.is_Integer
        at = {polar: sympy.acos(z / length), azimuth: sympy.atan2(y, x) if x or y else 0}
        expected = [complex(form.subs(at).evalf(40)) for form in forms]
        found = by_order(degree) @ harmonics([x, y, z], degree)
        np.testing.assert_allclose(found, expected, rtol=0, atol=rounding(degree))
