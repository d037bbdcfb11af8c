"""Layers that act on each field alone: nonlinearities, norms, dropout, pooling of fields."""

from ..case import Case
from ..settings import IRREPS, LINES, MIXED, POINTS, SPACES, UNIFORM, in_settings

CASES: dict[str, Case] = {
    **in_settings("NormAct relu", {**IRREPS, **POINTS}),
    **in_settings("NormAct softplus", SPACES),
    **in_settings("NormAct squash", UNIFORM),
    **in_settings("Gate", {**IRREPS, **POINTS}),
    **in_settings("Gate own functions", MIXED),
    # fields of one kind in periods, and without a period
    **in_settings("Gate periodic", IRREPS),
    **in_settings("Gate irregular", IRREPS),
    **in_settings("Gate odd", {**IRREPS, **LINES}),
    **in_settings("NormAct irregular", IRREPS),
    **in_settings("BatchNorm irregular", IRREPS),
    **in_settings(
        "BatchNorm plain",
        SPACES,
        without={
            "steer_export": "has no statistics",
            "samples_are_independent_in_evaluation": "takes those of a batch",
        },
    ),
    **in_settings("BatchNorm", {**IRREPS, **MIXED, **UNIFORM}),
    **in_settings("BatchNorm", POINTS, without={"a_single_sample_in_training": "has no variance"}),
    **in_settings("Dropout", {**SPACES, **POINTS}),
    **in_settings("Dropout elementwise", {**MIXED, **LINES}),
    **in_settings("NormPool", {**IRREPS, **POINTS}),
    **in_settings("GroupPool", {**MIXED, **UNIFORM}),
    **in_settings("GroupPool mean", MIXED),
    **in_settings("ReLU", {**MIXED, **UNIFORM}),
    **in_settings("ELU", UNIFORM),
    **in_settings("LeakyReLU", UNIFORM),
    **in_settings("GELU", UNIFORM),
    **in_settings("SiLU", UNIFORM),
    **in_settings("Sigmoid", UNIFORM),
    **in_settings("Tanh", UNIFORM),
    **in_settings("Pointwise", UNIFORM),
}
