"""Branches, sums and lists of modules: what they compute, how they export, and what they refuse."""

import pickle

import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, ShapeError, SteerError

C8 = steer.group("C8", dim=2)
REGULAR = nn.FieldType(C8, 2 * [C8.regular])
VECTOR = nn.FieldType(C8, [C8.vector])
SCALARS = nn.FieldType(C8, 2 * [C8.trivial])


def test_branch_concatenates_in_order():
    branch = nn.Branch(nn.ReLU(REGULAR), nn.GroupPool(REGULAR), nn.Conv2d(REGULAR, VECTOR, 3, padding=1))
    x = torch.randn(2, 16, 6, 6)
    assert branch.out_type == REGULAR + SCALARS + VECTOR
    assert torch.equal(branch(x), torch.cat([module(x) for module in branch.children()], 1))
    assert [name.split(".")[0] for name in branch.state_dict()] == ["2", "2", "2"][: len(branch.state_dict())]


def test_residual_adds():
    body, shortcut = nn.Conv2d(REGULAR, VECTOR, 3, padding=1), nn.Conv2d(REGULAR, VECTOR, 1)
    x = torch.randn(2, 16, 6, 6)
    assert torch.equal(nn.Residual(body, shortcut)(x), body(x) + shortcut(x))
    act = nn.ReLU(REGULAR)
    assert torch.equal(nn.Residual(act)(x), x + act(x))
    assert {name.split(".")[0] for name in nn.Residual(body, shortcut).state_dict()} == {"body", "shortcut"}


def test_nested_containers_export_and_keep_shared_modules_shared():
    norm = nn.BatchNorm(REGULAR)
    net = nn.Sequential(
        nn.Residual(nn.Sequential(norm, nn.ReLU(REGULAR), nn.Conv2d(REGULAR, REGULAR, 3, padding=1))),
        nn.Branch(nn.Identity(REGULAR), norm),
    )
    net(torch.randn(4, 16, 7, 7))
    plain = pickle.loads(pickle.dumps(steer.export(net)))
    x = torch.randn(2, 16, 7, 7)
    torch.testing.assert_close(plain(x), net.eval()(x), rtol=1e-5, atol=1e-6)
    found = [module for module in steer.export(net).modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert len(found) == 1


def test_a_list_of_modules_is_that_of_torch():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(nn.BatchNorm(REGULAR) for _ in range(3))

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    net = Net().eval()
    assert len(net.layers) == 3
    x = torch.randn(2, 16, 4, 4)
    torch.testing.assert_close(steer.export(net)(x), net(x))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (nn.Branch, r"modules: expected at least one module, got none"),
        (lambda: nn.Branch(nn.ReLU(REGULAR), torch.nn.ReLU()), r"modules\[1\]: expected a module of steer.nn"),
        (
            lambda: nn.Branch(nn.ReLU(REGULAR), nn.NormAct(VECTOR)),
            r"modules\[1\]: all branches read the same fields, but NormAct expects vector of C8 .* ReLU, 2 regular",
        ),
        (
            lambda: nn.Branch(nn.Identity(REGULAR), nn.Restrict(REGULAR, "C4")),
            r"both types must be of one group",
        ),
        (lambda: nn.Residual(torch.nn.ReLU()), r"body: expected a module of steer.nn"),
        (lambda: nn.Residual(nn.ReLU(REGULAR), torch.nn.ReLU()), r"shortcut: expected a module of steer.nn"),
        (
            lambda: nn.Residual(nn.GroupPool(REGULAR)),
            r"shortcut: only fields of one type can be added, but the body returns .* the shortcut \(the identity\) "
            r".*; pass one, such as a convolution",
        ),
        (
            lambda: nn.Residual(nn.ReLU(REGULAR), nn.ReLU(SCALARS)),
            r"shortcut: it must read the fields that the body reads, 2 regular .*, but expects 2 A of C8",
        ),
    ],
)
def test_types_that_do_not_fit_are_named(build, message):
    with pytest.raises(FieldTypeError, match=message):
        build()


def test_other_positions_are_refused():
    shrinking = nn.Conv2d(REGULAR, REGULAR, 3)
    for module in (nn.Residual(shrinking), nn.Branch(nn.Identity(REGULAR), shrinking)):
        with pytest.raises(ShapeError, match=r"x: .* feature maps over the same positions, got outputs .*Upsample"):
            module(torch.randn(1, 16, 6, 6))
    with pytest.raises(ShapeError, match=r"x: GlobalAvgPool expects \(batch, 16, \*space\) with an axis of space"):
        nn.GlobalAvgPool(REGULAR)(torch.randn(2, 16))


def test_modules_that_write_in_place_have_fields_of_their_own():
    both, x = REGULAR + VECTOR, torch.randn(2, 16, 4, 4)
    conv, norm = nn.Conv2d(REGULAR, both, 3, padding=1), nn.NormAct(VECTOR)
    nets = [nn.Sequential(conv, nn.Parallel(nn.ReLU(REGULAR, inplace=kind), norm)) for kind in (False, True)]
    plain = steer.export(nets[1])
    for net in (nets[1], plain):
        torch.testing.assert_close(net(x), nets[0](x))
    slopes = [torch.autograd.grad(net(x).square().sum(), conv.weight)[0] for net in nets]
    torch.testing.assert_close(*slopes)
    plain(x).sum().backward()


@pytest.mark.parametrize(
    "outer",
    [
        nn.Branch(nn.Identity(REGULAR), nn.ReLU(REGULAR, inplace=True)),
        nn.Branch(nn.Sequential(nn.ReLU(REGULAR, inplace=True)), nn.Identity(REGULAR)),
        nn.Residual(nn.ReLU(REGULAR, inplace=True)),
        nn.Residual(nn.ReLU(REGULAR), nn.Dropout(REGULAR, inplace=True)),
    ],
    ids=repr,
)
def test_what_several_modules_read_none_writes(outer):
    with pytest.raises(SteerError, match="writes into its input, which others read; build it without inplace=True"):
        outer(torch.randn(2, 16, 4, 4))


def test_modules_that_write_into_what_is_theirs():
    x, act = torch.randn(2, 16, 4, 4), nn.ReLU(REGULAR, inplace=True)
    inner = nn.Sequential(nn.Conv2d(REGULAR, REGULAR, 3, padding=1), act)
    expected = inner(x) + x
    assert torch.equal(nn.Residual(inner)(x), expected)
    assert torch.equal(torch.vmap(nn.Residual(inner))(x[:, None])[:, 0], expected)
    with torch.inference_mode():
        assert torch.equal(nn.Residual(inner)(x.clone()), expected)
    assert torch.equal(nn.Branch(act)(x.clone()), x.relu())
