"""Exercises of notebook 10 on clocks: another curve, other times, other letters.

Time 0 is data and 1 is noise. `time` is a tensor of times; a level t has .alpha and .sigma.
"""

import math
from functools import partial
from itertools import pairwise

import torch

from lessons_lib import flow
from lessons_lib.course.exercises.bank import in_code, on_paper, rounded
from lessons_lib.course.exercises.probes import (
    LEAVES,
    bright,
    normal,
    on_levels,
    per_sample,
    repeated,
)
from lessons_lib.levels import rectified

# --- one network on two curves --------------------------------------------------------------------


def to_straight(x, t):
    """The same place on the straight path: x in its scale, and the time there."""
    size = t.alpha + t.sigma
    return x / size, t.sigma / size


def to_straight_by_ratio(x, t):
    """By noise over signal alone: time is r/(1 + r), and x/α shrinks by 1 + r."""
    return x / t.alpha / (1 + t.ratio), t.ratio / (1 + t.ratio)


def placed(x, t, scale=lambda t: t.alpha + t.sigma, clock=lambda t: t.sigma / (t.alpha + t.sigma)):
    """The same in parts."""
    return x / scale(t), clock(t)


angle = lambda t: torch.atan2(t.sigma, t.alpha) * 2 / math.pi

in_code(
    "clocks.to_straight",
    to_straight,
    probes=partial(on_levels, many=1),
    variants=(to_straight_by_ratio, placed),
    slips={
        "clock only": partial(placed, scale=lambda t: 1),
        "scale only": partial(placed, clock=lambda t: t.time),
        "nothing moved": lambda x, t: (x, t.time),
        "sigma is the time": partial(placed, clock=lambda t: t.sigma),
        "ratio is the time": partial(placed, clock=lambda t: t.ratio),
        "share of the power": partial(
            placed, clock=lambda t: t.sigma**2 / (t.alpha**2 + t.sigma**2)
        ),
        "clock reversed": partial(placed, clock=lambda t: t.alpha / (t.alpha + t.sigma)),
        "angle for time": partial(placed, clock=angle),
        "size on the circle": partial(placed, scale=lambda t: torch.hypot(t.alpha, t.sigma)),
        "in full brightness": partial(placed, scale=lambda t: t.alpha),
        "multiplied": partial(placed, scale=lambda t: 1 / (t.alpha + t.sigma)),
        "difference": partial(placed, scale=lambda t: t.alpha - t.sigma),
        "divided by sigma": partial(placed, scale=lambda t: t.sigma),
        "swapped": lambda x, t: to_straight(x, t)[::-1],
    },
    theorems={
        "same mixture": lambda out, x, t: (out[0] / out[1], x / t.sigma),
    },
)

# --- where the loss looks -------------------------------------------------------------------------


def three_weights(alpha, sigma, power=2, over=lambda alpha, sigma: sigma):
    """What an error of x0 costs in eps, in v and in the velocity of the straight path."""
    below = over(alpha, sigma)
    sizes = alpha, alpha**2 + sigma**2, alpha + sigma
    return tuple((size / below) ** power for size in sizes)


def some_level(dice):
    return {"alpha": dice.randint(2, 10) / 10, "sigma": dice.randint(2, 9) / 10}


weighed = lambda **parts: lambda alpha, sigma: three_weights(alpha, sigma, **parts)

on_paper(
    "clocks.weights_by_hand",
    three_weights,
    given={"alpha": 0.6, "sigma": 0.8},
    digits=4,  # .5625 and its like have no third
    anew=some_level,
    slips={
        "not squared": weighed(power=1),
        "upside down": weighed(power=-2),
        "divided by alpha": weighed(over=lambda alpha, sigma: alpha),
        "not divided": weighed(over=lambda alpha, sigma: 1),
        "divided by the variance": weighed(over=lambda alpha, sigma: sigma**2),
        "all the same": lambda alpha, sigma: (1.0, 1.0, 1.0),
        "sigma for alpha": lambda alpha, sigma: (1.0, *three_weights(alpha, sigma)[1:]),
        "v like the flow": lambda alpha, sigma: (
            three_weights(alpha, sigma)[0],
            *[three_weights(alpha, sigma)[2]] * 2,
        ),
        "order turned": lambda alpha, sigma: three_weights(alpha, sigma)[::-1],
        "flow as on the circle": lambda alpha, sigma: (
            *three_weights(alpha, sigma)[:2],
            (1 / sigma) ** 2 + 1,
        ),
        "two decimals": lambda alpha, sigma: rounded(three_weights(alpha, sigma), 2),
    },
)


def logit_normal_time(time, mean, std):
    """Turn even times into Gaussian numbers, and squash those between 0 and 1."""
    return torch.sigmoid(mean + std * torch.special.ndtri(time))


