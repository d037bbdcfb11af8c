"""Rotation conversions: round trips, the oracle SciPy, gradients at the identity, at half turns and at the poles."""

import numpy as np
import pytest
import scipy.linalg
import torch
from scipy.spatial.transform import Rotation

import steer
from steer.errors import GroupError, ShapeError
from steer.reps import lie_algebra, rotations
from tests.catalogue import O2, O3, SO2, SO3, TOL

CUBE = steer.group("O", dim=3).elements
NEAR = rotations.from_axis_angle(np.array([[1e-9, 0, 0], [0, 3e-3, 4e-3], [0, 0, np.pi - 1e-7], [1e-2, 1e-2, 0]]))
MATRICES = np.concatenate([CUBE, NEAR, SO3.sample(20, seed=0)])
KINDS = ("angles", "axis_angle", "quaternion")


@pytest.mark.parametrize("kind", KINDS)
def test_round_trips(kind):
    there, back = getattr(rotations, f"to_{kind}"), getattr(rotations, f"from_{kind}")
    np.testing.assert_allclose(back(there(MATRICES)), MATRICES, atol=TOL)
    tensor = torch.tensor(MATRICES)
    np.testing.assert_allclose(there(tensor).numpy(), there(MATRICES), atol=TOL)
    single = back(there(tensor.float()))
    assert single.dtype == torch.float32
    assert (single - tensor).abs().max() < 1e-6


def test_conventions_are_those_of_scipy():
    given = Rotation.from_matrix(MATRICES)
    generic = slice(len(CUBE), None)  # two quaternions, and two vectors, are one half turn
    np.testing.assert_allclose(
        rotations.to_quaternion(given)[generic], given.as_quat(canonical=True)[generic], atol=TOL
    )
    np.testing.assert_allclose(rotations.to_axis_angle(given)[generic], given.as_rotvec()[generic], atol=TOL)
    angles = np.random.default_rng(0).uniform(0.1, 3, (9, 3))
    np.testing.assert_allclose(rotations.from_angles(angles), Rotation.from_euler("ZYZ", angles).as_matrix(), atol=TOL)
    np.testing.assert_allclose(rotations.to_angles(rotations.from_angles(angles)), angles, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients(kind):
    there, back = getattr(rotations, f"to_{kind}"), getattr(rotations, f"from_{kind}")
    generic = torch.tensor(SO3.sample(3, seed=1), requires_grad=True)
    assert torch.autograd.gradcheck(there, generic)
    numbers = there(torch.tensor(np.concatenate([CUBE[:4], NEAR]))).requires_grad_()
    assert torch.autograd.gradcheck(back, numbers)
    matrices = torch.tensor(MATRICES, requires_grad=True)
    (slope,) = torch.autograd.grad(there(matrices).sum(), matrices)
    assert slope.isfinite().all()


def test_shapes_and_errors():
    for function in (rotations.from_angles, rotations.from_axis_angle, rotations.from_quaternion):
        with pytest.raises(ShapeError, match=r"expected shape \(\.\.\., "):
            function(np.zeros((3, 5)))
    for function in (rotations.to_angles, rotations.to_axis_angle, rotations.to_quaternion):
        assert function(np.zeros((0, 3, 3))).shape[0] == 0
        with pytest.raises(ShapeError, match=r"matrices: expected shape \(\.\.\., 3, 3\)"):
            function(np.zeros(9))
        with pytest.raises(ShapeError, match="floating-point"):
            function(torch.eye(3, dtype=torch.int64))


def test_elements_are_read_from_scipy():
    given = Rotation.from_matrix(CUBE)
    np.testing.assert_allclose(SO3.irrep("2")(given), SO3.irrep("2")(CUBE), atol=TOL)
    np.testing.assert_allclose(steer.reps.wigner_d(given, 2), steer.reps.wigner_d(CUBE, 2), atol=TOL)
    assert O3.contains(given).all()
    assert steer.group("C4", dim=3).in_frame(given[5]) == steer.group("C4", dim=3).in_frame(CUBE[5])
    np.testing.assert_array_equal(SO3.irrep("2").torch(given).numpy(), SO3.irrep("2").torch(CUBE).numpy())
    for junk in ("x", np.eye(2), -np.eye(3), np.full((3, 3), np.nan)):
        with pytest.raises(GroupError, match="frame: expected a rotation"):
            steer.group("C4", dim=3).in_frame(junk)


AXIAL = O3.subgroup("Cinfv", axis=(0, 1, 1))
REPS = [
    SO3.irrep("1"),
    SO3.irrep("4"),
    O3.irrep("2o"),
    O3.irrep("1o").tensor(O3.irrep("2e")),
    SO2.irrep("3"),
    O2.vector,
]
REPS += [AXIAL.irreps(2)[-1], AXIAL.vector, SO3.irrep("0")]


@pytest.mark.parametrize("rep", REPS, ids=str)
def test_exponentials_of_generators_are_the_matrices(rep):
    # exp(theta . dR) = R(exp(theta . X))
    x, dr = lie_algebra(rep.group), lie_algebra(rep)
    for theta in np.random.default_rng(0).normal(size=(4, len(x))):
        g, matrix = (scipy.linalg.expm(np.tensordot(theta, at, 1)) for at in (x, dr))
        np.testing.assert_allclose(rep(g), matrix, atol=1e-11)
        if len(x) == 3:
            np.testing.assert_allclose(g, rotations.from_axis_angle(theta), atol=TOL)
    np.testing.assert_array_equal(dr, -dr.transpose(0, 2, 1))


def test_generators_obey_the_commutators():
    for rep in REPS[:4]:
        x, y, z = lie_algebra(rep)
        np.testing.assert_allclose(x @ y - y @ x, z, atol=1e-11)
    assert lie_algebra(steer.group("D4", dim=2).regular).shape == (0, 8, 8)
    for junk in (1, steer.reps.direct_product(SO3, SO2)):
        with pytest.raises(GroupError, match="of: "):
            lie_algebra(junk)
