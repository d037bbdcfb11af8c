"""Which fields of two types are multiplied, how, and where the products go."""

import functools
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any, Final, NamedTuple

import numpy as np

from ..._values import Array, as_tuple, is_integer, is_one_of
from ...errors import FieldTypeError
from ...reps import Irrep, Representation, clebsch_gordan, coupling, intertwiners
from .._fields._types import FieldType

MODES: Final = ("uvw", "uvu", "uuu")


Copies = tuple[tuple[int, int], ...]
"""Copies of one irrep in a type: of each the field, and the place among the irreps of that field."""


class Path(NamedTuple):
    """Copies x_u and y_v of two irreps, multiplied into z_w by one map z_k = sum_ij coefficients[k, i, j] x_i y_j."""

    x: Copies
    y: Copies
    z: Copies
    mode: str
    weighted: bool
    coefficients: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weights: the copies u, v and w that it joins."""
        u, v, w = len(self.x), len(self.y), len(self.z)
        return {"uvw": (u, v, w), "uvu": (u, v), "uuu": (u, 1)}[self.mode]


def all_paths(first: FieldType, second: FieldType, out: FieldType) -> list[Path]:
    """Every copy of an irrep times every other, into every one that there is an equivariant map to."""
    left, right = _copies(first), _copies(second)
    return [
        Path(x, y, z, "uvw", True, coefficients)
        for chi, z in _copies(out).items()
        for psi, x in left.items()
        for phi, y in right.items()
        for coefficients in clebsch_gordan(psi, phi, chi)
    ]


def _copies(fields: FieldType) -> dict[Irrep, Copies]:
    """All copies of each irrep, in the order of the first ones."""
    found: dict[Irrep, list[tuple[int, int]]] = {}
    for index, rep in enumerate(fields):
        for place, psi in enumerate(rep.irreps):
            found.setdefault(psi, []).append((index, place))
    return {psi: tuple(copies) for psi, copies in found.items()}


def own_paths(
    first: FieldType, second: FieldType, mode: str, max_frequency: int | None
) -> tuple[list[Path], list[Irrep]]:
    """Every product of two kinds of fields into fields of its own, and the irreps that these are, sorted."""
    made = [
        (chi, _at(x, a), _at(y, b), ends)
        for left, x in first.kinds.items()
        for right, y in second.kinds.items()
        if mode != "uuu" or len(x) == len(y)
        for (a, psi), (b, phi) in product(enumerate(left.irreps), enumerate(right.irreps))
        for chi, ends in _products(psi, phi, max_frequency)
    ]
    counts = [{len(copies) for copies in kind.kinds.values()} for kind in (first, second)]
    if mode == "uuu" and counts[0].isdisjoint(counts[1]):
        raise FieldTypeError(
            f'paths: "uuu" multiplies kinds of as many fields, and {first} and {second} have none; pass '
            f'paths="uvu" for each field of the first type by all of the second'
        )
    if not made:
        raise FieldTypeError(
            f"max_frequency: no irrep up to {max_frequency} is in the products of {first} and {second}; pass a "
            f"higher one"
        )
    group = first.group
    highest = None if group.is_finite else max(chi.frequency for chi, *_ in made)
    rank = {psi: index for index, psi in enumerate(group.irreps(highest))}
    made.sort(key=lambda one: rank[one[0]])
    paths: list[Path] = []
    irreps: list[Irrep] = []
    for chi, left_copies, right_copies, ends in made:
        z = tuple((len(irreps) + u, 0) for u in range(len(left_copies)))
        paths += [Path(left_copies, right_copies, z, mode, True, end) for end in ends]
        irreps += len(left_copies) * [chi]
    return paths, irreps


def given_paths(first: FieldType, second: FieldType, out: FieldType, paths: Iterable[Any]) -> list[Path]:
    """Paths as they are written: (first, second, out), with a mode, and whether there are weights."""
    what = (
        'a list of paths such as (v, v, s, "uvw"), with the kinds of fields that are multiplied, and that of the result'
    )
    listed = as_tuple("paths", paths, FieldTypeError, what)
    if not listed:
        raise FieldTypeError(f"paths: expected {what}, got an empty list")
    return [one for index, path in enumerate(listed) for one in _given(f"paths[{index}]", path, (first, second, out))]


def _given(name: str, path: Any, types: Sequence[FieldType]) -> list[Path]:
    if not isinstance(path, tuple) or not 3 <= len(path) <= 5:
        raise FieldTypeError(
            f"{name}: expected a tuple (first, second, out), (first, second, out, mode) or (first, second, out, mode, "
            f"weighted), got {path!r}"
        )
    mode: Any = path[3] if len(path) > 3 else "uvw"
    weighted: Any = path[4] if len(path) > 4 else True
    if not is_one_of(mode, MODES):
        raise FieldTypeError(f"{name}: expected one of the modes {', '.join(map(repr, MODES))}, got {mode!r}")
    if not isinstance(weighted, bool) or (mode == "uvw" and not weighted):
        raise FieldTypeError(
            f'{name}: expected True or False for whether it has weights, and True for "uvw", got {weighted!r}'
        )
    x, y, z = (
        _chosen(f"{name}, {which}", index, kind)
        for which, index, kind in zip(("first", "second", "out"), path, types, strict=False)
    )
    if (mode != "uvw" and len(z) != len(x)) or (mode == "uuu" and len(y) != len(x)):
        needs = "as many fields of out as of first" if mode == "uvu" else "as many fields of each of the three"
        raise FieldTypeError(f"{name}: {mode!r} needs {needs}, got {len(x)}, {len(y)} and {len(z)}")
    left, right, rep = (kind[index[0]] for kind, index in zip(types, (x, y, z), strict=True))
    found = [
        Path(_at(x, a), _at(y, b), _at(z, c), mode, weighted, coefficients)
        for c, chi in enumerate(rep.irreps)
        for (a, psi), (b, phi) in product(enumerate(left.irreps), enumerate(right.irreps))
        for coefficients in clebsch_gordan(psi, phi, chi)
    ]
    if not found:
        raise FieldTypeError(
            f"{name}: there is no equivariant map from {left.name} times {right.name} to {rep.name}; leave it out"
        )
    return found


def _at(fields: tuple[int, ...], place: int) -> Copies:
    return tuple((field, place) for field in fields)


def _chosen(name: str, index: Any, kind: FieldType) -> tuple[int, ...]:
    """The fields that a path names, all of one kind."""
    if isinstance(index, Representation):
        if index not in kind.kinds:
            raise FieldTypeError(f"{name}: there is no field {index!r} in {kind}")
        return kind.kinds[index]
    count = len(kind)
    if is_integer(index):
        index = range(index, index + 1) if index >= 0 else range(count + index, count + index + 1)
    elif isinstance(index, slice):
        index = range(count)[index]
    elif not isinstance(index, range):
        raise FieldTypeError(
            f"{name}: expected a representation for all of its fields, or the number of a field, a slice or a range of "
            f"them, got {index!r}"
        )
    if not len(index) or not all(0 <= one < count for one in (index[0], index[-1])):
        raise FieldTypeError(f"{name}: expected some of the {count} fields of {kind}, got {index!r}")
    if len({kind[one] for one in index}) > 1:
        raise FieldTypeError(f"{name}: the fields {index!r} of {kind} are of several kinds; write a path for each")
    return tuple(index)


@functools.lru_cache(maxsize=256)
def _products(psi: Irrep, phi: Irrep, max_frequency: int | None) -> tuple[tuple[Irrep, list[Array]], ...]:
    """Each irrep in a product of two, with the maps to it, of norm 1: one, or as many as it has endomorphisms."""
    found, start = coupling(psi, phi, max_frequency), 0
    copies = []
    for chi in found.irreps:
        rows = found.coefficients[start : start + chi.size] / np.sqrt(chi.size)
        ends = intertwiners(chi, chi) * np.sqrt(chi.size)
        copies.append((chi, [np.tensordot(end, rows, 1) for end in ends]))
        start += chi.size
    return tuple(copies)
