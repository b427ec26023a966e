"""Healthy and broken ways to ask a denoiser, and to walk from noise to pictures.

`ask(denoise, c)` makes the denoiser that the walk will ask; `walk(denoise, x, levels, generator)`
goes from noise x (B, ...) to pictures. All of them run on the digits and on closed-form denoisers
alike.
"""

from functools import partial

import torch

from lessons_lib.diffuse import eps_from_x0, q_sample, v, x0_from_eps
from lessons_lib.levels import cosine
from lessons_lib.samplers import Step, ddim, noise_like, reverse_var, sample
from lessons_lib.wrap import cfg, clip, given

W = 3.0  # the guidance scale of those who guide


# --- healthy --------------------------------------------------------------------------------------


def obey(denoise, c):
    """Ask for pictures of c. Healthy."""
    return given(denoise, c)


def guide(denoise, c, w=W):
    """Ask for c with classifier-free guidance. Healthy."""
    return cfg(denoise, c, w)


def straight(denoise, x, levels, generator):
    """Walk down the levels with DDIM. Healthy."""
    return sample(ddim, denoise, x, levels)


def with_dice(denoise, x, levels, generator):
    """Walk with DDIM and eta = 1, which is DDPM. Healthy."""
    return sample(partial(ddim, eta=1.0), denoise, x, levels, generator)


# --- five broken ways to ask ----------------------------------------------------------------------


def unit_range(denoise, c):
    """Ask for pictures of c, and cut the guess to 0 ... 1, the range of files and screens."""
    return clip(given(denoise, c), 0, 1)


def condition_added(denoise, c, w=W):
    """Guide: w times the conditional guess on top of the unconditional one."""
    return lambda x, t: denoise(x, t) + w * given(denoise, c)(x, t)


def roles_swapped(denoise, c, w=W):
    """Guide: walk from the conditional guess through the unconditional one, w times as far."""

    def guided(x, t):
        u, x0_c = denoise(x, t), given(denoise, c)(x, t)
        return x0_c + w * (u - x0_c)

    return guided


def v_as_eps(denoise, c):
    """Take the output of a network that predicts v for its guess of eps."""

    def misread(x, t):
        x0 = denoise(x, t, c)
        output = v(x0, eps_from_x0(x, x0, t), t)
        return x0_from_eps(x, output, t)

    return misread


def frozen_average(denoise, c):
    """Ask the averaged weights, which nobody ever updated: the last layer is still 0, so v is 0."""
    return lambda x, t: t.alpha * x


# --- seven broken ways to walk --------------------------------------------------------------------


def loop_index(denoise, x, levels, generator):
    """Tell the network the loop's index, 10 ... 1, for the table's entry, 1000 ... 1."""
    steps = len(levels) - 1
    for i, (t, s) in enumerate(zip(levels[:-1], levels[1:], strict=True)):
        x0 = denoise(x, cosine((steps - i) / 1000))
        x = q_sample(x0, s, eps_from_x0(x, x0, t))
    return x


def one_start(denoise, x, levels, generator):
    """Start every picture of the batch from the same noise."""
    x = x[:1].expand_as(x)
    return sample(ddim, denoise, x, levels)


def last_noise(denoise, x, levels, generator):
    """Walk with DDPM and the large variance, which is added at the last step too."""

    def step(denoise, x, t, s, last=None, generator=None):
        x0, var = denoise(x, t), reverse_var(t, s)
        mean = (t.alpha / s.alpha * s.sigma**2 * x + s.alpha * var * x0) / t.sigma**2
        return Step(mean + var.sqrt() * noise_like(x, generator), x0, t)

    return sample(step, denoise, x, levels, generator)


def negative_eta(denoise, x, levels, generator, eta=-1.0):
    """Walk with DDIM's eta, and add fresh noise only `if eta > 0`."""

    def step(denoise, x, t, s, last=None, generator=None):
        x0 = denoise(x, t)
        std = eta * reverse_var(t, s).sqrt() * s.sigma / t.sigma
        x_s = s.alpha * x0 + (s.sigma**2 - std**2).sqrt() * eps_from_x0(x, x0, t)
        if eta > 0:
            x_s = x_s + std * noise_like(x, generator)
        return Step(x_s, x0, t)

    return sample(step, denoise, x, levels, generator)


def stops_short(denoise, x, levels, generator):
    """Walk to the first entry of the table, and take that for the data."""
    return sample(ddim, denoise, x, levels[:-1])


def linspace_stride(denoise, x, levels, generator):
    """Ask at evenly spaced entries, both ends included, and walk one stride of T // steps."""
    steps, top = len(levels) - 1, float(levels[0].time)
    for time in torch.linspace(top, 0.001, steps):
        t, s = cosine(time), cosine((time - top / steps).clamp(min=0))
        x0 = denoise(x, t)
        x = q_sample(x0, s, eps_from_x0(x, x0, t))
    return x


def noise_twice(denoise, x, levels, generator):
    """Walk with DDIM and eta = 1, and forget to make room for the fresh noise."""

    def step(denoise, x, t, s, last=None, generator=None):
        x0 = denoise(x, t)
        std = reverse_var(t, s).sqrt() * s.sigma / t.sigma
        x_s = q_sample(x0, s, eps_from_x0(x, x0, t))
        return Step(x_s + std * noise_like(x, generator), x0, t)

    return sample(step, denoise, x, levels, generator)
