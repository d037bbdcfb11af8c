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
        assert_equivariant(nn.AvgPool(field_type, 3, 1, 1))
    assert_equivariant(nn.ReLU(field_type))  # without positions, where every element acts exactly
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


# Fields of two groups

D8, D12, D1, O3, SO3 = (
    *(steer.group(name, dim=2) for name in ("D8", "D12", "D1")),
    *(steer.group(name, dim=3) for name in ("O(3)", "SO(3)")),
)


def regular(group, count=1):
    return nn.FieldType(group, count * [group.regular])


class Wrong(nn.Module):
    """Behind a change of group, not equivariant under what is left: sums over channels and along x."""

    def __init__(self, in_type, subgroup):
        super().__init__(in_type, in_type.restrict(subgroup))

    def _compute(self, x):
        return x.cumsum(1).cumsum(-1)


@pytest.mark.parametrize(
    ("big", "small"),
    [
        (D8, "D1"),
        (D8, "C4"),
        (D12, "D1"),
        (O2, "SO(2)"),
        (O3, "SO(3)"),
        (O3, "Oh"),
        (SO3, "D2"),
        (steer.reps.direct_product(D4, C3), "first"),
        (steer.reps.direct_product(D4, C3), D4),
    ],
    ids=str,
)
def test_behind_a_change_of_group_the_common_subgroup_is_checked(big, small):
    irreps = big.irreps(None if big.is_finite else 2)
    kind = nn.FieldType(big, [irreps[-1], irreps[0], big.vector])
    restrict = nn.Restrict(kind, small)
    common = restrict.out_type.group
    shape = (1, *(7,) * big.dim)
    assert_equivariant(restrict, shape=shape)
    assert_equivariant(nn.Sequential(restrict, nn.NormAct(restrict.out_type)), shape=shape)
    assert len(equivariance_error(restrict, shape=shape)) == len(grid_symmetries(common))
    with pytest.raises(
        AssertionError, match=r"Wrong is not equivariant under .*, the common subgroup of the groups of"
    ):
        assert_equivariant(Wrong(kind, small), shape=shape)
    given = common.elements[:3] if common.is_finite else common.sample(3, seed=0)
    assert len(equivariance_error(restrict, elements=given, shape=(4,))) == len(given)


@pytest.mark.parametrize("groups", [("D8", "D1"), ("D12", "C4")])
def test_models_whose_stages_have_groups_of_their_own(groups):
    image = nn.FieldType(steer.group(groups[0], dim=2), 3 * [steer.group(groups[0], dim=2).trivial])
    torch.manual_seed(0)
    net = nn.models.ResNet(image, 3, channels=(8, 8), blocks=1, groups=groups)
    assert_equivariant(net.double(), shape=(1, 8, 8))


def test_elements_outside_of_the_common_subgroup_are_refused():
    restrict = nn.Restrict(regular(D8), "C4")
    with pytest.raises(GroupError, match=r"elements: 12 of 16 are not in .*'C4'.*, the common subgroup of .* such as"):
        equivariance_error(restrict, elements=D8.elements)
    with pytest.raises(SteerError, match=r"elements: .*'D8'.*, the group of the input, and .*'C1'.* identity alone"):
        assert_equivariant(nn.Restrict(regular(D8), "C1"))


def test_groups_of_which_neither_holds_the_other():
    average = torch.nn.AvgPool2d(3, 1, 1)
    C12 = steer.group("C12", dim=2)
    types = {"in_type": nn.FieldType(D8, [D8.trivial]), "out_type": nn.FieldType(C12, [C12.trivial])}
    assert_equivariant(average, **types)
    assert len(equivariance_error(average, **types)) == 4
    with pytest.raises(AssertionError, match=r"what is common to the groups of the input, .*'D8'.* and of the output"):
        assert_equivariant(Roll(), **types)


class Roll(torch.nn.Module):
    def forward(self, x):
        return x.roll(1, -1)


