"""From orientations to vectors: the largest response, pointing where it was found."""

import numpy as np
import numpy.typing as npt
import torch

from ..._values import Array
from ...errors import FieldTypeError, SteerError
from ...reps import Induced, Representation, intertwiners
from .._engine._kindwise import KindwiseMap
from .._engine._layout import FieldLayout
from .._engine._module import Module
from .._fields._types import FieldType, require_types


class VectorFieldAct(Module):
    """Vectors of the largest responses: max(x_i, 0) g_i v for the largest component x_i of each field.

    The components of a regular or quotient field belong to cosets g_i H; the fixed vector v is one that H leaves alone
    (Marcos et al. 2017, RotEqNet). Each field gives one field `G.vector`. The gradient flows through the largest
    component. Where several are equal, the vectors g_i v are averaged and the gradient is shared, so that the layer
    commutes with the group there too; a vector whose tied directions cancel is zero, and so is the vector of a field
    without positive components.

    Args:
        in_type: regular or quotient fields, of stabilisers that fix a vector.
        vector: v, (d,) numbers, not zero, left alone by the stabilisers of all fields. When None it is found for
            each field: the projection of (1, 0[, 0]) on the vectors that H leaves alone, at length 1; where this
            projection is zero, that of (0, 1[, 0]), and then of (0, 0, 1).

    Shape:
        (batch, in_type.size, ...) -> (batch, d len(in_type), ...).

    Raises:
        FieldTypeError: a field is no regular or quotient one, or its stabiliser fixes no vector, or moves `vector`; the
            group acts on no space.
        SteerError: `vector` is no vector of d numbers, or is zero.
    """

    def __init__(self, in_type: FieldType, vector: npt.ArrayLike | None = None) -> None:
        require_types(type(self).__name__, in_type=in_type)
        group = in_type.group
        if group.dim == 0:
            raise FieldTypeError(f"in_type: VectorFieldAct needs a group that acts on space, got {group!r}")
        given = None if vector is None else _require_vector(vector, group.dim)
        directions = [_directions(rep, where[0], given) for rep, where in in_type.kinds.items()]
        super().__init__(in_type, FieldType(group, len(in_type) * [group.vector]))
        self.vector = given
        self.layout = FieldLayout(in_type)
        self.directions = KindwiseMap(in_type.kind_of_field, directions)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        weights = [_shares(fibres) for fibres in self.layout.fibres(x)]
        return self.directions.mapped(self.layout.joined_channels(weights))

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        return super().extra_repr() + ("" if self.vector is None else f", vector={self.vector.tolist()}")


def _shares(fibres: torch.Tensor) -> torch.Tensor:
    """The largest component of each field, if positive, shared by the places where it is; axis 3 is the field."""
    largest = fibres.amax(3, keepdim=True)
    tied = (fibres == largest).to(fibres.dtype)
    # torch gives each of n tied components 1/n of the gradient of their maximum
    return tied * (largest.relu() / tied.sum(3, keepdim=True))


def _directions(rep: Representation, index: int, given: Array | None) -> Array:
    """(d, size): the vectors g_i v of one field."""
    if not isinstance(rep, Induced) or rep.base != rep.subgroup.trivial:
        raise FieldTypeError(
            f"in_type: VectorFieldAct needs regular or quotient fields, whose components belong to directions, but "
            f"field {index} is {rep!r}; use NormAct"
        )
    vectors, small = rep.group.vector, rep.subgroup
    invariant = intertwiners(small.trivial, vectors.restrict(small))[:, :, 0]
    projector = invariant.T @ invariant
    if not len(invariant):
        raise FieldTypeError(
            f"in_type: field {index} of VectorFieldAct is {rep!r}, but {small!r} leaves no vector alone, so that no "
            f"direction belongs to a component; use regular fields or a smaller stabiliser"
        )
    if given is None:
        vector = next(column for column in projector if np.linalg.norm(column) > 1e-6)
        vector = vector / np.linalg.norm(vector)
    elif np.abs(projector @ given - given).max() > 1e-6 * np.abs(given).max():
        raise FieldTypeError(
            f"vector: field {index} of VectorFieldAct is {rep!r}, and {small!r} moves the vector {given.tolist()}; "
            f"take one that it leaves alone, or None"
        )
    else:
        vector = given
    found: Array = vectors(rep.cosets) @ vector
    return found.T


def _require_vector(value: npt.ArrayLike, dim: int) -> Array:
    try:
        found = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        found = np.zeros(0)
    if found.shape != (dim,) or not np.isfinite(found).all() or not found.any():
        raise SteerError(f"vector: expected {dim} numbers that are not all 0, got {value!r}")
    return found
