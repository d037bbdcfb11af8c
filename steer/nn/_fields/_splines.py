"""Samples between samples: interpolation by splines, a linear map of the samples that autograd follows."""

import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from ..._values import CHUNK, NEAR, Array, frozen

Taps = tuple[list[torch.Tensor], list[torch.Tensor]]

EDGE = NEAR
"""How far a point may lie outside of the grid, relative to the distance of its corners from its centre: as far as an
element of a group may be from the matrix that is given, so that rounding of one does not cut off the border."""


def interpolate(x: torch.Tensor, source: Array, order: int, hexagonal: bool = False) -> torch.Tensor:
    """Values of x at source p, for the offsets p of its samples from the centre of the grid; 0 outside of the grid.

    Unser 1999, "Splines: a perfect fit for signal and image processing": coefficients by a filter whose boundary
    condition is mirror symmetry about the outermost samples, then sums of B-splines.

    Args:
        x: (batch, channels, *space), of the dtype to compute in.
        source: (batch or 1, d, d), of offsets along the axes of space, in their order.
        order: degree of the splines, an integer >= 0.
        hexagonal: whether x holds hexagons in axial coordinates, whose corners lie outside.

    Returns:
        (batch, channels, *space).
    """
    sizes = tuple(x.shape[2:])
    if not x.numel():
        return x
    where, inside = _points(x, source, hexagonal)
    flat = _coefficients(x, order).flatten(2)
    entries = CHUNK // 64 if x.device.type == "cpu" else 2**27  # few launches elsewhere, in a gigabyte at a time
    pieces = []
    for part in torch.split(where, max(entries // (len(x) * x.shape[1]), 2**10), 1):
        piece = x.new_zeros(*x.shape[:2], part.shape[1])
        for index, weight in _products(
            [_taps(part[..., axis], sizes[axis], order) for axis in range(len(sizes))], sizes
        ):
            piece.addcmul_(weight[:, None], flat.gather(2, index[:, None].expand_as(piece)))
        pieces.append(piece)
    return (torch.cat(pieces, 2) * inside[:, None]).reshape(x.shape)


def _products(taps: list[Taps], sizes: tuple[int, ...]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """All combinations of taps along the axes: entries of the flattened grid, and weights."""
    for index, weight in zip(*taps[0], strict=True):
        if len(taps) == 1:
            yield index, weight
            continue
        row = index * math.prod(sizes[1:])
        for other, factor in _products(taps[1:], sizes[1:]):
            yield row + other, weight * factor


def _points(x: torch.Tensor, source: Array, hexagonal: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Where each output reads, (batch or 1, points, d) in indices within the grid, and whether it does, 0 or 1."""
    sizes = x.shape[2:]
    axes = [torch.arange(size, device=x.device, dtype=x.dtype) - (size - 1) / 2 for size in sizes]
    offsets = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
    read = offsets @ torch.as_tensor(source, dtype=x.dtype, device=x.device).mT
    half = torch.tensor([(size - 1) / 2 for size in sizes], dtype=x.dtype, device=x.device)
    edge = EDGE * max(math.hypot(*((size - 1) / 2 for size in sizes)), 1.0)
    inside = (read.abs() <= half + edge).all(-1)
    if hexagonal:
        inside = inside & (read.sum(-1).abs() <= half[0] + edge) & (offsets.sum(-1).abs() <= half[0])
    return torch.minimum(torch.maximum(read, -half), half) + half, inside.to(x.dtype)


def _taps(where: torch.Tensor, size: int, order: int) -> Taps:
    """The samples along one axis that a point at an index (...) is the sum of, order + 1 of them, and their weights."""
    shifted = where if order % 2 else where + 0.5
    first = shifted.floor()
    start = first.long() - order // 2
    period = max(2 * size - 2, 1)
    indices = [(start + tap).remainder(period) for tap in range(order + 1)]
    return [torch.minimum(index, period - index) for index in indices], _weights(shifted - first, order)


def _weights(part: Any, order: int) -> list[Any]:
    """The B-splines that are not zero at a part, 0 to 1, of the way between two knots: de Boor's recursion."""
    weights = [part * 0 + 1]
    for degree in range(1, order + 1):
        left, right = [0.0, *weights], [*weights, 0.0]
        weights = [
            ((part + (degree - tap)) * left[tap] + (tap + 1 - part) * right[tap]) / degree for tap in range(degree + 1)
        ]
    return weights


def _coefficients(x: torch.Tensor, order: int) -> torch.Tensor:
    """Coefficients of the splines through the samples."""
    if order < 2:
        return x
    for axis in range(2, x.dim()):
        matrix = torch.as_tensor(_filter(x.shape[axis], order).copy(), dtype=x.dtype, device=x.device)
        x = (x.movedim(axis, -1) @ matrix.mT).movedim(-1, axis)
    return x


@functools.lru_cache(maxsize=32)
def _filter(size: int, order: int) -> Array:
    """(size, size): samples to coefficients along an axis."""
    at, period = np.arange(size), max(2 * size - 2, 1)
    matrix = np.zeros((size, size))
    for tap, weight in enumerate(_weights(0.0 if order % 2 else 0.5, order)):  # at a sample
        index = (at + tap - order // 2) % period
        np.add.at(matrix, (at, np.minimum(index, period - index)), weight)
    return frozen(np.linalg.inv(matrix))
