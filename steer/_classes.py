"""Classes of groups as books name them, with exact characters, and what transforms how.

Tables are over the reals, as in books that add complex conjugate rows: an irrep of complex type is one row, and a class
shares a column with the class of its inverses, so that there are as many columns as rows.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ._values import Array
from .reps import Group, Irrep

Cells = list[tuple[str, list[str]]]
"""Columns of a table: the heading, and a cell for each irrep."""

NEAR = 1e-9
"""Entries of matrices and characters that are closer than this are equal: rounding leaves less than 1e-12."""

HIGHEST_DEGREE = 6
"""Harmonics are split up to this degree."""

HIGHEST_FREQUENCY = 4
"""Irreps of continuous groups are listed up to this frequency."""

WORDS = ("type", "linear", "quadratic")
"""The headings of columns that hold words and functions, not characters."""

PHI = (1 + math.sqrt(5)) / 2

SURDS = {"√2": math.sqrt(2), "√3": math.sqrt(3), "φ": PHI, "1/φ": PHI - 1, "φ²": PHI + 1}

SIGMA = "\N{GREEK SMALL LETTER SIGMA}"
"""A mirror, in names of classes."""

REFLECTION = np.diag([1.0, -1.0])
"""The planar part of the half turn about x, and of the mirror plane that contains x and z."""

INVOLUTIONS = {
    "i": (-1.0, -1.0, -1.0),
    f"{SIGMA}h": (1.0, 1.0, -1.0),
    f"{SIGMA}v": (1.0, -1.0, 1.0),
    "C2'": (1.0, -1.0, -1.0),
}
"""Elements of the other components of continuous groups, by their diagonals."""


def number(value: float) -> str:
    """An integer, a root or the golden ratio if it is one to 1e-9, else three decimals."""
    if abs(value - round(value)) < NEAR:
        return str(round(value))
    sign = "-" if value < 0 else ""
    return next((sign + text for text, size in SURDS.items() if abs(abs(value) - size) < NEAR), f"{value:.3f}")


# Classes and their names --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A class of conjugate elements together with their inverses.

    `members` are positions in `elements`; `name` is as in books, with the number of elements in front.
    """

    name: str
    members: tuple[int, ...]


def columns(group: Group) -> list[Column]:
    """The columns of the character table: rotations first, in order of the angle, as books do.

    Names are E, C_n^k for a rotation by 2 pi k / n, i, sigma for mirrors, and S_n^k for C_n^k times the mirror across
    its axis. Of several classes of half turns, C2 is about the principal axis, C2' about x and its images, C2'' about
    the rest. Of mirrors, sigma_h is perpendicular to the principal axis, sigma_v contains x or an image of it, sigma_d
    is any other (sigma_v' in C2v). In cubic groups C2 and sigma_h belong to the axes of the cube, C2' and sigma_d to
    the diagonals of its faces. In D2 and D2h half turns and mirrors are named by axis and plane, as in C2(z).

    Source: F. A. Cotton, Chemical Applications of Group Theory (1990), section 4.3 and appendix II A.
    """
    g = _in_space(group.standard.elements)
    inverse = group.nearest_index(group._inverse(group.elements))
    merged = {tuple(sorted({*found, *inverse[list(found)].tolist()})) for found in group.conjugacy_classes}
    ordered = sorted(merged, key=lambda members: _place(group, g, g[list(members)]))
    symbols = [_symbol(group, g[list(members)]) for members in ordered]
    if "C2" not in symbols and "C2''" not in symbols:  # the only two-fold axes need no prime
        symbols = ["C2" if symbol == "C2'" else symbol for symbol in symbols]
    counts = [str(len(members)) if len(members) > 1 else "" for members in ordered]
    return [Column(n + symbol, members) for n, symbol, members in zip(counts, symbols, ordered, strict=True)]


def _in_space(g: Array) -> Array:
    """(n, 3, 3): matrices (n, d, d), those of the plane beside 1 on z."""
    out = np.broadcast_to(np.eye(3), (len(g), 3, 3)).copy()
    out[:, : g.shape[1], : g.shape[1]] = g
    return out


def operation(g: Array) -> tuple[str, int, int]:
    """Symbol, n and k of an orthogonal matrix (3, 3) or its inverse: E, C_n^k, sigma (n = 1), i (n = 2) or S_n^k."""
    proper = np.linalg.det(g) > 0
    # trace - det = 2 cos t and the antisymmetric part has length 2 sin t, with t between 0 and pi
    sine = math.hypot(g[2, 1] - g[1, 2], g[0, 2] - g[2, 0], g[1, 0] - g[0, 1])
    turn = math.atan2(sine, np.trace(g) - (1 if proper else -1)) / (2 * math.pi)
    k, n = Fraction(turn).limit_denominator(1000).as_integer_ratio()
    if proper:
        return "E" if n == 1 else "C", n, k
    if n < 3:
        return (SIGMA if n == 1 else "i"), n, 1
    return "S", n, k if k % 2 else n - k  # an even power of a rotoreflection is a rotation


