"""Grids whose samples are farther apart along some axes: kernels are sampled at physical coordinates."""

import numpy as np
import pytest
import torch

import steer
from steer.errors import KernelError
from steer.kernels import FiniteDifferences, GaussianDerivatives, Grid, Interpolated, Pixels, Rings, functions_for
from steer.kernels import compile as compile_plan
from steer.kernels.bases._grid import axis_classes
from tests.catalogue import SPATIAL_TILTED, group_id

SO3 = steer.group("SO(3)", dim=3)
O_GROUP = steer.group("O", dim=3)
SPACING = (3.0, 1.0, 1.0)


def physical(shape, spacing):
    """Coordinates (x, y[, z]), x fastest, in units of the smallest spacing."""
    at = (np.indices(shape).reshape(len(shape), -1).T - (np.array(shape) - 1) / 2) * spacing / min(spacing)
    return at[:, ::-1]


def test_points_are_physical_coordinates():
    for shape, spacing in (((3, 4), (2.0, 0.5)), ((1, 5, 2), (5.0, 1.0, 2.5))):
        grid = Grid(shape, spacing=spacing)
        np.testing.assert_allclose(grid.points, physical(shape, spacing), atol=1e-5)
        np.testing.assert_array_equal(grid.positions(grid.points), np.arange(len(grid.points)))
        assert (grid.positions(grid.points + 2e-4) == -1).all()


def test_only_ratios_count_and_an_equal_spacing_is_none():
    grid = Grid((3, 5, 5), spacing=SPACING)
    assert grid == Grid((3, 5, 5), spacing=[1.5, 0.5, 0.5]) == Grid((3, 5, 5), spacing=np.float32([2.1, 0.7, 0.7]))
    assert repr(grid) == "Grid(shape=(3, 5, 5), spacing=(3.0, 1.0, 1.0))"
    assert Grid((3, 3), spacing=0.7) == Grid((3, 3), spacing=(0.7, 0.7)) == Grid((3, 3))
    assert repr(Grid((3, 3), spacing=2)) == "Grid(shape=(3, 3))"
    for functions in (Interpolated((3, 3)), FiniteDifferences((3, 3), 2), Pixels(Grid((3, 3)))):
        assert "spacing" not in repr(functions)
    assert repr(FiniteDifferences((3, 3), 2)) == "FiniteDifferences(shape=(3, 3), max_order=2)"
    assert repr(Interpolated((3, 3))) == "Interpolated(shape=(3, 3), order=1, masked=True)"


@pytest.mark.parametrize("basis", ["rings", "pixel", "interpolated", "derivative"])
def test_values_that_know_the_spacing_print_what_builds_them(basis):
    functions = functions_for(basis, Grid((3, 5, 5), spacing=SPACING))
    assert eval(repr(functions), {**vars(steer.kernels)}) == functions
    assert functions != functions_for(basis, Grid((3, 5, 5)))


@pytest.mark.parametrize(
    "spacing",
    [
        (1, 2),
        (1, 0, 1),
        (1, -1, 1),
        "zyx",
        (1, np.nan, 1),
        (True, 1, 1),
        True,
        (1e308, 1, 1),
        (1e-320, 1, 1),
        (10**400, 1, 1),
        np.ones(3, dtype=bool),
        np.ones((1, 3)),
        torch.ones(3, dtype=torch.bool),
        torch.ones(2),
        torch.ones(3, device="meta"),
        torch.ones(3) * 1j,
        [None, 1, 1],
    ],
)
def test_what_is_no_spacing_is_refused(spacing):
    with pytest.raises(KernelError, match="spacing: expected"):
        Grid((3, 3, 3), spacing=spacing)


@pytest.mark.parametrize(
    "spacing",
    [
        [3, 1, 1],
        np.array([3, 1, 1]),
        np.array([1.5, 0.5, 0.5], np.float32),
        torch.tensor([3.0, 1, 1]),
        torch.tensor([3, 1, 1]),
        (torch.tensor(3.0), 1, np.float16(1)),
        torch.tensor([3.0, 1, 1]).bfloat16(),
    ],
)
def test_arrays_and_tensors_are_spacings(spacing):
    grid = Grid((3, 3, 3), spacing=spacing)
    assert grid == Grid((3, 3, 3), spacing=(3, 1, 1))
    assert eval(repr(grid)) == grid
    assert Grid((3, 3, 3), spacing=torch.tensor(2.0)) == Grid((3, 3, 3))


def test_a_spacing_has_no_gradient():
    with pytest.raises(KernelError, match=r"spacing: .* pass spacing.detach"):
        Grid((3, 3, 3), spacing=torch.ones(3, requires_grad=True))


def test_hexagons_have_one_spacing():
    assert Grid((3, 3), "hexagonal", spacing=(2, 2)) == Grid((3, 3), "hexagonal")
    with pytest.raises(KernelError, match="hexagonal lattice has one"):
        Grid((3, 3), "hexagonal", spacing=(2, 1))


GROUPS = [SO3, O_GROUP, *(steer.group(name, dim=3) for name in ("I", "Oh", "D4", "Cinfv", "D2")), *SPATIAL_TILTED[::9]]


