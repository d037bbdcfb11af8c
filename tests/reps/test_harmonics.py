"""Circular and spherical harmonics: closed forms, orthonormality, equivariance, derivatives."""

import math
import subprocess
import sys

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from numpy.polynomial import legendre

from steer.errors import RepresentationError, ShapeError
from steer.reps import harmonic_size, harmonics
from steer.reps.special._harmonics import harmonic_orders, solid_harmonics
from tests.catalogue import IN_PLANE, O2, TOL, elements, group_id

DEGREES = range(13)
ANGLES = np.linspace(-3, 3, 17)
POINTS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=-1) * np.linspace(0.1, 5, 17)[:, None]


@pytest.mark.parametrize("degree", DEGREES)
def test_closed_form(degree):
    wave = np.stack([np.cos(degree * ANGLES), np.sin(degree * ANGLES)], axis=-1) * np.sqrt(2)
    expected = wave if degree else np.ones((17, 1))
    np.testing.assert_allclose(harmonics(POINTS, degree), expected, atol=TOL)
    assert harmonics(POINTS, degree).shape == (17, harmonic_size(2, degree))


@pytest.mark.parametrize("group", IN_PLANE, ids=group_id)
@pytest.mark.parametrize("degree", DEGREES)
def test_equivariance(group, degree):
    # Y(g x) = D(g) Y(x)
    g = elements(group)
    moved = harmonics(POINTS @ g.transpose(0, 2, 1), degree)
    expected = harmonics(POINTS, degree) @ group.harmonic(degree)(g).transpose(0, 2, 1)
    np.testing.assert_allclose(moved, expected, atol=TOL)


def test_orthonormal_on_the_circle():
    # 32 equidistant points integrate products of degrees up to 12 + 12 exactly
    angle = 2 * np.pi * np.arange(32) / 32
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    values = np.concatenate([harmonics(circle, degree) for degree in DEGREES], axis=1)
    np.testing.assert_allclose(values.T @ values / 32, np.eye(25), atol=TOL)


def test_degree_one_is_the_vector_itself():
    direction = POINTS / np.linalg.norm(POINTS, axis=-1, keepdims=True)
    np.testing.assert_allclose(harmonics(POINTS, 1), np.sqrt(2) * direction, atol=TOL)
    for group in IN_PLANE:
        g = elements(group)
        np.testing.assert_allclose(group.harmonic(1)(g), group.vector(g), atol=TOL)


def test_addition_theorem():
    # sum over one degree of Y(x) Y(y) is 2 cos m(s - t)
    for degree in range(1, 13):
        found = harmonics(POINTS, degree) @ harmonics(POINTS, degree).T
        np.testing.assert_allclose(found, 2 * np.cos(degree * (ANGLES[:, None] - ANGLES)), atol=TOL)


def test_only_the_direction_counts():
    for degree in DEGREES:
        np.testing.assert_allclose(harmonics(3 * POINTS, degree), harmonics(POINTS, degree), atol=TOL)


def test_origin_has_no_direction():
    np.testing.assert_array_equal(harmonics([0.0, 0.0], 0), [1.0])
    for degree in DEGREES[1:]:
        np.testing.assert_array_equal(harmonics([[0.0, 0.0]], degree), [[0.0, 0.0]])


@pytest.mark.parametrize("group", IN_PLANE, ids=group_id)
def test_harmonic_is_the_irrep_of_the_orthogonal_group(group):
    for degree in DEGREES:
        expected = O2.irrep(str(degree) if degree else "0+")
        assert group.harmonic(degree) == expected.restrict(group)


def test_size_in_space():
    assert [harmonic_size(3, degree) for degree in range(4)] == [1, 3, 5, 7]


# In space ---------------------------------------------------------------------------------------------------------

HIGH = [*DEGREES, 20, 30]
AXES = np.concatenate([np.eye(3), -np.eye(3)])
SPACE = np.concatenate([np.random.default_rng(0).normal(size=(60, 3)), AXES, [[1e-9, -1e-9, 3], [1e-3, 0, -2]]])
SPACE.setflags(write=False)


