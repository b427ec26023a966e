"""The twelve bugs: what is seen, what is wrong, the test that proves it, and what mends it."""

import random
from collections.abc import Callable
from typing import NamedTuple

from lessons_lib.course.clinic import patients, proofs


class Bug(NamedTuple):
    """One broken patient: what is seen, what is wrong, which test proves it, and what mends it.

    ask and walk run (one of the two is the broken one); mended are the two that should have.
    confirm(ask, walk) gives (found, expected), equal for a healthy patient. source says where the
    bug was published, if it was.
    """

    id: str
    sitting: int
    name: str
    symptom: str
    ask: Callable
    walk: Callable
    confirm: Callable
    repair: str
    mended: tuple[Callable, Callable]
    source: str | None = None


BUGS = (
    Bug(
        "loop_index",
        1,
        "the network is told the loop's index instead of the entry of the table",
        "noise, and nothing else, though every single guess x̂0 is good when you ask for it",
        patients.obey,
        patients.loop_index,
        proofs.asked_where_it_stands,
        "tell the network the entry that x stands on",
        (patients.obey, patients.straight),
        "Stability-AI/stablediffusion, DDIMSampler.encode; see its pull request 226",
    ),
    Bug(
        "unit_range",
        1,
        "the guess is clipped to 0 ... 1, though the data fills −1 ... 1",
        "a ground half as bright as the strokes: nothing is darker than the middle",
        patients.unit_range,
        patients.straight,
        proofs.the_only_picture_is_guessed,
        "clip to −1 ... 1, the range of the data, or not at all",
        (patients.obey, patients.straight),
    ),
    Bug(
        "one_start",
        1,
        "every picture of the batch starts from the same noise",
        "all threes are the same three, sharp and good; another seed draws another one",
        patients.obey,
        patients.one_start,
        proofs.a_picture_ignores_its_neighbours,
        "draw noise of the shape of the whole batch",
        (patients.obey, patients.straight),
    ),
    Bug(
        "condition_added",
        1,
        "guidance adds w times the conditional guess, not w times the difference",
        "posters of two tones: nearly every pixel is far outside −1 ... 1, but the digit is the "
        "one asked for",
        patients.condition_added,
        patients.straight,
        proofs.the_only_picture_is_guessed,
        "u + w (c − u)",
        (patients.guide, patients.straight),
    ),
    Bug(
        "last_noise",
        1,
        "fresh noise is added at the last step, too",
        "good shapes, all of them speckled; other dice give other speckles",
        patients.obey,
        patients.last_noise,
        proofs.the_last_step_ignores_the_dice,
        "no noise where sigma_s = 0",
        (patients.obey, patients.with_dice),
        "diffusers, DDPMScheduler with variance_type='fixed_large' on a strided walk",
    ),
    Bug(
        "negative_eta",
        1,
        "η = −1 is accepted: room is made for fresh noise, and none is added",
        "right on average, but all threes are the same smooth three, and another seed draws that "
        "three again",
        patients.obey,
        patients.negative_eta,
        proofs.a_step_keeps_the_noise_of_its_level,
        "refuse an η outside 0 ... 1",
        (patients.obey, patients.with_dice),
        "diffusers, DDIMScheduler.step, which takes any eta and adds noise if eta > 0",
    ),
    Bug(
        "v_as_eps",
        2,
        "the network predicts v, and the sampler takes it for ε",
        "loud and noisy digits, far outside −1 ... 1; the loss was fine, but single guesses are "
        "not",
        patients.v_as_eps,
        patients.straight,
        proofs.a_guess_is_bayes_mean,
        "x̂0 = α x − σ v on the circle",
        (patients.obey, patients.straight),
        "InvokeAI, issue 7495: SDXL models that predict v, read as ε",
    ),
    Bug(
        "stops_short",
        2,
        "the walk ends on the first entry of the table, not on the data",
        "good shapes under a faint grain, exactly the same grain whenever the walk is repeated",
        patients.obey,
        patients.stops_short,
        proofs.the_walk_ends_on_the_only_picture,
        "a last level with alpha = 1 and sigma = 0",
        (patients.obey, patients.straight),
        "diffusers, DDIMScheduler with set_alpha_to_one=False; ControlNet, pull request 587",
    ),
    Bug(
        "linspace_stride",
        2,
        "the stride of the walk is not the distance of the levels at which the network is asked",
        "pictures look right; the Fréchet distance is above the healthy one, and on unit Gaussian "
        "data the spread is 1 % too large",
        patients.obey,
        patients.linspace_stride,
        proofs.a_product_of_cosines,
        "walk to the level at which the network is asked next",
        (patients.obey, patients.straight),
        "diffusers, DDIMScheduler with timestep_spacing='linspace'",
    ),
    Bug(
        "noise_twice",
        2,
        "fresh noise is added, and all of the old noise is kept as well",
        "too wide: right on average, but strokes are torn, and on unit Gaussian data the spread is "
        "twice what it should be",
        patients.obey,
        patients.noise_twice,
        proofs.a_step_keeps_the_noise_of_its_level,
        "keep √(σ_s² − std²) of the old noise",
        (patients.obey, patients.with_dice),
    ),
    Bug(
        "roles_swapped",
        2,
        "guidance walks from the conditional guess through the unconditional one",
        "digits with strong contrast, and never the one that was asked for",
        patients.roles_swapped,
        patients.straight,
        proofs.scale_one_obeys,
        "start from the unconditional guess, and go towards the conditional one",
        (patients.guide, patients.straight),
    ),
    Bug(
        "frozen_average",
        2,
        "the average of the weights is never updated, and the average is what draws",
        "the noise that the walk started from, hardly changed, while the loss falls as it should",
        patients.frozen_average,
        patients.straight,
        proofs.the_only_picture_is_guessed,
        "update the average after every step of training",
        (patients.obey, patients.straight),
    ),
)


def find(id: str) -> Bug:
    """The bug with this id; ValueError if there is none."""
    for bug in BUGS:
        if bug.id == id:
            return bug
    raise ValueError(f"id: {id!r} given; allowed are {', '.join(bug.id for bug in BUGS)}")


def draw(seed: int) -> Bug:
    """Any of the twelve, the same for the same seed: for a quiz."""
    return random.Random(seed).choice(BUGS)
