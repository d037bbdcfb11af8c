"""State dicts have the same keys always, load across modes, and refuse coefficients of another kernel basis."""

import copy
import io
import itertools
import math

import pytest
import torch

import steer
from steer import nn
from steer.errors import CheckpointError
from steer.kernels import compile as compile_plan

D4 = steer.group("D4", dim=2)
C8 = steer.group("C8", dim=2)
TILTED = steer.group("D8", dim=2).subgroup("D4", axis=math.pi / 8)
KIND = nn.FieldType(D4, [D4.trivial, D4.regular, D4.vector])


def conv(kind=KIND, size=3, **options):
    return nn.Conv2d(kind, kind, size, **options)


LAYERS = {"conv": conv, "linear": lambda: nn.Linear(KIND, KIND)}


def through_a_file(state):
    stream = io.BytesIO()
    torch.save(state, stream)
    stream.seek(0)
    return torch.load(stream, weights_only=True)


@pytest.mark.parametrize("name", LAYERS)
def test_keys_do_not_depend_on_the_mode_or_on_use(name):
    layer = LAYERS[name]()
    x = torch.randn(2, KIND.size, *(5, 5)[: 2 * (name == "conv")])
    seen = []
    for mode, grad in itertools.product([True, False], repeat=2):
        layer.train(mode)
        with torch.set_grad_enabled(grad):
            layer(x)
        seen.append(list(layer.state_dict()))
    assert all(sorted(keys) == ["bias", "fingerprint", "weight"] for keys in seen)
    assert all(keys == seen[0] for keys in seen)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("saved_in", [True, False], ids=["saved in train", "saved in eval"])
@pytest.mark.parametrize("loaded_in", [True, False], ids=["loaded in train", "loaded in eval"])
def test_save_and_load_in_every_mode(name, saved_in, loaded_in):
    source, target = LAYERS[name]().train(saved_in), LAYERS[name]().train(loaded_in)
    torch.nn.init.normal_(source.bias)
    x = torch.randn(2, KIND.size, *(5, 5)[: 2 * (name == "conv")])
    with torch.no_grad():
        assert not torch.equal(target(x), source(x))
        target.load_state_dict(through_a_file(source.state_dict()))
        assert torch.equal(target(x), source(x))


def digits(layer):
    return "".join("0123456789abcdef"[int(value)] for value in layer.fingerprint)


def test_the_fingerprint_is_the_digits_of_the_plan_s():
    layer = conv()
    assert layer.fingerprint.dtype == torch.float32
    assert layer.fingerprint.shape == (32,)
    assert digits(layer) == layer.plan.fingerprint
    assert layer.plan.fingerprint == compile_plan(KIND, KIND, (3, 3)).fingerprint
    for moved in (layer.double(), layer.half(), layer.type(torch.float64), copy.deepcopy(layer)):
        assert moved.fingerprint.dtype == torch.float32
        assert digits(moved) == layer.plan.fingerprint


EQUAL_SHAPE = {
    "other fields of as many channels": (
        lambda: nn.Conv2d(nn.FieldType(C8, [C8.regular]), nn.FieldType(C8, [C8.regular]), 3),
        lambda: nn.Conv2d(nn.FieldType(C8, [C8.regular]), nn.FieldType(C8, 4 * [C8.irrep("E1")]), 3),
    ),
    "exchanged fields": (
        lambda: conv(nn.FieldType(D4, [D4.regular, D4.vector])),
        lambda: conv(nn.FieldType(D4, [D4.vector, D4.regular])),
    ),
    "another axis": (
        lambda: conv(nn.FieldType(D4, [D4.vector])),
        lambda: conv(nn.FieldType(TILTED, [TILTED.vector])),
    ),
}


@pytest.mark.parametrize("case", EQUAL_SHAPE)
def test_another_basis_is_refused_and_both_are_named(case):
    source, target = (make() for make in EQUAL_SHAPE[case])
    assert source.weight.shape == target.weight.shape, "the shapes alone would not have told"
    before = target.weight.clone()
    message = (
        rf"state_dict: weight was trained in the kernel basis {source.plan.fingerprint}, this Conv2d has the basis "
        rf"{target.plan.fingerprint} .*; build the layer with the field types and arguments it was trained with"
    )
    with pytest.raises(CheckpointError, match=message):
        target.load_state_dict(source.state_dict())
    assert torch.equal(target.weight, before)
    with pytest.raises(CheckpointError, match=r"state_dict: 0\.weight was trained in the kernel basis"):
        torch.nn.Sequential(target).load_state_dict(torch.nn.Sequential(source).state_dict(), strict=False)


