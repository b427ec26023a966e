"""A deck on paper, for the lecturer: two slides a page, and under each what to say."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")

# Nothing of this is our page's: it keeps the browser from asking the network for news.
QUIET = """--disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --disable-default-apps --mute-audio""".split()


@contextmanager
def chromium() -> Iterator:
    """A browser, without a window, that a program drives.

    Raises FileNotFoundError, saying what to install, where there is none, or no driver.
    """
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise FileNotFoundError(f"no browser is installed, none of {', '.join(BROWSERS)}")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as problem:
        wanted = "pip install -c constraints.txt -e '.[pages,browser]'"
        raise FileNotFoundError(f"playwright is not installed: {wanted}") from problem
    as_root = hasattr(os, "getuid") and os.getuid() == 0  # root has a browser without its sandbox
    options = [*QUIET, *["--no-sandbox"] * as_root]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=options)
        try:
            yield browser
        finally:
            browser.close()


def print_deck(browser, page: Path, pdf: Path) -> None:
    """Print a deck's page with its notes."""
    shown = browser.new_page()
    shown.goto(f"{page.resolve().as_uri()}?paper")
    shown.wait_for_selector("body[data-ready]", state="attached")
    shown.evaluate("document.fonts.ready")
    shown.pdf(path=pdf, prefer_css_page_size=True, print_background=True)
    shown.close()
