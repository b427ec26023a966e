"""What an exercise is: code from these modules, words from data/exercises/NN.yaml, joined by id."""

import difflib
import inspect
import pkgutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from torch import Generator

from lessons_lib import files
from lessons_lib.course import exercises
from lessons_lib.course.words import Said, load


class Slip(NamedTuple):
    """A wrong answer that people really give, and what a tutor would say to it.

    `section` is the section of the lesson to read again (the exercise's own, if left out);
    `source` says where the mistake was published, if it was.
    """

    name: str
    answer: Any
    hint: str
    section: str | None = None
    source: str | None = None


class Theorem(NamedTuple):
    """A sentence that a right answer makes true, and the two sides of it.

    `sides(values, *probe)` gets the list of result tensors and gives (found, expected), or None
    where the sentence says nothing.
    """

    sentence: str
    sides: Callable


class Anew(NamedTuple):
    """A calculation by hand with other numbers: how they are drawn, and what is then said.

    draw     a random.Random -> the numbers, a dict
    ask      the task, with {names} of the numbers; line, the formula, for the second hint
    formula  numbers -> the right values
    slips    (name, numbers -> values, what a tutor says)
    digits   decimals that are asked for; slack, how far the last one may be off
    """

    draw: Callable
    ask: str
    line: str
    formula: Callable
    slips: tuple
    digits: int
    slack: float


@dataclass(frozen=True)
class Exercise:
    """What every exercise has: where it stands, the right answer, and the wrong ones."""

    id: str
    section: str
    answer: Any
    tested: tuple[str, ...]
    hints: tuple[str, str, str]
    wrong: tuple[Slip, ...]


@dataclass(frozen=True, eq=False)
class InCode(Exercise):
    """An exercise whose answer is a function, compared with the reference on random probes."""

    probes: Callable[[Generator], list[tuple]]
    variants: tuple[Callable, ...]
    theorems: tuple[Theorem, ...]
    run: Callable
    rtol: float
    changes_inputs: bool

    @property
    def name(self) -> str:
        """The name that the student gives to the answer."""
        return self.answer.__name__

    def solution(self) -> str:
        """The source that replaces the stub in the solved edition."""
        return inspect.getsource(self.answer).rstrip()

    def stub(self) -> str:
        """The source that a student finds in the notebook."""
        return f"def {self.name}{inspect.signature(self.answer)}:\n    return ..."


@dataclass(frozen=True)
class OnPaper(Exercise):
    """An exercise whose answer is a number, a choice, or a tuple of them.

    `tolerance` is half a unit of the last digit that the text asks for; choices must be equal.
    `ask` is the task, where no notebook holds it: of new numbers.
    """

    tolerance: float = 0.0
    anew: Anew | None = field(default=None, compare=False)
    ask: str = ""

    @property
    def name(self) -> str:
        """The name that the student gives to the answer."""
        return self.id.split(".")[1]

    def solution(self) -> str:
        """The source that replaces the stub in the solved edition."""
        return f"{self.name} = {self.answer!r}"

    def stub(self) -> str:
        """The source that a student finds in the notebook."""
        return f"{self.name} = ..."


# --- code -----------------------------------------------------------------------------------------


class Declared(NamedTuple):
    """The code of an exercise: what makes exercises of it and its words, and where it stands."""

    join: Callable[[Said], list[Exercise]]
    where: str


declared: dict[str, Declared] = {}


def call(answer, probe):
    """Call the answer with the probe's arguments."""
    return answer(*probe)


def in_code(
    id: str,
    answer: Callable,
    *,
    probes: Callable[[Generator], list[tuple]],
    variants: tuple[Callable, ...],
    slips: dict[str, Callable],
    theorems: dict[str, Callable] | None = None,
    run: Callable = call,
    rtol: float = 1e-5,
    changes_inputs: bool = False,
) -> None:
    """An exercise whose answer is a function, compared with the reference on random probes.

    answer    the reference: formula only, so that its source can stand in the solved notebook
    probes    generator -> list of argument tuples, 12 or more
    variants  other right answers, the library's own among them
    slips     name -> a wrong answer; in the YAML file the same name -> what a tutor says to it
    theorems  name -> sides(values, *probe); in the YAML file the same name -> the sentence
    run       what to do with an answer and a probe, where calling it is not enough
    changes_inputs   True where changing an argument in place is the task
    """

    def join(said: Said) -> list[InCode]:
        proved = _matched(id, said, "theorems", theorems or {})
        made = InCode(
            **_words(id, said, *["theorems"] * bool(theorems)),
            answer=answer,
            wrong=tuple(_slip(*three) for three in _matched(id, said, "slips", slips)),
            probes=probes,
            variants=tuple(variants),
            theorems=tuple(Theorem(sentence, sides) for _, sides, sentence in proved),
            run=run,
            rtol=rtol,
            changes_inputs=changes_inputs,
        )
        return [made]

    _declare(id, join)


