"""What people do to the state of a module, averages and other devices, leaves every public module right."""

import copy

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from steer import nn
from tests.nn.zoo import scrambled

from .test_contracts import build, close, constants, contract

DECAYS = (0.9, 0.95, 0.9995, 0.9999, 0.99995)
"""At which the product with an integer and the rest of it, added up in floating point, are less than the integer."""


def same_constants(found: nn.Module, expected: nn.Module) -> None:
    """Assert that two modules hold equal constants."""
    ours, theirs = constants(found), constants(expected)
    assert ours.keys() == theirs.keys()
    for key, value in ours.items():
        assert torch.equal(value, theirs[key]), key


def averaged(states, shares):
    """The weighted sum of the entries of state dicts that have floats; integers of the last."""
    return {
        key: sum(share * state[key] for share, state in zip(shares, states, strict=True))
        if last.is_floating_point()
        else last
        for key, last in states[-1].items()
    }


@contract
def test_weight_averages_with_buffers(case):
    module, expected = build(case), case.build().eval()
    x = case.input(module)
    network = torch.nn.ModuleList([module, torch.nn.Linear(1, 1)])  # torch does not average what has nothing to average
    for decay in (*DECAYS, None):
        options = {} if decay is None else {"multi_avg_fn": get_ema_multi_avg_fn(decay)}
        average = AveragedModel(network, use_buffers=True, **options)
        states = []
        for _ in range(3):
            scrambled(module)
            average.update_parameters(network)
            states.append(copy.deepcopy(module.state_dict()))
        shares = [1 / 3] * 3 if decay is None else [decay**2, decay * (1 - decay), 1 - decay]
        expected.load_state_dict(averaged(states, shares))
        found = average.module[0].eval()
        close(found(x), expected(x), 1e-4)
        same_constants(found, expected)
        again = case.build().eval() if decay is None else expected
        again.load_state_dict(found.state_dict())
        assert torch.equal(again(x), found(x))


@contract
def test_arithmetic_on_state_dicts(case):
    first, second, expected = build(case), build(case), case.build()
    states = [first.state_dict(), second.state_dict()]
    x = case.input(first)
    mean = {key: (value + states[1][key]) / 2 for key, value in states[0].items()}
    decayed = {key: 0.999 * value + 0.001 * states[1][key] for key, value in states[0].items()}
    for found, reference in ((mean, averaged(states, (0.5, 0.5))), (decayed, averaged(states, (0.999, 0.001)))):
        loaded = case.build().eval()
        loaded.load_state_dict(found)
        expected.load_state_dict(reference)
        close(loaded(x), expected.eval()(x), 1e-5)
    for dtype in (torch.float16, torch.bfloat16):
        loaded = case.build().eval()
        loaded.load_state_dict({key: value.to(dtype) for key, value in states[0].items()})
        rounded = {key: v.to(dtype).to(v.dtype) if v.is_floating_point() else v for key, v in states[0].items()}
        expected.load_state_dict(rounded)
        assert torch.equal(loaded(x), expected.eval()(x))
    loaded = case.build().eval()
    arrays = {key: np.asarray(value, dtype=np.float32) for key, value in states[0].items()}
    loaded.load_state_dict({key: torch.from_numpy(value) for key, value in arrays.items()})
    assert torch.equal(loaded(x), first.eval()(x))


@contract
def test_nothing_derived_is_a_buffer(case):
    module = build(case)
    expected = copy.deepcopy(module)
    twin = copy.deepcopy(module)
    with torch.no_grad():
        for value in twin.buffers():
            value.mul_(0)
    x = case.input(module)
    assert torch.equal(module.eval()(x), expected.eval()(x))
    same_constants(twin, case.build())
    assert {name for name, _ in twin.named_buffers()} == twin.state_dict().keys() - dict(twin.named_parameters()).keys()


@contract
def test_meta_device_and_assignment(case):
    module = build(case).eval()
    x = case.input(module)
    for dtype in (torch.float32, torch.float64):
        module = module.to(dtype)
        state = copy.deepcopy(module.state_dict())
        with torch.device("meta"):
            empty = case.build().eval()
        empty.load_state_dict(state, assign=True)
        assert torch.equal(empty(x.to(dtype)), module(x.to(dtype)))
        with torch.device("meta"):
            empty = case.build().eval()
        assert empty(x.to("meta")).is_meta
        empty.to_empty(device="cpu").load_state_dict(module.float().state_dict())
        assert torch.equal(empty(x), module(x))
        gone = build(case).eval().to("meta")
        gone.load_state_dict(state, assign=True)
        module = module.to(dtype)
        module.load_state_dict(state)
        assert torch.equal(gone(x.to(dtype)), module(x.to(dtype)))
