"""Blocks of a filter side by side, for compilers."""

from collections.abc import Iterable, Mapping

import numpy as np
import torch

from ._axis import Slot

Slots = tuple[Slot, Slot]
"""Of the rows and the columns of a block."""


class Tiling:
    """Joins blocks by concatenation where `place` writes each into views of the filter.

    Writing is faster, but a compiler makes ten operations of each block and its gradient, which takes seconds.

    Args:
        blocks: where each block lies.
        total: number of rows and of columns.
    """

    def __init__(self, blocks: Iterable[Slots], total: tuple[int, int]) -> None:
        ends = list(zip(*blocks, strict=True)) or [(), ()]
        self.sides = [list(dict.fromkeys(slots)) for slots in ends]
        self.orders: list[list[int] | None] = []
        self.whole = True  # whether the slots of each side are all its channels, once
        for slots, count in zip(self.sides, total, strict=True):
            stacked = np.concatenate([slot.channels for slot in slots]) if slots else np.zeros(0, dtype=np.intp)
            order = np.argsort(stacked)
            self.whole &= np.array_equal(stacked[order], np.arange(count))
            self.orders.append(None if np.array_equal(order, np.arange(count)) else [int(place) for place in order])

    def join(self, blocks: Mapping[Slots, torch.Tensor], like: torch.Tensor, entries: int) -> torch.Tensor:
        """(B, rows, columns, entries) of blocks (B, fields, size, fields, size, entries); zero where there is none."""
        bands = []
        for row in self.sides[0]:
            parts = []
            for column in self.sides[1]:
                shape = (len(like), row.width, column.width, entries)
                part = blocks.get((row, column))
                parts.append(like.new_zeros(shape) if part is None else part.reshape(shape))
            bands.append(parts[0] if len(parts) == 1 else torch.cat(parts, 2))
        found = bands[0] if len(bands) == 1 else torch.cat(bands, 1)
        for dim, order in enumerate(self.orders, 1):
            if order is not None:
                found = found.index_select(dim, torch.tensor(order, device=found.device))
        return found
