"""What all pictures share: where they are drawn, colours, images and mosaics of images."""

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch

from .._spacing import Spacing
from .._values import Array, as_numbers
from ..errors import ShapeError, SteerError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.image import AxesImage

SIGNED, UNSIGNED, DEPTH = "RdBu_r", "gray", "coolwarm"
"""Colour maps: of values of both signs, white at 0; of those that are not negative, black at 0; of arrows, grey
at 0."""

Steps = tuple[float, float]
"""How far apart the rows and the columns of an image are."""

FINE = 4
"""Pixels for the nearest samples, on the shorter distance between them, where distances differ along the axes."""

FRAME, LINE = "#c8c8c8", "#808080"
"""About images, and between the tiles of a mosaic."""


def require(package: str) -> None:
    """Raise a `SteerError` when a package of the extra `plot` is missing."""
    if importlib.util.find_spec(package) is None:
        raise SteerError(f"steer.plot needs {package}: pip install 'steer[plot]'")


def make_figure(figure: "Figure | SubFigure | None", width: float, height: float) -> "Figure":
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
    return cast("Figure", figure)  # what is drawn with, both have


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
    return as_numbers("values", values, ShapeError)


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


def image(axes: "Axes", values: Array, style: dict[str, Any], steps: Steps = (1.0, 1.0)) -> "AxesImage":
    """An image (y, x), whose samples are so far apart, in coordinates from its centre."""
    height, width = (size * step for size, step in zip(values.shape, steps, strict=True))
    extent = (-width / 2, width / 2, height / 2, -height / 2)
    bare(axes)
    return axes.imshow(values, extent=extent, origin="upper", interpolation="nearest", aspect="equal", **style)


def mosaic(
    axes: "Axes",
    tiles: Array,
    style: dict[str, Any],
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    names: Sequence[str] = (),
    steps: Steps = (1.0, 1.0),
) -> "AxesImage":
    """Images (rows, columns, y, x) beside each other, whose samples are so far apart; the origin is the first centre.

    Labels of rows are at the left, of columns at the top, thinned out when there are many; `names` are of each tile,
    row by row, and are written into it.
    """
    down, right = tiles.shape[:2]
    joined = np.concatenate(np.concatenate(tiles, axis=1), axis=1)
    height, width = (size * step for size, step in zip(tiles.shape[2:], steps, strict=True))
    left, top, end, bottom = -width / 2, -height / 2, (right - 0.5) * width, (down - 0.5) * height
    bare(axes)
    shown = axes.imshow(
        joined, extent=(left, end, bottom, top), origin="upper", interpolation="nearest", aspect="equal", **style
    )
    lines: dict[str, Any] = {"colors": LINE, "linewidth": min(1.6, 18 / max(down, right))}
    axes.vlines(left + width * np.arange(1, right), top, bottom, **lines)
    axes.hlines(top + height * np.arange(1, down), left, end, **lines)
    label(axes, rows, height, columns, width)
    for index, name in enumerate(names):
        i, j = divmod(index, right)
        box = {"boxstyle": "square,pad=0.15", "facecolor": "white", "alpha": 0.75, "linewidth": 0}
        place = left + (j + 0.04) * width, top + (i + 0.05) * height
        axes.text(*place, name, fontsize=6.5, color="#333333", va="top", ha="left", bbox=box)
    return shown


def spread(tiles: Array) -> Array:
    """A row of images (n, y, x) as a table (rows, columns, y, x) that is not too long; empty tiles are not a number."""
    count = len(tiles)
    rows = next((d for d in range(int(count**0.5), 0, -1) if count % d == 0 and count <= 3 * d * d), int(count**0.5))
    columns = -(-count // rows)
    empty = np.full((rows * columns - count, *tiles.shape[1:]), np.nan)
    return np.concatenate([tiles, empty]).reshape(rows, columns, *tiles.shape[1:])


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


def sections(values: Array, spacing: Spacing = None, most: int = 7) -> tuple[list[tuple[str, Array]], Steps]:
    """Name and values (..., rows, columns) of what is shown of volumes (..., z, y, x); how far these are apart.

    All slices along z when there are at most so many, or when the volume is no cube (then some of them), else the
    sections z = 0, y = 0 and x = 0, with the axes (x, y), (x, z) and (y, z): the first to the right, the second
    downwards. Of an even number of slices the one after the centre is shown. Sections of samples that are not equally
    far apart are of as many pixels each, which show the nearest sample.
    """
    shape, apart = values.shape[-3:], spacing or (1.0, 1.0, 1.0)
    lengths = np.multiply(shape, apart)
    if shape[0] > most and np.ptp(lengths) < 1:
        size = max(shape) if spacing is None else FINE * max(shape)
        shown = [section(values, axis, spacing) for axis in "zyx"]
        step = float(lengths.max()) / size
        return [(name, _nearest(part, size)) for name, part in shown], (step, step)
    chosen = (
        range(shape[0]) if shape[0] <= most else np.unique(np.round(np.linspace(0, shape[0] - 1, most)).astype(int))
    )
    slices = [(at("z", int(k), shape[0], apart[0]), values[..., k, :, :]) for k in chosen]
    return slices, steps_of(spacing)


def steps_of(spacing: Spacing) -> Steps:
    """Of the rows and the columns of a plane, or of slices along z."""
    return (1.0, 1.0) if spacing is None else (spacing[-2], spacing[-1])


def _nearest(values: Array, size: int) -> Array:
    """Images (..., y, x) on as many pixels along both axes, of the same extent."""
    rows, columns = (np.arange(size) * n // size for n in values.shape[-2:])
    return values[..., rows[:, None], columns]


def section(values: Array, axis: str, spacing: Spacing = None) -> tuple[str, Array]:
    """The section of volumes (..., z, y, x) through the centre across an axis, as in `sections`."""
    place = "zyx".index(axis) - 3
    middle = values.shape[place] // 2
    step = 1.0 if spacing is None else spacing[place]
    return at(axis, middle, values.shape[place], step), np.take(values, middle, axis=place)


def at(axis: str, index: int, size: int, step: float = 1.0) -> str:
    """Where a slice lies."""
    return f"{axis} = {step * (index - (size - 1) / 2):g}"


def colour_bar(figure: "Figure", drawn: "ScalarMappable", axes: Any, limit: float | None = None) -> None:
    """A thin colour bar; marked at its ends and 0 only if the limit is given."""
    bar = figure.colorbar(drawn, ax=axes, shrink=0.8, fraction=0.05, pad=0.02, aspect=25)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7, length=2)
    if limit is not None:
        bar.set_ticks(np.unique([value for value in (-limit, 0.0, limit) if drawn.norm.vmin <= value]))  # type: ignore
        bar.ax.set_yticklabels([f"{value:.2g}" for value in bar.get_ticks()])
