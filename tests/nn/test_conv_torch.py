"""Conv2d behaves as torch.nn.Conv2d does: same numbers, dtypes, layouts, transforms, compilers, copies."""

import copy
import io
import itertools
import pickle

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.kernels import Grid, Rings

C1 = steer.group("C1", dim=2)
D4 = steer.group("D4", dim=2)
SO2 = steer.group("SO(2)", dim=2)
REGULAR = nn.FieldType(D4, [D4.trivial, D4.regular, D4.vector])
IRREPS = nn.FieldType(SO2, [SO2.trivial, SO2.irrep("1"), SO2.irrep("2"), SO2.irrep("1")])
TYPES = [REGULAR, IRREPS]


def layer(kind=REGULAR, size=3, **options):
    conv = nn.Conv2d(kind, kind, size, **{"padding": 1} | options)
    if conv.bias is not None:
        torch.nn.init.normal_(conv.bias)
    return conv


def image(kind=REGULAR, batch=2, dtype=None):
    return torch.randn(batch, kind.size, 6, 7, dtype=dtype)


PLAIN = {
    "stride": {"stride": (2, 2), "padding": 1},
    "dilation": {"dilation": 2, "padding": 2},
    "groups": {"groups": 2},
    "no bias": {"bias": False},
    "same": {"padding": "same"},
    **{mode: {"padding": (2, 1), "padding_mode": mode} for mode in ("zeros", "reflect", "replicate", "circular")},
}


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("size", [3, (2, 5)], ids=str)
def test_the_trivial_group_is_torch_conv(name, size):
    if (name, size) == ("same", (2, 5)):
        return
    options = PLAIN[name]
    conv = nn.Conv2d(nn.FieldType(C1, 4 * [C1.trivial]), nn.FieldType(C1, 6 * [C1.trivial]), size, **options)
    plain = torch.nn.Conv2d(4, 6, size, **options)
    plain.weight.data = conv.filter().detach()
    if conv.bias is not None:
        conv.bias.data.normal_()
        plain.bias.data = conv.bias.detach()  # every channel is invariant: one bias each
    assert (plain.bias is None) == (conv.bias is None)
    x = torch.randn(2, 4, 8, 9)
    torch.testing.assert_close(conv(x), plain(x), rtol=0, atol=0)
    torch.testing.assert_close(conv._export()(x), plain(x), rtol=0, atol=0)


@pytest.mark.parametrize("size", range(1, 6))
def test_the_trivial_group_reaches_every_filter_in_the_span_of_the_rings(size):
    kind = nn.FieldType(C1, 3 * [C1.trivial])
    conv = nn.Conv2d(kind, kind, size, dtype=torch.float64)
    scalars = torch.from_numpy(Rings.for_kernel((size, size)).sample(Grid((size, size)).points))
    assert conv.weight.numel() == 9 * len(scalars)
    wanted = torch.randn(9, len(scalars), dtype=torch.float64) @ scalars
    basis = torch.func.jacrev(conv.plan.expand)(conv.weight.detach()).reshape(-1, conv.weight.numel())
    found = torch.linalg.lstsq(basis, wanted.reshape(-1)).solution
    torch.testing.assert_close(conv.plan.expand(found).reshape(9, -1), wanted, rtol=0, atol=1e-10)


def test_filters_of_up_to_three_pixels_are_all_reached_by_the_trivial_group_but_for_the_corners_of_a_disk():
    ranks = [np.linalg.matrix_rank(Rings.for_kernel((k, k)).sample(Grid((k, k)).points)) for k in (1, 2, 3)]
    assert ranks == [1, 3, 6]


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_the_bias_lies_in_the_invariants(kind):
    conv = layer(kind)
    x = image(kind)
    bias = conv(x) - layer_without_bias(conv)(x)
    expected = torch.tensor(kind.invariants, dtype=torch.float32) @ conv.bias
    torch.testing.assert_close(bias, expected[:, None, None].expand_as(bias), rtol=0, atol=1e-5)
    assert conv.bias.shape == (kind.invariants.shape[1],)


def layer_without_bias(conv):
    plain = nn.Conv2d(conv.in_type, conv.out_type, conv.kernel_size, padding=conv.padding, bias=False)
    plain.weight.data = conv.weight.detach()
    return plain


