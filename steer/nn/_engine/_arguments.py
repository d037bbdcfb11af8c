"""Checks of arguments that only torch knows the kinds of."""

import math

import torch

from ..._values import is_real
from ...errors import SteerError


def require_place(device: object, dtype: object) -> None:
    """Refuse what no parameters can be made on or of.

    Raises:
        SteerError: no device, or no floating-point dtype.
    """
    if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise SteerError(f"dtype: expected a floating-point dtype such as torch.float64, got {dtype!r}")
    if device is None or isinstance(device, torch.device):
        return
    try:
        if isinstance(device, bool) or not isinstance(device, str | int):
            raise TypeError(device)
        torch.device(device)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise SteerError(f"device: expected one such as 'cpu' or torch.device('cuda'), got {device!r}") from error


def require_eps(eps: object) -> None:
    """Refuse what cannot be added to a variance.

    Raises:
        SteerError: no finite number >= 0.
    """
    if not is_real(eps) or not 0 <= eps < math.inf:
        raise SteerError(f"eps: expected a number >= 0, got {eps!r}")


def require_probability(argument: str, value: object) -> float:
    """`value` as a probability.

    Raises:
        SteerError: no number between 0 and 1.
    """
    if not is_real(value) or not 0 <= value <= 1:
        raise SteerError(f"{argument}: expected a probability between 0 and 1, got {value!r}")
    return float(value)
