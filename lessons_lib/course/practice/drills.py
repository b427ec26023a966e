"""The by-hand exercises that can be asked with other numbers: each a formula, and its slips.

A drill stands for an exercise of the same id; its slips bear the names that they have in the
lesson's own bank.
"""

import math
import random
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple


class Drill(NamedTuple):
    """An exercise by hand, for any numbers.

    draw      a random.Random -> the numbers, a dict
    ask       the task, with {names} of the numbers
    line      the formula, for the second hint
    answer    numbers -> the right values
    wrong     (name, numbers -> values, hint), named as in the lesson's own bank
    digits    decimals that are asked for; slack, how far the last digit may be off
    """

    draw: Callable[[random.Random], dict]
    ask: str
    line: str
    answer: Callable
    wrong: tuple
    digits: int
    slack: float = 0.5


# --- 01: the fog ----------------------------------------------------------------------------------


def _beta(dice):
    return {"p": dice.randint(3, 30) / 100, "q": dice.randint(31, 60) / 100}


TWO_STEPS = Drill(
    draw=_beta,
    ask=(
        "Two steps, the first with β = {p}, the second with β = {q}, take x0 to x_2 = a·x0 + b·ε. "
        "Give (a, b), three decimals."
    ),
    line="a = √(1 − β_1) · √(1 − β_2); b² = (1 − β_2) · β_1 + β_2.",
    answer=lambda p, q: (math.sqrt((1 - p) * (1 - q)), math.sqrt(1 - (1 - p) * (1 - q))),
    wrong=(
        (
            "no root",
            lambda p, q: ((1 - p) * (1 - q), 1 - (1 - p) * (1 - q)),
            "These are shares of the *power*; numbers are multiplied by the roots.",
        ),
        (
            "variance for spread",
            lambda p, q: (math.sqrt((1 - p) * (1 - q)), 1 - (1 - p) * (1 - q)),
            "Your a is right. Your b is the variance; ε is multiplied by its root.",
        ),
        (
            "one step only",
            lambda p, q: (math.sqrt(1 - p), math.sqrt(p)),
            "These are the coefficients after the first step: put x_1 into the line for x_2.",
        ),
        (
            "noises added",
            lambda p, q: (math.sqrt((1 - p) * (1 - q)), math.sqrt((1 - q) * p) + math.sqrt(q)),
            "Your a is right. You added two spreads; independent noises add their variances.",
        ),
        (
            "noise not shrunk",
            lambda p, q: (math.sqrt((1 - p) * (1 - q)), math.sqrt(p + q)),
            "Your a is right. The first noise is dimmed by the second step, like the picture.",
        ),
        (
            "swapped",
            lambda p, q: (math.sqrt(1 - (1 - p) * (1 - q)), math.sqrt((1 - p) * (1 - q))),
            "The right numbers in the wrong places: a belongs to x0.",
        ),
    ),
    digits=3,
    slack=1.1,
)


def _left(beta):
    """What is left of the power after each step."""
    kept, left = 1.0, []
    for b in beta:
        kept *= 1 - b
        left.append(kept)
    return tuple(left)


def _summed(beta):
    return tuple(1 - sum(beta[: i + 1]) for i in range(len(beta)))


ALPHA_BARS = Drill(
    draw=lambda dice: {"beta": tuple(sorted(dice.sample([k / 100 for k in range(2, 40)], 4)))},
    ask="β = {beta}. Give ᾱ_1 … ᾱ_4, a tuple of four, four decimals.",
    line="Each step keeps the share 1 − β of the power; shares of shares multiply.",
    answer=_left,
    wrong=(
        (
            "no product",
            lambda beta: tuple(1 - b for b in beta),
            "These are 1 − β, what each step keeps of what it gets. Multiply them up.",
        ),
        (
            "sum",
            _summed,
            "You subtracted one β after the other. Each takes its share of what is *left*.",
        ),
        (
            "roots",
            lambda beta: tuple(map(math.sqrt, _left(beta))),
            "These are √ᾱ, the amplitudes. ᾱ itself is the share of power: no root.",
        ),
        (
            "noise",
            lambda beta: tuple(1 - a for a in _left(beta)),
            "These are 1 − ᾱ, the noise's share of the power.",
        ),
        (
            "starts at one",
            lambda beta: (1.0, *_left(beta)[:-1]),
            "You began with ᾱ_0 = 1. Asked are n = 1 to 4: one entry further.",
        ),
    ),
    digits=4,
)


