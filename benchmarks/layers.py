"""One steerable layer beside torch.nn.Conv2d of the same channels: construction, expansion, training step, evaluation.

    .venv/bin/python benchmarks/layers.py [CASE ...]

One JSON line a case, each in a fresh process with an empty cache. Seconds, two threads. `build` is the first
construction of the process, initialisation included. `ratio` and `eval_ratio` are medians of interleaved pairs against
the plain layer; the other times are medians.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

CASES = {
    # name: (group, irreps or None for regular, kernel size, (batch, *space)); 16 fields of each kind
    "C8_regular": ("C8", None, 5, (16, 32, 32)),
    "C16_regular": ("C16", None, 7, (8, 29, 29)),
    "D8_regular": ("D8", None, 5, (8, 32, 32)),
    "SO2_irreps": ("SO(2)", ("0", "1", "2", "3"), 5, (16, 32, 32)),
    "O2_irreps": ("O(2)", ("0+", "0-", "1", "2", "3"), 5, (16, 32, 32)),
}


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def paired(first: Callable[[], object], second: Callable[[], object], repeats: int = 9) -> tuple[float, float, float]:
    """Medians of two timings taken in turn and of their ratio: robust against a machine whose speed drifts."""
    first(), second()
    pairs = [(seconds(first), seconds(second)) for _ in range(repeats)]
    return median([a for a, _ in pairs]), median([b for _, b in pairs]), median([a / b for a, b in pairs])


def measure(name: str) -> dict[str, object]:
    import torch

    import steer
    from steer import nn

    torch.manual_seed(0)
    torch.set_num_threads(2)
    act_name, labels, size, (batch, *space) = CASES[name]
    start = time.perf_counter()
    act = steer.group(act_name, dim=2)
    fibre = [act.regular] if labels is None else [act.irrep(label) for label in labels]
    field = nn.FieldType(act, 16 * fibre)
    layer = nn.Conv2d(field, field, size, padding=size // 2)
    build = time.perf_counter() - start
    plain = torch.nn.Conv2d(field.size, field.size, size, padding=size // 2)
    x = torch.randn(batch, field.size, *space)

    def expand() -> torch.Tensor:
        return layer.plan.expand(layer.weight)

    def backward() -> None:
        layer.zero_grad()
        expand().sum().backward()

    def step(module: torch.nn.Module) -> None:
        module.zero_grad()
        module(x).sum().backward()

    expand(), backward()
    row: dict[str, object] = {"case": name, "channels": field.size, "parameters": layer.weight.numel(), "build": build}
    row["expand"] = median([seconds(expand) for _ in range(9)])
    row["expand_bwd"] = median([seconds(backward) for _ in range(9)])
    row["step"], row["plain_step"], row["ratio"] = paired(lambda: step(layer), lambda: step(plain))
    layer.eval(), plain.eval()
    with torch.no_grad():
        row["eval"], row["plain_eval"], row["eval_ratio"] = paired(lambda: layer(x), lambda: plain(x))
    row["constants_mb"] = sum(t.numel() * t.element_size() for t in layer.plan.tensors(torch.float32, x.device)) / 1e6
    return {key: round(value, 5) if isinstance(value, float) else value for key, value in row.items()}


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--in-process":
        print(json.dumps(measure(sys.argv[2])))
    else:
        for case in sys.argv[1:] or CASES:
            with tempfile.TemporaryDirectory() as empty:
                command = [sys.executable, __file__, "--in-process", case]
                subprocess.run(command, check=True, env=os.environ | {"STEER_CACHE_DIR": empty})
