"""What all subgroups of O(3) are: a form in a setting, and the search for subgroups along their axes."""

import functools
import math
from abc import abstractmethod
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._values import MEMBERSHIP, MOST_VALUES, NEAR, Array, as_numbers, frozen, require_count, require_room
from ...errors import GroupError
from ..theory._group import Group, require_where
from ..theory._lattice import Moves, signed_permutations
from ..theory._representation import Irrep, IrrepData, Representation
from ._angles import radians
from ._axial import AxialForm
from ._circle import dihedral, on_circles, turned, vector_frame
from ._form import Form, cube_rotations
from ._names import all_forms, named_form
from ._polyhedral import PolyhedralForm
from ._rotations import RotationForm
from ._settings import (
    STANDARD,
    Setting,
    about_z,
    canonical_setting,
    frame_of,
    perpendicular,
    ranks,
    snapped,
    tilt,
    unit_vector,
    upward,
)


class SpatialGroup(Group):
    """A closed subgroup of O(3): its standard form H turned by a frame, R H R^-1; get one from `steer.group`.

    Axial, polyhedral and rotation groups are its subclasses; the frame is `Group.frame`.
    """

    setting: Setting

    @property
    @abstractmethod
    def form(self) -> Form:
        """What its family says of the group in the standard setting."""

    def in_frame(self, frame: npt.ArrayLike) -> "SpatialGroup":
        """The group R G R^-1, with G this group in the standard setting.

        Args:
            frame: the rotation R (3, 3).

        Returns:
            The turned group; equal for frames that give the same matrices.

        Raises:
            GroupError: `frame` is not a rotation.
        """
        frame = as_numbers("frame", frame, GroupError, "a rotation, a matrix of shape (3, 3)")
        if frame.shape != (3, 3) or not float(RotationForm(False).distance(frame)) < NEAR:
            raise GroupError(f"frame: expected a rotation, a matrix of shape (3, 3), got {frame!r}")
        if self.form.is_isotropic:
            return self
        if np.array_equal(frame, np.eye(3)):
            return self.standard
        return in_setting(self.form, canonical_setting(frame, self.form.normalizer))

    @property
    def name(self) -> str:
        return self.form.name

    @property
    def order(self) -> int | float:
        return self.form.order

    @property
    def has_secondary(self) -> bool:
        """Whether turning the group about its first axis gives another group."""
        return self.form.has_secondary

    @property
    def is_isotropic(self) -> bool:
        """Whether the group is the same in every frame: O(3), SO(3), the inversion and the trivial group."""
        return self.form.is_isotropic

    @property
    def dim(self) -> int:
        return 3

    @property
    def frame(self) -> Array:
        return self.setting.matrix

    @functools.cached_property
    def standard(self) -> "SpatialGroup":
        return in_setting(self.form, STANDARD)

    def __repr__(self) -> str:
        if self.setting.is_standard:
            return f"steer.group({self.name!r}, dim=3)"
        second = f", secondary={radians(self.setting.turn)!r}" if self.setting.turn else ""
        return f"steer.group('O(3)', dim=3).subgroup({self.name!r}, axis={self.setting.axis}{second})"

    def _turned(self, g: Array) -> Array:
        """R g R^-1."""
        return np.asarray(snapped(self.frame @ g @ self.frame.T)) if not self.setting.is_standard else g

    def _unturned(self, g: Array) -> Array:
        """R^-1 g R."""
        return np.asarray(snapped(self.frame.T @ g @ self.frame)) if not self.setting.is_standard else g

    @functools.cached_property
    def generators(self) -> Array:
        return frozen(self._turned(self.form.generators))

    @functools.cached_property
    def identity_component(self) -> Array:
        return frozen(self._turned(self.form.identity_component))

    @functools.cached_property
    def components(self) -> Array:
        return frozen(self._turned(self.form.components))

    def haar(self, max_degree: int = 0) -> tuple[Array, Array]:
        max_degree = require_count("max_degree", max_degree, GroupError)
        self._require_nodes(max_degree)
        return _haar(self, 0 if self.is_finite else max_degree)

    def _draw(self, n: int, rng: "np.random.Generator") -> Array:
        return super()._draw(n, rng) if self.is_finite else self._turned(self.form.draw(n, rng))

    def _distance(self, g: Array) -> Array:
        return super()._distance(g) if self.is_finite else self.form.distance(self._unturned(g))

    def _projected(self, g: Array) -> Array:
        return super()._projected(g) if self.is_finite else self._turned(self.form.projected(self._unturned(g)))

    def _nearest(self, g: Array) -> npt.NDArray[np.intp]:
        return self.form.nearest(self._unturned(g))

    def _grid_symmetries(self) -> Array:
        candidates = signed_permutations(3)
        return np.asarray(candidates[self._contains(candidates)])

    @property
    def _axes(self) -> str:
        return self.form.axes

    @property
    def _connected(self) -> "SpatialGroup | None":
        found = self.form.connected
        return None if found is None else in_setting(found, STANDARD).in_frame(self.frame)

    def _finite_with(self, moves: Moves) -> "SpatialGroup | None":
        form, inner = self.form, self._connected
        if isinstance(form, RotationForm) and inner is not None:
            frame = vector_frame(*inner.haar(2), moves)
            if frame is None:
                return in_setting(AxialForm("S" if form.inversion else "C", 1), STANDARD)
            return in_setting(PolyhedralForm("Oh" if form.inversion else "O"), STANDARD).in_frame(frame)
        if not isinstance(form, AxialForm):
            return None
        found = on_circles(self._about_axis, self.components, moves)
        count, axis = dihedral((self.frame.T @ found @ self.frame)[:, :2, :2])
        even = AxialForm(form.family, math.lcm(2, count))  # only with these C_nh and D_nh have the inversion
        return in_setting(even, STANDARD).in_frame(self.frame @ about_z(axis or Fraction(0)))

    def _about_axis(self, angle: Array) -> Array:
        """(n, 3, 3): the rotations about the first axis by angles (n,)."""
        planar = np.tile(np.eye(3), (len(angle), 1, 1))
        planar[:, :2, :2] = turned(angle)
        return np.asarray(self.frame @ planar @ self.frame.T)

    # Irreps ---------------------------------------------------------------------------------------------------------

    def _labels(self, max_frequency: int | None) -> tuple[str, ...]:
        return self.form.labels(max_frequency)

    def _known_label(self, label: str) -> str:
        return self.form.known_label(label)

    def _irrep_data(self, label: str) -> IrrepData | None:
        found = self.form.irrep(label)
        if found is None or self.setting.is_standard:
            return found
        at = found.matrices
        return found._replace(matrices=lambda g: at(self._unturned(g)))

    def _irreps_at(self, irreps: Collection[Irrep], g: Any) -> dict[Irrep, Any]:
        frame = g.new_tensor(self.frame)
        return self.form.irreps_at(irreps, g if self.setting.is_standard else frame.T @ g @ frame)

    def _harmonic(self, degree: int) -> Representation:
        label = self.form.harmonic(degree)
        if label is not None:
            return self.irrep(label)
        return RotationGroup(True).irrep(f"{degree}{'eo'[degree % 2]}").restrict(self)

    def _closed_clebsch_gordan(self, first: Irrep, second: Irrep, out: Irrep) -> Array | None:
        return self.form.closed_clebsch_gordan(first, second, out)

    @property
    def trivial_subgroup(self) -> "SpatialGroup":
        return AxialGroup("C", 1)

    # Subgroups ------------------------------------------------------------------------------------------------------

    def subgroup(self, name: str, **where: object) -> "SpatialGroup":
        """The subgroup called `name`, as literally the same matrices.

        It is R H R^-1 with H the group of that name in the standard setting and R its `frame`.

        Args:
            name: as `steer.group` takes it, "C4v" or "4mm".
            **where: `axis` and `secondary`, where z and x of the subgroup's standard setting lie.

                `axis` is that of the principal rotation (of Cs, the mirror's normal): a vector (x, y, z) of any length,
                or "x", "y", "z". By default z, or else the first axis that fits.

                `secondary` is the first perpendicular two-fold axis, or lies in the mirror plane of C_nv: a vector
                perpendicular to the axis, or an angle about it in radians, counted from where the smallest rotation of
                z to the axis takes x. By default the first that fits.

        Returns:
            A group of the same matrices.

        Raises:
            GroupError: there is no such subgroup, or not along these axes.
        """
        axis, secondary = require_where(self.name, where, ("axis", "secondary"))
        small = parse_spatial(name)
        if axis is None and secondary is None and small <= self:
            return small
        along = None if axis is None else upward(unit_vector("axis", axis))
        if secondary is not None and not small.standard.has_secondary:
            raise GroupError(f"secondary: {small.name} has no secondary axis; leave it out")
        fitting = _fitting(self, small.standard, along, secondary)
        if len(fitting):
            return small.standard.in_frame(fitting[0])
        raise GroupError(self._no_subgroup(small, axis, secondary))

    def _no_subgroup(self, small: "SpatialGroup", axis: object, secondary: object) -> str:
        fitting = _fitting(self, small.standard, None, None)
        if not len(fitting):
            known = ", ".join(dict.fromkeys(group.name for group in self.subgroups()))
            return f"name: {small.name} is not a subgroup of {self.name}; its subgroups are {known}"
        argument, value = ("axis", axis) if secondary is None else ("secondary", secondary)
        places = sorted({small.standard.in_frame(frame).setting.axis for frame in fitting})
        shown = ", ".join(str(tuple(round(value, 4) for value in place)) for place in places[:8])
        return (
            f"{argument}: {self.name} has no subgroup {small.name} there, got {value!r}; "
            f"it has one along {shown}{', ...' if len(places) > 8 else ''}"
        )

    def subgroups(self, max_order: int = 12) -> tuple["SpatialGroup", ...]:
        max_order = require_count("max_order", max_order, GroupError)
        if self.is_finite:
            what, advice = f"the search for the subgroups of {self.name}", "ask for one with .subgroup(name)"
            require_room("subgroups", what, self.order**2, advice, GroupError)
        else:
            what, advice = f"the subgroups of {self.name} up to order {max_order:,}", "take a lower order"
            require_room("max_order", what, 7 * max_order, advice, GroupError, MOST_VALUES)
        return _subgroups(self, 0 if self.is_finite else max_order)


