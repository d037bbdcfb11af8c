"""SelfAttention: torch's own for the trivial group, a sum over pairs by brute force, and what commutes with it."""

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import steer
from steer import nn
from steer.errors import CheckpointError, FieldTypeError, ShapeError, SteerError
from steer.testing import TOLERANCES, assert_equivariant
from tests import catalogue

from .zoo import scrambled

DOUBLE = torch.float64
C1, D4, SO2, O2 = (steer.group(name, dim=2) for name in ("C1", "D4", "SO(2)", "O(2)"))
O3, OCT = (steer.group(name, dim=3) for name in ("O(3)", "O"))
MIXED = nn.FieldType(D4, [D4.regular, D4.trivial, D4.vector, D4.regular, D4.trivial, D4.vector])
WAVES = nn.FieldType(O2, 2 * [O2.irrep("0+"), O2.irrep("1"), O2.irrep("0-"), O2.irrep("2")])
SPATIAL = nn.FieldType(O3, 2 * [O3.irrep("0e"), O3.irrep("1o")])
CHIRAL = nn.FieldType(SO2, 2 * [SO2.irrep("0"), SO2.irrep("1"), SO2.irrep("3")])  # irreps of complex type
TYPES = pytest.mark.parametrize("kind", [MIXED, WAVES, CHIRAL, SPATIAL], ids=str)


def build(*args, **options):
    return scrambled(nn.SelfAttention(*args, **options)).double()


def points(kind, n=6, batch=3):
    """Features and positions, two of which coincide."""
    x = torch.randn(batch, kind.size, n, dtype=DOUBLE)
    positions = torch.randn(batch, n, kind.group.dim, dtype=DOUBLE)
    positions[:, 1] = positions[:, 0]
    return x, positions


def some_mask(batch=3, n=6):
    mask = torch.ones(batch, n, dtype=torch.bool)
    mask[0, 2], mask[1, 3:] = False, False
    return mask


# The formula ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("num_heads", "bias"), [(1, True), (3, True), (6, False)])
def test_the_trivial_group_is_torch_multihead_attention(num_heads, bias):
    kind = nn.FieldType(C1, 6 * [C1.trivial])
    layer = build(kind, num_heads=num_heads, bias=bias)
    plain = torch.nn.MultiheadAttention(6, num_heads, bias=bias, batch_first=True, dtype=DOUBLE)
    with torch.no_grad():
        plain.in_proj_weight.copy_(layer.in_proj.matrix())
        plain.out_proj.weight.copy_(layer.out_proj.matrix())
        if bias:
            plain.in_proj_bias.copy_(layer.in_proj.bias)
            plain.out_proj.bias.copy_(layer.out_proj.bias)
    assert sum(p.numel() for p in layer.parameters()) == sum(p.numel() for p in plain.parameters())
    x = torch.randn(2, 6, 3, 4, dtype=DOUBLE)
    tokens = x.flatten(2).transpose(1, 2)
    mask = torch.rand(2, 3, 4) > 0.3
    for given_mask, padding in ((None, None), (mask, ~mask.flatten(1))):
        expected, _ = plain(tokens, tokens, tokens, key_padding_mask=padding)
        expected = expected.transpose(1, 2).reshape(x.shape)
        if given_mask is not None:
            expected = expected * mask.unsqueeze(1)
        torch.testing.assert_close(layer(x, mask=given_mask), expected, rtol=1e-10, atol=1e-12)


