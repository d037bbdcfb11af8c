"""Solutions in files: safetensors, data only, written in one step, and believed only when everything in them fits."""

import contextlib
import hashlib
import json
import os
import re
import stat
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, ClassVar, NamedTuple

import numpy as np
import safetensors.numpy

from ..._values import Array
from ..._version import __version__
from ._place import Place

CONVENTION_VERSION = 1
"""Version of the table of conventions: changes when equal descriptors would give other numbers."""

FORMAT = 2
"""Version of the layout of files, part of their names: files of another layout are not read."""

MAX_FILE_BYTES = 2**28
MAX_HEADER_BYTES = 2**22
"""No solution comes near these; a file that claims more is refused before anything of that size is allocated."""

NAME = re.compile(r"(?P<key>[0-9a-f]{32})-(?P<format>[0-9]{1,4})\.safetensors")
TEMPORARY = re.compile(rf"{NAME.pattern}\.[0-9a-f]{{32}}\.tmp")
ARRAY_NAME = re.compile(r"[0-9]{1,6}")

TOUCH_SECONDS = 600
"""A hit renews the time of a file that is older than this, so that hits do not write all the time."""

STALE_SECONDS = 3600
"""Temporary files of this age are of processes that were killed."""


class BadFileError(ValueError):
    """A file that is not what its name promises."""


class Entry(NamedTuple):
    """A file of the cache: its path, size in bytes, and when it was last used (seconds since 1970)."""

    path: Path
    size: int
    used: float


class Content(NamedTuple):
    """What a file holds: arrays and texts of the solution, and what is known of its making."""

    arrays: dict[str, Array]
    texts: dict[str, str]
    descriptor: str
    version: str  # of steer, that wrote it
    seconds: float  # that solving took


def key_of(descriptor: str, convention: int | str | None = None) -> str:
    """32 hexadecimal digits: the hash of the convention version and of what a descriptor prints as."""
    text = f"steer conventions {CONVENTION_VERSION if convention is None else convention}\n{descriptor}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def file_name(key: str) -> str:
    """The name of the file of a key."""
    return f"{key}-{FORMAT}.safetensors"


def encode(descriptor: str, arrays: dict[str, Array], texts: dict[str, str], seconds: float) -> bytes:
    """A file."""
    about = {
        "convention": str(CONVENTION_VERSION),
        "descriptor": descriptor,
        "seconds": f"{seconds:.6f}",
        "steer": __version__,
        "texts": texts,
    }
    about["checksum"] = _checksum(arrays, about)
    # One entry, because safetensors writes several in random order and equal solutions should be equal files.
    header = {"steer": json.dumps(about, sort_keys=True)}
    return safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, header)


def decode(data: bytes, key: str) -> Content:
    """What a file holds, after every check that needs no solving: nothing of it is executed.

    Raises:
        BadFileError: it is damaged, or not the file of this key.
    """
    try:
        return _decode(data, key)
    except BadFileError:
        raise
    except Exception as error:  # whatever the parsers of JSON and safetensors object to
        raise BadFileError(f"it is no file of a kernel basis: {error}") from error


def _decode(data: bytes, key: str) -> Content:
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(MAX_HEADER_BYTES, len(data) - 8):
        raise BadFileError("it is cut off, or its header is too large")
    header: dict[str, Any] = json.loads(data[8 : 8 + length])
    about: dict[str, Any] = json.loads(header.pop("__metadata__", {}).get("steer", "{}"))
    for name, entry in header.items():
        if not ARRAY_NAME.fullmatch(name) or entry["dtype"] != "F64":
            raise BadFileError(f"it holds an array {name[:32]!r} of type {entry['dtype']!r:.32}")
    if key_of(str(about.get("descriptor")), str(about.get("convention"))) != key:
        raise BadFileError("it is the file of another kernel basis")
    arrays = safetensors.numpy.load(data)
    if about.pop("checksum", None) != _checksum(arrays, about):
        raise BadFileError("its checksum does not match")
    if not all(array.dtype == np.float64 and np.isfinite(array).all() for array in arrays.values()):
        raise BadFileError("it holds numbers that are not finite")
    return Content(arrays, about["texts"], about["descriptor"], about["steer"], float(about["seconds"]))


