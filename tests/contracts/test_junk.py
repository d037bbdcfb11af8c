"""Junk in place of any argument of anything public works or raises a SteerError that names the argument."""

import importlib
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import SteerError

from .calls import BARE, CALLS, OTHERS, Call

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
    "module": torch.nn.ReLU(),
    "group": C3,
    "representation": C3.regular,
    "type": nn.FieldType(C3, [C3.regular]),
    "dtype": torch.int32,
}
OPERATORS = ("__add__", "__mul__", "__getitem__")
"""Python itself raises TypeErrors and IndexErrors for these."""

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


def test_everything_public_is_called():
    called = {name.partition(" ")[0] for name in CALLS}
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            value = getattr(module, name)
            if callable(value) and f"{package}.{name}" not in called:
                elsewhere = any(name in (known.rpartition(".")[2], *OTHERS, *BARE) for known in called)
                assert elsewhere, f"{package}.{name}"
