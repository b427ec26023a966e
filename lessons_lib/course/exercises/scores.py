"""Exercises of notebook 08, Scores and Langevin: losses that find a score, and walks by it.

A score points uphill in log density. s holds scores (B, D); losses have the factor ½, sum over D
and average over B. A level t has .alpha and .sigma.
"""

import math
from functools import partial
from itertools import pairwise

import torch

from lessons_lib import diffuse, score
from lessons_lib.course.exercises.bank import in_code, on_paper
from lessons_lib.course.exercises.probes import bright, normal, on_levels, repeated, some_level
from lessons_lib.levels import Level

FLAT = ((4, 4), (3, 2), (5, 1), (2, 3))  # batch and dimension; once the same

# --- the score of a denoiser ----------------------------------------------------------------------


def score_from_x0(x, x0, t):
    """Uphill is towards the guess, dimmed as it is in x, the steeper the less noise there is."""
    return (t.alpha * x0 - x) / t.sigma**2


def score_by_eps(x, x0, t):
    """Against the noise that the guess leaves."""
    return -diffuse.eps_from_x0(x, x0, t) / t.sigma


in_code(
    "scores.score_from_x0",
    score_from_x0,
    probes=on_levels,
    variants=(score_by_eps, diffuse.score),
    slips={
        "sign": lambda x, x0, t: (x - t.alpha * x0) / t.sigma**2,
        "divided by sigma": lambda x, x0, t: (t.alpha * x0 - x) / t.sigma,
        "the noise": lambda x, x0, t: (x - t.alpha * x0) / t.sigma,
        "not divided": lambda x, x0, t: t.alpha * x0 - x,
        "guess not dimmed": lambda x, x0, t: (x0 - x) / t.sigma**2,
        "x brightened": lambda x, x0, t: (x0 - x / t.alpha) / t.sigma**2,
        "bracket missing": lambda x, x0, t: t.alpha * x0 - x / t.sigma**2,
        "alpha squared": lambda x, x0, t: (t.alpha**2 * x0 - x) / t.sigma**2,
        "multiplied": lambda x, x0, t: (t.alpha * x0 - x) * t.sigma**2,
        "over the ratio": lambda x, x0, t: (t.alpha * x0 - x) / t.ratio**2,
        "half": lambda x, x0, t: (t.alpha * x0 - x) / (2 * t.sigma**2),
        "variance from the circle": lambda x, x0, t: (t.alpha * x0 - x) / (1 - t.alpha**2),
        "sigma kept from 0": lambda x, x0, t: (t.alpha * x0 - x) / t.sigma.clamp(min=0.01) ** 2,
    },
    theorems={
        "back": lambda out, x, x0, t: (x + t.sigma**2 * out[0], t.alpha * x0),
    },
)


# --- losses ---------------------------------------------------------------------------------------


def denoising_loss(s, x0, t, eps):
    """How far a score is from the slope of the one bell that made x, on average."""
    x = t.alpha * x0 + t.sigma * eps
    return ((s(x) + eps / t.sigma) ** 2).sum(1).mean() / 2


@repeated(16)
def denoising_probes(i, generator):
    """Scores that bend, by two numbers, on levels of every kind but the data's own."""
    x0, eps = bright(i) * normal(2, *FLAT[i % 4], generator=generator)
    bent = 0.2 + torch.rand(2, generator=generator, dtype=torch.float64)
    return bent, x0, some_level(i, generator), eps


def with_a_score(answer, probe):
    """Hand the answer a score that is nowhere right."""
    (a, b), *rest = probe
    return answer(lambda x: b * torch.sin(x) - a * x, *rest)


def denoising_with(
    s, x0, t, eps,
    see=lambda x0, t, eps: t.alpha * x0 + t.sigma * eps,
    target=lambda x0, t, eps: -eps / t.sigma,
    price=lambda gap, t: (gap**2).sum(1).mean() / 2,
):  # fmt: skip
    """The loss in parts."""
    return price(s(see(x0, t, eps)) - target(x0, t, eps), t)


