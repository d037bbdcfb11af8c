"""Expansion and its transpose as one differentiable function: each is the derivative of the other."""

import inspect
from collections.abc import Sequence
from typing import Any, Protocol

import torch

from ._recorded import inlined


class Pair(Protocol):
    """A linear map of batches of vectors, and its transpose; constants are the tensors that both read."""

    def contract(self, x: torch.Tensor, constants: Sequence[torch.Tensor], transposed: bool) -> torch.Tensor:
        """The image (B, ...) of x (B, ...) under the map or its transpose."""


class LinearMap(torch.autograd.Function):
    """x (B, ...) -> A x, whose derivative is A^T and whose second derivative is A again.

    Plain operations would keep intermediate tensors for the backward pass, and scatter where the transpose can gather.
    """

    @staticmethod
    def forward(x: torch.Tensor, pair: Pair, transposed: bool, *constants: torch.Tensor) -> torch.Tensor:
        return pair.contract(x, constants, transposed)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        _, ctx.pair, ctx.transposed, *constants = inputs
        ctx.save_for_backward(*constants)
        ctx.count = len(constants)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        found = LinearMap.apply(grads[0], ctx.pair, not ctx.transposed, *ctx.saved_tensors)  # type: ignore[no-untyped-call]
        return (found, None, None, *ctx.count * [None])

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[int | None, ...],
        x: torch.Tensor,
        pair: Pair,
        transposed: bool,
        *constants: torch.Tensor,
    ) -> tuple[torch.Tensor, int | None]:
        # Stacked modules have stacked constants, which are equal.
        shared = [t if dim is None else t.select(dim, 0) for t, dim in zip(constants, in_dims[3:], strict=True)]
        if in_dims[0] is None:
            return LinearMap.apply(x, pair, transposed, *shared), None  # type: ignore[no-untyped-call]
        batch = x.movedim(in_dims[0], 0)
        # flatten and unflatten have no rules for batches of gradients
        flat = batch.reshape(-1, *batch.shape[2:])
        found = LinearMap.apply(flat, pair, transposed, *shared)  # type: ignore[no-untyped-call]
        return found.reshape(*batch.shape[:2], *found.shape[1:]), 0


# torch asks for the signature at every call, and finding it takes as long as a small matmul
LinearMap.forward.__signature__ = inspect.signature(LinearMap.forward)  # type: ignore[attr-defined]


def apply(pair: Pair, x: torch.Tensor, constants: Sequence[torch.Tensor]) -> torch.Tensor:
    """A x for a batch x (B, ...)."""
    if inlined():
        return pair.contract(x, constants, False)
    return LinearMap.apply(x, pair, False, *constants)  # type: ignore[no-any-return, no-untyped-call]
