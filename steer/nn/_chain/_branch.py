"""Modules side by side: on the same fields or each on its own, with outputs concatenated; and sums with a shortcut."""

import functools
import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self, overload

import torch

from ...errors import FieldTypeError, ShapeError, SteerError
from .._engine._module import Module, require_module
from .._fields._fields import require_one_group
from .._fields._types import FieldType
from ._composite import Composite


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


class _Beside(Composite):
    """Modules side by side, the children "0", "1", ..., whose outputs are concatenated."""

    def __init__(self, *modules: Module) -> None:
        for index, module in enumerate(modules):
            require_module(f"modules[{index}]", module)
        if not modules:
            raise FieldTypeError("modules: expected at least one module, got none")
        super().__init__(*self._types_of(list(modules)))
        for index, module in enumerate(modules):
            self.add_module(str(index), module)

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Module | Self:
        parts = [module for _, module in self._parts()]
        return type(self)(*parts[index]) if isinstance(index, slice) else parts[self._place_of(index, len(parts))]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter([module for _, module in self._parts()])

    def _concatenated(self, parts: list[torch.Tensor]) -> torch.Tensor:
        for part in parts[1:]:
            _require_alike(f"{type(self).__name__} concatenates", part, parts[0])
        return torch.cat(parts, 1)


class Branch(_Beside):
    """The same input through several modules, and their outputs concatenated.

    `in_type` is that of all modules, `out_type` the sum of their output types, in order. The modules are the children
    "0", "1", ..., which indices, slices, `len` and iteration reach, as in a `torch.nn.ModuleList`. A U-Net's skip
    connection is ``nn.Branch(nn.Identity(t), deeper)``. The counterpart for tensors at hand is `nn.cat`. See `Parallel`
    for modules that read fields of their own each.

    Args:
        *modules: steer modules with one input type and outputs over the same positions.

    Shape:
        (batch, in_type.size, ...) -> (batch, out_type.size, ...). Keywords of the call go to the modules that take
        them.

    Raises:
        FieldTypeError: no module, one without field types, or one with another `in_type` or group of the output.
        ShapeError: at run time, outputs over different positions.
        SteerError: at run time, a keyword that no module takes; a module that writes into the input, which others read.
    """

    def _types_of(self, modules: list[Module]) -> tuple[FieldType, FieldType]:
        for index, module in enumerate(modules):
            if module.in_type != modules[0].in_type:
                raise FieldTypeError(
                    f"modules[{index}]: all branches read the same fields, but {type(module).__name__} expects "
                    f"{module.in_type} and the first, {type(modules[0]).__name__}, {modules[0].in_type}"
                )
        return modules[0].in_type, functools.reduce(operator.add, (module.out_type for module in modules))

    def _through(self, x: torch.Tensor, keywords: dict[str, Any]) -> torch.Tensor:
        parts = self._parts()
        if len(parts) == 1:
            return self._call(parts[0][1], x, keywords)
        return self._concatenated([_beside_others(self, name, module, x, keywords) for name, module in parts])

    def _plain(self, replace: Callable[[torch.nn.Module], torch.nn.Module]) -> torch.nn.Module:
        parts = {name: replace(module) for name, module in self._parts()}
        return joined(parts, lambda outputs: torch.cat(outputs, 1))


