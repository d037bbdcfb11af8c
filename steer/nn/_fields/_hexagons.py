"""Hexagonal maps: tensors (batch, channels, 2R + 1, 2R + 1) in axial coordinates, and how D6 permutes their samples.

The entry (r, q), counted from the centre, lies at x = q + r/2, y = sqrt(3)/2 r; outside the hexagon of its samples a
map is zero. Hoogeboom, Peters, Cohen, Welling 2018, "HexaConv".
"""

import functools

import numpy as np
import numpy.typing as npt
import torch

from ...errors import ShapeError
from ...kernels import Grid
from ._tensor import require_tensor

Indices = npt.NDArray[np.intp]


def hexagon(x: torch.Tensor) -> torch.Tensor:
    """(2R + 1, 2R + 1) booleans: where a hexagonal map of the shape of x (..., 2R + 1, 2R + 1) has samples."""
    # sizes are met only inside tensors, so that one graph holds for all of them
    index = x.new_ones(x.shape[-1:], dtype=torch.int64).cumsum(0)  # 1 to 2R + 1
    steps = index - index.flip(0)  # twice the coordinates
    return (steps[:, None] + steps).abs() < index[-1:]


def masked(x: torch.Tensor) -> torch.Tensor:
    """X with zeros outside its hexagon."""
    return x.masked_fill(~hexagon(x), 0.0)


def require_hexagon(x: torch.Tensor) -> int:
    """The radius R of a hexagonal map (batch, channels, 2R + 1, 2R + 1), or a ShapeError."""
    shape = tuple(require_tensor("x", x).shape)
    if len(shape) != 4 or not x.is_floating_point() or shape[2] != shape[3] or shape[3] % 2 == 0:
        raise ShapeError(
            f"x: expected a hexagonal map (batch, channels, 2R + 1, 2R + 1), got {shape} of {x.dtype}; "
            f"nn.to_hexagonal makes one of an image"
        )
    return shape[-1] // 2


def permute_hexagon(x: torch.Tensor, source: npt.NDArray[np.float64]) -> torch.Tensor:
    """The samples of a hexagonal map read at the steps source (r, q) from its centre, zero outside the hexagon.

    Args:
        x: (batch, channels, 2R + 1, 2R + 1).
        source: (2, 2), integers that map the lattice to itself.
    """
    index = _entries(require_hexagon(x), tuple(source.astype(int).ravel().tolist()))
    flat = torch.nn.functional.pad(x.flatten(2), (0, 1))
    return flat.index_select(2, torch.from_numpy(index).to(x.device)).reshape(x.shape)


@functools.lru_cache(maxsize=256)
def _entries(radius: int, source: tuple[int, ...]) -> Indices:
    """((2R + 1)^2,): the entry that each entry is read from, one beyond the last where there is none."""
    size = 2 * radius + 1
    index = Grid((size, size), "hexagonal").index
    assert index is not None, "hexagons do not fill their tensor"
    steps = np.stack(np.divmod(index, size)) - radius
    rows, columns = np.reshape(source, (2, 2)) @ steps + radius
    found = np.full(size**2, size**2)
    found[index] = rows * size + columns
    return found
