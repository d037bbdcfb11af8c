"""A plan is a linear map with its transpose: every kind of derivative, batch and compiler sees that map."""

import pytest
import torch

import steer
from steer import kernels
from steer.kernels import Grid, Pixels
from steer.kernels.plans import _orbit_part

D4 = steer.group("D4", dim=2)
SO3 = steer.group("SO(3)", dim=3)
C4 = steer.group("C4", dim=2)
PIXELS = {"radial": Pixels(Grid((3, 3)))}
PAIR = SO3.irrep("1").tensor(SO3.irrep("1"))  # reducible, with a change of basis
PLANS = {
    "orbit": lambda: kernels.compile([D4.regular, D4.trivial], [D4.regular, D4.vector], (3, 3), strategy="orbit"),
    "quotient": lambda: kernels.compile([D4.quotient("C2"), D4.vector], [D4.quotient("D1")], (3, 3), strategy="orbit"),
    "block": lambda: kernels.compile([SO3.trivial, PAIR], [PAIR, SO3.irrep("1")], (2, 2, 2), strategy="block"),
    "uneven": lambda: kernels.compile([D4.vector, *2 * [D4.trivial], D4.vector], [D4.regular], (2, 2)),
    "dense": lambda: kernels.compile([D4.vector, D4.trivial], [D4.vector, D4.regular], (3, 3), strategy="dense"),
    "gather": lambda: kernels.compile([C4.regular], [C4.regular, C4.irrep("E")], (3, 3), strategy="gather", **PIXELS),
    "gather out": lambda: kernels.compile([C4.regular], [C4.irrep("E")], (3, 3), strategy="gather", **PIXELS),
}


@pytest.fixture(params=PLANS)
def plan(request):
    return PLANS[request.param]()


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def matrix(plan):
    """(num_weights, *filter): the map, one column at a time."""
    return torch.stack([plan.expand(row) for row in torch.eye(plan.num_weights, dtype=torch.float64)])


def close(found, expected):
    # sums of at most a few hundred products of numbers of order 1, in float64
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_the_gradient_is_the_transpose(plan):
    basis = matrix(plan)
    weight, cotangent = draw(plan.num_weights).requires_grad_(), draw(*basis.shape[1:])
    (gradient,) = torch.autograd.grad(plan.expand(weight), weight, cotangent)
    close(gradient, torch.einsum("n...,...->n", basis, cotangent))
    # that of a sum comes as one number for all entries, without strides
    (gradient,) = torch.autograd.grad(plan.expand(weight).sum(), weight)
    close(gradient, basis.flatten(1).sum(1))
    # and one in another layout
    moved = draw(*basis.shape[1:][::-1]).permute(*reversed(range(basis.dim() - 1)))
    (gradient,) = torch.autograd.grad(plan.expand(weight), weight, moved)
    close(gradient, torch.einsum("n...,...->n", basis, moved))


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # of torch itself, in forward mode
def test_second_derivatives_and_forward_mode(plan):
    basis = matrix(plan).flatten(1)
    gram = basis @ basis.T
    weight, tangent = draw(plan.num_weights).requires_grad_(), draw(plan.num_weights).flip(0)
    (first,) = torch.autograd.grad(plan.expand(weight).square().sum() / 2, weight, create_graph=True)
    scale = gram.abs().max()
    close(first / scale, gram @ weight / scale)
    (second,) = torch.autograd.grad(first @ tangent, weight)
    close(second / scale, gram @ tangent / scale)
    value, derivative = torch.func.jvp(plan.expand, (weight.detach(),), (tangent,))
    close(value, plan.expand(weight.detach()))
    close(derivative, plan.expand(tangent))


def test_batches_are_filters_of_many_coefficients(plan):
    weights = draw(2, 3, plan.num_weights)
    expected = torch.stack([torch.stack([plan.expand(weight) for weight in row]) for row in weights])
    close(plan.expand(weights), expected)
    close(torch.func.vmap(torch.func.vmap(plan.expand))(weights), expected)
    close(torch.func.vmap(plan.expand, in_dims=1)(weights[0].T), expected[0])
    assert plan.expand(weights[:0]).shape == (0, *expected.shape[1:])


def test_gradients_of_an_ensemble(plan):
    weights, cotangent = draw(3, plan.num_weights), draw(*plan.expand(draw(plan.num_weights)).shape)
    found = torch.func.vmap(torch.func.grad(lambda w: (plan.expand(w) * cotangent).sum()))(weights)
    (expected,) = torch.autograd.grad(plan.expand(leaf := weights[0].clone().requires_grad_()), leaf, cotangent)
    close(found, expected.expand(3, -1))


def test_chunks_change_nothing(plan, monkeypatch):
    # plans of the zoo are so small that one chunk holds all; two coefficient vectors make chunks of every orbit
    weights = draw(2, plan.num_weights).requires_grad_()
    cotangent = draw(*plan.expand(weights).shape)
    expected = plan.expand(weights), *torch.autograd.grad(plan.expand(weights), weights, cotangent)
    monkeypatch.setattr(_orbit_part, "CHUNK", 1)
    for part in (placed.part for placed in plan.parts if isinstance(placed.part, _orbit_part.PermutedPart)):
        assert len(part._chunks(weights)) == 2
    close(plan.expand(weights), expected[0])
    close(torch.autograd.grad(plan.expand(weights), weights, cotangent)[0], expected[1])


@pytest.mark.parametrize(
    "name", [name if name in ("orbit", "block") else pytest.param(name, marks=pytest.mark.slow) for name in PLANS]
)
def test_one_graph_with_the_same_gradients(name):
    plan = PLANS[name]()
    torch.compiler.reset()
    compiled = torch.compile(plan.expand, fullgraph=True, backend="aot_eager")
    weight = draw(plan.num_weights).requires_grad_()
    cotangent = draw(*plan.expand(weight).shape)
    close(compiled(weight), plan.expand(weight))
    found, expected = (torch.autograd.grad(run(weight), weight, cotangent)[0] for run in (compiled, plan.expand))
    close(found, expected)


def test_coefficients_of_another_number_are_refused(plan):
    with pytest.raises(steer.errors.KernelError, match=r"weight: expected shape \(\.\.\., \d+\), got"):
        plan.expand(draw(plan.num_weights + 1))
