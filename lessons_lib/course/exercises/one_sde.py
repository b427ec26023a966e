"""Exercises of notebook 09, one SDE: steps there and back, and how likely a picture is.

Coefficients are numbers, dx = f x dt + √g2 dW; x, score and z are tensors of one shape, (B, ...).
"""

import math
from functools import partial

import torch

from lessons_lib import samplers, sde
from lessons_lib.course.exercises.bank import in_code, on_paper
from lessons_lib.course.exercises.probes import (
    LEAVES,
    between_levels,
    bright,
    normal,
    per_sample,
    repeated,
)

# --- one step of the forward SDE ------------------------------------------------------------------


def forward_step(x, f, g2, dt, z):
    """Drift for a time dt, and be shaken for as long."""
    return x + f * x * dt + (g2 * dt) ** 0.5 * z


def coefficients(i, generator):
    """f, g² and dt as plain numbers; f of either sign, g² above and below 1, dt up to .3."""
    a, b, c = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
    return (-1) ** (i % 3 == 0) * (0.3 + 2 * a), 0.2 + 3 * b, 0.03 + 0.27 * c


@repeated(14)
def forward_probes(i, generator):
    x, z = bright(i) * normal(2, *LEAVES[i % 4], generator=generator)
    return x, *coefficients(i, generator), z


def forward_by_moments(x, f, g2, dt, z):
    """The new mean and the new spread."""
    return x * (1 + f * dt) + math.sqrt(g2) * math.sqrt(dt) * z


def forward_in_place(x, f, g2, dt, z):
    return torch.add(x, f * dt * x).add(z, alpha=math.sqrt(g2 * dt))


in_code(
    "one_sde.forward_step",
    forward_step,
    probes=forward_probes,
    variants=(forward_by_moments, forward_in_place),
    slips={
        "dt not under the root": lambda x, f, g2, dt, z: x + f * x * dt + g2**0.5 * dt * z,
        "no time in the noise": lambda x, f, g2, dt, z: x + f * x * dt + g2**0.5 * z,
        "g not the root": lambda x, f, g2, dt, z: x + f * x * dt + g2 * dt**0.5 * z,
        "variance as spread": lambda x, f, g2, dt, z: x + f * x * dt + g2 * dt * z,
        "no time in the drift": lambda x, f, g2, dt, z: x + f * x + (g2 * dt) ** 0.5 * z,
        "root of the time in the drift": lambda x, f, g2, dt, z: (
            x + f * x * dt**0.5 + (g2 * dt) ** 0.5 * z
        ),
        "drift without x": lambda x, f, g2, dt, z: x + f * dt + (g2 * dt) ** 0.5 * z,
        "sign of f": lambda x, f, g2, dt, z: x - f * x * dt + (g2 * dt) ** 0.5 * z,
        "half of f": lambda x, f, g2, dt, z: x + f * x * dt / 2 + (g2 * dt) ** 0.5 * z,
        "no drift": lambda x, f, g2, dt, z: x + (g2 * dt) ** 0.5 * z,
        "no noise": lambda x, f, g2, dt, z: x + f * x * dt,
        "only the change": lambda x, f, g2, dt, z: f * x * dt + (g2 * dt) ** 0.5 * z,
        "noise times x": lambda x, f, g2, dt, z: x + f * x * dt + (g2 * dt) ** 0.5 * x * z,
        "noise first": lambda x, f, g2, dt, z: (x + (g2 * dt) ** 0.5 * z) * (1 + f * dt),
        "noise added twice": lambda x, f, g2, dt, z: x + f * x * dt + (2 * g2 * dt) ** 0.5 * z,
        "drift by its exact curve": lambda x, f, g2, dt, z: (
            x * math.exp(f * dt) + (g2 * dt) ** 0.5 * z
        ),
        "own dice": lambda x, f, g2, dt, z: x + f * x * dt + (g2 * dt) ** 0.5 * torch.randn_like(x),
    },
)


# --- the level after a time, by hand --------------------------------------------------------------


def level_after(t):
    """(α, σ², σ) of dx = −½x dt + dW after a time t."""
    return math.exp(-t / 2), 1 - math.exp(-t), math.sqrt(1 - math.exp(-t))


