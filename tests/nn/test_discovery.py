"""What people find by dir, help, completion and by the names that they know from elsewhere."""

import importlib
import inspect
import os
import pydoc
import re
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer._names import OURS
from steer.errors import GroupError, ShapeError

PUBLIC = [
    importlib.import_module(name)
    for name in (
        *(
            "steer",
            "steer.reps",
            "steer.kernels",
            "steer.kernels.cache",
            "steer.nn",
            "steer.nn.init",
            "steer.nn.models",
        ),
        *("steer.nn.utils", "steer.plot", "steer.testing", "steer.errors"),
    )
]
D4 = steer.group("D4", dim=2)
MIXED = nn.FieldType(D4, [D4.regular, D4.vector, D4.trivial])


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_modules_show_their_public_names_alone(module):
    assert dir(module) == sorted(module.__all__)
    assert all(hasattr(module, name) for name in dir(module))


def test_models_are_among_the_layers():
    assert "models" in dir(nn)
    assert isinstance(nn.models, types.ModuleType)


@pytest.mark.parametrize("name", sorted(name for name in nn.__all__ if inspect.isclass(getattr(nn, name))))
def test_the_help_on_a_class_is_ours(name):
    found = getattr(nn, name)
    if not found.__module__.startswith("steer."):
        return
    page = pydoc.plain(pydoc.render_doc(found)).split("Methods inherited from torch")[0]
    for word in ("nondeterministic algorithm", "Applies a ", ":math:", "ScriptModule"):
        assert word not in page, word


@pytest.mark.parametrize("module", [steer, nn, steer.reps, steer.kernels], ids=lambda module: module.__name__)
@pytest.mark.parametrize("name", ["R2Conv", "InnerBatchNorm", "GeometricTensor", "regular_repr"])
def test_names_of_the_peers_say_ours(module, name):
    with pytest.raises(AttributeError, match=rf"no attribute '{name}'; what others call so is {re.escape(OURS[name])}"):
        getattr(module, name)


@pytest.mark.parametrize("group", [D4, steer.group("SO(3)", dim=3), steer.group("I", dim=3)], ids=str)
def test_groups_say_what_they_have(group):
    with pytest.raises(AttributeError, match=r"'regular_repr'; what others call so is group.regular"):
        _ = group.regular_repr
    with pytest.raises(AttributeError, match=r"'irreps_'; did you mean .*'irreps'"):
        _ = group.irreps_
    assert not hasattr(group, "__array__")


def test_a_name_that_is_near_is_offered_and_no_other():
    with pytest.raises(AttributeError, match=r"module 'steer.nn' has no attribute 'Conv2D'; did you mean 'Conv2d'"):
        _ = nn.Conv2D
    with pytest.raises(AttributeError, match=r"has no attribute 'zzzzqq'$"):
        _ = nn.zzzzqq


def test_what_the_errors_say_exists():
    for ours in OURS.values():
        for path in re.findall(r"steer(?:\.\w+)+", ours):
            found = steer
            for part in path.split(".")[1:]:
                found = getattr(found, part)
        for attribute in re.findall(r"\bgroup\.(\w+)", ours):
            assert attribute == "nn" or hasattr(D4, attribute), ours


def test_the_names_of_the_migrating_page_are_known():
    page = (Path(steer.__file__).parents[1] / "docs/migrating/escnn.md").read_text()
    table = page.split("## Layers")[1].split("## Conventions")[0]
    theirs = [
        name
        for row in table.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`([A-Z]\w+)`", row.split("|")[1])
        if name != "Uniform"  # the end of a name
    ]
    missing = [name for name in theirs if name not in OURS and not hasattr(nn, name)]
    assert theirs
    assert missing == ["R2PointConv", "R3PointConv", "MaxPoolChannels"]


