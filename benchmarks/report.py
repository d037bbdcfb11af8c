"""Tables, JSON and picture of what `bench.py` has taken."""

import json
import statistics
from pathlib import Path
from typing import Any, Final, NamedTuple

from bars import BARS, Bar
from items import CASES, IMPORT, NETWORKS
from rich.console import Console
from rich.table import Table

Found = dict[str, Any]


class Column(NamedTuple):
    """A figure and how it is printed."""

    figure: str
    title: str
    digits: int = 2


SPEED: Final = [
    Column("expand_ms", "expand\nms"),
    Column("expand_backward_ms", "expand + backward\nms"),
    Column("expand_backward_dense_ms", "the same, random\ncotangent, ms"),
    Column("step_over_plain", "step\n/ plain", 3),
    Column("eval_over_plain", "eval\n/ plain", 3),
]
CONSTRUCTION: Final = [
    Column("build_cold_s", "build cold\ns", 3),
    Column("build_warm_s", "build warm\ns", 3),
    Column("buffers_mb", "buffers\nMB"),
    Column("parameters", "parameters", 0),
    Column("peak_mb", "peak memory\nMB", 0),
    Column("memory_over_plain", "peak / (plain\n+ filters)", 3),
]
NETWORK: Final = [*SPEED[3:], Column("graph_breaks", "graph\nbreaks", 0)]
TABLES: Final = [
    ("Layers: speed", list(CASES), SPEED),
    ("Layers: construction and memory", list(CASES), CONSTRUCTION),
    ("Networks: speed", [name for name, network in NETWORKS.items() if network.trained], NETWORK),
    ("Networks: construction and memory", list(NETWORKS), CONSTRUCTION),
    ("Import of the layers, after torch", [IMPORT], [Column("import_s", "import\ns", 3)]),
]


LOOKS: Final = {
    "reached": "[green]{}[/green]",
    "misses": "[red]{} ✗[/red]",
    "noise": "[yellow]{} ~[/yellow]",
    "": "[dim]{}[/dim]",
}
"""How a bar is printed."""


class Spread(NamedTuple):
    """Median, least and largest of the rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """That of one figure."""
        return cls(statistics.median(values), min(values), max(values))


def summary(found: Found, item: str, library: str) -> dict[str, Spread]:
    """Every figure of an item and a library."""
    return {figure: Spread.of(values) for figure, values in found["items"].get(item, {}).get(library, {}).items()}


def missed(found: Found) -> list[str]:
    """A line for each figure that misses its bar."""
    lines = []
    for item, bars in BARS.items():
        steer, peer = summary(found, item, "steer"), summary(found, item, "escnn")
        for figure, bar in bars.items():
            verdict = _verdict(bar, steer.get(figure), peer.get(figure))
            if verdict in ("misses", "noise"):
                against = f", escnn {peer[figure].median:.4g}" if figure in peer else ""
                near = " (a round reached it)" if verdict == "noise" else ""
                lines.append(f"{item}: {figure} is {steer[figure].median:.4g}{against}, must be {bar}{near}")
    return lines


def _verdict(bar: Bar, steer: Spread | None, peer: Spread | None) -> str:
    """ "reached", "misses", "noise" when the median misses and a round does not, or "" without the figures."""
    if steer is None:
        return ""
    against = peer.median if peer else None
    verdict = bar.missed(steer.median, against)
    if not verdict:
        return "" if verdict is None else "reached"
    return "misses" if bar.missed(steer.low, against) else "noise"


def write(found: Found, folder: Path) -> None:
    """bench.json and bench.png."""
    import picture

    folder.mkdir(parents=True, exist_ok=True)
    full = found | {
        "summary": {
            item: {library: {k: v._asdict() for k, v in summary(found, item, library).items()} for library in libraries}
            for item, libraries in found["items"].items()
        },
        "missed": missed(found),
    }
    (folder / "bench.json").write_text(json.dumps(full, indent=1) + "\n")
    picture.draw(found, folder / "bench.png")


def show(console: Console, found: Found) -> None:
    """Print machine, versions and tables."""
    machine = found["machine"]
    if machine:
        console.print(
            f"\n{machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads, {machine['system']}, "
            f"GPU {machine['gpu']}; load before the start {found['load_before']}"
        )
    for versions in found["versions"].values():
        console.print(", ".join(f"{name} {version}" for name, version in versions.items()))
    console.print(
        f"Medians of {found['rounds']} rounds, each a fresh process for each library in turn, in brackets the least "
        f"and largest. plain: torch.nn with the same channels. ✗ misses the bar, "
        f"~ does so by the median but not in every round."
    )
    for title, names, columns in TABLES:
        _table(console, found, title, [name for name in names if name in found["items"]], columns)
    lines = missed(found)
    count = "no bar" if not lines else "1 bar" if len(lines) == 1 else f"{len(lines)} bars"
    console.print(f"\n{count} missed", style="red" if lines else "green")
    for line in lines:
        console.print(f"  {line}", markup=False)
    for error in found["errors"]:
        console.print(f"failed: {error['item']} with {error['library']}: {error['reason']}", style="red", markup=False)


def _table(console: Console, found: Found, title: str, names: list[str], columns: list[Column]) -> None:
    if not names:
        return
    table = Table(title=title, title_justify="left", show_lines=False)
    table.add_column("item")
    table.add_column("")
    for column in columns:
        table.add_column(column.title, justify="right")
    for name in names:
        steer, peer = summary(found, name, "steer"), summary(found, name, "escnn")
        table.add_row(name, "steer", *(_cell(steer.get(column.figure), column) for column in columns))
        if peer:
            table.add_row("", "escnn", *(_cell(peer.get(column.figure), column) for column in columns))
            table.add_row("", "steer / escnn", *(_quotient(column.figure, steer, peer) for column in columns))
        table.add_row(
            "", "must reach", *(_bar(name, column.figure, steer, peer) for column in columns), end_section=True
        )
    console.print()
    console.print(table)


def _cell(spread: Spread | None, column: Column) -> str:
    if spread is None:
        return ""
    middle, low, high = (f"{value:,.{column.digits}f}" for value in spread)
    return middle if low == high else f"{middle} ({low} - {high})"


def _quotient(figure: str, steer: dict[str, Spread], peer: dict[str, Spread]) -> str:
    if figure not in steer or figure not in peer or not peer[figure].median:
        return ""
    return f"{steer[figure].median / peer[figure].median:.3g}"


def _bar(item: str, figure: str, steer: dict[str, Spread], peer: dict[str, Spread]) -> str:
    bar = BARS[item].get(figure)
    if bar is None:
        return ""
    return LOOKS[_verdict(bar, steer.get(figure), peer.get(figure))].format(bar)
