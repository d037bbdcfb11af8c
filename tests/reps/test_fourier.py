"""Fourier transforms on groups and cosets: orthonormal, invertible, equivariant, and the classical ones."""

import copy
import itertools
import math
import pickle

import numpy as np
import pytest

import steer
from steer.errors import GroupError, RepresentationError, ShapeError
from steer.reps import decompose, direct_product, harmonics
from steer.reps.analysis._fourier import FourierTransform, fourier
from steer.reps.analysis._quadrature import quadrature
from tests.catalogue import O2, O3, SO2, SO3, TOL, elements, pair_id

SPHERE = SO3.subgroup("Cinf")
AXIAL = [steer.group(name, dim=3) for name in ("Cinf", "Cinfv", "Cinfh", "Dinf", "Dinfh")]
FINITE = [
    *(steer.group(name, dim=2) for name in ("C1", "C5", "C8", "D3", "D4")),
    *(steer.group(name, dim=3) for name in ("C3h", "S8", "D6d", "T", "Th", "O", "Ih")),
]
SOME = {
    **{"C5": "C5", "C8": "C2", "D3": "D1", "D4": "C2 C4 D4", "C3h": "Cs", "S8": "C2", "D6d": "Cs C3 D2 C6 S12"},
    **{"T": "C2 T", "Th": "Cs C3 D2 T", "O": "C2 D2 D3 O", "Ih": "Cs C3 D2 S6 C5v D3d Th"},
}
"""Subgroups of each, by name."""

INFINITE = [
    *((group, group.trivial_subgroup) for group in (SO2, O2, *AXIAL, SO3, O3)),
    *((SO3, SO3.subgroup(name)) for name in ("Cinf", "Dinf", "C2", "D3", "T", "O")),
    *((O3, O3.subgroup(name)) for name in ("Cinf", "Cinfv", "Cinfh", "Dinfh", "Cs", "S4", "D3d", "Oh")),
    (SO3, SO3.subgroup("Cinf", axis=(1, 2, 3))),
    (O3, O3.subgroup("C3v", axis=(1, 1, 1))),
    (SO2, SO2.subgroup("C3")),
    (O2, O2.subgroup("D1", axis=0.3)),
    (O2, O2.subgroup("C2")),
    *((group, group.subgroup("C2")) for group in AXIAL),
    (AXIAL[4], AXIAL[4].subgroup("Cs")),
]
FINITE_INDEX = [
    *((group, group.trivial_subgroup) for group in FINITE if group.order <= 48),
    *((group, group.subgroup(name)) for group in FINITE for name in SOME.get(group.name, "").split()),
    (O2, SO2),
    (O3, SO3),
    (AXIAL[4], AXIAL[0]),
]
PAIRS = INFINITE + FINITE_INDEX


def transform(pair):
    """The transform up to a frequency that gives a few dozen coefficients; of a finite quotient, up to all."""
    group, small = pair
    if pair in FINITE_INDEX:
        return fourier(group, subgroup=small)
    band = 4 if small != group.trivial_subgroup or group not in (SO3, O3) else 2
    return fourier(group, band, subgroup=small)


def coefficients(found, seed=0):
    """(3, size): random coefficients."""
    return np.random.default_rng(seed).normal(size=(3, found.rep.size))


@pytest.mark.parametrize("pair", PAIRS, ids=pair_id)
def test_forward_is_the_inverse_of_inverse(pair):
    found = transform(pair)
    c = coefficients(found)
    values = found.inverse(c)
    assert values.shape == (3, len(found.grid))
    np.testing.assert_allclose(found.forward(values), c, atol=TOL)
    np.testing.assert_allclose(found.analysis_matrix @ found.sample_matrix, np.eye(found.rep.size), atol=TOL)
    np.testing.assert_allclose(found.inverse(c[0]), values[0], atol=TOL)


@pytest.mark.parametrize("pair", PAIRS, ids=pair_id)
def test_parseval(pair):
    found = transform(pair)
    c = coefficients(found)
    power = found.inverse(c) ** 2 @ found.grid.weights
    np.testing.assert_allclose(power, np.sum(c**2, axis=1), rtol=TOL)


@pytest.mark.parametrize("pair", PAIRS, ids=pair_id)
def test_the_basis_is_orthonormal_on_the_group(pair):
    # at the nodes of the group's own quadrature, finer than need be
    found = transform(pair)
    nodes, weights = pair[0].haar(2 * max(psi.frequency for psi in found.rep.irreps) + 1)
    basis = found.basis(nodes)
    np.testing.assert_allclose((weights[:, None] * basis).T @ basis, np.eye(found.rep.size), atol=TOL)


