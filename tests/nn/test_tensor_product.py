"""TensorSquare and TensorProduct: Clebsch-Gordan coefficients by brute force, everything in a product, once."""

import math

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, RepresentationError
from steer.reps import clebsch_gordan, direct_product, multiplicity
from steer.testing import TOLERANCES, assert_equivariant
from tests import catalogue

from . import zoo

SO3, O3, OCT, T = (steer.group(name, dim=3) for name in ("SO(3)", "O(3)", "O", "T"))
SO2, O2, D4, C4, C5 = (steer.group(name, dim=2) for name in ("SO(2)", "O(2)", "D4", "C4", "C5"))
DOUBLE = torch.float64
REAL = [SO3, O3, O2, D4, OCT]
"""Groups whose irreps are of real type, and whose products hold every irrep once."""
FEW = [*REAL, SO2, C4, C5, T, direct_product(C4, SO2), direct_product(C4, C4)]
names = pytest.mark.parametrize("group", FEW, ids=str)


def irreps(group):
    return group.irreps(None if group.is_finite else 2)


def matrices(layer, count):
    """(k, i, j): the symmetric matrices of the quadratic forms z_k = x^T C_k x, by polarisation on basis vectors."""
    eye = torch.eye(count, dtype=DOUBLE)
    values = layer((eye[:, None] + eye[None]).reshape(-1, count)).reshape(count, count, -1)
    squares = layer(eye)
    return ((values - squares[:, None] - squares[None]) / 2).permute(2, 0, 1)


def bilinear(layer, count, other):
    """(k, i, j): the matrices of the bilinear forms z_k = x^T C_k y."""
    left, right = torch.eye(count, dtype=DOUBLE), torch.eye(other, dtype=DOUBLE)
    pairs = torch.cat([left[:, None].expand(-1, other, -1), right[None].expand(count, -1, -1)], 2)
    return layer(pairs.flatten(0, 1)).reshape(count, other, -1).permute(2, 0, 1)


# The formula ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", REAL, ids=str)
def test_product_of_irreps_is_the_sum_over_clebsch_gordan_coefficients(group):
    for psi in irreps(group):
        for phi in irreps(group):
            layer = nn.TensorProduct(nn.FieldType(group, [psi]), nn.FieldType(group, [phi])).double()
            x, y = torch.randn(4, psi.size, 2, dtype=DOUBLE), torch.randn(4, phi.size, 2, dtype=DOUBLE)
            out = layer(torch.cat([x, y], 1))
            for rep, start in zip(layer.out_type, layer.out_type.offsets, strict=False):
                (C,) = clebsch_gordan(psi, phi, rep)
                brute = torch.zeros(4, rep.size, 2, dtype=DOUBLE)
                for k, i, j in np.ndindex(*C.shape):
                    brute[:, k] += math.sqrt(rep.size) * C[k, i, j] * x[:, i] * y[:, j]
                torch.testing.assert_close(out[:, start : start + rep.size], brute, rtol=1e-12, atol=1e-12)


def test_vectors_in_space_have_dot_and_cross_product():
    vectors = nn.FieldType(SO3, [SO3.vector])
    x, y = torch.randn(5, 3, dtype=DOUBLE), torch.randn(5, 3, dtype=DOUBLE)
    layer = nn.TensorProduct(vectors, vectors, max_frequency=1).double()
    assert layer.out_type == nn.FieldType(SO3, [SO3.irrep("0"), SO3.irrep("1")])
    out = layer(torch.cat([x, y], 1))
    torch.testing.assert_close(out[:, 0].abs(), (x * y).sum(1).abs() / math.sqrt(3))
    # an irrep of degree 1 in its own basis
    matrix = torch.from_numpy(np.array(SO3.vector.change_of_basis))
    cross = torch.linalg.cross(x, y) @ matrix / math.sqrt(2)
    sign = torch.sign((out[:, 1:] * cross).sum())
    torch.testing.assert_close(out[:, 1:], sign * cross)


def test_square_of_a_vector_is_its_length_and_degree_two():
    layer = nn.TensorSquare(nn.FieldType(SO3, [SO3.vector])).double()
    assert layer.out_type == nn.FieldType(SO3, [SO3.irrep("0"), SO3.irrep("2")])
    x = torch.randn(5, 3, dtype=DOUBLE)
    out = layer(x)
    square = x.square().sum(1)
    torch.testing.assert_close(out[:, 0], square / math.sqrt(15))  # E |x|^4 = 3 + 12
    # |x (x) x - |x|^2 / 3|^2 = 2 |x|^4 / 3, by rows of norm 1 / sqrt(2)
    torch.testing.assert_close(out[:, 1:].square().sum(1), square**2 / 3)


