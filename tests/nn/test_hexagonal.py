"""Layers on the hexagonal lattice commute exactly with turns by 60 degrees; resampling is exact for polynomials."""

import copy
import pickle
import re

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, GroupError, KernelError, ShapeError
from steer.kernels import Grid
from steer.nn._fields._hexagons import hexagon, masked

C1, C2, C3, C4, C6 = (steer.group(f"C{n}", dim=2) for n in (1, 2, 3, 4, 6))
D2, D3, D6, SO2, O2 = (steer.group(name, dim=2) for name in ("D2", "D3", "D6", "SO(2)", "O(2)"))
GROUPS = [C2, C3, C6, D2, D3, D6]

TOL = 1e-12
"""For sums of at most 2000 products of numbers of order 1 in float64; what is no symmetry differs by more than 0.1."""


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def cells(radius):
    """(row, column, q, r) of every sample, by counting steps."""
    steps = range(-radius, radius + 1)
    return [(r + radius, q + radius, q, r) for r in steps for q in steps if abs(q + r) <= radius]


def hexmap(channels, radius, batch=2):
    """A random hexagonal map, zero outside the hexagon."""
    return masked(torch.randn(batch, channels, 2 * radius + 1, 2 * radius + 1))


def act(field_type, x, g):
    """(g f)(x) = rho(g) f(g^-1 x)."""
    move = field_type.group.action(g)
    matrix = torch.from_numpy(field_type.representation(g)).to(x)
    return torch.einsum("ij,njyx->niyx", matrix, nn.act_on_hexagonal(x, move))


def assert_exact(layer, x, elements=None, tolerance=TOL):
    """layer(g x) = g layer(x) for all elements."""
    source, target = layer.in_type, layer.out_type
    with torch.no_grad():
        out = layer(x)
        scale = out.abs().max().item()
        assert scale > 0, "a layer of zeros commutes with everything"
        for g in source.group.elements if elements is None else elements:
            worst = (layer(act(source, x, g)) - act(target, out, g)).abs().max().item()
            assert worst < tolerance * max(scale, 1), g


def disturb(layer):
    """Random biases, and statistics as after training."""
    with torch.no_grad():
        for name, tensor in [*layer.named_parameters(), *layer.named_buffers()]:
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2)
            elif name.endswith(("bias", "running_mean")):
                tensor.normal_()
    return layer.eval()


# maps and how the group acts on them


@pytest.mark.parametrize("radius", range(5))
def test_the_hexagon_is_that_of_the_grid(radius):
    found = hexagon(torch.zeros(2, 3, 2 * radius + 1, 2 * radius + 1))
    assert sorted((r, q) for r, q, _, _ in cells(radius)) == [tuple(at) for at in found.nonzero().tolist()]
    np.testing.assert_array_equal(np.flatnonzero(found), Grid(tuple(found.shape), "hexagonal").index)


def test_the_group_moves_samples_as_it_moves_points():
    x = hexmap(3, 3)
    where = Grid((7, 7), "hexagonal")
    values = x.flatten(2)[..., where.index.copy()]
    for g in D6.elements:
        moved = nn.act_on_hexagonal(x, g).flatten(2)[..., where.index.copy()]
        at = where.positions(where.points @ g.T)  # what was at p is at g p
        assert torch.equal(moved[..., torch.from_numpy(at)], values)
        for h in D6.elements:
            assert torch.equal(nn.act_on_hexagonal(nn.act_on_hexagonal(x, h), g), nn.act_on_hexagonal(x, g @ h))


def test_what_lies_outside_the_hexagon_is_dropped():
    x = torch.randn(1, 1, 5, 5, requires_grad=True)
    assert torch.equal(nn.act_on_hexagonal(x, np.eye(2)), masked(x))
    nn.act_on_hexagonal(x, D6.elements[1]).sum().backward()
    assert torch.equal(x.grad[0, 0], hexagon(x).double())
    field_type = nn.FieldType(D6, [D6.trivial])
    bad = torch.where(hexagon(x), x, torch.nan)
    assert torch.equal(nn.HexMask(field_type)(bad), masked(x))
    assert torch.equal(nn.export(nn.HexMask(field_type))(bad), masked(x))


