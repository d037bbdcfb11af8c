"""Functions applied to every channel alone, equivariant on fields whose representation permutes the channels."""

from collections.abc import Callable

import torch

from .._engine._module import Module, require_permutation, traced
from .._fields._types import FieldType
from ._elementwise import Function, as_pointwise


class Pointwise(Module):
    """An elementwise torch module, on fields that the group permutes.

    `ReLU`, `ELU` and the others are this with a module of torch.

    Args:
        in_type: fields that the group permutes: trivial, regular, quotient, ...
        function: an elementwise module, e.g. ``torch.nn.Softplus()``, or function, e.g. ``torch.tanh``. It is tried
            when the layer is built, with its parameters as they may become: one that mixes numbers or tells channels
            apart is not equivariant and refused (softmax, normalisations, convolutions, a PReLU with a slope for each
            channel; the last is taken where all fields are trivial). One that is random in training is taken if it
            draws for each number alone (RReLU); it is then equivariant in distribution.

    Shape:
        (batch, in_type.size, ...) -> the same.

    Raises:
        FieldTypeError: a field is not a permutation representation, or the function is not elementwise.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> G = steer.group("C4", dim=2)
        >>> act = nn.Pointwise(nn.FieldType(G, [G.regular]), torch.nn.Softplus())
        >>> act(torch.zeros(1, 4)).shape
        torch.Size([1, 4])
    """

    def __init__(self, in_type: FieldType, function: torch.nn.Module | Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__(in_type, in_type)
        require_permutation(in_type, type(self).__name__, "use NormAct for it, which keeps directions")
        self.function = as_pointwise(in_type, function)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.function(x)
        return out

    def _export(self) -> torch.nn.Module:
        return traced(self) if isinstance(self.function, Function) else self.function

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        options = repr(self.function) if type(self) is Pointwise else self.function.extra_repr()
        return ", ".join(filter(None, (super().extra_repr(), options)))


class ReLU(Pointwise):
    """The rectifier max(x, 0), `torch.nn.ReLU`, on fields that the group permutes.

    Args:
        in_type: fields that the group permutes: trivial, regular, quotient, ...
        inplace: write the result into the input.

    Shape:
        (batch, in_type.size, ...) -> the same.

    Raises:
        FieldTypeError: a field is not a permutation representation; `NormAct`, `Gate` and `FourierAct` take others.
    """

    def __init__(self, in_type: FieldType, inplace: bool = False) -> None:
        super().__init__(in_type, torch.nn.ReLU(inplace))


class ELU(Pointwise):
    """The exponential linear unit, `torch.nn.ELU`, on fields that the group permutes.

    Args:
        in_type: fields that the group permutes: trivial, regular, quotient, ...
        alpha: what negative values tend to, times -1.
        inplace: write the result into the input.

    Shape:
        (batch, in_type.size, ...) -> the same.

    Raises:
        FieldTypeError: a field is not a permutation representation; `NormAct`, `Gate` and `FourierAct` take others.
    """

    def __init__(self, in_type: FieldType, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(in_type, torch.nn.ELU(alpha, inplace))


class LeakyReLU(Pointwise):
    """The leaky rectifier, `torch.nn.LeakyReLU`, on fields that the group permutes.

    Args:
        in_type: fields that the group permutes: trivial, regular, quotient, ...
        negative_slope: factor of negative values.
        inplace: write the result into the input.

    Shape:
        (batch, in_type.size, ...) -> the same.

    Raises:
        FieldTypeError: a field is not a permutation representation; `NormAct`, `Gate` and `FourierAct` take others.
    """

    def __init__(self, in_type: FieldType, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(in_type, torch.nn.LeakyReLU(negative_slope, inplace))


class GELU(Pointwise):
    """The Gaussian error linear unit, `torch.nn.GELU`, on fields that the group permutes.

    Args:
        in_type: fields that the group permutes: trivial, regular, quotient, ...
        approximate: "none" or "tanh".

    Shape:
        (batch, in_type.size, ...) -> the same.

    Raises:
        FieldTypeError: a field is not a permutation representation; `NormAct`, `Gate` and `FourierAct` take others.
    """

    def __init__(self, in_type: FieldType, approximate: str = "none") -> None:
        super().__init__(in_type, torch.nn.GELU(approximate))


class SiLU(Pointwise):
    """The sigmoid linear unit x sigmoid(x), `torch.nn.SiLU`, on fields that the group permutes.

    Args:
        in_type: fields that the group permutes: trivial, regular, quotient, ...
        inplace: write the result into the input.

    Shape:
        (batch, in_type.size, ...) -> the same.

    Raises:
        FieldTypeError: a field is not a permutation representation; `NormAct`, `Gate` and `FourierAct` take others.
    """

    def __init__(self, in_type: FieldType, inplace: bool = False) -> None:
        super().__init__(in_type, torch.nn.SiLU(inplace))


class Sigmoid(Pointwise):
    """The logistic function 1 / (1 + exp(-x)), `torch.nn.Sigmoid`, on fields that the group permutes.

    Args:
        in_type: fields that the group permutes: trivial, regular, quotient, ...

    Shape:
        (batch, in_type.size, ...) -> the same.

    Raises:
        FieldTypeError: a field is not a permutation representation; `NormAct`, `Gate` and `FourierAct` take others.
    """

    def __init__(self, in_type: FieldType) -> None:
        super().__init__(in_type, torch.nn.Sigmoid())


class Tanh(Pointwise):
    """The hyperbolic tangent, `torch.nn.Tanh`, on fields that the group permutes.

    Args:
        in_type: fields that the group permutes: trivial, regular, quotient, ...

    Shape:
        (batch, in_type.size, ...) -> the same.

    Raises:
        FieldTypeError: a field is not a permutation representation; `NormAct`, `Gate` and `FourierAct` take others.
    """

    def __init__(self, in_type: FieldType) -> None:
        super().__init__(in_type, torch.nn.Tanh())