def test_a_scalar_gives_its_square_and_a_pseudoscalar_a_scalar():
    layer = nn.TensorSquare(nn.FieldType(O2, [O2.irrep("0-"), O2.irrep("0+")])).double()
    assert layer.out_type == nn.FieldType(O2, 2 * [O2.irrep("0+")])
    x = torch.randn(5, 2, dtype=DOUBLE)
    torch.testing.assert_close(layer(x), x.square() / math.sqrt(3))


def test_complex_numbers_are_multiplied():
    # SO(2) has irreps of complex type: one copy of z^2, and |z|^2
    layer = nn.TensorSquare(nn.FieldType(SO2, [SO2.irrep("1")])).double()
    assert [psi.name for psi in layer.out_type] == ["0", "2"]
    x = torch.randn(6, 2, dtype=DOUBLE)
    z = torch.complex(x[:, 0], x[:, 1])
    out = layer(x)
    torch.testing.assert_close(out[:, 0], z.abs().square() / math.sqrt(8))
    # z^2 up to a constant phase, which is an endomorphism, or its conjugate
    found = torch.complex(out[:, 1], out[:, 2]) * 2
    phases = found / z**2
    torch.testing.assert_close(phases, phases[:1].expand(6))
    torch.testing.assert_close(phases.abs(), torch.ones(6, dtype=DOUBLE))


# Everything, once -----------------------------------------------------------------------------------------------------


def test_irreps_of_complex_type_count_once():
    assert {psi.type for group in FEW for psi in irreps(group)} == {"real", "complex"}
    for group in FEW:
        for psi in irreps(group):
            assert nn.TensorSquare(nn.FieldType(group, [psi])).out_type.size == psi.size * (psi.size + 1) // 2


@names
def test_the_output_is_the_symmetric_square_and_the_product(group):
    kinds = [rep for rep in (irreps(group)[-1] + irreps(group)[-2], group.vector) if rep.size <= 6]
    kinds += [group.regular] if group.is_finite and group.order <= 8 else []
    for rep in kinds:
        fields = nn.FieldType(group, [rep])
        square, pair = nn.TensorSquare(fields).out_type, nn.TensorProduct(fields, fields).out_type
        assert square.size == rep.size * (rep.size + 1) // 2
        assert pair.size == rep.size**2
        for psi in set(pair.representations):
            # copies of an irrep are dim Hom / dim End
            assert pair.representations.count(psi) * multiplicity(psi, psi) == multiplicity(psi, rep.tensor(rep))
        # the forms are a basis of those that are symmetric: none is zero, none is there twice
        forms = matrices(nn.TensorSquare(fields).double(), rep.size).flatten(1)
        assert np.linalg.matrix_rank(forms.numpy(), tol=1e-8) == len(forms)


@names
def test_max_frequency_keeps_the_irreps_below(group):
    fields = nn.FieldType(group, [irreps(group)[-1] + group.trivial, irreps(group)[1]])
    whole, part = nn.TensorSquare(fields).double(), nn.TensorSquare(fields, max_frequency=1).double()
    kept = [psi for psi in whole.out_type if psi.frequency <= 1]
    assert list(part.out_type) == kept
    x = torch.randn(3, fields.size, dtype=DOUBLE)
    channels = np.flatnonzero([whole.out_type[field].frequency <= 1 for field in whole.out_type.field_of_channel])
    torch.testing.assert_close(part(x), whole(x)[:, channels], rtol=1e-12, atol=1e-12)


def test_fields_are_sorted_by_irrep_then_field_then_pair():
    one, two = SO3.irrep("1"), SO3.irrep("2")
    layer = nn.TensorSquare(nn.FieldType(SO3, [two, one, one + two, one])).double()
    order = [SO3.irrep(str(degree)) for degree in range(5)]
    found = list(layer.out_type)
    assert found == sorted(found, key=order.index)
    assert [found.count(psi) for psi in order] == [5, 1, 6, 1, 2]
    # scalars: the squares of the fields in their order, and of the two parts of the third
    x = torch.randn(4, layer.in_type.size, dtype=DOUBLE)
    parts = x.split([5, 3, 3, 5, 3], 1)
    expected = [part.square().sum(1) / math.sqrt(part.shape[1] * (part.shape[1] + 2)) for part in parts]
    torch.testing.assert_close(layer(x)[:, :5], torch.stack(expected, 1))


