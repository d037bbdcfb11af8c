"""The rule of sizes and strides is exact: what it calls kept commutes up to round-off, what it calls lost does not."""

import copy
import itertools
import re
import warnings

import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, GridWarning, ShapeError
from steer.testing import grid_symmetries

C1, C2, C3, C4, D1, D4 = (steer.group(name, dim=2) for name in ("C1", "C2", "C3", "C4", "D1", "D4"))
FLIPPED = nn.FieldType(D1, [D1.regular])  # D1 turns the y axis round, and nothing else
QUARTER = nn.FieldType(C4, [C4.regular])
SIZES = range(1, 9)


def compare(layer, space, moved):
    """The rule and measured errors agree on elements, (is it lost, move of the input, move of the output) each."""
    x = torch.randn(16, layer.in_type.size, *space, dtype=torch.float64)
    with torch.no_grad():
        out = layer(x)
        for lost, before, after in moved:
            found, expected = layer(before(x)), after(out)
            same = found.shape == expected.shape
            error = float((found - expected).abs().max()) if same else float("inf")
            assert (error < 1e-12) != lost, (layer, space, error)
            assert not 1e-12 < error < 1e-6, (layer, space, error)


def flip(x):
    """The reflection of D1 on regular fields."""
    return x.flip(1, 2)


def agree_on_sizes(layers, sizes=SIZES, across=3):
    """The rule holds for all sizes along y that a layer takes, and there are sizes of both kinds."""
    found = set()
    for layer in layers:
        layer = layer.double().eval()
        for n in sizes:
            if n >= layer.sampling[0].least:
                lost = nn.grid_loss(layer, (n, across)) is not None
                compare(layer, (n, across), [(lost, flip, flip)])
                found.add(lost)
    assert found == {True, False}


def agree(layer, space):
    """Assert that the rule and the measured errors agree on every element; return whether something was lost."""
    layer = layer.double().eval()
    loss = nn.grid_loss(layer, space)
    lost = set() if loss is None else {g.tobytes() for g in loss.elements}
    compare(
        layer,
        space,
        [
            (
                g.tobytes() in lost,
                lambda x, g=g: layer.in_type.transform(x, g),
                lambda x, g=g: layer.out_type.transform(x, g),
            )
            for g in grid_symmetries(layer.in_type.group)[1:]
        ],
    )
    return bool(lost)


def convolution(kernel, **options):
    pairs = {name: (value, 1 if name in ("stride", "dilation") else 0) for name, value in options.items() if value}
    mode = {"padding_mode": pairs.pop("padding_mode")[0]} if "padding_mode" in pairs else {}
    kind = nn.ConvTranspose2d if "output_padding" in pairs else nn.Conv2d
    return kind(FLIPPED, FLIPPED, (kernel, 1), **pairs, **mode, bias=False, basis="pixel")


@pytest.mark.parametrize("padding_mode", ["zeros", "reflect", "replicate", "circular"])
def test_the_rule_of_convolutions(padding_mode):
    steps = itertools.product(range(1, 5), (1, 2, 3), range(3), (1, 2))
    agree_on_sizes(
        convolution(kernel, stride=stride, padding=padding, dilation=dilation, padding_mode=padding_mode)
        for kernel, stride, padding, dilation in steps
        if padding_mode == "zeros" or dilation == 1
    )


def test_the_rule_of_transposed_convolutions():
    steps = itertools.product(range(1, 5), (1, 2, 3), range(2), (1, 2), range(3))
    agree_on_sizes(
        (
            convolution(kernel, stride=stride, padding=padding, dilation=dilation, output_padding=more or None)
            for kernel, stride, padding, dilation, more in steps
            if more < max(stride, dilation)
        ),
        range(1, 5),
    )


WINDOWS = [
    (kernel, stride, padding)
    for kernel, stride, padding in itertools.product(range(1, 6), range(1, 4), range(3))
    if 2 * padding <= kernel
]


