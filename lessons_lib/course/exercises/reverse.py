"""Exercises of notebook 02, the reverse process and the loss, in the paper's language of tables.

Integers n = 1 ... T count the steps; `alpha_bar` has T + 1 entries, float64, and alpha_bar[0] = 1
is the data. The neighbour of n on the way back is n - 1.
"""

import math

import torch

from lessons_lib import diffuse, exact, levels, samplers
from lessons_lib.course.exercises.bank import in_code, on_paper
from lessons_lib.course.exercises.probes import (
    SHAPES,
    normal,
    per_sample,
    some_table,
    strong_betas,
    table_level,
)

KL = "How far apart are two Gaussians?"


# --- the product of two Gaussians, by hand --------------------------------------------------------


def weighed(m, v, w):
    """Precisions add; the mean weighs the two means by theirs."""
    precision = 1 / w + 1 / v
    return m / v / precision, 1 / precision


on_paper(
    "reverse.gauss_product",
    weighed,
    given={"m": 2, "v": 0.25, "w": 1},
    digits=2,
    anew=lambda dice: {"m": dice.randint(1, 5), "v": dice.choice((0.25, 0.5, 2, 4)), "w": 1},
    anew_digits=3,
    anew_slack=1.1,
    slips={
        "std for variance": (4 / 3, 1 / 3),
        "sum of two numbers": lambda m, v, w: (m, v + w),
        "averages": lambda m, v, w: (m / 2, (v + w) / 2),
        "plain mean": lambda m, v, w: (m / 2, weighed(m, v, w)[1]),
        "weights swapped": lambda m, v, w: (m / w / (1 / w + 1 / v), weighed(m, v, w)[1]),
        "precision returned": lambda m, v, w: (weighed(m, v, w)[0], 1 / w + 1 / v),
        "std returned": lambda m, v, w: (weighed(m, v, w)[0], math.sqrt(weighed(m, v, w)[1])),
        "everything multiplied": (0.0, 0.25),
        "not divided": lambda m, v, w: (m / v, weighed(m, v, w)[1]),
    },
)


# --- KL of two Gaussians --------------------------------------------------------------------------


def kl(mean_1, var_1, mean_2, var_2):
    """What it costs, in nats, to believe Gaussian 2 where Gaussian 1 is true."""
    return ((var_1 + (mean_1 - mean_2) ** 2) / var_2 - 1 + (var_2 / var_1).log()) / 2


def kl_probes(generator):
    """Variances on both sides of 1, and apart; among them equal means, equal variances, twins.

    Beside the twins stands a pair that is none: where all must be 0, no rounding is allowed for.

    KL does not depend on the unit of length: two probes are tiny, and one is huge.
    """
    probes = []
    for shape in ((5,), (2, 3), (4, 4), (1,)) * 3:
        mean_1, mean_2 = normal(2, *shape, generator=generator)
        var_1, var_2 = 0.2 + 2.5 * torch.rand(2, *shape, generator=generator, dtype=torch.float64)
        probes.append((mean_1, var_1, mean_2, var_2))
    (mean_1, var_1, mean_2, var_2), *_ = probes
    same = [(mean_1, var_1, mean_1, var_2), (mean_1, var_1, mean_2, var_1)]
    units = [(u * m, u**2 * v, u * n, u**2 * w)
             for u, (m, v, n, w) in zip((1e-5, 1e-3, 300), probes, strict=False)]  # fmt: skip
    twins = (mean_1, var_1, mean_1, torch.cat([var_1[:-1], 2 * var_1[-1:]]))
    return [*probes, *same, twins, *units]


def kl_by_torch(mean_1, var_1, mean_2, var_2):
    """torch's own, which asks for standard deviations."""
    normals = (
        torch.distributions.Normal(m, v.sqrt()) for m, v in ((mean_1, var_1), (mean_2, var_2))
    )
    return torch.distributions.kl_divergence(*normals)


def kl_by_sum(mean_1, var_1, mean_2, var_2):
    """The definition: the mean of log p_1 - log p_2 under p_1, as a fine sum."""
    z = torch.linspace(-9, 9, 4001, dtype=torch.float64)
    x = mean_1[..., None] + var_1[..., None].sqrt() * z

    def log_p(mean, var):
        return -((x - mean[..., None]) ** 2) / (2 * var[..., None]) - var[..., None].log() / 2

    share = torch.softmax(-(z**2) / 2, dim=0)
    return (share * (log_p(mean_1, var_1) - log_p(mean_2, var_2))).sum(-1)


def _kl(formula):
    """A wrong KL: formula(d, a, b), with d the difference of means and a, b the variances."""
    return lambda mean_1, var_1, mean_2, var_2: formula(mean_1 - mean_2, var_1, var_2)


