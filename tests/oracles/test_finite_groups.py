"""Finite groups: their classes, structure and characters against the permutation groups of sympy."""

import collections
import functools
import itertools
import math
import re

import numpy as np
import pytest
from sympy.combinatorics import Permutation, PermutationGroup
from sympy.combinatorics.group_constructs import DirectProduct
from sympy.combinatorics.named_groups import AlternatingGroup, CyclicGroup, DihedralGroup, SymmetricGroup

import steer
from tests.oracles.conventions import EPS

FAMILIES = ("C{}", "C{}v", "C{}h", "D{}", "D{}h", "D{}d")
AXIAL = ["Cs", *(f"S{2 * n}" for n in range(1, 7)), *(name.format(n) for n in range(2, 9) for name in FAMILIES)]
POLYHEDRAL = ["T", "Td", "Th", "O", "Oh", "I", "Ih"]
IN_PLANE = [steer.group(f"{family}{n}", dim=2) for family in "CD" for n in range(1, 9)]
IN_SPACE = [steer.group(name, dim=3) for name in ["C1", "Ci", *AXIAL, *POLYHEDRAL]]
GROUPS = [*IN_PLANE, *IN_SPACE]

ACTIONS = {"T": "C3", "Td": "C3v", "Th": "S6", "O": "D3", "Oh": "D3d", "I": "T", "Ih": "Th"}
"""A polyhedral group permutes four diagonals of the cube, or five cubes in the dodecahedron: this fixes one of them."""


def group_id(group):
    return f"{group.name}-{group.dim}d"


def named(group):
    """The abstract group by sympy's name, from the table of isomorphisms of the point groups."""
    two, name = CyclicGroup(2), group.name
    alternating, symmetric = AlternatingGroup, SymmetricGroup
    if name in POLYHEDRAL:
        plain = {"T": alternating(4), "Td": symmetric(4), "O": symmetric(4), "I": alternating(5)}
        return plain[name] if name in plain else DirectProduct(plain[name[0]], two)
    if name in ("Cs", "Ci"):
        return two
    letter, number, suffix = re.fullmatch(r"([CDS])(\d+)([vhd]?)", name).groups()
    n = int(number)
    plain = {"Cv": DihedralGroup, "Dd": lambda n: DihedralGroup(2 * n), "D": DihedralGroup, "Dh": DihedralGroup}
    found = plain.get(letter + suffix, CyclicGroup)(n)
    return DirectProduct(found, two) if suffix == "h" else found


@functools.cache
def regular(group):
    """The group as permutations of its own elements: element h goes to g h."""
    table = group.cayley_table.tolist()
    generators = [0, *group.nearest_index(group.generators)]  # the identity too, for a group without generators
    return PermutationGroup([Permutation(table[i]) for i in generators])


def class_profile(group):
    """How often each pair (size of a class, order of its elements) occurs in a group of sympy."""
    classes = group.conjugacy_classes()
    return collections.Counter((len(found), min(found, key=lambda g: g.array_form).order()) for found in classes)


def cosets(group, subgroup):
    """One permutation of the left cosets of a subgroup for each element of a group."""
    table = group.cayley_table
    inside = group.nearest_index(group.subgroup(subgroup).elements)
    found = sorted({tuple(sorted(row[inside].tolist())) for row in table})
    where = {i: position for position, coset in enumerate(found) for i in coset}
    return [Permutation([where[row[coset[0]]] for coset in found]) for row in table]


def characters(group):
    """Label -> the character at all elements."""
    return {psi.label: psi.character(group.elements) for psi in group.irreps()}