# Features, points, fields


@pytest.mark.parametrize("group", [SO3, O3, steer.group("I", dim=3), O2, C3, D8], ids=group_id)
def test_linear_maps_need_no_shape(group):
    irreps = group.irreps(None if group.is_finite else 2)
    kind = nn.FieldType(group, [irreps[-1], irreps[0]])
    assert_equivariant(nn.Linear(kind, kind).double())
    torch.manual_seed(0)
    assert_equivariant(nn.Sequential(nn.Linear(kind, kind), nn.NormAct(kind, bias=False)).double())
    assert equivariance_error(nn.Linear(kind, kind)).shape[0] > 1
    with pytest.raises(AssertionError, match="Mixing is not"):
        assert_equivariant(nn.Sequential(nn.Linear(kind, kind), Mixing(kind))[1], shape=(16,))


class Mixing(nn.Module):
    def __init__(self, in_type):
        super().__init__(in_type, in_type)

    def _compute(self, x):
        return x.cumsum(1)


def test_the_first_error_is_told_when_no_input_fits():
    kind = nn.FieldType(D8, [D8.regular])
    with pytest.raises(ShapeError, match=r"got \(2, 16, 33, 33\)"):
        assert_equivariant(OnlyLines(kind))


class OnlyLines(nn.Module):
    def __init__(self, in_type):
        super().__init__(in_type, in_type)

    def _check(self, x):
        if x.dim() != 3:
            raise ShapeError(f"x: expected lines, got {tuple(x.shape)}")

    def _compute(self, x):
        return x


@pytest.mark.parametrize("group", [SO3, D4], ids=group_id)
def test_sets_of_points_turn_in_their_fibres(group):
    kind = nn.FieldType(group, [group.vector, group.trivial])
    for module in (nn.NormAct(kind), nn.SelfAttention(kind, kind), nn.Restrict(kind, "C2")):
        assert_equivariant(module.double(), shape=(2, 6))
    assert_equivariant(nn.NormAct(kind), torch.randn(2, kind.size, 5))
    with pytest.raises(AssertionError, match="Mixing"):
        assert_equivariant(Mixing(kind), shape=(2, 6))


