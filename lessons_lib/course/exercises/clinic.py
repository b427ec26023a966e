"""Exercises of notebook 07, broken samplers: name the bug from its symptoms, then mend it.

Case n is the n-th of `course.clinic.BUGS`: six in each sitting.
"""

from functools import partial
from unittest import mock

import torch

from lessons_lib import diffuse, levels, samplers
from lessons_lib.course import clinic
from lessons_lib.course.exercises.bank import OnPaper, Slip, choices, in_code
from lessons_lib.course.exercises.probes import (
    LEAVES,
    between_levels,
    bright,
    long_betas,
    normal,
    on_levels,
    some_level,
    strong_betas,
)

# --- name the bug ---------------------------------------------------------------------------------

SITTINGS = ("The first sitting", "The second sitting")


def diagnosis(said, number, bug):
    """What is wrong with this patient? The six of its sitting, in the order of the alphabet."""
    six = sorted((b for b in clinic.BUGS if b.sitting == bug.sitting), key=lambda b: b.name)
    letter = dict(zip((b.id for b in six), "abcdef", strict=True))
    sitting, proof, slip = SITTINGS[bug.sitting - 1], bug.confirm.__doc__, said["slip"]
    fill = dict(said["cases"][bug.id], sitting=sitting, name=bug.name, confirm=proof)
    return OnPaper(
        id=f"clinic.diagnose_{number}",
        section=said["section"].format(**fill),
        answer=letter[bug.id],
        tested=tuple(line.format(**fill) for line in said["tested"]),
        hints=tuple(line.format(**fill) for line in said["hints"]),
        wrong=tuple(
            Slip(b.id, letter[b.id], slip.format(symptom=b.symptom, **fill), elsewhere(bug, b))
            for b in six
            if b is not bug
        ),
    )


def elsewhere(bug, other):
    """The section that tells a bug from another one of its sitting."""
    if bug.sitting == 2:
        return "Broken or under-trained?"
    alike = (bug.ask is clinic.obey) == (other.ask is clinic.obey)
    return "What a healthy sampler shows" if alike else "Look at single guesses first"


choices(
    "clinic.diagnose",
    lambda said: [diagnosis(said, n, bug) for n, bug in enumerate(clinic.BUGS, 1)],
)

# --- 1: the loop ----------------------------------------------------------------------------------


def walk_back(net, step, x, entries, z):
    """Ask the network at each entry, and step to the next one; record no graph."""
    with torch.no_grad():
        for i in range(len(entries) - 1):
            n, m = entries[i], entries[i + 1]
            x = step(x, net(x, n), n, m, z[i])
    return x


def loop_probes(generator):
    """Weights of a stub network, noise, entries of a table with uneven gaps, fresh noise."""
    probes = []
    for i in range(12):
        steps = 2 + i % 4
        gaps = 2 + torch.randint(0, 9, (steps,), generator=generator)
        entries = [*gaps.flip(0).cumsum(0).flip(0).tolist(), 0]
        if i % 4 == 3:  # a table of a thousand
            entries = [25 * n for n in entries]
        w, x = bright(i) * normal(2, 3, 3, generator=generator)
        z = bright(i) * normal(steps, 3, 3, generator=generator)
        probes.append((w, x, entries, z))
    return probes


def with_stub_network(answer, probe):
    """Call the answer with a network and a step that depend on all they get.

    How many of the x that the network was shown have a graph, of its answers, and of the steps? Has
    the end? And does torch record afterwards, as it did before?
    """
    w, x, entries, z = probe
    w = w.clone().requires_grad_()
    graphs = [0, 0, 0]

    def net(x, n):
        eps = torch.tanh(x @ w / 3 + n / 20)
        graphs[0] += x.requires_grad
        graphs[1] += eps.requires_grad
        return eps

    def step(x, eps, n, m, z):
        x = 0.9 * x - (n - m) / 40 * eps + (m / 60) * z + 0.001 * n
        graphs[2] += x.requires_grad
        return x

    end = answer(net, step, x, entries, z)
    return [end, [*graphs, int(end.requires_grad), int(torch.is_grad_enabled())]]


