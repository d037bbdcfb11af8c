"""Gate multiplies each field by a function of its gate, whatever the order of the fields, and any group commutes."""

import math
import random

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, ShapeError, SteerError
from steer.testing import TOLERANCES, assert_equivariant, equivariance_error, grid_symmetries
from tests import catalogue
from tests.catalogue import group_id

from . import zoo

SO3, O3 = (steer.group(name, dim=3) for name in ("SO(3)", "O(3)"))
D4, O2 = (steer.group(name, dim=2) for name in ("D4", "O(2)"))
EPS = torch.finfo(torch.float64).eps
FORMULAS = {
    "sigmoid": lambda t: 1 / (1 + (-t).exp()),
    "tanh": lambda t: (2 * t).expm1() / ((2 * t).expm1() + 2),
    "relu": lambda t: t.clamp_min(0),
    "softplus": lambda t: t.exp().log1p(),
}
DEGREES = [SO3.irrep(str(degree)) for degree in range(3)]
GROUPED = nn.FieldType(SO3, [rep for rep in DEGREES for _ in range(8)])
PERIODIC = nn.FieldType(SO3, 8 * DEGREES)
SHUFFLED = nn.FieldType(SO3, random.Random(0).sample(8 * DEGREES, 24))
ORDERS = pytest.mark.parametrize("fields", [GROUPED, PERIODIC, SHUFFLED], ids=["grouped", "periodic", "shuffled"])


def is_scalar(rep):
    """Whether every element acts as the number 1: a check of its own, on elements that generate the group densely."""
    elements = rep.group.elements if rep.group.is_finite else rep.group.sample(8, seed=0)
    return rep.size == 1 and bool((abs(rep(elements) - 1) < 1e-9).all())


def directly(layer, x, function, scalars=torch.nn.functional.silu):
    """The layer's output, by a loop over its fields."""
    out, gate = [], layer.out_type.size
    for rep, start in zip(layer.out_type, layer.out_type.offsets, strict=False):
        field = x[:, start : start + rep.size]
        if is_scalar(rep):
            out.append(scalars(field))
        else:
            out.append(field * function(x[:, gate : gate + 1]))
            gate += 1
    assert gate == layer.in_type.size == x.shape[1]
    return torch.cat(out, 1)


# The formula ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", zoo.GROUPS, ids=group_id)
@pytest.mark.parametrize("function", FORMULAS)
def test_equals_the_formula_field_by_field(group, function):
    for field_type in zoo.types_for("Gate", group):
        for fields in (field_type, zoo.longer(field_type), zoo.longer(field_type, shuffle=True)):
            layer = nn.Gate(fields, function)
            x = torch.randn(2, layer.in_type.size, 3, 4, dtype=torch.float64)
            # no cancellation: an exponential (2 units in the last place), a few sums and quotients, one product
            torch.testing.assert_close(layer(x), directly(layer, x, FORMULAS[function]), rtol=16 * EPS, atol=0)


@ORDERS
def test_the_modules_given_are_the_ones_applied(fields):
    layer = nn.Gate(fields, torch.nn.Hardtanh(), scalars=torch.nn.LeakyReLU(0.2)).double()
    x = torch.randn(2, layer.in_type.size, 3, dtype=torch.float64)
    torch.testing.assert_close(
        layer(x), directly(layer, x, lambda t: t.clamp(-1, 1), lambda s: s.clamp_min(0.2 * s)), rtol=2 * EPS, atol=0
    )


def test_orders_are_walked_as_they_should_be():
    assert [nn.Gate(fields).repeats for fields in (GROUPED, PERIODIC, SHUFFLED)] == [1, 8, 1]
    assert [nn.Gate(fields).gathered for fields in (GROUPED, PERIODIC, SHUFFLED)] == [False, False, True]


@pytest.mark.parametrize("order", ["grouped", "periodic", "shuffled"])
def test_the_number_of_operations_does_not_grow_with_the_fields(order):
    def operations(count):
        fields = count * DEGREES
        if order == "grouped":
            fields.sort(key=lambda rep: rep.size)
        elif order == "shuffled":
            random.Random(0).shuffle(fields)
        return len(steer.export(nn.Gate(nn.FieldType(SO3, fields))).graph.nodes)

    assert operations(200) == operations(20) <= 40


