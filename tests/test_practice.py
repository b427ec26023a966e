"""New numbers: always one right answer, every slip named, no two answers alike."""

import math

import pytest

from lessons_lib.course.checking.attempt import grade
from lessons_lib.course.checking.grading import grade_value
from lessons_lib.course.exercises.bank import all_exercises, find
from lessons_lib.course.practice.anew import drawn, fresh, pick
from lessons_lib.course.say import RIGHT, WRONG

AGAIN = {e.id: e.anew for e in all_exercises() if getattr(e, "anew", None)}
TWO_LINES = AGAIN["ddim.walk_by_hand"].line
each_exercise = pytest.mark.parametrize("id", sorted(AGAIN))


@each_exercise
def test_every_slip_meets_its_own_hint_whatever_the_numbers(id):
    for number in range(1, 41):
        task = fresh(id, number)
        assert grade_value(task, task.answer).symbol == RIGHT
        for wrong in task.wrong:
            result = grade_value(task, wrong.answer)
            assert (result.symbol, result.hint_name) == (WRONG, wrong.name), (number, wrong)


def both_roundings(value, digits):
    """Down and up, where a value ends in a 5 behind its last digit; else the nearest, twice."""
    place = float(value) * 10**digits
    edge = abs(place - math.floor(place) - 0.5) < 1e-6
    ends = (math.floor(place), math.ceil(place)) if edge else (round(place),) * 2
    return [end / 10**digits for end in ends]


def values_of(rule, given):
    values = rule(**given)
    return values if isinstance(values, tuple) else (values,)


@each_exercise
def test_a_5_may_be_rounded_up_or_down(id):
    anew = AGAIN[id]
    for number in range(1, 61):
        given, *_ = drawn(anew, f"{id} {number}")
        each = [both_roundings(value, anew.digits) for value in values_of(anew.formula, given)]
        for answer in zip(*each, strict=True):
            assert grade_value(fresh(id, number), answer).symbol == RIGHT, (given, answer)


@each_exercise
def test_a_half_may_be_rounded_up_or_down(id):
    """.5625 to three decimals is .562 to some and .563 to others: such numbers are not asked."""
    anew = AGAIN[id]
    for number in range(1, 41):
        exact = anew.formula(**drawn(anew, f"{id} {number}")[0])
        exact = exact if isinstance(exact, tuple) else (exact,)
        unit = 10.0**-anew.digits
        up = tuple(math.floor(float(value) / unit + 0.5 + 1e-7) * unit for value in exact)
        assert grade_value(fresh(id, number), up).symbol == RIGHT, (number, up)


@each_exercise
def test_slips_bear_the_names_of_the_lessons_own_bank(id):
    assert {wrong.name for wrong in fresh(id, 1).wrong} <= {wrong.name for wrong in find(id).wrong}
    assert len(AGAIN[id].slips) >= 5


@each_exercise
def test_a_number_names_a_task(id):
    assert fresh(id, 7) == fresh(id, "7")
    questions = {fresh(id, number).ask for number in range(1, 21)}
    assert len(questions) > 10
    assert "{" not in "".join(questions)
    task = fresh(id, 3)
    assert len(task.hints) == 3 and task.section == find(id).section
    space = {}
    exec(task.solution(), space)
    assert grade(f"{id}#3", space[find(id).name]).symbol == RIGHT


@pytest.mark.parametrize("id", [id for id in AGAIN if AGAIN[id].line == TWO_LINES])
def test_roots_of_three_digits_are_good_enough(id):
    """A reader with a pencil rounds α, σ and each result to three digits, and is not wrong."""
    for number in range(1, 300):
        given, *_ = drawn(AGAIN[id], f"{id} {number}")
        levels = [(round(math.sqrt(a), 3), round(math.sqrt(1 - a), 3)) for a in given["ladder"]]
        x, guesses, stations = given["x"], [], []
        for eps, (a, b), (p, q) in zip(given["eps"], levels, levels[1:], strict=False):
            guesses.append(round((x - b * eps) / a, 3))
            x = round(p * guesses[-1] + q * eps, 3)
            stations.append(x)
        answers = {"guesses_by_hand": guesses, "walk_by_hand": stations}
        answer = answers.get(find(id).name, [*guesses, *stations])
        assert grade_value(fresh(id, number), answer).symbol == RIGHT, (number, given)


def test_who_asks_for_more_is_told_what_there_is():
    with pytest.raises(ValueError, match="'ddim.one_step' has no new.*ddim.one_step_by_hand"):
        fresh("ddim.one_step", 1)
    for number in (0, -1, "x", "1.5", ""):
        with pytest.raises(ValueError, match="number"):
            fresh("ddim.one_step_by_hand", number)
    assert all(1 <= pick() <= 999 for _ in range(50))
