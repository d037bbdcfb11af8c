"""The audit of a network: what it measures is what the checks measure, and each layer's part is told where it is."""

import copy
import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import steer
from steer import nn
from steer.cli import app
from steer.errors import FieldTypeError, GroupError, ShapeError, SteerError
from steer.testing import equivariance_error

C4, C8, D4, SO2, OCT = (
    steer.group(name, dim=dim) for name, dim in (("C4", 2), ("C8", 2), ("D4", 2), ("SO(2)", 2), ("O", 3))
)
IMAGE, HIDDEN = nn.FieldType(C8, [C8.trivial]), nn.FieldType(C8, [C8.regular])
SHAPE = (4, 1, 13, 13)


def chain():
    torch.manual_seed(0)
    convs = nn.Conv2d(IMAGE, HIDDEN, 5, padding=2, basis="rings"), nn.Conv2d(HIDDEN, HIDDEN, 3, basis="least_aliasing")
    return nn.Sequential(convs[0], nn.ReLU(HIDDEN), convs[1], nn.GroupPool(HIDDEN))


class Shift(nn.Module):
    """Not equivariant: moves the image by one pixel along x."""

    def __init__(self, in_type):
        super().__init__(in_type, in_type)

    def _compute(self, x):
        return x.roll(1, -1)


class Own(torch.nn.Module):
    """A network of one's own, without types: steer's layers, a plain one among them, a head on invariants."""

    def __init__(self, norm=None):
        super().__init__()
        self.body, self.norm, self.head = chain(), norm, torch.nn.Linear(1, 3)
        self.unused = torch.nn.ReLU()

    def forward(self, x):
        x = x if self.norm is None else self.norm(x)
        return self.head(self.body(x).mean((-1, -2)))


def test_errors_of_the_output_are_those_of_the_checks():
    net = chain().train()
    state = copy.deepcopy(net.state_dict())
    found = steer.audit(net, SHAPE, elements=C8.elements)
    same = {"elements": C8.elements, "shape": (4, 13, 13), "inputs": "waves"}
    errors = equivariance_error(net, dtype=torch.float32, **same)
    assert found.error_float32 == pytest.approx(errors[1::2].max(), rel=1e-4)
    doubled = equivariance_error(copy.deepcopy(net).double(), **same)
    assert found.error == pytest.approx(doubled[1::2].max(), rel=1e-9)
    assert found.exact < 1e-12 < found.exact_float32 < 1e-5
    assert found.worst == found.error
    assert found.elements == (4, 4)
    assert net.training
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())
    assert all(parameter.dtype == torch.float32 for parameter in net.parameters())


def test_rows_say_what_each_layer_does():
    found = steer.audit(chain(), SHAPE)
    conv, relu, second, pool = found.rows
    assert [row.layer for row in found.rows] == ["Conv2d", "ReLU", "Conv2d", "GroupPool"]
    assert (conv.fields, conv.in_shape, conv.out_shape) == ("regular of C8", (1, 13, 13), (8, 13, 13))
    assert (conv.padding, second.padding, conv.band_limit, second.band_limit) == ("2 zeros", "", None, 0.5)
    assert conv.before < 1e-12 < conv.after
    assert conv.alone == pytest.approx(conv.after, rel=0.5)
    assert relu.alone < 1e-12
    assert [row.before for row in found.rows[1:]] == [row.after for row in found.rows[:-1]]
    assert pool.after == found.error
    assert sum(row.share for row in found.rows) == pytest.approx(1)
    assert all(row.centre in (True, None) and not row.lost for row in found.rows)
    assert json.loads(json.dumps(dataclasses.asdict(found)))["rows"][0]["after"] == conv.after
    text = str(found)
    assert len(text.splitlines()) == 7
    assert f"{100 * found.error:.2f}%" in text
    assert repr(found).startswith("<Audit of 4 layers: exact ")


