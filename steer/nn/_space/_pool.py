"""Pooling over space."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final

import torch

from ..._spacing import Spacing, as_spacing, printed
from ..._values import require_flag
from ...errors import KernelError
from ...kernels import per_axis, require_symmetric
from ...reps import Group
from .._engine._layout import wide
from .._engine._module import Module, require_permutation, traced
from .._engine._sampling import Adaptive, AxisSampling, Window
from .._engine._spaced import borders, steps
from .._fields._types import FieldType

Size = int | Iterable[int]

_AVERAGE: Final[Mapping[int, type[torch.nn.Module]]] = {
    1: torch.nn.AvgPool1d,
    2: torch.nn.AvgPool2d,
    3: torch.nn.AvgPool3d,
}
_LARGEST: Final[Mapping[int, type[torch.nn.Module]]] = {
    1: torch.nn.MaxPool1d,
    2: torch.nn.MaxPool2d,
    3: torch.nn.MaxPool3d,
}


class _Pool(Module):
    """A pooling module of torch, applied to every channel; subclasses choose which."""

    def __init__(
        self,
        in_type: FieldType,
        kind: Mapping[int, type[torch.nn.Module]],
        window: Mapping[str, Any],
        spacing: Sequence[float] | float | None = None,
        **options: bool,
    ) -> None:
        super().__init__(in_type, in_type)
        self.spacing = as_spacing(spacing, in_type.group.dim)
        options = {name: require_flag(name, value, KernelError) for name, value in options.items()}
        sizes = window_sizes(in_type.group, window, self.spacing)
        self.pool = kind[in_type.group.dim](**sizes, **options)
        self._sample_by(axes_of(sizes, **options))

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        self._check_space(x)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        # on CPU torch cannot pool volumes of half precision, and a graph may run there
        is_volume = self.in_type.group.dim == 3 and (not isinstance(x, torch.Tensor) or x.device.type == "cpu")
        out: torch.Tensor = self.pool(wide(x) if is_volume else x)
        return out.to(x.dtype)

    def _export(self) -> torch.nn.Module:
        return self.pool

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        return f"{super().extra_repr()}, {self.pool.extra_repr()}{printed(self.spacing)}"


class AvgPool(_Pool):
    """Mean over windows of space, for any type; `torch.nn.AvgPool2d` and its like, with its arguments.

    Exact under turns and flips of the grid when the windows fit: when (space + 2 padding - kernel_size) is divisible by
    the stride, so that the first and the last window are as far from the border.

    ``AvgPool(in_type, 1, 2)`` is plain subsampling: it keeps every second sample of any field. It is exact for odd
    sizes, where both ends of an axis are kept; `BlurPool` does the same without aliasing.

    Args:
        in_type: type of the input and output.
        kernel_size: edge of the window, one integer or one for each axis ([z,] y, x).
        stride: step between windows, kernel_size when None.
        padding: zeros added on every side.
        ceil_mode: keep windows that reach over the edge (which fit only on one side).
        count_include_pad: whether padding counts in the mean.
        spacing: distances of neighbouring samples of the input ([z,] y, x); None where they are equal. One number for a
            size counts samples of the finest axis: on coarser ones windows and strides are the nearest in length.

    Shape:
        (batch, in_type.size, *space) -> (batch, in_type.size, *smaller), each size n becoming floor((n + 2 padding -
        kernel_size) / stride) + 1, or the ceiling with `ceil_mode`.

    Raises:
        KernelError: the group acts on no space; sizes that are no positive integers, or differ between axes
            that the group mixes.
    """

    def __init__(
        self,
        in_type: FieldType,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        *,
        spacing: Sequence[float] | float | None = None,
    ) -> None:
        window = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
        super().__init__(in_type, _AVERAGE, window, spacing, ceil_mode=ceil_mode, count_include_pad=count_include_pad)

    def _export(self) -> torch.nn.Module:
        # for volumes of half precision the graph does what `_compute` does
        return traced(self) if self.in_type.group.dim == 3 else super()._export()


class MaxPool(_Pool):
    """Maximum over windows of space for each channel; `torch.nn.MaxPool2d` and its like, with its arguments.

    Only for fields that the group permutes: the maximum of a component depends on the basis otherwise. Shapes and
    exactness as for `AvgPool`.

    Args:
        in_type: type of the input and output.
        kernel_size: edge of the window, one integer or one for each axis ([z,] y, x).
        stride: step between windows, kernel_size when None.
        padding: minus infinity added on every side.
        dilation: step between the elements of a window.
        ceil_mode: keep windows that reach over the edge (which fit only on one side).
        spacing: distances of neighbouring samples of the input ([z,] y, x); None where they are equal. One number for a
            size counts samples of the finest axis: on coarser ones windows and strides are the nearest in length.

    Shape:
        (batch, in_type.size, *space) -> (batch, in_type.size, *smaller), each size n becoming floor((n + 2 padding -
        dilation (kernel_size - 1) - 1) / stride) + 1, or the ceiling with `ceil_mode`.

    Raises:
        FieldTypeError: a field is not a permutation representation; `NormMaxPool`, `AvgPool` or `BlurPool` will do.
        KernelError: the group acts on no space; sizes that are no positive integers, or differ between axes
            that the group mixes.
    """

    def __init__(
        self,
        in_type: FieldType,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        ceil_mode: bool = False,
        *,
        spacing: Sequence[float] | float | None = None,
    ) -> None:
        window = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation}
        super().__init__(in_type, _LARGEST, window, spacing, ceil_mode=ceil_mode)
        require_permutation(in_type, "MaxPool", "use NormMaxPool, which takes any field, or AvgPool or BlurPool")


class _AdaptivePool(_Pool):
    """A pooling module of torch with the windows that make an output of a given size."""

    _reduce: ClassVar[Callable[[torch.Tensor, int], torch.Tensor]]
    """Over the windows along one axis."""

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        # torch exports its own operation to ONNX for some sizes only
        return self._by_axis(x) if torch.onnx.is_in_onnx_export() else super()._compute(x)

    def _by_axis(self, x: torch.Tensor) -> torch.Tensor:
        sizes: tuple[int | None, ...] = self.pool.output_size  # type: ignore[assignment]
        for axis, count in enumerate(sizes, 2):
            if count is None:
                continue
            edge = x.shape[axis]
            windows = [(index * edge // count, -(-(index + 1) * edge // count)) for index in range(count)]
            x = torch.stack([type(self)._reduce(x.narrow(axis, a, b - a), axis) for a, b in windows], axis)
        return x


class AdaptiveAvgPool(_AdaptivePool):
    """Mean over as many windows as the output has samples, for any type; `torch.nn.AdaptiveAvgPool2d` etc.

    Window i of m along an axis of n samples is [floor(i n / m), ceil((i + 1) n / m)): windows overlap where m does not
    divide n, and a flip maps them to each other. So the layer is exact under turns and flips of the grid for all sizes.

    Args:
        in_type: type of the input and output.
        output_size: edge of the output, one integer or one for each axis ([z,] y, x); None for an axis that stays.
        spacing: distances of neighbouring samples of the input ([z,] y, x); None where they are equal. Sizes may differ
            on axes of different spacing; one number is the same for all.

    Shape:
        (batch, in_type.size, *space) -> (batch, in_type.size, *output_size).

    Raises:
        KernelError: the group acts on no space; sizes that are no positive integers, or differ between axes
            that the group mixes.
    """

    _reduce = torch.mean

    def __init__(
        self,
        in_type: FieldType,
        output_size: Size | Sequence[int | None],
        *,
        spacing: Sequence[float] | float | None = None,
    ) -> None:
        kind = {1: torch.nn.AdaptiveAvgPool1d, 2: torch.nn.AdaptiveAvgPool2d, 3: torch.nn.AdaptiveAvgPool3d}
        super().__init__(in_type, kind, {"output_size": output_size}, spacing)


class AdaptiveMaxPool(_AdaptivePool):
    """Maximum over as many windows as the output has samples; `torch.nn.AdaptiveMaxPool2d` and its like.

    Only for fields that the group permutes. Windows, shapes and exactness as for `AdaptiveAvgPool`.

    Args:
        in_type: type of the input and output.
        output_size: edge of the output, one integer or one for each axis ([z,] y, x); None for an axis that stays.
        spacing: distances of neighbouring samples of the input ([z,] y, x); None where they are equal. Sizes may differ
            on axes of different spacing; one number is the same for all.

    Shape:
        (batch, in_type.size, *space) -> (batch, in_type.size, *output_size).

    Raises:
        FieldTypeError: a field is not a permutation representation; `AdaptiveAvgPool` will do.
        KernelError: the group acts on no space; sizes that are no positive integers, or differ between axes
            that the group mixes.
    """

    _reduce = torch.amax

    def __init__(
        self,
        in_type: FieldType,
        output_size: Size | Sequence[int | None],
        *,
        spacing: Sequence[float] | float | None = None,
    ) -> None:
        kind = {1: torch.nn.AdaptiveMaxPool1d, 2: torch.nn.AdaptiveMaxPool2d, 3: torch.nn.AdaptiveMaxPool3d}
        super().__init__(in_type, kind, {"output_size": output_size}, spacing)
        require_permutation(in_type, "AdaptiveMaxPool", "use AdaptiveAvgPool, which is linear")


def window_sizes(group: Group, window: Mapping[str, Any], spacing: Spacing = None) -> dict[str, tuple[Any, ...]]:
    """Every size of a window for each axis of space; `stride` is `kernel_size` when None.

    One number follows the spacing of the samples, but for the size of an output, which may be None along an axis.

    Raises:
        KernelError: a bad size, one that differs between axes that the group mixes, or too much padding.
    """
    given: dict[str, Any] = dict(window)
    if "stride" in given and given["stride"] is None:
        given["stride"] = given["kernel_size"]
    require_space(group)
    if "output_size" in given:
        return {"output_size": _output_size(given["output_size"], group, spacing)}
    if spacing is not None:
        given |= {name: steps(name, given[name], group.dim, spacing) for name in given if name != "padding"}
        edges, apart = given["kernel_size"], given.get("dilation", group.dim * (1,))
        spans = tuple((edge - 1) * step for edge, step in zip(edges, apart, strict=True))
        given["padding"] = borders(given["padding"], spans, spacing)
    least = {name: int(name != "padding") for name in given}
    sizes = {name: symmetric_sizes(name, value, group, least[name], spacing) for name, value in given.items()}
    for kernel, padding in zip(sizes.get("kernel_size", ()), sizes.get("padding", ()), strict=True):
        if 2 * padding > kernel:
            raise KernelError(
                f"padding: expected at most half of kernel_size {window['kernel_size']!r}, got {window['padding']!r}"
            )
    return sizes


def _output_size(value: Any, group: Group, spacing: Spacing) -> tuple[int | None, ...]:
    """The size of the output along each axis, None for one that stays."""
    stays = [size is None for size in value] if isinstance(value, Sequence) else group.dim * [False]
    asked = [1 if size is None else size for size in value] if any(stays) else value
    sizes = per_axis("output_size", asked, group.dim, 1)
    found = tuple(None if kept else size for size, kept in zip(sizes, stays, strict=True))
    require_symmetric(group, spacing=spacing, output_size=tuple(size or 0 for size in found))
    return found


def axes_of(sizes: Mapping[str, tuple[Any, ...]], **options: bool) -> list[AxisSampling]:
    """How each axis is read by windows of these sizes, or to this `output_size`."""
    axes: list[dict[str, Any]] = [
        dict(zip(sizes, values, strict=True)) | options for values in zip(*sizes.values(), strict=True)
    ]
    if "output_size" in sizes:
        return [Adaptive(**axis) for axis in axes]
    return [Window(**axis, taps="alike") for axis in axes]


def symmetric_sizes(
    name: str, value: Size | None, group: Group, least: int, spacing: Spacing = None
) -> tuple[int, ...]:
    """(dim,): a size for each axis of space, equal on axes that the group mixes, or a KernelError."""
    require_space(group)
    found = per_axis(name, value, group.dim, least)
    require_symmetric(group, spacing=spacing, **{name: found})
    return found


def require_space(group: Group) -> None:
    """Raise a `KernelError` unless the group acts on a line, the plane or space."""
    if group.dim not in (1, 2, 3):
        raise KernelError(f"in_type: expected a type of a group that acts on a line, the plane or space, got {group!r}")
