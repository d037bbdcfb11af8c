"""Runs `worker.py` in fresh processes and puts the figures of one item and one library together."""

import json
import os
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from items import CASES, IMPORT, NETWORKS, Case

WORKER: Final = Path(__file__).with_name("worker.py")
THREADS: Final = 2
TIMEOUT_S: Final = 1800
KEEP_PAGES: Final = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**25)}
"""glibc otherwise returns large blocks to the system and takes them again, at ten times the cost of filling them."""


class WorkerError(RuntimeError):
    """A worker ended without figures; the message is the last line of its errors."""


@dataclass(frozen=True)
class Side:
    """A library and the Python that has it."""

    library: str
    python: str


@dataclass(frozen=True)
class Answer:
    """What a worker printed: figures by name, versions and the machine."""

    figures: dict[str, float]
    versions: dict[str, str]
    machine: dict[str, Any]


def run(
    side: Side,
    what: str,
    item: str | Case,
    cache: str,
    *,
    cold: bool = False,
    quick: bool = False,
    device: str = "cpu",
    steady: bool = False,
    batch: int = 0,
) -> Answer:
    """The figures of one fresh process; `cache` is the folder where steer keeps its kernels.

    `batch` replaces the batch of the item unless it is 0. `steady` is for figures that are compared between runs: one
    thread, whose processor time is counted, and an allocator that keeps its pages.
    """
    named = ["--item", item] if isinstance(item, str) else ["--case", json.dumps(asdict(item))]
    threads = 1 if steady else THREADS
    command = [side.python, str(WORKER), "--library", side.library, "--what", what, *named, "--device", device]
    command += [
        f"--threads={threads}",
        f"--batch={batch}",
        *(["--cold"] if cold else []),
        *(["--quick"] if quick else []),
    ]
    limits = {f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "MKL", "OPENBLAS")}
    environment = os.environ | limits | {"STEER_CACHE_DIR": cache} | (KEEP_PAGES if steady else {})
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise WorkerError(f"no answer within {TIMEOUT_S} s") from None
    except OSError as error:
        raise WorkerError(f"{side.python} does not run: {error}") from None
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        ended = f"ended by signal {-done.returncode}" if done.returncode < 0 else f"exit status {done.returncode}"
        raise WorkerError((done.stderr.strip().splitlines() or [f"{ended}, no message"])[-1])
    return Answer(**json.loads(lines[-1]))


def measure(
    side: Side, item: str, *, quick: bool = False, breaks: bool = False, steady: bool = False, batch: int = 0
) -> Answer:
    """All figures of an item on the CPU, from a process for each: cold, warm, and plain torch for its memory.

    Times to build come with the ending _cold and _warm. The peak of memory is the larger one of the two; its ratio is
    to that of plain torch plus the bytes of the filters, and left out where nothing is trained. Graph breaks are
    counted when `breaks` is set.
    """
    with tempfile.TemporaryDirectory() as cache:

        def worker(what: str, by: Side = side, *, cold: bool = False) -> Answer:
            return run(by, what, item, cache, cold=cold, quick=quick, steady=steady, batch=batch)

        if item == IMPORT:
            return worker("import")
        cold = worker("build", cold=True)
        trained = item in CASES or NETWORKS[item].trained
        warm = worker("speed" if trained else "build")
        found = dict(warm.figures)
        for name in ("build_s", "build_over_yardstick"):
            stem, _, rest = name.partition("_")
            found[f"{stem}_cold_{rest}"], found[f"{stem}_warm_{rest}"] = cold.figures[name], found.pop(name)
        found["peak_mb"] = max(cold.figures["peak_mb"], warm.figures["peak_mb"])
        if trained:
            plain = worker("build", Side("plain", side.python)).figures
            found["memory_over_plain"] = found["peak_mb"] / (plain["peak_mb"] + found["filters_mb"])
        if breaks and trained and item in NETWORKS:
            found["graph_breaks"] = worker("breaks").figures["graph_breaks"]
        return Answer(found, warm.versions, warm.machine)
