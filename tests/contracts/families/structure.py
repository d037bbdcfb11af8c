"""Modules that hold others, and those that only pass data on."""

from steer import nn

from ..case import Case
from ..settings import IRREPS, LINES, MIXED, POINTS, SPACES, in_settings

CASES: dict[str, Case] = {
    **in_settings("Branch", {**IRREPS, **MIXED}),
    **in_settings("Parallel", {**IRREPS, **MIXED}),
    "Reorder D4 mixed": Case(lambda: nn.Reorder(MIXED["D4 mixed"][0], [3, 0, 1, 0]), (7, 7)),
    **in_settings("Residual", IRREPS),
    **in_settings("AliasFree", {**LINES, **IRREPS}),
    **in_settings("GlobalAvgPool", SPACES),
    **in_settings("GlobalAvgPool", {"SO(3) points": POINTS["SO(3) points"]}),
}