@dataclass(frozen=True, repr=False)
class AxialGroup(SpatialGroup):
    """A group of one axis of R^3: C_n, C_nv, C_nh, S_2n, D_n, D_nh, D_nd, n up to infinity; get one from `steer.group`.

    Only one of several names of a group is used: C_1v is a tilted C_s, D_1 a tilted C_2.

    Args:
        family: "C", "Cv", "Ch", "S", "D", "Dh" or "Dd".
        n: the n of the name, None for infinity; S is named by n as S_2n is.
        setting: where the axes lie; the standard setting unless it comes from `Group.subgroup`.
    """

    family: str
    n: int | None
    setting: Setting = STANDARD

    @functools.cached_property
    def form(self) -> AxialForm:
        return AxialForm(self.family, self.n)


@dataclass(frozen=True, repr=False)
class PolyhedralGroup(SpatialGroup):
    """A polyhedral group: T, Td, Th, O, Oh, I or Ih; get one from `steer.group`.

    Irreps at g are those of the rotation det(g) g, times det g for the odd ones of Th, Oh, Ih. E is the action on (2
    z^2 - x^2 - y^2, x^2 - y^2); T (T1) is the action on (x, y, z); T2 of O the one on (yz, zx, xy); T2 of I is T1 with
    sqrt(5) -> -sqrt(5), G the sum-zero part of the permutations of five tetrahedra, H the harmonics of degree 2.

    Args:
        family: the name.
        setting: where the axes lie; the standard setting unless it comes from `Group.subgroup`.
    """

    family: str
    setting: Setting = STANDARD

    @functools.cached_property
    def form(self) -> PolyhedralForm:
        return PolyhedralForm(self.family)


