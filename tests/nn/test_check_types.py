"""Types of plain tensors, followed through models of torch: what disagrees is named, what agrees passes."""

import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, SteerError

D4 = steer.group("D4", dim=2)
REGULAR = nn.FieldType(D4, [D4.regular])
SCALARS = nn.FieldType(D4, 8 * [D4.trivial])
X = torch.zeros(1, 8, 6, 6)


class Sum(torch.nn.Module):
    def __init__(self, one, other, last, join=False):
        super().__init__()
        self.one, self.other, self.last, self.join = one, other, last, join

    def forward(self, x):
        parts = self.one(x), self.other(x)
        return self.last(torch.cat(parts, 1) if self.join else parts[0] + parts[1])


def test_a_chain_that_disagrees_names_both_modules_and_types():
    model = torch.nn.Sequential(
        torch.nn.Sequential(nn.Conv2d(SCALARS, REGULAR, 3), nn.ReLU(REGULAR)),
        torch.nn.Identity(),
        nn.BatchNorm(SCALARS),
    )
    model[0].eval()
    model(X)  # nothing is said
    steps = model[2].num_batches_tracked.item()
    with pytest.raises(FieldTypeError) as caught:
        nn.check_types(model, X)
    assert "module '2' (BatchNorm) expects fields of type 8 A1 of D4" in str(caught.value)
    assert "is given the output of module '0.1' (ReLU), of type regular of D4" in str(caught.value)
    assert model[2].num_batches_tracked == steps
    assert model.training
    assert not model[0].training
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_a_chain_that_agrees_passes_and_says_what_it_cannot_follow():
    model = torch.nn.Sequential(
        nn.Conv2d(SCALARS, REGULAR, 3),
        torch.nn.Tanh(),
        nn.ReLU(REGULAR),
        nn.Restrict(REGULAR, "C4"),
        nn.GroupPool(REGULAR.restrict("C4")),
    )
    assert nn.check_types(model, X) == ("0", "2")
    inner = nn.Sequential(nn.Conv2d(SCALARS, REGULAR, 3), nn.ReLU(REGULAR))
    assert set(nn.check_types(inner, x=X)) <= {"", "0"}
    assert nn.check_types(torch.nn.Sequential(inner), SCALARS(X)) in [(), ("0.0",)]  # typed ones check themselves


def test_sums_and_concatenations_are_followed():
    def conv(out):
        return nn.Conv2d(SCALARS, out, 3)

    assert "last" not in nn.check_types(Sum(conv(REGULAR), conv(REGULAR), nn.ReLU(REGULAR)), X)
    with pytest.raises(FieldTypeError, match=r"module 'one' .* and the output of module 'other' .* are added"):
        nn.check_types(Sum(conv(REGULAR), conv(SCALARS), nn.ReLU(REGULAR)), X)
    with pytest.raises(FieldTypeError, match=r"module 'last' .* is given a sum, of type 8 A1 of D4"):
        nn.check_types(Sum(conv(SCALARS), conv(SCALARS), nn.ReLU(REGULAR)), X)
    both = REGULAR + SCALARS
    assert "last" not in nn.check_types(Sum(conv(REGULAR), conv(SCALARS), nn.BatchNorm(both), True), X)
    with pytest.raises(FieldTypeError, match=r"module 'last' .* is given a concatenation, of type"):
        nn.check_types(Sum(conv(SCALARS), conv(REGULAR), nn.BatchNorm(both), True), X)


def test_what_is_no_module_is_refused():
    with pytest.raises(SteerError, match=r"model: expected a torch.nn.Module, got 3"):
        nn.check_types(3)
