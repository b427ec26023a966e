"""Exercises of notebook 04, DDIM by hand: the student gets levels, t (from) and s (to).

A level has `.alpha` and `.sigma`, and x_t = t.alpha * x0 + t.sigma * eps; s is nearer to the data.
"""

import math
from functools import partial
from types import SimpleNamespace

import torch

from lessons_lib import diffuse, metrics, samplers
from lessons_lib.course.exercises import two_lines
from lessons_lib.course.exercises.bank import in_code, on_paper, rounded
from lessons_lib.course.exercises.probes import (
    LEAVES,
    between_levels,
    bright,
    normal,
    on_levels,
    pair_of_levels,
)
from lessons_lib.course.exercises.two_lines import (
    FIRST,
    SECOND,
    SLIPS,
    guess,
    posterior_mean,
    root,
)
from lessons_lib.levels import Level

# --- eps from x0 ----------------------------------------------------------------------------------


def eps_from_x0(x, x0, t):
    """If this was the data, that is the noise."""
    return (x - t.alpha * x0) / t.sigma


def eps_by_ratio(x, x0, t):
    """In the scale of k-diffusion: the noise on x/α has spread σ/α."""
    return (x / t.alpha - x0) / t.ratio


in_code(
    "ddim.eps_from_x0",
    eps_from_x0,
    probes=on_levels,
    variants=(diffuse.eps_from_x0, eps_by_ratio),
    slips={
        "sign": lambda x, x0, t: (t.alpha * x0 - x) / t.sigma,
        "no division": lambda x, x0, t: x - t.alpha * x0,
        "divided by the variance": lambda x, x0, t: (x - t.alpha * x0) / t.sigma**2,
        "divided by alpha": lambda x, x0, t: (x - t.alpha * x0) / t.alpha,
        "x0 not dimmed": lambda x, x0, t: (x - x0) / t.sigma,
        "bracket missing": lambda x, x0, t: x - t.alpha * x0 / t.sigma,
        "only x divided": lambda x, x0, t: x / t.sigma - t.alpha * x0,
        "letters swapped": lambda x, x0, t: (x - t.sigma * x0) / t.alpha,
        "multiplied": lambda x, x0, t: (x - t.alpha * x0) * t.sigma,
        "roots of the letters": lambda x, x0, t: (x - t.alpha.sqrt() * x0) / t.sigma.sqrt(),
        "the DDIM paper's alpha": lambda x, x0, t: (x - t.alpha.sqrt() * x0) / (1 - t.alpha).sqrt(),
        "sigma from the circle": lambda x, x0, t: (x - t.alpha * x0) / (1 - t.alpha**2).sqrt(),
        "sigma is one minus alpha": lambda x, x0, t: (x - t.alpha * x0) / (1 - t.alpha),
        "alpha squared": lambda x, x0, t: (x - t.alpha**2 * x0) / t.sigma,
        "difference of x and x0 over the ratio": lambda x, x0, t: (x - x0) / t.ratio,
        "a little added to sigma": lambda x, x0, t: (x - t.alpha * x0) / (t.sigma + 1e-5),
        "sigma kept from 0": lambda x, x0, t: (x - t.alpha * x0) / t.sigma.clamp(min=0.01),
        "clamped": lambda x, x0, t: eps_from_x0(x, x0, t).clamp(-10, 10),
    },
    theorems={
        "back": lambda out, x, x0, t: (t.alpha * x0 + t.sigma * out[0], x),
    },
)


# --- the DDIM step --------------------------------------------------------------------------------


def ddim_step(x, eps, t, s):
    """Guess the data, then put the guessed noise back on, as much as level s asks for."""
    x0 = (x - t.sigma * eps) / t.alpha
    return s.alpha * x0 + s.sigma * eps


def step_by_library(x, eps, t, s):
    """The library's sampler, with a denoiser that believes in this eps."""
    return samplers.ddim(lambda x, t: diffuse.x0_from_eps(x, eps, t), x, t, s).x


