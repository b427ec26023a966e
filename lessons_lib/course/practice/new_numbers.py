"""By-hand exercises with other numbers: the same line, the same mistakes, nothing to remember.

`fresh("ddim.one_step_by_hand", 7)` is always the same task, so that a class can share it.
"""

import difflib
import random
import secrets
from itertools import combinations

from lessons_lib.course.exercises import Value, Wrong, find
from lessons_lib.course.practice.drills import DRILLS, Drill


def fresh(id: str, number: int | str) -> Value:
    """The exercise with new numbers; the same number gives the same task again.

    Raises ValueError for an id without new numbers, naming those that have them, and for a number
    that is no positive integer.
    """
    if id not in DRILLS:
        near = difflib.get_close_matches(str(id), DRILLS, n=3, cutoff=0.6) or sorted(DRILLS)
        raise ValueError(f"id: {id!r} has no new numbers; these have: {', '.join(near)}")
    if not str(number).isdecimal() or int(number) < 1:
        raise ValueError(f"number: {number!r} given; need an integer from 1, as in {id}#7")
    drill, original = DRILLS[id], find(id)
    given, answers = drawn(drill, f"{id} {number}")
    right = answers[0]
    first = right[0] if isinstance(right, tuple) else right
    return Value(
        id=id,
        question=drill.ask.format(**{name: written(given[name], name) for name in given}),
        section=original.section,
        answer=right,
        tested=("the same line, with other numbers",),
        hints=(
            f"Only the numbers are new: “{original.section}” shows the way.",
            drill.line,
            f"The first number is {first:.{max(1, drill.digits - 1)}f}, to one digit less.",
        ),
        wrong=tuple(
            Wrong(name, answer, hint)
            for (name, _, hint), answer in zip(drill.wrong, answers[1:], strict=True)
        ),
        tolerance=drill.slack * 10**-drill.digits,
    )


def drawn(drill: Drill, seed: str) -> tuple[dict, list]:
    """Numbers for which no two answers look alike, and the answers, the right one first."""
    for attempt in range(1000):
        given = drill.draw(random.Random(f"{seed} {attempt}"))
        rules = (drill.answer, *(rule for _, rule, _ in drill.wrong))
        answers = [_rounded(rule(**given), drill.digits) for rule in rules]
        gap = 2 * drill.slack * 10**-drill.digits
        if all(_apart(a, b, gap) for a, b in combinations(answers, 2)):
            return given, answers
    raise RuntimeError(f"{seed}: no numbers found that tell the mistakes apart")


def pick() -> int:
    """A number for `fresh` that nobody knows beforehand."""
    return 1 + secrets.randbelow(999)


def _rounded(values, digits):
    if isinstance(values, tuple):
        return tuple(round(float(value), digits) for value in values)
    return round(float(values), digits)


def _apart(a, b, gap) -> bool:
    a, b = (x if isinstance(x, tuple) else (x,) for x in (a, b))
    return len(a) != len(b) or any(abs(x - y) > gap for x, y in zip(a, b, strict=True))


def written(value, name: str = "") -> str:
    """A number as it is written by hand; the rungs of a ladder with arrows between them."""
    if isinstance(value, tuple):
        return (" → " if name == "ladder" else ", ").join(map(written, value))
    return f"{value + 0.0:g}".replace("-", "−")  # -0.0 + 0.0 is 0.0
