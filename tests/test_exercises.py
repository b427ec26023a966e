"""Every exercise: right answers are accepted, each known mistake is rejected with its own hint."""

import ast
import contextlib
import copy
import functools
import inspect
import io
import math
import pkgutil
import re
from itertools import combinations
from pathlib import Path

import pytest
import torch

from lessons_lib.course import exercises
from lessons_lib.course.checking.attempt import grade
from lessons_lib.course.checking.grading import equal, outcome_of
from lessons_lib.course.exercises.bank import InCode, OnPaper, all_exercises, find
from lessons_lib.course.notebooks.execute import load, tags
from lessons_lib.course.say import OPEN, RIGHT, WRONG
from lessons_lib.levels import Level

SEEDS = (0, 1, 2)
EXERCISES = all_exercises()
FUNCTIONS = [e for e in EXERCISES if isinstance(e, InCode)]
VALUES = [e for e in EXERCISES if isinstance(e, OnPaper)]
POSITIVE = {"alpha_bar", "var_1", "var_2", "error", "cost"}
BOUNDED = {"beta", "angle", "std", "time", "times"}  # between two limits by their nature
HARMLESS = {  # what may be done to an argument, since it makes no difference anywhere
    ("ddim.score_from_eps", "t", "alpha kept from 0"),  # the formula has σ only
    ("guidance.classifier_guided_eps", "t", "alpha kept from 0"),
    ("frontier.pareto", "cost", "a little added"),  # only the order counts
    ("frontier.pareto", "error", "a little added"),
    ("frontier.slope", "steps", "sign lost"),  # counts, which are above 0
    ("guidance.drop_labels", "u", "limited"),  # from 0 to 1
    ("guidance.drop_labels", "u", "sign lost"),
    ("scores.annealed_step", "t", "alpha kept from 0"),
    ("scores.implicit_loss", "s", "sign lost"),  # it is squared
    ("one_sde.log_density", "y", "sign lost"),  # its square counts
    ("train.time_embedding", "dim", "one more"),  # even by promise, and halved
}
tally = {}  # id -> how many wrong answers met their own hint, another's, or were accepted


def named(exercises):
    return pytest.mark.parametrize("exercise", exercises, ids=[e.id for e in exercises])


@pytest.fixture(scope="module", autouse=True)
def bank_report():
    """Print what became of every wrong answer; shown with `pytest -s`."""
    yield
    total = [sum(column) for column in zip(*tally.values(), strict=True)] or [0, 0, 0]
    print(f"\n\n{'exercise':26}{'wrong':>7}{'own':>6}{'other':>7}{'accepted':>10}")
    for name, (own, other, accepted) in {**tally, "all": total}.items():
        print(f"{name:26}{own + other + accepted:7}{own:6}{other:7}{accepted:10}")


def results(exercise, answer, seed):
    """What an answer gives on every probe of one seed."""
    probes = exercise.probes(torch.Generator().manual_seed(seed))
    return [outcome_of(exercise, answer, probe, seed) for probe in probes]


def same(exercise, a, b):
    return all(equal(x, y, exercise.rtol) for x, y in zip(a, b, strict=True))


def bends(name, value):
    """What somebody may do to an argument "to be safe", and must not: a way's name, the way."""
    if isinstance(value, Level):
        for field in ("alpha", "sigma"):
            yield (
                f"{field} kept from 0",
                lambda t, f=field: t._replace(**{f: getattr(t, f).clamp(min=0.01)}),
            )
    elif isinstance(value, torch.Tensor) and value.is_floating_point():
        if name in POSITIVE:
            yield "kept from 0", lambda v: v.clamp(min=1e-5)
            yield "a little added", lambda v: v + 1e-5
        elif name not in BOUNDED:
            yield "limited", lambda v: v.clamp(-10, 10)
        yield (
            "sign lost" if name not in BOUNDED | POSITIVE else "rounded",
            (torch.abs if name not in BOUNDED | POSITIVE else lambda v: v.half().to(v)),
        )
        if value.ndim:
            yield "first for all", lambda v: v[:1].expand_as(v)
    elif isinstance(value, float):
        yield "changed by a thousandth", lambda v: 1.001 * v + 1e-3 * (v == 0)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield "one more", lambda v: v + 1


def bent(answer, place, way):
    """The answer, which does something to one of its arguments first."""
    return lambda *a: answer(*a[:place], way(a[place]), *a[place + 1 :])


def function_from(source, name):
    """The function that a cell with this source defines, in a lesson's smallest name space."""
    space = {"torch": torch, "math": math, "__name__": "__main__"}
    exec(compile(source, "<cell>", "exec"), space)
    return space[name]


def test_ids_are_unique_and_name_their_module():
    ids = [e.id for e in EXERCISES]
    assert len(set(ids)) == len(ids)
    modules = {module.name for module in pkgutil.iter_modules(exercises.__path__)}
    assert {name.split(".")[0] for name in ids} <= modules
    assert all(find(name).id == name for name in ids)


@named(EXERCISES)
def test_is_complete(exercise):
    assert len(exercise.hints) == 3 and all(exercise.hints)
    assert exercise.section and exercise.tested
    names = [wrong.name for wrong in exercise.wrong]
    hints = [wrong.hint for wrong in exercise.wrong]
    assert len(set(names)) == len(names) and len(set(hints)) == len(hints)
    assert len(names) >= (10 if isinstance(exercise, InCode) else 3)


