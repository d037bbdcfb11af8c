"""NormAct is f(|x| + b) x / |x| for each field, with gradients that are right, and finite at zero."""

import pytest
import torch

import steer
from steer import nn
from steer.errors import SteerError
from steer.nn._engine import _layout
from tests.catalogue import group_id

from . import zoo

O2 = steer.group("O(2)", dim=2)
FORMULAS = {
    "relu": lambda t: t.clamp_min(0),
    "sigmoid": lambda t: 1 / (1 + (-t).exp()),
    "softplus": lambda t: t.exp().log1p(),
    "squash": lambda t: t**2 / (1 + t**2),
}


@pytest.mark.parametrize("group", zoo.GROUPS, ids=group_id)
@pytest.mark.parametrize("function", FORMULAS)
@pytest.mark.parametrize("bias", [True, False])
def test_equals_the_formula_field_by_field(group, function, bias):
    for field_type in zoo.types_for("NormAct relu", group):
        layer = zoo.scrambled(nn.NormAct(field_type, function, bias=bias)).double()
        x = torch.randn(2, field_type.size, 3, 4, dtype=torch.float64)
        out = layer(x)
        assert (layer.bias is None) == (not bias)
        for index, (start, stop) in enumerate(zip(field_type.offsets, field_type.offsets[1:], strict=False)):
            field = x[:, start:stop]
            norm = field.norm(dim=1, keepdim=True)
            shifted = norm + layer.bias[index] if bias else norm
            torch.testing.assert_close(out[:, start:stop], FORMULAS[function](shifted) * field / norm)


@pytest.mark.parametrize("function", FORMULAS)
def test_gradient(function):
    for field_type in (zoo.linear_types(O2)[0], zoo.linear_types(O2)[1]):
        layer = zoo.scrambled(nn.NormAct(field_type, function)).double()
        x = torch.randn(1, field_type.size, 2, dtype=torch.float64, requires_grad=True)

        def call(x, bias, layer=layer):
            return torch.func.functional_call(layer, {"bias": bias}, x)

        assert torch.autograd.gradcheck(call, (x, layer.bias))
        assert torch.autograd.gradgradcheck(call, (x, layer.bias))


@pytest.mark.parametrize("layer", [nn.NormAct, nn.NormPool, lambda t: nn.Sequential(nn.NormAct(t), nn.NormPool(t))])
def test_fields_in_any_order_by_gathers(layer, monkeypatch):
    # periods of many sizes are walked as views; what is too irregular for that is sorted first
    irreps = [O2.irrep(label) for label in ("0+", "2", "0-", "1", "1", "0+", "2")]
    field_type = nn.FieldType(O2, [*irreps, O2.irrep("1").tensor(O2.irrep("1"))])
    x = torch.randn(2, field_type.size, 3, 4, dtype=torch.float64).requires_grad_()
    views = layer(field_type).double()
    monkeypatch.setattr(_layout, "MOST_RUNS", 1)
    gathered = layer(field_type).double()
    assert _layout.FieldLayout(field_type).gathered
    slope = torch.randn_like(views(x))
    for found, expected in zip(
        *((module(x), *torch.autograd.grad(module(x), x, slope)) for module in (gathered, views)), strict=True
    ):
        torch.testing.assert_close(found, expected)


def test_function_transforms():
    layer = zoo.scrambled(nn.NormAct(zoo.linear_types(O2)[1])).double()
    x = torch.randn(3, 2, layer.in_type.size, 4, dtype=torch.float64)
    zoo.require_transforms(layer, x)


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_some_samples_at_a_time(memory, monkeypatch):
    for field_type in (zoo.linear_types(O2)[0], zoo.linear_types(O2)[1]):
        layer = zoo.scrambled(nn.NormAct(field_type)).double()
        x = torch.randn(5, field_type.size, 4, 3, dtype=torch.float64).to(memory_format=memory).requires_grad_()
        inputs, slope = (x, layer.bias), torch.randn(x.shape, dtype=torch.float64)
        whole = layer(x)
        expected = torch.autograd.grad(whole, inputs, slope)
        with monkeypatch.context() as patch:
            patch.setattr(_layout, "CHUNK", 2 * x[0].nbytes)
            parts = layer(x)
            found = torch.autograd.grad(parts, inputs, slope)
        assert parts.stride() == whole.stride()
        torch.testing.assert_close((parts, *found), (whole, *expected))


@pytest.mark.parametrize("function", FORMULAS)
@pytest.mark.parametrize("size", [0.0, 1e-30, 1e-7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradient_is_finite_near_zero(function, size, dtype):
    field_type = zoo.linear_types(O2)[1]
    layer = nn.NormAct(field_type, function).to(dtype)
    torch.nn.init.constant_(layer.bias, 0.5)
    x = torch.full((2, field_type.size, 2, 2), size, dtype=dtype, requires_grad=True)
    out = layer(x)
    out.sum().backward()
    assert torch.equal(out, torch.zeros_like(out))
    assert torch.equal(x.grad, torch.zeros_like(x))
    assert layer.bias.grad.isfinite().all()


def test_round_off_is_not_magnified():
    # a constant image gives zero up to round-off in every non-trivial irrep; a positive bias must not make that noise
    layer = nn.NormAct(nn.FieldType(O2, 4 * [O2.irrep("1")]))
    torch.nn.init.constant_(layer.bias, 1.0)
    assert layer(1e-7 * torch.randn(1, 8, 5, 5)).abs().max() == 0


def test_relu_is_the_identity_without_a_bias_and_starts_otherwise_with_one():
    field_type = zoo.linear_types(O2)[1]
    x = torch.randn(2, field_type.size, 3, 3)
    torch.testing.assert_close(nn.NormAct(field_type, bias=False)(x), x)
    layer = nn.NormAct(field_type)
    assert (layer.bias == -0.5).all()
    assert (nn.NormAct(field_type, "squash").bias == 0).all()


def test_half_precision_does_not_overflow():
    field_type = nn.FieldType(O2, [O2.irrep("1")])
    x = torch.full((1, 2, 1, 1), 3e4, dtype=torch.float16)
    torch.testing.assert_close(nn.NormAct(field_type).half()(x), x)


def test_unknown_function_is_refused():
    with pytest.raises(SteerError, match=r"function: expected one of 'relu', .* got 'sigmid'; did you mean 'sigmoid'"):
        nn.NormAct(zoo.linear_types(O2)[0], "sigmid")
