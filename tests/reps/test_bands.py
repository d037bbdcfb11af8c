"""Functions cut to a free list of irreps: what the full band has of them, in every group and quotient."""

import pickle

import numpy as np
import pytest

import steer
from steer.errors import RepresentationError
from steer.reps import BandLimited, fourier
from tests import catalogue
from tests.catalogue import O2, O3, SO2, SO3, TOL, elements, pair_id

D4, C8 = steer.group("D4", dim=2), steer.group("C8", dim=2)
PAIRS = [
    *((group, group.trivial_subgroup) for group in (SO2, O2, SO3, D4, C8, steer.group("T", dim=3))),
    *((group, group.subgroup(name)) for group, name in ((SO3, "Cinf"), (O3, "Cinfv"), (SO3, "D3"), (O2, "D1"))),
    *((group, group.subgroup(name)) for group, name in ((D4, "C2"), (C8, "C2"), (O2, "SO(2)"))),
    (steer.group("Cinfh", dim=3), steer.group("Cinfh", dim=3).subgroup("C2")),
]


def full(pair):
    """The transform of all frequencies up to one, the basis of which lists are a part."""
    group, small = pair
    return fourier(group, None if catalogue.has_finite_index(group, small) else 3, subgroup=small)


@pytest.mark.parametrize("pair", PAIRS, ids=pair_id)
def test_a_list_keeps_the_coefficients_of_its_irreps(pair):
    group, small = pair
    whole = full(pair)
    occur = list(dict.fromkeys(whole.rep.irreps))
    kept = occur[::2][::-1]  # in another order than theirs
    found = fourier(group, kept, subgroup=small)
    assert found.rep.irreps == tuple(psi for psi in whole.rep.irreps if psi in kept)
    assert found.rep == group.quotient(small, [psi.label for psi in kept])
    assert isinstance(found.rep, BandLimited)
    assert found.rep.max_frequency == max(psi.frequency for psi in kept)
    own = np.concatenate([np.full(psi.size, psi in kept) for psi in whole.rep.irreps])
    g = elements(group, 7)
    np.testing.assert_allclose(found.basis(g), whole.basis(g)[:, own], atol=TOL)
    c = np.random.default_rng(0).normal(size=(3, found.rep.size))
    np.testing.assert_allclose(found.forward(found.inverse(c)), c, atol=TOL)
    moved = found.rep(g) @ c[0]
    inverse = np.swapaxes(g, 1, 2)
    np.testing.assert_allclose(moved @ found.basis(g[:1])[0], found.basis(inverse @ g[0]) @ c[0], atol=TOL)
    for value in (found, found.rep):
        assert eval(repr(value), {"steer": steer}) == pickle.loads(pickle.dumps(value)) == value


def test_a_list_of_all_irreps_up_to_a_frequency_is_the_band():
    for group in (SO2, O2, SO3, O3, D4):
        labels = [psi.label for psi in group.irreps(2)]
        assert group.band_limited(labels[::-1]) == group.band_limited(2)
        assert group.band_limited(labels).kept is None
    sphere = SO3.subgroup("Cinf")
    assert SO3.quotient(sphere, ["2", "1", "0"]) == SO3.quotient(sphere, 2)
    assert sphere.trivial.induce(SO3, ["2", "0"]) == SO3.quotient(sphere, (SO3.irrep("0"), "2"))
    assert sphere.irrep("E1").induce(SO3, ["3", "1"]).irreps == tuple(SO3.irrep(label) for label in "1133")
    assert D4.quotient("C2", ["A1", "B1"]) != D4.quotient("C2")  # cut, and by frequencies


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: SO2.band_limited("2"),
            r"max_frequency: expected .* a list of irreps or labels, got '2'; pass \['2'\]",
        ),
        (lambda: SO2.band_limited([]), r"max_frequency: expected .* list of different irreps or labels, got an empty"),
        (lambda: SO2.band_limited(["1", "1"]), r"max_frequency: .* got one of them twice"),
        (lambda: SO2.band_limited([2]), r"max_frequency: expected irreps of .*SO\(2\).* or their labels, got 2"),
        (lambda: SO2.band_limited([O2.irrep("1")]), r"max_frequency: expected irreps of .*SO\(2\)"),
        (lambda: SO2.band_limited(["1e"]), r"label: SO\(2\) has no irrep '1e'"),
        (lambda: O3.quotient("Cinfv", ["0e", "1e"]), r"max_frequency: 1e of O\(3\) does not occur in .* leave it out"),
        (lambda: fourier(O3, ["1e"], subgroup="Cinfv"), r"max_frequency: 1e of O\(3\) does not occur"),
        (lambda: D4.quotient("C2", 1), r"max_frequency: D4/C2 is finite, .* leave it out, or pass a list of irreps"),
    ],
)
def test_what_is_no_band_is_refused(build, message):
    with pytest.raises(RepresentationError, match=message):
        build()
