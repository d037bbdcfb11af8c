"""What is on the pages: fenced blocks and links, as the tests of the pages see them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
MARKDOWN = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts
)
NOTEBOOKS = sorted(
    path for path in (ROOT / "docs").rglob("*.ipynb") if not {"_build", ".ipynb_checkpoints"} & {*path.parts}
)

FENCE = re.compile(r"^(?P<indent>\s*)(?P<fence>`{3,}|~{3,})(?P<info>[^`]*)$")
DIRECTIVE = re.compile(r"^\{(?P<name>[\w:-]+)\}\s*(?P<argument>.*)$")
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]\((?P<target>[^()\s]+(?:\([^()\s]*\)[^()\s]*)?)(?:\s+\"[^\"]*\")?\)")
NESTED = {
    "admonition",
    "note",
    "tip",
    "warning",
    "important",
    "dropdown",
    "tab-item",
    "tab-set",
    "grid",
    "grid-item-card",
}
"""Directives whose content is Markdown."""


class Block(NamedTuple):
    """A fenced block: the line of its fence, the kind, what follows the kind, and the lines inside."""

    line: int
    kind: str  # a language, or a directive such as {toctree}
    argument: str
    lines: list[str]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(text: str, first: int = 1) -> Iterator[Block]:
    """All fenced blocks of a page; those inside of admonitions and the like too."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        opened = FENCE.match(lines[at])
        at += 1
        if not opened:
            continue
        start, closing = at, re.compile(rf"^\s*{opened['fence'][0]}{{{len(opened['fence'])},}}\s*$")
        while at < len(lines) and not closing.match(lines[at]):
            at += 1
        if at == len(lines):
            raise AssertionError(f"line {first + start - 1}: this block is not closed")
        inside = [line.removeprefix(opened["indent"]) for line in lines[start:at]]
        info = opened["info"].strip()
        directive = DIRECTIVE.match(info)
        if directive and directive["name"] in NESTED:
            yield from blocks("\n".join(inside), first + start)
        else:
            kind, argument = (f"{{{directive['name']}}}", directive["argument"]) if directive else (info, "")
            yield Block(first + start - 1, kind, argument, inside)
        at += 1


def without_code(text: str) -> str:
    """A page without fenced blocks, code in lines and formulas."""
    lines = text.splitlines()
    hidden = {index for block in blocks(text) for index in range(block.line - 1, block.line + len(block.lines) + 1)}
    kept = "\n".join(line for index, line in enumerate(lines) if index not in hidden)
    kept = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", kept, flags=re.DOTALL)
    return re.sub(r"(\$\$?)(?=\S|\n)(?:(?!\n\n).)+?(?<!\\)\1", "", kept, flags=re.DOTALL)


def links(text: str) -> list[str]:
    """Targets of the links and pictures of a page."""
    return [found["target"] for found in LINK.finditer(without_code(text))]


def markdown_of(notebook: Path) -> str:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def anchors(text: str) -> set[str]:
    """The ids of headings as GitHub and MyST make them, and explicit targets."""
    found: set[str] = set()
    inside = {index for block in blocks(text) for index in range(block.line - 1, block.line + len(block.lines) + 1)}
    for index, line in enumerate(text.splitlines()):
        heading = re.match(r"^#{1,6}\s+(.*?)\s*#*$", line)
        if heading and index not in inside:
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).replace("`", "").lower()
            slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
            count = sum(known == slug or re.fullmatch(rf"{re.escape(slug)}-\d+", known) is not None for known in found)
            found.add(f"{slug}-{count}" if count else slug)
        found |= set(re.findall(r"^\(([\w-]+)\)=$", line))
    return found
