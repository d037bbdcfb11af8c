"""Functions of band-limited fields: theorems on exactness, values on the group, and what is refused."""

import copy
import functools
import itertools
import re

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, KernelError, RepresentationError, ShapeError, SteerError
from steer.nn._act import _samples
from steer.reps import BandLimited, Restriction, direct_product, fourier, quadrature
from steer.testing import assert_equivariant, equivariance_error, grid_symmetries

from .zoo import require_transforms

SO2, O2 = (steer.group(name, dim=2) for name in ("SO(2)", "O(2)"))
SO3, O3 = (steer.group(name, dim=3) for name in ("SO(3)", "O(3)"))
D4, D6 = (steer.group(name, dim=2) for name in ("D4", "D6"))
O = steer.group("O", dim=3)  # noqa: E741 - its name
AXIAL = [steer.group(name, dim=3) for name in ("Cinf", "Cinfv", "Cinfh", "Dinf", "Dinfh")]
TILTED = SO3.subgroup("Dinf", axis="x")

CONTINUOUS = [
    SO2.band_limited(1),
    SO2.band_limited(3),
    SO2.quotient("C3", 3),
    O2.band_limited(2),
    O2.quotient("D1", 3),
    *(group.band_limited(1) for group in AXIAL),
    TILTED.band_limited(1),
    SO3.band_limited(1),
    SO3.quotient("Cinf", 2),
    SO3.quotient("Dinf", 2),
    O3.quotient("Cinfv", 2),
    O3.quotient("Dinfh", 2),
]
FINITE = [
    D4.band_limited(1),
    D6.band_limited(2),
    O.band_limited(1),
    SO2.band_limited(2).restrict("C5"),
    SO3.quotient("Cinf", 2).restrict("I"),
    O2.quotient("D1", 2).restrict("D4"),
]
BOTH = CONTINUOUS + FINITE
by_rep = functools.partial(pytest.mark.parametrize, "rep", ids=str)


class Square(torch.nn.Module):
    def forward(self, x):
        return x * x


class Cube(torch.nn.Module):
    def forward(self, x):
        return x * x * x


class Halves(torch.nn.Module):
    def forward(self, x):
        return (x > 0).to(x.dtype)


def one(rep, *arguments, **options):
    return nn.FourierAct(nn.FieldType(rep.group, [rep]), *arguments, **options).double()


def base(rep):
    return rep.base if isinstance(rep, Restriction) else rep


def function_of(rep, coefficients, elements):
    """(batch, n): values at elements of the functions of coefficients (batch, size), as the layers scale them."""
    found = base(rep)
    transform = fourier(found.group, found.max_frequency, subgroup=found.subgroup)
    return coefficients @ transform.basis(elements).T / np.sqrt(rep.size)


