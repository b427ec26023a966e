"""Exercises of notebook 05, classifier-free guidance: the blend, its training, and its cost.

`u` is what the network says without the condition, `c` what it says with it; w = 0 ignores the
condition and w = 1 obeys it (Ho & Salimans' own w is ours minus 1). A level t has .alpha, .sigma.
"""

import math
from functools import partial
from unittest import mock

import torch

from lessons_lib import diffuse, learn, wrap
from lessons_lib.course.exercises.bank import in_code, on_paper
from lessons_lib.course.exercises.probes import LEAVES, bright, normal, repeated, some_level
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.levels import Level

# --- the blend ------------------------------------------------------------------------------------


def blend(u, c, w):
    """Walk from the unconditional guess through the conditional one, w times as far."""
    return u + w * (c - u)


@repeated(14)
def blend_probes(i, generator):
    """Scales below 0, between 0 and 1, and far above; 0 and 1 too, where nothing else differs."""
    scales = (3.0, 0.4, 7.5, -1.5, 15.0, 0.0, 2.0, 1.0, 0.7, 5.0, -0.3, 1.3, 20.0, 4.2)
    return *(bright(i) * normal(2, *LEAVES[i % 4], generator=generator)), scales[i]


def blend_by_library(u, c, w):
    """The library's wrapper, around a denoiser that knows the two answers."""
    denoise = lambda x, t, label=None: u if label is None else c
    label = torch.zeros(len(u), dtype=torch.long)
    return wrap.cfg(denoise, label, w)(u, Level.from_alpha_bar(0.5))


def blend_by_weights(u, c, w):
    """As some codes write it: a sum whose weights add up to one."""
    return w * c + (1 - w) * u


BLENDS = {  # slips that make sense for tensors and for numbers
    "the paper's w": lambda u, c, w: (1 + w) * c - w * u,
    "w minus one": lambda u, c, w: u + (w - 1) * (c - u),
    "roles swapped": lambda u, c, w: c + w * (u - c),
    "a sign lost": lambda u, c, w: w * c + (w - 1) * u,
    "conditional only": lambda u, c, w: w * c,
    "conditional added": lambda u, c, w: u + w * c,
    "difference only": lambda u, c, w: w * (c - u),
    "away from the condition": lambda u, c, w: u - w * (c - u),
    "mean": lambda u, c, w: (u + c) / 2,
}

in_code(
    "guidance.blend",
    blend,
    probes=blend_probes,
    variants=(blend_by_library, blend_by_weights),
    slips=BLENDS
    | {
        "weighted mean": lambda u, c, w: (u + w * c) / (1 + w),
        "scale cut to 0 ... 1": lambda u, c, w: u + min(max(w, 0), 1) * (c - u),
        "result clipped": lambda u, c, w: blend(u, c, w).clamp(-1, 1),
        "result clipped at zero": lambda u, c, w: blend(u, c, w).clamp(0, 1),
        "off up to one": lambda u, c, w: blend(u, c, w) if w > 1 else c,
        "w ignored": lambda u, c, w: c,
        "divided": lambda u, c, w: u + (c - u) / w if w else u,
    },
    theorems={
        "w = 0": lambda out, u, c, w: (out[0], u) if w == 0 else None,
        "w = 1": lambda out, u, c, w: (out[0], c) if w == 1 else None,
        "w times as far": lambda out, u, c, w: (out[0] - u, w * (c - u)),
    },
)


# --- by hand --------------------------------------------------------------------------------------


def at_each(rule):
    """A blend, right or wrong, at each of the scales."""
    return lambda u, c, w: tuple(rule(u, c, each) for each in w)


def arrows(dice):
    """Two guesses and three scales, the smallest first."""
    u, c = dice.randint(-9, 9) / 10, dice.randint(-9, 9) / 10
    return {"u": u, "c": c, "w": tuple(sorted(dice.sample((1.5, 2, 3, 4, 7.5, 10), 3)))}


on_paper(
    "guidance.blend_by_hand",
    at_each(blend),
    given={"u": 0.6, "c": 1.0, "w": (1.0, 5.0, 15.0)},
    digits=2,
    anew=arrows,
    slips={name: at_each(rule) for name, rule in BLENDS.items()}
    | {"never beyond": at_each(lambda u, c, w: c)},
)


