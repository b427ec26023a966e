"""The self-check that a student calls: has the answer been written, is it right, and if not, why?

Three outcomes: ○ not written yet, ✗ not right (and which mistake it is), ✓ right (and what was
tested). `check` never raises in a lesson, so a notebook always runs to its end; under
LESSONS_STRICT=1 it raises unless the answer is right. An id with a number behind it, as
`ddim.one_step_by_hand#7`, is the same exercise with other numbers.
"""

import os
import secrets

from lessons_lib.course.checking.borrowed import is_borrowed
from lessons_lib.course.checking.grading import (
    BORROWED,
    Result,
    grade_function,
    grade_value,
    is_blank,
)
from lessons_lib.course.checking.sandbox import Stopped, TooLong, isolated, limited
from lessons_lib.course.exercises.bank import Exercise, OnPaper, find
from lessons_lib.course.practice.anew import fresh
from lessons_lib.course.practice.memory import record
from lessons_lib.course.say import DONE, OPEN, RIGHT, TRY, WRONG, Card, committed, tell
from lessons_lib.guards import seeded

TIME_LIMIT = 20.0  # seconds for one check
given: dict = {}  # id -> the reader's own answer that was checked last
WORDS = {OPEN: "not written yet", WRONG: "not right yet", RIGHT: "right"}


def check(id: str, answer, seed: int | None = None) -> None:
    """Say whether an answer is not written yet, wrong (and how), or right (and what was tested).

    Raises ValueError for an unknown id, and AssertionError under LESSONS_STRICT=1 unless right.
    """
    result = attempt(id, answer, seed)
    tell(card(id, result), DONE if result.symbol == RIGHT else TRY)
    if result.symbol != RIGHT and os.environ.get("LESSONS_STRICT") == "1":
        raise AssertionError(f"{result.symbol} {id}: {result.message}")


def exercise(id: str) -> Exercise:
    """The exercise with this id, also one with other numbers, as `ddim.one_step_by_hand#7`."""
    base, mark, number = str(id).partition("#")
    return fresh(base, number) if mark else find(base)


def attempt(id: str, answer, seed: int | None = None) -> Result:
    """Grade an answer and remember in the reader's progress what came of it."""
    result = grade(id, answer, seed)
    if result.message != BORROWED:
        given[id] = answer
    if result.symbol != OPEN:
        record(id, result.symbol, result.hint_name)
    return result


def card(id: str, result: Result) -> Card:
    """What is said about a result."""
    more = f'`hint("{id}")` gives a nudge.' if result.symbol == WRONG else ""
    return Card(result.symbol, id, WORDS[result.symbol], result.message, more)


def probe(id: str, number: int, seed: int) -> tuple:
    """The arguments of one probe (counted from 1), so that a failure can be replayed."""
    return find(id).probes(seeded(seed))[number - 1]


def grade(id: str, answer, seed: int | None = None, own: bool = True) -> Result:
    """Judge an answer without showing anything.

    seed chooses the probes (fresh ones if left out); own=False accepts the reference itself, for
    the tests.
    """
    task = exercise(id)
    if seed is None:  # fresh probes each time, so that learning the numbers by heart fails
        seed = 0 if committed() else secrets.randbelow(10**6)
    try:
        with isolated():
            return limited(TIME_LIMIT, lambda: _graded(task, answer, seed, own))
    except Stopped:
        raise KeyboardInterrupt from None
    except TooLong:
        return Result(WRONG, f"no result after {TIME_LIMIT:g} s: is there a loop that never ends?")
    except BaseException as error:  # a lesson runs to its end, whatever an answer is made of
        return Result(WRONG, f"this answer stops the check itself, with {type(error).__name__}")


def _graded(task: Exercise, answer, seed: int, own: bool) -> Result:
    if is_blank(answer):
        return Result(OPEN, "not written yet")
    if isinstance(task, OnPaper):
        return grade_value(task, answer)
    if not callable(answer):
        kind = type(answer).__name__
        return Result(WRONG, f"pass the function itself, `{task.name}`, not a {kind}")
    if own and is_borrowed(answer, task.answer):
        return Result(WRONG, BORROWED)
    return grade_function(task, answer, seed)