def largest(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


# What a representation knows of its functions


@by_rep(CONTINUOUS)
def test_a_band_limited_representation_says_what_its_functions_are(rep):
    assert isinstance(rep, BandLimited)
    again = rep.group.quotient(rep.subgroup, rep.max_frequency)
    assert again == rep
    assert again.irreps == rep.parts
    assert fourier(rep.group, rep.max_frequency, subgroup=rep.subgroup).rep == rep


# Theorems


@by_rep(BOTH)
@pytest.mark.parametrize("out", [None, 0, 1])
def test_the_identity_keeps_or_cuts_the_function(rep, out):
    layer = one(rep, torch.nn.Identity(), out_frequency=out)
    x = torch.randn(4, rep.size, dtype=torch.float64)
    elements = base(rep).group.sample(10, seed=3)
    target = layer.out_type[0]
    values = function_of(target, layer(x).numpy(), elements)
    kept = [psi.frequency <= base(target).max_frequency for psi in base(rep).parts for _ in range(psi.size)]
    expected = function_of(rep, x.numpy() * np.array(kept), elements)
    np.testing.assert_allclose(values, expected, atol=1e-12)
    if out is None:
        assert layer.out_type == layer.in_type


@by_rep(CONTINUOUS)
@pytest.mark.parametrize(("power", "function"), [(2, Square()), (3, Cube())], ids=["square", "cube"])
def test_a_polynomial_on_a_grid_of_its_degree_is_exact(rep, power, function):
    frequency = rep.max_frequency
    rule = quadrature(rep.group, (power + 1) * frequency, subgroup=rep.subgroup)
    layer = one(rep, function, grid=rule)
    assert layer.equivariance_error().max() < 1e-12
    # the oracle: inner products with the basis, on the group's own and far finer quadrature
    x = torch.randn(3, rep.size, dtype=torch.float64)
    nodes, weights = rep.group.haar((power + 1) * frequency + 1)
    basis = fourier(rep.group, frequency, subgroup=rep.subgroup).basis(nodes)
    values = function_of(rep, x.numpy(), nodes) ** power
    expected = (values * weights) @ basis * np.sqrt(rep.size)
    np.testing.assert_allclose(layer(x).numpy(), expected, atol=1e-11)


@pytest.mark.parametrize("out", [0, 1, 4])
def test_a_square_has_twice_the_band(out):
    # with L_out = 2 L nothing is cut off: the function of the output is the square of that of the input
    rep = SO2.band_limited(2)
    layer = one(rep, Square(), out_frequency=out)
    assert layer.out_type[0] == SO2.band_limited(out)
    assert layer.equivariance_error().max() < 1e-12
    x = torch.randn(4, rep.size, dtype=torch.float64)
    g = SO2.sample(20, seed=0)
    gap = function_of(layer.out_type[0], layer(x).numpy(), g) - function_of(rep, x.numpy(), g) ** 2
    assert (np.abs(gap).max() < 1e-12) == (out == 4)


def test_a_square_on_too_coarse_a_grid_is_not_exact():
    rep = SO2.band_limited(2)
    assert one(rep, Square(), grid=quadrature(SO2, 5)).equivariance_error().max() > 1e-3
    assert one(rep, Square(), grid=quadrature(SO2, 6)).equivariance_error().max() < 1e-12


@by_rep(BOTH)
def test_default_grids_are_exact_under_the_symmetries_of_pixels(rep):
    layer = one(rep)
    elements = grid_symmetries(rep.group)
    assert len(elements) >= 1
    assert layer.equivariance_error(elements).max() < 1e-13
    x = torch.randn(3, rep.size, dtype=torch.float64)
    assert equivariance_error(layer, x, elements=elements).max() < 1e-13


@by_rep(FINITE)
def test_under_a_finite_group_every_function_is_exact(rep):
    assert one(rep, Halves()).equivariance_error(rep.group.elements).max() < 1e-12


@pytest.mark.parametrize("name", ["C6", "D6"])
def test_in_the_plane_grids_are_exact_on_the_hexagonal_lattice_too(name):
    group = SO2 if name == "C6" else O2
    error = one(group.band_limited(2)).equivariance_error(steer.group(name, dim=2).elements)
    assert error.max() < 1e-13


@by_rep(CONTINUOUS)
def test_the_default_grid_leaves_an_error_of_about_a_percent(rep):
    relu, silu = one(rep), one(rep, "silu")
    assert 1e-5 < relu.equivariance_error().max() < 0.02
    assert silu.equivariance_error().max() < 5e-3


def test_the_error_falls_with_the_degree():
    rep = SO3.quotient("Cinf", 2)
    errors = [one(rep, grid=degree).equivariance_error().max() for degree in (6, 10, 20)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 4 * errors[2]


@by_rep(CONTINUOUS)
def test_samples_have_the_variance_of_the_components(rep):
    layer = one(rep)
    synthesis = layer.samples.synthesis1
    torch.testing.assert_close(synthesis.square().sum(1), torch.ones(len(synthesis), dtype=torch.float64))
    # so the mean square of the output is E relu(z)^2 = 1 / 2, less what the band cuts off; never more
    x = torch.randn(2000, rep.size, dtype=torch.float64)
    samples = x @ synthesis.T
    weights = torch.tensor(layer.grids[rep].weights)
    assert layer(x).square().mean() < (samples.relu().square() @ weights).mean()
    assert 0.35 < layer(x).square().mean() < 0.55


def test_permuted_fields_are_sampled_already():
    field_type = nn.FieldType(D4, [D4.regular, D4.trivial, D4.quotient("C2")])
    x = torch.randn(2, field_type.size, 3, 3)
    assert torch.equal(nn.FourierAct(field_type)(x), nn.ReLU(field_type)(x))
    pooled = nn.FourierMaxPool(field_type, 2, 1)
    assert torch.equal(pooled(x), nn.MaxPool(field_type, 2, 1)(x))
    assert pooled.grids == {}
    assert pooled.equivariance_error().max() == 0


def test_all_frequencies_of_a_finite_group_are_the_regular_representation():
    # the Fourier transform of the group takes one layer to the other
    rep = D4.band_limited(2)
    layer, plain = one(rep, "elu"), nn.ELU(nn.FieldType(D4, [D4.regular]))
    transform = torch.from_numpy(fourier(D4).sample_matrix / np.sqrt(8))
    x = torch.randn(5, 8, dtype=torch.float64)
    torch.testing.assert_close(layer(x) @ transform.T, plain(x @ transform.T))


def test_every_field_is_treated_alone_in_every_arrangement():
    kinds = [SO2.trivial, SO2.band_limited(1), SO2.band_limited(2), SO2.quotient("C2", 2)]
    orders = [kinds, kinds[::-1], 3 * kinds, kinds + kinds[::-2], 2 * kinds[1:2] + kinds, 4 * (kinds[:2] + kinds)]
    orders.append([kinds[(i * i + i // 3) % 4] for i in range(23)])
    for reps, out in itertools.product(orders, (None, 1)):
        field_type = nn.FieldType(SO2, reps)
        layer = nn.FourierAct(field_type, "elu", out_frequency=out)
        x = torch.randn(2, field_type.size, 3)
        parts = torch.split(x, [rep.size for rep in reps], 1)
        alone = {rep: nn.FourierAct(nn.FieldType(SO2, [rep]), "elu", out_frequency=out) for rep in kinds}
        expected = torch.cat([alone[rep](part) for rep, part in zip(reps, parts, strict=True)], 1)
        torch.testing.assert_close(layer(x), expected)
        assert layer.out_type.representations == tuple(alone[rep].out_type[0] for rep in reps)
    assert layer.samples.gathered


def test_shapes_give_the_same_at_every_position():
    field_type = nn.FieldType(O2, [O2.band_limited(1), O2.trivial])
    layer = nn.FourierAct(field_type, "silu")
    x = torch.randn(2, field_type.size, 4, 3)
    out = layer(x)
    torch.testing.assert_close(layer(x.flatten(2)), out.flatten(2))
    torch.testing.assert_close(layer(x[..., 1, 2]), out[..., 1, 2])


def test_pooling_takes_the_largest_sample_of_each_window():
    rep = O2.band_limited(1)
    layer = nn.FourierMaxPool(nn.FieldType(O2, [rep]), 3, 2, 1).double()
    x = torch.randn(2, rep.size, 7, 5, dtype=torch.float64)
    transform = fourier(O2, 1, grid=layer.grids[rep])
    values = torch.from_numpy(transform.inverse(np.moveaxis(x.numpy(), 1, -1))).movedim(-1, 1)
    pooled = torch.nn.functional.max_pool2d(values, 3, 2, 1)
    expected = torch.from_numpy(transform.forward(np.moveaxis(pooled.numpy(), 1, -1))).movedim(-1, 1)
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("rep", [SO2.band_limited(2), SO3.quotient("Cinf", 1)], ids=str)
def test_pooling_is_equivariant(rep):
    layer = nn.FourierMaxPool(nn.FieldType(rep.group, [rep, rep.group.trivial]), 3, 2).double()
    dim = rep.group.dim
    x = torch.randn(2, rep.size + 1, *dim * [7], dtype=torch.float64)
    assert equivariance_error(layer, x).max() < 1e-13
    assert layer.equivariance_error(grid_symmetries(rep.group)).max() < 1e-13
    assert 1e-6 < layer.equivariance_error().max() < 0.02


def test_pooling_over_one_point_is_the_identity():
    rep = SO2.band_limited(2)
    x = torch.randn(2, rep.size, 3, 3, dtype=torch.float64)
    torch.testing.assert_close(nn.FourierMaxPool(nn.FieldType(SO2, [rep]), 1).double()(x), x)


@by_rep([SO2.band_limited(2), SO3.quotient("Cinf", 2), SO3.band_limited(1)])
def test_a_band_limit_of_zero_gives_means_over_the_group(rep):
    layer = one(rep, Square(), out_frequency=0)
    assert layer.out_type.representations == (rep.group.band_limited(0),) or layer.out_type.size == 1
    x = torch.randn(8, rep.size, dtype=torch.float64)
    torch.testing.assert_close(layer(x)[:, 0], x.square().mean(1))  # Parseval


def test_the_error_is_the_same_every_time():
    layer = one(SO2.band_limited(2))
    before = copy.deepcopy(layer.state_dict())
    first = layer.equivariance_error()
    assert first.shape == (16,)
    np.testing.assert_allclose(layer.float().equivariance_error(), first, rtol=1e-9)
    assert layer.state_dict() == before
    assert layer.equivariance_error(np.eye(2)).max() < 1e-14
    assert largest(equivariance_error(layer.double(), elements=SO2.sample(3, seed=0), shape=(500,)), first[:3]) < 1


# Free lists of irreps


@by_rep(
    [
        SO2.band_limited(["0", "2"]),
        SO3.quotient("Cinf", ["0", "2"]),
        O2.band_limited(["0-", "1", "3"]),
        D4.band_limited(["A1", "B1", "B2"]),
        D6.quotient("C2", ["A1", "E2"]),
        SO3.quotient("Cinf", ["1", "3"]).restrict("O"),
    ]
)
def test_a_list_of_irreps_is_a_part_of_the_full_band(rep):
    found = base(rep)
    group = found.group
    whole = fourier(group, None if group.is_finite else found.max_frequency, subgroup=found.subgroup)
    full = whole.rep
    own = np.concatenate([np.full(psi.size, psi in found.kept) for psi in full.irreps])
    layer = one(rep, "silu")
    assert layer.out_type == layer.in_type
    (grid,) = layer.grids.values()
    c = np.random.default_rng(0).normal(size=(5, rep.size))
    values = torch.from_numpy(c @ whole.basis(grid.elements)[:, own].T / np.sqrt(rep.size))
    transform = fourier(group, None if group.is_finite else found.max_frequency, subgroup=found.subgroup, grid=grid)
    expected = transform.forward(torch.nn.functional.silu(values).numpy())[:, own] * np.sqrt(rep.size)
    np.testing.assert_allclose(layer(torch.from_numpy(c)).numpy(), expected, atol=1e-10)
    assert layer.equivariance_error().max() < (1e-12 if rep.group.is_finite else 0.01)


def test_the_list_of_the_output_is_another():
    fields = nn.FieldType(SO2, [SO2.band_limited(["1", "2"]), SO2.trivial])
    layer = nn.FourierAct(fields, Square(), out_frequency=["0", "4"])
    assert layer.out_type == nn.FieldType(SO2, [SO2.band_limited(["0", "4"]), SO2.trivial])
    assert layer.equivariance_error().max() < 1e-12  # a square has frequencies up to 4, and the grid integrates these
    assert nn.FourierAct(fields, out_frequency=2).out_type[0] == SO2.band_limited(2)
    with pytest.raises(SteerError, match=r"out_frequency: SO\(2\) has no irrep 'x'"):
        nn.FourierAct(fields, out_frequency=["x"])


# Fields with values in a representation of the stabiliser


AXIS = SO3.subgroup("Cinf")
SLOW = pytest.mark.slow
SPINS = [SO3.sections(AXIS.irrep("E1"), 2), SO3.sections(AXIS.irrep("E2"), ["2", "3"])]


@pytest.mark.parametrize(
    ("rep", "function", "error"),
    [
        (SPINS[0], "tanh", 0.01),
        pytest.param(SPINS[1], torch.nn.Softshrink(0.3), 0.01, marks=SLOW),
        pytest.param(O3.sections(O3.subgroup("Cinfv").irrep("E1"), 2).restrict("SO(3)"), "silu", 0.01, marks=SLOW),
        # H permutes components, on which f acts
        pytest.param(SO3.sections(SO3.subgroup("D3").regular, 1), "elu", 0.01, marks=SLOW),
        (O2.sections(O2.subgroup("D1").irreps()[1], 3), "tanh", 1e-3),  # H changes signs, and f is odd
        pytest.param(SPINS[0].restrict("O"), "tanh", 1e-12, marks=SLOW),
        (D4.sections(D4.subgroup("C4").irrep("E"), ["E"]), "softplus", 1e-12),
        (D4.sections(D4.subgroup("C2").irrep("B"), ["E"]), "tanh", 1e-12),
    ],
    ids=str,
)
def test_fields_over_cosets(rep, function, error):
    layer = one(rep, function)
    assert layer.out_type == layer.in_type
    assert layer.equivariance_error().max() < error
    shape = (2, *rep.group.dim * [3])
    assert_equivariant(layer, shape=shape, dtype=torch.float64)  # symmetries of the grid, exactly
    kind = layer.samples.kinds[rep]
    samples = torch.tensor(kind.synthesis) @ torch.randn(rep.size, 4000, dtype=torch.float64)
    # 4000 draws of a mean square with at least 3 degrees of freedom each: five standard deviations
    assert abs(samples.square().mean() - 1) < 5 * (2 / 3 / 4000) ** 0.5


def test_the_length_of_vectors_at_nodes_is_what_changes():
    rep, values = SPINS[0], AXIS.irrep("E1")
    (grid,) = one(rep, "tanh").grids.values()
    transform = fourier(SO3, 2, base=values, grid=grid)
    c = np.random.default_rng(0).normal(size=(4, rep.size))
    u = transform.inverse(c) / np.sqrt(rep.size / 2)
    lengths = np.linalg.norm(u, axis=-1, keepdims=True)
    expected = transform.forward(u * np.tanh(lengths) / lengths) * np.sqrt(rep.size / 2)
    np.testing.assert_allclose(one(rep, "tanh")(torch.from_numpy(c)).numpy(), expected, atol=1e-10)
    cut = one(rep, "tanh", out_frequency=["1"])
    assert cut.out_type[0] == SO3.sections(values, ["1"])
    same = one(rep, "tanh", out_frequency=["1"], grid=grid)(torch.from_numpy(c)).numpy()
    np.testing.assert_allclose(same * np.sqrt(rep.size / 6), expected[:, :6], atol=1e-10)
    x = torch.zeros(1, rep.size, dtype=torch.float64, requires_grad=True)
    one(rep, "softplus")(x).sum().backward()
    assert x.grad.isfinite().all()


def test_what_keeps_lengths_is_refused_where_it_acts_on_these():
    fields = nn.FieldType(SO3, [SPINS[0], SO3.trivial])
    for function in ("relu", "elu", torch.nn.Identity()):
        with pytest.raises(SteerError, match=r"function: .* leaves lengths as they are, .* take 'silu', 'tanh' or"):
            nn.FourierAct(fields, function)
    with pytest.raises(FieldTypeError, match="in_type: FourierMaxPool needs fields that are functions"):
        nn.FourierMaxPool(fields, 2)


def test_fields_that_change_sign_take_odd_and_even_functions():
    fields = nn.FieldType(O2, [O2.irrep("0-"), O2.band_limited(1), O2.trivial])
    odd, even = nn.FourierAct(fields, "tanh"), nn.FourierAct(fields, torch.square)
    assert odd.out_type == fields
    assert even.out_type == nn.FieldType(O2, [O2.trivial, O2.band_limited(1), O2.trivial])
    for layer in (odd, even):
        assert_equivariant(layer, shape=(2, 5, 5), dtype=torch.float64)
    with pytest.raises(FieldTypeError, match=r"in_type: FourierAct needs .* but field 0 is"):
        nn.FourierAct(fields, "relu")


# Grids


def test_grids_by_degree_by_representation_and_by_function():
    fields = nn.FieldType(SO3, [SO3.quotient("Cinf", 1), SO3.trivial, SO3.band_limited(1)])
    sphere, _, whole = fields
    rule = quadrature(SO3, 4, subgroup="Cinf")
    chosen = nn.FourierAct(fields, grid={sphere: rule, whole: 3})
    assert chosen.grids[sphere] == rule
    assert chosen.grids[whole].degree >= 3
    assert chosen.grids[whole].symmetry == O
    assert nn.FourierAct(fields, grid=lambda rep: rule if rep == sphere else 3).grids == chosen.grids
    assert nn.FourierAct(fields, grid=quadrature(SO3, 4)).grids[sphere] == quadrature(SO3, 4)  # one on G serves G/H
    assert str(chosen).endswith(f"ReLU(), nodes=({len(rule)}, {len(chosen.grids[whole])}))")
    assert {type(grid.symmetry).__name__ for grid in nn.FourierAct(fields).grids.values()} == {"PolyhedralGroup"}


def test_polynomials_of_fields_of_direct_products_are_exact():
    product = direct_product(SO2, steer.group("C2", dim=2))
    layer = one(product.band_limited(1), Square())
    assert layer.equivariance_error().max() < 1e-12


# Learning and plain torch


@pytest.mark.parametrize("function", ["silu", "tanh", torch.nn.Softplus()], ids=str)
def test_gradients(function):
    fields = nn.FieldType(O2, [O2.trivial, O2.band_limited(1), O2.band_limited(1)])
    layer = nn.FourierAct(fields, function).double()
    x = torch.randn(2, fields.size, 2, 2, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(layer, x)
    torch.autograd.gradgradcheck(layer, x)


@pytest.mark.parametrize("space", [(), (50,), (2, 25)], ids=str)
def test_without_gradients_samples_made_in_parts_give_the_same(space, monkeypatch):
    rep = O2.band_limited(2)
    layer = nn.FourierAct(nn.FieldType(O2, [rep, O2.trivial, rep])).double()
    x = torch.randn(3, layer.in_type.size, *space, dtype=torch.float64)
    expected = layer(x)
    # a chunk holds seven points of one field, or seven fields of one point
    monkeypatch.setattr(_samples, "CHUNK", 7 * 8 * len(layer.grids[rep]))
    with torch.no_grad():
        torch.testing.assert_close(layer(x), expected)
        assert layer(x[:0]).shape == x[:0].shape


@pytest.mark.parametrize("space", [(), (3, 2)], ids=str)
def test_transforms_of_torch(space):
    fields = nn.FieldType(O2, [O2.band_limited(1), O2.trivial, O2.band_limited(1)])
    require_transforms(nn.FourierAct(fields, "silu").double(), torch.randn(3, 2, 13, *space, dtype=torch.float64))


def test_a_function_may_learn():
    layer = nn.FourierAct(nn.FieldType(SO2, [SO2.band_limited(1)]), torch.nn.PReLU())
    assert list(layer.state_dict()) == ["function.weight"]
    layer(torch.randn(5, 3)).sum().backward()
    assert layer.function.weight.grad.abs() > 0


def test_exported_it_unpickles_as_plain_torch():
    fields = nn.FieldType(SO2, [SO2.band_limited(1), SO2.trivial, SO2.band_limited(2)])
    for layer in (nn.FourierAct(fields, "elu"), nn.FourierMaxPool(fields, 2)):
        plain = steer.export(layer)
        x = torch.randn(3, fields.size, 4, 4)
        torch.testing.assert_close(plain(x), layer(x))
        assert not any(type(part).__module__.startswith("steer") for part in plain.modules())
    torch.testing.assert_close(steer.export(nn.FourierAct(fields))(x[..., 0, 0]), nn.FourierAct(fields)(x[..., 0, 0]))


# What is refused

LIMITED = nn.FieldType(SO2, [SO2.trivial, SO2.band_limited(2)])


@pytest.mark.parametrize(
    ("error", "build", "message"),
    [
        (
            FieldTypeError,
            lambda: nn.FourierAct(nn.FieldType(SO2, [SO2.band_limited(1), SO2.irrep("1")])),
            r"in_type: FourierAct needs .* but field 1 is .*irrep\('1'\), which is none; declare it as "
            r"group.band_limited\(L\) .* or use NormAct or Gate",
        ),
        (
            FieldTypeError,
            lambda: nn.FourierMaxPool(nn.FieldType(SO3, [SO3.vector]), 2),
            "in_type: FourierMaxPool needs .* but field 0 is .*vector, .*; declare it as .* or use AvgPool or BlurPool",
        ),
        (FieldTypeError, lambda: nn.FourierAct("regular"), "in_type: FourierAct expects a FieldType, got 'regular'"),
        (FieldTypeError, lambda: nn.FourierMaxPool(3, 2), "in_type: .*MaxPool expects a FieldType, got 3"),
        (
            SteerError,
            lambda: nn.FourierAct(LIMITED, "rleu"),
            "function: expected one of 'relu', .* did you mean 'relu'",
        ),
        (SteerError, lambda: nn.FourierAct(LIMITED, torch.nn.ReLU), "function: expected an elementwise torch module"),
        (SteerError, lambda: nn.FourierAct(LIMITED, torch.nn.ReLU(inplace=True)), "function: .* without inplace=True"),
        (SteerError, lambda: nn.FourierAct(LIMITED, out_frequency=1.5), "out_frequency: expected a band limit .* 1.5"),
        (SteerError, lambda: nn.FourierAct(LIMITED, out_frequency=-1), "out_frequency: expected an integer >= 0"),
        (
            SteerError,
            lambda: nn.FourierAct(nn.FieldType(D4, [D4.band_limited(1)]), out_frequency=3),
            "out_frequency: D4 has no irrep above frequency 2, got 3",
        ),
        (SteerError, lambda: nn.FourierAct(LIMITED, grid="fine"), "grid: expected a degree, .* got 'fine'"),
        (SteerError, lambda: nn.FourierAct(LIMITED, grid=-1), "grid: expected a degree, .* got -1"),
        (SteerError, lambda: nn.FourierAct(LIMITED, grid={}), r"grid: there is none for .*band_limited\(2\)"),
        (
            RepresentationError,
            lambda: nn.FourierAct(LIMITED, grid=quadrature(O2, 9)),
            r"grid: expected a quadrature on",
        ),
        (RepresentationError, lambda: nn.FourierAct(LIMITED, grid=quadrature(SO2, 2)), "grid: 3 nodes are too few for"),
        (KernelError, lambda: nn.FourierMaxPool(LIMITED, 0), "kernel_size: expected an integer >= 1"),
        (KernelError, lambda: nn.FourierMaxPool(LIMITED, 2, padding=2), "padding: expected at most half"),
        (SteerError, lambda: nn.FourierAct(LIMITED).equivariance_error(samples=0), "samples: expected an integer >= 1"),
        (SteerError, lambda: nn.FourierAct(LIMITED).equivariance_error(2 * np.eye(2)), "away from the nearest element"),
        (ShapeError, lambda: nn.FourierMaxPool(LIMITED, 2)(torch.zeros(1, 6, 5)), "x: FourierMaxPool expects"),
    ],
)
def test_errors(error, build, message):
    with pytest.raises(error, match=message):
        build()


def test_the_layer_that_pools_a_group_names_what_serves():
    with pytest.raises(FieldTypeError, match=re.escape("use NormPool")):
        nn.GroupPool(LIMITED)
