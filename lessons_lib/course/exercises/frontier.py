"""Exercises of notebook 06, latency and quality: count, compare, and take better steps.

An *evaluation* is the network run on one picture once. Levels are as in 04: x_t = t.alpha * x0 +
t.sigma * eps; t is where we stand, s is where we go, and lam = log(alpha / sigma).
"""

import functools
import math

import torch

from lessons_lib import diffuse, levels, samplers, solvers
from lessons_lib.course.exercises.bank import in_code, on_paper
from lessons_lib.course.exercises.probes import LEAVES, bright, normal, pair_of_levels
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.wrap import cfg, counted, given

# --- count ----------------------------------------------------------------------------------------


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


def evaluations_by_step(steps, looks, guided, batched):
    """Add up, step by step; the last one goes to sigma = 0, where nobody looks twice."""
    calls = samples = 0
    for left in range(steps, 0, -1):
        for _ in range(looks if left > 1 else 1):
            calls += 2 if guided and not batched else 1
            samples += 2 if guided else 1
    return calls, samples


def _calls(k, guided, batched):
    return k if batched or not guided else 2 * k


def _runs(k, guided):
    return 2 * k if guided else k


def _counted(asked=lambda n, k: k * (n - 1) + 1, calls=_calls, runs=lambda k, g, b: _runs(k, g)):
    """A wrong count: how often the walk asks, the calls, or the evaluations are off."""

    def wrong(steps, looks, guided, batched):
        k = asked(steps, looks)
        return calls(k, guided, batched), runs(k, guided, batched)

    return wrong


in_code(
    "frontier.evaluations",
    evaluations,
    probes=evaluation_probes,
    variants=(evaluations_by_counting, evaluations_by_step),
    slips={
        "guidance forgotten": _counted(calls=lambda k, g, b: k, runs=lambda k, g, b: k),
        "batching saves work": _counted(runs=_calls),
        "batching ignored": _counted(calls=lambda k, g, b: _runs(k, g)),
        "batched the wrong way round": _counted(calls=lambda k, g, b: 2 * k if g and b else k),
        "always guided": _counted(
            calls=lambda k, g, b: _calls(k, True, b), runs=lambda k, g, b: 2 * k
        ),
        "batching halves every walk": _counted(calls=lambda k, g, b: _runs(k, g) / (2 if b else 1)),
        "swapped": _counted(calls=lambda k, g, b: _runs(k, g), runs=_calls),
        "Heun looks twice everywhere": _counted(asked=lambda n, k: k * n),
        "second look forgotten": _counted(asked=lambda n, k: n),
        "one less for everyone": _counted(asked=lambda n, k: k * n - 1),
        "last step free": _counted(asked=lambda n, k: k * (n - 1)),
        "levels": _counted(asked=lambda n, k: k * (n - 1) + 2),
        "guidance adds one": _counted(
            calls=lambda k, g, b: k + (g and not b), runs=lambda k, g, b: k + g
        ),
    },
    theorems={
        "no guidance": lambda out, steps, looks, guided, batched: (
            (out[0][0].double(), out[0][1].double()) if not guided else None
        ),
    },
)


def _table(rule):
    """A right or wrong count of evaluations for the four systems of the hand exercise."""
    rows = (("ddpm", 1000, False), ("ddim", 50, True), ("heun", 18, False), ("2m", 20, True))
    return tuple(rule(name, steps, guided) for name, steps, guided in rows)


on_paper(
    "frontier.calls_by_hand",
    _table(lambda name, n, g: evaluations(n, 2 if name == "heun" else 1, g, False)[1]),
    digits=0,
    slack=0.2,
    slips={
        "steps": _table(lambda name, n, g: n),
        "guidance forgotten": _table(lambda name, n, g: 2 * n - 1 if name == "heun" else n),
        "Heun forgotten": _table(lambda name, n, g: 2 * n if g else n),
        "Heun's last step": _table(lambda name, n, g: 2 * n if g or name == "heun" else n),
        "2M twice": _table(
            lambda name, n, g: (2 if g else 1) * (2 * n - 1 if name in ("heun", "2m") else n)
        ),
        "levels": _table(lambda name, n, g: (2 if g else 1) * (2 * n if name == "heun" else n + 1)),
        "all doubled": _table(lambda name, n, g: 2 * (2 * n - 1 if name == "heun" else n)),
    },
)


# --- seconds --------------------------------------------------------------------------------------


def cost_per_picture(seconds, steps, batch, guided):
    """Seconds for one picture, when one run of the network on a batch takes so many seconds."""
    runs = 2 * steps if guided else steps
    return seconds * runs / batch


def cost_probes(generator):
    """Batches of one and many, guided and not, from a microsecond to minutes."""
    probes = []
    for i in range(14):
        seconds = 0.002 + float(torch.rand((), generator=generator))
        seconds *= {4: 1e-5, 7: 100.0}.get(i, 1.0)
        steps = 3 + int(torch.randint(0, 60, (), generator=generator))
        batch = 1 if i % 5 == 0 else 2 + int(torch.randint(0, 40, (), generator=generator))
        probes.append((seconds, steps, batch, i % 2 == 0))
    return probes


