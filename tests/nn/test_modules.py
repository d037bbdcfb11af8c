"""What the contracts of tests/contracts leave open: refusals, printing, typed tensors under the compiler."""

import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError

from . import zoo

D4 = steer.group("D4", dim=2)
MIXED = zoo.permutation_types(D4)[1]


@pytest.mark.parametrize("name", zoo.LAYERS)
def test_what_is_no_type_is_refused(name):
    with pytest.raises(FieldTypeError, match=r"(in_type|fields): .* expects a FieldType, got 'regular'"):
        zoo.LAYERS[name]("regular")


@pytest.mark.filterwarnings("ignore")  # dynamo's own deprecations
def test_typed_tensors_compile():
    layer = nn.Sequential(nn.BatchNorm(MIXED), nn.ReLU(MIXED), nn.GroupPool(MIXED)).eval()
    torch._dynamo.reset()
    x = torch.randn(2, layer.in_type.size, 8, 8)
    compiled = torch.compile(lambda x: layer(layer.in_type(x)).tensor, fullgraph=True, backend="eager")
    assert torch.equal(compiled(x), layer(x))


def test_a_layer_prints_its_type_and_options_and_not_what_it_is_made_of():
    for name, build in zoo.LAYERS.items():
        if name not in ("Sequential", "Branch", "Parallel", "Residual", "AliasFree"):
            assert "\n" not in str(build(MIXED)), name
    chain = str(nn.Sequential(nn.NormAct(MIXED), nn.NormPool(MIXED)))
    assert chain.splitlines()[1].strip().startswith("(0): NormAct(")


def test_options_of_torch_show():
    field_type = nn.FieldType(D4, [D4.regular])
    assert str(nn.LeakyReLU(field_type, 0.3)).endswith("negative_slope=0.3)")
    assert str(nn.Pointwise(field_type, torch.nn.Softplus())).endswith(", Softplus(beta=1.0, threshold=20.0))")
    assert "stride=(2, 2)" in str(nn.MaxPool(field_type, 2))
