"""The part between representations that are not induced: coefficients in irreps, then the scalar functions."""

import functools
import math
from typing import Generic, NamedTuple, cast

import numpy as np
import torch

from ..._tables import Table
from ..._values import Array
from ...reps import Irrep, harmonic_size
from ..bases._angular import AngularFunctions, Block
from ..bases._basis import KernelDescriptor
from ._axis import Axis
from ._cell import Cell, basis_of
from ._cost import Cost, block_cost
from ._part import Part
from ._reading import Reading
from ._tables import T
from ._tiling import Orders, Tile, Tiling


class CellHeld(NamedTuple, Generic[T]):
    """What the coefficients of one cell are multiplied with."""

    pairs: tuple[tuple[T | None, ...], ...]  # (kernel, out * in * function) by output and input irrep
    turns: tuple[T | None, T | None]  # the changes of basis of output and input, None for the identity


class BlockHeld(NamedTuple, Generic[T]):
    """What a block part holds."""

    samples: T | None  # (function, entries); None for the identity
    orders: Orders[T]
    cells: tuple[CellHeld[T], ...]


class BlockPart(Part[BlockHeld[torch.Tensor]]):
    """Coefficients x Clebsch-Gordan tensors x scalar functions, the last of which all cells share.

    A filter is C @ Y, with Y (function, m) the sampled functions and C (out, in, function) a small tensor, the
    `spectrum`. A pair of irreps fills its entries of C by one matmul with the tensors of Wigner and Eckart, for all
    fields at once; one more matmul, with Y, writes the filter. Functions of degrees that no cell uses are left out.
    """

    strategy = "block"

    tiling: Tiling

    def __init__(self, cells: tuple[Cell, ...], reading: Reading) -> None:
        super().__init__(cells, reading)
        self.functions = cast(AngularFunctions, cells[0].basis.descriptor.functions)
        self.degrees = tuple(sorted({element.degree for cell in cells for element in cell.basis.elements}))
        dim = cells[0].in_rep.group.dim
        self.count = sum(harmonic_size(dim, degree) for _, degree in self.functions.blocks if degree in self.degrees)
        self.blocks = [CellBlock(cell, self.degrees, self.count) for cell in cells]

    def arrange(self, rows: Axis, columns: Axis) -> None:
        """Set where the fields of each representation lie in the block."""
        self.tiling = Tiling(
            [Tile(rows.slots[block.cell.out_rep], columns.slots[block.cell.in_rep]) for block in self.blocks],
            (rows, columns),
        )

    @property
    def cost(self) -> Cost:
        return block_cost(self)

    def build(self) -> None:
        samples = _samples(self.degrees, self.reading)
        self.held = BlockHeld(samples, self.tiling.held, tuple(block.build() for block in self.blocks))

    def expand(self, pieces: list[torch.Tensor], held: BlockHeld[torch.Tensor]) -> torch.Tensor:
        found = self.spectrum(pieces, held)
        rows, columns = self.tiling.shape
        made = found if held.samples is None else found.reshape(-1, self.count) @ held.samples
        return made.view(-1, rows, 1, columns, 1, self.entries)

    def spectrum(self, pieces: list[torch.Tensor], held: BlockHeld[torch.Tensor]) -> torch.Tensor:
        """C (B, out, in, function), of the functions of the degrees that are used."""
        cells = zip(self.blocks, pieces, held.cells, strict=True)
        return self.tiling.join([block.expand(piece, own) for block, piece, own in cells], held.orders, pieces[0])

    def transpose(self, block: torch.Tensor, held: BlockHeld[torch.Tensor]) -> list[torch.Tensor]:
        found = block.reshape(-1, self.entries)
        found = found if held.samples is None else found @ held.samples.T
        found = found.view(block.shape[0], *self.tiling.shape, self.count)
        cells = zip(self.blocks, self.tiling.split(found, held.orders), held.cells, strict=True)
        return [each.transpose(part, own) for each, part, own in cells]


