"""ConvTranspose is the adjoint of the convolution with the same coefficients, in the plane and in space."""

import copy
import itertools
import math
import pickle

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import KernelError
from steer.testing import grid_symmetries
from tests.catalogue import group_id

from .symmetries import require_symmetry, symmetry_error

pytestmark = pytest.mark.filterwarnings("ignore::steer.errors.GridWarning")  # sizes that fit and that do not

PLANAR = [steer.group(name, dim=2) for name in ("C1", "C2", "C4", "D1", "D4", "C8", "SO(2)", "O(2)")]
SPATIAL = [
    steer.group(name, dim=3) for name in ("C1", "C2", "C4v", "D2d", "D4h", "T", "O", "Oh", "Cinf", "SO(3)", "O(3)")
]
GROUPS = PLANAR + SPATIAL
D4, OCTA = PLANAR[4], SPATIAL[6]
LAYERS = {2: (nn.ConvTranspose2d, nn.Conv2d), 3: (nn.ConvTranspose3d, nn.Conv3d)}
TORCH = {2: torch.nn.ConvTranspose2d, 3: torch.nn.ConvTranspose3d}


def types(group):
    """Two types of the group: with vectors and scalars, and with an irrep and an induced type."""
    last = group.irreps(None if group.is_finite else 2)[-1]
    if not group.is_finite:
        return nn.FieldType(group, [group.vector, group.trivial]), nn.FieldType(group, [group.trivial, last])
    wide = (
        group.regular
        if group.order <= 8
        else group.quotient(next(small for small in group.subgroups() if group.order <= 8 * small.order))
    )
    return nn.FieldType(group, [group.vector, wide, group.trivial]), nn.FieldType(group, [last, wide])


def layer(in_type, out_type, size, **options):
    return LAYERS[in_type.group.dim][0](in_type, out_type, size, **options)


def adjoint(transposed, **options):
    """The convolution with the arguments and the coefficients of a transposed one."""
    names = ("kernel_size", "stride", "padding", "dilation", "groups")
    settings = {name: getattr(transposed, name) for name in names} | {"dtype": transposed.weight.dtype} | options
    conv = LAYERS[transposed.dim][1](transposed.out_type, transposed.in_type, bias=False, **settings)
    conv.load_state_dict(transposed.state_dict())
    return conv


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_equivariance_for_every_size_and_stride(group, size):
    in_type, out_type = types(group)
    if size == 2:  # carries degrees 0 and 1
        out_type = in_type
    for stride, padding in ((1, 1), (2, 0), (2, 1), (3, 1)):
        space = (4,) * group.dim
        require_symmetry(layer(in_type, out_type, size, stride=stride, padding=padding), space)


ARGUMENTS = {
    "plain": {},
    "stride": {"stride": 2, "padding": 1},
    "wide stride": {"stride": 4},
    "dilation": {"dilation": 2, "padding": 1},
    "both": {"stride": 2, "dilation": 3, "padding": 2},
    "groups": {"groups": 2, "stride": 2},
    "low band limit": {"max_frequency": 1},
}
PADDED = {"output padding": {"stride": 2, "output_padding": 1}, "of dilation": {"dilation": 3, "output_padding": 2}}


def fields(group):
    return [group.vector, group.trivial] * 2, [group.trivial, group.vector] * 2


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("group", [D4, PLANAR[-1], OCTA, SPATIAL[-1]], ids=group_id)
def test_every_argument_keeps_equivariance(group, name):
    in_type, out_type = (nn.FieldType(group, given) for given in fields(group))
    for size in (3, 4):
        require_symmetry(layer(in_type, out_type, size, **ARGUMENTS[name]), (4,) * group.dim)


