"""One dimension: the law that a step, or a whole walk, ends on, without sampling it."""

import torch
from torch import Tensor

from lessons_lib.exact import MixtureDenoiser
from lessons_lib.guards import seeded
from lessons_lib.samplers import noise_like


def share_left(mix: MixtureDenoiser, x: Tensor) -> Tensor:
    """The share of a one-dimensional mixture's mass to the left of x: (k,) in, (k,) out."""
    z = (x[:, None] - mix.mu[:, 0]) / mix.std
    return (mix.log_weight.exp() * torch.special.ndtr(z)).sum(1)


def quantile(mix: MixtureDenoiser, u: Tensor) -> Tensor:
    """Where a one-dimensional mixture has the share u of its mass to the left: (k,) in, (k,) out.

    By bisection of the distribution function, to 1e-12 of the range. Components need std > 0.
    """
    mu, std = mix.mu[:, 0], mix.std
    low = torch.full_like(u, float((mu - 12 * std).min()))
    high = torch.full_like(u, float((mu + 12 * std).max()))
    for _ in range(45):
        middle = (low + high) / 2
        left = share_left(mix, middle) < u
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
        mean, std = law_of_step(step, denoise, x[:, None], t, s)
        if std == 0:
            x = mean[:, 0]
        else:
            kernel = ((even[:, None] - mean[:, 0]) / std).square_().mul_(-0.5).exp_()  # (to, from)
            x, mass = even, kernel @ (mass / kernel.sum(0))
    x, order = x.sort()
    mass = mass[order]
    u = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    return _interpolate(u, mass.cumsum(0) - mass / 2, x)


def law_of_step(step, denoise, x: Tensor, t, s) -> tuple[Tensor, float]:
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