on_paper(
    "one_sde.level_by_hand",
    level_after,
    given={"t": 0.5},
    digits=3,
    anew=lambda dice: {"t": dice.randint(4, 40) / 20},
    slips={
        "no half": lambda t: (math.exp(-t), 1 - math.exp(-2 * t), (1 - math.exp(-2 * t)) ** 0.5),
        "power for amplitude": lambda t: (math.exp(-t), *level_after(t)[1:]),
        "one minus alpha": lambda t: (
            math.exp(-t / 2),
            1 - math.exp(-t / 2),
            math.sqrt(1 - math.exp(-t / 2)),
        ),
        "noise never shrinks": lambda t: (math.exp(-t / 2), t, math.sqrt(t)),
        "one Euler step": lambda t: (1 - t / 2, t, math.sqrt(t)),
        "root forgotten": lambda t: (math.exp(-t / 2), 1 - math.exp(-t), 1 - math.exp(-t)),
        "spread and variance swapped": lambda t: (
            math.exp(-t / 2),
            math.sqrt(1 - math.exp(-t)),
            1 - math.exp(-t),
        ),
        "growing": lambda t: (math.exp(t / 2), math.exp(t) - 1, math.sqrt(math.exp(t) - 1)),
    },
)


# --- a step of the ODE by hand --------------------------------------------------------------------


def ode_step(x, eps, t, dt, half=0.5, f=-0.5, sign=-1.0, below=None, way=-1.0):
    """(score, right-hand side, next x) of dx = −½x dt + dW read backwards without noise."""
    alpha, sigma = math.exp(-t / 2), math.sqrt(1 - math.exp(-t))
    score = sign * eps / (sigma if below is None else below(alpha, sigma))
    slope = f * x - half * score
    return score, slope, x + way * dt * slope


on_paper(
    "one_sde.ode_by_hand",
    ode_step,
    given={"x": 1.2, "eps": 0.8, "t": 0.5, "dt": 0.05},
    digits=3,
    slack=1.5,
    anew=lambda dice: {
        "x": dice.choice((-1, 1)) * dice.randint(9, 16) / 10,
        "eps": dice.choice((-1, 1)) * dice.randint(5, 12) / 10,
        "t": dice.choice((0.3, 0.4, 0.6, 0.8)),
        "dt": dice.choice((0.04, 0.06, 0.1)),
    },
    slips={
        "the half forgotten": partial(ode_step, half=1.0),
        "no drift": partial(ode_step, f=0.0),
        "drift's sign": partial(ode_step, f=0.5),
        "drift without its half": partial(ode_step, f=-1.0),
        "score's sign": partial(ode_step, sign=1.0),
        "divided by the variance": partial(ode_step, below=lambda alpha, sigma: sigma**2),
        "divided by alpha": partial(ode_step, below=lambda alpha, sigma: alpha),
        "score is the noise": partial(ode_step, below=lambda alpha, sigma: 1.0),
        "time forwards": partial(ode_step, way=1.0),
        "a whole unit of time": lambda x, eps, t, dt: (
            *ode_step(x, eps, t, dt)[:2],
            ode_step(x, eps, t, 1.0)[2],
        ),
        "x times the step": lambda x, eps, t, dt: (
            *ode_step(x, eps, t, dt)[:2],
            x * (1 - dt),
        ),
    },
)


def scores(eps, times, sign=-1.0, below=lambda t: math.sqrt(1 - math.exp(-t))):
    return tuple(sign * eps / below(t) for t in times)


on_paper(
    "one_sde.scores_by_hand",
    scores,
    given={"eps": 0.6, "times": (0.25, 0.5, 0.75)},
    digits=3,
    slack=1.5,
    anew=lambda dice: {
        "eps": dice.choice((-1, 1)) * dice.randint(4, 12) / 10,
        "times": dice.choice(((0.2, 0.4, 0.8), (0.3, 0.6, 1.2), (0.1, 0.4, 1.0))),
    },
    slips={
        "sign": partial(scores, sign=1.0),
        "divided by the variance": partial(scores, below=lambda t: 1 - math.exp(-t)),
        "divided by alpha": partial(scores, below=lambda t: math.exp(-t / 2)),
        "multiplied": partial(scores, below=lambda t: 1 / math.sqrt(1 - math.exp(-t))),
        "no half in the exponent": partial(scores, below=lambda t: math.sqrt(1 - math.exp(-2 * t))),
        "a half too many": partial(scores, below=lambda t: math.sqrt(1 - math.exp(-t / 2))),
        "time for the spread": partial(scores, below=lambda t: t),
        "root of the time": partial(scores, below=math.sqrt),
        "last first": lambda eps, times: scores(eps, times)[::-1],
    },
)


