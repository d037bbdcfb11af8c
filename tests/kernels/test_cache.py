"""The cache saves time and never changes a number: hits, bounds, bad files, places it cannot write to."""

import json
import os
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
import safetensors.numpy

import steer
from steer.errors import CacheError
from steer.kernels import Pixels, _lock, _memory, _store, cache
from steer.kernels._pixel import PixelDescriptor
from steer.kernels._wigner_eckart import describe, solve

from .cached import DESCRIPTOR, files, held, only_file, same

D6 = steer.group("D6", dim=2)
SMALL = describe(D6.trivial, D6.vector, 1)
OTHERS = [describe(D6.vector, D6.vector, degree) for degree in range(3)]


def counts():
    found = cache.info()
    return found.memory_hits, found.disk_hits, found.solved


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
    monkeypatch.setattr(cache, "KEEP_SECONDS", 1e9)
    solve(DESCRIPTOR)
    assert files(folder) == []
    assert cache.ensure(DESCRIPTOR) == (False, only_file(folder).stat().st_size)
    assert cache.ensure(DESCRIPTOR) == (True, only_file(folder).stat().st_size)


def test_pixel_kernels_are_kept_too(folder):
    cube = steer.group("O", dim=3)
    descriptor = PixelDescriptor(cube.irrep("T1"), cube.irrep("E"), Pixels.for_kernel((3, 3, 3)).grid)
    first = cache.fetch(descriptor)
    cache.clear(disk=False)
    again = cache.fetch(descriptor)
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


# Bad files ----------------------------------------------------------------------------------------------------------


def test_many_bad_files_give_one_warning(folder):
    for descriptor in OTHERS:
        solve(descriptor)
    for path in files(folder):
        path.write_bytes(b"")
    cache.clear(disk=False)
    with pytest.warns(RuntimeWarning, match="cannot be used"):
        solve(OTHERS[0])
    solve(OTHERS[1])  # a second warning would be an error
    assert cache.info().solved == 2


def flipped(data):
    return data[:-1] + bytes([data[-1] ^ 1])


def relabelled(data):
    before, _, after = data.rpartition(b"E1")
    return before + b"E2" + after


def with_header(text, rest=b""):
    return len(text).to_bytes(8, "little") + text + rest


def deep(data):
    return with_header(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)


def resigned(change):
    """A file whose checksum is right although its contents were changed."""

    def damaged(data):
        content = _store.decode(data, cache.fingerprint(DESCRIPTOR))
        return _store.encode(content.descriptor, change(dict(content.arrays)), content.texts, 0.1)

    return damaged


DAMAGE = {
    "truncated": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "one bit": flipped,
    "a bit of the header": lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:],
    "labels": relabelled,
    "a pickle": lambda data: b"\x80\x04K\x01." * 100,
    "foreign safetensors": lambda data: safetensors.numpy.save({"x": np.ones(3)}),
    "another solution": lambda data: data.replace(b"regular", b"vectors").replace(b"'D6'", b"'D7'"),
    "a header of 2^63 bytes": lambda data: (2**63).to_bytes(8, "little") + data[8:],
    "a header larger than any": lambda data: with_header(b" " * (_store.MAX_HEADER_BYTES + 1), data),
    "a deep header": deep,
    "a header that is a list": lambda data: with_header(b"[]"),
    "offsets outside": lambda data: data.replace(b'"data_offsets":[0,', b'"data_offsets":[9,'),
    "float32": lambda data: data.replace(b'"F64"', b'"F32"'),
    "not finite": resigned(lambda arrays: arrays | {"0": np.full_like(arrays["0"], np.nan)}),
    "another shape": resigned(lambda arrays: arrays | {"0": arrays["0"][..., :0]}),
    "an array more": resigned(lambda arrays: arrays | {"99999": np.ones(1)}),
    "an array less": resigned(lambda arrays: {name: a for name, a in arrays.items() if name != "0"}),
    "a path as a name": resigned(lambda arrays: arrays | {"../../x": np.ones(1)}),
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
    assert held(only_file(folder)) == held(good)
    cache.clear(disk=False)
    same(first, solve(DESCRIPTOR))  # and no warning now
    assert cache.info().disk_hits == 1


