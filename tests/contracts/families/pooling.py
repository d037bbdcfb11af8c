"""Layers that change the grid, and pooling by norms and cosets."""

from steer import nn

from ..case import Case
from ..settings import IRREPS, MIXED, SPACES, in_settings

CASES: dict[str, Case] = {
    **in_settings("Upsample nearest", lambda t: nn.Upsample(t, scale_factor=2), MIXED),
    **in_settings("Upsample linear", lambda t: nn.Upsample(t, scale_factor=1.5, mode="linear"), SPACES),
    **in_settings("Upsample cubic", lambda t: nn.Upsample(t, size=9, mode="cubic", align_corners=True), IRREPS),
}