def brute(layer, x, positions):
    """The definition, one pair of points at a time; x (batch, channels, n), positions (batch, n, dim)."""
    out = torch.zeros(len(x), layer.out_type.size, x.shape[2], dtype=DOUBLE)
    size = layer.head_type.size
    for sample, one in enumerate(x):
        found = layer.in_proj(one.T).reshape(-1, 3, layer.num_heads, size)
        for i in range(x.shape[2]):
            heads = []
            for head in range(layer.num_heads):
                scores = []
                for j in range(x.shape[2]):
                    score = found[i, 0, head] @ found[j, 1, head] / math.sqrt(size)
                    if layer.distances:
                        r = float((positions[sample, i] - positions[sample, j]).norm())
                        for k, value in enumerate(layer.distance_bias.weight[head].tolist()):
                            score = score + value * math.exp(-(r**2) / (2 * (2.0 ** (k - 1)) ** 2))
                    scores.append(score)
                shares = torch.stack(scores).softmax(0)
                heads.append(sum(share * found[j, 2, head] for j, share in enumerate(shares)))
            out[sample, :, i] = layer.out_proj(torch.cat(heads)[None])[0]
    return out


@TYPES
@pytest.mark.parametrize("distances", [None, 3])
def test_points_by_brute_force(kind, distances):
    layer = build(kind, kind[:2], num_heads=2, distances=distances)
    x, positions = points(kind)
    found = layer(x, positions=positions) if distances else layer(x)
    torch.testing.assert_close(found, brute(layer, x, positions), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("kind", "space"), [(MIXED, (2, 3)), (SPATIAL, (1, 2, 3))])
def test_grids_by_brute_force(kind, space):
    layer = build(kind, num_heads=2, distances=3)
    x = torch.randn(2, kind.size, *space, dtype=DOUBLE)
    pixels = torch.tensor(list(np.ndindex(*space)), dtype=DOUBLE)
    expected = brute(layer, x.flatten(2), pixels.expand(2, -1, -1)).reshape(x.shape)
    torch.testing.assert_close(layer(x), expected, rtol=1e-10, atol=1e-12)


def test_a_new_layer_sees_no_distances():
    near, far = nn.SelfAttention(WAVES, num_heads=2, distances=4), nn.SelfAttention(WAVES, num_heads=2)
    assert far.load_state_dict(near.state_dict(), strict=False).unexpected_keys == ["distance_bias.weight"]
    x = torch.randn(2, WAVES.size, 4, 3)
    torch.testing.assert_close(near(x), far(x))


def test_heads_share_the_fields_of_every_kind():
    assert nn.SelfAttention(MIXED).head_type == MIXED
    assert nn.SelfAttention(MIXED, num_heads=2).head_type == MIXED[:3]
    kinds = nn.FieldType(D4, [D4.trivial, D4.trivial, D4.vector, D4.regular, D4.vector, D4.regular])
    assert nn.SelfAttention(kinds, num_heads=2).head_type == nn.FieldType(D4, [D4.trivial, D4.vector, D4.regular])
    head = nn.FieldType(D4, [D4.quotient("D1"), D4.vector])
    layer = build(MIXED, num_heads=5, head_type=head)
    assert layer.out_proj.in_type == nn.FieldType(D4, 5 * list(head))
    assert layer.in_proj.out_type.size == 3 * 5 * 6
    assert_equivariant(layer, shape=(2, 4, 4))


def test_dropout_of_everything_leaves_the_bias():
    layer = build(WAVES, num_heads=2, dropout=1.0)
    x = torch.randn(2, WAVES.size, 5, dtype=DOUBLE)
    expected = torch.tensor(WAVES.invariants) @ layer.out_proj.bias
    torch.testing.assert_close(layer(x), expected[None, :, None].expand_as(x))
    kept = build(WAVES, num_heads=2)
    kept.load_state_dict(layer.state_dict())
    torch.testing.assert_close(layer.eval()(x), kept(x))


# Symmetry -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", catalogue.mostly_slow(catalogue.GROUPS), ids=catalogue.group_id)
def test_commutes_with_every_group_of_plane_and_space(group):
    fields = nn.FieldType(group, 2 * [rep for rep in catalogue.few_types(group) if rep.size <= 8])
    layer = build(fields, num_heads=2)
    x = torch.randn(2, fields.size, 4, dtype=DOUBLE)
    out = layer(x)
    for g in catalogue.generators(group):
        matrix = torch.tensor(fields.representation(g))
        error = layer(torch.einsum("ij,njp->nip", matrix, x)) - torch.einsum("ij,njp->nip", matrix, out)
        assert error.norm() < TOLERANCES[DOUBLE] * out.norm()


