"""Sequential checks types once and behaves as torch's; Restrict only renames."""

from collections import OrderedDict

import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, GroupError

C4, C8 = steer.group("C4", dim=2), steer.group("C8", dim=2)
REGULAR = nn.FieldType(C8, 2 * [C8.regular])


def layers():
    return [nn.BatchNorm(REGULAR), nn.ReLU(REGULAR), nn.GroupPool(REGULAR)]


def test_behaves_as_that_of_torch():
    parts = layers()
    ours, plain = nn.Sequential(*parts).eval(), torch.nn.Sequential(*parts).eval()
    x = torch.randn(2, 16, 3, 3)
    assert torch.equal(ours(x), plain(x))
    assert list(ours.state_dict()) == list(plain.state_dict())
    assert len(ours) == len(plain) == 3
    assert list(ours) == list(plain)
    assert ours[0] is parts[0]
    assert ours[-1] is parts[-1]
    assert (ours.in_type, ours.out_type) == (REGULAR, parts[-1].out_type)


def test_slices_are_typed_and_share_modules():
    net = nn.Sequential(*layers())
    part = net[1:]
    assert isinstance(part, nn.Sequential)
    assert list(part) == list(net)[1:]
    assert part.in_type == REGULAR
    assert list(part.state_dict()) == list(torch.nn.Sequential(*layers())[1:].state_dict())
    with pytest.raises(FieldTypeError, match=r"index: slice\(3, None, None\) holds none of the 3 modules"):
        net[3:]
    with pytest.raises(IndexError):
        net[3]


def test_names_can_be_given():
    net = nn.Sequential(OrderedDict(norm=nn.BatchNorm(REGULAR), act=nn.ReLU(REGULAR)))
    assert next(iter(net.state_dict())) == "norm.weight"
    with pytest.raises(FieldTypeError, match=r"modules\[1\] \(act\): expected a module of steer.nn"):
        nn.Sequential(OrderedDict(norm=nn.BatchNorm(REGULAR), act=torch.nn.ReLU()))


def test_typed_tensors_run_through():
    net = nn.Sequential(*layers())
    out = net(REGULAR(torch.randn(2, 16, 3, 3)))
    assert out.type == net.out_type
    wrong = nn.FieldType(C8, 16 * [C8.trivial])
    with pytest.raises(FieldTypeError, match=r"x: Sequential expects .* 2 regular of C8 .*, got 16 A of C8"):
        net(wrong(torch.randn(2, 16, 3, 3)))


def test_nested_chains():
    inner = nn.Sequential(nn.BatchNorm(REGULAR), nn.ReLU(REGULAR))
    net = nn.Sequential(inner, nn.GroupPool(REGULAR))
    assert next(iter(net.state_dict())) == "0.0.weight"


def test_hooks_of_the_parts_are_called():
    net = nn.Sequential(*layers())
    seen = []
    net[1].register_forward_hook(lambda module, inputs, output: seen.append(tuple(output.shape)))
    net(torch.randn(2, 16, 3, 3))
    assert seen == [(2, 16, 3, 3)]


def test_types_that_do_not_meet_are_refused():
    with pytest.raises(
        FieldTypeError, match=r"modules\[2\]: ReLU expects .* 2 regular of C8 .* GroupPool, returns 2 A of C8"
    ):
        nn.Sequential(nn.ReLU(REGULAR), nn.GroupPool(REGULAR), nn.ReLU(REGULAR))
    with pytest.raises(FieldTypeError, match=r"modules\[1\]: expected a module of steer.nn, .* got ReLU\(\)"):
        nn.Sequential(nn.ReLU(REGULAR), torch.nn.ReLU())
    with pytest.raises(FieldTypeError, match=r"modules\[1\]: ReLU expects .* 16 A of C8 .* returns 2 regular of C8"):
        nn.Sequential(nn.ReLU(REGULAR), nn.ReLU(nn.FieldType(C8, 16 * [C8.trivial])))
    with pytest.raises(FieldTypeError, match="modules: expected at least one module, got none"):
        nn.Sequential()


def test_restrict_is_the_identity_on_data():
    for subgroup in ("C4", C4):
        layer = nn.Restrict(REGULAR, subgroup)
        assert layer.out_type == REGULAR.restrict(C4)
        x = torch.randn(2, 16, 3, 3)
        assert torch.equal(layer(x), x)
        nn.Sequential(layer, nn.NormAct(REGULAR.restrict(C4)), nn.GroupPool(layer.out_type))


def test_restrict_refuses_what_is_no_subgroup():
    with pytest.raises(GroupError, match="C3"):
        nn.Restrict(REGULAR, "C3")
    with pytest.raises(GroupError, match="D4"):
        nn.Restrict(REGULAR, steer.group("D4", dim=2))
