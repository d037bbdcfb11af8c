"""The closed subgroups of O(2): C_n, D_n, SO(2), O(2).

One class for the four families: n rotations (or all of them), with or without reflections. The elements are the
rotations R(2 pi k / n) for k = 0..n-1, then the reflections R(2 pi k / n) R(axis) F R(axis)^-1 with F = diag(1, -1):
the first reflection keeps the direction `axis`.
"""

import functools
import math
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._values import MEMBERSHIP, MOST_VALUES, Array, frozen, require_count, require_room, torch_of
from ...errors import GroupError, nearest
from ..theory._group import Group, require_where
from ..theory._lattice import Moves, signed_permutations
from ..theory._representation import Irrep, IrrepData, Representation
from ._angles import (
    angular_distance,
    canonical_turn,
    nearest_on_circle,
    nearest_turn,
    radians,
    require_fold,
    rotation_matrices,
    rotation_matrix,
)
from ._circle import dihedral, on_circles, turned


@functools.lru_cache(maxsize=256)
def _uniform(n: int, reflections: bool, axis: Fraction) -> tuple[Array, Array]:
    """All elements of C_n or D_n in order, and their equal weights; also a quadrature for SO(2) and O(2)."""
    flips = (False, True) if reflections else (False,)
    elements = frozen(np.concatenate([rotation_matrices(n, 2 * axis * flip, flip) for flip in flips]))
    return elements, frozen(np.full(len(elements), 1 / len(elements)))


