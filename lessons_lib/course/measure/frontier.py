"""The frontier: quality against network evaluations, by sampler and by spacing of the levels."""

import math
from functools import partial

import torch

from lessons_lib import learn
from lessons_lib.course.measure.digits import Real
from lessons_lib.course.measure.laws import MIXTURE, mixture
from lessons_lib.course.measure.seeds import SEEDS, bar, errors
from lessons_lib.levels import from_betas, grid, lam_grid, linear_betas
from lessons_lib.playground import SPACINGS
from lessons_lib.samplers import ddim, ddpm, sample
from lessons_lib.solvers import dpmpp_2m, dpmpp_multistep, heun, plms
from lessons_lib.wrap import counted, given

CALLS = (1, 2, 5, 10, 20, 50, 100, 250, 1000)
FOLLOWS = {  # samplers that follow the path of the ODE
    "DDIM": ddim,
    "Heun": heun,
    "2M": dpmpp_2m,
    "PLMS": plms,
    "multistep": dpmpp_multistep,
}
EVEN_TIME, EVEN_LAM = "even in time", "even in log-SNR"


def frontier_digits(seeds=SEEDS, n=500, calls=CALLS, most=100, splits=20, progress=False) -> dict:
    """Quality against evaluations on the digits: five solvers and DDPM, with two spacings.

    n pictures per seed, from the same noise for all. Above `most` evaluations, where the path is
    followed closely enough, only DDPM goes on, evenly in time.
    """
    denoise, label, real = learn.load("digits"), torch.arange(n) % 10, Real.load(n, splits)
    grids = {spacing: SPACINGS[spacing] for spacing in (EVEN_TIME, EVEN_LAM)}
    found: dict = {}
    jobs = [
        (name, spacing, budget, seed)
        for name in (*FOLLOWS, "DDPM")
        for spacing in grids
        for budget in calls
        for seed in seeds
        if steps_for(name, spacing, budget) is not None
        and (budget <= most or (name, spacing) == ("DDPM", EVEN_TIME))
    ]
    for name, spacing, budget, seed in bar(jobs, progress):
        step = ddpm if name == "DDPM" else FOLLOWS[name]
        ladder = grids[spacing](steps_for(name, spacing, budget))
        asked = counted(given(denoise, label))
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(n, 1, 8, 8, generator=generator)
        x = sample(step, asked, noise, ladder, generator)
        assert asked.calls == budget, (name, spacing, budget, asked.calls)
        found.setdefault((name, spacing, budget), []).append(real.judged(x, label, seed))
    return {
        "what": "Every sampler with every spacing of the levels on the digit checkpoint, by "
        f"network evaluations per picture, {n} pictures per seed. Even in log-SNR: from "
        "sigma/alpha 40 to .05, then the data.",
        "seeds": list(seeds),
        "pictures per seed": n,
        "rows": [
            {"sampler": name, "spacing": spacing, "evaluations": budget}
            | errors(each, "recognised", "frechet")
            for (name, spacing, budget), each in found.items()
        ],
        **real.reference(seeds),
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
        end = sample(FOLLOWS[name], asked, x, ladder)
        row = {"sampler": name, "spacing": spacing, "evaluations": asked.calls}
        rows.append(row | {"error": float((end - truth).square().mean().sqrt())})
    return {
        "what": "Root mean square distance from the end of the exact path on a mixture of two "
        f"Gaussians under DDPM's linear table, from {n} even quantiles of the noise, in float64. "
        "Even in log-SNR: from sigma/alpha 160 to .05, then the data.",
        "seeds": [],
        "error bars": "none: nothing is drawn",
        "mixture": MIXTURE,
        "rows": rows,
    }


def steps_for(name: str, spacing: str, budget: int) -> int | None:
    """How many steps a budget of evaluations pays for; None if it cannot be spent whole.

    Heun's steps cost two, but the last one to the data, and one that starts at alpha = 0, cost one.
    """
    if name != "Heun":
        return budget
    saved = 1 if spacing == EVEN_LAM else 2
    return (budget + saved) // 2 if (budget + saved) % 2 == 0 and budget > 1 else None
