"""BatchNorm over processes: two with parts of a batch are one with the whole of it."""

import copy
import os
import pickle
import subprocess
import sys

import pytest
import torch

from steer import nn
from steer.errors import SteerError

from . import zoo
from .sync_ranks import REGULAR, SETTINGS, SPLITS, WAVES, batch, model, state, train


def run(folder, *options):
    """What two processes find."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.nn.sync_ranks", str(rank), str(folder), *options],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    errors = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], "".join(errors)
    return [torch.load(folder / f"rank{rank}") for rank in range(2)]


def require_the_whole(found, name, split, second):
    """Assert that outputs and gradients of x put together, and summed ones of parameters, are those of one process."""
    layer = model(name)
    expected = train(layer, name, split, slice(None), second)
    (first, _), (other, _) = found
    outputs = 4 if second else 2  # of each of two steps; gradients of the parameters follow
    for index, value in enumerate(expected):
        pair = first[index], other[index]
        both = torch.cat(pair) if index % (len(expected) // 2) < outputs else sum(pair)
        torch.testing.assert_close(both, value, rtol=1e-11, atol=1e-11)
    for _, saved in found:
        for key, value in state(layer).items():
            torch.testing.assert_close(saved[key], value, rtol=1e-12, atol=1e-12)


def test_processes_with_parts_of_a_batch_are_one_with_the_whole(tmp_path):
    found = run(tmp_path)
    for key, split in SPLITS.items():
        for name in SETTINGS:
            setting = f"{name}, {key}"
            require_the_whole([rank[setting] for rank in found], name, split, True)
    assert all(rank["alone"] for rank in found)


@pytest.mark.slow
def test_compiled_and_under_ddp(tmp_path):
    found = run(tmp_path, "wrapped")
    require_the_whole([rank["compiled"] for rank in found], "waves", SPLITS["uneven"], False)
    layer, (x, slope) = model("waves"), batch("waves", SPLITS["uneven"], 1)
    (layer(x) * slope).sum().backward()
    whole = torch.cat([parameter.grad for parameter in layer.parameters()])
    for rank in found:  # the loss of DDP is the mean over the processes
        torch.testing.assert_close(2 * rank["ddp"], whole, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("field_type", [REGULAR, WAVES], ids=["regular", "waves"])
def test_without_processes_it_is_the_plain_layer(field_type):
    plain = zoo.scrambled(nn.BatchNorm(field_type))
    layer = nn.BatchNorm(field_type, sync=True)
    layer.load_state_dict(plain.state_dict())
    x = torch.randn(3, field_type.size, 4, 4)
    for _ in range(2):
        assert torch.equal(layer(x), plain(x))
    assert torch.equal(layer.eval()(x), plain.eval()(x))
    for key, value in plain.state_dict().items():
        assert torch.equal(layer.state_dict()[key], value)


def test_conversion_sets_every_layer():
    model = torch.nn.ModuleList([nn.Sequential(nn.BatchNorm(REGULAR), nn.ReLU(REGULAR)), torch.nn.BatchNorm2d(3)])
    layer = model[0][0]
    assert not layer.sync
    assert "sync" not in repr(layer)
    assert nn.convert_sync_batchnorm(model) is model
    assert layer.sync
    assert "sync=True" in repr(layer)
    assert type(model[1]) is torch.nn.SyncBatchNorm  # of torch, as its own function makes it
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert twin.sync


def test_conversion_refuses_what_is_no_module():
    with pytest.raises(SteerError, match=r"model: expected a torch.nn.Module, got \[\]"):
        nn.convert_sync_batchnorm([])
