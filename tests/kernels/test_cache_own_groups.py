"""Kernels of groups of one's own are never taken for those of another group that prints alike."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import CacheError
from steer.kernels import KernelSpec, cache, kernel_basis
from steer.kernels.bases._wigner_eckart import describe
from steer.reps import Group, IrrepData, direct_product, with_action
from steer.testing import assert_kernel_constraint

from .cached import DESCRIPTOR, SMALL, counts, files


def family(sign):
    """Turns by 120 degrees, a class that prints alike each time; irrep "E" turns the other way for sign = -1."""

    @dataclass(frozen=True)
    class Turns(Group):
        full: bool = True
        dim = 2

        @property
        def name(self):
            return "Z3" if self.full else "Z1"

        @property
        def components(self):
            return steer.group("C3" if self.full else "C1", dim=2).elements

        @property
        def trivial_subgroup(self):
            return Turns(False)

        def subgroups(self, max_order=12):
            return (Turns(False), self) if self.full else (self,)

        def _labels(self, max_frequency):
            return ("A", "E") if self.full and max_frequency != 0 else ("A",)

        def _irrep_data(self, label):
            if label not in self._labels(None):
                return None
            if label == "A":
                return IrrepData(1, 0, "real", lambda g: np.ones((*g.shape[:-2], 1, 1)))
            return IrrepData(2, 1, "complex", lambda g: np.diag([1, sign]) @ g @ np.diag([1, sign]))

    Turns.__qualname__ = "Turns"
    return Turns()


SETTINGS = {
    "itself": lambda group: group,
    "product": lambda group: direct_product(steer.group("C2", dim=2), group),
    "action": lambda group: with_action(group, group.irrep("E")),
    "subgroup": lambda group: group.subgroup("Z3"),
}


@pytest.mark.parametrize("basis", ["rings", "pixel"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_a_class_that_changes(folder, setting, basis):
    for sign in (1, -1, 1):
        group = SETTINGS[setting](family(sign))
        functions = steer.kernels.functions_for(basis, steer.kernels.Grid((1, 1) if basis == "pixel" else (3, 3)))
        psi = group.irreps()[-1]
        assert_kernel_constraint(
            kernel_basis(psi + group.vector, psi + group.trivial, radial=functions),
            points=np.zeros((1, 2)) if basis == "pixel" else None,
        )
    assert files(folder) == []


def test_a_representation_of_a_group_of_ones_own_restricted(folder):
    for sign in (1, -1):
        group = direct_product(family(sign), steer.group("C2", dim=2))
        rep = group.irrep("(E, A)").restrict("first")
        spectrum = kernel_basis(rep, rep.group.vector, radial=steer.kernels.Pixels(steer.kernels.Grid((1, 1))))
        assert_kernel_constraint(spectrum, points=np.zeros((1, 2)))


def test_equal_values_are_solved_once(folder):
    group = family(1)
    first, again = (describe(group.vector, group.irrep("E"), 2) for _ in range(2))
    assert not first.is_shared
    assert cache._fetch.fetch(first) is cache._fetch.fetch(again)
    assert counts() == (1, 0, 1)
    assert files(folder) == []


def test_the_librarys_are_shared(folder):
    assert DESCRIPTOR.is_shared
    group = with_action(direct_product(steer.group("O(2)", dim=2), steer.group("C2", dim=2)), None)
    assert describe(group.trivial, group.trivial, 0).is_shared


def test_precompute_leaves_them_out(folder):
    group = family(1)
    own = KernelSpec([group.irrep("E")], [group.vector], kernel_size=3)
    with pytest.warns(RuntimeWarning, match=r"classes that steer does not define are not kept.*Turns\(full=True\)"):
        report = steer.precompute([own, KernelSpec(SMALL.in_irreps, SMALL.out_irreps, kernel_size=3)], workers=1)
    assert (report.total, report.solved, report.failed) == (1, 1, {})
    assert len(files(folder)) == 1
    with pytest.raises(CacheError, match="not kept on disk"):
        cache.ensure(own.descriptors()[0])


def test_a_notebook_cell_that_runs_twice():
    for _ in range(2):
        group = family(1)
        fields = nn.FieldType(group, [group.vector])
        steer.testing.assert_equivariant(nn.Linear(fields, fields), torch.randn(3, 2), elements=group.elements)
