"""Groups of the plane: closure, order, generators, sampling, membership, inclusion, subgroups."""

import itertools
import math

import numpy as np
import pytest

import steer
from tests.planar import CYCLIC, DIHEDRAL, FINITE, GROUPS, O2, PLANAR, SO2, TILTED, all_subgroups, elements, group_id

EXHAUSTED = FINITE + TILTED


def table(group):
    """(order, order): the index of the product of two elements, found by brute force."""
    products = group.elements[:, None] @ group.elements
    distance = np.linalg.norm(products[:, :, None] - group.elements, axis=(-2, -1))
    assert distance.min(axis=-1).max() < 1e-12
    return distance.argmin(axis=-1)


def indices(group, small):
    """The elements of a subgroup, as a set of indices into the elements of the group."""
    return frozenset(np.flatnonzero(small.contains(group.elements)).tolist())


def generated(products, seeds):
    """Closure of a set of indices under products."""
    found = {0, *seeds}
    while True:
        larger = found | {int(products[a, b]) for a in found for b in found}
        if larger == found:
            return frozenset(found)
        found = larger


@pytest.mark.parametrize("group", EXHAUSTED, ids=group_id)
def test_elements_form_a_group_of_the_stated_order(group):
    assert len(group.elements) == group.order
    np.testing.assert_array_equal(group.elements[0], np.eye(2))
    products = table(group)
    # a finite set closed under a product with cancellation (each row and column a permutation) is a group
    for line in (*products, *products.T):
        assert sorted(line) == list(range(group.order))


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_elements_are_orthogonal_and_distinct(group):
    g = elements(group)
    np.testing.assert_allclose(g @ g.transpose(0, 2, 1), np.broadcast_to(np.eye(2), g.shape), atol=1e-14)
    distance = np.linalg.norm(g[:, None] - g, axis=(-2, -1)) + 9 * np.eye(len(g))
    assert distance.min() > 1e-3
    assert group.contains(g).all()


@pytest.mark.parametrize("group", EXHAUSTED, ids=group_id)
def test_generators_generate(group):
    seeds = {int(np.linalg.norm(group.elements - s, axis=(-2, -1)).argmin()) for s in group.generators}
    assert group.contains(group.generators).all()
    assert len(generated(table(group), seeds)) == group.order


@pytest.mark.parametrize("group", PLANAR, ids=group_id)
def test_name_makes_the_same_object(group):
    assert steer.group(group.name, dim=2) is group
    assert str(group) == group.name
    assert group.is_finite == math.isfinite(group.order)


def test_names_and_orders_agree():
    assert [group.order for group in CYCLIC] == list(range(1, 13))
    assert [group.order for group in DIHEDRAL] == list(range(2, 26, 2))
    assert SO2.order == O2.order == math.inf
    assert len(set(GROUPS)) == len(GROUPS)


def test_positive_angles_turn_x_towards_y():
    c4 = steer.group("C4", dim=2).elements
    np.testing.assert_array_equal(c4 @ [1, 0], [[1, 0], [0, 1], [-1, 0], [0, -1]])


def test_groups_of_the_square_have_exact_entries():
    # kernels of C4 and D4 on the square grid are exactly equivariant only if these are exact
    assert set(np.unique(steer.group("D4", dim=2).elements)) == {-1.0, 0.0, 1.0}