class WithFields(torch.nn.Module):
    """A forward of one's own that takes and returns fields, and names no types."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, f):
        return self.layer(f) + f


def test_field_tensors_are_passed_on():
    kind = nn.FieldType(D4, [D4.regular])
    x = kind(torch.randn(2, 8, 7, 7, dtype=torch.float64))
    layer = nn.Conv2d(kind, kind, 3, padding=1, dtype=torch.float64)
    assert_equivariant(layer, x)
    assert_equivariant(WithFields(layer), x)
    assert np.array_equal(equivariance_error(layer, x), equivariance_error(layer, x.tensor))
    with pytest.raises(AssertionError, match="WithFields is not equivariant"):
        assert_equivariant(WithFields(Shift(kind)), x)
    with pytest.raises(FieldTypeError, match="x: expected a field of type"):
        assert_equivariant(layer, nn.FieldType(D4, 8 * [D4.trivial])(x.tensor))
    with pytest.raises(FieldTypeError, match="out_type: the module returns a field of type"):
        assert_equivariant(WithFields(layer), x, out_type=nn.FieldType(D4, 8 * [D4.trivial]))
    with pytest.raises(FieldTypeError, match="in_type: expected a FieldType, got 3"):
        equivariance_error(layer, in_type=3)
    with pytest.raises(SteerError, match="module: expected one that returns a tensor, got tuple"):
        equivariance_error(Pair(), x.tensor, in_type=kind, out_type=kind)


class Pair(torch.nn.Module):
    def forward(self, x):
        return x, x


@pytest.mark.parametrize(
    "elements",
    [np.eye(3), SO3.elements if SO3.is_finite else SO3.sample(4, seed=0), np.eye(2)[0], [[[1.0]]], "C4"],
    ids=str,
)
def test_elements_of_another_size_are_refused(elements):
    with pytest.raises(GroupError, match=r"elements: expected matrices "):
        equivariance_error(nn.ReLU(REGULAR), elements=elements)
    with pytest.raises(GroupError, match=r"elements: expected matrices "):
        assert_kernel_constraint(Harmonic(1), elements=elements)


# The hexagonal lattice

C6, D6 = (steer.group(name, dim=2) for name in ("C6", "D6"))


@pytest.mark.parametrize("group", [C3, C6, D6, O2, SO2, D12, D8, D1], ids=group_id)
def test_symmetries_of_the_hexagonal_lattice_are_the_common_elements_with_d6(group):
    found = grid_symmetries(group, "hexagonal")
    expected = [g for g in D6.elements if group.contains(g)]
    assert len(found) == len(expected)
    assert np.allclose(found[0], np.eye(2))
    assert all(any(np.allclose(g, h) for h in found) for g in expected)


@pytest.mark.parametrize("group", [C6, D6, O2], ids=group_id)
def test_hexagonal_layers_are_tried_on_their_lattice(group):
    kind = nn.FieldType(group, [group.trivial, group.vector])
    layer = nn.HexConv2d(kind, kind, 3, padding=1, dtype=torch.float64)
    assert_equivariant(layer)
    assert len(equivariance_error(layer)) == len(grid_symmetries(group, "hexagonal")) >= 6
    for module in (nn.Sequential(layer, nn.NormAct(kind)), nn.HexPool(kind, 3, 1, 1), nn.HexMask(kind)):
        assert_equivariant(module, shape=(1, 9, 9))
    assert_equivariant(nn.NormAct(kind), shape=(1, 9, 9), lattice="hexagonal")
    norm = nn.BatchNorm(kind).double()
    norm.bias.data.fill_(0.5)  # it fills the corners of the square, which are no samples
    assert_equivariant(nn.Sequential(layer, norm), shape=(1, 9, 9))
    assert_equivariant(nn.Sequential(layer, norm, layer), shape=(1, 9, 9))
    with pytest.raises(AssertionError, match="Shift is not equivariant"):
        assert_equivariant(Shift(kind), shape=(1, 9, 9), lattice="hexagonal")
    if group != C6:  # whose only symmetry of the square grid is the half turn, one of both lattices
        with pytest.raises(AssertionError, match="HexConv2d is not"):
            assert_equivariant(layer, lattice="square")
    between = group.sample(3, seed=0) if not group.is_finite else group.elements[:2]
    assert_equivariant(layer, elements=between, tolerance=0.3 if not group.is_finite else 1e-9)


def test_lattices_of_input_and_output_may_differ():
    kind = nn.FieldType(D1, [D1.trivial])
    assert_equivariant(ToHexagons(), shape=(1, 9, 9), in_type=kind, out_type=kind, lattice=("square", "hexagonal"))
    for wrong in ("cubic", 3, ("square",), ("square", "cubic")):
        with pytest.raises(SteerError, match="lattice: expected 'square' or 'hexagonal'"):
            equivariance_error(nn.ReLU(REGULAR), lattice=wrong)
    with pytest.raises(GroupError, match="group: the hexagonal lattice lies in the plane"):
        grid_symmetries(O3, "hexagonal")
    with pytest.raises(ShapeError, match="x: expected a hexagonal map"):
        equivariance_error(nn.ReLU(REGULAR), torch.randn(1, 16, 4, 4), lattice="hexagonal")


class ToHexagons(torch.nn.Module):
    def forward(self, x):
        return nn.to_hexagonal(x)


# Nothing to compare


class Zero(Shift):
    def _compute(self, x):
        return x * 0


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (
            {"elements": C8.elements, "shape": (1, 4, 4)},
            "margin: 2 pixels leave nothing to compare of outputs of size 4 x 4",
        ),
        ({"elements": C8.elements, "shape": (1, 2, 2)}, "margin: 2 pixels leave nothing .* pass a larger input"),
        ({"margin": 100}, "margin: 100 pixels leave nothing to compare of outputs of size 33 x 33"),
        ({"margin": float("nan")}, "margin: expected a number of pixels >= 0, or None, got nan"),
        ({"margin": float("inf")}, "margin: expected a number"),
        ({"margin": -1}, "margin: expected a number"),
        ({"margin": True}, "margin: expected a number"),
        ({"elements": np.zeros((0, 2, 2))}, "elements: expected at least one, got none"),
        ({"elements": []}, "elements: expected "),
        ({"shape": (0, 5, 5)}, "shape: expected"),
        ({"shape": (1, 0, 5)}, "shape: expected"),
        ({"shape": (1, 5, 5, 5)}, "shape: expected"),
        ({"x": torch.zeros(0, 16, 5, 5)}, r"x: shape \(0, 16, 5, 5\) holds nothing"),
        ({"x": torch.zeros(2, 16, 0, 0)}, "x: shape .* holds nothing"),
        ({"x": torch.zeros(2, 16, 5, 5)}, "module: the output of Shift is zero wherever it is compared"),
    ],
    ids=str,
)
def test_an_empty_comparison_is_an_error(arguments, match):
    for check in (equivariance_error, assert_equivariant):
        with pytest.raises(SteerError, match=match):
            check(Shift(REGULAR), **arguments)


def test_an_output_of_zeros_says_nothing():
    for shape in ((1, 9, 9), (5,)):
        with pytest.raises(SteerError, match="module: the output of Zero is zero wherever it is compared"):
            assert_equivariant(Zero(REGULAR), shape=shape)
    with pytest.raises(SteerError, match=r"module: its output is of shape \(2, 16, 0, 33\), so that nothing"):
        assert_equivariant(Nothing(REGULAR))


class Nothing(Shift):
    def _compute(self, x):
        return x[:, :, :0]


@pytest.mark.parametrize("tolerance", [float("nan"), float("inf"), -1e-3, True, "1"])
def test_tolerances_that_pass_or_fail_everything_are_refused(tolerance):
    with pytest.raises(SteerError, match="tolerance: expected a number >= 0"):
        assert_equivariant(nn.ReLU(REGULAR), tolerance=tolerance)
    with pytest.raises(SteerError, match="tolerance: expected a number >= 0"):
        assert_kernel_constraint(Harmonic(1), tolerance=tolerance)


def test_one_output_at_the_centre_is_compared_at_all_angles():
    vectors = nn.FieldType(SO2, [SO2.vector])
    layer = nn.AdaptiveAvgPool(vectors, 1)
    assert_equivariant(layer, elements=SO2.sample(4, seed=0), tolerance=0.05)
    with pytest.raises(AssertionError):
        assert_equivariant(
            layer, elements=SO2.sample(4, seed=0), tolerance=0.05, out_type=nn.FieldType(SO2, 2 * [SO2.trivial])
        )


@pytest.mark.parametrize(
    ("kernel", "arguments", "match"),
    [
        (Harmonic(1, -1), {"elements": np.zeros((0, 2, 2))}, "elements: expected at least one, got none"),
        (Harmonic(1, -1), {"elements": []}, "elements: expected"),
        (Harmonic(1, -1), {"points": np.zeros((0, 2))}, "points: expected at least one point"),
        (Harmonic(1, -1), {"points": np.zeros(2)}, "points: expected at least one point"),
        (Harmonic(1, -1), {"points": [[0.0, 0.0]]}, "points: the kernel is zero at all 1 points"),
    ],
    ids=["no elements", "an empty list", "no points", "a point of one axis", "zero"],
)
def test_an_empty_comparison_of_kernels_is_an_error(kernel, arguments, match):
    with pytest.raises(SteerError, match=match):
        assert_kernel_constraint(kernel, **arguments)


# Size and stride


def test_a_failure_of_size_and_stride_names_its_cause():
    image, hidden = nn.FieldType(D4, [D4.trivial]), nn.FieldType(D4, [D4.regular])
    net = nn.Sequential(nn.Conv2d(image, hidden, 3, padding=1), nn.ReLU(hidden), nn.MaxPool(hidden, 3, 2, 1))
    assert_equivariant(net, shape=(1, 9, 9))
    cause = (
        r"MaxPool 2: on maps of 8 x 8 the samples along y and x do not lie .* what keeps them: maps of 7 x 7 or 9 x 9"
    )
    with pytest.raises(AssertionError, match=cause):
        assert_equivariant(net, shape=(1, 8, 8))
    with pytest.raises(AssertionError, match=r"elements fail$"):  # not of a layer that is wrong by itself
        assert_equivariant(Shift(hidden), shape=(1, 8, 8))


def test_square_layers_among_hexagonal_ones_are_named_as_the_cause():
    group = steer.group("D6", dim=2)
    hexagons = nn.FieldType(group, [group.regular])
    first = nn.HexConv2d(hexagons, hexagons, 3, padding=1)
    for square in (nn.Conv2d(hexagons, hexagons, 3, padding=1), nn.AvgPool(hexagons, 3, 1, 1)):
        name = type(square).__name__
        with pytest.raises(AssertionError, match=f"; {name} 2 has windows of the square grid, but HexConv2d 0 is of"):
            assert_equivariant(nn.Sequential(first, nn.ReLU(hexagons), square))
    # what reads one sample, or all of them, fits any lattice
    for fitting in (nn.Conv2d(hexagons, hexagons, 1), nn.AdaptiveAvgPool(hexagons, 1)):
        assert_equivariant(nn.Sequential(first, fitting))
    half = steer.group("C2", dim=2)
    fields = nn.FieldType(half, [half.regular])
    first = nn.HexConv2d(fields, fields, 3, padding=1)
    assert_equivariant(nn.Sequential(first, nn.AvgPool(fields, 3, 1, 1)))
    with pytest.raises(AssertionError) as caught:  # not the cause: half turns leave square windows what they are
        assert_equivariant(nn.Sequential(first, nn.AvgPool(fields, 3, 1, 1), Shifted(fields)))
    assert "windows" not in str(caught.value)


class Shifted(nn.Module):
    """Adds to one channel: not equivariant."""

    def __init__(self, kind):
        super().__init__(kind, kind)

    def _compute(self, x):
        return torch.cat([x[:, :1] + 1, x[:, 1:]], 1)


def test_types_are_those_of_the_wrapped_module_and_exports_are_told_how_to_pass_them():
    group = steer.group("C4", dim=2)
    fields = nn.FieldType(group, [group.regular])
    model = nn.Conv2d(fields, fields, 3, padding=1)
    averaged = torch.optim.swa_utils.AveragedModel(model)
    for wrapped in (averaged, torch.nn.DataParallel(model), torch.nn.DataParallel(averaged)):
        assert_equivariant(wrapped)
        assert_equivariant(wrapped, fields(torch.randn(1, 4, 9, 9)))
    x = torch.randn(1, 4, 9, 9)
    for exported in (steer.export(model), Exported(model)):
        with pytest.raises(FieldTypeError, match=r"has no field types; pass them, of what was exported as in_type="):
            assert_equivariant(exported, x)
        assert_equivariant(exported, x, in_type=model.in_type, out_type=model.out_type)


class Exported(torch.nn.Module):
    """Without types and modes, as the modules of torch.export."""

    def __init__(self, model):
        super().__init__()
        self.forward = model.forward

    def train(self, mode=True):
        raise NotImplementedError

    def eval(self):
        raise NotImplementedError
