"""Sums over the processes of `torch.distributed`, with gradients."""

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812 - torch's own name for it


class Processes:
    """Processes that hold a batch together: those of one group, all of them for None.

    Copies of a module share the group: it is no value that could be copied.
    """

    def __init__(self, group: Any = None) -> None:
        self.group = group

    def __deepcopy__(self, memo: dict[int, Any]) -> "Processes":
        return self

    @property
    def several(self) -> bool:
        """Whether there are more than one."""
        return dist.is_available() and dist.is_initialized() and dist.get_world_size(self.group) > 1

    def sum(self, x: torch.Tensor) -> torch.Tensor:
        """The sum of the x of all processes, in each of them; a gradient is the sum of all gradients."""
        out: torch.Tensor = _Sum.apply(x, self.group)  # type: ignore[no-untyped-call]
        return out

    def rows(self, x: torch.Tensor) -> torch.Tensor:
        """The x (k,) of all processes as rows (processes, k), in each of them."""
        own, total = dist.get_rank(self.group), dist.get_world_size(self.group)
        return self.sum(F.pad(x.unsqueeze(0), (0, 0, own, total - own - 1)))


class _Sum(torch.autograd.Function):
    """All-reduce; its derivative is itself. That of `torch.distributed.nn` is deprecated."""

    @staticmethod
    def forward(x: torch.Tensor, group: Any) -> torch.Tensor:
        out = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(out, group=group)
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.group = inputs[1]

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        return _Sum.apply(grads[0], ctx.group), None  # type: ignore[no-untyped-call]

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> torch.Tensor:
        return _Sum.apply(tangents[0], ctx.group)  # type: ignore[no-any-return, no-untyped-call]

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], x: torch.Tensor, group: Any
    ) -> tuple[torch.Tensor, int | None]:
        return _Sum.apply(x, group), in_dims[0]  # type: ignore[no-untyped-call]
