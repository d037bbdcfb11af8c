"""From fields to scalars: one invariant of each field."""

import torch

from ..errors import SteerError
from ._field_type import FieldType
from ._layout import FieldLayout, blocks
from ._module import Module, traced
from ._pointwise import require_permutation


class GroupPool(Module):
    """The largest (or mean) component of each field: (batch, in_type.size, ...) to (batch, number of fields, ...).

    The group permutes the components, so the result is a trivial field (Cohen and Welling 2016). Ties share the
    gradient, which keeps it equivariant.

    Args:
        in_type: fields that the group permutes: trivial, regular, quotient, ...
        reduction: "max" or "mean".

    Raises:
        FieldTypeError: a field is not a permutation representation; `NormPool` will do.
        SteerError: unknown reduction.
    """

    def __init__(self, in_type: FieldType, reduction: str = "max") -> None:
        super().__init__(in_type, _scalars(in_type))
        if reduction not in ("max", "mean"):
            raise SteerError(f"reduction: expected 'max' or 'mean', got {reduction!r}")
        require_permutation(in_type, "GroupPool", "use NormPool, which takes the norm of any field")
        self.reduction = reduction
        self.layout = FieldLayout(in_type)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        if self.reduction == "max":
            return self.layout.reduce(x, lambda fibres: fibres.amax(3))
        return self.layout.reduce(x, lambda fibres: fibres.mean(3))

    def _export(self) -> torch.nn.Module:
        return traced(self)

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        return f"{super().extra_repr()}, reduction={self.reduction!r}"


class NormPool(Module):
    """The Euclidean norm of each field, any orthogonal representation: (batch, size, ...) to (batch, fields, ...).

    The gradient at a zero field is zero. With `per_coset` a field W.induce(G) gives one norm for each coset, that of
    the fibre W there, and the group permutes these norms.

    Args:
        in_type: type of the input; the output has one trivial field for each of its fields.
        per_coset: whether an induced field (`steer.reps.Induced`) gives a field `G.quotient(H)` instead, with H the
            group of W; others are not changed.
    """

    def __init__(self, in_type: FieldType, per_coset: bool = False) -> None:
        super().__init__(in_type, _scalars(in_type, per_coset))
        self.per_coset = per_coset
        self.layout = FieldLayout(in_type, per_coset)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        # the clamp keeps the square root from the derivative 1 / 0
        return self.layout.squares(x).clamp_min(1e-37).sqrt().to(x.dtype)

    def _export(self) -> torch.nn.Module:
        return traced(self)

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        return super().extra_repr() + (", per_coset=True" if self.per_coset else "")


def _scalars(in_type: FieldType, per_coset: bool = False) -> FieldType:
    # Module refuses what is not a type, with a better message than an attribute error
    return FieldType(in_type.group, blocks(in_type, per_coset)[0]) if isinstance(in_type, FieldType) else in_type
