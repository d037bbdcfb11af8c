"""Constant arrays and their tensors, made once for each dtype and device, whoever reads them."""

import hashlib
import weakref
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch.utils._python_dispatch import _disable_current_modes


class Table:
    """An array that layers and plans read, frozen: floats are held in float64, all else in int64.

    Whoever reads equal values may hold one table, so that its tensors exist once, whatever the number of layers. They
    are shared, thus not to be written to: one that was is made anew when it is next asked for.
    """

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self.array = np.array(array, dtype=_held_in(array))
        self.array.setflags(write=False)
        self.floating = self.array.dtype.kind == "f"  # such tensors come in any dtype
        self._tensors: dict[tuple[torch.dtype, torch.device], torch.Tensor] = {}

    def tensor(self, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        """The array as a tensor; one of floats in `dtype`, rounded once."""
        key = (dtype, device)
        held = self._tensors.get(key)
        if torch.compiler.is_dynamo_compiling():  # which follows neither versions nor modes
            return self._made(dtype, device) if held is None else held
        if held is None or held._version:
            # A tensor of inference mode could not be used in training later, one of a trace not after it.
            with torch.inference_mode(False), _disable_current_modes():
                held = self._made(dtype, device)
            if is_plain(held):
                self._tensors[key] = held
        return held

    def _made(self, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        return torch.from_numpy(np.array(self.array)).to(device, dtype if self.floating else torch.int64)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Table":
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return shared, (self.array,)


_SHARED: Final[weakref.WeakValueDictionary[tuple[object, ...], Table]] = weakref.WeakValueDictionary()


def shared(array: npt.NDArray[Any]) -> Table:
    """The table of these values: one object as long as any one holds it."""
    values = np.ascontiguousarray(array, dtype=_held_in(array)).reshape(array.shape)
    key = values.dtype.kind, values.shape, hashlib.blake2b(values.data, digest_size=16).digest()
    found = _SHARED.get(key)
    return _SHARED.setdefault(key, Table(values)) if found is None else found


def is_plain(tensor: torch.Tensor) -> bool:
    """Whether a tensor holds numbers: it is no stand-in of a trace or a transform, which are of no use after it."""
    return (
        type(tensor) in (torch.Tensor, torch.nn.Parameter)
        and tensor.layout is torch.strided
        and not torch._is_functional_tensor(tensor)
        and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
    )


def admitted(tensors: Sequence[torch.Tensor], like: torch.Tensor) -> Sequence[torch.Tensor]:
    """Constants as the operands of `like`: a trace on fake tensors takes no others, unless it says so."""
    if torch.compiler.is_compiling() or (
        type(like) in (torch.Tensor, torch.nn.Parameter) and not torch._C._len_torch_dispatch_stack()
    ):
        return tensors
    active = torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.FAKE)
    mode = getattr(like, "fake_mode", active)
    if mode is None or mode.allow_non_fake_inputs:
        return tensors
    if active is not None:
        return [torch.ops.aten.lift_fresh_copy(tensor) for tensor in tensors]
    with mode:
        return [torch.ops.aten.lift_fresh_copy(tensor) for tensor in tensors]


def _held_in(array: npt.NDArray[Any]) -> type[np.float64] | type[np.int64]:
    return np.float64 if np.issubdtype(array.dtype, np.floating) else np.int64
