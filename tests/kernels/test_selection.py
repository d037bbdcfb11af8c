"""`basis_filter` keeps kernels by their element: the layer is the full one with the other coefficients zero."""

import copy
import json
import pickle

import numpy as np
import pytest
import torch

import steer
from steer import kernels, nn
from steer.errors import CheckpointError, KernelError, UnreachedWarning
from steer.kernels import Element, Grid, Rings, Selection, kernel_basis
from steer.testing import assert_equivariant

from .test_plan import MIXED, compare

D4, C8, SO2 = (steer.group(name, dim=2) for name in ("D4", "C8", "SO(2)"))
OCT, SO3 = steer.group("O", dim=3), steer.group("SO(3)", dim=3)
MANY = {name: (*types, (5, 5)) for name, types in MIXED.items()} | {
    "polyhedral": ([OCT.trivial, OCT.regular, OCT.vector], [OCT.vector, OCT.quotient("C4"), OCT.regular], (3, 3, 3)),
    "space": ([SO3.trivial, SO3.vector], [SO3.band_limited(2), SO3.vector], (3, 3, 3)),
}

FEW = [
    name if name in ("interleaved", "direct sums", "induced continuous") else pytest.param(name, marks=pytest.mark.slow)
    for name in MANY
]


def some(element):
    """A filter that reads every entry, so that pairs of parts have kernels of their own."""
    name, *numbers, _ = element
    return (ord(name[0]) + sum((i + 1) * n for i, n in enumerate(numbers))) % 3 != 1


def embedded(whole, plan, predicate):
    """(num_weights of all, num_weights of some): where the coefficients of a plan are among those of the whole one."""
    kept = [
        predicate(element)
        for row in whole.cells
        for cell in row
        for _ in range(cell.fields_in * cell.fields_out)
        for element in kernel_basis(cell.in_rep, cell.out_rep, radial=whole.functions).elements
    ]
    assert sum(kept) == plan.num_weights < whole.num_weights
    return torch.eye(len(kept), dtype=torch.float64)[:, torch.tensor(kept)]


def plans(name, **options):
    in_reps, out_reps, grid = MANY[name]
    fewer = kernels.compile(in_reps, out_reps, grid, basis_filter=some, unreached="ignore", **options)
    return kernels.compile(in_reps, out_reps, grid, unreached="ignore", **options), fewer


@pytest.mark.parametrize("name", FEW)
def test_filters_are_those_of_the_kept_coefficients(name):
    whole, plan = plans(name)
    place = embedded(whole, plan, some)
    weight = torch.randn(2, plan.num_weights, dtype=torch.float64, requires_grad=True)
    full = (weight.detach() @ place.T).requires_grad_()
    for verb in ("expand", "spectrum"):
        found, expected = getattr(plan, verb)(weight), getattr(whole, verb)(full)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
        cotangent = torch.randn_like(expected)
        (mine,) = torch.autograd.grad(found, weight, cotangent)
        (theirs,) = torch.autograd.grad(expected, full, cotangent)
        torch.testing.assert_close(mine, theirs @ place, rtol=0, atol=1e-11)
    assert "weights" in plan.describe()


@pytest.mark.parametrize("name", FEW)
def test_projections_are_the_nearest_of_the_kept_kernels(name):
    _, plan = plans(name)
    weight = torch.randn(plan.num_weights, dtype=torch.float64)
    again = plan.project(plan.expand(weight))
    assert again.residual < 1e-10
    dense = np.random.default_rng(0).normal(size=(plan.out_size, plan.in_size, *plan.grid.shape))
    left = torch.from_numpy(dense) - plan.project(dense).filter
    zero = torch.zeros(plan.num_weights, dtype=torch.float64, requires_grad=True)
    (products,) = torch.autograd.grad((plan.expand(zero) * left).sum(), zero)
    assert products.abs().max() < 1e-10 * np.linalg.norm(dense)


