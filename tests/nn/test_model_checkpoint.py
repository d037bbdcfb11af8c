"""Models that compute their blocks again in the backward pass train as those that keep what is inside."""

import copy

import pytest
import torch

import steer
from steer import nn
from steer.nn import models

from .test_models import image

C4 = steer.group("C4", dim=2)


def pair(build):
    """A model without checkpoints and one with, of the same parameters."""
    torch.manual_seed(1)
    plain, again = build(checkpoint=False), build(checkpoint=True)
    with torch.no_grad():
        for parameter in plain.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    again.load_state_dict(plain.state_dict())
    return plain, again


BUILD = {
    "ResNet": lambda **options: models.ResNet(image("C4"), 2, channels=(8, 8), blocks=2, dropout=0.3, **options),
    "UNet": lambda **options: models.UNet(image("C4"), image("C4"), channels=(8, 8), **options),
}


def step(net, x, typed=False):
    """Output, gradients and buffers of a step with a fixed seed."""
    torch.manual_seed(5)
    net.zero_grad()
    x = x.clone().requires_grad_()
    out = net(nn.FieldType(C4, [C4.trivial])(x)).tensor if typed else net(x)
    out.square().mean().backward()
    return [out.detach(), x.grad, *(p.grad for p in net.parameters()), *(b.clone() for b in net.buffers())]


@pytest.mark.parametrize("name", BUILD)
def test_gradients_statistics_and_outputs_are_those_without(name):
    plain, again = pair(BUILD[name])
    x = torch.randn(2, 1, 7 if name == "UNet" else 8, 8)
    for training in (True, False):
        for net in (plain, again):
            net.train(training)
        for typed in (False, True):
            for found, expected in zip(step(again, x, typed), step(plain, x, typed), strict=True):
                assert torch.equal(found, expected)


def kept(net, x):
    """Numbers that the graph of a pass keeps, each once, but for parameters."""
    sizes = {}

    def note(tensor):
        sizes[tensor.data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        out = net(x)
    own = {parameter.data_ptr() for parameter in net.parameters()}
    assert out.requires_grad
    return sum(size for place, size in sizes.items() if place not in own)


def test_less_is_kept():
    plain, again = pair(BUILD["ResNet"])
    x = torch.randn(4, 1, 16, 16)
    assert kept(again, x) < kept(plain, x) / 3


def test_derivatives_of_derivatives_and_graphs_that_are_retained():
    plain, again = pair(BUILD["UNet"])
    found = []
    for net in (plain, again):
        x = torch.linspace(-1, 1, 36).reshape(1, 1, 6, 6).requires_grad_()
        out = net(x).square().sum()
        (first,) = torch.autograd.grad(out, x, create_graph=True)
        first.square().sum().backward(retain_graph=True)
        first.sum().backward()
        found.append((x.grad, [buffer.clone() for buffer in net.buffers()]))
    torch.testing.assert_close(*found)


def test_what_steps_at_each_call_steps_once():
    """Power iteration, statistics of layers of torch, and what is not tensor: as they are without."""

    class Counted(nn.Module):
        def __init__(self, t):
            super().__init__(t, t)
            self.norm = torch.nn.BatchNorm2d(t.size)

        def _compute(self, x):
            return self.norm(x)

    t = nn.FieldType(C4, 2 * [C4.regular])
    chain = nn.Sequential(
        nn.utils.spectral_norm(nn.Conv2d(t, t, 3, padding=1)), Counted(t), nn.BatchNorm(t, momentum=None)
    )
    again = copy.deepcopy(chain)
    again.checkpoint = True
    x = torch.randn(2, t.size, 5, 5)
    for _ in range(2):
        results = []
        for net in (chain, again):
            net.zero_grad()
            net(x).pow(3).sum().backward()
            results.append(([p.grad.clone() for p in net.parameters()], [b.clone() for b in net.buffers()]))
        torch.testing.assert_close(*results, rtol=0, atol=0)


def test_without_gradients_and_in_transforms_nothing_is_kept_nor_refused():
    plain, again = pair(BUILD["UNet"])
    plain.eval(), again.eval()
    x = torch.randn(2, 1, 6, 6)
    with torch.no_grad():
        assert torch.equal(again(x), plain(x))
    jacobians = [torch.func.jacrev(net)(x[:1]) for net in (plain, again)]
    torch.testing.assert_close(*jacobians)
    torch.testing.assert_close(steer.export(again.double())(x.double()), plain.double()(x.double()))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the compiler
def test_compiled():
    plain, again = pair(BUILD["UNet"])
    torch._dynamo.reset()
    compiled = torch.compile(again, backend="aot_eager", fullgraph=True)
    x = torch.randn(2, 1, 6, 6)
    for found, expected in zip(step(compiled, x), step(plain, x), strict=True):
        torch.testing.assert_close(found, expected)
