"""The filter of a convolution between two of its fields."""

from typing import TYPE_CHECKING

import numpy as np
import torch

from ..errors import FieldTypeError, SteerError
from ..nn._conv import Convolution
from ..nn._conv_transpose import ConvTranspose
from ..reps import Representation
from ..reps._linalg import Array
from ._canvas import largest, make_figure, mosaic, numbers, sections, signed
from ._hexagonal import hexagons
from ._names import component_names, rep_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure


def filter(  # noqa: A001 - the picture of a filter, always used as plot.filter
    layer: torch.nn.Module, out_field: int = 0, in_field: int = 0, *, figure: "Figure | None" = None
) -> "Figure":
    """The filter of a convolution between two fields, a tile for each pair of components.

    Rows are the components of the output field, columns those of the input field; of a filter from a scalar field the
    components lie side by side. Blue is negative, white 0, red positive, with one limit for all. A volume is a row of
    slices along z, each a table of that kind, or for kernels of more than 7 slices the sections z = 0, y = 0 and x = 0.
    Filters on the hexagonal lattice are drawn as hexagons.

    Args:
        layer: a convolution of `steer.nn`, transposed or not.
        out_field: which field of `layer.out_type`.
        in_field: which field of `layer.in_type`; with `groups`, one that the output field sees.
        figure: where to draw; a new figure when None.

    Returns:
        The figure.

    Raises:
        FieldTypeError: it is no convolution, there is no field of that number, or no kernel between the two.
        SteerError: `figure` is none, or matplotlib is missing.
    """
    values, in_rep, out_rep = _between(layer, out_field, in_field)
    rows, columns = component_names(out_rep), component_names(in_rep)
    if in_rep.size == 1 and out_rep.size > 1:
        values, rows, columns = values.swapaxes(0, 1), columns, rows
    lattice = layer.lattice if isinstance(layer, Convolution) else "square"
    shown = [("", "", values)] if values.ndim == 4 else sections(values)
    upright = len(shown) > 1 and values.shape[1] > 2 * values.shape[0]  # wide tables go below each other
    grid = (len(shown), 1) if upright else (1, len(shown))
    tile = min(0.9, 9.0 / (grid[1] * values.shape[1]), 8.0 / (grid[0] * values.shape[0]))
    width, height = grid[1] * values.shape[1] * max(tile, 0.1), grid[0] * values.shape[0] * max(tile, 0.1)
    made = make_figure(figure, max(width + 1.6, 4.0), height + 0.9 + 0.25 * grid[0])
    limit = largest(values)
    drawn: ScalarMappable | None = None
    panels = made.subplots(*grid, squeeze=False).ravel()
    for axes, (name, _, part) in zip(panels, shown, strict=True):
        if lattice == "hexagonal":
            drawn = hexagons(axes, part, signed(limit), rows, columns)
        else:
            drawn = mosaic(axes, part, signed(limit), rows, columns)
        axes.set_title(name, fontsize=10)
    _name_axes(panels, out_rep, in_rep)
    made.colorbar(drawn, ax=list(panels), shrink=0.8, fraction=0.05)
    arrow = "\N{RIGHTWARDS ARROW}"
    made.suptitle(
        f"{rep_name(in_rep)} (field {in_field}) {arrow} {rep_name(out_rep)} (field {out_field}) of "
        f"{out_rep.group.name}",
        fontsize=11,
    )
    return made


def _name_axes(panels: "np.ndarray[tuple[int], np.dtype[np.object_]]", out_rep: Representation, in_rep: Representation) -> None:
    first: Axes = panels[0]
    if in_rep.size > 1:
        first.set_xlabel("input component", fontsize=9)
    if out_rep.size > 1:
        (first.set_xlabel if in_rep.size == 1 else first.set_ylabel)("output component", fontsize=9)


def _between(layer: torch.nn.Module, out_field: int, in_field: int) -> tuple[Array, Representation, Representation]:
    """The filter (out, in, *kernel) between two fields of a layer, and their representations."""
    if not isinstance(layer, Convolution):
        raise FieldTypeError(f"layer: expected a convolution such as nn.Conv2d, got {type(layer).__name__}")
    for name, index, kind in (("out_field", out_field, layer.out_type), ("in_field", in_field, layer.in_type)):
        if isinstance(index, bool) or not isinstance(index, int | np.integer) or not 0 <= index < len(kind):
            raise FieldTypeError(f"{name}: expected a field from 0 to {len(kind) - 1} of {kind}, got {index!r}")
    in_share, out_share = len(layer.in_type) // layer.groups, len(layer.out_type) // layer.groups
    group = out_field // out_share
    if in_field // in_share != group:
        raise FieldTypeError(
            f"in_field: with groups={layer.groups}, output field {out_field} sees the input fields "
            f"{group * in_share} to {(group + 1) * in_share - 1}, got {in_field}"
        )
    with torch.no_grad():
        values = numbers(layer.filter())
    transposed = isinstance(layer, ConvTranspose)
    source, target = layer.in_type, layer.out_type
    inputs = slice(source.offsets[in_field], source.offsets[in_field + 1])
    outputs = slice(target.offsets[out_field], target.offsets[out_field + 1])
    # the second axis of the filter is that of one group
    base = target.offsets[group * out_share] if transposed else source.offsets[group * in_share]
    if transposed:
        found = values[inputs, outputs.start - base : outputs.stop - base].swapaxes(0, 1)
    else:
        found = values[outputs, inputs.start - base : inputs.stop - base]
    return found, source[in_field], target[out_field]
