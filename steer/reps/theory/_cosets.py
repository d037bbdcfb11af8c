"""Cosets of a closed subgroup: representatives, and the functions on them that an irrep makes."""

from typing import TYPE_CHECKING

import numpy as np

from ..._values import Array
from ...errors import GroupError
from ._intertwiner import intertwiners
from ._representation import Irrep

if TYPE_CHECKING:
    from ._group import Group

BLOCK = 2**20
"""Matrices of an irrep are evaluated for so many elements at a time that they hold about this many numbers."""


def has_finite_index(group: "Group", subgroup: "Group") -> bool:
    """Whether G/H is finite: H must contain the identity component of G."""
    return bool(subgroup.contains(group.identity_component).all())


def coset_representatives(group: "Group", subgroup: "Group") -> Array:
    """(index, d, d): the first element of each coset g H in the order of the group's elements (or components)."""
    candidates = group.components
    found: list[Array] = []
    left = np.ones(len(candidates), dtype=bool)
    while left.any():
        place = int(np.argmax(left))
        coset = subgroup.contains(group._inverse(candidates[place]) @ candidates)
        if not coset[place]:  # the families of the library keep to it; one of one's own may not, and would never end
            raise GroupError(
                f"components: element {place} of {group!r} times its inverse is not in {subgroup!r}; list matrices of "
                f"the group, the identity first"
            )
        found.append(candidates[place])
        left &= ~coset
    return np.stack(found)


def fixed_vectors(psi: Irrep, subgroup: "Group") -> Array:
    """(k, size): a gauge-fixed orthonormal basis of the vectors of an irrep that a subgroup fixes."""
    return np.asarray(intertwiners(subgroup.trivial, psi.restrict(subgroup))[:, :, 0])


def columns(psi: Irrep, elements: Array, vectors: Array) -> Array:
    """(n, k, size): psi(g) v at elements (n, d, d) of the group, for vectors v (k, size)."""
    block = max(1, BLOCK // psi.size**2)
    starts = range(0, max(len(elements), 1), block)
    found = [np.swapaxes(psi._matrices(elements[i : i + block]) @ vectors.T, 1, 2) for i in starts]
    return np.concatenate(found)