# --- one step back, with any noise ----------------------------------------------------------------


def reverse_step(x, score, f, g2, dt, noise, z):
    """Back by a time dt: against the drift, up the score, shaken by `noise` times g."""
    drift = f * x - (1 + noise**2) / 2 * g2 * score
    return x - dt * drift + noise * (g2 * dt) ** 0.5 * z


@repeated(16)
def reverse_probes(i, generator):
    x, score, z = bright(i) * normal(3, *LEAVES[i % 4], generator=generator)
    noise = (1.0, 0.0, 0.5, 1.6, 0.3, 1.0, 0.7, 0.0)[i % 8]
    return x, score, *coefficients(i, generator), noise, z


def back(drift=None, spread=None, way=-1.0):
    """A step back with another drift or another spread of the noise."""
    drift = drift or (lambda x, score, f, g2, noise: f * x - (1 + noise**2) / 2 * g2 * score)
    spread = spread or (lambda g2, dt, noise: noise * (g2 * dt) ** 0.5)
    return lambda x, score, f, g2, dt, noise, z: (
        x + way * dt * drift(x, score, f, g2, noise) + spread(g2, dt, noise) * z
    )


def reverse_in_two_parts(x, score, f, g2, dt, noise, z):
    """The ODE's step, and on top of it a Langevin step of h = noise² g² dt / 2."""
    h = noise**2 * g2 * dt / 2
    return x - dt * (f * x - g2 * score / 2) + h * score + math.sqrt(2 * h) * z


in_code(
    "one_sde.reverse_step",
    reverse_step,
    probes=reverse_probes,
    variants=(back(), reverse_in_two_parts),
    slips={
        "no half": back(lambda x, score, f, g2, noise: f * x - (1 + noise**2) * g2 * score),
        "always Anderson's drift": back(lambda x, score, f, g2, noise: f * x - g2 * score),
        "always the ODE's drift": back(lambda x, score, f, g2, noise: f * x - g2 / 2 * score),
        "no score where there is no noise": back(
            lambda x, score, f, g2, noise: f * x - noise**2 * g2 * score
        ),
        "noise not squared": back(
            lambda x, score, f, g2, noise: f * x - (1 + noise) / 2 * g2 * score
        ),
        "no drift": back(lambda x, score, f, g2, noise: -(1 + noise**2) / 2 * g2 * score),
        "sign of f": back(lambda x, score, f, g2, noise: -f * x - (1 + noise**2) / 2 * g2 * score),
        "score's sign": back(
            lambda x, score, f, g2, noise: f * x + (1 + noise**2) / 2 * g2 * score
        ),
        "g not squared": back(
            lambda x, score, f, g2, noise: f * x - (1 + noise**2) / 2 * g2**0.5 * score
        ),
        "drift without x": back(lambda x, score, f, g2, noise: f - (1 + noise**2) / 2 * g2 * score),
        "time forwards": back(way=1.0),
        "no time in the drift": lambda x, score, f, g2, dt, noise, z: (
            x - (f * x - (1 + noise**2) / 2 * g2 * score) + noise * (g2 * dt) ** 0.5 * z
        ),
        "noise in the ODE": back(spread=lambda g2, dt, noise: (g2 * dt) ** 0.5),
        "noise added twice": back(spread=lambda g2, dt, noise: noise * (2 * g2 * dt) ** 0.5),
        "noise squared in the spread": back(
            spread=lambda g2, dt, noise: noise**2 * (g2 * dt) ** 0.5
        ),
        "root of the noise": back(spread=lambda g2, dt, noise: (noise * g2 * dt) ** 0.5),
        "dt not under the root": back(spread=lambda g2, dt, noise: noise * g2**0.5 * dt),
        "variance as spread": back(spread=lambda g2, dt, noise: noise * g2 * dt),
        "no noise": back(spread=lambda g2, dt, noise: 0.0),
        "noise with a minus": back(spread=lambda g2, dt, noise: -noise * (g2 * dt) ** 0.5),
    },
    theorems={
        "no noise, no dice": lambda out, x, score, f, g2, dt, noise, z: (
            (out[0], x - dt * (f * x - g2 / 2 * score)) if noise == 0 else None
        ),
    },
)


