"""The action of orthogonal matrices on sampled scalar fields, and of representations on their fibres."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from ..._spacing import Spacing
from ..._values import EXACT, Array, is_count, is_one_of
from ...errors import ShapeError
from ...kernels import Grid
from ...reps import Fields
from ._hexagons import masked, permute_hexagon, require_hexagon
from ._precision import exact, wide
from ._splines import interpolate

HIGHEST_ORDER = 5
LATTICES = ("square", "hexagonal")


def lattice_steps(moves: Array, lattice: str, spacing: Spacing = None) -> tuple[Array, npt.NDArray[np.bool_]]:
    """How samples are read under matrices that move space, and which of these map the lattice to itself.

    Args:
        moves: (..., d, d), orthogonal, in the order (x, y[, z]).
        lattice: "square" or "hexagonal".
        spacing: distances of neighbouring samples of the square lattice ([z,] y, x).

    Returns:
        (..., d, d), the steps [z, ] y, x (hexagonal: r, q) from the centre at which the sample that many steps from it
        is read, integers rounded; and booleans (...).
    """
    eye = np.eye(moves.shape[-1])
    steps = (Grid.axial(eye).T if lattice == "hexagonal" else eye)[::-1]  # of coordinates
    if spacing is not None:
        steps = steps / np.array(spacing)[:, None]
    source = steps @ np.swapaxes(moves, -2, -1) @ np.linalg.inv(steps)  # f(g^-1 x)
    near = np.abs(source - np.round(source)) < EXACT
    return np.where(near, np.round(source) + 0.0, source), np.asarray(near.all(axis=(-2, -1)))


def act_on_grid(
    x: torch.Tensor, moves: Array, order: int = 3, lattice: str = "square", spacing: Spacing = None
) -> torch.Tensor:
    """f(g^-1 x) for feature maps x (batch, channels, *space), space turned about its centre; differentiable.

    The last axis is x, the one before y, the one before z; coordinates grow with the index. Where g maps the lattice to
    itself this is a permutation of the samples, exact, in the dtype of x. Otherwise the samples are interpolated by
    splines of an order, zero outside of the grid; the result is then of the dtype `wide`.

    Args:
        x: (batch, channels, *space).
        moves: (d, d) for all samples, or (batch, d, d), one for each.
        order: degree of the splines.
        lattice: "square" (cubic in space) or "hexagonal".
        spacing: distances of neighbouring samples of the square lattice ([z,] y, x); None where they are equal.

    Raises:
        ShapeError: the number of space axes is not the size of g, another number of matrices than of samples, an order
            that is not an integer from 0 to 5, no such lattice, or no hexagonal map.
    """
    _require(x, moves, order, lattice, spacing)
    source, exact = lattice_steps(moves, lattice, spacing)
    if lattice == "hexagonal":
        permute: Callable[[torch.Tensor, Array], torch.Tensor] = permute_hexagon
        between = _between_hexagons
    else:
        permute, between = _permute, interpolate
    if moves.ndim == 2:
        return permute(x, source) if exact else between(x.to(wide(x)), source[None], order)
    sizes = np.array(x.shape[2:])
    if lattice == "square":  # hexagons keep their shape
        exact = exact & (np.round(np.abs(source) @ sizes - sizes) % 2 == 0).all(-1)
    alike: dict[bytes, list[int]] = {}
    for index, (matrix, kept) in enumerate(zip(source, exact, strict=True)):
        alike.setdefault(matrix.tobytes() if kept else b"", []).append(index)
    parts = []
    for key, indices in alike.items():
        part = x if len(alike) == 1 else x[torch.tensor(indices, device=x.device)]
        if key:
            parts.append(_fitted(permute(part, source[indices[0]]), x.shape[2:]))
        else:
            parts.append(between(part.to(wide(x)), source[indices], order))
    if len(parts) < 2:
        return parts[0] if parts else x
    places = np.argsort(np.concatenate(list(alike.values())))
    return torch.cat([part.to(wide(x)) for part in parts])[torch.from_numpy(places).to(x.device)]


def _require(x: torch.Tensor, moves: Array, order: int, lattice: str, spacing: Spacing) -> None:
    dim = moves.shape[-1]
    if x.dim() != dim + 2:
        raise ShapeError(f"x: expected (batch, channels) and {dim} axes of space, got shape {tuple(x.shape)}")
    if not is_count(order, 0) or order > HIGHEST_ORDER:
        raise ShapeError(f"order: expected an integer from 0 to {HIGHEST_ORDER}, got {order!r}")
    if not is_one_of(lattice, LATTICES):
        raise ShapeError(f"lattice: expected {' or '.join(map(repr, LATTICES))}, got {lattice!r}")
    if lattice == "hexagonal":
        require_hexagon(x)
        if spacing is not None:
            raise ShapeError(f"spacing: the hexagonal lattice has one distance of neighbours, got {spacing}")


def _permute(x: torch.Tensor, source: Array) -> torch.Tensor:
    """The samples read at a signed permutation of the steps from the centre, (d, d); sizes go with their axes."""
    axis_of = np.argmax(
        np.abs(source), axis=0
    )  # along output axis b the input is read along axis a, source[a, b] = +-1
    flips = [2 + b for b, a in enumerate(axis_of) if source[a, b] < 0]
    return torch.flip(x.permute(0, 1, *(2 + axis_of).tolist()), flips)


def _fitted(x: torch.Tensor, sizes: torch.Size) -> torch.Tensor:
    """X cut, or filled with zeros, to sizes about the same centre."""
    if x.shape[2:] == sizes:
        return x
    steps = [(size - was) // 2 for size, was in zip(sizes, x.shape[2:], strict=True)]
    return torch.nn.functional.pad(x, [step for step in steps[::-1] for _ in range(2)])


def _between_hexagons(x: torch.Tensor, source: Array, order: int) -> torch.Tensor:
    """Splines on the hexagonal lattice: the mean over its three pairs of axes, of which D6 prefers none."""
    x = masked(x)
    out = torch.zeros_like(x)
    turn = np.array([[0.0, -1.0], [1.0, 1.0]])  # 60 degrees, in steps (r, q)
    for count in range(3):
        there = np.asarray(np.linalg.matrix_power(turn, count))
        back = np.asarray(np.round(np.linalg.inv(there)) + 0.0)
        found = interpolate(permute_hexagon(x, there), back @ source @ there, order, hexagonal=True)
        out = out + permute_hexagon(found, back)
    return out / 3


def act_on_fibres(x: torch.Tensor, fields: Fields, elements: Array) -> torch.Tensor:
    """rho(g) f for features x (batch, size, ...), each field by itself.

    Args:
        x: of a floating-point dtype.
        fields: what the channels are.
        elements: (n, n) for all samples, or (batch, n, n), one for each.
    """
    known: dict[object, Array] = {}
    parts, start = [], 0
    for rep, count in fields.runs:
        if rep not in known:
            matrices = rep(elements)
            # rounding of an entry that is a whole number would be seen where fields are permuted
            known[rep] = np.where(np.abs(matrices - np.round(matrices)) < EXACT, np.round(matrices) + 0.0, matrices)
        part = x[:, start : start + count * rep.size]
        start += count * rep.size
        if (known[rep] != np.eye(rep.size)).any():
            matrix = torch.as_tensor(known[rep], dtype=wide(x), device=x.device)
            split = part.to(wide(x)).reshape(len(x), count, rep.size, math.prod(x.shape[2:]))
            each = "" if elements.ndim == 2 else "n"
            with exact(x.device):
                part = torch.einsum(f"{each}ij,nfjp->nfip", matrix, split).reshape(part.shape)
        parts.append(part)
    dtype = max((part.dtype for part in parts), key=lambda dtype: torch.finfo(dtype).bits)
    return torch.cat([part.to(dtype) for part in parts], 1) if len(parts) > 1 else parts[0]
