"""A submitted notebook, marked: its answers are put into the course's own notebook and judged.

Nothing that was submitted runs in this process, and nothing but the answers counts: not the
submitted checks, not the stored outputs. For each exercise a process of its own runs the cells that
the answer needs and grades it, and is killed when its time is over. What it says is not believed:
a value is judged here, and a function is right only if what it gave on fresh probes equals what
the reference gives here. So an answer that patches the engine, prints a ✓ or ends its process
gains nothing. (One that calls the reference under another name may: the answers are no secret.)
"""

import ast
import builtins
import contextlib
import linecache
import multiprocessing
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import psutil
import torch

from lessons_lib.course.checking.attempt import exercise, grade
from lessons_lib.course.checking.grading import Outcome, equal, outcome_of
from lessons_lib.course.checking.parts import Unreadable, opened
from lessons_lib.course.checking.sandbox import isolated
from lessons_lib.course.exercises.bank import OnPaper, all_exercises
from lessons_lib.course.notebooks.editions import feeding, marked, names_of, rebound
from lessons_lib.course.notebooks.rules import code_cells, tags, tree
from lessons_lib.course.say import OPEN, RIGHT, WRONG

NOT_RUN = "–"
EACH, ALL = 90.0, 900.0  # seconds for one exercise, its cells included, and for one notebook
MOST = 50_000_000  # bytes that a process may send

# Forked from a process that has the library and has computed nothing, so that each starts at once.
START = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
PROCESSES = multiprocessing.get_context(START)


class Task(NamedTuple):
    """One exercise: the cells to run, and the expression that its check is given."""

    id: str
    cells: list[str]
    answer: str


class NotRun(Exception):
    """Why an exercise was not reached."""


def original(path: Path, nb, course: list[Path], load) -> Path | None:
    """Which of the course's notebooks a file is: by its name, by its cells, by its number.

    load: reads one of the course's. None where it is none of them.
    """
    if same := [p for p in course if p.stem == path.stem]:
        return same[0]
    mine = names(nb)
    shared = {p: len(mine & names(load(p))) for p in course}
    best = max(shared, key=shared.get, default=None)
    if best and shared[best] > len(mine) / 2:  # a few, such as `begin`, are in every notebook
        return best
    number = path.stem[:2]
    return next((p for p in course if number.isdecimal() and p.stem.startswith(number)), None)


def names(nb) -> set[str]:
    """What a notebook's cells are known by: their ids, and the exercises in them."""
    return {c.id for c in nb.cells if c.get("id")} | {id for id, _ in marked(nb, "exercise")}


def mark(shipped, submitted, seed: int) -> Iterator[tuple[str, str, str]]:
    """(exercise id, ✓ ✗ ○ or –, what is said) for each exercise of the course's notebook.

    seed: chooses the probes; the same seed judges in the same way.
    """
    end = time.monotonic() + ALL
    all_exercises()
    ours = [name for name in sys.modules if name.startswith("lessons_lib.")]
    PROCESSES.set_forkserver_preload([*ours, "IPython.display", *modules(shipped)])
    for id, _ in marked(shipped, "exercise"):
        try:
            yield id, *judged(task(id, shipped, submitted), seed, min(EACH, end - time.monotonic()))
        except NotRun as why:
            yield id, NOT_RUN, f"not run: {why}"


# --- which cells an answer needs ------------------------------------------------------------------


def task(id: str, shipped, submitted) -> Task:
    """What to run for one exercise: the course's cells, the submitted answers in their places.

    Helpers that the student wrote in other cells come before the answer. Raises NotRun where the
    submitted notebook has no cell for this exercise.
    """
    before, handed_in = [], dict(found(shipped, submitted))
    for _, cell in code_cells(shipped):
        if f"check:{id}" in tags(cell):
            answer = checked(cell.source)
            break
        answers = [handed_in.get(t.removeprefix("exercise:")) for t in tags(cell)]
        before.append(next(filter(None, answers), unchecked(cell.source)))
    else:
        raise NotRun("the course's notebook has no check for it")
    if handed_in.get(id) is None:
        raise NotRun("the notebook has no cell with this answer")
    own = handed_in[id]
    rest = [source for source in before if source is not own]
    wanted = reads(own) | reads(answer)
    known = set(dir(builtins)).union(*(bound(source) for source in rest))
    helpers = []
    for source in reversed(extras(shipped, submitted, handed_in)):
        if bound(source) & (wanted - known):
            helpers.insert(0, source)
            wanted |= reads(source)
    return Task(id, [*feeding(rest, wanted), *helpers, own], answer)