def two_conventions(u, c, w, line=blend, theirs=lambda w: w - 1):
    """The blend at our w, and what the paper would call this w."""
    return line(u, c, w), theirs(w)


on_paper(
    "guidance.two_conventions",
    two_conventions,
    given={"u": 0.8, "c": 0.6, "w": 3.0},
    digits=2,
    slips={
        "their line, our number": partial(two_conventions, line=BLENDS["the paper's w"]),
        "one more": partial(two_conventions, theirs=lambda w: w + 1),
        "the same": partial(two_conventions, theirs=lambda w: w),
        "both too far": lambda u, c, w: (BLENDS["the paper's w"](u, c, w), w + 1),
        "difference without its sign": lambda u, c, w: (u + w * abs(c - u), w - 1),
        "roles swapped": partial(two_conventions, line=BLENDS["roles swapped"]),
        "conditional only": partial(two_conventions, line=BLENDS["conditional only"]),
        "difference only": partial(two_conventions, line=BLENDS["difference only"]),
        "w turned round": partial(two_conventions, theirs=lambda w: 1 - w),
    },
)


# --- condition dropout ----------------------------------------------------------------------------


def drop_labels(c, share, u):
    """Hide the labels of about this share of the samples, each on its own."""
    return torch.where(u < share, -1, c)


@repeated(14)
def drop_probes(i, generator):
    """Batches of labels with 0 among them; shares from nothing to all, and none near one half."""
    shares = (0.12, 0.3, 0.12, 0.2, 0.8, 0.0, 1.0, 0.15, 0.35, 0.7, 0.25, 0.9, 0.33, 0.12)
    share, B = shares[i], (40, 30, 20, 50, 25)[i % 5]
    c = torch.randint(0, 10, (B,), generator=generator)
    c[:2] = torch.tensor([0, 9])
    u = torch.rand(B, generator=generator, dtype=torch.float64)
    u[:4] = torch.tensor([0.05, 0.95, 0.4, 0.6], dtype=torch.float64)
    if share < 1:  # dice that show the share itself keep the label; rand may draw 0, never 1
        u[4:6] = share
    return c, share, u


def drop_by_library(c, share, u):
    """The library's own, whose dice are replaced by the numbers handed in."""
    with mock.patch.object(torch, "rand", lambda *shape, generator=None: u):
        return learn.drop_labels(c, share, torch.Generator())


def drop_by_loop(c, share, u):
    """One sample after the other."""
    pairs = zip(c.tolist(), u.tolist(), strict=True)
    return torch.tensor([-1 if dice < share else label for label, dice in pairs])


def hide(c, where):
    return torch.where(where, -1, c)


in_code(
    "guidance.drop_labels",
    drop_labels,
    probes=drop_probes,
    variants=(drop_by_library, drop_by_loop),
    slips={
        "keeps what it should drop": lambda c, share, u: hide(c, u >= share),
        "greater than": lambda c, share, u: hide(c, u < 1 - share),
        "one draw for the batch": lambda c, share, u: hide(c, u[0] < share),
        "null is class 0": lambda c, share, u: torch.where(u < share, 0, c),
        "null is one more class": lambda c, share, u: torch.where(u < share, int(c.max()) + 1, c),
        "classes moved by one": lambda c, share, u: torch.where(u < share, 0, c + 1),
        "sign turned": lambda c, share, u: torch.where(u < share, -c, c),
        "the first ones": lambda c, share, u: hide(c, torch.arange(len(c)) < int(share * len(c))),
        "half of them": lambda c, share, u: hide(c, u < 0.5),
        "own dice": lambda c, share, u: hide(c, torch.rand(len(c)) < share),
        "samples removed": lambda c, share, u: c[u >= share],
        "mask returned": lambda c, share, u: u < share,
        "nothing dropped": lambda c, share, u: c,
        "everything dropped": lambda c, share, u: torch.full_like(c, -1),
        "batch mean": lambda c, share, u: hide(c, u.mean() < share),
        "exact count": lambda c, share, u: hide(c, u.argsort().argsort() < round(share * len(c))),
        "share itself dropped": lambda c, share, u: hide(c, u <= share),
    },
    theorems={
        "dropped": lambda out, c, share, u: ((out[0] == -1).double(), (u < share).double()),
        "the others": lambda out, c, share, u: (out[0][u >= share], c[u >= share]),
    },
)


