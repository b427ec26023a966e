"""Exercises of notebook 04, DDIM by hand: the student gets levels, t (from) and s (to).

A level has `.alpha` and `.sigma`, and x_t = t.alpha * x0 + t.sigma * eps; s is nearer to the data.
"""

import math
from types import SimpleNamespace

import torch

from lessons_lib import diffuse, levels, samplers
from lessons_lib.course.exercises import Function, Identity, Value, Wrong
from lessons_lib.course.exercises.forward import normal
from lessons_lib.levels import Level

BACKWARDS = "Which noise must have been there?"
TWO_LINES = "Two lines: guess, then re-noise"
HAND_WALK = "Three steps by hand"
ONE_STEP = "One step by hand"
SAME = "The same noise, the same picture"
STEP_COUNTS = "Three, ten, fifty steps"
LARGE = "Why large steps?"
ETA = "From DDIM to DDPM: η"
SCORE = "The score, and the path that DDIM follows"


# --- what probes and wrong answers share ----------------------------------------------------------

LEAVES = ((4, 4), (3, 3, 3, 3), (2, 7), (5, 1, 2, 4))


def on_circle(generator, low=0.05, high=0.9):
    """A random level that keeps the variance: alpha² + sigma² = 1."""
    share = torch.rand((), generator=generator, dtype=torch.float64)
    return Level.from_alpha_bar(low + (high - low) * share)


def off_circle(generator, low=0.3, high=0.9):
    """A random level of a schedule that does not keep the variance: a straight line, or growing."""
    share = torch.rand((), generator=generator, dtype=torch.float64)
    time = low + (high - low) * share
    if torch.rand((), generator=generator) < 0.5:
        return levels.rectified(time)
    return levels.edm(time, high=4.0)


# Close to noise and close to data, where a floor or a limit set "to be safe" shows; the even ones
# are on the circle.
ENDS = (
    Level.from_alpha_bar(1e-7),
    levels.rectified(0.9995),
    Level.from_alpha_bar(1 - 1e-6),
    levels.edm(0.002 / 80),
    Level.from_alpha_bar(0.9999),
    levels.edm(1.0),
)


def some_level(i, generator):
    """A level on the circle for even i, off it for odd i; from i = 10 on, close to an end."""
    if i >= 10:
        return ENDS[(i - 10) % len(ENDS)]
    return (off_circle if i % 2 else on_circle)(generator)


def bright(i):
    """Every tenth probe is a hundred times as bright: a limit on its values shows."""
    return 100 if i % 10 == 8 else 1


def pair_of_levels(i, generator, circle=False):
    """From t to s: a short way, a long one, and, every third time, all the way to the data.

    From i = 10 on a few ways begin or end close to noise or to the data.
    """
    close = {10: (1e-7, 1e-5), 13: (1e-5, 0.6), 14: (0.6, 1 - 1e-6)}  # ᾱ from, ᾱ to
    close |= {11: (1 - 1e-5, 1 - 1e-7), 12: (1 - 1e-5, 1.0)}
    if i in close:
        return tuple(map(Level.from_alpha_bar, close[i]))
    if i % 2 == 0 or circle:
        t = on_circle(generator, 0.05, 0.4)
        s = Level.from_alpha_bar(1.0) if i % 3 == 0 else on_circle(generator, 0.5, 0.95)
    else:
        schedule = levels.rectified if i % 4 == 1 else lambda time: levels.edm(time, high=4.0)
        t = schedule(0.6 + 0.35 * torch.rand((), generator=generator, dtype=torch.float64))
        s = schedule(0.0 if i % 3 == 0 else 0.2 + 0.35 * float(torch.rand((), generator=generator)))
    return t, s


# --- eps from x0 ----------------------------------------------------------------------------------


def eps_from_x0(x, x0, t):
    """If this was the data, that is the noise."""
    return (x - t.alpha * x0) / t.sigma


def eps_probes(generator):
    """x and x0 of any kind, so that no answer can lean on where they come from."""
    probes = []
    for i, shape in enumerate(LEAVES * 4):
        x, x0 = bright(i) * normal(2, *shape, generator=generator)
        probes.append((x, x0, some_level(i, generator)))
    return probes


def eps_by_ratio(x, x0, t):
    """In the scale of k-diffusion: the noise on x/α has spread σ/α."""
    return (x / t.alpha - x0) / t.ratio


EPS_FROM_X0 = Function(
    id="ddim.eps_from_x0",
    question=(
        "Turn the line round. Write `eps_from_x0(x, x0, t)`: the noise that must be in `x`, if "
        "`x0` was the data. `x` and `x0` are tensors of one shape; `t` is a level with `t.alpha` "
        "and `t.sigma`, and it need not lie on the circle: α² + σ² may be anything."
    ),
    section=BACKWARDS,
    answer=eps_from_x0,
    probes=eps_probes,
    tested=("levels on the circle and off it", "thin fog and thick", "vectors and pictures"),
    hints=(
        "x = α x0 + σ ε has one unknown.",
        "First take the picture away, dimmed as it is in x; what is left is σ ε.",
        "`(x - ... * x0) / t.sigma`.",
    ),
    wrong=(
        Wrong(
            "sign",
            lambda x, x0, t: (t.alpha * x0 - x) / t.sigma,
            "The sign is turned: noise is what x has *more* than the dimmed picture, x − α x0. "
            "(Yours is how far to go to remove it, which is why it feels natural.)",
        ),
        Wrong(
            "no division",
            lambda x, x0, t: x - t.alpha * x0,
            "What is left after the picture is taken away is σ ε, the noise as it went in. ε "
            "itself has spread 1: divide by σ.",
        ),
        Wrong(
            "divided by the variance",
            lambda x, x0, t: (x - t.alpha * x0) / t.sigma**2,
            "You divided by σ². Squares belong to variances; ε went in with σ and comes out so.",
        ),
        Wrong(
            "divided by alpha",
            lambda x, x0, t: (x - t.alpha * x0) / t.alpha,
            "You divided by α, as in the line for x̂0. What is left here is σ ε: divide by σ.",
        ),
        Wrong(
            "x0 not dimmed",
            lambda x, x0, t: (x - x0) / t.sigma,
            "You took away x0 in full brightness. In x the picture is dimmed: take away α x0.",
        ),
        Wrong(
            "bracket missing",
            lambda x, x0, t: x - t.alpha * x0 / t.sigma,
            "Only the picture was divided: Python divides before it subtracts. A bracket is "
            "missing.",
        ),
        Wrong(
            "only x divided",
            lambda x, x0, t: x / t.sigma - t.alpha * x0,
            "Only x was divided. The whole difference, x − α x0, is σ ε.",
        ),
        Wrong(
            "letters swapped",
            lambda x, x0, t: (x - t.sigma * x0) / t.alpha,
            "α and σ have changed places. That is the line that finds the picture from the noise; "
            "here the picture is given and the noise is asked.",
        ),
        Wrong(
            "multiplied",
            lambda x, x0, t: (x - t.alpha * x0) * t.sigma,
            "You multiplied by σ. What is left is σ ε already; divide to get ε.",
        ),
        Wrong(
            "roots of the letters",
            lambda x, x0, t: (x - t.alpha.sqrt() * x0) / t.sigma.sqrt(),
            "You took roots. Papers write √ᾱ, since ᾱ is a power; our α and σ are those roots.",
        ),
        Wrong(
            "the DDIM paper's alpha",
            lambda x, x0, t: (x - t.alpha.sqrt() * x0) / (1 - t.alpha).sqrt(),
            "You used the DDIM paper's √α and √(1 − α). Its α is DDPM's ᾱ, our α *squared*: here "
            "there is no root to take.",
            source="Song et al. 2021 write alpha for Ho et al.'s alpha-bar",
        ),
        Wrong(
            "sigma from the circle",
            lambda x, x0, t: (x - t.alpha * x0) / (1 - t.alpha**2).sqrt(),
            "You computed σ as √(1 − α²). That holds on the circle only; other schedules are not "
            "on it, and `t.sigma` is there for the asking.",
        ),
        Wrong(
            "sigma is one minus alpha",
            lambda x, x0, t: (x - t.alpha * x0) / (1 - t.alpha),
            "You computed σ as 1 − α. That holds on a straight line only, as in flow matching; "
            "use `t.sigma`.",
        ),
        Wrong(
            "alpha squared",
            lambda x, x0, t: (x - t.alpha**2 * x0) / t.sigma,
            "You dimmed x0 by α². That is ᾱ, the power; the picture is multiplied by α.",
        ),
        Wrong(
            "difference of x and x0 over the ratio",
            lambda x, x0, t: (x - x0) / t.ratio,
            "You divided by σ/α, which is right after x was brightened to x/α. You left x dim.",
        ),
        Wrong(
            "a little added to sigma",
            lambda x, x0, t: (x - t.alpha * x0) / (t.sigma + 1e-5),
            "You added a little to σ, to be safe from a division by 0. In thin fog σ is little "
            "itself, and ε comes out too small. There is noise on every level that has an ε.",
        ),
        Wrong(
            "sigma kept from 0",
            lambda x, x0, t: (x - t.alpha * x0) / t.sigma.clamp(min=0.01),
            "You set a floor under σ. The usual tables begin at σ = .01, others at .002: below "
            "your floor ε comes out too small.",
        ),
        Wrong(
            "clamped",
            lambda x, x0, t: eps_from_x0(x, x0, t).clamp(-10, 10),
            "You clamped ε, since noise is seldom beyond ±4. But x and x0 need not belong "
            "together, and a wrong guess x0 must show in its ε.",
        ),
    ),
    variants=(diffuse.eps_from_x0, eps_by_ratio),
    identities=(
        Identity(
            "putting the noise back on the picture gives x again",
            lambda out, x, x0, t: (t.alpha * x0 + t.sigma * out[0], x),
        ),
    ),
)


