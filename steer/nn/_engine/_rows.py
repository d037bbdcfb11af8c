"""Constant matrices with few entries in each row, times vectors of parameters."""

from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from ..._values import Array
from ._constants import Constants

DENSE: Final = 2**14
"""Entries of a matrix that is multiplied as a whole, 64 kB: one operation in place of three, which is what counts."""


def add_rows(module: Constants, name: str, index: npt.NDArray[np.int64], entries: Array, columns: int) -> None:
    """Add a matrix to the constants of a module: row r has entries[r, k] in column index[r, k]; zeros stand anywhere.

    Args:
        module: of which `rows_times` finds it.
        name: of the constant; what is not held as a whole has two, `name` for the entries and `name_index`.
        index: (rows, k).
        entries: (rows, k).
        columns: their number.
    """
    if len(index) * columns <= DENSE:
        matrix = np.zeros((len(index), columns))
        np.add.at(matrix, (np.arange(len(index))[:, None], index), entries)
        module.add_constant(name, matrix)
    else:
        module.add_constant(name, entries)
        module.add_constant(f"{name}_index", index)


def rows_times(module: Constants, name: str, vector: torch.Tensor) -> torch.Tensor:
    """(rows,): a matrix that `add_rows` added times a vector (columns,)."""
    if not hasattr(module, f"{name}_index"):
        return torch.mv(module.constant(name, vector), vector)
    return (vector[module.constant(f"{name}_index", vector)] * module.constant(name, vector)).sum(1)