in_code(
    "scores.denoising_loss",
    denoising_loss,
    probes=denoising_probes,
    variants=(score.denoising, denoising_with),
    slips={
        "towards the noise": partial(denoising_with, target=lambda x0, t, eps: eps / t.sigma),
        "target is minus eps": partial(denoising_with, target=lambda x0, t, eps: -eps),
        "over the variance": partial(denoising_with, target=lambda x0, t, eps: -eps / t.sigma**2),
        "target times sigma": partial(denoising_with, target=lambda x0, t, eps: -t.sigma * eps),
        "sees the data": partial(denoising_with, see=lambda x0, t, eps: x0),
        "sees data that is not dimmed": partial(
            denoising_with, see=lambda x0, t, eps: x0 + t.sigma * eps
        ),
        "sees the noise": partial(denoising_with, see=lambda x0, t, eps: eps),
        "target is the data": partial(denoising_with, target=lambda x0, t, eps: x0),
        "no half": partial(denoising_with, price=lambda gap, t: (gap**2).sum(1).mean()),
        "mean over all": partial(denoising_with, price=lambda gap, t: (gap**2).mean() / 2),
        "sum over all": partial(denoising_with, price=lambda gap, t: (gap**2).sum() / 2),
        "not squared": partial(denoising_with, price=lambda gap, t: gap.norm(dim=1).mean() / 2),
        "absolute": partial(denoising_with, price=lambda gap, t: gap.abs().sum(1).mean() / 2),
        "weighed by the variance": partial(
            denoising_with, price=lambda gap, t: t.sigma**2 * (gap**2).sum(1).mean() / 2
        ),
        "square of the mean": partial(
            denoising_with, price=lambda gap, t: (gap.mean(0) ** 2).sum() / 2
        ),
    },
    run=with_a_score,
)


def implicit_loss(s, J):
    """Hyvärinen's loss: half the square of the score, and how fast the field spreads."""
    return ((s**2).sum(1) / 2 + J.diagonal(dim1=1, dim2=2).sum(1)).mean()


def field(i, generator):
    """Scores (B, D) and their Jacobians (B, D, D), which need not be symmetric."""
    B, D = FLAT[i % 4]
    s, J = normal(B, D, generator=generator), normal(B, D, D, generator=generator)
    return bright(i) * s, bright(i) * J


def trace_by_einsum(s, J):
    """The same with Einstein's sums."""
    return torch.einsum("bi,bi->b", s, s).mean() / 2 + torch.einsum("bii->b", J).mean()


def trace_by_vmap(s, J):
    """Sample by sample."""
    return torch.stack([each @ each / 2 + j.trace() for each, j in zip(s, J, strict=True)]).mean()


def spread(J):
    return J.diagonal(dim1=1, dim2=2).sum(1)


half_square = lambda s: (s**2).sum(1) / 2

in_code(
    "scores.implicit_loss",
    implicit_loss,
    probes=repeated(14)(field),
    variants=(trace_by_einsum, trace_by_vmap),
    slips={
        "no trace": lambda s, J: half_square(s).mean(),
        "trace with a minus": lambda s, J: (half_square(s) - spread(J)).mean(),
        "trace only": lambda s, J: spread(J).mean(),
        "half of both": lambda s, J: (half_square(s) + spread(J) / 2).mean(),
        "half of neither": lambda s, J: (2 * half_square(s) + spread(J)).mean(),
        "half on the trace": lambda s, J: (2 * half_square(s) + spread(J) / 2).mean(),
        "all of the Jacobian": lambda s, J: (half_square(s) + J.sum((1, 2))).mean(),
        "trace squared": lambda s, J: (half_square(s) + spread(J) ** 2).mean(),
        "mean of the diagonal": lambda s, J: (half_square(s) + spread(J) / s.shape[1]).mean(),
        "mean over dimensions": lambda s, J: (s**2).mean() / 2 + spread(J).mean() / s.shape[1],
        "sum over samples": lambda s, J: (half_square(s) + spread(J)).sum(),
        "length not squared": lambda s, J: (s.norm(dim=1) / 2 + spread(J)).mean(),
        "size of the Jacobian": lambda s, J: (half_square(s) + J.norm(dim=(1, 2))).mean(),
    },
    theorems={
        "shift": lambda out, s, J: (out[0] - half_square(s).mean(), spread(J).mean()),
    },
)


