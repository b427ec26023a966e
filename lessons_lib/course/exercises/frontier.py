"""Exercises of notebook 06, latency and quality: count, compare, and take better steps.

An *evaluation* is the network run on one picture once. Levels are as in 04: x_t = t.alpha * x0 +
t.sigma * eps; t is where we stand, s is where we go, and lam = log(alpha / sigma).
"""

import math
from functools import partial
from itertools import pairwise

import torch

from lessons_lib import diffuse, levels, samplers, solvers
from lessons_lib.course.exercises.bank import in_code, on_paper
from lessons_lib.course.exercises.probes import LEAVES, bright, normal, pair_of_levels, repeated
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.wrap import cfg, counted, given

# --- what one picture costs -----------------------------------------------------------------------


def evaluations(steps, looks, guided, batched):
    """How often the network is called, and how often it is run on one picture."""
    asked = looks * (steps - 1) + 1
    per_picture = 2 * asked if guided else asked
    calls = asked if batched else per_picture
    return calls, per_picture


def evaluation_probes(generator):
    """One look or two, guided or not, batched or not, random numbers of steps; one step too."""
    cases = [(k, g, b) for k in (1, 2) for g in (True, False) for b in (True, False)] * 2
    steps = (2 + torch.randint(0, 60, (len(cases),), generator=generator)).tolist()
    probes = [(n, k, g, b) for (k, g, b), n in zip(cases, steps, strict=True)]
    return [*probes, (1, 2, True, False), (1, 1, True, True)]


def evaluations_by_counting(steps, looks, guided, batched):
    """Really walk, one picture, with a denoiser that counts."""
    two = MixtureDenoiser([[-1.0], [1.0]], [0.5, 0.5], label=[0, 1])
    asked, c = counted(two), torch.tensor(1)
    denoise = cfg(asked, c, 3.0, batched) if guided else given(asked, c)
    step = solvers.heun if looks == 2 else samplers.ddim
    grid = levels.grid(levels.cosine, steps, start=0.98)
    samplers.sample(step, denoise, torch.zeros(1, 1, dtype=torch.float64), grid)
    return asked.calls, asked.samples


calls_a_look = lambda g, b: 2 if g and not b else 1
runs_a_look = lambda g, b: 2 if g else 1


def by_look(n, k, g, b, asked=lambda n, k: k * (n - 1) + 1, calls=calls_a_look, runs=runs_a_look):
    """How often a walk of n steps with k looks asks, times what it costs: guided? batched?"""
    return tuple(asked(n, k) * each(g, b) for each in (calls, runs))


in_code(
    "frontier.evaluations",
    evaluations,
    probes=evaluation_probes,
    variants=(evaluations_by_counting, by_look),
    slips={
        "guidance forgotten": lambda n, k, g, b: evaluations(n, k, False, b),
        "always guided": lambda n, k, g, b: evaluations(n, k, True, b),
        "batching ignored": lambda n, k, g, b: evaluations(n, k, g, False),
        "swapped": lambda n, k, g, b: evaluations(n, k, g, b)[::-1],
        "batching saves work": partial(by_look, runs=calls_a_look),
        "batched the wrong way round": partial(by_look, calls=lambda g, b: 2 if g and b else 1),
        "batching halves every walk": partial(by_look, calls=lambda g, b: (1 + g) / (1 + b)),
        "Heun looks twice everywhere": partial(by_look, asked=lambda n, k: k * n),
        "second look forgotten": partial(by_look, asked=lambda n, k: n),
        "one less for everyone": partial(by_look, asked=lambda n, k: k * n - 1),
        "last step free": partial(by_look, asked=lambda n, k: k * (n - 1)),
        "levels": partial(by_look, asked=lambda n, k: k * (n - 1) + 2),
        "guidance adds one": lambda n, k, g, b: (k * n - k + 1 + (g and not b), k * n - k + 1 + g),
    },
    theorems={
        "no guidance": lambda out, n, k, g, b: None if g else tuple(out[0].double()),
    },
)

