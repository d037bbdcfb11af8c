"""Published character tables of the crystallographic point groups, of I, Ih and of a few more axial groups.

The tables are typed as printed in F. A. Cotton, Chemical Applications of Group Theory, appendix II; S. L. Altmann and
P. Herzig, Point-Group Theory Tables; M. S. Dresselhaus et al., Group Theory, appendix A. Isomorphic groups share their
rows, as in L. D. Landau and E. M. Lifshitz, Quantum Mechanics, section 95.

They are tables over the reals. A pair of complex conjugate rows is one row, its sum, whose norm is then 2 and not 1.
A class and the class of its inverses are one column, so there are as many columns as rows: in C3, 2C3 is C3 and C3^2.
"""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

PHI = (1 + math.sqrt(5)) / 2
NUMBERS = {
    "sqrt2": math.sqrt(2),
    "-sqrt2": -math.sqrt(2),
    "sqrt3": math.sqrt(3),
    "-sqrt3": -math.sqrt(3),
    "phi": PHI,  # 2 cos 36
    "-phi": -PHI,  # 2 cos 144
    "phi-1": PHI - 1,  # 2 cos 72
    "1-phi": 1 - PHI,  # 2 cos 108
}

Z_AXIS = (0.0, 0.0, 1.0)
AXES = {
    "z": Z_AXIS,
    "h": Z_AXIS,
    "y": (0.0, 1.0, 0.0),
    "x": (1.0, 0.0, 0.0),
    "axes": Z_AXIS,
    "diagonal": (1.0, 1.0, 0.0),
    "body": (1.0, 1.0, 1.0),
}
ICOSAHEDRAL_AXES = {1: Z_AXIS, 2: Z_AXIS, 3: (1, 1, 1), 6: (1, 1, 1), 5: (0, 1, PHI), 10: (0, 1, PHI)}
"""The axis of an operation of I and Ih by its order: five-fold axes are the vertices (0, ±1, ±PHI) and cyclic."""


class Operation(NamedTuple):
    """What a class is made of: E, a rotation C_n^k, the inversion i, a mirror sigma, a rotoreflection S_n^k.

    S_n^k is the rotation by 2 pi k / n, then the reflection in the plane perpendicular to its axis; k is odd. So sigma
    has order 1 (it is S_1) and i has order 2 (S_2). The directions are, with n the number in the name of the group,

    - axial groups: "z", the principal axis; "h", the mirror perpendicular to it; "x", two-fold axes one of which is x
      or vertical mirror planes one of which contains x; "between", the two-fold axes or mirror planes between those,
      pi / n from x (pi / 2n for the planes of D_nd);
    - D2 and D2h: "x", "y", "z", the two-fold axis or the normal of the mirror plane;
    - cubic groups: "axes", "diagonal", "body", axes and normals such as z, (1, 1, 0), (1, 1, 1);
    - E, i and all operations of I and Ih: "any".
    """

    symbol: str
    order: int
    power: int
    direction: str


class Table(NamedTuple):
    """Classes, each one operation and the number of elements, and the characters on them by Mulliken's label."""

    classes: tuple[tuple[Operation, int], ...]
    rows: dict[str, tuple[float, ...]]


