"""Kernels and layers of groups that act on space through a representation, in part, or not at all."""

import functools
import itertools
import pickle

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import GroupError, KernelError, RepresentationError, ShapeError
from steer.kernels import Grid, Rings, constraint_residual, kernel_basis
from steer.reps import Induced, decompose, direct_product, harmonics, intertwiners, multiplicity, with_action
from steer.testing import assert_equivariant, assert_kernel_constraint, equivariance_error, grid_symmetries
from tests.catalogue import (
    C2,
    C3,
    C4,
    D4,
    DOUBLE,
    HALF_TURN,
    INTERNAL,
    LINE,
    MOVING,
    NOWHERE,
    ON_PLANE,
    SO2,
    SO3,
    STILL,
    THROUGH_D2,
    group_id,
)

RESIDUAL = 1e-10
"""Of kernels with entries of order 1 in float64: rounding gives 1e-15, a wrong sign or order more than 1e-2."""

RADIAL = Rings((0.0, 1.3), (0.7, 0.6), (0, 2))


def types(group):
    """Irreps, the action, and for finite groups quotient, induced and, if small, regular types."""
    found = [*group.irreps(None if group.is_finite else 1), group.vector]
    if not group.is_finite:
        return found[-5:]
    small = group.subgroups()[1]
    found = [*found[-6:], group.quotient(small), small.irreps()[-1].induce(group)]
    return [*found, group.regular] if group.order <= 4 else found


def generators(group):
    return np.concatenate([group.generators, group.identity_component])


def forms(in_rep, out_rep):
    """The forms that a basis between two representations has."""
    return ("block", "orbit") if isinstance(in_rep, Induced) or isinstance(out_rep, Induced) else ("block",)


# Kernels --------------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1)
def harmonics_character(group):
    """Sum of the characters of the scalar functions, from their values and not from the group's `harmonic`."""
    nodes, weights = group.haar(8)
    points = np.random.default_rng(4).normal(size=(8, group.dim))
    moved = np.einsum("gij,mj->gmi", group.action(nodes), points)
    pairs = [(harmonics(moved, degree), harmonics(points, degree)) for _, degree in RADIAL.blocks]
    return weights * sum(np.einsum("gmh,hm->g", there, np.linalg.pinv(here)) for there, here in pairs)


@functools.lru_cache(maxsize=32)
def character(rep):
    return rep.character(rep.group.haar(8)[0])


def dimension(in_rep, out_rep):
    """The number of kernels: dim Hom(in (x) D_L, out) summed over rings and degrees, by characters."""
    return round(float(harmonics_character(in_rep.group) @ (character(in_rep) * character(out_rep))))


@pytest.mark.parametrize("group", MOVING, ids=group_id)
def test_kernels_solve_the_constraint_and_are_all(group):
    points = np.random.default_rng(1).normal(size=(4, group.dim))
    at = np.concatenate([generators(group), group.sample(3, seed=0)])
    for in_rep, out_rep in itertools.product(types(group), repeat=2):
        expected = dimension(in_rep, out_rep)
        for form in forms(in_rep, out_rep):
            basis = kernel_basis(in_rep, out_rep, radial=RADIAL, form=form)
            assert len(basis) == expected, (in_rep, out_rep, form)
            kernels = basis.sample(points)
            for g in at:
                right = np.einsum("pi,nijm,qj->npqm", out_rep(g), kernels, in_rep(g))
                left = basis.sample(points @ group.action(g).T)
                assert np.abs(left - right).max(initial=0) < RESIDUAL, (in_rep, out_rep, form)


@pytest.mark.parametrize("group", MOVING, ids=group_id)
def test_kernels_are_independent(group):
    points = np.random.default_rng(2).normal(scale=1.5, size=(3 * RADIAL.count(group.dim), group.dim))
    for in_rep, out_rep in itertools.product(types(group)[-3:], repeat=2):
        for form in forms(in_rep, out_rep):
            kernels = kernel_basis(in_rep, out_rep, radial=RADIAL, form=form).sample(points)
            flat = kernels.reshape(len(kernels), out_rep.size * in_rep.size * len(points))
            assert np.linalg.matrix_rank(flat @ flat.T, tol=1e-8, hermitian=True) == len(flat)


