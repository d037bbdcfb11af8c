"""What all pictures share: where they are drawn, colours, images and mosaics of images."""

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from ..errors import SteerError
from ..reps._linalg import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.image import AxesImage

    Canvas = Figure | SubFigure

SIGNED, UNSIGNED = "RdBu_r", "gray"
"""Colour maps: of values of both signs, white at 0, and of those that are not negative, black at 0."""

FRAME = "#c8c8c8"
"""Between the tiles of a mosaic."""


def require(package: str) -> None:
    """Raise a `SteerError` when a package of the extra `plot` is missing."""
    if importlib.util.find_spec(package) is None:
        raise SteerError(f"steer.plot needs {package}: pip install 'steer[plot]'")


def make_figure(figure: "Figure | None", width: float, height: float) -> "Figure":
    """The figure to draw on, a new one of that size in inches when None.

    Raises:
        SteerError: it is no figure, or matplotlib is missing.
    """
    require("matplotlib")
    from matplotlib.figure import FigureBase

    from ._figure import Figure

    if figure is None:
        return Figure(figsize=(width, height), layout="constrained")
    if not isinstance(figure, FigureBase):
        raise SteerError(f"figure: expected a matplotlib figure or subfigure, got {figure!r}")
    return figure


def make_axes(axes: "Axes | None", width: float, height: float, dim: int = 2) -> "Axes":
    """The axes to draw on, those of a new figure of that size in inches when None.

    Raises:
        SteerError: they are no axes, or not of that dimension, or matplotlib is missing.
    """
    require("matplotlib")
    from matplotlib.axes import Axes

    if axes is None:
        from ._figure import Panel, SpacePanel

        return make_figure(None, width, height).add_subplot(axes_class=Panel if dim == 2 else SpacePanel)
    if not isinstance(axes, Axes) or (axes.name == "3d") != (dim == 3):
        kind = "matplotlib axes" if dim == 2 else "axes of projection='3d'"
        raise SteerError(f"axes: expected {kind}, got {axes!r}")
    return axes


def numbers(values: npt.ArrayLike | torch.Tensor) -> Array:
    """The values in float64, off their device and their history of gradients."""
    if isinstance(values, torch.Tensor):
        return np.asarray(values.detach().cpu().double().numpy())
    return np.asarray(values, dtype=np.float64)


def largest(values: Array) -> float:
    """The largest absolute value, 1 if all are 0: a limit of colours."""
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max(initial=0.0)) or 1.0


def colours(values: Array, limit: float | None = None) -> dict[str, Any]:
    """The colour map and its limits, symmetric about 0 unless no value is negative."""
    bound = largest(values) if limit is None else limit
    if np.nanmin(values, initial=0.0) < 0:
        return {"cmap": SIGNED, "vmin": -bound, "vmax": bound}
    return {"cmap": UNSIGNED, "vmin": 0.0, "vmax": bound}


def signed(limit: float) -> dict[str, Any]:
    """The diverging colour map, white at 0."""
    return {"cmap": SIGNED, "vmin": -limit, "vmax": limit}


def bare(axes: "Axes") -> None:
    """No ticks and a thin frame."""
    axes.set(xticks=[], yticks=[])
    axes.tick_params(length=0, labelsize=8)
    for spine in axes.spines.values():
        spine.set(color=FRAME, linewidth=0.8)


def image(axes: "Axes", values: Array, style: dict[str, Any]) -> "AxesImage":
    """An image (y, x), in pixels from its centre."""
    height, width = values.shape
    extent = (-width / 2, width / 2, height / 2, -height / 2)
    bare(axes)
    return axes.imshow(values, extent=extent, origin="upper", interpolation="nearest", aspect="equal", **style)


def tile(tiles: Array, gap: int) -> Array:
    """(rows, columns, y, x) as one image, tiles apart by `gap` entries that are not a number."""
    padded = np.pad(tiles, ((0, 0), (0, 0), (0, gap), (0, gap)), constant_values=np.nan)
    rows, columns, height, width = padded.shape
    return padded.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)[: rows * height - gap, :-gap]


def mosaic(
    axes: "Axes",
    tiles: Array,
    style: dict[str, Any],
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> "AxesImage":
    """Images (rows, columns, y, x) beside each other; the unit is the pixel of a tile, the origin the first centre.

    Labels of rows are at the left, of columns at the top; thinned out when there are many.
    """
    height, width = tiles.shape[2:]
    gap = max(1, round(min(height, width) / 12))
    joined = tile(tiles, gap)
    extent = (-width / 2, joined.shape[1] - width / 2, joined.shape[0] - height / 2, -height / 2)
    bare(axes)
    axes.set_facecolor(FRAME)
    shown = axes.imshow(joined, extent=extent, origin="upper", interpolation="nearest", aspect="equal", **style)
    label(axes, rows, height + gap, columns, width + gap)
    return shown


def label(axes: "Axes", rows: Sequence[str], down: float, columns: Sequence[str], right: float) -> None:
    """Names of rows and columns of a mosaic whose tiles are that far apart."""
    each = 1 if len(columns) <= 12 else -(-len(columns) // 12)
    if any(columns):
        axes.xaxis.tick_top()
        axes.set_xticks(right * np.arange(len(columns))[::each], columns[::each])
    if any(rows):
        each = 1 if len(rows) <= 24 else -(-len(rows) // 24)
        axes.set_yticks(down * np.arange(len(rows))[::each], rows[::each])
    axes.tick_params(length=0, labelsize=8)


def sections(values: Array, most: int = 7) -> list[tuple[str, str, Array]]:
    """Name, axes and values (..., rows, columns) of what is shown of volumes (..., z, y, x).

    All slices along z when there are at most so many, else the sections through the centre: "xy", "xz" and "yz", the
    first of the two axes to the right, the other downwards. Of an even number the middle one after the centre.
    """
    if values.shape[-3] <= most:
        return [(at("z", k, values.shape[-3]), "xy", values[..., k, :, :]) for k in range(values.shape[-3])]
    return [section(values, axis) for axis in "zyx"]


def section(values: Array, axis: str) -> tuple[str, str, Array]:
    """The section of volumes (..., z, y, x) through the centre across an axis, as in `sections`."""
    place = "zyx".index(axis) - 3
    middle = values.shape[place] // 2
    return at(axis, middle, values.shape[place]), "xyz".replace(axis, ""), np.take(values, middle, axis=place)


def at(axis: str, index: int, size: int) -> str:
    """Where a slice lies."""
    return f"{axis} = {index - (size - 1) / 2:g}"
