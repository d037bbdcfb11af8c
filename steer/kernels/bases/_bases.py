"""Kernel bases by name: the scalar functions that a layer of a given kernel size makes its kernels of."""

from ...errors import KernelError, nearest
from ._derivative import FiniteDifferences
from ._functions import ScalarFunctions, require_value
from ._grid import Grid
from ._interpolated import Interpolated
from ._least_aliasing import LeastAliasing
from ._pixel import Pixels
from ._radial import Rings

BASES: dict[str, type[ScalarFunctions]] = {
    "rings": Rings,
    "least_aliasing": LeastAliasing,
    "pixel": Pixels,
    "interpolated": Interpolated,
    "derivative": FiniteDifferences,
}
"""What `basis=` calls by name. The class says with `for_grid` which functions of its kind a grid gets."""


def functions_for(basis: str | ScalarFunctions, grid: Grid, max_frequency: int | None = None) -> ScalarFunctions:
    """The scalar functions of the basis called `basis` on a grid: what a layer makes its kernels of.

    Args:
        basis: "rings", "least_aliasing", "pixel", "interpolated" or "derivative"; a value of `ScalarFunctions` is
            returned as it is.
        grid: where filters are sampled.
        max_frequency: cap on the degree of the harmonics; by default what the grid carries.

    Returns:
        The functions.

    Raises:
        KernelError: no basis has that name, it is a class and no value, it takes no `max_frequency`, or it does not
            fit the grid.

    Example:
        >>> import steer
        >>> steer.kernels.functions_for("derivative", steer.kernels.Grid((3, 3)))
        FiniteDifferences(shape=(3, 3), max_order=2)
    """
    if not isinstance(grid, Grid):
        raise KernelError(f"grid: expected a steer.kernels.Grid, such as Grid((5, 5)), got {grid!r}")
    if isinstance(basis, ScalarFunctions):
        require_value(basis)
        if max_frequency is not None:
            raise KernelError(f"max_frequency: got {max_frequency} beside basis={basis!r}, which says it; pass one")
        return basis
    given: object = basis
    if isinstance(given, type) and issubclass(given, ScalarFunctions):
        raise KernelError(
            f"basis: expected a value of scalar functions, got the class {given.__name__}; pass {given.__name__}(...), "
            f"or what its for_grid returns"
        )
    if not isinstance(basis, str) or basis not in BASES:
        raise KernelError(f"basis: {nearest(str(basis), tuple(BASES))} Got {basis!r}")
    return BASES[basis].for_grid(grid, max_frequency)