def loop_by_pairs(net, step, x, entries, z):
    """Neighbours taken together."""
    with torch.set_grad_enabled(False):
        for n, m, fresh in zip(entries[:-1], entries[1:], z, strict=True):
            x = step(x, net(x, n), n, m, fresh)
    return x


@torch.no_grad()
def loop_by_recursion(net, step, x, entries, z):
    """The first step, then the rest of the walk."""
    if len(entries) == 1:
        return x
    n, m = entries[:2]
    return loop_by_recursion(net, step, step(x, net(x, n), n, m, z[0]), entries[1:], z[1:])


def recorded(
    net, step, x, entries, z,
    way=lambda entries: entries,
    told=lambda i, n, m, steps: n,
    to=lambda n, m: (n, m),
    noise=lambda z, i, eps: z[i],
    after=lambda x: x,
):  # fmt: skip
    """The loop in parts, without `no_grad`."""
    entries = way(entries)
    steps = len(entries) - 1
    for i in range(steps):
        n, m = entries[i : i + 2]
        eps = net(x, told(i, n, m, steps))
        x = after(step(x, eps, *to(n, m), noise(z, i, eps)))
    return x


looped = torch.no_grad()(recorded)


def switched_off(net, step, x, entries, z):
    torch.set_grad_enabled(False)
    return recorded(net, step, x, entries, z)


def not_handed_on(net, step, x, entries, z):
    """Every step starts from the first x, so that only the last one counts."""
    return looped(net, step, x, entries[-2:], z[-1:])


def last_step_unrecorded(net, step, x, entries, z):
    return not_handed_on(net, step, recorded(net, step, x, entries[:-1], z), entries, z)


@torch.no_grad()
def asked_once(net, step, x, entries, z):
    eps = net(x, entries[0])
    return recorded(lambda x, n: eps, step, x, entries, z)


in_code(
    "clinic.repair_1",
    walk_back,
    probes=loop_probes,
    variants=(loop_by_pairs, loop_by_recursion, looped),
    slips={
        "loop index, upwards": partial(looped, told=lambda i, n, m, steps: i),
        "loop index, downwards": partial(looped, told=lambda i, n, m, steps: steps - i),
        "told where it goes": partial(looped, told=lambda i, n, m, steps: m),
        "time ascending": partial(looped, way=lambda entries: entries[::-1]),
        "the same noise each step": partial(looped, noise=lambda z, i, eps: z[0]),
        "noise from the end": partial(looped, noise=lambda z, i, eps: z[-1 - i]),
        "predicted noise as fresh noise": partial(looped, noise=lambda z, i, eps: eps),
        "noise drawn inside": partial(looped, noise=lambda z, i, eps: torch.randn_like(eps)),
        "one entry at a time": partial(looped, to=lambda n, m: (n, n - 1)),
        "step backwards": partial(looped, to=lambda n, m: (m, n)),
        "stops one early": partial(looped, way=lambda entries: entries[:-1]),
        "starts one late": partial(looped, way=lambda entries: entries[1:]),
        "graph recorded": recorded,
        "graph cut at the end": lambda *given: recorded(*given).detach(),
        "last step unrecorded": last_step_unrecorded,
        "graph cut after each step": partial(recorded, after=torch.Tensor.detach),
        "only the step unrecorded": lambda net, go, *on: recorded(net, torch.no_grad()(go), *on),
        "recording switched off for good": switched_off,
        "asked once": asked_once,
        "x not handed on": not_handed_on,
        "network sees the start": lambda net, go, x, *z: looped(lambda _, n: net(x, n), go, x, *z),
    },
    theorems={
        "no graph": lambda out, *probe: (out[1].double(), torch.tensor([0, 0, 0, 0, 1]).double()),
    },
    run=with_stub_network,
)


# --- 2: the range ---------------------------------------------------------------------------------