def test_the_first_reflection_of_a_dihedral_group_keeps_its_axis():
    np.testing.assert_array_equal(steer.group("D1", dim=2).elements[1], [[1, 0], [0, -1]])
    for group in TILTED:
        angle = float(group.axis) * math.pi
        axis = np.array([math.cos(angle), math.sin(angle)])
        reflection = group.elements[group.order // 2]
        np.testing.assert_allclose(reflection @ axis, axis, atol=1e-14)
        assert np.linalg.det(reflection) < 0


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_membership(group):
    g = elements(group)
    assert group.contains(g * (1 + 1e-9)).all()
    assert not group.contains(g * (1 + 1e-4)).any()
    turn = np.array([[math.cos(1e-3), -math.sin(1e-3)], [math.sin(1e-3), math.cos(1e-3)]])
    assert group.contains(turn @ g).all() == (not group.is_finite)
    assert group.contains(np.diag([1.0, -1.0])) == any(np.allclose(h, np.diag([1, -1])) for h in g) or group == O2
    assert group.contains(g[0]).shape == ()
    assert group.contains(g[None, None]).shape == (1, 1, len(g))


def test_special_orthogonal_group_has_no_reflections():
    g = O2.sample(64, seed=3)
    np.testing.assert_array_equal(SO2.contains(g), np.linalg.det(g) > 0)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_samples_are_elements_repeat_with_the_seed_and_have_the_mean_of_the_haar_measure(group):
    g = group.sample(4000, seed=1)
    assert g.shape == (4000, 2, 2)
    assert group.contains(g).all()
    np.testing.assert_array_equal(g, group.sample(4000, seed=1))
    if group.order > 1:
        assert not np.array_equal(g, group.sample(4000, seed=2))
    nodes, weights = group.haar(1)
    # five standard errors: entries are in [-1, 1], so their standard deviation is at most 1
    np.testing.assert_allclose(g.mean(axis=0), np.einsum("n,nij->ij", weights, nodes), atol=5 / math.sqrt(4000))


def test_inclusion_is_inclusion_of_elements():
    groups = FINITE + TILTED
    for small, large in itertools.product(groups, groups):
        assert (small <= large) == bool(large.contains(small.elements).all())
    for group in groups:
        assert group <= O2
        assert (group <= SO2) == group.name.startswith("C")
    assert SO2 <= O2
    assert not O2 <= SO2
    assert not any(large <= small for small in groups for large in (SO2, O2))


@pytest.mark.parametrize("group", EXHAUSTED, ids=group_id)
def test_subgroup_classes_are_those_of_a_brute_force_search(group):
    products = table(group)
    # every subgroup of a dihedral group has two generators
    pairs = itertools.combinations_with_replacement(range(group.order), 2)
    expected = {generated(products, pair) for pair in pairs}
    inverse = products.argmin(axis=1)  # the product with the inverse is the identity, index 0

    def conjugacy_class(small):
        return frozenset(
            frozenset(int(products[products[g, h], inverse[g]]) for h in small) for g in range(group.order)
        )

    found = [conjugacy_class(indices(group, small)) for small in group.subgroups()]
    assert len(set(found)) == len(found), "two of them are conjugate"
    assert set(found) == {conjugacy_class(small) for small in expected}
    assert {indices(group, small) for small in all_subgroups(group)} == expected


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_subgroups_are_subgroups_and_ordered(group):
    found = group.subgroups()
    assert all(small <= group for small in found)
    assert found[0].order == 1
    assert found[-1] == group
    assert [small.order for small in found] == sorted(small.order for small in found)
    assert group.trivial_subgroup == found[0]


def test_subgroups_of_the_continuous_groups():
    assert [small.name for small in SO2.subgroups(4)] == ["C1", "C2", "C3", "C4", "SO(2)"]
    assert {small.name for small in O2.subgroups(4)} == {"C1", "C2", "C3", "C4", "D1", "D2", "SO(2)", "O(2)"}


def test_axis_as_an_angle_or_a_vector():
    d4 = steer.group("D4", dim=2)
    diagonal = d4.subgroup("D1", axis=math.pi / 4)
    assert diagonal == d4.subgroup("D1", axis=(1, 1)) == d4.subgroup("D1", axis=[-2.0, -2.0])
    assert diagonal != d4.subgroup("D1") == d4.subgroup("D1", axis=(1, 0))
    np.testing.assert_allclose(diagonal.elements[1], [[0, 1], [1, 0]], atol=1e-15)


def test_one_group_has_one_axis():
    # an axis of D_n and any of its images under the group name the same subgroup
    for n in range(1, 13):
        for k in range(2 * n):
            assert O2.subgroup(f"D{n}", axis=k * math.pi / n) == steer.group(f"D{n}", dim=2)
            tilted = O2.subgroup(f"D{n}", axis=0.1)
            assert O2.subgroup(f"D{n}", axis=0.1 + k * math.pi / n) == tilted
            assert O2.subgroup(f"D{n}", axis=0.1 - k * math.pi / n) == tilted


def test_default_axis_of_a_subgroup_is_the_first_of_the_group():
    for group in TILTED:
        first = group.subgroup("D1")
        np.testing.assert_allclose(first.elements[1], group.elements[group.order // 2], atol=1e-13)