# --- the guided law -------------------------------------------------------------------------------


def law(m, v, a, b):
    """Mean and variance of N(0, 1)^a N(m, v)^b: precisions add up, and precisions times means."""
    precision = a + b / v
    return b * m / v / precision, 1 / precision


tilted = lambda m, v, w: law(m, v, 1 - w, w)

EXPONENTS = {  # slips of both laws
    "the paper's w": lambda m, v, w: law(m, v, -w, 1 + w),
    "product with w": lambda m, v, w: law(m, v, 1, w),
    "power of the conditional": lambda m, v, w: law(m, v, 0, w),
}

on_paper(
    "guidance.tilted_mean",
    tilted,
    given={"m": 1.0, "v": 1.0, "w": 3.0},
    digits=2,
    slips=EXPONENTS
    | {
        "obeys only": lambda m, v, w: law(m, v, 0, 1),
        "narrowed": lambda m, v, w: (w * m, v / w),
        "wide": lambda m, v, w: (w * m, w**2 * v),
        "spread scaled": lambda m, v, w: (w * m, w * v),
        "w minus one": lambda m, v, w: tilted(m, v, w - 1),
        "roles swapped": lambda m, v, w: law(m, v, w, 1 - w),
    },
)

on_paper(
    "guidance.tilted_unequal",
    tilted,
    given={"m": 1.0, "v": 0.25, "w": 3.0},
    digits=2,
    slips=EXPONENTS
    | {
        "std for variance": lambda m, v, w: tilted(m, v**0.5, w),
        "equal spreads": lambda m, v, w: (w * m, v),
        "as before": lambda m, v, w: tilted(m, 1, w),
        "conditional only": lambda m, v, w: law(m, v, 0, 1),
        "std returned": lambda m, v, w: (tilted(m, v, w)[0], tilted(m, v, w)[1] ** 0.5),
        "precision returned": lambda m, v, w: (tilted(m, v, w)[0], 1 / tilted(m, v, w)[1]),
        "what DDIM gives": (1.5, 0.016),
        "what DDPM gives": (1.31, 0.066),
        "not divided": lambda m, v, w: (w * m / v, tilted(m, v, w)[1]),
    },
)


# --- what it costs --------------------------------------------------------------------------------

on_paper(
    "guidance.calls",
    2 * 50,
    digits=0,
    slack=0.4,
    slips={
        "steps": 50,
        "levels": 50 + 1,
        "levels, twice": 2 * (50 + 1),
        "one more for the end": 2 * 50 + 1,
        "three per step": 3 * 50,
        "four per step": 4 * 50,
        "times w": 7.5 * 50,
        "table": 2 * 1000,
    },
)


# --- classifier guidance --------------------------------------------------------------------------


def classifier_guided_eps(eps, grad, t, scale):
    """Push the noise against the classifier's slope, so that the picture climbs it."""
    return eps - scale * t.sigma * grad


@repeated(16)
def classifier_probes(i, generator):
    """Levels on the circle and off it; scales away from 1, also below 0."""
    eps, grad = bright(i) * normal(2, *LEAVES[i % 4], generator=generator)
    scale = (2.0, 0.5, 4.0, -1.5, 10.0, 3.0, 0.3, 7.5)[i % 8]
    return eps, grad, some_level(i, generator), scale


def classifier_by_library(eps, grad, t, scale):
    """The library's wrapper, with a classifier whose slope is grad everywhere."""
    x = torch.ones_like(eps)
    denoise = lambda x, t: diffuse.x0_from_eps(x, eps, t)
    log_prob = lambda x, t: (x * grad).flatten(1).sum(1)
    return diffuse.eps_from_x0(x, wrap.classifier_guidance(denoise, log_prob, scale)(x, t), t)


def classifier_by_score(eps, grad, t, scale):
    """In scores: they add up, as logarithms of a product do."""
    score = -eps / t.sigma + scale * grad
    return -score * t.sigma


def pushed(eps, grad, t, scale, by=lambda t: t.sigma):
    """The noise, pushed by as much of the slope as the level lets through."""
    return eps - scale * by(t) * grad


