"""Blocks of a matrix side by side: how the parts of a filter are brought together, and taken apart."""

from collections.abc import Sequence
from typing import Generic, NamedTuple

import numpy as np
import torch

from ..._tables import Table
from ._axis import Axis, Slot
from ._recorded import recorded
from ._tables import Order, T


class Tile(NamedTuple):
    """Where a block lies."""

    rows: Slot
    columns: Slot

    def view(self, x: torch.Tensor) -> torch.Tensor:
        """The block in x (B, rows, columns, ...), each axis as three: (runs, merged, size)."""
        return self.rows.view(self.columns.view(x, 2), 1)


class Orders(NamedTuple, Generic[T]):
    """How packed rows and columns are brought into the order of their types; None when they are in it."""

    rows: Order[T] | None
    columns: Order[T] | None


class Tiling:
    """The blocks (B, fields, size, fields, size, entries) of a matrix (B, rows, columns, entries).

    Writing each block into a view is faster than to concatenate them, but a compiler makes ten operations of each and
    its gradient, which takes seconds, and what else records operations may lose such writes: they see concatenations.

    Args:
        tiles: where each block lies in the packed matrix.
        axes: of rows and columns.
    """

    def __init__(self, tiles: Sequence[Tile], axes: tuple[Axis, Axis]) -> None:
        self.tiles = tuple(tiles)
        self.shape = axes[0].total, axes[1].total
        self.held: Orders[Table] = Orders(*(axis.order for axis in axes))
        # Whether the blocks leave nothing out, and whether the only one is the matrix.
        self.covered = sum(rows.width * columns.width for rows, columns in tiles) == self.shape[0] * self.shape[1]
        self.single = self.covered and len(tiles) == 1
        sides = [list(dict.fromkeys(tile[side] for tile in tiles)) for side in range(2)]
        self._sizes = [[slot.width for slot in side] for side in sides]
        # for each row and column of slots the number of its block, if there is one
        number = {tile: index for index, tile in enumerate(tiles)}
        self._grid = [[number.get(Tile(row, column)) for column in sides[1]] for row in sides[0]]
        found = [_stacked(side, total) for side, total in zip(sides, self.shape, strict=True)]
        self.whole = all(order is not None for order in found)  # the slots of each side are all its channels, once
        usual = [list(range(total)) for total in self.shape]
        self._stacked = [None if order == plain else order for order, plain in zip(found, usual, strict=True)]

    def join(self, blocks: Sequence[torch.Tensor], held: Orders[torch.Tensor], like: torch.Tensor) -> torch.Tensor:
        """(B, rows, columns, entries) of blocks; zero where there is none. `like` tells batch, dtype and device.

        Args:
            blocks: (B, fields, size, fields, size, entries) of each tile.
            held: `self.held`, with tensors.
            like: a tensor (B, ...).
        """
        shape = like.shape[0], *self.shape, blocks[0].shape[-1]
        if self.single:
            found = blocks[0].reshape(shape)
        elif recorded():
            found = self._concatenated(blocks, like) if self.whole else self._gathered(blocks, like)
        else:
            found = like.new_empty(shape) if self.covered else like.new_zeros(shape)
            for tile, block in zip(self.tiles, blocks, strict=True):
                view = tile.view(found)
                view.copy_(block.reshape(view.shape))
        for dim, order in enumerate(held, 1):
            found = found if order is None else found.index_select(dim, order.there)
        return found

    def _concatenated(self, blocks: Sequence[torch.Tensor], like: torch.Tensor) -> torch.Tensor:
        bands = []
        for numbers, height in zip(self._grid, self._sizes[0], strict=True):
            parts = []
            for number, width in zip(numbers, self._sizes[1], strict=True):
                shape = like.shape[0], height, width, blocks[0].shape[-1]
                parts.append(like.new_zeros(shape) if number is None else blocks[number].reshape(shape))
            bands.append(parts[0] if len(parts) == 1 else torch.cat(parts, 2))
        found = bands[0] if len(bands) == 1 else torch.cat(bands, 1)
        for dim, order in enumerate(self._stacked, 1):
            if order is not None:
                found = found.index_select(dim, torch.tensor(order, device=found.device))
        return found

    def _gathered(self, blocks: Sequence[torch.Tensor], like: torch.Tensor) -> torch.Tensor:
        """The same where rows or columns of two blocks overlap: each entry is looked up in its block."""
        batch, entries = like.shape[0], blocks[0].shape[-1]
        where = [rows.channels[:, None] * self.shape[1] + columns.channels for rows, columns in self.tiles]
        flat = [block.reshape(batch, -1, entries) for block in blocks]
        total = sum(places.size for places in where)
        source = np.full(self.shape, total).ravel()  # zero where there is no block
        source[np.concatenate([places.ravel() for places in where])] = np.arange(total)
        every = torch.cat([*flat, like.new_zeros(batch, 1, entries)], 1)
        index = torch.tensor(source.tolist(), device=like.device)
        return every.index_select(1, index).reshape(batch, *self.shape, entries)

    def split(self, x: torch.Tensor, held: Orders[torch.Tensor]) -> list[torch.Tensor]:
        """The blocks of x (B, rows, columns, entries), as `join` takes them; views where they can be."""
        for dim, order in enumerate(held, 1):
            x = x if order is None else x.index_select(dim, order.back)
        found = []
        for tile in self.tiles:
            view = tile.view(x)
            sides = (tile.rows.fields, tile.rows.size, tile.columns.fields, tile.columns.size)
            found.append(view.reshape(view.shape[0], *sides, view.shape[-1]))
        return found


def _stacked(slots: Sequence[Slot], total: int) -> list[int] | None:
    """For each channel where it stands in slots, one after the other; None when they are not all channels once."""
    channels = np.concatenate([np.zeros(0, dtype=np.intp), *(slot.channels for slot in slots)])
    order = np.argsort(channels)
    return order.tolist() if np.array_equal(channels[order], np.arange(total)) else None
