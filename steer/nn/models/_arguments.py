"""Checks of what all models and blocks are given."""

from collections.abc import Sequence
from typing import Final

from ..._values import is_count, is_one_of, require_count
from ...errors import FieldTypeError, SteerError
from .._fields._types import FieldType, require_types

WIDTHS: Final = ("parameters", "channels")


def require_type(model: str, **types: FieldType) -> None:
    """Refuse what is no type of a plane or space.

    Raises:
        FieldTypeError: names the argument.
    """
    require_types(model, **types)
    for name, value in types.items():
        if value.group.dim not in (2, 3):
            raise FieldTypeError(f"{name}: {model} needs a group of the plane or of space, got {value.group!r}")


def require(name: str, channels: Sequence[int], *, num_classes: int = 1, kernel_size: int, width: str) -> None:
    """Refuse arguments that every model checks alike.

    Raises:
        SteerError: names the first that is wrong.
    """
    if not isinstance(channels, Sequence) or not channels or not all(is_count(count, 1) for count in channels):
        raise SteerError(f"{name}: expected the channels of each stage, such as (16, 32, 64), got {channels!r}")
    require_count("num_classes", num_classes, SteerError, 1)
    require_odd(kernel_size)
    if not is_one_of(width, WIDTHS):
        raise SteerError(f"width: expected {' or '.join(map(repr, WIDTHS))}, got {width!r}")


def require_odd(kernel_size: object) -> None:
    """Refuse a kernel that would not keep the size of space.

    Raises:
        SteerError: no odd integer.
    """
    if not is_count(kernel_size, 1) or not kernel_size % 2:
        raise SteerError(f"kernel_size: expected an odd integer, got {kernel_size!r}")