@pytest.mark.parametrize("place", [0, 2, 4])
def test_the_layer_that_breaks_equivariance_is_found(place):
    net = chain()
    kind = net[place].in_type if place < len(net) else net.out_type
    net.insert(place, Shift(kind))
    found = steer.audit(net, SHAPE, elements=C4.elements)
    assert found.error is None
    assert found.exact > 0.1
    worst = max(found.rows, key=lambda row: row.share)
    assert (worst.layer, worst.name) == ("Shift", str(place))
    assert worst.exact_before < 1e-12
    assert worst.exact_after > 0.1
    assert "Shift" in str(found)


def test_a_stride_that_loses_the_centre_is_told():
    found = steer.audit(nn.AvgPool(HIDDEN, 2), (4, 8, 9, 9))
    (row,) = found.rows
    assert row.centre is False
    assert row.sizes == found.sizes == ((8, 8), (10, 10))
    assert f"(itself): {row.lost}" in found.notes()
    assert found.exact == row.exact_after > 1e-3


@pytest.mark.slow
def test_strides_that_lose_the_centre_are_told_with_sizes_that_keep_it():
    net = nn.Sequential(nn.Conv2d(IMAGE, HIDDEN, 3, padding=1), nn.AvgPool(HIDDEN, 2))
    found = steer.audit(net, SHAPE)
    assert [row.centre for row in found.rows] == [True, False]
    assert found.rows[1].sizes == found.sizes == ((12, 12), (14, 14))
    assert "what keeps them: maps of 12 x 12 or 14 x 14" in found.rows[1].lost
    assert found.exact > 1e-3
    even = steer.audit(net, (4, 1, 12, 12))
    assert even.exact < 1e-12
    assert even.sizes == ()


def test_plain_layers_are_told():
    found = steer.audit(Own(), SHAPE)
    assert found.error == found.rows[4].after
    assert "taken for invariant" in found.rows[4].note
    assert (found.rows[4].layer, found.rows[4].fields) == ("torch.nn.Linear", "")
    assert found.rows[5].note == "was not called"
    assert found.exact < 1e-12
    with_norm = steer.audit(Own(torch.nn.InstanceNorm2d(1)), SHAPE)
    assert with_norm.rows[0].after is None
    assert "nothing says how its output transforms" in with_norm.rows[0].note
    assert with_norm.exact < 1e-12
    assert str(with_norm)


D1, AXIS = steer.group("D1", dim=1), steer.group("C4", dim=3)
HEX = nn.FieldType(C8, [C8.trivial])
FLIP = nn.FieldType(D1, [D1.regular])
VOXELS = nn.FieldType(AXIS, [AXIS.trivial, AXIS.vector])
VECTORS = nn.FieldType(SO2, [SO2.trivial, SO2.vector])
SMALL = nn.FieldType(D4, [D4.trivial])


def restricted():
    change = nn.Restrict(VECTORS, C4)
    return nn.Sequential(nn.Conv2d(VECTORS, VECTORS, 3), change, nn.Conv2d(change.out_type, change.out_type, 3))


def beside():
    ways = nn.Branch(nn.Conv2d(IMAGE, HIDDEN, 3, padding=1), nn.Identity(IMAGE))
    return nn.Sequential(ways, nn.Residual(nn.Conv2d(ways.out_type, ways.out_type, 3, padding=1)))


NETWORKS = {
    "hexagonal": (lambda: nn.HexConv2d(HEX, HIDDEN, 3, padding=1), (2, 1, 7, 7), 1),
    "branches": (beside, (2, 1, 9, 9), 3),
    "restricted": (restricted, (2, 3, 9, 9), 3),
    "line": (lambda: nn.Conv1d(FLIP, FLIP, 3, padding=1), (2, 2, 9), 1),
    "voxels": (lambda: nn.Conv3d(VOXELS, VOXELS, (1, 3, 3), spacing=(2, 1, 1)), (2, 4, 3, 5, 5), 1),
    "features": (lambda: nn.Sequential(nn.Linear(HIDDEN, HIDDEN), nn.ReLU(HIDDEN)), (2, 8), 2),
    "resnet": (lambda: nn.models.ResNet(SMALL, 3, channels=(8,), blocks=1), (2, 1, 9, 9), None),
    "unet": (lambda: nn.models.UNet(SMALL, SMALL, channels=(8, 8)), (2, 1, 9, 9), None),
}


