"""Pointwise functions equal torch's, take its arguments, and refuse fields that the group does not permute."""

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError
from steer.testing import assert_equivariant
from tests import catalogue
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
    field_type = nn.FieldType(C8, [C8.regular, C8.trivial, C8.irrep("E1")])
    arguments = (field_type, 3) if layer is nn.MaxPool else (field_type,)
    with pytest.raises(FieldTypeError, match=rf"in_type: {layer.__name__} needs .* field 2 is .*'E1'.*; use "):
        layer(*arguments)


@pytest.mark.parametrize("layer", [nn.ReLU, nn.SiLU, nn.Sigmoid])
def test_what_is_neither_odd_nor_even_takes_no_signs(layer):
    group = steer.group("D4", dim=2)
    with pytest.raises(FieldTypeError, match=r"field 1 is .*'A2'.* use NormAct .* or a function that is odd, such as"):
        layer(nn.FieldType(group, [group.regular, group.irrep("A2")]))


# Fields that change sign ----------------------------------------------------------------------------------------------

ODD = [torch.tanh, torch.nn.Softsign(), torch.nn.Hardtanh(-2, 2), torch.nn.Tanhshrink(), torch.sin, lambda x: x**3]
EVEN = [torch.abs, torch.square, torch.cos, lambda x: x.tanh().exp() + (-x).tanh().exp()]
NEITHER = [torch.relu, torch.exp, torch.nn.Hardtanh(-2, 3), lambda x: x.tanh() + 1e-6, torch.nn.PReLU(init=1.0)]


@pytest.mark.parametrize("group", catalogue.nearly_all_slow(catalogue.GROUPS), ids=catalogue.group_id)
def test_odd_and_even_functions_of_all_fields_that_change_sign(group):
    # fields keep to single numbers where |rho(g)| is a permutation
    elements = np.concatenate([np.eye(group.dim)[None], catalogue.generators(group)])
    kinds = [rep for rep in catalogue.few_types(group) if rep.size <= catalogue.LARGEST]
    single = [rep for rep in kinds if ((abs(rep(elements)) > 1e-9).sum(2) == 1).all()]
    for rep in set(kinds) - set(single):
        with pytest.raises(FieldTypeError, match=r"field 1 is .* use NormAct"):
            nn.Tanh(nn.FieldType(group, [group.trivial, rep]))
    fields = nn.FieldType(group, [group.trivial, *single])
    odd, even = nn.Tanh(fields), nn.Pointwise(fields, torch.abs)
    assert odd.out_type == fields
    for layer in (odd, even):
        assert_equivariant(layer, elements=elements, shape=(2,), dtype=torch.float64)
    for rep, without in zip(fields, even.out_type, strict=True):
        np.testing.assert_allclose(without(elements), abs(rep(elements)), atol=1e-12)
        assert without.is_permutation
        assert rep.size > 1 or without in (rep, group.trivial)


@pytest.mark.parametrize(
    ("functions", "label"), [(ODD, "0o"), (EVEN, "0e"), (NEITHER, None)], ids=["odd", "even", "no"]
)
def test_parity_is_what_the_function_does(functions, label):
    O3 = steer.group("O(3)", dim=3)
    fields = nn.FieldType(O3, [O3.irrep("0o"), O3.trivial])
    for function in functions:
        if label is None:
            with pytest.raises(FieldTypeError, match=r"field 0 is .*'0o'"):
                nn.Pointwise(fields, function)
        else:
            layer = nn.Pointwise(fields, function)
            assert layer.out_type == nn.FieldType(O3, [O3.irrep(label), O3.trivial])
            assert_equivariant(layer, elements=-np.eye(3)[None], shape=(2, 3), dtype=torch.float64)


class Bent(torch.nn.Module):
    """tanh(a x) + b, which is odd at first."""

    def __init__(self, moves):
        super().__init__()
        self.scale, self.shift = torch.nn.Parameter(torch.ones(1)), torch.nn.Parameter(torch.zeros(1))
        self.moves = moves

    def forward(self, x):
        return (self.scale * x).tanh() + (self.shift if self.moves else 0)


def test_parity_is_that_of_parameters_as_they_become_and_of_equal_draws():
    D4 = steer.group("D4", dim=2)
    fields = nn.FieldType(D4, [D4.vector, D4.irrep("B1")])
    drop = torch.nn.Sequential(torch.nn.Tanh(), torch.nn.Dropout(0.5))
    assert nn.Pointwise(fields, drop).out_type == nn.Pointwise(fields, Bent(False)).out_type == fields
    with pytest.raises(FieldTypeError, match="a function that is odd"):
        nn.Pointwise(fields, Bent(True))


def test_the_function_must_be_one():
    with pytest.raises(FieldTypeError, match=r"function: expected an elementwise torch module .* got 'relu'"):
        nn.Pointwise(REGULAR, "relu")
    x = torch.randn(2, REGULAR.size)
    assert torch.equal(nn.Pointwise(REGULAR, torch.relu)(x), x.relu())
