"""The spectral norm of filters: the largest singular value by NumPy, what it bounds, and where it is kept."""

import copy
import math

import numpy as np
import pytest
import torch
from torch.nn.utils import parametrize, prune

import steer
from steer import nn
from steer.errors import FieldTypeError, SteerError
from steer.testing import assert_equivariant

D4 = steer.group("D4", dim=2)
C6 = steer.group("C6", dim=2)
O = steer.group("O", dim=3)  # noqa: E741 - its name
MIXED = nn.FieldType(D4, [D4.regular, D4.vector, D4.trivial])
TWICE = MIXED + MIXED
CUBE = nn.FieldType(O, [O.vector, O.trivial])
HEXAGONS = nn.FieldType(C6, [C6.regular])
LAYERS = {
    "rings": lambda: nn.Conv2d(MIXED, TWICE, 5, padding=2),
    "circular": lambda: nn.Conv2d(MIXED, MIXED, 3, padding=1, padding_mode="circular"),
    "stride": lambda: nn.Conv2d(TWICE, MIXED, 3, 2, basis="pixel"),
    "groups": lambda: nn.Conv2d(TWICE, TWICE, 3, groups=2),
    "transposed": lambda: nn.ConvTranspose2d(TWICE, MIXED, 4, 2),
    "transposed in groups": lambda: nn.ConvTranspose2d(TWICE, TWICE, 4, 2, groups=2),
    "hexagonal": lambda: nn.HexConv2d(HEXAGONS, HEXAGONS, 3),
    "3d": lambda: nn.Conv3d(CUBE, CUBE, 3),
    "linear": lambda: nn.Linear(MIXED, TWICE),
}


def norm(layer):
    """The largest singular value, by NumPy."""
    filters = layer.matrix() if isinstance(layer, nn.Linear) else layer.filter()
    filters = filters.movedim(int(isinstance(layer, nn.ConvTranspose2d)), 0)
    return np.linalg.svd(filters.detach().double().flatten(1).numpy(), compute_uv=False)[0]


@pytest.mark.parametrize("name", LAYERS)
def test_the_filter_has_norm_one(name):
    layer = LAYERS[name]()
    expected = norm(layer)
    filters = layer._expand().detach()
    assert nn.utils.spectral_norm(layer, 200) is layer
    # estimated from below; after k steps the square is log(n) / k away or nearer, however near the next singular values
    assert 1 - 1e-5 < norm(layer) < 1 + math.log(22) / 200
    layer.eval()
    assert abs(norm(layer) - 1) < 1e-5
    torch.testing.assert_close(layer._expand(), filters / expected, rtol=0, atol=1e-5)
    parametrize.remove_parametrizations(layer, "weight")
    assert abs(norm(layer) - 1) < 1e-5


@torch.no_grad()
@pytest.mark.parametrize("name", LAYERS)
def test_what_it_bounds(name):
    layer = nn.utils.spectral_norm(LAYERS[name]()).double().eval()
    layer.bias.zero_()
    space = () if name == "linear" else (7,) * layer.in_type.group.dim
    points = math.prod(getattr(layer, "kernel_size", ()))
    x = torch.randn(1, layer.in_type.size, *space, dtype=torch.float64)
    with torch.enable_grad():
        for _ in range(10):  # towards the feature map that the layer lengthens most
            x = x.detach().requires_grad_()
            (x,) = torch.autograd.grad(layer(x).square().sum(), x)
            x = x / x.norm()
    longest = float(layer(x).norm())
    assert longest <= math.sqrt(points) + 1e-9
    if name == "linear":
        assert longest > 0.99
    if space and not isinstance(layer, nn.HexConv2d):
        assert_equivariant(layer)


