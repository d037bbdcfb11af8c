"""Irreps: homomorphisms, orthogonality relations, Frobenius-Schur type, completeness."""

import numpy as np
import pytest

import steer
from steer.errors import RepresentationError
from steer.reps import AxialGroup
from tests.catalogue import (
    CONTINUOUS,
    FINITE,
    GROUPS,
    O2,
    SO2,
    TILTED,
    TOL,
    elements,
    end_dimension,
    generators,
    group_id,
    irreps,
    many_types,
)

QUARTER = np.array([[0.0, -1.0], [1.0, 0.0]])


def commutant(matrices):
    """Dimension of the space of matrices that commute with all of these, by the singular values of the constraints."""
    size = matrices.shape[-1]
    eye = np.eye(size)
    constraints = [np.kron(m, eye) - np.kron(eye, m.T) for m in matrices]
    values = np.linalg.svd(np.concatenate([np.zeros((1, size**2)), *constraints]), compute_uv=False)
    return size**2 - int((values > 1e-9).sum())


def conjugacy_classes(group):
    """Brute force: classes of a finite group, as frozen sets of indices into its elements."""
    g = group.elements
    images = (g[:, None] @ g @ g.transpose(0, 2, 1)[:, None]).reshape(len(g), len(g), -1)
    # tr(a^T b) is largest, and the dimension, for equal orthogonal matrices
    overlap = images @ g.reshape(len(g), -1).T
    np.testing.assert_allclose(overlap.max(axis=-1), group.dim, atol=TOL)
    return {frozenset(column.tolist()) for column in overlap.argmax(axis=-1).T}


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_every_representation_is_an_orthogonal_homomorphism(group):
    g = elements(group)
    identity = np.eye(group.dim)
    for rep in many_types(group):
        matrices = rep(g)
        assert matrices.shape == (len(g), rep.size, rep.size)
        eye = np.eye(rep.size)
        np.testing.assert_allclose(rep(identity), eye, atol=TOL)
        np.testing.assert_allclose(
            matrices @ matrices.transpose(0, 2, 1), np.broadcast_to(eye, matrices.shape), atol=TOL
        )
        # generators times everything is enough: every element is a word in the generators
        for s in generators(group):
            np.testing.assert_allclose(rep(s @ g), rep(s) @ matrices, atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_leading_axes_are_kept(group):
    g = elements(group)[:1]
    for rep in many_types(group):
        assert rep(g[0]).shape == (rep.size, rep.size)
        assert rep(g[None]).shape == (1, 1, rep.size, rep.size)
        assert rep(g[:0]).shape == (0, rep.size, rep.size)
        assert rep.character(g[None]).shape == (1, 1)
        np.testing.assert_allclose(rep.character(g), np.trace(rep(g), axis1=1, axis2=2), atol=TOL)


@pytest.mark.parametrize("group", FINITE + TILTED, ids=group_id)
def test_dimensions_add_up_to_the_order(group):
    # R[G] is a sum of matrix algebras over End(psi), so sum d^2 / dim End = |G|
    assert sum(psi.size**2 // end_dimension(psi) for psi in group.irreps()) == group.order


@pytest.mark.parametrize("group", FINITE + TILTED, ids=group_id)
def test_there_are_as_many_irreps_as_real_classes(group):
    # real irreps are as many as classes of {g, g^-1}
    inverse = np.linalg.norm(group.elements[:, None] - group.elements.transpose(0, 2, 1), axis=(-2, -1)).argmin(axis=0)
    real = {frozenset({*found, *(int(inverse[i]) for i in found)}) for found in conjugacy_classes(group)}
    assert len(group.irreps()) == len(real)


@pytest.mark.parametrize("group", FINITE + TILTED, ids=group_id)
def test_characters_are_constant_on_conjugacy_classes(group):
    for rep in many_types(group):
        values = rep.character(group.elements)
        for found in conjugacy_classes(group):
            assert np.ptp(values[sorted(found)]) < TOL


@pytest.mark.parametrize("group", CONTINUOUS, ids=group_id)
def test_characters_are_invariant_under_conjugation(group):
    g, h = group.sample(16, seed=1), group.sample(16, seed=2)
    for rep in many_types(group):
        np.testing.assert_allclose(rep.character(h @ g @ h.transpose(0, 2, 1)), rep.character(g), atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_type_is_the_dimension_of_the_commutant(group):
    for psi in irreps(group):
        assert commutant(psi(generators(group))) == end_dimension(psi)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_type_is_the_frobenius_schur_indicator(group):
    # the integral of chi(g^2) over a real irrep is 1, 0 or -2 for real, complex and quaternionic type
    for psi in irreps(group):
        nodes, weights = group.haar(2 * psi.frequency)
        indicator = float(weights @ psi.character(nodes @ nodes))
        assert abs(indicator - {"real": 1, "complex": 0, "quaternionic": -2}[psi.type]) < TOL


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_characters_are_orthogonal(group):
    for a in irreps(group):
        for b in irreps(group):
            nodes, weights = group.haar(a.frequency + b.frequency)
            expected = end_dimension(a) if a == b else 0
            assert abs(weights @ (a.character(nodes) * b.character(nodes)) - expected) < TOL


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_matrix_elements_are_orthogonal(group):
    # int psi_ij psi_kl = sum over an orthonormal basis U of End(psi) of U_ik U_jl: delta_ik delta_jl / d for real type,
    # and the complex numbers a + b J, J the quarter turn, for the two-dimensional irreps of complex type
    for a in irreps(group):
        for b in irreps(group):
            nodes, weights = group.haar(a.frequency + b.frequency)
            found = np.einsum("n,nij,nkl->ijkl", weights, a(nodes), b(nodes))
            ends = [np.eye(a.size), QUARTER][: end_dimension(a)]
            basis = np.array(ends if a == b else []).reshape(-1, a.size, b.size) / np.sqrt(a.size)
            np.testing.assert_allclose(found, np.einsum("uik,ujl->ijkl", basis, basis), atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_labels_are_unique_and_give_the_irreps_back(group):
    labels = [psi.label for psi in irreps(group)]
    assert len(set(labels)) == len(labels)
    for psi in irreps(group):
        assert group.irrep(psi.label) == psi
        assert psi.irreps == (psi,)
        assert psi.is_trivial == (psi == group.trivial)
        assert psi.name == str(psi) == psi.label
    assert irreps(group)[0] == group.trivial
    np.testing.assert_array_equal(group.trivial(elements(group)), np.ones((len(elements(group)), 1, 1)))


def waves(group, nodes, highest):
    """Characters of what a frequency counts, degree by degree, and the signs "up to a reflection" refers to."""
    # on a line the reflection is what a frequency counts
    determinant = np.linalg.det(nodes).round() if group.dim > 1 else np.ones(len(nodes))
    if isinstance(group, AxialGroup):
        upright = group.frame.T @ nodes @ group.frame
        planar, along = upright[:, :2, :2], upright[:, 2, 2].round()
        circular = [O2.harmonic(degree).character(planar) for degree in range(highest + 1)]
        return circular, [np.ones(len(nodes)), along, determinant, along * determinant]
    return [group.harmonic(degree).character(nodes) for degree in range(highest + 1)], [
        np.ones(len(nodes)),
        determinant,
    ]


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_frequency_is_the_lowest_degree_of_harmonics_with_that_irrep(group):
    # "up to a reflection": the irreps of O(2) without harmonics are the pseudoscalars, those times a determinant. Of
    # axial groups it is the lowest angular frequency about the axis.
    highest = max(psi.frequency for psi in irreps(group))
    nodes, weights = group.haar(2 * highest)
    characters, signs = waves(group, nodes, highest)
    for psi in irreps(group):
        at_nodes = psi.character(nodes)
        found = [max(weights @ (wave * sign * at_nodes) for sign in signs) > 0.5 for wave in characters]
        assert found.index(True) == psi.frequency


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_irreps_up_to_a_frequency_are_a_prefix_by_frequency(group):
    highest = max(psi.frequency for psi in irreps(group))
    for bound in range(highest + 1):
        expected = [psi for psi in irreps(group) if psi.frequency <= bound]
        assert list(group.irreps(bound)) == expected
    assert group.irreps(np.int64(highest)) == irreps(group)


def test_labels_of_the_planar_groups():
    def labels(name):
        return [psi.label for psi in irreps(steer.group(name, dim=2))]

    assert labels("C1") == ["A"]
    assert labels("C4") == ["A", "E", "B"]
    assert labels("C5") == ["A", "E1", "E2"]
    assert labels("D1") == ["A1", "A2"]
    assert labels("D2") == ["A1", "A2", "B1", "B2"]
    assert labels("D6") == ["A1", "A2", "E1", "E2", "B1", "B2"]
    assert labels("SO(2)") == ["0", "1", "2", "3"]
    assert labels("O(2)") == ["0+", "0-", "1", "2", "3"]


def test_rotations_of_frequency_k_turn_by_k_times_the_angle():
    for k in range(1, 6):
        for angle in np.linspace(-4, 4, 9):
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            expected = np.linalg.matrix_power(turn, k)
            for group in (SO2, O2):
                np.testing.assert_allclose(group.irrep(str(k))(turn), expected, atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_vector_is_the_group_itself(group):
    g = elements(group)
    np.testing.assert_array_equal(group.vector(g), g)
    assert group.vector.size == group.dim
    # components are in the order (x, y[, z]): the matrix that moves points moves vectors
    point = np.array([0.3, -1.2, 0.7])[: group.dim]
    np.testing.assert_array_equal(group.vector(g) @ point, g @ point)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_permutation_representations(group):
    g = elements(group)
    for rep in many_types(group):
        matrices = rep(g)
        expected = bool(np.isclose(matrices.max(axis=-1), 1).all() and np.isclose(matrices.sum(axis=-1), 1).all())
        assert rep.is_permutation == expected, rep
        # an orthogonal matrix with an entry +-1 in each row has zeros beside it
        assert rep.is_signed_permutation == bool(np.isclose(np.abs(matrices).max(axis=-1), 1).all()), rep


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_contains_trivial_when_there_is_an_invariant_vector(group):
    for rep in many_types(group):
        # invariants: the common kernel of rep(s) - 1
        fixed = np.concatenate([np.zeros((1, rep.size)), *(rep(generators(group)) - np.eye(rep.size))])
        smallest = np.linalg.svd(fixed, compute_uv=False)[-1] if len(fixed) >= rep.size else 0.0
        assert rep.contains_trivial == (smallest < 1e-9), rep


@pytest.mark.parametrize(
    ("name", "dim", "label"),
    [("SO(2)", 2, "1{}"), ("O(2)", 2, "1{}"), ("SO(3)", 3, "1{}"), ("O(3)", 3, "1{}o"), ("Cinfv", 3, "E1{}")],
)
def test_labels_have_the_digits_of_ascii(name, dim, label):
    with pytest.raises(RepresentationError, match="label: "):
        steer.group(name, dim=dim).irrep(label.format("\N{ARABIC-INDIC DIGIT TWO}"))
