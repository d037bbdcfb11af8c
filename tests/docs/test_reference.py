"""The reference: every public name has its place on a page of the API and a docstring that says what one must know.

The rules are mechanical. What has parameters lists them all; what takes or gives arrays states shapes; what can raise
errors names them, and what raises none stands in a table here. A new public name without all this fails.
"""

import ast
import builtins
import functools
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

import steer
from steer import errors

PAGES = Path(__file__).parents[2] / "docs" / "api"
PAGE_OF = {
    "steer": "steer",
    "steer.reps": "reps",
    "steer.reps.rotations": "reps",
    "steer.kernels": "kernels",
    "steer.kernels.cache": "kernels",
    "steer.nn": "nn",
    "steer.nn.models": "models",
    "steer.nn.init": "nn",
    "steer.nn.utils": "nn",
    "steer.plot": "plot",
    "steer.testing": "testing",
    "steer.errors": "testing",
}
SECTIONS = ("Args", "Attributes", "Shape", "Returns", "Yields", "Raises", "Source", "Example")
SHAPE = re.compile(r"\((?=[^()]*(,|\.\.\.))(\.\.\.|[\w.*+' \[\]^/-]+)(, ?(\.\.\.|[\w.*+' \[\]^/-]+))*,?\)")

NO_ERRORS = {
    "steer.reps.LineGroup": "a flag",
    "steer.reps.PlanarGroup": "reduces and rounds an angle",
    "steer.nn.GridLoss": "a result, made by grid_loss",
    "steer.kernels.ScalarFunctions.count": "a number",
    "steer.kernels.ScalarFunctions.names": "a list of names",
    "steer.kernels.ScalarFunctions.quality": "what is known",
    "steer.kernels.ScalarFunctions.action": "of any group that `require` lets pass",
    "steer.kernels.GaussianDerivatives.scales": "arithmetic",
    "steer.kernels.Interpolated.names": "a list of names",
    "steer.kernels.cache.Descriptor.to_arrays": "of any solution",
    "steer.kernels.cache.fingerprint": "the hash of any value",
}
"""What has parameters and raises no error of its own, and why."""

NO_SHAPES = {
    "steer.kernels.KernelPlan.constants": "tables of many shapes",
    "steer.kernels.KernelPlan.tensors": "tables of many shapes",
    "steer.kernels.cache.Descriptor.from_arrays arrays": "arrays of any shape",
    "steer.kernels.cache.Descriptor.to_arrays": "arrays of any shape",
}
"""Arrays whose shapes are not stated, and why."""

OF_TORCH = ("extra_repr", "train")
"""Methods that torch documents, and whose overrides change nothing for their callers."""


class Item(NamedTuple):
    """Something that is documented."""

    where: str  # dotted path
    value: Any
    kind: str  # "class", "function", "method" or "property"


def _modules() -> Iterator[tuple[str, Any]]:
    return ((name, importlib.import_module(name)) for name in PAGE_OF)


def _names() -> list[tuple[str, str]]:
    return [
        (module, name)
        for module, value in _modules()
        for name in value.__all__
        if not inspect.ismodule(getattr(value, name)) and name != "__version__"
    ]


def _raw(cls: type, name: str) -> Any:
    """The member; where it replaces one and has no docstring of its own, the one that is documented."""
    bases = [base for base in cls.__mro__ if base.__module__.startswith("steer")]
    found = [vars(base)[name] for base in bases if name in vars(base)]
    return next((each for each in found if each.__doc__), found[0])


def _members(cls: type) -> Iterator[tuple[str, Any, str]]:
    """Public methods and properties that are defined in this package, with what documents them."""
    ours = {name for base in cls.__mro__ if base.__module__.startswith("steer") for name in vars(base)}
    for name in sorted(ours):
        raw = _raw(cls, name)
        if (name.startswith("_") and name != "__call__") or name in OF_TORCH:
            continue
        if isinstance(raw, property | functools.cached_property):
            yield name, raw, "property"
        elif inspect.isfunction(raw) or isinstance(raw, classmethod | staticmethod):
            yield name, getattr(raw, "__func__", raw), "method"