@names
def test_fields_act_alone_whatever_their_order(group):
    kinds = [irreps(group)[-1], group.trivial, irreps(group)[1] + group.trivial]
    fields = zoo.longer(nn.FieldType(group, kinds), shuffle=True)
    layer = nn.TensorSquare(fields).double()
    x = torch.randn(2, fields.size, 3, dtype=DOUBLE)
    apart = [nn.TensorSquare(nn.FieldType(group, [rep])).double() for rep in fields]
    outs = [
        part(x[:, start : start + rep.size]) for part, rep, start in zip(apart, fields, fields.offsets, strict=False)
    ]
    rank = {psi: place for place, psi in enumerate(group.irreps(None if group.is_finite else 8))}
    pieces = [
        (rank[psi], index, out[:, start : start + psi.size])
        for index, (part, out) in enumerate(zip(apart, outs, strict=True))
        for psi, start in zip(part.out_type, part.out_type.offsets, strict=False)
    ]
    expected = torch.cat([piece for _, _, piece in sorted(pieces, key=lambda piece: piece[:2])], 1)
    torch.testing.assert_close(layer(x), expected, rtol=1e-12, atol=1e-12)


def test_the_square_is_the_product_with_itself_less_what_vanishes():
    fields = nn.FieldType(D4, [D4.regular])
    x = torch.randn(20, 8, dtype=DOUBLE)
    square = nn.TensorSquare(fields).double()(x)
    product = nn.TensorProduct(fields, fields).double()(torch.cat([x, x], 1))
    # both span the same quadratic forms
    both = np.linalg.matrix_rank(torch.cat([square, product], 1).numpy(), tol=1e-8)
    assert both == np.linalg.matrix_rank(product.numpy(), tol=1e-8)


def test_keep_input_puts_the_input_before():
    fields = nn.FieldType(D4, [D4.regular, D4.vector])
    x = torch.randn(2, fields.size, 3)
    layer = nn.TensorSquare(fields, 1, keep_input=True)
    assert layer.out_type == fields + nn.TensorSquare(fields, 1).out_type
    assert torch.equal(layer(x), torch.cat([x, nn.TensorSquare(fields, 1)(x)], 1))
    pair = nn.TensorProduct(fields, fields[::-1], keep_input=True)
    assert pair.out_type[: 2 * len(fields)] == pair.in_type == fields + fields[::-1]


# Normalisation --------------------------------------------------------------------------------------------------------


@names
def test_second_moments_are_one_in_closed_form(group):
    rep = irreps(group)[-1] + irreps(group)[1] + group.trivial
    fields = nn.FieldType(group, [rep])
    C = matrices(nn.TensorSquare(fields).double(), rep.size)
    trace = C.diagonal(dim1=1, dim2=2).sum(1)
    moments = trace.square() + 2 * C.square().sum((1, 2))  # of x^T C x for a standard normal x (Isserlis)
    torch.testing.assert_close(moments, torch.ones_like(moments), rtol=1e-12, atol=0)
    C = bilinear(nn.TensorProduct(fields, fields).double(), rep.size, rep.size).flatten(1)
    torch.testing.assert_close(C @ C.T, torch.eye(len(C), dtype=DOUBLE), rtol=0, atol=1e-12)


def test_second_moments_are_one_by_sampling():
    fields = nn.FieldType(SO3, [SO3.band_limited(1), SO3.irrep("2")])
    count = 20000
    for layer in (nn.TensorSquare(fields), nn.TensorProduct(fields, fields)):
        moments = layer(torch.randn(count, layer.in_type.size)).square().mean(0)
        # E z^4 <= 81 (E z^2)^2 for polynomials of degree 2 in normals (hypercontractivity); four standard errors
        assert (moments - 1).abs().max() < 4 * math.sqrt(80 / count)


# Equivariance and gradients -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", catalogue.mostly_slow(catalogue.GROUPS), ids=catalogue.group_id)
def test_commutes_with_every_group_of_plane_and_space(group):
    elements = [np.eye(group.dim), *catalogue.generators(group)]
    fields = nn.FieldType(group, [rep for rep in catalogue.few_types(group) if rep.size <= 8])
    for layer in (nn.TensorSquare(fields, 1), nn.TensorProduct(fields, fields[::-1])):
        assert_equivariant(layer.double(), elements=elements, shape=(3,), dtype=DOUBLE)


@names
def test_commutes(group):
    kinds = [group.vector, group.regular if group.is_finite and group.order < 30 else irreps(group)[-1]]
    fields = nn.FieldType(group, [*kinds, irreps(group)[1]])
    elements = group.elements[-6:] if group.is_finite else group.sample(6, seed=0)
    for layer in (nn.TensorSquare(fields, keep_input=True), nn.TensorProduct(fields, fields[::-1], 1)):
        for dtype in (DOUBLE, torch.float32):
            assert_equivariant(layer.to(dtype), elements=elements, shape=(3,), dtype=dtype)