def test_a_field_tensor_has_what_a_tensor_has_that_leaves_channels_alone():
    x = torch.randn(3, MIXED.size, 5, 5)
    f = MIXED(x)
    assert (f.ndim, f.dim(), len(f), f.numel(), f.size(), f.size(1)) == (4, 4, 3, x.numel(), x.shape, MIXED.size)
    for name in ("clone", "contiguous", "cpu", "double", "float", "half", "bfloat16", "detach"):
        found = getattr(f, name)()
        assert found.type is MIXED
        assert torch.equal(found.tensor, getattr(x, name)()), name
    assert np.array_equal(f.numpy(), x.numpy())
    leaf = MIXED(x.clone()).requires_grad_()
    leaf.mean((2, 3)).tensor.square().sum().backward()
    assert leaf.requires_grad
    assert leaf.grad.shape == x.shape


@pytest.mark.parametrize("name", ["mean", "sum"])
def test_a_reduction_over_space_is_a_field_and_one_over_channels_is_none(name):
    x = torch.randn(3, MIXED.size, 5, 5)
    f = MIXED(x)
    for dim in [2, -1, (2, 3), (-2,), [3, 2]]:
        for keepdim in (False, True):
            found = getattr(f, name)(dim, keepdim)
            assert found.type == MIXED
            torch.testing.assert_close(found.tensor, getattr(x, name)(dim, keepdim))
    for dim in [None, 0, 1, (1, 2), -3, (-4, 2), ()]:
        found = getattr(f, name)(dim)
        assert isinstance(found, torch.Tensor)
        torch.testing.assert_close(found, getattr(x, name)(dim))
    with pytest.raises(ShapeError, match=r"dim: expected axes of a tensor of shape \(3, 11, 5, 5\), got 4"):
        getattr(f, name)(4)


def test_what_mixes_channels_is_left_to_the_tensor():
    f = MIXED(torch.randn(1, MIXED.size))
    with pytest.raises(AttributeError, match=r"'relu', which may mix the channels of a field; .* take f.tensor.relu"):
        _ = f.relu
    with pytest.raises(AttributeError, match=r"'transfrom'; did you mean 'transform'"):
        _ = f.transfrom


@pytest.mark.parametrize("make", [np.asarray, lambda g: g.tolist(), torch.as_tensor])
def test_an_element_times_a_field_moves_it(make):
    f = MIXED(torch.randn(2, MIXED.size, 6, 6))
    g = D4.sample(1, seed=0)[0]
    made = make(g)
    found = f.__rmatmul__(made) if isinstance(made, list) else made @ f
    assert torch.equal(found.tensor, f.transform(g).tensor)


def test_a_field_tensor_is_restricted():
    f = MIXED(torch.randn(1, MIXED.size))
    found = f.restrict("C4")
    assert found.type == MIXED.restrict("C4")
    assert found.tensor is f.tensor
    with pytest.raises(GroupError):
        f.restrict("C8")


def test_restricted_types_print_shortly():
    assert str(MIXED.restrict("C4")) == "regular of D4 + vector of D4 + A1 of D4, as fields of C4 (11 channels)"


CALLS = """
import torch, steer
from steer import nn
G = steer.group("C4", dim=2)
t = nn.FieldType(G, [G.regular])
x = torch.zeros(1, 4, 9, 9)
for net in (nn.ReLU(t), nn.Sequential(nn.Conv2d(t, t, 3), nn.ReLU(t)), nn.models.UNet(t, t)):
    plain: torch.Tensor = net(x)
    field: nn.FieldTensor = net(t(x))
wrong: nn.FieldTensor = net(x)
net("x")
"""


@pytest.mark.slow
def test_calls_have_types(tmp_path):
    (tmp_path / "calls.py").write_text(CALLS)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "calls.py"]
    seen = os.environ | {"PYTHONPATH": str(Path(steer.__file__).parents[1])}  # as an installed package
    found = subprocess.run(command, cwd=tmp_path, env=seen, capture_output=True, text=True, check=False)
    errors = [line for line in found.stdout.splitlines() if "error:" in line]
    assert [line.split(":")[1] for line in errors] == ["10", "11"], found.stdout + found.stderr
