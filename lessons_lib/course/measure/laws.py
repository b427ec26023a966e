"""One dimension, where the truth is known: how far each sampler's law is from it."""

from itertools import product

import torch

from lessons_lib import metrics
from lessons_lib.course.instrument import AS_DRAWN, BARS, SEEDS, error
from lessons_lib.course.measure.digits import SAMPLERS
from lessons_lib.course.measure.repeated import bar, over_seeds, rows
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.guards import seeded
from lessons_lib.levels import cosine, from_betas, grid, linear_betas
from lessons_lib.samplers import sample

MIXTURE = {"mean": [-1.5, 1.0], "std": [0.3, 0.5], "weight": [0.5, 0.5]}
# (mean, std) without and with a condition. The first two are of two models: no share of N(1, 1)
# fits under N(0, 1). The second two can be a whole and a class of up to a quarter of it.
PAIRS = (((0.0, 1.0), (1.0, 1.0)), ((0.0, 1.0), (1.0, 0.5)))


def mixture() -> MixtureDenoiser:
    """The two bumps on a line that the frontier and the bench walk on too."""
    return MixtureDenoiser([[m] for m in MIXTURE["mean"]], MIXTURE["std"], MIXTURE["weight"])


def strides_mixture(
    seeds=SEEDS, n=20000, calls=(2, 5, 10, 20, 50, 100, 200), spacing=0.01, progress=False
) -> dict:
    """Let every sampler skip on a mixture of two Gaussians, and measure W2 to the exact law.

    n samples per seed carry an error of their own, the floor; "without sampling" is the same
    distance for the exact law of the chain, computed on a grid of that spacing.
    """
    mix, schedule = mixture(), from_betas(linear_betas())
    truth = metrics.quantile(mix, (torch.arange(n, dtype=torch.float64) + 0.5) / n)
    ladders = {steps: grid(schedule, steps) for steps in calls}

    def walked(name: str, steps: int, seed: int) -> dict:
        generator = seeded(seed)
        x = torch.randn(n, 1, generator=generator, dtype=torch.float64)
        x = sample(SAMPLERS[name], mix, x, ladders[steps], generator)
        return {"w2": metrics.w2(x[:, 0], truth)}

    found = over_seeds(product(SAMPLERS, calls), seeds, walked, progress)
    table = rows(found, ("sampler", "calls"), ("w2",))
    for row, (name, steps) in zip(bar(table, progress), found, strict=True):
        law = metrics.law_of_chain(SAMPLERS[name], mix, ladders[steps], n, spacing)
        row["without sampling"] = metrics.w2(law, truth)
    floor = [metrics.w2(mix.sample(n, seeded(seed))[:, 0], truth) for seed in seeds]
    return {
        "what": "Every sampler with the steps cut down, evenly in time, on an exact mixture under "
        f"DDPM's linear table: W2 to the mixture, {n} samples per seed, and the same without "
        "sampling error. Below about the floor, read only the latter.",
        "instruments": {
            "w2": {"features": "the samples", "preprocessing": AS_DRAWN}
            | {"reference": "the exact mixture", "n": n, "seeds": list(seeds)}
        },
        "bars": BARS,
        "mixture": MIXTURE,
        "rows": table,
        "floor": error(floor),
    }


def guided_law(calls=(10, 50, 1000), w=3.0, progress=False) -> dict:
    """Guide from one Gaussian towards another, and hold the law reached against the tilted one.

    Every step is affine, so mean and variance are pushed through it exactly: nothing is sampled.
    """
    cases = [_tilted(bare, with_c, w) for bare, with_c in PAIRS]
    jobs = [(i, name, steps) for i in range(len(PAIRS)) for name in SAMPLERS for steps in calls]
    for i, name, steps in bar(jobs, progress):
        mean, var = guided_moments(SAMPLERS[name], *PAIRS[i], w, steps)
        row = {"sampler": name, "calls": steps, "mean": mean, "variance": var}
        cases[i]["rows"].append(row)
    return {
        "what": "Mean and variance that guidance reaches between two Gaussians, by exact push of "
        "both through every affine step in float64, beside the law p(x)^(1-w) p(x|c)^w.",
        "bars": "none: no random number is drawn; compare one grid with the next finer one",
        "cases": cases,
    }


def _tilted(bare, with_c, w: float) -> dict:
    """The law p(x)^(1-w) p(x|c)^w of two Gaussians (mean, std), and room for what is reached."""
    (mu_u, std_u), (mu_c, std_c) = bare, with_c
    precision = (1 - w) / std_u**2 + w / std_c**2
    mean = ((1 - w) * mu_u / std_u**2 + w * mu_c / std_c**2) / precision
    return {
        "without condition": {"mean": mu_u, "variance": std_u**2},
        "with condition": {"mean": mu_c, "variance": std_c**2},
        "w": w,
        "tilted law": {"mean": mean, "variance": 1 / precision},
        "rows": [],
    }


def guided_moments(step, bare, with_c, w: float, steps: int) -> tuple[float, float]:
    """Mean and variance that guidance from N(bare) towards N(with_c) reaches in so many steps.

    bare and with_c are (mean, std); exact, because every step is affine in x.
    """
    u, c = (MixtureDenoiser([[mu]], [std]) for mu, std in (bare, with_c))
    guided = lambda x, t: u(x, t) + w * (c(x, t) - u(x, t))
    mean, var = 0.0, 1.0
    probe = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    levels = grid(cosine, steps)
    for t, s in zip(levels, levels[1:], strict=False):
        end, std = metrics.law_of_step(step, guided, probe, t, s)
        slope = float(end[1] - end[0])
        mean, var = float(end[0]) + slope * mean, slope**2 * var + std**2
    return mean, var
