"""In evaluation the filter is expanded once, and again after anything that changes the coefficients."""

import copy

import pytest
import torch
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


def hidden_edit(layer):
    layer.weight.data.mul_(2)  # which no version counter sees
    layer.eval()


def redraw(layer):
    layer.reset_parameters()


CHANGES = [halve, load, assign, step, replace, swap_data, through_a_view, average, hidden_edit, redraw]


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
    change(layer)
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
