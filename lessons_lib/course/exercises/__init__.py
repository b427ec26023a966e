"""What an exercise is, and where to find one: one module per notebook, read on first use."""

import difflib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple

from torch import Generator


class Wrong(NamedTuple):
    """A wrong answer that people really give, and what a tutor would say to it.

    `section` is the section of the lesson to read again (the exercise's own, if left out);
    `source` says where the mistake was published, if it was.
    """

    name: str
    answer: Any
    hint: str
    section: str | None = None
    source: str | None = None


class Identity(NamedTuple):
    """A sentence that a right answer makes true, and the two sides of it.

    `sides(values, *probe)` gets the list of result tensors and gives (found, expected), or None
    where the sentence says nothing.
    """

    sentence: str
    sides: Callable


def call(answer, probe):
    """Call the answer with the probe's arguments."""
    return answer(*probe)


@dataclass(frozen=True)
class Function:
    """An exercise whose answer is a function, compared with the reference on random probes.

    answer    the reference: formula only, so that its source can stand in the solved notebook
    probes    generator -> list of argument tuples, 12 or more
    variants  other right answers, the library's own among them
    run       what to do with an answer and a probe, where calling it is not enough
    changes_inputs   True where changing an argument in place is the task
    """

    id: str
    question: str
    section: str
    answer: Callable
    probes: Callable[[Generator], list[tuple]]
    tested: tuple[str, ...]
    hints: tuple[str, str, str]
    wrong: tuple[Wrong, ...]
    variants: tuple[Callable, ...]
    identities: tuple[Identity, ...] = ()
    run: Callable = call
    rtol: float = 1e-5
    changes_inputs: bool = False

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
class Value:
    """An exercise whose answer is a number, a choice, or a tuple of them.

    `tolerance` is half a unit of the last digit that the text asks for; choices must be equal.
    """

    id: str
    question: str
    section: str
    answer: Any
    tested: tuple[str, ...]
    hints: tuple[str, str, str]
    wrong: tuple[Wrong, ...]
    tolerance: float = 0.0

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


Exercise = Function | Value


def all_exercises() -> list[Exercise]:
    """Every exercise of the course, notebook by notebook."""
    modules = [import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)]
    return [exercise for module in modules for exercise in module.EXERCISES]


def find(id: str) -> Exercise:
    """The exercise with this id; ValueError, with the nearest ids, if there is none."""
    exercises = {exercise.id: exercise for exercise in all_exercises()}
    if id not in exercises:
        near = difflib.get_close_matches(str(id), exercises, n=3, cutoff=0.3) or sorted(exercises)
        raise ValueError(f"no exercise has the id {id!r}; the nearest are: {', '.join(near)}")
    return exercises[id]
