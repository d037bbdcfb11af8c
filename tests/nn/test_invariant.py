"""GroupPool and NormPool give one number a field, unchanged by the group acting on the fibre."""

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, GroupError, SteerError
from tests.catalogue import group_id

from . import zoo

C8, O2 = steer.group("C8", dim=2), steer.group("O(2)", dim=2)


def fields(field_type, x):
    return [x[:, a:b] for a, b in zip(field_type.offsets, field_type.offsets[1:], strict=False)]


@pytest.mark.parametrize("group", zoo.GROUPS, ids=group_id)
def test_group_pool_takes_each_fields_maximum_or_mean(group):
    for field_type in zoo.permutation_types(group):
        x = torch.randn(2, field_type.size, 3, 4)
        largest = torch.stack([field.amax(1) for field in fields(field_type, x)], 1)
        average = torch.stack([field.mean(1) for field in fields(field_type, x)], 1)
        layer = nn.GroupPool(field_type)
        assert torch.equal(layer(x), largest)
        torch.testing.assert_close(nn.GroupPool(field_type, reduction="mean")(x), average)
        assert layer.out_type == nn.FieldType(group, len(field_type) * [group.trivial])


@pytest.mark.parametrize("group", zoo.GROUPS, ids=group_id)
def test_norm_pool_takes_each_fields_norm(group):
    for field_type in zoo.types_for("NormPool", group):
        x = torch.randn(2, field_type.size, 3, 4, dtype=torch.float64)
        expected = torch.stack([field.norm(dim=1) for field in fields(field_type, x)], 1)
        layer = nn.NormPool(field_type)
        torch.testing.assert_close(layer(x), expected)
        assert layer.out_type == nn.FieldType(group, len(field_type) * [group.trivial])


@pytest.mark.parametrize("group", zoo.GROUPS, ids=group_id)
def test_results_are_invariant(group):
    for field_type in zoo.types_for("NormPool", group):
        layers = [nn.NormPool(field_type)]
        if all(rep.is_permutation for rep in field_type):
            layers += [nn.GroupPool(field_type), nn.GroupPool(field_type, "mean")]
        x = torch.randn(4, field_type.size, dtype=torch.float64)
        for g in group.sample(6, seed=0):
            for layer in layers:
                torch.testing.assert_close(layer(field_type.transform(x, g)), layer(x), rtol=1e-12, atol=1e-12)


def test_norm_pool_gradient():
    for field_type in (zoo.linear_types(O2)[0], zoo.linear_types(O2)[1]):
        layer = nn.NormPool(field_type)
        x = torch.randn(1, field_type.size, 2, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(layer, x)
        assert torch.autograd.gradgradcheck(layer, x)


@pytest.mark.parametrize("size", [0.0, 1e-25, 1e-12])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_norm_pool_gradient_is_finite_near_zero(size, dtype):
    field_type = zoo.linear_types(O2)[1]
    x = torch.full((2, field_type.size, 2, 2), size, dtype=dtype, requires_grad=True)
    out = nn.NormPool(field_type)(x)
    out.sum().backward()
    assert out.max() <= max(1e-11, 10 * size)
    assert x.grad.isfinite().all()
    assert x.grad.abs().max() <= 1.01


def test_group_pool_refuses_other_fields():
    with pytest.raises(FieldTypeError, match=r"GroupPool needs .* field 1 is .*'E1'.* use NormPool"):
        nn.GroupPool(nn.FieldType(C8, [C8.regular, C8.irrep("E1")]))


D4, OCT = steer.group("D4", dim=2), steer.group("O", dim=3)
SUBGROUPS = [(group, small) for group in (steer.group("C6", dim=2), D4, OCT) for small in group.subgroups()]


@pytest.mark.parametrize(("group", "small"), SUBGROUPS, ids=str)
@pytest.mark.parametrize("reduction", ["max", "mean"])
def test_coset_pooling_pools_functions_on_the_group(group, small, reduction):
    # brute force: f(h) for all h in G is the component of the coset h K; the result at h is that over h H
    kinds = [group.quotient(core) for core in group.subgroups() if core <= small]
    field_type = nn.FieldType(group, [kinds[0], *kinds, kinds[0]])
    layer = nn.GroupPool(field_type, reduction, small).double()
    target = group.trivial if small == group else group.quotient(small)
    assert layer.out_type == nn.FieldType(group, len(field_type) * [target])
    x = torch.randn(3, field_type.size, dtype=torch.float64)

    def components(rep):
        # (|G|,): where each element takes the component of the coset K itself
        if rep == group.trivial:
            return np.zeros(group.order, dtype=int)
        return np.argmax(rep(group.elements)[:, :, 0], axis=1)

    inside = small.contains(group.elements.swapaxes(1, 2)[:, None] @ group.elements)  # whether h and k share a coset
    expected = []
    for rep, part in zip(field_type, fields(field_type, x), strict=True):
        values = part[:, components(rep)]
        pooled = [values[:, row].amax(1) if reduction == "max" else values[:, row].mean(1) for row in inside]
        columns = torch.empty(3, target.size, dtype=torch.float64)
        columns[:, components(target)] = torch.stack(pooled, 1)
        expected.append(columns)
    torch.testing.assert_close(layer(x), torch.cat(expected, 1), rtol=1e-14, atol=1e-14)
    for g in group.generators:
        torch.testing.assert_close(layer(field_type.transform(x, g)), layer.out_type.transform(layer(x), g))


def test_coset_pooling_in_steps_is_that_over_the_larger_subgroup():
    field_type = nn.FieldType(D4, 2 * [D4.regular])
    half = nn.GroupPool(field_type, subgroup="C2")
    x = torch.randn(3, 16, 5, 5)
    for small in ("C4", D4):
        assert torch.equal(
            nn.GroupPool(half.out_type, subgroup=small)(half(x)), nn.GroupPool(field_type, subgroup=small)(x)
        )
    assert torch.equal(nn.GroupPool(field_type, subgroup=D4)(x), nn.GroupPool(field_type)(x))
    assert torch.equal(nn.GroupPool(field_type, subgroup="C1")(x), x)
    assert str(half).endswith("reduction='max', subgroup=C2)")


def test_coset_pooling_of_infinite_groups():
    field_type = nn.FieldType(O2, [O2.quotient("SO(2)")])
    x = torch.randn(2, 2, 3, 3)
    assert torch.equal(nn.GroupPool(field_type, subgroup="SO(2)")(x), x)
    with pytest.raises(FieldTypeError, match=r"GroupPool over .*C4.* needs regular or quotient fields, .* field 0"):
        nn.GroupPool(field_type, subgroup="C4")


@pytest.mark.parametrize(
    "rep", [D4.trivial, D4.quotient("D2"), D4.regular + D4.regular, D4.subgroup("C2").regular.induce(D4)], ids=str
)
def test_coset_pooling_refuses_what_is_no_function_on_the_cosets_of_a_smaller_group(rep):
    with pytest.raises(FieldTypeError, match=r"functions on G/K with K a subgroup of it, but field 1 is .*; use reg"):
        nn.GroupPool(nn.FieldType(D4, [D4.regular, rep]), subgroup="C4")


def test_what_is_no_subgroup_is_refused():
    field_type = nn.FieldType(C8, [C8.regular])
    for small in (D4, "C3"):
        with pytest.raises(GroupError, match="subgroup"):
            nn.GroupPool(field_type, subgroup=small)


def test_unknown_reduction_is_refused():
    with pytest.raises(SteerError, match="reduction: expected 'max' or 'mean', got 'sum'"):
        nn.GroupPool(nn.FieldType(C8, [C8.regular]), "sum")