class CellBlock:
    """The entries of C of one cell: (B, output fields, out, input fields, in, function)."""

    def __init__(self, cell: Cell, degrees: tuple[int, ...], count: int) -> None:
        self.cell, self.degrees, self.count = cell, degrees, count
        self.block = cast(Block, cell.basis.form)
        self.fields = cell.fields_out, cell.fields_in
        self.sizes = cell.out_rep.size, cell.in_rep.size
        self.outs = [(psi.size, len(where)) for psi, where in cell.out_rep.decomposition.copies]
        self.ins = [(psi.size, len(where)) for psi, where in cell.in_rep.decomposition.copies]
        self.pairs = [
            [self._kernels(a, b) for a, _ in cell.in_rep.decomposition.copies]
            for b, _ in cell.out_rep.decomposition.copies
        ]
        turns = [rep.decomposition.isotypic_basis for rep in (cell.out_rep, cell.in_rep)]
        self.turned = [not np.array_equal(turn, np.eye(len(turn))) for turn in turns]

    def _kernels(self, a: Irrep, b: Irrep) -> int:
        """Number of kernels from irrep a to irrep b."""
        return sum(len(self.block.solution[a, b, degree].labels) for _, degree in self.block.functions.blocks)

    @property
    def size(self) -> int:
        """Number of entries of C."""
        return math.prod(self.fields) * math.prod(self.sizes) * self.count

    @property
    def tables_of(self) -> dict[tuple[Irrep, Irrep], int]:
        """Size of the tensors of each pair of irreps."""
        ends = self.cell.in_rep.decomposition.copies, self.cell.out_rep.decomposition.copies
        return {
            (a, b): self.pairs[i][j] * a.size * b.size * self.count
            for i, (b, _) in enumerate(ends[1])
            for j, (a, _) in enumerate(ends[0])
        }

    def build(self) -> CellHeld[Table]:
        """The tensors of all pairs that have kernels, and the changes of basis."""
        descriptor = self.cell.basis.descriptor
        pairs = tuple(
            tuple(_tensors(descriptor, i, j, self.degrees) if count else None for j, count in enumerate(row))
            for i, row in enumerate(self.pairs)
        )
        turns = [_turn(descriptor, side) if self.turned[side] else None for side in (0, 1)]
        return CellHeld(pairs, (turns[0], turns[1]))

    def expand(self, weight: torch.Tensor, held: CellHeld[torch.Tensor]) -> torch.Tensor:
        """C of coefficients (B, num_weights)."""
        weights = weight.reshape(-1, *self.fields, len(self.cell.basis))
        bands, start = [], 0
        for (b, rows), tensors in zip(self.outs, held.pairs, strict=True):
            blocks = []
            for (a, columns), tensor in zip(self.ins, tensors, strict=True):
                shape = (*weights.shape[:3], rows, columns)
                if tensor is not None:
                    used = rows * columns * tensor.shape[0]
                    made = weights[..., start : start + used].reshape(*shape, tensor.shape[0]) @ tensor
                    start += used
                else:
                    made = weights.new_zeros((*shape, b * a * self.count))
                made = made.view(*shape, b, a, self.count).permute(0, 1, 3, 5, 2, 4, 6, 7)
                blocks.append(made.reshape(-1, self.fields[0], rows * b, self.fields[1], columns * a, self.count))
            bands.append(blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=4))
        found = bands[0] if len(bands) == 1 else torch.cat(bands, dim=2)
        left, right = held.turns
        found = found if left is None else torch.einsum("pi,zuivjb->zupvjb", left, found)
        return found if right is None else torch.einsum("qj,zupvjb->zupvqb", right, found)

    def transpose(self, found: torch.Tensor, held: CellHeld[torch.Tensor]) -> torch.Tensor:
        """The transpose of `expand`."""
        left, right = held.turns
        found = found if right is None else torch.einsum("qj,zupvqb->zupvjb", right, found)
        found = found if left is None else torch.einsum("pi,zupvjb->zuivjb", left, found)
        pieces = []
        bands = torch.split(found, [b * rows for b, rows in self.outs], 2)
        for (b, rows), tensors, band in zip(self.outs, held.pairs, bands, strict=True):
            blocks = torch.split(band, [a * columns for a, columns in self.ins], 4)
            for (a, columns), tensor, block in zip(self.ins, tensors, blocks, strict=True):
                if tensor is None:
                    continue
                split = block.reshape(-1, self.fields[0], rows, b, self.fields[1], columns, a, self.count)
                flat = split.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(-1, b * a * self.count)
                made = flat @ tensor.T
                pieces.append(made.view(-1, *self.fields, rows * columns * tensor.shape[0]))
        if not pieces:
            return found.new_zeros((found.shape[0], 0))
        weights = pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim=3)
        return weights.reshape(-1, self.cell.num_weights)


@functools.lru_cache(maxsize=64)
def _samples(degrees: tuple[int, ...], reading: Reading) -> Table | None:
    """(function, entries): what is read off the functions of some degrees; None for the identity."""
    functions = cast(AngularFunctions, reading.functions)
    read = reading.plain()
    used = read[_of_degrees(functions, degrees, reading.dim)]
    return None if np.array_equal(used, np.eye(len(read))) else Table(used)


@functools.lru_cache(maxsize=512)
def _tensors(descriptor: KernelDescriptor, row: int, column: int, degrees: tuple[int, ...]) -> Table:
    """(n, out * in * function): the kernels between two of the distinct irreps of a cell."""
    block = cast(Block, basis_of(descriptor).form)
    (b, _), (a, _) = block.out_rep.decomposition.copies[row], block.in_rep.decomposition.copies[column]
    pair = block.pair(a, b)[..., _of_degrees(block.functions, degrees, a.group.dim)]
    return Table(pair.reshape(len(pair), -1))


@functools.lru_cache(maxsize=128)
def _turn(descriptor: KernelDescriptor, side: int) -> Table:
    return Table((descriptor.out_rep, descriptor.in_rep)[side].decomposition.isotypic_basis)


def _of_degrees(functions: AngularFunctions, degrees: tuple[int, ...], dim: int) -> Array:
    """Which of the functions are of one of the degrees."""
    return np.concatenate([np.full(harmonic_size(dim, degree), degree in degrees) for _, degree in functions.blocks])
