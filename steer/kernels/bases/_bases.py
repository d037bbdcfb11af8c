"""Kernel bases by name: the scalar functions that a layer of a given kernel size makes its kernels of."""

from ...errors import KernelError, nearest
from ._derivative import FiniteDifferences, carried_order
from ._functions import ScalarFunctions
from ._grid import Grid
from ._interpolated import Interpolated
from ._pixel import Pixels
from ._radial import Rings

BASES = ("rings", "pixel", "interpolated", "derivative")


def functions_for(basis: str | ScalarFunctions, grid: Grid, max_frequency: int | None = None) -> ScalarFunctions:
    """The scalar functions of the basis called `basis` on a grid; a value of `ScalarFunctions` is returned as it is.

    Raises:
        KernelError: no basis has that name, or the basis takes no `max_frequency`.
    """
    if isinstance(basis, ScalarFunctions):
        if max_frequency is not None:
            raise KernelError(f"max_frequency: got {max_frequency} beside basis={basis!r}, which says it; pass one")
        return basis
    if basis not in BASES:
        raise KernelError(f"basis: {nearest(str(basis), BASES)} Got {basis!r}")
    if basis == "pixel":
        if max_frequency is not None:
            raise KernelError(f"max_frequency: pixels have no harmonics to cap, got {max_frequency}; leave it out")
        return Pixels(grid)
    if basis in ("interpolated", "derivative") and grid.lattice != "square":
        raise KernelError(f"basis: {basis!r} needs the square lattice, got {grid!r}; use basis='rings'")
    if basis == "interpolated":
        if max_frequency is not None:
            raise KernelError(f"max_frequency: splines have no harmonics to cap, got {max_frequency}; leave it out")
        return Interpolated(grid.shape)
    if basis == "derivative":
        return FiniteDifferences(grid.shape, carried_order(grid.shape, max_frequency))
    return Rings.for_kernel(grid.shape, max_frequency)
