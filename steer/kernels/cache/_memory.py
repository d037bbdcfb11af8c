"""Solutions in memory, the least recently used dropped first, and one thread for each that is being found."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, NamedTuple

from ._place import MEMORY_MB, megabytes


class Held(NamedTuple):
    """A value and its size in bytes."""

    value: Any
    size: int


class Memory:
    """Values by key, of bounded size (`STEER_CACHE_MEMORY_MB`); for any number of threads."""

    def __init__(self) -> None:
        self._held: OrderedDict[Hashable, Held] = OrderedDict()
        self.size = 0
        self.hits = 0
        self._start()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._start)

    def _start(self) -> None:
        # Again in a forked child: it has none of the threads that hold its copy of the lock, or that it would wait for.
        self._lock = threading.Lock()
        self._pending: dict[Hashable, Future[Any]] = {}

    def forget(self) -> None:
        """Drop all values and the count of hits."""
        with self._lock:
            self._held.clear()
            self.size = self.hits = 0

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: Hashable, find: Callable[[], Held]) -> Any:
        """The value of a key, found by one thread while the others wait for it.

        When `find` raises in one thread, those that waited call it themselves.
        """
        bound = megabytes("STEER_CACHE_MEMORY_MB", MEMORY_MB)
        while True:
            with self._lock:
                if key in self._held:
                    self._held.move_to_end(key)
                    self.hits += 1
                    return self._held[key].value
                other = self._pending.get(key)
                if other is None:
                    mine = self._pending[key] = Future()
                    break
            if other.exception() is None:  # waits
                with self._lock:
                    self.hits += 1
                return other.result()
        try:
            held = find()
            mine.set_result(held.value)
            with self._lock:
                self._keep(key, held, bound)
            return held.value
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                self._pending.pop(key, None)

    def _keep(self, key: Hashable, held: Held, bound: int) -> None:
        if held.size > bound or key in self._held:
            return
        self._held[key] = held
        self.size += held.size
        while self.size > bound:
            self.size -= self._held.popitem(last=False)[1].size
