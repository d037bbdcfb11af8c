"""Every group that the theorems run over, and what they ask of each: its irreps, types, elements and subgroups.

On a line C1 and D1; in the plane all elements, irreps and subgroups up to n = 12; in space the axial families up to n =
8 and the polyhedral groups; tilted settings; direct products; actions that are not the group's own. Frequencies of
continuous groups go up to `band`. Types are kept below `LARGEST` components in space, so that large groups (Ih has 120
elements) are tested on all their irreps and on those of their quotients and induced types that are small.
"""

import functools
import itertools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

import steer
from steer.reps import Group, Irrep, PlanarGroup, Representation, SpatialGroup, direct_product, with_action
from steer.reps.groups._spatial import all_groups

TOL = 1e-12
"""For products of a few float64 matrices of size below 100 with entries of order 1.

Rounding gives about 1e-16 for each of up to 100 terms; a wrong sign, axis or normalisation gives more than 1e-2.
"""

LARGEST = 24

CYCLIC = [steer.group(f"C{n}", dim=2) for n in range(1, 13)]
DIHEDRAL = [steer.group(f"D{n}", dim=2) for n in range(1, 13)]
C1, C2, C3, C4, C5, C6, C12 = (CYCLIC[n - 1] for n in (1, 2, 3, 4, 5, 6, 12))
D3, D4, D6 = (DIHEDRAL[n - 1] for n in (3, 4, 6))
SO2, O2 = (steer.group(name, dim=2) for name in ("SO(2)", "O(2)"))
T, OCT, SO3, O3 = (steer.group(name, dim=3) for name in ("T", "O", "SO(3)", "O(3)"))

PLANAR = [*CYCLIC, *DIHEDRAL, SO2, O2]
PLANAR_TILTED = [
    O2.subgroup(f"D{n}", axis=axis) for n, axis in ((1, 0.3), (2, math.pi / 7), (3, 1.0), (4, math.pi / 8))
]
"""Dihedral groups whose reflection axes are not the standard ones."""

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

IN_PLANE = PLANAR + PLANAR_TILTED
ON_LINE = [steer.group(name, dim=1) for name in ("C1", "D1")]
GROUPS = ON_LINE + IN_PLANE + SPATIAL + SPATIAL_TILTED
FINITE = ON_LINE + [group for group in PLANAR + SPATIAL if group.is_finite]
CONTINUOUS = [group for group in PLANAR + SPATIAL if not group.is_finite]
TILTED = [group for group in PLANAR_TILTED + SPATIAL_TILTED if group.is_finite]

SMALL_PRODUCTS = [direct_product(a, b) for a, b in itertools.product((C1, C2, C3, C4, D3), repeat=2)]
FINITE_PRODUCTS = [
    *SMALL_PRODUCTS,
    direct_product(D4, D3),
    direct_product(T, C3),
    direct_product(OCT, C2),
    direct_product(O2.subgroup("D2", axis=0.3), O3.subgroup("C4v", axis="x")),
    direct_product(direct_product(C3, C4), C5),
    direct_product(C2, direct_product(C2, C3)),
]
CONTINUOUS_PRODUCTS = [
    direct_product(SO2, C3),
    direct_product(C3, SO2),
    direct_product(SO2, SO2),
    direct_product(SO3, C2),
    direct_product(O3, C2),
    direct_product(SO3, SO2),
    direct_product(direct_product(C3, C4), SO2),
    direct_product(direct_product(SO2, D3), C4),
]
PRODUCTS = FINITE_PRODUCTS + CONTINUOUS_PRODUCTS

