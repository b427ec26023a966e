"""How far every sampler ends from the exact solution, by evaluations spent."""

import inspect
import math
from functools import partial

import torch
from torch import Tensor

from lessons_lib.course.bench.timing import BETA, TABLE, diffusers, peer
from lessons_lib.course.measure.laws import mixture
from lessons_lib.diffuse import eps_from_x0
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.levels import (
    along,
    cosine,
    from_betas,
    grid,
    karras_grid,
    lam_grid,
    level_at,
)
from lessons_lib.samplers import ddim, sample
from lessons_lib.solvers import dpm_2, dpmpp_2m, dpmpp_multistep, heun, plms

MIXTURE = mixture()
OURS = {
    "DDIM": (ddim, 1),
    "Heun": (heun, 2),
    "DPM-2": (dpm_2, 2),
    "2M": (dpmpp_2m, 1),
    "PLMS": (plms, 1),
    "multistep, order 3": (partial(dpmpp_multistep, order=3), 1),
    "multistep, order 4": (dpmpp_multistep, 1),
}
GRIDS = {"even in time": grid} | {
    f"{name}, down to {low}": partial(make, high=200.0, low=low)
    for name, make in (("log-SNR", lam_grid), ("Karras", karras_grid))
    for low in (0.002, 0.01, 0.03, 0.05, 0.1, 0.2)
}
THEIR_GRIDS = {
    "even in time": {"timestep_spacing": "trailing"},
    "linspace": {"timestep_spacing": "linspace"},
    "leading": {"timestep_spacing": "leading"},
    "Karras": {"use_karras_sigmas": True},
    "exponential": {"use_exponential_sigmas": True},
    "Lu's log-SNR": {"use_lu_lambdas": True},
}
ON_X, ON_RATIO = False, True  # whether a scheduler walks on x, or on x / alpha
THEIRS = {  # name: scheduler, options, where it walks, evaluations a step
    "DDIM": ("DDIMScheduler", {"clip_sample": False}, ON_X, 1),
    "Euler": ("EulerDiscreteScheduler", {}, ON_RATIO, 1),
    "Heun": ("HeunDiscreteScheduler", {}, ON_RATIO, 2),
    "2M": ("DPMSolverMultistepScheduler", {}, ON_X, 1),
    "3M": ("DPMSolverMultistepScheduler", {"solver_order": 3}, ON_X, 1),
    "UniPC of order 2": ("UniPCMultistepScheduler", {}, ON_X, 1),
    "UniPC of order 3": ("UniPCMultistepScheduler", {"solver_order": 3}, ON_X, 1),
    "DEIS of order 3": ("DEISMultistepScheduler", {"solver_order": 3}, ON_X, 1),
    "LMS": ("LMSDiscreteScheduler", {}, ON_RATIO, 1),
}


def orders(counts=(20, 40, 80, 160)) -> list[str]:
    """How fast the error falls: its slope over the steps, on a Gaussian whose path is known.

    Levels even in log-SNR from sigma/alpha 10 to .05, cosine schedule, float64; the slope is that
    of a straight line through log error against log steps.
    """
    lines = [
        "| sampler | evaluations a step | slope | error after 160 steps |",
        "|---|---|---|---|",
    ]
    m, c = 0.7, 0.5
    gaussian, z = MixtureDenoiser([[m]], [c]), torch.linspace(-2, 2, 5).double()[:, None]
    for name, (step, calls) in OURS.items():
        errors = []
        for steps in counts:
            ladder = lam_grid(cosine, steps + 1, 10.0, 0.05)[:-1]
            t, s = ladder[0], ladder[-1]
            stretch = torch.sqrt(
                (s.alpha**2 * c**2 + s.sigma**2) / (t.alpha**2 * c**2 + t.sigma**2)
            )
            exact = s.alpha * m + stretch * (z - t.alpha * m)
            errors.append(float((sample(step, gaussian, z, ladder) - exact).abs().max()))
        x, y = (torch.tensor(v).log() for v in (counts, errors))
        slope = -float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
        lines.append(f"| {name} | {calls} | {slope:.2f} | {errors[-1]:.1e} |")
    return lines


def exact_error(budgets=(5, 10, 20, 50), fine=2000) -> list[str]:
    """Root mean square distance from the true end of every path, by evaluations spent.

    Two bumps on a line and 200 starts that spread like the noise, whose true ends take so many
    `fine` steps; every sampler with every grid that it has, and the best of each side at each
    budget.
    """
    lines = [
        "| evaluations | DDIM, even in time | our best | with | their best | with "
        "| our best / theirs |",
        "|---|---|---|---|---|---|---|",
    ]
    schedule = from_betas(BETA)
    middle = (torch.arange(200, dtype=torch.float64) + 0.5) / 200
    x = math.sqrt(2) * torch.erfinv(2 * middle - 1)[:, None]
    truth = sample(dpmpp_multistep, MIXTURE, x, lam_grid(schedule, fine, 200.0, 1e-4))
    error = lambda end: float((end.double() - truth).square().mean().sqrt())
    for budget in budgets:
        ours, theirs = {}, {}
        for name, (step, calls) in OURS.items():
            for spacing, make in GRIDS.items():
                ladder = make(schedule, (budget + calls - 1) // calls)
                ours[f"{name}, {spacing}"] = error(sample(step, MIXTURE, x, ladder))
        for name, (kind, options, where, calls) in THEIRS.items():
            for spacing, more in THEIR_GRIDS.items():
                if has_options(kind, more):
                    scheduler = peer(kind, **TABLE, **options, **more)
                    end = _their_walk(scheduler, x, (budget + calls - 1) // calls, where)
                    theirs[f"{name}, {spacing}"] = error(end)
        mine, their = (min(each, key=each.get) for each in (ours, theirs))
        lines.append(
            f"| {budget} | {ours['DDIM, even in time']:.2g} | {ours[mine]:.2g} | {mine} "
            f"| {theirs[their]:.2g} | {their} | {ours[mine] / theirs[their]:.2f} |"
        )
    return lines


def has_options(kind: str, options: dict) -> bool:
    return set(options) <= set(inspect.signature(getattr(diffusers(), kind)).parameters)


def _their_walk(scheduler, x: Tensor, steps: int, on_ratio: bool) -> Tensor:
    """Walk one of their schedulers down the mixture, at the noise levels that it asks for."""
    scheduler.set_timesteps(steps)
    top = level_at(BETA, 1000)
    if on_ratio:
        x = x * float(scheduler.sigmas[0])
    for i, n in enumerate(scheduler.timesteps):
        if on_ratio:
            scheduler.scale_model_input(x, n)
            t = along(top, scheduler.sigmas[scheduler.step_index].double())
        elif hasattr(scheduler, "sigmas"):
            t = along(top, scheduler.sigmas[i].double())
        else:
            t = level_at(BETA, int(n) + 1)
        x_t = t.alpha * x if on_ratio else x
        x = scheduler.step(eps_from_x0(x_t, MIXTURE(x_t, t), t), n, x).prev_sample
    return x
