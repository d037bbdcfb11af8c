"""Packs: the files of a cache in one, an uncompressed zip archive, for machines that have no solver's time to spare."""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ...errors import CacheError
from . import _store
from ._place import Place
from ._store import BadFileError

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every member, so that equal files make equal packs."""


class Packed(NamedTuple):
    """What `pack` wrote: files, the size of the pack in bytes, and the files left out, with what is wrong with them."""

    files: int
    size: int
    refused: dict[str, str]


class Unpacked(NamedTuple):
    """What `unpack` did: files written, files that were there already, and members refused, with the reason."""

    new: int
    kept: int
    refused: dict[str, str]


def write_pack(path: Path, files: Iterable[Path]) -> Packed:
    """Write the good ones among files, which come in the order of their names; see `cache.pack`."""
    refused: dict[str, str] = {}
    count = 0
    try:
        _require_file(path)
        with _store.writing(path.absolute()) as target, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for file in files:
                try:
                    data = _store.read(file) if _is_current(file.name) else None
                    if data is None:
                        continue
                    _store.decode(data, _key(file.name))
                except (BadFileError, OSError) as error:
                    refused[file.name] = str(error)
                    continue
                archive.writestr(zipfile.ZipInfo(file.name, EPOCH), data)
                count += 1
            if not count:
                raise CacheError("the cache holds no kernel basis to pack; fill it with steer precompute")
    except OSError as error:
        raise CacheError(f"path: cannot write {path} ({error})") from error
    return Packed(count, path.stat().st_size, refused)


def read_pack(path: Path, place: Place) -> Unpacked:
    """Put the members of a pack into a place; see `cache.unpack`."""
    try:
        _require_file(path)
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            # What a member claims bounds what is read of it: a stored one cannot grow.
            total = sum(member.file_size for member in members)
            if total > place.max_bytes:
                raise CacheError(
                    f"path: the {total} bytes of {path} exceed the bound of the cache, {place.max_bytes}; "
                    f"raise STEER_CACHE_DISK_MB"
                )
            return _spread(archive, members, place)
    except CacheError:
        raise
    except OSError as error:
        raise CacheError(f"path: cannot unpack {path} into {place.directory} ({error})") from error
    except Exception as error:  # whatever zipfile objects to
        raise CacheError(f"path: {path} is no pack of kernel bases ({error})") from error


def _require_file(path: Path) -> None:
    """Refuse what is there and no file: a pipe would be waited for, and a device replaced."""
    if path.exists() and not path.is_file():
        raise CacheError(f"path: expected a file, got {path}, which is a directory, a pipe or a device")


def _spread(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], place: Place) -> Unpacked:
    new = kept = 0
    refused: dict[str, str] = {}
    for member in members:
        name = member.filename
        try:
            _require_plain(member)
            data = archive.read(member)
            _store.decode(data, _key(name))
        except Exception as error:  # whatever is wrong with one member, the others may be good
            refused[name] = str(error)
            continue
        if _is_good(place.directory / name):
            kept += 1
        else:
            _store.write(place, name, data)
            new += 1
    return Unpacked(new, kept, refused)


def _require_plain(member: zipfile.ZipInfo) -> None:
    """Refuse what `write_pack` never writes: other names (so no path leads anywhere), compression, encryption."""
    if not _is_current(member.filename):
        raise BadFileError("its name is not that of a kernel basis of this version")
    if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
        raise BadFileError("it is compressed or encrypted")
    if member.file_size > _store.MAX_FILE_BYTES or member.file_size != member.compress_size:
        raise BadFileError("it is too large")


def _is_current(name: str) -> bool:
    found = _store.NAME.fullmatch(name)
    return found is not None and name == _store.file_name(found["key"])


def _key(name: str) -> str:
    return name.partition("-")[0]


def _is_good(path: Path) -> bool:
    try:
        data = _store.read(path)
        if data is not None:
            _store.decode(data, _key(path.name))
        return data is not None
    except (BadFileError, OSError):
        return False
