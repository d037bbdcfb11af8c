"""The cache is bounded in memory and on disk, and nothing but the order of eviction rests on the clock."""

import os

import pytest

from steer.kernels import cache
from steer.kernels.bases._wigner_eckart import solve
from steer.kernels.cache import _store

from .cached import DESCRIPTOR, OTHERS, SMALL, counts, files, same


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
    solve(SMALL)
    monkeypatch.setenv("STEER_CACHE_MEMORY_MB", str(cache.info().memory_bytes / 1e6))
    solve(DESCRIPTOR)
    assert cache.info().memory_entries == 1
    solve(SMALL)  # was not dropped for it
    assert counts() == (1, 0, 2)
    solve(DESCRIPTOR)
    assert counts() == (1, 1, 2)


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
    assert _store.file_name(cache.fingerprint(OTHERS[0])) in left
    assert _store.file_name(cache.fingerprint(OTHERS[1])) not in left
    assert (folder / "notes.txt").exists()


def test_the_file_just_written_stays_when_all_others_are_of_the_future(folder):
    for descriptor in OTHERS:
        solve(descriptor)
    for path in files(folder):
        os.utime(path, (4e9, 4e9))
    with cache.use(folder, max_bytes=cache.info().disk_bytes):
        solve(SMALL)
    assert _store.file_name(cache.fingerprint(SMALL)) in [path.name for path in files(folder)]
    assert len(files(folder)) == len(OTHERS)


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
