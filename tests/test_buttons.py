"""Buttons and boxes: what each press does, and what is left where no kernel runs."""

import html
from types import SimpleNamespace

import pytest
from conftest import cell

from lessons_lib import diffuse
from lessons_lib.course.checking import buttons, hints
from lessons_lib.course.checking.attempt import check, find, given
from lessons_lib.course.notebooks.execute import WIDGET_VIEW, kept, run
from lessons_lib.course.practice.anew import fresh
from lessons_lib.course.practice.memory import history
from lessons_lib.course.practice.written import load_questions

ID = "forward.two_steps"
RIGHT, WRONG = (0.9, 0.436), (0.81, 0.19)


@pytest.fixture
def lesson(reader, monkeypatch):
    """A notebook that is only pretended: what it displays, and a shell that runs its cells."""
    monkeypatch.setattr("lessons_lib.course.say.in_notebook", lambda: True)
    given.clear()
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


def test_again_in_a_cell_with_two_checks_refills_its_own_card_only(lesson):
    lesson.names["In"] = [f"check({ID!r}, {WRONG})\ncheck('start.guess', 'a')"]
    check(ID, WRONG)
    row = lesson.shown[1]
    press(row, "Again")
    _, same, other, its_row = lesson.shown
    assert same is row and "start.guess" in other["text/plain"]
    assert its_row is not row and its_row.id == "start.guess"


# A check as it stands in a notebook: after it, the library's function takes the answer's place.
CELL = """check("ddim.eps_from_x0", eps_from_x0)
from lessons_lib.diffuse import eps_from_x0"""
WROTE = {
    "wrong": "def eps_from_x0(x, x0, t):\n    return (x - x0) / t.sigma",
    "right": "def eps_from_x0(x, x0, t):\n    return (x - t.alpha * x0) / t.sigma",
    "stub": "def eps_from_x0(x, x0, t):\n    return ...",
    "cheat": "def eps_from_x0(x, x0, t):\n    from lessons_lib import diffuse\n"
    "    return diffuse.eps_from_x0(x, x0, t)",
}


def run_check(lesson, cell=CELL):
    """Run the cell with the check: what it shows, the row of buttons last."""
    lesson.shown.clear()
    lesson.names["In"].append(cell)
    exec(cell, lesson.names)
    return lesson.shown


def test_again_checks_the_answer_and_not_the_library(lesson):
    """The check's own cell has just imported the library's function under the answer's name."""
    exec(WROTE["wrong"], lesson.names)
    card, row = run_check(lesson)
    first = card["text/plain"]
    assert "brightness" in first
    press(row, "Again")  # nothing was run, or its cell has a syntax error
    assert lesson.shown[0]["text/plain"] == first
    assert "The same answer as the last time" in lesson.shown[0]["text/html"]
    exec(WROTE["right"], lesson.names)
    press(row, "Again")
    assert "✓ right" in lesson.shown[0]["text/html"]
    assert "The same answer" not in lesson.shown[0]["text/html"]
    assert lesson.names["eps_from_x0"] is diffuse.eps_from_x0  # its imports belong to the cell


def test_again_after_a_second_run_of_the_check_finds_the_answer(lesson):
    exec(WROTE["wrong"], lesson.names)
    run_check(lesson)
    card, row = run_check(lesson)
    assert "not your own" in card["text/plain"]
    press(row, "Again")
    assert "brightness" in lesson.shown[0]["text/plain"]


def test_again_under_a_stub_says_that_it_is_the_same(lesson):
    exec(WROTE["stub"], lesson.names)
    _, row = run_check(lesson)
    press(row, "Again")
    assert "○ not written yet" in lesson.shown[0]["text/html"]
    assert "run its own cell first" in lesson.shown[0]["text/html"]
    exec(WROTE["cheat"], lesson.names)
    press(row, "Again")
    assert "not your own" in lesson.shown[0]["text/html"]
    assert "The same answer" not in lesson.shown[0]["text/html"]


def test_again_with_no_answer_at_all_tells_what_to_do(lesson):
    lesson.names["eps_from_x0"] = diffuse.eps_from_x0
    _, row = run_check(lesson)
    press(row, "Again")
    assert "run the cell with your answer again" in lesson.shown[0]["text/html"]


def test_again_takes_an_answer_under_any_name(lesson):
    cell = CELL.replace("eps_from_x0)", "mine)")
    exec(WROTE["wrong"] + "\nmine = eps_from_x0", lesson.names)
    _, row = run_check(lesson, cell)
    exec(WROTE["right"] + "\nmine = eps_from_x0", lesson.names)
    press(row, "Again")
    assert "✓ right" in lesson.shown[0]["text/html"]


def test_again_says_what_stopped_the_cell(lesson):
    check(ID, WRONG)
    press(lesson.shown[1], "Again")
    assert "NameError" in lesson.shown[0]["text/html"]


def test_new_numbers_are_asked_and_judged(lesson):
    check(ID, RIGHT)
    row = lesson.shown[1]
    press(row, "New numbers"), press(row, "New numbers")
    (drill,) = row.below.children
    a, b = fresh(ID, drill.id.partition("#")[2]).answer
    drill.entry.value = f"({a}, {b})"
    assert "✓ right" in drill.message.value
    drill.entry.value = "−1 and 2"
    assert "✗ not right yet" in drill.message.value
    assert [event.outcome for event in history()[drill.id]] == ["✓", "✗"]


def test_one_answer_to_new_numbers_is_one_try(lesson):
    """A box is left on the way to its button: a browser sends the text, then the press."""
    check(ID, RIGHT)
    row = lesson.shown[1]
    press(row, "New numbers")
    (drill,) = row.below.children
    drill.entry.value = "1, 2"
    line = drill.children[1]
    line.children[1].click()
    assert [event.outcome for event in history()[drill.id]] == ["✗"]
    drill.entry.value = "1, 3"
    assert [event.outcome for event in history()[drill.id]] == ["✗", "✗"]


@pytest.mark.parametrize(
    "answer, left", [(WRONG, ["New numbers", "Again"]), (RIGHT, ["New numbers"])]
)
def test_help_after_new_numbers_is_about_the_new_ones(lesson, answer, left):
    """One Hint is on the screen, and it belongs to what is asked now."""
    check(ID, answer)
    row = lesson.shown[1]
    press(row, "New numbers")
    (drill,) = row.below.children
    assert words(row) == left and words(drill) == ["Hint", "Show an answer"]
    task = fresh(ID, drill.id.partition("#")[2])
    for i in range(3):
        press(drill, "Hint")
        assert drill.id in below(drill) and f"hint {i + 1} of 3" in below(drill)
    assert html.escape(task.hints[2]) in below(drill)
    press(drill, "Show an answer"), press(drill, "Sure? Show it")
    assert task.solution() in below(drill) and find(ID).solution() not in below(drill)
    press(row, "New numbers")
    assert row.below.children[0] is not drill and below(row.below.children[0]) == ""


def test_new_numbers_asked_in_a_cell_have_help_beside_the_box(lesson):
    hints.new_numbers(ID, 7)
    drill = lesson.shown[1]
    press(drill, "Hint")
    assert f"{ID}#7" in below(drill)
    assert f"`hint('{ID}#7')`" in lesson.shown[0]["text/plain"]


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
    assert buttons.numbers(text) == found


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
