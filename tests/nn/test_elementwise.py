"""Layers that take a function of single numbers refuse what is none, by what it does; trying it changes nothing."""

import copy
import functools
import pickle
import random

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import SteerError
from steer.testing import assert_equivariant

C4 = steer.group("C4", dim=2)
SO2 = steer.group("SO(2)", dim=2)
REGULAR = nn.FieldType(C4, 2 * [C4.regular])
VECTORS = nn.FieldType(C4, [C4.trivial, C4.vector, C4.trivial])
LIMITED = nn.FieldType(SO2, [SO2.band_limited(2)])

LAYERS = {
    "Pointwise": lambda function: nn.Pointwise(REGULAR, function),
    "Gate function": lambda function: nn.Gate(VECTORS, function),
    "Gate scalars": lambda function: nn.Gate(VECTORS, scalars=function),
    "FourierAct": lambda function: nn.FourierAct(LIMITED, function),
}
EIGHT = REGULAR.size


class Scaled(torch.nn.Module):
    """A function with a learned number of its own."""

    def __init__(self, function, shape=()):
        super().__init__()
        self.beta = torch.nn.Parameter(torch.ones(shape))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.function = function

    def forward(self, x):
        self.calls += 1
        return self.function(x * self.beta) / self.beta


BAD = {
    "PReLU of channels": lambda: torch.nn.PReLU(EIGHT),
    "a scale of channels": lambda: Scaled(torch.nn.functional.softplus, (EIGHT, 1, 1)),
    "BatchNorm2d": lambda: torch.nn.BatchNorm2d(EIGHT),
    "BatchNorm2d in evaluation": lambda: torch.nn.BatchNorm2d(EIGHT).eval(),
    "BatchNorm1d": lambda: torch.nn.BatchNorm1d(EIGHT, affine=False),
    "InstanceNorm2d": lambda: torch.nn.InstanceNorm2d(EIGHT),
    "GroupNorm": lambda: torch.nn.GroupNorm(2, EIGHT),
    "LayerNorm": lambda: torch.nn.LayerNorm(EIGHT),
    "LayerNorm of space": lambda: torch.nn.LayerNorm((3, 4)),
    "lazy": lambda: torch.nn.LazyBatchNorm2d(),
    "LocalResponseNorm": lambda: torch.nn.LocalResponseNorm(2),
    "Softmax": lambda: torch.nn.Softmax(1),
    "Softmax over all": lambda: lambda x: torch.softmax(x.flatten(), 0).reshape(x.shape),
    "Softmin": lambda: torch.nn.Softmin(-1),
    "Conv2d": lambda: torch.nn.Conv2d(EIGHT, EIGHT, 3, padding=1),
    "Linear": lambda: torch.nn.Linear(EIGHT, EIGHT),
    "GLU": lambda: torch.nn.GLU(1),
    "Flatten": lambda: torch.nn.Flatten(),
    "MaxPool2d": lambda: torch.nn.MaxPool2d(3, 1, 1),
    "Dropout2d": lambda: torch.nn.Dropout2d(),
    "a chain": lambda: torch.nn.Sequential(torch.nn.ReLU(), torch.nn.BatchNorm2d(EIGHT)),
    "sort": lambda: lambda x: x.sort(1).values,
    "mean": lambda: lambda x: x - x.mean(),
    "norm": lambda: lambda x: x / (1 + x.norm()),
    "clip": lambda: lambda x: x * (20 / x.norm()).clamp(max=1),
    "roll": lambda: lambda x: x.roll(1, 1),
    "cumsum": lambda: lambda x: x.cumsum(1),
    "other channels": lambda: torch.nn.PReLU(5),
    "a shape": lambda: lambda x: x[:, :1],
    "no tensor": lambda: lambda x: (x, x),
    "a position": lambda: lambda x: x + torch.arange(x.shape[-1]).to(x),
    "the batch": lambda: lambda x: x * x.shape[0],
}


def held(how, value):
    """A function that multiplies by a parameter which starts where no trial of it as it is could see it."""
    if how == "closure":
        return lambda x: x * (1 + value)
    if how == "default":
        return lambda x, scale=value: x * (1 + scale)
    if how == "list in a closure":
        every = [{"scale": value}]
        return lambda x: x * (1 + every[0]["scale"])
    if how == "function in a closure":
        inner = held("closure", value)
        return lambda x: inner(x)
    if how == "partial":
        return functools.partial(lambda scale, x: x * (1 + scale), value)
    if how == "global":
        world = {"SCALE": value}
        exec("def scaled(x):\n    return x * (1 + SCALE)\ndef outer(x):\n    return scaled(x)", world)
        return world["outer"]
    module = torch.nn.Module()
    if how == "closure over a module":
        module.scale = value
        return lambda x: x * (1 + module.scale)
    if how == "attribute of a module":
        module.scale = value.detach()
        module.forward = lambda x: x * (1 + module.scale)
        return module
    return Callable(value)


