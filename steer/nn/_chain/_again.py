"""Modules that are computed again in the backward pass, in place of keeping what is inside: `torch.utils.checkpoint`.

Computing again would count a batch twice in running statistics, and step what is iterated at each call. So it goes by
copies of the buffers as they were, which are thrown away.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

Buffers = list[tuple[torch.nn.Module, str, torch.Tensor]]


def run_again(
    module: torch.nn.Module, run: Callable[[torch.Tensor, dict[str, Any]], torch.Tensor], x: torch.Tensor, keywords: Any
) -> torch.Tensor:
    """`run(x, keywords)`, of which the backward pass keeps x alone and runs it again.

    Args:
        module: what it belongs to, whose buffers it may change.
        run: without side effects but on them.
        x: the input.
        keywords: further arguments.

    Returns:
        The output.
    """
    before: Buffers = [
        (part, name, buffer.clone())
        for part in module.modules()
        for name, buffer in part._buffers.items()
        if buffer is not None
    ]
    out: torch.Tensor = checkpoint(
        run, x, keywords, use_reentrant=False, context_fn=lambda: (contextlib.nullcontext(), _InPlaceOf(before))
    )
    return out


def can_run_again() -> bool:
    """Whether gradients are wanted of what is computed, and a checkpoint of torch can be made here.

    Compilers choose what to keep themselves, and transforms of `torch.func` know no checkpoints.
    """
    return (
        torch.is_grad_enabled()
        and not torch.compiler.is_compiling()
        and torch._C._functorch.maybe_current_level() is None
        and torch._C._get_tracing_state() is None
    )


class _InPlaceOf:
    """A context, entered at each backward pass through a graph that is kept, in which modules have other buffers."""

    def __init__(self, before: Buffers) -> None:
        self._before = before
        self._now: list[Buffers] = []

    def __enter__(self) -> None:
        self._now.append([(part, name, part._buffers[name]) for part, name, _ in self._before])  # type: ignore[misc]
        for part, name, buffer in self._before:
            part._buffers[name] = buffer.clone()

    def __exit__(self, *error: object) -> None:
        for part, name, kept in self._now.pop():
            part._buffers[name] = kept
