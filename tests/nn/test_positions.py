"""Layers that act on fibres alone take features without positions, of points and of grids, and do the same at each."""

import pytest
import torch

import steer
from steer import nn
from steer.testing import assert_equivariant

from . import zoo

D4, SO3, C3 = (steer.group(name, dim=dim) for name, dim in (("D4", 2), ("SO(3)", 3), ("C3", 2)))
MIXED = nn.FieldType(D4, [D4.trivial, D4.regular, D4.quotient("C2"), D4.regular])
SCALARS = nn.FieldType(SO3, 2 * [SO3.trivial] + 2 * [SO3.vector])
BANDS = nn.FieldType(SO3, [SO3.band_limited(1), SO3.trivial])

ON_SPACE = ("Pool", "Upsample", "Mask", "InstanceNorm", "Sequential", "AliasFree")
"""Parts of the names of layers in the zoo that look at several positions."""

LAYERS = {
    "Linear": lambda t: nn.Linear(t, t),
    "Linear without bias": lambda t: nn.Linear(t, t[:1] + t[1:2], bias=False),
    "TensorSquare": lambda t: nn.TensorSquare(t, max_frequency=1),
    "Disentangle": nn.Disentangle,
    **{name: build for name, build in zoo.ANY_TYPE.items() if not any(part in name for part in ON_SPACE)},
    "NormPool": nn.NormPool,
}
PERMUTED = {
    "CReLU": nn.CReLU,
    "VectorFieldAct": lambda t: nn.VectorFieldAct(t[1:2] + t[3:]),
    "GroupPool": nn.GroupPool,
    **{name: build for name, build in zoo.PERMUTATIONS.items() if "Pool" not in name},
}
CASES = {
    **{f"{name}, D4": (build, MIXED) for name, build in {**LAYERS, **PERMUTED}.items()},
    **{f"{name}, SO(3)": (build, SCALARS) for name, build in LAYERS.items()},
    "FourierAct, D4": (nn.FourierAct, MIXED),
    "FourierAct, SO(3)": (nn.FourierAct, BANDS),
}


@pytest.mark.parametrize("name", CASES)
def test_the_same_at_every_position(name):
    build, kind = CASES[name]
    layer = zoo.scrambled(build(kind)).double().eval()
    for space in ((5,), (2, 3), (2, 2, 2)):
        x = torch.randn(3, layer.in_type.size, *space, dtype=torch.float64)
        found = layer(x)
        assert found.shape == (3, layer.out_type.size, *space)
        rows = layer(x.flatten(2).transpose(1, 2).flatten(0, 1))  # (batch n, channels)
        expected = rows.unflatten(0, (3, -1)).transpose(1, 2).unflatten(2, space)
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
        field = layer(layer.in_type(x))
        assert field.type == layer.out_type
        assert torch.equal(field.tensor, found)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("space", [(), (7,), (4, 5), (2, 3, 4)])
def test_linear_maps_are_convolutions_of_one_point(bias, space):
    layer = zoo.scrambled(nn.Linear(MIXED, MIXED, bias=bias))
    x = torch.randn(2, MIXED.size, *space)
    offset = layer(torch.zeros(1, MIXED.size)).reshape(-1, *len(space) * [1])
    expected = torch.einsum("oi,ni...->no...", layer.matrix(), x) + offset
    for given in (x, x.movedim(1, -1).contiguous().movedim(-1, 1)):  # channels last
        torch.testing.assert_close(layer(given), expected)
        torch.testing.assert_close(steer.export(layer)(given), expected)
        if space:
            assert layer(given).stride() == layer.plan.apply(layer.weight, given, dim=1).stride()
    if len(space) == 2:
        conv = nn.Conv2d(MIXED, MIXED, 1, bias=bias, basis=steer.kernels.Rings.point())
        conv.load_state_dict(layer.state_dict())
        torch.testing.assert_close(layer(x), conv(x))
    zoo.require_transforms(layer.double(), torch.randn(3, 2, MIXED.size, *space, dtype=torch.float64))


def test_the_memory_format_stays():
    layer = nn.Linear(MIXED, MIXED)
    x = torch.randn(2, MIXED.size, 4, 5)
    assert layer(x).is_contiguous()
    assert layer(x.contiguous(memory_format=torch.channels_last)).is_contiguous(memory_format=torch.channels_last)


def test_checks_without_an_input_take_all_elements_where_the_grid_has_none():
    kind = nn.FieldType(C3, [C3.regular, C3.vector])
    assert_equivariant(nn.Sequential(nn.Linear(kind, kind), nn.NormAct(kind)))
    assert len(steer.testing.equivariance_error(nn.Linear(kind, kind))) == 3


def test_a_transformer_block_of_points():
    wide = nn.Gate(SCALARS + SCALARS)
    feed = nn.Residual(nn.Sequential(nn.Linear(SCALARS, wide.in_type), wide, nn.Linear(wide.out_type, SCALARS)))
    attention = nn.Residual(nn.SelfAttention(SCALARS, num_heads=2))
    block = nn.Sequential(attention, nn.LayerNorm(SCALARS), feed, nn.LayerNorm(SCALARS))
    for shape in ((2, 6), (2, 3, 3, 3)):
        assert_equivariant(block.double(), shape=shape)
