"""What `steer.export` returns is as right as the layers in half precision, and can be exported further."""

import copy
import io

import pytest
import torch

import steer
from steer import nn

from .test_contracts import CASES, TOLERATED, _one_registry, build, close, contract_if, named

__all__ = ["_one_registry"]  # a fixture

HALF = (torch.float16, torch.bfloat16)

SCALES = (1.0, 500.0, 1e-2)
"""Of inputs: also such as have squares beyond float16, and such as have squares below it."""

BEYOND = {
    "SelfAttention": "logits of 1e5, whose last digits choose what the softmax keeps",
    "ResNet": "fields between its layers leave the range of float16",
}
"""Modules that large inputs take beyond half precision themselves, and how."""

FIRST = {named(key): key for key in reversed(CASES)}.values()
"""One setting of each module."""

UNKNOWN = ("AdaptiveAvgPool", "AdaptiveMaxPool")
"""Modules that become such of torch, which it exports to ONNX for some sizes only."""


def distance(found: torch.Tensor, exact: torch.Tensor) -> float:
    """The error relative to the largest entry; infinite where a number is none."""
    assert found.shape == exact.shape
    if not found.isfinite().all():
        return float("inf")
    return float((found.double() - exact).abs().max() / exact.abs().max().clamp_min(1e-30))


def agree(module: nn.Module, plain: torch.nn.Module, exact: nn.Module, x: torch.Tensor, dtype: torch.dtype) -> None:
    """Assert that a module and its export are right, where half precision can hold what is."""
    expected = exact(x.double())
    if expected.abs().max() > torch.finfo(dtype).max / 4:  # sums on the way there are larger
        return
    found, out = module(x), plain(x)
    assert distance(found, expected) <= TOLERATED[dtype]
    assert distance(out, expected) <= TOLERATED[dtype]
    assert out.dtype == found.dtype


@contract_if(lambda key, case: "steer_export" not in case.without)
def test_exports_in_half_precision(case):
    module = build(case).eval()
    plain, exact = steer.export(module), copy.deepcopy(module).double()
    with torch.no_grad():
        for dtype in HALF:
            low, low_plain = copy.deepcopy(module).to(dtype), copy.deepcopy(plain).to(dtype)
            rounded = copy.deepcopy(low).double()
            for scale in SCALES:
                if scale > 1 and type(module).__name__ in BEYOND:
                    continue
                x = scale * case.input(module)
                agree(low, low_plain, rounded, x.to(dtype), dtype)
                with torch.autocast("cpu", dtype):
                    agree(module, plain, exact, x, dtype)
            stream = io.BytesIO()
            torch.save(low_plain, stream)
            stream.seek(0)
            x = case.input(module, dtype=dtype)
            assert torch.equal(torch.load(stream, weights_only=False)(x), low_plain(x))


@pytest.mark.filterwarnings("ignore")  # of the exporters
@pytest.mark.usefixtures("_one_registry")
@contract_if(lambda key, case: key in FIRST and named(key) not in UNKNOWN and "steer_export" not in case.without)
def test_exports_of_exports(case):
    import onnxruntime

    module = build(case).eval()
    plain = steer.export(module)
    batch = torch.export.Dim("batch", min=1, max=64)
    for dtype in (torch.bfloat16, torch.float32):
        module, plain = module.to(dtype), plain.to(dtype)
        x = case.input(module, dtype=dtype)
        program = torch.export.export(plain, (x,), dynamic_shapes=({0: batch},))
        more = case.input(module, batch=5, dtype=dtype)
        close(program.module()(more), plain(more), TOLERATED[dtype])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    proto = torch.onnx.export(program, (x,), dynamo=True, verbose=False).model_proto
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    (found,) = session.run(None, {session.get_inputs()[0].name: more.numpy()})
    close(torch.from_numpy(found), plain(more).detach(), 1e-5)
