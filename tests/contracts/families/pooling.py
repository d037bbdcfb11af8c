"""Layers that change the grid, and pooling by norms and cosets."""

from steer import nn

from ..case import Case
from ..settings import CUBE, D4, IRREPS, MIXED, SPACES, UNIFORM, in_settings

MIRRORED = nn.FieldType(D4, [D4.regular, D4.quotient("C2"), D4.regular, D4.quotient("C4")])
CUBES = nn.FieldType(CUBE, 2 * [CUBE.regular])

CASES: dict[str, Case] = {
    **in_settings("Upsample nearest", lambda t: nn.Upsample(t, scale_factor=2), MIXED),
    **in_settings("Upsample linear", lambda t: nn.Upsample(t, scale_factor=1.5, mode="linear"), SPACES),
    **in_settings("Upsample cubic", lambda t: nn.Upsample(t, size=9, mode="cubic", align_corners=True), IRREPS),
    **in_settings("AdaptiveAvgPool", lambda t: nn.AdaptiveAvgPool(t, 3), SPACES),
    **in_settings("AdaptiveMaxPool", lambda t: nn.AdaptiveMaxPool(t, 3), {**MIXED, **UNIFORM}),
    **in_settings("NormMaxPool", lambda t: nn.NormMaxPool(t, 3, 2, 1), SPACES),
    **in_settings("NormMaxPool dilated", lambda t: nn.NormMaxPool(t, 2, 1, dilation=3), UNIFORM),
    "GroupPool D4 cosets": Case(lambda: nn.GroupPool(MIRRORED, subgroup="C4"), (7, 7)),
    "GroupPool O cosets, mean": Case(lambda: nn.GroupPool(CUBES, "mean", "D3"), (5, 5, 5)),
}
