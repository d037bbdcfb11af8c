"""Gradients of fields through torch.utils.checkpoint: as without it, or an error that says what to do."""

import copy
import pickle

import pytest
import torch
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

import steer
from steer import nn
from steer.errors import SteerError

C4 = steer.group("C4", dim=2)
TYPE = nn.FieldType(C4, 2 * [C4.regular])
LOST = r"gradient of a FieldTensor would be lost .* use_reentrant=False, or give the function plain tensors"


@pytest.fixture
def net():
    torch.manual_seed(0)
    parts = [nn.Conv2d(TYPE, TYPE, 3, padding=1), nn.ReLU(TYPE), nn.Conv2d(TYPE, TYPE, 3, padding=1), nn.NormAct(TYPE)]
    return torch.nn.Sequential(*parts)


@pytest.fixture
def x():
    return torch.randn(2, TYPE.size, 5, 5, requires_grad=True)


def gradients(net, x, run):
    net.zero_grad()
    x.grad = None
    out = run()
    out = out.tensor if isinstance(out, nn.FieldTensor) else out
    (out.square() * torch.arange(5.0)).sum().backward()
    return [value.grad for value in (x, *net.parameters())]


def inside(net, z):
    """Fields made, added, indexed, copied and mapped between plain tensors."""
    f = TYPE(z)
    f = nn.cat([f[:, :1], *f.split(1)[1:]]) + copy.deepcopy(f.detach()) - f.detach()
    f = torch.utils._pytree.tree_map(lambda part: part, f)
    return net(f).tensor


RIGHT = {
    "plain tensors": lambda net, x, how: checkpoint(net, x, use_reentrant=how),
    "fields inside": lambda net, x, how: checkpoint(lambda z: inside(net, z), x, use_reentrant=how),
    "a field beside a tensor": lambda net, x, how: checkpoint(
        lambda z, f: 0 * z + net(f).tensor, 2 * x, TYPE(x), use_reentrant=how
    ),
    "nested": lambda net, x, how: checkpoint(
        lambda z: checkpoint(lambda y: inside(net, y), z, use_reentrant=how), x, use_reentrant=how
    ),
    "segments of tensors": lambda net, x, how: checkpoint_sequential(net, 2, x, use_reentrant=how),
}

LEAVING = {
    "in and out": lambda net, x, how: checkpoint(net, TYPE(x), use_reentrant=how),
    "out": lambda net, x, how: checkpoint(lambda z: net(TYPE(z)), x, use_reentrant=how),
    "mapped": lambda net, x, how: checkpoint(
        lambda z: torch.utils._pytree.tree_map(torch.relu, TYPE(z)), x, use_reentrant=how
    ),
    "in": lambda net, x, how: checkpoint(lambda f: net(f).tensor, TYPE(x), use_reentrant=how),
    "in a list": lambda net, x, how: checkpoint(lambda fs: net(fs[0]).tensor, [TYPE(x)], use_reentrant=how),
    "a sum": lambda net, x, how: checkpoint(lambda f: net((f + f).tensor), TYPE(x), use_reentrant=how),
    "into the next": lambda net, x, how: checkpoint(
        net, checkpoint(lambda z: net(TYPE(z)), x, use_reentrant=how), use_reentrant=how
    ),
    "segments": lambda net, x, how: checkpoint_sequential(net, 2, TYPE(x), use_reentrant=how),
    "three segments": lambda net, x, how: checkpoint_sequential(net, 3, TYPE(x), use_reentrant=how),
}


@pytest.mark.parametrize("name", RIGHT | LEAVING)
def test_without_reentry_every_gradient_is_that_of_the_network(net, x, name):
    run = (RIGHT | LEAVING)[name]
    with torch.random.fork_rng():
        expected = gradients(net, x, lambda: PLAIN.get(name, lambda net, x: net(x))(net, x))
    for found, value in zip(gradients(net, x, lambda: run(net, x, False)), expected, strict=True):
        torch.testing.assert_close(found, value)


PLAIN = {
    "mapped": lambda net, x: torch.relu(x),
    "a sum": lambda net, x: net(2 * x),
    "into the next": lambda net, x: net(net(x)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_reentrant_between_tensors_it_is_too(net, x, name):
    expected = gradients(net, x, lambda: net(x))
    for found, value in zip(gradients(net, x, lambda: RIGHT[name](net, x, True)), expected, strict=True):
        torch.testing.assert_close(found, value)


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("name", LEAVING)
def test_a_field_that_enters_or_leaves_a_reentrant_checkpoint_is_refused(net, x, name):
    with pytest.raises(SteerError, match=LOST):
        gradients(net, x, lambda: LEAVING[name](net, x, True))


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("name", [name for name in LEAVING if name != "mapped"])
def test_without_gradients_nothing_is_refused_nor_afterwards(net, x, name):
    x = x.detach()
    with torch.no_grad():
        out = LEAVING[name](net, x, True)
        expected = PLAIN.get(name, lambda net, x: net(x))(net, x)
    out = pickle.loads(pickle.dumps(out))
    torch.testing.assert_close(getattr(out, "tensor", out), expected)


def test_a_refused_layer_has_not_moved_its_statistics(x):
    norm = nn.BatchNorm(TYPE)
    before = copy.deepcopy(norm.state_dict())
    with pytest.warns(UserWarning, match="None of the inputs"), pytest.raises(SteerError, match=LOST):
        checkpoint(norm, TYPE(x), use_reentrant=True)
    assert all(torch.equal(value, before[key]) for key, value in norm.state_dict().items())


def test_a_field_that_has_left_may_be_looked_at_without_gradients(net, x):
    seen = []

    def run(z):
        seen.append(net(TYPE(z)))
        return seen[-1].tensor

    out = checkpoint(run, x, use_reentrant=True)
    with torch.no_grad():
        assert torch.equal(seen[0].tensor, out)
    with pytest.raises(SteerError, match=LOST):
        seen[0] + seen[0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # dynamo's own deprecations
def test_compiled_networks_inside_and_around(net, x):
    expected = gradients(net, x, lambda: net(x))
    torch._dynamo.reset()
    compiled = torch.compile(net, fullgraph=True, backend="eager")
    around = torch.compile(lambda z: checkpoint(lambda y: net(TYPE(y)).tensor, z, use_reentrant=True), backend="eager")
    for run in (lambda: checkpoint(lambda z: compiled(TYPE(z)).tensor, x, use_reentrant=True), lambda: around(x)):
        for found, value in zip(gradients(net, x, run), expected, strict=True):
            torch.testing.assert_close(found, value)
