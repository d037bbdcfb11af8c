"""Where the cache is and how much it may hold: environment variables, or what `use` says instead."""

import functools
import math
import os
from dataclasses import dataclass
from pathlib import Path

from ...errors import CacheError

DISK_MB, MEMORY_MB = 1024, 256
"""Bounds unless the environment says others. A basis has 1 to 100 kB, so the disk holds tens of thousands."""


@dataclass(frozen=True)
class Place:
    """A directory of solutions: whether anything may be written there, and how many bytes it may hold."""

    directory: Path
    readonly: bool
    max_bytes: int


class _Chosen:
    """What `use` set for this process; None when the environment decides."""

    place: Place | None = None


def current() -> Place:
    """The place in use.

    Raises:
        CacheError: `STEER_CACHE_DISK_MB` is not a positive number.
    """
    return _Chosen.place or default()


def default() -> Place:
    """The place that the environment names: `STEER_CACHE_DIR` and `STEER_CACHE_DISK_MB`."""
    named = os.environ.get("STEER_CACHE_DIR")
    if not named:
        import platformdirs  # here, because `import steer.nn` does without

        named = platformdirs.user_cache_dir("steer", appauthor=False)
    return Place(_of_environment(named), False, megabytes("STEER_CACHE_DISK_MB", DISK_MB))


@functools.lru_cache(maxsize=16)
def _of_environment(named: str) -> Path:
    """`absolute`, as it was when it was asked for first: the cache stays there when the process changes directory."""
    return absolute("STEER_CACHE_DIR", named)


def absolute(argument: str, named: str) -> Path:
    """The directory of that name, with ~ for the home directory.

    Raises:
        CacheError: there is no such user.
    """
    try:
        return Path(named).expanduser().absolute()
    except RuntimeError as error:
        raise CacheError(f"{argument}: {named!r} names the home directory of no user ({error})") from error


def choose(place: Place) -> "Restorer":
    """Use a place from now on; the answer can give back what was before."""
    before = _Chosen.place
    _Chosen.place = place
    return Restorer(before)


class Restorer:
    """A context manager that has begun already: leaving it restores the place that was in use before."""

    def __init__(self, before: Place | None) -> None:
        self._before = before

    def __enter__(self) -> Path:
        return current().directory

    def __exit__(self, *error: object) -> None:
        _Chosen.place = self._before


def megabytes(variable: str, usual: int) -> int:
    """Bytes from an environment variable that counts megabytes (10^6 bytes).

    Raises:
        CacheError: it is not a positive number.
    """
    text = os.environ.get(variable)
    if not text:
        return usual * 10**6
    try:
        amount = float(text)
    except ValueError:
        amount = math.nan
    if not 0 < amount < math.inf:
        raise CacheError(f"{variable}: expected a positive number of megabytes, such as {usual}, got {text!r}")
    return int(amount * 10**6)
