"""The cache saves time and never changes a number: hits, names, versions, places."""

import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

import steer
from steer.errors import CacheError
from steer.kernels import Pixels, cache
from steer.kernels.bases._pixel import PixelDescriptor
from steer.kernels.bases._wigner_eckart import solve
from steer.kernels.cache import _fetch, _lock, _store

from .cached import DESCRIPTOR, OTHERS, counts, files, only_file, same


def test_memory_then_disk(folder):
    assert cache.directory() == folder
    assert counts() == (0, 0, 0)
    first = solve(DESCRIPTOR)
    assert counts() == (0, 0, 1)
    assert solve(DESCRIPTOR) is first
    assert counts() == (1, 0, 1)
    cache.clear(disk=False)
    again = solve(DESCRIPTOR)
    assert again is not first
    assert counts() == (0, 1, 0)
    same(first, again)
    found = cache.info()
    assert found.memory_entries == found.disk_files == 1
    assert found.memory_bytes == sum(angular.tensors.nbytes for angular in first.values())
    assert found.disk_bytes == only_file(folder).stat().st_size


def test_what_is_solved_fast_is_not_kept_on_disk(folder, monkeypatch):
    monkeypatch.setattr(_fetch, "KEEP_SECONDS", 1e9)
    solve(DESCRIPTOR)
    assert files(folder) == []
    assert _fetch.ensure(DESCRIPTOR) == (False, only_file(folder).stat().st_size)
    assert _fetch.ensure(DESCRIPTOR) == (True, only_file(folder).stat().st_size)


def test_pixel_kernels_are_kept_too(folder):
    cube = steer.group("O", dim=3)
    descriptor = PixelDescriptor(cube.irrep("T1"), cube.irrep("E"), Pixels.for_kernel((3, 3, 3)).grid)
    first = _fetch.fetch(descriptor)
    cache.clear(disk=False)
    again = _fetch.fetch(descriptor)
    assert counts() == (0, 1, 0)
    assert [kernels.tobytes() for kernels in first] == [kernels.tobytes() for kernels in again]
    assert [kernels.shape for kernels in first] == [kernels.shape for kernels in again]
    assert not any(kernels.flags.writeable for kernels in (*first, *again))


def test_arrays_of_another_shape_are_refused(folder):
    solution = DESCRIPTOR.compute()
    arrays, texts = DESCRIPTOR.to_arrays(solution)
    with pytest.raises(ValueError, match="has the shape"):
        DESCRIPTOR.from_arrays(arrays | {"0": np.ones((1, 2, 3))}, texts)
    with pytest.raises(ValueError, match=f"holds {len(arrays) + 1} arrays, not {len(arrays)}"):
        DESCRIPTOR.from_arrays(arrays | {"99999": arrays["0"]}, texts)
    with pytest.raises(KeyError):
        DESCRIPTOR.from_arrays({}, texts)


def test_clear_removes_files_and_nothing_else(folder):
    solve(DESCRIPTOR)
    (folder / f"{only_file(folder).name}.{'0' * 32}.tmp").write_text("of a process that was killed")
    (folder / "notes.txt").write_text("mine")
    other = folder / f"{'0' * 32}-{_store.FORMAT}.safetensors"
    other.symlink_to(folder / "notes.txt")
    cache.clear()
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [other.name, "notes.txt"]
    assert cache.info().memory_entries == 0


def test_files_are_named_by_the_fingerprint_and_hold_data_only(folder):
    solve(DESCRIPTOR)
    path = only_file(folder)
    assert path.name == f"{cache.fingerprint(DESCRIPTOR)}-{_store.FORMAT}.safetensors"
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    about = json.loads(header.pop("__metadata__")["steer"])
    assert about["descriptor"] == repr(DESCRIPTOR)
    assert about["convention"] == str(cache.CONVENTION_VERSION)
    assert about["steer"] == steer.__version__
    assert float(about["seconds"]) > 0
    assert {entry["dtype"] for entry in header.values()} == {"F64"}


def test_contents_say_what_is_there(folder):
    solve(DESCRIPTOR)
    ((entry, content),) = cache.contents()
    assert entry.path == only_file(folder)
    assert content.descriptor == repr(DESCRIPTOR)
    assert content.version == steer.__version__


def test_the_convention_version_is_part_of_the_fingerprint(folder, monkeypatch):
    before = cache.fingerprint(DESCRIPTOR)
    solve(DESCRIPTOR)
    cache.clear(disk=False)
    monkeypatch.setattr(_store, "CONVENTION_VERSION", cache.CONVENTION_VERSION + 1)
    assert cache.fingerprint(DESCRIPTOR) != before
    solve(DESCRIPTOR)  # two versions side by side
    assert counts() == (0, 0, 1)
    assert cache.verify() == (2, {})


