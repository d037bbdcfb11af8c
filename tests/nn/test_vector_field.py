"""VectorFieldAct: the largest response times its direction, exactly equivariant at ties too."""

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, SteerError
from steer.reps import with_action
from steer.testing import assert_equivariant
from tests import catalogue

from . import zoo

C4, C8, D4, O2 = (steer.group(name, dim=2) for name in ("C4", "C8", "D4", "O(2)"))
OCT, CINFV = (steer.group(name, dim=3) for name in ("O", "Cinfv"))
FINITE = [group for group in catalogue.FINITE if group.order <= 24]
DOUBLE = torch.float64


def fixed(group, small):
    """The vectors that a subgroup leaves alone, by averaging over its elements."""
    projector = small.elements.mean(0) if group.dim == small.dim else None
    return projector, round(np.trace(projector))


def directly(layer, x, vector):
    """The layer's output without ties, by a loop over fields and samples (batch, channels)."""
    out = np.zeros((len(x), len(layer.in_type), layer.in_type.group.dim))
    for index, (rep, start) in enumerate(zip(layer.in_type, layer.in_type.offsets, strict=False)):
        for sample, values in enumerate(x[:, start : start + rep.size].numpy()):
            best = int(np.argmax(values))
            out[sample, index] = max(values[best], 0) * rep.cosets[best] @ vector(rep)
    return torch.from_numpy(out.reshape(len(x), -1))


@pytest.mark.parametrize("group", catalogue.mostly_slow(FINITE), ids=catalogue.group_id)
def test_points_where_the_response_is_largest(group):
    kinds = [group.quotient(small) for small in catalogue.subgroups(group) if fixed(group, small)[1]]
    fields = nn.FieldType(group, [kinds[-1], *kinds, group.regular, kinds[0]])
    layer = nn.VectorFieldAct(fields).double()
    assert list(layer.out_type) == len(fields) * [group.vector]

    def vector(rep):
        columns = fixed(group, rep.subgroup)[0].T
        first = next(column for column in columns if np.linalg.norm(column) > 1e-6)
        return first / np.linalg.norm(first)

    x = torch.randn(7, fields.size, dtype=DOUBLE)
    torch.testing.assert_close(layer(x), directly(layer, x, vector), rtol=1e-12, atol=1e-12)
    assert_equivariant(layer, elements=group.elements, shape=(3,), dtype=DOUBLE)


def test_regular_fields_point_along_their_element():
    layer = nn.VectorFieldAct(nn.FieldType(C8, [C8.regular])).double()
    angles = 2 * torch.pi * torch.arange(8, dtype=DOUBLE) / 8
    expected = 3 * torch.stack([angles.cos(), angles.sin()], 1)
    torch.testing.assert_close(layer(3 * torch.eye(8, dtype=DOUBLE)), expected)


def test_a_vector_of_ones_own():
    vector = (0.5, -2.0)
    layer = nn.VectorFieldAct(nn.FieldType(D4, 2 * [D4.regular]), vector).double()
    x = torch.randn(5, 16, dtype=DOUBLE)
    torch.testing.assert_close(layer(x), directly(layer, x, lambda rep: np.array(vector)))
    assert_equivariant(layer, elements=D4.elements, shape=(4, 5, 5), dtype=DOUBLE)
    assert str(layer).endswith("vector=[0.5, -2.0])")


def test_directions_of_continuous_groups_with_finite_quotients():
    # both cosets of Cinf in Cinfv point along z, which reflections through z leave alone
    layer = nn.VectorFieldAct(nn.FieldType(CINFV, [CINFV.quotient("Cinf")])).double()
    x = torch.randn(5, 2, dtype=DOUBLE)
    torch.testing.assert_close(layer(x), x.amax(1, keepdim=True).relu() * torch.tensor([0.0, 0.0, 1.0], dtype=DOUBLE))


def test_fields_without_positive_components_give_zero():
    layer = nn.VectorFieldAct(nn.FieldType(C4, 2 * [C4.regular]))
    x = (-torch.rand(3, 8, 2, 2)).requires_grad_()
    out = layer(x)
    assert (out == 0).all()
    out.sum().backward()
    assert (x.grad == 0).all()
    assert (layer(torch.zeros(3, 8)) == 0).all()


