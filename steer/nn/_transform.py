"""The action of orthogonal matrices on sampled scalar fields."""

import numpy as np
import torch

from ..errors import ShapeError
from ..reps._linalg import Array

EXACT = 1e-9


def act_on_grid(x: torch.Tensor, g: Array) -> torch.Tensor:
    """f(g^-1 x) for feature maps x (batch, channels, *space), space turned about its centre.

    The last axis is x, the one before y, the one before z; coordinates grow with the index. Exact (a permutation of the
    samples) when g is a signed permutation matrix; otherwise cubic splines in float64, zero outside, without gradient.

    Raises:
        ShapeError: the number of space axes is not the size of g.
    """
    dim = len(g)
    if x.dim() != dim + 2:
        raise ShapeError(f"x: expected (batch, channels) and {dim} axes of space, got shape {tuple(x.shape)}")
    rounded = np.round(g)
    if np.abs(g - rounded).max() < EXACT:
        return _permute(x, rounded)
    if any(size != x.shape[-1] for size in x.shape[2:]):
        raise ShapeError(
            f"x: a turn that does not map the grid to itself needs equal sizes of space, got {tuple(x.shape[2:])}"
        )
    if x.numel() == 0:
        return x.clone()
    import scipy.ndimage  # here, because it takes most of the time of `import steer.nn`

    order = np.asarray(g)[::-1, ::-1]  # coordinates (x, y[, z]) to array axes ([z,] y, x)
    centre = (np.asarray(x.shape[2:]) - 1) / 2
    source = order.T  # sample at g^-1 p
    flat = x.detach().cpu().double().reshape(-1, *x.shape[2:]).numpy()
    out = np.stack([scipy.ndimage.affine_transform(f, source, centre - source @ centre, order=3) for f in flat])
    return torch.from_numpy(out).reshape(x.shape).to(x)


def _permute(x: torch.Tensor, g: Array) -> torch.Tensor:
    dim = len(g)
    source_of = np.argmax(np.abs(g), axis=1)  # output coordinate i reads input coordinate j with g[i, j] = +-1
    axes = [1 + dim - int(source_of[dim - 1 - axis]) for axis in range(dim)]
    flips = [2 + axis for axis in range(dim) if g[dim - 1 - axis, source_of[dim - 1 - axis]] < 0]
    return torch.flip(x.permute(0, 1, *axes), flips)
