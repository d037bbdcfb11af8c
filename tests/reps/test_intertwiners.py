"""Intertwiners: a basis of the whole space, in the gauge of the Haar projector."""

import itertools

import numpy as np
import pytest

from steer.reps import intertwiners, multiplicity
from tests.catalogue import FINITE, GROUPS, TOL, end_dimension, few_types, generators, group_id, irreps, quadrature


def projector(rep_in, rep_out):
    """The dense Haar projector on Hom(rep_in, rep_out), vectors indexed (out, in)."""
    nodes, weights = quadrature(rep_in, rep_out)
    products = np.tensordot(weights[:, None, None] * rep_out(nodes), rep_in(nodes), axes=(0, 0))
    return products.transpose(0, 2, 1, 3).reshape(2 * (rep_in.size * rep_out.size,))


def null_space_projector(rep_in, rep_out):
    """The same space as the kernel of A -> rep_out(s) A - A rep_in(s) for generators s, by SVD."""
    size = rep_in.size * rep_out.size
    constraints = [np.zeros((size, size))]
    for s in generators(rep_in.group):
        constraints.append(np.kron(rep_out(s), np.eye(rep_in.size)) - np.kron(np.eye(rep_out.size), rep_in(s).T))
    _, values, right = np.linalg.svd(np.concatenate(constraints), full_matrices=False)
    kernel = right[int((values > 1e-9).sum()) :]
    return kernel.T @ kernel


def gauge_by_qr(dense):
    """The gauge rule by another route: greedy pivots, Householder QR of them, and the signs."""
    pivots, frame = [], np.zeros((len(dense), 0))
    for j in range(len(dense)):
        if np.linalg.norm(dense[:, j] - frame @ (frame.T @ dense[:, j])) > 1e-6:
            pivots.append(j)
            frame = np.linalg.qr(dense[:, pivots])[0]
    basis = frame.T
    return np.array([row * np.sign(row[np.abs(row) > 1e-6][0]) for row in basis]).reshape(-1, len(dense))


def rows(maps):
    """Each map as a vector indexed (out, in)."""
    return maps.reshape(len(maps), maps.shape[1] * maps.shape[2])


def pairs(group, largest=40):
    """Pairs of types with a space of matrices small enough for dense linear algebra."""
    return [(a, b) for a, b in itertools.product(few_types(group), repeat=2) if a.size * b.size <= largest]


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_they_commute_with_the_group(group):
    g = group.sample(4, seed=5)
    matrices = {rep: rep(g) for rep in few_types(group)}
    for a, b in itertools.product(matrices, repeat=2):
        maps = intertwiners(a, b)
        assert maps.shape == (multiplicity(a, b), b.size, a.size)
        np.testing.assert_allclose(maps[:, None] @ matrices[a], matrices[b] @ maps[:, None], atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_they_are_an_orthonormal_basis_of_the_image_of_the_projector(group):
    for a, b in pairs(group):
        basis = rows(intertwiners(a, b))
        np.testing.assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=TOL)
        np.testing.assert_allclose(basis.T @ basis, projector(a, b), atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_they_are_all_solutions_of_the_commutation_constraint(group):
    for a, b in pairs(group):
        basis = rows(intertwiners(a, b))
        # the SVD loses some digits when singular values are close to zero without being it: frequencies near 2 pi
        np.testing.assert_allclose(basis.T @ basis, null_space_projector(a, b), atol=1e-11)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_their_number_is_the_inner_product_of_characters(group):
    types = few_types(group)
    highest = max(types, key=lambda rep: rep._degree)
    nodes, weights = quadrature(highest, highest)
    traces = {rep: rep.character(nodes) for rep in types}
    for a, b in itertools.product(traces, repeat=2):
        expected = weights @ (traces[a] * traces[b])
        assert abs(multiplicity(a, b) - expected) < 1e-10  # sums of up to size^2 = 600 terms of order 1
        assert multiplicity(a, b) == multiplicity(b, a) == len(intertwiners(a, b))


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_gauge_first_nonzero_component_is_positive(group):
    for a, b in itertools.product(few_types(group), repeat=2):
        for flat in rows(intertwiners(a, b)):
            assert flat[np.abs(flat) > 1e-6][0] > 0


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_gauge_is_that_of_the_columns_of_the_projector_in_order(group):
    for a, b in pairs(group, largest=40):
        basis = rows(intertwiners(a, b))
        np.testing.assert_allclose(basis, gauge_by_qr(projector(a, b)), atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_schur(group):
    for a, b in itertools.product(irreps(group), repeat=2):
        maps = intertwiners(a, b)
        assert len(maps) == (end_dimension(a) if a == b else 0)
        # every intertwiner of irreps is an isometry up to scale
        for one in maps * np.sqrt(a.size):
            np.testing.assert_allclose(one @ one.T, np.eye(a.size), atol=TOL)


@pytest.mark.parametrize("group", FINITE, ids=group_id)
def test_maps_out_of_the_regular_representation_are_vectors(group):
    # Hom_G(R[G], V) = V, by the image of the identity
    for psi in irreps(group):
        assert multiplicity(group.regular, psi) == psi.size


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_maps_out_of_the_band_limited_regular_representation_are_vectors(group):
    # the same for every V within the band
    highest = min(2, max(psi.frequency for psi in irreps(group)))
    for psi in group.irreps(highest):
        assert multiplicity(group.band_limited(highest), psi) == psi.size


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_transposes_are_intertwiners_the_other_way(group):
    for a, b in pairs(group, largest=40):
        there = rows(intertwiners(a, b))
        back = rows(intertwiners(b, a).transpose(0, 2, 1))
        np.testing.assert_allclose(there.T @ there, back.T @ back, atol=TOL)