@named(EXERCISES)
def test_stub_is_not_written_yet(exercise):
    space = {}
    exec(exercise.stub(), space)
    assert grade(exercise.id, space[exercise.name]).symbol == OPEN


@named(EXERCISES)
def test_wrong_answers_meet_their_own_hint(exercise):
    count = {"own": 0, "other": 0, "accepted": 0}
    for wrong in exercise.wrong:
        result = grade(exercise.id, wrong.answer, seed=0, own=False)
        own = result.symbol == WRONG and result.hint_name == wrong.name
        count["own" if own else "accepted" if result.symbol == RIGHT else "other"] += 1
    tally[exercise.id] = tuple(count.values())
    assert count == {"own": len(exercise.wrong), "other": 0, "accepted": 0}


@named(FUNCTIONS)
@pytest.mark.parametrize("seed", SEEDS)
def test_probes_tell_every_answer_apart(exercise, seed):
    right = results(exercise, exercise.answer, seed)
    assert len(right) >= 12
    assert all(outcome.error is None for outcome in right)
    assert all(value.isfinite().all() for outcome in right for value in outcome.values)
    wrong = {w.name: results(exercise, w.answer, seed) for w in exercise.wrong}
    assert [name for name in wrong if same(exercise, wrong[name], right)] == []
    alike = [pair for pair in combinations(wrong, 2) if same(exercise, *map(wrong.get, pair))]
    assert alike == []


@named(FUNCTIONS)
@pytest.mark.parametrize("seed", SEEDS)
def test_right_answers_are_accepted(exercise, seed):
    assert len(exercise.variants) >= 2
    for answer in (exercise.answer, *exercise.variants):
        result = grade(exercise.id, answer, seed, own=False)
        assert result.symbol == RIGHT, (answer, result)


@named(FUNCTIONS)
def test_identities_hold(exercise):
    for seed in SEEDS:
        probes = exercise.probes(torch.Generator().manual_seed(seed))
        for probe, found in zip(probes, results(exercise, exercise.answer, seed), strict=True):
            for sentence, sides in exercise.theorems:
                pair = sides(found.values, *probe)
                if pair is not None:
                    a, b = (torch.as_tensor(side).double() for side in pair)
                    gap = (a - b).abs()
                    assert float(gap.max() if gap.numel() else 0) < exercise.rtol, sentence


@named(FUNCTIONS)
def test_no_safety_goes_unseen(exercise):
    """Floors, limits, rounding, a lost sign: on some probe each of them makes a difference."""
    probes = exercise.probes(torch.Generator().manual_seed(0))
    seen = []
    exercise.run(lambda *a: seen.append(a) or exercise.answer(*a), copy.deepcopy(probes[0]))
    right = results(exercise, exercise.answer, 0)
    names = list(inspect.signature(exercise.answer).parameters)
    unseen = [
        (name, what)
        for place, name in enumerate(names)
        for what, way in bends(name, seen[0][place])
        if (exercise.id, name, what) not in HARMLESS
        and same(exercise, results(exercise, bent(exercise.answer, place, way), 0), right)
    ]
    assert unseen == []


@named(FUNCTIONS)
def test_solution_stands_alone_and_is_accepted(exercise):
    answer = function_from(exercise.solution(), exercise.name)
    assert grade(exercise.id, answer, seed=3).symbol == RIGHT
    lines = ast.parse(exercise.solution()).body
    assert len(lines) == 1 and lines[0].name == exercise.name


@named(FUNCTIONS)
def test_the_reference_itself_is_not_your_own(exercise):
    result = grade(exercise.id, exercise.answer)
    assert result.symbol == WRONG and "not your own" in result.message


@named(VALUES)
def test_values_are_apart_and_accepted(exercise):
    space = {}
    exec(exercise.solution(), space)
    assert grade(exercise.id, space[exercise.name]).symbol == RIGHT
    answers = [exercise.answer, *(wrong.answer for wrong in exercise.wrong)]
    for a, b in combinations(answers, 2):
        a, b = (x if isinstance(x, tuple) else (x,) for x in (a, b))
        if len(a) == len(b) and not isinstance(a[0], str):
            gap = max(abs(x - y) for x, y in zip(a, b, strict=True))
            assert gap > 2 * exercise.tolerance, (a, b)
        else:
            assert a != b


@functools.cache
def headings(id):
    """The headings of the notebook in which an exercise stands; None if it stands in none."""
    for path in (Path(__file__).parents[1] / "notebooks").glob("[0-9]*.ipynb"):
        nb = load(path)
        if any(f"exercise:{id}" in tags(cell) for cell in nb.cells):
            text = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
            return re.findall(r"^##+ (.*)", text, re.M)


@named(EXERCISES)
def test_sections_named_in_hints_are_headings_that_a_link_finds(exercise):
    sections = {exercise.section, *(w.section for w in exercise.wrong if w.section)}
    assert sections <= set(headings(exercise.id))


def test_graders_print_nothing():
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        for exercise in EXERCISES:
            grade(exercise.id, exercise.answer, own=False)
    assert said.getvalue() == ""
