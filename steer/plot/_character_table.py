"""Character tables as pictures."""

from typing import TYPE_CHECKING

import numpy as np

from .._character_table import characters, columns, number
from ..errors import GroupError
from ..reps import Group
from ..reps._group import require_group
from ._canvas import largest, make_axes, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def character_table(group: Group, *, axes: "Axes | None" = None) -> "Axes":
    """The character table over the reals: a row for each irrep, a column for each class, coloured by the character.

    Args:
        group: a finite group of the plane or of space.
        axes: where to draw; those of a new figure when None.

    Returns:
        The axes.

    Raises:
        GroupError: it is no group.
        SteerError: `axes` are none, or matplotlib is missing.
    """
    group = require_group("group", group)
    shown = columns(group)
    at = characters(group, shown)
    made = make_axes(axes, 0.6 * len(shown) + 1.6, 0.4 * len(at.irreps) + 1.0)
    made.imshow(at.values, **signed(largest(at.values)), aspect="auto")
    for (i, j), value in np.ndenumerate(at.values):
        made.text(j, i, number(float(value)), ha="center", va="center", fontsize=9)
    made.xaxis.tick_top()
    made.set_xticks(range(len(shown)), [column.name for column in shown])
    made.set_yticks(range(len(at.irreps)), [psi.label for psi in at.irreps])
    made.set_title(f"Characters of {group.name}")
    return made
