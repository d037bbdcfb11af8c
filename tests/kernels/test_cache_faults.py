"""What happens to machines: killed processes, many of them at once, full, read-only and vanished directories.

After each, the next run has the right numbers, and warnings cost a line, not the run.
"""

import contextlib
import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import warnings

import pytest

import steer
from steer.errors import CacheError
from steer.kernels import cache
from steer.kernels.bases._wigner_eckart import describe, solve
from steer.kernels.cache import _store

from .cached import DESCRIPTOR, files, held, only_file, same

O3 = steer.group("O(3)", dim=3)
MANY = [describe(a, b, 3) for a in O3.irreps(2) for b in O3.irreps(2)]

posix = pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")

START = """
import hashlib, sys
import steer
from steer.kernels import cache
from steer.kernels.cache import _fetch
from steer.kernels.bases._wigner_eckart import describe, solve
_fetch.KEEP_SECONDS = 0
O3 = steer.group("O(3)", dim=3)
MANY = [describe(a, b, 3) for a in O3.irreps(2) for b in O3.irreps(2)]
"""

DIGEST = """
total = hashlib.sha256()
for descriptor in MANY:
    for angular in solve(descriptor).values():
        total.update(angular.tensors.tobytes())
info = cache.info()
print(total.hexdigest(), info.disk_hits, info.solved)
"""

WRITER = """
from steer.kernels.cache import _place, _store
files = [(_store.file_name(cache.fingerprint(d)), _fetch._solve(d)[1]) for d in MANY]
_store.write(_place.current(), *files[0])
print("ready", flush=True)
while True:
    for file in files:
        _store.write(_place.current(), *file)
"""


def python(code, **options):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", START + code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def ended(process):
    """What a process printed, after a check that it ended well and complained of nothing."""
    said, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints
    assert complaints == ""
    return said.split()


def kill_while_writing(folder, times):
    draw = random.Random(0)
    for _ in range(times):
        process = python(WRITER)
        assert process.stdout.readline() == "ready\n", process.communicate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(draw.uniform(0, 0.02))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        found = cache.verify()
        assert not found.bad
    assert found.good > 0
    before = ended(python(DIGEST))
    assert int(before[1]) == found.good
    cache.clear()
    assert ended(python(DIGEST)) == [before[0], "0", str(len(MANY))]


@posix
def test_killed_while_writing(folder):
    kill_while_writing(folder, 5)


@posix
@pytest.mark.slow
def test_killed_while_writing_fifty_times(folder):
    kill_while_writing(folder, 50)


def start_cold(folder, count, environment):
    running = [python(DIGEST, env=os.environ | environment) for _ in range(count)]
    found = [ended(process) for process in running]
    assert len({digest for digest, _, _ in found}) == 1
    assert all(int(hits) + int(solved) == len(MANY) for _, hits, solved in found)
    assert cache.verify() == (len(MANY), {})
    assert files(folder, "*.tmp") == []
    total = sum(int(solved) for _, _, solved in found)
    assert len(MANY) <= total
    return total


def test_processes_that_start_cold_at_once(folder):
    start_cold(folder, 4, {})


@pytest.mark.slow
def test_sixteen_processes_that_start_cold_at_once(folder):
    start_cold(folder, 16, {})


def test_one_process_solves_what_takes_long(folder, monkeypatch):
    code = "_fetch.LOCK_COST = 0\n" + DIGEST
    running = [python(code) for _ in range(4)]
    found = [ended(process) for process in running]
    assert sum(int(solved) for _, _, solved in found) == len(MANY)
    assert len({digest for digest, _, _ in found}) == 1


def test_readers_never_see_half_a_file(folder):
    process = python(WRITER)
    assert process.stdout.readline() == "ready\n"
    try:
        for _ in range(100):
            assert not cache.verify().bad
    finally:
        process.kill()
        process.communicate()


@posix
def test_a_file_size_limit_like_a_quota(folder):
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
    ignore = "import signal, warnings\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nwarnings.simplefilter('ignore')\n"
    digest = ended(python(limit + ignore + DIGEST))
    assert digest[1:] == ["0", str(len(MANY))]
    assert files(folder, "*.safetensors*") == []
    assert ended(python(DIGEST))[0] == digest[0]


