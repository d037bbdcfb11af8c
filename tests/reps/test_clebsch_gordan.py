"""Clebsch-Gordan coefficients: equivariant, orthonormal, complete, and those of the addition theorems."""

import itertools

import numpy as np
import pytest

from steer.reps import clebsch_gordan
from tests.catalogue import GROUPS, O2, PLANAR, TOL, end_dimension, generators, group_id, irreps, regular


def products_in_band(group):
    """Pairs of irreps, and all irreps that their tensor product can contain."""
    for a, b in itertools.product(irreps(group), repeat=2):
        yield a, b, group.irreps(None if group.is_finite else a.frequency + b.frequency)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_equivariance(group):
    g = np.concatenate([generators(group), group.sample(3, seed=7)])
    for a, b, outs in products_in_band(group):
        both = np.einsum("nca,ndb->ncdab", a(g), b(g)).reshape(len(g), a.size * b.size, a.size * b.size)
        for c in outs:
            maps = clebsch_gordan(a, b, c)
            assert maps.shape[1:] == (c.size, a.size, b.size)
            flat = maps.reshape(len(maps), 1, c.size, a.size * b.size)
            np.testing.assert_allclose(c(g) @ flat, flat @ both, atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_orthonormality(group):
    for a, b, outs in products_in_band(group):
        for c in outs:
            flat = clebsch_gordan(a, b, c).reshape(-1, c.size * a.size * b.size)
            np.testing.assert_allclose(flat @ flat.T, np.eye(len(flat)), atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_completeness(group):
    # with k copies of c in a (x) b there are k dim End(c) maps, and the sum of T^T T over them is dim End(c) / dim c
    # times the projector on the isotypic component
    for a, b, outs in products_in_band(group):
        size, identity = 0, np.zeros((a.size * b.size, a.size * b.size))
        for c in outs:
            maps = clebsch_gordan(a, b, c).reshape(-1, c.size, a.size * b.size)
            assert len(maps) % end_dimension(c) == 0
            size += c.size * len(maps) // end_dimension(c)
            identity += c.size / end_dimension(c) * np.einsum("mci,mcj->ij", maps, maps)
        assert size == a.size * b.size
        np.testing.assert_allclose(identity, np.eye(a.size * b.size), atol=TOL)


@pytest.mark.parametrize("group", [g for g in PLANAR if all(psi.type == "real" for psi in irreps(g))], ids=group_id)
def test_stacked_coefficients_are_an_orthogonal_matrix(group):
    for a, b, outs in products_in_band(group):
        rows = [np.sqrt(c.size) * clebsch_gordan(a, b, c).reshape(-1, a.size * b.size) for c in outs]
        stacked = np.concatenate(rows)
        assert stacked.shape == (a.size * b.size, a.size * b.size)
        np.testing.assert_allclose(stacked @ stacked.T, np.eye(len(stacked)), atol=TOL)


@pytest.mark.parametrize(("k", "m"), [(k, m) for k in range(1, 7) for m in range(1, 7)])
def test_addition_theorems_of_the_circle(k, m):
    # cos(k+m) = cc - ss and sin(k+m) = sc + cs, normalised to 1
    total = clebsch_gordan(O2.irrep(str(k)), O2.irrep(str(m)), O2.irrep(str(k + m)))
    np.testing.assert_allclose(total, [[[[0.5, 0], [0, -0.5]], [[0, 0.5], [0.5, 0]]]], atol=TOL)
    # cos(k-m) = cc + ss and sin(k-m) = sc - cs, or the sine of m-k
    if k != m:
        sign = np.sign(k - m)
        difference = clebsch_gordan(O2.irrep(str(k)), O2.irrep(str(m)), O2.irrep(str(abs(k - m))))
        np.testing.assert_allclose(difference, [[[[0.5, 0], [0, 0.5]], [[0, -0.5 * sign], [0.5 * sign, 0]]]], atol=TOL)
    else:
        scalar = clebsch_gordan(O2.irrep(str(k)), O2.irrep(str(m)), O2.irrep("0+"))
        np.testing.assert_allclose(scalar, [[np.eye(2) / np.sqrt(2)]], atol=TOL)
        cross = clebsch_gordan(O2.irrep(str(k)), O2.irrep(str(m)), O2.irrep("0-"))
        np.testing.assert_allclose(cross, [[[[0, np.sqrt(0.5)], [-np.sqrt(0.5), 0]]]], atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_multiplicities_are_symmetric_in_the_three_factors(group):
    for a, b, c in itertools.combinations_with_replacement(irreps(group), 3):
        counts = {len(clebsch_gordan(*order)) for order in itertools.permutations((a, b, c))}
        assert len(counts) == 1


@pytest.mark.parametrize("group", [g for g in PLANAR if g.is_finite and g.order <= 8], ids=group_id)
def test_factors_need_not_be_irreducible(group):
    # V (x) R[G] is dim V copies of R[G]
    for psi in irreps(group):
        found = clebsch_gordan(psi, regular(group), regular(group))
        assert len(found) == psi.size * group.order
