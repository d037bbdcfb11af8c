"""Pruning, norms of weights and parametrizations, and whatever comes after: every public module with parameters."""

import copy
import pickle
import zlib

import pytest
import torch
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm, weight_norm

import steer
from steer import nn
from steer.errors import SteerError

from .test_contracts import TOLERATED, build, close, contract_if, is_trained


def _mask(module, name):
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(getattr(module, name).shape, generator=generator) < 0.5).float()


def _parametrized(module, name):
    parametrize.register_parametrization(module, name, torch.nn.Tanh())


def _normed(module, name):
    """The older spectral norm after one step of its iteration: before it the norm may be next to nothing by chance."""
    spectral_norm(module, name)
    hook = list(module._forward_pre_hooks.values())[-1]
    with torch.no_grad():
        hook.compute_weight(module, do_power_iteration=True)


pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")

HOOKS = {
    "pruned": lambda module, name: prune.custom_from_mask(module, name, _mask(module, name)),
    "pruned twice": lambda module, name: prune.l1_unstructured(prune.identity(module, name), name, amount=0.4),
    "old weight norm": lambda module, name: weight_norm(module, name, dim=None),
    "old spectral norm": _normed,
    "weight norm": lambda module, name: parametrizations.weight_norm(module, name, dim=None),
    "spectral norm": parametrizations.spectral_norm,
    "parametrized": _parametrized,
}
ROTATED = "in turn"
"""In place of one hook: all of them, each parameter of a module the next one, and each case another for its first."""


def hooks(function):
    """Quick with the hooks in turn, slow with each of them on every parameter."""
    slow = [pytest.param(name, marks=pytest.mark.slow) for name in HOOKS]
    return pytest.mark.parametrize("hook", [ROTATED, *slow])(function)


def places(module):
    """Every module inside that has parameters of its own, and their names."""
    return [
        (part, name)
        for part in module.modules()
        for name, value in list(part.named_parameters(recurse=False))
        if value.numel()
    ]


def hooked(case, hook):
    """A module with hooks on every parameter, and the same one without."""
    module = build(case)
    with_hooks = copy.deepcopy(module)
    kinds = list(HOOKS)
    for count, (part, name) in enumerate(places(with_hooks), start=zlib.crc32(repr(module).encode())):
        HOOKS[kinds[count % len(kinds)] if hook == ROTATED else hook](part, name)
    return with_hooks, module


def carried(source, target):
    """Set the parameters of `target` to what the hooks of `source` make."""
    with torch.no_grad():
        for name, parameter in target.named_parameters():
            if parameter.numel():
                made = source
                for step in name.split("."):
                    made = getattr(made, step)
                assert made.dtype == parameter.dtype, name
                parameter.copy_(made)


def originals(module):
    return [parameter for parameter in module.parameters() if parameter.numel()]


def agree(found, expected, x, tolerance):
    """Assert equal outputs and gradients in evaluation and training."""
    for mode in (False, True):
        found.train(mode)
        expected.train(mode)
        for module in (found, expected):
            module.zero_grad()
        inputs = [x.clone().requires_grad_() for _ in range(2)]
        torch.manual_seed(1)
        ours = found(inputs[0])
        carried(found, expected)
        torch.manual_seed(1)
        theirs = expected(inputs[1])
        close(ours, theirs, tolerance)
        weights = torch.randn_like(theirs)
        for out in (ours, theirs):
            (out * weights).sum().backward()
        close(inputs[0].grad, inputs[1].grad, 10 * tolerance)
        assert all(parameter.grad is not None for parameter in originals(found))
        with torch.no_grad():
            found.eval(), expected.eval()
            close(found(x), expected(x), tolerance)


@hooks
@contract_if(lambda key, case: is_trained(key))
def test_hooks_then_conversion(case, hook):
    for dtype in (torch.float64, torch.bfloat16):
        found, expected = hooked(case, hook)
        x = case.input(expected)
        before = found.eval()(x)
        found, expected = found.to(dtype), expected.to(dtype)
        if dtype == torch.float64:  # by bfloat16 parameters change too much for a bound
            close(found(x.to(dtype)), before.to(dtype), TOLERATED[torch.float32])
        agree(found, expected, x.to(dtype), 1e-12 if dtype == torch.float64 else 1e-6)


