"""In evaluation the filter is expanded once, and again after anything that changes the coefficients."""

import copy
import sys
import threading

import pytest
import torch
from torch._subclasses import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils import parametrize

import steer
from steer import nn

D4 = steer.group("D4", dim=2)
KIND = nn.FieldType(D4, [D4.regular, D4.vector])


@pytest.fixture(params=["conv", "linear"])
def counted(request, monkeypatch):
    """A layer in evaluation, an input, and how many expansions there have been."""
    made = nn.Conv2d(KIND, KIND, 3) if request.param == "conv" else nn.Linear(KIND, KIND)
    x = torch.randn(2, KIND.size, 5, 5) if request.param == "conv" else torch.randn(2, KIND.size)
    expansions = []
    expand = type(made.plan).expand

    def spy(plan, *args):
        expansions.append(plan)
        return expand(plan, *args)

    monkeypatch.setattr(type(made.plan), "expand", spy)
    return made.eval(), x, expansions


def fresh(layer, x):
    """The output of a layer that has kept nothing."""
    return copy.deepcopy(layer).train()(x)


def halve(layer):
    layer.weight.mul_(0.5)


def load(layer):
    state = layer.state_dict()
    layer.load_state_dict({name: value * 2 if name == "weight" else value for name, value in state.items()})


def assign(layer):
    state = {name: value.clone() for name, value in layer.state_dict().items()}
    state["weight"] += 1
    layer.load_state_dict(state, assign=True)


def step(layer):
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1)
    with torch.enable_grad():
        x = torch.randn(2, KIND.size, *(5, 5)[: 2 * isinstance(layer, nn.Conv2d)])
        layer(x).square().sum().backward()
    optimizer.step()


def replace(layer):
    layer.weight = torch.nn.Parameter(torch.randn_like(layer.weight))


def swap_data(layer):
    layer.weight.data = torch.randn_like(layer.weight)


def through_a_view(layer):
    layer.weight.detach()[3:5].add_(1)


def average(layer):
    model = torch.optim.swa_utils.AveragedModel(layer, avg_fn=lambda old, new, count: 3 * new)
    model.n_averaged.fill_(1)
    model.update_parameters(layer)
    layer.load_state_dict(model.module.state_dict())


def redraw(layer):
    layer.reset_parameters()


def hidden(edit):
    """An edit of `weight.data`, which no version counter sees."""

    def change(layer):
        edit(layer.weight.data)

    return change


def fused(kind, **options):
    """A step of a fused optimizer, which bumps no version counter either, in evaluation."""

    def change(layer):
        optimizer = getattr(torch.optim, kind)(layer.parameters(), lr=0.1, fused=True, **options)
        layer.weight.grad = torch.randn_like(layer.weight)
        optimizer.step()

    return change


def of_the_state_dict(layer):
    layer.state_dict()["weight"].data.copy_(torch.randn_like(layer.weight))


def numpy_view(layer):
    layer.weight.detach().numpy()[2:4] += 1


def swap_averages(layer):
    """As torch_ema does: the parameters are stored, and averages copied into their place."""
    stored = [parameter.clone() for parameter in layer.parameters()]
    for parameter, kept in zip(layer.parameters(), stored, strict=True):
        parameter.data.copy_(0.5 * kept.data)


def test_parameters_are_left_as_they_are_in_memory(counted):
    # FSDP frees their storage after each call and allocates it before the next
    layer, x, _ = counted
    with torch.no_grad():
        layer(x)
    assert layer.weight.untyped_storage().resizable()


def another_process(layer):
    """What a process writes that maps the same memory."""
    layer.share_memory()
    layer.eval()(torch.randn(2, KIND.size, *(5, 5)[: 2 * isinstance(layer, nn.Conv2d)]))
    handle = layer.weight.untyped_storage()._share_filename_cpu_()
    storage = torch.UntypedStorage._new_shared_filename_cpu(*handle)
    torch.empty(0).set_(storage).mul_(3)