PRINTED = """
C1   E
A    1

C2   E  C2(z)
A    1  1
B    1  -1

C3   E  2C3(z)
A    1  1
E    2  -1

C4   E  2C4(z)  C2(z)
S4   E  2S4(z)  C2(z)
A    1  1       1
B    1  -1      1
E    2  0       -2

C5   E  2C5(z)  2C5^2(z)
A    1  1       1
E1   2  phi-1   -phi
E2   2  -phi    phi-1

C6   E  2C6(z)  2C3(z)  C2(z)
A    1  1       1       1
B    1  -1      1       -1
E1   2  1       -1      -2
E2   2  -1      -1      2

S8   E  2S8(z)  2C4(z)  2S8^3(z)  C2(z)
A    1  1       1       1         1
B    1  -1      1       -1        1
E1   2  sqrt2   0       -sqrt2    -2
E2   2  0       -2      0         2
E3   2  -sqrt2  0       sqrt2     -2

D2   E  C2(z)  C2(y)  C2(x)
A    1  1      1      1
B1   1  1      -1     -1
B2   1  -1     1      -1
B3   1  -1     -1     1

C2v  E  C2(z)  sigma(x)  sigma(between)
A1   1  1      1         1
A2   1  1      -1        -1
B1   1  -1     1         -1
B2   1  -1     -1        1

D3   E  2C3(z)  3C2(x)
C3v  E  2C3(z)  3sigma(x)
A1   1  1       1
A2   1  1       -1
E    2  -1      0

D4   E  2C4(z)  C2(z)  2C2(x)     2C2(between)
C4v  E  2C4(z)  C2(z)  2sigma(x)  2sigma(between)
D2d  E  2S4(z)  C2(z)  2C2(x)     2sigma(between)
A1   1  1       1      1          1
A2   1  1       1      -1         -1
B1   1  -1      1      1          -1
B2   1  -1      1      -1         1
E    2  0       -2     0          0

D5   E  2C5(z)  2C5^2(z)  5C2(x)
C5v  E  2C5(z)  2C5^2(z)  5sigma(x)
A1   1  1       1         1
A2   1  1       1         -1
E1   2  phi-1   -phi      0
E2   2  -phi    phi-1     0

D6   E  2C6(z)  2C3(z)  C2(z)  3C2(x)     3C2(between)
C6v  E  2C6(z)  2C3(z)  C2(z)  3sigma(x)  3sigma(between)
A1   1  1       1       1      1          1
A2   1  1       1       1      -1         -1
B1   1  -1      1       -1     1          -1
B2   1  -1      1       -1     -1         1
E1   2  1       -1      -2     0          0
E2   2  -1      -1      2      0          0

D4d  E  2S8(z)  2C4(z)  2S8^3(z)  C2(z)  4C2(x)  4sigma(between)
A1   1  1       1       1         1      1       1
A2   1  1       1       1         1      -1      -1
B1   1  -1      1       -1        1      1       -1
B2   1  -1      1       -1        1      -1      1
E1   2  sqrt2   0       -sqrt2    -2     0       0
E2   2  0       -2      0         2      0       0
E3   2  -sqrt2  0       sqrt2     -2     0       0

D6d  E  2S12(z)  2C6(z)  2S4(z)  2C3(z)  2S12^5(z)  C2(z)  6C2(x)  6sigma(between)
A1   1  1        1       1       1       1          1      1       1
A2   1  1        1       1       1       1          1      -1      -1
B1   1  -1       1       -1      1       -1         1      1       -1
B2   1  -1       1       -1      1       -1         1      -1      1
E1   2  sqrt3    1       0       -1      -sqrt3     -2     0       0
E2   2  1        -1      -2      -1      1          2      0       0
E3   2  0        -2      0       2       0          -2     0       0
E4   2  -1       -1      2       -1      -1         2      0       0
E5   2  -sqrt3   1       0       -1      sqrt3      -2     0       0

T    E  8C3(body)  3C2(axes)
A    1  1          1
E    2  -1         2
T    3  0          -1

O    E  8C3(body)  3C2(axes)  6C4(axes)  6C2(diagonal)
Td   E  8C3(body)  3C2(axes)  6S4(axes)  6sigma(diagonal)
A1   1  1          1          1          1
A2   1  1          1          -1         -1
E    2  -1         2          0          0
T1   3  0          -1         1          -1
T2   3  0          -1         -1         1

I    E  12C5   12C5^2  20C3  15C2
A    1  1      1       1     1
T1   3  phi    1-phi   0     -1
T2   3  1-phi  phi     0     -1
G    4  -1     -1      1     0
H    5  0      0       -1    1
"""


def _class(entry: str) -> tuple[Operation, int]:
    """A heading such as 2S8^3(z) or 15sigma."""
    match = re.fullmatch(r"(\d*)(E|C|S|i|sigma)(\d*)(?:\^(\d+))?(?:\((\w+)\))?", entry)
    assert match is not None, f"no class of operations is written {entry!r}"
    count, symbol, order, power, direction = match.groups()
    default = 2 if symbol == "i" else 1
    return Operation(symbol, int(order or default), int(power or 1), direction or "any"), int(count or 1)


def _typed(text: str) -> dict[str, Table]:
    """The tables of blocks of lines: the classes of one or more isomorphic groups, then their common rows."""
    tables = {}
    for block in text.strip().split("\n\n"):
        lines = [line.split() for line in block.splitlines()]
        headings = [line for line in lines if line[1] == "E"]
        rows = {
            label: tuple(NUMBERS[x] if x in NUMBERS else float(x) for x in row)
            for label, *row in lines[len(headings) :]
        }
        for name, *classes in headings:
            tables[name] = Table(tuple(map(_class, classes)), dict(rows))
    return tables


def _product(factor: Table, marks: tuple[str, str], classes: str, of: Sequence[int] | None) -> Table:
    improper = tuple(map(_class, classes.split()))
    columns = range(len(improper)) if of is None else of
    rows = {}
    for mark, sign in zip(marks, (1, -1), strict=True):
        for label, row in factor.rows.items():
            rows[label + mark] = row + tuple(sign * row[column] for column in columns)
    return Table(factor.classes + improper, rows)


def times_inversion(factor: Table, classes: str, of: Sequence[int] | None = None) -> Table:
    """The direct product with Ci: rows g, then rows u, which change sign on the `classes` that i times a rotation is.

    The j-th of `classes` is i times column `of[j]` of the factor, column j unless given.
    """
    return _product(factor, ("g", "u"), classes, of)