def test_a_network_of_polynomials_commutes():
    image, hidden = nn.FieldType(SO3, [SO3.trivial]), nn.FieldType(SO3, 2 * [SO3.band_limited(1)])
    square = nn.TensorSquare(hidden, max_frequency=1)
    net = nn.Sequential(
        nn.Conv3d(image, hidden, 3, padding=1),
        nn.BatchNorm(hidden),
        square,
        nn.Conv3d(square.out_type, hidden, 1),
        nn.NormPool(hidden),
    )
    assert not list(square.parameters())
    net(torch.randn(2, 1, 5, 5, 5)).square().mean().backward()
    assert all(parameter.grad.isfinite().all() for parameter in net.parameters())
    assert_equivariant(net, shape=(1, 5, 5, 5), tolerance=TOLERANCES[torch.float32])


@pytest.mark.parametrize("keep_input", [False, True])
def test_gradients_of_first_and_second_order(keep_input):
    fields = nn.FieldType(D4, [D4.regular, D4.irrep("A2"), D4.vector, D4.irrep("A2")])
    for layer in (nn.TensorSquare(fields, 1, keep_input), nn.TensorProduct(fields, fields[::-1], 1, keep_input)):
        layer.double()
        x = torch.randn(2, layer.in_type.size, 2, dtype=DOUBLE, requires_grad=True)
        assert torch.autograd.gradcheck(layer, x, fast_mode=True)
        assert torch.autograd.gradgradcheck(layer, x, fast_mode=True)


def test_function_transforms():
    fields = nn.FieldType(D4, [D4.regular, D4.vector])
    layer = nn.TensorSquare(fields).double()
    zoo.require_transforms(lambda x: layer(x)[:, : fields.size], torch.randn(3, 2, fields.size, 2, dtype=DOUBLE))


def test_some_samples_at_a_time(monkeypatch):
    from steer.nn._engine import _layout

    layer = nn.TensorSquare(nn.FieldType(O2, [O2.irrep("1") + O2.irrep("2"), O2.irrep("1")])).double()
    x = torch.randn(5, layer.in_type.size, 4, 3, dtype=DOUBLE, requires_grad=True)
    whole = layer(x)
    slope = torch.randn_like(whole)
    expected = torch.autograd.grad(whole, x, slope)[0]
    monkeypatch.setattr(_layout, "CHUNK", 2 * x[0].nbytes)
    parts = layer(x)
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(torch.autograd.grad(parts, x, slope)[0], expected)


def test_products_are_not_kept_for_the_backward_pass():
    layer = nn.TensorSquare(nn.FieldType(SO3, [SO3.band_limited(1)]))
    x = torch.randn(2, layer.in_type.size, 5, requires_grad=True)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        layer(x)
    assert kept == [x.numel()]


def test_the_number_of_operations_does_not_grow_with_the_fields():
    def operations(count):
        fields = nn.FieldType(SO3, count * [SO3.irrep("1"), SO3.irrep("2"), SO3.band_limited(1)])
        return len(steer.export(nn.TensorSquare(fields)).graph.nodes)

    assert operations(2) == operations(40)


# Errors ---------------------------------------------------------------------------------------------------------------


def test_what_is_no_type_is_refused():
    fields = nn.FieldType(SO3, [SO3.vector])
    with pytest.raises(FieldTypeError, match=r"in_type: TensorSquare expects a FieldType, got \[.*vector"):
        nn.TensorSquare([SO3.vector])
    with pytest.raises(FieldTypeError, match=r"first: TensorProduct expects a FieldType, got 'regular'"):
        nn.TensorProduct("regular", fields)
    with pytest.raises(FieldTypeError, match=r"second: TensorProduct expects a FieldType, got None"):
        nn.TensorProduct(fields, None)


def test_types_that_do_not_pair_are_refused():
    fields = nn.FieldType(SO3, [SO3.vector])
    with pytest.raises(FieldTypeError, match=r"second: TensorProduct needs two types of one group, got .*SO\(3\).*O"):
        nn.TensorProduct(fields, nn.FieldType(O3, [O3.vector]))
    with pytest.raises(FieldTypeError, match=r"second: TensorProduct multiplies field i .* got 1 and 2 fields"):
        nn.TensorProduct(fields, fields + fields)


@pytest.mark.parametrize("value", [-1, 1.5, "2"])
def test_a_frequency_that_is_none_is_refused(value):
    fields = nn.FieldType(SO3, [SO3.vector])
    with pytest.raises(RepresentationError, match=rf"max_frequency: expected an integer >= 0, got {value!r}"):
        nn.TensorSquare(fields, value)
    with pytest.raises(RepresentationError, match=rf"max_frequency: expected an integer >= 0, got {value!r}"):
        nn.TensorProduct(fields, fields, value)


def test_a_product_of_which_nothing_is_left_is_refused():
    one, three = (nn.FieldType(SO3, [SO3.irrep(label)]) for label in ("1", "3"))
    with pytest.raises(FieldTypeError, match=r"max_frequency: no irrep up to 1 is in the products of 1 \+ 3"):
        nn.TensorProduct(one, three, max_frequency=1)
