"""Blocks of code on the pages run: each is a doctest, or commands of kinds that are checked, or plainly no code."""

import doctest
import functools
import re
import shlex
import sys
import tomllib

import pytest
from typer.testing import CliRunner

from steer.cli import app
from steer.kernels import cache

from . import pages
from .pages import ROOT, Block

NO_CODE = {"text", "bibtex", "mermaid", "{math}", "{bibliography}", "{toctree}", "{include}", "{eval-rst}"}
FILES = {"{figure}", "{image}", "{literalinclude}", "{include}"}
LONG = {"demo": "trains three networks for a minute; tests/test_cli.py runs it with fewer epochs"}
"""Commands of steer that are not run here, and why."""
PROGRAMS = {"steer", "make", "pip", "python", ".venv/bin/python", "torchrun", "pytest", "jupyter"}
FOREIGN = {"torch", "jupyter"}
"""What is installed beside steer."""
PROJECT = """
import steer
from steer import nn

def build():
    group = steer.group("D4", dim=2)
    vectors = nn.FieldType(group, [group.vector])
    return nn.Conv2d(vectors, vectors, 3)
"""
CATALOGUE = """
[[kernels]]
groups = ["C4", "D4"]
dim = 2
types = ["vector"]
kernel_sizes = [3]
"""
PAGES = {pages.name(path): path.read_text(encoding="utf-8") for path in pages.MARKDOWN}
EVERY_PAGE = pytest.mark.parametrize("page", PAGES)
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MAKEFILE = (ROOT / "Makefile").read_text()


def blocks(page: str, *kinds: str) -> list[Block]:
    return [block for block in pages.blocks(PAGES[page]) if block.kind in kinds or not kinds]


def commands(block: Block) -> list[list[str]]:
    """The words of each command, without comments; variables that are set for one command are checked and left out."""
    found = []
    for line in "\n".join(block.lines).replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            assert known_variable(words[0].partition("=")[0]), f"{line}: no such environment variable"
            words = words[1:]
        if words:
            found.append(words)
    return found


@functools.cache
def known_variable(variable: str) -> bool:
    """Whether the project reads an environment variable of that name."""
    sources = [*(ROOT / "steer").rglob("*.py"), ROOT / "docs/conf.py", ROOT / "Makefile"]
    return any(variable in path.read_text() for path in sources)


@EVERY_PAGE
def test_blocks_are_of_kinds_that_are_checked(page):
    for block in blocks(page):
        where = f"{page}:{block.line}"
        kind = block.argument if block.kind == "{code-block}" else block.kind
        assert kind in {"pycon", "sh", "toml"} | NO_CODE | FILES, (
            f"{where}: a block of kind {kind!r} is checked by nothing; write pycon for code, sh for commands, "
            f"text for what is neither"
        )


@EVERY_PAGE
def test_code_is_collected_as_doctests(page):
    text = PAGES[page]
    inside = 0
    for block in blocks(page, "pycon"):
        where = f"{page}:{block.line}"
        assert block.lines[0].startswith(">>> "), f"{where}: the first line is no prompt"
        assert block.lines[-1] == "", f"{where}: without an empty line at the end the fence is part of the output"
        inside += len(doctest.DocTestParser().get_examples("\n".join(block.lines)))
        assert not any("+SKIP" in line for line in block.lines), f"{where}: a doctest that is skipped"
    assert len(doctest.DocTestParser().get_examples(text)) == inside, f"{page}: prompts outside of pycon blocks"
    if inside:  # the glob is *.md, in these places
        assert page == "README.md" or page.startswith("docs/"), f"{page}: nothing runs the doctests of this page"


@EVERY_PAGE
def test_files_that_blocks_show_exist_and_are_tested(page):
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py") if path.name != "test_code_blocks.py")
    for block in blocks(page, *FILES):
        shown = (ROOT / page).parent / block.argument
        assert shown.is_file(), f"{page}:{block.line}: {block.argument} does not exist"
        if shown.suffix == ".py":
            assert shown.name in tests, f"{page}:{block.line}: no test runs {shown.name}"


@EVERY_PAGE
def test_spec_files_are_understood(page, tmp_path):
    from steer._precompute._files import read_specs

    for block in blocks(page, "toml"):
        (tmp_path / "spec.toml").write_text("\n".join(block.lines))
        assert read_specs(tmp_path / "spec.toml"), f"{page}:{block.line}"


