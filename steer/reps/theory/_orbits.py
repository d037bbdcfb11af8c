"""Permutation representations taken apart into orbits, each a quotient representation."""

import numpy as np
import numpy.typing as npt

from ...errors import RepresentationError
from ._group import Group
from ._representation import Indices, Representation


def orbits(rep: Representation) -> tuple[tuple[Representation, Indices], ...] | None:
    """The orbits of a finite group on the basis vectors of a representation that permutes them.

    Args:
        rep: any representation.

    Returns:
        For each orbit, in the order of their first basis vectors, the representation on it, `Group.regular`,
        `Group.quotient` or `Group.trivial`, and the basis vectors (size,) that are its own, in its order. None if the
        group is continuous, some element is no permutation, or `Group.subgroups` lacks the one that fixes a vector.

    Raises:
        RepresentationError: `rep` is no representation.

    Source:
        Mackey's formula, for trivial representations: Serre, Linear Representations of Finite Groups (1977), 7.3.

    Example:
        >>> import steer
        >>> C8 = steer.group("C8", dim=2)
        >>> [(part.name, vectors.tolist()) for part, vectors in steer.reps.orbits(C8.regular.restrict("C4"))]
        [('regular', [0, 2, 4, 6]), ('regular', [1, 3, 5, 7])]
    """
    if not isinstance(rep, Representation):
        raise RepresentationError(f"rep: expected a representation such as group.regular, got {rep!r}")
    group = rep.group
    if not group.is_finite:
        return None
    places = rep.places(group.elements)
    if places is None:
        return None
    found, seen = [], np.zeros(rep.size, dtype=bool)
    for first in range(rep.size):
        if seen[first]:
            continue
        members = np.unique(places[:, first])
        seen[members] = True
        orbit = (group.trivial, members) if len(members) == 1 else _orbit(rep, members, places[:, members] == members)
        if orbit is None:
            return None
        found.append(orbit)
    return tuple(found)


def _orbit(
    rep: Representation, members: Indices, fixed: npt.NDArray[np.bool_]
) -> tuple[Representation, Indices] | None:
    """The representation on an orbit of several basis vectors, and these in its order.

    `fixed` says which elements fix which members, (order, members).
    """
    found = _stabiliser(rep.group, fixed)
    if found is None:
        return None
    subgroup, start = found
    kind = rep.group.quotient(subgroup)
    assert kind._induced_from is not None, "quotients of finite groups are induced"
    moved = rep.places(kind._induced_from[1])
    assert moved is not None, "they permute as all elements do"
    return kind, moved[:, members[start]]


def _stabiliser(group: Group, fixed: npt.NDArray[np.bool_]) -> tuple[Group, int] | None:
    """A subgroup that fixes exactly one of the members of an orbit and its number, if the group lists one."""
    order = len(fixed) // fixed.shape[1]
    if order == 1:
        return group.trivial_subgroup, 0
    for subgroup in group.subgroups():
        if subgroup.order == order:
            inside = np.zeros(len(fixed), dtype=bool)
            inside[group._nearest(subgroup.elements)] = True
            stays = (fixed == inside[:, None]).all(0)
            if stays.any():
                return subgroup, int(np.argmax(stays))
    return None
