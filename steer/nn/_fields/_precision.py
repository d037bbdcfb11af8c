"""The precision in which sums are made, whatever the device and autocast would choose."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch


def wide(x: torch.Tensor) -> torch.dtype:
    """The dtype to add in: float64, which no autocast and no setting of a device makes coarser, where there is one."""
    return torch.float32 if x.device.type == "mps" else torch.float64


def exact(device: torch.device) -> AbstractContextManager[Any]:
    """Full precision, also under autocast (which the meta device does not have): for filters and statistics."""
    available = torch.amp.is_autocast_available(device.type)
    return torch.autocast(device.type, enabled=False) if available else nullcontext()
