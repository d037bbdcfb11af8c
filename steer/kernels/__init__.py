"""Steerable kernel bases, compiled into plans that turn coefficients into filters, and their cache."""

from typing import TYPE_CHECKING, Any

from .._names import missing
from . import cache
from ._spec import KernelSpec
from .bases._aliasing import aliasing
from .bases._angular import AngularFunctions
from .bases._bases import functions_for
from .bases._basis import KernelBasis, KernelDescriptor, kernel_basis
from .bases._constraint import constraint_residual
from .bases._derivative import FiniteDifferences, GaussianDerivatives
from .bases._functions import Aliasing, Element, ScalarFunctions
from .bases._grid import Grid, per_axis, require_symmetric
from .bases._interpolated import Interpolated
from .bases._least_aliasing import LeastAliasing
from .bases._pixel import Pixels
from .bases._radial import Rings
from .bases._selection import Selection

if TYPE_CHECKING:
    from .plans._plan import KernelPlan, compile  # noqa: A004 - steer.kernels.compile is the public name
    from .plans._project import Projection

__all__ = [
    "Aliasing",
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
    "LeastAliasing",
    "Pixels",
    "Projection",
    "Rings",
    "ScalarFunctions",
    "Selection",
    "aliasing",
    "cache",
    "compile",
    "constraint_residual",
    "functions_for",
    "kernel_basis",
    "per_axis",
    "require_symmetric",
]


def __getattr__(name: str) -> Any:
    # PEP 562: plans need torch, and processes that only solve start faster without.
    if name in ("KernelPlan", "Projection", "compile"):
        from .plans import _plan

        return getattr(_plan, name)
    raise missing(f"module {__name__!r}", name, __all__)


def __dir__() -> list[str]:
    return sorted(__all__)
