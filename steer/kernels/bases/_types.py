"""What kernels are asked for with is checked here, before anything reads it: representations, types, functions."""

from collections.abc import Iterable

from ...errors import KernelError
from ...reps import Fields, Representation
from ._functions import ScalarFunctions


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
        KernelError: they are not.
    """
    if radial is not None and not isinstance(radial, ScalarFunctions):
        raise KernelError(
            f"radial: expected scalar functions such as steer.kernels.Rings.for_kernel((5, 5)), got {radial!r}; "
            f"steer.kernels.functions_for gives those of a name"
        )


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
    fields = () if isinstance(given, Representation) or not isinstance(given, Iterable) else tuple(given)
    if not fields or not all(isinstance(rep, Representation) for rep in fields):
        raise KernelError(f"{name}: expected a FieldType or a list of representations, got {given!r}")
    return fields
