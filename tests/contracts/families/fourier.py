"""Functions of the samples of band-limited fields."""

import torch

import steer
from steer import nn
from tests.contracts.case import Case

SO2 = steer.group("SO(2)", dim=2)
O2 = steer.group("O(2)", dim=2)
D4 = steer.group("D4", dim=2)
SO3 = steer.group("SO(3)", dim=3)
O3 = steer.group("O(3)", dim=3)

MIXED = nn.FieldType(D4, [D4.trivial, D4.band_limited(1), D4.regular, D4.quotient("C4"), D4.band_limited(1)])
PLANAR = nn.FieldType(O2, [O2.band_limited(2), O2.trivial, O2.band_limited(2), O2.quotient("D1", 1)])
SPHERES = nn.FieldType(O3, [O3.trivial, O3.quotient("Cinfv", 2), O3.quotient("Cinfv", 2)])
ROTATIONS = nn.FieldType(SO3, [SO3.band_limited(1), SO3.trivial])
SPINS = nn.FieldType(SO3, [SO3.sections(SO3.subgroup("Cinf").irrep("E1"), 1), SO3.trivial])
SECTIONS = nn.FieldType(O2, [O2.irrep("0-"), O2.sections(O2.subgroup("D1").irreps()[1], 2), O2.trivial])
"""Fields over the sphere and the circle whose values are tangent vectors, and numbers that change sign."""

CASES = {
    "FourierAct D4 mixed silu": Case(lambda: nn.FourierAct(MIXED, "silu"), (7, 7)),
    "FourierAct O(2) relu": Case(lambda: nn.FourierAct(PLANAR), (8, 8)),
    "FourierAct O(3) spheres elu": Case(lambda: nn.FourierAct(SPHERES, "elu"), (5, 5, 5)),
    "FourierAct SO(3) points": Case(lambda: nn.FourierAct(ROTATIONS, torch.nn.Softsign()), (6,), error=0.01),
    "FourierAct SO(2) some irreps": Case(
        lambda: nn.FourierAct(nn.FieldType(SO2, 2 * [SO2.band_limited(["0", "2"])]), "silu", out_frequency=["0", "4"]),
        (8, 8),
    ),
    "FourierAct O(2) sections": Case(lambda: nn.FourierAct(SECTIONS, "tanh"), (8, 8)),
    "FourierAct SO(3) sections": Case(lambda: nn.FourierAct(SPINS, torch.nn.Softshrink(0.2)), (5, 5, 5)),
    "FourierAct SO(2) other band": Case(
        lambda: nn.FourierAct(nn.FieldType(SO2, 2 * [SO2.band_limited(1)]), "tanh", out_frequency=2), error=0.01
    ),
    "FourierMaxPool O(2)": Case(lambda: nn.FourierMaxPool(PLANAR, 3, 2, 1), (7, 7)),
    "FourierMaxPool O(3)": Case(lambda: nn.FourierMaxPool(SPHERES, 2, 1), (4, 4, 4)),
}
