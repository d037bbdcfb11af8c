"""Decomposition into irreps: the change of basis is orthogonal and rebuilds the representation."""

import numpy as np
import pytest

from steer.reps import decompose, multiplicity
from tests.catalogue import (
    FINITE,
    GROUPS,
    TILTED,
    TOL,
    component,
    elements,
    end_dimension,
    group_id,
    irreps,
    many_types,
    quadrature,
    regular,
)


def rebuilt(irreps_of, change_of_basis, g):
    """Q blockdiag(irreps(g)) Q^T, block by block."""
    out = np.zeros((len(g), len(change_of_basis), len(change_of_basis)))
    start = 0
    for psi in irreps_of:
        columns = change_of_basis[:, start : start + psi.size]
        out += columns @ psi(g) @ columns.T
        start += psi.size
    assert start == len(change_of_basis)
    return out


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_change_of_basis_is_orthogonal_and_rebuilds_the_representation(group):
    g = group.sample(6, seed=11)
    for rep in many_types(group):
        for found in (rep, decompose(rep)):
            basis = found.change_of_basis
            np.testing.assert_allclose(basis @ basis.T, np.eye(rep.size), atol=TOL)
            np.testing.assert_allclose(rebuilt(found.irreps, basis, g), rep(g), atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_isometries_intertwine_and_reassemble_the_representation(group):
    g = group.sample(3, seed=12)
    for rep in many_types(group):
        for found in (rep.decomposition, decompose(rep)):
            total = np.zeros((3, rep.size, rep.size))
            for psi, start, isometry in zip(found.irreps, found.starts, found.isometries, strict=True):
                np.testing.assert_array_equal(isometry, found.change_of_basis[:, start : start + psi.size])
                np.testing.assert_allclose(rep(g) @ isometry, isometry @ psi(g), atol=TOL)
                total += isometry @ psi(g) @ isometry.T
            np.testing.assert_allclose(total, rep(g), atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_in_the_isotypic_basis_an_irrep_stands_beside_its_copies(group):
    g = group.sample(3, seed=13)
    for rep in many_types(group):
        found = (rep + rep).decomposition  # equal irreps are apart
        assert [found.irreps[at] for _, where in found.copies for at in where] == [
            psi for psi, count in found.multiplicities.items() for _ in range(count)
        ]
        turned = found.isotypic_basis.T @ (rep + rep)(g) @ found.isotypic_basis
        start = 0
        for psi, where in found.copies:
            stop = start + len(where) * psi.size
            np.testing.assert_allclose(turned[:, start:stop, start:stop], np.kron(np.eye(len(where)), psi(g)), atol=TOL)
            turned[:, start:stop, start:stop] = 0
            start = stop
        assert start == found.isotypic_basis.shape[1]
        np.testing.assert_allclose(turned, 0, atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_multiplicities_are_those_of_the_characters(group):
    for rep in many_types(group):
        nodes, weights = quadrature(rep, rep)
        found = decompose(rep).multiplicities
        assert sum(count * psi.size for psi, count in found.items()) == rep.size
        for psi, count in found.items():
            inner = weights @ (rep.character(nodes) * psi.character(nodes))
            assert abs(inner - count * end_dimension(psi)) < 1e-10


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_irreps_come_in_the_order_of_the_group_copies_together(group):
    for rep in many_types(group):
        found = decompose(rep)
        order = group.irreps(None if group.is_finite else 12)
        positions = [order.index(psi) for psi in found.irreps]
        assert positions == sorted(positions)
        assert list(found.multiplicities.items()) == [(psi, found.irreps.count(psi)) for psi in found.multiplicities]


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_sums_and_tensor_products_of_irreps(group):
    nodes, weights = quadrature(*4 * irreps(group)[-1:])
    characters = {psi: psi.character(nodes) for psi in irreps(group)}
    for a in irreps(group):
        for b in irreps(group):
            assert (a + b).irreps == (a, b)
            # the endomorphisms of a sum of m_i copies of irreps have dimension sum m_i^2 dim End
            found = decompose(a.tensor(b)).multiplicities
            ends = sum(count**2 * end_dimension(psi) for psi, count in found.items())
            product = (characters[a] * characters[b]) ** 2
            assert abs(weights @ product - ends) < 1e-10
            assert multiplicity(a.tensor(b), a.tensor(b)) == ends


@pytest.mark.parametrize("group", FINITE + TILTED, ids=group_id)
def test_regular_representation_contains_every_irrep(group):
    # each of them dim / dim End times
    assert decompose(group.regular).multiplicities == {psi: psi.size // end_dimension(psi) for psi in group.irreps()}


@pytest.mark.parametrize(
    "group",
    [pytest.param(group, marks=[pytest.mark.slow] if group.name == "O(3)" else []) for group in GROUPS],
    ids=group_id,
)
def test_band_limited_regular_representation(group):
    highest = max(psi.frequency for psi in irreps(group))
    rep = group.band_limited(highest)
    assert decompose(rep).multiplicities == {psi: psi.size // end_dimension(psi) for psi in irreps(group)}
    if group.is_finite:
        assert rep.size == group.order
        np.testing.assert_allclose(rep.character(group.elements), group.regular.character(group.elements), atol=TOL)
    else:
        # the functions cos m t, sin m t of each circle, or the matrix elements of D_0, ..., D_l on each sphere of SO(3)
        rotations = (highest + 1) * (2 * highest + 1) * (2 * highest + 3) // 3
        one = rotations if component(group) == 3 else 2 * highest + 1
        assert rep.size == one * len(group.components)


@pytest.mark.parametrize("group", FINITE + TILTED, ids=group_id)
def test_matrices_in_any_orthogonal_basis(group):
    rng = np.random.default_rng(0)
    source = (group.trivial + regular(group) + group.vector)(group.elements)
    mixing = np.linalg.qr(rng.normal(size=source.shape[1:]))[0]
    matrices = mixing @ source @ mixing.T
    found = decompose(matrices, group)
    basis = found.change_of_basis
    np.testing.assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=TOL)
    np.testing.assert_allclose(rebuilt(found.irreps, basis, group.elements), matrices, atol=TOL)
    assert found.multiplicities == decompose(group.trivial + regular(group) + group.vector).multiplicities


@pytest.mark.parametrize("group", FINITE, ids=group_id)
def test_matrices_of_a_representation_decompose_as_it_does(group):
    for rep in (group.vector, regular(group), *irreps(group)):
        from_values, from_matrices = decompose(rep, group), decompose(rep(elements(group)), group)
        assert from_values.irreps == from_matrices.irreps
        np.testing.assert_allclose(from_values.change_of_basis, from_matrices.change_of_basis, atol=TOL)
