"""Modules that hold others, and those that only pass data on."""

from ..case import Case
from ..settings import IRREPS, MIXED, POINTS, SPACES, in_settings

CASES: dict[str, Case] = {
    **in_settings("Branch", {**IRREPS, **MIXED}),
    **in_settings("Parallel", {**IRREPS, **MIXED}),
    **in_settings("Residual", IRREPS),
    **in_settings("GlobalAvgPool", SPACES),
    **in_settings("GlobalAvgPool", {"SO(3) points": POINTS["SO(3) points"]}),
}
