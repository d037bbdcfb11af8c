"""The groups, types and spaces that most modules are checked in, by name."""

from collections.abc import Mapping
from typing import Any

import steer
from steer import nn
from tests.nn.zoo import LAYERS

from .case import Case

D4, O2, C8 = (steer.group(name, dim=2) for name in ("D4", "O(2)", "C8"))
CUBE, O3, SO3 = (steer.group(name, dim=3) for name in ("O", "O(3)", "SO(3)"))

D1 = steer.group("D1", dim=1)
TURNED = steer.reps.with_action(CUBE, CUBE.trivial)
SERIES = nn.FieldType(TURNED, [TURNED.trivial, CUBE.vector.restrict(TURNED), TURNED.irrep("T1")])
"""Vectors that are turned at all times alike."""

Setting = tuple[nn.FieldType, tuple[int, ...]]

_PLANAR = nn.FieldType(O2, [O2.irrep(label) for label in ("1", "0+", "2", "0-", "1")])
_SPATIAL = nn.FieldType(O3, [O3.irrep(label) for label in ("1o", "0e", "0o", "2e")])

IRREPS: Mapping[str, Setting] = {"O(2) irreps": (_PLANAR, (7, 7)), "O(3) irreps": (_SPATIAL, (5, 5, 5))}
MIXED: Mapping[str, Setting] = {
    "D4 mixed": (nn.FieldType(D4, [D4.trivial, D4.regular, D4.quotient("D1"), D4.trivial]), (7, 7))
}
UNIFORM: Mapping[str, Setting] = {
    "C8 regular": (nn.FieldType(C8, 2 * [C8.regular]), (7, 7)),
    "O regular": (nn.FieldType(CUBE, [CUBE.regular]), (5, 5, 5)),
}
SPACES: Mapping[str, Setting] = {**IRREPS, **MIXED}
LINES: Mapping[str, Setting] = {
    "D1 line": (nn.FieldType(D1, [D1.regular, D1.trivial, D1.vector, D1.regular]), (9,)),
}
POINTS: Mapping[str, Setting] = {
    "SO(3) points": (nn.FieldType(SO3, [SO3.irrep(label) for label in ("0", "1", "0", "1")]), (6,)),
    "O(2) no space": (_PLANAR, ()),
}


def in_settings(name: str, settings: Mapping[str, Setting], **options: Any) -> dict[str, Case]:
    """A case for each setting, of the layer of that name in the zoo."""
    build = LAYERS[name]
    return {
        f"{name} {setting}": Case(lambda field_type=field_type: build(field_type), space, **options)
        for setting, (field_type, space) in settings.items()
    }