@pytest.mark.parametrize("step", ["fsync", "replace", "open"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
def test_a_disk_that_refuses(folder, monkeypatch, step, code):
    def refuse(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    def refuse_writing(path, *args):
        return refuse() if args == ("xb",) else open(path, *args)

    with monkeypatch.context() as patched:
        if step == "open":
            patched.setattr(_store, "open", refuse_writing, raising=False)
        else:
            patched.setattr(os, step, refuse)
        with pytest.warns(RuntimeWarning, match="cannot be kept") as caught:
            first, _ = map(solve, (DESCRIPTOR, MANY[0]))
        assert len(caught) == 1
    assert [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"] == []
    cache.clear(disk=False)
    same(first, solve(DESCRIPTOR))
    assert cache.verify() == (1, {})


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 kB, where the rights suffice to mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    done = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if not done or done.returncode:
        pytest.skip("no right to mount a file system; the tests of refused writes stand for it")
    yield place
    subprocess.run([shutil.which("umount"), str(place)], check=True)


def test_a_full_disk(small_disk, folder):
    first = solve(DESCRIPTOR)
    (small_disk / "other").write_bytes(b"x" * 60_000)
    cache.clear(disk=False)
    with cache.use(small_disk / "cache"):
        with pytest.warns(RuntimeWarning, match=r"cannot be kept .*No space left on device") as caught:
            again, *_ = map(solve, (DESCRIPTOR, *MANY))
        assert len(caught) == 1
        same(first, again)
        found = cache.verify()
        assert not found.bad
        assert files(small_disk / "cache", "*.tmp") == []
        (small_disk / "other").unlink()
        cache.clear(disk=False)
        same(first, solve(DESCRIPTOR))
        assert cache.verify() == (found.good + 1, {})


def test_a_directory_that_turns_read_only(small_disk, folder):
    with cache.use(small_disk / "cache"):
        first = solve(DESCRIPTOR)
        path = only_file(small_disk / "cache")
        os.utime(path, (1, 1))
        subprocess.run([shutil.which("mount"), "-o", "remount,ro", str(small_disk)], check=True)
        cache.clear(disk=False)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            same(first, solve(DESCRIPTOR))
        assert cache.info().disk_hits == 1
        with pytest.warns(RuntimeWarning, match=r"cannot be kept .*Read-only file system"):
            solve(MANY[0])
        solve(MANY[1])  # a second warning would be an error
        with pytest.raises(CacheError, match=r"cannot be deleted .*Read-only file system"):
            cache.clear()


def test_a_directory_that_vanishes_is_made_again(folder):
    first = solve(DESCRIPTOR)
    shutil.rmtree(folder)
    cache.clear(disk=False)
    same(first, solve(DESCRIPTOR))
    assert cache.info().solved == 1
    assert cache.verify() == (1, {})


def test_a_directory_that_vanishes_between_writing_and_renaming(folder, monkeypatch):
    replace = os.replace

    def vanish(source, target):
        shutil.rmtree(folder)
        replace(source, target)

    monkeypatch.setattr(os, "replace", vanish)
    with pytest.warns(RuntimeWarning, match="cannot be kept"):
        first = solve(DESCRIPTOR)
    monkeypatch.undo()
    with cache.use(folder):
        cache.clear(disk=False)
        same(first, DESCRIPTOR.compute())


def test_a_file_that_vanishes_while_it_is_read(folder, monkeypatch):
    first = solve(DESCRIPTOR)
    cache.clear(disk=False)
    read = _store.read

    def read_and_lose(path):
        data = read(path)
        path.unlink(missing_ok=True)
        return data

    monkeypatch.setattr(_store, "read", read_and_lose)
    same(first, solve(DESCRIPTOR))
    assert cache.info().disk_hits == 1


@pytest.mark.parametrize(("seed", "locale"), [("0", "C"), ("1", "C.UTF-8"), ("0", "de_DE.UTF-8"), ("1", "tr_TR.UTF-8")])
def test_hash_seed_and_locale_change_neither_names_nor_bytes(folder, tmp_path, seed, locale):
    solve(DESCRIPTOR)
    code = f"""
import locale, contextlib
with contextlib.suppress(locale.Error):
    locale.setlocale(locale.LC_ALL, "")
D6 = steer.group("D6", dim=2)
solve(describe(D6.regular, D6.regular, {DESCRIPTOR.max_frequency}))
"""
    other = tmp_path / "other"
    environment = {"PYTHONHASHSEED": seed, "LC_ALL": locale, "STEER_CACHE_DIR": str(other)}
    ended(python(code, env=os.environ | environment))
    assert only_file(other).name == only_file(folder).name
    assert held(only_file(other)) == held(only_file(folder))
    first, second = (len(only_file(place).read_bytes()) for place in (other, folder))
    assert first == second
