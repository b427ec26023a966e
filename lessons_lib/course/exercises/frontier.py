"""Exercises of notebook 06, latency and quality: count, compare, and take better steps.

An *evaluation* is the network run on one picture once. Levels are as in 04: x_t = t.alpha * x0 +
t.sigma * eps; t is where we stand, s is where we go, and lam = log(alpha / sigma).
"""

import functools
import math

import torch

from lessons_lib import diffuse, levels, samplers, solvers
from lessons_lib.course.exercises import Function, Identity, Value, Wrong
from lessons_lib.course.exercises.ddim import LEAVES, bright, pair_of_levels
from lessons_lib.course.exercises.forward import normal
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.wrap import cfg, counted, given

COST = "What one picture costs"
CLAIMS = "How to read a claim"
FRONTIER = "The frontier"
PLACE = "Five systems on the frontier"
ORDER = "How fast does the error fall?"
TWICE = "Look twice: Heun"
MEMORY = "Remember: 2M"
SPACING = "Where to put the steps"
LIMIT = "What steps cannot buy"


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


EVALUATIONS = Function(
    id="frontier.evaluations",
    question=(
        "Write `evaluations(steps, looks, guided, batched)` → `(calls, evaluations)`: how often "
        "the network is *called* in a walk, and how often it is run *on one picture*. `looks` is "
        "how often a step looks: 1 for DDPM, DDIM and 2M, 2 for Heun; but the last step goes to "
        "σ = 0 and looks once. If `guided` (w is neither 0 nor 1) each look needs two guesses; if "
        "`batched` too, both are asked in one call of a doubled batch."
    ),
    section=COST,
    answer=evaluations,
    probes=evaluation_probes,
    tested=("one look or two", "guided or not, batched or not", "a walk of one step"),
    hints=(
        "Three questions, one after the other: how many looks has the walk, how many guesses has "
        "a look, how many of them fit into a call?",
        "Heun has 2N − 1 looks, the others N. Guidance doubles the evaluations; a doubled batch "
        "brings the *calls* back down, not the evaluations.",
        "`asked = looks * (steps - 1) + 1`, then double if guided.",
    ),
    wrong=(
        Wrong(
            "guidance forgotten",
            _counted(calls=lambda k, g, b: k, runs=lambda k, g, b: k),
            "You left guidance out. It needs a guess with the condition and one without, at each "
            "look: twice the work.",
        ),
        Wrong(
            "batching saves work",
            _counted(runs=_calls),
            "You let the doubled batch count once. It is one *call*, but the network still works "
            "through two pictures.",
        ),
        Wrong(
            "batching ignored",
            _counted(calls=lambda k, g, b: _runs(k, g)),
            "You counted two calls for a doubled batch. It asks for both guesses at once: one "
            "call, two evaluations.",
        ),
        Wrong(
            "batched the wrong way round",
            _counted(calls=lambda k, g, b: 2 * k if g and b else k),
            "You have batched the wrong way round: without it, guidance calls twice; with it, "
            "once.",
        ),
        Wrong(
            "always guided",
            _counted(calls=lambda k, g, b: _calls(k, True, b), runs=lambda k, g, b: 2 * k),
            "You doubled without looking at `guided`. An unguided walk makes one guess at a look.",
        ),
        Wrong(
            "batching halves every walk",
            _counted(calls=lambda k, g, b: _runs(k, g) / (2 if b else 1)),
            "You halved the calls of an unguided walk. There is only one guess at a look, nothing "
            "to put together.",
        ),
        Wrong(
            "swapped",
            _counted(calls=lambda k, g, b: _runs(k, g), runs=_calls),
            "The two numbers have changed places: calls first.",
        ),
        Wrong(
            "Heun looks twice everywhere",
            _counted(asked=lambda n, k: k * n),
            "You gave Heun two looks at the last step too. It goes to σ = 0, where there is no "
            "noise to look at: 2N − 1.",
            TWICE,
        ),
        Wrong(
            "second look forgotten",
            _counted(asked=lambda n, k: n),
            "You counted one look per step. Heun, `looks` = 2, looks again from where it has "
            "stepped to.",
            TWICE,
        ),
        Wrong(
            "one less for everyone",
            _counted(asked=lambda n, k: k * n - 1),
            "You took one look off every walk. Only a *second* look is missing at the last step; "
            "the first is always there.",
            TWICE,
        ),
        Wrong(
            "last step free",
            _counted(asked=lambda n, k: k * (n - 1)),
            "You let the last step cost nothing. It goes to σ = 0, but it starts where there is "
            "noise, and must look at it once.",
        ),
        Wrong(
            "levels",
            _counted(asked=lambda n, k: k * (n - 1) + 2),
            "You counted a look on the last level. N steps stand on N + 1 levels, but nobody asks "
            "on the last one, the data.",
        ),
        Wrong(
            "guidance adds one",
            _counted(calls=lambda k, g, b: k + (g and not b), runs=lambda k, g, b: k + g),
            "You added one evaluation for guidance. It is one more at *each* look.",
        ),
    ),
    variants=(evaluations_by_counting, evaluations_by_step),
    identities=(
        Identity(
            "without guidance every call is one evaluation",
            lambda out, steps, looks, guided, batched: (
                (out[0][0].double(), out[0][1].double()) if not guided else None
            ),
        ),
    ),
)


def _table(rule):
    """A right or wrong count of evaluations for the four systems of the hand exercise."""
    rows = (("ddpm", 1000, False), ("ddim", 50, True), ("heun", 18, False), ("2m", 20, True))
    return tuple(rule(name, steps, guided) for name, steps, guided in rows)


