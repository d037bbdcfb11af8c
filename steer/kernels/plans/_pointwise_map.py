"""One matrix at every position: how features without positions, of points and of grids are multiplied by it."""

import math

import torch


def map_channels(matrix: torch.Tensor, x: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Multiply the channels of x by a matrix, at every position.

    Args:
        matrix: (out, in).
        x: (batch, in, *space), with any number of axes of space.
        bias: (out,).

    Returns:
        (batch, out, *space), in the memory format of x.
    """
    if x.dim() == 2:
        return torch.nn.functional.linear(x, matrix, bias)
    rows = x.movedim(1, -1)
    if rows.is_contiguous() and not x.is_contiguous():  # channels last stay so
        return torch.nn.functional.linear(rows, matrix, bias).movedim(-1, 1)
    # a batch of products: `matrix @ columns` would copy x to make one product of it, in twice the time
    columns = x.reshape(*x.shape[:2], math.prod(x.shape[2:]))
    matrices = matrix.expand(x.shape[0], *matrix.shape)  # len(x) would fix the batch of what torch.export writes
    found = torch.bmm(matrices, columns) if bias is None else torch.baddbmm(bias.unsqueeze(1), matrices, columns)
    return found.reshape(*found.shape[:2], *x.shape[2:])
