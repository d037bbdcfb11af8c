"""SO(3) and O(3): irreps by degree and parity, Clebsch-Gordan coefficients in closed form."""

import functools
import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ..._values import Array, frozen, torch_of
from ..special._racah import racah
from ..special._wigner import _wigner_d, wigner_tensors
from ..theory._representation import Irrep, IrrepData
from ._form import Form
from ._settings import about_z


@dataclass(frozen=True)
class RotationForm(Form):
    """The rotations of space SO(3), or O(3) with the inversion; see `RotationGroup`."""

    inversion: bool

    @property
    def name(self) -> str:
        return "O(3)" if self.inversion else "SO(3)"

    @property
    def order(self) -> int | float:
        return math.inf

    @property
    def is_isotropic(self) -> bool:
        return True

    @property
    def axes(self) -> str:
        return "sphere"

    @property
    def connected(self) -> "RotationForm":
        return RotationForm(False)

    @property
    def normalizer(self) -> None:
        return None

    @property
    def has_secondary(self) -> bool:
        return False

    # Elements -------------------------------------------------------------------------------------------------------

    def nodes(self, max_degree: int) -> Array:
        found = product_rotations(max_degree)[0]
        return np.concatenate([found, -found]) if self.inversion else found

    def weights(self, max_degree: int) -> Array:
        weights = product_rotations(max_degree)[1]
        return np.concatenate([weights, weights]) / 2 if self.inversion else weights

    def draw(self, n: int, rng: "np.random.Generator") -> Array:
        found = from_quaternions(rng.normal(size=(n, 4)))
        return found * rng.choice([1.0, -1.0], (n, 1, 1)) if self.inversion else found

    @property
    def components(self) -> Array:
        return np.stack([np.eye(3), -np.eye(3)] if self.inversion else [np.eye(3)])

    @property
    def generators(self) -> Array:
        return (
            np.concatenate([self.identity_component, -np.eye(3)[None]]) if self.inversion else self.identity_component
        )

    @property
    def identity_component(self) -> Array:
        # Turns by one radian are dense in the rotations about an axis, because pi is irrational; two axes give SO(3).
        about = about_z(Fraction(1 / math.pi))
        return np.stack([about, np.roll(about, (1, 1), axis=(0, 1))])

    def projected(self, g: Array) -> Array:
        left, _, right = np.linalg.svd(g)
        if not self.inversion:  # the direction that matters least is turned round
            right[..., 2, :] *= np.where(np.linalg.det(left @ right) < 0, -1.0, 1.0)[..., None]
        return np.asarray(left @ right)

    def distance(self, g: Array) -> Array:
        finite = np.asarray(np.isfinite(g).all((-2, -1)))
        safe = np.where(finite[..., None, None], g, 0.0)
        values = np.linalg.svd(safe, compute_uv=False)
        if not self.inversion:
            values[..., 2] *= np.where(np.linalg.det(safe) < 0, -1.0, 1.0)
        return np.where(finite, np.linalg.norm(values - 1, axis=-1), np.nan)

    # Irreps ---------------------------------------------------------------------------------------------------------

    def irrep(self, label: str) -> IrrepData | None:
        found = re.fullmatch(r"(0|[1-9][0-9]*)" + ("([eo])" if self.inversion else "()"), label)
        if not found:
            return None
        degree, odd = int(found[1]), found[2] == "o"
        at = functools.partial(_proper_at, odd=odd) if self.inversion else _wigner_d
        return IrrepData(2 * degree + 1, degree, "real", functools.partial(at, degree=degree), odd)

    def irreps_at(self, irreps: Collection[Irrep], g: Any) -> dict[Irrep, Any]:
        sign = torch_of(g).linalg.det(g.detach()).sign()[:, None, None]
        by_degree = wigner_tensors(g * sign, max(psi.frequency for psi in irreps))
        return {psi: by_degree[psi.frequency] * (sign if psi._data.about else 1) for psi in irreps}

    def labels(self, max_frequency: int | None) -> tuple[str, ...]:
        suffixes = ("e", "o") if self.inversion else ("",)
        return tuple(f"{degree}{suffix}" for degree in range((max_frequency or 0) + 1) for suffix in suffixes)

    def harmonic(self, degree: int) -> str:
        return f"{degree}{'eo'[degree % 2]}" if self.inversion else str(degree)

    def closed_clebsch_gordan(self, first: Irrep, second: Irrep, out: Irrep) -> Array:
        """Racah's formula: see `steer.reps.clebsch_gordan`."""
        a, b, c = first.frequency, second.frequency, out.frequency
        odd = sum(bool(psi._data.about) for psi in (first, second, out)) % 2
        if odd or not abs(a - b) <= c <= a + b:
            return frozen(np.zeros((0, out.size, first.size, second.size)))
        return racah(a, b, c)[None]


def _proper_at(g: Array, degree: int, odd: bool = False) -> Array:
    """(..., size, size): the Wigner matrices of det(g) g, times det g if odd."""
    sign = np.where(np.linalg.det(g) < 0, -1.0, 1.0)[..., None, None]
    found = _wigner_d(g * sign, degree)
    return found * sign if odd else found


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
