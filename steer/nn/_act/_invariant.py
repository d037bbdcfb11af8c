"""From fields to scalars: one invariant of each field."""

import numpy as np
import numpy.typing as npt
import torch

from ..._values import is_one_of
from ...errors import FieldTypeError, SteerError
from ...reps import Group, Induced, Representation
from .._engine._layout import FieldLayout, blocks
from .._engine._module import Module, require_permutation
from .._fields._types import FieldType, require_types


class GroupPool(Module):
    """The largest (or mean) component of each field: an invariant scalar, or with `subgroup` a function on cosets.

    The group permutes the components, so the result is a trivial field (Cohen and Welling 2016). Ties share the
    gradient, which keeps it equivariant.

    With a `subgroup` H it is the coset pooling of sec. 6.3 there: a regular or quotient field, a function on G/K with
    K <= H, becomes the field `G.quotient(H)`, whose component of the coset gH is the largest (or mean) one of those
    gK that lie in it. So what is left is invariant under H alone: a field of D4 pooled over its rotations C4 is a pair
    that reflections exchange.

    Args:
        in_type: fields that the group permutes: trivial, regular, quotient, ...
        reduction: "max" or "mean".
        subgroup: H, a subgroup of the type's group or its name; the whole group when None.

    Shape:
        (batch, in_type.size, ...) -> (batch, len(in_type), ...); with a subgroup, (batch, len(in_type) times its index,
        ...).

    Raises:
        FieldTypeError: a field is not a permutation representation, for which `NormPool` will do; or no function on
            G/K with K <= H.
        GroupError: not a subgroup.
        SteerError: unknown reduction.
    """

    channels: torch.Tensor

    def __init__(self, in_type: FieldType, reduction: str = "max", subgroup: Group | str | None = None) -> None:
        require_types(type(self).__name__, in_type=in_type)
        if not is_one_of(reduction, ("max", "mean")):
            raise SteerError(f"reduction: expected 'max' or 'mean', got {reduction!r}")
        require_permutation(in_type, "GroupPool", "use NormPool, which takes the norm of any field")
        group = in_type.group
        small = group if subgroup is None else group._named_subgroup(subgroup)
        pooled: Representation
        if small == group:
            pooled, fibres, order = group.trivial, in_type, np.arange(in_type.size)
        else:
            fields, order = _cosets(in_type, small)
            # over each coset gH lies a function on H/K, which is a field of H
            pooled, fibres = group.quotient(small), FieldType(small, fields)
        super().__init__(in_type, FieldType(group, len(in_type) * [pooled]))
        self.layout = FieldLayout(fibres)
        self.gathers = bool((np.diff(order) != 1).any())
        if self.gathers:
            self.add_constant("channels", order)
        self.reduction = reduction
        self.subgroup = small

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        if self.gathers:
            x = x.index_select(1, self.constant("channels", x))
        if self.reduction == "max":
            return self.layout.reduce(x, lambda fibres: fibres.amax(3))
        return self.layout.reduce(x, lambda fibres: fibres.mean(3))

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        over = "" if self.subgroup == self.in_type.group else f", subgroup={self.subgroup.name}"
        return f"{super().extra_repr()}, reduction={self.reduction!r}{over}"


def _cosets(in_type: FieldType, small: Group) -> tuple[list[Representation], npt.NDArray[np.int64]]:
    """Every field G/K as |G:H| fields H/K, coset of H by coset, and the channels (size,) of them."""
    known = {rep: _cosets_of(rep, where[0], small) for rep, where in in_type.kinds.items()}
    fibres: list[Representation] = []
    channels = []
    for rep, start in zip(in_type, in_type.offsets, strict=False):
        fibres += known[rep][0]
        channels.append(start + known[rep][1])
    return fibres, np.concatenate(channels)


def _cosets_of(rep: Representation, index: int, small: Group) -> tuple[list[Representation], npt.NDArray[np.int64]]:
    if not isinstance(rep, Induced) or rep.base != rep.subgroup.trivial or not rep.subgroup <= small:
        raise FieldTypeError(
            f"in_type: GroupPool over {small!r} needs regular or quotient fields, functions on G/K with K a subgroup "
            f"of it, but field {index} is {rep!r}; use regular fields, or a larger subgroup"
        )
    representatives = rep.group.cosets(small)
    # (|G:H|, |G:K|): whether g_i K lies in the coset g_j H
    inside = np.stack([small._contains(rep.group._inverse(g) @ rep.cosets) for g in representatives])
    return len(representatives) * [rep.subgroup.trivial.induce(small)], np.nonzero(inside)[1]


class NormPool(Module):
    """The Euclidean norm of each field, for any type: an invariant scalar.

    The gradient at a zero field is zero. With `per_coset` a field W.induce(G) gives one norm for each coset, that of
    the fibre W there, and the group permutes these norms.

    Args:
        in_type: type of the input; the output has one trivial field for each of its fields.
        per_coset: whether an induced field (`steer.reps.Induced`) gives a field `G.quotient(H)` instead, with H the
            group of W; others are not changed.

    Shape:
        (batch, in_type.size, ...) -> (batch, out_type.size, ...), one channel for each field.

    Raises:
        FieldTypeError: `in_type` is no FieldType.
    """

    def __init__(self, in_type: FieldType, per_coset: bool = False) -> None:
        require_types(type(self).__name__, in_type=in_type)
        super().__init__(in_type, FieldType(in_type.group, blocks(in_type, per_coset)[0]))
        self.per_coset = per_coset
        self.layout = FieldLayout(in_type, per_coset)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        # the clamp keeps the square root from the derivative 1 / 0
        return self.layout.squares(x).clamp_min(1e-37).sqrt().to(x.dtype)

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        return super().extra_repr() + (", per_coset=True" if self.per_coset else "")
