"""At angles that do not map the grid to itself, the error of Conv2d stays under the bound that its docstring states.

The error is measured without interpolation: the input is made of plane waves, known everywhere, so the turned input is
sampled exactly, and the output is compared at the pixel that the turn keeps. What remains is the kernels' aliasing.
"""

import math

import numpy as np
import pytest
import torch

import steer
from steer import nn
from tests.catalogue import group_id

HALF, QUARTER = math.pi / 2, math.pi / 4  # frequencies, in radians a pixel; Nyquist's is pi
BOUND = {HALF: 0.10, QUARTER: 0.05}

NAMES = ("C3", "C5", "C8", "C16", "D3", "D8", "SO(2)", "O(2)")
GROUPS = [steer.group(name, dim=2) for name in NAMES]


def waves(rng, shape, highest):
    """Random plane waves: frequencies uniform in the disk of radius `highest`, phases uniform."""
    radius, angle = highest * np.sqrt(rng.uniform(size=shape)), rng.uniform(0, 2 * np.pi, shape)
    frequency = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    phase = rng.uniform(0, 2 * np.pi, shape)
    return lambda points: np.cos(np.einsum("...d,md->...m", frequency, points) + phase[..., None])


def turn_error(conv, g, highest, inputs=200, seed=0):
    """Root mean square of conv(g f) - g conv(f) at the fixed pixel, relative to that of conv(f)."""
    field = waves(np.random.default_rng(seed), (inputs, conv.in_type.size), highest)
    filters = conv.filter().detach().double().flatten(2).numpy()
    moved = np.einsum("pc,ncm->npm", conv.in_type.representation(g), field(conv.points @ g))  # rho(g) f(g^-1 x)
    out = np.einsum("oim,nim->no", filters, field(conv.points)) @ conv.out_type.representation(g).T
    return math.sqrt(np.mean((np.einsum("oim,nim->no", filters, moved) - out) ** 2) / np.mean(out**2))


@pytest.mark.parametrize("size", [2, 3, 5, *(pytest.param(size, marks=pytest.mark.slow) for size in (4, 6, 7, 8, 9))])
@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_other_angles_are_within_the_stated_bound(group, size):
    regular = group.regular if group.is_finite else group.band_limited(2)
    hidden, image = nn.FieldType(group, [regular]), nn.FieldType(group, [group.trivial])
    elements = group.elements[1:4] if group.is_finite else group.sample(3, seed=1)
    for in_type in (hidden, image):
        # 16 fields are 16 draws of the coefficients, over which the error is averaged
        out_type = nn.FieldType(group, 16 * [regular])
        if in_type is image and not group.is_finite:
            reached = [group.trivial, *(group.irrep(str(m)) for m in range(1, 2 if size == 2 else 3))]
            out_type = nn.FieldType(group, 16 * reached)
        conv = nn.Conv2d(in_type, out_type, size, dtype=torch.float64)
        for highest, bound in BOUND.items():
            errors = [turn_error(conv, g, highest) for g in elements]
            assert max(errors) < bound, (errors, in_type, out_type, highest)


def test_the_measure_is_exact_for_quarter_turns_and_large_for_other_filters():
    group = steer.group("C8", dim=2)
    kind = nn.FieldType(group, [group.regular])
    conv = nn.Conv2d(kind, kind, 5, dtype=torch.float64)
    assert turn_error(conv, group.elements[2], HALF) < 1e-12
    seen_as_scalars = nn.FieldType(steer.group("C8", dim=2), 8 * [group.trivial])
    conv.in_type = conv.out_type = seen_as_scalars
    assert turn_error(conv, group.elements[1], HALF) > 0.5
