"""How answers are judged: functions on random probes, numbers and choices against a table."""

import contextlib
import copy
import functools
import inspect
import io
import linecache
import opcode
import random
import re
import string
import traceback
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import torch

from lessons_lib.course.checking.borrowed import is_stub
from lessons_lib.course.checking.parts import Unreadable, fitted, leaves, opened, wide
from lessons_lib.course.checking.sandbox import TooLong
from lessons_lib.course.say import OPEN, RIGHT, WRONG
from lessons_lib.guards import seeded

LEFT_BLANK = "not written yet: a blank is left, or the `return` is missing"
UNSTEADY = (
    "called twice with the same inputs, your function gives two results: "
    "it keeps something between calls, or draws random numbers"
)
ONE_DIGIT = 10.0  # a number rounded to one digit less is off by ten tolerances at most
COUNT = 0.1  # from this tolerance on, an answer is a count: there is nothing to round
CHANGES_INPUT = "your function changes its input in place, and later cells still need it"
BORROWED = (
    "this is, imports or calls the library's own function, so it is not your own: "
    "run the cell with your answer again, then this one"
)


class Result(NamedTuple):
    """What a check found: a symbol, a sentence, the known mistake's name, and what was tested."""

    symbol: str
    message: str
    hint_name: str | None = None
    tested: tuple[str, ...] = ()


def is_blank(answer) -> bool:
    """Whether there is nothing to judge yet: `...`, None, or a function that is still a stub."""
    return (
        answer is None
        or answer is ...
        or (isinstance(answer, str) and not answer.strip())
        or is_stub(answer)
    )


# --- functions, on random probes ------------------------------------------------------------------


class Failure(NamedTuple):
    """Why there is no result: in short, to compare, and as a sentence."""

    said: str
    sentence: str


class Outcome(NamedTuple):
    """What an answer gave on one probe: flat tensors, or a failure.

    blank    a blank is still there, or a `return` is missing
    changed  the answer has changed its inputs
    """

    values: list[torch.Tensor]
    error: Failure | None = None
    blank: bool = False
    changed: bool = False


def grade_function(exercise, answer, seed: int) -> Result:
    """Compare a function with the reference, then with every known mistake, on the same probes."""
    probes, right = expected(exercise, seed)
    more = outcomes(exercise, answer, seed)
    found = [next(more)]  # only this call may print
    if found[0].blank:
        return Result(OPEN, LEFT_BLANK)
    with contextlib.redirect_stdout(io.StringIO()):
        found += more
        matches = lambda other, dice=seed: (
            differ_at(found, outcomes(exercise, other, seed, dice), exercise.rtol) is None
        )
        wrong_at = differ_at(found, right, exercise.rtol)
        mistakes = () if wrong_at is None else exercise.wrong
        if wrong := next((each for each in mistakes if matches(each.answer)), None):
            return _known(exercise, wrong)
        if not matches(answer, seed + 1):
            return Result(WRONG, UNSTEADY)
    if any(outcome.changed for outcome in found):
        return Result(WRONG, CHANGES_INPUT)
    if wrong_at is None:
        said = f"{len(probes)} probes, {'; '.join(exercise.tested)}"
        return Result(RIGHT, said, tested=exercise.tested)
    if found[wrong_at].blank:
        return Result(OPEN, LEFT_BLANK)
    told = _difference(exercise, found[wrong_at], right[wrong_at], probes[wrong_at])
    return Result(WRONG, f"{told} (probe {wrong_at + 1} of {len(probes)}, seed {seed})")


@functools.lru_cache(maxsize=2)
def expected(exercise, seed: int) -> tuple[list, list[Outcome]]:
    """The probes of one seed and what the reference gives on them."""
    probes = exercise.probes(seeded(seed))
    return probes, [outcome_of(exercise, exercise.answer, p, seed) for p in probes]


def outcomes(exercise, answer, seed: int, dice: int | None = None) -> Iterator[Outcome]:
    """What an answer gives on the probes of a seed, one after the other, when they are asked for.

    dice: the state of the global generators, the same seed if left out.
    """
    for probe, right in zip(*expected(exercise, seed), strict=True):
        yield outcome_of(exercise, answer, probe, seed if dice is None else dice, right.values)


def differ_at(some, others, rtol: float) -> int | None:
    """The first probe on which two answers differ; None where they agree on all."""
    pairs = enumerate(zip(some, others, strict=True))
    return next((i for i, (a, b) in pairs if not equal(a, b, rtol)), None)


