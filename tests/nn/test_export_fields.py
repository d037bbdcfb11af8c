"""steer.export of modules of one's own in whose forward field tensors are made, cut, joined and passed on."""

import pickle
import subprocess
import sys

import pytest
import torch

import steer
from steer import nn
from steer.errors import SteerError

D4 = steer.group("D4", dim=2)
TYPE = nn.FieldType(D4, [D4.trivial, D4.vector, D4.regular])
OUT = nn.FieldType(D4, [D4.trivial, D4.regular])


class Typed(torch.nn.Module):
    """Makes a field, passes it on, and takes its tensor."""

    def __init__(self):
        super().__init__()
        self.type = TYPE
        self.conv = nn.Conv2d(TYPE, OUT, 3, padding=1)
        self.norm = nn.BatchNorm(OUT)
        self.act = nn.ReLU(OUT)
        self.head = torch.nn.Conv2d(OUT.size, 3, 1)

    def forward(self, x):
        f = self.act(self.norm(self.conv(self.type(x))))
        self.last = f.detach()
        return self.head(f.tensor)


class Joins(torch.nn.Module):
    """Sums, splits, indices, products with numbers and parameters, restriction, means; fields in and out."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(0.7))
        self.mix = nn.Conv2d(TYPE, TYPE, 3, padding=1)
        self.small = nn.NormAct(TYPE.restrict("C4"))

    def forward(self, f, mask=None):
        f = f + self.scale * self.mix(f) / 2 - 0.5 * -f
        _, rest = nn.split(f, [1, 2])
        f = nn.cat([rest[:, 1:], f[:, 1], f.split(1)[0]])
        f = f[:, [2, 1, 0]]
        if mask is not None:
            f = self.mix(f)
        return self.small(f.restrict("C4"))


class Around(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.joins = Joins()
        self.chain = torch.nn.Sequential(
            torch.nn.Identity(),
            nn.Sequential(nn.Sequential(nn.Sequential(nn.NormAct(TYPE.restrict("C4"))))),
            self.joins.small,
        )

    def forward(self, x):
        return self.chain(self.joins(TYPE(x))).float().mean((2, 3))


class Lift(torch.nn.Module):
    def forward(self, x):
        return TYPE(x)


class Drop(torch.nn.Module):
    def forward(self, f):
        return f.tensor


class Branching(torch.nn.Module):
    """Cannot be traced, and passes plain tensors to a part that makes fields."""

    def __init__(self):
        super().__init__()
        self.part = Typed()

    def forward(self, x):
        return self.part(x) if x.sum() < 1e9 else x


MODELS = {
    "typed": Typed,
    "joins": Around,
    "nested": lambda: torch.nn.Sequential(torch.nn.Sequential(Typed()), torch.nn.Tanh()),
    "chain": lambda: torch.nn.Sequential(Lift(), nn.Conv2d(TYPE, TYPE, 3), nn.NormAct(TYPE), Drop(), torch.nn.Tanh()),
    "out": lambda: torch.nn.Sequential(Lift(), nn.Conv2d(TYPE, TYPE, 3)),
    "in a branching one": Branching,
}


def built(name):
    torch.manual_seed(0)
    model = MODELS[name]()
    model(torch.randn(4, TYPE.size, 9, 9))
    return model


@pytest.mark.parametrize("name", MODELS)
def test_the_export_is_the_model_on_plain_tensors(name):
    model = built(name)
    x = torch.randn(2, TYPE.size, 9, 9)
    plain = steer.export(model)
    expected = model.eval()(x)
    expected = getattr(expected, "tensor", expected)
    assert not [part for part in plain.modules() if type(part).__module__.startswith("steer")]
    torch.testing.assert_close(plain(x), expected)
    torch.testing.assert_close(pickle.loads(pickle.dumps(plain))(x), expected)
    if name != "in a branching one":
        torch.testing.assert_close(torch.export.export(plain, (x,)).module()(x), expected)
    assert isinstance(plain, Branching if name == "in a branching one" else torch.fx.GraphModule | torch.nn.Sequential)


def test_it_runs_where_steer_is_not_installed(tmp_path):
    model = built("joins")
    x = torch.randn(2, TYPE.size, 9, 9)
    torch.save((steer.export(model), x, model.eval()(x).tensor.detach()), tmp_path / "net.pt")
    program = f"""
import sys
sys.modules["steer"] = None
import torch
net, x, expected = torch.load({str(tmp_path / "net.pt")!r}, weights_only=False)
torch.testing.assert_close(net(x), expected)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr


class Sized(Typed):
    def forward(self, x):
        f = self.conv(self.type(x))
        return self.head(f.tensor) if x.shape[-1] > 3 else f.tensor


class Noisy(Typed):
    def forward(self, x):
        return self.conv(self.type(x)).tensor + torch.randn(1)


class Reading(Typed):
    def forward(self, x):
        return self.conv(self.type(x)).tensor * self.conv.weight.sum()


class Wrong(Typed):
    def forward(self, x):
        return self.head(self.conv(self.type(x)))


@pytest.mark.parametrize("kind", [Sized, Noisy, Reading, Wrong])
def test_what_cannot_be_traced_is_refused_at_once(kind):
    with pytest.raises(SteerError, match=rf"the forward of {kind.__name__} passes FieldTensors and cannot be traced"):
        steer.export(torch.nn.Sequential(torch.nn.Identity(), kind()))


class Inner(torch.nn.Module):
    """Passes plain tensors, and branches on their shape."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(TYPE, TYPE, 3)

    def forward(self, x):
        return self.conv(x) if x.shape[-1] > 3 else x


def test_models_that_pass_plain_tensors_keep_their_class():
    model = torch.nn.Sequential(Inner()).eval()
    plain = steer.export(model)
    assert isinstance(plain[0], Inner)
    x = torch.randn(2, TYPE.size, 9, 9)
    assert torch.equal(plain(x), model(x))
