"""Initialisations: second moments, isometries, identities; of every kind of layer."""

import math
import re

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import BasisWarning, FieldTypeError, KernelError, ShapeError
from steer.kernels import Rings
from steer.reps import intertwiners

C4 = steer.group("C4", dim=2)
D4 = steer.group("D4", dim=2)
SO2 = steer.group("SO(2)", dim=2)
O = steer.group("O", dim=3)  # noqa: E741 - its name
MIXED = nn.FieldType(D4, [D4.regular, D4.vector, D4.trivial, D4.vector])
IRREPS = nn.FieldType(SO2, 3 * [SO2.trivial, SO2.irrep("1"), SO2.irrep("2")])
CUBE = nn.FieldType(O, [O.regular, O.vector])
LAYERS = {
    "rings": lambda: nn.Conv2d(MIXED, MIXED, 5, dtype=torch.float64),
    "pixel": lambda: nn.Conv2d(MIXED, MIXED, 3, basis="pixel", dtype=torch.float64),
    "even": lambda: nn.Conv2d(IRREPS, IRREPS, 4, dtype=torch.float64),
    "3d": lambda: nn.Conv3d(CUBE, CUBE, 3, dtype=torch.float64),
    "transposed": lambda: nn.ConvTranspose2d(MIXED, MIXED, 4, dtype=torch.float64),
    "groups": lambda: nn.Conv2d(MIXED + MIXED, MIXED + MIXED, 3, groups=2, basis="pixel", dtype=torch.float64),
    "linear": lambda: nn.Linear(MIXED, MIXED).double(),
}


def dense(layer):
    """(out, in, entries)."""
    found = layer.matrix() if isinstance(layer, nn.Linear) else layer.filter()
    return found.detach().flatten(2) if found.dim() > 2 else found.detach()[..., None]


@pytest.mark.parametrize("name", LAYERS)
def test_orthogonal_is_an_isometry_at_the_centre(name):
    layer = LAYERS[name]()
    torch.manual_seed(2)
    assert nn.init.orthogonal_(layer, gain=2.0) is layer.weight
    kernel = dense(layer)
    size = kernel.shape[1]
    # the sum of squares is that of twice an orthogonal matrix for each group
    groups = len(kernel) // size
    assert math.isclose(float(kernel.square().sum()), 4 * size * groups, rel_tol=1e-12)
    if name in ("pixel", "groups", "linear"):
        middle = kernel.shape[2] // 2
        for block in kernel[..., middle].split(size):
            torch.testing.assert_close(block @ block.T, 4 * torch.eye(size, dtype=torch.float64), rtol=0, atol=1e-12)
        kernel[..., middle] = 0
        assert kernel.abs().max() < 1e-12
    first = layer.weight.detach().clone()
    torch.manual_seed(2)
    nn.init.orthogonal_(layer, gain=2.0)
    assert torch.equal(layer.weight, first)
    nn.init.orthogonal_(layer, gain=2.0)
    assert not torch.equal(layer.weight, first)


def test_orthogonal_between_types_keeps_what_fits():
    wide = nn.FieldType(C4, 3 * [C4.trivial] + [C4.irrep("E")])
    layer = nn.Linear(wide, nn.FieldType(C4, [C4.trivial, *2 * [C4.irrep("E")]])).double()
    nn.init.orthogonal_(layer)
    sizes = torch.linalg.svdvals(layer.matrix().detach())
    # one of three scalars and the one vector fit: three directions
    torch.testing.assert_close(sizes, torch.tensor([1.0, 1, 1, 0, 0], dtype=torch.float64), rtol=0, atol=1e-12)


def test_orthogonal_matrices_of_a_complex_irrep_are_all_rotations_of_it():
    kind = nn.FieldType(SO2, [SO2.irrep("1")])
    layer = nn.Linear(kind, kind)
    angles = []
    for _ in range(40):
        nn.init.orthogonal_(layer)
        matrix = layer.matrix().detach().numpy()
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(2), atol=1e-6)
        angles.append(math.atan2(matrix[1, 0], matrix[0, 0]))
    assert len({int(4 * (angle + math.pi) / (2 * math.pi)) for angle in angles}) == 4  # every quadrant


@pytest.mark.filterwarnings("ignore:layer. its basis has no identity:steer.errors.BasisWarning")
@pytest.mark.parametrize("name", LAYERS)
def test_dirac_passes_constants(name):
    layer = LAYERS[name]()
    nn.init.dirac_(layer)
    sums = dense(layer).sum(2)
    size = sums.shape[1]
    for block in sums.split(size):
        if name in ("pixel", "groups", "linear", "rings"):
            torch.testing.assert_close(block, torch.eye(size, dtype=torch.float64), rtol=0, atol=1e-10)
        assert math.isclose(float(block.trace()), size, rel_tol=1e-10)


