"""Anti-aliased subsampling."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it

from ..._spacing import as_spacing, printed
from ..._values import is_real
from ...errors import KernelError
from .._engine._layout import computed
from .._engine._module import Module
from .._engine._sampling import Window
from .._engine._spaced import borders, kernel_sizes, steps
from .._fields._types import FieldType
from ._pool import Size, require_space, symmetric_sizes

_CONV: Final[Mapping[int, type[torch.nn.Conv2d] | type[torch.nn.Conv3d]]] = {2: torch.nn.Conv2d, 3: torch.nn.Conv3d}


class BlurPool(Module):
    """Anti-aliased subsampling of any type: a normalised Gaussian filter, then a stride (Zhang 2019).

    The input is padded with zeros, once. Exact under turns and flips of the grid when (space + 2 padding - kernel_size)
    is divisible by the stride, and close to equivariant for other angles, because a Gaussian is round.

    Args:
        in_type: type of the input and output.
        kernel_size: edge of the filter; 2 ceil(3 sigma) + 1 when None.
        stride: step between outputs.
        sigma: standard deviation in pixels; half the largest stride when None, which leaves 0.3 of an amplitude at
            the highest frequency that the outputs can hold; with a spacing half the largest stride in pixels of the
            axes that are subsampled.
        padding: zeros added on every side; (kernel_size - 1) // 2 when None, which keeps the size at stride 1.
        spacing: distances of neighbouring samples of the input ([z,] y, x); None where they are equal. The Gaussian is
            round in space, sigma in units of the smallest of them, and one number for a size follows it as in `Conv3d`:
            a stride of 2 is (1, 2, 2) at 3 : 1 : 1. An axis of stride 1 is blurred too, as far as its samples go.

    Shape:
        (batch, in_type.size, *space) -> (batch, in_type.size, *smaller), each size n becoming floor((n + 2 padding -
        kernel_size) / stride) + 1.

    Raises:
        KernelError: the group acts on no plane or space; sizes that are no positive integers, or differ between axes
            that the group mixes; sigma not positive.
    """

    filter: torch.Tensor

    def __init__(
        self,
        in_type: FieldType,
        kernel_size: Size | None = None,
        stride: Size = 2,
        sigma: float | None = None,
        padding: Size | None = None,
        *,
        spacing: Sequence[float] | float | None = None,
    ) -> None:
        super().__init__(in_type, in_type)
        group = in_type.group
        require_space(group)
        self.spacing = as_spacing(spacing, group.dim)
        apart = self.spacing or group.dim * (1.0,)
        self.stride = symmetric_sizes(
            "stride", steps("stride", stride, group.dim, self.spacing), group, 1, self.spacing
        )
        if sigma is None:
            lengths = [n * length for n, length in zip(self.stride, apart, strict=True) if n > 1]
            sigma = max(lengths, default=1.0) / 2
        if not is_real(sigma) or not 0 < sigma < math.inf:
            raise KernelError(f"sigma: expected a positive number of pixels, got {sigma!r}")
        edges = 2 * math.ceil(3 * sigma) + 1 if kernel_size is None else kernel_size
        edges = kernel_sizes(edges, group.dim, self.spacing)
        self.kernel_size = symmetric_sizes("kernel_size", edges, group, 1, self.spacing)
        half = tuple((edge - 1) // 2 for edge in self.kernel_size)
        spans = tuple(edge - 1 for edge in self.kernel_size)
        around = half if padding is None else borders(padding, spans, self.spacing)
        self.padding = symmetric_sizes("padding", around, group, 0, self.spacing)
        self.sigma = sigma
        axes = zip(self.kernel_size, self.stride, self.padding, strict=True)
        self._sample_by(Window(*axis, taps="even") for axis in axes)
        weights = np.ones(())
        for edge, length in zip(self.kernel_size, apart, strict=True):
            profile = np.exp(-(((np.arange(edge) - (edge - 1) / 2) * length) ** 2) / (2 * sigma**2))
            weights = weights[..., None] * (profile / profile.sum())
        self.add_constant("filter", weights[None, None])

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        self._check_space(x)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        size = self.in_type.size
        if x.dim() == 5 and x.requires_grad and x.device.type == "cpu" and not torch.compiler.is_compiling():
            return self._by_axis(x)
        conv = F.conv2d if self.in_type.group.dim == 2 else F.conv3d
        weight = self.constant("filter", x).expand(size, *self.filter.shape[1:])
        return conv(x, weight, stride=self.stride, padding=self.padding, groups=size)

    def _by_axis(self, x: torch.Tensor) -> torch.Tensor:
        """The same by one matmul an axis: the gradient of a depthwise convolution in space takes ten times as long."""
        out = x
        for axis, (stride, padding) in enumerate(zip(self.stride, self.padding, strict=True), 2):
            profile = self.constant("filter", x).sum([other for other in range(2, x.dim()) if other != axis])
            edge = x.shape[axis]
            # (in, out): the convolution of each unit vector
            matrix = F.conv1d(torch.eye(edge, dtype=x.dtype)[:, None], profile, stride=stride, padding=padding)[:, 0]
            before, after = out.shape[:axis], out.shape[axis + 1 :]
            rows = out.reshape(math.prod(before), edge, math.prod(after))
            out = (matrix.T @ rows if after else rows[..., 0] @ matrix).reshape(*before, matrix.shape[1], *after)
        return computed(out)

    def _export(self) -> torch.nn.Module:
        size = self.in_type.size
        options = {"stride": self.stride, "padding": self.padding, "groups": size, "bias": False}
        out = _CONV[self.in_type.group.dim](size, size, self.kernel_size, **options)  # type: ignore[arg-type]
        out.weight = torch.nn.Parameter(self.filter.repeat(size, *(self.filter.dim() - 1) * [1]), requires_grad=False)
        return out

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        return (
            f"{super().extra_repr()}, kernel_size={self.kernel_size}, stride={self.stride}, sigma={self.sigma}, "
            f"padding={self.padding}{printed(self.spacing)}"
        )
