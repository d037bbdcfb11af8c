"""SO(3) and O(3): irreps by degree and parity, Clebsch-Gordan coefficients in closed form."""

import functools
import math
import re
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from ..._values import Array, frozen
from ..special._racah import racah
from ..special._wigner import _wigner_d
from ..theory._representation import Irrep, IrrepData, Representation
from ._settings import STANDARD, Setting, about_z
from ._spatial import SpatialGroup


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

    @property
    def name(self) -> str:
        return "O(3)" if self.inversion else "SO(3)"

    @property
    def order(self) -> int | float:
        return math.inf

    def in_frame(self, frame: Array) -> "RotationGroup":
        return self

    @property
    def has_secondary(self) -> bool:
        return False

    # Elements -------------------------------------------------------------------------------------------------------

    def _nodes(self, max_degree: int) -> Array:
        found = product_rotations(max_degree)[0]
        return np.concatenate([found, -found]) if self.inversion else found

    def _weights(self, max_degree: int) -> Array:
        weights = product_rotations(max_degree)[1]
        return np.concatenate([weights, weights]) / 2 if self.inversion else weights

    def _draw(self, n: int, rng: "np.random.Generator") -> Array:
        found = from_quaternions(rng.normal(size=(n, 4)))
        return found * rng.choice([1.0, -1.0], (n, 1, 1)) if self.inversion else found

    def _components(self) -> Array:
        return np.stack([np.eye(3), -np.eye(3)] if self.inversion else [np.eye(3)])

    @property
    def _standard_generators(self) -> Array:
        return (
            np.concatenate([self._standard_component, -np.eye(3)[None]]) if self.inversion else self._standard_component
        )

    @property
    def _standard_component(self) -> Array:
        # Turns by one radian are dense in the rotations about an axis, because pi is irrational; two axes give SO(3).
        about = about_z(Fraction(1 / math.pi))
        return np.stack([about, np.roll(about, (1, 1), axis=(0, 1))])

    def _continuous_distance(self, g: Array) -> Array:
        finite = np.asarray(np.isfinite(g).all((-2, -1)))
        safe = np.where(finite[..., None, None], g, 0.0)
        values = np.linalg.svd(safe, compute_uv=False)
        if not self.inversion:
            values[..., 2] *= np.where(np.linalg.det(safe) < 0, -1.0, 1.0)
        return np.where(finite, np.linalg.norm(values - 1, axis=-1), np.nan)

    # Irreps ---------------------------------------------------------------------------------------------------------

    def _irrep_data(self, label: str) -> IrrepData | None:
        found = re.fullmatch(r"(0|[1-9]\d*)" + ("[eo]" if self.inversion else ""), label)
        return IrrepData(2 * int(found[1]) + 1, int(found[1]), "real") if found else None

    def _labels(self, max_frequency: int | None) -> tuple[str, ...]:
        suffixes = ("e", "o") if self.inversion else ("",)
        return tuple(f"{degree}{suffix}" for degree in range((max_frequency or 0) + 1) for suffix in suffixes)

    def _irrep_at(self, label: str, g: Array) -> Array:
        degree = int(label.rstrip("eo"))
        if not self.inversion:
            return _wigner_d(g, degree)
        sign = np.where(np.linalg.det(g) < 0, -1.0, 1.0)[..., None, None]
        found = _wigner_d(g * sign, degree)
        return found * sign if label.endswith("o") else found

    def _harmonic(self, degree: int) -> Representation:
        return self.irrep(f"{degree}{'eo'[degree % 2]}" if self.inversion else str(degree))

    def _closed_clebsch_gordan(self, first: Irrep, second: Irrep, out: Irrep) -> Array:
        """Racah's formula: see `steer.reps.clebsch_gordan`."""
        a, b, c = first.frequency, second.frequency, out.frequency
        odd = sum(psi.label.endswith("o") for psi in (first, second, out)) % 2
        if odd or not abs(a - b) <= c <= a + b:
            return frozen(np.zeros((0, out.size, first.size, second.size)))
        return racah(a, b, c)[None]


def from_quaternions(q: Array) -> Array:
    """(..., 3, 3): rotations of quaternions (..., 4) in the order (w, x, y, z), of any length."""
    w, x, y, z = np.moveaxis(q / np.linalg.norm(q, axis=-1, keepdims=True), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


@functools.lru_cache(maxsize=16)
def product_rotations(max_degree: int) -> tuple[Array, Array]:
    """A quadrature on SO(3): rotations Rz(a) Ry(b) Rz(c) (n, 3, 3) and weights (n,).

    Uniform in a and c, Gauss-Legendre in cos b: exact for Wigner matrices up to `max_degree`, since their elements are
    e^(i m a) e^(i k c) times, for m = k = 0, a polynomial of that degree in cos b.
    """
    count = max_degree + 1
    turns = np.stack([about_z(Fraction(2 * k, count)) for k in range(count)])
    cosine, weight = np.polynomial.legendre.leggauss(max_degree // 2 + 1)
    sine = np.sqrt(1 - cosine**2)
    tilts = np.zeros((len(cosine), 3, 3))
    tilts[:, 0, 0] = tilts[:, 2, 2] = cosine
    tilts[:, 0, 2], tilts[:, 2, 0], tilts[:, 1, 1] = sine, -sine, 1
    nodes = np.einsum("aij,bjk,ckl->abcil", turns, tilts, turns, optimize=True).reshape(-1, 3, 3)
    return frozen(nodes), frozen(np.broadcast_to(weight[:, None] / (2 * count**2), (count, len(weight), count)).ravel())