@pytest.mark.parametrize(
    "name", [*list(NETWORKS)[:-2], *(pytest.param(name, marks=pytest.mark.slow) for name in ("resnet", "unet"))]
)
def test_networks_of_all_kinds(name):
    build, shape, rows = NETWORKS[name]
    found = steer.audit(build(), shape)
    assert rows is None or len(found.rows) == rows
    assert found.exact is None or found.exact < 1e-11
    assert all(row.after is None or math.isfinite(row.after) for row in found.rows)
    assert all(row.exact_after is not None for row in found.rows) or found.exact is None
    assert str(found)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ((7, SHAPE), SteerError, "model: expected a network"),
        ((torch.nn.ReLU(), SHAPE), FieldTypeError, "in_type: nothing in ReLU has a field type"),
        ((nn.ReLU(HIDDEN), SHAPE), ShapeError, r"expected a tensor \(batch, 8"),
        ((nn.ReLU(HIDDEN), "x"), ShapeError, "input_shape: expected"),
        ((nn.ReLU(HIDDEN), (0, 8, 5, 5)), ShapeError, "input_shape: expected"),
    ],
    ids=str,
)
def test_what_cannot_be_audited_is_refused(arguments, error, match):
    with pytest.raises(error, match=match):
        steer.audit(*arguments)


def test_settings_that_are_none_are_refused():
    layer, shape = nn.ReLU(HIDDEN), (2, 8, 5, 5)
    with pytest.raises(GroupError, match="elements"):
        steer.audit(layer, shape, elements=np.ones((1, 2, 2)))
    with pytest.raises(SteerError, match="band_limit: expected a fraction"):
        steer.audit(layer, shape, band_limit=2)
    with pytest.raises(SteerError, match="average: expected a number of pixels"):
        steer.audit(layer, shape, average=-1)


def build():
    return nn.Conv2d(IMAGE, HIDDEN, 3, padding=1)


MODEL = nn.ReLU(HIDDEN)


def command(*arguments):
    return CliRunner().invoke(app, ["audit", *arguments])


def test_the_command_prints_a_table_and_ends_with_1_above_the_tolerance():
    found = command("tests.test_audit:build", "--input-shape", "2,1,9,9", "--tolerance", "1e-3")
    assert found.exit_code == 1
    (row,) = (line for line in found.output.splitlines() if line.startswith("(itself)"))  # whole, at 80 columns too
    assert "regular of C8" in row
    assert row.rstrip().endswith("100%")
    assert "3 elements that map the grid to itself, 4 others" in found.output
    assert "is above the tolerance, 0.001" in found.output
    assert command("tests.test_audit:MODEL", "--input-shape", "2x8x5x5", "--tolerance", "1e-9").exit_code == 0


def test_the_command_prints_json_and_draws(tmp_path):
    picture = tmp_path / "audit.png"
    found = command("tests.test_audit:MODEL", "--input-shape", "2,8,5,5", "--json", "--plot", str(picture))
    assert found.exit_code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    read = json.loads(found.output)
    assert [row["layer"] for row in read["rows"]] == ["ReLU"]
    assert read["worst"] == max(read["exact"], read["error"]) < 1e-12


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("tests.test_audit", "--input-shape", "2,1,9,9"), "target: expected MODULE:FACTORY"),
        (("tests.test_audit:none", "--input-shape", "2,1,9,9"), "has no 'none'"),
        (("tests.test_audit:build", "--input-shape", "2,a"), "--input-shape: expected integers"),
        (("tests.test_audit:build", "--input-shape", "2,3,9,9"), "expected a tensor"),
        (("tests.test_audit:SHAPE", "--input-shape", "2,3,9,9"), "model: expected a network"),
    ],
    ids=str,
)
def test_bad_input_of_the_command(arguments, match):
    found = command(*arguments)
    assert found.exit_code == 2
    assert match in found.output
