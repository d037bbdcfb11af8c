"""Intertwiners by the Haar projector, the one solver for every group: exact quadrature, gauge-fixed."""

import functools
from collections.abc import Iterator

import numpy as np

from ._linalg import Array, frozen, orthonormal_columns
from ._representation import Irrep, Representation, _same_group


@functools.lru_cache(maxsize=64)
def _at_nodes(rep: Representation, max_degree: int) -> Array:
    """(nodes, size, size): the matrices of a representation at the nodes of a quadrature."""
    return frozen(rep._matrices(rep.group.haar(max_degree)[0]))


def _quadrature(rep_in: Representation, rep_out: Representation) -> tuple[Array, Array, Array]:
    """Matrices of both representations at the nodes of a quadrature exact for their product, and its weights."""
    max_degree = 0 if rep_in.group.is_finite else rep_in._degree + rep_out._degree
    return _at_nodes(rep_in, max_degree), _at_nodes(rep_out, max_degree), rep_in.group.haar(max_degree)[1]


def multiplicity(rep_in: Representation, rep_out: Representation) -> int:
    """Dimension of Hom_G(rep_in, rep_out): the inner product of the two characters."""
    _same_group(rep_in, rep_out, "multiplicity")
    at_in, at_out, weights = _quadrature(rep_in, rep_out)
    traces = np.trace(at_in, axis1=-2, axis2=-1) * np.trace(at_out, axis1=-2, axis2=-1)
    return round(float(weights @ traces))


def intertwiners(rep_in: Representation, rep_out: Representation) -> Array:
    """All linear maps that commute with the group: A rep_in(g) = rep_out(g) A.

    The space is the image of the projector A -> integral rep_out(g) A rep_in(g)^T dg. Its columns are taken in index
    order (out, in), orthonormalised in the Frobenius inner product, and signed so that the first non-zero component is
    positive.

    Returns:
        (n, out.size, in.size), read-only, orthonormal; n = 0 when there are none.

    Raises:
        RepresentationError: the representations are of two groups.
    """
    _same_group(rep_in, rep_out, "intertwiners")
    return _intertwiners(rep_in, rep_out)


@functools.lru_cache(maxsize=4096)
def _intertwiners(rep_in: Representation, rep_out: Representation) -> Array:
    at_in, at_out, weights = _quadrature(rep_in, rep_out)
    traces = np.trace(at_in, axis1=-2, axis2=-1) * np.trace(at_out, axis1=-2, axis2=-1)
    rank = round(float(weights @ traces))
    size_out, size_in = rep_out.size, rep_in.size
    nodes = len(weights)

    def columns() -> Iterator[Array]:
        for row in range(size_out):
            weighted = at_out[:, :, row] * weights[:, None]
            block = weighted.T @ at_in.reshape(nodes, -1)  # (out, in * in'): the columns of all matrices E_{row, in'}
            yield from block.reshape(size_out * size_in, size_in).T

    return frozen(orthonormal_columns(columns(), rank, size_out * size_in).reshape(rank, size_out, size_in))


def clebsch_gordan(first: Representation, second: Representation, out: Representation) -> Array:
    """All intertwiners out <- first (x) second.

    Returns:
        (multiplicity, out.size, first.size, second.size), read-only, orthonormal, in the gauge of `intertwiners`.

    Raises:
        RepresentationError: the representations are not of one group.
    """
    product = first.tensor(second)
    found = intertwiners(product, out)
    return found.reshape(len(found), out.size, first.size, second.size)


def endomorphisms(psi: Irrep) -> Array:
    """(1, 2 or 4, size, size): orthogonal maps that span End_G(psi), the reals, complex numbers or quaternions."""
    return np.asarray(intertwiners(psi, psi) * np.sqrt(psi.size))
