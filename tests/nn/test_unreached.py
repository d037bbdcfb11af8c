"""Output fields that no kernel reaches: they are built, zero but for a bias, and named, with advice that can help."""

import copy
import pickle
import warnings

import pytest
import torch

import steer
from steer import kernels, nn
from steer.errors import KernelError, UnreachedWarning
from steer.reps import intertwiners
from steer.testing import assert_equivariant
from tests.catalogue import IN_PLANE, few_types, group_id

C4, C6, D4, O2 = (steer.group(name, dim=2) for name in ("C4", "C6", "D4", "O(2)"))
SO3 = steer.group("SO(3)", dim=3)
IMAGE = nn.FieldType(O2, 3 * [O2.trivial])
EVERY = nn.FieldType(O2, [*O2.irreps(5)])

silent = pytest.mark.filterwarnings("ignore::steer.errors.UnreachedWarning")


def fields(group, *reps):
    return nn.FieldType(group, [getattr(group, rep) if isinstance(rep, str) else rep or group.trivial for rep in reps])


BUILT = {
    "every irrep": lambda **more: nn.Conv2d(IMAGE, EVERY, 3, padding=1, **more),
    "none": lambda **more: nn.Conv2d(fields(C4, 0), fields(C4, C4.irrep("B")), 2, **more),
    "to a sum": lambda **more: nn.Linear(fields(D4, "vector"), fields(D4, D4.trivial + D4.vector), **more),
    "to a quotient": lambda **more: nn.Linear(fields(SO3, "vector"), fields(SO3, SO3.quotient("Cinf", 1)), **more),
    "no map at all": lambda **more: nn.Linear(fields(D4, "vector"), fields(D4, 0, 0), **more),
    "groups": lambda **more: nn.Conv2d(
        fields(C4, 0, 0), fields(C4, 0, C4.irrep("B"), 0, C4.irrep("B")), 2, groups=2, **more
    ),
    "transposed": lambda **more: nn.ConvTranspose2d(fields(D4, 0), fields(D4, D4.irrep("B1"), 0), 2, **more),
    "transposed groups": lambda **more: nn.ConvTranspose2d(
        fields(D4, D4.irrep("B1"), 0), fields(D4, 0, 0), 2, groups=2, **more
    ),
    "hexagons": lambda **more: nn.HexConv2d(fields(C6, 0), fields(C6, "regular", C6.irrep("B")), 1, **more),
    "pixels": lambda **more: nn.Conv2d(fields(C4, 0), fields(C4, 0, "vector"), 1, basis="pixel", **more),
    "space": lambda **more: nn.Conv3d(fields(SO3, 0), fields(SO3, *SO3.irreps(4)), 3, padding=1, **more),
}


def data(layer, batch=2):
    dim = layer.in_type.group.dim
    space = () if isinstance(layer, nn.Linear) else (5,) * dim
    return torch.randn(batch, layer.in_type.size, *space)


def dead_channels(layer):
    """Channels of summands that the plan says are not reached; all of a field that is no direct sum."""
    found = torch.zeros(layer.out_type.size, dtype=torch.bool)
    for one in layer.plan.unreached:
        start, rep = layer.out_type.offsets[one.field], layer.out_type[one.field]
        for part in rep.summands:
            found[start : start + part.size] |= part == one.rep
            start += part.size
    return found


@pytest.mark.parametrize("name", BUILT)
def test_they_are_zero_and_named(name):
    with pytest.warns(UnreachedWarning, match=r"^out_type: field \d+ \(.*\).* stays? zero, because .*; ") as caught:
        layer = BUILT[name]()
    assert len(caught) == 1
    assert caught[0].filename == __file__
    y = layer(data(layer))
    dead = dead_channels(layer)
    assert dead.any()
    assert not y[:, dead].any()
    assert all(y[:, channel].any() for channel in torch.nonzero(~dead).flatten())
    assert ("no coefficients" in str(caught[0].message)) == (layer.plan.num_weights == 0)
    for index in {one.field for one in layer.plan.unreached}:
        assert f"field {index} (" in str(caught[0].message)
    assert torch.isfinite(layer.weight).all()
    layer.double()
    if not dead.all():  # a comparison of zeros alone is refused
        assert_equivariant(layer, shape=(2,) if isinstance(layer, nn.Linear) else None)
    # a bias is there where the group leaves something unchanged
    if layer.bias is not None:
        torch.nn.init.ones_(layer.bias)
        full = layer._full_bias()
        out = layer(data(layer).double())
        assert torch.equal(out[:, dead], full[dead].reshape(1, -1, *[1] * (out.dim() - 2)).expand_as(out[:, dead]))


@pytest.mark.parametrize("name", BUILT)
def test_the_answer(name):
    with pytest.raises(KernelError, match=r"^out_type: field \d+ \(.*\).* would be zero, because "):
        BUILT[name](unreached="error")
    BUILT[name](unreached="ignore")  # warnings are errors here
    with pytest.raises(KernelError, match="unreached: expected 'warn' or 'error' or 'ignore', got 'raise'"):
        BUILT[name](unreached="raise")