def test_gradients_of_training_are_those_of_the_quotient():
    layer = nn.Conv2d(MIXED, MIXED, 3).double()
    twin = copy.deepcopy(layer)
    nn.utils.spectral_norm(layer, 300)
    x = torch.randn(2, MIXED.size, 5, 5, dtype=torch.float64)
    layer(x).square().sum().backward()
    norm = torch.linalg.matrix_norm(twin.filter().flatten(1), 2)
    expected = torch.nn.functional.conv2d(x, twin.filter() / norm, twin._full_bias())
    expected.square().sum().backward()
    found = layer.parametrizations.weight.original.grad
    # the largest singular value may be one of several, each with a gradient: all vanish along the coefficients
    weight = twin.weight.detach()
    for each in (found, twin.weight.grad):
        assert abs(float(each @ weight)) < 1e-9 * float(found.norm() * weight.norm())
    scalars = nn.Linear(nn.FieldType(D4, 3 * [D4.trivial]), nn.FieldType(D4, 2 * [D4.trivial])).double()
    plain = torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(3, 2).double(), n_power_iterations=300)
    with torch.no_grad():
        plain.parametrizations.weight.original.copy_(scalars.matrix())
        plain.bias.copy_(scalars._full_bias())
    nn.utils.spectral_norm(scalars, 300)
    for module in (scalars, plain):
        module(x[:, :3, 0, 0]).pow(3).sum().backward()
    found = scalars.parametrizations.weight.original
    filters = scalars.plan.expand(found.grad).flatten(1) / scalars.plan.expand(torch.ones_like(found)).flatten(1) ** 2
    torch.testing.assert_close(filters, plain.parametrizations.weight.original.grad, rtol=0, atol=1e-7)


def test_training_follows_the_norm():
    torch.manual_seed(0)
    layer = nn.utils.spectral_norm(nn.Conv2d(MIXED, MIXED, 3, padding=1))
    optimizer = torch.optim.SGD(layer.parameters(), 0.01)
    x = torch.randn(4, MIXED.size, 5, 5)
    for _ in range(20):
        optimizer.zero_grad()
        layer(x).square().mean().neg().backward()
        optimizer.step()
    assert abs(norm(layer.eval()) - 1) < 1e-5
    layer.train()
    for _ in range(200):
        layer(x)
    assert 1 - 1e-5 < norm(layer) < 1 + math.log(MIXED.size) / 200


def test_state_dicts_copies_casts_and_exports():
    x = torch.randn(2, MIXED.size, 5, 5)
    layer = nn.utils.spectral_norm(nn.Conv2d(MIXED, MIXED, 3, padding=1))
    again = nn.utils.spectral_norm(nn.Conv2d(MIXED, MIXED, 3, padding=1))
    again.load_state_dict(layer.state_dict())
    copied = copy.deepcopy(layer)
    for other in (again, copied):
        layer.load_state_dict(other.state_dict())
        before = layer.parametrizations.weight[0].vector.clone()
        assert torch.equal(other(x), layer(x))  # one step of the iteration
        assert torch.equal(other.filter(), layer.filter())
        assert not torch.equal(layer.parametrizations.weight[0].vector, before)
    layer.eval()
    plain = steer.export(layer)
    assert type(plain) is torch.nn.Conv2d
    torch.testing.assert_close(plain(x), layer(x), rtol=0, atol=1e-5)
    expected = layer(x)
    layer.double()
    assert abs(norm(layer) - 1) < 1e-12
    torch.testing.assert_close(layer(x.double()), expected.double(), rtol=0, atol=1e-5)
    torch.testing.assert_close(layer.bfloat16()(x.bfloat16()).float(), expected, rtol=0, atol=0.05)


@torch.no_grad()
def test_zero_coefficients_stay_zero():
    layer = nn.Linear(MIXED, MIXED)
    layer.weight.zero_()
    nn.utils.spectral_norm(layer)
    for mode in (True, False):
        assert not layer.train(mode).matrix().any()


def test_what_is_refused():
    layer = nn.Linear(MIXED, MIXED)
    with pytest.raises(FieldTypeError, match=r"torch\.nn\.utils"):
        nn.utils.spectral_norm(torch.nn.Linear(3, 3))
    with pytest.raises(FieldTypeError, match="BatchNorm"):
        nn.utils.spectral_norm(nn.BatchNorm(MIXED))
    with pytest.raises(SteerError, match="n_power_iterations"):
        nn.utils.spectral_norm(layer, 0)
    with pytest.raises(SteerError, match="eps"):
        nn.utils.spectral_norm(layer, eps=-1.0)
    prune.identity(layer, "weight")
    with pytest.raises(SteerError, match=r"prune\.remove"):
        nn.utils.spectral_norm(layer)