@pytest.mark.parametrize("kind", [MIXED, nn.FieldType(OCT, [OCT.regular, OCT.vector]), WAVES, SPATIAL], ids=str)
def test_with_distances_it_commutes_with_symmetries_of_the_grid(kind):
    shape = (2, *kind.group.dim * [4])
    layer = build(kind, distances=3)
    for dtype in (DOUBLE, torch.float32):
        assert_equivariant(layer.to(dtype), shape=shape, dtype=dtype)


@TYPES
def test_points_move_by_any_isometry(kind):
    layer = build(kind, num_heads=2, distances=3)
    x, positions = points(kind)
    mask = some_mask()
    for dtype in (DOUBLE, torch.float32):
        layer, x, positions = layer.to(dtype), x.to(dtype), positions.to(dtype)
        out = layer(x, positions=positions, mask=mask)
        for g in kind.group.elements if kind.group.is_finite else kind.group.sample(4, seed=0):
            turned = positions @ torch.tensor(g, dtype=dtype).T + torch.randn(kind.group.dim, dtype=dtype)
            matrix = torch.tensor(kind.representation(g), dtype=dtype)
            found = layer(torch.einsum("ij,njp->nip", matrix, x), positions=turned, mask=mask)
            error = found - torch.einsum("ij,njp->nip", matrix, out)
            # distances are differences of numbers of size 4, so a few units in their last place
            assert error.norm() < 3 * TOLERANCES[dtype] * out.norm()


@settings(max_examples=10)
@given(order=st.permutations(range(6)))
def test_points_may_be_permuted(order):
    x, positions = points(SPATIAL)
    mask = some_mask()
    for layer, options in (
        (build(SPATIAL, num_heads=2), {}),
        (build(SPATIAL, num_heads=2, distances=2), {"positions": positions}),
    ):
        moved = {name: value[:, order] for name, value in options.items()}
        found = layer(x[:, :, order], mask=mask[:, order], **moved)
        torch.testing.assert_close(found, layer(x, mask=mask, **options)[:, :, order], rtol=1e-10, atol=1e-12)


def test_pixels_may_be_permuted_without_distances_only():
    x = torch.randn(2, WAVES.size, 3, 4, dtype=DOUBLE)
    order = torch.tensor([5, 3, 0, 1, 2, 4, 11, 10, 6, 7, 9, 8])

    def shuffle(y):
        return y.flatten(2)[:, :, order].reshape(y.shape)

    layer = build(WAVES, num_heads=2)
    torch.testing.assert_close(layer(shuffle(x)), shuffle(layer(x)), rtol=1e-10, atol=1e-12)
    # without distances the axes of space do not matter either
    torch.testing.assert_close(layer(x.flatten(2)), layer(x).flatten(2), rtol=1e-10, atol=1e-12)
    layer = build(WAVES, num_heads=2, distances=3)
    assert (layer(shuffle(x)) - shuffle(layer(x))).abs().max() > 1e-3


@pytest.mark.parametrize("space", [(3, 4), (2, 3, 4), (5,)])
def test_a_grid_is_a_set_of_points(space):
    bias = nn.SelfAttention(nn.FieldType(C1, 2 * [C1.trivial]), num_heads=2, distances=5).distance_bias
    torch.nn.init.normal_(bias.weight)
    pixels = torch.tensor(list(np.ndindex(*space)), dtype=torch.float32)
    expected = bias.between(pixels[None])
    found = bias.on_grid(torch.zeros(1, 1, *space), len(space))
    torch.testing.assert_close(found[None], expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found, found.transpose(1, 2))