@pytest.mark.parametrize("pair", PAIRS, ids=pair_id)
def test_functions_are_invariant_under_the_subgroup_from_the_right(pair):
    found = transform(pair)
    g, h = elements(pair[0], 4)[:20], elements(pair[1], 5)[:20]
    np.testing.assert_allclose(found.basis(g[:, None] @ h), np.repeat(found.basis(g)[:, None], len(h), 1), atol=TOL)


@pytest.mark.parametrize("pair", PAIRS, ids=pair_id)
def test_the_group_acts_on_functions_through_the_representation(pair):
    # (g f)(h) = f(g^-1 h)
    found = transform(pair)
    c = coefficients(found)
    g, h = pair[0].sample(4, seed=1), pair[0].sample(5, seed=2)
    moved = np.einsum("...hs,bs->...hb", found.basis(np.swapaxes(g, 1, 2)[:, None] @ h), c)
    np.testing.assert_allclose(moved, np.einsum("hs,gst,bt->ghb", found.basis(h), found.rep(g), c), atol=2 * TOL)


@pytest.mark.parametrize("pair", FINITE_INDEX, ids=pair_id)
def test_on_finitely_many_cosets_nothing_is_lost(pair):
    found = transform(pair)
    assert found.sample_matrix.shape == (len(found.grid), len(found.grid))
    values = np.random.default_rng(0).normal(size=(2, len(found.grid)))
    np.testing.assert_allclose(found.inverse(found.forward(values)), values, atol=TOL)


def test_the_value_at_the_identity_is_a_sum_of_traces():
    found = fourier(SO3, 2)
    c = coefficients(found)
    starts = np.cumsum([0, 1, 9, 25])
    matrices = [c[:, i:j].reshape(3, math.isqrt(j - i), -1) for i, j in itertools.pairwise(starts)]
    expected = sum(math.sqrt(len(m[0])) * np.trace(m, axis1=1, axis2=2) for m in matrices)
    np.testing.assert_allclose(c @ found.basis(np.eye(3)), expected, atol=TOL)


@pytest.mark.parametrize("grid", ["product", "lebedev"])
def test_on_the_sphere_the_basis_is_the_spherical_harmonics(grid):
    found = fourier(SO3, 5, subgroup="Cinf", grid=quadrature(SO3, 10, subgroup="Cinf", kind=grid))
    points = found.grid.elements[:, :, 2]
    expected = np.concatenate([harmonics(points, degree) for degree in range(6)], axis=1)
    np.testing.assert_allclose(found.sample_matrix, expected, atol=TOL)
    reflected = fourier(O3, 5, subgroup="Cinfv")
    points = reflected.grid.elements[:, :, 2]
    expected = np.concatenate([harmonics(points, degree) for degree in range(6)], axis=1)
    np.testing.assert_allclose(reflected.sample_matrix, expected, atol=TOL)


def test_on_the_projective_plane_the_basis_is_the_even_harmonics():
    found = fourier(SO3, 5, subgroup="Dinf")
    points = found.grid.elements[:, :, 2]
    expected = np.concatenate([harmonics(points, degree) for degree in (0, 2, 4)], axis=1)
    np.testing.assert_allclose(found.sample_matrix, expected, atol=TOL)


@pytest.mark.parametrize("pair", [(SO2, SO2.trivial_subgroup), (O2, O2.subgroup("D1"))], ids=pair_id)
def test_on_the_circle_the_basis_is_cosines_and_sines(pair):
    found = fourier(pair[0], 4, subgroup=pair[1])
    angle = 2 * np.pi * np.arange(9) / 9
    waves = [np.ones(9)]
    for m in range(1, 5):
        waves += [np.sqrt(2) * np.cos(m * angle), np.sqrt(2) * np.sin(m * angle)]
    np.testing.assert_allclose(found.sample_matrix, np.stack(waves, axis=1), atol=TOL)


@pytest.mark.parametrize("pair", [pair for pair in INFINITE if pair[1] == pair[0].trivial_subgroup], ids=pair_id)
def test_on_a_group_the_representation_is_the_band_limited_one(pair):
    for band in (0, 1, 3):
        found = fourier(pair[0], band)
        assert found.rep == pair[0].band_limited(band)
        assert found.rep.size == found.sample_matrix.shape[1]


@pytest.mark.parametrize("pair", [pair for pair in INFINITE if pair[1] != pair[0].trivial_subgroup], ids=pair_id)
def test_on_cosets_the_representation_is_the_quotient(pair):
    found = fourier(pair[0], 3, subgroup=pair[1])
    assert found.rep == pair[0].quotient(pair[1], 3)
    assert found.rep.size == found.sample_matrix.shape[1]


