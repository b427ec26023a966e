"""The six questions of each lesson: the lesson's own words, and what an answer must mention."""

import html
import re
from pathlib import Path

import pytest

from lessons_lib.course.notebooks.execute import load
from lessons_lib.course.practice.written import load_questions, questions
from lessons_lib.files import DATA

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
ASKED = sorted(file.stem for file in (DATA / "questions").glob("*.yaml"))
each_notebook = pytest.mark.parametrize("notebook", ASKED)


@each_notebook
def test_a_notebook_asks_its_questions_once_and_shows_answers_without_a_kernel(notebook):
    (path,) = NOTEBOOKS.glob(f"{notebook}_*.ipynb")
    cells = load(path).cells
    (asks,) = [cell for cell in cells if cell.source == f'questions("{notebook}")']
    shown = html.unescape(re.sub(r"</?(?:em|b|code)>", "", asks.outputs[0].data["text/html"]))
    for i, row in enumerate(load_questions(notebook), 1):
        question, answer = (re.sub(r"[*`]", "", row[part]) for part in ("question", "answer"))
        assert f"<summary>{i}. {question}</summary>" in shown and f">{answer}</p>" in shown
        assert not any(row["question"] in cell.source for cell in cells)  # asked once


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
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: shown.append(bundle))
    questions("04")
    assert shown[0]["text/html"].count("<details>") == 6
    assert all(row["question"] in shown[0]["text/plain"] for row in load_questions("04"))
    monkeypatch.delenv("LESSONS_PLAIN")
    questions("04")
    said = capsys.readouterr().out
    assert said.splitlines()[0] == f"1. {load_questions('04')[0]['question']}"
    assert len(said.splitlines()) == 6
    assert all(row["answer"] not in said for row in load_questions("04"))


def test_an_unknown_notebook_is_named_with_those_there_are():
    with pytest.raises(ValueError, match="'99' has no questions; there are questions for 00, 01"):
        questions("99")
