"""Buttons and boxes: what each press does, and what is left where no kernel runs."""

from types import SimpleNamespace

import pytest
from conftest import cell

from lessons_lib.course import forms, hints
from lessons_lib.course.answers import load_questions
from lessons_lib.course.check import check, find
from lessons_lib.course.execute import WIDGET_VIEW, kept, run
from lessons_lib.course.practice import fresh
from lessons_lib.course.progress import history

ID = "forward.two_steps"
RIGHT, WRONG = (0.9, 0.436), (0.81, 0.19)


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    """A notebook that is only pretended: what it displays, and a shell that runs its cells."""
    for name in ("PLAIN", "STRICT", "PROGRESS"):
        monkeypatch.delenv(f"LESSONS_{name}", raising=False)
    monkeypatch.setenv("LESSONS_HOME", str(tmp_path))
    monkeypatch.setattr("lessons_lib.course.display.in_notebook", lambda: True)
    hints._given.clear()
    hints._asked.clear()
    shown = []

    def display(thing, **options):
        shown.append(thing)
        return SimpleNamespace(update=lambda data, raw: shown.__setitem__(0, data))

    names = {"check": check, "In": ["check('forward.two_steps', two_steps)"]}

    def run_cell(source, store_history):
        problem = None
        try:
            exec(source, names)
        except Exception as error:
            problem = error
        return SimpleNamespace(error_in_exec=problem, error_before_exec=None)

    shell = SimpleNamespace(user_ns=names, run_cell=run_cell)
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    monkeypatch.setattr("IPython.display.display", display)
    return SimpleNamespace(shown=shown, names=names)


def words(row):
    return [each.description for each in row.first.children]


def press(row, description):
    next(each for each in row.first.children if each.description == description).click()


def below(row):
    return "".join(getattr(each, "value", "") for each in row.below.children)


@pytest.mark.parametrize(
    "id, answer, offered",
    [
        (ID, ..., ["Hint", "Show an answer", "New numbers", "Again"]),
        (ID, WRONG, ["Hint", "Show an answer", "New numbers", "Again"]),
        (ID, RIGHT, ["New numbers"]),
        ("start.guess", "a", ["Hint", "Show an answer", "Again"]),
    ],
)
def test_each_state_has_its_buttons(lesson, id, answer, offered):
    check(id, answer)
    assert words(lesson.shown[1]) == offered


def test_right_without_new_numbers_needs_no_buttons(lesson):
    check("start.guess", "b")
    assert len(lesson.shown) == 1


def test_hints_pile_up_and_the_last_is_not_repeated(lesson):
    check(ID, WRONG)
    row = lesson.shown[1]
    for _ in range(4):
        press(row, "Hint")
    assert len(row.below.children) == 3 and "hint 3 of 3" in below(row)
    asked = [event.outcome for event in history()[ID]]
    assert asked == ["✗", "hint 1", "hint 2", "hint 3", "hint 3"]


def test_an_answer_is_shown_at_the_second_press(lesson):
    check(ID, WRONG)
    row = lesson.shown[1]
    press(row, "Show an answer")
    assert below(row) == "" and "Sure? Show it" in words(row)
    press(row, "Hint")  # second thoughts
    assert "Show an answer" in words(row)
    press(row, "Show an answer"), press(row, "Sure? Show it")
    assert "two_steps = (0.9, 0.436)" in below(row)
    assert "revealed" in [event.outcome for event in history()[ID]]


def test_reveal_asks_with_a_button(lesson):
    hints.reveal(ID)
    row = lesson.shown[1]
    assert words(row) == ["Sure? Show it"]
    press(row, "Sure? Show it")
    assert "two_steps = (0.9, 0.436)" in below(row)


def test_again_runs_the_cell_and_fills_the_same_card(lesson):
    check(ID, WRONG)
    row = lesson.shown[1]
    press(row, "Hint")
    lesson.names["two_steps"] = RIGHT
    press(row, "Again")
    assert "✓ right" in lesson.shown[0]["text/html"] and len(lesson.shown) == 2
    assert words(row) == ["New numbers"] and "hint 1 of 3" in below(row)
    assert [event.outcome for event in history()[ID]] == ["✗", "hint 1", "✓"]
    check(ID, RIGHT)  # a check that is run by itself has a card of its own
    assert len(lesson.shown) == 4


def test_again_says_what_stopped_the_cell(lesson):
    check(ID, WRONG)
    press(lesson.shown[1], "Again")
    assert "NameError" in lesson.shown[0]["text/html"]


def test_new_numbers_are_asked_and_judged(lesson):
    check(ID, RIGHT)
    row = lesson.shown[1]
    press(row, "New numbers"), press(row, "New numbers")
    (drill,) = row.below.children
    a, b = fresh(ID, drill._id.partition("#")[2]).answer
    drill.entry.value = f"({a}, {b})"
    assert "✓ right" in drill.message.value
    drill.entry.value = "−1 and 2"
    assert "✗ not right yet" in drill.message.value
    assert [event.outcome for event in history()[drill._id]] == ["✓", "✗"]


@pytest.mark.parametrize(
    "text, found",
    [
        ("(2.09, −1)", (2.09, -1.0)),
        (".5", 0.5),
        ("1e-3; 4", (0.001, 4.0)),
        ("2.", 2.0),
        ("nothing", ()),
    ],
)
def test_numbers_are_found_in_what_people_write(text, found):
    assert forms.numbers(text) == found


def test_a_written_answer_is_compared_rated_and_kept(lesson):
    form = forms.Form("04", load_questions("04"))
    question = form.children[0]
    question.answer.value = "off, then on again"
    assert load_questions("04")[0]["answer"] not in str(question.below.children)
    question.compare.click()
    model, line = question.below.children
    assert load_questions("04")[0]["must"][0] in model.value
    line.children[2].click()
    (event,) = history()["04.question.1"]
    assert (event.outcome, event.note) == ("nearly", "off, then on again")
    later = forms.Form("04", load_questions("04")).children[0]
    assert "last time: nearly" in later.children[0].value
    assert "off, then on again" not in later.children[0].value
    later.compare.click()
    assert "Last time you wrote: off, then on again" in later.below.children[0].value


def test_in_a_kernel_the_card_stands_by_itself_and_the_widget_leaves_words(tmp_path, write):
    source = f"from lessons_lib.course import check, questions\ncheck({ID!r}, {WRONG})"
    path = write([cell("code", source), cell("code", "questions('04')")])
    env = {"LESSONS_PLAIN": "0", "LESSONS_HOME": str(tmp_path / "home")}
    done = run(path, env=env)
    assert done.error is None
    card, buttons = done.notebook.cells[0].outputs
    assert set(card.data) == {"text/plain", "text/html"}  # reads with no kernel
    assert WIDGET_VIEW in buttons.data and "hint(" in buttons.data["text/html"]
    (asked,) = kept(done.notebook.cells[1].outputs)
    assert load_questions("04")[5]["question"] in asked.data["text/plain"]
    assert (tmp_path / "home" / "progress.sqlite3").exists()


def test_every_question_of_practice_is_one_that_find_knows():
    assert all(find(id).id == id for id in forms.DRILLS)