def test_a_file_of_another_convention_under_this_name_is_refused(folder, monkeypatch):
    first = solve(DESCRIPTOR)
    path = only_file(folder)
    monkeypatch.setattr(_store, "CONVENTION_VERSION", cache.CONVENTION_VERSION + 1)
    solve(DESCRIPTOR)
    (other,) = set(files(folder)) - {path}
    monkeypatch.undo()
    os.replace(other, path)
    cache.clear(disk=False)
    monkeypatch.setenv("STEER_CACHE_DIR", str(folder))
    with pytest.warns(RuntimeWarning, match="of another kernel basis"):
        same(first, solve(DESCRIPTOR))


def test_files_of_another_layout_are_not_read(folder, monkeypatch):
    first = solve(DESCRIPTOR)
    only_file(folder).write_bytes(b"of another layout")
    cache.clear(disk=False)
    monkeypatch.setattr(_store, "FORMAT", _store.FORMAT + 1)
    same(first, solve(DESCRIPTOR))
    assert cache.info().disk_files == 2
    assert cache.verify() == (1, {})


# Places ------------------------------------------------------------------------------------------------------------


def test_an_unwritable_place_warns_once(tmp_path, monkeypatch, folder):
    file = tmp_path / "file"
    file.write_text("not a folder")
    monkeypatch.setenv("STEER_CACHE_DIR", str(file / "cache"))
    with pytest.warns(RuntimeWarning, match="set STEER_CACHE_DIR to one that can be written"):
        found = solve(DESCRIPTOR)
    solve(OTHERS[2])  # a second warning would be an error
    assert counts() == (0, 0, 2)
    assert cache.info().disk_files == 0
    same(found, solve(DESCRIPTOR))


def test_readonly_reads_and_leaves_no_trace(folder, monkeypatch):
    first = solve(DESCRIPTOR)
    path = only_file(folder)
    os.utime(path, (1, 1))
    (folder / _lock.FOLDER).rename(folder / "elsewhere")
    before = sorted((item.name, item.stat().st_mtime_ns) for item in folder.iterdir())
    cache.clear(disk=False)
    with cache.use(folder, readonly=True) as place, warnings.catch_warnings():
        warnings.simplefilter("error")
        assert place == folder
        assert cache.info().readonly
        same(first, solve(DESCRIPTOR))
        solve(OTHERS[2])
        for refused in (cache.clear, lambda: cache.verify(delete=True), lambda: cache.unpack("pack")):
            with pytest.raises(CacheError, match="is used read-only"):
                refused()
    assert sorted((item.name, item.stat().st_mtime_ns) for item in folder.iterdir()) == before
    assert counts() == (0, 1, 1)


def test_use_is_a_call_or_a_block(folder, tmp_path):
    with cache.use(tmp_path / "a"):
        assert cache.directory() == tmp_path / "a"
        with cache.use(tmp_path / "b", max_bytes=10):
            assert cache.info().max_disk_bytes == 10
        assert cache.directory() == tmp_path / "a"
        cache.use(tmp_path / "c")
        assert cache.directory() == tmp_path / "c"
    assert cache.directory() == folder
    assert not (tmp_path / "a").exists()


def test_use_refuses_what_cannot_be_a_cache(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError, match="path: expected a directory, got the file"):
        cache.use(tmp_path / "file")
    with pytest.raises(CacheError, match="path: a read-only cache must be there already"):
        cache.use(tmp_path / "missing", readonly=True)
    for bound in (0, -1, 1.5, True, "1"):
        with pytest.raises(CacheError, match="max_bytes: expected an integer >= 1"):
            cache.use(tmp_path, max_bytes=bound)
    assert cache.directory() == folder


@pytest.mark.parametrize("variable", ["STEER_CACHE_DISK_MB", "STEER_CACHE_MEMORY_MB"])
@pytest.mark.parametrize("text", ["many", "0", "-5", "nan", "inf"])
def test_a_bad_bound_in_the_environment_is_named(folder, monkeypatch, variable, text):
    monkeypatch.setenv(variable, text)
    with pytest.raises(CacheError, match=f"{variable}: expected a positive number of megabytes.* got '{text}'"):
        solve(DESCRIPTOR)
    monkeypatch.delenv(variable)


def test_an_interrupted_write_leaves_nothing(folder, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        solve(DESCRIPTOR)
    assert [path for path in folder.iterdir() if path.is_file()] == []


PROCESS = """
import steer
from steer.kernels import cache, compile
from steer.kernels.cache import _fetch
_fetch.KEEP_SECONDS = 0
G = steer.group("D6", dim=2)
compile([G.vector, G.trivial], [G.vector], (5, 5))
info = cache.info()
print(info.disk_hits, info.solved, info.disk_files)
"""


def test_the_second_process_finds_what_the_first_one_solved(folder):
    found = []
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", PROCESS], check=True, capture_output=True, text=True)
        found.append([int(word) for word in done.stdout.split()])
    assert found == [[0, 2, 2], [2, 0, 2]]


def test_the_default_place_is_the_users_cache_directory(monkeypatch):
    monkeypatch.delenv("STEER_CACHE_DIR")
    assert cache.directory().name == "steer"
    monkeypatch.setenv("STEER_CACHE_DIR", "")
    assert cache.directory().name == "steer"
