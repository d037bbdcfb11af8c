"""The layers and rooms of the package: nothing imports upwards or in circles, and the theory does not load torch."""

import ast
import functools
import importlib
import inspect
import pickle
import subprocess
import sys

import pytest

import steer
from tests.layout import (
    FILES,
    MODULES,
    ROOT,
    circles,
    file_id,
    imports_in,
    imports_of,
    lines_of_code,
    room,
    tree,
)

LAYERS = (
    ("errors", "_version"),
    ("_names", "_values"),
    ("_linalg", "_spacing"),
    ("reps",),
    ("_classes", "_tables"),
    ("kernels",),
    ("nn",),
    ("testing", "_precompute"),
    ("plot",),
    ("_command", "demo"),
    ("cli",),
    ("__main__",),
)
"""Lowest first; a part imports from the layers below its own, and from itself."""

PRIVATE_IMPORTS = {
    ("steer._command._group_page", "steer.reps.groups._names"): "all names of groups in the other notation",
    ("steer._precompute._files", "steer.reps.groups._names"): "all names of groups in the other notation",
    (
        "steer._precompute._gather",
        "steer.kernels._collect",
    ): "the kernels that a model asks for",
    ("steer.nn._act._norm_act", "steer.kernels.plans._recorded"): "who looks at the operations",
    ("steer.nn._act._samples", "steer.kernels.plans._recorded"): "who looks at the operations",
    ("steer.nn._engine._layout", "steer.kernels.plans._recorded"): "who looks at the operations",
    ("steer.nn._linear._conv", "steer.kernels.plans._project"): "filters are read as a plan reads them",
    ("steer.nn._linear._products", "steer.kernels.plans._recorded"): "who looks at the operations",
    ("steer.nn._linear._dot_product", "steer.kernels.plans._recorded"): "who looks at the operations",
    ("steer.nn._linear._linear", "steer.kernels.plans._pointwise_map"): "features are multiplied as a plan does",
    ("steer.nn._linear._project", "steer.kernels.plans._project"): "filters are read as a plan reads them",
    ("steer.nn._linear._tensor_product", "steer.kernels.plans._recorded"): "who looks at the operations",
    ("steer.nn._norm._normalize", "steer.kernels.plans._recorded"): "who looks at the operations",
    ("steer.nn._fields._types", "steer.reps.groups._e3nn"): "strings of irreps, which make field types",
    ("steer.plot._character_table", "steer.reps.theory._group"): "the error of what is no group",
    ("steer.plot._equivariance", "steer.testing._compare"): "pictures compare as the checks do",
    ("steer.plot._equivariance", "steer.testing._elements"): "pictures compare as the checks do",
    ("steer.plot._equivariance", "steer.testing._inputs"): "pictures compare as the checks do",
    ("steer.plot._fields", "steer.nn._fields._hexagons"): "the error of what is no hexagonal map",
    ("steer.plot._fields", "steer.testing._elements"): "the error of what is no lattice",
    ("steer.plot._orbit", "steer.reps.theory._group"): "the error of what is no group",
    ("steer.testing._compare", "steer.nn._fields._hexagons"): "which samples of a square are of the hexagon",
    ("steer.testing._elements", "steer.nn._fields._transform"): "lattices, and what maps them to themselves",
    ("steer.nn._linear._conv", "steer.kernels.bases._cut"): "layers warn of rings that their kernel cuts off",
    ("steer.nn._linear._conv", "steer.kernels.bases._selection"): "the type of `basis_filter`",
    ("steer.nn._linear._conv_transpose", "steer.kernels.bases._selection"): "the type of `basis_filter`",
    ("steer.nn._hex._hexagonal", "steer.kernels.bases._selection"): "the type of `basis_filter`",
    ("steer.testing._audit_runs", "steer.nn._engine._output_shape"): "copies of networks",
    ("steer.testing._inputs", "steer.nn._engine._sampling"): "how far apart the samples of an output are",
    ("steer.testing._inputs", "steer.nn._fields._hexagons"): "random maps are hexagons",
}
"""(importer, imported): private modules, or public ones of which a private name is taken, of another part; and why."""

LONGEST_FILE, LONGEST_FUNCTION = 400, 60
"""Lines of code, without docstrings and blank lines; longer is a file with more than one concept."""


@functools.cache
def all_imports():
    """Every import of a part of the package, in all files."""
    return [found for path in FILES for found in imports_of(path)]


def height(part):
    """The height of the layer of a part of the package."""
    found = [at for at, names in enumerate(LAYERS) if part in names]
    assert found, f"steer.{part} has no layer yet: add it to LAYERS in this test"
    return found[0]


def is_private(found):
    """Whether an import reaches for what another part of the package keeps to itself."""
    return any(part.startswith("_") and part != "__version__" for part in [*found.module.split(".")[2:], found.name])


def test_nothing_imports_upwards():
    for found in all_imports():
        own, other = room(found.importer), room(found.module)
        if own in ("", other) or (not other and own == "demo"):
            continue  # the facade names every layer, and the demo is written as a user would write it
        assert other, f"{found.importer} imports from the facade `steer`, which is above it"
        assert height(own) > height(other), f"{found.importer} imports {found.module}, which is not below it"


def test_there_are_no_circles():
    # at run time, when a function runs, or for types that a file uses at run time; annotations alone may look upwards
    edges = {module: set() for module in MODULES}
    for found in all_imports():
        if not found.only_annotates:
            edges[found.importer].add(found.module)
    assert circles(edges) == []


