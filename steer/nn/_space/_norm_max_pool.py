"""Pooling over space that keeps whole fields: the longest in each window."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch

from ..._spacing import as_spacing, printed
from ..._values import require_flag
from ...errors import KernelError
from .._engine._layout import FieldLayout
from .._engine._module import Module
from .._fields._types import FieldType
from ._pool import Size, axes_of, window_sizes

_LARGEST: Final[Mapping[int, Callable[..., Any]]] = {
    1: torch.nn.functional.max_pool1d,
    2: torch.nn.functional.max_pool2d,
    3: torch.nn.functional.max_pool3d,
}


class NormMaxPool(Module):
    """Maximum over windows of space by the norm: each field keeps its value where that is largest, for any type.

    Windows, shapes and exactness as for `MaxPool`. Fields are orthogonal, so the norm does not depend on the basis, and
    the value moves as the input does. The gradient flows to the position that was chosen.

    Where several positions of a window have the largest norm, the first of them in the order of the tensor is chosen.
    The layer jumps there, and commutes with the group only if the fields at those positions are equal, as they are in
    flat regions. They differ where the window lies on a mirror of the pattern, such as the middle of a line, and
    round-off chooses one of the sides.

    Args:
        in_type: type of the input and output.
        kernel_size: edge of the window, one integer or one for each axis ([z,] y, x).
        stride: step between windows, kernel_size when None.
        padding: samples added on every side, which are never chosen.
        dilation: step between the elements of a window.
        ceil_mode: keep windows that reach over the edge (which fit only on one side).
        spacing: distances of neighbouring samples of the input, as for `AvgPool`.

    Shape:
        (batch, in_type.size, *space) -> (batch, in_type.size, *smaller), each size n becoming floor((n + 2 padding -
        dilation (kernel_size - 1) - 1) / stride) + 1.

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
        dilation: Size = 1,
        ceil_mode: bool = False,
        *,
        spacing: Sequence[float] | float | None = None,
    ) -> None:
        super().__init__(in_type, in_type)
        window = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation}
        self.spacing = as_spacing(spacing, in_type.group.dim)
        self.window = window_sizes(in_type.group, window, self.spacing)
        self.ceil_mode = require_flag("ceil_mode", ceil_mode, KernelError)
        self._sample_by(axes_of(self.window, ceil_mode=self.ceil_mode))
        self.layout = FieldLayout(in_type)

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        self._check_space(x)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        options: dict[str, Any] = {**self.window, "ceil_mode": self.ceil_mode, "return_indices": True}
        _, index = _LARGEST[self.in_type.group.dim](self.layout.squares(x.detach()), **options)
        places = self.layout.values(index)
        chosen = [self._chosen(*pair) for pair in zip(self.layout.fibres(x), places, strict=True)]
        return self.layout.joined_channels(chosen)

    def _chosen(self, fibres: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """(batch, repeats, n, size, *smaller space): the fibres (..., *space) at places of the flattened space."""
        # a tracer's shapes cannot be iterated over
        shape = [(fibres if axis < 4 else places).shape[axis] for axis in range(4 + self.in_type.group.dim)]
        index = places.flatten(4).expand(-1, -1, -1, fibres.shape[3], -1)
        return fibres.flatten(4).gather(4, index).reshape(shape)

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        window = ", ".join(f"{name}={value}" for name, value in self.window.items())
        return f"{super().extra_repr()}, {window}, ceil_mode={self.ceil_mode}{printed(self.spacing)}"
