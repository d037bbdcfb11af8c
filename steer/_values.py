"""What everything else stands on: frozen values, read-only arrays, checks of arguments, the size of a chunk."""

import dataclasses
import numbers
import os
import sys
from collections.abc import Container, Iterable, Mapping, Set
from pathlib import Path
from typing import Any, Final, TypeGuard

import numpy as np
import numpy.typing as npt

from .errors import SteerError

Array = npt.NDArray[np.float64]

MEMBERSHIP = 1e-6
"""A matrix of the library's own belongs to a group when it is closer than this (Frobenius norm) to an element."""

NEAR = 1e-4
"""A matrix that is given belongs to it when it is closer than this: products of a hundred float32 rotations do."""

NOISE = 1e-9
"""What is given and is farther than this from an element is taken to the nearest one."""

EXACT = 1e-9
"""A matrix moves the samples of a grid without interpolation when its entries are closer than this to integers."""


def outside() -> int:
    """The `stacklevel` with which `warnings.warn` names the line of the user's that led here through this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in ("steer", "torch"):
        level, frame = level + 1, frame.f_back
    return level


CHUNK: Final = 2**20
"""Bytes that are made and used up at a time, to stay in a core's cache: the pages of a new buffer, touched once, cost a
third of the time of an expansion on CPU."""


MOST_NUMBERS: Final = 2**28
"""How many numbers, 2 GiB of them, one table may hold that is asked for by a size: an order, a degree, a count."""

MOST_VALUES: Final = 2**20
"""How many irreps or groups one list may hold, and up to which frequency or degree anything is made."""


class Frozen:
    """Base of frozen dataclasses that keep `functools.cached_property` results out of pickles and copies.

    Equal by content, hashable, and picklable without what they have cached.
    """

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Frozen":
        return self

    def __copy__(self) -> "Frozen":
        return self


def frozen(array: npt.ArrayLike) -> Array:
    """A read-only float64 copy, so that cached values cannot be changed by a caller."""
    out = np.array(array, dtype=np.float64)
    out.setflags(write=False)
    return out


def torch_of(value: object) -> Any:
    """The module torch if a value is a dense tensor of it, else None: who passes a tensor has imported torch.

    Sparse and nested tensors, which few functions take, are left to `as_numbers`, which refuses them.
    """
    torch: Any = sys.modules.get("torch")
    if torch is None or not isinstance(value, torch.Tensor) or value.layout != torch.strided or value.is_nested:
        return None
    return torch


def are_known(tensor: Any) -> bool:
    """Whether the values of a tensor may be looked at: not where it is traced, batched by `vmap` or without values."""
    torch = torch_of(tensor)
    traced = torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack() or tensor.device.type == "meta"
    return not (traced or torch._C._functorch.is_functorch_wrapped_tensor(tensor))


def as_numbers(argument: str, value: Any, error: type[SteerError], what: str = "an array of numbers") -> Array:
    """`value`, an array, a nested list or a torch tensor, as an array of float64, or an error that names the argument.

    Text and complex numbers are none; tensors may be of any device and precision, and have gradients. A `Rotation` of
    SciPy is its matrices.
    """
    try:
        if hasattr(value, "as_matrix"):  # a rotation of SciPy, which need not be there
            value = value.as_matrix()
        if hasattr(value, "detach"):
            value = value.detach().cpu()
            value = value.double() if value.is_floating_point() else value
        given = np.asarray(value)
        if given.dtype.kind == "c":
            raise error(f"{argument}: expected real numbers, got {given.dtype}: {value!r}")
        if given.dtype.kind not in "biufO":
            raise TypeError(given.dtype)
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError, AttributeError) as cause:  # some are of tensors
        if isinstance(cause, SteerError):
            raise
        raise error(f"{argument}: expected {what}, got {_shown(value)}") from cause


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # some tensors cannot be printed
        return type(value).__name__


def as_tuple(argument: str, value: object, error: type[SteerError], what: str) -> tuple[Any, ...]:
    """What `value` holds, in its order, or an error that names the argument."""
    try:
        if is_listing(value):
            return tuple(value)
    except (RuntimeError, NotImplementedError) as cause:  # of tensors without rows
        raise error(f"{argument}: expected {what}, got {_shown(value)}") from cause
    raise error(f"{argument}: expected {what}, got {value!r}")


def is_listing(value: object) -> TypeGuard[Iterable[Any]]:
    """Whether a value holds others, which text and arrays without axes do not."""
    return isinstance(value, Iterable) and not isinstance(value, str | bytes) and getattr(value, "ndim", 1) != 0


def is_real(value: object) -> TypeGuard[float]:
    """Whether a value is a real number of Python or NumPy, perhaps infinite or no number; booleans are none."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)


def is_one_of(value: object, known: Container[str]) -> TypeGuard[str]:
    """Whether a value is a string that is known."""
    return isinstance(value, str) and value in known


def require_flag(argument: str, value: object, error: type[SteerError]) -> bool:
    """`value` as True or False, also of NumPy, or an error that names the argument."""
    if not isinstance(value, bool | np.bool_):
        raise error(f"{argument}: expected True or False, got {value!r}")
    return bool(value)


def require_path(argument: str, value: object, error: type[SteerError]) -> Path:
    """`value` as a path, or an error that names the argument."""
    found = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(found, str) or not found or "\0" in found:
        raise error(f"{argument}: expected a path, as a string or a pathlib.Path, got {value!r}")
    return Path(found)


def is_integer(value: object) -> TypeGuard[int]:
    """Whether a value is an integer, of Python or NumPy; booleans are none."""
    return not isinstance(value, bool) and isinstance(value, numbers.Integral)


def require_ordered(argument: str, value: object, error: type[SteerError]) -> None:
    """Raise an error that names the argument if `value`, to be a list of representations, has no order or no copies.

    Sets come in another order in each process, and dictionaries give each key once, whatever number stands behind it.
    """
    if isinstance(value, Mapping | Set):
        kind = type(value).__name__
        lost = (
            "drops the number that stands behind each" if isinstance(value, Mapping) else "has no order and no copies"
        )
        raise error(
            f"{argument}: expected a list with one representation for each field, got a {kind}, which {lost}; write "
            f"3 * [first] + 2 * [second]"
        )


def is_count(value: object, least: int) -> TypeGuard[int]:
    """Whether a value is an integer, of Python or NumPy, of at least `least` and below 2^63; booleans are none."""
    return is_integer(value) and least <= value < 2**63


def require_count(argument: str, value: object, error: type[SteerError], least: int = 0) -> int:
    """`value` as an integer of at least `least`, or an error that names the argument."""
    if not is_count(value, least):
        raise error(f"{argument}: expected an integer >= {least}, got {value!r}")
    return int(value)


def require_room(
    argument: str, what: str, count: float, advice: str, error: type[SteerError], most: int = MOST_NUMBERS
) -> None:
    """Raise an error that names the argument, before any work, if a table or list would hold more than `most`."""
    if count > most:
        size = (
            f"{count:,.0f} numbers ({8 * count / 2**30:,.0f} GiB)" if most == MOST_NUMBERS else f"{count:,.0f} of them"
        )
        raise error(f"{argument}: {what} would take {size}, and {most:,} is the most that is made; {advice}")
