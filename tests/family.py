"""The family of samplers, as the tests see it: every public step, with every option."""

import math
from functools import cache, partial

import torch

from lessons_lib import levels
from lessons_lib.guards import seeded
from lessons_lib.levels import from_betas
from lessons_lib.samplers import ddim, ddpm
from lessons_lib.solvers import (
    churned,
    dpm_2,
    dpmpp_2m,
    dpmpp_multistep,
    euler_maruyama,
    heun,
    plms,
)


def zero_terminal(beta):
    """The same table, ending in a beta of 1 and no signal: Lin et al. 2024, algorithm 1."""
    root = levels.alpha_bar(beta)[1:].sqrt()
    root = (root - root[-1]) * root[0] / (root[0] - root[-1])
    kept = torch.cat([root[:1], root[1:] / root[:-1]]) ** 2
    return 1 - kept


SCHEDULES = {
    "cosine": levels.cosine,
    "linear betas": from_betas(levels.linear_betas()),
    "strong betas": from_betas(torch.rand(20, generator=seeded(9)) * 0.25),
    "zero-terminal betas": from_betas(zero_terminal(levels.scaled_linear_betas())),
    "rectified": levels.rectified,
    "ve": levels.edm,
}
ODE = {
    "ddim": ddim,
    "heun": heun,
    "dpm_2": dpm_2,
    "dpmpp_2m": dpmpp_2m,
    "dpmpp_multistep": dpmpp_multistep,
    "plms": plms,
}
SDE = {
    "ddpm": ddpm,
    "ddpm large": partial(ddpm, large=True),
    "ddim eta .4": partial(ddim, eta=0.4),
    "ddim eta 1": partial(ddim, eta=1.0),
    "euler_maruyama": euler_maruyama,
    "churned ddim": churned(ddim, 0.3),
    "churned heun": churned(heun, 0.2, swell=1.003),
}
STEPS = ODE | SDE
ORDER = {"ddim": 1, "heun": 2, "dpm_2": 2, "dpmpp_2m": 2, "plms": 2}
TWICE = ("heun", "dpm_2", "churned heun")  # steps that look a second time


def calls(name, ladder):
    """The promised number of evaluations of a walk down this ladder."""
    second = [t for t, s in zip(ladder, ladder[1:], strict=False) if t.alpha > 0 and s.sigma > 0]
    return len(ladder) - 1 + (len(second) if name in TWICE else 0)


def starts(name, ladder):
    """The ladder without its first level, for a step that cannot start from pure noise."""
    return ladder[1:] if name == "euler_maruyama" and ladder[0].alpha == 0 else ladder


HIGH, LOW = 10.0, 0.05
GRIDS = {"lam": levels.lam_grid, "karras": levels.karras_grid}


@cache  # each sampler walks down the same ones
def noisy_part(schedule, steps, spacing="lam"):
    """steps steps from ratio 10 to .05: the slope is that of the rule, not of its last step."""
    return GRIDS[spacing](SCHEDULES[schedule], steps + 1, HIGH, LOW)[:-1]


def small_std(t, s):
    """The spread of Bayes' posterior q(x_s | x_t, x0), from the papers' words."""
    return large_std(t, s) * float(s.sigma / t.sigma)


def large_std(t, s):
    """The spread of the forward step from s up to t."""
    return math.sqrt(float(t.sigma**2 - (t.alpha / s.alpha) ** 2 * s.sigma**2))


def added_std(name, t, s):
    """The spread of the noise that a step adds at its end; churned steps add theirs before."""
    if name in ODE or s.sigma == 0:
        return 0.0
    large = name in ("ddpm large", "euler_maruyama")
    return 0.4 * small_std(t, s) if "eta .4" in name else (large_std if large else small_std)(t, s)


def close(a, b, tolerance=1e-11):
    torch.testing.assert_close(a, b, atol=tolerance, rtol=tolerance)


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, dtype=dtype, generator=seeded(seed))


def fixed(x0):
    """A network that says the same whatever it is asked."""
    return lambda x, t: x0


class SilentNormal(torch.Generator):
    """A generator whose noise the fixture `silence` turns into zeros."""
