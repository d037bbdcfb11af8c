"""Solving what is wanted, by parallel processes, with a bar that shows how far it is."""

import os
import re
import time
import uuid
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._values import require_count
from ..errors import CacheError, SteerError
from ..kernels import cache
from ..kernels.cache import CacheInfo, Descriptor
from ._gather import descriptors
from ._pool import Pool
from ._worker import Outcome

if TYPE_CHECKING:
    from rich.console import Console


@dataclass
class Report:
    """What `steer.precompute` did; it may have been stopped half-way.

    `own` counts the descriptors of groups of one's own, which are not kept;
    `failed` has the print of each descriptor that could not be solved or kept, with the reason; `size` are the bytes of
    all files, those that were there included.
    """

    total: int = 0
    solved: int = 0
    hits: int = 0
    size: int = 0
    seconds: float = 0.0
    own: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def precompute(
    wanted: object,
    *,
    workers: int | None = None,
    shard: str | tuple[int, int] | None = None,
    console: "Console | None" = None,
) -> Report:
    """Solve the kernel bases that models need and keep them in the cache, whatever each costs.

    What is there and good is not solved again, so a run that was stopped goes on where it was. A failure leaves the
    others to be solved. What is of a group of one's own is not kept (its print does not say all): a warning names it.
    `steer.kernels.cache.use` says where to; `steer.kernels.cache.pack` makes one file of it.

    Args:
        wanted: a model; a function without arguments that builds one, which is called without making weights; a
            `steer.kernels.KernelSpec`; the path of a spec file; or a list of these.
        workers: number of processes, of one thread each; by default as many as there are cores.
        shard: (i, n) or "i/n" with 1 <= i <= n, to solve the i-th of n parts only: for n machines that share a cache,
            or whose caches are merged by packs. A basis is in the part that its fingerprint says.
        console: a `rich.console.Console` to show a progress bar on; by default there is none.

    Returns:
        A report: `total`, `solved`, `hits`, `failed`, and the bytes and seconds it took.

    Raises:
        SteerError: bad input, before any work, or processes that cannot be started.
        CacheError: a cache that cannot be written.
        KeyboardInterrupt: on Ctrl-C, with the report of what is done and kept as its argument.
    """
    count = _workers(workers)
    part = _shard(shard)
    place = cache.info()
    report = Report()
    start = time.perf_counter()
    try:
        with Pool(count, place) as pool:
            every = descriptors(wanted)
            shared = _shared(every)
            found = [d for d in shared if _is_in(d, part)]
            report.total, report.own = len(found), len(every) - len(shared)
            _require_room(place)
            with _Bar(report, console) as bar:
                for descriptor, outcome in pool.solve(found):
                    _add(report, descriptor, outcome)
                    bar.update()
    except KeyboardInterrupt as stop:
        stop.args = (report,)
        raise
    finally:
        report.seconds = time.perf_counter() - start
    if report.size > place.max_disk_bytes:
        warnings.warn(
            f"the {report.size} bytes of these kernel bases exceed the bound of the cache, {place.max_disk_bytes}, so "
            f"the first of them have been deleted again; raise STEER_CACHE_DISK_MB",
            RuntimeWarning,
            stacklevel=2,
        )
    return report


def _shared(found: list[Descriptor[Any]]) -> list[Descriptor[Any]]:
    """Those that may be kept; of the others there is one warning."""
    own = list(dict.fromkeys(repr(d.group) for d in found if not d.is_shared))
    if own:
        warnings.warn(
            f"kernel bases whose group or representations are of classes that steer does not define are not kept, and "
            f"are solved in each process: those of {', '.join(own)}",
            RuntimeWarning,
            stacklevel=3,
        )
    return [d for d in found if d.is_shared]


def _is_in(descriptor: Descriptor[Any], part: tuple[int, int] | None) -> bool:
    return part is None or int(cache.fingerprint(descriptor), 16) % part[1] == part[0] - 1


def _add(report: Report, descriptor: Descriptor[Any], outcome: Outcome) -> None:
    report.size += outcome.size
    if outcome.error is not None:
        report.failed[repr(descriptor)] = outcome.error
    elif outcome.hit:
        report.hits += 1
    else:
        report.solved += 1


def _workers(given: int | None) -> int:
    if given is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return require_count("workers", given, SteerError, 1)


def _shard(given: str | tuple[int, int] | None) -> tuple[int, int] | None:
    if given is None:
        return None
    text = given if isinstance(given, str) else "/".join(map(str, given)) if isinstance(given, tuple) else ""
    match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    part, count = map(int, match.groups()) if match else (0, 0)
    if not 1 <= part <= count:
        raise SteerError(f"shard: expected i/n with 1 <= i <= n, such as 1/4, got {given!r}")
    return part, count


def _require_room(place: CacheInfo) -> None:
    """Raise an error, before any work, when nothing can be written."""
    if place.readonly:
        raise CacheError(f"the cache {place.directory} is used read-only; nothing could be kept")
    probe = place.directory / f"{uuid.uuid4().hex}.probe"
    try:
        place.directory.mkdir(parents=True, exist_ok=True)
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise CacheError(
            f"the cache {place.directory} cannot be written ({error}); set STEER_CACHE_DIR to a directory that can"
        ) from error


class _Bar:
    """A progress bar of a report, if there is a console to show it on; in files and pipes a line at each tenth."""

    def __init__(self, report: Report, console: "Console | None") -> None:
        self._report, self._progress = report, None
        self._lines = None if console is None or console.is_terminal else console
        self._tenths = 0
        if console is not None and self._lines is None:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[hits]} in the cache, {task.fields[size]:.1f} MB"),
                TimeRemainingColumn(),
            )
            self._progress = Progress(*columns, console=console)
            self._task = self._progress.add_task("", total=report.total, hits=0, size=0.0)

    def __enter__(self) -> "_Bar":
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def update(self) -> None:
        """Show what the report says."""
        report = self._report
        done = report.solved + report.hits + len(report.failed)
        if self._progress is not None:
            self._progress.update(self._task, completed=done, hits=report.hits, size=report.size / 1e6)
        elif self._lines is not None and done < report.total and 10 * done // report.total > self._tenths:
            self._tenths = 10 * done // report.total
            self._lines.print(f"{done} of {report.total} kernel bases, {report.hits} of them in the cache before")
