"""How much of a ring lies outside of the kernel that samples it."""

import functools
import math

import numpy as np

from ..._values import Array
from ._grid import ROW, Grid

DIRECTIONS = 720
"""Of the plane; in space a quarter of them at each of as many heights."""

STEPS = 4000
"""Of the radial integral, which is good to six digits with them."""


@functools.lru_cache(maxsize=64)
def leaks(radii: tuple[float, ...], widths: tuple[float, ...], grid: Grid) -> tuple[float, ...]:
    """Of each ring, the part of its squared norm beyond the cells of a grid, on average over the harmonics of a degree.

    Their squares sum to a constant, so that the radial function alone counts: a mean over directions of what is further
    out than the border of the kernel.
    """
    borders = _borders(grid)
    found = []
    for radius, width in zip(radii, widths, strict=True):
        r = np.linspace(max(radius - 8 * width, 0.0), radius + 8 * width, STEPS)
        density = np.exp(-(((r - radius) / width) ** 2)) * r ** (len(grid.shape) - 1)
        inside = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
        found.append(float(1 - np.mean(np.interp(borders, r, inside / inside[-1]))))
    return tuple(found)


def _borders(grid: Grid) -> Array:
    """Distances from the centre to the border of the cells of a grid, in directions that are spread evenly."""
    dim = len(grid.shape)
    if grid.lattice == "hexagonal":
        turns = math.pi / 6 + math.pi / 3 * np.arange(6)
        normals, distances = np.stack([np.cos(turns), np.sin(turns)], 1), np.full(6, ROW * (grid.shape[0] // 2 + 0.5))
    else:
        normals = np.concatenate([np.eye(dim), -np.eye(dim)])
        half = [size * step / 2 for size, step in zip(grid.shape, grid.spacing or dim * (1.0,), strict=True)]
        distances = np.tile(half[::-1], 2)
    return np.asarray(np.min(distances / np.maximum(_directions(dim) @ normals.T, 1e-12), axis=1))


def _directions(dim: int) -> Array:
    """(n, dim)."""
    if dim == 1:
        return np.array([[1.0], [-1.0]])
    turns = 2 * math.pi * (np.arange(DIRECTIONS) + 0.5) / DIRECTIONS
    plane = np.stack([np.cos(turns), np.sin(turns)], 1)
    if dim == 2:
        return plane
    if dim > 3:  # where rings have degree 0 alone
        drawn = np.random.default_rng(0).normal(size=(DIRECTIONS**2 // 16, dim))
        return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))
    heights = (2 * np.arange(DIRECTIONS // 4) + 1) / (DIRECTIONS // 4) - 1  # equal areas of the sphere
    across = np.sqrt(1 - heights**2)[:, None, None] * plane[::4]
    return np.concatenate([across, np.broadcast_to(heights[:, None, None], (*across.shape[:2], 1))], 2).reshape(-1, 3)
