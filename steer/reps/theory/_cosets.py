"""Cosets of a closed subgroup: representatives, and the functions on them that an irrep makes."""

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ..._values import Array, frozen
from ...errors import GroupError
from ._intertwiner import intertwiners
from ._representation import Irrep

if TYPE_CHECKING:
    from ._group import Group

BLOCK = 2**20
"""Matrices of an irrep are evaluated for so many elements at a time that they hold about this many numbers."""


def has_finite_index(group: "Group", subgroup: "Group") -> bool:
    """Whether G/H is finite: H must contain the identity component of G."""
    return bool(subgroup._contains(group.identity_component).all())


class Cosets(NamedTuple):
    """The finitely many cosets g H, in the order of their first elements.

    Attributes:
        representatives: (index, d, d), the first element of each among the components of the group; read-only.
        numbers: (components,), the coset of each component of the group.
    """

    representatives: Array
    numbers: npt.NDArray[np.intp]


@functools.lru_cache(maxsize=256)
def cosets(group: "Group", subgroup: "Group") -> Cosets:
    """The cosets of a subgroup of finite index."""
    g = group.components
    inside = subgroup._contains(group._inverse(g) @ g)
    if not inside.all():  # the families of the library keep to it; one of one's own may not
        raise GroupError(
            f"components: element {np.argmin(inside)} of {group!r} times its inverse is not in {subgroup!r}; list "
            f"matrices of the group, the identity first"
        )
    first = _first_by_products(group, subgroup) if group.is_finite else _first_by_quotients(group, subgroup)
    places, numbers = np.unique(first, return_inverse=True)
    return Cosets(frozen(g[places]), numbers)


def _first_by_products(group: "Group", subgroup: "Group") -> npt.NDArray[np.intp]:
    """(order,): the first element of the coset of each element of a finite group."""
    g, small = group.components, subgroup.components
    first = np.full(len(g), -1)
    step = max(1, BLOCK // (len(small) * g[0].size))
    while (left := np.flatnonzero(first < 0)[:step]).size:
        members = group._nearest(g[left, None] @ small)
        least = np.min(members, axis=1)
        first[members] = least[:, None]
        first[left] = least  # of what is no group, too, or this would never end
    return first


def _first_by_quotients(group: "Group", subgroup: "Group") -> npt.NDArray[np.intp]:
    """(components,): the first component whose element is in the coset of that of each, of a continuous group."""
    g = group.components
    first = np.full(len(g), -1)
    while (left := np.flatnonzero(first < 0)).size:
        first[left[subgroup._contains(group._inverse(g[left[0]]) @ g[left])]] = left[0]
    return first


def coset_numbers(group: "Group", subgroup: "Group", g: Array) -> npt.NDArray[np.intp]:
    """(...): the numbers of the cosets, of which there are finitely many, that hold elements g (..., d, d)."""
    found = cosets(group, subgroup)
    if group.is_finite:
        return np.asarray(found.numbers[group._nearest(g)])
    inverse = group._inverse(found.representatives)
    return np.asarray(np.argmax([subgroup._contains(h @ g) for h in inverse], axis=0))


def fixed_vectors(psi: Irrep, subgroup: "Group") -> Array:
    """(k, size): a gauge-fixed orthonormal basis of the vectors of an irrep that a subgroup fixes."""
    return np.asarray(intertwiners(subgroup.trivial, psi.restrict(subgroup))[:, :, 0])


def columns(psi: Irrep, elements: Array, vectors: Array) -> Array:
    """(n, k, size): psi(g) v at elements (n, d, d) of the group, for vectors v (k, size)."""
    block = max(1, BLOCK // psi.size**2)
    starts = range(0, max(len(elements), 1), block)
    found = [np.swapaxes(psi._matrices(elements[i : i + block]) @ vectors.T, 1, 2) for i in starts]
    return np.concatenate(found)
