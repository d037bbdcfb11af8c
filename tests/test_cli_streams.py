"""What the command prints, where, and how it ends: in pipes, in terminals of any width, and on errors of others."""

import os
import pathlib
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import steer
from steer.cli import app
from steer.errors import CacheError, SteerError
from steer.kernels import cache
from steer.kernels.bases._wigner_eckart import describe

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

MINE = """
import sys
from dataclasses import dataclass
import numpy as np
from steer import nn
from steer.reps import Group, IrrepData

def boom():
    return deeper()

def deeper():
    raise KeyError("of mine")

def wrong():
    return nn.Conv2d(1, 2, 3)

def stop():
    sys.exit(3)

@dataclass(frozen=True)
class Flip(Group):
    flips: bool = True
    name, dim = "Flip", 2

    @property
    def components(self):
        return np.stack([np.eye(2), np.diag([-1.0, 1.0])])[: 1 + self.flips]

    @property
    def trivial_subgroup(self):
        return Flip(False)

    def subgroups(self, max_order=12):
        return (Flip(False), self)

    def _labels(self, max_frequency):
        return ("A", "B")[: 1 + self.flips]

    def _irrep_data(self, label):
        if label not in "AB":
            return None
        return IrrepData(1, 0, "real", lambda g: np.ones_like(g[..., :1, :1]) if label == "A" else g[..., :1, :1])

def own():
    kind = nn.FieldType(Flip(), [Flip().vector])
    return nn.Conv2d(kind, kind, 3)
"""


def run(*words, folder=None, stdout=subprocess.PIPE, **environment):
    """The command in a process of its own."""
    known = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    root = str(pathlib.Path(steer.__file__).parents[1])
    return subprocess.run(
        [sys.executable, "-m", "steer", *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=known | {"PYTHONPATH": root} | environment,
        check=False,
    )


@pytest.fixture
def mine(tmp_path):
    """A folder with the module `mine` and an empty cache."""
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "broken.py").write_text("import no_such_thing")
    return tmp_path


# Streams


def test_errors_go_to_the_standard_error_and_tables_are_whole_in_pipes():
    found = run("groups", "C60")
    assert found.returncode == 0
    assert found.stderr == ""
    assert ELLIPSIS not in found.stdout
    lines = found.stdout.splitlines()
    assert all(line == line.rstrip() for line in lines)
    (heading,) = [line for line in lines if line.startswith("irrep")]  # one table, whatever its width
    assert len(heading) > 200
    found = run("groups", "C30v9")
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith("error: name: no group of space is called 'C30v9'")
    assert found.stderr.count("\n") == 1


@pytest.mark.parametrize("columns", ["0", "1", "20", "x", "\u0662", "\u00b2", "-5", "9" * 9])
def test_no_cell_is_cut_in_terminals_of_no_width(columns):
    for words in (["groups", "D4"], ["groups"], ["cache", "info"]):
        found = CliRunner().invoke(app, words, env={"COLUMNS": columns})
        assert found.exit_code == 0
        assert ELLIPSIS not in found.output
    for words in (["--help"], ["groups", "--help"], []):
        found = CliRunner().invoke(app, words, env={"COLUMNS": columns}).output
        assert "Usage: " in found
        assert "groups" in found


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is full")
@pytest.mark.parametrize("words", [["groups"], ["--version"]], ids=str)
def test_output_that_cannot_be_written_is_an_error(words):
    with open("/dev/full", "w") as full:
        found = run(*words, stdout=full)
    assert found.returncode == 1
    assert found.stderr == "error: cannot write: [Errno 28] No space left on device\n"


def test_a_pipe_that_nobody_reads_ends_the_command_without_a_word():
    reading, writing = os.pipe()
    os.close(reading)
    found = run("groups", "C60", stdout=writing)
    os.close(writing)
    assert found.stderr == ""
    assert found.returncode == 1


# Groups of the other dimension


