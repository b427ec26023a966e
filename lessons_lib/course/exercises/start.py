"""Exercises of 00, a first line of code and a guess; and ten questions on what you bring.

The questions stand where the answer is needed: 1 to 3 in 00, 4 to 8 in 02, 9 and 10 in 03. Those
by choice have no code.
"""

import math

import torch

from lessons_lib.course.exercises.bank import in_code, on_paper
from lessons_lib.course.exercises.probes import normal
from lessons_lib.diffuse import q_sample
from lessons_lib.levels import Level

# --- warm-up --------------------------------------------------------------------------------------


def noisy(x0, alpha, sigma, eps):
    """Keep alpha of the picture and add sigma of the noise."""
    return alpha * x0 + sigma * eps


def noisy_probes(generator):
    """Pictures and vectors; alpha and sigma unequal, and not on the circle alpha² + sigma² = 1.

    Then thin fog, deep fog, and the picture itself.
    """
    probes = []
    for shape in ((4,), (3, 3), (2, 1, 8, 8), (5, 2)) * 3:
        x0, eps = normal(2, *shape, generator=generator)
        alpha, sigma = torch.rand(2, generator=generator, dtype=torch.float64).tolist()
        probes.append((x0, 0.1 + 0.4 * alpha, 0.55 + 0.4 * sigma, eps))
    ends = [(x0, 1.0, 0.0005, eps), (x0, 0.0005, 80.0, eps), (100 * x0, 1.0, 0.0, eps)]
    return [*probes, *ends, (x0, 0.5, 0.3, 100 * eps)]


def noisy_by_library(x0, alpha, sigma, eps):
    """The library's own line, with alpha and sigma as a level."""
    return q_sample(x0, Level(*torch.tensor([0.5, alpha, sigma], dtype=torch.float64)), eps)


def noisy_by_torch(x0, alpha, sigma, eps):
    """The same sum, from torch's own operations."""
    return torch.add(torch.mul(x0, alpha), eps, alpha=sigma)


in_code(
    "start.warm_up",
    noisy,
    probes=noisy_probes,
    variants=(noisy_by_library, noisy_by_torch),
    slips={
        "swapped": lambda x0, alpha, sigma, eps: sigma * x0 + alpha * eps,
        "roots": lambda x0, alpha, sigma, eps: alpha**0.5 * x0 + sigma**0.5 * eps,
        "squares": lambda x0, alpha, sigma, eps: alpha**2 * x0 + sigma**2 * eps,
        "sigma without eps": lambda x0, alpha, sigma, eps: alpha * x0 + sigma,
        "no noise": lambda x0, alpha, sigma, eps: alpha * x0,
        "picture not dimmed": lambda x0, alpha, sigma, eps: x0 + sigma * eps,
        "noise not scaled": lambda x0, alpha, sigma, eps: alpha * x0 + eps,
        "nothing scaled": lambda x0, alpha, sigma, eps: x0 + eps,
        "minus": lambda x0, alpha, sigma, eps: alpha * x0 - sigma * eps,
        "sum scaled": lambda x0, alpha, sigma, eps: alpha * (x0 + sigma * eps),
        "sigma from alpha": lambda x0, alpha, sigma, eps: alpha * x0 + (1 - alpha**2) ** 0.5 * eps,
        "one minus alpha": lambda x0, alpha, sigma, eps: alpha * x0 + (1 - alpha) * eps,
        "fresh noise": lambda x0, alpha, sigma, eps: alpha * x0 + sigma * torch.randn_like(x0),
    },
    theorems={
        "the noise": lambda out, x0, alpha, sigma, eps: (out[0] - alpha * x0, sigma * eps),
    },
)


# --- the ten questions ----------------------------------------------------------------------------

on_paper(  # two independent numbers of spread 3 and 4: the spread of their sum
    "start.q2",
    math.isqrt(3**2 + 4**2),
    digits=1,
    slips={"7": 3 + 4, "25": 3**2 + 4**2, "12": 3 * 4, "3.5": (3 + 4) / 2},
)

on_paper(  # the variance of 0.6 z + 0.8 z'
    "start.q3",
    round(0.6**2 + 0.8**2),
    digits=2,
    slips={"1.4": 0.6 + 0.8, "1.96": (0.6 + 0.8) ** 2, "2": 1 + 1, "0.28": 0.8**2 - 0.6**2},
)

on_paper(  # of 1000 pictures 9 broken ones and 99 good ones are flagged: per cent broken
    "start.q4",
    round(100 * 9 / (9 + 99), 1),
    digits=1,
    slack=0.4,
    slips={"90": 90, "1": 1, "9.1": 100 * 9 / 99, "0.083": 9 / (9 + 99), "0.9": 100 * 0.01 * 0.9},
)

on_paper(  # the prior says 0, the observation 2, both with variance 1: the mean
    "start.q5",
    (0 + 2) // 2,
    digits=1,
    slips={"2": 2, "0": 0, "0.5": 1 / (1 + 1), "4": 2 + 2},
)

on_paper(  # mean 3 and spread 2: the mean square
    "start.q6",
    3**2 + 2**2,
    digits=1,
    slips={"9": 3**2, "4": 2**2, "5": 3**2 - 2**2, "11": 3**2 + 2, "25": (3 + 2) ** 2},
)

on_paper(  # one number for 0, 0, 0 and 10, at the smallest squared error
    "start.q7",
    (0 + 0 + 0 + 10) / 4,
    digits=1,
    slips={"0": 0, "5": (0 + 10) / 2, "10": 10, "3.3": 10 / 3},
)

on_paper(  # the spread of an average of 100 numbers of spread 1
    "start.q8",
    math.sqrt(100) / 100,
    digits=2,
    slips={"0.01": 100 / 100**2, "1": 1, "10": math.sqrt(100), "100": 100},
)

on_paper(  # x² at 3, and `backward` twice: the gradient
    "start.q9",
    2 * 3 + 2 * 3,
    digits=1,
    slips={"6": 2 * 3, "36": (2 * 3) * (2 * 3), "9": 3**2, "18": 2 * 3**2},
)
