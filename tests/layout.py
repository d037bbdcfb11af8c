"""What the files of the package import from each other, read from their syntax trees."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "steer"
FILES = sorted(PACKAGE.rglob("*.py"))


class Import(NamedTuple):
    """One name that one file imports from the package."""

    importer: str
    """The module that imports, as `steer.reps.theory._group`."""
    module: str
    """The module that is imported, or the one that a name is taken from."""
    name: str
    """The name taken from it; '' for the module itself."""
    only_annotates: bool
    """Whether it stands under `if TYPE_CHECKING:` and the file uses it in annotations alone."""


def file_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file, parsed once."""
    return ast.parse(path.read_text(encoding="utf-8"))


def module_name(path: Path) -> str:
    """`steer.reps` of `steer/reps/__init__.py`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def room(module: str) -> str:
    """The part below `steer` that a module belongs to: 'reps', 'plot', '_values', or '' for the facade."""
    return [*module.split("."), ""][1]


def imports_of(path: Path) -> Iterator[Import]:
    """All imports from the package, wherever in the file they stand."""
    yield from imports_in(module_name(path), tree(path), is_package=path.name == "__init__.py")


def imports_in(module: str, source: ast.Module, is_package: bool = False) -> Iterator[Import]:
    """The same of a syntax tree, as if it stood in that module."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    at_run_time = _names_at_run_time(source)
    for node, for_types in _statements(source, False):
        for alias in node.names:
            bound = alias.asname or alias.name.split(".")[0]
            if isinstance(node, ast.Import):
                base, name = alias.name, ""
            else:
                base = ".".join(package[: len(package) + 1 - node.level]) if node.level else ""
                base = ".".join(filter(None, (base, node.module)))
                name = alias.name
            if base.split(".")[0] == "steer":
                found = (f"{base}.{name}", "") if f"{base}.{name}" in MODULES else (base, name)
                yield Import(module, *found, for_types and bound not in at_run_time)


def _statements(node: ast.AST, for_types: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """The import statements below a node, and whether each stands under `if TYPE_CHECKING:`."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node, for_types
    elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        for child in node.body:
            yield from _statements(child, True)
        for child in node.orelse:
            yield from _statements(child, for_types)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _statements(child, for_types)


def _names_at_run_time(node: ast.AST) -> set[str]:
    """Names that a file reads outside of annotations."""
    found = {node.id} if isinstance(node, ast.Name) else set()
    for field, value in ast.iter_fields(node):
        if field not in ("annotation", "returns"):
            for child in value if isinstance(value, list) else [value]:
                found |= _names_at_run_time(child) if isinstance(child, ast.AST) else set()
    return found


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The sets of nodes that reach each other, of more than one node or with an edge from a node to itself; sorted."""
    reach: dict[str, set[str]] = {}
    for start in edges:
        found, ahead = set(), list(edges[start])
        while ahead:
            node = ahead.pop()
            if node not in found:
                found.add(node)
                ahead += edges.get(node, ())
        reach[start] = found
    together = {frozenset(b for b in reach[a] if a in reach.get(b, ())) for a in edges if a in reach[a]}
    return sorted(sorted(nodes) for nodes in together)


def lines_of_code(node: ast.AST, lines: list[str]) -> int:
    """Lines of a file or function that are neither blank nor part of a docstring."""
    first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", None)
    said = set()
    for child in ast.walk(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant) and isinstance(child.value.value, str):
            said |= set(range(child.lineno, child.end_lineno + 1))
    numbers = range(first, (last or len(lines)) + 1)
    return sum(number not in said and bool(lines[number - 1].strip()) for number in numbers)
