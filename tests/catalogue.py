"""Every group of the catalogue the theorems of representation theory run over, in the plane and in space.

The finite groups of space are the axial families up to n = 8 and the polyhedral groups; frequencies of the continuous
ones go up to `MAX_FREQUENCY`. Types are kept below `LARGEST` components, so that large groups (Ih has 120 elements) are
tested on all their irreps and on those of their quotients and induced types that are small.
"""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

import steer
from steer.reps import Group, Irrep, Representation
from steer.reps.groups._names import all_groups
from steer.reps.groups._spatial import SpatialGroup
from tests import planar
from tests.planar import CYCLIC, DIHEDRAL, O2, PLANAR, SO2, TOL, elements, end_dimension, generators

__all__ = ["CYCLIC", "DIHEDRAL", "O2", "PLANAR", "SO2", "TOL", "elements", "end_dimension", "generators"]

MAX_FREQUENCY = 4
LARGEST = 24

O3 = steer.group("O(3)", dim=3)
SO3 = steer.group("SO(3)", dim=3)
SPATIAL = list(all_groups(8))
SPATIAL_TILTED = [
    O3.subgroup("Cs", axis=(1, 1, 0)),
    O3.subgroup("C5", axis=(1, -2, 0.3)),
    O3.subgroup("C4v", axis="x", secondary=0.3),
    O3.subgroup("S8", axis=(0.1, 0.2, -0.3)),
    O3.subgroup("D2", axis=(1, 1, 1), secondary=(1, -1, 0)),
    O3.subgroup("D3h", axis=(1, 1, 1)),
    O3.subgroup("D2d", axis=(3, 0, 4), secondary="y"),
    O3.subgroup("T", axis=(1, 2, 3), secondary=0.4),
    O3.subgroup("I", axis=(1, 2, 3), secondary=0.4),
    O3.subgroup("Cinfv", axis=(0, 1, 1)),
    O3.subgroup("Dinf", axis=(1, 2, 3)),
]
"""Groups whose axes are not the standard ones."""

FINITE = planar.FINITE + [group for group in SPATIAL if group.is_finite]
CONTINUOUS = planar.CONTINUOUS + [group for group in SPATIAL if not group.is_finite]
TILTED = planar.TILTED + [group for group in SPATIAL_TILTED if group.is_finite]
GROUPS = PLANAR + planar.TILTED + SPATIAL + SPATIAL_TILTED


_QUICK = ("C1", "C4", "D3", "D4", "SO(2)", "O(2)", "C2h", "D2d", "S4", "T", "O", "SO(3)", "O(3)", "Cinfv")


def mostly_slow(groups: Sequence[Group]) -> list[object]:
    """The groups as parameters of a test, marked slow but for one or two of each family in the standard setting."""
    quick = [group.name in _QUICK and group == group.standard for group in groups]
    return [
        group if keep else pytest.param(group, marks=pytest.mark.slow)
        for group, keep in zip(groups, quick, strict=True)
    ]


def group_id(group: Group) -> str:
    """A short name for pytest, with the dimension and the axis."""
    if not isinstance(group, SpatialGroup):
        return planar.group_id(group)
    return f"3-{group.name}" + ("" if group.setting.is_standard else f"@{group.setting.axis}".replace(" ", ""))


def pair_id(pair: object) -> str:
    """A short name for pytest, of a group or a pair of groups."""
    return "-".join(group_id(group) for group in (pair if isinstance(pair, tuple) else (pair,)))


def irreps(group: Group) -> tuple[Irrep, ...]:
    """All irreps, of a continuous group those up to `MAX_FREQUENCY`."""
    return planar.irreps(group) if group.dim == 2 else group.irreps(None if group.is_finite else MAX_FREQUENCY)


def subgroups(group: Group) -> list[Group]:
    """One subgroup of each conjugacy class; of a continuous group of space those with up to 4 elements, T and O too."""
    if group.dim == 2 or group.is_finite:
        return planar.subgroups(group)
    return [small for small in group.subgroups(4) if small.name not in ("Td", "Th", "Oh", "I", "Ih")]


