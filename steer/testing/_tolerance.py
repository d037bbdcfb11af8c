"""How large an error may be."""

import math
from numbers import Real
from typing import Final

import torch

from ..errors import SteerError

TOLERANCES: Final = {
    torch.float64: 1e-12,
    torch.float32: 1e-5,
    torch.float16: 1e-2,
    torch.bfloat16: 5e-2,
}
"""Largest relative error of an exact equivariance, keyed by dtype."""


def require_tolerance(tolerance: object) -> float:
    """A number >= 0, or an error: an infinite tolerance passes everything, and one that is no number nothing."""
    if isinstance(tolerance, bool) or not isinstance(tolerance, Real) or not 0 <= float(tolerance) < math.inf:
        raise SteerError(f"tolerance: expected a number >= 0, got {tolerance!r}")
    return float(tolerance)
