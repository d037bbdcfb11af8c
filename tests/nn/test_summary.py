"""Tables of networks: every layer of any network, with what it holds and what it multiplies."""

import pickle

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import steer
from steer import nn
from steer.errors import ShapeError, SteerError
from steer.nn.models import summary
from tests.contracts.case import collect

C8 = steer.group("C8", dim=2)
IMAGE, HIDDEN = nn.FieldType(C8, 2 * [C8.trivial]), nn.FieldType(C8, 4 * [C8.regular])
SO3 = steer.group("SO(3)", dim=3)
ATOMS = nn.FieldType(SO3, 4 * [SO3.trivial] + 2 * [SO3.vector])

CASES = collect()


class Mixed(torch.nn.Module):
    """A network of one's own, with layers of ours, of torch, and what it does itself."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(IMAGE, HIDDEN, 5), nn.ReLU(HIDDEN), nn.GroupPool(HIDDEN))
        self.again = self.body
        self.head = torch.nn.Linear(4, 3)
        self.scale = torch.nn.Parameter(torch.ones(3))
        self.matrix = torch.nn.Parameter(torch.ones(3, 3), requires_grad=False)

    def forward(self, x):
        return self.head(self.body(x).mean((-1, -2))) @ self.matrix * self.scale


class Reading(Mixed):
    """A network whose operations depend on values, which tensors without values do not have."""

    def forward(self, x):
        return super().forward(x) if x.sum().item() == 0 else x


def counted(module, x):
    """Multiply-adds in evaluation by the counter of torch, which expands filters as it keeps none."""
    module.eval()
    # that of torch passes over fused attention on the CPU
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        module(x)
    return counter.get_total_flops() // 2


LAYERS = {
    "conv": lambda: nn.Conv2d(IMAGE, HIDDEN, 5, stride=2, padding=2),
    "groups": lambda: nn.Conv2d(HIDDEN, HIDDEN, 3, groups=2, dilation=2),
    "transposed": lambda: nn.ConvTranspose2d(HIDDEN, IMAGE, 3, stride=2),
    "linear": lambda: nn.Linear(HIDDEN, HIDDEN),
    "fourier": lambda: nn.FourierAct(nn.FieldType(C8, 2 * [C8.band_limited(2)])),
    "square": lambda: nn.TensorSquare(HIDDEN),
    "norm": lambda: nn.BatchNorm(HIDDEN),
    "blur": lambda: nn.BlurPool(HIDDEN),
    "resnet": lambda: nn.models.ResNet(IMAGE, 3, channels=(4, 4), blocks=1),
    "mixed": Mixed,
    "reading": Reading,
    "plain": lambda: torch.nn.Sequential(torch.nn.Conv2d(2, 6, 3, groups=2), torch.nn.ConvTranspose2d(6, 4, 2, 2)),
}


@pytest.mark.slow  # the counter loads the compiler of torch
@pytest.mark.parametrize("name", LAYERS)
def test_multiply_adds_are_those_that_the_counter_of_torch_finds(name):
    module = LAYERS[name]()
    shape = (2, getattr(module, "in_type", IMAGE).size, 9, 9)
    found = summary(module, shape, twin=False)
    assert found.multiply_adds + found.expansion == counted(module, torch.zeros(shape))
    assert found.parameters == sum(value.numel() for value in module.parameters() if value.requires_grad)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_tables_of_every_module(name):
    case = CASES[name]
    module = case.build()
    x = case.input(module)
    found = summary(module, x.shape, twin=False)
    assert found.multiply_adds + found.expansion == counted(module, x)
    assert found.parameters + found.frozen == sum(value.numel() for value in module.parameters())
    assert len(found.rows) > 1 or found.rows[0].shape == module(x).shape
    assert all(row.fields for row in found.rows)


def test_attention_counts_scores_and_sums_of_every_head():
    found = summary(nn.SelfAttention(ATOMS, num_heads=2), (3, ATOMS.size, 7))
    (own,) = [row for row in found.rows if not row.name]
    assert own.multiply_adds == 2 * 3 * 7 * 7 * ATOMS.size
    mask = torch.ones(3, 7, dtype=torch.bool)
    assert summary(nn.SelfAttention(ATOMS, num_heads=2), (3, ATOMS.size, 7), mask=mask).parameters == found.parameters
    torch_own = summary(
        torch.nn.MultiheadAttention(8, 2, batch_first=True),
        (3, 7, 8),
        key=torch.ones(3, 5, 8),
        value=torch.ones(3, 5, 8),
    )
    assert torch_own.multiply_adds == 3 * (2 * 7 * 8 * 8 + 2 * 5 * 8 * 8 + 2 * 7 * 5 * 8)


def test_convolution_and_expansion_are_apart():
    conv = nn.Conv2d(IMAGE, HIDDEN, 5)
    for batch in (1, 4):
        (row,) = summary(conv, (batch, 2, 12, 10)).rows
        assert row.multiply_adds == batch * 8 * 6 * (32 * 2 * 25)
        assert row.expansion == sum(placed.part.cost.macs for placed in conv.plan.parts)
        assert row.shape == (batch, 32, 8, 6)
        assert (row.name, row.layer, row.fields, row.channels) == ("", "Conv2d", "4 regular of C8", 32)


def test_rows_of_a_network_of_ones_own():
    found = summary(Mixed(), (2, 2, 9, 9))
    assert [row.name for row in found.rows] == ["", "body.0", "body.1", "body.2", "head"]
    assert [row.layer for row in found.rows] == ["Mixed", "Conv2d", "ReLU", "GroupPool", "torch.nn.Linear"]
    assert [row.multiply_adds for row in found.rows] == [2 * 9, 2 * 25 * 32 * 2 * 25, 0, 0, 2 * 12]
    assert [row.parameters for row in found.rows][-1] == 15
    assert found.rows[0].parameters == 3
    assert found.frozen == 9
    text = str(found)
    assert "without field types, so that nothing says how they transform: (itself) (Mixed), head" in text
    assert "9 parameters that are not trainable" in text
    assert repr(found) == f"<Summary of 5 layers: {found.parameters} parameters, {found.multiply_adds:,} multiply-adds>"
    assert summary(Mixed()).multiply_adds is None
    assert [vars(row)["name"] for row in pickle.loads(pickle.dumps(found)).rows] == [row.name for row in found.rows]


def test_a_layer_that_is_there_twice_holds_its_parameters_once_and_multiplies_twice():
    conv = nn.Conv2d(HIDDEN, HIDDEN, 1)
    once, twice = (summary(nn.Sequential(*count * [conv]), (1, 32, 4, 4)) for count in (1, 2))
    assert once.parameters == twice.parameters
    assert 2 * once.multiply_adds == twice.multiply_adds
    tied = torch.nn.Sequential(torch.nn.Linear(3, 3, bias=False), torch.nn.Linear(3, 3, bias=False))
    tied[1].weight = tied[0].weight
    assert [row.parameters for row in summary(tied).rows] == [9, 0]


def test_parts_beside_the_twin_count_both():
    net = nn.models.ResNet(IMAGE, 3, channels=(4, 4), blocks=1)
    found, layers = summary(net, (2, 2, 8, 8)), summary(net, (2, 2, 8, 8), twin=False)
    assert found.multiply_adds == layers.multiply_adds
    assert found.expansion == layers.expansion
    assert found.parameters == layers.parameters
    assert found.plain_multiply_adds == summary(net.twin(), (2, 2, 8, 8), twin=False).multiply_adds
    assert [row.shape for row in found.rows] == [tuple(part.shape) for part in _outputs(net, torch.zeros(2, 2, 8, 8))]
    assert layers.plain_parameters is None


def _outputs(net, x):
    for part in net:
        x = part(x)
        yield x


def test_nothing_of_the_network_changes():
    net = Mixed()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    hooks = [len(part._forward_hooks) for part in net.modules()]
    for network in (net, torch.nn.utils.parametrizations.weight_norm(net.body[0])):
        summary(network, (1, 2, 9, 9))
    assert net.training
    assert [len(part._forward_hooks) for part in net.modules()][: len(hooks)] == hooks
    for name, value in before.items():
        if name in net.state_dict():
            assert torch.equal(net.state_dict()[name], value)


@pytest.mark.slow  # loads the compiler
def test_compiled_networks_have_the_table_of_what_was_compiled():
    net = Mixed()
    assert summary(torch.compile(net, backend="eager"), (1, 2, 9, 9)) == summary(net, (1, 2, 9, 9))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: summary("net"), SteerError, r"model: expected a network, a torch.nn.Module, got str"),
        (lambda: summary(Mixed(), twin=True), SteerError, r"twin: Mixed has no plain twin, .* leave twin out"),
        (lambda: summary(Mixed(), (1, 3, 9, 9)), ShapeError, r"x: expected a tensor \(batch, 2, "),
        (lambda: summary(Mixed(), 3), ShapeError, r"input_shape: expected a shape such as"),
        (lambda: summary(Mixed(), torch.zeros(1, 2, 9, 9)), ShapeError, r"got a tensor x; pass x\.shape$"),
        (lambda: summary(torch.nn.Linear(3, 2), (1, 4)), SteerError, r"input_shape: Linear does not run on .*\(1, 4\)"),
        (lambda: summary(torch.nn.Bilinear(2, 2, 2), (1, 2)), SteerError, r"what else it takes by keyword"),
        (lambda: summary(torch.nn.LazyLinear(2)), SteerError, r"model: weight has no size before .* call the network"),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
