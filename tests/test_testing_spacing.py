"""Checks and pictures on voxels that are no cubes: the spacing is that of the layers, or what is said."""

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import SteerError
from steer.testing import assert_equivariant, equivariance_error, grid_symmetries
from steer.testing._inputs import spacings_of

THICK = (3.0, 1.0, 1.0)
SO3 = steer.group("SO(3)", dim=3)
KIND = nn.FieldType(SO3, [SO3.trivial, SO3.vector])


def layers():
    conv = nn.Conv3d(KIND, KIND, 5, padding=2, spacing=THICK)
    return conv, nn.BlurPool(KIND, 4, 2, sigma=1.0, padding=1, spacing=THICK)


def test_the_spacing_is_that_of_the_layers():
    conv, pool = layers()
    for module in (conv.double(), torch.nn.Sequential(nn.NormAct(KIND), conv).double()):
        assert_equivariant(module, shape=(1, 3, 7, 7), in_type=KIND, out_type=KIND)
    errors = equivariance_error(nn.Sequential(conv.float(), pool), shape=(1, 3, 8, 8))
    assert len(errors) == len(grid_symmetries(SO3, spacing=THICK)) == 8
    assert spacings_of(nn.Sequential(conv, pool), None, 3) == (THICK, (1.5, 1.0, 1.0))
    grown = nn.ConvTranspose3d(KIND, KIND, 4, stride=2, padding=1, spacing=THICK)
    assert spacings_of(grown, None, 3) == ((1.5, 1.0, 1.0), THICK)
    up, down = (nn.Upsample(KIND, scale_factor=f, spacing=THICK) for f in (2, 0.5))
    assert spacings_of(up, None, 3) == spacings_of(down, None, 3)[::-1] == ((1.5, 1.0, 1.0), THICK)


def test_without_a_spacing_a_layer_fails_under_turns_that_are_within_its_bound_with_one():
    torch.manual_seed(0)
    g = SO3.sample(6, seed=0)
    conv, _ = layers()
    bound = equivariance_error(conv.double(), elements=g, dtype=torch.float64).max()
    assert bound < 0.1
    flat = nn.Conv3d(KIND, KIND, 3, padding=1).double()
    assert equivariance_error(flat, elements=g, spacing=THICK, dtype=torch.float64).max() > 2 * bound


def test_a_spacing_may_be_said_of_both_ends():
    conv, pool = layers()
    given = equivariance_error(pool, shape=(1, 3, 8, 8), spacing=(THICK, (3.0, 2.0, 2.0)))
    np.testing.assert_array_equal(given, equivariance_error(pool, shape=(1, 3, 8, 8)))
    with pytest.raises(SteerError, match="spacing: expected 3 distances"):
        assert_equivariant(conv, spacing=(1.0, 2.0, 0.0))


def test_a_ball_in_voxels():
    mask = nn.Mask(KIND, width=0.0, spacing=THICK)
    z, y, x = np.meshgrid(3 * (np.arange(5) - 2), np.arange(11) - 5, np.arange(11) - 5, indexing="ij")
    expected = np.sqrt(x**2 + y**2 + z**2) <= min(15, 11) / 2
    found = mask(torch.ones(1, KIND.size, 5, 11, 11))[0, 0].numpy() > 0
    np.testing.assert_array_equal(found, expected)
    assert_equivariant(nn.Mask(KIND, spacing=THICK).double(), shape=(1, 5, 11, 11), dtype=torch.float64)


def test_augmentation_turns_voxels_as_the_action_does():
    augment = nn.RandomTransform(KIND, spacing=THICK)
    x = torch.randn(2, KIND.size, 3, 5, 5)
    torch.manual_seed(0)
    g = augment.sample(2)
    torch.manual_seed(0)
    torch.testing.assert_close(augment(x), KIND.transform(x, g, spacing=THICK))
    assert augment(torch.randn(2, KIND.size)).shape == (2, KIND.size)
    flat = nn.FieldType(steer.group("C4", dim=2), [steer.group("C4", dim=2).trivial])
    with pytest.raises(steer.errors.ShapeError, match="spacing: the hexagonal lattice"):
        nn.RandomTransform(flat, lattice="hexagonal", spacing=(2, 1))


def test_pictures_compare_by_the_spacing_of_the_layers():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    scalar = nn.FieldType(SO3, [SO3.trivial])
    conv = nn.Conv3d(scalar, scalar, 5, padding=2, spacing=THICK)
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 1, 5, 13, 13))).float()
    axes = steer.plot.error_by_angle(conv, x, angles=[0.0, 90.0])
    assert max(axes.lines[0].get_ydata()) < 1e-5
    half = np.diag([1.0, -1.0, -1.0])
    figure = steer.plot.equivariance(conv, x, half[None])
    (error,) = [part.get_title() for part in figure.axes if "relative error" in part.get_title()]
    assert float(error.split()[-1]) < 1e-5
    pyplot.close("all")
