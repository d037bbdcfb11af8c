"""The commands `steer precompute` and `steer cache`: what they print, what they leave, how they end."""

import os
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import steer
from steer.cli import app
from steer.kernels import cache
from steer.kernels.cache import _store

MODELS = """
import steer
from steer import nn

G = steer.group("D4", dim=2)
KIND = nn.FieldType(G, [G.vector, G.trivial])

def build():
    return nn.Sequential(nn.Conv2d(KIND, KIND, 3), nn.Conv2d(KIND, KIND, 5))

def free():
    regular = nn.FieldType(G, [G.regular])
    return nn.Conv2d(regular, regular, 3)

class Zoo:
    build = staticmethod(build)

def fails():
    raise steer.errors.SteerError("factory: of the test")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache, and the module `models_of_test` in the working directory."""
    monkeypatch.setenv("STEER_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "models_of_test.py").write_text(MODELS)
    monkeypatch.chdir(tmp_path)
    cache.clear()
    yield tmp_path / "cache"
    cache.clear()
    cache._place._Chosen.place = None  # what --dir chose
    sys.modules.pop("models_of_test", None)


def call(*arguments, code=0):
    """What a command prints, after a check of its exit code."""
    found = CliRunner().invoke(app, [str(word) for word in arguments])
    assert found.exit_code == code, found.output
    return found.output


def test_precompute_then_info_verify_pack_unpack_clear(folder, tmp_path):
    said = call("precompute", "models_of_test:build", "--workers", 1)
    assert "8 kernel bases: 8 solved, 0 in the cache before, 0 failed" in said
    assert "7 of 8 kernel bases, 0 of them in the cache before" in said
    assert "0 solved, 8 in the cache before" in call("precompute", "models_of_test:Zoo.build", "--workers", 1)

    said = call("cache", "info")
    assert f"directory       {folder}" in said
    assert "files           8" in said
    assert "kB of at most 1024.0 MB" in said
    assert f"steer {steer.__version__}" in said
    assert "not readable" not in said

    assert call("cache", "verify") == "8 good, 0 bad\n"
    assert "8 kernel bases, " in call("cache", "pack", "bases.pack")
    assert call("cache", "unpack", "bases.pack", "--dir", tmp_path / "other") == "8 new, 0 there before, 0 refused\n"
    assert call("cache", "unpack", "bases.pack", "--dir", tmp_path / "other") == "0 new, 8 there before, 0 refused\n"
    assert call("cache", "clear", "--dir", tmp_path / "other").startswith("8 files, ")
    assert list((tmp_path / "other").glob("*.safetensors")) == []
    assert len(list(folder.glob("*.safetensors"))) == 8


def test_a_model_without_bases_says_so(folder):
    said = call("precompute", "models_of_test:free")
    assert "0 kernel bases" in said
    assert "There is nothing to solve: kernels into or out of regular fields are free" in said


def test_bad_files_are_named_and_the_exit_code_is_1(folder):
    call("precompute", "models_of_test:build", "--workers", 1)
    path = sorted(folder.glob("*.safetensors"))[0]
    path.write_bytes(path.read_bytes()[:-1])
    said = call("cache", "verify", code=1)
    assert "7 good, 1 bad" in said
    assert f"bad: {path.name}: " in said
    assert "not readable" in call("cache", "info")
    assert f"left out: {path.name}: " in call("cache", "pack", "bases.pack", code=1)
    assert "1 bad, deleted" in call("cache", "verify", "--delete", code=1)
    assert call("cache", "verify") == "7 good, 0 bad\n"


def test_refused_members_make_the_exit_code_1(folder, tmp_path):
    call("precompute", "models_of_test:build", "--workers", 1)
    call("cache", "pack", "bases.pack")
    data = bytearray((tmp_path / "bases.pack").read_bytes())
    data[200] ^= 1
    (tmp_path / "bases.pack").write_bytes(data)
    said = call("cache", "unpack", "bases.pack", "--dir", tmp_path / "other", code=1)
    assert "7 new, 0 there before, 1 refused" in said


def test_failures_make_the_exit_code_1(folder, monkeypatch):
    def refuse(path, data):
        raise OSError("no space left on device")

    monkeypatch.setattr(_store, "replace", refuse)
    said = call("precompute", "models_of_test:build", "--workers", 1, code=1)
    assert "8 kernel bases: 0 solved, 0 in the cache before, 8 failed" in said
    assert "OSError: no space left on device" in said


REFUSED = {
    "no module": (["precompute", "no_such_module:build"], "MODULE: cannot import 'no_such_module'"),
    "no factory": (["precompute", "models_of_test:none"], "FACTORY: models_of_test has no 'none'"),
    "no colon": (["precompute", "models_of_test"], "models_of_test: expected a spec file that ends in .toml"),
    "a factory that fails": (["precompute", "models_of_test:fails"], "factory: of the test"),
    "no model": (["precompute", "models_of_test:G"], "wanted: expected a model"),
    "a shard": (["precompute", "models_of_test:build", "--shard", "3/2"], "shard: expected i/n"),
    "an empty cache": (["cache", "pack", "bases.pack"], "holds no kernel basis to pack"),
    "no pack": (["cache", "unpack", "models_of_test.py"], "is no pack of kernel bases"),
    "a file as a folder": (["cache", "info", "--dir", "models_of_test.py"], "path: expected a directory, got the file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_makes_the_exit_code_2(folder, case):
    arguments, message = REFUSED[case]
    said = " ".join(call(*arguments, code=2).split())
    assert said.startswith("error: ")
    assert message in said
    assert not folder.exists() or list(folder.glob("*.safetensors")) == []


def test_a_bad_bound_is_named(folder, monkeypatch):
    monkeypatch.setenv("STEER_CACHE_DISK_MB", "much")
    assert "STEER_CACHE_DISK_MB: expected a positive number" in call("cache", "info", code=2)
    monkeypatch.delenv("STEER_CACHE_DISK_MB")


def test_info_of_a_cache_that_is_not_there(folder):
    said = call("cache", "info")
    assert "(not made yet)" in said
    assert "files           0" in said
    assert not folder.exists()


def test_shards_of_the_command(folder):
    for part in (1, 2):
        call("precompute", "models_of_test:build", "--workers", 1, "--shard", f"{part}/2")
    assert cache.verify() == (8, {})


SPEC = """
[[kernels]]
groups = ["D8h", "D10h", "D12h", "D14h", "D16h", "D18h", "D20h", "D22h"]
dim = 3
types = ["irreps"]
kernel_sizes = [7]
"""


def under_way(folder, tmp_path):
    """A process that has written its first file and has seconds to go."""
    (tmp_path / "spec.toml").write_text(SPEC)
    # a process that a shell starts in the background ignores SIGINT, and hands that on
    script = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from steer.cli import app; app()"
    command = [sys.executable, "-c", script, "precompute", "spec.toml", "--workers", "2"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list(folder.glob("*.safetensors")):  # it is under way
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(0.01)
    return running


@pytest.mark.skipif(os.name != "posix", reason="signals as a terminal sends them")
def test_ctrl_c_ends_with_130_and_the_same_command_goes_on(folder, tmp_path):
    running = under_way(folder, tmp_path)
    running.send_signal(signal.SIGINT)
    said, complaints = running.communicate(timeout=60)
    assert running.returncode == 130, (said, complaints)
    assert complaints == ""
    assert "interrupted" in said
    good, bad = cache.verify()
    assert good > 0
    assert not bad


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_no_process_outlives_a_command_that_is_killed(folder, tmp_path):
    running = under_way(folder, tmp_path)
    running.kill()
    # Its children hold the pipe of its complaints until they end.
    _, complaints = running.communicate(timeout=60)
    assert running.returncode == -signal.SIGKILL
    assert complaints == ""
    assert not cache.verify().bad