def clipped_guess(x, eps, t):
    """Guess the data from the noise, and cut the guess to the range of the data."""
    return ((x - t.sigma * eps) / t.alpha).clamp(-1, 1)


def guess_probes(generator):
    """Guesses that leave −1 ... 1 on both sides, on levels on the circle and off it."""
    probes = []
    for i, shape in enumerate(LEAVES * 4):
        x0, eps = normal(2, *shape, generator=generator)
        t = some_level(i, generator)
        x = diffuse.q_sample(1.3 * bright(i) * x0, t, eps) if i < 10 else x0
        probes.append((x, eps, t))
    for alpha, sigma, size in ((1.0, 20.0, 1.0), (0.5, 0.5, 30.0), (0.004, 1.0, 0.004)):
        t = levels.Level(*torch.tensor([0.5, alpha, sigma], dtype=torch.float64))
        x0, eps = normal(2, 4, 4, generator=generator)
        probes.append((diffuse.q_sample(x0, t, size * eps), size * eps, t))
    return probes


def guess_by_cases(x, eps, t):
    """Where it is outside, its sign."""
    x0 = x / t.alpha - t.ratio * eps
    return torch.where(x0.abs() > 1, x0.sign(), x0)


def cut(x, eps, t, limit=lambda x0: x0.clamp(-1, 1)):
    """The library's guess, and some limit."""
    return limit(diffuse.x0_from_eps(x, eps, t))


in_code(
    "clinic.repair_2",
    clipped_guess,
    probes=guess_probes,
    variants=(guess_by_cases, cut),
    slips={
        "unit range": partial(cut, limit=lambda x0: x0.clamp(0, 1)),
        "not cut": partial(cut, limit=lambda x0: x0),
        "only above": partial(cut, limit=lambda x0: x0.clamp(max=1)),
        "only below": partial(cut, limit=lambda x0: x0.clamp(min=-1)),
        "moved into the range": partial(cut, limit=lambda x0: (x0 + 1) / 2),
        "moved, then cut": partial(cut, limit=lambda x0: 2 * x0.clamp(0, 1) - 1),
        "squeezed": partial(cut, limit=torch.tanh),
        "divided by its largest": partial(cut, limit=lambda x0: x0 / x0.abs().max().clamp(min=1)),
        "x cut": lambda x, eps, t: diffuse.x0_from_eps(x.clamp(-1, 1), eps, t),
        "eps cut": lambda x, eps, t: diffuse.x0_from_eps(x, eps.clamp(-1, 1), t),
        "cut before the division": lambda x, eps, t: (x - t.sigma * eps).clamp(-1, 1) / t.alpha,
        "not divided": lambda x, eps, t: (x - t.sigma * eps).clamp(-1, 1),
        "folded back": partial(cut, limit=lambda x0: x0 * (x0.abs() <= 1)),
    },
    theorems={
        "inside": lambda out, x, eps, t: (out[0].clamp(-1, 1), out[0]),
        "unchanged": lambda out, x, eps, t: (
            torch.where(out[0].abs() < 1, out[0], 0.0),
            torch.where(out[0].abs() < 1, diffuse.x0_from_eps(x, eps, t), 0.0),
        ),
    },
)


# --- 5: the last noise ----------------------------------------------------------------------------


def quiet_at_the_end(x, x0, z, t, s):
    """DDPM's step with the large variance, and no noise on the way to the data."""
    var = t.sigma**2 - (t.alpha / s.alpha) ** 2 * s.sigma**2
    mean = (t.alpha / s.alpha * s.sigma**2 * x + s.alpha * var * x0) / t.sigma**2
    std = var.sqrt() if s.sigma > 0 else 0
    return mean + std * z


def quiet_by_library(x, x0, z, t, s):
    """The library's own, whose dice are replaced by the z handed in."""
    with mock.patch.object(samplers, "noise_like", lambda x, generator: z):
        return samplers.ddpm(lambda x, t: x0, x, t, s, large=True).x


