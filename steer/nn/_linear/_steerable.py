"""What convolutions and linear maps share: coefficients, plan, bias, filter and checkpoint identity."""

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch

from ..._values import Array, require_flag
from ...errors import ShapeError, SteerError
from ...kernels import KernelPlan
from .._engine._arguments import require_place
from .._engine._hooked import require_own
from .._engine._kept import Kept
from .._engine._module import Module
from .._engine._rows import add_rows, rows_times
from .._fields._precision import exact
from .._fields._types import FieldType, require_map
from ._fingerprint import checked, digits


class Steerable(Module):
    """A layer whose dense filter is a linear function of a flat vector of coefficients.

    `weight` (num_weights,) are the coefficients of the plan, `bias` (n,) those of the invariant vectors of the output
    type. The state dict holds these and the fingerprint of the kernel basis; the sampled basis is not part of it.

    In evaluation without gradients the filter is kept, on the CPU, as long as the coefficients are the same numbers,
    however they are changed: they are compared at each call. Elsewhere it is expanded at each call.

    On loading, a fingerprint that is in the state dict must be that of the layer, also with ``strict=False``:
    coefficients mean nothing in another basis. One that is missing is torch's missing key, which ``strict=False``
    accepts: who passes it vouches for the basis.

    Raises:
        CheckpointError: on loading coefficients of another kernel basis, or a fingerprint that is none.
    """

    out_axis: ClassVar[int] = 0  # of the filter

    weight: torch.nn.Parameter
    bias: torch.nn.Parameter | None
    fingerprint: torch.Tensor
    _invariants: torch.Tensor

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
        require_place(device, dtype)
        bias = require_flag("bias", bias, SteerError)
        self.plan = plan()
        made = {"device": device, "dtype": dtype}
        self.weight = torch.nn.Parameter(torch.empty(self.plan.num_weights, **made))  # type: ignore[arg-type]
        count = out_type.num_invariants if bias else 0
        self.register_parameter("bias", torch.nn.Parameter(torch.empty(count, **made)) if count else None)  # type: ignore[arg-type]
        self._kept = Kept()
        self.register_buffer("fingerprint", digits(self.plan.fingerprint).to(self.weight.device))
        index, values = out_type.invariant_rows
        add_rows(self, "_invariants", index, values, count) if count else self.add_constant("_invariants", np.zeros(0))
        self._settle(self.weight.dtype, self.weight.device)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw coefficients that keep the second moment of features (see `KernelPlan.scales`); the bias is zero."""
        if self.weight.is_meta:  # nothing to draw, and torch would load its compiler for it: 3 s of `steer precompute`
            return
        require_own(self, "weight")
        if self.bias is not None:
            require_own(self, "bias")
        with torch.no_grad():
            scales = torch.from_numpy(self._scales()).to(self.weight)
            self.weight.normal_().mul_(scales)
            if self.bias is not None:
                self.bias.zero_()

    def _scales(self) -> Array:
        """(num_weights,): standard deviations of fresh coefficients."""
        return self.plan.scales()

    def _settle(self, dtype: torch.dtype, device: torch.device) -> None:
        """Make what follows from the plan, in the dtype and on the device of coefficients."""
        for name in self._tables:
            self._place(name, dtype, device)
        self.fingerprint = digits(self.plan.fingerprint).to(self.fingerprint.device)
        # What the expansion reads is looked up at each call, but compilers cannot do that: they take what is here.
        wide = torch.promote_types(dtype, torch.float32)
        self._tensors = wide, device, self.plan.tensors(wide, device)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> "Steerable":
        # A conversion such as .double() must give the float64 basis, not the float32 one in more digits. Pruning and
        # its like make the coefficients only in the next forward pass: the constants know the dtype now.
        super()._apply(fn, recurse)
        self._kept.drop()
        self._settle(self._invariants.dtype, self._invariants.device)
        return self

    def register_parameter(self, name: str, param: torch.nn.Parameter | None) -> None:
        """Add a parameter, as torch does; a filter in the place of the coefficients is refused.

        Args:
            name: of the parameter.
            param: the parameter; `weight` has one axis.

        Raises:
            ShapeError: `weight` has other axes than that of the coefficients.
        """
        if name == "weight" and param is not None and param.dim() != 1:
            raise ShapeError(
                f"weight: {type(self).__name__} has a vector of {self.plan.num_weights} coefficients, not a filter, "
                f"got shape {tuple(param.shape)}; what works on filters, as torch.nn.utils.fuse_conv_bn_eval, takes "
                f"the plain layers that steer.export(model) returns"
            )
        super().register_parameter(name, param)

    def train(self, mode: bool = True) -> "Steerable":
        """Set the mode, as torch does, and drop the kept filter."""
        self._kept.drop()
        return super().train(mode)

    def _expand(self) -> torch.Tensor:
        return self._expanded(self.weight)

    def _expanded(self, weight: torch.Tensor) -> torch.Tensor:
        """The filter of given coefficients."""
        dtype = torch.promote_types(weight.dtype, torch.float32)
        known = torch.compiler.is_compiling() and self._tensors[:2] == (dtype, weight.device)
        with exact(weight.device):
            return self.plan.expand(weight.to(dtype), self._tensors[2] if known else None).to(weight.dtype)

    def _filter(self) -> torch.Tensor:
        """The filter; in evaluation without gradients it is kept while the coefficients are the same."""
        return self._expand() if self.training else self._kept.of(self.weight, self._expanded)

    def _full_bias(self) -> torch.Tensor | None:
        """The bias of every output channel."""
        if self.bias is None:
            return None
        with exact(self.bias.device):
            return rows_times(self, "_invariants", self.bias)

    def _own_dtype(self) -> torch.dtype:
        """That of the coefficients, which are not read: what makes them does so at each reading, at a price."""
        made = self._modules.get("parametrizations")
        if isinstance(made, torch.nn.ModuleDict) and "weight" in made:
            return next(made["weight"].parameters()).dtype
        return self.weight.dtype

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        own = self._own_dtype()
        if x.dtype != own and not torch.is_autocast_enabled(x.device.type):
            raise ShapeError(
                f"x: {type(self).__name__} has weights of {own}, got a tensor of {x.dtype}; "
                f"convert one of them with .to(dtype), or run under torch.autocast"
            )

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        meaning = f"{self.in_type} -> {self.out_type}, {self.plan.radial}"
        state_dict = checked(self, state_dict, prefix, self.plan.fingerprint, meaning)
        super()._load_from_state_dict(state_dict, prefix, *args)
        self._settle(self._invariants.dtype, self._invariants.device)

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_tensors": None, "_kept": Kept()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._settle(self._invariants.dtype, self._invariants.device)

    def extra_repr(self) -> str:
        bias = "" if self.bias is not None else ", bias=False"
        return f"{super().extra_repr()}, weights={math.prod(self.weight.shape)}{bias}"