def found(shipped, submitted) -> Iterator[tuple[str, str | None]]:
    """(exercise id, the submitted answer's source) for each exercise; None where there is none.

    Looked for by tag, by the stub's cell id, by the name that the stub defines, and before the
    check; the first that is no longer the stub is taken, and of equals the last.
    """
    theirs = [cell for _, cell in code_cells(submitted)]
    ours = [cell for _, cell in code_cells(shipped)]
    ids, sources = {cell.get("id") for cell in ours}, {cell.source.strip() for cell in ours}
    foreign = [c for c in theirs if c.get("id") not in ids and c.source.strip() not in sources]
    for id, stub in marked(shipped, "exercise"):
        wanted = bound(stub.source, imports=False)
        calls = re.compile(rf"""check\(\s*["']{re.escape(id)}["']""")
        candidates = [
            *reversed([c for c in theirs if f"exercise:{id}" in tags(c)]),
            *(c for c in theirs if c.get("id") == stub.get("id")),
            *reversed([c for c in foreign if wanted & bound(c.source, imports=False)]),
            *(a for a, b in pairwise(theirs) if calls.search(b.source) and a in foreign),
        ]
        written = (c.source for c in candidates if c.source.strip() != stub.source.strip())
        yield id, next(written, stub.source if candidates else None)


def extras(shipped, submitted, handed_in: dict) -> list[str]:
    """The submitted code cells that are neither the course's nor an answer nor a check."""
    known = {cell.source.strip() for _, cell in code_cells(shipped)} | set(handed_in.values())
    sources = [cell.source for _, cell in code_cells(submitted)]
    return [s for s in sources if s not in known and s.strip() not in known and "check(" not in s]


def bound(source: str, imports: bool = True) -> set[str]:
    """The names that a cell surely sets; none where it is no Python."""
    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        return rebound(source, imports)
    return set()


def reads(source: str) -> set[str]:
    """The names that a cell reads; none where it is no Python."""
    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        return names_of(source)[1]
    return set()


def is_check(line) -> bool:
    """Whether a statement is a call of `check` with an id and an answer."""
    call = line.value if isinstance(line, ast.Expr) else None
    name = call.func.id if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else ""
    return name == "check" and len(call.args) == 2


def checked(source: str) -> str:
    """The expression that a check cell hands to `check`."""
    for line in tree(source).body:
        if is_check(line):
            return ast.unparse(line.value.args[1])
    raise NotRun("the course's notebook has no call of check for it")


def unchecked(source: str) -> str:
    """A cell of the course without its check: the import of the library's function is left."""
    lines = [line for line in tree(source).body if not is_check(line)]
    return "\n".join(map(ast.unparse, lines))


def modules(nb) -> list[str]:
    """The modules that a notebook of the course imports at its top level."""
    found = {}
    for _, cell in code_cells(nb):
        for line in tree(cell.source).body:
            if isinstance(line, ast.Import):
                found |= dict.fromkeys(alias.name for alias in line.names)
            elif isinstance(line, ast.ImportFrom) and line.module:
                found[line.module] = None
    return [name for name in found if name != "__main__"]


# --- in this process ------------------------------------------------------------------------------


