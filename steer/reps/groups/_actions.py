"""Groups that act on space through an orthogonal representation of theirs, not necessarily faithful, or not at all."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._values import Array
from ...errors import RepresentationError
from ..theory._group import Group, require_group
from ..theory._lattice import Moves
from ..theory._representation import Representation


def with_action(group: Group, rep: Representation | None) -> "GroupAction":
    """A group that acts on R^d through an orthogonal representation of size d, or not at all.

    Its elements, irreps and labels are those of `group`; `dim`, `action`, `vector` and `harmonic` are those of the
    action. So D4 may act on the plane through its quotient D2, with `rep` the sum of "B1" and "B2"; or on no space at
    all (d = 0), for networks on features without positions. Its subgroups act by restriction. Any representation of
    `group` becomes one of this group, and the other way round, by `Representation.restrict`.

    Args:
        group: any group.
        rep: a representation of it with 1, 2 or 3 components, in the order (x, y[, z]), or None for no action. Of
            one component it acts on a line: with the trivial one, sequences whose channels alone the group turns.

    Returns:
        The group with that action, a frozen value.

    Raises:
        GroupError: `group` is not a group.
        RepresentationError: `rep` is not a representation of `group`, or has more than 3 components.

    Example:
        >>> import steer
        >>> D4 = steer.group("D4", dim=2)
        >>> G = steer.reps.with_action(D4, D4.irrep("B1") + D4.irrep("B2"))
        >>> G.dim, G.vector(D4.elements[1]).round(12).tolist()
        (2, [[-1.0, 0.0], [0.0, -1.0]])
    """
    group = require_group("group", group)
    if rep is None:
        return GroupAction(group, None)
    if not isinstance(rep, Representation):
        raise RepresentationError(f"rep: expected a representation of {group!r}, or None for no action, got {rep!r}")
    if rep.group != group:
        raise RepresentationError(f"rep: expected a representation of {group!r}, got one of {rep.group!r}")
    if rep.size > 3:
        raise RepresentationError(f"rep: expected 1, 2 or 3 components (x, y[, z]), got {rep.size} of {rep!r}")
    return GroupAction(group, rep)


def _of_base(name: str) -> Any:
    """An attribute or method that is that of the group that acts."""
    return property(lambda self: getattr(self.base, name))


@dataclass(frozen=True, repr=False)
class GroupAction(Group):
    """A group that acts on space through a representation; get one from `steer.reps.with_action`.

    Args:
        base: the group that acts.
        by: the representation, None for no action.
    """

    base: Group
    by: Representation | None

    name = _of_base("name")
    order = _of_base("order")
    element_size = _of_base("element_size")
    generators = _of_base("generators")
    components = _of_base("components")
    identity_component = _of_base("identity_component")
    frame = _of_base("frame")
    standard = _of_base("standard")
    haar = _of_base("haar")
    sample = _of_base("sample")
    _inverse = _of_base("_inverse")
    _labels = _of_base("_labels")
    _known_label = _of_base("_known_label")
    _irrep_data = _of_base("_irrep_data")
    _irreps_at = _of_base("_irreps_at")
    _distance = _of_base("_distance")
    _nearest = _of_base("_nearest")
    _projected = _of_base("_projected")
    _closed_clebsch_gordan = _of_base("_closed_clebsch_gordan")

    def __repr__(self) -> str:
        return f"steer.reps.with_action({self.base!r}, {self.by!r})"

    @property
    def dim(self) -> int:
        return 0 if self.by is None else self.by.size

    def _action(self, g: Array) -> Array:
        return np.zeros((*g.shape[:-2], 0, 0)) if self.by is None else self.by._matrices(g)

    @property
    def _action_degree(self) -> int:
        return 0 if self.by is None else self.by._degree

    def _grid_symmetries(self) -> Array:
        small = self._lattice_symmetry
        known = self.base._some_elements() if small is None else small.elements
        return self._on_grid(known if self.is_finite else np.concatenate([known, self.sample(4, 0)]))

    def _finite_with(self, moves: Moves) -> "GroupAction | None":
        found = self.base._finite_with(moves)
        return None if found is None else self._through(found)

    @property
    def _bare(self) -> Group:
        return self.base._bare

    def _lifted(self, subgroup: Group, small: Group) -> "GroupAction":
        return self._through(self.base._lifted(subgroup._bare, small._bare))

    _dimension = _of_base("_dimension")
    _stretch = _of_base("_stretch")

    def _through(self, subgroup: Group) -> "GroupAction":
        return GroupAction(subgroup, None if self.by is None else self.by.restrict(subgroup))

    @property
    def trivial_subgroup(self) -> "GroupAction":
        return self._through(self.base.trivial_subgroup)

    def subgroup(self, name: str, **where: object) -> "GroupAction":
        """The subgroup called `name`, with the action of this group.

        Args:
            name: as for the group that acts.
            **where: as for the group that acts.

        Returns:
            The subgroup, acting by the restricted representation.

        Raises:
            GroupError: there is no such subgroup.
        """
        return self._through(self.base.subgroup(name, **where))

    def subgroups(self, max_order: int = 12) -> tuple["GroupAction", ...]:
        return tuple(self._through(small) for small in self.base.subgroups(max_order))
