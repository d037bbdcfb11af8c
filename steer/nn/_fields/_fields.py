"""Functions of several field tensors: the counterparts of torch.cat and torch.split, by fields."""

from collections.abc import Sequence

import torch

from ..._values import as_tuple
from ...errors import FieldTypeError, ShapeError
from ._tensor import is_stand_in
from ._types import FieldTensor, FieldType


def cat(fields: Sequence[FieldTensor]) -> FieldTensor:
    """All fields of several tensors in one, which has the sum of their types: `torch.cat` along the channels.

    Args:
        fields: field tensors (batch, size, *space) of one group, with equal batch and space.

    Returns:
        (batch, sum of the sizes, *space), of the sum of the types.

    Raises:
        FieldTypeError: no field tensor, one that has no type, or types of two groups.
        ShapeError: batch or space differ.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> G = steer.group("C4", dim=2)
        >>> scalar, vector = nn.FieldType(G, [G.trivial]), nn.FieldType(G, [G.vector])
        >>> f = nn.cat([scalar(torch.zeros(1, 1, 5, 5)), vector(torch.zeros(1, 2, 5, 5))])
        >>> f.shape, len(f.type)
        (torch.Size([1, 3, 5, 5]), 2)
        >>> [part.shape[1] for part in nn.split(f, [1, 1])]
        [1, 2]
    """
    parts = as_tuple("fields", fields, FieldTypeError, "a list of FieldTensors")
    if not parts:
        raise FieldTypeError("fields: expected at least one FieldTensor, got none")
    for index, part in enumerate(parts):
        if not isinstance(part, FieldTensor):
            raise FieldTypeError(
                f"fields[{index}]: expected a FieldTensor, got {type(part).__name__}; give a tensor its type by "
                f"field_type(tensor)"
            )
        require_one_group(f"fields[{index}]", part.type, parts[0].type)
        require_alike(f"fields[{index}]", part.tensor, parts[0].tensor)
    representations = [rep for part in parts for rep in part.type]
    return FieldTensor(torch.cat([part.tensor for part in parts], 1), FieldType(parts[0].type.group, representations))


def split(field: FieldTensor, sizes: int | Sequence[int]) -> tuple[FieldTensor, ...]:
    """Consecutive parts of a field tensor, as views: `torch.split` along the channels, by fields; the inverse of `cat`.

    Args:
        field: a field tensor (batch, size, *space).
        sizes: the number of fields of each part, or one number for all, of which the last part has what is left.

    Returns:
        Field tensors (batch, size of the part, *space).

    Raises:
        FieldTypeError: `field` has no type, or the sum of the sizes is not its number of fields.
    """
    if not isinstance(field, FieldTensor):
        raise FieldTypeError(f"field: expected a FieldTensor, got {type(field).__name__}; use torch.split on tensors")
    return field.split(sizes)


def require_one_group(name: str, kind: FieldType, first: FieldType) -> None:
    """Refuse a type of another group than that of the first.

    Raises:
        FieldTypeError: names both types.
    """
    if kind.group != first.group:
        raise FieldTypeError(
            f"{name}: all types must be of one group, got {kind} after {first}; go to a common subgroup with "
            f"nn.Restrict"
        )


def require_alike(name: str, x: torch.Tensor, first: torch.Tensor) -> None:
    """Refuse a tensor (batch, channels, *space) whose batch or space is not that of the first.

    Raises:
        ShapeError: names both shapes.
    """
    if is_stand_in(x) or is_stand_in(first):
        return
    if x.shape[:1] != first.shape[:1] or x.shape[2:] != first.shape[2:]:
        raise ShapeError(f"{name}: batch and space must be those of {tuple(first.shape)}, got {tuple(x.shape)}")
