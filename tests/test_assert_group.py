"""The check of a group of one's own passes on those of the library, and names what is wrong with a broken one."""

from dataclasses import dataclass

import numpy as np
import pytest

import steer
from steer.errors import GroupError
from steer.reps import IrrepData, direct_product, with_action
from steer.testing import assert_group

from .reps.test_own_group import Q8, Quaternions

D4, SO2, C3 = (steer.group(name, dim=2) for name in ("D4", "SO(2)", "C3"))
GROUPS = [
    *Q8.subgroups(),
    *(steer.group(name, dim=2) for name in ("C1", "C5", "D3", "SO(2)", "O(2)")),
    *(steer.group(name, dim=3) for name in ("T", "D3h", "Ih", "Cinfv", "SO(3)", "O(3)")),
    direct_product(C3, C3),
    direct_product(SO2, D4),
    with_action(D4, D4.irrep("B1") + D4.irrep("B2")),
    with_action(SO2, None),
]


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_groups(group):
    assert_group(group)


def test_no_group():
    with pytest.raises(GroupError, match="group: expected a group"):
        assert_group("C4")


def broken(**changes):
    """The quaternion group with some members replaced."""
    return dataclass(frozen=True)(type("Broken", (Quaternions,), changes))()


def data(**by_label):
    """`_irrep_data` with some attributes of irreps replaced."""

    def _irrep_data(self, label):
        found = Q8._irrep_data(label)
        return found._replace(**by_label.get(label, {})) if found else None

    return _irrep_data


def labels(*found):
    return lambda self, max_frequency: found


ELEMENTS = Q8.elements
DEFECTS = {
    "identity": ({"components": ELEMENTS[::-1]}, "components of .*expected the identity first"),
    "shape": ({"components": ELEMENTS[..., :3]}, r"components of .*expected an array of shape \(n, 4, 4\)"),
    "list": ({"components": ELEMENTS.tolist()}, "components of .*expected an array"),
    "unhashable": ({"__hash__": lambda self: hash([])}, "fields of .*expected hashable"),
    "order": ({"components": ELEMENTS[:4]}, "order of .*8, but components lists 4"),
    "closure": (
        {"components": np.concatenate([ELEMENTS[:7], [np.diag([1.0, 1, 1, -1])]])},
        "the (product|quotient) of elements . and . is not in the group",
    ),
    "twice": ({"components": ELEMENTS[[0, 0, 1, 1, 2, 2, 3, 3]]}, "elements of .*some are equal"),
    "orthogonal": ({"components": ELEMENTS * np.array([1, 2, 1, 1, 1, 1, 1, 1])[:, None, None]}, "is not orthogonal"),
    "generators": ({"generators": 2 * ELEMENTS[:1]}, "generators of .*not in the group"),
    "action": ({"_action": lambda self, g: np.abs(g[..., :3, :3])}, "action of .*(not orthogonal|no homomorphism)"),
    "type": ({"_irrep_data": data(H={"type": "complex"})}, "irrep.'H'.*no irrep of complex type"),
    "no type": ({"_irrep_data": data(H={"type": "odd"})}, "type of .*'H'.*expected one of real"),
    "missing": ({"_labels": labels("A", "B1", "B2", "H")}, "irreps of .*some are missing.* 7, not 8"),
    "equal labels": ({"_labels": labels("A", "B1", "B1", "H")}, "labels of .*expected distinct"),
    "trivial": ({"_labels": labels("B1", "A", "B2", "B3", "H")}, "expected the trivial irrep first, got 'B1'"),
    "equivalent": (
        {"_irrep_data": data(B2={"matrices": Q8._irrep_data("B1").matrices})},
        "'B1' and 'B2' are equivalent",
    ),
    "anti-homomorphism": (
        {"_irrep_data": data(H={"matrices": lambda g: np.swapaxes(g, -2, -1)})},
        "irrep.'H'.: no homomorphism",
    ),
    "leading axes": ({"_irrep_data": data(A={"matrices": lambda g: np.eye(1)})}, "irrep.'A'.: expected matrices"),
    "raises": ({"_irrep_data": data(A={"matrices": lambda g: g[0, 0]})}, "irrep.'A'.: "),
    "size": ({"_irrep_data": data(B1={"size": 2})}, "irrep.'B1'.: expected matrices"),
    "reducible": (
        {
            "_irrep_data": lambda self, label: (
                IrrepData(2, 1, "complex", lambda g: self._action(g)[..., :2, :2])
                if label == "B1"
                else Q8._irrep_data(label)
            )
        },
        "irrep.'B1'.: no irrep of complex type",
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_defects_are_named(defect):
    changes, message = DEFECTS[defect]
    with pytest.raises(AssertionError, match=message):
        assert_group(broken(**changes))
