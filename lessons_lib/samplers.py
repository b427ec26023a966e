"""Samplers: from noise to data, one step at a time.

A step function answers one question: we stand at x on level t, where are we on the cleaner level s?
`walk` takes any step function down any grid; `sample` keeps only the end.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from lessons_lib.diffuse import eps_from_x0
from lessons_lib.guards import answer, condition, dice, finite, function, need, start, whole
from lessons_lib.levels import Level

Denoiser = Callable[[Tensor, Level], Tensor]  # (x, t) -> the mean of the data that x may hide
Dice = torch.Generator | Sequence[torch.Generator] | None  # one for all samples, or one for each


class Step(NamedTuple):
    """One step of a walk: where we are now, and the guess, made on level t, that led us here.

    past is what a multistep method remembers of earlier levels, newest first.
    """

    x: Tensor
    x0: Tensor
    t: Level
    past: tuple = ()


StepFunction = Callable[..., Step]


def reverse_var(t: Level, s: Level) -> Tensor:
    """The variance of the noise that leads from level s up to level t; beta_n for neighbours."""
    return t.sigma**2 - (t.alpha / s.alpha) ** 2 * s.sigma**2


def ddpm(denoise, x, t, s, last=None, generator=None, large=False) -> Step:
    """Guess the data, then draw x_s from Bayes' posterior q(x_s | x_t, x0).

    x (B, ...) stands on level t, the result on level s. The noise has the posterior's variance, or,
    when large, the forward step's (it is never added on the way to sigma = 0), which is right for
    N(0, 1) if variance is preserved. Large is not the same sampler in another world: where alpha
    stays 1 it adds (alpha_s / alpha_t)² times as much, and is right only for data without end.
    Ho et al. 2020, eq. 6 and 7, for any two levels s < t.
    """
    x0 = denoise(x, t)
    var = reverse_var(t, s)
    mean = t.alpha / s.alpha * s.sigma**2 / t.sigma**2 * x + s.alpha * var / t.sigma**2 * x0
    std = torch.sqrt(var) * (s.sigma > 0 if large else s.sigma / t.sigma)
    return Step(mean + std * noise_like(x, generator), x0, t)


def ddim(denoise, x, t, s, last=None, generator=None, eta=0.0) -> Step:
    """Guess the data, then put the guessed noise back on, as much as level s asks for.

    eta = 0 draws nothing; eta = 1 is DDPM with the small variance. Song et al. 2021, eq. 12.

    Raises ValueError unless 0 <= eta <= 1.
    """
    line = "allowed is 0 (no fresh noise) to 1 (DDPM)"
    need("eta", eta, allowed=line, ok=lambda eta: 0 <= eta <= 1)
    x0 = denoise(x, t)
    eps = eps_from_x0(x, x0, t)
    if eta == 0:
        return Step(s.alpha * x0 + s.sigma * eps, x0, t)
    std = eta * torch.sqrt(reverse_var(t, s)) * s.sigma / t.sigma
    kept = torch.sqrt((s.sigma**2 - std**2).clamp(min=0))  # rounding may fall below 0
    return Step(s.alpha * x0 + kept * eps + std * noise_like(x, generator), x0, t)


def cfg_plus_plus(denoise, x, t, s, last=None, generator=None, *, c, lam) -> Step:
    """DDIM towards the guided guess, but with the noise of the unconditional one.

    Two evaluations; c as for `cfg`, lam in 0 ... 1 is how far to go from the unconditional guess
    to the conditional one. Chung et al. 2025, algorithm 2.

    Raises ValueError unless 0 <= lam <= 1.
    """
    line = "allowed is 0 (ignore c) to 1 (the conditional guess)"
    need("lam", lam, allowed=line, ok=lambda lam: 0 <= lam <= 1)
    u = denoise(x, t)
    x0 = u + lam * (denoise(x, t, condition(c, x)) - u)
    return Step(s.alpha * x0 + s.sigma * eps_from_x0(x, u, t), x0, t)


@torch.no_grad()
def ddim_inversion(denoise, x, levels, iterations: int = 1) -> Tensor:
    """Walk from data x back up to the noise from which DDIM would have come here.

    levels as for `walk`, noisiest first; x (B, ...) lies on the last. One iteration is the naive
    inversion, which asks the network about x_t before it knows x_t; more iterations look again
    (Pan et al. 2023, fixed point), each for one evaluation per level.

    Raises ValueError if iterations is not a positive integer, or if levels start at alpha = 0,
    where every picture becomes the same noise and no way leads back.
    """
    iterations = whole("iterations", iterations)
    levels = start(x, levels, None)
    if bool((levels[0].alpha == 0).any()):
        raise ValueError("levels: the first has alpha = 0; invert from grid(..., start=0.98), say")
    for t, s in zip(levels[-2::-1], levels[:0:-1], strict=True):  # upwards, from s to t
        scale = t.alpha / s.alpha
        x_t = x
        for _ in range(iterations):
            eps = eps_from_x0(x_t, _ask(denoise, x_t, t), t)
            x_t = scale * x + (t.sigma - scale * s.sigma) * eps
        x = x_t
    return x


def noise_like(x: Tensor, generator: Dice) -> Tensor:
    """Fresh noise shaped like x, drawn where the generator lives and moved to where x lives.

    A list of generators, one per sample, draws each sample from its own: what it gets does not
    depend on the batch that it is drawn in.
    """
    dice(generator, x)
    if isinstance(generator, Sequence):
        z = torch.empty_like(x)
        for row, own in zip(z, generator, strict=True):
            row.copy_(noise_like(row, own))
        return z
    device = x.device if generator is None else generator.device
    return torch.randn(x.shape, generator=generator, device=device, dtype=x.dtype).to(x.device)


def walk(step, denoise, x, levels, generator: Dice = None, check=True) -> Iterator[Step]:
    """Take a step function down a grid, and yield every Step on the way.

    x (B, ...) is noise on levels[0]; its shape, device and dtype are the sample's. generator: one
    for all, or a list of one a sample. Levels may differ from sample to sample, (B,) each.

    Raises ValueError, at once, for an x that is not finite floating point, for levels that do not
    fall in noise, for a generator on a foreign device; and on the way, for a denoiser that returns
    another shape or device, and (check=True) as soon as x is no longer finite.
    """
    function("step", step, "ddim")
    function("denoise", denoise, "a NetDenoiser")
    levels = start(x, levels, generator)
    return _walk(step, denoise, x, levels, generator, check)


@torch.no_grad()
def _walk(step, denoise, x, levels, generator, check) -> Iterator[Step]:
    last = None
    denoise = partial(_ask, denoise)
    for i in range(len(levels) - 1):
        last = step(denoise, x, levels[i], levels[i + 1], last=last, generator=generator)
        x = last.x
        if check and not finite(x):
            raise ValueError(f"x: NaN or Inf after step {i + 1} of {len(levels) - 1}")
        yield last


def sample(step, denoise, x, levels, generator: Dice = None, progress=False) -> Tensor:
    """Walk a grid to its end and return what is found there, shaped like x; as for `walk`."""
    levels = list(levels)
    steps = walk(step, denoise, x, levels, generator)
    for last in tqdm(steps, total=len(levels) - 1, disable=not progress, leave=False):
        pass
    return last.x


def _ask(denoise: Denoiser, x: Tensor, t: Level, *c: Tensor) -> Tensor:
    return answer(denoise(x, t, *c), x)