def step_by_euler(x, eps, t, s):
    """Euler's rule on x/α, whose slope against σ/α is eps."""
    return s.alpha * (x / t.alpha + (s.ratio - t.ratio) * eps)


def second(line):
    """A step with the right guess and another second line: (x0, eps, x, t, s) -> the new x."""
    return lambda x, eps, t, s: line(guess(x, eps, t), eps, x, t, s)


def end(slip):
    """Where the step of somebody with this slip in the two lines ends."""
    return lambda *step: SLIPS[slip](*step)[1]


def renewed(x0, eps, x, t, s):
    return s.alpha * x0 + s.sigma * ((x - s.alpha * x0) / s.sigma)


def clipped(x0, eps, x, t, s):
    x0 = x0.clamp(-1, 1)
    return s.alpha * x0 + s.sigma * (x - t.alpha * x0) / t.sigma


def floored(x, eps, t, s):
    return ddim_step(x, eps, t._replace(alpha=t.alpha.clamp(min=0.1)), s)


def padded(x, eps, t, s):
    return ddim_step(x, eps, t._replace(alpha=t.alpha + 1e-5), s)


STOP = Level.from_alpha_bar(0.99915)  # the first entry of the scaled-linear table
IN_CODE = [name for name in SLIPS if name not in ("roots to two decimals", "letters swapped")]

in_code(
    "ddim.ddim_step",
    ddim_step,
    probes=between_levels,
    variants=(step_by_library, step_by_euler),
    slips={
        "the last step not taken": lambda x, eps, t, s: ddim_step(x, eps, t, s) if s.sigma else x,
        "does not reach the data": lambda *at: ddim_step(*at[:3], at[3] if at[3].sigma else STOP),
        "eps recomputed on the new level": second(renewed),
        "goes nowhere": lambda x, eps, t, s: ddim_step(x, eps, t, t),
        "levels swapped": lambda x, eps, t, s: ddim_step(x, eps, s, t),
        "fresh noise": lambda x, eps, t, s: (
            s.alpha * guess(x, eps, t) + s.sigma * torch.randn_like(x)
        ),
    }
    | {name: end(name) for name in IN_CODE if name != "noise added"}
    | {
        "plus in the first line": end("noise added"),
        "roots of the letters": lambda x, eps, t, s: ddim_step(x, eps, root(t), root(s)),
        "noise from the circle": second(
            lambda x0, eps, x, t, s: s.alpha * x0 + (1 - s.alpha**2).sqrt() * eps
        ),
        "straight to the guess": second(lambda x0, eps, x, t, s: x0 + s.sigma / t.sigma * (x - x0)),
        "guess clipped": second(lambda x0, eps, x, t, s: s.alpha * x0.clamp(-1, 1) + s.sigma * eps),
        "guess clipped, eps derived anew": second(clipped),
        "alpha kept from 0": floored,
        "a little added to alpha": padded,
    },
    theorems={
        "end": lambda out, x, eps, t, s: (
            (out[0], s.alpha * guess(x, eps, t)) if s.sigma == 0 else None
        ),
        "same noise": lambda out, x, eps, t, s: (
            out[0] - s.sigma * eps,
            s.alpha * guess(x, eps, t),
        ),
    },
)


# --- by hand --------------------------------------------------------------------------------------


def level(alpha_bar):
    return SimpleNamespace(alpha=math.sqrt(alpha_bar), sigma=math.sqrt(1 - alpha_bar))


def walk(x, ladder, eps, lines=two_lines.both):
    """The guesses and the stations of a walk, right or wrong."""
    guesses, stations, levels = [], [], [level(a) for a in ladder]
    for each, t, s in zip(eps, levels, levels[1:], strict=False):
        x0, x = lines(x, each, t, s)
        guesses.append(x0)
        stations.append(x)
    return tuple(guesses), tuple(stations)


guesses = lambda **given: walk(**given)[0]
stations = lambda **given: walk(**given)[1]
all_of_it = lambda **given: sum(walk(**given), ())