@pytest.mark.parametrize("pair", FINITE_INDEX, ids=pair_id)
def test_on_finitely_many_cosets_it_is_the_quotient_in_irreps(pair):
    group, small = pair
    found = transform(pair)
    assert found.rep.irreps == decompose(group.quotient(small)).irreps
    assert found.rep.size == len(group.components) // len(small.components)
    highest = max(psi.frequency for psi in group.irreps(None if group.is_finite else 0))
    for band in range(highest):
        part = fourier(group, band, subgroup=small)
        kept = tuple(psi for psi in found.rep.irreps if psi.frequency <= band)
        assert part.rep.irreps == kept
        np.testing.assert_allclose(part.analysis_matrix @ part.sample_matrix, np.eye(part.rep.size), atol=TOL)


SYMMETRIC = [
    (SO2, "C1", "C7", 3),
    (O2, "C1", "D5", 2),
    (O2, "D1", "D6", 3),
    (SO3, "C1", "O", 1),
    (SO3, "C1", "I", 2),
    (SO3, "Cinf", "O", 3),
    (SO3, "Cinf", "I", 3),
    (SO3, "Dinf", "D6", 2),
    (O3, "Cinfv", "Oh", 3),
    (O3, "Cinfv", "C4v", 3),
    (AXIAL[4], "C2", "D3h", 2),
    (steer.group("Oh", dim=3), "C4v", "Td", None),
]


def symmetric(case):
    """The transform of a case on a grid that is the union of orbits of its symmetry."""
    group, small, symmetry, band = case
    degree = None if band is None else 2 * band
    grid = quadrature(group, 0 if degree is None else degree, subgroup=small, kind="orbit", symmetry=symmetry)
    return fourier(group, band, subgroup=small, grid=grid)


def permutation(grid, g):
    """Positions of the cosets of g^-1 x_i among the nodes x."""
    candidates = np.swapaxes(g.T @ grid.elements, 1, 2)[:, None] @ grid.elements
    inside = grid.subgroup.contains(candidates)
    assert (inside.sum(axis=0) == 1).all()
    assert (inside.sum(axis=1) == 1).all()
    return inside.argmax(axis=1)


@pytest.mark.parametrize("case", SYMMETRIC, ids=str)
def test_symmetries_of_the_grid_permute_samples(case):
    found = symmetric(case)
    c = coefficients(found)
    for g in found.grid.symmetry.generators:
        moved = found.inverse(c @ found.rep(g).T)
        np.testing.assert_allclose(moved, found.inverse(c)[:, permutation(found.grid, g)], atol=TOL)


