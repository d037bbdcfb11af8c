"""Layers on interpolated kernels and derivatives: exact on the grid, of the right scale, and told apart on loading."""

import copy
import io
import itertools
import math
import pickle

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import CheckpointError, KernelError
from steer.kernels import FiniteDifferences, GaussianDerivatives, Grid, Interpolated
from steer.kernels import compile as compile_plan
from steer.testing import assert_equivariant
from tests.catalogue import O2, group_id

from .symmetries import require_symmetry

C4, C8, D4, D8, SO2 = (steer.group(name, dim=2) for name in ("C4", "C8", "D4", "D8", "SO(2)"))
GROUPS = [steer.group(name, dim=2) for name in ("C1", "C2", "C4", "C6", "C8", "D1", "D4", "D6", "D8", "SO(2)")]
GROUPS += [O2, O2.subgroup("D2", axis=math.pi / 4), O2.subgroup("D4", axis=math.pi / 8)]

INTERPOLATED = {
    "interpolated": lambda size: "interpolated",
    "cubic": lambda size: Interpolated((size, size), 3),
    "whole box": lambda size: Interpolated((size, size), masked=False),
}
DERIVATIVES = {
    "derivative": lambda size: "derivative",
    "gaussian": lambda size: GaussianDerivatives.for_kernel((size, size)),
    "least aliasing": lambda size: "least_aliasing",
}
BASES = INTERPOLATED | DERIVATIVES


def mixed_type(group):
    """Scalars, vectors, and regular or band limited fields."""
    regular = group.regular if group.is_finite else group.band_limited(1)
    return nn.FieldType(group, [group.trivial, regular, group.vector, regular])


def regular_type(group):
    return nn.FieldType(group, 2 * [group.regular])


def layer(name, group=C8, size=3, **options):
    """A layer on that basis between types that it has kernels for."""
    kind = regular_type(group) if name in INTERPOLATED else mixed_type(group)
    return nn.Conv2d(kind, kind, size, basis=BASES[name](size), **options)