# --- 02: belief -----------------------------------------------------------------------------------


def _witnesses(dice):
    return {"m": dice.randint(1, 5), "v": dice.choice((0.25, 0.5, 2, 4)), "w": 1}


def _product(m, v, w):
    precision = 1 / w + 1 / v
    return m / v / precision, 1 / precision


GAUSS_PRODUCT = Drill(
    draw=_witnesses,
    ask=(
        "Multiply two densities: mean 0 and variance {w}, mean {m} and variance {v}. Make the area "
        "1 again. Give (mean, variance), three decimals."
    ),
    line="Precisions, 1/variance, add; the mean weighs the two means by their precisions.",
    answer=_product,
    wrong=(
        (
            "sum of two numbers",
            lambda m, v, w: (m, v + w),
            "You added means and variances: that is the law of a *sum* of two random numbers.",
        ),
        (
            "averages",
            lambda m, v, w: (m / 2, (v + w) / 2),
            "You averaged. Two witnesses together are surer than either.",
        ),
        (
            "plain mean",
            lambda m, v, w: (m / 2, _product(m, v, w)[1]),
            "The variance is right. Weigh the means by their precisions.",
        ),
        (
            "weights swapped",
            lambda m, v, w: (m / w / (1 / w + 1 / v), _product(m, v, w)[1]),
            "The variance is right. You weighed each mean by the *other* one's precision.",
        ),
        (
            "precision returned",
            lambda m, v, w: (_product(m, v, w)[0], 1 / w + 1 / v),
            "The mean is right. You gave the precision; the variance is one over it.",
        ),
        (
            "std returned",
            lambda m, v, w: (_product(m, v, w)[0], math.sqrt(_product(m, v, w)[1])),
            "The mean is right. You gave the standard deviation; asked is its square.",
        ),
        (
            "not divided",
            lambda m, v, w: (m / v, _product(m, v, w)[1]),
            "The variance is right. Divide precision times mean by the whole precision.",
        ),
    ),
    digits=3,
    slack=1.1,
)


def _fogged(dice):
    return {
        "x0": dice.randint(-20, 20) / 10,
        "a": dice.choice((0.36, 0.64)),  # both roots come out even
        "eps": dice.randint(2, 15) / 10,
        "guess": dice.randint(-15, 15) / 10,
    }


def _belief(x0, a, eps, guess, taken=None, cost=None, divide=math.sqrt, root=math.sqrt):
    x = root(a) * x0 + root(1 - a) * eps
    taken = root(1 - a) * guess if taken is None else taken
    cost = (guess - eps) ** 2 if cost is None else cost
    return x, cost, (x - taken) / divide(a)


