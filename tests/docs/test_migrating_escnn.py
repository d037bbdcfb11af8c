"""docs/migrating/escnn.md is right: what escnn computed (escnn.npz), steer computes with the maps of that page."""

import doctest
import math

import numpy as np
import pytest
import torch

import steer
from steer import nn

from .pages import ROOT

PAGE = ROOT / "docs/migrating/escnn.md"
DATA = np.load(PAGE.parents[2] / "tests/docs/escnn.npz")
CLOSE = 2e-6
"""escnn works in float32; relative errors."""

C8, D4, D6, SO2, O2 = (steer.group(name, dim=2) for name in ("C8", "D4", "D6", "SO(2)", "O(2)"))
SO3, O3, CUBE = (steer.group(name, dim=3) for name in ("SO(3)", "O(3)", "O"))


@pytest.fixture(scope="module")
def page():
    """The functions that the page defines."""
    names: dict = {}
    for example in doctest.DocTestParser().get_examples(PAGE.read_text(encoding="utf-8")):
        if example.source.startswith(("def ", "import ", "from ", "M = ", "G = ", "image,", "second =")):
            exec(example.source, names)
    return names


def get(name):
    prefix = f"{name}/"
    return {key.removeprefix(prefix): torch.from_numpy(DATA[key]) for key in DATA.files if key.startswith(prefix)}


def regular(page, group, name, copies=1):
    return copies * [page["regular"](group, DATA[f"{name}/elements"])]


def irreps(group, *labels):
    return [group.irrep(label) for label in labels]


def cases(page):
    planar, spatial, one, half = page["planar_irrep"], page["spatial_irrep"], np.eye(1), math.pi / 2
    d3 = O2.subgroup("D3", axis=half)
    each = {
        "C8": (C8, [C8.regular], 2 * [C8.regular], regular(page, C8, "C8"), regular(page, C8, "C8", 2), 5),
        "C8 lift": (C8, [C8.trivial], 2 * [C8.regular], [one], regular(page, C8, "C8 lift", 2), 7),
        "C8 irreps": (
            C8,
            irreps(C8, "A", "E1"),
            irreps(C8, "A", "E1", "E2", "E3"),
            [one, planar(1)],
            [one, *map(planar, (1, 2, 3))],
            5,
        ),
        "D3": (d3, *2 * [[d3.regular]], *2 * [regular(page, d3, "D3")], 5),
        "SO(2)": (
            SO2,
            irreps(SO2, "0", "1", "2"),
            irreps(SO2, "0", "1", "2", "3"),
            [*map(planar, range(3))],
            [*map(planar, range(4))],
            5,
        ),
        "O(2)": (O2, *2 * [irreps(O2, "0+", "0-", "1", "2")], *2 * [[one, one, planar(1, half), planar(2, half)]], 5),
        "D4 irreps": (D4, *2 * [irreps(D4, "A1", "A2", "B1", "B2", "E")], *2 * [[*4 * [one], planar(1, half)]], 5),
        "D6 irreps": (
            D6,
            *2 * [irreps(D6, "A1", "B2", "B1", "E1", "E2")],
            *2 * [[one, one, one, planar(1, half), planar(2, half)]],
            5,
        ),
        "SO(3)": (
            SO3,
            irreps(SO3, "0", "1"),
            irreps(SO3, "0", "1", "2"),
            [*map(spatial, range(2))],
            [*map(spatial, range(3))],
            5,
        ),
        "O(3)": (O3, *2 * [irreps(O3, "0e", "1o", "1e", "2e")], *2 * [[*map(spatial, (0, 1, 1, 2))]], 3),
        "O": (CUBE, [CUBE.trivial], [CUBE.regular], [one], regular(page, CUBE, "O"), 3),
    }
    for name in ("D4", "D4 axis 0"):
        each[name] = (D4, *2 * [[D4.regular]], *2 * [regular(page, D4, name)], 5)
    return each


NAMES = (
    "C8",
    "C8 lift",
    "C8 irreps",
    "D4",
    "D4 axis 0",
    "D4 irreps",
    "D6 irreps",
    "D3",
    "SO(2)",
    "O(2)",
    "SO(3)",
    "O(3)",
    "O",
)


