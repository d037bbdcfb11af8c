"""Coupling coefficients of SO(3): equivariance, completeness, special cases, and projectors by quadrature."""

import itertools
import math
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from scipy.spatial.transform import Rotation

from steer.reps import harmonics
from steer.reps.special._racah import racah
from steer.reps.special._wigner import wigner_d
from tests.catalogue import TOL

HIGHEST = 6
TRIPLES = [
    (l1, l2, l3) for l1, l2, l3 in itertools.product(range(HIGHEST + 1), repeat=3) if abs(l1 - l2) <= l3 <= l1 + l2
]
HIGH = [(20, 20, 20), (30, 30, 30), (25, 10, 30), (30, 21, 9), (1, 30, 30), (30, 1, 31), (0, 25, 25)]
ROTATIONS = Rotation.from_quat(np.random.default_rng(0).normal(size=(3, 4))).as_matrix()


@st.composite
def triples(draw, highest=12):
    """Three degrees that couple."""
    l1, l2 = draw(st.integers(0, highest)), draw(st.integers(0, highest))
    return l1, l2, draw(st.integers(abs(l1 - l2), l1 + l2))


def projected(l1, l2, l3, start):
    """The mean over all rotations of D_l3 start (D_l1 (x) D_l2)^T, by a quadrature exact for this degree."""
    degree = l1 + l2 + l3
    angles = 2 * np.pi * np.arange(degree + 1) / (degree + 1)
    nodes, weights = np.polynomial.legendre.leggauss(degree // 2 + 1)
    euler = np.array(list(itertools.product(angles, np.arccos(nodes), angles)))
    weight = np.broadcast_to(weights[:, None] / 2, (degree + 1, len(nodes), degree + 1)).ravel() / (degree + 1) ** 2
    rotations = Rotation.from_euler("ZYZ", euler).as_matrix()
    d1, d2, d3 = (wigner_d(rotations, degree) for degree in (l1, l2, l3))
    return np.einsum("n,ncC,naA,nbB,CAB->cab", weight, d3, d1, d2, start, optimize=True)


@pytest.mark.parametrize("triple", [TRIPLES, HIGH], ids=["low", "high"])
def test_equivariance(triple):
    # T (D1 (x) D2) = D3 T
    for l1, l2, l3 in triple:
        found = racah(l1, l2, l3)
        for d1, d2, d3 in zip(*(wigner_d(ROTATIONS, degree) for degree in (l1, l2, l3)), strict=True):
            turned = d3.T @ (d1.T @ found @ d2).reshape(2 * l3 + 1, -1)
            np.testing.assert_allclose(turned.reshape(found.shape), found, atol=TOL)


@pytest.mark.parametrize("triple", [TRIPLES, HIGH], ids=["low", "high"])
def test_unit_norm_sign_and_layout(triple):
    for l1, l2, l3 in triple:
        found = racah(l1, l2, l3)
        assert found.shape == (2 * l3 + 1, 2 * l1 + 1, 2 * l2 + 1)
        assert abs(np.linalg.norm(found) - 1) < 1e-14
        assert found.ravel()[np.flatnonzero(np.abs(found) > 1e-6)[0]] > 0
        assert found.flags.c_contiguous
        assert not found.flags.writeable
        assert racah(l1, l2, l3) is found


@pytest.mark.parametrize(("l1", "l2"), [*itertools.product(range(HIGHEST + 1), repeat=2), (20, 9)])
def test_complete(l1, l2):
    # sqrt(2 l3 + 1) T, stacked over l3, is the orthogonal change of basis of the tensor product
    blocks = [racah(l1, l2, l3) * math.sqrt(2 * l3 + 1) for l3 in range(abs(l1 - l2), l1 + l2 + 1)]
    basis = np.concatenate(blocks).reshape(-1, (2 * l1 + 1) * (2 * l2 + 1))
    np.testing.assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-14)
    np.testing.assert_allclose(basis.T @ basis, np.eye(len(basis)), atol=1e-14)


@pytest.mark.parametrize("degree", [*range(HIGHEST + 1), 20])
def test_the_scalar_in_a_square_is_the_scalar_product(degree):
    expected = np.eye(2 * degree + 1) / math.sqrt(2 * degree + 1)
    np.testing.assert_allclose(racah(degree, degree, 0)[0], expected, atol=1e-15)
    np.testing.assert_allclose(racah(0, degree, degree)[:, 0], expected, atol=1e-15)
    np.testing.assert_allclose(racah(degree, 0, degree)[:, :, 0], expected, atol=1e-15)


def test_two_vectors_couple_to_their_cross_product():
    x, y, z = np.eye(3)
    cross = np.stack([np.cross(a, b) for a, b in itertools.product((x, y, z), repeat=2)], -1).reshape(3, 3, 3)
    np.testing.assert_array_equal(racah(1, 1, 1), cross * float(np.sqrt(1 / 6)))


