"""What convolutions and linear maps share: coefficients, plan, bias, filter and checkpoint identity."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from ..._values import Array
from ...errors import CheckpointError, ShapeError
from ...kernels import KernelPlan
from .._engine._layout import exact
from .._engine._module import Module
from .._fields._types import FieldType, require_map


def _name(prefix: str, fingerprint: torch.Tensor) -> str:
    """A fingerprint of a state dict in hexadecimal digits."""
    if fingerprint.dtype != torch.uint8 or fingerprint.shape != (16,):
        raise CheckpointError(
            f"state_dict: {prefix}fingerprint: expected 16 bytes (torch.uint8), got {tuple(fingerprint.shape)} of "
            f"{fingerprint.dtype}; it names the kernel basis, so keep it as it was saved"
        )
    return bytes(fingerprint.tolist()).hex()


class _Kept(NamedTuple):
    """A filter and the version of the coefficients that it was made of."""

    version: tuple[int, int, torch.dtype, torch.device]
    weight: torch.Tensor  # holds the storage, so that its address names no other tensor meanwhile
    filter: torch.Tensor


class Steerable(Module):
    """A layer whose dense filter is a linear function of a flat vector of coefficients.

    `weight` (num_weights,) are the coefficients of the plan, `bias` (n,) those of the invariant vectors of the output
    type. The state dict holds these and the fingerprint of the kernel basis; the sampled basis is not part of it.

    In evaluation without gradients the filter is kept until the coefficients change, by an optimizer step, an in-place
    operation, loading or anything else that autograd can see. After an edit that it cannot see, as of ``weight.data``,
    call `train` or `eval`, which drop the kept filter.

    On loading, a fingerprint that is in the state dict must be that of the layer, also with ``strict=False``:
    coefficients mean nothing in another basis. One that is missing is torch's missing key, which ``strict=False``
    accepts: who passes it vouches for the basis.

    Raises:
        CheckpointError: on loading coefficients of another kernel basis, or a fingerprint that is none.
    """

    weight: torch.nn.Parameter
    bias: torch.nn.Parameter | None
    fingerprint: torch.Tensor

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        plan: Callable[[], KernelPlan],
        bias: bool,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__(in_type, out_type)
        require_map(type(self).__name__, in_type, out_type)
        self.plan = plan()
        made = {"device": device, "dtype": dtype}
        self.weight = torch.nn.Parameter(torch.empty(self.plan.num_weights, **made))  # type: ignore[arg-type]
        invariants = out_type.invariants.shape[1]
        if bias and invariants:
            self.bias = torch.nn.Parameter(torch.empty(invariants, **made))  # type: ignore[arg-type]
        else:
            self.register_parameter("bias", None)
        self._kept: _Kept | None = None
        self._derive()
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw coefficients that keep the second moment of features (see `KernelPlan.scales`); the bias is zero."""
        if self.weight.is_meta:  # nothing to draw, and torch would load its compiler for it: 3 s of `steer precompute`
            return
        with torch.no_grad():
            scales = torch.from_numpy(self._scales()).to(self.weight)
            self.weight.normal_().mul_(scales)
            if self.bias is not None:
                self.bias.zero_()

    def _scales(self) -> Array:
        """(num_weights,): standard deviations of fresh coefficients."""
        return self.plan.scales()

    def _derive(self) -> None:
        """Make all buffers: they follow from the plan, in the dtype and on the device of the weight."""
        self._kept = None
        identity = torch.frombuffer(bytearray.fromhex(self.plan.fingerprint), dtype=torch.uint8)
        self.register_buffer("fingerprint", identity.to(self.weight.device))
        wide = torch.promote_types(self.weight.dtype, torch.float32)
        constants = self.plan.tensors(wide, self.weight.device)
        self._names = [f"_constant_{index}" for index in range(len(constants))]
        for name, tensor in zip(self._names, constants, strict=True):
            self.register_buffer(name, tensor, persistent=False)
        invariants = torch.from_numpy(self.out_type.invariants.copy()).to(self.weight)
        self.register_buffer("_invariants", invariants, persistent=False)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> "Steerable":
        # A conversion such as .double() must give the float64 basis, not the float32 one in more digits.
        super()._apply(fn, recurse)
        self._derive()
        return self

    def train(self, mode: bool = True) -> "Steerable":
        """Set the mode, as torch does, and drop the kept filter."""
        self._kept = None
        return super().train(mode)

    def _expand(self) -> torch.Tensor:
        weight = self.weight
        constants = [getattr(self, name) for name in self._names]
        with exact(weight.device):
            wide = weight.to(torch.promote_types(weight.dtype, torch.float32))
            return self.plan.expand(wide, constants).to(weight.dtype)

    def _filter(self) -> torch.Tensor:
        """The filter; in evaluation without gradients it is kept until the coefficients change."""
        if self.training or torch.is_grad_enabled() or torch.compiler.is_compiling():
            return self._expand()
        weight = self.weight
        # Only a plain parameter is known by its version: not a vmapped, fake, parametrised or inference-mode tensor.
        if type(weight) is not torch.nn.Parameter or weight.is_inference():
            return self._expand()
        version = weight._version, weight.data_ptr(), weight.dtype, weight.device
        if self._kept is None or self._kept.version != version:
            self._kept = _Kept(version, weight.detach(), self._expand())
        return self._kept.filter

    def _full_bias(self) -> torch.Tensor | None:
        """The bias of every output channel."""
        if self.bias is None:
            return None
        with exact(self.bias.device):
            return torch.mv(self._invariants, self.bias)  # type: ignore[arg-type]

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        if x.dtype != self.weight.dtype and not torch.is_autocast_enabled(x.device.type):
            raise ShapeError(
                f"x: {type(self).__name__} has weights of {self.weight.dtype}, got a tensor of {x.dtype}; "
                f"convert one of them with .to(dtype), or run under torch.autocast"
            )

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        found = state_dict.get(prefix + "fingerprint")
        if found is not None and not found.is_meta and (name := _name(prefix, found)) != self.plan.fingerprint:
            raise CheckpointError(
                f"state_dict: {prefix}weight was trained in the kernel basis {name}, this {type(self).__name__} has "
                f"the basis {self.plan.fingerprint} ({self.in_type} -> {self.out_type}, {self.plan.radial}); build the "
                f"layer with the field types and arguments it was trained with"
            )
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
        self._derive()  # with assign=True the weight may have come in another dtype or on another device

    def __getstate__(self) -> dict[str, Any]:
        # What can be derived again is neither pickled nor copied, so that copies share it.
        derived = {*self._names, "_invariants"}
        buffers = {name: value for name, value in self._buffers.items() if name not in derived}
        return self.__dict__ | {"_buffers": buffers, "_kept": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._derive()

    def extra_repr(self) -> str:
        bias = "" if self.bias is not None else ", bias=False"
        return f"{super().extra_repr()}, weights={math.prod(self.weight.shape)}{bias}"
