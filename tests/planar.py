"""Every planar group the tests run over, and what they ask of each: its irreps, its types, its subgroups.

Finite groups are exhausted: all elements, all irreps, all subgroups. For SO(2) and O(2) frequencies go up to
`MAX_FREQUENCY` and finite subgroups to `MAX_ORDER` elements.
"""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

import steer
from steer.reps import Group, Irrep, Representation

MAX_FREQUENCY = 3
MAX_ORDER = 6
HIGHEST = 12

TOL = 1e-12
"""For products of a few float64 matrices of size below 100 with entries of order 1.

Rounding gives about 1e-16 for each of up to 100 terms; a wrong sign, axis or normalisation gives more than 1e-2.
"""

SO2 = steer.group("SO(2)", dim=2)
O2 = steer.group("O(2)", dim=2)
CYCLIC = [steer.group(f"C{n}", dim=2) for n in range(1, HIGHEST + 1)]
DIHEDRAL = [steer.group(f"D{n}", dim=2) for n in range(1, HIGHEST + 1)]
TILTED = [O2.subgroup(f"D{n}", axis=axis) for n, axis in ((1, 0.3), (2, math.pi / 7), (3, 1.0), (4, math.pi / 8))]
"""Dihedral groups whose reflection axes are not the standard ones."""

FINITE = CYCLIC + DIHEDRAL
CONTINUOUS = [SO2, O2]
PLANAR = FINITE + CONTINUOUS
GROUPS = PLANAR + TILTED


def group_id(group: Group) -> str:
    """A short name for pytest, the axis included."""
    axis = getattr(group, "axis", 0)
    return f"{group.name}@{float(axis):.3g}" if axis else group.name


def irreps(group: Group) -> tuple[Irrep, ...]:
    """All irreps, of a continuous group those up to `MAX_FREQUENCY`."""
    return group.irreps(None if group.is_finite else MAX_FREQUENCY)


def elements(group: Group, count: int = 12, seed: int = 0) -> npt.NDArray[np.float64]:
    """All elements of a finite group, `count` random ones of a continuous group."""
    return group.elements if group.is_finite else group.sample(count, seed)


def generators(group: Group) -> npt.NDArray[np.float64]:
    """What commutes with (or is fixed by) these commutes with (is fixed by) the whole group."""
    return np.concatenate([group.generators, group.identity_component])


def end_dimension(psi: Irrep) -> int:
    """Dimension of End_G(psi), from its Frobenius-Schur type."""
    return {"real": 1, "complex": 2, "quaternionic": 4}[psi.type]


def subgroups(group: Group) -> list[Group]:
    """One subgroup of each conjugacy class."""
    return list(group.subgroups() if group.is_finite else group.subgroups(MAX_ORDER))


def all_subgroups(group: Group) -> list[Group]:
    """Every subgroup: those of `subgroups`, about every reflection axis of the group (three axes in O(2))."""
    found = subgroups(group)
    turns: Sequence[float] = (0.0, 0.3, 2.0)
    if group.is_finite and group.name.startswith("D"):
        n = int(group.name[1:])
        turns = [float(group.axis) * math.pi + k * math.pi / n for k in range(n)]  # type: ignore[attr-defined]
    if not any(small.name.startswith("D") for small in found):
        return found
    names = {small.name for small in found if small.name.startswith("D")}
    return list(dict.fromkeys(found + [group.subgroup(name, axis=turn) for name in sorted(names) for turn in turns]))


def has_finite_index(group: Group, small: Group) -> bool:
    """Whether there are finitely many cosets: in the plane, when both or neither are continuous."""
    return group.is_finite == small.is_finite


def index(group: Group, small: Group) -> int:
    """Number of cosets of a subgroup of finite index."""
    if group.is_finite:
        return int(group.order) // int(small.order)
    return 2 if group.name != small.name else 1


def quotient(group: Group, small: Group) -> Representation:
    """The quotient representation, cut at the highest frequency where it is infinite."""
    return group.quotient(small, None if has_finite_index(group, small) else MAX_FREQUENCY)


def induced(group: Group, rep: Representation) -> Representation:
    """The induced representation, cut at the highest frequency where it is infinite."""
    return rep.induce(group, None if has_finite_index(group, rep.group) else MAX_FREQUENCY)


def regular(group: Group) -> Representation:
    """The regular representation, cut at the highest frequency where it is infinite."""
    return group.regular if group.is_finite else group.band_limited(MAX_FREQUENCY)


def few_types(group: Group) -> list[Representation]:
    """One representation of every kind, small enough to be paired with each other."""
    last = irreps(group)[-1]
    small = subgroups(group)[-1 if len(subgroups(group)) < 3 else 1]
    return list(
        dict.fromkeys(
            [
                *irreps(group),
                group.vector,
                regular(group),
                quotient(group, small),
                induced(group, irreps(small)[-1]),
                group.vector.tensor(last),
                group.trivial + last + group.vector,
                O2.irrep("3").restrict(group),
            ]
        )
    )


def many_types(group: Group) -> list[Representation]:
    """`few_types`, every quotient, and every representation induced by an irrep of a subgroup."""
    out = few_types(group)
    for small in subgroups(group):
        out.append(quotient(group, small))
        out += [induced(group, psi) for psi in irreps(small)]
    out.append((group.trivial + regular(group)).tensor(group.vector))
    return list(dict.fromkeys(out))


def pairs_with_subgroups(groups: Sequence[Group] = GROUPS, every: bool = False) -> Iterator[tuple[Group, Group]]:
    """(G, H) for each group and each class of subgroups, or each subgroup."""
    for group in groups:
        yield from itertools.product([group], all_subgroups(group) if every else subgroups(group))


def pair_id(pair: object) -> str:
    """A short name for pytest, of a group or a pair of groups."""
    return "-".join(group_id(group) for group in (pair if isinstance(pair, tuple) else (pair,)))