@functools.cache
def _items() -> tuple[Item, ...]:
    """Every public thing once, at the first public class that has it, bases before those that inherit from them."""
    found: dict[Any, Item] = {}

    def depth(pair: tuple[str, str]) -> int:
        value = getattr(importlib.import_module(pair[0]), pair[1])
        return len(value.__mro__) if inspect.isclass(value) else 0

    for module, name in sorted(_names(), key=depth):
        value, where = getattr(importlib.import_module(module), name), f"{module}.{name}"
        if inspect.isclass(value) and value.__module__.startswith("steer"):
            found.setdefault(value, Item(where, value, "class"))
            for member, raw, kind in _members(value):
                found.setdefault(raw, Item(f"{where}.{member}", raw, kind))
        elif inspect.isfunction(value):
            found.setdefault(value, Item(where, value, "function"))
    return tuple(found.values())


@functools.cache
def _doc(item: Item) -> str:
    return inspect.cleandoc(getattr(item.value, "__func__", item.value).__doc__ or "")


def _section(text: str, *names: str) -> str:
    """The lines of a section, dedented."""
    for name in names:
        found = re.search(rf"(?ms)^{name}:\n(.*?)(?=^\S|\Z)", text)
        if found:
            return textwrap.dedent(found[1])
    return ""


def _entries(text: str, *names: str) -> dict[str, str]:
    """Name -> description of the entries of a section."""
    parts = re.findall(r"(?ms)^(\*{0,2}\w+(?:, \w+)*): ?(.*?)(?=^\S|\Z)", _section(text, *names))
    return {each: about for given, about in parts for each in given.replace("*", "").split(", ")}


def _parameters(item: Item) -> dict[str, inspect.Parameter]:
    if item.kind == "property" or (item.kind == "class" and issubclass(item.value, Exception)):
        return {}
    function = item.value.__init__ if item.kind == "class" else item.value
    if item.kind == "class" and function in (object.__init__, tuple.__init__):
        function = item.value.__new__ if issubclass(item.value, tuple) else None
    if function is None:
        return {}
    found = dict(inspect.signature(function).parameters)
    if item.kind in ("class", "method"):
        found.pop(next(iter(found)))
    return found


def _is_array(annotation: object) -> bool:
    return bool(re.search(r"Tensor\b|ndarray|ArrayLike|_SupportsArray", str(annotation)))


def _returned(item: Item) -> object:
    function = getattr(item.value, "fget", None) or getattr(item.value, "func", None) or item.value
    return inspect.signature(function).return_annotation


def _each(*kinds: str) -> list[Item]:
    found = [item for item in _items() if item.kind in kinds]
    assert found
    return found


def test_every_name_has_a_place_on_its_page() -> None:
    missing = []
    for module, name in _names():
        page = (PAGES / f"{PAGE_OF[module]}.md").read_text(encoding="utf-8")
        if not re.search(rf"(?m)^\.\. (auto|py:)\w+:: {re.escape(module)}\.{re.escape(name)}(\(|$)", page):
            missing.append(f"{module}.{name} in docs/api/{PAGE_OF[module]}.md")
    assert not missing, f"no directive for {', '.join(missing)}"


def test_pages_document_nothing_else_and_nothing_twice() -> None:
    known = {f"{module}.{name}" for module, name in _names()}
    for page in sorted({f"{name}.md" for name in PAGE_OF.values()}):
        text = (PAGES / page).read_text(encoding="utf-8")
        stated = re.findall(r"(?m)^\.\. (?:auto(?!summary)|py:(?!module|currentmodule))\w+:: ([\w.]+)", text)
        listed = re.findall(r"(?m)^   ~(steer[\w.]+)$", text)
        assert set(stated) | set(listed) <= known, page
        assert len(set(stated)) == len(stated), page
        assert len(set(listed)) == len(listed), page


def test_docstrings_begin_with_a_sentence() -> None:
    bad = []
    for item in _each("class", "function", "method", "property"):
        first, *rest = _doc(item).split("\n")
        if not re.fullmatch(r"[A-Z0-9`].*\.", first) or (rest and rest[0]):
            bad.append(f"{item.where}: {first!r}")
    assert not bad, "\n".join(bad)