def rounding(degree):
    """A bound on the rounding errors of harmonics at unit vectors, of which the largest are near the poles.

    There the slope in z at fixed r of the zonal harmonic is sqrt(2l+1) l(l+1)/2, and z and r are rounded separately.
    """
    return np.finfo(float).eps * (degree + 1) ** 2 * math.sqrt(2 * degree + 1)


def sphere(degree):
    """Points (n, 3) and weights (n,) that integrate polynomials up to a degree over the sphere, total weight 1."""
    nodes, weights = legendre.leggauss(degree // 2 + 1)
    angle = 2 * np.pi * np.arange(degree + 1) / (degree + 1)
    t, phi = (x.ravel() for x in np.meshgrid(nodes, angle, indexing="ij"))
    s = np.sqrt(1 - t**2)
    return np.stack([s * np.cos(phi), s * np.sin(phi), t], -1), np.repeat(weights / 2, len(angle)) / len(angle)


def circle(degree):
    """Points (n, 2) and weights (n,) that integrate polynomials up to a degree over the circle, total weight 1."""
    angle = 2 * np.pi * np.arange(degree + 1) / (degree + 1)
    return np.stack([np.cos(angle), np.sin(angle)], -1), np.full(len(angle), 1 / len(angle))


def definition(points, degree, m):
    """c P_l^|m|(cos t) times sin |m|p or cos m p, from the derivatives of the Legendre polynomial and the angles."""
    x, y, z = np.moveaxis(points / np.linalg.norm(points, axis=-1, keepdims=True), -1, 0)
    order = abs(m)
    norm = (2 if m else 1) * (2 * degree + 1) * math.factorial(degree - order) / math.factorial(degree + order)
    derivative = legendre.legval(z, legendre.legder([0] * degree + [1], order))
    phi = np.arctan2(y, x)
    wave = np.sin(order * phi) if m < 0 else np.cos(order * phi)
    return math.sqrt(norm) * np.hypot(x, y) ** order * derivative * wave


def test_cartesian_forms_in_space():
    x, y, z = SPACE.T
    r2 = x * x + y * y + z * z
    forms = [
        [1 + 0 * x],
        [math.sqrt(3) * x, math.sqrt(3) * y, math.sqrt(3) * z],
        [
            math.sqrt(15) * x * y,
            math.sqrt(15) * y * z,
            math.sqrt(5 / 4) * (3 * z * z - r2),
            math.sqrt(15) * x * z,
            math.sqrt(15 / 4) * (x * x - y * y),
        ],
        [
            math.sqrt(35 / 8) * y * (3 * x * x - y * y),
            math.sqrt(105) * x * y * z,
            math.sqrt(21 / 8) * y * (5 * z * z - r2),
            math.sqrt(7 / 4) * z * (5 * z * z - 3 * r2),
            math.sqrt(21 / 8) * x * (5 * z * z - r2),
            math.sqrt(105 / 4) * z * (x * x - y * y),
            math.sqrt(35 / 8) * x * (x * x - 3 * y * y),
        ],
    ]
    for degree, form in enumerate(forms):
        np.testing.assert_allclose(solid_harmonics(SPACE, degree), np.stack(form, -1), rtol=TOL, atol=TOL)
        expected = np.stack(form, -1) / r2[:, None] ** (degree / 2)
        np.testing.assert_allclose(harmonics(SPACE, degree), expected, atol=TOL)


@pytest.mark.parametrize("degree", DEGREES)
def test_definition_in_space(degree):
    orders = (1, -1, 0) if degree == 1 else range(-degree, degree + 1)
    expected = np.stack([definition(SPACE, degree, m) for m in orders], -1)
    np.testing.assert_allclose(harmonics(SPACE, degree), expected, atol=TOL)


def test_orthonormal_on_the_sphere():
    points, weights = sphere(60)
    values = np.concatenate([harmonics(points, degree) for degree in range(31)], axis=1)
    np.testing.assert_allclose(values.T * weights @ values, np.eye(31**2), atol=TOL)


@pytest.mark.parametrize("degree", HIGH)
def test_addition_theorem_in_space(degree):
    # sum over one degree of Y(x) Y(y) is (2l + 1) P_l(cos of the angle between x and y)
    unit = SPACE / np.linalg.norm(SPACE, axis=-1, keepdims=True)
    expected = (2 * degree + 1) * legendre.legval(unit @ unit.T, [0] * degree + [1])
    size = math.sqrt(2 * degree + 1)  # of each of the two vectors that are multiplied
    np.testing.assert_allclose(
        harmonics(SPACE, degree) @ harmonics(SPACE, degree).T, expected, atol=4 * size * rounding(degree)
    )


@pytest.mark.parametrize("degree", HIGH)
@pytest.mark.parametrize("points", [POINTS, SPACE], ids=["plane", "space"])
def test_solid_harmonics_are_harmonics_times_a_power_of_the_radius(points, degree):
    radius = np.linalg.norm(points, axis=-1, keepdims=True)
    expected = harmonics(points, degree) * radius**degree
    error = np.abs(solid_harmonics(points, degree) - expected) / radius**degree
    assert np.max(error) < 2 * rounding(degree)
    doubled = solid_harmonics(2 * points, degree)
    np.testing.assert_array_equal(doubled, 2.0**degree * solid_harmonics(points, degree), "powers of two are exact")


@pytest.mark.parametrize("degree", HIGH)
@pytest.mark.parametrize("rule", [circle, sphere])
def test_solid_harmonics_are_harmonic(rule, degree):
    # a polynomial is harmonic when its mean over every sphere is its value at the centre
    points, weights = rule(degree)
    centre = np.full(points.shape[-1], 0.25)
    for radius in (0.1, 0.5):
        mean = weights @ solid_harmonics(centre + radius * points, degree)
        np.testing.assert_allclose(mean, solid_harmonics(centre, degree), atol=TOL)


@pytest.mark.parametrize("degree", HIGH)
@pytest.mark.parametrize("points", [POINTS, SPACE], ids=["plane", "space"])
def test_parity(points, degree):
    for function in (harmonics, solid_harmonics):
        np.testing.assert_array_equal(function(-points, degree), (-1) ** degree * function(points, degree))


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=3), st.floats(1e-280, 1e280), st.integers(0, 12))
def test_length_does_not_count_however_small_or_large(direction, length, degree):
    point = np.array(direction)
    if np.max(np.abs(point)) > 1e-20:
        np.testing.assert_allclose(harmonics(length * point, degree), harmonics(point, degree), atol=TOL)