def test_groups_of_the_same_name_in_the_other_dimension_are_named():
    def said(*words):
        return CliRunner().invoke(app, ["groups", *words]).output

    assert "The plane has a group D4: steer groups D4 --dim 2" in said("D4")
    assert "Space has a group D4: steer groups D4 --dim 3" in said("D4", "--dim", "2")
    assert "steer groups 'SO(2)' --dim 2" in said("SO(2)")  # beside the error that space has none
    assert "steer groups 'O(3)' --dim 3" in said("O(3)", "--dim", "2")
    assert "--dim 2" not in said("Oh")


# Code of the user


@pytest.mark.parametrize(
    ("target", "code", "last"),
    [
        ("mine:boom", "raise KeyError", "KeyError: 'of mine'"),
        *(
            pytest.param(*case, marks=pytest.mark.slow)  # a process each
            for case in (
                ("mine:wrong", "return nn.Conv2d(1, 2, 3)", "steer.errors.FieldTypeError: in_type: Conv2d expects a F"),
                ("mine:stop", "sys.exit(3)", "SystemExit: 3"),
                ("broken:x", "import no_such_thing", "ModuleNotFoundError: No module named 'no_such_thing'"),
                ("sys:exit", "", "SystemExit"),
            )
        ),
    ],
)
def test_errors_of_a_factory_are_shown_as_they_are(mine, target, code, last):
    found = run("precompute", target, "--workers", "1", folder=mine, STEER_CACHE_DIR="kept")
    assert found.returncode == 2
    assert found.stdout == ""
    assert code in found.stderr
    assert found.stderr.splitlines()[-1].startswith(last)
    assert os.path.dirname(steer.__file__) not in found.stderr  # nothing of this package


@pytest.mark.parametrize("target", [":x", "mine:", "a..b:x", ".mine:x", "mine:a.", "mi ne:x"])
def test_targets_that_name_nothing_are_refused(mine, monkeypatch, target):
    monkeypatch.chdir(mine)
    found = CliRunner().invoke(app, ["precompute", target])
    assert found.exit_code == 2
    assert "error: targets: expected MODULE:FACTORY" in found.output


def test_of_groups_of_ones_own_it_does_not_say_that_there_is_nothing_to_solve(mine):
    found = run(
        "precompute", "mine:own", "--workers", "1", folder=mine, STEER_CACHE_DIR="kept", PYTHONWARNINGS="always"
    )
    assert found.returncode == 0, found.stderr
    assert "solved in each process" in found.stderr
    assert "0 kernel bases" in found.stdout
    assert "nothing to solve" not in found.stdout


# Places and files


def test_the_place_of_the_cache_may_be_relative_or_below_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEER_CACHE_DIR", "~/x")
    assert cache.directory() == tmp_path / "home" / "x"
    monkeypatch.setenv("STEER_CACHE_DIR", f"near-{tmp_path.name}")
    assert cache.directory() == tmp_path / f"near-{tmp_path.name}"
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert cache.directory() == tmp_path / f"near-{tmp_path.name}"  # where it was
    monkeypatch.setenv("STEER_CACHE_DIR", "~no-such-user/x")
    with pytest.raises(CacheError, match="STEER_CACHE_DIR: '~no-such-user/x' names the home directory of no user"):
        cache.directory()
    monkeypatch.delenv("STEER_CACHE_DIR")
    with pytest.raises(CacheError, match="path: '~no-such-user/x' names the home directory of no user"):
        cache.use("~no-such-user/x")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes that have a name")
def test_pipes_and_devices_are_no_packs(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "specs.toml")
    kind = steer.group("D4", dim=2)
    with cache.use(tmp_path / "cache"):
        cache.ensure(describe(kind.trivial, kind.vector, 1))
        for path in (tmp_path / "pipe", os.devnull, "/dev/zero", tmp_path):
            for verb in (cache.pack, cache.unpack):
                with pytest.raises(CacheError, match=r"path: expected a file, got .*a directory, a pipe or a device"):
                    verb(path)
        with pytest.raises(SteerError, match="expected a file, got a directory, a pipe or a device"):
            steer.precompute(tmp_path / "specs.toml", workers=1)
