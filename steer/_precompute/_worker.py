"""A process that solves: lists of descriptors come in, and what became of each goes out, both as pickles.

It is a plain child of `_pool` and no `multiprocessing` process, because that would run the caller's script again. It
reads nothing but what its parent writes.
"""

import os
import pickle
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO, Final, NamedTuple

from ..kernels import _place, cache
from ..kernels._descriptor import Descriptor

TELL_SECONDS = 0.1
"""The parent, which has no core of its own, is not told more often."""

WRITERS: Final = 4
"""Threads of a process that solves: one at a time has the interpreter, the others are at their fsync."""


class Outcome(NamedTuple):
    """What became of one descriptor: whether it was on disk, the bytes of its file, and what went wrong, if any."""

    hit: bool
    size: int
    error: str | None


def solve(descriptor: Descriptor[Any]) -> Outcome:
    """Have one solution on disk."""
    try:
        hit, size = cache.ensure(descriptor)
    except Exception as error:  # the other descriptors are not to suffer
        return Outcome(hit=False, size=0, error=f"{type(error).__name__}: {error}")
    return Outcome(hit=hit, size=size, error=None)


def solve_all(chunk: list[Descriptor[Any]]) -> Iterator[Outcome]:
    """`solve` for each of a list: while one solves, others wait for the disk, which takes several files at a time."""
    writers = ThreadPoolExecutor(WRITERS)
    try:
        yield from writers.map(solve, chunk)
    finally:
        writers.shutdown(cancel_futures=True)


def main() -> None:
    """Solve what comes on the standard input until the parent closes it, and answer on the standard output."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    try:
        _serve(sys.stdin.buffer, answers)
    except BrokenPipeError:  # the parent has ended: what is solved is kept, and nobody asks for more
        os._exit(0)


def _serve(source: BinaryIO, sink: BinaryIO) -> None:
    while True:
        try:
            place, chunk = pickle.load(source)
        except EOFError:
            return
        _place.choose(place)
        answers: list[Outcome] = []
        told = time.monotonic()
        for number, outcome in enumerate(solve_all(chunk), 1):
            answers.append(outcome)
            if number == len(chunk) or time.monotonic() > told + TELL_SECONDS:
                pickle.dump(answers, sink)
                sink.flush()
                answers, told = [], time.monotonic()
