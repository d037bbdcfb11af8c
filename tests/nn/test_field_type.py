"""A field type says how channels transform: its action is a homomorphism, its tensors check themselves."""

import copy
import pickle

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, GroupError, ShapeError, SteerError
from steer.testing import grid_symmetries
from tests.catalogue import group_id

from . import zoo
from .symmetries import grid_generators

C4, C8, D4 = (steer.group(name, dim=2) for name in ("C4", "C8", "D4"))
TYPE = nn.FieldType(C4, [C4.trivial, C4.vector])


def all_types(group):
    return zoo.permutation_types(group) + zoo.linear_types(group)


@pytest.mark.parametrize("group", zoo.GROUPS, ids=group_id)
def test_sizes_offsets_and_slices(group):
    for field_type in all_types(group):
        assert field_type.size == sum(rep.size for rep in field_type)
        assert field_type.offsets[0] == 0
        assert field_type.offsets[-1] == field_type.size
        counted = [np.sum(field_type.field_of_channel == index) for index in range(len(field_type))]
        assert counted == [rep.size for rep in field_type]
        assert field_type[:1] + field_type[1:] == field_type if len(field_type) > 1 else True
        assert field_type[0] == field_type.representations[0]
        assert hash(field_type) == hash(nn.FieldType(group, list(field_type)))


@pytest.mark.parametrize("group", zoo.GROUPS, ids=group_id)
def test_invariants_are_fixed_orthogonal_and_complete(group):
    for field_type in all_types(group):
        basis = field_type.invariants
        for g in group.sample(5, seed=0):
            assert np.abs(field_type.representation(g) @ basis - basis).max(initial=0) < 1e-12
        gram = basis.T @ basis
        assert np.abs(gram - np.diag(np.diag(gram))).max(initial=0) < 1e-12
        trivial = sum(psi.is_trivial for rep in field_type for psi in rep.irreps)
        assert basis.shape == (field_type.size, trivial)
        assert np.allclose(np.abs(basis).max(0, initial=0), 1)


def test_invariant_of_a_permutation_field_is_ones():
    for field_type in zoo.permutation_types(D4):
        assert np.array_equal(field_type.invariants.sum(1), np.ones(field_type.size))


def test_the_same_representation_twice_is_equal_and_a_different_order_is_not():
    assert nn.FieldType(C4, [C4.trivial, C4.regular]) == nn.FieldType(C4, (C4.trivial, C4.regular))
    assert nn.FieldType(C4, [C4.trivial, C4.regular]) != nn.FieldType(C4, [C4.regular, C4.trivial])


def test_repr_builds_the_type_again():
    field_type = nn.FieldType(D4, [D4.trivial, D4.trivial, D4.regular, D4.vector, D4.irrep("E")])
    names = {"FieldType": nn.FieldType, "steer": steer}
    assert eval(repr(field_type), names) == field_type
    assert str(field_type) == "2 A1 + regular + vector + E of D4 (14 channels)"


@pytest.mark.parametrize("group", zoo.GROUPS, ids=group_id)
def test_pickle_and_copies_are_equal(group):
    for field_type in all_types(group):
        assert pickle.loads(pickle.dumps(field_type)) == field_type
        assert copy.deepcopy(field_type) == field_type
        assert copy.copy(field_type) == field_type


@pytest.mark.parametrize("group", zoo.GROUPS, ids=group_id)
def test_restriction_keeps_the_channels(group):
    for small in group.subgroups():
        for field_type in all_types(group):
            found = field_type.restrict(small)
            assert found.group == small
            assert found.size == field_type.size
            for g in small.sample(3, seed=0):
                assert np.allclose(found.representation(g), field_type.representation(g), atol=1e-12)


# Its action on feature maps


@pytest.mark.parametrize("k", range(4))
def test_rot90_is_the_action_of_a_quarter_turn(k):
    f = torch.randn(2, 3, 5, 5)
    turn = np.round([[np.cos(k * np.pi / 2), -np.sin(k * np.pi / 2)], [np.sin(k * np.pi / 2), np.cos(k * np.pi / 2)]])
    moved = nn.FieldType(C4, 3 * [C4.trivial]).transform(f, turn)
    assert torch.equal(moved, torch.rot90(f, k, dims=(-1, -2)))


def test_x_is_the_last_axis_and_vectors_turn_with_the_image():
    field = torch.zeros(1, 2, 3, 3)
    field[0, 0, 1, 2] = 1  # at x = 1, y = 0, pointing along x
    moved = nn.FieldType(C4, [C4.vector]).transform(field, [[0, -1], [1, 0]])  # x turns towards y
    expected = torch.zeros(1, 2, 3, 3)
    expected[0, 1, 2, 1] = 1  # at x = 0, y = 1, pointing along y
    assert torch.equal(moved, expected)


