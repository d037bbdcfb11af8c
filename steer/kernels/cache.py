"""The kernel-basis cache: solutions by the hash of their descriptor, in memory and on disk.

A solution is a pure function of its descriptor, so the cache can cost or save time and never changes a number. Files are
safetensors (data only, nothing is executed) in `STEER_CACHE_DIR` or the user's cache directory; they appear by an atomic
rename and are verified when read.
"""

import dataclasses
import hashlib
import os
import tempfile
import threading
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
    warned: bool = False


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


def _files() -> list[Path]:
    try:
        return sorted(directory().glob("*.safetensors"))
    except OSError:
        return []


def _checksum(arrays: dict[str, Array]) -> str:
    total = hashlib.sha256()
    for name in sorted(arrays):
        total.update(f"{name} {arrays[name].shape} ".encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return total.hexdigest()


def _read(
    key: str, descriptor: Descriptor, unpack: Callable[[Descriptor, dict[str, Array], dict[str, str]], Value]
) -> Value | None:
    path = directory() / f"{key}.safetensors"
    try:
        if not path.is_file():
            return None
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        if metadata["checksum"] != _checksum(arrays) or metadata["descriptor"] != repr(descriptor):
            raise ValueError("its checksum or descriptor does not match")
        return unpack(descriptor, arrays, metadata)
    except Exception as error:  # whatever is wrong with a file, the solution can be computed again
        _warn(f"the cached kernel basis {path} cannot be used ({error}); it is computed again")
        return None


def _write(key: str, descriptor: object, arrays: dict[str, Array], metadata: dict[str, str]) -> None:
    metadata = metadata | {"descriptor": repr(descriptor), "checksum": _checksum(arrays)}
    folder = directory()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        data = safetensors.numpy.save({k: np.ascontiguousarray(v) for k, v in arrays.items()}, metadata)
        handle, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(temporary, folder / f"{key}.safetensors")
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        _warn(f"kernel bases cannot be kept in {folder} ({error}); set STEER_CACHE_DIR to a writable directory")


def _warn(message: str) -> None:
    if not _state.warned:
        _state.warned = True
        warnings.warn(message, RuntimeWarning, stacklevel=4)
