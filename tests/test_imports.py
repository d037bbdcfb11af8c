"""The layers of the package: nothing imports upwards, and the theory does not load torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "steer"
LAYERS = (
    ("errors", "_version"),
    ("reps",),
    ("kernels",),
    ("nn",),
    ("testing", "plot", "cli", "__main__", "demo", "_group_page", "_character_table", "_cache_command", "_precompute"),
)
"""Lowest first: errors <- reps <- kernels <- nn <- testing, cli, demo."""

FILES = sorted(PACKAGE.rglob("*.py"))
FACADE = PACKAGE / "__init__.py"  # names every layer, and loads the upper ones on first use


def is_module(part):
    """Whether `steer.part` is a module or package, not a name that the facade re-exports."""
    return (PACKAGE / part).is_dir() or (PACKAGE / f"{part}.py").is_file()


def layer(part):
    """The height of a module or package directly under `steer`."""
    found = [height for height, names in enumerate(LAYERS) if part in names]
    assert found, f"steer.{part} has no layer yet: add it to LAYERS in this test"
    return found[0]


def file_id(path):
    return str(path.relative_to(ROOT))


def imports(path, tree):
    """What a file imports from `steer`, anywhere in it: the part after `steer.`, or '' for the package itself."""
    package = ("steer", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            full = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) + 1 - node.level]) if node.level else []
            base += node.module.split(".") if node.module else []
            full = [[*base, alias.name] for alias in node.names]
        else:
            continue
        yield from (names[1] if len(names) > 1 else "" for names in full if names[0] == "steer")


@pytest.fixture(params=FILES, ids=file_id)
def parsed(request):
    """(path, syntax tree) of each file of the package."""
    return request.param, ast.parse(request.param.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", [path for path in FILES if path != FACADE], ids=file_id)
def test_nothing_imports_upwards(path):
    # the facade `steer`, which names every layer, is left out
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = path.relative_to(PACKAGE).with_suffix("").parts[0]
    top = layer(own) == len(LAYERS) - 1
    for part in imports(path, tree):
        if not part or not is_module(part):
            assert top, f"{file_id(path)} imports from the facade `steer`, which is above it"
        else:
            beside = part == own or (top and layer(part) == layer(own))
            assert layer(part) < layer(own) or beside, f"{file_id(path)} imports steer.{part}, which is above it"


def test_no_star_imports(parsed):
    path, tree = parsed
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert all(alias.name != "*" for alias in node.names), f"{file_id(path)}:{node.lineno}"


def test_every_assert_says_what_it_rests_on(parsed):
    path, tree = parsed
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            assert node.msg is not None, f"{file_id(path)}:{node.lineno}: assert without a message"


def test_nothing_prints(parsed):
    # the command writes through rich
    path, tree = parsed
    for node in ast.walk(tree):
        printed = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        assert not printed, f"{file_id(path)}:{node.lineno}: print"


def test_files_and_functions_stay_short(parsed):
    path, tree = parsed
    assert len(path.read_text(encoding="utf-8").splitlines()) < 400, file_id(path)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 60, f"{file_id(path)}:{node.lineno}: {node.name}"


def test_the_parser_of_this_test_sees_every_form_of_import():
    source = "import steer.nn\nfrom . import _group\nfrom .. import kernels\nfrom ..nn import Module\nimport steer\n"
    source += "def f():\n    from steer.reps import group\n    import numpy.linalg\n"
    found = list(imports(PACKAGE / "reps" / "_file.py", ast.parse(source)))
    assert sorted(found) == ["", "kernels", "nn", "nn", "reps", "reps"]


@pytest.mark.parametrize(
    "statement", ["import steer", "import steer.reps", "import steer; steer.group('D4', dim=2).regular.irreps"]
)
@pytest.mark.parametrize("heavy", ["torch", "scipy", "matplotlib", "rich", "steer.nn", "steer.kernels"])
def test_theory_is_light(statement, heavy):
    check = f"{statement}\nimport sys\nsys.exit({heavy!r} in sys.modules)"
    found = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, f"{statement} loads {heavy}: {found.stderr}"


def test_layers_load_torch_and_nothing_else_that_is_slow():
    check = (
        "import steer.nn, sys\nsys.exit(sum(name in sys.modules for name in ('scipy.ndimage', 'matplotlib', 'rich')))"
    )
    found = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


def test_unknown_names_of_the_package_are_attribute_errors():
    import steer

    with pytest.raises(AttributeError, match="module 'steer' has no attribute 'kernel'"):
        _ = steer.kernel


def test_the_facade_lists_what_it_has():
    import steer

    assert set(steer.__all__) <= set(dir(steer))
    assert all(getattr(steer, name) is not None for name in steer.__all__)
