"""Exercises of 00, a first line of code and a guess; and ten questions on what you bring.

The questions stand where the answer is needed: 1 to 3 in 00, 4 to 8 in 02, 9 and 10 in 03.
"""

import torch

from lessons_lib.course.exercises.bank import in_code, on_paper
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
    shapes = [(4,), (3, 3), (2, 1, 8, 8), (5, 2)] * 3
    probes = []
    for shape in shapes:
        x0, eps = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
        alpha, sigma = torch.rand(2, generator=generator, dtype=torch.float64).tolist()
        probes.append((x0, 0.1 + 0.4 * alpha, 0.55 + 0.4 * sigma, eps))
    x0, eps = probes[-1][0], probes[-1][-1]
    ends = [(x0, 1.0, 0.0005, eps), (x0, 0.0005, 80.0, eps), (100 * x0, 1.0, 0.0, eps)]
    return [*probes, *ends, (x0, 0.5, 0.3, 100 * eps)]


def noisy_by_library(x0, alpha, sigma, eps):
    """The library's own line, with alpha and sigma as a level."""
    return q_sample(x0, Level(*(torch.tensor(f).double() for f in (0.5, alpha, sigma))), eps)


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


# --- a guess, and the ten questions ---------------------------------------------------------------


on_paper(
    "start.q2",
    5,
    digits=1,
    slips={
        "7": 7,
        "25": 25,
        "12": 12,
        "3.5": 3.5,
    },
)

on_paper(
    "start.q3",
    1,
    digits=2,
    slips={
        "1.4": 1.4,
        "1.96": 1.96,
        "2": 2,
        "0.28": 0.28,
    },
)

on_paper(
    "start.q4",
    8.3,
    digits=1,
    slack=0.4,
    slips={
        "90": 90,
        "1": 1,
        "9.1": 9.1,
        "0.083": 0.083,
        "0.9": 0.9,
    },
)

on_paper(
    "start.q5",
    1,
    digits=1,
    slips={
        "2": 2,
        "0": 0,
        "0.5": 0.5,
        "4": 4,
    },
)

on_paper(
    "start.q6",
    13,
    digits=1,
    slips={
        "9": 9,
        "4": 4,
        "5": 5,
        "11": 11,
        "25": 25,
    },
)

on_paper(
    "start.q7",
    2.5,
    digits=1,
    slips={
        "0": 0,
        "5": 5,
        "10": 10,
        "3.3": 3.3333333333333335,
    },
)

on_paper(
    "start.q8",
    0.1,
    digits=2,
    slips={
        "0.01": 0.01,
        "1": 1,
        "10": 10,
        "100": 100,
    },
)

on_paper(
    "start.q9",
    12,
    digits=1,
    slips={
        "6": 6,
        "36": 36,
        "9": 9,
        "18": 18,
    },
)
