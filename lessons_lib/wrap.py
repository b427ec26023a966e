"""Denoiser in, denoiser out: conditions, guidance, counting. Samplers never hear of them."""

import math

import torch
from torch import Tensor

from lessons_lib.levels import Level
from lessons_lib.samplers import Denoiser

NO_LABEL = -1  # the label of a sample without one


def given(denoise, c: Tensor) -> Denoiser:
    """Ask the denoiser for pictures of c: one condition for all, or one per sample."""

    def conditional(x: Tensor, t: Level) -> Tensor:
        return denoise(x, t, _fit(c, x))

    return conditional


def cfg(denoise, c: Tensor, w: float, batched: bool = False) -> Denoiser:
    """Walk from the unconditional guess through the conditional one, w times as far.

    w = 0 ignores c and w = 1 obeys it, with one evaluation of each sample; every other w costs
    two, in one call of a doubled batch when batched.
    Ho & Salimans 2022, eq. 6; their w is ours minus 1.

    Raises ValueError if w is not a finite number.
    """
    _check_finite("w", w)
    if w == 0:
        return denoise
    if w == 1:
        return given(denoise, c)

    def guided(x: Tensor, t: Level) -> Tensor:
        label = _fit(c, x)
        if batched:
            both = torch.cat([torch.full_like(label, NO_LABEL), label])
            u, x0_c = denoise(torch.cat([x, x]), _twice(t), both).chunk(2)
        else:
            u, x0_c = denoise(x, t), denoise(x, t, label)
        return u + w * (x0_c - u)

    return guided


def negative(denoise, c: Tensor, avoid: Tensor, w: float) -> Denoiser:
    """Walk away from one condition and towards another: `cfg` with avoid in the place of nothing.

    Raises ValueError if w is not a finite number.
    """
    _check_finite("w", w)

    def guided(x: Tensor, t: Level) -> Tensor:
        away = denoise(x, t, _fit(avoid, x))
        return away + w * (denoise(x, t, _fit(c, x)) - away)

    return guided


def rescale(denoise, c: Tensor, w: float, phi: float = 0.7) -> Denoiser:
    """Guide, then give the guess back the spread of the conditional one, phi of the way.

    Lin et al. 2024, eq. 15 and 16, on the guess of the data.
    Raises ValueError if w is not finite or phi is outside 0 ... 1.
    """
    _check_finite("w", w)
    if not 0 <= phi <= 1:
        raise ValueError(f"phi: {phi} given; allowed is 0 (plain guidance) to 1")

    def guided(x: Tensor, t: Level) -> Tensor:
        u, x0_c = denoise(x, t), denoise(x, t, _fit(c, x))
        x0 = u + w * (x0_c - u)
        spread = _std(x0_c) / _std(x0).clamp(min=torch.finfo(x.dtype).tiny)
        return (phi * spread + 1 - phi) * x0

    return guided


def interval(inside: Denoiser, outside: Denoiser, low: float, high: float) -> Denoiser:
    """Ask one denoiser where low <= sigma/alpha <= high, and another elsewhere.

    Guide in the middle of the walk only: interval(cfg(d, c, w), given(d, c), .2, 5.).
    Kynkäänniemi et al. 2024. Raises ValueError unless 0 <= low < high.
    """
    if not 0 <= low < high:
        raise ValueError(f"low, high: {low}, {high} given; need 0 <= low < high, as sigma/alpha")

    def choosing(x: Tensor, t: Level) -> Tensor:
        return (inside if low <= float(t.ratio) <= high else outside)(x, t)

    return choosing


def clip(denoise: Denoiser, low: float = -1.0, high: float = 1.0) -> Denoiser:
    """Cut the guess to the range of the data; a sampler derives its eps from what is left."""
    if not low < high:
        raise ValueError(f"low, high: {low}, {high} given; need low < high")
    return lambda x, t: denoise(x, t).clamp(low, high)


def dynamic_threshold(denoise: Denoiser, share: float = 0.995) -> Denoiser:
    """Shrink a guess whose brightest pixels leave [-1, 1] until only 1 - share of them do.

    Saharia et al. 2022, section 2.3. Raises ValueError unless 0 < share <= 1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share: {share} given; allowed is above 0 to 1")

    def thresholded(x: Tensor, t: Level) -> Tensor:
        x0 = denoise(x, t)
        size = torch.quantile(x0.abs().flatten(1).float(), share, dim=1).clamp(min=1).to(x0)
        size = size.reshape(-1, *[1] * (x.ndim - 1))
        return x0.clamp(-size, size) / size

    return thresholded


def classifier_guidance(denoise: Denoiser, log_prob, scale: float) -> Denoiser:
    """Climb a classifier of fogged pictures: add scale · ∇ log p(c | x_t) to the score.

    log_prob(x, t) gives (B,) log-probabilities of the condition asked for.
    Dhariwal & Nichol 2021, algorithm 2. Raises ValueError if scale is not finite, and where
    alpha = 0, where no push of the score is a finite push of the data.
    """
    _check_finite("scale", scale)

    def guided(x: Tensor, t: Level) -> Tensor:
        if bool((t.alpha == 0).any()):
            raise ValueError("t: alpha is 0 there; start classifier guidance where alpha > 0")
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            (climb,) = torch.autograd.grad(log_prob(leaf, t).sum(), leaf)
        t_x = t.to(x)
        return denoise(x, t) + scale * t_x.sigma**2 / t_x.alpha * climb

    return guided


def counted(denoise):
    """Count the .calls of a denoiser, and the .samples in them, which are its evaluations."""

    def counting(x: Tensor, t: Level, *c: Tensor) -> Tensor:
        counting.calls += 1
        counting.samples += len(x)
        return denoise(x, t, *c)

    counting.calls = counting.samples = 0
    return counting


def _fit(c: Tensor, x: Tensor) -> Tensor:
    """One condition per sample of x; ValueError if there is neither one nor one each."""
    if c.device != x.device:
        raise ValueError(f"c: on {c.device}, x on {x.device}; need the same device")
    c = c[None] if c.ndim == 0 else c
    if len(c) not in (1, len(x)):
        raise ValueError(f"c: {len(c)} conditions for {len(x)} samples; need 1 or as many")
    return c.expand(len(x), *c.shape[1:])


def _twice(t: Level) -> Level:
    return t if t.alpha.ndim == 0 else Level(*(torch.cat([field, field]) for field in t))


def _std(x: Tensor) -> Tensor:
    """The spread of each sample on its own, (B, 1, ..., 1)."""
    return x.flatten(1).std(dim=1).reshape(-1, *[1] * (x.ndim - 1))


def _check_finite(name: str, value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{name}: {value} given; allowed is any finite number")
