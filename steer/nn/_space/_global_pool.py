"""From feature maps to features without positions."""

import torch

from ...errors import ShapeError
from .._engine._module import Module
from .._fields._types import FieldType


class GlobalAvgPool(Module):
    """The mean of each channel over all of space, for any type.

    Exactly equivariant under symmetries of the grid; under other rotations as far as the feature map vanishes towards
    the corners. Works on feature maps and on point sets (batch, in_type.size, n).

    Args:
        in_type: type of the input and output.

    Shape:
        (batch, in_type.size, *space) -> (batch, in_type.size).

    Raises:
        ShapeError: at run time, an input without an axis of space, or without samples on it.
    """

    def __init__(self, in_type: FieldType) -> None:
        super().__init__(in_type, in_type)

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        if x.dim() < 3 or 0 in x.shape[2:]:
            raise ShapeError(
                f"x: GlobalAvgPool expects (batch, {self.in_type.size}, *space) with an axis of space and a sample, "
                f"got {tuple(x.shape)}"
            )

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(2).mean(2)

    def _export(self) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Flatten(2), torch.nn.AdaptiveAvgPool1d(1), torch.nn.Flatten(1))