def pools(kind, **options):
    for kernel, stride, padding in WINDOWS:
        yield kind(FLIPPED, (kernel, 1), (stride, 1), (padding, 0), **options)


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_the_rule_of_pools(ceil_mode):
    agree_on_sizes(pools(nn.MaxPool, ceil_mode=ceil_mode))
    agree_on_sizes(pools(nn.NormMaxPool, ceil_mode=ceil_mode))
    for counted in (False, True):
        agree_on_sizes(pools(nn.AvgPool, ceil_mode=ceil_mode, count_include_pad=counted))
    agree_on_sizes(nn.FourierMaxPool(FLIPPED, (k, 1), (s, 1), (p, 0), ceil_mode=ceil_mode) for k, s, p in WINDOWS)


def test_the_rule_of_blurs():
    steps = itertools.product(range(1, 6), range(1, 4), range(3))
    agree_on_sizes(nn.BlurPool(FLIPPED, (k, 1), (s, 1), 0.8, (p, 0)) for k, s, p in steps)


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_the_rule_of_interpolation(mode):
    corners = [False] if mode == "nearest" else [False, True]
    layers = [
        nn.Upsample(FLIPPED, mode=mode, align_corners=align, **grid)
        for align in corners
        for grid in [{"size": (size, 3)} for size in range(1, 14)]
        + [{"scale_factor": (factor, 1.0)} for factor in (0.2, 0.5, 0.75, 1.5, 2.0, 2.5, 3.0, 7.0)]
    ]
    agree_on_sizes(layers, (1, 2, 3, 5, 7, 8, 12, 23))


def test_adaptive_pools_lose_nothing():
    for size, n in itertools.product(range(1, 6), range(1, 7)):
        for kind in (nn.AdaptiveAvgPool, nn.AdaptiveMaxPool):
            assert not agree(kind(FLIPPED, (size, 2)), (n, 3))


@pytest.mark.parametrize("group", [C2, C4, D4])
def test_the_rule_on_both_axes_at_once(group):
    # quarter turns exchange the axes, also of maps that are not square
    fields = nn.FieldType(group, [group.regular])
    layers = [nn.Conv2d(fields, fields, 3, stride=2, padding=1), nn.MaxPool(fields, 2), nn.Upsample(fields, size=6)]
    for layer, space in itertools.product(layers, [(6, 6), (7, 7), (6, 7), (7, 6), (3, 6)]):
        agree(layer, space)


def test_the_rule_in_space():
    for name, options in (("Oh", {}), ("C4h", {"stride": (1, 2, 2)}), ("D2", {"stride": (3, 2, 1)})):
        group = steer.group(name, dim=3)
        fields = nn.FieldType(group, [group.trivial, group.vector])
        layer = nn.Conv3d(fields, fields, 3, **{"stride": 2, **options})
        found = {agree(layer, space) for space in [(5, 5, 5), (6, 6, 6), (5, 6, 6), (6, 5, 5), (7, 5, 6)]}
        assert found == {True, False}


def test_what_it_names_keeps_the_symmetries():
    kinds = {
        "conv": lambda **given: nn.Conv2d(QUARTER, QUARTER, **{"kernel_size": 3, "stride": 2, "padding": 1} | given),
        "thirds": lambda **given: nn.Conv2d(QUARTER, QUARTER, **{"kernel_size": 4, "stride": 3} | given),
        "max": lambda **given: nn.MaxPool(QUARTER, **{"kernel_size": 3, "stride": 2, "padding": 1} | given),
        "up": lambda **given: nn.Upsample(QUARTER, **{"size": 9} | given),
        "corner": lambda **given: nn.Upsample(QUARTER, **{"size": 1, "mode": "linear", "align_corners": True} | given),
        "transposed": lambda **given: nn.ConvTranspose2d(
            QUARTER, QUARTER, **{"kernel_size": 3, "stride": 2, "output_padding": 1} | given
        ),
    }
    for (name, build), space in itertools.product(kinds.items(), [(8, 8), (8, 11)]):
        loss = nn.grid_loss(build(), space)
        assert loss is not None, name
        assert loss.sizes or loss.options, name
        assert loss.options or space == (8, 11), name  # where an odd and an even size want the same, there may be none
        for key, value in loss.options.items():
            assert nn.grid_loss(build(**{key: value}), space) is None, (name, key, value)
        for size in loss.sizes:
            assert nn.grid_loss(build(), size) is None, (name, size)
            assert not agree(build(), size)


