"""Every notebook in JupyterLab: it runs, widgets answer, nothing is cut off, and all of it stays."""

RED = "application/vnd.jupyter.stderr", "application/vnd.jupyter.error"


def test_it_runs_from_top_to_bottom_and_nothing_is_red(notebook):
    for kind in RED:
        said = notebook.panel.locator(f"[data-mime-type='{kind}']").all_inner_texts()
        assert said == []
    assert notebook.problems == []
