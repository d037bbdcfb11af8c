"""Precompute of the full catalogue of space with one process and with two: seconds, speed-up, bytes, size of the pack.

    python benchmarks/precompute.py [--spec FILE] [--workers 2] [--rounds 3]

Every run starts with an empty cache in a temporary directory; runs with one and with several processes alternate. Times
are those of the whole command, from the start of Python on. To see how much of them is the disk, give TMPDIR a
directory in memory, such as /dev/shm.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from steer.kernels import cache

CATALOGUE = Path(__file__).with_name("catalogue.toml")


def measure(spec: Path, workers: int, folder: Path) -> float:
    """Seconds of one run into an empty directory."""
    command = [sys.executable, "-c", "from steer.cli import app; app()", "precompute", str(spec)]
    start = time.perf_counter()
    subprocess.run([*command, "--workers", str(workers), "--dir", str(folder)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--spec", type=Path, default=CATALOGUE)
    found.add_argument("--workers", type=int, default=2)
    found.add_argument("--rounds", type=int, default=3)
    given = found.parse_args()
    seconds: dict[int, list[float]] = {1: [], given.workers: []}
    with tempfile.TemporaryDirectory() as place:
        for number in range(given.rounds):
            for workers, times in seconds.items():
                folder = Path(place) / f"{number}-{workers}"
                times.append(measure(given.spec, workers, folder))
        cache.use(folder)
        info, pack = cache.info(), cache.pack(Path(place) / "pack")
        solving = sum(content.seconds for _, content in cache.contents())
    for workers, times in seconds.items():
        spread = f"{min(times):.1f} to {max(times):.1f}"
        print(f"{workers} process{'es' * (workers > 1)}: {statistics.median(times):.1f} s ({spread})")
    ratios = [one / many for one, many in zip(*seconds.values(), strict=True)]
    print(f"speed-up: {statistics.median(ratios):.2f}")
    print(f"{info.disk_files} bases, {info.disk_bytes / 1e6:.1f} MB, pack {pack.size / 1e6:.1f} MB")
    print(f"solving alone: {solving:.1f} s")


if __name__ == "__main__":
    main()
