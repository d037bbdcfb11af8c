"""Spatial pooling equals torch's on every channel; BlurPool is one normalised Gaussian, padded once."""

import re

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import KernelError, ShapeError, SteerError
from steer.testing import assert_equivariant

from . import zoo

C2, C4, D1, D4, O2 = (steer.group(name, dim=2) for name in ("C2", "C4", "D1", "D4", "O(2)"))
REGULAR = nn.FieldType(D4, [D4.regular, D4.trivial])
OPTIONS = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": 3, "stride": 2, "ceil_mode": True},
    {"kernel_size": 4, "stride": 3, "padding": 2},
]


@pytest.mark.parametrize("options", [*OPTIONS, {"kernel_size": 3, "padding": 1, "count_include_pad": False}])
def test_average_equals_torch(options):
    x = torch.randn(2, 9, 10, 12)
    assert torch.equal(nn.AvgPool(REGULAR, **options)(x), torch.nn.AvgPool2d(**options)(x))


@pytest.mark.parametrize("options", [*OPTIONS, {"kernel_size": 3, "dilation": 2}])
def test_maximum_equals_torch(options):
    x = torch.randn(2, 9, 10, 12)
    assert torch.equal(nn.MaxPool(REGULAR, **options)(x), torch.nn.MaxPool2d(**options)(x))


def gaussian(size, sigma):
    axis = np.arange(size) - (size - 1) / 2
    values = np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * sigma**2))
    return torch.from_numpy(values / values.sum())


