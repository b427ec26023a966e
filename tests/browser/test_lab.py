"""Every notebook in JupyterLab: it runs, its widgets answer, nothing is cut off, and it stays."""

from controls import VIEW, Output

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