def sliced_loss(s, J, v):
    """Hyvärinen's loss along one random direction a sample."""
    return ((v * s).sum(1) ** 2 / 2 + torch.einsum("bi,bij,bj->b", v, J, v)).mean()


@repeated(14)
def sliced_probes(i, generator):
    """Scores, Jacobians, and directions of any length."""
    v = (20 if i % 5 == 3 else 1) * normal(*FLAT[i % 4], generator=generator)
    return *field(i, generator), v


def sliced_by_products(s, J, v):
    """With matrix products, sample by sample."""
    bend = (v[:, None] @ J @ v[:, :, None]).flatten()
    return ((v[:, None] @ s[:, :, None]).flatten() ** 2 / 2 + bend).mean()


def sliced_by_loop(s, J, v):
    """One sample after another."""
    each = [(w @ a) ** 2 / 2 + w @ (j @ w) for a, j, w in zip(s, J, v, strict=True)]
    return torch.stack(each).mean()


bend = lambda J, v: torch.einsum("bi,bij,bj->b", v, J, v)
along = lambda s, v: (v * s).sum(1)

in_code(
    "scores.sliced_loss",
    sliced_loss,
    probes=sliced_probes,
    variants=(sliced_by_products, sliced_by_loop),
    slips={
        "not squared": lambda s, J, v: (along(s, v) / 2 + bend(J, v)).mean(),
        "no half": lambda s, J, v: (along(s, v) ** 2 + bend(J, v)).mean(),
        "half of both": lambda s, J, v: (along(s, v) ** 2 + bend(J, v)).mean() / 2,
        "no slope": lambda s, J, v: (along(s, v) ** 2 / 2).mean(),
        "slope with a minus": lambda s, J, v: (along(s, v) ** 2 / 2 - bend(J, v)).mean(),
        "squares summed": lambda s, J, v: (((v * s) ** 2).sum(1) / 2 + bend(J, v)).mean(),
        "trace for the slope": lambda s, J, v: (along(s, v) ** 2 / 2 + spread(J)).mean(),
        "diagonal only": lambda s, J, v: (
            along(s, v) ** 2 / 2 + (v**2 * J.diagonal(dim1=1, dim2=2)).sum(1)
        ).mean(),
        "v once": lambda s, J, v: (along(s, v) ** 2 / 2 + (J @ v[:, :, None]).sum((1, 2))).mean(),
        "direction normalised": lambda s, J, v: sliced_loss(s, J, v / v.norm(dim=1, keepdim=True)),
        "sum over samples": lambda s, J, v: (along(s, v) ** 2 / 2 + bend(J, v)).sum(),
        "one direction for all": lambda s, J, v: sliced_loss(s, J, v[:1].expand_as(v)),
    },
)


def error_share(s, truth):
    """The squared error of a score as a share of the square of the true one."""
    return ((s - truth) ** 2).sum() / (truth**2).sum()


@repeated(14)
def error_probes(i, generator):
    """Scores near the truth, far from it, and larger than it by far."""
    truth, noise = normal(2, *FLAT[i % 4], generator=generator)
    return bright(i) * truth + (0.1, 1.0, 30.0)[i % 3] * noise, bright(i) * truth


def share_by_norms(s, truth):
    """With the lengths of the whole tables."""
    return (torch.linalg.norm(s - truth) / torch.linalg.norm(truth)) ** 2


def share_by_means(s, truth):
    """A ratio of two means."""
    return (s - truth).square().sum(1).mean() / truth.square().sum(1).mean()


