"""What every public module promises, each in several settings: groups of the plane and of space, points, no space."""

import copy
import functools
import io
import pickle
import zlib

import pytest
import torch

import steer
from steer import nn
from steer.errors import FieldTypeError, ShapeError
from steer.testing import TOLERANCES
from tests.nn.symmetries import grid_generators
from tests.nn.zoo import scrambled

from .case import Case, collect

CASES = collect()
TOLERATED = {torch.float64: 1e-13, torch.float32: 1e-5, torch.float16: 0.02, torch.bfloat16: 0.1}
"""Round-off of an output, relative to its largest entry, keyed by dtype."""


HEAVY = ("compile", "torch_export", "onnx", "exports_of_exports")
"""Contracts that take a second or more: quick for one case of each room of layers, slow for the others.

All other contracts are quick for two cases of each module.
"""

UNTRAINED = {
    *("AdaptiveAvgPool", "AdaptiveMaxPool", "AvgPool", "BlurPool", "CReLU", "Disentangle", "Dropout", "ELU"),
    *("FourierAct", "FourierMaxPool", "GELU", "Gate", "GlobalAvgPool", "GroupPool", "HexMask", "HexPool", "LeakyReLU"),
    *(
        "Mask",
        "MaxPool",
        "NormMaxPool",
        "NormPool",
        "Pointwise",
        "RandomTransform",
        "ReLU",
        "Reorder",
        "Restrict",
        "SiLU",
        "Sigmoid",
        "Tanh",
    ),
    *("TensorProduct", "TensorSquare", "Upsample", "VectorFieldAct", "AliasFree", "NormAct squash", "BatchNorm plain"),
    *("InstanceNorm C8", "InstanceNorm O", "LayerNorm plain"),
}
"""How the names of cases begin that have no parameters, which training would not change."""


def named(key):
    """The name of the module that a case is of."""
    return key.split()[0]


def is_trained(key):
    return not any(f"{key} ".startswith(f"{start} ") for start in UNTRAINED)


def file(key):
    """Where the module that a case is of is written: modules of one file are variants of one idea."""
    return (getattr(nn, named(key), None) or getattr(nn.models, named(key))).__module__


def few(keys, turn):
    """One case of each room but `models`, by turns from another of its files: some compile, others are exported."""
    rooms = {}
    for key in filter(lambda key: hasattr(nn, named(key)), keys):
        rooms.setdefault(file(key).rpartition(".")[0], {}).setdefault(file(key), key)
    return {list(files.values())[turn % len(files)] for files in rooms.values()}


def some(keys, name):
    """Two cases of each module, by turns from contract to contract, so that each case is quick in some of them."""
    turn, modules = zlib.crc32(name.encode()), {}
    for key in keys:
        modules.setdefault(named(key), []).append(key)
    return {keys[(turn + step) % len(keys)] for keys in modules.values() for step in range(2)}


def contract(function):
    """The contract, named as its function without "test_", on every case that does not except it."""
    return contract_if(lambda key, case: True)(function)


def contract_if(suits):
    """`contract` for some cases only."""
    return lambda function: _on_cases(function, suits)


def _on_cases(function, suits):
    name = function.__name__.removeprefix("test_")
    chosen = {key: case for key, case in CASES.items() if name not in case.without and suits(key, case)}
    quick = few(chosen, HEAVY.index(name)) if name in HEAVY else some(chosen, name)
    slow = {key for key in chosen if key not in quick}
    marks = {key: [pytest.mark.slow] if key in slow else [] for key in chosen}
    cases = [pytest.param(case, id=key, marks=marks[key]) for key, case in chosen.items()]
    return pytest.mark.parametrize("case", cases)(function)


def build(case: Case) -> nn.Module:
    """A module with random parameters and statistics."""
    return scrambled(case.build())


