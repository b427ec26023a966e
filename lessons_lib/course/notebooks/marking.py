"""A submitted notebook, marked: its answers are put into the course's own notebook and judged.

Nothing that was submitted runs in this process, and nothing but the answers counts: not the
submitted checks, not the stored outputs. For each exercise a process of its own runs the cells that
the answer needs and grades it, and is killed when its time is over. What it says is not believed:
a value is judged here, and a function is right only if what it gave on fresh probes equals what
the reference gives here. So an answer that patches the engine, prints a ✓ or ends its process
gains nothing. (One that calls the reference under another name may: the answers are no secret.)
"""

import contextlib
import multiprocessing
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import torch

from lessons_lib.course.checking.attempt import exercise, grade
from lessons_lib.course.checking.grading import Outcome, equal, expected
from lessons_lib.course.checking.sandbox import isolated
from lessons_lib.course.exercises.bank import OnPaper, all_exercises
from lessons_lib.course.notebooks.editions import marked
from lessons_lib.course.notebooks.elsewhere import LIMIT, work
from lessons_lib.course.notebooks.handed_in import NotRun, Task, modules, task
from lessons_lib.course.say import OPEN, RIGHT, WRONG

NOT_RUN = "–"
EACH, ALL = 2 * LIMIT, 900.0  # seconds for one exercise, its cells included, and for one notebook
MOST = 50_000_000  # bytes that a process may send

# Forked from a process that has the library and has computed nothing, so that each starts at once.
START = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
PROCESSES = multiprocessing.get_context(START)


def mark(shipped, submitted, seed: int) -> Iterator[tuple[str, str, str]]:
    """(exercise id, ✓ ✗ ○ or –, what is said) for each exercise of the course's notebook.

    seed: chooses the probes; the same seed judges in the same way.
    """
    end = time.monotonic() + ALL
    all_exercises()
    ours = [name for name in sys.modules if name.startswith("lessons_lib.")]
    PROCESSES.set_forkserver_preload([*ours, "IPython.display", *modules(shipped)])
    for id, _ in marked(shipped, "exercise"):
        left = min(EACH, end - time.monotonic())
        try:
            yield id, *verdict(task(id, shipped, submitted), seed, left)
        except NotRun as why:
            yield id, NOT_RUN, f"not run: {why}"


def verdict(what: Task, seed: int, limit: float) -> tuple[str, str]:
    """The symbol for one exercise, and what is said; NotRun where its process did not answer."""
    if limit <= 0:
        raise NotRun(f"the {ALL:g} s for one notebook were over")
    try:
        known = exercise(what.id)
    except ValueError as problem:
        raise NotRun(str(problem)) from problem
    sent = sent_back(what, seed, limit)
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
        _, reference = expected(task, seed + 1)
        return isinstance(gave, list) and len(gave) == len(reference) and all(
            values == repr(right.error)
            if right.error
            else isinstance(values, list) and equal(Outcome(values), right, task.rtol)
            for values, right in zip(gave, reference, strict=True)
        )  # fmt: skip


def sent_back(what: Task, seed: int, limit: float) -> dict:
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