@pytest.mark.parametrize("name", FEW)
def test_fresh_coefficients_keep_the_second_moment(name):
    _, plan = plans(name)
    scaled = torch.from_numpy(np.diag(plan.scales()))
    energy = plan.expand(scaled).square().sum((0, 2, *range(3, 3 + len(plan.grid.shape))))
    dead = {one.field for one in plan.unreached}
    for field, (start, rep) in enumerate(zip(plan.out_reps.offsets, plan.out_reps, strict=False)):
        if field not in dead:
            assert energy[start : start + rep.size].mean() == pytest.approx(1, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", MIXED)
def test_every_strategy_gives_the_same_filter(name):
    compare(*MIXED[name], (5, 5), basis_filter=some, unreached="ignore")


@pytest.mark.parametrize("group", [C8, D4, SO2], ids=lambda group: group.name)
def test_the_basis_has_the_kernels_that_are_kept(group):
    points, radial = np.random.default_rng(1).normal(size=(7, 2)), Rings((0.0, 1.0), (0.6, 0.6), (0, 3))
    for a in (group.vector, group.regular if group.is_finite else group.band_limited(2)):
        whole = kernel_basis(a, group.vector, radial=radial)
        found = kernel_basis(a, group.vector, radial=radial, basis_filter=some)
        kept = [some(element) for element in whole.elements]
        assert found.elements == tuple(element for element in whole.elements if some(element))
        np.testing.assert_allclose(found.sample(points), whole.sample(points)[kept], atol=1e-14)
        assert kernels.constraint_residual(found) < 1e-12
        assert found is kernel_basis(a, group.vector, radial=radial, basis_filter=found.elements)
        assert kernel_basis(a, group.vector, radial=radial, basis_filter=lambda element: True) is whole


def test_a_filter_is_what_it_keeps():
    types = [D4.trivial, D4.vector], [D4.regular]
    plan = kernels.compile(*types, (5, 5), basis_filter=lambda element: element.degree < 2)
    same = kernels.compile(*types, (5, 5), basis_filter=lambda element: not element.degree > 1)
    assert same is plan
    listed = json.loads(json.dumps(plan.functions.elements))
    assert kernels.compile(*types, (5, 5), basis_filter=listed) is plan
    assert kernels.compile(*types, (5, 5), radial=plan.functions) is plan
    again = eval(repr(plan.functions), {**vars(kernels), "steer": steer})  # prints as what builds it
    assert again == plan.functions
    assert pickle.loads(pickle.dumps(plan)) is plan
    assert plan.fingerprint != kernels.compile(*types, (5, 5)).fingerprint
    assert kernels.compile(*types, (5, 5), basis_filter=lambda e: True) is kernels.compile(*types, (5, 5))
    fewer = kernels.compile(*types, (5, 5), radial=plan.functions, basis_filter=lambda element: element.ring > 0)
    assert fewer.functions == Selection(
        plan.functions.functions, tuple(element for element in plan.functions.elements if element.ring)
    )
    assert plan.spec.descriptors() == kernels.compile(*types, (5, 5)).spec.descriptors()


LAYERS = {
    "Conv2d": lambda t, **options: nn.Conv2d(t, t, 5, padding=2, **options),
    "groups": lambda t, **options: nn.Conv2d(t, t, 3, groups=2, **options),
    "ConvTranspose2d": lambda t, **options: nn.ConvTranspose2d(t, t, 4, stride=2, padding=1, **options),
    "pixel": lambda t, **options: nn.Conv2d(t, t, 3, basis="pixel", **options),
}


@pytest.mark.parametrize(
    "name", [name if name == "Conv2d" else pytest.param(name, marks=pytest.mark.slow) for name in LAYERS]
)
def test_layers(name):
    fields = nn.FieldType(D4, 2 * [D4.vector, D4.regular, D4.trivial])
    layer = LAYERS[name](fields, basis_filter=lambda e: (e.degree + e.ring + e.copy) % 2 == 0, dtype=torch.float64)
    assert layer.plan.num_weights < LAYERS[name](fields).plan.num_weights
    assert_equivariant(layer)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert other.basis == layer.basis
        assert torch.equal(other.filter(), layer.filter())
    again = LAYERS[name](fields, basis_filter=layer.basis.elements, dtype=torch.float64)
    again.load_state_dict(layer.state_dict())
    assert torch.equal(again.filter(), layer.filter())
    options = {"basis": layer.basis} | ({"groups": 2} if name == "groups" else {})
    if name != "ConvTranspose2d":
        assert steer.project(layer.filter(), fields, fields, **options).residual < 1e-10
    with pytest.raises(CheckpointError, match=r"trained in the kernel basis"):
        LAYERS[name](fields, basis_filter=lambda e: (e.degree + e.ring + e.copy) % 2 == 1).load_state_dict(
            layer.state_dict()
        )
    assert f"basis_filter={len(layer.basis.elements)} elements" in repr(layer)
    assert len(repr(layer)) < 400


@pytest.mark.slow
def test_hexagonal_layers_and_volumes():
    C6 = steer.group("C6", dim=2)
    hexagons = nn.FieldType(C6, [C6.regular, C6.vector])
    assert_equivariant(
        nn.HexConv2d(hexagons, hexagons, 5, padding=2, basis_filter=lambda e: e.ring == 1), lattice="hexagonal"
    )
    voxels = nn.FieldType(OCT, [OCT.trivial, OCT.vector])
    layer = nn.Conv3d(voxels, voxels, 3, padding=1, basis_filter=lambda e: e.degree % 2 == 0, unreached="ignore")
    assert_equivariant(layer, shape=(1, 5, 5, 5))


def test_precompute_solves_what_a_filtered_layer_needs():
    fields = nn.FieldType(D4, [D4.vector])

    def build():
        return nn.Conv2d(fields, fields, 3, basis_filter=lambda element: element.degree == 0)

    assert steer.precompute(build, workers=1) is not None


def test_fields_that_the_kept_kernels_do_not_reach_are_told():
    with pytest.warns(UnreachedWarning, match=r"of those that basis_filter keeps, .*a basis_filter that keeps more"):
        plan = kernels.compile([D4.trivial], [D4.trivial, D4.vector], (5, 5), basis_filter=lambda e: e.degree == 0)
    assert [one.field for one in plan.unreached] == [1]


ELEMENT = Element("A1", 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            lambda element: element.degree > 9,
            r"keeps none of 3 kernels, whose degrees are \[0\] and rings \[0, 1, 2\]",
        ),
        (
            lambda element: element.radius > 1,
            r"fails for Element\(.*AttributeError.*it takes an element with irrep, degr",
        ),
        (lambda element: None, r"expected True or False for Element\(irrep='A1'.*, got None"),
        ([ELEMENT._replace(degree=7)], r"there is no kernel Element\(irrep='A1', degree=7, "),
        ([("A1", 0)], r"expected elements, .* got \('A1', 0\)"),
        ([], r"expected elements, .* got none"),
        (3, r"expected elements, .* got 3"),
    ],
)
def test_bad_filters(given, message):
    with pytest.raises(KernelError, match=rf"basis_filter: .*{message}"):
        kernels.compile([D4.trivial], [D4.trivial], (5, 5), basis_filter=given)
    with pytest.raises(KernelError, match=r"basis_filter: "):
        nn.Conv2d(nn.FieldType(D4, [D4.trivial]), nn.FieldType(D4, [D4.trivial]), 5, basis_filter=given)


def test_bad_selections():
    rings = Rings.for_kernel((3, 3))
    with pytest.raises(KernelError, match=r"functions: expected scalar functions"):
        Selection("rings", (ELEMENT,))
    with pytest.raises(KernelError, match=r"functions: expected scalar functions"):
        Selection(Selection(rings, (ELEMENT,)), (ELEMENT,))
    with pytest.raises(KernelError, match=r"elements: expected elements"):
        Selection(rings, 3)
    assert Selection(rings, (ELEMENT,)).sample(Grid((3, 3)).points).shape == (rings.count(2), 9)
