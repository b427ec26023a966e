"""The editions of a notebook, and reading what the checks said."""

from pathlib import Path

import nbformat
import pytest
from conftest import cell

from lessons_lib.course.notebooks import editions
from lessons_lib.course.notebooks.execute import load, run

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("[0-9]*.ipynb"))


@pytest.fixture
def registry(monkeypatch):
    """A registry with one exercise, `toy.double`."""
    from lessons_lib.course.exercises import bank

    class Exercise:
        def solution(self):
            return "def double(x):\n    return 2 * x"

    monkeypatch.setattr(bank, "find", {"toy.double": Exercise()}.__getitem__)


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


def test_the_lecturers_edition_unfolds_answers_and_says_what_they_must_mention(write, registry):
    why = "<details><summary>Why?</summary>\n\nSo.\n</details>"
    asks = cell("code", 'questions("01")')
    nb = load(write([*toy(), cell("markdown", why), asks, cell("markdown", "The end.")]))
    rows = [{"question": "Why?", "answer": "Because.", "must": ["a cause", "a reason"]}]
    made = editions.lecturers(nb, rows)
    assert made.cells[1].source.endswith("return 2 * x")
    assert made.cells[3].source.startswith("<details open>")
    assert made.cells[4].source == asks["source"]
    assert made.cells[5].source == "1. Because. *It must mention:* a cause; a reason."
    assert made.cells[5].metadata.slideshow.slide_type == "notes"
    assert made.cells[6].source == "The end." and len(nb.cells) == 6
    assert "<details>" in nb.cells[3].source


def test_an_answer_bears_on_what_reads_it_until_the_name_is_another_thing():
    cells = [
        cell("code", "from somewhere import check, double, train", id="begin"),
        cell("code", "table = [1]", id="table"),
        cell("code", "def double(x):\n    return 2 * x", "exercise:toy.double", id="stub"),
        cell("code", "check(double)\nfrom library import double", "check:toy.double", id="check"),
        cell("code", "net = train(double)", id="the library's"),
        cell("code", "half = 1 / 2", "exercise:toy.half", id="number"),
        cell("code", "check(half)", "check:toy.half", id="checked"),
        cell("code", "def quarter():\n    return table[0] * half**2", id="reads it"),
        cell("code", "quarter()", id="reads what read it"),
        cell("code", "half = 0.5", id="given"),
        cell("code", "print(half)", id="reads what is given"),
        cell("markdown", "The end."),
    ]
    nb = nbformat.from_dict({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    stays = ["begin", "table", "stub", "check", "number", "checked"]
    kept = [each.id for each in editions.answering(nb).cells]
    assert kept == [*stays, "reads it", "reads what read it"] and len(nb.cells) == 12


# --- reading the checks ---------------------------------------------------------------------------


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


def test_an_answer_that_does_not_run_is_named_before_its_check():
    error = lambda name: {"output_type": "error", "ename": name, "evalue": "x", "traceback": []}
    stub = cell("code", "def f(:", "exercise:a.f", outputs=[error("SyntaxError")], id="a")
    test = cell("code", "check()", "check:a.f", outputs=[error("NameError")], id="b")
    nb = {"cells": [stub, test], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    assert editions.results(nbformat.from_dict(nb)) == [("a.f", "✗", "SyntaxError: x")]
