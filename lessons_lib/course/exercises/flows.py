"""Exercises of notebook 10, flow matching: the straight path, its velocity, and its couplings.

Time 0 is data and 1 is noise, x_t = (1 − t) x0 + t ε, and a velocity is noise minus data. `time` is
a tensor of times, one a sample; t and s are numbers, or a level with .alpha and .sigma.
"""

import math
from functools import partial

import torch
from scipy.optimize import linear_sum_assignment

from lessons_lib import diffuse, flow
from lessons_lib.course.exercises.bank import in_code, on_paper
from lessons_lib.course.exercises.probes import (
    LEAVES,
    SHAPES,
    bright,
    normal,
    on_levels,
    per_sample,
    repeated,
)

# --- path, velocity, step -------------------------------------------------------------------------


def path_and_step(x0, eps, t, s):
    """Where you are, how fast you go, and where one step leads: (x_t, u, x_s)."""
    x, u = (1 - t) * x0 + t * eps, eps - x0
    return x, u, x + (s - t) * u


def told_otherwise(
    path=lambda x0, eps, t: (1 - t) * x0 + t * eps,
    speed=lambda x0, eps, x, t: eps - x0,
    step=lambda x, u, t, s: x + (s - t) * u,
):
    """The same with one of the three lines wrong."""

    def answer(x0, eps, t, s):
        x = path(x0, eps, t)
        u = speed(x0, eps, x, t)
        return x, u, step(x, u, t, s)

    return answer


def even_path(dice):
    t, s = dice.choice(((0.8, 0.3), (0.6, 0.2), (0.9, 0.5), (0.7, 0.1), (0.4, 0.2)))
    x0, eps = dice.choice((-3, -2, 2, 3)), dice.choice((-1.5, -1.0, 0.5, 1.0, 1.5))
    return {"x0": x0, "eps": eps, "t": t, "s": s}


on_paper(
    "flows.step_by_hand",
    path_and_step,
    given={"x0": 2.0, "eps": -1.0, "t": 0.8, "s": 0.3},
    digits=2,
    anew=even_path,
    slips={
        "clock reversed": told_otherwise(path=lambda x0, eps, t: t * x0 + (1 - t) * eps),
        "roots on the path": told_otherwise(
            path=lambda x0, eps, t: math.sqrt(1 - t) * x0 + math.sqrt(t) * eps
        ),
        "on the circle": told_otherwise(
            path=lambda x0, eps, t: math.sqrt(1 - t * t) * x0 + t * eps
        ),
        "data in full": told_otherwise(path=lambda x0, eps, t: x0 + t * eps),
        "data minus noise": told_otherwise(speed=lambda x0, eps, x, t: x0 - eps),
        "towards the data": told_otherwise(speed=lambda x0, eps, x, t: x0 - x),
        "from data to here": told_otherwise(speed=lambda x0, eps, x, t: x - x0),
        "sum for difference": told_otherwise(speed=lambda x0, eps, x, t: eps + x0),
        "the circle's velocity": told_otherwise(speed=lambda x0, eps, x, t: (1 - t) * eps - t * x0),
        "uphill": told_otherwise(step=lambda x, u, t, s: x + (t - s) * u),
        "step of one": told_otherwise(step=lambda x, u, t, s: x - u),
        "all the way": told_otherwise(step=lambda x, u, t, s: x - t * u),
        "step of s": told_otherwise(step=lambda x, u, t, s: x - s * u),
        "step squared": told_otherwise(step=lambda x, u, t, s: x - (t - s) ** 2 * u),
        "stands still": told_otherwise(step=lambda x, u, t, s: x),
    },
)


def flow_step(x, u, t, s):
    """Go with the velocity, for as long as the clock runs from t to s."""
    return x + (s - t) * u


@repeated(14)
def step_probes(i, generator):
    t, s = ((1.0, 0.7), (0.8, 0.3), (0.55, 0.5), (0.3, 0.0), (0.9, 0.05), (1.0, 0.0))[i % 6]
    return *(bright(i) * normal(2, *LEAVES[i % 4], generator=generator)), t, s


