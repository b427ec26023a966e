"""Right answers in every dress that means the same, and answers that hold no answer at all."""

import copy
import math
from collections import deque
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from lessons_lib.course.checking.attempt import grade
from lessons_lib.course.checking.grading import COUNT, equal, grade_value, outcome_of
from lessons_lib.course.exercises.bank import InCode, OnPaper, all_exercises, call
from lessons_lib.course.practice.anew import fresh
from lessons_lib.course.say import OPEN, RIGHT, WRONG

EXERCISES = all_exercises()
VALUES = [e for e in EXERCISES if isinstance(e, OnPaper)]
WORDS = [e for e in VALUES if isinstance(np.ravel(e.answer)[0], str)]
NUMBERS = [e for e in VALUES if e not in WORDS]
PLAIN = [e for e in EXERCISES if isinstance(e, InCode) and e.run is call]


def named(exercises):
    return pytest.mark.parametrize("exercise", exercises, ids=[e.id for e in exercises])


def as_tuple(answer) -> tuple:
    return answer if isinstance(answer, tuple) else (answer,)


# --- numbers and words ----------------------------------------------------------------------------

NUMBER = {
    "float": float,
    "whole": lambda v: int(v) if v == int(v) else v,
    "complex": complex,
    "Fraction": lambda v: Fraction(str(v)),
    "Decimal": lambda v: Decimal(str(v)),
    "text": str,
    "text with spaces": lambda v: f" {v} ",
    "true minus": lambda v: str(v).replace("-", "−"),
    "float32": np.float32,
    "float64": np.float64,
    "longdouble": np.longdouble,
    "array": np.array,
    "array of one": lambda v: np.array([v]),
    "tensor": lambda v: torch.tensor(v, dtype=torch.float64),
    "tensor32": lambda v: torch.tensor(v, dtype=torch.float32),
    "complex tensor": lambda v: torch.tensor(complex(v), dtype=torch.complex128),
    "tensor of one": lambda v: torch.tensor([v], dtype=torch.float64),
    "learned": lambda v: torch.nn.Parameter(torch.tensor([[float(v)]])),
}
WORD = {
    "as it is": str,
    "upper": str.upper,
    "with spaces": lambda v: f"\t{v} ",
    "quoted": repr,
    "in brackets": lambda v: f"({v})",
    "with a stop": lambda v: f"{v}.",
    "numpy's": np.str_,
    "array": np.array,
}
HOLDER = {
    "tuple": tuple,
    "list": list,
    "nested": lambda vs: [list(vs)],
    "one by one": lambda vs: [[v] for v in vs],
    "deque": deque,
    "iterator": iter,
    "map": lambda vs: map(copy.copy, vs),
    "generator": lambda vs: (v for v in vs),
    "dict": lambda vs: dict(enumerate(vs)),
    "dict_values": lambda vs: dict(enumerate(vs)).values(),
    "object array": lambda vs: np.fromiter(vs, dtype=object, count=len(vs)),
}
WHOLE = {
    "array": np.array,
    "array32": lambda vs: np.array(vs, dtype=np.float32),
    "strided": lambda vs: np.array([vs, vs]).T[::-1][::-1, 0],
    "tensor": lambda vs: torch.tensor(vs, dtype=torch.float64),
    "column": lambda vs: torch.tensor(vs, dtype=torch.float64)[:, None],
    "complex": lambda vs: torch.tensor(vs, dtype=torch.complex128),
    "sparse": lambda vs: torch.tensor(vs, dtype=torch.float64).to_sparse(),
    "dict_keys": lambda vs: dict.fromkeys(vs).keys() if len(set(vs)) == len(vs) else vs,
    "text": lambda vs: ", ".join(map(str, vs)),
    "text of a tuple": lambda vs: str(tuple(vs)),
}


@named(NUMBERS)
def test_right_numbers_are_right_in_any_dress(exercise):
    """Each kind of number in each kind of container, and the containers of numbers themselves."""
    values, refused = as_tuple(exercise.answer), []
    dresses = {f"{n}, {h}": HOLDER[h](list(map(NUMBER[n], values))) for n in NUMBER for h in HOLDER}
    dresses |= {name: dress(values) for name, dress in WHOLE.items()}
    if len(values) == 1:
        dresses |= {name: dress(values[0]) for name, dress in NUMBER.items()} | {"set": set(values)}
    for name, dressed in dresses.items():
        result = grade_value(exercise, dressed)
        if result.symbol != RIGHT:
            refused.append((name, result.message))
    assert refused == []


