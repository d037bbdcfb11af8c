"""Measure everything, print the tables, and write them as JSON and as a picture to benchmarks/results/.

    .venv/bin/python benchmarks/bench.py [--peer PYTHON_WITH_ESCNN] [--only ITEM ...] [--rounds 3] [--quick]
    .venv/bin/python benchmarks/bench.py --device cuda

The libraries take turns, item by item and round by round; every figure comes from a process of its own. The peer's
cache, which lies inside of its package, is emptied again and again.
"""

import argparse
import datetime
import os
import sys
from pathlib import Path
from typing import Any, Final

import fresh
import items
import report
from rich.console import Console

RESULTS: Final = Path(__file__).with_name("results")
console = Console(width=max(Console().width, 140))


def main() -> int:
    arguments = _arguments()
    names = arguments.only or list(items.NAMES)
    sides = [fresh.Side("steer", sys.executable)]
    sides += [fresh.Side("escnn", arguments.peer)] if arguments.peer else []
    warn_of_load(console)
    if arguments.device == "cuda":
        import gpu_report

        return gpu_report.main(console, sides, names, arguments.output, quick=arguments.quick)
    found = empty(sides, names, quick=arguments.quick)
    for turn in range(arguments.rounds):
        add_round(found, sides, f"round {turn + 1} of {arguments.rounds}", quick=arguments.quick)
        report.write(found, arguments.output)  # after each round, so that an interrupted run is not lost
    report.show(console, found)
    console.print(f"\nwritten: {arguments.output}/bench.json and {arguments.output}/bench.png")
    return 1 if any(error["library"] == "steer" for error in found["errors"]) else 0


def empty(sides: list[fresh.Side], names: list[str], *, quick: bool) -> dict[str, Any]:
    """What is to be found: {"items": {item: {library: {figure: [one of each round]}}}, ...}."""
    return {
        "taken": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "rounds": 0,
        "quick": quick,
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "machine": {},
        "versions": {},
        "items": {name: {side.library: {} for side in sides} for name in names},
        "errors": [],
    }


def add_round(found: dict[str, Any], sides: list[fresh.Side], title: str, *, quick: bool) -> None:
    """Measure every item once with every library."""
    for name, libraries in found["items"].items():
        for side in sides:
            console.print(f"{title}: {name}, {side.library}", style="dim")
            try:
                answer = fresh.measure(side, name, quick=quick, breaks=not found["rounds"])
            except fresh.WorkerError as error:
                console.print(f"  failed: {error}", style="red", markup=False)
                found["errors"].append({"item": name, "library": side.library, "reason": str(error)})
                continue
            found["machine"] = answer.machine
            found["versions"].setdefault(side.library, answer.versions)
            for figure, value in answer.figures.items():
                libraries[side.library].setdefault(figure, []).append(value)
    found["rounds"] += 1


def warn_of_load(to: Console) -> None:
    """Say so when other work is running: small parallel sections then take ten times as long, ratios too."""
    load, cores = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0, os.cpu_count() or 1
    if load > 0.3 * cores:
        to.print(f"[yellow]other work is running (load {load:.1f} on {cores} cores): figures will be off[/yellow]")


def _arguments() -> argparse.Namespace:
    parser = items.parser(__doc__)
    parser.add_argument("--peer", default="", help="a Python with torch, NumPy < 2 and escnn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="fewer repeats within a process")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder for JSON and picture")
    return items.parse(parser)


if __name__ == "__main__":
    sys.exit(main())
