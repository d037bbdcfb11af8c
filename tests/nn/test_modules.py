"""What every layer promises: plain and typed tensors agree, dtypes are kept, it copies, saves, compiles and exports."""

import copy
import io
import pickle

import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, ShapeError

from . import zoo

D4 = steer.group("D4", dim=2)
O2 = steer.group("O(2)", dim=2)
MIXED = {
    name: zoo.permutation_types(D4)[1] if name in zoo.PERMUTATIONS else zoo.linear_types(O2)[1] for name in zoo.LAYERS
}
UNIFORM = {
    name: zoo.permutation_types(D4)[0] if name in zoo.PERMUTATIONS else zoo.linear_types(O2)[0] for name in zoo.LAYERS
}
every_layer = pytest.mark.parametrize("name", zoo.LAYERS)
# a filter of 49 kinds of blocks takes the compiler 15 seconds; test_conv_transpose.py compiles smaller ones
every_case = pytest.mark.parametrize(
    ("name", "field_type"),
    [(n, t[n]) for n in zoo.LAYERS for t in (MIXED, UNIFORM) if t is UNIFORM or n != "ConvTranspose2d"],
    ids=lambda value: str(value)[:24],
)


def build(name):
    return zoo.scrambled(zoo.LAYERS[name](MIXED[name]))


def sample(layer, batch=2, dtype=torch.float32):
    return torch.randn(batch, layer.in_type.size, 8, 8, dtype=dtype)


@every_layer
def test_typed_and_plain_tensors_agree(name):
    layer = build(name).eval()
    x = sample(layer)
    field = layer(layer.in_type(x))
    assert isinstance(field, nn.FieldTensor)
    assert field.type == layer.out_type
    plain = layer(x)
    assert isinstance(plain, torch.Tensor)
    assert torch.equal(field.tensor, plain)


@every_layer
def test_a_field_of_another_type_is_refused(name):
    layer = build(name)
    other = nn.FieldType(D4, layer.in_type.size * [D4.irrep("A2")])
    with pytest.raises(FieldTypeError, match=r"x: .* expects fields of type .*, got .* A2 of D4"):
        layer(other(sample(layer)))


@every_layer
def test_what_is_no_type_is_refused(name):
    with pytest.raises(FieldTypeError, match=r"(in_type|fields): .* expects a FieldType, got 'regular'"):
        zoo.LAYERS[name]("regular")


@every_layer
def test_wrong_channels_are_refused(name):
    layer = build(name)
    with pytest.raises(ShapeError, match=rf"x: expected a tensor \(batch, {layer.in_type.size}, "):
        layer(torch.zeros(1, layer.in_type.size + 1, 8, 8))


@every_layer
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_dtype_follows_the_input(name, dtype):
    layer = build(name).to(dtype)
    x = sample(layer, dtype=dtype)
    out = layer(x)
    assert out.dtype == dtype
    assert out.isfinite().all()
    exact = copy.deepcopy(layer).double().eval()
    tolerance = {torch.float64: 1e-14, torch.float32: 1e-5}.get(dtype, 0.1)
    torch.testing.assert_close(layer.eval()(x).double(), exact(x.double()), rtol=tolerance, atol=tolerance)


@every_layer
def test_autocast(name):
    layer = build(name)
    x = sample(layer)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x.bfloat16()).isfinite().all()
        out = layer.eval()(x)
    # running statistics of half-precision input are computed, and stay, in float32
    assert all(value.dtype != torch.bfloat16 for value in layer.state_dict().values())
    torch.testing.assert_close(out.float(), layer(x), rtol=0.05, atol=0.05)


@every_layer
def test_constants_are_exact_after_a_cast(name):
    cast, built = build(name).half().double(), zoo.LAYERS[name](MIXED[name])
    torch.set_default_dtype(torch.float64)
    try:
        built = zoo.LAYERS[name](MIXED[name])
    finally:
        torch.set_default_dtype(torch.float32)
    saved = set(built.state_dict())
    for key, value in built.named_buffers():
        if key not in saved:
            assert torch.equal(dict(cast.named_buffers())[key], value), key


@every_layer
def test_layers_materialise_from_the_meta_device(name):
    with torch.device("meta"):
        empty = zoo.LAYERS[name](MIXED[name])
    built = build(name)
    empty.to_empty(device="cpu").load_state_dict(built.state_dict())
    x = sample(built)
    assert torch.equal(empty.eval()(x), built.eval()(x))