def step_by_guesses(x, u, t, s):
    """Guess data and noise from x and u, and mix them anew."""
    x0, eps = x - t * u, x + (1 - t) * u
    return (1 - s) * x0 + s * eps


in_code(
    "flows.flow_step",
    flow_step,
    probes=step_probes,
    variants=(step_by_guesses, lambda x, u, t, s: torch.add(x, u, alpha=s - t)),
    slips={
        "uphill": lambda x, u, t, s: x + (t - s) * u,
        "velocity subtracted uphill": lambda x, u, t, s: x - u,
        "all the way": lambda x, u, t, s: x - t * u,
        "step of s": lambda x, u, t, s: x - s * u,
        "step counted twice": lambda x, u, t, s: x + (s - t) * abs(s - t) * u,
        "not times the step": lambda x, u, t, s: x + u,
        "divided by the step": lambda x, u, t, s: x + u / (s - t),
        "root of the step": lambda x, u, t, s: x - math.sqrt(t - s) * u,
        "half a step": lambda x, u, t, s: x + (s - t) / 2 * u,
        "clocks added": lambda x, u, t, s: x - (t + s) * u,
        "a velocity as the noise": lambda x, u, t, s: (1 - s) * x + s * u,
        "x dimmed too": lambda x, u, t, s: (1 - s) / (1 - t + 1e-9) * x + (s - t) * u,
        "towards u": lambda x, u, t, s: x + (t - s) * (u - x),
        "ratio for time": lambda x, u, t, s: x + (s / (1.001 - s) - t / (1.001 - t)) * u,
        "shaken": lambda x, u, t, s: x + (s - t) * u + math.sqrt(t - s) * torch.randn_like(x),
        "the velocity alone": lambda x, u, t, s: (s - t) * u,
    },
    theorems={
        "end": lambda out, x, u, t, s: (out[0] - s * u, x - t * u),
    },
)

# --- conditional and marginal ---------------------------------------------------------------------


def two_points(
    x, t,
    offset=lambda x, point, t: x - (1 - t) * point,
    log_share=lambda gap, t: -(gap**2) / (2 * t * t),
    speed=lambda x, x0, t: (x - x0) / t,
    weigh=lambda a, b: math.exp(a) / (math.exp(a) + math.exp(b)),
):  # fmt: skip
    """The share of +1 in what x hides, the mean of the data, and the mean velocity, in parts."""
    share = weigh(*(log_share(offset(x, point, t), t) for point in (1, -1)))
    x0 = 2 * share - 1
    return share, x0, speed(x, x0, t)


def two_even_points(dice):
    return {"x": dice.choice((-1, 1)) * dice.randint(2, 8) / 10, "t": dice.choice((0.4, 0.5, 0.6))}


of_points = lambda **parts: lambda x, t: two_points(x, t, **parts)

on_paper(
    "flows.marginal_by_hand",
    two_points,
    given={"x": 0.5, "t": 0.5},
    digits=3,
    slack=1.1,
    anew=two_even_points,
    slips={
        "not weighed": lambda x, t: (0.5, 0.0, x / t),
        "only the nearest": lambda x, t: (1.0, math.copysign(1, x), (x - math.copysign(1, x)) / t),
        "shares swapped": lambda x, t: two_points(-x, t)[:2] + (two_points(x, t)[2],),
        "half forgotten": of_points(log_share=lambda gap, t: -(gap**2) / (t * t)),
        "spread for variance": of_points(log_share=lambda gap, t: -(gap**2) / (2 * t)),
        "divided by nothing": of_points(log_share=lambda gap, t: -(gap**2) / 2),
        "sign of the exponent": of_points(log_share=lambda gap, t: gap**2 / (2 * t * t)),
        "towards the data": of_points(speed=lambda x, x0, t: x0 - x),
        "data minus noise": of_points(speed=lambda x, x0, t: (x0 - x) / t),
        "the noise alone": of_points(speed=lambda x, x0, t: (x - (1 - t) * x0) / t),
        "data not taken off": of_points(speed=lambda x, x0, t: x - x0),
    },
)


def velocity_from_x0(x, x0, t):
    """The noise that x then holds, minus the data."""
    return (x - t.alpha * x0) / t.sigma - x0