def quiet_with(
    x, x0, z, t, s,
    std=lambda var, t, s: var.sqrt(),
    silent=lambda t, s: s.sigma == 0,
    fresh=lambda x, x0, z, t: z,
):  # fmt: skip
    """The two weights first, as old noise kept and fresh noise added; with one part wrong."""
    keep = t.alpha / s.alpha * s.sigma**2 / t.sigma**2
    mean = keep * x + (s.alpha - keep * t.alpha) * x0
    var = t.sigma**2 - (t.alpha * s.ratio) ** 2
    return mean if silent(t, s) else mean + std(var, t, s) * fresh(x, x0, z, t)


small = lambda var, t, s: var.sqrt() * s.sigma / t.sigma
on_circle = lambda var, t, s: (1 - (t.alpha / s.alpha) ** 2).clamp(min=0).sqrt()
predicted = lambda x, x0, z, t: diffuse.eps_from_x0(x, x0, t)

in_code(
    "clinic.repair_5",
    quiet_at_the_end,
    probes=partial(between_levels, many=3),
    variants=(quiet_by_library, quiet_with),
    slips={
        "noise at the last step": partial(quiet_with, silent=lambda t, s: False),
        "small variance everywhere": partial(quiet_with, std=small),
        "no noise at all": partial(quiet_with, silent=lambda t, s: True),
        "noise faded out": partial(quiet_with, std=lambda var, t, s: var.sqrt() * s.sigma),
        "variance as std": partial(quiet_with, std=lambda var, t, s: var),
        "variance from the circle": partial(quiet_with, std=on_circle),
        "all the noise of the next level": partial(quiet_with, std=lambda var, t, s: s.sigma),
        "silent one step early": partial(quiet_with, silent=lambda t, s: s.sigma <= 0.5 * t.sigma),
        "last step not taken": lambda x, *to: quiet_at_the_end(x, *to) if to[-1].sigma else x,
        "the guess, always": lambda x, x0, z, t, s: x0 if s.sigma == 0 else x0 + s.sigma * z,
        "predicted noise as fresh noise": partial(quiet_with, fresh=predicted),
        "noise taken off": lambda x, x0, z, t, s: quiet_at_the_end(x, x0, -z, t, s),
        "clipped": lambda *step: quiet_at_the_end(*step).clamp(-1, 1),
    },
    theorems={
        "end": lambda out, x, x0, z, t, s: (out[0], x0) if s.sigma == 0 else None,
    },
)


# --- 7: what the network predicts -----------------------------------------------------------------


def guess_from_v(x, v, t):
    """The data that x and its v point back to; right on every level."""
    return (t.alpha * x - t.sigma * v) / (t.alpha**2 + t.sigma**2)


def guess_by_solving(x, v, t):
    """x and v are two lines with two unknowns, x0 and ε: solve them, entry by entry."""
    lines = torch.stack([torch.stack([t.alpha, t.sigma]), torch.stack([-t.sigma, t.alpha])])
    known = torch.stack([x.reshape(-1), v.reshape(-1)])
    return torch.linalg.solve(lines, known)[0].reshape(x.shape)


def from_v_with(x, v, t, above=lambda x, v, a, s: a * x - s * v, below=lambda a, s: a**2 + s**2):
    """The guess as a fraction."""
    return above(x, v, t.alpha, t.sigma) / below(t.alpha, t.sigma)


