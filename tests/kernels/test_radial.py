"""Rings have unit norm by quadrature, fit the kernel, and turn with the harmonics; grids are centred, x fastest."""

import math

import numpy as np
import pytest

import steer
from steer import nn
from steer.errors import BasisWarning, KernelError
from steer.kernels import Grid, Rings, kernel_basis
from steer.kernels.bases._grid import axis_classes
from steer.kernels.bases._radial import _norm
from steer.testing import assert_equivariant, equivariance_error
from tests.catalogue import IN_PLANE, O2, generators, group_id

RINGS = Rings((0.0, 0.5, 2.0, 6.0), (0.7, 0.45, 0.6, 1.3), (2, 3, 5, 8))


def test_scalar_functions_are_normalised_and_orthogonal_on_a_ring():
    # Gauss-Legendre along the radius (the functions are analytic there), the trapezium rule along the angle
    nodes, weights = np.polynomial.legendre.leggauss(200)
    radius, weights = 10 * (nodes + 1), 10 * weights
    angle = 2 * np.pi * np.arange(64) / 64
    points = np.stack([np.outer(radius, np.cos(angle)), np.outer(radius, np.sin(angle))], axis=-1)
    values = RINGS.sample(points)
    gram = np.einsum("ars,brs,r->ab", values, values, weights * radius * 2 * np.pi / 64)
    start = 0
    for limit in RINGS.limits:
        stop = start + 1 + 2 * limit
        np.testing.assert_allclose(gram[start:stop, start:stop], np.eye(stop - start), atol=1e-10)
        start = stop
    assert start == RINGS.count(2) == len(values)


@pytest.mark.parametrize(
    "grid",
    [Grid((4,)), Grid((3, 5)), Grid((3, 3), spacing=(2.0, 1.0)), pytest.param(Grid((2, 3, 3)), marks=pytest.mark.slow)],
    ids=str,
)
def test_leaks_are_the_norm_outside_of_the_kernel(grid):
    # sums over cells of equal size, on average over the harmonics, whose borders are those of the kernel
    dim = len(grid.shape)
    step, reach = (0.01, 0.05, 0.1)[dim - 1], (5.0, 5.0, 3.0)[dim - 1]
    axis = np.arange(-reach + step / 2, reach, step)
    points = np.stack([part.ravel() for part in np.meshgrid(*dim * [axis], indexing="ij")], axis=-1)
    sizes = np.array(grid.shape[::-1]) * (grid.spacing or dim * (1.0,))[::-1]
    outside = (np.abs(points) > sizes / 2).any(axis=1)
    for radius, width in ((0.0, 0.7), (1.2, 0.5)):
        rings = Rings((radius,), (width,), (1,))
        for block in np.split(rings.sample(points) ** 2, [1]):
            expected = block[:, outside].sum() / block.sum()
            if dim != 2 or grid.shape[0] == grid.shape[1] or len(block) > 1:
                assert rings.leaks(grid)[0] == pytest.approx(expected, abs=2e-3)
    assert Rings.for_grid(grid).leaks(Grid((99,) * dim)) == pytest.approx(np.zeros(len(Rings.for_grid(grid).radii)))


def test_leaks_of_hexagons_and_beyond_space():
    rings, hexagon = Rings((0.0, 2.0), (0.6, 0.6), (0, 2)), Grid((5, 5), "hexagonal")
    inner, outer = rings.leaks(hexagon)
    assert inner < 1e-4 < 0.3 < outer < 0.7  # the border is from 2.2 to 2.5
    assert Rings((1.0,), (0.5,), (0,)).leaks(Grid((3, 3, 3, 3)))[0] < 0.1
    with pytest.raises(KernelError, match="grid"):
        rings.leaks((5, 5))


def test_rings_outside_of_the_kernel_are_told_where_they_matter():
    rings, D4, SO2 = Rings((3.0,), (0.45,), (2,)), steer.group("D4", dim=2), steer.group("SO(2)", dim=2)
    flips = nn.FieldType(D4, [D4.trivial, D4.vector])
    assert_equivariant(nn.Conv2d(flips, flips, 5, padding=2, basis=rings))  # exact, and nothing to be told
    turns = nn.FieldType(SO2, [SO2.trivial, SO2.vector])
    with pytest.warns(BasisWarning, match=r"outside of the kernel, 7\d% of that of radius 3; .*SO\(2\)"):
        layer = nn.Conv2d(turns, turns, 5, padding=2, basis=rings)
    usual = nn.Conv2d(turns, turns, 5, padding=2)
    lost, little = (
        equivariance_error(part, shape=(1, 33, 33), elements=SO2.sample(2, seed=0)).max() for part in (layer, usual)
    )
    assert lost > 10 * little


