"""steer.export gives the same outputs in plain torch, which loads and runs without steer."""

import copy
import subprocess
import sys

import pytest
import torch

import steer
from steer import nn
from steer.errors import SteerError

from . import zoo

D4, C8, O2 = (steer.group(name, dim=2) for name in ("D4", "C8", "O(2)"))
REGULAR = nn.FieldType(C8, 2 * [C8.regular])


def steer_modules(model):
    return [module for module in model.modules() if type(module).__module__.startswith("steer")]


def network():
    image, regular = nn.FieldType(C8, [C8.trivial]), nn.FieldType(C8, 3 * [C8.regular])
    vectors = nn.FieldType(C8, [C8.vector, C8.trivial, C8.irrep("E2")])
    scalars = nn.FieldType(C8, 3 * [C8.trivial])
    net = nn.Sequential(
        nn.Conv2d(image, regular, 5, padding=2, padding_mode="reflect"),
        nn.BatchNorm(regular),
        nn.ReLU(regular),
        nn.MaxPool(regular, 3, 2, ceil_mode=True),
        nn.Dropout(regular),
        nn.Sequential(
            nn.Conv2d(regular, vectors, 3, padding=1), nn.BatchNorm(vectors), nn.NormAct(vectors, "softplus")
        ),
        nn.BlurPool(vectors),
        nn.Restrict(vectors, "C4"),
        nn.NormPool(vectors.restrict("C4")),
    )
    assert net.out_type.size == scalars.size
    for _ in range(2):
        net(torch.randn(4, 1, 19, 19))
    return net


SUMMED = ("InstanceNorm", "InstanceNorm affine", "LayerNorm")
"""Layers of which exports add up, in another order, what the layer has as a product with a matrix."""


@pytest.mark.slow  # the contracts say it of all modules, in a few settings and to a tolerance
@pytest.mark.parametrize("name", [name for name in zoo.LAYERS if name != "BatchNorm plain"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_layer_exports_to_plain_torch_with_equal_outputs(name, dtype):
    for field_type in zoo.types_for(name, D4):
        layer = zoo.scrambled(zoo.LAYERS[name](field_type)).to(dtype)
        x = torch.randn(2, layer.in_type.size, 8, 8, dtype=dtype)
        plain = steer.export(layer)
        assert not steer_modules(plain)
        assert not plain.training
        out, expected = plain(x), layer.eval()(x)
        assert out.dtype == dtype
        if name in SUMMED:
            torch.testing.assert_close(out, expected)
        else:
            assert torch.equal(out, expected)


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        (nn.BatchNorm(REGULAR), torch.nn.BatchNorm2d),
        (nn.ReLU(REGULAR), torch.nn.ReLU),
        (nn.AvgPool(REGULAR, 2), torch.nn.AvgPool2d),
        (nn.MaxPool(REGULAR, 2), torch.nn.MaxPool2d),
        (nn.BlurPool(REGULAR), torch.nn.Conv2d),
        (nn.Dropout(REGULAR), torch.nn.Identity),
        (nn.Restrict(REGULAR, "C4"), torch.nn.Identity),
        (nn.Sequential(nn.ReLU(REGULAR)), torch.nn.Sequential),
        (nn.NormAct(REGULAR), torch.fx.GraphModule),
        (nn.Gate(REGULAR), torch.fx.GraphModule),
        (nn.GroupPool(REGULAR), torch.fx.GraphModule),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_layers_that_torch_has_become_its_own(layer, kind):
    assert isinstance(steer.export(layer), kind)


def test_a_network_exports_with_its_names_and_leaves_the_original_alone():
    net = network()
    before = copy.deepcopy(net.state_dict())
    plain = steer.export(net)
    assert net.training
    assert len(steer_modules(net)) > 10
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert [name for name, _ in plain.named_children()] == [name for name, _ in net.named_children()]
    x = torch.randn(3, 1, 19, 19)
    torch.testing.assert_close(plain(x), net.eval()(x), rtol=1e-6, atol=1e-6)
    for parameter in plain.parameters():
        parameter.data.zero_()  # shares no storage
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_options_survive():
    plain = steer.export(network())
    assert plain[0].padding_mode == "reflect"
    assert plain[3].ceil_mode
    pool = steer.export(nn.AvgPool(REGULAR, 3, 2, 1, ceil_mode=True, count_include_pad=False))
    assert (pool.ceil_mode, pool.count_include_pad) == (True, False)
    assert steer.export(nn.BatchNorm(REGULAR, eps=1e-2)).eps == 1e-2


def test_runs_where_steer_is_not_installed(tmp_path):
    net = network()
    x = torch.randn(2, 1, 19, 19)
    torch.save((steer.export(net), x, net.eval()(x).detach()), tmp_path / "net.pt")
    program = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "steer":
            raise ModuleNotFoundError("steer is blocked")
sys.meta_path.insert(0, Block())
import torch
net, x, expected = torch.load({str(tmp_path / "net.pt")!r}, weights_only=False)
torch.testing.assert_close(net(x), expected, rtol=1e-5, atol=1e-5)
assert not [name for name in sys.modules if name.startswith("steer")]
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr


class Residual(torch.nn.Module):
    """A user's own network: two uses of one layer, and plain torch at the end."""

    def __init__(self):
        super().__init__()
        self.first = nn.BatchNorm(REGULAR)
        self.again = self.first
        self.act = nn.ELU(REGULAR)
        self.pool = nn.GroupPool(REGULAR)
        self.head = torch.nn.Conv2d(2, 3, 1)
        self.nothing = None
        self.register_module("empty", None)

    def forward(self, x):
        return self.head(self.pool(x + self.act(self.again(self.first(x)))))


def test_modules_inside_a_torch_module_are_replaced_and_stay_shared():
    model = Residual()
    model(torch.randn(4, 16, 5, 5))
    plain = steer.export(model)
    assert isinstance(plain, Residual)
    assert not steer_modules(plain)
    assert plain.first is plain.again
    assert isinstance(plain.first, torch.nn.BatchNorm2d)
    x = torch.randn(2, 16, 5, 5)
    assert torch.equal(plain(x), model.eval()(x))


def test_a_module_shared_by_two_chains_stays_shared():
    act = nn.NormAct(REGULAR)
    plain = steer.export(torch.nn.ModuleList([nn.Sequential(act, act), act]))
    assert plain[0][0] is plain[0][1]
    assert plain[0][0] is plain[1]


@pytest.mark.filterwarnings("ignore")
def test_an_exported_network_compiles_and_scripts():
    net = network().eval()
    plain = steer.export(net)
    x = torch.randn(2, 1, 19, 19)
    torch._dynamo.reset()
    compiled = torch.compile(plain, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(x), net(x), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(torch.jit.trace(plain, x)(x), net(x), rtol=1e-5, atol=1e-5)


def test_what_cannot_be_exported_says_so():
    with pytest.raises(SteerError, match=r"model: expected a torch.nn.Module, got 3"):
        steer.export(3)
    with pytest.raises(SteerError, match=r"track_running_stats: this BatchNorm keeps no .* track_running_stats=True"):
        steer.export(nn.BatchNorm(REGULAR, track_running_stats=False))
