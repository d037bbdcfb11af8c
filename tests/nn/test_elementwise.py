"""Layers that take a function of single numbers refuse what is none, by what it does; trying it changes nothing."""

import copy
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


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("name", BAD)
def test_what_is_not_elementwise_is_refused(layer, name):
    with pytest.raises(SteerError, match=r"(?s)(function|scalars): expected an elementwise function, .* but .+"):
        LAYERS[layer](BAD[name]())


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("name", GOOD)
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
