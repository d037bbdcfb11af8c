"""Orbits: of a field, and of a point."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .._spacing import Spacing
from .._values import Array, as_numbers
from ..errors import GroupError, ShapeError
from ..nn import FieldTensor
from ..reps import Group, Representation
from ..reps.theory._group import require_group
from ._canvas import colour_bar, make_axes, make_figure, mosaic, numbers, section, sections, steps_of
from ._fields import channels, distances, draw, look, one_sample
from ._hexagonal import hexagons
from ._names import component_names, element_name, given_elements, is_vector, names_of, rep_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure, SubFigure

PROPER, IMPROPER = "#1b6ca8", "#d1495b"
"""Colours of images under rotations, and under elements that reverse orientation."""

MOST_NAMES = 16
"""Points that are named."""


def orbit(
    f: FieldTensor,
    elements: npt.ArrayLike | None = None,
    *,
    sample: int = 0,
    field: int = 0,
    lattice: str = "square",
    spacing: Sequence[float] | float | None = None,
    figure: "Figure | SubFigure | None" = None,
) -> "Figure":
    """A field moved by elements of its group, (g f)(x) = rho(g) f(g^-1 x).

    A scalar or vector field of the plane has a panel for each g. Any other is a table, a row for each g, a column for
    each component; in space these are sections z = 0, and a scalar has several slices, as in `fields`. Elements that do
    not map the grid to itself act by splines. A panel has the shape that the grid is turned to; a table that of the
    grid. With a spacing, pixels are as high and as wide as their samples are apart.

    Args:
        f: (batch, type.size, *space), in the plane or in space.
        elements: (n, d, d), elements of the group; by default up to eight, spread over it.
        sample: which of the batch.
        field: which field.
        lattice: of the samples: "square", or "hexagonal" for maps as `steer.nn.to_hexagonal` makes.
        spacing: distances of neighbouring samples ([z,] y, x), in any unit; None where they are equal.
        figure: where to draw, a figure or subfigure; a new figure when None.

    Returns:
        The figure, or the subfigure that was given.

    Raises:
        FieldTypeError: f is no FieldTensor, or has no such field.
        ShapeError: f has no such sample, or no space of two or three axes, or is no hexagonal map.
        GroupError: a matrix is not in the group.
        SteerError: `figure` is none, no lattice has that name, spacing is none, or matplotlib is missing.
    """
    values = one_sample(f, sample, lattice)
    apart = distances("spacing", spacing, values.ndim - 1, lattice)
    channels("field", f.type, field)
    group, rep = f.type.group, f.type[field]
    given = given_elements(group, elements, 8)
    names = names_of(group, given)
    part = f[sample : sample + 1, int(field)].detach()
    how: dict[str, Any] = {"lattice": lattice, "spacing": apart}
    if is_vector(rep) or (rep.size == 1 and values.ndim == 3):
        panels = [one_sample(part.transform(g, **how), 0) for g in given]
        made = _panels(panels, rep, names, figure, **how)
    else:
        each = part.tensor.expand(len(given), *part.tensor.shape[1:])
        made = _table(numbers(part.type.transform(each, given, **how)), rep, names, figure, **how)
    made.suptitle(f"field {field}: {rep_name(rep)} of {group.name}", fontsize=11)
    return made


def _panels(
    moved: list[Array],
    rep: Representation,
    names: list[str],
    figure: "Figure | SubFigure | None",
    lattice: str,
    spacing: Spacing,
) -> "Figure":
    columns = min(len(moved), 4)
    rows = math.ceil(len(moved) / columns)
    made = make_figure(figure, 2.3 * columns + 0.6, 2.45 * rows + 0.4)
    panels = made.subplots(rows, columns, squeeze=False).ravel()
    style = look(rep, moved)
    for axes in panels[len(moved) :]:
        axes.set_axis_off()
    for axes, values, name in zip(panels, moved, names, strict=False):
        drawn = draw(axes, values, rep, style, False, lattice, spacing)
        axes.set_title(name, fontsize=10)
    if not is_vector(rep) or moved[0].ndim == 4:
        colour_bar(made, drawn, list(panels), style.get("depth", style["vmax"]))
    return made


def _table(
    moved: Array,
    rep: Representation,
    names: list[str],
    figure: "Figure | SubFigure | None",
    lattice: str,
    spacing: Spacing,
) -> "Figure":
    columns, steps = component_names(rep), steps_of(spacing)
    if moved.ndim == 4:
        tiles = moved
    elif rep.size == 1:
        shown, steps = sections(moved[:, 0], spacing)
        tiles, columns = np.stack([part for _, part in shown], 1), [name for name, _ in shown]
    else:
        middle, tiles = section(moved, "z", spacing)
        columns = [f"{name}, {middle}" if index == 0 else name for index, name in enumerate(columns)]
    height, width = np.multiply(tiles.shape[2:], steps) / max(np.multiply(tiles.shape[2:], steps))
    side = min(1.2, 10.0 / width / tiles.shape[1], 9.0 / height / tiles.shape[0])
    made = make_figure(figure, max(side * width * tiles.shape[1] + 1.8, 4.0), side * height * tiles.shape[0] + 0.9)
    axes = made.subplots()
    style = look(rep, [moved])
    if lattice == "hexagonal":
        drawn: ScalarMappable = hexagons(axes, tiles, style, names, columns)
    else:
        drawn = mosaic(axes, tiles, style, names, columns, steps=steps)
    colour_bar(made, drawn, axes, style["vmax"])
    axes.set_ylabel("g", rotation=0)
    return made


def points(group: Group, point: npt.ArrayLike | None = None, *, axes: "Axes | None" = None) -> "Axes":
    """The orbit of a point under a group of the plane or of space, with the reflection axes in the plane.

    The point is ringed; its images by rotations are blue, those only reached by reversing orientation red. In the plane
    up to 16 images are named; the orbit of a continuous group is a circle. In space the edges of the convex hull are
    drawn, and of a continuous group 400 random images.

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
    x = as_numbers("point", [1.0, 0.3, 0.55][: group.dim] if point is None else point, ShapeError)
    if x.shape != (group.dim,) or not np.isfinite(x).all():
        raise ShapeError(f"point: expected {group.dim} finite coordinates, got {x.tolist()}")
    made = make_axes(axes, 4.2, 4.2, group.dim)
    elements = group.elements if group.is_finite else group.sample(400, seed=0)
    moves = group.action(elements)
    images, proper = moves @ x, np.linalg.det(moves) > 0
    if group.dim == 2:
        _draw_plane(made, group, x, moves)
    else:
        _draw_space(made, images if group.is_finite else images[:0], float(np.linalg.norm(x)) or 1.0)
    size = 36 if group.is_finite else 5
    drawn: Any = made  # axes of space take a third coordinate
    for which, colour, name in ((~proper, IMPROPER, "others"), (proper, PROPER, "rotations")):
        if which.any() and (group.is_finite or group.dim == 3):
            drawn.scatter(*images[which].T, color=colour, label=name, s=size, zorder=3)
    drawn.scatter(*x[:, None], facecolor="none", edgecolor="black", s=110, label="the point", zorder=4)
    made.set_title(f"An orbit of {group.name}", fontsize=11)
    return made


