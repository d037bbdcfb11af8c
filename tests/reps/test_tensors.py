"""Representations, Wigner matrices and Fourier transforms at torch tensors: values of arrays, gradients, dtypes."""

import functools

import numpy as np
import pytest
import torch

import steer
from steer.errors import GroupError, RepresentationError, ShapeError
from steer.reps import (
    SignedPoints,
    Unsigned,
    direct_product,
    fourier,
    lie_algebra,
    representation,
    rotations,
    wigner_d,
    with_action,
)
from tests.catalogue import (
    ACTIONS,
    C3,
    CONTINUOUS_PRODUCTS,
    D4,
    GROUPS,
    O2,
    O3,
    OCT,
    SO2,
    SO3,
    TOL,
    T,
    group_id,
    mostly_slow,
)

CINFV = O3.subgroup("Cinfv", axis=(0, 1, 1))
DINF = O3.subgroup("Dinf", axis=(1, 2, 3))
PAIRS = direct_product(SO2, C3)
DOUBLE = with_action(SO2, SO2.irrep("2"))


@functools.cache
def reps():
    """One of each kind of representation, of finite and continuous groups, in standard settings and others."""
    found = [D4.regular, D4.irrep("E") + D4.trivial, OCT.quotient("C3"), O3.subgroup("C4v", axis="x").vector]
    found += [
        direct_product(D4, C3).regular,
        SignedPoints(D4.irrep("B1")),
        Unsigned(D4.vector),
        T.irrep("E"),
        D4.regular.restrict("C4"),
    ]
    found += [
        SO2.irrep("3"),
        O2.band_limited(2),
        O2.irrep("0-"),
        SO2.irrep("2").induce(O2),
        O2.vector.restrict("SO(2)"),
    ]
    found += [CINFV.irreps(2)[-1], CINFV.vector, DINF.irreps(1)[1], DINF.harmonic(2), O3.subgroup("Dinfh").vector]
    found += [SO3.irrep("4"), O3.irrep("3e"), O3.irrep("0o"), SO3.band_limited(2), SO3.irrep("2").restrict("Cinf")]
    found += [O3.vector.tensor(O3.irrep("2o")), SO3.irrep("1").induce(O3), SO3.quotient("Cinf", 3), O3.harmonic(2)]
    found += [representation(SO2, SO2.vector, max_frequency=1), DOUBLE.vector, DOUBLE.harmonic(3)]
    found += [PAIRS.irreps(1)[-1], PAIRS.band_limited(1), direct_product(SO3, O2).irrep("(2, 1)")]
    return [*found, direct_product(SO3, C3).inflate(SO3.irrep("1") + SO3.irrep("2"))]


TRANSFORMS = [fourier(SO3, 2), fourier(SO3, 3, subgroup="Cinf"), fourier(O2, 2), fourier(D4), fourier(PAIRS, 1)]


def some(group, n=12):
    return group.sample(n, seed=0)


@pytest.mark.parametrize("index", range(len(reps())), ids=[f"{rep} of {rep.group}" for rep in reps()])
def test_tensors_have_the_matrices_of_arrays(index):
    rep = reps()[index]
    g = some(rep.group).reshape(3, 4, *2 * [rep.group.element_size])
    found = rep.torch(torch.tensor(g))
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found.numpy(), rep(g), atol=TOL)
    single = rep.torch(torch.tensor(g, dtype=torch.float32))
    assert single.dtype == torch.float32
    assert np.abs(single.double().numpy() - rep(g)).max() < 1e-6
    np.testing.assert_array_equal(rep.torch(g).numpy(), found.numpy())
    np.testing.assert_allclose(torch.vmap(rep.torch)(torch.tensor(g[0])).numpy(), rep(g[0]), atol=TOL)
    assert rep.torch(torch.zeros(0, *g.shape[-2:])).shape == (0, rep.size, rep.size)


@pytest.mark.parametrize("rep", [r for r in reps() if r.group in (SO2, O2, SO3, O3, CINFV, DINF)], ids=str)
def test_gradients_are_those_of_generators(rep):
    # d rep(g exp(t X)) / dt = rep(g) dR(X), at the identity, at half turns and quarter turns as well
    group = rep.group
    special = group.subgroup("D4").elements if group in (O2, SO3, O3) else group.components
    g = torch.tensor(np.concatenate([special, some(group, 4)]))
    for x, dr in zip(lie_algebra(group), lie_algebra(rep), strict=True):
        _, found = torch.autograd.functional.jvp(rep.torch, g, g @ torch.tensor(x))
        np.testing.assert_allclose(found.numpy(), rep(g.numpy()) @ dr, atol=1e-10)
        _, off = torch.autograd.functional.jvp(rep.torch, g, g)  # larger and larger: off the group
        assert off.abs().max() < 1e-10


@pytest.mark.parametrize("rep", [O2.irrep("2"), SO3.irrep("3"), CINFV.vector, PAIRS.irreps(1)[-1]], ids=str)
def test_derivatives_of_any_order(rep):
    g = torch.tensor(np.concatenate([rep.group.components[:1], some(rep.group, 2)]), requires_grad=True)
    assert torch.autograd.gradcheck(rep.torch, g, fast_mode=True)
    x = torch.tensor(lie_algebra(rep.group)[0] if rep.group is not PAIRS else np.pad([[0.0, -1], [1, 0]], (0, 2)))
    angle = torch.zeros((), dtype=torch.float64, requires_grad=True)
    value = rep.torch(g.detach() @ torch.linalg.matrix_exp((angle + 0.3) * x)).sum()
    for _ in range(4):  # turns about one axis: every derivative is that of exp
        value = torch.autograd.grad(value, angle, create_graph=True)[0]
    h = 0.05
    steps = [rep.torch(g.detach() @ torch.linalg.matrix_exp((0.3 + k * h) * x)).sum().item() for k in range(-2, 3)]
    assert abs(np.dot([1, -4, 6, -4, 1], steps) / h**4 - value.item()) < 0.05 * max(1, abs(value.item()))


