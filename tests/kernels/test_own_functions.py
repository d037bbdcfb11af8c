"""Radial functions that users write: a subclass of `AngularFunctions` is a basis like those of this package."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import KernelError
from steer.kernels import AngularFunctions, Grid, KernelSpec, kernel_basis
from steer.reps import harmonics
from steer.testing import assert_equivariant, assert_kernel_constraint


@dataclass(frozen=True)
class Hats(AngularFunctions):
    """Hats of the radius about 0, 1, ..., with all degrees up to the radius."""

    count_of_rings: int

    @property
    def blocks(self):
        return tuple((ring, degree) for ring in range(self.count_of_rings) for degree in range(ring + 1))

    @property
    def max_frequency(self):
        return self.count_of_rings - 1

    def sample(self, points):
        x = np.asarray(points, dtype=np.float64)
        radius = np.linalg.norm(x, axis=-1)
        return np.concatenate(
            [
                np.maximum(1 - np.abs(radius - ring), 0) * np.moveaxis(harmonics(x, degree), -1, 0)
                for ring, degree in self.blocks
            ]
        )


@pytest.mark.parametrize(("name", "dim"), [("C8", 2), ("O(2)", 2), ("SO(3)", 3), ("Oh", 3)])
def test_kernels_are_steerable_and_layers_equivariant(name, dim):
    G = steer.group(name, dim=dim)
    assert_kernel_constraint(kernel_basis(G.vector, G.vector, radial=Hats(3)))
    hidden = nn.FieldType(G, [G.trivial, G.vector] + ([G.regular] if name == "C8" else []))
    layer = (nn.Conv2d if dim == 2 else nn.Conv3d)(hidden, hidden, 5, padding=2, basis=Hats(3), dtype=torch.float64)
    assert_equivariant(layer, shape=(1, *dim * [9]))
    assert "basis=Hats(count_of_rings=3)" in str(layer)


def test_fingerprints_say_what_the_functions_depend_on():
    G = steer.group("O(2)", dim=2)
    prints = [kernel_basis(G.vector, G.trivial, radial=Hats(n)).fingerprint for n in (2, 3, 3)]
    assert prints[0] != prints[1] == prints[2]


def test_what_is_solved_does_not_depend_on_the_radial_part():
    G = steer.group("O(2)", dim=2)
    specs = [
        KernelSpec([G.vector], [G.vector], 5, basis=basis, **cap)
        for basis, cap in ((Hats(3), {}), ("rings", {"max_frequency": 2}))
    ]
    assert specs[0].descriptors() == specs[1].descriptors()


def test_they_are_projected_on_and_initialised_like_others():
    G = steer.group("D4", dim=2)
    kind = nn.FieldType(G, [G.vector, G.trivial])
    torch.manual_seed(0)
    layer = nn.Conv2d(kind, kind, 5, basis=Hats(3), dtype=torch.float64)
    found = steer.project(layer.filter(), kind, kind, basis=Hats(3))
    torch.testing.assert_close(found[0], layer.weight.detach())
    wide = nn.FieldType(G, 40 * [G.trivial, G.vector])
    out = nn.Conv2d(wide, wide, 5, basis=Hats(3))(torch.randn(4, wide.size, 24, 24))
    assert math.isclose(out.square().mean().item(), 1, rel_tol=0.3)


def test_they_carry_their_own_limit():
    G = steer.group("D4", dim=2)
    kind = nn.FieldType(G, [G.vector])
    with pytest.raises(KernelError, match="max_frequency: got 1 beside basis=Hats"):
        nn.Conv2d(kind, kind, 5, basis=Hats(3), max_frequency=1)
    assert Hats(3).sample(Grid((5, 5)).points).shape == (Hats(3).count(2), 25)
