"""Interpolated kernels are free pixel weights, rotated as interpolation by other libraries rotates them."""

import itertools

import numpy as np
import pytest
import scipy.interpolate
import scipy.ndimage
import torch

import steer
from steer.errors import KernelError
from steer.kernels import Grid, Interpolated, compile, functions_for, kernel_basis  # noqa: A004 - the public name
from steer.kernels.bases._interpolated import b_spline
from steer.testing import assert_kernel_constraint
from tests.catalogue import group_id

C4, D4, C8, C16, D6, SO2 = (steer.group(name, dim=2) for name in ("C4", "D4", "C8", "C16", "D6", "SO(2)"))
OCT, ICO, SO3 = (steer.group(name, dim=3) for name in ("O", "I", "SO(3)"))

ROUNDING = 1e-12
"""Of sums of at most 25 products of float64 numbers of order 1."""


def inside(shape):
    """The samples of a kernel within half its edge of the centre."""
    points = Grid(shape).points
    return points[np.linalg.norm(points, axis=1) < max(shape) / 2]


@pytest.mark.parametrize("order", [1, 3])
def test_the_splines_are_those_of_scipy(order):
    t = np.linspace(-3, 3, 301)
    knots = np.arange(order + 2) - (order + 1) / 2
    expected = np.nan_to_num(scipy.interpolate.BSpline.basis_element(knots, extrapolate=False)(t))
    np.testing.assert_allclose(b_spline(t, order), expected, atol=1e-14)


@pytest.mark.parametrize("shape", [(4, 4), (5, 5), (3, 6), (3, 3, 3), (2, 4, 3)], ids=str)
@pytest.mark.parametrize("order", [1, 3])
def test_kernels_off_the_grid_are_interpolated_as_by_scipy(shape, order):
    # "grid-constant" takes the weights outside of the box as zero
    rng = np.random.default_rng(0)
    weights, points = rng.normal(size=shape), rng.uniform(-4, 4, (200, len(shape)))
    steps = points.T[::-1] + (np.array(shape)[:, None] - 1) / 2
    expected = scipy.ndimage.map_coordinates(weights, steps, order=order, prefilter=False, mode="grid-constant")
    found = weights.ravel() @ Interpolated(shape, order, masked=False).sample(points)
    np.testing.assert_allclose(found, expected, atol=ROUNDING)


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("dim", [2, 3])
def test_the_functions_are_a_partition_of_unity(order, dim):
    # where the splines of all pixels around a point are in the box
    size = 6 if dim == 2 else 5
    reach = (size - 1) / 2 - (order - 1) / 2
    points = np.random.default_rng(0).uniform(-reach, reach, (100, dim))
    total = Interpolated((size,) * dim, order, masked=False).sample(points).sum(axis=0)
    np.testing.assert_allclose(total, 1, atol=ROUNDING)


@pytest.mark.parametrize(
    ("shape", "count"),
    [((1, 1), 1), ((2, 2), 4), ((3, 3), 9), ((4, 4), 12), ((5, 5), 21), ((7, 7), 37), ((3, 3, 3), 19), ((2, 5), 10)],
    ids=str,
)
def test_the_mask_is_the_disk_in_the_box(shape, count):
    functions = Interpolated(shape)
    assert functions.count(len(shape)) == count == len(inside(shape))
    positions = [pixel for _, pixel, _ in functions.names(len(shape))]
    np.testing.assert_array_equal(Grid(shape).points[positions], inside(shape))
    assert all(degree == copy == 0 for degree, _, copy in functions.names(len(shape)))
    edge = max(shape) / 2
    directions = np.random.default_rng(0).normal(size=(50, len(shape)))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    assert not functions.sample(directions * (edge + 1e-5)).any()
    np.testing.assert_array_equal(
        functions.sample(directions * (edge - 1e-5)),
        Interpolated(shape, masked=False).sample(directions * (edge - 1e-5))[positions],
    )


