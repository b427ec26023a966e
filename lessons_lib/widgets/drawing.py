"""What the playground plays: a model, words, a sampler and a scale, walked step by step.

`draw` yields what is seen after every step; `playground` puts buttons around it.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from lessons_lib.guards import NO_LABEL, one_of, seeded, whole
from lessons_lib.levels import SPACINGS
from lessons_lib.samplers import Denoiser, noise_like, walk
from lessons_lib.solvers import SAMPLERS
from lessons_lib.widgets.models import Model
from lessons_lib.wrap import cfg, counted, negative

STEPS = (1, 2, 3, 4, 5, 8, 10, 15, 20, 30, 50, 100, 250, 1000)  # to choose from


class Glimpse(NamedTuple):
    """What is seen after a step: the guess x0, and what it has cost for each picture so far."""

    x0: Tensor  # (n, C, H, W); after the last step it is the picture
    step: int
    steps: int
    evaluations: int
    seconds: float  # for all n pictures together, without what the caller does in between


def draw(
    model: Model,
    words: str,
    avoid: str = "",
    sampler: str = "2M",
    steps: int = 20,
    spacing: str = "even in time",
    w: float = 2.0,
    seed: int = 0,
    n: int = 16,
) -> Iterator[Glimpse]:
    """Walk from noise to n pictures of the words, away from the words to avoid; yield every step.

    No words draw whatever the model likes. Each picture has dice of its own, so that the k-th does
    not depend on n. Closing the iterator stops the walk.

    Raises ValueError, at once, for words that the model does not know, an unknown sampler or
    spacing, and whatever `walk` refuses.
    """
    one_of("sampler", sampler, SAMPLERS)
    one_of("spacing", spacing, SPACINGS)
    n = whole("n", n)
    asked, unwanted = (_conditions(model, text, n) for text in (words, avoid))
    counting, dice = counted(model.denoise), _dice(seed, n)
    noise = noise_like(torch.empty(n, *model.size), dice)
    if asked is not None:
        asked = torch.cat([model.complete(c[None], g) for c, g in zip(asked, dice, strict=True)])
    denoise = _guided(counting, asked, unwanted, w)
    steps_taken = walk(SAMPLERS[sampler], denoise, noise, SPACINGS[spacing](steps), dice)
    return _glimpses(steps_taken, counting, steps)


def _dice(seed: int, n: int) -> list[torch.Generator]:
    """A generator for each picture, so that the k-th is the same however many are drawn."""
    first = seeded(seed)
    return [seeded(int(torch.randint(2**62, (), generator=first))) for _ in range(n)]


def _glimpses(steps_taken, counting, steps: int) -> Iterator[Glimpse]:
    seconds, begun = 0.0, time.perf_counter()
    for i, step in enumerate(steps_taken, 1):
        seconds += time.perf_counter() - begun
        yield Glimpse(step.x0, i, steps, counting.samples // len(step.x), seconds)
        begun = time.perf_counter()


def _conditions(model: Model, words: str, n: int) -> Tensor | None:
    """A condition for each of n pictures, in turn; None for no words."""
    if not words or not model.split(words):
        return None
    c = model.read(words)
    return c[torch.arange(n) % len(c)]


def _guided(denoise, c: Tensor | None, avoid: Tensor | None, w: float) -> Denoiser:
    if avoid is not None:
        c = torch.full_like(avoid, NO_LABEL) if c is None else c
        return negative(denoise, c, avoid, w)
    return denoise if c is None else cfg(denoise, c, w, batched=True)