@dataclass(frozen=True, repr=False)
class RotationGroup(SpatialGroup):
    """The rotations of space SO(3), or O(3) with the inversion; get one from `steer.group`.

    The irreps of SO(3) are "0", "1", ...: the Wigner matrices D_l in the basis of `steer.reps.harmonics`, so "1" is the
    vector (x, y, z). Those of O(3) are even or odd under the inversion, "0e", "0o", "1e", "1o", ...: D_l of det(g) g,
    times det g if odd; "1o" is the vector, "1e" the axial vector, and degree l of the harmonics has parity (-1)^l.

    Args:
        inversion: whether the group is O(3).
    """

    inversion: bool
    setting: Setting = field(default=STANDARD, init=False)

    @functools.cached_property
    def form(self) -> RotationForm:
        return RotationForm(self.inversion)


def in_setting(form: Form, setting: Setting) -> SpatialGroup:
    """The group of a form in a setting."""
    if isinstance(form, AxialForm):
        return AxialGroup(form.family, form.n, setting)
    if isinstance(form, PolyhedralForm):
        return PolyhedralGroup(form.family, setting)
    assert isinstance(form, RotationForm), "there are three families of forms"
    return RotationGroup(form.inversion)


def parse_spatial(name: object) -> SpatialGroup:
    """The subgroup of O(3) of that name in the standard setting, the same object each time.

    Raises:
        GroupError: no group has that name.
    """
    if not isinstance(name, str):
        raise GroupError(f"name: expected a string such as 'Oh' or 'SO(3)', got {name!r}")
    return _parse(name)


