"""Conv2d commutes exactly with every element of its group that maps the grid to itself, whatever its arguments."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import steer
from steer import nn
from steer.testing import TOLERANCES, grid_symmetries
from tests.catalogue import IN_PLANE, O2, few_types, group_id

from .symmetries import require_symmetry, symmetry_error

pytestmark = pytest.mark.filterwarnings("ignore::steer.errors.GridWarning")  # sizes that fit and that do not

SQUARE = [
    *(steer.group(f"{family}{n}", dim=2) for family in "CD" for n in range(1, 9)),
    steer.group("SO(2)", dim=2),
    O2,
    O2.subgroup("D2", axis=math.pi / 4),  # reflections that exchange x and y
    O2.subgroup("D4", axis=math.pi / 8),  # only its rotations map the grid to itself
    O2.subgroup("D1", axis=math.pi / 2),
]
C4 = steer.group("C4", dim=2)
D4 = steer.group("D4", dim=2)


def mixed_type(group):
    """Regular fields (or band limited ones), vectors and scalars: orbit and block expansions, a bias or none."""
    regular = group.regular if group.is_finite else group.band_limited(1)
    return nn.FieldType(group, [group.trivial, regular, group.vector, regular])


@pytest.mark.parametrize("size", range(1, 8))
@pytest.mark.parametrize("group", SQUARE, ids=group_id)
def test_every_group_and_kernel_size(group, size):
    kind = mixed_type(group)
    conv = nn.Conv2d(kind, kind, size, padding=size // 2)
    for image in (9, 10):
        require_symmetry(conv, (image, image))


@pytest.mark.parametrize("group", IN_PLANE, ids=group_id)
def test_every_kind_of_field(group):
    kind = nn.FieldType(group, [rep for rep in few_types(group) if rep.size <= 12])
    require_symmetry(nn.Conv2d(kind, kind, 3, padding=1), (5, 5))


@pytest.mark.parametrize("group", SQUARE, ids=group_id)
def test_after_training_steps(group):
    kind = mixed_type(group)
    conv = nn.Conv2d(kind, kind, 3)
    optimizer = torch.optim.SGD(conv.parameters(), lr=0.05)
    for _ in range(3):
        conv(torch.randn(2, kind.size, 7, 7)).square().mean().sub(2).square().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert conv.bias.abs().max() > 0
    for dtype in (torch.float32, torch.float64):
        assert symmetry_error(conv.to(dtype), (8, 8)) < TOLERANCES[dtype]


ARGUMENTS = {
    "same": {"padding": "same"},
    "valid": {"padding": "valid"},
    "same dilated": {"padding": "same", "dilation": 2},
    "dilated": {"dilation": 2, "padding": 1},
    "reflect": {"padding": 2, "padding_mode": "reflect"},
    "replicate": {"padding": 1, "padding_mode": "replicate"},
    "circular": {"padding": 2, "padding_mode": "circular"},
    "groups": {"groups": 2, "padding": 1},
    "depthwise": {"groups": 4},
    "no bias": {"bias": False},
    "low band limit": {"max_frequency": 1},
    "scalar band limit": {"max_frequency": 0},
    "tuples": {"stride": (1, 1), "padding": [1, 1], "dilation": (1, 1)},
}


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize(
    "group",
    [D4, O2, *(pytest.param(group, marks=pytest.mark.slow) for group in (C4, steer.group("C8", dim=2)))],
    ids=group_id,
)
def test_every_argument(group, name):
    regular = group.regular if group.is_finite else group.band_limited(1)
    in_type, out_type = nn.FieldType(group, 4 * [regular]), nn.FieldType(group, 8 * [regular])
    for size in (3, 4):
        if size == 4 and name == "same":
            continue  # an even kernel would need more padding on one side
        conv = nn.Conv2d(in_type, out_type, size, **ARGUMENTS[name])
        for image in (9, 10):
            require_symmetry(conv, (image, image))


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_strides_are_exact_for_the_sizes_that_the_docstring_says(size, stride, dilation):
    kind = mixed_type(D4)
    padding = size // 2
    conv = nn.Conv2d(kind, kind, size, stride=stride, padding=padding, dilation=dilation, dtype=torch.float64)
    for image in range(9, 15):
        exact = (image + 2 * padding - dilation * (size - 1) - 1) % stride == 0
        error = symmetry_error(conv, (image, image))
        assert (error < 1e-12) if exact else (error > 1e-2), (image, error)


def test_non_square_images():
    for group in (C4, D4):
        kind = mixed_type(group)
        for size in (2, 3):
            require_symmetry(nn.Conv2d(kind, kind, size, padding=1), (5, 8))


def test_non_square_kernels_and_steps_for_groups_that_keep_the_axes():
    for group in (
        *(steer.group(name, dim=2) for name in ("C1", "C2", "D1", "D2")),
        O2.subgroup("D1", axis=math.pi / 2),
    ):
        kind = mixed_type(group)
        require_symmetry(nn.Conv2d(kind, kind, (2, 5), padding=(0, 1)), (7, 10))
        require_symmetry(nn.Conv2d(kind, kind, (3, 2), stride=(2, 3), dilation=(1, 2)), (7, 12))


def test_actions_written_by_hand():
    """A quarter turn is rot90 on scalars, with a cyclic shift on C4-regular fields and a turn of vectors."""
    kind = nn.FieldType(C4, [C4.trivial, C4.regular, C4.vector])
    conv = nn.Conv2d(kind, kind, 5, padding=2, dtype=torch.float64)

    def turned(x):
        scalar, regular, vector = torch.rot90(x, 1, dims=(-1, -2)).split([1, 4, 2], dim=1)
        return torch.cat([scalar, regular.roll(1, dims=1), -vector[:, 1:], vector[:, :1]], dim=1)

    x = torch.randn(2, 7, 8, 9, dtype=torch.float64)
    torch.testing.assert_close(conv(turned(x)), turned(conv(x)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("group", SQUARE, ids=group_id)
def test_the_filter_solves_the_constraint_on_the_grid(group):
    kind = mixed_type(group)
    for size in (4, 5):
        conv = nn.Conv2d(kind, kind, size, dtype=torch.float64)
        filters = conv.filter().detach().flatten(2).numpy()
        for g in grid_symmetries(group):
            to = [int(np.flatnonzero(np.abs(conv.points - g @ p).max(axis=1) < 1e-9)[0]) for p in conv.points]
            expected = np.einsum("pi,ijm,qj->pqm", kind.representation(g), filters, kind.representation(g))
            np.testing.assert_allclose(filters[:, :, to], expected, atol=1e-12)


def test_the_output_has_the_second_moment_of_the_input():
    # exactly, in expectation: the squares of the filter that unit coefficients times their scales give
    kind = mixed_type(D4)
    conv = nn.Conv2d(kind, kind, 5)
    np.testing.assert_allclose(conv.plan.scales().shape, conv.weight.shape)
    drawn = torch.stack([nn.Conv2d(kind, kind, 5).weight.detach() for _ in range(200)])
    ratio = drawn.square().mean(0).sqrt() / torch.from_numpy(conv.plan.scales())
    assert abs(float(ratio.mean()) - 1) < 0.01  # 200 draws of each of a thousand coefficients: 3e-3 is one deviation
    assert not conv.bias.any()


@settings(max_examples=25)
@given(data=st.data())
def test_random_layers(data):
    group = data.draw(st.sampled_from(SQUARE), label="group")
    fields = st.lists(st.sampled_from([rep for rep in few_types(group) if rep.size <= 8]), min_size=1, max_size=3)
    in_type = nn.FieldType(group, [group.trivial, *data.draw(fields, label="in")])
    out_type = nn.FieldType(group, [group.trivial, *data.draw(fields, label="out")])
    size, stride, dilation = (
        data.draw(st.integers(1, top), label=name) for name, top in (("size", 5), ("stride", 3), ("dilation", 2))
    )
    padding, steps = data.draw(st.integers(0, 2), label="padding"), data.draw(st.integers(1, 4), label="steps")
    height = dilation * (size - 1) + 1 - 2 * padding + stride * steps
    # not every pair of types has a kernel of every size
    options = {"stride": stride, "padding": padding, "dilation": dilation, "unreached": "ignore"}
    conv = nn.Conv2d(in_type, out_type, size, **options)
    if height > 0:
        require_symmetry(conv, (height, height))