@named(WORDS)
def test_right_words_are_right_in_any_dress(exercise):
    words, refused = as_tuple(exercise.answer), []
    dresses = {f"{w}, {h}": HOLDER[h](list(map(WORD[w], words))) for w in WORD for h in HOLDER}
    dresses |= {"text": ", ".join(words), "one text": " ".join(words), "array": np.array(words)}
    if len(words) == 1:
        dresses |= {name: dress(words[0]) for name, dress in WORD.items()}
    for name, dressed in dresses.items():
        result = grade_value(exercise, dressed)
        if result.symbol != RIGHT:
            refused.append((name, result.message))
    assert refused == []


@named(NUMBERS)
def test_what_is_not_the_same_number_is_not_right(exercise):
    values = as_tuple(exercise.answer)
    others = [
        tuple(v + 1j for v in values),
        torch.tensor(values) + 1e-3j,
        [bool(v) for v in values],
    ]
    others += [tuple(v + 1 for v in values), [*values, values[0]], values[:-1], {*values, -1, -2}]
    others += [[str(v) + "0 or so" for v in values], np.array(values, dtype="S")]
    for other in others:
        assert grade_value(exercise, other).symbol == WRONG, other


@named(NUMBERS)
def test_rounding_on_the_way_is_almost(exercise):
    """Off by less than one digit: told so, in every exercise that asks for digits."""
    _assert_almost(exercise)


@pytest.mark.parametrize("id", [e.id for e in VALUES if e.anew])
def test_rounding_on_the_way_is_almost_with_new_numbers(id):
    for number in range(1, 11):
        _assert_almost(fresh(id, number))


def _assert_almost(exercise):
    values, tolerance = as_tuple(exercise.answer), exercise.tolerance
    digits = math.ceil(-math.log10(2 * tolerance))
    slips = [[v + k * tolerance for v in values] for k in (-9, -2, 2, 9)]
    slips += [[round(v, digits - 1) for v in values]]
    for slip in slips:
        result = grade_value(exercise, slip)
        if result.symbol == RIGHT:  # the right value ends one digit before
            assert all(abs(a - b) <= tolerance + 1e-9 for a, b in zip(slip, values, strict=True))
        elif result.hint_name is None:
            assert ("almost" in result.message) == (tolerance < COUNT), (slip, result)


class Bare:
    """An object of nobody's kind."""


@pytest.mark.parametrize("id", ["start.q3", "forward.two_steps", "start.guess", "frontier.place"])
@pytest.mark.parametrize(
    "answer",
    [
        10**400, -(10**400), [10**400] * 2, Decimal("sNaN"), Decimal("Infinity"), float("nan"),
        1j, torch.empty(2, device="meta"), torch.empty(0), (), {}, iter(()), {1.0, 2.0}, b"b",
        Bare(), Bare, len, np.datetime64("2020-01-01"), np.array([b"b", b"c"]), "1/0", "b c",
        [[[]]], np.zeros((0, 2)), torch.zeros(2, 2, 2), "9" * 5000,
    ],
    ids=lambda answer: repr(answer)[:20],
)  # fmt: skip
def test_what_holds_no_answer_is_a_sentence(id, answer):
    result = grade(id, answer)
    assert result.symbol == WRONG and result.message
    assert "stops the check itself" not in result.message


def test_a_blank_among_numbers_is_a_blank():
    for blank in (None, ..., [0.9, None], (0.9, ...), iter([0.9, ...]), {"a": 0.9, "b": None}, " "):
        assert grade("forward.two_steps", blank).symbol == OPEN


# --- what functions return ------------------------------------------------------------------------


def leafwise(dress):
    """A dress of every tensor and number in a result."""

    def dressed(result):
        if isinstance(result, dict):
            return {key: dressed(part) for key, part in result.items()}
        if isinstance(result, (tuple, list)):
            return type(result)(map(dressed, result))
        return dress(result)

    return dressed


def listed(result):
    return result.tolist() if hasattr(result, "tolist") else result


def taken_apart(result):
    """A tensor as a tuple of its rows, down to tensors of no dimension."""
    if isinstance(result, torch.Tensor) and result.dim():
        return tuple(map(taken_apart, result))
    return result


def stacked(result):
    """A tuple of tensors of one shape as one tensor."""
    if isinstance(result, (tuple, list)) and all(isinstance(r, torch.Tensor) for r in result):
        if len({r.shape for r in result}) == 1:
            return torch.stack(tuple(result))
    return result


def renewed(result):
    """A sequence as a generator, which can be read once."""
    return (part for part in result) if isinstance(result, (tuple, list)) else result


