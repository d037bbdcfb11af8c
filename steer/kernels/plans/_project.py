"""Projection of dense filters on the steerable ones: least squares for the coefficients of a kernel plan."""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from ..._values import Array
from ...errors import ShapeError
from ..bases._angular import Block
from ..bases._basis import KernelBasis
from ..bases._functions import Form
from ..bases._orbit import Indices, Orbit
from ..bases._selection import SelectedForm

if TYPE_CHECKING:
    from ._plan import KernelPlan

RANK = 1e-10
"""Singular values of a sampled basis below this part of the largest are rounding: the kernels depend on each other."""


class Projection(NamedTuple):
    """The steerable filter that is nearest to a dense one; what `steer.project` returns.

    Attributes:
        weight: (num_weights,), its coefficients, float64, in the layout of a layer's `weight`.
        residual: ||filter - projection|| / ||filter|| in the Frobenius norm: 0 for steerable filters and for zero.
        filter: the projection itself, float64, in the shape of the dense filter.
    """

    weight: torch.Tensor
    residual: float
    filter: torch.Tensor


def as_array(name: str, given: object) -> Array:
    """A tensor or array of real numbers in float64.

    Raises:
        ShapeError: its entries are not real numbers, or some are not finite.
    """
    if isinstance(given, torch.Tensor):
        numeric = given.is_floating_point() or not (given.is_complex() or given.dtype == torch.bool)
        if given.is_nested or given.layout is not torch.strided or given.is_meta:
            what = "a nested tensor" if given.is_nested else f"one of {given.layout} on {given.device}"
            raise ShapeError(f"{name}: expected a dense tensor with values, got {what}")
        found = given.detach().cpu().double().numpy() if numeric else np.array("")
    else:
        try:
            found = np.asarray(given)
        except ValueError:  # rows of different lengths
            found = np.array("")
    if found.dtype.kind not in "iuf":
        kind = getattr(given, "dtype", type(given).__name__)
        raise ShapeError(f"{name}: expected a tensor or array of real numbers, got {kind}")
    if not np.isfinite(found).all():
        raise ShapeError(f"{name}: expected finite numbers, got NaN or infinity")
    return np.asarray(found, dtype=np.float64)


def as_filter(filter: object, dim: int) -> Array:  # noqa: A002 - the argument's name
    """A dense filter (out, in, *kernel) with `dim` axes of space in float64.

    Raises:
        ShapeError: another number of axes, an axis of size 0, or entries that are not finite real numbers.
    """
    found = as_array("filter", filter)
    if found.ndim != dim + 2 or not found.size:
        raise ShapeError(f"filter: expected (out, in) and {dim} axes of space, got shape {found.shape}")
    return found


def require_channels(dense: Array, out: int, into: int) -> None:
    """Raise a `ShapeError` unless a filter has that many output and input channels."""
    if dense.shape[:2] != (out, into):
        raise ShapeError(f"filter: expected shape {(out, into, *dense.shape[2:])} for these types, got {dense.shape}")


def project_on(plan: "KernelPlan", dense: Array) -> Projection:
    """The filter of a plan that is nearest to a dense one (out, in, *kernel), in the sum of squares over all entries.

    Exact for filters of the plan. Their coefficients are found again if the basis kernels are independent on the grid;
    otherwise those of least norm are. The parts of a plan are solved one by one, all fields of a part at once.
    """
    grid = plan.grid
    samples = dense.reshape(*dense.shape[:2], -1)
    if grid.index is not None:
        samples = samples[..., grid.index]
    found = [np.zeros(0)]
    for row, (out_rep, rows) in zip(plan.cells, plan.rows.items(), strict=True):
        for cell, (in_rep, columns) in zip(row, plan.columns.items(), strict=True):
            # all pairs of an output and an input field: (fields out, fields in, out, in, m)
            at_out, at_in = (
                np.add.outer(starts, np.arange(rep.size)) for rep, starts in ((out_rep, rows), (in_rep, columns))
            )
            pairs = samples[at_out[:, None, :, None], at_in[None, :, None, :]]
            filters = pairs.reshape(-1, out_rep.size, in_rep.size, samples.shape[-1])
            found.append(coefficients(cell.basis, grid.points, filters).ravel())
    weight = torch.from_numpy(np.concatenate(found))
    projected = plan.expand(weight)
    size = float(np.linalg.norm(dense))
    return Projection(weight, float(np.linalg.norm(projected.numpy() - dense)) / (size or 1.0), projected)


