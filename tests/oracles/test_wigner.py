"""Wigner matrices against those of lie_learn and e3nn, up to the documented changes of basis."""

import itertools

import numpy as np
import pytest
import torch
from e3nn import o3
from lie_learn.representations.SO3.wigner_d import wigner_D_matrix

import steer
from steer.reps import wigner_d
from tests.oracles.conventions import AXES, EPS, alternating, by_order, rotations

DEGREES = [*range(13), 20, 30, 50]
DEGREES_OF_E3NN = range(13)

RNG = np.random.default_rng(0)
RANDOM = RNG.uniform(-1, 1, size=(60, 3)) * np.pi
TILTS = (0.0, 1e-16, 1e-9, 1e-5, np.pi / 2, np.pi - 1e-9, np.pi)
SPECIAL = np.array(list(itertools.product((0.0, 1.0, -2.5), TILTS, (0.0, 0.7, 3.0))))
ANGLES = np.concatenate([RANDOM, SPECIAL])
"""(n, 3): Euler angles (a, b, c) of Rz(a) Ry(b) Rz(c), among them some at and near the poles."""


def by_orders(matrices, degree):
    """The matrices in the basis m = -l, ..., l."""
    change = by_order(degree)
    return change @ matrices @ change.T


@pytest.mark.parametrize("degree", DEGREES)
def test_lie_learn(degree):
    # an error of some EPS in an angle or in an entry of a rotation is one of degree times that in its Wigner matrix
    tolerance = 4 * (degree + 1) * EPS
    found = by_orders(wigner_d(rotations(ANGLES), degree), degree)
    expected = np.stack([wigner_D_matrix(degree, *angles) for angles in ANGLES])
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("degree", DEGREES)
def test_lie_learn_with_the_other_phase(degree):
    # Its "quantum" harmonics have the signs (-1)^m. To change them is a half turn about z, which turns b into -b.
    change = alternating(degree)
    turned = ANGLES * [1, -1, 1]
    found = change @ by_orders(wigner_d(rotations(turned), degree), degree) @ change
    expected = np.stack([wigner_D_matrix(degree, *angles) for angles in ANGLES])
    np.testing.assert_allclose(found, expected, rtol=0, atol=4 * (degree + 1) * EPS)


def tolerance_of_e3nn(degree):
    """The rounding errors of its three matrix exponentials, of generators of norm up to 2 pi l, and as much again."""
    return 2 * (3 * 2 * np.pi) * (degree + 1) * EPS


@pytest.mark.parametrize("degree", DEGREES_OF_E3NN)
def test_e3nn_by_angles(degree):
    # its angles are those about y, x, y, which are z, y, z here
    found = by_orders(wigner_d(rotations(ANGLES), degree), degree)
    expected = o3.wigner_D(degree, *torch.tensor(ANGLES.T))
    np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=tolerance_of_e3nn(degree))


def test_angles_of_e3nn():
    found = AXES @ rotations(ANGLES) @ AXES.T
    expected = o3.angles_to_matrix(*torch.tensor(ANGLES.T))
    np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=8 * EPS)


@pytest.mark.parametrize("degree", DEGREES_OF_E3NN)
@pytest.mark.parametrize("parity", ["e", "o"])
def test_e3nn_by_matrices(degree, parity):
    # e3nn takes b from its cosine, which loses digits near the poles: these are 0.3 away from them
    tilted = np.stack([RANDOM[:, 0], 0.3 + np.abs(RANDOM[:, 1]) * (1 - 0.6 / np.pi), RANDOM[:, 2]], -1)
    proper = rotations(tilted)
    group = steer.group("O(3)", dim=3)
    for g in (proper, -proper):
        found = by_orders(group.irrep(f"{degree}{parity}")(g), degree)
        expected = o3.Irrep(f"{degree}{parity}").D_from_matrix(torch.tensor(AXES @ g @ AXES.T))
        np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=tolerance_of_e3nn(degree))


@pytest.mark.parametrize("degree", DEGREES_OF_E3NN)
def test_harmonics_of_o3_are_those_of_e3nn(degree):
    # the irrep of its spherical harmonics has the parity (-1)^l
    irrep = steer.group("O(3)", dim=3).harmonic(degree)
    harmonic = o3.Irreps.spherical_harmonics(degree)[-1].ir
    assert (irrep.label, irrep.size) == (str(harmonic), harmonic.dim)


def test_selection_rules_of_o3():
    # which irreps the tensor product of two contains
    group = steer.group("O(3)", dim=3)
    irreps = group.irreps(max_frequency=4)
    for a, b in itertools.product(irreps, repeat=2):
        expected = {str(c) for c in o3.Irrep(a.label) * o3.Irrep(b.label)}
        outs = group.irreps(max_frequency=a.frequency + b.frequency)
        assert {c.label for c in outs if len(steer.reps.clebsch_gordan(a, b, c))} == expected