@every_layer
@pytest.mark.parametrize("batch", [0, 1])
def test_batches_of_size_zero_and_one(name, batch):
    layer = build(name)
    x = sample(layer, batch)
    for mode in (True, False):
        out = layer.train(mode)(x)
        assert out.shape[:2] == (batch, layer.out_type.size)
        assert all(value.isfinite().all() for value in layer.state_dict().values())


@every_layer
def test_deepcopy_and_pickle(name):
    layer = build(name).eval()
    x = sample(layer)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(twin(x), layer(x))
        assert twin.in_type == layer.in_type
        assert twin.out_type == layer.out_type


@every_layer
def test_state_dict_is_the_same_in_train_and_eval(name):
    for saving in (True, False):
        for loading in (True, False):
            source, target = build(name).train(saving), zoo.LAYERS[name](MIXED[name]).train(loading)
            stream = io.BytesIO()
            torch.save(source.state_dict(), stream)
            stream.seek(0)
            target.load_state_dict(torch.load(stream, weights_only=True))
            x = sample(source)
            assert torch.equal(source.eval()(x), target.eval()(x))
    assert list(build(name).train().state_dict()) == list(build(name).eval().state_dict())


@pytest.mark.filterwarnings("ignore")  # dynamo's own deprecations
@every_case
@pytest.mark.parametrize("training", [False, True])
def test_compiles_to_one_graph(name, field_type, training):
    layer = zoo.scrambled(zoo.LAYERS[name](field_type)).train(training)
    twin = copy.deepcopy(layer)
    torch._dynamo.reset()
    compiled = torch.compile(twin, fullgraph=True, backend="aot_eager")
    x = sample(layer).requires_grad_()
    y = x.detach().clone().requires_grad_()
    torch.manual_seed(1)
    expected = layer(x)
    torch.manual_seed(1)
    out = compiled(y)
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-5)
    expected.square().sum().backward()
    out.square().sum().backward()
    torch.testing.assert_close(y.grad, x.grad, rtol=1e-4, atol=1e-4)
    for key, value in twin.state_dict().items():
        torch.testing.assert_close(value, layer.state_dict()[key], rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
@every_layer
def test_torch_export(name):
    layer = build(name).eval()
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(layer, (sample(layer),), dynamic_shapes=({0: batch},))
    x = sample(layer, batch=5)
    torch.testing.assert_close(program.module()(x), layer(x), rtol=1e-6, atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_typed_tensors_compile():
    layer = nn.Sequential(nn.BatchNorm(MIXED["ReLU"]), nn.ReLU(MIXED["ReLU"]), nn.GroupPool(MIXED["ReLU"])).eval()
    torch._dynamo.reset()
    x = sample(layer)
    compiled = torch.compile(lambda x: layer(layer.in_type(x)).tensor, fullgraph=True, backend="eager")
    assert torch.equal(compiled(x), layer(x))


@every_layer
def test_channels_last_gives_the_same(name):
    layer = build(name).eval()
    x = sample(layer)
    torch.testing.assert_close(layer(x.contiguous(memory_format=torch.channels_last)), layer(x), rtol=1e-5, atol=1e-5)


@every_layer
def test_prints_its_types(name):
    layer = build(name)
    assert layer.in_type.group.name in repr(layer)


@every_layer
def test_a_layer_prints_its_type_and_options_and_not_what_it_is_made_of(name):
    layer = build(name)
    if isinstance(layer, nn.Sequential):
        assert str(layer).splitlines()[1].strip().startswith("(0): NormAct(")
        return
    assert str(layer.in_type) in str(layer)
    assert str(layer).startswith(type(layer).__name__)
    assert "\n" not in str(layer)


def test_options_of_torch_show():
    field_type = nn.FieldType(D4, [D4.regular])
    assert str(nn.LeakyReLU(field_type, 0.3)).endswith("negative_slope=0.3)")
    assert str(nn.Pointwise(field_type, torch.nn.Softplus())).endswith(", Softplus(beta=1.0, threshold=20.0))")
    assert "stride=(2, 2)" in str(nn.MaxPool(field_type, 2))
