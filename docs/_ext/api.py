"""What the pages of the API need beside Sphinx: plain docstrings, short signatures, the options of the command."""

import ast
import importlib
import inspect
import re
import textwrap
import typing
from collections.abc import Callable
from typing import Any

import typer
from docutils import nodes
from sphinx.ext.napoleon import GoogleDocstring

PACKAGES = (
    "steer",
    "steer.reps",
    "steer.kernels",
    "steer.nn",
    "steer.nn.models",
    "steer.plot",
    "steer.testing",
)
SHORT = {
    "Array": "ndarray",
    "npt.ArrayLike": "ArrayLike",
    "npt.NDArray": "ndarray",
    "Size": "int | Iterable[int]",
    "Grids": "int | Quadrature | dict | Callable | None",
    "Steerable": "~steer.nn.Module",
    "Kernel": "Callable[[ndarray], ArrayLike]",
}
"""How aliases, and classes that are not public, are shown."""


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", escape, priority=100)  # before napoleon
    app.connect("autodoc-process-docstring", properties, priority=900)  # after it
    app.connect("autodoc-process-signature", signature)
    app.connect("autodoc-process-bases", bases)
    app.connect("autodoc-skip-member", skip)
    app.connect("source-read", command)
    app.connect("doctree-read", close_blocks)
    app.connect("viewcode-follow-imported", file_of)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def file_of(app: Any, module: str | None, attribute: str) -> str | None:
    """The module whose source a name links to: that of the class, for a method that it inherits too.

    Sphinx would take that of the base, and where this is public in another package, call it by the name of the first.
    """
    first = module and getattr(importlib.import_module(module), attribute.partition(".")[0], None)
    return getattr(first, "__module__", None)


def close_blocks(app: Any, doctree: nodes.document) -> None:
    """Drop the empty line at the end of a block, which a doctest needs and a reader does not."""
    for block in doctree.findall(nodes.literal_block):
        if block.rawsource == block.astext():
            block.rawsource = block.astext().rstrip()
            block[:] = [nodes.Text(block.rawsource)]


def public_names() -> dict[str, str]:
    """Name of a public class -> where it is documented."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            if inspect.isclass(getattr(module, name)):
                found.setdefault(name, f"{package}.{name}")
    return found


# Docstrings ---------------------------------------------------------------------------------------------------------


def escape(app: Any, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Docstrings are plain text with `names` and ``code``: |x|, *space and a * b are no markup of reStructuredText."""
    quoted = _Quoted(name, obj)
    out, literal, doctest = [], None, False
    for line in lines:
        lead = len(line) - len(line.lstrip())
        doctest = bool(line.strip()) and (doctest or line.lstrip().startswith(">>>"))
        if literal is not None and line.strip() and lead <= literal:
            literal = None
        out.append("\0" + line if doctest or literal is not None else line)
        if literal is None and line.rstrip().endswith("::"):
            literal = lead
        if line in ("Returns:", "Yields:"):
            out.append("    :")  # napoleon takes what is before the first colon for a type: nothing
    text = re.sub(r"(?m)^(?!\0).*(?:\n(?!\0).*)*", lambda found: _escaped(found[0], quoted), "\n".join(out))
    lines[:] = text.replace("\0", "").split("\n")
    if what == "property":
        _plain_properties[name] = list(lines)


def _escaped(text: str, quoted: Callable[[str], str]) -> str:
    def outside(part: str) -> str:
        part = re.sub(r"(?m)([*|])", r"\\\1", part)
        part = re.sub(r"(?m)^( *)\\\*(\\\*)?(\w+:)", lambda m: m[1] + ("**" if m[2] else "*") + m[3], part)  # arguments
        return re.sub(r"(\w)_(?!\w)", r"\1\\_", part)

    parts = re.split(r"(``.+?``|`[^`]+`)", text, flags=re.DOTALL)
    return "".join(quoted(part) if index % 2 else outside(part) for index, part in enumerate(parts))


class _Quoted:
    """What is in backquotes in the docstring of an object: its own parameters are code, public classes are links."""

    def __init__(self, name: str, obj: object) -> None:
        package = max((each for each in PACKAGES if f"{name}.".startswith(f"{each}.")), key=len)
        self.module, self.links = importlib.import_module(package), public_names()
        try:
            self.parameters = set(inspect.signature(obj).parameters) if callable(obj) else set()
        except ValueError:
            self.parameters = set()

    def __call__(self, text: str) -> str:
        inside = text[1:-1]
        if inside in self.parameters:
            return f"``{inside}``"
        first, dot, rest = inside.partition(".")
        if first in self.links and not hasattr(self.module, first):
            return f":py:obj:`{inside} <{self.links[first]}{dot}{rest}>`"
        return text


_plain_properties: dict[str, list[str]] = {}


