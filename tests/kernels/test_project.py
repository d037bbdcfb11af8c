"""Least squares on the steerable filters: they stay as they are, and nothing nearer to a filter is left out."""

import math

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, KernelError, ShapeError
from steer.kernels import Grid, Rings, functions_for, kernel_basis
from steer.kernels import compile as compile_plan
from steer.testing import assert_equivariant, grid_symmetries
from tests.catalogue import group_id

GROUPS = [
    *(steer.group(name, dim=2) for name in ("C1", "C4", "C8", "D4", "SO(2)", "O(2)")),
    steer.group("O(2)", dim=2).subgroup("D2", axis=math.pi / 4),
    *(steer.group(name, dim=3) for name in ("C4v", "D2d", "O", "SO(3)")),
]
C4, D4, CUBE = steer.group("C4", dim=2), steer.group("D4", dim=2), steer.group("O", dim=3)
TOL = 1e-12
"""Least squares is stable: it loses the condition of the basis, below 100 for those here, times 1e-16 and a few sums of
hundreds of terms. A wrong order of channels or coefficients gives an error of order 1."""


def mixed(group):
    """(in, out): regular, quotient and tensor product fields, irreps, equal fields apart from each other."""
    irreps = group.irreps(None if group.is_finite else 2)
    if not group.is_finite:
        full = group.band_limited(1)
        return [irreps[-1], full, group.vector, irreps[-1]], [
            group.vector,
            group.trivial + irreps[1],
            full,
            group.vector,
        ]
    small = group.subgroups()[-1 if len(group.subgroups()) < 3 else -2]
    quotient = group.quotient(small)
    big = group.regular if group.order <= 12 else group.quotient(group.subgroups()[2])
    product = group.vector.tensor(group.vector)
    return [irreps[-1], big, quotient, product, big, irreps[-1]], [
        big,
        group.vector,
        irreps[-1],
        quotient,
        group.vector,
    ]


def bases(group):
    """Names of bases and kernel sizes that the group has."""
    sizes = (2, 3, 5) if group.dim == 2 else (2, 3)
    found = [*(("rings", size) for size in sizes), ("derivative", 3)]
    exact = group.is_finite and len(grid_symmetries(group)) == group.order
    return found + ([("pixel", size) for size in sizes[: 4 - group.dim]] if exact else [])


def plans(group):
    in_reps, out_reps = mixed(group)
    for basis, size in bases(group):
        grid = Grid((size,) * group.dim)
        yield compile_plan(in_reps, out_reps, grid, radial=functions_for(basis, grid))


def random_weight(plan, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=plan.num_weights) * plan.scales())


def random_filter(plan, seed=1):
    shape = plan.out_size, plan.in_size, *plan.grid.shape
    return np.random.default_rng(seed).normal(size=shape)


def dense_basis(plan):
    """(num_weights, entries): the filters of all unit vectors of coefficients."""
    return torch.stack([plan.expand(unit).ravel() for unit in torch.eye(plan.num_weights, dtype=torch.float64)]).numpy()


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_steerable_filters_and_their_coefficients_are_found_again(group):
    for plan in plans(group):
        weight = random_weight(plan)
        found = plan.project(plan.expand(weight))
        assert found.residual < TOL, plan.grid
        torch.testing.assert_close(found.weight, weight, rtol=0, atol=TOL * float(weight.abs().max()))


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_what_is_left_is_orthogonal_to_every_steerable_filter(group):
    # which says that nothing steerable is nearer, without least squares
    for plan in plans(group):
        dense = random_filter(plan)
        found = plan.project(dense)
        left = torch.from_numpy(dense) - found.filter
        assert math.isclose(found.residual, float(left.norm()) / np.linalg.norm(dense), rel_tol=1e-12)
        weight = torch.zeros(plan.num_weights, dtype=torch.float64, requires_grad=True)
        (products,) = torch.autograd.grad((plan.expand(weight) * left).sum(), weight)
        assert products.abs().max() < TOL * np.linalg.norm(dense)
        assert group.order == 1 or 0.1 < found.residual < 1


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_projection_is_idempotent_linear_and_contracts(group):
    for plan in plans(group):
        first, second = random_filter(plan, 1), random_filter(plan, 2)
        found = plan.project(first)
        again = plan.project(found.filter.numpy())
        assert again.residual < TOL
        assert float(found.filter.norm()) <= np.linalg.norm(first) * (1 + TOL)
        other = plan.project(second)
        both = plan.project(2 * first - second)
        expected = 2 * found.weight - other.weight
        torch.testing.assert_close(both.weight, expected, rtol=0, atol=TOL * float(expected.abs().max()))


