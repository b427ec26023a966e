"""How answers are judged: functions on random probes, numbers and choices against a table."""

import contextlib
import copy
import functools
import inspect
import io
import random
import traceback
from numbers import Number
from typing import NamedTuple

import numpy as np
import torch

from lessons_lib.course.isolate import TooLong, is_stub

OPEN, WRONG, RIGHT = "○", "✗", "✓"
LEFT_BLANK = "not written yet: a blank is left, or the `return` is missing"
UNSTEADY = (
    "called twice with the same inputs, your function gives two results: "
    "it keeps something between calls, or draws random numbers"
)
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
        or (is_stub(answer))
    )


# --- functions, on random probes ------------------------------------------------------------------


class Outcome(NamedTuple):
    """What an answer gave on one probe: flat tensors, or an error; did it change its input?"""

    values: list[torch.Tensor]
    error: BaseException | None = None
    changed: bool = False


def grade_function(exercise, answer, seed: int) -> Result:
    """Compare a function with the reference, then with every known mistake, on the same probes."""
    probes, expected = _expected(exercise, seed)
    found = [outcome_of(exercise, answer, probes[0], seed)]  # only this call may print
    if _left_blank(found[0]):
        return Result(OPEN, LEFT_BLANK)
    with contextlib.redirect_stdout(io.StringIO()):
        found += [outcome_of(exercise, answer, p, seed) for p in probes[1:]]

        def gives_the_same(other, seed) -> bool:  # stops at the first probe that tells them apart
            return all(
                equal(x, outcome_of(exercise, other, p, seed), exercise.rtol)
                for x, p in zip(found, probes, strict=True)
            )

        right = all(equal(x, y, exercise.rtol) for x, y in zip(found, expected, strict=True))
        if not right:
            for wrong in exercise.wrong:
                if gives_the_same(wrong.answer, seed):
                    return _known(exercise, wrong)
        if not gives_the_same(answer, seed + 1):
            return Result(WRONG, UNSTEADY)
    if any(outcome.changed for outcome in found):
        return Result(WRONG, CHANGES_INPUT)
    if right:
        message = f"{len(probes)} probes, {'; '.join(exercise.tested)}"
        return Result(RIGHT, message, tested=exercise.tested)
    at = next(i for i, (a, b) in enumerate(zip(found, expected, strict=True))
              if not equal(a, b, exercise.rtol))  # fmt: skip
    if _left_blank(found[at]):
        return Result(OPEN, LEFT_BLANK)
    where = f"(probe {at + 1} of {len(probes)}, seed {seed})"
    told = _difference(exercise, answer, found[at], expected[at], probes[at])
    return Result(WRONG, f"{told} {where}")


@functools.lru_cache(maxsize=2)
def _expected(exercise, seed):
    """The probes of one seed and what the reference gives on them."""
    probes = exercise.probes(torch.Generator().manual_seed(seed))
    return probes, [outcome_of(exercise, exercise.answer, p, seed) for p in probes]


def outcome_of(exercise, answer, probe, seed) -> Outcome:
    """Run an answer on a copy of the probe, with every global generator at a known state."""
    inputs = copy.deepcopy(probe)
    torch.default_generator.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
    try:
        with torch.enable_grad():
            values = _flatten(exercise.run(answer, inputs))
    except (KeyboardInterrupt, TooLong):
        raise
    except BaseException as error:  # whatever a student's line raises becomes a hint
        return Outcome([], error)
    if exercise.changes_inputs:
        return Outcome(values)
    pairs = zip(_flatten(inputs), _flatten(probe), strict=True)
    return Outcome(values, changed=not all(torch.equal(a, b) for a, b in pairs))


def _left_blank(outcome) -> bool:
    """Whether an answer stopped at a blank that is still there."""
    error = outcome.error
    return isinstance(error, NotImplementedError) or (
        isinstance(error, (TypeError, AttributeError)) and "ellipsis" in str(error).lower()
    )


def _flatten(result) -> list[torch.Tensor]:
    """Nested tuples, lists and dicts of tensors and numbers, as a flat list of tensors."""
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, (list, tuple)) and not all(isinstance(r, Number) for r in result):
        return [tensor for part in result for tensor in _flatten(part)]
    if result is None or result is ...:
        raise NotImplementedError
    if not isinstance(result, (torch.Tensor, np.ndarray, Number, list, tuple)):
        kind = type(result).__name__
        raise TypeError(f"the result is a {kind}, where a tensor or a number is asked")
    return [torch.as_tensor(result).detach().clone().cpu()]


