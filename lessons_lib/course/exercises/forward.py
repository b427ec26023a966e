"""Exercises of notebook 01, the forward process, in the paper's language of tables.

Integers n = 1 ... T count the steps; `beta` has T entries and beta[n-1] belongs to step n;
`alpha_bar` has T + 1 entries, float64, and alpha_bar[0] = 1 is the data.
"""

import math
from functools import partial
from itertools import accumulate
from operator import mul

import torch

from lessons_lib import diffuse, levels
from lessons_lib.course.exercises.bank import in_code, on_paper
from lessons_lib.course.exercises.probes import (
    batch_probes,
    betas_of,
    long_betas,
    noise,
    per_sample,
    signal,
    strong_betas,
    table_level,
)

# --- by hand --------------------------------------------------------------------------------------


def two_betas(dice):
    return {"p": dice.randint(3, 30) / 100, "q": dice.randint(31, 60) / 100}


def kept(p, q):
    """The share of the power that is left after two steps."""
    return (1 - p) * (1 - q)


on_paper(
    "forward.two_steps",
    lambda p, q: (math.sqrt(kept(p, q)), math.sqrt(1 - kept(p, q))),
    given={"p": 0.1, "q": 0.1},
    digits=3,
    anew=two_betas,
    anew_slack=1.1,
    slips={
        "no root": lambda p, q: (kept(p, q), 1 - kept(p, q)),
        "variance for spread": lambda p, q: (math.sqrt(kept(p, q)), 1 - kept(p, q)),
        "signal without root": lambda p, q: (kept(p, q), math.sqrt(1 - kept(p, q))),
        "one step only": lambda p, q: (math.sqrt(1 - p), math.sqrt(p)),
        "noises added": lambda p, q: (math.sqrt(kept(p, q)), math.sqrt((1 - q) * p) + math.sqrt(q)),
        "noise not shrunk": lambda p, q: (math.sqrt(kept(p, q)), math.sqrt(p + q)),
        "beta for noise": lambda p, q: (math.sqrt(kept(p, q)), p),
        "adds to one": lambda p, q: (math.sqrt(kept(p, q)), math.sqrt(p)),
        "swapped": lambda p, q: (math.sqrt(1 - kept(p, q)), math.sqrt(kept(p, q))),
    },
)


def four_betas(dice):
    return {"beta": tuple(sorted(dice.sample([k / 100 for k in range(2, 40)], 4)))}


def left(beta):
    """What is left of the power after each step."""
    return tuple(accumulate((1 - b for b in beta), mul))


on_paper(
    "forward.alpha_bars",
    left,
    given={"beta": (0.02, 0.04, 0.06, 0.08, 0.10)},
    digits=4,
    slack=1.1,
    anew=four_betas,
    slips={
        "no product": lambda beta: tuple(1 - b for b in beta),
        "sum": lambda beta: tuple(1 - lost for lost in accumulate(beta)),
        "roots": lambda beta: tuple(math.sqrt(a) for a in left(beta)),
        "product of betas": lambda beta: tuple(accumulate(beta, mul)),
        "noise": lambda beta: tuple(1 - a for a in left(beta)),
        "starts at one": lambda beta: (1.0, *left(beta)[:-1]),
        "exponential": lambda beta: tuple(math.exp(-lost) for lost in accumulate(beta)),
        "squared": lambda beta: tuple(a**2 for a in left(beta)),
    },
)


# --- alpha_bar ------------------------------------------------------------------------------------


def alpha_bar(beta):
    """What is left of the data's power after n steps, for n = 0 ... T."""
    return torch.cat([torch.ones_like(beta[:1]), torch.cumprod(1 - beta, dim=0)])  # (T + 1,)


def alpha_bar_probes(generator):
    """Strong random tables of many lengths, one entry long, constant and very long ones too."""
    tables = [strong_betas(T, generator) for T in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 20)]
    tables += [torch.full((7,), 0.2).double(), torch.tensor([0.3, 0.995, 0.2]).double()]
    tables += [levels.linear_betas()]
    return [(beta,) for beta in (*tables, long_betas(150, generator))]


def table_or_its_end(answer, probe):
    """Call the answer; of a long table take the last entry alone: beside a 1 it would not count."""
    table = answer(*probe)
    return table if len(probe[0]) < 100 else list(table)[-1]


def alpha_bar_by_loop(beta):
    """One entry after the other, as by hand."""
    return torch.tensor([1.0, *left(beta.tolist())], dtype=beta.dtype)


def after_zero(table):
    """Put an entry for the data in front, where nothing is lost yet."""
    return torch.nn.functional.pad(table, (1, 0))


