"""Notebooks as they are committed: clean, so that a change shows what changed; `make docs` runs them."""

import re
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "tutorials"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LISTED = re.findall(r"^\| \w \| \[.*\]\((\w+)\.ipynb\)", (FOLDER / "index.md").read_text(), flags=re.MULTILINE)


def test_the_index_lists_them_all():
    assert sorted(LISTED) == [path.stem for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_clean(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        assert cell.cell_type != "code" or (cell.outputs == [] and cell.execution_count is None)
        assert "execution" not in cell.metadata
        assert cell.source.strip()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_opens_with_its_title_and_reads_in_a_plain_jupyter(path):
    cells = nbformat.read(path, as_version=4).cells
    assert re.match(r"# \S", cells[0].source)
    prose = [cell.source for cell in cells if cell.cell_type == "markdown"]
    assert sum(len(re.findall(r"^# ", source, flags=re.MULTILINE)) for source in prose) == 1
    for source in prose:  # roles and directives are Sphinx's alone
        assert not re.search(r"\{[\w:-]+\}`|^:::|^```\{", source, flags=re.MULTILINE), source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_uses_public_names_and_nothing_from_afar(path):
    code = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
    assert not re.search(r"steer(\.\w+)*\._|from steer[\w.]* import _", code)
    assert not re.search(r"https?://|urllib|requests|download", code)
    assert "filterwarnings" not in code