@repeated(12)
def clock_probes(i, generator):
    time = 0.02 + 0.96 * torch.rand(5, generator=generator, dtype=torch.float64)
    if i % 4 == 3:
        time = torch.tensor([1e-4, 0.5, 1 - 1e-4], dtype=torch.float64)
    return time, (0.0, 0.7, -0.6, 0.3)[i % 4], (1.0, 0.5, 1.6, 1.2)[i % 3]


def through_the_library(time, mean, std):
    return flow.logit_normal(rectified, mean, std)(time).time


def by_the_error_function(time, mean, std):
    z = math.sqrt(2) * torch.erfinv(2 * time - 1)
    return 1 / (1 + torch.exp(-mean - std * z))


normals = torch.special.ndtri

in_code(
    "clocks.logit_normal_time",
    logit_normal_time,
    probes=clock_probes,
    variants=(through_the_library, by_the_error_function),
    rtol=1e-6,
    slips={
        "sigmoid of a uniform": lambda time, mean, std: torch.sigmoid(mean + std * time),
        "not squashed": lambda time, mean, std: mean + std * normals(time),
        "cut off": lambda time, mean, std: (mean + std * normals(time)).clamp(0, 1),
        "shifted, then cut off": lambda time, mean, std: (0.5 + mean + std * normals(time)).clamp(
            0, 1
        ),
        "logistic": lambda time, mean, std: torch.sigmoid(mean + std * torch.logit(time)),
        "back again": lambda time, mean, std: torch.special.ndtr(mean + std * normals(time)),
        "mean after squashing": lambda time, mean, std: mean + torch.sigmoid(std * normals(time)),
        "mean forgotten": lambda time, mean, std: torch.sigmoid(std * normals(time)),
        "std forgotten": lambda time, mean, std: torch.sigmoid(mean + normals(time)),
        "variance for std": lambda time, mean, std: torch.sigmoid(mean + std**2 * normals(time)),
        "divided by std": lambda time, mean, std: torch.sigmoid(mean + normals(time) / std),
        "clock reversed": lambda time, mean, std: torch.sigmoid(-mean - std * normals(time)),
        "bracket around the mean": lambda time, mean, std: torch.sigmoid(
            (mean + normals(time)) * std
        ),
        "log-normal": lambda time, mean, std: torch.exp(mean + std * normals(time)),
        "tanh": lambda time, mean, std: torch.tanh(mean + std * normals(time)),
        "fresh draws": lambda time, mean, std: torch.sigmoid(mean + std * torch.randn_like(time)),
    },
    theorems={
        "middle": lambda out, time, mean, std: (
            torch.logit(out[0])[time == 0.5],
            torch.full_like(time[time == 0.5], mean),
        ),
    },
)

# --- other people's clocks ------------------------------------------------------------------------


def shift(by, sigma):
    return by * sigma / (1 + (by - 1) * sigma)


def shifts(by, sigma):
    """A level's sigma after a shift, and after a second one by mistake."""
    return shift(by, sigma), shift(by, shift(by, sigma))


def some_shift(dice):
    return {"by": dice.choice((2, 3, 4, 6)), "sigma": dice.choice((0.1, 0.2, 0.25, 0.5, 0.8))}


on_paper(
    "clocks.shift_by_hand",
    shifts,
    given={"by": 3, "sigma": 0.001},
    digits=4,
    anew=some_shift,
    slips={
        "multiplied only": lambda by, sigma: (by * sigma, by * by * sigma + 0.001),
        "divided": lambda by, sigma: (shift(1 / by, sigma), shift(1 / by / by, sigma)),
        "squared": lambda by, sigma: (shift(by * by, sigma), shift(by**4, sigma)),
        "minus forgotten": lambda by, sigma: (
            by * sigma / (1 + by * sigma) + 0.001,
            shift(by, shift(by, sigma)),
        ),
        "order turned": lambda by, sigma: shifts(by, sigma)[::-1],
        "the same twice": lambda by, sigma: (shift(by, sigma),) * 2,
        "twice as large a shift": lambda by, sigma: (shift(by, sigma), shift(2 * by, sigma)),
        "not shifted": lambda by, sigma: (sigma, shift(by, sigma)),
    },
)


def translated(alpha, n, w, sigma):
    """Letters of four papers in ours: t.alpha, the entry counted from 1, our w, straight time."""
    return math.sqrt(alpha), n + 1, w + 1, sigma / (1 + sigma)


def some_letters(dice):
    alpha = dice.choice((0.36, 0.64, 0.25, 0.81, 0.04))
    n, w = dice.randint(1, 998), dice.choice((0.5, 1, 2, 4, 6.5))
    return {"alpha": alpha, "n": n, "w": w, "sigma": dice.choice((0.25, 1, 3, 4, 9))}


changed = lambda place, value: (
    lambda **given: tuple(
        value(**given) if i == place else each for i, each in enumerate(translated(**given))
    )
)