def all_subgroups(group: Group) -> list[Group]:
    """Subgroups in more than one setting: those of `subgroups`, and their conjugates by an element of the group."""
    if group.dim == 2:
        return planar.all_subgroups(group)
    g = group.sample(8, seed=3)[-1]
    turn = g * np.linalg.det(g).round()
    found = subgroups(group)
    return list(dict.fromkeys(found + [small.standard.in_frame(turn @ small.frame) for small in found]))


def pairs_with_subgroups(groups: Sequence[Group] = GROUPS, every: bool = False) -> Iterator[tuple[Group, Group]]:
    """(G, H) for each group and each class of subgroups, or more of them."""
    for group in groups:
        yield from itertools.product([group], all_subgroups(group) if every else subgroups(group))


def has_finite_index(group: Group, small: Group) -> bool:
    """Whether there are finitely many cosets: the two have the same identity component."""
    return component(group) == component(small)


def component(group: Group) -> int:
    """Dimension of the group as a manifold, which tells the identity components of a group and a subgroup apart."""
    return 0 if group.is_finite else 3 if group.name in ("SO(3)", "O(3)") else 1


def index(group: Group, small: Group) -> int:
    """Number of cosets of a subgroup of finite index: the quotient of the numbers of components."""
    return len(group.components) // len(small.components)


def quotient(group: Group, small: Group) -> Representation:
    """The quotient representation, cut at the highest frequency where it is infinite."""
    return group.quotient(small, None if has_finite_index(group, small) else MAX_FREQUENCY)


def induced(group: Group, rep: Representation) -> Representation:
    """The induced representation, cut at the highest frequency where it is infinite."""
    return rep.induce(group, None if has_finite_index(group, rep.group) else MAX_FREQUENCY)


def regular(group: Group) -> Representation:
    """The regular representation, cut at the highest frequency where it is infinite, or a small quotient instead."""
    if group.dim == 2:
        return planar.regular(group)
    if not group.is_finite:
        return group.band_limited(1)
    small = next(small for small in group.subgroups() if group.order <= LARGEST * small.order)
    return group.quotient(small)


def few_types(group: Group) -> list[Representation]:
    """One representation of every kind, small enough to be paired with each other."""
    if group.dim == 2:
        return planar.few_types(group)
    last = irreps(group)[-1]
    found = subgroups(group)
    small = next((h for h in found[1:] if has_finite_index(group, h) and index(group, h) <= 12), found[-1])
    return list(
        dict.fromkeys(
            [
                *irreps(group),
                group.vector,
                regular(group),
                quotient(group, small),
                induced(group, irreps(small)[-1]),
                group.vector.tensor(group.vector),
                group.trivial + last + group.vector,
                group.harmonic(3),
            ]
        )
    )


def many_types(group: Group) -> list[Representation]:
    """`few_types`, quotients, and representations induced by irreps of subgroups, up to `LARGEST` components."""
    if group.dim == 2:
        return planar.many_types(group)
    out = few_types(group)
    for small in subgroups(group):
        if not has_finite_index(group, small):
            continue
        out += [group.quotient(small)] if index(group, small) <= LARGEST else []
        out += [psi.induce(group) for psi in irreps(small)[-2:] if psi.size * index(group, small) <= LARGEST]
    return list(dict.fromkeys(out))


def quadrature(*reps: Representation) -> tuple[np.ndarray, np.ndarray]:
    """Elements and weights that integrate products of these representations exactly, finer than need be."""
    return reps[0].group.haar(sum(rep._degree for rep in reps) + 3)


def small_turn(group: Group) -> np.ndarray:
    """A rotation by 1/1000 radian about the group's axis: an element of the continuous groups alone."""
    c, s = math.cos(1e-3), math.sin(1e-3)
    if group.dim == 2:
        return np.array([[c, -s], [s, c]])
    return group.frame @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ group.frame.T
