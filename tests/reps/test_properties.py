"""The same theorems at random: sums and tensor products of anything, at any element, about any axis."""

import math

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

import steer
from steer.reps import clebsch_gordan, decompose, intertwiners, multiplicity
from tests.catalogue import (
    GROUPS,
    O2,
    O3,
    SPATIAL,
    TOL,
    elements,
    end_dimension,
    few_types,
    has_finite_index,
    irreps,
    subgroups,
)

LARGEST = 40

AXES = st.floats(-10, 10, allow_nan=False)


@st.composite
def any_group(draw):
    """Any group of the list, or a dihedral one about any axis."""
    tilted = st.builds(lambda n, axis: O2.subgroup(f"D{n}", axis=axis), st.integers(1, 12), AXES)
    return draw(st.one_of(st.sampled_from(GROUPS), tilted, spatial()))


@st.composite
def spatial(draw):
    """A group of space about any axis."""
    small = draw(st.sampled_from([group for group in SPATIAL if group.order <= 24 or not group.is_finite]))
    axis = draw(st.tuples(AXES, AXES, AXES).filter(lambda axis: np.linalg.norm(axis) > 1e-3))
    return O3.subgroup(small.name, axis=axis, **({"secondary": draw(AXES)} if small.has_secondary else {}))


@st.composite
def types(draw, group):
    """A sum, a tensor product, a restriction of a sum, or a simple type, of a size up to `LARGEST`."""
    found = draw(st.sampled_from(few_types(group)))
    for _ in range(draw(st.integers(0, 3))):
        other = draw(st.sampled_from(few_types(group)))
        combined = draw(st.sampled_from([found.__add__, found.tensor, other.__add__, other.tensor]))
        partner = other if combined.__self__ is found else found
        size = found.size + other.size if combined.__name__ == "__add__" else found.size * other.size
        if size <= LARGEST:
            found = combined(partner)
    return found


@st.composite
def group_and_types(draw, count):
    """A group and so many types of it."""
    group = draw(any_group())
    return group, *(draw(types(group)) for _ in range(count))


@given(group_and_types(1), st.integers(0, 1000))
def test_homomorphism(case, seed):
    group, rep = case
    g, h = group.sample(2, seed)
    np.testing.assert_allclose(rep(g @ h), rep(g) @ rep(h), atol=TOL)
    np.testing.assert_allclose(rep(g.T), rep(g).T, atol=TOL)


@given(group_and_types(2), st.integers(0, 1000))
def test_characters_add_and_multiply(case, seed):
    group, a, b = case
    g = group.sample(5, seed)
    np.testing.assert_allclose((a + b).character(g), a.character(g) + b.character(g), atol=TOL)
    # traces of up to LARGEST terms are multiplied
    np.testing.assert_allclose(a.tensor(b).character(g), a.character(g) * b.character(g), atol=LARGEST * TOL)


@given(group_and_types(1), st.integers(0, 1000))
def test_decomposition(case, seed):
    group, rep = case
    found = decompose(rep)
    g = group.sample(1, seed)[0]
    blocks = np.zeros((rep.size, rep.size))
    start = 0
    for psi in found.irreps:
        blocks[start : start + psi.size, start : start + psi.size] = psi(g)
        start += psi.size
    basis = found.change_of_basis
    np.testing.assert_allclose(basis.T @ basis, np.eye(rep.size), atol=TOL)
    np.testing.assert_allclose(basis @ blocks @ basis.T, rep(g), atol=TOL)
    assert sorted(psi.label for psi in found.irreps) == sorted(psi.label for psi in rep.irreps)


@given(group_and_types(2), st.integers(0, 1000))
def test_intertwiners(case, seed):
    group, a, b = case
    counts = [decompose(rep).multiplicities for rep in (a, b)]
    expected = sum(count * counts[1].get(psi, 0) * end_dimension(psi) for psi, count in counts[0].items())
    maps = intertwiners(a, b)
    assert len(maps) == multiplicity(a, b) == expected
    for g in group.sample(2, seed):
        np.testing.assert_allclose(maps @ a(g), b(g) @ maps, atol=TOL)


@given(group_and_types(1), st.data())
def test_frobenius_reciprocity(case, data):
    group, rep = case
    small = data.draw(st.sampled_from([h for h in subgroups(group) if has_finite_index(group, h)]))
    psi = data.draw(st.sampled_from(irreps(small)))
    assert multiplicity(rep, psi.induce(group)) == multiplicity(rep.restrict(small), psi)


@given(group_and_types(1))
def test_printed_values_build_themselves(case):
    group, rep = case
    assert eval(repr(group), {"steer": steer}) == group
    assert eval(repr(rep), {"steer": steer}) == rep


@given(st.integers(1, 12), AXES, st.integers(1, 12))
def test_a_dihedral_group_is_a_subgroup_exactly_about_its_own_axes(n, axis, m):
    group = O2.subgroup(f"D{n}", axis=axis)
    small = O2.subgroup(f"D{m}", axis=axis)
    assert (small <= group) == (n % m == 0)
    assert not O2.subgroup(f"D{m}", axis=axis + 0.5 * math.pi / n) <= group, "halfway between two axes"
    direction = (3 * math.cos(axis), 3 * math.sin(axis))
    assert group.contains(O2.subgroup("D1", axis=direction).elements).all()


@given(st.integers(1, 12), AXES)
def test_turning_the_axis_conjugates_the_irreps(n, axis):
    # D_n about another axis is R D_n R^-1, and its irreps are those of D_n at R^-1 g R
    standard, tilted = steer.group(f"D{n}", dim=2), O2.subgroup(f"D{n}", axis=axis)
    first = float(tilted.axis) * math.pi
    turn = np.array([[math.cos(first), -math.sin(first)], [math.sin(first), math.cos(first)]])
    assert tilted.contains(turn @ elements(standard) @ turn.T).all()
    for psi, other in zip(standard.irreps(), tilted.irreps(), strict=True):
        np.testing.assert_allclose(other(turn @ elements(standard) @ turn.T), psi(elements(standard)), atol=TOL)


@given(any_group(), st.data())
def test_coupling_to_the_trivial_irrep_is_the_scalar_product(group, data):
    psi = data.draw(st.sampled_from(irreps(group)))
    maps = clebsch_gordan(psi, psi, group.trivial)
    assert len(maps) == end_dimension(psi)
    # x . y / sqrt(d) is invariant for every orthogonal representation, so it lies in the span
    scalar = np.eye(psi.size).reshape(-1) / np.sqrt(psi.size)
    flat = maps.reshape(len(maps), -1)
    np.testing.assert_allclose(flat.T @ (flat @ scalar), scalar, atol=TOL)
