"""Normalisation by sample: over space, over positions, over sets of fields."""

from steer import nn
from tests.contracts.case import Case
from tests.nn.zoo import longer

from ..settings import IRREPS, MIXED, POINTS, UNIFORM, in_settings

PLANAR, CUBIC = IRREPS["O(2) irreps"][0], UNIFORM["O regular"][0]
POINT, D4_MIXED = POINTS["SO(3) points"][0], MIXED["D4 mixed"][0]

CASES: dict[str, Case] = {
    **in_settings("InstanceNorm", UNIFORM),
    **in_settings("InstanceNorm affine", IRREPS),
    **in_settings("LayerNorm", {**MIXED, **POINTS}),
    "LayerNorm O": Case(lambda: nn.LayerNorm(CUBIC + nn.FieldType(CUBIC.group, [CUBIC.group.vector])), (5, 5, 5)),
    "LayerNorm plain O(2)": Case(lambda: nn.LayerNorm(longer(PLANAR, shuffle=True), affine=False), (7, 7)),
    "GroupNorm D4 two sets": Case(lambda: nn.GroupNorm(D4_MIXED, 2), (8, 8)),
    "GroupNorm C8 regular": Case(lambda: nn.GroupNorm(UNIFORM["C8 regular"][0], 1), (7, 7)),
    "GroupNorm SO(3) points": Case(lambda: nn.GroupNorm(POINT, 2), (6,)),
    "GroupNorm O(2) without space": Case(lambda: nn.GroupNorm(longer(PLANAR), 2)),
}
