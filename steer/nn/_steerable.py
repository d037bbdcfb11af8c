"""What convolutions and linear maps share: coefficients, their plan, the bias, the filter and its checkpoint identity."""

import math
from collections.abc import Callable
from typing import Any

import torch

from ..errors import CheckpointError, FieldTypeError, ShapeError
from ..kernels import KernelPlan
from ._field_type import FieldType
from ._module import Module


class Steerable(Module):
    """A layer whose dense filter is a linear function of a flat vector of coefficients.

    `weight` (num_weights,) are the coefficients of the plan; `bias` (n,) are those of the invariant vectors of the output
    type. The state dict holds these and the fingerprint of the kernel basis; the sampled basis is not part of it.

    Raises:
        CheckpointError: on loading coefficients of another kernel basis.
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
        if in_type.group != out_type.group:
            raise FieldTypeError(
                f"out_type: {type(self).__name__} maps between fields of one group, got in_type of {in_type.group!r} and "
                f"out_type of {out_type.group!r}; go to a subgroup with nn.Restrict first"
            )
        self.plan = plan()
        made = {"device": device, "dtype": dtype}
        self.weight = torch.nn.Parameter(torch.empty(self.plan.num_weights, **made))  # type: ignore[arg-type]
        invariants = out_type.invariants.shape[1]
        if bias and invariants:
            self.bias = torch.nn.Parameter(torch.empty(invariants, **made))  # type: ignore[arg-type]
        else:
            self.register_parameter("bias", None)
        self.register_buffer("fingerprint", torch.tensor(list(bytes.fromhex(self.plan.fingerprint)), dtype=torch.uint8))
        self._derived = 0
        self._derive()
        self._kept: tuple[tuple[int, int, torch.dtype, torch.device], torch.Tensor] | None = None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw coefficients that keep the second moment of features (see `KernelPlan.scales`); the bias is zero."""
        with torch.no_grad():
            scales = torch.from_numpy(self.plan.scales()).to(self.weight)
            self.weight.normal_().mul_(scales)
            if self.bias is not None:
                self.bias.zero_()

    def _derive(self) -> None:
        """Buffers that follow from the plan, in the dtype and on the device of the weight; shared between layers."""
        dtype = torch.promote_types(self.weight.dtype, torch.float32)
        tensors = self.plan.tensors(dtype, self.weight.device)
        self._derived = len(tensors)
        for index, tensor in enumerate(tensors):
            self.register_buffer(f"_constant_{index}", tensor, persistent=False)
        invariants = torch.from_numpy(self.out_type.invariants.copy()).to(self.weight)
        self.register_buffer("_invariants", invariants, persistent=False)

    def _apply(self, fn: Callable[..., torch.Tensor], recurse: bool = True) -> "Steerable":
        # A conversion such as .double() must give the float64 basis, not the float32 one in more digits.
        super()._apply(fn, recurse)
        self._kept = None
        self._derive()
        return self

    def _expand(self) -> torch.Tensor:
        weight = self.weight
        constants = [getattr(self, f"_constant_{index}") for index in range(self._derived)]
        with torch.autocast(weight.device.type, enabled=False):
            wide = weight.to(torch.promote_types(weight.dtype, torch.float32))
            return self.plan.expand(wide, constants).to(weight.dtype)

    def _filter(self) -> torch.Tensor:
        """The filter; in evaluation without gradients it is kept until the coefficients change."""
        if self.training or torch.is_grad_enabled() or torch.compiler.is_compiling():
            self._kept = None
            return self._expand()
        weight = self.weight
        if weight.is_inference():  # has no version counter
            return self._expand()
        key = (weight._version, weight.data_ptr(), weight.dtype, weight.device)
        if self._kept is None or self._kept[0] != key:
            self._kept = key, self._expand()
        return self._kept[1]

    def _full_bias(self) -> torch.Tensor | None:
        """The bias of every output channel."""
        if self.bias is None:
            return None
        with torch.autocast(self.bias.device.type, enabled=False):
            return torch.mv(self._invariants, self.bias)  # type: ignore[arg-type]

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        if x.dtype != self.weight.dtype and not torch.is_autocast_enabled(x.device.type):
            raise ShapeError(
                f"x: {type(self).__name__} has weights of {self.weight.dtype}, got a tensor of {x.dtype}; "
                f"convert one with .to(dtype), or run under torch.autocast"
            )

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        found = state_dict.get(prefix + "fingerprint")
        if found is not None and bytes(found.tolist()) != bytes(self.fingerprint.tolist()):
            raise CheckpointError(
                f"state_dict: {prefix}weight was trained in the kernel basis {bytes(found.tolist()).hex()}, this "
                f"{type(self).__name__} has the basis {self.plan.fingerprint} ({self.in_type} -> {self.out_type}, "
                f"{self.plan.radial}); build the layer with the field types and arguments it was trained with"
            )
        self._kept = None
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_kept": None}

    def extra_repr(self) -> str:
        bias = "" if self.bias is not None else ", bias=False"
        return f"{super().extra_repr()}, weights={math.prod(self.weight.shape)}{bias}"