def coefficients(basis: KernelBasis, points: Array, filters: Array) -> Array:
    """(r, len(basis)): least-squares coefficients of filters (r, out, in, m), given at points (m, d)."""
    if not len(basis):
        return np.zeros((len(filters), 0))
    form: Form = basis.form
    kept = form.kept if isinstance(form, SelectedForm) else None
    whole = form.whole if isinstance(form, SelectedForm) else form
    if isinstance(whole, Orbit):
        return _of_orbit(whole, points, filters, kept)
    if isinstance(whole, Block):
        return _of_block(whole, points, filters, kept)
    return _solve(form.sample(points), filters)


def _of_orbit(orbit: Orbit, points: Array, filters: Array, kept: Indices | None) -> Array:
    """Each coset's filter moved back to the identity coset, where all are samples of one kernel at g_i^-1 x.

    V(g_i) is orthogonal, so that moving keeps the sum of squares.
    """
    inner, other, count = orbit.shape
    filters = filters if orbit.into else filters.swapaxes(1, 2)
    cosets = filters.reshape(len(filters), len(orbit.movers), inner, other, len(points))
    moved = np.einsum("rgwum,guv->rwvgm", cosets, orbit.movers, optimize=True).reshape(len(filters), inner, other, -1)
    scalars = orbit.scalars(points).reshape(count, -1)
    if orbit.at_identity is None and kept is None:
        return _solve(scalars, moved.reshape(-1, moved.shape[-1])).reshape(len(filters), -1)
    # what is orthogonal to all scalar functions is orthogonal to all kernels: solve in their span
    left, sizes, span = np.linalg.svd(scalars, full_matrices=False)
    kernels = orbit.at_identity
    if kernels is None:
        kernels = np.eye(inner * other * count).reshape(-1, inner, other, count)
    return _solve((kernels if kept is None else kernels[kept]) @ (left * sizes), moved @ span.T)


def _of_block(block: Block, points: Array, filters: Array, kept: Indices | None) -> Array:
    """Irrep by irrep: in the bases that split the representations, pairs of irreps have kernels of their own."""
    scalars = block.functions.sample(points)
    q_out, q_in = block.out_rep.decomposition.isotypic_basis, block.in_rep.decomposition.isotypic_basis
    turned = np.einsum("pi,rpqm,qj->rijm", q_out, filters, q_in, optimize=True)
    found, row, first = [], 0, 0
    for b, rows in block.out_rep.decomposition.copies:
        column = 0
        for a, columns in block.in_rep.decomposition.copies:
            height, width = len(rows) * b.size, len(columns) * a.size
            part = turned[:, row : row + height, column : column + width]
            part = part.reshape(len(filters), len(rows), b.size, len(columns), a.size, len(points)).swapaxes(2, 3)
            kernels = block.pair(a, b) @ scalars
            if kept is None:
                found.append(_solve(kernels, part.reshape(-1, b.size, a.size, len(points))).reshape(len(filters), -1))
            else:  # of each pair of parts perhaps others
                for i, j in np.ndindex(len(rows), len(columns)):
                    own = kept[(kept >= first) & (kept < first + len(kernels))] - first
                    found.append(_solve(kernels[own], part[:, i, j]))
                    first += len(kernels)
            column += width
        row += height
    return np.concatenate(found, axis=1)


def _solve(basis: Array, data: Array) -> Array:
    """(r, n): the least-squares coefficients of least norm of data (r, ...) in a basis (n, ...)."""
    size = math.prod(basis.shape[1:])
    solved = np.linalg.lstsq(basis.reshape(len(basis), size).T, data.reshape(len(data), size).T, rcond=RANK)
    return np.asarray(solved[0].T)
