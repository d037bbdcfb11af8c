"""Diagonal subgroups of direct products: pairs of an element and its image, which no products of subgroups are."""

import pickle

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import GroupError
from steer.reps import decompose, direct_product, multiplicity
from steer.testing import assert_equivariant, assert_group
from tests.catalogue import C4, D3, D4, O2, OCT, SO2, SO3, TOL, beside, elements, irreps

SIGNS, TIME = steer.group("D1", dim=1), steer.group("C2", dim=2)
MAGNETIC = direct_product(O2, SIGNS).diagonal(through=O2.irrep("0-"))
"""Reflections that come with a change of sign."""

GROUPS = [
    MAGNETIC,
    direct_product(O2, TIME).diagonal(through=O2.irrep("0-") + O2.irrep("0-")),
    direct_product(D4, SIGNS).diagonal("D2", D4.subgroup("D2").irreps()[2]),
    direct_product(C4, C4).diagonal(),
    direct_product(D4, D4).diagonal("C4"),
    direct_product(D3, C4).diagonal("C3", D3.subgroup("C3").trivial + D3.subgroup("C3").trivial),
    direct_product(SO2, SO2).diagonal(through=SO2.irrep("2")),
    direct_product(SO3, SO3).diagonal(),
    direct_product(OCT, D3).diagonal(through=OCT.irrep("E")),
]
QUICK = (0, 3, 6)
of_groups = pytest.mark.parametrize(
    "group",
    [one if n in QUICK else pytest.param(one, marks=pytest.mark.slow) for n, one in enumerate(GROUPS)],
    ids=str,
)


@of_groups
def test_it_is_a_subgroup_of_the_product_that_is_a_copy_of_a_subgroup_of_the_first_factor(group):
    product, base = group.product, group.base
    assert group <= product
    assert group.order == base.order
    k = elements(base, 5)
    pairs = np.stack([beside(one, image) for one, image in zip(k, group.through(k), strict=True)])
    assert group.contains(pairs).all()
    g = product.sample(40, seed=0)  # and no other pairs
    first, second = product._part(g, "first"), product._part(g, "second")
    inside = base.contains(first)
    inside[inside] = np.linalg.norm(group.through(first[inside]) - second[inside], axis=(1, 2)) < 1e-6
    np.testing.assert_array_equal(group.contains(g), inside)
    for psi, own in zip(irreps(group, 2), irreps(base, 2), strict=True):
        assert (psi.label, psi.size, psi.type) == (own.label, own.size, own.type)
        np.testing.assert_allclose(psi(pairs), own(k), atol=TOL)
        np.testing.assert_allclose(psi.torch(torch.tensor(pairs)).numpy(), own(k), atol=TOL)
    np.testing.assert_allclose(group.vector(pairs), base.vector(k), atol=TOL)
    for small in group.subgroups(4):
        assert small <= group
        assert small <= product
    for value in (group, irreps(group, 2)[-1], group.vector):
        assert eval(repr(value), {"steer": steer}) == pickle.loads(pickle.dumps(value)) == value


@of_groups
def test_restrictions_are_products_of_a_restriction_and_a_composition(group):
    product = group.product
    nodes, weights = group.haar(8)
    k = group._part(nodes)
    for psi in irreps(product, 2)[:12]:
        pair = psi._data.about
        found = psi.restrict(group)
        if not pair.sign:
            expected = pair.first.character(k) * pair.second.character(group.through(k))
            np.testing.assert_allclose(found.character(nodes), expected, atol=TOL)
        assert sum(part.size for part in found.irreps) == psi.size
        q, blocks = found.change_of_basis, steer.reps.DirectSum(found.irreps)(nodes[:4])
        np.testing.assert_allclose(found(nodes[:4]), q @ blocks @ q.T, atol=TOL)
        for own in irreps(group, 2):
            mean = weights @ (found.character(nodes) * own.character(nodes))
            assert multiplicity(own, found) == round(mean)


@pytest.mark.parametrize("group", [*GROUPS[2:6], pytest.param(MAGNETIC, marks=pytest.mark.slow)], ids=str)
def test_frobenius_reciprocity(group):
    product = group.product
    for own in irreps(group, 2)[:4]:
        induced = own.induce(product)
        assert induced.size == own.size * product.index(group)
        for psi in irreps(product, 2)[:8]:
            assert multiplicity(psi, induced) == multiplicity(psi.restrict(group), own)
    assert product.quotient(group).is_permutation


def test_groups_with_a_diagonal_are_tested_as_others_are():
    for group in GROUPS[2:4]:
        assert_group(group)
    regular = GROUPS[3].regular
    assert decompose(regular).irreps == regular.irreps


def test_the_diagonal_of_a_square_couples_its_factors():
    product = direct_product(SO3, SO3)
    found = product.irrep("(1, 2)").restrict(product.diagonal())
    assert [psi.label for psi in found.irreps] == ["1", "2", "3"]  # angular momenta add up
    both = direct_product(SO2, SO2)
    twice = both.diagonal(through=SO2.irrep("2"))
    assert [both.irrep(label).restrict(twice).irreps[0].label for label in ("(1, 2)+", "(1, 2)-")] == ["5", "3"]


def test_networks_of_fields_that_change_sign_where_they_are_reflected():
    product = MAGNETIC.product
    moment = product.inflate(O2.irrep("0-")).tensor(product.inflate(SIGNS.irrep("A2")))
    fields = nn.FieldType(product, [product.trivial, moment, product.inflate(O2.irrep("1"))])
    restrict = nn.Restrict(fields, MAGNETIC)
    assert restrict.out_type.representations[1].irreps == (MAGNETIC.trivial,)
    hidden = nn.FieldType(MAGNETIC, [MAGNETIC.band_limited(1), MAGNETIC.irrep("1"), MAGNETIC.irrep("0-")])
    net = nn.Sequential(
        restrict,
        nn.Conv2d(restrict.out_type, hidden, 5, padding=2),
        nn.NormAct(hidden),
        nn.Conv2d(hidden, nn.FieldType(MAGNETIC, [MAGNETIC.irrep("0-")]), 3, padding=1),
    )
    assert_equivariant(net, shape=(1, 7, 7))
    act = nn.FourierAct(nn.FieldType(MAGNETIC, [MAGNETIC.band_limited(2)]), "silu")
    (grid,), (plain,) = act.grids.values(), nn.FourierAct(nn.FieldType(O2, [O2.band_limited(2)]), "silu").grids.values()
    np.testing.assert_allclose(MAGNETIC._part(grid.elements), plain.elements, atol=TOL)
    assert 1e-9 < act.equivariance_error().max() < 1e-5


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: direct_product(C4, SIGNS).diagonal(),
            r"through: expected a representation of .* size 1, got .*vector",
        ),
        (lambda: direct_product(D4, C4).diagonal(), r"through: matrices of .* are not in .*C4"),
        (lambda: direct_product(C4, C4).diagonal("C3"), "name: C3 is not a subgroup of C4"),
        (lambda: direct_product(C4, C4).diagonal(D3), "subgroup: .* is not a subgroup"),
        (lambda: direct_product(C4, SIGNS).diagonal(through=D4.irrep("A2")), "through: expected a representation of"),
        (lambda: direct_product(C4, SIGNS).diagonal(through="B"), "through: expected a representation of .*, got 'B'"),
        (
            lambda: direct_product(steer.reps.with_action(C4, None), C4).diagonal(),
            "through: pass a representation of .* by elements of",
        ),
    ],
)
def test_what_is_none_is_refused(build, message):
    with pytest.raises(GroupError, match=message):
        build()