def cost_by_throughput(seconds, steps, batch, guided):
    """One over the pictures per second."""
    per_second = batch / (seconds * steps * (1 + guided))
    return 1 / per_second


def cost_by_adding(seconds, steps, batch, guided):
    """A clock that runs through the walk."""
    clock = 0.0
    for _ in range(steps):
        clock += seconds
        if guided:
            clock += seconds
    return torch.tensor(clock, dtype=torch.float64) / batch


def _cost(formula):
    """A wrong cost: formula(seconds, runs, batch, steps, guided)."""
    return lambda s, n, b, g: formula(s, 2 * n if g else n, b, n, g)


in_code(
    "frontier.cost_per_picture",
    cost_per_picture,
    probes=cost_probes,
    variants=(cost_by_throughput, cost_by_adding),
    slips={
        "whole batch": _cost(lambda s, runs, b, n, g: s * runs),
        "times the batch": _cost(lambda s, runs, b, n, g: s * runs * b),
        "guidance forgotten": _cost(lambda s, runs, b, n, g: s * n / b),
        "always guided": _cost(lambda s, runs, b, n, g: s * 2 * n / b),
        "guidance halves the batch's share": _cost(
            lambda s, runs, b, n, g: s * n / (2 * b if g else b)
        ),
        "one step": _cost(lambda s, runs, b, n, g: s * runs / n / b),
        "pictures per second": _cost(lambda s, runs, b, n, g: b / (s * runs)),
        "milliseconds": _cost(lambda s, runs, b, n, g: 1000 * s * runs / b),
        "one more": _cost(lambda s, runs, b, n, g: s * (runs + 1) / b),
        "root of the batch": _cost(lambda s, runs, b, n, g: s * runs / b**0.5),
        "guidance adds one run": _cost(lambda s, runs, b, n, g: s * (n + g) / b),
    },
)

on_paper(
    "frontier.speedup",
    (20.0, 2.0),
    digits=2,
    slips={
        "whole batches": (20.0, 8.0),
        "guidance forgotten": (40.0, 2.0),
        "both": (40.0, 8.0),
        "seconds follow evaluations": (20.0, 20.0),
        "upside down": (0.05, 0.5),
        "per evaluation": (20.0, 0.1),
        "batch multiplied": (20.0, 32.0),
        "swapped": (2.0, 20.0),
    },
)

on_paper(
    "frontier.fixed_costs",
    (5.26, 10.0),
    digits=2,
    slack=0.6,
    slips={
        "everything shrinks": (10.0, 10.0),
        "one evaluation": (5.26, 50.0),
        "share of the network": (9.0, 10.0),
        "fixed part forgotten": (11.11, 10.0),
        "saved time": (0.81, 0.9),
        "new time": (0.19, 0.1),
        "network's limit": (5.26, 1.11),
        "swapped": (10.0, 5.26),
    },
)


# --- the frontier ---------------------------------------------------------------------------------


def pareto(cost, error):
    """Which systems are on the frontier: no other one is as good in both and better in one."""
    as_good = (cost[:, None] <= cost) & (error[:, None] <= error)  # (N, N): is row i as good as j?
    better = (cost[:, None] < cost) | (error[:, None] < error)
    return ~(as_good & better).any(dim=0)


def pareto_probes(generator):
    """Small whole numbers, so that costs, errors and whole systems coincide; never sorted."""
    probes = []
    for N in (1, 4, 6, 9, 12, 15, 20) * 2:
        cost, error = torch.randint(1, 9, (2, N), generator=generator).double()
        must = torch.tensor([[3, 3, 5, 2, 2, 10, 14, 16], [4, 4, 4, 7, 9, 3, 1, 6]]).double()
        order = torch.randperm(N + 8 if N > 1 else 1, generator=generator)
        if N > 1:  # twins, a tie in cost, a tie in error, a dent
            cost, error = torch.cat([cost + 2, must[0]]), torch.cat([error + 4, must[1]])
        size = {4: 1e-6, 6: 1e6}.get(len(probes), 1.0)  # a frontier has no units
        probes.append((size * cost[order], error[order] / size))
    return probes


def pareto_by_loops(cost, error):
    """Every system against every other."""
    pairs = list(zip(cost.tolist(), error.tolist(), strict=True))
    return torch.tensor(
        [not any(a != b and a[0] <= b[0] and a[1] <= b[1] for a in pairs) for b in pairs]
    )


def pareto_by_sorting(cost, error):
    """From cheap to dear: on the frontier is who is better than everyone cheaper."""
    best: dict[float, float] = {}
    for c, e in zip(cost.tolist(), error.tolist(), strict=True):
        best[c] = min(e, best.get(c, math.inf))
    kept, record = set(), math.inf
    for c in sorted(best):
        if best[c] < record:
            record = best[c]
            kept.add((c, record))
    pairs = zip(cost.tolist(), error.tolist(), strict=True)
    return torch.tensor([pair in kept for pair in pairs])


