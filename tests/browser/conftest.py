"""A real browser, in which nothing may leave the machine and no page may complain."""

import shutil
from urllib.parse import urlsplit

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

# Root may start a browser only without its sandbox; the rest keeps it from looking for updates.
QUIET = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --disable-default-apps --mute-audio""".split()


@pytest.fixture(scope="session")
def chromium():
    """The browser, started once a process."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"NO BROWSER, nothing was looked at: none of {', '.join(NAMES)} is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def look(chromium):
    """look(url, width=…, height=…, dark=…) -> a page; in the end nothing may have gone wrong.

    A page that asks another machine for anything, raises an error, or writes one to its console
    fails the test, after the test's own assertions.
    """
    contexts, problems = [], []

    def open(url=None, width=1280, height=800, dark=False, **options):
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            **options,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda asked: problems.extend(foreign(asked.url)))
        page.on("pageerror", lambda error: problems.append(f"page error: {error}"))
        page.on(
            "console",
            lambda said: said.type == "error" and problems.append(f"console: {said.text}"),
        )
        if url is not None:
            page.goto(str(url))
        return page

    yield open
    for context in contexts:
        context.close()
    assert problems == []


def foreign(url: str) -> list[str]:
    """What is wrong with a request: that it leaves this machine."""
    parts = urlsplit(url)
    at_home = parts.scheme in ("file", "data", "blob", "about") or parts.hostname in (
        "localhost",
        "127.0.0.1",
    )
    return [] if at_home else [f"asked another machine: {url}"]