@pytest.mark.parametrize("name", BUILT)
@silent
def test_the_rest_of_the_library_takes_such_layers(name):
    layer = BUILT[name]().eval()
    x = data(layer)
    y = layer(x)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), steer.export(layer)):
        torch.testing.assert_close(twin(x), y)
    again = BUILT[name]()
    again.load_state_dict(layer.state_dict())
    assert torch.equal(again.eval()(x), y)
    layer.train()(x).square().sum().backward()
    assert layer.weight.grad.isfinite().all()
    plan = layer.plan
    assert plan.scales().shape == (plan.num_weights,)
    assert str(plan.num_weights) in plan.describe() or not plan.num_weights
    spectrum = plan.spectrum(layer.weight)
    assert spectrum.shape[:2] == (plan.out_size, plan.in_size)
    weights = torch.randn(3, plan.num_weights, requires_grad=True)
    assert plan.expand(weights).shape == (3, plan.out_size, plan.in_size, *plan.grid.shape)
    plan.expand(weights).sum().backward()
    assert weights.grad.shape == weights.shape
    found = plan.project(torch.randn(plan.out_size, plan.in_size, *plan.grid.shape))
    assert found.weight.shape == (plan.num_weights,)


@pytest.mark.parametrize("normalise", [nn.BatchNorm, nn.InstanceNorm, nn.NormAct, nn.NormPool])
@silent
def test_what_follows_a_field_of_zeros_is_finite(normalise):
    layer = BUILT["every irrep"]()
    for mode in (True, False):
        net = nn.Sequential(layer, normalise(layer.out_type)).train(mode)
        x = data(layer).requires_grad_()
        out = net(x)
        out.square().sum().backward()
        assert out.isfinite().all()
        assert x.grad.isfinite().all()
        assert all(p.grad is None or p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("group", IN_PLANE, ids=group_id)
def test_a_linear_map_reaches_what_shares_an_irrep(group):
    kinds = [rep for rep in few_types(group) if rep.size <= 8]
    for a in kinds:
        layer = nn.Linear(nn.FieldType(group, [a]), nn.FieldType(group, kinds), unreached="ignore")
        expected = [
            (index, part)
            for index, b in enumerate(kinds)
            for part in b.summands
            if not any(len(intertwiners(own, part)) for own in a.summands)
        ]
        assert sorted((one.field, one.rep.name) for one in layer.plan.unreached) == sorted(
            (index, part.name) for index, part in expected
        )


@silent
def test_a_larger_kernel_is_advised_where_it_would_reach():
    layer = BUILT["every irrep"]()
    by_field = {one.field: one.larger for one in layer.plan.unreached}
    assert by_field == {1: False, 4: True, 5: True, 6: True}  # no kernel takes a scalar to a pseudoscalar
    large = nn.Conv2d(IMAGE, EVERY, 9)
    assert [one.field for one in large.plan.unreached] == [1]
    for group in (C4, D4, C6, steer.group("T", dim=3), steer.group("C3v", dim=3)):
        every = list(group.irreps())
        small, size = (1,) * group.dim, (9 if group.dim == 2 else 7,) * group.dim
        missed = kernels.compile([group.trivial], every, small).unreached
        assert all(one.larger for one in missed)
        assert not kernels.compile([group.trivial], every, size).unreached
    O3 = steer.group("O(3)", dim=3)
    missed = kernels.compile([O3.trivial], O3.irreps(2), (1, 1, 1)).unreached
    assert {one.rep.label: one.larger for one in missed} == {
        "0o": False, "1e": False, "1o": True, "2e": True, "2o": False,
    }  # fmt: skip


def test_what_is_advised():
    with pytest.warns(
        UnreachedWarning, match=r"use a larger kernel_size or max_frequency if the layer has one, or lea"
    ):
        kernels.compile([C4.trivial], [C4.trivial, C4.irrep("B")], (2, 2))
    with pytest.warns(UnreachedWarning, match="no larger kernel would reach it: leave it out, or add input") as caught:
        kernels.compile([O2.trivial], [O2.trivial, O2.irrep("0-")], (5, 5))
    assert "larger kernel_size" not in str(caught[0].message)
    with pytest.warns(UnreachedWarning, match="no map leads from the input to it; leave it out") as caught:
        nn.Linear(fields(D4, "vector"), fields(D4, 0, "vector"))
    assert "larger" not in str(caught[0].message)
    with pytest.warns(UnreachedWarning, match=r"for fields 4, 5, 6, or no larger kernel would reach field 1: leave"):
        BUILT["every irrep"]()


def test_it_is_said_of_each_layer_and_not_while_kernels_are_collected():
    for _ in range(2):
        with pytest.warns(UnreachedWarning):
            BUILT["none"]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        steer.precompute(BUILT["none"], workers=1)
