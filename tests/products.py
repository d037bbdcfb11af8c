"""The direct products and the groups with other actions that the tests run over."""

import itertools

import numpy as np

import steer
from steer.reps import direct_product, with_action

C1, C2, C3, C4, C5, C6, C12, D3, D4, D6, SO2, O2 = (
    steer.group(name, dim=2) for name in ("C1", "C2", "C3", "C4", "C5", "C6", "C12", "D3", "D4", "D6", "SO(2)", "O(2)")
)
T, OCT, SO3, O3 = (steer.group(name, dim=3) for name in ("T", "O", "SO(3)", "O(3)"))

SMALL = [direct_product(a, b) for a, b in itertools.product((C1, C2, C3, C4, D3), repeat=2)]
FINITE = [
    *SMALL,
    direct_product(D4, D3),
    direct_product(T, C3),
    direct_product(OCT, C2),
    direct_product(O2.subgroup("D2", axis=0.3), O3.subgroup("C4v", axis="x")),
    direct_product(direct_product(C3, C4), C5),
    direct_product(C2, direct_product(C2, C3)),
]
CONTINUOUS = [
    direct_product(SO2, C3),
    direct_product(C3, SO2),
    direct_product(SO2, SO2),
    direct_product(SO3, C2),
    direct_product(O3, C2),
    direct_product(SO3, SO2),
    direct_product(direct_product(C3, C4), SO2),
    direct_product(direct_product(SO2, D3), C4),
]
PRODUCTS = FINITE + CONTINUOUS

THROUGH_D2 = with_action(D4, D4.irrep("B1") + D4.irrep("B2"))
HALF_TURN = with_action(C4, C4.irrep("B") + C4.irrep("B"))
STILL = with_action(D4, D4.trivial + D4.trivial)
DOUBLE = with_action(SO2, SO2.irrep("2"))
ON_PLANE = with_action(OCT, OCT.irrep("E"))
AXIAL = with_action(O3, O3.irrep("1e"))
SPACE = with_action(C4, C4.vector + C4.trivial)
INTERNAL = [direct_product(C4, C2), direct_product(SO2, C3), direct_product(SO3, C2), direct_product(THROUGH_D2, C2)]
ACTIONS = [THROUGH_D2, HALF_TURN, STILL, DOUBLE, ON_PLANE, AXIAL, SPACE]
MOVING = ACTIONS + INTERNAL

NOWHERE = with_action(D4, None)
LINE = with_action(D4, D4.irrep("B1"))


def product_id(product):
    return product.name.replace(" ", "")


def irreps(group):
    """All irreps, of a continuous group those up to frequency 2."""
    return group.irreps(None if group.is_finite else 2)


def turn(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def beside(g, h):
    """diag(g, h), by hand."""
    return np.block([[g, np.zeros((len(g), len(h)))], [np.zeros((len(h), len(g))), h]])


def action_id(group):
    return f"{group.name} in {group.dim}".replace(" ", "")
