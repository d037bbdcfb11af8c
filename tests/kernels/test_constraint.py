"""Every basis solves K(g x) = rho_out(g) K(x) rho_in(g)^-1, is independent and complete: its size is a character sum.

The constraint is checked at generators and random points: what holds there holds for every product of generators.
"""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steer.kernels import Rings, constraint_residual, kernel_basis
from steer.reps import Induced
from steer.testing import assert_kernel_constraint
from tests.catalogue import (
    CYCLIC,
    DIHEDRAL,
    IN_PLANE,
    O2,
    PLANAR_TILTED,
    SO2,
    few_types,
    generators,
    group_id,
    irreps,
    many_types,
)

RESIDUAL = 1e-10
"""Of kernels with entries of order 1 in float64: rounding gives 1e-15, a wrong sign or order more than 1e-2."""

RINGS = Rings((0.0, 1.3), (0.7, 0.6), (0, 3))
POINTS = np.random.default_rng(0).normal(size=(3, 2))


def forms(in_rep, out_rep):
    """The forms that a basis between two representations has."""
    induced = isinstance(in_rep, Induced) or isinstance(out_rep, Induced)
    return ("block", "orbit") if induced else ("block",)


@functools.lru_cache(maxsize=512)
def character(rep):
    """The character at the nodes of a quadrature that is exact for all products here."""
    return rep.character(rep.group.haar(24)[0])


@functools.lru_cache(maxsize=8)
def harmonics_character(group):
    """Sum of the characters of the harmonics over rings and degrees, times the weights of the quadrature."""
    return group.haar(24)[1] * sum(character(group.harmonic(degree)) for _, degree in RINGS.blocks)


def dimension(in_rep, out_rep):
    """The number of kernels: dim Hom(in (x) D_L, out) summed over rings and degrees, by characters."""
    return round(float(harmonics_character(in_rep.group) @ (character(in_rep) * character(out_rep))))


def residual(basis, points):
    """Largest violation of the constraint at the generators, relative to the largest entry."""
    at = generators(basis.in_rep.group)
    kernels = basis.sample(points)
    worst = 0.0
    for g, left, right in zip(at, basis.out_rep(at), basis.in_rep(at), strict=True):
        rows = kernels.reshape(len(kernels), len(left), len(right) * len(points))
        turned = (left @ rows).reshape(kernels.shape)  # rho_out(g) K(x)
        expected = np.matmul(right, turned)  # K rho_in(g)^T, on the axes (in, m)
        worst = max(worst, np.abs(basis.sample(points @ g.T) - expected).max(initial=0))
    return worst / max(np.abs(kernels).max(initial=0), 1e-300)


def check(in_rep, out_rep):
    for form in forms(in_rep, out_rep):
        basis = kernel_basis(in_rep, out_rep, radial=RINGS, form=form)
        assert residual(basis, POINTS) < RESIDUAL, (in_rep, out_rep, form)
        assert len(basis) == len(basis.elements) == dimension(in_rep, out_rep), (in_rep, out_rep, form)
        assert len(set(basis.elements)) == len(basis), "the names of the kernels are not unique"


@pytest.mark.parametrize("group", IN_PLANE, ids=group_id)
def test_every_pair_of_kinds_of_types(group):
    # every pair of irreps, and regular, quotient, induced, tensor product, vector, restricted types with all of those
    for in_rep, out_rep in itertools.product(few_types(group), repeat=2):
        check(in_rep, out_rep)


@pytest.mark.parametrize("group", IN_PLANE, ids=group_id)
def test_every_quotient_and_induced_type(group):
    # from and to vectors and the last irrep, which is not trivial on any rotation
    for rep, end in itertools.product(many_types(group), (group.vector, irreps(group)[-1])):
        check(rep, end)
        check(end, rep)


@pytest.mark.slow
@pytest.mark.parametrize("group", IN_PLANE, ids=group_id)
def test_every_pair_of_all_types(group):
    for in_rep, out_rep in itertools.product(many_types(group), few_types(group)):
        check(in_rep, out_rep)
        check(out_rep, in_rep)


BRUTE = [CYCLIC[0], CYCLIC[1], CYCLIC[2], CYCLIC[3], *DIHEDRAL[:4], SO2, O2, PLANAR_TILTED[1], PLANAR_TILTED[3]]