@dataclass(frozen=True, repr=False)
class PlanarGroup(Group):
    """A closed subgroup of O(2): C_n, D_n, SO(2) or O(2); get one from `steer.group`.

    The elements are the rotations R(2 pi k / n) for k = 0..n-1, then the reflections R(2 pi k / n) R(a) F R(a)^-1 with
    F = diag(1, -1) and a the direction of the first reflection axis.

    Args:
        rotations: n, None for all rotations.
        reflections: whether there are reflections.
        axis: the direction a as a fraction of pi, the first of the group's axes that has an angle >= 0.

    Attributes:
        known: `axis` as a simple fraction or rounded to 1e-8, the number by which groups are equal, and print.
    """

    rotations: int | None
    reflections: bool
    axis: Fraction = field(default=Fraction(0), compare=False)
    known: Fraction = field(init=False)

    def __post_init__(self) -> None:
        known = axis = Fraction(0)
        if self.axis and self.reflections and self.rotations:
            known, axis = canonical_turn(self.axis, Fraction(1, self.rotations))
        object.__setattr__(self, "known", known)
        object.__setattr__(self, "axis", axis)

    @property
    def name(self) -> str:
        if self.rotations is None:
            return "O(2)" if self.reflections else "SO(2)"
        return f"{'D' if self.reflections else 'C'}{self.rotations}"

    def __repr__(self) -> str:
        if self.known:
            return f"steer.group('O(2)', dim=2).subgroup({self.name!r}, axis={radians(self.known)!r})"
        return f"steer.group({self.name!r}, dim=2)"

    @property
    def dim(self) -> int:
        return 2

    @property
    def order(self) -> int | float:
        return math.inf if self.rotations is None else self.rotations * (1 + self.reflections)

    @functools.cached_property
    def generators(self) -> Array:
        flips = [rotation_matrix(2 * self.axis, True)] if self.reflections else []
        if self.rotations is None:
            return frozen([*self.identity_component, *flips])
        turns = [rotation_matrix(Fraction(2, self.rotations))] if self.rotations > 1 else []
        return frozen(np.reshape(turns + flips, (-1, 2, 2)))

    @functools.cached_property
    def identity_component(self) -> Array:
        # Rotations by multiples of one radian are dense in SO(2), because pi is irrational.
        c, s = math.cos(1.0), math.sin(1.0)
        return frozen(np.zeros((0, 2, 2)) if self.rotations else [[[c, -s], [s, c]]])

    @property
    def components(self) -> Array:
        return _uniform(self.rotations or 1, self.reflections, self.axis)[0]

    @property
    def frame(self) -> Array:
        return frozen(rotation_matrix(self.axis))

    @property
    def standard(self) -> "PlanarGroup":
        return PlanarGroup(self.rotations, self.reflections)

    def haar(self, max_degree: int = 0) -> tuple[Array, Array]:
        max_degree = require_count("max_degree", max_degree, GroupError)
        self._require_nodes(max_degree)
        return _uniform(self.rotations or max_degree + 1, self.reflections, self.axis)

    def _draw(self, n: int, rng: "np.random.Generator") -> Array:
        if self.is_finite:
            return super()._draw(n, rng)
        angle = rng.uniform(0, 2 * np.pi, n)
        sign = np.where(rng.integers(2, size=n), -1.0, 1.0) if self.reflections else np.ones(n)
        c, s = np.cos(angle), np.sin(angle)
        return np.stack([np.stack([c, -s * sign], -1), np.stack([s, c * sign], -1)], -2)

    def _distance(self, g: Array) -> Array:
        found = []
        for sign in (1.0, -1.0) if self.reflections else (1.0,):
            first = 2 * np.pi * float(self.axis) if sign < 0 else 0.0
            found.append(angular_distance(g, sign, self.rotations, first))
        return np.asarray(np.minimum.reduce(found))

    def _nearest(self, g: Array) -> npt.NDArray[np.intp]:
        n = self.rotations or 1
        turn, overlap = nearest_turn(g, 1.0, n)
        if not self.reflections:
            return turn
        flip, other = nearest_turn(g, -1.0, n, 2 * np.pi * float(self.axis))
        return np.where(other > overlap, n + flip, turn)

    def _projected(self, g: Array) -> Array:
        if self.is_finite:
            return super()._projected(g)
        turned, overlap = nearest_on_circle(g, 1.0)
        if not self.reflections:
            return turned
        flipped, other = nearest_on_circle(g, -1.0)
        return np.where((other > overlap)[..., None, None], flipped, turned)

    def _grid_symmetries(self) -> Array:
        candidates = signed_permutations(2)
        return np.asarray(candidates[self._contains(candidates)])

    @property
    def _axes(self) -> str:
        return "plane"

    @property
    def _connected(self) -> "PlanarGroup | None":
        return PlanarGroup(None, False) if self.rotations is None else None

    def _finite_with(self, moves: Moves) -> "PlanarGroup":
        count, axis = dihedral(on_circles(turned, self.components, moves))
        return PlanarGroup(count, axis is not None, axis or Fraction(0))

    # Irreps ---------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def _finite_irreps(self) -> dict[str, IrrepData]:
        n = self.rotations or 0
        pairs = (n - 1) // 2
        out = {label: self._irrep_of(label, 0) for label in (("A1", "A2") if self.reflections else ("A",))}
        out |= {
            label: self._irrep_of(label, k) for k in range(1, pairs + 1) for label in [f"E{k}" if pairs > 1 else "E"]
        }
        if n % 2 == 0:
            out |= {label: self._irrep_of(label, n // 2) for label in (("B1", "B2") if self.reflections else ("B",))}
        return out

    def _irrep_of(self, label: str, frequency: int) -> IrrepData:
        """An irrep whose label is known to be one: of two components unless it is an A or B, or of frequency 0."""
        is_pair = frequency > 0 and label[0] != "B"
        odd = label in ("A2", "B2", "0-")
        kind = "complex" if is_pair and not self.reflections else "real"
        matrices = functools.partial(_at, float(self.axis), frequency, is_pair, odd)
        return IrrepData(1 + is_pair, frequency, kind, matrices)

    def _irrep_data(self, label: str) -> IrrepData | None:
        if self.rotations is not None:
            return self._finite_irreps.get(label)
        if self.reflections and label in ("0+", "0-"):
            return self._irrep_of(label, 0)
        if not re.fullmatch(r"0|[1-9][0-9]*", label) or (label == "0" and self.reflections):
            return None
        return self._irrep_of(label, int(label))

    def _labels(self, max_frequency: int | None) -> tuple[str, ...]:
        if self.rotations is not None:
            return tuple(
                k for k, v in self._finite_irreps.items() if max_frequency is None or v.frequency <= max_frequency
            )
        first = ("0+", "0-") if self.reflections else ("0",)
        return first + tuple(str(k) for k in range(1, (max_frequency or 0) + 1))

    def _irreps_at(self, irreps: Collection[Irrep], g: Any) -> dict[Irrep, Any]:
        return {psi: psi._matrices(g) for psi in irreps}

    # Subgroups ------------------------------------------------------------------------------------------------------

    @property
    def trivial_subgroup(self) -> "PlanarGroup":
        return PlanarGroup(1, False)

    def subgroup(self, name: str, **where: object) -> "PlanarGroup":
        """The subgroup called `name`.

        Args:
            name: "C{n}", "D{n}", "SO(2)" or "O(2)".
            **where: `axis`, for D{n} only: the direction of a reflection axis, an angle in radians or a vector (x, y).
                By default the first axis of this group.

        Returns:
            A group of the same matrices.

        Raises:
            GroupError: there is no such subgroup, or the axis is not one of this group's.
        """
        family = parse_planar(name)
        (axis,) = require_where(self.name, where, ("axis",))
        if axis is not None and not (family.reflections and family.rotations):
            raise GroupError(f"axis: {name} has no distinguished reflection axis; leave it out")
        turn = self.axis if axis is None else _axis_turn(axis)
        if family.reflections and family.rotations:
            family = PlanarGroup(family.rotations, True, turn)
        if not family <= self:
            raise GroupError(self._no_subgroup(family, axis))
        return family

    def _no_subgroup(self, family: "PlanarGroup", axis: object) -> str:
        if axis is not None and PlanarGroup(family.rotations or 1, True, self.axis) <= self:
            angles = f"multiples of pi/{self.rotations}" + (f" after {float(self.axis):.6g} pi" if self.axis else "")
            return f"axis: {axis!r} is not a reflection axis of {self.name}; its axes lie at {angles}"
        known = ", ".join(dict.fromkeys(group.name for group in self.subgroups()))
        return f"name: {family.name} is not a subgroup of {self.name}; its subgroups are {known}"

    def subgroups(self, max_order: int = 12) -> tuple["PlanarGroup", ...]:
        max_order = require_count("max_order", max_order, GroupError)
        if self.rotations is None:
            what, advice = f"the subgroups of {self.name} up to order {max_order:,}", "take a lower order"
            require_room("max_order", what, 2 * max_order, advice, GroupError, MOST_VALUES)
        orders = (
            range(1, max_order + 1)
            if self.rotations is None
            else [m for m in range(1, self.rotations + 1) if self.rotations % m == 0]
        )
        found = [PlanarGroup(m, False) for m in orders if self.is_finite or m <= max_order]
        if self.reflections:
            for m in orders:
                found.append(PlanarGroup(m, True, self.axis))
                # the axes of D_n alternate between two classes unless a rotation of D_n brings one to the other
                if self.rotations is not None and (self.rotations // m) % 2 == 0:
                    found.append(PlanarGroup(m, True, self.axis + Fraction(1, self.rotations)))
        if self.rotations is None:
            found = [group for group in found if group.order <= max_order] + [PlanarGroup(None, False)]
            found += [PlanarGroup(None, True)] if self.reflections else []
        return tuple(sorted(found, key=lambda group: (group.order, group.reflections, group.axis)))

    def _harmonic(self, degree: int) -> Representation:
        return PlanarGroup(None, True).irrep(str(degree) if degree else "0+").restrict(self)


def _at(axis: float, frequency: int, is_pair: bool, odd: bool, g: Any) -> Any:
    """(..., size, size): an irrep at elements g (..., 2, 2), arrays or tensors, if the first axis is at pi * axis."""
    xp: Any = torch_of(g) or np
    given, g = g, g if xp is np or g.device.type == "mps" else g.double()  # frequencies multiply errors of angles
    sign = xp.where(g[..., 0, 0] * g[..., 1, 1] - g[..., 0, 1] * g[..., 1, 0] < 0, -1.0, 1.0)
    # In the setting where the first axis is x, g is R(angle) diag(1, sign).
    angle = xp.arctan2(g[..., 1, 0], g[..., 0, 0]) - np.pi * axis * (1 - sign)
    c, s = xp.cos(frequency * angle), xp.sin(frequency * angle)
    if is_pair:
        found = xp.stack([xp.stack([c, -s * sign], -1), xp.stack([s, c * sign], -1)], -2)
    else:
        value = xp.round(c) if frequency else c**0
        found = (value * sign if odd else value)[..., None, None]
    return found if xp is np else found.to(given.dtype)


def _axis_turn(axis: object) -> Fraction:
    expected = f"axis: expected an angle in radians or a vector (x, y), got {axis!r}"
    try:
        value = np.asarray(axis, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GroupError(expected) from error
    if value.shape not in ((), (2,)) or not np.isfinite(value).all():
        raise GroupError(expected)
    if value.shape == (2,):
        if np.linalg.norm(value) < MEMBERSHIP:
            raise GroupError(f"axis: expected a direction, got a vector of length zero: {axis!r}")
        return Fraction(math.atan2(value[1], value[0]) / math.pi)
    return Fraction(float(value) / math.pi)


def parse_planar(name: object) -> PlanarGroup:
    """The planar group of that name in the standard setting, the same object each time.

    Raises:
        GroupError: the name is not one of C{n}, D{n}, SO(2), O(2).
    """
    if not isinstance(name, str):
        raise GroupError(f"name: expected a string such as 'C8' or 'O(2)', got {name!r}")
    return _parse(name)


@functools.lru_cache(maxsize=1024)
def _parse(name: str) -> PlanarGroup:
    if name in ("SO(2)", "O(2)"):
        return PlanarGroup(None, name == "O(2)")
    match = re.fullmatch(r"([CD])([0-9]+)", name)
    if match is None:
        known = ["SO(2)", "O(2)", *(f"{kind}{n}" for n in (1, 2, 3, 4, 6, 8, 12, 16) for kind in "CD")]
        raise GroupError(
            f"name: no planar group is called {name!r}; {nearest(name, known)} "
            f"The names are C{{n}}, D{{n}}, SO(2) and O(2)."
        )
    require_fold(match[2], name)
    return PlanarGroup(int(match[2]), match[1] == "D")
