"""Pictographs: small, colourful, real pictures, each with the name that Unicode gives it."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lessons_lib import files
from lessons_lib.guards import whole

ONE_WAY = set(  # words of captions that a mirror makes untrue
    "left right leftwards rightwards upwards downwards clockwise anticlockwise clock "
    "first second third last waxing waning globe map japan".split()
)


class Pictographs(NamedTuple):
    pictures: Tensor  # (1280, 3, 32, 32) in [-1, 1], on white
    captions: list[str]  # lower case, a few words each
    category: Tensor  # (1280,) long, a number in categories
    categories: tuple[str, ...]
    mirrors: Tensor  # (1280,) bool, whether the caption still fits the picture in a mirror


def pictographs() -> Pictographs:
    """1,280 pictographs of Noto Color Emoji (Google, SIL OFL 1.1), with captions and categories.

    Raises FileProblem if the shipped file is missing or altered.
    """
    with files.shipped("pictographs.npz", "the pictographs") as path, np.load(path) as file:
        pictures = torch.from_numpy(file["pictures"]).permute(0, 3, 1, 2)
        captions, categories = file["captions"].tolist(), tuple(file["categories"].tolist())
        category = torch.from_numpy(file["category"]).long()
    one_way = torch.tensor([not ONE_WAY.isdisjoint(caption.split()) for caption in captions])
    mirrors = ~one_way & (category != categories.index("symbols"))  # letters are symbols
    return Pictographs(
        pictures.contiguous().float() / 127.5 - 1, captions, category, categories, mirrors
    )


def augment(
    pictures: Tensor, generator: torch.Generator, mirrors: Tensor | None = None, shift: int = 2
) -> Tensor:
    """Pictures moved by up to `shift` pixels each way, on white, and half of them mirrored.

    Pictures (n, C, H, W) in [-1, 1]; `mirrors` (n,) says which may be mirrored, all if it is
    None. The generator is a CPU one on every device.
    Raises ValueError for a shift below 0 and for mirrors of another length.
    """
    n, _, height, width = pictures.shape
    shift = whole("shift", shift, 0)
    if mirrors is not None and mirrors.shape != (n,):
        raise ValueError(f"mirrors: shape {tuple(mirrors.shape)} given; need ({n},)")
    flip = torch.rand(n, generator=generator) < 0.5
    if mirrors is not None:
        flip = flip & mirrors.cpu()
    down, across = torch.randint(2 * shift + 1, (2, n, 1), generator=generator)
    rows = down + torch.arange(height)
    columns = across + torch.arange(width)
    columns = torch.where(flip[:, None], columns.flip(1), columns)
    padded = torch.nn.functional.pad(pictures, (shift,) * 4, value=1.0)
    which = torch.arange(n)[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None]]  # (n, H, W, C)
    return moved.permute(0, 3, 1, 2).contiguous()
