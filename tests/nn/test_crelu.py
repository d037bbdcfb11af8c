"""CReLU keeps both halves of every component, and signs of the group exchange them."""

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError
from steer.reps import Induced, SignedPoints, direct_product
from steer.testing import assert_equivariant
from tests import catalogue
from tests.catalogue import group_id

from . import zoo

D4, O2, C4, C8, D3 = (steer.group(name, dim=2) for name in ("D4", "O(2)", "C4", "C8", "D3"))
OH, O3, OCT, DINFH = (steer.group(name, dim=3) for name in ("Oh", "O(3)", "O", "Dinfh"))


def elements(group):
    return [np.eye(group.element_size), *catalogue.generators(group)]


def signs(group):
    """The irreps of one component that are no scalars: +-1, as they are real and orthogonal."""
    irreps = group.irreps(None if group.is_finite else 2)
    return [psi for psi in irreps if psi.size == 1 and not psi.is_trivial]


def kernel(psi, components):
    """The elements of the components at which a sign is 1."""
    return components[np.abs(psi(components)[:, 0, 0] - 1) < 1e-9]


@pytest.mark.parametrize("group", zoo.GROUPS, ids=group_id)
def test_fields_that_the_group_permutes_give_two_of_their_kind(group):
    for fields in zoo.permutation_types(group):
        layer = nn.CReLU(fields)
        assert list(layer.out_type) == [rep for rep in fields for _ in range(2)]
        x = torch.randn(2, fields.size, 3, 4)
        parts = [x[:, start : start + rep.size] for rep, start in zip(fields, fields.offsets, strict=False)]
        assert torch.equal(layer(x), torch.cat([half.relu() for part in parts for half in (part, -part)], 1))


def test_without_symmetry_it_is_torch_relu_of_both_signs():
    trivial = steer.group("C1", dim=2)
    x = torch.randn(2, 3, 4, 4)
    expected = torch.stack([x.relu(), (-x).relu()], 2).flatten(1, 2)
    assert torch.equal(nn.CReLU(nn.FieldType(trivial, 3 * [trivial.trivial]))(x), expected)


@pytest.mark.parametrize("group", catalogue.mostly_slow(catalogue.GROUPS), ids=catalogue.group_id)
def test_signs_give_the_quotient_by_their_kernel(group):
    for psi in signs(group):
        layer = nn.CReLU(nn.FieldType(group, [psi]))
        (field,) = layer.out_type
        assert isinstance(field, Induced)
        assert field == group.quotient(field.subgroup)
        assert field.size == 2
        # the subgroup is the kernel: as many components, and all of them in it
        assert field.subgroup.contains(kernel(psi, group.components)).all()
        assert 2 * len(field.subgroup.components) == len(group.components)
        x = torch.randn(6, 1)
        out = layer(x)
        assert torch.equal(out.sort(1).values, torch.cat([x.relu(), (-x).relu()], 1).sort(1).values)
        assert_equivariant(layer, elements=elements(group), shape=(4,), dtype=torch.float64)


def test_vectors_of_the_square_give_the_quotient_by_a_reflection():
    for fields, small in (([D4.vector], "D1"), ([D4.irrep("E")], "D1"), ([C4.vector], "C1"), ([OH.vector], "C4v")):
        group = fields[0].group
        layer = nn.CReLU(nn.FieldType(group, fields))
        (field,) = layer.out_type
        assert field == group.quotient(group.subgroup(small))
        assert field.size == 2 * group.dim
        assert_equivariant(layer, elements=group.elements, shape=(4,), dtype=torch.float64)


def test_induced_signs_give_the_quotient_by_the_kernel_of_the_sign():
    for group, small, label, below in ((D4, "C4", "B", "C2"), (D4, "C2", "B", "C1"), (OH, "C4v", "A2", "C4")):
        sign = group.subgroup(small).irrep(label)
        layer = nn.CReLU(nn.FieldType(group, [sign.induce(group)]))
        (field,) = layer.out_type
        assert field.subgroup.name == below
        assert field.size == 2 * sign.induce(group).size
        assert_equivariant(layer, elements=group.elements, shape=(4,), dtype=torch.float64)


