"""What a patient draws, measured."""

from functools import cache

import torch
from torch import Tensor

from lessons_lib import data, learn, metrics
from lessons_lib.course.clinic.health import LEVELS, SEEN_AT, unit_gaussian
from lessons_lib.course.clinic.patients import straight
from lessons_lib.course.clinic.words import WORDS
from lessons_lib.diffuse import q_sample
from lessons_lib.guards import seeded
from lessons_lib.levels import cosine


@cache
def _instruments():
    """The healthy network, its judge, and 200 real digits with their labels, in turn 0 ... 9."""
    x0, label = data.digits()
    real = torch.stack([x0[label == k][:20] for k in range(10)], 1).flatten(0, 1)
    return learn.load("digits"), learn.load("judge"), real, torch.arange(len(real)) % 10


@torch.no_grad()
def pictures(ask, walk, seed: int = 0, dice: int = 0, denoise=None) -> Tensor:
    """What a patient draws: 200 digits, (200, 1, 8, 8), asked for 0, 1, ... 9 in turn.

    seed chooses the noise they start from, dice the fresh noise on the way; denoise is the network
    (the shipped one, if left out).
    """
    healthy, _, real, label = _instruments()
    x = torch.randn(real.shape, generator=seeded(seed))
    return walk(ask(denoise or healthy, label), x, LEVELS, seeded(1000 + dice))


@torch.no_grad()
def examine(ask, walk, denoise=None, seed: int = 0) -> dict[str, float]:
    """Everything that the decision tree asks about a patient, as numbers.

    A clinic looks at what a screen shows: pictures clipped to [-1, 1], unless "before" is said.

    loss            of the network, all levels alike
    guess           error of a single guess, root mean square, in fog of alpha_bar = .5
    dark, saturated share of pixels below −.9, and outside ±1.05 before they are clipped
    recognised      share that a judge takes for the digit asked for
    varied          distance of two pictures of a digit, over that of two real ones
    seed, dice      how far pictures move with another seed, or with other dice alone; same unit
    start           correlation of the pictures with the noise that they started from
    corner          spread of the left edge, where every real digit is black
    unit            spread on unit Gaussian data, over that of a healthy DDIM
    mean, spread    of all pixels, before they are clipped
    frechet         distance from 200 real digits, in the judge's features, clipped
    """
    healthy, judge, real, label = _instruments()
    denoise = denoise or healthy
    x = pictures(ask, walk, seed, denoise=denoise)
    shown = x.clamp(-1, 1)
    start = torch.randn(real.shape, generator=seeded(seed))
    fog = q_sample(real, SEEN_AT, torch.randn(real.shape, generator=seeded(2)))
    times = cosine((torch.arange(len(real)) + 0.5) / len(real))
    apart = metrics.within_class_distance(real, label)

    def moved(seed, dice):
        change = pictures(ask, walk, seed, dice, denoise).clamp(-1, 1) - shown
        return float(change.flatten(1).norm(dim=1).mean()) / apart

    line = torch.randn(5000, 1, dtype=torch.float64, generator=seeded(3))
    spreads = [w(unit_gaussian, line, LEVELS, seeded(4)).std() for w in (walk, straight)]
    return {
        "loss": float(denoise.loss(real, times, label, seeded(5))),
        "guess": float((ask(denoise, label)(fog, SEEN_AT) - real).square().mean().sqrt()),
        "dark": float((x < -0.9).double().mean()),
        "saturated": metrics.saturated(x),
        "recognised": float((judge(shown).argmax(1) == label).double().mean()),
        "varied": metrics.within_class_distance(shown, label) / apart,
        "seed": moved(seed + 1, 1),
        "dice": moved(seed, 1),
        "start": float(torch.corrcoef(torch.stack([x.flatten(), start.flatten()]))[0, 1]),
        "corner": float(shown[..., 0].std()),
        "unit": float(spreads[0] / spreads[1]),
        "mean": float(x.mean()),
        "spread": float(x.std()),
        "frechet": metrics.frechet(judge.features(shown), judge.features(real)),
    }


MEANS = WORDS["means"]  # what stands beside each number, for who meets it first