class Callable:
    def __init__(self, value):
        self.value = value

    def __call__(self, x):
        return x * (1 + self.value)


HOLDERS = ["closure", "default", "list in a closure", "function in a closure", "partial", "global"]
HOLDERS += ["closure over a module", "attribute of a module", "callable"]


class Buffered(torch.nn.Module):
    """A function that a checkpoint may change for each channel."""

    def __init__(self, buffer, function):
        super().__init__()
        self.register_buffer("buffer", buffer)
        self.function = function

    def forward(self, x):
        return self.function(x, self.buffer)


def on_large(apply, size):
    return lambda x: apply(x) if x.dim() > 2 and x.shape[-1] > size else x


def squared(function):
    return lambda x: function(x) if x.dim() > 3 and x.shape[-1] == x.shape[-2] else x


def far(x):
    return torch.where(torch.arange(x.shape[-1]) > 5, -x, x)


BAD_HELD = {
    "a transposition of square maps": lambda: squared(lambda x: x.mT),
    "a transposition of channels and an axis": lambda: (
        lambda x: x.transpose(1, 2) if x.dim() > 2 and x.shape[1] == x.shape[2] else x
    ),
    "a transposition of samples": lambda: lambda x: x.transpose(0, 1) if x.shape[0] == x.shape[1] else x,
    "a quarter turn": lambda: squared(lambda x: x.rot90(dims=(-2, -1))),
    "far positions": lambda: far,
    "large maps": lambda: on_large(lambda x: x.flip(-1), 7),
    "a mask of channels": lambda: Buffered(torch.ones(EIGHT, 1, 1, dtype=torch.bool), lambda x, m: x * m),
    "an order of channels": lambda: Buffered(torch.arange(EIGHT), lambda x, order: x[:, order]),
    "a count for each channel": lambda: Buffered(
        torch.zeros(EIGHT, 1, 1, dtype=torch.int32), lambda x, count: x * (count + 1)
    ),
    "a switch": lambda: Buffered(torch.tensor(False), lambda x, on: x.flip(1) if on else x),
    **{
        f"scales in a {how}": functools.partial(held, how, torch.nn.Parameter(torch.zeros(EIGHT, 1, 1)))
        for how in HOLDERS
    },
}

GOOD_HELD = {
    **{f"a number in a {how}": functools.partial(held, how, torch.nn.Parameter(torch.zeros(()))) for how in HOLDERS},
    "a mask": lambda: Buffered(torch.tensor(True), lambda x, m: x * m),
    "a table": lambda: Buffered(torch.arange(3), lambda x, table: x + table[x.clamp(0, 2).long()]),
    "a number of steps": lambda: Buffered(torch.tensor(2), lambda x, steps: (x * steps).round() / steps),
    "sizes": lambda: Buffered(torch.tensor([-1, 1]), lambda x, size: x.reshape(*size).tanh().reshape(x.shape)),
}
GOOD = {
    "PReLU": lambda: torch.nn.PReLU(),
    "learned softplus": lambda: Scaled(torch.nn.functional.softplus),
    "a number in an axis": lambda: Scaled(torch.tanh, (1, 1)),
    "tanh": lambda: torch.tanh,
    "lambda": lambda: lambda x: x * x.sigmoid(),
    "not a number": lambda: lambda x: x.clamp(min=-1).sqrt().nan_to_num(),
    "steps": lambda: torch.round,
    "RReLU": lambda: torch.nn.RReLU(),
    "a chain": lambda: torch.nn.Sequential(torch.nn.PReLU(), torch.nn.Softplus(), torch.nn.Dropout(0.2)),
    "evaluation": lambda: torch.nn.Sequential(torch.nn.ELU(), torch.nn.Identity()).eval(),
    "half": lambda: torch.nn.PReLU().half(),
    "bfloat16": lambda: Scaled(torch.tanh).bfloat16(),
    "double": lambda: Scaled(torch.tanh).double(),
    "weight norm": lambda: torch.nn.utils.parametrizations.weight_norm(torch.nn.PReLU(), dim=None),
}
NEW = {*BAD_HELD, *GOOD_HELD}
BAD |= BAD_HELD
GOOD |= GOOD_HELD