BELIEF_BY_HAND = Drill(
    draw=_fogged,
    ask=(
        "x0 = {x0}, ᾱ = {a}, ε = {eps}. Where is x? The network answers ε̂ = {guess}: what does "
        "that cost, and which x̂0 does it believe in? Give (x, cost, x̂0), four decimals."
    ),
    line="x = √ᾱ · x0 + √(1 − ᾱ) · ε; the cost is (ε̂ − ε)²; x̂0 = (x − √(1 − ᾱ) ε̂)/√ᾱ.",
    answer=_belief,
    wrong=(
        (
            "no roots",
            lambda **g: _belief(**g, root=float, divide=float),
            "You used ᾱ and 1 − ᾱ as they are. They are shares of power; the line has their roots.",
        ),
        (
            "not divided",
            lambda **g: _belief(**g, divide=lambda a: 1),
            "x and the cost are right. x̂0 is still dim: divide by √ᾱ.",
        ),
        (
            "divided by the power",
            lambda **g: _belief(**g, divide=float),
            "x and the cost are right. You divided by ᾱ; divide by its root.",
        ),
        (
            "true noise taken off",
            lambda **g: _belief(**g, taken=math.sqrt(1 - g["a"]) * g["eps"]),
            "x and the cost are right. For x̂0 take off the network's own answer, not the truth.",
        ),
        (
            "noise added",
            lambda **g: _belief(**g, taken=-math.sqrt(1 - g["a"]) * g["guess"]),
            "x and the cost are right. For x̂0 the noise comes off; you added it.",
        ),
        (
            "noise unscaled",
            lambda **g: _belief(**g, taken=g["guess"]),
            "x and the cost are right. For x̂0 you took off all of ε̂; only √(1 − ᾱ) of it is in x.",
        ),
        (
            "error not squared",
            lambda **g: _belief(**g, cost=abs(g["guess"] - g["eps"])),
            "x and x̂0 are right. The cost is the *square* of the error.",
        ),
        (
            "half",
            lambda **g: _belief(**g, cost=(g["guess"] - g["eps"]) ** 2 / 2),
            "x and x̂0 are right. You kept the ½ of the KL; the simple loss drops it.",
        ),
    ),
    digits=4,
)


# --- 03: one step of DDPM -------------------------------------------------------------------------


def _chain(dice):
    beta = tuple(sorted(dice.sample([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4], 3)))
    draw = lambda: dice.choice((-1, 1)) * dice.randint(3, 18) / 10
    return {"beta": beta, "x": draw(), "eps": draw(), "z": draw()}


def _ancestral(beta, x, eps, z, mean=None, std=None):
    *_, before, here = _left(beta)
    b = beta[-1]
    if mean is None:
        mean = (x - b / math.sqrt(1 - here) * eps) / math.sqrt(1 - b)
    return mean + (math.sqrt(b * (1 - before) / (1 - here)) if std is None else std) * z


HAND_STEP = Drill(
    draw=_chain,
    ask=(
        "A chain of three steps, β = {beta}. You stand at x_3 = {x}, the network says ε̂ = {eps}, "
        "the fresh noise is z = {z}. Where is x_2, with the small variance? Three decimals; carry "
        "four on the way."
    ),
    line="mean = (x_3 − β_3/√(1 − ᾱ_3) ε̂)/√(1 − β_3); spread = √(β_3 (1 − ᾱ_2)/(1 − ᾱ_3)).",
    answer=_ancestral,
    wrong=(
        (
            "mean only",
            lambda **g: _ancestral(**g, std=0),
            "That is the mean: the spread times z is still to be added.",
        ),
        (
            "variance as std",
            lambda **g: _ancestral(
                **g, std=g["beta"][-1] * (1 - _left(g["beta"])[1]) / (1 - _left(g["beta"])[2])
            ),
            "You multiplied z by the variance. Take its root first.",
        ),
        (
            "large variance",
            lambda **g: _ancestral(**g, std=math.sqrt(g["beta"][-1])),
            "You used the large variance, β_3; asked is the small one.",
        ),
        (
            "z unscaled",
            lambda **g: _ancestral(**g, std=1),
            "You added z as it is; it is multiplied by the spread.",
        ),
        (
            "eps unscaled",
            lambda **g: _ancestral(**g, mean=(g["x"] - g["eps"]) / math.sqrt(1 - g["beta"][-1])),
            "You took away all of ε̂; one step takes β_3/√(1 − ᾱ_3) of it.",
        ),
        (
            "not brightened",
            lambda **g: _ancestral(
                **g, mean=g["x"] - g["beta"][-1] / math.sqrt(1 - _left(g["beta"])[2]) * g["eps"]
            ),
            "You did not divide by √(1 − β_3): the dimming of this step is still there.",
        ),
    ),
    digits=3,
    slack=1.1,
)


# --- 04: DDIM -------------------------------------------------------------------------------------


class Rung(NamedTuple):
    """A level of plain numbers."""

    alpha: float
    sigma: float


def _rungs(ladder):
    return [Rung(math.sqrt(a), math.sqrt(1 - a)) for a in ladder]


