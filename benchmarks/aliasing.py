"""How steerable sampled kernels are, and what is left of it in networks: the tables of docs/theory/aliasing.md.

    .venv/bin/python benchmarks/aliasing.py [--escnn PEERS/bin/python] [--write docs/theory/aliasing.md]

Filters: the relative error of random combinations of filters of unit norm, over waves uniform in the ball of
frequencies up to a limit (`steer.kernels.aliasing`). Networks: the relative change of invariant features when the input
is turned, random coefficients, inputs that are sums of waves under a smooth window, turned without interpolation. The
filters of escnn are read in an environment of its own.
"""

import argparse
import math
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

LIMITS = (0.25, 0.5, 0.75)
SIZES = ((2, 3), (2, 5), (2, 7), (2, 9), (3, 3), (3, 5))
DEGREES = range(5)
ANGLES = (45.0, 22.5, 10.0)
START, END = "<!-- measured: start -->\n", "<!-- measured: end -->\n"


def peer_filters(path: str) -> None:
    """Write the filters of escnn's default basis, by dimension, size and degree: (n, samples, harmonic)."""
    import torch
    from escnn import gspaces, nn

    found = {}
    spaces = {2: (gspaces.flipRot2dOnR2(-1), nn.R2Conv), 3: (gspaces.flipRot3dOnR3(maximum_frequency=5), nn.R3Conv)}
    for dim, size in SIZES:
        space, layer = spaces[dim]
        for degree in DEGREES:
            harmonic = space.irrep(degree % 2, degree) if dim == 3 else space.irrep(1, degree)
            ends = (
                nn.FieldType(space, [space.trivial_repr]),
                nn.FieldType(space, [harmonic if degree else space.trivial_repr]),
            )
            try:
                conv = layer(*ends, size, bias=False, initialize=False)
            except ValueError:  # it has none
                continue
            rows = torch.eye(conv.basisexpansion.dimension())
            filters = [conv.basisexpansion(row).detach().reshape(ends[1].size, -1).T.numpy() for row in rows]
            found[dim, size, degree] = np.array(filters)
    Path(path).write_bytes(pickle.dumps(found))


def aligned(filters: np.ndarray, angular: np.ndarray) -> np.ndarray:
    """Filters in the basis of our harmonics, from those in another orthogonal one."""
    overlaps = np.einsum("xi,kxj->kij", angular, filters)
    left, _, right = np.linalg.svd(max(overlaps, key=np.linalg.norm))
    return filters @ (left @ right).T


def filter_rows(peers: dict[tuple[int, int, int], np.ndarray]) -> Iterator[list[str]]:
    """Rows of the table of filters."""
    from steer.kernels import Grid, LeastAliasing, Rings
    from steer.kernels.bases._aliasing import Ball, directions, energies

    def multiplets(functions: Any, dim: int, degree: int) -> np.ndarray:
        points, size = Grid((functions_size,) * dim).points, 1 if degree == 0 else 2 if dim == 2 else 2 * degree + 1
        of = [own == degree for own, _, _ in functions.names(dim)]
        return functions.sample(points)[of].reshape(-1, size, len(points)).transpose(0, 2, 1)

    def error(filters: np.ndarray, points: np.ndarray, degree: int, limit: float) -> tuple[float, float]:
        unit = filters / np.linalg.norm(filters, axis=(1, 2), keepdims=True)
        total, lost = energies(unit, points, degree, Ball(limit * math.pi))
        return math.sqrt(lost.sum() / total.sum()), len(unit) / total.sum()

    for dim, functions_size in SIZES:
        grid = Grid((functions_size,) * dim)
        rings = Rings.for_grid(grid)
        for degree in DEGREES:
            peer = peers.get((dim, functions_size, degree))
            if degree > rings.max_frequency:
                continue
            ours, own = (multiplets(each, dim, degree) for each in (LeastAliasing.for_grid(grid), rings))
            cells = []
            for limit in LIMITS:
                best, ringed = (error(each, grid.points, degree, limit) for each in (ours, own))
                theirs = None
                if peer is not None:
                    theirs = error(aligned(peer, directions(grid.points, degree)), grid.points, degree, limit)
                cells += [percent(best), percent(ringed), percent(theirs), f"{best[1] / ringed[1]:.1f}"]
            numbers = f"{len(own)}, {0 if peer is None else len(peer)}"
            yield [f"{' x '.join([str(functions_size)] * dim)}", str(degree), numbers, *cells]


def percent(found: tuple[float, float] | None) -> str:
    return "-" if found is None else f"{100 * found[0]:.2f}"


