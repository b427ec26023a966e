"""The map of the course with what is done, one notebook in detail, and what to do again."""

import html
import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from lessons_lib.course.exercises.bank import find
from lessons_lib.course.practice.memory import day, history, session, state, times
from lessons_lib.course.practice.written import load_questions
from lessons_lib.course.say import OPEN, RIGHT, WRONG, anchor, put
from lessons_lib.files import ROOT

NOTEBOOKS = ROOT / "notebooks"
COLOURS = {OPEN: "--jp-ui-font-color2", WRONG: "--jp-error-color1", RIGHT: "--jp-success-color1"}


class Lesson(NamedTuple):
    """A notebook: its number, its title, the ids of its exercises and of its questions."""

    number: str
    title: str
    exercises: list[str]
    questions: list[str]


@cache
def lessons() -> list[Lesson]:
    """The notebooks of the course, in order, read from their files."""
    found = []
    for file in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")):
        text, number = file.read_text(encoding="utf-8"), file.name[:2]
        try:
            count = len(load_questions(number))
        except ValueError:
            count = 0
        found.append(
            Lesson(
                number,
                title(text) or file.stem,
                re.findall(r'"exercise:([\w.]+)"', text),
                [f"{number}.question.{i}" for i in range(1, count + 1)],
            )
        )
    return found


def title(text: str) -> str:
    """A notebook's title, without its number, from the text of its file; "" if it has none."""
    found = re.search(r'"# (?:\d\d )?(.+?)(?:\\n)?"', text)
    return found[1] if found else ""


def lesson(number: str) -> Lesson:
    """One notebook of the course; ValueError, with those there are, for any other number."""
    wanted = str(number)[:2].zfill(2)
    for each in lessons():
        if each.number == wanted:
            return each
    known = ", ".join(each.number for each in lessons())
    raise ValueError(f"notebook: {number!r} is not one of the course's, {known}")


def progress(notebook: str | None = None) -> None:
    """Show the map of the course with what is done; or one notebook ("04"), exercise by exercise.

    Raises ValueError for a notebook that is not there, naming those that are.
    """
    put(*(overview() if notebook is None else details(notebook)))


def overview() -> tuple[str, str]:
    """The map of the course, as text and as HTML: a row for each notebook."""
    past, lines, rows, all_right, total = history(), [], [], 0, 0
    width = max((len(each.title) for each in lessons()), default=0)
    for each in lessons():
        states = [(id, state(past.get(id, []))) for id in each.exercises]
        marks = "".join(s.symbol for _, s in states)
        right, wrong = marks.count(RIGHT), marks.count(WRONG)
        got = sum(_rating(past, id) == "got it" for id in each.questions)
        done = f"{right} of {len(marks)} right" + f", {wrong} not right yet" * bool(wrong)
        asked = f"{got} of {len(each.questions)}" if each.questions else ""
        all_right, total = all_right + right, total + len(marks)
        name = f"{each.number} {each.title}"
        lines.append(f"{name:<{width + 3}}  {marks:<16}  {done}; questions {asked or 'none'}")
        cells = "".join(
            f'<span title="{html.escape(f"{id}: {s.words}", quote=True)}" '
            f'style="color:var({COLOURS[s.symbol]})">{s.symbol}</span>'
            for id, s in states
        )
        spread = f'<span aria-hidden="true" style="letter-spacing:.15em">{cells}</span>'
        rows.append([html.escape(name), spread, done.replace(" ", "&nbsp;"), asked])
    key = f"{OPEN} not yet   {WRONG} not right yet   {RIGHT} right"
    sum_up = f"{all_right} of {total} exercises right."
    text = "\n".join([*lines, "", f"{sum_up}   {key}"])
    head = ["Notebook", "Exercises", "Done", "Questions"]
    more = 'Details: <code>progress("04")</code>; what to do again: <code>again()</code>.'
    return text, _table(head, rows, f"{sum_up} {key.replace('   ', ' · ')}. {more}")


