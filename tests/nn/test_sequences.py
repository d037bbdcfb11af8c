"""Convolutions of sequences: the reflection of a line, and groups that turn the channels alone."""

import itertools

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, GroupError, KernelError, RepresentationError
from steer.kernels import Grid, Pixels, Rings, kernel_basis
from steer.reps import direct_product, harmonic_size, harmonics, intertwiners, solid_harmonics, with_action
from steer.testing import assert_equivariant, assert_group, assert_kernel_constraint
from tests.catalogue import group_id

from .symmetries import require_symmetry

C1, D1 = (steer.group(name, dim=1) for name in ("C1", "D1"))
C3, D4 = (steer.group(name, dim=2) for name in ("C3", "D4"))
SO3, O3 = (steer.group(name, dim=3) for name in ("SO(3)", "O(3)"))
FLIPPED = with_action(D4, D4.irrep("B1"))  # half of the elements reverse the line
TURNED = with_action(SO3, SO3.trivial)
PARITY = with_action(O3, O3.irrep("0o"))  # the inversion reverses the line too
INSIDE = direct_product(D1, C3)
GROUPS = [C1, D1, FLIPPED, TURNED, PARITY, INSIDE]


def kind_of(group):
    irreps = group.irreps(None if group.is_finite else 1)
    last = group.regular if group.is_finite else irreps[0]
    return nn.FieldType(group, [irreps[-1], group.vector, group.trivial, last])


def elements(group):
    return group.elements if group.is_finite else group.sample(6, seed=0)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_it_is_a_group(group):
    assert_group(group)


@pytest.mark.parametrize("group", [C1, D1], ids=group_id)
def test_groups_of_a_line(group):
    assert group is steer.group(group.name, dim=1)
    assert (group.dim, group.element_size, group.order) == (1, 1, len(group.elements))
    assert group.vector.irreps == group.harmonic(1).irreps == (group.irreps()[-1],)
    assert group.subgroups()[0] == group.trivial_subgroup == C1 <= group
    assert [psi.frequency for psi in group.irreps()] == list(range(group.order))
    assert group.irreps(0) == (group.trivial,)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_harmonics_are_one_and_the_sign(group):
    x = np.array([[-2.5], [0.0], [0.3], [1e-300]])
    assert harmonics(x, 0).ravel().tolist() == [1, 1, 1, 1]
    assert harmonics(x, 1).ravel().tolist() == [-1, 0, 1, 1]
    np.testing.assert_array_equal(solid_harmonics(x, 1), x)
    np.testing.assert_array_equal(harmonics(torch.tensor(x), 1).numpy(), harmonics(x, 1))
    for degree, g in itertools.product((0, 1), elements(group)):
        moved = harmonics(x @ group.action(g).T, degree)
        np.testing.assert_allclose(moved, harmonics(x, degree) @ group.harmonic(degree)(g).T, atol=1e-12)
        assert harmonic_size(1, degree) == 1


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
@pytest.mark.parametrize("size", [1, 4, 5])
def test_rings_span_all_kernels_of_a_size(group, size):
    # by hand: kernels on the pairs of x and -x are free up to what reverses the line
    points = Grid((size,)).points
    kind = kind_of(group)
    for a, b in itertools.product(dict.fromkeys(kind), repeat=2):
        basis = kernel_basis(a, b, radial=Rings.for_kernel((size,)))
        assert_kernel_constraint(basis)
        even, odd = (len(intertwiners(a.tensor(group.harmonic(degree)), b)) for degree in (0, 1))
        assert len(basis) == (size + 1) // 2 * even + size // 2 * odd
        if not len(basis):
            continue
        samples = basis.sample(points).reshape(len(basis), -1)
        assert np.linalg.matrix_rank(samples) == len(basis)
        if group.is_finite:
            pixels = kernel_basis(a, b, radial=Pixels(Grid((size,)))).sample(points).reshape(len(basis), -1)
            assert np.linalg.matrix_rank(np.concatenate([samples, pixels])) == len(basis)


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
@pytest.mark.parametrize("basis", ["rings", "pixel"])
def test_layers_commute_with_all_elements(group, basis):
    if basis == "pixel" and not group.is_finite:
        return
    kind = kind_of(group)
    for size, layer in itertools.product((3, 4), (nn.Conv1d, nn.ConvTranspose1d)):
        made = layer(kind, kind, size, stride=2, padding=1, basis=basis, unreached="ignore").double()
        torch.nn.init.normal_(made.bias)
        x = torch.randn(2, kind.size, 9 if size == 3 else 10, dtype=torch.float64)
        assert_equivariant(made, x, elements=elements(group), tolerance=1e-12)


def test_the_action_on_a_sequence_reverses_it():
    kind = nn.FieldType(D1, [D1.trivial, D1.vector, D1.regular])
    x = torch.randn(2, 4, 7)
    moved = kind.transform(x, [[-1.0]])
    assert torch.equal(moved, torch.stack([x[:, 0], -x[:, 1], x[:, 3], x[:, 2]], 1).flip(2))
    features, points = kind.transform_points(x, torch.arange(7.0)[:, None], [[-1.0]])
    assert torch.equal(points[:, 0], -torch.arange(7.0))
    assert torch.equal(features, moved.flip(2))
    vectors = nn.FieldType(TURNED, [SO3.vector.restrict(TURNED)])
    g = SO3.sample(1, seed=0)[0]
    x = torch.randn(2, 3, 5, dtype=torch.float64)
    torch.testing.assert_close(vectors.transform(x, g), torch.einsum("ij,njt->nit", torch.tensor(g), x))


