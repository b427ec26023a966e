"""The editions of a notebook, and reading what the checks said."""

from pathlib import Path

import nbformat
import pytest
from conftest import cell

from lessons_lib.course import editions
from lessons_lib.course.execute import load, run

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("[0-9]*.ipynb"))


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


# --- only what the checks need --------------------------------------------------------------------


def sources(*cells):
    nb = {"cells": [*cells], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    for i, each in enumerate(cells):
        each.setdefault("id", f"c{i}")
    return [each.source for each in editions.needed(nbformat.from_dict(nb)).cells]


STUB = cell("code", "def f(x):\n    return helper(x)", "exercise:a.f")
TEST = cell("code", "check('a.f', f)", "check:a.f")


def test_needed_keeps_what_defines_the_names_and_nothing_else():
    kept = sources(
        cell("code", "import torch"),
        cell("code", "from course import check"),
        cell("markdown", "# Prose"),
        cell("code", "table = [1]"),
        cell("code", "def helper(x):\n    return table[0] * x"),
        cell("code", "net = train(steps=100000)"),
        STUB,
        cell("code", "x = f(net)"),
        TEST,
        cell("code", "def helper(x):\n    return late"),
    )
    assert kept == [
        "from course import check",
        "table = [1]",
        "def helper(x):\n    return table[0] * x",
        STUB["source"],
        TEST["source"],
    ]


@pytest.mark.parametrize(
    "change",
    [
        "helper = other",
        "helper.k = 3",
        "helper.table[2].append(3)",
        "helper += 1",
        "helper[0] += 1",
        "helper[0] = 1",
        "for helper in range(3): pass",
        "with open('f') as helper: pass",
        "(a, helper) = 1, 2",
        "import x.y as helper",
        "if (helper := 3): pass",
        "class helper: pass",
        "%%time\nhelper = 1",
        "%matplotlib inline\nhelper = 1",
        "this is no Python",
    ],
)
def test_needed_keeps_whatever_may_change_a_name(change):
    assert change in sources(cell("code", change), STUB, TEST)


@pytest.mark.parametrize("other", ["print(helper)", "def g(helper): return helper", "helpers = 1"])
def test_needed_drops_what_only_reads(other):
    assert other not in sources(cell("code", other), STUB, TEST)


def test_needed_of_a_notebook_without_exercises_is_empty():
    assert sources(cell("code", "x = 1"), cell("markdown", "# Prose")) == []


@pytest.mark.solved
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_cells_that_are_needed_pass_every_check(path):
    nb = load(path)
    done = run(path, env=editions.STRICT, notebook=editions.needed(editions.solved(nb)))
    assert done.error is None
    found = [(name, mark) for name, mark, _ in editions.results(done.notebook)]
    assert found == [(name, editions.RIGHT) for name, _ in editions.marked(nb, "exercise")]


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
