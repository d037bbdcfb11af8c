"""Fields of plane waves turn exactly at every angle, and tell the error of a module without that of interpolation."""

import math

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import SteerError
from steer.kernels import Rings, aliasing
from steer.testing import assert_equivariant, equivariance_error, grid_symmetries
from steer.testing._waves import Waves

from .catalogue import AXIAL, DOUBLE, INTERNAL, NOWHERE, ON_LINE, STILL, group_id

C8, D4, D6, SO2, OCT, SO3 = (
    steer.group(name, dim=dim) for name, dim in (("C8", 2), ("D4", 2), ("D6", 2), ("SO(2)", 2), ("O", 3), ("SO(3)", 3))
)
REGULAR = nn.FieldType(C8, 2 * [C8.regular])
EIGHTHS = C8.elements[1:3]


def some_type(group):
    """Fields on which the group acts faithfully or not."""
    return nn.FieldType(group, [group.trivial, group.regular if group.is_finite else group.vector])


@pytest.mark.parametrize(
    ("group", "lattice", "spacing"),
    [(group, "square", None) for group in (*ON_LINE, C8, D4, SO2, OCT, STILL, DOUBLE, AXIAL, INTERNAL[0])]
    + [(D6, "hexagonal", None), (OCT, "square", (2.0, 1.0, 1.0)), (D4, "square", (1.0, 3.0))],
    ids=lambda value: group_id(value) if isinstance(value, steer.reps.Group) else str(value),
)
def test_where_samples_are_permuted_waves_turn_as_fields_do(group, lattice, spacing):
    kind = some_type(group)
    side = {1: 11, 2: 9}.get(group.dim, 5)
    waves = Waves.random(kind, (2, *group.dim * (side,)), 0, lattice, spacing, band_limit=0.9)
    for g in grid_symmetries(group, lattice, spacing=spacing):
        expected = kind.transform(waves.sampled(), g, lattice=lattice, spacing=spacing)
        torch.testing.assert_close(waves.sampled(g), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [REGULAR, nn.FieldType(SO2, [SO2.vector, SO2.irrep("2")])], ids=str)
def test_at_other_angles_slow_waves_turn_as_splines_do(kind):
    group = kind.group
    waves = Waves.random(kind, (2, 33, 33), 0, band_limit=0.25)
    for g in EIGHTHS if group.is_finite else group.sample(3, seed=1):
        expected = kind.transform(waves.sampled(), g, order=5)
        assert (waves.sampled(g) - expected).norm() < 1e-3 * expected.norm()


def test_frequencies_fill_the_ball_below_the_band_limit():
    waves = Waves.random(REGULAR, (64, 9, 9), 0, spacing=(2.0, 1.0), band_limit=0.5)
    radii = np.linalg.norm(waves.frequencies, axis=-1) / (math.pi / 2 / 2)  # Nyquist is that of the coarsest axis
    assert radii.max() <= 1
    assert abs((radii < 0.5).mean() - 0.25) < 0.05


def test_what_acts_on_samples_one_by_one_is_exact_at_all_angles():
    turns = SO3.sample(3, seed=0)
    vectors = nn.FieldType(SO3, [SO3.vector])
    assert equivariance_error(nn.NormAct(vectors), elements=turns, inputs="waves", shape=(4, 5, 5, 5)).max() < 1e-6
    assert equivariance_error(nn.ReLU(REGULAR).double(), elements=EIGHTHS, inputs="waves").max() < 1e-6
    with pytest.raises(AssertionError, match="relative error"):  # by splines it is not
        assert_equivariant(nn.ReLU(REGULAR), elements=EIGHTHS, tolerance=1e-3)
    assert_equivariant(nn.ReLU(REGULAR), elements=EIGHTHS, inputs="waves", dtype=torch.float64)


@pytest.mark.parametrize(
    "degree", [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(3, marks=pytest.mark.slow)]
)
def test_the_error_of_a_ring_is_its_aliasing(degree):
    # the part of the response that the grid cannot steer: two of them differ by sqrt(2) times its size
    ring = Rings((1.5,), (0.6,), (degree,))
    scalar, turning = nn.FieldType(SO2, [SO2.trivial]), nn.FieldType(SO2, [SO2.irrep(str(degree))])
    conv = nn.Conv2d(scalar, turning, 5, padding=2, basis=ring, bias=False).double()
    predicted = next(found.error for found in aliasing(ring, (5, 5)) if found.degree == degree)
    found = equivariance_error(conv, elements=SO2.sample(16, seed=0), inputs="waves", shape=(64, 33, 33))
    assert 0.8 < np.sqrt((found**2).mean()) / (math.sqrt(2) * predicted) < 1.25


def test_symmetries_of_the_grid_are_exact_and_what_loses_them_is_seen():
    conv = nn.Conv2d(REGULAR, REGULAR, 5, padding=2)
    assert_equivariant(conv, inputs="waves")
    assert_equivariant(conv, inputs="waves", average=6)
    even = nn.Sequential(conv, nn.AvgPool(REGULAR, 2))
    assert_equivariant(even, inputs="waves", shape=(4, 16, 16))  # no sample at the centre of 8 x 8: averaged
    with pytest.raises(AssertionError, match=r"AvgPool 1: .* what keeps them: maps of 16 x 16"):
        assert_equivariant(even, inputs="waves", shape=(16, 17, 17), average=6, tolerance=1e-3)
    wrong = nn.FieldType(C8, 16 * [C8.trivial])
    assert equivariance_error(conv, inputs="waves", out_type=wrong)[1:].min() > 0.1


def test_averages_miss_the_errors_of_high_frequencies():
    conv = nn.Conv2d(REGULAR, REGULAR, 5, padding=2, basis="rings")
    centre, window = (equivariance_error(conv, elements=EIGHTHS[:1], inputs="waves", average=a) for a in (None, 8))
    assert window < centre / 2


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"inputs": "wave"}, "inputs: expected 'noise' or 'waves', got 'wave'"),
        ({"band_limit": 0.5}, "band_limit: 0.5 is a setting of inputs='waves'"),
        ({"average": 3}, "average: 3 is a setting of inputs='waves'"),
        ({"inputs": "waves", "band_limit": 1.5}, r"band_limit: expected a fraction of .* got 1.5"),
        ({"inputs": "waves", "average": 0}, "average: expected a number of pixels > 0"),
        ({"inputs": "waves", "average": 0.1, "shape": (2, 4, 4)}, "average: 0.1 pixels hold no sample"),
        ({"inputs": "waves", "margin": 2}, "margin: .* by average; leave margin out"),
        ({"inputs": "waves", "x": torch.zeros(2, 16, 5, 5)}, "x: .* shape, seed and band_limit; leave x out"),
        ({"inputs": "waves", "shape": (5,)}, r"shape: expected \(batch, \*space\), .* leave inputs out, got \(5,\)"),
    ],
    ids=str,
)
def test_settings_that_say_nothing_are_refused(arguments, match):
    for check in (equivariance_error, assert_equivariant):
        with pytest.raises(SteerError, match=match):
            check(nn.ReLU(REGULAR), **arguments)


def test_fields_without_space_have_no_waves():
    kind = nn.FieldType(NOWHERE, [NOWHERE.trivial])
    with pytest.raises(SteerError, match=r"inputs: .* moves no space"):
        equivariance_error(nn.ReLU(kind), inputs="waves")
