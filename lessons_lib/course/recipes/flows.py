"""The recipe of rectified flow: the network of the digits, taught anew on its own walks."""

import copy
import time
from pathlib import Path

import torch

from lessons_lib import flow, learn, levels
from lessons_lib.course.instrument import SEEDS, Digits, errors
from lessons_lib.course.recipes.digits import NET
from lessons_lib.course.recipes.record import ship
from lessons_lib.course.start import begin
from lessons_lib.guards import seeded
from lessons_lib.levels import grid, rectified
from lessons_lib.samplers import Denoiser, ddim, sample
from lessons_lib.wrap import given

SOURCE = "trained here on what `digits` draws"
REFLOW = {"seed": 5, "pairs": 20000, "steps of a pair": 50, "schedule": "cosine"}
REFLOW |= {"steps": 3000, "batch": 256, "lr": 1e-3, "ema": 0.999, "begins as": "digits"}
CALLS = (1, 8, 50)  # at which it is measured


def straight(denoiser: learn.NetDenoiser, label: torch.Tensor) -> Denoiser:
    """A network of the digits, asked for labels (B,), on the straight path."""
    return flow.moved(given(denoiser, label), torch.hypot)


def digit_pairs(teacher: learn.NetDenoiser, recipe: dict = REFLOW):
    """Noise, the digit that the teacher walks to from there, and the label that it was asked for.

    Pairs (N, 2, 1, 8, 8), data first, and labels (N,), every one equally often.
    """
    n, ladder = (
        recipe["pairs"],
        grid(getattr(levels, recipe["schedule"]), recipe["steps of a pair"]),
    )
    noise = torch.randn(n, 1, 8, 8, generator=seeded(recipe["seed"]))
    label = torch.arange(n) % 10
    parts = zip(noise.split(1000), label.split(1000), strict=True)  # that fit into the cache
    return torch.cat([flow.pairs(given(teacher, c), x, ladder) for x, c in parts]), label


def fit_reflow(denoiser: learn.NetDenoiser, pair, label, recipe: dict = REFLOW, progress=True):
    """Train on pairs of noise and data that belong together: returns the losses (steps,)."""

    def batches(step: int, generator: torch.Generator):
        pick = torch.randint(len(pair), (recipe["batch"],), generator=generator)
        return pair[pick], label[pick]

    return learn.fit(
        denoiser,
        batches,
        getattr(levels, recipe["schedule"]),
        recipe["steps"],
        seeded(recipe["seed"] + 1),
        progress=progress,
        lr=recipe["lr"],
        ema=recipe["ema"],
        drop=0.0,
        loss=flow.coupled_loss,
    )


def train_digits_reflow(folder: Path, progress: bool = True) -> None:
    """Draw the pairs, train on them, measure, and write checkpoint and record."""
    begin()
    teacher = learn.load(REFLOW["begins as"])
    student = copy.deepcopy(teacher).requires_grad_(True)
    start = time.perf_counter()
    history = fit_reflow(student, *digit_pairs(teacher), progress=progress)
    seconds = time.perf_counter() - start
    measured, how = measure_reflow(student)
    done = REFLOW | {"steps": len(history)}  # fewer, if it was interrupted
    ship(folder, "digits_reflow", student, NET, done, seconds, history, measured, SOURCE, how)


def measure_reflow(denoiser, n: int = 500, seeds=SEEDS) -> tuple[dict, dict]:
    """Draw n digits a seed in one step and in more, hold them against real ones, and say how."""
    real, label, measured = Digits.load(n), torch.arange(n) % 10, {}
    for calls in CALLS:
        found = [real.judged(walked(denoiser, label, calls, seed), label, seed) for seed in seeds]
        kept = ("recognised", "frechet", "frechet, second judge")
        figures = errors(found, *kept)
        measured |= {f"{key}, {calls} calls": figures[key]["value"] for key in kept}
    return measured, real.reference(seeds)["instruments"]


def walked(denoiser, label: torch.Tensor, calls: int, seed: int) -> torch.Tensor:
    """Digits of these labels by so many Euler steps down the straight path, from a seed's noise."""
    noise = torch.randn(len(label), 1, 8, 8, generator=seeded(seed))
    return sample(ddim, straight(denoiser, label), noise, grid(rectified, calls))
