"""Groups and representations are frozen values: equal by content, printable, picklable, the same in every process."""

import copy
import dataclasses
import math
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import steer
from steer.reps import Representation, clebsch_gordan, decompose, intertwiners
from tests.catalogue import GROUPS, O2, SO2, TILTED, elements, group_id, irreps, many_types, regular, subgroups

ROOT = Path(__file__).parents[2]

FINGERPRINT = """
import hashlib, numpy as np, sys
np.random.seed(int(sys.argv[1]))
from steer.reps import clebsch_gordan, decompose, intertwiners
from tests.catalogue import O2, SPATIAL_TILTED, TILTED, few_types, irreps
import steer
digest = hashlib.sha256()
for group in [O2, TILTED[2], *SPATIAL_TILTED[3:7],
              *(steer.group(name, dim=2) for name in ("C5", "D4", "D6", "SO(2)")),
              *(steer.group(name, dim=3) for name in ("D3d", "Td", "I", "Dinfh", "SO(3)"))]:
    types = few_types(group)
    for a in types:
        digest.update(repr(a).encode())
        digest.update(decompose(a).change_of_basis.tobytes())
        digest.update(a(group.sample(3, seed=0)).tobytes())
        for b in types[-4:]:
            digest.update(intertwiners(a, b).tobytes())
    for c in irreps(group):
        digest.update(clebsch_gordan(group.vector, irreps(group)[-1], c).tobytes())
print(digest.hexdigest())
"""


def values(group):
    """The group, its subgroups and its types."""
    return [group, *subgroups(group), *many_types(group)]


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_a_value_prints_as_the_expression_that_builds_it(group):
    for value in values(group):
        built = eval(repr(value), {"steer": steer})
        assert built == value, repr(value)
        assert hash(built) == hash(value)
        assert repr(built) == repr(value)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_compound_values_print_too(group):
    last, top = irreps(group)[-1], group.subgroups()[-2 if len(group.subgroups()) > 1 else 0]
    for value in (
        group.trivial + last + group.trivial,
        (group.trivial + last).tensor(last + group.vector) + group.vector,
        group.vector.tensor(last).tensor(last),
        (last + group.vector).restrict(top),
        last.restrict(top).tensor(top.vector),
        group.band_limited(max(psi.frequency for psi in irreps(group))).restrict(top) + top.vector,
        regular(group) + regular(group),
    ):
        built = eval(repr(value), {"steer": steer})
        assert built == value, repr(value)
        np.testing.assert_array_equal(built(elements(value.group)), value(elements(value.group)))


def test_an_induced_restriction_prints_what_it_is():
    # the trivial irrep restricted to H is another value than the trivial irrep of H, though the matrices are equal
    d4 = steer.group("D4", dim=2)
    for small in d4.subgroups():
        value = d4.trivial.restrict(small).induce(d4)
        assert eval(repr(value), {"steer": steer}) == value
        np.testing.assert_array_equal(value(d4.elements), d4.quotient(small)(d4.elements))
    value = SO2.trivial.restrict("C4").induce(SO2, 3)
    assert value == SO2.trivial
    assert eval(repr(value), {"steer": steer}) == value


@pytest.mark.parametrize("axis", [0.1, 0.3, 1.0, 2.5, math.pi / 7, 1e-5, 3.14159])
@pytest.mark.parametrize("n", range(1, 13))
def test_groups_print_their_axis_to_the_last_bit(n, axis):
    group = O2.subgroup(f"D{n}", axis=axis)
    for value in (group, *group.subgroups()):
        assert eval(repr(value), {"steer": steer}) == value


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_pickles_and_copies_are_equal(group):
    for value in values(group):
        before = pickle.dumps(value)
        if isinstance(value, Representation):
            assert value.change_of_basis.shape == (value.size, value.size)  # fill the cache
        for other in (pickle.loads(before), pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
            assert other == value
            assert hash(other) == hash(value)
            assert repr(other) == repr(value)
        assert pickle.dumps(value) == before, "what is cached must not travel"


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_values_cannot_be_changed(group):
    for value in values(group):
        for field in dataclasses.fields(value):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(value, field.name, None)
        with pytest.raises((dataclasses.FrozenInstanceError, AttributeError)):
            value.size = 3
        with pytest.raises(dataclasses.FrozenInstanceError):
            value.colour = "red"


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_arrays_that_are_shared_are_read_only(group):
    rep = regular(group)
    arrays = [
        group.generators,
        group.identity_component,
        *group.haar(2),
        rep.change_of_basis,
        decompose(rep).change_of_basis,
        intertwiners(rep, rep),
        clebsch_gordan(group.vector, group.vector, group.trivial),
        *([group.elements, rep.cosets] if group.is_finite else []),
    ]
    for array in arrays:
        assert array.dtype == np.float64
        assert not array.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 9.0


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_matrices_belong_to_the_caller(group):
    g = elements(group).copy()
    for rep in many_types(group):
        matrices = rep(g)
        matrices += 1.0
        np.testing.assert_array_equal(g, elements(group))
        assert not np.array_equal(rep(g), matrices)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_asking_for_more_changes_nothing(group):
    # no registry grows: a group is the same before and after it was asked for higher irreps
    def state():
        return [(repr(value), hash(value)) for value in values(group)]

    before = state()
    bases = [intertwiners(regular(group), psi).tobytes() for psi in irreps(group)]
    if not group.is_finite:
        assert len(group.irreps(20)) > len(irreps(group))
        group.band_limited(9)
    group.haar(64)
    decompose(regular(group) + group.vector)
    assert state() == before
    assert [intertwiners(regular(group), psi).tobytes() for psi in irreps(group)] == bases


def test_equality_is_by_content():
    assert len(set(GROUPS)) == len(GROUPS)
    d4 = steer.group("D4", dim=2)
    assert d4.irrep("E") == d4.irrep("E")
    assert d4.irrep("E") != d4.irrep("A1")
    assert d4.irrep("A1") != steer.group("D2", dim=2).irrep("A1")
    assert d4.vector != d4.irrep("E"), "equal matrices, two values"
    assert d4.quotient("C2") != d4.quotient("D1")
    assert d4.vector + d4.trivial != d4.trivial + d4.vector
    assert (d4.vector + d4.trivial) + d4.trivial == d4.vector + (d4.trivial + d4.trivial)
    assert TILTED[1] != steer.group("D2", dim=2)


def test_names():
    d4 = steer.group("D4", dim=2)
    assert d4.regular.name == "regular"
    assert d4.quotient("C2").name == "quotient(C2)"
    assert d4.subgroup("C4").irrep("E").induce(d4).name == "induced(E of C4)"
    assert (d4.trivial + d4.vector).name == "A1 + vector"
    assert d4.vector.tensor(d4.trivial).name == "(vector) x (A1)"
    assert d4.irrep("E").restrict("C2").name == "E of D4"
    assert str(SO2.band_limited(2)) == "band_limited(2)"
    assert decompose(d4.vector(d4.elements), d4).irreps == (d4.irrep("E"),)


def fingerprint(hash_seed, numpy_seed):
    """The bytes of many bases, computed in a fresh process."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", FINGERPRINT, numpy_seed]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=ROOT).stdout


@pytest.mark.slow  # tests/kernels/test_determinism.py compares the bytes of kernels, which are made of these
def test_bases_are_the_same_bytes_in_every_process():
    first = fingerprint("0", "0")
    assert len(first.strip()) == 64
    assert fingerprint("1", "12345") == first
    assert fingerprint("4242", "7") == first
