"""Links between the pages, and in the notebooks, point to files and headings that exist."""

import re

import pytest

from . import pages
from .pages import ROOT

TEXTS = {path: path.read_text(encoding="utf-8") for path in pages.MARKDOWN}
TEXTS |= {path: pages.markdown_of(path) for path in pages.NOTEBOOKS}
ELSEWHERE = re.compile(r"^(https?|mailto|project|inv|path):")


@pytest.mark.parametrize("page", TEXTS, ids=pages.name)
def test_links_point_to_what_exists(page):
    wrong = []
    for target in pages.links(TEXTS[page]):
        if ELSEWHERE.match(target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not found.exists() or ROOT not in found.parents:
            wrong.append(f"{target}: no such file")
        elif (
            anchor and found.suffix == ".md" and anchor.lower() not in pages.anchors(found.read_text(encoding="utf-8"))
        ):
            wrong.append(f"{target}: no such heading")
    assert not wrong, f"{pages.name(page)}: " + "; ".join(wrong)


@pytest.mark.parametrize("page", [page for page in TEXTS if page.suffix == ".md"], ids=pages.name)
def test_cards_point_to_pages_that_exist(page):
    for target in re.findall(r"^:link: (\S+)\n:link-type: doc", TEXTS[page], re.MULTILINE):
        found = page.parent / target
        assert any(found.with_name(found.name + end).is_file() for end in (".md", ".ipynb")), f"{page}: {target}"


def test_the_parser_sees_what_it_should():
    text = """# A page
[a](b.md) and `[no](code.md)` $K[h](x)$ ![c](d.png "title") [[1]](e.md)

```sh
[no](inside.md)
```
## What's *new*, in 2.0?
## A page
"""
    assert pages.links(text) == ["b.md", "d.png", "e.md"]
    assert pages.anchors(text) == {"a-page", "whats-new-in-20", "a-page-1"}
    assert [(block.line, block.kind) for block in pages.blocks(text)] == [(4, "sh")]
