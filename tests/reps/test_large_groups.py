"""Groups of many elements: permutations are index arrays, and nothing grows faster than the square of the order."""

import tracemalloc

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer._linalg import nearest_matrix
from steer.reps import direct_product, intertwiners, with_action
from steer.reps.theory._intertwiner import projected_intertwiners
from tests.catalogue import FINITE, mostly_slow

TURNED = steer.group("O(3)", dim=3).subgroup("D4d", axis=(1, 2, 3))
GROUPS = [
    *(group for group in FINITE if group.order <= 24),
    TURNED,
    direct_product(TURNED.subgroup("D4"), steer.group("C3", dim=2)),
    with_action(steer.group("D3", dim=2), None),
]


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_the_nearest_element_is_that_of_all_distances(group):
    rng = np.random.default_rng(0)
    size = group.element_size
    g = np.concatenate([rng.normal(size=(40, size, size)), group.elements + 1e-3 * rng.normal(size=(size, size))])
    nearest = group.elements[group.nearest_index(g)]
    best = group.elements[nearest_matrix(g, group.elements)]
    np.testing.assert_allclose(np.linalg.norm(g - nearest, axis=(1, 2)), np.linalg.norm(g - best, axis=(1, 2)))
    assert np.array_equal(group.nearest_index(group.elements), np.arange(group.order))


@pytest.mark.parametrize("group", mostly_slow([group for group in GROUPS if group.order <= 16]), ids=repr)
def test_places_are_those_of_the_matrices(group):
    for small in group.subgroups():
        quotient = group.quotient(small)
        for rep in (quotient, quotient + group.trivial, quotient.tensor(quotient.restrict(group))):
            matrices = rep(group.elements)
            assert np.array_equal(rep.places(group.elements), np.argmax(matrices, axis=1))
            np.testing.assert_allclose(rep.character(group.elements), np.trace(matrices, axis1=1, axis2=2))
    assert all(psi.places(group.elements) is None for psi in group.irreps() if psi.size > 1)


@pytest.mark.parametrize("group", mostly_slow([group for group in GROUPS if group.order <= 16]), ids=repr)
def test_maps_to_induced_fields_and_sums_are_those_of_the_projector(group):
    for small in group.subgroups():
        for base in (small.irreps()[-1], small.trivial):
            induced = base.induce(group)
            for rep_in in (group.trivial, group.irreps()[-1]):
                for rep_out in (induced, induced + rep_in):
                    found, expected = intertwiners(rep_in, rep_out), projected_intertwiners(rep_in, rep_out)
                    assert found.shape == expected.shape
                    np.testing.assert_allclose(found, expected, atol=1e-12)


def peak(function):
    """Bytes that a call holds at most."""
    function(8)  # what is made once
    tracemalloc.start()
    try:
        function(192)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "use",
    [
        lambda group: nn.Conv2d(nn.FieldType(group, [group.regular]), nn.FieldType(group, [group.regular]), 3),
        lambda group: nn.Linear(nn.FieldType(group, [group.regular]), nn.FieldType(group, [group.regular])),
        lambda group: group.regular.irreps,
        lambda group: group.regular.character(group.elements),
        lambda group: nn.BatchNorm(nn.ReLU(nn.FieldType(group, 2 * [group.regular])).out_type),
        lambda group: (group.cayley_table, group.conjugacy_classes, group.cosets("C1")),
    ],
    ids=["convolution", "linear", "irreps", "character", "normalisation", "tables"],
)
@pytest.mark.parametrize("family", ["C{}", "D{}"])
def test_memory_grows_as_the_square_of_the_order(use, family):
    order = 192 * (2 if family[0] == "D" else 1)
    needed = peak(lambda n: use(steer.group(family.format(n), dim=2)))
    assert needed < 40 * 8 * order**2 + 2**22  # the cube would be 192 * 8 and more


def test_biases_and_means_of_many_fields_take_no_matrix():
    group = steer.group("C4", dim=2)
    scalars = nn.FieldType(group, 3000 * [group.trivial] + 500 * [group.regular])
    tracemalloc.start()
    try:
        layer = nn.Conv2d(nn.FieldType(group, [group.trivial]), scalars, 3)
        norm = nn.BatchNorm(scalars)
        assert layer.bias.shape == norm.bias.shape == (3500,)
        assert tracemalloc.get_traced_memory()[1] < 8 * scalars.size * 150  # 5000 * 3500 entries of 8 bytes are 140 MB
    finally:
        tracemalloc.stop()
    with torch.no_grad():
        layer.bias.copy_(torch.randn(3500))
    bias = torch.cat([layer.bias[:3000], layer.bias[3000:].repeat_interleave(4)])
    assert torch.equal(layer._full_bias(), bias)


def test_rows_of_invariants_are_those_of_the_matrix():
    group = steer.group("D4", dim=2)
    kinds = [group.regular, group.vector, group.quotient("D1") + group.trivial, group.vector.tensor(group.vector)]
    fields = steer.reps.Fields(group, 2 * kinds)
    index, values = fields.invariant_rows
    matrix = np.zeros((fields.size, fields.num_invariants))
    np.add.at(matrix, (np.arange(fields.size)[:, None], index), values)
    np.testing.assert_array_equal(matrix, fields.invariants)
    columns = iter(matrix.T)
    for rep, start in zip(fields, fields.offsets, strict=False):
        for vector in intertwiners(group.trivial, rep)[:, :, 0]:
            column = next(columns)
            largest = np.argmax(np.abs(vector) > np.abs(vector).max() - 1e-9)
            np.testing.assert_allclose(column[start : start + rep.size], vector / vector[largest])
            assert np.count_nonzero(column) == np.count_nonzero(vector)
    assert next(columns, None) is None
