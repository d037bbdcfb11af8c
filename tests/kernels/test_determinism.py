"""Bases, fingerprints and parameters depend on nothing but their arguments: not on hash order, seeds or the cache."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import hashlib, sys
import numpy as np
import torch
import steer
from steer import nn
from steer.kernels import kernel_basis

np.random.seed(int(sys.argv[1]))
torch.manual_seed(0)
seen = hashlib.sha256()
for name in ("C5", "D4", "D6", "SO(2)", "O(2)"):
    G = steer.group(name, dim=2)
    regular = G.regular if G.is_finite else G.band_limited(2)
    types = [G.trivial, G.vector, regular, G.vector.tensor(G.vector), regular.restrict("C1" if G.is_finite else "C4")]
    points = np.linspace(-2, 2, 14).reshape(7, 2)
    for in_rep in types[:4]:
        for out_rep in types[:4]:
            for form in ("block", None):
                basis = kernel_basis(in_rep, out_rep, max_frequency=2, form=form)
                seen.update(basis.sample(points).tobytes())
                seen.update(basis.fingerprint.encode())
                seen.update(repr(basis.elements).encode())
    kind = nn.FieldType(G, types[:4] + types[1:3])
    conv = nn.Conv2d(kind, kind, 3)
    seen.update(conv.plan.fingerprint.encode())
    seen.update(conv.weight.detach().numpy().tobytes())
    coefficients = torch.linspace(-1, 1, conv.weight.numel(), dtype=torch.float64)
    seen.update(conv.plan.expand(coefficients).numpy().tobytes())
    linear = nn.Linear(kind, kind)
    seen.update(linear.matrix().detach().numpy().tobytes())
    seen.update(repr([list(conv.state_dict()), str(kind), repr(kind)]).encode())
print(seen.hexdigest())
"""


@pytest.fixture(scope="module")
def digests(tmp_path_factory):
    """The hash of everything, under several hash and NumPy seeds; the last run reads the cache of the one before."""
    caches = [tmp_path_factory.mktemp("a"), tmp_path_factory.mktemp("b"), tmp_path_factory.mktemp("c")]
    found = []
    for hash_seed, seed, place in (("0", 0, 0), ("1", 1, 1), ("31337", 2, 2), ("7", 3, 2)):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "STEER_CACHE_DIR": str(caches[place])}
        environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(seed)], check=True, capture_output=True, text=True, env=environment
        )
        found.append(done.stdout.strip())
    return found


def test_bytes_are_equal_under_other_seeds(digests):
    assert digests[0] == digests[1] == digests[2]
    assert len(digests[0]) == 64


def test_bytes_are_equal_from_the_cache(digests):
    assert digests[2] == digests[3]