def with_slips(asked, *names):
    """What somebody answers who gets one of the two lines wrong."""
    return {name: partial(asked, lines=SLIPS[name]) for name in names}


def even_step(dice):
    ladder = dice.choice(((0.36, 0.64), (0.0784, 0.36), (0.0784, 0.64), (0.36, 0.9216)))
    x = dice.randint(5, 25) / 10
    return {"x": x, "ladder": ladder, "eps": (dice.choice((-1, 1)) * dice.randint(2, 12) / 10,)}


def three_steps(dice):
    # Where α is an even number and σ nearly one, three digits on the way lose nothing that counts.
    ladder = [dice.choice(pair) for pair in ((0.01, 0.04, 0.09), (0.25, 0.36), (0.64, 0.81))]
    x = dice.randint(-20, 20) / 10
    eps = tuple(dice.choice((-1, 1)) * dice.randint(2, 18) / 10 for _ in range(3))
    return {"x": x, "ladder": (*ladder, 1.0), "eps": eps}


THE_WALK = {"x": 2.0, "ladder": (0.01, 0.30, 0.70, 1.0), "eps": (1.8, 1.4, 0.5)}
ONE_STEP = [name for name in SECOND if name not in ("guess not dimmed", "mean of DDPM's step")]

on_paper(
    "ddim.one_step_by_hand",
    all_of_it,
    given={"x": 0.90, "ladder": (0.36, 0.64), "eps": (0.5,)},
    digits=3,
    anew=even_step,
    anew_slack=1.1,
    slips=with_slips(all_of_it, *FIRST, *ONE_STEP, "powers for amplitudes", "letters swapped")
    | {
        "goes nowhere": lambda **g: (*guesses(**g), g["x"]),
        "swapped": lambda **g: all_of_it(**g)[::-1],
        "two decimals": lambda **g: rounded(all_of_it(**g), 2),
    },
)

on_paper(
    "ddim.guesses_by_hand",
    guesses,
    given=THE_WALK,
    digits=3,
    slack=2.5,  # roots rounded to three digits move the last digit by one or two
    anew=three_steps,
    anew_slack=6,
    slips=with_slips(guesses, *FIRST, "powers for amplitudes", "roots to two decimals")
    | with_slips(guesses, "alpha of the old level", "sigma of the old level")
    | {
        "two decimals": (2.2, 2.8, 3.38),
        "walk stops at the guess": partial(guesses, lines=SLIPS["stops at the guess"]),
        "no noise put back": partial(guesses, lines=SLIPS["noise forgotten"]),
        "x never moves": partial(guesses, lines=lambda x, eps, t, s: (guess(x, eps, t), x)),
        "stations": stations,
    },
)

on_paper(
    "ddim.walk_by_hand",
    stations,
    given=THE_WALK,
    digits=3,
    slack=2.5,
    anew=three_steps,
    anew_slack=6,
    slips=with_slips(stations, *FIRST, *SECOND, "powers for amplitudes", "roots to two decimals")
    | {
        "stops before the data": lambda **g: (*stations(**g)[:2], stations(**g)[1]),
        "two decimals": (2.72, 3.12, 3.38),
        "start counted": lambda **g: (g["x"], *stations(**g)[:2]),
        "guesses": guesses,
    },
)


# --- the score ------------------------------------------------------------------------------------


def score_from_eps(eps, t):
    """Uphill in log density is against the noise, the steeper the less noise there is."""
    return -eps / t.sigma


def score_by_library(eps, t):
    """The library's, from a picture (here all zeros) and the x that it makes with this noise."""
    x0 = torch.zeros_like(eps)
    return diffuse.score(diffuse.q_sample(x0, t, eps), x0, t)


def score_by_gradient(eps, t):
    """The slope of log N(x; α x0, σ²) at the x that this noise makes."""
    x = (t.sigma * eps).requires_grad_()
    (slope,) = torch.autograd.grad((-(x**2) / (2 * t.sigma**2)).sum(), x)
    return slope


