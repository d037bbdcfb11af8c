"""With the trivial group every layer is the layer of torch: same outputs, gradients and statistics."""

import pytest
import torch

import steer
from steer import nn

CHANNELS = 6
LINE = {dim: steer.group("C1", dim=dim) for dim in (1, 2, 3)}
TYPES = {dim: nn.FieldType(group, CHANNELS * [group.trivial]) for dim, group in LINE.items()}
SPACES = {1: (9,), 2: (7, 6), 3: (5, 4, 6)}


def of_dim(name, dim):
    return getattr(torch.nn, f"{name}{dim}d")


POINTWISE = ["ReLU", "ELU", "LeakyReLU", "GELU", "SiLU", "Sigmoid", "Tanh"]
SPATIAL = {
    "AvgPool": ((3, 2, 1), {}),
    "MaxPool": ((3, 2, 1), {}),
    "BatchNorm": ((), {}),
    "InstanceNorm": ((), {"affine": True}),
    "AdaptiveAvgPool": ((3,), {}),
    "AdaptiveMaxPool": ((2,), {}),
}


def agree(layer, plain, x):
    """Outputs and gradients, in training and in evaluation; parameters are copied from the one to the other first."""
    layer, plain = layer.double(), plain.double()
    ours, theirs = dict(layer.named_parameters()), dict(plain.named_parameters())
    assert ours.keys() == theirs.keys()
    with torch.no_grad():
        for name, parameter in theirs.items():
            ours[name].copy_(parameter.normal_().reshape(ours[name].shape))
    for training in (True, False):
        a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
        out, expected = layer.train(training)(a), plain.train(training)(b)
        torch.testing.assert_close(out, expected)
        slope = torch.randn_like(out)
        out.backward(slope)
        expected.backward(slope)
        torch.testing.assert_close(a.grad, b.grad)
        for name, parameter in theirs.items():
            torch.testing.assert_close(ours[name].grad.flatten(), parameter.grad.flatten())
    for name, value in plain.named_buffers():
        torch.testing.assert_close(dict(layer.named_buffers())[name], value)


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("name", POINTWISE)
def test_pointwise(name, dim):
    x = torch.randn(3, CHANNELS, *SPACES[dim], dtype=torch.float64)
    agree(getattr(nn, name)(TYPES[dim]), getattr(torch.nn, name)(), x)


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("name", SPATIAL)
def test_pooling_and_norms(name, dim):
    arguments, options = SPATIAL[name]
    x = torch.randn(3, CHANNELS, *SPACES[dim], dtype=torch.float64)
    channels = (CHANNELS,) if "Norm" in name else ()
    plain = of_dim(name, dim)(*channels, *arguments, **options)
    agree(getattr(nn, name)(TYPES[dim], *arguments, **options), plain, x)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_group_norm(dim):
    x = torch.randn(3, CHANNELS, *SPACES[dim], dtype=torch.float64)
    agree(nn.GroupNorm(TYPES[dim], 3), torch.nn.GroupNorm(3, CHANNELS), x)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_layer_norm(dim):
    x = torch.randn(3, CHANNELS, dtype=torch.float64)
    agree(nn.LayerNorm(TYPES[dim]), torch.nn.LayerNorm(CHANNELS), x)


@pytest.mark.parametrize(
    ("dim", "mode"),
    [(1, "nearest"), (1, "linear"), (2, "nearest"), (2, "linear"), (2, "cubic"), (3, "nearest"), (3, "linear")],
)
def test_upsample(dim, mode):
    x = torch.randn(3, CHANNELS, *SPACES[dim], dtype=torch.float64)
    names = {"nearest": "nearest", "linear": {1: "linear", 2: "bilinear", 3: "trilinear"}[dim], "cubic": "bicubic"}
    agree(nn.Upsample(TYPES[dim], scale_factor=2, mode=mode), torch.nn.Upsample(scale_factor=2, mode=names[mode]), x)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_convolution(dim):
    options = {"stride": 2, "padding": 1, "padding_mode": "circular"}
    layer = getattr(nn, f"Conv{dim}d")(TYPES[dim], TYPES[dim], 3, basis="pixel", **options).double()
    plain = of_dim("Conv", dim)(CHANNELS, CHANNELS, 3, **options).double()
    with torch.no_grad():
        layer.bias.normal_()
        plain.weight.copy_(layer.filter())
        plain.bias.copy_(layer.bias)
    assert layer.weight.numel() == plain.weight.numel()
    x = torch.randn(3, CHANNELS, *SPACES[dim], dtype=torch.float64)
    torch.testing.assert_close(layer(x), plain(x))


def test_linear():
    layer, plain = nn.Linear(TYPES[2], TYPES[2]).double(), torch.nn.Linear(CHANNELS, CHANNELS).double()
    with torch.no_grad():
        layer.bias.normal_()
        plain.weight.copy_(layer.matrix())
        plain.bias.copy_(layer.bias)
    assert layer.weight.numel() == plain.weight.numel()
    x = torch.randn(3, CHANNELS, dtype=torch.float64)
    torch.testing.assert_close(layer(x), plain(x))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_dropout(dim):
    x = torch.randn(3, CHANNELS, *SPACES[dim])
    torch.manual_seed(0)
    found = nn.Dropout(TYPES[dim], 0.4)(x)
    torch.manual_seed(0)
    assert torch.equal(found, of_dim("Dropout", dim)(0.4)(x))
    torch.manual_seed(0)
    found = nn.Dropout(TYPES[dim], 0.4, elementwise=True)(x)
    torch.manual_seed(0)
    assert torch.equal(found, torch.nn.Dropout(0.4)(x))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_fields_of_one_scalar(dim):
    x = torch.randn(3, CHANNELS, *SPACES[dim])
    assert torch.equal(nn.GroupPool(TYPES[dim])(x), x)
    torch.testing.assert_close(nn.NormPool(TYPES[dim])(x), x.abs())
    assert torch.equal(nn.Gate(TYPES[dim])(x), torch.nn.functional.silu(x))
    assert torch.equal(nn.Restrict(TYPES[dim], "C1")(x), x)
