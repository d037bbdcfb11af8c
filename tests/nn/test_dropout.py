"""Dropout zeroes whole fields of whole samples, or single numbers, with the right probability and mean."""

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, SteerError
from tests import catalogue

from . import zoo

C8, O2 = steer.group("C8", dim=2), steer.group("O(2)", dim=2)
TYPES = [nn.FieldType(C8, 5 * [C8.regular]), zoo.linear_types(O2)[1], nn.FieldType(O2, 4 * [O2.trivial])]


@pytest.mark.parametrize("field_type", TYPES, ids=str)
@pytest.mark.parametrize("inplace", [False, True])
def test_whole_fields_are_dropped_or_scaled(field_type, inplace):
    x = torch.rand(40, field_type.size, 3, 4) + 0.5
    out = nn.Dropout(field_type, 0.3, inplace)(x.clone())
    ratio = out / x
    for a, b in zip(field_type.offsets, field_type.offsets[1:], strict=False):
        field = ratio[:, a:b].flatten(1)
        dropped = (field == 0).all(1)
        kept = torch.isclose(field, torch.tensor(1 / 0.7)).all(1)
        assert torch.all(dropped ^ kept)
        assert 0 < dropped.sum() < 40


def test_fields_are_dropped_independently_with_probability_p():
    field_type = nn.FieldType(C8, 50 * [C8.regular])
    out = nn.Dropout(field_type, 0.3)(torch.ones(400, 400))
    kept = (out.unflatten(1, (50, 8))[:, :, 0] > 0).double()
    # 20000 Bernoulli variables: five standard deviations of their mean are 0.016
    assert abs(kept.mean() - 0.7) < 0.016
    assert abs(out.mean() - 1) < 0.016 / 0.7
    correlations = torch.corrcoef(kept.T) - torch.eye(50)
    assert correlations.abs().max() < 5 / 20


def test_inplace_writes_into_the_input():
    x = torch.ones(2, 40, 3, 3)
    assert nn.Dropout(TYPES[0], inplace=True)(x) is x
    assert x.unique().tolist() == [0, 2]


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
def test_identity_in_evaluation_and_extremes(p):
    x = torch.randn(2, 40, 3, 3)
    layer = nn.Dropout(TYPES[0], p)
    assert torch.equal(layer.eval()(x), x)
    trained = layer.train()(x)
    if p == 0:
        assert torch.equal(trained, x)
    if p == 1:
        assert trained.abs().max() == 0


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan")])
def test_a_bad_probability_is_refused(p):
    with pytest.raises(SteerError, match="p: expected a probability between 0 and 1, got"):
        nn.Dropout(TYPES[0], p)


# Single numbers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", catalogue.nearly_all_slow(catalogue.GROUPS), ids=catalogue.group_id)
def test_single_numbers_of_fields_that_stay_numbers(group):
    # diag(m) for independent m commutes with the action, up to the places of m, where each row has one entry
    kinds = [rep for rep in catalogue.few_types(group) if rep.size <= catalogue.LARGEST]
    for rep in kinds:
        moves = np.concatenate([rep(group.generators), rep(group.identity_component)])
        if ((abs(moves) > 1e-9).sum(2) == 1).all():
            nn.Dropout(nn.FieldType(group, [rep]), elementwise=True)
        else:
            with pytest.raises(FieldTypeError, match=r"in_type: Dropout with elementwise=True needs .* leave it out"):
                nn.Dropout(nn.FieldType(group, [group.trivial, rep]), elementwise=True)


@pytest.mark.parametrize("inplace", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_single_numbers_are_dropped_independently(inplace):
    D4 = steer.group("D4", dim=2)
    field_type = nn.FieldType(D4, [D4.regular, D4.irrep("A2"), D4.vector])
    layer = nn.Dropout(field_type, 0.3, inplace, elementwise=True)
    x = torch.rand(40, field_type.size, 9, 9) + 0.5
    out = layer(x.clone())
    kept = (out != 0).double()
    torch.testing.assert_close(out, x * kept.float() / 0.7)
    # 35640 Bernoulli variables, and as many pairs of neighbours on each axis: five standard deviations
    assert abs(kept.mean() - 0.7) < 5 * (0.21 / kept.numel()) ** 0.5
    for axis in range(4):
        here, there = kept.narrow(axis, 1, kept.shape[axis] - 1) - 0.7, kept.narrow(axis, 0, kept.shape[axis] - 1) - 0.7
        assert abs((here * there).mean()) < 5 * 0.21 / here.numel() ** 0.5
    y = torch.randn(2, field_type.size)
    assert torch.equal(layer.eval()(y), y)
    assert isinstance(steer.export(layer), torch.nn.Identity)
    assert str(layer).endswith("elementwise=True)")


def test_the_flag_is_one():
    with pytest.raises(SteerError, match="elementwise: expected True or False, got 'yes'"):
        nn.Dropout(TYPES[0], elementwise="yes")
