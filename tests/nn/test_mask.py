"""The mask is one radial function, inscribed in the grid: symmetries keep it exactly, all turns keep what it keeps."""

import copy
import itertools
import math
import pickle

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, ShapeError, SteerError
from steer.testing import assert_equivariant, equivariance_error, grid_symmetries
from tests.catalogue import LINE, NOWHERE

from . import zoo

C4, D4, C8, SO2 = (steer.group(name, dim=2) for name in ("C4", "D4", "C8", "SO(2)"))
OH, SO3 = (steer.group(name, dim=3) for name in ("Oh", "SO(3)"))
ONE = {2: nn.FieldType(D4, [D4.trivial]), 3: nn.FieldType(OH, [OH.trivial])}
SHAPES = [(1, 1), (2, 2), (5, 5), (6, 6), (5, 8), (3, 3, 3), (4, 4, 4), (5, 4, 7)]


def factor(shape, dtype=torch.float64, **options):
    """The factor that each sample is multiplied by."""
    return nn.Mask(ONE[len(shape)], **options)(torch.ones(1, 1, *shape, dtype=dtype))[0, 0]


def radii(shape):
    """Distances of the samples from the centre, in pixels, without vectorised arithmetic."""
    out = torch.zeros(shape, dtype=torch.float64)
    for index in itertools.product(*map(range, shape)):
        out[index] = math.dist(index, [(size - 1) / 2 for size in shape])
    return out


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("margin", "width"), [(0, 1), (0.3, 1), (0, 2.5), (0.2, 0.1), (0, 0), (0.3, 0)])
def test_it_is_the_function_of_the_radius_that_it_says(shape, margin, width):
    radius = min(shape) / 2 - margin
    for value, r in zip(factor(shape, margin=margin, width=width).ravel(), radii(shape).ravel(), strict=True):
        if r <= radius - width / 2:
            expected = 1.0
        elif r >= radius + width / 2:
            expected = 0.0
        else:
            expected = (1 + math.cos(math.pi * float(r - radius + width / 2) / width)) / 2
        assert abs(float(value) - expected) < 1e-14


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if min(shape) == max(shape)])
def test_the_default_keeps_the_edges_and_is_continued_by_zeros(shape):
    n, dim = shape[0], len(shape)
    mask = factor(shape)
    for axis in range(dim):
        # up to half a pixel from the middle of an edge
        line = mask[tuple(slice(None) if i == axis else n // 2 for i in range(dim))]
        if n % 2:
            assert torch.equal(line, torch.ones(n, dtype=torch.float64))
    # of a grid two pixels larger, the disk of the same radius lies in the same samples
    larger = factor(tuple(n + 2 for n in shape), margin=1)
    assert torch.equal(larger, torch.nn.functional.pad(mask, 2 * dim * [1]))
    assert n < 6 or not mask[(0,) * dim]


@pytest.mark.parametrize("group", zoo.GROUPS, ids=lambda group: group.name)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_symmetries_of_the_grid_keep_it_to_the_last_bit(group, dtype):
    for field_type in zoo.permutation_types(group):
        layer = nn.Mask(field_type)
        for size in (6, 7):
            x = torch.randn(2, field_type.size, *group.dim * [size], dtype=dtype)
            for g in grid_symmetries(group):
                moved = layer(field_type.transform(x, g))
                # the representations permute to within rounding in float64
                tolerance = 1e-14 if dtype == torch.float64 else 0
                torch.testing.assert_close(moved, field_type.transform(layer(x), g), rtol=tolerance, atol=tolerance)


def test_symmetries_of_the_cube_keep_it():
    kind = nn.FieldType(OH, [OH.vector, OH.trivial, OH.irreps()[-1]])
    assert_equivariant(nn.Mask(kind), shape=(1, 6, 6, 6), dtype=torch.float64)
    mask = factor((7, 7, 7))[None, None]
    for g in OH.elements:
        assert torch.equal(ONE[3].transform(mask, g), mask)


@pytest.mark.parametrize("group", [SO2, C8, SO3], ids=lambda group: group.name)
def test_any_turn_keeps_what_lies_inside(group):
    # the identity there, so that what is left is the error of interpolation: none
    kind = nn.FieldType(group, [group.vector, group.trivial])
    layer = nn.Mask(kind)
    size = 33 if group.dim == 2 else 17
    assert (
        equivariance_error(layer, shape=(1, *(size,) * group.dim), elements=group.sample(4, seed=0), margin=2).max()
        < 1e-6
    )
    # and of the corners nothing is left, so that a turn of a masked map loses nothing that the turn back would need
    mask = factor((size,) * group.dim)
    assert not mask[radii(mask.shape) >= (size + 1) / 2].any()


def test_turns_keep_the_mask_up_to_its_sampling():
    # its second derivative jumps by 1 / width^2 times a constant, and so does what splines between samples get wrong
    kind = nn.FieldType(SO2, [SO2.trivial])
    errors = []
    for width in (1, 2, 4, 8):
        mask = factor((51, 51), margin=6, width=width)[None, None]
        errors.append(max(float((kind.transform(mask, g) - mask).abs().max()) for g in SO2.sample(20, seed=0)))
    for width, error in zip((1, 2, 4, 8), errors, strict=True):
        assert error < 0.3 / width**2, errors


def test_it_multiplies_every_channel():
    kind = zoo.permutation_types(D4)[1]
    x = torch.randn(3, kind.size, 6, 9, dtype=torch.float64)
    assert torch.equal(nn.Mask(kind, 0.4)(x), x * factor((6, 9), margin=0.4))
    field = nn.Mask(kind)(kind(x))
    assert isinstance(field, nn.FieldTensor)
    assert field.type == kind
    assert torch.equal(field.tensor, nn.Mask(kind)(x))


def test_gradients_are_masked():
    x = torch.randn(2, 1, 5, 5, dtype=torch.float64, requires_grad=True)
    nn.Mask(ONE[2])(x).sum().backward()
    torch.testing.assert_close(x.grad, factor((5, 5)).expand(2, 1, 5, 5), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("size", [5, 301])
def test_half_precision_rounds_the_mask_once(dtype, size):
    # coordinates beyond 256 are not numbers of bfloat16
    for width in (0, 1, 3):
        found, exact = factor((size, size), dtype, width=width), factor((size, size), width=width)
        assert found.dtype == dtype
        # float32 holds a radius of 150 to 1e-5, which the edge turns into as much
        tolerance = 0 if dtype == torch.float64 else torch.finfo(dtype).eps + 5e-5
        torch.testing.assert_close(found.double(), exact, rtol=0, atol=tolerance)


def test_autocast_keeps_the_dtype():
    x = torch.randn(1, 1, 7, 7)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(nn.Mask(ONE[2])(x), nn.Mask(ONE[2])(x))
        assert nn.Mask(ONE[2])(x).dtype == torch.float32
        assert nn.Mask(ONE[2])(x.bfloat16()).dtype == torch.bfloat16


def test_empty_batches_meta_tensors_and_channels_last():
    layer = nn.Mask(nn.FieldType(C4, [C4.regular]))
    assert layer(torch.zeros(0, 4, 5, 5)).shape == (0, 4, 5, 5)
    assert layer(torch.zeros(2, 4, 5, 5, device="meta")).is_meta
    x = torch.randn(2, 4, 6, 6)
    assert torch.equal(layer(x.contiguous(memory_format=torch.channels_last)), layer(x))


def test_on_a_line_it_is_an_interval():
    layer = nn.Mask(nn.FieldType(LINE, [LINE.trivial]), 1)
    assert torch.equal(layer(torch.ones(1, 1, 6)), torch.tensor([[[0.0, 1.0, 1.0, 1.0, 1.0, 0.0]]]))


def test_it_has_no_state():
    layer = nn.Mask(ONE[2], 1.5)
    assert not layer.state_dict()
    x = torch.randn(1, 1, 9, 9)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), layer.half()):
        assert torch.equal(twin(x), layer(x))


@pytest.mark.slow  # the contracts compile and export smaller ones
@pytest.mark.filterwarnings("ignore")  # dynamo's own deprecations
@pytest.mark.parametrize("shape", [(5, 7), (4, 5, 6)])
@pytest.mark.parametrize("options", [{}, {"margin": 0.7, "width": 0}])
def test_compiles_to_one_graph(shape, options):
    layer = nn.Mask(ONE[len(shape)], **options)
    torch._dynamo.reset()
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager", dynamic=True)
    for batch, more in ((2, 0), (3, 1), (4, 3)):
        x = torch.randn(batch, 1, *(size + more for size in shape))
        torch.testing.assert_close(compiled(x), layer(x), rtol=1e-6, atol=1e-6)
    typed = torch.compile(lambda x: layer(layer.in_type(x)).tensor, fullgraph=True, backend="eager")
    assert torch.equal(typed(x), layer(x))


@pytest.mark.filterwarnings("ignore")
def test_one_torch_export_holds_for_all_sizes():
    layer = nn.Mask(ONE[2])
    sizes = {axis: torch.export.Dim(name, min=2, max=64) for axis, name in ((0, "batch"), (2, "y"), (3, "x"))}
    program = torch.export.export(layer, (torch.randn(3, 1, 7, 9),), dynamic_shapes=(sizes,))
    for shape in ((2, 1, 8, 8), (5, 1, 31, 12)):
        x = torch.randn(shape)
        torch.testing.assert_close(program.module()(x), layer(x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"margin": 0.7}, {"width": 0}])
