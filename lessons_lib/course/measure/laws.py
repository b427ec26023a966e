"""One dimension, where the truth is known: the law that a sampler ends on, without sampling."""

from functools import partial

import torch
from torch import Tensor

from lessons_lib import metrics
from lessons_lib.course.instrument import AS_DRAWN, BARS, SEEDS, error
from lessons_lib.course.measure.digits import SAMPLERS
from lessons_lib.course.measure.seeds import bar
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.guards import seeded
from lessons_lib.levels import cosine, from_betas, grid, linear_betas
from lessons_lib.samplers import noise_like, sample

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
    mix = mixture()
    exact = partial(quantile, mix)
    truth = exact((torch.arange(n, dtype=torch.float64) + 0.5) / n)
    schedule, rows = from_betas(linear_betas()), []
    for name, steps in bar([(name, steps) for name in SAMPLERS for steps in calls], progress):
        levels, step = grid(schedule, steps), SAMPLERS[name]
        found = []
        for seed in seeds:
            generator = seeded(seed)
            x = torch.randn(n, 1, generator=generator, dtype=torch.float64)
            found.append(metrics.w2(sample(step, mix, x, levels, generator)[:, 0], truth))
        law = metrics.w2(law_of_chain(step, mix, levels, n, spacing), truth)
        row = {"sampler": name, "calls": steps, "w2": error(found), "without sampling": law}
        rows.append(row)
    floor = []
    for seed in seeds:
        x = mix.sample(n, seeded(seed))
        floor.append(metrics.w2(x[:, 0], truth))
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
        "rows": rows,
        "floor": error(floor),
    }


def guided_law(calls=(10, 50, 1000), w=3.0, progress=False) -> dict:
    """Guide from one Gaussian towards another, and hold the law reached against the tilted one.

    Every step is affine, so mean and variance are pushed through it exactly: nothing is sampled.
    """
    cases = []
    for bare, with_c in PAIRS:
        (mu_u, std_u), (mu_c, std_c) = bare, with_c
        precision = (1 - w) / std_u**2 + w / std_c**2
        mean = ((1 - w) * mu_u / std_u**2 + w * mu_c / std_c**2) / precision
        cases.append(
            {
                "without condition": {"mean": mu_u, "variance": std_u**2},
                "with condition": {"mean": mu_c, "variance": std_c**2},
                "w": w,
                "tilted law": {"mean": mean, "variance": 1 / precision},
                "rows": [],
            }
        )
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
        end, std = one_step(step, guided, probe, t, s)
        slope = float(end[1] - end[0])
        mean, var = float(end[0]) + slope * mean, slope**2 * var + std**2
    return mean, var


def quantile(mix: MixtureDenoiser, u: Tensor) -> Tensor:
    """Where a one-dimensional mixture has the share u of its mass to the left: (k,) in, (k,) out.

    By bisection of the distribution function, to 1e-12 of the range. Components need std > 0.
    """
    mu, std, weight = mix.mu[:, 0], mix.std, mix.log_weight.exp()
    low = torch.full_like(u, float((mu - 12 * std).min()))
    high = torch.full_like(u, float((mu + 12 * std).max()))
    for _ in range(45):
        middle = (low + high) / 2
        left = (weight * torch.special.ndtr((middle[:, None] - mu) / std)).sum(1) < u
        low, high = torch.where(left, middle, low), torch.where(left, high, middle)
    return (low + high) / 2


@torch.no_grad()
def law_of_chain(step, denoise, levels, n: int, spacing: float = 0.01, reach: float = 7.0):
    """n evenly likely points of the law that a sampler ends on, from N(0, 1), without sampling.

    The mass is kept on a grid from -reach to reach and carried by the Gaussian of every step;
    a step without noise moves the points themselves. Returns (n,), rising.
    """
    even = torch.arange(-reach, reach + spacing / 2, spacing, dtype=torch.float64)
    x, mass = even, torch.softmax(-(even**2) / 2, dim=0)
    for t, s in zip(levels, levels[1:], strict=False):
        mean, std = one_step(step, denoise, x[:, None], t, s)
        if std == 0:
            x = mean[:, 0]
        else:
            kernel = ((even[:, None] - mean[:, 0]) / std).square_().mul_(-0.5).exp_()  # (to, from)
            x, mass = even, kernel @ (mass / kernel.sum(0))
    x, order = x.sort()
    mass = mass[order]
    u = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    return _interpolate(u, mass.cumsum(0) - mass / 2, x)


def one_step(step, denoise, x: Tensor, t, s) -> tuple[Tensor, float]:
    """The law of one step from x: its mean, shaped like x, and the spread of the noise it adds.

    Read off from the sampler itself, which takes the step twice with known noise.
    """
    (x_a, z_a), (x_b, z_b) = (
        (step(denoise, x, t, s, generator=seeded(k)).x, noise_like(x, seeded(k))) for k in (0, 1)
    )
    std = float(((x_a - x_b) * (z_a - z_b)).sum() / (z_a - z_b).square().sum())
    return x_a - std * z_a, std


def _interpolate(u: Tensor, at: Tensor, value: Tensor) -> Tensor:
    """value (M,), given at rising places (M,), on straight lines in between: (n,)."""
    right = torch.searchsorted(at, u).clamp(1, len(at) - 1)
    left = right - 1
    width = (at[right] - at[left]).clamp(min=torch.finfo(at.dtype).tiny)
    share = ((u - at[left]) / width).clamp(0, 1)
    return value[left] + share * (value[right] - value[left])
