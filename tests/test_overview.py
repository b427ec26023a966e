"""The map of the course with what is done, and what to do again."""

from pathlib import Path

import pytest

from lessons_lib.course.exercises.bank import find
from lessons_lib.course.practice import memory
from lessons_lib.course.practice.lessons import lessons
from lessons_lib.course.practice.memory import record
from lessons_lib.course.practice.overview import (
    again,
    as_html,
    as_text,
    details,
    overview,
    progress,
    tally,
    weakest,
)
from lessons_lib.course.say import OPEN, RIGHT, WRONG

ID = "forward.two_steps"
pytestmark = pytest.mark.usefixtures("reader")


def test_the_map_knows_every_notebook_and_counts_what_is_right():
    files = sorted((Path(__file__).parents[1] / "notebooks").glob("[0-9]*.ipynb"))
    assert [each.number for each in lessons()] == [file.name[:2] for file in files]
    assert all(find(id).id == id for each in lessons() for id in each.exercises)
    record("forward.two_steps", RIGHT)
    record("forward.hidden", WRONG, "one early")
    record("01.question.2", "got it")
    text, rich = as_text(overview()), as_html(overview())
    row = next(line for line in text.splitlines() if line.startswith("01 "))
    total = len(next(each for each in lessons() if each.number == "01").exercises)
    assert f"1 of {total} right, 1 not right yet" in row and "questions 1 of 6" in row
    assert row.count(RIGHT) == row.count(WRONG) == 1 and row.count(OPEN) == total - 2
    assert "forward.hidden: not right yet: one early" in rich  # words, not colour alone
    assert "○ not yet   ✗ not right yet   ✓ right" in text


def test_one_notebook_in_detail():
    record(f"{ID}#7", RIGHT)
    record(f"{ID}#8", RIGHT)
    record("01.question.3", "nearly", "what I wrote")
    text, rich = as_text(details("1")), as_html(details("1"))
    assert "○ forward.two_steps" in text and "2 times right with new numbers" in text
    assert "~ question 3" in text and "nearly, on" in text and "what I wrote" not in text
    assert "<th" in rich and "forward.two_steps" in rich
    with pytest.raises(ValueError, match="'77' is not one of the course's, 00, 01"):
        progress("77")


@pytest.mark.parametrize("wish", ["", "off"])
def test_a_tally_counts_this_session_kept_or_not(wish, monkeypatch, capsys):
    monkeypatch.setenv("LESSONS_PROGRESS", wish)
    tally("01")
    total = len(next(each for each in lessons() if each.number == "01").exercises)
    assert capsys.readouterr().out == f"0 of {total} right.\n"  # all is open: no list
    record("forward.two_steps", WRONG)
    record("forward.two_steps", RIGHT)
    record("forward.hidden", WRONG)
    tally("01")
    said = capsys.readouterr().out
    assert said.startswith(f"1 of {total} right; left: ") and said.count(OPEN) == total - 2
    assert f"{WRONG} forward.hidden" in said and "two_steps" not in said


def test_a_tally_remembers_other_days(monkeypatch, capsys):
    record("forward.two_steps", RIGHT)
    monkeypatch.setattr(memory, "_session", {})  # the kernel was started again
    tally("01")
    assert capsys.readouterr().out.startswith("1 of ")


def test_what_failed_comes_first(capsys):
    again()
    assert "Nothing failed" in capsys.readouterr().out
    record("forward.two_steps", RIGHT)  # right at once: not again
    for outcome in (WRONG, RIGHT):
        record("forward.alpha_bars", outcome)
    record("reverse.kl", "revealed")
    record("03.question.2", "nearly")
    record("02.question.1", "got it")
    record("ddim.ddim_step", WRONG, "alpha of the old level")
    ids = [id for _, id, _ in weakest()]
    assert ids[0] == "ddim.ddim_step"
    assert set(ids[1:]) == {"forward.alpha_bars", "reverse.kl", "question 2"}
    again()
    assert "alpha of the old level" in capsys.readouterr().out
