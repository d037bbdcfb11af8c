"""The benchmark on a GPU: `bench.py --device cuda`."""

import json
import tempfile
from pathlib import Path
from typing import Final

import fresh
from items import CASES, NETWORKS
from rich.console import Console
from rich.table import Table

ROWS: Final = [
    (f"{mode} {how}", f"{mode}_{how}") for mode in ("float32", "bf16", "channels_last") for how in ("eager", "compiled")
]
CAPTURE_TOLERANCE: Final = 1e-5
"""A replay may use another algorithm for a matrix product than the eager call; float32 rounds at 1e-7."""


def main(console: Console, sides: list[fresh.Side], names: list[str], folder: Path, *, quick: bool) -> int:
    """Measure, print one table an item, and write gpu.json; the exit status."""
    trained = [name for name in names if name in CASES or (name in NETWORKS and NETWORKS[name].trained)]
    found: dict[str, dict[str, dict[str, float]]] = {}
    failures = 0
    for name in trained:
        for side in sides:
            try:
                with tempfile.TemporaryDirectory() as cache:
                    answer = fresh.run(side, "gpu", name, cache, quick=quick, device="cuda")
            except fresh.WorkerError as error:
                console.print(f"{name} with {side.library} failed: {error}", style="red", markup=False)
                if "NoGpuError" in str(error):
                    return 2
                failures += side.library == "steer"
                continue
            if not found:
                console.print(f"{answer.machine['gpu']}, {answer.versions}", markup=False)
            found.setdefault(name, {})[side.library] = answer.figures
            failures += show(console, name, side.library, answer.figures)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gpu.json").write_text(json.dumps(found, indent=1) + "\n")
    return 1 if failures else 0


def show(console: Console, name: str, library: str, figures: dict[str, float]) -> bool:
    """Print the table of an item; whether the captured expansion differs from the eager one."""
    table = Table(title=f"{name}, {library}", title_justify="left")
    for column in ("mode", "step ms", "step / plain", "eval ms", "eval / plain"):
        table.add_column(column, justify="left" if column == "mode" else "right")
    for label, key in ROWS:
        shown = ("step_ms", "step_over_plain", "eval_ms", "eval_over_plain")
        table.add_row(label, *(f"{figures[f'{key}_{figure}']:.3f}" for figure in shown))
    console.print(table)
    if "expand_ms" in figures:
        both = figures["expand_ms"], figures["expand_backward_ms"]
        console.print("expand {:.3f} ms, with backward {:.3f} ms".format(*both))
    error = figures.get("captured_expand_error")
    if error is None:
        return False
    differs = not error <= CAPTURE_TOLERANCE  # a NaN differs
    console.print(f"expand in a CUDA graph: {error:.1e} from eager", style="red" if differs else "green")
    return differs
