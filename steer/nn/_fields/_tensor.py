"""The one check that something is a tensor."""

import torch

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
    return value
