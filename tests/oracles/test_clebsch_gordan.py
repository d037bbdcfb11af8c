"""Clebsch-Gordan coefficients of SO(3): sympy's, exactly up to a sign, and those of e3nn."""

import functools
import itertools

import mpmath
import numpy as np
import pytest
from e3nn import o3
from sympy.physics.quantum.cg import CG
from sympy.physics.wigner import clebsch_gordan as exact_coefficient

import steer
from steer.reps import clebsch_gordan
from tests.oracles.conventions import EPS, by_order

DIGITS = 50

COUPLED = [(a, b, c) for a, b, c in itertools.product(range(7), repeat=3) if abs(a - b) <= c <= a + b]
HIGH = [(5, 6, 11), (8, 2, 7), (10, 0, 10), (3, 10, 9), (7, 8, 10), (10, 10, 1), (10, 10, 10)]


def coefficients(l1, l2, l3):
    """(2 l3 + 1, 2 l1 + 1, 2 l2 + 1): steer's, in the bases m = -l, ..., l."""
    irreps = (steer.group("SO(3)", dim=3).irrep(str(degree)) for degree in (l1, l2, l3))
    (found,) = clebsch_gordan(*irreps)
    return np.einsum("zc,xa,yb,cab->zxy", by_order(l3), by_order(l1), by_order(l2), found)


def same_sign(found, expected):
    """`found`, or its negative, whichever has the sign of `expected` where that is largest."""
    largest = np.unravel_index(np.argmax(np.abs(expected)), expected.shape)
    return found * np.sign(found[largest]) * np.sign(expected[largest])


@functools.cache
def real_from_complex(degree):
    """{real order: {complex order: entry}}: real harmonics by complex ones with the Condon-Shortley phase.

    Y_-m is (-1)^m times the conjugate of Y_m, and Y_m is (-1)^m times a positive function times e^(imp): so the cosine
    is (Y_-m + (-1)^m Y_m) / sqrt(2) and the sine i (Y_-m - (-1)^m Y_m) / sqrt(2).
    """
    with mpmath.workdps(DIGITS):
        half = mpmath.mpc(1 / mpmath.sqrt(2))
        out = {0: {0: mpmath.mpc(1)}}
        for m in range(1, degree + 1):
            out[m] = {-m: half, m: (-1) ** m * half}
            out[-m] = {-m: 1j * half, m: -1j * (-1) ** m * half}
        return out


@functools.cache
def into_real(degree):
    """{complex order: {real order: conjugate entry}} of `real_from_complex`, which is unitary."""
    rows = real_from_complex(degree)
    with mpmath.workdps(DIGITS):
        return {m: {k: rows[k][m].conjugate() for k in {m, -m}} for m in range(-degree, degree + 1)}


def exact(l1, l2, l3):
    """sympy's coefficients in the real bases, rounded to float64 from 50 digits: |c> = sum T[c, a, b] |a> |b>.

    The coupled kets are |l3 m3> = sum <l1 m1 l2 m2 | l3 m3> |m1> |m2>. The result is real or imaginary; i is left out.
    """
    with mpmath.workdps(DIGITS):
        norm = mpmath.sqrt(2 * l3 + 1)
        total = {}
        for m1, m2 in itertools.product(range(-l1, l1 + 1), range(-l2, l2 + 1)):
            m3 = m1 + m2
            if abs(m3) > l3:
                continue
            value = mpmath.mpmathify(exact_coefficient(l1, l2, l3, m1, m2, m3).evalf(DIGITS)) / norm
            for a, b, c in itertools.product(into_real(l1)[m1], into_real(l2)[m2], {m3, -m3}):
                term = real_from_complex(l3)[c][m3] * into_real(l1)[m1][a] * into_real(l2)[m2][b] * value
                total[c, a, b] = total.get((c, a, b), 0) + term
        out = np.zeros((2 * l3 + 1, 2 * l1 + 1, 2 * l2 + 1))
        odd = (l1 + l2 + l3) % 2
        for (c, a, b), value in total.items():
            kept, left = (value.imag, value.real) if odd else (value.real, value.imag)
            assert abs(left) < mpmath.mpf(10) ** (5 - DIGITS)
            out[l3 + c, l1 + a, l2 + b] = float(kept) if abs(kept) > mpmath.mpf(10) ** (5 - DIGITS) else 0.0
    return out


@pytest.mark.parametrize(("l1", "l2", "l3"), [*COUPLED, *HIGH])
def test_sympy(l1, l2, l3):
    # no tolerance: each component is the float64 nearest to its exact value
    expected = exact(l1, l2, l3)
    found = coefficients(l1, l2, l3)
    np.testing.assert_array_equal(same_sign(found, expected), expected)


def test_the_two_functions_of_sympy_agree():
    # `exact` rests on one of them
    for l1, l2, l3 in [(1, 1, 2), (2, 1, 2), (3, 2, 4)]:
        for m1, m2 in itertools.product(range(-l1, l1 + 1), range(-l2, l2 + 1)):
            state = CG(l1, m1, l2, m2, l3, m1 + m2).doit()
            assert state == exact_coefficient(l1, l2, l3, m1, m2, m1 + m2)


@pytest.mark.parametrize(("l1", "l2", "l3"), COUPLED)
def test_e3nn(l1, l2, l3):
    # its axes are those of steer under other names, which leaves the coefficients of m = -l, ..., l as they are
    expected = o3.wigner_3j(l1, l2, l3).numpy().transpose(2, 0, 1)
    found = coefficients(l1, l2, l3)
    # its complex coefficients are rounded fractions; the changes of basis and its norm round a few more times
    np.testing.assert_allclose(same_sign(found, expected), expected, rtol=0, atol=4 * EPS)


def test_no_coupling_where_sympy_has_none():
    group = steer.group("SO(3)", dim=3)
    for l1, l2, l3 in itertools.product(range(5), repeat=3):
        if (l1, l2, l3) not in COUPLED:
            orders = itertools.product(range(-l1, l1 + 1), range(-l2, l2 + 1))
            assert not any(exact_coefficient(l1, l2, l3, m1, m2, m1 + m2) for m1, m2 in orders)
            assert len(clebsch_gordan(*(group.irrep(str(degree)) for degree in (l1, l2, l3)))) == 0
