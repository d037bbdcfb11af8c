"""The quadrature of the Haar measure is exact up to its degree, and invariant."""

import numpy as np
import pytest

from tests.catalogue import GROUPS, TOL, elements, group_id, irreps

DEGREES = (0, 1, 2, 5, 12)


def fourier(group, degree):
    """All irreps with a frequency up to the degree."""
    return irreps(group) if group.is_finite else group.irreps(degree)


@pytest.mark.parametrize("degree", DEGREES)
@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_weights_are_a_probability_measure_on_elements(group, degree):
    nodes, weights = group.haar(degree)
    assert nodes.shape == (len(weights), group.dim, group.dim)
    assert group.contains(nodes).all()
    assert (weights > 0).all()
    assert abs(weights.sum() - 1) < TOL


@pytest.mark.parametrize("degree", DEGREES)
@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_integral_of_an_irrep_is_zero_unless_it_is_trivial(group, degree):
    nodes, weights = group.haar(degree)
    for psi in fourier(group, degree):
        mean = np.einsum("n,nij->ij", weights, psi(nodes))
        np.testing.assert_allclose(mean, np.full((psi.size, psi.size), float(psi == group.trivial)), atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_integral_of_a_product_of_irreps_is_that_of_a_finer_quadrature(group):
    for a in irreps(group):
        for b in irreps(group):
            coarse, fine = (group.haar(a.frequency + b.frequency + extra) for extra in (0, 3))
            product = a.tensor(b)
            means = [np.einsum("n,nij->ij", weights, product(nodes)) for nodes, weights in (coarse, fine)]
            np.testing.assert_allclose(*means, atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_integral_is_invariant_under_shifts_and_inversion(group):
    nodes, weights = group.haar(4)
    product = group.vector.tensor(group.harmonic(1 if group.dim == 1 else 3))
    mean = np.einsum("n,nij->ij", weights, product(nodes))
    np.testing.assert_allclose(np.einsum("n,nij->ij", weights, product(nodes.transpose(0, 2, 1))), mean, atol=TOL)
    for h in elements(group):
        np.testing.assert_allclose(np.einsum("n,nij->ij", weights, product(h @ nodes)), mean, atol=TOL)
        np.testing.assert_allclose(np.einsum("n,nij->ij", weights, product(nodes @ h)), mean, atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_quadrature_of_a_finite_group_is_the_sum_over_its_elements(group):
    if group.is_finite:
        for degree in DEGREES:
            nodes, weights = group.haar(degree)
            np.testing.assert_array_equal(nodes, group.elements)
            np.testing.assert_allclose(weights, 1 / group.order, rtol=1e-15)
