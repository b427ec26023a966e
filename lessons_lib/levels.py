"""Noise levels: how much of the data is left, and how much noise is on it.

Everything in the course is ``x_t = alpha_t * x0 + sigma_t * eps``. A `Level` is the subscript t of
that line; a schedule is a function from time (0 is data, 1 is noise) to a level; a grid is a list
of levels that a sampler walks down.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from lessons_lib.guards import function, moment, need, numbers, one_for_all, per_sample, unit, whole


class Level(NamedTuple):
    """How much data and how much noise: ``x_t = t.alpha * x0 + t.sigma * eps``.

    Fields are float64: 0-dim for one level, (B,) or (B, 1, ..., 1) for one level per sample.
    """

    time: Tensor
    alpha: Tensor
    sigma: Tensor

    @property
    def ratio(self) -> Tensor:
        """Noise over signal, sigma / alpha: what k-diffusion calls sigma."""
        return self.sigma / self.alpha

    @property
    def lam(self) -> Tensor:
        """Half the log signal-to-noise ratio, log(alpha / sigma): ±inf at the two ends."""
        return torch.log(self.alpha / self.sigma)

    def to(self, x: Tensor) -> "Level":
        """Shape the level so that it multiplies x (B, ...) sample by sample.

        One level for all stays 0-dim float64 on the CPU: it multiplies any tensor, on any device,
        in that tensor's own precision. One level per sample becomes (B, 1, ..., 1) like x.
        """
        if self.alpha.ndim == 0:
            return self
        if len(self.alpha) != len(x):
            raise ValueError(f"t: {len(self.alpha)} levels for {len(x)} samples; need 1 or as many")
        return Level(*(per_sample(field.to(x.device, x.dtype), x) for field in self))

    @classmethod
    def from_alpha_bar(cls, alpha_bar: float) -> "Level":
        """The variance-preserving level that keeps the share alpha_bar of the data's power.

        Its time is the angle atan2(sigma, alpha) as a share of the quarter circle.
        """
        alpha_bar = unit("alpha_bar", alpha_bar)
        alpha, sigma = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
        return cls(torch.atan2(sigma, alpha) * 2 / math.pi, alpha, sigma)


Schedule = Callable[[Tensor], Level]


# --- the table of DDPM: integers n = 1 ... T live here and nowhere else -------------------------


def linear_betas(T: int = 1000, first: float = 1e-4, last: float = 0.02) -> Tensor:
    """T small noise variances that grow in a straight line (Ho et al. 2020, section 4)."""
    return torch.linspace(first, last, T, dtype=torch.float64)


def scaled_linear_betas(T: int = 1000, first: float = 0.00085, last: float = 0.012) -> Tensor:
    """Betas whose square roots grow in a straight line: the table of latent diffusion models."""
    return torch.linspace(first**0.5, last**0.5, T, dtype=torch.float64) ** 2


def cosine_betas(T: int = 1000, offset: float = 0.008, clip: float = 0.999) -> Tensor:
    """Betas that make alpha_bar fall like a squared cosine (Nichol & Dhariwal 2021, eq. 17)."""
    time = torch.linspace(0, 1, T + 1, dtype=torch.float64)
    alpha_bar = torch.cos((time + offset) / (1 + offset) * math.pi / 2) ** 2
    return (1 - alpha_bar[1:] / alpha_bar[:-1]).clamp(max=clip)


def alpha_bar(beta: Tensor) -> Tensor:
    """What is left of the data's power after n steps, n = 0 ... T: (T,) betas in, (T+1,) out.

    Entry 0 is 1, the data itself (Ho et al. 2020, eq. 4).
    """
    return torch.cat([torch.ones_like(beta[:1]), torch.cumprod(1 - beta, dim=0)])


def from_betas(beta: Tensor) -> Schedule:
    """Turn a table of T betas into a schedule: entry n is time n/T, and time 0 is the data.

    Between two entries log(alpha_bar) is a straight line. A last beta of 1 leaves nothing of the
    data at time 1 (Lin et al. 2024, section 3.1); on the way there alpha_bar is the straight line.

    Raises ValueError unless beta is a 1-D table of values between 0 and 1, of which only the last
    may be 1.
    """
    beta = numbers("beta", beta, dtype=torch.float64, device="cpu")
    if beta.ndim != 1 or len(beta) == 0:
        raise ValueError(f"beta: shape {tuple(beta.shape)} given; need a 1-D table, (T,)")
    if not bool(((beta > 0) & (beta <= 1)).all() and (beta[:-1] < 1).all()):
        raise ValueError(
            f"beta: values from {beta.min():.3g} to {beta.max():.3g} given; allowed is 0 < beta < 1"
            ", and 1 for the last"
        )
    log_alpha_bar = torch.cat([beta.new_zeros(1), torch.log1p(-beta).cumsum(0)])  # (T+1,)

    def schedule(time: Tensor) -> Level:
        time = moment(time)
        place = time * len(beta)
        below = place.floor().long().clamp(max=len(beta) - 1)
        share = place - below
        there = log_alpha_bar[below + 1]
        log_ab = (1 - share) * log_alpha_bar[below] + share * there
        to_nothing = log_alpha_bar[below] + torch.log1p(-share)  # (1 - share) alpha_bar
        log_ab = torch.where(there == -math.inf, to_nothing, log_ab)
        sigma = torch.sqrt(torch.expm1(log_ab).abs())  # abs: minus 0 would make lam a NaN
        return Level(time, torch.exp(log_ab / 2), sigma)

    return schedule


def level_at(beta: Tensor, n: int | Tensor) -> Level:
    """Entry n = 1 ... T of a beta table, as a level: alpha is √ᾱ_n, sigma is √(1 - ᾱ_n).

    Raises ValueError for an n outside 1 ... T: in Python −1 would silently mean the noisiest.
    """
    schedule, T, given = from_betas(beta), len(beta), numbers("n", n)
    integers = torch.can_cast(given.dtype, torch.int64) and given.dtype != torch.bool
    if not integers or bool(((given < 1) | (given > T)).any()):
        raise ValueError(f"n: {given.tolist()} given; allowed are the integers 1 to {T}")
    return schedule(given.to(torch.float64) / T)


# --- schedules in continuous time -----------------------------------------------------------------


def cosine(time: Tensor, offset: float = 0.008) -> Level:
    """The cosine schedule, unclipped: nothing is left of the data at time 1."""
    time = moment(time)
    start = offset / (1 + offset) * math.pi / 2
    angle = start + time * (math.pi / 2 - start)
    alpha = torch.where(time == 1, 0.0, torch.cos(angle) / math.cos(start))
    return Level(time, alpha, torch.sqrt((1 - alpha) * (1 + alpha)))


def rectified(time: Tensor) -> Level:
    """A straight line from data to noise: alpha = 1 - time, sigma = time (Liu et al. 2023)."""
    time = moment(time)
    return Level(time, 1 - time, time)


def edm(time: Tensor, low: float = 0.002, high: float = 80.0, rho: float = 7.0) -> Level:
    """Noise is added and data never shrinks: sigma climbs from low to high.

    alpha is 1 everywhere, and time 0 is the data itself: sigma is 0 there, not low. In Karras et
    al. 2022 sigma is the time; ours runs evenly along their grid, eq. 5.
    Raises ValueError unless 0 <= low < high and rho > 0.
    """
    sound = lambda low, high, rho: 0 <= low < high < math.inf and 0 < rho < math.inf
    need("low, high, rho", low, high, rho, allowed="need 0 <= low < high, rho > 0", ok=sound)
    time = moment(time)
    root = low ** (1 / rho) + time * (high ** (1 / rho) - low ** (1 / rho))
    return Level(time, torch.ones_like(time), torch.where(time == 0, 0.0, root**rho))


# --- grids: levels to walk down, noisiest first, the data last ------------------------------------


def grid(schedule: Schedule, steps: int, start: float = 1.0, end: float = 0.0) -> list[Level]:
    """Cut a schedule into steps + 1 levels, noisiest first, evenly spaced in time.

    Raises ValueError unless steps is a positive integer and 1 >= start > end >= 0.
    """
    function("schedule", schedule, "cosine")
    steps, line = whole("steps", steps), "need 1 >= start > end >= 0"
    need("start, end", start, end, allowed=line, ok=lambda start, end: 1 >= start > end >= 0)
    return [schedule(time) for time in torch.linspace(start, end, steps + 1, dtype=torch.float64)]


def trailing_grid(beta: Tensor, steps: int) -> list[Level]:
    """Cut a table of T betas into steps + 1 levels, from entry T down to the data.

    The entries are T, T - T/steps, ..., rounded to whole ones, as networks that were trained on
    integers ask. Lin et al. 2024, section 3.3.
    Raises ValueError unless steps is an integer from 1 to T.
    """
    schedule, T = from_betas(beta), len(beta)
    steps = whole("steps", steps, 1, T)
    n = [round(T - i * T / steps) for i in range(steps)]
    return [schedule(each / T) for each in (*n, 0)]


def lam_grid(schedule: Schedule, steps: int, high: float = 80.0, low: float = 0.002) -> list[Level]:
    """Cut a schedule into levels evenly spaced in log-SNR, then the data: steps + 1 in all.

    high and low are the sigma/alpha of the first and of the last noisy level. A schedule that never
    gets as noisy as high starts at its own noisiest level. Lu et al. 2022 call this grid logSNR.

    Raises ValueError unless steps is a positive integer and the schedule reaches high > low > 0.
    """
    return _ratio_grid(schedule, steps, high, low, torch.log, torch.exp)


def karras_grid(
    schedule: Schedule, steps: int, high: float = 80.0, low: float = 0.002, rho: float = 7.0
) -> list[Level]:
    """Cut a schedule into levels whose (sigma/alpha)^(1/rho) falls evenly, then the data.

    steps + 1 levels, closer together near the data. high and low as in `lam_grid`.
    Karras et al. 2022, eq. 5, which is written for alpha = 1.

    Raises ValueError as `lam_grid` does, and unless rho is above 0.
    """
    need("rho", rho, allowed="allowed is any number above 0", ok=lambda rho: 0 < rho < math.inf)
    return _ratio_grid(schedule, steps, high, low, lambda r: r ** (1 / rho), lambda u: u**rho)


def _ratio_grid(schedule, steps, high, low, there, back) -> list[Level]:
    """steps levels from ratio high to ratio low, evenly in the clock `there`, then the data."""
    function("schedule", schedule, "cosine")
    steps, top = whole("steps", steps), schedule(torch.tensor(1.0)).ratio
    line = f"need high > low > 0 as sigma/alpha, and low below the schedule's {float(top):.3g}"
    reached = lambda high, low: 0 < low < high < math.inf and low < top
    need("high, low", high, low, allowed=line, ok=reached)
    ends = there(torch.stack([top.clamp(max=high), torch.full_like(top, low)]))
    ratio = back(torch.linspace(*ends, steps, dtype=torch.float64))
    return [at_ratio(schedule, each) for each in ratio] + [schedule(torch.tensor(0.0))]


SPACINGS: dict[str, Callable[[int], list[Level]]] = {  # steps -> grid of the cosine schedule
    "even in time": partial(grid, cosine),
    "even in log-SNR": partial(lam_grid, cosine, high=40.0, low=0.05),
    "Karras": partial(karras_grid, cosine, high=40.0, low=0.05),
}


def at_ratio(schedule: Schedule, ratio: float | Tensor) -> Level:
    """The level of a schedule that has this sigma/alpha, found by halving its time.

    Raises ValueError if the schedule has no such level.
    """
    need("ratio", ratio, allowed="allowed is any number above 0", ok=lambda r: 0 < r < math.inf)
    clean, noisy = torch.zeros(2, dtype=torch.float64)
    noisy = noisy + 1
    for _ in range(60):
        middle = (clean + noisy) / 2
        clean, noisy = (middle, noisy) if schedule(middle).ratio < ratio else (clean, middle)
    t = schedule(noisy)
    if not abs(float(t.ratio) / float(ratio) - 1) < 1e-6:
        raise ValueError(
            f"ratio: {float(ratio):.4g} given; near it the schedule has {float(t.ratio):.4g}"
        )
    return t


def along(t: Level, ratio: float | Tensor) -> Level:
    """The level with another sigma/alpha on the curve that t lies on.

    Curves that two numbers give away: variance preserved, alpha + sigma = 1, alpha = 1. Only the
    schedule knows the new level's time, so that is NaN.

    Raises ValueError for a t on none of them, and for one level per sample.
    """
    one_for_all("along", t)
    ratio = numbers("ratio", ratio, dtype=torch.float64)
    for size in (torch.hypot, torch.add, lambda alpha, sigma: alpha):
        if abs(size(t.alpha, t.sigma) - 1) < 1e-9:
            scale = size(torch.ones_like(ratio), ratio)
            return Level(torch.full_like(ratio, math.nan), 1 / scale, ratio / scale)
    raise ValueError(
        f"t: alpha {float(t.alpha):.4g}, sigma {float(t.sigma):.4g} given; need alpha² + sigma² = 1"
        ", alpha + sigma = 1 or alpha = 1"
    )
