"""The orbit and block forms span one space, and each Q of degree L is an intertwiner in (x) D_L -> out, all of them."""

import itertools

import numpy as np
import pytest
import scipy.linalg

from steer.kernels import Rings, kernel_basis
from steer.reps import Induced, clebsch_gordan, decompose, intertwiners
from tests.catalogue import IN_PLANE, few_types, group_id, irreps

RADIAL = Rings((1.1,), (0.6,), (2,))
TOL = 1e-10
"""Least squares with the samples below loses up to three digits of float64, a wrong kernel gives more than 1e-2."""


def induced_pairs(group, largest=72):
    for in_rep, out_rep in itertools.product(few_types(group), repeat=2):
        induced = isinstance(in_rep, Induced) or isinstance(out_rep, Induced)
        if induced and in_rep.size * out_rep.size <= largest:
            yield in_rep, out_rep


def least_squares(basis, kernels):
    """Coefficients of independent kernels in a basis, one kernel a row."""
    q, r = np.linalg.qr(basis.T)
    return scipy.linalg.solve_triangular(r, q.T @ kernels.T).T


@pytest.mark.parametrize("group", IN_PLANE, ids=group_id)
def test_orbit_and_block_span_the_same_kernels(group):
    rng = np.random.default_rng(0)
    fit, held_out = rng.normal(scale=1.5, size=(3 * RADIAL.count(2), 2)), rng.normal(scale=1.5, size=(4, 2))
    for in_rep, out_rep in induced_pairs(group):
        bases = [kernel_basis(in_rep, out_rep, radial=RADIAL, form=form) for form in ("orbit", "block")]
        assert len(bases[0]) == len(bases[1])
        if not len(bases[0]):
            continue
        samples = [basis.sample(fit).reshape(len(basis), -1) for basis in bases]
        others = [basis.sample(held_out).reshape(len(basis), -1) for basis in bases]
        for i, j in ((0, 1), (1, 0)):
            # coefficients of every kernel of one basis in the other, checked where they were not fitted
            coefficients = least_squares(samples[j], samples[i])
            for mine, theirs in ((samples[i], samples[j]), (others[i], others[j])):
                difference = np.abs(coefficients @ theirs - mine).max(initial=0)
                assert difference < TOL * max(1, np.abs(mine).max(initial=0)), (in_rep, out_rep)


def per_degree(basis, radial):
    """The part of a block basis on each (ring, degree): its elements and coefficients (n, out, in, harmonic)."""
    start = 0
    sizes = [1 if degree == 0 else 2 for _, degree in radial.blocks]
    for (ring, degree), size in zip(radial.blocks, sizes, strict=True):
        mine = [i for i, element in enumerate(basis.elements) if (element.ring, element.degree) == (ring, degree)]
        spectrum = basis.form.spectrum[mine]
        outside = np.delete(spectrum, np.arange(start, start + size), axis=-1)
        assert not outside.any(), "a kernel has coefficients on other rings or degrees than its name says"
        yield degree, [basis.elements[i] for i in mine], spectrum[..., start : start + size]
        start += size


@pytest.mark.parametrize("group", IN_PLANE, ids=group_id)
def test_grouped_by_harmonic_irreps_equals_ungrouped(group):
    for in_rep, out_rep in itertools.product(few_types(group), repeat=2):
        if in_rep.size * out_rep.size > 40:
            continue
        basis = kernel_basis(in_rep, out_rep, radial=RADIAL, form="block")
        for degree, _, tensors in per_degree(basis, RADIAL):
            whole = intertwiners(in_rep.tensor(group.harmonic(degree)), out_rep)
            assert len(tensors) == len(whole)
            whole = whole.reshape(len(whole), whole.shape[1] * whole.shape[2])
            grouped = tensors.reshape(whole.shape)
            # both are orthonormal, so equal projectors are equal spans
            np.testing.assert_allclose(grouped @ grouped.T, np.eye(len(grouped)), atol=1e-12)
            np.testing.assert_allclose(grouped.T @ grouped, whole.T @ whole, atol=1e-12)


@pytest.mark.parametrize("group", IN_PLANE, ids=group_id)
def test_names_say_which_harmonics_and_which_coefficient(group):
    for a, b in itertools.product(irreps(group), repeat=2):
        basis = kernel_basis(a, b, radial=RADIAL)
        for degree, elements, tensors in per_degree(basis, RADIAL):
            harmonic = decompose(group.harmonic(degree))
            counted = [
                (psi.label, harmonic.irreps[:position].count(psi), index)
                for position, psi in enumerate(harmonic.irreps)
                for index in range(len(clebsch_gordan(a, psi, b)))
            ]
            assert sorted((e.irrep, e.copy, e.multiplicity) for e in elements) == sorted(counted)
            for element, tensor in zip(elements, tensors, strict=True):
                starts = np.cumsum([0, *(psi.size for psi in harmonic.irreps)])
                columns = [
                    harmonic.change_of_basis[:, start : start + psi.size]
                    for psi, start in zip(harmonic.irreps, starts, strict=False)
                    if psi.label == element.irrep
                ]
                isotypic = np.concatenate(columns, axis=1)
                np.testing.assert_allclose(tensor @ isotypic @ isotypic.T, tensor, atol=1e-12)
                assert element.out_part == element.in_part == 0


def test_elements_name_the_parts_they_connect():
    group = IN_PLANE[15]  # D4
    in_rep, out_rep = group.trivial + group.vector, group.vector + group.trivial + group.vector
    basis = kernel_basis(in_rep, out_rep, max_frequency=2)
    first_in, first_out = [0, 1], [0, 2, 3]
    sizes_in, sizes_out = [1, 2], [2, 1, 2]
    for element, kernel in zip(basis.elements, basis.form.spectrum, strict=True):
        rows = slice(first_out[element.out_part], first_out[element.out_part] + sizes_out[element.out_part])
        columns = slice(first_in[element.in_part], first_in[element.in_part] + sizes_in[element.in_part])
        inside = np.zeros_like(kernel)
        inside[rows, columns] = kernel[rows, columns]
        np.testing.assert_array_equal(inside, kernel)


def test_regular_kernels_are_unconstrained():
    # equation (2): one coefficient for each component of the other field and each scalar function
    group = IN_PLANE[15]
    for in_rep, out_rep in ((group.vector, group.regular), (group.regular, group.vector)):
        basis = kernel_basis(in_rep, out_rep, radial=RADIAL)
        assert basis.descriptor.form == "orbit"
        assert len(basis) == 2 * RADIAL.count(2)
        points = np.random.default_rng(0).normal(size=(5, 2))
        identity = basis.sample(points)[:, 0] if out_rep == group.regular else basis.sample(points)[:, :, 0]
        scalars = RADIAL.sample(points)
        expected = np.einsum("vu,bm->vbum", np.eye(2), scalars).reshape(len(basis), 2, 5)
        np.testing.assert_array_equal(identity, expected)
