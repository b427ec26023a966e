"""Every notebook as a page: with no network, for eyes and for screen readers, wide and narrow."""

import pytest
from barriers import barriers

from lessons_lib.course.cli.which import course
from lessons_lib.course.notebooks.execute import load
from lessons_lib.course.pages.assets import copy_assets
from lessons_lib.course.pages.page import heading, to_html

# Formulas that MathJax could not set, and text that looks like a formula that nobody has set.
UNSET = r"""() => [
  ...[...document.querySelectorAll("mjx-merror")].map((each) => each.textContent),
  ...[...document.querySelectorAll("p, li, td, h1, h2, h3")].map((each) => each.textContent)
    .filter((text) => /\\(frac|sigma|alpha|hat|bar)|\$\$/.test(text)),
]"""

WIDE = """() => [...document.querySelectorAll("main *")]
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1
    && !each.closest("pre, table, mjx-container, svg"))
  .map((each) => each.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="session")
def scripts(tmp_path_factory):
    """The folder of the pages' scripts; pages stand beside it."""
    made = tmp_path_factory.mktemp("html") / "assets"
    copy_assets(made, "mathjax")
    return made


def alts(nb) -> list[str]:
    """What is said of each picture in a notebook's outputs."""
    outputs = [output for cell in nb.cells for output in cell.get("outputs", [])]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    return [output.metadata["image/png"]["alt"] for output in pictures]


@pytest.mark.parametrize("path", course(), ids=lambda path: path.stem)
def test_a_page_is_shut_to_nobody(path, scripts, look):
    nb, file = load(path), scripts.parent / f"{path.stem}.html"
    to_html(nb, file, scripts)
    for dark in (False, True):
        page = look(file.as_uri(), dark=dark)
        page.wait_for_selector("body[data-ready]")
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate(WIDE) == []
            if width == 390 and (not dark or path == course()[0]):  # dark colours are the same
                assert barriers(page) == []
    assert page.title() == heading(nb)
    assert page.evaluate(UNSET) == [] and page.locator("mjx-container").count() > 5
    shown = page.locator("main img").evaluate_all("all => all.map((each) => each.alt)")
    assert shown == alts(nb) and len(shown) > 3