def outcome_of(exercise, answer, probe, seed, like=None) -> Outcome:
    """Run an answer on a copy of the probe, with every global generator at a known state.

    like    what the reference gives there, so that the same numbers in another dress are the same
    """
    inputs = copy.deepcopy(probe)
    torch.default_generator.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
    try:
        with torch.enable_grad():
            values = fitted(opened(exercise.run(answer, inputs)), like)
    except TooLong:
        raise
    except Unreadable as error:
        return Outcome([], Failure("unreadable", f"the result is {error}"))
    except BaseException as error:  # whatever a student's line raises becomes a hint
        return _failed(exercise, answer, error)
    if any(value is None or value is ... for value in values):
        return Outcome([], Failure("blank", LEFT_BLANK), blank=True)
    if any(isinstance(value, str) for value in values):
        return Outcome([], Failure("words", "the result is a str, where numbers are asked"))
    return Outcome(values, changed=not exercise.changes_inputs and _changed(inputs, probe))


def _changed(inputs, probe) -> bool:
    """Whether an answer has changed what it was given."""
    try:
        now, then = leaves(opened(inputs)), leaves(opened(probe))
        return len(now) != len(then) or not all(
            torch.equal(a, b) if isinstance(b, torch.Tensor) else a == b
            for a, b in zip(now, then, strict=True)
        )
    except Exception:  # there is something now that was not there
        return True


def _failed(exercise, answer, error) -> Outcome:
    """An exception as a hint that quotes the student's line."""
    said = _in_words(error)
    home = getattr(inspect.unwrap(answer), "__globals__", None)
    steps = traceback.walk_tb(error.__traceback__)
    own = [(frame, line) for frame, line in steps if frame.f_globals is home]
    line = own and linecache.getline(own[-1][0].f_code.co_filename, own[-1][1]).strip()
    called = f"called as `{exercise.name}{inspect.signature(exercise.answer)}`, it gives"
    sentence = f"your line `{line}` stops with {said}" if line else f"{called} {said}"
    blank = "ellipsis" in said.lower() and isinstance(error, (TypeError, AttributeError))
    if isinstance(error, NotImplementedError):
        blank = _raised_by_a_line(error.__traceback__, home)
    return Outcome([], Failure(said, sentence), blank)


def _in_words(error) -> str:
    """The kind of an exception and its first line; some cannot even say what they are."""
    try:
        said = (str(error).splitlines() or [""])[0][:160]
    except Exception:
        said = ""
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _raised_by_a_line(trace, home) -> bool:
    """Whether a `raise` of the student's or of the course's is behind an exception.

    torch says NotImplementedError, too: of what it cannot do in half precision, for one.
    """
    while trace.tb_next:
        trace = trace.tb_next
    place, code = trace.tb_frame.f_globals, trace.tb_frame.f_code.co_code
    ours = place is home or str(place.get("__name__")).startswith("lessons_lib.course.")
    return ours and code[trace.tb_lasti] == opcode.opmap["RAISE_VARARGS"]


def equal(a: Outcome, b: Outcome, rtol: float) -> bool:
    """Whether two answers gave the same on one probe: the same tensors, or the same error."""
    if a.error is not None or b.error is not None:
        return a.error is not None and b.error is not None and a.error.said == b.error.said
    return len(a.values) == len(b.values) and all(
        x.shape == y.shape and _close(x, y, rtol) for x, y in zip(a.values, b.values, strict=True)
    )


def _close(x, y, rtol) -> bool:
    x, y = wide(torch.as_tensor(x)), wide(torch.as_tensor(y))
    if x.is_complex() != y.is_complex():
        return False
    scale = float(torch.where(y.isfinite(), y, 0).abs().amax()) if y.numel() else 0.0
    return torch.allclose(x, y, rtol=rtol, atol=0.1 * rtol * scale, equal_nan=True)