def _draw_plane(axes: "Axes", group: Group, x: Array, moves: Array) -> None:
    """Circle, reflection axes and names of the images; y downwards."""
    radius = float(np.linalg.norm(x)) or 1.0
    t = np.linspace(0, 2 * np.pi, 181)
    full: dict[str, Any] = (
        {"color": PROPER, "linewidth": 2.5} if not group.is_finite else {"color": "#dddddd", "linewidth": 1.0}
    )
    axes.plot(radius * np.cos(t), radius * np.sin(t), zorder=1, **full)
    edge = 1.5 * radius
    for g in moves[np.linalg.det(moves) < 0] if group.is_finite else moves[:0]:
        angle = math.atan2(g[1, 0], g[0, 0]) / 2
        ends = edge * np.array([[-math.cos(angle), math.cos(angle)], [-math.sin(angle), math.sin(angle)]])
        axes.plot(*ends, color=IMPROPER, linestyle="--", linewidth=0.9, zorder=1, gid="reflection")
    if group.is_finite and len(moves) <= MOST_NAMES:
        places = np.round(moves @ x, 6)
        for index in np.sort(np.unique(places, axis=0, return_index=True)[1]):  # the first element that reaches each
            short = element_name(moves[index]).replace("mirror", "m")
            right, down = 1.22 * places[index]
            axes.text(right, down, short, ha="center", va="center", fontsize=8, color="#444444")
    axes.set(xlim=(-edge, edge), ylim=(edge, -edge), aspect="equal", xlabel="x", ylabel="y")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)


def _draw_space(axes: Any, images: Array, radius: float) -> None:
    """The edges of the convex hull, and the directions of x, y and z."""
    from mpl_toolkits.mplot3d.art3d import Line3DCollection

    edges = hull_edges(images)
    if len(edges):
        axes.add_collection(Line3DCollection(images[edges], colors="#999999", linewidths=0.9, gid="hull"))
    reach = 1.25 * radius
    for direction, name in zip(np.eye(3) * reach, "xyz", strict=True):
        axes.plot(*np.stack([0 * direction, direction], 1), color="#bbbbbb", linewidth=0.9)
        axes.text(*(1.1 * direction), name, color="#666666", ha="center", va="center")
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), zlim=(-reach, reach))
    axes.set_box_aspect((1, 1, 1), zoom=1.35)
    axes.set_axis_off()


def hull_edges(points: Array) -> npt.NDArray[np.intp]:
    """(n, 2): pairs of points that are edges of their convex hull; none if they lie in a plane."""
    from scipy.spatial import ConvexHull

    distinct = np.unique(np.round(points, 9), axis=0)
    if len(distinct) < 4 or np.linalg.matrix_rank(distinct - distinct.mean(0), tol=1e-6) < 3:
        return np.zeros((0, 2), dtype=np.intp)
    hull = ConvexHull(points)
    flat = np.abs(hull.equations[:, None] - hull.equations[hull.neighbors]).max(-1) < 1e-6
    found = set()
    for simplex, coplanar in zip(hull.simplices, flat, strict=True):
        for skipped in range(3):  # neighbor k is across the edge opposite to vertex k
            if not coplanar[skipped]:
                found.add(tuple(sorted(np.delete(simplex, skipped).tolist())))
    return np.array(sorted(found), dtype=np.intp).reshape(-1, 2)
