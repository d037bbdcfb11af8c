"""GroupPool and NormPool give one number a field, unchanged by the group acting on the fibre."""

import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, SteerError
from tests.planar import group_id

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
        for g in group.sample(6):
            for layer in layers:
                torch.testing.assert_close(layer(field_type.transform(x, g)), layer(x), rtol=1e-12, atol=1e-12)


def test_norm_pool_gradient():
    for field_type in (zoo.linear_types(O2)[0], zoo.linear_types(O2)[1]):
        layer = nn.NormPool(field_type)
        x = torch.randn(2, field_type.size, 2, dtype=torch.float64, requires_grad=True)
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


def test_unknown_reduction_is_refused():
    with pytest.raises(SteerError, match="reduction: expected 'max' or 'mean', got 'sum'"):
        nn.GroupPool(nn.FieldType(C8, [C8.regular]), "sum")
