"""The script of docs/howto/train.md trains with Lightning, where it is installed: it comes with the extra `docs`."""

import importlib
import re
import sys

import pytest
import torch

import steer

from .pages import ROOT

SCRIPT = ROOT / "docs/howto/train_lightning.py"
CALLBACKS = ("none", "ema", "average", "swa", "prune")


@pytest.fixture
def script(monkeypatch):
    """The script as a module."""
    pytest.importorskip("lightning")
    monkeypatch.syspath_prepend(SCRIPT.parent)
    yield importlib.import_module("train_lightning")
    sys.modules.pop("train_lightning")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of Lightning about the machine and its own dependencies
@pytest.mark.parametrize("name", CALLBACKS)
def test_it_learns_with_every_callback(name, script, tmp_path, monkeypatch, capsys):
    out = tmp_path / "net.ckpt"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [SCRIPT.name, "--callback", name, "--out", str(out)])
    script.main()
    (accuracy,) = re.findall(r"accuracy\s+\S+\s+([\d.]+)", capsys.readouterr().out)
    assert float(accuracy) > 0.9
    model = script.Classifier.load_from_checkpoint(out, weights_only=True).eval()
    steer.testing.assert_equivariant(model.body)
    zeros = torch.cat([part.weight.flatten() == 0 for part in model.maps()]).float().mean()
    assert abs(float(zeros) - (0.3 if name == "prune" else 0.0)) < 0.01


def test_callbacks_are_those_of_the_page():
    page = (ROOT / "docs/howto/train.md").read_text(encoding="utf-8")
    assert re.search(r'choices=\("([^)]*)"\)', SCRIPT.read_text())[1].split('", "') == list(CALLBACKS)
    assert all(f"`--callback {name}`" in page for name in CALLBACKS[1:])
