"""Chains that are edited, modules on fields of their own, and keywords that reach the modules that take them."""

import copy
import itertools
import pickle
from collections import OrderedDict

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import steer
from steer import nn
from steer.errors import FieldTypeError, ShapeError, SteerError
from steer.testing import assert_equivariant

C4 = steer.group("C4", dim=2)
REGULAR, VECTORS = nn.FieldType(C4, [C4.regular]), nn.FieldType(C4, 2 * [C4.vector])
TYPES = (REGULAR, VECTORS, nn.FieldType(C4, [C4.vector, C4.regular]))
EDITS = st.tuples(
    st.sampled_from(["append", "insert", "set", "del", "del slice", "pop", "extend"]),
    st.integers(-7, 7),
    st.integers(0, 2),
    st.integers(0, 2),
)


def link(start: int, end: int) -> nn.Module:
    """A small module from one of the types to another."""
    return nn.Identity(TYPES[start]) if start == end else nn.Linear(TYPES[start], TYPES[end])


def edited(chain, edit):
    """Carry out an edit, which lists and chains know alike."""
    kind, index, start, end = edit
    module = link(start, end)
    if kind == "append":
        chain.append(module)
    elif kind == "extend":
        chain.extend([module, link(end, start)])
    elif kind == "insert":
        chain.insert(index, module)
    elif kind == "set":
        chain[index] = module
    elif kind == "del":
        del chain[index]
    elif kind == "del slice":
        del chain[index : index + 2]
    else:
        chain.pop(index)


def names(modules) -> list[tuple[str, str]]:
    return [(str(module.in_type), str(module.out_type)) for module in modules]


@given(st.lists(EDITS, min_size=1, max_size=6))
def test_edits_are_those_of_a_list_or_refused_without_a_trace(edits):
    chain = nn.Sequential(link(0, 1), link(1, 1), link(1, 0))
    for edit in edits:
        model, before = list(chain), list(chain)
        try:
            edited(model, edit)
            fits = bool(model) and all(a.out_type == b.in_type for a, b in itertools.pairwise(model))
            fits = fits and (edit[0] != "insert" or -len(before) - 1 <= edit[1] <= len(before))  # lists clip
        except IndexError:
            fits = False
        try:
            edited(chain, edit)
        except (FieldTypeError, IndexError):
            assert not fits
            assert list(chain) == before
        else:
            assert names(chain) == names(model)
        assert list(chain._modules) == [str(index) for index in range(len(chain))]
        assert (chain.in_type, chain.out_type) == (chain[0].in_type, chain[-1].out_type)
        assert chain(torch.randn(2, chain.in_type.size)).shape == (2, chain.out_type.size)


def test_edits_return_what_those_of_torch_return():
    chain = nn.Sequential(link(0, 1))
    assert chain.append(link(1, 2)) is chain
    assert chain.extend([link(2, 1)]) is chain
    assert chain.insert(0, nn.Identity(REGULAR)) is chain
    last = chain[-1]
    assert chain.pop() is last
    assert [type(part).__name__ for part in chain] == ["Identity", "Linear", "Linear"]
    assert [type(part).__name__ for part in chain[1:] + nn.Sequential(link(2, 0))] == 3 * ["Linear"]
    with pytest.raises(TypeError):
        chain + 3


def test_a_list_is_a_chain_and_slices_keep_types_and_modules():
    parts = [link(0, 1), link(1, 2), link(2, 2)]
    for given_parts in (parts, tuple(parts), (part for part in parts), torch.nn.ModuleList(parts)):
        chain = nn.Sequential(given_parts)
        assert list(chain) == parts
    piece = chain[1:]
    assert isinstance(piece, nn.Sequential)
    assert (piece.in_type, piece.out_type) == (TYPES[1], TYPES[2])
    assert piece[0] is parts[1]


def test_names_of_their_own_stay():
    chain = nn.Sequential(OrderedDict(stem=link(0, 1), head=link(1, 2)))
    chain.append(link(2, 0))
    chain.insert(1, nn.Identity(VECTORS))
    assert list(chain._modules) == ["stem", "1", "head", "3"]
    del chain[1]
    assert list(chain._modules) == ["stem", "head", "2"]
    assert chain.stem is chain[0]


@pytest.mark.parametrize(
    ("edit", "error", "message"),
    [
        (
            lambda c: c.append(nn.ReLU(REGULAR)),
            FieldTypeError,
            r"modules\[1\]: ReLU expects .*, returns 2 vector of C4",
        ),
        (lambda c: c.append(torch.nn.ReLU()), FieldTypeError, r"modules\[1\]: expected a module of steer.nn"),
        (lambda c: c.extend({link(1, 1)}), FieldTypeError, r"modules: expected .* got a set, which has no order"),
        (lambda c: c.extend(3), FieldTypeError, r"modules: expected modules of steer.nn, or a list of them, got 3"),
        (lambda c: c.insert(1.0, link(1, 1)), SteerError, r"index: expected an integer, got 1.0"),
        (lambda c: c.pop(3), IndexError, r"index: 3 is none of the 1 places in a Sequential of 1 modules"),
        (lambda c: c[1:], FieldTypeError, r"index: slice\(1, None, None\) holds none of the 1 modules"),
        (lambda c: c.pop(), FieldTypeError, r"modules: expected at least one module, got none"),
    ],
)
def test_edits_that_do_not_fit_are_named(edit, error, message):
    chain = nn.Sequential(link(0, 1))
    with pytest.raises(error, match=message):
        edit(chain)
    assert len(chain) == 1


