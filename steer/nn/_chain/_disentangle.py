"""Fields in the basis of their irreps."""

from collections.abc import Sequence

import numpy as np
import torch

from ..._values import Array, require_flag
from ...errors import FieldTypeError
from ...reps import Representation, orbits
from .._engine._kindwise import KindwiseMap
from .._engine._module import Module
from .._fields._types import FieldType, require_types


class Disentangle(Module):
    """Every field in the basis of its irreps: x -> Q^T x where rep(g) = Q blockdiag(irreps(g)) Q^T.

    The same features by another orthogonal basis. `out_type` has the irreps of every field, in the order of
    `rep.irreps`, field by field. After `Restrict`, whose fields are irreps of the larger group and reducible under the
    smaller one, it makes fields of their own of the parts, so that biases, norms and nonlinearities of each part are
    free::

        nn.Sequential(nn.Conv2d(image, hidden, 5), nn.Restrict(hidden, "C4"), nn.Disentangle(hidden.restrict("C4")))

    With ``keep_permutations=True`` fields that the group permutes (regular, quotient) stay such fields, on which
    pointwise nonlinearities act: the orbits of their channels. A regular field of D8 is two of D4 after `Restrict`.

    Args:
        in_type: type of the input, any representations.
        keep_permutations: whether fields that the group permutes are split into orbits, not into irreps; those of
            continuous groups are split into irreps all the same.

    Shape:
        (batch, in_type.size, ...) -> (batch, out_type.size, ...), of the same size.

    Raises:
        FieldTypeError: `in_type` is no FieldType, or `keep_permutations` is neither True nor False.
    """

    def __init__(self, in_type: FieldType, *, keep_permutations: bool = False) -> None:
        require_types(type(self).__name__, in_type=in_type)
        keep_permutations = require_flag("keep_permutations", keep_permutations, FieldTypeError)
        parts = {rep: _parts(rep, keep_permutations) for rep in in_type.kinds}
        super().__init__(in_type, FieldType(in_type.group, [part for rep in in_type for part in parts[rep][0]]))
        self.turn = KindwiseMap(in_type.kind_of_field, [parts[rep][1] for rep in in_type.kinds])

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        return self.turn.mapped(x)


def _parts(rep: Representation, keep_permutations: bool) -> tuple[Sequence[Representation], Array]:
    """What a field splits into, and the matrix (size, size) that takes it to these parts."""
    found = orbits(rep) if keep_permutations else None
    if found is None:
        return rep.irreps, rep.change_of_basis.T
    return [kind for kind, _ in found], np.eye(rep.size)[np.concatenate([vectors for _, vectors in found])]