def test_reflection_in_the_x_axis_flips_rows():
    f = torch.randn(1, 1, 4, 6)
    moved = nn.FieldType(D4, [D4.trivial]).transform(f, [[1, 0], [0, -1]])
    assert torch.equal(moved, f.flip(2))


@pytest.mark.parametrize("group", [group for group in zoo.GROUPS if group.order != 16], ids=group_id)
@pytest.mark.parametrize("size", [4, 5])
def test_transform_is_a_homomorphism(group, size):
    elements = grid_symmetries(group)
    for field_type in all_types(group):
        x = torch.randn(1, field_type.size, *group.dim * [size], dtype=torch.float64)
        assert torch.allclose(field_type.transform(x, np.eye(group.element_size)), x, atol=1e-13)
        for g in elements:
            for h in grid_generators(group):  # what holds for these holds for their products
                twice = field_type.transform(field_type.transform(x, h), g)
                torch.testing.assert_close(field_type.transform(x, g @ h), twice, rtol=0, atol=1e-12)


def test_transform_of_features_without_positions_is_the_representation():
    field_type = nn.FieldType(D4, [D4.regular, D4.vector])
    x = torch.randn(3, 10, dtype=torch.float64)
    for g in D4.elements:
        expected = x @ torch.from_numpy(field_type.representation(g)).T
        torch.testing.assert_close(field_type.transform(x, g), expected)


def test_turns_by_any_angle_agree_with_those_of_a_smooth_function():
    so2 = steer.group("SO(2)", dim=2)
    axis = torch.arange(41) - 20.0
    y, x = torch.meshgrid(axis, axis, indexing="ij")

    def blob(a, b):
        return torch.exp(-((x - a) ** 2 + (y - b) ** 2) / 18)[None, None].double()

    for g in so2.sample(5, seed=0):
        a, b = g @ [5, 2]
        moved = nn.FieldType(so2, [so2.trivial]).transform(blob(5, 2), g)
        assert (moved - blob(a, b)).abs().max() < 5e-4


def test_an_empty_batch_turns_into_an_empty_batch():
    kind = nn.FieldType(C8, [C8.regular])
    assert kind.transform(torch.zeros(0, 8, 5, 5), C8.elements[1]).shape == (0, 8, 5, 5)


def test_transform_keeps_dtype():
    field_type = nn.FieldType(C8, [C8.regular])
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        assert field_type.transform(torch.ones(1, 8, 3, 3, dtype=dtype), C8.elements[1]).dtype == dtype


def test_transform_refuses_what_does_not_fit():
    field_type = nn.FieldType(C8, [C8.regular])
    with pytest.raises(GroupError, match="g: a matrix is"):
        field_type.transform(torch.zeros(1, 8, 3, 3), [[1, 0], [0, -1]])
    with pytest.raises(ShapeError, match=r"\(batch, 8, \.\.\.\).*got shape \(1, 7, 3, 3\)"):
        field_type.transform(torch.zeros(1, 7, 3, 3), np.eye(2))
    with pytest.raises(ShapeError, match=r"2 axes of space, got shape \(1, 8, 3, 3, 3\)"):
        field_type.transform(torch.zeros(1, 8, 3, 3, 3), np.eye(2))


# Construction


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("C8", [C8.regular]), r"group: expected a group such as .* got 'C8'"),
        ((C8, C8.regular), r"representations: expected a list .* write \[representation\]"),
        ((C8, []), "representations: expected at least one field, got an empty list"),
        ((C8, [C8.regular, "regular"]), r"representations\[1\]: expected a representation .* got 'regular'"),
        ((C8, [C8.regular, C4.regular]), r"representations\[1\]: .*C4.* the type's group is .*C8.*restrict"),
    ],
)
def test_bad_types_are_refused(arguments, message):
    with pytest.raises(FieldTypeError, match=message):
        nn.FieldType(*arguments)


def test_types_of_two_groups_do_not_add():
    with pytest.raises(FieldTypeError, match=r"\+: both types must be of one group, got .*C4.* and .*C8"):
        nn.FieldType(C4, [C4.regular]) + nn.FieldType(C8, [C8.regular])
    with pytest.raises(TypeError):
        nn.FieldType(C4, [C4.regular]).__add__([C4.regular]) + 1


# Tensors of a type