def test_stride_padding_dilation_and_strategy_do_not_change_the_basis():
    source = conv()
    for options in ({"stride": 2}, {"padding": 1}, {"dilation": 3}, {"padding_mode": "circular"}):
        conv(**options).load_state_dict(source.state_dict())


def test_a_missing_fingerprint_is_torch_s_missing_key():
    state = conv().state_dict()
    del state["fingerprint"]
    with pytest.raises(RuntimeError, match=r"Missing key.*fingerprint"):
        conv().load_state_dict(state)
    conv().load_state_dict(state, strict=False)


@pytest.mark.parametrize(
    "damaged",
    [
        torch.zeros(16),
        torch.zeros(15, dtype=torch.uint8),
        torch.tensor(0.0),
        torch.full((32,), 7.5),
        torch.full((32,), 16.0),
        torch.full((32,), -1.0),
        torch.full((32,), math.nan),
        torch.zeros(32, dtype=torch.int64),
    ],
    ids=["too short", "too few bytes", "a number", "halves", "no digits", "negative", "not a number", "integers"],
)
def test_a_fingerprint_that_is_none_is_refused(damaged):
    target = conv()
    before = target.weight.clone()
    state = conv().state_dict() | {"fingerprint": damaged}
    for strict in (True, False):
        with pytest.raises(CheckpointError, match="state_dict: fingerprint: expected 32 whole numbers"):
            target.load_state_dict(state, strict=strict)
    assert torch.equal(target.weight, before)


def test_a_state_dict_without_data_is_not_compared():
    with torch.device("meta"):
        empty = conv().state_dict()
        conv().load_state_dict(empty)


def test_assigned_weights_bring_their_dtype():
    source, target = conv().double(), conv()
    target.load_state_dict(source.state_dict(), assign=True)
    x = torch.randn(2, KIND.size, 5, 5, dtype=torch.float64)
    assert torch.equal(target(x), source(x))


def test_optimizers_resume():
    x = torch.randn(4, KIND.size, 5, 5)

    def steps(layer, optimizer, count):
        for _ in range(count):
            optimizer.zero_grad()
            layer(x).square().mean().backward()
            optimizer.step()

    straight = conv()
    resumed = copy.deepcopy(straight)
    first = torch.optim.Adam(straight.parameters(), lr=0.01)
    steps(straight, first, 4)
    second = torch.optim.Adam(resumed.parameters(), lr=0.01)
    steps(resumed, second, 2)
    again = conv()
    third = torch.optim.Adam(again.parameters(), lr=0.01)
    again.load_state_dict(through_a_file(resumed.state_dict()))
    third.load_state_dict(through_a_file(second.state_dict()))
    steps(again, third, 2)
    torch.testing.assert_close(again.weight, straight.weight, rtol=0, atol=0)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_a_share_of_another_basis_is_refused(share):
    few, many = nn.FieldType(D4, [D4.regular]), nn.FieldType(D4, 2 * [D4.regular])
    layer, other = nn.Conv2d(few, many, 3, bias=False), nn.Conv2d(many, few, 3, bias=False)
    foreign = other.state_dict()
    mixed = {key: (1 - share) * held + share * foreign[key] for key, held in layer.state_dict().items()}
    with pytest.raises(CheckpointError, match="fingerprint"):
        layer.load_state_dict(mixed)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("decay", [0.9, 0.99, 0.999, 0.9999])
def test_averages_of_one_basis_in_any_dtype_are_of_it(dtype, decay):
    digits = torch.arange(16, dtype=dtype)
    for average in (lambda a: a.mul(decay).add(digits, alpha=1 - decay), lambda a: a.lerp(digits, 1 - decay)):
        held = digits
        for _ in range(200):
            held = average(held)
        layer = nn.Linear(KIND, KIND)
        state = layer.state_dict()
        table = dict(zip(digits.tolist(), held.tolist(), strict=True))
        state["fingerprint"] = torch.tensor([table[digit] for digit in state["fingerprint"].tolist()], dtype=dtype)
        layer.load_state_dict(state)


def test_the_refusal_of_a_fingerprint_says_what_happened_to_the_state_dict():
    layer, other = conv(), nn.Conv2d(KIND, KIND, 5)
    state, foreign = layer.state_dict(), other.state_dict()["fingerprint"]
    for fingerprint, match in (
        (state["fingerprint"].long(), "cast to integers has lost its coefficients, too"),
        ((state["fingerprint"] + foreign) / 2, "an average of state dicts with different kernel bases"),
        (state["fingerprint"][:3], "it names the kernel basis, so keep it as it was saved"),
    ):
        with pytest.raises(CheckpointError, match=match):
            layer.load_state_dict(state | {"fingerprint": fingerprint})
