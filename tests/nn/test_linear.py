"""Linear is every equivariant map between fibres and nothing else: it commutes, and its weights count Hom."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import steer
from steer import nn
from steer.errors import FieldTypeError, KernelError, ShapeError
from steer.reps import intertwiners, multiplicity
from steer.testing import TOLERANCES
from tests.catalogue import IN_PLANE, elements, few_types, group_id

D4 = steer.group("D4", dim=2)
KIND = nn.FieldType(D4, [D4.trivial, D4.regular, D4.vector])


def check(layer, count=6):
    if layer.bias is not None:
        torch.nn.init.normal_(layer.bias)
    for dtype in (torch.float32, torch.float64):
        layer.to(dtype)
        x = torch.randn(3, layer.in_type.size, dtype=dtype)
        with torch.no_grad():
            y = layer(x)
            for g in elements(layer.in_type.group)[:count]:
                difference = layer(layer.in_type.transform(x, g)) - layer.out_type.transform(y, g)
                assert difference.abs().max() < TOLERANCES[dtype] * y.abs().max()


@pytest.mark.parametrize("group", IN_PLANE, ids=group_id)
def test_it_commutes_with_every_element(group):
    kind = nn.FieldType(group, few_types(group))
    check(nn.Linear(kind, kind), count=24)


@pytest.mark.parametrize("group", IN_PLANE, ids=group_id)
def test_it_is_all_of_hom(group):
    for a, b in itertools.product([rep for rep in few_types(group) if rep.size <= 8], repeat=2):
        hom = intertwiners(a, b)
        types = nn.FieldType(group, [a]), nn.FieldType(group, [b])
        layer = nn.Linear(*types, dtype=torch.float64, unreached="ignore")
        assert layer.weight.numel() == multiplicity(a, b) == len(hom)
        if not len(hom):
            assert not layer.matrix().any()
            continue
        span = torch.func.jacrev(layer.plan.expand)(layer.weight.detach()).reshape(-1, len(hom)).numpy()
        q = np.linalg.qr(span)[0]
        flat = hom.reshape(len(hom), -1)
        np.testing.assert_allclose(q @ q.T, flat.T @ flat, atol=1e-12)


def test_weights_of_many_fields():
    in_type, out_type = nn.FieldType(D4, 3 * [D4.regular] + 2 * [D4.vector]), nn.FieldType(D4, 4 * [D4.regular])
    hom = multiplicity(in_type.representation, out_type.representation)
    assert nn.Linear(in_type, out_type).weight.numel() == hom == 4 * (3 * 8 + 2 * 2)


@settings(max_examples=20)
@given(data=st.data())
def test_random_types(data):
    group = data.draw(st.sampled_from(IN_PLANE), label="group")
    fields = st.lists(st.sampled_from([rep for rep in few_types(group) if rep.size <= 8]), min_size=1, max_size=3)
    out_reps = data.draw(fields, label="out")
    in_type = nn.FieldType(group, [*data.draw(fields, label="in"), *out_reps])
    layer = nn.Linear(in_type, nn.FieldType(group, out_reps))
    assert layer.weight.numel() == multiplicity(in_type.representation, layer.out_type.representation)
    check(layer)


def test_the_matrix_is_what_is_applied():
    layer, x = nn.Linear(KIND, KIND), torch.randn(5, KIND.size)
    torch.nn.init.normal_(layer.bias)
    bias = torch.tensor(KIND.invariants, dtype=torch.float32) @ layer.bias
    torch.testing.assert_close(layer(x), x @ layer.matrix().T + bias, rtol=0, atol=1e-5)
    assert layer.matrix().shape == (KIND.size, KIND.size)
    layer.matrix().sum().backward()
    assert layer.weight.grad.any()


def test_the_trivial_group_is_torch_linear():
    C1 = steer.group("C1", dim=2)
    layer = nn.Linear(nn.FieldType(C1, 5 * [C1.trivial]), nn.FieldType(C1, 3 * [C1.trivial]))
    plain, x = torch.nn.Linear(5, 3), torch.randn(4, 5)
    plain.weight.data, plain.bias.data = layer.matrix().detach(), layer.bias.detach()
    assert layer.weight.numel() == 15
    torch.testing.assert_close(layer(x), plain(x), rtol=0, atol=0)
    torch.testing.assert_close(layer._export()(x), plain(x), rtol=0, atol=0)


@pytest.mark.slow  # the contracts compile and export smaller ones
@pytest.mark.parametrize("bias", [True, False])
def test_compile_export_and_fields(bias):
    layer, x = nn.Linear(KIND, KIND, bias=bias), torch.randn(2, KIND.size)
    expected = layer(x)
    torch.compiler.reset()
    torch.testing.assert_close(
        torch.compile(layer, fullgraph=True, backend="aot_eager")(x), expected, rtol=0, atol=1e-5
    )
    torch.testing.assert_close(torch.export.export(layer, (x,)).module()(x), expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(layer._export()(x), expected, rtol=0, atol=1e-5)
    field = layer(KIND(x))
    assert field.type == KIND
    assert torch.equal(field.tensor, expected)
    assert (layer.bias is None) == (not bias)


def test_messages():
    layer = nn.Linear(KIND, KIND)
    with pytest.raises(
        ShapeError, match=r"x: Linear has weights of torch.float32, got a tensor of torch.float64; convert"
    ):
        layer(torch.randn(2, 11, dtype=torch.float64))
    with pytest.raises(ShapeError, match=r"x: expected a tensor \(batch, 11, ...\) .*, got shape \(2, 10\)"):
        layer(torch.randn(2, 10))
    D8 = steer.group("D8", dim=2)
    with pytest.raises(
        FieldTypeError, match=r"out_type: Linear maps between fields of one group, got in_type of .*'D4'"
    ):
        nn.Linear(KIND, nn.FieldType(D8, [D8.regular]))
    with pytest.raises(FieldTypeError, match="in_type: Linear expects a FieldType, got 'regular'"):
        nn.Linear("regular", KIND)
    with pytest.raises(FieldTypeError, match="out_type: Linear expects a FieldType, got 11"):
        nn.Linear(KIND, 11)
    with pytest.raises(KernelError, match=r"out_type: field 0 \(vector of D4\) would be zero"):
        nn.Linear(nn.FieldType(D4, [D4.trivial]), nn.FieldType(D4, [D4.vector]), unreached="error")
