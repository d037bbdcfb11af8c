"""Fields in another order, selected by numbers, lists and masks, by label, or taken apart into orbits."""

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, RepresentationError, ShapeError
from tests import catalogue

from . import zoo

C4, D4, D8 = (steer.group(name, dim=2) for name in ("C4", "D4", "D8"))
FIELDS = nn.FieldType(D4, [D4.regular, D4.trivial, D4.vector, D4.trivial, D4.quotient("C4")])


def parts(x):
    return list(torch.split(x, [rep.size for rep in FIELDS], 1))


@pytest.mark.parametrize("order", [[3, 0, 1, 0], [2], (4, 3, 2, 1, 0), [True, False, True, False, False], slice(1, 4)])
def test_reorder_is_indexing_and_a_loop(order):
    layer = nn.Reorder(FIELDS, order)
    x = torch.randn(2, FIELDS.size, 3, 4)
    expected = torch.cat([parts(x)[field] for field in layer.order], 1)
    assert torch.equal(layer(x), expected)
    index = order if isinstance(order, slice) else list(order)
    assert layer.out_type == FIELDS[index]
    assert torch.equal(FIELDS(x)[:, index].tensor, expected)
    assert torch.equal(steer.export(layer)(x), expected)


def test_the_default_makes_neighbours_of_equal_fields():
    layer = nn.Reorder(FIELDS)
    assert layer.out_type == FIELDS.sorted()
    assert [rep.size for rep in layer.out_type] == [1, 1, 2, 2, 8]
    assert len(layer.out_type.runs) == len(FIELDS.kinds)
    assert nn.Reorder(layer.out_type).order == tuple(range(5))
    assert layer.order == (1, 3, 4, 2, 0)  # stable; a quotient is before a vector by name


@pytest.mark.parametrize("wrong", [[], [False] * 5, [True, False], 3 * [1.0], "abc", None, {0: 1}])
def test_what_selects_no_fields_is_refused(wrong):
    with pytest.raises(FieldTypeError, match="index: "):
        FIELDS[wrong]
    if wrong is not None:
        with pytest.raises(FieldTypeError, match="index: "):
            nn.Reorder(FIELDS, wrong)
    with pytest.raises(FieldTypeError, match="order: index: there is no field 7"):
        nn.Reorder(FIELDS, [0, 7])
    with pytest.raises(IndexError, match="there is no field 7"):
        FIELDS[[0, 7]]


@pytest.mark.parametrize("make", [list, np.array, torch.tensor])
def test_fields_by_lists_masks_arrays_and_tensors(make):
    assert FIELDS[make([2, 0])] == nn.FieldType(D4, [D4.vector, D4.regular])
    assert FIELDS[make([False, True, False, True, False])] == nn.FieldType(D4, 2 * [D4.trivial])
    assert isinstance(FIELDS[make([2])], nn.FieldType)
    assert FIELDS[np.int64(-1)] == D4.quotient("C4")


@pytest.mark.parametrize("make", [list, np.array, torch.tensor])
def test_samples_by_lists_masks_arrays_and_tensors(make):
    x = torch.randn(4, FIELDS.size, 3, 3)
    f = FIELDS(x)
    assert torch.equal(f[make([2, 0])].tensor, x[[2, 0]])
    assert torch.equal(f[make([True, False, False, True])].tensor, x[[0, 3]])
    assert torch.equal(f[:, make([False, True, False, True, False])].tensor, torch.cat([parts(x)[1], parts(x)[3]], 1))
    assert torch.equal(f[make([3]), :, make([0, 2])].tensor, x[[3]][:, :, [0, 2]])
    assert f[[]].shape == (0, FIELDS.size, 3, 3)
    with pytest.raises(ShapeError, match="index: a field keeps all axes"):
        f[["a"]]


def test_fields_by_label():
    found = FIELDS.group_by_labels(["a", 2, "a", 2, "b"])
    assert list(found) == ["a", 2, "b"]
    assert found["a"] == nn.FieldType(D4, [D4.regular, D4.vector])
    assert found[2] == FIELDS[[1, 3]]
    assert not FIELDS.is_uniform
    assert found[2].is_uniform
    with pytest.raises(FieldTypeError, match=r"labels: expected one for each of the 5 fields"):
        FIELDS.group_by_labels(["a"])
    with pytest.raises(FieldTypeError, match=r"labels\[0\]: expected what can be the key"):
        FIELDS.group_by_labels(5 * [[]])


def test_fibers_transform_without_space():
    x = torch.randn(3, FIELDS.size, 4, 5, dtype=torch.float64)
    elements = D4.sample(3, seed=1)
    found = FIELDS.transform_fibers(x, elements)
    for sample in range(3):
        matrix = torch.from_numpy(FIELDS.representation(elements[sample]))
        expected = torch.einsum("ij,j...->i...", matrix, x[sample])
        torch.testing.assert_close(found[sample], expected)
        torch.testing.assert_close(
            FIELDS.transform_fibers(x[:1], elements[sample])[0], torch.einsum("ij,j...->i...", matrix, x[0])
        )


FINITE = [group for group in catalogue.GROUPS if group.is_finite and group.order <= 48]


@pytest.mark.parametrize("group", catalogue.mostly_slow(FINITE), ids=catalogue.group_id)
def test_orbits_are_those_of_all_subgroups(group):
    for subgroup in group.subgroups():
        for rep in (group.regular, group.quotient(group.subgroups()[len(group.subgroups()) // 2])):
            below = rep.restrict(subgroup)
            found = steer.reps.orbits(below)
            order = np.concatenate([vectors for _, vectors in found])
            assert sorted(order) == list(range(rep.size))
            split = nn.FieldType(subgroup, [kind for kind, _ in found]).representation
            for g in subgroup.elements:
                assert np.array_equal(below(g)[np.ix_(order, order)], split(g))
            # Burnside: as many orbits as a permutation has fixed vectors on average
            assert len(found) == round(float(np.mean(rep.character(subgroup.elements))))
            if rep == group.regular:
                assert {kind for kind, _ in found} == {subgroup.regular if subgroup.order > 1 else subgroup.trivial}


def test_what_permutes_nothing_has_no_orbits():
    assert steer.reps.orbits(D4.vector) is None
    assert steer.reps.orbits(steer.group("O(2)", dim=2).quotient("SO(2)")) is None
    with pytest.raises(RepresentationError, match="rep: expected a representation"):
        steer.reps.orbits(D4)


def test_disentangle_keeps_permutations():
    above = nn.FieldType(D8, [D8.regular, D8.irrep("E2"), D8.quotient("D1"), D8.trivial])
    below = above.restrict("D4")
    layer = nn.Disentangle(below, keep_permutations=True)
    D4_inside = below.group
    assert layer.out_type[:2] == nn.FieldType(D4_inside, 2 * [D4_inside.regular])
    assert [rep.size for rep in layer.out_type] == [8, 8, 1, 1, 4, 4, 1]
    nn.ReLU(layer.out_type[[0, 1, 4, 5, 6]])  # pointwise functions act on them
    zoo.require_transforms(layer.double(), torch.randn(3, 2, below.size, 4, dtype=torch.float64))
    x = torch.randn(2, below.size)
    assert torch.equal(layer.float()(x)[:, :16].sort(1).values, x[:, :16].sort(1).values)
    with pytest.raises(FieldTypeError, match="keep_permutations: expected True or False"):
        nn.Disentangle(below, keep_permutations=1)
