"""Scores: how to learn which way is uphill in log density, and how to walk there, shaken.

A score here is a function (x) -> like x, on one level; x is (B, D). Every loss has the factor ½,
sums over dimensions and averages over samples. All four have the same best score, but for the noise
that `denoising` puts on the data.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from lessons_lib import diffuse
from lessons_lib.diffuse import q_sample
from lessons_lib.guards import positive, whole, wide
from lessons_lib.samplers import Denoiser, Step, StepFunction
from lessons_lib.solvers import langevin

# --- four losses ----------------------------------------------------------------------------------


def explicit(score, truth, x: Tensor) -> Tensor:
    """How far a score is from the true one, on average over the data: ½ E|s − ∇log p|², 0-dim.

    Nobody who has only data can compute it. Hyvärinen 2005, eq. 2.
    """
    return ((score(x) - truth(x)) ** 2).sum(1).mean() / 2


def implicit(score, x: Tensor) -> Tensor:
    """The same but for a constant, without the truth: E[½|s|² + div s], 0-dim.

    One backward pass for each of D dimensions. Hyvärinen 2005, theorem 1.
    """
    x = x.detach().requires_grad_()
    s = score(x)
    slope = lambda i: torch.autograd.grad(s[:, i].sum(), x, create_graph=True)[0][:, i]
    return ((s**2).sum(1) / 2 + sum(slope(i) for i in range(x.shape[1]))).mean()


def sliced(score, x: Tensor, v: Tensor) -> Tensor:
    """The same again, along one random direction v a sample: E[½(v·s)² + v·∇(v·s)], 0-dim.

    v (B, D) has mean 0 and covariance 1; one backward pass in all. Song, Garg, Shi & Ermon 2019,
    section 3.
    """
    x = x.detach().requires_grad_()
    along = (v * score(x)).sum(1)
    (slope,) = torch.autograd.grad(along.sum(), x, create_graph=True)
    return (along**2 / 2 + (v * slope).sum(1)).mean()


def denoising(score, x0: Tensor, t, eps: Tensor) -> Tensor:
    """How far a score is from the slope of the one bell that made x_t: ½ E|s(x_t) + ε/σ|², 0-dim.

    No derivative at all, and but for a constant `explicit` on the law of level t. Vincent 2011,
    eq. 9 and 11.
    """
    return ((score(q_sample(x0, t, eps)) + eps / t.sigma) ** 2).sum(1).mean() / 2


# --- a denoiser is a score ------------------------------------------------------------------------


def score_of(denoise: Denoiser):
    """A denoiser as the score of every level, (x, t) -> like x. Efron 2011 (Tweedie's formula)."""
    return lambda x, t: diffuse.score(x, denoise(x, t), t.to(x))


def relative_error(denoise: Denoiser, truth: Denoiser, x: Tensor, t) -> Tensor:
    """The squared error of a score on level t as a share of the true one: E|ŝ − s|²/E|s|², 0-dim.

    x (B, ...) says where one looks: points drawn on level t, or points far from all data. 1 is what
    a score that is 0 everywhere gets. The sums are taken in float32 at least.

    Raises ValueError where there is no noise on level t, and so no score.
    """
    _noisy("t", t)
    s = wide(score_of(truth)(x, t))
    return ((wide(score_of(denoise)(x, t)) - s) ** 2).sum() / (s**2).sum()


# --- walks by the score ---------------------------------------------------------------------------


def annealed(
    denoise: Denoiser, x: Tensor, levels, share: float, repeats: int, generator=None
) -> Iterator[Tensor]:
    """Langevin steps of h = share · σ² on each level, noisiest first; yields x after every level.

    repeats steps a level; one level for all samples, or one for each. Song & Ermon 2019, algorithm
    1, whose step α_i is twice our h.

    Raises ValueError unless share is above 0 and repeats 1 or more, and for a level without noise.
    """
    repeats, levels = _checked(share, repeats), list(levels)
    _noisy("levels", *levels)
    return _annealed(denoise, x, [t.to(x) for t in levels], share, repeats, generator)


@torch.no_grad()
def _annealed(denoise, x, levels, share, repeats, generator) -> Iterator[Tensor]:
    for t in levels:
        for _ in range(repeats):
            x = langevin(denoise, x, t, share * t.sigma**2, generator)
        yield x


def corrected(step: StepFunction, share: float, repeats: int = 1) -> StepFunction:
    """After every step to a level s, stay there for some Langevin steps of h = share · σ_s².

    Predictor and corrector: repeats evaluations more a step, and none on the way to σ = 0. Song et
    al. 2021, algorithm 4, with share = 2r²; their step is scaled by the mean length of the batch's
    scores, ours by the level alone, so that no picture moves another.

    Raises ValueError unless share is above 0 and repeats 1 or more; later, for one level per sample
    of which some are without noise and others not.
    """
    repeats = _checked(share, repeats)

    def correcting(denoise, x, t, s, last=None, generator=None) -> Step:
        to = step(denoise, x, t, s, last, generator)
        if bool((s.sigma == 0).all()):
            return to
        _noisy("s", s)
        x = to.x
        for _ in range(repeats):
            x = langevin(denoise, x, s, share * s.sigma**2, generator)
        return to._replace(x=x)

    return correcting


def _noisy(name: str, *levels) -> None:
    if any(bool((t.sigma == 0).any()) for t in levels):
        raise ValueError(f"{name}: sigma is 0 there; Langevin steps and scores need noise")


def _checked(share: float, repeats: int) -> int:
    positive("share", share)
    return whole("repeats", repeats)
