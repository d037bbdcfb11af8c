"""Splitting a representation, or matrices that are one, into irreps."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..._linalg import INDEPENDENT
from ..._values import Array, as_numbers, frozen
from ...errors import RepresentationError
from ._decomposition import Decomposition
from ._group import Group, require_group
from ._representation import Representation


@dataclass(frozen=True, eq=False, repr=False)
class _Table(Representation):
    """A representation of a finite group given by its matrices, in the order of the group's elements."""

    group: Group
    table: Array

    @property
    def size(self) -> int:
        return int(self.table.shape[-1])

    @property
    def name(self) -> str:
        return "matrices"

    @property
    def _degree(self) -> int:
        return 0

    def _matrices(self, g: Array) -> Array:
        return np.asarray(self.table[self.group.nearest_index(g)])


def decompose(rep: Representation | npt.ArrayLike, group: Group | None = None) -> Decomposition:
    """Split a representation into irreps: their multiplicities and the change of basis.

    The change of basis is made of gauge-fixed intertwiners from each irrep, chosen one after another with orthogonal
    images, so it does not depend on the machine.

    Args:
        rep: a representation, or, for a finite group, its orthogonal matrices (order, n, n) in the order of
            `group.elements`.
        group: needed with matrices; with a representation, it must be that representation's group.

    Returns:
        A `Decomposition`: copies of one irrep are neighbours, irreps in the order of `group.irreps()`.

    Raises:
        GroupError: matrices without a group.
        RepresentationError: the matrices are not an orthogonal representation of the group, the group is continuous, or
            the representation is one of another group.

    Example:
        >>> import numpy as np, steer
        >>> G = steer.group("C4", dim=2)
        >>> found = steer.reps.decompose(G.regular)
        >>> {psi.label: count for psi, count in found.multiplicities.items()}
        {'A': 1, 'E': 1, 'B': 1}
        >>> found.change_of_basis.shape
        (4, 4)
    """
    source = rep if isinstance(rep, Representation) else _table(rep, group)
    if group is not None and source.group != require_group("group", group):
        raise RepresentationError(
            f"group: the representation is one of {source.group!r}, got {group!r}; restrict it with .restrict(subgroup)"
        )
    return source.group._decompose(source)


def _table(matrices: npt.ArrayLike, group: Group | None) -> Representation:
    group = require_group("group", group)
    if not group.is_finite:
        raise RepresentationError(f"group: matrices can be decomposed for a finite group only, got {group.name}")
    table = as_numbers("rep", matrices, RepresentationError, "a representation or an array of matrices")
    if table.ndim != 3 or len(table) != group.order or not 0 < table.shape[1] == table.shape[2]:
        raise RepresentationError(
            f"rep: expected matrices ({group.order}, n, n), one for each element of {group.name}, got {table.shape}"
        )
    out = _Table(group, frozen(table))
    products = group.elements[:, None] @ group.elements
    wrong = np.abs(table[:, None] @ table - out._matrices(products)).max(initial=0.0)
    skewed = np.abs(table @ table.transpose(0, 2, 1) - np.eye(table.shape[1])).max(initial=0.0)
    if not (wrong < INDEPENDENT and skewed < INDEPENDENT):  # written so that NaN fails too
        raise RepresentationError(
            f"rep: the matrices are not an orthogonal representation of {group.name}: "
            f"rep(g) rep(h) differs from rep(gh) by {wrong:.3g}, rep(g) rep(g)^T from 1 by {skewed:.3g}"
        )
    return out
