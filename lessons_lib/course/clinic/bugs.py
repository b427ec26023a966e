"""The twelve bugs: what is seen, what is wrong, the test that proves it, and what mends it."""

import random
from collections.abc import Callable
from typing import NamedTuple

from lessons_lib.course.clinic import health, patients
from lessons_lib.course.clinic.patients import guide, obey, straight, with_dice
from lessons_lib.course.clinic.words import WORDS
from lessons_lib.guards import one_of


class Bug(NamedTuple):
    """One broken patient: what is seen, what is wrong, which test proves it, and what mends it.

    ask and walk run (one of the two is the broken one); mended are the two that should have.
    confirm(ask, walk) gives (found, expected), equal for a healthy patient. source says where the
    bug was published, if it was.
    """

    id: str
    ask: Callable
    walk: Callable
    confirm: Callable
    mended: tuple[Callable, Callable]
    sitting: int
    name: str
    symptom: str
    repair: str
    source: str | None = None


BROKEN = (  # a patient, the healthy one in its place, and the test that tells them apart
    (patients.loop_index, straight, health.asked_where_it_stands),
    (patients.unit_range, obey, health.the_only_picture_is_guessed),
    (patients.one_start, straight, health.a_picture_ignores_its_neighbours),
    (patients.condition_added, guide, health.the_only_picture_is_guessed),
    (patients.last_noise, with_dice, health.the_last_step_ignores_the_dice),
    (patients.negative_eta, with_dice, health.a_step_keeps_the_noise_of_its_level),
    (patients.v_as_eps, obey, health.a_guess_is_bayes_mean),
    (patients.stops_short, straight, health.the_walk_ends_on_the_only_picture),
    (patients.linspace_stride, straight, health.a_product_of_cosines),
    (patients.noise_twice, with_dice, health.a_step_keeps_the_noise_of_its_level),
    (patients.roles_swapped, guide, health.scale_one_obeys),
    (patients.frozen_average, obey, health.the_only_picture_is_guessed),
)


def _bug(broken: Callable, healthy: Callable, confirm: Callable) -> Bug:
    """A bug breaks who asks or who walks; the other of the two is healthy."""
    paired = lambda one: (one, straight) if healthy in (obey, guide) else (obey, one)
    id = broken.__name__
    return Bug(id, *paired(broken), confirm, paired(healthy), **WORDS["bugs"][id])


BUGS = tuple(_bug(*row) for row in BROKEN)


def find(id: str) -> Bug:
    """The bug with this id; ValueError if there is none."""
    known = {bug.id: bug for bug in BUGS}
    one_of("id", id, known)
    return known[id]


def draw(seed: int) -> Bug:
    """Any of the twelve, the same for the same seed: for a quiz."""
    return random.Random(seed).choice(BUGS)
