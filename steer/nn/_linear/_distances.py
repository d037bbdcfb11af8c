"""A learned function of the distances between positions, for attention."""

import functools

import numpy as np
import torch

from .._engine._constants import Constants


class DistanceBias(Constants):
    """One bias b(|x - y|) for each head and each pair of positions: b(r) = sum_k weight[head, k] exp(-r^2 / 2 s_k^2).

    The widths are s_k = 2^(k - 1) = 1/2, 1, 2, ..., in pixels on grids and in the unit of the positions of points. The
    functions are smooth in r^2, so that gradients for positions exist also where two of them meet. Orthogonal maps and
    translations keep distances, hence the bias. It starts at zero.

    Args:
        num_heads: number of heads.
        count: number of Gaussians.
        device: of the weight.
        dtype: of the weight.
    """

    inverse_widths: torch.Tensor

    def __init__(
        self, num_heads: int, count: int, device: torch.device | str | None, dtype: torch.dtype | None
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.weight = torch.nn.Parameter(torch.zeros(num_heads, count, device=device, dtype=dtype))
        self.add_constant("inverse_widths", 2.0 ** (1 - np.arange(count)))
        self.to(self.weight)  # the constants too

    def _scales(self) -> torch.Tensor:
        """(count,): 1 / s_k, in float64 or float32: squares of half-precision distances overflow."""
        return (self.inverse_widths + self.inverse_widths.float()) / 2

    def on_grid(self, x: torch.Tensor, dim: int) -> torch.Tensor:
        """(num_heads, n, n): the bias of the n pixels of feature maps x (batch, channels, *space).

        Gaussians are products over the axes, so that no tensor (count, n, n) is made.
        """
        scales = self._scales().reshape(-1, 1, 1)
        factors = []
        for axis in range(2, dim + 2):
            index = x.new_ones(x.shape[axis : axis + 1], dtype=torch.int64).cumsum(0)  # a tracer does not see arange
            offsets = (index.unsqueeze(1) - index) * scales
            factors.append((offsets.square() / -2).exp().flatten(1))  # (count, size^2)
        left = self.weight.type_as(factors[0]).unsqueeze(2)
        for factor in factors[:-1]:
            left = (left.unsqueeze(3) * factor.unsqueeze(1)).flatten(2)
        pairs = left.transpose(1, 2) @ factors[-1]  # the axes (y, y', x, x'), in space (z, z', y, y', x, x')
        sizes = [x.shape[axis] for axis in range(2, dim + 2) for _ in range(2)]
        order = [0, *range(1, 2 * dim, 2), *range(2, 2 * dim + 1, 2)]
        return pairs.reshape(self.num_heads, *sizes).permute(order).flatten(dim + 1).flatten(1, dim)

    def between(self, positions: torch.Tensor) -> torch.Tensor:
        """(batch, num_heads, n, n): the bias of points at positions (batch, n, dim)."""
        scales = self._scales()
        coordinates = (positions * scales[:1]).unbind(2)  # in units of s_0, and no narrower than float32
        squares = functools.reduce(torch.add, [(c.unsqueeze(2) - c.unsqueeze(1)).square() for c in coordinates])
        rates = (scales / scales[:1]).square().reshape(-1, 1, 1) / -2
        gaussians = (squares.unsqueeze(1) * rates).exp()  # (batch, count, n, n)
        weight = self.weight.type_as(gaussians)
        batch, count = squares.shape[:2]
        return (weight @ gaussians.flatten(2)).reshape(batch, self.num_heads, count, count)
