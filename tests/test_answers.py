"""The six questions of each lesson: the lesson's own words, and what an answer must mention."""

from pathlib import Path

import pytest

from lessons_lib.course.answers import compared, load_questions, questions
from lessons_lib.course.execute import load
from lessons_lib.files import DATA

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
ASKED = sorted(file.stem for file in (DATA / "questions").glob("*.yaml"))
each_notebook = pytest.mark.parametrize("notebook", ASKED)


@each_notebook
def test_questions_and_answers_are_the_notebooks_own(notebook):
    (path,) = NOTEBOOKS.glob(f"{notebook}_*.ipynb")
    text = "\n".join(cell.source for cell in load(path).cells)
    for row in load_questions(notebook):
        assert row["question"] in text and row["answer"] in text


@each_notebook
def test_there_are_six_with_points_that_must_be_there(notebook):
    rows = load_questions(notebook)
    assert len(rows) == 6
    for row in rows:
        assert set(row) == {"question", "answer", "must"}
        points = row["must"]
        assert 2 <= len(points) <= 4 and len(set(points)) == len(points)
        assert all(point and not point.endswith(".") for point in points)


def test_where_no_notebook_is_they_are_printed_without_answers(capsys, monkeypatch):
    monkeypatch.setenv("LESSONS_PLAIN", "1")
    questions("04")
    assert capsys.readouterr().out.startswith("6 questions")  # the notebook has them, folded
    monkeypatch.delenv("LESSONS_PLAIN")
    questions("04")
    said = capsys.readouterr().out
    assert said.splitlines()[0] == f"1. {load_questions('04')[0]['question']}"
    assert len(said.splitlines()) == 6
    assert all(row["answer"] not in said for row in load_questions("04"))


def test_an_unknown_notebook_is_named_with_those_there_are():
    with pytest.raises(ValueError, match="'99' has no questions; there are questions for 00, 01"):
        questions("99")


def test_what_was_written_is_shown_as_text():
    row = {"question": "q", "answer": "the *mean*", "must": ["a & b"]}
    said = compared(row, "<b>mine</b>")
    assert "the <em>mean</em>" in said and "<li>a &amp; b</li>" in said
    assert "Last time you wrote: &lt;b&gt;mine&lt;/b&gt;" in said
    assert "Last time" not in compared(row, None)