CALLS_BY_HAND = Value(
    id="frontier.calls_by_hand",
    question=(
        "How often is the network run on one picture? DDPM in 1000 steps, no guidance; DDIM in 50, "
        "guided; Heun in 18, no guidance; 2M in 20, guided. `calls_by_hand` is a tuple of four."
    ),
    section=COST,
    answer=_table(lambda name, n, g: evaluations(n, 2 if name == "heun" else 1, g, False)[1]),
    tested=("1000, 100, 35 and 40: steps are not evaluations",),
    hints=(
        "Guidance asks twice at each look. Who else looks twice?",
        "Heun looks twice at all steps but the last; 2M once, and remembers.",
        "1000; 2 · 50; 2 · 18 − 1; 2 · 20.",
    ),
    wrong=(
        Wrong(
            "steps",
            _table(lambda name, n, g: n),
            "These are the steps. A step may cost more than one evaluation.",
        ),
        Wrong(
            "guidance forgotten",
            _table(lambda name, n, g: 2 * n - 1 if name == "heun" else n),
            "Heun is right. Guidance needs two guesses at each look.",
        ),
        Wrong(
            "Heun forgotten",
            _table(lambda name, n, g: 2 * n if g else n),
            "Guidance is right. Heun looks a second time at all of its steps but the last.",
            TWICE,
        ),
        Wrong(
            "Heun's last step",
            _table(lambda name, n, g: 2 * n if g or name == "heun" else n),
            "Nearly: Heun's last step goes to σ = 0 and looks once, so 2 · 18 − 1.",
            TWICE,
        ),
        Wrong(
            "2M twice",
            _table(
                lambda name, n, g: (2 if g else 1) * (2 * n - 1 if name in ("heun", "2m") else n)
            ),
            "2M is second order with *one* look per step: its second number comes from memory.",
            MEMORY,
        ),
        Wrong(
            "levels",
            _table(lambda name, n, g: (2 if g else 1) * (2 * n if name == "heun" else n + 1)),
            "You counted levels, one more than steps. On the last level, the data, nobody asks.",
        ),
        Wrong(
            "all doubled",
            _table(lambda name, n, g: 2 * (2 * n - 1 if name == "heun" else n)),
            "You doubled all four. Two of them are not guided.",
        ),
    ),
    tolerance=0.2,
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


COST_PER_PICTURE = Function(
    id="frontier.cost_per_picture",
    question=(
        "Write `cost_per_picture(seconds, steps, batch, guided)`: seconds for *one* picture. "
        "`seconds` is what one run of the network on a whole batch of `batch` pictures takes; the "
        "sampler runs it once per step, and twice if `guided`."
    ),
    section=COST,
    answer=cost_per_picture,
    probes=cost_probes,
    tested=("guided and not", "batches of one and of many"),
    hints=(
        "First the seconds for the whole batch, from noise to pictures. Then for one of them.",
        "Runs = steps, doubled if guided; times seconds; shared by the batch.",
        "`seconds * runs / ...`.",
    ),
    wrong=(
        Wrong(
            "whole batch",
            _cost(lambda s, runs, b, n, g: s * runs),
            "These are the seconds until the batch is done. They are shared by its pictures: "
            "divide by `batch`.",
        ),
        Wrong(
            "times the batch",
            _cost(lambda s, runs, b, n, g: s * runs * b),
            "You multiplied by the batch. `seconds` is for the whole of it already, and asked is "
            "one picture.",
        ),
        Wrong(
            "guidance forgotten",
            _cost(lambda s, runs, b, n, g: s * n / b),
            "You left guidance out: it runs the network twice at each step.",
        ),
        Wrong(
            "always guided",
            _cost(lambda s, runs, b, n, g: s * 2 * n / b),
            "You doubled without looking at `guided`.",
        ),
        Wrong(
            "guidance halves the batch's share",
            _cost(lambda s, runs, b, n, g: s * n / (2 * b if g else b)),
            "You counted the doubled batch as twice the pictures. Half of it is thrown away: "
            "guidance costs double, it does not pay double.",
        ),
        Wrong(
            "one step",
            _cost(lambda s, runs, b, n, g: s * runs / n / b),
            "That is one step. A picture needs all of them.",
        ),
        Wrong(
            "pictures per second",
            _cost(lambda s, runs, b, n, g: b / (s * runs)),
            "These are pictures per second, the throughput. Asked is one over it.",
        ),
        Wrong(
            "milliseconds",
            _cost(lambda s, runs, b, n, g: 1000 * s * runs / b),
            "You turned seconds into milliseconds; asked are seconds.",
        ),
        Wrong(
            "one more",
            _cost(lambda s, runs, b, n, g: s * (runs + 1) / b),
            "You added a run for the last level. There is no noise on it, and nobody asks.",
        ),
        Wrong(
            "root of the batch",
            _cost(lambda s, runs, b, n, g: s * runs / b**0.5),
            "You divided by the root of the batch, as for an error bar. Time is shared evenly.",
        ),
        Wrong(
            "guidance adds one run",
            _cost(lambda s, runs, b, n, g: s * (n + g) / b),
            "You added one run for guidance. It is one more at *each* step.",
        ),
    ),
    variants=(cost_by_throughput, cost_by_adding),
)

SPEEDUP = Value(
    id="frontier.speedup",
    question=(
        "System A: 1000 evaluations, 12 s for a batch of 16. System B: 25 steps of DDIM, guided, "
        "1.5 s for a batch of 4; the same network on the same machine. By which factor does B need "
        "fewer evaluations per picture, and by which factor is it faster per picture? Give "
        "`speedup = (evaluations, seconds)`."
    ),
    section=COST,
    answer=(20.0, 2.0),
    tested=("twenty times fewer evaluations, and only twice as fast: batches differ",),
    hints=(
        "For each system: evaluations per picture, and seconds per picture.",
        "A: 1000 and 12/16 s. B: 2 · 25 and 1.5/4 s.",
        "1000/50, and .75/.375.",
    ),
    wrong=(
        Wrong(
            "whole batches",
            (20.0, 8.0),
            "The evaluations are right. 12/1.5 compares batches: A made 16 pictures, B only 4.",
            CLAIMS,
        ),
        Wrong(
            "guidance forgotten",
            (40.0, 2.0),
            "The seconds are right. B is guided: 25 steps are 50 evaluations.",
        ),
        Wrong(
            "both",
            (40.0, 8.0),
            "Two slips: guidance doubles B's evaluations, and the seconds are of batches of "
            "different size.",
        ),
        Wrong(
            "seconds follow evaluations",
            (20.0, 20.0),
            "You let the seconds follow the evaluations. They are measured: .75 s against .375 s. "
            "A batch of 4 uses the machine badly.",
            CLAIMS,
        ),
        Wrong(
            "upside down",
            (0.05, 0.5),
            "Both fractions are upside down: by which factor is B *less*?",
        ),
        Wrong(
            "per evaluation",
            (20.0, 0.1),
            "The evaluations are right. You compared seconds per *evaluation*, in which B is ten "
            "times slower; asked are seconds per picture.",
        ),
        Wrong(
            "batch multiplied",
            (20.0, 32.0),
            "The evaluations are right. You multiplied by the batch; the seconds are shared by its "
            "pictures.",
        ),
        Wrong(
            "swapped",
            (2.0, 20.0),
            "The right numbers in the wrong order: evaluations first.",
        ),
    ),
    tolerance=0.005,
)

FIXED_COSTS = Value(
    id="frontier.fixed_costs",
    question=(
        "A picture takes 1.0 s: .9 s for 50 evaluations of the network, .1 s for what happens once "
        "(the text, the decoder). Now 5 evaluations are enough. How many times faster is it, and "
        "how fast could it become at most, if the network cost nothing? Give "
        "`fixed_costs = (now, at most)`, two decimals."
    ),
    section=LIMIT,
    answer=(5.26, 10.0),
    tested=("what happens once limits every speed-up",),
    hints=(
        "Which of the two parts gets smaller?",
        "The new time is .09 + .1 s. And if the network cost nothing, .1 s would be left.",
        "1/.19 and 1/.1.",
    ),
    wrong=(
        Wrong(
            "everything shrinks",
            (10.0, 10.0),
            "You made the whole picture ten times faster. The text and the decoder still run once.",
        ),
        Wrong(
            "one evaluation",
            (5.26, 50.0),
            "The first is right. One evaluation for fifty would be a factor of 50 if the network "
            "were all; without it .1 s are left, and no sampler gets below that.",
        ),
        Wrong(
            "share of the network",
            (9.0, 10.0),
            "The limit is right. You multiplied the factor by the share, .9 · 10. Add up the new "
            "times and compare: .19 s.",
        ),
        Wrong(
            "fixed part forgotten",
            (11.11, 10.0),
            "You left the .1 s out of the new time and in the old one: 1/.09. A speed-up above the "
            "limit should have warned you.",
        ),
        Wrong(
            "saved time",
            (0.81, 0.9),
            "These are the seconds saved. Asked is how many times faster: old over new.",
        ),
        Wrong(
            "new time",
            (0.19, 0.1),
            "These are the new times. Divide the old one by them.",
        ),
        Wrong(
            "network's limit",
            (5.26, 1.11),
            "The first is right. 1/.9 is what you gain when the *fixed* part costs nothing.",
        ),
        Wrong(
            "swapped",
            (10.0, 5.26),
            "The right numbers in the wrong order: what you get now comes first.",
        ),
    ),
    tolerance=0.006,
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


PARETO = Function(
    id="frontier.pareto",
    question=(
        "Write `pareto(cost, error)`: two tensors (N,), lower is better in both; return N booleans "
        "in the given order. A system is on the frontier unless another one is at least as good in "
        "both and better in at least one. Twins, equal in both, do not beat each other."
    ),
    section=FRONTIER,
    answer=pareto,
    probes=pareto_probes,
    tested=("ties in cost, ties in error, twins", "any order, and a single system"),
    hints=(
        "When exactly is one system *beaten* by another? Mind what happens when they tie.",
        "i beats j if cost and error of i are both ≤ those of j, and one of them is <.",
        "`(cost[:, None] <= cost) & (error[:, None] <= error)` is an N × N table of half of it.",
    ),
    wrong=(
        Wrong(
            "ties never beat",
            _beaten(lambda c, e: (c[:, None] < c) & (e[:, None] < e)),
            "You ask for better in both. A system with the same error at twice the cost is beaten, "
            "although it ties in one.",
        ),
        Wrong(
            "twins beat each other",
            lambda c, e: _no_worse(c, e).sum(dim=0) == 1,
            "Your twins throw each other off the frontier: each is as good as the other in both. "
            "To beat needs *better* in one.",
        ),
        Wrong(
            "everybody beats himself",
            lambda c, e: ~_no_worse(c, e).any(dim=0),
            "Each system is as good as itself, so yours throws everyone off. To beat needs "
            "*better* in one.",
        ),
        Wrong(
            "beaten ones",
            lambda c, e: ~pareto(c, e),
            "You marked the beaten ones. Asked is the frontier, all the others.",
        ),
        Wrong(
            "error taken for quality",
            lambda c, e: pareto(c, -e),
            "You took a larger error for better. A Fréchet distance is an error: lower is better.",
        ),
        Wrong(
            "cost taken for speed",
            lambda c, e: pareto(-c, e),
            "You took a larger cost for better. Evaluations are a cost: lower is better.",
        ),
        Wrong(
            "the cheapest",
            lambda c, e: c == c.min(),
            "You kept the cheapest only. A dearer system stays as long as it is better.",
        ),
        Wrong(
            "the best",
            lambda c, e: e == e.min(),
            "You kept the best only. A worse system stays as long as it is cheaper.",
        ),
        Wrong(
            "the two ends",
            lambda c, e: pareto(c, e) & ((c == c.min()) | (e == e.min())),
            "You kept the two ends, the cheapest and the best. Everyone between who is not beaten "
            "belongs to the frontier.",
        ),
        Wrong(
            "one number for both",
            lambda c, e: c * e == (c * e).min(),
            "You multiplied cost and error, and kept the smallest product. A frontier asks for no "
            "exchange rate between the two: that is its point.",
        ),
        Wrong(
            "convex hull",
            _hull,
            "You kept who is cheapest for *some* fixed price of quality. Systems in a dent of the "
            "frontier are beaten by nobody, and belong to it.",
        ),
        Wrong(
            "sorted",
            _sorted_mask,
            "The right booleans in the order of the costs. Asked are they in the given order.",
        ),
        Wrong(
            "record in the given order",
            _record_in_given_order,
            "You went through the list as it came and kept every new record. That works on a list "
            "sorted by cost; yours is not.",
        ),
        Wrong(
            "rows for columns",
            lambda c, e: ~(_no_worse(c, e) & ((c[:, None] < c) | (e[:, None] < e))).any(dim=1),
            "You looked along the other axis: yours marks who beats nobody, not who is beaten by "
            "nobody.",
        ),
        Wrong(
            "ties up to a little",
            _beaten(_no_worse, lambda c, e: (c[:, None] < c - 1e-4) | (e[:, None] < e - 1e-4)),
            "You ask for better by a margin, 1e-4. What is little depends on the unit, seconds or "
            "hours; a frontier has none, and < is exact.",
        ),
    ),
    variants=(pareto_by_loops, pareto_by_sorting),
    identities=(
        Identity(
            "the cheapest of the best is on the frontier",
            lambda out, c, e: (
                out[0][torch.argmin(c + 1e6 * e)].double(),
                torch.tensor(1.0).double(),
            ),
        ),
    ),
)

SYSTEMS = (
    "| | sampler | steps | guided | Fréchet distance |\n|---|---|---|---|---|\n"
    "| A | DDPM | 100 | no | 8.0 |\n| B | DDIM | 50 | no | 9.5 |\n| C | Heun | 28 | no | 7.0 |\n"
    "| D | 2M | 30 | yes | 7.0 |\n| E | DDIM, a distilled student | 4 | yes | 14.0 |\n\n"
)

PLACE_FIVE = Value(
    id="frontier.place",
    question=(
        "Five systems (invented numbers), networks of one size:\n\n" + SYSTEMS + "Sort them by "
        "evaluations per picture, the cheapest first. `place` is a tuple of five letters, each "
        "in quotes."
    ),
    section=PLACE,
    answer=("E", "B", "C", "D", "A"),
    tested=("8, 50, 55, 60 and 100 evaluations",),
    hints=(
        "Write the evaluations beside each row first. Who asks twice?",
        "Guided ones twice at each step; Heun twice at each step but the last.",
        "A 100, B 50, C 55, D 60, E 8.",
    ),
    wrong=(
        Wrong(
            "by steps",
            ("E", "C", "D", "B", "A"),
            "You sorted by steps. C looks twice at each but the last, D and E are guided.",
            COST,
        ),
        Wrong(
            "guidance forgotten",
            ("E", "D", "B", "C", "A"),
            "You left guidance out: D asks twice at each of its 30 steps.",
            COST,
        ),
        Wrong(
            "Heun forgotten",
            ("E", "C", "B", "D", "A"),
            "You let Heun look once per step. 28 steps are 55 looks, more than B's 50.",
            TWICE,
        ),
        Wrong(
            "2M twice",
            ("E", "B", "C", "A", "D"),
            "You let 2M look twice per step, 120 in all. It is second order from memory: 30 looks, "
            "60 when guided.",
            MEMORY,
        ),
        Wrong(
            "dearest first",
            ("A", "D", "C", "B", "E"),
            "The right order, upside down: the cheapest first.",
        ),
        Wrong(
            "by quality",
            ("C", "D", "A", "B", "E"),
            "You sorted by the Fréchet distance. Asked is the cost.",
            FRONTIER,
        ),
    ),
)

ON_FRONTIER = Value(
    id="frontier.on_frontier",
    question=(
        "The same five:\n\n" + SYSTEMS + "Which are on the frontier of evaluations per picture and "
        'Fréchet distance? `on_frontier` is a tuple of five words for A ... E, "yes" or "no".'
    ),
    section=PLACE,
    answer=("no", "yes", "yes", "no", "yes"),
    tested=("nobody is as cheap *and* as good as B, C or E",),
    hints=(
        "Go from cheap to dear. Who is better than everyone cheaper?",
        "E 8: 14.0; B 50: 9.5; C 55: 7.0; D 60: 7.0; A 100: 8.0.",
        "D ties with C in quality, and costs more. A costs more than C and is worse.",
    ),
    wrong=(
        Wrong(
            "tie kept",
            ("no", "yes", "yes", "yes", "yes"),
            "D has the same distance as C and costs 5 evaluations more: beaten, although it ties "
            "in one.",
            FRONTIER,
        ),
        Wrong(
            "best only",
            ("no", "no", "yes", "no", "no"),
            "You kept the best one. B is worse and cheaper, E still more so: whether that pays is "
            "for the buyer to say.",
            FRONTIER,
        ),
        Wrong(
            "by steps",
            ("no", "no", "yes", "no", "yes"),
            "You counted steps, by which C is cheaper than B. In evaluations C costs 55, B 50.",
            COST,
        ),
        Wrong(
            "guidance forgotten",
            ("no", "no", "no", "yes", "yes"),
            "You let D cost 30. It is guided: 60 evaluations, more than C, for the same distance.",
            COST,
        ),
        Wrong(
            "everyone",
            ("yes", "yes", "yes", "yes", "yes"),
            "A costs 100 and has 8.0; C costs 55 and has 7.0. Who is beaten in both is off.",
            FRONTIER,
        ),
        Wrong(
            "the beaten ones",
            ("yes", "no", "no", "yes", "no"),
            "These are the beaten ones. The frontier is the others.",
            FRONTIER,
        ),
    ),
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


SLOPE = Function(
    id="frontier.slope",
    question=(
        "Write `slope(steps, error)`: the order of a sampler. `steps` and `error` are tensors "
        "(k,), above 0; fit a straight line to log error against log steps by least squares, and "
        "return its slope with the sign turned, so that an error that falls like 1/steps² gives 2."
    ),
    section=ORDER,
    answer=slope,
    probes=slope_probes,
    run=as_one_number,
    tested=(
        "errors of order 1, 2 and 3",
        "errors that grow",
        "uneven steps",
        "errors that wobble",
    ),
    hints=(
        "error = c · steps^(−p). What becomes of it when you take logarithms on both sides?",
        "log error = log c − p log steps: a line. Its slope is covariance over variance.",
        "`x, y = x - x.mean(), y - y.mean()`, then `-(x * y).sum() / ...`.",
    ),
    wrong=(
        Wrong(
            "sign",
            lambda steps, error: -slope(steps, error),
            "The sign is left as it is. Errors fall, so the slope is negative; the order is its "
            "size.",
        ),
        Wrong(
            "no logarithms",
            lambda steps, error: _line(steps, error),
            "You fitted a line to the numbers themselves. A power becomes a line only when both "
            "sides are logarithms.",
        ),
        Wrong(
            "one logarithm",
            lambda steps, error: _line(steps, error.log()),
            "You took the logarithm of the error only. That is for errors that fall like e^(−n); "
            "powers need both.",
        ),
        Wrong(
            "other logarithm",
            lambda steps, error: _line(steps.log(), error),
            "You took the logarithm of the steps only. Powers need both.",
        ),
        Wrong(
            "axes swapped",
            lambda steps, error: _line(error.log(), steps.log()),
            "Your axes are swapped: this is how the steps grow with the error, about 1 over the "
            "order.",
        ),
        Wrong(
            "two ends",
            lambda steps, error: (error[0] / error[-1]).log() / (steps[-1] / steps[0]).log(),
            "You used the two ends only. One wobble there spoils it; least squares listens to all "
            "points.",
        ),
        Wrong(
            "mean of the slopes",
            lambda steps, error: -(error.log().diff() / steps.log().diff()).mean(),
            "You averaged the slopes between neighbours. Two points that lie close together then "
            "count as much as two far apart, and shout the loudest.",
        ),
        Wrong(
            "last pair",
            lambda steps, error: -error[-2:].log().diff()[0] / steps[-2:].log().diff()[0],
            "You used the last two points only; asked is the line through all of them.",
        ),
        Wrong(
            "through the origin",
            _through_origin,
            "You forced the line through the origin, so that one step would have an error of 1. "
            "Take the means off first.",
        ),
        Wrong(
            "correlation",
            lambda steps, error: -torch.corrcoef(torch.stack([steps.log(), error.log()]))[0, 1],
            "That is the correlation, near 1 for every order: it says how straight the line is, "
            "not how steep.",
        ),
        Wrong(
            "factor per doubling",
            lambda steps, error: 2 ** slope(steps, error),
            "That is the factor by which the error falls when the steps double: 4 for order 2. The "
            "order is its logarithm to base 2.",
        ),
        Wrong(
            "height",
            lambda steps, error: error.log().mean() + slope(steps, error) * steps.log().mean(),
            "That is the height of the line, log c. Asked is its slope.",
        ),
        Wrong(
            "natural and base 10",
            lambda steps, error: _line(steps.log10(), error.log()),
            "Two different logarithms: any base will do, but the same one on both sides.",
        ),
        Wrong(
            "absolute value",
            lambda steps, error: slope(steps, error).abs(),
            "You took the absolute value. It is right as long as the error falls; one that *grows* "
            "with the steps, as when noise is added twice, has an order below 0; yours hides it.",
        ),
        Wrong(
            "a little added to the error",
            lambda steps, error: _line(steps.log(), (error + 1e-8).log()),
            "You added a little to the error before the logarithm. Errors are above 0 by promise; "
            "where they are as small as what you add, the line bends.",
        ),
        Wrong(
            "errors in the order of their size",
            lambda steps, error: slope(steps, error.sort(descending=True).values),
            "You sorted the errors. Each belongs to its own number of steps, also where it is "
            "larger than the one before.",
        ),
    ),
    variants=(slope_by_lstsq, slope_by_cov),
)

ORDER_BY_HAND = Value(
    id="frontier.order_by_hand",
    question=(
        "A sampler errs by .080 at 10 steps, .020 at 20 and .005 at 40. What is its order, and at "
        "how many steps will it err by .00125? Give `order_by_hand = (order, steps)`."
    ),
    section=ORDER,
    answer=(2.0, 80.0),
    tested=("four times less for twice the steps: second order",),
    hints=(
        "By which factor does the error fall when the steps double?",
        "By 4 = 2²: the exponent is the order. And .00125 is a quarter of .005.",
        "Once more twice the steps.",
    ),
    wrong=(
        Wrong(
            "factor",
            (4.0, 80.0),
            "The steps are right. 4 is the factor per doubling; the order is its exponent, 4 = 2².",
        ),
        Wrong(
            "first order",
            (1.0, 160.0),
            "That is first order: half the error for twice the steps. Here it falls to a quarter.",
        ),
        Wrong(
            "steps in proportion",
            (2.0, 160.0),
            "The order is right. A quarter of the error needs √4 = 2 times the steps, not 4 times.",
        ),
        Wrong(
            "one over",
            (0.5, 80.0),
            "The steps are right. ½ is how the steps grow with 1/error; the order is how the error "
            "falls with the steps.",
        ),
        Wrong(
            "sign",
            (-2.0, 80.0),
            "−2 is the slope; by the order its size is meant.",
        ),
        Wrong(
            "factor, in proportion",
            (4.0, 160.0),
            "Twice the steps make a quarter of the error: the order is 2, and a quarter of .005 "
            "needs twice 40.",
        ),
        Wrong(
            "even spacing",
            (2.0, 50.0),
            "The order is right. You went on by 10 steps; the steps *double* from row to row.",
        ),
    ),
    tolerance=0.05,
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


HEUN_STEP = Function(
    id="frontier.heun_step",
    question=(
        "Write `heun_step(net, x, t, s)`: `net(x, level)` answers with the noise ε̂. Step to level "
        "s as DDIM does; ask again there; then step *from x* with the mean of the two noises. "
        "Where `s.sigma` is 0 take the first step only, and do not ask twice. Levels may lie on "
        "the circle or off it."
    ),
    section=TWICE,
    answer=heun_step,
    probes=heun_probes,
    run=with_a_counted_network,
    tested=("where and at which level the second look is", "one look on the way to the data"),
    hints=(
        "Three lines: a trial step, a second look, the real step. From where does the real one "
        "start?",
        "The second look is at (x_s, s); the real step starts at x again, with (ε̂ + ε̂')/2.",
        "`eps = (eps + net(x_s, s)) / 2`, and the line of the trial step once more.",
    ),
    wrong=(
        Wrong(
            "Euler only",
            lambda net, x, t, s: _to_s(x, net(x, t), t, s),
            "That is DDIM, which is Euler's rule: one look. Heun looks a second time from where it "
            "has stepped to.",
        ),
        Wrong(
            "second look at the old level",
            _heuned(second=lambda net, x, x_s, t, s: net(x_s, t)),
            "You told the network t at the second look. x_s stands on s.",
        ),
        Wrong(
            "second look at the old x",
            _heuned(second=lambda net, x, x_s, t, s: net(x, s)),
            "You showed the network the old x at the second look, and told it s. Show it the trial "
            "step, x_s.",
        ),
        Wrong(
            "from the trial step",
            _heuned(
                finish=lambda x, x_s, e1, e2, t, s: (
                    x_s + s.alpha * (s.ratio - t.ratio) * (e1 + e2) / 2
                )
            ),
            "You stepped on from x_s, so the way is walked twice. The trial step is only for "
            "looking; the real one starts at x.",
        ),
        Wrong(
            "second noise only",
            _heuned(finish=lambda x, x_s, e1, e2, t, s: _to_s(x, e2, t, s)),
            "You stepped with the second noise alone. It errs as much as the first, to the other "
            "side; the mean cancels both.",
        ),
        Wrong(
            "no half",
            _heuned(finish=lambda x, x_s, e1, e2, t, s: _to_s(x, e1 + e2, t, s)),
            "You added the two noises and did not halve them.",
        ),
        Wrong(
            "step sign",
            _heuned(
                finish=lambda x, x_s, e1, e2, t, s: (
                    s.alpha * (x / t.alpha + (t.ratio - s.ratio) * (e1 + e2) / 2)
                )
            ),
            "Your real step goes the wrong way: σ/α falls, so s.ratio − t.ratio is negative.",
        ),
        Wrong(
            "looks at the data too",
            _heuned(always=True),
            "You look a second time even where s is the data. There is no noise to see there, and "
            "the look costs an evaluation: 2N − 1, not 2N.",
            COST,
        ),
        Wrong(
            "guess old, noise new",
            _heuned(
                finish=lambda x, x_s, e1, e2, t, s: (
                    s.alpha * (x - t.sigma * e1) / t.alpha + s.sigma * (e1 + e2) / 2
                )
            ),
            "You took the mean noise for putting back, and the old one for the guess. The mean "
            "belongs in both places.",
        ),
        Wrong(
            "noise old, guess new",
            _heuned(
                finish=lambda x, x_s, e1, e2, t, s: (
                    s.alpha * (x - t.sigma * (e1 + e2) / 2) / t.alpha + s.sigma * e1
                )
            ),
            "You took the mean noise for the guess, and put the old one back. The mean belongs in "
            "both places.",
        ),
        Wrong(
            "midpoint",
            lambda net, x, t, s: (
                _to_s(x, net(x, t), t, s)
                if s.sigma == 0
                else _to_s(x, net((x + _to_s(x, net(x, t), t, s)) / 2, t), t, s)
            ),
            "You looked half way, which is another second-order rule. Heun looks at the end of the "
            "trial step.",
        ),
        Wrong(
            "slope of x",
            _heuned(finish=lambda x, x_s, e1, e2, t, s: x + (s.sigma - t.sigma) * (e1 + e2) / 2),
            "You walked with x and σ. That is right where α is 1, as in the paper; in general x/α "
            "moves with σ/α.",
        ),
        Wrong(
            "weights of one third",
            _heuned(finish=lambda x, x_s, e1, e2, t, s: _to_s(x, (e1 + 2 * e2) / 3, t, s)),
            "You gave the second look twice the weight. Both ends of the step count the same.",
        ),
    ),
    variants=(heun_by_library, heun_by_places),
    identities=(
        Identity(
            "two looks, and one on the way to the data",
            lambda out, w, x, t, s: (
                out[1].double(),
                torch.tensor(1.0 if s.sigma == 0 else 2.0).double(),
            ),
        ),
    ),
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


TWO_M_STEP = Function(
    id="frontier.two_m_step",
    question=(
        "Write `two_m_step(x, x0, t, s, past)`: x stands on level `t`, `x0` is the guess made "
        "there; `past` is a list of earlier `(guess, level)` pairs, newest first, empty at the "
        "start. With λ = log(α/σ), `t.lam`, let h = λ_s − λ_t and r = (λ_t − λ_before)/h; step "
        "with $\\tilde x_0 = \\hat x_0 + (\\hat x_0 - \\hat x_{0,\\mathrm{before}})/2r$: "
        "$x_s = \\frac{\\sigma_s}{\\sigma_t}x + \\alpha_s(1 - e^{-h})\\,\\tilde x_0$. Without "
        "a memory, and where `s.sigma` is 0, step with x̂0 itself."
    ),
    section=MEMORY,
    answer=two_m_step,
    probes=two_m_probes,
    tested=("steps of different length", "no memory, one, two", "the step to the data"),
    hints=(
        "The guess has changed since the last step. How much will it have changed by the middle of "
        "this one?",
        "It changed by x̂0 − before over r·h; half a step is h/2: so add the change over 2r.",
        "`ahead = x0 + (x0 - x0_before) / (2 * r)`, with `r = (t.lam - before.lam) / h`.",
    ),
    wrong=(
        Wrong(
            "step ratio inverted",
            _two_m(ahead=lambda x0, before, r: x0 + (x0 - before) * r / 2),
            "Your ratio is upside down: a *long* last step means a slow change, so divide by r. On "
            "evenly spaced levels r is 1 and nobody notices.",
        ),
        Wrong(
            "even steps assumed",
            _two_m(ahead=lambda x0, before, r: 1.5 * x0 - 0.5 * before),
            "You used the weights 3/2 and −1/2, which are those of even steps, r = 1. These steps "
            "differ.",
            SPACING,
        ),
        Wrong(
            "a whole step ahead",
            _two_m(ahead=lambda x0, before, r: x0 + (x0 - before) / r),
            "You carried the guess to the *end* of the step. Over the step it is right on average "
            "in the middle: divide by 2r.",
        ),
        Wrong(
            "change turned round",
            _two_m(ahead=lambda x0, before, r: x0 - (x0 - before) / (2 * r)),
            "You went back to the earlier guess. The change goes on: a plus.",
        ),
        Wrong(
            "mean of both",
            _two_m(ahead=lambda x0, before, r: (x0 + before) / 2),
            "You averaged the last two guesses. That looks half a step *back*; look ahead.",
        ),
        Wrong(
            "memory ignored",
            _two_m(ahead=lambda x0, before, r: x0),
            "You did not use the memory: this is DDIM, first order.",
        ),
        Wrong(
            "oldest memory",
            _two_m(newest=-1),
            "You took the oldest memory. `past` has the newest first, `past[0]`.",
        ),
        Wrong(
            "memory at the last step",
            _two_m(to_the_end=True),
            "You look ahead at the step to σ = 0 too. It is infinitely long in λ, so r is 0 and "
            "you divide by it; take x̂0 as it is.",
        ),
        Wrong(
            "log SNR for lam",
            _two_m(
                arrive=lambda x, g, t, s, h: (
                    s.sigma / t.sigma * x - s.alpha * torch.expm1(-2 * h) * g
                )
            ),
            "You put the log-SNR, 2λ, in the exponent. λ is half of it: log(α/σ).",
        ),
        Wrong(
            "noise's line",
            _two_m(
                arrive=lambda x, g, t, s, h: (
                    (s.alpha / t.alpha * x - s.sigma * torch.expm1(h) * g)
                    if s.sigma > 0
                    else s.alpha * g
                )
            ),
            "You mixed up two lines. α_s/α_t and e^h − 1 belong to the version that carries the "
            "*noise* on; with guesses of the data it is σ_s/σ_t.",
        ),
        Wrong(
            "first line only",
            _two_m(arrive=lambda x, g, t, s, h: -s.alpha * torch.expm1(-h) * g),
            "x itself is missing: σ_s/σ_t of it is kept, the old noise.",
        ),
        Wrong(
            "sign of the exponent",
            _two_m(
                arrive=lambda x, g, t, s, h: s.sigma / t.sigma * x + s.alpha * torch.expm1(-h) * g
            ),
            "expm1(−h) is e^(−h) − 1, which is negative: the line has 1 − e^(−h), so a minus "
            "before it.",
        ),
        Wrong(
            "ratio in sigma/alpha",
            _two_m_by(lambda t: t.ratio),
            "You measured the steps by σ/α. This rule is straight in λ = log(α/σ).",
            SPACING,
        ),
        Wrong(
            "ratio in time",
            _two_m_by(lambda t: t.time),
            "You measured the steps by time. This rule is straight in λ = log(α/σ); only there do "
            "its weights hold for every schedule.",
            SPACING,
        ),
    ),
    variants=(two_m_by_library, two_m_by_line),
    identities=(
        Identity(
            "the step to the data lands on the guess",
            lambda out, x, x0, t, s, past: (out[0], s.alpha * x0) if s.sigma == 0 else None,
        ),
        Identity(
            "if the guess did not change, the step is DDIM's",
            lambda out, x, x0, t, s, past: (
                (out[0], diffuse.q_sample(x0, s, diffuse.eps_from_x0(x, x0, t)))
                if not past
                else None
            ),
        ),
    ),
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


WALK_ALL = Function(
    id="frontier.walk_all",
    question=(
        "Write `walk_all(step, denoise, starts, levels)`: `starts` is a list of batches of noise; "
        "walk each of them down `levels` (noisiest first) and return the list of ends. "
        "`step(denoise, x, t, s, last)` returns a Step with `.x`; `last` is the Step before, None "
        "at the first one."
    ),
    section=MEMORY,
    answer=walk_all,
    probes=walk_all_probes,
    run=with_two_m,
    tested=("several batches, one after the other", "a memory for each walk"),
    hints=(
        "Two loops, one in the other. What must be as new at the start of the inner one?",
        "x starts from its own noise, and last is None again: a memory belongs to one walk.",
        "`last = None` stands between the two `for` lines.",
    ),
    wrong=(
        Wrong(
            "history kept between walks",
            _kept_between,
            "Your memory outlives the walk: the second batch starts with the last guess of the "
            "first. The first batch is right, which is why nobody notices.",
            source="diffusers, issue 6631: the multistep solver's outputs are kept between samples",
        ),
        Wrong(
            "one memory for all",
            _side_by_side,
            "You walk all batches side by side with one memory between them, so each remembers its "
            "neighbour's guess.",
        ),
        Wrong(
            "never remembers",
            _walked(remember=lambda last, new: None),
            "You hand None to every step. 2M then is DDIM: no error message, and first order.",
        ),
        Wrong(
            "remembers the first step",
            _walked(remember=lambda last, new: last or new),
            "You remember the first step for ever. `last` is the Step just before this one.",
        ),
        Wrong(
            "walks on",
            _walks_on,
            "Your second walk starts where the first one ended. Each batch has its own noise.",
        ),
        Wrong(
            "x not handed on",
            _never_moves,
            "Every one of your steps starts from the same noise: x must become `last.x`.",
        ),
        Wrong(
            "stops short",
            _walked(ladder=lambda levels: levels[:-1]),
            "You leave out the last step, to the data.",
        ),
        Wrong(
            "starts late",
            _walked(ladder=lambda levels: levels[1:]),
            "You leave out the first step: pure noise is taken for less than it is.",
        ),
        Wrong(
            "skips every other level",
            _walked(ladder=lambda levels: [*levels[:-1:2], levels[-1]]),
            "You use every other level: half of the steps that were asked for.",
        ),
        Wrong(
            "every step returned",
            _every_step,
            "You append inside the inner loop, so every stop on the way is returned. Asked are the "
            "ends.",
        ),
        Wrong(
            "first batch only",
            lambda step, denoise, starts, levels: walk_all(step, denoise, starts[:1], levels),
            "You return after the first batch: the `return` stands inside the outer loop.",
        ),
    ),
    variants=(walk_all_by_library, walk_all_by_function),
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


KARRAS_GRID = Function(
    id="frontier.karras_grid",
    question=(
        "Write `karras_grid(steps, high, low, rho)`: steps + 1 noise levels σ, noisiest first. The "
        "first `steps` of them (at least 2) are positive, $\\sigma_i = \\big(\\sigma_{high}^{1/"
        "\\rho} + \\tfrac{i}{N-1}(\\sigma_{low}^{1/\\rho} - \\sigma_{high}^{1/\\rho})\\big)^"
        "\\rho$ for i = 0 ... N − 1 with N = steps; the last is 0, the data."
    ),
    section=SPACING,
    answer=karras_grid,
    probes=karras_probes,
    tested=("the first is high, the last positive one low, then 0", "rho from 2 to 10"),
    hints=(
        "Go to another clock, the ρ-th root; walk evenly there; come back.",
        "`share = i/(N − 1)` runs from 0 to 1; the roots of high and low are its ends; raise to ρ; "
        "append 0.",
        "`torch.cat([root**rho, root.new_zeros(1)])`.",
    ),
    wrong=(
        Wrong(
            "ascending",
            _karras(ends=lambda high, low: (low, high)),
            "Your levels climb from low to high, and then fall to 0. A walk starts with the "
            "noisiest.",
        ),
        Wrong(
            "ascending from the data",
            lambda *probe: karras_grid(*probe).flip(0),
            "Your list runs from the data to the noise; a walk starts with the noisiest.",
        ),
        Wrong(
            "no outer power",
            _karras(back=lambda u, rho: u),
            "You walked evenly among the roots and did not come back: raise to the power ρ.",
        ),
        Wrong(
            "no root",
            _karras(there=lambda v, rho: v),
            "You left out the roots and raised to ρ at the end: levels up to high^ρ.",
        ),
        Wrong(
            "rho inverted",
            _karras(there=lambda v, rho: v**rho, back=lambda u, rho: u ** (1 / rho)),
            "ρ and 1/ρ have changed places. Your steps crowd at the noisy end; they should crowd "
            "near the data.",
        ),
        Wrong(
            "linear",
            _karras(there=lambda v, rho: v, back=lambda u, rho: u),
            "Your levels fall evenly, which is ρ = 1: nearly all steps are spent in fog.",
        ),
        Wrong(
            "always seven",
            lambda steps, high, low, rho: karras_grid(steps, high, low, 7.0),
            "You used the paper's 7; take the rho that is passed in.",
        ),
        Wrong(
            "log spacing",
            _karras(there=lambda v, rho: v.log(), back=lambda u, rho: u.exp()),
            "You spaced the logarithms evenly. That is ρ without end, the log-SNR grid.",
        ),
        Wrong(
            "low never reached",
            _karras(share=lambda i, n: i / n),
            "You divided i by N, so the last positive level is not low. N points have N − 1 gaps.",
        ),
        Wrong(
            "high never visited",
            _karras(share=lambda i, n: (i + 1) / n),
            "Your first level is one stride below high: the noise that x_T has is never visited.",
        ),
        Wrong(
            "no zero",
            _karras(end=lambda grid: grid),
            "The last level, 0, is missing: the walk stops in the noise of low.",
        ),
        Wrong(
            "zero for low",
            _karras(end=lambda grid: torch.cat([grid[:-1], grid.new_zeros(1)])),
            "You replaced low by 0. Both are asked: low as the last positive level, then 0.",
        ),
        Wrong(
            "zero as low",
            lambda steps, high, low, rho: torch.cat(
                [karras_grid(steps + 1, high, 0.0, rho)[:-2], torch.zeros(1)]
            ),
            "You went evenly down to 0 and never used low. The last stride would then be the "
            "longest in log-SNR.",
        ),
        Wrong(
            "variances",
            lambda *probe: karras_grid(*probe) ** 2,
            "You returned σ², the variances. Asked is σ.",
        ),
        Wrong(
            "low kept at .002",
            lambda steps, high, low, rho: karras_grid(steps, high, max(low, 0.002), rho),
            "You kept low from falling below .002, the paper's number. Take the one passed in.",
        ),
        Wrong(
            "not below a thousandth",
            lambda *probe: karras_grid(*probe).clamp(min=1e-3),
            "You set a floor of .001 under the levels, so that the walk never arrives: the last "
            "level is exactly 0.",
        ),
    ),
    variants=(karras_by_library, karras_by_loop),
    identities=(
        Identity(
            "it begins with high, and ends with low and 0",
            lambda out, steps, high, low, rho: (
                out[0].double()[[0, -2, -1]],
                torch.tensor([high, low, 0.0]).double(),
            ),
        ),
    ),
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


LOG_SNR_GRID = Function(
    id="frontier.log_snr_grid",
    question=(
        "Write `log_snr_grid(steps, high, low)`: steps + 1 values of ᾱ, noisiest first, on the "
        "circle (α² = ᾱ, σ² = 1 − ᾱ). The first `steps` (at least 2) are evenly spaced in "
        "λ = log(α/σ), from σ/α = `high` to σ/α = `low`; the last one is the data, ᾱ = 1."
    ),
    section=SPACING,
    answer=log_snr_grid,
    probes=log_snr_probes,
    tested=("from high to low, then the data", "even in the logarithm"),
    hints=(
        "In which clock are the strides equal? And how does ᾱ follow from σ/α on the circle?",
        "log(σ/α) falls evenly; with r = σ/α, ᾱ = 1/(1 + r²).",
        "`ratio = torch.linspace(math.log(high), math.log(low), steps).exp()`.",
    ),
    wrong=(
        Wrong(
            "lam taken for log SNR",
            _log_snr(power=lambda r: 1 / (1 + r)),
            "You took the sigmoid of λ. ᾱ is the sigmoid of the log-SNR, which is 2λ: SNR is "
            "α²/σ².",
        ),
        Wrong(
            "amplitude",
            _log_snr(power=lambda r: 1 / (1 + r**2).sqrt()),
            "That is α. Asked is the power ᾱ = α².",
        ),
        Wrong(
            "noise",
            _log_snr(
                power=lambda r: r**2 / (1 + r**2), end=lambda k: torch.cat([k, torch.zeros(1)])
            ),
            "That is 1 − ᾱ, the share of noise.",
        ),
        Wrong(
            "ratios returned",
            _log_snr(power=lambda r: r, end=lambda k: torch.cat([k, torch.zeros(1)])),
            "These are the σ/α, evenly spaced as asked. One more line: ᾱ = 1/(1 + r²).",
        ),
        Wrong(
            "one over the SNR",
            _log_snr(power=lambda r: 1 / r**2),
            "That is the SNR, α²/σ². On the circle ᾱ = SNR/(1 + SNR).",
        ),
        Wrong(
            "even in the ratio",
            _log_snr(clock=(lambda v: v, lambda u: u)),
            "Your σ/α fall evenly: nearly all levels are in deep fog. Their *logarithm* should "
            "fall evenly.",
        ),
        Wrong(
            "even in alpha_bar",
            _even_in_alpha_bar,
            "Your ᾱ grow evenly. Then the noisiest and the cleanest decades get one stride each.",
        ),
        Wrong(
            "Karras",
            _log_snr(clock=(lambda v: v ** (1 / 7), lambda u: u**7)),
            "You spaced seventh roots evenly, which is Karras' grid. Here logarithms are asked.",
        ),
        Wrong(
            "clean first",
            lambda *probe: log_snr_grid(*probe).flip(0),
            "Your list runs from the data to the noise; a walk starts with the noisiest.",
        ),
        Wrong(
            "high and low swapped",
            lambda steps, high, low: log_snr_grid(steps, low, high),
            "Your levels run from low to high. `high` is the noisy end, where the walk starts.",
        ),
        Wrong(
            "one too many",
            _log_snr(count=lambda n: n + 1),
            "You made steps + 1 noisy levels and the data. N steps have N + 1 levels in all.",
        ),
        Wrong(
            "data missing",
            _log_snr(end=lambda kept: kept),
            "The data is missing: the last level is ᾱ = 1.",
        ),
        Wrong(
            "data for low",
            _log_snr(end=lambda kept: torch.cat([kept[:-1], kept.new_ones(1)])),
            "You replaced low by the data. Both are asked: low as the last noisy level, then 1.",
        ),
        Wrong(
            "never below 1e-4",
            lambda *probe: log_snr_grid(*probe).clamp(min=1e-4),
            "You set a floor of 1e-4 under ᾱ. In deep fog less than that is left, and the strides "
            "must stay equal there too.",
        ),
        Wrong(
            "never above .9999",
            lambda *probe: log_snr_grid(*probe).clamp(max=0.9999),
            "You set a ceiling of .9999 over ᾱ, the first entry of the usual table. The last level "
            "here is the data: exactly 1.",
        ),
    ),
    variants=(log_snr_by_library, log_snr_by_sigmoid),
    identities=(
        Identity(
            "equal strides in log-SNR",
            lambda out, steps, high, low: (
                out[0][:-1].double().logit().diff(),
                torch.full((steps - 1,), 2 * math.log(high / low) / (steps - 1)).double(),
            ),
        ),
    ),
)

SPACING_BY_HAND = Value(
    id="frontier.spacing",
    question=(
        "The straight-line schedule σ/α = t/(1 − t), twenty steps: twenty noisy levels, and the "
        "data. How many of the noisy ones have 10 < σ/α < ∞, first with t = 1, .95, .90 ... .05, "
        "then with log(σ/α) evenly spaced from σ/α = 80 to .002, ends included? Give "
        "`spacing = (even in t, even in log)`."
    ),
    section=SPACING,
    answer=(1.0, 4.0),
    tested=("even steps in t jump over the noisy region; even steps in log-SNR do not",),
    hints=(
        "At which t is σ/α = 10? And how long is one stride in the logarithm?",
        "t = 10/11 = .909. A stride is ln(80/.002)/19 = .558; from ln 80 to ln 10 it is 2.08.",
        "Only t = .95 lies between .909 and 1; and 2.08/.558 = 3.7 strides hold four levels.",
    ),
    wrong=(
        Wrong(
            "t = 1 counted",
            (2.0, 4.0),
            "The second is right. At t = 1 there is no signal at all and σ/α is infinite: it was "
            "not to be counted.",
        ),
        Wrong(
            "strides",
            (1.0, 3.0),
            "The first is right. 3.7 strides fit, and the level at 80 itself comes before the "
            "first stride: four levels.",
        ),
        Wrong(
            "t = 1 counted, and strides",
            (2.0, 3.0),
            "Two slips. At t = 1 σ/α is infinite, and was not to be counted. And 3.7 strides hold "
            "four levels: the one at 80 comes before the first stride.",
        ),
        Wrong(
            "sigma above",
            (3.0, 4.0),
            "You took t = 1, .95 and .90. At t = .90 the ratio is 9, and at t = 1 infinite.",
        ),
        Wrong(
            "one too far",
            (1.0, 5.0),
            "The first is right. The levels are 80, 46, 26, 15, and then 8.6, which is below 10.",
        ),
        Wrong(
            "none",
            (0.0, 4.0),
            "The second is right. t = .95 has σ/α = 19, which is above 10.",
        ),
        Wrong(
            "swapped",
            (4.0, 1.0),
            "The right numbers in the wrong order: even in t first.",
        ),
        Wrong(
            "even in the ratio",
            (1.0, 17.0),
            "The first is right. You spaced σ/α itself evenly; its *logarithm* is even here.",
        ),
    ),
    tolerance=0.2,
)


# --- claims ---------------------------------------------------------------------------------------

MISSING = (
    "\n\n- **a** nothing: it can be checked as it stands\n"
    "- **b** how good the pictures are\n"
    "- **c** the number of pictures, and what real pictures would get\n"
    "- **d** the sampler, and whether it is guided: how many evaluations are that?\n"
    "- **e** the batch, the network and the machine\n\n"
)


def _claim(name, claim, answer, tested, hints, wrong):
    """What does a claim leave out, first of all? wrong holds (letter, name, hint)."""
    return Value(
        id=f"frontier.{name}",
        question=f"“{claim}” What is missing most?{MISSING}`{name}` is one letter, in quotes.",
        section=CLAIMS,
        answer=answer,
        tested=(tested,),
        hints=hints,
        wrong=tuple(Wrong(title, letter, text) for letter, title, text in wrong),
    )


CLAIM_STEPS = _claim(
    "claim_steps",
    "On our shared test set of 5000 prompts the model gets a Fréchet distance of 8.1 in 50 steps; "
    "real against real gets 2.0 at that number.",
    "d",
    "steps of what? From 50 to 198 evaluations, by sampler and guidance",
    (
        "Try to compute the evaluations per picture from the claim.",
        "DDIM makes 50 of it, guided DDIM 100, guided Heun 198.",
        "A step is not a unit of work until you know the sampler.",
    ),
    (
        (
            "a",
            "nothing",
            "Count the evaluations: 50 for DDIM, 100 if it is guided, 198 for guided Heun. The "
            "claim does not say which.",
        ),
        (
            "e",
            "machine",
            "It does not speak of time, so batch and machine are not needed. It speaks of steps: "
            "whose?",
        ),
        (
            "c",
            "floor",
            "Both are there: 5000 prompts, and 2.0 for real against real.",
        ),
        (
            "b",
            "quality",
            "Quality is there, with its floor. What it *cost* cannot be computed.",
        ),
    ),
)

CLAIM_SECONDS = _claim(
    "claim_seconds",
    "Guided DDIM in 25 steps, 50 evaluations: .04 seconds per picture, at a Fréchet distance of "
    "8.1 on 5000 pictures, floor 2.0.",
    "e",
    "seconds mean nothing without batch, network and machine",
    (
        "Could you repeat this measurement at home, and expect the same number?",
        "Evaluations and quality are given. What do seconds depend on besides?",
        "A batch of 64 on a large card makes each picture look cheap.",
    ),
    (
        (
            "a",
            "nothing",
            ".04 s per picture in a batch of one, or of 64? On which machine, with how large a "
            "network? You could not repeat it.",
        ),
        (
            "d",
            "sampler",
            "It is there: guided DDIM, 25 steps, 50 evaluations.",
        ),
        ("c", "floor", "Both are there: 5000 pictures, floor 2.0."),
        (
            "b",
            "quality",
            "Quality is there, with its floor. The *seconds* cannot be read.",
        ),
    ),
)

CLAIM_BETTER = _claim(
    "claim_better",
    "With 2M in 20 evaluations, unguided, on the same network we get a Fréchet distance of 7.9, "
    "better than DDIM in 50 evaluations, which gets 8.1.",
    "c",
    "a difference of .2 is nothing before its error is known",
    (
        "Draw the pictures again with another seed. By how much would 7.9 move?",
        "A Fréchet distance is inflated by small samples, and scatters. Compared with what?",
        "Ask for the number of pictures, an error bar, and the distance of real from real.",
    ),
    (
        (
            "a",
            "nothing",
            "Is .2 more than another seed would change? Nobody can tell without the number of "
            "pictures and a floor.",
        ),
        (
            "d",
            "sampler",
            "Both samplers, their evaluations, and “unguided” are there.",
        ),
        (
            "e",
            "machine",
            "It claims evaluations, not seconds. Those are the same on every machine.",
        ),
        (
            "b",
            "quality",
            "Quality is there, twice. But is the *difference* real?",
        ),
    ),
)

CLAIM_FAST = _claim(
    "claim_fast",
    "Our student needs 2 evaluations for a picture, the teacher 100: fifty times faster, on the "
    "same machine in the same batch.",
    "b",
    "a point on the frontier has two numbers: cost and quality",
    (
        "A point on the frontier has two coordinates.",
        "How would you make a system of one evaluation within an hour?",
        "Everything about cost is there. And what do the pictures look like?",
    ),
    (
        (
            "a",
            "nothing",
            "A network that draws grey in one evaluation is a hundred times faster. The other "
            "coordinate is missing.",
        ),
        (
            "d",
            "sampler",
            "The evaluations are given, so the sampler is not needed to count them.",
        ),
        (
            "e",
            "machine",
            "The same machine and batch for both, and the claim is a ratio.",
        ),
        (
            "c",
            "floor",
            "There is no distance yet of which a floor could be asked: quality is missing "
            "altogether.",
        ),
    ),
)

MORE_STEPS = Value(
    id="frontier.more_steps",
    question=(
        "On some trained network, DDIM's Fréchet distance falls up to 50 steps, and then stays "
        "where it is, well above the floor, up to 1000. Why?\n\n"
        "- **a** the sampler is broken: more steps always help\n"
        "- **b** the steps follow the network's path ever more exactly, and what is left is the "
        "network's own error\n"
        "- **c** the network was trained for 50 steps\n"
        "- **d** rounding errors add up over the steps\n"
        "- **e** DDIM cannot use more than 50 steps\n\n`more_steps` is one letter, in quotes."
    ),
    section=LIMIT,
    answer="b",
    tested=("steps shrink the sampler's error only",),
    hints=(
        "Two errors make a picture wrong. Which of them do steps touch?",
        "On an *exact* denoiser the error goes on falling with the steps.",
        "Sampler's error: falls like 1/N. Network's error: stays.",
    ),
    wrong=(
        Wrong(
            "more steps always help",
            "a",
            "More steps help until the sampler's error is below the network's; then nothing is "
            "left to gain. On an exact denoiser the same sampler goes on improving.",
            ORDER,
        ),
        Wrong(
            "trained for 50",
            "c",
            "Training knows levels, not steps: each batch has its own levels, and no walk is ever "
            "made.",
        ),
        Wrong(
            "rounding",
            "d",
            "Rounding is about 1e-7 a step; a thousand of them stay far below what you see.",
        ),
        Wrong(
            "a limit of DDIM",
            "e",
            "It walks any grid. On an exact denoiser its error at 1000 steps is a twentieth of "
            "that at 50.",
            ORDER,
        ),
    ),
)

EXERCISES = [
    EVALUATIONS,
    CALLS_BY_HAND,
    COST_PER_PICTURE,
    SPEEDUP,
    PARETO,
    PLACE_FIVE,
    ON_FRONTIER,
    CLAIM_STEPS,
    CLAIM_SECONDS,
    CLAIM_BETTER,
    CLAIM_FAST,
    FIXED_COSTS,
    MORE_STEPS,
    SLOPE,
    ORDER_BY_HAND,
    HEUN_STEP,
    TWO_M_STEP,
    WALK_ALL,
    KARRAS_GRID,
    LOG_SNR_GRID,
    SPACING_BY_HAND,
]
