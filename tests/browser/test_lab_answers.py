"""What a reader does to exercises and questions, in every notebook: slips, typos, right answers.

Each notebook's first exercise of a kind is taken; its cells are found by their tags.
"""

import ast
import builtins
import html
import inspect
import re
import sqlite3
import textwrap
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pytest
from playwright.sync_api import expect

from lessons_lib.course.checking.grading import BORROWED
from lessons_lib.course.exercises.bank import Exercise, InCode, Slip, find
from lessons_lib.course.notebooks.editions import marked
from lessons_lib.course.practice.anew import fresh, has_new_numbers
from lessons_lib.course.practice.flash import load_cards
from lessons_lib.course.practice.lessons import lesson
from lessons_lib.course.practice.written import load_questions
from lessons_lib.course.say import RIGHT, WRONG, marked_up

RED = "[data-mime-type$='jupyter.stderr'], [data-mime-type$='jupyter.error']"


@pytest.fixture(autouse=True)
def all_is_well(notebook):
    """In the end nothing is red, no page has complained, and the server misread no message."""
    yield
    said = notebook.panel.locator(RED).all_inner_texts()
    assert said == []
    assert notebook.problems == []
    assert "struct.error" not in (notebook.home / "lab.log").read_text()


# --- what is typed, and what is kept --------------------------------------------------------------


def exercises(notebook) -> list[Exercise]:
    """The exercises of a notebook, in its order."""
    return [find(id) for id, _ in marked(notebook, "exercise")]


def in_code(notebook) -> Iterator[tuple[Exercise, Slip, str]]:
    """Exercises whose answer is a function, with a slip of the bank, and what is then typed."""
    sources = "\n".join(cell.source for cell in notebook.cells)
    names = {*dir(builtins), *re.findall(r"^import (\w+)$", sources, re.M)}
    tasks = [task for task in exercises(notebook) if isinstance(task, InCode)]
    for own in (False, True):  # a slip in one line, before one that calls the right answer
        for task in tasks:
            for slip in task.wrong:
                if source := typed(task, slip.answer, names | {task.name} if own else names):
                    yield task, slip, source


def by_hand(notebook, words: bool) -> Iterator[tuple[Exercise, Slip, str]]:
    """The same of those whose answer is a number, or words to choose from."""
    for task in exercises(notebook):
        if not isinstance(task, InCode) and words == ("'" in repr(task.answer)):
            yield task, task.wrong[0], f"{task.name} = {task.wrong[0].answer!r}"


KINDS = {  # which exercises, and by which key their buttons are pressed; without one, by the mouse
    "code": (in_code, ""),
    "by hand": (partial(by_hand, words=False), "Enter"),
    "choice": (partial(by_hand, words=True), "Space"),
}


def typed(task: InCode, answer, known: set[str]) -> str:
    """A slip that is one line of the bank, as a reader's function; "" where it reads other names.

    Where it calls the right answer, that is defined inside.
    """
    if getattr(answer, "__name__", "") != "<lambda>":
        return ""
    module, line = inspect.getmodule(answer), answer.__code__.co_firstlineno
    lambdas = [n for n in ast.walk(ast.parse(inspect.getsource(module)))
               if isinstance(n, ast.Lambda) and n.lineno == line]  # fmt: skip
    taken = [each.arg for each in lambdas[0].args.args]
    used = {n.id for n in ast.walk(lambdas[0].body) if isinstance(n, ast.Name)} - set(taken)
    asked = len(inspect.signature(task.answer).parameters)
    if len(lambdas) > 1 or len(taken) != asked or used - known:
        return ""
    right = f"{task.solution()}\n" if task.name in used else ""
    body = textwrap.indent(f"{right}return {ast.unparse(lambdas[0].body)}", "    ")
    return f"def {task.name}({', '.join(taken)}):\n{body}"


def plain(said: str) -> str:
    """Marked up words as they are read."""
    return html.unescape(re.sub(r"<[^>]+>", "", marked_up(said)))


def kept(notebook, id: str) -> list[tuple[str, str | None]]:
    """(outcome, note) of each event of an id in the reader's progress, oldest first."""
    wanted = "select outcome, note from event where id = ? order by at"
    file = notebook.home / "lessons/progress.sqlite3"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
        return db.execute(wanted, (id,)).fetchall()


# --- exercises ------------------------------------------------------------------------------------


class Below:
    """What stands below a cell, and its buttons, pressed by the mouse or by a key."""

    def __init__(self, notebook, i: int, key: str = ""):
        self.notebook, self.key, self.shown = notebook, key, notebook.output(i)
        self.said = self.shown.get_by_role("status")
        self.card = self.said.first

    def button(self, words: str):
        return self.shown.get_by_role("button", name=words, exact=True)

    def press(self, words: str) -> None:
        if self.key:
            self.notebook.tab_to(self.button(words))
            self.notebook.page.keyboard.press(self.key)
        else:
            self.button(words).click()