def details(notebook: str) -> tuple[str, str]:
    """One notebook's exercises and questions, as text and as HTML."""
    each, past = lesson(notebook), history()
    rows = []
    for id in each.exercises:
        now = state(past.get(id, []))
        more = [e for other in past if other.startswith(f"{id}#") for e in past[other]]
        drilled = sum(e.outcome == RIGHT for e in more)
        also = f"; {times(drilled, 'time')} right with new numbers" if drilled else ""
        rows.append((now.symbol, id, now.words + also))
    for i, id in enumerate(each.questions, 1):
        rating = _rating(past, id)
        symbol = {"got it": RIGHT, "nearly": "~", "again": WRONG}.get(rating, OPEN)
        when = f", on {day(past[id][-1])}" if rating else ""
        rows.append((symbol, f"question {i}", (rating or "not yet") + when))
    width = max((len(name) for _, name, _ in rows), default=0)
    head = f"{each.number} {each.title}"
    text = "\n".join([head, *(f"  {s} {name:<{width}}  {words}" for s, name, words in rows)])
    cells = [
        [f'<span style="color:var({COLOURS.get(symbol, "--jp-ui-font-color1")})">{symbol}</span>',
         html.escape(name), html.escape(words)]
        for symbol, name, words in rows
    ]  # fmt: skip
    return text, _table(["", html.escape(head), ""], cells, "")


def _rating(past, id) -> str:
    """The last rating that a reader gave to an own answer, if there is one."""
    return past[id][-1].outcome if past.get(id) else ""


def tally(notebook: str) -> None:
    """Say how many of a notebook's exercises are right, and which are still open.

    Counts what is kept from other days, and what was checked in this session.
    Raises ValueError for a notebook that is not there, naming those that are.
    """
    each, past = lesson(notebook), history() | session()
    marks = {id: state(past.get(id, [])).symbol for id in each.exercises}
    right = list(marks.values()).count(RIGHT)
    said = f"{right} of {len(marks)} right"
    left = [id for id, symbol in marks.items() if symbol != RIGHT]
    if not left or set(marks.values()) == {OPEN}:  # all or nothing needs no list
        put(f"{said}.", f"<p><b>{said}.</b></p>")
        return
    names = [f"{marks[id]} {id}" for id in left]
    links = [anchor(find(id).section, name) for id, name in zip(left, names, strict=True)]
    put(f"{said}; left: {', '.join(names)}.", f"<p><b>{said}</b>; left: {', '.join(links)}.</p>")


def _table(head: list[str], rows: list[list[str]], foot: str) -> str:
    """An HTML table whose first lines and cells read from left to right."""
    style = 'style="text-align:left;padding:.2em .8em"'
    top = "".join(f'<th scope="col" {style}>{cell}</th>' for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td {style}>{cell}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table><p>{foot}</p>"


# --- again ----------------------------------------------------------------------------------------


def weakest() -> Iterator[tuple[str, str, str]]:
    """(notebook, id, words) of what to do again: what is still wrong, then what took long."""
    past = history()
    found = []
    for each in lessons():
        for id in each.exercises:
            now, events = state(past.get(id, [])), past.get(id, [])
            seen = any(e.outcome == "revealed" for e in events)
            if now.symbol == WRONG or now.failed or seen:
                rank = 0 if now.symbol == WRONG else 1
                found.append((rank, -now.tries, each.number, id, now.words))
        for i, id in enumerate(each.questions, 1):
            rating = _rating(past, id)
            if rating in ("again", "nearly"):
                rank = 0 if rating == "again" else 1
                found.append((rank, 0, each.number, f"question {i}", f"you said: {rating}"))
    for _, _, number, id, words in sorted(found):
        yield number, id, words


def again() -> None:
    """Show what to do again: the exercises and questions that failed come first."""
    rows = list(weakest())
    if not rows:
        nothing = "Nothing failed so far, so there is nothing to do again."
        put(nothing, f"<p>{nothing}</p>")
        return
    width = max(len(id) for _, id, _ in rows)
    text = "\n".join(f"{number}  {id:<{width}}  {words}" for number, id, words in rows)
    cells = [[html.escape(cell) for cell in row] for row in rows]
    put(text, _table(["Notebook", "Again", "So far"], cells, ""))
