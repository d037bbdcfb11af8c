"""Bilinear: all equivariant bilinear maps, and chosen ones, by brute force over Clebsch-Gordan coefficients."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import CheckpointError, FieldTypeError, RepresentationError, ShapeError, SteerError
from steer.reps import clebsch_gordan, multiplicity
from steer.testing import assert_equivariant
from tests import catalogue

O3, SO3, T = (steer.group(name, dim=3) for name in ("O(3)", "SO(3)", "T"))
D4, C4, SO2 = (steer.group(name, dim=2) for name in ("D4", "C4", "SO(2)"))
DOUBLE = torch.float64
FIRST = nn.FieldType.from_irreps("3x0e + 2x1o + 2x2e")
SECOND = nn.FieldType.from_irreps("1x0e + 2x1o")
SCALAR, VECTOR = O3.irrep("0e"), O3.irrep("1o")


def every_map(layer):
    """(num_weights, out, first, second): the bilinear form of each weight alone."""
    x, y = (torch.eye(size, dtype=DOUBLE) for size in (layer.first.size, layer.second.size))
    left, right = x.repeat_interleave(len(y), 0), y.repeat(len(x), 1)
    forms = [layer(left, right, weight=unit) for unit in torch.eye(layer.num_weights, dtype=DOUBLE)]
    return torch.stack(forms).reshape(-1, len(x), len(y), layer.out_type.size).permute(0, 3, 1, 2)


def require_all(group, left, right, out):
    """The maps of a fully connected layer are a basis of all equivariant ones: independent, and as many."""
    types = [nn.FieldType(group, reps) for reps in (left, right, out)]
    layer = nn.Bilinear(*types, own_weights=False).double()
    maps = every_map(layer).flatten(1)
    joined = [kind.representation for kind in types]
    assert layer.num_weights == multiplicity(joined[0].tensor(joined[1]), joined[2])
    assert int(torch.linalg.matrix_rank(maps)) == layer.num_weights
    assert_equivariant(nn.Bilinear(*types).double(), shape=(2,))


@pytest.mark.parametrize("group", [D4, C4, T], ids=str)
def test_all_equivariant_bilinear_maps(group):
    vector = group.vector
    require_all(group, [group.trivial, vector], [vector, group.trivial, vector], [vector, group.regular])


@pytest.mark.slow
@pytest.mark.parametrize("group", catalogue.GROUPS, ids=str)
def test_all_equivariant_bilinear_maps_of_every_group(group):
    irreps = list(group.irreps(None if group.is_finite else 1))[:3]
    require_all(group, [group.vector, irreps[-1]], [*irreps, group.vector], [group.vector, *irreps])


@pytest.mark.parametrize(("mode", "count"), [("uvw", 3 * 2 * 2), ("uvu", 3 * 2), ("uuu", 2)])
def test_a_path_by_brute_force(mode, count):
    u, v, w = {"uvw": (3, 2, 2), "uvu": (3, 2, 3), "uuu": (2, 2, 2)}[mode]
    one, two = SO3.irrep("1"), SO3.irrep("2")
    first, second, out = nn.FieldType(SO3, u * [two]), nn.FieldType(SO3, v * [one]), nn.FieldType(SO3, w * [two])
    layer = nn.Bilinear(first, second, out, [(two, one, two, mode)], own_weights=False).double()
    assert layer.num_weights == count
    weight = torch.randn(4, count, dtype=DOUBLE)
    x, y = torch.randn(4, u, 5, dtype=DOUBLE), torch.randn(4, v, 3, dtype=DOUBLE)
    products = torch.einsum("kij,zui,zvj->zuvk", torch.tensor(clebsch_gordan(two, one, two)[0]), x, y)
    if mode == "uvw":
        expected = torch.einsum("zuvw,zuvk->zwk", weight.reshape(4, u, v, w), products) / math.sqrt(u * v)
    elif mode == "uvu":
        expected = torch.einsum("zuv,zuvk->zuk", weight.reshape(4, u, v), products) / math.sqrt(v)
    else:
        expected = torch.einsum("zu,zuuk->zuk", weight, products)
    found = layer(x.flatten(1), y.flatten(1), weight=weight)
    torch.testing.assert_close(found, math.sqrt(5) * expected.flatten(1), rtol=1e-12, atol=1e-12)


def test_paths_add_up_and_have_weights_or_not():
    out = nn.FieldType.from_irreps("2x0e + 1x1o + 2x1e")
    paths = [
        (SCALAR, 0, 0),
        (slice(3, 5), VECTOR, range(2), "uuu", False),
        (3, 1, 1, "uvu"),
        (slice(3, 5), -1, O3.irrep("1e"), "uvu", False),
    ]
    layer = nn.Bilinear(FIRST, SECOND, out, paths).double()
    assert layer.num_weights == 3 + 1
    assert_equivariant(layer, shape=(2,))
    x, y = torch.randn(6, FIRST.size, dtype=DOUBLE), torch.randn(6, SECOND.size, dtype=DOUBLE)
    parts = [nn.Bilinear(FIRST, SECOND, out, [path]).double() for path in paths]
    with torch.no_grad():
        parts[0].weight.copy_(layer.weight[:3])
        parts[2].weight.copy_(layer.weight[3:])
    apart = [part(x, y) for part in parts]
    # paths to a scalar share its second moment: three products and one there, one and one here
    expected = torch.stack(apart)
    scale = torch.ones(4, out.size, dtype=DOUBLE)
    scale[0, 0], scale[1, :2], scale[2, 1] = math.sqrt(3 / 4), math.sqrt(1 / 4), math.sqrt(1 / 2)
    torch.testing.assert_close(layer(x, y), (expected * scale[:, None]).sum(0), rtol=1e-12, atol=1e-12)
    assert not layer(x, y)[:, 2:5].any()  # of no path


def test_outputs_of_their_own():
    layer = nn.Bilinear(FIRST, SECOND, paths="uvu", max_frequency=1)
    assert [psi.frequency for psi in layer.out_type] == sorted(psi.frequency for psi in layer.out_type)
    assert layer.out_type.irreps_string == "5x0e + 2x1e + 7x1o"
    assert layer.num_weights == 3 * 1 + 2 * 2 + 2 * 2 + 2 * 1 + 3 * 2 + 2 * 2
    assert nn.Bilinear(FIRST, FIRST, paths="uuu", max_frequency=0).out_type.irreps_string == "7x0e"
    waves = nn.FieldType(SO2, 2 * [SO2.irrep("1")])  # of complex type: two maps to each copy
    assert nn.Bilinear(waves, waves[:1], paths="uvu").num_weights == 2 * (2 * 1 + 1 * 2)


@pytest.mark.parametrize("paths", ["uvw", "uvu", "uuu"])
def test_second_moments_are_one(paths):
    pair = (FIRST, FIRST) if paths == "uuu" else (FIRST, SECOND)
    layer = nn.Bilinear(*pair, FIRST if paths == "uvw" else None, paths, own_weights=False).double()
    moments = every_map(layer).square().sum((0, 2, 3))  # of independent x, y and weights
    torch.testing.assert_close(moments, torch.ones_like(moments), rtol=1e-12, atol=0)


def test_weights_of_positions_and_samples():
    layer = nn.Bilinear(FIRST, SECOND, paths="uvu", own_weights=False).double()
    assert not list(layer.parameters())
    x = torch.randn(2, layer.in_type.size, 3, 4, dtype=DOUBLE)
    weight = torch.randn(2, layer.num_weights, 3, 4, dtype=DOUBLE)
    found = layer(x, weight=weight)
    torch.testing.assert_close(found[1:, :, 2, 3], layer(x[1:, :, 2, 3], weight=weight[1, :, 2, 3]))
    torch.testing.assert_close(layer(x[:, : FIRST.size], x[:, FIRST.size :], weight=weight), found)
    fields = nn.split(layer.in_type(x), [len(FIRST), len(SECOND)])
    assert torch.equal(layer(*fields, weight=weight).tensor, found)
    assert torch.equal(nn.Sequential(layer)(x, weight=weight), found)
    assert layer.output_shape(x.shape) == found.shape


@pytest.mark.parametrize("space", [(), (1,), (1, 1), (3, 1), (1, 4)], ids=str)
def test_what_lacks_positions_is_shared_by_all(space):
    layer = nn.Bilinear(FIRST, SECOND, paths="uvu", own_weights=False).double()
    x, y, weight = (
        torch.randn(2, size, *axes, dtype=DOUBLE)
        for size, axes in ((FIRST.size, (3, 4)), (SECOND.size, space), (layer.num_weights, space))
    )
    whole_y, whole = (part.reshape(*part.shape, *(4 - part.dim()) * [1]).expand(-1, -1, 3, 4) for part in (y, weight))
    expected = layer(x, whole_y, weight=whole)
    assert torch.equal(layer(x, y, weight=weight), expected)
    assert torch.equal(layer(FIRST(x), SECOND(y), weight=weight).tensor, expected)
    for wrong in ((2,), (3, 4, 1)):
        with pytest.raises(ShapeError, match="y: expected"):
            layer(x, torch.randn(2, SECOND.size, *wrong, dtype=DOUBLE), weight=weight)
        with pytest.raises(ShapeError, match="weight: expected shape"):
            layer(x, y, weight=torch.randn(2, layer.num_weights, *wrong, dtype=DOUBLE))


@pytest.mark.parametrize("shared", [pytest.param(True, marks=pytest.mark.slow), False])
def test_pieces_and_derivatives(shared):
    layer = nn.Bilinear(FIRST, SECOND, FIRST, own_weights=False)
    rows = 3 + 8 * 2**20 // layer.products.nbytes(torch.zeros(1)) // 8  # in two pieces
    x, y = torch.randn(rows, FIRST.size).requires_grad_(), torch.randn(rows, SECOND.size).requires_grad_()
    weight = torch.randn(*(() if shared else (rows,)), layer.num_weights).requires_grad_()
    out, slope = layer(x, y, weight=weight), torch.randn(rows, FIRST.size)
    expected = layer.products.plain(x, y, weight, shared)
    torch.testing.assert_close(out, expected)
    for found, other in zip(*(torch.autograd.grad(one, (x, y, weight), slope) for one in (out, expected)), strict=True):
        torch.testing.assert_close(found, other, rtol=1e-4, atol=1e-4)
    few = [one[:3].detach().double().requires_grad_() for one in (x, y)]
    last = weight.detach().double() if shared else weight[:3].detach().double()
    layer = layer.double()
    arguments = (*few, last.requires_grad_())
    assert torch.autograd.gradgradcheck(lambda a, b, c: layer(a, b, weight=c), arguments, fast_mode=True)
    batched = torch.func.vmap(lambda a, b: layer(a, b, weight=last if shared else last[0]))(
        *(one.unsqueeze(1) for one in few)
    )
    rows = [layer(a[None], b[None], weight=last if shared else last[0]) for a, b in zip(*few, strict=True)]
    torch.testing.assert_close(batched, torch.stack(rows))


def test_checkpoints_name_the_paths():
    layer = nn.Bilinear(FIRST, SECOND, FIRST)
    other = nn.Bilinear(FIRST, SECOND, FIRST)
    other.load_state_dict(layer.state_dict())
    x = torch.randn(2, layer.in_type.size)
    assert torch.equal(other(x), layer(x))
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(twin(x), layer(x))
    paths = [(0, 0, 0), (1, 0, 0)]
    one, two = (nn.Bilinear(FIRST, SECOND, FIRST, order) for order in (paths, paths[::-1]))
    with pytest.raises(CheckpointError, match="basis"):
        one.load_state_dict(two.state_dict())


def test_autocast_computes_in_half_precision():
    layer = nn.Bilinear(FIRST, SECOND, paths="uvu", own_weights=False)
    x, weight = torch.randn(3, layer.in_type.size), torch.randn(3, layer.num_weights)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(x, weight=weight)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), layer(x, weight=weight), rtol=0.1, atol=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, SECOND, FIRST), "first: Bilinear expects a FieldType, got None"),
        ((FIRST, nn.FieldType(SO3, [SO3.vector]), FIRST), "second: Bilinear needs two types of one group"),
        ((FIRST, SECOND), 'out_type: "uvw" leads to fields of a type, and needs it'),
        ((FIRST, SECOND, FIRST, "uvu"), "out_type: \"uvw\" leads .* got 'uvu'"),
        ((FIRST, SECOND, FIRST, "uvv"), "paths: expected 'uvw', 'uvu', 'uuu' or a list of paths, got 'uvv'"),
        ((FIRST, SECOND, FIRST, []), "paths: expected a list of paths .*, got an empty list"),
        ((FIRST, SECOND, None, [(0, 0, 0)]), "out_type: a list of paths leads to fields of a type"),
        ((FIRST, SECOND, FIRST, [(0, 0)]), r"paths\[0\]: expected a tuple"),
        ((FIRST, SECOND, FIRST, [(0, 0, 0, "uv")]), r"paths\[0\]: expected one of the modes"),
        ((FIRST, SECOND, FIRST, [(0, 0, 0, "uvw", False)]), r"paths\[0\]: .* True for \"uvw\""),
        ((FIRST, SECOND, FIRST, [(0, 0, 0), (0, 0, VECTOR, "uvu")]), r"paths\[1\]: 'uvu' needs as many fields"),
        ((FIRST, SECOND, FIRST, [(0, 0, 3)]), r"paths\[0\]: there is no equivariant map from 0e times 0e to 1o"),
        ((FIRST, SECOND, FIRST, [(9, 0, 0)]), r"paths\[0\], first: expected some of the 7 fields"),
        ((FIRST, SECOND, FIRST, [(slice(2, 4), 0, 0)]), r"paths\[0\], first: .* several kinds"),
        ((FIRST, SECOND, FIRST, [("1o", 0, 0)]), r"paths\[0\], first: expected a representation .*, got '1o'"),
        ((FIRST, SECOND, FIRST, [(O3.irrep("3o"), 0, 0)]), r"paths\[0\], first: there is no field"),
        ((SECOND[:1], SECOND[:1], SECOND[1:]), "out_type: no equivariant map leads from"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(FieldTypeError, match=message):
        nn.Bilinear(*arguments)


def test_options_and_tensors_are_checked():
    with pytest.raises(RepresentationError, match="max_frequency"):
        nn.Bilinear(FIRST, SECOND, paths="uvu", max_frequency=-1)
    with pytest.raises(FieldTypeError, match="max_frequency: it bounds an output of its own"):
        nn.Bilinear(FIRST, SECOND, FIRST, max_frequency=1)
    with pytest.raises(FieldTypeError, match="max_frequency: no irrep up to 0"):
        nn.Bilinear(FIRST[3:], SECOND[:1], paths="uvu", max_frequency=0)
    with pytest.raises(SteerError, match="own_weights"):
        nn.Bilinear(FIRST, SECOND, FIRST, own_weights="no")
    layer, given = nn.Bilinear(FIRST, SECOND, FIRST), nn.Bilinear(FIRST, SECOND, FIRST, own_weights=False)
    x, y = torch.zeros(2, FIRST.size), torch.zeros(2, SECOND.size)
    with pytest.raises(ShapeError, match="weight: this Bilinear has weights of its own"):
        layer(x, y, weight=layer.weight)
    with pytest.raises(ShapeError, match=f"weight: this Bilinear has none .*{given.num_weights}"):
        given(x, y)
    with pytest.raises(ShapeError, match=r"weight: expected shape .* got \(3,\)"):
        given(x, y, weight=torch.zeros(3))
    with pytest.raises(ShapeError, match=r"y: expected \(batch, 7"):
        layer(x, y[:1])
    with pytest.raises(ShapeError, match=r"x: Bilinear has weights of torch\.float32"):
        layer(x.double(), y.double())
    with pytest.raises(ShapeError, match="weight: expected the dtype of x"):
        given(x, y, weight=torch.zeros(given.num_weights).double())
    with pytest.raises(FieldTypeError, match="x, y: Bilinear expects fields"):
        layer(FIRST(x), y)
    with pytest.raises(FieldTypeError, match="y: Bilinear expects two tensors"):
        layer(x, SECOND(y))
    assert np.prod(layer.weight.shape) == layer.num_weights


def test_only_weights_of_its_own_are_exported():
    given = nn.Bilinear(FIRST, SECOND, paths="uvu", own_weights=False)
    for model in (given, nn.Sequential(given, nn.NormPool(given.out_type)), torch.nn.Sequential(given)):
        with pytest.raises(
            SteerError, match=r"model: a Bilinear whose weights are given .* build it with weights of its"
        ):
            steer.export(model)
    layer = nn.Bilinear(FIRST, SECOND, FIRST)
    x, y = torch.randn(2, FIRST.size), torch.randn(2, SECOND.size)
    torch.testing.assert_close(steer.export(layer)(torch.cat([x, y], 1)), layer(x, y))
    bare = nn.Bilinear(FIRST[:1], FIRST[:1], FIRST[:1], [(0, 0, 0, "uuu", False)], own_weights=False)  # it needs none
    torch.testing.assert_close(steer.export(bare)(x[:, :2]), bare(x[:, :2]))


def test_field_by_field_of_other_counts_names_another_mode():
    with pytest.raises(FieldTypeError, match=r'paths: "uuu" multiplies kinds of as many fields, .* paths="uvu"'):
        nn.Bilinear(FIRST[3:5], FIRST[:3], paths="uuu")


@pytest.mark.slow
@pytest.mark.parametrize("paths", ["uvw", "uvu"])
def test_a_free_batch_beside_given_weights(paths):
    layer = nn.Bilinear(FIRST, SECOND, FIRST if paths == "uvw" else None, paths, own_weights=False)

    def inputs(rows):
        sizes = (FIRST.size, SECOND.size, layer.num_weights)
        return dict(zip(("x", "y", "weight"), (torch.randn(rows, size) for size in sizes), strict=True))

    batch = torch.export.Dim("batch", min=0)
    plain = torch.export.export(layer, (), inputs(5), dynamic_shapes={key: {0: batch} for key in inputs(1)}).module()
    for rows in (0, 1, 7, layer.num_weights):
        given = inputs(rows)
        torch.testing.assert_close(plain(**given), layer(**given))


def test_tensors_without_numbers_beside_others():
    x, y = torch.randn(2, FIRST.size), torch.randn(2, SECOND.size)
    given = nn.Bilinear(FIRST, SECOND, FIRST, own_weights=False)
    with pytest.raises(ShapeError, match="weight: expected a tensor on the device of x, cpu, got one on meta"):
        given(x, y, weight=torch.empty(given.num_weights, device="meta"))
    with pytest.raises(ShapeError, match="y: expected a tensor on the device of x"):
        nn.Bilinear(FIRST, SECOND, FIRST)(x, y.to("meta"))


def test_weights_of_each_mode_under_autocast():
    layer = nn.Bilinear(FIRST, SECOND, FIRST, [(0, 0, 1), (1, 0, 0, "uvu"), (3, 0, 3, "uuu", False)])
    plain, x = steer.export(layer), torch.randn(2, layer.in_type.size)
    with torch.autocast("cpu", torch.bfloat16):
        assert plain(x).dtype == layer(x).dtype == torch.bfloat16
