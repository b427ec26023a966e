"""The recipes of the digits: their denoiser, and the judge that reads what it drew."""

import time
from pathlib import Path

import torch

from lessons_lib import data, learn, levels, nets
from lessons_lib.course.instrument import QUALITY, RULERS, SEEDS, Digits, errors
from lessons_lib.course.recipes.record import first_weights, fit_judge, ship
from lessons_lib.course.start import begin
from lessons_lib.guards import seeded
from lessons_lib.levels import cosine, grid
from lessons_lib.samplers import ddpm, sample
from lessons_lib.wrap import given

SOURCE = "trained here on data/digits.npz"
# What is trained, as its checkpoint and its record say it: nothing is written twice.
NET = {"net": "DigitNet", "arguments": {"width": 192, "blocks": 3}, "predicts": "v"}
DIGITS = {"seed": 0, "schedule": "cosine", "steps": 3000, "batch": 128, "lr": 6e-3, "ema": 0.999}
DIGITS |= {"labels dropped, per sample": 0.12}
JUDGE = {"seed": 0, "steps": 1500, "batch": 128, "lr": 2e-3, "noise on the input": 0.15}
SECOND_JUDGE = JUDGE | {"seed": 1}
HELD_OUT = 360  # a fifth of the digits, to measure a judge on


def digit_denoiser(seed: int = DIGITS["seed"]) -> learn.NetDenoiser:
    """The untrained network of the digits, always with the same first weights."""
    with first_weights(seed):
        return learn.NetDenoiser(getattr(nets, NET["net"])(**NET["arguments"]), NET["predicts"])


def fit_digits(
    denoiser: learn.NetDenoiser,
    steps: int = DIGITS["steps"],
    progress: bool = True,
    batches: learn.Batches | None = None,
    seed: int = DIGITS["seed"],
):
    """Train on the digits exactly as the shipped checkpoint was: returns the losses (steps,).

    batches: of other digits than all, as they are.
    """
    return learn.fit(
        denoiser,
        batches or learn.batches(*data.digits(), size=DIGITS["batch"]),
        getattr(levels, DIGITS["schedule"]),
        steps,
        seeded(seed + 1),
        progress=progress,
        lr=DIGITS["lr"],
        ema=DIGITS["ema"],
        drop=DIGITS["labels dropped, per sample"],
    )


def train_digits(folder: Path, progress: bool = True) -> None:
    """Train the digit denoiser, measure it with the judge, and write checkpoint and record."""
    begin()
    denoiser = digit_denoiser()
    start = time.perf_counter()
    history = fit_digits(denoiser, progress=progress)
    seconds = time.perf_counter() - start
    measured, how = measure_digits(denoiser)
    done = DIGITS | {"steps": len(history)}  # fewer, if it was interrupted
    ship(folder, "digits", denoiser, NET, done, seconds, history, measured, SOURCE, how)


def measure_digits(denoiser, n: int = 500, seeds=SEEDS) -> tuple[dict, dict]:
    """Draw n digits a seed with 1000 DDPM steps and hold them against real ones, and say how.

    The means over the seeds, and the instruments they were taken by: the figures of this network
    everywhere in the course.
    """
    real, label, found = Digits.load(n), torch.arange(n) % 10, []
    for seed in seeds:
        drawn = draw_digits(ddpm, given(denoiser, label), n, 1000, seed)
        found.append(real.judged(drawn, label, seed))
    figures, floor = errors(found, *QUALITY), real.reference(seeds)
    measured = {key: figures[key]["value"] for key in QUALITY}
    for key in RULERS:
        if (name := f"{key}, real against real") in floor:
            measured[name] = floor[name]["value"]
    return measured, floor["instruments"]


def draw_digits(step, denoise, n: int, steps: int, seed: int) -> torch.Tensor:
    """n digits, (n, 1, 8, 8), from the noise of this seed: the same start for every sampler."""
    generator = seeded(seed)
    noise = torch.randn(n, 1, 8, 8, generator=generator)
    return sample(step, denoise, noise, grid(cosine, steps), generator)


def train_judge(folder: Path, progress: bool = True) -> None:
    """Train the classifier that recognises digits; a fifth of them is held out to measure it."""
    begin(threads=2)  # as the shipped one was: convolutions round otherwise with one
    _train_judge("judge", nets.DigitJudge, JUDGE, folder, progress)


def train_second_judge(folder: Path, progress: bool = True) -> None:
    """Train another one, of another architecture, from another seed, on another four fifths."""
    begin()
    _train_judge("second_judge", nets.SecondDigitJudge, SECOND_JUDGE, folder, progress)


def _train_judge(name: str, net, recipe: dict, folder: Path, progress: bool) -> None:
    x0, label = data.digits()
    generator = seeded(recipe["seed"])
    held_out, kept = torch.randperm(len(x0), generator=generator).tensor_split([HELD_OUT])
    with first_weights(recipe["seed"]):  # dropout draws from them, too
        start = time.perf_counter()
        judge = net()
        history = _fit_judge(judge, x0[kept], label[kept], recipe, generator, progress)
    seconds = time.perf_counter() - start
    correct = (judge(x0[held_out]).argmax(1) == label[held_out]).float().mean()
    measured = {"held out": len(held_out), "recognised": float(correct)}
    about = {"net": net.__name__, "arguments": {}}
    ship(folder, name, judge, about, recipe, seconds, history, measured, SOURCE)


def _fit_judge(judge, x0, label, recipe, generator, progress) -> torch.Tensor:
    steps, size, noise = recipe["steps"], recipe["batch"], recipe["noise on the input"]

    def loss(step: int) -> torch.Tensor:
        pick = torch.randint(len(x0), (size,), generator=generator)
        seen = x0[pick] + noise * torch.randn(x0[pick].shape, generator=generator)
        return torch.nn.functional.cross_entropy(judge(seen), label[pick])

    return fit_judge(judge, loss, steps, recipe["lr"], lambda i: 1 - i / steps, progress)
