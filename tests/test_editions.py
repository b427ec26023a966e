"""The solved edition, and reading what the checks said."""

import nbformat
import pytest
from conftest import cell

from lessons_lib.course import editions
from lessons_lib.course.execute import load, run


@pytest.fixture
def registry(monkeypatch):
    """A registry with one exercise, `toy.double`."""
    from lessons_lib.course import exercises

    class Exercise:
        def solution(self):
            return "def double(x):\n    return 2 * x"

    monkeypatch.setattr(exercises, "find", {"toy.double": Exercise()}.__getitem__)


CHECK = (
    "ok = double(3) == 6\nprint('○ not written yet' if double(3) is None else '✓✗'[not ok], 'x')"
)


def toy():
    return [
        cell("markdown", "# Toy"),
        cell("code", "def double(x):\n    ...", "exercise:toy.double"),
        cell("code", CHECK, "check:toy.double"),
    ]


def test_solved_fills_in_the_answer_and_the_student_keeps_the_stub(write, registry):
    path = write(toy())
    student = load(path)
    answers = editions.solved(student)
    assert answers.cells[1].source.endswith("return 2 * x")
    assert student.cells[1].source.endswith("...")
    assert editions.results(run(path).notebook) == [("toy.double", "○", "not written yet x")]
    done = run(path, notebook=answers, env=editions.STRICT)
    assert editions.results(done.notebook) == [("toy.double", "✓", "x")]


def test_an_exercise_nobody_knows_is_an_error(write, registry):
    path = write([cell("code", "...", "exercise:toy.triple")])
    with pytest.raises(KeyError, match="toy.triple"):
        editions.solved(load(path))


def said(*outputs):
    cells = [cell("code", "check()", "check:a.b", outputs=outputs, id="a")]
    nb = nbformat.from_dict({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    return editions.results(nb)


def test_results_reads_the_line_with_the_mark():
    noise = {
        "output_type": "stream",
        "name": "stdout",
        "text": "hello\n\x1b[31m✗ a.b: forgot √\x1b[0m\n",
    }
    assert said(noise) == [("a.b", "✗", "forgot √")]


def test_a_check_that_did_not_run_is_wrong():
    error = {"output_type": "error", "ename": "NameError", "evalue": "f", "traceback": []}
    assert said(error) == [("a.b", "✗", "NameError: f")]
    assert said() == [("a.b", "✗", "the check printed nothing")]