# --- the same step in the language of flows -------------------------------------------------------


def flow_step(x, x0, t, s):
    """Euler's rule along the straight path: clock τ = σ/(α + σ), scale y = x/(α + σ)."""
    tau_t, tau_s = t.sigma / (t.alpha + t.sigma), s.sigma / (s.alpha + s.sigma)
    eps = (x - t.alpha * x0) / t.sigma
    y = x / (t.alpha + t.sigma) + (tau_s - tau_t) * (eps - x0)
    return (s.alpha + s.sigma) * y


def flow_by_library(x, x0, t, s):
    """The library's DDIM, with a denoiser that believes in this x0."""
    return samplers.ddim(lambda x, t: x0, x, t, s).x


def flow_by_solver(x, x0, t, s):
    """DPM-Solver++-1: x0 held still, the rest shrunk by σ_s/σ_t."""
    return s.sigma / t.sigma * x + (s.alpha - t.alpha * s.sigma / t.sigma) * x0


def flowing(u=None, clock=None, into=None, out=None):
    """An Euler step along a path with other pieces."""
    u = u or (lambda x, x0, eps, t: eps - x0)
    clock = clock or (lambda t: t.sigma / (t.alpha + t.sigma))
    size = lambda t: t.alpha + t.sigma

    def step(x, x0, t, s):
        eps = (x - t.alpha * x0) / t.sigma
        y = x / (into or size)(t) + (clock(s) - clock(t)) * u(x, x0, eps, t)
        return (size(s) if out is None else out(t, s)) * y

    return step


one = lambda t: 1.0

in_code(
    "one_sde.flow_step",
    flow_step,
    probes=between_levels,
    variants=(flow_by_library, flow_by_solver),
    slips={
        "clock without scale": flowing(into=one, out=lambda t, s: 1.0),
        "not scaled on the way in": flowing(into=one),
        "not scaled back": flowing(out=lambda t, s: 1.0),
        "scaled back by the old level": flowing(out=lambda t, s: t.alpha + t.sigma),
        "scaled by alpha": flowing(into=lambda t: t.alpha, out=lambda t, s: s.alpha),
        "sigma as the clock": flowing(clock=lambda t: t.sigma),
        "one minus alpha as the clock": flowing(clock=lambda t: 1 - t.alpha),
        "velocity turned": flowing(u=lambda x, x0, eps, t: x0 - eps),
        "velocity without the picture": flowing(u=lambda x, x0, eps, t: eps),
        "velocity from where x stands": flowing(u=lambda x, x0, eps, t: eps - x),
        "noise not divided": flowing(u=lambda x, x0, eps, t: x - t.alpha * x0 - x0),
        "picture not dimmed": flowing(u=lambda x, x0, eps, t: (x - x0) / t.sigma - x0),
        "velocity of the curve": flowing(u=lambda x, x0, eps, t: t.alpha * eps - t.sigma * x0),
        "noise of the new level": lambda x, x0, t, s: s.alpha * x0 + s.sigma * x,
        "straight to the guess": lambda x, x0, t, s: (s.alpha + s.sigma) * x0,
    },
    theorems={
        "end": lambda out, x, x0, t, s: (out[0], s.alpha * x0) if s.sigma == 0 else None,
    },
)


# --- a corrector whose step fits its sample -------------------------------------------------------


def corrector(x, score, z, r):
    """A Langevin step whose length is the same share of every sample's score."""
    size = lambda v: v.flatten(1).norm(dim=1).reshape(-1, *[1] * (v.ndim - 1))
    h = (r * size(z) / size(score)) ** 2
    return x + h * score + (2 * h) ** 0.5 * z


