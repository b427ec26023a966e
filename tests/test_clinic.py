"""The clinic: every bug runs, fails its own test, is mended, and is found by its symptoms."""

import re
from functools import cache
from itertools import combinations

import pytest
import torch
from family import seeded

from lessons_lib import data, learn
from lessons_lib.course import clinic
from lessons_lib.course.clinic import BUGS, TREE, Fork, diagnose, examine
from lessons_lib.course.clinic.health import LEVELS
from lessons_lib.course.exercises.bank import find
from lessons_lib.course.notebooks.execute import load
from lessons_lib.course.recipes.digits import digit_denoiser
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.files import ROOT
from lessons_lib.levels import cosine

HEALTHY = {
    "DDIM": (clinic.obey, clinic.straight),
    "DDPM": (clinic.obey, clinic.with_dice),
}
WORDS = {  # what the lesson calls what is measured
    "guess": "error of single guesses",
    "dark": "share of dark pixels",
    "saturated": "share of pixels beyond ±1.05",
    "recognised": "recognised as asked",
    "varied": "distance of two pictures of a digit, over that of real ones",
    "seed": "change with another seed",
    "dice": "change with other dice alone",
    "start": "correlation with the starting noise",
    "corner": "spread of the left edge",
    "unit": "spread on unit Gaussian data",
    "spread": "spread of all pixels",
}
by_id = pytest.mark.parametrize("bug", BUGS, ids=[bug.id for bug in BUGS])


@cache
def found(id, seed=0):
    bug = None if id in HEALTHY else clinic.find(id)
    return examine(*(HEALTHY[id] if bug is None else (bug.ask, bug.walk)), seed=seed)


def leaves(tree=TREE):
    return leaves(tree.above) + leaves(tree.below) if isinstance(tree, Fork) else [tree]


@by_id
def test_its_own_test_finds_the_bug_and_passes_what_is_mended(bug):
    assert not torch.allclose(*bug.confirm(bug.ask, bug.walk), rtol=0.01)
    torch.testing.assert_close(*bug.confirm(*bug.mended), rtol=1e-11, atol=1e-11)
    assert bug.confirm.__doc__.count("\n") == 0  # it is shown as a hint


@by_id
def test_one_of_the_two_functions_is_healthy(bug):
    healthy = (clinic.obey, clinic.guide), (clinic.straight, clinic.with_dice)
    assert (bug.ask in healthy[0]) != (bug.walk in healthy[1])
    assert bug.mended[0] in healthy[0] and bug.mended[1] in healthy[1]


@by_id
def test_it_runs_on_an_exact_mixture_too(bug):
    two = MixtureDenoiser([[-1.0], [1.0]], [0.3, 0.3], label=[0, 1])
    generator = seeded(0)
    x, c = torch.randn(40, 1, dtype=torch.float64, generator=generator), torch.arange(40) % 2
    ends = bug.walk(bug.ask(two, c), x, LEVELS, generator)
    healthy = clinic.straight(clinic.obey(two, c), x, LEVELS, generator)
    assert ends.shape == x.shape and ends.isfinite().all()
    assert float((healthy.sign() == 2 * c[:, None] - 1).double().mean()) > 0.95
    assert not torch.allclose(ends, healthy, atol=0.01)


def test_two_sittings_of_six_and_half_of_the_bugs_published():
    assert [bug.sitting for bug in BUGS] == [1] * 6 + [2] * 6
    assert sum(bug.source is not None for bug in BUGS) >= 6
    assert len({bug.id for bug in BUGS}) == len({bug.symptom for bug in BUGS}) == 12


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("id", [bug.id for bug in BUGS])
def test_what_is_measured_leads_to_the_bug(id, seed):
    assert diagnose(found(id, seed)) == id


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("id", HEALTHY)
def test_the_healthy_are_sent_home(id, seed):
    assert diagnose(found(id, seed)) == "healthy"


def test_a_network_that_was_trained_too_briefly_is_not_called_broken():
    denoise = digit_denoiser()
    batches = learn.batches(*data.digits(), size=128)
    generator = seeded(1)
    learn.fit(denoise, batches, cosine, 60, generator, progress=False, lr=6e-3, drop=0.12)
    for ask, walk in HEALTHY.values():
        assert diagnose(examine(ask, walk, denoise)) == "undertrained"


def test_the_tree_has_a_leaf_for_everyone_and_asks_only_what_is_measured():
    assert set(leaves()) == {*(bug.id for bug in BUGS), "healthy", "undertrained"}

    def asked(tree):
        if not isinstance(tree, Fork):
            return set()
        return {tree.statistic} | asked(tree.above) | asked(tree.below)

    assert asked(TREE) <= set(found("DDIM"))


def test_no_two_bugs_share_their_statistics():
    """Each pair is at least a fifth of the healthy scale apart, in something that is measured."""
    for a, b in combinations([*HEALTHY, *(bug.id for bug in BUGS)], 2):
        apart = {
            key: abs(found(a)[key] - found(b)[key])
            for key in ("guess", "recognised", "varied", "seed", "dice", "start", "saturated")
        }
        exact = abs(found(a)["unit"] - found(b)["unit"])
        corner = abs(found(a)["corner"] - found(b)["corner"])
        assert max(apart.values()) > 0.2 or exact > 0.01 or corner > 0.05, (a, b)


@cache
def lesson():
    """The lesson's cells by their id."""
    return {cell.id: cell for cell in load(ROOT / "notebooks/07_broken_samplers.ipynb").cells}


@pytest.mark.parametrize("number", range(1, 13))
def test_the_numbers_that_a_question_quotes_are_measured(number):
    bug, said = BUGS[number - 1], lesson()[f"case-{number}-question"].source
    assert f"You see: {bug.symptom}." in said
    rows = said.split("in brackets: ")[1].split(". What")[0].split("; ")
    quoted = [re.fullmatch(r"(.+) = ([\d.]+) \(([\d.]+)\)", row).groups() for row in rows]
    assert len(quoted) == 3
    for words, value, healthy in quoted:
        key = next(key for key in WORDS if WORDS[key] == words)
        assert found(bug.id)[key] == pytest.approx(float(value), abs=0.02, rel=0.03)
        assert found("DDIM")[key] == pytest.approx(float(healthy), abs=0.02)


@pytest.mark.parametrize("number", range(1, 13))
def test_the_letter_of_a_bug_is_the_lessons(number):
    bug = BUGS[number - 1]
    shown = [out.get("text", "") for out in lesson()[f"case-{number}-chart"].outputs]
    assert f"{find(f'clinic.diagnose_{number}').answer} {bug.name}\n" in "".join(shown)


def test_a_draw_is_repeatable_and_finds_everyone():
    assert all(clinic.draw(seed) is clinic.draw(seed) for seed in range(5))
    assert {clinic.draw(seed).id for seed in range(200)} == {bug.id for bug in BUGS}


def test_an_unknown_bug_is_refused():
    with pytest.raises(ValueError, match="id: 'cold' given; allowed are loop_index"):
        clinic.find("cold")
