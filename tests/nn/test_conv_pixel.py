"""Conv2d(basis="pixel"): exactly equivariant, and the group convolutions of Cohen, Welling 2016 for regular fields."""

import pytest
import torch

import steer
from steer import nn
from steer.errors import CheckpointError, KernelError
from steer.kernels import Grid, Pixels
from tests.catalogue import O2, few_types, group_id

from .symmetries import require_symmetry, symmetry_error

C1, C2, C4, D1, D4 = (steer.group(name, dim=2) for name in ("C1", "C2", "C4", "D1", "D4"))
GROUPS = [C4, D4, D1, C2, steer.group("D2", dim=2), O2.subgroup("D2", axis=torch.pi / 4)]
TOL = 1e-12
"""Sums of a few hundred products of standard normal numbers in float64; a wrong order or turn gives more than 1."""


def mixed_type(group):
    return nn.FieldType(group, [group.trivial, group.regular, group.vector, group.regular])


@pytest.mark.parametrize("size", range(1, 6))
@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_every_group_and_kernel_size(group, size):
    kind = mixed_type(group)
    conv = nn.Conv2d(kind, kind, size, padding=size // 2, basis="pixel")
    for image in (6, 7):
        require_symmetry(conv, (image, image))


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_every_kind_of_field(group):
    kind = nn.FieldType(group, [rep for rep in few_types(group) if rep.size <= 12])
    require_symmetry(nn.Conv2d(kind, kind, 3, padding=1, basis="pixel"), (5, 5))


ARGUMENTS = {
    "same": {"padding": "same", "dilation": 2},
    "reflect": {"padding": 2, "padding_mode": "reflect"},
    "circular": {"padding": 2, "padding_mode": "circular"},
    "groups": {"groups": 2, "padding": 1},
    "no bias": {"bias": False},
}


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("group", [C4, D4], ids=group_id)
def test_arguments(group, name):
    kind = nn.FieldType(group, 4 * [group.regular])
    for size in (2, 3):
        require_symmetry(nn.Conv2d(kind, kind, size, basis="pixel", **ARGUMENTS[name]), (7, 7))


@pytest.mark.parametrize("size", [2, 3])
def test_strides(size):
    """Exact where (size + 2 padding - kernel) is a multiple of the stride: the grid of outputs is then symmetric."""
    kind, exact = mixed_type(D4), {False: 0, True: 0}
    conv = nn.Conv2d(kind, kind, size, stride=2, padding=1, basis="pixel", dtype=torch.float64)
    conv.eval()  # in training it would warn
    for image in range(7, 11):
        error = symmetry_error(conv, (image, image))
        fits = (image + 2 - size) % 2 == 0
        assert (error < TOL) if fits else (error > 1e-2), (image, error)
        exact[fits] += 1
    assert exact == {False: 2, True: 2}


def test_non_square_kernels():
    for group in (C2, D1, steer.group("D2", dim=2)):
        kind = mixed_type(group)
        require_symmetry(nn.Conv2d(kind, kind, (2, 5), padding=(0, 1), basis="pixel"), (7, 10))


# Cohen, Welling 2016: filters on the group, transformed and stacked ---------------------------------------------------


def p4(k, s, maps):
    """psi(g^-1 x) for maps (..., y, x), where g is k quarter turns from x to y after s reflections y -> -y."""
    return torch.rot90(maps.flip(-2) if s else maps, k, dims=(-1, -2))


def elements_of(group):
    """(k, s): s reflections and then k quarter turns; rotations first."""
    return [(k, s) for s in range(2 if group == D4 else 1) for k in range(4)]


def difference(g, h):
    """g^-1 h for g = R^k F^s and h = R^m F^t, where F R = R^-1 F."""
    (k, s), (m, t) = g, h
    return ((m - k) % 4 if s == 0 else (k - m) % 4, s ^ t)


def lifting(group, x, psi):
    """[f * psi](g) = sum_y sum_i f_i(y) psi_i(g^-1 y), eq. 10: x (batch, in, y, x), psi (out, in, k, k)."""
    stacked = torch.stack([p4(*g, psi) for g in elements_of(group)], dim=1)  # (out, g, in, k, k)
    return torch.nn.functional.conv2d(x, stacked.flatten(0, 1))


def group_convolution(group, x, psi):
    """[f * psi](g) = sum_h sum_i f_i(h) psi_i(g^-1 h), eq. 11: x (batch, in * h, y, x), psi (out, in, h, k, k)."""
    listed = elements_of(group)
    rows = []
    for g in listed:
        order = [listed.index(difference(g, h)) for h in listed]  # component h reads psi at the point part of g^-1 h
        rows.append(p4(*g, psi[:, :, order]))
    stacked = torch.stack(rows, dim=1)  # (out, g, in, h, k, k)
    return torch.nn.functional.conv2d(x, stacked.flatten(2, 3).flatten(0, 1))


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("group", [C4, D4], ids=group_id)
def test_lifting_convolution(group, size):
    scalars, lifted = nn.FieldType(group, 3 * [group.trivial]), nn.FieldType(group, 2 * [group.regular])
    conv = nn.Conv2d(scalars, lifted, size, basis="pixel", bias=False, dtype=torch.float64)
    assert conv.weight.numel() == 2 * 3 * size**2
    x = torch.randn(2, 3, 6, 7, dtype=torch.float64)
    expected = lifting(group, x, conv.weight.detach().view(2, 3, size, size))
    torch.testing.assert_close(conv(x).detach(), expected, rtol=0, atol=TOL)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("group", [C4, D4], ids=group_id)
def test_group_convolution(group, size):
    order = int(group.order)
    kind, target = nn.FieldType(group, 3 * [group.regular]), nn.FieldType(group, 2 * [group.regular])
    conv = nn.Conv2d(kind, target, size, basis="pixel", bias=False, dtype=torch.float64)
    assert conv.weight.numel() == 2 * 3 * order * size**2
    x = torch.randn(2, 3 * order, 6, 7, dtype=torch.float64)
    expected = group_convolution(group, x, conv.weight.detach().view(2, 3, order, size, size))
    torch.testing.assert_close(conv(x).detach(), expected, rtol=0, atol=TOL)


@pytest.mark.parametrize("size", [2, 3])
def test_lifting_by_turning_the_image(size):
    """One filter, and the image turned back: the output at g is that of the identity on g^-1 f, turned by g."""
    scalars, lifted = nn.FieldType(C4, [C4.trivial]), nn.FieldType(C4, [C4.regular])
    conv = nn.Conv2d(scalars, lifted, size, basis="pixel", bias=False, dtype=torch.float64)
    x = torch.randn(2, 1, 6, 7, dtype=torch.float64)
    psi, found = conv.weight.detach().view(1, 1, size, size), conv(x).detach()
    for k in range(4):
        plain = torch.nn.functional.conv2d(p4(-k, 0, x), psi)
        torch.testing.assert_close(found[:, k : k + 1], p4(k, 0, plain), rtol=0, atol=TOL)


@pytest.mark.parametrize("regular", [False, True])
@pytest.mark.parametrize("size", [1, 2, (3, 2)])
def test_the_trivial_group_has_free_weights(regular, size):
    field = C1.regular if regular else C1.trivial
    kind, target = nn.FieldType(C1, 3 * [field]), nn.FieldType(C1, 5 * [field])
    conv = nn.Conv2d(kind, target, size, stride=2, padding=1, basis="pixel", dtype=torch.float64)
    plain = torch.nn.Conv2d(3, 5, size, stride=2, padding=1, dtype=torch.float64)
    with torch.no_grad():
        conv.weight.copy_(plain.weight.flatten())
        conv.bias.copy_(plain.bias)
    torch.testing.assert_close(conv.filter(), plain.weight, rtol=0, atol=0)
    x = torch.randn(2, 3, 6, 7, dtype=torch.float64)
    torch.testing.assert_close(conv(x), plain(x), rtol=0, atol=TOL)


def test_pixels_by_value_and_checkpoints():
    kind = mixed_type(C4)
    pixel, value, larger = (
        nn.Conv2d(kind, kind, size, basis=basis)
        for size, basis in ((3, "pixel"), (3, Pixels(Grid((3, 3)))), (5, "pixel"))
    )
    rings = nn.Conv2d(kind, kind, 3)
    assert pixel.plan is value.plan
    assert len({layer.plan.fingerprint for layer in (pixel, value, larger, rings)}) == 3
    value.load_state_dict(pixel.state_dict())
    assert torch.equal(value.filter(), pixel.filter())
    state = pixel.state_dict() | {"weight": torch.zeros_like(rings.weight)}
    with pytest.raises(CheckpointError):
        rings.load_state_dict(state)


def test_pixels_are_more_than_rings_and_contain_them():
    # between regular fields of C4: every pixel free, against 5 functions on two rings
    kind = nn.FieldType(C4, [C4.regular])
    pixel, rings = (
        nn.Conv2d(kind, kind, 3, bias=False, basis=basis, dtype=torch.float64) for basis in ("pixel", "rings")
    )
    assert (pixel.weight.numel(), rings.weight.numel()) == (4 * 9, 4 * 6)
    with torch.no_grad():
        pixel.weight.copy_(rings.filter()[0].flatten())  # the filter of the identity element
    torch.testing.assert_close(pixel.filter(), rings.filter(), rtol=0, atol=TOL)


@pytest.mark.parametrize("group", [C4, D4], ids=group_id)
def test_fresh_outputs_have_the_second_moment_of_the_input(group):
    kind = nn.FieldType(group, [*3 * [group.regular], *3 * [group.vector], *3 * [group.trivial]])
    x = torch.randn(4, kind.size, 12, 12)
    moments = torch.stack([nn.Conv2d(kind, kind, 3, basis="pixel")(x).detach().square().mean() for _ in range(40)])
    # one layer has a deviation of 0.05 from its few thousand coefficients, the mean of 40 one of 0.008
    assert abs(float(moments.mean()) - 1) < 0.05


def test_export():
    kind = mixed_type(D4)
    conv = nn.Conv2d(kind, kind, 3, basis="pixel", dtype=torch.float64)
    x = torch.randn(2, kind.size, 6, 6, dtype=torch.float64)
    torch.testing.assert_close(nn.export(conv)(x), conv(x), rtol=0, atol=TOL)


def layer(group, size=3, **options):
    kind = nn.FieldType(group, [group.vector, group.trivial])
    return nn.Conv2d(kind, kind, size, basis="pixel", **options)


ERRORS = {
    "C8": (lambda: layer(steer.group("C8", dim=2)), r"basis: .*'C8', dim=2\) does not map .*3, 3.*'rings'.*'C4'"),
    "C3": (lambda: layer(steer.group("C3", dim=2)), r"basis: .*'C3', dim=2\) does not map .*3, 3.*'rings'"),
    "SO(2)": (lambda: layer(steer.group("SO(2)", dim=2)), r"basis: .*'SO\(2\)', dim=2\) does not map .*'C4'"),
    "O(2)": (lambda: layer(O2, 2), r"basis: .*'O\(2\)', dim=2\) does not map .*2, 2.*'D4'"),
    "non-square": (lambda: layer(C4, (3, 5)), r"kernel_size: C4 mixes the axes"),
    "max_frequency": (lambda: layer(C4, max_frequency=1), "max_frequency: pixels have no harmonics to cap, got 1"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_message(name):
    call, message = ERRORS[name]
    with pytest.raises(KernelError, match=message):
        call()


def test_one_pixel_serves_every_group():
    kind = nn.FieldType(O2, [O2.vector, O2.irrep("2"), O2.trivial])
    conv = nn.Conv2d(kind, kind, 1, basis="pixel")
    assert conv.weight.numel() == 3
    require_symmetry(conv, (5, 5))