def test_two_vectors_couple_to_their_traceless_symmetric_matrix():
    # the harmonics of degree 2 polarised: Y(x) = T(x, x) up to the norm
    points = np.random.default_rng(1).normal(size=(10, 3))
    points /= np.linalg.norm(points, axis=-1, keepdims=True)
    found = np.einsum("cab,na,nb->nc", racah(1, 1, 2), points, points)
    # T has norm 1 and each of 5 equal rows 1/sqrt(5); x y is 1/2 off the diagonal twice, and Y is sqrt(15) x y
    np.testing.assert_allclose(found * math.sqrt(15) * math.sqrt(5 / 2), harmonics(points, 2), atol=TOL)


@pytest.mark.parametrize("triple", [(1, 1, 1), (1, 2, 2), (2, 1, 3), (2, 2, 3), (3, 2, 2), (3, 3, 1), (4, 2, 3)])
def test_projector_by_quadrature(triple):
    # the mean over the group of anything lies on the line of T; of T it is T
    found = racah(*triple)
    start = np.random.default_rng(2).normal(size=found.shape)
    np.testing.assert_allclose(projected(*triple, start), np.sum(start * found) * found, atol=TOL)


@pytest.mark.parametrize("triple", [triple for triple in TRIPLES if sum(triple) % 2 == 0])
def test_even_sums_are_integrals_of_three_harmonics(triple):
    # Gaunt: the mean of Y_l3 Y_l1 Y_l2 over the sphere is invariant, and non-zero for an even sum of degrees
    l1, l2, l3 = triple
    nodes, weights = np.polynomial.legendre.leggauss(sum(triple) // 2 + 1)
    angle = 2 * np.pi * np.arange(sum(triple) + 1) / (sum(triple) + 1)
    t, phi = (x.ravel() for x in np.meshgrid(nodes, angle, indexing="ij"))
    s = np.sqrt(1 - t**2)
    points, weight = (
        np.stack([s * np.cos(phi), s * np.sin(phi), t], -1),
        np.repeat(weights / 2, len(angle)) / len(angle),
    )
    y1, y2, y3 = (harmonics(points, degree) for degree in (l1, l2, l3))
    gaunt = np.einsum("n,nc,na,nb->cab", weight, y3, y1, y2, optimize=True)
    found = racah(l1, l2, l3)
    scale = np.sum(gaunt * found)
    assert abs(scale) > 0.1
    np.testing.assert_allclose(gaunt, scale * found, atol=TOL)


@pytest.mark.parametrize("triple", [triple for triple in TRIPLES if max(triple) <= 3])
def test_each_component_is_the_float_nearest_to_the_root_of_a_simple_fraction(triple):
    # the fraction is recovered from the float: two with denominators below 1e6 differ by more than 1e-12
    for value in np.unique(np.abs(racah(*triple))):
        square = Fraction(float(value) ** 2).limit_denominator(10**6)
        below, exact, above = (Fraction(float(x)) for x in (np.nextafter(value, 0), value, np.nextafter(value, 2)))
        assert abs(square - exact**2) < Fraction(1, 10**15)
        assert ((below + exact) / 2) ** 2 <= square <= ((exact + above) / 2) ** 2


@given(triples())
def test_symmetries(triple):
    # exchanging factors, or a factor with the result, permutes the axes up to a sign
    l1, l2, l3 = triple
    found = racah(l1, l2, l3)
    for other, axes in ((racah(l2, l1, l3), (0, 2, 1)), (racah(l3, l2, l1), (1, 0, 2)), (racah(l1, l3, l2), (2, 1, 0))):
        moved = other.transpose(axes)
        assert np.array_equal(moved, found) or np.array_equal(moved, -found)


@given(triples(), st.integers(0, 1000))
def test_coupled_harmonics_transform_as_harmonics(triple, seed):
    rng = np.random.default_rng(seed)
    rotation = Rotation.from_quat(rng.normal(size=4)).as_matrix()
    x, y = rng.normal(size=(2, 3))
    l1, l2, l3 = triple

    def coupled(x, y):
        return np.einsum("cab,a,b->c", racah(l1, l2, l3), harmonics(x, l1), harmonics(y, l2))

    np.testing.assert_allclose(coupled(rotation @ x, rotation @ y), wigner_d(rotation, l3) @ coupled(x, y), atol=TOL)


@given(triples(HIGHEST))
def test_parallel_harmonics_couple_to_harmonics_or_nothing(triple):
    # Y_l1(x) and Y_l2(x) couple to a multiple of Y_l3(x), which an inversion makes zero for an odd sum of degrees
    l1, l2, l3 = triple
    x = np.array([0.3, -1.2, 0.7])
    found = np.einsum("cab,a,b->c", racah(l1, l2, l3), harmonics(x, l1), harmonics(x, l2))
    target = harmonics(x, l3)
    factor = found @ target / (2 * l3 + 1)
    np.testing.assert_allclose(found, factor * target, atol=TOL)
    assert (abs(factor) < TOL) == (sum(triple) % 2 == 1)


@pytest.mark.parametrize("triple", [(1, 1, 3), (0, 1, 0), (4, 1, 2)])
def test_other_degrees_do_not_couple(triple):
    with pytest.raises(AssertionError, match="do not couple"):
        racah(*triple)
