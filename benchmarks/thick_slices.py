"""What SO(3) on thick slices is worth in training: turned objects in voxels of 3 : 1 : 1, by networks of one size.

    .venv/bin/python benchmarks/thick_slices.py [--seeds 3] [--steps 500] [--objects 16] [--parameters 3500]

The eight tetracubes, two of which are mirror images (as in Weiler et al. 2018, section 5.1), of four Gaussian blobs
each, at random orientations and shifts, with noise; slices average over their thickness. Networks of three
convolutions, of about equal parameters, learn the shape from few objects of each:

- "SO(3), spaced" on the slices, with spacing=(3, 1, 1).
- "SO(2) about z" on the slices: the group that slices are left with otherwise.
- "SO(3), resampled" on cubes that the slices are interpolated to: three times as many voxels.
- "plain" on the slices: no symmetry.
"""

import argparse
import bisect
import itertools
import time
from typing import Any, NamedTuple

import numpy as np
import torch

import steer
from steer import nn
from steer.nn import models
from steer.reps import Group, Representation

Sizes = int | tuple[int, int, int]
Spacing = tuple[float, float, float] | None

RATIO, PLANE, SLICES = 3, 15, 5
EDGE, WIDTH, SHIFT, NOISE = 3.2, 1.3, 0.5, 0.1
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


def irreps(group: Group, degree: int) -> list[Representation]:
    """One of each that harmonics up to a degree are made of."""
    return list(dict.fromkeys(psi for each in range(degree + 1) for psi in group.harmonic(each).irreps))


class Rival(NamedTuple):
    """A network: its group, features, kernels on three grids, steps to the second and third one, and what it sees."""

    group: str
    features: models.Features
    kernels: tuple[Sizes, Sizes, Sizes]
    steps: tuple[tuple[int, int, int], tuple[int, int, int]]
    spacing: Spacing = None
    basis: str = "rings"
    cubes: bool = False


FLAT, ALL = (1, 2, 2), (2, 2, 2)
VECTORS = models.Features(lambda group: irreps(group, 1), nn.Gate)
AXIAL = models.Features(lambda group: irreps(group, 2), nn.Gate)
PLAIN = models.Features(lambda group: [group.regular], nn.ReLU)
RIVALS = {
    "SO(3), spaced": Rival("SO(3)", VECTORS, ((3, 5, 5), (3, 5, 5), (5, 3, 3)), (FLAT, FLAT), (float(RATIO), 1.0, 1.0)),
    "SO(2) about z": Rival("Cinf", AXIAL, ((3, 5, 5), 3, 3), (FLAT, FLAT)),
    "SO(3), resampled": Rival("SO(3)", VECTORS, (5, 3, 3), (ALL, ALL), cubes=True),
    "plain": Rival("C1", PLAIN, ((3, 5, 5), 3, 3), (FLAT, FLAT), basis="pixel"),
}


def network(rival: Rival, parameters: int) -> nn.Sequential:
    """A network of nearly so many parameters."""

    def count(width: int) -> int:
        with torch.device("meta"):
            return sum(parameter.numel() for parameter in build(rival, width).parameters())

    # numbers of parameters grow with the width
    width = bisect.bisect_left(range(2, 40), parameters, key=count) + 2
    return build(rival, min((width - 1, width), key=lambda width: abs(count(width) - parameters)))


def build(rival: Rival, width: int) -> nn.Sequential:
    """A stem with a stride, two more convolutions with a pool between them, and an invariant head."""
    group = steer.group(rival.group, dim=3)
    scan, scalars, scores = (nn.FieldType(group, n * [group.trivial]) for n in (1, 16, len(SHAPES)))
    first, second = (rival.features.of(group, n) for n in (width, 2 * width))
    act = rival.features.act(first)
    edges = 3 * (rival.kernels[0],) if isinstance(rival.kernels[0], int) else rival.kernels[0]
    options: dict[str, Any] = {"basis": rival.basis, "unreached": "ignore"}
    around = {"stride": rival.steps[0], "padding": tuple(edge // 2 for edge in edges)}
    halved = coarser(rival.spacing, rival.steps[0])
    blocks = {"features": rival.features, **options}
    return nn.Sequential(
        nn.Conv3d(scan, act.in_type, edges, bias=False, spacing=rival.spacing, **around, **options),
        nn.BatchNorm(act.in_type),
        act,
        models.conv_block(first, first, rival.kernels[1], spacing=halved, **blocks),
        nn.BlurPool(first, stride=rival.steps[1], padding="same", spacing=halved),
        models.conv_block(first, second, rival.kernels[2], spacing=coarser(halved, rival.steps[1]), **blocks),
        nn.BatchNorm(second),
        nn.Conv3d(second, scalars, 1, bias=False),
        nn.BatchNorm(scalars),
        nn.ReLU(scalars),
        nn.GlobalAvgPool(scalars),
        nn.Linear(scalars, scores),
    )


def coarser(spacing: Spacing, steps: tuple[int, int, int]) -> Spacing:
    """The spacing after a stride for each axis."""
    return spacing and (spacing[0] * steps[0], spacing[1] * steps[1], spacing[2] * steps[2])


def trained(name: str, seed: int, objects: int, steps: int, parameters: int) -> tuple[int, float, float]:
    """Parameters, the share of test objects that are recognised, and seconds of one core for a step."""
    rival = RIVALS[name]
    torch.manual_seed(seed)
    net = network(rival, parameters)
    x, labels = volumes(objects, seed=2 * seed)
    test, truth = volumes(40, seed=999_999)
    if rival.cubes:
        x, test = cubes(x), cubes(test)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.03)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.03, total_steps=steps)
    start = time.process_time()
    order = itertools.chain.from_iterable(torch.randperm(len(x)).split(16) for _ in itertools.count())
    for chosen in itertools.islice(order, steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x[chosen]), labels[chosen]).backward()
        optimizer.step()
        schedule.step()
    seconds = (time.process_time() - start) / steps
    net.eval()
    with torch.no_grad():
        right = torch.cat([net(part).argmax(1) for part in test.split(64)]) == truth
    return sum(parameter.numel() for parameter in net.parameters()), float(right.float().mean()), seconds


def main() -> None:
    """Print a table of docs/howto/volumes.md."""
    parser = argparse.ArgumentParser()
    for option, value in (("seeds", 3), ("steps", 500), ("objects", 16), ("parameters", 3500)):
        parser.add_argument(f"--{option}", type=int, default=value)
    parser.add_argument("--only", nargs="*", default=list(RIVALS), choices=list(RIVALS))
    given = parser.parse_args()
    print("| network | parameters | recognised | seconds a step |\n|---|---|---|---|")
    for name in given.only:
        runs = [trained(name, seed, given.objects, given.steps, given.parameters) for seed in range(1, 1 + given.seeds)]
        shares = [100 * right for _, right, _ in runs]
        each = ", ".join(f"{share:.0f}" for share in shares)
        seconds = np.mean([took for _, _, took in runs])
        print(f"| {name} | {runs[0][0]:,} | {np.mean(shares):.0f}% ({each}) | {seconds:.2f} |", flush=True)


if __name__ == "__main__":
    main()