on_paper(
    "frontier.calls_by_hand",
    (1000, 2 * 50, 2 * 18 - 1, 2 * 20),
    digits=0,
    slack=0.2,
    slips={
        "steps": (1000, 50, 18, 20),
        "guidance forgotten": (1000, 50, 2 * 18 - 1, 20),
        "Heun forgotten": (1000, 2 * 50, 18, 2 * 20),
        "Heun's last step": (1000, 2 * 50, 2 * 18, 2 * 20),
        "2M twice": (1000, 2 * 50, 2 * 18 - 1, 2 * (2 * 20 - 1)),
        "levels": (1001, 2 * 51, 2 * 18, 2 * 21),
        "all doubled": (2 * 1000, 2 * 50, 2 * (2 * 18 - 1), 2 * 20),
    },
)


def cost_per_picture(seconds, steps, batch, guided):
    """Seconds for one picture, when one run of the network on a batch takes so many seconds."""
    runs = 2 * steps if guided else steps
    return seconds * runs / batch


@repeated(14)
def cost_probes(i, generator):
    """Batches of one and many, guided and not, from a microsecond to minutes."""
    seconds = 0.002 + float(torch.rand((), generator=generator))
    seconds *= {4: 1e-5, 7: 100.0}.get(i, 1.0)
    steps = 3 + int(torch.randint(0, 60, (), generator=generator))
    batch = 1 if i % 5 == 0 else 2 + int(torch.randint(0, 40, (), generator=generator))
    return seconds, steps, batch, i % 2 == 0


cost_by_throughput = lambda s, n, b, g: 1 / (b / (s * n * (1 + g)))
cost_by_adding = lambda s, n, b, g: torch.tensor([s] * n * (1 + g), dtype=torch.float64).sum() / b

in_code(
    "frontier.cost_per_picture",
    cost_per_picture,
    probes=cost_probes,
    variants=(cost_by_throughput, cost_by_adding),
    slips={
        "whole batch": lambda s, n, b, g: s * n * (1 + g),
        "times the batch": lambda s, n, b, g: s * n * (1 + g) * b,
        "guidance forgotten": lambda s, n, b, g: s * n / b,
        "always guided": lambda s, n, b, g: s * n * 2 / b,
        "guidance halves the batch's share": lambda s, n, b, g: s * n / (b * (1 + g)),
        "one step": lambda s, n, b, g: s * (1 + g) / b,
        "pictures per second": lambda s, n, b, g: b / (s * n * (1 + g)),
        "milliseconds": lambda s, n, b, g: 1000 * s * n * (1 + g) / b,
        "one more": lambda s, n, b, g: s * (n * (1 + g) + 1) / b,
        "root of the batch": lambda s, n, b, g: s * n * (1 + g) / b**0.5,
        "guidance adds one run": lambda s, n, b, g: s * (n + g) / b,
    },
)

on_paper(
    "frontier.speedup",
    (1000 / 50, (12 / 16) / (1.5 / 4)),
    digits=2,
    slips={
        "whole batches": (1000 / 50, 12 / 1.5),
        "guidance forgotten": (1000 / 25, (12 / 16) / (1.5 / 4)),
        "both": (1000 / 25, 12 / 1.5),
        "seconds follow evaluations": (1000 / 50, 1000 / 50),
        "upside down": (50 / 1000, (1.5 / 4) / (12 / 16)),
        "per evaluation": (1000 / 50, (12 / 16 / 1000) / (1.5 / 4 / 50)),
        "batch multiplied": (1000 / 50, (12 * 16) / (1.5 * 4)),
        "swapped": ((12 / 16) / (1.5 / 4), 1000 / 50),
    },
)

on_paper(
    "frontier.fixed_costs",
    lambda net, once, less: (1 / (net / less + once), 1 / once),
    given={"net": 0.9, "once": 0.1, "less": 50 / 5},  # 1.0 s in all
    digits=2,
    slack=0.6,
    slips={
        "everything shrinks": lambda net, once, less: (less, 1 / once),
        "one evaluation": lambda net, once, less: (1 / (net / less + once), 50),
        "share of the network": lambda net, once, less: (net * less, 1 / once),
        "fixed part forgotten": lambda net, once, less: (1 / (net / less), 1 / once),
        "saved time": lambda net, once, less: (net - net / less, net),
        "new time": lambda net, once, less: (net / less + once, once),
        "network's limit": lambda net, once, less: (1 / (net / less + once), 1 / net),
        "swapped": lambda net, once, less: (1 / once, 1 / (net / less + once)),
    },
)


# --- the frontier ---------------------------------------------------------------------------------


