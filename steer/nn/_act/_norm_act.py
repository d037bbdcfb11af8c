"""Nonlinearities that act on the length of each field and keep its direction."""

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it

from ..._values import is_one_of, require_flag
from ...errors import SteerError, nearest
from ...kernels.plans._recorded import inlined
from .._engine._layout import FieldLayout, blocks, samplewise, wide
from .._engine._module import Module
from .._fields._types import FieldType

SHORTEST: Final = 1e-5
"""Fields shorter than this are mapped to zero: their direction is round-off, and a positive bias would magnify it."""

START: Final[dict[str, float]] = {"relu": -0.5}
"""First value of the bias, 0 for the other functions. max(|x| + 0, 0) is the identity: a network of it is linear and
learns slowly (67% against 94% on the demo's rotated digits, after twelve epochs); -0.5 silences the shorter fields
after a batch normalisation."""


Function = Callable[[torch.Tensor], torch.Tensor]


class Profile(NamedTuple):
    """f and its derivative."""

    value: Function
    slope: Function


FUNCTIONS: Final[dict[str, Profile]] = {
    "relu": Profile(F.relu, lambda t: F.relu(t).sign()),
    "sigmoid": Profile(F.sigmoid, lambda t: F.sigmoid(t) * F.sigmoid(-t)),
    "softplus": Profile(F.softplus, F.sigmoid),
    "squash": Profile(lambda t: t.square() / (1 + t.square()), lambda t: 2 * t / (1 + t.square()).square()),
}


class NormAct(Module):
    """The norm nonlinearity: x -> f(|x| + b) x / |x| for each field, with one learned bias b a field, for any type.

    f(t) is max(t, 0) for "relu" (Worrall et al. 2017, Harmonic Networks), 1 / (1 + e^-t) for "sigmoid", log(1 + e^t)
    for "softplus", and t^2 / (1 + t^2) for "squash" (Sabour et al. 2017, capsules; Weiler and Cesa 2019 compare them).
    Fields shorter than 1e-5 are mapped to zero, and so is their gradient.

    With `per_coset` a field W.induce(G) is treated block by block: |x| is the norm of the fibre W at each coset, and
    all cosets share the b of their field. A regular or quotient field then has blocks of one component.

    Args:
        in_type: type of the input and output.
        function: "relu", "sigmoid", "softplus" or "squash".
        bias: whether to learn b, which starts at -0.5 for "relu" and at 0 for the others; without it b = 0.
        per_coset: whether induced fields (`steer.reps.Induced`) are treated coset by coset; others are not changed.

    Shape:
        (batch, in_type.size, ...) -> the same.

    Raises:
        SteerError: unknown function.
    """

    bias: torch.nn.Parameter | None
    field_of_block: torch.Tensor

    def __init__(self, in_type: FieldType, function: str = "relu", bias: bool = True, per_coset: bool = False) -> None:
        super().__init__(in_type, in_type)
        bias = require_flag("bias", bias, SteerError)
        if not is_one_of(function, FUNCTIONS):
            raise SteerError(
                f"function: expected one of {', '.join(map(repr, FUNCTIONS))}, got {function!r}; "
                f"{nearest(str(function), FUNCTIONS)}"
            )
        self.function = function
        self.per_coset = per_coset
        self.layout = FieldLayout(in_type, per_coset)
        counts = [norm.size for norm in blocks(in_type, per_coset)[0]]
        self.shares_bias = max(counts) > 1
        if self.shares_bias:
            self.add_constant("field_of_block", np.repeat(np.arange(len(counts)), counts))
        start = torch.full((len(in_type),), START.get(function, 0.0))
        self.bias = torch.nn.Parameter(start) if bias else None

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        bias: torch.Tensor | None = self.bias
        if bias is not None and self.shares_bias:
            bias = bias.index_select(0, self.constant("field_of_block", bias))
        if inlined() or not isinstance(x, torch.Tensor):
            return self._act(x, bias)
        out: torch.Tensor = _Radial.apply(x, bias, self)  # type: ignore[no-untyped-call]
        return out

    def _act(self, x: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        values = wide(x)  # the factor of a short field may be beyond half precision
        length, inverse = self._lengths(values, bias)
        return self.layout.scale(values, FUNCTIONS[self.function].value(length) * inverse).to(x.dtype)

    def _lengths(self, x: torch.Tensor, bias: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """|x| + b and 1 / |x|, both (batch, fields, ...), from x in single precision at least."""
        squares: Any = self.layout.dot(x, x)
        # 1 / length, and 0 with derivative 0 for short fields: 1 / sqrt(infinity)
        inverse = F.threshold(squares, SHORTEST**2, math.inf).rsqrt()
        length = squares * inverse
        if bias is not None:
            if isinstance(length, torch.Tensor):
                length = length + bias.reshape(-1, *(length.dim() - 2) * [1])
            else:  # a tracer does not know the number of axes; eager, this would cost another memory format
                length = (length.transpose(1, -1) + bias).transpose(1, -1)
        return length, inverse

    def _slopes(
        self, x: torch.Tensor, bias: torch.Tensor | None, slope: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Gradients of x, and of the bias (batch, fields) before they are summed, for that of the output."""
        values, slope = wide(x), wide(slope)
        length, inverse = self._lengths(values, bias)
        function = FUNCTIONS[self.function]
        factor, along = function.value(length) * inverse, self.layout.dot(values, slope) * inverse
        rise = function.slope(length)
        found = self.layout.combine(slope, factor, values, (rise - factor) * inverse * along)
        by_field = rise * along
        return found.to(x.dtype), by_field.sum(list(range(2, x.dim()))) if x.dim() > 2 else by_field

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        coset = ", per_coset=True" if self.per_coset else ""
        return f"{super().extra_repr()}, function={self.function!r}, bias={self.bias is not None}{coset}"


class _Radial(torch.autograd.Function):
    """`NormAct` with the derivative written out.

    With s = f(|x| + b) / |x|, u = x / |x| and the gradient g of the output, those of x and b are
    s g + (f'(|x| + b) - s) (u . g) u and the sum of f'(|x| + b) (u . g).
    """

    @staticmethod
    def forward(x: torch.Tensor, bias: torch.Tensor | None, layer: NormAct) -> torch.Tensor:
        return samplewise(lambda part: (layer._act(part, bias),), x)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        x, bias, ctx.layer = inputs
        ctx.save_for_backward(x, bias)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, bias = ctx.saved_tensors
        found, by_field = samplewise(lambda part, slope: ctx.layer._slopes(part, bias, slope), x, grads[0])
        return found, None if bias is None else by_field.sum(0).to(bias.dtype), None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> tuple[torch.Tensor, int]:
        *tensors, layer = inputs
        return torch.vmap(layer._act, in_dims[:2])(*tensors), 0
