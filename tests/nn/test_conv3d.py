"""Conv3d commutes exactly with the cube's symmetries in its group, with other rotations within the stated bound."""

import itertools
import math

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.kernels import Grid
from steer.testing import grid_symmetries
from tests.catalogue import SPATIAL_TILTED, group_id

from .symmetries import require_symmetry, symmetry_error

NAMES = ["C1", "C2", "C4", "D2", "D4", "Cs", "Ci", "C2v", "C4v", "S4", "D2d", "D4h", "T", "Td", "Th", "O", "Oh"]
CUBIC = [steer.group(name, dim=3) for name in NAMES]
ROTATIONS = [steer.group(name, dim=3) for name in ("SO(3)", "O(3)")]
AXIAL = [steer.group(name, dim=3) for name in ("Cinf", "Cinfv", "Cinfh", "Dinf", "Dinfh", "C8", "D3h")]
CYLINDERS = [steer.group(name, dim=3) for name in ("C4", "C4v", "D4h", "Cinf", "Dinfh")]
"""Groups that keep the z axis apart from the others."""
C1, D4H, OCTA = (steer.group(name, dim=3) for name in ("C1", "D4h", "O"))
SO3 = ROTATIONS[0]
HALF, QUARTER = math.pi / 2, math.pi / 4  # frequencies, in radians a pixel; Nyquist's is pi
BOUND = {HALF: 0.08, QUARTER: 0.04}


def mixed_type(group):
    """A scalar, a vector, the last irrep, and a regular type or a quotient of up to 8 components."""
    if not group.is_finite:
        return nn.FieldType(group, [group.trivial, group.vector, group.irreps(2)[-1]])
    small = next(h for h in group.subgroups() if group.order <= 8 * h.order)
    wide = group.regular if group.order <= 8 else group.quotient(small)
    return nn.FieldType(group, [group.trivial, group.vector, group.irreps()[-1], wide])


