"""Kernel plans: the filter as a matrix of parts."""

from typing import TYPE_CHECKING

import numpy as np
import torch

from ..errors import KernelError
from ..kernels import KernelPlan
from ._canvas import make_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STRATEGIES = {"orbit": "#8ecae6", "gather": "#b7e4c7", "block": "#ffd166", "dense": "#f4a3a8"}


def plan(plan_or_layer: KernelPlan | torch.nn.Module, *, axes: "Axes | None" = None) -> "Axes":
    """The filter as a matrix of cells, a row for each kind of output field, coloured by the strategy that expands it.

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
        raise KernelError(f"plan_or_layer: expected a plan, or a layer with one, got {plan_or_layer!r}")
    made = make_axes(axes, 6.5, 4.5)
    from matplotlib.patches import Rectangle

    heights = [len(starts) * rep.size for rep, starts in found.rows.items()]
    widths = [len(starts) * rep.size for rep, starts in found.columns.items()]
    tops, lefts = np.cumsum([0, *heights]), np.cumsum([0, *widths])
    for placed in found.parts:
        for index in placed.cells:
            i, j = divmod(index, len(widths))
            cell = found.cells[i][j]
            colour = STRATEGIES[placed.part.strategy]
            made.add_patch(Rectangle((lefts[j], tops[i]), widths[j], heights[i], facecolor=colour, edgecolor="white"))
            text = f"{placed.part.strategy}\n{cell.num_weights} weights"
            made.text(lefts[j] + widths[j] / 2, tops[i] + heights[i] / 2, text, ha="center", va="center", fontsize=8)
    made.set(xlim=(0, lefts[-1]), ylim=(tops[-1], 0))
    return made