@given(st.integers(0, 7), st.floats(1e-3, 1e3), st.lists(st.floats(-1e3, 1e3), max_size=1), st.integers(1, 30))
def test_zeros_on_the_axes_and_diagonals_are_exact(eighth, length, z, degree):
    # at an angle of k pi/4 the sine of order m vanishes when m k is 0 modulo 4, and the cosine when it is 2
    x, y = [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)][eighth]
    point = [length * x, length * y, *z]
    orders = harmonic_orders(degree) if z else (degree, -degree)
    zero = [m * eighth % 4 == (0 if m < 0 else 2) for m in orders]
    for function in (harmonics, solid_harmonics):
        np.testing.assert_array_equal(function(point, degree)[zero], 0)


def test_origin_in_space_has_no_direction():
    np.testing.assert_array_equal(harmonics(np.zeros((2, 3)), 0), np.ones((2, 1)))
    for degree in HIGH[1:]:
        for function in (harmonics, solid_harmonics):
            np.testing.assert_array_equal(function(np.zeros(3), degree), np.zeros(2 * degree + 1))


@pytest.mark.parametrize("dim", [2, 3])
def test_shapes(dim):
    for degree in DEGREES:
        for shape in ((), (0,), (4, 1, 2)):
            for function in (harmonics, solid_harmonics):
                found = function(np.ones((*shape, dim)), degree)
                assert found.shape == (*shape, harmonic_size(dim, degree))
                assert found.dtype == np.float64
    assert harmonics(np.ones(dim, dtype=np.float32), 1).dtype == np.float64