def test_modules_in_parallel_read_fields_of_their_own():
    relu, norm, conv = nn.ReLU(REGULAR), nn.NormAct(VECTORS), nn.Conv2d(REGULAR, VECTORS, 3, padding=1)
    layer = nn.Parallel(relu, norm, conv)
    x = torch.randn(2, layer.in_type.size, 6, 6)
    assert layer.in_type == REGULAR + VECTORS + REGULAR
    assert layer.out_type == REGULAR + VECTORS + VECTORS
    assert torch.equal(layer(x), torch.cat([relu(x[:, :4]), norm(x[:, 4:8]), conv(x[:, 8:])], 1))
    assert_equivariant(layer.double(), x.double())
    f = layer.in_type(x.double())
    assert layer(f).type == layer.out_type


@pytest.mark.parametrize("container", [nn.Parallel, nn.Branch])
def test_a_module_in_two_places_works_in_both(container):
    shared = nn.BatchNorm(REGULAR)
    layer = container(shared, shared).eval()
    x = torch.randn(3, layer.in_type.size, 4, 4)
    assert layer(x).shape[1] == 8
    torch.testing.assert_close(steer.export(layer)(x), layer(x))


def test_parallel_exports_and_copies():
    layer = nn.Sequential(nn.Parallel(nn.ReLU(REGULAR), nn.Sequential(nn.BatchNorm(VECTORS), nn.NormAct(VECTORS))))
    x = torch.randn(2, 8, 5, 5)
    layer(x)
    layer.eval()
    plain = pickle.loads(pickle.dumps(steer.export(layer)))
    torch.testing.assert_close(plain(x), layer(x))
    assert torch.equal(copy.deepcopy(layer)(x), layer(x))
    assert torch.equal(torch.compile(layer, backend="eager")(x), layer(x))


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (nn.Parallel, FieldTypeError, r"modules: expected at least one module, got none"),
        (lambda: nn.Parallel(torch.nn.ReLU()), FieldTypeError, r"modules\[0\]: expected a module of steer.nn"),
        (
            lambda: nn.Parallel(nn.ReLU(REGULAR), nn.Restrict(REGULAR, "C2")),
            FieldTypeError,
            r"modules\[1\]: its out_type: all types must be of one group",
        ),
        (
            lambda: nn.Parallel(nn.ReLU(REGULAR), nn.Identity(VECTORS))(torch.randn(1, 7, 3, 3)),
            ShapeError,
            r"x: expected a tensor \(batch, 8, ...\)",
        ),
        (
            lambda: nn.Parallel(nn.Conv2d(REGULAR, REGULAR, 3), nn.Identity(VECTORS))(torch.randn(1, 8, 5, 5)),
            ShapeError,
            r"x: Parallel concatenates feature maps over the same positions",
        ),
    ],
)
def test_parallel_refuses(build, error, message):
    with pytest.raises(error, match=message):
        build()


def test_keywords_reach_the_modules_that_take_them_through_every_container():
    attend, other = nn.SelfAttention(VECTORS, distances=2), nn.SelfAttention(VECTORS)
    with torch.no_grad():
        attend.distance_bias.weight.normal_()
    net = nn.Sequential(
        nn.Residual(nn.Sequential(nn.NormAct(VECTORS), attend)),
        nn.Parallel(nn.Identity(VECTORS[:1]), nn.Identity(VECTORS[1:])),
        nn.Branch(nn.Identity(VECTORS), other),
    )
    x, positions, mask = torch.randn(2, 4, 9), torch.randn(2, 9, 2), torch.rand(2, 9) > 0.3
    between = x + attend(nn.NormAct(VECTORS)(x), positions=positions, mask=mask)
    expected = torch.cat([between, other(between, mask=mask)], 1)
    torch.testing.assert_close(net(x, positions=positions, mask=mask), expected)
    typed = net(VECTORS(x), positions=positions, mask=mask)
    torch.testing.assert_close(typed.tensor, expected)
    assert typed.type == net.out_type


def test_a_keyword_that_no_module_takes_is_named():
    net = nn.Sequential(nn.SelfAttention(VECTORS))
    with pytest.raises(SteerError, match=r"masks: no module inside of this Sequential takes it; they take mask"):
        net(torch.randn(2, 4, 9), masks=None)
    with pytest.raises(SteerError, match=r"mask: no module inside of this Parallel takes it; they take none"):
        nn.Parallel(nn.ReLU(REGULAR))(torch.randn(1, 4), mask=None)


