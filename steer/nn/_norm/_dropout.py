"""Dropout of whole fields."""

import torch

from .._engine._arguments import require_probability
from .._engine._layout import FieldLayout
from .._engine._module import Module
from .._fields._types import FieldType


class Dropout(Module):
    """Dropout of whole fields: zero each of each sample with probability p, and scale the others by 1 / (1 - p).

    A field is dropped at all positions at once; dropping single components would not be equivariant. The identity in
    evaluation mode. For trivial fields it is `torch.nn.Dropout2d`.

    Args:
        in_type: type of the input and output.
        p: probability of a field to be dropped.
        inplace: write the result into the input.

    Shape:
        (batch, in_type.size, ...) -> the same.

    Raises:
        SteerError: p is not between 0 and 1.
    """

    def __init__(self, in_type: FieldType, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__(in_type, in_type)
        self.p = require_probability("p", p)
        self.inplace = inplace
        self.layout = FieldLayout(in_type)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.p == 0:
            return x
        fields = torch.nn.functional.dropout(x.new_ones(x.shape[0], len(self.in_type)), self.p)
        mask = self.layout.spread(fields).reshape(*x.shape[:2], *(x.dim() - 2) * [1])
        return x.mul_(mask) if self.inplace else x * mask

    def _export(self) -> torch.nn.Module:
        return torch.nn.Identity()

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        return f"{super().extra_repr()}, p={self.p}, inplace={self.inplace}"