# --- the DDIM step --------------------------------------------------------------------------------


def ddim_step(x, eps, t, s):
    """Guess the data, then put the guessed noise back on, as much as level s asks for."""
    x0 = (x - t.sigma * eps) / t.alpha
    return s.alpha * x0 + s.sigma * eps


def step_probes(generator):
    """Short and long ways, on the circle and off it, every third one down to the data."""
    probes = []
    for i, shape in enumerate(LEAVES * 4):
        x, eps = bright(i) * normal(2, *shape, generator=generator)
        probes.append((x, eps, *pair_of_levels(i, generator)))
    return probes


def step_by_library(x, eps, t, s):
    """The library's sampler, with a denoiser that believes in this eps."""
    return samplers.ddim(lambda x, t: diffuse.x0_from_eps(x, eps, t), x, t, s).x


def step_by_euler(x, eps, t, s):
    """Euler's rule on x/α, whose slope against σ/α is eps."""
    return s.alpha * (x / t.alpha + (s.ratio - t.ratio) * eps)


def _guess(x, eps, t):
    return (x - t.sigma * eps) / t.alpha


def _walked(guess=_guess, renoise=lambda x0, eps, t, s, x: s.alpha * x0 + s.sigma * eps):
    """A wrong step: guess(x, eps, t) or renoise(x0, eps, t, s, x) is off."""

    def wrong(x, eps, t, s):
        return renoise(guess(x, eps, t), eps, t, s, x)

    wrong.guess = guess
    return wrong


def _renoised(x0, eps, s):
    return s.alpha * x0 + s.sigma * eps


def _rooted(level):
    """The level of one who takes our alpha for a power."""
    return SimpleNamespace(alpha=level.alpha**0.5, sigma=abs(1 - level.alpha) ** 0.5)


def _powers(level):
    """The level of one who forgets both roots."""
    return SimpleNamespace(alpha=level.alpha**2, sigma=level.sigma**2)


def _posterior_mean(x0, eps, t, s, x):
    var = t.sigma**2 - (t.alpha / s.alpha) ** 2 * s.sigma**2
    return (t.alpha / s.alpha * s.sigma**2 * x + s.alpha * var * x0) / t.sigma**2


# Mistakes that make sense in tensors and, carried through a walk by hand, in numbers.
NO_DIVISION = _walked(guess=lambda x, eps, t: x - t.sigma * eps)
ADDED = _walked(guess=lambda x, eps, t: (x + t.sigma * eps) / t.alpha)
ONLY_X = _walked(guess=lambda x, eps, t: x / t.alpha - t.sigma * eps)
ONLY_NOISE = _walked(guess=lambda x, eps, t: x - t.sigma * eps / t.alpha)
BY_POWER = _walked(guess=lambda x, eps, t: (x - t.sigma * eps) / t.alpha**2)
UNSCALED = _walked(guess=lambda x, eps, t: (x - eps) / t.alpha)
VARIANCE_OFF = _walked(guess=lambda x, eps, t: (x - t.sigma**2 * eps) / t.alpha)
OLD_ALPHA = _walked(renoise=lambda x0, eps, t, s, x: t.alpha * x0 + s.sigma * eps)
OLD_SIGMA = _walked(renoise=lambda x0, eps, t, s, x: s.alpha * x0 + t.sigma * eps)
NO_NOISE = _walked(renoise=lambda x0, eps, t, s, x: s.alpha * x0)
GUESS_ONLY = _walked(renoise=lambda x0, eps, t, s, x: x0)
MINUS = _walked(renoise=lambda x0, eps, t, s, x: s.alpha * x0 - s.sigma * eps)
FROM_X = _walked(renoise=lambda x0, eps, t, s, x: s.alpha * x + s.sigma * eps)
NOT_DIMMED = _walked(renoise=lambda x0, eps, t, s, x: x0 + s.sigma * eps)
VARIANCE_ON = _walked(renoise=lambda x0, eps, t, s, x: s.alpha * x0 + s.sigma**2 * eps)
POSTERIOR = _walked(renoise=_posterior_mean)
STRAIGHT = _walked(renoise=lambda x0, eps, t, s, x: x0 + s.sigma / t.sigma * (x - x0))


def _no_roots(x, eps, t, s):
    return ddim_step(x, eps, _powers(t), _powers(s))


_no_roots.guess = lambda x, eps, t: _guess(x, eps, _powers(t))


def _clipped(x, eps, t, s):
    x0 = _guess(x, eps, t).clamp(-1, 1)
    return _renoised(x0, (x - t.alpha * x0) / t.sigma, s)


