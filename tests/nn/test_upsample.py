"""Upsample is torch's interpolation of every channel, on a grid that keeps its centre."""

import itertools
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

import steer
from steer import nn
from steer.errors import FieldTypeError, KernelError, ShapeError
from steer.testing import assert_equivariant, equivariance_error

pytestmark = pytest.mark.filterwarnings("ignore::steer.errors.GridWarning")  # sizes that fit and that do not

D4, C2, O2 = (steer.group(name, dim=2) for name in ("D4", "C2", "O(2)"))
OCT, ONE, D2H = (steer.group(name, dim=3) for name in ("O", "C1", "D2h"))
PLANE = nn.FieldType(D4, [D4.trivial, D4.irrep("E"), D4.quotient("D1")])
SPACE = nn.FieldType(OCT, [OCT.trivial, OCT.vector])
SCALAR = nn.FieldType(ONE, [ONE.trivial])
KINDS = [("nearest", False), ("linear", False), ("linear", True), ("cubic", False), ("cubic", True)]
PLAIN = {"nearest": ("nearest", "nearest"), "linear": ("bilinear", "trilinear"), "cubic": ("bicubic",)}


@pytest.mark.parametrize(("mode", "corners"), KINDS)
@pytest.mark.parametrize("grid", [{"scale_factor": 2}, {"size": 7}])
def test_every_channel_is_interpolated_as_by_torch(mode, corners, grid):
    for field_type, name in zip((PLANE, SPACE), PLAIN[mode], strict=False):
        x = torch.randn(2, field_type.size, *(5, 4, 3)[: field_type.group.dim])
        layer = nn.Upsample(field_type, **grid, mode=mode, align_corners=corners)
        expected = F.interpolate(x, **grid, mode=name, align_corners=None if mode == "nearest" else corners)
        assert torch.equal(layer(x), expected)
        assert isinstance(steer.export(layer), torch.nn.Upsample)
        assert layer.out_type == field_type


def test_uneven_factors_keep_the_centre():
    x = torch.randn(2, PLANE.size, 7, 7)
    layer = nn.Upsample(PLANE, scale_factor=1.5, mode="linear")
    out = layer(x)
    assert torch.equal(out, F.interpolate(x, size=10, mode="bilinear"))
    assert torch.equal(out, steer.export(layer)(x))
    assert_equivariant(layer, shape=(1, 7, 7))


@pytest.mark.parametrize(("mode", "corners"), KINDS[1:])
def test_interpolation_is_exact_on_every_size(mode, corners):
    for size, out in itertools.product((2, 3, 5, 8), (2, 3, 7, 12)):
        layer = nn.Upsample(PLANE, size=out, mode=mode, align_corners=corners).double()
        assert_equivariant(layer, shape=(1, size, size), dtype=torch.float64)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_nearest_is_exact_and_repeats_for_multiples_and_for_no_other_size(size):
    for out in range(1, 4 * size + 1):
        layer = nn.Upsample(PLANE, size=out)
        x = torch.randn(1, PLANE.size, size, size)
        if out % size == 0:
            assert_equivariant(layer, x)
            repeats = out // size
            assert torch.equal(layer(x), x.repeat_interleave(repeats, 2).repeat_interleave(repeats, 3))
        else:
            assert equivariance_error(layer, x).max() > 0.01


def test_nearest_repeats_up_to_forty_times():
    x = torch.arange(8.0).reshape(1, 1, 1, 8)
    one = steer.group("C1", dim=2)
    for factor in range(1, 41):
        for grid in ({"scale_factor": (1, factor)}, {"size": (1, 8 * factor)}):
            layer = nn.Upsample(nn.FieldType(one, [one.trivial]), **grid)
            assert torch.equal(layer(x), x.repeat_interleave(factor, 3))


