"""What follows from coefficients, kept while they are the same."""

import ctypes
from collections.abc import Callable
from typing import Any

import torch
from torch.autograd import forward_ad

from ..._tables import is_plain


class Kept:
    """A function of coefficients, evaluated again only for other coefficients.

    They are compared as numbers: version counters miss fused optimizers, edits of ``weight.data`` or of a NumPy view,
    and other processes that hold the memory. On other devices than the CPU that would wait for the device, longer than
    an expansion takes, and nothing is kept. Neither is it with gradients, nor in a trace or a transform.
    """

    def __init__(self) -> None:
        self._pair: tuple[tuple[object, ...], torch.Tensor] | None = None

    def drop(self) -> None:
        """Keep nothing."""
        self._pair = None

    def of(self, weight: torch.Tensor, make: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """`make(weight)`, from now or before."""
        if not _can_keep(weight):
            return make(weight)
        pair = self._pair  # once: other threads set and drop it
        if pair is None or pair[0] != _numbers(weight):
            copied = weight.detach().clone()
            pair = self._pair = _numbers(copied), make(copied)  # of the copy: others may be changing the original
        return pair[1]

    def __deepcopy__(self, memo: dict[int, Any]) -> "Kept":
        return Kept()

    def __reduce__(self) -> tuple[object, ...]:
        return Kept, ()


def _numbers(weight: torch.Tensor) -> tuple[object, ...]:
    """What tells coefficients apart, bit by bit. Bytes compare several times as fast as tensors.

    An array of NumPy would fix the size of the storage, which FSDP frees and allocates again.
    """
    flat = weight.detach().contiguous()
    return flat.dtype, flat.shape, ctypes.string_at(flat.data_ptr(), flat.nbytes)


def _can_keep(weight: torch.Tensor) -> bool:
    return not (
        torch.is_grad_enabled()
        or torch.compiler.is_compiling()
        or weight.device.type != "cpu"
        or not is_plain(weight)
        or torch._C._len_torch_dispatch_stack()
        or torch._C._functorch.maybe_current_level() is not None
        or forward_ad._current_level >= 0
        or torch._C._get_tracing_state() is not None
    )
