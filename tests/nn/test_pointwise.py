"""Pointwise functions equal torch's, take its arguments, and refuse fields that the group does not permute."""

import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError
from tests.catalogue import group_id

from . import zoo

C8 = steer.group("C8", dim=2)
REGULAR = nn.FieldType(C8, 2 * [C8.regular])


@pytest.mark.parametrize(
    ("layer", "plain"),
    [
        (nn.ReLU(REGULAR), torch.nn.ReLU()),
        (nn.ELU(REGULAR, alpha=0.5), torch.nn.ELU(0.5)),
        (nn.LeakyReLU(REGULAR, negative_slope=0.3), torch.nn.LeakyReLU(0.3)),
        (nn.GELU(REGULAR, approximate="tanh"), torch.nn.GELU("tanh")),
        (nn.SiLU(REGULAR), torch.nn.SiLU()),
        (nn.Sigmoid(REGULAR), torch.nn.Sigmoid()),
        (nn.Tanh(REGULAR), torch.nn.Tanh()),
        (nn.Pointwise(REGULAR, torch.nn.Softplus()), torch.nn.Softplus()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_equals_the_function_of_torch(layer, plain):
    x = torch.randn(2, 16, 3, 3)
    assert torch.equal(layer(x), plain(x))
    assert layer.out_type == layer.in_type


@pytest.mark.parametrize("layer", [nn.ReLU, nn.ELU, nn.LeakyReLU, nn.SiLU])
def test_inplace_writes_into_the_input(layer):
    x = torch.randn(2, 16, 3, 3)
    assert layer(REGULAR, inplace=True)(x).data_ptr() == x.data_ptr()
    assert layer(REGULAR)(x).data_ptr() != x.data_ptr()


@pytest.mark.parametrize("group", zoo.GROUPS, ids=group_id)
def test_exactly_permutation_types_are_taken(group):
    # rho(g) f(x) = f(rho(g) x) for a generic f is what a permutation matrix is; the layer must say the same
    for field_type in zoo.permutation_types(group) + zoo.linear_types(group):
        x = torch.randn(50, field_type.size, dtype=torch.float64)
        commutes = all(
            torch.allclose(field_type.transform(x.exp(), g), field_type.transform(x, g).exp())
            for g in group.sample(20, seed=0)
        )
        if commutes:
            nn.ReLU(field_type)
        else:
            with pytest.raises(FieldTypeError, match="use NormAct"):
                nn.ReLU(field_type)


@pytest.mark.parametrize("layer", [nn.ReLU, nn.ELU, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.MaxPool])
def test_other_fields_are_refused_by_name(layer):
    field_type = nn.FieldType(C8, [C8.regular, C8.trivial, C8.irrep("E2")])
    arguments = (field_type, 3) if layer is nn.MaxPool else (field_type,)
    with pytest.raises(FieldTypeError, match=rf"in_type: {layer.__name__} needs .* field 2 is .*'E2'.*; use "):
        layer(*arguments)


def test_a_sign_is_not_a_permutation():
    group = steer.group("D4", dim=2)
    with pytest.raises(FieldTypeError, match=r"field 0 is .*'A2'"):
        nn.Tanh(nn.FieldType(group, [group.irrep("A2")]))


def test_the_function_must_be_one():
    with pytest.raises(FieldTypeError, match=r"function: expected an elementwise torch module .* got 'relu'"):
        nn.Pointwise(REGULAR, "relu")
    x = torch.randn(2, REGULAR.size)
    assert torch.equal(nn.Pointwise(REGULAR, torch.relu)(x), x.relu())
