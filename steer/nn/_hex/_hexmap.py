"""Maps on the hexagonal lattice: tensors in axial coordinates, how D6 acts on them, and resampling.

A hexagonal map of radius R is a tensor (batch, channels, 2R + 1, 2R + 1), zero outside the hexagon of its samples; the
entry (r, q), counted from the centre, lies at x = q + r/2, y = sqrt(3)/2 r: `_fields/_hexagons.py`.
"""

import functools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from ..._values import EXACT, Array, as_numbers, frozen, is_one_of, is_real, require_count
from ...errors import GroupError, KernelError, ShapeError
from ...kernels import Grid
from .._fields._hexagons import Indices, masked, permute_hexagon, require_hexagon
from .._fields._tensor import require_tensor
from .._fields._transform import lattice_steps

Taps = tuple[Indices, Array]
"""(taps, outputs) positions in the flattened input, and their weights."""

MODES = ("cubic", "linear")


def act_on_hexagonal(x: torch.Tensor, g: npt.ArrayLike) -> torch.Tensor:
    """The action f(g^-1 x) on hexagonal maps: an exact permutation of the samples; differentiable.

    Args:
        x: (batch, channels, 2R + 1, 2R + 1).
        g: (2, 2), an element of D6 in its standard setting: turns by multiples of 60 degrees, and these after the
            reflection diag(1, -1).

    Returns:
        (batch, channels, 2R + 1, 2R + 1), zero outside the hexagon.

    Raises:
        ShapeError: x is no hexagonal map.
        GroupError: g does not map the hexagonal lattice to itself.
    """
    require_hexagon(x)
    element = as_numbers("g", g, GroupError, "a matrix of shape (2, 2)")
    if element.shape != (2, 2) or not np.allclose(element @ element.T, np.eye(2), atol=EXACT):
        raise GroupError(f"g: expected an orthogonal matrix (2, 2), got {element.tolist()}")
    source, exact = lattice_steps(element, "hexagonal")
    if not exact:
        raise GroupError(f"g: only elements of D6 map the hexagonal lattice to itself, got {element.tolist()}")
    return permute_hexagon(x, source)


def to_hexagonal(
    x: torch.Tensor, radius: int | None = None, *, spacing: float | None = None, mode: str = "cubic"
) -> torch.Tensor:
    """Resample images on the hexagonal lattice, about their centre; differentiable.

    The sample at (x, y) of the lattice is read at (spacing x, spacing y) pixels from the centre of the image, zero
    outside it. Up to rounding, turns and reflections that map both lattices to themselves (D2) act alike before and
    after, on square images. Images are not smoothed first: a spacing above 1 aliases what is finer than it. A step
    before the network: torch.compile cannot follow how the tables are made, which are kept for the last sizes used.

    There and back, with `from_hexagonal` and a spacing of 1, the relative error (root mean square) of images inside the
    hexagon is below 1% if their wavelengths are 8 pixels or longer, and below 10% for "linear".

    Args:
        x: (batch, channels, y, x).
        radius: R of the result; half the width of the smaller side, rounded up, when None.
        spacing: pixels of the image between neighbouring samples; when None the hexagon's corners touch the edge, at
            most 1 for the default radius.
        mode: "cubic", convolution of third order (Keys 1981), or "linear".

    Returns:
        (batch, channels, 2 radius + 1, 2 radius + 1) in axial coordinates, of the dtype of x.

    Raises:
        ShapeError: x is no batch of images.
        KernelError: an argument is out of range.

    Example:
        >>> import torch
        >>> from steer import nn
        >>> nn.to_hexagonal(torch.randn(1, 3, 32, 32)).shape
        torch.Size([1, 3, 33, 33])
    """
    _require_images(x)
    height, width = x.shape[2:]
    half = (min(height, width) - 1) / 2
    chosen = require_count("radius", math.ceil(half) if radius is None else radius, KernelError)
    step = _spacing(half / chosen if spacing is None and chosen and half else spacing)
    return _resample(x, _to_hexagonal(height, width, chosen, step, _mode(mode)), (2 * chosen + 1,) * 2)


def from_hexagonal(
    x: torch.Tensor, size: int | tuple[int, int], *, spacing: float | None = None, mode: str = "cubic"
) -> torch.Tensor:
    """Resample hexagonal maps on the square lattice, about their centre; the way back from `to_hexagonal`.

    A pixel is the mean of what interpolation along the three pairs of lattice axes gives, so that D6 has no preferred
    axis. It is zero further than half a step outside the hexagon. Differentiable.

    Args:
        x: (batch, channels, 2R + 1, 2R + 1).
        size: of the image, an integer or (y, x).
        spacing: pixels of the image between neighbouring samples; when None the hexagon's corners touch the edge of
            the smaller side, as in `to_hexagonal`.
        mode: "cubic", convolution of third order (Keys 1981), or "linear".

    Returns:
        (batch, channels, y, x), of the dtype of x.

    Raises:
        ShapeError: x is no hexagonal map.
        KernelError: an argument is out of range.
    """
    radius = require_hexagon(x)
    sizes = size if isinstance(size, Sequence) and len(size) == 2 else (size, size)
    height, width = (require_count("size", value, KernelError, 1) for value in sizes)
    half = (min(height, width) - 1) / 2
    step = _spacing(half / radius if spacing is None and radius and half else spacing)
    return _resample(masked(x), _from_hexagonal(height, width, radius, step, _mode(mode)), (height, width))