def _beaten(as_good, better=lambda c, e: (c[:, None] < c) | (e[:, None] < e)):
    """A wrong frontier: who beats whom is off."""
    return lambda cost, error: ~(as_good(cost, error) & better(cost, error)).any(dim=0)


def _no_worse(c, e):
    return (c[:, None] <= c) & (e[:, None] <= e)


def _sorted_mask(cost, error):
    order = torch.argsort(cost, stable=True)
    return pareto(cost, error)[order]


def _record_in_given_order(cost, error):
    before = torch.cat([error.new_full((1,), math.inf), error.cummin(0).values[:-1]])
    return error < before


def _hull(cost, error):
    """The lower left convex hull: for some price of quality, the cheapest."""
    price = torch.linspace(0, math.pi / 2, 2001, dtype=torch.float64)[1:-1, None]
    total = price.cos() * cost + price.sin() * error
    return (total <= total.min(dim=1, keepdim=True).values + 1e-12).any(dim=0)


in_code(
    "frontier.pareto",
    pareto,
    probes=pareto_probes,
    variants=(pareto_by_loops, pareto_by_sorting),
    slips={
        "ties never beat": _beaten(lambda c, e: (c[:, None] < c) & (e[:, None] < e)),
        "twins beat each other": lambda c, e: _no_worse(c, e).sum(dim=0) == 1,
        "everybody beats himself": lambda c, e: ~_no_worse(c, e).any(dim=0),
        "beaten ones": lambda c, e: ~pareto(c, e),
        "error taken for quality": lambda c, e: pareto(c, -e),
        "cost taken for speed": lambda c, e: pareto(-c, e),
        "the cheapest": lambda c, e: c == c.min(),
        "the best": lambda c, e: e == e.min(),
        "the two ends": lambda c, e: pareto(c, e) & ((c == c.min()) | (e == e.min())),
        "one number for both": lambda c, e: c * e == (c * e).min(),
        "convex hull": _hull,
        "sorted": _sorted_mask,
        "record in the given order": _record_in_given_order,
        "rows for columns": lambda c, e: (
            ~(_no_worse(c, e) & ((c[:, None] < c) | (e[:, None] < e))).any(dim=1)
        ),
        "ties up to a little": _beaten(
            _no_worse, lambda c, e: (c[:, None] < c - 1e-4) | (e[:, None] < e - 1e-4)
        ),
    },
    theorems={
        "cheapest": lambda out, c, e: (
            out[0][torch.argmin(c + 1e6 * e)].double(),
            torch.tensor(1.0).double(),
        ),
    },
)


# --- the order of an error ------------------------------------------------------------------------


def slope(steps, error):
    """The order of a sampler: how fast its error falls, as the slope of two logarithms."""
    x, y = steps.log(), error.log()
    x, y = x - x.mean(), y - y.mean()
    return -(x * y).sum() / (x * x).sum()


def slope_probes(generator):
    """Errors of order 1, 2, 3 or less than 0 with a wobble, at steps that do not always double."""
    probes = []
    for i in range(16):
        steps = (3 + torch.randint(0, 60, (4 + i % 3,), generator=generator)).unique()
        steps = torch.cat([steps, torch.tensor([80, 200])]).double()
        wobble = 1 + 0.3 * torch.rand(len(steps), generator=generator, dtype=torch.float64)
        order = (1.0, 2.0, 3.0, 1.0, 2.0, 3.0, -0.5)[i % 7]
        size = {3: 1e-9, 12: 1e6}.get(i, 1.0)
        probes.append((steps, size * (2 + i) * steps**-order * wobble))
    return probes


def slope_by_lstsq(steps, error):
    """A straight line by least squares, with base-2 logarithms."""
    x = torch.stack([steps.log2(), torch.ones_like(steps)], dim=1)
    return -torch.linalg.lstsq(x, error.log2()[:, None]).solution[0, 0]


def slope_by_cov(steps, error):
    """Covariance over variance, in plain Python."""
    x = [math.log10(n) for n in steps.tolist()]
    y = [math.log10(e) for e in error.tolist()]
    mx, my = sum(x) / len(x), sum(y) / len(y)
    top = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
    return -top / sum((a - mx) ** 2 for a in x)


def _line(x, y):
    x, y = x - x.mean(), y - y.mean()
    return -(x * y).sum() / (x * x).sum()


def _through_origin(steps, error):
    x, y = steps.log(), error.log()
    return -(x * y).sum() / (x * x).sum()


def as_one_number(answer, probe):
    """Call the answer; a tensor with one entry is one number."""
    found = answer(*probe)
    return found.squeeze() if hasattr(found, "squeeze") else found