def test_a_sum_gives_the_fields_of_its_orbits():
    rep = D4.irrep("A2") + D4.trivial + D4.irrep("A2") + D4.vector
    layer = nn.CReLU(nn.FieldType(D4, [rep]))
    quotient, scalar = D4.quotient("C4"), D4.quotient(D4)
    assert list(layer.out_type) == [quotient, scalar, scalar, quotient, D4.quotient(D4.subgroup("D1"))]
    assert_equivariant(layer, elements=D4.elements, shape=(4,), dtype=torch.float64)


@pytest.mark.parametrize("shuffle", [False, True])
def test_the_difference_of_the_halves_is_the_input(shuffle):
    fields = zoo.longer(nn.FieldType(D4, [D4.regular, D4.irrep("A2"), D4.vector, D4.trivial]), shuffle)
    layer = nn.CReLU(fields)
    assert layer.out_type.size == 2 * fields.size
    x = torch.randn(2, fields.size, 3)
    out = layer(x)
    assert (out >= 0).all()
    torch.testing.assert_close(out.sum(1), x.abs().sum(1))
    torch.testing.assert_close(out.square().sum(1), x.square().sum(1))
    assert_equivariant(layer, elements=D4.elements, shape=(2, 5, 5))


def test_fields_of_one_kind_are_not_gathered_one_by_one():
    assert not nn.CReLU(nn.FieldType(D4, 3 * [D4.regular])).gathers
    assert len(nn.CReLU(nn.FieldType(D4, 30 * [D4.irrep("A2") + D4.vector])).channels) == 6


def test_other_fields_are_refused():
    for group, rep in ((C8, C8.irrep("E1")), (O2, O2.vector), (OCT, OCT.irrep("E")), (D3, D3.vector)):
        with pytest.raises(FieldTypeError, match=r"in_type: CReLU needs fields that .* field 1 is .*; use NormAct"):
            nn.CReLU(nn.FieldType(group, [group.trivial, rep]))


C16_D2 = direct_product(steer.group("C16", dim=2), steer.group("D2", dim=2))
DIAGONAL = signs(direct_product(steer.group("C2", dim=2), steer.group("C2", dim=2)))
DIAGONAL += [C16_D2.irrep("(B, A2)"), C16_D2.irrep("(B, B1)"), direct_product(OCT, C4).irrep("(A2, B)")]


@pytest.mark.parametrize("sign", DIAGONAL, ids=lambda psi: f"{psi.label} of {psi.group}".replace(" ", ""))
def test_signs_whose_kernel_is_no_product_give_fields_too(sign):
    # the product of two signs has the diagonal as its kernel, which no product of subgroups is
    layer = nn.CReLU(nn.FieldType(sign.group, [sign, sign]))
    (field,) = set(layer.out_type)
    assert field.size == 2
    assert field.is_permutation
    assert isinstance(field, SignedPoints) == nothing_listed(sign)
    x = torch.randn(3, 2)
    assert_equivariant(layer, x, elements=sign.group.sample(8, seed=1))
    torch.testing.assert_close(layer(x).sum(1), x.abs().sum(1))
    assert eval(repr(field), {"steer": steer}) == field
    assert sorted(psi.label for psi in field.irreps) == sorted([sign.label, sign.group.trivial.label])
    again = nn.Sequential(layer, nn.ReLU(layer.out_type), nn.Linear(layer.out_type, layer.in_type))
    assert_equivariant(again, x, elements=sign.group.sample(8, seed=2))


def nothing_listed(psi):
    inside = kernel(psi, psi.group.elements)
    return not any(small.order == len(inside) and small.contains(inside).all() for small in psi.group.subgroups())


def test_what_is_no_type_is_refused():
    with pytest.raises(FieldTypeError, match=r"in_type: CReLU expects a FieldType, got 'regular'"):
        nn.CReLU("regular")
