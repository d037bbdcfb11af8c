"""What the modules of a network return and compute for an input of a given shape, found on tensors without values."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ...errors import SteerError
from .._engine._output_shape import as_shape, copied, own_dtype, without_values
from .._fields._types import FieldTensor
from .._linear._steerable import Steerable


@dataclass
class Work:
    """What one module does in a call of the network, without that of the modules inside."""

    shape: tuple[int, ...] | None = None
    multiply_adds: int = 0
    expansion: int = 0


def work_of(network: torch.nn.Module, input_shape: Sequence[int], keywords: dict[str, Any]) -> dict[str, Work]:
    """The work of each module by its name; that of the network itself has the name "".

    The network runs in evaluation, on tensors without values, and where it reads values, as a copy on zeros.

    Args:
        network: any module.
        input_shape: shape of its input.
        keywords: further arguments of the call.

    Returns:
        The work by name, of modules that were called. Shapes are those of the first call, operations of all.

    Raises:
        ShapeError: no shape, or one that does not fit.
        SteerError: the network does not run.
    """
    shape, dtype = as_shape(input_shape), own_dtype(network)
    try:
        given = {name: _on_meta(value) for name, value in keywords.items()}
        return _counted(copied(network, without_values), torch.empty(shape, dtype=dtype, device="meta"), given)
    except SteerError:
        raise
    except (RuntimeError, NotImplementedError):  # what reads values: .item(), operators that torch has no shapes for
        device = next((tensor.device for tensor in network.parameters()), torch.device("cpu"))
        x = torch.zeros(shape, dtype=dtype, device=device)
    except TypeError as error:  # arguments that it does not take, or lacks
        raise _refused(network, shape, error) from error
    try:
        return _counted(copied(network, torch.clone), x, keywords)
    except (RuntimeError, TypeError, IndexError, AttributeError) as error:
        raise _refused(network, shape, error) from error


def _refused(network: torch.nn.Module, shape: tuple[int, ...], error: Exception) -> SteerError:
    return SteerError(
        f"input_shape: {type(network).__name__} does not run on one tensor of shape {shape} ({error}); pass the shape "
        f"that it takes, and what else it takes by keyword, or leave out input_shape for parameters alone"
    )


def _on_meta(value: Any) -> Any:
    return value.to("meta") if isinstance(value, torch.Tensor) else value


def _counted(network: torch.nn.Module, x: torch.Tensor, keywords: dict[str, Any]) -> dict[str, Work]:
    """Run a copy of a network, whose modules are changed to report."""
    counter = _Counter()
    for name, module in network.named_modules():
        module.register_forward_pre_hook(counter.entering(name), prepend=True)
        module.register_forward_hook(counter.leaving(name), prepend=False)
        if isinstance(module, Steerable):
            module._expanded = counter.expanding(module._expanded)  # type: ignore[method-assign, assignment]
    with torch.no_grad(), counter:
        network.eval()(x, **keywords)
    return counter.found


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up multiply-adds for the innermost module that runs."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: dict[str, Work] = {}
        self._running: list[str] = []
        self._expands = False

    def entering(self, name: str) -> Callable[..., None]:
        def enter(module: torch.nn.Module, given: Any) -> None:
            self.found.setdefault(name, Work())
            self._running.append(name)

        return enter

    def leaving(self, name: str) -> Callable[..., None]:
        def leave(module: torch.nn.Module, given: Any, out: Any) -> None:
            self._running.pop()
            tensor = out.tensor if isinstance(out, FieldTensor) else out
            if isinstance(tensor, torch.Tensor) and self.found[name].shape is None:
                self.found[name].shape = tuple(tensor.shape)

        return leave

    def expanding(self, expand: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
        def expanded(weight: torch.Tensor) -> torch.Tensor:
            with self._expansion():
                return expand(weight)

        return expanded

    @contextmanager
    def _expansion(self) -> Iterator[None]:
        self._expands = True
        try:
            yield
        finally:
            self._expands = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        count = COUNTS.get(func.overloadpacket)
        if count is not None and self._running:
            work = self.found[self._running[-1]]
            if self._expands:
                work.expansion += count(args, out)
            else:
                work.multiply_adds += count(args, out)
        return out


def _product(first: int) -> Callable[[Any, Any], int]:
    """Of a product of matrices, whose left one is that argument: each entry of the result sums over its last axis."""
    return lambda args, out: int(math.prod(out.shape) * args[first].shape[-1])


def _convolution(args: Any, out: Any) -> int:
    """Each sample of the result, or in a transposed convolution of the input, meets the filter of its group once."""
    x, filters, transposed = args[0], args[1], args[6]
    reads = x if transposed else out
    return int(math.prod(reads.shape) * math.prod(filters.shape[1:]))


def _attention(args: Any, out: Any) -> int:
    """Scores of queries and keys, and the sums of values that they weigh."""
    query, key, value = args[:3]
    return int(math.prod(query.shape[:-1]) * key.shape[-2] * (query.shape[-1] + value.shape[-1]))


_ATEN = torch.ops.aten
COUNTS: dict[Any, Callable[[Any, Any], int]] = {
    _ATEN.mm: _product(0),
    _ATEN.bmm: _product(0),
    _ATEN.addmm: _product(1),
    _ATEN.baddbmm: _product(1),
    _ATEN.convolution: _convolution,
    _ATEN._scaled_dot_product_efficient_attention: _attention,
    _ATEN._scaled_dot_product_flash_attention: _attention,
    _ATEN._scaled_dot_product_flash_attention_for_cpu: _attention,
    _ATEN._scaled_dot_product_cudnn_attention: _attention,
}
"""Operators of torch that multiply and add more than once a number: products of matrices; others count nothing."""