def _difference(exercise, found, expected, probe) -> str:
    """Say in one sentence how an unknown wrong result differs from the expected one."""
    if found.error is not None:
        return found.error.sentence
    if len(found.values) != len(expected.values):
        return f"the result has {len(found.values)} parts, where {len(expected.values)} are asked"
    for x, y in zip(found.values, expected.values, strict=True):
        if x.shape != y.shape:
            return f"the result has shape {tuple(x.shape)}, where {tuple(y.shape)} is asked"
        if x.is_complex():
            return "the result is complex, where real numbers are asked"
        if y.is_floating_point() and not x.is_floating_point():
            return f"the result holds {x.dtype} numbers, where real numbers are asked"
        if not x.isfinite().all():
            return (
                "the result holds NaN or infinity: look for 0/0, a root of a negative, a log of 0"
            )
    for sentence, sides in exercise.theorems:
        pair = sides(found.values, *probe)
        if pair is not None and not _close(*pair, exercise.rtol):
            off = (torch.as_tensor(pair[0]) - torch.as_tensor(pair[1])).abs().max()
            return f"this should hold and does not: {sentence}; it is off by {float(off):.3g}"
    gaps = [(x.double() - y.double()).abs().reshape(-1)
            for x, y in zip(found.values, expected.values, strict=True)]  # fmt: skip
    part = max(range(len(gaps)), key=lambda i: float(gaps[i].max()))
    entry = int(gaps[part].argmax())
    yours = float(found.values[part].reshape(-1)[entry])
    right = float(expected.values[part].reshape(-1)[entry])
    return f"the largest slip: yours {yours:.6g}, expected {right:.6g}"


# --- numbers and choices --------------------------------------------------------------------------


def grade_value(exercise, answer) -> Result:
    """Compare numbers or choices with the right ones, then with every known mistake."""
    right = parts(exercise.answer)
    try:
        given = parts(answer, len(right))
    except Unreadable as error:
        return Result(WRONG, f"the answer is {error}")
    except Exception as error:
        return Result(WRONG, f"the answer cannot be read: {_in_words(error)}")
    if any(is_blank(part) for part in given):
        return Result(OPEN, "not written yet")

    def agree(wanted, slack=1.0):
        return len(given) == len(wanted) and all(
            _part_agrees(p, w, slack * exercise.tolerance)
            for p, w in zip(given, wanted, strict=True)
        )

    if agree(right):
        return Result(RIGHT, "; ".join(exercise.tested), tested=exercise.tested)
    for wrong in exercise.wrong:
        if agree(parts(wrong.answer)):
            return _known(exercise, wrong)
    if len(given) != len(right):
        asked = "1 value is" if len(right) == 1 else f"{len(right)} values are"
        return Result(WRONG, f"{asked} asked, {len(given)} given")
    choices = sorted({c for v in (exercise.answer, *(w.answer for w in exercise.wrong))
                      for c in parts(v) if isinstance(c, str)})  # fmt: skip
    if choices:
        shown = ", ".join(map(repr, given))[:80]
        return Result(WRONG, f"choose among {', '.join(map(repr, choices))}; given: {shown}")
    if exercise.tolerance < COUNT and agree(right, slack=ONE_DIGIT):
        return Result(WRONG, "almost: carry more digits on the way, and round only at the end")
    off = [i for i, (p, w) in enumerate(zip(given, right, strict=True), 1)
           if not _part_agrees(p, w, exercise.tolerance)]  # fmt: skip
    which = f" (value {', '.join(map(str, off))} of {len(right)})" if len(right) > 1 else ""
    return Result(WRONG, f"not this number{which}; read again “{exercise.section}”")


def parts(answer, asked: int = 1) -> list:
    """Numbers, choices and blanks, as a flat list; where several are asked, a text may hold them.

    Raises Unreadable for what holds none of these.
    """
    if isinstance(answer, str) and asked > 1:
        words = re.findall(r"[^\s,;()\[\]]+", answer)
        answer = words if len(words) > 1 else list(answer.strip())
    flat = []
    for leaf in leaves(opened(answer)):
        flat += leaf.reshape(-1).tolist() if isinstance(leaf, torch.Tensor) else [leaf]
    return flat


def _part_agrees(part, wanted, tolerance) -> bool:
    if isinstance(part, str):
        part = part.strip(string.whitespace + "()[],'\"").replace("−", "-")
    if isinstance(wanted, str):
        return isinstance(part, str) and part.rstrip(".").lower() == wanted.lower()
    if isinstance(part, str):
        try:
            part = float(Fraction(part))
        except (ValueError, ArithmeticError):
            return False
    if isinstance(part, (bool, complex)):
        return False
    return abs(part - wanted) <= tolerance + 1e-9


def _known(exercise, wrong) -> Result:
    section = wrong.section or exercise.section
    return Result(WRONG, f"{wrong.hint} Read again: “{section}”.", wrong.name)