in_code(
    "reverse.kl",
    kl,
    probes=kl_probes,
    variants=(kl_by_torch, kl_by_sum),
    slips={
        "arguments swapped": lambda m1, v1, m2, v2: kl(m2, v2, m1, v1),
        "var taken for a std": lambda m1, v1, m2, v2: kl(m1, v1**2, m2, v2**2),
        "roots of the variances": lambda m1, v1, m2, v2: kl(m1, v1.sqrt(), m2, v2.sqrt()),
        "no minus one": _kl(lambda d, a, b: ((a + d**2) / b + (b / a).log()) / 2),
        "sign of the logarithm": _kl(lambda d, a, b: ((a + d**2) / b - 1 + (a / b).log()) / 2),
        "no half": _kl(lambda d, a, b: (a + d**2) / b - 1 + (b / a).log()),
        "bits": lambda *probe: kl(*probe) / math.log(2),
        "times ln 2": lambda *probe: kl(*probe) * math.log(2),
        "log10": _kl(lambda d, a, b: ((a + d**2) / b - 1 + (b / a).log10()) / 2),
        "log2 in one place": _kl(lambda d, a, b: ((a + d**2) / b - 1 + (b / a).log2()) / 2),
        "log of stds under the half": _kl(
            lambda d, a, b: ((a + d**2) / b - 1 + (b / a).sqrt().log()) / 2
        ),
        "no logarithm": _kl(lambda d, a, b: ((a + d**2) / b - 1) / 2),
        "means forgotten": _kl(lambda d, a, b: (a / b - 1 + (b / a).log()) / 2),
        "means only": _kl(lambda d, a, b: d**2 / b / 2),
        "difference not squared": _kl(lambda d, a, b: ((a + d.abs()) / b - 1 + (b / a).log()) / 2),
        "mean term over the first variance": _kl(
            lambda d, a, b: (a / b + d**2 / a - 1 + (b / a).log()) / 2
        ),
        "mean term over the std": _kl(
            lambda d, a, b: (a / b + d**2 / b.sqrt() - 1 + (b / a).log()) / 2
        ),
        "mean term not divided": _kl(lambda d, a, b: (a / b + d**2 - 1 + (b / a).log()) / 2),
        "first variance not divided": _kl(lambda d, a, b: (a + d**2 / b - 1 + (b / a).log()) / 2),
        "logarithm outside the half": _kl(lambda d, a, b: ((a + d**2) / b - 1) / 2 + (b / a).log()),
        "ratio upside down": _kl(lambda d, a, b: ((b + d**2) / a - 1 + (b / a).log()) / 2),
        "cross entropy": _kl(lambda d, a, b: ((a + d**2) / b + (2 * math.pi * b).log()) / 2),
        "both ways": lambda m1, v1, m2, v2: (kl(m1, v1, m2, v2) + kl(m2, v2, m1, v1)) / 2,
        "summed up": lambda *probe: kl(*probe).sum(),
        "a little added to the variances": lambda m1, v1, m2, v2: kl(m1, v1 + 1e-8, m2, v2 + 1e-8),
        "variances kept from 0": lambda m1, v1, m2, v2: kl(
            m1, v1.clamp(min=1e-6), m2, v2.clamp(min=1e-6)
        ),
    },
    theorems={
        "equal": lambda out, m1, v1, m2, v2: (
            torch.where((m1 == m2) & (v1 == v2), out[0], 0.0),
            0 * m1,
        ),
        "equal variances": lambda out, m1, v1, m2, v2: (
            (out[0], (m1 - m2) ** 2 / (2 * v1)) if torch.equal(v1, v2) else None
        ),
        "never below 0": lambda out, *probe: (out[0].clamp(min=0), out[0]),
    },
)


# --- the posterior --------------------------------------------------------------------------------


def posterior_mean(x_n, x0, n, alpha_bar):
    """Where we probably were one step before, if the data is known."""
    shape = (-1, *[1] * (x_n.ndim - 1))
    a, before = alpha_bar[n].reshape(shape), alpha_bar[n - 1].reshape(shape)  # (B, 1, ..., 1)
    keep = a / before  # 1 - beta_n
    return (before.sqrt() * (1 - keep) * x0 + keep.sqrt() * (1 - before) * x_n) / (1 - a)