in_code(
    "frontier.slope",
    slope,
    probes=slope_probes,
    variants=(slope_by_lstsq, slope_by_cov),
    slips={
        "sign": lambda steps, error: -slope(steps, error),
        "no logarithms": lambda steps, error: _line(steps, error),
        "one logarithm": lambda steps, error: _line(steps, error.log()),
        "other logarithm": lambda steps, error: _line(steps.log(), error),
        "axes swapped": lambda steps, error: _line(error.log(), steps.log()),
        "two ends": lambda steps, error: (
            (error[0] / error[-1]).log() / (steps[-1] / steps[0]).log()
        ),
        "mean of the slopes": lambda steps, error: (
            -(error.log().diff() / steps.log().diff()).mean()
        ),
        "last pair": lambda steps, error: -error[-2:].log().diff()[0] / steps[-2:].log().diff()[0],
        "through the origin": _through_origin,
        "correlation": lambda steps, error: (
            -torch.corrcoef(torch.stack([steps.log(), error.log()]))[0, 1]
        ),
        "factor per doubling": lambda steps, error: 2 ** slope(steps, error),
        "height": lambda steps, error: (
            error.log().mean() + slope(steps, error) * steps.log().mean()
        ),
        "natural and base 10": lambda steps, error: _line(steps.log10(), error.log()),
        "absolute value": lambda steps, error: slope(steps, error).abs(),
        "a little added to the error": lambda steps, error: _line(
            steps.log(), (error + 1e-8).log()
        ),
        "errors in the order of their size": lambda steps, error: slope(
            steps, error.sort(descending=True).values
        ),
    },
    run=as_one_number,
)

on_paper(
    "frontier.order_by_hand",
    (2.0, 80.0),
    digits=1,
    slips={
        "factor": (4.0, 80.0),
        "first order": (1.0, 160.0),
        "steps in proportion": (2.0, 160.0),
        "one over": (0.5, 80.0),
        "sign": (-2.0, 80.0),
        "factor, in proportion": (4.0, 160.0),
        "even spacing": (2.0, 50.0),
    },
)


# --- Heun -----------------------------------------------------------------------------------------


def heun_step(net, x, t, s):
    """Step as DDIM does, look again from there, and step with the mean of the two noises."""
    eps = net(x, t)
    x_s = s.alpha * (x - t.sigma * eps) / t.alpha + s.sigma * eps
    if s.sigma > 0:
        eps = (eps + net(x_s, s)) / 2
        x_s = s.alpha * (x - t.sigma * eps) / t.alpha + s.sigma * eps
    return x_s


def heun_probes(generator):
    """A stub network's weights, a batch, and two levels, every third time down to the data."""
    probes = []
    for i in range(15):
        w, x = normal(2, 4, 4, generator=generator)
        probes.append((w, bright(i) * x, *pair_of_levels(i, generator)))
    return probes


def with_a_counted_network(answer, probe):
    """Call the answer with a network that depends on all it gets; how often is it asked?"""
    w, x, t, s = probe
    calls = []

    def net(x, t):
        calls.append(1)
        return torch.sin(x @ w / 2 + 3 * t.sigma) + 0.5 * t.alpha

    return [answer(net, x, t, s), float(len(calls))]


def heun_by_library(net, x, t, s):
    """The library's step, with a denoiser around the network."""
    return solvers.heun(lambda x, t: diffuse.x0_from_eps(x, net(x, t), t), x, t, s).x


def heun_by_places(net, x, t, s):
    """The middle of the two places that the two noises lead to."""

    def to_s(eps):
        return s.alpha * (x / t.alpha + (s.ratio - t.ratio) * eps)

    first = to_s(net(x, t))
    return first if s.sigma == 0 else (first + to_s(net(first, s))) / 2


def _to_s(x, eps, t, s):
    return s.alpha * (x - t.sigma * eps) / t.alpha + s.sigma * eps


def _heuned(second=lambda net, x, x_s, t, s: net(x_s, s), finish=None, always=False):
    """A wrong Heun step: the second look, or what is done with both, is off."""
    finish = finish or (lambda x, x_s, e1, e2, t, s: _to_s(x, (e1 + e2) / 2, t, s))

    def wrong(net, x, t, s):
        e1 = net(x, t)
        x_s = _to_s(x, e1, t, s)
        if s.sigma == 0 and not always:
            return x_s
        return finish(x, x_s, e1, second(net, x, x_s, t, s), t, s)

    return wrong


