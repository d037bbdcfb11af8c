"""Restriction and induction: characters, stages, Frobenius reciprocity, over every subgroup."""

import itertools
import math

import numpy as np
import pytest

from steer.reps import decompose, multiplicity
from tests.catalogue import (
    CONTINUOUS,
    FINITE,
    GROUPS,
    O2,
    O3,
    SO2,
    SO3,
    TILTED,
    TOL,
    all_subgroups,
    band,
    elements,
    end_dimension,
    group_id,
    has_finite_index,
    index,
    induced,
    irreps,
    many_types,
    quotient,
)

EXHAUSTED = [group for group in GROUPS if group.is_finite]


def of_finite_index(group):
    """The subgroups that have finitely many cosets."""
    return [small for small in all_subgroups(group) if has_finite_index(group, small)]


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_restriction_is_the_same_matrices(group):
    for small in all_subgroups(group):
        g = elements(small)
        for rep in (*irreps(group), group.vector):
            restricted = rep.restrict(small)
            assert restricted.group == small
            np.testing.assert_array_equal(restricted(g), rep(g))
        assert group.trivial.restrict(small).irreps == (small.trivial,)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_restriction_is_transitive(group):
    for middle in all_subgroups(group):
        for small in all_subgroups(middle):
            for rep in irreps(group):
                assert rep.restrict(middle).restrict(small) == rep.restrict(small)
    assert all(rep.restrict(group) == rep for rep in many_types(group))


@pytest.mark.parametrize("group", FINITE, ids=group_id)
def test_restriction_by_name(group):
    for small in group.subgroups():
        assert group.vector.restrict(small.name) == group.vector.restrict(group.subgroup(small.name))
        assert group.quotient(small.name) == group.quotient(group.subgroup(small.name))


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_cosets_of_a_subgroup_are_as_many_as_its_index_and_disjoint(group):
    for small in all_subgroups(group):
        if not has_finite_index(group, small):
            assert group.index(small) == math.inf
            continue
        cosets = group.cosets(small)
        assert group.index(small) == len(cosets) == index(group, small)
        np.testing.assert_array_equal(cosets[0], np.eye(len(cosets[0])))
        inside = small.contains(np.swapaxes(cosets, 1, 2)[:, None] @ group.sample(8, seed=5))
        np.testing.assert_array_equal(inside.sum(axis=0), 1)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_size_of_an_induced_representation_is_the_index_times_the_size(group):
    for small in of_finite_index(group):
        for psi in irreps(small):
            assert psi.induce(group).size == index(group, small) * psi.size
            assert len(psi.induce(group).cosets) == index(group, small)