@EVERY_PAGE
def test_commands_that_are_not_run_name_what_exists(page):
    for block in blocks(page, "sh"):
        for words in commands(block):
            where = f"{page}:{block.line}: {shlex.join(words)}"
            assert words[0] in PROGRAMS, f"{where}: nothing checks this command"
            {
                "make": check_make,
                "pip": check_pip,
                "python": check_script,
                ".venv/bin/python": check_script,
                "torchrun": check_script,
                "pytest": check_paths,
                "jupyter": check_paths,
                "steer": lambda *_: None,  # they are run, below
            }[words[0]](words[1:], page, where)


def check_make(words: list[str], page: str, where: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    for word in words:
        variable, equals, _ = word.partition("=")
        assert f"$({variable})" in MAKEFILE if equals else word in targets, f"{where}: the Makefile has no {word}"


def check_pip(words: list[str], page: str, where: str) -> None:
    assert words[0] == "install", where
    rest = iter(words[1:])
    for word in rest:
        if word in ("-c", "-r"):
            assert (ROOT / next(rest)).is_file(), where
            continue
        if word in ("-e", "-U", "--upgrade"):
            continue
        found = re.fullmatch(r"(?P<name>[\w.-]+?)(?:\[(?P<extras>[\w,]+)\])?(?P<pin>==[\w.]+)?", word)
        assert found, f"{where}: {word}"
        if found["name"] in (".", "steer"):
            for extra in (found["extras"] or "").split(","):
                assert not extra or extra in SETTINGS["optional-dependencies"], f"{where}: no extra {extra!r}"
            continue
        assert found["name"] in FOREIGN, f"{where}: {found['name']} is not known here"
        if found["pin"]:
            assert found["name"] + found["pin"] in (ROOT / "constraints.txt").read_text(), (
                f"{where}: not the tested one"
            )


def check_script(words: list[str], page: str, where: str) -> None:
    """A script of the repository or of the page's folder, with options that it has."""
    scripts = [word for word in words if word.endswith(".py")]
    if words[0] == "-m":
        assert words[1] in ("sphinx", "pip"), f"{where}: nothing checks this module"
        return
    assert scripts, f"{where}: no script"
    places = [folder / scripts[0] for folder in (ROOT, (ROOT / page).parent)]
    script = next((place for place in places if place.is_file()), None)
    assert script, f"{where}: {scripts[0]} does not exist"
    for option in words[words.index(scripts[0]) + 1 :]:
        assert not option.startswith("--") or f'"{option}"' in script.read_text(), f"{where}: no option {option}"
    if where.startswith("docs/howto"):
        assert any(script.name in path.read_text() for path in (ROOT / "tests").rglob("test_*.py")), f"{where}: no test"


def check_paths(words: list[str], page: str, where: str) -> None:
    for word in words:
        if "/" in word or word.endswith((".py", ".md", ".ipynb")):
            assert (ROOT / word.partition("::")[0]).exists(), f"{where}: {word} does not exist"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where commands run: an empty cache, the project and the spec file that pages speak of, and the how-to scripts."""
    monkeypatch.setenv("STEER_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "project").mkdir()
    (tmp_path / "project/__init__.py").touch()
    (tmp_path / "project/models.py").write_text(PROJECT)
    (tmp_path / "catalogue.toml").write_text(CATALOGUE)
    for script in (ROOT / "docs/howto").glob("*.py"):
        (tmp_path / script.name).write_text(script.read_text())
    before = set(sys.modules)
    cache.clear()
    yield tmp_path
    cache.clear()
    cache._place._Chosen.place = None  # what --dir chose
    for module in set(sys.modules) - before:
        if module.partition(".")[0] in ("project", "train_ddp", "train_lightning"):
            del sys.modules[module]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(w[:1] == ["steer"] for b in blocks(page, "sh") for w in commands(b))]
)
def test_commands_of_steer_run_in_the_order_of_the_page(page, folder):
    for block in blocks(page, "sh"):
        for words in commands(block):
            if words[0] != "steer" or words[1] in LONG:
                continue
            inside = [word.replace("/opt/", f"{folder}/opt/") for word in words[1:]]
            found = CliRunner().invoke(app, inside)
            assert found.exit_code == 0, f"{page}:{block.line}: {shlex.join(words)}\n{found.output}"


def test_what_is_too_long_to_run_is_on_a_page():
    shown = {w[1] for page in PAGES for b in blocks(page, "sh") for w in commands(b) if w[0] == "steer" and len(w) > 1}
    assert set(LONG) <= shown | {"demo"}
