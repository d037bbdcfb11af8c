"""Torch's quantisation: what it leaves alone, where it stops, and networks written out, in which it works."""

import copy

import pytest
import torch

import steer
from steer import nn
from steer.errors import ShapeError

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's own, of deprecation
C4 = steer.group("C4", dim=2)
IMAGE, SCORES = nn.FieldType(C4, [C4.trivial]), nn.FieldType(C4, 5 * [C4.trivial])


def network(kind):
    """A trained-like network: of regular fields, or of vectors with norms, gates and a residual connection."""
    if kind == "regular":
        hidden = nn.FieldType(C4, 4 * [C4.regular])
        middle = [nn.BatchNorm(hidden), nn.ReLU(hidden), nn.Conv2d(hidden, hidden, 3, padding=1), nn.ReLU(hidden)]
    else:
        hidden = nn.FieldType(C4, 4 * [C4.trivial] + 4 * [C4.vector])
        gate = nn.Gate(hidden)
        middle = [nn.BatchNorm(hidden), nn.Residual(nn.NormAct(hidden)), nn.Conv2d(hidden, gate.in_type, 3), gate]
    layers = [nn.Conv2d(IMAGE, hidden, 3, padding=1), *middle, nn.GlobalAvgPool(hidden), nn.Linear(hidden, SCORES)]
    torch.manual_seed(0)
    net, x = nn.Sequential(*layers), torch.randn(32, 1, 8, 8)
    net(x)
    return net.eval(), x


def test_dynamic_quantisation_leaves_layers_alone():
    net, x = network("regular")
    mixed = torch.nn.Sequential(net, torch.nn.Linear(5, 3))
    dynamic = torch.ao.quantization.quantize_dynamic(copy.deepcopy(mixed), {torch.nn.Linear, nn.Linear})
    assert torch.equal(dynamic[0](x), net(x))
    assert type(dynamic[0][-1]) is nn.Linear
    assert type(dynamic[1]) is not torch.nn.Linear


def test_eager_quantisation_stops_with_a_remedy():
    net, x = network("regular")
    wrapped = torch.ao.quantization.QuantWrapper(net)
    wrapped.qconfig = torch.ao.quantization.get_default_qconfig("x86")
    prepared = torch.ao.quantization.prepare(wrapped)
    prepared(x)
    with pytest.raises(ShapeError, match=r"x: .* quantise what steer.export"):
        torch.ao.quantization.convert(prepared)(x)


@pytest.mark.skipif("x86" not in torch.backends.quantized.supported_engines, reason="no engine for integers")
@pytest.mark.parametrize("kind", [pytest.param("regular", marks=pytest.mark.slow), "vectors"])
def test_convolutions_of_exports_quantise(kind):
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    net, x = network(kind)
    config = torch.ao.quantization.get_default_qconfig("x86")
    mapping = torch.ao.quantization.QConfigMapping()
    for layer in (torch.nn.Conv2d, torch.nn.Linear, torch.nn.BatchNorm2d, torch.nn.ReLU):
        mapping.set_object_type(layer, config)
    prepared = prepare_fx(steer.export(net).eval(), mapping, (x,))
    prepared(x)
    quantised = convert_fx(prepared)
    integers = [part for part in quantised.modules() if "quantized" in type(part).__module__]
    assert len([part for part in integers if hasattr(part, "weight")]) == 3
    # eight bits: 1/256 of the range for each rounding, of which there are few
    assert (quantised(x) - net(x)).norm() < 0.1 * net(x).norm()
