"""Every notebook in JupyterLab: it runs, its widgets answer, nothing is cut off or hidden."""

import pytest
from barriers import barriers
from controls import VIEW, Output
from layout import SIZES, USUAL, cut_off, resize

from lessons_lib.course.notebooks.execute import tags

RED = "application/vnd.jupyter.stderr", "application/vnd.jupyter.error"

# What axe finds in JupyterLab and ipywidgets themselves, and no notebook can mend.
KNOWN = (
    "aria-allowed-attr",  # its toolbar: aria-pressed on buttons that are none to be pressed in
    "aria-input-field-name",  # its editors have no name, nor have ipywidgets' sliders
    "scrollable-region-focusable",  # its box around Markdown, where a formula is wide
    "aria-prohibited-attr",  # its cells of Markdown have a label, and no role
    "aria-required-children",  # its feed of cells holds other things than articles
)


def test_it_runs_from_top_to_bottom_and_nothing_is_red(notebook):
    for kind in RED:
        said = notebook.panel.locator(f"[data-mime-type='{kind}']").all_inner_texts()
        assert said == []
    assert notebook.problems == []


def test_every_widget_answers_mouse_and_keyboard(notebook):
    outputs = [
        (i, output)
        for i in range(len(notebook.cells))
        for output in notebook.output(i).locator(VIEW).all()
        if output.locator("img").count()
    ]
    tagged = {i for i, cell in enumerate(notebook.cells) if "widget" in tags(cell)}
    assert tagged <= {i for i, _ in outputs}
    wrong = []
    for i, output in outputs:
        wrong += Output(notebook.page, output, notebook.cells[i].id).sweep()
    assert not wrong, "\n".join(wrong)
    test_it_runs_from_top_to_bottom_and_nothing_is_red(notebook)


def test_every_picture_says_what_it_shows(notebook):
    shown = notebook.panel.locator(".jp-OutputArea-output img")
    assert shown.count() > 2
    assert [each for each in shown.all() if not (each.get_attribute("alt") or "").strip()] == []


@pytest.fixture
def usual(notebook):
    """The notebook, whose window and theme are as they were when the test is over."""
    yield notebook
    resize(notebook.page, *USUAL)
    if notebook.page.locator("body[data-jp-theme-light=false]").count():
        notebook.dark(False)


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_cut_off(usual, size):
    resize(usual.page, *SIZES[size])
    assert cut_off(usual.page) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nobody_is_shut_out(usual, dark):
    if dark:
        usual.dark()
    assert barriers(usual.page, *KNOWN) == []
