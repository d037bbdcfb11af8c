"""Spatial pooling equals torch's, channel by channel, or field by field; BlurPool is one normalised Gaussian."""

import itertools
import re
from itertools import pairwise

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, KernelError, ShapeError, SteerError
from steer.testing import assert_equivariant, equivariance_error

from . import zoo

pytestmark = pytest.mark.filterwarnings("ignore::steer.errors.GridWarning")  # sizes that fit and that do not

C2, C4, D1, D4, O2 = (steer.group(name, dim=2) for name in ("C2", "C4", "D1", "D4", "O(2)"))
REGULAR = nn.FieldType(D4, [D4.regular, D4.trivial])
WINDOWS = [nn.AvgPool, nn.MaxPool, nn.NormMaxPool]
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


@pytest.mark.parametrize("layer", [*WINDOWS, lambda t, k, s: nn.BlurPool(t, k, s, padding=0)])
@pytest.mark.parametrize(
    ("size", "kernel", "stride"), [(9, 3, 2), (9, 3, 3), (8, 2, 2), (8, 4, 2), (10, 4, 3), (7, 7, 1)]
)
def test_exact_where_windows_fit(layer, size, kernel, stride):
    assert (size - kernel) % stride == 0
    assert_equivariant(layer(REGULAR, kernel, stride), shape=(2, size, size))


def test_windows_that_do_not_fit_break_symmetry():
    with pytest.raises(AssertionError, match="AvgPool is not equivariant"):
        assert_equivariant(nn.AvgPool(REGULAR, 3, 2), shape=(2, 8, 8))


@pytest.mark.parametrize("layer", [*WINDOWS, nn.BlurPool])
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


@pytest.mark.parametrize("layer", [*WINDOWS, nn.BlurPool])
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


OCT = steer.group("O", dim=3)
CUBES = nn.FieldType(OCT, [OCT.quotient("D4"), OCT.trivial])
ADAPTIVE = [
    (nn.AdaptiveAvgPool, REGULAR, torch.nn.AdaptiveAvgPool2d),
    (nn.AdaptiveAvgPool, CUBES, torch.nn.AdaptiveAvgPool3d),
    (nn.AdaptiveMaxPool, REGULAR, torch.nn.AdaptiveMaxPool2d),
    (nn.AdaptiveMaxPool, CUBES, torch.nn.AdaptiveMaxPool3d),
]


@pytest.mark.parametrize(("layer", "field_type", "plain"), ADAPTIVE)
@pytest.mark.parametrize("size", [1, 3, 4, 9])
def test_adaptive_pooling_equals_torch(layer, field_type, plain, size):
    x = torch.randn(2, field_type.size, *(7, 6, 8)[: field_type.group.dim])
    pool = layer(field_type, size)
    assert torch.equal(pool(x), plain(size)(x))
    assert type(steer.export(pool)) is plain
    torch.testing.assert_close(pool._by_axis(x), pool(x))  # what goes to ONNX


@pytest.mark.parametrize("layer", [nn.AdaptiveAvgPool, nn.AdaptiveMaxPool])
def test_adaptive_pooling_is_exact_on_every_size(layer):
    for size, out in itertools.product((1, 2, 5, 8), (1, 2, 3, 5, 7)):
        assert_equivariant(layer(REGULAR, out), shape=(1, size, size))


@pytest.mark.parametrize("layer", [nn.AdaptiveAvgPool, nn.AdaptiveMaxPool])
def test_adaptive_pooling_refuses_bad_sizes(layer):
    apart = nn.FieldType(C2, [C2.trivial])
    assert layer(apart, (2, 3))(torch.zeros(1, 1, 7, 7)).shape == (1, 1, 2, 3)
    with pytest.raises(KernelError, match=r"output_size: D4 mixes the axes of space, so .*; got \(2, 3\)"):
        layer(REGULAR, (2, 3))
    with pytest.raises(KernelError, match="output_size: expected an integer >= 1 or 2 of them, got 0"):
        layer(REGULAR, 0)
    with pytest.raises(ShapeError, match=r"expects \(batch, 9\) and 2 axes of space"):
        layer(REGULAR, 2)(torch.zeros(2, 9))


@pytest.mark.parametrize("layer", [lambda t: nn.MaxPool(t, 2), lambda t: nn.AdaptiveMaxPool(t, 2)])
def test_maxima_of_other_fields_are_refused(layer):
    with pytest.raises(FieldTypeError, match=r"MaxPool needs fields that the group permutes .* field 1 .*; use .*Pool"):
        layer(nn.FieldType(D4, [D4.trivial, D4.vector]))


def test_windows_of_one_sample_subsample_any_field():
    vectors = nn.FieldType(D4, [D4.vector, D4.regular])
    layer = nn.AvgPool(vectors, 1, 2)
    x = torch.randn(2, vectors.size, 9, 9)
    assert torch.equal(layer(x), x[..., ::2, ::2])
    assert_equivariant(layer, x)
    assert equivariance_error(layer, shape=(2, 8, 8)).max() > 0.1


