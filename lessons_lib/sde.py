"""One SDE: noise added without steps, the way back with dice and without, and how likely x is.

Forward, data drift and are shaken: ``dx = f x dtime + g dW``. The way back needs the score and
nothing else; how much noise it adds is a choice. With none it is an ODE, and an ODE carries a
density along with its points.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from lessons_lib.diffuse import score
from lessons_lib.guards import need, one_of, positive, start, unit, whole, wide
from lessons_lib.levels import Level, Schedule, along
from lessons_lib.samplers import Dice, StepFunction, noise_like
from lessons_lib.solvers import euler_maruyama

Field = Callable[[Tensor], Tensor]  # x (B, ...) -> a vector at each x, shaped like it

# --- three schedules of one family ----------------------------------------------------------------


def vp(time: Tensor, low: float = 0.1, high: float = 20.0) -> Level:
    """Shrink the data as fast as noise comes in: alpha² + sigma² = 1, and beta grows in a line.

    dx = -½ beta x dtime + √beta dW, beta from low to high. Song et al. 2021, eq. 32 and 33.
    Raises ValueError unless high >= low > 0.
    """
    log_alpha, time = _log_alpha(time, low, high)
    return Level(time, torch.exp(log_alpha), torch.sqrt(-torch.expm1(2 * log_alpha)))


def sub_vp(time: Tensor, low: float = 0.1, high: float = 20.0) -> Level:
    """Shrink the data as `vp` does, but let less noise in: sigma = 1 - alpha².

    Its variance is never above that of `vp`. Song et al. 2021, eq. 12 and 29.
    Raises ValueError unless high >= low > 0.
    """
    log_alpha, time = _log_alpha(time, low, high)
    return Level(time, torch.exp(log_alpha), -torch.expm1(2 * log_alpha))


def ve(time: Tensor, low: float = 0.01, high: float = 50.0) -> Level:
    """Leave the data as they are and pile noise on them: alpha = 1, and sigma explodes.

    g grows in equal ratios, so that sigma² = low² ((high/low)^(2 time) - 1): 0 at the data, and
    nearly high at time 1. Song et al. 2021, eq. 30. Raises ValueError unless high > low > 0.
    """
    sound = lambda low, high: 0 < low < high < math.inf
    need("low, high", low, high, allowed="need high > low > 0", ok=sound)
    time = unit("time", time, "0 (data) to 1 (noise)")
    growth = 2 * time * math.log(high / low)
    return Level(time, torch.ones_like(time), low * torch.sqrt(torch.expm1(growth)))


def _log_alpha(time, low: float, high: float) -> tuple[Tensor, Tensor]:
    """-½ ∫ beta, with beta a straight line from low to high; and the time, as float64."""
    sound = lambda low, high: 0 < low <= high < math.inf
    need("low, high", low, high, allowed="need high >= low > 0", ok=sound)
    time = unit("time", time, "0 (data) to 1 (noise)")
    return -(low * time + (high - low) * time**2 / 2) / 2, time


# --- forward --------------------------------------------------------------------------------------


def coefficients(schedule: Schedule, time: float | Tensor) -> tuple[Tensor, Tensor]:
    """The drift f and the squared diffusion g² of dx = f x dtime + g dW that make this schedule.

    f = d log(alpha) / dtime and g² = 2 sigma² d log(sigma/alpha) / dtime, both float64, shaped like
    time. Lu et al. 2022 (DPM-Solver), eq. 2.3.

    Raises ValueError where sigma or alpha is 0: there a logarithm has no slope.
    """
    with torch.enable_grad():
        time = unit("time", time, "0 (data) to 1 (noise)").detach().clone().requires_grad_()
        t = schedule(time)
        if bool((t.sigma == 0).any()) or bool((t.alpha == 0).any()):
            raise ValueError(
                f"time: {time.tolist()} given; there sigma or alpha is 0, where a logarithm has no "
                "slope: ask between the ends"
            )
        f = _slope(torch.log(t.alpha), time)
        g2 = 2 * t.sigma.detach() ** 2 * _slope(torch.log(t.ratio), time)
    return f, g2


def _slope(y: Tensor, x: Tensor) -> Tensor:
    """dy/dx by autograd, entry by entry, shaped like x; 0 where y does not depend on x."""
    if not y.requires_grad:
        return torch.zeros_like(x)
    return torch.autograd.grad(y.sum(), x, retain_graph=True)[0]


def simulate(
    schedule: Schedule, x0: Tensor, steps: int, generator: Dice = None, end: float = 1.0
) -> Iterator[Tensor]:
    """Walk from data into the noise in many small steps (Euler-Maruyama), and yield every x.

    f and g² are asked in the middle of each step, so that no end, where one of them may be
    infinite, is ever asked. Song et al. 2021, eq. 5.

    Raises ValueError unless steps is a positive integer and 0 < end <= 1.
    """
    steps = whole("steps", steps)
    need("end", end, allowed="need 0 < end <= 1", ok=lambda end: 0 < end <= 1)
    dt, x = end / steps, x0
    for i in range(steps):
        f, g2 = coefficients(schedule, (i + 0.5) * dt)
        x = x + f * x * dt + torch.sqrt(g2 * dt) * noise_like(x, generator)
        yield x


# --- back -----------------------------------------------------------------------------------------


def reverse_drift(denoise, schedule: Schedule, x: Tensor, time, noise: float = 1.0) -> Tensor:
    """Where x (B, ...) drifts, per unit of time, in the SDE back that adds `noise` times g.

    f x - ½ (1 + noise²) g² score: with noise = 1 Anderson's reverse SDE (Song et al. 2021, eq. 6),
    with noise = 0 the probability-flow ODE (eq. 13). Time falls on the way back: a step of length h
    *subtracts* h times this. Every noise has the same law at every time.

    Raises ValueError as `coefficients` does.
    """
    f, g2 = coefficients(schedule, time)
    t = schedule(time)
    return f * x - (1 + noise**2) / 2 * g2 * score(x, denoise(x, t), t)


def tempered(noise: float) -> StepFunction:
    """Euler-Maruyama down a ladder with `noise` times the SDE's noise: 0 solves the ODE.

    Between two levels the integral of f is log(alpha_t / alpha_s), and of g² it is `reverse_var`,
    up to second order in the step; with noise = 1 this is `solvers.euler_maruyama`. With 0 it is
    not Euler's rule in time: where drift and score nearly cancel, as VP's do near the noise, the
    two second orders differ, and few steps err far more.

    Raises ValueError unless noise is a number from 0 up; later, where alpha = 0.
    """
    line = "allowed is any number from 0 (the ODE) up; 1 is the reverse SDE"
    need("noise", noise, allowed=line, ok=lambda noise: 0 <= noise < math.inf)
    return partial(euler_maruyama, noise=noise)


# --- how likely is x? -----------------------------------------------------------------------------


def divergence(field: Field, x: Tensor) -> Tensor:
    """How fast the field thins out what flows along it: the trace of its Jacobian, (B,).

    Exact, at the price of D backward passes. Sample i of field(x) must depend on
    sample i of x alone.
    """
    x, out = _asked(field, x)
    return _trace(out, x)


def hutchinson(field: Field, x: Tensor, v: Tensor) -> Tensor:
    """The divergence at the price of K backward passes: the mean of v · J v over K probes, (B,).

    v (K, B, ...) are random, with mean 0 and covariance 1: signs, best, or normal. The answer is
    right on average. Hutchinson 1989; Grathwohl et al. 2019, section 3.1.
    """
    x, out = _asked(field, x)
    return _probed(out, x, v)


def _asked(field: Field, x: Tensor) -> tuple[Tensor, Tensor]:
    if x.ndim < 2 or len(x) == 0 or not x.is_floating_point():
        raise ValueError(f"x: shape {tuple(x.shape)} of {x.dtype} given; need floats (B, ...)")
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        out = field(x)
    if out.shape != x.shape:
        raise ValueError(f"field: returned {tuple(out.shape)} for x {tuple(x.shape)}")
    return x, out


def _rows(out: Tensor, x: Tensor, v: Tensor) -> Tensor:
    """vᵀJ for each v of (K, B, ...), in one batched backward pass: (K, B, ...)."""
    rows = None
    if out.requires_grad:
        (rows,) = torch.autograd.grad(out, x, v, is_grads_batched=True, allow_unused=True)
    return torch.zeros_like(v) if rows is None else rows  # a field that is the same everywhere


def _trace(out: Tensor, x: Tensor) -> Tensor:
    axis = torch.eye(x[0].numel()).to(x)
    v = axis.reshape(-1, 1, *x.shape[1:]).expand(-1, *x.shape)
    return _rows(out, x, v).flatten(2).diagonal(dim1=0, dim2=2).sum(1)


def _probed(out: Tensor, x: Tensor, v: Tensor) -> Tensor:
    if v.shape[1:] != x.shape or len(v) == 0:
        need_v = ", ".join(map(str, ("K", *x.shape)))
        raise ValueError(f"v: shape {tuple(v.shape)} given; need ({need_v}) with K > 0")
    return (v * _rows(out, x, v)).flatten(2).sum(2).mean(0)


# A Runge-Kutta rule as (where it looks, how much that look counts): each look starts from the
# slope of the one before.
RULES: dict[str, Sequence[tuple[float, float]]] = {
    "Euler": ((0, 1),),
    "Heun": ((0, 1 / 2), (1, 1 / 2)),
    "RK4": ((0, 1 / 6), (1 / 2, 1 / 3), (1 / 2, 1 / 3), (1, 1 / 6)),
}


def log_prob(denoise, x: Tensor, levels, v: Tensor | None = None, rule: str = "RK4") -> Tensor:
    """The log density, in nats, that the denoiser gives x on the last of the levels: (B,).

    levels as for `walk`, noisiest first, the last with sigma > 0: the answer is the density of the
    data in the fog of that level. x follows the probability-flow ODE up to the first level, where
    it counts as a draw from N(0, alpha² + sigma²). In the clock u = log(sigma/alpha) and on the
    scale y = x/alpha that is dy/du = y - x0, and log p falls by its divergence. A step costs 1, 2
    or 4 looks by its rule, Euler, Heun or RK4. v (K, B, ...) are probes for `hutchinson`, the same
    on the whole way; without them the divergence is exact. Float64 for a float64 x; else float32,
    summed in float64. Song et al. 2021, eq. 39.

    Raises ValueError for levels that end at sigma = 0, begin at alpha = 0 or lie on no curve that
    `levels.along` knows, for an unknown rule, and for a v that does not fit x.
    """
    one_of("rule", rule, RULES)
    levels = start(x, levels, None)[::-1]  # the data first
    clean, noisy = levels[0], levels[-1]
    if bool((clean.sigma == 0).any()) or bool((noisy.alpha == 0).any()):
        raise ValueError(
            f"levels: sigma/alpha from {float(noisy.ratio.max()):.3g} to "
            f"{float(clean.ratio.min()):.3g} given; need a first one with alpha > 0 and a last one "
            "with sigma > 0"
        )

    def look(y: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """dy/du, and the divergence of that field."""
        t = along(clean, u.exp())
        leaf, out = _asked(lambda y: y - denoise(t.alpha * y, t), y)
        return out.detach(), _trace(out, leaf) if v is None else _probed(out, leaf, v)

    y, clock = wide(x) / clean.alpha, [torch.log(t.ratio) for t in levels]
    dims, thinned = y[0].numel(), torch.zeros(len(y), dtype=torch.float64, device=y.device)
    for u, later in zip(clock, clock[1:], strict=False):
        y, spread = runge_kutta(look, y, u, later - u, RULES[rule])
        thinned += spread.double()
    var = 1 + noisy.ratio**2
    there = -(y.double() ** 2).flatten(1).sum(1) / (2 * var) - dims / 2 * torch.log(math.tau * var)
    return there + thinned - dims * torch.log(clean.alpha)


def runge_kutta(look, y: Tensor, u: Tensor, h: Tensor, rule) -> tuple[Tensor, Tensor]:
    """One step of length h: where y is then, and the integral of the divergence on the way.

    look(y, u) -> (dy/du, divergence); rule: one of `RULES`.
    """
    k, moved, thinned = 0, 0, 0
    for share, weight in rule:
        k, spread = look(y + share * h * k, u + share * h)
        moved, thinned = moved + weight * k, thinned + weight * spread
    return y + h * moved, h * thinned


def dequantised(x: Tensor, width: float, generator: torch.Generator) -> Tensor:
    """Fill the gaps between grey levels that lie `width` apart: x + width · (U - ½), shaped like x.

    A density of this law, averaged over U, never exceeds the probability of the picture over the
    volume of its cell: Theis et al. 2016, section 3.1. Raises ValueError unless width > 0.
    """
    positive("width", width)
    u = torch.rand(x.shape, generator=generator, device=generator.device, dtype=x.dtype)
    return x + width * (u.to(x.device) - 0.5)


def bits_per_dim(log_p: Tensor, dims: int, width: float) -> Tensor:
    """A log density of dequantised pictures, in nats, as bits for each of `dims` numbers.

    -log2(p) / dims - log2(width), shaped like log_p: a cell of side `width` holds p · width^dims.
    Theis et al. 2016, section 3.1. Raises ValueError unless dims is a positive integer, width > 0.
    """
    positive("width", width)
    return -log_p / (whole("dims", dims) * math.log(2)) - math.log2(width)