def pareto(cost, error):
    """Which systems are on the frontier: no other one is as good in both and better in one."""
    as_good = (cost[:, None] <= cost) & (error[:, None] <= error)  # (N, N): is row i as good as j?
    better = (cost[:, None] < cost) | (error[:, None] < error)
    return ~(as_good & better).any(dim=0)


@repeated(14)
def pareto_probes(i, generator):
    """Small whole numbers, so that costs, errors and whole systems coincide; never sorted."""
    N = (1, 4, 6, 9, 12, 15, 20)[i % 7]
    cost, error = torch.randint(1, 9, (2, N), generator=generator).double()
    must = torch.tensor([[3, 3, 5, 2, 2, 10, 14, 16], [4, 4, 4, 7, 9, 3, 1, 6]]).double()
    order = torch.randperm(N + 8 if N > 1 else 1, generator=generator)
    if N > 1:  # twins, a tie in cost, a tie in error, a dent
        cost, error = torch.cat([cost + 2, must[0]]), torch.cat([error + 4, must[1]])
    size = {4: 1e-6, 6: 1e6}.get(i, 1.0)  # a frontier has no units
    return size * cost[order], error[order] / size


def pareto_by_loops(cost, error):
    """Every system against every other."""
    pairs = list(zip(cost.tolist(), error.tolist(), strict=True))
    beaten = lambda b: any(a != b and a[0] <= b[0] and a[1] <= b[1] for a in pairs)
    return torch.tensor([not beaten(pair) for pair in pairs])


def pareto_by_cost(cost, error):
    """Better than everyone cheaper, and nobody of the same cost is better."""
    cheaper, alike = (lambda i: error[cost < cost[i]]), (lambda i: error[cost == cost[i]])
    on = lambda i: (error[i] < cheaper(i)).all() & (error[i] <= alike(i)).all()
    return torch.stack([on(i) for i in range(len(cost))])


def convex_hull(cost, error):
    """The lower left convex hull: for some price of quality, the cheapest."""
    price = torch.linspace(0, math.pi / 2, 2001, dtype=torch.float64)[1:-1, None]
    total = price.cos() * cost + price.sin() * error
    return (total <= total.min(dim=1, keepdim=True).values + 1e-12).any(dim=0)


# (N, N): is row i as good as column j in both, and better in one?
no_worse = lambda c, e: (c[:, None] <= c) & (e[:, None] <= e)
better = lambda c, e, margin=0.0: (c[:, None] < c - margin) | (e[:, None] < e - margin)

in_code(
    "frontier.pareto",
    pareto,
    probes=pareto_probes,
    variants=(pareto_by_loops, pareto_by_cost),
    slips={
        "ties never beat": lambda c, e: ~((c[:, None] < c) & (e[:, None] < e)).any(dim=0),
        "twins beat each other": lambda c, e: no_worse(c, e).sum(dim=0) == 1,
        "everybody beats himself": lambda c, e: ~no_worse(c, e).any(dim=0),
        "beaten ones": lambda c, e: ~pareto(c, e),
        "error taken for quality": lambda c, e: pareto(c, -e),
        "cost taken for speed": lambda c, e: pareto(-c, e),
        "the cheapest": lambda c, e: c == c.min(),
        "the best": lambda c, e: e == e.min(),
        "the two ends": lambda c, e: pareto(c, e) & ((c == c.min()) | (e == e.min())),
        "one number for both": lambda c, e: c * e == (c * e).min(),
        "convex hull": convex_hull,
        "sorted": lambda c, e: pareto(c, e)[c.argsort(stable=True)],
        "record in the given order": lambda c, e: ~(e[:, None] <= e).triu(1).any(dim=0),
        "rows for columns": lambda c, e: ~(no_worse(c, e) & better(c, e)).any(dim=1),
        "ties up to a little": lambda c, e: ~(no_worse(c, e) & better(c, e, 1e-4)).any(dim=0),
    },
    theorems={
        "cheapest": lambda out, c, e: (out[0][(c + 1e6 * e).argmin()].double(), c.new_ones(1)),
    },
)


# --- where to put the steps -----------------------------------------------------------------------


def karras_grid(steps, high, low, rho):
    """Noise levels whose rho-th root falls evenly from high to low, and then the data."""
    share = torch.arange(steps, dtype=torch.float64) / (steps - 1)
    root = high ** (1 / rho) + share * (low ** (1 / rho) - high ** (1 / rho))
    return torch.cat([root**rho, root.new_zeros(1)])


