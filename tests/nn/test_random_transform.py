"""The random augmentation: elements of the Haar measure, one for each sample, by torch's generator."""

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import ShapeError, SteerError

C4, O2 = (steer.group(name, dim=2) for name in ("C4", "O(2)"))
O3 = steer.group("O(3)", dim=3)
IMAGE = nn.FieldType(O2, [O2.trivial, O2.vector])


def test_each_sample_is_moved_by_the_elements_that_are_drawn():
    layer = nn.RandomTransform(IMAGE, order=1)
    x = torch.randn(4, 3, 6, 7)
    torch.manual_seed(3)
    moved = layer(x)
    torch.manual_seed(3)
    elements = layer.sample(4)
    assert torch.equal(moved, IMAGE.transform(x, elements, order=1))
    assert len({g.tobytes() for g in elements}) == 4
    assert O2.contains(elements).all()
    assert torch.equal(layer(x), layer(x)) is False  # fresh ones at each call
    torch.manual_seed(3)
    assert torch.equal(layer(IMAGE(x)).tensor, moved)
    assert torch.equal(layer.eval()(x), x)


def test_the_generator_is_that_of_torch_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    nn.RandomTransform(IMAGE)(torch.randn(2, 3, 5, 5))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_some_samples_stay():
    torch.manual_seed(0)
    stays = [(nn.RandomTransform(IMAGE, p).sample(2000) == np.eye(2)).all(axis=(1, 2)).mean() for p in (0, 0.3, 1)]
    assert stays[0] == 1
    assert abs(stays[1] - 0.7) < 0.05  # five standard deviations
    assert stays[2] == 0


def test_elements_are_those_of_the_haar_measure():
    torch.manual_seed(0)
    layer = nn.RandomTransform(nn.FieldType(C4, [C4.regular]))
    counts = np.bincount(C4.nearest_index(layer.sample(4000)), minlength=4)
    assert abs(counts / 4000 - 0.25).max() < 0.05


def test_gradients_and_sets_of_points():
    fields = nn.FieldType(O3, [O3.vector])
    layer = nn.RandomTransform(fields)
    x = torch.randn(2, 3, 5, 5, 5, dtype=torch.float64, requires_grad=True)
    layer(x).square().sum().backward()
    assert x.grad.abs().sum() > 0
    for shape in ((4, 3), (4, 3, 9)):
        x = torch.randn(*shape, dtype=torch.float64)
        torch.testing.assert_close(layer(x).norm(dim=1), x.norm(dim=1))  # the vectors turn


def test_on_hexagons():
    D6 = steer.group("D6", dim=2)
    maps = nn.FieldType(D6, [D6.trivial])
    x = nn.HexMask(maps)(torch.randn(6, 1, 9, 9))
    moved = nn.RandomTransform(maps, lattice="hexagonal")(x)
    torch.testing.assert_close(moved.flatten(1).sort().values, x.flatten(1).sort().values, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: nn.RandomTransform(IMAGE, 1.5), SteerError, "p: expected a probability between 0 and 1, got 1.5"),
        (lambda: nn.RandomTransform(IMAGE, True), SteerError, "p: expected a probability .* got True"),
        (lambda: nn.RandomTransform(IMAGE, "1"), SteerError, "p: expected a probability .* got '1'"),
        (lambda: nn.RandomTransform(IMAGE, order=6), ShapeError, "order: expected an integer from 0 to 5, got 6"),
        (lambda: nn.RandomTransform(IMAGE, order=-1), ShapeError, "order: expected an integer"),
        (lambda: nn.RandomTransform(IMAGE, lattice="cubic"), ShapeError, "lattice: expected 'square' or 'hexagonal'"),
        (lambda: nn.RandomTransform(IMAGE)(torch.ones(1, 3, 5, 5, 5)), ShapeError, "x: RandomTransform expects"),
        (lambda: nn.RandomTransform(IMAGE).sample(-1), SteerError, "n: expected an integer >= 0, got -1"),
    ],
)
def test_what_does_not_fit_is_refused(make, error, match):
    with pytest.raises(error, match=match):
        make()


def test_compiled_networks_draw_between_graphs_and_pass_in_evaluation():
    kind = nn.FieldType(C4, [C4.regular, C4.vector])
    net = nn.Sequential(nn.RandomTransform(kind), nn.Linear(kind, kind))
    x = torch.randn(3, kind.size, 6, 6)
    torch._dynamo.reset()
    compiled = torch.compile(net, backend="eager")
    outs = []
    for module in (net, compiled, compiled):
        torch.manual_seed(len(outs) // 2)  # other draws in the last call
        outs.append(module(x))
    torch.testing.assert_close(outs[1], outs[0])
    assert not torch.allclose(outs[2], outs[0])
    torch._dynamo.reset()
    net.eval()
    torch.testing.assert_close(torch.compile(net, fullgraph=True, backend="eager")(x), net(x))
