"""How steerable sampled kernels are: the part of their frequency response that the kernel constraint does not allow.

    .venv/bin/python benchmarks/aliasing.py

For each ring and degree of the default rings of a k x k kernel: the relative L2 norm, over |omega| <= pi / 2, of the
response H(omega) = sum_x F(x) e^{i omega x} minus its projection on h(|omega|) Y(omega / |omega|).
"""

import numpy as np

from steer.kernels import Grid, Rings
from steer.reps import harmonics

BAND = np.pi / 2


def aliasing(size: int) -> dict[tuple[float, int], float]:
    """Error of each (radius, degree) of the default rings."""
    rings, points = Rings.for_kernel((size, size)), Grid((size, size)).points
    radius = np.linspace(0.02, 1, 24) * BAND
    angle = np.arange(64) / 64 * 2 * np.pi
    omega = radius[:, None, None] * np.stack([np.cos(angle), np.sin(angle)], -1)
    samples, start, found = rings.sample(points), 0, {}
    for ring, degree in rings.blocks:
        count = 1 if degree == 0 else 2
        response = np.exp(1j * omega @ points.T) @ samples[start : start + count].T
        start += count
        expected = harmonics(omega, degree)
        profile = (response * expected).sum(-1).mean(1) / count
        steerable = profile[:, None, None] * expected
        weight = radius[:, None, None]
        lost, total = (float((weight * np.abs(part) ** 2).sum()) for part in (response - steerable, response))
        found[rings.radii[ring], degree] = np.sqrt(lost / total)
    return found


if __name__ == "__main__":
    for size in (3, 4, 5, 6, 7, 9):
        row = "  ".join(f"r={r:g} L={degree}: {100 * error:.1f}%" for (r, degree), error in aliasing(size).items())
        print(f"{size} x {size}   {row}")