THROUGH_D2 = with_action(D4, D4.irrep("B1") + D4.irrep("B2"))
HALF_TURN = with_action(C4, C4.irrep("B") + C4.irrep("B"))
STILL = with_action(D4, D4.trivial + D4.trivial)
DOUBLE = with_action(SO2, SO2.irrep("2"))
ON_PLANE = with_action(OCT, OCT.irrep("E"))
AXIAL = with_action(O3, O3.irrep("1e"))
SPACE = with_action(C4, C4.vector + C4.trivial)
INTERNAL = [direct_product(C4, C2), direct_product(SO2, C3), direct_product(SO3, C2), direct_product(THROUGH_D2, C2)]
ACTIONS = [THROUGH_D2, HALF_TURN, STILL, DOUBLE, ON_PLANE, AXIAL, SPACE]
MOVING = ACTIONS + INTERNAL
NOWHERE = with_action(D4, None)
LINE = with_action(D4, D4.irrep("B1"))

_QUICK = ("C1", "C4", "D3", "D4", "SO(2)", "O(2)", "C2h", "D2d", "S4", "T", "O", "SO(3)", "O(3)", "Cinfv")


def stands_for_others(group: Group) -> bool:
    """Whether it is one of the few of its family, in the standard setting, that are quick where others are slow."""
    return group.name in _QUICK and group == group.standard


def mostly_slow(groups: Sequence[Group]) -> list[object]:
    """The groups as parameters of a test, marked slow but for one or two of each family in the standard setting."""
    return [group if stands_for_others(group) else pytest.param(group, marks=pytest.mark.slow) for group in groups]


def nearly_all_slow(groups: Sequence[Group]) -> list[object]:
    """The groups as parameters of a test, marked slow but for D4, O(2) and O(3)."""
    quick = (D4, O2, O3)
    return [group if group in quick else pytest.param(group, marks=pytest.mark.slow) for group in groups]


def group_id(group: Group) -> str:
    """A short name for pytest: the axis of a tilted group, the dimension of one that is not of the plane."""
    if isinstance(group, PlanarGroup):
        return f"{group.name}@{float(group.axis):.3g}" if group.axis else group.name
    if isinstance(group, SpatialGroup):
        return f"3-{group.name}" + ("" if group.setting.is_standard else f"@{group.setting.axis}".replace(" ", ""))
    return f"{group.name} in {group.dim}".replace(" ", "")


def pair_id(pair: object) -> str:
    """A short name for pytest, of a group or a pair of groups."""
    return "-".join(group_id(group) for group in (pair if isinstance(pair, tuple) else (pair,)))


def band(group: Group) -> int:
    """The highest frequency that is tested of a continuous group."""
    return 3 if isinstance(group, PlanarGroup) else 4 if isinstance(group, SpatialGroup) else 2


def irreps(group: Group, highest: int | None = None) -> tuple[Irrep, ...]:
    """All irreps, of a continuous group those up to a frequency, its `band` unless said."""
    return group.irreps(None if group.is_finite else band(group) if highest is None else highest)


def elements(group: Group, count: int = 12, seed: int = 0) -> npt.NDArray[np.float64]:
    """All elements of a finite group, `count` random ones of a continuous group."""
    return group.elements if group.is_finite else group.sample(count, seed)


def generators(group: Group) -> npt.NDArray[np.float64]:
    """What commutes with (or is fixed by) these commutes with (is fixed by) the whole group."""
    return np.concatenate([group.generators, group.identity_component])


def end_dimension(psi: Irrep) -> int:
    """Dimension of End_G(psi), from its Frobenius-Schur type."""
    return {"real": 1, "complex": 2, "quaternionic": 4}[psi.type]


@functools.cache
def subgroups(group: Group) -> list[Group]:
    """One subgroup of each conjugacy class; of a continuous group those with up to 6 elements, in space up to 4."""
    if group.is_finite:
        return list(group.subgroups())
    if group.dim == 2:
        return list(group.subgroups(6))
    return [small for small in group.subgroups(4) if small.name not in ("Td", "Th", "Oh", "I", "Ih")]


