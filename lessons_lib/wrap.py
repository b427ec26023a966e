"""Denoiser in, denoiser out: conditions, guidance, counting. Samplers never hear of them."""

import math

import torch
from torch import Tensor

from lessons_lib.guards import NO_LABEL, condition, fit, need, per_sample, strength
from lessons_lib.levels import Level
from lessons_lib.samplers import Denoiser


def given(denoise, c: Tensor) -> Denoiser:
    """Ask the denoiser for pictures of c: one condition for all, or one per sample."""
    return lambda x, t: denoise(x, t, condition(c, x))


def cfg(denoise, c: Tensor, w: float | Tensor, batched: bool = False) -> Denoiser:
    """Walk from the unconditional guess through the conditional one, w times as far.

    w = 0 ignores c and w = 1 obeys it, with one evaluation of each sample; every other w, and one
    w per sample, (B,), cost two, in one call of a doubled batch when batched.
    Ho & Salimans 2022, eq. 6; their w is ours minus 1.

    Raises ValueError if w is not finite.
    """
    w = strength("w", w)
    if isinstance(w, float) and w in (0, 1):
        return given(denoise, c) if w else denoise

    def guided(x: Tensor, t: Level) -> Tensor:
        label = condition(c, x)
        if batched:
            both = torch.cat([torch.full_like(label, NO_LABEL), label])
            u, x0_c = denoise(torch.cat([x, x]), _twice(t), both).chunk(2)
        else:
            u, x0_c = denoise(x, t), denoise(x, t, label)
        return u + fit("w", w, x) * (x0_c - u)

    return guided


def autoguide(strong: Denoiser, weak: Denoiser, w: float | Tensor) -> Denoiser:
    """Walk from a weak model's guess through a strong one's, w times as far.

    Karras et al. 2024, section 4. Raises ValueError if w is not finite.
    """
    w = strength("w", w)

    def guided(x: Tensor, t: Level) -> Tensor:
        worse = weak(x, t)
        return worse + fit("w", w, x) * (strong(x, t) - worse)

    return guided


def negative(denoise, c: Tensor, avoid: Tensor, w: float | Tensor) -> Denoiser:
    """Walk away from one condition and towards another: `cfg` with avoid in the place of nothing.

    Raises ValueError if w is not finite.
    """
    return autoguide(given(denoise, c), given(denoise, avoid), w)


def rescale(denoise, c: Tensor, w: float | Tensor, phi: float = 0.7) -> Denoiser:
    """Guide, then give the guess back the spread of the conditional one, phi of the way.

    A guess without spread, such as one pixel, stays as it is: no factor would give it one.
    Lin et al. 2024, eq. 15 and 16, on the guess of the data.
    Raises ValueError if w is not finite or phi is outside 0 ... 1.
    """
    w = strength("w", w)
    need("phi", phi, allowed="allowed is 0 (plain guidance) to 1", ok=lambda phi: 0 <= phi <= 1)

    def guided(x: Tensor, t: Level) -> Tensor:
        u, x0_c = denoise(x, t), denoise(x, t, condition(c, x))
        x0 = u + fit("w", w, x) * (x0_c - u)
        have, want = _spread(x0), _spread(x0_c)
        return (phi * torch.where(have > 0, want / have, 1) + 1 - phi) * x0

    return guided


def interval(inside: Denoiser, outside: Denoiser, low: float, high: float) -> Denoiser:
    """Ask one denoiser where low <= sigma/alpha <= high, and another elsewhere.

    Guide in the middle of the walk only: interval(cfg(d, c, w), given(d, c), .2, 5.). With one
    level per sample both are asked, unless all agree.
    Kynkäänniemi et al. 2024. Raises ValueError unless 0 <= low < high.
    """
    line = "need 0 <= low < high, as sigma/alpha"
    need("low, high", low, high, allowed=line, ok=lambda low, high: 0 <= low < high)

    def choosing(x: Tensor, t: Level) -> Tensor:
        within = (low <= t.ratio) & (t.ratio <= high)
        if within.all() or not within.any():
            return (inside if within.all() else outside)(x, t)
        within = per_sample(within, x).to(x.device)
        return torch.where(within, inside(x, t), outside(x, t))

    return choosing


def clip(denoise: Denoiser, low: float = -1.0, high: float = 1.0) -> Denoiser:
    """Cut the guess to the range of the data; a sampler derives its eps from what is left."""
    need("low, high", low, high, allowed="need low < high", ok=lambda low, high: low < high)
    return lambda x, t: denoise(x, t).clamp(low, high)


def dynamic_threshold(denoise: Denoiser, share: float = 0.995) -> Denoiser:
    """Shrink a guess whose brightest pixels leave [-1, 1] until only 1 - share of them do.

    Saharia et al. 2022, section 2.3. Raises ValueError unless 0 < share <= 1.
    """
    need("share", share, allowed="allowed is above 0 to 1", ok=lambda share: 0 < share <= 1)

    def thresholded(x: Tensor, t: Level) -> Tensor:
        x0 = denoise(x, t)
        ordered = _row(x0).abs().sort(dim=1).values  # torch.quantile ends at 16 million
        place = share * (ordered.shape[1] - 1)
        below, above = ordered[:, math.floor(place)], ordered[:, math.ceil(place)]
        size = per_sample(torch.lerp(below, above, place % 1).clamp(min=1), x)
        return x0.clamp(-size, size) / size

    return thresholded


def classifier_guidance(denoise: Denoiser, log_prob, scale: float | Tensor) -> Denoiser:
    """Climb a classifier of fogged pictures: add scale · ∇ log p(c | x_t) to the score.

    log_prob(x, t) gives (B,) log-probabilities of the condition asked for.
    Dhariwal & Nichol 2021, algorithm 2. Raises ValueError if scale is not finite, and where
    alpha = 0, where no push of the score is a finite push of the data.
    """
    scale = strength("scale", scale)

    def guided(x: Tensor, t: Level) -> Tensor:
        if bool((t.alpha == 0).any()):
            raise ValueError("t: alpha is 0 there; start classifier guidance where alpha > 0")
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            (climb,) = torch.autograd.grad(log_prob(leaf, t).sum(), leaf)
        t_x = t.to(x)
        return denoise(x, t) + fit("scale", scale, x) * t_x.sigma**2 / t_x.alpha * climb

    return guided


def counted(denoise):
    """Count the .calls of a denoiser, and the .samples in them, which are its evaluations."""

    def counting(x: Tensor, t: Level, *c: Tensor) -> Tensor:
        counting.calls += 1
        counting.samples += len(x)
        return denoise(x, t, *c)

    counting.calls = counting.samples = 0
    return counting


def _twice(t: Level) -> Level:
    return t if t.alpha.ndim == 0 else Level(*(torch.cat([field, field]) for field in t))


def _row(x: Tensor) -> Tensor:
    return x[:, None].flatten(1)  # (B, D)


def _spread(x: Tensor) -> Tensor:
    """The spread of each sample on its own, times √D: (B, 1, ..., 1)."""
    row = _row(x)
    return per_sample(torch.linalg.vector_norm(row - row.mean(1, keepdim=True), dim=1), x)