def test_exports_to_plain_torch_for_all_sizes_and_dtypes(options):
    for shape in SHAPES[2:]:
        layer = nn.Mask(ONE[len(shape)], **options)
        plain = steer.export(nn.Sequential(layer))
        assert not [module for module in plain.modules() if type(module).__module__.startswith("steer")]
        again = pickle.loads(pickle.dumps(plain))
        for dtype in (torch.float32, torch.float64, torch.bfloat16):
            x = torch.randn(2, 1, *shape, dtype=dtype)
            for module in (plain, again):
                assert module(x).dtype == dtype
                assert torch.equal(module(x), layer(x))


def test_prints_its_options():
    assert str(nn.Mask(ONE[2], 2)) == "Mask(A1 of D4 (1 channels), margin=2, width=1)"


@pytest.mark.parametrize("value", [-1, math.inf, math.nan, "1", None, True, 1j])
@pytest.mark.parametrize("name", ["margin", "width"])
def test_bad_options_are_refused(name, value):
    with pytest.raises(SteerError, match=rf"{name}: expected a number of pixels >= 0, got {value!r}"):
        nn.Mask(ONE[2], **{name: value})


def test_numbers_of_numpy_will_do():
    for value in (np.float32(0.5), np.float64(0.5), np.int64(1)):
        assert nn.Mask(ONE[2], value).margin == float(value)


def test_what_does_not_fit_is_refused():
    layer = nn.Mask(ONE[2], 2.5)
    with pytest.raises(FieldTypeError, match="in_type: Mask expects a FieldType, got 3"):
        nn.Mask(3)
    with pytest.raises(SteerError, match=r"in_type: Mask needs a group that acts on space, got .*D4"):
        nn.Mask(nn.FieldType(NOWHERE, [NOWHERE.trivial]))
    with pytest.raises(ShapeError, match=r"x: Mask expects \(batch, 1\) and 2 axes of space, got \(1, 1, 7\)"):
        layer(torch.zeros(1, 1, 7))
    with pytest.raises(ShapeError, match=r"x: a margin of 2.5 leaves nothing .* shape \(1, 1, 5, 9\); use a smaller"):
        layer(torch.zeros(1, 1, 5, 9))
    assert layer(torch.ones(1, 1, 6, 9)).any()