def _guess(x, eps, t):
    return (x - t.sigma * eps) / t.alpha


def _renoise(x0, eps, t, s, x):
    return s.alpha * x0 + s.sigma * eps


def _walk(x, ladder, eps, guess=_guess, renoise=_renoise, rungs=_rungs):
    """The guesses and the stations of a walk, right or wrong."""
    guesses, stations, levels = [], [], rungs(ladder)
    for e, (t, s) in zip(eps, pairwise(levels), strict=True):
        guesses.append(guess(x, e, t))
        x = renoise(guesses[-1], e, t, s, x)
        stations.append(x)
    return tuple(guesses), tuple(stations)


# name -> (what is done differently, what a tutor says)
SLIPS = {
    "powers for amplitudes": (
        {"rungs": lambda ladder: [Rung(a, 1 - a) for a in ladder]},
        "You used ᾱ and 1 − ᾱ as they are. They are powers; the lines have their roots.",
    ),
    "no division": (
        {"guess": lambda x, eps, t: x - t.sigma * eps},
        "In the first line you took the noise off and left the picture dim: divide by α_t.",
    ),
    "divided by the power": (
        {"guess": lambda x, eps, t: (x - t.sigma * eps) / t.alpha**2},
        "In the first line you divided by ᾱ; divide by its root, α_t.",
    ),
    "noise added": (
        {"guess": lambda x, eps, t: (x + t.sigma * eps) / t.alpha},
        "In the first line you added the noise; it comes off.",
    ),
    "only x divided": (
        {"guess": lambda x, eps, t: x / t.alpha - t.sigma * eps},
        "In the first line only x was divided by α_t: a bracket is missing.",
    ),
    "noise unscaled": (
        {"guess": lambda x, eps, t: (x - eps) / t.alpha},
        "In the first line you took off all of ε̂; only σ_t of it is in x.",
    ),
    "alpha of the old level": (
        {"renoise": lambda x0, eps, t, s, x: t.alpha * x0 + s.sigma * eps},
        "The first x̂0 is right. Then you dimmed it by the α that you leave.",
    ),
    "sigma of the old level": (
        {"renoise": lambda x0, eps, t, s, x: s.alpha * x0 + t.sigma * eps},
        "The first x̂0 is right. Then you put back the σ that you leave.",
    ),
    "from x, not from the guess": (
        {"renoise": lambda x0, eps, t, s, x: s.alpha * x + s.sigma * eps},
        "The first x̂0 is right. In the second line you used x, where x̂0 belongs.",
    ),
    "minus in the second line": (
        {"renoise": lambda x0, eps, t, s, x: s.alpha * x0 - s.sigma * eps},
        "The first x̂0 is right. In the second line the noise goes back on, with a plus.",
    ),
}
TWO_LINES = "x̂0 = (x − σ_t ε̂)/α_t, then x = α_s x̂0 + σ_s ε̂; α = √ᾱ and σ = √(1 − ᾱ)."


def _slips(pick, names=tuple(SLIPS)):
    """The mistakes of a walk, with the values that the exercise asks for."""
    rule = lambda changes: lambda **given: pick(_walk(**given, **changes))
    return tuple((name, rule(SLIPS[name][0]), SLIPS[name][1]) for name in names)


def _even_step(dice):
    ladder = dice.choice(((0.36, 0.64), (0.0784, 0.36), (0.0784, 0.64), (0.36, 0.9216)))
    return {
        "x": dice.randint(5, 25) / 10,
        "ladder": ladder,
        "eps": (dice.choice((-1, 1)) * dice.randint(2, 12) / 10,),
    }


def _three_steps(dice):
    # Where α is an even number and σ nearly one, three digits on the way lose nothing that counts.
    ladder = [dice.choice(pair) for pair in ((0.01, 0.04, 0.09), (0.25, 0.36), (0.64, 0.81))]
    return {
        "x": dice.randint(-20, 20) / 10,
        "ladder": (*ladder, 1.0),
        "eps": tuple(dice.choice((-1, 1)) * dice.randint(2, 18) / 10 for _ in range(3)),
    }


