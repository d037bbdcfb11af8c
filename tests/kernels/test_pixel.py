"""Pixel kernels are all kernels on the grid: their number, span, constraint and order, against plain linear algebra.

The oracle writes the constraint K(g x) = out(g) K(x) in(g)^T as linear equations on the entries of K at all points,
with the permutation of the points found by distances; it knows of no orbits, stabilisers or irreps.
"""

import itertools
import pickle

import numpy as np
import pytest
import torch

import steer
from steer import kernels
from steer.errors import KernelError
from steer.kernels import Grid, Pixels, Rings, kernel_basis
from steer.reps import Induced, direct_product, intertwiners, with_action
from steer.testing import assert_kernel_constraint
from tests import catalogue
from tests.catalogue import O2, few_types

TOL = 1e-12
"""Products of a few orthogonal matrices of size below 10 with entries of order 1; a wrong kernel is above 1e-2."""

PLANAR = [steer.group(f"{family}{n}", dim=2) for family in "CD" for n in range(1, 5)] + [
    O2.subgroup("D1", axis=np.pi / 2),
    O2.subgroup("D2", axis=np.pi / 4),
]
SPATIAL = [
    steer.group(name, dim=3) for name in ("C2", "C4", "D2", "D4", "T", "O", "Cs", "Ci", "C2v", "S4", "Oh", "C3", "D3d")
] + [catalogue.O3.subgroup("C3", axis=(1, 1, 1)), catalogue.O3.subgroup("C4v", axis="x")]


def cases(groups, sizes):
    """(group, shape) for the cubes that the group maps to themselves: for C3 about an axis, one point."""
    for group, size in itertools.product(groups, sizes):
        lattice = np.abs(group.elements - np.round(group.elements)).max() < 1e-9
        if lattice or size == 1:
            yield group, (size,) * group.dim


def case_id(value):
    return "x".join(map(str, value)) if isinstance(value, tuple) else catalogue.group_id(value)


OBLONG = [
    (steer.group("C2", dim=2), (2, 5)),
    (steer.group("D2", dim=2), (3, 2)),
    (O2.subgroup("D1", axis=np.pi / 2), (1, 4)),
    (steer.group("D2", dim=3), (2, 3, 1)),
    (steer.group("D2h", dim=3), (1, 2, 3)),
    (steer.group("C4v", dim=3), (1, 2, 2)),
    (steer.group("D4h", dim=3), (2, 3, 3)),
    (catalogue.O3.subgroup("C4", axis="x"), (2, 2, 3)),
]
ACTED = [
    (catalogue.THROUGH_D2, (2, 3)),
    (catalogue.HALF_TURN, (2, 3)),
    (catalogue.STILL, (2, 2)),
    (catalogue.SPACE, (1, 2, 2)),
    (catalogue.LINE, (4,)),
    (catalogue.NOWHERE, ()),
    (direct_product(catalogue.C4, catalogue.C2), (2, 2)),
    (direct_product(catalogue.D4, catalogue.D3), (3, 3)),
]
PLANE_CASES, SPACE_CASES = list(cases(PLANAR, (1, 2, 3))), list(cases(SPATIAL, (1, 2, 3)))
CASES = PLANE_CASES + SPACE_CASES + OBLONG + ACTED


def types(group, largest=8):
    """Irreps, vector, regular, quotient, induced, tensor product and sum types that are small."""
    if group.dim == 0:
        kinds = [*group.irreps(), group.regular]
    elif group.element_size != group.dim:  # a product, or an action
        kinds = [*group.irreps(), group.vector, group.trivial + group.vector, group.vector.tensor(group.irreps()[-1])]
    else:
        kinds = list(few_types(group) if group.dim == 2 else catalogue.few_types(group))
        small = catalogue.subgroups(group) if group.is_finite else ()
        kinds += [group.quotient(h) for h in small if group.order in (2 * h.order, 3 * h.order)]
    return [rep for rep in dict.fromkeys(kinds) if rep.size <= largest]


def permutation(grid, move):
    """(m, m): the matrix that takes the value at x to g x."""
    turned = grid.points @ move.T
    return (np.abs(grid.points[:, None] - turned[None]).sum(axis=-1) < 1e-9).astype(float)


