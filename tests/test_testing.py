"""The public checks pass on what is equivariant, and fail, with the element and the error, on what is not."""

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, GroupError, ShapeError, SteerError
from steer.testing import (
    TOLERANCES,
    assert_equivariant,
    assert_kernel_constraint,
    equivariance_error,
    grid_symmetries,
)

from .catalogue import IN_PLANE, group_id

C3, C4, C8, D4, SO2, O2 = (steer.group(name, dim=2) for name in ("C3", "C4", "C8", "D4", "SO(2)", "O(2)"))
REGULAR = nn.FieldType(C8, 2 * [C8.regular])


@pytest.mark.parametrize("group", IN_PLANE, ids=group_id)
def test_grid_symmetries_are_the_common_elements_with_d4(group):
    found = grid_symmetries(group)
    expected = [g for g in D4.elements if group.contains(g)]
    assert len(found) == len(expected)
    assert np.array_equal(found[0], np.eye(2))
    assert all(any(np.array_equal(g, h) for h in found) for g in expected)


class Shift(nn.Module):
    """Not equivariant: moves the image by one pixel along x."""

    def __init__(self, in_type):
        super().__init__(in_type, in_type)

    def _compute(self, x):
        return x.roll(1, -1)


class Noisy(Shift):
    def _compute(self, x):
        return x * torch.nan


def test_error_per_element():
    errors = equivariance_error(nn.ReLU(REGULAR))
    assert errors.shape == (4,)
    assert errors.max() < 1e-6
    errors = equivariance_error(Shift(REGULAR))
    assert errors[0] == 0
    assert errors[1:].min() > 0.1


def test_the_failing_element_and_its_error_are_named():
    mirror = np.diag([-1.0, 1.0])
    field_type = nn.FieldType(D4, [D4.regular])
    with pytest.raises(
        AssertionError, match=r"Shift is not equivariant under .*'D4'.* relative error .* above 1e-05; 6 of 8"
    ):
        assert_equivariant(Shift(field_type))
    assert_equivariant(Shift(field_type), elements=np.diag([1.0, -1.0]))
    with pytest.raises(AssertionError, match=r"for g = \[\[-1.0, 0.0\], \[0.0, 1.0\]\] .* 1 of 1 elements fail"):
        assert_equivariant(Shift(field_type), elements=mirror)


def test_not_a_number_is_a_failure():
    with pytest.raises(AssertionError, match="nan"):
        assert_equivariant(Noisy(REGULAR))


def test_tolerance_follows_the_dtype():
    assert TOLERANCES[torch.float64] < TOLERANCES[torch.float32] < TOLERANCES[torch.bfloat16]
    net = nn.Sequential(nn.BatchNorm(REGULAR), nn.AvgPool(REGULAR, 3, 1, 1))
    for dtype in TOLERANCES:
        assert_equivariant(net.to(dtype))
    with pytest.raises(AssertionError, match="above 1e-30"):
        assert_equivariant(net.float(), tolerance=1e-30)


def test_mode_and_statistics_are_left_alone():
    net = nn.Sequential(nn.BatchNorm(REGULAR), nn.Dropout(REGULAR))
    net[0].eval()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    assert_equivariant(net)
    assert (net.training, net[0].training, net[1].training) == (True, False, True)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_input_shape_and_seed():
    layer = nn.AvgPool(REGULAR, 2)
    assert_equivariant(layer, shape=(1, 8, 8))
    assert_equivariant(layer, torch.randn(1, 16, 6, 6))
    with pytest.raises(AssertionError, match="AvgPool is not"):
        assert_equivariant(layer, shape=(1, 7, 7))
    assert_equivariant(nn.NormAct(REGULAR), shape=(5,))
    shift = Shift(REGULAR)
    assert np.array_equal(equivariance_error(shift, seed=3), equivariance_error(shift, seed=3))
    assert not np.array_equal(equivariance_error(shift, seed=3), equivariance_error(shift, seed=4))
    with pytest.raises(ShapeError, match=r"x: expected a tensor \(batch, 16"):
        equivariance_error(layer, torch.randn(1, 3, 6, 6))


