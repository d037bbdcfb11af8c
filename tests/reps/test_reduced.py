"""Tensors with symmetries of their indices: their number, their symmetry and how they move, over every group."""

import math

import numpy as np
import pytest

import steer
from steer import nn
from steer.errors import RepresentationError
from steer.reps import reduced_tensor_product
from steer.testing import assert_equivariant
from tests import catalogue

O3, SO3 = (steer.group(name, dim=3) for name in ("O(3)", "SO(3)"))
D4 = steer.group("D4", dim=2)


def elements(group):
    return group.elements[:6] if group.is_finite else group.sample(4, seed=0)


def moved(rep, tensor, g):
    """A tensor with all of its indices moved by g."""
    for axis, factor in enumerate(rep.factors):
        tensor = np.moveaxis(np.tensordot(factor(g), tensor, (1, axis)), 0, axis)
    return tensor


def require_moves(rep):
    flat = rep.tensors.reshape(rep.size, -1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(rep.size), atol=1e-12)
    group = rep.factors[0].group
    for g in elements(group):
        images = np.stack([moved(rep, tensor, g) for tensor in rep.tensors])
        np.testing.assert_allclose(np.tensordot(rep(g).T, rep.tensors, 1), images, atol=1e-10)


@pytest.mark.parametrize("group", catalogue.GROUPS, ids=str)
def test_matrices_of_every_group(group):
    n = group.vector.size
    symmetric = reduced_tensor_product("ij=ji", i=group.vector)
    assert symmetric.size == n * (n + 1) // 2
    np.testing.assert_allclose(symmetric.tensors, symmetric.tensors.swapaxes(1, 2), atol=1e-12)
    require_moves(symmetric)
    # and the rest of all matrices
    if n > 1:
        antisymmetric = reduced_tensor_product("ij=-ji", i=group.vector)
        np.testing.assert_allclose(antisymmetric.tensors, -antisymmetric.tensors.swapaxes(1, 2), atol=1e-12)
        every = group.vector.tensor(group.vector)
        g = elements(group)
        both = symmetric.character(g) + antisymmetric.character(g)
        np.testing.assert_allclose(both, every.character(g), atol=1e-9)


def test_numbers_of_tensors():
    v, n = O3.vector, 3
    sizes = {
        "ijkl=jikl=klij": 21,
        "ijk=jik=ikj": math.comb(n + 2, 3),
        "ijk=-jik=-ikj": 1,
        "ijk=jki": 11,  # cyclic: (n^3 + 2 n) / 3
        "ij": n**2,
        "i": n,
    }
    for formula, size in sizes.items():
        rep = reduced_tensor_product(formula, i=v, **dict.fromkeys(formula.partition("=")[0][1:], v))
        assert rep.size == size == len(rep.tensors)
        require_moves(rep)
    assert [psi.label for psi in reduced_tensor_product("ijk=-jik=-ikj", i=v).irreps] == ["0o"]


def test_indices_of_several_representations():
    rep = reduced_tensor_product("ijk = -jik", i=D4.regular, k=D4.vector)
    assert rep.size == 8 * 7 // 2 * 2
    require_moves(rep)
    assert eval(repr(rep), {"steer": steer}) == rep
    assert rep.tensors.shape == (56, 8, 8, 2)


def test_layers_take_them():
    stress = reduced_tensor_product("ij=ji", i=SO3.vector)
    fields = nn.FieldType(SO3, [stress, SO3.vector])
    assert_equivariant(nn.Linear(fields, fields[::-1]), shape=(3,))


@pytest.mark.parametrize(
    ("formula", "factors", "message"),
    [
        (3, {}, "formula: expected a string"),
        ("", {}, "formula: expected up to 8 different letters"),
        ("ii", {"i": O3.vector}, "formula: expected up to 8 different letters"),
        ("ij=jk", {"i": O3.vector}, "formula: expected a permutation of 'ij' after '=', got 'jk'"),
        ("ij=ji", {}, "i: expected one representation for i, j, .* got 0"),
        ("ij=ji", {"i": O3.vector, "j": O3.trivial}, "i: expected one representation .* got 2"),
        ("ij=ji", {"i": O3.vector, "k": O3.vector}, "k: 'ij=ji' has no such index"),
        ("ij=ji", {"i": "1o"}, "i: expected a representation"),
        ("ij", {"i": O3.vector, "j": SO3.vector}, "one group"),
        ("ij=-ij", {"i": O3.vector}, "leaves no tensor but zero: two signs contradict"),
        ("ij=-ji", {"i": O3.trivial}, "leaves no tensor but zero"),
    ],
)
def test_what_is_no_product_is_refused(formula, factors, message):
    with pytest.raises(RepresentationError, match=message):
        reduced_tensor_product(formula, **factors)