class Parallel(_Beside):
    """Each module on fields of its own, and their outputs concatenated: other layers for other fields.

    The first module takes the first fields, as many as its `in_type` has, the second the next, and so on. `in_type` is
    the sum of their input types and `out_type` that of their output types, in order. The modules are the children "0",
    "1", ..., which indices, slices, `len` and iteration reach, as in a `torch.nn.ModuleList`. A pointwise function for
    regular fields and another one for vectors::

        conv = nn.Conv2d(image, regular + vectors, 5)
        nn.Sequential(conv, nn.Parallel(nn.ReLU(regular), nn.NormAct(vectors)))

    Fields that stay as they are pass through `Identity`. See `Branch` for several modules on the same fields.

    Args:
        *modules: steer modules of one group, whose outputs are over the same positions.

    Shape:
        (batch, in_type.size, ...) -> (batch, out_type.size, ...). Keywords of the call go to the modules that take
        them.

    Raises:
        FieldTypeError: no module, one without field types, or input or output types of two groups.
        ShapeError: at run time, a tensor of another number of channels, or outputs over different positions.
        SteerError: at run time, a keyword that no module takes; a module that writes into the input, which others read.
    """

    def _types_of(self, modules: list[Module]) -> tuple[FieldType, FieldType]:
        for index, module in enumerate(modules):
            require_one_group(f"modules[{index}]: its in_type", module.in_type, modules[0].in_type)
            require_one_group(f"modules[{index}]: its out_type", module.out_type, modules[0].out_type)
        return (
            functools.reduce(operator.add, [module.in_type for module in modules]),
            functools.reduce(operator.add, [module.out_type for module in modules]),
        )

    def _check(self, x: torch.Tensor) -> None:
        self.in_type.check(x)  # the split would hide how many channels came

    def _through(self, x: torch.Tensor, keywords: dict[str, Any]) -> torch.Tensor:
        modules = [module for _, module in self._parts()]
        inputs = _divided(x, [module.in_type.size for module in modules], any(map(_may_write, modules)))
        return self._concatenated(
            [self._call(module, part, keywords) for module, part in zip(modules, inputs, strict=True)]
        )

    def _plain(self, replace: Callable[[torch.nn.Module], torch.nn.Module]) -> torch.nn.Module:
        parts = {name: replace(module) for name, module in self._parts()}
        sizes = [module.in_type.size for _, module in self._parts()]
        return joined(parts, lambda outputs: torch.cat(outputs, 1), sizes)

    def extra_repr(self) -> str:
        """The types, which are those of no module inside."""
        return Module.extra_repr(self)


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
        SteerError: at run time, a body that writes into the input, which the shortcut reads.
    """

    shortcut: Module | None

    def __init__(self, body: Module, shortcut: Module | None = None) -> None:
        require_module("body", body)
        if shortcut is not None:
            require_module("shortcut", shortcut)
        super().__init__(*self._types_of([body] if shortcut is None else [body, shortcut]))
        self.body = body
        self.shortcut = shortcut

    def _types_of(self, modules: list[Module]) -> tuple[FieldType, FieldType]:
        body, shortcut = modules[0], modules[1] if len(modules) > 1 else None
        if shortcut is not None and shortcut.in_type != body.in_type:
            raise FieldTypeError(
                f"shortcut: it must read the fields that the body reads, {body.in_type}, but expects {shortcut.in_type}"
            )
        added = body.in_type if shortcut is None else shortcut.out_type
        if added != body.out_type:
            instead = "" if shortcut is not None else "; pass one, such as a convolution from type to type of size 1"
            raise FieldTypeError(
                f"shortcut: only fields of one type can be added, but the body returns {body.out_type} and the "
                f"shortcut{' (the identity)' if shortcut is None else ''} {added}{instead}"
            )
        return body.in_type, body.out_type

    def _through(self, x: torch.Tensor, keywords: dict[str, Any]) -> torch.Tensor:
        made = _beside_others(self, "body", self.body, x, keywords)
        added = x if self.shortcut is None else _beside_others(self, "shortcut", self.shortcut, x, keywords)
        _require_alike("Residual adds", made, added)
        return made + added

    def _plain(self, replace: Callable[[torch.nn.Module], torch.nn.Module]) -> torch.nn.Module:
        shortcut = torch.nn.Identity() if self.shortcut is None else replace(self.shortcut)
        return joined({"body": replace(self.body), "shortcut": shortcut}, lambda outputs: outputs[0] + outputs[1])


def _beside_others(
    outer: Composite, name: str, module: Module, x: torch.Tensor, keywords: dict[str, Any]
) -> torch.Tensor:
    """The output of a module for what others read, too, which it must leave as it is."""
    before = _writes(x)
    out = outer._call(module, x, keywords)
    if _writes(x) != before:
        raise SteerError(
            f"{type(outer).__name__}: the module {name!r}, {type(module).__name__}, writes into its input, which "
            f"others read; build it without inplace=True"
        )
    return out


def _writes(x: object) -> int:
    """How often a tensor has been written to, where torch counts."""
    if not isinstance(x, torch.Tensor) or torch.compiler.is_compiling() or x.is_inference():
        return 0
    return x._version


def _may_write(module: torch.nn.Module) -> bool:
    return any(getattr(part, "inplace", False) for part in module.modules())


def _divided(x: Any, sizes: Sequence[int], written: bool) -> Sequence[Any]:
    """So many channels each. Torch lets parts that are written to be cut off one by one only, with slower gradients."""
    if not written:
        return torch.split(x, list(sizes), 1)
    starts = itertools.accumulate(sizes, initial=0)
    return [x.narrow(1, start, size) for start, size in zip(starts, sizes, strict=False)]


def joined(
    parts: dict[str, torch.nn.Module],
    function: Callable[[list[Any]], Any],
    sizes: Sequence[int] | None = None,
) -> torch.fx.GraphModule:
    """A module of plain torch: modules side by side, on x or each on so many of its channels; a function of outputs."""
    graph = torch.fx.Graph()
    tracer = torch.fx.proxy.GraphAppendingTracer(graph)
    x = graph.placeholder("x")
    inputs = [x] * len(parts)
    if sizes is not None:
        divided = _divided(torch.fx.Proxy(x, tracer), sizes, any(map(_may_write, parts.values())))
        inputs = [divided[index].node for index in range(len(sizes))]
    outputs = [
        torch.fx.Proxy(graph.call_module(name, (given,)), tracer) for name, given in zip(parts, inputs, strict=True)
    ]
    graph.output(function(outputs).node)
    return torch.fx.GraphModule(parts, graph, class_name="Joined")


def _require_alike(what: str, x: torch.Tensor, first: torch.Tensor) -> None:
    if x.shape[2:] != first.shape[2:]:
        raise ShapeError(
            f"x: {what} feature maps over the same positions, got outputs {tuple(first.shape)} and {tuple(x.shape)}; "
            f"pad the convolutions, or resize with Upsample or a pooling layer"
        )
