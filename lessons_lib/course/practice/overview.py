"""The map of the course with what is done, one notebook in detail, and what to do again."""

import html
from collections.abc import Iterator
from typing import NamedTuple

from lessons_lib.course.exercises.bank import find
from lessons_lib.course.practice.lessons import lesson, lessons
from lessons_lib.course.practice.memory import day, history, session, state, times
from lessons_lib.course.say import EDGES, OPEN, RIGHT, WRONG, anchor, put

COLOURS = EDGES | {OPEN: "--jp-ui-font-color2"}
KEY = (f"{OPEN} not yet", f"{WRONG} not right yet", f"{RIGHT} right")
MORE = 'Details: <code>progress("04")</code>; what to do again: <code>again()</code>.'


# --- a table, said twice --------------------------------------------------------------------------


class Cell(NamedTuple):
    """What stands in a cell: words, in HTML perhaps coloured, unbroken, and with more to say."""

    text: str
    colour: str = ""
    title: str = ""
    unbroken: bool = False


class Table(NamedTuple):
    """Rows of cells, a cell of several marks being a list; `line` formats a row as plain text.

    above, foot    lines of the plain text;   head, below    what stands there in HTML
    """

    head: list[str]
    rows: list[list[Cell | list[Cell]]]
    line: str
    above: str = ""
    foot: str = ""
    below: str = ""


def as_text(table: Table) -> str:
    """A table as lines of text."""
    words = lambda cell: cell.text if isinstance(cell, Cell) else "".join(map(words, cell))
    lines = [table.line.format(*map(words, row)) for row in table.rows]
    return "\n".join([table.above] * bool(table.above) + lines) + table.foot


def as_html(table: Table) -> str:
    """A table whose first lines and cells read from left to right."""
    style = 'style="text-align:left;padding:.2em .8em"'
    top = "".join(f'<th scope="col" {style}>{html.escape(word)}</th>' for word in table.head)
    body = "".join(
        "<tr>" + "".join(f"<td {style}>{_cell(cell)}</td>" for cell in row) + "</tr>"
        for row in table.rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table><p>{table.below}</p>"


def _cell(cell: Cell | list[Cell]) -> str:
    if not isinstance(cell, Cell):
        marks = "".join(map(_cell, cell))
        return f'<span aria-hidden="true" style="letter-spacing:.15em">{marks}</span>'
    said = html.escape(cell.text)
    if cell.unbroken:
        said = said.replace(" ", "&nbsp;")
    if not cell.colour:
        return said
    title = f'title="{html.escape(cell.title)}" ' if cell.title else ""
    return f'<span {title}style="color:var({cell.colour})">{said}</span>'


# --- where a reader stands ------------------------------------------------------------------------


def progress(notebook: str | None = None) -> None:
    """Show the map of the course with what is done; or one notebook ("04"), exercise by exercise.

    Raises ValueError for a notebook that is not there, naming those that are.
    """
    _put(overview() if notebook is None else details(notebook))


def overview() -> Table:
    """The map of the course: a row for each notebook."""
    past, rows, all_marks = history(), [], ""
    for each in lessons():
        states = [(id, state(past.get(id, []))) for id in each.exercises]
        marks = "".join(now.symbol for _, now in states)
        right, wrong = marks.count(RIGHT), marks.count(WRONG)
        got = sum(_rating(past, id) == "got it" for id in each.questions)
        rows.append(
            [
                Cell(f"{each.number} {each.title}"),
                [Cell(now.symbol, COLOURS[now.symbol], f"{id}: {now.words}") for id, now in states],
                Cell(
                    f"{right} of {len(marks)} right" + f", {wrong} not right yet" * bool(wrong),
                    unbroken=True,
                ),
                Cell(f"{got} of {len(each.questions)}" if each.questions else "none"),
            ]
        )
        all_marks += marks
    sum_up = f"{all_marks.count(RIGHT)} of {len(all_marks)} exercises right."
    return Table(
        ["Notebook", "Exercises", "Done", "Questions"],
        rows,
        f"{{:<{_width(row[0] for row in rows)}}}  {{:<16}}  {{}}; questions {{}}",
        foot="\n\n" + "   ".join([sum_up, *KEY]),
        below=f"{sum_up} {' · '.join(KEY)}. {MORE}",
    )


def details(notebook: str) -> Table:
    """One notebook's exercises and questions."""
    each, past, rows = lesson(notebook), history(), []
    for id in each.exercises:
        now = state(past.get(id, []))
        more = [e for other in past if other.startswith(f"{id}#") for e in past[other]]
        anew = sum(e.outcome == RIGHT for e in more)
        also = f"; {times(anew, 'time')} right with new numbers" if anew else ""
        rows.append((now.symbol, id, now.words + also))
    for i, id in enumerate(each.questions, 1):
        rating = _rating(past, id)
        symbol = {"got it": RIGHT, "nearly": "~", "again": WRONG}.get(rating, OPEN)
        when = f", on {day(past[id][-1])}" if rating else ""
        rows.append((symbol, f"question {i}", (rating or "not yet") + when))
    cells = [
        [Cell(symbol, COLOURS.get(symbol, "--jp-ui-font-color1")), Cell(name), Cell(words)]
        for symbol, name, words in rows
    ]
    head = f"{each.number} {each.title}"
    line = f"  {{}} {{:<{_width(row[1] for row in cells)}}}  {{}}"
    return Table(["", head, ""], cells, line, above=head)


def _put(table: Table) -> None:
    put(as_text(table), as_html(table))


def _width(cells) -> int:
    return max((len(cell.text) for cell in cells), default=0)


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
    rows = [list(map(Cell, row)) for row in weakest()]
    if not rows:
        nothing = "Nothing failed so far, so there is nothing to do again."
        put(nothing, f"<p>{nothing}</p>")
        return
    line = f"{{}}  {{:<{_width(row[1] for row in rows)}}}  {{}}"
    _put(Table(["Notebook", "Again", "So far"], rows, line))