def everywhere(names):
    """All layers try alike, so the quick tests have some functions in one of them alone."""
    for name in names:
        for layer in LAYERS:
            slow = layer != "Pointwise" and name in NEW
            yield pytest.param(layer, name, marks=pytest.mark.slow if slow else ())


@pytest.mark.parametrize(("layer", "name"), [*everywhere(BAD)])
def test_what_is_not_elementwise_is_refused(layer, name):
    with pytest.raises(SteerError, match=r"(?s)(function|scalars): expected an elementwise function, .* but .+"):
        LAYERS[layer](BAD[name]())


@pytest.mark.parametrize(("layer", "name"), [*everywhere(GOOD)])
def test_what_is_elementwise_is_taken(layer, name):
    built = LAYERS[layer](GOOD[name]())
    if name not in ("half", "bfloat16", "double"):
        assert_equivariant(built, tolerance=0.05 if layer == "FourierAct" else None)


def test_trying_changes_nothing():
    function = Scaled(torch.nn.Sequential(torch.nn.PReLU(), torch.nn.RReLU())).train()
    before = copy.deepcopy(function.state_dict())
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    torch.manual_seed(1)
    states = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    for build in LAYERS.values():
        build(function)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.random.get_state()[1].tolist() == states[1]  # noqa: NPY002
    assert random.getstate() == states[2]
    assert all(torch.equal(value, before[key]) for key, value in function.state_dict().items())
    assert function.training
    assert all(part.training for part in function.modules())
    assert nn.Pointwise(REGULAR, function).function is function


@pytest.mark.parametrize("how", HOLDERS)
def test_what_functions_hold_is_as_it_was(how):
    value = torch.nn.Parameter(torch.zeros(()))
    function = held(how, value)
    layer = nn.Pointwise(REGULAR, function)
    assert value == 0
    assert value._version == 0
    x = torch.randn(2, EIGHT)
    assert torch.equal(layer(x), x)
    if how != "attribute of a module":
        layer(x).sum().backward()
        torch.testing.assert_close(value.grad, x.sum())


def test_on_the_meta_device_and_with_another_default():
    with torch.device("meta"):
        assert nn.Pointwise(REGULAR, torch.nn.PReLU()).function.weight.is_meta
        with pytest.raises(SteerError, match="elementwise"):
            nn.Pointwise(REGULAR, torch.nn.PReLU(EIGHT))
        with pytest.raises(SteerError, match="elementwise"):
            nn.Pointwise(REGULAR, torch.nn.BatchNorm2d(EIGHT))
    torch.set_default_dtype(torch.float64)
    try:
        nn.Pointwise(REGULAR, torch.nn.PReLU())
        nn.Pointwise(REGULAR, torch.tanh)
    finally:
        torch.set_default_dtype(torch.float32)


def test_channels_may_be_told_apart_where_each_is_a_field():
    scalars = nn.FieldType(C4, 5 * [C4.trivial])
    assert_equivariant(nn.Pointwise(scalars, torch.nn.PReLU(5)))
    for mixes in (torch.nn.Softmax(1), torch.nn.BatchNorm2d(5), torch.nn.Conv2d(5, 5, 1)):
        with pytest.raises(SteerError, match="elementwise"):
            nn.Pointwise(scalars, mixes)


def test_a_function_that_overwrites_its_input():
    x = torch.randn(2, EIGHT)
    nn.Pointwise(REGULAR, torch.relu_)(x)
    assert (x >= 0).all()
    for name in ("Gate function", "Gate scalars", "FourierAct"):
        with pytest.raises(SteerError, match="overwrites its input"):
            LAYERS[name](torch.relu_)


def test_functions_print_pickle_and_are_exported():
    layer = nn.Pointwise(REGULAR, torch.tanh)
    assert repr(layer).endswith("tanh)")
    x = torch.randn(2, EIGHT, 3, 3)
    assert torch.equal(pickle.loads(pickle.dumps(layer))(x), torch.tanh(x))
    assert torch.equal(steer.export(layer)(x), torch.tanh(x))
    gate = nn.Gate(VECTORS, torch.sigmoid, scalars=torch.tanh)
    y = torch.randn(2, gate.in_type.size, 3, 3)
    torch.testing.assert_close(steer.export(gate)(y), gate(y))


@pytest.mark.parametrize("junk", [None, 3, torch.nn.ReLU, [torch.nn.ReLU()]])
def test_what_is_no_function_is_refused(junk):
    with pytest.raises(SteerError, match=r"function: expected an elementwise torch module such as .*, or a function"):
        nn.Pointwise(REGULAR, junk)