def alpha_bar_by_logs(beta):
    """A product as the exponential of a sum of logarithms."""
    return after_zero((1 - beta).log().cumsum(0)).exp()


in_code(
    "forward.alpha_bar",
    alpha_bar,
    probes=alpha_bar_probes,
    variants=(levels.alpha_bar, alpha_bar_by_loop, alpha_bar_by_logs),
    slips={
        "cumprod of beta": lambda beta: alpha_bar(1 - beta),
        "one minus cumsum": lambda beta: 1 - after_zero(beta.cumsum(0)),
        "one minus cumprod of kept": lambda beta: 1 - alpha_bar(beta),
        "one minus cumprod of kept, after a one": lambda beta: (
            1 - after_zero((1 - beta).cumprod(0))
        ),
        "first entry missing": lambda beta: alpha_bar(beta)[1:],
        "last entry dropped": lambda beta: alpha_bar(beta)[:-1],
        "roots": lambda beta: alpha_bar(beta).sqrt(),
        "exponential": lambda beta: (-after_zero(beta.cumsum(0))).exp(),
        "not cumulative": lambda beta: 1 - after_zero(beta),
        "from the end": lambda beta: alpha_bar(beta.flip(0)),
        "noise first": lambda beta: alpha_bar(beta).flip(0),
        "squares": lambda beta: alpha_bar(beta) ** 2,
        "never below 1e-5": lambda beta: alpha_bar(beta).clamp(min=1e-5),
        "each factor kept from 0": lambda beta: alpha_bar(beta - 1e-5),
    },
    theorems={
        "start": lambda out, beta: (out[0][0], 1.0) if out[0].ndim else None,
        "each": lambda out, beta: (out[0][1:], out[0][:-1] * (1 - beta)) if out[0].ndim else None,
    },
    run=table_or_its_end,
)


# --- q_sample -------------------------------------------------------------------------------------


def q_sample(x0, n, eps, alpha_bar):
    """Jump to step n at once: shrink the picture, add the noise, each by its own amount."""
    a = alpha_bar[n].reshape(-1, *[1] * (x0.ndim - 1))  # (B, 1, ..., 1): one number per sample
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


def q_sample_by_library(x0, n, eps, alpha_bar):
    """The library's own line, on the level that entry n describes."""
    return diffuse.q_sample(x0, table_level(n, alpha_bar, x0), eps)


def q_sample_by_sample(x0, n, eps, alpha_bar):
    """One sample after the other, with plain numbers."""
    rows = []
    for x, k, e in zip(x0, n.tolist(), eps, strict=True):
        power = float(alpha_bar[k])
        rows.append(math.sqrt(power) * x + math.sqrt(1 - power) * e)
    return torch.stack(rows)


# How the table is read for each sample: `entry` is right.
entry = lambda alpha_bar, n: alpha_bar[n]
entry_before = lambda alpha_bar, n: alpha_bar[n - 1]
kept_by_one_step = lambda alpha_bar, n: 1 - betas_of(alpha_bar)[n - 1]
lost_in_one_step = lambda alpha_bar, n: betas_of(alpha_bar)[n - 1]
first_for_all = lambda alpha_bar, n: alpha_bar[n[:1].expand(len(n))]

# How one number per sample, (B,), is made to fit x: `per_sample` is right.
along_width = lambda a, x: a
images_only = lambda a, x: a[:, None, None, None]
vectors_only = lambda a, x: a[:, None]


def jump(
    x0, n, eps, alpha_bar,
    read=entry,
    shape=per_sample,
    signal=signal,
    noise=noise,
):  # fmt: skip
    """The jump in parts, for slips with one part wrong."""
    a = shape(read(alpha_bar, n), x0)
    return signal(a) * x0 + noise(a) * eps


