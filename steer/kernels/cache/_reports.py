"""What the cache says of itself."""

from pathlib import Path
from typing import NamedTuple


class CacheInfo(NamedTuple):
    """What the cache did in this process and what it holds.

    Attributes:
        memory_hits: solutions that were in memory.
        disk_hits: solutions that were read from files.
        solved: solutions that were computed.
        memory_entries: number of solutions in memory.
        memory_bytes: their size.
        disk_files: number of files in the directory.
        disk_bytes: their size.
        max_disk_bytes: bound on the size of all files.
        directory: where the files are.
        readonly: whether nothing is written there.
    """

    memory_hits: int
    disk_hits: int
    solved: int
    memory_entries: int
    memory_bytes: int
    disk_files: int
    disk_bytes: int
    max_disk_bytes: int
    directory: Path
    readonly: bool


class CacheReport(NamedTuple):
    """What `verify` found.

    Attributes:
        good: number of good files.
        bad: the bad files, each with what is wrong with it.
    """

    good: int
    bad: dict[Path, str]
