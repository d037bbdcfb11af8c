"""A server of the built site and a browser that remembers what goes wrong on its pages."""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

SITE = Path(__file__).parents[2] / "docs" / "_build" / "html"
SCREENSHOTS = SITE.parent / "screenshots"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync")


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    if not (SITE / "index.html").is_file():
        pytest.fail("there is no site in docs/_build/html: run `make docs` first")
    handler = functools.partial(_Silent, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None:
        pytest.fail(f"no browser: looked for {', '.join(CHROMIUM)} (on Debian: apt-get install chromium)")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield chromium
        chromium.close()


class Visitor:
    """Opens pages; `faults` collects what their consoles and requests complain about."""

    def __init__(self, context: BrowserContext, server: str) -> None:
        self.page: Page = context.new_page()
        self.server = server
        self.faults: list[str] = []
        self.page.on("console", lambda message: self._note(message.type == "error", message.text))
        self.page.on("pageerror", lambda error: self._note(True, str(error)))
        self.page.on("requestfailed", lambda request: self._note(True, f"no answer for {request.url}"))
        self.page.on(
            "response", lambda response: self._note(response.status >= 400, f"{response.status}: {response.url}")
        )
        self.page.on("request", lambda request: self._note(self._is_elsewhere(request.url), f"asks for {request.url}"))

    def _is_elsewhere(self, url: str) -> bool:
        return not url.startswith((self.server, "data:", "blob:"))

    def _note(self, is_fault: bool, text: str) -> None:
        if is_fault:
            self.faults.append(f"{self.page.url}: {text}")

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.server}/{path}", wait_until="load")
        return self.page


@pytest.fixture
def visitor(browser: Browser, server: str) -> Iterator[Visitor]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    yield Visitor(context, server)
    context.close()