def test_every_parameter_is_described() -> None:
    bad = []
    for item in _each("class", "function", "method"):
        text, given = _doc(item), set(_parameters(item))
        described = _entries(text, "Args")
        if _is_record(item):
            fits = given <= set(described) | set(_entries(text, "Attributes"))
        else:
            fits = set(described) == given
        if not fits or not all(description.strip() for description in described.values()):
            bad.append(f"{item.where} has {sorted(given)}, describes {sorted(described)}")
    assert not bad, "\n".join(bad)


def _is_record(item: Item) -> bool:
    """Whether a class only holds what it is given, and checks nothing."""
    if item.kind != "class":
        return False
    generated = is_dataclass(item.value) and "__init__" not in _written(item.value)
    return generated or issubclass(item.value, tuple)


def _written(cls: type) -> set[str]:
    """Names of the functions that stand in the source of a class."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(tree, ast.ClassDef)
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_errors_are_named() -> None:
    bad = []
    for item in _each("class", "function", "method"):
        named = _entries(_doc(item), "Raises")
        bad += [
            f"{item.where} names {name}, which is no error"
            for name in named
            if name not in errors.__all__ and not hasattr(builtins, name)
        ]
        if item.where in NO_ERRORS and named:
            bad.append(f"{item.where} names errors; take it off the table NO_ERRORS")
        checks = not _is_record(item) or "__post_init__" in _written(item.value)
        if _parameters(item) and checks and not named and item.where not in NO_ERRORS:
            bad.append(f"{item.where} names no error; NO_ERRORS lists those that raise none")
        if not _raised(item) <= set(named):
            bad.append(f"{item.where} raises {sorted(_raised(item))}, names {sorted(named)}")
    assert not bad, "\n".join(bad)


def _raised(item: Item) -> set[str]:
    """Errors of steer that the body of a function, or the constructor and the run of a class, raises itself."""
    functions = [item.value]
    if item.kind == "class":
        own = vars(item.value)
        functions = [own[name] for name in ("__init__", "__post_init__", "_check", "_compute") if name in own]
    found = set()
    for function in functions:
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        except OSError:  # made by dataclasses
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
                found.add(node.exc.func.id)
    return found & set(errors.__all__)


def test_arrays_have_shapes() -> None:
    bad = []
    for item in _each("function", "method", "property"):
        text = _doc(item)
        described = _entries(text, "Args")
        for name, parameter in _parameters(item).items():
            if _is_array(parameter.annotation) and not SHAPE.search(described.get(name, "")):
                bad.append(f"{item.where} {name}")
        about = text if item.kind == "property" else _section(text, "Returns")
        if _is_array(_returned(item)) and not SHAPE.search(about):
            bad.append(item.where)
    assert sorted(bad) == sorted(NO_SHAPES)


def test_results_are_described() -> None:
    silent = [
        item.where
        for item in _each("function", "method")
        if _returned(item) not in (None, "None", inspect.Signature.empty)
        and not _section(_doc(item), "Returns", "Yields").strip()
    ]
    assert not silent


def test_layers_state_the_shapes_of_input_and_output() -> None:
    layers = [item for item in _each("class") if issubclass(item.value, torch.nn.Module)]
    assert not [item.where for item in layers if not SHAPE.search(_section(_doc(item), "Shape"))]
    assert len(layers) >= 50


def test_sections_come_in_one_order() -> None:
    for item in _each("class", "function", "method", "property"):
        found = re.findall(rf"(?m)^({'|'.join(SECTIONS)}):$", _doc(item))
        assert found == sorted(set(found), key=SECTIONS.index), item.where
        assert set(re.findall(r"(?m)^([A-Z]\w+):$", _doc(item))) <= set(SECTIONS), item.where


def test_tables_are_of_public_names() -> None:
    assert set(NO_ERRORS) <= {item.where for item in _items()}
    assert all((NO_ERRORS | NO_SHAPES).values())


def test_every_package_is_here() -> None:
    """A package or module without underscore belongs to a page; a room, whose names its package has, to none."""
    root = Path(steer.__file__).parent
    found = {
        ".".join(("steer", *path.relative_to(root).with_suffix("").parts)).removesuffix(".__init__")
        for path in root.rglob("*.py")
        if not any(part.startswith("_") and part != "__init__.py" for part in path.relative_to(root).parts)
    }
    public = {name for name in found if hasattr(importlib.import_module(name), "__all__")}
    assert public - {"steer.cli", "steer.demo"} == set(PAGE_OF)