def on_paper(
    id: str,
    formula: Any,
    *,
    slips: dict[str, Any],
    digits: int,
    slack: float = 0.5,
    given: dict | None = None,
    anew: Callable | None = None,
    anew_digits: int | None = None,
    anew_slack: float | None = None,
) -> None:
    """An exercise with a pencil: a formula and its slips, for the lesson's numbers and new ones.

    formula  numbers -> values, with the lesson's numbers in `given`; or the values themselves
    slips    name -> the same, wrong; values are what somebody gets from the lesson's numbers only
    digits   decimals that are asked for; slack, how far the last one may be off
    anew     a random.Random -> other numbers; slips are asked with them, too, whose words have a
             sentence for that; `anew_digits` and `anew_slack` where they differ
    """
    values = lambda rule: rounded(rule(**(given or {})), digits) if callable(rule) else rule

    def join(said: Said) -> list[OnPaper]:
        pairs = _matched(id, said, "slips", slips)
        more, again = ["anew"] if anew else [], None
        if anew and "anew" in said:
            ask, line = said["anew"]["ask"], said["anew"]["line"]
            told = [(name, rule, _opened(each).get("anew")) for name, rule, each in pairs]
            exact = (anew_digits or digits, anew_slack or slack)
            again = Anew(anew, ask, line, formula, tuple(t for t in told if t[2]), *exact)
        made = OnPaper(
            **_words(id, said, *more),
            answer=values(formula),
            wrong=tuple(_slip(name, values(rule), each, *more) for name, rule, each in pairs),
            tolerance=slack * 10**-digits,
            anew=again,
        )
        return [made]

    _declare(id, join)


def choices(id: str, each: Callable[[Said], list[OnPaper]]) -> None:
    """Exercises by choice that are alike: one entry of words, and what makes all of them of it."""
    _declare(id, each)


def rounded(values, digits: int):
    """A number, or a tuple of numbers, to so many decimals."""
    if isinstance(values, tuple):
        return tuple(round(float(value), digits) for value in values)
    return round(float(values), digits)


def _declare(id: str, join: Callable) -> None:
    frame = sys._getframe(2)
    here = f"{frame.f_code.co_filename}, line {frame.f_lineno}"
    if id in declared:
        raise ValueError(f"{here}: {id!r} is there already, in {declared[id].where}")
    declared[id] = Declared(join, here)


# --- words ----------------------------------------------------------------------------------------


def _words(id: str, said: Said, *more: str) -> dict:
    """What all exercises say; ValueError, with file and line, for parts that are not there."""
    parts = {"section", "tested", "hints", "slips", *more}
    if lone := sorted(parts - set(said)):
        raise ValueError(f"{said.where}: {id} is without {lone}")
    if lone := sorted(set(said) - parts):
        raise ValueError(f"{said.where}: {id} knows no part {lone}; allowed are {sorted(parts)}")
    return {
        "id": id,
        "section": said["section"],
        "tested": tuple(said["tested"]),
        "hints": tuple(said["hints"]),
    }


def _matched(id: str, said: Said, part: str, code: dict) -> list[tuple]:
    """(name, code, words) of each; ValueError, with both places, unless the names are the same."""
    words, where = said.get(part, Said()), declared[id].where
    if lone := [name for name in code if name not in words]:
        raise ValueError(f"{said.where}: {id} has no words for {part} {lone} of {where}")
    if lone := [name for name in words if name not in code]:
        raise ValueError(f"{where}: {id} has no code for {part} {lone} of {said.where}")
    return [(name, code[name], words[name]) for name in code]


def _opened(said: str | Said) -> Said:
    """The words of a slip as a mapping: a bare sentence is what a tutor says."""
    return Said(say=said) if isinstance(said, str) else said


def _slip(name: str, answer, said: str | Said, *more: str) -> Slip:
    """A slip with its words: a sentence, or a mapping with `say` and what else there is."""
    said = _opened(said)
    parts = {"say", "section", "source", *more}
    if "say" not in said or set(said) - parts:
        raise ValueError(f"{said.where}: {name!r} needs `say`; allowed are {sorted(parts)}")
    return Slip(name, answer, said["say"], said.get("section"), said.get("source"))


def _choice(id: str, said: Said) -> OnPaper:
    """An exercise that has no code: `answer` is the right choice, `is` in each slip a wrong one."""
    same = lambda choice: tuple(choice) if isinstance(choice, list) else choice
    if "answer" not in said:
        raise ValueError(f"{said.where}: {id} has neither code nor an `answer`")
    if blank := [name for name, each in said["slips"].items() if "is" not in _opened(each)]:
        raise ValueError(f"{said['slips'].where}: {id} has slips without `is`: {blank}")
    slips = said["slips"].items()
    wrong = tuple(_slip(name, same(each["is"]), each, "is") for name, each in slips)
    return OnPaper(**_words(id, said, "answer"), answer=same(said["answer"]), wrong=wrong)


# --- both -----------------------------------------------------------------------------------------


@cache
def bank() -> dict[str, Exercise]:
    """id -> exercise, notebook by notebook, as data/exercises has them."""
    for module in pkgutil.iter_modules(exercises.__path__):
        import_module(f"{exercises.__name__}.{module.name}")
    made, said_of = {}, set()
    for path in sorted((files.DATA / "exercises").glob("*.yaml")):
        for id, said in load("exercises", path.stem, dict).items():
            if id in said_of:
                raise ValueError(f"{said.where}: {id} is in another file already")
            found = declared[id].join(said) if id in declared else [_choice(id, said)]
            made |= {each.id: each for each in found}
            said_of.add(id)
    for id, code in declared.items():
        if id not in said_of:
            raise ValueError(f"{code.where}: data/exercises has no words for {id}")
    return made


def all_exercises() -> list[Exercise]:
    """Every exercise of the course, notebook by notebook."""
    return list(bank().values())


def find(id: str) -> Exercise:
    """The exercise with this id; ValueError, with the nearest ids, if there is none."""
    if id not in bank():
        near = difflib.get_close_matches(str(id), bank(), n=3, cutoff=0.3) or sorted(bank())
        raise ValueError(f"no exercise has the id {id!r}; the nearest are: {', '.join(near)}")
    return bank()[id]
