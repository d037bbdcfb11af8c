"""The axial subgroups of O(3), finite and continuous: C_n, C_nv, C_nh, S_2n, D_n, D_nh, D_nd for n up to infinity.

In the standard setting the axis is z, and every element is a planar part p in O(2) beside a sign s on z. The families
are rules for s: 1 in C_n and C_nv, det p in D_n, free in C_nh and D_nh, and alternating with the steps of the rotation
in S_2n (and times det p in D_nd, so that the perpendicular two-fold axes start at x). So every irrep is one of the
planar group of the p's, times s or not; labels are those of Mulliken.
"""

import functools
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from ..._values import Array, frozen, require_count
from ...errors import GroupError
from ..theory._representation import IrrepData
from ._angles import angular_distance
from ._planar import PlanarGroup
from ._settings import STANDARD, Setting, about_z, canonical_setting
from ._spatial import SpatialGroup, cube_rotations

FAMILIES = ("C", "Cv", "Ch", "S", "D", "Dh", "Dd")

TERM = re.compile(r"(Σ|Sigma|Π|Pi|Δ|Delta|Φ|Phi|Γ|Gamma)_?([gu]?)\^?([+-]?)")
TERM_FREQUENCY = {"Σ": 0, "S": 0, "Π": 1, "P": 1, "Δ": 2, "D": 2, "Φ": 3, "Γ": 4, "G": 4}


class _Entry(NamedTuple):
    """An irrep in terms of the planar group: its planar label, whether it is multiplied by s, and its data."""

    planar: str
    times_sign: bool
    data: IrrepData


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

    @property
    def name(self) -> str:
        special = {("Ch", 1): "Cs", ("S", 1): "Ci"}
        if (self.family, self.n) in special:
            return special[self.family, self.n or 0]
        size = "inf" if self.n is None else str(self.n * (2 if self.family == "S" else 1))
        return f"{self.family[0]}{size}{self.family[1:]}"

    @property
    def order(self) -> int | float:
        return self._planar.order * (2 if self._free else 1)

    def in_frame(self, frame: Array) -> "AxialGroup":
        if self.is_isotropic:
            return AxialGroup(self.family, self.n)
        return AxialGroup(self.family, self.n, canonical_setting(frame, self._normalizer))

    @property
    def is_isotropic(self) -> bool:
        """Whether the group is the same in every frame: the trivial group and the inversion."""
        return self.n == 1 and self.family in ("C", "S")

    @property
    def has_secondary(self) -> bool:
        return self.n is not None and self.family in ("Cv", "D", "Dh", "Dd")

    @functools.cached_property
    def _normalizer(self) -> Array | None:
        if not self.has_secondary:
            return None
        if self.n == 2 and self.family in ("D", "Dh"):
            return cube_rotations()
        turns = [about_z(Fraction(k, self.n or 1)) for k in range(2 * (self.n or 1))]
        return frozen([turn @ flip for turn in turns for flip in (np.eye(3), np.diag([1.0, -1.0, -1.0]))])

    # Elements -------------------------------------------------------------------------------------------------------

    @property
    def _planar(self) -> PlanarGroup:
        """The group of the planar parts."""
        rotations = None if self.n is None else self.n * (2 if self.family in ("S", "Dd") else 1)
        return PlanarGroup(rotations, self.family in ("Cv", "D", "Dh", "Dd"))

    @property
    def _free(self) -> bool:
        return self.family in ("Ch", "Dh")

    def _rule(self, step: Array, sign: Array) -> Array:
        """The sign s of elements with planar parts of determinant `sign`, turned by `step` steps."""
        out = sign if self.family[0] == "D" else np.ones_like(sign)
        return out * (-1.0) ** step if self.family in ("S", "Dd") else out

    def _nodes(self, max_degree: int) -> Array:
        planar = self._planar.haar(max_degree)[0]
        rotations = len(planar) // (1 + self._planar.reflections)
        s = self._rule((np.arange(len(planar)) % rotations).astype(np.float64), np.linalg.det(planar).round())
        proper = _beside(planar, s)
        return np.concatenate([proper, _beside(planar, -s)]) if self._free else proper

    def _components(self) -> Array:
        return self._nodes(0)

    def _draw(self, n: int, rng: "np.random.Generator") -> Array:
        planar = self._planar.sample(n, int(rng.integers(2**32)))
        s = self._rule(np.zeros(n), np.linalg.det(planar).round())
        return _beside(planar, s * rng.choice([1.0, -1.0], n) if self._free else s)

    @functools.cached_property
    def _standard_generators(self) -> Array:
        planar = self._planar.generators
        steps = np.array([1.0] * (len(planar) - self._planar.reflections) + [0.0] * self._planar.reflections)
        found = _beside(planar, self._rule(steps, np.linalg.det(planar).round()))
        return frozen(np.concatenate([found, *([np.diag([1.0, 1.0, -1.0])[None]] if self._free else [])]))

    @functools.cached_property
    def _standard_component(self) -> Array:
        planar = self._planar.identity_component
        return frozen(_beside(planar, np.ones(len(planar))))

    def _continuous_distance(self, g: Array) -> Array:
        # squares of the distances of the planar block, of the sign, and of what should vanish beside them
        across = np.sum(g[..., :2, 2] ** 2, -1) + np.sum(g[..., 2, :2] ** 2, -1)
        found = []
        for sign in (1.0, -1.0) if self._planar.reflections else (1.0,):
            rule = float(self._rule(np.zeros(()), np.array(sign)))
            planar = angular_distance(g[..., :2, :2], sign)
            for s in (rule, -rule) if self._free else (rule,):
                found.append(planar**2 + (g[..., 2, 2] - s) ** 2 + across)
        return np.asarray(np.sqrt(np.minimum.reduce(found)))

    # Irreps ---------------------------------------------------------------------------------------------------------

    def _irrep_data(self, label: str) -> IrrepData | None:
        found = self._entry(label)
        return None if found is None else found.data

    def _entry(self, label: str) -> _Entry | None:
        number = re.fullmatch(r"E([1-9]\d*)[gu]?", label) if self.n is None else None
        frequency = int(number[1]) if number else 0
        return _irreps(self.family, self.n, frequency, frequency).get(label)

    def _labels(self, max_frequency: int | None) -> tuple[str, ...]:
        found = _irreps(self.family, self.n, 0, (max_frequency or 0) if self.n is None else 0)
        return tuple(k for k, v in found.items() if max_frequency is None or v.data.frequency <= max_frequency)

    def _irrep_at(self, label: str, g: Array) -> Array:
        entry = self._entry(label)
        assert entry is not None, "an irrep checks its label when it is made"
        found = self._planar._irrep_matrices(entry.planar, g[..., :2, :2])
        return found * np.sign(g[..., 2, 2])[..., None, None] if entry.times_sign else found

    def _known_label(self, label: str) -> str:
        term = TERM.fullmatch(label) if self.n is None else None
        if term is None:
            return label
        frequency = TERM_FREQUENCY[term[1][0] if term[1] != "Phi" else "Φ"]
        if frequency:
            return label if term[3] else f"E{frequency}{term[2]}"
        reflected = self.family in ("Cv", "D", "Dh")
        return f"A{ ({'+': '1', '-': '2'}.get(term[3], '?') if reflected else term[3]) }{term[2]}"