@pytest.mark.parametrize("g", [C4.elements[1], steer.group("D12", dim=2).elements[1], C1.elements[0] * 1.1, np.eye(3)])
def test_other_matrices_do_not_act(g):
    with pytest.raises(GroupError, match=r"g: (only elements of D6 map|expected an orthogonal matrix)"):
        nn.act_on_hexagonal(hexmap(1, 2), g)


# convolution

OPTIONS = [
    (4, {}),
    (4, {"padding": 1}),
    (3, {"padding": "same"}),
    (4, {"padding": 3}),
    (5, {"dilation": 2, "padding": 1}),
    (6, {"stride": 2, "padding": 2}),
    (6, {"stride": 2}),
    (4, {"stride": 3, "padding": 1}),
]


@pytest.mark.parametrize("basis", ["rings", "pixel"])
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_convolution_commutes_exactly(group, basis):
    source = nn.FieldType(group, [group.trivial, group.vector, group.regular])
    target = nn.FieldType(group, [group.regular, *group.irreps()])
    for radius, options in OPTIONS:
        layer = disturb(nn.HexConv2d(source, target, 5, basis=basis, **options))
        x = hexmap(source.size, radius)
        assert_exact(layer, x)
        reach = 2 * layer.dilation[0]
        assert layer(x).shape[-1] == 2 * (radius + layer.padding[0] - reach) // layer.stride[0] + 1


@pytest.mark.parametrize("group", [C4, SO2, O2], ids=lambda group: group.name)
def test_rings_of_any_group_commute_with_its_elements_in_d6(group):
    field_type = nn.FieldType(group, [group.trivial, group.vector])
    elements = [g for g in D6.elements if group.contains(g)]
    assert len(elements) == {"C4": 2, "SO(2)": 6, "O(2)": 12}[group.name]
    layer = disturb(nn.HexConv2d(field_type, field_type, 5, padding=2))
    assert_exact(layer, hexmap(field_type.size, 4), elements)


def test_a_tilted_group_is_not_that_of_the_lattice():
    tilted = O2.subgroup("D6", axis=np.pi / 12)
    field_type = nn.FieldType(tilted, [tilted.trivial])
    with pytest.raises(KernelError, match="does not map"):
        nn.HexConv2d(field_type, field_type, 3, basis="pixel")
    layer = nn.HexConv2d(field_type, field_type, 5, max_frequency=3)
    assert_exact(layer, hexmap(1, 4), [g for g in D6.elements if tilted.contains(g)])


@pytest.mark.parametrize("basis", ["rings", "pixel"])
def test_nothing_outside_the_hexagon_is_read_or_written(basis):
    field_type = nn.FieldType(C6, [C6.regular])
    layer = disturb(nn.HexConv2d(field_type, field_type, 3, padding=1, basis=basis))
    x = hexmap(6, 3)
    out = layer(x)
    assert torch.equal(out, masked(out))
    assert torch.equal(layer(torch.where(hexagon(x), x, torch.nan)), out)
    assert out[..., hexagon(x)].abs().min() > 0


def turn(q, r):
    """The lattice turned by 60 degrees: (1, 0) to (0, 1), (0, 1) to (-1, 1)."""
    return -r, q + r


def flip(q, r):
    """The lattice reflected, y to -y: (1, 0) stays, (0, 1) to (1, -1)."""
    return q + r, -r