def of_tensors(dress):
    return leafwise(lambda r: dress(r) if isinstance(r, torch.Tensor) else r)


def of_numbers(dress):
    return leafwise(lambda r: dress(r) if isinstance(r, (int, float)) else r)


RESULT = {
    "array": of_tensors(lambda r: r.detach().numpy()),
    "backwards strides": of_tensors(lambda r: r.numpy()[::-1].copy()[::-1] if r.dim() else r),
    "float64": of_tensors(torch.Tensor.double),
    "complex": of_tensors(lambda r: r + 0j),
    "sparse": of_tensors(lambda r: r.to_sparse() if r.dim() else r),
    "needs gradients": of_tensors(lambda r: r.double().requires_grad_()),
    "nested lists": leafwise(listed),
    "rows": leafwise(taken_apart),
    "stacked": stacked,
    "generator": renewed,
    "list": lambda r: list(r) if isinstance(r, tuple) else r,
    "tensor for number": of_numbers(torch.tensor),
    "one element": of_numbers(lambda r: torch.tensor([[r]], dtype=torch.float64)),
    "numpy's number": of_numbers(np.float64),
    "Fraction": of_numbers(Fraction),
    "Decimal": of_numbers(Decimal),
}


@named(PLAIN)
def test_right_results_are_right_in_any_dress(exercise):
    probes, refused = exercise.probes(torch.Generator().manual_seed(0)), []
    for i in (0, 1, 2, len(probes) - 1):
        right = outcome_of(exercise, exercise.answer, probes[i], 0)
        for name, dress in RESULT.items():
            dressed = lambda *probe, dress=dress: dress(exercise.answer(*probe))
            found = outcome_of(exercise, dressed, probes[i], 0, right.values)
            if not equal(found, right, exercise.rtol) or found.changed:
                refused.append((i, name, found))
    assert refused == []


@pytest.mark.parametrize(
    "dress, said",
    [
        (lambda r: r + 1e-3j, "complex"),
        (lambda r: r[None], "shape (1, 4)"),
        (lambda r: torch.empty(4, device="meta"), "meta device"),
        (lambda r: 10**400, "shape ()"),
        (lambda r: [*r.tolist(), None], "not written yet"),
        (lambda r: [*r.tolist(), "x"], "a str"),
        (lambda r: {float(v) for v in r}, "no order"),
        (lambda r: Bare(), "a Bare, not a number"),
        (lambda r: [r, r[:2]], "has 2 parts, where 1 are asked"),
        (lambda r: [], "has 0 parts"),
        (lambda r: iter(()), "used up"),
    ],
)
def test_what_is_not_the_same_result_is_a_sentence(dress, said):
    result = grade("start.warm_up", lambda x0, a, s, eps: dress(a * x0 + s * eps), seed=5)
    assert result.symbol != RIGHT and said in result.message


# --- what functions are given ---------------------------------------------------------------------


def spoil(thing):
    """Change all that can be changed in what an answer was given."""
    if isinstance(thing, torch.Tensor):
        thing.detach().zero_().sub_(7)
    elif isinstance(thing, np.ndarray):
        thing.fill(-7)
    elif isinstance(thing, (tuple, list)):
        for part in thing:
            spoil(part)
    if isinstance(thing, list):
        thing.append(thing)


@named(PLAIN)
def test_an_answer_that_spoils_its_inputs_spoils_no_probe(exercise):
    probes = exercise.probes(torch.Generator().manual_seed(0))
    kept = copy.deepcopy(probes[:3])

    def vandal(*probe):
        found = copy.deepcopy(exercise.answer(*probe))
        spoil(probe)
        return found

    for probe, before in zip(probes[:3], kept, strict=True):
        right = outcome_of(exercise, exercise.answer, before, 0)
        found = outcome_of(exercise, vandal, probe, 0, right.values)
        assert equal(found, right, exercise.rtol)
        can_change = any(
            isinstance(part, (torch.Tensor, np.ndarray, list, tuple)) for part in probe
        )
        assert found.changed == can_change
        assert equal(outcome_of(exercise, exercise.answer, probe, 0), right, exercise.rtol)


@pytest.mark.parametrize("id, list_at", [("frontier.walk_all", 2), ("frontier.walk_all", 3)])
def test_a_list_that_was_appended_to_is_told(id, list_at):
    """`past.append` and `levels.append` once went out of the check as an exception."""

    def appends(*args):
        args[list_at].append(args[list_at][-1])
        return []

    assert "changes its input" in grade(id, appends, seed=0).message