def judged(what: Task, seed: int, limit: float) -> tuple[str, str]:
    """The symbol for one exercise, and what is said; NotRun where its process did not answer."""
    if limit <= 0:
        raise NotRun(f"the {ALL:g} s for one notebook were over")
    try:
        known = exercise(what.id)
    except ValueError as problem:
        raise NotRun(str(problem)) from problem
    sent = asked(what, seed, limit)
    said = re.sub(r"[\x00-\x1f\x7f]", " ", str(sent.get("said", "")))[:1000]
    if sent.get("symbol") != RIGHT:
        return OPEN if sent.get("symbol") == OPEN else WRONG, said
    try:
        if confirmed(known, sent.get("gave"), seed):
            return RIGHT, said
    except Exception as problem:  # whatever a stranger's values do to the engine
        raise NotRun(f"what it gave cannot be judged: {problem!r}"[:200]) from problem
    return WRONG, "its own check says ✓, and what it gives is not right"


def confirmed(task, gave, seed: int) -> bool:
    """Whether a value is right, and whether a function gave on each probe what the reference gives.

    The probes are others than those of the check.
    """
    if isinstance(task, OnPaper):
        return grade(task.id, gave, seed).symbol == RIGHT
    with isolated():
        probes, expected = answers(task, seed + 1)
        return isinstance(gave, list) and len(gave) == len(probes) and all(
            values == repr(right.error)
            if right.error
            else isinstance(values, list) and equal(Outcome(values), right, task.rtol)
            for values, right in zip(gave, expected, strict=True)
        )  # fmt: skip


def answers(task, seed: int):
    """The probes of a seed, and what the reference gives on them."""
    probes = task.probes(torch.Generator().manual_seed(seed))
    return probes, [outcome_of(task, task.answer, probe, seed) for probe in probes]


def asked(what: Task, seed: int, limit: float) -> dict:
    """What a process of its own says about an exercise; NotRun, with the reason, if nothing."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        sent = Path(folder) / "sent"
        process = PROCESSES.Process(target=work, args=(what, seed, str(sent)))
        process.start()
        try:
            process.join(limit)
            late = process.is_alive()
        finally:
            end(process)
        if not sent.is_file():
            if late:
                raise NotRun(f"no result after {limit:.0f} s, and its process was ended")
            code = process.exitcode
            how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
            raise NotRun(f"the answer ended its process ({how})")
        try:
            if sent.stat().st_size > MOST:
                raise ValueError(f"more than {MOST:,} bytes")
            said = torch.load(sent, weights_only=True)  # tensors and plain values, and no code
            if not isinstance(said, dict):
                raise ValueError("no result")
        except Exception as problem:  # whatever a stranger's file makes of the reader
            raise NotRun(f"what its process sent cannot be read: {problem}"[:200]) from problem
        return said


def end(process) -> None:
    """Kill a process and what it started; nothing in it can refuse."""
    family = []
    with contextlib.suppress(psutil.Error):
        family = psutil.Process(process.pid).children(recursive=True)
    with contextlib.suppress(OSError, AttributeError):  # it leads a group, and is not on Windows
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    for child in family:
        with contextlib.suppress(psutil.Error):
            child.kill()
    process.join()


# --- in the other process -------------------------------------------------------------------------


def work(what: Task, seed: int, sent: str) -> None:
    """Run the cells, grade the answer, and leave in a file what is to be said."""
    if hasattr(os, "setsid"):
        os.setsid()
    for stream in range(3):
        os.dup2(os.open(os.devnull, os.O_RDWR), stream)
    os.chdir(Path(sent).parent)
    os.environ |= {"LESSONS_PROGRESS": "off", "MPLBACKEND": "agg"}
    import_module("lessons_lib.course.checking.attempt").TIME_LIMIT = (
        EACH / 2
    )  # this machine may be busy
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
        said["gave"] = answer if isinstance(known, OnPaper) else given(known, answer, seed + 1)
    return said


def given(task, answer, seed: int) -> list:
    """What a function gives on the probes of a seed: tensors, or the words of an error."""
    with isolated():
        pairs = zip(*answers(task, seed), strict=True)
        found = [outcome_of(task, answer, probe, seed, right.values) for probe, right in pairs]
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
