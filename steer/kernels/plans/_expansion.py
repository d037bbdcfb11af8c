"""The linear map from all coefficients of a plan to what is read off its kernels, and its transpose."""

from collections.abc import Sequence

import numpy as np
import torch

from ..._tables import Table, admitted
from ..bases._orbit import Indices
from . import _linear_map
from ._cell import Cells, Fields
from ._reading import Reading
from ._strategy import divide
from ._tables import Order, filled, leaves
from ._tiling import Tiling


class Expansion:
    """The parts of a plan, with what they hold and where their blocks lie.

    Args:
        cells: by output and input representation.
        reading: what is read off the kernels.
        strategy: as for `compile`.
        rows: first channels of the fields of each output representation.
        columns: the same for the input.
        kept: which of all coefficients there are, the others being zero; None for all.

    Attributes:
        parts: with their cells and tiles.
        tables: what all of them hold; `expand` takes their tensors in this order.

    Raises:
        KernelError: the strategy fits nowhere.
    """

    def __init__(
        self,
        cells: Cells,
        reading: Reading,
        strategy: str,
        rows: Fields,
        columns: Fields,
        kept: Indices | None = None,
    ) -> None:
        self.parts, axes = divide(cells, reading, strategy, rows, columns)
        self._splits = [cell.num_weights for row in cells for cell in row]
        self._entries = reading.entries
        self._tiling = Tiling([placed.tile for placed in self.parts], axes)
        # where kept coefficients are among all, and all among the kept ones and a zero after them
        order = None if kept is None else Order(Table(kept), Table(_places(kept, sum(self._splits))))
        self._held = self._tiling.held, tuple(placed.part.held for placed in self.parts), order
        self.tables: tuple[Table, ...] = tuple(leaves(self._held))

    def tensors(self, dtype: torch.dtype, device: torch.device) -> tuple[torch.Tensor, ...]:
        """Those of `tables`, which all plans with the same ones share."""
        return tuple(table.tensor(dtype, device) for table in self.tables)

    def expand(self, weight: torch.Tensor, tensors: Sequence[torch.Tensor] | None) -> torch.Tensor:
        """(B, out, in, entries) of coefficients (B, num_weights); differentiable."""
        if not self.parts:  # no field is reached, and there are no coefficients, whose sum is zero
            return weight.sum(1)[:, None, None, None].expand(-1, *self._tiling.shape, self._entries)
        held = self.tensors(weight.dtype, weight.device) if tensors is None else tensors
        return _linear_map.apply(self, weight, admitted(held, weight))

    def contract(self, x: torch.Tensor, constants: Sequence[torch.Tensor], transposed: bool) -> torch.Tensor:
        """The map of coefficients (B, num_weights) to (B, out, in, entries), or its transpose."""
        orders, held, kept = filled(self._held, iter(constants))
        if not transposed:
            full = x if kept is None else torch.cat([x, x.new_zeros(x.shape[0], 1)], 1).index_select(1, kept.back)
            pieces = torch.split(full, self._splits, 1)
            blocks = [
                placed.part.expand([pieces[index] for index in placed.cells], own)
                for placed, own in zip(self.parts, held, strict=True)
            ]
            return self._tiling.join(blocks, orders, x)
        found: list[torch.Tensor | None] = [None] * len(self._splits)
        for placed, block, own in zip(self.parts, self._tiling.split(x, orders), held, strict=True):
            for index, piece in zip(placed.cells, placed.part.transpose(block, own), strict=True):
                found[index] = piece
        made = [piece for piece in found if piece is not None]
        full = made[0] if len(made) == 1 else torch.cat(made, 1)
        return full if kept is None else full.index_select(1, kept.there)


def _places(kept: Indices, count: int) -> Indices:
    found = np.full(count, len(kept), dtype=np.intp)
    found[kept] = np.arange(len(kept))
    return found
