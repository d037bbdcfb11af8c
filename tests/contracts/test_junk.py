"""Junk in place of any argument of anything public works or raises a SteerError that names the argument."""

import importlib
import inspect
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import SteerError

from .calls import BARE, CALLS, OTHERS, UNCALLED, Call

PACKAGES = ("steer", "steer.reps", "steer.kernels", "steer.kernels.cache", "steer.nn", "steer.nn.models")
PACKAGES += ("steer.nn.init", "steer.nn.utils", "steer.testing", "steer.plot")

C3 = steer.group("C3", dim=2)
JUNK: dict[str, Any] = {
    "None": None,
    "True": True,
    "-1": -1,
    "0": 0,
    "7": 7,
    "1.5": 1.5,
    "nan": float("nan"),
    "inf": float("inf"),
    "huge": 10**30,
    "complex": 1j,
    "text": "x",
    "empty text": "",
    "bytes": b"x",
    "list": [],
    "strings": ["x"],
    "nested": [[1, 2], [3]],
    "tuple": (0, -1),
    "dict": {},
    "set": {1},
    "object": object(),
    "class": int,
    "function": lambda *a: None,
    "scalar array": np.array(2.5),
    "array": np.ones((2, 3)),
    "nan array": np.full((2, 2), np.nan),
    "text array": np.array(["x"]),
    "object array": np.array([None, {}], dtype=object),
    "complex array": np.eye(2) * 1j,
    "tensor": torch.ones(2, 3),
    "integer tensor": torch.ones(2, 3, 3, 3, dtype=torch.int64),
    "sparse tensor": torch.ones(2, 3).to_sparse(),
    "tensor without values": torch.ones(2, 3, device="meta"),
    "module": torch.nn.ReLU(),
    "group": C3,
    "representation": C3.regular,
    "type": nn.FieldType(C3, [C3.regular]),
    "dtype": torch.int32,
}
OPERATORS = ("__add__", "__sub__", "__mul__", "__truediv__", "__getitem__", "__setitem__", "__delitem__", "__iadd__")
"""Python itself raises TypeErrors and IndexErrors for these."""

LISTS = ("Sequential.insert", "Sequential.pop", "FieldTensor.size")
"""IndexErrors of these are those of lists and tensors."""

OF_TORCH = ("FieldTensor.to", "FieldTensor.cuda", "FieldTensor.numpy", "FieldTensor.requires_grad_")
"""Their arguments are handed on to the methods of torch that have their names, and so are its errors."""

WITHOUT_VALUES = ("Module.forward", "Linear.forward")
"""A tensor on another device than the layer, such as the meta device, is torch's to refuse, as in its own layers."""

SAMPLE = ("None", "text", "1.5", "object", "array")


def leak(call: Call, argument: str, junk: Any) -> str | None:
    """What is wrong with how a call takes junk: nothing, or the error that it ought not to raise."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call.function(*call.fixed, **{**call.arguments, argument: junk})
    except SteerError as error:
        named = str(error).partition(":")[0]
        return None if named != str(error) else f"no argument is named: {error}"
    except AssertionError as error:
        return None if call.function.__module__ == "steer.testing" else f"AssertionError: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def leaks(name: str, kinds: tuple[str, ...]) -> list[str]:
    found = []
    for argument in CALLS[name]().arguments:
        for kind in kinds:
            wrong = leak(CALLS[name](), argument, JUNK[kind])
            by_python = name.endswith(OPERATORS) and str(wrong).startswith(("TypeError", "IndexError"))
            by_python |= name.startswith(LISTS) and str(wrong).startswith("IndexError")
            by_python |= name.startswith(OF_TORCH) and str(wrong).startswith(
                ("TypeError", "RuntimeError", "ValueError: Overflow")
            )
            by_python |= (
                name in WITHOUT_VALUES and kind == "tensor without values" and str(wrong).startswith("RuntimeError")
            )
            if wrong is not None and not by_python:
                found.append(f"{argument} = {kind}: {wrong[:160]}")
    return found


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # "x" is a path
    with steer.kernels.cache.use(tmp_path / "cache"):
        yield


@pytest.mark.parametrize("name", CALLS)
def test_valid_calls_work(name):
    call = CALLS[name]()
    call.function(*call.fixed, **call.arguments)


@pytest.mark.parametrize("name", CALLS)
def test_junk_is_refused_by_name(name):
    assert leaks(name, SAMPLE) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_all_junk_is_refused_by_name(name):
    assert leaks(name, tuple(JUNK)) == []


def _methods(owner: type) -> dict[str, list[type]]:
    """The public methods of a class that take arguments, and where they may be defined, the class itself first."""
    found: dict[str, list[type]] = {}
    for base in owner.__mro__:
        for name, value in vars(base).items() if base.__module__.startswith("steer") else ():
            function = getattr(value, "__func__", value)
            public = not name.startswith("_") or name in (*OPERATORS, "__call__", "__rmatmul__")
            if public and inspect.isfunction(function) and len(inspect.signature(function).parameters) > 1:
                found.setdefault(name, [owner, *[b for b in owner.__mro__ if b.__module__.startswith("steer")]])
    return found


def test_every_method_is_called():
    """Of one of the classes that have it, since subclasses check alike or have a line of their own."""
    called = {name.partition(" ")[0] for name in CALLS}
    owners: dict[tuple[type, str], set[str]] = {}
    for package in PACKAGES:
        for name in importlib.import_module(package).__all__:
            owner = getattr(importlib.import_module(package), name)
            if not inspect.isclass(owner) or not owner.__module__.startswith("steer"):
                continue
            for method, bases in _methods(owner).items():
                first = next(base for base in bases if method in vars(base))
                lines = {f"{base.__name__}.{method}" for base in bases}
                owners.setdefault((first, method), set()).update(lines)
    missing = [f"{base.__name__}.{name}" for (base, name), lines in owners.items() if not lines & called]
    assert sorted(set(missing) - UNCALLED) == []


def test_everything_public_is_called():
    called = {name.partition(" ")[0] for name in CALLS}
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            value = getattr(module, name)
            if callable(value) and f"{package}.{name}" not in called:
                elsewhere = any(name in (known.rpartition(".")[2], *OTHERS, *BARE) for known in called)
                assert elsewhere, f"{package}.{name}"