in_code(
    "guidance.classifier_guided_eps",
    classifier_guided_eps,
    probes=classifier_probes,
    variants=(classifier_by_library, classifier_by_score, pushed),
    slips={
        "sign": partial(pushed, by=lambda t: -t.sigma),
        "no sigma": partial(pushed, by=lambda t: 1),
        "sigma squared": partial(pushed, by=lambda t: t.sigma**2),
        "alpha": partial(pushed, by=lambda t: t.alpha),
        "divided by sigma": partial(pushed, by=lambda t: 1 / t.sigma),
        "push of the picture": partial(pushed, by=lambda t: t.sigma**2 / t.alpha),
        "added to the picture's way": partial(pushed, by=lambda t: -(t.sigma**2) / t.alpha),
        "sigma from the circle": partial(pushed, by=lambda t: (1 - t.alpha**2).sqrt()),
        "another paper's alpha": partial(pushed, by=lambda t: (1 - t.alpha).sqrt()),
        "scale forgotten": lambda eps, grad, t, scale: eps - t.sigma * grad,
        "scale on everything": lambda eps, grad, t, scale: scale * (eps - t.sigma * grad),
        "blend of both": lambda eps, grad, t, scale: (1 - scale) * eps - scale * t.sigma * grad,
        "push only": lambda eps, grad, t, scale: -scale * t.sigma * grad,
        "score returned": lambda eps, grad, t, scale: -eps / t.sigma + scale * grad,
        "direction only": lambda eps, grad, t, scale: eps - scale * t.sigma * grad / grad.norm(),
    },
    theorems={
        "score moved": lambda out, eps, grad, t, scale: (-(out[0] - eps) / t.sigma, scale * grad),
    },
)


# --- dynamic threshold ----------------------------------------------------------------------------


def dynamic_threshold(x0, share):
    """Shrink a guess whose brightest pixels leave [-1, 1] until only 1 - share of them do."""
    size = torch.quantile(x0.abs().flatten(1), share, dim=1).clamp(min=1)  # (B,)
    size = size.reshape(-1, *[1] * (x0.ndim - 1))  # (B, 1, ..., 1)
    return x0.clamp(-size, size) / size


@repeated(15)
def threshold_probes(i, generator):
    """In each batch a sample within [-1, 1], one far beyond, and one that leans to one side."""
    shape = ((4, 4), (3, 3, 3, 3), (4, 1, 4, 4), (3, 2, 5, 5), (5, 8))[i % 5]
    x0 = 2.5 * normal(*shape, generator=generator)
    x0[0] *= 0.3 / x0[0].abs().max()
    x0[1] = bright(i) * (x0[1] - 2)
    return x0, (0.9, 0.8, 0.995, 0.6)[i % 4]


def threshold_by_library(x0, share):
    """The library's wrapper, around a denoiser that always says x0."""
    return wrap.dynamic_threshold(lambda x, t: x0, share)(x0, Level.from_alpha_bar(0.5))


def threshold_by_sample(x0, share):
    """Sample by sample, divided first and clipped then."""
    rows = []
    for x in x0:
        size = max(1.0, float(torch.quantile(x.abs().reshape(-1), share)))
        rows.append((x / size).clamp(-1, 1))
    return torch.stack(rows)


def shrink(
    x0, share,
    measure=lambda x, q: x.abs().quantile(q, dim=1),
    least=lambda size: size.clamp(min=1),
    use=lambda x, size: x.clamp(-size, size) / size,
):  # fmt: skip
    """A dynamic threshold in three parts, for slips with one of them wrong."""
    size = least(measure(x0.flatten(1), share)).reshape(-1, *[1] * (x0.ndim - 1))
    return use(x0, size)


def each_channel(x0, share):
    """Each channel taken for a sample; a vector has no channels."""
    rows = x0.flatten(0, 1) if x0.ndim > 2 else x0
    return dynamic_threshold(rows, share).view_as(x0)


