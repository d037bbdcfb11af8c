"""Tensors that follow from the arguments of layers: shared by value, right in every dtype and on every device."""

import copy
import pickle

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import SteerError

D4 = steer.group("D4", dim=2)
KIND = nn.FieldType(D4, [D4.regular, D4.vector, D4.regular, D4.trivial])
THIRDS = np.array([[1.0, 2.0], [4.0, 5.0]]) / 3


class Own(nn.Module):
    """Reads its constants as attributes, or in the dtype and on the device of the input."""

    def __init__(self, fits=True):
        super().__init__(nn.FieldType(D4, 2 * [D4.trivial]), nn.FieldType(D4, 2 * [D4.trivial]))
        self.fits = fits
        self.add_constant("thirds", THIRDS)
        self.add_constant("turn", np.array([1, 0]))

    def _compute(self, x):
        thirds, turn = (self.constant(name, x) if self.fits else getattr(self, name) for name in ("thirds", "turn"))
        return torch.einsum("ij,nj...->ni...", thirds, x.index_select(1, turn))


class WithWeight(Own):
    def __init__(self, fits=True):
        super().__init__(fits)
        self.weight = torch.nn.Parameter(torch.ones(2, 1, 1))

    def _compute(self, x):
        return self.weight * super()._compute(x)


def expected(x):
    return torch.einsum("ij,nj...->ni...", torch.from_numpy(THIRDS).to(x.dtype), x.flip(1))


def image(dtype=torch.float32):
    return torch.randn(3, 2, 4, 4, dtype=dtype)


@pytest.mark.parametrize("fits", [True, False])
def test_they_are_in_no_state_dict_and_among_no_buffers(fits):
    layer = Own(fits)
    assert not layer.state_dict()
    assert not list(layer.buffers())
    assert torch.equal(layer(image()) != 0, torch.ones(3, 2, 4, 4, dtype=torch.bool))


@pytest.mark.parametrize("fits", [True, False])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_they_follow_conversions_exactly(fits, dtype):
    for layer in (Own(fits).to(dtype), Own(fits).half().to(dtype), copy.deepcopy(Own(fits)).type(dtype)):
        assert layer.thirds.dtype == dtype
        assert layer.turn.dtype == torch.int64
        assert torch.equal(layer.thirds, torch.from_numpy(THIRDS).to(dtype))
        x = image(dtype)
        assert torch.equal(layer(x), expected(x))


def test_the_one_that_fits_follows_the_data():
    layer = Own()
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        x = image(dtype)
        assert torch.equal(layer(x), expected(x))
    assert layer.constant("thirds", torch.empty(0, device="meta")).is_meta
    assert layer.constant("thirds", torch.zeros(1, dtype=torch.int64)).dtype == torch.float32


