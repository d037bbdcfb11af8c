"""Layers that change the grid, and pooling by norms and cosets."""

from steer import nn

from ..case import Case
from ..settings import CUBE, D4, IRREPS, LINES, MIXED, SPACES, UNIFORM, in_settings

MIRRORED = nn.FieldType(D4, [D4.regular, D4.quotient("C2"), D4.regular, D4.quotient("C4")])
CUBES = nn.FieldType(CUBE, 2 * [CUBE.regular])

CASES: dict[str, Case] = {
    **in_settings("Upsample nearest", MIXED),
    **in_settings("Upsample linear", SPACES),
    **in_settings("Upsample cubic", {**IRREPS, **LINES}),
    **in_settings("AdaptiveAvgPool", SPACES),
    **in_settings("AdaptiveMaxPool", {**MIXED, **UNIFORM}),
    **in_settings("NormMaxPool", {**SPACES, **LINES}),
    **in_settings("NormMaxPool dilated", UNIFORM),
    "GroupPool D4 cosets": Case(lambda: nn.GroupPool(MIRRORED, subgroup="C4"), (7, 7)),
    "GroupPool O cosets, mean": Case(lambda: nn.GroupPool(CUBES, "mean", "D3"), (5, 5, 5)),
}