@pytest.mark.parametrize("in_rep", [STILL.irrep("E"), STILL.regular, STILL.trivial], ids=str)
@pytest.mark.parametrize("out_rep", [STILL.irrep("E"), STILL.quotient("C2")], ids=str)
def test_where_every_element_fixes_every_point_kernels_are_functions_times_intertwiners(in_rep, out_rep):
    points = np.random.default_rng(3).normal(size=(7, 2))
    hom, scalars = intertwiners(in_rep, out_rep), RADIAL.sample(points)
    products = np.einsum("nij,bm->nbijm", hom, scalars).reshape(len(hom) * len(scalars), out_rep.size * in_rep.size * 7)
    for form in forms(in_rep, out_rep):
        basis = kernel_basis(in_rep, out_rep, radial=RADIAL, form=form)
        assert len(basis) == len(hom) * RADIAL.count(2)
        if len(hom):
            found = basis.sample(points).reshape(len(basis), -1)
            rank = np.linalg.matrix_rank(products, tol=1e-9)
            assert np.linalg.matrix_rank(np.concatenate([found, products]), tol=1e-9) == rank


def test_kernels_of_a_product_are_those_of_the_first_factor_times_maps_of_the_second():
    product = direct_product(C4, C3)
    points = np.random.default_rng(5).normal(size=(6, 2))
    for a, b in itertools.product(C4.irreps(), repeat=2):
        plain = kernel_basis(a, b, radial=RADIAL)
        for x, y in itertools.product(C3.irreps(), repeat=2):
            maps = intertwiners(x, y)
            ends = [product.inflate(one).tensor(product.inflate(two)) for one, two in ((a, x), (b, y))]
            basis = kernel_basis(*ends, radial=RADIAL)
            assert len(basis) == len(plain) * len(maps)
            if not len(basis):
                continue
            expected = np.einsum("nijm,kpq->nkipjqm", plain.sample(points), maps).reshape(len(basis), -1)
            found = basis.sample(points).reshape(len(basis), -1)
            rank = np.linalg.matrix_rank(expected, tol=1e-9)
            assert np.linalg.matrix_rank(np.concatenate([expected, found]), tol=1e-9) == rank


@pytest.mark.parametrize("group", MOVING, ids=group_id)
def test_the_public_checks_accept_them_and_refuse_others(group):
    basis = kernel_basis(group.vector, group.vector, max_frequency=2)
    assert constraint_residual(basis) < RESIDUAL
    assert_kernel_constraint(basis)
    if group is STILL:
        return
    at = np.array([0.3, 0.2, -0.4])[: group.dim]
    with pytest.raises(AssertionError, match="breaks K"):
        assert_kernel_constraint(lambda points: basis.sample(points - at)[0], group.vector, group.vector)


def test_a_point_is_a_space_without_axes():
    assert Grid(()).points.shape == (1, 0)
    basis = kernel_basis(NOWHERE.regular, NOWHERE.regular, max_frequency=0)
    assert len(basis) == 8
    np.testing.assert_array_equal(basis.form.functions.sample(np.zeros((1, 0))), [[1.0]])
    assert constraint_residual(basis) < RESIDUAL
    plan = steer.kernels.compile([NOWHERE.regular], [NOWHERE.regular, NOWHERE.irrep("E")], ())
    assert plan.expand(torch.ones(plan.num_weights)).shape == (10, 8)


def test_rings_on_the_line_have_unit_norm():
    # the trapezoidal rule converges faster than any power on a function of the whole line: here to rounding, at the
    # kink of |x| only where the function is below 1e-14
    x = np.linspace(-20, 20, 80001)
    for radius in (0.0, 5.0):
        values = Rings((radius,), (0.6,), (0,)).sample(x[:, None])[0]
        assert abs(np.sum(values**2) * (x[1] - x[0]) - 1) < 1e-9


# Layers ---------------------------------------------------------------------------------------------------------------


def test_convolutions_with_an_internal_group():
    group = direct_product(C4, C2)
    odd = group.inflate(C2.irrep("B"))
    in_type = nn.FieldType(group, [group.trivial, group.vector, odd])
    mixed = [group.regular, group.irrep("(E, B)"), group.quotient("first"), group.quotient("second"), group.vector]
    hidden = nn.FieldType(group, mixed)
    net = nn.Sequential(
        nn.Conv2d(in_type, hidden, 5, padding=2),
        nn.BatchNorm(hidden),
        nn.Conv2d(hidden, in_type, 3, stride=2),
    )
    assert len(grid_symmetries(group)) == 8
    assert_equivariant(net)
    assert_equivariant(net.double())
    sign_changed = np.diag([1.0, 1.0, -1.0, -1.0])
    x = torch.randn(1, in_type.size, 5, 5)
    moved = in_type.transform(x, sign_changed)
    torch.testing.assert_close(moved, x * torch.tensor([1.0, 1.0, 1.0, -1.0])[:, None, None])


