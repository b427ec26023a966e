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

    w = 0 ignores c and w = 1 obeys it, with one evaluation each; every other w costs two, or one
    of a doubled batch when batched. Ho & Salimans 2022, eq. 6; their w is ours minus 1.

    Raises ValueError if w is not a finite number.
    """
    if not math.isfinite(w):
        raise ValueError(f"w: {w} given; allowed is any finite number (0 ignores c, 1 obeys it)")
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


def counted(denoise):
    """Count how often, and for how many samples, a denoiser is asked: .calls and .samples."""

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
