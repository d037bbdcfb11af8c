"""Kernels of the groups of space solve the constraint and are complete; shells fit the cubic lattice."""

import functools
import itertools
import math

import numpy as np
import pytest

import steer
from steer.kernels import Grid, Rings, kernel_basis
from steer.reps import Induced, harmonic_size, harmonics
from steer.reps.groups._spatial import all_groups
from steer.testing import assert_kernel_constraint
from tests.catalogue import SPATIAL_TILTED, generators, group_id, has_finite_index, index

RESIDUAL = 1e-10
"""Of kernels with entries of order 1 in float64: rounding gives 1e-15, a wrong sign or order more than 1e-2."""

GROUPS = [*all_groups(8), *SPATIAL_TILTED]
FINITE = [group for group in GROUPS if group.is_finite and group.order <= 60]
LARGE = [steer.group(name, dim=3) for name in ("C60", "C30h", "S60", "D30", "D15h", "D15d", "C30v")]
MAX_FREQUENCY = 3
RINGS = Rings((0.0, 1.3), (0.7, 0.6), (0, 3))
POINTS = np.random.default_rng(0).normal(size=(3, 3))


def irreps(group):
    return group.irreps(None if group.is_finite else MAX_FREQUENCY)


def harmonic_character(moves, degree):
    """det^L (1 + 2 sum_m cos m theta) of the rotation det . g by theta: nothing of the group or its harmonics."""
    sign = np.linalg.det(moves).round()
    theta = np.arccos(np.clip((sign * np.trace(moves, axis1=1, axis2=2) - 1) / 2, -1, 1))
    return sign**degree * (1 + 2 * sum(np.cos(m * theta) for m in range(1, degree + 1)))


def dimensions(in_reps, out_reps):
    """(out, in): number of kernels, sum over shells and degrees L of <chi_out, chi_in chi_L>."""
    group = in_reps[0].group
    highest = [max(rep._degree for rep in reps) for reps in (in_reps, out_reps)]
    nodes, weights = group.haar(sum(highest) + max(RINGS.limits))
    scalars = sum(harmonic_character(group.action(nodes), degree) for _, degree in RINGS.blocks)
    characters = [np.array([rep.character(nodes) for rep in reps]) for reps in (in_reps, out_reps)]
    found = np.einsum("in,on,n->oi", *characters, weights * scalars, optimize=True)
    np.testing.assert_allclose(found, found.round(), atol=1e-9)
    return found.round().astype(int)


def residual(sample, in_rep, out_rep):
    """Largest violation at the generators, relative to the largest entry, of a function points -> (..., out, in, m)."""
    at, kernels, worst = generators(in_rep.group), sample(POINTS), 0.0
    for g, move in zip(at, in_rep.group.action(at), strict=True):
        expected = np.einsum("pi,...ijm,qj->...pqm", out_rep(g), kernels, in_rep(g), optimize=True)
        worst = max(worst, np.abs(sample(POINTS @ move.T) - expected).max(initial=0))
    return worst / max(np.abs(kernels).max(initial=0), 1e-300)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_all_pairs_of_irreps(group):
    # the sum of all irreps has each pair as a block
    every = functools.reduce(lambda a, b: a + b, irreps(group))
    basis = kernel_basis(every, every, radial=RINGS)
    assert residual(basis.sample, every, every) < RESIDUAL
    counts = np.zeros((len(irreps(group)),) * 2, dtype=int)
    for element in basis.elements:
        counts[element.out_part, element.in_part] += 1
    np.testing.assert_array_equal(counts, dimensions(every.irreps, every.irreps))


def wide_types(group):
    """Vectors, band limited types, and the smallest quotient and induced types but for the one-dimensional."""
    found = [group.vector, group.vector.tensor(group.vector)]
    if not group.is_finite:
        found.append(group.band_limited(1 if group.name in ("SO(3)", "O(3)") else 2))
    proper = [h for h in (group.subgroups() if group.is_finite else group.subgroups(2)) if h.order != group.order]
    for small in sorted(proper, key=lambda h: index(group, h) if has_finite_index(group, h) else math.inf)[1:2]:
        if has_finite_index(group, small):
            found += [group.quotient(small), small.irreps()[-1].induce(group)]
        else:
            found.append(group.quotient(small, 1))
    return [rep for rep in dict.fromkeys(found) if rep.size <= 24]


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_vectors_band_limited_quotient_and_induced_types(group):
    types = wide_types(group)
    expected = dimensions(types, types)
    for (i, in_rep), (o, out_rep) in itertools.product(enumerate(types), repeat=2):
        basis = kernel_basis(in_rep, out_rep, radial=RINGS)
        assert len(basis) == len(set(basis.elements)) == expected[o, i], (in_rep, out_rep)
        assert residual(basis.sample, in_rep, out_rep) < RESIDUAL, (in_rep, out_rep)