def test_a_single_aligned_sample_has_no_symmetry():
    layer = nn.Upsample(PLANE, size=1, mode="linear", align_corners=True)
    assert equivariance_error(layer, shape=(1, 4, 4)).max() > 0.1


@pytest.mark.parametrize(("mode", "corners"), KINDS)
def test_space_commutes_with_the_cube(mode, corners):
    for grid in ({"scale_factor": 2}, {"size": 8}):
        layer = nn.Upsample(SPACE, **grid, mode=mode, align_corners=corners).double()
        assert_equivariant(layer, shape=(1, 4, 4, 4), dtype=torch.float64)


def keys(distance):
    """The kernel of Keys 1981 with a = -3/4."""
    s, a = np.abs(distance), -0.75
    near = (a + 2) * s**3 - (a + 3) * s**2 + 1
    far = a * (s**3 - 5 * s**2 + 8 * s - 4)
    return np.where(s <= 1, near, np.where(s < 2, far, 0.0))


def places(size, out, corners):
    """(out,): where outputs lie between the samples of an axis."""
    index = np.arange(out)
    return index * (size - 1) / (out - 1) if corners else (index + 0.5) * size / out - 0.5


def matrix(size, out, corners):
    """(out, size): cubic convolution along an axis, with the edge repeated."""
    taps = np.arange(-3, size + 3)
    weights = keys(places(size, out, corners)[:, None] - taps)
    found = np.zeros((out, size))
    for tap, column in zip(np.clip(taps, 0, size - 1), weights.T, strict=True):
        found[:, tap] += column
    return torch.from_numpy(found)


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("grid", [{"size": (9, 4, 7)}, {"scale_factor": (2, 1, 1.5)}])
def test_cubic_in_space_is_the_kernel_along_every_axis(corners, grid):
    x = torch.randn(2, 1, 5, 4, 6, dtype=torch.float64)
    layer = nn.Upsample(SCALAR, **grid, mode="cubic", align_corners=corners).double()
    out = layer(x)
    axes = [matrix(size, new, corners) for size, new in zip(x.shape[2:], out.shape[2:], strict=True)]
    torch.testing.assert_close(out, torch.einsum("nkzyx,az,by,cx->nkabc", x, *axes))
    torch.testing.assert_close(steer.export(layer)(x), out)


@pytest.mark.parametrize("corners", [False, True])
def test_cubic_in_space_is_that_of_the_plane_where_nothing_varies(corners):
    # z stays, so every plane is what torch makes of it, to the last bit
    x = torch.randn(2, 1, 3, 5, 6)
    out = nn.Upsample(SCALAR, size=(3, 9, 8), mode="cubic", align_corners=corners)(x)
    for z in range(3):
        plane = F.interpolate(x[:, :, z], size=(9, 8), mode="bicubic", align_corners=corners)
        assert torch.equal(out[:, :, z], plane)


@given(
    size=st.integers(4, 9),
    out=st.integers(2, 20),
    corners=st.booleans(),
    slopes=st.tuples(*3 * [st.floats(-2, 2)]),
)
def test_linear_keeps_slopes_and_cubic_constants(size, out, corners, slopes):
    where = torch.from_numpy(places(size, out, corners))
    inside = (where >= 0) & (where <= size - 1)
    axis, constant = torch.arange(size, dtype=torch.float64), 1.25

    def ramp(t):
        return constant + slopes[0] * t[:, None, None] + slopes[1] * t[:, None] + slopes[2] * t

    found = nn.Upsample(SCALAR, size=out, mode="linear", align_corners=corners).double()(ramp(axis)[None, None])[0, 0]
    kept = inside[:, None, None] & inside[:, None] & inside
    torch.testing.assert_close(found[kept], ramp(where)[kept], rtol=1e-12, atol=1e-12)
    flat = torch.full((1, 1, size, size, size), constant, dtype=torch.float64)
    found = nn.Upsample(SCALAR, size=out, mode="cubic", align_corners=corners).double()(flat)
    torch.testing.assert_close(found, torch.full_like(found, constant), rtol=1e-12, atol=1e-12)