@functools.lru_cache(maxsize=1024)
def _parse(name: str) -> SpatialGroup:
    form, frame = named_form(name)
    return in_setting(form, STANDARD).in_frame(frame)


@functools.lru_cache(maxsize=16)
def all_groups(highest: int, multiple: int = 0) -> tuple[SpatialGroup, ...]:
    """Every closed subgroup of O(3) up to conjugation, axial families up to n = `highest`: one of each name.

    If `multiple` is given, only the axial families whose n divides it.
    """
    return tuple(in_setting(form, STANDARD) for form in all_forms(highest, multiple))


@functools.lru_cache(maxsize=256)
def _haar(group: SpatialGroup, max_degree: int) -> tuple[Array, Array]:
    return frozen(group._turned(group.form.nodes(max_degree))), frozen(group.form.weights(max_degree))


@functools.lru_cache(maxsize=512)
def directions(group: SpatialGroup) -> Array:
    """(n, 3): the axes of a finite group's rotations and the normals of its mirrors, those nearest to z, then x, first.

    Of a continuous group, the axes of its frame: every subgroup is conjugate to one along these.
    """
    if not group.is_finite:
        return frozen([upward(axis) for axis in group.frame.T[[2, 0, 1]]])
    proper = group.elements * np.linalg.det(group.elements).round()[:, None, None]
    found: list[Array] = []
    for g in proper:
        if np.trace(g) > 3 - MEMBERSHIP:
            continue
        # (g + g^T) / 2 = cos(t) + (1 - cos t) a a^T: the longest column points along the axis a
        spread = (g + g.T) / 2 - (np.trace(g) - 1) / 2 * np.eye(3)
        column = spread[:, np.argmax(np.diagonal(spread))]
        axis = upward(column / np.linalg.norm(column))
        found.append(axis)
    left, distinct = np.reshape(found, (-1, 3)), []
    while len(left):
        distinct.append(left[0])
        left = left[np.linalg.norm(left - left[0], axis=1) > MEMBERSHIP]
    axes = np.reshape(distinct, (-1, 3))
    order = np.lexsort(ranks(np.column_stack([np.abs(axes[:, [2, 0]]), axes])).T[::-1])
    return frozen(axes[order[::-1]])


