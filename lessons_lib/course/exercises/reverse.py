"""Exercises of notebook 02: Gaussians, one step back, the loss, in the paper's language of tables.

Integers n = 1 ... T count the steps; `alpha_bar` has T + 1 entries, float64, and alpha_bar[0] = 1
is the data. The neighbour of n on the way back is n - 1.
"""

import math
from functools import partial

import torch

from lessons_lib import diffuse, exact, levels, metrics, samplers
from lessons_lib.course.exercises.bank import in_code, on_paper
from lessons_lib.course.exercises.probes import (
    SHAPES,
    normal,
    per_sample,
    some_table,
    strong_betas,
    table_level,
)

# --- the product of two Gaussians, by hand --------------------------------------------------------


def weighed(
    m, v, w,
    mean=lambda m, v, w: m / v / (1 / w + 1 / v),
    spread=lambda precision: 1 / precision,
):  # fmt: skip
    """Precisions add; the mean weighs the two means by theirs."""
    return mean(m, v, w), spread(1 / w + 1 / v)


on_paper(
    "reverse.gauss_product",
    weighed,
    given={"m": 2, "v": 0.25, "w": 1},
    digits=2,
    anew=lambda dice: {"m": dice.randint(1, 5), "v": dice.choice((0.25, 0.5, 2, 4)), "w": 1},
    anew_digits=3,
    anew_slack=1.1,
    slips={
        "std for variance": lambda m, v, w: weighed(m, math.sqrt(v), math.sqrt(w)),
        "sum of two numbers": lambda m, v, w: (m, v + w),
        "averages": lambda m, v, w: (m / 2, (v + w) / 2),
        "plain mean": partial(weighed, mean=lambda m, v, w: m / 2),
        "weights swapped": partial(weighed, mean=lambda m, v, w: m / w / (1 / w + 1 / v)),
        "precision returned": partial(weighed, spread=float),
        "std returned": partial(weighed, spread=lambda precision: math.sqrt(1 / precision)),
        "everything multiplied": lambda m, v, w: (0 * m, v * w),
        "not divided": partial(weighed, mean=lambda m, v, w: m / v),
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
    both = ((mean_1, var_1), (mean_2, var_2))
    normals = (torch.distributions.Normal(mean, var.sqrt()) for mean, var in both)
    return torch.distributions.kl_divergence(*normals)


def kl_by_sum(mean_1, var_1, mean_2, var_2):
    """The definition: the mean of log p_1 - log p_2 under p_1, as a fine sum."""
    z = torch.linspace(-9, 9, 4001, dtype=torch.float64)
    x = mean_1[..., None] + var_1[..., None].sqrt() * z

    def log_p(mean, var):
        return -((x - mean[..., None]) ** 2) / (2 * var[..., None]) - var[..., None].log() / 2

    share = torch.softmax(-(z**2) / 2, dim=0)
    return (share * (log_p(mean_1, var_1) - log_p(mean_2, var_2))).sum(-1)


def kl_with(
    m1, v1, m2, v2,
    spread=lambda a, b: a / b,
    mean=lambda d, a, b: d**2 / b,
    one=1, log=torch.log, half=1 / 2,
):  # fmt: skip
    """KL in parts: d is the difference of the means, a and b are the variances."""
    return half * (spread(v1, v2) + mean(m1 - m2, v1, v2) - one + log(v2 / v1))


floor = partial(torch.clamp, min=1e-6)

in_code(
    "reverse.kl",
    kl,
    probes=kl_probes,
    variants=(kl_by_torch, kl_by_sum, kl_with),
    slips={
        "arguments swapped": lambda m1, v1, m2, v2: kl(m2, v2, m1, v1),
        "var taken for a std": lambda m1, v1, m2, v2: kl(m1, v1**2, m2, v2**2),
        "roots of the variances": lambda m1, v1, m2, v2: kl(m1, v1.sqrt(), m2, v2.sqrt()),
        "no minus one": partial(kl_with, one=0),
        "sign of the logarithm": partial(kl_with, log=lambda ratio: -ratio.log()),
        "no half": partial(kl_with, half=1),
        "bits": lambda *probe: kl(*probe) / math.log(2),
        "times ln 2": lambda *probe: kl(*probe) * math.log(2),
        "log10": partial(kl_with, log=torch.log10),
        "log2 in one place": partial(kl_with, log=torch.log2),
        "log of stds under the half": partial(kl_with, log=lambda ratio: ratio.sqrt().log()),
        "no logarithm": partial(kl_with, log=torch.zeros_like),
        "means forgotten": partial(kl_with, mean=lambda d, a, b: 0),
        "means only": lambda m1, v1, m2, v2: (m1 - m2) ** 2 / v2 / 2,
        "difference not squared": partial(kl_with, mean=lambda d, a, b: d.abs() / b),
        "mean term over the first variance": partial(kl_with, mean=lambda d, a, b: d**2 / a),
        "mean term over the std": partial(kl_with, mean=lambda d, a, b: d**2 / b.sqrt()),
        "mean term not divided": partial(kl_with, mean=lambda d, a, b: d**2),
        "first variance not divided": partial(kl_with, spread=lambda a, b: a),
        "logarithm outside the half": partial(kl_with, log=lambda ratio: 2 * ratio.log()),
        "ratio upside down": lambda m1, v1, m2, v2: kl(m2, v2, m1, v1) + (v2 / v1).log(),
        "cross entropy": lambda m1, v1, *two: kl(m1, v1, *two) + (1 + (2 * math.pi * v1).log()) / 2,
        "both ways": lambda m1, v1, m2, v2: (kl(m1, v1, m2, v2) + kl(m2, v2, m1, v1)) / 2,
        "summed up": lambda *probe: kl(*probe).sum(),
        "a little added to the variances": lambda m1, v1, m2, v2: kl(m1, v1 + 1e-8, m2, v2 + 1e-8),
        "variances kept from 0": lambda m1, v1, m2, v2: kl(m1, floor(v1), m2, floor(v2)),
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
    """The library's stochastic step, sample by sample, with its fresh noise averaged away."""
    rows = []
    for x, data, k in zip(x_n, x0, n, strict=True):
        t, s = table_level(k, alpha_bar, x), table_level(k - 1, alpha_bar, x)
        known = lambda x, t, data=data: data
        rows.append(metrics.law_of_step(samplers.ddpm, known, x, t, s)[0])
    return torch.stack(rows)


def mean_by_witnesses(x_n, x0, n, alpha_bar):
    """Two witnesses, each weighed by its precision: x0 from the front, x_n from behind."""
    a, before = per_sample(alpha_bar[n], x_n), per_sample(alpha_bar[n - 1], x_n)
    keep = a / before
    front, behind = before.sqrt() * x0, x_n / keep.sqrt()
    var_front, var_behind = 1 - before, (1 - keep) / keep
    return (front * var_behind + behind * var_front) / (var_front + var_behind)


def entries(alpha_bar, n):
    """ᾱ_n, the entry before it, and the share that one step keeps."""
    return alpha_bar[n], alpha_bar[n - 1], alpha_bar[n] / alpha_bar[n - 1]


def without_data(alpha_bar, n):
    """As in codes without an entry for the data: before the first entry comes the last."""
    a, _, keep = entries(alpha_bar, n)
    return a, alpha_bar[1:][n - 2], keep


one_early = lambda alpha_bar, n: entries(alpha_bar, n - 1)
first_for_all = lambda alpha_bar, n: entries(alpha_bar, n[:1].expand(len(n)))
along_width = lambda a, x: a
for_images = lambda a, x: a[:, None, None, None]


def mean_with(
    x_n, x0, n, alpha_bar, entries=entries, shape=per_sample,
    front=lambda a, b, k: b.sqrt() * (1 - k),
    behind=lambda a, b, k: k.sqrt() * (1 - b),
    whole=lambda a: 1 - a,
):  # fmt: skip
    """The posterior mean in parts, which are made of the three entries a, b and k."""
    a, b, k = (shape(entry, x_n) for entry in entries(alpha_bar, n))
    return (front(a, b, k) * x0 + behind(a, b, k) * x_n) / whole(a)


def power_of_alpha(a, b, k):
    """The boxed formula's α_s var, with ᾱ for α in both."""
    return b * (1 - a - k**2 * (1 - b))


rootless = partial(mean_with, behind=lambda a, b, k: k * (1 - b))
squared = lambda a: (1 - a) ** 2
squared_behind = lambda a, b, k: k.sqrt() * squared(b)

in_code(
    "reverse.posterior_mean",
    posterior_mean,
    probes=posterior_probes,
    variants=(mean_by_library, mean_by_witnesses, mean_with),
    slips={
        "swapped": lambda x_n, x0, *table: posterior_mean(x0, x_n, *table),
        "no roots": partial(rootless, front=lambda a, b, k: b * (1 - k)),
        "alpha bar for alpha throughout": partial(rootless, front=power_of_alpha),
        "variances squared": partial(mean_with, behind=squared_behind, whole=squared),
        "no root at x0": partial(mean_with, front=lambda a, b, k: b * (1 - k)),
        "no root at x_n": rootless,
        "alpha_bar of n at x0": partial(mean_with, front=lambda a, b, k: a.sqrt() * (1 - k)),
        "alpha_bar for alpha": partial(mean_with, behind=lambda a, b, k: a.sqrt() * (1 - b)),
        "all the noise for beta": partial(mean_with, front=lambda a, b, k: b.sqrt() * (1 - a)),
        "noise of n at x_n": partial(mean_with, behind=lambda a, b, k: k.sqrt() * (1 - a)),
        "not divided": partial(mean_with, whole=lambda a: 1),
        "divided by the root": partial(mean_with, whole=lambda a: (1 - a).sqrt()),
        "weights that add to one": partial(rootless, front=lambda a, b, k: 1 - k),
        "x0 alone": lambda x_n, x0, n, alpha_bar: per_sample(alpha_bar[n - 1].sqrt(), x0) * x0,
        "x_n alone": lambda x_n, x0, n, table: x_n / per_sample(entries(table, n)[2].sqrt(), x_n),
        "wraps at the end": partial(mean_with, entries=without_data),
        "off by one": partial(mean_with, entries=one_early),
        "broadcast along width": partial(mean_with, shape=along_width),
        "images only": partial(mean_with, shape=for_images),
        "one n for all": partial(mean_with, entries=first_for_all),
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


def var_from(formula, n, alpha_bar, entries=entries):
    """A posterior variance, right or wrong: a formula of ᾱ_n, the entry before it, and β_n."""
    a, b, keep = entries(alpha_bar, n)
    return formula(a, b, 1 - keep)


shrunk = lambda a, b, beta: beta * (1 - b) / (1 - a)

in_code(
    "reverse.posterior_var",
    posterior_var,
    probes=var_probes,
    variants=(var_by_library, var_by_precision, partial(var_from, shrunk)),
    slips={
        "beta": partial(var_from, lambda a, b, beta: beta),
        "std": lambda *probe: posterior_var(*probe).sqrt(),
        "upside down": partial(var_from, lambda a, b, beta: beta * (1 - a) / (1 - b)),
        "wraps at the end": partial(var_from, shrunk, entries=without_data),
        "off by one": partial(var_from, shrunk, entries=one_early),
        "not divided": partial(var_from, lambda a, b, beta: beta * (1 - b)),
        "variances squared": partial(var_from, lambda a, b, beta: beta * squared(b) / squared(a)),
        "beta forgotten": partial(var_from, lambda a, b, beta: (1 - b) / (1 - a)),
        "front only": partial(var_from, lambda a, b, beta: 1 - b),
        "noise of n": partial(var_from, lambda a, b, beta: 1 - a),
        "variances added": partial(var_from, lambda a, b, beta: beta + 1 - b),
        "dimming forgotten": partial(var_from, lambda a, b, beta: 1 / (1 / beta + 1 / (1 - b))),
        "precision": lambda *probe: 1 / posterior_var(*probe),
        "difference": partial(var_from, lambda a, b, beta: (b - a) * (1 - b) / (1 - a)),
        "data for noise": partial(var_from, lambda a, b, beta: beta * b / a),
        "logarithm": lambda *probe: posterior_var(*probe).log(),
        "kept from 0": lambda *probe: posterior_var(*probe).clamp(min=1e-5),
        "a little added below": partial(var_from, lambda a, b, beta: shrunk(a - 1e-5, b, beta)),
    },
    theorems={
        "end": lambda out, n, alpha_bar: (out[0][n == 1], torch.zeros(int((n == 1).sum()))),
        "limit": lambda out, n, a: (out[0].double().minimum(1 - a[n] / a[n - 1]), out[0]),
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


def loss_with(
    net, x0, n, eps, alpha_bar, entries=entries, shape=per_sample,
    fog=lambda a, x0, e: a.sqrt() * x0 + (1 - a).sqrt() * e,
    told=lambda n: n,
    target=lambda a, x0, eps, x_n: eps,
    weight=lambda a, k: 1,
    cost=lambda error: (error**2).mean(),
):  # fmt: skip
    """The loss in parts; a is ᾱ_n, and k the share that one step keeps."""
    a, _, k = (shape(entry, x0) for entry in entries(alpha_bar, n))
    x_n = fog(a, x0, eps)
    return cost(weight(a, k) ** 0.5 * (net(x_n, told(n)) - target(a, x0, eps, x_n)))


def kl_weight(a, k):
    """The KL's, with β_n for the variance of the step back."""
    return (1 - k) / (2 * k * (1 - a))


def fresh_fog(a, x0, eps):
    return a.sqrt() * x0 + (1 - a).sqrt() * torch.randn_like(x0)


in_code(
    "reverse.simple_loss",
    simple_loss,
    probes=loss_probes,
    variants=(loss_by_library, loss_by_sample, loss_with),
    slips={
        "target x0": partial(loss_with, target=lambda a, x0, eps, x_n: x0),
        "target x_n": partial(loss_with, target=lambda a, x0, eps, x_n: x_n),
        "scaled noise": partial(loss_with, target=lambda a, x0, eps, x_n: (1 - a).sqrt() * eps),
        "target minus eps": partial(loss_with, target=lambda a, x0, eps, x_n: -eps),
        "network sees x0": partial(loss_with, fog=lambda a, x0, e: x0),
        "network sees the noise": partial(loss_with, fog=lambda a, x0, e: e),
        "sees n = 0": partial(loss_with, told=lambda n: 0 * n),
        "sees n - 1": partial(loss_with, told=lambda n: n - 1),
        "sum": partial(loss_with, cost=lambda error: (error**2).sum()),
        "absolute error": partial(loss_with, cost=lambda error: error.abs().mean()),
        "square of the mean": partial(loss_with, cost=lambda error: error.mean() ** 2),
        "root": partial(loss_with, cost=lambda error: (error**2).mean().sqrt()),
        "half": partial(loss_with, cost=lambda error: (error**2).mean() / 2),
        "one per sample": partial(loss_with, cost=lambda error: (error**2).flatten(1).mean(1)),
        "sum over the pixels": partial(loss_with, cost=lambda e: (e**2).flatten(1).sum(1).mean()),
        "weights kept": partial(loss_with, weight=kl_weight),
        "error of the picture": partial(loss_with, weight=lambda a, k: (1 - a) / a),
        "no gradient": lambda *given: simple_loss(*given).item(),
        "no roots": partial(loss_with, fog=lambda a, x0, e: a * x0 + (1 - a) * e),
        "signal without root": partial(loss_with, fog=lambda a, x0, e: a * x0 + (1 - a).sqrt() * e),
        "variance as std": partial(loss_with, fog=lambda a, x0, e: a.sqrt() * x0 + (1 - a) * e),
        "swapped": partial(loss_with, fog=lambda a, x0, e: (1 - a).sqrt() * x0 + a.sqrt() * e),
        "x0 unscaled": partial(loss_with, fog=lambda a, x0, e: x0 + (1 - a).sqrt() * e),
        "fresh noise": partial(loss_with, fog=fresh_fog),
        "off by one": partial(loss_with, entries=one_early),
        "broadcast along width": partial(loss_with, shape=along_width),
        "images only": partial(loss_with, shape=for_images),
        "one n for all": partial(loss_with, entries=first_for_all),
    },
    theorems={
        "one number": lambda out, *probe: (torch.tensor(out[0].numel()), torch.tensor(1)),
    },
    run=with_stub,
)


# --- one training step by hand --------------------------------------------------------------------


def training_step(
    x0, eps, beta, n, guesses,
    kept=lambda beta, n: (1 - beta) ** n,
    signal=math.sqrt, noise=math.sqrt,
    target=lambda x0, eps, a: eps,
    cost=lambda guess, target: (guess - target) ** 2,
):  # fmt: skip
    """(x_n, what each guess costs), or with one part wrong."""
    a = kept(beta, n)
    wanted = target(x0, eps, a)
    x = signal(a) * x0 + noise(1 - a) * eps
    return (x, *(cost(guess, wanted) for guess in guesses))


scaled_noise = lambda x0, eps, a: math.sqrt(1 - a) * eps

on_paper(
    "reverse.training_step_by_hand",
    training_step,
    given={"x0": 2, "eps": 0.3, "beta": 0.1, "n": 5, "guesses": (0.4, 0.3, -0.3)},
    digits=3,
    slack=1.1,
    slips={
        "no roots": partial(training_step, signal=float, noise=float),
        "variance as std": partial(training_step, noise=float),
        "one step only": partial(training_step, kept=lambda beta, n: 1 - beta),
        "four steps": partial(training_step, kept=lambda beta, n: (1 - beta) ** (n - 1)),
        "losses added": partial(training_step, kept=lambda beta, n: 1 - n * beta),
        "x0 not dimmed": partial(training_step, signal=lambda a: 1),
        "errors not squared": partial(training_step, cost=lambda guess, eps: abs(guess - eps)),
        "signed errors": partial(training_step, cost=lambda guess, eps: guess - eps),
        "half": partial(training_step, cost=lambda guess, eps: (guess - eps) ** 2 / 2),
        "sign ignored": partial(training_step, cost=lambda guess, eps: (abs(guess) - eps) ** 2),
        "compared with the noise that went in": partial(training_step, target=scaled_noise),
        "compared with x0": partial(training_step, target=lambda x0, eps, a: x0),
    },
)


def fogged(dice):
    return {
        "x0": dice.randint(-20, 20) / 10,
        "a": dice.choice((0.36, 0.64)),  # both roots come out even
        "eps": dice.randint(2, 15) / 10,
        "guess": dice.randint(-15, 15) / 10,
    }


def belief(
    x0, a, eps, guess,
    root=math.sqrt,
    signal=lambda signal: signal,
    taken=lambda noise, eps, guess: noise * guess,
    divide=lambda alpha, a: alpha,
    cost=lambda error: error**2,
):  # fmt: skip
    """(x, cost, what the network believes), or with one part wrong."""
    alpha, sigma = root(a), root(1 - a)
    x = signal(alpha) * x0 + sigma * eps
    return x, cost(guess - eps), (x - taken(sigma, eps, guess)) / divide(alpha, a)


def error_of_the_picture(x0, a, eps, guess):
    x, _, believed = belief(x0, a, eps, guess)
    return x, (believed - x0) ** 2, believed


on_paper(
    "reverse.belief_by_hand",
    belief,
    given={"x0": 0.7, "a": 0.64, "eps": 0.5, "guess": 0.45},
    digits=4,
    anew=fogged,
    slips={
        "no roots": partial(belief, root=float),
        "not divided": partial(belief, divide=lambda alpha, a: 1),
        "divided by the power": partial(belief, divide=lambda alpha, a: a),
        "true noise taken off": partial(belief, taken=lambda noise, eps, guess: noise * eps),
        "noise added": partial(belief, taken=lambda noise, eps, guess: -noise * guess),
        "variance as std": partial(belief, taken=lambda noise, eps, guess: noise**2 * guess),
        "noise unscaled": partial(belief, taken=lambda noise, eps, guess: guess),
        "error not squared": partial(belief, cost=abs),
        "error of the picture": error_of_the_picture,
        "half": partial(belief, cost=lambda error: error**2 / 2),
        "x0 not dimmed": partial(belief, signal=lambda signal: 1),
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


def ideal_with(
    x, data, alpha, sigma,
    place=lambda data, a, s: a * data,
    size=lambda gap: (gap**2).sum(-1),
    logit=lambda d2, s: -d2 / (2 * s**2),
    share=lambda logit: logit.softmax(1),
    mean=torch.matmul,
):  # fmt: skip
    """The ideal denoiser in parts; d2 is a squared distance."""
    d2 = size(x[:, None] - place(data, alpha, sigma))
    return mean(share(logit(d2, sigma)), data)


def winner(logit):
    """All of it for the likeliest."""
    return (logit == logit.amax(1, keepdim=True)).to(logit)


def sum_kept_from_0(logit):
    return logit.exp() / (logit.exp().sum(1, keepdim=True) + 1e-8)


mixed_by_coordinate = lambda share, data: (share * data).sum(1)
one_vote_each = partial(ideal_with, size=torch.square, mean=mixed_by_coordinate)

in_code(
    "reverse.ideal_denoiser",
    ideal_denoiser,
    probes=ideal_probes,
    variants=(ideal_by_library, ideal_by_bayes, ideal_with),
    slips={
        "missing two": partial(ideal_with, logit=lambda d2, s: -d2 / s**2),
        "sigma not squared": partial(ideal_with, logit=lambda d2, s: -d2 / (2 * s)),
        "no temperature": partial(ideal_with, logit=lambda d2, s: -d2),
        "half, no sigma": partial(ideal_with, logit=lambda d2, s: -d2 / 2),
        "multiplied by sigma squared": partial(ideal_with, logit=lambda d2, s: -d2 / 2 * s**2),
        "against the data, not the dimmed data": partial(ideal_with, place=lambda data, a, s: data),
        "brightened, noise forgotten": lambda x, data, a, s: ideal_denoiser(x / a, data, 1, s),
        "sigma for alpha": partial(ideal_with, place=lambda data, a, s: s * data),
        "nearest neighbour": partial(ideal_with, share=winner),
        "plain mean": lambda x, data, a, s: data.mean(0).expand_as(x),
        "softmax over the queries": partial(ideal_with, share=lambda logit: logit.softmax(0)),
        "not normalised": partial(ideal_with, share=torch.exp),
        "distance not squared": partial(ideal_with, size=lambda gap: gap.norm(dim=-1)),
        "mean over coordinates": partial(ideal_with, size=lambda gap: (gap**2).mean(-1)),
        "absolute values": partial(ideal_with, size=lambda gap: gap.abs().sum(-1)),
        "one vote per coordinate": one_vote_each,
        "dimmed answer": lambda x, data, a, s: a * ideal_denoiser(x, data, a, s),
        "sign": partial(ideal_with, logit=lambda d2, s: d2 / (2 * s**2)),
        "attention": lambda x, data, a, s: (a / s**2 * x @ data.T).softmax(1) @ data,
        "weighted twice": partial(ideal_with, logit=lambda d2, s: -d2 / (4 * s**2)),
        "a little added to the sum": partial(ideal_with, share=sum_kept_from_0),
        "a little added to the variance": partial(
            ideal_with, logit=lambda d2, s: -d2 / (2 * s**2 + 1e-4)
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