@repeated(14)
def corrector_probes(i, generator):
    shape = LEAVES[i % 4]
    x, score, z = normal(3, *shape, generator=generator)
    steep = 0.3 + 3 * torch.rand(shape[0], generator=generator, dtype=torch.float64)
    r = 0.1 + 0.3 * float(torch.rand((), generator=generator, dtype=torch.float64))
    return bright(i) * x, bright(i) * per_sample(steep, x) * score, bright(i) * z, r


def length(v):
    return per_sample((v**2).flatten(1).sum(1).sqrt(), v)


def shaken(h, fresh=lambda h: (2 * h) ** 0.5, climb=1.0):
    """A Langevin step with another length h(score, z, r) or another spread."""
    return lambda x, score, z, r: x + climb * h(score, z, r) * score + fresh(h(score, z, r)) * z


fitting = lambda score, z, r: (r * length(z) / length(score)) ** 2


def corrector_by_means(x, score, z, r):
    """With root mean squares in the place of lengths: the counts cancel."""
    rms = lambda v: v.pow(2).flatten(1).mean(1).sqrt()
    h = per_sample(r * rms(z) / rms(score), x) ** 2
    return x + h * score + z * h.sqrt() * math.sqrt(2)


in_code(
    "one_sde.corrector",
    corrector,
    probes=corrector_probes,
    variants=(shaken(fitting), corrector_by_means),
    slips={
        "batch means": shaken(lambda s, z, r: (r * length(z).mean() / length(s).mean()) ** 2),
        "one length for the batch": shaken(lambda s, z, r: (r * z.norm() / s.norm()) ** 2),
        "mean of the batch's steps": shaken(lambda s, z, r: fitting(s, z, r).mean()),
        "first sample's step": shaken(lambda s, z, r: fitting(s, z, r)[:1]),
        "number by number": shaken(lambda s, z, r: (r * length(z) / s.abs()) ** 2),
        "noise not measured": shaken(lambda s, z, r: (r / length(s)) ** 2),
        "not squared": shaken(lambda s, z, r: r * length(z) / length(s)),
        "r outside the square": shaken(lambda s, z, r: r * (length(z) / length(s)) ** 2),
        "upside down": shaken(lambda s, z, r: (r * length(s) / length(z)) ** 2),
        "twice the step": shaken(lambda s, z, r: 2 * fitting(s, z, r)),
        "noise without its two": shaken(fitting, lambda h: h**0.5),
        "two outside the root": shaken(fitting, lambda h: 2 * h**0.5),
        "noise without the root": shaken(fitting, lambda h: 2 * h),
        "downhill": shaken(fitting, climb=-1.0),
        "half the climb": shaken(fitting, climb=0.5),
        "no noise": shaken(fitting, lambda h: 0 * h),
        "no climb": shaken(fitting, climb=0.0),
        "own dice": lambda x, score, z, r: shaken(fitting)(x, score, torch.randn_like(z), r),
    },
    theorems={
        "alone": lambda out, x, score, z, r: (out[0][:1], corrector(x[:1], score[:1], z[:1], r)),
    },
)


# --- the divergence by dice -----------------------------------------------------------------------


def hutchinson(field, x, v):
    """v · J v, averaged over the probes: the divergence without the whole Jacobian."""
    x = x.detach().requires_grad_()
    out = field(x)
    rows = [torch.autograd.grad(out, x, each, retain_graph=True)[0] for each in v]
    return (v * torch.stack(rows)).flatten(2).sum(2).mean(0)


def bent_field(matrix, bend):
    """A field with a known Jacobian at every x: a matrix, and a bend of its own."""
    return lambda x: x @ matrix.T + bend * x**2 + 0.4


