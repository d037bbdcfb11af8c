"""The parts of a kernel plan: what each expands, what it costs, and where its block lies in the filter."""

import functools
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import torch

from ..._values import Array, frozen
from ...reps import Representation
from ..bases._basis import KernelBasis, KernelDescriptor, kernel_basis
from ..bases._grid import Grid
from ._axis import Slot
from ._tables import Tables

MACS, GATHERS, BYTES, CALLS = 4e10, 2.5e9, 2e10, 2e5
"""Multiply-adds, gathered entries, bytes and operations in a second: of two cores, to compare strategies with. They are
fixed, so that every machine makes the same plan."""

FLOAT, INDEX = 4, 8
"""Bytes of a float32 and of an index."""


CHUNK: Final = 2**20
"""Bytes that are made and used up at a time, to stay in a core's cache: the pages of a new buffer, touched once, cost a
third of the time of an expansion on CPU."""


class Cost(NamedTuple):
    """What one expansion costs, for float32."""

    macs: int  # multiply-adds
    gathers: int  # entries picked one by one
    traffic: int  # bytes read and written, the filter included
    constants: int  # bytes held
    peak: int  # bytes of temporaries, beside coefficients and filter
    calls: int  # operations of torch

    @property
    def seconds(self) -> float:
        """Estimated time, to compare strategies with."""
        return self.macs / MACS + self.gathers / GATHERS + self.traffic / BYTES + self.calls / CALLS


@dataclass(frozen=True, eq=False)
class Cell:
    """All fields of an input and an output representation; coefficients ordered (output field, input field, kernel)."""

    basis: KernelBasis
    fields_out: int
    fields_in: int

    @functools.cached_property
    def num_weights(self) -> int:
        """Number of coefficients."""
        return self.fields_out * self.fields_in * len(self.basis)

    @property
    def in_rep(self) -> Representation:
        """The representation of the input fields."""
        return self.basis.in_rep

    @property
    def out_rep(self) -> Representation:
        """The representation of the output fields."""
        return self.basis.out_rep

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of the filter."""
        return self.fields_out * self.out_rep.size, self.fields_in * self.in_rep.size

    def energy(self, grid: Grid) -> float:
        """Sum over inputs, points and basis kernels of the squared filter, averaged over the output components."""
        return self.fields_in * float(np.sum(self.energies(grid))) / self.out_rep.size

    def energies(self, grid: Grid) -> Array:
        """`Form.energies` of one output and one input field."""
        return _energies(self.basis.descriptor, grid)


@functools.lru_cache(maxsize=512)
def _energies(descriptor: KernelDescriptor, grid: Grid) -> Array:
    return frozen(basis_of(descriptor).form.energies(grid.points))


def basis_of(descriptor: KernelDescriptor) -> KernelBasis:
    """The basis of a descriptor, from memory if it is there."""
    return kernel_basis(descriptor.in_rep, descriptor.out_rep, radial=descriptor.radial, form=descriptor.form)


class Part(ABC):
    """A linear map from the coefficients of some cells to a block of the filter, and its transpose.

    Both take a batch of B coefficient vectors or filters. A block has the axes (B, fields, size, fields, size, m): for
    output and input the number of fields and their size, then the entries of the kernel.
    """

    strategy: str

    def __init__(self, cells: tuple[Cell, ...], grid: Grid) -> None:
        self.cells, self.grid = cells, grid
        self.points = math.prod(grid.shape)
        # What `expand` reads is a plain attribute: torch.compile cannot trace a cached property that is not filled.
        self.tables: tuple[Tables, ...] = ()

    @property
    @abstractmethod
    def cost(self) -> Cost:
        """The cost of one expansion; known without building anything."""

    @abstractmethod
    def build(self) -> None:
        """Make `tables`."""

    @abstractmethod
    def expand(self, pieces: list[torch.Tensor], constants: list[torch.Tensor]) -> torch.Tensor:
        """The block of coefficients (B, num_weights) of each cell; `constants` are the tensors of `tables`."""

    @abstractmethod
    def transpose(self, block: torch.Tensor, constants: list[torch.Tensor]) -> list[torch.Tensor]:
        """The transpose of `expand`: coefficients (B, num_weights) for each cell of a block."""

    @property
    def entries(self) -> int:
        """Number of entries of the block."""
        rows = {cell.out_rep: cell.shape[0] for cell in self.cells}
        columns = {cell.in_rep: cell.shape[1] for cell in self.cells}
        return sum(rows.values()) * sum(columns.values()) * self.points


class DensePart(Part):
    """One matmul with the whole sampled basis of a cell: the check of the other strategies, best for tiny kernels."""

    strategy = "dense"

    def __init__(self, cells: tuple[Cell, ...], grid: Grid) -> None:
        super().__init__(cells, grid)
        (self.cell,) = cells
        self.count = len(self.cell.basis)
        self.sizes = self.cell.fields_out, self.cell.fields_in, self.cell.out_rep.size, self.cell.in_rep.size

    @property
    def cost(self) -> Cost:
        held = self.count * self.sizes[2] * self.sizes[3] * self.points
        return Cost(
            macs=self.sizes[0] * self.sizes[1] * held,
            gathers=0,
            traffic=FLOAT * (self.cell.num_weights + held + 3 * self.entries),
            constants=FLOAT * held,
            peak=FLOAT * self.entries,
            calls=4,
        )

    def build(self) -> None:
        self.tables = (_sampled(self.cell.basis.descriptor, self.grid),)

    def expand(self, pieces: list[torch.Tensor], constants: list[torch.Tensor]) -> torch.Tensor:
        fields_out, fields_in, out, into = self.sizes
        made = pieces[0].reshape(-1, self.count) @ constants[0]
        return made.view(-1, fields_out, fields_in, out, into, self.points).transpose(2, 3)

    def transpose(self, block: torch.Tensor, constants: list[torch.Tensor]) -> list[torch.Tensor]:
        batch = block.shape[0]
        flat = block.transpose(2, 3).reshape(batch * self.sizes[0] * self.sizes[1], constants[0].shape[1])
        return [(flat @ constants[0].T).view(batch, self.cell.num_weights)]


@functools.lru_cache(maxsize=128)
def _sampled(descriptor: KernelDescriptor, grid: Grid) -> Tables:
    sampled = grid.embed(basis_of(descriptor).sample(grid.points))
    return Tables(sampled.reshape(len(sampled), math.prod(sampled.shape[1:])))


def place(target: torch.Tensor, rows: Slot, columns: Slot, block: torch.Tensor) -> None:
    """Write a block (B, fields, size, fields, size, m) to its slots of a filter (B, out, in, m)."""
    view = rows.view(columns.view(target, 2), 1)
    view.copy_(block.reshape(view.shape))


def take(source: torch.Tensor, rows: Slot, columns: Slot) -> torch.Tensor:
    """The block (B, fields, size, fields, size, m) in the slots of a filter (B, out, in, m); a view if it can be."""
    view = rows.view(columns.view(source, 2), 1)
    batch, fields_out, fields_in = view.shape[0], rows.runs * rows.merged, columns.runs * columns.merged
    return view.reshape(batch, fields_out, rows.size, fields_in, columns.size, view.shape[-1])