in_code(
    "ddim.score_from_eps",
    score_from_eps,
    probes=partial(on_levels, many=1),
    variants=(score_by_library, score_by_gradient),
    slips={
        "sign": lambda eps, t: eps / t.sigma,
        "divided by the variance": lambda eps, t: -eps / t.sigma**2,
        "not divided": lambda eps, t: -eps,
        "unchanged": lambda eps, t: eps,
        "divided by alpha": lambda eps, t: -eps / t.alpha,
        "divided by both": lambda eps, t: -eps / (t.alpha * t.sigma),
        "multiplied": lambda eps, t: -t.sigma * eps,
        "over the ratio": lambda eps, t: -eps * t.alpha / t.sigma,
        "root of sigma": lambda eps, t: -eps / t.sigma.sqrt(),
        "sigma from the circle": lambda eps, t: -eps / (1 - t.alpha**2).sqrt(),
        "the DDIM paper's alpha": lambda eps, t: -eps / (1 - t.alpha).sqrt(),
        "half": lambda eps, t: -eps / (2 * t.sigma),
        "log density": lambda eps, t: -(eps**2) / 2,
        "direction only": lambda eps, t: -eps / eps.norm(),
        "a little added to sigma": lambda eps, t: -eps / (t.sigma + 1e-5),
        "sigma kept from 0": lambda eps, t: -eps / t.sigma.clamp(min=0.01),
    },
    theorems={
        "back": lambda out, eps, t: (-t.sigma * out[0], eps),
    },
)


# --- eta ------------------------------------------------------------------------------------------


def ddim_eta_step(x, eps, z, t, s, eta):
    """Of the noise that level s asks for, draw a part anew and keep the rest."""
    var = t.sigma**2 - (t.alpha / s.alpha) ** 2 * s.sigma**2  # what leads from s up to t
    std = eta * var.sqrt() * s.sigma / t.sigma
    x0 = (x - t.sigma * eps) / t.alpha
    return s.alpha * x0 + (s.sigma**2 - std**2).sqrt() * eps + std * z


def eta_probes(generator):
    """η = 0, .4, 1 and between; fresh noise that is not zero; every third way ends at the data."""
    probes = []
    for i, shape in enumerate(LEAVES * 5):
        x, eps, z = bright(i) * normal(3, *shape, generator=generator)
        eta = (0.4, 1.0, 0.7, 0.25, 0.0)[i % 5]
        probes.append((x, eps, z, *pair_of_levels(i, generator, circle=True), eta))
    return probes


def eta_by_library(x, eps, z, t, s, eta):
    """The library's step is affine in its noise: two known draws give its mean and its std."""
    denoise = lambda x, t: diffuse.x0_from_eps(x, eps, t)
    mean, std = metrics.law_of_step(partial(samplers.ddim, eta=eta), denoise, x, t, s)
    return mean + std * z


def eta_as_published(x, eps, z, t, s, eta):
    """Equation 16 of the paper, in its own letters: alpha there is our alpha squared."""
    a, b = float(t.alpha) ** 2, float(s.alpha) ** 2
    std = eta * math.sqrt((1 - b) / (1 - a)) * math.sqrt(1 - a / b)
    x0 = (x - math.sqrt(1 - a) * eps) / math.sqrt(a)
    return math.sqrt(b) * x0 + math.sqrt(max(1 - b - std**2, 0)) * eps + std * z


def eta_with(
    x, eps, z, t, s, eta,
    ratio=lambda t, s: (t.alpha / s.alpha) ** 2,
    std=lambda var, down, eta: eta * var.sqrt() * down,
    keep=lambda s, std: (s.sigma**2 - std**2).sqrt(),
    mix=lambda keep, std, eps, z: keep * eps + std * z,
    dim=lambda x0, t, s: s.alpha * x0,
):  # fmt: skip
    """The step in parts; `down` is σ_s/σ_t."""
    var = (t.sigma**2 - ratio(t, s) * s.sigma**2).clamp(min=0)
    std = std(var, s.sigma / t.sigma, eta)
    return dim(guess(x, eps, t), t, s) + mix(keep(s, std), std, eps, z)


