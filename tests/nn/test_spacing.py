"""Layers on pixels that are no squares and voxels that are no cubes."""

import math

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import KernelError
from steer.kernels import GaussianDerivatives
from steer.testing import grid_symmetries
from tests.catalogue import group_id

from .symmetries import require_symmetry
from .test_conv3d import CUBIC, mixed_type, turn_error

pytestmark = pytest.mark.filterwarnings("ignore::steer.errors.UnreachedWarning")

ROUND = [steer.group(name, dim=3) for name in ("SO(3)", "O(3)", "I", "Ih", "Cinfv", "D3h")]
SO3, OH = ROUND[0], steer.group("Oh", dim=3)
THICK = (3.0, 1.0, 1.0)


@pytest.mark.parametrize("group", [*CUBIC, *ROUND], ids=group_id)
def test_exact_under_the_symmetries_of_the_spaced_grid(group):
    kind = mixed_type(group)
    for spacing, space in ((THICK, (4, 5, 5)), ((1.0, 2.5, 1.0), (5, 4, 5)), ((3.0, 2.0, 1.0), (3, 4, 5))):
        symmetries = grid_symmetries(group, spacing=spacing)
        require_symmetry(nn.Conv3d(kind, kind, 3, padding=1, spacing=spacing), space, symmetries)
    lossless = nn.Conv3d(kind, kind, 3, stride=2, spacing=THICK)
    assert lossless.stride == (1, 2, 2)
    require_symmetry(lossless, (4, 5, 5), grid_symmetries(group, spacing=THICK))
    grown = nn.ConvTranspose3d(kind, kind, 4, stride=2, padding=1, spacing=THICK)
    require_symmetry(grown, (4, 3, 3), grid_symmetries(group, spacing=THICK))


@pytest.mark.parametrize("name", ["C2", "D2", "C4", "D4", "D8", "SO(2)", "O(2)"])
def test_pixels_of_two_to_one(name):
    group = steer.group(name, dim=2)
    wide = group.regular if group.is_finite else group.band_limited(2)
    kind = nn.FieldType(group, [group.trivial, group.vector, wide])
    symmetries = grid_symmetries(group, spacing=(2.0, 1.0))
    assert len(symmetries) == (4 if name in ("D2", "D4", "D8", "O(2)") else 2)
    for size in (3, 4, 5):
        require_symmetry(nn.Conv2d(kind, kind, size, padding=1, spacing=(2.0, 1.0)), (5, 6), symmetries)


@pytest.mark.parametrize("basis", ["pixel", "derivative"])
def test_other_bases(basis):
    group = steer.group("D4", dim=3)
    kind = nn.FieldType(group, [group.trivial, group.vector, group.regular])
    layer = nn.Conv3d(kind, kind, 3, padding=1, basis=basis, spacing=THICK)
    require_symmetry(layer, (3, 4, 4), grid_symmetries(group))
    regular = nn.FieldType(OH, [OH.quotient("D4h")])
    if basis == "derivative":
        layer = nn.Conv3d(regular, regular, 3, padding=1, basis=basis, spacing=THICK)
        require_symmetry(layer, (3, 4, 4), grid_symmetries(OH, spacing=THICK))


def test_interpolated_kernels():
    group = steer.group("O", dim=3)
    kind = nn.FieldType(group, [group.regular])
    layer = nn.Conv3d(kind, kind, 3, padding=1, basis="interpolated", spacing=THICK)
    require_symmetry(layer, (3, 4, 4), grid_symmetries(group, spacing=THICK))


def test_one_number_follows_the_spacing_and_tuples_stay():
    kind = nn.FieldType(SO3, [SO3.trivial])

    def sizes(*args, spacing=THICK, **options):
        conv = nn.Conv3d(kind, kind, *args, spacing=spacing, **options)
        return conv.kernel_size, conv.stride, conv.padding, conv.dilation

    ones, none = (1, 1, 1), (0, 0, 0)
    assert sizes(5, padding=2) == ((3, 5, 5), ones, (1, 2, 2), ones)
    assert sizes(5, padding="same")[2] == (1, 2, 2)
    assert sizes(1) == (ones, ones, none, ones)
    assert sizes(9, padding=4)[::2] == ((5, 9, 9), (2, 4, 4))
    assert sizes(7, padding=3)[::2] == ((3, 7, 7), (1, 3, 3))
    assert sizes(4, stride=2, padding=1) == ((3, 4, 4), (1, 2, 2), (1, 1, 1), ones)
    assert sizes(3, dilation=3) == ((3, 3, 3), ones, none, (1, 3, 3))
    assert sizes((3, 7, 7), padding=(0, 1, 1)) == ((3, 7, 7), ones, (0, 1, 1), ones)
    assert sizes(5, padding=2, spacing=(2.0, 4.0, 6.0)) == ((5, 3, 3), ones, (2, 1, 1), ones)
    assert sizes(5, stride=2, spacing=None) == ((5, 5, 5), (2, 2, 2), none, ones)
    assert sizes(5, spacing=(0.7, 0.7, 0.7))[0] == (5, 5, 5)


