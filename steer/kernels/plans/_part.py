"""The parts of a plan: linear maps from the coefficients of some cells to a block of what is read off the kernels."""

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import torch

from ._cell import Cell
from ._cost import Cost
from ._reading import Reading

H = TypeVar("H")
"""What a part holds, with tensors."""


class Part(ABC, Generic[H]):
    """A linear map from the coefficients of some cells to a block of the filter, and its transpose.

    Both take a batch of B coefficient vectors or filters. A block has the axes (B, fields, size, fields, size, entry):
    for output and input the number of fields and their size, then the entries that are read: those of a filter, or
    scalar functions.

    Attributes:
        held: a NamedTuple, with a `Table` for each tensor; known when the part is built.
    """

    strategy: str

    def __init__(self, cells: tuple[Cell, ...], reading: Reading) -> None:
        self.cells, self.reading = cells, reading
        # What `expand` reads are plain attributes: torch.compile cannot trace a cached property that is not filled.
        self.entries = reading.entries
        self.held: Any = ()

    @property
    @abstractmethod
    def cost(self) -> Cost:
        """The cost of one expansion; known without building anything."""

    @abstractmethod
    def build(self) -> None:
        """Make what is `held`."""

    @abstractmethod
    def expand(self, pieces: list[torch.Tensor], held: H) -> torch.Tensor:
        """The block of coefficients (B, num_weights) of each cell; what is `held`, with tensors."""

    @abstractmethod
    def transpose(self, block: torch.Tensor, held: H) -> list[torch.Tensor]:
        """The transpose of `expand`: coefficients (B, num_weights) for each cell of a block."""

    @property
    def size(self) -> int:
        """Number of numbers in the block."""
        rows = {cell.out_rep: cell.shape[0] for cell in self.cells}
        columns = {cell.in_rep: cell.shape[1] for cell in self.cells}
        return sum(rows.values()) * sum(columns.values()) * self.entries
