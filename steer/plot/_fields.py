"""Feature fields: scalars as images, vectors as arrows, other fields by components."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import FieldTypeError, ShapeError
from ..nn import FieldTensor
from ..reps import Representation
from ..reps._linalg import Array
from ._canvas import bare, colours, image, largest, make_figure, mosaic, numbers, section, sections, signed
from ._names import component_names, is_vector, rep_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ARROWS = 20
"""Arrows along the longer side of an image, at most."""


def fields(
    f: FieldTensor, *, sample: int = 0, fields: Sequence[int] | None = None, figure: "Figure | None" = None
) -> "Figure":
    """Feature fields, a panel for each: scalars as images, vectors as arrows, others as a row of their components.

    Args:
        f: (batch, type.size, *space) in the plane or in space.
        sample: which of the batch.
        fields: which fields, in this order; all when None.
        figure: where to draw; a new figure when None.

    Returns:
        The figure.

    Raises:
        FieldTypeError: f is no FieldTensor, or has no such field.
        ShapeError: f has no such sample, or no space of two or three axes.
        SteerError: `figure` is none, or matplotlib is missing.
    """
    values = one_sample(f, sample)
    chosen = list(range(len(f.type)) if fields is None else fields)
    parts = [field_of(values, f, index) for index in chosen]
    columns = min(len(parts), 4)
    rows = math.ceil(len(parts) / columns)
    made = make_figure(figure, 2.6 * columns, 2.6 * rows)
    panels = made.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(parts) :]:
        axes.set_axis_off()
    for axes, index, part in zip(panels, chosen, parts, strict=False):
        draw(axes, part, f.type[index])
        axes.set_title(f"field {index}: {rep_name(f.type[index])}", fontsize=10)
    return made


def one_sample(f: FieldTensor, sample: int) -> Array:
    """(size, *space): the values of one of the batch."""
    if not isinstance(f, FieldTensor):
        raise FieldTypeError(f"f: expected a FieldTensor such as field_type(tensor), got {type(f).__name__}")
    dim = f.type.group.dim
    if dim not in (2, 3) or f.tensor.dim() != dim + 2:
        raise ShapeError(f"f: expected (batch, {f.type.size}) and the axes of space, got shape {tuple(f.shape)}")
    if not 0 <= sample < f.shape[0]:
        raise ShapeError(f"sample: expected one from 0 to {f.shape[0] - 1}, got {sample!r}")
    return numbers(f.tensor[sample])


def field_of(values: Array, f: FieldTensor, index: int) -> Array:
    """(rep.size, *space): the components of a field."""
    if not 0 <= index < len(f.type):
        raise FieldTypeError(f"fields: expected a field from 0 to {len(f.type) - 1} of {f.type}, got {index!r}")
    return values[f.type.offsets[index] : f.type.offsets[index + 1]]


def draw(axes: "Axes", values: Array, rep: Representation, limit: float | None = None) -> Any:
    """One field (size, *space) in one panel; `limit` is that of the colours or of the longest arrow."""
    if is_vector(rep):
        return arrows(axes, values, limit)
    style = colours(values, limit)
    parts = [part for _, _, part in sections(values)] if values.ndim == 4 else [values]
    tiles = np.stack(parts, 1)  # (component, section, y, x)
    if tiles.shape[:2] == (1, 1):
        return image(axes, tiles[0, 0], style)
    if tiles.shape[1] == 1:
        tiles = tiles.swapaxes(0, 1)
        return mosaic(axes, tiles, style, (), component_names(rep))
    return mosaic(axes, tiles, style, component_names(rep))


def arrows(axes: "Axes", values: Array, limit: float | None = None) -> Any:
    """Arrows (x, y) on the plane, or on the central slice of space, coloured by z."""
    plane = section(values, "z")[2] if values.ndim == 4 else values
    height, width = plane.shape[1:]
    step = max(1, math.ceil(max(height, width) / ARROWS))
    first = [(size - 1) % step // 2 for size in (height, width)]
    picked = plane[:, first[0] :: step, first[1] :: step]
    y = (np.arange(height) - (height - 1) / 2)[first[0] :: step]
    x = (np.arange(width) - (width - 1) / 2)[first[1] :: step]
    longest = largest(np.linalg.norm(plane, axis=0)) if limit is None else limit
    options: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": longest / (1.4 * step), "pivot": "mid"}
    bare(axes)
    if len(plane) == 3:
        drawn = axes.quiver(x, y, picked[0], picked[1], picked[2], cmap="RdBu_r", clim=(-longest, longest), **options)
        axes.set_facecolor("#e8e8e8")
    else:
        drawn = axes.quiver(x, y, picked[0], picked[1], color="#1b6ca8", **options)
    axes.set(xlim=(-width / 2, width / 2), ylim=(height / 2, -height / 2), aspect="equal")
    return drawn
