"""Whether kernels are steerable."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from .._values import Array, as_numbers, require_count
from ..errors import FieldTypeError, ShapeError, SteerError
from ..reps import Representation
from ._elements import require_elements
from ._tolerance import require_tolerance


@runtime_checkable
class KernelSampler(Protocol):
    """What `assert_kernel_constraint` asks of a kernel basis; `steer.kernels.kernel_basis` returns one."""

    in_rep: Representation
    out_rep: Representation

    def sample(self, points: Array) -> npt.ArrayLike:
        """(len, out, in, m): the basis at points (m, d)."""
        ...


Kernel = Callable[[Array], npt.ArrayLike]


def assert_kernel_constraint(
    kernel: KernelSampler | Kernel,
    in_rep: Representation | None = None,
    out_rep: Representation | None = None,
    *,
    elements: npt.ArrayLike | None = None,
    points: npt.ArrayLike | None = None,
    seed: int = 0,
    tolerance: float = 1e-10,
) -> None:
    """Raise an AssertionError unless a kernel is steerable: K(g x) = rho_out(g) K(x) rho_in(g)^-1.

    Args:
        kernel: a kernel basis (`sample(points)` -> (len, out, in, m)), or a function of points -> (out, in, m).
        in_rep: representation of the input; that of the basis when None.
        out_rep: representation of the output; that of the basis when None.
        elements: (n, d, d) group elements; all of a finite group up to order 48, else 16 random ones.
        points: (m, d); 20 random points with standard deviation 1.5 and the origin when None.
        seed: seed of the random elements and points.
        tolerance: largest residual relative to the largest value of the kernel, a number >= 0.

    Raises:
        AssertionError: names the element that fails and by how much.
        FieldTypeError: a function was given without its representations.
        GroupError: `elements` are no matrices of the group.
        ShapeError: `points` are no points of its space.
        SteerError: there is nothing to compare: no elements, no points, or kernels that are zero at all points (a basis
            without kernels passes); or `tolerance` is no number >= 0.
    """
    source = in_rep if in_rep is not None else getattr(kernel, "in_rep", None)
    target = out_rep if out_rep is not None else getattr(kernel, "out_rep", None)
    if source is None or target is None:
        raise FieldTypeError("in_rep, out_rep: a kernel that is a plain function needs both representations")
    group = source.group
    seed = require_count("seed", seed, SteerError)
    if elements is None:
        elements = group.elements if group.order <= 48 else group.sample(16, seed)
    given = require_elements(group, elements)
    limit = require_tolerance(tolerance)
    if points is None:
        random = np.random.default_rng(seed).normal(0, 1.5, (20, group.dim))
        points = np.concatenate([random, np.zeros((1, group.dim))])
    where = as_numbers("points", points, ShapeError, f"points (m, {group.dim})")
    if where.ndim != 2 or where.shape[1] != group.dim or not len(where):
        raise ShapeError(f"points: expected at least one point, of shape (m, {group.dim}), got shape {where.shape}")

    at_points = _sample(kernel, where, target.size, source.size)
    scale = np.abs(at_points).max(initial=0.0)
    if not at_points.size:  # of no kernels everything holds
        return
    if scale == 0:
        raise SteerError(
            f"points: the kernel is zero at all {len(where)} points, so that nothing is compared; pass others"
        )
    for g, move in zip(given, group.action(given), strict=True):
        expected = np.einsum("oq,bqpm,ip->boim", target(g), at_points, source(g))
        residual = np.abs(_sample(kernel, where @ move.T, target.size, source.size) - expected) / scale
        worst = residual.max(initial=0.0)
        if not worst <= limit:
            index = np.unravel_index(np.argmax(residual), residual.shape)
            raise AssertionError(
                f"the kernel from {source!r} to {target!r} breaks K(g x) = rho_out(g) K(x) rho_in(g)^-1: "
                f"for g = {g.tolist()}, x = {where[index[-1]].tolist()} the relative residual of element {index[0]} "
                f"is {worst:.3g}, above {limit:.3g}"
            )


def _sample(kernel: KernelSampler | Kernel, points: Array, out: int, into: int) -> Array:
    values = kernel.sample(points) if isinstance(kernel, KernelSampler) else kernel(points)
    return np.asarray(values, dtype=np.float64).reshape(-1, out, into, len(points))
