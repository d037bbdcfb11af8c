"""Representations by signed permutations, as permutations of basis vectors and their negatives, or without signs."""

import functools
import operator

import numpy as np
import numpy.typing as npt

from ..._values import Array
from ...reps import DirectSum, Group, Induced, Representation, Unsigned

Points = list[int]


def unsigned(rep: Representation) -> Representation:
    """The field of absolute values of one that the group permutes up to signs; a plain one where there is such."""
    if rep.is_permutation:
        return rep
    if rep.size == 1:
        return rep.group.trivial
    if isinstance(rep, Induced):
        return unsigned(rep.base).induce(rep.group)
    if isinstance(rep, DirectSum):
        return functools.reduce(operator.add, map(unsigned, rep.summands))
    return Unsigned(rep)


def signed_orbits(rep: Representation) -> list[tuple[Representation, Points]] | None:
    """The action of a signed permutation representation on the vectors +-e_i, orbit by orbit.

    The orbit of e_i is G/K with K the stabiliser of e_i: the kernel of the sign by which the stabiliser of the line of
    e_i acts on it. So functions on the orbit are the field G.quotient(K), whose component of the coset g K is the value
    at g e, for a vector e of the orbit that K fixes.

    Returns:
        G.quotient(K) and, for each of its components, the vector that it stands for: i for e_i and size + i for -e_i.
        Orbits are in the order of their first vectors e_0, -e_0, e_1, ... None when no subgroup that the group lists is
        a stabiliser, as happens in direct products.
    """
    images = _images(rep, rep.group.components)
    left = np.ones(2 * rep.size, dtype=bool)
    found: list[tuple[Representation, Points]] = []
    for point in np.arange(2 * rep.size).reshape(2, -1).T.ravel():
        if not left[point]:
            continue
        orbit = np.unique(images[:, point])
        left[orbit] = False
        field = _as_quotient(rep, orbit)
        if field is None:
            return None
        found.append(field)
    return found


def _images(rep: Representation, g: Array) -> npt.NDArray[np.intp]:
    """(n, 2 size): where elements g (n, d, d) take the vectors e_0, e_1, ..., -e_0, -e_1, ..."""
    matrices = rep(g)
    target = np.argmax(np.abs(matrices), axis=1)  # (n, size)
    negative = np.take_along_axis(matrices, target[:, None], axis=1)[:, 0] < 0
    return np.concatenate([target + rep.size * negative, target + rep.size * ~negative], axis=1)


def _as_quotient(rep: Representation, orbit: npt.NDArray[np.intp]) -> tuple[Representation, Points] | None:
    group = rep.group
    for small in _of_index(group, len(orbit)):
        moved = _images(rep, small.generators)[:, orbit]
        fixed = orbit[(moved == orbit).all(axis=0)]
        if len(fixed):
            quotient = Induced(small.trivial, group)
            return quotient, _images(rep, quotient.cosets)[:, fixed[0]].tolist()
    return None


def _of_index(group: Group, index: int) -> list[Group]:
    candidates = group.subgroups() if group.is_finite else group.subgroups(1)
    # the identity component acts trivially, so that it lies in every stabiliser
    return [small for small in candidates if group.index(small) == index]