@pytest.mark.parametrize(("size", "stride", "sigma", "padding"), [(3, 1, 0.5, 1), (5, 2, 1.0, 0), (4, 2, 0.8, 1)])
def test_blur_is_a_depthwise_gaussian(size, stride, sigma, padding):
    x = torch.randn(2, 9, 11, 12, dtype=torch.float64)
    layer = nn.BlurPool(REGULAR, size, stride, sigma, padding).double()
    weight = gaussian(size, sigma).expand(9, 1, size, size)
    expected = torch.nn.functional.conv2d(x, weight, stride=stride, padding=padding, groups=9)
    torch.testing.assert_close(layer(x), expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(
    ("sizes", "stride", "padding"), [((3, 4, 5), (2, 1, 3), (1, 0, 2)), (None, 2, None), (5, (1, 2, 2), 4)]
)
def test_blur_in_space_axis_by_axis_is_the_convolution(sizes, stride, padding):
    group = steer.group("C1", dim=3)
    layer = nn.BlurPool(nn.FieldType(group, 3 * [group.trivial]), sizes, stride, 0.8, padding).double()
    x = torch.randn(2, 3, 8, 9, 7, dtype=torch.float64)
    leaf = x.clone().requires_grad_()
    expected, out = layer(x), layer(leaf)  # without a gradient it is a convolution
    torch.testing.assert_close(out, expected, rtol=1e-13, atol=1e-14)
    weight = layer.filter.expand(3, *layer.filter.shape[1:])
    options = {"stride": layer.stride, "padding": layer.padding, "groups": 3}
    slope = torch.randn_like(out)
    (found,) = torch.autograd.grad(out, leaf, slope)
    torch.testing.assert_close(found, torch.nn.grad.conv3d_input(x.shape, weight, slope, **options))


def test_blur_pads_once_and_keeps_the_size():
    one = torch.ones(1, 9, 9, 9)
    layer = nn.BlurPool(REGULAR, stride=1, sigma=0.66)
    assert layer.kernel_size == (5, 5)
    out = layer(one)
    assert out.shape == one.shape
    torch.testing.assert_close(out[..., 2:-2, 2:-2], one[..., 2:-2, 2:-2])
    # on the edge, the part of the filter that lies outside, and no more, is lost
    inside = gaussian(5, 0.66).sum(0)[2:].sum()
    torch.testing.assert_close(out[..., 0, 4], inside.float().expand(1, 9))
    assert nn.BlurPool(REGULAR)(one).shape == (1, 9, 5, 5)


def test_the_default_sigma_is_half_the_stride():
    assert [nn.BlurPool(REGULAR, stride=stride).sigma for stride in (1, 2, 4)] == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("sigma", [0.3, 0.66, 1.0, 2.5])
def test_the_default_blur_is_odd_and_wide_enough(sigma):
    size = nn.BlurPool(REGULAR, sigma=sigma).kernel_size[0]
    assert size % 2 == 1
    assert size >= 6 * sigma


@pytest.mark.parametrize("layer", [nn.AvgPool, nn.MaxPool, lambda t, k, s: nn.BlurPool(t, k, s, padding=0)])
@pytest.mark.parametrize(
    ("size", "kernel", "stride"), [(9, 3, 2), (9, 3, 3), (8, 2, 2), (8, 4, 2), (10, 4, 3), (7, 7, 1)]
)
def test_exact_where_windows_fit(layer, size, kernel, stride):
    assert (size - kernel) % stride == 0
    assert_equivariant(layer(REGULAR, kernel, stride), shape=(2, size, size))


def test_windows_that_do_not_fit_break_symmetry():
    with pytest.raises(AssertionError, match="AvgPool is not equivariant"):
        assert_equivariant(nn.AvgPool(REGULAR, 3, 2), shape=(2, 8, 8))


@pytest.mark.parametrize("layer", [nn.AvgPool, nn.MaxPool, nn.BlurPool])
def test_axes_may_differ_only_where_the_group_keeps_them(layer):
    for group in (C2, D1, O2.subgroup("D2"), steer.group("C1", dim=2)):
        field_type = nn.FieldType(group, [group.trivial])
        out = layer(field_type, (3, 5), stride=(1, 2), padding=(1, 2))(torch.randn(1, 1, 9, 9))
        assert out.shape == (1, 1, 9, 5)
    for group in (C4, D4, steer.group("C3", dim=2), O2, O2.subgroup("D1", axis=np.pi / 4)):
        field_type = nn.FieldType(group, [group.trivial])
        with pytest.raises(KernelError, match=rf"kernel_size: {re.escape(group.name)} mixes"):
            layer(field_type, (3, 5))
        with pytest.raises(KernelError, match=r"stride: .* must be equal on them; got \(1, 2\)"):
            layer(field_type, 3, stride=(1, 2))
        assert layer(field_type, (3, 3), stride=(2, 2)).out_type == field_type


@pytest.mark.parametrize("layer", [nn.AvgPool, nn.MaxPool, nn.BlurPool])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel_size": 0}, "kernel_size: expected an integer >= 1 or 2 of them, got 0"),
        ({"kernel_size": 2.5}, "kernel_size: expected an integer >= 1 or 2 of them, got 2.5"),
        ({"kernel_size": (3, 3, 3)}, r"kernel_size: .* or 2 of them, got \(3, 3, 3\)"),
        ({"kernel_size": 3, "stride": 0}, "stride: expected an integer >= 1 or 2 of them, got 0"),
        ({"kernel_size": 3, "padding": -1}, "padding: expected an integer >= 0 or 2 of them, got -1"),
        ({"kernel_size": True}, "kernel_size: expected an integer >= 1 or 2 of them, got True"),
    ],
)
def test_bad_sizes_are_refused(layer, arguments, message):
    with pytest.raises(KernelError, match=message) as caught:
        layer(REGULAR, **arguments)
    assert isinstance(caught.value, SteerError)


@pytest.mark.parametrize("layer", [nn.AvgPool, nn.MaxPool])
def test_padding_above_half_the_window_is_refused(layer):
    with pytest.raises(KernelError, match="padding: expected at most half of kernel_size 3, got 2"):
        layer(REGULAR, 3, padding=2)


@pytest.mark.parametrize("sigma", [0, -1.0, float("nan"), float("inf")])
def test_bad_sigma_is_refused(sigma):
    with pytest.raises(KernelError, match="sigma: expected a positive number of pixels, got"):
        nn.BlurPool(REGULAR, sigma=sigma)


@pytest.mark.parametrize("layer", [nn.AvgPool(REGULAR, 2), nn.MaxPool(REGULAR, 2), nn.BlurPool(REGULAR)])
def test_features_without_positions_are_refused(layer):
    with pytest.raises(ShapeError, match=r"x: .*Pool expects \(batch, 9\) and 2 axes of space, got \(4, 9\)"):
        layer(torch.zeros(4, 9))


def test_blur_of_vectors_commutes_with_turns():
    assert_equivariant(nn.BlurPool(zoo.linear_types(O2)[1]), shape=(1, 9, 9))
