"""Transposed steerable convolution."""

import math
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch

from ..._values import Array, is_one_of, require_count
from ...errors import FieldTypeError, KernelError
from ...kernels import ScalarFunctions, per_axis
from ...kernels.bases._selection import BasisFilter
from .._engine._sampling import Spread
from .._engine._spaced import borders
from .._fields._types import FieldType
from ._conv import Convolution


class ConvTranspose(Convolution):
    """Transposed convolution with steerable kernels in any dimension; use `ConvTranspose2d` and its like."""

    _convolve: ClassVar[Callable[..., torch.Tensor]]
    out_axis: ClassVar[int] = 1
    options = ("stride", "padding", "output_padding", "groups", "dilation", "padding_mode")

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] = 0,
        output_padding: int | tuple[int, ...] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | tuple[int, ...] = 1,
        padding_mode: str = "zeros",
        *,
        spacing: Sequence[float] | float | None = None,
        basis: str | ScalarFunctions = "rings",
        max_frequency: int | None = None,
        unreached: str = "warn",
        basis_filter: BasisFilter | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self._require_types(in_type=in_type, out_type=out_type)
        if not is_one_of(padding_mode, ("zeros",)):
            raise KernelError(f"padding_mode: a transposed convolution has only 'zeros', got {padding_mode!r}")
        # Settings are checked and kept before torch.nn.Module is initialised: bad ones fail before any work.
        self._size_by(spacing, kernel_size, stride, dilation)
        self.padding = borders(padding, self._spans, self.spacing)
        self.output_padding = per_axis("output_padding", output_padding, self.dim, 0)
        if self.spacing is not None and not isinstance(output_padding, Sequence):
            most = (max(s, d) - 1 for s, d in zip(self.stride, self.dilation, strict=True))
            lengths = zip(self.output_padding, self.spacing, most, strict=True)
            self.output_padding = tuple(n if r == 1 else min(math.floor(n / r + 0.5), top) for n, r, top in lengths)
        if any(more >= max(s, d) for more, s, d in zip(self.output_padding, self.stride, self.dilation, strict=True)):
            raise KernelError(
                f"output_padding: expected less than the stride or the dilation, {self.stride} and {self.dilation}, "
                f"got {self.output_padding}"
            )
        self.padding_mode = padding_mode
        self.groups = require_count("groups", groups, FieldTypeError, 1)
        super().__init__(
            in_type, out_type, basis, max_frequency, unreached, basis_filter, bias, device, dtype, transposed=True
        )
        axes = zip(self.kernel_size, self.stride, self.padding, self.dilation, self.output_padding, strict=True)
        self._sample_by(Spread(*axis) for axis in axes)

    def _scales(self) -> Array:
        # Of the outputs only one in prod(stride) meets any one entry of the filter.
        return super()._scales() * math.sqrt(math.prod(self.stride))

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        self._check_space(x)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        steps = self.stride, self.padding, self.output_padding, self.groups, self.dilation
        return type(self)._convolve(x, self._filter(), self._full_bias(), *steps)


