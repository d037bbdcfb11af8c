"""Ready models: as wide as they say, exact under turns of the grid, with features that keep their scale."""

import functools
import itertools
import pickle

import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, GroupError, SteerError
from steer.nn import models
from steer.nn.models._blocks import conv
from steer.nn.models._features import features_for
from steer.testing import assert_equivariant, grid_symmetries


def image(name, dim=2, channels=1):
    group = steer.group(name, dim=dim)
    return nn.FieldType(group, channels * [group.trivial])


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


GROUPS = [("C4", 2), ("D6", 2), ("SO(2)", 2), ("O(2)", 2), ("D2", 3), ("O", 3), ("SO(3)", 3)]


@pytest.mark.parametrize(("name", "dim"), GROUPS)
@pytest.mark.parametrize("width", ["parameters", "channels"])
def test_every_stage_is_as_wide_as_the_plain_one(name, dim, width):
    net = models.ResNet(image(name, dim, 3), 5, channels=(24, 48), blocks=1, width=width)
    found = models.summary(net)
    group = net.in_type.group
    unit = features_for(group, None).of(group, 1).size
    for row in found.rows[:-1]:
        units = row.channels / unit
        if width == "channels":
            assert abs(row.channels - row.plain_channels) <= unit / 2
        else:  # norms have a parameter each, and numbers of units are rounded
            assert (1 - 0.6 / units) ** 2 <= row.parameters / row.plain_parameters <= (1 + 0.6 / units) ** 2
    assert found.parameters == count(net)
    assert found.plain_parameters == count(net.twin())


def test_a_schedule_keeps_the_parameters_of_every_stage():
    net = models.wide_resnet(image("D8", 2, 3), 10, depth=10, widen=4, groups=("D8", "D4", "D1"))
    found = models.summary(net)
    assert [stage.out_type.group.name for stage in net] == ["D8", "D4", "D1", "D1"]
    for row in found.rows[:-1]:
        assert row.parameters == pytest.approx(row.plain_parameters, rel=0.05)
    assert found.parameters == pytest.approx(found.plain_parameters, rel=0.01)


def test_the_twin_is_the_plain_network():
    net = models.ResNet(image("D4", 2, 3), 7, channels=(8, 16), blocks=(1, 2), kernel_size=3)
    twin = net.twin()
    # stem; blocks of two 3x3 convolutions, the first of stage 2 from 8 channels with a 1x1 shortcut; the linear map
    convs = 27 * 8 + 2 * 9 * 64 + 9 * 8 * 16 + 9 * 256 + 8 * 16 + 2 * 9 * 256
    norms = 2 * (2 * 8) + 2 * (8 + 16) + 2 * (2 * 16) + 2 * 16
    assert count(twin) == convs + norms + 16 * 7 + 7
    plain = steer.export(twin)
    x = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(plain(x), twin.eval()(x), rtol=1e-4, atol=1e-5)


def test_the_table_reads_as_documented():
    lines = str(models.summary(models.ResNet(image("C4"), 3, channels=(8, 8), blocks=1))).splitlines()
    assert lines[0].split() == ["part", "fields", "channels", "plain", "parameters", "plain"]
    assert [line.split()[0] for line in lines[1:]] == ["stage1", "stage2", "head", "all"]
    assert "regular of C4" in lines[1]
    assert "of the plain twin's" in lines[-1]


@pytest.mark.parametrize("features", ["regular", "irreps", "fourier"])
def test_features_of_finite_groups(features):
    net = models.ResNet(image("C8"), 3, channels=(8, 8), blocks=1, features=features)
    assert_equivariant(_scrambled(net), shape=(2, 8, 8), dtype=torch.float64)


@pytest.mark.parametrize(("name", "dim"), [("SO(2)", 2), ("SO(3)", 3)])
def test_fourier_features_of_continuous_groups(name, dim):
    net = models.ResNet(image(name, dim), 3, channels=(8,), blocks=1, features="fourier")
    assert_equivariant(_scrambled(net), shape=(1, *dim * [5]), dtype=torch.float64)


def test_features_of_ones_own():
    mine = models.Features(lambda group: [group.trivial, group.vector], nn.NormAct)
    net = models.UNet(image("D4"), image("D4"), channels=(6, 6), features=mine, width="channels")
    group = net.in_type.group
    assert net[0].out_type == nn.FieldType(group, 2 * [group.trivial] + 2 * [group.vector])
    assert_equivariant(_scrambled(net), shape=(1, 8, 8), dtype=torch.float64)


@pytest.mark.parametrize("name", ["D2", "SO(3)"])
def test_unets_in_space(name):
    net = models.UNet(image(name, 3), image(name, 3), channels=(4, 4))
    assert_equivariant(_scrambled(net), shape=(1, 4, 4, 4), dtype=torch.float64)