def velocity_by_mixing(x, x0, t):
    """From x = α x0 + σ (x0 + u)."""
    return (x - (t.alpha + t.sigma) * x0) / t.sigma


in_code(
    "flows.velocity_from_x0",
    velocity_from_x0,
    probes=on_levels,
    variants=(
        velocity_by_mixing,
        lambda x, x0, t: flow.velocity(lambda x, t: x0)(x, t),
    ),
    slips={
        "data minus noise": lambda x, x0, t: x0 - (x - t.alpha * x0) / t.sigma,
        "noise plus data": lambda x, x0, t: (x - t.alpha * x0) / t.sigma + x0,
        "the noise alone": lambda x, x0, t: (x - t.alpha * x0) / t.sigma,
        "from data to here": lambda x, x0, t: x - x0,
        "towards the data": lambda x, x0, t: x0 - x,
        "on the straight path only": lambda x, x0, t: (x - x0) / t.sigma,
        "noise not divided": lambda x, x0, t: x - t.alpha * x0 - x0,
        "divided by the variance": lambda x, x0, t: (x - t.alpha * x0) / t.sigma**2 - x0,
        "divided by alpha": lambda x, x0, t: (x - t.alpha * x0) / t.alpha - x0,
        "data not dimmed": lambda x, x0, t: (x - x0) / t.sigma - x0,
        "bracket missing": lambda x, x0, t: x - t.alpha * x0 / t.sigma - x0,
        "the circle's v": lambda x, x0, t: t.alpha * (x - t.alpha * x0) / t.sigma - t.sigma * x0,
        "data dimmed again": lambda x, x0, t: (x - t.alpha * x0) / t.sigma - t.alpha * x0,
        "letters swapped": lambda x, x0, t: (x - t.sigma * x0) / t.alpha - x0,
        "sigma from the straight path": lambda x, x0, t: (x - t.alpha * x0) / (1 - t.alpha) - x0,
        "score": lambda x, x0, t: (t.alpha * x0 - x) / t.sigma**2,
        "sigma kept from 0": lambda x, x0, t: (x - t.alpha * x0) / t.sigma.clamp(min=0.01) - x0,
        "a little added to sigma": lambda x, x0, t: (x - t.alpha * x0) / (t.sigma + 1e-5) - x0,
    },
    theorems={
        "back": lambda out, x, x0, t: (diffuse.x0_from_flow(x, out[0], t), x0),
    },
)

# --- the loss -------------------------------------------------------------------------------------


def flow_loss(net, x0, time, eps):
    """Stand on the straight line between data and noise, and guess how fast it is walked."""
    t = time.reshape(-1, *[1] * (x0.ndim - 1))
    x = (1 - t) * x0 + t * eps
    return ((net(x, time) - (eps - x0)) ** 2).mean()


def wavy(x, time):
    """A network that has learned nothing, but hears everything: x and time, one a sample."""
    if time.shape != x.shape[:1]:
        raise ValueError(f"time: shape {tuple(time.shape)} given; need {tuple(x.shape[:1])}")
    return torch.sin(3 * x) + per_sample(torch.cos(5 * time), x) * x


def times_for(shape, generator):
    """One time a sample, from near the data to near the noise."""
    return 0.02 + 0.96 * torch.rand(shape[0], generator=generator, dtype=torch.float64)


@repeated(14)
def loss_probes(i, generator):
    shape = SHAPES[i % len(SHAPES)]
    x0, eps = bright(i) * normal(2, *shape, generator=generator)
    return x0, times_for(shape, generator), eps


def with_net(answer, probe):
    """Call the answer with the stub network."""
    return answer(wavy, *probe)


def loss_by_library(net, x0, time, eps):
    """torch's line between two ends, and its squared error."""
    x = torch.lerp(x0, eps, per_sample(time, x0))
    return torch.nn.functional.mse_loss(net(x, time), eps.sub(x0))