in_code(
    "guidance.dynamic_threshold",
    dynamic_threshold,
    probes=threshold_probes,
    variants=(threshold_by_library, threshold_by_sample, shrink),
    slips={
        "no lower limit": partial(shrink, least=lambda size: size),
        "limit on the wrong side": partial(shrink, least=lambda size: size.clamp(max=1)),
        "clipped, not divided": partial(shrink, use=lambda x, size: x.clamp(-size, size)),
        "divided, not clipped": partial(shrink, use=lambda x, size: x / size),
        "static clip": lambda x0, share: x0.clamp(-1, 1),
        "clipped to one, then divided": partial(shrink, use=lambda x, size: x.clamp(-1, 1) / size),
        "root of size": partial(shrink, use=lambda x, size: x.clamp(-size, size) / size.sqrt()),
        "squeezed by tanh": partial(shrink, use=lambda x, size: torch.tanh(x / size)),
        "one size for the batch": lambda x0, share: dynamic_threshold(x0[None], share)[0],
        "one size for each channel": each_channel,
        "no absolute values": partial(shrink, measure=lambda x, q: x.quantile(q, dim=1)),
        "maximum": partial(shrink, measure=lambda x, q: x.abs().amax(1)),
        "share times the maximum": partial(shrink, measure=lambda x, q: q * x.abs().amax(1)),
        "spread for quantile": partial(shrink, measure=lambda x, q: x.std(dim=1)),
        "the other share": lambda x0, share: dynamic_threshold(x0, 1 - share),
    },
    theorems={
        "within": lambda out, x0, share: (out[0].clamp(-1, 1), out[0]),
        "unchanged": lambda out, x0, share: (out[0][0], x0[0]),
    },
)


# --- autoguidance ---------------------------------------------------------------------------------


def autoguide(strong, weak, w):
    """Walk from a weak model's guess through a strong one's, w times as far."""

    def guided(x, t):
        worse = weak(x, t)
        return worse + w * (strong(x, t) - worse)

    return guided


@repeated(14)
def autoguide_probes(i, generator):
    """Five bells, narrow and wide, of which `both` makes two denoisers; scales as for the blend."""
    scales = (3.0, 0.4, 2.0, -1.5, 5.0, 0.0, 7.5, 1.0, 0.7, 1.5, -0.3, 1.3, 15.0, 4.2)
    mu, x = bright(i) * normal(2, 5, 3, generator=generator)
    narrow, more = 0.3 + normal(2, 5, generator=generator).abs()
    return (mu, narrow, narrow + more), scales[i], x, some_level(i, generator)


def both(bells):
    """The exact denoisers of the narrow bells and of the wide ones: the strong, the weak."""
    mu, narrow, wide = bells
    return MixtureDenoiser(mu, narrow), MixtureDenoiser(mu, wide)


def asked(answer, probe):
    """What the denoiser that an answer makes of two says of x on level t."""
    bells, w, x, t = probe
    return answer(*both(bells), w)(x, t)


def autoguide_by_weights(strong, weak, w):
    """As a sum whose weights add up to one."""
    return lambda x, t: w * strong(x, t) + (1 - w) * weak(x, t)


def both_asked(rule):
    """A denoiser that puts both guesses into a rule, right or wrong."""
    return lambda strong, weak, w: lambda x, t: rule(weak(x, t), strong(x, t), w)


in_code(
    "guidance.autoguide",
    autoguide,
    probes=autoguide_probes,
    variants=(wrap.autoguide, autoguide_by_weights, both_asked(blend)),
    slips={name: both_asked(rule) for name, rule in BLENDS.items()}
    | {
        "result clipped": both_asked(lambda u, c, w: blend(u, c, w).clamp(-1, 1)),
        "scale cut to 0 ... 1": both_asked(lambda u, c, w: blend(u, c, min(max(w, 0), 1))),
        "strong only": lambda strong, weak, w: strong,
        "asked one after the other": lambda strong, weak, w: (
            lambda x, t: blend(weak(x, t), strong(weak(x, t), t), w)
        ),
        "weak asked about the strong guess": lambda strong, weak, w: (
            lambda x, t: blend(weak(strong(x, t), t), strong(x, t), w)
        ),
        "starts at x": lambda strong, weak, w: lambda x, t: x + w * (strong(x, t) - weak(x, t)),
    },
    theorems={
        "w = 0": lambda out, bells, w, x, t: (out[0], both(bells)[1](x, t)) if w == 0 else None,
        "w = 1": lambda out, bells, w, x, t: (out[0], both(bells)[0](x, t)) if w == 1 else None,
    },
    run=asked,
)


