"""`per_coset`: norms, gates and nonlinearities of the fibre at each coset of an induced field."""

import itertools
import random

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.nn._engine import _layout
from steer.reps import Induced
from steer.testing import assert_equivariant
from tests import catalogue

from . import zoo

D4, C8, O2 = (steer.group(name, dim=2) for name in ("D4", "C8", "O(2)"))
OCT = steer.group("O", dim=3)
SMALL = [group for group in catalogue.FINITE if group.order <= 12]
DOUBLE = torch.float64
PLANAR = nn.FieldType(
    D4,
    [
        D4.subgroup("C4").irrep("E").induce(D4),
        D4.irrep("E"),
        D4.regular,
        D4.trivial,
        (D4.subgroup("D2").irrep("A1") + D4.subgroup("D2").irrep("B1")).induce(D4),
        D4.quotient("C4"),
    ],
)
SPATIAL = nn.FieldType(OCT, [OCT.vector, *2 * [OCT.subgroup("C4").irrep("E").induce(OCT)], OCT.trivial])
PSEUDO = nn.FieldType(O2, [O2.subgroup("SO(2)").irrep("1").induce(O2), O2.irrep("1"), O2.quotient("SO(2)")])
TYPES = pytest.mark.parametrize("fields", [PLANAR, SPATIAL, PSEUDO, zoo.longer(PLANAR, shuffle=True)], ids=range(4))


def fibres(fields, x):
    """(the field's index, the coset's index, the fibre there) for each block, by a loop."""
    for index, (rep, start) in enumerate(zip(fields, fields.offsets, strict=False)):
        size = rep.base.size if isinstance(rep, Induced) else rep.size
        for coset, first in enumerate(range(start, start + rep.size, size)):
            yield index, coset, x[:, first : first + size]


def elements(group):
    return group.elements if group.is_finite else group.sample(6, seed=0)


@TYPES
@pytest.mark.parametrize("bias", [True, False])
def test_norm_act_acts_on_each_fibre(fields, bias):
    layer = zoo.scrambled(nn.NormAct(fields, "softplus", bias, per_coset=True)).double()
    x = torch.randn(2, fields.size, 3, dtype=DOUBLE)
    expected = []
    for index, _, fibre in fibres(fields, x):
        norm = fibre.norm(dim=1, keepdim=True)
        shifted = norm + layer.bias[index] if bias else norm
        expected.append(shifted.exp().log1p() * fibre / norm)
    torch.testing.assert_close(layer(x), torch.cat(expected, 1))
    assert [tuple(value.shape) for value in layer.state_dict().values()] == ([(len(fields),)] if bias else [])


@TYPES
def test_norm_pool_gives_a_quotient_field_of_norms(fields):
    layer = nn.NormPool(fields, per_coset=True)
    group = fields.group
    expected = [group.quotient(rep.subgroup) if isinstance(rep, Induced) else group.trivial for rep in fields]
    assert list(layer.out_type) == expected
    x = torch.randn(2, fields.size, 3, dtype=DOUBLE)
    norms = torch.cat([fibre.norm(dim=1, keepdim=True) for _, _, fibre in fibres(fields, x)], 1)
    torch.testing.assert_close(layer(x), norms)


@TYPES
def test_gate_multiplies_each_fibre_by_its_own_gate(fields):
    layer = nn.Gate(fields, "tanh", per_coset=True)
    group = fields.group
    gates = [
        group.quotient(rep.subgroup) if isinstance(rep, Induced) else group.trivial
        for rep in fields
        if rep != group.trivial
    ]
    assert layer.in_type == fields + nn.FieldType(group, gates)
    x = torch.randn(2, layer.in_type.size, 3, dtype=DOUBLE)
    expected, gate = [], fields.size
    for index, _, fibre in fibres(fields, x):
        if fields[index] == group.trivial:
            expected.append(torch.nn.functional.silu(fibre))
        else:
            expected.append(fibre * x[:, gate : gate + 1].tanh())
            gate += 1
    assert gate == layer.in_type.size
    torch.testing.assert_close(layer(x), torch.cat(expected, 1))


@TYPES
def test_the_group_commutes(fields):
    layers = [
        zoo.scrambled(nn.NormAct(fields, per_coset=True)),
        nn.NormAct(fields, "squash", bias=False, per_coset=True),
        nn.Gate(fields, per_coset=True),
        nn.NormPool(fields, per_coset=True),
    ]
    for layer in layers:
        assert_equivariant(layer, elements=elements(fields.group), shape=(3,), dtype=DOUBLE)