@pytest.mark.parametrize(
    ("group", "shape"),
    [(C4, (2, 2)), (C4, (5, 5)), (D4, (3, 3)), (D4, (4, 4)), (D4, (7, 7)), (OCT, (3, 3, 3)), (OCT, (4, 4, 4))],
    ids=str,
)
def test_symmetries_of_the_grid_permute_the_pixels(group, shape):
    pixels, grid = inside(shape), Grid(shape).points
    basis = kernel_basis(group.trivial, group.regular, radial=Interpolated(shape))
    found = basis.sample(grid)[:, :, 0]  # (pixel, g, m)
    for i, g in enumerate(group.elements):
        expected = np.linalg.norm((pixels @ g.T)[:, None] - grid, axis=-1) < 1e-9
        np.testing.assert_allclose(found[:, i], expected, atol=ROUNDING)


# The roto-translation networks of the literature, by torch ------------------------------------------------------------


def rotated_copies(kernels, count):
    """(..., count, k, k): copies of masked kernels (..., k, k) turned by multiples of 2 pi / count, bilinearly."""
    size = kernels.shape[-1]
    axis = torch.arange(size, dtype=kernels.dtype) - (size - 1) / 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    mask = (x**2 + y**2 <= size**2 / 4).to(kernels.dtype)
    flat = (kernels * mask).reshape(1, -1, size, size)
    turned = []
    for i in range(count):
        c, s = np.cos(2 * np.pi * i / count), np.sin(2 * np.pi * i / count)
        at = torch.stack([c * x + s * y, -s * x + c * y], dim=-1) / ((size - 1) / 2)  # g^-1 x
        turned.append(torch.nn.functional.grid_sample(flat, at[None], align_corners=True) * mask)
    return torch.stack(turned, dim=2).reshape(*kernels.shape[:-2], count, size, size)


def expanded(plan, functions, kernels):
    """The filter of a plan whose coefficients are the pixels of kernels (..., k, k)."""
    positions = [pixel for _, pixel, _ in functions.names(2)]
    return plan.expand(kernels.flatten(-2)[..., positions].reshape(-1))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 3e-6)], ids=str)
@pytest.mark.parametrize("count", [8, 12])
@pytest.mark.parametrize("size", [3, 5, 6])
def test_lifting_and_group_convolutions_by_grid_sample(dtype, tolerance, count, size):
    # rounding of 1e-7 in float32 of the coordinates that grid_sample is given, times the size, and of the sums
    group, functions = steer.group(f"C{count}", dim=2), Interpolated((size, size))
    torch.manual_seed(0)
    image = torch.randn(2, 3, 9, 10, dtype=dtype)

    lifting = torch.randn(4, 3, size, size, dtype=dtype)
    plan = compile([group.trivial] * 3, [group.regular] * 4, (size, size), radial=functions)
    reference = rotated_copies(lifting, count).permute(0, 2, 1, 3, 4).reshape(4 * count, 3, size, size)
    features = torch.nn.functional.conv2d(image, reference)
    found = torch.nn.functional.conv2d(image, expanded(plan, functions, lifting))
    assert float((found - features).abs().max()) < tolerance * float(features.abs().max())

    kernels = torch.randn(2, 4, count, size, size, dtype=dtype)  # on the group: (out, in, angle, y, x)
    plan = compile([group.regular] * 4, [group.regular] * 2, (size, size), radial=functions)
    copies = rotated_copies(kernels, count)  # (out, in, angle, copy, y, x)
    shifted = [torch.roll(copies[:, :, :, i], i, dims=2) for i in range(count)]
    reference = torch.stack(shifted, dim=1).reshape(2 * count, 4 * count, size, size)
    torch.testing.assert_close(expanded(plan, functions, kernels), reference, rtol=0, atol=tolerance)
    if features.shape[-2] >= size:
        expected = torch.nn.functional.conv2d(features, reference)
        found = torch.nn.functional.conv2d(features, expanded(plan, functions, kernels))
        assert float((found - expected).abs().max()) < tolerance * float(expected.abs().max())