def _fitting(group: SpatialGroup, small: SpatialGroup, axis: Array | None, secondary: object) -> Array:
    """(n, 3, 3): frames in which `small` is a subgroup, in order of preference.

    They give all subgroups of that name of a finite group, and one of each conjugacy class of a continuous one.
    """
    frames = np.reshape(list(_frames(group, small, axis, secondary)), (-1, 3, 3))
    return np.asarray(frames[_inside(group, small, frames)])


def _inside(group: SpatialGroup, small: SpatialGroup, frames: Array) -> npt.NDArray[np.bool_]:
    """(n,): whether another group, turned by rotations `frames` (n, 3, 3), is inside of a group."""
    turned = frames[:, None] @ small.generators @ np.swapaxes(frames, 1, 2)[:, None]
    return np.asarray(group._contains(turned).all(axis=1))


def _frames(group: SpatialGroup, small: SpatialGroup, axis: Array | None, secondary: object) -> Iterator[Array]:
    axes = np.concatenate([np.eye(3)[2:], directions(group)]) if axis is None else axis[None]
    for along in axes:
        if not small.has_secondary:
            yield tilt(along)
        elif secondary is not None:
            yield frame_of(along, perpendicular(along, secondary))
        elif not isinstance(small.form, AxialForm) or group._contains(
            tilt(along) @ small.generators[0] @ tilt(along).T  # turns about the axis: the same for every secondary one
        ):
            first = tilt(along)[:, 0]
            known = np.concatenate([[first], directions(group), np.cross(along, directions(group))])
            for across in known[np.abs(known @ along) < MEMBERSHIP]:
                if np.linalg.norm(across) > 0.5:
                    yield frame_of(along, across / np.linalg.norm(across))


def _classes(group: SpatialGroup, small: SpatialGroup) -> list[SpatialGroup]:
    """One subgroup called like `small` of each conjugacy class, in the setting nearest to the standard one."""
    # Told apart as subgroups of the standard form, whose axes have simple numbers, and turned with the group.
    turns = group.standard.elements if group.is_finite else np.concatenate([cube_rotations(), -cube_rotations()])
    if (
        not group.is_finite
    ):  # the frames searched are made of the axes of its frame, which the cube's rotations exchange
        turns = turns[group.standard._contains(turns)]
    turns = turns * np.linalg.det(turns).round()[:, None, None]
    places: dict[SpatialGroup, SpatialGroup] = {}
    frames = _fitting(group, small, None, None)
    while len(frames):
        place = small.in_frame(group.frame.T @ frames[0])
        places.setdefault(place, small.in_frame(frames[0]))
        frames = frames[1:][~_inside(place, small, group.frame.T @ frames[1:])]
    traces = ranks(np.reshape([-np.trace(turned.frame) for turned in places.values()], (-1, 1)))[:, 0]
    left = [place for _, _, place in sorted(zip(traces, range(len(traces)), places, strict=True))]
    found = []
    while left:
        found.append(places[left[0]])
        turned = turns @ left[0].frame
        left = [place for place in left[1:] if not _inside(place, small, turned).any()]
    return found


@functools.lru_cache(maxsize=256)
def _subgroups(group: SpatialGroup, max_order: int) -> tuple[SpatialGroup, ...]:
    if group.is_finite:
        turns = group.elements * np.linalg.det(group.elements).round()[:, None, None]
        highest = 2 * len({round(float(trace), 6) for trace in np.trace(turns, axis1=1, axis2=2)})
        known = all_groups(highest, int(group.order))
        names = [small for small in known if small.is_finite and group.order % small.order == 0]
    else:
        names = [small for small in all_groups(max_order) if _is_listed(small, max_order)]
    found = [turned for small in names for turned in _classes(group, small)]
    return tuple(sorted(found, key=lambda small: small.order))


def _is_listed(small: SpatialGroup, max_order: int) -> bool:
    """Whether it is among the subgroups of a continuous group: continuous, polyhedral, or of a bounded order."""
    return not small.is_finite or not isinstance(small, AxialGroup) or small.order <= max_order
