"""Constant arrays that plans read, and their tensors, made once for each dtype and device.

A part of a plan names what it holds: a NamedTuple whose leaves are tables, None, or further tuples. Where a list of
tensors is needed, at the boundary of autograd, its leaves are taken in their order.
"""

from collections.abc import Iterator
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import torch

T = TypeVar("T")
"""A leaf of what is held: a `Table`, or its tensor."""


class Table:
    """An array that expansions read: sampled functions and coefficients in float64, index tables in int64.

    Parts of equal descriptors hold one object, so that its tensors exist once, whatever the number of layers.
    """

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self.array = np.array(array, dtype=np.float64 if np.issubdtype(array.dtype, np.floating) else np.int64)
        self.array.setflags(write=False)
        self._tensors: dict[tuple[torch.dtype, torch.device], torch.Tensor] = {}

    def tensor(self, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        """The array as a tensor; one of floats in `dtype`."""
        key = (dtype, device)
        if key in self._tensors:
            return self._tensors[key]
        with torch.inference_mode(False):  # a tensor of that mode could not be used in training later
            plain = torch.from_numpy(np.array(self.array))
            made = plain.to(device, dtype if plain.is_floating_point() else None)
        if type(made) is torch.Tensor:  # and the fake tensors of a trace are of no use after it
            self._tensors[key] = made
        return made


class Order(NamedTuple, Generic[T]):
    """A permutation of an axis: the index that applies it, and the one that takes it back."""

    there: T
    back: T


def order_table(there: npt.NDArray[np.intp]) -> Order[Table]:
    """A permutation, as an index, with its inverse."""
    return Order(Table(there), Table(np.argsort(there)))


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