# The kernel constraint ------------------------------------------------------------------------------------------------


def pairs(group):
    """Pairs of representations one of which at least is regular."""
    others = [group.trivial, group.vector, group.irreps()[-1]]
    others += [group.quotient(group.subgroups()[1])] if group.order <= 24 else []
    found = [(other, group.regular) for other in others] + [(group.regular, other) for other in others]
    return [*found, (group.regular, group.regular)] if group.order <= 8 else found


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("group", [C8, C16, D6, D4, SO2.subgroup("C5"), OCT, ICO], ids=group_id)
def test_kernels_solve_the_constraint_everywhere(group, order):
    functions = Interpolated((3,) * group.dim if group.dim == 3 else (5, 5), order)
    points = np.random.default_rng(0).uniform(-2.5, 2.5, (4, group.dim))
    for in_rep, out_rep in pairs(group):
        basis = kernel_basis(in_rep, out_rep, radial=functions)
        assert len(basis) == in_rep.size * out_rep.size // group.order * functions.count(group.dim)
        assert len(set(basis.elements)) == len(basis)
        assert_kernel_constraint(basis, points=points, elements=group.generators)


def test_names_and_values():
    functions = Interpolated([5, 5])
    assert functions == Interpolated((5, 5), 1, True)
    assert eval(repr(functions)) == functions
    assert functions_for("interpolated", Grid((5, 5))) == functions
    for first, second in itertools.combinations(
        [functions, Interpolated((5, 5), 3), Interpolated((5, 5), 1, False)], 2
    ):
        bases = [kernel_basis(C8.trivial, C8.regular, radial=each) for each in (first, second)]
        assert bases[0].fingerprint != bases[1].fingerprint


CASES = {
    "no regular field": (
        lambda: kernel_basis(C4.vector, C4.irrep("E"), radial=Interpolated((3, 3))),
        r"basis: interpolated kernels .* need a regular input or output, such as group.regular; got kernels from .* "
        r"to E of C4; use basis='rings'",
    ),
    "quotient fields": (
        lambda: kernel_basis(D4.quotient("C2"), D4.trivial, radial=Interpolated((3, 3))),
        "need a regular input or output",
    ),
    "continuous group": (
        lambda: kernel_basis(SO2.trivial, SO2.vector, radial=Interpolated((3, 3))),
        r"basis: .* finite group, got SO\(2\); use a finite subgroup such as C8, or basis='rings'",
    ),
    "dimension": (
        lambda: kernel_basis(OCT.trivial, OCT.regular, radial=Interpolated((3, 3))),
        r"shape: expected 3 sizes for O, got \(3, 3\)",
    ),
    "points": (
        lambda: Interpolated((3, 3)).sample([[0.0, 1.0, 2.0]]),
        r"points: expected shape \(..., 2\) for Interpolated.*, got \(1, 3\)",
    ),
    "order": (lambda: Interpolated((3, 3), 2), r"order: expected 1 \(linear\) or 3 \(cubic\), got 2"),
    "order of truth": (lambda: Interpolated((3, 3), True), "order: .* got True"),
    "mask": (lambda: Interpolated((3, 3), 1, 2.5), "masked: expected True or False, got 2.5"),
    "shape": (lambda: Interpolated((3, 0)), r"grid: expected a tuple of integers >= 1 .* got \(3, 0\)"),
    "max_frequency": (
        lambda: functions_for("interpolated", Grid((3, 3)), 2),
        "max_frequency: splines have no harmonics to cap, got 2; leave it out",
    ),
    "hexagonal grid": (
        lambda: functions_for("interpolated", Grid((3, 3), "hexagonal")),
        "basis: 'interpolated' needs the square lattice, got Grid.*hexagonal.*; use basis='rings'",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_errors(case):
    call, message = CASES[case]
    with pytest.raises(KernelError, match=message):
        call()
