"""Products of irreps split into irreps: the maps are equivariant, whole, and of second moment 1."""

import itertools

import numpy as np
import pytest

from steer.reps import DirectSum, coupling, square_coupling
from tests.catalogue import GROUPS, TOL, group_id, irreps


def moved(found, first, second, g):
    """The coefficients after x, y and z are moved by elements g (n, d, d), which should change nothing."""
    out = DirectSum(found.irreps)(g)
    return np.einsum("nab,bij,npi,nqj->napq", out, found.coefficients, first(g), second(g), optimize=True)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_a_product_is_the_sum_of_its_irreps(group):
    g = group.sample(2, seed=3)
    for first, second in itertools.product(irreps(group)[-4:], repeat=2):
        found = coupling(first, second)
        assert found.irreps == tuple(sorted(found.irreps, key=first.tensor(second).irreps.index))
        rows = found.coefficients.reshape(-1, first.size * second.size)
        np.testing.assert_allclose(rows @ rows.T, np.eye(first.size * second.size), atol=TOL)
        for one in moved(found, first, second, g):
            np.testing.assert_allclose(one, found.coefficients, atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_a_symmetric_square_is_the_sum_of_its_irreps(group):
    g = group.sample(2, seed=4)
    for psi in irreps(group)[-4:]:
        found = square_coupling(psi)
        assert sum(part.size for part in found.irreps) == psi.size * (psi.size + 1) // 2
        np.testing.assert_allclose(found.coefficients, found.coefficients.swapaxes(1, 2), atol=TOL)
        for one in moved(found, psi, psi, g):
            np.testing.assert_allclose(one, found.coefficients, atol=TOL)
        # the second moments of x^T C x for normal x, from those of products of four of its components
        eye = np.eye(psi.size)
        pairs = np.einsum("ij,kl->ijkl", eye, eye)
        fourth = pairs + pairs.transpose(0, 2, 1, 3) + pairs.transpose(0, 3, 2, 1)
        moments = np.einsum("aij,akl,ijkl->a", found.coefficients, found.coefficients, fourth)
        np.testing.assert_allclose(moments, 1, atol=TOL)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_a_bound_leaves_out_what_is_above_it(group):
    psi = irreps(group)[-1]
    for found in (lambda bound: coupling(psi, psi, bound), lambda bound: square_coupling(psi, bound)):
        every = found(None)
        for bound in range(3):
            kept = [part.frequency <= bound for part in every.irreps]
            assert found(bound).irreps == tuple(itertools.compress(every.irreps, kept))
            rows = np.repeat(kept, [part.size for part in every.irreps])
            np.testing.assert_array_equal(found(bound).coefficients, every.coefficients[rows])
