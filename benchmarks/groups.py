"""Seconds that a fresh process takes for all irreps of a group and every Clebsch-Gordan tensor between them, no cache.

    python benchmarks/groups.py [PYTHON_WITH_ESCNN]

Each case runs in a process of its own, and the median of the runs of steer is printed; importing the package is part of
it. The peer runs once, after its own cache in that Python is emptied, because that takes minutes.
"""

import platform
import statistics
import subprocess
import sys

RUNS = 5

STEER = """
import time; start = time.perf_counter()
import steer
group = steer.group({name!r}, dim=3)
irreps = group.irreps({highest})
count = sum(len(steer.reps.clebsch_gordan(a, b, c)) for a in irreps for b in irreps for c in irreps)
print(time.perf_counter() - start, count)
"""

PEER = """
import contextlib, importlib.util, io, pathlib, shutil, time, warnings; warnings.filterwarnings("ignore")
package = pathlib.Path(importlib.util.find_spec("escnn").origin).parent
shutil.rmtree(package / "group" / "_cache" / "joblib", ignore_errors=True)
start = time.perf_counter()
with contextlib.redirect_stdout(io.StringIO()):
    import escnn.group
    group = escnn.group.{peer}
    irreps = [group.irrep(*key) for key in {keys}] if {keys} else group.irreps()
    tensors = (group._clebsh_gordan_coeff(a.id, b.id, c.id) for a in irreps for b in irreps for c in irreps)
    count = sum(tensor.shape[-2] for tensor in tensors)
print(time.perf_counter() - start, count)
"""

CASES = [
    ("Ih", None, "full_ico_group()", []),
    ("Oh", None, "full_octa_group()", []),
    ("SO(3)", 6, "so3_group(6)", [(degree,) for degree in range(7)]),
    ("O(3)", 6, None, []),
]


def seconds(python: str, code: str) -> tuple[float, int]:
    """Time and number of tensors, as a fresh process prints them."""
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    time, count = found.stdout.split()[-2:]
    return float(time), int(count)


def main() -> None:
    peer = sys.argv[1] if len(sys.argv) > 1 else None
    print(f"{platform.machine()}, Python {platform.python_version()}, median of {RUNS} fresh processes, seconds")
    for name, highest, of_peer, keys in CASES:
        ours = [seconds(sys.executable, STEER.format(name=name, highest=highest)) for _ in range(RUNS)]
        line = f"{name:>6}: steer {statistics.median(t for t, _ in ours):.3f}, {ours[0][1]} tensors"
        if peer and of_peer:
            theirs = seconds(peer, PEER.format(peer=of_peer, keys=keys))
            line += f"; escnn {theirs[0]:.2f}, {theirs[1]} tensors"
        print(line)


if __name__ == "__main__":
    main()