def test_the_sizes_of_the_usual_networks():
    stem = nn.Conv2d(QUARTER, QUARTER, 7, stride=2, padding=3)
    loss = nn.grid_loss(stem, (224, 224))
    assert loss.sizes == ((223, 223), (225, 225))
    assert loss.options == {"kernel_size": 8}
    assert loss.axes == (0, 1)
    assert len(loss.elements) == 3
    assert loss.symmetries == 4
    assert nn.grid_loss(stem, (225, 225)) is None
    assert nn.grid_loss(nn.MaxPool(QUARTER, 3, 2, 1), (64, 64)).options == {"kernel_size": 4}
    thirds = nn.grid_loss(nn.Conv2d(QUARTER, QUARTER, 3, stride=3), (64, 64))
    assert thirds.options == {"padding": 1, "kernel_size": 4}


def test_a_group_without_symmetries_of_the_grid_loses_nothing():
    for group in (C1, C3, steer.group("C5", dim=2)):
        fields = nn.FieldType(group, [group.regular])
        assert nn.grid_loss(nn.MaxPool(fields, 3, 2, 1), (64, 64)) is None
    # a mirror along one axis asks nothing of the other
    assert nn.grid_loss(nn.MaxPool(FLIPPED, 3, 2, 1), (65, 64)) is None
    assert nn.grid_loss(nn.MaxPool(FLIPPED, 3, 2, 1), (64, 65)).axes == (0,)
    assert nn.grid_loss(nn.ReLU(FLIPPED), (64, 65)) is None