def test_parts_take_the_public_names_of_others():
    taken = {
        (found.importer, found.module)
        for found in all_imports()
        if room(found.importer) != room(found.module) and is_private(found)
    }
    assert taken == PRIVATE_IMPORTS.keys()  # no more, and none that is gone


def test_every_room_says_what_it_holds():
    for folder in sorted({path.parent for path in FILES}):
        assert (folder / "__init__.py").is_file(), f"{folder} is no package"
        assert ast.get_docstring(tree(folder / "__init__.py")), f"{folder}/__init__.py has no docstring"


@pytest.mark.parametrize("package", ["steer.reps", "steer.kernels", "steer.nn"])
def test_a_package_names_the_file_of_each_public_name(package):
    # the rule for those who look for code: `__init__.py` imports every name from the file that defines it
    public = importlib.import_module(package)
    named = {found.name: found.module for found in imports_of(MODULES[package])}
    for name in public.__all__:
        value = getattr(public, name)
        if inspect.ismodule(value):
            assert value.__name__ in MODULES
        elif value.__module__.startswith("steer."):
            assert value.__module__ == named[name], name
            assert value.__name__ == name
        else:
            assert (package, name) == ("steer.nn", "ModuleList"), name  # it is torch's


def test_no_star_imports():
    assert not [found for found in all_imports() if found.name == "*"]


def test_every_assert_says_what_it_rests_on():
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Assert):
                assert node.msg is not None, f"{file_id(path)}:{node.lineno}: assert without a message"


def test_nothing_prints():
    # the command writes through rich
    for path in FILES:
        for node in ast.walk(tree(path)):
            printed = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
            assert not printed, f"{file_id(path)}:{node.lineno}: print"


def test_files_and_functions_stay_short():
    for path in FILES:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines_of_code(tree(path), lines) <= LONGEST_FILE, file_id(path)
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef):
                assert lines_of_code(node, lines) < LONGEST_FUNCTION, f"{file_id(path)}:{node.lineno}: {node.name}"


def test_lines_of_code_leave_out_docstrings_and_blank_lines():
    source = '''"""One

    two."""

X = 1
"""Three."""


def f(
    x,
):
    """Four."""
    # five

    return "six"
'''
    found, lines = ast.parse(source), source.splitlines()
    assert lines_of_code(found, lines) == 6
    assert lines_of_code(found.body[-1], lines) == 5


def test_the_parser_of_this_test_sees_every_form_of_import():
    source = """
import steer.nn as n
from . import special
from .. import kernels
from ..nn import Module
import steer
def f():
    from steer.reps import group
    import numpy.linalg
    from .theory._group import Group
if TYPE_CHECKING:
    from ..kernels import Grid, Rings
    from ..plot import basis
def g(x: Grid) -> basis:
    y: basis = Rings()
"""
    found = list(imports_in("steer.reps._file", ast.parse(source)))
    assert [(one.module, one.name) for one in found] == [
        ("steer.nn", ""),
        ("steer.reps.special", ""),
        ("steer.kernels", ""),
        ("steer.nn", "Module"),
        ("steer", ""),
        ("steer.reps", "group"),
        ("steer.reps.theory._group", "Group"),
        ("steer.kernels", "Grid"),
        ("steer.kernels", "Rings"),
        ("steer.plot", "basis"),
    ]
    assert [one.name for one in found if one.only_annotates] == ["Grid", "basis"]
    inside = list(imports_in("steer.nn", ast.parse("from . import init\nfrom ..reps import Group\n"), is_package=True))
    assert [one.module for one in inside] == ["steer.nn.init", "steer.reps"]


def test_circles_are_found():
    edges = {"a": {"b"}, "b": {"c", "outside"}, "c": {"b"}, "d": {"a", "d"}, "e": {"f"}, "f": {"g"}, "g": {"e", "a"}}
    assert circles(edges) == [["b", "c"], ["d"], ["e", "f", "g"]]


HEAVY = ("torch", "scipy", "matplotlib", "rich", "steer.nn", "steer.kernels")


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import steer.reps; import steer; steer.group('D4', dim=2).regular.irreps", HEAVY),
        ("import steer.nn", ("scipy.ndimage", "matplotlib", "rich", "filelock", "steer.nn._hex", "steer.nn.models")),
        # torch's compiler takes 70 MB and a second
        ("from steer.nn import *; import steer.nn.models, steer.nn.utils", ("torch._dynamo", "sympy")),
    ],
)
def test_imports_are_light(statement, heavy):
    check = f"{statement}\nimport sys\nprint(*(name for name in {heavy!r} if name in sys.modules))"
    found = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert not found.stdout.split(), f"{statement} loads them"


PACKAGES = ("steer", "steer.reps", "steer.kernels", "steer.nn")


@pytest.mark.parametrize("package", PACKAGES)
def test_unknown_names_of_a_package_are_attribute_errors(package):
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'kernel'"):
        _ = importlib.import_module(package).kernel


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_lists_what_it_has(package):
    # also what loads on first use
    module = importlib.import_module(package)
    assert set(module.__all__) <= set(dir(module))
    assert all(getattr(module, name) is not None for name in module.__all__)


def test_a_layer_that_loads_on_first_use_is_one_class():
    layer = steer.nn.HexMask(steer.nn.FieldType(steer.group("C6", dim=2), [steer.group("C6", dim=2).trivial]))
    assert type(layer) is importlib.import_module("steer.nn._hex._hexagonal").HexMask is steer.nn.HexMask
    assert type(pickle.loads(pickle.dumps(layer))) is steer.nn.HexMask
    names = {}
    exec("from steer.nn import *", names)
    assert names["HexMask"] is steer.nn.HexMask
    assert set(steer.nn.__all__) <= set(names)