@pytest.mark.parametrize("case", SYMMETRIC, ids=str)
def test_pointwise_functions_on_a_symmetric_grid_commute_with_its_symmetries(case):
    found = symmetric(case)
    c = coefficients(found)

    def rectified(coefficients):
        return found.forward(np.maximum(found.inverse(coefficients) - 0.1, 0))

    for g in found.grid.symmetry.elements[:: max(1, int(found.grid.symmetry.order) // 12)]:
        turned = found.rep(g).T
        np.testing.assert_allclose(rectified(c @ turned), rectified(c) @ turned, atol=TOL)
    if not found.group.is_finite:  # and with other elements only as well as the grid is fine
        turned = found.rep(found.group.sample(1, seed=5)[0]).T
        assert np.abs(rectified(c @ turned) - rectified(c) @ turned).max() > 1e-4


@pytest.mark.parametrize(
    "arguments",
    [
        {"kind": "spread", "size": 60},
        {"kind": "spread", "size": 20},
        {"kind": "orbit", "symmetry": "I"},
        {"kind": "orbit", "symmetry": "O", "degree": 5},
    ],
    ids=str,
)
def test_on_a_grid_that_is_not_exact_samples_are_fitted(arguments):
    grid = quadrature(SO3, subgroup="Cinf", **arguments)
    found = fourier(SO3, 3, subgroup="Cinf", grid=grid)
    assert grid.degree < 6
    c = coefficients(found)
    np.testing.assert_allclose(found.forward(found.inverse(c)), c, atol=TOL)
    # the residual of other samples is orthogonal to all basis functions, in the inner product of the weights
    values = np.random.default_rng(1).normal(size=len(grid))
    residual = values - found.inverse(found.forward(values))
    np.testing.assert_allclose(found.sample_matrix.T @ (grid.weights * residual), np.zeros(found.rep.size), atol=TOL)


def test_the_fit_commutes_with_the_symmetries_of_the_grid():
    found = fourier(SO3, 3, subgroup="Cinf", grid=quadrature(SO3, subgroup="Cinf", kind="orbit", symmetry="I"))
    values = np.random.default_rng(1).normal(size=len(found.grid))
    for g in found.grid.symmetry.generators:
        moved = found.forward(values[permutation(found.grid, g)])
        np.testing.assert_allclose(moved, found.rep(g) @ found.forward(values), atol=10 * TOL)


def test_a_grid_on_the_group_serves_for_its_cosets():
    found = fourier(SO3, 2, subgroup="Cinf", grid=quadrature(SO3, 4))
    c = coefficients(found)
    np.testing.assert_allclose(found.forward(found.inverse(c)), c, atol=TOL)
    np.testing.assert_allclose(found.analysis_matrix, (found.grid.weights[:, None] * found.sample_matrix).T, atol=TOL)


def test_direct_products():
    product = direct_product(SO2, steer.group("C4", dim=2))
    found = fourier(product, 2)
    c = coefficients(found)
    assert found.rep == product.band_limited(2)
    np.testing.assert_allclose(found.forward(found.inverse(c)), c, atol=TOL)


EXAMPLES = [
    fourier(SO3, 2),
    fourier(SO3, 2, subgroup="Cinf"),
    fourier(SO3, 3, subgroup="Cinf"),
    fourier(SO3, 2, subgroup="Cinf", grid=quadrature(SO3, 4, subgroup="Cinf", kind="lebedev")),
    fourier(steer.group("D4", dim=2)),
    fourier(O3, 0, subgroup="SO(3)"),
]


@pytest.mark.parametrize("found", EXAMPLES, ids=lambda found: f"{found.group}-{found.max_frequency}-{found.grid.kind}")
def test_values(found):
    names = {"fourier": fourier, "quadrature": quadrature, "steer": steer}
    assert eval(repr(found).replace("steer.reps.", ""), names) == found
    _ = found.analysis_matrix
    for other in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
        assert isinstance(other, FourierTransform)
        assert other == found
        assert hash(other) == hash(found)
        np.testing.assert_array_equal(other.analysis_matrix, found.analysis_matrix)
    assert sum(found == other for other in EXAMPLES) == 1
    for matrix in (found.sample_matrix, found.analysis_matrix):
        with pytest.raises(ValueError, match="read-only"):
            matrix[0] = 0


D4 = steer.group("D4", dim=2)
COARSE = quadrature(SO3, 2, subgroup="Cinf")


@pytest.mark.parametrize(
    ("error", "group", "arguments", "message"),
    [
        (GroupError, "SO(3)", {"max_frequency": 2}, "group: expected a group"),
        (GroupError, SO3, {"max_frequency": 2, "subgroup": "Oh"}, "name: Oh is not a subgroup"),
        (RepresentationError, SO3, {}, "max_frequency: SO.3./C1 is infinite"),
        (RepresentationError, SO3, {"max_frequency": -1}, "max_frequency: expected an integer >= 0, got -1"),
        (RepresentationError, D4, {"max_frequency": 3}, "max_frequency: D4 has no irrep above frequency 2, got 3"),
        (RepresentationError, SO3, {"max_frequency": 2, "grid": 7}, "grid: expected a quadrature on SO.3./C1, got 7"),
        (RepresentationError, SO3, {"max_frequency": 2, "grid": COARSE}, "grid: expected a quadrature on SO.3./C1"),
        (RepresentationError, O3, {"max_frequency": 2, "grid": quadrature(SO3, 4)}, "grid: expected a quadrature on O"),
        (
            RepresentationError,
            SO3,
            {"max_frequency": 3, "subgroup": "Cinf", "grid": COARSE},
            "grid: 6 nodes are too few for 16 coefficients",
        ),
    ],
)
def test_errors(error, group, arguments, message):
    with pytest.raises(error, match=message):
        fourier(group, **arguments)


def test_errors_of_nodes_and_arrays():
    # the nodes lie on the circle x = 0, so they do not see the function x
    circle = quadrature(SO3, subgroup="Cinf", kind="orbit", symmetry=SO3.subgroup("C6", axis="x"))
    blind = fourier(SO3, 1, subgroup="Cinf", grid=circle)
    with pytest.raises(RepresentationError, match="does not tell apart all functions up to frequency 1"):
        _ = blind.analysis_matrix
    found = fourier(SO3, 1, subgroup="Cinf")
    with pytest.raises(ShapeError, match=r"coefficients: expected shape \(..., 4\), got \(3, 9\)"):
        found.inverse(np.zeros((3, 9)))
    with pytest.raises(ShapeError, match=rf"values: expected shape \(..., {len(found.grid)}\), got \(\)"):
        found.forward(1.0)
    with pytest.raises(GroupError, match="away from the nearest element"):
        found.basis(2 * np.eye(3))
    assert found.basis(np.zeros((0, 3, 3))).shape == (0, 4)
