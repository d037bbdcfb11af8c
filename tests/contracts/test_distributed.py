"""Two processes with different hash seeds build the same modules, and train them alike under DDP and FSDP2."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("which", ["few", pytest.param("every", marks=pytest.mark.slow)])
def test_processes_agree_bit_by_bit(which, tmp_path):
    command = [sys.executable, "-m", "tests.contracts.ranks"]
    started = [
        subprocess.Popen(
            [*command, str(rank), str(tmp_path / "store"), which],
            env=os.environ | {"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, seed in enumerate(("1", "77"))
    ]
    outputs = [process.communicate() for process in started]
    assert [process.returncode for process in started] == [0, 0], outputs[0][1] + outputs[1][1]
    first, second = (dict(line.split() for line in out.splitlines()) for out, _ in outputs)
    assert first == second
    assert len(set(first.values())) >= 2  # training changed something
    assert first.keys() == {"built", "ddp", "fsdp"}
    # sums over two processes are sums of two numbers, in whatever order
    assert first["ddp"] == first["fsdp"]