def moves_of(group):
    """Integer maps of the axial coordinates in the order of the elements: turns, then turns after the flip."""
    order = int(group.name[1:])

    def move(turns, flipped):
        def moved(q, r):
            q, r = flip(q, r) if flipped else (q, r)
            for _ in range(turns * 6 // order):
                q, r = turn(q, r)
            return q, r

        return moved

    return [move(turns, flipped) for flipped in range(1 + (group.name[0] == "D")) for turns in range(order)]


@pytest.mark.parametrize("group", [C2, C3, C6, D3, D6], ids=lambda group: group.name)
def test_pixels_and_regular_fields_are_hexaconv(group):
    # Hoogeboom et al. 2018, eq. 4 (from the plane) and 7 (from the group), term by term in dictionaries
    moves = moves_of(group)
    radius = 2
    images = [move(1, 3) for move in moves]  # a point in general position tells the elements apart
    pixels = [(q, r) for _, _, q, r in cells(1)]
    lift = nn.HexConv2d(
        nn.FieldType(group, [group.trivial]), nn.FieldType(group, [group.regular]), 3, padding=1, basis="pixel"
    )
    group_conv = nn.HexConv2d(lift.out_type, lift.out_type, 3, padding=1, basis="pixel")
    x = hexmap(1, radius, batch=1)
    middle, out = lift(x).detach(), group_conv(lift(x)).detach()

    psi = {at: lift.filter()[0, 0, at[1] + 1, at[0] + 1].item() for at in pixels}
    f = {(q, r): x[0, 0, row, column].item() for row, column, q, r in cells(radius)}
    lifted = {
        (g, q, r): sum(psi[pixel] * f.get((q + moves[g](*pixel)[0], r + moves[g](*pixel)[1]), 0.0) for pixel in pixels)
        for g in range(len(moves))
        for _, _, q, r in cells(radius)
    }
    for row, column, q, r in cells(radius):
        expected = [lifted[g, q, r] for g in range(len(moves))]
        np.testing.assert_allclose(middle[0, :, row, column], expected, atol=TOL)

    kernel = group_conv.filter().detach()
    for row, column, q, r in cells(radius):
        for g, move in enumerate(moves):
            total = 0.0
            for h, other in enumerate(moves):
                gh = images.index(move(*other(1, 3)))
                for pixel in pixels:
                    dq, dr = move(*pixel)
                    total += kernel[0, h, pixel[1] + 1, pixel[0] + 1] * lifted.get((gh, q + dq, r + dr), 0.0)
            np.testing.assert_allclose(out[0, g, row, column], total, atol=TOL)


def network(group):
    """Every kind of layer, with subsampling: a map of radius 9 to one of radius 2."""
    regular = nn.FieldType(group, 2 * [group.regular])
    vectors = nn.FieldType(group, [group.trivial, group.vector, group.irreps()[-1]])
    return nn.Sequential(
        nn.HexConv2d(nn.FieldType(group, [group.trivial, group.vector]), regular, 5, padding=1, basis="pixel"),
        nn.BatchNorm(regular),  # leaves values outside the hexagon, as the next does
        nn.Sigmoid(regular),
        nn.HexPool(regular, 3, 1, padding=1, kind="max"),
        nn.HexConv2d(regular, vectors, 5, stride=2, padding=2),
        nn.NormAct(vectors),
        nn.HexPool(vectors, 3, stride=1),
        nn.HexConv2d(vectors, regular, 3, padding="same"),
        nn.ReLU(regular),
        nn.HexPool(regular, 3, stride=1),
    )


@pytest.mark.parametrize("group", [C6, D6, D3], ids=lambda group: group.name)
def test_networks_commute_exactly(group):
    model = disturb(network(group))
    x = hexmap(3, 9)
    assert_exact(model, x)
    assert model(x).shape[-2:] == (5, 5)
    plain = nn.export(model)
    torch.testing.assert_close(plain(x), model(x), rtol=0, atol=TOL)
    assert_exact(model.float(), x.float(), group.elements[1:3], 1e-5)


def test_features_of_the_whole_map_are_invariant():
    model = disturb(network(D6))
    pooled = nn.Sequential(*model, nn.GroupPool(model.out_type), nn.HexMask(nn.FieldType(D6, 2 * [D6.trivial])))
    x = hexmap(3, 9)
    expected = pooled(x).sum((-1, -2))
    for g in D6.elements:
        torch.testing.assert_close(pooled(act(model.in_type, x, g)).sum((-1, -2)), expected, rtol=0, atol=1e-11)


def test_coefficients_learn_alike_from_turned_data():
    x = hexmap(6, 3)
    field_type = nn.FieldType(C6, [C6.regular])
    layer = nn.HexConv2d(field_type, field_type, 3, padding=1)
    target = hexmap(6, 3)
    gradients = []
    for g in C6.elements:
        loss = (layer(act(field_type, x, g)) - act(field_type, target, g)).square().sum()
        gradients.append(torch.autograd.grad(loss, layer.weight)[0])
    for found in gradients[1:]:
        torch.testing.assert_close(found, gradients[0], rtol=1e-12, atol=1e-10)


def test_layers_compile_and_copy():
    field_type = nn.FieldType(C6, [C6.regular])
    model = nn.Sequential(
        nn.HexConv2d(field_type, field_type, 3, padding=1), nn.HexPool(field_type, kind="max"), nn.HexMask(field_type)
    )
    x = hexmap(6, 3)
    expected = model(x)
    torch.compiler.reset()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), expected, rtol=0, atol=TOL)
    twins = copy.deepcopy(model), pickle.loads(pickle.dumps(model)), nn.export(model)
    for twin in twins:
        torch.testing.assert_close(twin(x), expected, rtol=0, atol=TOL)
    assert str(model[0]).startswith("HexConv2d(")
    assert str(model[1]).endswith("kernel_size=3, stride=2, padding=0, kind='max')")
    assert model[0].points.shape == (7, 2)


