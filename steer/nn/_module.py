"""The base of every layer: typed at construction, plain tensors at run time."""

from collections.abc import Callable
from typing import overload

import torch

from ..errors import FieldTypeError, ShapeError
from ._constants import Constants
from ._field_type import FieldTensor, FieldType


class Module(Constants):
    """A layer from fields of one type to fields of another: the base of every module of `steer.nn`.

    Give it a plain tensor and it returns a plain tensor; give it a `FieldTensor` and its type is checked and a
    `FieldTensor` of `out_type` returned. Subclasses define `_compute` on plain tensors and `_export`, which returns a
    plain module for `steer.export`.

    Args:
        in_type: type of the input.
        out_type: type of the output.

    Attributes:
        in_type: type of the input.
        out_type: type of the output.

    Shape:
        (batch, in_type.size, ...) -> (batch, out_type.size, ...).

    Raises:
        FieldTypeError: a type is none, or a FieldTensor of another type.
        ShapeError: a plain tensor of another number of channels or axes.
    """

    def __init__(self, in_type: FieldType, out_type: FieldType) -> None:
        super().__init__()
        for name, value in (("in_type", in_type), ("out_type", out_type)):
            if not isinstance(value, FieldType):
                raise FieldTypeError(f"{name}: {type(self).__name__} expects a FieldType, got {value!r}")
        self.in_type = in_type
        self.out_type = out_type

    @overload
    def forward(self, x: torch.Tensor) -> torch.Tensor: ...
    @overload
    def forward(self, x: FieldTensor) -> FieldTensor: ...
    def forward(self, x: torch.Tensor | FieldTensor) -> torch.Tensor | FieldTensor:
        """Apply the layer: check the input, compute, and give the result its type if the input had one.

        Args:
            x: (batch, in_type.size, ...), a tensor or a `FieldTensor` of `in_type`.

        Returns:
            (batch, out_type.size, ...), a tensor or a `FieldTensor` of `out_type`, as the input.

        Raises:
            FieldTypeError: a FieldTensor of another type.
            ShapeError: a tensor of another number of channels or axes.
        """
        if not isinstance(x, FieldTensor):
            self._check(x)
            return self._compute(x)
        if x.type is not self.in_type and x.type != self.in_type:
            raise FieldTypeError(f"x: {type(self).__name__} expects fields of type {self.in_type}, got {x.type}")
        self._check(x.tensor)
        return FieldTensor(self._compute(x.tensor), self.out_type)

    def _check(self, x: torch.Tensor) -> None:
        """Refuse a tensor that does not fit `in_type`."""
        self.in_type.check(x)

    def _check_space(self, x: torch.Tensor) -> None:
        """Refuse a tensor that is not a feature map (batch, channels, *space) over the group's space."""
        dim = self.in_type.group.dim
        if x.dim() != dim + 2:
            raise ShapeError(
                f"x: {type(self).__name__} expects (batch, {self.in_type.size}) and {dim} axes of space, "
                f"got {tuple(x.shape)}"
            )

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        raise TypeError(f"{type(self).__name__} must define _compute")

    def _export(self) -> torch.nn.Module:
        """The same function as a module of plain torch; see `steer.export`."""
        raise TypeError(f"{type(self).__name__} must define _export")

    def _plain(self, replace: Callable[[torch.nn.Module], torch.nn.Module]) -> torch.nn.Module:
        """`_export` of a module that holds others, whose plain forms `replace` returns."""
        return self._export()

    def __repr__(self) -> str:
        # one line: the torch modules inside say nothing that extra_repr does not
        return f"{type(self).__name__}({self.extra_repr()})"

    def extra_repr(self) -> str:
        """Types, for printing."""
        return str(self.in_type) if self.in_type == self.out_type else f"{self.in_type} -> {self.out_type}"


def traced(module: Module) -> torch.fx.GraphModule:
    """`module._compute` as a graph of torch operations, which unpickles without this package; for `_export`."""
    tracer = torch.fx.Tracer()
    tracer.traced_func_name = "_compute"
    return torch.fx.GraphModule(module, tracer.trace(module), class_name=type(module).__name__)
