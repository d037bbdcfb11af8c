"""Products of irreps, split into irreps: the coefficients of bilinear equivariant maps."""

import functools
from dataclasses import dataclass

import numpy as np

from ..._values import Array, frozen, require_count
from ...errors import RepresentationError
from ._intertwiner import clebsch_gordan, endomorphisms, independent_isometries
from ._representation import Irrep


@dataclass(frozen=True, eq=False)
class Coupling:
    """The equivariant bilinear map z_k = sum_ij coefficients[k, i, j] x_i y_j, with z a sum of irreps.

    Attributes:
        irreps: those of z, in the order of the group's irreps; copies of one are neighbours.
        coefficients: (sum of the irreps' sizes, first.size, second.size), read-only.
    """

    irreps: tuple[Irrep, ...]
    coefficients: Array


def coupling(first: Irrep, second: Irrep, max_frequency: int | None = None) -> Coupling:
    """All irreps up to a frequency in the product of two: the equivariant bilinear map of x and y onto all of them.

    The rows of the coefficients are orthonormal, so z has components of second moment 1 when those of x and y are
    independent and standard normal. An irrep of complex or quaternionic type counts once for each copy, not once for
    each intertwiner. Where the product holds an irrep of real type once, its rows are sqrt(size) times those of
    `clebsch_gordan`.

    Args:
        first: the irrep of x.
        second: that of y, of the same group.
        max_frequency: the highest frequency of the irreps of z; None for everything in the product.

    Returns:
        The irreps of z and the coefficients (z.size, first.size, second.size).

    Raises:
        RepresentationError: they are not irreps of one group, or `max_frequency` is not an integer >= 0.

    Example:
        >>> import steer
        >>> v = steer.group("SO(3)", dim=3).irrep("1")
        >>> [psi.label for psi in steer.reps.coupling(v, v).irreps]
        ['0', '1', '2']
    """
    _require(max_frequency, first=first, second=second)
    return _coupling(first, second, max_frequency)


def square_coupling(psi: Irrep, max_frequency: int | None = None) -> Coupling:
    """All irreps up to a frequency in the symmetric square of an irrep: those of x (x) x.

    The coefficients are symmetric in i and j. They are scaled so that each z_k has second moment 1 when the components
    of x are independent and standard normal: E z_k^2 = (tr C)^2 + 2 |C|^2 for the matrix C of z_k.

    Args:
        psi: the irrep of x.
        max_frequency: the highest frequency of the irreps of z; None for everything in the square.

    Returns:
        The irreps of z and the coefficients (z.size, psi.size, psi.size).

    Raises:
        RepresentationError: it is no irrep, or `max_frequency` is not an integer >= 0.

    Source:
        The fourth moments: Isserlis, Biometrika 12 (1918) 134.

    Example:
        >>> import steer
        >>> v = steer.group("SO(3)", dim=3).irrep("1")
        >>> [psi.label for psi in steer.reps.square_coupling(v).irreps]
        ['0', '2']
    """
    _require(max_frequency, psi=psi)
    return _square_coupling(psi, max_frequency)


def _require(max_frequency: object, **irreps: object) -> None:
    for name, value in irreps.items():
        if not isinstance(value, Irrep):
            raise RepresentationError(f"{name}: expected an irrep such as group.irrep(label), got {value!r}")
    if max_frequency is not None:
        require_count("max_frequency", max_frequency, RepresentationError)


@functools.lru_cache(maxsize=1024)
def _coupling(first: Irrep, second: Irrep, max_frequency: int | None) -> Coupling:
    return _split(first, second, max_frequency, symmetric=False)


@functools.lru_cache(maxsize=1024)
def _square_coupling(psi: Irrep, max_frequency: int | None) -> Coupling:
    found = _split(psi, psi, max_frequency, symmetric=True)
    rows = found.coefficients
    moments = np.trace(rows, axis1=1, axis2=2) ** 2 + 2 * np.sum(rows**2, axis=(1, 2))
    return Coupling(found.irreps, frozen(rows / np.sqrt(moments)[:, None, None]))


def _split(first: Irrep, second: Irrep, max_frequency: int | None, symmetric: bool) -> Coupling:
    irreps: list[Irrep] = []
    rows = [np.zeros((0, first.size, second.size))]
    for psi in first.group.irreps(None if first.group.is_finite else first.frequency + second.frequency):
        if max_frequency is not None and psi.frequency > max_frequency:
            continue
        maps = clebsch_gordan(first, second, psi)
        if symmetric:
            # exchanging i and j maps the space of intertwiners to itself, so this is a projector of it
            maps = (maps + maps.swapaxes(2, 3)) / 2
        ends = endomorphisms(psi)
        copies = round(float(np.sum(maps**2))) // len(ends)
        columns = maps.reshape(len(maps), psi.size, first.size * second.size).swapaxes(1, 2)
        for isometry in independent_isometries(columns, ends, copies) if copies else []:
            irreps.append(psi)
            rows.append(isometry.T.reshape(psi.size, first.size, second.size))
    return Coupling(tuple(irreps), frozen(np.concatenate(rows)))
