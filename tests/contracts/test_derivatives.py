"""Every public module under torch.func, forward-mode differentiation and batches of gradients, in float64.

The oracles are finite differences, first derivatives backwards (which gradcheck checks) and their transposition.
"""

import pytest
import torch
import torch.autograd.forward_ad as forward_ad

from steer import nn
from steer.errors import SteerError

from .test_contracts import CASES, build, close, file, named

STEP = 1e-6  # of central differences: errors of 1e-12 truncation and 1e-10 round-off, relative to values of order 1

WITHOUT_SECOND = {  # torch's own limits
    "Gate own functions D4 mixed": "torch has no second derivative of hardsigmoid",
}


def once(function):
    """On every case; quick for the first of each file of modules but the ready models."""
    name, seen, cases = function.__name__.removeprefix("test_"), set(), []
    for key, case in CASES.items():
        if key in WITHOUT_SECOND and "second" in name:
            continue
        slow = file(key) in seen or not hasattr(nn, named(key))
        cases.append(pytest.param(case, id=key, marks=[pytest.mark.slow] if slow else []))
        seen.add(file(key))
    return pytest.mark.parametrize("case", cases)(function)


pytestmark = [  # torch's own words about itself, in forward mode and in linearize
    pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated"),
    pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node"),
    pytest.mark.filterwarnings("ignore:There is a performance drop"),  # lerp has no batching rule
]


def drawn(case, count=3):
    """A module in evaluation, and inputs of it."""
    module = build(case).double().eval()
    return module, torch.stack([case.input(module, dtype=torch.float64) for _ in range(count)])


def slopes(function, x, cotangents):
    leaf = x.clone().requires_grad_()
    out = function(leaf)
    return [torch.autograd.grad(out, leaf, one, retain_graph=True)[0] for one in cotangents]


def differences(function, x, along):
    with torch.no_grad():
        return (function(x + STEP * along) - function(x - STEP * along)) / (2 * STEP)


def check_forward(function, x, along, cotangent):
    """All ways to the derivative of a function along a tangent: against differences, and transposed slopes."""
    expected = differences(function, x, along)
    (slope,) = slopes(function, x, [cotangent])
    value, pushed = torch.func.jvp(function, (x,), (along,))
    close(value, function(x).detach(), 1e-12)
    close(pushed, expected, 1e-5)
    # one number for the exactness that differences do not have, in units of its largest terms
    pushed = pushed.detach()
    scale = float((pushed * cotangent).abs().sum())
    assert abs(float((pushed * cotangent).sum() - (slope * along).sum())) <= 1e-11 * scale
    with forward_ad.dual_level():
        dual = function(forward_ad.make_dual(x, along))
        close(forward_ad.unpack_dual(dual).tangent, pushed, 1e-12)
    close(torch.func.jacfwd(lambda t: function(x + t * along))(x.new_zeros(())), pushed, 1e-12)
    _, linear = torch.func.linearize(function, x)
    close(linear(along), pushed, 1e-12)


@once
def test_forward_mode(case):
    module, (x, along, _) = drawn(case)
    check_forward(module, x, along, torch.randn_like(module(x)))


@once
def test_second_derivatives(case):
    module, (x, *tangents) = drawn(case)
    weights = torch.randn_like(module(x))

    def loss(t):
        return (module(x + t[0] * tangents[0] + t[1] * tangents[1]).pow(3) * weights).sum()

    def gradient(t):
        leaf = t.clone().requires_grad_()
        with torch.enable_grad():
            return torch.autograd.grad(loss(leaf), leaf)[0]

    at = x.new_zeros(2)
    leaf = at.clone().requires_grad_()
    (first,) = torch.autograd.grad(loss(leaf), leaf, create_graph=True)
    expected = torch.stack([torch.autograd.grad(value, leaf, retain_graph=True)[0] for value in first])
    close(expected, torch.stack([differences(gradient, at, unit) for unit in torch.eye(2, dtype=at.dtype)]), 1e-4)
    for outer, inner in (("fwd", "rev"), ("rev", "rev"), ("fwd", "fwd"), ("rev", "fwd")):
        outer, inner = (getattr(torch.func, f"jac{name}") for name in (outer, inner))
        close(outer(inner(loss))(at), expected, 1e-9)
    close(torch.func.hessian(loss)(at), expected, 1e-9)


