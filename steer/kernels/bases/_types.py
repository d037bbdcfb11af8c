"""What kernels are asked for with is checked here, before anything reads it: representations, types, functions."""

import functools
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ..._values import Array, is_listing, require_ordered
from ...errors import KernelError
from ...reps import Fields, Representation
from ._functions import ScalarFunctions, require_value


def require_pair(in_rep: Representation, out_rep: Representation) -> None:
    """Raise an error unless both ends of a kernel are representations of one group.

    Raises:
        KernelError: one is none, or they are of two groups.
    """
    for name, rep in (("in_rep", in_rep), ("out_rep", out_rep)):
        if not isinstance(rep, Representation):
            raise KernelError(f"{name}: expected a representation such as group.regular, got {rep!r}")
    if in_rep.group != out_rep.group:
        raise KernelError(
            f"in_rep, out_rep: expected representations of one group, got {in_rep.group!r} and {out_rep.group!r}; "
            f"restrict one of them with .restrict(subgroup)"
        )


def require_functions(radial: ScalarFunctions | None) -> None:
    """Raise an error unless what kernels are to be made of are scalar functions, or left to a default.

    Raises:
        KernelError: they are not, or no values that compare, hash and print by what they hold.
    """
    if radial is not None and not isinstance(radial, ScalarFunctions):
        raise KernelError(
            f"radial: expected scalar functions such as steer.kernels.Rings.for_kernel((5, 5)), got {radial!r}; "
            f"steer.kernels.functions_for gives those of a name"
        )
    if radial is not None:
        require_value(radial)


@functools.lru_cache(maxsize=128)
def require_samples(functions: ScalarFunctions, dim: int) -> None:
    """Raise an error unless functions, perhaps of a user's own, have as many samples as they say.

    Raises:
        KernelError: they have others.
    """
    count = functions.count(dim)
    grid = functions.defined_on
    m = 5 if count != 5 else 6  # tells the two axes apart
    points = np.random.default_rng(0).normal(size=(m, dim)) if grid is None else np.resize(grid.points, (m, dim))
    shape = np.shape(functions.sample(points))
    if shape != (count, m):
        name = type(functions).__name__
        raise KernelError(
            f"basis: {name}.sample gives an array of shape {shape} at {m} points, expected {(count, m)}: "
            f"{count} functions, as {name}.count({dim}) says, in the first axis"
        )


def require_points(points: npt.ArrayLike, dim: int) -> Array:
    """Points at which kernels or functions are to be sampled, as an array (m, dim).

    Raises:
        KernelError: they are not that.
    """
    expected = f"points: expected an array of real numbers of shape (m, {dim})"
    try:
        given = np.asarray(points)
    except (TypeError, ValueError, RuntimeError) as error:  # rows of several lengths; tensors that are no arrays
        raise KernelError(f"{expected}, got {points!r}") from error
    if given.dtype.kind not in "biuf":
        raise KernelError(f"{expected}, got the dtype {given.dtype}")
    if given.ndim != 2 or given.shape[1] != dim:
        raise KernelError(f"points: expected an array of shape (m, {dim}), got {given.shape}")
    return np.asarray(given, dtype=np.float64)


def as_fields(in_type: Iterable[Representation], out_type: Iterable[Representation]) -> tuple[Fields, Fields]:
    """Both types of a map as lists of representations of one group.

    Raises:
        KernelError: one is none, or they are of two groups.
    """
    ends = _representations("in_type", in_type), _representations("out_type", out_type)
    groups = {rep.group for reps in ends for rep in reps}
    if len(groups) > 1:
        raise KernelError(
            f"in_type, out_type: expected fields of one group, got {' and '.join(sorted(map(repr, groups)))}; "
            f"restrict them to a common subgroup"
        )
    (group,) = groups
    return Fields(group, ends[0]), Fields(group, ends[1])


def _representations(name: str, given: Iterable[Representation]) -> tuple[Representation, ...]:
    require_ordered(name, given, KernelError)
    fields = () if isinstance(given, Representation) or not is_listing(given) else tuple(given)
    if not fields or not all(isinstance(rep, Representation) for rep in fields):
        raise KernelError(f"{name}: expected a FieldType or a list of representations, got {given!r}")
    return fields