def ends_at(strong, weak, w):
    """The variance where guided DDIM ends, of two bells around one middle, at each w."""
    return tuple(weak ** (1 - each) * strong**each for each in w)


def at_each_w(rule):
    """A rule for one scale, right or wrong, at each of the scales."""
    return lambda strong, weak, w: tuple(rule(strong, weak, each) for each in w)


def two_bells(dice):
    """The strong one's variance, the weak one's, which is larger, and two scales."""
    strong = dice.choice((0.2, 0.4, 0.5, 0.8))
    return {
        "strong": strong,
        "weak": strong * dice.choice((1.25, 1.5, 2.5)),
        "w": dice.choice(((2, 3), (2, 4), (3, 4))),
    }


on_paper(
    "guidance.undone",
    ends_at,
    given={"strong": 0.6, "weak": 1.2, "w": (2, 3)},
    digits=3,
    anew=two_bells,
    slips={
        "variances on a line": at_each_w(lambda s, k, w: k + w * (s - k)),
        "spreads on a line": at_each_w(lambda s, k, w: (k**0.5 + w * (s**0.5 - k**0.5)) ** 2),
        "tilted law": at_each_w(lambda s, k, w: 1 / ((1 - w) / k + w / s)),
        "one factor too many": at_each_w(lambda s, k, w: s * (s / k) ** w),
        "one factor too few": at_each_w(lambda s, k, w: k * (s / k) ** (w - 1)),
        "upside down": at_each_w(lambda s, k, w: s * (k / s) ** (w - 1)),
        "power of the strong": at_each_w(lambda s, k, w: s**w),
        "spread, not variance": at_each_w(lambda s, k, w: (s * (s / k) ** (w - 1)) ** 0.5),
        "spread ratio": at_each_w(lambda s, k, w: s * (s / k) ** ((w - 1) / 2)),
        "divided by w": at_each_w(lambda s, k, w: s / w),
        "strong alone": at_each_w(lambda s, k, w: s),
        "weak divided by w": at_each_w(lambda s, k, w: k / w),
    },
)


# --- where two blobs part -------------------------------------------------------------------------


def parts(a, b, spread):
    """The σ/α below which the fog of two equal blobs has two tops."""
    return (math.dist(a, b) ** 2 / 4 - spread**2) ** 0.5


def two_blobs(dice):
    """Two middles on a grid of tenths, further apart than two spreads."""
    a = dice.randint(-20, 0) / 10, dice.randint(-20, 0) / 10
    b = dice.randint(10, 20) / 10, dice.randint(10, 20) / 10
    return {"a": a, "b": b, "spread": dice.choice((0.15, 0.2, 0.25, 0.3))}


on_paper(
    "guidance.parts",
    parts,
    given={"a": (-1.6, -0.4), "b": (0.2, 0.6), "spread": 0.35},
    digits=3,
    anew=two_blobs,
    slips={
        "whole distance": lambda a, b, spread: (math.dist(a, b) ** 2 - spread**2) ** 0.5,
        "spread added": lambda a, b, spread: (math.dist(a, b) ** 2 / 4 + spread**2) ** 0.5,
        "no root": lambda a, b, spread: math.dist(a, b) ** 2 / 4 - spread**2,
        "no spread": lambda a, b, spread: math.dist(a, b) / 2,
        "spread off the distance": lambda a, b, spread: math.dist(a, b) / 2 - spread,
        "spread not squared": lambda a, b, spread: (math.dist(a, b) ** 2 / 4 - spread) ** 0.5,
        "square halved": lambda a, b, spread: (math.dist(a, b) ** 2 / 2 - spread**2) ** 0.5,
        "one coordinate": lambda a, b, spread: ((a[0] - b[0]) ** 2 / 4 - spread**2) ** 0.5,
        "along the edges": lambda a, b, spread: (
            ((abs(a[0] - b[0]) + abs(a[1] - b[1])) ** 2 / 4 - spread**2) ** 0.5
        ),
        "alpha bar": lambda a, b, spread: 1 / (1 + parts(a, b, spread) ** 2),
        "signal over noise": lambda a, b, spread: 1 / parts(a, b, spread),
        "spread twice": lambda a, b, spread: (math.dist(a, b) ** 2 / 4 - 2 * spread**2) ** 0.5,
    },
)
