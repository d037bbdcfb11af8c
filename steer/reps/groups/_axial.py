"""The axial subgroups of O(3), finite and continuous: C_n, C_nv, C_nh, S_2n, D_n, D_nh, D_nd for n up to infinity.

In the standard setting the axis is z, and every element is a planar part p in O(2) beside a sign s on z. The families
are rules for s: 1 in C_n and C_nv, det p in D_n, free in C_nh and D_nh, and alternating with the steps of the rotation
in S_2n (and times det p in D_nd, so that the perpendicular two-fold axes start at x). So every irrep is one of the
planar group of the p's, times s or not; labels are those of Mulliken.
"""

import functools
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._values import Array, frozen, require_count, torch_of
from ...errors import GroupError
from ..theory._representation import Irrep, IrrepData
from ._angles import angular_distance, nearest_on_circle, nearest_turn
from ._form import Form, cube_rotations
from ._planar import PlanarGroup

FAMILIES = ("C", "Cv", "Ch", "S", "D", "Dh", "Dd")

TERM = re.compile(r"(Σ|Sigma|Π|Pi|Δ|Delta|Φ|Phi|Γ|Gamma)_?([gu]?)\^?([+-]?)")
TERM_FREQUENCY = {"Σ": 0, "S": 0, "Π": 1, "P": 1, "Δ": 2, "D": 2, "Φ": 3, "Γ": 4, "G": 4}