# Structure --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_conjugacy_classes(group):
    # a permutation of the regular action is known by where it takes the identity, which is element 0
    found = regular(group)
    assert found.order() == group.order
    expected = {tuple(sorted(g(0) for g in members)) for members in found.conjugacy_classes()}
    assert set(group.conjugacy_classes) == expected


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_isomorphism_type(group):
    # sizes of classes, orders of elements, centre, abelian quotients of the group and of its derived subgroup
    found, expected = regular(group), named(group)
    assert found.order() == expected.order() == group.order
    assert class_profile(found) == class_profile(expected)
    assert found.center().order() == expected.center().order()
    assert sorted(found.abelian_invariants()) == sorted(expected.abelian_invariants())
    derived = found.derived_subgroup(), expected.derived_subgroup()
    assert sorted(derived[0].abelian_invariants()) == sorted(derived[1].abelian_invariants())


@pytest.mark.parametrize("name", POLYHEDRAL)
def test_polyhedral_groups_are_permutation_groups(name):
    # the action on four or five things, with the determinant as a permutation of two more where there is an inversion
    group = steer.group(name, dim=3)
    action = cosets(group, ACTIONS[name])
    if name[1:] == "h":
        size = action[0].size
        swap = np.linalg.det(group.elements) < 0
        action = [
            Permutation([*p.array_form, *((size + 1, size) if odd else (size, size + 1))])
            for p, odd in zip(action, swap, strict=True)
        ]
    assert len(set(action)) == group.order, "an element is known by its permutation"
    for (i, p), (j, q) in itertools.product(enumerate(action), repeat=2):
        assert action[group.cayley_table[i, j]] == q * p  # sympy applies the left factor first
    assert PermutationGroup(action).equals(named(group))
    position = {p: i for i, p in enumerate(action)}
    expected = {tuple(sorted(position[p] for p in members)) for members in named(group).conjugacy_classes()}
    assert set(group.conjugacy_classes) == expected