def test_a_bad_file_is_replaced_however_fast_it_is_solved(folder, monkeypatch):
    solve(DESCRIPTOR)
    only_file(folder).write_bytes(b"")
    cache.clear(disk=False)
    monkeypatch.setattr(cache, "KEEP_SECONDS", 1e9)
    with pytest.warns(RuntimeWarning, match="cannot be used"):
        solve(DESCRIPTOR)
    assert cache.verify() == (1, {})


def test_the_file_of_another_descriptor_under_this_name(folder):
    solve(OTHERS[0])
    other = only_file(folder)
    first = solve(DESCRIPTOR)
    (path,) = set(files(folder)) - {other}
    os.replace(other, path)
    cache.clear(disk=False)
    with pytest.warns(RuntimeWarning, match="it is the file of another kernel basis"):
        same(first, solve(DESCRIPTOR))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_in_place_of_a_file_is_not_waited_for(folder):
    solve(DESCRIPTOR)
    path = only_file(folder)
    cache.clear()
    os.mkfifo(path)
    with pytest.warns(RuntimeWarning, match="it is no plain file"):
        solve(DESCRIPTOR)
    assert cache.verify() == (1, {})


def test_a_folder_in_place_of_a_file_costs_only_time(folder):
    solve(DESCRIPTOR)
    path = only_file(folder)
    cache.clear()
    path.mkdir()
    with pytest.warns(RuntimeWarning) as caught:
        assert len(solve(DESCRIPTOR)) > 0
    assert ["cannot be" in str(warning.message) for warning in caught] == [True, True]  # used, and kept
    assert files(folder, "*.tmp") == []


def test_a_file_that_is_too_large_is_not_read(folder, monkeypatch):
    solve(DESCRIPTOR)
    cache.clear(disk=False)
    monkeypatch.setattr(_store, "MAX_FILE_BYTES", 100)
    with pytest.warns(RuntimeWarning, match="more than any kernel basis"):
        solve(DESCRIPTOR)


def test_verify_names_bad_files_and_deletes_them_when_asked(folder):
    for descriptor in OTHERS:
        solve(descriptor)
    path = files(folder)[1]
    path.write_bytes(flipped(path.read_bytes()))
    bad = {path: "its checksum does not match"}
    assert cache.verify() == (2, bad)
    assert cache.verify(delete=True) == (2, bad)
    assert cache.verify() == (2, {})


# Places -------------------------------------------------------------------------------------------------------------


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
cache.KEEP_SECONDS = 0
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


# Bounds -------------------------------------------------------------------------------------------------------------


def test_memory_is_bounded_and_drops_the_oldest(folder, monkeypatch):
    size = [sum(angular.tensors.nbytes for angular in descriptor.compute().values()) for descriptor in OTHERS]
    monkeypatch.setenv("STEER_CACHE_MEMORY_MB", str((size[0] + size[2]) / 1e6))
    solve(OTHERS[0])
    solve(OTHERS[1])
    solve(OTHERS[0])
    solve(OTHERS[2])  # drops the second
    before = cache.info()
    assert before.memory_entries == 2
    assert before.memory_bytes == size[0] + size[2]
    solve(OTHERS[0])
    assert cache.info().memory_hits == before.memory_hits + 1
    solve(OTHERS[1])
    assert cache.info().disk_hits == before.disk_hits + 1


def test_what_is_larger_than_the_memory_s_bound_is_not_held(folder, monkeypatch):
    monkeypatch.setenv("STEER_CACHE_MEMORY_MB", "1e-6")
    solve(DESCRIPTOR)
    assert cache.info().memory_entries == 0
    solve(DESCRIPTOR)
    assert counts() == (0, 1, 1)


def test_the_disk_is_bounded_and_drops_what_was_used_longest_ago(folder):
    for age, descriptor in zip((30_000, 20_000, 10_000), OTHERS, strict=True):
        path = folder / _store.file_name(cache.fingerprint(descriptor))
        solve(descriptor)
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    (folder / "notes.txt").write_text("x" * 10_000)
    cache.clear(disk=False)
    solve(OTHERS[0])  # renews its time
    room = cache.info().disk_bytes
    with cache.use(folder, max_bytes=room):
        solve(SMALL)
        left = {path.name for path in files(folder)}
        assert cache.info().disk_bytes <= room
    assert _store.file_name(cache.fingerprint(SMALL)) in left
    assert _store.file_name(cache.fingerprint(OTHERS[1])) not in left
    assert (folder / "notes.txt").exists()


