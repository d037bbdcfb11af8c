"""Fields in the basis of their irreps."""

import torch

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

    Args:
        in_type: type of the input, any representations.

    Shape:
        (batch, in_type.size, ...) -> (batch, out_type.size, ...), of the same size.

    Raises:
        FieldTypeError: `in_type` is no FieldType.
    """

    def __init__(self, in_type: FieldType) -> None:
        require_types(type(self).__name__, in_type=in_type)
        super().__init__(in_type, FieldType(in_type.group, [psi for rep in in_type for psi in rep.irreps]))
        self.turn = KindwiseMap(in_type.kind_of_field, [rep.change_of_basis.T for rep in in_type.kinds])

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        return self.turn.mapped(x)