@pytest.mark.parametrize("shape", [(3, 5, 5), (4, 3, 3)], ids=str)
@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_the_filter_is_the_kernel_at_physical_coordinates(group, shape):
    fields = [group.trivial, group.vector]
    plan = compile_plan(fields, fields, Grid(shape, spacing=SPACING), unreached="ignore")
    weight = torch.randn(plan.num_weights, dtype=torch.float64)
    kernel = plan.spectrum(weight) @ torch.from_numpy(plan.sample(physical(shape, SPACING)))
    torch.testing.assert_close(plan.expand(weight).flatten(2), kernel, rtol=0, atol=1e-12)
    # and that kernel is steerable
    points = np.random.default_rng(0).normal(size=(20, 3)) * 2
    at = plan.spectrum(weight) @ torch.from_numpy(plan.sample(points))
    for g in group.sample(3, seed=1):
        turned = plan.spectrum(weight) @ torch.from_numpy(plan.sample(points @ group.action(g).T))
        rho = torch.from_numpy(plan.in_reps.representation(g))
        torch.testing.assert_close(turned, torch.einsum("oa,abm,ib->oim", rho, at, rho), rtol=0, atol=1e-10)


@pytest.mark.slow
def test_of_regular_fields_too():
    fields, grid = [O_GROUP.trivial, O_GROUP.regular], Grid((3, 5, 5), spacing=SPACING)
    for radial in (None, Interpolated((3, 5, 5), 3, spacing=SPACING)):
        ends = fields if radial is None else fields[1:]
        plan = compile_plan(ends, ends, grid, radial=radial)
        slow = compile_plan(ends, ends, grid, radial=radial, strategy="dense")
        weight = torch.randn(plan.num_weights, dtype=torch.float64)
        kernel = plan.spectrum(weight) @ torch.from_numpy(plan.sample(physical(grid.shape, SPACING)))
        for other in (kernel, slow.expand(weight).flatten(2)):
            torch.testing.assert_close(plan.expand(weight).flatten(2), other, rtol=0, atol=1e-12)


def test_derivatives_are_by_physical_coordinates():
    """On polynomials of the coordinates finite differences are the derivatives of Gaussians without width."""
    grid = Grid((5, 5, 5), spacing=(2.0, 1.0, 1.5))
    stencils = functions_for("derivative", grid)
    at = grid.points
    values = {  # monomials and which function gives a constant of them: gradient, Laplacian
        1: (at[:, 0], at[:, 1], at[:, 2]),
        2: (at[:, 0] ** 2, at[:, 1] ** 2, at[:, 2] ** 2),
    }
    names = stencils.names(3)
    sampled = stencils.sample(at) / stencils.scales(3)[:, None]
    laplacian = sampled[[name[:2] == (0, 2) for name in names]][0]
    assert np.ptp([laplacian @ monomial for monomial in values[2]]) < 1e-10
    gradient = sampled[[name[:2] == (1, 1) for name in names]]
    slopes = np.array([[row @ monomial for monomial in values[1]] for row in gradient])
    np.testing.assert_allclose(slopes @ slopes.T, slopes[0] @ slopes[0] * np.eye(3), atol=1e-10)
    oblique = steer.group("SO(3)", dim=3)
    assert stencils.action(oblique, oblique.sample(1, seed=0)) is not None


def test_axes_of_different_spacing_are_not_mixed_as_far_as_grids_go():
    assert axis_classes(O_GROUP) == (0, 0, 0)
    assert axis_classes(O_GROUP, (3.0, 1.0, 1.0)) == (0, 1, 1)
    assert axis_classes(SO3, (1.0, 2.0, 1.0)) == (0, 1, 0)
    assert axis_classes(SO3, (3.0, 2.0, 1.0)) == (0, 1, 2)
    assert axis_classes(steer.group("D2", dim=3), (3.0, 1.0, 1.0)) == (0, 1, 2)
    steer.kernels.require_symmetric(SO3, spacing=(5, 1, 1), stride=(1, 2, 2))
    with pytest.raises(KernelError, match="mixes the axes y and x"):
        steer.kernels.require_symmetric(SO3, spacing=(5, 1, 1), stride=(1, 2, 1))


def test_rings_fill_the_box_in_units_of_the_coarsest_spacing():
    assert Rings.for_grid(Grid((5, 5, 5), spacing=4)) == Rings.for_kernel((5, 5, 5))
    rings = Rings.for_grid(Grid((5, 9, 9), spacing=SPACING))
    assert rings == Rings((0.0, 3.0), (1.8, 1.35), (0, 2))
    assert Rings.for_grid(Grid((3, 5, 5), spacing=SPACING)).limits == (1,)
    assert Rings.for_grid(Grid((1, 1, 1), spacing=SPACING)).limits == (0,)
    with pytest.raises(KernelError, match="from 0 to 1, got 2"):
        Rings.for_grid(Grid((3, 5, 5), spacing=SPACING), 2)


def test_coefficients_in_given_functions_are_those_of_every_spacing():
    """One fingerprint: the functions and representations are the same, the grid is another."""
    functions, fields = GaussianDerivatives(2, 1.5), [SO3.trivial, SO3.vector]
    plans = [
        compile_plan(fields, fields, grid, radial=functions)
        for grid in (Grid((5, 5, 5)), Grid((3, 5, 5), spacing=SPACING))
    ]
    assert plans[0].fingerprint == plans[1].fingerprint
