"""Clocks and memory of this process; the only measuring code, the same for every library."""

import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch

Run = Callable[[], object]


class Budget(NamedTuple):
    """How long a figure is measured: at least `least` repeats, then until `seconds` are spent or `most` are done."""

    least: int
    most: int
    seconds: float

    def spent(self, done: int, since: float) -> bool:
        """Whether to stop after `done` repeats that began at `since` on the clock."""
        return done >= self.most or (done >= self.least and time.perf_counter() - since > self.seconds)


FULL: Final = Budget(9, 101, 3.0)
QUICK: Final = Budget(5, 31, 0.7)


def seconds(run: Run, device: str = "cpu") -> float:
    """Seconds of one call; on a GPU until its work is done.

    With one thread they are the processor's, to which other work on the machine does not add; else the clock's.
    """
    clock = time.process_time if device == "cpu" and torch.get_num_threads() == 1 else time.perf_counter
    wait(device)
    start = clock()
    run()
    wait(device)
    return clock() - start


def wait(device: str) -> None:
    """Wait for the work queued on a GPU."""
    if device == "cuda":
        torch.cuda.synchronize()


def settle_allocator() -> None:
    """Bring glibc's malloc to the state that it has in training.

    It returns small heaps to the system again and again, until it has seen a large block freed. A loop over one filter
    would measure page faults, more or less by chance; networks free large blocks all the time.
    """
    torch.ones(31_000_000, dtype=torch.uint8)


def repeated(run: Run, budget: Budget, device: str = "cpu") -> list[float]:
    """Seconds of each call, after one that is not counted."""
    run()
    times: list[float] = []
    since = time.perf_counter()
    while not budget.spent(len(times), since):
        times.append(seconds(run, device))
    return times


def paired(first: Run, second: Run, budget: Budget, device: str = "cpu") -> tuple[float, float, float]:
    """Median seconds of two calls timed in turn, and the median ratio of their pairs.

    Pairs see the same machine, however its speed drifts; each begins with the call that the one before ended with.
    """
    first(), second()
    pairs: list[tuple[float, float]] = []
    since = time.perf_counter()
    while not budget.spent(len(pairs), since):
        if len(pairs) % 2:
            b, a = seconds(second, device), seconds(first, device)
        else:
            a, b = seconds(first, device), seconds(second, device)
        pairs.append((a, b))
    return median([a for a, _ in pairs]), median([b for _, b in pairs]), median([a / b for a, b in pairs])


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def peak_mb() -> float:
    """Largest resident memory of this process so far, in 10^6 bytes.

    Linux keeps it in /proc for the program alone; `getrusage` would count what the parent held when it forked.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def buffers_mb(module: torch.nn.Module) -> float:
    """Memory behind the buffers and constants of a module, in 10^6 bytes; what several share counts once."""
    held = list(module.buffers())
    for part in module.modules():
        held += [getattr(part, name) for name in getattr(part, "_tables", ())]
        held += getattr(part, "_tensors", ((), (), ()))[2]
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage() for tensor in held}
    return sum(storage.nbytes() for storage in storages.values()) / 1e6


def cpu_seconds(run: Run) -> float:
    """Processor seconds of one call, all threads together: other work on the machine does not count."""
    start = time.process_time()
    run()
    return time.process_time() - start


def yardstick() -> float:
    """Least processor seconds, of seven runs, of a fixed piece of work: small arrays and dictionaries.

    Building a layer is work of that kind, so its time over this one compares machines.
    """
    matrices = np.random.default_rng(0).standard_normal((40, 24, 24))

    def work() -> None:
        table: dict[tuple[int, int], float] = {}
        for i, a in enumerate(matrices):
            for j, b in enumerate(matrices):
                table[i, j] = float((a @ b)[0, 0])
        np.linalg.eigh(matrices + matrices.transpose(0, 2, 1))
        sorted(table.items(), key=lambda entry: entry[1])

    work()
    return min(cpu_seconds(work) for _ in range(7))


def machine() -> dict[str, object]:
    """Processor, cores, threads and system."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    count = torch.cuda.device_count()
    return {
        "cpu": model,
        "cores": len(_cores()),
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "gpu": torch.cuda.get_device_name() if count else "none",
    }


def _cores() -> Sequence[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