def pairs(group, entries, count):
    """About `count` of the pairs of types whose kernels have so few entries, spread over all of them."""
    every = itertools.product(types(group), repeat=2)
    few = [(a, b) for a, b in every if a.size * b.size <= entries]
    return few[:: max(1, len(few) // count)]


def induced_pairs(group, entries, count):
    """The same, of those pairs that have an orbit form."""
    every = itertools.product(types(group), repeat=2)
    few = [(a, b) for a, b in every if a.size * b.size <= entries and len(forms(a, b)) == 2]
    return few[:: max(1, len(few) // count)]


def flat(basis, grid):
    """(len, out * in * m)"""
    return basis.sample(grid.points).reshape(len(basis), basis.out_rep.size * basis.in_rep.size * len(grid.points))


def forms(in_rep, out_rep):
    return ("block", "orbit") if isinstance(in_rep, Induced) or isinstance(out_rep, Induced) else ("block",)


@pytest.mark.parametrize(("group", "shape"), CASES, ids=case_id)
def test_the_basis_is_the_null_space_of_the_constraint(group, shape):
    grid, at = Grid(shape), group.generators
    permutations = [permutation(grid, move) for move in group.action(at)]
    assert all(np.array_equal(p.sum(axis=0), np.ones(len(p))) for p in permutations)
    few = len(grid.points) <= 9
    for in_rep, out_rep in pairs(group, *((16, 12) if few else (9, 4))):
        unknowns = out_rep.size * in_rep.size * len(grid.points)
        equations = [np.zeros((1, unknowns))]
        for left, right, moved in zip(out_rep(at), in_rep(at), permutations, strict=True):
            equations.append(np.kron(np.kron(left, right), moved) - np.eye(unknowns))
        basis = kernel_basis(in_rep, out_rep, radial=Pixels(grid), form="block")
        # the singular values of A are the roots of the eigenvalues of A^T A, of which those of the null space are zero
        gram = sum(block.T @ block for block in equations)
        assert len(basis) == int(np.sum(np.linalg.eigvalsh(gram) < 1e-9)), (in_rep, out_rep)
        rows = flat(basis, grid)
        np.testing.assert_allclose(rows @ gram, 0, atol=TOL)
        np.testing.assert_allclose(rows @ rows.T, np.eye(len(rows)), atol=TOL)


@pytest.mark.parametrize(("group", "shape"), CASES, ids=case_id)
def test_the_number_of_kernels_is_a_mean_of_characters(group, shape):
    """dim Hom_G(in (x) functions on the grid, out), where the character of those functions counts fixed points."""
    grid = Grid(shape)
    moved = np.einsum("gij,mj->gmi", group.action(group.elements), grid.points)
    fixed = np.sum(np.abs(moved - grid.points).max(axis=-1, initial=0) < 1e-9, axis=1)
    for in_rep, out_rep in pairs(group, 64, 16):
        traces = in_rep.character(group.elements) * out_rep.character(group.elements)
        for form in forms(in_rep, out_rep):
            basis = kernel_basis(in_rep, out_rep, radial=Pixels(grid), form=form)
            assert len(basis) == round(float(np.mean(traces * fixed))), (in_rep, out_rep, form)
            assert len(set(basis.elements)) == len(basis.elements) == len(basis)


@pytest.mark.parametrize(("group", "shape"), [*CASES, (O2, (1, 1)), (catalogue.O3, (1, 1, 1))], ids=case_id)
def test_the_constraint_holds_exactly(group, shape):
    # at points off the grid too, where kernels are zero
    points = np.concatenate([Grid(shape).points, [[0.3] * group.dim]])
    for in_rep, out_rep in pairs(group, 36, 6):
        for form in forms(in_rep, out_rep):
            basis = kernel_basis(in_rep, out_rep, radial=Pixels(Grid(shape)), form=form)
            at = np.concatenate([group.generators, group.sample(3, seed=1)])
            assert_kernel_constraint(basis, elements=at, points=points, tolerance=TOL)


@pytest.mark.parametrize(("group", "shape"), PLANE_CASES + SPACE_CASES[::3] + OBLONG, ids=case_id)
def test_orbit_and_block_forms_span_the_same_kernels(group, shape):
    grid = Grid(shape)
    for in_rep, out_rep in induced_pairs(group, 36, 10):
        orbit, block = (
            flat(kernel_basis(in_rep, out_rep, radial=Pixels(grid), form=form), grid) for form in ("orbit", "block")
        )
        assert len(orbit) == len(block)
        np.testing.assert_allclose(orbit @ block.T @ block, orbit, atol=TOL)
        if len(orbit):
            # one coset is normalised there: the kernels of an orbit form are orthogonal, of one norm
            norm = np.sum(orbit[0] ** 2)
            assert np.linalg.matrix_rank(orbit @ orbit.T / norm, tol=1e-9, hermitian=True) == len(orbit)


@pytest.mark.parametrize("name", ["C1", "C2", "C4", "D1", "D2", "D4"])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_regular_fields_have_one_free_weight_for_each_element_and_pixel(name, size):
    group = steer.group(name, dim=2)
    plan = kernels.compile(2 * [group.regular], 3 * [group.regular], (size, size), radial=Pixels(Grid((size, size))))
    assert plan.num_weights == 2 * 3 * group.order * size**2
    assert kernels.compile([group.trivial], [group.regular], (size, size), radial=plan.radial).num_weights == size**2


@pytest.mark.parametrize(("name", "size"), [("C2v", 3), ("D4", 3), ("O", 3), ("Oh", 2), ("Oh", 7)])
def test_regular_fields_in_space(name, size):
    group = steer.group(name, dim=3)
    basis = kernel_basis(group.regular, group.regular, radial=Pixels.for_kernel((size,) * 3))
    assert len(basis) == group.order * size**3
    # what the orbit form needs of a large kernel: each coset permutes the functions
    scalars = basis.form.scalars(basis.descriptor.radial.grid.points)
    assert scalars.shape == (size**3, group.order, size**3)
    np.testing.assert_array_equal(scalars.sum(axis=0), 1)
    np.testing.assert_array_equal(scalars.sum(axis=2), 1)


@pytest.mark.parametrize(("group", "shape"), PLANE_CASES + SPACE_CASES[::2] + OBLONG, ids=case_id)
def test_rings_on_the_grid_are_pixel_kernels(group, shape):
    grid = Grid(shape)
    for in_rep, out_rep in pairs(group, 16, 10):
        rings = flat(kernel_basis(in_rep, out_rep, radial=Rings.for_kernel(shape), form="block"), grid)
        pixels = flat(kernel_basis(in_rep, out_rep, radial=Pixels(grid), form="block"), grid)
        np.testing.assert_allclose(rings @ pixels.T @ pixels, rings, atol=TOL)


@pytest.mark.parametrize(
    "group", [O2, steer.group("SO(2)", dim=2), catalogue.SO3, catalogue.O3], ids=catalogue.group_id
)
def test_one_point_has_the_intertwiners_of_any_group(group):
    small = [rep for rep in types(group) if rep.size <= 5]
    for in_rep, out_rep in itertools.product(small, repeat=2):
        basis = kernel_basis(in_rep, out_rep, radial=Pixels.for_kernel((1,) * group.dim), form="block")
        sampled = basis.sample(np.zeros((1, group.dim)))[..., 0]
        np.testing.assert_allclose(sampled, intertwiners(in_rep, out_rep), atol=TOL)


@pytest.mark.parametrize("space", [(catalogue.C4, (2, 2)), (catalogue.D4, (3, 3))], ids=["C4", "D4"])
def test_a_continuous_internal_group(space):
    """Kernels of G x H that H does not move: those of G on the grid times the intertwiners of H."""
    outer, shape = space
    inner = catalogue.SO2
    group = direct_product(outer, inner)
    pixels = Pixels.for_kernel(shape)
    for a, b in itertools.product([outer.irreps()[-1], outer.vector], repeat=2):
        for x, y in itertools.product([inner.trivial, inner.irrep("2")], repeat=2):
            ends = [group.inflate(first).tensor(group.inflate(second)) for first, second in ((a, x), (b, y))]
            basis = kernel_basis(*ends, radial=pixels)
            assert len(basis) == len(kernel_basis(a, b, radial=pixels)) * len(intertwiners(x, y))
            rows = flat(basis, pixels.grid)
            np.testing.assert_allclose(rows @ rows.T, np.eye(len(rows)), atol=TOL)
            assert_kernel_constraint(basis, elements=group.sample(6, seed=0), points=pixels.grid.points, tolerance=TOL)


def test_a_continuous_group_that_moves_points_by_its_components_only():
    # O(2) on a line: reflections turn it round, so a stabiliser is SO(2) or all of it
    group = with_action(O2, O2.irrep("0-"))
    pixels = Pixels.for_kernel((3,))
    for a, b in itertools.product([*group.irreps(2)], repeat=2):
        basis = kernel_basis(a, b, radial=pixels)
        moved, still = (len(intertwiners(a.restrict(h), b.restrict(h))) for h in (group.subgroup("SO(2)"), group))
        assert len(basis) == moved + still
        assert_kernel_constraint(basis, elements=group.sample(6, seed=0), points=pixels.grid.points, tolerance=TOL)


def test_names():
    D4 = steer.group("D4", dim=2)
    pixels = Pixels(Grid((3, 3)))
    assert pixels.count(2) == 9
    assert pixels.names(2)[4] == (0, 4, 0)
    # corners, edges, centre: a vector has a radial and a tangential component, of which a scalar gives the first
    basis = kernel_basis(D4.trivial, D4.vector, radial=pixels)
    assert [(e.irrep, e.degree, e.ring, e.out_part, e.in_part, e.copy, e.multiplicity) for e in basis.elements] == [
        ("A1", 0, 0, 0, 0, 0, 0),
        ("A1", 0, 1, 0, 0, 0, 0),
    ]
    corner = np.sign(pixels.grid.points) * (np.abs(pixels.grid.points).sum(axis=1, keepdims=True) == 2)
    # the sign makes the first component of the first point positive
    np.testing.assert_allclose(basis.sample(pixels.grid.points)[0, :, 0].T, -corner / np.sqrt(8), atol=TOL)
    # one name for each matrix unit, where the stabiliser is trivial
    units = kernel_basis(D4.vector, D4.vector, radial=Pixels(Grid((4, 4)))).elements
    assert [e.multiplicity for e in units] == [0, 1, 0, 1, 2, 3, 0, 1]
    assert [e.ring for e in units] == [0, 0, 1, 1, 1, 1, 2, 2]


def test_samples_are_one_at_one_point():
    pixels = Pixels.for_kernel((2, 3))
    points = pixels.grid.points
    np.testing.assert_array_equal(pixels.sample(points), np.eye(6))
    np.testing.assert_array_equal(pixels.sample(points + 5e-7), np.eye(6))
    assert pixels.sample(points.reshape(2, 3, 2)).shape == (6, 2, 3)
    off = [[0.5, 0.0], [0.0, 0.5001], [2.0, 0.5], [0.0, 1.5], [-2.0, -0.5], [1e9, 0.0]]
    assert not pixels.sample(off).any()
    np.testing.assert_array_equal(Pixels(Grid(())).sample(np.zeros((4, 0))), np.ones((1, 4)))
    assert kernel_basis(O2.trivial, O2.trivial, radial=Pixels(Grid((1, 1)))).sample([[0.1, 0]]).tolist() == [[[[0.0]]]]


def test_rotated_points_are_met_in_spite_of_rounding():
    """In a frame that no entry is exact in, the turned grid is still a permutation."""
    pixels = Pixels.for_kernel((7, 7, 7))
    turn = catalogue.O3.sample(1, seed=2)[0]
    moves = np.stack([turn.T @ (turn @ g @ turn.T) @ turn for g in steer.group("Oh", dim=3).elements])
    assert np.abs(moves - np.round(moves)).max() > 0
    found = pixels.grid.positions(np.einsum("gij,mj->gmi", moves, pixels.grid.points))
    np.testing.assert_array_equal(np.sort(found, axis=1), np.broadcast_to(np.arange(343), found.shape))


def test_values():
    pixels = Pixels.for_kernel((3, 3))
    assert pixels == Pixels(Grid((3, 3)))
    assert hash(pixels) == hash(Pixels(Grid((3, 3))))
    assert pixels != Pixels(Grid((3, 2)))
    assert repr(pixels) == "Pixels(grid=Grid(shape=(3, 3)))"
    assert pickle.loads(pickle.dumps(pixels)) == pixels


MIXED = {
    "C4": (["trivial", "vector", "regular"], (4, 4)),
    "D4": (["vector", "regular", "vector", "trivial"], (3, 3)),
    "D2": (["regular", "trivial"], (2, 3)),
}


@pytest.mark.parametrize("name", MIXED)
def test_plans_expand_and_scale(name):
    kinds, shape = MIXED[name]
    group = steer.group(name, dim=2)
    fields = [getattr(group, kind) for kind in kinds] + [group.subgroup("C2").irreps()[-1].induce(group)]
    plan = kernels.compile(fields, fields, shape, radial=Pixels(Grid(shape)))
    others = [
        kernels.compile(fields, fields, shape, radial=Pixels(Grid(shape)), strategy=strategy)
        for strategy in ("orbit", "gather", "dense")
    ]
    assert {placed.part.strategy for placed in others[1].parts} == {"gather", "dense"}
    weights = torch.eye(plan.num_weights, dtype=torch.float64)
    basis = plan.expand(weights).numpy()
    for other in others:
        np.testing.assert_allclose(basis, other.expand(weights).numpy(), atol=TOL)
    moments = plan.scales() ** 2 @ np.sum(basis**2, axis=(2, 3, 4))
    channel = 0
    for rep in fields:
        np.testing.assert_allclose(moments[channel : channel + rep.size].mean(), 1, rtol=TOL)
        channel += rep.size


@pytest.mark.parametrize("name", ["O", "Oh", "D4h", "S4"])
def test_plans_in_space(name):
    group = steer.group(name, dim=3)
    fields = [group.trivial, group.vector, group.irreps()[-1], group.quotient("C2")]
    for size in (2, 3):
        pixels = Pixels.for_kernel((size,) * 3)
        plan = kernels.compile(fields, [group.vector, group.quotient("C2")], (size,) * 3, radial=pixels)
        weight = torch.randn(plan.num_weights, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        filters = plan.expand(weight).flatten(2).numpy()
        inside, outside = sum(fields[1:], fields[0]), group.vector + group.quotient("C2")
        for g in group.generators:
            moved = np.einsum(
                "pi,ijm,qj,nm->pqn", outside(g), filters, inside(g), permutation(pixels.grid, g), optimize=True
            )
            np.testing.assert_allclose(moved, filters, atol=TOL * np.abs(filters).max())


C4 = steer.group("C4", dim=2)


def basis_of(group, shape):
    return kernel_basis(group.trivial, group.trivial, radial=Pixels(Grid(shape)))


ERRORS = {
    "C8": (
        lambda: basis_of(steer.group("C8", dim=2), (3, 3)),
        r"basis: .*'C8', dim=2\) does not map Grid\(shape=\(3, 3\)\) to itself.*; use basis='rings'.* such as .*'C4'",
    ),
    "C3": (lambda: basis_of(steer.group("C3", dim=2), (2, 2)), r"'C3', dim=2\) does not map .*2, 2.* every group$"),
    "SO(2)": (lambda: basis_of(steer.group("SO(2)", dim=2), (5, 5)), r"'SO\(2\)'.*5, 5.* such as .*'C4', dim=2\)$"),
    "tilted": (lambda: basis_of(O2.subgroup("D4", axis=np.pi / 8), (3, 3)), r"'D4', axis=.*such as .*'C4', dim=2\)$"),
    "oblong": (lambda: basis_of(C4, (2, 3)), r"'C4', dim=2\) does not map .*2, 3.* such as .*'C2', dim=2\)"),
    "SO(3)": (lambda: basis_of(catalogue.SO3, (3, 3, 3)), r"'SO\(3\)'.*3, 3, 3.* such as .*'O', dim=3\)$"),
    "action": (lambda: basis_of(catalogue.DOUBLE, (2, 2)), r"with_action\(.*does not map .*2, 2"),
    "dimension": (
        lambda: basis_of(C4, (3, 3, 3)),
        r"grid: .*'C4', dim=2\) acts on 2-dimensional space, got .*\(3, 3, 3\)",
    ),
    "no grid": (
        lambda: Pixels((3, 3)),
        r"grid: expected a Grid, got \(3, 3\); make one of a shape with Pixels.for_kernel",
    ),
    "shape": (lambda: Pixels.for_kernel((3, 0)), r"grid: expected a tuple of integers >= 1"),
    "points": (lambda: Pixels.for_kernel((3, 3)).sample([1.0]), r"points: expected .* shape \(..., 2\), got \(1,\)"),
    "points of R^3": (lambda: Pixels.for_kernel((3, 3)).sample([[1.0] * 3]), r"points: .*got \(1, 3\)"),
    "empty": (
        lambda: kernels.compile([C4.trivial], [C4.vector], (1, 1), radial=Pixels(Grid((1, 1))), unreached="error"),
        r"field 0 \(vector of C4\) would be zero, .* 1 x 1 kernel of any kind .*; use a larger kernel_size",
    ),
    "max_frequency": (
        lambda: kernel_basis(C4.trivial, C4.trivial, radial=Pixels(Grid((3, 3))), max_frequency=1),
        "max_frequency: only rings can be capped, got 1",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_message(name):
    call, message = ERRORS[name]
    with pytest.raises(KernelError, match=message):
        call()
