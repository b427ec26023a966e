"""What a training is fed: batches, and conditions of which some are dropped."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from lessons_lib.guards import NO_LABEL, numbers, whole

Batches = Callable[[int, torch.Generator], tuple[Tensor, Tensor | None]]


def batches(x0: Tensor, c: Tensor | None = None, size: int = 128) -> Batches:
    """Random batches of a data set that fits in memory: f(step, generator) -> (x0, c).

    Warns if the data does not look like [-1, 1].

    Raises ValueError unless size is 1 or more, and x0 holds a sample, with as many conditions.
    """
    x0, size = numbers("x0", x0), whole("size", size)
    c = None if c is None else numbers("c", c)
    if x0.ndim == 0 or x0.numel() == 0 or (c is not None and c.shape[:1] != x0.shape[:1]):
        shapes = tuple(x0.shape), None if c is None else tuple(c.shape)
        raise ValueError(f"x0, c: shapes {shapes[0]}, {shapes[1]}; need (N, ...), as many of each")
    low, high = float(x0.min()), float(x0.max())
    if low >= 0 or max(-low, high) > 3:
        warnings.warn(
            f"x0 runs from {low:.3g} to {high:.3g}; diffusion expects about -1 to 1", stacklevel=2
        )

    def draw(step: int, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        pick = torch.randint(len(x0), (size,), generator=generator).to(x0.device)
        return x0[pick], None if c is None else c[pick]

    return draw


def drop_labels(c: Tensor | None, share: float, generator: torch.Generator) -> Tensor | None:
    """Take the condition from this share of the samples, each on its own.

    c (B,) labels, or (B, A) attributes, all of which a sample loses at once; without, they are −1.
    Ho & Salimans 2022, algorithm 1.
    """
    if c is None:
        return None
    dropped = torch.rand(len(c), generator=generator).to(c.device) < share
    c = c.clone()
    c[dropped] = NO_LABEL
    return c


def drop_parts(c: Tensor, share: float, part: float, generator: torch.Generator) -> Tensor:
    """Take all attributes from this share of the samples; from the share part, each at even odds.

    c (B, A) attributes; without, they are −1. Raises ValueError for labels, which have no parts.
    """
    if c is None or c.ndim != 2:
        raise ValueError(f"part: {part} given; only attributes (B, A) have parts")
    lot = torch.rand(len(c), generator=generator).to(c.device)[:, None]
    coin = torch.rand(c.shape, generator=generator).to(c.device) < 0.5
    return c.masked_fill((lot < share) | ((lot < share + part) & coin), NO_LABEL)
