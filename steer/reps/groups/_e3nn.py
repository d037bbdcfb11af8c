"""Irreps of rotations as e3nn writes them, and its basis of each."""

import functools
import re

import numpy as np

from ..._values import MOST_VALUES, Array, frozen, require_room
from ...errors import FieldTypeError
from ..special._wigner import wigner_d
from ..theory._fields import Fields
from ..theory._group import Group
from ..theory._representation import Irrep, block_diagonal
from ._catalogue import group as named

TERM = re.compile(r"(?:([0-9]{1,18})\s*x\s*)?([0-9]{1,18})([eoy]?)")
CYCLE = ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0))
"""(x, y, z) to (y, z, x): what e3nn calls x, y and z its harmonics take as z, x and y of the textbook."""


def parse_irreps(irreps: object, group: Group | None) -> tuple[Group, list[Irrep]]:
    """The group and the irreps of a string such as "8x0e + 4x1o"; see `nn.FieldType.from_irreps`.

    Raises:
        FieldTypeError: the string is none, or its labels are not those of the group.
    """
    if not isinstance(irreps, str) and type(irreps).__name__ not in ("Irreps", "Irrep"):
        raise FieldTypeError(f"irreps: expected a string such as '8x0e + 4x1o', got {irreps!r}")
    text = str(irreps)
    terms = [TERM.fullmatch(term.strip()) for term in text.split("+")]
    found = [term.groups() for term in terms if term is not None]
    if len(found) < len(terms):
        raise FieldTypeError(
            f"irreps: expected terms such as '8x0e' (O(3)) or '8x0' (SO(3)) joined by '+', got {text!r}"
        )
    parities = {bool(parity) for _, _, parity in found}
    if len(parities) > 1:
        raise FieldTypeError(f"irreps: some terms of {text!r} have a parity and some have none; give all or none")
    full, proper = named("O(3)", dim=3), named("SO(3)", dim=3)
    group = (full if True in parities else proper) if group is None else group
    if not isinstance(group, Group) or group not in (full, proper):
        raise FieldTypeError(f"group: e3nn has irreps of {full!r} and {proper!r}, got {group!r}; list the others")
    if group == full and False in parities:
        raise FieldTypeError(f"irreps: irreps of O(3) have a parity, as in '1o' and '1e', got {text!r}")
    total = sum(1 if count is None else int(count) for count, _, _ in found)
    require_room("irreps", "a list of fields", total, "name fewer of them", FieldTypeError, MOST_VALUES)
    out: list[Irrep] = []
    for count, degree, parity in found:
        parity = "eo"[int(degree) % 2] if parity == "y" else parity
        out += (1 if count is None else int(count)) * [group.irrep(f"{int(degree)}{parity if group == full else ''}")]
    return group, out


def format_irreps(fields: Fields) -> str:
    """The irreps of all fields, as e3nn writes them; see `nn.FieldType.irreps_string`."""
    _require_rotations(fields)
    split = Fields(fields.group, [psi for rep in fields for psi in rep.irreps])
    return " + ".join(f"{count}x{rep.name}" for rep, count in split.runs)


def e3nn_basis(fields: Fields) -> Array:
    """The orthogonal matrix P from features in the basis of e3nn to those of a field type: ours = P theirs.

    Of features (..., size), ``x @ P.T`` goes to our basis and ``x @ P`` to theirs. Theirs are those of the irreps
    of the fields (`nn.FieldType.irreps_string`), one after the other, each as `e3nn.o3.spherical_harmonics` orders it:
    of degree 1 (x, y, z), as here; above by the orders m = -l, ..., l about the axis y, where ours are about z. Fields
    that are no irreps, such as tensor products, are put together from these by their `change_of_basis`.

    Args:
        fields: fields of SO(3) or O(3), such as a `nn.FieldType`.

    Returns:
        (size, size), read-only.

    Raises:
        FieldTypeError: they are no fields, or of another group.

    Source:
        e3nn's page of conventions; Geiger, Smidt, "e3nn: Euclidean neural networks" (2022).

    Example:
        >>> import numpy as np, steer
        >>> SO3 = steer.group("SO(3)", dim=3)
        >>> t = steer.reps.Fields(SO3, [SO3.irrep("1"), SO3.irrep("2")])
        >>> P = steer.reps.e3nn_basis(t)
        >>> bool(np.allclose(P @ P.T, np.eye(8))), bool(np.allclose(P[:3, :3], np.eye(3)))
        (True, True)
    """
    if not isinstance(fields, Fields):
        raise FieldTypeError(f"fields: expected a FieldType, got {fields!r}")
    _require_rotations(fields)
    found = {
        rep: rep.change_of_basis @ block_diagonal([_change(psi.frequency) for psi in rep.irreps])
        for rep in fields.kinds
    }
    return frozen(block_diagonal([found[rep] for rep in fields]))


@functools.lru_cache(maxsize=64)
def _change(degree: int) -> Array:
    """(2 degree + 1, 2 degree + 1): from the components of a degree as e3nn orders them to ours, for either parity."""
    return frozen(np.eye(2 * degree + 1) if degree < 2 else wigner_d(CYCLE, degree))


def _require_rotations(fields: Fields) -> None:
    known = named("O(3)", dim=3), named("SO(3)", dim=3)
    if fields.group not in known:
        raise FieldTypeError(
            f"fields: e3nn has irreps of {known[0]!r} and {known[1]!r}, got fields of {fields.group!r}"
        )
