"""Layers that act on each field alone: nonlinearities, norms, dropout, pooling of fields."""

import torch

from steer import nn
from tests.nn.zoo import longer

from ..case import Case
from ..settings import IRREPS, MIXED, POINTS, SPACES, UNIFORM, in_settings

CASES: dict[str, Case] = {
    **in_settings("NormAct relu", nn.NormAct, {**IRREPS, **POINTS}),
    **in_settings("NormAct softplus", lambda t: nn.NormAct(t, "softplus"), SPACES),
    **in_settings("NormAct squash", lambda t: nn.NormAct(t, "squash", bias=False), UNIFORM),
    **in_settings("Gate", nn.Gate, {**IRREPS, **POINTS}),
    **in_settings("Gate own functions", lambda t: nn.Gate(t, torch.nn.Hardsigmoid(), torch.nn.ELU()), MIXED),
    # fields of one kind in periods, and without a period
    **in_settings("Gate periodic", lambda t: nn.Gate(longer(t)), IRREPS),
    **in_settings("Gate irregular", lambda t: nn.Gate(longer(t, shuffle=True), "tanh"), IRREPS),
    **in_settings("NormAct irregular", lambda t: nn.NormAct(longer(t, shuffle=True)), IRREPS),
    **in_settings("BatchNorm irregular", lambda t: nn.BatchNorm(longer(t, shuffle=True), momentum=None), IRREPS),
    **in_settings(
        "BatchNorm plain",
        lambda t: nn.BatchNorm(t, affine=False, track_running_stats=False),
        SPACES,
        without={
            "steer_export": "has no statistics",
            "samples_are_independent_in_evaluation": "takes those of a batch",
        },
    ),
    **in_settings("BatchNorm", nn.BatchNorm, {**IRREPS, **MIXED, **UNIFORM}),
    **in_settings("BatchNorm", nn.BatchNorm, POINTS, without={"a_single_sample_in_training": "has no variance"}),
    **in_settings("Dropout", nn.Dropout, {**SPACES, **POINTS}),
    **in_settings("NormPool", nn.NormPool, {**IRREPS, **POINTS}),
    **in_settings("GroupPool", nn.GroupPool, {**MIXED, **UNIFORM}),
    **in_settings("GroupPool mean", lambda t: nn.GroupPool(t, "mean"), MIXED),
    **in_settings("ReLU", nn.ReLU, {**MIXED, **UNIFORM}),
    **in_settings("ELU", nn.ELU, UNIFORM),
    **in_settings("LeakyReLU", nn.LeakyReLU, UNIFORM),
    **in_settings("GELU", nn.GELU, UNIFORM),
    **in_settings("SiLU", nn.SiLU, UNIFORM),
    **in_settings("Sigmoid", nn.Sigmoid, UNIFORM),
    **in_settings("Tanh", nn.Tanh, UNIFORM),
    **in_settings("Pointwise", lambda t: nn.Pointwise(t, torch.nn.Softplus()), UNIFORM),
}
