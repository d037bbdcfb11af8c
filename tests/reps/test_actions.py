"""Groups that act on space through a representation, in part, or not at all: actions, harmonics, subgroups, errors."""

import itertools
import pickle

import numpy as np
import pytest

import steer
from steer.errors import GroupError, RepresentationError
from steer.reps import direct_product, harmonics, with_action
from tests.catalogue import (
    ACTIONS,
    AXIAL,
    C2,
    C4,
    D4,
    DOUBLE,
    HALF_TURN,
    LINE,
    MOVING,
    NOWHERE,
    O3,
    SO2,
    SO3,
    STILL,
    THROUGH_D2,
    TOL,
    group_id,
)


def test_actions_are_what_they_are_given_as():
    for g in D4.elements:
        b1, b2 = D4.irrep("B1")(g)[0, 0], D4.irrep("B2")(g)[0, 0]
        np.testing.assert_array_equal(THROUGH_D2.action(g), np.diag([b1, b2]))
        np.testing.assert_array_equal(THROUGH_D2.vector(g), np.diag([b1, b2]))
        np.testing.assert_array_equal(STILL.action(g), np.eye(2))
        assert NOWHERE.action(g).shape == (0, 0)
    for g in C4.elements:
        np.testing.assert_array_equal(HALF_TURN.action(g), (g @ g)[0, 0] * np.eye(2))
    for g in SO2.sample(5, seed=0):
        np.testing.assert_allclose(DOUBLE.action(g), g @ g, atol=TOL)
    for g in O3.sample(5, seed=0):
        np.testing.assert_allclose(AXIAL.action(g), np.linalg.det(g) * g, atol=TOL)
    assert [group.dim for group in MOVING] == [2, 2, 2, 2, 2, 3, 3, 2, 2, 3, 2]


@pytest.mark.parametrize("group", MOVING, ids=group_id)
def test_harmonics_transform_as_they_say(group):
    points = np.random.default_rng(0).normal(size=(5, group.dim))
    for degree, g in itertools.product(range(5), group.sample(4, seed=1)):
        rep = group.harmonic(degree)
        moved = harmonics(points @ group.action(g).T, degree)
        np.testing.assert_allclose(moved, harmonics(points, degree) @ rep(g).T, atol=TOL)
        assert sum(psi.size for psi in rep.irreps) == rep.size


def test_harmonics_split_as_under_the_image_of_the_action():
    # of D4 through D2: x^2 - y^2 is invariant, xy changes sign as B1 B2 = A2
    assert sorted(psi.label for psi in THROUGH_D2.harmonic(2).irreps) == ["A1", "A2"]
    assert [psi.label for psi in DOUBLE.harmonic(3).irreps] == ["6"]
    assert [psi.label for psi in AXIAL.harmonic(3).irreps] == ["3e"]
    assert set(STILL.harmonic(4).irreps) == {STILL.trivial}
    assert [psi.label for psi in direct_product(SO3, C2).harmonic(2).irreps] == ["(2, A)"]
    assert NOWHERE.harmonic(0) == NOWHERE.trivial
    assert LINE.harmonic(0) == LINE.trivial


@pytest.mark.parametrize("group", [*ACTIONS, NOWHERE, LINE], ids=group_id)
def test_all_but_the_action_is_that_of_the_group(group):
    base = group.base
    labels = [psi.label for psi in base.irreps(None if base.is_finite else 2)]
    assert [psi.label for psi in group.irreps(None if base.is_finite else 2)] == labels
    g = group.sample(5, seed=2)
    np.testing.assert_array_equal(g, base.sample(5, seed=2))
    for label in labels:
        np.testing.assert_array_equal(group.irrep(label)(g), base.irrep(label)(g))
        assert base.irrep(label).restrict(group).irreps == (group.irrep(label),)
        assert group.irrep(label).restrict(base).irreps == (base.irrep(label),)
        assert base.irrep(label).restrict(group).restrict(base) == base.irrep(label)
    if base.is_finite:
        assert [psi.label for psi in group.regular.irreps] == [psi.label for psi in base.regular.irreps]
    assert group != base
    assert base not in (group, *group.subgroups(4))


@pytest.mark.parametrize("group", [*ACTIONS, NOWHERE, LINE], ids=group_id)
def test_subgroups_act_by_restriction(group):
    for small in (*group.subgroups(4), group.trivial_subgroup):
        assert small <= group
        assert small.dim == group.dim
        g = small.sample(3, seed=0)
        np.testing.assert_array_equal(small.action(g), group.action(g))
        assert group.trivial.restrict(small).irreps == (small.trivial,)
        if len(small.generators) and np.abs(group.action(small.generators) - np.eye(group.dim)).max(initial=0) > 0.1:
            assert not small.base <= group or np.allclose(small.action(g), small.base.action(g))
    middle = group.subgroups(4)[1]
    assert group.subgroup(middle.base.name).dim == group.dim
    assert middle.subgroup("C1") == group.subgroup("C1") == group.trivial_subgroup
    assert with_action(group.base, group.by) == group


def test_equal_matrices_that_move_space_otherwise_are_no_subgroup():
    same = with_action(D4, D4.vector)
    assert same <= D4
    assert same >= D4
    assert not THROUGH_D2 <= D4
    assert not D4 <= NOWHERE
    assert not THROUGH_D2 <= STILL
    with pytest.raises(GroupError, match=r"subgroup: .* is not a subgroup of .*with_action"):
        THROUGH_D2.quotient(C4)
    with pytest.raises(GroupError, match=r"group: .* is not a subgroup of"):
        C4.trivial.induce(THROUGH_D2)


@pytest.mark.parametrize("group", [*MOVING, NOWHERE, LINE], ids=group_id)
def test_values_print_and_pickle_as_what_they_are(group):
    small = group.subgroups(4)[1]
    values = [group, small, group.irreps(0)[-1].restrict(small), group.harmonic(2 if group.dim > 1 else 0)]
    values += [group.vector] if group.dim else []
    for value in values:
        assert eval(repr(value), {"steer": steer}) == value
        assert pickle.loads(pickle.dumps(value)) == value


CASES = {
    "group": (lambda: with_action("D4", None), GroupError, "group: expected a group such as .* got 'D4'"),
    "rep": (lambda: with_action(D4, 2), RepresentationError, "rep: expected a representation of .*, or None .*, got 2"),
    "rep of another": (
        lambda: with_action(D4, C4.vector),
        RepresentationError,
        "rep: expected a representation of .*D4.*, got one of .*C4",
    ),
    "large rep": (
        lambda: with_action(D4, D4.regular),
        RepresentationError,
        r"rep: expected 1, 2 or 3 components \(x, y\[, z\]\), got 8",
    ),
    "no vector": (lambda: NOWHERE.vector, RepresentationError, "vector: .* does not act on space"),
    "no harmonics": (
        lambda: NOWHERE.harmonic(1),
        RepresentationError,
        "degree: there are no harmonics above degree 0 in 0 dimensions, got 1",
    ),
    "negative degree": (lambda: DOUBLE.harmonic(-1), RepresentationError, "degree: expected an integer >= 0, got -1"),
    "no subgroup": (lambda: THROUGH_D2.subgroup("C3"), GroupError, "name: C3 is not a subgroup of D4"),
}


@pytest.mark.parametrize("case", CASES)
def test_errors(case):
    call, error, message = CASES[case]
    with pytest.raises(error, match=message):
        call()
