"""Anti-aliased subsampling."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it

from ..._spacing import as_spacing, printed
from ..._values import Array, is_one_of, is_real
from ...errors import KernelError
from .._engine._layout import computed
from .._engine._module import Module, traced
from .._engine._sampling import Centred, Window, centred
from .._engine._spaced import borders, kernel_sizes, steps
from .._fields._types import FieldType
from ._pool import Size, require_space, symmetric_sizes

_MODULES: Final[Mapping[int, Callable[..., torch.nn.Module]]] = {
    1: torch.nn.Conv1d,
    2: torch.nn.Conv2d,
    3: torch.nn.Conv3d,
}
_CONVOLVE: Final[Mapping[int, Callable[..., torch.Tensor]]] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


class BlurPool(Module):
    """Anti-aliased subsampling of any type: a normalised Gaussian filter, then a stride (Zhang 2019).

    The input is padded with zeros, once. Exact under turns and flips of the grid when (space + 2 padding - kernel_size)
    is divisible by the stride, with ``padding="same"`` for all sizes, and close to equivariant for other angles,
    because a Gaussian is round.

    With ``window="slepian"`` the filter along each axis is the one that has most of its energy below the Nyquist
    frequency of the outputs (Slepian 1978, discrete prolate spheroidal sequences), so that least of it can alias. Of
    white noise below the Nyquist frequency of the input, at a stride of 2, an amplitude of 6% of the rest aliases with
    5 taps and of 1% with 7, while the Gaussian leaves 22%; at half of the output's Nyquist frequency 0.66 (0.52 with 7)
    of an amplitude passes, of the Gaussian 0.75. It is less round: 0.4% (0.8%) there, after 0.1%.

    Args:
        in_type: type of the input and output.
        kernel_size: edge of the filter; 2 ceil(3 sigma) + 1 when None, 2 stride + 1 of the largest stride with
            "slepian".
        stride: step between outputs.
        sigma: standard deviation in pixels; half the largest stride when None, which leaves 0.3 of an amplitude at
            the highest frequency that the outputs can hold; with a spacing half the largest stride in pixels of the
            axes that are subsampled.
        padding: zeros added on every side; (kernel_size - 1) // 2 when None, which keeps the size at stride 1. With
            "same" a size n becomes ceil(n / stride), of outputs that lie symmetrically about the centre: the Gaussian
            is sampled with one tap more along an axis whose size asks for that.
        spacing: distances of neighbouring samples of the input ([z,] y, x); None where they are equal. The Gaussian is
            round in space, sigma in units of the smallest of them, and one number for a size follows it as in `Conv3d`:
            a stride of 2 is (1, 2, 2) at 3 : 1 : 1. An axis of stride 1 is blurred too, as far as its samples go; with
            "slepian" it is not.
        window: "gaussian" or "slepian".

    Shape:
        (batch, in_type.size, *space) -> (batch, in_type.size, *smaller), each size n becoming floor((n + 2 padding -
        kernel_size) / stride) + 1, or ceil(n / stride) with "same".

    Raises:
        KernelError: the group acts on no space; sizes that are no positive integers, or differ between axes
            that the group mixes; sigma not positive, or given with "slepian"; another window; "same" with a kernel that
            is smaller than the stride.
    """

    filter: torch.Tensor
    padding: tuple[int, ...] | str

    def __init__(
        self,
        in_type: FieldType,
        kernel_size: Size | None = None,
        stride: Size = 2,
        sigma: float | None = None,
        padding: Size | str | None = None,
        *,
        spacing: Sequence[float] | float | None = None,
        window: str = "gaussian",
    ) -> None:
        super().__init__(in_type, in_type)
        group = in_type.group
        require_space(group)
        self.spacing = as_spacing(spacing, group.dim)
        apart = self.spacing or group.dim * (1.0,)
        self.stride = symmetric_sizes(
            "stride", steps("stride", stride, group.dim, self.spacing), group, 1, self.spacing
        )
        if not is_one_of(window, ("gaussian", "slepian")):
            raise KernelError(f"window: expected 'gaussian' or 'slepian', got {window!r}")
        edges: Size
        if window == "slepian":
            if sigma is not None:
                raise KernelError(f"sigma: it is that of a Gaussian, got {sigma!r} with window='slepian'; leave it out")
            edges = 2 * max(self.stride) + 1 if kernel_size is None else kernel_size
            profiles = [functools.partial(_slepian, stride=step) for step in self.stride]
        else:
            sigma = _deviation(sigma, self.stride, apart)
            edges = 2 * math.ceil(3 * sigma) + 1 if kernel_size is None else kernel_size
            profiles = [functools.partial(_gaussian, sigma=sigma / length) for length in apart]
        edges = kernel_sizes(edges, group.dim, self.spacing)
        self.kernel_size = symmetric_sizes("kernel_size", edges, group, 1, self.spacing)
        self.sigma, self.window = sigma, window
        self.padding = self._borders(padding)
        axes = zip(self.kernel_size, self.stride, strict=True)
        if isinstance(self.padding, str):
            self._sample_by(Centred(*axis) for axis in axes)
        else:
            self._sample_by(Window(*axis, n, taps="even") for axis, n in zip(axes, self.padding, strict=True))
        weights = np.ones(())
        for axis, (edge, profile) in enumerate(zip(self.kernel_size, profiles, strict=True)):
            weights = weights[..., None] * profile(edge)
            if self.padding == "same":  # both as long: one that has a tap more, and one that begins with none
                self.add_constant(f"_narrow{axis}", np.pad(profile(edge), (1, 0)))
                self.add_constant(f"_wide{axis}", profile(edge + 1))
        self.add_constant("filter", weights[None, None])

    def _borders(self, padding: Size | str | None) -> tuple[int, ...] | str:
        """The argument for each axis, or "same"."""
        if isinstance(padding, str):
            if padding != "same":
                raise KernelError(f"padding: expected an integer, one for each axis, or 'same', got {padding!r}")
            if any(edge < step for edge, step in zip(self.kernel_size, self.stride, strict=True)):
                raise KernelError(
                    f"padding: 'same' needs a kernel that reaches from output to output, got kernel_size="
                    f"{self.kernel_size} and stride={self.stride}"
                )
            return padding
        half = tuple((edge - 1) // 2 for edge in self.kernel_size)
        spans = tuple(edge - 1 for edge in self.kernel_size)
        around = half if padding is None else borders(padding, spans, self.spacing)
        return symmetric_sizes("padding", around, self.in_type.group, 0, self.spacing)

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        self._check_space(x)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        if not isinstance(self.padding, str):
            return self._blurred(x, self.constant("filter", x), self.padding)
        if isinstance(x, torch.Tensor) and not torch.compiler.is_compiling():
            return self._blurred(x, *self._centred(x))
        # Sizes may be symbols of a graph, which holds for all of them: both kernels are of one size there.
        profiles: list[torch.Tensor] = []
        around: list[int] = []
        for axis, (edge, step) in enumerate(zip(self.kernel_size, self.stride, strict=True)):
            rest, odd = centred(x.shape[axis + 2], edge, step)
            narrow, wide = self.constant(f"_narrow{axis}", x), self.constant(f"_wide{axis}", x)
            profiles.append(narrow + odd * (wide - narrow))
            around[:0] = [(edge + 1 - odd - rest) // 2, (edge - 1 + odd - rest) // 2]  # the last axis first
        padded = F.pad(x, around)
        return self._blurred(padded, _product(profiles)[None, None], len(profiles) * (0,))

    def _centred(self, x: torch.Tensor) -> tuple[torch.Tensor, tuple[int, ...]]:
        """The filter (1, 1, *kernel) and the padding for maps of this size."""
        sizes = zip(x.shape[2:], self.kernel_size, self.stride, strict=True)
        rests, odds = zip(*(centred(*each) for each in sizes), strict=True)
        around = tuple((n - 1 + odd - rest) // 2 for n, odd, rest in zip(self.kernel_size, odds, rests, strict=True))
        if not any(odds):
            return self.constant("filter", x), around
        profiles = [
            self.constant(f"_wide{axis}", x) if odd else self.constant(f"_narrow{axis}", x)[1:]
            for axis, odd in enumerate(odds)
        ]
        return _product(profiles)[None, None], around

    def _blurred(self, x: torch.Tensor, kernel: torch.Tensor, padding: tuple[int, ...]) -> torch.Tensor:
        """Every channel of x filtered by (1, 1, *kernel)."""
        size = self.in_type.size
        is_volume = self.in_type.group.dim == 3
        is_run = isinstance(x, torch.Tensor) and not torch.compiler.is_compiling()
        if is_run and is_volume and x.requires_grad and x.device.type == "cpu":
            return self._by_axis(x, kernel, padding)
        weight = kernel.expand(size, *(self.in_type.group.dim + 1) * [-1])
        return _CONVOLVE[self.in_type.group.dim](x, weight, stride=self.stride, padding=padding, groups=size)

    def _by_axis(self, x: torch.Tensor, kernel: torch.Tensor, around: tuple[int, ...]) -> torch.Tensor:
        """The same by one matmul an axis: the gradient of a depthwise convolution in space takes ten times as long."""
        out = x
        for axis, (stride, padding) in enumerate(zip(self.stride, around, strict=True), 2):
            profile = kernel.sum([other for other in range(2, x.dim()) if other != axis])
            edge = x.shape[axis]
            # (in, out): the convolution of each unit vector
            matrix = F.conv1d(torch.eye(edge, dtype=x.dtype)[:, None], profile, stride=stride, padding=padding)[:, 0]
            before, after = out.shape[:axis], out.shape[axis + 1 :]
            rows = out.reshape(math.prod(before), edge, math.prod(after))
            out = (matrix.T @ rows if after else rows[..., 0] @ matrix).reshape(*before, matrix.shape[1], *after)
        return computed(out)

    def _export(self) -> torch.nn.Module:
        if isinstance(self.padding, str):
            return traced(self)
        size = self.in_type.size
        options = {"stride": self.stride, "padding": self.padding, "groups": size, "bias": False}
        out = _MODULES[self.in_type.group.dim](size, size, self.kernel_size, **options)
        out.weight = torch.nn.Parameter(self.filter.repeat(size, *(self.filter.dim() - 1) * [1]), requires_grad=False)
        return out

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        shape = f"sigma={self.sigma}" if self.sigma is not None else f"window={self.window!r}"
        return (
            f"{super().extra_repr()}, kernel_size={self.kernel_size}, stride={self.stride}, {shape}, "
            f"padding={self.padding!r}{printed(self.spacing)}"
        )


def _deviation(sigma: object, stride: Sequence[int], apart: Sequence[float]) -> float:
    """The standard deviation; by default half of the largest step of the axes that are subsampled."""
    if sigma is None:
        return max((n * length for n, length in zip(stride, apart, strict=True) if n > 1), default=1.0) / 2
    if not is_real(sigma) or not 0 < sigma < math.inf:
        raise KernelError(f"sigma: expected a positive number of pixels, got {sigma!r}")
    return float(sigma)


def _slepian(edge: int, stride: int) -> Array:
    """(edge,): taps of sum 1 with most of their energy below pi / stride; at a stride of 1 the middle alone."""
    if stride == 1:
        profile = (np.abs(np.arange(edge) - (edge - 1) / 2) < 1).astype(np.float64)
    else:
        apart = np.arange(edge)[:, None] - np.arange(edge)
        profile = np.linalg.eigh(np.sinc(apart / stride))[1][:, -1]
        profile = profile + profile[::-1]  # symmetric to the last bit
    return np.asarray(profile / profile.sum())


def _gaussian(edge: int, sigma: float) -> Array:
    """(edge,): a Gaussian of sum 1 about the middle, sigma in taps."""
    profile = np.exp(-((np.arange(edge) - (edge - 1) / 2) ** 2) / (2 * sigma**2))
    return np.asarray(profile / profile.sum())


def _product(profiles: list[torch.Tensor]) -> torch.Tensor:
    """(*kernel): the product of a profile along each axis."""
    return functools.reduce(lambda kernel, profile: kernel.unsqueeze(-1) * profile, profiles)
