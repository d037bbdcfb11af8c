"""Ready models on grids of any size and spacing: kernels, strides and pools that differ between axes."""

import itertools
import math

import pytest
import torch

import steer
from steer import nn
from steer.errors import KernelError, ShapeError, SteerError
from steer.nn import models
from steer.testing import grid_symmetries

from .test_models import count, image

THICK = (3.0, 1.0, 1.0)


def scrambled(net):
    """With random parameters, in double precision and evaluation."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_(std=0.3, generator=generator)
    return net.double().eval()


def error(net, space, spacing=None):
    """The largest relative error under the symmetries of the grid."""
    x = torch.randn(1, net.in_type.size, *space, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    worst = 0.0
    with torch.no_grad():
        out = net(x)
        assert out.abs().max() > 1e-6
        for g in grid_symmetries(net.in_type.group, spacing=spacing):
            moved = net(net.in_type.transform(x, g, spacing=spacing))
            if out.dim() > 2:
                expected = net.out_type.transform(out, g, spacing=spacing)
            else:
                expected = out @ torch.from_numpy(net.out_type.representation(g)).T
            worst = max(worst, float((moved - expected).abs().max() / out.abs().max()))
    return worst


def grids(net):
    """The stride, spacing and kernels of each pool, and the kernels and spacings of the other convolutions."""
    pools = [(part.stride, part.kernel_size, part.spacing) for part in net.modules() if isinstance(part, nn.BlurPool)]
    convs = [(part.kernel_size, part.padding, part.spacing) for part in net.modules() if isinstance(part, nn.Conv3d)]
    return pools, list(dict.fromkeys(kind for kind in convs if math.prod(kind[0]) > 1))


def test_one_number_follows_the_spacing_from_stage_to_stage():
    net = models.ResNet(image("SO(3)", 3), 2, channels=(4, 4, 4, 4), blocks=1, kernel_size=5, spacing=THICK)
    pools, convs = grids(net)
    nearly = (1.0, 1.333333, 1.333333)
    assert pools == [
        ((1, 2, 2), (1, 4, 4), THICK),
        ((1, 2, 2), (1, 4, 4), (1.5, 1.0, 1.0)),
        ((2, 2, 2), (6, 4, 4), nearly),
    ]
    assert convs[0] == ((3, 5, 5), (1, 2, 2), THICK)
    assert convs[1] == ((5, 5, 5), (2, 2, 2), (1.5, 1.0, 1.0))
    assert convs[2] == ((5, 5, 5), (2, 2, 2), nearly)
    assert len(convs) == 3  # the last stage has the spacing of the one before


@pytest.mark.parametrize("name", ["SO(3)", *(pytest.param(name, marks=pytest.mark.slow) for name in ("D4", "Oh"))])
def test_networks_on_thick_slices_keep_the_symmetries_of_their_grid(name):
    scan = image(name, 3)
    net = models.ResNet(scan, 2, channels=(4, 4, 4), blocks=1, spacing=THICK)
    assert error(scrambled(net), (3, 8, 8), THICK) < 1e-12
    net = models.ResNet(scan, 2, channels=(4, 4), blocks=1, spacing=THICK, any_size=True)
    assert error(scrambled(net), (2, 5, 5), THICK) < 1e-12
    vector = nn.FieldType(scan.group, [scan.group.vector])
    net = models.UNet(scan, vector, channels=(4, 4, 4), spacing=THICK)
    assert error(scrambled(net), (3, 7, 7), THICK) < 1e-12


def test_sizes_and_strides_for_each_axis_and_stage():
    scan = image("C4", 3)
    options = {"kernel_size": [(1, 3, 3), (1, 5, 5), 3], "strides": [(1, 2, 2), 2]}
    for net in (
        models.ResNet(scan, 2, channels=(4, 4, 4), blocks=1, **options),
        models.UNet(scan, scan, channels=(4, 4, 4), **options),
    ):
        pools, convs = grids(net)
        assert [pool[:2] for pool in pools] == [((1, 2, 2), (1, 4, 4)), ((2, 2, 2), (4, 4, 4))]
        assert {kind[0] for kind in convs} == {(1, 3, 3), (1, 5, 5), (3, 3, 3)}
        assert error(scrambled(net), (2, 8, 8)) < 1e-12
        assert count(net.twin()) == models.summary(net).plain_parameters
        one = type(net)(
            *(scan, 2) if isinstance(net, models.ResNet) else (scan, scan), kernel_size=(1, 3, 3), strides=(1, 2, 2)
        )
        assert {pool[0] for pool in grids(one)[0]} == {(1, 2, 2)}
        assert {kind[0] for kind in grids(one)[1]} == {(1, 3, 3)}


def test_widths_count_the_kernels_of_each_stage():
    net = models.ResNet(image("D4", 3), 2, channels=(32, 48), blocks=1, kernel_size=[(1, 5, 5), 3], strides=(1, 2, 2))
    for row in models.summary(net).rows[:-1]:
        assert row.parameters == pytest.approx(row.plain_parameters, rel=0.25)
    spaced = models.ResNet(image("SO(3)", 3), 2, channels=(32,), blocks=1, kernel_size=5, spacing=THICK)
    (row, _) = models.summary(spaced).rows
    assert row.parameters == pytest.approx(row.plain_parameters, rel=0.1)


@pytest.mark.parametrize("stages", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_a_u_net_takes_any_size_and_is_exact_for_all(stages):
    group = steer.group("D4", dim=2)
    net = scrambled(models.UNet(image("D4"), nn.FieldType(group, [group.vector]), channels=stages * (12,)))
    plain = steer.export(net)
    for space in [(1, 1), (2, 2), (3, 3), (5, 5), (6, 6), (7, 7), (9, 6), (3, 12)]:
        x = torch.randn(1, 1, *space, dtype=torch.float64)
        out = net(x)
        assert out.shape == (1, 2, *space)
        torch.testing.assert_close(plain(x), out)
        if space != (1, 1):  # where a vector is zero
            assert error(net, space) < 1e-12


def test_where_sizes_are_divisible_a_u_net_pools_and_resizes_as_ever():
    net = models.UNet(image("C4"), image("C4"), channels=(4, 4))
    deeper = net[0].get_submodule("branch.1")
    own = deeper.in_type
    x = torch.randn(1, own.size, 8, 12)
    down, up = nn.BlurPool(own, 4, 2, sigma=1.0, padding=1), nn.Upsample(own, scale_factor=2, mode="linear")
    torch.testing.assert_close(deeper.eval()(x), up(deeper[1](down(x))))


def test_any_size_of_a_resnet():
    image_type = image("D4")
    plain = models.ResNet(image_type, 3, channels=(4, 4, 4), blocks=1)
    free = models.ResNet(image_type, 3, channels=(4, 4, 4), blocks=1, any_size=True)
    free.load_state_dict(plain.state_dict())
    x = torch.randn(2, 1, 8, 12)
    torch.testing.assert_close(free.eval()(x), plain.eval()(x))
    for space in itertools.product((1, 2, 5), (3, 6)):
        assert error(scrambled(free), space) < 1e-12
        torch.testing.assert_close(steer.export(free)(x.double()), free(x.double()))


def test_maps_that_are_too_small_for_the_strides():
    net = models.ResNet(image("C4", 3), 2, channels=(4, 4, 4), blocks=1)
    with pytest.raises(
        ShapeError, match=r"at least 4 x 4 x 4 .* got 3 x 8 x 8; pass any_size=True, .*\[\(1, 2, 2\), \(1"
    ):
        net(torch.randn(1, 1, 3, 8, 8))
    net = models.ResNet(image("C4", 3), 2, channels=(4, 4, 4), blocks=1, strides=[(1, 2, 2), (1, 2, 2)])
    assert net.eval()(torch.randn(1, 1, 3, 8, 8)).shape == (1, 2)


def test_lists_are_for_stages_and_tuples_for_axes():
    def of(stages, **options):
        return models.ResNet(image("C4", 3), 2, channels=stages * (4,), blocks=1, **options).options

    assert of(3, kernel_size=[5, 3, 3])["kernel_size"] == [(5, 5, 5), (3, 3, 3), (3, 3, 3)]
    assert of(3, kernel_size=(5, 3, 3))["kernel_size"] == 3 * [(5, 3, 3)]
    assert of(3, strides=[1, 2])["strides"] == [(1, 1, 1), (2, 2, 2)]
    assert of(2, kernel_size=[5, 3, 3])["kernel_size"] == 2 * [(5, 3, 3)]  # no other number of them fits
    assert of(2, kernel_size=[(1, 3, 3), 3])["kernel_size"] == [(1, 3, 3), (3, 3, 3)]


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"strides": [(1, 2, 2)]}, SteerError, r"strides: expected an integer .* each step between stages, 2 in all"),
        ({"strides": 0}, SteerError, r"strides: expected"),
        ({"strides": (2, 2)}, SteerError, r"strides: expected an integer >= 1, a tuple of 3"),
        ({"kernel_size": [5, 3]}, SteerError, r"kernel_size: expected an odd integer >= 1, a tuple .* 3 in all"),
        ({"kernel_size": [3, 3, (3, 4, 4)]}, SteerError, r"kernel_size: expected odd integers, got \(3, 4, 4\)"),
        ({"kernel_size": (3, 5, 5)}, KernelError, r"kernel_size: O mixes the axes of space.* spacing="),
        ({"strides": (1, 2, 2)}, KernelError, r"strides: O mixes the axes of space"),
        ({"spacing": (1.0, 2.0)}, KernelError, r"spacing: expected 3 distances"),
        ({"checkpoint": 1}, SteerError, r"checkpoint: expected True or False"),
    ],
)
def test_bad_grids(options, kind, message):
    with pytest.raises(kind, match=message):
        models.ResNet(image("O", 3), 3, **options)
    with pytest.raises(kind, match=message):
        models.UNet(image("O", 3), image("O", 3), **options)