def test_a_file_larger_than_the_bound_is_not_written(folder):
    for descriptor in OTHERS:
        solve(descriptor)
    before = files(folder)
    with (
        cache.use(folder, max_bytes=cache.info().disk_bytes // 3),
        pytest.warns(RuntimeWarning, match="exceed the bound"),
    ):
        solve(DESCRIPTOR)
    assert files(folder) == before


def test_leftovers_of_killed_processes_go_with_the_next_write(folder):
    folder.mkdir(parents=True)
    leftovers = [folder / f"{'a' * 32}-2.safetensors.{digit * 32}.tmp" for digit in "01"]
    for path in leftovers:
        path.write_bytes(b"half")
    os.utime(leftovers[0], (1, 1))
    solve(DESCRIPTOR)
    assert [path.exists() for path in leftovers] == [False, True]  # the second may be another process, writing


@pytest.mark.parametrize("shift", [-1e9, 1e9], ids=["backwards", "forwards"])
def test_a_clock_that_was_set_changes_nothing(folder, monkeypatch, shift):
    first = solve(DESCRIPTOR)
    now = _store.time.time()
    monkeypatch.setattr(_store.time, "time", lambda: now + shift)
    cache.clear(disk=False)
    same(first, solve(DESCRIPTOR))
    solve(OTHERS[2])
    assert counts() == (0, 1, 1)
    assert cache.verify() == (2, {})


# Threads and locks --------------------------------------------------------------------------------------------------


def in_threads(count, job):
    found = []
    threads = [threading.Thread(target=lambda: found.append(job())) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_of_many_threads_one_solves(folder):
    found = in_threads(16, lambda: solve(DESCRIPTOR))
    assert len(found) == 16
    assert all(solution is found[0] for solution in found)
    assert counts() == (15, 0, 1)


def test_threads_do_not_wait_for_one_that_failed():
    memory, started = _memory.Memory(), threading.Event()
    attempts = []

    def find():
        attempts.append(threading.get_ident())
        if len(attempts) == 1:
            started.wait()  # until the others are under way, or soon will be
            raise KeyboardInterrupt
        return _memory.Held("value", 1)

    def first():
        with pytest.raises(KeyboardInterrupt):
            memory.get("key", find)

    def other():
        started.set()
        return memory.get("key", find)

    thread = threading.Thread(target=first)
    thread.start()
    while not attempts:
        pass
    assert in_threads(4, other) == 4 * ["value"]
    thread.join()
    assert len(attempts) == 2


def test_solving_within_solving_does_not_block(folder):
    place = cache._place.current()
    with _lock.locked(place, "ab"), _lock.locked(place, "ab"), _lock.locked(place, "cd"):
        assert files(folder / _lock.FOLDER, "*") == [folder / _lock.FOLDER / "ab.lock"]


def test_a_lock_that_is_not_given_back_is_waited_for_in_vain(folder, monkeypatch):
    monkeypatch.setattr(_lock, "LOCK_SECONDS", 0.0)
    key = cache.fingerprint(DESCRIPTOR)
    place = cache._place.current()
    with _lock.locked(place, key):
        (found,) = in_threads(1, lambda: solve(DESCRIPTOR))
    same(found, solve(DESCRIPTOR))


def test_no_locks_on_the_file_system(folder, monkeypatch):
    def refuse(*args, **kwargs):
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr(_lock.filelock.FileLock, "acquire", refuse)
    solve(DESCRIPTOR)
    assert cache.verify() == (1, {})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_does_not_wait_for_threads_it_has_not(folder):
    inside, leave = threading.Event(), threading.Event()

    def find():
        inside.set()
        leave.wait()
        return _memory.Held("value", 1)

    thread = threading.Thread(target=cache._memory.get, args=("key", find))
    thread.start()
    inside.wait()
    child = os.fork()
    if not child:  # which would wait for ever
        os._exit(cache._memory.get("key", lambda: _memory.Held(7, 1)))
    leave.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
