"""docs/migrating/e3nn.md is right: e3nn and steer compute the same, with the changes of basis of that page."""

import doctest
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from e3nn import nn as theirs
from e3nn import o3

import steer
from steer import nn

PAGE = Path(__file__).parents[2] / "docs/migrating/e3nn.md"
O3, SO3 = (steer.group(name, dim=3) for name in ("O(3)", "SO(3)"))


@pytest.fixture(scope="module")
def page():
    """The functions that the page defines."""
    names: dict = {}
    for example in doctest.DocTestParser().get_examples(PAGE.read_text(encoding="utf-8")):
        if example.source.startswith(("def ", "class ", "import ", "from ", "O3 = ", "fields = ", "CYCLE", "POINT")):
            exec(example.source, names)
    return names


@pytest.mark.parametrize("degree", range(5))
def test_harmonics_and_irreps(page, degree):
    change = page["change"](degree)
    points = np.random.default_rng(0).normal(size=(20, 3))
    for normalize, ours in ((True, steer.reps.harmonics), (False, steer.reps.solid_harmonics)):
        found = o3.spherical_harmonics(degree, torch.tensor(points), normalize, "component").numpy()
        np.testing.assert_allclose(found @ change.T, ours(points, degree), atol=1e-11)
    for normalization, factor in (("norm", math.sqrt(2 * degree + 1)), ("integral", math.sqrt(4 * math.pi))):
        found = factor * o3.spherical_harmonics(degree, torch.tensor(points), True, normalization).numpy()
        np.testing.assert_allclose(found @ change.T, steer.reps.harmonics(points, degree), atol=1e-11)
    turns = SO3.sample(4, seed=0)
    for parity, sign in (("e", 1), ("o", -1)):
        irrep = o3.Irrep(f"{degree}{parity}")
        for g in (*turns, *-turns):
            matrix = change @ irrep.D_from_matrix(torch.tensor(g)).numpy() @ change.T
            np.testing.assert_allclose(matrix, O3.irrep(f"{degree}{parity}")(g), atol=1e-11)
        assert irrep.p == sign


