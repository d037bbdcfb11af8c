"""Indices of a field (batch, fields, *space): which axes they are for, and which fields they select."""

from collections.abc import Sequence
from typing import Any

import torch

from ..._values import is_count, is_integer
from ...errors import FieldTypeError, ShapeError


def full_index(index: object, dim: int) -> list[object]:
    """One index for each of the first axes of a field of `dim` axes, with `...` written out.

    Raises:
        ShapeError: more indices than axes, a new axis, or two `...`.
    """
    items = list(index) if isinstance(index, tuple) else [index]
    dots = [place for place, item in enumerate(items) if item is Ellipsis]
    if len(dots) > 1 or any(item is None for item in items):
        raise ShapeError(
            f"index: a field is indexed by [batch, fields, *space] with at most one '...' and no new axis, "
            f"got {index!r}"
        )
    if len(items) - len(dots) > dim:
        raise ShapeError(f"index: got {len(items) - len(dots)} indices of a field with the {dim} axes of its tensor")
    if dots:
        items[dots[0] : dots[0] + 1] = (dim + 1 - len(items)) * [slice(None)]
    return items


def named_axes(index: object) -> int:
    """How many axes an index names, for a field of which only that many are known, while torch.fx traces.

    Raises:
        ShapeError: it counts axes from the last.
    """
    items = index if isinstance(index, tuple) else (index,)
    if any(item is Ellipsis for item in items[:-1]):
        raise ShapeError("index: while torch.fx traces the number of axes is not known; write ':' for each, not '...'")
    return len(items) - (items[-1:] == (Ellipsis,))


def kept(item: object, axis: int) -> slice | torch.Tensor:
    """The index of an axis other than that of the fields, which must keep the axis.

    Raises:
        ShapeError: it is no slice and no 1-d tensor.
    """
    if isinstance(item, slice) or (isinstance(item, torch.Tensor) and item.dim() == 1):
        return item
    name = "the batch" if axis == 0 else f"axis {axis}, of space,"
    raise ShapeError(
        f"index: a field keeps all axes, so {name} takes a slice or a 1-d tensor, got {item!r}; write i:i+1 for one "
        f"entry, or index f.tensor"
    )


def selected(item: object, count: int, kind: object) -> list[int]:
    """The numbers, from 0, of the fields that an index selects out of `count` of the type `kind`.

    Raises:
        FieldTypeError: it is of another kind, or selects none.
        IndexError: there is no such field.
    """
    if isinstance(item, slice):
        found = list(range(count)[item])
    else:
        fields: list[Any] = item if isinstance(item, list) else [item]
        if not all(is_integer(field) for field in fields):
            raise FieldTypeError(
                f"index: fields are selected by an integer, a slice or a list of integers, got {item!r}; "
                f"index f.tensor for single channels"
            )
        beyond = [field for field in fields if not -count <= field < count]
        if beyond:
            raise IndexError(f"index: there is no field {beyond[0]} in {kind}, which has {count}")
        found = [int(field) % count for field in fields]
    if not found:
        raise FieldTypeError(f"index: {item!r} selects none of the {count} fields of {kind}")
    return found


def neighbours(fields: Sequence[int]) -> list[tuple[int, int]]:
    """(first, last + 1) of each run of consecutive numbers."""
    runs: list[tuple[int, int]] = []
    for field in fields:
        if runs and runs[-1][1] == field:
            runs[-1] = (runs[-1][0], field + 1)
        else:
            runs.append((field, field + 1))
    return runs


def part_sizes(sizes: object, count: int, kind: object) -> list[int]:
    """The number of fields of each part of `count`.

    Raises:
        FieldTypeError: neither one number nor numbers with the sum `count`.
    """
    if is_count(sizes, 1):
        return [min(sizes, count - start) for start in range(0, count, sizes)]
    if not isinstance(sizes, Sequence) or not all(is_count(size, 1) for size in sizes) or sum(sizes) != count:
        raise FieldTypeError(
            f"sizes: expected a number of fields, or numbers of fields with the sum {count}, for {kind}, got {sizes!r}"
        )
    return [int(size) for size in sizes]
