"""What plans hold: tables, in the structure that says what each is for.

A part of a plan names what it holds: a NamedTuple whose leaves are tables, None, or further tuples. Where a list of
tensors is needed, at the boundary of autograd, its leaves are taken in their order.
"""

from collections.abc import Iterator
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from ..._linalg import inverse_permutations
from ..._tables import Table

T = TypeVar("T")
"""A leaf of what is held: a `Table`, or its tensor."""


class Order(NamedTuple, Generic[T]):
    """A permutation of an axis: the index that applies it, and the one that takes it back."""

    there: T
    back: T


def order_table(there: npt.NDArray[np.intp]) -> Order[Table]:
    """A permutation, as an index, with its inverse."""
    return Order(Table(there), Table(inverse_permutations(there)))


def leaves(held: Any) -> Iterator[Table]:
    """The tables of what is held, in the order of the fields."""
    if isinstance(held, Table):
        yield held
    elif held is not None:
        for branch in held:
            yield from leaves(branch)


def filled(held: Any, tensors: Iterator[torch.Tensor]) -> Any:
    """What is held, with the next tensors in place of its tables."""
    if held is None:
        return None
    if isinstance(held, Table):
        return next(tensors)
    made = [filled(branch, tensors) for branch in held]
    return type(held)(*made) if hasattr(held, "_fields") else tuple(made)