@pytest.mark.parametrize("group", [*FINITE, *LARGE], ids=group_id)
def test_regular_types(group):
    # whole bases have thousands of elements: a random kernel of them, expanded as layers do it
    for in_rep, out_rep in (
        (group.regular, group.regular),
        (group.vector, group.regular),
        (group.regular, group.vector),
    ):
        basis = kernel_basis(in_rep, out_rep, radial=RINGS)
        assert (
            len(basis) == dimensions([in_rep], [out_rep]) == in_rep.size * out_rep.size // group.order * RINGS.count(3)
        )
        weight = np.random.default_rng(1).normal(size=basis.form.shape)

        def sample(points, form=basis.form, weight=weight):
            found = np.einsum("wib,bgm,gji->gwjm", weight, form.scalars(points), form.movers, optimize=True)
            kernel = found.reshape(-1, *found.shape[2:])
            return kernel if form.into else kernel.swapaxes(0, 1)

        assert residual(sample, in_rep, out_rep) < RESIDUAL, (in_rep, out_rep)


NAMED = [steer.group(name, dim=3) for name in ("Cs", "C3", "D4", "S4", "D2d", "T", "O", "Cinfv", "SO(3)", "O(3)")]


@pytest.mark.parametrize("group", NAMED, ids=group_id)
def test_kernels_are_independent(group):
    # with the sizes above: a basis of all kernels. Points enough to tell all scalar functions apart.
    points = np.random.default_rng(2).normal(scale=1.5, size=(3 * RINGS.count(3), 3))
    small = [rep for rep in (*irreps(group)[-2:], *wide_types(group)) if rep.size <= 6]
    for in_rep, out_rep in itertools.product(small, repeat=2):
        for form in ("block", "orbit") if isinstance(in_rep, Induced) or isinstance(out_rep, Induced) else ("block",):
            kernels = kernel_basis(in_rep, out_rep, radial=RINGS, form=form).sample(points)
            flat = kernels.reshape(len(kernels), out_rep.size * in_rep.size * len(points))
            assert np.linalg.matrix_rank(flat @ flat.T, tol=1e-8, hermitian=True) == len(flat), (in_rep, out_rep)


@pytest.mark.parametrize("group", NAMED, ids=group_id)
def test_the_public_check_accepts_them_and_refuses_others(group):
    basis = kernel_basis(group.vector, group.vector, max_frequency=3)
    assert_kernel_constraint(basis)

    def shifted(points):
        return basis.sample(np.asarray(points) - [0.3, 0.2, 0.1])

    with pytest.raises(AssertionError, match="breaks K"):
        assert_kernel_constraint(shifted, group.vector, group.vector)


def test_known_kernels_between_vectors():
    # SO(3): identity, cross product and traceless symmetric product; O(3) forbids the cross product to true vectors
    x = np.array([[0.6, -0.3, 0.9]])
    unit = x[0] / np.linalg.norm(x)
    cross = np.cross(np.eye(3), unit)  # row i is e_i x unit, so cross @ v is unit x v up to its sign
    known = [np.eye(3), cross, np.outer(unit, unit) - np.eye(3) / 3]
    for name, allowed in (("SO(3)", known), ("O(3)", known[::2])):
        group = steer.group(name, dim=3)
        kernels = kernel_basis(group.vector, group.vector, max_frequency=2).sample(x)[..., 0]
        assert len(kernels) == len(allowed)
        both = np.concatenate([kernels, allowed]).reshape(-1, 9)
        assert np.linalg.matrix_rank(both, tol=1e-9) == len(allowed)


# Shells on the cubic lattice ------------------------------------------------------------------------------------------


