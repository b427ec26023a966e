"""A real browser, in which nothing may leave the machine and no page may complain."""

from urllib.parse import urlsplit

import pytest

from lessons_lib.course.pages import pdf


@pytest.fixture(scope="session")
def chromium():
    """The browser, started once a process."""
    try:
        with pdf.chromium() as browser:
            yield browser
    except FileNotFoundError as problem:
        pytest.skip(f"NOTHING WAS LOOKED AT: {problem}")


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
