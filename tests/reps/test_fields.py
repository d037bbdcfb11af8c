"""Lists of representations: equal lists are one value, and what they say of channels holds for the direct sum."""

import copy
import itertools
import operator
import pickle
from collections import Counter
from types import MappingProxyType

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import steer
from steer import kernels, nn
from steer.errors import FieldTypeError, KernelError
from steer.reps import DirectSum, Fields
from tests.catalogue import GROUPS, TOL, few_types

C4, D4 = (steer.group(name, dim=2) for name in ("C4", "D4"))


@st.composite
def groups_and_lists(draw, count=1):
    """A group, and for it lists of representations, in which some occur often."""
    group = draw(st.sampled_from(GROUPS))
    kinds = draw(st.lists(st.sampled_from(few_types(group)), min_size=1, max_size=3))
    return group, *(draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=8)) for _ in range(count))


@given(groups_and_lists())
def test_equal_lists_are_one_value(case):
    group, reps = case
    a, b = Fields(group, reps), Fields(group, tuple(reps))
    for other in (b, pickle.loads(pickle.dumps(a)), copy.deepcopy(a), copy.copy(a)):
        assert a == other
        assert hash(a) == hash(other)
        assert (repr(a), str(a)) == (repr(other), str(other))
    assert a != nn.FieldType(group, reps)  # which prints otherwise
    assert tuple(a) == nn.FieldType(group, reps).representations


@given(groups_and_lists())
def test_the_print_builds_the_list_again(case):
    group, reps = case
    fields = Fields(group, reps)
    assert eval(repr(fields), {"Fields": Fields, "steer": steer}) == fields
    assert str(fields).endswith(f" of {group.name} ({sum(rep.size for rep in reps)} channels)")


@given(groups_and_lists(count=2))
def test_concatenation(case):
    group, first, second = case
    both = Fields(group, first) + Fields(group, second)
    assert both == Fields(group, first + second)
    assert both[: len(first)] == Fields(group, first)
    assert both[len(first) :] == Fields(group, second)
    assert both.size == both.offsets[len(first)] + both.offsets[-1] - both.offsets[len(first)]
    assert [both[index] for index in range(len(both))] == first + second


@given(groups_and_lists())
def test_kinds_runs_and_places(case):
    group, reps = case
    fields = Fields(group, reps)
    assert list(fields.kinds) == list(dict.fromkeys(reps))
    assert sorted(itertools.chain(*fields.kinds.values())) == list(range(len(reps)))
    assert [list(fields.kinds)[kind] for kind in fields.kind_of_field] == reps
    assert fields.multiplicities == {rep: reps.count(rep) for rep in reps}
    assert [rep for rep, count in fields.runs for _ in range(count)] == reps
    assert all(a[0] != b[0] for a, b in itertools.pairwise(fields.runs))
    for rep, starts in fields.starts.items():
        for start in starts:
            assert fields[int(fields.field_of_channel[start])] == rep
            assert fields.offsets[fields.field_of_channel[start]] == start


@given(groups_and_lists(), st.integers(0, 2**32 - 1))
def test_summands_are_the_same_channels(case, seed):
    group, reps = case
    fields = Fields(group, [*reps, DirectSum(tuple(reps)), DirectSum((reps[0], DirectSum(tuple(reps))))])
    apart = fields.summands
    assert not any(isinstance(rep, DirectSum) for rep in apart)
    assert apart.summands == apart
    g = group.sample(1, seed=seed)
    np.testing.assert_allclose(apart.representation(g), fields.representation(g), atol=TOL)


def test_kernels_of_equal_lists_have_one_plan_and_one_fingerprint():
    reps = [C4.trivial, C4.regular, C4.regular]
    plans = [kernels.compile(kind, kind, (3, 3)) for kind in (reps, Fields(C4, reps), nn.FieldType(C4, reps))]
    assert plans[0] is plans[1] is plans[2]
    specs = [kernels.KernelSpec(kind, kind, 3) for kind in (reps, Fields(C4, reps), nn.FieldType(C4, reps[::-1]))]
    assert specs[0] == specs[1]
    assert set(specs[2].in_type) == set(specs[0].in_type)


def test_lists_of_two_groups_do_not_add():
    with pytest.raises(FieldTypeError, match=r"\+: both types must be of one group"):
        Fields(C4, [C4.trivial]) + Fields(D4, [D4.trivial])
    with pytest.raises(TypeError):
        operator.add(Fields(C4, [C4.trivial]), [C4.trivial])


def test_nothing_of_a_list_can_be_changed():
    fields = Fields(C4, [C4.trivial])
    with pytest.raises(AttributeError):
        fields.group = D4
    with pytest.raises(TypeError):
        fields.kinds[C4.regular] = (0,)
    with pytest.raises(ValueError, match="read-only"):
        fields.field_of_channel[0] = 1


@pytest.mark.parametrize("fields", ["reps", "type", "compile", "spec"])
def test_what_has_no_order_or_no_copies_is_refused(fields):
    # a set comes in another order in each process, {rep: 3} and Counter(3 * [rep]) would be one field
    A, E = C4.irrep("A"), C4.irrep("E")
    build, error = {
        "reps": (lambda given: Fields(C4, given), FieldTypeError),
        "type": (lambda given: nn.FieldType(C4, given), FieldTypeError),
        "compile": (lambda given: steer.kernels.compile([A], given, (3, 3)), KernelError),
        "spec": (lambda given: steer.kernels.KernelSpec(given, [A], 3), KernelError),
    }[fields]
    counts = {A: 3, E: 2}
    unordered = [
        counts,
        Counter(3 * [A]),
        MappingProxyType(counts),
        nn.FieldType(C4, [A, E]).multiplicities,
        {A, E},
        frozenset([A]),
        counts.keys(),
        set(),
    ]
    for unfit in unordered:
        with pytest.raises(error, match=r"got a \w+, which .*; write 3 \* \[first\] \+ 2 \* \[second\]"):
            build(unfit)
    for listed in ([A, E], (A, E), (rep for rep in (A, E)), {"a": A, "b": E}.values(), map(C4.irrep, ["A", "E"])):
        build(listed)
