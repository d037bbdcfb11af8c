"""What SO(3) on thick slices is worth in training: turned objects in voxels of 3 : 1 : 1, by networks of one size.

    .venv/bin/python benchmarks/thick_slices.py [--seeds 3] [--steps 150] [--objects 16]

The eight tetracubes, two of which are mirror images (as in Weiler et al. 2018, section 5.1), of four Gaussian blobs
each, at random orientations and shifts, with noise; slices average over their thickness. A `ResNet` of about equal
parameters each learns the shape from few objects:

- "SO(3), spaced" on the slices, with spacing=(3, 1, 1).
- "SO(2) about z" on the slices: the group that slices are left with otherwise.
- "SO(3), resampled" on cubes that the slices are interpolated to: three times as many voxels.
- "SO(3), unaware" on the slices as if voxels were cubes.
- "plain" on the slices: no symmetry.
"""

import argparse
import itertools
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch

import steer
from steer import nn
from steer.errors import UnreachedWarning
from steer.nn import models

RATIO, PLANE, SLICES = 3, 18, 6
EDGE, WIDTH, SHIFT, NOISE = 3.2, 1.3, 0.7, 0.1
"""In pixels of the plane: between blobs, the standard deviation of a blob, and of shifts; noise against a blob of 1."""
SHAPES = np.array(
    [
        [(0, 0, 0), (0, 0, 1), (1, 0, 0), (1, 1, 0)],  # the first two are mirror images
        [(0, 0, 0), (0, 0, 1), (1, 0, 0), (1, -1, 0)],
        [(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0)],
        [(0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 0, 3)],
        [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)],
        [(0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 1, 0)],
        [(0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 1, 1)],
        [(0, 0, 0), (1, 0, 0), (1, 1, 0), (2, 1, 0)],
    ],
    dtype=float,
)


def volumes(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(8 count, 1, slices, plane, plane) and labels: as many of each shape."""
    rng = np.random.default_rng(seed)
    turns = steer.group("SO(3)", dim=3).sample(len(SHAPES) * count, seed=seed)
    shapes = np.repeat(SHAPES - SHAPES.mean(axis=1, keepdims=True), count, axis=0) * EDGE
    centres = np.einsum("nij,nbj->nbi", turns, shapes) + rng.normal(0, SHIFT, (len(turns), 1, 3))
    # a slice averages over its thickness: nearly a Gaussian of that variance
    along = np.hypot(WIDTH, RATIO / np.sqrt(12))
    z = (np.arange(SLICES) - (SLICES - 1) / 2) * RATIO
    plane = np.arange(PLANE) - (PLANE - 1) / 2
    grids = ((plane, WIDTH), (plane, WIDTH), (z, along))  # of x, y, z
    profiles = [
        np.exp(-((grid - centres[..., axis, None]) ** 2) / (2 * width**2)) for axis, (grid, width) in enumerate(grids)
    ]
    images = np.einsum("nbx,nby,nbz->nzyx", *profiles)
    images += rng.normal(0, NOISE, images.shape)
    return torch.from_numpy(images[:, None]).float(), torch.arange(len(SHAPES)).repeat_interleave(count)


def cubes(x: torch.Tensor) -> torch.Tensor:
    """The slices interpolated to voxels of one edge, over the same extent."""
    return torch.nn.functional.interpolate(x, size=(PLANE,) * 3, mode="trilinear")


def network(name: str, group: str, parameters: int, **options: object) -> models.ResNet:
    """A network of nearly so many parameters."""
    acting = steer.group(group, dim=3)
    scan = nn.FieldType(acting, [acting.trivial])

    def build(width: int) -> models.ResNet:
        channels = (width, width, 2 * width)
        return models.ResNet(scan, len(SHAPES), channels=channels, blocks=1, any_size=True, **options)  # type: ignore[arg-type]

    def count(width: int) -> int:
        with torch.device("meta"):
            return sum(parameter.numel() for parameter in build(width).parameters())

    return build(min(range(2, 25), key=lambda width: abs(count(width) - parameters)))


def same(x: torch.Tensor) -> torch.Tensor:
    """The slices as they are."""
    return x


FLAT = {"kernel_size": (3, 5, 5), "strides": [(1, 2, 2), (1, 2, 2)]}
RIVALS: dict[str, tuple[str, Callable[[torch.Tensor], torch.Tensor], dict[str, object]]] = {
    "SO(3), spaced": ("SO(3)", same, {"kernel_size": 5, "spacing": (float(RATIO), 1.0, 1.0)}),
    "SO(2) about z": ("Cinf", same, FLAT),
    "SO(3), resampled": ("SO(3)", cubes, {"kernel_size": 5}),
    "SO(3), unaware": ("SO(3)", same, {"kernel_size": 3}),
    "plain": ("C1", same, {**FLAT, "basis": "pixel"}),
}


def trained(name: str, seed: int, objects: int, steps: int, parameters: int) -> tuple[int, float, float]:
    """Parameters, the share of test objects that are recognised, and seconds."""
    group, prepare, options = RIVALS[name]
    torch.manual_seed(seed)
    net = network(name, group, parameters, **options)
    x, labels = volumes(objects, seed=2 * seed)
    x = prepare(x)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=steps)
    start = time.perf_counter()
    order = itertools.chain.from_iterable(torch.randperm(len(x)).split(32) for _ in itertools.count())
    for chosen in itertools.islice(order, steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x[chosen]), labels[chosen]).backward()
        optimizer.step()
        schedule.step()
    seconds = time.perf_counter() - start
    test, truth = volumes(40, seed=999_999)
    net.eval()
    with torch.no_grad():
        right = torch.cat([net(prepare(part)).argmax(1) for part in test.split(64)]) == truth
    return sum(parameter.numel() for parameter in net.parameters()), float(right.float().mean()), seconds


def main() -> None:
    """Print a table of docs/howto/volumes.md."""
    parser = argparse.ArgumentParser()
    for option, value in (("seeds", 3), ("steps", 150), ("objects", 16), ("parameters", 8000)):
        parser.add_argument(f"--{option}", type=int, default=value)
    parser.add_argument("--only", nargs="*", default=list(RIVALS))
    given = parser.parse_args()
    warnings.simplefilter("ignore", UnreachedWarning)
    nn.set_grid_warnings(False)
    print("| network | parameters | recognised | seconds |\n|---|---|---|---|")
    for name in given.only:
        runs = [trained(name, seed, given.objects, given.steps, given.parameters) for seed in range(1, 1 + given.seeds)]
        shares = [100 * right for _, right, _ in runs]
        each = ", ".join(f"{share:.0f}" for share in shares)
        seconds = np.mean([took for _, _, took in runs])
        print(f"| {name} | {runs[0][0]:,} | {np.mean(shares):.0f}% ({each}) | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
