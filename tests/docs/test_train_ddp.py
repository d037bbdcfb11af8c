"""The script of docs/howto/distributed.md trains the same network by DDP and by FSDP2, in two processes."""

import os
import re
import subprocess
import sys

import pytest
import torch

from .pages import ROOT

SCRIPT = ROOT / "docs/howto/train_ddp.py"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What each run prints, and the weights that it saves."""
    found = {}
    for way in ((), ("--fsdp",)):
        out = tmp_path_factory.mktemp("out") / "net.pt"
        launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        done = subprocess.run(
            [*launcher, str(SCRIPT), "--epochs", "2", "--out", str(out), *way],
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        found[way] = done.stdout, torch.load(out, weights_only=True)
    return found


def test_it_learns(trained):
    for printed, _ in trained.values():
        accuracies = [float(text) for text in re.findall(r"accuracy ([\d.]+)", printed)]
        assert len(accuracies) == 2
        assert accuracies[-1] > 0.9


def test_ddp_and_fsdp_give_the_same_weights_that_load_in_one_process(trained, monkeypatch):
    (_, ddp), (_, fsdp) = trained.values()
    assert ddp.keys() == fsdp.keys()
    assert all(torch.equal(value, fsdp[key]) for key, value in ddp.items())
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import train_ddp

    train_ddp.build().load_state_dict(fsdp)
    sys.modules.pop("train_ddp")
