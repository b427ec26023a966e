"""By-hand exercises with other numbers: the same line, the same mistakes, nothing to remember.

`fresh("ddim.one_step_by_hand", 7)` is always the same task, so that a class can share it.
"""

import difflib
import random
import secrets
from itertools import combinations

from lessons_lib.course.exercises.bank import Anew, OnPaper, Slip, bank, find, rounded


def fresh(id: str, number: int | str) -> OnPaper:
    """The exercise with new numbers; the same number gives the same task again.

    Raises ValueError for an id without new numbers, naming those that have them, and for a number
    that is no positive integer.
    """
    if not has_new_numbers(id):
        names = sorted(filter(has_new_numbers, bank()))
        near = difflib.get_close_matches(str(id), names, n=3, cutoff=0.6) or names
        raise ValueError(f"id: {id!r} has no new numbers; these have: {', '.join(near)}")
    if not str(number).isdecimal() or int(number) < 1:
        raise ValueError(f"number: {number!r} given; need an integer from 1, as in {id}#7")
    original = find(id)
    anew = original.anew
    given, right, wrong = drawn(anew, f"{id} {number}")
    first = right[0] if isinstance(right, tuple) else right
    return OnPaper(
        id=id,
        section=original.section,
        answer=right,
        tested=("the same line, with other numbers",),
        hints=(
            f"Only the numbers are new: “{original.section}” shows the way.",
            anew.line,
            f"The first number is {first:.{max(1, anew.digits - 1)}f}, to one digit less.",
        ),
        wrong=wrong,
        tolerance=anew.slack * 10**-anew.digits,
        ask=anew.ask.format(**{name: written(given[name], name) for name in given}),
    )


def has_new_numbers(id: str) -> bool:
    """Whether there is an exercise of that id, and it can be asked with other numbers."""
    return bool(getattr(bank().get(id), "anew", None))


def drawn(anew: Anew, seed: str) -> tuple[dict, float | tuple, tuple[Slip, ...]]:
    """Numbers for which no two answers look alike, the right answer, and the slips.

    Nor does a right answer lie halfway between two roundings, where each has its friends.
    """
    for attempt in range(1000):
        given = anew.draw(random.Random(f"{seed} {attempt}"))
        if anew.slack < 1 and _halfway(anew.formula(**given), anew.digits):
            continue
        rules = (anew.formula, *(rule for _, rule, _ in anew.slips))
        right, *wrong = (rounded(rule(**given), anew.digits) for rule in rules)
        gap = 2 * anew.slack * 10**-anew.digits
        if all(_apart(a, b, gap) for a, b in combinations((right, *wrong), 2)):
            named = zip(anew.slips, wrong, strict=True)
            return (
                given,
                right,
                tuple(Slip(name, answer, said) for (name, _, said), answer in named),
            )
    raise RuntimeError(f"{seed}: no numbers found that tell the mistakes apart")


def pick() -> int:
    """A number for `fresh` that nobody knows beforehand."""
    return 1 + secrets.randbelow(999)


def _halfway(values, digits: int) -> bool:
    values = values if isinstance(values, tuple) else (values,)
    return any(abs(abs(float(value)) * 10**digits % 1 - 0.5) < 1e-6 for value in values)


def _apart(a, b, gap) -> bool:
    a, b = (x if isinstance(x, tuple) else (x,) for x in (a, b))
    return len(a) != len(b) or any(abs(x - y) > gap for x, y in zip(a, b, strict=True))


def written(value, name: str = "") -> str:
    """A number as it is written by hand; the rungs of a ladder with arrows between them."""
    if isinstance(value, tuple):
        return (" → " if name == "ladder" else ", ").join(map(written, value))
    return f"{value + 0.0:g}".replace("-", "−")  # -0.0 + 0.0 is 0.0
