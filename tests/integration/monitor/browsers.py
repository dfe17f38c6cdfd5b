"""A headless Chromium: one of the distribution, led by Playwright."""

import os
import shutil
from contextlib import contextmanager

import pytest

PATIENCE_MS = 60_000
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",
    "--enable-unsafe-swiftshader",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def _refuse(reason: str) -> None:
    """Fail where tests must not be left out, skip elsewhere."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"With CI=true the page has to be tried in a browser: {reason}.")
    pytest.skip(reason)


@contextmanager
def browsing(profile):
    """Yield a function that opens a page; the profile is a folder that is not there yet."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        _refuse(f"none of {', '.join(_NAMES)} is installed")
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        _refuse("playwright is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            profile, executable_path=path, headless=True, args=list(_FLAGS), viewport={"width": 900, "height": 800}
        )
        browser.set_default_timeout(PATIENCE_MS)
        try:
            yield browser.new_page
        finally:
            browser.close()
