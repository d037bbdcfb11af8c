"""Steerable kernel bases, compiled into plans that turn coefficients into filters, and their cache."""

from . import cache
from ._basis import KernelBasis, KernelDescriptor, kernel_basis
from ._constraint import constraint_residual
from ._derivative import FiniteDifferences, GaussianDerivatives
from ._functions import Element, ScalarFunctions
from ._grid import Grid
from ._interpolated import Interpolated
from ._pixel import Pixels
from ._plan import KernelPlan, compile  # noqa: A004 - steer.kernels.compile is the public name
from ._radial import Rings

__all__ = [
    "Element",
    "FiniteDifferences",
    "GaussianDerivatives",
    "Grid",
    "Interpolated",
    "KernelBasis",
    "KernelDescriptor",
    "KernelPlan",
    "Pixels",
    "Rings",
    "ScalarFunctions",
    "cache",
    "compile",
    "constraint_residual",
    "kernel_basis",
]