in_code(
    "frontier.heun_step",
    heun_step,
    probes=heun_probes,
    variants=(heun_by_library, heun_by_places),
    slips={
        "Euler only": lambda net, x, t, s: _to_s(x, net(x, t), t, s),
        "second look at the old level": _heuned(second=lambda net, x, x_s, t, s: net(x_s, t)),
        "second look at the old x": _heuned(second=lambda net, x, x_s, t, s: net(x, s)),
        "from the trial step": _heuned(
            finish=lambda x, x_s, e1, e2, t, s: x_s + s.alpha * (s.ratio - t.ratio) * (e1 + e2) / 2
        ),
        "second noise only": _heuned(finish=lambda x, x_s, e1, e2, t, s: _to_s(x, e2, t, s)),
        "no half": _heuned(finish=lambda x, x_s, e1, e2, t, s: _to_s(x, e1 + e2, t, s)),
        "step sign": _heuned(
            finish=lambda x, x_s, e1, e2, t, s: (
                s.alpha * (x / t.alpha + (t.ratio - s.ratio) * (e1 + e2) / 2)
            )
        ),
        "looks at the data too": _heuned(always=True),
        "guess old, noise new": _heuned(
            finish=lambda x, x_s, e1, e2, t, s: (
                s.alpha * (x - t.sigma * e1) / t.alpha + s.sigma * (e1 + e2) / 2
            )
        ),
        "noise old, guess new": _heuned(
            finish=lambda x, x_s, e1, e2, t, s: (
                s.alpha * (x - t.sigma * (e1 + e2) / 2) / t.alpha + s.sigma * e1
            )
        ),
        "midpoint": lambda net, x, t, s: (
            _to_s(x, net(x, t), t, s)
            if s.sigma == 0
            else _to_s(x, net((x + _to_s(x, net(x, t), t, s)) / 2, t), t, s)
        ),
        "slope of x": _heuned(
            finish=lambda x, x_s, e1, e2, t, s: x + (s.sigma - t.sigma) * (e1 + e2) / 2
        ),
        "weights of one third": _heuned(
            finish=lambda x, x_s, e1, e2, t, s: _to_s(x, (e1 + 2 * e2) / 3, t, s)
        ),
    },
    theorems={
        "two looks": lambda out, w, x, t, s: (
            out[1].double(),
            torch.tensor(1.0 if s.sigma == 0 else 2.0).double(),
        ),
    },
    run=with_a_counted_network,
)


# --- 2M -------------------------------------------------------------------------------------------


def two_m_step(x, x0, t, s, past):
    """Carry the change of the guess on half a step ahead, and step with that guess."""
    h = s.lam - t.lam
    ahead = x0
    if past and s.sigma > 0:
        x0_before, before = past[0]
        r = (t.lam - before.lam) / h
        ahead = x0 + (x0 - x0_before) / (2 * r)
    return s.sigma / t.sigma * x - s.alpha * torch.expm1(-h) * ahead


_CLOSE = {11: {"share": 0.01, "start": 0.99}, 13: {"share": 0.01}, 16: {"share": 0.01}}


def _falling(generator, i, count, share=1.0, start=0.0):
    """Levels, noisiest first; on the circle for even i, on a straight line for odd i.

    They are spread over this share of the way, from start on: 0 is the data.
    """
    cuts = torch.rand(count, generator=generator, dtype=torch.float64) * 0.12
    time = start + share * (0.92 - 0.2 * torch.arange(count) - cuts)
    return [levels.rectified(c) if i % 2 else levels.cosine(c) for c in time]


def two_m_probes(generator):
    """Steps that are short and long, no memory, one, or two; every fifth one to the data."""
    probes = []
    for i in range(20):
        *before, t, s = _falling(generator, i, 4, **_CLOSE.get(i, {}))
        s = levels.rectified(0.0) if i % 5 == 4 else s
        x, x0, *guesses = bright(i) * normal(4, *LEAVES[i % 4], generator=generator)
        past = list(zip(guesses, before[::-1], strict=True))[: i % 3]
        probes.append((x, x0, t, s, past))
    return probes


def two_m_by_library(x, x0, t, s, past):
    """The library's step, which gets its memory as the last step."""
    last = samplers.Step(x, past[0][0], past[0][1]) if past else None
    return solvers.dpmpp_2m(lambda x, t: x0, x, t, s, last).x


def two_m_by_line(x, x0, t, s, past):
    """The guess at the middle in lam of a straight line through the last two guesses."""
    guess = x0
    if len(past) and float(s.sigma):
        tilt = (x0 - past[0][0]) / (t.lam - past[0][1].lam)
        guess = x0 + tilt * ((s.lam + t.lam) / 2 - t.lam)
    keep = s.sigma / t.sigma
    return keep * x + (s.alpha - keep * t.alpha) * guess


def _two_m(ahead=None, newest=0, arrive=None, to_the_end=False):
    """A wrong 2M step: ahead(x0, before, r), the memory used, or the last line is off."""
    ahead = ahead or (lambda x0, before, r: x0 + (x0 - before) / (2 * r))
    arrive = arrive or (lambda x, g, t, s, h: s.sigma / t.sigma * x - s.alpha * (-h).expm1() * g)

    def wrong(x, x0, t, s, past):
        h, guess = s.lam - t.lam, x0
        if past and (s.sigma > 0 or to_the_end):
            before, level = past[newest]
            guess = ahead(x0, before, (t.lam - level.lam) / h)
        return arrive(x, guess, t, s, h)

    return wrong