def test_shells_are_normalised_and_orthogonal():
    # Gauss-Legendre along the radius and the polar angle, the trapezium rule around the axis
    shells = Rings((0.0, 0.5, 2.0), (0.7, 0.45, 0.6), (2, 3, 4))
    nodes, weights = np.polynomial.legendre.leggauss(100)
    radius, weights = 5 * (nodes + 1), 5 * weights
    directions, areas = sphere(12)
    values = shells.sample(radius[:, None, None] * directions)
    gram = np.einsum("ars,brs,r,s->ab", values, values, weights * radius**2 * 4 * np.pi, areas, optimize=True)
    start = 0
    for limit in shells.limits:
        stop = start + (limit + 1) ** 2
        np.testing.assert_allclose(gram[start:stop, start:stop], np.eye(stop - start), atol=1e-10)
        start = stop
    assert start == shells.count(3) == len(values)


def sphere(count):
    """Directions (2 count^2, 3) and weights of a product rule, exact for polynomials of degree below 2 count."""
    z, weights = np.polynomial.legendre.leggauss(count)
    angle, flat = np.pi * np.arange(2 * count) / count, np.sqrt(1 - z**2)[:, None]
    axes = np.broadcast_arrays(flat * np.cos(angle), flat * np.sin(angle), z[:, None])
    return np.stack(axes, axis=-1).reshape(-1, 3), np.repeat(weights, 2 * count) / (4 * count)


@pytest.mark.parametrize(
    ("shape", "radii", "limits"),
    [
        ((1, 1, 1), (0.0,), (0,)),
        ((2, 2, 2), (0.5,), (1,)),
        ((3, 3, 3), (0.0, 1.0), (0, 2)),
        ((4, 4, 4), (0.5, 1.5), (1, 2)),
        ((5, 5, 5), (0.0, 1.0, 2.0), (0, 2, 3)),
        ((3, 5, 5), (0.0, 1.0, 2.0), (0, 2, 3)),
        ((7, 3, 3), (0.0, 1.0, 2.0, 3.0), (0, 2, 4, 4)),
    ],
    ids=str,
)
def test_shells_of_a_kernel(shape, radii, limits):
    shells = Rings.for_kernel(shape)
    assert (shells.radii, shells.limits) == (radii, limits)


@pytest.mark.parametrize("shape", [*((k, k, k) for k in range(1, 8)), (3, 5, 5), (5, 3, 3), (2, 3, 3)], ids=str)
def test_no_scalar_function_is_lost_on_the_lattice(shape):
    sampled = Rings.for_kernel(shape).sample(Grid(shape).points)
    assert np.linalg.matrix_rank(sampled) == len(sampled)
    if len(set(shape)) == 1 and shape[0] > 1:
        # of norm 1 on space; sums over the lattice are near the integrals, and functions of one shell near orthogonal
        norms = np.sum(sampled**2, axis=1)
        assert norms.min() > 0.6
        assert norms.max() < 1.7


def rest(size, band=np.pi / 2, extra=0):
    """By (radius, degree), up to `extra` degrees more: the part of the response that is not a shell times harmonics.

    The relative L2 norm, over frequencies |omega| <= band, of H(omega) = sum_x F(x) e^{i omega x} minus its projection
    on h(|omega|) Y(omega / |omega|), which the kernel constraint allows.
    """
    usual, points = Rings.for_kernel((size,) * 3), Grid((size,) * 3).points
    shells = Rings(usual.radii, usual.widths, tuple(limit + extra for limit in usual.limits))
    directions, areas = sphere(8)
    radius = np.linspace(0.05, 1, 8) * band
    omega = radius[:, None, None] * directions
    waves, samples, start, found = np.exp(1j * omega @ points.T), shells.sample(points), 0, {}
    for ring, degree in shells.blocks:
        count = harmonic_size(3, degree)
        response = waves @ samples[start : start + count].T
        start += count
        angular = harmonics(directions, degree)
        norm = areas @ (angular**2).sum(1)
        profile = np.einsum("rsc,sc,s->r", response, angular, areas) / norm
        lost = response - profile[:, None, None] * angular
        squares = [np.einsum("rsc,r,s->", np.abs(part) ** 2, radius**2, areas) for part in (lost, response)]
        found[shells.radii[ring], degree] = math.sqrt(squares[0] / squares[1])
    return found


@pytest.mark.parametrize("size", range(2, 6))
def test_the_band_limit_of_every_shell_keeps_its_response_steerable(size):
    assert max(rest(size).values()) < 0.05


def test_a_degree_more_is_aliased():
    # the last shell of the 3-pixel kernel, and an inner one
    assert rest(3, extra=1)[1.0, 3] > 0.5
    assert rest(5, extra=1)[1.0, 3] > 0.3
