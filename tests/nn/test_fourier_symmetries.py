"""Functions of band-limited fields commute with every symmetry of the lattice that the group has, however it stands."""

import itertools

import numpy as np
import pytest

from steer import nn
from steer.reps import BandLimited, DirectProduct, Restriction, direct_product, with_action
from tests.catalogue import (
    ACTIONS,
    C2,
    C3,
    CONTINUOUS,
    CONTINUOUS_PRODUCTS,
    CYCLIC,
    D3,
    DOUBLE,
    INTERNAL,
    O2,
    O3,
    SO2,
    SO3,
    SPATIAL_TILTED,
    group_id,
)

ROUNDING = 1e-12
"""Of sums over up to a few thousand nodes, relative to the output; an element that is no symmetry leaves over 1e-4."""

AXES = [(1, 1, 1), (1, -1, 1), (0, 1, 1), (1, 2, 0), (1, 2, 3), "x"]
TILTED = [O3.subgroup(name, axis=axis) for name in ("Cinf", "Cinfv", "Cinfh", "Dinf", "Dinfh") for axis in AXES]
DINF = O3.subgroup("Dinf", axis=(1, 2, 3))
MIXED = direct_product(SO2, CYCLIC[7])
ACTING = [
    with_action(O2, O2.irrep("3")),
    with_action(O2, O2.irrep("2") + O2.irrep("0-")),
    with_action(SO2, SO2.irrep("1") + SO2.trivial),
    with_action(SO3, SO3.vector),
    with_action(DINF, DINF.irrep("E2") + DINF.irrep("A2")),
    with_action(MIXED, MIXED.irrep("(1, E1)+")),  # an eighth of a turn of one is undone by the other
    direct_product(DOUBLE, C3),
    direct_product(O3.subgroup("Dinfh", axis=(1, 1, 1)), C2),
]
WHOLE = {
    group: None
    for group in [*CONTINUOUS, *TILTED, *SPATIAL_TILTED, *CONTINUOUS_PRODUCTS, *ACTIONS, *INTERNAL, *ACTING]
    if not group.is_finite and group.dim in (2, 3)
}
PRODUCT = direct_product(SO2, D3)
RESTRICTED = [
    SO2.band_limited(2).restrict(DOUBLE),
    DOUBLE.band_limited(2).restrict(SO2),
    PRODUCT.band_limited(1).restrict(SO2),
    PRODUCT.band_limited(1).restrict(PRODUCT.second),
    PRODUCT.band_limited(1).restrict(DirectProduct(CYCLIC[4], C3)),
    O3.quotient("Cinfv", 2).restrict(O3.subgroup("Dinfh", axis=(1, 1, 1))),
    O3.band_limited(1).restrict(O3.subgroup("D3d", axis=(1, 1, 1))),
    SO3.band_limited(1).restrict(DINF).restrict(ACTING[4]),
    SO3.band_limited(1).restrict("I"),
]


def symmetries(group):
    """The elements that move space by signed permutations, by brute force; of internal circles the identity alone."""
    if isinstance(group, DirectProduct):
        second = group.second.elements if group.second.is_finite else np.eye(group.second.element_size)[None]
        return paired(symmetries(group.first), second)
    if group.is_finite:
        candidates = group.elements
    elif isinstance(getattr(group, "base", None), DirectProduct):
        candidates = paired(group.base.first.haar(239)[0], group.base.second.elements)
    elif group.name in ("SO(3)", "O(3)") or not hasattr(group, "base"):
        candidates = cubic(group.dim)
        candidates = candidates[group.contains(candidates)]
    else:
        candidates = group.haar(239)[0]
    moves = group.action(candidates)
    return candidates[np.abs(moves - moves.round()).max(axis=(1, 2)) < 1e-9]


def paired(first, second):
    both = np.zeros((len(first), len(second), *2 * [first.shape[-1] + second.shape[-1]]))
    both[..., : first.shape[-1], : first.shape[-1]] = first[:, None]
    both[..., first.shape[-1] :, first.shape[-1] :] = second
    return both.reshape(-1, *both.shape[2:])


def cubic(dim):
    signs, orders = itertools.product((1.0, -1.0), repeat=dim), itertools.permutations(range(dim))
    return np.array([np.diag(s) @ np.eye(dim)[list(order)] for s, order in itertools.product(signs, orders)])


def base(rep):
    return base(rep.base) if isinstance(rep, Restriction) else rep


def functions_on(group):
    """Functions on the group, and on its cosets where they have a band limit."""
    found = [group.band_limited(1)]
    small = next((small for small in group.subgroups(4)[1:] if small.order == 2), None)
    if small is not None:
        found.append(group.quotient(small, 1))
    return found


def assert_exact(rep, elements):
    fields = nn.FieldType(rep.group, [rep])
    assert nn.FourierAct(fields).equivariance_error(elements, samples=3).max() < ROUNDING
    if rep.group.dim in (2, 3):
        pool = nn.FourierMaxPool(fields, 2)
        assert pool.equivariance_error(elements[-3:], samples=1).max() < ROUNDING


@pytest.mark.parametrize("group", WHOLE, ids=group_id)
def test_default_grids_have_every_symmetry_of_the_lattice_that_the_group_has(group):
    elements = symmetries(group)
    for rep in functions_on(group):
        assert isinstance(rep, BandLimited)
        assert_exact(rep, elements)
    small = group._lattice_symmetry
    assert small <= group
    assert small.contains(elements).all()


@pytest.mark.parametrize("rep", RESTRICTED, ids=lambda rep: f"{rep.base.group}-{rep.group}".replace(" ", ""))
def test_restricted_functions_have_those_of_the_group_that_acts(rep):
    assert isinstance(base(rep), BandLimited)
    assert_exact(rep, symmetries(rep.group))


@pytest.mark.parametrize("name", ["Cinf", "Cinfv", "Dinfh"])
def test_about_the_diagonal_of_the_cube_thirds_of_a_turn_are_exact(name):
    group = O3.subgroup(name, axis=(1, 1, 1))
    third = np.roll(np.eye(3), 1, axis=0)
    layer = nn.FourierAct(nn.FieldType(group, [group.band_limited(2)]))
    assert layer.equivariance_error([third, third.T]).max() < ROUNDING


def test_a_product_is_sampled_at_pairs_of_the_nodes_of_its_factors():
    plain, both = SO3.band_limited(1), direct_product(SO3, C2).band_limited(1)
    nodes = [len(nn.FourierAct(nn.FieldType(rep.group, [rep])).grids[rep]) for rep in (plain, both)]
    assert nodes[1] == 2 * nodes[0]