in_code(
    "scores.error_share",
    error_share,
    probes=error_probes,
    variants=(share_by_norms, share_by_means),
    slips={
        "mean of ratios": lambda s, truth: (((s - truth) ** 2).sum(1) / (truth**2).sum(1)).mean(),
        "ratio of each number": lambda s, truth: (((s - truth) / truth) ** 2).mean(),
        "root": lambda s, truth: error_share(s, truth) ** 0.5,
        "not relative": lambda s, truth: ((s - truth) ** 2).sum(1).mean(),
        "relative to the guess": lambda s, truth: ((s - truth) ** 2).sum() / (s**2).sum(),
        "absolute values": lambda s, truth: (s - truth).abs().sum() / truth.abs().sum(),
        "difference of squares": lambda s, truth: (
            ((s**2).sum() - (truth**2).sum()) / (truth**2).sum()
        ),
        "square of the sums": lambda s, truth: (s.sum() - truth.sum()) ** 2 / truth.sum() ** 2,
        "denominator not squared": lambda s, truth: ((s - truth) ** 2).sum() / truth.abs().sum(),
        "half": lambda s, truth: error_share(s, truth) / 2,
        "about the mean": lambda s, truth: (
            ((s - truth) ** 2).sum() / ((truth - truth.mean(0)) ** 2).sum().clamp(min=1e-9)
        ),
        "accuracy": lambda s, truth: 1 - error_share(s, truth),
    },
)


# --- Langevin -------------------------------------------------------------------------------------


def langevin_step(x, s, z, h):
    """Climb a little, and be shaken."""
    return x + h * s + (2 * h) ** 0.5 * z


@repeated(14)
def langevin_probes(i, generator):
    """Steps of every size, with noise that is not zero."""
    x, s, z = bright(i) * normal(3, *FLAT[i % 4], generator=generator)
    return x, s, z, (0.1, 0.5, 1.9, 0.003, 3.0)[i % 5]


def langevin_by_library(x, s, z, h):
    """The library's step is affine in its noise: on two known draws one reads off any other."""
    return torch.add(torch.add(x, s, alpha=h), z, alpha=math.sqrt(2 * h))


def langevin_as_published(x, s, z, h):
    """In the letters of Song & Ermon 2019, eq. 4: their step is twice ours."""
    alpha = 2 * h
    return x + alpha / 2 * s + math.sqrt(alpha) * z


in_code(
    "scores.langevin_step",
    langevin_step,
    probes=langevin_probes,
    variants=(langevin_by_library, langevin_as_published),
    slips={
        "root of h": lambda x, s, z, h: x + h * s + h**0.5 * z,
        "no root": lambda x, s, z, h: x + h * s + 2 * h * z,
        "root of two lost": lambda x, s, z, h: x + h * s + 2 * h**0.5 * z,
        "downhill": lambda x, s, z, h: x - h * s + (2 * h) ** 0.5 * z,
        "half the climb": lambda x, s, z, h: x + h / 2 * s + (2 * h) ** 0.5 * z,
        "twice the climb": lambda x, s, z, h: x + 2 * h * s + (2 * h) ** 0.5 * z,
        "the paper's letter": lambda x, s, z, h: x + h / 2 * s + h**0.5 * z,
        "no noise": lambda x, s, z, h: x + h * s,
        "noise only": lambda x, s, z, h: x + (2 * h) ** 0.5 * z,
        "noise unscaled": lambda x, s, z, h: x + h * s + z,
        "noise twice": lambda x, s, z, h: x + h * s + 2 * (2 * h) ** 0.5 * z,
        "noise inside the climb": lambda x, s, z, h: x + h * (s + (2 * h) ** 0.5 * z),
        "climb not scaled": lambda x, s, z, h: x + s + (2 * h) ** 0.5 * z,
        "the climb alone": lambda x, s, z, h: h * s + (2 * h) ** 0.5 * z,
        "own dice": lambda x, s, z, h: x + h * s + (2 * h) ** 0.5 * torch.randn_like(z),
        "step cut at one": lambda x, s, z, h: langevin_step(x, s, z, min(h, 1.0)),
    },
    theorems={
        "no noise": lambda out, x, s, z, h: (out[0] - (2 * h) ** 0.5 * z, x + h * s),
    },
)


def annealed_step(x, s, z, t, share):
    """Langevin's step on level t, in proportion to the level's variance."""
    h = share * t.sigma**2
    return x + h * s + (2 * h) ** 0.5 * z


