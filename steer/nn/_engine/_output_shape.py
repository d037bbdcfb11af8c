"""The shape of what a layer returns, without running it."""

import copy
import itertools
from collections.abc import Callable, Sequence

import torch

from ..._values import as_tuple, is_count
from ...errors import ShapeError
from ._hooked import made_tensors


def output_shape(module: torch.nn.Module, input_shape: Sequence[int]) -> torch.Size:
    """See `Module.output_shape`."""
    x = torch.empty(as_shape(input_shape), dtype=own_dtype(module), device="meta")
    with torch.no_grad():
        out = copied(module, without_values).eval()(x)
    assert isinstance(out, torch.Tensor), "plain tensors come out where they go in"
    return out.shape


def as_shape(input_shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of an input.

    Raises:
        ShapeError: it is none.
    """
    what = "a shape such as (batch, channels, height, width)"
    if isinstance(input_shape, torch.Tensor):  # type: ignore[unreachable]
        raise ShapeError(f"input_shape: expected {what}, got a tensor x; pass x.shape")
    sizes = as_tuple("input_shape", input_shape, ShapeError, what)
    if not all(is_count(size, 0) for size in sizes):
        raise ShapeError(f"input_shape: expected {what}, got {input_shape!r}")
    return tuple(map(int, sizes))


def without_values(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor of the same shape alone."""
    return torch.empty_like(tensor, device="meta")


def copied(module: torch.nn.Module, copy_of: Callable[[torch.Tensor], torch.Tensor]) -> torch.nn.Module:
    """A copy of a module with other tensors; of those without values, so that nothing is copied or computed."""
    held = [*module.parameters(), *module.buffers()]
    held += [tensor for part in module.modules() for tensor in made_tensors(part).values()]
    memo: dict[int, object] = {}
    for tensor in held:
        made = copy_of(tensor.detach())
        parameter = isinstance(tensor, torch.nn.Parameter)
        memo[id(tensor)] = torch.nn.Parameter(made, tensor.requires_grad) if parameter else made
    return copy.deepcopy(module, memo)


def own_dtype(module: torch.nn.Module) -> torch.dtype:
    """The dtype that a layer computes in: that of its first parameter or buffer of floating-point numbers."""
    held = itertools.chain(module.parameters(), module.buffers())
    return next((tensor.dtype for tensor in held if tensor.is_floating_point()), torch.get_default_dtype())
