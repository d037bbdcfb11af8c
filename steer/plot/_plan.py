"""Kernel plans: the filter as a matrix of cells, coloured by strategy."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from .._values import Array
from ..errors import KernelError
from ..kernels import KernelPlan
from ..reps import Representation
from ._canvas import make_axes
from ._names import rep_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STRATEGIES = {"orbit": "#9fd0ea", "gather": "#b7e4c7", "block": "#ffdf8e", "dense": "#f5b7bb"}
NONE = "#eeeeee"


def plan(plan_or_layer: KernelPlan | torch.nn.Module, *, axes: "Axes | None" = None) -> "Axes":
    """The filter as a matrix of cells, rows the kinds of output fields, columns those of input fields.

    The colour is the strategy that expands a cell (`steer.kernels.KernelPlan`), the text its number of weights and what
    one expansion costs in float32: floating-point operations and bytes read and written, as `KernelPlan.describe` says.
    A part of several cells has one cost, written in the first of them. The legend has the sums by strategy, with the
    bytes of constants that are held. Cells are larger for kinds with more channels, but not in proportion.

    Args:
        plan_or_layer: a `KernelPlan`, or a layer that has one.
        axes: where to draw; those of a new figure when None.

    Returns:
        The axes.

    Raises:
        KernelError: it has no plan.
        SteerError: `axes` are none, or matplotlib is missing.
    """
    found = plan_or_layer if isinstance(plan_or_layer, KernelPlan) else getattr(plan_or_layer, "plan", None)
    if not isinstance(found, KernelPlan):
        raise KernelError(f"plan_or_layer: expected a KernelPlan or a layer with one, got {plan_or_layer!r}")
    found.parts  # noqa: B018 - a plan that only collects kernels says so
    made = make_axes(axes, max(1.7 + 1.5 * len(found.columns), 4.6), 1.9 + 0.95 * len(found.rows))
    from matplotlib.patches import Patch, Rectangle

    tops, lefts = _edges(found.rows), _edges(found.columns)
    part_of = {index: placed.part for placed in found.parts for index in placed.cells}
    first = {placed.cells[0] for placed in found.parts}
    for index, cell in enumerate(cell for row in found.cells for cell in row):
        i, j = divmod(index, len(lefts) - 1)
        part = part_of.get(index)
        colour, text = NONE, "no kernel"
        if part is not None:
            colour, text = STRATEGIES[part.strategy], f"{cell.num_weights:,} weights"
            if index in first:
                text += f"\n{_flops(part.cost.macs)}\n{_bytes(part.cost.traffic)}"
        box = (lefts[j], tops[i]), lefts[j + 1] - lefts[j], tops[i + 1] - tops[i]
        made.add_patch(Rectangle(*box, facecolor=colour, edgecolor="white", linewidth=2))
        middle = lefts[j : j + 2].mean(), tops[i : i + 2].mean()
        made.text(*middle, text, ha="center", va="center", fontsize=8)
    made.xaxis.tick_top()
    made.set_xticks((lefts[1:] + lefts[:-1]) / 2, _kinds(found.columns))
    made.set_yticks((tops[1:] + tops[:-1]) / 2, _kinds(found.rows))
    made.tick_params(length=0, labelsize=8.5)
    made.set(xlim=(0, lefts[-1]), ylim=(tops[-1], 0), xlabel="input", ylabel="output")
    made.xaxis.set_label_position("top")
    made.spines[:].set_visible(False)
    handles = []
    for strategy in dict.fromkeys(placed.part.strategy for placed in found.parts):
        costs = [placed.part.cost for placed in found.parts if placed.part.strategy == strategy]
        macs, traffic, held = (sum(getattr(cost, name) for cost in costs) for name in ("macs", "traffic", "constants"))
        what = f"{strategy}: {_flops(macs)}, {_bytes(traffic)} moved, {_bytes(held)} held"
        handles.append(Patch(facecolor=STRATEGIES[strategy], label=what))
    made.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, -0.02), frameon=False, fontsize=8)
    size = " x ".join(map(str, found.grid.shape))
    made.set_title(f"Kernel {size}, {found.num_weights:,} weights", fontsize=11)
    return made


def _edges(kinds: dict[Representation, list[int]]) -> Array:
    """Where cells begin and end: by the square root of the channels, none below 0.7 of the mean."""
    sizes = np.sqrt([len(starts) * rep.size for rep, starts in kinds.items()])
    sizes = np.maximum(sizes / sizes.mean(), 0.7)
    return np.concatenate([[0.0], np.cumsum(sizes / sizes.sum())])


def _kinds(kinds: dict[Representation, list[int]]) -> Sequence[str]:
    times = "\N{MULTIPLICATION SIGN}"
    return [
        f"{len(starts)} {times} {rep_name(rep)}\n{len(starts) * rep.size} channels" for rep, starts in kinds.items()
    ]


def _flops(macs: int) -> str:
    return _amount(2 * macs, "flop")


def _bytes(count: int) -> str:
    return _amount(count, "B")


def _amount(count: float, unit: str) -> str:
    """Three digits with a prefix, powers of 1000."""
    for prefix in ("", "k", "M", "G"):
        if count < 999.5 or prefix == "G":
            break
        count /= 1000
    return f"{count:.3g} {prefix}{unit}"