@repeated(16)
def annealed_probes(i, generator):
    """Every level has a step of its own."""
    x, s, z = bright(i) * normal(3, *FLAT[i % 4], generator=generator)
    return x, s, z, some_level(i, generator), (0.1, 0.4, 1.2, 0.02)[i % 4]


def annealed_in_units_of_noise(x, s, z, t, share):
    """With the noise that the score speaks of, −σ s."""
    return x + t.sigma * (share * t.sigma * s + math.sqrt(2 * share) * z)


def annealed_by_step(x, s, z, t, share):
    """As the plain step."""
    return langevin_step(x, s, z, share * t.sigma**2)


def with_h(rule):
    """The step with another h of the level: (t, share) -> h."""
    return lambda x, s, z, t, share: langevin_step(x, s, z, rule(t, share))


in_code(
    "scores.annealed_step",
    annealed_step,
    probes=annealed_probes,
    variants=(annealed_in_units_of_noise, annealed_by_step),
    slips={
        "step not scaled": with_h(lambda t, share: share),
        "scaled by sigma": with_h(lambda t, share: share * t.sigma),
        "divided by the variance": with_h(lambda t, share: share / t.sigma**2),
        "scaled by the signal": with_h(lambda t, share: share * t.alpha**2),
        "scaled by the ratio": with_h(lambda t, share: share * t.ratio**2),
        "half of it": with_h(lambda t, share: share * t.sigma**2 / 2),
        "share squared": with_h(lambda t, share: (share * t.sigma) ** 2),
        "noise not scaled": lambda x, s, z, t, share: (
            x + share * t.sigma**2 * s + (2 * share) ** 0.5 * z
        ),
        "climb not scaled": lambda x, s, z, t, share: (
            x + share * s + (2 * share) ** 0.5 * t.sigma * z
        ),
        "noise without the two": lambda x, s, z, t, share: (
            x + share * t.sigma**2 * s + share**0.5 * t.sigma * z
        ),
        "noise of the level": lambda x, s, z, t, share: x + share * t.sigma**2 * s + t.sigma * z,
        "no noise": lambda x, s, z, t, share: x + share * t.sigma**2 * s,
        "downhill": lambda x, s, z, t, share: annealed_step(x, -s, z, t, share),
    },
)


# --- loops ----------------------------------------------------------------------------------------


def anneal(step, x, levels, repeats):
    """Some steps on each level, from the first to the last; x goes on from level to level."""
    for t in levels:
        for _ in range(repeats):
            x = step(x, t)
    return x


def pull(a):
    """A step that leaves a trace of the level and of the order."""
    return lambda x, t: x + a * t.sigma * torch.cos(x + t.alpha)


def falling(i, generator):
    """Three to five levels, noisiest first."""
    n = 3 + i % 3
    sigma = torch.rand(n, generator=generator, dtype=torch.float64).sort(descending=True).values
    return [Level(s, 1 - s / 2, 0.05 + 2 * s) for s in sigma]


@repeated(14)
def anneal_probes(i, generator):
    x = bright(i) * normal(*FLAT[i % 4], generator=generator)
    return 0.3 + 0.1 * i, x, falling(i, generator), 2 + i % 3


def anneal_by_list(step, x, levels, repeats):
    """All the levels of the walk, written out."""
    for t in [t for t in levels for _ in range(repeats)]:
        x = step(x, t)
    return x


def anneal_by_recursion(step, x, levels, repeats):
    """The first level, then the rest."""
    for _ in range(repeats):
        x = step(x, levels[0])
    return anneal_by_recursion(step, x, levels[1:], repeats) if levels[1:] else x


def rounds(step, x, levels, repeats):
    for _ in range(repeats):
        for t in levels:
            x = step(x, t)
    return x


def forgets(step, x, levels, repeats):
    for t in levels:
        there = x
        for _ in range(repeats):
            there = step(there, t)
    return there


def same_step(step, x, levels, repeats):
    for t in levels:
        x = x + repeats * (step(x, t) - x)
    return x