floor = lambda s, std: (s.sigma**2 - std**2).clamp(min=1e-3).sqrt()
own_dice = lambda keep, std, eps, z: keep * eps + std * torch.randn_like(z)

in_code(
    "ddim.ddim_eta_step",
    ddim_eta_step,
    probes=eta_probes,
    variants=(eta_by_library, eta_as_published, eta_with),
    slips={
        "direction keeps the fresh part": partial(eta_with, keep=lambda s, std: s.sigma),
        "direction without the root": partial(eta_with, keep=lambda s, std: s.sigma**2 - std**2),
        "spreads subtracted": partial(eta_with, keep=lambda s, std: s.sigma - std),
        "std not squared": partial(eta_with, keep=lambda s, std: (s.sigma**2 - std).sqrt()),
        "direction is the std": partial(eta_with, keep=lambda s, std: std),
        "direction forgotten": partial(eta_with, mix=lambda keep, std, eps, z: std * z),
        "full re-noising": lambda x, eps, z, t, s, eta: s.alpha * guess(x, eps, t) + s.sigma * z,
        "the larger std": partial(eta_with, std=lambda var, down, eta: eta * var.sqrt()),
        "eta squared": lambda *step: ddim_eta_step(*step[:5], step[5] ** 2),
        "root of eta": lambda *step: ddim_eta_step(*step[:5], step[5] ** 0.5),
        "variance as std": partial(eta_with, mix=lambda keep, std, eps, z: keep * eps + std**2 * z),
        "root forgotten": partial(eta_with, std=lambda var, down, eta: eta * var * down**2),
        "root of v forgotten": partial(eta_with, std=lambda var, down, eta: eta * var * down),
        "ratio upside down": partial(eta_with, std=lambda var, down, eta: eta * var.sqrt() / down),
        "v without the dimming": partial(eta_with, ratio=lambda t, s: 1),
        "v with the ratio not squared": partial(eta_with, ratio=lambda t, s: t.alpha / s.alpha),
        "v with only one alpha squared": partial(eta_with, ratio=lambda t, s: t.alpha / s.alpha**2),
        "eta ignored, no noise": lambda x, eps, z, t, s, eta: ddim_step(x, eps, t, s),
        "eta ignored, all the noise": lambda *step: ddim_eta_step(*step[:5], 1.0),
        "fresh noise forgotten": partial(eta_with, mix=lambda keep, std, eps, z: keep * eps),
        "predicted noise as fresh noise": lambda x, eps, _, *to: ddim_eta_step(x, eps, eps, *to),
        "noises swapped": partial(eta_with, mix=lambda keep, std, eps, z: std * eps + keep * z),
        "z drawn inside": partial(eta_with, mix=own_dice),
        "alpha of the old level": partial(eta_with, dim=lambda x0, t, s: t.alpha * x0),
        "guess not dimmed": partial(eta_with, dim=lambda x0, t, s: x0),
        "guess clipped": partial(eta_with, dim=lambda x0, t, s: s.alpha * x0.clamp(-1, 1)),
        "at least a little of the guessed noise": partial(eta_with, keep=floor),
    },
    theorems={
        "eta 0": lambda out, x, eps, z, t, s, eta: (
            (out[0], ddim_step(x, eps, t, s)) if eta == 0 else None
        ),
        "end": lambda out, x, eps, z, t, s, eta: (
            (out[0], guess(x, eps, t)) if s.sigma == 0 else None
        ),
        "eta 1": lambda out, x, eps, z, t, s, eta: (
            (
                out[0] - samplers.reverse_var(t, s).sqrt() * s.sigma / t.sigma * z,
                posterior_mean(guess(x, eps, t), eps, t, s, x),
            )
            if eta == 1
            else None
        ),
    },
)
