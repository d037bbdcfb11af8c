"""Where solutions are looked for: in memory, on disk, or found; and what `steer.kernels.cache` does."""

import contextlib
import os
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..._values import require_count, require_flag, require_path
from ...errors import CacheError
from . import _place, _store
from ._descriptor import Descriptor, Value
from ._lock import locked
from ._memory import Held, Memory
from ._pack import Packed, Unpacked, read_pack, write_pack
from ._place import Place
from ._reports import CacheInfo, CacheReport
from ._store import BadFileError, Content, Entry

KEEP_SECONDS = 0.005
"""What takes longer to solve is kept on disk. Loading a file takes 0.2 ms, but writing one, with its fsync, 0.4 ms on
an idle disk and 4 ms on a busy one: kernels between two irreps, at 0.3 to 2 ms, would slow the first construction down
more than they speed up the next ones. `steer.precompute` keeps those too (docs/cache.md has the figures)."""

LOCK_COST = 10_000
"""Solutions of a `Descriptor.cost` above this, which is 10 ms or more, are found by one process at a time."""


class _Counts:
    """What happened in this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.warned: set[str] = set()
        self.forget()

    def forget(self) -> None:
        """Count from zero, and warn again."""
        with self.lock:
            self.disk_hits = self.solved = 0
            self.warned.clear()


_memory = Memory()
_counts = _Counts()


def fingerprint(descriptor: object) -> str:
    """Hash of the convention version and of what a descriptor prints as: the name of its file.

    Args:
        descriptor: any value whose print says all that its solution depends on.

    Returns:
        32 hexadecimal digits.

    Example:
        >>> import steer
        >>> len(steer.kernels.cache.fingerprint("Rings((0.0,), (0.6,), (0,))"))
        32
    """
    return _store.key_of(repr(descriptor))


def directory() -> Path:
    """The directory of the files: what `use` set, else `STEER_CACHE_DIR`, else `steer` in the user's cache directory.

    Returns:
        The path, which need not exist yet.

    Raises:
        CacheError: `STEER_CACHE_DISK_MB` is not a positive number.
    """
    return _place.current().directory


def use(
    path: str | os.PathLike[str] | None = None, *, readonly: bool = False, max_bytes: int | None = None
) -> contextlib.AbstractContextManager[Path]:
    """Use another cache directory, in this process and from now on; in a `with` statement, until its end.

    Solutions in memory stay there. The setting is one for all threads.

    Args:
        path: the directory, made when something is written to it; by default the one that the environment names.
        readonly: never to write there, neither files nor locks nor times of use.
        max_bytes: bound on the size of all files; by default that of the environment, `STEER_CACHE_DISK_MB`.

    Returns:
        A context manager that gives back, on leaving, what was in use before; it may be dropped.

    Raises:
        CacheError: the path is none or a file, or read-only and not there, or the bound is not a positive integer.

    Example:
        >>> import tempfile
        >>> from steer.kernels import cache
        >>> with tempfile.TemporaryDirectory() as folder, cache.use(folder):
        ...     cache.info().disk_files
        0
    """
    usual = _place.default()
    place = usual.directory
    if path is not None:
        place = _place.absolute("path", str(require_path("path", path, CacheError)))
    readonly = require_flag("readonly", readonly, CacheError)
    if place.exists() and not place.is_dir():
        raise CacheError(
            f"path: expected a directory, got the file {place}; unpack a pack with steer.kernels.cache.unpack"
        )
    if readonly and not place.is_dir():
        raise CacheError(f"path: a read-only cache must be there already, got {place}; fill it with steer cache unpack")
    most = usual.max_bytes if max_bytes is None else require_count("max_bytes", max_bytes, CacheError, 1)
    return _place.choose(Place(place, readonly, most))


def info() -> CacheInfo:
    """Hits and solutions of this process, and the size of what is held in memory and on disk.

    Returns:
        The counts since the start of the process or the last `clear`.

    Raises:
        CacheError: `STEER_CACHE_DISK_MB` is not a positive number.
    """
    place = _place.current()
    sizes = [entry.size for entry in _store.entries(place.directory)]
    with _counts.lock:
        did = _memory.hits, _counts.disk_hits, _counts.solved, len(_memory), _memory.size
    return CacheInfo(*did, len(sizes), sum(sizes), place.max_bytes, place.directory, place.readonly)


def contents() -> Iterator[tuple[Entry, Content]]:
    """Every good file of this version's layout, read and verified.

    Yields:
        Two named tuples for each file: (path, size, used), with the size in bytes and the last use in seconds since
        1970; and (arrays, texts, descriptor, version, seconds), the solution, what it solves, and the version of steer
        and the time that it took.

    Raises:
        CacheError: `STEER_CACHE_DISK_MB` is not a positive number.
    """
    for entry, found in _checked():
        if isinstance(found, Content):
            yield entry, found


def clear(*, disk: bool = True) -> None:
    """Forget all solutions in memory and delete their files, and nothing else.

    Args:
        disk: whether to delete the files too.

    Raises:
        CacheError: the files are to be deleted, and the directory is read-only or does not let them.
    """
    place = _place.current()
    if require_flag("disk", disk, CacheError):
        _require_writable(place)
    _memory.forget()
    _counts.forget()
    if disk:
        with _deleting(place):
            _store.remove_all(place.directory)


def verify(*, delete: bool = False) -> CacheReport:
    """Read every file and check that it is complete, unchanged, and the one its name says.

    Args:
        delete: whether to delete the bad ones.

    Returns:
        The number of good files, and the bad ones with what is wrong.

    Raises:
        CacheError: bad files are to be deleted, and the directory is read-only or does not let them.
    """
    if require_flag("delete", delete, CacheError):
        _require_writable(_place.current())
    good, bad = 0, {}
    for entry, found in _checked():
        if isinstance(found, Content):
            good += 1
        else:
            bad[entry.path] = found
            if delete:
                with _deleting(_place.current()):
                    entry.path.unlink(missing_ok=True)
    return CacheReport(good, bad)


def pack(path: str | os.PathLike[str]) -> Packed:
    """Write all good files of the cache to one, a pack, which fills a cache elsewhere.

    Equal solutions make equal packs, but for the seconds that solving took.

    Args:
        path: the file to write, in one step; an old one is replaced.

    Returns:
        A named tuple (files, size, refused): the number of files in the pack, its bytes, and the files left out with
        the reason.

    Raises:
        CacheError: there is nothing to pack, or the file cannot be written.
    """
    return write_pack(require_path("path", path, CacheError), (entry.path for entry in _store.entries(directory())))


def unpack(path: str | os.PathLike[str]) -> Unpacked:
    """Put the files of a pack into the cache; those that are there and good are kept.

    Each is verified first, and written in one step. Nothing is written outside of the directory.

    Args:
        path: a file that `pack` wrote.

    Returns:
        A named tuple (new, kept, refused): files written, files that were there already, and members refused with the
        reason.

    Raises:
        CacheError: no pack, one that is larger than the cache may be, or a directory that cannot be written.
    """
    place = _place.current()
    _require_writable(place)
    return read_pack(require_path("path", path, CacheError), place)


def fetch(descriptor: Descriptor[Value]) -> Value:
    """The solution of a descriptor: from memory, from disk, or computed and, if that took long, kept.

    One that is not shared is in memory only, and known by its value, since its print does not say all.
    """
    if not descriptor.is_shared:
        return _memory.get(descriptor, lambda: _solve(descriptor)[0])  # type: ignore[no-any-return]
    key = fingerprint(descriptor)
    return _memory.get(key, lambda: _find(descriptor, key))  # type: ignore[no-any-return]


def ensure(descriptor: Descriptor[Any]) -> tuple[bool, int]:
    """Have the solution of a descriptor on disk, whatever it costs.

    Args:
        descriptor: what is to be solved.

    Returns:
        Whether it was there, and the bytes of its file.

    Raises:
        CacheError: it is not shared (`Descriptor.is_shared`).
        OSError: it cannot be written.
    """
    if not isinstance(descriptor, Descriptor):
        raise CacheError(f"descriptor: expected a Descriptor of what is to be solved, got {descriptor!r}")
    if not descriptor.is_shared:
        raise CacheError(
            f"descriptor: kernel bases of classes of groups or representations that steer does not define are not "
            f"kept on disk, since their prints do not say all; got {descriptor!r}"
        )
    place, key = _place.current(), fingerprint(descriptor)
    path = place.directory / _store.file_name(key)
    with _turn(place, key, descriptor) as found:
        if found is not None:
            return True, path.stat().st_size
        data = _solve(descriptor)[1]
        _store.write(place, path.name, data)
        return False, len(data)


def _find(descriptor: Descriptor[Any], key: str) -> Held:
    place = _place.current()
    with _turn(place, key, descriptor) as found:
        if found is None:
            return _made(place, key, descriptor)
    with _counts.lock:
        _counts.disk_hits += 1
    return found


@contextlib.contextmanager
def _turn(place: Place, key: str, descriptor: Descriptor[Any]) -> Iterator[Held | None]:
    """The solution on disk, or None when it is for this process to find it.

    Where solving takes longer than a lock is worth, no other process does in the meantime.
    """
    found = _load(place, key, descriptor)
    if found is not None or descriptor.cost < LOCK_COST:
        yield found
        return
    with locked(place, key):
        yield _load(place, key, descriptor)  # the wait may have been for this very solution


def _made(place: Place, key: str, descriptor: Descriptor[Any]) -> Held:
    held, data, seconds = _solve(descriptor)
    path = place.directory / _store.file_name(key)
    if not place.readonly and (seconds >= KEEP_SECONDS or os.path.lexists(path)):  # a bad file is replaced
        try:
            _store.write(place, path.name, data)
        except OSError as error:
            _warn(
                "no room",
                f"kernel bases cannot be kept in {place.directory} ({error}) and are solved again each time; give the "
                f"directory room, or set STEER_CACHE_DIR to one that can be written",
            )
    return held


def _solve(descriptor: Descriptor[Any]) -> tuple[Held, bytes, float]:
    """The solution, its file, and the seconds that it took."""
    start = time.perf_counter()
    value = descriptor.compute()
    seconds = time.perf_counter() - start
    arrays, texts = descriptor.to_arrays(value)
    with _counts.lock:
        _counts.solved += 1
    data = _store.encode(repr(descriptor), arrays, texts, seconds)
    return Held(value, sum(array.nbytes for array in arrays.values())), data, seconds


def _load(place: Place, key: str, descriptor: Descriptor[Any]) -> Held | None:
    path = place.directory / _store.file_name(key)
    try:
        data = _store.read(path)
        if data is None:
            return None
        found = _store.decode(data, key)
        value = descriptor.from_arrays(found.arrays, found.texts)
    except Exception as error:  # whatever is wrong with a file, the solution can be computed again
        _warn("bad files", f"the cached kernel basis {path} cannot be used ({error}); it is computed again")
        return None
    _store.touch(place, path)
    return Held(value, sum(array.nbytes for array in found.arrays.values()))


def _checked() -> Iterator[tuple[Entry, Content | str]]:
    """Every file of this layout, with what it holds or what is wrong with it."""
    for entry in _store.entries(directory()):
        name = _store.NAME.fullmatch(entry.path.name)
        if name is None or int(name["format"]) != _store.FORMAT:
            continue
        try:
            data = _store.read(entry.path)
            if data is not None:  # None: deleted meanwhile
                yield entry, _store.decode(data, name["key"])
        except (BadFileError, OSError) as error:
            yield entry, str(error)


def _require_writable(place: Place) -> None:
    if place.readonly:
        raise CacheError(f"the cache {place.directory} is used read-only; leave steer.kernels.cache.use(readonly=True)")


@contextlib.contextmanager
def _deleting(place: Place) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CacheError(f"files of the cache {place.directory} cannot be deleted ({error})") from error


def _warn(kind: str, message: str) -> None:
    """Warn once of each kind: of a thousand bad files, the first is enough."""
    with _counts.lock:
        known = kind in _counts.warned
        _counts.warned.add(kind)
    if not known:
        warnings.warn(message, RuntimeWarning, stacklevel=6)