@pytest.mark.parametrize("group", [C4, D4, CUBE], ids=group_id)
def test_agrees_with_least_squares_in_the_whole_basis(group):
    # more kernels than the grid tells apart: the coefficients of least norm are the pseudoinverse's
    radial = Rings((0.0, 0.8, 1.0), (0.6, 0.5, 0.5), (0, 3, 4))
    vector = group.vector
    in_reps = [group.quotient(group.subgroups()[1]), vector]
    plan = compile_plan(in_reps, [vector, group.trivial, vector], (3,) * group.dim, radial=radial)
    dense = random_filter(plan)
    whole = dense_basis(plan)
    found = plan.project(dense)
    expected = np.linalg.pinv(whole.T, rcond=1e-10) @ dense.ravel()
    assert np.linalg.matrix_rank(whole, tol=1e-8) < plan.num_weights
    # the smallest singular value that counts is above 1e-4 of the largest
    np.testing.assert_allclose(found.weight, expected, rtol=0, atol=1e-10 * np.abs(expected).max())


def test_the_average_over_the_group_is_the_projection_in_the_pixel_basis():
    # Reynolds' operator: the mean of rho_out(g) F(g^-1 x) rho_in(g)^-1 projects orthogonally on all steerable filters
    for group in (C4, D4, CUBE):
        in_reps, out_reps = mixed(group)
        in_type, out_type = nn.FieldType(group, in_reps), nn.FieldType(group, out_reps)
        dense = np.random.default_rng(0).normal(size=(out_type.size, in_type.size, *(3,) * group.dim))
        mean = torch.zeros(dense.shape, dtype=torch.float64)
        for g in group.elements:
            # rho_out, and space; the input channels stand for a batch
            moved = out_type.transform(torch.from_numpy(dense).swapaxes(0, 1), g).swapaxes(0, 1)
            mean += torch.einsum("oi...,ji->oj...", moved, torch.from_numpy(in_type.representation(g))) / group.order
        found = steer.project(dense, in_type, out_type, basis="pixel")
        torch.testing.assert_close(found.filter, mean, rtol=0, atol=TOL)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_without_symmetry_every_filter_is_steerable_in_a_complete_basis(dim, size):
    trivial = steer.group("C1", dim=dim)
    kind = nn.FieldType(trivial, 2 * [trivial.trivial])
    dense = torch.randn(2, 2, *(size,) * dim)
    found = steer.project(dense, kind, kind, basis="pixel")
    assert found.residual < TOL
    torch.testing.assert_close(found.filter, dense.double(), rtol=0, atol=TOL)
    # rings of three pixels a side have 1 + 5 functions for 9 samples; more of them are complete
    rich = Rings((0.0, 0.9, 1.2), (0.5, 0.5, 0.5), (0, 4, 4))
    assert steer.project(dense, kind, kind, basis=rich).residual < 1e-9
    assert size < 3 or steer.project(dense, kind, kind).residual > 0.1


@pytest.mark.parametrize("group", [C4, CUBE], ids=group_id)
def test_a_larger_space_is_nearer(group):
    # less symmetry, or harmonics of higher degree
    kind = nn.FieldType(group, [group.regular])
    dense = torch.randn(group.order, group.order, *(3,) * group.dim)
    residuals = [steer.project(dense, kind.restrict(h), kind.restrict(h)).residual for h in (group, "C2", "C1")]
    assert residuals == sorted(residuals, reverse=True)
    capped = [steer.project(dense, kind, kind, max_frequency=cap).residual for cap in (0, 1, 2)]
    assert capped == sorted(capped, reverse=True)
    assert min(*np.diff(residuals[::-1]), *np.diff(capped[::-1])) > 1e-3


