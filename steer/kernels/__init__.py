"""Steerable kernel bases, compiled into plans that turn coefficients into filters, and their cache."""

from typing import TYPE_CHECKING, Any

from . import cache
from ._basis import KernelBasis, KernelDescriptor, kernel_basis
from ._constraint import constraint_residual
from ._derivative import FiniteDifferences, GaussianDerivatives
from ._functions import AngularFunctions, Element, ScalarFunctions
from ._grid import Grid
from ._interpolated import Interpolated
from ._pixel import Pixels
from ._radial import Rings
from ._spec import KernelSpec

if TYPE_CHECKING:
    from ._plan import KernelPlan, compile  # noqa: A004 - steer.kernels.compile is the public name

__all__ = [
    "AngularFunctions",
    "Element",
    "FiniteDifferences",
    "GaussianDerivatives",
    "Grid",
    "Interpolated",
    "KernelBasis",
    "KernelDescriptor",
    "KernelPlan",
    "KernelSpec",
    "Pixels",
    "Rings",
    "ScalarFunctions",
    "cache",
    "compile",
    "constraint_residual",
    "kernel_basis",
]


def __getattr__(name: str) -> Any:
    # PEP 562: plans need torch, and processes that only solve start faster without.
    if name in ("KernelPlan", "compile"):
        from . import _plan

        return getattr(_plan, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