ONE_STEP_BY_HAND = Drill(
    draw=_even_step,
    ask=(
        "You stand at x = {x} and go down the ladder ᾱ = {ladder}; the network says ε̂ = {eps}, "
        "η = 0. All roots come out even. Give (x̂0, x), three decimals."
    ),
    line=TWO_LINES,
    answer=lambda **given: (*_walk(**given)[0], *_walk(**given)[1]),
    wrong=_slips(lambda walked: (*walked[0], *walked[1])),
    digits=3,
    slack=1.1,
)
_THREE = (
    "A walk from x = {x} down the ladder ᾱ = {ladder}; on the first three rungs the network "
    "answers ε̂ = {eps}, and η = 0. "
)
GUESSES_BY_HAND = Drill(
    draw=_three_steps,
    ask=_THREE + "What are the three guesses x̂0? A tuple of three, three decimals.",
    line=TWO_LINES,
    answer=lambda **given: _walk(**given)[0],
    wrong=(
        *_slips(lambda walked: walked[0], [n for n in SLIPS if n[:4] not in ("from", "minu")]),
        ("stations", lambda **given: _walk(**given)[1], "These are the three x, not the guesses."),
    ),
    digits=3,
    slack=6,
)
WALK_BY_HAND = Drill(
    draw=_three_steps,
    ask=_THREE + "Where do you stand after each step? A tuple of three, three decimals.",
    line=TWO_LINES,
    answer=lambda **given: _walk(**given)[1],
    wrong=(
        *_slips(lambda walked: walked[1]),
        ("guesses", lambda **given: _walk(**given)[0], "These are the guesses x̂0, not the x."),
    ),
    digits=3,
    slack=6,
)


# --- 05: guidance ---------------------------------------------------------------------------------


def _arrows(dice):
    return {
        "u": dice.randint(-9, 9) / 10,
        "c": dice.randint(-9, 9) / 10,
        "w": tuple(sorted(dice.sample((1.5, 2, 3, 4, 7.5, 10), 3))),
    }


def _blends(rule):
    return lambda u, c, w: tuple(rule(u, c, each) for each in w)


BLEND_BY_HAND = Drill(
    draw=_arrows,
    ask="ε_u = {u}, ε_c = {c}. What is the guided ε̂ at w = {w}? A tuple of three, two decimals.",
    line="ε̂ = ε_u + w (ε_c − ε_u): start at ε_u and go w times the difference.",
    answer=_blends(lambda u, c, w: u + w * (c - u)),
    wrong=(
        (
            "the paper's w",
            _blends(lambda u, c, w: u + (1 + w) * (c - u)),
            "You used the paper's w, which is one less than ours.",
        ),
        (
            "roles swapped",
            _blends(lambda u, c, w: c + w * (u - c)),
            "You started from ε_c and walked towards ε_u and beyond.",
        ),
        (
            "conditional only",
            _blends(lambda u, c, w: w * c),
            "You multiplied ε_c by w. The *difference* is stretched.",
        ),
        (
            "conditional added",
            _blends(lambda u, c, w: u + w * c),
            "You added w · ε_c; w multiplies the difference.",
        ),
        (
            "difference only",
            _blends(lambda u, c, w: w * (c - u)),
            "That is the arrow; it starts at ε_u.",
        ),
        (
            "a sign lost",
            _blends(lambda u, c, w: w * c + (w - 1) * u),
            "A sign was lost with the bracket: w ε_c − (w − 1) ε_u.",
        ),
    ),
    digits=2,
)

DRILLS = {
    "forward.two_steps": TWO_STEPS,
    "forward.alpha_bars": ALPHA_BARS,
    "reverse.gauss_product": GAUSS_PRODUCT,
    "reverse.belief_by_hand": BELIEF_BY_HAND,
    "train.hand_step": HAND_STEP,
    "ddim.one_step_by_hand": ONE_STEP_BY_HAND,
    "ddim.guesses_by_hand": GUESSES_BY_HAND,
    "ddim.walk_by_hand": WALK_BY_HAND,
    "guidance.blend_by_hand": BLEND_BY_HAND,
}