@repeated(16)
def karras_probes(i, generator):
    """Two levels and more; rho on both sides of 7; every fourth grid in thin fog only."""
    high, low, rho = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
    steps = 2 + int(torch.randint(0, 9, (), generator=generator)) if i else 2
    size = 1e-3 if i % 4 == 3 else 1.0
    return steps, size * (5 + 70 * high), size * (0.003 + 0.2 * low), 2 + 8 * rho


def evenly(n, high, low, there, back, end=0.0):
    """Levels that fall evenly by another clock, one by one in plain Python, and the data."""
    a, b = there(high), there(low)
    grid = [back(a + i / (n - 1) * (b - a)) for i in range(n)]
    return torch.tensor([*grid, end], dtype=torch.float64)


same = lambda v: v
without_low = lambda grid: torch.cat([grid[:-2], grid[-1:]])
in_roots = lambda n, a, b, rho: evenly(n, a, b, lambda v: v ** (1 / rho), lambda u: u**rho)
fog = partial(levels.edm, low=1e-7)  # alpha = 1: sigma is the noise level
karras_by_library = lambda *p: torch.stack([t.sigma for t in levels.karras_grid(fog, *p)])

in_code(
    "frontier.karras_grid",
    karras_grid,
    probes=karras_probes,
    variants=(karras_by_library, in_roots),
    slips={
        "ascending": lambda n, high, low, rho: karras_grid(n, low, high, rho),
        "ascending from the data": lambda *p: karras_grid(*p).flip(0),
        "no outer power": lambda n, a, b, rho: evenly(n, a, b, lambda v: v ** (1 / rho), same),
        "no root": lambda n, high, low, rho: evenly(n, high, low, same, lambda u: u**rho),
        "rho inverted": lambda n, high, low, rho: karras_grid(n, high, low, 1 / rho),
        "linear": lambda n, high, low, rho: karras_grid(n, high, low, 1.0),
        "always seven": lambda n, high, low, rho: karras_grid(n, high, low, 7.0),
        "log spacing": lambda n, high, low, rho: evenly(n, high, low, math.log, math.exp),
        "low never reached": lambda n, *p: without_low(karras_grid(n + 1, *p)),
        "high never visited": lambda n, *p: karras_grid(n + 1, *p)[1:],
        "no zero": lambda *p: karras_grid(*p)[:-1],
        "zero for low": lambda *p: without_low(karras_grid(*p)),
        "zero as low": lambda n, high, low, rho: karras_grid(n + 1, high, 0.0, rho)[:-1],
        "variances": lambda *p: karras_grid(*p) ** 2,
        "low kept at .002": lambda n, high, low, rho: karras_grid(n, high, max(low, 0.002), rho),
        "not below a thousandth": lambda *p: karras_grid(*p).clamp(min=1e-3),
    },
    theorems={
        "ends": lambda out, n, a, b, rho: (
            out[0].double()[[0, -2, -1]],
            torch.tensor([a, b, 0.0]).double(),
        ),
    },
)


def log_snr_grid(steps, high, low):
    """The share of power left, at levels evenly spaced in log-SNR; the last one is the data."""
    ratio = torch.linspace(math.log(high), math.log(low), steps, dtype=torch.float64).exp()
    return torch.cat([1 / (1 + ratio**2), ratio.new_ones(1)])


@repeated(15)
def log_snr_probes(i, generator):
    """Ends that are far apart, twice by a factor of a million, and two levels and more."""
    high, low = torch.rand(2, generator=generator, dtype=torch.float64).tolist()
    steps = 2 + int(torch.randint(0, 7, (), generator=generator)) if i else 2
    far = 20.0 if i % 7 == 6 else 1.0
    return steps, far * (3 + 40 * high), (0.02 + 0.2 * low) / far


power = lambda ratio: 1 / (1 + ratio**2)
log_snr = partial(evenly, there=math.log, back=lambda u: power(math.exp(u)), end=1.0)
log_snr_by_library = lambda *p: torch.stack(
    [t.alpha**2 for t in levels.lam_grid(levels.cosine, *p)]
)