@pytest.mark.parametrize("group", catalogue.mostly_slow(SMALL), ids=catalogue.group_id)
def test_everything_that_is_induced_commutes(group):
    kinds = [psi.induce(group) for small in catalogue.subgroups(group) for psi in small.irreps()[-1:]]
    fields = nn.FieldType(group, [rep for rep in kinds if rep.size <= 12])
    generators = [np.eye(group.dim), *group.generators]
    for build in (nn.NormAct, nn.Gate, nn.NormPool):
        assert_equivariant(build(fields, per_coset=True), elements=generators, shape=(3,), dtype=DOUBLE)


def test_fields_that_are_not_induced_are_not_changed():
    fields = nn.FieldType(O2, [*O2.irreps(2), O2.vector, O2.irrep("1") + O2.trivial])
    for build in (nn.NormAct, nn.Gate, nn.NormPool):
        layer, plain = build(fields, per_coset=True), build(fields)
        assert layer.in_type == plain.in_type
        assert layer.out_type == plain.out_type
        x = torch.randn(2, layer.in_type.size, 3)
        assert torch.equal(layer(x), plain(x))


def test_a_regular_field_has_blocks_of_one_component():
    fields = nn.FieldType(C8, 2 * [C8.regular])
    x = torch.randn(2, 16, 3)
    torch.testing.assert_close(nn.NormPool(fields, per_coset=True)(x), x.abs())
    assert nn.NormPool(fields, per_coset=True).out_type == fields
    gate = nn.Gate(fields, per_coset=True)
    assert gate.in_type == fields + fields
    y = torch.randn(2, 32)
    torch.testing.assert_close(gate(y), y[:, :16] * y[:, 16:].sigmoid())
    # relu with the bias b is a soft threshold
    layer = nn.NormAct(fields, per_coset=True)
    torch.testing.assert_close(layer(x), torch.nn.functional.softshrink(x, 0.5))


def test_all_cosets_of_a_field_move_its_one_bias():
    layer = nn.NormAct(PLANAR, "softplus", per_coset=True).double()
    x = torch.randn(2, PLANAR.size, dtype=DOUBLE, requires_grad=True)

    def call(x, bias):
        return torch.func.functional_call(layer, {"bias": bias}, x)

    assert torch.autograd.gradcheck(call, (x, layer.bias))
    assert torch.autograd.gradgradcheck(call, (x, layer.bias), fast_mode=True)


def test_function_transforms():
    layer = zoo.scrambled(nn.NormAct(PLANAR, per_coset=True)).double()
    zoo.require_transforms(layer, torch.randn(3, 2, PLANAR.size, 4, dtype=DOUBLE))


@pytest.mark.parametrize("build", [nn.NormAct, nn.NormPool, nn.Gate])
def test_blocks_in_any_order_by_gathers(build, monkeypatch):
    views = build(PLANAR, per_coset=True).double()
    monkeypatch.setattr(_layout, "MOST_RUNS", 1)
    gathered = build(PLANAR, per_coset=True).double()
    assert (gathered if build is nn.Gate else gathered.layout).gathered
    x = torch.randn(2, views.in_type.size, 3, dtype=DOUBLE)
    torch.testing.assert_close(gathered(x), views(x))


@pytest.mark.parametrize("build", [nn.NormAct, nn.NormPool, nn.Gate])
def test_the_number_of_operations_does_not_grow_with_the_cosets(build):
    def operations(small):
        fields = nn.FieldType(C8, 3 * [C8.subgroup(small).irreps()[-1].induce(C8), C8.irrep("E1")])
        return len(steer.export(build(fields, per_coset=True)).graph.nodes)

    assert operations("C4") == operations("C2")


def test_it_shows_when_printed():
    for build in (nn.NormAct, nn.Gate, nn.NormPool):
        assert str(build(PLANAR, per_coset=True)).endswith(", per_coset=True)")
        assert "per_coset" not in str(build(PLANAR))


def test_blocks_are_those_of_the_representation():
    # rep(g) maps block j to the block i of the coset that g takes j to, isometrically
    norms, sizes = _layout.blocks(PLANAR, True)
    for rep, norm, size in zip(PLANAR, norms, sizes, strict=True):
        for g in random.Random(0).sample(list(D4.elements), 3):
            blocks = rep(g).reshape(norm.size, size, norm.size, size)
            for i, j in itertools.product(range(norm.size), repeat=2):
                expected = norm(g)[i, j] * np.eye(size)
                np.testing.assert_allclose(blocks[i, :, j].T @ blocks[i, :, j], expected, atol=1e-12)
