"""Disentangle is the orthogonal change of basis to irreps, and later layers see every part alone."""

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError
from steer.nn._engine._kindwise import KindwiseMap
from steer.testing import assert_equivariant
from tests import catalogue

from . import zoo

D4, O2, SO2 = (steer.group(name, dim=2) for name in ("D4", "O(2)", "SO(2)"))
O3 = steer.group("O(3)", dim=3)
DOUBLE = torch.float64


@pytest.mark.parametrize("group", catalogue.mostly_slow(catalogue.GROUPS), ids=catalogue.group_id)
def test_irreps_act_on_the_output(group):
    fields = nn.FieldType(group, [rep for rep in catalogue.few_types(group) if rep.size <= 12])
    layer = nn.Disentangle(fields).double()
    assert list(layer.out_type) == [psi for rep in fields for psi in rep.irreps]
    Q = layer(torch.eye(fields.size, dtype=DOUBLE)).numpy().T
    np.testing.assert_allclose(Q @ Q.T, np.eye(fields.size), atol=1e-12)
    for g in catalogue.generators(group):
        np.testing.assert_allclose(
            Q @ fields.representation(g), layer.out_type.representation(g) @ Q, atol=1e-10, err_msg=repr(g)
        )


@pytest.mark.parametrize("shuffle", [False, True])
def test_equals_a_loop_over_the_fields(shuffle):
    fields = zoo.longer(nn.FieldType(D4, [D4.regular, D4.irrep("E"), D4.quotient("C4"), D4.trivial]), shuffle)
    layer = nn.Disentangle(fields).double()
    x = torch.randn(2, fields.size, 3, 4, dtype=DOUBLE)
    expected = [
        torch.einsum("io,ni...->no...", torch.from_numpy(np.array(rep.change_of_basis)), x[:, start : start + rep.size])
        for rep, start in zip(fields, fields.offsets, strict=False)
    ]
    torch.testing.assert_close(layer(x), torch.cat(expected, 1))
    torch.testing.assert_close(layer(x[..., 0, 0]), layer(x)[..., 0, 0])


def test_irreps_pass_unchanged():
    fields = nn.FieldType(O2, [*O2.irreps(2), O2.trivial])
    layer = nn.Disentangle(fields)
    x = torch.randn(2, fields.size, 3)
    assert layer.out_type == fields
    assert torch.equal(layer(x), x)
    assert not list(layer.buffers())


def test_after_a_restriction():
    fields = nn.FieldType(O3, [O3.vector, O3.irrep("2e")])
    below = fields.restrict("Cinfv")
    net = nn.Sequential(nn.Restrict(fields, "Cinfv"), nn.Disentangle(below), nn.NormAct(nn.Disentangle(below).out_type))
    assert [psi.size for psi in net.out_type] == [1, 2, 1, 2, 2]
    small = below.group
    assert_equivariant(net, elements=small.sample(6, seed=0), shape=(3,), tolerance=1e-5, in_type=below)
    assert nn.Disentangle(nn.FieldType(O2, [O2.irrep("0-")]).restrict("SO(2)")).out_type[0] == SO2.trivial


def test_norms_are_kept_and_the_gradient_is_the_transpose():
    fields = nn.FieldType(D4, [D4.regular, D4.trivial, D4.regular])
    layer = nn.Disentangle(fields).double()
    x = torch.randn(2, fields.size, 3, dtype=DOUBLE, requires_grad=True)
    out = layer(x)
    torch.testing.assert_close(out.square().sum(), x.square().sum())
    (slope,) = torch.autograd.grad(out, x, out)
    torch.testing.assert_close(slope, x)
    assert torch.autograd.gradcheck(layer, x, fast_mode=True)


def test_function_transforms():
    fields = nn.FieldType(D4, [D4.regular, D4.trivial, D4.quotient("C4")])
    zoo.require_transforms(nn.Disentangle(fields).double(), torch.randn(3, 2, fields.size, 4, dtype=DOUBLE))


@pytest.mark.parametrize("kinds", [[0], [0, 0, 1, 2], [2, 0, 1, 0, 2, 2]])
@pytest.mark.parametrize("reverse", [False, True])
def test_maps_by_kind_are_block_diagonal_and_have_a_transpose(kinds, reverse):
    rng = np.random.default_rng(0)
    matrices = [rng.normal(size=shape) for shape in ((3, 2), (1, 4))] + [np.eye(2)]
    rows = sum(len(matrices[kind]) for kind in kinds)
    order = np.arange(rows)[::-1].copy() if reverse else None
    layer = KindwiseMap(kinds, matrices, order).double()
    dense = torch.block_diag(*(torch.from_numpy(matrices[kind]) for kind in kinds))
    dense = dense.flip(0) if reverse else dense
    for space in ((), (3,), (2, 3)):
        x, y = torch.randn(2, dense.shape[1], *space, dtype=DOUBLE), torch.randn(2, rows, *space, dtype=DOUBLE)
        torch.testing.assert_close(layer.mapped(x), torch.einsum("oi,ni...->no...", dense, x))
        torch.testing.assert_close(layer.transposed(y), torch.einsum("oi,no...->ni...", dense, y))


def test_what_is_no_type_is_refused():
    with pytest.raises(FieldTypeError, match=r"in_type: Disentangle expects a FieldType, got \[\]"):
        nn.Disentangle([])
