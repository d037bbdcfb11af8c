"""Feature fields: scalars as images, vectors as arrows, other fields by components."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._spacing import Spacing, as_spacing
from .._values import Array, as_tuple, is_count
from ..errors import FieldTypeError, ShapeError, SteerError
from ..kernels import Grid
from ..nn import FieldTensor, FieldType
from ..nn._fields._hexagons import require_hexagon
from ..reps import Representation
from ..testing._elements import require_lattice
from ._canvas import (
    DEPTH,
    bare,
    colour_bar,
    colours,
    image,
    largest,
    make_figure,
    mosaic,
    numbers,
    section,
    sections,
    spread,
    steps_of,
)
from ._hexagonal import hexagonal, hexagons
from ._names import component_names, is_vector, rep_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure, SubFigure

ARROWS = 18
"""Arrows along the longer side of an image, at most."""

MOST_COLUMNS = 8
"""Components of a field in space that are shown side by side, at most."""


def fields(
    f: FieldTensor,
    *,
    sample: int = 0,
    fields: Sequence[int] | None = None,
    lattice: str = "square",
    spacing: Sequence[float] | float | None = None,
    figure: "Figure | SubFigure | None" = None,
) -> "Figure":
    """Feature fields, a panel for each: scalars as images, vectors as arrows, others as tiles, one a component.

    Values of both signs are blue and red, white at 0; those that are never negative grey, black at 0. Fields of one
    representation have one limit. The longest arrow of a field spans one and a half of the distances between arrows;
    behind them is their length. In space, scalars and components are shown by slices along z or, if these are more than
    7, by the sections z = 0, y = 0 and x = 0, with the axes (x, y), (x, z) and (y, z); vectors on the central slice, by
    arrows of (x, y) in the colour of z. With a spacing, pixels are as high and as wide as their samples are apart, and
    coordinates of slices are in units of the smallest distance.

    Args:
        f: (batch, type.size, *space) in the plane or in space.
        sample: which of the batch.
        fields: which fields, in this order; all when None.
        lattice: of the samples: "square", or "hexagonal" for maps as `steer.nn.to_hexagonal` makes.
        spacing: distances of neighbouring samples ([z,] y, x), in any unit; None where they are equal.
        figure: where to draw, a figure or subfigure; a new figure when None.

    Returns:
        The figure, or the subfigure that was given.

    Raises:
        FieldTypeError: f is no FieldTensor, or has no such field.
        ShapeError: f has no such sample, or no space of two or three axes, or is no hexagonal map.
        SteerError: `figure` is none, no lattice has that name, spacing is none, or matplotlib is missing.
    """
    values = one_sample(f, sample, lattice)
    apart = distances("spacing", spacing, values.ndim - 1, lattice)
    chosen = range(len(f.type)) if fields is None else as_tuple("fields", fields, FieldTypeError, "numbers of fields")
    if not chosen:
        raise FieldTypeError("fields: expected at least one field, got none")
    parts = [values[channels("fields", f.type, index)] for index in chosen]
    looks: dict[Representation, dict[str, Any]] = {}
    for rep in dict.fromkeys(f.type[index] for index in chosen):
        looks[rep] = look(rep, [part for part, index in zip(parts, chosen, strict=True) if f.type[index] == rep])
    flat = f.type.group.dim == 2
    columns = min(len(parts), 4 if flat else 2)
    rows = math.ceil(len(parts) / columns)
    width = 2.7 if flat else 4.5
    shapes = [
        0.85 if flat else min(_height_over_width(part, f.type[index], apart), 2.0)
        for part, index in zip(parts, chosen, strict=True)
    ]
    heights = [max(shapes[start : start + columns]) * width + 0.35 for start in range(0, len(parts), columns)]
    made = make_figure(figure, width * columns, sum(heights))
    panels = made.subplots(rows, columns, squeeze=False, gridspec_kw={"height_ratios": heights}).ravel()
    for axes in panels[len(parts) :]:
        axes.set_axis_off()
    for axes, index, part in zip(panels, chosen, parts, strict=False):
        rep = f.type[index]
        drawn = draw(axes, part, rep, looks[rep], lattice=lattice, spacing=apart)
        title = f"field {index}: {rep_name(rep)}"
        if not is_vector(rep):
            colour_bar(made, drawn, axes, looks[rep]["vmax"])
        elif not flat:
            colour_bar(made, drawn, axes, looks[rep]["depth"])
            title += f", {section(part, 'z', apart)[0]}, colour z"
        axes.set_title(title, fontsize=10)
    return made


def one_sample(f: FieldTensor, sample: int, lattice: str = "square") -> Array:
    """(size, *space): the values of one of the batch."""
    require_lattice(lattice)
    if not isinstance(f, FieldTensor):
        raise FieldTypeError(f"f: expected a FieldTensor such as field_type(tensor), got {type(f).__name__}")
    dim = f.type.group.dim
    if dim not in (2, 3) or f.tensor.dim() != dim + 2:
        raise ShapeError(f"f: expected (batch, {f.type.size}) and 2 or 3 axes of space, got shape {tuple(f.shape)}")
    if not is_count(sample, 0) or sample >= f.shape[0]:
        raise ShapeError(f"sample: expected one from 0 to {f.shape[0] - 1}, got {sample!r}")
    if lattice == "hexagonal":
        require_hexagon(f.tensor)
    return numbers(f.tensor[sample])


def distances(name: str, spacing: object, dim: int, lattice: str) -> Spacing:
    """The argument `spacing`, which hexagonal maps have not."""
    apart = as_spacing(spacing, dim, SteerError)
    if apart is not None and lattice == "hexagonal":
        raise SteerError(f"{name}: neighbours are equally far apart on the hexagonal lattice, got {spacing!r}")
    return apart


def channels(name: str, kind: FieldType, index: int) -> slice:
    """The channels of a field, or an error that names the argument."""
    if not is_count(index, 0) or index >= len(kind):
        raise FieldTypeError(f"{name}: expected a field from 0 to {len(kind) - 1} of {kind}, got {index!r}")
    return slice(kind.offsets[index], kind.offsets[index + 1])


def look(rep: Representation, parts: Sequence[Array]) -> dict[str, Any]:
    """Colour map and limits for panels of a representation that are compared.

    Of arrows, `vmax` is the length of the longest that is shown, `depth` the limit of the colours of z.
    """
    if is_vector(rep):
        planes = [section(part, "z")[1] if part.ndim == 4 else part for part in parts]
        shown = np.concatenate([plane.reshape(len(plane), -1) for plane in planes], 1)
        return {"vmax": largest(np.linalg.norm(shown, axis=0)), "depth": largest(shown[-1])}
    return colours(np.concatenate([part.ravel() for part in parts]))


def draw(
    axes: "Axes",
    values: Array,
    rep: Representation,
    style: dict[str, Any],
    named: bool = True,
    lattice: str = "square",
    spacing: Spacing = None,
) -> "ScalarMappable":
    """One field (size, *space) in one panel, in the given look; `named` if components should have their names."""
    if is_vector(rep):
        return arrows(axes, values, **style, lattice=lattice, spacing=spacing)
    names = component_names(rep) if named else []
    if lattice == "hexagonal":
        return hexagons(axes, spread(values), style, names=names if len(values) > 1 else [])
    if values.ndim == 3:
        steps = steps_of(spacing)
        if len(values) == 1:
            return image(axes, values[0], style, steps)
        return mosaic(axes, spread(values), style, names=names, steps=steps)
    shown, steps = sections(values, spacing)
    if len(shown) == 1 and len(values) == 1:
        return image(axes, shown[0][1][0], style, steps)
    tiles = np.stack([part for _, part in shown], 1)  # (component, section, y, x)
    rows, columns = names, [name for name, _ in shown]
    if _lies_down(len(values), len(shown)):
        tiles, rows, columns = tiles.swapaxes(0, 1), columns, names
    return mosaic(axes, tiles, style, rows, columns, steps=steps)


def _lies_down(components: int, count: int) -> bool:
    """Whether the components of a field in space are columns and its sections rows, so that the table is wide."""
    return count < components <= MOST_COLUMNS


def _height_over_width(values: Array, rep: Representation, spacing: Spacing) -> float:
    """The shape of the panel of a field in space (size, z, y, x)."""
    if is_vector(rep):
        height, width = np.multiply(values.shape[-2:], steps_of(spacing))
        return float(height / width)
    shown, steps = sections(values, spacing)
    height, width = np.multiply(shown[0][1].shape[-2:], steps)
    down, right = len(values), len(shown)
    if _lies_down(down, right):
        down, right = right, down
    return float(down * height / (right * width))


def arrows(
    axes: "Axes", values: Array, vmax: float, depth: float, lattice: str = "square", spacing: Spacing = None
) -> "ScalarMappable":
    """Arrows (x, y) over their length, on the plane, or on the central slice of space coloured by z."""
    if lattice == "hexagonal":
        return _arrows_on_hexagons(axes, values, vmax)
    plane = section(values, "z")[1] if values.ndim == 4 else values
    steps = steps_of(spacing)
    height, width = np.multiply(plane.shape[1:], steps)
    every = [max(1, math.ceil(max(height, width) / ARROWS / step)) for step in steps]
    top, left = ((size - 1) % each // 2 for size, each in zip(plane.shape[1:], every, strict=True))
    picked = plane[:, top :: every[0], left :: every[1]]
    y, x = (step * (np.arange(n) - (n - 1) / 2) for n, step in zip(plane.shape[1:], steps, strict=True))
    at = x[left :: every[1]], y[top :: every[0]]
    style = _arrow_style(vmax, min(np.multiply(every, steps)))
    if len(plane) == 2:
        length = np.linalg.norm(plane, axis=0)
        image(axes, length, {"cmap": "Greys", "vmin": 0.0, "vmax": 2.5 * vmax}, steps)
        drawn = axes.quiver(*at, picked[0], picked[1], color="#1b6ca8", **style)
    else:
        bare(axes)
        limits: dict[str, Any] = {"cmap": DEPTH, "clim": (-depth, depth)}
        drawn = axes.quiver(*at, picked[0], picked[1], picked[2], edgecolor="#777777", linewidth=0.2, **limits, **style)
    axes.set(xlim=(-width / 2, width / 2), ylim=(height / 2, -height / 2), aspect="equal")
    return drawn


def _arrows_on_hexagons(axes: "Axes", values: Array, vmax: float) -> "ScalarMappable":
    """Arrows (x, y) of a hexagonal map over their length."""
    size = values.shape[-1]
    grid = Grid(values.shape[1:], "hexagonal")
    assert grid.index is not None, "hexagons do not fill their tensor"
    step = max(1, math.ceil(size / ARROWS))
    shown = ((np.stack(np.divmod(grid.index, size)) - size // 2) % step == 0).all(axis=0)
    hexagonal(axes, np.linalg.norm(values, axis=0), cmap="Greys", clim=(0.0, 2.5 * vmax))
    bare(axes)
    picked = values.reshape(2, -1)[:, grid.index[shown]]
    return axes.quiver(*grid.points[shown].T, *picked, color="#1b6ca8", **_arrow_style(vmax, step))


def _arrow_style(vmax: float, step: float) -> dict[str, Any]:
    """Arrows of which the longest spans one and a half of the distances between them."""
    style: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": vmax / (1.5 * step), "pivot": "mid"}
    return style | {
        "units": "xy",
        "width": 0.13 * step,
        "headwidth": 3.5,
        "headlength": 4,
        "headaxislength": 3.6,
        "minlength": 0,
    }
