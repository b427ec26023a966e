"""A real browser, in which nothing may leave the machine and no page may complain."""

import re
from urllib.parse import urlsplit

import pytest
from driver import Notebook, lab
from xdist.scheduler import LoadScopeScheduling

from lessons_lib.course.cli.which import course
from lessons_lib.course.pages import pdf


class Together(LoadScopeScheduling):
    """All that is done to one notebook, or in one file, is done by one process."""

    def _split_scope(self, nodeid):
        of = re.search(r"\[(\d\d_[a-z_]+)", nodeid)
        return of[1] if of else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config, log):
    """Hand out the tests so."""
    return Together(config, log)


# What JupyterLab itself complains of while all is well.
ITS_OWN = (
    "Could not restore the debugger state",  # at each restart of a kernel
    "Canceled future for",  # the same
    "Comm not found for comm id",  # a word to a widget that is gone
)


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
    pages, problems = [], []

    def open(url=None, width=1280, height=800, dark=False, **options):
        scheme, size = "dark" if dark else "light", {"width": width, "height": height}
        pages.append(chromium.new_page(viewport=size, color_scheme=scheme, **options))
        watch(pages[-1], problems)
        if url is not None:
            pages[-1].goto(str(url))
        return pages[-1]

    yield open
    for page in pages:
        page.close()
    assert problems == []


@pytest.fixture(scope="session", params=course(), ids=lambda path: path.stem)
def notebook(request, chromium, tmp_path_factory):
    """A notebook that a reader has opened in JupyterLab and run, once, from top to bottom.

    All tests of a notebook share it, in the order of their files and lines.
    """
    home = tmp_path_factory.mktemp(request.param.stem)
    with lab(home, request.param.stem) as address:
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        problems = []
        watch(page, problems)
        page.goto(address)
        opened = Notebook(page, home / "lessons/notebooks" / request.param.name)
        opened.problems = problems
        opened.run_all()
        yield opened
        page.close()


def watch(page, problems: list[str]) -> None:
    """Keep what goes wrong on a page: requests that leave the machine, and what it complains of."""
    page.on("request", lambda asked: problems.extend(foreign(asked.url)))
    page.on("pageerror", lambda error: problems.extend(complaint(str(error))))
    page.on("console", lambda said: said.type == "error" and problems.extend(complaint(said.text)))


def complaint(said: str) -> list[str]:
    """What is wrong with an error: that it is not one of JupyterLab's own."""
    return [] if any(each in said for each in ITS_OWN) else [f"error: {said}"]


def foreign(url: str) -> list[str]:
    """What is wrong with a request: that it leaves this machine."""
    parts = urlsplit(url)
    at_home = ("file", "data", "blob", "about"), ("localhost", "127.0.0.1")
    fine = parts.scheme in at_home[0] or parts.hostname in at_home[1]
    return [] if fine else [f"asked another machine: {url}"]
