"""Parallel processes, of one thread each, that solve descriptors."""

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator
from typing import Any

from ..errors import SteerError
from ..kernels._descriptor import Descriptor
from ..kernels._place import Place
from ._worker import Outcome, main, solve

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

DEATHS = 3
"""So many processes, one after the other, may end before they have answered anything."""

Answer = tuple[Descriptor[Any], Outcome]


def solved(descriptors: list[Descriptor[Any]], workers: int, place: Place) -> Generator[Answer]:
    """What became of each descriptor, as it is known; closing the iterator ends the processes.

    With one worker it is this process.
    """
    if workers == 1:
        for chunk in chunks(descriptors, 1):
            for descriptor in chunk:
                yield descriptor, solve(descriptor)
        return
    pool = _Pool(deque(chunks(descriptors, workers)), place)
    pool.start(workers)
    try:
        for _ in descriptors:
            answer = pool.answers.get()
            if answer is None:
                raise SteerError(f"workers: the processes of {sys.executable} end at once; try workers=1")
            yield answer
    except BaseException:
        pool.stop()
        raise
    pool.join()


def chunks(descriptors: list[Descriptor[Any]], workers: int) -> list[list[Descriptor[Any]]]:
    """Lists that cost about a sixteenth of a worker's share or less, the longest first.

    Neighbours are of one group, whose matrices and products a process makes once.
    """
    order = sorted(descriptors, key=lambda d: (repr(d.group), -d.cost, repr(d)))
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


class _Pool:
    """A thread for each process, which gives it chunks and takes its answers."""

    def __init__(self, waiting: deque[list[Descriptor[Any]]], place: Place) -> None:
        self._waiting, self._place = waiting, place
        self.answers: queue.Queue[Answer | None] = queue.Queue()
        self._lock = threading.Lock()
        self._stopping = False
        self._processes: set[_Process] = set()
        self._threads: list[threading.Thread] = []

    def start(self, workers: int) -> None:
        """Start solving."""
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Drop what is waiting and end the processes at once; files are complete or not there."""
        with self._lock:
            self._stopping = True
            for process in self._processes:
                process.popen.terminate()
        self.join()

    def join(self) -> None:
        """Wait for the end of the processes, which comes when nothing is waiting."""
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        chunk: list[Descriptor[Any]] = []
        deaths = 0  # in a row, before the process has answered anything
        while deaths < DEATHS:
            process = self._started()
            if process is None:
                return
            deaths += 1
            while chunk := chunk or self._next():
                try:
                    for outcome in process.ask(chunk):
                        self.answers.put((chunk.pop(0), outcome))
                        deaths = 0
                except (EOFError, OSError, pickle.UnpicklingError):
                    # It was killed, for want of memory perhaps: the one it was at has failed, the others go on.
                    error = f"its process ended with code {process.close()}"
                    self.answers.put((chunk.pop(0), Outcome(hit=False, size=0, error=error)))
                    break
            else:
                process.close()
                return
            with self._lock:
                self._processes.discard(process)
        self.answers.put(None)

    def _next(self) -> list[Descriptor[Any]]:
        with self._lock:
            return self._waiting.popleft() if self._waiting and not self._stopping else []

    def _started(self) -> "_Process | None":
        with self._lock:
            if self._stopping:
                return None
            process = _Process(self._place)
            self._processes.add(process)
            return process


class _Process:
    """A process that runs `_worker.main`."""

    def __init__(self, place: Place) -> None:
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
        self._place: Place | None = place

    def ask(self, chunk: list[Descriptor[Any]]) -> Iterator[Outcome]:
        """The outcome of each descriptor.

        Raises:
            EOFError, OSError, UnpicklingError: the process has ended.
        """
        if self._place is not None:
            pickle.dump(self._place, self._to)
            self._place = None
        pickle.dump(chunk, self._to)
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
