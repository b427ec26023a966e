"""A notebook's page without a browser; tests/browser/test_export.py looks at it."""

import html
import re

import nbformat
from conftest import cell
from jupyterlab_server.config import get_federated_extensions

from lessons_lib.course.cli.lab import lab_options
from lessons_lib.course.cli.which import ROOT, course
from lessons_lib.course.notebooks.execute import WIDGET_VIEW
from lessons_lib.course.pages.page import page

PICTURE = {
    "output_type": "display_data",
    "data": {"image/png": "aGk=", "text/plain": "x", WIDGET_VIEW: {"model_id": "1"}},
    "metadata": {"image/png": {"alt": 'a "moon" & a star'}},
}
OTHERS = re.compile(r'(?:src|href)="(?:https?:)?//')


def small():
    """A notebook with a formula, a way to another, and a picture that was a widget."""
    prose = "# A & B\n\n$x_0$, [on](02_on.ipynb#Here)\n\n| | b |\n|---|---|\n| 1 | 2 |"
    cells = [cell("markdown", prose, id="a"), cell("code", "draw()", id="b", outputs=[PICTURE])]
    widgets = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    metadata = {"widgets": widgets}
    return nbformat.from_dict(
        {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    )


def test_a_page_says_what_a_picture_shows_and_asks_nobody():
    made = page(small(), "01_small", "../assets")
    ((_, alt),) = re.findall(r"""<img alt=(["'])(.*?)\1""", made)
    assert html.unescape(alt) == PICTURE["metadata"]["image/png"]["alt"]
    assert "<th></th>" not in made and "<td></td>" in made
    assert '<html lang="en">' in made and "<title>A &amp; B</title>" in made
    assert 'href="02_on.html#Here"' in made and "In&nbsp;[" not in made
    assert re.findall(r'<script[^>]* src="([^"]*)"', made) == ["../assets/mathjax/tex-chtml.js"]
    assert not OTHERS.search(made)


def test_a_page_without_mathjax_says_so():
    made = page(small(), "01_small")
    assert "MathJax was not installed" in made and "mathjax/" not in made


def test_jupyterlab_finds_what_hands_on_the_alt_text():
    (folder,) = (
        option.split("=", 1)[1] for option in lab_options(course()[0]) if "labextensions" in option
    )
    found = get_federated_extensions([folder])["lessons-pictures"]
    load = found["jupyterlab"]["_build"]["load"]
    assert (ROOT / folder / "lessons-pictures" / load).is_file()


def test_every_picture_on_a_page_around_the_notebooks_has_words():
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("data/**/*.md")]
    pictures = [
        alt for each in pages for alt in re.findall(r"!\[(.*?)\]\(", each.read_text("utf-8"))
    ]
    assert len(pictures) > 5 and all(alt.strip() for alt in pictures)


def test_every_picture_that_the_library_writes_in_html_has_words():
    files = [*ROOT.glob("lessons_lib/**/*.py"), *ROOT.glob("lessons_lib/**/*.j2")]
    found = [tag for file in files for tag in re.findall(r"<img[^>]*", file.read_text("utf-8"))]
    assert len(found) >= 3 and [tag for tag in found if 'alt="' not in tag] == []