def _checksum(arrays: dict[str, Array], about: dict[str, Any]) -> str:
    total = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name in sorted(arrays):
        total.update(f"\n{name} {arrays[name].shape} ".encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return total.hexdigest()


def read(path: Path) -> bytes | None:
    """The bytes of a file, or None if there is none.

    Raises:
        BadFileError: it is too large, or no plain file.
        OSError: it cannot be read.
    """
    # Not to wait for ever on a pipe of that name.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with open(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise BadFileError("it is no plain file")
        if about.st_size > MAX_FILE_BYTES:
            raise BadFileError(f"it has {about.st_size} bytes, more than any kernel basis")
        return file.read(MAX_FILE_BYTES + 1)


def write(place: Place, name: str, data: bytes) -> None:
    """Put a file in a place, complete or not at all, and make room for it.

    Raises:
        OSError: it cannot be written, or alone exceeds the bound.
    """
    if len(data) > place.max_bytes:
        raise OSError(f"its {len(data)} bytes exceed the bound of {place.max_bytes} bytes")
    try:
        replace(place.directory / name, data)
    except FileNotFoundError:
        place.directory.mkdir(parents=True, exist_ok=True)
        replace(place.directory / name, data)
    if not _Room.suffices(place, len(data)):
        _Room.left[place] = evict(place, name)


def replace(path: Path, data: bytes) -> None:
    """Write a file in one step: readers see the old one or the new one, also after a crash of the machine.

    Raises:
        OSError: it cannot be written; nothing is left then.
    """
    with writing(path) as file:
        file.write(data)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write what `path` is to hold when the block has ended; see `replace`."""
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")  # unlike tempfile's, readable by the umask
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            # The name must not reach the disk before the data. Whether the name does is no matter: it is only a cache.
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def touch(place: Place, path: Path) -> None:
    """Note that a file was used now, for the eviction; nothing else depends on times."""
    if place.readonly:
        return
    with contextlib.suppress(OSError):
        if abs(time.time() - path.stat().st_mtime) > TOUCH_SECONDS:  # also when the clock was set back
            os.utime(path)


def entries(directory: Path) -> list[Entry]:
    """The files of solutions in a directory, of any layout, by name: no links, and nothing of others."""
    return sorted(_matching(directory, NAME))


class _Room:
    """Bytes that this process may still write to a place before it looks at the directory again.

    Looking takes time that grows with the number of files, so it is not done for each. Other processes write too, hence
    only a part of what is left is counted on.
    """

    left: ClassVar[dict[Place, int]] = {}

    @classmethod
    def suffices(cls, place: Place, size: int) -> bool:
        """Whether so many more bytes are certain to fit."""
        left = cls.left.get(place, 0) - size
        cls.left = {place: left}  # of the last place only, so that it does not grow
        return left >= 0


def evict(place: Place, newest: str) -> int:
    """Delete the least recently used files until the rest fits the bound; never the newest one.

    Returns:
        A sixteenth of the bytes that are left.

    Raises:
        OSError: the directory cannot be changed.
    """
    found = entries(place.directory)
    total = sum(entry.size for entry in found)
    for entry in sorted(found, key=lambda entry: (entry.used, entry.path)):
        if total <= place.max_bytes:
            break
        if entry.path.name != newest:
            entry.path.unlink(missing_ok=True)
            total -= entry.size
    now = time.time()
    for entry in _matching(place.directory, TEMPORARY):
        if abs(now - entry.used) > STALE_SECONDS:
            entry.path.unlink(missing_ok=True)
    return max(0, place.max_bytes - total) // 16


def remove_all(directory: Path) -> None:
    """Delete all files of the cache, temporary ones too, and nothing else; locks may be in use, so they stay.

    Raises:
        OSError: one cannot be deleted.
    """
    for entry in (*entries(directory), *_matching(directory, TEMPORARY)):
        entry.path.unlink(missing_ok=True)


def _matching(directory: Path, pattern: re.Pattern[str]) -> Iterator[Entry]:
    try:
        with os.scandir(directory) as found:
            for item in found:
                # a file may vanish while the directory is read
                with contextlib.suppress(FileNotFoundError):
                    if pattern.fullmatch(item.name) and item.is_file(follow_symlinks=False):
                        about = item.stat(follow_symlinks=False)
                        yield Entry(directory / item.name, about.st_size, about.st_mtime)
    except OSError:  # a directory that is missing or cannot be listed holds nothing
        return
