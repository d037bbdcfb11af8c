"""Radial functions that users write: a subclass of `AngularFunctions` is a basis like those of this package."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import KernelError
from steer.kernels import AngularFunctions, Grid, KernelSpec, ScalarFunctions, functions_for, kernel_basis
from steer.kernels.bases._bases import BASES
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


@dataclass(frozen=True)
class Bumps(ScalarFunctions):
    """One Gaussian at each point of a grid, free: no group makes combinations of them at other angles."""

    grid: Grid

    @classmethod
    def for_grid(cls, grid, max_frequency=None):
        return cls(grid)

    def count(self, dim):
        return len(self.grid.points)

    def names(self, dim):
        return tuple((0, place, 0) for place in range(self.count(dim)))

    def sample(self, points):
        x = np.asarray(points, dtype=np.float64)
        centres = self.grid.points.reshape(-1, *(1,) * (x.ndim - 1), x.shape[-1])
        return np.exp(-np.sum((x - centres) ** 2, axis=-1))

    def require(self, group):
        pass

    def form(self, in_rep, out_rep):
        raise KernelError("basis: bumps are free; use regular fields")

    @property
    def reach(self):
        return "of bumps"


def test_a_basis_is_a_class_and_a_line_in_the_table_of_names(monkeypatch):
    G = steer.group("C8", dim=2)
    monkeypatch.setitem(BASES, "bumps", Bumps)
    kind = nn.FieldType(G, [G.regular])
    layer = nn.Conv2d(kind, kind, 5, basis="bumps", dtype=torch.float64)
    assert layer.plan.functions == Bumps(Grid((5, 5))) == functions_for("bumps", Grid((5, 5)))
    assert layer.weight.shape == nn.Conv2d(kind, kind, 5, basis=Bumps(Grid((5, 5)))).weight.shape == (8 * 25,)
    assert_kernel_constraint(kernel_basis(G.regular, G.trivial, radial=Bumps(Grid((5, 5)))))
    # the group moves them to others, so the spectrum has some for each coset
    weight, points = layer.weight.detach(), np.random.default_rng(0).normal(size=(6, 2))
    assert layer.plan.spectrum(weight).shape == (8, 8, 8 * 25)
    sampled = kernel_basis(G.regular, G.regular, radial=Bumps(Grid((5, 5)))).sample(points)
    expected = np.einsum("n,nijm->ijm", weight.numpy(), sampled)
    found = layer.plan.spectrum(weight).numpy() @ layer.plan.sample(points)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    with pytest.raises(KernelError, match="basis: bumps are free"):
        nn.Conv2d(nn.FieldType(G, [G.vector]), nn.FieldType(G, [G.trivial]), 5, basis="bumps")


def test_what_a_basis_does_not_say_is_refused():
    G = steer.group("C8", dim=2)
    with pytest.raises(KernelError, match="basis: Hats has no functions for a grid of its own choice; pass a value of"):
        Hats.for_grid(Grid((5, 5)))
    with pytest.raises(KernelError, match="max_frequency: only rings can be capped, got 1 beside radial=Hats"):
        kernel_basis(G.vector, G.vector, radial=Hats(3), max_frequency=1)


def test_they_carry_their_own_limit():
    G = steer.group("D4", dim=2)
    kind = nn.FieldType(G, [G.vector])
    with pytest.raises(KernelError, match="max_frequency: got 1 beside basis=Hats"):
        nn.Conv2d(kind, kind, 5, basis=Hats(3), max_frequency=1)
    assert Hats(3).sample(Grid((5, 5)).points).shape == (Hats(3).count(2), 25)


@dataclass(frozen=True)
class TooFew(Hats):
    def sample(self, points):
        return super().sample(points)[:-1]


@dataclass(frozen=True)
class FunctionLast(Hats):
    def sample(self, points):
        return np.moveaxis(super().sample(points), 0, -1)


@dataclass(frozen=True)
class OfIntegers(Hats):
    @property
    def blocks(self):
        return (0, 1, 2)


@dataclass(frozen=True)
class TooLow(Hats):
    @property
    def max_frequency(self):
        return 1


class NoDataclass(AngularFunctions):
    blocks = ((0, 0),)
    max_frequency = 0
    sample = Hats.sample


MISTAKES = {
    "one too few": (
        lambda: TooFew(3),
        r"TooFew.sample gives an array of shape \(8, 5\) .*, expected \(9, 5\)",
    ),
    "functions last": (
        lambda: FunctionLast(3),
        r"FunctionLast.sample .* \(5, 9\) at 5 points, expected \(9, 5\)",
    ),
    "blocks": (lambda: OfIntegers(3), r"expected OfIntegers.blocks to be pairs \(ring, degree\) .*, got \(0, 1, 2\)"),
    "degrees": (lambda: TooLow(3), "TooLow.max_frequency has to be the highest degree .*, which is 2, got 1"),
    "list": (lambda: Hats([3]), r"Hats cannot be hashed \(unhashable type: 'list'\); .* tuples"),
    "array": (lambda: Hats(np.arange(3)), "Hats cannot be hashed .*numpy.ndarray"),
    "no dataclass": (NoDataclass, r"NoDataclass is no dataclass; write @dataclass\(frozen=True\) above the class"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_in_ones_own_functions_are_named(mistake):
    make, message = MISTAKES[mistake]
    G = steer.group("C8", dim=2)
    kind = nn.FieldType(G, [G.vector])
    for use in (
        lambda: nn.Conv2d(kind, kind, 5, basis=make()),
        lambda: kernel_basis(G.vector, G.vector, radial=make()),
        lambda: steer.kernels.compile(kind, [G.regular], (5, 5), radial=make()),
        lambda: KernelSpec(kind, kind, 5, basis=make()).descriptors(),
    ):
        with pytest.raises(KernelError, match=f"basis: .*{message}"):
            use()


def test_a_class_is_no_value():
    G = steer.group("C8", dim=2)
    kind = nn.FieldType(G, [G.vector])
    with pytest.raises(KernelError, match=r"basis: .* got the class Hats; pass Hats\(\.\.\.\)"):
        nn.Conv2d(kind, kind, 5, basis=Hats)


def test_the_error_of_a_cap_names_the_method_that_would_do():
    G = steer.group("C8", dim=2)
    with pytest.raises(KernelError, match=r"write the method Hats.capped\(max_frequency\)"):
        kernel_basis(G.vector, G.vector, radial=Hats(3), max_frequency=1)