@pytest.mark.parametrize("text", ["8x0e+4x1o", "1x0e", "2o", "3x2e+1x0o+2x3o+1x2e", "1x4e+1x1e", "2x1y+1x2y"])
def test_strings_of_irreps_and_their_features(text):
    irreps, kind = o3.Irreps(text), nn.FieldType.from_irreps(text)
    assert nn.FieldType.from_irreps(irreps) == kind
    assert nn.FieldType.from_irreps(irreps, SO3).size == kind.size == irreps.dim
    assert o3.Irreps(kind.irreps_string).simplify() == irreps.simplify()
    x = torch.randn(5, irreps.dim, dtype=torch.float64)
    change = torch.tensor(steer.reps.e3nn_basis(kind))
    for g in O3.sample(6, seed=0):
        moved = x @ irreps.D_from_matrix(torch.tensor(g)).T
        torch.testing.assert_close(kind.transform(x @ change.T, g), moved @ change.T, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(kind.transform(x @ change.T, g) @ change, moved, rtol=1e-10, atol=1e-10)


def test_harmonics_of_all_degrees_in_one_vector():
    irreps = o3.Irreps.spherical_harmonics(5)
    points = np.random.default_rng(0).normal(size=(20, 3))
    found = o3.spherical_harmonics(irreps, torch.tensor(points), True, "component").numpy()
    ours = np.concatenate([steer.reps.harmonics(points, degree) for degree in range(6)], axis=-1)
    change = steer.reps.e3nn_basis(nn.FieldType.from_irreps(irreps))
    np.testing.assert_allclose(found @ change.T, ours, atol=1e-11)
    fields = nn.FieldType(O3, [O3.harmonic(degree) for degree in range(6)])  # the same as no irreps
    assert fields.irreps_string == nn.FieldType.from_irreps(irreps).irreps_string
    np.testing.assert_allclose(steer.reps.e3nn_basis(fields), change, atol=1e-12)


def test_euler_angles():
    a, b, c = 0.3, 0.5, 0.7

    def turn(axis, t):
        out = np.eye(3)
        i, j = (axis + 1) % 3, (axis + 2) % 3
        out[[i, i, j, j], [i, j, i, j]] = math.cos(t), -math.sin(t), math.sin(t), math.cos(t)
        return out

    found = o3.angles_to_matrix(*map(torch.tensor, (a, b, c))).numpy()
    np.testing.assert_allclose(found, turn(1, a) @ turn(0, b) @ turn(1, c), atol=1e-12)


@pytest.mark.parametrize("degrees", [(1, 1, 0), (1, 1, 1), (1, 1, 2), (2, 1, 1), (2, 2, 2), (3, 2, 1)])
def test_clebsch_gordan_tensors(page, degrees):
    (ours,) = steer.reps.clebsch_gordan(*(SO3.irrep(str(degree)) for degree in degrees))
    a, b, c = map(page["change"], degrees)
    found = np.einsum("xi,yj,zk,ijk->zxy", a, b, c, o3.wigner_3j(*degrees).numpy())
    assert math.isclose(np.linalg.norm(ours), 1, rel_tol=1e-12)
    np.testing.assert_allclose(found * np.sign(np.sum(found * ours)), ours, atol=1e-12)


def test_linear_maps(page):
    source, target = "3x0e + 2x1o + 2x2e", "2x0e + 3x2e + 1x1o"
    layer = o3.Linear(source, target)
    types = page["fields"](source), page["fields"](target)
    ours = page["linear"](layer(torch.eye(types[0].size)).T.detach(), *types)
    x = torch.randn(6, types[0].size)
    into, out = map(page["changes"], types)
    torch.testing.assert_close(ours(x @ into.T), layer(x) @ out.T, rtol=1e-10, atol=1e-10)
    assert ours.weight.numel() == layer.weight.numel()


def layer_irreps(layer):
    return layer.irreps_in1, layer.irreps_in2, layer.irreps_out


def their_weights(page, layer, weight):
    """Weights of theirs as ours: those of each path by the sign between the two Clebsch-Gordan tensors."""
    out, start = [], 0
    for path in layer.instructions:
        irreps = [kind[at].ir for kind, at in zip(layer_irreps(layer), path[:3], strict=True)]
        a, b, c = (page["change"](irrep.l) for irrep in irreps)
        (ours,) = steer.reps.clebsch_gordan(*(O3.irrep(str(irrep)) for irrep in irreps))
        found = np.einsum("xi,yj,zk,ijk->zxy", a, b, c, o3.wigner_3j(*(irrep.l for irrep in irreps)).numpy())
        if not path.has_weight:
            assert np.sum(found * ours) > 0, "the sign of a path without weights is not to be changed"
            continue
        count = math.prod(path.path_shape)
        out.append(weight[..., start : start + count] * float(np.sign(np.sum(found * ours))))
        start += count
    return out


def test_fully_connected_tensor_products(page):
    names = "4x0e + 2x1o + 1x2e", "1x1o + 1x0e", "3x0e + 2x1o + 1x2e"
    layer = o3.FullyConnectedTensorProduct(*names)
    types = [page["fields"](name) for name in names]
    order = [
        tuple(irreps[at].ir for irreps, at in zip(layer_irreps(layer), path[:3], strict=True))
        for path in layer.instructions
    ]
    paths = [tuple(O3.irrep(str(irrep)) for irrep in path) for path in order]
    ours = nn.Bilinear(*types, paths).double()
    weight = torch.cat(their_weights(page, layer, layer.weight.detach()))
    with torch.no_grad():
        ours.weight.copy_(weight)
    assert ours.num_weights == layer.weight_numel == nn.Bilinear(*types).num_weights
    x, y = torch.randn(20, types[0].size), torch.randn(20, types[1].size)
    expected = layer(x, y) @ page["changes"](types[2]).T
    found = ours(x @ page["changes"](types[0]).T, y @ page["changes"](types[1]).T)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("mode", ["uvu", "uuu"])
def test_instructions_with_given_weights(page, mode):
    first, second, out = "3x0e + 3x1o", "1x0e + 1x1o" if mode == "uvu" else "3x0e + 3x1o", "3x0e + 3x1o + 3x1e"
    slots = [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 1, 2)]
    instructions = [(*slot, mode, slot != (1, 0, 1)) for slot in slots]
    layer = o3.TensorProduct(first, second, out, instructions, shared_weights=False, internal_weights=False)
    types = [page["fields"](name) for name in (first, second, out)]
    paths = [
        (*(O3.irrep(str(irreps[at].ir)) for irreps, at in zip(layer_irreps(layer), path[:3], strict=True)), *path[3:])
        for path in instructions
    ]
    ours = nn.Bilinear(*types, paths, own_weights=False).double()
    assert ours.num_weights == layer.weight_numel
    weight = torch.randn(7, layer.weight_numel)
    x, y = torch.randn(7, types[0].size), torch.randn(7, types[1].size)
    expected = layer(x, y, weight) @ page["changes"](types[2]).T
    found = ours(
        x @ page["changes"](types[0]).T,
        y @ page["changes"](types[1]).T,
        weight=torch.cat(their_weights(page, layer, weight), 1),
    )
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_products_of_fields(page):
    layer = o3.ElementwiseTensorProduct("2x1o", "2x1o")
    kind = page["fields"]("2x1o")
    ours = nn.TensorProduct(kind, kind).double()
    x, y = torch.randn(5, 6), torch.randn(5, 6)
    assert str(layer.irreps_out) == "2x0e+2x1e+2x2e"
    expected = layer(x, y) @ page["changes"](ours.out_type).T
    torch.testing.assert_close(ours(torch.cat([x, y], 1)), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("formula", ["ij=ji", "ij=-ji", "ijk=jik=ikj", "ijkl=jikl=klij"])
def test_reduced_tensor_products(formula):
    theirs = o3.ReducedTensorProducts(formula, i="1o")
    ours = steer.reps.reduced_tensor_product(formula, i=O3.vector)
    assert sorted(f"1x{psi.label}" for psi in ours.irreps) == sorted(
        f"1x{irrep}" for count, irrep in theirs.irreps_out for _ in range(count)
    )
    projectors = [np.tensordot(basis, basis, (0, 0)) for basis in (ours.tensors, theirs.change_of_basis.numpy())]
    np.testing.assert_allclose(*projectors, atol=1e-6)


def test_gates(page):
    gate = theirs.Gate("2x0e", [torch.nn.functional.silu], "2x0e", [torch.sigmoid], "1x1o + 1x2e")
    factors = gate.act_scalars.acts[0].cst, gate.act_gates.acts[0].cst
    assert [round(factor, 2) for factor in factors] == [1.68, 1.85]
    hidden = page["fields"]("2x0e + 1x1o + 1x2e")
    ours = nn.Gate(hidden)
    x = torch.randn(5, 12)
    scalars, gates, gated = x.split([2, 2, 8], 1)
    change = page["changes"](hidden)
    found = ours(torch.cat([torch.cat([scalars, gated], 1) @ change.T, gates], 1))
    scale = torch.tensor(2 * [factors[0]] + 8 * [factors[1]])
    torch.testing.assert_close(found * scale, gate(x) @ change.T, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("acts", "gates", "function"),
    [
        ([torch.nn.functional.silu, torch.tanh], "2x0o", torch.tanh),  # changes the parity of what is gated
        ([torch.nn.functional.silu, torch.sin], "2x0o", torch.abs),
        ([torch.nn.functional.silu, torch.tanh], "2x0e", torch.sigmoid),
    ],
)
def test_gates_that_change_sign(page, acts, gates, function):
    gate = theirs.Gate("2x0e + 1x0o", acts, gates, [function], "1x1e + 1x2o")
    hidden = page["fields"](str(gate.irreps_out))
    ours = nn.Gate(hidden, function, pseudoscalars=acts[1], gates=page["fields"](gates))
    assert ours.field_type == page["fields"]("2x0e + 1x0o + 1x1e + 1x2o")
    x = torch.randn(5, 13)
    scalars, given, gated = gate.sc(x)  # there they are sorted
    found = ours(torch.cat([scalars, gated], 1) @ page["changes"](ours.field_type).T, given)
    factors = [*(act.cst for act in gate.act_scalars.acts), gate.act_gates.acts[0].cst]
    scale = torch.tensor(2 * [factors[0]] + [factors[1]] + 8 * [factors[2]])
    torch.testing.assert_close(found * scale, gate(x) @ page["changes"](hidden).T, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("function", [torch.tanh, torch.abs, torch.sin, torch.square, torch.cos])
def test_functions_of_pseudoscalars(page, function):
    layer, ours = theirs.Activation("4x0o", [function]), nn.Pointwise(page["fields"]("4x0o"), function)
    assert page["fields"](str(layer.irreps_out)) == ours.out_type
    x = torch.randn(7, 4)
    torch.testing.assert_close(ours(x) * layer.acts[0].cst, layer(x), rtol=1e-12, atol=1e-12)
    for wrong in (torch.relu, torch.exp):
        with pytest.raises(ValueError, match="parity"):
            theirs.Activation("4x0o", [wrong])
        with pytest.raises(steer.errors.FieldTypeError, match="odd"):
            nn.Pointwise(page["fields"]("4x0o"), wrong)


def test_batch_normalisation(page):
    layer, ours = theirs.BatchNorm("2x0e + 3x1o"), nn.BatchNorm(page["fields"]("2x0e + 3x1o")).double()
    x = 2 * torch.randn(50, 11) + 1
    torch.testing.assert_close(ours(x), layer(x), rtol=1e-10, atol=1e-10)
    biased = torch.tensor([49 / 50] * 2 + [1] * 3)
    torch.testing.assert_close(layer.running_var - 0.9, (ours.running_var - 0.9) * biased, rtol=1e-6, atol=1e-6)
