"""More samplers: an ODE or SDE solver is a step function with a better guess of the noise.

DDIM is Euler's rule. The others look twice, or remember, and so err less at the same number of
evaluations. All obey `samplers.walk`; each is one evaluation a step unless it says so. One that
decides by the level how to step wants one level for all samples, and raises ValueError otherwise:
heun, dpm_2, dpmpp_multistep, churned.
"""

import math

import torch
from torch import Tensor

from lessons_lib.diffuse import eps_from_x0, q_sample, score, x0_from_eps
from lessons_lib.guards import need, numbers, one_for_all, whole
from lessons_lib.levels import Level, along
from lessons_lib.samplers import Step, StepFunction, ddim, ddpm, noise_like, reverse_var


def transfer(x: Tensor, eps: Tensor, t: Level, s: Level) -> Tensor:
    """DDIM's step from level t to level s with a noise that was found elsewhere.

    Needs alpha > 0 on level t. Liu et al. 2022, section 3.3.
    """
    return q_sample(x0_from_eps(x, eps, t), s, eps)


def heun(denoise, x, t, s, last=None, generator=None) -> Step:
    """Step as DDIM does, look again from there, and step with the mean of the two noises.

    Two evaluations; one, and DDIM's step, to sigma = 0 and from alpha = 0, where the second look
    or the mean has no meaning. Second order. Karras et al. 2022, algorithm 1: their d is eps, and
    their time is sigma/alpha.
    """
    one_for_all("heun", t, s)
    x0 = denoise(x, t)
    eps = eps_from_x0(x, x0, t)
    x_s = q_sample(x0, s, eps)
    if s.sigma > 0 and t.alpha > 0:
        eps_s = eps_from_x0(x_s, denoise(x_s, s), s)
        x_s = transfer(x, (eps + eps_s) / 2, t, s)
    return Step(x_s, x0, t)


def dpm_2(denoise, x, t, s, last=None, generator=None) -> Step:
    """Step half the way in log-SNR, look again there, and go the whole way with that noise.

    Two evaluations; one, and DDIM's step, to sigma = 0 and from alpha = 0, where there is no half
    way. Second order. Lu et al. 2022, algorithm 1 (r1 = 1/2).

    Raises ValueError for levels on no curve that `levels.along` knows.
    """
    one_for_all("dpm_2", t, s)
    x0 = denoise(x, t)
    eps = eps_from_x0(x, x0, t)
    if s.sigma == 0 or t.alpha == 0:
        return Step(q_sample(x0, s, eps), x0, t)
    middle = along(t, torch.sqrt(t.ratio * s.ratio))
    x_m = q_sample(x0, middle, eps)
    eps_m = eps_from_x0(x_m, denoise(x_m, middle), middle)
    return Step(transfer(x, eps_m, t, s), x0, t)


def dpmpp_2m(denoise, x, t, s, last=None, generator=None) -> Step:
    """Carry the change of the guess on half a step ahead, and step with that guess.

    One evaluation: the change is known from the last step. Without one, and to sigma = 0, this is
    DDIM's step. Second order. Lu et al. 2022b (DPM-Solver++), algorithm 2.
    """
    x0 = denoise(x, t)
    h = s.lam - t.lam
    ahead = x0
    if last is not None:
        r = (t.lam - last.t.lam) / h
        ahead = x0 + torch.where(s.sigma > 0, 1 / (2 * r), 0.0) * (x0 - last.x0)
    return Step(s.sigma / t.sigma * x - s.alpha * torch.expm1(-h) * ahead, x0, t)


def dpmpp_multistep(denoise, x, t, s, last=None, generator=None, order=4) -> Step:
    """Draw a curve through the last guesses, over log-SNR, and follow it exactly to level s.

    One evaluation. order is how many guesses the curve passes through: with 1 this is DDIM, with 2
    it is 2M with exact weights in the place of the midpoint's. The first steps, which remember
    less, and the step to sigma = 0 have lower order. Lu et al. 2022b, eq. 9, with the polynomial
    of Zhao et al. 2023 (UniP).

    Raises ValueError unless order is 1, 2, 3 or 4.
    """
    order = whole("order", order, 1, 4)
    one_for_all("dpmpp_multistep", t, s)
    x0 = denoise(x, t)
    if t.alpha == 0 or s.sigma == 0:
        return Step(q_sample(x0, s, eps_from_x0(x, x0, t)), x0, t)
    known = ((x0, t), *(last.past if last else ()))[:order]  # newest first
    weight = _weights(s.lam - t.lam, torch.stack([level.lam - t.lam for _, level in known]))
    curve = sum(w * guess for w, (guess, _) in zip(weight, known, strict=True))
    return Step(s.sigma / t.sigma * x + s.alpha * curve, x0, t, known)


def _weights(h: Tensor, node: Tensor) -> Tensor:
    """Weights (k,) of the values at k nodes whose sum is ∫₀ʰ e^(u - h) p(u) du for their p."""
    moment = [-torch.expm1(-h)]  # of u^0; of u^i by parts
    for i in range(1, len(node)):
        moment.append(h**i - i * moment[-1])
    power = torch.stack([node**i for i in range(len(node))])  # (k, k)
    return torch.linalg.solve(power, torch.stack(moment))