def test_the_input_has_one_trivial_field_after_the_others_for_each_that_is_gated():
    fields = nn.FieldType(O3, [O3.irrep("0o"), O3.trivial, O3.vector, O3.trivial, O3.irrep("2e")])
    layer = nn.Gate(fields)
    assert layer.out_type == fields
    assert layer.in_type == fields + nn.FieldType(O3, 3 * [O3.trivial])


def test_pseudoscalars_are_gated_and_keep_their_sign():
    for rep in (O2.irrep("0-"), D4.irrep("B1"), O3.irrep("0o"), steer.group("Oh", dim=3).irrep("A1u")):
        layer = nn.Gate(nn.FieldType(rep.group, [rep]))
        assert layer.in_type.size == 2
        x = torch.randn(5, 2)
        assert torch.equal(layer(x * torch.tensor([-1.0, 1.0])), -layer(x))
        torch.testing.assert_close(layer(x), x[:, :1] * x[:, 1:].sigmoid())


def test_a_field_of_one_component_is_a_scalar_by_what_the_group_does_and_not_by_its_name():
    fields = nn.FieldType(D4, [D4.quotient(D4), D4.irrep("A2")])
    assert nn.Gate(fields).in_type.size == 3
    assert nn.Gate(fields.restrict("C4")).in_type.size == 2  # A2 is trivial on turns
    # a sum of scalars in one field is one field, with one gate
    assert nn.Gate(nn.FieldType(D4, [D4.trivial + D4.trivial])).in_type.size == 3


def test_scalars_alone_are_a_pointwise_layer():
    fields = nn.FieldType(D4, 3 * [D4.trivial])
    layer = nn.Gate(fields, scalars=torch.nn.ELU())
    assert layer.in_type == layer.out_type == fields
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(layer(x), torch.nn.functional.elu(x))


def test_a_closed_gate_passes_nothing_and_an_open_one_everything():
    layer = nn.Gate(nn.FieldType(SO3, [SO3.vector]))
    x = torch.randn(2, 3, 5)
    for logit, share in ((-math.inf, 0.0), (math.inf, 1.0), (0.0, 0.5)):
        gate = torch.full((2, 1, 5), logit)
        assert torch.equal(layer(torch.cat([x, gate], 1)), share * x)


# Equivariance ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", catalogue.mostly_slow(catalogue.GROUPS), ids=catalogue.group_id)
def test_commutes_with_every_group_of_plane_and_space(group):
    # what commutes with generators commutes with the group
    elements = [np.eye(group.dim), *catalogue.generators(group)]
    kinds = [rep for rep in catalogue.few_types(group) if rep.size <= catalogue.LARGEST]
    fields = zoo.longer(nn.FieldType(group, [group.trivial, *kinds]), shuffle=True)
    assert_equivariant(nn.Gate(fields, "tanh"), elements=elements, shape=(3,), dtype=torch.float64)


@pytest.mark.parametrize(
    "group", [*catalogue.FINITE_PRODUCTS[-6:], *catalogue.CONTINUOUS_PRODUCTS], ids=catalogue.group_id
)
def test_commutes_with_products(group):
    irreps = list(catalogue.irreps(group))
    fields = nn.FieldType(group, [group.trivial, *irreps, *irreps[::-1]])
    elements = group.elements[-4:] if group.is_finite else group.sample(4, seed=0)
    assert_equivariant(nn.Gate(fields), elements=elements, shape=(3,), dtype=torch.float64)


@pytest.mark.parametrize("group", [catalogue.NOWHERE, catalogue.LINE, *catalogue.ACTIONS], ids=catalogue.group_id)
def test_commutes_with_groups_that_act_otherwise_or_nowhere(group):
    irreps = list(catalogue.irreps(group))
    layer = nn.Gate(nn.FieldType(group, [irreps[-1], *irreps, group.trivial]))
    elements = group.elements if group.is_finite else group.sample(6, seed=0)
    assert_equivariant(layer, elements=elements, shape=(3,), dtype=torch.float64)


