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
    assert nn.check_types(model, X) == ("0",)  # a function of single numbers keeps what the group permutes
    model = torch.nn.Sequential(nn.Conv2d(SCALARS, REGULAR, 3), torch.nn.LocalResponseNorm(2), nn.ReLU(REGULAR))
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


class Through(torch.nn.Module):
    """A function of torch between two modules."""

    def __init__(self, function, last, out=REGULAR):
        super().__init__()
        self.first, self.function, self.last = nn.Conv2d(SCALARS, out, 3), function, last

    def forward(self, x):
        return self.last(self.function(self.first(x)))


VECTORS = nn.FieldType(D4, 4 * [D4.vector])
MIXED = nn.FieldType(D4, [D4.vector, D4.trivial, D4.trivial, D4.vector])

KEPT = {
    "clone": lambda x: x.clone(),
    "detach": lambda x: x.detach().contiguous(),
    "cast": lambda x: x.double().to(torch.float32),
    "twice": lambda x: 2 * x,
    "half": lambda x: x / 2,
    "minus": lambda x: -x,
    "a scalar": lambda x: x * torch.tensor(0.5),
    "a map of numbers": lambda x: torch.rand(1, 1, *x.shape[2:]) * x,
    "batch": lambda x: x[:1],
    "crop": lambda x: x[..., 1:-1, 1:-1],
    "flip": lambda x: x.flip(-1).transpose(2, 3),
    "padded": lambda x: x[:, :, :2].repeat(1, 1, 2, 1),
    "pooled": lambda x: torch.nn.functional.avg_pool2d(x, 2),
    "resized": lambda x: torch.nn.functional.interpolate(x, scale_factor=2),
    "dropout": lambda x: torch.nn.functional.dropout(x, training=False),
    "points": lambda x: x.flatten(2),
    "mean": lambda x: x.mean((2, 3), keepdim=True),
}
PERMUTED = {
    "relu": torch.relu,
    "gelu": torch.nn.functional.gelu,
    "max": lambda x: torch.nn.functional.max_pool2d(x, 2),
    "largest": lambda x: x.amax((2, 3), keepdim=True),
}
LOST = {
    "a number for each channel": lambda x: x * torch.rand(8, 1, 1),
    "channels turned": lambda x: x.flip(1),
    "mixed up": lambda x: x.transpose(1, 2) if x.shape[1] == x.shape[2] else x.roll(1, 1),
    "in place": lambda x: x.clamp_(0).zero_(),
    "divisor": lambda x: torch.div(torch.ones(1), x),
    "softmax": lambda x: x.softmax(1),
    "mean of channels": lambda x: x - x.mean(1, keepdim=True),
}


@pytest.mark.parametrize("name", [*KEPT, *PERMUTED, *LOST])
def test_which_functions_of_torch_keep_types(name):
    function = (KEPT | PERMUTED | LOST)[name]
    for fields in (REGULAR, VECTORS):
        kept = name in KEPT or (name in PERMUTED and fields == REGULAR)
        right, wrong = (Through(function, nn.Dropout(kind), fields) for kind in (fields, SCALARS))
        assert ("last" in nn.check_types(right, X)) == (not kept)
        if kept:
            with pytest.raises(FieldTypeError, match=r"'last' .* is given the output of module 'first' \(Conv2d\)"):
                nn.check_types(wrong, X)
        else:
            assert "last" in nn.check_types(wrong, X)


def test_parts_of_whole_fields_have_their_types():
    for function, part in (
        (lambda x: x[:, :2], MIXED[:1]),
        (lambda x: x[:, 2:4], MIXED[1:3]),
        (lambda x: x.split([3, 3], 1)[1], MIXED[2:]),
        (lambda x: x.chunk(2, 1)[0], MIXED[:2]),
        (lambda x: x[:, [4, 5, 2, 3]], nn.FieldType(D4, [MIXED[3], MIXED[1], MIXED[2]])),
    ):
        assert "last" not in nn.check_types(Through(function, nn.Dropout(part), MIXED), X)
        other = nn.FieldType(D4, part.size * [D4.irrep("B1")])
        with pytest.raises(FieldTypeError, match="is given a part of the output of module 'first'"):
            nn.check_types(Through(function, nn.Dropout(other), MIXED), X)
    across = Through(lambda x: x[:, 1:3], nn.Dropout(nn.FieldType(D4, 2 * [D4.trivial])), MIXED)
    assert "last" in nn.check_types(across, X)
