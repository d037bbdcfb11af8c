"""The built site works: links lead somewhere, no page complains, it can be searched, read at night and on a phone."""

import json
from urllib.parse import unquote, urldefrag, urljoin

import pytest
from playwright.sync_api import expect

from tests.site.conftest import SCREENSHOTS, SITE

PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
READ = [path for path in PAGES if not path.startswith(("_", "genindex", "search", "py-"))]
TUTORIALS = sorted(path.stem for path in (SITE.parents[1] / "tutorials").glob("*.ipynb"))
SHOWN = ["index.html", "quickstart.html", "tutorials/fields.html", "theory/kernels.html", "api/nn.html"]

ANCHORS_AND_LINKS = """() => ({
    anchors: [...document.querySelectorAll('[id], a[name]')].map(node => node.id || node.name),
    links: [...document.querySelectorAll('a[href]')].map(node => node.href),
    blind: [...document.images].filter(one => !one.naturalWidth || !one.hasAttribute('alt')).map(one => one.src),
    mistakes: document.querySelectorAll('mjx-merror, .problematic, .system-message').length,
})"""


def test_every_internal_link_leads_somewhere_and_no_page_complains(visitor):
    anchors, links = {}, {}
    waiting, seen = ["index.html"], {"index.html"}
    while waiting:
        path = waiting.pop()
        page = visitor.open(path)
        found = page.evaluate(ANCHORS_AND_LINKS)
        anchors[path] = set(found["anchors"])
        assert not found["blind"], f"{path}: images that do not load, or have no text: {found['blind']}"
        assert not found["mistakes"], f"{path}: {found['mistakes']} formulas or links that could not be set"
        links[path] = {link for link in found["links"] if link.startswith(visitor.server)}
        for link in links[path]:
            target = _path(link, visitor.server)
            if target.endswith(".html") and target not in seen:
                seen.add(target)
                waiting.append(target)
    dead = [
        (path, link)
        for path, targets in links.items()
        for link in targets
        if not _exists(_path(link, visitor.server), unquote(urldefrag(link).fragment), anchors)
    ]
    assert not dead, f"links that lead nowhere: {dead}"
    assert not visitor.faults, visitor.faults
    assert seen >= {path for path in PAGES if not path.startswith("_")}, "pages that no link leads to"


def _path(link: str, server: str) -> str:
    path = urldefrag(urljoin(server, link)).url.removeprefix(server).lstrip("/").split("?")[0]
    return path + "index.html" if not path or path.endswith("/") else path


def _exists(path: str, anchor: str, anchors: dict[str, set[str]]) -> bool:
    if path not in anchors:
        return (SITE / path).is_file()
    return not anchor or anchor in anchors[path]


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


@pytest.mark.parametrize("path", READ)
def test_a_phone_shows_whole_lines(visitor, path):
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    page = visitor.open(path)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390


@pytest.mark.parametrize("name", TUTORIALS)
def test_tutorials_ran_and_drew(visitor, name):
    page = visitor.open(f"tutorials/{name}.html")
    assert page.locator(".cell_output img, .cell_output .js-plotly-plot").count() > 0
    assert page.locator(".cell_output .stderr, .cell_output .traceback").count() == 0
    assert not visitor.faults, visitor.faults


def test_formulas_are_set(visitor):
    page = visitor.open("theory/kernels.html")
    expect(page.locator("mjx-container").first).to_be_visible(timeout=20_000)


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
