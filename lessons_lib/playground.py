"""What the sampler playground plays: a model, words, a sampler and a scale, walked step by step.

`draw` yields what is seen after every step; `widgets.playground` puts buttons around it.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from lessons_lib import data, learn
from lessons_lib.guards import whole
from lessons_lib.levels import Level, cosine, grid, karras_grid, lam_grid
from lessons_lib.samplers import Denoiser, ddim, ddpm, noise_like, walk
from lessons_lib.solvers import dpmpp_2m, dpmpp_multistep, heun, plms
from lessons_lib.wrap import NO_LABEL, cfg, counted, negative

SAMPLERS = {
    "DDIM": ddim,
    "DDPM": ddpm,
    "2M": dpmpp_2m,
    "Heun": heun,
    "multistep": dpmpp_multistep,
    "PLMS": plms,
}
SPACINGS: dict[str, Callable[[int], list[Level]]] = {
    "even in time": partial(grid, cosine),
    "even in log-SNR": lambda steps: lam_grid(cosine, steps, high=40.0, low=0.05),
    "Karras": lambda steps: karras_grid(cosine, steps, high=40.0, low=0.05),
}
STEPS = (1, 2, 3, 4, 5, 8, 10, 15, 20, 30, 50, 100, 250, 1000)


class Model(NamedTuple):
    """A denoiser to play with: the size of its pictures, how it reads words, words to begin with.

    split parts words into captions; read turns them into a condition for each, (k, ...). Pictures
    take them in turn, and complete draws what they leave open.
    """

    denoise: Denoiser
    size: tuple[int, int, int]
    split: Callable[[str], list[str]]
    read: Callable[[str], Tensor]
    words: str
    complete: Callable[[Tensor, torch.Generator], Tensor] = lambda c, generator: c


def digit_model() -> Model:
    """The shipped denoiser of the digits; its words are digits, such as "4" or "0 1 2"."""
    words = " ".join("0123456789")
    return Model(learn.load("digits"), (1, 8, 8), digits_in, labels_of, words)


def shape_model(name: str = "shapes") -> Model:
    """A shipped denoiser of the shapes; its words are captions, parted by |."""
    words = " | ".join(
        (
            "a large red star in the centre, light background",
            "a small blue moon at the top, dark background",
            "a green heart",  # size, place and background are drawn by lot
            "a large orange ring on a dark background",
        )
    )
    return Model(rough(learn.load(name)), (3, 32, 32), captions_in, captions_of, words, by_lot)


def rough(denoise: Denoiser) -> Denoiser:
    """The same denoiser in bfloat16, where that is faster: no eye sees the difference."""
    if not learn.has_bf16():
        return denoise

    def rounded(x: Tensor, t: Level, c: Tensor | None = None) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16):
            return denoise(x, t, c)

    return rounded


MODELS: dict[str, Callable[[], Model]] = {
    "digits": digit_model,
    "shapes": shape_model,
    "shapes, student": partial(shape_model, "shapes_few"),  # for 8 steps of DDIM, or 4
}


def digits_in(words: str) -> list[str]:
    """The words in "0 1, 2"."""
    return words.replace(",", " ").split()


def captions_in(words: str) -> list[str]:
    """The captions in "a red star | a blue moon"."""
    return [each.strip() for each in words.split("|") if each.strip()]


def labels_of(words: str) -> Tensor:
    """Digits in words, as labels (k,): "0 1 2". Raises ValueError for anything else."""
    found = digits_in(words)
    for word in found:
        if word not in "0123456789" or len(word) != 1:
            raise ValueError(f"words: {word!r} given; allowed are digits, as in 0 1 2")
    return torch.tensor([int(word) for word in found])


def captions_of(words: str) -> Tensor:
    """Captions parted by |, as attributes (k, 5); what a caption leaves open is −1.

    Raises ValueError for a word that the captions do not know, and for two objects in one.
    """
    rows = [data.attributes_of(caption) for caption in captions_in(words) or [""]]
    for row in rows:
        if row.ndim != 1:
            raise ValueError(f"words: {len(row)} objects in one caption; this model draws one")
    return torch.stack(rows)


def by_lot(c: Tensor, generator: torch.Generator) -> Tensor:
    """Attributes (n, 5) in which what a caption leaves open, −1, is drawn by lot.

    Training pictures had every place as often as any other, so this is the law that was asked for;
    and a walk that is told where a small thing stands does not lose it. Left to the network, at
    w = 2, 16 of 64 "small green moon" were plain background; drawn by lot first, none.
    """
    drawn = (torch.rand(c.shape, generator=generator) * torch.tensor(data.COUNTS)).long()
    return torch.where(c < 0, drawn, c)


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
    for name, value, known in (("sampler", sampler, SAMPLERS), ("spacing", spacing, SPACINGS)):
        if value not in known:
            raise ValueError(f"{name}: {value!r} given; allowed are {', '.join(known)}")
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
    first = torch.Generator().manual_seed(whole("seed", seed, -(2**63), 2**63 - 1))
    seeds = (int(torch.randint(2**62, (), generator=first)) for _ in range(n))
    return [torch.Generator().manual_seed(each) for each in seeds]


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