on_paper(
    "clocks.rosetta_by_hand",
    translated,
    given={"alpha": 0.36, "n": 499, "w": 2.0, "sigma": 3.0},
    digits=2,
    anew=some_letters,
    slips={
        "alpha as it is": changed(0, lambda alpha, **_: alpha),
        "alpha squared": changed(0, lambda alpha, **_: alpha**2),
        "the noise's share": changed(0, lambda alpha, **_: math.sqrt(1 - alpha)),
        "entry as it is": changed(1, lambda n, **_: n),
        "entry counted down": changed(1, lambda n, **_: n - 1),
        "entry from the noise": changed(1, lambda n, **_: 1000 - n),
        "w as it is": changed(2, lambda w, **_: w),
        "w minus one": changed(2, lambda w, **_: w - 1),
        "sigma as it is": changed(3, lambda sigma, **_: sigma),
        "time from the noise": changed(3, lambda sigma, **_: 1 / (1 + sigma)),
        "share of the power": changed(3, lambda sigma, **_: sigma**2 / (1 + sigma**2)),
        "on the circle": changed(3, lambda sigma, **_: sigma / math.sqrt(1 + sigma**2)),
    },
)


def walk_theirs(theirs, x, times):
    """Walk down our ladder, from 1 to 0, with a velocity that counts from the noise to the data."""
    for t, s in zip(times[:-1], times[1:], strict=True):
        x = x + (t - s) * theirs(x, 1 - t)
    return x


def swirl(x, time):
    """A velocity that has learned nothing, but hears x and the time: a number, or one a sample."""
    time = per_sample(torch.as_tensor(time).to(x), x)
    return torch.sin(3 * x) + torch.sin(5 * time + 1) * x


@repeated(12)
def ladder_probes(i, generator):
    """Uneven ladders from 1 to 0, of one step and of more."""
    cuts = 0.1 + torch.rand((3, 1, 4, 2)[i % 4], generator=generator, dtype=torch.float64)
    times = 1 - torch.cat([cuts.new_zeros(1), cuts.cumsum(0) / cuts.sum()])
    times[-1] = 0
    return bright(i) * normal(*LEAVES[i % 4], generator=generator), times


def with_theirs(answer, probe):
    """Call the answer with the stub velocity."""
    return answer(swirl, *probe)


def walked_in_theirs(theirs, x, times):
    """The whole walk in their clock, which runs from 0 to 1."""
    clock = 1 - times
    for i, step in enumerate(clock.diff()):
        x = x + step * theirs(x, clock[i])
    return x


def walked_in_numbers(theirs, x, times):
    """With times as plain numbers, and one for each sample."""
    for t, s in pairwise(times.tolist()):
        x = x + (t - s) * (theirs(x, 1 - t) + theirs(x, torch.full((len(x),), 1 - t))) / 2
    return x


def walk_with(
    theirs, x, times,
    ask=lambda theirs, x, t, s: theirs(x, 1 - t),
    step=lambda x, v, t, s: x + (t - s) * v,
):  # fmt: skip
    """The walk in parts."""
    for t, s in zip(times[:-1], times[1:], strict=True):
        x = step(x, ask(theirs, x, t, s), t, s)
    return x


of_walk = lambda **parts: partial(walk_with, **parts)
even = lambda theirs, x, times: walk_theirs(
    theirs, x, torch.linspace(1, 0, len(times), dtype=times.dtype)
)

in_code(
    "clocks.walk_theirs",
    walk_theirs,
    probes=ladder_probes,
    variants=(walked_in_theirs, walked_in_numbers, walk_with),
    slips={
        "taken as it is": of_walk(
            ask=lambda theirs, x, t, s: theirs(x, t), step=lambda x, v, t, s: x + (s - t) * v
        ),
        "clock turned twice": of_walk(ask=lambda theirs, x, t, s: theirs(x, 1 - (1 - t))),
        "direction forgotten": of_walk(step=lambda x, v, t, s: x + (s - t) * v),
        "asks where it goes": of_walk(ask=lambda theirs, x, t, s: theirs(x, 1 - s)),
        "asks half-way": of_walk(ask=lambda theirs, x, t, s: theirs(x, 1 - (t + s) / 2)),
        "time negative": of_walk(ask=lambda theirs, x, t, s: theirs(x, -t)),
        "in thousandths": of_walk(ask=lambda theirs, x, t, s: theirs(x, 1000 * (1 - t))),
        "step of one": of_walk(step=lambda x, v, t, s: x + v),
        "step counted twice": of_walk(step=lambda x, v, t, s: x + (t - s) ** 2 * v),
        "all the way": of_walk(step=lambda x, v, t, s: x + t * v),
        "velocity as data": of_walk(step=lambda x, v, t, s: (1 - s) * v + s * x),
        "even steps": even,
        "one step": lambda theirs, x, times: x + theirs(x, 1 - times[0]),
        "last step forgotten": lambda theirs, x, times: walk_theirs(theirs, x, times[:-1]),
        "ladder turned": lambda theirs, x, times: walk_theirs(theirs, x, times.flip(0)),
    },
    run=with_theirs,
)