@pytest.mark.parametrize("group", EXHAUSTED, ids=group_id)
def test_character_of_an_induced_representation(group):
    # chi(g) = 1/|H| sum over x in G with x^-1 g x in H of chi_W(x^-1 g x)
    x = group.elements
    conjugates = x.transpose(0, 2, 1)[:, None] @ x @ x[:, None]
    for small in all_subgroups(group):
        inside = small.contains(conjugates)
        for psi in irreps(small):
            values = np.zeros(inside.shape)
            values[inside] = psi.character(conjugates[inside])
            np.testing.assert_allclose(psi.induce(group).character(x), values.sum(axis=0) / small.order, atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_frobenius_reciprocity(group):
    # dim Hom_G(V, Ind W) = dim Hom_H(Res V, W); for a band-limited Ind W, with V inside the band
    above, above_weights = group.haar(2 * highest(group))
    characters = above_weights * np.stack([rep.character(above) for rep in irreps(group)])
    for small in all_subgroups(group):
        below, below_weights = small.haar(2 * highest(group))
        restricted = below_weights * np.stack([rep.character(below) for rep in irreps(group)])
        for psi in irreps(small):
            large = induced(group, psi).character(above) if occurs_in_band(group, psi) else np.zeros(len(above))
            np.testing.assert_allclose(characters @ large, restricted @ psi.character(below), rtol=0, atol=TOL)


def highest(group):
    """No irrep tested, nor band-limited type, has a higher frequency."""
    return max(band(group), *(psi.frequency for psi in irreps(group)))


def occurs_in_band(group, psi):
    """Whether any irrep of the group contains psi; always, when there are finitely many cosets."""
    return has_finite_index(group, psi.group) or any(
        multiplicity(rep.restrict(psi.group), psi) for rep in group.irreps(band(group))
    )


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_frobenius_reciprocity_of_multiplicities(group):
    small = group.subgroups()[len(group.subgroups()) // 2]
    for psi, rep in itertools.product(irreps(small), many_types(group)[:12]):
        if has_finite_index(group, small):
            assert multiplicity(rep, psi.induce(group)) == multiplicity(rep.restrict(small), psi)


@pytest.mark.parametrize("group", EXHAUSTED, ids=group_id)
def test_induction_in_stages(group):
    for middle in group.subgroups():
        for small in middle.subgroups():
            for psi in irreps(small):
                at_once = psi.induce(group).character(group.elements)
                in_stages = psi.induce(middle).induce(group).character(group.elements)
                np.testing.assert_allclose(in_stages, at_once, atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_first_block_of_an_induced_representation_restricts_to_the_base(group):
    # the identity coset comes first, and H moves its fibre by W: what the reduction of kernels to a subgroup rests on
    for small in of_finite_index(group):
        h = elements(small)
        for psi in irreps(small):
            blocks = psi.induce(group)(h)[:, : psi.size, : psi.size]
            np.testing.assert_allclose(blocks, psi(h), atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_coset_representatives_carry_the_first_fibre_to_the_others(group):
    for small in of_finite_index(group):
        psi = irreps(small)[-1]
        rep = psi.induce(group)
        for i, representative in enumerate(rep.cosets):
            column = rep(representative)[:, : psi.size].reshape(len(rep.cosets), psi.size, psi.size)
            expected = np.zeros_like(column)
            expected[i] = np.eye(psi.size)
            np.testing.assert_allclose(column, expected, atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_quotients_permute_cosets(group):
    g = elements(group)
    for small in of_finite_index(group):
        rep = group.quotient(small)
        assert rep.is_permutation
        assert rep.size == index(group, small)
        # transitive: one orbit, so one invariant vector
        assert rep.irreps.count(group.trivial) == 1
        # the first coset is fixed by H and by nothing else
        np.testing.assert_array_equal(rep(g)[:, 0, 0] == 1, small.contains(g))


@pytest.mark.parametrize("group", FINITE + TILTED, ids=group_id)
def test_regular_representation_permutes_elements(group):
    g = group.elements
    assert group.regular == group.quotient(group.trivial_subgroup) == group.trivial_subgroup.trivial.induce(group)
    # e_h -> e_gh, the basis in the order of the elements
    products = np.linalg.norm((g[:, None] @ g)[:, :, None] - g, axis=(-2, -1)).argmin(axis=-1)
    expected = np.zeros((group.order, group.order, group.order))
    for a, row in enumerate(products):
        expected[a, row, np.arange(group.order)] = 1
    np.testing.assert_array_equal(group.regular(g), expected)


@pytest.mark.parametrize("group", EXHAUSTED, ids=group_id)
def test_regular_representation_restricts_to_copies_of_the_regular_one(group):
    for small in all_subgroups(group):
        found = decompose(group.regular.restrict(small)).multiplicities
        one = decompose(small.regular).multiplicities
        assert found == {psi: index(group, small) * count for psi, count in one.items()}


@pytest.mark.parametrize("group", CONTINUOUS, ids=group_id)
def test_band_limited_quotients_hold_the_harmonics_that_the_subgroup_fixes(group):
    for small in all_subgroups(group):
        rep = quotient(group, small)
        for psi in irreps(group):
            nodes, weights = small.haar(psi.frequency)
            fixed = round(float(weights @ psi.character(nodes)))
            assert rep.irreps.count(psi) * end_dimension(psi) == fixed


def test_functions_on_the_sphere():
    # SO(3)/SO(2) is the sphere: every degree once, and with O(3) the parity of the harmonics; SO(3)/O(2) its even half
    assert [psi.label for psi in SO3.quotient("Cinf", 4).irreps] == ["0", "1", "2", "3", "4"]
    assert [psi.label for psi in O3.quotient("Cinfv", 4).irreps] == ["0e", "1o", "2e", "3o", "4e"]
    assert [psi.label for psi in SO3.quotient("Dinf", 4).irreps] == ["0", "2", "4"]
    assert SO3.band_limited(3).size == 1 + 9 + 25 + 49
    # the first degree above 0 at which a polyhedral group has an invariant
    assert [psi.label for psi in SO3.quotient("I", 10).irreps] == ["0", "6", "10"]
    assert [psi.label for psi in SO3.quotient("O", 4).irreps] == ["0", "4"]


def test_functions_on_the_circle():
    # O(2)/D1 and SO(2)/C1 are the circle: every harmonic once
    assert [psi.label for psi in O2.quotient("D1", 4).irreps] == ["0+", "1", "2", "3", "4"]
    assert [psi.label for psi in SO2.quotient("C1", 4).irreps] == ["0", "1", "2", "3", "4"]
    assert [psi.label for psi in O2.quotient("SO(2)").irreps] == ["0+", "0-"]


def test_irreps_of_rotations_induce_irreps_of_reflections_too():
    for k in range(1, 6):
        assert [psi.label for psi in SO2.irrep(str(k)).induce(O2).irreps] == [str(k), str(k)]
        assert [psi.label for psi in O2.irrep(str(k)).restrict(SO2).irreps] == [str(k)]
    assert [psi.label for psi in SO2.trivial.induce(O2).irreps] == ["0+", "0-"]