in_code(
    "scores.anneal",
    anneal,
    probes=anneal_probes,
    variants=(anneal_by_list, anneal_by_recursion),
    slips={
        "upwards": lambda step, x, levels, n: anneal(step, x, levels[::-1], n),
        "once a level": lambda step, x, levels, n: anneal(step, x, levels, 1),
        "loops swapped": rounds,
        "begins again on each level": forgets,
        "one long step": same_step,
        "last level left out": lambda step, x, levels, n: anneal(step, x, levels[:-1], n),
        "first level left out": lambda step, x, levels, n: anneal(step, x, levels[1:], n),
        "first level only": lambda step, x, levels, n: anneal(step, x, levels[:1], n * len(levels)),
        "one too few": lambda step, x, levels, n: anneal(step, x, levels, n - 1),
        "one too many": lambda step, x, levels, n: anneal(step, x, levels, n + 1),
    },
    run=lambda answer, probe: answer(pull(probe[0]), *probe[1:]),
)


def predictor_corrector(predict, correct, x, levels):
    """A step to each next level, and a correction there, but none on the data."""
    for t, s in zip(levels, levels[1:], strict=False):
        x = predict(x, t, s)
        if s.sigma > 0:
            x = correct(x, s)
    return x


@repeated(14)
def walk_probes(i, generator):
    """Ladders that end on the data, and some that stop before."""
    levels = falling(i, generator)
    end = Level(*torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64))
    x = bright(i) * normal(*FLAT[i % 4], generator=generator)
    return 0.3 + 0.1 * i, 0.5 - 0.02 * i, x, levels if i % 3 == 2 else [*levels, end]


def with_two_moves(answer, probe):
    """Hand the answer a step and a correction that leave a trace of order and level."""
    a, b, *rest = probe
    predict = lambda x, t, s: x * (1 - 0.1 * s.sigma) - a * torch.sin(x * t.alpha + t.sigma)
    return answer(predict, lambda x, s: x + b * torch.cos(x + s.sigma), *rest)


def walk_by_index(predict, correct, x, levels):
    """By the number of the step."""
    for i in range(1, len(levels)):
        x = predict(x, levels[i - 1], levels[i])
        x = correct(x, levels[i]) if float(levels[i].sigma) != 0 else x
    return x


def walk_by_recursion(predict, correct, x, levels):
    """The first step, then the rest."""
    if len(levels) == 1:
        return x
    x = predict(x, levels[0], levels[1])
    x = correct(x, levels[1]) if levels[1].sigma > 0 else x
    return walk_by_recursion(predict, correct, x, levels[1:])


def walked(each):
    """A walk with another body of the loop: (predict, correct, x, t, s) -> the new x."""

    def walk(predict, correct, x, levels):
        for t, s in pairwise(levels):
            x = each(predict, correct, x, t, s)
        return x

    return walk


def if_noisy(correct, x, s):
    return correct(x, s) if s.sigma > 0 else x


def end_corrected(predict, correct, x, levels):
    x = walked(lambda predict, correct, x, t, s: predict(x, t, s))(predict, correct, x, levels)
    return correct(x, levels[-1] if levels[-1].sigma > 0 else levels[-2])


in_code(
    "scores.predictor_corrector",
    predictor_corrector,
    probes=walk_probes,
    variants=(walk_by_index, walk_by_recursion),
    slips={
        "corrected on the old level": walked(lambda p, c, x, t, s: (
            c(p(x, t, s), t) if s.sigma > 0 else p(x, t, s))),
        "corrected before the step": walked(lambda p, c, x, t, s: p(c(x, t), t, s)),
        "data corrected, too": walked(lambda p, c, x, t, s: c(p(x, t, s), s)),
        "data corrected on the level before": walked(lambda p, c, x, t, s: (
            c(p(x, t, s), s if s.sigma > 0 else t))),
        "correction lost": walked(lambda p, c, x, t, s: p(x, t, s)),
        "step lost": walked(lambda p, c, x, t, s: if_noisy(c, x, s)),
        "corrected twice": walked(lambda p, c, x, t, s: if_noisy(c, if_noisy(c, p(x, t, s), s), s)),
        "corrected at the end only": end_corrected,
        "last step left out": lambda p, c, x, levels: predictor_corrector(p, c, x, levels[:-1]),
        "first step left out": lambda p, c, x, levels: predictor_corrector(p, c, x, levels[1:]),
        "levels swapped": walked(lambda p, c, x, t, s: if_noisy(c, p(x, s, t), s)),
        "upwards": lambda p, c, x, levels: predictor_corrector(p, c, x, levels[::-1]),
        "mean of both": walked(lambda p, c, x, t, s: (p(x, t, s) + if_noisy(c, x, s)) / 2),
    },
    run=with_two_moves,
)  # fmt: skip


