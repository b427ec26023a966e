"""Exercises of notebook 01, the forward process, in the paper's language of tables.

Integers n = 1 ... T count the steps; `beta` has T entries and beta[n-1] belongs to step n;
`alpha_bar` has T + 1 entries, float64, and alpha_bar[0] = 1 is the data.
"""

import math
from itertools import accumulate
from operator import mul

import torch

from lessons_lib import diffuse, levels
from lessons_lib.course.exercises.bank import in_code, on_paper
from lessons_lib.course.exercises.probes import (
    batch_probes,
    betas_of,
    long_betas,
    per_sample,
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


def each(rule, table):
    return tuple(map(rule, table))


def left(beta):
    """What is left of the power after each step."""
    return tuple(accumulate((1 - b for b in beta), mul))


on_paper(
    "forward.alpha_bars",
    left,
    given={"beta": (0.02, 0.04, 0.06, 0.08, 0.10)},
    digits=4,
    anew=lambda dice: {"beta": tuple(sorted(dice.sample([k / 100 for k in range(2, 40)], 4)))},
    slips={
        "no product": lambda beta: each(lambda b: 1 - b, beta),
        "sum": lambda beta: each(lambda b: 1 - b, accumulate(beta)),
        "roots": lambda beta: each(math.sqrt, left(beta)),
        "product of betas": lambda beta: tuple(accumulate(beta, mul)),
        "noise": lambda beta: each(lambda a: 1 - a, left(beta)),
        "starts at one": lambda beta: (1.0, *left(beta)[:-1]),
        "exponential": lambda beta: each(lambda b: math.exp(-b), accumulate(beta)),
        "squared": lambda beta: each(lambda a: a**2, left(beta)),
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
    """One entry after the other, in plain Python."""
    left = [1.0]
    for b in beta.tolist():
        left.append(left[-1] * (1 - b))
    return torch.tensor(left, dtype=beta.dtype)


def alpha_bar_by_logs(beta):
    """A product as the exponential of a sum of logarithms."""
    return torch.nn.functional.pad((1 - beta).log().cumsum(0), (1, 0)).exp()


def _after_one(later):
    """Put the entry for the data, 1, before the others."""
    return lambda beta: torch.cat([torch.ones_like(beta[:1]), later(beta)])


in_code(
    "forward.alpha_bar",
    alpha_bar,
    probes=alpha_bar_probes,
    variants=(levels.alpha_bar, alpha_bar_by_loop, alpha_bar_by_logs),
    slips={
        "cumprod of beta": _after_one(lambda beta: beta.cumprod(0)),
        "one minus cumsum": _after_one(lambda beta: 1 - beta.cumsum(0)),
        "one minus cumprod of kept": lambda beta: 1 - alpha_bar(beta),
        "one minus cumprod of kept, after a one": _after_one(
            lambda beta: 1 - (1 - beta).cumprod(0)
        ),
        "first entry missing": lambda beta: (1 - beta).cumprod(0),
        "last entry dropped": lambda beta: alpha_bar(beta)[:-1],
        "roots": _after_one(lambda beta: (1 - beta).sqrt().cumprod(0)),
        "exponential": _after_one(lambda beta: (-beta.cumsum(0)).exp()),
        "not cumulative": _after_one(lambda beta: 1 - beta),
        "from the end": lambda beta: alpha_bar(beta.flip(0)),
        "noise first": lambda beta: alpha_bar(beta).flip(0),
        "squares": _after_one(lambda beta: ((1 - beta) ** 2).cumprod(0)),
        "never below 1e-5": lambda beta: alpha_bar(beta).clamp(min=1e-5),
        "each factor kept from 0": _after_one(lambda beta: (1 - beta + 1e-5).cumprod(0)),
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


def _blend(signal, noise, pick=lambda alpha_bar, n: alpha_bar[n]):
    """A wrong q_sample: signal(a)·x0 + noise(a)·eps, with a = pick(alpha_bar, n) per sample."""

    def wrong(x0, n, eps, alpha_bar):
        a = per_sample(pick(alpha_bar, n), x0)
        return signal(a) * x0 + noise(a) * eps

    return wrong


def _root(a):
    return a.sqrt()


def _rest(a):
    return (1 - a).sqrt()


def _along_width(x0, n, eps, alpha_bar):
    return alpha_bar[n].sqrt() * x0 + (1 - alpha_bar[n]).sqrt() * eps


def _for_vectors_only(x0, n, eps, alpha_bar):
    a = alpha_bar[n][:, None]
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


def _for_images_only(x0, n, eps, alpha_bar):
    a = alpha_bar[n][:, None, None, None]
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


in_code(
    "forward.q_sample",
    q_sample,
    probes=batch_probes,
    variants=(q_sample_by_library, q_sample_by_sample),
    slips={
        "no roots": _blend(lambda a: a, lambda a: 1 - a),
        "signal without root": _blend(lambda a: a, _rest),
        "variance as std": _blend(_root, lambda a: 1 - a),
        "one minus root": _blend(_root, lambda a: 1 - a.sqrt()),
        "beta for alpha_bar": _blend(_root, _rest, lambda alpha_bar, n: betas_of(alpha_bar)[n - 1]),
        "one step's keep": _blend(
            _root, _rest, lambda alpha_bar, n: 1 - betas_of(alpha_bar)[n - 1]
        ),
        "off by one": _blend(_root, _rest, lambda alpha_bar, n: alpha_bar[n - 1]),
        "broadcast along width": _along_width,
        "images only": _for_images_only,
        "vectors only": _for_vectors_only,
        "swapped": _blend(_rest, _root),
        "one n for all": lambda x0, n, eps, alpha_bar: q_sample(
            x0, n[:1].expand(len(n)), eps, alpha_bar
        ),
        "schedule twice": _blend(_root, _rest, lambda alpha_bar, n: alpha_bar.cumprod(0)[n]),
        "x0 unscaled": _blend(torch.ones_like, _rest),
        "variance exploding": _blend(torch.ones_like, lambda a: ((1 - a) / a).sqrt()),
        "fresh noise": lambda x0, n, eps, alpha_bar: q_sample(
            x0, n, torch.randn_like(x0), alpha_bar
        ),
        "minus": _blend(_root, lambda a: -_rest(a)),
        "clamped": lambda x0, n, eps, alpha_bar: q_sample(x0, n, eps, alpha_bar).clamp(-1, 1),
    },
    theorems={
        "start": lambda out, x0, n, eps, alpha_bar: (out[0][n == 0], x0[n == 0]),
        "the noise": lambda out, x0, n, eps, alpha_bar: (
            out[0] - per_sample(alpha_bar[n].sqrt(), x0) * x0,
            per_sample((1 - alpha_bar[n]).sqrt(), x0) * eps,
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

    def power(n):
        return math.cos((n / T + 0.008) / 1.008 * math.pi / 2) ** 2

    return torch.tensor([min(1 - power(n + 1) / power(n), 0.999) for n in range(T)]).double()


def cosine_by_half_angle(T):
    """cos² written as (1 + cos of the double angle) / 2."""
    angle = math.pi * (torch.linspace(0, 1, T + 1).double() + 0.008) / 1.008
    alpha_bar = (1 + torch.cos(angle)) / 2
    return torch.minimum(1 - alpha_bar[1:] / alpha_bar[:-1], torch.tensor(0.999))


def _cosine(
    s=0.008, top=0.999, bottom=None, quarter=math.pi / 2, power=2.0, scale=None, wave=torch.cos
):
    """A wrong cosine table: one of its ingredients is off."""

    def wrong(T):
        time = torch.arange(T + 1, dtype=torch.float64) / T
        f = wave((time + s) / (scale or 1 + s) * quarter).abs() ** power
        return (1 - f[1:] / f[:-1]).clamp(bottom, top)

    return wrong


def _cosine_alpha_bar(T):
    return levels.alpha_bar(cosine_betas(T))


in_code(
    "forward.cosine_betas",
    cosine_betas,
    probes=cosine_probes,
    variants=(levels.cosine_betas, cosine_by_loop, cosine_by_half_angle),
    slips={
        "no limit": _cosine(top=math.inf),
        "cosine not squared": _cosine(power=1.0),
        "alpha_bar for beta, T entries": lambda T: _cosine_alpha_bar(T)[1:],
        "alpha_bar for beta, T + 1 entries": _cosine_alpha_bar,
        "unclipped alpha_bar for beta": lambda T: (
            levels.cosine(torch.linspace(0, 1, T + 1).double()).alpha[1:] ** 2
        ),
        "no offset": _cosine(s=0.0),
        "offset not divided out": _cosine(scale=1.0),
        "half turn": _cosine(quarter=math.pi),
        "sine": _cosine(wave=torch.sin),
        "kept, not lost": lambda T: 1 - _cosine(top=math.inf)(T).clamp(max=0.999),
        "difference": lambda T: (
            -torch.diff(levels.cosine(torch.linspace(0, 1, T + 1).double()).alpha ** 2)
        ),
        "ratio upside down": lambda T: (1 / (1 - _cosine(top=math.inf)(T)) - 1).clamp(max=0.999),
        "noise first": lambda T: cosine_betas(T).flip(0),
        "limit of 0.02": lambda T: cosine_betas(T).clamp(max=0.02),
        "limited from below": _cosine(bottom=1e-4),
        "limited from below at 1e-3": _cosine(bottom=1e-3),
    },
    theorems={
        "limit": lambda out, T: (out[0].clamp(max=0.999), out[0]),
        "product": lambda out, T: (
            (1 - out[0].double()).cumprod(0)[:-1],
            levels.cosine(torch.arange(T + 1).double() / T).alpha[1 : len(out[0])] ** 2,
        ),
    },
    run=half_a_long_table,
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


def _unblend(formula, pick=lambda alpha_bar, n: alpha_bar[n]):
    """A wrong x0_from_eps: formula(x, eps, a), with a = pick(alpha_bar, n) per sample."""
    return lambda x_n, eps, n, alpha_bar: formula(x_n, eps, per_sample(pick(alpha_bar, n), x_n))


def _back(x, eps, a):
    return (x - (1 - a).sqrt() * eps) / a.sqrt()


in_code(
    "forward.x0_from_eps",
    x0_from_eps,
    probes=back_probes,
    variants=(x0_by_library, x0_as_published),
    slips={
        "no division": _unblend(lambda x, eps, a: x - (1 - a).sqrt() * eps),
        "division by alpha_bar": _unblend(lambda x, eps, a: (x - (1 - a).sqrt() * eps) / a),
        "sign": _unblend(lambda x, eps, a: (x + (1 - a).sqrt() * eps) / a.sqrt()),
        "only x divided": _unblend(lambda x, eps, a: x / a.sqrt() - (1 - a).sqrt() * eps),
        "only eps divided": _unblend(lambda x, eps, a: x - (1 - a).sqrt() * eps / a.sqrt()),
        "one step's keep": _unblend(_back, lambda alpha_bar, n: 1 - betas_of(alpha_bar)[n - 1]),
        "clamped": lambda *probe: x0_from_eps(*probe).clamp(-1, 1),
        "variance as std": _unblend(lambda x, eps, a: (x - (1 - a) * eps) / a.sqrt()),
        "no roots": _unblend(lambda x, eps, a: (x - (1 - a) * eps) / a),
        "eps unscaled": _unblend(lambda x, eps, a: (x - eps) / a.sqrt()),
        "multiplied": _unblend(lambda x, eps, a: (x - (1 - a).sqrt() * eps) * a.sqrt()),
        "roles swapped": _unblend(lambda x, eps, a: (x - a.sqrt() * eps) / (1 - a).sqrt()),
        "off by one": _unblend(_back, lambda alpha_bar, n: alpha_bar[n - 1]),
        "broadcast along width": lambda x_n, eps, n, alpha_bar: _back(x_n, eps, alpha_bar[n]),
        "images only": lambda x_n, eps, n, alpha_bar: _back(
            x_n, eps, alpha_bar[n][:, None, None, None]
        ),
        "one n for all": _unblend(_back, lambda alpha_bar, n: alpha_bar[n[:1].expand(len(n))]),
        "forward again": lambda x_n, eps, n, alpha_bar: q_sample(x_n, n, eps, alpha_bar),
    },
    theorems={
        "back": lambda out, x_n, eps, n, alpha_bar: (q_sample(out[0], n, eps, alpha_bar), x_n),
    },
)


# --- which n hides the digit ----------------------------------------------------------------------


def _first(condition, start=0):
    """The first index where a condition holds, counted from start."""
    return int(condition.nonzero()[0]) + start


_BETA = levels.linear_betas()
_TABLE = levels.alpha_bar(_BETA)

on_paper(
    "forward.hidden",
    _first(_TABLE < 0.5),
    digits=0,
    slack=0.4,
    slips={
        "amplitude below a half": _first(_TABLE < 0.25),
        "one early": _first(_TABLE < 0.5) - 1,
        "one late": _first(_TABLE < 0.5) + 1,
        "half of beta": _first(_BETA >= 0.01, start=1),
        "middle": 500,
        "end": 1000,
        "one per cent": _first(_TABLE < 0.01),
        "sum of betas": _first(_BETA.cumsum(0) > 0.5, start=1),
    },
)
