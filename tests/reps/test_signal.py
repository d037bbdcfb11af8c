"""Functions on the sphere: values, samples, sums of Dirac functions, peaks; arrays and tensors."""

import numpy as np
import pytest
import torch

from steer.errors import RepresentationError, ShapeError
from steer.reps import SphericalSignal, harmonics
from tests.catalogue import O3, TOL

SIGNAL = SphericalSignal(4)
C = np.random.default_rng(0).normal(size=(2, 25))
POINTS = np.random.default_rng(1).normal(size=(40, 3))


def test_values_are_those_of_harmonics_and_turn_as_the_representation():
    values = SIGNAL.values(C, POINTS)
    np.testing.assert_allclose(values, C @ harmonics(POINTS, range(5)).T, atol=TOL)
    for g in O3.sample(3, seed=0):  # (g f)(x) = f(g^-1 x)
        np.testing.assert_allclose(SIGNAL.values(C @ SIGNAL.rep(g).T, POINTS @ g.T), values, atol=TOL)
    assert SphericalSignal(4) == SIGNAL
    assert repr(SIGNAL) == "steer.reps.SphericalSignal(4)"


@pytest.mark.parametrize("degree", [0, 1, 4, 9])
def test_samples_there_and_back(degree):
    signal = SphericalSignal(degree)
    c = np.random.default_rng(2).normal(size=(3, signal.size))
    np.testing.assert_allclose(signal.from_samples(signal.samples(c)), c, atol=TOL)
    points = np.random.default_rng(3).normal(size=(2 * signal.size + 5, 3))
    np.testing.assert_allclose(signal.from_samples(signal.values(c, points), points), c, atol=1e-9)


def test_a_dirac_function_has_its_weight_at_its_point_and_is_highest_there():
    c = SIGNAL.diracs(POINTS[:1], [3.0])
    np.testing.assert_allclose(SIGNAL.values(c, POINTS[:1]), [3.0], atol=TOL)
    positions, values = SIGNAL.peaks(c)
    np.testing.assert_allclose(positions[0], POINTS[0] / np.linalg.norm(POINTS[0]), atol=1e-6)
    np.testing.assert_allclose(values[0], 3.0, atol=1e-9)
    # f -> the mean of f times it is the part of f up to the degree, at the point
    np.testing.assert_allclose(C @ SIGNAL.diracs(POINTS[:1]) * 25, SIGNAL.values(C, POINTS[:1])[:, 0], atol=TOL)
    batch = SIGNAL.diracs(POINTS.reshape(4, 10, 3), np.ones((4, 10)))
    np.testing.assert_allclose(batch, SIGNAL.diracs(POINTS.reshape(4, 10, 3)), atol=TOL)


def test_peaks_turn_with_the_function_and_are_all_there_are():
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    signal = SphericalSignal(6)
    c = signal.diracs(axes)
    for g in O3.sample(2, seed=1):
        positions, values = signal.peaks(signal.rep(g) @ c)
        found = positions[np.isclose(values, values[0], rtol=1e-6)]
        assert len(found) == 6
        assert np.abs(np.sort(found @ (axes @ g.T).T, axis=1)[:, -1] - 1).max() < 1e-10
    for value, point in zip(*reversed(SIGNAL.peaks(C[0])), strict=True):
        around = point + 1e-3 * np.random.default_rng(4).normal(size=(50, 3))
        assert SIGNAL.values(C[0], around).max() <= value + 1e-12
    assert len(SIGNAL.peaks(np.eye(25)[0])[1]) == 0
    assert len(SIGNAL.peaks(np.eye(25)[6])[1]) == 2  # 3 z^2 - 1


def test_tensors():
    c = torch.tensor(C, requires_grad=True)
    x = torch.tensor(POINTS[:5], requires_grad=True)
    assert torch.autograd.gradcheck(SIGNAL.values, (c, x), fast_mode=True)
    assert torch.autograd.gradcheck(lambda c: SIGNAL.from_samples(SIGNAL.samples(c)), c, fast_mode=True)
    assert torch.autograd.gradcheck(SIGNAL.diracs, (x, torch.ones(5, dtype=torch.float64)), fast_mode=True)
    single = SIGNAL.from_samples(SIGNAL.values(c.detach().float(), POINTS), POINTS)
    assert single.dtype == torch.float32
    assert SIGNAL.from_samples(torch.zeros(40, dtype=torch.bfloat16), POINTS).dtype == torch.bfloat16
    np.testing.assert_allclose(single.numpy(), C, atol=1e-4)
    for found, expected in zip(SIGNAL.peaks(c[0]), SIGNAL.peaks(C[0]), strict=True):
        np.testing.assert_array_equal(found.numpy(), expected)


def test_what_is_refused():
    for junk in (-1, 1.5, "x", 10**6):
        with pytest.raises(RepresentationError, match="max_frequency: "):
            SphericalSignal(junk)
    with pytest.raises(RepresentationError, match="points: 24 points do not tell apart the 25 functions"):
        SIGNAL.from_samples(np.zeros(24), POINTS[:24])
    for call in (SIGNAL.samples, SIGNAL.peaks, lambda c: SIGNAL.values(c, POINTS)):
        with pytest.raises(ShapeError, match="coefficients: expected shape"):
            call(np.zeros(24))
    with pytest.raises(ShapeError, match="of one function"):
        SIGNAL.peaks(C)
    with pytest.raises(ShapeError, match="points: expected shape"):
        SIGNAL.values(C, np.zeros(3))
    with pytest.raises(ShapeError, match="floating-point"):
        SIGNAL.samples(torch.zeros(25, dtype=torch.int64))