def test_finite_groups_have_no_gradient():
    g = torch.tensor(D4.elements, requires_grad=True)
    assert not D4.regular.torch(g).requires_grad
    pair = torch.tensor(some(PAIRS, 2), requires_grad=True)
    assert PAIRS.irreps(1)[-1].torch(pair).requires_grad


def test_inexact_elements_are_taken_to_the_nearest():
    for rep in (SO3.irrep("4"), O2.irrep("3"), D4.regular, CINFV.vector):
        g = some(rep.group)
        rough = torch.tensor(g + 1e-5 * np.random.default_rng(0).normal(size=g.shape))
        np.testing.assert_allclose(rep.torch(rough).numpy(), rep(rough.numpy()), atol=1e-8)
        half = rep.torch(torch.tensor(rep.group.components, dtype=torch.bfloat16))
        assert half.dtype == torch.bfloat16
        np.testing.assert_allclose(half.double().numpy(), rep(rep.group.components), atol=4e-3)
        with pytest.raises(GroupError, match=r"g: a matrix is .* away from the nearest element"):
            rep.torch(rough + 0.1)


def test_what_is_refused():
    for rep in (D4.regular, SO3.irrep("2")):
        with pytest.raises(GroupError, match="g: expected matrices of shape"):
            rep.torch(torch.eye(5))
        with pytest.raises(GroupError, match="g: expected a tensor of a floating-point dtype"):
            rep.torch(torch.eye(3, dtype=torch.int64))
        with pytest.raises(GroupError, match="g: "):
            rep.torch("x")
    with pytest.raises(RepresentationError, match="g: 8,388,608 matrices"):
        D4.regular.torch(torch.eye(2).expand(2**23, 2, 2))
    with pytest.raises(ShapeError, match="floating-point"):
        wigner_d(torch.eye(3, dtype=torch.int64), 2)
    with pytest.raises(GroupError, match="rotations: a matrix is"):
        wigner_d(-torch.eye(3), 2)


@pytest.mark.parametrize("degree", [0, 1, 2, 5, 12])
def test_wigner_matrices_of_tensors(degree):
    g = np.concatenate([OCT.elements, some(SO3)])
    expected = wigner_d(g, degree)
    np.testing.assert_allclose(wigner_d(torch.tensor(g), degree).numpy(), expected, atol=TOL)
    single = wigner_d(torch.tensor(g, dtype=torch.float32), degree)
    assert single.dtype == torch.float32
    assert np.abs(single.double().numpy() - expected).max() < 1e-7 * (degree + 1)  # as `Representation.torch` says
    many = torch.tensor(SO3.sample(2050, seed=1))[: 2050 if degree < 6 else 9]  # taken some at a time
    np.testing.assert_allclose(wigner_d(many, degree)[-1].numpy(), wigner_d(many[-1].numpy(), degree), atol=TOL)
    angles = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(wigner_d(rotations.from_angles(angles), degree).sum(), angles)
    assert slope.isfinite().all()


@pytest.mark.parametrize("group", mostly_slow(GROUPS + CONTINUOUS_PRODUCTS + ACTIONS), ids=group_id)
def test_irreps_of_every_group(group):
    g = some(group, 5)
    for psi in group.irreps(None if group.is_finite else 3)[:12]:
        np.testing.assert_allclose(psi.torch(torch.tensor(g)).numpy(), psi(g), atol=TOL)
        assert np.abs(psi.torch(torch.tensor(g).float()).double().numpy() - psi(g)).max() < 1e-7 * (psi.frequency + 1)
    if group.dim:
        np.testing.assert_allclose(group.vector.torch(torch.tensor(g)).numpy(), group.vector(g), atol=TOL)


def test_other_groups_say_what_is_missing():
    class Turns(type(SO2)):
        _irreps_at = steer.reps.Group._irreps_at

    with pytest.raises(RepresentationError, match="define its `_irreps_at`"):
        Turns(None, False).irrep("1").torch(torch.eye(2))


@pytest.mark.parametrize("transform", TRANSFORMS, ids=str)
def test_fourier_transforms_of_tensors(transform):
    size = transform.rep.size
    c = torch.tensor(np.random.default_rng(0).normal(size=(2, size)), requires_grad=True)
    values = transform.inverse(c)
    np.testing.assert_allclose(values.detach().numpy(), transform.inverse(c.detach().numpy()), atol=TOL)
    torch.testing.assert_close(transform.forward(values), c)
    assert torch.autograd.gradcheck(lambda c: transform.forward(transform.inverse(c)), c, fast_mode=True)
    single = transform.inverse(c.detach().float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(transform.forward(single).double(), c.detach(), atol=1e-5, rtol=0)
    g = some(transform.group, 6).reshape(2, 3, *2 * [transform.group.element_size])
    np.testing.assert_allclose(transform.basis(torch.tensor(g)).numpy(), transform.basis(g), atol=TOL)
    elements, weights = transform.grid.torch()
    basis = transform.basis(elements)
    torch.testing.assert_close(basis.T @ (weights[:, None] * basis), torch.eye(size, dtype=torch.float64))
    for junk in (torch.zeros(size + 1), torch.zeros(size, dtype=torch.int64)):
        with pytest.raises(ShapeError, match="coefficients: expected "):
            transform.inverse(junk)
    with pytest.raises(GroupError, match="dtype: expected a torch dtype of floating point"):
        transform.grid.torch(dtype=torch.int64)