@functools.cache
def all_subgroups(group: Group) -> list[Group]:
    """Subgroups in more than one setting: in the plane about every axis of a reflection (three axes in O(2)).

    In space the conjugates of `subgroups` by one element of the group.
    """
    found = subgroups(group)
    if group.dim == 1:
        return found
    if group.dim == 2:
        turns: Sequence[float] = (0.0, 0.3, 2.0)
        if group.is_finite and group.name.startswith("D"):
            n = int(group.name[1:])
            turns = [float(group.axis) * math.pi + k * math.pi / n for k in range(n)]
        names = sorted({small.name for small in found if small.name.startswith("D")})
        return list(dict.fromkeys(found + [group.subgroup(name, axis=turn) for name in names for turn in turns]))
    g = group.sample(8, seed=3)[-1]
    turn = g * np.linalg.det(g).round()
    return list(dict.fromkeys(found + [small.standard.in_frame(turn @ small.frame) for small in found]))


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
    return group.quotient(small, None if has_finite_index(group, small) else band(group))


def induced(group: Group, rep: Representation) -> Representation:
    """The induced representation, cut at the highest frequency where it is infinite."""
    return rep.induce(group, None if has_finite_index(group, rep.group) else band(group))


def regular(group: Group) -> Representation:
    """The regular representation, cut where it is infinite; in space a small quotient instead of a large one."""
    if not group.is_finite:
        return group.band_limited(band(group) if group.dim == 2 else 1)
    if group.dim == 2:
        return group.regular
    small = next(small for small in group.subgroups() if group.order <= LARGEST * small.order)
    return group.quotient(small)


def few_types(group: Group) -> list[Representation]:
    """One representation of every kind, small enough to be paired with each other."""
    last, found = irreps(group)[-1], subgroups(group)
    if group.dim == 2:
        small = found[-1 if len(found) < 3 else 1]
    else:
        small = next((h for h in found[1:] if has_finite_index(group, h) and index(group, h) <= 12), found[-1])
    return list(
        dict.fromkeys(
            [
                *irreps(group),
                group.vector,
                regular(group),
                quotient(group, small),
                induced(group, irreps(small)[-1]),
                group.vector.tensor(last if group.dim == 2 else group.vector),
                group.trivial + last + group.vector,
                group.harmonic(1 if group.dim == 1 else 3),
            ]
        )
    )


def many_types(group: Group) -> list[Representation]:
    """`few_types`, quotients, and types induced by irreps of subgroups; in space of up to `LARGEST` components."""
    out = few_types(group)
    if group.dim == 2:
        for small in subgroups(group):
            out += [quotient(group, small), *(induced(group, psi) for psi in irreps(small))]
        return list(dict.fromkeys([*out, (group.trivial + regular(group)).tensor(group.vector)]))
    for small in subgroups(group):
        if has_finite_index(group, small):
            out += [group.quotient(small)] if index(group, small) <= LARGEST else []
            out += [psi.induce(group) for psi in irreps(small)[-2:] if psi.size * index(group, small) <= LARGEST]
    return list(dict.fromkeys(out))


def quadrature(*reps: Representation) -> tuple[np.ndarray, np.ndarray]:
    """Elements and weights that integrate products of these representations exactly, finer than need be."""
    return reps[0].group.haar(sum(rep._degree for rep in reps) + 3)


def small_turn(group: Group) -> np.ndarray:
    """A rotation by 1/1000 radian about the group's axis: in continuous groups alone; on a line a stretch."""
    if group.dim == 1:
        return np.array([[1.001]])
    small = turn(1e-3)
    return small if group.dim == 2 else group.frame @ beside(small, np.eye(1)) @ group.frame.T


def turn(angle: float) -> np.ndarray:
    """A rotation of the plane."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def beside(g: np.ndarray, h: np.ndarray) -> np.ndarray:
    """diag(g, h), by hand."""
    return np.block([[g, np.zeros((len(g), len(h)))], [np.zeros((len(h), len(g))), h]])