@pytest.mark.parametrize("name", [*ARGUMENTS, *PADDED])
@pytest.mark.parametrize("group", [D4, PLANAR[-1], OCTA, SPATIAL[-1]], ids=group_id)
def test_it_is_the_adjoint_of_the_convolution_with_equal_coefficients(group, name):
    in_type, out_type = (nn.FieldType(group, given) for given in fields(group))
    options = ARGUMENTS.get(name) or PADDED.get(name) or {}
    for size in (2, 3):
        if size == 2 and name == "low band limit":
            continue
        transposed = layer(in_type, out_type, size, bias=False, dtype=torch.float64, **options)
        conv = adjoint(transposed, max_frequency=options.get("max_frequency"))
        y = torch.randn(2, in_type.size, *(3, 4, 5)[: group.dim], dtype=torch.float64)
        x = torch.randn_like(transposed(y))
        # the convolution has outputs beyond y where output padding is not less than the stride
        back = conv(x)[(..., *(slice(size) for size in y.shape[2:]))]
        left, right = (back * y).sum(), (x * transposed(y)).sum()
        assert abs(left - right) < 1e-12 * x.norm() * transposed(y).norm()


@pytest.mark.parametrize("group", [*PLANAR[2:5], *SPATIAL[2:7]], ids=group_id)
def test_the_filter_is_that_of_the_convolution_and_solves_the_transposed_constraint(group):
    in_type, out_type = types(group)
    transposed = layer(in_type, out_type, 3, bias=False, dtype=torch.float64)
    assert torch.equal(transposed.filter(), adjoint(transposed).filter())
    filters = transposed.filter().detach().flatten(2).numpy()
    assert filters.shape[:2] == (in_type.size, out_type.size)
    for g in grid_symmetries(group):
        turned = transposed.points @ group.action(g).T
        to = np.argmin(np.linalg.norm(turned[:, None] - transposed.points, axis=-1), axis=1)
        expected = np.einsum("pi,ijm,qj->pqm", in_type.representation(g), filters, out_type.representation(g))
        np.testing.assert_allclose(filters[:, :, to], expected, atol=1e-12)


@pytest.mark.parametrize("group", [D4, OCTA], ids=group_id)
@pytest.mark.parametrize("stride", [2, 3])
def test_output_padding_shifts_the_grid_and_what_the_docstring_says_to_do_instead_does_not(group, stride):
    kind, space = nn.FieldType(group, [group.trivial, group.vector]), (4,) * group.dim
    for size in (2, 3, 4, 5):
        exact = size >= stride and (size - stride) % 2 == 0
        padding = (size - stride) // 2 if exact else size // 2
        more = 0 if exact else stride + 2 * padding - size
        if not 0 <= more < stride:
            continue
        transposed = layer(kind, kind, size, stride=stride, padding=padding, output_padding=more, dtype=torch.float64)
        y = transposed(torch.randn(1, kind.size, *space, dtype=torch.float64))
        assert y.shape[2:] == tuple(stride * n for n in space), "the map is `stride` times as large"
        error = symmetry_error(transposed, space)
        assert (error < 1e-12) if exact else (error > 1e-2), (size, error)


