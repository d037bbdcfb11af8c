"""Every layer takes representations of one's own, and checkpoints know them by their matrices."""

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import CheckpointError, FieldTypeError
from steer.kernels import cache
from steer.reps import representation
from steer.testing import assert_equivariant
from tests.catalogue import D4, O2, OCT, SO2, SO3

from . import zoo

MIX = np.random.default_rng(3).normal(size=(3, 3)) + 2 * np.eye(3)
"""A basis that is not orthogonal."""


def mixed(group, seed=MIX):
    """A vector and a scalar in a basis that is not orthogonal."""
    total, inverse = group.vector + group.trivial if group.dim == 2 else group.vector, np.linalg.inv(seed)
    return representation(group, lambda g: seed @ total(g) @ inverse, max_frequency=None if group.is_finite else 1)


def corners(group):
    """Corners of a square, as one would number them."""
    points = np.array([[1.0, 1], [-1, 1], [-1, -1], [1, -1]])
    return representation(
        group, lambda g: np.linalg.norm(points[:, None] - points @ g.T, axis=-1) < 1e-6, name="corners"
    )


@pytest.mark.parametrize("name", zoo.ANY_TYPE)
@pytest.mark.parametrize("group", [D4, SO2], ids=["D4", "SO2"])
def test_layers_of_any_field(name, group):
    own = mixed(group)
    layer = zoo.scrambled(zoo.ANY_TYPE[name](nn.FieldType(group, [own, group.trivial, own, group.vector]))).eval()
    assert_equivariant(layer.double(), shape=(2, 7, 7), dtype=torch.float64)


@pytest.mark.parametrize("name", zoo.PERMUTATIONS)
def test_layers_of_permutations(name):
    own = corners(D4)
    assert own.is_permutation
    layer = zoo.scrambled(zoo.PERMUTATIONS[name](nn.FieldType(D4, [own, D4.regular, own])))
    assert_equivariant(layer, shape=(2, 7, 7))
    if name not in ("AdaptiveMaxPool",):
        with pytest.raises(FieldTypeError):
            zoo.PERMUTATIONS[name](nn.FieldType(D4, [mixed(D4)]))


@pytest.mark.parametrize("basis", ["rings", "pixel", "derivative"])
def test_convolutions(basis):
    kind = nn.FieldType(D4, [mixed(D4), corners(D4), D4.regular])
    assert_equivariant(nn.Conv2d(kind, kind, 3, padding=1, basis=basis))
    assert_equivariant(nn.Conv2d(nn.FieldType(D4, [D4.trivial]), kind, 5, padding=2, basis=basis))


@pytest.mark.parametrize("group", [OCT, SO3], ids=["O", "SO3"])
def test_volumes(group):
    kind = nn.FieldType(group, [mixed(group), group.trivial, mixed(group)])
    assert_equivariant(nn.Conv3d(kind, kind, 3, padding=1))


@pytest.mark.parametrize("group", [D4, O2, SO3], ids=["D4", "O2", "SO3"])
def test_linear_maps_and_products(group):
    own = mixed(group)
    kind = nn.FieldType(group, [own, group.trivial, own])
    assert_equivariant(nn.Linear(kind, kind), shape=(5,))
    assert_equivariant(nn.TensorProduct(kind, kind, max_frequency=2), shape=(5,))
    assert_equivariant(nn.Disentangle(kind), shape=(5,))
    assert_equivariant(nn.Linear(kind, nn.Disentangle(kind).out_type), shape=(5,))


def test_features_in_the_given_basis():
    own = mixed(SO2)
    kind = nn.FieldType(SO2, [own])
    g = SO2.sample(1, seed=0)[0]
    given = MIX @ (SO2.vector + SO2.trivial)(g) @ np.linalg.inv(MIX)
    theirs = torch.randn(4, 3, dtype=torch.float64)
    change = torch.from_numpy(np.array(own.from_given))
    left = kind.transform(theirs @ change.T, g)
    torch.testing.assert_close(left, theirs @ torch.from_numpy(given).T @ change.T, rtol=1e-8, atol=1e-8)


def test_checkpoints_and_the_cache_know_them_by_content(tmp_path):
    scalars = nn.FieldType(D4, [D4.trivial])

    def layer(own):
        return nn.Conv2d(scalars, nn.FieldType(D4, [own, D4.regular]), 3, basis="pixel")

    with cache.use(tmp_path):
        cache.clear()
        one, same, other = layer(mixed(D4)), layer(mixed(D4)), layer(mixed(D4, MIX.T))
        assert one.plan.fingerprint == same.plan.fingerprint != other.plan.fingerprint
        same.load_state_dict(one.state_dict())
        torch.testing.assert_close(one.filter(), same.filter(), rtol=0, atol=0)
        with pytest.raises(CheckpointError):
            other.load_state_dict(one.state_dict())
        steer.precompute([one, other])
        before = one.filter(), other.filter()
        cache.clear(disk=False)
        again = layer(mixed(D4)), layer(mixed(D4, MIX.T))
        for new, old, kept in zip(again, (one, other), before, strict=True):
            new.load_state_dict(old.state_dict())
            torch.testing.assert_close(new.filter(), kept, rtol=0, atol=0)
            assert_equivariant(new)
        assert cache.info().solved == 0
        assert not cache.verify().bad


def test_networks_compile_and_export():
    own = corners(D4)
    kind = nn.FieldType(D4, [own, own])
    net = nn.Sequential(
        nn.Conv2d(nn.FieldType(D4, [D4.trivial]), kind, 3, padding=1), nn.BatchNorm(kind), nn.ReLU(kind),
        nn.GroupPool(kind),
    ).eval()  # fmt: skip
    x = torch.randn(2, 1, 8, 8)
    torch.testing.assert_close(steer.export(net)(x), net(x))
    assert str(kind) == "2 corners of D4 (8 channels)"