@pytest.mark.parametrize("size", range(1, 6))
@pytest.mark.parametrize("group", CUBIC, ids=group_id)
def test_every_group_and_kernel_size(group, size):
    kind = mixed_type(group)
    require_symmetry(nn.Conv3d(kind, kind, size, padding=size // 2), (4, 4, 4))
    require_symmetry(nn.Conv3d(kind, kind, size, stride=2), (size + 2,) * 3)
    lossy = nn.Conv3d(kind, kind, size, stride=2).eval()  # in training it would warn
    assert symmetry_error(lossy, (size + 3,) * 3) > 1e-2 or group.order == 1


def test_all_48_symmetries_are_tried():
    assert len(grid_symmetries(CUBIC[-1])) == 48
    assert [len(grid_symmetries(group)) for group in CUBIC] == [group.order for group in CUBIC]


@pytest.mark.parametrize("group", [*ROTATIONS, *AXIAL, *SPATIAL_TILTED[::3]], ids=group_id)
@pytest.mark.parametrize("size", [2, 3, 5])
def test_groups_that_are_not_of_the_cube(group, size):
    kind = mixed_type(group)
    if size == 2:  # carries degrees 0 and 1
        kind = nn.FieldType(group, [group.trivial, group.vector])
    require_symmetry(nn.Conv3d(kind, kind, size), (6, 6, 6))


@pytest.mark.parametrize("group", CUBIC, ids=group_id)
def test_all_irreps(group):
    kind = nn.FieldType(group, [*group.irreps(), group.vector, *group.irreps()[::-1]])
    require_symmetry(nn.Conv3d(kind, kind, 3, padding=1), (3, 3, 3))


ARGUMENTS = {
    "same": {"padding": "same"},
    "valid": {"padding": "valid"},
    "same dilated": {"padding": "same", "dilation": 2},
    "dilated": {"dilation": 2, "padding": 1},
    "reflect": {"padding": 2, "padding_mode": "reflect"},
    "replicate": {"padding": 1, "padding_mode": "replicate"},
    "circular": {"padding": 2, "padding_mode": "circular"},
    "groups": {"groups": 2, "padding": 1},
    "no bias": {"bias": False},
    "low band limit": {"max_frequency": 1},
    "tuples": {"stride": (1, 1, 1), "padding": [1, 1, 1], "dilation": (1, 1, 1)},
}


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("group", [D4H, OCTA, SO3], ids=group_id)
def test_every_argument(group, name):
    fields = [group.vector, group.trivial]
    in_type, out_type = nn.FieldType(group, 2 * fields), nn.FieldType(group, 4 * fields)
    require_symmetry(nn.Conv3d(in_type, out_type, 3, **ARGUMENTS[name]), (5, 5, 5))


@pytest.mark.parametrize("group", CYLINDERS, ids=group_id)
def test_kernels_volumes_and_steps_that_are_no_cubes(group):
    kind = mixed_type(group)
    require_symmetry(nn.Conv3d(kind, kind, (3, 5, 5), padding=(1, 2, 2)), (4, 5, 5))
    require_symmetry(
        nn.Conv3d(kind, kind, (2, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1), dilation=(2, 1, 1)), (5, 3, 3)
    )
    require_symmetry(nn.Conv3d(kind, kind, (5, 3, 3), padding="same"), (6, 4, 4))


def test_kernels_of_three_sizes():
    group = steer.group("D2h", dim=3)
    require_symmetry(nn.Conv3d(mixed_type(group), mixed_type(group), (2, 3, 4), stride=(1, 2, 3)), (3, 5, 7))


def test_tensor_axes_are_z_y_x():
    """A quarter turn about z is rot90 of the last two axes, of the components x and y of vectors alike."""
    group = steer.group("C4", dim=3)
    kind = nn.FieldType(group, [group.trivial, group.vector])
    conv = nn.Conv3d(kind, kind, 3, padding=1, dtype=torch.float64)

    def turned(x):
        scalar, vx, vy, vz = torch.rot90(x, 1, dims=(-1, -2)).split(1, dim=1)
        return torch.cat([scalar, -vy, vx, vz], dim=1)

    x = torch.randn(2, 4, 3, 5, 5, dtype=torch.float64)
    torch.testing.assert_close(conv(turned(x)), turned(conv(x)), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(conv.points[:2], [[-1, -1, -1], [0, -1, -1]])  # x fastest, z slowest


def waves(rng, shape, highest):
    """Random plane waves: frequencies uniform in the ball of radius `highest`, phases uniform."""
    direction = rng.normal(size=(*shape, 3))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    frequency = direction * (highest * rng.uniform(size=shape) ** (1 / 3))[..., None]
    phase = rng.uniform(0, 2 * np.pi, shape)
    return lambda points: np.cos(np.einsum("...d,md->...m", frequency, points) + phase[..., None])


def turn_error(conv, g, highest, inputs=100, seed=0):
    """Root mean square of conv(g f) - g conv(f) at the fixed pixel, relative to that of conv(f); no interpolation."""
    field = waves(np.random.default_rng(seed), (inputs, conv.in_type.size), highest)
    filters = conv.filter().detach().double().flatten(2).numpy()
    moved = np.einsum("pc,ncm->npm", conv.in_type.representation(g), field(conv.points @ g))  # rho(g) f(g^-1 x)
    out = np.einsum("oim,nim->no", filters, field(conv.points)) @ conv.out_type.representation(g).T
    return math.sqrt(np.mean((np.einsum("oim,nim->no", filters, moved) - out) ** 2) / np.mean(out**2))


TURNING = [*ROTATIONS, *(steer.group(name, dim=3) for name in ("C8", "D3", "I", "Ih", "Cinf", "Dinfh"))]


@pytest.mark.parametrize("size", range(2, 7))
@pytest.mark.parametrize("group", TURNING, ids=group_id)
def test_other_rotations_are_within_the_stated_bound(group, size):
    scalar, vectors = nn.FieldType(group, [group.trivial]), nn.FieldType(group, [group.trivial, group.vector])
    # 12 fields of a kind are 12 draws of the coefficients, over which the error is averaged
    fields = [group.trivial, group.vector] if size == 2 else [group.trivial, *group.vector.tensor(group.vector).irreps]
    out_type = nn.FieldType(group, 12 * list(dict.fromkeys(fields)))
    for in_type in (scalar, vectors):
        reached = nn.FieldType(group, 12 * [group.trivial, group.vector]) if in_type is scalar else out_type
        conv = nn.Conv3d(in_type, reached, size, dtype=torch.float64)
        for highest, bound in BOUND.items():
            errors = [turn_error(conv, g, highest) for g in group.sample(2, seed=1)]
            assert max(errors) < bound, (errors, in_type, highest)


def test_the_measure_is_exact_for_quarter_turns_and_large_for_other_filters():
    kind = nn.FieldType(SO3, [SO3.vector])
    conv = nn.Conv3d(kind, kind, 3, dtype=torch.float64)
    assert turn_error(conv, grid_symmetries(SO3)[-1], HALF) < 1e-12
    conv.in_type = conv.out_type = nn.FieldType(SO3, 3 * [SO3.trivial])
    assert turn_error(conv, SO3.sample(1, seed=1)[0], HALF) > 0.3


PLAIN = {
    "stride": {"stride": (2, 1, 2), "padding": 1},
    "dilation": {"dilation": 2, "padding": 2},
    "groups": {"groups": 2},
    "no bias": {"bias": False},
    **{mode: {"padding": (2, 1, 0), "padding_mode": mode} for mode in ("zeros", "reflect", "replicate", "circular")},
}


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("size", [3, (1, 2, 3)], ids=str)
def test_the_trivial_group_is_torch_conv(name, size):
    conv = nn.Conv3d(nn.FieldType(C1, 4 * [C1.trivial]), nn.FieldType(C1, 6 * [C1.trivial]), size, **PLAIN[name])
    plain = torch.nn.Conv3d(4, 6, size, **PLAIN[name])
    plain.weight.data = conv.filter().detach()
    if conv.bias is not None:
        conv.bias.data.normal_()
        plain.bias.data = conv.bias.detach()  # every channel is invariant: one bias each
    x = torch.randn(2, 4, 5, 6, 7)
    assert torch.equal(conv(x), plain(x))
    exported = steer.export(conv)
    assert type(exported) is torch.nn.Conv3d
    assert torch.equal(exported(x), plain(x))


@pytest.mark.parametrize("group", [D4H, OCTA, SO3], ids=group_id)
def test_the_filter_solves_the_constraint_on_the_grid(group):
    kind = mixed_type(group)
    for size in (3, 4):
        conv = nn.Conv3d(kind, kind, size, dtype=torch.float64)
        filters = conv.filter().detach().flatten(2).numpy()
        for g in grid_symmetries(group):
            to = np.argmin(np.linalg.norm((conv.points @ g.T)[:, None] - conv.points, axis=-1), axis=1)
            expected = np.einsum("pi,ijm,qj->pqm", kind.representation(g), filters, kind.representation(g))
            np.testing.assert_allclose(filters[:, :, to], expected, atol=1e-12)


@pytest.mark.parametrize("group", [D4H, SO3], ids=group_id)
def test_the_output_has_the_second_moment_of_the_input(group):
    # exactly: the mean over components of the squares of the filter that unit coefficients times their scales give
    kind = mixed_type(group)
    conv = nn.Conv3d(kind, kind, 3, dtype=torch.float64)
    basis = torch.func.jacrev(conv.plan.expand)(conv.weight.detach())
    moments = (basis.square() @ torch.from_numpy(conv.plan.scales()).square()).flatten(1).sum(1)
    for rep, start in zip(kind, kind.offsets, strict=False):
        assert abs(float(moments[start : start + rep.size].mean()) - 1) < 1e-12
    assert conv.plan.grid == Grid((3, 3, 3))


@pytest.mark.slow  # the contracts compile and export smaller ones
@pytest.mark.parametrize(("training", "grad"), list(itertools.product([True, False], repeat=2)), ids=str)
def test_compile_and_export(training, grad):
    kind = nn.FieldType(OCTA, [OCTA.trivial, OCTA.vector, OCTA.irrep("E")])
    conv = nn.Conv3d(kind, kind, 3, padding=1, padding_mode="circular").train(training)
    x = torch.randn(2, kind.size, 4, 4, 4)
    torch.compiler.reset()
    with torch.set_grad_enabled(grad):
        expected = conv(x)
        compiled = torch.compile(conv, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(x), expected, rtol=0, atol=1e-6)
        exported = torch.export.export(conv, (x,)).module()
        torch.testing.assert_close(exported(x), expected, rtol=0, atol=1e-6)


def test_printing():
    kind = nn.FieldType(D4H, [D4H.trivial])
    conv = nn.Conv3d(kind, kind, (3, 5, 5), stride=(1, 2, 2))
    assert repr(conv) == (f"Conv3d({kind}, weights={conv.weight.numel()}, kernel_size=(3, 5, 5), stride=(1, 2, 2))")
    pixels = nn.Conv3d(kind, kind, (3, 5, 5), basis="pixel")
    assert repr(pixels).endswith("kernel_size=(3, 5, 5), basis='pixel')")