@pytest.mark.parametrize("kind", KINDS)
def test_from_a_slip_by_hints_and_a_typo_to_the_right_answer(notebook, kind):
    found, key = KINDS[kind]
    task, slip, wrong = next(found(notebook), (None, None, None))
    if task is None:
        pytest.skip(f"{notebook.file.stem} has no exercise of this kind: {kind}")
    stub, check = notebook.at(f"exercise:{task.id}"), notebook.at(f"check:{task.id}")
    below = Below(notebook, check, key)

    enter = notebook.type if wrong.count("\n") < 2 else notebook.write
    enter(stub, wrong)
    notebook.run(stub)
    notebook.run(check)
    expect(below.card).to_contain_text(f"{WRONG} not right yet")
    expect(below.card).to_contain_text(plain(slip.hint))

    before = kept(notebook, task.id)[:-1]
    given = [outcome for outcome, _ in before if outcome.startswith("hint")]  # by the notebook
    for i, hint in list(enumerate(task.hints, 1))[len(given) :]:
        below.press("Hint")
        expect(below.said).to_have_count(1 + i - len(given))
        expect(below.said.last).to_contain_text(f"hint {i} of 3")
        expect(below.said.last).to_contain_text(plain(hint))
    below.press("Show an answer")
    expect(below.button("Sure? Show it")).to_be_visible()
    below.press("Hint")  # second thoughts
    expect(below.button("Sure? Show it")).to_have_count(0)
    below.press("Show an answer")
    expect(below.button("Sure? Show it")).to_be_visible()
    expect(below.said).to_have_count(4 - len(given))
    below.press("Sure? Show it")
    expect(below.said.last).to_contain_text(task.solution())

    notebook.type(stub, f"{task.name} = = 1")
    notebook.run(stub)
    expect(notebook.output(stub)).to_contain_text("SyntaxError")
    notebook.run(check)
    either = "|".join(map(re.escape, (BORROWED, plain(slip.hint))))
    expect(below.card).to_contain_text(re.compile(either))

    notebook.write(stub, task.solution())
    notebook.run(stub)
    below.press("Again")
    expect(below.card).to_contain_text(f"{RIGHT} right")
    for each in task.tested:
        expect(below.card).to_contain_text(plain(each))
    events = kept(notebook, task.id)[len(before) :]
    helped = [*["hint 1", "hint 2", "hint 3"][len(given) :], "hint 3", "revealed"]
    assert [outcome for outcome, _ in events] == [WRONG, *helped, WRONG, RIGHT]
    assert events[0] == (WRONG, slip.name)


def test_new_numbers_are_judged_with_hints_of_their_own(notebook):
    task = next((each for each in exercises(notebook) if has_new_numbers(each.id)), None)
    if task is None:
        pytest.skip(f"{notebook.file.stem} has no exercise with new numbers")
    below, keyboard = Below(notebook, notebook.at(f"check:{task.id}")), notebook.page.keyboard
    below.press("New numbers")
    name = below.shown.get_by_text(re.compile(rf"^{task.id}#\d+$"))
    id = name.inner_text()
    anew = fresh(*id.split("#"))
    expect(below.shown).to_contain_text(plain(anew.ask))

    box = below.shown.get_by_role("textbox")
    box.click()
    keyboard.type(str(anew.wrong[0].answer))
    keyboard.press("Enter")
    expect(below.said.filter(has_text=f"{WRONG} not right yet").last).to_contain_text(
        plain(anew.wrong[0].hint)
    )
    below.press("Hint")
    expect(below.said.last).to_contain_text(plain(anew.hints[0]))
    box.click()
    keyboard.press("Control+a")
    keyboard.type(str(anew.answer))
    below.press("Check")
    expect(below.said.filter(has_text=id).filter(has_text=f"{RIGHT} right")).to_have_count(1)
    judged = [(WRONG, anew.wrong[0].name), ("hint 1", None), (RIGHT, None)]
    assert kept(notebook, id) == judged


# --- questions, cards, and how far one is ---------------------------------------------------------


def calling(notebook, name: str) -> int:
    """The place of the cell that calls this function of the course."""
    cells = enumerate(notebook.cells)
    return next(i for i, cell in cells if cell.source.startswith(f"{name}("))


def test_a_question_is_compared_and_rated(notebook):
    number, keyboard = notebook.file.stem[:2], notebook.page.keyboard
    rows = load_questions(number)
    below = notebook.output(calling(notebook, "questions"))
    boxes = below.get_by_role("textbox")
    expect(boxes).to_have_count(len(rows))
    compare = below.get_by_role("button", name="Compare")

    boxes.nth(0).click()
    keyboard.type("In my own words")
    compare.nth(0).click()
    expect(below).to_contain_text("A model answer.")
    for point in rows[0]["must"]:
        expect(below.get_by_role("listitem").filter(has_text=plain(point))).to_have_count(1)
    below.get_by_role("button", name="Got it").click()
    expect(below.get_by_role("status").last).to_have_text("Noted: got it.")

    notebook.tab_to(boxes.nth(1))
    keyboard.type("Others")
    notebook.tab_to(compare.nth(1))
    keyboard.press("Enter")
    expect(below.get_by_text("A model answer.")).to_have_count(2)
    notebook.tab_to(below.get_by_role("button", name="Nearly").nth(1))
    keyboard.press("Space")
    expect(below.get_by_role("status").last).to_have_text("Noted: nearly.")
    assert kept(notebook, f"{number}.question.1") == [("got it", "In my own words")]
    assert kept(notebook, f"{number}.question.2") == [("nearly", "Others")]


def test_cards_turn(notebook):
    rows = load_cards(notebook.file.stem[:2])
    below = notebook.output(calling(notebook, "cards"))
    cards = below.locator("details")
    expect(cards).to_have_count(len(rows))
    expect(cards.nth(0).locator("p")).to_be_hidden()
    cards.nth(0).locator("summary").click()
    expect(cards.nth(0).locator("p")).to_be_visible()
    notebook.tab_to(cards.nth(1).locator("summary"))
    notebook.page.keyboard.press("Enter")
    expect(cards.nth(1).locator("p")).to_be_visible()


def test_the_tally_says_what_is_right_and_leads_to_what_is_left(notebook):
    place = calling(notebook, "tally")
    ids = lesson(notebook.file.stem).exercises
    last = {id: kept(notebook, id)[-1:] for id in ids}
    right = sum(outcome == RIGHT for events in last.values() for outcome, _ in events)
    notebook.run(place)
    expect(notebook.output(place)).to_contain_text(f"{right} of {len(ids)} right")
