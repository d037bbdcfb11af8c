"""The cells of a plan: all fields of an input and an output representation, which share their kernels."""

import functools
from dataclasses import dataclass

import numpy as np

from ..._values import Array, frozen
from ...reps import Representation
from ..bases._basis import KernelBasis, KernelDescriptor, kernel_basis
from ..bases._grid import Grid


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
    return kernel_basis(descriptor.in_rep, descriptor.out_rep, radial=descriptor.functions, form=descriptor.form)