def _contains_x(members: Array) -> bool:
    """Whether one of the half turns or mirrors keeps x and reverses y."""
    return bool((np.abs(members[:, :2, :2] - REFLECTION).max((1, 2)) < NEAR).any())


def _direction(g: Array) -> Array:
    """The axis of a half turn, or the normal of a mirror plane."""
    along = np.linalg.det(g) * g + np.eye(3)  # 2 n n^T
    longest = along[:, np.argmax(np.diagonal(along))]
    return np.asarray(longest / np.linalg.norm(longest))


def _symbol(group: Group, members: Array) -> str:
    """The name of a class of the group in the standard setting."""
    symbol, n, k = operation(members[0])
    if symbol in "Ei":
        return symbol
    if (symbol, n) not in (("C", 2), (SIGMA, 1)):
        return f"{symbol}{n}" + (f"^{k}" if k > 1 else "")
    name = "C2" if symbol == "C" else SIGMA
    aligned = float(np.abs(_direction(members[0])).max()) > 1 - NEAR
    if group._axes == "plane":
        return name + ("'" if symbol == SIGMA and not _contains_x(members) else "")
    if group._axes in ("icosahedron", "line"):
        return name
    if group._axes == "cube":
        return name + (("" if aligned else "'") if symbol == "C" else "h" if aligned else "d")
    direction = "xyz"[int(np.argmax(np.abs(_direction(members[0]))))]
    if group.name in ("D2", "D2h"):
        return f"{name}({direction})" if symbol == "C" else f"{name}({'xyz'.replace(direction, '')})"
    if aligned and direction == "z":
        return name if symbol == "C" else f"{SIGMA}h"
    if symbol == "C":
        return "C2'" if _contains_x(members) else "C2''"
    return name + ("v" if _contains_x(members) else "v'" if group.name == "C2v" else "d")


def _place(group: Group, elements: Array, members: Array) -> tuple[float, ...]:
    """The place of a class in the table: a sort key."""
    # with an inversion or a horizontal mirror, improper classes follow in the order of the rotations they come from
    g, block = members, 0
    for partner in (-np.eye(3), np.diag([1.0, 1.0, -1.0])):
        if np.linalg.det(g[0]) < 0 and (np.abs(elements - partner).max((1, 2)) < NEAR).any():
            g, block = partner @ g, 1
    _, n, k = operation(g[0])
    proper = np.linalg.det(g[0]) > 0
    if group._axes in ("cube", "icosahedron"):
        if proper and n == 1:
            return (block, 0, 0, 0)
        even = group._axes == "icosahedron" or np.linalg.det(np.abs(g[0])) > 0  # rotations that belong to T come first
        return (block, 1 + (not even), -n if proper else 0, k)
    if np.linalg.det(g[0, :2, :2]) > 0:
        return (block, 0, abs(math.atan2(g[0, 1, 0], g[0, 0, 0])), 0)
    backwards = group._axes == "axis" and group.name in ("D2", "D2h")
    return (block, 1, 0 if proper else 1, 0 if _contains_x(g) != backwards else 1)


# Characters ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Characters:
    """Irreps at a quadrature: `g` (n, d, d) with `weights` (n,), and the characters `values` (irreps, n)."""

    irreps: tuple[Irrep, ...]
    g: Array
    weights: Array
    values: Array

    def split(self, character: Array) -> dict[str, int]:
        """Label -> how often an irrep occurs in a representation with that character (n,)."""
        counts = (self.values * self.weights) @ character / ((self.values**2) @ self.weights)
        return {psi.label: round(count) for psi, count in zip(self.irreps, counts, strict=True) if round(count)}


def characters(group: Group, shown: Sequence[Column]) -> Characters:
    """The characters at one element of each class, or, for a continuous group, at nodes that integrate them."""
    if group.is_finite:
        irreps = group.irreps()
        g = group.elements[[column.members[0] for column in shown]]
        weights = np.array([len(column.members) for column in shown]) / group.order
    else:
        irreps = group.irreps(HIGHEST_DEGREE)
        g, weights = group.haar(2 * HIGHEST_DEGREE)
    return Characters(irreps, g, weights, np.stack([psi.character(g) for psi in irreps]))


def listed(group: Group, shown: Sequence[Column], at: Characters) -> tuple[list[Irrep], Cells]:
    """The irreps of the table, its rows, and the columns of their characters."""
    if group.is_finite:
        cells = [(column.name, [number(value) for value in at.values[:, i]]) for i, column in enumerate(shown)]
        return list(at.irreps), cells
    irreps = [psi for psi in at.irreps if psi.frequency <= HIGHEST_FREQUENCY]
    return irreps, _continuous_cells(group, irreps)