@pytest.mark.parametrize("size", [2, 3, 5, *(pytest.param(size, marks=pytest.mark.slow) for size in (1, 4, 7))])
@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_layers_are_exact_under_the_symmetries_of_the_grid(group, name, size):
    if name in INTERPOLATED and not group.is_finite:
        with pytest.raises(KernelError, match="use a finite subgroup"):
            nn.Conv2d(mixed_type(group), mixed_type(group), size, basis=BASES[name](size))
        return
    conv = layer(name, group, size, padding=size // 2)
    require_symmetry(conv, (8, 8))


@pytest.mark.parametrize("name", INTERPOLATED)
def test_scalars_are_lifted_and_regular_fields_projected(name):
    image, features = nn.FieldType(D8, [D8.trivial, D8.vector]), regular_type(D8)
    assert_equivariant(nn.Conv2d(image, features, 5, basis=BASES[name](5)))
    assert_equivariant(nn.Conv2d(features, image, 5, basis=BASES[name](5), stride=2))
    with pytest.raises(KernelError, match="need a regular input or output"):
        nn.Conv2d(image, image, 5, basis=BASES[name](5))


@pytest.mark.parametrize("name", BASES)
def test_one_sample_at_unit_variance_gives_unit_variance(name):
    # in expectation over coefficients and inputs: squares of the filters of unit coefficients times their scales
    for size in (3, 5):
        conv = layer(name, C4, size, dtype=torch.float64)
        columns = [conv.plan.expand(unit) for unit in torch.eye(conv.plan.num_weights, dtype=torch.float64)]
        energy = torch.stack(columns).square().sum(dim=(2, 3, 4)) * torch.from_numpy(conv.plan.scales())[:, None] ** 2
        per_channel = energy.sum(0).numpy()
        starts = np.cumsum([0, *(rep.size for rep in conv.out_type.representations)])
        means = [per_channel[a:b].mean() for a, b in itertools.pairwise(starts)]
        np.testing.assert_allclose(means, 1, rtol=1e-10)


@pytest.mark.parametrize("name", BASES)
def test_plans_equal_the_dense_basis(name):
    conv = layer(name, D4, 3, dtype=torch.float64)
    fields = conv.in_type.representations
    dense = compile_plan(fields, fields, Grid((3, 3)), radial=conv.plan.radial, strategy="dense")
    assert dense.fingerprint == conv.plan.fingerprint
    weight = torch.randn(dense.num_weights, dtype=torch.float64)
    torch.testing.assert_close(conv.plan.expand(weight), dense.expand(weight), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", BASES)
def test_copies_and_checkpoints(name):
    conv, x = layer(name, padding=1), torch.randn(1, layer(name).in_type.size, 6, 6)
    file = io.BytesIO()
    torch.save(conv.state_dict(), file)
    file.seek(0)
    other = layer(name, padding=1)
    assert not torch.equal(other(x), conv(x))
    other.load_state_dict(torch.load(file))
    for same in (other, copy.deepcopy(conv), pickle.loads(pickle.dumps(conv)), steer.export(conv)):
        torch.testing.assert_close(same(x), conv(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [2, 3])
def test_in_space(size):
    octahedral, full = steer.group("O", dim=3), steer.group("Oh", dim=3)
    image, regular = nn.FieldType(octahedral, [octahedral.vector]), nn.FieldType(octahedral, [octahedral.regular])
    assert_equivariant(nn.Conv3d(image, regular, size, basis="interpolated"), shape=(1, 4, 4, 4))
    kind = nn.FieldType(full, [full.trivial, full.vector, full.quotient("Th")])
    for basis in ("derivative", GaussianDerivatives(size - 1, 0.6)):
        assert_equivariant(nn.Conv3d(kind, kind, size, basis=basis, dtype=torch.float64), shape=(1, 4, 4, 4))


def test_coefficients_of_one_basis_are_refused_by_another():
    regular = regular_type(C8)
    bases = [
        *("rings", "interpolated", "derivative", Interpolated((5, 5), 3), Interpolated((5, 5), masked=False)),
        *(GaussianDerivatives(4, 0.8), GaussianDerivatives(4, 0.9), FiniteDifferences((5, 5), 3)),
    ]
    layers = [nn.Conv2d(regular, regular, 5, basis=basis) for basis in bases]
    for i, source in enumerate(layers):
        for j, target in enumerate(layers):
            if i != j:
                with pytest.raises(CheckpointError, match="was trained in the kernel basis"):
                    target.load_state_dict(source.state_dict())


@pytest.mark.parametrize("name", BASES)
def test_after_training_steps(name):
    conv = layer(name, C4, 3)
    optimizer = torch.optim.SGD(conv.parameters(), lr=0.05)
    for _ in range(3):
        conv(torch.randn(2, conv.in_type.size, 7, 7)).square().mean().sub(2).square().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert conv.bias.abs().max() > 0
    assert_equivariant(conv)


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_first_derivatives_of_images(size):
    # of a quadratic image, at the centre of the kernel; two samples are exact on linear images only
    image, gradient = nn.FieldType(O2, [O2.trivial]), nn.FieldType(O2, [O2.vector])
    conv = nn.Conv2d(image, gradient, size, basis="derivative", max_frequency=1, dtype=torch.float64)
    assert conv.weight.numel() == 1
    y, x = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in (9, 8)), indexing="ij")
    square = 0.1 if size > 2 else 0.0
    f = square * x * x + 3 * square * x * y + 2 * x - y
    with torch.no_grad():
        found = conv(f[None, None])[0]
        x, y = (axis[: found.shape[1], : found.shape[2]] + (size - 1) / 2 for axis in (x, y))
        expected = torch.stack([2 * square * x + 3 * square * y + 2, 3 * square * x - 1])
        # a kernel is an orthonormal combination of the two functions sqrt(2) grad times their scale
        factor = float(conv.weight[0]) * FiniteDifferences((size, size), 1).scales(2)[1]
    torch.testing.assert_close(found, factor * expected, rtol=0, atol=1e-10)


def test_operators_of_every_group_at_angles_off_the_grid():
    # on quadratic images the layer commutes with every rotation about a pixel, though the samples move off the grid
    for group in (C8, SO2, D8):
        kind = mixed_type(group)
        conv = nn.Conv2d(kind, kind, 3, basis="derivative", bias=False, dtype=torch.float64)
        filters = conv.filter().detach().flatten(2).numpy()
        rng = np.random.default_rng(0)
        square, linear, constant = (rng.normal(size=(kind.size, *shape)) for shape in ((2, 2), (2,), ()))

        def field(points, square=square, linear=linear, constant=constant):
            return np.einsum("cij,mi,mj->cm", square, points, points) + linear @ points.T + constant[:, None]

        for g in group.elements[:3] if group.is_finite else group.sample(3, seed=0):
            rho = kind.representation(g)
            moved = np.einsum("oim,im->o", filters, rho @ field(conv.points @ g))
            np.testing.assert_allclose(moved, rho @ np.einsum("oim,im->o", filters, field(conv.points)), atol=1e-12)