# --- by hand --------------------------------------------------------------------------------------


def two_points(
    x, sigma,
    weigh=lambda gap, sigma: math.exp(-(gap**2) / (2 * sigma**2)),
    total=sum,
    end=lambda plus, minus, x, sigma: (plus * (1 - x) + minus * (-1 - x)) / sigma**2,
):  # fmt: skip
    """Weights of the points 1 and -1 behind x, and the score there."""
    plus, minus = weigh(x - 1, sigma), weigh(x + 1, sigma)
    whole = total((plus, minus))
    plus, minus = plus / whole, minus / whole
    return plus, minus, end(plus, minus, x, sigma)


on_paper(
    "scores.two_points",
    two_points,
    given={"x": 1.0, "sigma": 1.0},
    digits=3,
    slack=1.1,
    anew=lambda dice: {"x": dice.randint(3, 18) / 10, "sigma": dice.choice((0.8, 1.2, 1.5))},
    slips={
        "no half": partial(two_points, weigh=lambda gap, sigma: math.exp(-(gap**2) / sigma**2)),
        "distance not squared": partial(
            two_points, weigh=lambda gap, sigma: math.exp(-abs(gap) / (2 * sigma**2))
        ),
        "not normalised": partial(two_points, total=lambda both: 1.0),
        "one over the distance": partial(
            two_points, weigh=lambda gap, sigma: 1 / (1 + gap**2 / sigma**2)
        ),
        "downhill": partial(
            two_points, end=lambda plus, minus, x, sigma: (x - plus + minus) / sigma**2
        ),
        "the guess": partial(two_points, end=lambda plus, minus, x, sigma: plus - minus),
        "targets added": partial(two_points, end=lambda plus, minus, x, sigma: -2 * x / sigma**2),
        "weights swapped": lambda **g: (two_points(**g)[1], two_points(**g)[0], two_points(**g)[2]),
        "equal weights": partial(two_points, weigh=lambda gap, sigma: 1.0),
        "nearest only": (1.0, 0.0, 0.0),
    },
)


def three_losses(
    a,
    explicit=lambda a: (1 - a) ** 2 / 2,
    implicit=lambda a: a**2 / 2 - a,
    denoising=lambda a: (a**2 + (1 - a) ** 2) / 2,
):
    """Explicit, Hyvärinen's and denoising loss of s = −a x for N(0, 1), the last with σ = 1."""
    return explicit(a), implicit(a), denoising(a)


on_paper(
    "scores.three_losses",
    three_losses,
    given={"a": 1.2},
    digits=3,
    slack=1.1,  # many a loss ends in a 5, and may be rounded either way
    anew=lambda dice: {"a": dice.choice((dice.randint(11, 46), dice.randint(115, 190))) / 100},
    slips={
        "no half anywhere": lambda a: ((1 - a) ** 2, a**2 - a, a**2 + (1 - a) ** 2),
        "no half in the first": partial(three_losses, explicit=lambda a: (1 - a) ** 2),
        "no half in the last": partial(three_losses, denoising=lambda a: a**2 + (1 - a) ** 2),
        "trace with a plus": partial(three_losses, implicit=lambda a: a**2 / 2 + a),
        "trace forgotten": partial(three_losses, implicit=lambda a: a**2 / 2),
        "trace halved": partial(three_losses, implicit=lambda a: a**2 / 2 - a / 2),
        "a not squared": partial(three_losses, implicit=lambda a: a / 2 - a),
        "data forgotten": partial(three_losses, denoising=lambda a: (1 - a) ** 2 / 2),
        "noise forgotten": partial(three_losses, denoising=lambda a: a**2 / 2),
        "cross term kept": partial(three_losses, denoising=lambda a: (a + 1 - a) ** 2 / 2),
        "target with a plus": partial(three_losses, denoising=lambda a: (a**2 + (1 + a) ** 2) / 2),
        "all the same": lambda a: ((1 - a) ** 2 / 2,) * 3,
        "constant the wrong way": partial(three_losses, implicit=lambda a: (1 - a) ** 2 / 2 + 0.5),
    },
)


