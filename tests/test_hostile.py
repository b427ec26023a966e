"""Answers that try to stay: the time limit ends them, the check stands, the next check works."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import cell
from hostile import FUNCTIONS, VALUES

from lessons_lib.course.checking.sandbox import TooLong, limited
from lessons_lib.course.notebooks.execute import run


@pytest.fixture(scope="module")
def said():
    """What came of each answer, in a process that is killed if one of them stays after all."""
    env = os.environ | {"LESSONS_PROGRESS": "off", "LESSONS_STRICT": "0"}
    program = [sys.executable, Path(__file__).with_name("hostile.py")]
    done = subprocess.run(program, env=env, capture_output=True, text=True, timeout=300)
    return {line.split("\t")[0]: line.split("\t")[1:] for line in done.stdout.splitlines()}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_hostile_function_becomes_a_sentence(said, name):
    symbol, message, following = said[name]
    assert symbol in "✗○" and FUNCTIONS[name][1] in message
    assert following == "✓"


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("id", ["forward.two_steps", "start.guess"])
def test_a_hostile_value_becomes_a_sentence(said, name, id):
    symbol, message, following = said[f"{name} {id}"]
    assert symbol == "✗" and VALUES[name][1] in message
    assert following == "✓"


def test_a_reader_can_stop_what_catches_everything(said):
    """A KeyboardInterrupt of an answer is a hint; one of the reader's leaves the check."""
    assert said["stop"] == ["KeyboardInterrupt", "✓"]
    assert said["True"] == ["end"]  # the handler of Ctrl-C is the one that was there


def test_a_busy_machine_makes_nobody_wrong():
    """Time in which an answer did not compute counts a fifth: it sleeps here, it waits there."""
    assert limited(1.0, lambda: time.sleep(1.5) or "done") == "done"
    with pytest.raises(TooLong):
        limited(0.2, lambda: time.sleep(60))


def test_the_kernel_lives(write):
    source = """
import sys
from lessons_lib.course import check
from hostile import catches_everything, forks, noisy
sys.modules["lessons_lib.course.checking.attempt"].TIME_LIMIT = 0.3
for answer in (catches_everything, forks):
    check("start.warm_up", lambda *probe: answer())
"""
    path = write([cell("code", source), cell("code", "check('start.warm_up', noisy)")])
    env = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    done = run(path, env=env)
    assert done.error is None
    assert done.notebook.cells[1].outputs[0].text.startswith("✓ start.warm_up")
