"""The cells of a plan: all fields of an input and an output representation, which share their kernels."""

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..._values import Array, frozen
from ...reps import Representation
from ..bases._angular import Block
from ..bases._basis import KernelBasis, KernelDescriptor, kernel_basis
from ..bases._functions import ScalarFunctions
from ..bases._grid import Grid
from ..bases._orbit import Indices
from ..bases._selection import SelectedForm, Selection

Fields = dict[Representation, list[int]]
"""First channels of the fields of each representation."""


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

    @property
    def is_block(self) -> bool:
        """Whether each kernel leads to one irrep of the output, as kernels do that do not move along cosets."""
        form = self.basis.form
        return isinstance(form.whole if isinstance(form, SelectedForm) else form, Block)

    @functools.cached_property
    def irrep_of(self) -> npt.NDArray[np.intp]:
        """(len,): to which of the distinct irreps of the output each kernel leads."""
        part_of = np.zeros(len(self.out_rep.irreps), dtype=np.intp)
        for index, (_, where) in enumerate(self.out_rep.decomposition.copies):
            part_of[list(where)] = index
        return part_of[[element.out_part for element in self.basis.elements]]


Cells = tuple[tuple[Cell, ...], ...]
"""Cells by output and input representation."""


def cells_of(rows: Fields, columns: Fields, functions: ScalarFunctions) -> Cells:
    """The cells of the fields of each output and input representation."""
    return tuple(
        tuple(Cell(kernel_basis(a, b, radial=functions), len(to), len(at)) for a, at in columns.items())
        for b, to in rows.items()
    )


class Whole(NamedTuple):
    """What a plan expands: cells with all kernels of some functions, and which coefficients there are; None for all."""

    cells: Cells
    functions: ScalarFunctions
    kept: Indices | None


def whole(cells: Cells, rows: Fields, columns: Fields, functions: ScalarFunctions) -> Whole:
    """Where only some kernels of the functions are kept, cells with all of them; those with none stay empty."""
    if not isinstance(functions, Selection):
        return Whole(cells, functions, None)
    full, kept, start = [], [np.zeros(0, dtype=np.intp)], 0
    for some, every in zip(cells, cells_of(rows, columns, functions.functions), strict=True):
        row = tuple(own if not len(own.basis) else complete for own, complete in zip(some, every, strict=True))
        for own, complete in zip(some, row, strict=True):
            form, count = own.basis.form, len(complete.basis)
            places = form.kept if isinstance(form, SelectedForm) else np.arange(count)
            pairs = np.arange(own.fields_out * own.fields_in)
            kept.append(np.add.outer(start + count * pairs, places).ravel())
            start += complete.num_weights
        full.append(row)
    return Whole(tuple(full), functions.functions, np.concatenate(kept))


@functools.lru_cache(maxsize=512)
def _energies(descriptor: KernelDescriptor, grid: Grid) -> Array:
    return frozen(basis_of(descriptor).form.energies(grid.points))


def basis_of(descriptor: KernelDescriptor) -> KernelBasis:
    """The basis of a descriptor, from memory if it is there."""
    return kernel_basis(descriptor.in_rep, descriptor.out_rep, radial=descriptor.functions, form=descriptor.form)
