"""Dropout of whole fields, or of single numbers where the group permutes these."""

import torch

from ..._values import require_flag
from ...errors import SteerError
from .._engine._arguments import require_probability
from .._engine._layout import FieldLayout
from .._engine._module import Module, require_permutation
from .._fields._types import FieldType


class Dropout(Module):
    """Dropout of whole fields: zero each of each sample with probability p, and scale the others by 1 / (1 - p).

    A field is dropped at all positions at once; of most fields, dropping single components would not be equivariant.
    The identity in evaluation mode. For trivial fields it is `torch.nn.Dropout2d`.

    With `elementwise` it is `torch.nn.Dropout`: every number is dropped alone, at each position. That is equivariant in
    distribution where the group moves components to components, up to signs: dropped numbers come anywhere equally
    likely, so that the result for moved fields is distributed as the moved result.

    Args:
        in_type: type of the input and output.
        p: probability of a field to be dropped, or of a number.
        inplace: write the result into the input.
        elementwise: drop single numbers, of fields that the group permutes with or without signs: trivial, regular,
            quotient, irreps of one component, ...

    Shape:
        (batch, in_type.size, ...) -> the same.

    Raises:
        SteerError: p is not between 0 and 1.
        FieldTypeError: `elementwise`, and the group does not permute a field, even up to signs.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> G = steer.group("C4", dim=2)
        >>> t = nn.FieldType(G, 2 * [G.regular])
        >>> single = nn.Dropout(t, elementwise=True)(torch.ones(1000, 8)).reshape(2000, 4)
        >>> whole = nn.Dropout(t)(torch.ones(1000, 8)).reshape(2000, 4)
        >>> [bool((fields == fields[:, :1]).all()) for fields in (whole, single)]  # whether components stay together
        [True, False]
    """

    def __init__(self, in_type: FieldType, p: float = 0.5, inplace: bool = False, elementwise: bool = False) -> None:
        super().__init__(in_type, in_type)
        self.p = require_probability("p", p)
        self.inplace = inplace
        self.elementwise = require_flag("elementwise", elementwise, SteerError)
        if elementwise:
            require_permutation(
                in_type,
                "Dropout with elementwise=True",
                "leave it out, which drops whole fields of any type",
                signs=True,
            )
        else:
            self.layout = FieldLayout(in_type)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.p == 0:
            return x
        if self.elementwise:
            return torch.nn.functional.dropout(x, self.p, inplace=self.inplace)
        fields = torch.nn.functional.dropout(x.new_ones(x.shape[0], len(self.in_type)), self.p)
        mask = self.layout.spread(fields).reshape(*x.shape[:2], *(x.dim() - 2) * [1])
        return x.mul_(mask) if self.inplace else x * mask

    def _export(self) -> torch.nn.Module:
        return torch.nn.Identity()

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        single = ", elementwise=True" if self.elementwise else ""
        return f"{super().extra_repr()}, p={self.p}, inplace={self.inplace}{single}"
