"""The action of orthogonal matrices on sampled scalar fields."""

from typing import Literal, cast

import numpy as np
import torch

from ..._values import EXACT, Array, is_count
from ...errors import ShapeError

HIGHEST_ORDER = 5


def act_on_grid(x: torch.Tensor, g: Array, order: int = 3) -> torch.Tensor:
    """f(g^-1 x) for feature maps x (batch, channels, *space), space turned about its centre.

    The last axis is x, the one before y, the one before z; coordinates grow with the index. When g is a signed
    permutation matrix this is a permutation of the samples, exact, in the dtype of x. Otherwise the samples are
    interpolated by splines of an order (Unser 1999, "Splines: a perfect fit for signal and image processing"), zero
    outside of the grid, in float64 and without gradient.

    Raises:
        ShapeError: the number of space axes is not the size of g, sizes differ on axes that g mixes, or the order is
            not an integer from 0 to 5.
    """
    dim = len(g)
    if x.dim() != dim + 2:
        raise ShapeError(f"x: expected (batch, channels) and {dim} axes of space, got shape {tuple(x.shape)}")
    if not is_count(order, 0) or order > HIGHEST_ORDER:
        raise ShapeError(f"order: expected an integer from 0 to {HIGHEST_ORDER}, got {order!r}")
    rounded = np.round(g)
    if np.abs(g - rounded).max() < EXACT:
        return _permute(x, rounded)
    # coordinates (x, y[, z]) to array axes ([z,] y, x); samples are read at g^-1 p
    source = np.asarray(g)[::-1, ::-1].T
    source = np.where(np.abs(source) < EXACT, 0.0, source)
    sizes = np.array(x.shape[2:])
    if np.any((sizes != sizes[:, None]) & (source != 0)):
        raise ShapeError(
            f"x: a turn that does not map the grid to itself needs equal sizes of the axes that it mixes, "
            f"got {tuple(x.shape[2:])}"
        )
    flat = x.detach().cpu().double().reshape(-1, *x.shape[2:]).numpy()
    if not flat.size:
        return x.detach().double()
    import scipy.ndimage  # here, because it takes most of the time of `import steer.nn`

    centre = (sizes - 1) / 2
    shift = centre - source @ centre
    degree = cast(Literal[0, 1, 2, 3, 4, 5], order)
    out = np.stack([scipy.ndimage.affine_transform(f, source, shift, order=degree) for f in flat])
    return torch.from_numpy(out).reshape(x.shape).to(x.device)


def _permute(x: torch.Tensor, g: Array) -> torch.Tensor:
    dim = len(g)
    source_of = np.argmax(np.abs(g), axis=1)  # output coordinate i reads input coordinate j with g[i, j] = +-1
    axes = [1 + dim - int(source_of[dim - 1 - axis]) for axis in range(dim)]
    flips = [2 + axis for axis in range(dim) if g[dim - 1 - axis, source_of[dim - 1 - axis]] < 0]
    return torch.flip(x.permute(0, 1, *axes), flips)
