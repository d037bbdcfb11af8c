"""The built site works: links lead somewhere, no page complains, it can be searched, read at night and on a phone."""

import html
import json
import re
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

import pytest
from playwright.sync_api import expect

from steer.reps import Group
from tests.site.conftest import SCREENSHOTS, SITE, Visitor

PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
TUTORIALS = sorted(path.stem for path in (SITE.parents[1] / "tutorials").glob("*.ipynb"))
SHOWN = ["index.html", "tutorials/fields.html", "theory/kernels.html"]

GENERATED = {"genindex.html", "py-modindex.html", "search.html"}
"""Pages of the theme that need no link."""

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}

CONTENT = """() => ({
    anchors: [...document.querySelectorAll('[id], a[name]')].map(node => node.id || node.name),
    links: [...document.querySelectorAll('a[href]')].map(node => node.href),
    blind: [...document.images].filter(one => !one.naturalWidth || !one.hasAttribute('alt')).map(one => one.src),
    mistakes: document.querySelectorAll('mjx-merror, .problematic, .system-message').length,
    pictures: document.querySelectorAll('.cell_output img, .cell_output .js-plotly-plot').length,
    complaints: document.querySelectorAll('.cell_output .stderr, .cell_output .traceback').length,
})"""


@pytest.fixture(scope="module")
def visited(browser, server):
    """What is on each page that links lead to, from the first on; sources of modules are read without the browser."""
    context = browser.new_context(viewport=DESK)
    visitor = Visitor(context, server)
    found, waiting = {}, ["index.html"]
    while waiting:
        path = waiting.pop()
        found[path] = _read(path, server) if path.startswith("_modules") else _look(visitor, path)
        targets = {_path(link, server) for link in found[path]["links"] if link.startswith(server)}
        new = {target for target in targets if target.endswith(".html")} - found.keys() - set(waiting)
        waiting += sorted(target for target in new if (SITE / target).is_file())
    context.close()
    return found, visitor.faults


def _look(visitor: Visitor, path: str) -> dict[str, Any]:
    page = visitor.open(path)
    content = page.evaluate(CONTENT)
    page.set_viewport_size(PHONE)
    content["width"] = page.evaluate("document.scrollingElement.scrollWidth")
    page.set_viewport_size(DESK)
    return content


def _read(path: str, server: str) -> dict[str, Any]:
    text = (SITE / path).read_text(encoding="utf-8")
    links = [urljoin(f"{server}/{path}", html.unescape(link)) for link in re.findall(r'<a [^>]*href="([^"]+)"', text)]
    return {"anchors": re.findall(r' id="([^"]+)"', text), "links": links}


def _path(link: str, server: str) -> str:
    path = urldefrag(link).url.removeprefix(server).lstrip("/").split("?")[0]
    return path + "index.html" if not path or path.endswith("/") else path


def test_every_internal_link_leads_somewhere(visited, server):
    found, _ = visited
    dead = [
        (path, link.removeprefix(server))
        for path, content in found.items()
        for link in content["links"]
        if link.startswith(server) and not _exists(_path(link, server), unquote(urldefrag(link).fragment), found)
    ]
    assert not dead, f"links that lead nowhere: {dead}"


def _exists(path: str, anchor: str, found: dict[str, dict[str, Any]]) -> bool:
    if path not in found:
        return (SITE / path).is_file()
    return not anchor or anchor in found[path]["anchors"]


def test_links_lead_to_every_page(visited):
    assert visited[0].keys() >= set(PAGES) - {path for path in PAGES if path.startswith("_")} - GENERATED


def test_no_page_complains(visited):
    found, faults = visited
    assert not faults, faults
    for path, content in found.items():
        assert not content.get("blind"), f"{path}: images that do not load, or have no text: {content['blind']}"
        assert not content.get("mistakes"), f"{path}: formulas or links that could not be set"


def test_a_phone_shows_whole_lines(visited):
    wide = {path: content["width"] for path, content in visited[0].items() if content.get("width", 0) > PHONE["width"]}
    assert not wide


def test_no_window_scrolls_sideways(visitor):
    page = visitor.open("quickstart.html")
    for width in range(320, 1921, 80):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width


def test_tutorials_ran_and_drew(visited):
    for name in TUTORIALS:
        content = visited[0][f"tutorials/{name}.html"]
        assert content["pictures"], f"{name} has no picture"
        assert not content["complaints"], f"{name} warns or fails"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Conv2d", "api/nn.html"),
        ("Clebsch-Gordan", "theory/clebsch_gordan.html"),
        ("aliasing", "theory/sampling.html"),
        ("checkpoint", "howto/checkpoints.html"),
        ("escnn", "migrating/escnn.html"),
        ("ONNX", "howto/deploy.html"),
    ],
)
def test_search_finds(visitor, words, expected):
    page = visitor.open("index.html")
    page.locator("input[name=q]").first.fill(words)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?*")
    expect(page.locator(f"#search-results a[href*='{expected}']").first).to_be_visible(timeout=20_000)
    assert not visitor.faults, visitor.faults


def test_search_says_when_it_finds_nothing(visitor):
    page = visitor.open("search.html?q=zzyzzyva")
    expect(page.locator("#search-results")).to_contain_text("did not match any documents", timeout=20_000)


def test_night(visitor):
    page = visitor.open("index.html")
    paper = "getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="dark")
    seen = {}
    toggle = page.locator(".theme-toggle:visible").first
    for _ in range(3):
        seen[page.evaluate("document.body.dataset.theme")] = _brightness(page.evaluate(paper))
        toggle.click()
    assert set(seen) == {"auto", "light", "dark"}
    assert seen["light"] > 0.9
    assert seen["dark"] < 0.2
    assert seen["auto"] < 0.2  # of a reader whose screen is dark


def _brightness(colour: str) -> float:
    return sum(float(part) for part in colour.strip("rgba()").split(",")[:3]) / (3 * 255)


@pytest.mark.parametrize("path", SHOWN)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_screenshots(visitor, path, scheme):
    visitor.page.emulate_media(color_scheme=scheme)
    page = visitor.open(path)
    page.wait_for_function(
        "!window.MathJax || !MathJax.startup || !MathJax.startup.promise || document.readyState == 'complete'"
    )
    file = SCREENSHOTS / f"{path.removesuffix('.html').replace('/', '-')}-{scheme}.png"
    page.screenshot(path=file)
    assert file.stat().st_size > 10_000  # not a blank page


def test_every_page_of_the_sources_was_built():
    sources = {
        path.relative_to(SITE.parents[1]) for kind in ("*.md", "*.ipynb") for path in SITE.parents[1].rglob(kind)
    }
    wanted = {path.with_suffix(".html").as_posix() for path in sources if path.parts[0] != "_build"}
    assert wanted <= set(PAGES)
    assert json.loads((SITE / "searchindex.js").read_text().removeprefix("Search.setIndex(").rstrip(")"))["docnames"]


def test_the_page_of_groups_has_what_its_private_base_declares():
    shown = (SITE / "api" / "reps.html").read_text(encoding="utf-8")
    public = [name for name in dir(Group) if not name.startswith("_")]
    assert len(public) > 20
    assert not [name for name in public if f'id="steer.reps.Group.{name}"' not in shown]
