"""Help on demand: three hints, then an answer, and the same exercise with other numbers."""

from lessons_lib.course.checking.attempt import exercise
from lessons_lib.course.practice.anew import fresh, pick
from lessons_lib.course.practice.memory import record
from lessons_lib.course.say import Card, Offers, committed, tell

_given: dict[str, int] = {}  # id -> how many hints
_asked: set[str] = set()  # the ids whose answer somebody wanted to see


def hint(id: str) -> None:
    """Give one more hint each time: a nudge, then the idea, then almost the line itself."""
    tell(next_hint(id))


def reveal(id: str) -> None:
    """Show the lines of a right answer: at the second call, or where outputs are committed."""
    shown = solution(id)
    if committed() or id in _asked:
        tell(shown)
        record(id, "revealed")
        return
    _asked.add(id)
    said = f"The hints lead there too, and you keep it longer. Sure? Call `reveal({id!r})` again."
    tell(Card("=", id, "one right answer", said), Offers(answer=True, sure=True))


def new_numbers(id: str, number: int | None = None) -> None:
    """Ask a by-hand exercise again with other numbers; `number` chooses which.

    Raises ValueError, with the ids that have new numbers, if this one has none.
    """
    base = str(id).partition("#")[0]
    if number is None:
        number = 1 if committed() else pick()
    name = f"{base}#{number}"
    ways = f"`check({name!r}, your answer)` checks it, `hint({name!r})` gives a nudge."
    said = f"{fresh(base, number).ask} {ways}"
    tell(Card("#", name, "new numbers", said), Offers(box=True))


def next_hint(id: str) -> Card:
    """One hint more than the last time."""
    hints = exercise(id).hints
    level = min(_given.get(id, 0) + 1, len(hints))
    _given[id] = level
    record(id, f"hint {level}")
    last = f'That was the last one; `reveal("{id}")` shows an answer.'
    more = last if level == len(hints) else ""
    return Card("?", id, f"hint {level} of {len(hints)}", hints[level - 1], more)


def solution(id: str) -> Card:
    """The lines of a right answer."""
    return Card("=", id, "one right answer", code=exercise(id).solution())
