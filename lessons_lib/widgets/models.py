"""The models that can be played with, and how each reads words."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from lessons_lib import data, learn
from lessons_lib.levels import Level
from lessons_lib.samplers import Denoiser


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