def test_residual_has_the_angle_between_a_filter_and_the_space():
    # the sum of a steerable filter and one orthogonal to it
    kind = nn.FieldType(D4, [D4.regular, D4.vector])
    random = torch.randn(10, 10, 3, 3, dtype=torch.float64)
    inside = steer.project(random, kind, kind).filter
    outside = random - inside
    for angle in (0.0, 1e-6, 0.3, 1.5):
        made = math.cos(angle) * inside / inside.norm() + math.sin(angle) * outside / outside.norm()
        assert abs(steer.project(made, kind, kind).residual - math.sin(angle)) < TOL


def test_zero_is_steerable():
    kind = nn.FieldType(C4, [C4.regular])
    found = steer.project(torch.zeros(4, 4, 3, 3), kind, kind)
    assert found.residual == 0
    assert not found.weight.any()


def test_an_unreachable_pair_of_fields_has_no_coefficients():
    # one pixel lets through what commutes with the group only
    a, b = C4.irrep("A"), C4.irrep("B")
    kind = nn.FieldType(C4, [a, b])
    assert len(kernel_basis(a, b, radial=functions_for("rings", Grid((1, 1))))) == 0
    found = steer.project([[[[2.0]], [[3.0]]], [[[4.0]], [[5.0]]]], kind, kind)
    torch.testing.assert_close(found.filter[..., 0, 0], torch.tensor([[2.0, 0.0], [0.0, 5.0]], dtype=torch.float64))
    assert math.isclose(found.residual, 5 / math.sqrt(54))


@pytest.mark.parametrize("group", [group for group in GROUPS if group.is_finite and group.order <= 12], ids=group_id)
def test_free_kernels(group):
    # those of splines, between regular fields and others
    for ends in ([[group.vector, group.regular], [group.regular]], [[group.regular], [group.vector, group.regular]]):
        grid = Grid((3,) * group.dim)
        plan = compile_plan(*ends, grid, radial=functions_for("interpolated", grid))
        weight = random_weight(plan)
        found = plan.project(plan.expand(weight))
        assert found.residual < TOL
        torch.testing.assert_close(found.weight, weight, rtol=0, atol=TOL * float(weight.abs().max()))


def test_hexagonal_filters():
    C6 = steer.group("C6", dim=2)
    plan = compile_plan([C6.regular, C6.vector], [C6.vector, C6.regular], Grid((5, 5), "hexagonal"))
    weight = random_weight(plan)
    found = plan.project(plan.expand(weight))
    assert found.residual < TOL
    torch.testing.assert_close(found.weight, weight, rtol=0, atol=TOL)
    corner = np.zeros((8, 8, 5, 5))
    corner[:, :, 0, 0] = 1  # holds no sample
    assert plan.project(corner).residual == 1


# Layers of dense filters


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_layers_take_their_weight_from_the_projection(group):
    kind, target = (nn.FieldType(group, reps) for reps in mixed(group))
    layer = {2: nn.Conv2d, 3: nn.Conv3d}[group.dim]
    dense = torch.randn(target.size, kind.size, *(3,) * group.dim, dtype=torch.float64)
    bias = torch.randn(target.size, dtype=torch.float64)
    for basis in dict(bases(group)):
        conv = layer.from_filter(dense, kind, target, bias=bias, basis=basis, padding=1)
        found = steer.project(dense, kind, target, basis=basis)
        assert torch.equal(conv.weight.data, found.weight)
        assert (conv.padding, conv.weight.dtype) == ((1,) * group.dim, torch.float64)
        torch.testing.assert_close(conv.filter(), found.filter, rtol=0, atol=TOL)
        if len(grid_symmetries(group)) > 1:
            assert_equivariant(conv, shape=(1, *(5,) * group.dim))
        # steerable layers are found again
        twin = layer.from_filter(conv.filter(), kind, target, bias=conv._full_bias(), basis=basis, padding=1)
        torch.testing.assert_close(twin.weight, conv.weight, rtol=0, atol=TOL * float(found.weight.abs().max()))
        torch.testing.assert_close(twin.bias, conv.bias, rtol=0, atol=TOL)


