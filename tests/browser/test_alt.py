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

# What axe finds in JupyterLab itself, with no notebook of ours open.
KNOWN = {}

ALTS = """() => [...document.querySelectorAll(".jp-OutputArea-output img")]
  .map((each) => each.getAttribute("alt"))"""


@pytest.fixture
def lab(tmp_path):
    """lab(file) -> the address at which `lessons lab` shows a copy of it."""
    started = []

    def open(file):
        home = tmp_path / "home"
        home.mkdir()
        copied = shutil.copy(file, tmp_path / file.name)
        words = [sys.executable, "-c", RUN, "lab", str(copied), "--no-browser"]
        env = os.environ | {"HOME": str(home), "LESSONS_HOME": str(home), "JUPYTER_NO_CONFIG": "1"}
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
    found = barriers(page)
    assert found == []