def test_output_padding_but_for_a_shift():
    # without the pixels that it adds, the map is the one without it
    kind = nn.FieldType(D4, [D4.trivial, D4.vector])
    padded = layer(kind, kind, 3, stride=2, output_padding=1)
    plain = layer(kind, kind, 3, stride=2)
    plain.load_state_dict(padded.state_dict())
    x = torch.randn(2, kind.size, 4, 5)
    torch.testing.assert_close(padded(x)[..., :-1, :-1], plain(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["C4", "C4v", "Cinf", "Cinfv"])
def test_output_padding_is_exact_along_an_axis_that_the_group_does_not_reverse(name):
    group = steer.group(name, dim=3)
    kind = nn.FieldType(group, [group.trivial, group.vector])
    require_symmetry(layer(kind, kind, (3, 4, 4), stride=2, padding=1, output_padding=(1, 0, 0)), (3, 4, 4))


@pytest.mark.parametrize("group", [steer.group("D4h", dim=3), steer.group("Dinfh", dim=3)], ids=group_id)
def test_kernels_that_are_no_cubes(group):
    kind = nn.FieldType(group, [group.trivial, group.vector])
    require_symmetry(layer(kind, kind, (3, 5, 5), stride=(1, 2, 2), padding=(1, 2, 2), dilation=(2, 1, 1)), (3, 4, 4))


GROUPED = {
    "one group": ([D4.vector, D4.regular, D4.trivial], [D4.trivial, D4.vector], 1),
    "equal groups": (2 * [D4.vector, D4.trivial], 2 * [D4.trivial, D4.regular], 2),
    "groups of other fields": ([D4.vector, D4.trivial, D4.trivial, D4.irrep("E"), D4.vector], 5 * [D4.vector], 5),
    "groups of equal channels": ([D4.vector, D4.trivial, D4.irrep("A2"), D4.vector], 2 * [D4.trivial, D4.vector], 2),
    "interleaved": ([D4.trivial, D4.vector, D4.trivial, D4.vector], 4 * [D4.vector], 2),
}


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("name", [name for name in GROUPED if name != "groups of other fields"])
@pytest.mark.parametrize("stride", [1, (2, 2), 3])
def test_the_output_has_the_second_moment_of_the_input(name, size, stride):
    """Exactly: what unit inputs give, for coefficients of the scales, on average over the outputs' positions."""
    in_fields, out_fields, groups = GROUPED[name]
    in_type, out_type = nn.FieldType(D4, in_fields), nn.FieldType(D4, out_fields)
    transposed = layer(in_type, out_type, size, stride=stride, groups=groups, dtype=torch.float64)
    basis = torch.func.jacrev(transposed.plan.expand)(transposed.weight.detach())
    squares = basis.square() @ torch.from_numpy(transposed._scales()).square()
    width = in_type.size // groups
    moments = squares.flatten(2).sum(2).unflatten(0, (groups, width)).sum(1).flatten()  # (out_type.size,)
    moments /= math.prod(transposed.stride)
    for rep, start in zip(out_type, out_type.offsets, strict=False):
        assert abs(float(moments[start : start + rep.size].mean()) - 1) < 1e-12


def test_fresh_layers_have_outputs_of_the_inputs_moment():
    kind = nn.FieldType(OCTA, 8 * [OCTA.trivial, OCTA.vector])
    transposed = layer(kind, kind, 4, stride=2, padding=1)
    y = transposed(torch.randn(2, kind.size, 8, 8, 8)).detach()[..., 3:-3, 3:-3, 3:-3]
    # 16 fields of up to a thousand coefficients: one deviation is a few per cent
    assert abs(float(y.square().mean()) - 1) < 0.25


def test_unequal_channels_of_groups_are_refused():
    in_fields, out_fields, groups = GROUPED["groups of other fields"]
    with pytest.raises(steer.errors.FieldTypeError, match=r"groups: the 5 groups of in_type must have equal numbers"):
        layer(nn.FieldType(D4, in_fields), nn.FieldType(D4, out_fields), 3, groups=groups)


def test_fields_that_nothing_reads_are_fine_and_fields_that_nothing_reaches_are_named():
    # no 2 x 2 kernel goes between A1 and B1 of D4
    both, one = nn.FieldType(D4, [D4.trivial, D4.irrep("B1")]), nn.FieldType(D4, [D4.trivial])
    assert layer(both, one, 2)(torch.ones(1, 2, 3, 3)).shape == (1, 1, 4, 4)
    with pytest.raises(KernelError, match=r"out_type: field 1 \(B1 of D4\) would be zero, .* steerable 2 x 2 kernel"):
        layer(one, both, 2, unreached="error")
    grouped = nn.FieldType(D4, [D4.irrep("B1"), D4.trivial])
    with pytest.raises(KernelError, match=r"out_type: field 0 \(A1 of D4\) would be zero"):
        layer(grouped, nn.FieldType(D4, 2 * [D4.trivial]), 2, groups=2, unreached="error")


PLAIN = {
    "stride": {"stride": 2, "padding": 1, "output_padding": 1},
    "dilation": {"dilation": 2},
    "groups": {"groups": 2, "stride": 3},
    "no bias": {"bias": False},
    "tuples": {"stride": (2, 3), "padding": (1, 0), "output_padding": (0, 2), "dilation": (1, 2)},
}


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("dim", [2, 3])
def test_the_trivial_group_is_torch_conv_transpose(dim, name):
    group = (PLANAR if dim == 2 else SPATIAL)[0]
    options = {k: (*v, 1)[:dim] if isinstance(v, tuple) else v for k, v in PLAIN[name].items()}
    if name == "tuples" and dim == 3:
        options["output_padding"] = (0, 2, 0)
    in_type, out_type = (nn.FieldType(group, count * [group.trivial]) for count in (4, 6))
    size = (3, 2, 1)[:dim]
    transposed = layer(in_type, out_type, size, **options)
    plain = TORCH[dim](4, 6, size, **options)
    assert plain.weight.shape == transposed.filter().shape
    plain.weight.data = transposed.filter().detach()
    if transposed.bias is not None:
        transposed.bias.data.normal_()
        plain.bias.data = transposed.bias.detach()  # every channel is invariant: one bias each
    x = torch.randn(2, 4, *(4, 5, 3)[:dim])
    assert torch.equal(transposed(x), plain(x))
    exported = steer.export(transposed)
    assert type(exported) is TORCH[dim]
    assert torch.equal(exported(x), plain(x))


def sample(group):
    in_type, out_type = types(group)
    made = layer(in_type, out_type, 3, stride=2, padding=1)
    if made.bias is not None:
        torch.nn.init.normal_(made.bias)
    return made, torch.randn(2, in_type.size, *(3, 4, 3)[: group.dim])


@pytest.mark.parametrize("group", [D4, SPATIAL[2]], ids=group_id)
def test_exported_copied_and_saved_layers_give_the_same(group):
    transposed, x = sample(group)
    expected = transposed(x)
    for twin in (steer.export(transposed), copy.deepcopy(transposed), pickle.loads(pickle.dumps(transposed))):
        assert torch.equal(twin(x), expected)
    fresh = sample(group)[0]
    fresh.load_state_dict(transposed.state_dict())
    assert torch.equal(fresh(x), expected)
    field = transposed(transposed.in_type(x))
    assert field.type == transposed.out_type
    assert torch.equal(field.tensor, expected)


@pytest.mark.slow  # the contracts compile and export smaller ones
@pytest.mark.parametrize(("training", "grad"), list(itertools.product([True, False], repeat=2)), ids=str)
@pytest.mark.parametrize("group", [D4, SPATIAL[2]], ids=group_id)
def test_compile_and_export(group, training, grad):
    transposed, x = sample(group)
    transposed.train(training)
    torch.compiler.reset()
    with torch.set_grad_enabled(grad):
        expected = transposed(x)
        compiled = torch.compile(transposed, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(x), expected, rtol=0, atol=1e-5)
        exported = torch.export.export(transposed, (x,)).module()
        torch.testing.assert_close(exported(x), expected, rtol=0, atol=1e-5)


def test_gradients():
    kind = nn.FieldType(D4, [D4.trivial, D4.vector])
    transposed = layer(kind, kind, 3, stride=2, dtype=torch.float64)
    x = torch.randn(1, kind.size, 2, 3, dtype=torch.float64, requires_grad=True)
    weight = transposed.weight.detach().clone().requires_grad_()

    def run(x, weight):
        return torch.func.functional_call(transposed, {"weight": weight}, (x,))

    assert torch.autograd.gradcheck(run, (x, weight))


@torch.no_grad()
def test_the_filter_is_kept_in_evaluation_until_the_coefficients_change():
    transposed, x = sample(D4)
    before = transposed.eval()(x)
    kept = transposed._kept
    assert kept is not None
    assert torch.equal(transposed(x), before)
    assert transposed._kept is kept
    bias = transposed._full_bias().view(1, -1, 1, 1)
    transposed.weight.mul_(2)
    torch.testing.assert_close(transposed(x) - bias, 2 * (before - bias), rtol=0, atol=1e-5)


def test_a_checkpoint_is_that_of_the_convolution_and_of_no_other():
    transposed = sample(D4)[0]
    other = nn.Conv2d(transposed.in_type, transposed.out_type, 3)
    with pytest.raises(steer.errors.CheckpointError, match="this Conv2d has the basis"):
        other.load_state_dict(transposed.state_dict(), strict=False)


def test_printing():
    kind = nn.FieldType(D4, [D4.trivial])
    transposed = nn.ConvTranspose2d(kind, kind, 4, stride=2, padding=1)
    assert repr(transposed) == (
        f"ConvTranspose2d({kind}, weights={transposed.weight.numel()}, kernel_size=(4, 4), stride=(2, 2), "
        f"padding=(1, 1))"
    )
    assert repr(nn.ConvTranspose2d(kind, kind, 3, stride=2, output_padding=1)).endswith("output_padding=(1, 1))")
