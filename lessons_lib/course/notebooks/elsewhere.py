"""The process in which one answer runs and is graded. What it says is not believed: see marking."""

import contextlib
import linecache
import os
import re
from pathlib import Path

import torch

from lessons_lib.course.checking import attempt
from lessons_lib.course.checking.attempt import exercise, grade
from lessons_lib.course.checking.grading import outcomes
from lessons_lib.course.checking.parts import Unreadable, opened
from lessons_lib.course.checking.sandbox import isolated
from lessons_lib.course.exercises.bank import OnPaper
from lessons_lib.course.notebooks.handed_in import Task
from lessons_lib.course.say import RIGHT, WRONG

LIMIT = 45.0  # seconds for one check, more than in a lesson: this machine may be busy


def work(what: Task, seed: int, sent: str) -> None:
    """Run the cells, grade the answer, and leave in a file what is to be said."""
    if hasattr(os, "setsid"):
        os.setsid()
    for stream in range(3):
        os.dup2(os.open(os.devnull, os.O_RDWR), stream)
    os.chdir(Path(sent).parent)
    os.environ |= {"LESSONS_PROGRESS": "off", "MPLBACKEND": "agg"}
    attempt.TIME_LIMIT = LIMIT
    said = answered(what, seed)
    torch.save(said, f"{sent}.part")
    os.replace(f"{sent}.part", sent)
    os._exit(0)  # threads that it left do not keep it


def answered(what: Task, seed: int) -> dict:
    """What is said about an exercise: why its cells stopped, or how it was graded; what it gave."""
    from IPython.display import display

    space, known = {"__name__": "__main__", "display": display}, exercise(what.id)
    try:
        for number, source in enumerate(what.cells, 1):
            run(source, f"<cell {number}>", space)
        answer = eval(what.answer, space)
    except BaseException as problem:  # SystemExit and KeyboardInterrupt, too
        return {"symbol": WRONG, "said": f"{type(problem).__name__}: {problem}"}
    if isinstance(known, OnPaper):
        with contextlib.suppress(Unreadable):
            answer = opened(answer)  # a generator can be read once only
    result = grade(what.id, answer, seed)
    said = {"symbol": result.symbol, "said": result.message}
    if result.symbol == RIGHT:
        said["gave"] = answer if isinstance(known, OnPaper) else gave(known, answer, seed + 1)
    return said


def gave(task, answer, seed: int) -> list:
    """What a function gives on the probes of a seed: tensors, or the words of an error."""
    with isolated():
        found = list(outcomes(task, answer, seed))
    return [repr(outcome.error) if outcome.error else list(outcome.values) for outcome in found]


def run(source: str, name: str, space: dict) -> None:
    """Run one cell as a notebook does, its % and ! lines left out."""
    try:
        code = compile(source, name, "exec")
    except SyntaxError:
        source = re.sub(r"^\s*[%!].*", "", source, flags=re.M)
        code = compile(source, name, "exec")
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)  # for tracebacks
    exec(code, space)
