"""Interpolation of feature maps on a finer grid."""

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, Final, overload

import torch

from ..._spacing import Spacing, as_spacing, printed
from ..._values import is_one_of, require_flag
from ...errors import KernelError, ShapeError, SteerError
from ...kernels import per_axis, require_symmetric
from ...reps import Group
from .._engine._grid import check_size
from .._engine._layout import merge, split
from .._engine._module import Module, traced
from .._engine._sampling import Resize
from .._fields._types import FieldTensor, FieldType
from ._pool import Size, require_space, symmetric_sizes

MODES: Final[Mapping[str, tuple[str, str, str]]] = {
    "nearest": ("nearest", "nearest", "nearest"),
    "linear": ("linear", "bilinear", "trilinear"),
    "cubic": ("bicubic", "bicubic", "bicubic"),
}
"""Torch's names of the modes on a line, in the plane and in space; its cubic one is for the plane alone."""


class Upsample(Module):
    """Every channel interpolated on a finer (or coarser) grid over the same extent, for any type; `torch.nn.Upsample`.

    Exact under turns and flips of the grid: "linear" and "cubic" for all sizes (with `align_corners`, to more than one
    sample), "nearest" where the edges of the output are multiples of the input's (up to 40 times, beyond which torch
    rounds indices). Other elements see that the interpolating kernels are not round.

    The step between outputs is edge / new edge, as in torch with recompute_scale_factor=True, so that the new grid has
    the old one's centre. Torch's default agrees with that where scale_factor * edge is an integer; elsewhere it shifts
    the map.

    "linear" is bilinear in the plane, trilinear in space. "cubic" is Keys' convolution with a = -0.75, as torch has it
    in the plane; elsewhere the same kernel is applied along every axis. It is smooth but keeps only constants; "linear"
    keeps slopes away from the border. A coarser grid is not protected from aliasing; use `BlurPool`.

    Args:
        in_type: type of the input and output.
        size: edge of the output, one integer or one for each axis ([z,] y, x).
        scale_factor: times as many samples, one number or one for each axis; give this or `size`, or a size at each
            call.
        mode: "nearest", "linear" or "cubic".
        align_corners: keep the outer samples where they are, instead of the outer edges of their pixels. Not for
            "nearest".
        spacing: distances of neighbouring samples of the finer of the two grids ([z,] y, x); None where they are equal.
            One number for a factor follows it as a stride does: after a pool of stride 2 at 3 : 1 : 1, which is (1, 2,
            2), a factor of 2 with the spacing of that pool leads back. A group mixes no axes of different spacing.

    Shape:
        (batch, in_type.size, *space) -> (batch, in_type.size, *size), or floor(scale_factor n) for each size n.

    Raises:
        KernelError: the group acts on no space; both `size` and `scale_factor`; one that is not positive or
            differs between axes that the group mixes; an unknown mode, or one without corners to align.
        ShapeError: at run time, no size, or a feature map of which a scale_factor below 1 leaves nothing.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> G = steer.group("D4", dim=2)
        >>> t = nn.FieldType(G, [G.vector])
        >>> fine, coarse = torch.randn(1, 2, 33, 20), torch.randn(1, 2, 17, 10)
        >>> nn.Upsample(t, mode="linear")(coarse, size=fine.shape[2:]).shape
        torch.Size([1, 2, 33, 20])
    """

    def __init__(
        self,
        in_type: FieldType,
        size: Size | None = None,
        scale_factor: float | Iterable[float] | None = None,
        mode: str = "nearest",
        align_corners: bool = False,
        *,
        spacing: Sequence[float] | float | None = None,
    ) -> None:
        super().__init__(in_type, in_type)
        require_space(in_type.group)
        self.spacing = as_spacing(spacing, in_type.group.dim)
        align_corners = require_flag("align_corners", align_corners, KernelError)
        if not is_one_of(mode, MODES):
            raise KernelError(f"mode: expected {', '.join(map(repr, MODES))}, got {mode!r}")
        if align_corners and mode == "nearest":
            raise KernelError("align_corners: mode 'nearest' has no corners to align; leave it out, or use 'linear'")
        if size is not None and scale_factor is not None:
            raise KernelError(f"size: give one of size and scale_factor, got {size!r} and {scale_factor!r}")
        self.mode = mode
        self.align_corners = align_corners
        self.size = None if size is None else symmetric_sizes("size", size, in_type.group, 1, self.spacing)
        self.scale_factor = None if scale_factor is None else _factors(scale_factor, in_type.group, self.spacing)
        if self.size is not None or self.scale_factor is not None:
            given = zip(
                *((value or (None,) * in_type.group.dim) for value in (self.size, self.scale_factor)), strict=True
            )
            self._sample_by(Resize(size, factor, mode, align_corners) for size, factor in given)

    @overload
    def forward(self, x: torch.Tensor, *, size: Size | None = None) -> torch.Tensor: ...
    @overload
    def forward(self, x: FieldTensor, *, size: Size | None = None) -> FieldTensor: ...
    def forward(self, x: torch.Tensor | FieldTensor, *, size: Size | None = None) -> torch.Tensor | FieldTensor:
        """Apply the layer.

        Args:
            x: (batch, in_type.size, *space), a tensor or a `FieldTensor` of `in_type`.
            size: edge of the output for this call, one integer or one for each axis ([z,] y, x), in place of that or of
                the factor of the constructor; such as the ``shape[2:]`` of a map that the output is to be joined with.
                Where the map turns, the size must turn with it, as that of such a map does.

        Returns:
            (batch, in_type.size, *size), a tensor or a `FieldTensor` of `in_type`, as the input.

        Raises:
            FieldTypeError: a FieldTensor of another type.
            KernelError: a size that is no positive integer or one for each axis.
            ShapeError: a tensor of another number of channels or axes; no size, here or in the constructor.
        """
        if size is None:
            return super().forward(x)
        if isinstance(x, FieldTensor):
            self._require_field(x)
            return FieldTensor(self.forward(x.tensor, size=size), self.out_type)
        super()._check(x)
        self._require_space(x)
        traced = torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None  # sizes are symbols
        dim = self.in_type.group.dim
        given: Any = size
        each = tuple(given) if isinstance(given, Sequence) else dim * (given,)
        sizes: tuple[int, ...] = each if traced else per_axis("size", each, dim, 1)
        if self.training and not torch.compiler.is_compiling():
            check_size(self, x, tuple(Resize(n, None, self.mode, self.align_corners) for n in sizes))
        return self._resized(x, sizes)

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        if self.size is None and self.scale_factor is None:
            raise ShapeError(
                "size: this Upsample has neither size nor scale_factor; give it a size at the call, as size=(32, 32)"
            )
        self._check_space(x)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        return self._resized(x, self.size)

    def _resized(self, x: torch.Tensor, size: tuple[int, ...] | None) -> torch.Tensor:
        """The map in a size, or by the factors."""
        dim = self.in_type.group.dim
        if self.mode != "cubic" or dim == 2:
            return torch.nn.functional.interpolate(x, **self._options(0, dim, size))
        # A cubic kernel at a sample is exactly 1 there and 0 on its neighbours, so that an axis of the same size stays.
        if dim == 1:
            return torch.nn.functional.interpolate(x.unsqueeze(3), **self._options(0, 1, size, 1)).squeeze(3)
        columns = merge(x, 3)  # (batch, channels, z, y x)
        columns = torch.nn.functional.interpolate(columns, **self._options(0, 1, size, columns.shape[3]))
        planes = merge(split(columns, x.shape[3], x.shape[4], axis=3))  # (batch, channels z', y, x)
        planes = torch.nn.functional.interpolate(planes, **self._options(1, 3, size))
        return split(planes, self.in_type.size, planes.shape[1] // self.in_type.size)

    def _options(self, start: int, stop: int, size: tuple[int, ...] | None, kept: int | None = None) -> dict[str, Any]:
        """Torch's arguments for the axes [start, stop) of space and, after them, one of size `kept` that stays."""
        options: dict[str, Any] = {"mode": MODES[self.mode][self.in_type.group.dim - 1]}
        if self.mode != "nearest":
            options["align_corners"] = self.align_corners
        if size is not None:
            return options | {"size": [*size[start:stop], *([] if kept is None else [kept])]}
        assert self.scale_factor is not None, "the constructor wants one of the two"
        factors = [*self.scale_factor[start:stop], *([] if kept is None else [1.0])]
        return options | {"scale_factor": factors, "recompute_scale_factor": True}

    def _export(self) -> torch.nn.Module:
        dim = self.in_type.group.dim
        if self.mode == "cubic" and dim != 2:
            return traced(self)
        if self.size is None and self.scale_factor is None:
            raise SteerError("size: this Upsample has no size to export; give it size or scale_factor")
        options = self._options(0, dim, self.size)
        for name in ("size", "scale_factor"):
            if name in options:
                options[name] = tuple(options[name])
        return torch.nn.Upsample(**options)

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        given = {"size": self.size, "scale_factor": self.scale_factor}
        grid = "".join(f", {name}={value}" for name, value in given.items() if value is not None)
        corners = ", align_corners=True" if self.align_corners else ""
        return f"{super().extra_repr()}{grid}, mode={self.mode!r}{corners}{printed(self.spacing)}"


def _factors(value: object, group: Group, spacing: Spacing) -> tuple[float, ...]:
    """(dim,): a factor for each axis of space, equal on axes that the group mixes, or a KernelError."""
    found = value
    if _is_factor(value):
        found = tuple(_along(float(value), step) for step in spacing or group.dim * (1.0,))  # type: ignore[arg-type]
    if not isinstance(found, Sequence) or len(found) != group.dim or not all(map(_is_factor, found)):
        raise KernelError(f"scale_factor: expected a number > 0 or {group.dim} of them, got {value!r}")
    factors = tuple(map(float, found))
    require_symmetric(group, spacing=spacing, scale_factor=factors)
    return factors


def _along(factor: float, step: float) -> float:
    """One factor on an axis whose samples are `step` pixels apart: on coarser ones a whole one, nearest in length."""
    if step == 1:
        return factor
    return max(1.0, math.floor(factor / step + 0.5)) if factor >= 1 else 1 / _along(1 / factor, step)


def _is_factor(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, Real) and 0 < float(value) < math.inf
