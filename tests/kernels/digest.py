"""The digest of many bases, plans and layers; test_determinism.py runs it in this process and in others.

python -m tests.kernels.digest SEED
"""

import hashlib
import sys

import numpy as np
import torch

import steer
from steer import nn
from steer.kernels import cache, kernel_basis


def digest(seed: int) -> str:
    """A hash of what must depend neither on NumPy's seed nor on the order of sets."""
    np.random.seed(seed)  # noqa: NPY002 - the global generator is what must not matter
    torch.manual_seed(0)
    seen = hashlib.sha256()
    for name in ("C5", "D4", "D6", "SO(2)", "O(2)"):
        G = steer.group(name, dim=2)
        regular = G.regular if G.is_finite else G.band_limited(2)
        part = "C1" if G.is_finite else "C4"
        types = [G.trivial, G.vector, regular, G.vector.tensor(G.vector), regular.restrict(part)]
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
    return seen.hexdigest()


if __name__ == "__main__":
    sys.stdout.write(f"{digest(int(sys.argv[1]))} {cache.info().disk_hits}")