in_code(
    "forward.q_sample",
    q_sample,
    probes=batch_probes,
    variants=(q_sample_by_library, q_sample_by_sample, jump),
    slips={
        "no roots": partial(jump, signal=lambda a: a, noise=lambda a: 1 - a),
        "signal without root": partial(jump, signal=lambda a: a),
        "variance as std": partial(jump, noise=lambda a: 1 - a),
        "one minus root": partial(jump, noise=lambda a: 1 - a.sqrt()),
        "swapped": partial(jump, signal=noise, noise=signal),
        "x0 unscaled": partial(jump, signal=lambda a: 1),
        "variance exploding": partial(jump, signal=lambda a: 1, noise=lambda a: (1 / a - 1).sqrt()),
        "beta for alpha_bar": partial(jump, read=lost_in_one_step),
        "one step's keep": partial(jump, read=kept_by_one_step),
        "off by one": partial(jump, read=entry_before),
        "schedule twice": partial(jump, read=lambda alpha_bar, n: alpha_bar.cumprod(0)[n]),
        "one n for all": partial(jump, read=first_for_all),
        "broadcast along width": partial(jump, shape=along_width),
        "images only": partial(jump, shape=images_only),
        "vectors only": partial(jump, shape=vectors_only),
        "fresh noise": lambda x0, n, eps, table: q_sample(x0, n, torch.randn_like(eps), table),
        "minus": lambda x0, n, eps, alpha_bar: q_sample(x0, n, -eps, alpha_bar),
        "clamped": lambda *probe: q_sample(*probe).clamp(-1, 1),
    },
    theorems={
        "start": lambda out, x0, n, eps, alpha_bar: (out[0][n == 0], x0[n == 0]),
        "the noise": lambda out, x0, n, eps, alpha_bar: (
            out[0] - per_sample(signal(alpha_bar[n]), x0) * x0,
            per_sample(noise(alpha_bar[n]), x0) * eps,
        ),
    },
)


# --- cosine betas ---------------------------------------------------------------------------------


def cosine_betas(T):
    """Betas that make alpha_bar fall like a squared cosine, none of them above .999."""
    n = torch.arange(T + 1, dtype=torch.float64)
    f = torch.cos((n / T + 0.008) / 1.008 * math.pi / 2) ** 2  # (T + 1,)
    return (1 - f[1:] / f[:-1]).clamp(max=0.999)  # (T,)


def cosine_probes(generator):
    """Table lengths: short ones, the usual 1000, and one whose first betas are below 1e-5."""
    lengths = torch.randperm(39, generator=generator)[:12] + 2
    return [(T,) for T in (1, *lengths.tolist(), 1000, 8000)]


