"""Derivatives are the operators that they are named by, on polynomials and plane waves, and solve the constraint."""

import functools
import itertools
import math

import numpy as np
import pytest
import torch

import steer
from steer.errors import KernelError
from steer.kernels import (
    FiniteDifferences,
    GaussianDerivatives,
    Grid,
    compile,  # noqa: A004 - the public name
    functions_for,
    kernel_basis,
)
from steer.reps import Induced, harmonic_size, solid_harmonics
from steer.testing import assert_kernel_constraint, grid_symmetries
from tests.catalogue import LINE, group_id

C8, D4, D6, SO2, O2 = (steer.group(name, dim=2) for name in ("C8", "D4", "D6", "SO(2)", "O(2)"))
OH, ICO, SO3, O3, DINFH, TH = (steer.group(name, dim=3) for name in ("Oh", "I", "SO(3)", "O(3)", "Dinfh", "Th"))
GROUPS = [C8, D6, SO2, O2, OH, ICO, SO3, O3, DINFH]

TOL = 1e-10
"""Of sums of up to 729 products of samples and monomials below 1e4 in float64: rounding gives up to 1e-12."""

HARMONIC = {
    # harmonic polynomials by hand, orthonormal on the sphere with normalised measure: {powers of x, y, z: coefficient}
    (2, 0): [{(0, 0): 1}],
    (2, 1): [{(1, 0): math.sqrt(2)}, {(0, 1): math.sqrt(2)}],
    (2, 2): [{(2, 0): math.sqrt(2), (0, 2): -math.sqrt(2)}, {(1, 1): 2 * math.sqrt(2)}],
    (2, 3): [
        {(3, 0): math.sqrt(2), (1, 2): -3 * math.sqrt(2)},
        {(2, 1): 3 * math.sqrt(2), (0, 3): -math.sqrt(2)},
    ],
    (2, 4): [
        {(4, 0): math.sqrt(2), (2, 2): -6 * math.sqrt(2), (0, 4): math.sqrt(2)},
        {(3, 1): 4 * math.sqrt(2), (1, 3): -4 * math.sqrt(2)},
    ],
    (3, 0): [{(0, 0, 0): 1}],
    (3, 1): [{tuple(row): math.sqrt(3)} for row in np.eye(3, dtype=int).tolist()],
    (3, 2): [
        {(1, 1, 0): math.sqrt(15)},
        {(0, 1, 1): math.sqrt(15)},
        {(0, 0, 2): math.sqrt(5), (2, 0, 0): -math.sqrt(5) / 2, (0, 2, 0): -math.sqrt(5) / 2},
        {(1, 0, 1): math.sqrt(15)},
        {(2, 0, 0): math.sqrt(15) / 2, (0, 2, 0): -math.sqrt(15) / 2},
    ],
    (3, 3): [
        {(2, 1, 0): 3 * math.sqrt(35 / 8), (0, 3, 0): -math.sqrt(35 / 8)},
        {(1, 1, 1): math.sqrt(105)},
        {(0, 1, 2): 4 * math.sqrt(21 / 8), (2, 1, 0): -math.sqrt(21 / 8), (0, 3, 0): -math.sqrt(21 / 8)},
        {(0, 0, 3): math.sqrt(7), (2, 0, 1): -1.5 * math.sqrt(7), (0, 2, 1): -1.5 * math.sqrt(7)},
        {(1, 0, 2): 4 * math.sqrt(21 / 8), (3, 0, 0): -math.sqrt(21 / 8), (1, 2, 0): -math.sqrt(21 / 8)},
        {(2, 0, 1): math.sqrt(105) / 2, (0, 2, 1): -math.sqrt(105) / 2},
        {(3, 0, 0): math.sqrt(35 / 8), (1, 2, 0): -3 * math.sqrt(35 / 8)},
    ],
}


def times_square(polynomial):
    """|x|^2 times a polynomial."""
    out = {}
    for power, coefficient in polynomial.items():
        for axis in range(len(power)):
            raised = tuple(p + 2 * (i == axis) for i, p in enumerate(power))
            out[raised] = out.get(raised, 0) + coefficient
    return out


