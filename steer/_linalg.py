"""Gauge-fixed linear algebra: bases that do not depend on BLAS, seeds or library versions."""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from ._values import CHUNK, Array

INDEPENDENT = 1e-6
"""A vector is independent of a basis, and a component is non-zero, above this value."""


def fix_sign(vector: Array) -> Array:
    """`vector` or `-vector`, whichever makes the first component above 1e-6 positive."""
    large = np.flatnonzero(np.abs(vector.ravel()) > INDEPENDENT)
    return -vector if large.size and vector.ravel()[large[0]] < 0 else vector


def nearest_matrix(g: Array, among: Array) -> npt.NDArray[np.intp]:
    """(...): which of matrices `among` (n, d, d), all of one norm, is nearest to each of g (..., d, d)."""
    rows, table = g.reshape(-1, among.shape[1] ** 2), among.reshape(len(among), -1).T
    step = max(1, CHUNK // (8 * len(among)))
    found = [np.argmax(rows[i : i + step] @ table, axis=-1) for i in range(0, len(rows), step)]
    return np.concatenate([np.zeros(0, dtype=np.intp), *found]).reshape(g.shape[:-2])


def nearest_orthogonal(g: Array) -> Array:
    """(..., d, d): the orthogonal matrices nearest to matrices (polar decomposition)."""
    left, _, right = np.linalg.svd(g)
    return np.asarray(left @ right)


def inverse_permutations(places: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """(..., n): the inverses of permutations (..., n); unlike by sorting, in time n."""
    out = np.empty_like(places)
    np.put_along_axis(out, places, np.broadcast_to(np.arange(places.shape[-1]), places.shape), -1)
    return out


def orthonormal_columns(columns: Iterable[Array], rank: int, size: int) -> Array:
    """The gauge rule: orthonormalise `columns` in their order, keep the independent ones, fix each sign.

    Args:
        columns: vectors of length `size` in the image of one projector; consumed only until the basis is complete.
        rank: the dimension of that image.
        size: length of the vectors.

    Returns:
        (rank, size), one orthonormal basis vector a row.
    """
    basis = np.zeros((rank, size))
    found = 0
    if rank == 0:
        return basis
    for column in columns:
        residual = column
        for _ in range(2):  # twice is enough (Kahan, Parlett)
            residual = residual - basis[:found].T @ (basis[:found] @ residual)
        norm = float(np.linalg.norm(residual))
        if norm <= INDEPENDENT:
            continue
        residual = residual / norm
        residual = residual - basis[:found].T @ (basis[:found] @ residual)
        basis[found] = fix_sign(residual / np.linalg.norm(residual))
        found += 1
        if found == rank:
            return basis
    raise ArithmeticError(f"a projector of rank {rank} gave {found} independent columns; please report this")


def commuting(at_in: Array, at_out: Array, weights: Array) -> Array:
    """All matrices A with A at_in(g) = at_out(g) A, of two representations at the nodes g of a quadrature of a group.

    Args:
        at_in: (nodes, in, in).
        at_out: (nodes, out, out).
        weights: (nodes,), of sum 1; the quadrature must be exact for the product of the two.

    Returns:
        (n, out, in), in the gauge of `intertwiners`.
    """
    size_out, size_in = at_out.shape[-1], at_in.shape[-1]
    rank = round(float(np.einsum("g,gii,gjj->", weights, at_in, at_out, optimize=True)))

    def columns() -> Iterator[Array]:
        for row in range(size_out):
            weighted = at_out[:, :, row] * weights[:, None]
            block = weighted.T @ at_in.reshape(len(weights), -1)  # (out, in * in'): of all matrices E_{row, in'}
            yield from block.reshape(size_out * size_in, size_in).T

    return orthonormal_columns(columns(), rank, size_out * size_in).reshape(rank, size_out, size_in)
