"""Where the fields lie among the channels: reductions over each field and its inverse, without a loop over fields."""

from collections.abc import Callable

import numpy as np
import torch

from ._constants import Constants
from ._field_type import FieldType


def split(x: torch.Tensor, fields: int, size: int, axis: int = 1) -> torch.Tensor:
    """(batch, fields, size, ...): a view of x (batch, fields * size, ...); or the same of another axis than 1."""
    out: torch.Tensor = x.unflatten(axis, (fields, size))  # type: ignore[no-untyped-call]
    return out


class FieldLayout(Constants):
    """Fields of one size are handled by one operation, after a gather of the channels when sizes are interleaved.

    Works for tensors (batch, channels, ...) of any rank, and under `torch.fx` tracing.
    """

    channels: torch.Tensor
    position: torch.Tensor
    field_of_channel: torch.Tensor

    def __init__(self, in_type: FieldType) -> None:
        super().__init__()
        sizes = np.array([rep.size for rep in in_type])
        starts = np.array(in_type.offsets[:-1])
        distinct = list(dict.fromkeys(sizes.tolist()))
        order = np.concatenate([np.flatnonzero(sizes == size) for size in distinct])  # fields, grouped by size
        self.blocks = [(int(np.sum(sizes == size)), size) for size in distinct]
        self.uniform = len(distinct) == 1
        self.grouped = bool(np.all(order == np.arange(len(order))))
        if not self.grouped:
            self.add_constant("channels", np.concatenate([starts[f] + np.arange(sizes[f]) for f in order]))
            self.add_constant("position", np.argsort(order))
        if not self.uniform:
            self.add_constant("field_of_channel", in_type.field_of_channel)

    def reduce(self, x: torch.Tensor, function: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """(batch, fields, ...) from x (batch, channels, ...).

        `function` is given fields of one size, (batch, n, size, ...), and returns (batch, n, ...).
        """
        if self.uniform:
            return function(split(x, *self.blocks[0]))
        if not self.grouped:
            x = x.index_select(1, self.channels)
        # one split, whose backward is one cat: that of a slice fills a tensor of the size of x
        parts = torch.split(x, [count * size for count, size in self.blocks], 1)
        pairs = [(parts[index], *block) for index, block in enumerate(self.blocks)]
        out = torch.cat([function(split(*pair)) for pair in pairs], 1)
        return out if self.grouped else out.index_select(1, self.position)

    def squares(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, fields, ...): squared norm of each field; of half-precision fields in float32."""
        # float16 would overflow beyond 256; a tracer's stand-in has no dtype to look at
        if isinstance(x, torch.Tensor) and x.dtype in (torch.float16, torch.bfloat16):
            x = x.float()
        # torch.linalg.vector_norm over an inner axis is 20 times slower on CPU
        return self.reduce(x, lambda block: block.square().sum(2))

    def scale(self, x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        """X (batch, channels, ...) times one factor (batch, fields, ...) for each field."""
        if self.uniform:
            return (split(x, *self.blocks[0]) * factor.unsqueeze(2)).flatten(1, 2)
        return x * self.spread(factor)

    def spread(self, values: torch.Tensor) -> torch.Tensor:
        """(batch, channels, ...) from one value (batch, fields, ...) for each field."""
        if self.uniform:
            return values.repeat_interleave(self.blocks[0][1], 1)
        return values.index_select(1, self.field_of_channel)
