"""Initialisation in closed form: standard deviations of coefficients that keep the second moment of features."""

from collections.abc import Sequence

import numpy as np

from ..._values import Array
from ..bases._grid import Grid
from ._cell import Cell

VANISHING = 1e-12
"""Kernels whose squares sum to less are zero at the samples, though not elsewhere: scalar functions have norm 1."""

Cells = Sequence[Sequence[Cell]]


def forward_scales(cells: Cells, grid: Grid) -> tuple[Array, list[int]]:
    """Of every coefficient: each output field has mean variance 1 over its components.

    A kernel into an induced field, or out of one, spreads over all components. One in irreps goes to copies of one
    irrep, and these scales differ by irrep, so that all that are reached have one variance. Those of
    kernels that are zero at the samples are zero.

    Args:
        cells: by output and input representation.
        grid: of the filter.

    Returns:
        The scales; and the rows that no kernel reaches.
    """
    found, dead = [], []
    for number, row in enumerate(cells):
        spread = sum(cell.energy(grid) for cell in row if not cell.is_block)
        by_irrep = [_by_irrep(cell, grid) for cell in row if cell.is_block]
        reached = np.sum(by_irrep, axis=0) if by_irrep else np.zeros(0)
        # of a regular field alone they are not needed, and for a large group slow to find
        irreps = row[0].out_rep.decomposition.copies if by_irrep else []
        shares = np.array([psi.size * len(where) for psi, where in irreps]) / row[0].out_rep.size
        total = spread + float(reached @ shares) if by_irrep else spread
        if total < VANISHING:
            dead.append(number)
            found += [np.zeros(cell.num_weights) for cell in row]
            continue
        live = reached > VANISHING
        # what `spread` leaves to the irreps, in equal parts to the components of those that are reached
        left = (1 - spread / total) / np.sum(shares[live]) if by_irrep and np.any(live) else 0.0
        single = np.where(live, np.sqrt(left / np.where(live, reached, 1.0)), 0.0) if by_irrep else reached
        for cell in row:
            # one scale for each kernel, or the same for all
            each = np.tile(single[cell.irrep_of], cell.fields_out * cell.fields_in) if cell.is_block else total**-0.5
            found.append(np.full(cell.num_weights, each))
    return np.concatenate(found), dead


def _by_irrep(cell: Cell, grid: Grid) -> Array:
    """Energy of the components of each distinct irrep of the output, on average over them."""
    sizes = [psi.size * len(where) for psi, where in cell.out_rep.decomposition.copies]
    sums = np.bincount(cell.irrep_of, cell.energies(grid), len(sizes))
    return np.asarray(cell.fields_in * sums / np.array(sizes))


def transposed_scales(
    cells: Cells, grid: Grid, rows: Sequence[Sequence[int]], groups: int
) -> tuple[Array, list[tuple[int, int]]]:
    """The same for the transpose: the mean variance of each input field is 1.

    Args:
        cells: by output and input representation.
        grid: of the filter.
        rows: first channels of the fields of each output representation.
        groups: the rows come in equal groups, and the transpose takes each to input fields of its own.

    Returns:
        The scales; and the (group, column) that no kernel reaches.
    """
    total = sum(cell.fields_out * cell.out_rep.size for cell, *_ in cells)
    group_of = [np.array(starts) // (total // groups) for starts in rows]
    energy = np.zeros((groups, len(cells[0])))
    for row, where in zip(cells, group_of, strict=True):
        for column, cell in enumerate(row):
            # what all rows of the cell give to a component of its columns, shared by the rows
            each = cell.energy(grid) * cell.shape[0] / cell.shape[1] / len(where)
            energy[:, column] += each * np.bincount(where, minlength=groups)
    live = energy >= VANISHING
    scales = np.where(live, np.where(live, energy, 1.0) ** -0.5, 0.0)
    found = np.concatenate(
        [
            np.repeat(scales[where, column], cell.num_weights // len(where))
            for row, where in zip(cells, group_of, strict=True)
            for column, cell in enumerate(row)
        ]
    )
    return found, [(int(group), int(column)) for group, column in np.argwhere(~live)]