def test_keywords_of_a_layer_of_ones_own_are_found():
    class Scale(nn.Module):
        def __init__(self, in_type):
            super().__init__(in_type, in_type)

        def forward(self, x, by=1.0):
            return by * x

    net = nn.Sequential(Scale(REGULAR), nn.ReLU(REGULAR))
    x = torch.randn(1, 4)
    assert torch.equal(net(x, by=2.0), 2 * x.relu())
    assert torch.equal(torch.compile(net, backend="eager", fullgraph=True)(x, by=2.0), 2 * x.relu())


def grown(chain):
    chain.append(link(1, 2))


def replaced(chain):
    chain.add_module("0", link(0, 2))


@pytest.mark.parametrize("change", [grown, replaced])
@pytest.mark.parametrize("typed", [True, False])
@pytest.mark.parametrize(
    "around",
    [
        lambda chain: nn.Sequential(chain, nn.NormAct(VECTORS)),
        lambda chain: nn.Branch(chain, nn.Identity(REGULAR)),
        lambda chain: nn.Parallel(chain, nn.Identity(REGULAR)),
        lambda chain: nn.Residual(chain, link(0, 1)),
        lambda chain: nn.Residual(nn.Sequential(chain), link(0, 1)),
    ],
)
def test_what_a_changed_chain_no_longer_fits_refuses_to_run(around, change, typed):
    chain = nn.Sequential(link(0, 1))
    outer = around(chain)
    x = torch.randn(2, outer.in_type.size)
    outer(x)
    change(chain)
    with pytest.raises(FieldTypeError, match=r"expects fields of type|changed and lead from|only fields of one type"):
        outer(outer.in_type(x) if typed else x)


def test_a_chain_that_torch_edits_is_checked_when_it_runs():
    chain = nn.Sequential(link(0, 1))
    chain.add_module("1", link(1, 1))
    x = torch.randn(2, 4)
    assert torch.equal(chain(x), chain[1](chain[0](x)))
    chain.add_module("2", link(1, 2))
    with pytest.raises(FieldTypeError, match=r"Sequential: the modules inside have been changed and lead from .* to "):
        chain(x)


def test_a_chain_cannot_hold_itself():
    chain = nn.Sequential(nn.Identity(REGULAR))
    for module in (chain, nn.Sequential(chain), nn.Residual(chain)):
        with pytest.raises(FieldTypeError, match="a chain cannot hold itself"):
            chain.append(module)
    assert len(chain) == 1


@pytest.mark.parametrize("container", [nn.Branch, nn.Parallel])
def test_modules_beside_each_other_are_a_list(container):
    modules = [nn.ReLU(REGULAR), nn.CReLU(REGULAR), nn.ELU(REGULAR)]
    beside, torchs = container(*modules), torch.nn.ModuleList(modules)
    assert len(beside) == len(torchs) == 3
    assert list(beside) == list(torchs)
    assert modules[1] in beside
    for index in range(-3, 3):
        assert beside[index] is torchs[index]
    for part in (slice(1, None), slice(None, 2), slice(None, None, -1)):
        sliced = beside[part]
        assert type(sliced) is container
        assert list(sliced) == list(torchs[part])
        assert sliced.out_type == container(*torchs[part]).out_type
    with pytest.raises(IndexError, match="3 is none of the 3 places"):
        beside[3]
    with pytest.raises(SteerError, match="index: expected an integer"):
        beside["0"]
    with pytest.raises(FieldTypeError, match="modules: expected at least one"):
        beside[3:]


def test_chains_multiply_as_those_of_torch():
    def pair():
        return nn.Conv2d(REGULAR, REGULAR, 3, padding=1), nn.ReLU(REGULAR)

    modules, x = pair(), torch.randn(1, REGULAR.size, 5, 5)
    ours, torchs = nn.Sequential(*modules), torch.nn.Sequential(*modules)
    for made, expected in ((ours * 3, torchs * 3), (2 * ours, 2 * torchs)):
        assert list(made) == list(expected)
        assert list(made.state_dict()) == list(expected.state_dict())
        assert torch.equal(made(x), expected(x))
    kept = ours
    ours *= 2
    torchs *= 2
    assert ours is kept
    assert list(ours) == list(torchs)
    ours += nn.Sequential(nn.ReLU(REGULAR))
    assert ours is kept
    assert len(ours) == 5
    assert len(list(ours.parameters())) == len(list(modules[0].parameters()))
    for count in (0, -1):
        with pytest.raises(FieldTypeError, match=r"\*: expected a number of times >= 1"):
            ours * count
    with pytest.raises(TypeError):
        ours * 1.5
    lifting = nn.Sequential(nn.CReLU(REGULAR))
    with pytest.raises(FieldTypeError, match="expects"):
        lifting * 2
    with pytest.raises(FieldTypeError, match="expects"):
        lifting *= 2
    assert len(lifting) == 1