def test_there_is_no_bias_without_invariants():
    vectors = nn.FieldType(D4, 2 * [D4.vector])
    conv = nn.Conv2d(vectors, vectors, 3)
    assert conv.bias is None
    assert list(conv.state_dict()) == ["weight", "fingerprint"]


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_dtypes(kind):
    torch.manual_seed(1)
    reference = layer(kind, dtype=torch.float64)
    x = image(kind, dtype=torch.float64)
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float16, 1e-2), (torch.bfloat16, 5e-2)):
        conv = copy.deepcopy(reference).to(dtype)
        assert conv(x.to(dtype)).dtype == conv.filter().dtype == dtype
        scale = reference(x).abs().max()
        assert (conv(x.to(dtype)).double() - reference(x)).abs().max() < tolerance * scale


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_double_after_construction_has_the_exact_basis(kind):
    # float32 coefficients are exact in float64, so only the basis could differ
    conv = layer(kind, size=5)
    late = copy.deepcopy(conv).double()
    early = nn.Conv2d(kind, kind, 5, padding=1, dtype=torch.float64)
    early.load_state_dict(late.state_dict())
    assert torch.equal(late.filter(), early.filter())
    back = late.float().double()  # and nothing was lost on the way back
    assert torch.equal(back.filter(), early.filter())


