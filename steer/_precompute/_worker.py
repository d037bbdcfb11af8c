"""A process that solves: lists of descriptors come in, and what became of each goes out, both as pickles.

It is a plain child of `_pool` and no `multiprocessing` process, because that would run the caller's script again. It
reads nothing but what its parent writes.
"""

import os
import pickle
import sys
import time
from typing import Any, BinaryIO, NamedTuple

from ..kernels import cache
from ..kernels.cache import Descriptor, ensure

TELL_SECONDS = 0.1
"""The parent, which has no core of its own, is not told more often."""


class Outcome(NamedTuple):
    """What became of one descriptor: whether it was on disk, the bytes of its file, and what went wrong, if any."""

    hit: bool
    size: int
    error: str | None


def solve(descriptor: Descriptor[Any]) -> Outcome:
    """Have one solution on disk."""
    try:
        hit, size = ensure(descriptor)
    except Exception as error:  # the other descriptors are not to suffer
        return Outcome(hit=False, size=0, error=f"{type(error).__name__}: {error}")
    return Outcome(hit=hit, size=size, error=None)


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
            (directory, max_bytes), chunk = pickle.load(source)
        except EOFError:
            return
        cache.use(directory, max_bytes=max_bytes)
        answers: list[Outcome] = []
        told = time.monotonic()
        for number, descriptor in enumerate(chunk, 1):
            answers.append(solve(descriptor))
            if number == len(chunk) or time.monotonic() > told + TELL_SECONDS:
                pickle.dump(answers, sink)
                sink.flush()
                answers, told = [], time.monotonic()
