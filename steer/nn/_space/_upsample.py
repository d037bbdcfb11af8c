"""Interpolation of feature maps on a finer grid."""

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, Final

import torch

from ..._values import is_one_of, require_flag
from ...errors import KernelError
from ...kernels import require_symmetric
from ...reps import Group
from .._engine._layout import merge, split
from .._engine._module import Module, traced
from .._engine._sampling import Resize
from .._fields._types import FieldType
from ._pool import Size, require_space, symmetric_sizes

MODES: Final[Mapping[str, tuple[str, str]]] = {
    "nearest": ("nearest", "nearest"),
    "linear": ("bilinear", "trilinear"),
    "cubic": ("bicubic", "bicubic"),
}
"""Torch's names of the modes in the plane and in space, where it has no cubic one."""


class Upsample(Module):
    """Every channel interpolated on a finer (or coarser) grid over the same extent, for any type; `torch.nn.Upsample`.

    Exact under turns and flips of the grid: "linear" and "cubic" for all sizes (with `align_corners`, to more than one
    sample), "nearest" where the edges of the output are multiples of the input's (up to 40 times, beyond which torch
    rounds indices). Other elements see that the interpolating kernels are not round.

    The step between outputs is edge / new edge, as in torch with recompute_scale_factor=True, so that the new grid has
    the old one's centre. Torch's default agrees with that where scale_factor * edge is an integer; elsewhere it shifts
    the map.

    "linear" is bilinear or trilinear. "cubic" is Keys' convolution with a = -0.75, as torch has it in the plane; in
    space the same kernel is applied along every axis. It is smooth but keeps only constants; "linear" keeps slopes
    away from the border. A coarser grid is not protected from aliasing; use `BlurPool`.

    Args:
        in_type: type of the input and output.
        size: edge of the output, one integer or one for each axis ([z,] y, x).
        scale_factor: times as many samples, one number or one for each axis; give this or `size`.
        mode: "nearest", "linear" or "cubic".
        align_corners: keep the outer samples where they are, instead of the outer edges of their pixels. Not for
            "nearest".

    Shape:
        (batch, in_type.size, *space) -> (batch, in_type.size, *size), or floor(scale_factor n) for each size n.

    Raises:
        KernelError: the group acts on no plane or space; not one of `size` and `scale_factor`; one that is not
            positive or differs between axes that the group mixes; an unknown mode, or one without corners to align.
        ShapeError: at run time, a feature map of which a scale_factor below 1 leaves nothing.
    """

    def __init__(
        self,
        in_type: FieldType,
        size: Size | None = None,
        scale_factor: float | Iterable[float] | None = None,
        mode: str = "nearest",
        align_corners: bool = False,
    ) -> None:
        super().__init__(in_type, in_type)
        align_corners = require_flag("align_corners", align_corners, KernelError)
        if not is_one_of(mode, MODES):
            raise KernelError(f"mode: expected {', '.join(map(repr, MODES))}, got {mode!r}")
        if align_corners and mode == "nearest":
            raise KernelError("align_corners: mode 'nearest' has no corners to align; leave it out, or use 'linear'")
        if (size is None) == (scale_factor is None):
            raise KernelError(f"size: give one of size and scale_factor, got {size!r} and {scale_factor!r}")
        self.mode = mode
        self.align_corners = align_corners
        self.size = None if size is None else symmetric_sizes("size", size, in_type.group, 1)
        self.scale_factor = None if scale_factor is None else _factors(scale_factor, in_type.group)
        given = zip(*((value or (None,) * in_type.group.dim) for value in (self.size, self.scale_factor)), strict=True)
        self._sample_by(Resize(size, factor, mode, align_corners) for size, factor in given)

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        self._check_space(x)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        dim = self.in_type.group.dim
        if self.mode != "cubic" or dim == 2:
            return torch.nn.functional.interpolate(x, **self._options(0, dim))
        # A cubic kernel at a sample is exactly 1 there and 0 on its neighbours, so that an axis of the same size stays.
        columns = merge(x, 3)  # (batch, channels, z, y x)
        columns = torch.nn.functional.interpolate(columns, **self._options(0, 1, columns.shape[3]))
        planes = merge(split(columns, x.shape[3], x.shape[4], axis=3))  # (batch, channels z', y, x)
        planes = torch.nn.functional.interpolate(planes, **self._options(1, 3))
        return split(planes, self.in_type.size, planes.shape[1] // self.in_type.size)

    def _options(self, start: int, stop: int, kept: int | None = None) -> dict[str, Any]:
        """Torch's arguments for the axes [start, stop) of space and, after them, one of size `kept` that stays."""
        options: dict[str, Any] = {"mode": MODES[self.mode][self.in_type.group.dim - 2]}
        if self.mode != "nearest":
            options["align_corners"] = self.align_corners
        if self.size is not None:
            return options | {"size": [*self.size[start:stop], *([] if kept is None else [kept])]}
        assert self.scale_factor is not None, "the constructor wants one of the two"
        factors = [*self.scale_factor[start:stop], *([] if kept is None else [1.0])]
        return options | {"scale_factor": factors, "recompute_scale_factor": True}

    def _export(self) -> torch.nn.Module:
        dim = self.in_type.group.dim
        if self.mode == "cubic" and dim == 3:
            return traced(self)
        options = self._options(0, dim)
        for name in ("size", "scale_factor"):
            if name in options:
                options[name] = tuple(options[name])
        return torch.nn.Upsample(**options)

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        grid = f"scale_factor={self.scale_factor}" if self.size is None else f"size={self.size}"
        corners = ", align_corners=True" if self.align_corners else ""
        return f"{super().extra_repr()}, {grid}, mode={self.mode!r}{corners}"


def _factors(value: object, group: Group) -> tuple[float, ...]:
    """(dim,): a factor for each axis of space, equal on axes that the group mixes, or a KernelError."""
    require_space(group)
    found = (value,) * group.dim if isinstance(value, Real) else value
    if not isinstance(found, Sequence) or len(found) != group.dim or not all(map(_is_factor, found)):
        raise KernelError(f"scale_factor: expected a number > 0 or {group.dim} of them, got {value!r}")
    factors = tuple(map(float, found))
    require_symmetric(group, scale_factor=factors)
    return factors


def _is_factor(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, Real) and 0 < float(value) < math.inf