in_code(
    "clinic.repair_7",
    guess_from_v,
    probes=on_levels,
    variants=(diffuse.x0_from_v, guess_by_solving, from_v_with),
    slips={
        "read as eps": lambda x, v, t: diffuse.x0_from_eps(x, v, t),
        "read as x0": lambda x, v, t: v,
        "sign": lambda x, v, t: -guess_from_v(x, v, t),
        "letters swapped": partial(from_v_with, above=lambda x, v, a, s: s * x - a * v),
        "plus": partial(from_v_with, above=lambda x, v, a, s: a * x + s * v),
        "flow velocity": lambda x, v, t: x - t.sigma * v,
        "flow velocity, scaled": lambda x, v, t: (x - t.sigma * v) / (t.alpha + t.sigma),
        "not divided": partial(from_v_with, below=lambda a, s: 1),
        "divided by the root": partial(from_v_with, below=lambda a, s: (a**2 + s**2).sqrt()),
        "divided by the sum": partial(from_v_with, below=lambda a, s: a + s),
        "divided by alpha": partial(from_v_with, below=lambda a, s: a),
        "the noise": partial(from_v_with, above=lambda x, v, a, s: s * x + a * v),
        "squares": partial(from_v_with, above=lambda x, v, a, s: a**2 * x - s**2 * v),
    },
    theorems={
        "back": lambda out, x, v, t: (diffuse.v(out[0], diffuse.eps_from_x0(x, out[0], t), t), v),
    },
)


# --- 8: the end of the ladder ---------------------------------------------------------------------


def ladder(entries, alpha_bar):
    """The levels of a walk, noisiest first, and the data as the last of them."""
    kept = torch.cat([alpha_bar[entries], alpha_bar.new_ones(1)])
    return kept.sqrt(), (1 - kept).sqrt()


def ladder_probes(generator):
    """Entries from the noisiest down to some entry above 0, the last of them not always 1."""
    probes = []
    for i in range(14):
        T = int(torch.randint(8, 20, (), generator=generator))
        T, betas = (150, long_betas) if i % 5 == 4 else (T, strong_betas)
        alpha_bar = levels.alpha_bar(betas(T, generator))
        entries = torch.randperm(T - 1, generator=generator)[: 1 + i % 6] + 2
        probes.append((entries.sort(descending=True).values.tolist(), alpha_bar))
    return probes


def ladder_by_library(entries, alpha_bar):
    """The library's levels, one after the other."""
    steps = [levels.Level.from_alpha_bar(float(alpha_bar[n])) for n in [*entries, 0]]
    return torch.stack([t.alpha for t in steps]), torch.stack([t.sigma for t in steps])


def ladder_by_list(entries, alpha_bar):
    """In plain Python."""
    kept = [float(alpha_bar[n]) for n in entries] + [1.0]
    return torch.tensor([k**0.5 for k in kept]), torch.tensor([(1 - k) ** 0.5 for k in kept])


def rungs(e, a, way=lambda e, a: [*e, 0], level=lambda kept: (kept.sqrt(), (1 - kept).sqrt())):
    """The ladder in parts: the entries, and what a level is made of."""
    return level(a[way(e, a)])


def two_of_them(answer, probe):
    """Call the answer; two rows of one tensor are as good as two tensors."""
    found = answer(*probe)
    return tuple(found) if isinstance(found, torch.Tensor) and found.ndim > 1 else found


in_code(
    "clinic.repair_8",
    ladder,
    probes=ladder_probes,
    variants=(ladder_by_library, ladder_by_list, rungs),
    slips={
        "no last level": partial(rungs, way=lambda e, a: e),
        "last entry twice": partial(rungs, way=lambda e, a: [*e, e[-1]]),
        "ends at entry 1": partial(rungs, way=lambda e, a: [*e, 1]),
        "no roots": partial(rungs, level=lambda kept: (kept, 1 - kept)),
        "sigma is one minus alpha": partial(rungs, level=lambda k: (k.sqrt(), 1 - k.sqrt())),
        "variance for sigma": partial(rungs, level=lambda kept: (kept.sqrt(), 1 - kept)),
        "ascending": partial(rungs, way=lambda e, a: [0, *e[::-1]]),
        "counted from 0": partial(rungs, way=lambda e, a: [*(n - 1 for n in e), 0]),
        "starts one late": partial(rungs, way=lambda e, a: [*e[1:], 0, 0]),
        "swapped": lambda e, a: ladder(e, a)[::-1],
        "ends in noise": partial(rungs, way=lambda e, a: [*e, len(a) - 1]),
        "starts with pure noise": lambda e, a: ladder([len(a), *e], torch.cat([a, 0 * a[:1]])),
    },
    theorems={
        "end": lambda out, e, a: (torch.stack([out[0][-1], out[1][-1]]), torch.tensor([1.0, 0.0])),
    },
    run=two_of_them,
)