def _beside(planar: Array, s: Array) -> Array:
    """(n, 3, 3): planar parts (n, 2, 2) beside signs (n,) on z."""
    out = np.zeros((len(planar), 3, 3))
    out[:, :2, :2], out[:, 2, 2] = planar, s
    return out


@functools.lru_cache(maxsize=1024)
def _irreps(family: str, n: int | None, lowest: int, highest: int) -> dict[str, _Entry]:
    """The irreps by label, in Mulliken's order; of a continuous group those of frequency 0 and of a range."""
    group = AxialGroup(family, n)
    planar = group._planar
    labels = list(planar._labels(0 if n is None else None))
    if n is None:
        labels += [str(k) for k in range(max(lowest, 1), highest + 1)]
    found = {}
    for label in labels:
        data = planar._irrep_data(label)
        assert data is not None, "labels of the planar group have data"
        for times_sign in (False, True) if group._free else (False,):
            entry = _Entry(label, times_sign, data)
            if n is not None and family in ("S", "Dd"):  # functions times s turn frequency k into n - k
                entry = entry._replace(data=data._replace(frequency=min(data.frequency, n - data.frequency)))
            found[_mulliken(group, entry, data.frequency)] = entry
    return dict(sorted(found.items(), key=lambda item: _book_order(item[0])))


def _book_order(label: str) -> tuple[str, str, int]:
    suffix = re.sub(r"[A-Z\d]", "", label)
    letter, number = label[0], re.sub(r"\D", "", label)
    return suffix, letter, int(number or 0)


def _mulliken(group: AxialGroup, entry: _Entry, frequency: int) -> str:
    """The label: letter and number by the proper rotations, then g or u by the inversion, or ' or '' by the mirror."""
    n, family, label = group.n, group.family, entry.planar
    label = {"0": "A", "0+": "A1", "0-": "A2"}.get(label, f"E{label}" if label.isdigit() else label)
    if family in ("S", "Dd") and n is not None and n % 2:
        folded = min(frequency, n - frequency)
        if label[0] == "E":
            label = f"E{folded}" if n > 3 else "E"
        return "A" + label[1:] + "gu"[frequency % 2] if folded == 0 else label + "gu"[frequency % 2]
    if family == "Dh" and entry.times_sign and label[0] != "E":  # s is det p at the proper rotations
        label = label[0] + {"1": "2", "2": "1"}[label[1]]
    if family in ("D", "Dh") and n == 2:
        label = {"A1": "A", "A2": "B1", "B2": "B2", "B1": "B3"}[label]
    if not group._free:
        return label
    if n is None or n % 2 == 0:
        return label + "gu"[(frequency + entry.times_sign) % 2]
    return label + ("''" if entry.times_sign else "'")


def axial(family: str, n: int | None, name: str) -> AxialGroup:
    """The group of that family and n, by the one name it goes by."""
    if n is not None:
        n = require_count("n", n, GroupError)
        if n < 1:
            raise GroupError(f"name: {name!r} has n = {n}; n must be at least 1")
    if n == 1 and family in ("Cv", "D", "Dh", "Dd"):
        along_x, along_y = np.roll(np.eye(3), 1, axis=0), np.roll(np.eye(3), 2, axis=0)
        if family == "Cv":  # the mirror plane that contains x and z has its normal along y
            return AxialGroup("Ch", 1).in_frame(along_y)
        return AxialGroup(*{"D": ("C", 2), "Dh": ("Cv", 2), "Dd": ("Ch", 2)}[family]).in_frame(along_x)
    return AxialGroup(family, n)
