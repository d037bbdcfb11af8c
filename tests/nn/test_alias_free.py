"""Functions on a finer grid: what they keep, what they remove, and what they refuse."""

import math

import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, KernelError, ShapeError
from steer.testing import equivariance_error

D1, D4, CUBE = steer.group("D1", dim=1), steer.group("D4", dim=2), steer.group("O", dim=3)
SCALARS = {group.dim: nn.FieldType(group, [group.trivial]) for group in (D1, D4, CUBE)}
REGULAR = nn.FieldType(D4, [D4.regular])


def square(field_type, **options):
    return nn.AliasFree(nn.Pointwise(field_type, torch.square), **options)


def wave(frequency, dim=1, size=40):
    """cos(frequency x) (1, 1, *space), x along the last axis from the centre, in float64."""
    x = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    return torch.cos(frequency * x).expand(1, 1, *(dim - 1) * [3], size)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_square_loses_what_the_grid_does_not_hold_and_keeps_the_rest(dim):
    act, size, inner = square(SCALARS[dim]), 40, slice(12, -12)  # what the border continues is no wave
    # each of the three filters is within 0.3%; cos^2 = (1 + cos of twice the frequency) / 2
    low, high = 0.35 * math.pi, 0.7 * math.pi
    found = act(wave(low, dim, size))[..., inner]
    torch.testing.assert_close(found, (1 + wave(2 * low, dim, size)[..., inner]) / 2, rtol=0, atol=1e-2)
    found = act(wave(high, dim, size))[..., inner]
    torch.testing.assert_close(found, torch.full_like(found, 0.5), rtol=0, atol=1e-2)
    assert (wave(high, dim, size).square() - 0.5).abs().max() > 0.4  # on the grid it aliases


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_functions_of_constants_are_exact(factor):
    act = nn.AliasFree(nn.Sigmoid(REGULAR), factor)
    x = torch.randn(2, 8, 1, 1, dtype=torch.float64).expand(2, 8, 5, 6)
    torch.testing.assert_close(act(x), torch.sigmoid(x))


def test_the_symmetries_of_the_grid_are_exact_for_all_sizes():
    vectors = nn.FieldType(D4, [D4.trivial, D4.vector])
    for inner in (nn.ReLU(REGULAR), nn.NormAct(vectors), nn.Gate(vectors), nn.GroupPool(REGULAR)):
        act = nn.AliasFree(inner, reach=3)
        for size in (1, 2, 7, 8):
            assert equivariance_error(act, shape=(2, size, size), dtype=torch.float64).max() < 1e-12, (inner, size)


def test_an_eighth_turn_gains():
    """Of a sum of waves, which is turned without interpolation."""
    C8 = steer.group("C8", dim=2)
    scalars = nn.FieldType(C8, [C8.trivial])
    place = torch.arange(41, dtype=torch.float64) - 20
    y, x = torch.meshgrid(place, place, indexing="ij")
    waves = torch.tensor([[1.7, 0.8], [-0.4, 2.3], [1.3, -1.5], [2.3, 0.2]], dtype=torch.float64)
    turn = torch.tensor(C8.elements[1])

    def field(frequencies):
        return sum(torch.cos(a * x + b * y + k) for k, (a, b) in enumerate(frequencies.tolist()))[None, None]

    def lost(act):
        """The error of means over a Gaussian window: a frequency that aliases to 0 is one that turns elsewhere."""
        window = torch.exp(-(x**2 + y**2) / 50)
        window[(x.abs() > 12) | (y.abs() > 12)] = 0
        first, second = ((act(field(w)) * window).sum() / window.sum() for w in (waves, waves @ turn.T))
        return float((first - second).abs())

    relu = nn.Pointwise(scalars, torch.nn.ReLU())
    assert lost(nn.AliasFree(relu)) < 0.3 * lost(relu)


def test_other_functions_and_other_sizes_are_refused():
    with pytest.raises(FieldTypeError, match="act: expected a module"):
        nn.AliasFree(torch.nn.ReLU())
    with pytest.raises(FieldTypeError, match="AvgPool reads neighbours"):
        nn.AliasFree(nn.Sequential(nn.ReLU(REGULAR), nn.AvgPool(REGULAR, 3, 1, 1)))
    with pytest.raises(KernelError, match="factor: expected an integer >= 2, got 1"):
        nn.AliasFree(nn.ReLU(REGULAR), 1)
    with pytest.raises(KernelError, match="reach: expected an integer >= 1"):
        nn.AliasFree(nn.ReLU(REGULAR), reach=0)
    with pytest.raises(ShapeError, match=r"AliasFree expects .* 2 axes of space"):
        nn.AliasFree(nn.ReLU(REGULAR))(torch.randn(2, 8, 5))
    with pytest.raises(ShapeError, match="act: GlobalAvgPool leads from maps"):
        nn.AliasFree(nn.GlobalAvgPool(REGULAR))(torch.randn(2, 8, 5, 5))
