"""The frontier: quality against network evaluations, by sampler and by spacing of the levels."""

import math
from functools import partial

import torch
from torch import Tensor

from lessons_lib import data, learn
from lessons_lib.course.instrument import QUALITY, SEEDS, Digits, Shapes
from lessons_lib.course.measure.laws import MIXTURE, mixture
from lessons_lib.course.measure.repeated import bar, over_seeds, rows
from lessons_lib.guards import NO_LABEL, seeded
from lessons_lib.levels import SPACINGS, from_betas, grid, lam_grid, linear_betas
from lessons_lib.samplers import sample
from lessons_lib.solvers import SAMPLERS, dpmpp_multistep
from lessons_lib.wrap import counted, given

CALLS = (1, 2, 5, 10, 20, 50, 100, 250, 1000)
FOLLOWS = ("DDIM", "Heun", "2M", "PLMS", "multistep")  # those that follow the path of the ODE
EVEN_TIME, EVEN_LAM = "even in time", "even in log-SNR"
CASE = ("sampler", "spacing", "evaluations")
STUDENT, FEW = "student", (1, 2, 4, 8)  # DDIM with the student's network, on its own levels


def frontier_digits(seeds=SEEDS, n=500, calls=CALLS, most=100, splits=20, progress=False) -> dict:
    """Quality against evaluations on the digits: five solvers and DDPM, with two spacings.

    n pictures per seed, from the same noise for all. Above `most` evaluations, where the path is
    followed closely enough, only DDPM goes on, evenly in time.
    """
    denoise, label, real = learn.load("digits"), torch.arange(n) % 10, Digits.load(n, splits)

    def walked(*case_and_seed) -> dict:
        x = _walked(*case_and_seed, given(denoise, label), (n, 1, 8, 8))
        return real.judged(x, label, seed=case_and_seed[-1])

    found = over_seeds(_cases(calls, most), seeds, walked, progress)
    return {
        "what": "Every sampler with every spacing of the levels on the digit checkpoint, by "
        f"network evaluations per picture, {n} pictures per seed. Even in log-SNR: from "
        "sigma/alpha 40 to .05, then the data.",
        "rows": rows(found, CASE, QUALITY),
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

    def walked(name: str, *rest) -> dict:
        model = student if name == STUDENT else denoise
        return real.judged(_walked(name, *rest, given(model, asked), (n, 3, 32, 32)))

    cases = [*_cases(calls, most), *((STUDENT, EVEN_TIME, budget) for budget in FEW)]
    found = over_seeds(cases, seeds, walked, progress)
    again = [whole[seed * n : (seed + 1) * n] for seed in range(len(seeds))]
    again = [data.draw(data.scene(c, generator)) for c in again]
    return {
        "what": "Every sampler with every spacing of the levels on the shapes checkpoint, and its "
        f"student for few steps, by network evaluations per picture, {n} pictures per seed, w = 1. "
        "A caption names shape, colour and background; right: the judge sees all three. Even in "
        "log-SNR: from sigma/alpha 40 to .05, then the data.",
        "rows": rows(found, CASE, real.instruments(seeds)),
        **real.reference(again, seeds, ("shapes", "shapes_few")),
    }


def frontier_mixture(calls=CALLS, n=400, fine=2000, progress=False) -> dict:
    """Quality against evaluations where the truth is known: distance from the exact end of a path.

    That end takes so many `fine` steps. Only samplers that follow the path; DDPM's law is in
    strides-mixture.
    """
    mix = mixture()
    schedule = from_betas(linear_betas())
    grids = {EVEN_TIME: partial(grid, schedule)}
    grids[EVEN_LAM] = partial(lam_grid, schedule, high=160.0, low=0.05)
    x = math.sqrt(2) * torch.erfinv(2 * (torch.arange(n).double() + 0.5) / n - 1)[:, None]
    truth = sample(dpmpp_multistep, mix, x, lam_grid(schedule, fine, 160.0, 1e-4))
    found = []
    jobs = [(name, spacing, budget) for name in FOLLOWS for spacing in grids for budget in calls]
    for name, spacing, budget in bar(jobs, progress):
        steps = (budget + 1) // 2 if name == "Heun" else budget
        if name == "Heun" and budget == 2:
            continue  # one step of Heun to the data costs one evaluation, two cost three
        asked = counted(mix)
        end = sample(SAMPLERS[name], asked, x, grids[spacing](steps))
        case = dict(zip(CASE, (name, spacing, asked.samples // n), strict=True))
        found.append(case | {"error": float((end - truth).square().mean().sqrt())})
    return {
        "what": "Root mean square distance from the end of the exact path on a mixture of two "
        f"Gaussians under DDPM's linear table, from {n} even quantiles of the noise, in float64. "
        "Even in log-SNR: from sigma/alpha 160 to .05, then the data.",
        "bars": "none: nothing is drawn",
        "mixture": MIXTURE,
        "rows": found,
    }


def _cases(calls, most: int) -> list[tuple[str, str, int]]:
    """(sampler, spacing, evaluations) for all that is walked with a network, as in CASE."""
    return [
        (name, spacing, budget)
        for name in (*FOLLOWS, "DDPM")
        for spacing in (EVEN_TIME, EVEN_LAM)
        for budget in calls
        if steps_for(name, spacing, budget) is not None
        and (budget <= most or (name, spacing) == ("DDPM", EVEN_TIME))
    ]


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
