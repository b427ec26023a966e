"""The self-check that a student calls: has the answer been written, is it right, and if not, why?

Three outcomes: ○ not written yet, ✗ not right (and which mistake it is), ✓ right (and what was
tested). `check` never raises in a lesson, so a notebook always runs to its end; under
LESSONS_STRICT=1 it raises unless the answer is right. Under LESSONS_PLAIN=1, and outside a
notebook, it prints one plain line.
"""

import html
import os
import re
import secrets

import torch

from lessons_lib.course.exercises import Value, all_exercises, find
from lessons_lib.course.grading import (
    BORROWED,
    OPEN,
    RIGHT,
    WRONG,
    Result,
    grade_function,
    grade_value,
    is_blank,
)
from lessons_lib.course.isolate import TooLong, is_borrowed, isolated, time_limit

__all__ = ["Result", "all_exercises", "check", "find", "grade", "hint", "probe", "reveal"]

TIME_LIMIT = 20.0  # seconds for one check
WORDS = {OPEN: "not written yet", WRONG: "not right yet", RIGHT: "right"}
COLOURS = {OPEN: "--jp-warn-color1", WRONG: "--jp-error-color1", RIGHT: "--jp-success-color1"}

_hints_given: dict[str, int] = {}


def check(id: str, answer, seed: int | None = None) -> None:
    """Say whether an answer is not written yet, wrong (and how), or right (and what was tested).

    Raises ValueError for an unknown id, and AssertionError under LESSONS_STRICT=1 unless right.
    """
    result = grade(id, answer, seed)
    more = f'`hint("{id}")` gives a nudge.' if result.symbol == WRONG else ""
    _show(result.symbol, id, result.message, head=WORDS[result.symbol], more=more)
    if result.symbol != RIGHT and os.environ.get("LESSONS_STRICT") == "1":
        raise AssertionError(f"{result.symbol} {id}: {result.message}")


def hint(id: str) -> None:
    """Give one more hint each time: a nudge, then the idea, then almost the line itself."""
    hints = find(id).hints
    level = min(_hints_given.get(id, 0) + 1, len(hints))
    _hints_given[id] = level
    more = (
        f'That was the last one; `reveal("{id}")` shows an answer.' if level == len(hints) else ""
    )
    _show("?", id, hints[level - 1], head=f"hint {level} of {len(hints)}", more=more)


def reveal(id: str) -> None:
    """Show the lines of a right answer."""
    _show("=", id, "", head="one right answer", code=find(id).solution())


def probe(id: str, number: int, seed: int) -> tuple:
    """The arguments of one probe (counted from 1), so that a failure can be replayed."""
    return find(id).probes(torch.Generator().manual_seed(seed))[number - 1]


def grade(id: str, answer, seed: int | None = None, own: bool = True) -> Result:
    """Judge an answer without showing anything.

    seed chooses the probes (fresh ones if left out); own=False accepts the reference itself, for
    the tests.
    """
    exercise = find(id)
    if is_blank(answer):
        return Result(OPEN, "not written yet")
    if isinstance(exercise, Value):
        return grade_value(exercise, answer)
    if not callable(answer):
        kind = type(answer).__name__
        return Result(WRONG, f"pass the function itself, `{exercise.name}`, not a {kind}")
    if own and is_borrowed(answer, exercise.answer):
        return Result(WRONG, BORROWED)
    if seed is None:  # fresh probes each time, so that learning the numbers by heart fails
        seed = 0 if _committed() else secrets.randbelow(10**6)
    try:
        with isolated(), time_limit(TIME_LIMIT):
            return grade_function(exercise, answer, seed)
    except TooLong:
        return Result(WRONG, f"no result after {TIME_LIMIT:g} s: is there a loop that never ends?")


# --- display --------------------------------------------------------------------------------------


def _committed() -> bool:
    """Whether outputs must be the same each time, because they are committed."""
    return os.environ.get("LESSONS_PLAIN") == "1"


def _plain() -> bool:
    """One plain line, for committed outputs and wherever no notebook is there to render HTML."""
    return _committed() or not _in_notebook()


def _in_notebook() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return type(get_ipython()).__name__ == "ZMQInteractiveShell"


def _show(symbol: str, id: str, message: str, head: str, more: str = "", code: str = "") -> None:
    line = f"{symbol} {id}: {message or head}"
    line = f"{line}\n{code}" if code else line
    if _plain():
        print(line)
        return
    from IPython.display import display

    # Only the edge is coloured: symbol and words say the same, and text keeps the theme's colours.
    edge = COLOURS.get(symbol, "--jp-border-color1")
    rich = (
        f'<div style="border-left:4px solid var({edge}, gray);padding:.2em .8em;margin:.2em 0">'
        f"<b>{symbol} {html.escape(head)}</b> · <code>{html.escape(id)}</code>"
        + (f"<br>{_marked_up(message)}" if message and message != head else "")
        + (f"<br><small>{_marked_up(more)}</small>" if more else "")
        + (f'<pre style="margin:.4em 0 0">{html.escape(code)}</pre>' if code else "")
        + "</div>"
    )
    display({"text/plain": line, "text/html": rich}, raw=True)


def _marked_up(text: str) -> str:
    """Escape for HTML, and set `quoted` code as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