def test_an_equal_spacing_is_the_layer_without():
    kind = nn.FieldType(SO3, [SO3.trivial, SO3.vector])
    plain, same = nn.Conv3d(kind, kind, 3), nn.Conv3d(kind, kind, 3, spacing=(0.7, 0.7, 0.7))
    assert same.plan is plain.plan
    assert repr(same) == repr(plain)
    same.load_state_dict(plain.state_dict())


def test_dilation_to_cubes_gives_the_kernels_of_cubes():
    """Every third pixel of slices three apart: the samples of the kernel stand on a cubic grid."""
    kind = nn.FieldType(SO3, [SO3.trivial, SO3.vector])
    conv = nn.Conv3d(kind, kind, 3, dilation=3, spacing=THICK)
    cubes = nn.Conv3d(kind, kind, 3)
    assert conv.plan is cubes.plan
    np.testing.assert_allclose(conv.points, 3 * cubes.points)


def test_sizes_must_be_equal_only_on_axes_that_are_mixed_and_of_one_spacing():
    kind = nn.FieldType(SO3, [SO3.trivial])
    nn.Conv3d(kind, kind, (3, 5, 5), stride=(1, 2, 2), spacing=THICK)
    nn.Conv3d(kind, kind, (2, 3, 4), spacing=(3.0, 2.0, 1.0))
    with pytest.raises(KernelError, match="mixes the axes y and x"):
        nn.Conv3d(kind, kind, (3, 5, 3), spacing=THICK)
    with pytest.raises(KernelError, match="give their spacing="):
        nn.Conv3d(kind, kind, (3, 5, 5))
    with pytest.raises(KernelError, match="spacing: expected 3 distances"):
        nn.Conv3d(kind, kind, 3, spacing=(2.0, 1.0))


def test_of_a_band_limited_function_it_is_the_cubic_convolution_subsampled():
    """Sums over the samples are integrals where kernel times function has no frequency above that of the slices."""
    kind = nn.FieldType(SO3, [SO3.trivial, SO3.vector])
    smooth = GaussianDerivatives(2, 3.0)
    fine = nn.Conv3d(kind, kind, (31, 31, 31), basis=smooth, bias=False, dtype=torch.float64)
    thick = nn.Conv3d(kind, kind, (11, 31, 31), basis=smooth, bias=False, spacing=THICK, dtype=torch.float64)
    thick.load_state_dict(fine.state_dict())
    z, y, x = np.meshgrid(*3 * [np.arange(31) - 15], indexing="ij")
    wave = torch.from_numpy(np.cos(0.3 * x + 0.2 * y - 0.25 * z + np.arange(4).reshape(1, 4, 1, 1, 1)))
    slices = wave[:, :, ::3]
    assert slices.shape[2] == 11
    expected = fine(wave).detach()
    torch.testing.assert_close(3 * thick(slices).detach(), expected, rtol=0, atol=1e-4 * float(expected.abs().max()))


def test_a_map_and_its_subsampled_slices_move_alike():
    """The action on thick slices is that on cubes, of which every third is kept, as far as splines interpolate both.

    Of wavelengths from 4 samples on, `FieldType.transform` states 5e-3 for splines of order 5. A Gaussian that is 4/3
    slices wide has next to no shorter ones.
    """
    kind = nn.FieldType(SO3, [SO3.trivial, SO3.vector])
    z, y, x = np.meshgrid(*3 * [np.arange(43) - 21], indexing="ij")
    smooth = np.exp(-((x - 2) ** 2 + (y + 1) ** 2 + (z - 2) ** 2) / 2 / 4.0**2)
    cubes = torch.from_numpy(np.stack([smooth, x * smooth, y * smooth, z * smooth])[None])
    for g in SO3.sample(2, seed=0):
        expected = kind.transform(cubes, g, order=5)[:, :, ::3]
        found = kind.transform(cubes[:, :, ::3], g, order=5, spacing=THICK)
        assert float((found - expected).abs().max() / expected.abs().max()) < 5e-3
    half = np.diag([1.0, -1.0, -1.0])
    torch.testing.assert_close(
        kind.transform(cubes[:, :, ::3], half, spacing=THICK), kind.transform(cubes, half)[:, :, ::3], rtol=0, atol=0
    )
    turns = np.stack([np.eye(3), half, SO3.sample(1, seed=1)[0]])
    batch = cubes[:, :, ::3].expand(3, -1, -1, -1, -1)
    each = [kind.transform(batch[:1], g, spacing=THICK) for g in turns]
    torch.testing.assert_close(kind.transform(batch, turns, spacing=THICK), torch.cat(each))