def brute_force_rank(in_rep, out_rep, radial):
    """Dimension of the null space of the constraint as linear equations, on any Q . (scalar functions) whatever.

    Nothing here knows of irreps, of degrees or of how harmonics transform.
    """
    points = np.random.default_rng(1).normal(scale=1.5, size=(3 * radial.count(2), 2))
    at = generators(in_rep.group)
    here, eye = radial.sample(points), np.eye
    unknowns = out_rep.size * in_rep.size * len(here)
    equations = [np.zeros((1, unknowns))]
    for g, left, right in zip(at, out_rep(at), in_rep(at), strict=True):
        there = radial.sample(points @ g.T)
        moved = np.einsum("pi,qj,bm->mpqijb", eye(len(left)), eye(len(right)), there)
        expected = np.einsum("pi,qj,bm->mpqijb", left, right, here)
        equations.append((moved - expected).reshape(-1, unknowns))
    # the singular values of A are the roots of the eigenvalues of A^T A; zero ones are 1e-8 after the root
    gram = sum(block.T @ block for block in equations) / len(points)
    return int(np.sum(np.linalg.eigvalsh(gram) < 1e-10))


@pytest.mark.parametrize("group", BRUTE, ids=group_id)
def test_dimension_equals_brute_force_null_space(group):
    radial = Rings((1.2,), (0.6,), (2,))
    small = [rep for rep in few_types(group) if rep.size <= 6]
    for in_rep, out_rep in itertools.product(small, repeat=2):
        if in_rep.size * out_rep.size <= 24:
            expected = brute_force_rank(in_rep, out_rep, radial)
            for form in forms(in_rep, out_rep):
                assert len(kernel_basis(in_rep, out_rep, radial=radial, form=form)) == expected, (in_rep, out_rep)


@pytest.mark.parametrize("group", IN_PLANE, ids=group_id)
def test_kernels_are_independent(group):
    # with the size above: a basis of all kernels. Points enough to tell all scalar functions apart.
    points = np.random.default_rng(2).normal(scale=1.5, size=(3 * RINGS.count(2), 2))
    small = [rep for rep in few_types(group) if rep.size <= 8]
    for in_rep, out_rep in itertools.product(small, repeat=2):
        for form in forms(in_rep, out_rep):
            kernels = kernel_basis(in_rep, out_rep, radial=RINGS, form=form).sample(points)
            flat = kernels.reshape(len(kernels), out_rep.size * in_rep.size * len(points))
            assert np.linalg.matrix_rank(flat @ flat.T, tol=1e-8, hermitian=True) == len(flat), (in_rep, out_rep)


@given(data=st.data())
def test_random_types_and_rings(data):
    group = data.draw(st.sampled_from(IN_PLANE), label="group")
    atoms = st.sampled_from([rep for rep in few_types(group) if rep.size <= 6])
    in_rep, out_rep = data.draw(atoms, label="in"), data.draw(atoms, label="out")
    if data.draw(st.booleans(), label="sum"):
        in_rep = in_rep + data.draw(atoms, label="in 2")
    if data.draw(st.booleans(), label="product") and in_rep.size <= 6:
        in_rep = in_rep.tensor(group.vector)
    rings = data.draw(st.integers(1, 3), label="rings")
    radii = data.draw(st.lists(st.floats(0, 3), min_size=rings, max_size=rings), label="radii")
    limits = data.draw(st.lists(st.integers(0, 4), min_size=rings, max_size=rings), label="limits")
    radial = Rings(tuple(radii), (0.7,) * rings, tuple(limits))
    for form in forms(in_rep, out_rep):
        basis = kernel_basis(in_rep, out_rep, radial=radial, form=form)
        assert residual(basis, np.random.default_rng(3).normal(scale=1.5, size=(4, 2))) < RESIDUAL


@pytest.mark.parametrize("group", IN_PLANE, ids=group_id)
def test_the_check_accepts_kernels_and_refuses_others(group):
    basis = kernel_basis(group.vector, group.vector, max_frequency=2)
    assert constraint_residual(basis) < RESIDUAL
    assert constraint_residual(basis, points=POINTS, seed=3) < RESIDUAL
    assert_kernel_constraint(basis)
    if group.order == 1:
        return
    shifted = ShiftedBasis(basis)
    assert constraint_residual(shifted) > 1e-2
    with pytest.raises(AssertionError, match="breaks K"):
        assert_kernel_constraint(shifted)


class ShiftedBasis:
    """The kernels of a basis about a point that no group but the trivial one keeps."""

    def __init__(self, basis):
        self.basis, self.in_rep, self.out_rep = basis, basis.in_rep, basis.out_rep

    def sample(self, points):
        return self.basis.sample(np.asarray(points) - [0.3, 0.2])


def test_an_empty_basis_has_no_residual():
    group = IN_PLANE[3]
    basis = kernel_basis(group.trivial, group.irrep("E"), max_frequency=0)
    assert len(basis) == 0
    assert basis.sample(POINTS).shape == (0, 2, 1, 3)
    assert constraint_residual(basis) == 0
