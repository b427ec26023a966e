"""How long a reader waits for a slider's picture: `python tests/browser/latency.py [NN …]`.

Each slider of each notebook is moved by keyboard. From the key to the changed picture in the page:
median and worst are printed, in milliseconds, and all are kept in build/latency.json. Only a quiet
machine tells the truth.
"""

import json
import statistics
import sys
import tempfile
from pathlib import Path

from controls import KINDS, LABEL, VALUE, VIEW, WAITED, Output
from driver import Notebook, lab

from lessons_lib.course.cli.which import notebooks
from lessons_lib.course.pages import pdf
from lessons_lib.files import ROOT

KEPT = ROOT / "build" / "latency.json"
MOVES = 24  # of each slider, to and fro


def measured(output: Output, handle) -> list[float]:
    """Milliseconds from each key to the changed picture."""
    times, key = [], "ArrowRight"
    handle.focus()
    for _ in range(4 * MOVES):
        value, before = handle.evaluate(VALUE), output.seen()
        output.page.keyboard.press(key)
        if handle.evaluate(VALUE) == value:  # at an end
            key = {"ArrowRight": "ArrowLeft", "ArrowLeft": "ArrowRight"}[key]
        elif output.changes(before, 5_000):
            times.append(output.page.evaluate(WAITED))
        if len(times) == MOVES:
            break
    return times


def sliders(page, notebook: Notebook) -> dict[str, list[float]]:
    """Each slider that a picture follows by itself, and how long each of its moves took."""
    found = {}
    for i, cell in enumerate(notebook.cells):
        for view in notebook.output(i).locator(VIEW).all():
            output = Output(page, view, cell.id)
            if output.draw.count():  # its picture comes when it is asked for
                continue
            for handle in view.locator(KINDS["slider"]).all():
                if handle.is_visible():
                    found[f"{cell.id}, {handle.evaluate(LABEL)}"] = measured(output, handle)
    return found


def main(names: tuple[str, ...]) -> None:
    """Measure, print and keep."""
    kept = {}
    with pdf.chromium() as browser, tempfile.TemporaryDirectory() as folder:
        for path in notebooks(names):
            home = Path(folder) / path.stem
            with lab(home, path.stem) as address:
                page = browser.new_page(viewport={"width": 1280, "height": 900})
                page.goto(address)
                opened = Notebook(page, home / "lessons/notebooks" / path.name)
                opened.run_all()
                kept[path.stem] = sliders(page, opened)
                page.close()
            for name, times in kept[path.stem].items():
                said = "no move changed its picture"
                if times:
                    middle, worst = statistics.median(times), max(times)
                    said = f"median {middle:4.0f}  worst {worst:4.0f}  of {len(times)} moves"
                print(f"{path.stem[:2]}  {name:<50} {said}", flush=True)
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