@pytest.mark.parametrize("group", [g for g in MOVING if g.dim == 2], ids=group_id)
def test_convolutions_commute_with_what_maps_the_grid_to_itself(group):
    kind = nn.FieldType(group, types(group)[-4:])
    layer = nn.Conv2d(kind, kind, 3, padding=1, dtype=torch.float64)
    assert_equivariant(layer, shape=(1, 9, 9))
    g = grid_symmetries(group)
    assert group.contains(g).all()
    np.testing.assert_array_equal(g[0], np.eye(group.element_size))
    moves = group.action(g)
    assert np.abs(moves - np.round(moves)).max() < 1e-9
    if group is HALF_TURN:
        nn.Conv2d(kind, kind, (3, 5))  # it keeps the axes apart
    if group is ON_PLANE:
        with pytest.raises(KernelError, match="kernel_size: O mixes the axes"):
            nn.Conv2d(kind, kind, (3, 5))


def test_other_elements_move_features_by_their_action():
    # by splines: what is left is the aliasing of the kernel; a wrong move gives an error of order 1
    kind = nn.FieldType(DOUBLE, [DOUBLE.trivial, DOUBLE.vector])
    layer = nn.Conv2d(kind, kind, 5, padding=2)
    assert equivariance_error(layer, elements=SO2.sample(3, seed=0)).max() < 0.05
    wrong = nn.FieldType(SO2, [SO2.trivial, SO2.irrep("2")])
    assert equivariance_error(layer, elements=SO2.sample(3, seed=0), in_type=wrong, out_type=wrong).max() > 0.2


@pytest.mark.parametrize(
    "group",
    [NOWHERE, LINE, with_action(SO3, None), with_action(SO2, None), direct_product(with_action(SO2, None), D4)],
    ids=group_id,
)
def test_linear_layers_need_no_space(group):
    reps = group.irreps(None if group.is_finite else 1)
    kind = nn.FieldType(group, [*reps, group.regular if group.is_finite else reps[-1].tensor(reps[-1])])
    layer = nn.Linear(kind, kind, dtype=torch.float64)
    assert layer.weight.numel() == multiplicity(kind.representation, kind.representation)
    assert_equivariant(layer, shape=(3,))
    if group.dim == 0:
        net = nn.Sequential(nn.Linear(kind, kind), nn.NormAct(kind), nn.Linear(kind, kind))
        assert_equivariant(net)
        assert_equivariant(nn.BatchNorm(kind))
        x = torch.randn(4, kind.size)
        torch.testing.assert_close(steer.export(net)(x), net.eval()(x))
        torch.testing.assert_close(pickle.loads(pickle.dumps(net))(x), net(x))


def test_field_types_are_restricted_to_what_moves_space_alike():
    product = INTERNAL[0]
    kind = nn.FieldType(product, [product.regular, product.vector])
    assert kind.restrict(C4).group == C4
    assert kind.restrict("second").group == product.subgroup("second")
    assert nn.Restrict(kind, "second").out_type.group.dim == 2
    restricted = nn.FieldType(THROUGH_D2, [THROUGH_D2.regular]).restrict("C4")
    assert restricted.group == THROUGH_D2.subgroup("C4")
    layer = nn.Conv2d(kind.restrict(C4), kind.restrict(C4), 3)
    assert_equivariant(layer)
    assert decompose(kind.representation.restrict(C4)).multiplicities[C4.irrep("E")] == 3


CASES = {
    "no kernels": (
        lambda: kernel_basis(LINE.regular, LINE.regular, max_frequency=2),
        RepresentationError,
        "degree: there are no harmonics above degree 1 in 1 dimension, got 2",
    ),
    "restriction": (
        lambda: nn.FieldType(INTERNAL[0], [INTERNAL[0].regular]).restrict(C2),
        GroupError,
        r"subgroup: .*'C2'.* moves space otherwise than as a part of .*; get one .*subgroup\(name\)",
    ),
    "no space": (
        lambda: nn.FieldType(NOWHERE, [NOWHERE.trivial]).transform(torch.zeros(1, 1, 3, 3), np.eye(2)),
        ShapeError,
        r"x: expected \(batch, channels\) and 0 axes of space",
    ),
    "no map": (
        lambda: nn.Linear(
            nn.FieldType(NOWHERE, [NOWHERE.trivial]), nn.FieldType(NOWHERE, [NOWHERE.irrep("E")]), unreached="error"
        ),
        KernelError,
        r"out_type: field 0 \(E of D4\) would be zero",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_errors(case):
    call, error, message = CASES[case]
    with pytest.raises(error, match=message):
        call()
