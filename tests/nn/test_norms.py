"""InstanceNorm, LayerNorm and GroupNorm are one formula: torch's for trivial fields, equivariant for all."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import steer
from steer import nn
from steer.errors import FieldTypeError, ShapeError, SteerError
from steer.nn._engine import _rows
from tests.catalogue import group_id

from . import zoo

C4, C8, O2 = (steer.group(name, dim=2) for name in ("C4", "C8", "O(2)"))
SO3 = steer.group("SO(3)", dim=3)
WAVES, REGULAR, MIXED = zoo.linear_types(O2)[1], *zoo.permutation_types(C4)
SCALARS = nn.FieldType(C4, 6 * [C4.trivial])
DOUBLE = zoo.linear_types(O2)[2]  # a field with two invariant vectors
LAYERS = {
    "InstanceNorm": lambda t: nn.InstanceNorm(t, eps=1e-3, affine=True),
    "LayerNorm": lambda t: nn.LayerNorm(t, eps=1e-3),
    "GroupNorm": lambda t: nn.GroupNorm(t, len(t) // 2 if len(t) % 2 == 0 else 1, eps=1e-3),
}
KINDS = pytest.mark.parametrize("kind", LAYERS)
TYPES = pytest.mark.parametrize("field_type", [WAVES, MIXED, DOUBLE], ids=["waves", "mixed", "double"])


def build(kind, field_type):
    return zoo.scrambled(LAYERS[kind](field_type)).double()


def sets_of(layer):
    """The numbers of the fields of each set."""
    count = len(layer.in_type)
    sets = {nn.InstanceNorm: count, nn.LayerNorm: 1}.get(type(layer)) or layer.num_groups
    return np.arange(count).reshape(sets, -1)


def by_definition(layer, x):
    """The docstring's formula in float64, for one sample, set and (in a LayerNorm) position at a time."""
    field_type, offsets = layer.in_type, layer.in_type.offsets
    basis, bias = field_type.invariants, torch.tensor(field_type.invariants) @ layer.bias
    out = torch.empty_like(x)
    for sample in range(len(x)):
        values = x[sample].flatten(1)
        parts = [values] if type(layer) is not nn.LayerNorm else values.split(1, 1)
        done = []
        for part in parts:
            normed = torch.empty_like(part)
            for fields in sets_of(layer):
                channels = np.concatenate([np.arange(offsets[i], offsets[i + 1]) for i in fields])
                own = [basis[:, np.any(basis[offsets[i] : offsets[i + 1]] != 0, axis=0)] for i in fields]
                shared = [sum(b[:, s] for b in own if b.shape[1] > s) for s in range(max(b.shape[1] for b in own))]
                vectors = torch.tensor(np.reshape(shared, (-1, field_type.size)).T[channels])
                mean = part[channels].mean(1, keepdim=True)
                mu = vectors @ torch.linalg.lstsq(vectors, mean).solution if len(shared) else 0 * mean
                centred = part[channels] - mu
                normed[channels] = centred / (centred.square().mean() + layer.eps).sqrt()
            done.append(normed)
        weight = layer.weight[torch.tensor(field_type.field_of_channel)]
        out[sample] = (weight[:, None] * torch.cat(done, 1) + bias[:, None]).reshape(x[sample].shape)
    return out


@KINDS
@TYPES
@pytest.mark.parametrize("space", [(3, 2), (2, 2, 1), (4,)], ids=str)
def test_equals_its_definition(kind, field_type, space):
    layer = build(kind, field_type)
    x = 2 * torch.randn(2, field_type.size, *space, dtype=torch.float64) + 1
    torch.testing.assert_close(layer(x), by_definition(layer, x), rtol=1e-11, atol=1e-11)


@KINDS
@pytest.mark.parametrize("group", zoo.GROUPS, ids=group_id)
def test_commutes_with_the_group(kind, group):
    for field_type in zoo.types_for(kind, group):
        layer = build(kind, zoo.longer(field_type))
        x = torch.randn(2, layer.in_type.size, 3, dtype=torch.float64)
        out = layer(x)
        for g in group.elements[:5] if group.is_finite else group.sample(3, seed=0):
            rho = torch.tensor(layer.in_type.representation(g))
            torch.testing.assert_close(layer(rho @ x), rho @ out, rtol=1e-10, atol=1e-10)


def _channels_last(layer):
    return lambda x: layer(x.movedim(1, -1)).movedim(-1, 1)