def _two_m_by(clock):
    """A wrong 2M step: the ratio of the steps is measured by another clock."""

    def wrong(x, x0, t, s, past):
        h, guess = s.lam - t.lam, x0
        if past and s.sigma > 0:
            before, level = past[0]
            r = (clock(t) - clock(level)) / (clock(s) - clock(t))
            guess = x0 + (x0 - before) / (2 * r)
        return s.sigma / t.sigma * x - s.alpha * (-h).expm1() * guess

    return wrong


in_code(
    "frontier.two_m_step",
    two_m_step,
    probes=two_m_probes,
    variants=(two_m_by_library, two_m_by_line),
    slips={
        "step ratio inverted": _two_m(ahead=lambda x0, before, r: x0 + (x0 - before) * r / 2),
        "even steps assumed": _two_m(ahead=lambda x0, before, r: 1.5 * x0 - 0.5 * before),
        "a whole step ahead": _two_m(ahead=lambda x0, before, r: x0 + (x0 - before) / r),
        "change turned round": _two_m(ahead=lambda x0, before, r: x0 - (x0 - before) / (2 * r)),
        "mean of both": _two_m(ahead=lambda x0, before, r: (x0 + before) / 2),
        "memory ignored": _two_m(ahead=lambda x0, before, r: x0),
        "oldest memory": _two_m(newest=-1),
        "memory at the last step": _two_m(to_the_end=True),
        "log SNR for lam": _two_m(
            arrive=lambda x, g, t, s, h: s.sigma / t.sigma * x - s.alpha * torch.expm1(-2 * h) * g
        ),
        "noise's line": _two_m(
            arrive=lambda x, g, t, s, h: (
                (s.alpha / t.alpha * x - s.sigma * torch.expm1(h) * g)
                if s.sigma > 0
                else s.alpha * g
            )
        ),
        "first line only": _two_m(arrive=lambda x, g, t, s, h: -s.alpha * torch.expm1(-h) * g),
        "sign of the exponent": _two_m(
            arrive=lambda x, g, t, s, h: s.sigma / t.sigma * x + s.alpha * torch.expm1(-h) * g
        ),
        "ratio in sigma/alpha": _two_m_by(lambda t: t.ratio),
        "ratio in time": _two_m_by(lambda t: t.time),
    },
    theorems={
        "end": lambda out, x, x0, t, s, past: (out[0], s.alpha * x0) if s.sigma == 0 else None,
        "no change": lambda out, x, x0, t, s, past: (
            (out[0], diffuse.q_sample(x0, s, diffuse.eps_from_x0(x, x0, t))) if not past else None
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


def walk_all_probes(generator):
    """Three batches of noise and a short ladder down to the data, for a stub denoiser."""
    probes = []
    for i in range(12):
        ladder = [*_falling(generator, i, 3 + i % 2), levels.rectified(0.0)]
        w, *starts = normal(4, 3, 3, generator=generator)
        probes.append((w, starts, ladder))
    return probes


def with_two_m(answer, probe):
    """Call the answer with 2M and a denoiser that depends on all it gets; any row is a list."""
    w, starts, ladder = probe
    ends = answer(solvers.dpmpp_2m, lambda x, t: torch.sin(x @ w / 2 + 3 * t.sigma), starts, ladder)
    return list(ends) if hasattr(ends, "__iter__") else ends


def walk_all_by_library(step, denoise, starts, levels):
    """The library's walk."""
    return [samplers.sample(lambda *a, **k: step(*a, k["last"]), denoise, x, levels)
            for x in starts]  # fmt: skip


def walk_all_by_function(step, denoise, starts, levels):
    """One walk as a function: what is local to it cannot be kept."""

    def one(x, last=None):
        for i in range(len(levels) - 1):
            last = step(denoise, x, levels[i], levels[i + 1], last)
            x = last.x
        return x

    return torch.stack([one(x) for x in starts]).unbind()


def _walked(remember=lambda last, new: new, ladder=lambda levels: levels):
    """A wrong walk: what is remembered, or the levels, are off."""

    def wrong(step, denoise, starts, levels):
        ends, down = [], ladder(levels)
        for x in starts:
            memory = None
            for t, s in zip(down[:-1], down[1:], strict=True):
                new = step(denoise, x, t, s, memory)
                memory, x = remember(memory, new), new.x
            ends.append(x)
        return ends

    return wrong


def _kept_between(step, denoise, starts, levels):
    ends, last = [], None
    for x in starts:
        for t, s in zip(levels[:-1], levels[1:], strict=True):
            last = step(denoise, x, t, s, last)
            x = last.x
        ends.append(x)
    return ends


def _walks_on(step, denoise, starts, levels):
    ends, x = [], starts[0]
    for _ in starts:
        last = None
        for t, s in zip(levels[:-1], levels[1:], strict=True):
            last = step(denoise, x, t, s, last)
            x = last.x
        ends.append(x)
    return ends


def _never_moves(step, denoise, starts, levels):
    ends = []
    for x in starts:
        last = None
        for t, s in zip(levels[:-1], levels[1:], strict=True):
            last = step(denoise, x, t, s, last)
        ends.append(last.x)
    return ends


def _side_by_side(step, denoise, starts, levels):
    xs, last = list(starts), None
    for t, s in zip(levels[:-1], levels[1:], strict=True):
        for i, x in enumerate(xs):
            last = step(denoise, x, t, s, last)
            xs[i] = last.x
    return xs


def _every_step(step, denoise, starts, levels):
    ends = []
    for x in starts:
        last = None
        for t, s in zip(levels[:-1], levels[1:], strict=True):
            last = step(denoise, x, t, s, last)
            x = last.x
            ends.append(x)
    return ends


in_code(
    "frontier.walk_all",
    walk_all,
    probes=walk_all_probes,
    variants=(walk_all_by_library, walk_all_by_function),
    slips={
        "history kept between walks": _kept_between,
        "one memory for all": _side_by_side,
        "never remembers": _walked(remember=lambda last, new: None),
        "remembers the first step": _walked(remember=lambda last, new: last or new),
        "walks on": _walks_on,
        "x not handed on": _never_moves,
        "stops short": _walked(ladder=lambda levels: levels[:-1]),
        "starts late": _walked(ladder=lambda levels: levels[1:]),
        "skips every other level": _walked(ladder=lambda levels: [*levels[:-1:2], levels[-1]]),
        "every step returned": _every_step,
        "first batch only": lambda step, denoise, starts, levels: walk_all(
            step, denoise, starts[:1], levels
        ),
    },
    run=with_two_m,
)


# --- where to put the steps -----------------------------------------------------------------------


def karras_grid(steps, high, low, rho):
    """Noise levels whose rho-th root falls evenly from high to low, and then the data."""
    share = torch.arange(steps, dtype=torch.float64) / (steps - 1)
    root = high ** (1 / rho) + share * (low ** (1 / rho) - high ** (1 / rho))
    return torch.cat([root**rho, root.new_zeros(1)])


def karras_probes(generator):
    """Two levels and more; rho on both sides of 7; every fourth grid in thin fog only."""
    probes = []
    for i in range(16):
        high, low, rho = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
        steps = 2 + int(torch.randint(0, 9, (), generator=generator)) if i else 2
        size = 1e-3 if i % 4 == 3 else 1.0
        probes.append((steps, size * (5 + 70 * high), size * (0.003 + 0.2 * low), 2 + 8 * rho))
    return probes


def karras_by_library(steps, high, low, rho):
    """The library's levels on a schedule with alpha = 1, of which sigma is the noise level."""
    fog = functools.partial(levels.edm, low=1e-7)
    grid = levels.karras_grid(fog, steps, high, low, rho)
    return torch.stack([t.sigma for t in grid])


def karras_by_loop(steps, high, low, rho):
    """One level after the other, in plain Python."""
    ends = low ** (1 / rho), high ** (1 / rho)
    falling = [ends[1] - i * (ends[1] - ends[0]) / (steps - 1) for i in range(steps)]
    return torch.tensor([root**rho for root in falling] + [0.0], dtype=torch.float64)


def _karras(share=lambda i, n: i / (n - 1), there=lambda v, rho: v ** (1 / rho),
            back=lambda u, rho: u**rho, end=lambda grid: torch.cat([grid, grid.new_zeros(1)]),
            ends=lambda high, low: (high, low)):  # fmt: skip
    """A wrong grid: where its points are, its clock there or back, or its end is off."""

    def wrong(steps, high, low, rho):
        a, b = (there(torch.tensor(v, dtype=torch.float64), rho) for v in ends(high, low))
        return end(back(a + share(torch.arange(steps).double(), steps) * (b - a), rho))

    return wrong


in_code(
    "frontier.karras_grid",
    karras_grid,
    probes=karras_probes,
    variants=(karras_by_library, karras_by_loop),
    slips={
        "ascending": _karras(ends=lambda high, low: (low, high)),
        "ascending from the data": lambda *probe: karras_grid(*probe).flip(0),
        "no outer power": _karras(back=lambda u, rho: u),
        "no root": _karras(there=lambda v, rho: v),
        "rho inverted": _karras(there=lambda v, rho: v**rho, back=lambda u, rho: u ** (1 / rho)),
        "linear": _karras(there=lambda v, rho: v, back=lambda u, rho: u),
        "always seven": lambda steps, high, low, rho: karras_grid(steps, high, low, 7.0),
        "log spacing": _karras(there=lambda v, rho: v.log(), back=lambda u, rho: u.exp()),
        "low never reached": _karras(share=lambda i, n: i / n),
        "high never visited": _karras(share=lambda i, n: (i + 1) / n),
        "no zero": _karras(end=lambda grid: grid),
        "zero for low": _karras(end=lambda grid: torch.cat([grid[:-1], grid.new_zeros(1)])),
        "zero as low": lambda steps, high, low, rho: torch.cat(
            [karras_grid(steps + 1, high, 0.0, rho)[:-2], torch.zeros(1)]
        ),
        "variances": lambda *probe: karras_grid(*probe) ** 2,
        "low kept at .002": lambda steps, high, low, rho: karras_grid(
            steps, high, max(low, 0.002), rho
        ),
        "not below a thousandth": lambda *probe: karras_grid(*probe).clamp(min=1e-3),
    },
    theorems={
        "ends": lambda out, steps, high, low, rho: (
            out[0].double()[[0, -2, -1]],
            torch.tensor([high, low, 0.0]).double(),
        ),
    },
)


def log_snr_grid(steps, high, low):
    """The share of power left, at levels evenly spaced in log-SNR; the last one is the data."""
    ratio = torch.linspace(math.log(high), math.log(low), steps, dtype=torch.float64).exp()
    return torch.cat([1 / (1 + ratio**2), ratio.new_ones(1)])


def log_snr_probes(generator):
    """Ends that are far apart, twice by a factor of a million, and two levels and more."""
    probes = []
    for i in range(15):
        high, low = torch.rand(2, generator=generator, dtype=torch.float64).tolist()
        steps = 2 + int(torch.randint(0, 7, (), generator=generator)) if i else 2
        far = 20.0 if i % 7 == 6 else 1.0
        probes.append((steps, far * (3 + 40 * high), (0.02 + 0.2 * low) / far))
    return probes


def log_snr_by_library(steps, high, low):
    """The library's levels on the cosine schedule, whose power is alpha²."""
    grid = levels.lam_grid(levels.cosine, steps, high, low)
    return torch.stack([t.alpha**2 for t in grid])


def log_snr_by_sigmoid(steps, high, low):
    """The share of power is the sigmoid of the log-SNR, 2 lam."""
    lam = [-math.log(high) + i / (steps - 1) * math.log(high / low) for i in range(steps)]
    return torch.tensor([1 / (1 + math.exp(-2 * each)) for each in lam] + [1.0]).double()


def _log_snr(clock=(math.log, torch.exp), power=lambda r: 1 / (1 + r**2), count=lambda n: n,
             end=lambda kept: torch.cat([kept, kept.new_ones(1)])):  # fmt: skip
    """A wrong grid: its clock, the power of a ratio, the number of levels or the end is off."""

    def wrong(steps, high, low):
        there, back = clock
        u = torch.linspace(there(high), there(low), count(steps), dtype=torch.float64)
        return end(power(back(u)))

    return wrong


def _even_in_alpha_bar(steps, high, low):
    ends = [1 / (1 + r**2) for r in (high, low)]
    return torch.cat([torch.linspace(*ends, steps, dtype=torch.float64), torch.ones(1)])


in_code(
    "frontier.log_snr_grid",
    log_snr_grid,
    probes=log_snr_probes,
    variants=(log_snr_by_library, log_snr_by_sigmoid),
    slips={
        "lam taken for log SNR": _log_snr(power=lambda r: 1 / (1 + r)),
        "amplitude": _log_snr(power=lambda r: 1 / (1 + r**2).sqrt()),
        "noise": _log_snr(
            power=lambda r: r**2 / (1 + r**2), end=lambda k: torch.cat([k, torch.zeros(1)])
        ),
        "ratios returned": _log_snr(
            power=lambda r: r, end=lambda k: torch.cat([k, torch.zeros(1)])
        ),
        "one over the SNR": _log_snr(power=lambda r: 1 / r**2),
        "even in the ratio": _log_snr(clock=(lambda v: v, lambda u: u)),
        "even in alpha_bar": _even_in_alpha_bar,
        "Karras": _log_snr(clock=(lambda v: v ** (1 / 7), lambda u: u**7)),
        "clean first": lambda *probe: log_snr_grid(*probe).flip(0),
        "high and low swapped": lambda steps, high, low: log_snr_grid(steps, low, high),
        "one too many": _log_snr(count=lambda n: n + 1),
        "data missing": _log_snr(end=lambda kept: kept),
        "data for low": _log_snr(end=lambda kept: torch.cat([kept[:-1], kept.new_ones(1)])),
        "never below 1e-4": lambda *probe: log_snr_grid(*probe).clamp(min=1e-4),
        "never above .9999": lambda *probe: log_snr_grid(*probe).clamp(max=0.9999),
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
    (1.0, 4.0),
    digits=0,
    slack=0.2,
    slips={
        "t = 1 counted": (2.0, 4.0),
        "strides": (1.0, 3.0),
        "t = 1 counted, and strides": (2.0, 3.0),
        "sigma above": (3.0, 4.0),
        "one too far": (1.0, 5.0),
        "none": (0.0, 4.0),
        "swapped": (4.0, 1.0),
        "even in the ratio": (1.0, 17.0),
    },
)


# --- claims ---------------------------------------------------------------------------------------
