"""What the ODE costs where it does more than draw: a likelihood, and a reflow."""

import copy
import statistics
from functools import partial

import torch
from torch import Tensor

from lessons_lib import data, learn
from lessons_lib.course.bench.timing import ratio, take_turns
from lessons_lib.course.recipes.digits import DIGITS, digit_denoiser, fit_digits
from lessons_lib.course.recipes.flows import REFLOW, digit_pairs, fit_reflow
from lessons_lib.course.recipes.likelihood import ladder, signs
from lessons_lib.guards import seeded
from lessons_lib.levels import cosine, grid
from lessons_lib.samplers import ddim, sample
from lessons_lib.sde import RULES, log_prob
from lessons_lib.wrap import counted

SHARE = 60  # a reflow's recipe is timed at this fraction of its length


def likelihood_cost(repeats: int = 9, n: int = 16, steps: int = 25) -> list[str]:
    """How likely a network thinks a digit is: 25 steps of RK4, against a DDIM walk of 50.

    An evaluation is the network run on one picture; a pass back runs it backwards. The exact trace
    takes one pass back for each of 64 pixels at every look, all in one batch, and Hutchinson one
    for every probe.
    """
    denoise, x = learn.load("digits"), data.digits()[0][:n]
    noise = torch.randn(x.shape, generator=seeded(0))
    levels = ladder(steps, 0.05, 200.0)
    probe = signs(x, 1, seeded(1))
    walked, looks = grid(cosine, 50), steps * len(RULES["RK4"])
    walks = {
        "DDIM, 50 steps": (lambda f: sample(ddim, f, noise, walked), 0),
        "log density, one probe": (lambda f: log_prob(f, x, levels, probe), looks),
        "log density, exact trace": (lambda f: log_prob(f, x, levels), looks * x[0].numel()),
    }
    seconds = take_turns({name: partial(run, denoise) for name, (run, _) in walks.items()}, repeats)
    lines = [
        f"| {n} digits | evaluations a picture | passes back | ms a picture | / DDIM |",
        "|---|---|---|---|---|",
    ]
    for name, (run, back) in walks.items():
        run(asked := counted(denoise))
        ms = statistics.median(seconds[name]) / n * 1e3
        times = ratio(seconds[name], seconds["DDIM, 50 steps"])
        lines.append(f"| {name} | {asked.samples // n} | {back} | {ms:.2f} | {times:.1f} |")
    return lines


def reflow_cost(repeats: int = 7, share: int = SHARE) -> list[str]:
    """What it costs to straighten the paths of the digits: the recipes, each at a sixtieth.

    First the training that made the network, then the pairs that it draws (50 steps for each), then
    the training on them.
    """
    part = REFLOW | {key: REFLOW[key] // share for key in ("pairs", "steps")}
    teacher = learn.load("digits")
    pair, label = digit_pairs(teacher, part)

    def again() -> Tensor:
        student = copy.deepcopy(teacher).requires_grad_(True)
        return fit_reflow(student, pair, label, part, progress=False)

    sides = {
        "the first training": lambda: fit_digits(digit_denoiser(), DIGITS["steps"] // share, False),
        "drawing the pairs": lambda: digit_pairs(teacher, part),
        "training on the pairs": again,
    }
    seconds = take_turns(sides, repeats)
    seconds["reflow in all"] = [
        a + b for a, b in zip(*(seconds[name] for name in list(sides)[1:]), strict=True)
    ]
    lines = [f"| digits, a {share}th of each | s | / the first training |", "|---|---|---|"]
    for name, took in seconds.items():
        times = ratio(took, seconds["the first training"])
        lines.append(f"| {name} | {statistics.median(took):.2f} | {times:.2f} |")
    return lines