def test_other_angles_separate_right_from_wrong():
    vectors = nn.FieldType(SO2, 3 * [SO2.vector])
    turns = SO2.sample(8, seed=0)
    assert_equivariant(nn.NormAct(vectors), elements=turns, tolerance=0.04)
    # what the layer returns are vectors: taken for scalars they turn wrongly
    wrong = nn.FieldType(SO2, 6 * [SO2.trivial])
    errors = equivariance_error(nn.NormAct(vectors), elements=turns, out_type=wrong)
    assert errors.min() > 0.1
    assert_equivariant(nn.NormAct(vectors), elements=C4.elements, margin=4)


def test_plain_modules_need_types():
    field_type = nn.FieldType(C4, [C4.trivial])
    blur = torch.nn.AvgPool2d(3, 1, 1)
    assert_equivariant(blur, in_type=field_type, out_type=field_type)
    with pytest.raises(FieldTypeError, match="in_type, out_type: AvgPool2d has no field types"):
        equivariance_error(blur)


def test_a_vacuous_check_is_refused():
    field_type = nn.FieldType(C3, [C3.regular])
    with pytest.raises(
        SteerError, match=r"elements: no element of .*C3.* but the identity maps a square grid to itself"
    ):
        assert_equivariant(nn.ReLU(field_type))
    assert_equivariant(nn.ReLU(field_type), elements=C3.elements, tolerance=0.05)


def test_elements_of_another_group_are_refused():
    with pytest.raises(GroupError, match="g: a matrix is"):
        assert_equivariant(nn.ReLU(REGULAR), elements=[np.diag([1.0, -1.0])])


class Harmonic:
    """The basis r^k (cos k t, sin k t) of kernels from scalars to the irrep of frequency k of O(2)."""

    def __init__(self, frequency, sign=1):
        self.in_rep, self.out_rep = O2.trivial, O2.irrep(str(frequency))
        self.frequency, self.sign = frequency, sign

    def sample(self, points):
        z = (points[:, 0] + self.sign * 1j * points[:, 1]) ** self.frequency
        return np.stack([z.real, z.imag])[None, :, None]


@pytest.mark.parametrize("frequency", [1, 2, 5])
def test_kernel_constraint_of_harmonics(frequency):
    basis = Harmonic(frequency)
    assert_kernel_constraint(basis)
    assert_kernel_constraint(lambda points: basis.sample(points)[0], basis.in_rep, basis.out_rep)
    assert_kernel_constraint(basis, elements=D4.elements, points=[[1.0, 0.0], [0.0, 0.0]])
    with pytest.raises(AssertionError, match=r"breaks K\(g x\) = .* for g = \[\[.*, x = \[.* of element 0 is "):
        assert_kernel_constraint(Harmonic(frequency, -1))


@pytest.mark.parametrize(("source", "target"), [(D4.regular, D4.vector), (O2.irrep("1"), O2.irrep("2"))])
def test_kernel_constraint_of_a_basis(source, target):
    basis = steer.kernels.kernel_basis(source, target, max_frequency=3)
    assert len(basis) > 0
    assert_kernel_constraint(basis)
    with pytest.raises(AssertionError, match=r"breaks K\(g x\)"):
        assert_kernel_constraint(lambda points: basis.sample(np.add(points, [0.1, 0])), source, target)


def test_a_kernel_function_needs_representations():
    with pytest.raises(FieldTypeError, match="in_rep, out_rep: a kernel that is a plain function needs both"):
        assert_kernel_constraint(lambda points: np.ones((1, 1, len(points))), C4.trivial)


def test_an_input_of_no_axes_is_refused():
    kind = nn.FieldType(C4, [C4.regular])
    with pytest.raises(SteerError, match=r"shape: expected \(batch, \*space\), .* got \(\)"):
        assert_equivariant(nn.ReLU(kind), shape=())
