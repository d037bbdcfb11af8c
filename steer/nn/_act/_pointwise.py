"""Functions applied to every channel alone, equivariant on fields whose representation permutes the channels.

Odd functions commute with changes of sign, too, and even ones undo them.
"""

from collections.abc import Callable

import torch

from ...reps import Representation
from .._engine._module import Module, require_permutation, traced
from .._fields._types import FieldType, require_types
from ._elementwise import Function, as_pointwise
from ._parity import EVEN, parity
from ._signed import unsigned


class Pointwise(Module):
    """An elementwise torch module, on fields that the group permutes; with signs, where it is odd or even.

    `ReLU`, `ELU` and the others are this with a module of torch.

    Where the group changes signs, as of pseudoscalars, functions with f(-x) = -f(x) are equivariant: tanh, softsign,
    hardtanh, tanhshrink, x^3. Those with f(-x) = f(x) make fields without signs, of pseudoscalars scalars: abs, square,
    cos. So `out_type` is `in_type`, but for the fields that change sign where the function is even: of these it has a
    trivial field for one of one component, G.quotient(H) for one induced from such of H, `steer.reps.Unsigned` else.

    Args:
        in_type: fields that the group permutes: trivial, regular, quotient, ...; with signs, such as irreps of one
            component, if the function is odd or even.
        function: an elementwise module, e.g. ``torch.nn.Softplus()``, or function, e.g. ``torch.tanh``. It is tried
            when the layer is built, with its parameters as they may become: one that mixes numbers or tells channels
            apart is not equivariant and refused (softmax, normalisations, convolutions, a PReLU with a slope for each
            channel; the last is taken where all fields are of one component). One that is random in training is taken
            if it draws for each number alone (RReLU); it is then equivariant in distribution. Where fields change sign,
            f(-x) and f(x) are compared.

    Shape:
        (batch, in_type.size, ...) -> the same.

    Raises:
        FieldTypeError: a field is not a permutation representation, or is one up to signs and the function is neither
            odd nor even; or the function is not elementwise.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> G = steer.group("C4", dim=2)
        >>> act = nn.Pointwise(nn.FieldType(G, [G.regular]), torch.nn.Softplus())
        >>> act(torch.zeros(1, 4)).shape
        torch.Size([1, 4])
        >>> O3 = steer.group("O(3)", dim=3)
        >>> pseudoscalars = nn.FieldType(O3, 8 * [O3.irrep("0o")])
        >>> print(nn.Pointwise(pseudoscalars, torch.tanh).out_type)
        8 0o of O(3) (8 channels)
        >>> print(nn.Pointwise(pseudoscalars, torch.abs).out_type)
        8 0e of O(3) (8 channels)
    """

    def __init__(self, in_type: FieldType, function: torch.nn.Module | Callable[[torch.Tensor], torch.Tensor]) -> None:
        require_types(type(self).__name__, in_type=in_type)
        module = as_pointwise(in_type, function)
        super().__init__(in_type, _out_type(type(self).__name__, in_type, module))
        self.function = module

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.function(x)
        return out

    def _export(self) -> torch.nn.Module:
        return traced(self) if isinstance(self.function, Function) else self.function

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        options = repr(self.function) if type(self) is Pointwise else self.function.extra_repr()
        return ", ".join(filter(None, (super().extra_repr(), options)))


def _out_type(layer: str, in_type: FieldType, function: torch.nn.Module) -> FieldType:
    """The type of f(x); an error where the function does not commute with the group."""
    if all(rep.is_permutation for rep in in_type.kinds):
        return in_type
    with_signs = all(rep.is_signed_permutation for rep in in_type.kinds)
    found = parity(function, in_type.size) if with_signs else 0
    if not found:
        odd = ", or a function that is odd, such as nn.Tanh, or even" if with_signs else ""
        require_permutation(in_type, layer, f"use NormAct for it, which keeps directions{odd}")
    if found != EVEN:
        return in_type
    parts: dict[Representation, Representation] = {rep: unsigned(rep) for rep in in_type.kinds}
    return FieldType(in_type.group, [parts[rep] for rep in in_type])


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
    """The hyperbolic tangent, `torch.nn.Tanh`, on fields that the group permutes with or without signs, being odd.

    Args:
        in_type: fields that the group permutes: trivial, regular, quotient, ...; with signs: irreps of one component,
            what these induce, ...

    Shape:
        (batch, in_type.size, ...) -> the same.

    Raises:
        FieldTypeError: a field is no permutation representation up to signs; `NormAct`, `Gate` and `FourierAct` take
            others.
    """

    def __init__(self, in_type: FieldType) -> None:
        super().__init__(in_type, torch.nn.Tanh())