TRIVIAL = {
    "InstanceNorm": (lambda a: nn.InstanceNorm(SCALARS, affine=a), lambda a: torch.nn.InstanceNorm2d(6, affine=a)),
    "GroupNorm": (lambda a: nn.GroupNorm(SCALARS, 2, affine=a), lambda a: torch.nn.GroupNorm(2, 6, affine=a)),
    "LayerNorm": (
        lambda a: nn.LayerNorm(SCALARS, affine=a),
        lambda a: torch.nn.LayerNorm(6, elementwise_affine=a),
    ),
}


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("kind", TRIVIAL)
def test_trivial_fields_equal_torch(kind, affine):
    layer, plain = (make(affine) for make in TRIVIAL[kind])
    assert layer.state_dict().keys() == plain.state_dict().keys()
    plain.load_state_dict(zoo.scrambled(layer).state_dict())
    layer, plain = layer.double(), plain.double()
    reference = _channels_last(plain) if kind == "LayerNorm" else plain
    x = (3 * torch.randn(4, 6, 5, 3, dtype=torch.float64) + 2).requires_grad_()
    out, expected = layer(x), reference(x)
    torch.testing.assert_close(out, expected)
    inputs = (x, *layer.parameters()), (x, *plain.parameters())
    slope = torch.randn_like(x)
    found, wanted = (torch.autograd.grad(y, i, slope) for y, i in zip((out, expected), inputs, strict=True))
    for value, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(value, other)


def test_fields_without_invariants_have_a_root_mean_square():
    field_type = nn.FieldType(SO3, [SO3.irrep("1"), SO3.irrep("2")])
    layer = nn.LayerNorm(field_type, eps=1e-3)
    x = torch.randn(5, 8) + 3
    torch.testing.assert_close(layer(x), F.rms_norm(x, (8,), eps=1e-3))
    assert layer.bias.numel() == 0
    out = nn.GroupNorm(field_type, 2, affine=False)(x)
    torch.testing.assert_close(out[:, :3], F.rms_norm(x[:, :3], (3,), eps=1e-5))


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.randoms(use_true_random=False))
def test_the_three_agree_where_they_meet(sets, fields, positions, random):
    kinds = [C4.regular, C4.irrep("E"), C4.quotient("C2"), C4.regular + C4.irrep("A")]
    field_type = nn.FieldType(C4, random.choices(kinds, k=sets * fields))
    x = torch.randn(2, field_type.size, positions, dtype=torch.float64)
    single = nn.GroupNorm(field_type, len(field_type), affine=False)(x)
    torch.testing.assert_close(single, nn.InstanceNorm(field_type)(x))
    points = x.transpose(1, 2).flatten(0, 1)
    by_position = nn.GroupNorm(field_type, 1, affine=False)(points).unflatten(0, (2, positions)).transpose(1, 2)
    torch.testing.assert_close(by_position, nn.LayerNorm(field_type, affine=False)(x))
    parts, size = [], fields
    for start in range(0, sets * fields, size):
        part = field_type[start : start + size]
        first = field_type.offsets[start]
        parts.append(nn.GroupNorm(part, 1, affine=False)(x[:, first : first + part.size]))
    torch.testing.assert_close(nn.GroupNorm(field_type, sets, affine=False)(x), torch.cat(parts, 1))


def test_the_kernel_of_torch_is_the_same_formula():
    for make in (lambda t: nn.InstanceNorm(t, affine=True), lambda t: nn.GroupNorm(t, 3)):
        layer = zoo.scrambled(make(nn.FieldType(C8, 6 * [C8.regular]))).double()
        general = copy.deepcopy(layer)
        assert layer._of_torch
        general._of_torch = False
        x = torch.randn(3, 48, 4, 4, dtype=torch.float64) + 1
        torch.testing.assert_close(general(x), layer(x))
        assert isinstance(steer.export(layer), torch.nn.GroupNorm)
        torch.testing.assert_close(steer.export(general)(x), layer(x))


@KINDS
@TYPES
def test_gradient(kind, field_type):
    layer = build(kind, field_type)

    def call(x, weight, bias):
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, x)

    inputs = (torch.randn(2, field_type.size, 2, dtype=torch.float64, requires_grad=True), layer.weight, layer.bias)
    assert torch.autograd.gradcheck(call, inputs, fast_mode=True)
    assert torch.autograd.gradgradcheck(call, inputs, fast_mode=True)


@KINDS
def test_function_transforms(kind):
    for field_type in (WAVES, MIXED, REGULAR + REGULAR):
        zoo.require_transforms(build(kind, field_type), torch.randn(3, 2, field_type.size, 2, 2, dtype=torch.float64))


@KINDS
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_wide_types(kind, memory, monkeypatch):
    # what is small in tests and large in use: maps between channels and sets by index
    for field_type in (WAVES, MIXED):
        x = torch.randn(5, field_type.size, 4, 3, dtype=torch.float64).to(memory_format=memory).requires_grad_()
        slope, found = torch.randn(x.shape, dtype=torch.float64), []
        state = build(kind, field_type).state_dict()
        for dense in (2**14, 0):
            monkeypatch.setattr(_rows, "DENSE", dense)
            layer = LAYERS[kind](field_type).double()
            layer.load_state_dict(state)
            assert layer.set_means.dense == (dense > 0)
            out = layer(x)
            assert out.is_contiguous(memory_format=memory)
            found.append((out, *torch.autograd.grad(out, (x, layer.weight, layer.bias), slope)))
        torch.testing.assert_close(found[1], found[0])


