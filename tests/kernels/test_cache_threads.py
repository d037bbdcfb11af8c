"""Of threads and processes that need one solution, one finds it, and none waits in vain."""

import os
import threading

import filelock
import pytest

from steer.kernels import cache
from steer.kernels.bases._wigner_eckart import solve
from steer.kernels.cache import _fetch, _lock, _memory

from .cached import DESCRIPTOR, counts, files, same


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

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
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

    thread = threading.Thread(target=_fetch._memory.get, args=("key", find))
    thread.start()
    inside.wait()
    child = os.fork()
    if not child:  # which would wait for ever
        os._exit(_fetch._memory.get("key", lambda: _memory.Held(7, 1)))
    leave.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
