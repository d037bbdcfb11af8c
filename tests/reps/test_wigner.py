"""Wigner matrices: equivariance of the harmonics, homomorphism, orthogonality, characters; at the poles as well."""

import math
import re

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from scipy.spatial.transform import Rotation

from steer.errors import GroupError, RepresentationError, ShapeError
from steer.reps import harmonics
from steer.reps.special._wigner import wigner_d

DEGREES = [*range(13), 20, 30]
EPS = np.finfo(float).eps


def rounding(degree):
    """A bound on the rounding of D: every angle is uncertain by a few EPS, and turns the order m by m times that."""
    return 16 * EPS * (degree + 1)


def turn(axis, angle):
    """The rotation about a coordinate axis, 0, 1 or 2."""
    c, s = math.cos(angle), math.sin(angle)
    out = np.eye(3)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    out[first, first], out[first, second], out[second, first], out[second, second] = c, -s, s, c
    return out


def near_the_poles():
    """Rotations whose polar angle is 0 or pi, or off by 1e-1 to 1e-18 and less."""
    rng = np.random.default_rng(1)
    offsets = [0.0, *(10.0**-k for k in range(1, 19)), 1e-60, 1e-150, 1e-310]
    angles = [angle for offset in offsets for angle in (offset, -offset, math.pi - offset, math.pi + offset)]
    return np.stack([turn(2, rng.uniform(0, 7)) @ turn(1, b) @ turn(2, rng.uniform(0, 7)) for b in angles])


RANDOM = Rotation.from_quat(np.random.default_rng(0).normal(size=(40, 4))).as_matrix()
CUBE = np.round(Rotation.create_group("O").as_matrix())
ROTATIONS = {"random": RANDOM, "near the poles": near_the_poles(), "of the cube": CUBE}

quaternions = st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 1e-3)
rotations = quaternions.map(lambda q: Rotation.from_quat(q).as_matrix())


@pytest.fixture(params=ROTATIONS)
def some(request):
    """(n, 3, 3): rotations of one kind."""
    return ROTATIONS[request.param]


@pytest.mark.parametrize("degree", DEGREES)
def test_equivariance_of_harmonics(some, degree):
    # Y(R x) = D(R) Y(x); the error is that of the harmonics, see `rounding` in test_harmonics
    points = np.random.default_rng(2).normal(size=(20, 3))
    moved = harmonics(points @ np.swapaxes(some, -1, -2), degree)
    expected = harmonics(points, degree) @ np.swapaxes(wigner_d(some, degree), -1, -2)
    np.testing.assert_allclose(moved, expected, atol=4 * EPS * (degree + 1) ** 2 * math.sqrt(2 * degree + 1))


@pytest.mark.parametrize("degree", DEGREES)
def test_homomorphism(some, degree):
    for other in (np.roll(some, 1, axis=0), RANDOM[0]):
        found = wigner_d(some @ other, degree)
        expected = wigner_d(some, degree) @ wigner_d(other, degree)
        np.testing.assert_allclose(found, expected, atol=rounding(degree))


@pytest.mark.parametrize("degree", DEGREES)
def test_orthogonal_and_the_inverse_is_the_transpose(some, degree):
    found = wigner_d(some, degree)
    transposed = np.swapaxes(found, -1, -2)
    np.testing.assert_allclose(
        found @ transposed, np.broadcast_to(np.eye(2 * degree + 1), found.shape), atol=rounding(degree)
    )
    np.testing.assert_allclose(wigner_d(np.swapaxes(some, -1, -2), degree), transposed, atol=rounding(degree))


@pytest.mark.parametrize("degree", DEGREES)
def test_characters(degree):
    # the trace is sin((2l + 1) t/2) / sin(t/2), that is 1 + 2 cos t + ... + 2 cos l t, with t the angle
    vectors = Rotation.from_matrix(RANDOM).as_rotvec()
    angle = np.linalg.norm(vectors, axis=-1)
    expected = np.sin((degree + 0.5) * angle) / np.sin(angle / 2)
    found = np.trace(wigner_d(RANDOM, degree), axis1=-2, axis2=-1)
    np.testing.assert_allclose(found, expected, atol=(2 * degree + 1) * rounding(degree))


@pytest.mark.parametrize("degree", DEGREES)
def test_identity(degree):
    np.testing.assert_allclose(wigner_d(np.eye(3), degree), np.eye(2 * degree + 1), atol=1e-14)


