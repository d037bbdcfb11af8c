"""Which irreps are kept of functions on a group or its cosets: those up to a frequency, or those of a list."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias, cast

from ..._values import require_count
from ...errors import RepresentationError
from ._cosets import has_finite_index
from ._representation import Irrep

if TYPE_CHECKING:
    from ._group import Group

Band: TypeAlias = int | Iterable[Irrep | str]
"""The highest frequency, or the irreps themselves or their labels."""

Kept: TypeAlias = tuple[Irrep, ...] | None


def kept_irreps(group: "Group", subgroup: "Group", given: object) -> tuple[int, Kept]:
    """The highest frequency, and the irreps of a list, in the order of `Group.irreps`.

    The latter is None for a frequency, and for a list that says the same where a frequency may be given, which are
    infinitely many cosets and the group itself, so that equal functions have equal values.

    Args:
        group: G.
        subgroup: H.
        given: the band.

    Raises:
        RepresentationError: neither; an empty list, an irrep twice, or one of another group.
    """
    if isinstance(given, str | bytes) or not _iterates(given):
        if isinstance(given, str):
            raise RepresentationError(
                f"max_frequency: expected an integer >= 0, or a list of irreps or labels, got {given!r}; "
                f"pass [{given!r}]"
            )
        return require_count("max_frequency", given, RepresentationError), None
    chosen = [_irrep(group, one) for one in cast("Iterable[object]", given)]
    if not chosen or len(set(chosen)) < len(chosen):
        what = "one of them twice" if chosen else "an empty list"
        raise RepresentationError(
            f"max_frequency: expected an integer >= 0, or a list of different irreps or labels, got {what}"
        )
    highest = max(psi.frequency for psi in chosen)
    below = group.irreps(highest)
    known = group.irreps() if group.is_finite else below
    kept = tuple(psi for psi in known if psi in set(chosen))
    is_band = kept == below and (subgroup == group.trivial_subgroup or not has_finite_index(group, subgroup))
    return highest, None if is_band else kept


def _iterates(given: object) -> bool:
    try:
        iter(given)  # type: ignore[call-overload]
    except TypeError:  # also of arrays without axes
        return False
    return True


def _irrep(group: "Group", given: object) -> Irrep:
    if isinstance(given, str):
        return group.irrep(given)
    if isinstance(given, Irrep) and given.group == group:
        return given
    raise RepresentationError(f"max_frequency: expected irreps of {group!r} or their labels, got {given!r}")