class ConvTranspose1d(ConvTranspose):
    """Transposed steerable convolution of sequences: the counterpart of `torch.nn.ConvTranspose1d`.

    Field types stand for channel numbers. It is the adjoint of `Conv1d` from `out_type` to `in_type` with the same
    arguments and coefficients. All that `ConvTranspose2d` says of sizes, exactness, initialisation and arguments holds,
    with (x,) for tuples. A group that does not reflect the line takes output padding without a loss.

    Args:
        in_type: type of the input.
        out_type: type of the output; of the same group.
        kernel_size: an integer or (x,); any size, also even.
        stride: step between the outputs of neighbouring inputs.
        padding: samples cut off on each side: an integer or (x,).
        output_padding: samples added at the end, fewer than the stride or the dilation.
        groups: split input and output fields into this many groups, each output group sees its own input group. The
            output groups must be of one type.
        bias: whether to learn a bias in the invariant vectors of the output fields; there is none if they have none.
        dilation: step of the kernel's grid.
        padding_mode: "zeros", the only one.
        spacing: as of `Conv1d`.
        basis: what kernels are made of, as in `Conv1d`.
        max_frequency: cap on the degree of the harmonics; by default what the kernel size carries.
        unreached: "warn", "error" or "ignore" where there is no steerable kernel to an output field, which then is
            zero but for the bias.
        basis_filter: which kernels to keep: a function of an element (`irrep`, `degree`, `ring`, ...; see
            `steer.kernels.Element`) that returns True or False, or some of the elements. It is asked once; `basis` is a
            `steer.kernels.Selection` then, which stores what is kept.
        device: of the parameters.
        dtype: of the parameters.

    Attributes:
        weight: (num_weights,), the coefficients of the basis kernels.
        bias: coefficients of the invariant vectors of `out_type`, or None.
        plan: the `KernelPlan` that expands the coefficients.

    Shape:
        (batch, in_type.size, x) -> (batch, out_type.size, x') with x' = (x - 1) stride - 2 padding + dilation
        (kernel_size - 1) + 1 + output_padding.

    Raises:
        FieldTypeError: types of two groups, types that are not of a line, or fields that `groups` does not divide.
        KernelError: a bad size or option; with ``unreached="error"``, an output field to which there is no kernel.
        ShapeError: an input whose output would have no samples.
    """

    dim = 1
    _torch_class = torch.nn.ConvTranspose1d
    _convolve = torch.nn.functional.conv_transpose1d


class ConvTranspose2d(ConvTranspose):
    """Transposed steerable convolution of planar feature maps: the counterpart of `torch.nn.ConvTranspose2d`.

    Field types stand for channel numbers. It is the adjoint of `Conv2d` from `out_type` to `in_type` with the same
    arguments and the same coefficients: <conv(x), y> = <x, transposed(y)>. The two have one basis of kernels, so that
    either loads the coefficients of the other. The filter (in channels, out channels / groups, *kernel) is that of the
    convolution; its transpose K(x)^T is a steerable kernel from `in_type` to `out_type` because representations are
    orthogonal.

    Without output padding the layer commutes exactly with every element of the group that maps the sampling grid to
    itself, whatever the size. Output padding adds pixels at the far end of an axis, which moves the centre of the grid:
    the layer then commutes only if the group neither reverses the axis nor mixes it with others, else up to a shift. To
    make a map exactly `stride` times as large without it, take a kernel_size that is the stride plus an even number and
    padding = (kernel_size - stride) / 2: an even kernel for an even stride, such as kernel_size=4, stride=2, padding=1.

    With the other elements it commutes up to the aliasing of the sampled kernels, as `Conv2d`; above stride 1 this
    includes the images of the input's spectrum that spreading its pixels makes and the kernel does not quite remove.

    Fresh coefficients give output fields of mean variance 1 over components and pixels, away from the border, for
    inputs of independent components and pixels of variance 1.

    Args:
        in_type: type of the input.
        out_type: type of the output; of the same group.
        kernel_size: an integer or (y, x); any size, also even. Sizes, strides, dilations and paddings must be equal on
            axes that the group mixes.
        stride: step between the outputs of neighbouring inputs.
        padding: pixels cut off on each side: an integer or (y, x).
        output_padding: pixels added at the end of each axis, fewer than the stride or the dilation.
        groups: split input and output fields into this many groups, each output group sees its own input group. The
            output groups must be of one type.
        bias: whether to learn a bias in the invariant vectors of the output fields; there is none if they have none.
        dilation: step of the kernel's grid.
        padding_mode: "zeros", the only one.
        spacing: distances of neighbouring samples of the output, as of the input of the convolution whose adjoint it
            is; sizes follow it as they do there.
        basis: what kernels are made of, as in `Conv2d`.
        max_frequency: cap on the degree of the harmonics; by default what the kernel size carries.
        unreached: "warn", "error" or "ignore" where there is no steerable kernel to an output field, which then is
            zero but for the bias.
        basis_filter: which kernels to keep: a function of an element (`irrep`, `degree`, `ring`, ...; see
            `steer.kernels.Element`) that returns True or False, or some of the elements. It is asked once; `basis` is a
            `steer.kernels.Selection` then, which stores what is kept.
        device: of the parameters.
        dtype: of the parameters.

    Attributes:
        weight: (num_weights,), the coefficients of the basis kernels.
        bias: coefficients of the invariant vectors of `out_type`, or None.
        plan: the `KernelPlan` that expands the coefficients.

    Shape:
        (batch, in_type.size, y, x) -> (batch, out_type.size, y', x') with y' = (y - 1) stride - 2 padding + dilation
        (kernel_size - 1) + 1 + output_padding, and x' alike.

    Raises:
        FieldTypeError: types of two groups, types that are not planar, or fields that `groups` does not divide.
        KernelError: a bad size or option; with ``unreached="error"``, an output field to which there is no kernel.
        ShapeError: an input whose output would have no pixels.
    """

    dim = 2
    _torch_class = torch.nn.ConvTranspose2d
    _convolve = torch.nn.functional.conv_transpose2d


