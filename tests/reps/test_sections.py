"""Fields over cosets with values in a representation of the stabiliser: what is induced, band-limited and sampled."""

import pickle

import numpy as np
import pytest
import torch

import steer
from steer.errors import GroupError, RepresentationError, ShapeError
from steer.reps import BandLimited, Sections, fourier
from tests import catalogue
from tests.catalogue import O2, O3, SO2, SO3, TOL, elements

D4, OCT = steer.group("D4", dim=2), steer.group("O", dim=3)
AXIS = SO3.subgroup("Cinf")
INFINITE = [
    (SO2, SO2.subgroup("C4").irrep("E"), 3),
    (SO2, SO2.subgroup("C2").irrep("B"), 3),
    (O2, O2.subgroup("D1", axis=0.3).irreps()[1], 3),
    (O2, O2.subgroup("C3").irreps()[1], 2),
    (SO3, AXIS.irrep("E1"), 2),
    (SO3, AXIS.irrep("E2"), ["2", "4"]),
    (SO3, SO3.subgroup("Cinf", axis=(1, 2, 3)).irrep("E1"), 1),
    (SO3, SO3.subgroup("D2").vector, 2),
    (O3, O3.subgroup("Cinfv").irrep("E1"), 2),
    (O3, O3.subgroup("Cinfv").irrep("A2"), 2),
]
FINITE = [
    (D4, D4.subgroup("C2").irrep("B"), ["E"]),
    (D4, D4.subgroup("C4").irrep("E"), ["E"]),
    (OCT, OCT.subgroup("C4").irrep("E"), ["T1", "T2"]),
    (O2, SO2.irrep("1"), ["1"]),
]
CASES = INFINITE + FINITE
of_cases = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[1]}-{case[1].group}-{case[0]}")


def transform(case):
    group, values, band = case
    return fourier(group, band, base=values)


@of_cases
def test_the_irreps_are_those_of_the_induced_representation(case):
    group, values, band = case
    rep = group.sections(values, band)
    assert isinstance(rep, Sections)
    known = group.irreps() if group.is_finite else group.irreps(rep.max_frequency)
    kept = set(known) if isinstance(band, int) else {group.irrep(label) for label in band}
    whole = values.induce(group) if catalogue.has_finite_index(group, values.group) else values.induce(group, 4)
    expected = [psi for psi in whole.irreps if psi in kept]
    assert sorted(map(str, rep.irreps)) == sorted(map(str, expected))
    assert rep.base == values
    assert rep.subgroup == values.group
    found = transform(case)
    assert found.rep == rep
    for value in (rep, found):
        assert eval(repr(value), {"steer": steer}) == pickle.loads(pickle.dumps(value)) == value


@of_cases
def test_fields_turn_with_the_stabiliser_and_the_group_acts_through_the_representation(case):
    group, values, _ = case
    found = transform(case)
    c = np.random.default_rng(0).normal(size=found.rep.size)
    g, h = elements(group, 8)[:8], elements(values.group, 4)[:4]
    at = found.basis(g) @ c
    for one in h:
        np.testing.assert_allclose(found.basis(g @ one) @ c, at @ values(one), atol=TOL)  # W(h)^-1 f(g)
    for one in g:
        np.testing.assert_allclose(found.basis(one.T @ g) @ c, found.basis(g) @ (found.rep(one) @ c), atol=TOL)
    np.testing.assert_allclose(found.basis(torch.tensor(g)).numpy(), found.basis(g), atol=TOL)


@of_cases
def test_the_basis_is_orthonormal_and_samples_lose_nothing(case):
    group, values, _ = case
    found = transform(case)
    nodes, weights = group.haar(2 * found.rep.max_frequency)
    at = found.basis(nodes)
    np.testing.assert_allclose(np.einsum("n,nwi,nwj->ij", weights, at, at), np.eye(found.rep.size), atol=TOL)
    np.testing.assert_allclose(np.square(at).sum((1, 2)), found.rep.size, atol=TOL)
    c = np.random.default_rng(0).normal(size=(3, found.rep.size))
    samples = found.inverse(c)
    assert samples.shape == (3, len(found.grid), values.size)
    np.testing.assert_allclose(found.forward(samples), c, atol=TOL)
    np.testing.assert_allclose(found.forward(torch.from_numpy(samples)).numpy(), c, atol=TOL)


def test_spins_of_degree_one_are_gradients_and_curls():
    # a tangent field v of the sphere as a section: the components of g^T v(g e_z) in the plane
    found = fourier(SO3, 3, base=AXIS.irrep("E1"))
    a = np.array([0.3, -1.2, 0.7])
    fields = [lambda x: a - (x @ a)[:, None] * x, lambda x: np.cross(a, x)]
    nodes, g = found.grid.elements, SO3.sample(5, seed=0)
    for field in fields:
        c = found.forward(np.einsum("nji,nj->ni", nodes, field(nodes[:, :, 2]))[:, :2])
        np.testing.assert_allclose(c[6:], 0, atol=TOL)  # two copies of degree 1 are all of it
        at = np.einsum("nij,nj->ni", g[:, :, :2], found.basis(g) @ c)
        np.testing.assert_allclose(at, field(g[:, :, 2]), atol=TOL)


@pytest.mark.parametrize(("group", "values"), [(case[0], case[1]) for case in FINITE[:3]], ids=str)
def test_on_finitely_many_cosets_samples_are_the_induced_representation(group, values):
    found, induced = fourier(group, base=values), values.induce(group)
    matrix = found.sample_matrix
    assert matrix.shape == (induced.size, induced.size)
    g = elements(group)
    np.testing.assert_allclose(matrix @ found.rep(g), induced(g) @ matrix, atol=TOL)


def test_trivial_values_are_functions():
    assert SO3.sections(AXIS.trivial, 2) == SO3.quotient(AXIS, 2)
    assert SO2.sections(SO2.trivial_subgroup.trivial, ["0", "2"]) == SO2.band_limited(["0", "2"])
    assert isinstance(SO3.sections(AXIS.trivial, ["2"]), BandLimited)
    assert fourier(SO3, 2, base=AXIS.trivial) == fourier(SO3, 2, subgroup=AXIS)


@pytest.mark.parametrize(
    ("error", "build", "message"),
    [
        (RepresentationError, lambda: SO3.sections("E1", 2), "base: expected a representation of a subgroup of"),
        (GroupError, lambda: SO3.sections(D4.vector, 2), "is not a subgroup of .* induce to a group that contains it"),
        (
            RepresentationError,
            lambda: SO3.sections(AXIS.irrep("E2"), 1),
            "max_frequency: no irrep of .* up to 1 occurs",
        ),
        (RepresentationError, lambda: SO3.sections(AXIS.irrep("E2"), ["1"]), "max_frequency: 1 of .* does not occur"),
        (
            RepresentationError,
            lambda: fourier(SO3, 2, base=3),
            "base: expected a representation of the subgroup, got 3",
        ),
        (RepresentationError, lambda: fourier(SO3, 2, subgroup="D2", base=AXIS.irrep("E1")), "base: expected a repres"),
        (RepresentationError, lambda: fourier(SO3, base=AXIS.irrep("E1")), "max_frequency: .* pass the highest"),
        (
            ShapeError,
            lambda: fourier(SO3, 2, base=AXIS.irrep("E1")).forward(np.zeros(30)),
            r"values: expected .* 15, 2",
        ),
    ],
)
def test_what_is_none_is_refused(error, build, message):
    with pytest.raises(error, match=message):
        build()