def test_the_default_dtype_is_honoured():
    torch.set_default_dtype(torch.float64)
    try:
        conv = layer()
        assert conv.weight.dtype == conv.bias.dtype == conv(image()).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_autocast_runs_the_convolution_low_and_the_expansion_high():
    conv = layer()
    x = image()
    expected = conv(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = conv(x)
        assert torch.equal(conv.filter(), conv.eval().filter())
        assert conv.filter().dtype == torch.float32
    assert found.dtype == torch.bfloat16
    assert (found.float() - expected).abs().max() < 5e-2 * expected.abs().max()


@pytest.mark.slow  # the contracts compile and export smaller ones
@pytest.mark.parametrize("kind", TYPES, ids=str)
@pytest.mark.parametrize(("training", "grad"), [(True, True), (False, False)], ids=["train", "eval"])
def test_compile_and_export(kind, training, grad):
    conv = layer(kind).train(training)
    x = image(kind)
    torch.compiler.reset()
    with torch.set_grad_enabled(grad):
        expected = conv(x)
        compiled = torch.compile(conv, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(x), expected, rtol=0, atol=1e-6)
        exported = torch.export.export(conv, (x,)).module()
        torch.testing.assert_close(exported(x), expected, rtol=0, atol=1e-6)
        field = torch.compile(conv, fullgraph=True, backend="aot_eager")(kind(x))
        assert isinstance(field, nn.FieldTensor)
        assert field.type == kind
        torch.testing.assert_close(field.tensor, expected, rtol=0, atol=1e-6)


def test_compiled_training_has_the_same_gradients():
    conv, x = layer(), image()
    torch.compiler.reset()
    gradients = []
    for run in (conv, torch.compile(conv, fullgraph=True, backend="aot_eager")):
        conv.zero_grad()
        run(x).square().sum().backward()
        gradients.append([parameter.grad.clone() for parameter in conv.parameters()])
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_gradients(kind):
    conv = nn.Conv2d(kind, kind, 2, dtype=torch.float64)
    x = torch.randn(1, kind.size, 3, 3, dtype=torch.float64, requires_grad=True)
    weight = conv.weight.detach().clone().requires_grad_()
    bias = torch.randn_like(conv.bias).requires_grad_()

    def run(x, weight, bias):
        return torch.func.functional_call(conv, {"weight": weight, "bias": bias}, (x,))

    assert torch.autograd.gradcheck(run, (x, weight, bias))


@pytest.mark.parametrize(("training", "grad"), list(itertools.product([True, False], repeat=2)), ids=str)
def test_functional_call_and_vmap_over_coefficients(training, grad):
    conv, x = layer().train(training), image()
    weights = torch.randn(conv.weight.numel(), 3)

    def run(weight):
        return torch.func.functional_call(conv, {"weight": weight}, (x,))

    with torch.set_grad_enabled(grad):
        found = torch.func.vmap(run, in_dims=1)(weights)
        expected = torch.stack([run(weight) for weight in weights.T])
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
        direct = copy.deepcopy(conv)
        direct.weight.data = weights[:, 1].contiguous()
        torch.testing.assert_close(direct(x), expected[1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_ensembles_by_stacked_states(training):
    layers, x = [layer().train(training) for _ in range(3)], image()
    parameters, buffers = torch.func.stack_module_state(layers)

    def run(parameters, buffers):
        return torch.func.functional_call(layers[0], (parameters, buffers), (x,))

    with torch.no_grad():
        found = torch.func.vmap(run)(parameters, buffers)
        torch.testing.assert_close(found, torch.stack([each(x) for each in layers]), rtol=0, atol=1e-5)


def test_batches_of_none_and_one():
    conv, x = layer(), image(batch=3)
    empty = conv(x[:0])
    assert empty.shape == (0, *conv(x).shape[1:])
    empty.sum().backward()
    assert not conv.weight.grad.any()
    torch.testing.assert_close(conv(x[1:2]), conv(x)[1:2], rtol=0, atol=1e-5)


def test_channels_last():
    conv, x = layer(), image()
    expected = conv(x)
    torch.testing.assert_close(conv(x.to(memory_format=torch.channels_last)), expected, rtol=0, atol=1e-5)
    moved = copy.deepcopy(conv).to(memory_format=torch.channels_last)
    torch.testing.assert_close(moved(x), expected, rtol=0, atol=1e-5)


def constants(conv):
    """What the expansion reads."""
    return [*conv._tensors[2], conv._invariants]


def saved(conv):
    stream = io.BytesIO()
    torch.save(conv, stream)
    stream.seek(0)
    return torch.load(stream, weights_only=False)


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy, lambda c: pickle.loads(pickle.dumps(c)), saved])
@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_copies(kind, copied):
    conv, x = layer(kind).eval(), image(kind)
    with torch.no_grad():
        expected = conv(x)  # also fills the kept filter, which must not travel
        twin = copied(conv)
        assert torch.equal(twin(x), expected)
        assert (twin.in_type, twin.plan, twin.training) == (conv.in_type, conv.plan, False)
        assert constants(twin)[0] is constants(conv)[0]
        if copied is not copy.copy:
            twin.weight.mul_(2)
            assert torch.equal(conv(x), expected)
            assert not torch.equal(twin(x), expected)
    assert list(twin.state_dict()) == list(conv.state_dict())


def test_pickles_hold_no_basis():
    kind = nn.FieldType(D4, 4 * [D4.regular])
    conv = nn.Conv2d(kind, kind, 7)
    parameters = sum(p.numel() * p.element_size() for p in conv.parameters())
    assert len(pickle.dumps(conv)) < parameters + 10_000


def test_layers_share_the_sampled_basis():
    first, second = layer(), layer()
    assert first.plan is second.plan
    assert constants(first)[0] is constants(second)[0]
    third = copy.deepcopy(first).double()
    for made, dtype in ((third, torch.float64), (first, torch.float32)):
        assert {t.dtype for t in constants(made) if t.is_floating_point()} == {dtype}


def test_the_meta_device():
    source, x = layer(), image()
    with torch.device("meta"):
        conv = layer()
    assert conv(torch.empty(2, REGULAR.size, 6, 7, device="meta")).shape == source(x).shape
    conv.to_empty(device="cpu")
    conv.load_state_dict(source.state_dict())
    assert torch.equal(conv(x), source(x))
    with torch.device("meta"):
        conv = layer()
    conv.load_state_dict(source.state_dict(), assign=True)
    assert torch.equal(conv(x), source(x))


def test_equal_seeds_give_equal_layers():
    made = []
    for _ in range(2):
        torch.manual_seed(5)
        made.append(nn.Conv2d(REGULAR, REGULAR, 5))
    assert torch.equal(made[0].weight, made[1].weight)
    torch.manual_seed(6)
    assert not torch.equal(nn.Conv2d(REGULAR, REGULAR, 5).weight, made[0].weight)


def test_printing():
    conv = nn.Conv2d(REGULAR, REGULAR, 3, stride=2, padding=1, bias=False, padding_mode="circular")
    assert repr(conv) == (
        f"Conv2d({REGULAR}, weights={conv.weight.numel()}, bias=False, kernel_size=(3, 3), stride=(2, 2), "
        "padding=(1, 1), padding_mode='circular')"
    )
    scalars = nn.FieldType(D4, 2 * [D4.trivial])
    conv = nn.Conv2d(REGULAR, scalars, 5, dilation=2)
    assert repr(conv) == (
        f"Conv2d({REGULAR} -> {scalars}, weights={conv.weight.numel()}, kernel_size=(5, 5), dilation=(2, 2))"
    )
    assert repr(nn.Conv2d(scalars, scalars, 1, groups=2)).endswith("kernel_size=(1, 1), groups=2)")


def test_points_are_where_the_filter_reads():
    conv = nn.Conv2d(REGULAR, REGULAR, 3, dilation=2, dtype=torch.float64)
    assert conv.points.shape == (9, 2)
    for index, (x, y) in enumerate(conv.points):
        pixel = torch.zeros(1, REGULAR.size, 9, 9, dtype=torch.float64)
        pixel[0, 1, 4 + int(y), 4 + int(x)] = 1
        torch.testing.assert_close(
            conv(pixel)[0, :, 2, 2], conv.filter().flatten(2)[:, 1, index] + conv._full_bias(), rtol=0, atol=1e-12
        )
