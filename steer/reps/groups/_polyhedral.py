"""The polyhedral subgroups of O(3): T, Td, Th, O, Oh, I, Ih, by tables of their elements and irreps.

In the standard setting the cube's axes are x, y, z, and the two-fold axes of the icosahedron with vertices
(0, +-1, +-phi) and cyclic permutations are x, y, z too, so that T is literally a subgroup of O and of I.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..._linalg import nearest_matrix, orthonormal_columns
from ..._values import Array, frozen
from ..special._wigner import _wigner_d
from ..theory._representation import IrrepData
from ._form import Form, cube_rotations

FAMILIES = ("T", "Td", "Th", "O", "Oh", "I", "Ih")

PHI = (1 + math.sqrt(5)) / 2

LEVELS = np.array([0.0, 0.5, 1.0, PHI / 2, 0.5 / PHI])
"""The sizes of all entries of icosahedral matrices."""

CONJUGATE = np.array([0.0, 0.5, 1.0, -0.5 / PHI, -PHI / 2])
"""The same after sqrt(5) -> -sqrt(5)."""

DATA = {
    "T": {"A": (1, 0), "E": (2, 2), "T": (3, 1)},
    "O": {"A1": (1, 0), "A2": (1, 3), "E": (2, 2), "T1": (3, 1), "T2": (3, 2)},
    "I": {"A": (1, 0), "T1": (3, 1), "T2": (3, 3), "G": (4, 3), "H": (5, 2)},
    # the determinant is A2 on Td, so that frequencies up to a reflection are those of T
    "Td": {"A1": (1, 0), "A2": (1, 0), "E": (2, 2), "T1": (3, 1), "T2": (3, 1)},
}
"""Label -> (size, frequency) of the irreps of the rotations r = det(g) g."""


@dataclass(frozen=True)
class PolyhedralForm(Form):
    """A polyhedral group: T, Td, Th, O, Oh, I or Ih; see `PolyhedralGroup`."""

    family: str

    @property
    def name(self) -> str:
        return self.family

    @property
    def order(self) -> int | float:
        return len(_elements(self.family))

    @property
    def axes(self) -> str:
        return "icosahedron" if self.family[0] == "I" else "cube"

    @property
    def normalizer(self) -> Array:
        return _elements("I") if self.family[0] == "I" else cube_rotations()

    @property
    def has_secondary(self) -> bool:
        return True

    def nodes(self, max_degree: int) -> Array:
        return _elements(self.family)

    @property
    def components(self) -> Array:
        return _elements(self.family)

    def draw(self, n: int, rng: "np.random.Generator") -> Array:
        return np.asarray(self.components[rng.integers(len(self.components), size=n)])

    @property
    def generators(self) -> Array:
        third = np.roll(np.eye(3), 1, axis=0)  # about (1, 1, 1)
        quarter = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        half = np.diag([-1.0, -1.0, 1.0])
        first = {"T": half, "Th": half, "Td": -quarter, "O": quarter, "Oh": quarter}.get(self.family)
        found = [_fifth() if first is None else first, third]
        return np.stack([*found, -np.eye(3)] if self.family[1:] == "h" else found)

    @property
    def identity_component(self) -> Array:
        return np.zeros((0, 3, 3))

    def distance(self, g: Array) -> Array:
        return np.asarray(np.linalg.norm(g - self.components[_nearest(self.family, g)], axis=(-2, -1)))

    def irrep(self, label: str) -> IrrepData | None:
        return _irreps(self.family).get(label)

    def labels(self, max_frequency: int | None) -> tuple[str, ...]:
        found = _irreps(self.family).items()
        return tuple(label for label, data in found if max_frequency is None or data.frequency <= max_frequency)


@functools.lru_cache(maxsize=len(FAMILIES))
def _irreps(family: str) -> dict[str, IrrepData]:
    plain = DATA[family if family == "Td" else family[0]]
    suffixes = ("g", "u") if family[1:] == "h" else ("",)
    kind = {"E": "complex"} if family[0] == "T" and family != "Td" else {}
    return {
        label + suffix: IrrepData(
            size, frequency, kind.get(label, "real"), functools.partial(_at, family, label, suffix == "u")
        )
        for suffix in suffixes
        for label, (size, frequency) in plain.items()
    }


def _exchanges(rotations: Array) -> Array:
    """(n,): whether a rotation of the cube permutes the axes evenly (1) or oddly (-1)."""
    return np.asarray(np.linalg.det(np.abs(rotations)).round())


def _levels(g: Array) -> npt.NDArray[np.intp]:
    """Positions in `LEVELS` of the sizes of all entries."""
    return np.asarray(np.abs(np.abs(g)[..., None] - LEVELS).argmin(-1))


def _fifth() -> Array:
    """(3, 3): the rotation by 2 pi / 5 about the vertex (0, 1, phi)."""
    x, y, z = np.array([0.0, 1.0, PHI]) / math.hypot(1, PHI)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    c, s = math.cos(2 * math.pi / 5), math.sin(2 * math.pi / 5)
    rough = np.eye(3) + s * cross + (1 - c) * cross @ cross
    return np.asarray(np.sign(rough) * LEVELS[_levels(rough)])


@functools.lru_cache(maxsize=len(FAMILIES))
def _elements(family: str) -> Array:
    """All elements in the standard setting: rotations first, those of T first among them."""
    cube = cube_rotations()
    even = cube[_exchanges(cube) > 0]
    if family == "T":
        return frozen(even)
    if family == "O":
        return frozen(np.concatenate([even, cube[_exchanges(cube) < 0]]))
    if family == "Td":
        return frozen(np.concatenate([even, -cube[_exchanges(cube) < 0]]))
    if family == "I":
        # the powers of the five-fold rotation lie in the five cosets of T
        products = np.concatenate([np.linalg.matrix_power(_fifth(), k) @ even for k in range(5)])
        return frozen(np.sign(np.where(np.abs(products) < 0.1, 0.0, products)) * LEVELS[_levels(products)] + 0.0)
    return frozen(np.concatenate([_elements(family[0]), -_elements(family[0])]))


def _nearest(family: str, g: Array) -> npt.NDArray[np.intp]:
    """(...): positions of the elements nearest to matrices g (..., 3, 3): they have one norm, so it is an angle."""
    return nearest_matrix(g, _elements(family))


def _at(family: str, label: str, odd: bool, g: Array) -> Array:
    """(..., size, size): an irrep at elements g, of the rotations det(g) g, times det(g) if odd."""
    return np.asarray(_irrep_table(family, label, odd)[_nearest(family, g)])


@functools.lru_cache(maxsize=64)
def _irrep_table(family: str, label: str, odd: bool) -> Array:
    """(order, size, size): an irrep at all elements in the standard setting."""
    sign = np.linalg.det(_elements(family)).round()[:, None, None]
    rotations = _elements(family) * sign
    table = (_icosahedral if family[0] == "I" else _cubic)(label, rotations)
    return frozen(table * sign if odd else table)


def _cubic(label: str, rotations: Array) -> Array:
    sign = _exchanges(rotations)[:, None, None]
    if label in ("A", "A1", "A2"):
        return sign if label == "A2" else np.ones_like(sign)
    if label == "E":
        plane = np.array([[-1, -1, 2], [math.sqrt(3), -math.sqrt(3), 0]]) / math.sqrt(6)
        return np.asarray(plane @ np.abs(rotations) @ plane.T)
    return rotations * sign if label == "T2" else rotations


def _icosahedral(label: str, rotations: Array) -> Array:
    if label == "A":
        return np.ones((len(rotations), 1, 1))
    if label == "T1":
        return rotations
    if label == "T2":
        return np.asarray(np.sign(rotations) * CONJUGATE[_levels(rotations)])
    if label == "H":
        return _wigner_d(rotations, 2)
    cosets = _elements("I")[::12]
    moved = np.einsum("iba,nbc,jcd->nijad", cosets, rotations, cosets)  # g_i^-1 r g_j
    entries = np.abs(moved).reshape(*moved.shape[:3], 9)
    permutations = np.asarray((entries.max(-1) > 0.9) & (np.sort(entries, -1)[..., -4] < 0.1), dtype=np.float64)
    rest = orthonormal_columns(np.eye(5) - 0.2, rank=4, size=5)
    return np.asarray(rest @ permutations @ rest.T)
