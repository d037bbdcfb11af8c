"""Compare ratios, which hold on any machine, with those in baseline.json; exit status 1 when one has got worse.

    .venv/bin/python benchmarks/check.py            compare
    .venv/bin/python benchmarks/check.py --write    make the figures of today the baseline

One thread, whose processor time is counted, so that other work on the machine adds little, and two images at a time:
then a step is short, and what expansion adds to it shows. So these are not the ratios of `make bench`. A figure that
looks worse is measured again, and counts only if the median of all rounds is still worse.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Final, NamedTuple

import fresh
import items
from bench import warn_of_load
from rich.console import Console
from rich.table import Table

BASELINE: Final = Path(__file__).with_name("baseline.json")
BATCH: Final = 2
ROUNDS_TO_SUSPECT: Final = 1
ROUNDS_TO_CONFIRM: Final = 4
ROUNDS_TO_WRITE: Final = 5
WORSE: Final = 0.2

Rounds = dict[str, dict[str, list[float]]]
console = Console(width=max(Console().width, 110))


class Rule(NamedTuple):
    """What a figure may become: a fifth more than the baseline, counted from `floor`, or `noise` more.

    A training step that costs 1.02 plain steps has an excess of 0.02 over its floor of 1. A fifth of that cannot be
    measured, so the excess may always grow by `noise`.
    """

    floor: float
    noise: float

    def limit(self, baseline: float) -> float:
        """The largest value that is no regression."""
        return baseline + max(WORSE * (baseline - self.floor), self.noise)


RULES: Final[dict[str, Rule]] = {
    "step_over_plain": Rule(1, 0.04),
    "eval_over_plain": Rule(1, 0.04),
    "memory_over_plain": Rule(1, 0.05),
    "expand_backward_over_plain_step": Rule(0, 0.01),
    "buffers_mb": Rule(0, 0.01),
    "build_cold_over_yardstick": Rule(0, 0.5),
    "build_warm_over_yardstick": Rule(0, 0.5),
}


def main() -> int:
    try:
        return compare(_arguments())
    except fresh.WorkerError as error:
        console.print(f"cannot be measured: {error}", style="red", markup=False)
        return 2


def compare(arguments: argparse.Namespace) -> int:
    """Measure, then write or compare; the exit status: 1 for a regression, 2 when there is nothing to compare."""
    names = arguments.only or [name for name in items.NAMES if name != items.IMPORT]
    warn_of_load(console)
    if not arguments.write and not BASELINE.exists():
        console.print(f"no baseline: {BASELINE.name} is missing; `make bench-baseline` writes it")
        return 2
    rounds: Rounds = {name: {} for name in names}
    take(rounds, names, ROUNDS_TO_WRITE if arguments.write else ROUNDS_TO_SUSPECT)
    if arguments.write:
        write(rounds)
        return 0
    baseline: dict[str, dict[str, float]] = json.loads(BASELINE.read_text())["figures"]
    suspects = sorted({item for item, _ in worse(rounds, baseline)})
    if suspects:
        console.print(f"measured again: {', '.join(suspects)}")
        take(rounds, suspects, ROUNDS_TO_CONFIRM)
    show(rounds, baseline)
    regressed = worse(rounds, baseline)
    for item, figure in regressed:
        value, before = statistics.median(rounds[item][figure]), baseline[item][figure]
        limit = RULES[figure].limit(before)
        console.print(f"[red]worse: {item} {figure} is {value:.3f}, was {before:.3f}, limit {limit:.3f}[/red]")
    return 1 if regressed else 0


def take(rounds: Rounds, names: list[str], count: int) -> None:
    """Add the figures of more rounds."""
    steer = fresh.Side("steer", sys.executable)
    for turn in range(count):
        for name in names:
            console.print(f"round {turn + 1} of {count}: {name}", style="dim")
            try:
                figures = fresh.measure(steer, name, quick=True, steady=True, batch=BATCH).figures
            except fresh.WorkerError as error:
                raise fresh.WorkerError(f"{name}: {error}") from None
            for figure in RULES.keys() & figures.keys():
                rounds[name].setdefault(figure, []).append(figures[figure])


def worse(rounds: Rounds, baseline: dict[str, dict[str, float]]) -> list[tuple[str, str]]:
    """(item, figure) whose median is above its limit; figures without a baseline are not judged."""
    return [
        (item, figure)
        for item, figures in rounds.items()
        for figure, values in figures.items()
        if figure in baseline.get(item, {}) and statistics.median(values) > RULES[figure].limit(baseline[item][figure])
    ]


def write(rounds: Rounds) -> None:
    """Make the medians the baseline; items that were not measured keep theirs."""
    figures = json.loads(BASELINE.read_text())["figures"] if BASELINE.exists() else {}
    for item, found in rounds.items():
        figures[item] = {figure: round(statistics.median(found[figure]), 4) for figure in RULES if figure in found}
    comment = "Ratios and sizes that `make bench-check` compares; written by `make bench-baseline`."
    BASELINE.write_text(json.dumps({"comment": comment, "figures": figures}, indent=1) + "\n")
    console.print(f"written: {BASELINE.name}")


def show(rounds: Rounds, baseline: dict[str, dict[str, float]]) -> None:
    """A table of value and baseline."""
    table = Table(title="median now / baseline (✗ worse, + better by a fifth)", title_justify="left")
    table.add_column("item")
    for figure in RULES:
        table.add_column(figure.replace("_over_", "\n/ ").replace("_", " "), justify="right")
    for item, figures in rounds.items():
        table.add_row(item, *(_cell(figure, figures, baseline.get(item, {})) for figure in RULES))
    console.print(table)


def _cell(figure: str, figures: dict[str, list[float]], baseline: dict[str, float]) -> str:
    if figure not in figures:
        return ""
    value, before = statistics.median(figures[figure]), baseline.get(figure)
    if before is None:
        return f"{value:.3f} / new"
    rule = RULES[figure]
    mark = " [red]✗[/red]" if value > rule.limit(before) else " +" if before > rule.limit(value) else ""
    return f"{value:.3f} / {before:.3f}{mark}"


def _arguments() -> argparse.Namespace:
    parser = items.parser(__doc__)
    parser.add_argument("--write", action="store_true", help="write baseline.json instead of comparing with it")
    return items.parse(parser)


if __name__ == "__main__":
    sys.exit(main())
