"""The concatenated ReLU, on fields that the group permutes with or without signs."""

from itertools import pairwise

import numpy as np
import torch

from ...errors import FieldTypeError
from ...reps import Representation, SignedPoints
from .._engine._layout import merge, split
from .._engine._module import Module
from .._fields._types import FieldType, require_types
from ._signed import signed_orbits


class CReLU(Module):
    """Concatenated ReLU: x -> (max(x, 0), max(-x, 0)) for every channel, which keeps all of x (Shang et al. 2016).

    A field that the group permutes gives two fields of its own type, max(x, 0) and then max(-x, 0). A field that the
    group permutes up to signs is one that pointwise functions do not commute with, but this one does, because a sign
    exchanges the two halves: a pseudoscalar, on which the group acts by a sign with the kernel H, gives one field
    `G.quotient(H)` of two components. In general the group permutes the vectors e_i and -e_i, and each orbit gives the
    field G.quotient(K) with K the stabiliser of one of its vectors: `sign.induce(G)` gives the quotient by the kernel
    of the sign, and `G.vector` of D4 the quotient by a reflection. Where K is a subgroup that G cannot name, one of a
    direct product that is no product itself, one field `steer.reps.SignedPoints` has all e_i and -e_i.

    `out_type`: in the order of the fields of `in_type`; those of one field in the order of its first components.

    Args:
        in_type: fields on which the group acts by signed permutation matrices.

    Shape:
        (batch, in_type.size, ...) -> (batch, 2 in_type.size, ...).

    Raises:
        FieldTypeError: a field is none; `NormAct` will do.
    """

    channels: torch.Tensor

    def __init__(self, in_type: FieldType) -> None:
        require_types(type(self).__name__, in_type=in_type)
        parts = {rep: _halves(rep, where[0]) for rep, where in in_type.kinds.items()}
        super().__init__(in_type, FieldType(in_type.group, [field for rep in in_type for field, _ in parts[rep]]))
        # one kind of field is viewed as (fields, components), so that its halves are written where they belong
        self.view = (len(in_type), in_type[0].size) if len(parts) == 1 else (1, in_type.size)
        fields = in_type[:1] if len(parts) == 1 else in_type
        channels = []
        for rep, (start, stop) in zip(fields, pairwise(fields.offsets), strict=True):
            positive = np.arange(start, stop)
            both = np.concatenate([positive, fields.size + positive])
            channels += [both[points] for _, points in parts[rep]]
        order = np.concatenate(channels)
        self.gathers = bool((np.diff(order) != 1).any())
        if self.gathers:
            self.add_constant("channels", order)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        fields = split(x, *self.view)
        both = torch.cat([fields, -fields], 2)
        if self.gathers:
            both = both.index_select(2, self.constant("channels", both))
        return merge(both).relu()


def _halves(rep: Representation, index: int) -> list[tuple[Representation, list[int]]]:
    """The fields that one field gives, each with the vectors e_i or -e_i (size + i) of its components."""
    if rep.is_permutation:
        return [(rep, list(range(rep.size))), (rep, list(range(rep.size, 2 * rep.size)))]
    if not rep.is_signed_permutation:
        raise FieldTypeError(
            f"in_type: CReLU needs fields that the group permutes, with or without signs (trivial, regular, quotient, "
            f"irreps of one component, what these induce), but field {index} is {rep!r}, which is none; use NormAct"
        )
    found = signed_orbits(rep)
    return [(SignedPoints(rep), list(range(2 * rep.size)))] if found is None else found
