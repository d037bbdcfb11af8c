"""Circular harmonics: closed form, orthonormality, equivariance."""

import numpy as np
import pytest

from steer.reps import harmonic_size, harmonics
from tests.planar import GROUPS, O2, TOL, elements, group_id

DEGREES = range(13)
ANGLES = np.linspace(-3, 3, 17)
POINTS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=-1) * np.linspace(0.1, 5, 17)[:, None]


@pytest.mark.parametrize("degree", DEGREES)
def test_closed_form(degree):
    wave = np.stack([np.cos(degree * ANGLES), np.sin(degree * ANGLES)], axis=-1) * np.sqrt(2)
    expected = wave if degree else np.ones((17, 1))
    np.testing.assert_allclose(harmonics(POINTS, degree), expected, atol=TOL)
    assert harmonics(POINTS, degree).shape == (17, harmonic_size(2, degree))


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
@pytest.mark.parametrize("degree", DEGREES)
def test_equivariance(group, degree):
    # Y(g x) = D(g) Y(x)
    g = elements(group)
    moved = harmonics(POINTS @ g.transpose(0, 2, 1), degree)
    expected = harmonics(POINTS, degree) @ group.harmonic(degree)(g).transpose(0, 2, 1)
    np.testing.assert_allclose(moved, expected, atol=TOL)


def test_orthonormal_on_the_circle():
    # 32 equidistant points integrate products of degrees up to 12 + 12 exactly
    angle = 2 * np.pi * np.arange(32) / 32
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    values = np.concatenate([harmonics(circle, degree) for degree in DEGREES], axis=1)
    np.testing.assert_allclose(values.T @ values / 32, np.eye(25), atol=TOL)


def test_degree_one_is_the_vector_itself():
    direction = POINTS / np.linalg.norm(POINTS, axis=-1, keepdims=True)
    np.testing.assert_allclose(harmonics(POINTS, 1), np.sqrt(2) * direction, atol=TOL)
    for group in GROUPS:
        g = elements(group)
        np.testing.assert_allclose(group.harmonic(1)(g), group.vector(g), atol=TOL)


def test_addition_theorem():
    # sum over one degree of Y(x) Y(y) is 2 cos m(s - t)
    for degree in range(1, 13):
        found = harmonics(POINTS, degree) @ harmonics(POINTS, degree).T
        np.testing.assert_allclose(found, 2 * np.cos(degree * (ANGLES[:, None] - ANGLES)), atol=TOL)


def test_only_the_direction_counts():
    for degree in DEGREES:
        np.testing.assert_allclose(harmonics(3 * POINTS, degree), harmonics(POINTS, degree), atol=TOL)


def test_origin_has_no_direction():
    np.testing.assert_array_equal(harmonics([0.0, 0.0], 0), [1.0])
    for degree in DEGREES[1:]:
        np.testing.assert_array_equal(harmonics([[0.0, 0.0]], degree), [[0.0, 0.0]])


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_harmonic_is_the_irrep_of_the_orthogonal_group(group):
    for degree in DEGREES:
        expected = O2.irrep(str(degree) if degree else "0+")
        assert group.harmonic(degree) == expected.restrict(group)


def test_size_in_space():
    assert [harmonic_size(3, degree) for degree in range(4)] == [1, 3, 5, 7]