in_code(
    "frontier.log_snr_grid",
    log_snr_grid,
    probes=log_snr_probes,
    variants=(log_snr_by_library, log_snr),
    slips={
        "lam taken for log SNR": partial(log_snr, back=lambda u: 1 / (1 + math.exp(u))),
        "amplitude": partial(log_snr, back=lambda u: math.sqrt(power(math.exp(u)))),
        "noise": partial(log_snr, back=lambda u: power(math.exp(-u)), end=0.0),
        "ratios returned": partial(log_snr, back=math.exp, end=0.0),
        "one over the SNR": partial(log_snr, back=lambda u: math.exp(-2 * u)),
        "even in the ratio": partial(log_snr, there=same, back=power),
        "even in alpha_bar": partial(log_snr, there=power, back=same),
        "Karras": partial(log_snr, there=lambda r: r ** (1 / 7), back=lambda u: power(u**7)),
        "clean first": lambda *p: log_snr_grid(*p).flip(0),
        "high and low swapped": lambda n, high, low: log_snr_grid(n, low, high),
        "one too many": lambda n, high, low: log_snr_grid(n + 1, high, low),
        "data missing": lambda *p: log_snr_grid(*p)[:-1],
        "data for low": lambda *p: without_low(log_snr_grid(*p)),
        "never below 1e-4": lambda *p: log_snr_grid(*p).clamp(min=1e-4),
        "never above .9999": lambda *p: log_snr_grid(*p).clamp(max=0.9999),
    },
    theorems={
        "equal strides": lambda out, steps, high, low: (
            out[0][:-1].double().logit().diff(),
            torch.full((steps - 1,), 2 * math.log(high / low) / (steps - 1)).double(),
        ),
    },
)

on_paper(
    "frontier.spacing",
    lambda steps, high, low: (
        sum(i / (steps - i) > 10 for i in range(1, steps)),  # at t = 1 it is infinite
        sum(high * (low / high) ** (i / (steps - 1)) > 10 for i in range(steps)),
    ),
    given={"steps": 20, "high": 80, "low": 0.002},
    digits=0,
    slack=0.2,
    slips={
        "t = 1 counted": (2, 4),
        "strides": (1, 3),
        "t = 1 counted, and strides": (2, 3),
        "sigma above": (3, 4),
        "one too far": (1, 5),
        "none": (0, 4),
        "swapped": (4, 1),
        "even in the ratio": (1, 17),
    },
)


# --- better steps ---------------------------------------------------------------------------------


def slope(steps, error):
    """The order of a sampler: how fast its error falls, as the slope of two logarithms."""
    x, y = steps.log(), error.log()
    x, y = x - x.mean(), y - y.mean()
    return -(x * y).sum() / (x * x).sum()


@repeated(16)
def slope_probes(i, generator):
    """Errors of order 1, 2, 3 or less than 0 with a wobble, at steps that do not always double."""
    steps = (3 + torch.randint(0, 60, (4 + i % 3,), generator=generator)).unique()
    steps = torch.cat([steps, torch.tensor([80, 200])]).double()
    wobble = 1 + 0.3 * torch.rand(len(steps), generator=generator, dtype=torch.float64)
    order, size = (1.0, 2.0, 3.0, 1.0, 2.0, 3.0, -0.5)[i % 7], {3: 1e-9, 12: 1e6}.get(i, 1.0)
    return steps, size * (2 + i) * steps**-order * wobble


def slope_by_lstsq(steps, error):
    """A straight line by least squares, with base-2 logarithms."""
    x = torch.stack([steps.log2(), torch.ones_like(steps)], dim=1)
    return -torch.linalg.lstsq(x, error.log2()[:, None]).solution[0, 0]


def as_one_number(answer, probe):
    """Call the answer; a tensor with one entry is one number."""
    found = answer(*probe)
    return found.squeeze() if hasattr(found, "squeeze") else found


fall = lambda x, y: -torch.cov(torch.stack([x, y]))[0, 1] / x.var()  # along the best line
slope_by_cov = lambda steps, error: fall(steps.log10(), error.log10()).item()