def loss_with(
    net, x0, time, eps,
    shape=per_sample,
    path=lambda x0, eps, t: (1 - t) * x0 + t * eps,
    clock=lambda time: time,
    target=lambda x0, eps, x, t: eps - x0,
    error=lambda gap: (gap**2).mean(),
    noise=lambda eps: eps,
):  # fmt: skip
    """The loss in parts."""
    t = shape(time, x0)
    x = path(x0, noise(eps), t)
    return error(net(x, clock(time)) - target(x0, noise(eps), x, t))


def of_loss(**parts):
    return partial(loss_with, **parts)


def mixed_up(x0, eps, t):
    return t * x0 + (1 - t) * eps


in_code(
    "flows.flow_loss",
    flow_loss,
    probes=loss_probes,
    variants=(loss_with, loss_by_library),
    slips={
        "data minus noise": of_loss(target=lambda x0, eps, x, t: x0 - eps),
        "towards the data": of_loss(target=lambda x0, eps, x, t: x0 - x),
        "target is the noise": of_loss(target=lambda x0, eps, x, t: eps),
        "target is the data": of_loss(target=lambda x0, eps, x, t: x0),
        "the circle's v": of_loss(target=lambda x0, eps, x, t: (1 - t) * eps - t * x0),
        "target times the time": of_loss(target=lambda x0, eps, x, t: t * (eps - x0)),
        "roots on the path": of_loss(path=lambda x0, eps, t: (1 - t).sqrt() * x0 + t.sqrt() * eps),
        "on the circle": of_loss(path=lambda x0, eps, t: (1 - t**2).sqrt() * x0 + t * eps),
        "data in full": of_loss(path=lambda x0, eps, t: x0 + t * eps),
        "path reversed": of_loss(path=mixed_up),
        "the paper's clock": of_loss(path=mixed_up, target=lambda x0, eps, x, t: x0 - eps),
        "clock turned twice": of_loss(path=mixed_up, clock=lambda time: 1 - time),
        "net hears one minus time": of_loss(clock=lambda time: 1 - time),
        "net hears thousandths": of_loss(clock=lambda time: 1000 * time),
        "broadcast along width": of_loss(shape=lambda time, x: time),
        "four axes": of_loss(shape=lambda time, x: time.reshape(-1, 1, 1, 1)),
        "one time for all": of_loss(shape=lambda time, x: time[0]),
        "sum": of_loss(error=lambda gap: (gap**2).sum()),
        "absolute error": of_loss(error=lambda gap: gap.abs().mean()),
        "square of the mean": of_loss(error=lambda gap: gap.mean() ** 2),
        "root": of_loss(error=lambda gap: (gap**2).mean().sqrt()),
        "fresh noise": of_loss(noise=torch.randn_like),
    },
    theorems={
        "one number": lambda out, *probe: (torch.tensor(out[0].numel()), torch.tensor(1)),
    },
    run=with_net,
)

# --- how straight ---------------------------------------------------------------------------------


def two_walkers(a, b, bend=lambda u, chord: (u - chord) ** 2, over=lambda bent, chords: None):
    """Stations of two walkers at times 1, .5 and 0: how bent they are, in all."""
    bent, chords = [], []
    for x, m, y in (a, b):
        chord = x - y
        speeds = (x - m) / 0.5, (m - y) / 0.5
        bent.append(sum(0.5 * bend(u, chord) for u in speeds))
        chords.append(chord**2)
    found = over(bent, chords)
    return sum(bent) / sum(chords) if found is None else found


def some_walkers(dice):
    a = (2.0, dice.choice((1.6, 1.4, 0.8, 0.5)), 0.0)
    b = (1.0, dice.choice((1.5, 1.2, 0.6)), dice.choice((0.9, 1.1, 0.8)))
    return {"a": a, "b": b}


walkers = lambda **parts: lambda a, b: two_walkers(a, b, **parts)

