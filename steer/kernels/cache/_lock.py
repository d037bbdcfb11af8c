"""Of the processes that need one solution, one finds it and the others wait: saves work, and nothing rests on it."""

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ._place import Place

if TYPE_CHECKING:
    import filelock

LOCK_SECONDS = 60.0
"""A process that has waited so long solves on its own: the one with the lock may be stopped or far slower."""

FOLDER = "locks"

_held = threading.local()


@contextlib.contextmanager
def locked(place: Place, key: str) -> Iterator[None]:
    """Hold the lock of a key if it can be had; keys share 256 locks, so that these do not pile up.

    A directory without room or without locks, or a thread that holds one already (two of them, taken in any order by
    two processes, could block each other), goes on without.
    """
    lock = None if place.readonly or getattr(_held, "any", False) else _acquired(place, key)
    if lock is None:
        yield
        return
    _held.any = True
    try:
        yield
    finally:
        _held.any = False
        with contextlib.suppress(OSError):
            lock.release()


def _acquired(place: Place, key: str) -> "filelock.BaseFileLock | None":
    import filelock  # here, because it takes a tenth of the time of `import steer.nn`, and only what is solved needs it

    with contextlib.suppress(OSError, NotImplementedError, filelock.Timeout):
        folder = place.directory / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / f"{key[:2]}.lock", LOCK_SECONDS)
        lock.acquire(poll_interval=0.01)
        return lock
    return None
