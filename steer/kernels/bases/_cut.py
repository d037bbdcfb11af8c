"""Rings that a kernel cuts off, and who is told of it."""

import warnings
from typing import Final

from ..._values import outside
from ...errors import BasisWarning
from ...reps import Group
from ._functions import ScalarFunctions
from ._grid import Grid
from ._pixel import maps_grid
from ._radial import Rings
from ._selection import Selection

MOST: Final = 0.5
"""Part of a ring outside of the kernel of which there is a warning; of the default rings at most a quarter is."""


def warn_of_cut_rings(functions: ScalarFunctions, grid: Grid, group: Group) -> None:
    """Warn of rings that lie mostly outside of a kernel, unless all of the group maps the grid to itself.

    What is left of them are the corners of the kernel, which no other element turns into each other.
    """
    rings = functions.functions if isinstance(functions, Selection) else functions
    if not isinstance(rings, Rings) or not grid.shape or maps_grid(grid, group):
        return
    cut = {rings.radii[ring]: leak for ring, leak in enumerate(rings.leaks(grid)) if leak > MOST}
    if not cut:
        return
    named = ", ".join(f"{leak:.0%} of that of radius {radius:g}" for radius, leak in cut.items())
    warnings.warn(
        f"basis: rings lie mostly outside of the kernel, {named}; what is left are its corners, which {group.name} "
        f"does not turn into each other, so that the layer is not equivariant between the symmetries of the grid; take "
        f"smaller radii or a larger kernel_size (rings.leaks(grid) tells)",
        BasisWarning,
        stacklevel=outside(),
    )
