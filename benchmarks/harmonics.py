"""Spherical harmonics of degrees 0 to 6 and Wigner matrices of degree 6 beside e3nn's, and sphericart's where it is.

    python benchmarks/harmonics.py [PYTHON_WITH_E3NN]

All run in one process of that Python, which finds this package by its path, on one thread, and take turns: a figure is
the median of the ratios of neighbours. Times are the processor's. Errors are the largest against double precision.
"""

import functools
import importlib.util
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from timing import seconds

from steer.reps import group, harmonics, wigner_d

TOP, POINTS, ROTATIONS, ROUNDS = 6, 100_000, 1000, 9

Function = Callable[[torch.Tensor], torch.Tensor]


def libraries() -> dict[str, tuple[Function, Function | None]]:
    """By name: harmonics of points (n, 3), and Wigner matrices of rotations (n, 3, 3), where there are any."""
    degrees = range(TOP + 1)
    found: dict[str, tuple[Function, Function | None]] = {
        "steer": (lambda x: harmonics(x, degrees), lambda r: wigner_d(r, TOP))
    }
    if importlib.util.find_spec("e3nn"):
        from e3nn import o3

        irrep = o3.Irrep(TOP, 1)
        spherical = functools.partial(o3.spherical_harmonics, list(degrees), normalize=True, normalization="component")
        found["e3nn"] = spherical, irrep.D_from_matrix
    if importlib.util.find_spec("sphericart"):
        import sphericart.torch

        found["sphericart"] = sphericart.torch.SphericalHarmonics(TOP), None
    return found


def with_backward(function: Function, x: torch.Tensor) -> torch.Tensor:
    x = x.clone().requires_grad_()
    function(x).sum().backward()
    assert x.grad is not None, "the sum depends on the points"
    return x.grad


def error(function: Function, x: torch.Tensor) -> float:
    return float((function(x.float()).double() - function(x)).abs().max())


def compare(what: str, functions: dict[str, Function], x: torch.Tensor) -> None:
    """Print times, ratios of the first to each of the others, and errors."""
    single = x.float()
    for name, run in (("forward", torch.no_grad()(lambda f: f(single))), ("with backward", None)):
        runs = {
            library: functools.partial(run, f) if run else functools.partial(with_backward, f, single)
            for library, f in functions.items()
        }
        for one in runs.values():
            one()
        times = [{library: seconds(one) for library, one in runs.items()} for _ in range(ROUNDS)]
        line = ", ".join(f"{k} {1e3 * statistics.median(t[k] for t in times):.1f} ms" for k in runs)
        for other in list(runs)[1:]:
            line += f"; steer / {other} {statistics.median(t['steer'] / t[other] for t in times):.2f}"
        print(f"{what}, {name}: {line}")
    print(f"{what}, error: " + ", ".join(f"{library} {error(f, x):.1e}" for library, f in functions.items()))


def main() -> None:
    if len(sys.argv) > 1:
        root = str(Path(__file__).parents[1])
        raise SystemExit(subprocess.run([sys.argv[1], __file__], env={**os.environ, "PYTHONPATH": root}).returncode)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    found = libraries()
    print(f"{platform.machine()}, torch {torch.__version__}, {', '.join(found)}, {ROUNDS} rounds, one thread")
    x = torch.randn(POINTS, 3).double()
    compare(f"harmonics of {POINTS:,} points", {k: f for k, (f, _) in found.items()}, x)
    r = torch.tensor(group("SO(3)", dim=3).sample(ROTATIONS, seed=0)).float().double()
    compare(f"Wigner matrices of {ROTATIONS:,} rotations", {k: f for k, (_, f) in found.items() if f}, r)


if __name__ == "__main__":
    main()
