"""Pictures; needs the extra `plot`: ``pip install steer[plot]``."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from .errors import ShapeError
from .kernels import Grid
from .kernels._grid import holds_hexagon

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection

__all__ = ["plot_hexagonal"]


def plot_hexagonal(axes: "Axes", values: npt.ArrayLike | torch.Tensor, **options: Any) -> "PolyCollection":
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
    """
    from matplotlib.collections import PolyCollection

    numbers = values.detach().cpu().double().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
    if not holds_hexagon(numbers.shape):
        raise ShapeError(f"values: expected one hexagonal map (2R + 1, 2R + 1), got shape {numbers.shape}")
    grid = Grid(numbers.shape, "hexagonal")
    angles = np.pi / 6 + np.pi / 3 * np.arange(6)  # edges face the six neighbours
    corners = np.stack([np.cos(angles), np.sin(angles)], axis=-1) / np.sqrt(3)
    style: dict[str, Any] = {"edgecolors": "face", "linewidths": 0.5} | options
    cells = PolyCollection(list(grid.points[:, None] + corners), **style)
    cells.set_array(numbers.ravel()[grid.index])
    axes.add_collection(cells)
    margin = 0.02 * len(numbers)
    low, high = grid.points.min(axis=0) - 0.6 - margin, grid.points.max(axis=0) + 0.6 + margin
    axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), aspect="equal")
    return cells