def properties(app: Any, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Properties have sections as functions do; napoleon takes what is before their first colon for a type."""
    if name in _plain_properties:
        lines[:] = GoogleDocstring(_plain_properties.pop(name), app.config, app, "method", name, obj, options).lines()


# Signatures ---------------------------------------------------------------------------------------------------------


def signature(
    app: Any, what: str, name: str, obj: Any, options: object, given: str | None, returned: str | None
) -> tuple[str | None, str | None] | None:
    """The signature as it stands in the source, with short names of types that link to their pages."""
    if what not in ("class", "function", "method"):
        return None
    function = inspect.unwrap(obj.__init__ if inspect.isclass(obj) else getattr(obj, "__func__", obj))
    try:
        node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError):
        node = None
    if not isinstance(node, ast.FunctionDef):  # made by a dataclass or a named tuple, whose fields the docstring lists
        if given is None:
            return None
        names = [each.split(":")[0].split("=")[0].strip() for each in inspect.signature(obj).parameters]
        return f"({', '.join(names)})", None
    shown = _Parameters(public_names()).of(node.args, what in ("class", "method"))
    result = None if inspect.isclass(obj) or node.returns is None else _Parameters(public_names()).kind(node.returns)
    return f"({shown})", result if result != "None" else None


class _Parameters:
    """Parameters as text."""

    def __init__(self, links: dict[str, str]) -> None:
        self.links = links

    def of(self, args: ast.arguments, bound: bool) -> str:
        """All parameters, without `self` or `cls` where bound."""
        positional = [*args.posonlyargs, *args.args]
        defaults = [None] * (len(positional) - len(args.defaults)) + list(args.defaults)
        out = [self.one(*pair) for pair in zip(positional, defaults, strict=True)][bound:]
        if args.vararg:
            out.append("*" + self.one(args.vararg, None))
        elif args.kwonlyargs:
            out.append("*")
        out += [self.one(*pair) for pair in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
        if args.kwarg:
            out.append("**" + self.one(args.kwarg, None))
        return ", ".join(out)

    def one(self, arg: ast.arg, default: ast.expr | None) -> str:
        """One parameter."""
        text = arg.arg if arg.annotation is None else f"{arg.arg}: {self.kind(arg.annotation)}"
        equals = "=" if arg.annotation is None else " = "
        return text if default is None else f"{text}{equals}{ast.unparse(default)}"

    def kind(self, node: ast.expr) -> str:
        """A type."""
        text = ast.unparse(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        text = re.sub(r"""["']""", "", text)
        text = re.sub(r"npt\.NDArray\[[\w.]+\]", "ndarray", text)
        return re.sub(r"(?<![\w.])[A-Za-z_][\w.]*", lambda found: self._named(found[0]), text)

    def _named(self, name: str) -> str:
        if name in SHORT:
            return re.sub(r"\b(Quadrature)\b", lambda found: self._named(found[0]), SHORT[name])
        if name in self.links:
            return f"~{self.links[name]}"
        return f"~{name}" if "." in name else name


def bases(app: Any, name: str, obj: type, options: object, found: list[Any]) -> None:
    """Base classes that are public, by the names that they are documented by."""
    links = public_names()
    known = [base for base in obj.__mro__[1:] if base.__name__ in links and base.__module__.startswith("steer")]
    found[:] = [f":py:class:`~{links[known[0].__name__]}`"] if known else [":py:class:`ValueError`"]


def skip(app: Any, what: str, name: str, obj: object, skipped: bool, options: object) -> bool | None:
    """The fields of named tuples are listed by the docstring of the class."""
    return True if type(obj).__name__ == "_tuplegetter" else None


# The command --------------------------------------------------------------------------------------------------------


def command(app: Any, document: str, source: list[str]) -> None:
    """Put the options of all commands into their page, from the application itself."""
    if document == "api/command":
        source[0] = source[0].replace("% commands", commands())


def commands() -> str:
    """A section for each command: what it does, how it is called, its arguments and options."""
    from steer.cli import app

    return "\n".join(_sections(app, "steer"))


def _sections(app: typer.Typer, path: str, level: str = "##") -> list[str]:
    out = []
    for found in app.registered_commands:
        function = found.callback
        parameters = [_Parameter(*pair) for pair in inspect.signature(function, eval_str=True).parameters.items()]
        words = [each.shown for each in parameters if not each.is_option]
        options = ["[OPTIONS]"] if len(words) < len(parameters) else []
        name = f"{path} {found.name or function.__name__}"
        out += [f"{level} {name}", "", *_paragraphs(function.__doc__)]
        out += ["```sh", " ".join([name, *options, *words]), "```", ""]
        if parameters:
            out += ["| name | what it is | default |", "|---|---|---|", *(each.row for each in parameters), ""]
    for group in app.registered_groups:
        out += [f"## {path} {group.name}", "", *_paragraphs(group.typer_instance.info.help)]
        out += _sections(group.typer_instance, f"{path} {group.name}", f"{level}#")
    return out


class _Parameter:
    """An argument or option of a command."""

    def __init__(self, name: str, parameter: inspect.Parameter) -> None:
        kind, self.info = typing.get_args(parameter.annotation)[:2]
        self.is_option = isinstance(self.info, typer.models.OptionInfo)
        self.default = parameter.default
        self.needed = parameter.default is inspect.Parameter.empty
        plain = [each for each in typing.get_args(kind) if each is not type(None)] or [kind]
        self.repeats = typing.get_origin(kind) is list
        if self.is_option:
            given = [self.info.default, *(self.info.param_decls or ())]  # typer keeps the first as the default
            flag = [each for each in given if isinstance(each, str)] or [f"--{name.replace('_', '-')}"]
            self.shown = ", ".join(flag) + ("" if kind is bool else f" {plain[0].__name__.upper()}")
        else:
            word = name.upper() + ("..." if self.repeats else "")
            self.shown = word if self.needed else f"[{word}]"

    @property
    def row(self) -> str:
        """As a row of a table."""
        hidden = self.needed or self.default is None or self.default is False
        default = "needed" if self.needed else "" if hidden else f"`{self.default}`"
        text = self.info.help.replace("|", "\\|")
        return f"| `{self.shown}` | {text} | {default} |"


def _paragraphs(text: str | None) -> list[str]:
    return [*inspect.cleandoc(text or "").split("\n"), ""]