def three_variances(
    h,
    gain=lambda h: (1 - h) ** 2,
    add=lambda h: 2 * h,
    rest=lambda h, gain, add: add / (1 - gain),
):
    """Of N(0, 1), from 0: the variance after one Langevin step, after two, and at rest."""
    gain, add = gain(h), add(h)
    return add, gain * add + add, rest(h, gain, add)


on_paper(
    "scores.three_variances",
    three_variances,
    given={"h": 0.4},
    digits=3,
    slack=1.1,
    anew=lambda dice: {"h": dice.choice((dice.randint(8, 42), dice.randint(58, 95))) / 100},
    slips={
        "the paper's letter": partial(
            three_variances, gain=lambda h: (1 - h / 2) ** 2, add=lambda h: h
        ),
        "noise without the two": partial(three_variances, add=lambda h: h),
        "gain not squared": partial(three_variances, gain=lambda h: 1 - h),
        "noise squared": partial(three_variances, add=lambda h: 4 * h**2),
        "half the climb": partial(three_variances, gain=lambda h: (1 - h / 2) ** 2),
        "the data's variance": partial(three_variances, rest=lambda h, gain, add: 1.0),
        "one over one minus h": partial(three_variances, rest=lambda h, gain, add: 1 / (1 - h)),
        "bias the wrong way": partial(three_variances, rest=lambda h, gain, add: 1 / (1 + h / 2)),
        "spreads": lambda h: tuple(v**0.5 for v in three_variances(h)),
        "second shake forgotten": lambda h: (2 * h, (1 - h) ** 2 * 2 * h, 1 / (1 - h / 2)),
        "never pulled back": lambda h: (2 * h, 4 * h, 1 / (1 - h / 2)),
        "start counted": lambda h: (0.0, 2 * h, 1 / (1 - h / 2)),
        "shaken before the climb": lambda h: (
            (1 - h) ** 2 * 2 * h,
            (1 - h) ** 2 * ((1 - h) ** 2 + 1) * 2 * h,
            (1 - h) ** 2 / (1 - h / 2),
        ),
    },
)


def parting(
    mu, c,
    ratio=lambda mu, c: (mu**2 - c**2) ** 0.5,
    power=lambda ratio: 1 / (1 + ratio**2),
):  # fmt: skip
    """σ/α where two equal bumps at ±μ part, and ᾱ there, where variance is preserved."""
    return ratio(mu, c), power(ratio(mu, c))


on_paper(
    "scores.parting",
    parting,
    given={"mu": 1.0, "c": 0.2},
    digits=3,
    slack=1.1,
    anew=lambda dice: {"mu": dice.randint(8, 25) / 10, "c": dice.randint(3, 6) / 10},
    slips={
        "spread forgotten": partial(parting, ratio=lambda mu, c: mu),
        "spread added": partial(parting, ratio=lambda mu, c: (mu**2 + c**2) ** 0.5),
        "spread not squared": partial(parting, ratio=lambda mu, c: (mu**2 - c) ** 0.5),
        "no root": partial(parting, ratio=lambda mu, c: mu**2 - c**2),
        "plain difference": partial(parting, ratio=lambda mu, c: mu - c),
        "the whole distance": partial(parting, ratio=lambda mu, c: (4 * mu**2 - c**2) ** 0.5),
        "the noise's share": partial(parting, power=lambda ratio: ratio**2 / (1 + ratio**2)),
        "amplitude": partial(parting, power=lambda ratio: 1 / (1 + ratio**2) ** 0.5),
        "straight line": partial(parting, power=lambda ratio: 1 / (1 + ratio)),
        "order swapped": lambda mu, c: parting(mu, c)[::-1],
    },
)
