"""The part between representations that are not induced: coefficients in irreps, then the scalar functions."""

import functools
import math
from typing import cast

import numpy as np
import torch

from ..._values import Array
from ...reps import Irrep, harmonic_size
from ..bases._angular import AngularFunctions, Block
from ..bases._basis import KernelDescriptor
from ..bases._grid import Grid
from ._axis import Axis
from ._part import FLOAT, Cell, Cost, Part, basis_of, place, take
from ._tables import Tables
from ._tiling import Tiling


class BlockPart(Part):
    """Coefficients x Clebsch-Gordan tensors x scalar functions, the last of which all cells share.

    A filter is C @ Y, with Y (function, m) the sampled functions and C (out, in, function) a small tensor. A pair of
    irreps fills its entries of C by one matmul with the tensors of Wigner and Eckart, for all fields at once; one more
    matmul, with Y, writes the filter. Functions of degrees that no cell uses are left out.
    """

    strategy = "block"

    rows: Axis
    columns: Axis

    def __init__(self, cells: tuple[Cell, ...], grid: Grid) -> None:
        super().__init__(cells, grid)
        self.radial = cast(AngularFunctions, cells[0].basis.descriptor.radial)
        degrees = sorted({element.degree for cell in cells for element in cell.basis.elements})
        self.degrees = tuple(degrees)
        dim = cells[0].in_rep.group.dim
        self.count = sum(harmonic_size(dim, degree) for _, degree in self.radial.blocks if degree in self.degrees)
        self.blocks = [CellBlock(cell, self.degrees, self.count) for cell in cells]

    def arrange(self, axes: tuple[Axis, Axis]) -> None:
        """Set where the fields of each representation lie in the block, from the axes of the filter."""
        rows, columns = axes[0].inner, axes[1].inner
        assert rows, "representations that are not induced are joined"
        assert columns, "on both sides"
        self.rows, self.columns = rows, columns
        self.tiles = [(rows.slots[block.cell.out_rep], columns.slots[block.cell.in_rep]) for block in self.blocks]
        self.tiling = Tiling(self.tiles, (rows.total, columns.total))

    @property
    def cost(self) -> Cost:
        coefficients = self.entries // self.points * self.count
        samples = self.count * self.points
        tables = {key: size for block in self.blocks for key, size in block.tables_of.items()}
        held = sum(tables.values()) + samples
        return Cost(
            macs=sum(block.macs for block in self.blocks) + coefficients * self.points,
            gathers=0,
            traffic=FLOAT * (held + sum(block.traffic for block in self.blocks) + 2 * coefficients + self.entries),
            constants=FLOAT * held,
            peak=FLOAT * (coefficients + max(block.entries for block in self.blocks)),
            calls=2 + sum(block.calls for block in self.blocks),
        )

    def build(self) -> None:
        orders = tuple(axis.order for axis in (self.rows, self.columns) if axis.order is not None)
        for block in self.blocks:
            block.build()
        self.tables = (
            _samples(self.radial, self.degrees, self.grid),
            *orders,
            *(table for block in self.blocks for table in block.tables),
        )

    def expand(self, pieces: list[torch.Tensor], constants: list[torch.Tensor]) -> torch.Tensor:
        batch, held = pieces[0].shape[0], list(constants)
        samples, orders = held.pop(0), self._orders(held)
        shape = batch, self.rows.total, self.columns.total, self.count
        made = []
        for block, piece in zip(self.blocks, pieces, strict=True):
            made.append(block.expand(piece, held[: block.held]))
            held = held[block.held :]
        covered = sum(block.entries for block in self.blocks) == math.prod(shape[1:])
        if covered and len(made) == 1:
            found = made[0].reshape(shape)
        elif torch.compiler.is_compiling() and self.tiling.whole:
            found = self.tiling.join(dict(zip(self.tiles, made, strict=True)), pieces[0], self.count)
        else:
            found = pieces[0].new_empty(shape) if covered else pieces[0].new_zeros(shape)
            for tile, part in zip(self.tiles, made, strict=True):
                place(found, *tile, part)
        for axis, order in enumerate(orders):
            found = found if order is None else found.index_select(axis + 1, order[0])
        filters = found.reshape(-1, self.count) @ samples
        return filters.view(batch, self.rows.total, 1, self.columns.total, 1, self.points)

    def transpose(self, block: torch.Tensor, constants: list[torch.Tensor]) -> list[torch.Tensor]:
        batch, held = block.shape[0], list(constants)
        samples, orders = held.pop(0), self._orders(held)
        found = block.reshape(-1, self.points) @ samples.T
        found = found.view(batch, self.rows.total, self.columns.total, self.count)
        for axis, order in enumerate(orders):
            found = found if order is None else found.index_select(axis + 1, order[1])
        pieces = []
        for each, tile in zip(self.blocks, self.tiles, strict=True):
            part = take(found, *tile)
            pieces.append(each.transpose(part, held[: each.held]))
            held = held[each.held :]
        return pieces

    def _orders(self, held: list[torch.Tensor]) -> list[tuple[torch.Tensor, torch.Tensor] | None]:
        """The order of each side and its inverse, taken from the front of `held`."""
        return [None if axis.order is None else (held.pop(0), held.pop(0)) for axis in (self.rows, self.columns)]


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
        self.held = sum(self.turned) + sum(bool(count) for row in self.pairs for count in row)
        self.tables: tuple[Tables, ...] = ()

    def _kernels(self, a: Irrep, b: Irrep) -> int:
        """Number of kernels from irrep a to irrep b."""
        return sum(len(self.block.solution[a, b, degree].labels) for _, degree in self.block.radial.blocks)

    @property
    def entries(self) -> int:
        """Number of entries."""
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

    @property
    def macs(self) -> int:
        """Multiply-adds."""
        sizes = list(self.tables_of.values())
        copies = [rows * columns for _, rows in self.outs for _, columns in self.ins]
        solved = math.prod(self.fields) * sum(size * copy for size, copy in zip(sizes, copies, strict=True))
        return solved + self.entries * sum(size for size, turned in zip(self.sizes, self.turned, strict=True) if turned)

    @property
    def traffic(self) -> int:
        """Floats read and written."""
        return self.cell.num_weights + self.entries * (
            3 + 2 * (len(self.outs) * len(self.ins) > 1) + 2 * sum(self.turned)
        )

    @property
    def calls(self) -> int:
        """Operations of torch."""
        return 4 * len(self.outs) * len(self.ins) + 2 * sum(self.turned)

    def build(self) -> None:
        """Make `tables`: the tensors of all pairs that have kernels, then the changes of basis."""
        descriptor = self.cell.basis.descriptor
        pairs = (
            _tensors(descriptor, i, j, self.degrees)
            for i, row in enumerate(self.pairs)
            for j, count in enumerate(row)
            if count
        )
        turns = (_turn(descriptor, side) for side in (0, 1) if self.turned[side])
        self.tables = (*pairs, *turns)

    def expand(self, weight: torch.Tensor, constants: list[torch.Tensor]) -> torch.Tensor:
        """C of coefficients (B, num_weights)."""
        weights = weight.reshape(-1, *self.fields, len(self.cell.basis))
        bands, start, held = [], 0, list(constants)
        for (b, rows), counts in zip(self.outs, self.pairs, strict=True):
            blocks = []
            for (a, columns), count in zip(self.ins, counts, strict=True):
                shape = (*weights.shape[:3], rows, columns)
                if count:
                    used = rows * columns * count
                    made = weights[..., start : start + used].reshape(*shape, count) @ held.pop(0)
                    start += used
                else:
                    made = weights.new_zeros((*shape, b * a * self.count))
                made = made.view(*shape, b, a, self.count).permute(0, 1, 3, 5, 2, 4, 6, 7)
                blocks.append(made.reshape(-1, self.fields[0], rows * b, self.fields[1], columns * a, self.count))
            bands.append(blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=4))
        found = bands[0] if len(bands) == 1 else torch.cat(bands, dim=2)
        if self.turned[0]:
            found = torch.einsum("pi,zuivjb->zupvjb", held.pop(0), found)
        if self.turned[1]:
            found = torch.einsum("qj,zupvjb->zupvqb", held.pop(0), found)
        return found

    def transpose(self, found: torch.Tensor, constants: list[torch.Tensor]) -> torch.Tensor:
        """The transpose of `expand`."""
        held = list(constants)
        if self.turned[1]:
            found = torch.einsum("qj,zupvqb->zupvjb", held.pop(), found)
        if self.turned[0]:
            found = torch.einsum("pi,zupvjb->zuivjb", held.pop(), found)
        pieces = []
        bands = torch.split(found, [b * rows for b, rows in self.outs], 2)
        for (b, rows), counts, band in zip(self.outs, self.pairs, bands, strict=True):
            blocks = torch.split(band, [a * columns for a, columns in self.ins], 4)
            for (a, columns), count, block in zip(self.ins, counts, blocks, strict=True):
                if not count:
                    continue
                split = block.reshape(-1, self.fields[0], rows, b, self.fields[1], columns, a, self.count)
                flat = split.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(-1, b * a * self.count)
                made = flat @ held.pop(0).T
                pieces.append(made.view(-1, *self.fields, rows * columns * count))
        if not pieces:
            return found.new_zeros((found.shape[0], 0))
        weights = pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim=3)
        return weights.reshape(-1, self.cell.num_weights)


