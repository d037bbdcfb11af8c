"""The picture of a benchmark: steer beside the peer beside the bar."""

import statistics
from pathlib import Path
from typing import Any, Final

import matplotlib

matplotlib.use("agg")
from bars import BARS
from matplotlib import pyplot
from matplotlib.axes import Axes

PANELS: Final = [
    # (figure, title, logarithmic axis)
    ("build_cold_s", "build, empty cache (s)", True),
    ("build_warm_s", "build, filled cache (s)", True),
    ("expand_backward_ms", "expand + backward (ms)", True),
    ("step_over_plain", "training step / plain torch", True),
    ("eval_over_plain", "evaluation / plain torch", False),
    ("memory_over_plain", "peak memory / (plain torch + filters)", True),
]
COLOURS: Final = {"steer": "tab:blue", "escnn": "tab:gray"}


def draw(found: dict[str, Any], path: Path) -> None:
    """Bars are medians, whiskers the least and largest round, red lines what steer must reach."""
    figure, axes = pyplot.subplots(2, 3, figsize=(16, 9), layout="constrained")
    for ax, (name, title, logarithmic) in zip(axes.flat, PANELS, strict=True):
        _panel(ax, found["items"], name)
        ax.set_title(title)
        if logarithmic and ax.patches:
            ax.set_yscale("log")
    handles = [pyplot.Rectangle((0, 0), 1, 1, color=colour) for colour in COLOURS.values()]
    handles.append(pyplot.Line2D([], [], color="tab:red", linewidth=2))
    figure.legend(handles, [*COLOURS, "steer must reach"], loc="outside upper right", ncols=3)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _panel(ax: Axes, items: dict[str, Any], figure: str) -> None:
    shown = [item for item, libraries in items.items() if any(figure in found for found in libraries.values())]
    width = 0.4
    for position, item in enumerate(shown):
        for offset, library in enumerate(COLOURS):
            values = items[item].get(library, {}).get(figure)
            if values:
                middle = statistics.median(values)
                whisker = [[middle - min(values)], [max(values) - middle]]
                place = position + (offset - 0.5) * width
                ax.bar(place, middle, width, yerr=whisker, color=COLOURS[library], ecolor="black", capsize=2)
        level = _level(items[item], item, figure)
        if level is not None:
            ax.hlines(level, position - width, position + width, color="tab:red", linewidth=2)
    ax.set_xticks(range(len(shown)), shown, rotation=45, ha="right")
    if figure.endswith("_over_plain"):
        ax.axhline(1, color="black", linewidth=0.5)


def _level(libraries: dict[str, dict[str, list[float]]], item: str, figure: str) -> float | None:
    """Where the bar lies: its limit, or the peer's figure over the factor."""
    bar = BARS[item].get(figure)
    if bar is None or not bar.times_faster:
        return bar.limit if bar else None
    peer = libraries.get("escnn", {}).get(figure)
    return statistics.median(peer) / bar.limit if peer else None
