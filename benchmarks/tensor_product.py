"""Weighted tensor products of irreps of O(3) beside e3nn's: fully connected, and "uvu" with weights for each edge.

    python benchmarks/tensor_product.py [PYTHON_WITH_E3NN]

Both run in one process of that Python, which finds this package by its path, on one thread, and take turns: a figure is
the median of the ratios of neighbours. Times are the processor's. Memory is what autograd holds between the passes, of
storages that are not inputs or weights.
"""

import functools
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from timing import seconds

from steer import nn

HARMONICS, ROUNDS = "1x0e + 1x1o + 1x2e", 9
CASES = {
    "connected, 16 copies, 1000 edges": (16, 1000, HARMONICS, "uvw"),
    "connected, 64 copies, 500 edges": (64, 500, HARMONICS, "uvw"),
    "connected, 16 by 16 copies, 200 points": (16, 200, None, "uvw"),
    "uvu, 16 copies, 1000 edges": (16, 1000, HARMONICS, "uvu"),
    "uvu, 64 copies, 500 edges": (64, 500, HARMONICS, "uvu"),
    "uvu, 32 copies, 5000 edges": (32, 5000, HARMONICS, "uvu"),
}

Product = Callable[..., torch.Tensor]


def ours(first: str, second: str, mode: str) -> tuple[Product, int]:
    """A product, and the number of weights that it is given."""
    types = nn.FieldType.from_irreps(first), nn.FieldType.from_irreps(second)
    if mode == "uvw":
        return nn.Bilinear(*types, types[0]), 0
    layer = nn.Bilinear(*types, paths="uvu", max_frequency=2, own_weights=False)
    return lambda x, y, w: layer(x, y, weight=w), layer.num_weights


def theirs(first: str, second: str, mode: str) -> tuple[Product, int]:
    from e3nn import o3

    if mode == "uvw":
        return o3.FullyConnectedTensorProduct(first, second, first), 0
    left, right, made, paths = o3.Irreps(first), o3.Irreps(second), [], []
    for i, (count, a) in enumerate(left):
        for j, (_, b) in enumerate(right):
            for c in a * b:
                if c.l <= 2:
                    paths.append((i, j, len(made), "uvu", True))
                    made.append((count, c))
    layer = o3.TensorProduct(left, right, o3.Irreps(made), paths, shared_weights=False, internal_weights=False)
    return layer, layer.weight_numel


def held_mb(product: Product, inputs: list[torch.Tensor]) -> float:
    """10^6 bytes of the tensors that the forward pass keeps for the backward pass."""
    own = {tensor.untyped_storage().data_ptr() for tensor in inputs}
    found: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own and not isinstance(tensor, torch.nn.Parameter):
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        out = product(*inputs)
    return (sum(found.values()) + out.nbytes) / 1e6


def compare(name: str, copies: int, rows: int, second: str | None, mode: str) -> None:
    first = f"{copies}x0e + {copies}x1o + {copies}x2e"
    both = {"steer": ours(first, second or first, mode), "e3nn": theirs(first, second or first, mode)}
    assert len({count for _, count in both.values()}) == 1, "both have the same weights"
    width = nn.FieldType.from_irreps(first).size, nn.FieldType.from_irreps(second or first).size
    shapes = [(rows, width[0]), (rows, width[1])] + ([(rows, both["e3nn"][1])] if mode == "uvu" else [])
    inputs = [torch.randn(shape, requires_grad=True) for shape in shapes]

    def forward(product: Product) -> None:
        with torch.no_grad():
            product(*inputs)

    def step(product: Product) -> None:
        product(*inputs).sum().backward()

    for what, run in (("forward", forward), ("with backward", step)):
        for _ in range(3):  # e3nn's are compiled in their first calls
            for product, _ in both.values():
                run(product)
        times = [
            {library: seconds(functools.partial(run, product)) for library, (product, _) in both.items()}
            for _ in range(ROUNDS)
        ]
        ratio = statistics.median(one["steer"] / one["e3nn"] for one in times)
        line = ", ".join(f"{k} {1e3 * statistics.median(one[k] for one in times):.1f} ms" for k in both)
        print(f"{name}, {what}: {line}; steer / e3nn {ratio:.2f}")
    print(f"{name}, held: " + ", ".join(f"{library} {held_mb(p, inputs):.1f} MB" for library, (p, _) in both.items()))


def main() -> None:
    if len(sys.argv) > 1:
        root = str(Path(__file__).parents[1])
        raise SystemExit(subprocess.run([sys.argv[1], __file__], env={**os.environ, "PYTHONPATH": root}).returncode)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"{platform.machine()}, torch {torch.__version__}, {ROUNDS} rounds, one thread")
    for name, case in CASES.items():
        compare(name, *case)


if __name__ == "__main__":
    main()