def test_degree_one_is_the_rotation_itself(some):
    found = wigner_d(some, 1)
    np.testing.assert_array_equal(found, some)
    assert not np.shares_memory(found, some)
    np.testing.assert_array_equal(wigner_d(some, 0), np.ones((len(some), 1, 1)))


@pytest.mark.parametrize("degree", DEGREES)
def test_turns_about_the_polar_axis_turn_each_order_by_itself(degree):
    angle = 0.7
    found = wigner_d(turn(2, angle), degree)
    orders = (1, -1, 0) if degree == 1 else range(-degree, degree + 1)
    for i, m in enumerate(orders):
        for j, n in enumerate(orders):
            sine = math.sin(abs(m) * angle) * (1 if m < 0 else -1)  # cos m(p + a) has - sin m a, sin m(p + a) has +
            expected = math.cos(m * angle) if m == n else sine if m == -n else 0.0
            assert abs(found[i, j] - expected) < rounding(degree)


def test_degree_two_is_the_action_on_traceless_symmetric_matrices(some):
    # each harmonic of degree 2 is x . Q x with Q symmetric and traceless: D Q = R^T Q R, component by component
    s, t = math.sqrt(15) / 2, math.sqrt(5) / 2
    forms = np.zeros((5, 3, 3))
    forms[0, 0, 1] = forms[0, 1, 0] = forms[1, 1, 2] = forms[1, 2, 1] = forms[3, 0, 2] = forms[3, 2, 0] = s
    forms[2], forms[4] = np.diag([-t, -t, 2 * t]), np.diag([s, -s, 0])
    moved = np.einsum("nki,akl,nlj->naij", some, forms, some)
    expected = np.einsum("nab,bij->naij", wigner_d(some, 2), forms)
    np.testing.assert_allclose(moved, expected, atol=rounding(2))


@given(rotations, rotations, st.integers(0, 30))
def test_homomorphism_of_any_rotations(first, second, degree):
    product = wigner_d(first, degree) @ wigner_d(second, degree)
    np.testing.assert_allclose(wigner_d(first @ second, degree), product, atol=rounding(degree))


@given(rotations, st.integers(2, 12), st.floats(-1e-7, 1e-7))
def test_inexact_rotations_give_orthogonal_matrices_nearby(rotation, degree, error):
    inexact = rotation + error * np.random.default_rng(degree).uniform(-1, 1, (3, 3))
    found = wigner_d(inexact, degree)
    np.testing.assert_allclose(found @ found.T, np.eye(2 * degree + 1), atol=rounding(degree))
    # a generator of rotations has norm l in degree l; each of nine entries is off by the error, in three angles
    np.testing.assert_allclose(found, wigner_d(rotation, degree), atol=10 * degree * abs(error) + rounding(degree))


def test_shapes():
    for shape in ((), (0,), (2, 3)):
        batch = np.broadcast_to(RANDOM[0], (*shape, 3, 3))
        for degree in range(4):
            found = wigner_d(batch, degree)
            assert found.shape == (*shape, 2 * degree + 1, 2 * degree + 1)
            assert found.dtype == np.float64
            found += 1  # belongs to the caller
    np.testing.assert_array_equal(wigner_d(RANDOM.reshape(8, 5, 3, 3), 3).reshape(40, 7, 7), wigner_d(RANDOM, 3))
    np.testing.assert_allclose(wigner_d(np.eye(3, dtype=int).tolist(), 3), np.eye(7), atol=1e-14)


def test_errors():
    for bad in (np.eye(2), np.zeros(3), np.zeros((3, 3, 2)), 1.0):
        with pytest.raises(ShapeError, match=re.escape(f"rotations: expected shape (..., 3, 3), got {np.shape(bad)}")):
            wigner_d(bad, 2)
    for degree in (-1, 0.5, None):
        with pytest.raises(RepresentationError, match="degree: expected an integer >= 0, got"):
            wigner_d(np.eye(3), degree)
    scaled = np.stack([np.eye(3), np.diag([1.0, 1.0, 1.01])])
    infinite = np.eye(3)
    infinite[0, 1] = np.inf
    cases = [(-np.eye(3), "2"), (scaled, "0.0201"), (np.zeros((3, 3)), "1.73"), (np.full((3, 3), np.nan), "nan")]
    for bad, distance in [*cases, (infinite, "")]:
        with pytest.raises(GroupError, match=re.escape(f"rotations: a matrix is {distance}")):
            wigner_d(bad, 2)
    for degree in (0, 1):
        with pytest.raises(GroupError, match="away from a rotation"):
            wigner_d(-np.eye(3), degree)
