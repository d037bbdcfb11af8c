"""Orbits: of a field, and of a point."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import GroupError, ShapeError
from ..nn import FieldTensor
from ..reps import Group
from ..reps._group import require_group
from ._canvas import largest, make_axes, make_figure
from ._fields import draw, field_of, one_sample
from ._names import given_elements, names_of, rep_name, some_elements

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def orbit(
    f: FieldTensor,
    elements: npt.ArrayLike | None = None,
    *,
    sample: int = 0,
    field: int = 0,
    figure: "Figure | None" = None,
) -> "Figure":
    """A field moved by elements of its group, (g f)(x) = rho(g) f(g^-1 x), a panel for each.

    Args:
        f: (batch, type.size, *space).
        elements: (n, d, d), elements of the group; by default up to eight, spread over it.
        sample: which of the batch.
        field: which field.
        figure: where to draw; a new figure when None.

    Returns:
        The figure.

    Raises:
        FieldTypeError: f is no FieldTensor, or has no such field.
        ShapeError: f has no such sample, or no space of two or three axes.
        GroupError: a matrix is not in the group.
        SteerError: `figure` is none, or matplotlib is missing.
    """
    field_of(one_sample(f, sample), f, field)
    group = f.type.group
    given = given_elements(group, elements, 8)
    part = f.detach()[sample : sample + 1, field]
    moved = [one_sample(part.transform(g), 0) for g in given]
    limit = largest(np.stack(moved))
    columns = min(len(given), 4)
    rows = math.ceil(len(given) / columns)
    made = make_figure(figure, 2.4 * columns, 2.5 * rows + 0.4)
    panels = made.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(given) :]:
        axes.set_axis_off()
    for axes, values, name in zip(panels, moved, names_of(group, given), strict=False):
        draw(axes, values, part.type[0], limit)
        axes.set_title(name, fontsize=10)
    made.suptitle(f"field {field}: {rep_name(part.type[0])} of {group.name}", fontsize=11)
    return made


def points(group: Group, point: npt.ArrayLike | None = None, *, axes: "Axes | None" = None) -> "Axes":
    """The orbit of a point under a group of the plane or of space, with the reflection axes in the plane.

    Args:
        group: of the plane or of space.
        point: (2,) or (3,); by default one that only the identity keeps.
        axes: where to draw, with projection="3d" in space; those of a new figure when None.

    Returns:
        The axes.

    Raises:
        GroupError: it is no group, or none of the plane or of space.
        ShapeError: the point is not one of that space.
        SteerError: `axes` are none, or matplotlib is missing.
    """
    group = require_group("group", group)
    if group.dim not in (2, 3):
        raise GroupError(f"group: expected one of the plane or of space, got {group!r}")
    x = np.asarray([1.0, 0.25, 0.55][: group.dim] if point is None else point, dtype=np.float64)
    if x.shape != (group.dim,):
        raise ShapeError(f"point: expected {group.dim} coordinates, got shape {x.shape}")
    g = group.elements if group.is_finite else group.sample(600)
    moves = group.action(g)
    images = moves @ x
    proper = np.linalg.det(moves) > 0
    made = make_axes(axes, 4.2, 4.2, group.dim)
    for which, colour, name in ((proper, "#1b6ca8", "rotations"), (~proper, "#d1495b", "with a reflection")):
        if which.any():
            made.scatter(*images[which].T, color=colour, label=name, s=30)
    made.set_title(f"orbit of a point under {group.name}")
    return made