@repeated(14)
def field_probes(i, generator):
    D, B, K = (3, 4, 2, 5)[i % 4], (4, 3, 5)[i % 3], (1, 2, 4, 3)[(i + i // 4) % 4]
    matrix, bend = normal(D, D, generator=generator), normal(D, generator=generator)
    x, v = normal(B, D, generator=generator), normal(K, B, D, generator=generator)
    v = v.sign() if i % 5 == 0 else v
    return matrix, bend, bright(i) * x, bright(i) * v


def with_field(answer, probe):
    """Hand the field in as a function."""
    matrix, bend, x, v = probe
    return answer(bent_field(matrix, bend), x, v)


def rows_of(field, x, v):
    """vᵀJ of each probe: (K, B, D)."""
    x = x.detach().requires_grad_()
    out = field(x)
    return torch.stack([torch.autograd.grad(out, x, each, retain_graph=True)[0] for each in v])


def by_forward_mode(field, x, v):
    """v · (J v), the tangent in the place of the backward pass."""
    moved = [torch.func.jvp(field, (x,), (each,))[1] for each in v]
    return torch.stack([(each * m).sum(1) for each, m in zip(v, moved, strict=True)]).mean(0)


def probed(combine):
    """A slip in what is made of the probes and of vᵀJ."""
    return lambda field, x, v: combine(v, rows_of(field, x, v))


in_code(
    "one_sde.hutchinson",
    hutchinson,
    probes=field_probes,
    run=with_field,
    variants=(sde.hutchinson, by_forward_mode),
    slips={
        "summed over the probes": probed(lambda v, rows: (v * rows).sum(2).sum(0)),
        "divided by D": probed(lambda v, rows: (v * rows).mean(2).mean(0)),
        "divided by D and not by K": probed(lambda v, rows: (v * rows).mean(2).sum(0)),
        "only the first probe": probed(lambda v, rows: (v * rows)[0].sum(1)),
        "each probe by itself": probed(lambda v, rows: (v * rows).sum(2)),
        "averaged over the batch": probed(lambda v, rows: (v * rows).sum(2).mean()),
        "not multiplied again": probed(lambda v, rows: rows.sum(2).mean(0)),
        "probes averaged first": lambda field, x, v: (
            v.mean(0) * rows_of(field, x, v.mean(0)[None])[0]
        ).sum(1),
        "the field in the place of its slope": lambda field, x, v: (v * field(x)).sum(2).mean(0),
        "gradient of the sum": lambda field, x, v: (
            (v * rows_of(field, x, torch.ones_like(v))).sum(2).mean(0)
        ),
        "length of the row": probed(lambda v, rows: rows.norm(dim=2).mean(0)),
        "scaled by the probes' length": probed(
            lambda v, rows: ((v * rows).sum(2) / (v**2).sum(2)).mean(0)
        ),
        "sign": probed(lambda v, rows: -(v * rows).sum(2).mean(0)),
        "absolute value": probed(lambda v, rows: (v * rows).sum(2).abs().mean(0)),
        "one probe for all samples": lambda field, x, v: (
            (v[:, :1] * rows_of(field, x, v[:, :1].expand_as(v))).sum(2).mean(0)
        ),
    },
)


def probe_variances(a, p, q, d, share=None):
    """Variances of v·Jv for probes of signs and normal ones, J = [[a, p], [q, d]]."""
    off = (p + q) / 2
    return 4 * off**2, 2 * (a**2 + d**2 + 2 * off**2)


on_paper(
    "one_sde.probe_variances",
    probe_variances,
    given={"a": 3, "p": 2, "q": 0, "d": -1},
    digits=1,
    anew=lambda dice: {
        "a": dice.randint(2, 4),
        "p": dice.choice((3, 5)),
        "q": dice.choice((-1, 1)),
        "d": dice.choice((-2, -1)),
    },
    slips={
        "not made symmetric": lambda a, p, q, d: (
            2 * (p**2 + q**2),
            2 * (a**2 + d**2 + p**2 + q**2),
        ),
        "off-diagonal once": lambda a, p, q, d: (
            2 * ((p + q) / 2) ** 2,
            2 * (a**2 + d**2 + ((p + q) / 2) ** 2),
        ),
        "no two": lambda a, p, q, d: tuple(v / 2 for v in probe_variances(a, p, q, d)),
        "signs pay for the diagonal": lambda a, p, q, d: (probe_variances(a, p, q, d)[1],) * 2,
        "only the diagonal for normal ones": lambda a, p, q, d: (
            probe_variances(a, p, q, d)[0],
            2 * (a**2 + d**2),
        ),
        "swapped": lambda a, p, q, d: probe_variances(a, p, q, d)[::-1],
        "standard deviations": lambda a, p, q, d: tuple(
            v**0.5 for v in probe_variances(a, p, q, d)
        ),
        "half forgotten": lambda a, p, q, d: (
            4 * (p + q) ** 2,
            2 * (a**2 + d**2 + 2 * (p + q) ** 2),
        ),
        "the trace": lambda a, p, q, d: (a + d, a + d),
    },
)


# --- how likely is x? -----------------------------------------------------------------------------


def stretched(a, time, x, prior=1.0, dims=2, half=0.5, thinned=1.0, moved=True, root=1.0):
    """log p of x, whose walk dy/du = a y ends in N(0, 1) after that time; 2 numbers."""
    size = sum((value * (math.exp(a * time) if moved else 1)) ** 2 for value in x)
    log_prior = -half * size - prior * dims / 2 * math.log(math.tau)
    return log_prior + thinned * a * time * 2


on_paper(
    "one_sde.stretched_by_hand",
    stretched,
    given={"a": 0.5, "time": 2.0, "x": (0.4, -0.2)},
    digits=2,
    anew=lambda dice: {
        "a": dice.choice((0.4, 0.5, 0.8)),
        "time": dice.choice((1.0, 1.5)),
        "x": (dice.choice((0.3, 0.5, 0.6)), dice.choice((-0.4, -0.2))),
    },
    slips={
        "log-determinant's sign": partial(stretched, thinned=-1.0),
        "no log-determinant": partial(stretched, thinned=0.0),
        "divergence of one number": partial(stretched, thinned=0.5),
        "prior's dimension forgotten": partial(stretched, dims=1),
        "prior without its constant": partial(stretched, prior=0.0),
        "prior where x started": partial(stretched, moved=False),
        "no half in the exponent": partial(stretched, half=1.0),
        "in bits": lambda a, time, x: stretched(a, time, x) / math.log(2),
        "turned over": lambda a, time, x: -stretched(a, time, x),
    },
)


def log_density(y, divergence, h, std):
    """How likely x is whose walk ended at y: the prior there, and all that thinned on the way."""
    D = y[0].numel()
    prior = -(y**2).flatten(1).sum(1) / (2 * std**2) - D / 2 * math.log(2 * math.pi * std**2)
    return prior + h * divergence.sum(0)


@repeated(14)
def end_probes(i, generator):
    shape = LEAVES[i % 4]
    a, b = torch.rand(2, generator=generator, dtype=torch.float64).tolist()
    y = bright(i) * normal(*shape, generator=generator)
    divergence = bright(i) * normal(3 + i % 4, shape[0], generator=generator)
    return y, divergence, 0.05 + 0.3 * a, 0.4 + 2 * b


def density_by_torch(y, divergence, h, std):
    there = torch.distributions.Normal(0.0, std).log_prob(y).flatten(1).sum(1)
    return there + h * torch.einsum("nb->b", divergence)


def density(y, divergence, h, std, exponent=None, constant=None, thinned=None):
    """The same with other pieces."""
    D = y[0].numel()
    size = (y**2).flatten(1).sum(1)
    exponent = -size / (2 * std**2) if exponent is None else exponent(y, size, std)
    constant = -D / 2 * math.log(2 * math.pi * std**2) if constant is None else constant(D, std)
    thinned = h * divergence.sum(0) if thinned is None else thinned(divergence, h)
    return exponent + constant + thinned


in_code(
    "one_sde.log_density",
    log_density,
    probes=end_probes,
    variants=(density_by_torch, density),
    slips={
        "log-determinant's sign": partial(density, thinned=lambda d, h: -h * d.sum(0)),
        "no log-determinant": partial(density, thinned=lambda d, h: 0.0),
        "steps not multiplied": partial(density, thinned=lambda d, h: d.sum(0)),
        "mean over the steps": partial(density, thinned=lambda d, h: d.mean(0)),
        "last divergence only": partial(density, thinned=lambda d, h: h * d[-1]),
        "divided by D": lambda y, d, h, std: density(
            y, d, h, std, thinned=lambda d, h: h * d.sum(0) / y[0].numel()
        ),
        "summed over the batch": partial(density, thinned=lambda d, h: h * d.sum()),
        "prior's dimension forgotten": partial(
            density, constant=lambda D, std: -math.log(2 * math.pi * std**2) / 2
        ),
        "constant forgotten": partial(density, constant=lambda D, std: 0.0),
        "spread not in the constant": partial(
            density, constant=lambda D, std: -D / 2 * math.log(2 * math.pi)
        ),
        "half of the constant forgotten": partial(
            density, constant=lambda D, std: -D * math.log(2 * math.pi * std**2)
        ),
        "variance as spread in the constant": partial(
            density, constant=lambda D, std: -D / 2 * math.log(2 * math.pi * std)
        ),
        "no half in the exponent": partial(density, exponent=lambda y, size, std: -size / std**2),
        "spread not squared": partial(density, exponent=lambda y, size, std: -size / (2 * std)),
        "prior of spread one": lambda y, d, h, std: density(y, d, h, 1.0),
        "mean over the numbers": partial(
            density, exponent=lambda y, size, std: -size / (2 * std**2) / y[0].numel()
        ),
        "in bits": lambda y, d, h, std: density(y, d, h, std) / math.log(2),
        "a cost": lambda y, d, h, std: -density(y, d, h, std),
    },
)


# --- bits -----------------------------------------------------------------------------------------


def bits_per_dim(log_p, dims, width):
    """What a picture costs, in bits for each of its numbers."""
    return -log_p / (dims * math.log(2)) - math.log2(width)


@repeated(14)
def bit_probes(i, generator):
    log_p = (100 if i % 5 == 4 else 1) * normal(3 + i % 3, generator=generator)
    return log_p, (64, 2, 192, 7, 784)[i % 5], (1 / 8, 1 / 128, 0.5, 3.0)[i % 4]


def bits_of_the_cell(log_p, dims, width):
    """The probability of the cell, density times volume, as bits."""
    return -(log_p + dims * math.log(width)) / math.log(2) / dims


in_code(
    "one_sde.bits_per_dim",
    bits_per_dim,
    probes=bit_probes,
    variants=(bits_of_the_cell, sde.bits_per_dim),
    slips={
        "nats": lambda log_p, dims, width: -log_p / dims - math.log(width),
        "log 2 lost in the density": lambda log_p, dims, width: -log_p / dims - math.log2(width),
        "width in nats": lambda log_p, dims, width: -log_p / (dims * math.log(2)) - math.log(width),
        "width lost": lambda log_p, dims, width: -log_p / (dims * math.log(2)),
        "width's sign": lambda log_p, dims, width: -log_p / (dims * math.log(2)) + math.log2(width),
        "width once for the picture": lambda log_p, dims, width: (
            -log_p / (dims * math.log(2)) - math.log2(width) / dims
        ),
        "width for every number": lambda log_p, dims, width: (
            -log_p / (dims * math.log(2)) - dims * math.log2(width)
        ),
        "times log 2": lambda log_p, dims, width: -log_p * math.log(2) / dims - math.log2(width),
        "decimal digits": lambda log_p, dims, width: (
            -log_p / (dims * math.log(10)) - math.log10(width)
        ),
        "sign": lambda log_p, dims, width: log_p / (dims * math.log(2)) - math.log2(width),
        "all signs": lambda log_p, dims, width: log_p / (dims * math.log(2)) + math.log2(width),
        "for the whole picture": lambda log_p, dims, width: (
            -log_p / math.log(2) - dims * math.log2(width)
        ),
        "not per dimension": lambda log_p, dims, width: -log_p / math.log(2) - math.log2(width),
        "half": lambda log_p, dims, width: -log_p / (2 * dims * math.log(2)) - math.log2(width),
        "mean of the batch": lambda log_p, dims, width: (
            -log_p.mean() / (dims * math.log(2)) - math.log2(width)
        ),
        "always 256 levels": lambda log_p, dims, width: -log_p / (dims * math.log(2)) + 8,
    },
    theorems={
        "even": lambda out, log_p, dims, width: (
            out[0] + log_p / (dims * math.log(2)),
            torch.full_like(log_p, -math.log2(width)),
        ),
    },
)