# Irreps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_number_of_irreps(group):
    # over the complex numbers there are as many irreps as classes, and as many of size 1 as elements of G / [G, G]
    found = regular(group)
    parts = {"real": (1, 1), "complex": (2, 2), "quaternionic": (1, 2)}  # type -> irreps over C, and how much smaller
    irreps = [(parts[psi.type][0], psi.size // parts[psi.type][1]) for psi in group.irreps()]
    assert sum(count for count, _ in irreps) == len(found.conjugacy_classes())
    assert sum(count * size**2 for count, size in irreps) == found.order()
    abelian = found.order() // found.derived_subgroup().order()
    assert sum(count for count, size in irreps if size == 1) == abelian


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_number_of_square_roots(group):
    # Frobenius and Schur: each element g has sum_psi c(psi) psi(g) square roots, with c = 1, 0, -1 by the type
    counted = collections.Counter((p**2)(0) for p in regular(group).elements)
    sign = {"real": 1, "complex": 0, "quaternionic": -0.5}  # half: a real irrep of this type is twice a complex one
    found = sum(sign[psi.type] * psi.character(group.elements) for psi in group.irreps())
    np.testing.assert_allclose(found, [counted[i] for i in range(group.order)], rtol=0, atol=8 * group.order * EPS)


def cyclic_characters(turn):
    """(irreps, order): the characters over the reals of the group that a permutation generates, at its powers."""
    order = turn.order()
    waves = np.array([[math.cos(2 * math.pi * k * j / order) for j in range(order)] for k in range(order // 2 + 1)])
    return waves * [[1 if 2 * k % order == 0 else 2] for k in range(len(waves))]


def dihedral_characters(turn):
    """(irreps, 2 order): those of the dihedral group at the powers r^j and then at s r^j."""
    waves = cyclic_characters(turn)
    linear = [k for k in range(len(waves)) if 2 * k % turn.order() == 0]
    planar = [k for k in range(len(waves)) if k not in linear]
    halves = [(waves[k], sign * waves[k]) for k in linear for sign in (1, -1)]
    return np.array([np.concatenate(pair) for pair in [*halves, *((waves[k], 0 * waves[k]) for k in planar)]])


@pytest.mark.parametrize("group", [g for g in GROUPS if re.fullmatch(r"[CSD]\d+[vd]?", g.name)], ids=group_id)
def test_characters_of_cyclic_and_dihedral_groups(group):
    # which generator is r is a matter of choice, so irreps are compared as a set
    permutations = sorted(regular(group).elements, key=lambda p: p(0))
    cyclic = regular(group).is_cyclic
    turn = next(p for p in permutations if p.order() == group.order // (1 if cyclic else 2))
    powers = [turn**j for j in range(turn.order())]
    if cyclic:
        expected, members = cyclic_characters(turn), powers
    else:
        other = next(p for p in permutations if p not in powers)
        expected, members = dihedral_characters(turn), [*powers, *(p * other for p in powers)]
    found = np.array(list(characters(group).values()))[:, [p(0) for p in members]]
    assert found.shape == expected.shape
    # angles are rounded on both sides, and the highest frequency multiplies them by half the order
    equal = np.abs(found[:, None] - expected).max(-1) < 4 * group.order * EPS
    assert (equal.sum(0) == 1).all()
    assert (equal.sum(1) == 1).all()


def characters_of_four(p):
    """Label -> the irreps of the symmetric group of four letters at a permutation, labelled as those of O."""
    fixed, sign = p.size - len(p.support()), p.signature()
    pairings = ({frozenset((0, k)), frozenset({1, 2, 3} - {k})} for k in (1, 2, 3))
    kept = sum({frozenset(map(p, pair)) for pair in pairing} == pairing for pairing in pairings)
    return {"A1": 1, "A2": sign, "E": kept - 1, "T1": sign * (fixed - 1), "T2": fixed - 1}


def characters_of_five(p):
    """Label -> the irreps of the alternating group of five letters, and sum and product of the two of size 3."""
    standard = [q.size - len(q.support()) - 1 for q in (p, p**2)]
    normalised = sum({c ^ p for c in subgroup} == subgroup for subgroup in subgroups_of_order_five())
    sum_and_product = {"T1 + T2": (standard[0] ** 2 - standard[1]) // 2, "T1 T2": standard[0] + normalised - 1}
    return {"A": 1, "G": standard[0], "H": normalised - 1, **sum_and_product}


@functools.cache
def subgroups_of_order_five():
    """The six of them in the alternating group of five letters, without the identity."""
    cycles = [p for p in AlternatingGroup(5).elements if p.order() == 5]
    return {frozenset(c**k for k in range(1, 5)) for c in cycles}


def expected_characters(name, p):
    """Label -> the irreps of the rotations in a polyhedral group, or of Td, at a permutation of `ACTIONS`."""
    if name[0] == "I":
        return characters_of_five(p)
    found = characters_of_four(p)
    if name == "Td":
        return found  # of the vector it is T2, because a reflection keeps two diagonals
    return {"A": found["A1"], "E": found["E"], "T": found["T1"]} if name[0] == "T" else found


@pytest.mark.parametrize("name", POLYHEDRAL)
def test_characters_of_polyhedral_groups(name):
    group = steer.group(name, dim=3)
    parity = np.linalg.det(group.elements).round()
    values = [expected_characters(name, p) for p in cosets(group, ACTIONS[name])]
    found = characters(group)
    suffixes = {"g": 1, "u": parity} if name[1:] == "h" else {"": 1}
    labels = ("A", "T1", "T2", "G", "H") if name[0] == "I" else values[0]
    assert set(found) == {label + suffix for label in labels for suffix in suffixes}
    for suffix, sign in suffixes.items():
        if name[0] == "I":
            one, two = found[f"T1{suffix}"], found[f"T2{suffix}"]
            found[f"T1 + T2{suffix}"], found[f"T1 T2{suffix}"] = one + two, one * two * sign
        for label in values[0]:
            expected = sign * np.array([value[label] for value in values])
            np.testing.assert_allclose(found[label + suffix], expected, rtol=0, atol=64 * EPS)