HIDDEN = {
    "copy_": lambda data: data.copy_(torch.randn_like(data)),
    "mul_": lambda data: data.mul_(2),
    "add_": lambda data: data.add_(1),
    "lerp_": lambda data: data.lerp_(torch.ones_like(data), 0.1),
    "clamp_": lambda data: data.clamp_(-0.1, 0.1),
    "normal_": torch.nn.init.normal_,
    "one entry": lambda data: data[-1:].neg_(),
}
CHANGES = {
    **{made.__name__: made for made in (halve, load, assign, step, replace, swap_data, through_a_view, average)},
    **{made.__name__: made for made in (redraw, of_the_state_dict, numpy_view, swap_averages, another_process)},
    **{f"data.{name}": hidden(edit) for name, edit in HIDDEN.items()},
    **{f"fused {kind}": fused(kind) for kind in ("Adam", "AdamW", "SGD")},
}


@torch.no_grad()
def test_the_filter_is_expanded_once(counted):
    layer, x, expansions = counted
    outputs = [layer(x) for _ in range(3)]
    assert len(expansions) == 1
    assert torch.equal(outputs[0], outputs[2])
    with torch.inference_mode():
        assert torch.equal(layer(x), outputs[0])
    assert len(expansions) == 1
    torch.testing.assert_close(outputs[0], fresh(layer, x), rtol=0, atol=0)


@pytest.mark.parametrize("change", CHANGES)
@torch.no_grad()
def test_the_filter_follows_every_change(counted, change):
    layer, x, _ = counted
    before = layer(x)
    CHANGES[change](layer)
    after = layer(x)
    assert not torch.equal(before, after)
    assert torch.equal(after, fresh(layer, x))


def test_gradients_flow_in_evaluation(counted):
    layer, x, _ = counted
    with torch.no_grad():
        layer(x)
    layer(x).sum().backward()
    assert layer.weight.grad.any()


@torch.no_grad()
def test_nothing_is_kept_in_training(counted):
    layer, x, expansions = counted
    layer(x)
    layer.train()
    assert layer._kept._pair is None
    layer(x)
    layer(x)
    assert layer._kept._pair is None
    assert len(expansions) == 3


@torch.no_grad()
def test_conversions_drop_the_filter(counted):
    layer, x, _ = counted
    before = layer(x)
    torch.testing.assert_close(layer.double()(x.double()).float(), before, rtol=0, atol=1e-5)
    assert torch.equal(layer.float()(x), before)


@torch.no_grad()
def test_the_kept_filter_is_private(counted):
    layer, x, _ = counted
    before = layer(x)
    (layer.filter() if isinstance(layer, nn.Conv2d) else layer.matrix()).zero_()
    assert torch.equal(layer(x), before)
    assert not any("kept" in name or "constant" in name for name in layer.state_dict())


@torch.no_grad()
def test_other_parameters_for_one_call(counted):
    layer, x, _ = counted
    before = layer(x)
    other = {"weight": torch.nn.Parameter(2 * layer.weight)}
    bias = layer._full_bias().view(1, -1, *(1,) * (x.dim() - 2))
    changed = torch.func.functional_call(layer, other, (x,))
    torch.testing.assert_close(changed - bias, 2 * (before - bias), rtol=0, atol=1e-5)
    assert torch.equal(layer(x), before)


@torch.no_grad()
def test_parametrised_coefficients_are_computed_each_time(counted):
    layer, _, _ = counted
    parametrize.register_parametrization(layer, "weight", torch.nn.Tanh())
    for _ in range(3):
        layer.parametrizations.weight.original.mul_(0.5)
        expected = layer.plan.expand(layer.weight)
        torch.testing.assert_close(layer._filter(), expected, rtol=0, atol=0)


@torch.no_grad()
def test_a_layer_made_in_inference_mode(counted):
    with torch.inference_mode():
        layer = nn.Linear(KIND, KIND).eval()
        x = torch.randn(2, KIND.size)
        before = layer(x)
        layer.weight.mul_(2)
        torch.testing.assert_close(layer(x), 2 * before, rtol=0, atol=1e-5)