in_code(
    "frontier.slope",
    slope,
    probes=slope_probes,
    variants=(slope_by_lstsq, slope_by_cov),
    slips={
        "sign": lambda n, e: -slope(n, e),
        "no logarithms": fall,
        "one logarithm": lambda n, e: fall(n, e.log()),
        "other logarithm": lambda n, e: fall(n.log(), e),
        "axes swapped": lambda n, e: fall(e.log(), n.log()),
        "two ends": lambda n, e: (e[0] / e[-1]).log() / (n[-1] / n[0]).log(),
        "mean of the slopes": lambda n, e: -(e.log().diff() / n.log().diff()).mean(),
        "last pair": lambda n, e: -e[-2:].log().diff()[0] / n[-2:].log().diff()[0],
        "through the origin": lambda n, e: -(n.log() * e.log()).sum() / (n.log() ** 2).sum(),
        "correlation": lambda n, e: -torch.corrcoef(torch.stack([n.log(), e.log()]))[0, 1],
        "factor per doubling": lambda n, e: 2 ** slope(n, e),
        "height": lambda n, e: e.log().mean() + slope(n, e) * n.log().mean(),
        "natural and base 10": lambda n, e: fall(n.log10(), e.log()),
        "absolute value": lambda n, e: slope(n, e).abs(),
        "a little added to the error": lambda n, e: slope(n, e + 1e-8),
        "errors in the order of their size": lambda n, e: slope(n, e.sort(descending=True).values),
    },
    run=as_one_number,
)

on_paper(
    "frontier.order_by_hand",
    lambda factor, steps: (math.log2(factor), 2 * steps),
    given={"factor": 4, "steps": 40},  # the factor from each row to the next, the last row's steps
    digits=1,
    slips={
        "factor": lambda factor, steps: (factor, 2 * steps),
        "first order": lambda factor, steps: (1, factor * steps),
        "steps in proportion": lambda factor, steps: (math.log2(factor), factor * steps),
        "one over": lambda factor, steps: (1 / math.log2(factor), 2 * steps),
        "sign": lambda factor, steps: (-math.log2(factor), 2 * steps),
        "factor, in proportion": lambda factor, steps: (factor, factor * steps),
        "even spacing": lambda factor, steps: (math.log2(factor), steps + 10),
    },
)


def heun_step(net, x, t, s):
    """Step as DDIM does, look again from there, and step with the mean of the two noises."""
    eps = net(x, t)
    x_s = s.alpha * (x - t.sigma * eps) / t.alpha + s.sigma * eps
    if s.sigma > 0:
        eps = (eps + net(x_s, s)) / 2
        x_s = s.alpha * (x - t.sigma * eps) / t.alpha + s.sigma * eps
    return x_s


@repeated(15)
def heun_probes(i, generator):
    """A stub network's weights, a batch, and two levels, every third time down to the data."""
    w, x = normal(2, 4, 4, generator=generator)
    return w, bright(i) * x, *pair_of_levels(i, generator)


def with_a_counted_network(answer, probe):
    """Call the answer with a network that depends on all it gets; how often is it asked?"""
    w, *rest = probe
    seen = []
    net = lambda x, t: seen.append(t) or torch.sin(x @ w / 2 + 3 * t.sigma) + 0.5 * t.alpha
    return [answer(net, *rest), float(len(seen))]


def heun_by_library(net, x, t, s):
    """The library's step, with a denoiser around the network."""
    return solvers.heun(lambda x, t: diffuse.x0_from_eps(x, net(x, t), t), x, t, s).x


# From t to s: one noise is taken out, one is put back, and both are weighed by sigma/alpha.
to_s = lambda x, out, back, t, s: s.alpha * (x / t.alpha - t.ratio * out + s.ratio * back)
second = lambda net, x, y, t, s: net(y, s)
half = lambda e, new: (e + new) / 2
real = lambda x, y, e, m, t, s: to_s(x, m, m, t, s)


def heun(net, x, t, s, look=second, mean=half, end=real, always=False):
    """The trial step to y with noise e, a second look, the mean m of both, and the real step."""
    e = net(x, t)
    y = to_s(x, e, e, t, s)
    if s.sigma == 0 and not always:
        return y
    return end(x, y, e, mean(e, look(net, x, y, t, s)), t, s)


