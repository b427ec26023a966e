"""Exercises of notebook 02 on two Gaussians: their product, by hand, and how far they are apart."""

import math
from functools import partial

import torch

from lessons_lib.course.exercises.bank import in_code, on_paper
from lessons_lib.course.exercises.probes import normal

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
