"""The check of every kernel basis: how far it is from K(g x) = rho_out(g) K(x) rho_in(g)^-1."""

import numpy as np

from ..._values import Array
from ...errors import KernelError
from ...reps import Representation
from ._basis import KernelBasis


def constraint_residual(basis: KernelBasis, *, points: Array | None = None, seed: int = 0) -> float:
    """The largest violation of K(g x) = rho_out(g) K(x) rho_in(g)^-1, relative to the largest entry of the kernels.

    Args:
        basis: the kernels.
        points: (m, d), coordinates in pixels; by default 16 random ones.
        seed: for the random points and, for a group of more than 16 elements, the random group elements.

    Returns:
        A number >= 0: about 1e-15 for the bases of this package.

    Raises:
        KernelError: the points do not fit the basis.

    Example:
        >>> import steer
        >>> G = steer.group("O(2)", dim=2)
        >>> basis = steer.kernels.kernel_basis(G.vector, G.irrep("2"), max_frequency=3)
        >>> steer.kernels.constraint_residual(basis) < 1e-12
        True
    """
    if not isinstance(getattr(basis, "in_rep", None), Representation) or not callable(getattr(basis, "sample", None)):
        raise KernelError(f"basis: expected what kernel_basis returns, got {basis!r}")
    group = basis.in_rep.group
    x = np.random.default_rng(seed).normal(size=(16, group.dim)) if points is None else points
    elements = group.elements if group.order <= 16 else group.sample(16, seed)
    at_x = basis.sample(x)
    worst = 0.0
    moves = group.action(elements)
    for move, left, right in zip(moves, basis.out_rep(elements), basis.in_rep(elements), strict=True):
        expected = np.einsum("pi,nijm,qj->npqm", left, at_x, right, optimize=True)
        worst = max(worst, float(np.abs(basis.sample(x @ move.T) - expected).max(initial=0.0)))
    return worst / max(float(np.abs(at_x).max(initial=0.0)), np.finfo(float).tiny)