class ConvTranspose3d(ConvTranspose):
    """Transposed steerable convolution of volumes: the counterpart of `torch.nn.ConvTranspose3d`.

    Field types stand for channel numbers. It is the adjoint of `Conv3d` from `out_type` to `in_type` with the same
    arguments and coefficients. All that `ConvTranspose2d` says of sizes, exactness, initialisation and arguments holds,
    with (z, y, x) for tuples. A group about the z axis takes output padding along z without a loss if none of its
    elements reverses the axis (Cn, Cnv, Cinf, Cinfv).

    Args:
        in_type: type of the input.
        out_type: type of the output; of the same group.
        kernel_size: an integer or (z, y, x); any size, also even. Sizes, strides, dilations and paddings must be equal
            on axes that the group mixes.
        stride: step between the outputs of neighbouring inputs.
        padding: pixels cut off on each side: an integer or (z, y, x).
        output_padding: pixels added at the end of each axis, fewer than the stride or the dilation.
        groups: split input and output fields into this many groups, each output group sees its own input group. The
            output groups must be of one type.
        bias: whether to learn a bias in the invariant vectors of the output fields; there is none if they have none.
        dilation: step of the kernel's grid.
        padding_mode: "zeros", the only one.
        spacing: distances of neighbouring samples of the output, as of the input of the convolution whose adjoint it
            is; sizes follow it as they do there.
        basis: what kernels are made of, as in `Conv3d`.
        max_frequency: cap on the degree of the harmonics; by default what the kernel size carries.
        unreached: "warn", "error" or "ignore" where there is no steerable kernel to an output field, which then is
            zero but for the bias.
        basis_filter: which kernels to keep: a function of an element (`irrep`, `degree`, `ring`, ...; see
            `steer.kernels.Element`) that returns True or False, or some of the elements. It is asked once; `basis` is a
            `steer.kernels.Selection` then, which stores what is kept.
        device: of the parameters.
        dtype: of the parameters.

    Attributes:
        weight: (num_weights,), the coefficients of the basis kernels.
        bias: coefficients of the invariant vectors of `out_type`, or None.
        plan: the `KernelPlan` that expands the coefficients.

    Shape:
        (batch, in_type.size, z, y, x) -> (batch, out_type.size, z', y', x') with z' = (z - 1) stride - 2 padding +
        dilation (kernel_size - 1) + 1 + output_padding, and y' and x' alike.

    Raises:
        FieldTypeError: types of two groups, types that are not of space, or fields that `groups` does not divide.
        KernelError: a bad size or option; with ``unreached="error"``, an output field to which there is no kernel.
        ShapeError: an input whose output would have no pixels.
    """

    dim = 3
    _torch_class = torch.nn.ConvTranspose3d
    _convolve = torch.nn.functional.conv_transpose3d