on_paper(
    "flows.straightness_by_hand",
    two_walkers,
    given={"a": (2.0, 1.6, 0.0), "b": (1.0, 1.5, 0.8)},
    digits=2,
    anew=some_walkers,
    slips={
        "mean of ratios": walkers(
            over=lambda bent, chords: sum(k / c for k, c in zip(bent, chords, strict=True)) / 2
        ),
        "not squared": walkers(bend=lambda u, chord: abs(u - chord)),
        "energy": walkers(bend=lambda u, chord: u**2),
        "in all, not the mean of the two": walkers(over=lambda bent, chords: sum(bent)),
        "no chord below": walkers(over=lambda bent, chords: sum(bent) / 2),
        "both halves in full": walkers(over=lambda bent, chords: 2 * sum(bent) / sum(chords)),
        "way for velocity": walkers(bend=lambda u, chord: (u / 2 - chord) ** 2),
        "way against half the chord": walkers(bend=lambda u, chord: (u / 2 - chord / 2) ** 2),
        "only the first walker": walkers(over=lambda bent, chords: bent[0] / chords[0]),
        "root": walkers(over=lambda bent, chords: (sum(bent) / sum(chords)) ** 0.5),
        "chords not squared": walkers(
            over=lambda bent, chords: sum(bent) / sum(c**0.5 for c in chords)
        ),
        "upside down": walkers(over=lambda bent, chords: sum(chords) / sum(bent)),
    },
)


def straightness(stations, times):
    """How far velocities are from the chord's, in squares and over all the clock; over chord²."""
    chord = stations[0] - stations[-1]
    dt = times[:-1] - times[1:]
    u = (stations[:-1] - stations[1:]) / dt[:, None, None]
    bent = (dt * ((u - chord) ** 2).sum(-1).mean(1)).sum()
    return bent / (chord**2).sum(-1).mean()


@repeated(14)
def walk_probes(i, generator):
    """Uneven clocks from 1 to 0, and as many walkers as dimensions or steps among them."""
    steps, walkers, dim = ((2, 3, 2), (3, 3, 3), (4, 2, 2), (5, 4, 3), (2, 2, 2))[i % 5]
    cuts = 0.1 + torch.rand(steps, generator=generator, dtype=torch.float64)
    times = 1 - torch.cat([cuts.new_zeros(1), cuts.cumsum(0) / cuts.sum()])
    times[-1] = 0
    stations = bright(i) * normal(steps + 1, walkers, dim, generator=generator)
    return stations, times


def by_energy(stations, times):
    """What a walk costs beyond its chord: the same, for the chord is the mean velocity."""
    way, dt = stations.diff(dim=0), -times.diff()
    energy = (way.square().sum(-1).mean(1) / dt).sum()
    return energy / (stations[0] - stations[-1]).square().sum(-1).mean() - 1


def bent_with(
    stations, times,
    speed=lambda way, dt: way / dt[:, None, None],
    size=lambda gap: (gap**2).sum(-1),
    weigh=lambda each, dt: (dt[:, None] * each).sum(0),
    chord=lambda stations: stations[0] - stations[-1],
    over=lambda bent, below: bent.mean() / below.mean(),
):  # fmt: skip
    """The same in parts: of every walker its bend and its chord."""
    dt, straight = times[:-1] - times[1:], chord(stations)
    u = speed(stations[:-1] - stations[1:], dt)
    return over(weigh(size(u - straight), dt), size(straight))


of_bend = lambda **parts: partial(bent_with, **parts)


def longer(stations, times):
    """The length of the walk over that of its chord."""
    length = stations.diff(dim=0).norm(dim=-1).sum(0)
    return (length / (stations[0] - stations[-1]).norm(dim=-1)).mean()


in_code(
    "flows.straightness",
    straightness,
    probes=walk_probes,
    variants=(by_energy, bent_with),
    slips={
        "mean of ratios": of_bend(over=lambda bent, below: (bent / below).mean()),
        "steps of one weight": of_bend(weigh=lambda each, dt: each.mean(0)),
        "steps summed": of_bend(weigh=lambda each, dt: each.sum(0)),
        "step counted twice": of_bend(speed=lambda way, dt: way * dt[:, None, None]),
        "way for velocity": of_bend(speed=lambda way, dt: way),
        "divided twice": of_bend(speed=lambda way, dt: way / dt[:, None, None] ** 2),
        "chord turned": of_bend(chord=lambda stations: stations[-1] - stations[0]),
        "chord to the middle": of_bend(chord=lambda stations: stations[0]),
        "not squared": of_bend(size=lambda gap: gap.norm(dim=-1)),
        "absolute coordinates": of_bend(size=lambda gap: gap.abs().sum(-1)),
        "no chord below": of_bend(over=lambda bent, below: bent.mean()),
        "chord not squared": of_bend(over=lambda bent, below: bent.mean() / below.sqrt().mean()),
        "energy": lambda stations, times: by_energy(stations, times) + 1,
        "length over chord": longer,
        "length over chord, minus one": lambda stations, times: longer(stations, times) - 1,
        "root": lambda stations, times: straightness(stations, times).sqrt(),
        "the worst walker": of_bend(over=lambda bent, below: (bent / below).max()),
        "one walker": lambda stations, times: straightness(stations[:, :1], times),
    },
    theorems={
        "energy": lambda out, stations, times: (1 + out[0], 1 + by_energy(stations, times)),
    },
)

