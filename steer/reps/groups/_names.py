"""Names of the closed subgroups of O(3): Schoenflies, with Hermann-Mauguin aliases for the 32 point groups."""

import functools
import re

import numpy as np

from ..._values import Array
from ...errors import GroupError, nearest
from ._angles import require_fold
from ._axial import FAMILIES as AXIAL
from ._axial import AxialForm, axial
from ._form import Form
from ._polyhedral import FAMILIES as POLYHEDRAL
from ._polyhedral import PolyhedralForm
from ._rotations import RotationForm

HERMANN_MAUGUIN = {
    **{"1": "C1", "-1": "Ci", "2": "C2", "m": "Cs", "2/m": "C2h", "222": "D2", "mm2": "C2v", "mmm": "D2h"},
    **{"4": "C4", "-4": "S4", "4/m": "C4h", "422": "D4", "4mm": "C4v", "-42m": "D2d", "-4m2": "D2d", "4/mmm": "D4h"},
    **{"3": "C3", "-3": "S6", "32": "D3", "3m": "C3v", "-3m": "D3d"},
    **{"6": "C6", "-6": "C3h", "6/m": "C6h", "622": "D6", "6mm": "C6v", "-6m2": "D3h", "-62m": "D3h", "6/mmm": "D6h"},
    **{"23": "T", "m-3": "Th", "432": "O", "-43m": "Td", "m-3m": "Oh"},
}
"""International symbol -> Schoenflies symbol (International Tables for Crystallography A, chapter 10)."""

GRAMMAR = (
    "The names are C{n}, C{n}v, C{n}h, S{2n}, D{n}, D{n}h, D{n}d, Cs, Ci, T, Td, Th, O, Oh, I, Ih; Cinf, Cinfv, Cinfh, "
    "Dinf, Dinfh, SO(3), O(3); and Hermann-Mauguin symbols such as 4/mmm."
)


def named_form(name: str) -> tuple[Form, Array]:
    """The form of the subgroup of O(3) of that name, and the frame that it stands in: C_1v is a tilted C_s.

    Raises:
        GroupError: no group has that name.
    """
    plain = HERMANN_MAUGUIN.get(name, name)
    if plain in ("SO(3)", "O(3)"):
        return RotationForm(plain == "O(3)"), np.eye(3)
    if plain in POLYHEDRAL:
        return PolyhedralForm(plain), np.eye(3)
    if plain in ("Cs", "Ci"):
        return AxialForm("Ch" if plain == "Cs" else "S", 1), np.eye(3)
    found = re.fullmatch(r"([CDS])([0-9]+|inf)([vhdi]?)", plain)
    if found is None:
        raise _unknown(name)
    letter, number, suffix = found.groups()
    n = None if number == "inf" else require_fold(number, name)
    if letter == "S" and not suffix and n is not None:
        if n % 2:
            raise GroupError(
                f"name: S{{2n}} needs an even number, got {name!r}; the group of a rotoreflection of odd "
                f"order n is C{n}h"
            )
        return axial("S", n // 2, name)
    if letter == "C" and suffix == "i" and n is not None and n % 2:
        return axial("S", n, name)
    if letter + suffix not in AXIAL or letter == "S" or (n is None and suffix == "d"):
        raise _unknown(name)
    return axial(letter + suffix, n, name)


def _unknown(name: str) -> GroupError:
    known = [form.name for form in all_forms(8)] + list(HERMANN_MAUGUIN)
    return GroupError(f"name: no group of space is called {name!r}; {nearest(name, known)} {GRAMMAR}")


@functools.lru_cache(maxsize=16)
def all_forms(highest: int, multiple: int = 0) -> tuple[Form, ...]:
    """Every closed subgroup of O(3) up to conjugation, axial families up to n = `highest`: one of each name.

    If `multiple` is given, only the axial families whose n divides it.
    """
    found: list[Form] = []
    for n in (n for n in range(1, highest + 1) if multiple % n == 0):
        found += [AxialForm(family, n) for family in AXIAL if n > 1 or family in ("C", "Ch", "S")]
    found += [PolyhedralForm(family) for family in POLYHEDRAL]
    found += [AxialForm(family, None) for family in AXIAL if family not in ("S", "Dd")]
    return (*found, RotationForm(False), RotationForm(True))
