"""The command and the demo: they run from start to end, say what they did, and refuse bad input before any work."""

import importlib.util
import io
import re
import subprocess
import sys

import pytest
from rich.console import Console
from typer.testing import CliRunner

import steer
from steer.cli import app
from steer.demo import _data, _networks, _run, run
from steer.demo._train import Result
from steer.errors import SteerError


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo on a few digits, once: its results, what it printed, and its folder."""
    folder, text, (training, test) = tmp_path_factory.mktemp("demo"), io.StringIO(), _data.load()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_run, "load", lambda: (training.first(64), test.first(20)))
        patch.setattr(_run, "BY_ANGLE", 4)
        results = run(folder / "out", epochs=1, console=Console(file=text, width=80))
    return results, text.getvalue(), folder / "out"


def test_demo_trains_prints_a_table_and_draws(demo):
    results, shown, folder = demo
    assert [result.name for result in results] == ["plain CNN", "C8 regular", "SO(2) irreps"]
    assert sorted(path.name for path in folder.iterdir()) == ["accuracy.png", "fields.png", "kernels.png"]
    for result in results:
        assert f"{result.parameters:,}" in shown
        assert result.name in shown
        # a line for each epoch, since a bar is of no use in a file
        assert re.search(rf"^{re.escape(result.name)}: epoch 1 of 1, loss \d+\.\d+$", shown, re.MULTILINE)
        assert f"{result.name}: {result.rotated:.1%} of turned digits right, after" in shown
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown, "a column is cut off at 80 characters"


def test_steerable_networks_of_the_demo_are_exact_under_quarter_turns(demo):
    plain, *steerable = demo[0]
    assert all(result.quarter_error < 1e-4 for result in steerable)
    assert plain.quarter_error > 1e-3


def test_the_networks_are_of_about_equal_size():
    sizes = [
        sum(p.numel() for p in make().parameters()) for make in (_networks.plain, _networks.regular, _networks.irreps)
    ]
    assert max(sizes) < 1.1 * min(sizes)


def test_digits_turn_x_towards_y():
    _, test = _data.load()
    digits = test.first(3)
    quarter = digits.enlarged(90.0)
    assert (quarter - digits.enlarged().rot90(1, dims=(-1, -2))).abs().max() < 1e-5


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    found = CliRunner().invoke(app, ["demo", "--out", str(blocked / "inside")])
    assert found.exit_code == 2
    assert "error: folder: cannot write pictures" in found.output


def test_missing_extras_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SteerError, match=r"needs sklearn and matplotlib: pip install 'steer\[demo\]'"):
        run(tmp_path)


def test_epochs_must_be_positive(tmp_path):
    with pytest.raises(SteerError, match="epochs: expected an integer >= 1, got 0"):
        run(tmp_path, epochs=0)


def test_version_and_help():
    assert CliRunner().invoke(app, ["--version"]).output.strip() == f"steer {steer.__version__}"
    assert "demo" in CliRunner().invoke(app, ["--help"]).output


def test_the_table_marks_the_best_rotated_accuracy():
    results = [Result(n, _networks.plain(), 1.0, 1.0, r, 0.0, 0.0, 0, 0) for n, r in (("a", 0.3), ("b", 0.9))]
    cells = list(_run.table(results).columns[3].cells)
    assert cells == ["30.0%", "[bold green]90.0%[/]"]


def test_python_dash_m_is_the_command():
    command = [sys.executable, "-m", "steer", "cache", "--help"]
    assert "Usage: steer cache" in subprocess.run(command, check=True, capture_output=True, text=True).stdout