@pytest.mark.parametrize("name", NAMES)
def test_filters_carry_over_and_layers_give_the_same(page, name):
    group, fields_in, fields_out, maps_in, maps_out, size = cases(page)[name]
    source, target = nn.FieldType(group, fields_in), nn.FieldType(group, fields_out)
    given, into, out = get(name), page["block"](*maps_in), page["block"](*maps_out)
    rings = page["their_rings"](size)
    filters = page["carried"](given["filter"], into, out)
    assert steer.project(filters, source, target, basis=rings).residual < CLOSE
    assert 0.02 < steer.project(filters, source, target).residual < 0.2  # what the page says of the default rings
    kind = nn.Conv2d if group.dim == 2 else nn.Conv3d
    layer = kind.from_filter(filters, source, target, bias=out @ given["bias"].double(), basis=rings)
    found = layer(torch.einsum("ab,nb...->na...", into, given["x"].double()))
    expected = torch.einsum("ab,nb...->na...", out, given["y"].double())
    assert (found - expected).norm() < CLOSE * expected.norm()


@pytest.mark.parametrize("name", ["C8", "D4", "D3", "O"])
def test_regular_fields_are_permuted_as_elements_are(page, name):
    group = cases(page)[name][0]
    change = page["regular"](group, DATA[f"{name}/elements"])
    mirror = page["M"][group.dim]
    for g, theirs in zip(DATA[f"{name}/elements"], DATA[f"{name}/regular"], strict=True):
        np.testing.assert_allclose(group.regular(mirror @ g @ mirror) @ change, change @ theirs, atol=1e-6)


def test_spatial_irreps_differ_by_the_stated_matrices(page):
    mirror = page["M"][3]
    for degree in range(4):
        change = page["spatial_irrep"](degree)
        np.testing.assert_allclose(np.abs(change).sum(0), 1, atol=1e-12)  # a permutation with signs
        for g, theirs in zip(DATA["irreps of SO(3)/g"], DATA[f"irreps of SO(3)/{degree}"], strict=True):
            ours = SO3.irrep(str(degree))(mirror @ g @ mirror)
            np.testing.assert_allclose(ours @ change, change @ theirs, atol=1e-5)


def test_layers_without_filters(page):
    found = {name: get(name) for name in ("PointwiseMaxPoolAntialiased", "PointwiseAvgPoolAntialiased", "GroupPooling")}
    t = nn.FieldType(C8, 2 * [C8.regular])
    layers = {
        "PointwiseMaxPoolAntialiased": nn.Sequential(
            nn.MaxPool(t, 3, 1, 1), nn.BlurPool(t, 5, 2, sigma=0.6, padding=3)
        ),
        "PointwiseAvgPoolAntialiased": nn.BlurPool(t, 5, 2, sigma=0.66, padding=2),
        "GroupPooling": nn.GroupPool(t),
    }
    for name, layer in layers.items():  # none depends on the order within a field
        torch.testing.assert_close(layer(found[name]["x"]), found[name]["y"], rtol=1e-5, atol=1e-5)
    vectors = nn.FieldType(SO2, irreps(SO2, "1", "2"))
    turn = page["block"](page["planar_irrep"](1), page["planar_irrep"](2)).float()
    norm, given = nn.NormAct(vectors), get("NormNonLinearity")
    with torch.no_grad():
        norm.bias.copy_(-given["log_bias"].exp())
    out = norm(torch.einsum("ab,nb...->na...", turn, given["x"]))
    torch.testing.assert_close(out, torch.einsum("ab,nb...->na...", turn, given["y"]), rtol=1e-5, atol=1e-5)
    gate, given = nn.Gate(vectors), get("GatedNonLinearity1")
    gates, fields = given["x"].split([2, 4], 1)
    moved = torch.cat([fields, gates - given["bias"][:, None, None]], 1)
    torch.testing.assert_close(gate(moved), given["y"], rtol=1e-5, atol=1e-5)


def test_the_network_of_the_page(page):
    arrays = {key: value.numpy() for key, value in get("network").items()}
    net = page["port"](arrays | {"elements": DATA["C8/elements"]})
    found = net(torch.from_numpy(arrays["x"])).detach()
    expected = torch.from_numpy(arrays["y"])
    assert (found - expected).norm() < CLOSE * expected.norm()
