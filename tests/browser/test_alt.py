"""What JupyterLab says of our pictures, and of the rest, to somebody who does not see them."""

import os
import re
import shutil
import signal
import subprocess
import sys

import pytest
from barriers import barriers

from lessons_lib.course.cli.which import course
from lessons_lib.course.notebooks.execute import load

RUN = "from lessons_lib.course.cli import main; main()"

# What axe finds in JupyterLab itself, and no notebook can mend.
KNOWN = (
    "aria-allowed-attr",  # its toolbar: aria-pressed on buttons that are none to be pressed in
    "aria-input-field-name",  # its editors have no name
    "aria-required-children",  # its feed of cells holds other things than articles
)
OURS = ".jp-OutputArea-output, .jp-RenderedMarkdown"

ALTS = """() => [...document.querySelectorAll(".jp-OutputArea-output img")]
  .map((each) => each.getAttribute("alt"))"""

# The last cell has run, and none waits.
DONE = """() => {
  const prompts = [...document.querySelectorAll(".jp-InputPrompt")].map((each) => each.textContent);
  return document.querySelectorAll(".jupyter-widgets").length > 8
    && !prompts.some((each) => each.includes("*"));
}"""


@pytest.fixture
def lab(tmp_path):
    """lab(file) -> the address at which `lessons lab` shows a copy of it."""
    started = []

    def open(file):
        home = tmp_path / "home"
        home.mkdir()
        copied = shutil.copy(file, tmp_path / file.name)
        words = [sys.executable, "-c", RUN, "lab", str(copied), "--no-browser"]
        env = os.environ | {"HOME": str(home), "LESSONS_HOME": str(home)}
        child = subprocess.Popen(
            words, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        started.append(child)
        for line in child.stdout:
            if found := re.search(r"http://(?:localhost|127\.0\.0\.1):\d+/\S+", line):
                return found.group()
        raise AssertionError(f"`lessons lab` ended with {child.wait()}")

    yield open
    for child in started:
        child.send_signal(signal.SIGTERM)
        child.wait(30)


def alts(path) -> list[str]:
    """What a file says of each picture in its outputs."""
    outputs = [output for cell in load(path).cells for output in cell.get("outputs", [])]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    return [output.metadata["image/png"]["alt"] for output in pictures]


def seen(page) -> list[str]:
    """The alt texts of all pictures in outputs, once the notebook is scrolled through."""
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=90_000)
    for at in range(0, 60):
        page.evaluate(
            "(at) => document.querySelector('.jp-WindowedPanel-outer').scrollTo(0, at)", at * 700
        )
        page.wait_for_timeout(60)
    return page.evaluate(ALTS)


def test_jupyterlab_says_what_a_picture_shows(lab, look):
    first = course()[0]
    page = look(lab(first))
    wanted = alts(first)
    assert len(wanted) > 5 and seen(page) == wanted  # as the file has them: nothing ran
    assert barriers(page, *KNOWN) == [] and barriers(page, within=OURS) == []
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.wait_for_function(DONE, timeout=200_000)
    still = [alt for alt in seen(page) if alt in wanted]
    live = len(wanted) - len(still)  # what a widget now shows says its own words
    assert all(page.evaluate(ALTS)) and len(still) > 5 and live <= 2
    # The handle of a slider has no name in ipywidgets: its label stands beside it.
    assert barriers(page, *KNOWN) == []
    assert barriers(page, "aria-input-field-name", within=OURS) == []