# --- reflow ---------------------------------------------------------------------------------------


def reflow_batch(pair, time):
    """Stand on the line between noise and where it walked to; go as fast as that line is long."""
    x0, eps = pair[:, 0], pair[:, 1]
    t = time.reshape(-1, *[1] * (x0.ndim - 1))
    return (1 - t) * x0 + t * eps, eps - x0


@repeated(14)
def pair_probes(i, generator):
    shape = SHAPES[i % len(SHAPES)]
    pair = bright(i) * normal(shape[0], 2, *shape[1:], generator=generator)
    return pair, times_for(shape, generator)


def batch_by_torch(pair, time):
    """torch's line between two ends, and their difference."""
    x0, eps = pair.unbind(1)
    return torch.lerp(x0, eps, per_sample(time, x0)), pair.diff(dim=1)[:, 0]


def batch_with(
    pair, time,
    open=lambda pair: (pair[:, 0], pair[:, 1]),
    shape=per_sample,
    path=lambda x0, eps, t: (1 - t) * x0 + t * eps,
    target=lambda x0, eps, x, t: eps - x0,
):  # fmt: skip
    """The batch in parts."""
    x0, eps = open(pair)
    t = shape(time, x0)
    x = path(x0, eps, t)
    return x, target(x0, eps, x, t)


of_pair = lambda **parts: partial(batch_with, **parts)

in_code(
    "flows.reflow_batch",
    reflow_batch,
    probes=pair_probes,
    variants=(batch_with, batch_by_torch),
    slips={
        "fresh noise": of_pair(open=lambda pair: (pair[:, 0], torch.randn_like(pair[:, 1]))),
        "another's noise": of_pair(open=lambda pair: (pair[:, 0], pair[:, 1].roll(1, 0))),
        "fresh noise on the path only": lambda pair, time: (
            batch_with(torch.stack([pair[:, 0], torch.randn_like(pair[:, 1])], 1), time)[0],
            pair[:, 1] - pair[:, 0],
        ),
        "pair swapped": of_pair(open=lambda pair: (pair[:, 1], pair[:, 0])),
        "data minus noise": of_pair(target=lambda x0, eps, x, t: x0 - eps),
        "towards the data": of_pair(target=lambda x0, eps, x, t: x0 - x),
        "target is the data": of_pair(target=lambda x0, eps, x, t: x0),
        "target is the noise": of_pair(target=lambda x0, eps, x, t: eps),
        "mean of all data": of_pair(target=lambda x0, eps, x, t: eps - x0.mean(0)),
        "roots on the path": of_pair(path=lambda x0, eps, t: (1 - t).sqrt() * x0 + t.sqrt() * eps),
        "path reversed": of_pair(path=mixed_up),
        "broadcast along width": of_pair(shape=lambda time, x: time),
        "one time for all": of_pair(shape=lambda time, x: time[0]),
        "order of the answer": lambda pair, time: batch_with(pair, time)[::-1],
    },
    theorems={
        "on the line": lambda out, pair, time: (
            out[0] - per_sample(time, out[0]) * out[1],
            pair[:, 0],
        ),
    },
)

# --- which noise goes with which data -------------------------------------------------------------


def within_labels(pair, x0, eps, c):
    """Let noise change places within a label only; pair puts a batch's noise in another order."""
    eps = eps.clone()
    for label in c.unique():
        eps[c == label] = pair(x0[c == label], eps[c == label])
    return eps