# --- 9: the stride --------------------------------------------------------------------------------


def stride(x, eps, i, entries, alpha_bar):
    """DDIM from the i-th entry of the walk to the next one."""
    t, s = alpha_bar[entries[i]], alpha_bar[entries[i + 1]]
    x0 = (x - (1 - t).sqrt() * eps) / t.sqrt()
    return s.sqrt() * x0 + (1 - s).sqrt() * eps


def stride_probes(generator):
    """Uneven walks through tables of 24 ... 40 entries; first steps, last ones, and between."""
    probes = []
    for k in range(15):
        T = 24 + int(torch.randint(0, 17, (), generator=generator))
        alpha_bar = levels.alpha_bar(0.02 + 0.05 * torch.rand(T, generator=generator).double())
        steps = 3 + k % 3
        cuts = torch.randperm(T - 8, generator=generator)[: steps - 1] + 5
        entries = [T, *cuts.sort(descending=True).values.tolist(), 0]
        if k % 5 == 3:  # down from pure noise, all but 1e-9
            alpha_bar = levels.alpha_bar(long_betas(150, generator))
            entries = [150, *(3 * n for n in entries[1:])]
        x, eps = bright(k) * normal(2, *LEAVES[k % 4], generator=generator)
        probes.append((x, eps, k % steps, entries, alpha_bar))
    return probes


def stride_by_library(x, eps, i, entries, alpha_bar):
    """The library's step between the two levels."""
    t, s = (levels.Level.from_alpha_bar(float(alpha_bar[n])) for n in entries[i : i + 2])
    return samplers.ddim(lambda x, t: diffuse.x0_from_eps(x, eps, t), x, t, s).x


def stride_by_ratio(x, eps, i, entries, alpha_bar):
    """Euler's rule on the bright picture."""
    t, s = alpha_bar[entries[i]], alpha_bar[entries[i + 1]]
    ratio = [(1 / a - 1).sqrt() for a in (t, s)]
    return s.sqrt() * (x / t.sqrt() + (ratio[1] - ratio[0]) * eps)


def stride_with(x, eps, i, entries, alpha_bar, at=lambda i, e, T: (e[i], e[i + 1])):
    """The stride between two entries of the table."""
    n, m = at(i, entries, len(alpha_bar) - 1)
    return stride(x, eps, 0, [n, max(m, 0)], alpha_bar)


def as_far_as_before(i, e, T):
    last = max(i, 1)
    return e[i], e[i] - (e[last - 1] - e[last])


def rootless(x, eps, i, entries, alpha_bar):
    t, s = alpha_bar[entries[i]], alpha_bar[entries[i + 1]]
    return s * (x - (1 - t) * eps) / t + (1 - s) * eps