in_code(
    "frontier.heun_step",
    heun_step,
    probes=heun_probes,
    variants=(heun_by_library, heun),
    slips={
        "Euler only": lambda net, x, t, s: to_s(x, net(x, t), net(x, t), t, s),
        "second look at the old level": partial(heun, look=lambda net, x, y, t, s: net(y, t)),
        "second look at the old x": partial(heun, look=lambda net, x, y, t, s: net(x, s)),
        "midpoint": partial(
            heun, look=lambda net, x, y, t, s: net((x + y) / 2, t), mean=lambda e, new: new
        ),
        "looks at the data too": partial(heun, always=True),
        "second noise only": partial(heun, mean=lambda e, new: new),
        "no half": partial(heun, mean=lambda e, new: e + new),
        "weights of one third": partial(heun, mean=lambda e, new: (e + 2 * new) / 3),
        "from the trial step": partial(heun, end=lambda x, y, e, m, t, s: y + to_s(0, m, m, t, s)),
        "step sign": partial(heun, end=lambda x, y, e, m, t, s: to_s(x, -m, -m, t, s)),
        "guess old, noise new": partial(heun, end=lambda x, y, e, m, t, s: to_s(x, e, m, t, s)),
        "noise old, guess new": partial(heun, end=lambda x, y, e, m, t, s: to_s(x, m, e, t, s)),
        "slope of x": partial(heun, end=lambda x, y, e, m, t, s: x + (s.sigma - t.sigma) * m),
    },
    theorems={
        "two looks": lambda out, w, x, t, s: (out[1].double(), (1 + (s.sigma > 0)).double()),
    },
    run=with_a_counted_network,
)


def two_m_step(x, x0, t, s, past):
    """Carry the change of the guess on half a step ahead, and step with that guess."""
    h = s.lam - t.lam
    ahead = x0
    if past and s.sigma > 0:
        x0_before, before = past[0]
        r = (t.lam - before.lam) / h
        ahead = x0 + (x0 - x0_before) / (2 * r)
    return s.sigma / t.sigma * x - s.alpha * torch.expm1(-h) * ahead


def falling(generator, i, count, share=1.0, start=0.0):
    """Levels, noisiest first, over a share of the way from start; for odd i on a straight line."""
    cuts = torch.rand(count, generator=generator, dtype=torch.float64) * 0.12
    time = start + share * (0.92 - 0.2 * torch.arange(count) - cuts)
    return [levels.rectified(c) if i % 2 else levels.cosine(c) for c in time]


@repeated(20)
def two_m_probes(i, generator):
    """Steps that are short and long, no memory, one, or two; every fifth one to the data."""
    close = {11: (0.01, 0.99), 13: (0.01,), 16: (0.01,)}.get(i, ())
    *before, t, s = falling(generator, i, 4, *close)
    s = levels.rectified(0.0) if i % 5 == 4 else s
    x, x0, *guesses = bright(i) * normal(4, *LEAVES[i % 4], generator=generator)
    past = list(zip(guesses, before[::-1], strict=True))[: i % 3]
    return x, x0, t, s, past


def two_m_by_library(x, x0, t, s, past):
    """The library's step, which gets its memory as the last step."""
    last = samplers.Step(x, past[0][0], past[0][1]) if past else None
    return solvers.dpmpp_2m(lambda x, t: x0, x, t, s, last).x


data_line = lambda x, x0, t, s, h: s.sigma / t.sigma * x + s.alpha * (1 - (-h).exp()) * x0
half_ahead = lambda x0, old, r: x0 + (x0 - old) / (2 * r)
noise_line = lambda x, x0, t, s, h: (  # it carries the noise on
    s.alpha / t.alpha * x - s.sigma * torch.expm1(h) * x0 if s.sigma > 0 else s.alpha * x0
)


def two_m(
    x, x0, t, s, past, newest=0, clock=lambda t: t.lam, ahead=half_ahead, line=data_line, late=False
):
    """What is remembered, how long ago that was, where it leads, and the step."""
    if past and (s.sigma > 0 or late):
        old, level = past[newest]
        x0 = ahead(x0, old, (clock(t) - clock(level)) / (clock(s) - clock(t)))
    return line(x, x0, t, s, s.lam - t.lam)


