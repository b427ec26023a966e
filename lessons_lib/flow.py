"""Flow matching: the straight path from data to noise, its velocity, and how to make it straighter.

Time 0 is data and 1 is noise here too, so a velocity points to the noise, ``u = eps - x0``, and a
sampler walks against it. Most papers of flow matching count time from the noise and have the sign
of u turned.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from lessons_lib.diffuse import eps_from_x0, flow, q_sample
from lessons_lib.exact import distance
from lessons_lib.guards import moment, need, one_for_all, one_of, positive
from lessons_lib.learn.denoiser import TARGET, NetDenoiser, Weight, squared_error
from lessons_lib.levels import Level, Schedule, rectified
from lessons_lib.samplers import Denoiser, Dice, StepFunction, ddim, sample, walk


def velocity(denoise: Denoiser) -> Denoiser:
    """The velocity of the straight path, noise minus data, as the denoiser guesses both.

    (x, t) -> u like x, where sigma > 0; of all conditional velocities eps - x0 through x the mean.
    Lipman et al. 2023, eq. 8.
    """

    def u(x, t):
        x0 = denoise(x, t)
        return flow(x0, eps_from_x0(x, x0, t))

    return u


def moved(denoise: Denoiser, size: Callable[[Tensor, Tensor], Tensor]) -> Denoiser:
    """Ask a denoiser on the curve it was trained on: the same noise over signal, x in its scale.

    size(alpha, sigma) is 1 on that curve: torch.hypot where variance is preserved, torch.add on the
    straight path. The time of a level stays what the caller's clock says.
    """

    def asked(x, t):
        t = t.to(x)
        k = size(t.alpha, t.sigma)
        return denoise(x / k, t._replace(alpha=t.alpha / k, sigma=t.sigma / k))

    return asked


# --- where the loss looks -------------------------------------------------------------------------


def x0_weight(predicts: str) -> Weight:
    """How much the error of the guess x0 counts on a level, when a network predicts this.

    A squared error of eps, v or a flow velocity is that of x0 times (alpha/sigma)²,
    ((alpha² + sigma²)/sigma)² or ((alpha + sigma)/sigma)². Kingma & Gao 2023, whose table 1
    counts in errors of eps, evenly over log-SNR.

    Raises ValueError for an unknown `predicts`.
    """
    weights = {
        "x0": lambda t: torch.ones_like(t.alpha),
        "eps": lambda t: (t.alpha / t.sigma) ** 2,
        "v": lambda t: ((t.alpha**2 + t.sigma**2) / t.sigma) ** 2,
        "flow": lambda t: ((t.alpha + t.sigma) / t.sigma) ** 2,
    }
    one_of("predicts", predicts, weights)
    return weights[predicts]


def logit_normal(schedule: Schedule, mean: float = 0.0, std: float = 1.0) -> Schedule:
    """Look more often at the middle of the path: even times become sigmoids of Gaussian ones.

    Trained on this schedule, a network sees time sigmoid(n), n ~ N(mean, std²), of the other.
    Esser et al. 2024, eq. 19. Raises ValueError unless mean is finite and std above 0.
    """
    line, sound = "allowed are finite numbers, std above 0", lambda m, s: 0 < s < math.inf > abs(m)
    need("mean, std", mean, std, allowed=line, ok=sound)
    normal = lambda time: torch.special.ndtri(moment(time))
    return lambda time: schedule(torch.sigmoid(mean + std * normal(time)))


def shifted(by: float) -> Schedule:
    """The straight path, slower where it is noisy: every noise over signal is `by` times as large.

    Esser et al. 2024, eq. 23, for pictures with by² times as many pixels.
    Raises ValueError unless by is above 0.
    """
    positive("by", by)
    return lambda time: rectified(by * moment(time) / (1 + (by - 1) * moment(time)))


# --- which noise goes with which data -------------------------------------------------------------


def paired(x0: Tensor, eps: Tensor) -> Tensor:
    """The same noise in another order: a batch's data and noise lie as near as they can.

    x0, eps (B, ...); this order makes the sum of |x0 - eps|² least. Tong et al. 2024, algorithm 3.
    Raises ValueError unless both are of one shape.
    """
    line = f"need the shape of x0, {tuple(x0.shape)}"
    need("eps", tuple(eps.shape), allowed=line, ok=lambda shape: shape == x0.shape)
    cost = distance(x0.flatten(1), eps.flatten(1)) ** 2
    return eps[linear_sum_assignment(cost.cpu())[1]]


def paired_within(x0: Tensor, eps: Tensor, c: Tensor) -> Tensor:
    """The same, but noise changes places within a label only: c (B,) labels of the data.

    Otherwise the noise tells the label, and a walk that starts from noise drawn without looking at
    the label starts where training never was.
    """
    eps = eps.clone()
    for label in c.unique():
        eps[c == label] = paired(x0[c == label], eps[c == label])
    return eps


def coupled_loss(
    denoiser: NetDenoiser,
    pair: Tensor,
    t: Level,
    c: Tensor | None = None,
    generator: Dice = None,
    weight: Weight | None = None,
) -> Tensor:
    """The loss of a denoiser whose noise is not drawn: each sample brings its own.

    pair (B, 2, ...) holds data and noise; a loss for `learn.Training`. With pairs of a walk it is
    reflow (Liu et al. 2023, eq. 1 and algorithm 1).
    """
    x0, eps = pair.unbind(1)
    t = t.to(x0)
    output = denoiser.net(q_sample(x0, t, eps), t, c)
    return squared_error(output, TARGET[denoiser.predicts](x0, eps, t), t, weight)


def pairs(denoise: Denoiser, x: Tensor, levels, step: StepFunction = ddim) -> Tensor:
    """Noise x (B, ...), and the data that it walks to: (B, 2, ...), data first."""
    return torch.stack([sample(step, denoise, x, levels), x], dim=1)


# --- how straight ---------------------------------------------------------------------------------


def straightness(denoise: Denoiser, x: Tensor, levels: list[Level]) -> Tensor:
    """How much longer a walk from x is than its chord, in squares: 0 for a straight, even path.

    The mean over samples and time of |u - (x_T - x_0)|², over the mean of |x_T - x_0|², 0-dim; one
    mean over the other, since a mean of ratios is ruled by walks that end near where they began.
    Liu et al. 2023, section 2.2, S(Z), made free of scale.

    Raises ValueError unless levels run down the straight path from noise alone to the data.
    """
    levels = list(levels)
    stations = [x, *(step.x for step in walk(ddim, denoise, x, levels))]
    one_for_all("straightness", *levels)
    if levels[0].alpha != 0 or any(abs(t.alpha + t.sigma - 1) > 1e-6 for t in levels):
        raise ValueError("levels: off the straight path or only a part; need grid(rectified, N)")
    if levels[-1].sigma != 0:
        raise ValueError("levels: end before the data; need grid(rectified, N)")
    chord = stations[0] - stations[-1]
    bent = 0.0
    for (t, s), (x_t, x_s) in zip(pairwise(levels), pairwise(stations), strict=True):
        dt = t.sigma - s.sigma
        bent = bent + dt * ((x_t - x_s) / dt - chord).square().mean()
    return bent / chord.square().mean()
