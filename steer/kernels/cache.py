"""The kernel-basis cache: solutions by the hash of their descriptor, in memory and on disk.

A solution is a pure function of its descriptor, so the cache can cost or save time and never changes a number. Files
are safetensors (data only, nothing is executed) in `STEER_CACHE_DIR` or the user's cache directory; they appear by an
atomic rename and are verified when read.
"""

import dataclasses
import hashlib
import json
import os
import threading
import uuid
import warnings
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import platformdirs
import safetensors
import safetensors.numpy

from ..reps._linalg import Array

__all__ = ["CONVENTION_VERSION", "CacheInfo", "clear", "directory", "fingerprint", "info"]

CONVENTION_VERSION = 1
"""Version of the table of conventions: changes when equal descriptors would give other numbers."""

FORMAT = 1
"""Version of the layout of files, part of their names: files of another layout are not read."""

MEMORY_ENTRIES = 512

Value = TypeVar("Value")
Descriptor = TypeVar("Descriptor")


class CacheInfo(NamedTuple):
    """What the cache did in this process and what it holds: counts, and bytes on disk."""

    memory_hits: int
    disk_hits: int
    solved: int
    entries: int
    disk_files: int
    disk_bytes: int
    directory: Path


@dataclasses.dataclass
class _State:
    memory: OrderedDict[str, Any] = dataclasses.field(default_factory=OrderedDict)
    lock: threading.RLock = dataclasses.field(default_factory=threading.RLock)
    memory_hits: int = 0
    disk_hits: int = 0
    solved: int = 0
    warned: set[str] = dataclasses.field(default_factory=set)


_state = _State()


def fingerprint(descriptor: object) -> str:
    """32 hexadecimal digits: the hash of the convention version and of what the descriptor prints as."""
    text = f"steer conventions {CONVENTION_VERSION}\n{descriptor!r}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def directory() -> Path:
    """Where the files are: `STEER_CACHE_DIR`, or `steer` in the user's cache directory."""
    return Path(os.environ.get("STEER_CACHE_DIR") or platformdirs.user_cache_dir("steer", appauthor=False))


def info() -> CacheInfo:
    """Hits, solutions computed, entries held, and the size of the files."""
    sizes = [path.stat().st_size for path in _files()]
    with _state.lock:
        counts = _state.memory_hits, _state.disk_hits, _state.solved, len(_state.memory)
    return CacheInfo(*counts, len(sizes), sum(sizes), directory())


def clear(*, disk: bool = True) -> None:
    """Forget all solutions in memory and, unless `disk` is False, delete their files."""
    with _state.lock:
        _state.memory.clear()
        _state.memory_hits = _state.disk_hits = _state.solved = 0
        _state.warned.clear()
    for path in _files() if disk else []:
        path.unlink(missing_ok=True)


def fetch(
    descriptor: Descriptor,
    compute: Callable[[Descriptor], Value],
    pack: Callable[[Value], tuple[dict[str, Array], dict[str, str]]],
    unpack: Callable[[Descriptor, dict[str, Array], dict[str, str]], Value],
) -> Value:
    """The value of a descriptor: from memory, from disk, or computed and kept.

    Args:
        descriptor: a frozen value whose repr says all that the value depends on.
        compute: computes the value.
        pack: the value as named arrays and text metadata.
        unpack: the value back from those.
    """
    key = fingerprint(descriptor)
    with _state.lock:
        if key in _state.memory:
            _state.memory.move_to_end(key)
            _state.memory_hits += 1
            return _state.memory[key]  # type: ignore[no-any-return]
    value = _read(key, descriptor, unpack)
    on_disk = value is not None
    if value is None:
        value = compute(descriptor)
        _write(key, descriptor, *pack(value))
    with _state.lock:
        _state.disk_hits += on_disk
        _state.solved += not on_disk
        _state.memory[key] = value
        while len(_state.memory) > MEMORY_ENTRIES:
            _state.memory.popitem(last=False)
    return value


def _path(key: str) -> Path:
    return directory() / f"{key}-{FORMAT}.safetensors"


def _files() -> list[Path]:
    try:
        return sorted(path for path in directory().glob("*.safetensors") if path.is_file())
    except OSError:
        return []


def _checksum(arrays: dict[str, Array], metadata: dict[str, str]) -> str:
    total = hashlib.sha256()
    for name in sorted(metadata.keys() - {"checksum"}):
        total.update(f"{name} {metadata[name]}\n".encode())
    for name in sorted(arrays):
        total.update(f"{name} {arrays[name].shape} ".encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return total.hexdigest()


def _read(
    key: str, descriptor: Descriptor, unpack: Callable[[Descriptor, dict[str, Array], dict[str, str]], Value]
) -> Value | None:
    path = _path(key)
    try:
        if not path.is_file():
            return None
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata: dict[str, str] = json.loads((file.metadata() or {}).get("steer", "{}"))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        if metadata.get("descriptor") != repr(descriptor) or metadata.get("checksum") != _checksum(arrays, metadata):
            raise ValueError("its descriptor or checksum does not match")
        return unpack(descriptor, arrays, metadata)
    except Exception as error:  # whatever is wrong with a file, the solution can be computed again
        _warn("bad files", f"the cached kernel basis {path} cannot be used ({error}); it is computed again")
        return None


def _write(key: str, descriptor: object, arrays: dict[str, Array], metadata: dict[str, str]) -> None:
    metadata = metadata | {"descriptor": repr(descriptor)}
    metadata["checksum"] = _checksum(arrays, metadata)
    # One entry, because safetensors writes several in random order and equal solutions should be equal files.
    header = {"steer": json.dumps(metadata, sort_keys=True)}
    data = safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, header)
    path = _path(key)
    temporary = path.with_suffix(f".{uuid.uuid4().hex}.tmp")  # unlike tempfile's, readable by whom the umask allows
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(data)
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        place = path.parent
        _warn(
            "no room", f"kernel bases cannot be kept in {place} ({error}); set STEER_CACHE_DIR to a writable directory"
        )


def _warn(kind: str, message: str) -> None:
    """Warn once of each kind: of a thousand bad files, the first is enough."""
    with _state.lock:
        known = kind in _state.warned
        _state.warned.add(kind)
    if not known:
        warnings.warn(message, RuntimeWarning, stacklevel=4)