def _resample(x: torch.Tensor, taps: Taps, shape: tuple[int, int]) -> torch.Tensor:
    index, weight = (torch.from_numpy(table.T.copy()).to(x.device) for table in taps)
    if not x[..., 0, 0].numel():
        return x.new_zeros(*x.shape[:2], *shape)
    # a bag of samples for each output, in one operation without a copy for each tap
    table = x.reshape(-1, x.shape[2] * x.shape[3]).T.contiguous()
    out = torch.nn.functional.embedding_bag(index, table, per_sample_weights=weight.to(x.dtype), mode="sum")
    return out.T.reshape(*x.shape[:2], *shape)


@functools.lru_cache(maxsize=16)
def _to_hexagonal(height: int, width: int, radius: int, spacing: float, mode: str) -> Taps:
    grid = Grid((2 * radius + 1,) * 2, "hexagonal")
    assert grid.index is not None, "hexagons do not fill their tensor"
    sizes = np.array([height, width])
    where = grid.points[:, ::-1] * spacing + (sizes - 1) / 2
    cells, weights = _stencil(where, mode)
    inside = np.all((where >= -EXACT) & (where <= sizes - 1 + EXACT), axis=-1)
    rows, columns = np.moveaxis(np.clip(cells, 0, sizes - 1), -1, 0)  # beyond the edge its pixels are repeated
    index = np.zeros((len(cells), (2 * radius + 1) ** 2), dtype=np.intp)
    weight = np.zeros(index.shape)
    index[:, grid.index], weight[:, grid.index] = rows * width + columns, weights * inside
    return index, frozen(weight)


@functools.lru_cache(maxsize=16)
def _from_hexagonal(height: int, width: int, radius: int, spacing: float, mode: str) -> Taps:
    points = Grid((height, width)).points / spacing
    found, weights = [], []
    for turn in range(3):  # a turn by 180 degrees is the first pair of axes again
        angle = turn * math.pi / 3
        back = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        cells, weight = _stencil(Grid.axial(points @ back.T), mode)
        q, r = np.moveaxis(cells, -1, 0)
        for _ in range(turn):
            q, r = -r, q + r  # by 60 degrees
        inside = np.maximum(np.maximum(np.abs(q), np.abs(r)), np.abs(q + r)) <= radius
        found.append(np.where(inside, (r + radius) * (2 * radius + 1) + q + radius, 0))
        weights.append(weight * inside)
    index, weight = np.concatenate(found), np.concatenate(weights)
    q, r = Grid.axial(points).T
    covered = np.maximum(np.maximum(np.abs(q), np.abs(r)), np.abs(q + r)) <= radius + 0.5 + EXACT
    total = np.sum(weight, axis=0)
    # at the edge the taps inside carry the whole weight, so that a constant stays one
    return index, frozen(weight * np.where(covered, 1.0, 0.0) / np.where(covered, total, 1.0))


def _stencil(where: Array, mode: str) -> tuple[Indices, Array]:
    """(taps, m, 2) the lattice points about the coordinates (m, 2) and (taps, m) their weights."""
    base = np.floor(where)
    part = where - base
    reach = np.arange(2) if mode == "linear" else np.arange(-1, 3)
    profile = _profile(np.abs(part[None] - reach[:, None, None]), mode)  # (reach, m, 2)
    offsets = np.stack(np.meshgrid(reach, reach, indexing="ij"), axis=-1).reshape(-1, 1, 2)
    weights = profile[:, None, :, 0] * profile[None, :, :, 1]
    return base.astype(np.intp) + offsets, weights.reshape(len(offsets), -1)


def _profile(t: Array, mode: str) -> Array:
    """The interpolation kernel at distances t >= 0 within its support; cubic: Keys 1981, eq. 15 (a = -1/2)."""
    if mode == "linear":
        return np.asarray(1 - t)
    inner = (1.5 * t - 2.5) * t**2 + 1
    outer = ((-0.5 * t + 2.5) * t - 4) * t + 2
    return np.where(t <= 1, inner, outer)


def _require_images(x: torch.Tensor) -> None:
    if require_tensor("x", x).dim() != 4 or 0 in x.shape[2:] or not x.is_floating_point():
        raise ShapeError(f"x: expected floating-point images (batch, channels, y, x), got {tuple(x.shape)}, {x.dtype}")


def _spacing(value: float | None) -> float:
    step = 1.0 if value is None else value
    if not is_real(step) or not 0 < step < math.inf:
        raise KernelError(f"spacing: expected a positive number of pixels, got {value!r}")
    return float(step)


def _mode(mode: str) -> str:
    if not is_one_of(mode, MODES):
        raise KernelError(f"mode: expected {' or '.join(map(repr, MODES))}, got {mode!r}")
    return mode