def _recomputed(x, eps, t, s):
    x0 = _guess(x, eps, t)
    return _renoised(x0, (x - s.alpha * x0) / s.sigma, s)


DDIM_STEP = Function(
    id="ddim.ddim_step",
    question=(
        "Write `ddim_step(x, eps, t, s)`: x stands on level `t`, `eps` is the network's guess of "
        "the noise in it; return x_s on the cleaner level `s`, with η = 0. `x` and `eps` are "
        "tensors of one shape; a level has `.alpha` and `.sigma`, on the circle or off it; at the "
        "last step `s.sigma` is 0. No clipping, no fresh noise."
    ),
    section=TWO_LINES,
    answer=ddim_step,
    probes=step_probes,
    tested=("short and long steps", "the step to the data", "levels on the circle and off it"),
    hints=(
        "Two lines: which clean picture does eps speak of, and how does it look on level s?",
        "x̂0 = (x − σ_t ε̂)/α_t; then x_s = α_s x̂0 + σ_s ε̂, with the *same* ε̂.",
        "`x0 = (x - t.sigma * eps) / t.alpha`; `return s.alpha * x0 + ...`.",
    ),
    wrong=(
        Wrong(
            "the last step not taken",
            lambda x, eps, t, s: x if s.sigma == 0 else ddim_step(x, eps, t, s),
            "At the last level you stay where you are, so a little noise remains. At σ_s = 0 the "
            "two lines just give x̂0: nothing special to do.",
        ),
        Wrong(
            "does not reach the data",
            lambda x, eps, t, s: ddim_step(
                x, eps, t, Level.from_alpha_bar(0.99915) if s.sigma == 0 else s
            ),
            "Your walk ends at ᾱ = .99915, the first entry of the scaled-linear table, and not at "
            "the data, ᾱ = 1. Published latent models do this on purpose; here the last level is "
            "the data.",
            source="diffusers, set_alpha_to_one=False",
        ),
        Wrong(
            "eps recomputed on the new level",
            _recomputed,
            "You recomputed ε from x with α_s and σ_s. But x stands on level t: the two cancel and "
            "you are back at x (and divide by 0 at the last step). Keep the network's ε̂.",
        ),
        Wrong(
            "goes nowhere",
            lambda x, eps, t, s: t.alpha * _guess(x, eps, t) + t.sigma * eps,
            "You end where you began. Guess and re-noising used the *same* level: x̂0 needs t, "
            "where x stands, and the second line needs s, where we go.",
        ),
        Wrong(
            "levels swapped",
            lambda x, eps, t, s: ddim_step(x, eps, s, t),
            "t and s have changed places: that is a step *up*, into the fog, as in inversion.",
        ),
        Wrong(
            "fresh noise",
            lambda x, eps, t, s: _renoised(_guess(x, eps, t), torch.randn_like(x), s),
            "You put *fresh* noise on x̂0. DDIM puts the guessed ε̂ back: no dice, the same step "
            "every time.",
        ),
        Wrong(
            "alpha of the old level",
            OLD_ALPHA,
            "You kept α_t in the second line. x̂0 is a clean picture: dim it as level s asks, α_s.",
        ),
        Wrong(
            "sigma of the old level",
            OLD_SIGMA,
            "You put σ_t of noise back, as much as there was. Level s has less: σ_s.",
        ),
        Wrong(
            "noise forgotten",
            NO_NOISE,
            "You dimmed x̂0 and put no noise back. The network on level s expects some, and x̂0 "
            "is only an average so far.",
        ),
        Wrong(
            "stops at the guess",
            GUESS_ONLY,
            "You returned x̂0: the second line is missing. Early guesses are averages; put the "
            "noise of level s back on and ask again.",
        ),
        Wrong(
            "from x, not from the guess",
            FROM_X,
            "In the second line you used x, which is noisy already, where x̂0 belongs.",
        ),
        Wrong(
            "guess not dimmed",
            NOT_DIMMED,
            "You added noise to x̂0 in full brightness. On level s the picture is dimmed by α_s.",
        ),
        Wrong(
            "minus in the second line",
            MINUS,
            "You took the noise away in the second line too. It comes off once, in the first; "
            "the second puts part of it back.",
        ),
        Wrong(
            "plus in the first line",
            ADDED,
            "You added the noise in the first line. It has to come off before we see the picture.",
        ),
        Wrong(
            "no division",
            NO_DIVISION,
            "In the first line the division by α_t is missing: x̂0 is still dim.",
        ),
        Wrong(
            "divided by the power",
            BY_POWER,
            "You divided by α_t². That is ᾱ, a power; the picture was dimmed by α_t.",
        ),
        Wrong(
            "only x divided",
            ONLY_X,
            "In the first line only x was divided. The division undoes the dimming of the whole "
            "difference: a bracket is missing.",
        ),
        Wrong(
            "only the noise divided",
            ONLY_NOISE,
            "In the first line only the noise was divided: Python divides before it subtracts. A "
            "bracket is missing.",
        ),
        Wrong(
            "noise unscaled",
            UNSCALED,
            "In the first line you took off all of ε̂. Only σ_t of it is in x.",
        ),
        Wrong(
            "variance taken off",
            VARIANCE_OFF,
            "In the first line you took off σ_t² ε̂. A square belongs to a variance; ε is "
            "multiplied by σ itself.",
        ),
        Wrong(
            "variance put on",
            VARIANCE_ON,
            "In the second line you put on σ_s² ε̂; ε is multiplied by σ itself.",
        ),
        Wrong(
            "powers for amplitudes",
            _no_roots,
            "You used ᾱ and 1 − ᾱ, or squared our α and σ. The line has amplitudes: α = √ᾱ.",
        ),
        Wrong(
            "roots of the letters",
            lambda x, eps, t, s: ddim_step(x, eps, _rooted(t), _rooted(s)),
            "You used √α and √(1 − α), as the DDIM paper writes. Its α is DDPM's ᾱ, our α "
            "squared: our letters are the roots already.",
            source="Song et al. 2021 write alpha for Ho et al.'s alpha-bar",
        ),
        Wrong(
            "noise from the circle",
            lambda x, eps, t, s: s.alpha * _guess(x, eps, t) + (1 - s.alpha**2).sqrt() * eps,
            "You computed σ_s as √(1 − α_s²). That holds on the circle only; use `s.sigma`.",
        ),
        Wrong(
            "mean of DDPM's step",
            POSTERIOR,
            "That is the mean of the posterior, DDPM's step without its noise. DDIM puts *all* of "
            "level s's noise back as ε̂; yours is left with too little.",
        ),
        Wrong(
            "straight to the guess",
            STRAIGHT,
            "You walked the straight line from x to x̂0, by the share σ_s/σ_t. That is DDIM where "
            "α is 1 everywhere; here the picture brightens on the way.",
        ),
        Wrong(
            "guess clipped",
            lambda x, eps, t, s: _renoised(_guess(x, eps, t).clamp(-1, 1), eps, s),
            "You clipped x̂0 to [−1, 1], which was not asked (and kept an ε̂ that no longer "
            "belongs to it).",
        ),
        Wrong(
            "guess clipped, eps derived anew",
            _clipped,
            "You clipped x̂0 and derived ε̂ anew. Samplers do, and consistently so; here it was "
            "not asked.",
        ),
        Wrong(
            "alpha kept from 0",
            lambda x, eps, t, s: _renoised((x - t.sigma * eps) / t.alpha.clamp(min=0.1), eps, s),
            "You set a floor under α_t. Near pure noise α is small, and the guess must be as wild "
            "as x and ε̂ say.",
        ),
        Wrong(
            "a little added to alpha",
            lambda x, eps, t, s: _renoised((x - t.sigma * eps) / (t.alpha + 1e-5), eps, s),
            "You added a little to α_t, to be safe from a division by 0. Near pure noise α is "
            "little itself; it is 0 only where no step can start.",
        ),
    ),
    variants=(step_by_library, step_by_euler),
    identities=(
        Identity(
            "at σ_s = 0 the step ends on the guess, dimmed by α_s",
            lambda out, x, eps, t, s: (
                (out[0], s.alpha * _guess(x, eps, t)) if s.sigma == 0 else None
            ),
        ),
        Identity(
            "the new x holds the same noise: taking σ_s ε̂ off leaves α_s x̂0",
            lambda out, x, eps, t, s: (out[0] - s.sigma * eps, s.alpha * _guess(x, eps, t)),
        ),
    ),
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

    def draw(seed):
        return torch.Generator().manual_seed(seed)

    def step(seed):
        denoise = lambda x, t: diffuse.x0_from_eps(x, eps, t)
        return samplers.ddim(denoise, x, t, s, generator=draw(seed), eta=eta).x

    noise = [normal(*x.shape, generator=draw(seed)) for seed in (0, 1)]
    apart = noise[0] - noise[1]
    std = ((step(0) - step(1)) * apart).sum() / (apart**2).sum()
    return step(0) + std * (z - noise[0])


def eta_as_published(x, eps, z, t, s, eta):
    """Equation 16 of the paper, in its own letters: alpha there is our alpha squared."""
    a, b = float(t.alpha) ** 2, float(s.alpha) ** 2
    std = eta * math.sqrt((1 - b) / (1 - a)) * math.sqrt(1 - a / b)
    x0 = (x - math.sqrt(1 - a) * eps) / math.sqrt(a)
    return math.sqrt(b) * x0 + math.sqrt(max(1 - b - std**2, 0)) * eps + std * z


def _small_std(var, t, s, eta):
    return eta * var.sqrt() * s.sigma / t.sigma


def _eta(
    std=_small_std,
    keep=lambda std, s: (s.sigma**2 - std**2).sqrt(),
    add=lambda std: std,
    fresh=lambda z, eps: z,
    guess=lambda x, eps, t, s: s.alpha * _guess(x, eps, t),
):
    """A wrong stochastic step: one of its ingredients is off."""

    def wrong(x, eps, z, t, s, eta):
        var = t.sigma**2 - (t.alpha / s.alpha) ** 2 * s.sigma**2
        spread = std(var, t, s, eta)
        kept = keep(spread, s) * eps
        return guess(x, eps, t, s) + kept + add(spread) * fresh(z, eps)

    return wrong


def _swapped_noises(x, eps, z, t, s, eta):
    x0 = _guess(x, eps, t)
    return ddim_eta_step(t.alpha * x0 + t.sigma * z, z, eps, t, s, eta)


DDIM_ETA_STEP = Function(
    id="ddim.ddim_eta_step",
    question=(
        "Write `ddim_eta_step(x, eps, z, t, s, eta)`: as `ddim_step`, but of the noise of level s "
        "a part is the fresh `z`. With $\\text{var} = \\sigma_t^2 - (\\alpha_t/\\alpha_s)^2 "
        "\\sigma_s^2$, the `reverse_var` of 03, the fresh part has the standard deviation "
        "$\\eta\\sqrt{\\text{var}}\\,\\sigma_s/\\sigma_t$ (η = 0 is DDIM, η = 1 is DDPM with the "
        "small variance); what ε̂ keeps is such that both together make the variance σ_s². `x`, "
        "`eps` and `z` are tensors of one shape. Levels lie on the circle, `eta` is a number "
        "0 ... 1; at the last step `s.sigma` is 0. No clipping."
    ),
    section=ETA,
    answer=ddim_eta_step,
    probes=eta_probes,
    tested=("η = 0, .25, .4, .7 and 1", "the step to the data", "fresh noise that counts"),
    hints=(
        "Level s asks for noise of variance σ_s². How much of it is fresh, how much is left for ε̂?",
        "std = η √var σ_s/σ_t; ε̂ gets √(σ_s² − std²): squares add, spreads do not.",
        "`s.alpha * x0 + (s.sigma**2 - std**2).sqrt() * eps + ...`.",
    ),
    wrong=(
        Wrong(
            "direction keeps the fresh part",
            _eta(keep=lambda std, s: s.sigma),
            "ε̂ keeps all of σ_s, and z comes on top: there is too much noise on level s, and the "
            "network takes too little off. ε̂ gets √(σ_s² − std²).",
        ),
        Wrong(
            "direction without the root",
            _eta(keep=lambda std, s: s.sigma**2 - std**2),
            "ε̂ is multiplied by the variance that is left, σ_s² − std². Its root belongs there.",
        ),
        Wrong(
            "spreads subtracted",
            _eta(keep=lambda std, s: s.sigma - std),
            "You gave ε̂ the rest σ_s − std. Two independent noises add by their *variances*: "
            "√(σ_s² − std²).",
        ),
        Wrong(
            "std not squared",
            _eta(keep=lambda std, s: (s.sigma**2 - std).sqrt()),
            "Under the root you took std from a variance; std has to be squared first.",
        ),
        Wrong(
            "direction is the std",
            _eta(keep=lambda std, s: std),
            "You gave ε̂ the factor std as well. z gets std, ε̂ gets what is left, √(σ_s² − std²).",
            source="a committed course notebook, found in review (CoursIA, pull request 16158)",
        ),
        Wrong(
            "direction forgotten",
            _eta(keep=lambda std, s: 0.0),
            "ε̂ is missing in the last line: only z is put back, too little noise for level s.",
        ),
        Wrong(
            "full re-noising",
            _eta(std=lambda var, t, s, eta: s.sigma),
            "You put σ_s of fresh noise on x̂0 and forgot ε̂. Even η = 1 keeps a part of ε̂.",
        ),
        Wrong(
            "the larger std",
            _eta(std=lambda var, t, s, eta: eta * var.sqrt()),
            "Your std is η √var, DDPM's *large* choice (√β for neighbours). The small one has the "
            "factor σ_s/σ_t; without it, the root can turn negative at the data.",
        ),
        Wrong(
            "eta squared",
            _eta(std=lambda var, t, s, eta: eta * _small_std(var, t, s, eta)),
            "You squared η. It scales the standard deviation, not the variance; η = 0 and 1 cannot "
            "tell the two apart, which is why it is easy to miss.",
        ),
        Wrong(
            "root of eta",
            _eta(std=lambda var, t, s, eta: _small_std(var, t, s, eta**0.5)),
            "You took η for a share of the *variance* and drew its root. It multiplies the "
            "standard deviation as it is.",
        ),
        Wrong(
            "variance as std",
            _eta(add=lambda std: std**2),
            "You multiplied z by std². ε̂'s part is right; noise is multiplied by the standard "
            "deviation.",
        ),
        Wrong(
            "root forgotten",
            _eta(std=lambda var, t, s, eta: eta * var * s.sigma**2 / t.sigma**2),
            "Your std is η var σ_s²/σ_t², the variance of the step back: its root is missing.",
        ),
        Wrong(
            "root of v forgotten",
            _eta(std=lambda var, t, s, eta: eta * var * s.sigma / t.sigma),
            "var is a variance; in the standard deviation stands its root, √var.",
        ),
        Wrong(
            "ratio upside down",
            _eta(std=lambda var, t, s, eta: eta * var.sqrt() * t.sigma / s.sigma),
            "σ_s/σ_t is upside down. The nearer the data, the smaller the fresh part; yours is "
            "infinite there.",
        ),
        Wrong(
            "v without the dimming",
            _eta(
                std=lambda var, t, s, eta: (
                    eta * (t.sigma**2 - s.sigma**2).sqrt() * s.sigma / t.sigma
                )
            ),
            "Your var is σ_t² − σ_s². On the way from s up to t the noise of s is dimmed too, by "
            "(α_t/α_s)².",
        ),
        Wrong(
            "v with the ratio not squared",
            _eta(
                std=lambda var, t, s, eta: (
                    eta
                    * (t.sigma**2 - t.alpha / s.alpha * s.sigma**2).clamp(min=0).sqrt()
                    * s.sigma
                    / t.sigma
                )
            ),
            "In var the ratio α_t/α_s is not squared. σ_s² is a variance, and dimming acts on "
            "variances by its square.",
        ),
        Wrong(
            "v with only one alpha squared",
            _eta(
                std=lambda var, t, s, eta: (
                    eta
                    * (t.sigma**2 - t.alpha / s.alpha**2 * s.sigma**2).clamp(min=0).sqrt()
                    * s.sigma
                    / t.sigma
                )
            ),
            "In var only α_s is squared: Python takes the power first. A bracket is missing around "
            "α_t/α_s.",
        ),
        Wrong(
            "eta ignored, no noise",
            lambda x, eps, z, t, s, eta: ddim_step(x, eps, t, s),
            "η and z are never used: that is plain DDIM, η = 0.",
        ),
        Wrong(
            "eta ignored, all the noise",
            lambda x, eps, z, t, s, eta: ddim_eta_step(x, eps, z, t, s, 1.0),
            "η is never used: that is DDPM, η = 1, always.",
        ),
        Wrong(
            "fresh noise forgotten",
            _eta(add=lambda std: 0 * std),
            "You made room for the fresh noise and did not put it in: too little noise on level s, "
            "and the walk sinks towards the mean.",
            source="diffusers, DDIMScheduler.step with an eta below 0",
        ),
        Wrong(
            "predicted noise as fresh noise",
            _eta(fresh=lambda z, eps: eps),
            "You used ε̂ in both places. The second noise is fresh: z.",
        ),
        Wrong(
            "noises swapped",
            _eta(std=lambda var, t, s, eta: (s.sigma**2 - _small_std(var, t, s, eta) ** 2).sqrt()),
            "ε̂ and z have changed places: at η = 0 nothing of ε̂ would be left. z gets std.",
        ),
        Wrong(
            "z drawn inside",
            _eta(fresh=lambda z, eps: torch.randn_like(z)),
            "You drew new noise inside. Use the z that was handed in, so that a walk can be "
            "repeated.",
        ),
        Wrong(
            "alpha of the old level",
            _eta(guess=lambda x, eps, t, s: t.alpha * _guess(x, eps, t)),
            "You kept α_t for x̂0; level s dims by α_s.",
        ),
        Wrong(
            "guess not dimmed",
            _eta(guess=lambda x, eps, t, s: _guess(x, eps, t)),
            "You left x̂0 in full brightness; level s dims by α_s.",
        ),
        Wrong(
            "guess clipped",
            _eta(guess=lambda x, eps, t, s: s.alpha * _guess(x, eps, t).clamp(-1, 1)),
            "You clipped x̂0 to [−1, 1], which was not asked.",
        ),
        Wrong(
            "at least a little of the guessed noise",
            _eta(keep=lambda std, s: (s.sigma**2 - std**2).clamp(min=1e-3).sqrt()),
            "You set a floor of .001 under the root. It is 0 at the data, where no ε̂ may stay; a "
            "floor that saves the root from rounding is 0 itself.",
        ),
    ),
    variants=(eta_by_library, eta_as_published),
    identities=(
        Identity(
            "η = 0 is DDIM, and z does not count",
            lambda out, x, eps, z, t, s, eta: (
                (out[0], ddim_step(x, eps, t, s)) if eta == 0 else None
            ),
        ),
        Identity(
            "at σ_s = 0 the step ends on x̂0, and z does not count",
            lambda out, x, eps, z, t, s, eta: (out[0], _guess(x, eps, t)) if s.sigma == 0 else None,
        ),
        Identity(
            "at η = 1, without its fresh noise, it is the posterior's mean",
            lambda out, x, eps, z, t, s, eta: (
                (
                    out[0] - samplers.reverse_var(t, s).sqrt() * s.sigma / t.sigma * z,
                    _posterior_mean(_guess(x, eps, t), eps, t, s, x),
                )
                if eta == 1
                else None
            ),
        ),
    ),
)


# --- the score ------------------------------------------------------------------------------------


def score_from_eps(eps, t):
    """Uphill in log density is against the noise, the steeper the less noise there is."""
    return -eps / t.sigma


def score_probes(generator):
    """Levels on the circle and off it; never one where alpha = sigma."""
    return [
        (bright(i) * normal(*shape, generator=generator), some_level(i, generator))
        for i, shape in enumerate(LEAVES * 4)
    ]


def score_by_library(eps, t):
    """The library's, from a picture (here all zeros) and the x that it makes with this noise."""
    x0 = torch.zeros_like(eps)
    return diffuse.score(diffuse.q_sample(x0, t, eps), x0, t)


def score_by_gradient(eps, t):
    """The slope of log N(x; α x0, σ²) at the x that this noise makes."""
    x = (t.sigma * eps).requires_grad_()
    (slope,) = torch.autograd.grad((-(x**2) / (2 * t.sigma**2)).sum(), x)
    return slope


SCORE_FROM_EPS = Function(
    id="ddim.score_from_eps",
    question=(
        "Write `score_from_eps(eps, t)`: the score, the gradient of log p_t(x), that belongs to "
        "the network's guess `eps` on level `t`, which has `.alpha` and `.sigma` and may lie off "
        "the circle. The result is shaped like eps."
    ),
    section=SCORE,
    answer=score_from_eps,
    probes=score_probes,
    tested=("levels on the circle and off it", "vectors and pictures"),
    hints=(
        "Given x0, x is Gaussian around α x0 with spread σ. What is the slope of its logarithm?",
        "The slope is −(x − α x0)/σ², and x − α x0 is σ ε.",
        "`return -eps / ...`.",
    ),
    wrong=(
        Wrong(
            "sign",
            lambda eps, t: eps / t.sigma,
            "The sign is turned. ε points *away* from the data; the score climbs towards it.",
        ),
        Wrong(
            "divided by the variance",
            lambda eps, t: -eps / t.sigma**2,
            "You divided by σ². The Gaussian's slope has σ² below x − α x0, and that is σ ε: one "
            "σ cancels.",
        ),
        Wrong(
            "not divided",
            lambda eps, t: -eps,
            "You only turned the sign. ε has spread 1 on every level; the less noise, the steeper "
            "the density: divide by σ.",
        ),
        Wrong(
            "unchanged",
            lambda eps, t: eps,
            "You returned ε itself. Score and ε point in opposite directions and differ by σ.",
        ),
        Wrong(
            "divided by alpha",
            lambda eps, t: -eps / t.alpha,
            "You divided by α, as in the line for x̂0; the spread of the fog is σ.",
        ),
        Wrong(
            "divided by both",
            lambda eps, t: -eps / (t.alpha * t.sigma),
            "You divided by α as well, as if a picture had to be brightened. The score is a slope, "
            "and how steep the fog's density is depends on σ alone.",
        ),
        Wrong(
            "multiplied",
            lambda eps, t: -t.sigma * eps,
            "You multiplied by σ. In thin fog the density is steep, so the score is large there: "
            "divide.",
        ),
        Wrong(
            "over the ratio",
            lambda eps, t: -eps * t.alpha / t.sigma,
            "You divided by σ/α. That is the score in the scale of k-diffusion, against x/α; "
            "asked is the one against x.",
        ),
        Wrong(
            "root of sigma",
            lambda eps, t: -eps / t.sigma.sqrt(),
            "You took the root of σ. In DDPM's letters the root stands over 1 − ᾱ; σ *is* that "
            "root.",
        ),
        Wrong(
            "sigma from the circle",
            lambda eps, t: -eps / (1 - t.alpha**2).sqrt(),
            "You computed σ as √(1 − α²), which holds on the circle only; use `t.sigma`.",
        ),
        Wrong(
            "the DDIM paper's alpha",
            lambda eps, t: -eps / (1 - t.alpha).sqrt(),
            "You used √(1 − α). In the DDIM paper α is DDPM's ᾱ, our α squared; here it is "
            "`t.sigma`.",
            source="Song et al. 2021 write alpha for Ho et al.'s alpha-bar",
        ),
        Wrong(
            "half",
            lambda eps, t: -eps / (2 * t.sigma),
            "You halved it. The ½ in the exponent meets the 2 of the square's slope and cancels.",
        ),
        Wrong(
            "log density",
            lambda eps, t: -(eps**2) / 2,
            "That is the log density of the noise (up to a constant). The score is its *slope*.",
        ),
        Wrong(
            "direction only",
            lambda eps, t: -eps / eps.norm(),
            "You made it length 1. The score has a length too: it says how steep it is.",
        ),
        Wrong(
            "a little added to sigma",
            lambda eps, t: -eps / (t.sigma + 1e-5),
            "You added a little to σ, to be safe from a division by 0. In thin fog σ is little "
            "itself: the score is steep there, and must be.",
        ),
        Wrong(
            "sigma kept from 0",
            lambda eps, t: -eps / t.sigma.clamp(min=0.01),
            "You set a floor under σ. In thinner fog than that the density is steeper still.",
        ),
    ),
    variants=(score_by_library, score_by_gradient),
    identities=(
        Identity(
            "−σ times the score is the noise again",
            lambda out, eps, t: (-t.sigma * out[0], eps),
        ),
    ),
)


# --- by hand --------------------------------------------------------------------------------------


def _number_level(alpha_bar):
    """A level of plain numbers."""
    return SimpleNamespace(alpha=math.sqrt(alpha_bar), sigma=math.sqrt(1 - alpha_bar))


def _walk(step, x, alpha_bars, answers):
    """The guesses and the stations of a right or wrong walk, to three decimals."""
    ladder, guesses, stations = [_number_level(a) for a in alpha_bars], [], []
    for eps, t, s in zip(answers, ladder, ladder[1:], strict=False):
        guesses.append(round(getattr(step, "guess", _guess)(x, eps, t), 3))
        x = step(x, eps, t, s)
        stations.append(round(x, 3))
    return tuple(guesses), tuple(stations)


_LADDER, _ANSWERS = (0.01, 0.30, 0.70, 1.0), (1.8, 1.4, 0.5)
_THE_WALK = (
    "A walk from x = 2.0 down the ladder ᾱ = .01 → .30 → .70 → 1; on the first three rungs the "
    "network answers ε̂ = 1.8, 1.4, 0.5. "
)


def _guesses(step):
    return _walk(step, 2.0, _LADDER, _ANSWERS)[0]


def _stations(step):
    return _walk(step, 2.0, _LADDER, _ANSWERS)[1]


def _rough(x, eps, t, s):
    """A step of one who rounds each root to two decimals, and nothing else."""
    return ddim_step(x, eps, _two_decimals(t), _two_decimals(s))


def _two_decimals(level):
    return SimpleNamespace(alpha=round(level.alpha, 2), sigma=round(level.sigma, 2))


_rough.guess = lambda x, eps, t: _guess(x, eps, _two_decimals(t))


# Roots rounded to three digits move the last digit by one or two: that much is allowed.
DRIFT = 0.0025

GUESSES_BY_HAND = Value(
    id="ddim.guesses_by_hand",
    question=(
        _THE_WALK + "With η = 0, what are the three guesses x̂0, one on each rung? "
        "`guesses_by_hand` is a tuple of three, three decimals."
    ),
    section=HAND_WALK,
    answer=_guesses(ddim_step),
    tested=("three guesses of the data, to three digits",),
    hints=(
        "A guess needs the x of its own rung: walk, and write x̂0 down each time.",
        "α = √ᾱ and σ = √(1 − ᾱ): .1 and .995, .548 and .837, .837 and .548, 1 and 0.",
        "x̂0 = (2 − .995 · 1.8)/.1 = 2.090; x = .548 · 2.090 + .837 · 1.8; and again.",
    ),
    wrong=(
        Wrong(
            "no division",
            _guesses(NO_DIVISION),
            "You took the noise off and left the picture dim: divide by α, each time.",
        ),
        Wrong(
            "divided by the power",
            _guesses(BY_POWER),
            "You divided by ᾱ. The picture was dimmed by its root, α.",
        ),
        Wrong(
            "powers for amplitudes",
            _guesses(_no_roots),
            "You used ᾱ and 1 − ᾱ as they are. They are powers; the line has their roots.",
        ),
        Wrong(
            "variance taken off",
            _guesses(VARIANCE_OFF),
            "You took off (1 − ᾱ) ε̂, the variance; the noise is on with its root, σ.",
        ),
        Wrong(
            "noise unscaled",
            _guesses(UNSCALED),
            "You took off all of ε̂. Only σ of it is in x.",
        ),
        Wrong(
            "noise added",
            _guesses(ADDED),
            "You added the noise in the first line; it has to come off.",
        ),
        Wrong(
            "only x divided",
            _guesses(ONLY_X),
            "You divided x by α and not the noise: a bracket is missing.",
        ),
        Wrong(
            "only the noise divided",
            _guesses(ONLY_NOISE),
            "You divided the noise by α and not x: take the difference first, then divide.",
        ),
        Wrong(
            "roots to two decimals",
            _guesses(_rough),
            "Your roots have two decimals, and the division by .1 made that slip ten times as "
            "large. Carry four.",
        ),
        Wrong("two decimals", (2.2, 2.8, 3.38), "You rounded to two decimals: carry four."),
        Wrong(
            "walk stops at the guess",
            _guesses(GUESS_ONLY),
            "Your first guess is right; then you walked on from x̂0 itself. Dim it and put noise "
            "back on first: x = α_s x̂0 + σ_s ε̂.",
            TWO_LINES,
        ),
        Wrong(
            "no noise put back",
            _guesses(NO_NOISE),
            "Your first guess is right; then you forgot to put σ_s ε̂ back on.",
            TWO_LINES,
        ),
        Wrong(
            "alpha of the old level",
            _guesses(OLD_ALPHA),
            "Your first guess is right; on the way to the next rung you dimmed with the α you came "
            "from.",
            TWO_LINES,
        ),
        Wrong(
            "sigma of the old level",
            _guesses(OLD_SIGMA),
            "Your first guess is right; on the way to the next rung you put the old σ of noise "
            "back.",
            TWO_LINES,
        ),
        Wrong(
            "x never moves",
            tuple(
                round(_guess(2.0, e, _number_level(a)), 3)
                for a, e in zip(_LADDER, _ANSWERS, strict=False)
            ),
            "You made all three guesses from x = 2.0. After each guess x moves to the next rung.",
        ),
        Wrong(
            "stations",
            _stations(ddim_step),
            "These are the three x. Asked are the guesses x̂0 made on the way.",
        ),
    ),
    tolerance=DRIFT,
)

WALK_BY_HAND = Value(
    id="ddim.walk_by_hand",
    question=(
        _THE_WALK + "With η = 0, where do you stand after each step? `walk_by_hand` is a tuple of "
        "three, three decimals."
    ),
    section=HAND_WALK,
    answer=_stations(ddim_step),
    tested=("three steps, the last one onto the data, to three digits",),
    hints=(
        "Two lines per step, three steps. The second line uses the rung you go *to*.",
        "x̂0 = (x − σ_t ε̂)/α_t, then x = α_s x̂0 + σ_s ε̂; on the last rung α = 1 and σ = 0.",
        "x̂0 = 2.090, x = .548 · 2.090 + .837 · 1.8 = 2.651; then with ε̂ = 1.4; then .5.",
    ),
    wrong=(
        Wrong(
            "stops before the data",
            (*_stations(ddim_step)[:2], _stations(ddim_step)[1]),
            "The last step is missing: from ᾱ = .70 to the data, where α = 1 and σ = 0, x is x̂0.",
        ),
        Wrong(
            "alpha of the old level",
            _stations(OLD_ALPHA),
            "In the second line you kept the α of the rung you came from; dim as the *next* rung "
            "asks.",
            TWO_LINES,
        ),
        Wrong(
            "sigma of the old level",
            _stations(OLD_SIGMA),
            "In the second line you kept the σ of the rung you came from: too much noise.",
            TWO_LINES,
        ),
        Wrong(
            "noise forgotten",
            _stations(NO_NOISE),
            "You put no noise back. x is α_s x̂0 *plus* σ_s ε̂.",
            TWO_LINES,
        ),
        Wrong(
            "stops at the guess",
            _stations(GUESS_ONLY),
            "You walked from guess to guess. Between them x̂0 is dimmed and noise put back on.",
            TWO_LINES,
        ),
        Wrong(
            "from x, not from the guess",
            _stations(FROM_X),
            "In the second line you used x, where x̂0 belongs.",
            TWO_LINES,
        ),
        Wrong(
            "guess not dimmed",
            _stations(NOT_DIMMED),
            "In the second line x̂0 must be dimmed by α of the next rung.",
            TWO_LINES,
        ),
        Wrong(
            "minus in the second line",
            _stations(MINUS),
            "In the second line the noise goes back *on*, with a plus.",
            TWO_LINES,
        ),
        Wrong(
            "variance put on",
            _stations(VARIANCE_ON),
            "In the second line you put on (1 − ᾱ) ε̂; its root, σ, belongs there.",
            TWO_LINES,
        ),
        Wrong(
            "noise added",
            _stations(ADDED),
            "In the first line you added the noise; it has to come off.",
        ),
        Wrong(
            "no division",
            _stations(NO_DIVISION),
            "In the first line the division by α is missing.",
        ),
        Wrong(
            "divided by the power",
            _stations(BY_POWER),
            "In the first line you divided by ᾱ; divide by its root, α.",
        ),
        Wrong(
            "only x divided",
            _stations(ONLY_X),
            "In the first line only x was divided by α: a bracket is missing.",
        ),
        Wrong(
            "only the noise divided",
            _stations(ONLY_NOISE),
            "In the first line only the noise was divided by α: take the difference first.",
        ),
        Wrong(
            "roots to two decimals",
            _stations(_rough),
            "Your roots have two decimals, and the division by .1 made that slip ten times as "
            "large. Carry four.",
        ),
        Wrong("two decimals", (2.72, 3.12, 3.38), "You rounded to two decimals: carry four."),
        Wrong(
            "start counted",
            (2.0, *_stations(ddim_step)[:2]),
            "You began with the start, 2.0. Asked is where you stand *after* each step; the last "
            "is the data.",
        ),
        Wrong(
            "noise unscaled",
            _stations(UNSCALED),
            "In the first line you took off all of ε̂; only σ of it is in x.",
        ),
        Wrong(
            "variance taken off",
            _stations(VARIANCE_OFF),
            "In the first line you took off (1 − ᾱ) ε̂; its root, σ, belongs there.",
        ),
        Wrong(
            "powers for amplitudes",
            _stations(_no_roots),
            "You used ᾱ and 1 − ᾱ as they are. They are powers; the lines have their roots.",
        ),
        Wrong(
            "mean of DDPM's step",
            _stations(POSTERIOR),
            "You took the mean of DDPM's step and left its noise out. DDIM puts all of the next "
            "rung's noise back, as ε̂.",
            TWO_LINES,
        ),
        Wrong(
            "guesses",
            _guesses(ddim_step),
            "These are the three guesses x̂0. Asked is where x stands after each step.",
        ),
    ),
    tolerance=DRIFT,
)


def _once(step):
    guesses, stations = _walk(step, 0.9, (0.36, 0.64), (0.5,))
    return (*guesses, *stations)


ONE_STEP_BY_HAND = Value(
    id="ddim.one_step_by_hand",
    question=(
        "x = .90 on the level ᾱ = .36; the network says ε̂ = .5; we go to ᾱ = .64, η = 0. Give "
        "`one_step_by_hand = (x̂0, x)`, three decimals."
    ),
    section=ONE_STEP,
    answer=_once(ddim_step),
    tested=("x̂0 and x, to three decimals",),
    hints=(
        "All four roots come out even: .6 and .8 where we stand, .8 and .6 where we go.",
        "x̂0 = (.90 − .8 · .5)/.6, then x = .8 x̂0 + .6 · .5.",
        "x̂0 = .5/.6 = .8333; x = .6667 + .3.",
    ),
    wrong=(
        Wrong(
            "powers for amplitudes",
            _once(_no_roots),
            "You used .36 and .64 as they are. They are powers; the lines have their roots.",
        ),
        Wrong(
            "letters swapped",
            (round((0.9 - 0.6 * 0.5) / 0.8, 3), round(0.6 * 0.75 + 0.8 * 0.5, 3)),
            "You used .6 for the noise and .8 for the signal on ᾱ = .36 (and the reverse at the "
            "end). ᾱ is the *signal's* share: α = .6, σ = .8.",
        ),
        Wrong(
            "no division",
            _once(NO_DIVISION),
            "You took the noise off and left the picture dim: divide by .6.",
        ),
        Wrong(
            "divided by the power",
            _once(BY_POWER),
            "You divided by .36, the power; divide by its root, .6.",
        ),
        Wrong("noise added", _once(ADDED), "In the first line the noise comes off: .90 − .40."),
        Wrong(
            "only x divided",
            _once(ONLY_X),
            "You divided only the .90: a bracket is missing around .90 − .40.",
        ),
        Wrong(
            "only the noise divided",
            _once(ONLY_NOISE),
            "You divided only the .40: take the difference .90 − .40 first.",
        ),
        Wrong(
            "noise unscaled",
            _once(UNSCALED),
            "You took off all of ε̂ = .5; only .8 of it is in x.",
        ),
        Wrong(
            "variance taken off",
            _once(VARIANCE_OFF),
            "You took off .64 · .5; the noise is on with its root, .8.",
        ),
        Wrong(
            "alpha of the old level",
            _once(OLD_ALPHA),
            "x̂0 is right. For x you dimmed it by .6, the level we leave; .8 is where we go.",
            TWO_LINES,
        ),
        Wrong(
            "sigma of the old level",
            _once(OLD_SIGMA),
            "x̂0 is right. For x you put .8 of noise back; the next level has .6.",
            TWO_LINES,
        ),
        Wrong(
            "goes nowhere",
            (0.833, 0.9),
            "x̂0 is right. With the level we leave in both lines you are back at .90; the second "
            "line needs the level we go to.",
            TWO_LINES,
        ),
        Wrong(
            "noise forgotten",
            _once(NO_NOISE),
            "x̂0 is right. For x, .6 · .5 of noise goes back on.",
            TWO_LINES,
        ),
        Wrong(
            "stops at the guess",
            _once(GUESS_ONLY),
            "x̂0 is right, and you gave it twice. x still holds the noise of its level.",
            TWO_LINES,
        ),
        Wrong(
            "from x, not from the guess",
            _once(FROM_X),
            "x̂0 is right. In the second line you used .90, where x̂0 belongs.",
            TWO_LINES,
        ),
        Wrong(
            "minus in the second line",
            _once(MINUS),
            "x̂0 is right. In the second line the noise goes back on, with a plus.",
            TWO_LINES,
        ),
        Wrong(
            "variance put on",
            _once(VARIANCE_ON),
            "x̂0 is right. In the second line you put on .36 · .5; its root, .6, belongs there.",
            TWO_LINES,
        ),
        Wrong("swapped", (0.967, 0.833), "The right numbers in the wrong order: x̂0 first."),
        Wrong("two decimals", (0.83, 0.97), "Right, but to two decimals; three are asked."),
    ),
    tolerance=0.0005,
)


# --- in words -------------------------------------------------------------------------------------

WHY_LARGE_STEPS = Value(
    id="ddim.why_large_steps",
    question=(
        "Why may DDIM (η = 0) take large steps? (a) Its sampling chain is non-Markovian. (b) DDPM "
        "cannot skip a step, DDIM can. (c) It follows a smooth path, an ODE, without adding "
        "noise: the error of a step shrinks with its size, and whether that beats DDPM at few "
        "steps has to be measured. (d) It uses another network, trained for large steps. (e) x̂0 "
        "is right from the start, so the size of a step does not matter. `why_large_steps` is one "
        "letter."
    ),
    section=LARGE,
    answer="c",
    tested=("a smooth path with an error of first order, and a claim to be measured",),
    hints=(
        "Which of the five would still be true of DDPM? That one is no reason.",
        "Both may skip, since the posterior exists for any two levels, and both ask one network.",
        "What is special at η = 0: no noise is added, so the walk approximates a curve.",
    ),
    wrong=(
        Wrong(
            "non-Markovian",
            "a",
            "The textbook's sentence. Non-Markovian is the *forward family* that DDIM inverts; the "
            "η = 0 chain is a map from each x to the next. And a property of the forward process "
            "does not say how large an error a step makes.",
        ),
        Wrong(
            "DDPM cannot skip",
            "b",
            "DDPM may skip too: q(x_s | x_t, x0) exists for every s < t. With many strides it only "
            "approximates a broad law by one Gaussian, which is another source of error.",
        ),
        Wrong(
            "another network",
            "d",
            "The network is the very same, trained with the same loss. Only the sampler differs.",
            TWO_LINES,
        ),
        Wrong(
            "the guess is right at once",
            "e",
            "Early guesses are averages over everything the fog could hide. If they were right at "
            "once, one step would do; the walk lets them improve.",
            TWO_LINES,
        ),
    ),
)

SAME_SEED = Value(
    id="ddim.same_seed",
    question=(
        "From one and the same x_T you walk with η = 0 twice in 50 steps, and once in 10 steps. "
        "(a) All three pictures are identical. (b) The two long walks give the same picture, the "
        "short one a similar one. (c) All three differ, since sampling is random. (d) The two long "
        "walks agree, the short one gives an unrelated picture. (e) The two long walks differ "
        "slightly, the short one strongly. `same_seed` is one letter."
    ),
    section=SAME,
    answer="b",
    tested=("no fresh noise, so repeatable; fewer steps follow the same path more coarsely",),
    hints=(
        "Where does chance come in when η = 0?",
        "Only in x_T. After that each step is a formula: twice the same is the same.",
        "10 steps and 50 steps follow one curve, one of them more coarsely.",
    ),
    wrong=(
        Wrong(
            "all identical",
            "a",
            "Ten steps follow the same path, but more coarsely: the end is near, not the same. It "
            "would be the same only if the path had no bends.",
            STEP_COUNTS,
        ),
        Wrong(
            "all differ",
            "c",
            "That is DDPM, η = 1. At η = 0 nothing is drawn after x_T: two walks are equal to the "
            "last digit.",
        ),
        Wrong(
            "unrelated",
            "d",
            "Both walks start at the same x_T and follow the same curve, so they arrive close to "
            "each other. Another x_T would give another picture.",
        ),
        Wrong(
            "slightly different",
            "e",
            "Nothing random is left between the two long walks: same x_T, same levels, same "
            "formula, same picture (on the same machine).",
        ),
    ),
)

EXERCISES = [
    EPS_FROM_X0,
    DDIM_STEP,
    GUESSES_BY_HAND,
    WALK_BY_HAND,
    ONE_STEP_BY_HAND,
    SAME_SEED,
    WHY_LARGE_STEPS,
    SCORE_FROM_EPS,
    DDIM_ETA_STEP,
]
