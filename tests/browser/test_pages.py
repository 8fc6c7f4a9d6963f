"""Every HTML page in a real browser: nothing fetched or refused, nothing wider than the screen, axe-core clean, printable.

Needs `pip install -e '.[browser]'` and a Chromium or Chrome on PATH (or its path in PARITY_CHROMIUM); skips without.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pages
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPEN_ALL = "document.querySelectorAll('details').forEach(each => { each.open = true })"
CLOSED = "[...document.querySelectorAll('details')].map(each => each.querySelector('.inside').offsetHeight)"
TOO_WIDE = "document.documentElement.scrollWidth - window.innerWidth"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium; skips with the reason where there is none."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install -e '.[browser]'"
    )
    found = os.environ.get("PARITY_CHROMIUM") or next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser on PATH: none of {', '.join(BROWSERS)}; its path can be given in PARITY_CHROMIUM")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core."""
    module = pytest.importorskip(
        "axe_playwright_python", reason="axe-core is not installed: pip install -e '.[browser]'"
    )
    return (Path(module.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module", params=pages.NAMES)
def page_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of the pages, on disk."""
    path = tmp_path_factory.mktemp("pages") / f"{request.param}.html"
    path.write_text(pages.page(request.param), encoding="utf-8")
    return path


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_a_page_stands_alone_fits_the_screen_and_is_accessible(
    browser: Any, axe: str, page_file: Path, width: int, scheme: str
) -> None:
    # bypass_csp lets axe in; what the policy refuses is looked for by the next test.
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(page_file.as_uri())
    for step in ("", OPEN_ALL):
        page.evaluate(step or "0")
        assert page.evaluate(TOO_WIDE) <= 0, "wider than the screen" + (", all opened" if step else "")
    page.evaluate(axe)
    found = page.evaluate("axe.run()")
    told = [(one["id"], one["nodes"][0]["html"], one["nodes"][0]["failureSummary"]) for one in found["violations"]]
    assert told == []
    assert said == []
    context.close()


def test_the_policy_refuses_nothing_and_nothing_is_fetched(browser: Any, page_file: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    assert (said, asked) == ([], [page_file.as_uri()])
    family = page.evaluate("getComputedStyle(document.body).fontFamily")
    assert "system-ui" in family, "the style sheet applies"
    context.close()


def test_paper_shows_what_is_folded_away_on_the_screen(browser: Any, page_file: Path) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(page_file.as_uri())
    page.emulate_media(media="print")
    assert 0 not in page.evaluate(CLOSED)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf(format="A4").startswith(b"%PDF")
    context.close()


def test_a_keyboard_reaches_the_verdict_and_what_is_folded(browser: Any, page_file: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(page_file.as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "verdict"
    if not page.evaluate("document.querySelectorAll('summary').length"):
        context.close()
        return
    while page.evaluate("document.activeElement.tagName") != "SUMMARY":
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement !== document.body"), "the end was reached before anything folded"
    before = page.evaluate("document.activeElement.parentElement.open")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.parentElement.open") is not before
    context.close()
