"""The shape of what a layer returns, without running it."""

import copy
import itertools
from collections.abc import Sequence

import torch

from ..._values import as_tuple, is_count
from ...errors import ShapeError
from ._hooked import made_tensors


def output_shape(module: torch.nn.Module, input_shape: Sequence[int]) -> torch.Size:
    """See `Module.output_shape`."""
    what = "a shape such as (batch, channels, height, width)"
    sizes = as_tuple("input_shape", input_shape, ShapeError, what)
    if not all(is_count(size, 0) for size in sizes):
        raise ShapeError(f"input_shape: expected {what}, got {input_shape!r}")
    x = torch.empty([int(size) for size in sizes], dtype=_dtype(module), device="meta")
    with torch.no_grad():
        out = _weightless(module).eval()(x)
    assert isinstance(out, torch.Tensor), "plain tensors come out where they go in"
    return out.shape


def _weightless(module: torch.nn.Module) -> torch.nn.Module:
    """A copy of a module whose tensors have shapes alone, so that nothing is copied or computed."""
    held = [*module.parameters(), *module.buffers()]
    held += [tensor for part in module.modules() for tensor in made_tensors(part).values()]
    memo: dict[int, object] = {}
    for tensor in held:
        empty = torch.empty_like(tensor, device="meta")
        parameter = isinstance(tensor, torch.nn.Parameter)
        memo[id(tensor)] = torch.nn.Parameter(empty, tensor.requires_grad) if parameter else empty
    return copy.deepcopy(module, memo)


def _dtype(module: torch.nn.Module) -> torch.dtype:
    """The dtype that a layer computes in: that of its first parameter or buffer of floating-point numbers."""
    held = itertools.chain(module.parameters(), module.buffers())
    return next((tensor.dtype for tensor in held if tensor.is_floating_point()), torch.get_default_dtype())