@once
def test_batches(case):
    module, inputs = drawn(case)
    outputs = torch.stack([module(x) for x in inputs])
    for axis in (0, 1, -1):
        close(torch.func.vmap(module, in_dims=axis)(inputs.movedim(0, axis)), outputs, 1e-12)
    weights = torch.randn_like(outputs[:2])
    (x, along, _), cotangent = inputs, weights[0]
    expected = torch.stack([*slopes(module, x, weights)])
    leaf = x.clone().requires_grad_()
    found = torch.autograd.grad(module(leaf), leaf, weights, is_grads_batched=True)[0]
    close(found, expected, 1e-11)
    close(torch.func.jacrev(lambda x: torch.stack([(module(x) * one).sum() for one in weights]))(x), expected, 1e-11)
    each = torch.stack([*slopes(module, x, [cotangent]), *slopes(module, along, [cotangent])])
    found = torch.func.vmap(torch.func.grad(lambda x: (module(x) * cotangent).sum()))(inputs[:2])
    close(found, each, 1e-11)
    pushed = torch.stack([torch.func.jvp(module, (x,), (along,))[1] for x in inputs])
    close(torch.func.vmap(lambda x: torch.func.jvp(module, (x,), (along,))[1])(inputs), pushed, 1e-11)


@once
def test_derivatives_by_parameters(case):
    module, (x, _, _) = drawn(case)
    names = [name for name, value in module.named_parameters() if value.requires_grad]
    if not names:
        return
    sizes = [module.get_parameter(name).numel() for name in names]

    def function(flat):
        parts = zip(names, flat.split(sizes), strict=True)
        values = {name: part.reshape(module.get_parameter(name).shape) for name, part in parts}
        return torch.func.functional_call(module, values, (x,))

    flat = torch.cat([module.get_parameter(name).detach().flatten() for name in names])
    along, weights = torch.randn_like(flat), torch.randn(2, *function(flat).shape, dtype=flat.dtype)
    check_forward(function, flat, along, weights[0])
    stacked = torch.stack([flat, along])
    close(torch.func.vmap(function)(stacked), torch.stack([function(one) for one in stacked]), 1e-12)
    expected = torch.stack(slopes(function, flat, weights))
    leaf = flat.clone().requires_grad_()
    close(torch.autograd.grad(function(leaf), leaf, weights, is_grads_batched=True)[0], expected, 1e-11)
    found = torch.func.vmap(torch.func.grad(lambda one: (function(one) * weights[0]).sum()))(stacked)
    close(found[0], expected[0], 1e-11)


TRACKING = [key for key in CASES if named(key) == "BatchNorm" and CASES[key].build().running_mean is not None]


@pytest.mark.parametrize("key", TRACKING)
def test_batch_normalisation_in_training_takes_its_statistics_as_inputs(key):
    case = CASES[key]
    module = build(case).double().train()
    xs = torch.stack([case.input(module, batch=4, dtype=torch.float64) for _ in range(2)])
    for transform, given in ((torch.func.grad, xs[0]), (torch.func.vmap, xs)):
        before = {name: value.clone() for name, value in module.named_buffers()}
        with pytest.raises(SteerError, match="x: BatchNorm in training cannot update its running statistics inside"):
            transform(lambda x: module(x).pow(3).sum())(given)
        assert all(torch.equal(value, before[name]) for name, value in module.named_buffers())
    buffers = {name: torch.stack([value, value]) for name, value in module.named_buffers()}

    def run(x, buffers):
        # what is differentiated must not change: copies of the statistics are changed, and returned
        own = {name: value.clone() for name, value in buffers.items()}
        return torch.func.functional_call(module, own, (x,)), own

    out, after = torch.func.vmap(run)(xs, buffers)
    for index, x in enumerate(xs):
        expected, state = run(x, dict(module.named_buffers()))
        close(out[index], expected, 1e-12)
        for name, value in state.items():
            torch.testing.assert_close(after[name][index], value)
    named_buffers = dict(module.named_buffers())
    found = torch.func.grad(lambda x: run(x, named_buffers)[0].pow(3).sum())(xs[0])
    leaf = xs[0].clone().requires_grad_()
    close(found, torch.autograd.grad(run(leaf, named_buffers)[0].pow(3).sum(), leaf)[0], 1e-11)
    along = torch.randn_like(xs[0])
    _, pushed = torch.func.jvp(lambda x: run(x, named_buffers)[0], (xs[0],), (along,))
    close(pushed, differences(lambda x: run(x, named_buffers)[0], xs[0], along), 1e-5)
