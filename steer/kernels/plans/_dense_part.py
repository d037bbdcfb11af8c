"""One matmul with all kernels of a cell."""

import functools
import math
from typing import Generic, NamedTuple

import torch

from ..._tables import Table
from ..bases._basis import KernelDescriptor
from ._cell import Cell, basis_of
from ._cost import Cost, dense_cost
from ._part import Part
from ._reading import Reading
from ._tables import T


class DenseHeld(NamedTuple, Generic[T]):
    """What a dense part holds."""

    kernels: T  # (kernel, out * in * entries)


class DensePart(Part[DenseHeld[torch.Tensor]]):
    """One matmul with the whole basis of a cell: the check of the other strategies, best for tiny kernels."""

    strategy = "dense"

    def __init__(self, cells: tuple[Cell, ...], reading: Reading) -> None:
        super().__init__(cells, reading)
        (self.cell,) = cells
        self.count = len(self.cell.basis)
        self.sizes = self.cell.fields_out, self.cell.fields_in, self.cell.out_rep.size, self.cell.in_rep.size

    @property
    def cost(self) -> Cost:
        return dense_cost(self)

    def build(self) -> None:
        self.held = DenseHeld(_kernels(self.cell.basis.descriptor, self.reading))

    def expand(self, pieces: list[torch.Tensor], held: DenseHeld[torch.Tensor]) -> torch.Tensor:
        fields_out, fields_in, out, into = self.sizes
        made = pieces[0].reshape(-1, self.count) @ held.kernels
        return made.view(-1, fields_out, fields_in, out, into, self.entries).transpose(2, 3)

    def transpose(self, block: torch.Tensor, held: DenseHeld[torch.Tensor]) -> list[torch.Tensor]:
        batch = block.shape[0]
        flat = block.transpose(2, 3).reshape(batch * self.sizes[0] * self.sizes[1], held.kernels.shape[1])
        return [(flat @ held.kernels.T).view(batch, self.cell.num_weights)]


@functools.lru_cache(maxsize=128)
def _kernels(descriptor: KernelDescriptor, reading: Reading) -> Table:
    read = reading.kernels(basis_of(descriptor))
    return Table(read.reshape(len(read), math.prod(read.shape[1:])))
