"""Which elements of a group are compared: those of the lattice, and those that two groups have in common."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .._spacing import Spacing, as_spacing
from .._values import Array, as_numbers
from ..errors import GroupError, SteerError
from ..nn._fields._transform import LATTICES, lattice_steps
from ..reps import Group

MOST = 48
"""Elements of a finite group that are all compared; of a larger one some are."""


def grid_symmetries(group: Group, lattice: str = "square", *, spacing: Sequence[float] | float | None = None) -> Array:
    """The elements of a group that map a lattice of samples to itself, the identity first.

    Of a square (cubic) grid they are the signed permutation matrices in the group: quarter turns and flips; of the
    hexagonal lattice its elements in D6. In a direct product they stand beside all elements of an internal finite
    group, and of a group that acts on space through a representation they are those that move it like that. Of other
    continuous groups of these kinds they are some of many.

    Args:
        group: any group; of the plane for the hexagonal lattice.
        lattice: "square" (cubic in space) or "hexagonal".
        spacing: distances of neighbouring samples of the square lattice ([z,] y, x), in any unit; None where they are
            equal. No element is left that exchanges axes of different spacing.

    Returns:
        (n, d, d), float64.

    Raises:
        GroupError: `group` is none, or none of the plane for the hexagonal lattice.
        SteerError: no lattice has that name, or a spacing that is none, or one of hexagons.

    Example:
        >>> import steer
        >>> G = steer.group("SO(2)", dim=2)
        >>> len(steer.testing.grid_symmetries(G)), len(steer.testing.grid_symmetries(G, "hexagonal"))
        (4, 6)
        >>> O = steer.group("O", dim=3)  # thick slices: quarter turns about z, half turns about x
        >>> len(steer.testing.grid_symmetries(O)), len(steer.testing.grid_symmetries(O, spacing=(3.0, 1.0, 1.0)))
        (24, 8)
    """
    if not isinstance(group, Group):
        raise GroupError(f"group: expected a group such as steer.group('C4', dim=2), got {group!r}")
    steps = as_spacing(spacing, group.dim, SteerError)
    if require_lattice(lattice) == "square":
        found = group._grid_symmetries()
        return found if steps is None else found[lattice_steps(group.action(found), lattice, steps)[1]]
    if steps is not None:
        raise SteerError(f"spacing: the hexagonal lattice has one distance of neighbours, got {spacing!r}")
    if group.dim != 2:
        raise GroupError(f"group: the hexagonal lattice lies in the plane, got {group!r}")
    small = group._lattice_symmetry
    found = group._some_elements() if small is None else small.elements
    return np.asarray(found[lattice_steps(group.action(found), lattice)[1]])


def require_lattice(lattice: object) -> str:
    """The name of a lattice, or an error."""
    if not isinstance(lattice, str) or lattice not in LATTICES:
        raise SteerError(f"lattice: expected {' or '.join(map(repr, LATTICES))}, got {lattice!r}")
    return lattice


def is_inexact(group: Group, elements: Array, lattice: str, spacing: Spacing = None) -> bool:
    """Whether some elements do not map the lattice to itself."""
    return not bool(lattice_steps(group.action(elements), lattice, spacing)[1].all())


def require_elements(group: Group, elements: npt.ArrayLike) -> Array:
    """Elements (n, d, d) of a group, at least one, or an error that names the argument."""
    size = group.element_size
    given = as_numbers("elements", elements, GroupError, f"matrices of shape (n, {size}, {size}) for {group!r}")
    if given.ndim not in (2, 3) or given.shape[-2:] != (size, size):
        raise GroupError(
            f"elements: expected matrices of shape (n, {size}, {size}) for {group!r}, got shape {given.shape}"
        )
    if not given.size and size:
        raise SteerError("elements: expected at least one, got none, so that nothing is compared")
    return given.reshape(-1, size, size)


class Common(NamedTuple):
    """Elements of two groups that are the same, one by one, and the largest group that holds them, if it is known."""

    source: Array
    target: Array
    group: Group | None


def common_elements(
    source: Group,
    target: Group,
    elements: npt.ArrayLike | None,
    lattice: str,
    has_positions: bool,
    spacing: Spacing = None,
) -> Common:
    """The elements that are compared, in the group of the input and in that of the output.

    Args:
        source: the group of the input.
        target: the group of the output.
        elements: of the group of the input; None for those that map the lattice to itself.
        lattice: of the input.
        has_positions: whether the input has positions; else all elements act exactly, and are taken if those of the
            lattice are the identity alone.
        spacing: of the samples of the input.

    Raises:
        GroupError: some elements are not in both groups.
        SteerError: there are none besides the identity, so that there is nothing to check.
    """
    shared = common_group(source, target)
    if elements is not None:
        return _given(source, target, shared, elements)
    if shared is not None:
        found = grid_symmetries(shared, lattice, spacing=spacing)
        if len(found) == 1 and shared.order != 1 and not has_positions:
            found = shared.elements if shared.order <= MOST else shared.sample(16, 0)
        common = Common(embedded(source, shared, found), embedded(target, shared, found), shared)
    else:
        found = grid_symmetries(source, lattice, spacing=spacing)
        found = found[target.contains(found)] if source.element_size == target.element_size else found[:1]
        common = Common(found, found, None)
    if len(found) == 1 and source.order != 1:
        raise SteerError(
            f"elements: no element of {describe(source, target, common.group)} but the identity maps a {lattice} grid "
            f"to itself; pass elements= and a tolerance="
            if shared is None or shared.order != 1
            else f"elements: {source!r}, the group of the input, and {target!r}, that of the output, have the identity "
            f"alone in common, so that there is nothing to check; check the part before the change of group"
        )
    return common


def has_common_symmetry(source: Group, target: Group, lattice: str, spacing: Spacing = None) -> bool:
    """Whether an element that both groups have, besides the identity, maps the lattice to itself."""
    try:
        common_elements(source, target, None, lattice, True, spacing)
    except SteerError:
        return False
    return True


def describe(source: Group, target: Group, shared: Group | None) -> str:
    """The group under which is compared, for messages."""
    if source == target:
        return repr(source)
    ends = f"the groups of the input, {source!r}, and of the output, {target!r}"
    if shared is None:
        return f"what is common to {ends}"
    return f"{shared!r}, the common subgroup of {ends}"


def common_group(source: Group, target: Group) -> Group | None:
    """The smaller of two groups if the larger one holds it."""
    for big, small in ((source, target), (target, source)):
        if big == small:
            return big
        try:
            return big._named_subgroup(small, alike=False)
        except GroupError:
            continue
    return None


def embedded(group: Group, shared: Group, g: Array) -> Array:
    return g if shared == group else group._embed(shared, g)


def _given(source: Group, target: Group, shared: Group | None, elements: npt.ArrayLike) -> Common:
    """Elements that were asked for; of the group of the input, or of a common subgroup that has matrices of its own."""
    size = as_numbers("elements", elements, GroupError, f"matrices of {source!r}").shape[-1:]
    if shared is not None and shared.element_size != source.element_size and size == (shared.element_size,):
        g = require_elements(shared, elements)
        shared.action(g)
        return Common(embedded(source, shared, g), embedded(target, shared, g), shared)
    g = require_elements(source, elements)
    source.action(g)
    if source == target:
        return Common(g, g, source)
    inside = np.zeros(len(g), dtype=bool)
    if source.element_size == target.element_size:
        inside = target.contains(g)
    elif shared == source:
        return Common(g, target._embed(source, g), shared)
    if not inside.all():
        worst = g[int(np.argmin(inside))]
        raise GroupError(
            f"elements: {int((~inside).sum())} of {len(g)} are not in {describe(source, target, shared)}, such as "
            f"{worst.tolist()}; only elements of both act on the input and on the output"
        )
    return Common(g, g, shared)
