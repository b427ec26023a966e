"""Data: handwritten digits, and toy densities whose truth is known."""

import math

import numpy as np
import torch
from torch import Tensor

from lessons_lib import files
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.guards import whole


def digits() -> tuple[Tensor, Tensor]:
    """1,797 handwritten digits: pictures (1797, 1, 8, 8) in [-1, 1] and their labels (1797,).

    UCI "Optical Recognition of Handwritten Digits" (Alpaydin & Kaynak 1998), CC BY 4.0.
    Raises FileProblem if the shipped file is missing or altered.
    """
    with files.shipped("digits.npz", "the digits") as path, np.load(path) as file:
        pictures, label = torch.from_numpy(file["pictures"]), torch.from_numpy(file["label"])
    return pictures[:, None].float() / 8 - 1, label.long()


def ring(k: int = 8, radius: float = 1.0, std: float = 0.1) -> MixtureDenoiser:
    """k round bumps on a circle, labelled 0 ... k-1: its samples, its density, its denoiser."""
    k = whole("k", k)
    angle = torch.arange(k, dtype=torch.float64) * 2 * math.pi / k
    mu = radius * torch.stack([angle.cos(), angle.sin()], dim=1)
    return MixtureDenoiser(mu, torch.full((k,), std), label=torch.arange(k))


def moons(n: int, generator: torch.Generator, noise: float = 0.05) -> Tensor:
    """Two crescents that reach into each other: (n, 2), about -1.5 to 1.5."""
    n = whole("n", n, 0)
    angle = math.pi * torch.rand(n, generator=generator, dtype=torch.float64)
    upper = torch.stack([angle.cos() - 0.5, angle.sin() - 0.25], dim=1)
    turned = (torch.rand(n, generator=generator) < 0.5)[:, None]
    jitter = noise * torch.randn(n, 2, generator=generator, dtype=torch.float64)
    return torch.where(turned, -upper, upper) + jitter


def spiral(n: int, generator: torch.Generator, turns: float = 1.5, noise: float = 0.02) -> Tensor:
    """A thin spiral from the middle outwards: (n, 2), radius up to 1."""
    n = whole("n", n, 0)
    radius = torch.rand(n, generator=generator, dtype=torch.float64).sqrt()
    angle = 2 * math.pi * turns * radius
    jitter = noise * torch.randn(n, 2, generator=generator, dtype=torch.float64)
    return radius[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1) + jitter