def test_the_bias_is_the_mean_over_the_group():
    kind = nn.FieldType(D4, [D4.regular, D4.vector, D4.trivial, D4.quotient("C2")])
    bias = torch.randn(kind.size, dtype=torch.float64)
    conv = nn.Conv2d.from_filter(torch.randn(kind.size, kind.size, 3, 3, dtype=torch.float64), kind, kind, bias=bias)
    mean = kind.representation(D4.elements).mean(axis=0) @ bias.numpy()
    out = conv(torch.zeros(1, kind.size, 3, 3, dtype=torch.float64))
    np.testing.assert_allclose(out[0, :, 0, 0].detach(), mean, rtol=0, atol=1e-14)
    vectors = nn.FieldType(D4, [D4.vector])
    assert nn.Conv2d.from_filter(torch.randn(2, 2, 3, 3), vectors, vectors, bias=torch.ones(2)).bias is None
    assert nn.Conv2d.from_filter(torch.randn(2, 2, 3, 3), vectors, vectors).bias is None


def test_groups_and_options():
    kind, target = nn.FieldType(C4, 4 * [C4.regular]), nn.FieldType(C4, 2 * [C4.regular])
    conv = nn.Conv2d(kind, target, 4, groups=2, max_frequency=1, dtype=torch.float64)
    found = steer.project(conv.filter(), kind, target, groups=2, max_frequency=1)
    torch.testing.assert_close(found.weight, conv.weight.data, rtol=0, atol=TOL)
    twin = nn.Conv2d.from_filter(conv.filter(), kind, target, groups=2, max_frequency=1, stride=2, dilation=3)
    torch.testing.assert_close(twin.weight, conv.weight, rtol=0, atol=TOL)
    assert (twin.stride, twin.dilation, twin.groups) == ((2, 2), (3, 3), 2)


@pytest.mark.parametrize("groups", [1, 2])
def test_transposed_layers(groups):
    kind, target = nn.FieldType(D4, 2 * [D4.vector]), nn.FieldType(D4, 2 * [D4.regular])
    conv = nn.ConvTranspose2d(kind, target, 3, groups=groups, dtype=torch.float64)
    twin = nn.ConvTranspose2d.from_filter(conv.filter(), kind, target, groups=groups)
    torch.testing.assert_close(twin.weight, conv.weight, rtol=0, atol=TOL)


def test_hexagonal_layers_and_kernels_of_two_sizes():
    C6, C2 = (steer.group(name, dim=2) for name in ("C6", "C2"))
    for layer, group, size in ((nn.HexConv2d, C6, 5), (nn.Conv2d, C2, (3, 5))):
        kind = nn.FieldType(group, [group.regular])
        conv = layer(kind, kind, size, dtype=torch.float64)
        twin = layer.from_filter(conv.filter(), kind, kind)
        torch.testing.assert_close(twin.weight, conv.weight, rtol=0, atol=TOL)


def test_a_torch_layer_becomes_steerable():
    # dtype and device follow tensors, not arrays
    plain = torch.nn.Conv2d(4, 8, 3)
    kind, target = nn.FieldType(C4, [C4.regular]), nn.FieldType(C4, 2 * [C4.regular])
    conv = nn.Conv2d.from_filter(plain.weight, kind, target, bias=plain.bias)
    assert conv.weight.dtype == torch.float32
    assert conv.weight.requires_grad
    found = steer.project(plain.weight, kind, target)
    assert not found.weight.requires_grad
    torch.testing.assert_close(conv.filter().double(), found.filter, rtol=0, atol=1e-6)
    half = nn.Conv2d.from_filter(plain.weight.bfloat16(), kind, target)
    assert half.weight.dtype == torch.bfloat16
    assert (
        nn.Conv2d.from_filter(plain.weight.bfloat16(), kind, target, dtype=torch.float64).weight.dtype == torch.float64
    )
    array = plain.weight.detach().double().numpy()
    assert nn.Conv2d.from_filter(array, kind, target).weight.dtype == torch.float32
    assert torch.equal(steer.project(array, kind, target).weight, found.weight)


def test_integers_will_do():
    kind = nn.FieldType(C4, [C4.trivial])
    assert steer.project([[[[0, 1, 0], [1, 2, 1], [0, 1, 0]]]], kind, kind, basis="pixel").residual < TOL
    assert steer.project(torch.ones(1, 1, 3, 3, dtype=torch.int64), kind, kind, basis="pixel").residual < TOL


# Errors

