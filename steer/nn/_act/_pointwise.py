"""Functions applied to every channel alone, equivariant on fields whose representation permutes the channels."""

from collections.abc import Mapping

import torch

from ...errors import FieldTypeError, SteerError, nearest
from .._engine._module import Module, require_permutation
from .._fields._types import FieldType


class Pointwise(Module):
    """An elementwise torch module, on fields that the group permutes.

    `ReLU`, `ELU` and the others are this with a module of torch.

    Args:
        in_type: fields that the group permutes: trivial, regular, quotient, ...
        function: an elementwise module, e.g. ``torch.nn.Softplus()``; one that mixes or distinguishes channels is not
            equivariant.

    Shape:
        (batch, in_type.size, ...) -> the same.

    Raises:
        FieldTypeError: a field is not a permutation representation.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> G = steer.group("C4", dim=2)
        >>> act = nn.Pointwise(nn.FieldType(G, [G.regular]), torch.nn.Softplus())
        >>> act(torch.zeros(1, 4)).shape
        torch.Size([1, 4])
    """

    def __init__(self, in_type: FieldType, function: torch.nn.Module) -> None:
        super().__init__(in_type, in_type)
        if not isinstance(function, torch.nn.Module):
            raise FieldTypeError(
                f"function: expected an elementwise torch module such as torch.nn.ReLU(), got {function!r}"
            )
        require_permutation(in_type, type(self).__name__, "use NormAct for it, which keeps directions")
        self.function = function

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.function(x)
        return out

    def _export(self) -> torch.nn.Module:
        return self.function

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


def named_function(function: object, known: Mapping[str, type[torch.nn.Module]]) -> torch.nn.Module:
    """The elementwise module that the argument `function` names, the first of `known` by example, or is.

    Raises:
        SteerError: unknown name, no elementwise torch module, or one that works in place.
    """
    if isinstance(function, str):
        if function not in known:
            raise SteerError(
                f"function: expected one of {', '.join(map(repr, known))}, or an elementwise torch module, "
                f"got {function!r}; {nearest(function, known)}"
            )
        return known[function]()
    name, example = next(iter(known.items()))
    return elementwise("function", function, f"{name!r} or torch.nn.{example.__name__}()")


def elementwise(name: str, module: object, example: str) -> torch.nn.Module:
    """An argument that must be an elementwise module of torch, and leave its input as it is.

    Raises:
        SteerError: it is none, or works in place.
    """
    if not isinstance(module, torch.nn.Module) or isinstance(module, Module):
        raise SteerError(f"{name}: expected an elementwise torch module such as {example}, got {module!r}")
    if any(getattr(part, "inplace", False) for part in module.modules()):
        raise SteerError(f"{name}: {module!r} would overwrite the layer's input; build it without inplace=True")
    return module
