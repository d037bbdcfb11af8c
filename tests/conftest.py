"""Which tests are slow by what they run over."""

import math
import re
from collections.abc import Iterator

import pytest

from steer.reps import Group
from tests.catalogue import PLANAR, SPATIAL, stands_for_others

RARE = {
    *(group for group in PLANAR if group.name[1:] in ("5", "7", "9", "10", "11", "12")),
    *(group for group in SPATIAL if re.search("[CD][5-8]|S1|S8|C4v|C4h|D4d", group.name)),
}
"""Groups of the large families that differ from their neighbours in a number only: the theorems over them are slow."""

LARGE = {
    "tests.reps.test_irreps": 24,
    "tests.reps.test_values": 12,
    "tests.reps.test_matrices": 12,
    "tests.reps.test_groups": 48,
    "tests.kernels.test_plan": 8,
    "tests.kernels.test_pixel": 8,
    "tests.kernels.test_space": 12,
    "tests.kernels.test_spectrum": 12,
    "tests.kernels.test_derivative": 24,
    "tests.nn.test_conv": 8,
    "tests.nn.test_conv3d": 12,
    "tests.nn.test_spacing": 12,
    "tests.nn.test_own_representations": 12,
    "tests.nn.test_conv_bases": 8,
    "tests.nn.test_conv_pixel": 8,
    "tests.nn.test_conv_transpose": 24,
    "tests.nn.test_transform": 24,
}
"""Files whose time grows fast with the group, and the largest order that is not slow."""

FEW = {
    *("tests.reps.test_restrict_induce", "tests.reps.test_intertwiners", "tests.reps.test_clebsch_gordan"),
    *("tests.reps.test_decompose", "tests.kernels.test_constraint", "tests.kernels.test_forms", "tests.nn.test_linear"),
}
"""Files of many theorems over every group, which are quick for one or two groups of each family."""

TWICE = ("O(3)", "Cinfh", "Dinf", "Dinfh")
"""Continuous groups that are slow in the files of `LARGE` on representations, where they take most of the time.

Cinfv, O(2), SO(3) and the finite groups are quick there, and layers and kernels run over O(3).
"""


def _groups(value: object) -> Iterator[Group]:
    if isinstance(value, Group):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _groups(part)


def _is_slow(group: Group, module: str) -> bool:
    if group in RARE or (module in FEW and not stands_for_others(group)):
        return True
    if group.is_finite:
        return group.order > LARGE.get(module, math.inf)
    return module in LARGE and module.startswith("tests.reps.") and group.name in TWICE


@pytest.hookimpl(tryfirst=True)  # before "-m" selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # processes that run tests side by side must agree on their names
        if " at 0x" in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid}: named by the address of an object, which no other process has")
        if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            given = tuple(item.callspec.params.values())
            if any(_is_slow(group, item.module.__name__) for group in _groups(given)):
                item.add_marker(pytest.mark.slow)