def test_threads_that_set_the_mode_and_call():
    layer = nn.Sequential(nn.Conv2d(KIND, KIND, 3), nn.NormAct(KIND)).eval()
    x = torch.randn(1, KIND.size, 5, 5)
    with torch.no_grad():
        expected = layer(x)
    failures = []

    def run():
        try:
            with torch.no_grad():
                for _ in range(100):
                    assert torch.equal(layer.eval()(x), expected)
        except Exception as error:
            failures.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not failures


def traced_with_fakes(layer, x):
    make_fx(layer, tracing_mode="fake", _allow_non_fake_inputs=True)(x)


def called_with_fakes(layer, x):
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    with mode:
        layer(mode.from_tensor(x))


def traced_by_jit(layer, x):
    torch.jit.trace(layer, x)


def mapped(layer, x):
    weights = torch.stack([layer.weight, 2 * layer.weight])
    torch.func.vmap(lambda weight: torch.func.functional_call(layer, {"weight": weight}, (x,)))(weights)


@pytest.mark.filterwarnings("ignore")  # deprecations of torch.jit
@pytest.mark.parametrize("trace", [traced_with_fakes, called_with_fakes, traced_by_jit, mapped])
@pytest.mark.parametrize("before", [True, False], ids=["after a call", "before"])
@torch.no_grad()
def test_nothing_of_a_trace_is_kept(counted, trace, before):
    layer, x, _ = counted
    expected = fresh(layer, x)
    if before:
        layer(x)
    trace(layer, x)
    out = layer(x)
    assert type(out) is torch.Tensor
    assert torch.equal(out, expected)


@pytest.mark.parametrize("warm", [True, False], ids=["tables are there", "tables are made"])
def test_modules_are_built_and_run_with_fake_tensors(warm):
    kind = nn.FieldType(D4, [D4.regular, D4.vector, D4.regular, D4.irrep("B1")] + (2 - warm) * [D4.trivial])

    def build():
        gate = nn.Gate(kind)
        return nn.Sequential(nn.Conv2d(kind, gate.in_type, 3), gate, nn.NormAct(kind), nn.TensorSquare(kind)).eval()

    x = torch.randn(2, kind.size, 6, 6)
    if warm:
        build()(x)
    mode = FakeTensorMode()
    with mode:
        fake = build()
        shape = fake(torch.randn(2, kind.size, 6, 6)).shape
    assert fake(mode.from_tensor(x)).shape == shape
    out = build()(x)
    assert type(out) is torch.Tensor
    assert out.shape == shape


@torch.no_grad()
def test_a_trace_on_fake_tensors_computes_the_same():
    layer = nn.Sequential(nn.Conv2d(KIND, KIND, 3), nn.NormAct(KIND), nn.TensorSquare(KIND)).eval()
    x = torch.randn(2, KIND.size, 5, 5)
    parameters, buffers = dict(layer.named_parameters()), dict(layer.named_buffers())

    def call(parameters, buffers, x):
        return torch.func.functional_call(layer, (parameters, buffers), (x,))

    graph = make_fx(call, tracing_mode="fake")(parameters, buffers, x)
    torch.testing.assert_close(graph(parameters, buffers, x), layer(x))


@pytest.mark.filterwarnings("ignore")  # torch compiles its rules by a deprecated function
@torch.no_grad()
def test_tangents_are_not_dropped(counted):
    layer, x, _ = counted
    layer(x)
    slope = torch.randn_like(layer.weight)
    weight = layer.weight.detach()
    del layer.weight
    with torch.autograd.forward_ad.dual_level():
        layer.weight = torch.autograd.forward_ad.make_dual(weight, slope)
        found = torch.autograd.forward_ad.unpack_dual(layer(x)).tangent
    bias = layer._full_bias().view(1, -1, *(1,) * (x.dim() - 2))
    layer.weight = slope
    torch.testing.assert_close(found, layer(x) - bias)
