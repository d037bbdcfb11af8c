"""Bases, fingerprints and parameters depend on nothing but their arguments: not on hash order, seeds or the cache."""

import os
import subprocess
import sys

import pytest

from .digest import digest


def elsewhere(seed, place):
    """The digest in another process, with hash and NumPy seeds and a cache of its own; the solutions it has read."""
    environment = os.environ | {"PYTHONHASHSEED": str(seed), "STEER_CACHE_DIR": str(place)}
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.kernels.digest", str(seed)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    found, read = done.stdout.split()
    return found, int(read)


def test_bytes_are_equal_under_other_seeds_and_from_the_cache(tmp_path):
    solved, nothing = elsewhere(31337, tmp_path)
    found, read = elsewhere(7, tmp_path)
    assert solved == found == digest(0)
    assert len(solved) == 64
    assert read > nothing == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 7])
def test_bytes_are_equal_under_every_seed(seed, tmp_path):
    assert elsewhere(seed, tmp_path)[0] == digest(seed)
