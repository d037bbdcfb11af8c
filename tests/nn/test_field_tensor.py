"""Field tensors as values: fields by index, cat and split, sums and multiples; all commute with the group."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import steer
from steer import nn
from steer.errors import FieldTypeError, ShapeError
from steer.testing import grid_symmetries

D4 = steer.group("D4", dim=2)
KINDS = [D4.trivial, D4.regular, D4.vector, D4.irrep("A2"), D4.quotient("D1")]
TYPE = nn.FieldType(D4, KINDS)
OTHER = nn.FieldType(D4, [D4.irrep("A2")] * TYPE.size)


def field(field_type=TYPE, space=(5, 5), batch=2):
    return field_type(torch.randn(batch, field_type.size, *space))


def channels(field_type, index):
    return torch.cat([torch.arange(field_type.offsets[i], field_type.offsets[i + 1]) for i in index])


@given(st.data())
def test_fields_by_index(data):
    f = field()
    count = len(TYPE)
    index = data.draw(
        st.one_of(
            st.integers(-count, count - 1),
            st.lists(st.integers(-count, count - 1), min_size=1, max_size=6),
            st.slices(count).filter(lambda chosen: len(range(count)[chosen]) > 0),
        )
    )
    numbers = [index] if isinstance(index, int) else index
    numbers = list(range(count)[index]) if isinstance(index, slice) else [number % count for number in numbers]
    found = f[:, index]
    assert found.type == nn.FieldType(D4, [KINDS[number] for number in numbers])
    assert torch.equal(found.tensor, f.tensor[:, channels(TYPE, numbers)])
    for g in grid_symmetries(D4)[1:3]:
        assert torch.equal(f.transform(g)[:, index].tensor, found.transform(g).tensor)


def test_other_axes_are_kept():
    f = field(batch=4)
    assert torch.equal(f[1:3].tensor, f.tensor[1:3])
    assert torch.equal(f[torch.tensor([2, 0])].tensor, f.tensor[[2, 0]])
    assert torch.equal(f[..., 1:-1, 1:-1].tensor, f.tensor[..., 1:-1, 1:-1])
    assert torch.equal(f[:2, 1:3, :, ::2].tensor, f.tensor[:2, 1:11, :, ::2])
    assert f[..., 1:4].type == TYPE


def test_neighbours_are_views():
    f = field()
    assert f[:, 1:3].tensor.data_ptr() == f.tensor[:, 1:].data_ptr()


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.integers(0, 1000))
def test_split_and_cat_are_inverse(sizes, seed):
    whole = nn.FieldType(D4, [KINDS[(seed + number) % len(KINDS)] for number in range(sum(sizes))])
    f = field(whole)
    parts = f.split(sizes)
    assert [len(part.type) for part in parts] == sizes
    assert all(part.tensor._base is f.tensor for part in parts)
    again = nn.cat(parts)
    assert again.type == whole
    assert torch.equal(again.tensor, f.tensor)
    assert [len(part.type) for part in nn.split(f, 2)] == [2] * (len(whole) // 2) + [1] * (len(whole) % 2)


def test_arithmetic():
    f, g = field(), field()
    for found, expected in (
        (f + g, f.tensor + g.tensor),
        (f - g, f.tensor - g.tensor),
        (-f, -f.tensor),
        (f * 2, 2 * f.tensor),
        (2.5 * f, 2.5 * f.tensor),
        (f * torch.tensor(3.0), 3 * f.tensor),
        (f / 4, f.tensor / 4),
    ):
        assert found.type == TYPE
        assert torch.equal(found.tensor, expected)


def test_dtype_device_and_detach():
    f = TYPE(torch.randn(1, TYPE.size, 3, 3, requires_grad=True))
    assert (f.dtype, f.device, f.shape) == (torch.float32, torch.device("cpu"), (1, TYPE.size, 3, 3))
    assert f.to(torch.float64).dtype == torch.float64
    assert not f.detach().tensor.requires_grad


@pytest.mark.filterwarnings("ignore")  # dynamo's own deprecations
def test_one_graph_under_the_compiler():
    def function(x):
        f = TYPE(x)
        first, second = nn.split(f, [2, 3])
        return (nn.cat([second, first])[:, [4, 0]] * 2 - f[:, [1, 2]]).tensor

    torch._dynamo.reset()
    x = torch.randn(2, TYPE.size, 4, 4)
    # second, first = (vector, A2, quotient), (trivial, regular)
    assert torch.equal(torch.compile(function, fullgraph=True, backend="eager")(x), function(x))


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda f: f + field(OTHER), FieldTypeError, r"\+: fields of two types cannot be added: .* and .* A2 of D4"),
        (lambda f: f - field(OTHER), FieldTypeError, r"-: fields of two types cannot be subtracted"),
        (lambda f: f + field(space=()), ShapeError, r"\+: fields over spaces of different dimensions"),
        (lambda f: f * f, FieldTypeError, r"\*: components of fields do not multiply to a field"),
        (
            lambda f: f * f.tensor,
            FieldTypeError,
            r"\*: a field of type .* is scaled by a number or a tensor without axes",
        ),
        (lambda f: f[:, 5], IndexError, r"index: there is no field 5 in .*, which has 5"),
        (lambda f: f[:, []], FieldTypeError, r"index: \[\] selects none of the 5 fields"),
        (lambda f: f[:, 3:3], FieldTypeError, r"index: .* selects none of the 5 fields"),
        (lambda f: f[:, "a"], FieldTypeError, r"index: fields are selected by an integer, a slice or a list"),
        (
            lambda f: f[0],
            ShapeError,
            r"index: a field keeps all axes, so the batch takes a slice, a list, a mask or a 1-d tensor, got 0",
        ),
        (lambda f: f[:, :, 0], ShapeError, r"index: a field keeps all axes, so axis 2, of space, takes"),
        (lambda f: f[None], ShapeError, r"index: a field is indexed by \[batch, fields, \*space\]"),
        (lambda f: f[:, :, :, :, :], ShapeError, r"index: got 5 indices of a field with the 4 axes"),
        (lambda f: f.split([2, 2]), FieldTypeError, r"sizes: expected .* with the sum 5, .* got \[2, 2\]"),
        (lambda f: nn.split(f.tensor, 2), FieldTypeError, r"field: expected a FieldTensor, got Tensor"),
        (lambda f: nn.cat([]), FieldTypeError, r"fields: expected at least one FieldTensor, got none"),
        (lambda f: nn.cat([f, f.tensor]), FieldTypeError, r"fields\[1\]: expected a FieldTensor, got Tensor"),
        (lambda f: nn.cat([f, field(space=(4, 4))]), ShapeError, r"fields\[1\]: batch and space must be those of"),
        (
            lambda f: nn.cat([f, field(TYPE.restrict("C4"))]),
            FieldTypeError,
            r"fields\[1\]: all types must be of one group",
        ),
    ],
)
def test_bad_input_names_itself(act, error, message):
    with pytest.raises(error, match=message):
        act(field())


def test_a_field_is_no_sequence():
    with pytest.raises(TypeError, match="not iterable"):
        list(field())