def test_axes_may_differ_only_where_the_group_keeps_them():
    apart = nn.FieldType(C2, [C2.trivial])
    assert nn.Upsample(apart, scale_factor=(2, 3))(torch.zeros(1, 1, 4, 5)).shape == (1, 1, 8, 15)
    boxes = nn.FieldType(D2H, [D2H.trivial])
    assert nn.Upsample(boxes, size=(2, 3, 4))(torch.zeros(1, 1, 4, 4, 4)).shape == (1, 1, 2, 3, 4)
    for group in (D4, O2):
        field_type = nn.FieldType(group, [group.trivial])
        for name, value in (("size", (4, 6)), ("scale_factor", (2.0, 1.5))):
            with pytest.raises(KernelError, match=rf"{name}: {re.escape(group.name)} mixes the axes"):
                nn.Upsample(field_type, **{name: value})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 4, "scale_factor": 2}, "size: give one of size and scale_factor, got 4 and 2"),
        ({"size": 0}, "size: expected an integer >= 1 or 2 of them, got 0"),
        ({"size": (4, 4, 4)}, r"size: expected an integer >= 1 or 2 of them, got \(4, 4, 4\)"),
        ({"scale_factor": 0}, "scale_factor: expected a number > 0 or 2 of them, got 0"),
        ({"scale_factor": True}, "scale_factor: expected a number > 0 or 2 of them, got True"),
        ({"scale_factor": float("inf")}, "scale_factor: expected a number > 0 or 2 of them, got inf"),
        ({"scale_factor": float("nan")}, "scale_factor: expected a number > 0 or 2 of them, got nan"),
        ({"scale_factor": "2"}, "scale_factor: expected a number > 0 or 2 of them, got '2'"),
        ({"scale_factor": (2, 2, 2)}, r"scale_factor: expected .* or 2 of them, got \(2, 2, 2\)"),
        ({"scale_factor": 2, "mode": "bilinear"}, "mode: expected 'nearest', 'linear', 'cubic', got 'bilinear'"),
        ({"scale_factor": 2, "align_corners": True}, "align_corners: mode 'nearest' has no corners to align"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(KernelError, match=message):
        nn.Upsample(PLANE, **arguments)


def test_other_groups_and_shapes_are_refused():
    with pytest.raises(FieldTypeError, match="in_type: Upsample expects a FieldType, got 'regular'"):
        nn.Upsample("regular", scale_factor=2)
    inner = steer.reps.with_action(D4, None)
    for grid in ({"size": 4}, {"scale_factor": 2}):
        with pytest.raises(KernelError, match="in_type: expected a type of a group that acts on a line, the plane or "):
            nn.Upsample(nn.FieldType(inner, [inner.trivial]), **grid)
    with pytest.raises(ShapeError, match=r"x: Upsample expects \(batch, 7\) and 2 axes of space, got \(4, 7\)"):
        nn.Upsample(PLANE, size=4)(torch.zeros(4, PLANE.size))
    with pytest.raises(
        ShapeError, match=r"x: Upsample with scale_factor=0\.25 needs maps of at least 4 x 4, got 3 x 3"
    ):
        nn.Upsample(PLANE, scale_factor=0.25)(torch.zeros(1, PLANE.size, 3, 3))


def test_it_prints_its_grid():
    assert str(nn.Upsample(PLANE, size=4)).endswith("size=(4, 4), mode='nearest')")
    layer = nn.Upsample(PLANE, scale_factor=2, mode="cubic", align_corners=True)
    assert str(layer).endswith("scale_factor=(2.0, 2.0), mode='cubic', align_corners=True)")


@pytest.mark.parametrize(("mode", "corners"), KINDS)
def test_a_size_at_the_call_is_that_of_the_constructor(mode, corners):
    free = nn.Upsample(PLANE, mode=mode, align_corners=corners)
    factor = nn.Upsample(PLANE, scale_factor=2, mode=mode, align_corners=corners)
    x = torch.randn(2, PLANE.size, 4, 5)
    for size in (7, torch.Size((9, 9))):
        expected = nn.Upsample(PLANE, size=size, mode=mode, align_corners=corners)(x)
        assert torch.equal(free(x, size=size), expected)
        assert torch.equal(factor(PLANE(x), size=size).tensor, expected)
    assert free(x, size=[8, 11]).shape[2:] == (8, 11)  # of a map that is not square
    chain = nn.Sequential(nn.ReLU(SCALARS), nn.Upsample(SCALARS, mode=mode, align_corners=corners))
    assert chain(x[:, :1], size=6).shape[2:] == (6, 6)


SCALARS = nn.FieldType(D4, [D4.trivial])


def test_a_size_is_needed_and_is_none_of_these():
    free = nn.Upsample(SCALARS)
    x = torch.randn(1, 1, 3, 3)
    with pytest.raises(
        ShapeError, match="size: this Upsample has neither size nor scale_factor; give it a size at the call"
    ):
        free(x)
    for size in (0, (3,), 2.5, (3, -1)):
        with pytest.raises(KernelError, match="size: expected an integer >= 1 or 2 of them"):
            free(x, size=size)
    with pytest.raises(steer.errors.SteerError, match="size: this Upsample has no size to export"):
        steer.export(free)


@pytest.mark.filterwarnings("default::steer.errors.GridWarning")
def test_a_size_at_the_call_that_loses_symmetries_is_warned_of():
    layer, x = nn.Upsample(SCALARS), torch.randn(1, 1, 4, 4)
    with pytest.warns(steer.errors.GridWarning, match=r"Upsample\(size=7\) of D4"):
        layer(x, size=7)


def test_factors_follow_the_spacing_of_the_finer_grid():
    group = steer.group("SO(3)", dim=3)
    kind = nn.FieldType(group, [group.vector])
    for spacing, factor in (
        ((3, 1, 1), (1, 2, 2)),
        ((2, 1, 1), (1, 2, 2)),
        ((1.5, 1, 1), (1, 2, 2)),
        ((1.2, 1, 1), (2, 2, 2)),
    ):
        layer = nn.Upsample(kind, scale_factor=2, spacing=spacing)
        assert layer.scale_factor == factor
        assert factor == nn.BlurPool(kind, spacing=spacing).stride  # which it undoes
        half = nn.Upsample(kind, scale_factor=0.5, spacing=spacing)
        assert half.scale_factor == tuple(1 / step for step in factor)
    assert nn.Upsample(kind, size=(3, 5, 5), spacing=(3, 1, 1)).size == (3, 5, 5)
    with pytest.raises(KernelError, match="mixes the axes of space"):
        nn.Upsample(kind, size=(3, 5, 5))


def test_adaptive_pools_of_any_shape_that_the_group_allows():
    group = steer.group("SO(3)", dim=3)
    kind, x = nn.FieldType(group, [group.vector]), torch.randn(1, 3, 4, 6, 6)
    pool = nn.AdaptiveAvgPool(kind, (1, 3, 3), spacing=(3, 1, 1))
    assert torch.equal(pool(x), F.adaptive_avg_pool3d(x, (1, 3, 3)))
    axial = steer.group("C4", dim=3)
    flat = nn.AdaptiveMaxPool(nn.FieldType(axial, 3 * [axial.trivial]), (1, None, None))
    assert torch.equal(flat(x), x.amax(2, keepdim=True))
    assert nn.grid_loss(flat, (4, 6, 6)) is None
    for bad in ((1, None, None), (None, 3, 4)):
        with pytest.raises(KernelError, match="output_size: SO\\(3\\) mixes the axes of space"):
            nn.AdaptiveAvgPool(kind, bad)