in_code(
    "frontier.two_m_step",
    two_m_step,
    probes=two_m_probes,
    variants=(two_m_by_library, two_m),
    slips={
        "step ratio inverted": partial(two_m, ahead=lambda x0, old, r: x0 + (x0 - old) * r / 2),
        "even steps assumed": partial(two_m, ahead=lambda x0, old, r: 1.5 * x0 - 0.5 * old),
        "a whole step ahead": partial(two_m, ahead=lambda x0, old, r: x0 + (x0 - old) / r),
        "change turned round": partial(two_m, ahead=lambda x0, old, r: x0 - (x0 - old) / (2 * r)),
        "mean of both": partial(two_m, ahead=lambda x0, old, r: (x0 + old) / 2),
        "memory ignored": partial(two_m, ahead=lambda x0, old, r: x0),
        "oldest memory": partial(two_m, newest=-1),
        "memory at the last step": partial(two_m, late=True),
        "ratio in sigma/alpha": partial(two_m, clock=lambda t: t.ratio),
        "ratio in time": partial(two_m, clock=lambda t: t.time),
        "log SNR for lam": partial(two_m, line=lambda x, g, t, s, h: data_line(x, g, t, s, 2 * h)),
        "noise's line": partial(two_m, line=noise_line),
        "first line only": partial(two_m, line=lambda x, *to: data_line(0, *to)),
        "sign of the exponent": partial(two_m, line=lambda x, x0, *to: data_line(x, -x0, *to)),
    },
    theorems={
        "end": lambda out, x, x0, t, s, past: (out[0], s.alpha * x0) if s.sigma == 0 else None,
        "no change": lambda out, x, x0, t, s, past: (
            None if past else (out[0], diffuse.q_sample(x0, s, diffuse.eps_from_x0(x, x0, t)))
        ),
    },
)


def walk_all(step, denoise, starts, levels):
    """Walk every batch down the levels, each with a memory of its own."""
    ends = []
    for x in starts:
        last = None
        for t, s in zip(levels[:-1], levels[1:], strict=True):
            last = step(denoise, x, t, s, last)
            x = last.x
        ends.append(x)
    return ends


@repeated(12)
def walk_all_probes(i, generator):
    """Three batches of noise and a short ladder down to the data, for a stub denoiser."""
    ladder = [*falling(generator, i, 3 + i % 2), levels.rectified(0.0)]
    w, *starts = normal(4, 3, 3, generator=generator)
    return w, starts, ladder


def with_two_m(answer, probe):
    """Call the answer with 2M and a denoiser that depends on all it gets; any row is a list."""
    w, starts, ladder = probe
    ends = answer(solvers.dpmpp_2m, lambda x, t: torch.sin(x @ w / 2 + 3 * t.sigma), starts, ladder)
    return list(ends) if hasattr(ends, "__iter__") else ends


def walk_all_by_library(step, denoise, starts, levels):
    """The library's walk."""
    remembering = lambda *args, last, **options: step(*args, last)
    return [samplers.sample(remembering, denoise, x, levels) for x in starts]


def walk_each(
    step, net, starts, levels, begin=lambda x, new: (x, None), follow=lambda x, m, new: (new.x, new)
):
    """x and the memory m: what a walk begins with, and what follows from a step."""
    ends, new = [], None
    for x in starts:
        x, m = begin(x, new)
        for t, s in pairwise(levels):
            new = step(net, x, t, s, m)
            x, m = follow(x, m, new)
        ends.append(new.x)
    return tuple(ends)


def side_by_side(step, denoise, starts, levels):
    """All batches take a step, and then the next one, with one memory between them."""
    xs, last = list(starts), None
    for t, s in pairwise(levels):
        for i, x in enumerate(xs):
            last = step(denoise, x, t, s, last)
            xs[i] = last.x
    return xs


in_code(
    "frontier.walk_all",
    walk_all,
    probes=walk_all_probes,
    variants=(walk_all_by_library, walk_each),
    slips={
        "history kept between walks": partial(walk_each, begin=lambda x, new: (x, new)),
        "walks on": partial(walk_each, begin=lambda x, new: (new.x if new else x, None)),
        "never remembers": partial(walk_each, follow=lambda x, m, new: (new.x, None)),
        "remembers the first step": partial(walk_each, follow=lambda x, m, new: (new.x, m or new)),
        "x not handed on": partial(walk_each, follow=lambda x, m, new: (x, new)),
        "one memory for all": side_by_side,
        "stops short": lambda f, net, xs, ts: walk_all(f, net, xs, ts[:-1]),
        "starts late": lambda f, net, xs, ts: walk_all(f, net, xs, ts[1:]),
        "skips every other level": lambda f, d, xs, ts: walk_all(f, d, xs, ts[:-1:2] + ts[-1:]),
        "every step returned": lambda f, net, xs, ts: [
            walk_all(f, net, [x], ts[:n])[0] for x in xs for n in range(2, len(ts) + 1)
        ],
        "first batch only": lambda f, net, xs, ts: walk_all(f, net, xs[:1], ts),
    },
    run=with_two_m,
)
