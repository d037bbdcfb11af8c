"""Training by a compiler with images of several sizes: convolutions are given results of operations, not views.

Inductor cannot order the strides of a view of symbolic sizes that lies before a convolution and is kept for the
backward pass, so that no layer may leave it one.
"""

import pytest
import torch
from functorch.compile import make_boxed_func, min_cut_rematerialization_partition
from torch._dynamo.backends.common import aot_autograd

import steer
from steer import nn

C4, SO2 = steer.group("C4", dim=2), steer.group("SO(2)", dim=2)
REGULAR, VECTORS = nn.FieldType(C4, 2 * [C4.regular]), nn.FieldType(SO2, 2 * [SO2.irrep(1)])
IRREPS = nn.FieldType(SO2, 3 * SO2.irreps(2))
LAYERS = {
    "BatchNorm": lambda: nn.BatchNorm(REGULAR),
    "NormAct": lambda: nn.NormAct(VECTORS),
    "NormAct of a field": lambda: nn.NormAct(IRREPS),
    "Gate": lambda: nn.Gate(VECTORS),
    "Gate in periods": lambda: nn.Gate(IRREPS),
    "InstanceNorm": lambda: nn.InstanceNorm(VECTORS),
    "NormPool": lambda: nn.NormPool(REGULAR),
    "FourierAct": lambda: nn.FourierAct(nn.FieldType(SO2, [SO2.band_limited(1)])),
    "NormMaxPool": lambda: nn.NormMaxPool(VECTORS, 2),
    "BlurPool": lambda: nn.BlurPool(VECTORS),
}
CHAINS = {
    "norms": lambda t: [nn.NormAct(t), nn.Conv2d(t, t, 3, padding=1), nn.NormAct(t)],
    "batch norms": lambda t: [nn.BatchNorm(t), nn.NormAct(t)],
}
# of torch's own: deprecations, and advice on devices
pytestmark = pytest.mark.filterwarnings("ignore")


def kept_views(layer):
    """Names of the views (batch, channels, height, width) that a convolution after the layer keeps."""
    found = []

    def forward(graph, inputs):
        for node in next(iter(reversed(graph.graph.nodes))).all_input_nodes:
            while node.target is torch.ops.aten.detach.default:  # which inductor leaves out
                node = node.args[0]
            value, schema = node.meta.get("val"), getattr(node.target, "_schema", None)
            if schema is None or not isinstance(value, torch.Tensor) or value.dim() != 4:
                continue
            is_symbolic = any(isinstance(size, torch.SymInt) for size in value.shape[2:])
            if is_symbolic and any(result.alias_info is not None for result in schema.returns):
                found.append(node.name)
        return make_boxed_func(graph.forward)

    backend = aot_autograd(
        fw_compiler=forward,
        bw_compiler=lambda graph, inputs: make_boxed_func(graph.forward),
        partition_fn=min_cut_rematerialization_partition,
    )
    torch._dynamo.reset()
    net = torch.nn.Sequential(layer, torch.nn.Conv2d(layer.out_type.size, 1, 3))
    compiled = torch.compile(net, backend=backend, dynamic=True, fullgraph=True)
    compiled(torch.randn(2, layer.in_type.size, 9, 12, requires_grad=True)).sum().backward()
    return found


@pytest.mark.parametrize("name", ["Gate", pytest.param("BatchNorm", marks=pytest.mark.slow)])
def test_a_layer_leaves_no_view(name):
    assert not kept_views(LAYERS[name]())


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYERS)
def test_no_layer_leaves_a_view(name):
    assert not kept_views(LAYERS[name]())


def trains(modules, field_type):
    """Outputs and gradients of a chain by inductor over three sizes are those of eager mode."""
    images = nn.FieldType(field_type.group, [field_type.group.trivial])
    first, last = nn.Conv2d(images, field_type, 3, padding=1), nn.Conv2d(field_type, images, 3, padding=1)
    net = nn.Sequential(first, *modules, last).double()
    torch._dynamo.reset()
    compiled = torch.compile(net, backend="inductor")
    for size in ((9, 9), (11, 13), (12, 8)):
        x = torch.randn(2, 1, *size, dtype=torch.float64, requires_grad=True)
        inputs = [x, *net.parameters()]
        out = compiled(x)
        seed = torch.randn_like(out)
        found = torch.autograd.grad(out, inputs, seed)
        expected = net(x)
        torch.testing.assert_close(out, expected)
        torch.testing.assert_close(found, torch.autograd.grad(expected, inputs, seed))


@pytest.mark.slow
@pytest.mark.parametrize("chain", CHAINS)
def test_chains_of_irreps_train_by_inductor(chain):
    trains(CHAINS[chain](IRREPS), IRREPS)


@pytest.mark.slow
def test_a_batch_normalised_regular_network_trains_by_inductor():
    trains([nn.BatchNorm(REGULAR)], REGULAR)
