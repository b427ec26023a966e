"""The recipe of the network that is asked how likely a digit is: no picture is seen exactly."""

import math
import time
from pathlib import Path

import torch
from torch import Tensor

from lessons_lib import data, learn
from lessons_lib.course.recipes.digits import (
    DIGITS,
    HELD_OUT,
    NET,
    SOURCE,
    digit_denoiser,
    fit_digits,
)
from lessons_lib.course.recipes.record import ship
from lessons_lib.course.start import begin
from lessons_lib.guards import seeded
from lessons_lib.levels import Level, along
from lessons_lib.sde import bits_per_dim, dequantised, log_prob

WIDTH = 1 / 8  # 17 grey levels from −1 to 1
DEQUANTISED = DIGITS | {"held out": HELD_OUT, "grey levels spread by": WIDTH}


def split(seed: int = DEQUANTISED["seed"]) -> tuple[Tensor, Tensor]:
    """Which digits are held out, (360,), and which are learned from, (1437,)."""
    order = torch.randperm(len(data.digits()[0]), generator=seeded(seed))
    held_out, kept = order.tensor_split([DEQUANTISED["held out"]])
    return held_out, kept


def dequantised_batches(x0: Tensor, label: Tensor, size: int) -> learn.Batches:
    """Random batches in which every pixel lies anywhere in the cell of its grey level."""
    draw = learn.batches(x0, label, size)

    def spread(step: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x0, label = draw(step, generator)
        return dequantised(x0, DEQUANTISED["grey levels spread by"], generator), label

    return spread


def fit_dequantised(
    seed: int = DEQUANTISED["seed"], progress: bool = True, steps: int = DEQUANTISED["steps"]
) -> tuple[learn.NetDenoiser, Tensor]:
    """Train as `digits` was, on dequantised digits, a fifth held out: (denoiser, losses)."""
    x0, label = data.digits()
    kept = split(seed)[1]
    denoiser = digit_denoiser(seed)
    spread = dequantised_batches(x0[kept], label[kept], DEQUANTISED["batch"])
    return denoiser, fit_digits(denoiser, steps, progress, spread, seed)


def train_digits_dequantised(folder: Path, progress: bool = True) -> None:
    """Train the denoiser of dequantised digits, measure its bits, write checkpoint and record."""
    begin()
    start = time.perf_counter()
    denoiser, history = fit_dequantised(progress=progress)
    seconds = time.perf_counter() - start
    x0, (held_out, kept) = data.digits()[0], split()
    measured = {
        f"bits per dimension, {name}": float(bits(denoiser, x0[which], 0).mean())
        for name, which in {"learned from": kept[:HELD_OUT], "held out": held_out}.items()
    }
    done = DEQUANTISED | {"steps": len(history)}
    how = {
        key: {"features": "pixels", "preprocessing": "dequantised, uniform"}
        | {"reference": "17 grey levels", "n": HELD_OUT, "seeds": [0]}
        for key in measured
    }
    ship(folder, "digits_dequantised", denoiser, NET, done, seconds, history, measured, SOURCE, how)


def ladder(steps: int, low: float, high: float = 80.0) -> list[Level]:
    """Levels evenly spaced in log(sigma/alpha), variance preserved, noisiest first: no data end."""
    ratio = torch.logspace(math.log10(high), math.log10(low), steps + 1, dtype=torch.float64)
    return [along(Level.from_alpha_bar(0.5), each) for each in ratio]


def signs(x: Tensor, probes: int, generator: torch.Generator) -> Tensor:
    """Probes of ±1 for `sde.hutchinson`, (probes, *x.shape)."""
    return torch.randint(0, 2, (probes, *x.shape), generator=generator).to(x) * 2 - 1


def bits(
    denoise, x: Tensor, seed: int, steps: int = 25, low: float = 0.001, rule: str = "RK4", probes=1
) -> Tensor:
    """Bits per dimension of digits x (B, 1, 8, 8), (B,): one dequantisation, so many probes.

    probes = 0 takes the exact divergence.
    """
    generator, dims = seeded(seed), x[0].numel()
    levels = ladder(steps, low)
    x = dequantised(x, WIDTH, generator)
    v = signs(x, probes, generator)
    t = levels[-1]
    log_p = log_prob(denoise, t.alpha.to(x) * x, levels, v if probes else None, rule)
    return bits_per_dim(log_p + dims * torch.log(t.alpha), dims, WIDTH)