# Tensors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [harmonics, solid_harmonics])
@pytest.mark.parametrize("points", [POINTS, SPACE], ids=["plane", "space"])
@pytest.mark.parametrize("degree", [0, 1, 2, 5, 12])
def test_tensors_give_the_same_values(function, points, degree):
    expected = function(points, degree)
    found = function(torch.tensor(points), degree)
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found.numpy(), expected, rtol=TOL, atol=TOL)
    single = function(torch.tensor(points, dtype=torch.float32), degree)
    assert single.dtype == torch.float32
    large = np.max(np.abs(expected), axis=-1, keepdims=True)
    assert np.max(np.abs(single.numpy() - expected) / large) < 1e-4, "24 bits, of which a power loses some"


@pytest.mark.parametrize("function", [harmonics, solid_harmonics])
@pytest.mark.parametrize("degree", [0, 1, 2, 3, 5])
def test_gradients(function, degree):
    for points in (POINTS[:3], SPACE[:3], AXES):
        at = torch.tensor(points, requires_grad=True)
        assert torch.autograd.gradcheck(lambda x: function(x, degree), at)
        assert torch.autograd.gradgradcheck(lambda x: function(x, degree), at)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("degree", [0, 1, 2, 3, 12])
def test_gradients_at_the_origin(dim, degree):
    origin = torch.zeros(2, dim, dtype=torch.float64)
    angular, solid = (
        torch.autograd.functional.jacobian(lambda x, f=f: f(x, degree).sum(0), origin)
        for f in (harmonics, solid_harmonics)
    )
    assert torch.equal(angular, torch.zeros_like(angular))
    # degree 1 is linear; the others start with a constant or a square
    expected = torch.eye(dim, dtype=torch.float64) * math.sqrt(dim) if degree == 1 else 0 * solid[:, 0]
    torch.testing.assert_close(solid, torch.stack([expected, expected], 1), rtol=TOL, atol=TOL)


def test_arrays_do_not_load_torch():
    check = "import sys\nfrom steer.reps import harmonics\nharmonics([1, 2, 3], 4)\nsys.exit('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("function", [harmonics, solid_harmonics])
def test_errors(function):
    for points in (np.zeros((5, 4)), np.zeros((2, 0)), 1.0, torch.zeros(3, 4), torch.tensor(1.0)):
        shape = str(tuple(np.shape(points))).replace("(", r"\(").replace(")", r"\)")
        with pytest.raises(ShapeError, match=rf"points: expected shape \(..., 1\), \(..., 2\) or .*, got {shape}"):
            function(points, 1)
    with pytest.raises(ShapeError, match=r"points: expected a tensor of a floating-point dtype, got torch\.int64"):
        function(torch.ones(3, dtype=torch.int64), 1)
    for degree in (-1, 0.5, "2", None):
        with pytest.raises(RepresentationError, match="degree: expected an integer >= 0, got"):
            function(np.zeros(3), degree)