def waves(band: float, count: int, size: int, seed: int) -> Callable[[float], Any]:
    """Fields (count, 3, size, size) of 24 waves each under a smooth round window, turned by an angle in degrees."""
    import torch

    rng = np.random.default_rng(seed)
    length = np.sqrt(rng.uniform(size=(count, 3, 24))) * band * math.pi
    angle, phase = rng.uniform(0, 2 * math.pi, (2, count, 3, 24))
    amplitude = rng.normal(size=(count, 3, 24))
    omega = np.stack([length * np.cos(angle), length * np.sin(angle)], -1)
    points = np.stack(np.meshgrid(*2 * [np.arange(size) - (size - 1) / 2]), -1).reshape(-1, 2)
    window = np.cos(np.pi / size * np.minimum(np.linalg.norm(points, axis=1), size / 2)) ** 2

    def turned(degrees: float) -> Any:
        c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        at = points @ np.array([[c, -s], [s, c]])  # g^-1 x
        values = sum(amplitude[..., k, None] * np.cos(omega[:, :, k] @ at.T + phase[..., k, None]) for k in range(24))
        return torch.from_numpy((values * window).reshape(count, 3, size, size))

    return turned


def network(group: str, basis: str, layers: int, seed: int) -> Any:
    """Convolutions of 5 x 5, each with a nonlinearity, and invariant features; random coefficients."""
    import torch

    import steer
    from steer import nn

    torch.manual_seed(seed)
    acting = steer.group(group, dim=2)
    field = acting.regular if acting.is_finite else acting.band_limited(2)
    image, hidden = nn.FieldType(acting, 3 * [acting.trivial]), nn.FieldType(acting, 4 * [field])
    made: list[Any] = []
    for layer in range(layers):
        made.append(nn.Conv2d(hidden if layer else image, hidden, 5, padding=2, bias=False, basis=basis))
        made.append(nn.ReLU(hidden) if acting.is_finite else nn.FourierAct(hidden, "relu"))
    made.append(nn.GroupPool(hidden) if acting.is_finite else nn.NormPool(hidden))
    return nn.Sequential(*made).double().eval()


def network_rows() -> Iterator[list[str]]:
    """Rows of the table of networks."""
    import torch

    from steer import nn

    nn.set_grid_warnings(False)
    size = 33
    axis = np.arange(size) - (size - 1) / 2
    window = torch.from_numpy(np.cos(np.pi / 24 * np.minimum(np.hypot(axis[:, None], axis), 12)) ** 2)
    for group, layers in (("C8", 1), ("C8", 6), ("SO(2)", 6)):
        for basis in ("least_aliasing", "rings"):
            row = [f"{layers} {'layer' if layers == 1 else 'layers'} of {group}", basis]
            for band in (0.25, 0.5):
                errors = []
                for seed in range(3):
                    net, field = network(group, basis, layers, seed), waves(band, 8, size, seed + 10)
                    with torch.no_grad():
                        found = [torch.sum(net(field(a)) * window, (-1, -2)) for a in (0.0, *ANGLES)]
                    errors.append([float((y - found[0]).norm() / found[0].norm()) for y in found[1:]])
                row += [f"{100 * value:.2f}" for value in np.mean(errors, 0)]
            yield row


def table(heads: list[str], rows: Iterable[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def measured(peers: dict[tuple[int, int, int], np.ndarray]) -> str:
    """The two tables, in Markdown."""
    import torch

    torch.set_num_threads(1)
    heads, rows = ["least aliasing", "rings", "escnn", "noise"], list(filter_rows(peers))
    tables = ""
    for start, limit in zip(range(3, 15, len(heads)), LIMITS, strict=True):
        own = ([*row[:3], *row[start : start + len(heads)]] for row in rows)
        tables += f"Below {limit:g} of Nyquist:\n\n{table(['kernel', 'degree', 'filters', *heads], own)}\n"
    nets = ["network", "basis", *(f"{band:g}: {angle:g}°" for band in (0.25, 0.5) for angle in ANGLES)]
    return f"{tables}Networks:\n\n{table(nets, network_rows())}"


def main() -> None:
    """Print the tables, or write them into the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--escnn", help="the Python of an environment with escnn")
    parser.add_argument("--write", type=Path, help="the page whose tables are replaced")
    parser.add_argument("--dump", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.dump:
        peer_filters(given.dump)
        return
    peers: dict[tuple[int, int, int], np.ndarray] = {}
    if given.escnn:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "filters"
            subprocess.run([given.escnn, __file__, "--dump", str(path)], check=True, stdout=subprocess.DEVNULL)
            peers = pickle.loads(path.read_bytes())
    tables = measured(peers)
    if given.write is None:
        sys.stdout.write(tables)
        return
    text = given.write.read_text()
    before, after = text.index(START) + len(START), text.index(END)
    given.write.write_text(f"{text[:before]}\n{tables}\n{text[after:]}")


if __name__ == "__main__":
    main()