@pytest.mark.parametrize("dim", [2, 3, 4])
@pytest.mark.parametrize(("radius", "width"), [(0.0, 0.7), (1.0, 0.45), (3.0, 1.2)])
def test_the_norm_in_any_dimension(dim, radius, width):
    # the integral over R^d of the squared profile, by quadrature along the radius
    nodes, weights = np.polynomial.legendre.leggauss(200)
    r, weights = 10 * (nodes + 1), 10 * weights
    surface = 2 * np.pi ** (dim / 2) / math.gamma(dim / 2)
    squared = surface * np.sum(weights * r ** (dim - 1) * np.exp(-(((r - radius) / width) ** 2)))
    np.testing.assert_allclose(_norm(radius, width, dim) ** 2, squared, rtol=1e-12)


@pytest.mark.parametrize("group", IN_PLANE, ids=group_id)
def test_samples_transform_by_the_harmonics(group):
    points = np.random.default_rng(0).normal(scale=2, size=(7, 2))
    for g in generators(group):
        here, there, start = RINGS.sample(points), RINGS.sample(points @ g.T), 0
        for _, degree in RINGS.blocks:
            size = 1 if degree == 0 else 2
            moved = group.harmonic(degree)(g) @ here[start : start + size]
            np.testing.assert_allclose(there[start : start + size], moved, atol=1e-12)
            start += size


@pytest.mark.parametrize(
    ("shape", "radii", "limits"),
    [
        ((1, 1), (0.0,), (0,)),
        ((2, 2), (0.5,), (1,)),
        ((3, 3), (0.0, 1.0), (0, 2)),
        ((4, 4), (0.5, 1.5), (1, 2)),
        ((5, 5), (0.0, 1.0, 2.0), (0, 2, 3)),
        ((6, 6), (0.5, 1.5, 2.5), (1, 3, 3)),
        ((7, 7), (0.0, 1.0, 2.0, 3.0), (0, 2, 4, 4)),
        ((3, 5), (0.0, 1.0, 2.0), (0, 2, 3)),
    ],
    ids=str,
)
def test_rings_of_a_kernel(shape, radii, limits):
    rings = Rings.for_kernel(shape)
    assert (rings.radii, rings.limits) == (radii, limits)
    assert rings.max_frequency == max(limits)
    for cap in range(max(limits) + 1):
        assert Rings.for_kernel(shape, cap).limits == tuple(min(limit, cap) for limit in limits)


@pytest.mark.parametrize("size", range(2, 10))
def test_no_scalar_function_is_lost_on_the_grid(size):
    # sampled on its own grid, every function keeps most of its norm, and they stay independent
    sampled = Rings.for_kernel((size, size)).sample(Grid((size, size)).points)
    assert np.linalg.matrix_rank(sampled) == len(sampled)
    assert np.sum(sampled**2, axis=1).min() > 0.25


def test_points_are_centred_and_x_is_fastest():
    points = Grid((2, 3)).points
    np.testing.assert_array_equal(points, [[-1, -0.5], [0, -0.5], [1, -0.5], [-1, 0.5], [0, 0.5], [1, 0.5]])
    cube = Grid((2, 1, 3)).points  # axes z, y, x; coordinates x, y, z
    np.testing.assert_array_equal(cube[:3], [[-1, 0, -0.5], [0, 0, -0.5], [1, 0, -0.5]])
    assert not points.flags.writeable


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_square_grids_are_closed_under_the_square(size):
    points = {tuple(p) for p in Grid((size, size)).points}
    for g in steer.group("D4", dim=2).elements:
        assert {tuple(g @ np.array(p) + 0.0) for p in points} == points


def test_axis_classes_are_the_axes_that_a_group_mixes():
    for group in IN_PLANE:
        keeps_axes = all(min(abs(g[0, 0]), abs(g[0, 1])) < 1e-9 and abs(g[0, 1]) < 1e-9 for g in group.haar(8)[0])
        assert axis_classes(group) == ((0, 1) if keeps_axes and group.is_finite else (0, 0)), group
    assert axis_classes(O2.subgroup("D1", axis=np.pi / 4)) == (0, 0)
    assert axis_classes(O2.subgroup("D1", axis=np.pi / 2)) == (0, 1)


def test_max_frequency_caps_given_rings():
    group = steer.group("C4", dim=2)
    basis = kernel_basis(group.trivial, group.trivial, radial=RINGS, max_frequency=4)
    assert basis.descriptor.radial.limits == (2, 3, 4, 4)
    assert {element.degree for element in basis.elements} == {0, 4}
    assert kernel_basis(group.trivial, group.trivial, max_frequency=3).descriptor.radial.limits == (3,)
