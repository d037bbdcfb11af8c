"""Hexagonal maps: a regular hexagon for each sample."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from .._values import Array
from ..errors import KernelError, ShapeError
from ..kernels import Grid
from ._canvas import bare, label, make_axes, numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection


def hexagonal(axes: "Axes", values: npt.ArrayLike | torch.Tensor, **options: Any) -> "PolyCollection":
    """Draw a hexagonal map or kernel: one regular hexagon for each sample, the cells of the lattice.

    The unit of the axes is the distance between neighbours, the origin the centre of the map. As in an image, y grows
    downwards.

    Args:
        axes: where to draw.
        values: (2R + 1, 2R + 1) in axial coordinates, as one channel of what `steer.nn.to_hexagonal` returns; entries
            outside the hexagon are not drawn.
        options: of `matplotlib.collections.PolyCollection`, such as `cmap`, `clim` or `edgecolors`.

    Returns:
        The hexagons, for example for a colour bar.

    Raises:
        ShapeError: the values are not of that shape.
        SteerError: `axes` are none, or matplotlib is missing.
    """
    given = numbers(values)
    try:
        grid = Grid(given.shape, "hexagonal")
    except KernelError as error:
        raise ShapeError(f"values: expected one hexagonal map (2R + 1, 2R + 1), got shape {given.shape}") from error
    return _draw(make_axes(axes, 0, 0), given.ravel()[grid.index], grid.points, len(given), options)


def hexagons(
    axes: "Axes",
    tiles: Array,
    style: dict[str, Any],
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    names: Sequence[str] = (),
) -> "PolyCollection":
    """Hexagonal maps (rows, columns, 2R + 1, 2R + 1) beside each other, as `mosaic` does for images."""
    grid = Grid(tiles.shape[2:], "hexagonal")
    right, down = tiles.shape[3] + 0.6, tiles.shape[2] * np.sqrt(3) / 2 + 1.0
    flat = tiles.reshape(*tiles.shape[:2], -1)[..., grid.index]
    place = np.stack(np.meshgrid(right * np.arange(tiles.shape[1]), down * np.arange(tiles.shape[0])), axis=-1)
    points = place[:, :, None] + grid.points
    limits = {"cmap": style["cmap"], "clim": (style["vmin"], style["vmax"])}
    cells = _draw(axes, flat.ravel(), points.reshape(-1, 2), tiles.shape[-1], {"edgecolors": "#dddddd"} | limits)
    bare(axes)
    label(axes, rows, down, columns, right)
    for name, (x, y) in zip(names, place.reshape(-1, 2), strict=False):
        axes.text(x - right / 2, y - down / 2, name, fontsize=6.5, color="#333333", va="top", ha="left")
    return cells


def _draw(axes: "Axes", values: Array, points: Array, size: int, options: dict[str, Any]) -> "PolyCollection":
    """Hexagons of those values about points (m, 2)."""
    from matplotlib.collections import PolyCollection

    angles = np.pi / 6 + np.pi / 3 * np.arange(6)  # edges face the six neighbours
    corners = np.stack([np.cos(angles), np.sin(angles)], axis=-1) / np.sqrt(3)
    style: dict[str, Any] = {"edgecolors": "face", "linewidths": 0.5} | options
    cells = PolyCollection(list(points[:, None] + corners), **style)
    cells.set_array(values)
    axes.add_collection(cells)
    margin = 0.02 * size
    low, high = points.min(axis=0) - 0.6 - margin, points.max(axis=0) + 0.6 + margin
    axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), aspect="equal")
    return cells
