"""Every committed notebook keeps the rules, and every one of its exercises can be solved."""

from pathlib import Path

import pytest

from lessons_lib.course.notebooks import editions
from lessons_lib.course.notebooks.execute import load, run, tags
from lessons_lib.course.notebooks.rules import problems

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_there_are_notebooks():
    assert [path.name for path in NOTEBOOKS][:1] == ["00_start_here.ipynb"]


@each_notebook
def test_a_committed_notebook_keeps_the_rules(path):
    assert problems(path) == []


@each_notebook
def test_every_exercise_has_its_check_and_starts_unwritten(path):
    nb = load(path)
    stubs = [name for name, _ in editions.marked(nb, "exercise")]
    assert [name for name, _ in editions.marked(nb, "check")] == stubs
    assert [(n, mark) for n, mark, _ in editions.results(nb)] == [(n, editions.OPEN) for n in stubs]


def test_cells_that_are_not_compared_are_few():
    skipped = ("nbval-skip", "nbval-ignore-output", "nbval-raises-exception")
    cells = [cell for path in NOTEBOOKS for cell in load(path).cells if cell.cell_type == "code"]
    loose = [cell for cell in cells if set(skipped) & set(tags(cell)) or "NBVAL_" in cell.source]
    assert len(loose) <= len(cells) / 50


@pytest.mark.solved
@each_notebook
def test_the_solved_edition_passes_every_check(path):
    """What no answer bears on runs as it does in the reader's edition, which nbval compares."""
    answers = editions.answering(editions.solved(load(path)))
    done = run(path, env=editions.STRICT, notebook=answers)
    assert done.error is None
    marks = {name: (mark, said) for name, mark, said in editions.results(done.notebook)}
    assert list(marks) == [name for name, _ in editions.marked(load(path), "exercise")]
    assert {n: m for n, m in marks.items() if m[0] != editions.RIGHT} == {}
