"""Every notebook in JupyterLab: it runs, its widgets answer, nothing is cut off, and it stays."""

import pytest
from controls import VIEW, Output
from layout import SIZES, USUAL, cut_off, pale, resize

from lessons_lib.course.notebooks.execute import tags

RED = "application/vnd.jupyter.stderr", "application/vnd.jupyter.error"


def test_it_runs_from_top_to_bottom_and_nothing_is_red(notebook):
    for kind in RED:
        said = notebook.panel.locator(f"[data-mime-type='{kind}']").all_inner_texts()
        assert said == []
    assert notebook.problems == []


def test_every_widget_answers_mouse_and_keyboard(notebook, record_property):
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
        widget = Output(notebook.page, output, notebook.cells[i].id)
        wrong += widget.sweep()
        for slider, times in widget.latencies.items():
            record_property(slider, times)
    assert wrong == []
    test_it_runs_from_top_to_bottom_and_nothing_is_red(notebook)


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
def test_every_text_of_an_output_can_be_read(usual, dark):
    if dark:
        usual.dark()
    assert pale(usual.page) == []