# pooling


@pytest.mark.parametrize("kind", ["avg", "max"])
@pytest.mark.parametrize(
    ("radius", "size", "stride", "padding"), [(3, 3, 2, 0), (4, 3, 2, 1), (4, 5, 1, 2), (4, 1, 2, 0)]
)
def test_pooling_is_over_hexagons(radius, size, stride, padding, kind):
    field_type = nn.FieldType(D6, [D6.regular])
    layer = nn.HexPool(field_type, size, stride, padding, kind)
    x = hexmap(12, radius) - 3 * hexagon(torch.zeros(2 * radius + 1, 2 * radius + 1))  # negative: zeros would win
    x = torch.where(hexagon(x), x, torch.nan)
    out = layer(x)
    rest = radius + padding - size // 2
    assert out.shape[-1] == 2 * (rest // stride) + 1
    values = {(q, r): x[:, :, row, column] for row, column, q, r in cells(radius)}
    for row, column, q, r in cells(rest // stride):
        window = [values.get((stride * q + dq, stride * r + dr)) for _, _, dq, dr in cells(size // 2)]
        window = torch.stack([value for value in window if value is not None])
        expected = window.amax(0) if kind == "max" else window.mean(0)
        torch.testing.assert_close(out[:, :, row, column], expected, rtol=0, atol=TOL)
    assert torch.equal(out, masked(out))
    assert_exact(layer, hexmap(12, radius))


# what is refused


def test_maps_that_are_no_hexagons_are_refused():
    field_type = nn.FieldType(C6, [C6.trivial])
    for layer in (nn.HexConv2d(field_type, field_type, 3), nn.HexPool(field_type), nn.HexMask(field_type)):
        for shape in ((1, 1, 6, 6), (1, 1, 5, 7)):
            with pytest.raises(ShapeError, match=r"x: expected a hexagonal map \(batch, channels, 2R \+ 1, 2R \+ 1\)"):
                layer(torch.zeros(shape))
        with pytest.raises(ShapeError, match="x: "):
            layer(torch.zeros(1, 1))


def test_radii_that_the_stride_does_not_fit_are_refused():
    field_type = nn.FieldType(C6, [C6.trivial])
    message = re.escape("x: the radius 3 of the map, plus padding 1, less 1 of the window, is 3; it must be 0 or")
    for layer in (
        nn.HexConv2d(field_type, field_type, 3, stride=2, padding=1),
        nn.HexPool(field_type, 3, stride=2, padding=1),
    ):
        with pytest.raises(ShapeError, match=message):
            layer(torch.zeros(1, 1, 7, 7))
        assert layer(torch.zeros(1, 1, 9, 9)).shape == (1, 1, 5, 5)
    with pytest.raises(ShapeError, match="x: the radius 1 of the map, plus padding 0, less 2 of the window, is -1"):
        nn.HexPool(field_type, 5)(torch.zeros(1, 1, 3, 3))


@pytest.mark.parametrize("layer", [lambda t, **o: nn.HexConv2d(t, t, **{"kernel_size": 3} | o), nn.HexPool])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_size": 4}, "kernel_size: a hexagon needs one odd integer, 2k + 1 for radius k, got 4"),
        ({"kernel_size": (3, 5)}, "kernel_size: a hexagon needs one odd integer, 2k + 1 for radius k, got (3, 5)"),
        ({"stride": 0}, "stride: expected one integer >= 1 on the hexagonal lattice, got 0"),
        ({"stride": (1, 2)}, "stride: expected one integer >= 1 on the hexagonal lattice, got (1, 2)"),
        ({"padding": (0, 1)}, "padding: expected one integer >= 0 on the hexagonal lattice, got (0, 1)"),
        ({"padding": -1}, "padding: expected one integer >= 0 on the hexagonal lattice, got -1"),
    ],
)
def test_bad_windows_are_refused(layer, options, message):
    for group in (C1, C6):
        with pytest.raises(KernelError, match=re.escape(message)):
            layer(nn.FieldType(group, [group.trivial]), **options)


def test_other_bad_arguments_are_refused():
    kind, vectors = nn.FieldType(C6, [C6.trivial]), nn.FieldType(C6, [C6.vector])
    space = steer.group("C6", dim=3)
    spatial = nn.FieldType(space, [space.trivial])
    with pytest.raises(
        KernelError, match=r"dilation: expected one integer >= 1 on the hexagonal lattice, got \(1, 2\)"
    ):
        nn.HexConv2d(kind, kind, 3, dilation=(1, 2))
    with pytest.raises(FieldTypeError, match="HexConv2d acts on 2-dimensional space"):
        nn.HexConv2d(spatial, spatial, 3)
    for layer in (nn.HexMask, nn.HexPool):
        with pytest.raises(KernelError, match="in_type: the hexagonal lattice lies in the plane, got a type of"):
            layer(spatial)
    with pytest.raises(KernelError, match="padding: expected at most 1, the radius of a window, got 2"):
        nn.HexPool(kind, 3, padding=2)
    with pytest.raises(KernelError, match="kind: expected 'avg' or 'max', got 'mean'"):
        nn.HexPool(kind, kind="mean")
    with pytest.raises(FieldTypeError, match="HexPool of kind 'max' needs fields that the group permutes"):
        nn.HexPool(vectors, kind="max")


# resampling


def polynomial(degree, points, seed=0):
    """A polynomial with random coefficients at points (m, 2)."""
    terms = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    factors = np.random.default_rng(seed).normal(size=len(terms))
    return torch.from_numpy(
        sum(f * points[:, 0] ** i * points[:, 1] ** j for f, (i, j) in zip(factors, terms, strict=True))
    )


def on_square(degree, shape, unit=1.0):
    return polynomial(degree, Grid(shape).points * unit).reshape(1, 1, *shape)


def on_hexagon(degree, radius, unit=1.0):
    grid = Grid((2 * radius + 1,) * 2, "hexagonal")
    out = torch.zeros(1, 1, (2 * radius + 1) ** 2)
    out[..., grid.index.copy()] = polynomial(degree, grid.points * unit)
    return out.reshape(1, 1, 2 * radius + 1, 2 * radius + 1)


@pytest.mark.parametrize(("mode", "degree"), [("linear", 1), ("cubic", 2)])
@pytest.mark.parametrize("shape", [(21, 21), (20, 20), (20, 23)], ids=str)
def test_images_are_resampled_exactly_if_they_are_polynomials(shape, mode, degree):
    # cubic convolution is of third order (Keys 1981); samples within a pixel of the edge are left out
    found = nn.to_hexagonal(on_square(degree, shape), 6, spacing=1.3, mode=mode)
    torch.testing.assert_close(found, on_hexagon(degree, 6, 1.3), rtol=0, atol=1e-11)
    again = nn.to_hexagonal(on_square(degree + 1, shape), 6, spacing=1.3, mode=mode)
    assert (again - on_hexagon(degree + 1, 6, 1.3)).abs().max() > 1e-3


@pytest.mark.parametrize(("mode", "degree"), [("linear", 1), ("cubic", 2)])
@pytest.mark.parametrize("size", [9, 8, (8, 11)], ids=str)
def test_hexagonal_maps_are_resampled_exactly_if_they_are_polynomials(size, mode, degree):
    shape = size if isinstance(size, tuple) else (size, size)
    found = nn.from_hexagonal(on_hexagon(degree, 12), size, spacing=0.9, mode=mode)
    torch.testing.assert_close(found, on_square(degree, shape, 1 / 0.9), rtol=0, atol=1e-10)


def test_the_default_hexagon_fits_the_image():
    # corners touch the edge of the smaller side; outside the image there is nothing
    assert nn.to_hexagonal(torch.zeros(2, 3, 33, 40)).shape == (2, 3, 33, 33)
    assert nn.to_hexagonal(torch.zeros(2, 3, 28, 28)).shape == (2, 3, 29, 29)
    ones = torch.ones(1, 1, 28, 28)
    torch.testing.assert_close(nn.to_hexagonal(ones), masked(torch.ones(1, 1, 29, 29)), rtol=0, atol=TOL)
    wide = nn.to_hexagonal(ones, 14, spacing=1.3)
    grid = Grid((29, 29), "hexagonal")
    inside = np.all(np.abs(1.3 * grid.points) <= 13.5, axis=-1)
    np.testing.assert_allclose(wide.flatten()[grid.index.copy()], inside, atol=TOL)
    rows = torch.arange(28.0).reshape(1, 1, 28, 1).expand(1, 1, 28, 28)
    torch.testing.assert_close(nn.to_hexagonal(rows)[0, 0, 14, 14:], torch.full((15,), 13.5), rtol=0, atol=TOL)


def test_a_constant_comes_back_as_one_in_the_cells_and_zero_outside():
    back = nn.from_hexagonal(torch.ones(1, 1, 17, 17), 17)[0, 0]
    x, y = Grid((17, 17)).points.T
    normals = np.array([[1, 0], [0.5, np.sqrt(3) / 2], [-0.5, np.sqrt(3) / 2]])
    steps = normals @ np.stack([x, y])  # along the lattice directions
    across = np.abs(np.stack([steps[0] + steps[1], steps[1] + steps[2], steps[2] - steps[0]])).max(0) * 2 / 3
    inside = (across <= 8.5).reshape(17, 17)
    np.testing.assert_allclose(back, inside, atol=TOL)
    assert 0.6 < inside.mean() < 0.9


@pytest.mark.parametrize("mode", ["cubic", "linear"])
def test_resampling_commutes_with_what_both_lattices_share(mode):
    field_type = nn.FieldType(D2, [D2.trivial])
    image, x = torch.randn(1, 1, 13, 13), hexmap(1, 6, batch=1)
    for g in D2.elements:
        turned = nn.to_hexagonal(field_type.transform(image, g), mode=mode)
        torch.testing.assert_close(turned, nn.act_on_hexagonal(nn.to_hexagonal(image, mode=mode), g), rtol=0, atol=TOL)
        back = nn.from_hexagonal(nn.act_on_hexagonal(x, g), 13, mode=mode)
        expected = field_type.transform(nn.from_hexagonal(x, 13, mode=mode), g)
        torch.testing.assert_close(back, expected, rtol=0, atol=TOL)


def test_the_way_back_prefers_no_axis_of_the_lattice():
    # the values at the centre and, by the turns of one map, at points that D6 exchanges
    x = hexmap(1, 6, batch=1)
    centre = [nn.from_hexagonal(nn.act_on_hexagonal(x, g), 1, spacing=1.0).item() for g in D6.elements]
    np.testing.assert_allclose(centre, x[0, 0, 6, 6], atol=TOL)
    for spacing in (0.7, 1.9):
        right = [nn.from_hexagonal(nn.act_on_hexagonal(x, g), (1, 3), spacing=spacing) for g in D6.elements]
        # a pixel on the axis keeps its value under the flip; those to the left are those to the right, turned by 180
        torch.testing.assert_close(right[6], right[0], rtol=0, atol=TOL)
        torch.testing.assert_close(right[3], right[0].flip(-1), rtol=0, atol=TOL)


@pytest.mark.parametrize(("mode", "bound"), [("cubic", 0.01), ("linear", 0.1)])
def test_smooth_images_survive_the_round_trip(mode, bound):
    # plane waves of 8 pixels and longer in all directions, faded out inside the hexagon; the documented bounds
    generator = np.random.default_rng(0)
    x, y = Grid((41, 41)).points.T
    frequency = generator.uniform(0, 1 / 8, 40)
    frequency[:10] = 1 / 8
    angle, phase = generator.uniform(0, 2 * np.pi, (2, 40))
    along = np.outer(np.cos(angle), x) + np.outer(np.sin(angle), y)
    waves = np.cos(2 * np.pi * frequency[:, None] * along + phase[:, None]).sum(0)
    fade = np.cos(np.pi / 2 * np.clip(np.hypot(x, y) / 15, 0, 1)) ** 2
    image = torch.from_numpy(waves * fade).reshape(1, 1, 41, 41)
    back = nn.from_hexagonal(nn.to_hexagonal(image, mode=mode), 41, mode=mode)
    assert torch.linalg.vector_norm(back - image) < bound * torch.linalg.vector_norm(image)


def test_resampling_is_linear_and_differentiable():
    image = torch.randn(2, 3, 7, 6, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: nn.from_hexagonal(nn.to_hexagonal(x, 4), (5, 6)), image)
    assert nn.to_hexagonal(image.float()).dtype == torch.float32
    assert nn.to_hexagonal(image[:0]).shape == (0, 3, 7, 7)
    for size in (1, 3):
        assert torch.equal(nn.to_hexagonal(torch.ones(1, 1, 1, 1), 1)[0, 0, 1], torch.tensor([0.0, 1.0, 0.0]))
        assert nn.from_hexagonal(torch.ones(1, 1, 1, 1), size).sum() == 1


def test_bad_resampling_is_refused():
    image, x = torch.zeros(1, 1, 9, 9), torch.zeros(1, 1, 5, 5)
    for bad in (torch.zeros(9, 9), torch.zeros(1, 1, 0, 9), torch.zeros(1, 1, 9, 9, dtype=torch.uint8)):
        with pytest.raises(ShapeError, match=r"x: expected floating-point images \(batch, channels, y, x\), got"):
            nn.to_hexagonal(bad)
    with pytest.raises(ShapeError, match="x: expected a hexagonal map"):
        nn.from_hexagonal(torch.zeros(1, 1, 4, 4), 9)
    with pytest.raises(KernelError, match=r"radius: expected an integer >= 0, got 2\.5"):
        nn.to_hexagonal(image, 2.5)
    with pytest.raises(KernelError, match="size: expected an integer >= 1, got 0"):
        nn.from_hexagonal(x, (9, 0))
    for call in (lambda **o: nn.to_hexagonal(image, **o), lambda **o: nn.from_hexagonal(x, 9, **o)):
        with pytest.raises(KernelError, match="spacing: expected a positive number of pixels, got -1"):
            call(spacing=-1)
        with pytest.raises(KernelError, match="mode: expected 'cubic' or 'linear', got 'bicubic'"):
            call(mode="bicubic")