class Two(torch.nn.Module):
    """A forward of one's own, with a layer of torch and sizes that meet again."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(QUARTER, QUARTER, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm(QUARTER)
        self.pool = nn.FourierMaxPool(QUARTER, 2)
        self.up = nn.Upsample(QUARTER, scale_factor=2)

    def forward(self, x):
        return torch.nn.functional.relu(self.up(self.pool(self.norm(self.first(x)))))


def chain():
    return nn.Sequential(
        nn.Conv2d(QUARTER, QUARTER, 3, stride=2, padding=1), nn.MaxPool(QUARTER, 3, 2, 1), nn.MaxPool(QUARTER, 2)
    )


@pytest.mark.parametrize(("build", "start"), [pytest.param(chain, 41, marks=pytest.mark.slow), (chain, 30), (Two, 16)])
def test_the_sizes_of_a_whole_network_keep_the_symmetries_and_are_the_nearest(build, start):
    network = build().double().eval()
    move = grid_symmetries(C4)[1]

    def measured(*space):
        x = torch.randn(1, 4, *space, dtype=torch.float64)
        with torch.no_grad():
            there, back = network(QUARTER.transform(x, move)), QUARTER.transform(network(x), move)
        return there.shape == back.shape and float((there - back).abs().max()) < 1e-12

    loss = nn.grid_loss(network, (start, start))
    assert not measured(start, start)
    assert len(loss.sizes) == 2
    assert loss.options == {}
    assert all(re.fullmatch(r"\w+ \w+ \(on \d+ x \d+\)", layer) for layer in loss.layers)
    assert f"the samples along y and x of {', '.join(loss.layers)}" in str(loss)
    smaller, larger = (size[0] for size in loss.sizes)
    assert smaller < start < larger
    for n in range(smaller, larger + 1):
        kept = n in (smaller, larger)
        assert (nn.grid_loss(network, (n, n)) is None) == kept
        assert measured(n, n) == kept
    assert nn.grid_loss(network, (start, larger)).sizes == ((smaller, larger), (larger, larger))
    assert measured(smaller, larger)
    assert all(parameter.device.type == "cpu" for parameter in network.parameters())
    assert not any(part._forward_pre_hooks or part.training for part in network.modules())


def test_networks_that_sample_nothing_or_take_no_such_map():
    assert nn.grid_loss(nn.Sequential(nn.ReLU(QUARTER)), (4, 5)) is None
    assert nn.grid_loss(torch.nn.Sequential(nn.ReLU(QUARTER)), (4, 5)) is None
    network = chain().train()
    with pytest.raises(ShapeError, match="needs maps of at least"):
        nn.grid_loss(network, (4, 4))
    with pytest.raises(ShapeError, match=r"space: expected 2 sizes, got \(4,\)"):
        nn.grid_loss(network, (4,))
    assert all(part.training and not part._forward_pre_hooks for part in network.modules())
    unet = nn.models.UNet(QUARTER, QUARTER)  # takes all sizes
    assert nn.grid_loss(unet, (31, 30)) is None
    assert nn.grid_loss(unet, (32, 32)) is None


def test_bad_arguments_of_the_rule():
    with pytest.raises(FieldTypeError, match=r"layer: expected a module of steer.nn, got Conv2d"):
        nn.grid_loss(torch.nn.Conv2d(1, 1, 1), (4, 4))
    with pytest.raises(FieldTypeError, match=r"layer: expected a module of steer.nn, got 3"):
        nn.grid_loss(3, (4, 4))
    with pytest.raises(ShapeError, match=r"space: expected 2 sizes, got \(4,\)"):
        nn.grid_loss(nn.MaxPool(QUARTER, 2), (4,))
    with pytest.raises(ShapeError, match=r"x: MaxPool with kernel_size=2, stride=2, padding=0 needs maps of at least"):
        nn.grid_loss(nn.MaxPool(QUARTER, 2), (4, 1))


def strided():
    return nn.Conv2d(QUARTER, QUARTER, 3, stride=2, padding=1)


def test_training_warns_once_per_layer_and_size():
    layer, x = strided(), torch.randn(1, 4, 8, 8)
    message = (
        "Conv2d(kernel_size=3, stride=2, padding=1) of C4: on maps of 8 x 8 the samples along y and x do not lie "
        "symmetrically about the centre, so that 3 of the 4 symmetries that the group shares with the grid are lost; "
        "what keeps them: maps of 7 x 7 or 9 x 9 or kernel_size=4. Sizes that keep them in a whole network: "
        "steer.nn.grid_loss(network, size).sizes. This is said once"
    )
    with pytest.warns(GridWarning, match=re.escape(message)):
        layer(x)
    layer(x)  # warnings are errors here
    layer(x[..., :7, :7])
    with pytest.warns(GridWarning, match="maps of 6 x 6"):
        layer(x[..., :6, :6])
    with pytest.warns(GridWarning, match="maps of 8 x 8"):
        strided()(QUARTER(x))


def test_every_kind_of_layer_warns():
    layers = [
        nn.MaxPool(QUARTER, 3, 2, 1),
        nn.NormMaxPool(QUARTER, 3, 2, 1),
        nn.AvgPool(QUARTER, 3, 2, 1),
        nn.FourierMaxPool(QUARTER, 3, 2, 1),
        nn.BlurPool(QUARTER),
        nn.Upsample(QUARTER, size=5),
        nn.ConvTranspose2d(QUARTER, QUARTER, 3, stride=2, output_padding=1),
    ]
    for layer in layers:
        with pytest.warns(GridWarning, match=f"^{type(layer).__name__}\\("):
            layer(torch.randn(1, 4, 8, 8))


@pytest.mark.filterwarnings("ignore:::torch")  # dynamo's own deprecations
@pytest.mark.filterwarnings("error::steer.errors.GridWarning")
def test_a_map_that_is_refused_is_not_warned_of():
    group = steer.group("D6", dim=2)
    hexagons = nn.FieldType(group, [group.regular])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for size, match in ((64, "expected a hexagonal map"), (65, "the centre stays a sample")):
            with pytest.raises(ShapeError, match=match):
                nn.HexConv2d(hexagons, hexagons, 3, stride=2)(torch.randn(1, 12, size, size))


def test_silent_where_nothing_is_trained():
    x = torch.randn(1, 4, 8, 8)
    strided().eval()(x)
    steer.export(torch.nn.Sequential(strided()))(x)
    torch.export.export(strided(), (x,), strict=False)
    torch.export.export(strided(), (x,), strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.trace(strided(), x, check_trace=False)
    for mode in ("real", "fake", "symbolic"):
        torch.fx.experimental.proxy_tensor.make_fx(nn.MaxPool(QUARTER, 3, 2, 1), tracing_mode=mode)(x)
    layer = strided()
    with torch._subclasses.FakeTensorMode() as mode:
        nn.MaxPool(QUARTER, 3, 2, 1)(mode.from_tensor(x))
    with pytest.warns(GridWarning):  # the first pass in earnest
        layer(x)
    copy.deepcopy(layer)(x)


@pytest.mark.filterwarnings("ignore:::torch")  # dynamo's own deprecations
@pytest.mark.filterwarnings("error::steer.errors.GridWarning")
def test_compiled_training_warns_when_the_graph_is_made_and_has_nothing_of_it():
    from torch._dynamo.utils import counters

    torch._dynamo.reset()
    counters.clear()
    network = torch.nn.Sequential(nn.ReLU(QUARTER), strided(), nn.MaxPool(QUARTER, 3, 2, 1))
    compiled = torch.compile(network, fullgraph=True, backend="eager")
    with pytest.warns(GridWarning) as caught:
        compiled(torch.randn(1, 4, 8, 8))
    assert [str(each.message).split(" ")[0].split("(")[0] for each in caught] == ["Conv2d", "MaxPool"]
    assert all(each.filename == __file__ for each in caught)
    for size in (8, 12, 16, 8):  # from the second size on the graph leaves it open
        compiled(torch.randn(1, 4, size, size))
    assert counters["stats"]["unique_graphs"] == 2
    assert not counters["graph_break"]
    torch._dynamo.reset()
    torch.compile(strided().eval(), fullgraph=True, backend="eager")(torch.randn(1, 4, 8, 8))
    torch.compile(strided(), fullgraph=True, backend="eager")(torch.randn(1, 4, 9, 9))
    nn.set_grid_warnings(False)
    try:
        torch.compile(strided(), fullgraph=True, backend="eager")(torch.randn(1, 4, 10, 10))
    finally:
        nn.set_grid_warnings(True)


def test_layers_that_lose_nothing_at_any_size_are_known_as_such():
    for padding, kernel in itertools.product(range(3), range(1, 5)):
        window = convolution(kernel, padding=padding).sampling[0]
        assert window.always_keeps
        assert all(window.keeps(n) for n in range(1, 9) if window.fits(n))
    assert not nn.Conv2d(QUARTER, QUARTER, 3, padding=1)._strides
    assert not nn.AdaptiveAvgPool(QUARTER, 2)._strides
    assert not nn.ConvTranspose2d(QUARTER, QUARTER, 3, stride=2)._strides
    assert strided()._strides


def test_the_switch_and_the_category():
    layer, x = strided(), torch.randn(1, 4, 8, 8)
    nn.set_grid_warnings(False)
    try:
        layer(x)
    finally:
        nn.set_grid_warnings(True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=steer.errors.SteerWarning)
        layer(x)
    with pytest.warns(GridWarning):
        strided()(x)
