"""How far an SO(3) convolution is from commuting with rotations on voxels that are no cubes.

    .venv/bin/python benchmarks/spacing.py

For voxels s : 1 : 1 and a kernel of k pixels in the plane: the relative root mean square of conv(g f) - g conv(f) over
random rotations g, coefficients and inputs f of scalars and vectors. Inputs are sums of plane waves below a half, or a
quarter, of the Nyquist rate of the coarsest axis, pi / s, known everywhere, so that nothing is interpolated. "flat" is
the convolution of k x k x k voxels without a spacing: its kernels are round in voxels.
"""

import warnings

import numpy as np
import torch

import steer
from steer import nn
from steer.errors import UnreachedWarning

RATIOS = (1, 1.5, 2, 3, 4)
SIZES = (3, 5, 7, 9)
COPIES, INPUTS, TURNS = 12, 100, 4
G = steer.group("SO(3)", dim=3)


def waves(rng: np.random.Generator, shape: tuple[int, ...], highest: float):
    """Random plane waves, a function of points (m, 3): frequencies uniform in the ball of radius `highest`."""
    direction = rng.normal(size=(*shape, 3))
    direction *= highest * rng.uniform(size=(*shape, 1)) ** (1 / 3) / np.linalg.norm(direction, axis=-1, keepdims=True)
    phase = rng.uniform(0, 2 * np.pi, shape)
    return lambda points: np.cos(np.einsum("...d,md->...m", direction, points) + phase[..., None])


def turn_error(conv: nn.Conv3d, points: np.ndarray, highest: float, seed: int = 0) -> float:
    """The error at the centre of the kernel, whose samples stand at points (m, 3)."""
    field = waves(np.random.default_rng(seed), (INPUTS, conv.in_type.size), highest)
    filters = conv.filter().detach().flatten(2).numpy()
    plain = np.einsum("oim,nim->no", filters, field(points))
    lost = 0.0
    for g in G.sample(TURNS, seed=seed + 1):
        turned = np.einsum("pc,ncm->npm", conv.in_type.representation(g), field(points @ g))
        there = np.einsum("oim,nim->no", filters, turned)
        lost += float(np.mean((there - plain @ conv.out_type.representation(g).T) ** 2)) / TURNS
    return float(np.sqrt(lost / np.mean(plain**2)))


def layer(size: int, ratio: float, spaced: bool) -> tuple[nn.Conv3d, np.ndarray]:
    """The convolution, and where the samples of its kernel stand."""
    fields = nn.FieldType(G, [G.trivial, G.vector])
    out = nn.FieldType(G, COPIES * [G.trivial, G.vector])
    conv = nn.Conv3d(fields, out, size, spacing=(ratio, 1, 1) if spaced else None, bias=False, dtype=torch.float64)
    return conv, conv.points if spaced else conv.points * (1, 1, ratio)


def main() -> None:
    """Print a table of docs/theory/sampling.md."""
    warnings.simplefilter("ignore", UnreachedWarning)
    torch.manual_seed(0)
    print("| voxels | kernel | below 1/2 | below 1/4 | flat, below 1/2 | flat, below 1/4 |\n|---|---|---|---|---|---|")
    for ratio in RATIOS:
        for size in SIZES:
            found = []
            for spaced in (False, True):
                conv, points = layer(size, ratio, spaced)
                found += [turn_error(conv, points, np.pi / ratio * part) for part in (1 / 2, 1 / 4)]
            found = found[2:] + found[:2]
            shape = " x ".join(map(str, conv.kernel_size))
            print(f"| {ratio:g} : 1 : 1 | {shape} | " + " | ".join(f"{100 * error:.1f}%" for error in found) + " |")


if __name__ == "__main__":
    main()
