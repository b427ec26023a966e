"""The recipes of the digits: their denoiser, and the judge that reads what it drew."""

import time
from pathlib import Path

import torch

from lessons_lib import data, learn, nets
from lessons_lib.course.instrument import QUALITY, RULERS, SEEDS, Digits, errors
from lessons_lib.course.recipes.record import fit_judge, ship
from lessons_lib.course.start import begin
from lessons_lib.guards import seeded
from lessons_lib.levels import cosine, grid
from lessons_lib.samplers import ddpm, sample
from lessons_lib.wrap import given

SOURCE = "trained here on data/digits.npz"


def digit_denoiser(seed: int = 0) -> learn.NetDenoiser:
    """The untrained network of the digits, always with the same first weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return learn.NetDenoiser(nets.DigitNet(width=192, blocks=3), predicts="v")


def fit_digits(denoiser: learn.NetDenoiser, steps: int = 3000, progress: bool = True):
    """Train on the digits exactly as the shipped checkpoint was: returns the losses (steps,)."""
    x0, label = data.digits()
    return learn.fit(
        denoiser,
        learn.batches(x0, label, size=128),
        cosine,
        steps,
        seeded(1),
        progress=progress,
        lr=6e-3,
        drop=0.12,
    )


def train_digits(folder: Path, progress: bool = True) -> None:
    """Train the digit denoiser, measure it with the judge, and write checkpoint and record."""
    begin()
    denoiser = digit_denoiser()
    start = time.perf_counter()
    history = fit_digits(denoiser, progress=progress)
    seconds = time.perf_counter() - start
    about = {"net": "DigitNet", "arguments": {"width": 192, "blocks": 3}, "predicts": "v"}
    recipe = {"seed": 0, "schedule": "cosine", "steps": len(history), "batch": 128, "lr": 6e-3}
    recipe |= {"ema": 0.999, "labels dropped, per sample": 0.12}
    measured, how = measure_digits(denoiser)
    ship(folder, "digits", denoiser, about, recipe, seconds, history, measured, SOURCE, how)


def measure_digits(denoiser, n: int = 500, seeds=SEEDS) -> tuple[dict, dict]:
    """Draw n digits a seed with 1000 DDPM steps and hold them against real ones, and say how.

    The means over the seeds, and the instruments they were taken by: the figures of this network
    everywhere in the course.
    """
    real, label, found = Digits.load(n), torch.arange(n) % 10, []
    for seed in seeds:
        generator = seeded(seed)
        noise = torch.randn(n, 1, 8, 8, generator=generator)
        drawn = sample(ddpm, given(denoiser, label), noise, grid(cosine, 1000), generator)
        found.append(real.judged(drawn, label, seed))
    figures, floor = errors(found, *QUALITY), real.reference(seeds)
    measured = {key: figures[key]["value"] for key in QUALITY}
    for key in RULERS:
        if (name := f"{key}, real against real") in floor:
            measured[name] = floor[name]["value"]
    return measured, floor["instruments"]


def train_judge(folder: Path, progress: bool = True) -> None:
    """Train the classifier that recognises digits; a fifth of them is held out to measure it."""
    begin(threads=2)  # as the shipped one was: convolutions round otherwise with one
    _train_judge("judge", nets.DigitJudge, 0, folder, progress)


def train_second_judge(folder: Path, progress: bool = True) -> None:
    """Train another one, of another architecture, from another seed, on another four fifths."""
    begin()
    _train_judge("second_judge", nets.SecondDigitJudge, 1, folder, progress)


def _train_judge(name: str, net, seed: int, folder: Path, progress: bool) -> None:
    x0, label = data.digits()
    generator = seeded(seed)
    mixed = torch.randperm(len(x0), generator=generator)
    held_out, kept = mixed[:360], mixed[360:]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # for the first weights and for dropout
        start = time.perf_counter()
        judge = net()
        history = _fit_judge(judge, x0[kept], label[kept], generator, progress)
    seconds = time.perf_counter() - start
    correct = (judge(x0[held_out]).argmax(1) == label[held_out]).float().mean()
    measured = {"held out": len(held_out), "recognised": float(correct)}
    recipe = {
        "seed": seed,
        "steps": len(history),
        "batch": 128,
        "lr": 2e-3,
        "noise on the input": 0.15,
    }
    about = {"net": net.__name__, "arguments": {}}
    ship(folder, name, judge, about, recipe, seconds, history, measured, SOURCE)


def _fit_judge(judge, x0, label, generator, progress, steps: int = 1500) -> torch.Tensor:
    def loss(step: int) -> torch.Tensor:
        pick = torch.randint(len(x0), (128,), generator=generator)
        seen = x0[pick] + 0.15 * torch.randn(128, 1, 8, 8, generator=generator)
        return torch.nn.functional.cross_entropy(judge(seen), label[pick])

    return fit_judge(judge, loss, steps, 2e-3, lambda i: 1 - i / steps, progress)
