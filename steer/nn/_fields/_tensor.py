"""The one check that something is a tensor, and what stands for one while torch.fx traces."""

from typing import Any

import torch
import torch.fx

from ...errors import ShapeError


def require_tensor(argument: str, value: object, what: str = "a tensor") -> torch.Tensor:
    """`value` if it is a tensor, or an error that names the argument.

    Raises:
        ShapeError: it is none.
    """
    if not isinstance(value, torch.Tensor):
        raise ShapeError(
            f"{argument}: expected {what}, got {type(value).__name__}; torch.as_tensor makes one of an array"
        )
    if value.is_nested or value.layout is not torch.strided:
        raise not_dense(argument, value)
    return value


def not_dense(argument: str, value: torch.Tensor) -> ShapeError:
    """The error about a tensor whose entries do not lie in a grid of memory: sparse, nested, or of a backend's own."""
    if value.is_nested:
        return ShapeError(
            f"{argument}: expected a tensor of one shape, got a nested one; fill it up with "
            f"torch.nested.to_padded_tensor, or call the layer on each part"
        )
    return ShapeError(f"{argument}: expected a dense tensor, got one of {value.layout}; convert it with to_dense()")


def is_stand_in(value: object) -> bool:
    """Whether something stands for a tensor while `torch.fx` traces: without shape or values, so nothing is checked."""
    return isinstance(value, torch.fx.Proxy)


def note_field(value: Any) -> None:
    """Tell the tracer of a stand-in, if it asks, that there is a field of it."""
    note = getattr(value.tracer, "note_field", None)
    if note is not None:
        note()