# Padded points --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("distances", [None, 3])
def test_padded_points_are_not_there(distances):
    layer = build(SPATIAL, num_heads=2, distances=distances)
    x, positions = points(SPATIAL)
    mask = torch.tensor([[True] * 4 + [False] * 2, [True] * 6, [False] * 6])
    hole = ~mask.unsqueeze(1)
    x = x.masked_fill(hole, math.nan).requires_grad_()
    positions = positions.masked_fill(hole.transpose(1, 2), math.inf)

    def call(*samples, n=6, **options):
        where = {"positions": positions[list(samples), :n]} if distances else {}
        return layer(x[list(samples), :, :n], **options, **where)

    out = call(0, 1, 2, mask=mask)
    torch.testing.assert_close(out[:1, :, :4], call(0, n=4), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(out[1:2], call(1), rtol=1e-10, atol=1e-12)
    assert not out.masked_select(hole).any()
    out.square().sum().backward()
    assert not x.grad.masked_select(hole).any()
    assert x.grad[:2, :, :4].abs().min() > 0
    assert all(parameter.grad.isfinite().all() for parameter in layer.parameters())


def test_padded_pixels():
    layer = build(MIXED, num_heads=2, distances=3)
    x = torch.randn(2, MIXED.size, 4, 4, dtype=DOUBLE)
    disk = torch.ones(4, 4, dtype=torch.bool)
    disk[[0, 0, -1, -1], [0, -1, 0, -1]] = False
    mask = disk.expand(2, 4, 4)
    out = layer(x, mask=mask)
    torch.testing.assert_close(out, layer(x * disk, mask=mask))
    assert not out[:, :, ~disk].any()
    torch.testing.assert_close(
        layer(MIXED.transform(x, D4.elements[1]), mask=mask), MIXED.transform(out, D4.elements[1])
    )
    typed = layer(MIXED(x), mask=mask)
    assert typed.type == MIXED
    assert torch.equal(typed.tensor, out)


# Torch ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_keywords_in_other_dtypes(dtype):
    layer = build(SPATIAL, num_heads=2, distances=3)
    x, positions = points(SPATIAL)
    positions = (300 * positions).to(dtype)  # whose squares overflow in half precision
    mask = some_mask()
    cast = copy.deepcopy(layer).to(dtype)
    expected = layer(x.to(dtype).double(), positions=positions.double(), mask=mask)
    tolerance = {torch.float16: 0.02, torch.bfloat16: 0.1, torch.float32: 1e-5}[dtype]
    # positions may keep more digits than features
    for where in (positions, positions.double(), positions.float()):
        found = cast(x.to(dtype), positions=where, mask=mask)
        assert found.dtype == dtype
        assert (found - expected).norm() < tolerance * expected.norm()
    single = layer.float()
    with torch.autocast("cpu", torch.bfloat16):
        found = single(x.float(), positions=positions, mask=mask)
    assert (found - single(x.float(), positions=positions.float(), mask=mask)).norm() < 0.1 * expected.norm()


def test_gradients_for_positions_also_where_points_coincide():
    layer = build(SPATIAL, num_heads=2, distances=2)
    x, positions = points(SPATIAL, n=3, batch=2)
    mask = some_mask(2, 4)[:, :3]

    def function(x, positions):
        return layer(x, positions=positions, mask=mask)

    inputs = (x.requires_grad_(), positions.requires_grad_())
    assert torch.autograd.gradcheck(function, inputs)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        assert torch.autograd.gradgradcheck(function, inputs, fast_mode=True)


def test_samples_in_a_vmap():
    layer = build(WAVES, num_heads=2, distances=2)
    x = torch.randn(3, 2, WAVES.size, 2, 3, dtype=DOUBLE)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        torch.testing.assert_close(torch.vmap(layer)(x), torch.stack([layer(one) for one in x]))


def test_no_points():
    layer = nn.SelfAttention(SPATIAL, num_heads=2, distances=2)
    for batch, n in ((0, 4), (2, 0)):
        mask, positions = torch.ones(batch, n, dtype=torch.bool), torch.randn(batch, n, 3)
        assert layer(torch.randn(batch, 8, n), mask=mask, positions=positions).shape == (batch, 8, n)


def test_memory_format_is_that_of_the_input():
    layer = nn.SelfAttention(WAVES, num_heads=2)
    x = torch.randn(2, WAVES.size, 3, 4)
    assert layer(x).is_contiguous()
    out = layer(x.contiguous(memory_format=torch.channels_last))
    assert out.is_contiguous(memory_format=torch.channels_last)


def test_state_dict():
    layer = nn.SelfAttention(WAVES, num_heads=2, distances=4)
    maps = [f"{name}.{key}" for name in ("in_proj", "out_proj") for key in ("weight", "bias", "fingerprint")]
    assert sorted(layer.state_dict()) == sorted([*maps, "distance_bias.weight"])
    assert layer.distance_bias.weight.shape == (2, 4)
    assert not layer.distance_bias.weight.any()
    assert nn.SelfAttention(WAVES, dtype=DOUBLE, distances=2).distance_bias.inverse_widths.dtype == DOUBLE
    # other heads have other coefficients
    with pytest.raises(CheckpointError, match=r"in_proj.weight was trained in the kernel basis"):
        nn.SelfAttention(WAVES, num_heads=2, head_type=WAVES, distances=4).load_state_dict(layer.state_dict())


def test_torch_export_keeps_the_keywords():
    layer = build(SPATIAL, num_heads=2, distances=2).float()
    x, positions = (value.float() for value in points(SPATIAL))
    options = {"mask": some_mask(), "positions": positions}
    batch, n = torch.export.Dim("batch", min=2, max=64), torch.export.Dim("n", min=2, max=64)
    sizes = {name: {0: batch, 1: n} for name in options}
    program = torch.export.export(layer, (x,), options, dynamic_shapes={"x": {0: batch, 2: n}, **sizes})
    x, positions = (value.float() for value in points(SPATIAL, n=9, batch=4))
    options = {"mask": torch.rand(4, 9) > 0.3, "positions": positions}
    torch.testing.assert_close(program.module()(x, **options), layer(x, **options))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_onnx_keeps_the_keywords():
    import onnxruntime

    layer = build(SPATIAL, num_heads=2, distances=2).float().eval()
    x, positions = (value.float() for value in points(SPATIAL))
    options = {"mask": some_mask(), "positions": positions}
    batch = {0: torch.export.Dim("batch", min=1, max=64)}
    shapes = dict.fromkeys(("x", *options), batch)
    program = torch.onnx.export(layer, (x,), kwargs=options, dynamic_shapes=shapes, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    x, options = x.repeat(2, 1, 1), {name: torch.cat([value, value]) for name, value in options.items()}
    inputs = {"x": x, **options}
    (found,) = session.run(None, {put.name: inputs[put.name].numpy() for put in session.get_inputs()})
    torch.testing.assert_close(torch.from_numpy(found), layer(x, **options).detach(), rtol=1e-5, atol=1e-5)


def test_export_takes_any_size_and_leaves_the_layer():
    layer = build(MIXED, num_heads=2, distances=3)
    plain = steer.export(layer)
    parts = dict(plain.named_children())
    assert isinstance(parts["in_proj"], torch.nn.Linear)
    assert isinstance(parts["out_proj"], torch.nn.Linear)
    for shape in ((2, MIXED.size, 3, 4), (0, MIXED.size, 5, 5)):
        x = torch.randn(shape, dtype=DOUBLE)
        torch.testing.assert_close(plain(x), layer(x))
    layer._export()
    assert isinstance(layer.in_proj, nn.Linear)


# Errors ---------------------------------------------------------------------------------------------------------------


def test_types_that_do_not_fit_are_refused():
    with pytest.raises(FieldTypeError, match=r"in_type: SelfAttention expects a FieldType, got 'regular'"):
        nn.SelfAttention("regular")
    with pytest.raises(
        FieldTypeError, match=r"out_type: SelfAttention maps between fields of one group, got .*Restrict"
    ):
        nn.SelfAttention(MIXED, WAVES)
    with pytest.raises(FieldTypeError, match=r"head_type: SelfAttention expects a FieldType, got \["):
        nn.SelfAttention(MIXED, head_type=[D4.vector])
    with pytest.raises(FieldTypeError, match=r"head_type: SelfAttention needs types of one group, got .*D4.*O\(2\)"):
        nn.SelfAttention(MIXED, head_type=WAVES)
    scalars = nn.FieldType(D4, 2 * [D4.trivial])
    with pytest.raises(FieldTypeError, match=r"head_type: field 1 \(vector of D4\) would be zero, .* leave it out"):
        nn.SelfAttention(scalars, head_type=nn.FieldType(D4, [D4.trivial, D4.vector]))
    with pytest.raises(FieldTypeError, match=r"out_type: field 0 \(vector of D4\) .* no irrep with head_type \(2 A1"):
        nn.SelfAttention(MIXED, nn.FieldType(D4, [D4.vector]), head_type=scalars)


def test_fields_that_cannot_be_shared_are_refused():
    kind = nn.FieldType(D4, 6 * [D4.vector] + 4 * [D4.trivial])
    with pytest.raises(
        FieldTypeError,
        match=r"num_heads: 3 heads cannot share the fields 4 x .* of in_type .* evenly; use 1 or 2 heads, 3 or a "
        r"multiple of fields of each kind, or pass head_type=",
    ):
        nn.SelfAttention(kind, num_heads=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_heads": 0}, "num_heads: expected an integer >= 1, got 0"),
        ({"num_heads": 1.0}, "num_heads: expected an integer >= 1, got 1.0"),
        ({"distances": 0}, "distances: expected an integer >= 1, got 0"),
        ({"distances": True}, "distances: expected an integer >= 1, got True"),
        ({"dropout": 1.5}, "dropout: expected a probability between 0 and 1, got 1.5"),
    ],
)
def test_numbers_out_of_range_are_refused(options, message):
    with pytest.raises(SteerError, match=message):
        nn.SelfAttention(MIXED, **options)


def test_tensors_that_do_not_fit_are_refused():
    near, far = nn.SelfAttention(WAVES, distances=2), nn.SelfAttention(WAVES)
    x, grid = torch.randn(2, WAVES.size, 5), torch.randn(2, WAVES.size, 3, 4)
    positions, mask = torch.randn(2, 5, 2), torch.ones(2, 5, dtype=torch.bool)
    with pytest.raises(ShapeError, match=r"x: SelfAttention expects .* got \(2, 12\), which has no positions"):
        far(x[:, :, 0])
    with pytest.raises(ShapeError, match=r"x: Linear has weights of torch.float32, got a tensor of torch.float64"):
        far(x.double())
    with pytest.raises(ShapeError, match=r"mask: expected a bool tensor \(batch, n\) .* got \(2, 5\) of torch.float32"):
        far(x, mask=mask.float())
    with pytest.raises(ShapeError, match=r"mask: expected a bool tensor \(batch, \*space\) .* got \(2, 5\) of .*bool"):
        far(grid, mask=mask)
    with pytest.raises(ShapeError, match=r"mask: expected shape \(2, 5\) for x .* got \(2, 4\)"):
        far(x, mask=mask[:, :4])
    with pytest.raises(ShapeError, match=r"x: SelfAttention with distances .* got \(2, 12, 5\) without positions"):
        near(x)
    with pytest.raises(ShapeError, match=r"positions: this SelfAttention sees none; build it with distances=6"):
        far(x, positions=positions)
    for other, where in ((x, positions.long()), (grid, positions), (x, positions[0])):
        with pytest.raises(ShapeError, match=r"positions: expected a floating-point tensor \(batch, n, 2\) beside x"):
            near(other, positions=where)
    with pytest.raises(ShapeError, match=r"positions: expected shape \(2, 5, 2\) .*, got \(2, 4, 2\)"):
        near(x, positions=positions[:, :4])


def test_prints():
    assert repr(nn.SelfAttention(MIXED, num_heads=2, distances=3)).endswith(
        "num_heads=2, head_type=regular + A1 + vector of D4 (11 channels), dropout=0, distances=3)"
    )