def near_poles(dim):
    """Directions everywhere, and ever nearer to the poles."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, dim))
    x[:100, :-1] *= 10.0 ** rng.uniform(-20, 0, size=(100, 1))
    x[100:110] = np.eye(dim)[-1]
    x[110:120] = -3 * np.eye(dim)[-1]
    return x


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("degree", [1, 2, 3, 4, 8, 15, 30])
@pytest.mark.parametrize("dim", [2, 3])
def test_values_of_every_dtype_are_rounded_once(dim, degree, dtype):
    x = torch.tensor(near_poles(dim)).to(dtype)
    exact, x = harmonics(x.double(), degree), x.requires_grad_()
    found = harmonics(x, degree)
    assert found.dtype == dtype
    size, step = harmonic_size(dim, degree), torch.finfo(dtype).eps
    # single precision below degree 4 is computed as such, all else is rounded from what is wider
    slack = (4 * degree**2 if dtype == torch.float64 or (dtype == torch.float32 and degree < 4) else 1) * step
    assert ((found.double() - exact).abs() <= slack * math.sqrt(size)).all()
    # the sum of squares of all harmonics of a degree is their number, whatever the direction
    assert ((found.double() ** 2).sum(1) / size - 1).abs().max() < 2 * slack
    (slope,) = torch.autograd.grad(found.double().sum(), x)
    assert not slope.isnan().any()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_solid_harmonics_of_half_precision_are_rounded_once(dtype):
    x = torch.tensor(near_poles(3)).to(dtype)
    x = (x / 2).clamp(-1, 1)
    for degree in (2, 8, 12):
        exact = solid_harmonics(x.double(), degree)
        torch.testing.assert_close(
            solid_harmonics(x, degree), exact.to(dtype), rtol=torch.finfo(dtype).eps, atol=torch.finfo(dtype).tiny
        )


# Several degrees ---------------------------------------------------------------------------------------------------

SCALES = {"component": lambda size, dim: 1, "norm": lambda size, dim: math.sqrt(size)}
SCALES["integral"] = lambda size, dim: math.sqrt(2 * math.pi if dim == 2 else 4 * math.pi)


@pytest.mark.parametrize("normalization", SCALES)
@pytest.mark.parametrize("degrees", [range(5), [3], (4, 0, 2, 2)])
@pytest.mark.parametrize("function", [harmonics, solid_harmonics])
@pytest.mark.parametrize("points", [POINTS, SPACE], ids=["plane", "space"])
def test_several_degrees_follow_each_other(points, function, degrees, normalization):
    dim = points.shape[-1]
    expected = [function(points, one) / SCALES[normalization](harmonic_size(dim, one), dim) for one in degrees]
    found = function(points, degrees, normalization=normalization)
    np.testing.assert_allclose(found, np.concatenate(expected, -1), rtol=TOL, atol=TOL)
    tensor = function(torch.tensor(points), degrees, normalization=normalization)
    np.testing.assert_allclose(tensor.numpy(), found, rtol=TOL, atol=TOL)


@pytest.mark.parametrize("dim", [2, 3])
def test_normalisation_to_the_integral_of_the_circle_and_the_sphere(dim):
    points, weights = circle(20) if dim == 2 else sphere(20)
    area = 2 * np.pi if dim == 2 else 4 * np.pi
    values = harmonics(points, range(8), normalization="integral")
    np.testing.assert_allclose(values.T * (area * weights) @ values, np.eye(values.shape[1]), atol=TOL)


def test_many_points_are_taken_some_at_a_time():
    points = np.random.default_rng(0).normal(size=(3, 12000, 3))
    whole = harmonics(points, range(3))
    single = np.stack([harmonics(some, range(3)) for some in points])
    np.testing.assert_array_equal(whole, single)
    x = torch.tensor(points, requires_grad=True)
    (slope,) = torch.autograd.grad(harmonics(x, range(3)).sum(), x)
    (part,) = torch.autograd.grad(harmonics(x[1], range(3)).sum(), x)
    assert torch.equal(slope[1], part[1])


@pytest.mark.parametrize("degrees", [[], {1, 2}, {1: 2}, [1, -1], [0.5]])
def test_lists_of_degrees_that_are_refused(degrees):
    with pytest.raises(RepresentationError, match="degree: expected an integer >= 0"):
        harmonics(np.ones(3), degrees)


def test_unknown_normalisation():
    with pytest.raises(RepresentationError, match="normalization: expected one of 'component', 'norm', 'integral'"):
        harmonics(np.ones(3), 1, normalization="orthonormal")
