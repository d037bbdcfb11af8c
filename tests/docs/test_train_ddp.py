"""The script of docs/howto/distributed.md trains the same network by DDP and by FSDP2, in two processes."""

import importlib
import os
import re
import subprocess
import sys

import pytest
import torch
from torch.distributed import HashStore

from .pages import ROOT

SCRIPT = ROOT / "docs/howto/train_ddp.py"


def run(folder, *way):
    """What a run prints, and the weights that it saves."""
    out = folder / "net.pt"
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*launcher, str(SCRIPT), "--epochs", "2", "--out", str(out), *way],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, torch.load(out, weights_only=True)


@pytest.fixture(scope="module")
def replicated(tmp_path_factory):
    return run(tmp_path_factory.mktemp("ddp"))


@pytest.mark.slow
def test_it_learns(replicated):
    accuracies = [float(text) for text in re.findall(r"accuracy ([\d.]+)", replicated[0])]
    assert len(accuracies) == 2
    assert accuracies[-1] > 0.9


@pytest.fixture
def script(monkeypatch):
    """The script as a module."""
    monkeypatch.syspath_prepend(SCRIPT.parent)
    yield importlib.import_module("train_ddp")
    sys.modules.pop("train_ddp")


@pytest.mark.slow
def test_its_weights_load_in_one_process(replicated, script):
    script.build().load_state_dict(replicated[1])


def test_it_runs_in_one_process(script, tmp_path, monkeypatch, capsys):
    # the whole script, on a few samples and in a group of one process
    few = script.Crosses
    monkeypatch.setattr(script, "Crosses", lambda count, seed: few(count // 16, seed))
    monkeypatch.setattr(sys, "argv", [SCRIPT.name, "--epochs", "1", "--out", str(tmp_path / "net.pt")])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    initialise = script.dist.init_process_group
    monkeypatch.setattr(
        script.dist, "init_process_group", lambda backend: initialise(backend, store=HashStore(), rank=0, world_size=1)
    )
    script.main()
    assert re.fullmatch(r"epoch 0: accuracy [\d.]+\n", capsys.readouterr().out)
    script.build().load_state_dict(torch.load(tmp_path / "net.pt", weights_only=True))


@pytest.mark.slow
def test_fsdp_gives_the_same_weights(replicated, tmp_path):
    printed, sharded = run(tmp_path, "--fsdp")
    assert re.findall(r"accuracy ([\d.]+)", printed) == re.findall(r"accuracy ([\d.]+)", replicated[0])
    assert sharded.keys() == replicated[1].keys()
    assert all(torch.equal(value, sharded[key]) for key, value in replicated[1].items())