@KINDS
@TYPES
def test_a_large_mean_does_not_spoil_the_variance(kind, field_type):
    layer = LAYERS[kind](field_type)
    x = torch.randn(4, field_type.size, 6, 6) + 1000 * torch.tensor(field_type.invariants).sum(1).float()[:, None, None]
    exact = copy.deepcopy(layer).double()
    torch.testing.assert_close(layer(x).double(), exact(x.double()), rtol=1e-3, atol=1e-3)


@KINDS
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_normalised_in_single(kind, dtype):
    for field_type in (WAVES, MIXED, SCALARS):
        layer = LAYERS[kind](field_type)
        x = (1000 * torch.randn(4, field_type.size, 6, 6)).to(dtype)  # squares overflow in float16
        out = layer(x)
        assert out.dtype == dtype
        assert torch.equal(out, layer(x.float()).to(dtype))
        exact = copy.deepcopy(layer).double()(x.double())
        bound = 4 * torch.finfo(dtype).eps
        for module in (layer.to(dtype), steer.export(layer)):
            torch.testing.assert_close(module(x).double(), exact, rtol=bound, atol=bound)


@KINDS
@TYPES
def test_gradient_is_finite_at_zero(kind, field_type):
    layer = LAYERS[kind](field_type)
    x = torch.zeros(3, field_type.size, 2, 2, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.isfinite().all()
    assert layer.weight.grad.isfinite().all()


@KINDS
def test_features_without_positions(kind):
    field_type = REGULAR + nn.FieldType(C4, 3 * [C4.irrep("E")])
    layer = build(kind, field_type)
    x = torch.randn(7, field_type.size, dtype=torch.float64)
    torch.testing.assert_close(layer(x), layer(x[..., None, None])[..., 0, 0])


def test_a_field_that_is_its_own_mean_is_refused():
    single = nn.FieldType(C4, [C4.irrep("E"), C4.trivial])
    twins = nn.FieldType(C4, [C4.trivial, C4.irrep("E"), C4.trivial, C4.regular])
    for x in (torch.ones(2, 3), torch.ones(2, 3, 1, 1)):
        message = r"x: InstanceNorm needs more than one position for field 1, .*, got shape \(2, 3.*; use GroupNorm or"
        with pytest.raises(ShapeError, match=message):
            nn.InstanceNorm(single)(x)
        with pytest.raises(ShapeError, match=r"x: GroupNorm needs more than one position for field 1, .*use fewer"):
            nn.GroupNorm(single, 1)(x)
    with pytest.raises(ShapeError, match=r"GroupNorm .* field 0, .*, got shape \(2, 8\); use fewer .* num_groups=2"):
        nn.GroupNorm(twins, 2)(torch.ones(2, 8))
    with pytest.raises(FieldTypeError, match=r"in_type: LayerNorm would map field 1 of .* to zero.*; use BatchNorm"):
        nn.LayerNorm(single)
    for layer in (nn.LayerNorm(twins), nn.GroupNorm(twins, 1)):  # a partner makes the difference
        layer(torch.ones(2, 8))
    nn.InstanceNorm(single)(torch.ones(2, 3, 2))


@pytest.mark.parametrize("count", [0, -1, 4, 7, 2.0, True, None, "2"])
def test_groups_must_divide_the_fields(count):
    with pytest.raises(
        SteerError, match=r"num_groups: expected a divisor of the number of fields 6, one of 1, 2, 3, 6,"
    ):
        nn.GroupNorm(SCALARS, count)


@KINDS
def test_bad_arguments_are_refused(kind):
    make = getattr(nn, kind)
    options = {"num_groups": 2} if kind == "GroupNorm" else {}
    with pytest.raises(SteerError, match=r"eps: expected a number >= 0, got -1.0"):
        make(SCALARS, eps=-1.0, **options)
    with pytest.raises(FieldTypeError, match=rf"in_type: {kind} expects a FieldType, got 3"):
        make(3, **options)


@pytest.mark.parametrize("build", [nn.BatchNorm, nn.InstanceNorm, nn.LayerNorm])
def test_statistics_are_exact_under_autocast(build):
    # in half precision a mean of 100 would be wrong by 0.2, as much as the deviations
    group = steer.group("D4", dim=2)
    layer = build(nn.FieldType(group, [group.trivial, group.regular, group.trivial, group.vector])).train()
    x = 100 + torch.randn(4, layer.in_type.size, 6, 6)
    expected = layer(x)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(layer(x).float(), expected, rtol=1e-3, atol=1e-3)
