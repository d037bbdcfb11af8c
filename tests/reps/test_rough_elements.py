"""Elements as people have them: products in single precision, numbers printed with six decimals, tensors."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import GroupError, RepresentationError, ShapeError, SteerError
from steer.reps import Group, clebsch_gordan, direct_product, fourier, harmonics, wigner_d, with_action

O3 = steer.group("O(3)", dim=3)
GROUPS = [
    *(steer.group(name, dim=2) for name in ("C1", "C7", "D5", "SO(2)", "O(2)")),
    *(steer.group(name, dim=3) for name in ("S4", "D3h", "D2d", "O", "Ih", "Cinf", "Cinfv", "Dinfh", "SO(3)", "O(3)")),
    O3.subgroup("D3", axis=(1, 2, 3)),
    O3.subgroup("Dinfh", axis=(1, 2, 3)),
    direct_product(steer.group("SO(3)", dim=3), steer.group("D3", dim=2)),
    with_action(steer.group("D4", dim=2), None),
]


def drifted(group, count=100, runs=8):
    """Products of many elements, each rounded to single precision, and the elements that they stand for."""
    g = group.sample(count * runs, seed=1).reshape(runs, count, group.element_size, group.element_size)
    rough = np.broadcast_to(np.eye(group.element_size, dtype=np.float32), g[:, 0].shape)
    exact = rough.astype(np.float64)
    for step in range(count):
        rough = rough @ g[:, step].astype(np.float32)
        exact = exact @ g[:, step]
    return rough, exact


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_what_is_near_is_taken_to_the_nearest_element(group):
    rough, exact = drifted(group)
    for given in (rough, np.round(exact, 6), np.round(exact, 5), torch.tensor(rough, requires_grad=True)):
        distance = np.abs(np.asarray(torch.as_tensor(given).detach()) - exact).max()
        assert group.contains(given).all()
        for rep in (group.trivial, group.irreps(None if group.is_finite else 2)[-1], group.band_limited(0)):
            matrices = rep(given)
            np.testing.assert_allclose(
                matrices @ np.swapaxes(matrices, 1, 2), np.eye(rep.size)[None].repeat(8, 0), atol=1e-12
            )
            np.testing.assert_allclose(matrices, rep(exact), atol=1e-12 if group.is_finite else 20 * distance + 1e-12)
        np.testing.assert_allclose(group.action(given), group.action(exact), atol=2 * distance + 1e-12)


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_what_is_farther_is_refused_with_its_distance(group):
    far = group.sample(3, seed=2)
    far[1] += 1e-3 / group.element_size * np.where(far[1] > 0, 1, -1)
    assert group.contains(far).tolist() == [True, False, True]
    for use in (group.trivial, group.trivial.character, group.trivial.places, group.action):
        with pytest.raises(
            GroupError, match=r"g: a matrix is 0\.00\d+ \(Frobenius norm\) away from the nearest element"
        ):
            use(far)


def test_elements_of_very_large_groups_are_told_apart():
    group = steer.group("C100000", dim=2)
    step = 2 * np.pi / 100000
    turns = [np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]]) for t in (3 * step, 3.5 * step)]
    assert group.contains(turns).tolist() == [True, False]


def test_wigner_matrices_of_products_in_single_precision():
    rough, exact = drifted(steer.group("SO(3)", dim=3))
    found = wigner_d(rough, 6)
    np.testing.assert_allclose(found @ found.swapaxes(1, 2), np.eye(13)[None].repeat(8, 0), atol=1e-12)
    np.testing.assert_allclose(found, wigner_d(exact, 6), atol=1e-3)
    with pytest.raises(GroupError, match=r"a matrix is 0\.00\d+ away from a rotation"):
        wigner_d(exact + 1e-3, 2)


D4 = steer.group("D4", dim=2)
FIELDS = nn.FieldType(D4, [D4.regular])


@pytest.mark.parametrize(
    "use",
    [
        lambda z: D4.regular(z * D4.elements[1]),
        lambda z: D4.contains(z * D4.elements[1]),
        lambda z: wigner_d(z * np.eye(3), 1),
        lambda z: harmonics(z * np.ones(3), 2),
        lambda z: fourier(D4).basis(z * D4.elements[1]),
        lambda z: D4.regular(torch.tensor(z * D4.elements[1])),
        lambda z: O3.subgroup("C3", axis=z * np.ones(3)),
    ],
)
def test_complex_numbers_are_refused_and_lose_nothing(use):
    with pytest.raises(SteerError, match=r"expected (real numbers|a direction)"):
        use(1 + 1j)


def test_complex_features_are_two_fields():
    with pytest.raises(
        ShapeError, match=r"expected a real tensor, got torch.complex64; .* torch.cat\(\[x.real, x.imag\], 1\)"
    ):
        FIELDS(torch.zeros(1, 8, 3, 3, dtype=torch.complex64))


@pytest.mark.parametrize("use", [FIELDS, nn.ReLU(FIELDS), lambda x: FIELDS.transform(x, D4.elements[1])])
def test_arrays_of_numpy_are_told_to_become_tensors(use):
    with pytest.raises(ShapeError, match=r"expected a tensor .* got ndarray; torch.as_tensor makes one of an array"):
        use(np.zeros((1, 8, 3, 3), dtype=np.float32))
    with pytest.raises(ShapeError, match="got list"):
        use([1.0])


@pytest.mark.parametrize("given", ["a", [[1, 0], [0]], None, object()])
def test_what_is_no_matrix_has_an_error_of_ours(given):
    with pytest.raises(GroupError, match="g: expected"):
        D4.regular(given)


def test_wrong_kinds_have_errors_of_ours():
    with pytest.raises(RepresentationError, match=r"first: expected a representation such as .* got 1"):
        clebsch_gordan(1, 1, 2)
    with pytest.raises(RepresentationError, match=r"out: expected a representation such as .* got 2"):
        clebsch_gordan(D4.trivial, D4.trivial, 2)
    with pytest.raises(SteerError, match=r"representations: expected a list .* got 16"):
        nn.FieldType(D4, 16)
    with pytest.raises(RepresentationError, match="max_frequency: expected an integer"):
        D4.band_limited(None)


@pytest.mark.parametrize("layer", [nn.Conv2d, nn.ConvTranspose2d])
def test_arguments_of_a_convolution_come_in_the_order_of_torch(layer):
    plain = getattr(torch.nn, layer.__name__)(8, 8, 3, 2, 1)
    found = layer(FIELDS, FIELDS, 3, 2, 1)
    assert (found.stride, found.padding) == (plain.stride, plain.padding)
    x = torch.randn(1, 8, 9, 9)
    assert found(x).shape == plain(x).shape


def nearest_by_search(group, g):
    """The distance to the nearest of many elements, of a continuous group refined about the best of them."""
    elements = group.elements if group.is_finite else group.haar(12)[0]
    found = np.linalg.norm(g[:, None] - elements, axis=(-2, -1))
    return found.min(axis=1)


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_any_matrix_is_taken_to_the_nearest_element(group):
    size = group.element_size
    rng = np.random.default_rng(0)
    given = np.concatenate([rng.normal(size=(20, size, size)), group.sample(20, seed=3)])
    given[20:] += 0.05 * rng.normal(size=(20, size, size))
    found = group.nearest(given)
    assert group.contains(found).all()
    distance = np.linalg.norm(given - found, axis=(-2, -1))
    np.testing.assert_allclose(distance, group._distance(given), atol=1e-12)
    # no element is nearer: all of them, of a continuous group a dense grid of them
    assert (distance <= nearest_by_search(group, given) + 1e-12).all()
    np.testing.assert_allclose(group.nearest(found), found, atol=1e-12)
    assert group.nearest(given[:0]).shape == (0, size, size)
    assert group.nearest(given[0]).shape == (size, size)
    with pytest.raises(GroupError, match="g: expected finite numbers, got NaN or infinity"):
        group.nearest(np.full((size, size), np.nan))


def test_the_nearest_rotation_is_that_of_the_polar_decomposition():
    scipy_linalg = pytest.importorskip("scipy.linalg")
    given = np.random.default_rng(1).normal(size=(30, 3, 3))
    given[np.linalg.det(given) < 0] *= -1  # then the orthogonal factor is a rotation
    for name in ("SO(3)", "O(3)"):
        found = steer.group(name, dim=3).nearest(given)
        for matrix, rotation in zip(given, found, strict=True):
            np.testing.assert_allclose(rotation, scipy_linalg.polar(matrix)[0], atol=1e-12)
    for matrix, rotation in zip(given, steer.group("SO(3)", dim=3).nearest(-given), strict=True):
        assert np.linalg.det(rotation) == pytest.approx(1)
        align = pytest.importorskip("scipy.spatial.transform").Rotation.align_vectors
        np.testing.assert_allclose(rotation, align(-matrix.T, np.eye(3))[0].as_matrix(), atol=1e-6)


def test_measured_poses_are_told_the_tolerance_and_what_to_do():
    group = steer.group("SO(3)", dim=3)
    measured = group.sample(4, seed=5) + 1e-3
    for use in (group.irrep("1"), lambda g: wigner_d(g, 1)):
        with pytest.raises(GroupError, match=r"up to 0\.0001 is taken for rounding, and .*\.nearest\("):
            use(measured)
        use(group.nearest(measured))


def test_a_continuous_group_of_ones_own_says_when_it_cannot_tell():
    with pytest.raises(GroupError, match=r"Turns does not know its .* define _projected\(g\) in Turns"):
        Turns().nearest(np.array([[0.0, 1.0], [1.0, 0.1]]))
    near = np.array([[0.1, -1.0], [1.0, 0.1]])
    np.testing.assert_allclose(Turns().nearest(near), steer.group("SO(2)", dim=2).nearest(near), atol=1e-12)


@dataclass(frozen=True)
class Turns(Group):
    """SO(2), as a group of one's own that says no more than it must."""

    name, dim, order = "Turns", 2, np.inf
    components = np.eye(2)[None]
    trivial_subgroup = property(lambda self: self)

    def subgroups(self, max_order=12):
        return (self,)

    def _labels(self, max_frequency):
        return ("A",)

    def _irrep_data(self, label):
        return None

    def _distance(self, g):
        return steer.group("SO(2)", dim=2)._distance(g)