def _continuous_cells(group: Group, irreps: Sequence[Irrep]) -> Cells:
    """The characters of rotations as formulas, and their values at reflections and the inversion."""
    if group._axes == "sphere":
        rotation = [f"sin({2 * psi.frequency + 1}t/2) / sin(t/2)" if psi.frequency else "1" for psi in irreps]
        others = {"i": -np.eye(3)}
    else:
        rotation = [f"2 cos {psi.frequency if psi.frequency > 1 else ''}t" if psi.frequency else "1" for psi in irreps]
        others = {name: np.diag(diagonal) for name, diagonal in INVOLUTIONS.items()}
        if group.dim == 2:
            others = {SIGMA: np.diag([1.0, -1.0])}
    out = [("rotation by t", rotation)]
    for name, g in others.items():
        if group._contains(g):
            out.append((name, [number(float(psi.character(g))) for psi in irreps]))
    return out


def functions(group: Group, at: Characters) -> dict[str, tuple[str, str]]:
    """Label -> the coordinates and rotations, and the quadratic functions, that transform by that irrep.

    Functions that the group mixes are in brackets together. Rx is a rotation about x, a component of an axial vector; R
    is a rotation of the plane.
    """
    count, dim = len(group.generators), group.dim
    space = _in_space(group.action(np.concatenate([group.generators, at.g])))
    axial = space * np.linalg.det(space)[:, None, None]
    linear = _blocks(at, ["x", "y", "z"][:dim], space[:, :dim, :dim], count)
    isotropic = dim == 3 and len(linear) == 1
    turns = {1: [], 2: ["R"]}.get(dim, ["Rx", "Ry", "Rz"])
    linear += _blocks(at, turns, axial[:, 3 - len(turns) :, 3 - len(turns) :], count) if turns else []
    names, matrices = zip(*_quadratic_forms(dim, isotropic).items(), strict=True)
    forms = np.stack([matrix / np.linalg.norm(matrix) for matrix in matrices])
    moved = np.einsum("iab,nac,jcd,nbd->nij", forms, space, forms, space, optimize=True)
    quadratic = _blocks(at, names, moved, count)
    out = {}
    for psi in at.irreps:
        first, second = ([text for label, text in found if label == psi.label] for found in (linear, quadratic))
        if {"x²+y²", "x²-y²"} <= set(second):
            second = ["x²", "y²", *(text for text in second if text not in ("x²+y²", "x²-y²"))]
        out[psi.label] = ", ".join(first), ", ".join(second)
    return out


def words(irreps: Sequence[Irrep], transforming: dict[str, tuple[str, str]]) -> Cells:
    """The columns beside the characters: the types that are not real, and what `functions` found."""
    kinds = ["" if psi.type == "real" else psi.type for psi in irreps]
    forms = ([transforming[psi.label][i] for psi in irreps] for i in range(2))
    return list(zip(WORDS, (kinds, *forms), strict=True))


def _quadratic_forms(dim: int, isotropic: bool) -> dict[str, Array]:
    """Name -> symmetric matrix (3, 3), orthogonal to each other; those that suit a group of one axis or of several."""
    square = np.eye(3)[:, :, None] * np.eye(3)[:, None]
    mixed = {
        x + y: np.eye(3)[[i]].T @ np.eye(3)[[j]] + np.eye(3)[[j]].T @ np.eye(3)[[i]]
        for (i, x), (j, y) in itertools.combinations(enumerate("xyz"), 2)
    }
    plane = {"x²+y²": square[0] + square[1], "x²-y²": square[0] - square[1], "xy": mixed["xy"]}
    if dim == 1:
        return {"x²": square[0]}
    if dim == 2:
        return plane
    if isotropic:
        along = {"x²+y²+z²": np.eye(3), "2z²-x²-y²": 3 * square[2] - np.eye(3)}
    else:
        along = {"x²+y²": plane["x²+y²"], "z²": square[2]}
    return along | {"x²-y²": plane["x²-y²"]} | mixed


def _blocks(at: Characters, names: Sequence[str], matrices: Array, count: int) -> list[tuple[str, str]]:
    """(label, functions) for each smallest set of the functions that is invariant.

    Args:
        at: where the characters are known.
        names: of the functions, an orthogonal basis of a representation.
        matrices: (count + n, k, k): that representation at the generators, then at the elements of `at`.
        count: number of generators.
    """
    linked = (np.abs(matrices[:count]) > NEAR).any(0) | np.eye(len(names), dtype=bool)
    linked = np.linalg.matrix_power((linked | linked.T).astype(int), len(names)) > 0
    found = []
    for row in np.unique(linked, axis=0)[::-1]:
        members = np.flatnonzero(row)
        text = ", ".join(names[int(i)] for i in members)
        character = matrices[count:, members, members].sum(-1)
        found += [(label, f"({text})" if len(members) > 1 else text) for label in at.split(character)]
    return found
