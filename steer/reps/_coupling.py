"""Products of representations, split into irreps: the coefficients of bilinear equivariant maps."""

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ._decompose import _copies
from ._intertwiner import clebsch_gordan, endomorphisms
from ._linalg import Array, frozen
from ._representation import Irrep, Representation, _isometries


@dataclass(frozen=True, eq=False)
class Coupling:
    """The equivariant bilinear map z_k = sum_ij coefficients[k, i, j] x_i y_j, with z a sum of irreps.

    Attributes:
        irreps: those of z, in the order of the group's irreps; copies of one are neighbours.
        coefficients: (sum of the irreps' sizes, first.size, second.size), read-only.
    """

    irreps: tuple[Irrep, ...]
    coefficients: Array


def coupling(first: Representation, second: Representation, max_frequency: int | None = None) -> Coupling:
    """All irreps up to `max_frequency` in first (x) second, by Clebsch-Gordan coefficients.

    The rows of the coefficients are orthonormal, so z has components of second moment 1 when those of x and y are
    independent and standard normal. An irrep of complex or quaternionic type counts once for each copy, not once for
    each intertwiner. For irreps whose product holds `out` once, its rows are sqrt(out.size) times those of
    `clebsch_gordan`.
    """
    pairs = (
        (psi, np.einsum("kab,ia,jb->kij", rows, left, right, optimize=True))
        for one, left in _isometries(first)
        for two, right in _isometries(second)
        for psi, rows in _of_irreps(one, two, max_frequency, False)
    )
    return _sorted(pairs, first, second)


def square_coupling(rep: Representation, max_frequency: int | None = None) -> Coupling:
    """All irreps up to `max_frequency` in the symmetric square of a representation: those of x (x) x.

    The coefficients are symmetric in i and j. They are scaled so that each z_k has second moment 1 when the components
    of x are independent and standard normal: E z_k^2 = (tr C)^2 + 2 |C|^2 for the matrix C of z_k (Isserlis 1918).
    """
    return _sorted(_squares(rep, max_frequency), rep, rep)


def _squares(rep: Representation, max_frequency: int | None) -> Iterator[tuple[Irrep, Array]]:
    """The irreps of Sym^2 of a sum: Sym^2 of each part, and the product of each two of them."""
    parts = list(_isometries(rep))
    for index, (one, left) in enumerate(parts):
        for other, (two, right) in enumerate(parts[index:]):
            for psi, rows in _of_irreps(one, two, max_frequency, other == 0):
                found = np.einsum("kab,ia,jb->kij", rows, left, right, optimize=True)
                found = found + found.transpose(0, 2, 1)
                moments = np.trace(found, axis1=1, axis2=2) ** 2 + 2 * np.sum(found**2, axis=(1, 2))
                # one number for all rows of an irrep, which are rotated into each other
                yield psi, found / np.sqrt(moments.mean())


def _sorted(pairs: Iterable[tuple[Irrep, Array]], first: Representation, second: Representation) -> Coupling:
    place = {psi: index for index, psi in enumerate(_candidates(first, second, None))}
    found = sorted(pairs, key=lambda pair: place[pair[0]])
    rows = np.concatenate([np.zeros((0, first.size, second.size)), *(rows for _, rows in found)])
    return Coupling(tuple(psi for psi, _ in found), frozen(rows))


def _candidates(first: Representation, second: Representation, max_frequency: int | None) -> tuple[Irrep, ...]:
    """The irreps up to `max_frequency` that may occur in a product."""
    highest = None if first.group.is_finite else first._degree + second._degree
    found = first.group.irreps(highest)
    return tuple(psi for psi in found if max_frequency is None or psi.frequency <= max_frequency)


@functools.lru_cache(maxsize=1024)
def _of_irreps(
    first: Irrep, second: Irrep, max_frequency: int | None, symmetric: bool
) -> tuple[tuple[Irrep, Array], ...]:
    """The irreps in the product (or symmetric square) of irreps, each with its orthonormal rows (size, i, j)."""
    found: list[tuple[Irrep, Array]] = []
    for psi in _candidates(first, second, max_frequency):
        maps = clebsch_gordan(first, second, psi)
        if symmetric:
            # exchanging i and j maps the space of intertwiners to itself, so this is a projector of it
            maps = (maps + maps.swapaxes(2, 3)) / 2
        ends = endomorphisms(psi)
        copies = round(float(np.sum(maps**2))) // len(ends)
        columns = maps.reshape(len(maps), psi.size, first.size * second.size).swapaxes(1, 2)
        for isometry in _copies(columns, ends, copies) if copies else []:
            found.append((psi, frozen(isometry.T.reshape(psi.size, first.size, second.size))))
    return tuple(found)