def with_pairing(answer, probe):
    """Call the answer with the library's pairing."""
    return answer(flow.paired, *probe)


@repeated(12)
def label_probes(i, generator):
    """Batches with two or three labels, of unequal size, out of order."""
    n = (8, 9, 12)[i % 3]
    c = torch.randint(2 + i % 2, (n,), generator=generator)
    c[:3] = torch.tensor([1, 0, 1])
    x0, eps = bright(i) * normal(2, n, 2, generator=generator)
    return x0 + 2 * bright(i) * c[:, None], eps, c


def by_forbidding(pair, x0, eps, c):
    """One assignment, in which other labels cost too much."""
    cost = (x0[:, None] - eps).square().sum(-1)
    cost = cost + 1e9 * (c[:, None] != c)
    return eps[linear_sum_assignment(cost)[1]]


def assigned(cost):
    """Pairing within a label by another cost: (x0, eps) -> (n, n)."""

    def answer(pair, x0, eps, c):
        eps = eps.clone()
        for label in c.unique():
            mine = c == label
            eps[mine] = eps[mine][linear_sum_assignment(cost(x0[mine], eps[mine]))[1]]
        return eps

    return answer


def greedy(pair, x0, eps, c):
    """Each in turn takes the nearest noise of its label that is left."""
    eps = eps.clone()
    for label in c.unique():
        rows = torch.where(c == label)[0]
        left, taken = list(range(len(rows))), []
        for row in rows:
            gap = (x0[row] - eps[rows][left]).square().sum(-1)
            taken.append(left.pop(int(gap.argmin())))
        eps[rows] = eps[rows][taken]
    return eps


def nearest(pair, x0, eps, c):
    """Each takes the nearest noise of its label, whoever has it."""
    cost = (x0[:, None] - eps).square().sum(-1) + 1e9 * (c[:, None] != c)
    return eps[cost.argmin(1)]


def turned_order(pair, x0, eps, c):
    """The inverse order: data sent to noise, where noise was asked for data."""
    order = linear_sum_assignment((x0[:, None] - eps).square().sum(-1) + 1e9 * (c[:, None] != c))[1]
    back = torch.empty(len(order), dtype=torch.long)
    back[torch.from_numpy(order)] = torch.arange(len(order))
    return eps[back]


square = lambda a, b: (a[:, None] - b).square().sum(-1)
first_label = lambda pair, x0, eps, c: torch.where(
    (c == c[0])[:, None], within_labels(pair, x0, eps, c), eps
)

in_code(
    "flows.within_labels",
    within_labels,
    probes=label_probes,
    variants=(by_forbidding, lambda pair, *batch: flow.paired_within(*batch), assigned(square)),
    slips={
        "labels ignored": lambda pair, x0, eps, c: pair(x0, eps),
        "nothing moved": lambda pair, x0, eps, c: eps,
        "label by label, one after the other": lambda pair, x0, eps, c: torch.cat(
            [pair(x0[c == label], eps[c == label]) for label in c.unique()]
        ),
        "data moved": lambda pair, x0, eps, c: within_labels(pair, eps, x0, c),
        "the order turned": turned_order,
        "taken twice": nearest,
        "first come, first served": greedy,
        "farthest": assigned(lambda a, b: -square(a, b)),
        "first coordinate only": assigned(lambda a, b: square(a[:, :1], b[:, :1])),
        "by length": assigned(lambda a, b: (a.norm(dim=1)[:, None] - b.norm(dim=1)).square()),
        "one label only": first_label,
        "by direction": assigned(
            lambda a, b: -torch.nn.functional.cosine_similarity(a[:, None], b[None], dim=-1)
        ),
        "sorted": lambda pair, x0, eps, c: eps.sort(0).values,
    },
    theorems={
        "nothing lost": lambda out, x0, eps, c: (
            torch.stack([out[0][c == k].sum(0) for k in c.unique()]),
            torch.stack([eps[c == k].sum(0) for k in c.unique()]),
        ),
    },
    run=with_pairing,
)