def equal(a: Outcome, b: Outcome, rtol: float) -> bool:
    """Whether two answers gave the same on one probe: the same tensors, or the same error."""
    if a.error or b.error:
        return repr(a.error) == repr(b.error)
    return len(a.values) == len(b.values) and all(
        x.shape == y.shape and _close(x, y, rtol) for x, y in zip(a.values, b.values, strict=True)
    )


def _close(x, y, rtol) -> bool:
    x, y = torch.as_tensor(x).double(), torch.as_tensor(y).double()
    scale = float(torch.where(y.isfinite(), y, 0).abs().amax()) if y.numel() else 0.0
    return torch.allclose(x, y, rtol=rtol, atol=0.1 * rtol * scale, equal_nan=True)


def _difference(exercise, answer, found, expected, probe) -> str:
    """Say in one sentence how an unknown wrong result differs from the expected one."""
    if found.error:
        return _quote(exercise, answer, found.error)
    if len(found.values) != len(expected.values):
        return f"the result has {len(found.values)} parts, where {len(expected.values)} are asked"
    for x, y in zip(found.values, expected.values, strict=True):
        if x.shape != y.shape:
            return f"the result has shape {tuple(x.shape)}, where {tuple(y.shape)} is asked"
        if y.is_floating_point() and not x.is_floating_point():
            return f"the result holds {x.dtype} numbers, where real numbers are asked"
        if not x.isfinite().all():
            return (
                "the result holds NaN or infinity: look for 0/0, a root of a negative, a log of 0"
            )
    for sentence, sides in exercise.identities:
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


def _quote(exercise, answer, error) -> str:
    """An exception as a hint that quotes the student's line."""
    said = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:160]}"
    code = getattr(inspect.unwrap(answer), "__code__", None)
    own = [frame for frame in traceback.extract_tb(error.__traceback__)
           if code and frame.filename == code.co_filename and frame.line]  # fmt: skip
    if own:
        return f"your line `{own[-1].line.strip()}` stops with {said}"
    return f"called as `{exercise.name}{inspect.signature(exercise.answer)}`, it gives {said}"


# --- numbers and choices --------------------------------------------------------------------------


def grade_value(exercise, answer) -> Result:
    """Compare numbers or choices with the right ones, then with every known mistake."""
    parts, right = _parts(answer), _parts(exercise.answer)
    if any(is_blank(part) for part in parts):
        return Result(OPEN, "not written yet")

    def agree(wanted, slack=1.0):
        return len(parts) == len(wanted) and all(
            _part_agrees(p, w, slack * exercise.tolerance)
            for p, w in zip(parts, wanted, strict=True)
        )

    if agree(right):
        return Result(RIGHT, "; ".join(exercise.tested), tested=exercise.tested)
    for wrong in exercise.wrong:
        if agree(_parts(wrong.answer)):
            return _known(exercise, wrong)
    if len(parts) != len(right):
        return Result(WRONG, f"{len(right)} values are asked, {len(parts)} given")
    choices = sorted({c for v in (exercise.answer, *(w.answer for w in exercise.wrong))
                      for c in _parts(v) if isinstance(c, str)})  # fmt: skip
    if choices:
        return Result(WRONG, f"choose among {', '.join(map(repr, choices))}; given: {answer!r}")
    if agree(right, slack=4.0):
        return Result(WRONG, "almost: carry more digits on the way, and round only at the end")
    off = [i for i, (p, w) in enumerate(zip(parts, right, strict=True), 1)
           if not _part_agrees(p, w, exercise.tolerance)]  # fmt: skip
    which = f" (value {', '.join(map(str, off))} of {len(right)})" if len(right) > 1 else ""
    return Result(WRONG, f"not this number{which}; read again “{exercise.section}”")


def _parts(value) -> list:
    """A number, a choice, or a sequence of them, as a flat list."""
    value = value.tolist() if hasattr(value, "tolist") else value
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _part_agrees(part, wanted, tolerance) -> bool:
    if isinstance(wanted, str):
        return isinstance(part, str) and part.strip().lower() == wanted.lower()
    slack = tolerance + 1e-9
    return isinstance(part, Number) and abs(part - wanted) <= slack


def _known(exercise, wrong) -> Result:
    section = wrong.section or exercise.section
    return Result(WRONG, f"{wrong.hint} Read again: “{section}”.", wrong.name)
