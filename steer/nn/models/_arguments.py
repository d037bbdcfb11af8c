"""Checks of what all models and blocks are given."""

from collections.abc import Sequence
from typing import Any, Final

from ..._spacing import Spacing
from ..._values import is_count, is_integer, is_one_of, require_count
from ...errors import FieldTypeError, SteerError
from .._engine._spaced import kernel_sizes
from .._fields._types import FieldType, require_types

WIDTHS: Final = ("parameters", "channels")


def require_type(model: str, **types: FieldType) -> None:
    """Refuse what is no type of a line, plane or space.

    Raises:
        FieldTypeError: names the argument.
    """
    require_types(model, **types)
    for name, value in types.items():
        if value.group.dim not in (1, 2, 3):
            raise FieldTypeError(
                f"{name}: {model} needs a group that acts on a line, the plane or space, got {value.group!r}"
            )


def require(name: str, channels: Sequence[int], *, num_classes: int = 1, width: str) -> None:
    """Refuse arguments that every model checks alike.

    Raises:
        SteerError: names the first that is wrong.
    """
    if not isinstance(channels, Sequence) or not channels or not all(is_count(count, 1) for count in channels):
        raise SteerError(f"{name}: expected the channels of each stage, such as (16, 32, 64), got {channels!r}")
    require_count("num_classes", num_classes, SteerError, 1)
    if not is_one_of(width, WIDTHS):
        raise SteerError(f"width: expected {' or '.join(map(repr, WIDTHS))}, got {width!r}")


def odd_sizes(kernel_size: Any, dim: int, spacing: Spacing = None) -> tuple[int, ...]:
    """The kernel sizes ([z,] y, x) of an argument, which keep the size of space; one number follows the spacing.

    Raises:
        SteerError: an even number.
        KernelError: no number, nor one for each axis.
    """
    sizes = kernel_sizes(kernel_size, dim, spacing)
    if not all(size % 2 for size in sizes):
        what = "an odd integer" if is_integer(kernel_size) else "odd integers"
        raise SteerError(f"kernel_size: expected {what}, got {kernel_size!r}")
    return sizes
