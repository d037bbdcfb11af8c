"""Modules side by side: branches whose outputs are concatenated, and sums with a shortcut."""

import functools
import operator
from collections.abc import Callable
from typing import Any

import torch

from ...errors import FieldTypeError, ShapeError
from .._engine._module import Module, require_module
from .._fields._types import FieldType
from ._chain import Composite


class Identity(Module):
    """The identity on fields of a type, for a branch that passes its input on.

    Args:
        in_type: type of the input and output.

    Shape:
        (batch, in_type.size, ...) -> the same.

    Raises:
        FieldTypeError: `in_type` is no FieldType.
    """

    def __init__(self, in_type: FieldType) -> None:
        super().__init__(in_type, in_type)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def _export(self) -> torch.nn.Module:
        return torch.nn.Identity()


class Branch(Composite):
    """The same input through several modules, and their outputs concatenated.

    `in_type` is that of all modules, `out_type` the sum of their output types, in order. The modules are the children
    "0", "1", ... A U-Net's skip connection is ``nn.Branch(nn.Identity(t), deeper)``. The counterpart for tensors at
    hand is `nn.cat`.

    Args:
        *modules: steer modules with one input type and outputs over the same positions.

    Shape:
        (batch, in_type.size, ...) -> (batch, out_type.size, ...).

    Raises:
        FieldTypeError: no module, one without field types, or one with another `in_type` or group of the output.
        ShapeError: at run time, outputs over different positions.
    """

    def __init__(self, *modules: Module) -> None:
        for index, module in enumerate(modules):
            require_module(f"modules[{index}]", module)
            if module.in_type != modules[0].in_type:
                raise FieldTypeError(
                    f"modules[{index}]: all branches read the same fields, but {type(module).__name__} expects "
                    f"{module.in_type} and the first, {type(modules[0]).__name__}, {modules[0].in_type}"
                )
        if not modules:
            raise FieldTypeError("modules: expected at least one module, got none")
        super().__init__(modules[0].in_type, functools.reduce(operator.add, (module.out_type for module in modules)))
        for index, module in enumerate(modules):
            self.add_module(str(index), module)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        parts = [module(x) for module in self.children()]
        for part in parts[1:]:
            _require_alike("Branch concatenates", part, parts[0])
        return torch.cat(parts, 1)

    def _plain(self, replace: Callable[[torch.nn.Module], torch.nn.Module]) -> torch.nn.Module:
        parts = {name: replace(module) for name, module in self.named_children()}
        return joined(parts, lambda outputs: torch.cat(outputs, 1))


class Residual(Composite):
    """A body and a shortcut around it, y = body(x) + shortcut(x), the identity if there is none (He et al. 2016).

    The children are "body" and "shortcut".

    Args:
        body: a steer module.
        shortcut: a steer module with the types of the body, such as a convolution with kernel size 1 where these
            differ; None for the identity.

    Shape:
        (batch, in_type.size, ...) -> (batch, out_type.size, ...).

    Raises:
        FieldTypeError: no steer module, or types that do not agree.
        ShapeError: at run time, summands over different positions.
    """

    shortcut: Module | None

    def __init__(self, body: Module, shortcut: Module | None = None) -> None:
        require_module("body", body)
        if shortcut is not None:
            require_module("shortcut", shortcut)
            if shortcut.in_type != body.in_type:
                raise FieldTypeError(
                    f"shortcut: it must read the fields that the body reads, {body.in_type}, but expects "
                    f"{shortcut.in_type}"
                )
        added = body.in_type if shortcut is None else shortcut.out_type
        if added != body.out_type:
            instead = "" if shortcut is not None else "; pass one, such as a convolution from type to type of size 1"
            raise FieldTypeError(
                f"shortcut: only fields of one type can be added, but the body returns {body.out_type} and the "
                f"shortcut{' (the identity)' if shortcut is None else ''} {added}{instead}"
            )
        super().__init__(body.in_type, body.out_type)
        self.body = body
        self.shortcut = shortcut

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.body(x)
        added: torch.Tensor = x if self.shortcut is None else self.shortcut(x)
        _require_alike("Residual adds", made, added)
        return made + added

    def _plain(self, replace: Callable[[torch.nn.Module], torch.nn.Module]) -> torch.nn.Module:
        shortcut = torch.nn.Identity() if self.shortcut is None else replace(self.shortcut)
        return joined({"body": replace(self.body), "shortcut": shortcut}, lambda outputs: outputs[0] + outputs[1])


def joined(parts: dict[str, torch.nn.Module], function: Callable[[list[Any]], Any]) -> torch.fx.GraphModule:
    """A module of plain torch: modules side by side, and a function of their outputs."""
    graph = torch.fx.Graph()
    tracer = torch.fx.proxy.GraphAppendingTracer(graph)
    x = graph.placeholder("x")
    outputs = [torch.fx.Proxy(graph.call_module(name, (x,)), tracer) for name in parts]
    graph.output(function(outputs).node)
    return torch.fx.GraphModule(parts, graph, class_name="Joined")


def _require_alike(what: str, x: torch.Tensor, first: torch.Tensor) -> None:
    if x.shape[2:] != first.shape[2:]:
        raise ShapeError(
            f"x: {what} feature maps over the same positions, got outputs {tuple(first.shape)} and {tuple(x.shape)}; "
            f"pad the convolutions, or resize with Upsample or a pooling layer"
        )