def test_field_tensors_add_scale_and_transform():
    field_type = nn.FieldType(C4, [C4.regular])
    x, y = torch.randn(2, 1, 4, 3, 3)
    f, g = field_type(x), field_type(y)
    assert torch.equal((f + g).tensor, x + y)
    assert torch.equal((2 * f).tensor, 2 * x)
    assert (f * 0.5).type == field_type
    assert f.shape == (1, 4, 3, 3)
    assert torch.equal(f.transform(C4.elements[1]).tensor, field_type.transform(x, C4.elements[1]))


def test_field_tensors_of_two_types_do_not_add():
    one, other = nn.FieldType(C4, [C4.regular]), nn.FieldType(C4, 4 * [C4.trivial])
    with pytest.raises(
        FieldTypeError, match=r"\+: fields of two types cannot be added: regular of C4 .* and 4 A of C4"
    ):
        one(torch.zeros(1, 4)) + other(torch.zeros(1, 4))
    with pytest.raises(TypeError):
        one(torch.zeros(1, 4)) + torch.zeros(1, 4)


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.zeros(1, 5, 3, 3), r"x: expected a tensor \(batch, 4, \.\.\.\) .* got shape \(1, 5, 3, 3\)"),
        (torch.zeros(4), r"x: expected a tensor \(batch, 4, \.\.\.\) .* got shape \(4,\)"),
        (
            torch.zeros(1, 4, 3, 3, dtype=torch.int64),
            r"x: expected a floating-point tensor, got torch.int64; .*float\(\)",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_refused(tensor, message):
    field_type = nn.FieldType(C4, [C4.regular])
    with pytest.raises(ShapeError, match=message) as caught:
        field_type(tensor)
    assert isinstance(caught.value, SteerError)
    with pytest.raises(ShapeError, match=message):
        nn.ReLU(field_type)(tensor)


def test_pytree_round_trip():
    field = nn.FieldType(C4, [C4.regular])(torch.randn(2, 4, 3, 3))
    leaves, spec = torch.utils._pytree.tree_flatten({"a": field, "b": 1})
    back = torch.utils._pytree.tree_unflatten(leaves, spec)
    assert back["a"].type == field.type
    assert torch.equal(back["a"].tensor, field.tensor)
    doubled = torch.utils._pytree.tree_map_only(torch.Tensor, lambda x: 2 * x, field)
    assert torch.equal(doubled.tensor, 2 * field.tensor)


def test_field_tensors_pickle():
    field = nn.FieldType(C4, [C4.regular])(torch.randn(2, 4, 3, 3))
    back = pickle.loads(pickle.dumps(field))
    assert back.type == field.type
    assert torch.equal(back.tensor, field.tensor)


def _odd_tensors():
    dense = torch.zeros(2, TYPE.size, 5, 5)
    yield dense.to_sparse()
    yield torch.zeros(2, TYPE.size).to_sparse_csr()
    yield torch.nested.nested_tensor([torch.zeros(TYPE.size, 5, 5), torch.zeros(TYPE.size, 4, 4)])


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta state")
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors is in prototype stage")
def test_tensors_that_are_not_dense_are_refused_with_what_would_do():
    g, points = C4.elements[1], torch.zeros(2, 2)
    for odd in _odd_tensors():
        advice = "nested one; fill it up" if odd.is_nested else "to_dense"
        calls = {
            "x": [TYPE.check, TYPE, lambda x: TYPE.transform(x, g), lambda x: TYPE.transform_points(x, points, g)],
            "points": [lambda x: TYPE.transform_points(torch.zeros(2, TYPE.size), x, g)],
        }
        calls["x"] += [nn.Linear(TYPE, TYPE), nn.NormAct(TYPE), nn.Sequential(nn.BatchNorm(TYPE))]
        calls["x"] += [lambda x: nn.check_types(nn.NormAct(TYPE), x), lambda x: nn.to_hexagonal(x, 3)]
        for argument, functions in calls.items():
            for function in functions:
                with pytest.raises(ShapeError, match=f"^{argument}: .*{advice}"):
                    function(odd)
        with pytest.raises(ShapeError, match="space: expected"):
            nn.grid_loss(nn.AvgPool(TYPE, 2), odd)
        with pytest.raises(GroupError, match=r"^g: "):
            TYPE.transform(torch.zeros(2, TYPE.size, 5, 5), odd)


def test_elements_without_values_are_refused():
    g = torch.eye(2, device="meta")
    for act in (lambda: TYPE.transform(torch.zeros(1, TYPE.size, 5, 5), g), lambda: C4.vector(g)):
        with pytest.raises(GroupError, match=r"^g: expected"):
            act()