def longest(field_type, x, kernel_size, stride, padding, dilation, ceil_mode):
    """By loops over windows and fields."""
    dim = x.dim() - 2
    like = getattr(torch.nn.functional, f"max_pool{dim}d")
    out = x.new_zeros(like(x, kernel_size, stride, padding, dilation, ceil_mode).shape)
    for place in np.ndindex(*out.shape[2:]):
        taps = [
            [
                t
                for t in range(p * stride - padding, p * stride - padding + dilation * kernel_size, dilation)
                if 0 <= t < n
            ]
            for p, n in zip(place, x.shape[2:], strict=True)
        ]
        window = torch.stack([x[(slice(None), slice(None), *tap)] for tap in itertools.product(*taps)])
        for sample, (start, stop) in itertools.product(range(len(x)), pairwise(field_type.offsets)):
            values = window[:, sample, start:stop]
            out[(sample, slice(start, stop), *place)] = values[values.norm(dim=1).argmax()]
    return out


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 2},
        {"kernel_size": 3, "stride": 2, "padding": 1},
        {"kernel_size": 2, "stride": 1, "dilation": 2},
        {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
    ],
)
def test_norm_max_keeps_the_longest_of_each_window(options):
    window = {"stride": options["kernel_size"], "padding": 0, "dilation": 1, "ceil_mode": False, **options}
    for field_type, space in (
        (zoo.linear_types(O2)[1], (6, 7)),
        (nn.FieldType(OCT, [OCT.vector, OCT.trivial]), (4, 5, 4)),
    ):
        x = torch.randn(2, field_type.size, *space)
        layer = nn.NormMaxPool(field_type, **options)
        assert torch.equal(layer(x), longest(field_type, x, **window))


def test_norm_max_of_positive_numbers_is_the_maximum():
    scalars = nn.FieldType(D4, 3 * [D4.trivial])
    x = torch.rand(2, 3, 9, 9)
    assert torch.equal(nn.NormMaxPool(scalars, 3, 2, 1)(x), nn.MaxPool(scalars, 3, 2, 1)(x))


def test_norm_max_does_not_depend_on_the_basis():
    one = steer.group("C1", dim=2)
    fields = nn.FieldType(one, [one.trivial + one.trivial + one.trivial])
    turn = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))[0]
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    layer = nn.NormMaxPool(fields, 2)
    torch.testing.assert_close(
        layer(torch.einsum("ij,njyx->niyx", turn, x)), torch.einsum("ij,njyx->niyx", turn, layer(x))
    )


def test_norm_max_does_not_overflow_in_half_precision_and_ignores_what_it_pads():
    vectors = nn.FieldType(D4, [D4.vector])
    x = torch.zeros(1, 2, 4, 4, dtype=torch.float16)
    x[0, :, 0, 0] = torch.tensor([300.0, -400.0])
    x[0, :, 1, 1] = torch.tensor([400.0, 400.0])
    assert nn.NormMaxPool(vectors, 4)(x).flatten().tolist() == [400.0, 400.0]
    tiny = torch.full((1, 2, 3, 3), 1e-3)
    assert torch.equal(nn.NormMaxPool(vectors, 3, 2, 1)(tiny), tiny[..., :2, :2])


def test_norm_max_gives_the_gradient_to_the_place_it_chose():
    vectors = nn.FieldType(D4, [D4.vector, D4.trivial])
    x = torch.randn(2, 3, 6, 6, requires_grad=True)
    out = nn.NormMaxPool(vectors, 2)(x)
    out.sum().backward()
    assert torch.equal(torch.nn.functional.avg_pool2d(x.detach() * x.grad, 2, divisor_override=1), out)
    assert set(x.grad.unique().tolist()) == {0.0, 1.0}


def test_norm_max_under_transforms():
    for field_type, space in ((REGULAR + zoo.linear_types(D4)[0], (4, 4)), (CUBES, (3, 3, 3))):
        layer = nn.NormMaxPool(field_type, 3, 1, 1).double()
        zoo.require_transforms(layer, torch.randn(3, 2, field_type.size, *space, dtype=torch.float64))


def test_norm_max_takes_the_first_of_equals():
    # opposite vectors on both sides of a mirror: the choice is not symmetric, as said
    vectors = nn.FieldType(D4, [D4.vector])
    x = torch.zeros(1, 2, 2, 2)
    x[0, 0] = torch.tensor([1.0, -1.0])
    layer = nn.NormMaxPool(vectors, 2)
    assert layer(x).flatten().tolist() == [1.0, 0.0]
    assert_equivariant(layer, torch.ones(2, 1, 1, 1).expand(2, 2, 4, 4) * torch.tensor([1.0, 2.0])[:, None, None])


@pytest.mark.parametrize("layer", WINDOWS)
def test_padding_above_half_the_window_is_refused(layer):
    with pytest.raises(KernelError, match="padding: expected at most half of kernel_size 3, got 2"):
        layer(REGULAR, 3, padding=2)


@pytest.mark.parametrize("sigma", [0, -1.0, float("nan"), float("inf")])
def test_bad_sigma_is_refused(sigma):
    with pytest.raises(KernelError, match="sigma: expected a positive number of pixels, got"):
        nn.BlurPool(REGULAR, sigma=sigma)


@pytest.mark.parametrize("layer", [*(kind(REGULAR, 2) for kind in WINDOWS), nn.BlurPool(REGULAR)])
def test_features_without_positions_are_refused(layer):
    with pytest.raises(ShapeError, match=r"x: .*Pool expects \(batch, 9\) and 2 axes of space, got \(4, 9\)"):
        layer(torch.zeros(4, 9))


def test_blur_of_vectors_commutes_with_turns():
    assert_equivariant(nn.BlurPool(zoo.linear_types(O2)[1]), shape=(1, 9, 9))