def test_ties_are_averaged():
    layer = nn.VectorFieldAct(nn.FieldType(C4, [C4.regular])).double()
    x = torch.tensor([[2.0, 2, 1, 0], [2, 0, 2, 1], [3, 3, 3, 3], [1, 1, 0, 1]], dtype=DOUBLE)
    expected = torch.tensor([[1.0, 1], [0, 0], [0, 0], [1 / 3, 0]], dtype=DOUBLE)
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("group", [C4, D4, OCT], ids=str)
def test_commutes_at_ties(group):
    fields = nn.FieldType(group, 3 * [group.regular])
    x = torch.randint(-2, 3, (6, fields.size)).float()  # few values: most fields have several maxima
    assert_equivariant(nn.VectorFieldAct(fields), x, elements=group.elements)
    # the gradient of an invariant function is equivariant too
    layer = nn.VectorFieldAct(fields).double()

    def slope(x):
        leaf = x.clone().requires_grad_()
        norms = nn.NormPool(layer.out_type)(layer(leaf))
        return torch.autograd.grad(norms.sum(), leaf)[0]

    for g in group.generators:
        # a vector of length zero has no derivative to compare
        torch.testing.assert_close(slope(fields.transform(x.double(), g)), fields.transform(slope(x.double()), g))


def test_gradient_flows_through_the_largest_component():
    fields = nn.FieldType(OCT, [OCT.regular, OCT.quotient("C4"), OCT.regular])
    layer = nn.VectorFieldAct(fields).double()
    x = torch.randn(3, fields.size, dtype=DOUBLE, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x, fast_mode=True)
    layer(x).sum().backward()
    largest = nn.GroupPool(fields).double()(x)
    spread = largest.detach().repeat_interleave(torch.tensor([24, 6, 24]), 1)
    assert (x.grad[x.detach() != spread] == 0).all()


def test_function_transforms():
    fields = nn.FieldType(C4, [C4.regular])
    layer = nn.VectorFieldAct(fields).double()
    zoo.require_transforms(lambda x: torch.cat([layer(x), layer(-x)], 1), torch.randn(3, 2, 4, 2, dtype=DOUBLE))


def test_other_fields_are_refused():
    for rep in (C8.irrep("E1"), C8.trivial, C8.subgroup("C4").irrep("E").induce(C8)):
        with pytest.raises(FieldTypeError, match=r"in_type: VectorFieldAct needs regular or .* field 1 is .*; use"):
            nn.VectorFieldAct(nn.FieldType(C8, [C8.regular, rep]))


def test_a_stabiliser_that_leaves_no_vector_alone_is_refused():
    for rep in (C8.quotient("C2"), O2.quotient("SO(2)"), OCT.quotient("T")):
        with pytest.raises(FieldTypeError, match=r"in_type: field 0 .* leaves no vector alone, .*; use regular fields"):
            nn.VectorFieldAct(nn.FieldType(rep.group, [rep]))


def test_a_vector_that_the_stabiliser_moves_is_refused():
    mirror = D4.quotient(D4.subgroup("D1"))
    assert nn.VectorFieldAct(nn.FieldType(D4, [mirror]), (2.0, 0.0)).out_type.size == 2
    with pytest.raises(FieldTypeError, match=r"vector: field 0 of Vec.* moves the vector \[1.0, 1.0\]; take one that"):
        nn.VectorFieldAct(nn.FieldType(D4, [mirror]), (1.0, 1.0))


@pytest.mark.parametrize("value", [(1.0, 0.0, 0.0), (0.0, 0.0), 1.0, "x", (float("nan"), 1.0)])
def test_what_is_no_vector_is_refused(value):
    with pytest.raises(SteerError, match=r"vector: expected 2 numbers that are not all 0, got "):
        nn.VectorFieldAct(nn.FieldType(C4, [C4.regular]), value)


def test_groups_that_act_nowhere_are_refused():
    nowhere = with_action(D4, None)
    with pytest.raises(FieldTypeError, match=r"in_type: VectorFieldAct needs a group that acts on space, got "):
        nn.VectorFieldAct(nn.FieldType(nowhere, [nowhere.regular]))


def test_what_is_no_type_is_refused():
    with pytest.raises(FieldTypeError, match=r"in_type: VectorFieldAct expects a FieldType, got 3"):
        nn.VectorFieldAct(3)