@dataclass(frozen=True)
class AxialForm(Form):
    """A group of the axis z: C_n, C_nv, C_nh, S_2n, D_n, D_nh, D_nd, n up to infinity; see `AxialGroup`."""

    family: str
    n: int | None

    @property
    def name(self) -> str:
        special = {("Ch", 1): "Cs", ("S", 1): "Ci"}
        if (self.family, self.n) in special:
            return special[self.family, self.n or 0]
        size = "inf" if self.n is None else str(self.n * (2 if self.family == "S" else 1))
        return f"{self.family[0]}{size}{self.family[1:]}"

    @property
    def order(self) -> int | float:
        return self.planar.order * (2 if self.free else 1)

    @property
    def is_isotropic(self) -> bool:
        return self.n == 1 and self.family in ("C", "S")

    @property
    def axes(self) -> str:
        return "axis"

    @property
    def connected(self) -> "AxialForm | None":
        return AxialForm("C", None) if self.n is None else None

    @property
    def has_secondary(self) -> bool:
        return self.n is not None and self.family in ("Cv", "D", "Dh", "Dd")

    @functools.cached_property
    def normalizer(self) -> Array | None:
        if not self.has_secondary:
            return None
        if self.n == 2 and self.family in ("D", "Dh"):
            return cube_rotations()
        turns = PlanarGroup(2 * (self.n or 1), False).components
        turns = _beside(turns, np.ones(len(turns)))
        return frozen((turns[:, None] @ [np.eye(3), np.diag([1.0, -1.0, -1.0])]).reshape(-1, 3, 3))

    # Elements -------------------------------------------------------------------------------------------------------

    @property
    def planar(self) -> PlanarGroup:
        """The group of the planar parts."""
        rotations = None if self.n is None else self.n * (2 if self.family in ("S", "Dd") else 1)
        return PlanarGroup(rotations, self.family in ("Cv", "D", "Dh", "Dd"))

    @property
    def free(self) -> bool:
        return self.family in ("Ch", "Dh")

    def _rule(self, step: Array, sign: Array) -> Array:
        """The sign s of elements with planar parts of determinant `sign`, turned by `step` steps."""
        out = sign if self.family[0] == "D" else np.ones_like(sign)
        return out * (-1.0) ** step if self.family in ("S", "Dd") else out

    def nodes(self, max_degree: int) -> Array:
        planar = self.planar.haar(max_degree)[0]
        rotations = len(planar) // (1 + self.planar.reflections)
        s = self._rule((np.arange(len(planar)) % rotations).astype(np.float64), np.linalg.det(planar).round())
        proper = _beside(planar, s)
        return np.concatenate([proper, _beside(planar, -s)]) if self.free else proper

    @property
    def components(self) -> Array:
        return self.nodes(0)

    def draw(self, n: int, rng: "np.random.Generator") -> Array:
        planar = self.planar.sample(n, int(rng.integers(2**32)))
        s = self._rule(np.zeros(n), np.linalg.det(planar).round())
        return _beside(planar, s * rng.choice([1.0, -1.0], n) if self.free else s)

    @functools.cached_property
    def generators(self) -> Array:
        planar = self.planar.generators
        steps = np.array([1.0] * (len(planar) - self.planar.reflections) + [0.0] * self.planar.reflections)
        found = _beside(planar, self._rule(steps, np.linalg.det(planar).round()))
        return frozen(np.concatenate([found, *([np.diag([1.0, 1.0, -1.0])[None]] if self.free else [])]))

    @functools.cached_property
    def identity_component(self) -> Array:
        planar = self.planar.identity_component
        return frozen(_beside(planar, np.ones(len(planar))))

    def nearest(self, g: Array) -> npt.NDArray[np.intp]:
        planar, places, overlaps = self.planar, [], []
        n = planar.rotations or 1
        period = 2 if self.family in ("S", "Dd") else 1  # steps after which the signs on z repeat
        for sign, start in ((1.0, 0), (-1.0, n))[: 1 + planar.reflections]:
            for parity in range(period):
                first = 2 * np.pi * parity / n
                k, overlap = nearest_turn(g[..., :2, :2], sign, n // period, first)
                s = float(self._rule(np.array(float(parity)), np.array(sign)))
                for other, beside in ((s, 0), (-s, planar.order))[: 1 + self.free]:
                    places.append(period * k + parity + start + int(beside))
                    overlaps.append(overlap + other * g[..., 2, 2])
        best = np.argmax(overlaps, axis=0)
        return np.asarray(np.take_along_axis(np.stack(places), best[None], axis=0)[0])

    def projected(self, g: Array) -> Array:
        if self.n is not None:
            return super().projected(g)
        elements, overlaps = [], []
        for sign in (1.0, -1.0) if self.planar.reflections else (1.0,):
            turned, overlap = nearest_on_circle(g[..., :2, :2], sign)
            rule = float(self._rule(np.zeros(()), np.array(sign)))
            for s in (rule, -rule) if self.free else (rule,):
                out = np.zeros_like(g)
                out[..., :2, :2], out[..., 2, 2] = turned, s
                elements.append(out)
                overlaps.append(overlap + s * g[..., 2, 2])
        best = np.argmax(overlaps, axis=0)
        return np.asarray(np.take_along_axis(np.stack(elements), best[None, ..., None, None], axis=0)[0])

    def distance(self, g: Array) -> Array:
        # squares of the distances of the planar block, of the sign, and of what should vanish beside them
        across = np.sum(g[..., :2, 2] ** 2, -1) + np.sum(g[..., 2, :2] ** 2, -1)
        found = []
        for sign in (1.0, -1.0) if self.planar.reflections else (1.0,):
            rule = float(self._rule(np.zeros(()), np.array(sign)))
            planar = angular_distance(g[..., :2, :2], sign)
            for s in (rule, -rule) if self.free else (rule,):
                found.append(planar**2 + (g[..., 2, 2] - s) ** 2 + across)
        return np.asarray(np.sqrt(np.minimum.reduce(found)))

    # Irreps ---------------------------------------------------------------------------------------------------------

    def irrep(self, label: str) -> IrrepData | None:
        number = re.fullmatch(r"E([1-9][0-9]*)[gu]?", label) if self.n is None else None
        frequency = int(number[1]) if number else 0
        return _irreps(self, frequency, frequency).get(label)

    def labels(self, max_frequency: int | None) -> tuple[str, ...]:
        found = _irreps(self, 0, (max_frequency or 0) if self.n is None else 0)
        return tuple(k for k, v in found.items() if max_frequency is None or v.frequency <= max_frequency)

    def known_label(self, label: str) -> str:
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
def _irreps(form: AxialForm, lowest: int, highest: int) -> dict[str, IrrepData]:
    """The irreps by label, in Mulliken's order; of a continuous group those of frequency 0 and of a range."""
    n, planar = form.n, form.planar
    labels = list(planar._labels(0 if n is None else None))
    if n is None:
        labels += [str(k) for k in range(max(lowest, 1), highest + 1)]
    found = {}
    for psi in (Irrep(planar, label) for label in labels):
        frequency = psi.frequency
        if n is not None and form.family in ("S", "Dd"):  # functions times s turn frequency k into n - k
            frequency = min(frequency, n - frequency)
        for times_sign in (False, True) if form.free else (False,):
            label = _mulliken(form, psi.label, times_sign, psi.frequency)
            matrices = functools.partial(_at, psi, times_sign)
            found[label] = IrrepData(psi.size, frequency, psi.type, matrices)
    return dict(sorted(found.items(), key=lambda item: _book_order(item[0])))


def _at(psi: Irrep, times_sign: bool, g: Any) -> Any:
    """(..., size, size): an irrep of the planar parts of elements g, times their sign on z if asked."""
    found = psi._matrices(g[..., :2, :2])
    xp: Any = torch_of(g) or np
    return found * xp.sign(g[..., 2, 2])[..., None, None] if times_sign else found


def _book_order(label: str) -> tuple[str, str, int]:
    suffix = re.sub(r"[A-Z\d]", "", label)
    letter, number = label[0], re.sub(r"\D", "", label)
    return suffix, letter, int(number or 0)


def _mulliken(form: AxialForm, label: str, times_sign: bool, frequency: int) -> str:
    """The label: letter and number by the proper rotations, then g or u by the inversion, or ' or '' by the mirror."""
    n, family = form.n, form.family
    label = {"0": "A", "0+": "A1", "0-": "A2"}.get(label, f"E{label}" if label.isdigit() else label)
    if family in ("S", "Dd") and n is not None and n % 2:
        folded = min(frequency, n - frequency)
        if label[0] == "E":
            label = f"E{folded}" if n > 3 else "E"
        return "A" + label[1:] + "gu"[frequency % 2] if folded == 0 else label + "gu"[frequency % 2]
    if family == "Dh" and times_sign and label[0] != "E":  # s is det p at the proper rotations
        label = label[0] + {"1": "2", "2": "1"}[label[1]]
    if family in ("D", "Dh") and n == 2:
        label = {"A1": "A", "A2": "B1", "B2": "B2", "B1": "B3"}[label]
    if not form.free:
        return label
    if n is None or n % 2 == 0:
        return label + "gu"[(frequency + times_sign) % 2]
    return label + ("''" if times_sign else "'")


def axial(family: str, n: int | None, name: str) -> tuple[AxialForm, Array]:
    """The group of that family and n, by the one name it goes by, and the frame that it stands in."""
    if n is not None:
        n = require_count("n", n, GroupError)
        if n < 1:
            raise GroupError(f"name: {name!r} has n = {n}; n must be at least 1")
    if n == 1 and family in ("Cv", "D", "Dh", "Dd"):
        along_x, along_y = np.roll(np.eye(3), 1, axis=0), np.roll(np.eye(3), 2, axis=0)
        if family == "Cv":  # the mirror plane that contains x and z has its normal along y
            return AxialForm("Ch", 1), along_y
        return AxialForm(*{"D": ("C", 2), "Dh": ("Cv", 2), "Dd": ("Ch", 2)}[family]), along_x
    return AxialForm(family, n), np.eye(3)