def half_a_long_table(answer, probe):
    """Call the answer; of a long table take the first half, where float32 is as right as float64.

    The last entry stays: it is the limit.
    """
    (T,) = probe
    table = answer(T)
    if T < 100:
        return table
    entries = torch.tensor([float(beta) for beta in table], dtype=torch.float64)
    return torch.cat([entries[: T // 2], entries[-1:]])


def cosine_by_loop(T):
    """One beta after the other, in plain Python."""
    power = lambda n: math.cos((n / T + 0.008) / 1.008 * math.pi / 2) ** 2
    return torch.tensor([min(1 - power(n + 1) / power(n), 0.999) for n in range(T)]).double()


def cosine_by_half_angle(T):
    """cos² written as (1 + cos of the double angle) / 2."""
    angle = math.pi * (torch.linspace(0, 1, T + 1).double() + 0.008) / 1.008
    alpha_bar = (1 + torch.cos(angle)) / 2
    return torch.minimum(1 - alpha_bar[1:] / alpha_bar[:-1], torch.tensor(0.999))


def cosine_power(T):
    """ᾱ itself, T + 1 entries: a squared cosine from 1 to 0, without a limit."""
    return levels.cosine(torch.arange(T + 1).double() / T).alpha ** 2


def cosine(
    T,
    offset=0.008,
    length=1.008,
    quarter=math.pi / 2,
    wave=torch.cos,
    power=2,
    lost=lambda f: 1 - f[1:] / f[:-1],
    least=None,
    most=0.999,
):
    """The table in parts, for slips with one part wrong."""
    time = torch.arange(T + 1, dtype=torch.float64) / T
    f = wave((time + offset) / length * quarter) ** power
    return lost(f).clamp(least, most)


in_code(
    "forward.cosine_betas",
    cosine_betas,
    probes=cosine_probes,
    variants=(levels.cosine_betas, cosine_by_loop, cosine_by_half_angle, cosine),
    slips={
        "no limit": partial(cosine, most=math.inf),
        "cosine not squared": partial(cosine, power=1),
        "alpha_bar for beta, T entries": lambda T: levels.alpha_bar(cosine_betas(T))[1:],
        "alpha_bar for beta, T + 1 entries": lambda T: levels.alpha_bar(cosine_betas(T)),
        "unclipped alpha_bar for beta": lambda T: cosine_power(T)[1:],
        "no offset": partial(cosine, offset=0, length=1),
        "offset not divided out": partial(cosine, length=1),
        "half turn": partial(cosine, quarter=math.pi),
        "sine": partial(cosine, wave=torch.sin),
        "kept, not lost": lambda T: 1 - cosine_betas(T),
        "difference": lambda T: -cosine_power(T).diff(),
        "ratio upside down": partial(cosine, lost=lambda f: f[:-1] / f[1:] - 1),
        "noise first": lambda T: cosine_betas(T).flip(0),
        "limit of 0.02": partial(cosine, most=0.02),
        "limited from below": partial(cosine, least=1e-4),
        "limited from below at 1e-3": partial(cosine, least=1e-3),
    },
    theorems={
        "limit": lambda out, T: (out[0].clamp(max=0.999), out[0]),
        "product": lambda out, T: (
            (1 - out[0].double()).cumprod(0)[:-1],
            cosine_power(T)[1 : len(out[0])],
        ),
    },
    run=half_a_long_table,
)


# --- which n hides the digit ----------------------------------------------------------------------

LINEAR = levels.linear_betas()  # entry 0 belongs to step 1
LEFT = levels.alpha_bar(LINEAR)

first = lambda condition: int(condition.nonzero()[0])

on_paper(
    "forward.hidden",
    first(LEFT < 0.5),
    digits=0,
    slack=0.4,
    slips={
        "amplitude below a half": first(LEFT.sqrt() < 0.5),
        "one early": first(LEFT < 0.5) - 1,
        "one late": first(LEFT < 0.5) + 1,
        "half of beta": first(LINEAR >= 0.01) + 1,
        "middle": 500,
        "end": 1000,
        "one per cent": first(LEFT < 0.01),
        "sum of betas": first(LINEAR.cumsum(0) > 0.5) + 1,
    },
)


# --- x0 from eps ----------------------------------------------------------------------------------


def x0_from_eps(x_n, eps, n, alpha_bar):
    """If this was the noise, that was the picture."""
    a = alpha_bar[n].reshape(-1, *[1] * (x_n.ndim - 1))  # (B, 1, ..., 1)
    return (x_n - (1 - a).sqrt() * eps) / a.sqrt()


def back_probes(generator):
    """As for q_sample; x_n is any tensor, so that no answer can lean on where it came from."""
    return [(x, eps, n, alpha_bar) for x, n, eps, alpha_bar in batch_probes(generator)]


def x0_by_library(x_n, eps, n, alpha_bar):
    """The library's own line, on the level that entry n describes."""
    return diffuse.x0_from_eps(x_n, eps, table_level(n, alpha_bar, x_n))


def x0_as_published(x_n, eps, n, alpha_bar):
    """As many codes write it: √(1/ᾱ) x − √(1/ᾱ − 1) ε, sample by sample."""
    rows = []
    for x, e, k in zip(x_n, eps, n.tolist(), strict=True):
        over = 1 / float(alpha_bar[k])
        rows.append(math.sqrt(over) * x - math.sqrt(over - 1) * e)
    return torch.stack(rows)


def back(
    x_n, eps, n, alpha_bar,
    read=entry,
    shape=per_sample,
    solve=lambda x, eps, a: (x - noise(a) * eps) / signal(a),
):  # fmt: skip
    """The way back in parts, for slips with one part wrong."""
    return solve(x_n, eps, shape(read(alpha_bar, n), x_n))


SOLVED = {  # the line of q_sample, solved for x0 by someone in a hurry
    "no division": lambda x, eps, a: x - noise(a) * eps,
    "division by alpha_bar": lambda x, eps, a: (x - noise(a) * eps) / a,
    "sign": lambda x, eps, a: (x + noise(a) * eps) / signal(a),
    "only x divided": lambda x, eps, a: x / signal(a) - noise(a) * eps,
    "only eps divided": lambda x, eps, a: x - noise(a) * eps / signal(a),
    "variance as std": lambda x, eps, a: (x - (1 - a) * eps) / signal(a),
    "no roots": lambda x, eps, a: (x - (1 - a) * eps) / a,
    "eps unscaled": lambda x, eps, a: (x - eps) / signal(a),
    "multiplied": lambda x, eps, a: (x - noise(a) * eps) * signal(a),
    "roles swapped": lambda x, eps, a: (x - signal(a) * eps) / noise(a),
}

in_code(
    "forward.x0_from_eps",
    x0_from_eps,
    probes=back_probes,
    variants=(x0_by_library, x0_as_published, back),
    slips={name: partial(back, solve=line) for name, line in SOLVED.items()}
    | {
        "clamped": lambda *probe: x0_from_eps(*probe).clamp(-1, 1),
        "one step's keep": partial(back, read=kept_by_one_step),
        "off by one": partial(back, read=entry_before),
        "one n for all": partial(back, read=first_for_all),
        "broadcast along width": partial(back, shape=along_width),
        "images only": partial(back, shape=images_only),
        "forward again": lambda x_n, eps, n, alpha_bar: q_sample(x_n, n, eps, alpha_bar),
    },
    theorems={
        "back": lambda out, x_n, eps, n, alpha_bar: (q_sample(out[0], n, eps, alpha_bar), x_n),
    },
)