@pytest.mark.parametrize("name", ["SO(3)", "O(3)", "O", "Oh", "I", "D3d", "Cinfv"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_commutes_on_voxels(name, dtype):
    group = steer.group(name, dim=3)
    irreps = list(group.irreps(None if group.is_finite else 2))
    fields = zoo.longer(nn.FieldType(group, [group.vector, *irreps, group.trivial]), shuffle=True)
    assert_equivariant(nn.Gate(fields), elements=grid_symmetries(group)[-4:], shape=(1, 3, 3, 3), dtype=dtype)


def test_a_gated_network_in_space_commutes():
    image = nn.FieldType(SO3, [SO3.trivial])
    first, second = nn.Gate(nn.FieldType(SO3, 2 * DEGREES)), nn.Gate(GROUPED)
    net = nn.Sequential(
        nn.Conv3d(image, first.in_type, 5, padding=2),
        nn.BatchNorm(first.in_type),
        first,
        nn.Conv3d(first.out_type, second.in_type, 3, padding=1),
        nn.BatchNorm(second.in_type),
        second,
        nn.NormPool(second.out_type),
    )
    net(torch.randn(2, 1, 7, 7, 7)).square().mean().backward()
    assert all(parameter.grad.isfinite().all() for parameter in net.parameters())
    assert_equivariant(net, shape=(1, 7, 7, 7), tolerance=TOLERANCES[torch.float32])


def test_a_pointwise_function_on_the_same_fields_does_not_commute():
    # what the tests above would find: SiLU on all channels of an irrep
    def pointwise(x):
        return torch.nn.functional.silu(x)

    module = torch.nn.Module()
    module.forward = pointwise
    fields = nn.FieldType(SO3, [SO3.vector])
    errors = equivariance_error(
        module, elements=SO3.sample(4, seed=0), shape=(3,), dtype=torch.float64, in_type=fields, out_type=fields
    )
    assert errors.min() > 1e-2


# Signs ----------------------------------------------------------------------------------------------------------------


def signs(group):
    """Irreps of one component."""
    return [psi for psi in catalogue.irreps(group) if psi.size == 1]


@pytest.mark.parametrize("group", catalogue.nearly_all_slow(catalogue.GROUPS), ids=catalogue.group_id)
def test_gates_that_change_sign(group):
    elements = [np.eye(group.dim), *catalogue.generators(group)]
    kinds = [rep for rep in catalogue.few_types(group) if 1 < rep.size <= catalogue.LARGEST]
    if not kinds:
        kinds = [group.trivial + group.trivial]
    fields = nn.FieldType(group, [group.trivial, *kinds, *signs(group)])
    gated = sum(not is_scalar(rep) for rep in fields)
    for sign in signs(group)[-1:]:
        gates = nn.FieldType(group, gated * [sign])
        for function in ("tanh", torch.abs):
            layer = nn.Gate(fields, function, gates=gates)
            assert layer.out_type == fields
            assert layer.gate_type == gates
            assert_equivariant(layer, elements=elements, shape=(3,), dtype=torch.float64)
        with_own = nn.Gate(fields, pseudoscalars=torch.nn.Tanh())
        assert with_own.in_type.size == fields.size + sum(rep.size > 1 for rep in fields)
        assert_equivariant(with_own, elements=elements, shape=(3,), dtype=torch.float64)
        if sign != group.trivial:
            with pytest.raises(SteerError, match=r"function: of gates that change sign an odd .* or an even one"):
                nn.Gate(fields, "sigmoid", gates=gates)


def test_odd_gates_change_the_parity_and_even_ones_do_not():
    degrees = nn.FieldType(O3, [O3.irrep(label) for label in ("0e", "1o", "0o", "2e")])
    other = nn.FieldType(O3, [O3.irrep(label) for label in ("0e", "1e", "0e", "2o")])
    gates = nn.FieldType(O3, 3 * [O3.irrep("0o")])
    odd, even = nn.Gate(degrees, "tanh", gates=gates), nn.Gate(degrees, torch.square, gates=gates)
    assert odd.field_type == other
    assert even.field_type == degrees
    x = torch.randn(2, odd.in_type.size, 3, dtype=torch.float64)
    torch.testing.assert_close(odd(x), directly(odd, x, torch.tanh))
    torch.testing.assert_close(even(x), directly(even, x, torch.square))
    own = nn.Gate(degrees, "tanh", gates=gates[:2], pseudoscalars=torch.sin)
    x = torch.randn(2, own.in_type.size, dtype=torch.float64)
    torch.testing.assert_close(own(x)[:, 4:5], x[:, 4:5].sin())
    assert str(own).endswith("scalars=SiLU(), pseudoscalars=sin)")


def test_gates_for_each_coset_change_sign_too():
    half = D4.subgroup("D2")
    one, other, vector = half.irreps()[1], half.irreps()[2], half.vector
    fields = nn.FieldType(D4, [one.induce(D4), D4.irrep("E"), D4.trivial, vector.induce(D4)])
    gates = nn.FieldType(D4, [other.induce(D4), D4.irrep("A2"), one.induce(D4)])
    for function in ("tanh", torch.abs):
        layer = nn.Gate(fields, function, per_coset=True, gates=gates)
        assert_equivariant(layer, shape=(2, 3, 3), dtype=torch.float64)
    assert nn.Gate(fields, "tanh", per_coset=True, gates=gates).field_type[0] == half.irreps()[3].induce(D4)


def test_an_odd_function_for_scalars_is_no_odd_function_for_pseudoscalars():
    fields = nn.FieldType(O3, [O3.irrep("0o")])
    assert nn.Gate(fields, pseudoscalars=torch.tanh).in_type == fields
    with pytest.raises(
        SteerError, match=r"pseudoscalars: expected an odd function, .* got SiLU\(\); nn.Pointwise makes"
    ):
        nn.Gate(fields, pseudoscalars=torch.nn.SiLU())
    with pytest.raises(SteerError, match=r"pseudoscalars: expected an elementwise torch module such as .*Tanh\(\)"):
        nn.Gate(fields, pseudoscalars="tanh")


@pytest.mark.parametrize(
    ("gates", "message"),
    [
        (3, "gates: Gate expects a FieldType, got 3"),
        (nn.FieldType(SO3, [SO3.trivial]), "gates: Gate needs types of one group"),
        (nn.FieldType(O3, [O3.trivial]), "gates: expected one field for each of the 2 fields that have a gate, got 1"),
        (nn.FieldType(O3, [O3.trivial, O3.vector]), "gates: expected .* fields of one component; field 1 is"),
    ],
)
def test_gates_that_do_not_fit_are_refused(gates, message):
    with pytest.raises(FieldTypeError, match=message):
        nn.Gate(nn.FieldType(O3, [O3.trivial, O3.vector, O3.irrep("2e")]), gates=gates)


# Gates from a second input --------------------------------------------------------------------------------------------


@ORDERS
def test_gates_of_a_second_input(fields):
    layer = nn.Gate(fields)
    assert layer.field_type + layer.gate_type == layer.in_type
    x, gates = torch.randn(2, layer.field_type.size, 5, 4), torch.randn(2, layer.gate_type.size, 5, 4)
    expected = layer(torch.cat([x, gates], 1))
    assert torch.equal(layer(x, gates), expected)
    assert torch.equal(layer(x, gates=gates), expected)
    f = layer(layer.field_type(x), layer.gate_type(gates))
    assert f.type == fields
    assert torch.equal(f.tensor, expected)
    assert torch.equal(layer(layer.field_type(x), gates).tensor, expected)
    # one for all positions, or for all of an axis
    mean = gates.mean((2, 3))
    assert torch.equal(layer(x, mean), layer(x, mean[:, :, None, None].expand_as(gates)))
    row = gates[:, :, :1]
    assert torch.equal(layer(x, row), layer(x, row.expand_as(gates)))


class Crossed(torch.nn.Module):
    """A network in which gates are made of other features than what they multiply."""

    def __init__(self, typed):
        super().__init__()
        fields = nn.FieldType(D4, [D4.vector, D4.trivial, D4.irrep("A2")])
        self.typed, self.gate = typed, nn.Gate(fields, "tanh", gates=nn.FieldType(D4, 2 * [D4.irrep("A2")]))
        self.first = nn.Conv2d(fields, self.gate.field_type, 3, padding=1)
        self.second = nn.Conv2d(fields, self.gate.gate_type, 3, padding=1)

    def forward(self, x):
        f = self.first.in_type(x) if self.typed else x
        return self.gate(self.first(f), gates=self.second(f))


@pytest.mark.parametrize("typed", [False, True])
def test_networks_with_a_second_input(typed):
    net = Crossed(typed).double().eval()
    plain = Crossed(False).double().eval()
    plain.load_state_dict(net.state_dict())
    fields = net.first.in_type
    x = torch.randn(2, fields.size, 5, 5, dtype=torch.float64)
    out = net(x)
    expected = plain(x)
    assert torch.equal(out.tensor if typed else out, expected)
    for g in D4.elements:
        torch.testing.assert_close(plain(fields.transform(x, g)), fields.transform(expected, g))
    # types are followed to both inputs; only where a tensor is given without one there is nothing to compare
    assert nn.check_types(plain, x) == ("first", "second")
    if typed:
        torch.testing.assert_close(steer.export(net)(x), expected)
    wrong = Crossed(False).double()
    wrong.second = nn.Conv2d(fields, nn.FieldType(D4, 2 * [D4.trivial]), 3, padding=1, unreached="ignore").double()
    with pytest.raises(FieldTypeError, match=r"module 'gate' .*2 A2 .* is given the output of module 'second'"):
        nn.check_types(wrong, x)


def test_a_second_input_that_does_not_fit_is_refused():
    layer = nn.Gate(nn.FieldType(O3, [O3.trivial, O3.vector]))
    x, gates = torch.zeros(2, 4, 3), torch.zeros(2, 1, 3)
    for bad in (gates[:1], gates.expand(2, 2, 3), gates[:, :, :2], gates[:, 0], gates.unsqueeze(3)):
        with pytest.raises(ShapeError, match=r"gates: expected shape \(2, 1, 3\) for x of shape \(2, 4, 3\), got"):
            layer(x, bad)
    with pytest.raises(ShapeError, match="gates: expected a tensor, got str"):
        layer(x, "gates")
    with pytest.raises(ShapeError, match="x: expected a tensor"):
        layer(torch.cat([x, gates], 1), gates)
    with pytest.raises(FieldTypeError, match="gates: Gate with gates expects fields of type 0e of"):
        layer(x, nn.FieldType(O3, [O3.irrep("0o")])(gates))
    with pytest.raises(FieldTypeError, match=r"gates: the fields .* have no gates; leave them out"):
        nn.Gate(nn.FieldType(O3, [O3.trivial]))(torch.zeros(2, 1), gates)


# What torch asks of a layer; more in test_modules.py and test_export.py -----------------------------------------------


@ORDERS
@pytest.mark.parametrize("function", ["sigmoid", "tanh", "softplus"])
def test_gradients_of_first_and_second_order(fields, function):
    layer = nn.Gate(fields, function)
    x = torch.randn(1, layer.in_type.size, 1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x)
    assert torch.autograd.gradgradcheck(layer, x)


@ORDERS
def test_functional_transforms(fields):
    layer = nn.Gate(fields)
    x = torch.randn(4, 2, layer.in_type.size, 3)
    torch.testing.assert_close(torch.vmap(layer)(x), torch.stack([layer(part) for part in x]))
    torch.testing.assert_close(torch.vmap(layer, in_dims=1, out_dims=1)(x), layer(x.flatten(0, 1)).unflatten(0, (4, 2)))
    gradients = torch.vmap(torch.func.grad(lambda part: layer(part).square().sum()))(x)
    y = x.clone().requires_grad_()
    sum(layer(part).square().sum() for part in y).backward()
    torch.testing.assert_close(gradients, y.grad)


@ORDERS
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # inductor's own deprecations
def test_compiles_with_inductor(fields):
    layer = nn.Gate(fields)
    torch._dynamo.reset()
    compiled = torch.compile(layer, fullgraph=True)
    x = torch.randn(2, layer.in_type.size, 3, 3, 3, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    out = compiled(x)
    torch.testing.assert_close(out, layer(y))
    out.square().sum().backward()
    layer(y).square().sum().backward()
    torch.testing.assert_close(x.grad, y.grad)


@ORDERS
@pytest.mark.parametrize("shape", [(2,), (0,), (0, 4, 4), (3, 1, 1, 1)])
def test_any_number_of_axes_and_an_empty_batch(fields, shape):
    layer = nn.Gate(fields)
    x = torch.randn(shape[0], layer.in_type.size, *shape[1:], dtype=torch.float64, requires_grad=True)
    out = layer(x)
    torch.testing.assert_close(out, directly(layer, x, torch.sigmoid), rtol=16 * EPS, atol=0)
    out.sum().backward()
    assert x.grad.shape == x.shape


@ORDERS
def test_leaves_its_input_alone_and_takes_a_view(fields):
    layer = nn.Gate(fields)
    x = torch.randn(2, 3, 3, 3, layer.in_type.size).movedim(-1, 1)
    before = x.clone()
    torch.testing.assert_close(layer(x), layer(x.contiguous()))
    assert torch.equal(x, before)


def test_parameters_of_the_modules_are_learned_and_saved():
    layer = nn.Gate(GROUPED, scalars=torch.nn.PReLU())
    layer(torch.randn(2, layer.in_type.size)).sum().backward()
    assert layer.scalars.weight.grad is not None
    assert list(layer.state_dict()) == ["scalars.weight"]
    assert list(nn.Gate(GROUPED).state_dict()) == []


def test_prints_types_and_functions():
    assert str(nn.Gate(GROUPED, "tanh", torch.nn.ELU())) == (
        "Gate(24 0 + 8 1 + 8 2 of SO(3) (88 channels) -> 8 0 + 8 1 + 8 2 of SO(3) (72 channels), "
        "function=Tanh(), scalars=ELU(alpha=1.0))"
    )


# Errors ---------------------------------------------------------------------------------------------------------------


def test_what_is_no_type_is_refused():
    with pytest.raises(FieldTypeError, match=r"fields: Gate expects a FieldType, got \[.*vector"):
        nn.Gate([SO3.vector])


def test_unknown_functions_are_refused():
    with pytest.raises(
        SteerError, match=r"function: expected one of 'sigmoid', .*, or an elem.* got 'sigmid'; did you mean 'sigmoid'"
    ):
        nn.Gate(GROUPED, "sigmid")
    with pytest.raises(
        SteerError, match=r"function: expected an elementwise .* as 'sigmoid' or .*Sigmoid\(\), or .* 3"
    ):
        nn.Gate(GROUPED, 3)


@pytest.mark.parametrize("value", ["relu", torch.nn.ELU, 3, nn.ReLU(nn.FieldType(SO3, [SO3.trivial]))])
def test_scalars_that_are_no_torch_module_are_refused(value):
    with pytest.raises(SteerError, match=r"scalars: expected an elementwise torch module such as .*ELU\(\), .*got"):
        nn.Gate(GROUPED, scalars=value)


@pytest.mark.parametrize("name", ["function", "scalars"])
def test_modules_that_work_in_place_are_refused(name):
    module = torch.nn.Sequential(torch.nn.ReLU(inplace=True))
    with pytest.raises(SteerError, match=rf"(?s){name}: .* would overwrite the layer's input; .* without inplace=True"):
        nn.Gate(GROUPED, **{name: module})


def test_a_tensor_without_gates_is_refused():
    with pytest.raises(ShapeError, match=r"x: expected a tensor \(batch, 88, ...\) for 24 0 \+ 8 1 \+ 8 2 of SO\(3\)"):
        nn.Gate(GROUPED)(torch.zeros(1, 72, 3, 3, 3))
