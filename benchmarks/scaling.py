"""Time, memory and construction against the order of the group, degree, channels and kernel size, with exponents.

    .venv/bin/python benchmarks/scaling.py [--rounds 3] [--quick]

Each point is one layer in a process of its own, with an empty cache. An exponent is the slope of log(time) over
log(entries of the dense filter), least squares over the larger half of the sizes: 1 means that the cost grows as the
filter does. One thread and an allocator that keeps its pages: growth is asked for, and the start of parallel sections
and page faults would hide it. Writes scaling.json and scaling.png to benchmarks/results/.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import fresh
import numpy as np
from bench import RESULTS, warn_of_load
from items import Case
from rich.console import Console
from rich.table import Table

console = Console(width=max(Console().width, 120))

Point = dict[str, Any]
FITTED: Final = ("expand_ms", "expand_backward_ms", "build_s", "buffers_mb")
PRINTED: Final = (*FITTED, "peak_mb")
AT_MOST: Final = 1.1
"""The largest exponent that counts as 1: least squares over a few points is no better."""


def _layer(group: str, dim: int, copies: int, kernel: int, irreps: tuple[str, ...] = ()) -> Case:
    # The image is one kernel large: the two training steps before the peak is read then weigh nothing.
    return Case(group, dim, copies, kernel, irreps, 1, dim * (kernel,))


def _degrees(highest: int) -> tuple[str, ...]:
    return tuple(str(degree) for degree in range(highest + 1))


# No filter is larger than 27 MB: glibc maps blocks above 32 MB anew each time, whatever it is told.
SERIES: Final[dict[str, dict[str, Case]]] = {
    "order, C_n regular x4, 5x5": {f"C{n}": _layer(f"C{n}", 2, 4, 5) for n in (2, 4, 8, 16, 32, 64)},
    "order, regular x1, 5^3": {name: _layer(name, 3, 1, 5) for name in ("T", "O", "Oh", "I", "Ih")},
    "L_max, SO(2) x8, 7x7": {f"{n}": _layer("SO(2)", 2, 8, 7, _degrees(n)) for n in range(9)},
    "L_max, SO(3) x2, 5^3": {f"{n}": _layer("SO(3)", 3, 2, 5, _degrees(n)) for n in range(9)},
    "fields, C8 regular, 5x5": {f"{n}": _layer("C8", 2, n, 5) for n in (1, 2, 4, 8, 16, 32, 64)},
    "fields, SO(3) l <= 2, 5^3": {f"{n}": _layer("SO(3)", 3, n, 5, _degrees(2)) for n in (1, 2, 4, 8, 16, 24)},
    "kernel, C8 regular x8": {f"{k}": _layer("C8", 2, 8, k) for k in (3, 5, 7, 9, 11, 13, 15)},
    "kernel, SO(3) l <= 2 x4": {f"{k}": _layer("SO(3)", 3, 4, k, _degrees(2)) for k in (3, 5, 7, 9, 11)},
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="fewer repeats within a process")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder for JSON and picture")
    arguments = parser.parse_args()
    warn_of_load(console)
    found = {}
    for name, cases in SERIES.items():
        console.print(f"{name}: {', '.join(cases)}", style="dim", markup=False)
        found[name] = [point(label, case, arguments.rounds, quick=arguments.quick) for label, case in cases.items()]
    exponents = {name: {figure: exponent(points, figure) for figure in FITTED} for name, points in found.items()}
    show(found, exponents)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "scaling.json").write_text(json.dumps({"points": found, "exponents": exponents}, indent=1))
    draw(found, exponents, arguments.output / "scaling.png")
    console.print(f"\nwritten: {arguments.output}/scaling.json and {arguments.output}/scaling.png")
    return 0


def point(label: str, case: Case, rounds: int, *, quick: bool) -> Point:
    """Medians over the rounds of one layer's figures."""
    taken = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            side = fresh.Side("steer", sys.executable)
            answer = fresh.run(side, "expand", case, cache, cold=True, quick=quick, steady=True)
            taken.append(answer.figures)
    medians = {figure: statistics.median(each[figure] for each in taken) for figure in PRINTED}
    return {"label": label, "entries": case.filter_entries, **medians}


def exponent(points: list[Point], figure: str) -> float:
    """Slope of log(figure) over log(entries), over the larger half of the sizes and at least three of them."""
    points = sorted(points, key=lambda each: each["entries"])
    x = np.log([each["entries"] for each in points])
    y = np.log([each[figure] for each in points])
    count = max(3, int((x >= (x[0] + x[-1]) / 2).sum()))
    return float(np.polyfit(x[-count:], y[-count:], 1)[0])


def show(found: dict[str, list[Point]], exponents: dict[str, dict[str, float]]) -> None:
    """A table for each series, then one of the exponents."""
    titles = ("filter entries", "expand, ms", "expand + backward, ms", "build, cold, s", "buffers, MB", "peak, MB")
    for name, points in found.items():
        table = Table(title=name, title_justify="left")
        for column in (name.partition(",")[0], *titles):
            table.add_column(column, justify="right")
        for each in points:
            table.add_row(each["label"], f"{each['entries']:,}", *(f"{each[figure]:.3g}" for figure in PRINTED))
        console.print(table)
    table = Table(title="exponents against the entries of the filter (1: grows as the filter does)")
    for column in ("against", *titles[1:5]):
        table.add_column(column, justify="left" if column == "against" else "right")
    for name, slopes in exponents.items():
        table.add_row(name, *(f"{slopes[figure]:.2f}" for figure in FITTED))
    console.print(table)
    for name, slopes in exponents.items():
        if slopes["expand_ms"] > AT_MOST:
            console.print(f"[red]expand grows faster than the filter: {name}, {slopes['expand_ms']:.2f}[/red]")


def draw(found: dict[str, list[Point]], exponents: dict[str, dict[str, float]], path: Path) -> None:
    """Time to expand, time to build and peak of memory over the entries of the filter."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(18, 6), layout="constrained")
    panels = (("expand_ms", "expand (ms)"), ("build_s", "build, cold (s)"), ("peak_mb", "peak memory (MB)"))
    for ax, (key, title) in zip(axes, panels, strict=True):
        for name, points in found.items():
            slope = f" (exponent {exponents[name][key]:.2f})" if key in FITTED else ""
            ax.loglog([p["entries"] for p in points], [p[key] for p in points], marker="o", label=name + slope)
        ax.set(title=title, xlabel="entries of the dense filter")
        ax.legend(fontsize=7)
    sizes = np.array([1e4, 1e7])
    axes[0].loglog(sizes, sizes * 1e-6, color="black", linestyle=":")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


if __name__ == "__main__":
    sys.exit(main())