@functools.lru_cache(maxsize=64)
def _samples(radial: AngularFunctions, degrees: tuple[int, ...], grid: Grid) -> Tables:
    """(function, entries): the functions of some degrees on a grid."""
    return Tables(grid.embed(radial.sample(grid.points))[_of_degrees(radial, degrees, len(grid.shape))])


@functools.lru_cache(maxsize=512)
def _tensors(descriptor: KernelDescriptor, row: int, column: int, degrees: tuple[int, ...]) -> Tables:
    """(n, out * in * function): the kernels between two of the distinct irreps of a cell."""
    block = cast(Block, basis_of(descriptor).form)
    (b, _), (a, _) = block.out_rep.decomposition.copies[row], block.in_rep.decomposition.copies[column]
    pair = block.pair(a, b)[..., _of_degrees(block.radial, degrees, a.group.dim)]
    return Tables(pair.reshape(len(pair), -1))


@functools.lru_cache(maxsize=128)
def _turn(descriptor: KernelDescriptor, side: int) -> Tables:
    return Tables((descriptor.out_rep, descriptor.in_rep)[side].decomposition.isotypic_basis)


def _of_degrees(radial: AngularFunctions, degrees: tuple[int, ...], dim: int) -> Array:
    """Which of the functions are of one of the degrees."""
    return np.concatenate([np.full(harmonic_size(dim, degree), degree in degrees) for _, degree in radial.blocks])