REGULAR = nn.FieldType(C4, 2 * [C4.regular])
CASES = {
    "rank": (
        torch.zeros(8, 8, 3),
        {},
        ShapeError,
        r"filter: expected \(out, in\) and 2 axes of space, got shape \(8, 8, 3\)",
    ),
    "empty": (
        torch.zeros(8, 8, 0, 3),
        {},
        ShapeError,
        r"filter: expected \(out, in\) and 2 axes of space, got shape \(8, 8, 0",
    ),
    "channels": (torch.zeros(8, 4, 3, 3), {}, ShapeError, r"filter: expected .* \(8, 8, 3, 3\) .*, got \(8, 4, 3, 3\)"),
    "groups": (
        torch.zeros(8, 8, 3, 3),
        {"groups": 2},
        ShapeError,
        r"filter: expected shape \(8, 4, 3, 3\) for these types, got \(8, 8, 3, 3\)",
    ),
    "bad groups": (torch.zeros(8, 8, 3, 3), {"groups": 3}, FieldTypeError, r"groups: 3 does not divide the 2 fields"),
    "complex": (
        torch.zeros(8, 8, 3, 3, dtype=torch.complex64),
        {},
        ShapeError,
        r"filter: expected a tensor or array of real numbers, got torch.complex64",
    ),
    "boolean": (np.zeros((8, 8, 3, 3), bool), {}, ShapeError, r"filter: expected .* of real numbers, got bool"),
    "words": ("filter", {}, ShapeError, r"filter: expected a tensor or array of real numbers, got str"),
    "ragged": ([[1.0], [1.0, 2.0]], {}, ShapeError, r"filter: expected a tensor or array of real numbers, got list"),
    "NaN": (torch.full((8, 8, 3, 3), math.nan), {}, ShapeError, r"filter: expected finite numbers, got NaN"),
    "infinity": (np.full((8, 8, 3, 3), math.inf), {}, ShapeError, r"filter: expected finite numbers, got NaN or infi"),
    "sizes": (torch.zeros(8, 8, 3, 5), {}, KernelError, r"kernel_size: C4 mixes the axes of space"),
    "basis": (torch.zeros(8, 8, 3, 3), {"basis": "ring"}, KernelError, r"basis: did you mean 'rings'"),
    "frequency": (torch.zeros(8, 8, 3, 3), {"max_frequency": 3}, KernelError, r"max_frequency: a 3 x 3 kernel carries"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_does_not_fit_is_refused(case):
    dense, options, error, message = CASES[case]
    with pytest.raises(error, match=message):
        steer.project(dense, REGULAR, REGULAR, **options)
    with pytest.raises(error, match=message):
        nn.Conv2d.from_filter(dense, REGULAR, REGULAR, **options)


def test_types_that_do_not_fit_are_refused():
    dense, other = torch.zeros(8, 8, 3, 3), nn.FieldType(D4, [D4.regular])
    with pytest.raises(FieldTypeError, match=r"in_type: project expects a FieldType, got 8"):
        steer.project(dense, 8, REGULAR)
    with pytest.raises(FieldTypeError, match=r"out_type: Conv2d expects a FieldType, got 8"):
        nn.Conv2d.from_filter(dense, REGULAR, 8)
    with pytest.raises(FieldTypeError, match=r"out_type: project maps between fields of one group, got .*C4.*D4"):
        steer.project(dense, REGULAR, other)
    with pytest.raises(FieldTypeError, match=r"out_type: Conv2d maps between fields of one group"):
        nn.Conv2d.from_filter(dense, REGULAR, other)
    # the kernels of one pixel reach no other irrep, so that all is residual
    found = steer.project([[[[1.0]]]], nn.FieldType(C4, [C4.trivial]), nn.FieldType(C4, [C4.irrep("B")]))
    assert (found.weight.shape, found.residual) == ((0,), 1.0)
    assert not found.filter.any()


@pytest.mark.parametrize(
    ("bias", "message"),
    [
        (torch.zeros(7), r"bias: expected the shape \(8,\), got \(7,\)"),
        (torch.full((8,), math.nan), r"bias: expected finite numbers, got NaN"),
        (True, r"bias: expected a tensor or array of real numbers, got bool"),
    ],
)
def test_a_bias_that_does_not_fit_is_refused(bias, message):
    with pytest.raises(ShapeError, match=message):
        nn.Conv2d.from_filter(torch.zeros(8, 8, 3, 3), REGULAR, REGULAR, bias=bias)
