"""A real browser for tests: the system's Chromium, driven by Playwright; without one they are skipped."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Any]:
    """Yield a browser of Playwright's."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    with api.sync_playwright() as playwright:
        # Containers give browsers no sandbox and little shared memory; the pages are our own.
        flags = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Any, path: Path, *, width: int = 1440, height: int = 900, **how: Any) -> Iterator[Any]:
    """Yield a page on a file, without a network; at the end nothing may have been thrown or complained of."""
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": height}, offline=True, **how)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: complaints.append(request.url) if _goes_out(request.url) else None)
    try:
        page.goto(path.as_uri())
        yield page
    finally:
        context.close()
    assert complaints == []


def _goes_out(url: str) -> bool:
    return not url.startswith(("file:", "data:"))
