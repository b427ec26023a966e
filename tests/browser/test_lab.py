"""Every notebook in JupyterLab: it runs, its widgets answer, nothing is cut off, and it stays."""

from barriers import barriers
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
    assert not wrong, "\n".join(wrong)
    test_it_runs_from_top_to_bottom_and_nothing_is_red(notebook)


# What reaches past the panel's edge, and has no bar to scroll to it.
CUT = """() => {
  const panel = document.querySelector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook");
  const edge = panel.getBoundingClientRect().right + 1, cut = [];
  const scrolls = (each) => /auto|scroll/.test(getComputedStyle(each).overflowX);
  for (const each of panel.querySelectorAll(".jp-OutputArea *, .jp-RenderedMarkdown *, .cm-line")) {
    const box = each.getBoundingClientRect();
    if (box.width < 2 || box.height < 2 || box.right <= edge) continue;
    if (each.closest("mjx-assistive-mml, .jp-mod-hidden, svg")) continue;
    let above = each.parentElement;
    while (above !== panel && !scrolls(above)) above = above.parentElement;
    if (above === panel) cut.push(`${each.tagName}: ${each.textContent.slice(0, 60)}`);
  }
  return cut;
}"""


# What axe finds in JupyterLab and ipywidgets themselves, and no notebook can mend.
KNOWN = (
    "aria-allowed-attr",  # its toolbar: aria-pressed on buttons that are none to be pressed in
    "aria-input-field-name",  # its editors have no name, nor have ipywidgets' sliders
    "aria-required-children",  # its feed of cells holds other things than articles
)


def test_every_picture_says_what_it_shows(notebook):
    shown = notebook.panel.locator(".jp-OutputArea-output img")
    assert shown.count() > 2
    assert [each for each in shown.all() if not (each.get_attribute("alt") or "").strip()] == []


def test_nothing_is_cut_off_when_narrow_or_zoomed_or_shut_to_anybody_in_the_dark(notebook):
    page, wrong = notebook.page, []
    page.keyboard.press("Escape")
    for dark in (False, True):
        notebook.dark(dark)
        for width in (700, 853):  # 853 is a window of 1280, zoomed to 150 %
            page.set_viewport_size({"width": width, "height": 600})
            wrong += [f"{width} pixels, dark {dark}: {each}" for each in page.evaluate(CUT)]
        page.set_viewport_size({"width": 1280, "height": 900})
        wrong += [f"dark {dark}: {each}" for each in barriers(page, *KNOWN)]
    notebook.dark(False)
    assert not wrong, "\n".join(wrong)
