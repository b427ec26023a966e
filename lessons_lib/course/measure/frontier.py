"""The frontier: quality against network evaluations, by sampler and by spacing of the levels."""

import math
from functools import partial

import torch
from torch import Tensor

from lessons_lib import data, learn
from lessons_lib.course.instrument import (
    QUALITY,
    SEEDS,
    Digits,
    Shapes,
    errors,
)
from lessons_lib.course.measure.laws import MIXTURE, mixture
from lessons_lib.course.measure.seeds import bar
from lessons_lib.guards import NO_LABEL, seeded
from lessons_lib.levels import SPACINGS, from_betas, grid, lam_grid, linear_betas
from lessons_lib.samplers import sample
from lessons_lib.solvers import SAMPLERS, dpmpp_multistep
from lessons_lib.wrap import counted, given

CALLS = (1, 2, 5, 10, 20, 50, 100, 250, 1000)
FOLLOWS = ("DDIM", "Heun", "2M", "PLMS", "multistep")  # those that follow the path of the ODE
EVEN_TIME, EVEN_LAM = "even in time", "even in log-SNR"
STUDENT, FEW = "student", (1, 2, 4, 8)  # DDIM with the student's network, on its own levels


def frontier_digits(seeds=SEEDS, n=500, calls=CALLS, most=100, splits=20, progress=False) -> dict:
    """Quality against evaluations on the digits: five solvers and DDPM, with two spacings.

    n pictures per seed, from the same noise for all. Above `most` evaluations, where the path is
    followed closely enough, only DDPM goes on, evenly in time.
    """
    denoise, label, real = learn.load("digits"), torch.arange(n) % 10, Digits.load(n, splits)
    found: dict = {}
    for job in bar(_jobs(seeds, calls, most), progress):
        x = _walked(*job, given(denoise, label), (n, 1, 8, 8))
        found.setdefault(job[:3], []).append(real.judged(x, label, job[3]))
    return {
        "what": "Every sampler with every spacing of the levels on the digit checkpoint, by "
        f"network evaluations per picture, {n} pictures per seed. Even in log-SNR: from "
        "sigma/alpha 40 to .05, then the data.",
        "rows": _rows(found, *QUALITY),
        **real.reference(seeds),
    }


def frontier_shapes(seeds=SEEDS[:3], n=150, calls=CALLS[:-1], most=50, progress=False) -> dict:
    """Quality against evaluations on captioned shapes, with the student of few steps among them.

    A caption names shape, colour and background, and leaves size and place open. n pictures per
    seed, from the same noise for all. Above `most` evaluations only DDPM goes on, evenly in time.
    """
    denoise, student = learn.load("shapes"), learn.load("shapes_few")
    generator = seeded(1000)
    asked, whole = data.choose(n, generator), data.choose(40 * n, generator)
    asked[:, 2:4] = NO_LABEL  # the background is said: a coin for each would drown all else
    whole = torch.where(asked == NO_LABEL, whole.view(40, n, -1), asked).flatten(0, 1)
    real = Shapes.load(asked, data.draw(data.scene(whole, generator)))

    jobs = [(denoise, job) for job in _jobs(seeds, calls, most)]
    jobs += [(student, (STUDENT, EVEN_TIME, k, seed)) for k in FEW for seed in seeds]
    found: dict = {}
    for model, job in bar(jobs, progress):
        x = _walked(*job, given(model, asked), (n, 3, 32, 32))
        found.setdefault(job[:3], []).append(real.judged(x))
    again = [whole[seed * n : (seed + 1) * n] for seed in range(len(seeds))]
    again = [data.draw(data.scene(c, generator)) for c in again]
    return {
        "what": "Every sampler with every spacing of the levels on the shapes checkpoint, and its "
        f"student for few steps, by network evaluations per picture, {n} pictures per seed, w = 1. "
        "A caption names shape, colour and background; right: the judge sees all three. Even in "
        "log-SNR: from sigma/alpha 40 to .05, then the data.",
        "rows": _rows(found, *real.instruments(seeds)),
        **real.reference(again, seeds, ("shapes", "shapes_few")),
    }


def frontier_mixture(calls=CALLS, n=400, progress=False) -> dict:
    """Quality against evaluations where the truth is known: distance from the exact end of a path.

    Only samplers that follow the path; DDPM's law is in strides-mixture.
    """
    mix = mixture()
    schedule = from_betas(linear_betas())
    grids = {EVEN_TIME: partial(grid, schedule)}
    grids[EVEN_LAM] = partial(lam_grid, schedule, high=160.0, low=0.05)
    x = math.sqrt(2) * torch.erfinv(2 * (torch.arange(n).double() + 0.5) / n - 1)[:, None]
    truth = sample(dpmpp_multistep, mix, x, lam_grid(schedule, 2000, 160.0, 1e-4))
    rows = []
    jobs = [(name, spacing, budget) for name in FOLLOWS for spacing in grids for budget in calls]
    for name, spacing, budget in bar(jobs, progress):
        steps = (budget + 1) // 2 if name == "Heun" else budget
        if name == "Heun" and budget == 2:
            continue  # one step of Heun to the data costs one evaluation, two cost three
        ladder = grids[spacing](steps)
        asked = counted(mix)
        end = sample(SAMPLERS[name], asked, x, ladder)
        row = {"sampler": name, "spacing": spacing, "evaluations": asked.samples // n}
        rows.append(row | {"error": float((end - truth).square().mean().sqrt())})
    return {
        "what": "Root mean square distance from the end of the exact path on a mixture of two "
        f"Gaussians under DDPM's linear table, from {n} even quantiles of the noise, in float64. "
        "Even in log-SNR: from sigma/alpha 160 to .05, then the data.",
        "bars": "none: nothing is drawn",
        "mixture": MIXTURE,
        "rows": rows,
    }


def _jobs(seeds, calls, most: int) -> list[tuple[str, str, int, int]]:
    """(sampler, spacing, evaluations, seed) for all that is walked with a network."""
    return [
        (name, spacing, budget, seed)
        for name in (*FOLLOWS, "DDPM")
        for spacing in (EVEN_TIME, EVEN_LAM)
        for budget in calls
        for seed in seeds
        if steps_for(name, spacing, budget) is not None
        and (budget <= most or (name, spacing) == ("DDPM", EVEN_TIME))
    ]


def _rows(found: dict, *keys: str) -> list[dict]:
    """A row for every (sampler, spacing, evaluations), with errors over its seeds."""
    names = "sampler", "spacing", "evaluations"
    return [dict(zip(names, job, strict=True)) | errors(each, *keys) for job, each in found.items()]


def _walked(name: str, spacing: str, budget: int, seed: int, denoise, shape) -> Tensor:
    """Pictures of this shape for a budget of evaluations; the noise is the seed's."""
    step = SAMPLERS["DDIM" if name == STUDENT else name]
    asked, generator = counted(denoise), seeded(seed)
    noise = torch.randn(shape, generator=generator)
    ladder = SPACINGS[spacing](steps_for(name, spacing, budget))
    x = sample(step, asked, noise, ladder, generator)
    assert asked.calls == budget, (name, spacing, budget, asked.calls)
    return x


def steps_for(name: str, spacing: str, budget: int) -> int | None:
    """How many steps a budget of evaluations pays for; None if it cannot be spent whole.

    Heun's steps cost two, but the last one to the data, and one that starts at alpha = 0, cost one.
    """
    if name != "Heun":
        return budget
    saved = 1 if spacing == EVEN_LAM else 2
    return (budget + saved) // 2 if (budget + saved) % 2 == 0 and budget > 1 else None