@pytest.mark.parametrize(("size", "ratio"), [(3, 1.5), (5, 2), (5, 3), (7, 3), (5, 4)])
def test_other_rotations_are_within_the_stated_bound(size, ratio):
    kind = nn.FieldType(SO3, [SO3.trivial, SO3.vector])
    out = nn.FieldType(SO3, 12 * [SO3.trivial, SO3.vector])
    conv = nn.Conv3d(kind, out, size, spacing=(ratio, 1, 1), dtype=torch.float64)
    for part, bound in ((1 / 2, 0.1), (1 / 4, 0.06)):
        errors = [turn_error(conv, g, math.pi / ratio * part) for g in SO3.sample(2, seed=1)]
        assert max(errors) < bound, errors


def test_from_filter_and_project_take_the_spacing():
    kind = nn.FieldType(SO3, [SO3.trivial, SO3.vector])
    conv = nn.Conv3d(kind, kind, 5, spacing=THICK, bias=False, dtype=torch.float64)
    found = steer.project(conv.filter(), kind, kind, spacing=THICK)
    assert found.residual < 1e-12
    torch.testing.assert_close(found.weight, conv.weight.detach(), rtol=0, atol=1e-10)
    again = nn.Conv3d.from_filter(conv.filter().detach(), kind, kind, spacing=THICK)
    assert again.kernel_size == conv.kernel_size
    torch.testing.assert_close(again.filter(), conv.filter(), rtol=0, atol=1e-10)
    cube = nn.Conv3d.from_filter(torch.randn(1, 1, 5, 5, 5), kind[:1], kind[:1], spacing=THICK)
    assert cube.kernel_size == (5, 5, 5)


def test_grid_loss_asks_for_the_symmetries_of_the_spaced_grid():
    kind = nn.FieldType(OH, [OH.trivial])
    spaced = nn.Conv3d(kind, kind, 3, stride=(1, 2, 2), padding=1, spacing=THICK)
    assert nn.grid_loss(spaced, (8, 9, 9)) is None
    loss = nn.grid_loss(spaced, (8, 8, 8))
    assert loss.symmetries == 16
    assert loss.axes == (1, 2)


@pytest.mark.parametrize("group", [SO3, OH, steer.group("I", dim=3), steer.group("D4", dim=3)], ids=group_id)
def test_pools_follow_the_spacing_and_keep_its_symmetries(group):
    scalar, kind = nn.FieldType(group, [group.trivial]), nn.FieldType(group, [group.trivial, group.vector])
    pools = [
        nn.AvgPool(kind, 2, spacing=THICK),
        nn.AvgPool(kind, 3, 2, 1, spacing=THICK),
        nn.MaxPool(scalar, 2, spacing=THICK),
        nn.NormMaxPool(kind, 2, spacing=THICK),
        nn.BlurPool(kind, 4, 2, sigma=1.0, padding=1, spacing=THICK),
    ]
    x = torch.randn(1, kind.size, 3, 6, 6, dtype=torch.float64)
    for pool in pools:
        size = (3, 7, 7) if "kernel_size=(1, 3, 3)" in repr(pool) else (3, 6, 6)
        x = torch.randn(1, pool.in_type.size, *size, dtype=torch.float64)
        out = pool.double()(x)
        assert out.shape[2] == 3, pool
        assert out.shape[3] < size[1], pool
        assert nn.grid_loss(pool, size) is None
        for g in grid_symmetries(group, spacing=THICK):
            moved = pool(pool.in_type.transform(x, g, spacing=THICK))
            torch.testing.assert_close(moved, pool.out_type.transform(out, g, spacing=THICK), rtol=0, atol=1e-12)


def test_the_blur_is_round_in_space():
    kind = nn.FieldType(SO3, [SO3.trivial])
    pool = nn.BlurPool(kind, (5, 5, 5), 1, sigma=2.0, spacing=(2.0, 1.0, 1.0))
    z, y, x = np.meshgrid(2 * (np.arange(5) - 2), np.arange(5) - 2, np.arange(5) - 2, indexing="ij")
    expected = np.exp(-(x**2 + y**2 + z**2) / 8)
    np.testing.assert_allclose(pool.filter[0, 0], expected / expected.sum(), rtol=1e-6)
    assert nn.BlurPool(kind, spacing=THICK).sigma == 1.0


def test_pools_refuse_other_sizes_on_mixed_axes():
    kind = nn.FieldType(SO3, [SO3.trivial])
    assert nn.AvgPool(kind, (1, 2, 2), spacing=THICK).pool.kernel_size == (1, 2, 2)
    with pytest.raises(KernelError, match="mixes the axes"):
        nn.AvgPool(kind, (1, 2, 2))
    with pytest.raises(KernelError, match="mixes the axes"):
        nn.AvgPool(kind, (1, 2, 1), spacing=THICK)
