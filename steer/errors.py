"""Exceptions and warnings. Every error a user can cause is a `SteerError`, which is a `ValueError`.

A message names the argument, says what it got and what would do.
"""

import difflib
from collections.abc import Iterable

__all__ = [
    "BasisWarning",
    "CacheError",
    "CheckpointError",
    "FieldTypeError",
    "GridWarning",
    "GroupError",
    "KernelError",
    "RepresentationError",
    "ShapeError",
    "SteerError",
    "SteerWarning",
    "UnreachedWarning",
]


class SteerError(ValueError):
    """The base class of all errors that `steer` raises for bad input; a `ValueError`."""


class GroupError(SteerError):
    """An unknown group, a matrix outside a group, or a subgroup that is none."""


class RepresentationError(SteerError):
    """An unknown irrep label, a band limit a group does not have, or a representation that does not fit."""


class FieldTypeError(SteerError):
    """Field types that do not fit each other or the layer they are given to."""


class ShapeError(SteerError):
    """A tensor of the wrong rank, channel count or dtype, or numbers that are not finite."""


class KernelError(SteerError):
    """A kernel space that is empty, or sampling parameters that break its symmetry."""


class CacheError(SteerError):
    """A cache directory, a bound or a pack of kernel bases that cannot be used."""


class CheckpointError(SteerError):
    """Weights that were trained in another kernel basis."""


class SteerWarning(UserWarning):
    """The base class of all warnings of `steer`; a `UserWarning`."""


class GridWarning(SteerWarning):
    """A layer whose stride loses an exact symmetry of the grid on maps of the size that it has met."""


class BasisWarning(SteerWarning):
    """Kernels that are not quite what was asked for: rings outside of the kernel, an identity that is blurred."""


class UnreachedWarning(SteerWarning):
    """Fields that stay zero, because no kernel or map leads to them."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A sentence for an error message: the known names closest to `word`, else the first dozen of them."""
    names = list(known)
    lower = {name.lower(): name for name in names}  # 'c8' is nearer to 'C8' than to 'D8'
    close = [lower[name] for name in difflib.get_close_matches(word.lower(), lower, n=3, cutoff=0.4)]
    if close:
        return "did you mean " + " or ".join(repr(name) for name in close) + "?"
    shown = ", ".join(repr(name) for name in names[:12])
    return f"known are {shown}" + (", ..." if len(names) > 12 else ".")


def __dir__() -> list[str]:
    return sorted(__all__)