in_code(
    "clinic.repair_9",
    stride,
    probes=stride_probes,
    variants=(stride_by_library, stride_by_ratio, stride_with),
    slips={
        "even stride": partial(stride_with, at=lambda i, e, T: (e[i], e[i] - T // (len(e) - 1))),
        "neighbour": partial(stride_with, at=lambda i, e, T: (e[i], e[i] - 1)),
        "stride of the first step": partial(
            stride_with, at=lambda i, e, T: (e[i], e[i] - e[0] + e[1])
        ),
        "stride of the step before": partial(stride_with, at=as_far_as_before),
        "index for entry": partial(stride_with, at=lambda i, e, T: (i + 1, i)),
        "straight to the data": partial(stride_with, at=lambda i, e, T: (e[i], 0)),
        "goes nowhere": partial(stride_with, at=lambda i, e, T: (e[i], e[i])),
        "the other way": partial(stride_with, at=lambda i, e, T: (e[i + 1], e[i])),
        "one place late": lambda x, eps, i, e, a: stride(x, eps, i + 1, [*e, 0], a),
        "one place early": partial(stride_with, at=lambda i, e, T: (e[max(i - 1, 0)], e[i])),
        "counted from 0": partial(stride_with, at=lambda i, e, T: (e[i] - 1, e[i + 1] - 1)),
        "as if from the end of the table": partial(
            stride_with, at=lambda i, e, T: (e[i], e[i + 1] or T)
        ),
        "no roots": rootless,
    },
    theorems={
        "end": lambda out, x, eps, i, e, a: (
            (out[0], (x - (1 - a[e[i]]).sqrt() * eps) / a[e[i]].sqrt()) if e[i + 1] == 0 else None
        ),
    },
)


# --- 10: room for fresh noise ---------------------------------------------------------------------


def make_room(x0, eps, z, s, std):
    """Put noise of level s on the guess: fresh noise with this std, and old noise for the rest."""
    return s.alpha * x0 + (s.sigma**2 - std**2).sqrt() * eps + std * z


def room_probes(generator):
    """Shares of fresh noise from none to all, on the circle and off it."""
    shares = (0.0, 0.3, 0.6, 0.9, 1.0, 0.45, 0.8, 0.2, 0.7, 0.5, 0.95, 0.35, 0.15, 0.85)
    probes = []
    for i, share in enumerate(shares):
        s = some_level(i, generator)
        x0, eps, z = bright(i) * normal(3, *LEAVES[i % 4], generator=generator)
        probes.append((x0, eps, z, s, share * s.sigma))
    return probes


def room_by_angle(x0, eps, z, s, std):
    """Old and fresh noise as the two legs of a right triangle."""
    angle = torch.asin(std / s.sigma)
    return s.alpha * x0 + s.sigma * (torch.cos(angle) * eps + torch.sin(angle) * z)


def room_by_sample(x0, eps, z, s, std):
    """The library's line, with the mixed noise."""
    share = std / s.sigma
    return diffuse.q_sample(x0, s, (1 - share**2) ** 0.5 * eps + share * z)


def room_with(
    x0, eps, z, s, std,
    dim=lambda s: s.alpha,
    kept=lambda s, std: (s.sigma**2 - std**2).sqrt(),
    fresh=lambda s, std: std,
):  # fmt: skip
    """The line in parts."""
    return dim(s) * x0 + kept(s, std) * eps + fresh(s, std) * z


kept_on_circle = lambda s, std: (1 - s.alpha**2 - std**2).abs().sqrt()

in_code(
    "clinic.repair_10",
    make_room,
    probes=room_probes,
    variants=(room_by_angle, room_by_sample, room_with),
    slips={
        "old noise kept whole": partial(room_with, kept=lambda s, std: s.sigma),
        "spreads subtracted": partial(room_with, kept=lambda s, std: s.sigma - std),
        "std as a share": partial(room_with, kept=lambda s, std: s.sigma * (1 - std**2).sqrt()),
        "root forgotten": partial(room_with, kept=lambda s, std: s.sigma**2 - std**2),
        "std not squared": partial(room_with, kept=lambda s, std: (s.sigma**2 - std).abs().sqrt()),
        "old noise forgotten": partial(room_with, kept=lambda s, std: 0),
        "fresh noise forgotten": partial(room_with, fresh=lambda s, std: 0),
        "as much old as fresh": partial(room_with, kept=lambda s, std: std),
        "variance of the fresh noise": partial(room_with, fresh=lambda s, std: std**2),
        "all of it fresh": lambda x0, eps, z, s, std: s.alpha * x0 + s.sigma * z,
        "noises swapped": lambda x0, eps, z, s, std: make_room(x0, z, eps, s, std),
        "circle for sigma": partial(room_with, kept=kept_on_circle),
        "guess not dimmed": partial(room_with, dim=lambda s: 1),
        "minus": partial(room_with, fresh=lambda s, std: -std),
    },
)
