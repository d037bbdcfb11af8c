"""Parallel processes, of one thread each, that solve descriptors."""

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from ..errors import SteerError
from ..kernels.cache import CacheInfo, Descriptor
from ._worker import Outcome, main, solve

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

DEATHS = 3
"""So many processes, one after the other, may end before they have answered anything."""

EARLY = 2
"""So many processes start before it is known how many are needed, to load their modules meanwhile."""

Answer = tuple[Descriptor[Any], Outcome]


def chunks(descriptors: list[Descriptor[Any]], workers: int) -> list[list[Descriptor[Any]]]:
    """Lists that cost about a sixteenth of a worker's share or less, the longest first.

    Each is of one group, whose matrices and products a process makes once. Neighbours are of equal representations, of
    which the solutions up to several degrees, or on several grids, have much in common.
    """
    order = sorted(descriptors, key=lambda d: (repr(d.group), repr(d)))
    most = sum(d.cost for d in order) / (16 * workers)
    found: list[list[Descriptor[Any]]] = []
    room = 0.0
    for descriptor in order:
        if not found or found[-1][0].group != descriptor.group or room < descriptor.cost:
            found.append([])
            room = most
        found[-1].append(descriptor)
        room -= descriptor.cost
    return sorted(found, key=lambda chunk: -sum(d.cost for d in chunk))


class Pool:
    """Solves descriptors in so many processes, or, with one worker, in this one; a context manager.

    Leaving it by an error ends the processes at once; files are complete or not there.
    """

    def __init__(self, workers: int, place: CacheInfo) -> None:
        self._workers, self._place = workers, place
        self._lock = threading.Lock()
        self._stopping = False
        self._waiting: deque[list[Descriptor[Any]]] = deque()
        self._answers: queue.Queue[Answer | str] = queue.Queue()
        self._processes: list[_Process] = []
        self._idle: list[_Process] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "Pool":
        if self._workers > 1:
            with contextlib.suppress(OSError):  # `solve` will say it
                self._idle = [self._start() for _ in range(EARLY)]
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        with self._lock:
            self._stopping = True
            self._waiting.clear()
            for process in self._processes if kind else []:
                process.popen.terminate()
        for thread in self._threads:
            thread.join()
        for process in self._idle:
            process.close()

    def solve(self, descriptors: list[Descriptor[Any]]) -> Iterator[Answer]:
        """What became of each descriptor, as it is known.

        Raises:
            SteerError: no process can be started.
        """
        if self._workers == 1:
            for chunk in chunks(descriptors, 1):
                for descriptor in chunk:
                    yield descriptor, solve(descriptor)
            return
        self._waiting.extend(chunks(descriptors, self._workers))
        count = min(self._workers, len(self._waiting))
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()
        for _ in descriptors:
            answer = self._answers.get()
            if isinstance(answer, str):
                raise SteerError(f"workers: processes cannot solve, {answer}; try workers=1")
            yield answer

    def _serve(self) -> None:
        """Give chunks to a process, and to another one when it has ended, until there are no more."""
        chunk: list[Descriptor[Any]] = []
        deaths, error = 0, ""  # in a row, before the process has answered anything
        while deaths < DEATHS:
            try:
                process = self._take()
            except OSError as failed:
                error = str(failed)
                break
            deaths += 1
            while chunk := chunk or self._next():
                try:
                    for outcome in process.ask(chunk):
                        self._answers.put((chunk.pop(0), outcome))
                        deaths = 0
                except Exception as failed:
                    # It was killed, for want of memory perhaps: the one it was at has failed, the others go on.
                    error = f"process ended with code {process.close()} ({type(failed).__name__})"
                    self._answers.put((chunk.pop(0), Outcome(hit=False, size=0, error=error)))
                    break
            else:
                process.close()
                return
            if self._stopping:
                return
        self._answers.put(error)

    def _next(self) -> list[Descriptor[Any]]:
        with self._lock:
            return self._waiting.popleft() if self._waiting else []

    def _take(self) -> "_Process":
        with self._lock:
            return self._idle.pop() if self._idle else self._start()

    def _start(self) -> "_Process":
        process = _Process(self._place)
        self._processes.append(process)
        return process


class _Process:
    """A process that runs `_worker.main`."""

    def __init__(self, place: CacheInfo) -> None:
        alone = dict.fromkeys(THREADS, "1") | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        # Ctrl-C reaches the parent only, which ends its children.
        self.popen = subprocess.Popen(
            [sys.executable, "-c", f"from {main.__module__} import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | alone,
            start_new_session=True,
        )
        assert self.popen.stdin is not None, "a pipe was asked for"
        assert self.popen.stdout is not None, "a pipe was asked for"
        self._to, self._from = self.popen.stdin, self.popen.stdout
        self._place = place.directory, place.max_disk_bytes

    def ask(self, chunk: list[Descriptor[Any]]) -> Iterator[Outcome]:
        """The outcome of each descriptor.

        Raises:
            EOFError, OSError, UnpicklingError: the process has ended.
        """
        self._to.write(pickle.dumps((self._place, chunk)))
        self._to.flush()
        left = len(chunk)
        while left:
            outcomes = pickle.load(self._from)
            yield from outcomes
            left -= len(outcomes)

    def close(self) -> int:
        """Wait for the end of the process; its exit code."""
        with contextlib.suppress(OSError):  # what was not written to one that ended
            self._to.close()
        code = self.popen.wait()
        self._from.close()
        return code