@pytest.mark.parametrize("build", [Own, WithWeight])
@pytest.mark.parametrize("fits", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_meta_device_and_assignment(build, fits, dtype):
    with torch.device("meta"):
        layer = build(fits)
    state = build(fits).to(dtype).state_dict()
    layer.load_state_dict(state, assign=True)
    if build is Own and not fits:
        layer = layer.to(dtype)  # nothing that it was given says which
    x = image(dtype)
    assert torch.equal(layer(x), expected(x))
    layer.to("meta")(x.to("meta"))
    layer.load_state_dict(state, assign=True)
    assert torch.equal(layer(x), expected(x))
    assert torch.equal(build(fits).to("meta").to_empty(device="cpu").thirds, torch.from_numpy(THIRDS).float())


def test_equal_ones_share_a_tensor_and_copies_do():
    first, second = Own(), Own()
    assert first.thirds is second.thirds
    assert copy.deepcopy(first).thirds is first.thirds
    assert copy.copy(first).thirds is first.thirds
    again = pickle.loads(pickle.dumps(first))
    assert again.thirds is first.thirds
    assert again.double().thirds is second.double().thirds
    acts = nn.NormAct(KIND), nn.NormAct(KIND, "squash")
    assert acts[0].layout.field_of_channel is acts[1].layout.field_of_channel


@pytest.mark.parametrize("fits", [True, False])
def test_writing_to_one_reaches_no_other_module(fits):
    layer, other = Own(fits), Own(fits)
    twin = copy.deepcopy(layer)
    x = image()
    twin.thirds.mul_(0)
    twin.turn.zero_()
    for part in (layer, other, Own(fits), twin, copy.deepcopy(twin)):
        assert torch.equal(part(x), expected(x))


@torch.no_grad()
def test_writing_to_what_a_copy_holds_leaves_the_original_and_later_layers_alone():
    def parts():
        torch.manual_seed(0)
        kinds = (nn.NormAct, nn.BatchNorm, nn.TensorSquare, nn.BlurPool)
        return [nn.Conv2d(KIND, KIND, 3), *(kind(KIND) for kind in kinds)]

    x = torch.randn(2, KIND.size, 8, 8)
    originals = parts()
    outputs = [part.eval()(x) for part in originals]
    for part in originals:
        for module in copy.deepcopy(part).modules():
            held = [*module.buffers(), *(getattr(module, name) for name in getattr(module, "_tables", ()))]
            for tensor in [*held, *getattr(module, "_tensors", ((), (), ()))[2]]:
                tensor.mul_(0)
    for again in (originals, parts()):
        for part, before in zip(again, outputs, strict=True):
            assert torch.equal(part.eval()(x), before), part


@pytest.mark.filterwarnings("ignore")
def test_compiled_layers_follow_the_data_too():
    layer = Own()
    torch._dynamo.reset()
    compiled = torch.compile(layer, fullgraph=True, backend="eager")
    for dtype in (torch.float32, torch.float64):
        x = image(dtype)
        assert torch.equal(compiled(x), expected(x))


def test_exported_graphs_hold_them_as_buffers_of_their_own():
    layer = Own()
    plain, other = steer.export(layer), steer.export(layer)
    assert {name for name, _ in plain.named_buffers()} == {"thirds", "turn"}
    x = image()
    with torch.no_grad():
        for value in plain.buffers():
            value.zero_()
    for part in (layer, Own(), other):
        assert torch.equal(part(x), expected(x))


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("thirds", [[1.0]], r"source: expected a NumPy array, got \[\[1.0\]\]; use np.asarray"),
        ("other", torch.ones(2), r"source: expected a NumPy array, got tensor"),
        ("other", None, r"source: expected a NumPy array, got None"),
        ("other", np.ones(2, dtype=complex), r"source: expected an array of real numbers, got one of complex128"),
        ("other", np.array(["a"]), r"source: expected an array of real numbers"),
        ("forward", np.ones(2), r"name: Own has an attribute 'forward' already; take another name"),
        ("in_type", np.ones(2), r"name: Own has an attribute 'in_type' already"),
        ("a.b", np.ones(2), r"name: expected the name of an attribute, such as 'matrix', got 'a.b'"),
        ("", np.ones(2), r"name: expected the name of an attribute"),
        (3, np.ones(2), r"name: expected the name of an attribute, such as 'matrix', got 3"),
    ],
)
def test_misuse_is_refused(name, source, message):
    layer = Own()
    with pytest.raises(SteerError, match=message):
        layer.add_constant(name, source)
    assert list(layer._tables) == ["thirds", "turn"]


def test_too_early_and_unknown():
    class Early(nn.Module):
        def __init__(self):
            self.add_constant("one", np.ones(1))

    with pytest.raises(SteerError, match=r"add_constant: call super\(\).__init__\(...\) of Early before it"):
        Early()
    with pytest.raises(SteerError, match=r"name: Own has no constant 'third', it has \['thirds', 'turn'\]"):
        Own().constant("third", image())


def test_one_of_a_name_replaces_the_other():
    layer = Own()
    layer.add_constant("thirds", np.eye(2))
    x = image()
    assert torch.equal(layer(x), x.flip(1))