def test_dirac_is_the_identity_on_pixels():
    layer = nn.Conv2d(MIXED, MIXED, 3, padding=1, basis="pixel", dtype=torch.float64)
    nn.init.dirac_(layer)
    x = torch.randn(2, MIXED.size, 6, 6, dtype=torch.float64)
    torch.testing.assert_close(layer(x), x, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("group", "size"), [(SO2, 3), (SO2, 5), (D4, 5), (O, 3)], ids=str)
def test_dirac_says_what_is_off_the_centre_and_which_rings_have_none(group, size):
    kind = nn.FieldType(group, [group.trivial, group.vector])
    conv = nn.Conv2d if group.dim == 2 else nn.Conv3d
    layer = conv(kind, kind, size, padding=size // 2, dtype=torch.float64)
    with pytest.warns(BasisWarning, match=r"has no identity: 0\.\d\d of it, .* basis=Rings\(.* for all") as caught:
        nn.init.dirac_(layer)
    (told,) = re.findall(r"(0\.\d\d) of it", str(caught[0].message))
    identity = torch.zeros_like(layer.filter())
    identity[(slice(None), slice(None), *group.dim * [size // 2])] = torch.eye(kind.size, dtype=torch.float64)
    found = layer.plan.project(identity)
    assert float((found.filter - identity).norm() / identity.norm()) == pytest.approx(float(told), abs=0.006)
    (rings,) = re.findall(r"basis=(Rings\(.*\)) for all", str(caught[0].message))
    layer = conv(kind, kind, size, padding=size // 2, dtype=torch.float64, basis=eval(rings, {"Rings": Rings}))
    nn.init.dirac_(layer)
    x = torch.randn(2, kind.size, *group.dim * [6], dtype=torch.float64)
    torch.testing.assert_close(layer(x), x, rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", LAYERS)
def test_normal_is_that_of_a_fresh_layer(name):
    torch.manual_seed(7)
    fresh = LAYERS[name]()
    layer = LAYERS[name]()
    torch.manual_seed(7)
    nn.init.normal_(layer)
    if name != "linear":  # which is drawn in float32 and then converted
        assert torch.equal(layer.weight, fresh.weight)
    torch.manual_seed(7)
    nn.init.normal_(layer, gain=3.0)
    scales = torch.from_numpy(layer._scales())
    torch.manual_seed(7)
    torch.testing.assert_close(layer.weight, torch.empty_like(layer.weight).normal_() * scales * 3, rtol=1e-12, atol=0)


def test_irreps_of_reducible_fields_have_one_variance():
    O2 = steer.group("O(2)", dim=2)
    fields = [
        O2.band_limited(2),
        O2.trivial,
        O2.irrep("1").tensor(O2.irrep("2")) + O2.trivial,
        O2.vector.tensor(O2.vector),
    ]
    plan = nn.Conv2d(nn.FieldType(O2, fields), nn.FieldType(O2, fields), 5).plan
    basis = plan.expand(torch.eye(plan.num_weights, dtype=torch.float64)).flatten(3).numpy()
    start = 0
    for rep in fields:
        rows = basis[:, start : start + rep.size]
        covariance = np.einsum("n,nixm,njxm->ij", plan.scales() ** 2, rows, rows, optimize=True)
        variances = np.diag(rep.change_of_basis.T @ covariance @ rep.change_of_basis)
        column = 0
        for psi in rep.irreps:  # on average over the components, because the grid is not round
            np.testing.assert_allclose(variances[column : column + psi.size].mean(), 1, rtol=1e-10)
            column += psi.size
        start += rep.size


def test_errors():
    layer = LAYERS["rings"]()
    for call in (nn.init.normal_, nn.init.orthogonal_, nn.init.dirac_):
        with pytest.raises(FieldTypeError, match=r"layer: expected a layer with coefficients such as nn.Conv2d, got"):
            call(torch.nn.Conv2d(1, 1, 1))
    for gain in (0.0, -1.0, math.inf, math.nan):
        for call in (nn.init.normal_, nn.init.orthogonal_):
            with pytest.raises(ShapeError, match="gain: expected a positive number, got"):
                call(layer, gain)
    other = nn.Conv2d(MIXED, nn.FieldType(D4, [D4.regular]), 3)
    with pytest.raises(FieldTypeError, match=r"layer: the identity needs one type, got .*orthogonal_"):
        nn.init.dirac_(other)
    lift = nn.Conv2d(nn.FieldType(D4, [D4.trivial]), nn.FieldType(D4, [D4.vector]), 3)
    before = lift.weight.detach().clone()
    assert not len(intertwiners(D4.trivial, D4.vector))
    with pytest.raises(KernelError, match=r"layer: an isometry needs an equivariant matrix .* use nn.init.normal_"):
        nn.init.orthogonal_(lift)
    assert torch.equal(lift.weight, before)
