"""Scaled dot-product attention that can be differentiated twice, forwards, and in batches, on every device."""

import math
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it

from ...kernels.plans._recorded import in_forward_mode
from .._engine._layout import wide


def attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scores: torch.Tensor | None, dropout: float
) -> torch.Tensor:
    """softmax(q k^T / sqrt(d) + scores) v, (batch, heads, n, d).

    torch's fused kernels have one derivative, backwards. The others are those of plain operations.

    Args:
        query: (batch, heads, n, d).
        key: (batch, heads, n, d).
        value: (batch, heads, n, d).
        scores: what is added, of a shape that broadcasts to (batch, heads, n, n), or None.
        dropout: rate at which the weights of positions are dropped.
    """
    is_traced = torch.compiler.is_compiling() or not isinstance(query, torch.Tensor)
    if not is_traced and _is_transformed():
        weights = _weights(query, key, scores)
        weights = F.dropout(weights, dropout) if dropout else weights
        return (weights @ wide(value)).to(query.dtype)
    out = F.scaled_dot_product_attention(query, key, value, scores, dropout)
    if is_traced or dropout or not torch.is_grad_enabled():
        return out
    twice: torch.Tensor = _Twice.apply(out, query, key, value, scores)  # type: ignore[no-untyped-call]
    return twice


def _is_transformed() -> bool:
    """Whether `torch.func` or forward-mode differentiation is at work."""
    return torch._C._are_functorch_transforms_active() or in_forward_mode()


def _weights(query: torch.Tensor, key: torch.Tensor, scores: torch.Tensor | None) -> torch.Tensor:
    """(batch, heads, n, n), in single precision at least."""
    logits = (wide(query) * _scale(query)) @ wide(key).transpose(-1, -2)
    return (logits if scores is None else logits + scores).softmax(-1)


def _scale(query: torch.Tensor) -> float:
    return 1 / math.sqrt(query.shape[-1])


class _Twice(torch.autograd.Function):
    """The output of a fused kernel as it is, whose derivative can be differentiated.

    A first derivative is the kernel's own. Where a graph of it is wanted, it is made of plain operations instead, and
    the kernel gets no gradient.
    """

    @staticmethod
    def forward(out: torch.Tensor, *inputs: torch.Tensor | None) -> torch.Tensor:
        return out.view_as(out)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (slope,) = grads
        if not torch.is_grad_enabled():
            return slope, None, None, None, None
        query, key, value, scores = ctx.saved_tensors
        weights, slope = _weights(query, key, scores), wide(slope)
        risen = slope @ wide(value).transpose(-1, -2)
        logits = weights * (risen - (risen * weights).sum(-1, keepdim=True))
        found = (
            logits @ wide(key) * _scale(query),
            logits.transpose(-1, -2) @ wide(query) * _scale(query),
            weights.transpose(-1, -2) @ slope,
        )
        by_scores = None if scores is None else _summed(logits, scores).to(scores.dtype)
        return None, *(part.to(query.dtype) for part in found), by_scores


def _summed(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """The sum of x (batch, heads, n, n) over the axes along which a tensor is broadcast to its shape."""
    lead = x.dim() - like.dim()
    axes = [axis for axis in range(x.dim()) if axis < lead or like.shape[axis - lead] < x.shape[axis]]
    return x.sum(axes).reshape(like.shape) if axes else x
