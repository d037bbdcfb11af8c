"""The cache saves time and never changes a number: hits, corrupt files, places it cannot write to."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import steer
from steer.kernels import cache
from steer.kernels._wigner_eckart import describe, solve

D6 = steer.group("D6", dim=2)
DESCRIPTOR = describe(D6.regular, D6.vector, 3)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache."""
    place = tmp_path / "new" / "cache"
    monkeypatch.setenv("STEER_CACHE_DIR", str(place))
    cache.clear()
    yield place
    cache.clear()


def same(first, second):
    assert list(first) == list(second)
    for key, angular in first.items():
        assert angular.tensors.tobytes() == second[key].tensors.tobytes()
        assert angular.tensors.shape == second[key].tensors.shape
        assert not second[key].tensors.flags.writeable
        assert angular.labels == second[key].labels


def only_file(folder):
    (path,) = folder.iterdir()  # the solution and nothing else, no temporary file
    assert path.suffix == ".safetensors"
    return path


def test_memory_then_disk(folder):
    assert cache.directory() == folder
    assert cache.info() == (0, 0, 0, 0, 0, 0, folder)
    first = solve(DESCRIPTOR)
    size = only_file(folder).stat().st_size
    assert cache.info() == (0, 0, 1, 1, 1, size, folder)
    assert solve(DESCRIPTOR) is first
    assert cache.info() == (1, 0, 1, 1, 1, size, folder)
    cache.clear(disk=False)
    again = solve(DESCRIPTOR)
    assert again is not first
    assert cache.info() == (0, 1, 0, 1, 1, size, folder)
    same(first, again)


def test_clear_removes_files_and_nothing_else(folder):
    solve(DESCRIPTOR)
    (folder / "notes.txt").write_text("mine")
    cache.clear()
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    assert cache.info().entries == 0


def test_files_are_named_by_the_fingerprint_and_hold_data_only(folder):
    solve(DESCRIPTOR)
    path = only_file(folder)
    assert path.stem == f"{cache.fingerprint(DESCRIPTOR)}-{cache.FORMAT}"
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert json.loads(header["__metadata__"]["steer"])["descriptor"] == repr(DESCRIPTOR)
    assert {entry["dtype"] for name, entry in header.items() if name != "__metadata__"} == {"F64"}


def test_the_convention_version_is_part_of_the_fingerprint(monkeypatch):
    before = cache.fingerprint(DESCRIPTOR)
    monkeypatch.setattr(cache, "CONVENTION_VERSION", cache.CONVENTION_VERSION + 1)
    assert cache.fingerprint(DESCRIPTOR) != before


def test_files_of_another_layout_are_not_read(folder, monkeypatch):
    first = solve(DESCRIPTOR)
    only_file(folder).write_bytes(b"of another layout")
    cache.clear(disk=False)
    monkeypatch.setattr(cache, "FORMAT", cache.FORMAT + 1)
    same(first, solve(DESCRIPTOR))
    assert cache.info().disk_files == 2


def test_many_bad_files_give_one_warning(folder):
    others = [describe(D6.vector, D6.vector, degree) for degree in range(3)]
    for descriptor in others:
        solve(descriptor)
    for path in folder.iterdir():
        path.write_bytes(b"")
    cache.clear(disk=False)
    with pytest.warns(RuntimeWarning, match="cannot be used"):
        solve(others[0])
    solve(others[1])  # a second warning would be an error
    assert cache.info().solved == 2


def flipped(data):
    return data[:-1] + bytes([data[-1] ^ 1])


def relabelled(data):
    before, _, after = data.rpartition(b"E1")
    return before + b"E2" + after


