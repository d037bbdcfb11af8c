"""Every layer is exactly equivariant: module(g x) = g module(x) for all g that map the grid to itself."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steer import nn
from steer.testing import TOLERANCES, assert_equivariant, equivariance_error
from tests.catalogue import group_id

from . import zoo
from .symmetries import grid_generators


@pytest.mark.slow  # the contracts say it of every layer for a few groups, random types below for all
@pytest.mark.parametrize("group", zoo.GROUPS, ids=group_id)
@pytest.mark.parametrize("name", zoo.LAYERS)
def test_layer_commutes_with_the_group(name, group):
    for field_type in zoo.types_for(name, group):
        layer = zoo.scrambled(zoo.LAYERS[name](field_type))
        elements = grid_generators(layer.out_type.group)
        for size in zoo.sizes(name):
            shape = (2, *group.dim * [size])
            for dtype in (torch.float32, torch.float64):
                assert_equivariant(layer.to(dtype), elements=elements, shape=shape, dtype=dtype)


@pytest.mark.parametrize("group", zoo.GROUPS, ids=group_id)
@pytest.mark.parametrize("momentum", [0.1, None])
def test_batch_norm_commutes_in_training(group, momentum):
    for field_type in zoo.types_for("BatchNorm", group):
        layer = zoo.scrambled(nn.BatchNorm(field_type, momentum=momentum)).double()
        x = torch.randn(3, field_type.size, *group.dim * [5], dtype=torch.float64) + 1
        before = copy.deepcopy(layer)
        out = layer(x)
        for g in grid_generators(group):
            turned = copy.deepcopy(before)
            torch.testing.assert_close(
                turned(field_type.transform(x, g)), field_type.transform(out, g), rtol=0, atol=1e-12
            )
            for key, value in turned.state_dict().items():
                torch.testing.assert_close(value, layer.state_dict()[key], rtol=0, atol=1e-12)


@pytest.mark.parametrize("group", zoo.GROUPS, ids=group_id)
def test_gradients_are_equivariant(group):
    # With ties everywhere (after a ReLU), a gradient that picked one of them would not be.
    field_type = zoo.permutation_types(group)[1]
    net = nn.Sequential(nn.ReLU(field_type), nn.MaxPool(field_type, 1), nn.GroupPool(field_type)).double()
    x = torch.randn(2, field_type.size, *group.dim * [4], dtype=torch.float64).round()

    def gradient(x):
        x = x.clone().requires_grad_()
        net(x).square().sum().backward()
        return x.grad

    for g in grid_generators(group):
        left, right = gradient(field_type.transform(x, g)), field_type.transform(gradient(x), g)
        torch.testing.assert_close(left, right, rtol=0, atol=1e-12)


@pytest.mark.parametrize("group", zoo.GROUPS, ids=group_id)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_trained_network_stays_equivariant(group, dtype):
    for field_type in (zoo.permutation_types(group)[1], zoo.linear_types(group)[1]):
        net = nn.Sequential(
            nn.BatchNorm(field_type),
            nn.NormAct(field_type, "softplus"),
            nn.BlurPool(field_type),
            nn.Dropout(field_type, 0.2),
            nn.NormAct(field_type),
            nn.AvgPool(field_type, 3, 1, 1),
            nn.BatchNorm(field_type),
        ).to(dtype)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(4):
            x = torch.randn(4, field_type.size, *group.dim * [9], dtype=dtype)
            optimizer.zero_grad()
            (net(x) - x[(..., *group.dim * [slice(None, None, 2)])]).square().mean().backward()
            optimizer.step()
        assert_equivariant(
            net, elements=grid_generators(group), shape=(2, *group.dim * [9]), tolerance=TOLERANCES[dtype]
        )


@given(data=st.data())
def test_random_types_and_shapes(data):
    group = data.draw(st.sampled_from(zoo.GROUPS))
    name = data.draw(st.sampled_from(sorted(zoo.LAYERS)))
    kinds = list(dict.fromkeys(rep for field_type in zoo.types_for(name, group) for rep in field_type))
    field_type = nn.FieldType(group, data.draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=6)))
    size = data.draw(st.sampled_from(zoo.sizes(name))) + 2 * data.draw(st.integers(0, 2))
    layer = zoo.scrambled(zoo.LAYERS[name](field_type)).double()
    shape = (data.draw(st.integers(1, 3)), *group.dim * [size])
    assert_equivariant(layer, elements=grid_generators(layer.out_type.group), shape=shape, dtype=torch.float64)


@pytest.mark.parametrize("name", ["NormAct relu", "BatchNorm", "NormPool", "BlurPool"])
def test_other_angles_within_interpolation(name):
    # Layers that act at each point commute with every rotation: what is left is the error of cubic splines (1.5%, 3%
    # after a function with a kink), and for BlurPool that its Gaussian of 0.66 pixels is sampled on a square. A ReLU on
    # irreps, which does not commute, has an error above 20%.
    group = zoo.O2
    layer = zoo.scrambled(zoo.LAYERS[name](zoo.linear_types(group)[1])).double()
    errors = equivariance_error(layer, elements=group.sample(6, seed=0), shape=(1, 33, 33))
    assert errors.max() < 0.05
