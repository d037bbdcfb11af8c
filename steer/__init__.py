"""Steerable convolution kernels for compact groups: networks for images whose labels do not depend on orientation."""

from typing import TYPE_CHECKING, Any

from . import errors, reps
from ._names import missing
from ._version import __version__
from .reps import group

if TYPE_CHECKING:
    from . import kernels, nn, plot, testing
    from ._precompute import precompute
    from .nn import export, project
    from .testing import audit


__all__ = [
    "__version__",
    "audit",
    "errors",
    "export",
    "group",
    "kernels",
    "nn",
    "plot",
    "precompute",
    "project",
    "reps",
    "testing",
]


def __getattr__(name: str) -> Any:
    # PEP 562: torch is imported when kernels or networks are first used, not by `import steer`.
    import importlib

    if name in ("kernels", "nn", "plot", "testing"):
        return importlib.import_module(f".{name}", __name__)
    if name in ("export", "project"):
        return getattr(importlib.import_module(".nn", __name__), name)
    if name == "audit":
        return importlib.import_module(".testing", __name__).audit
    if name == "precompute":
        return importlib.import_module("._precompute", __name__).precompute
    raise missing(f"module {__name__!r}", name, __all__)


def __dir__() -> list[str]:
    return sorted(__all__)
