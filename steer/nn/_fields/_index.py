"""Indices of a field (batch, fields, *space): which axes they are for, and which fields they select."""

from collections.abc import Sequence

import numpy as np
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
        ShapeError: it is no slice, list of integers or booleans, or 1-d tensor or array of them.
    """
    if isinstance(item, slice) or (isinstance(item, torch.Tensor) and item.dim() == 1):
        return item
    if isinstance(item, np.ndarray) and item.ndim == 1 and item.dtype.kind in "iub":
        return torch.as_tensor(item)
    if isinstance(item, list) and all(is_integer(entry) or isinstance(entry, bool) for entry in item):
        # empty, it selects nothing; without this it would be one of floating point
        return torch.tensor(item, dtype=None if item else torch.int64)
    name = "the batch" if axis == 0 else f"axis {axis}, of space,"
    raise ShapeError(
        f"index: a field keeps all axes, so {name} takes a slice, a list, a mask or a 1-d tensor, got "
        f"{item!r}; write i:i+1 for one entry, or index f.tensor"
    )


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