def test_transposed_is_the_adjoint():
    kind, other = nn.FieldType(D1, [D1.regular, D1.vector]), nn.FieldType(D1, [D1.trivial, D1.regular])
    conv = nn.Conv1d(kind, other, 5, stride=2, padding=2, bias=False).double()
    back = nn.ConvTranspose1d(other, kind, 5, stride=2, padding=2, bias=False).double()
    back.load_state_dict(conv.state_dict())
    x, y = torch.randn(1, 3, 9, dtype=torch.float64), torch.randn(1, 3, 5, dtype=torch.float64)
    torch.testing.assert_close((conv(x) * y).sum(), (x * back(y)).sum())


@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_upsample_is_torch_on_a_row(mode):
    layer = nn.Upsample(nn.FieldType(D1, [D1.regular]), scale_factor=1.5, mode=mode).double()
    x = torch.randn(2, 2, 8, dtype=torch.float64)
    options = {"scale_factor": (1.0, 1.5), "recompute_scale_factor": True}
    row = torch.nn.functional.interpolate(x[:, :, None], mode=f"bi{mode}", **options)[:, :, 0]
    torch.testing.assert_close(layer(x), row)


def test_models_take_sequences():
    signal, vectors = nn.FieldType(D1, [D1.trivial]), nn.FieldType(D1, [D1.vector])
    assert_equivariant(nn.models.ResNet(signal, 3, channels=(4, 8), blocks=1), shape=(2, 16))
    assert_equivariant(nn.models.UNet(signal, vectors, channels=(4, 4)), shape=(2, 16))


@pytest.mark.parametrize("make", ["scores", "vectors"])
def test_models_see_what_the_group_turns_but_no_harmonic(make):
    vectors = nn.FieldType(TURNED, [TURNED.irrep("1")])
    if make == "scores":
        net = nn.models.ResNet(vectors, 3, channels=(8, 8), blocks=1)
        torch.nn.init.normal_(net.stage1[1].body.conv2.weight)  # zero at first
    else:
        net = nn.models.UNet(vectors, vectors, channels=(8,))
    x = torch.randn(6, 3, 8)
    net.train()(x)
    y = net.eval()(x)
    assert y.std(0).min() > 0.01
    moved = net(vectors.transform(x, SO3.sample(6, seed=0)))
    expected = y if make == "scores" else vectors.transform(y, SO3.sample(6, seed=0))
    assert (moved - expected).norm() < 0.1 * y.norm()  # nonlinearities on samples of functions of the group
    series = nn.FieldType(TURNED, [TURNED.trivial])
    assert nn.models.ResNet(series, 3, channels=(4,), blocks=1).head.in_type.kinds.keys() == {TURNED.trivial}


def test_fields_that_no_kernel_reaches_on_a_line():
    source, target = (nn.FieldType(TURNED, [TURNED.irrep(name)]) for name in "12")
    with pytest.raises(KernelError, match="no larger kernel would reach it"):
        nn.Conv1d(source, target, 3, unreached="error")
    layer = nn.Conv1d(source + target, target, 3, unreached="error")
    assert layer.weight.numel() == 3


@pytest.mark.parametrize("group", [TURNED, PARITY], ids=group_id)
def test_some_of_infinitely_many_symmetries_of_the_grid(group):
    kind = kind_of(group)
    require_symmetry(nn.Conv1d(kind, kind, 3, padding=1), (7,))


def test_filters_become_layers():
    kind = nn.FieldType(D1, [D1.regular])
    layer = nn.Conv1d(kind, kind, 5, bias=False)
    assert steer.project(layer.filter(), kind, kind).residual < 1e-6
    again = nn.Conv1d.from_filter(layer.filter(), kind, kind)
    torch.testing.assert_close(again.filter(), layer.filter())
    assert layer.points.ravel().tolist() == [-2, -1, 0, 1, 2]


CASES = {
    "name": (lambda: steer.group("D2", dim=1), GroupError, r"name: no group of a line is called 'D2'; .*with_action"),
    "no name": (lambda: steer.group(2, dim=1), GroupError, "name: expected a string, 'C1' or 'D1', got 2"),
    "dimension": (lambda: steer.group("D1", dim=0), GroupError, r"dim: expected 1 \(a line\), 2 \(the plane\) or 3"),
    "degree": (
        lambda: D1.harmonic(2),
        RepresentationError,
        "degree: there are no harmonics above degree 1 in 1 dimension, got 2",
    ),
    "points": (lambda: harmonics([[1.0]], 2), RepresentationError, "degree: a line has harmonics of degree 0 and 1"),
    "frequency": (
        lambda: nn.Conv1d(*2 * [nn.FieldType(D1, [D1.regular])], 5, max_frequency=2),
        KernelError,
        "max_frequency: a 5 kernel carries frequencies from 0 to 1, got 2",
    ),
    "plane": (
        lambda: nn.Conv1d(*2 * [nn.FieldType(D4, [D4.regular])], 5),
        FieldTypeError,
        r"in_type: Conv1d acts on 1-dimensional space, got a type of .*D4.*steer\.reps\.with_action\(G, rep\)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_errors(case):
    call, error, message = CASES[case]
    with pytest.raises(error, match=message):
        call()
