"""Functions on the sphere, rotations and Wigner matrices of tensors against e3nn's: what no choice of basis changes."""

import numpy as np
import pytest
import torch
from e3nn import o3
from e3nn.io import SphericalTensor

import steer
from steer.reps import SphericalSignal, rotations

RNG = np.random.default_rng(0)
VECTORS = torch.tensor(RNG.normal(size=(20, 3)))


@pytest.mark.parametrize("degree", [0, 3, 6])
def test_sums_of_dirac_functions(degree):
    at, weights = VECTORS[:4], torch.tensor([1.0, 2.0, -0.5, 3.0], dtype=torch.float64)
    theirs = SphericalTensor(degree, 1, -1)
    expected = theirs.signal_xyz(theirs.sum_of_diracs(at, weights), VECTORS / VECTORS.norm(dim=1, keepdim=True))
    ours = SphericalSignal(degree)
    torch.testing.assert_close(ours.values(ours.diracs(at, weights), VECTORS), expected, rtol=1e-6, atol=1e-6)


def test_rotations():
    angle = VECTORS.norm(dim=1)
    torch.testing.assert_close(
        rotations.from_axis_angle(VECTORS), o3.axis_angle_to_matrix(VECTORS, angle), rtol=0, atol=1e-6
    )
    q = torch.nn.functional.normalize(torch.tensor(RNG.normal(size=(20, 4))), dim=1)  # ours has the scalar last
    torch.testing.assert_close(
        rotations.from_quaternion(q[:, [1, 2, 3, 0]]), o3.quaternion_to_matrix(q), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("degree", [1, 2, 5])
def test_characters_and_their_slopes(degree):
    vectors = VECTORS.clone().requires_grad_()
    matrices = rotations.from_axis_angle(vectors)
    found = []
    for at in (steer.group("O(3)", dim=3).irrep(f"{degree}e").torch, o3.Irrep(degree, 1).D_from_matrix):
        trace = at(matrices).diagonal(dim1=-2, dim2=-1).sum(-1)
        found.append((trace, *torch.autograd.grad(trace.sum(), vectors, retain_graph=True)))
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=1e-5)
