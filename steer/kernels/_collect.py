"""Collecting what networks need: while it is done, `compile` notes its arguments and solves nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ._spec import KernelSpec

_collector: ContextVar[Callable[[KernelSpec], None] | None] = ContextVar("steer-collector", default=None)


def collector() -> Callable[[KernelSpec], None] | None:
    """Who takes the specs of the plans that are asked for; None when plans are to be made."""
    return _collector.get()


@contextmanager
def collecting() -> Iterator[list[KernelSpec]]:
    """The specs of all plans that this thread asks for inside of the block; none of them is made."""
    found: list[KernelSpec] = []
    token = _collector.set(found.append)
    try:
        yield found
    finally:
        _collector.reset(token)