def operators(dim, max_order):
    """The polynomials Laplacian^j Y_L in the derivatives in the order of the functions, to order 3 (2D: 4) by hand."""
    for order in range(max_order + 1):
        for degree in range(order % 2, order + 1, 2):
            for polynomial in HARMONIC[dim, degree]:
                for _ in range((order - degree) // 2):
                    polynomial = times_square(polynomial)
                yield polynomial


def monomials(dim, degree):
    """The powers of all monomials up to a total degree."""
    return [power for power in itertools.product(range(degree + 1), repeat=dim) if sum(power) <= degree]


# The functions are the operators --------------------------------------------------------------------------------------

SHAPES = [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (3, 5), (7, 7), (2, 2, 2), (3, 3, 3), (4, 4, 4), (3, 5, 4), (5, 5, 5)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_finite_differences_are_exact_on_polynomials(shape):
    dim = len(shape)
    functions = FiniteDifferences(shape, min(min(shape) - 1, 4 if dim == 2 else 3))
    points, expected = Grid(shape).points, list(operators(dim, functions.max_order))
    stencils = functions.sample(points) / functions.scales(dim)[:, None]
    assert functions.exact_degree == min(shape) - 1
    assert len(stencils) == len(expected) == functions.count(dim) == len(functions.names(dim))
    for power in monomials(dim, functions.exact_degree):
        values = np.prod(points**power, axis=1)
        derivatives = [op.get(power, 0) * math.prod(map(math.factorial, power)) for op in expected]
        np.testing.assert_allclose(stencils @ values, derivatives, atol=TOL)


def powers_of(points, directions, degree):
    """(direction, m): sum of (a . x)^q / q! to a degree, of which an operator p(grad) of lower order at 0 is p(a)."""
    t = directions @ points.T
    return sum(t**q / math.factorial(q) for q in range(degree + 1))


def symbols(functions, a):
    """(count, direction): the polynomials |a|^2j Y_L(a) of the operators, by the solid harmonics."""
    dim, square = a.shape[-1], np.sum(a**2, axis=-1)
    return np.stack(
        [
            square ** ((order - degree) // 2) * solid_harmonics(a, degree)[..., copy]
            for degree, order, copy in functions.names(dim)
        ]
    )


@pytest.mark.parametrize("shape", [*SHAPES, (9, 9), (6, 8)], ids=str)
def test_finite_differences_on_ridges(shape):
    # all orders in space too; here the rounding is that of (a . x)^8
    functions = FiniteDifferences(shape, min(min(shape) - 1, 4))
    directions = np.random.default_rng(0).normal(scale=0.5, size=(20, len(shape)))
    values = powers_of(Grid(shape).points, directions, functions.exact_degree)
    found = functions.sample(Grid(shape).points) @ values.T / functions.scales(len(shape))[:, None]
    np.testing.assert_allclose(found, symbols(functions, directions), atol=TOL)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_finite_differences_have_the_least_norm(shape):
    # the solution of least norm is a combination of the rows of the equations, here by the pseudoinverse
    functions, dim = FiniteDifferences(shape, min(min(shape) - 1, 2)), len(shape)
    points, powers = Grid(shape).points, monomials(dim, functions.exact_degree)
    rows = np.stack([np.prod(points**power, axis=1) for power in powers])
    want = [
        [op.get(p, 0) * math.prod(map(math.factorial, p)) for p in powers] for op in operators(dim, functions.max_order)
    ]
    expected = np.linalg.lstsq(rows, np.transpose(want), rcond=None)[0].T
    found = functions.sample(points) / functions.scales(dim)[:, None]
    np.testing.assert_allclose(found, expected, atol=1e-9)  # the equations lose up to four digits
    for degree, order in {name[:2] for name in functions.names(dim)}:
        block = [i for i, name in enumerate(functions.names(dim)) if name[:2] == (degree, order)]
        norms = np.sum(functions.sample(points)[block] ** 2, axis=1)
        np.testing.assert_allclose(norms.mean(), 1, rtol=1e-12)


def test_harmonic_operators_vanish_on_multiples_of_the_squared_radius():
    for shape in ((5, 5), (5, 5, 5)):
        functions, points = FiniteDifferences(shape, 4), Grid(shape).points
        traceless = [i for i, (degree, order, _) in enumerate(functions.names(len(shape))) if degree == order > 1]
        for power in monomials(len(shape), 2):
            values = np.sum(points**2, axis=1) * np.prod(points**power, axis=1)
            np.testing.assert_allclose(functions.sample(points)[traceless] @ values, 0, atol=TOL)


@pytest.mark.parametrize("dim", [2, 3])
def test_gaussian_derivatives_by_autograd(dim):
    # to order 3, in the plane to order 4; the sign of odd orders is that of a kernel that is correlated
    functions = GaussianDerivatives(4 if dim == 2 else 3, 0.8)
    points = torch.randn(6, dim, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    width = functions.width
    gaussian = torch.exp(-points.square().sum(-1) / (2 * width**2)) / (2 * math.pi * width**2) ** (dim / 2)

    @functools.cache
    def partial(power):
        if not any(power):
            return gaussian
        axis = next(i for i, p in enumerate(power) if p)
        lower = partial(tuple(p - (i == axis) for i, p in enumerate(power)))
        return torch.autograd.grad(lower.sum(), points, create_graph=True)[0][:, axis]

    expected = torch.stack(
        [
            sum((-1) ** sum(power) * coefficient * partial(power) for power, coefficient in operator.items())
            for operator in operators(dim, functions.max_order)
        ]
    )
    found = functions.sample(points.detach().numpy()) / functions.scales(dim)[:, None]
    np.testing.assert_allclose(found, expected.detach().numpy(), atol=1e-12)


@pytest.mark.parametrize(("dim", "width"), [(2, 0.7), (2, 1.3), (3, 1.0)])
def test_gaussian_derivatives_on_plane_waves(dim, width):
    # the trapezium rule converges faster than any power: to rounding, for samples a third of the width apart
    functions, step = GaussianDerivatives(4, width), width / 3
    axis = np.arange(-27 if dim == 2 else -25, 28 if dim == 2 else 26) * step
    points = np.stack(np.meshgrid(*[axis] * dim), axis=-1).reshape(-1, dim)
    samples = functions.sample(points)
    k = np.random.default_rng(0).normal(scale=1 / width, size=(7, dim))
    found = samples @ np.exp(1j * points @ k.T) * step**dim / functions.scales(dim)[:, None]
    orders = np.array([order for _, order, _ in functions.names(dim)])
    smoothed = np.exp(-(width**2) * np.sum(k**2, axis=1) / 2)
    np.testing.assert_allclose(found, 1j ** orders[:, None] * symbols(functions, k) * smoothed, atol=TOL)
    # and their products over space: unit norm, orthogonal unless of one degree and harmonic
    gram = samples @ samples.T * step**dim
    np.testing.assert_allclose(np.diag(gram), 1, atol=TOL)
    names = functions.names(dim)
    apart = [[a[0] != b[0] or a[2] != b[2] for a in names] for b in names]
    np.testing.assert_allclose(gram[np.array(apart)], 0, atol=TOL)


# The kernels made of them ---------------------------------------------------------------------------------------------

SETS = {
    2: (GaussianDerivatives(3, 0.8), FiniteDifferences((4, 4), 3)),
    3: (GaussianDerivatives(2, 0.8), FiniteDifferences((3, 3, 3), 2)),
}


def types(group):
    """Irreps, vectors, and of a finite group regular or quotient and induced fields."""
    found = [*group.irreps(None if group.is_finite else 2)[-3:], group.vector, group.trivial]
    if not group.is_finite:
        return found
    small = next(h for h in group.subgroups()[1:] if group.order <= 12 * h.order)
    return [*found, group.regular if group.order <= 12 else group.quotient(small), small.irreps()[-1].induce(group)]


def pairs(group):
    """Pairs of types with few components."""
    return [(a, b) for a, b in itertools.product(dict.fromkeys(types(group)), repeat=2) if a.size * b.size <= 72]


def forms(in_rep, out_rep):
    """The forms that a basis between two representations has."""
    return ("block", "orbit") if isinstance(in_rep, Induced) or isinstance(out_rep, Induced) else ("block",)


def dimension(in_rep, out_rep, functions):
    """The number of kernels: dim Hom(in (x) D_L, out) summed over the operators, by characters."""
    group = in_rep.group
    nodes, weights = group.haar(in_rep._degree + out_rep._degree + functions.max_order)
    operator = sum(group.harmonic(degree).character(nodes) for _, degree in functions.blocks)
    return round(float(weights @ (operator * in_rep.character(nodes) * out_rep.character(nodes))))


def symbol(basis, shape):
    """The symbols of the operators that kernels on a grid apply, as functions of the gradient (m, d)."""
    kernels = basis.sample(Grid(shape).points)
    return lambda a: np.einsum(
        "noim,am->noia", kernels, powers_of(Grid(shape).points, a, min(shape) - 1), optimize=True
    )


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_kernels_solve_the_constraint_and_are_all(group):
    gaussian, differences = SETS[group.dim]
    elements = np.concatenate([group.generators, group.identity_component, group.sample(2, seed=1)])
    points = np.random.default_rng(0).normal(size=(4, group.dim))
    for in_rep, out_rep in pairs(group):
        expected = dimension(in_rep, out_rep, gaussian)
        for form in forms(in_rep, out_rep):
            basis = kernel_basis(in_rep, out_rep, radial=gaussian, form=form)
            assert len(basis) == expected == len(set(basis.elements)), (in_rep, out_rep, form)
            if not expected:
                continue
            assert_kernel_constraint(basis, elements=elements, points=points)
            # The operators of finite differences solve it for every group, though their samples cannot.
            operator = symbol(kernel_basis(in_rep, out_rep, radial=differences, form=form), differences.shape)
            assert_kernel_constraint(operator, in_rep, out_rep, elements=elements, points=points)


@pytest.mark.parametrize("group", [D4, O2, OH, TH, O3], ids=group_id)
def test_finite_differences_solve_the_constraint_on_the_grid(group):
    differences = SETS[group.dim][1]
    points = Grid(differences.shape).points
    for in_rep, out_rep in pairs(group):
        for form in forms(in_rep, out_rep):
            basis = kernel_basis(in_rep, out_rep, radial=differences, form=form)
            assert_kernel_constraint(basis, elements=grid_symmetries(group)[-4:], points=points)


@pytest.mark.parametrize(("group", "shape"), [(D4, (5, 5)), (D4, (4, 4)), (OH, (3, 3, 3))], ids=str)
def test_turned_stencils_are_those_at_turned_samples_where_there_are_any(group, shape):
    functions, points = FiniteDifferences(shape, min(shape) - 1), Grid(shape).points
    expected = functions.sample(np.einsum("gji,mj->gmi", group.elements, points))
    np.testing.assert_allclose(functions.turned(group, group.elements, points), expected, atol=1e-12)


# Operators of vector analysis -----------------------------------------------------------------------------------------


def applied(in_rep, out_rep, order):
    """(n, out): what each kernel of one order makes, at 0, of a random polynomial field of degree 2, and that field.

    The field is the sum of c (1 + a . x + (a . x)^2 / 2) over pairs of a vector c of the fibre and a of space.
    """
    dim, rng = in_rep.group.dim, np.random.default_rng(0)
    a, c = rng.normal(size=(6, dim)), rng.normal(size=(6, in_rep.size))
    functions = FiniteDifferences((3,) * dim, order)
    basis = kernel_basis(in_rep, out_rep, radial=functions)
    mine = [i for i, element in enumerate(basis.elements) if element.ring == order]
    field = c.T @ powers_of(Grid(functions.shape).points, a, 2)
    return np.einsum("noim,im->no", basis.sample(Grid(functions.shape).points)[mine], field), a, c


def assert_spans(found, *expected):
    """The results of the kernels and of the expected operators on one field are multiples, one of each."""
    assert len(found) == len(expected)
    for vector in expected:
        coefficients = np.linalg.lstsq(found.T, vector, rcond=None)[0]
        np.testing.assert_allclose(coefficients @ found, vector, atol=TOL)


@pytest.mark.parametrize("group", [O2, SO3, O3, OH], ids=group_id)
def test_from_scalars_to_vectors_it_is_the_gradient(group):
    found, a, c = applied(group.trivial, group.vector, 1)
    assert_spans(found, a.T @ c[:, 0])
    assert not len(applied(group.trivial, group.vector, 2)[0])
    assert found[0] @ (a.T @ c[:, 0]) > 0  # and not minus the gradient: layers correlate


@pytest.mark.parametrize("group", [O2, SO3, O3, OH], ids=group_id)
def test_from_vectors_to_scalars_it_is_the_divergence(group):
    found, a, c = applied(group.vector, group.trivial, 1)
    assert_spans(found, [np.sum(a * c)])


def test_from_vectors_to_vectors_it_is_the_curl():
    found, a, c = applied(SO3.vector, SO3.vector, 1)
    curl = np.cross(a, c).sum(axis=0)
    assert_spans(found, curl)
    assert not len(applied(O3.vector, O3.vector, 1)[0])
    assert_spans(applied(O3.vector, O3.irrep("1e"), 1)[0], curl)


def test_in_the_plane_rotations_keep_the_curl_and_the_turned_gradient():
    found, a, c = applied(SO2.vector, SO2.trivial, 1)
    for expected in (np.sum(a * c), np.sum(a[:, 0] * c[:, 1] - a[:, 1] * c[:, 0])):
        np.testing.assert_allclose(found.T @ np.linalg.lstsq(found.T, [expected], rcond=None)[0], expected)
    assert len(found) == 2
    found, a, c = applied(SO2.trivial, SO2.vector, 1)
    gradient = a.T @ c[:, 0]
    assert_spans(found, gradient, [-gradient[1], gradient[0]])


@pytest.mark.parametrize("group", [SO3, O3], ids=group_id)
def test_second_order_on_vectors_is_the_laplacian_and_the_gradient_of_the_divergence(group):
    found, a, c = applied(group.vector, group.vector, 2)
    laplacian, hessian = np.sum(a**2, axis=1) @ c, a.T @ np.sum(a * c, axis=1)
    assert_spans(found, laplacian, hessian)


# Values and errors ----------------------------------------------------------------------------------------------------


def test_the_name_is_of_finite_differences_as_far_as_the_kernel_carries():
    for size, order in ((1, 0), (2, 1), (3, 2), (5, 4), (9, 4)):
        assert functions_for("derivative", Grid((size, size))) == FiniteDifferences((size, size), order)
        assert GaussianDerivatives.for_kernel((size, size)).max_order == order
    assert functions_for("derivative", Grid((5, 5, 5)), 1) == FiniteDifferences((5, 5, 5), 1)
    assert FiniteDifferences([3, 5], np.int64(2)) == FiniteDifferences((3, 5), 2)
    for functions in (FiniteDifferences((3, 5), 2), GaussianDerivatives(2, 1)):
        assert eval(repr(functions)) == functions
        assert functions.max_frequency == 2
        orders = [order for _, order, _ in functions.names(2)]
        assert orders == sorted(orders)
        assert orders.count(2) == harmonic_size(2, 2) + 1


CASES = {
    "small kernel": (
        lambda: FiniteDifferences((5, 3), 3),
        "max_order: derivatives of order 3 need a kernel of size 4 or more on every axis, got 5 x 3",
    ),
    "order": (lambda: FiniteDifferences((5, 5), -1), "max_order: expected an integer >= 0, got -1"),
    "fractional order": (lambda: GaussianDerivatives(1.5, 1.0), "max_order: expected an integer >= 0, got 1.5"),
    "width": (lambda: GaussianDerivatives(2, 0.0), "width: expected a finite number > 0, got 0.0"),
    "infinite width": (lambda: GaussianDerivatives(2, math.inf), "width: expected a finite number > 0, got inf"),
    "shape": (lambda: FiniteDifferences((5,), 1), r"shape: expected 2 or 3 sizes \(\[z,\] y, x\), got \(5,\)"),
    "frequency": (
        lambda: functions_for("derivative", Grid((3, 3)), 3),
        "max_frequency: a 3 x 3 kernel carries derivatives of order 0 to 2, got 3; use kernel_size=4 or more",
    ),
    "high frequency": (
        lambda: GaussianDerivatives.for_kernel((9, 9), 5),
        "max_frequency: a 9 x 9 kernel carries derivatives of order 0 to 4, got 5$",
    ),
    "hexagonal grid": (
        lambda: functions_for("derivative", Grid((3, 3), "hexagonal")),
        "basis: 'derivative' needs the square lattice, got Grid.*hexagonal.*; use basis='rings'",
    ),
    "points": (
        lambda: FiniteDifferences((3, 3), 2).sample([[0.5, 0.0]]),
        "points: finite differences are defined on the samples of a 3 x 3 kernel only, .* use GaussianDerivatives",
    ),
    "another kernel size": (
        lambda: compile([C8.regular], [C8.regular], (5, 5), radial=FiniteDifferences((3, 3), 2)),
        "points: finite differences are defined on the samples of a 3 x 3 kernel only",
    ),
    "dimension": (
        lambda: kernel_basis(C8.trivial, C8.vector, radial=FiniteDifferences((3, 3, 3), 2)),
        r"shape: expected 2 sizes for C8, got \(3, 3, 3\)",
    ),
    "line": (
        lambda: kernel_basis(LINE.trivial, LINE.trivial, radial=GaussianDerivatives(0, 1.0)),
        "basis: derivatives need a plane or a space, got .*; use basis='rings'",
    ),
    "no kernel": (
        lambda: compile([O2.trivial], [O2.irrep("3")], (3, 3), radial=FiniteDifferences((3, 3), 2), unreached="error"),
        "no steerable 3 x 3 kernel of derivatives up to order 2 from the input to it; use a larger kernel_size",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_errors(case):
    call, message = CASES[case]
    with pytest.raises(KernelError, match=message):
        call()
