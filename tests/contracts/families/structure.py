"""Modules that hold others, and those that only pass data on."""

from steer import nn

from ..case import Case
from ..settings import IRREPS, MIXED, POINTS, SPACES, in_settings


def _branch(field_type: nn.FieldType) -> nn.Module:
    return nn.Branch(nn.Identity(field_type), nn.NormPool(field_type), nn.Sequential(nn.NormAct(field_type)))


def _residual(field_type: nn.FieldType) -> nn.Module:
    body = nn.Sequential(nn.BatchNorm(field_type), nn.NormAct(field_type, "softplus"))
    return nn.Residual(nn.Residual(body), nn.BatchNorm(field_type))


CASES: dict[str, Case] = {
    **in_settings("Branch", _branch, {**IRREPS, **MIXED}),
    **in_settings("Residual", _residual, IRREPS),
    **in_settings("GlobalAvgPool", nn.GlobalAvgPool, SPACES),
    **in_settings("GlobalAvgPool", nn.GlobalAvgPool, {"SO(3) points": POINTS["SO(3) points"]}),
}