def plms(denoise, x, t, s, last=None, generator=None) -> Step:
    """Extrapolate the noise from the last four levels, and step with it as DDIM does.

    One evaluation. The weights are those of levels evenly spaced in some smooth clock. Second
    order, by the transfer. Liu et al. 2022, section 3.3; theirs starts with three Runge-Kutta steps
    of four evaluations each, ours with DDIM and shorter memories.
    """
    x0 = denoise(x, t)
    eps = (eps_from_x0(x, x0, t), *(last.past if last else ()))  # newest first
    if len(eps) == 1:
        return Step(q_sample(x0, s, eps[0]), x0, t, eps)
    ahead = sum(w * e for w, e in zip(ADAMS_BASHFORTH[len(eps)], eps, strict=True))
    return Step(transfer(x, ahead, t, s), x0, t, eps[:3])


ADAMS_BASHFORTH = {
    2: (3 / 2, -1 / 2),
    3: (23 / 12, -16 / 12, 5 / 12),
    4: (55 / 24, -59 / 24, 37 / 24, -9 / 24),
}


def euler_maruyama(denoise, x, t, s, last=None, generator=None, noise=1.0) -> Step:
    """Drift uphill against the forward drift, and add the noise that the forward step would.

    Song et al. 2021, eq. 6, by Euler-Maruyama. Between two levels the integral of f is
    log(alpha_t / alpha_s), and of g² it is `reverse_var`, up to second order in the step. No noise
    is added on the way to sigma = 0. With `noise` times the noise the drift has (1 + noise²) / 2
    times the score, and every law stays as it is; `sde.tempered` says more.

    Raises ValueError where alpha = 0, where the drift is infinite.
    """
    if bool((t.alpha == 0).any()):
        raise ValueError("t: alpha is 0 there; start euler_maruyama where alpha > 0")
    x0 = denoise(x, t)
    var = reverse_var(t, s)
    mean = x - torch.log(t.alpha / s.alpha) * x + (1 + noise**2) / 2 * var * score(x, x0, t)
    if noise == 0:
        return Step(mean, x0, t)
    std = noise * torch.sqrt(var) * (s.sigma > 0)
    return Step(mean + std * noise_like(x, generator), x0, t)


def langevin(denoise, x, t, h: float | Tensor, generator=None) -> Tensor:
    """Stay on level t: climb a little, and be shaken. x + h · score + √(2h) z, shaped like x.

    h is a number, or one per sample that multiplies x as t's fields do.

    Repeated, it forgets where it started and draws from the law of level t, nearly: a Gaussian of
    variance c² comes out with c² / (1 - h / 2c²), and nothing comes to rest beyond h = 2c². Song &
    Ermon 2019, eq. 4, write h/2 for our h.

    Raises ValueError unless h is a number above 0 and there is noise on level t.
    """
    each = numbers("h", h, dtype=torch.float64)
    sound = lambda _: bool(((each > 0) & (each < math.inf)).all())
    need("h", h, allowed="allowed is any number above 0", ok=sound)
    if bool((t.sigma == 0).any()):
        raise ValueError("t: sigma is 0 there; Langevin steps need noise on the level")
    return x + h * score(x, denoise(x, t), t) + (2 * h) ** 0.5 * noise_like(x, generator)


def churned(
    step: StepFunction, amount: float, low: float = 0.0, high: float = math.inf, swell: float = 1.0
) -> StepFunction:
    """Before every step add fresh noise, so that sigma/alpha grows by the share amount.

    churned(heun, min(S_churn / steps, √2 - 1)) is Karras et al. 2022, algorithm 2, with low, high
    and swell for their S_tmin, S_tmax and S_noise. From alpha = 0 there is nothing to add.

    Raises ValueError unless amount >= 0, low <= high and swell > 0; later, for levels on no curve
    that `levels.along` knows.
    """
    line = "allowed is any number from 0 up"
    need("amount", amount, allowed=line, ok=lambda amount: 0 <= amount < math.inf)
    sound = lambda low, high, swell: low <= high and 0 < swell < math.inf
    line = "need low <= high, swell > 0"
    need("low, high, swell", low, high, swell, allowed=line, ok=sound)

    def churning(denoise, x, t, s, last=None, generator=None) -> Step:
        one_for_all("churned", t)
        if amount > 0 and t.alpha > 0 and low <= t.ratio <= high:
            up = along(t, (1 + amount) * t.ratio)
            std = up.alpha * t.ratio * math.sqrt(amount * (2 + amount))  # never the root of -0
            fresh = swell * std * noise_like(x, generator)
            x, t = up.alpha / t.alpha * x + fresh, up
        return step(denoise, x, t, s, last, generator)

    return churning


SAMPLERS: dict[str, StepFunction] = {  # by the names that menus, tables and records call them
    "DDIM": ddim,
    "DDPM": ddpm,
    "2M": dpmpp_2m,
    "Heun": heun,
    "multistep": dpmpp_multistep,
    "PLMS": plms,
}