def times_mirror(factor: Table, classes: str, of: Sequence[int] | None = None) -> Table:
    """The direct product with Cs: rows ', then rows '', which change sign on sigma(h) times the columns of the factor.

    The j-th of `classes` is sigma(h) times column `of[j]` of the factor, column j unless given.
    """
    return _product(factor, ("'", "''"), classes, of)


_FACTORS = _typed(PRINTED)

TABLES: dict[str, Table] = {
    **_FACTORS,
    "Cs": times_mirror(_FACTORS["C1"], "sigma(h)"),
    "C3h": times_mirror(_FACTORS["C3"], "sigma(h) 2S3(z)"),
    "C5h": times_mirror(_FACTORS["C5"], "sigma(h) 2S5(z) 2S5^3(z)"),
    "D3h": times_mirror(_FACTORS["D3"], "sigma(h) 2S3(z) 3sigma(x)"),
    "D5h": times_mirror(_FACTORS["D5"], "sigma(h) 2S5(z) 2S5^3(z) 5sigma(x)"),
    "Ci": times_inversion(_FACTORS["C1"], "i"),
    "C2h": times_inversion(_FACTORS["C2"], "i sigma(h)"),
    "S6": times_inversion(_FACTORS["C3"], "i 2S6(z)"),
    "C4h": times_inversion(_FACTORS["C4"], "i 2S4(z) sigma(h)"),
    "C6h": times_inversion(_FACTORS["C6"], "i 2S3(z) 2S6(z) sigma(h)"),
    "D2h": times_inversion(_FACTORS["D2"], "i sigma(z) sigma(y) sigma(x)"),
    "D3d": times_inversion(_FACTORS["D3"], "i 2S6(z) 3sigma(between)"),
    "D4h": times_inversion(_FACTORS["D4"], "i 2S4(z) sigma(h) 2sigma(x) 2sigma(between)"),
    "D5d": times_inversion(_FACTORS["D5"], "i 2S10^3(z) 2S10(z) 5sigma(between)"),
    # i C2(x) is the plane perpendicular to x, which contains an axis C2(between), and the other way round
    "D6h": times_inversion(_FACTORS["D6"], "i 2S3(z) 2S6(z) sigma(h) 3sigma(between) 3sigma(x)"),
    "Th": times_inversion(_FACTORS["T"], "i 8S6(body) 3sigma(axes)"),
    "Oh": times_inversion(_FACTORS["O"], "i 8S6(body) 3sigma(axes) 6S4(axes) 6sigma(diagonal)"),
    # S10 comes first in the books, but i C5^2 is in its class and i C5 in that of S10^3
    "Ih": times_inversion(_FACTORS["I"], "i 12S10 12S10^3 20S6 15sigma", of=(0, 2, 1, 3, 4)),
}
"""The tables by Schoenflies symbol."""

_SYSTEMS = """
1 C1       -1 Ci
2 C2       m Cs      2/m C2h
222 D2     mm2 C2v   mmm D2h
4 C4       -4 S4     4/m C4h   422 D4   4mm C4v   -42m D2d   4/mmm D4h
3 C3       -3 S6     32 D3     3m C3v   -3m D3d
6 C6       -6 C3h    6/m C6h   622 D6   6mm C6v   -6m2 D3h   6/mmm D6h
23 T       m-3 Th    432 O     -43m Td  m-3m Oh
"""

HERMANN_MAUGUIN: dict[str, str] = dict(zip(_SYSTEMS.split()[::2], _SYSTEMS.split()[1::2], strict=True))
"""The Schoenflies symbols of the 32 crystallographic point groups by their short international symbols."""


def _axis(group: str, operation: Operation) -> tuple[float, float, float]:
    """A vector along the axis of rotation or the normal of the mirror plane."""
    symbol, order, _, direction = operation
    if direction == "any":
        return ICOSAHEDRAL_AXES[order]
    if direction not in ("x", "between") or group in ("D2", "D2h"):
        return AXES[direction]
    n = int(group[1])
    angle = 0.0 if direction == "x" else math.pi / (2 * n if group.endswith("d") else n)
    # a vertical mirror plane is named by the direction that it contains
    return (-math.sin(angle), math.cos(angle), 0.0) if symbol == "sigma" else (math.cos(angle), math.sin(angle), 0.0)


def matrices(group_name: str, operation: Operation) -> npt.NDArray[np.float64]:
    """(3, 3): one element of the class of `operation`, acting on (x, y, z).

    The principal axis is z. One two-fold axis of D_n, D_nh and D_nd is x, one mirror plane of C_nv is xz. The axes x,
    y, z are four-fold axes of the cube and two-fold axes of the icosahedron.
    """
    axis = np.array(_axis(group_name, operation))
    x, y, z = axis = axis / np.linalg.norm(axis)
    angle = 2 * math.pi * operation.power / operation.order
    along = np.outer(axis, axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    rotation = along + math.cos(angle) * (np.eye(3) - along) + math.sin(angle) * cross
    return rotation if operation.symbol in ("E", "C") else (np.eye(3) - 2 * along) @ rotation