def _scrambled(net):
    """With random last convolutions too, which start at zero; norms are not cut off, which would leave zero alone."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter.normal_(std=0.2, generator=generator)
            if name.endswith("act.bias"):
                parameter.abs_()
    return net.double()


def moment(x):
    return float(x.square().mean())


@torch.no_grad()
@pytest.mark.parametrize(("name", "dim"), GROUPS)
def test_blocks_keep_the_second_moment(name, dim):
    group = steer.group(name, dim=dim)
    chosen = features_for(group, None)
    kind = chosen.of(group, 12)
    x = torch.randn(8, kind.size, *dim * [9 if dim == 2 else 5])
    first, second = models.conv_block(kind, kind), models.conv_block(kind, kind)
    before = first(x)
    assert moment(second(before)) == pytest.approx(moment(before), rel=0.1)
    chain = nn.Sequential(*[models.residual_block(kind, kind) for _ in range(3)])
    assert moment(chain(x)) == pytest.approx(moment(x), rel=0.1)
    wider = models.residual_block(kind, chosen.of(group, 16))
    assert torch.equal(wider(x), wider.shortcut(x))
    # the shortcut between two types; of thousands of coefficients, so that chance makes a few percent
    shortcut = conv(chosen.of(group, 48), chosen.of(group, 64), 1, "rings")
    x = torch.randn(4, shortcut.in_type.size, *dim * [3])
    assert moment(shortcut(x)) == pytest.approx(moment(x), rel=0.1)


def test_models_pickle_and_keep_their_outputs():
    for net in (
        models.ResNet(image("D4"), 3, channels=(8, 8), blocks=1, groups=("D4", "C2"), dropout=0.1),
        models.UNet(
            image("C4"), nn.FieldType(steer.group("C4", dim=2), [steer.group("C4", dim=2).vector]), channels=(8, 8)
        ),
    ):
        x = torch.randn(2, 1, 8, 8)
        assert torch.equal(pickle.loads(pickle.dumps(net.eval()))(x), net(x))
        assert models.summary(pickle.loads(pickle.dumps(net))) == models.summary(net)


def on_channels(name, dim):
    group = steer.group(name, dim=dim)
    return steer.reps.with_action(group, group.trivial)


PATHLESS = [  # group, dim, whether it acts on channels alone, irreps, features
    ("SO(3)", 3, True, ["1"], None),
    pytest.param("SO(2)", 2, True, ["1"], None, marks=pytest.mark.slow),
    pytest.param("O(2)", 2, True, ["1"], None, marks=pytest.mark.slow),
    pytest.param("O(3)", 3, True, ["1o"], None, marks=pytest.mark.slow),
    ("SO(3)", 3, True, ["1", "3"], None),
    ("O(2)", 2, False, ["0-"], None),
    pytest.param("O(2)", 2, False, ["0-"], "fourier", marks=pytest.mark.slow),
    pytest.param("SO(2)", 2, False, ["9"], None, marks=pytest.mark.slow),
    ("D4", 2, False, ["A2"], "irreps"),
    ("O(3)", 3, False, ["0o"], None),
    pytest.param("O(3)", 3, False, ["1e"], None, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "dim", "channels", "labels", "features"), PATHLESS)
def test_inputs_without_a_linear_path_to_invariants_are_alive(name, dim, channels, labels, features):
    group = on_channels(name, dim) if channels else steer.group(name, dim=dim)
    kind = nn.FieldType(group, [group.irrep(label) for label in labels])
    net = models.ResNet(kind, 2, channels=(4,), blocks=1, features=features)
    x = torch.randn(3, kind.size, *group.dim * [9 if group.dim < 3 else 5])
    out = net(x)
    assert (out[0] - out[1]).abs().max() > 1e-3
    out.square().sum().backward()
    first, last = next(net.parameters()), [*net.stage1.parameters()][-1]
    assert first.grad.any()  # of the stem
    assert last.grad.any()  # and of a convolution that starts at zero
    if channels or group.dim < 3:
        # samples of a continuous group leave nonlinearities an error far below that of single precision
        assert_equivariant(_scrambled(net).float(), x[:1], elements=group.sample(3, seed=0) if channels else None)


def test_time_series_of_vectors_are_learnt():
    torch.manual_seed(0)
    group = on_channels("SO(3)", 3)
    kind = nn.FieldType(group, [group.irrep("1")])
    net = models.ResNet(kind, 2, channels=(8,), blocks=1)
    time = torch.linspace(0, 12, 24) + 6 * torch.rand(32, 1)
    circle = torch.stack([time.cos(), time.sin(), 0 * time], 1)
    label = torch.arange(32) % 2
    x = torch.where(label[:, None, None] == 1, 2**0.5 * circle * torch.tensor([[1.0], [0.0], [0.0]]), circle)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(10):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x), label).backward()
        optimizer.step()
    turned = kind.transform(x, group.sample(32, seed=1))
    assert torch.equal(net(turned).argmax(1), label)


def test_other_networks_begin_with_the_convolution_alone():
    group = steer.group("O(2)", dim=2)
    for labels in (["0+"], ["1"], ["0-", "0+"]):
        net = models.ResNet(nn.FieldType(group, [group.irrep(label) for label in labels]), 2, channels=(4,), blocks=1)
        assert type(net.stage1[0]) is nn.Conv2d


def test_models_are_precomputed_without_weights():
    factory = functools.partial(models.ResNet, image("D4"), 3, channels=(8, 8), blocks=1)
    found = steer.precompute(factory, workers=1)
    assert found is not None


def test_a_unet_learns_to_see_edges():
    torch.manual_seed(0)
    group = steer.group("D4", dim=2)
    net = models.UNet(image("D4"), nn.FieldType(group, [group.vector]), channels=(6, 6))
    x = torch.nn.functional.avg_pool2d(torch.randn(8, 1, 20, 20), 5, 1)
    target = torch.cat([x.roll(-1, 3) - x.roll(1, 3), x.roll(-1, 2) - x.roll(1, 2)], 1)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = (net(x) - target).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
    assert_equivariant(net.eval(), shape=(2, 16, 16), elements=grid_symmetries(group))


BAD = [
    ({"channels": ()}, SteerError, r"channels: expected the channels of each stage, .*, got \(\)"),
    ({"channels": 16}, SteerError, r"channels: expected the channels of each stage"),
    ({"kernel_size": 4}, SteerError, r"kernel_size: expected an odd integer, got 4"),
    ({"width": "memory"}, SteerError, r"width: expected 'parameters' or 'channels', got 'memory'"),
    (
        {"features": "iregs"},
        SteerError,
        r"features: expected 'regular', 'irreps', .* got 'iregs'",
    ),
]


@pytest.mark.parametrize(("arguments", "error", "message"), BAD)
def test_bad_arguments_of_all_models(arguments, error, message):
    with pytest.raises(error, match=message):
        models.ResNet(image("D4"), 3, **arguments)
    with pytest.raises(error, match=message):
        models.UNet(image("D4"), image("D4"), **arguments)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: models.ResNet(image("D4"), 0), SteerError, r"num_classes: expected an integer >= 1, got 0"),
        (lambda: models.ResNet(image("D4"), 3, blocks=(1, 2)), SteerError, r"blocks: expected one number >= 1, or one"),
        (
            lambda: models.ResNet(image("D4"), 3, groups=("D4", "C2")),
            SteerError,
            r"groups: expected one group for",
        ),
        (
            lambda: models.ResNet(image("C4"), 3, groups=("C4", "C2", steer.group("C4", dim=2))),
            GroupError,
            r"groups\[2\]: .*C4.* is not a subgroup of .*C2",
        ),
        (
            lambda: models.ResNet(image("SO(2)"), 3, features="regular"),
            FieldTypeError,
            r"features: SO\(2\) is ",
        ),
        (lambda: models.wide_resnet(image("D4"), 3, depth=12), SteerError, r"depth: expected 6 n \+ 4, .* got 12"),
        (lambda: models.wide_resnet(image("D4"), 3, widen=0), SteerError, r"widen: expected an integer >= 1, got 0"),
        (
            lambda: models.UNet(image("D4"), image("C4")),
            FieldTypeError,
            r"out_type: UNet maps between fields of ",
        ),
        (
            lambda: models.unet_stage(image("D4"), []),
            SteerError,
            r"types: expected the type of each stage, .* got \[\]",
        ),
        (lambda: models.ResNet("D4", 3), FieldTypeError, r"in_type: ResNet expects a FieldType, got 'D4'"),
    ],
)
def test_bad_arguments(build, error, message):
    with pytest.raises(error, match=message):
        build()


def test_every_pair_of_stages_has_its_resolution():
    net = models.UNet(image("C4"), image("C4"), channels=(4, 4, 4))
    sizes = []
    for module in net.modules():
        if isinstance(module, nn.BlurPool | nn.Upsample):
            module.register_forward_hook(lambda module, args, out: sizes.append(out.shape[-1]))
    net(torch.randn(1, 1, 16, 16))
    assert sizes == [8, 4, 8, 16]
    assert all(a != b for a, b in itertools.pairwise(sizes))
