"""Layers that users write: what `steer.nn.Module` gives them and asks of them."""

import copy
import pickle

import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, ShapeError, SteerError
from steer.testing import assert_equivariant

D4 = steer.group("D4", dim=2)
VECTORS = nn.FieldType(D4, 3 * [D4.vector])
MIXED = nn.FieldType(D4, [D4.regular, D4.vector, D4.trivial])


class Squash(nn.Module):
    """v -> (1 + w^2 |v|^2)^(-1/2) v for vectors, with one learned w a field."""

    def __init__(self, in_type):
        super().__init__(in_type, in_type)
        self.weight = torch.nn.Parameter(torch.ones(len(in_type)))

    def _compute(self, x):
        v = x.unflatten(1, (-1, 2))
        weight = self.weight.reshape(-1, 1, 1, 1)
        return (v / (1 + (weight * v).square().sum(2, keepdim=True)).sqrt()).flatten(1, 2)


class Rectified(nn.Module):
    """Wrong on vectors."""

    def __init__(self, in_type):
        super().__init__(in_type, in_type)

    def _compute(self, x):
        return x.relu()


class Scaled(nn.Module):
    """Holds steer modules, one of them twice and one in a list, and a plain one."""

    def __init__(self, in_type):
        super().__init__(in_type, in_type)
        self.first = nn.Conv2d(in_type, in_type, 3, padding=1)
        self.rest = torch.nn.ModuleList([nn.NormAct(in_type), self.first])
        self.norms = nn.Sequential(nn.Conv2d(in_type, in_type, 1), nn.NormPool(in_type))
        self.gate = torch.nn.Sigmoid()

    def _compute(self, x):
        y = self.first(x)
        for layer in self.rest:
            y = layer(y)
        return y * self.gate(self.norms(x)).mean(1, keepdim=True)


class Branching(nn.Module):
    """Not traced by torch.fx."""

    def __init__(self, in_type):
        super().__init__(in_type, in_type)

    def _compute(self, x):
        return x if x.sum() > 0 else -x


def own_modules(model):
    return [module for module in model.modules() if isinstance(module, nn.Module)]


def test_types_are_checked_and_kept():
    layer = Squash(VECTORS)
    x = torch.randn(2, 6, 5, 5)
    out = layer(VECTORS(x))
    assert out.type == VECTORS
    assert torch.equal(out.tensor, layer(x))
    with pytest.raises(FieldTypeError, match="Squash expects fields of type 3 vector"):
        layer(MIXED(torch.randn(1, 11, 5, 5)))
    with pytest.raises(ShapeError, match=r"expected a tensor \(batch, 6, ...\)"):
        layer(torch.randn(2, 7, 5, 5))
    with pytest.raises(FieldTypeError, match="in_type: Squash expects a FieldType"):
        Squash("vectors")
    assert str(layer) == "Squash(3 vector of D4 (6 channels))"


@pytest.mark.parametrize("build", [Squash, Scaled])
def test_it_is_equivariant_in_a_chain_and_exports(build):
    net = nn.Sequential(nn.Conv2d(MIXED, VECTORS, 3, padding=1), build(VECTORS), nn.NormPool(VECTORS)).eval()
    assert_equivariant(net, shape=(2, 9, 9))
    plain = steer.export(net)
    assert not own_modules(plain)
    assert own_modules(net), "the model is left as it is"
    x = torch.randn(2, MIXED.size, 9, 9)
    assert torch.equal(plain(x), net(x))
    for same in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), pickle.loads(pickle.dumps(plain))):
        assert torch.equal(same(x), net(x))


def test_modules_used_twice_stay_shared_in_the_export():
    plain = steer.export(Scaled(VECTORS))
    assert sum(isinstance(module, torch.nn.Conv2d) for module in plain.modules()) == 2


def test_a_wrong_layer_is_found():
    with pytest.raises(AssertionError, match="Rectified is not equivariant under"):
        assert_equivariant(Rectified(VECTORS))
    assert_equivariant(Rectified(nn.FieldType(D4, [D4.regular])))


@pytest.mark.filterwarnings("ignore")  # dynamo's own deprecations
@pytest.mark.parametrize("build", [Squash, Scaled])
def test_it_compiles_and_exports_by_torch(build):
    layer = build(VECTORS).eval()
    x = torch.randn(2, 6, 7, 7)
    torch._dynamo.reset()
    with torch.no_grad():
        compiled = torch.compile(layer, fullgraph=True, backend="eager")
        torch.testing.assert_close(compiled(x), layer(x))
        torch.testing.assert_close(torch.export.export(layer, (x,)).module()(x), layer(x))


def test_what_cannot_be_traced_says_what_to_do():
    layer = Branching(VECTORS)
    assert layer(torch.ones(1, 6, 2, 2)).shape == (1, 6, 2, 2)
    with pytest.raises(SteerError, match=r"model: the _compute of Branching cannot .* define _export, .* plans"):
        steer.export(layer)


def test_a_layer_with_a_plan_is_told_to_define_its_export():
    class Filter(nn.Module):
        def __init__(self, fields):
            super().__init__(fields, fields)
            self.plan = steer.kernels.compile(fields, fields, (3, 3))
            self.weight = torch.nn.Parameter(torch.ones(self.plan.num_weights))

        def _compute(self, x):
            return torch.nn.functional.conv2d(x, self.plan.expand(self.weight), padding=1)

    layer = Filter(VECTORS)
    assert_equivariant(layer)
    with pytest.raises(SteerError, match=r"Filter cannot be traced .* define _export, .* without kernel plans"):
        steer.export(layer)


def test_a_layer_without_compute_says_so():
    class Empty(nn.Module):
        pass

    with pytest.raises(TypeError, match="Empty must define _compute"):
        Empty(VECTORS, VECTORS)(torch.randn(1, 6, 3, 3))