def close(found: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    """Assert equality up to `tolerance` of the largest entry."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    if expected.numel():
        assert expected.isfinite().all()
        scale = max(float(expected.detach().abs().max()), 1e-30)
        assert float((found - expected).detach().abs().max()) <= tolerance * scale


def elements(group: steer.reps.Group, space: tuple[int, ...]):
    """Elements that act exactly: on a grid generators of its symmetries, else any."""
    if len(space) == group.dim and group.dim:
        return grid_generators(group)
    return group.elements[:8] if group.is_finite else group.sample(6, seed=0)


def move(field_type: nn.FieldType, x: torch.Tensor, g) -> torch.Tensor:
    """The action on a feature map, or on fibres alone when there is no grid."""
    if x.dim() == field_type.group.dim + 2:
        return field_type.transform(x, g)
    matrix = torch.as_tensor(field_type.representation(g), dtype=torch.float64)
    return torch.einsum("ij,nj...->ni...", matrix, x.double()).to(x.dtype)


def commutes(module: nn.Module, case: Case, dtype: torch.dtype) -> None:
    x = case.input(module, dtype=dtype)
    out = module(x)
    scale = float(out.double().norm())
    assert scale > 0
    for g in elements(module.out_type.group, case.space):
        error = module(move(module.in_type, x, g)).double() - move(module.out_type, out, g).double()
        assert float(error.norm()) <= max(case.error, TOLERANCES[dtype]) * scale


@contract
def test_equivariance(case):
    module = build(case).eval()
    with torch.no_grad():
        for dtype in (torch.float32, torch.float64):
            commutes(module.to(dtype), case, dtype)


@contract_if(lambda key, case: is_trained(key))
def test_equivariance_after_training(case):
    module = build(case).train()
    optimizer = torch.optim.Adam(module.parameters(), lr=0.03)
    for _ in range(3):
        optimizer.zero_grad()
        out = module(case.input(module, batch=3))
        (out - torch.randn_like(out)).square().mean().backward()
        optimizer.step()
    with torch.no_grad():
        commutes(module.eval(), case, torch.float32)


@contract
def test_typed_and_plain_tensors_agree(case):
    module = build(case).eval()
    x = case.input(module)
    field = module(module.in_type(x))
    assert isinstance(field, nn.FieldTensor)
    assert field.type == module.out_type
    plain = module(x)
    assert type(plain) is torch.Tensor
    assert torch.equal(field.tensor, plain)


@contract
def test_shapes_are_told_without_running(case):
    module = build(case)
    state = {name: (tensor.clone(), tensor._version) for name, tensor in module.state_dict(keep_vars=True).items()}
    x = case.input(module)
    told = module.output_shape(x.shape)
    for name, tensor in module.state_dict(keep_vars=True).items():
        assert tensor._version == state[name][1]
        assert torch.equal(tensor, state[name][0])
    assert told == module.eval()(x).shape
    with pytest.raises(ShapeError, match=r"x: expected a tensor"):
        module.output_shape((2, module.in_type.size + 1, *case.space))


@contract
def test_wrong_input_is_refused(case):
    module = build(case)
    x = case.input(module)
    wide = torch.cat([x, x[:, :1]], 1)
    with pytest.raises(ShapeError, match=rf"x: expected a tensor \(batch, {module.in_type.size}, "):
        module(wide)
    with pytest.raises(ShapeError, match=r"x: expected a floating-point tensor, got torch.int64"):
        module(x.long())
    other = nn.FieldType(steer.group("C11", dim=2), module.in_type.size * [steer.group("C11", dim=2).trivial])
    with pytest.raises(FieldTypeError, match=r"x: .* expects fields of type .*, got .* of C11"):
        module(other(x))


@contract
def test_dtypes(case):
    for dtype, tolerance in (
        (torch.float64, 1e-13),
        (torch.float32, 1e-5),
        (torch.bfloat16, 0.1),
        (torch.float16, 0.02),
    ):
        module = build(case).to(dtype).eval()
        x = case.input(module, dtype=dtype)
        exact = copy.deepcopy(module).double()
        close(module(x).double(), exact(x.double()), tolerance)
        assert module(x).dtype == dtype


@contract
def test_autocast(case):
    for dtype in (torch.bfloat16, torch.float16):
        module = build(case).eval()
        x = case.input(module)
        expected = module(x)
        with torch.autocast("cpu", dtype):
            close(module(x).float(), expected.float(), 0.1)
            out = module.train()(x.requires_grad_())
        assert out.isfinite().all()
        out.float().square().sum().backward()
        # parameters, their gradients and running statistics keep their dtype
        assert all(value.dtype != dtype for value in module.state_dict().values())
        assert all(parameter.grad.dtype == torch.float32 for parameter in module.parameters())


def constants(model):
    """By name, the tensors that follow from the arguments of modules: those that they keep, and what plans read."""
    found = {}
    for name, part in model.named_modules():
        found |= {f"{name}.{own}": getattr(part, own) for own in getattr(part, "_tables", {})}
        found |= {f"{name}.plan {index}": tensor for index, tensor in enumerate(getattr(part, "_tensors", [[]] * 3)[2])}
    return found


@contract
def test_constants_are_exact_after_a_cast(case):
    cast = case.build().half().double()
    torch.set_default_dtype(torch.float64)
    try:
        built = case.build()
    finally:
        torch.set_default_dtype(torch.float32)
    expected = constants(built)
    assert {key: value.dtype for key, value in constants(cast).items()} == {
        key: value.dtype for key, value in expected.items()
    }
    for key, value in constants(cast).items():
        assert torch.equal(value, expected[key]), key


@contract
def test_meta_device(case):
    with torch.device("meta"):
        empty = case.build()
    module = build(case)
    empty.to_empty(device="cpu").load_state_dict(module.state_dict())
    x = case.input(module)
    assert torch.equal(empty.eval()(x), module.eval()(x))


@contract
def test_batches_of_size_zero_and_one(case):
    module = build(case)
    for mode in (False, True):
        for batch in (0, 1):
            if mode and batch == 1 and "a_single_sample_in_training" in case.without:
                continue
            x = case.input(module, batch).requires_grad_()
            out = module.train(mode)(x)
            assert out.shape[:2] == (batch, module.out_type.size)
            out.sum().backward()
            assert x.grad.shape == x.shape
    assert all(value.isfinite().all() for value in module.state_dict().values())


@contract
def test_samples_are_independent_in_evaluation(case):
    module = build(case).double().eval()
    x = case.input(module, 3, torch.float64)
    out = module(x)
    for sample in range(3):
        close(module(x[sample : sample + 1]), out[sample : sample + 1], 1e-12)


@contract
def test_copies_and_pickles(case):
    module = build(case).eval()
    x = case.input(module)
    expected = module(x)
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(twin(x), expected)
        assert twin.in_type == module.in_type
        assert twin.out_type == module.out_type


@contract
def test_state_dict(case):
    for saving in (True, False):
        for loading in (True, False):
            source, target = build(case).train(saving), case.build().train(loading)
            stream = io.BytesIO()
            torch.save(source.state_dict(), stream)
            stream.seek(0)
            target.load_state_dict(torch.load(stream, weights_only=True))
            x = case.input(source)
            assert torch.equal(source.eval()(x), target.eval()(x))
    assert list(source.train().state_dict()) == list(source.eval().state_dict())


@pytest.mark.filterwarnings("ignore")  # dynamo's own deprecations
@contract
def test_compile(case):
    for training in (False, True):
        module = build(case).double().train(training)  # double: gradients of short fields magnify round-off
        twin = copy.deepcopy(module)
        torch._dynamo.reset()
        compiled = torch.compile(twin, fullgraph=True, backend="aot_eager")
        x = case.input(module, dtype=torch.float64).requires_grad_()
        y = x.detach().clone().requires_grad_()
        torch.manual_seed(1)
        expected = module(x)
        torch.manual_seed(1)
        out = compiled(y)
        close(out, expected, 1e-12)
        slope = torch.randn_like(out)
        expected.backward(slope)
        out.backward(slope)
        close(y.grad, x.grad, 1e-10)
        for (name, found), other in zip(twin.named_parameters(), module.parameters(), strict=True):
            assert (found.grad is None) == (other.grad is None), name
            if other.grad is not None:
                close(found.grad, other.grad, 1e-10)
        for key, value in twin.state_dict().items():
            torch.testing.assert_close(value, module.state_dict()[key])


@pytest.mark.filterwarnings("ignore")
@contract
def test_torch_export(case):
    module = build(case).eval()
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(module, (case.input(module),), dynamic_shapes=({0: batch},))
    x = case.input(module, batch=5)
    close(program.module()(x), module(x), 1e-6)


@pytest.fixture(scope="module")
def _one_registry():
    """ONNX translations of torch's operators are collected once: that takes longer than most exports."""
    from torch.onnx._internal.exporter import _registration

    original = _registration.ONNXRegistry.from_torchlib
    collected = functools.cache(original)
    _registration.ONNXRegistry.from_torchlib = staticmethod(collected)
    yield
    _registration.ONNXRegistry.from_torchlib = original


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("_one_registry")
@contract
def test_onnx(case):
    import onnxruntime

    module = build(case).eval()
    x = case.input(module)
    program = torch.onnx.export(module, (x,), dynamo=True, verbose=False)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString(), options)
    (found,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    close(torch.from_numpy(found), module(x).detach(), 1e-5)


@contract
def test_steer_export(case):
    for dtype in (torch.float32, torch.float64):
        module = build(case).to(dtype)
        x = case.input(module, dtype=dtype)
        plain = steer.export(module)
        assert not [part for part in plain.modules() if type(part).__module__.startswith("steer")]
        assert not plain.training
        close(plain(x), module.eval()(x), 1e-6 if dtype == torch.float32 else 1e-13)
        pickle.loads(pickle.dumps(plain))


@contract_if(lambda key, case: len(case.space) in (2, 3))
def test_channels_last(case):
    module = build(case).eval()
    x = case.input(module)
    order = torch.channels_last if len(case.space) == 2 else torch.channels_last_3d
    close(module(x.contiguous(memory_format=order)), module(x), 1e-5)


@contract
def test_gradients(case):
    module = build(case).double().eval()
    x = case.input(module, dtype=torch.float64).requires_grad_()
    parameters = [p for p in module.parameters() if p.requires_grad]

    def function(x, *values):
        named = dict(zip([n for n, p in module.named_parameters() if p.requires_grad], values, strict=True))
        return torch.func.functional_call(module, named, (x,))

    assert torch.autograd.gradcheck(function, (x, *parameters), fast_mode=True, atol=1e-5, rtol=1e-3)


@contract
def test_prints(case):
    module = build(case)
    assert repr(module).startswith(type(module).__name__ + "(")
    assert str(module.in_type) in repr(module)


def test_what_is_not_trained_has_no_parameters():
    assert [key for key, case in CASES.items() if is_trained(key) != bool([*case.build().parameters()])] == []


def test_every_public_module_has_a_case():
    public = {getattr(nn, name) for name in nn.__all__}
    modules = {kind for kind in public if isinstance(kind, type) and issubclass(kind, nn.Module)} - {nn.Module}
    built = {type(part) for case in CASES.values() for part in case.build().modules()}
    assert not {kind.__name__ for kind in modules - built}
