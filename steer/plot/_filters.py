"""The filter of a convolution between two of its fields."""

from typing import TYPE_CHECKING

import numpy as np
import torch

from .._values import Array, is_count
from ..errors import FieldTypeError
from ..nn import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, FieldType
from ..reps import Representation
from ._canvas import colour_bar, largest, make_figure, mosaic, numbers, sections, signed
from ._hexagonal import hexagons
from ._names import component_names, rep_name

if TYPE_CHECKING:
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure, SubFigure

TRANSPOSED = ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
CONVOLUTIONS = Conv1d, Conv2d, Conv3d, *TRANSPOSED


def filter(  # noqa: A001 - the picture of a filter, always used as plot.filter
    layer: torch.nn.Module, *, in_field: int = 0, out_field: int = 0, figure: "Figure | SubFigure | None" = None
) -> "Figure":
    """The filter of a convolution between two fields, a tile for each pair of components.

    Rows are the components of the output field, columns those of the input field; of a filter from a scalar field the
    components lie side by side. Blue is negative, white 0, red positive, with one limit for all. A volume is a row of
    slices along z, each a table of that kind (a column, if the output or the input is a scalar); of a cube of more than
    7 slices the sections z = 0, y = 0 and x = 0, with the axes (x, y), (x, z) and (y, z), are shown instead.
    Filters on the hexagonal lattice are drawn as hexagons, those of sequences as rows.

    Args:
        layer: a convolution of `steer.nn`, transposed or not.
        in_field: which field of `layer.in_type`; with `groups`, one that the output field sees.
        out_field: which field of `layer.out_type`.
        figure: where to draw, a figure or subfigure; a new figure when None.

    Returns:
        The figure, or the subfigure that was given.

    Raises:
        FieldTypeError: it is no convolution, there is no field of that number, or no kernel between the two.
        SteerError: `figure` is none, or matplotlib is missing.
    """
    values, in_rep, out_rep = _between(layer, out_field, in_field)
    panels, rows, columns = _tables(values, in_rep, out_rep)
    down, right, height, width = panels[0][1].shape
    hexagon = getattr(layer, "lattice", None) == "hexagonal"
    shape = down * height * (0.87 if hexagon else 1.0), right * width  # rows of hexagons are closer
    side = min(0.9 / max(height, width), 11.0 / (shape[1] * len(panels)), 8.0 / shape[0])
    size = max(4.0, side * shape[1] * len(panels) + 1.6), side * shape[0] + 1.1
    made = make_figure(figure, *size)
    style = signed(largest(values))
    axes = made.subplots(1, len(panels), squeeze=False)[0]
    for index, (name, tiles) in enumerate(panels):
        draw = hexagons if hexagon else mosaic
        drawn: ScalarMappable = draw(axes[index], tiles, style, rows if index == 0 else (), columns)
        axes[index].set_title(name, fontsize=10)
    colour_bar(made, drawn, list(axes))
    if in_rep.size > 1:
        axes[0].set(xlabel="input component", ylabel="output component" if out_rep.size > 1 else "")
    elif out_rep.size > 1:
        axes[0].set_xlabel("output component")
    axes[0].xaxis.label.set_size(9)
    axes[0].yaxis.label.set_size(9)
    ends = f"{rep_name(in_rep)} (field {in_field}) \N{RIGHTWARDS ARROW} {rep_name(out_rep)} (field {out_field})"
    made.suptitle(f"{ends} of {out_rep.group.name}", fontsize=11)
    return made


def _tables(
    values: Array, in_rep: Representation, out_rep: Representation
) -> tuple[list[tuple[str, Array]], list[str], list[str]]:
    """Tables of tiles (rows, columns, y, x) with their titles, and the names of their rows and columns."""
    rows, columns = component_names(out_rep), component_names(in_rep)
    if in_rep.size == 1:  # the components of the output side by side, as those of the input are
        values, rows, columns = values.swapaxes(0, 1), columns, rows
    if values.ndim == 4:
        return [("", values)], rows, columns
    slices = sections(values)[0]
    if len(values) > 1:
        return slices, rows, columns
    stacked = np.concatenate([part for _, part in slices])  # (slice, component, y, x)
    names = [name for name, _ in slices]
    if stacked.shape[1] == 1:
        return [("", stacked.swapaxes(0, 1))], [""], names
    return [("", stacked)], names, columns


def _between(layer: torch.nn.Module, out_field: int, in_field: int) -> tuple[Array, Representation, Representation]:
    """The filter (out, in, *kernel) between two fields of a layer, and their representations."""
    if not isinstance(layer, CONVOLUTIONS):
        raise FieldTypeError(f"layer: expected a convolution such as nn.Conv2d, got {type(layer).__name__}")
    source_rep, target_rep = (
        field_of("in_field", layer.in_type, in_field),
        field_of("out_field", layer.out_type, out_field),
    )
    in_share, out_share = len(layer.in_type) // layer.groups, len(layer.out_type) // layer.groups
    group = out_field // out_share
    if in_field // in_share != group:
        raise FieldTypeError(
            f"in_field: with groups={layer.groups}, output field {out_field} sees the input fields "
            f"{group * in_share} to {(group + 1) * in_share - 1}, got {in_field}"
        )
    with torch.no_grad():
        values = numbers(layer.filter())
    values = values[:, :, None] if values.ndim == 3 else values  # a row of pixels
    transposed = isinstance(layer, TRANSPOSED)
    source, target = layer.in_type, layer.out_type
    inputs = slice(source.offsets[in_field], source.offsets[in_field + 1])
    outputs = slice(target.offsets[out_field], target.offsets[out_field + 1])
    # the second axis of the filter is that of one group
    base = target.offsets[group * out_share] if transposed else source.offsets[group * in_share]
    if transposed:
        found = values[inputs, outputs.start - base : outputs.stop - base].swapaxes(0, 1)
    else:
        found = values[outputs, inputs.start - base : inputs.stop - base]
    return found, source_rep, target_rep


def field_of(name: str, kind: FieldType, index: int) -> Representation:
    """A field of a layer's type, or an error that names the argument."""
    if not is_count(index, 0) or index >= len(kind):
        raise FieldTypeError(f"{name}: expected a field from 0 to {len(kind) - 1} of {kind}, got {index!r}")
    return kind[index]