@hooks
@contract_if(lambda key, case: is_trained(key))
def test_hooks_then_copies_and_devices(case, hook):
    found, expected = hooked(case, hook)
    x = case.input(expected)
    carried_over = copy.deepcopy(found)
    agree(carried_over, copy.deepcopy(expected), x, 1e-6)
    found.eval()(x)
    agree(copy.deepcopy(found), copy.deepcopy(expected), x, 1e-6)
    state = copy.deepcopy(found.state_dict())
    gone = copy.deepcopy(found).to("meta")
    assert gone(x.to("meta")).is_meta
    gone = gone.to_empty(device="cpu")
    gone.load_state_dict(state)
    agree(gone, copy.deepcopy(expected), x, 1e-6)


@hooks
@contract_if(lambda key, case: is_trained(key))
def test_hooks_then_export(case, hook):
    found, _ = hooked(case, hook)
    network = torch.nn.ModuleList([found, torch.nn.Linear(2, 2)])
    HOOKS["pruned" if hook == ROTATED else hook](network[1], "weight")
    x = case.input(found)
    found.train()(x)  # what hooks make is of these parameters, and not made again when others come
    with torch.no_grad():
        for parameter in originals(network):
            parameter.mul_(0.9)
    plain = steer.export(network)
    with torch.no_grad():
        close(plain[0](x), found.eval()(x), 1e-5)
        close(plain[1](x.new_ones(2)), network.eval()[1](x.new_ones(2)), 1e-6)
    assert not any("steer" in type(part).__module__ for part in plain.modules())


@pytest.mark.parametrize("hook", HOOKS)
def test_filters_are_those_of_the_parameters_now(hook):
    group = steer.group("D4", dim=2)
    kind = nn.FieldType(group, [group.regular, group.trivial])
    for layer in (nn.Conv2d(kind, kind, 3), nn.Linear(kind, kind)):
        HOOKS[hook](layer, "weight")
        dense = layer.filter if isinstance(layer, nn.Conv2d) else layer.matrix
        before = dense()
        layer.double()
        torch.testing.assert_close(dense(), before.double(), rtol=0, atol=1e-6)
        with torch.no_grad():
            originals(layer)[-1 if "old" not in hook else 0].mul_(0.5)
            layer.zero_grad()
        found = dense()
        assert found.dtype == torch.float64
        layer.eval()(torch.zeros(1, kind.size, *(5, 5)[: 2 * isinstance(layer, nn.Conv2d)]).double())
        assert torch.equal(dense(), found)


@pytest.mark.parametrize("hook", HOOKS)
def test_what_is_made_is_not_set(hook):
    group = steer.group("D4", dim=2)
    kind = nn.FieldType(group, [group.trivial])
    for name in ("weight", "bias"):
        layer = nn.Linear(kind, kind)
        HOOKS[hook](layer, name)
        with pytest.raises(SteerError, match=name):
            layer.reset_parameters()
    layer = nn.Linear(kind, kind)
    HOOKS[hook](layer, "weight")
    for initialise in (nn.init.normal_, nn.init.orthogonal_, nn.init.dirac_):
        with pytest.raises(SteerError, match="remove"):
            initialise(layer)


@pytest.mark.parametrize("hook", HOOKS)
def test_export_leaves_the_model_as_it_is(hook):
    network = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2))
    for part, name in places(network):
        HOOKS[hook](part, name)
    x = torch.randn(4, 3)
    expected = network.eval()(x)
    plain = pickle.loads(pickle.dumps(steer.export(network)))
    assert [type(part) for part in plain] == [torch.nn.Linear, torch.nn.Tanh, torch.nn.Linear]
    assert plain.state_dict().keys() == {"0.weight", "0.bias", "2.weight", "2.bias"}
    plain.load_state_dict(plain.state_dict())
    torch.testing.assert_close(plain(x), expected, rtol=0, atol=1e-6)
    assert torch.equal(network(x), expected)