def posterior_probes(generator):
    """Pictures and vectors, another n for each sample: 1, T and 2 always among them."""
    probes = []
    for i, shape in enumerate(SHAPES * 2):
        alpha_bar = some_table(i, generator)
        T = len(alpha_bar) - 1
        must = torch.tensor([1, T, 2])[: shape[0]]
        n = torch.cat([must, torch.randint(1, T + 1, (shape[0] - len(must),), generator=generator)])
        x_n, x0 = (100 if i % 7 == 5 else 1) * normal(2, *shape, generator=generator)
        if i % 6 == 0:  # no noise at all, where the answer is known without any formula
            x_n = per_sample(alpha_bar[n].sqrt(), x0) * x0
        probes.append((x_n, x0, n, alpha_bar))
    return probes


def mean_by_library(x_n, x0, n, alpha_bar):
    """The library's stochastic step, sample by sample, with its fresh noise averaged away.

    The step is affine in its noise: with two draws known, it can be taken off.
    """
    rows = []
    for x, data, k in zip(x_n, x0, n, strict=True):
        t, s = table_level(k, alpha_bar, x), table_level(k - 1, alpha_bar, x)
        draw = [torch.Generator().manual_seed(seed) for seed in (0, 1)]
        noise = [normal(*x.shape, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]
        step = [samplers.ddpm(lambda x, t, data=data: data, x, t, s, generator=g).x for g in draw]
        apart = noise[0] - noise[1]
        std = ((step[0] - step[1]) * apart).sum() / (apart**2).sum()
        rows.append(step[0] - std * noise[0])
    return torch.stack(rows)


def mean_by_witnesses(x_n, x0, n, alpha_bar):
    """Two witnesses, each weighed by its precision: x0 from the front, x_n from behind."""
    a, before = per_sample(alpha_bar[n], x_n), per_sample(alpha_bar[n - 1], x_n)
    keep = a / before
    front, behind = before.sqrt() * x0, x_n / keep.sqrt()
    var_front, var_behind = 1 - before, (1 - keep) / keep
    return (front * var_behind + behind * var_front) / (var_front + var_behind)


def _mean(formula, shape=per_sample, pick=lambda alpha_bar, n: (alpha_bar[n], alpha_bar[n - 1])):
    """A wrong posterior mean: formula(x_n, x0, a, before, keep), the entries picked per sample."""

    def wrong(x_n, x0, n, alpha_bar):
        a, before = (shape(entry, x_n) for entry in pick(alpha_bar, n))
        return formula(x_n, x0, a, before, a / before)

    return wrong


def _bayes(x, x0, a, b, keep):
    return (b.sqrt() * (1 - keep) * x0 + keep.sqrt() * (1 - b) * x) / (1 - a)


def _wrap_mean(x, x0, n, alpha_bar):
    table = alpha_bar[1:]  # one entry per step, as in codes without an entry for the data
    a, b, keep = table[n - 1], table[n - 2], alpha_bar[n] / alpha_bar[n - 1]
    return _bayes(x, x0, *(per_sample(entry, x) for entry in (a, b, keep)))


in_code(
    "reverse.posterior_mean",
    posterior_mean,
    probes=posterior_probes,
    variants=(mean_by_library, mean_by_witnesses),
    slips={
        "swapped": _mean(lambda x, x0, a, b, keep: _bayes(x0, x, a, b, keep)),
        "no roots": _mean(
            lambda x, x0, a, b, keep: (b * (1 - keep) * x0 + keep * (1 - b) * x) / (1 - a)
        ),
        "alpha bar for alpha throughout": _mean(
            lambda x, x0, a, b, keep: (
                (b * (1 - a - keep**2 * (1 - b)) * x0 + keep * (1 - b) * x) / (1 - a)
            )
        ),
        "variances squared": _mean(
            lambda x, x0, a, b, keep: (
                (b.sqrt() * (1 - keep) * x0 + keep.sqrt() * (1 - b) ** 2 * x) / (1 - a) ** 2
            )
        ),
        "no root at x0": _mean(
            lambda x, x0, a, b, keep: (b * (1 - keep) * x0 + keep.sqrt() * (1 - b) * x) / (1 - a)
        ),
        "no root at x_n": _mean(
            lambda x, x0, a, b, keep: (b.sqrt() * (1 - keep) * x0 + keep * (1 - b) * x) / (1 - a)
        ),
        "alpha_bar of n at x0": _mean(
            lambda x, x0, a, b, keep: (
                (a.sqrt() * (1 - keep) * x0 + keep.sqrt() * (1 - b) * x) / (1 - a)
            )
        ),
        "alpha_bar for alpha": _mean(
            lambda x, x0, a, b, keep: (
                (b.sqrt() * (1 - keep) * x0 + a.sqrt() * (1 - b) * x) / (1 - a)
            )
        ),
        "all the noise for beta": _mean(
            lambda x, x0, a, b, keep: (
                (b.sqrt() * (1 - a) * x0 + keep.sqrt() * (1 - b) * x) / (1 - a)
            )
        ),
        "noise of n at x_n": _mean(
            lambda x, x0, a, b, keep: (
                (b.sqrt() * (1 - keep) * x0 + keep.sqrt() * (1 - a) * x) / (1 - a)
            )
        ),
        "not divided": _mean(
            lambda x, x0, a, b, keep: b.sqrt() * (1 - keep) * x0 + keep.sqrt() * (1 - b) * x
        ),
        "divided by the root": _mean(
            lambda x, x0, a, b, keep: (
                (b.sqrt() * (1 - keep) * x0 + keep.sqrt() * (1 - b) * x) / (1 - a).sqrt()
            )
        ),
        "weights that add to one": _mean(
            lambda x, x0, a, b, keep: ((1 - keep) * x0 + keep * (1 - b) * x) / (1 - a)
        ),
        "x0 alone": _mean(lambda x, x0, a, b, keep: b.sqrt() * x0),
        "x_n alone": _mean(lambda x, x0, a, b, keep: x / keep.sqrt()),
        "wraps at the end": _wrap_mean,
        "off by one": _mean(_bayes, pick=lambda alpha_bar, n: (alpha_bar[n - 1], alpha_bar[n - 2])),
        "broadcast along width": _mean(_bayes, shape=lambda a, x: a),
        "images only": _mean(_bayes, shape=lambda a, x: a[:, None, None, None]),
        "one n for all": _mean(
            _bayes,
            pick=lambda alpha_bar, n: (
                alpha_bar[n[:1]].expand(len(n)),
                alpha_bar[n[:1] - 1].expand(len(n)),
            ),
        ),
    },
    theorems={
        "end": lambda out, x_n, x0, n, alpha_bar: (out[0][n == 1], x0[n == 1]),
        "no noise": lambda out, x_n, x0, n, alpha_bar: (
            (out[0], per_sample(alpha_bar[n - 1].sqrt(), x0) * x0)
            if torch.allclose(x_n, per_sample(alpha_bar[n].sqrt(), x0) * x0)
            else None
        ),
    },
)


def posterior_var(n, alpha_bar):
    """How unsure we are about x_{n-1}, even if the data is known."""
    a, before = alpha_bar[n], alpha_bar[n - 1]
    return (1 - a / before) * (1 - before) / (1 - a)


def var_probes(generator):
    """Several n at once, with 1, 2 and T; from short tables to long ones."""
    probes = []
    for T in (4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 20, 30, 40):
        some = torch.randint(1, T + 1, (3,), generator=generator)
        n = torch.cat([torch.tensor([2, T, 1]), some])
        probes.append((n, levels.alpha_bar(strong_betas(T, generator))))
    for i in (4, 6, 11):
        alpha_bar = some_table(i, generator)
        probes.append((torch.tensor([2, len(alpha_bar) - 1, 1]), alpha_bar))
    weak = levels.alpha_bar(levels.linear_betas(4, first=1e-7, last=1e-6))
    return [*probes, (torch.tensor([2, 4, 1, 3]), weak)]


def var_by_library(n, alpha_bar):
    """The library's variance between two levels, shrunk by what the level before leaves open."""
    flat = torch.empty(len(n), dtype=torch.float64)
    t, s = table_level(n, alpha_bar, flat), table_level(n - 1, alpha_bar, flat)
    return samplers.reverse_var(t, s) * s.sigma**2 / t.sigma**2


def var_by_precision(n, alpha_bar):
    """Precisions add: one from the front, one from behind, in plain numbers."""
    table, found = alpha_bar.tolist(), []
    for k in n.tolist():
        keep = table[k] / table[k - 1]
        found.append(1 / (1 / (1 - table[k - 1]) + keep / (1 - keep)) if k > 1 else 0.0)
    return torch.tensor(found, dtype=torch.float64)


def _var(formula, pick=lambda alpha_bar, n: (alpha_bar[n], alpha_bar[n - 1])):
    """A wrong posterior variance: formula(a, before, beta)."""

    def wrong(n, alpha_bar):
        a, before = pick(alpha_bar, n)
        return formula(a, before, 1 - a / before)

    return wrong


def _wrap_var(n, alpha_bar):
    table = alpha_bar[1:]
    beta = 1 - alpha_bar[n] / alpha_bar[n - 1]
    return beta * (1 - table[n - 2]) / (1 - table[n - 1])


in_code(
    "reverse.posterior_var",
    posterior_var,
    probes=var_probes,
    variants=(var_by_library, var_by_precision),
    slips={
        "beta": _var(lambda a, b, beta: beta),
        "std": _var(lambda a, b, beta: (beta * (1 - b) / (1 - a)).sqrt()),
        "upside down": _var(lambda a, b, beta: beta * (1 - a) / (1 - b)),
        "wraps at the end": _wrap_var,
        "off by one": _var(
            lambda a, b, beta: beta * (1 - b) / (1 - a),
            lambda alpha_bar, n: (alpha_bar[n - 1], alpha_bar[n - 2]),
        ),
        "not divided": _var(lambda a, b, beta: beta * (1 - b)),
        "variances squared": _var(lambda a, b, beta: beta * (1 - b) ** 2 / (1 - a) ** 2),
        "beta forgotten": _var(lambda a, b, beta: (1 - b) / (1 - a)),
        "front only": _var(lambda a, b, beta: 1 - b),
        "noise of n": _var(lambda a, b, beta: 1 - a),
        "variances added": _var(lambda a, b, beta: beta + 1 - b),
        "dimming forgotten": _var(lambda a, b, beta: 1 / (1 / beta + 1 / (1 - b))),
        "precision": _var(lambda a, b, beta: (1 - a) / (beta * (1 - b))),
        "difference": _var(lambda a, b, beta: (b - a) * (1 - b) / (1 - a)),
        "data for noise": _var(lambda a, b, beta: beta * b / a),
        "logarithm": _var(lambda a, b, beta: (beta * (1 - b) / (1 - a)).log()),
        "kept from 0": _var(lambda a, b, beta: (beta * (1 - b) / (1 - a)).clamp(min=1e-5)),
        "a little added below": _var(lambda a, b, beta: beta * (1 - b) / (1 - a + 1e-5)),
    },
    theorems={
        "end": lambda out, n, alpha_bar: (out[0][n == 1], torch.zeros(int((n == 1).sum()))),
        "limit": lambda out, n, alpha_bar: (
            torch.minimum(out[0].double(), 1 - alpha_bar[n] / alpha_bar[n - 1]),
            out[0],
        ),
    },
)


# --- the simple loss ------------------------------------------------------------------------------


def simple_loss(net, x0, n, eps, alpha_bar):
    """Fog the data, ask which noise it was, and measure how wrong the answer is."""
    a = alpha_bar[n].reshape(-1, *[1] * (x0.ndim - 1))  # (B, 1, ..., 1)
    x_n = a.sqrt() * x0 + (1 - a).sqrt() * eps
    return ((net(x_n, n) - eps) ** 2).mean()


def loss_probes(generator):
    """The weights of a small stub network, then what the loss gets; another n for each sample."""
    probes = []
    for i, (x0, _, n, alpha_bar) in enumerate(posterior_probes(generator)):
        width = x0[0].numel()
        weight = 0.5 * normal(width, width, generator=generator) / width**0.5
        clock, eps = normal(width, generator=generator), normal(*x0.shape, generator=generator)
        probes.append((weight, clock, x0, n, (100 if i % 7 == 5 else 1) * eps, alpha_bar))
    return probes


def with_stub(answer, probe):
    """Call the answer with a stub network that shows what it was given; the loss and its slope."""
    weight, clock, x0, n, eps, alpha_bar = probe
    learned = weight.clone().requires_grad_()

    def net(x, n):
        return (x.flatten(1) @ learned + n[:, None] / 10 * clock).reshape(x.shape)

    loss = answer(net, x0, n, eps, alpha_bar)
    if not isinstance(loss, torch.Tensor) or not loss.requires_grad:
        return [loss, torch.zeros_like(weight)]
    return [loss, torch.autograd.grad(loss.sum(), learned)[0]]


def loss_by_library(net, x0, n, eps, alpha_bar):
    """The library's fog and torch's mean squared error."""
    x_n = diffuse.q_sample(x0, table_level(n, alpha_bar, x0), eps)
    return torch.nn.functional.mse_loss(net(x_n, n), eps)


def loss_by_sample(net, x0, n, eps, alpha_bar):
    """One sample after the other; samples have one size, so the mean of means is the mean."""
    costs = []
    for x, k, e in zip(x0, n, eps, strict=True):
        a = float(alpha_bar[k])
        found = net((math.sqrt(a) * x + math.sqrt(1 - a) * e)[None], k[None])[0]
        costs.append((found - e).pow(2).sum() / e.numel())
    return sum(costs) / len(costs)


def _loss(
    fog=lambda a, x0, eps: a.sqrt() * x0 + (1 - a).sqrt() * eps,
    target=lambda a, x0, eps, x_n: eps,
    clock=lambda n: n,
    cost=lambda found, wanted: ((found - wanted) ** 2).mean(),
    shape=per_sample,
    pick=lambda alpha_bar, n: alpha_bar[n],
):
    """A wrong loss: one of its ingredients is off."""

    def wrong(net, x0, n, eps, alpha_bar):
        a = shape(pick(alpha_bar, n), x0)
        x_n = fog(a, x0, eps)
        return cost(net(x_n, clock(n)), target(a, x0, eps, x_n))

    return wrong


def _weighted(net, x0, n, eps, alpha_bar):
    a, before = (per_sample(alpha_bar[k], x0) for k in (n, n - 1))
    beta = 1 - a / before
    x_n = a.sqrt() * x0 + (1 - a).sqrt() * eps
    weight = beta / (2 * (1 - beta) * (1 - a))  # with beta for the variance of the step back
    return (weight * (net(x_n, n) - eps) ** 2).mean()


def _in_data(net, x0, n, eps, alpha_bar):
    a = per_sample(alpha_bar[n], x0)
    x_n = a.sqrt() * x0 + (1 - a).sqrt() * eps
    return (((x_n - (1 - a).sqrt() * net(x_n, n)) / a.sqrt() - x0) ** 2).mean()


in_code(
    "reverse.simple_loss",
    simple_loss,
    probes=loss_probes,
    variants=(loss_by_library, loss_by_sample),
    slips={
        "target x0": _loss(target=lambda a, x0, eps, x_n: x0),
        "target x_n": _loss(target=lambda a, x0, eps, x_n: x_n),
        "scaled noise": _loss(target=lambda a, x0, eps, x_n: (1 - a).sqrt() * eps),
        "target minus eps": _loss(target=lambda a, x0, eps, x_n: -eps),
        "network sees x0": _loss(fog=lambda a, x0, eps: x0),
        "network sees the noise": _loss(fog=lambda a, x0, eps: eps),
        "sees n = 0": _loss(clock=lambda n: 0 * n),
        "sees n - 1": _loss(clock=lambda n: n - 1),
        "sum": _loss(cost=lambda found, wanted: ((found - wanted) ** 2).sum()),
        "absolute error": _loss(cost=lambda found, wanted: (found - wanted).abs().mean()),
        "square of the mean": _loss(cost=lambda found, wanted: (found - wanted).mean() ** 2),
        "root": _loss(cost=lambda found, wanted: ((found - wanted) ** 2).mean().sqrt()),
        "half": _loss(cost=lambda found, wanted: ((found - wanted) ** 2).mean() / 2),
        "one per sample": _loss(
            cost=lambda found, wanted: ((found - wanted) ** 2).flatten(1).mean(1)
        ),
        "sum over the pixels": _loss(
            cost=lambda found, wanted: ((found - wanted) ** 2).flatten(1).sum(1).mean()
        ),
        "weights kept": _weighted,
        "error of the picture": _in_data,
        "no gradient": lambda net, x0, n, eps, alpha_bar: simple_loss(
            net, x0, n, eps, alpha_bar
        ).item(),
        "no roots": _loss(fog=lambda a, x0, eps: a * x0 + (1 - a) * eps),
        "signal without root": _loss(fog=lambda a, x0, eps: a * x0 + (1 - a).sqrt() * eps),
        "variance as std": _loss(fog=lambda a, x0, eps: a.sqrt() * x0 + (1 - a) * eps),
        "swapped": _loss(fog=lambda a, x0, eps: (1 - a).sqrt() * x0 + a.sqrt() * eps),
        "x0 unscaled": _loss(fog=lambda a, x0, eps: x0 + (1 - a).sqrt() * eps),
        "fresh noise": _loss(
            fog=lambda a, x0, eps: a.sqrt() * x0 + (1 - a).sqrt() * torch.randn_like(x0)
        ),
        "off by one": _loss(pick=lambda alpha_bar, n: alpha_bar[n - 1]),
        "broadcast along width": _loss(shape=lambda a, x0: a),
        "images only": _loss(shape=lambda a, x0: a[:, None, None, None]),
        "one n for all": _loss(pick=lambda alpha_bar, n: alpha_bar[n[:1]].expand(len(n))),
    },
    theorems={
        "one number": lambda out, *probe: (torch.tensor(out[0].numel()), torch.tensor(1)),
    },
    run=with_stub,
)


# --- one training step by hand --------------------------------------------------------------------


def _costs(target):
    """The squared errors of the three answers .4, .3 and -.3."""
    return tuple(round((guess - target) ** 2, 4) for guess in (0.4, 0.3, -0.3))


_A5 = 0.9**5
_X5 = round(math.sqrt(_A5) * 2 + math.sqrt(1 - _A5) * 0.3, 3)

on_paper(
    "reverse.training_step_by_hand",
    (_X5, *_costs(0.3)),
    digits=3,
    slack=1.1,
    slips={
        "no roots": (_A5 * 2 + (1 - _A5) * 0.3, *_costs(0.3)),
        "variance as std": (math.sqrt(_A5) * 2 + (1 - _A5) * 0.3, *_costs(0.3)),
        "one step only": (math.sqrt(0.9) * 2 + math.sqrt(0.1) * 0.3, *_costs(0.3)),
        "four steps": (math.sqrt(0.9**4) * 2 + math.sqrt(1 - 0.9**4) * 0.3, *_costs(0.3)),
        "losses added": (math.sqrt(0.5) * 2 + math.sqrt(0.5) * 0.3, *_costs(0.3)),
        "x0 not dimmed": (2 + math.sqrt(1 - _A5) * 0.3, *_costs(0.3)),
        "errors not squared": (_X5, 0.1, 0.0, 0.6),
        "signed errors": (_X5, 0.1, 0.0, -0.6),
        "half": (_X5, 0.005, 0.0, 0.18),
        "sign ignored": (_X5, 0.01, 0.0, 0.0),
        "compared with the noise that went in": (_X5, *_costs(math.sqrt(1 - _A5) * 0.3)),
        "compared with x0": (_X5, *_costs(2.0)),
    },
)


def fogged(dice):
    return {
        "x0": dice.randint(-20, 20) / 10,
        "a": dice.choice((0.36, 0.64)),  # both roots come out even
        "eps": dice.randint(2, 15) / 10,
        "guess": dice.randint(-15, 15) / 10,
    }


def belief(x0, a, eps, guess, taken=None, cost=None, divide=math.sqrt, root=math.sqrt):
    """(x, cost, what the network believes), or with one part wrong."""
    x = root(a) * x0 + root(1 - a) * eps
    taken = root(1 - a) * guess if taken is None else taken
    cost = (guess - eps) ** 2 if cost is None else cost
    return x, cost, (x - taken) / divide(a)


on_paper(
    "reverse.belief_by_hand",
    belief,
    given={"x0": 0.7, "a": 0.64, "eps": 0.5, "guess": 0.45},
    digits=4,
    anew=fogged,
    slips={
        "no roots": lambda **g: belief(**g, root=float, divide=float),
        "not divided": lambda **g: belief(**g, divide=lambda a: 1),
        "divided by the power": lambda **g: belief(**g, divide=float),
        "true noise taken off": lambda **g: belief(**g, taken=math.sqrt(1 - g["a"]) * g["eps"]),
        "noise added": lambda **g: belief(**g, taken=-math.sqrt(1 - g["a"]) * g["guess"]),
        "variance as std": lambda **g: belief(**g, taken=(1 - g["a"]) * g["guess"]),
        "noise unscaled": lambda **g: belief(**g, taken=g["guess"]),
        "error not squared": lambda **g: belief(**g, cost=abs(g["guess"] - g["eps"])),
        "error of the picture": lambda **g: belief(**g, cost=(belief(**g)[2] - g["x0"]) ** 2),
        "half": lambda **g: belief(**g, cost=(g["guess"] - g["eps"]) ** 2 / 2),
        "x0 not dimmed": (1.0, 0.0025, 0.9125),
    },
)


# --- the ideal denoiser ---------------------------------------------------------------------------


def ideal_denoiser(x, data, alpha, sigma):
    """The average of all data that this fog could hide, each counted as likely as it is."""
    distance2 = ((x[:, None] - alpha * data) ** 2).sum(dim=-1)  # (B, N)
    share = torch.softmax(-distance2 / (2 * sigma**2), dim=1)  # (B, N), rows add up to 1
    return share @ data  # (B, D)


# Batch, number of data points and dimensions coincide in some, so that a wrong axis still fits.
SETS = ((4, 4, 4), (3, 5, 2), (5, 3, 2), (2, 6, 3), (6, 6, 2), (1, 4, 3), (4, 1, 4))


def ideal_probes(generator):
    """Random data and queries in middle fog; alpha and sigma not on the circle.

    Then thin fog, thick fog, and queries so far out that every point is unlikely.
    """
    probes = []
    for i, (B, N, D) in enumerate(SETS * 3):
        data = normal(N, D, generator=generator)
        alpha, sigma = torch.rand(2, generator=generator, dtype=torch.float64).tolist()
        alpha, sigma = 0.35 + 0.4 * alpha, 0.4 + 0.35 * sigma
        near = data[torch.randint(N, (B,), generator=generator)]
        noise = normal(B, D, generator=generator)
        if i >= 2 * len(SETS):
            case = i % 3
            alpha *= (1.0, 0.01, 3.0)[case]
            sigma *= (0.005, 20.0, 1.0)[case]
            noise *= (0.5, 0.5, 5.0)[case]
        if i % len(SETS) == 5:  # other units of length
            data, near, sigma = (u * (0.001 if i == 12 else 30) for u in (data, near, sigma))
        probes.append((alpha * near + sigma * noise, data, alpha, sigma))
    return probes


def ideal_by_library(x, data, alpha, sigma):
    """The library's own, on a level made of the two numbers."""
    t = levels.Level(*(torch.tensor(f, dtype=torch.float64) for f in (0.5, alpha, sigma)))
    return exact.DatasetDenoiser(data)(x, t)


def ideal_by_bayes(x, data, alpha, sigma):
    """Bayes' rule spelled out: a Gaussian density for each point, divided by their sum."""
    rows = []
    for query in x:
        like = [math.exp(-float((query - alpha * p).pow(2).sum()) / 2 / sigma**2) for p in data]
        rows.append(sum(w * p for w, p in zip(like, data, strict=True)) / sum(like))
    return torch.stack(rows)


def _ideal(
    logit=lambda d2, sigma: -d2 / (2 * sigma**2),
    gap=lambda x, data, alpha, sigma: x[:, None] - alpha * data,
    size=lambda gap: (gap**2).sum(-1),
    share=lambda logit: logit.softmax(1),
    out=lambda share, data, alpha: share @ data,
):
    """A wrong ideal denoiser: one of its ingredients is off."""

    def wrong(x, data, alpha, sigma):
        d2 = size(gap(x, data, alpha, sigma))
        return out(share(logit(d2, sigma)), data, alpha)

    return wrong


def _per_coordinate(x, data, alpha, sigma):
    logit = -((x[:, None] - alpha * data) ** 2) / (2 * sigma**2)
    return (logit.softmax(1) * data).sum(1)


in_code(
    "reverse.ideal_denoiser",
    ideal_denoiser,
    probes=ideal_probes,
    variants=(ideal_by_library, ideal_by_bayes),
    slips={
        "missing two": _ideal(logit=lambda d2, sigma: -d2 / sigma**2),
        "sigma not squared": _ideal(logit=lambda d2, sigma: -d2 / (2 * sigma)),
        "no temperature": _ideal(logit=lambda d2, sigma: -d2),
        "half, no sigma": _ideal(logit=lambda d2, sigma: -d2 / 2),
        "multiplied by sigma squared": _ideal(logit=lambda d2, sigma: -d2 / 2 * sigma**2),
        "against the data, not the dimmed data": _ideal(
            gap=lambda x, data, alpha, sigma: x[:, None] - data
        ),
        "brightened, noise forgotten": _ideal(
            gap=lambda x, data, alpha, sigma: x[:, None] / alpha - data
        ),
        "sigma for alpha": _ideal(gap=lambda x, data, alpha, sigma: x[:, None] - sigma * data),
        "nearest neighbour": _ideal(
            share=lambda logit: (logit == logit.amax(1, keepdim=True)).to(logit)
        ),
        "plain mean": _ideal(share=lambda logit: torch.ones_like(logit) / logit.shape[1]),
        "softmax over the queries": _ideal(share=lambda logit: logit.softmax(0)),
        "not normalised": _ideal(share=lambda logit: logit.exp()),
        "distance not squared": _ideal(size=lambda gap: (gap**2).sum(-1).sqrt()),
        "mean over coordinates": _ideal(size=lambda gap: (gap**2).mean(-1)),
        "absolute values": _ideal(size=lambda gap: gap.abs().sum(-1)),
        "one vote per coordinate": _per_coordinate,
        "dimmed answer": _ideal(out=lambda share, data, alpha: alpha * (share @ data)),
        "sign": _ideal(logit=lambda d2, sigma: d2 / (2 * sigma**2)),
        "attention": lambda x, data, alpha, sigma: (
            ((x @ (alpha * data).T) / sigma**2).softmax(1) @ data
        ),
        "weighted twice": _ideal(logit=lambda d2, sigma: -d2 / (4 * sigma**2)),
        "a little added to the sum": _ideal(
            share=lambda logit: logit.exp() / (logit.exp().sum(1, keepdim=True) + 1e-8)
        ),
        "a little added to the variance": _ideal(
            logit=lambda d2, sigma: -d2 / (2 * sigma**2 + 1e-4)
        ),
    },
    theorems={
        "inside": lambda out, x, data, alpha, sigma: (
            torch.minimum(torch.maximum(out[0].double(), data.amin(0)), data.amax(0)),
            out[0],
        ),
        "one point": lambda out, x, data, alpha, sigma: (
            (out[0], data.expand(len(x), -1)) if len(data) == 1 else None
        ),
    },
)


# --- responsibility -------------------------------------------------------------------------------