DAMAGE = {
    "truncated": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "one bit": flipped,
    "labels": relabelled,
    "not safetensors": lambda data: b"\x80\x04K\x01." * 100,
    "foreign safetensors": lambda data: safetensors.numpy.save({"x": np.ones(3)}),
    "another solution": lambda data: data.replace(b"regular", b"vectors").replace(b"'D6'", b"'D7'"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_bad_file_warns_and_is_replaced(folder, damage):
    first = solve(DESCRIPTOR)
    path = only_file(folder)
    good = path.read_bytes()
    bad = DAMAGE[damage](good)
    assert bad != good
    path.write_bytes(bad)
    cache.clear(disk=False)
    with pytest.warns(RuntimeWarning, match=rf"{path.name} cannot be used .*; it is computed again"):
        again = solve(DESCRIPTOR)
    same(first, again)
    assert only_file(folder).read_bytes() == good
    cache.clear(disk=False)
    same(first, solve(DESCRIPTOR))  # and no warning now
    assert cache.info().disk_hits == 1


def test_a_folder_in_place_of_a_file_costs_only_time(folder):
    solve(DESCRIPTOR)
    path = only_file(folder)
    cache.clear()
    path.mkdir()
    with pytest.warns(RuntimeWarning, match="cannot be kept"):
        assert len(solve(DESCRIPTOR)) > 0
    assert [path for path in folder.iterdir() if path.suffix == ".tmp"] == []


def test_an_unwritable_place_warns_once(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("not a folder")
    monkeypatch.setenv("STEER_CACHE_DIR", str(file / "cache"))
    cache.clear()
    with pytest.warns(RuntimeWarning, match="set STEER_CACHE_DIR to a writable directory"):
        found = solve(DESCRIPTOR)
    solve(describe(D6.vector, D6.vector, 2))  # a second warning would be an error
    assert cache.info() == (0, 0, 2, 2, 0, 0, file / "cache")
    same(found, solve(DESCRIPTOR))
    cache.clear()


def test_a_read_only_cache_is_read(folder, monkeypatch):
    first = solve(DESCRIPTOR)
    cache.clear(disk=False)

    def refuse(*args):
        raise PermissionError("read-only")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same(first, solve(DESCRIPTOR))
    with pytest.warns(RuntimeWarning, match=r"cannot be kept in .* \(read-only\)"):
        solve(describe(D6.vector, D6.vector, 2))


def test_a_place_that_cannot_be_listed_holds_nothing(folder, monkeypatch):
    solve(DESCRIPTOR)

    def refuse(*args):
        raise PermissionError

    monkeypatch.setattr(Path, "glob", refuse)
    assert cache.info().disk_files == 0
    cache.clear()


def test_an_interrupted_write_leaves_nothing(folder, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        solve(DESCRIPTOR)
    assert list(folder.iterdir()) == []


def test_memory_is_bounded_and_drops_the_oldest(folder, monkeypatch):
    monkeypatch.setattr(cache, "MEMORY_ENTRIES", 2)
    first, second, third = (describe(D6.vector, D6.vector, degree) for degree in range(3))
    solve(first)
    solve(second)
    solve(first)
    solve(third)  # drops the second
    before = cache.info()
    assert before.entries == 2
    solve(first)
    assert cache.info().memory_hits == before.memory_hits + 1
    solve(second)
    assert cache.info().disk_hits == before.disk_hits + 1


PROCESS = """
import steer
from steer.kernels import cache, compile
G = steer.group("D6", dim=2)
compile([G.vector, G.trivial], [G.vector], (5, 5))
info = cache.info()
print(info.disk_hits, info.solved, info.disk_files)
"""


def test_the_second_process_finds_what_the_first_one_solved(folder):
    counts = []
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", PROCESS], check=True, capture_output=True, text=True)
        counts.append([int(word) for word in done.stdout.split()])
    assert counts == [[0, 2, 2], [2, 0, 2]]


def test_the_default_place_is_the_users_cache_directory(monkeypatch):
    monkeypatch.delenv("STEER_CACHE_DIR")
    assert cache.directory().name == "steer"
    monkeypatch.setenv("STEER_CACHE_DIR", "")
    assert cache.directory().name == "steer"
