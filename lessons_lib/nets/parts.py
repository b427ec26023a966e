"""What several networks are built from: precision, the level, conditions, norm and attention."""

import functools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from lessons_lib.guards import NO_LABEL, condition, need, numbers, whole, wide
from lessons_lib.levels import Level


def own_precision(forward: Callable) -> Callable:
    """Let a network compute in the precision of its own weights, and answer in that of x.

    Raises ValueError for an x that is not floating point.
    """

    @functools.wraps(forward)
    def answer(self, x: Tensor, *rest, **named):
        if not x.is_floating_point():
            raise ValueError(f"x: dtype {x.dtype} given; need floating point, such as float32")
        return forward(self, x.to(next(self.parameters()).dtype), *rest, **named).to(x.dtype)

    return answer


# --- the level ------------------------------------------------------------------------------------


def level_angle(x: Tensor, t: Level) -> Tensor:
    """The noise level as an angle, atan2(sigma, alpha): (B,), from 0 (data) to π/2 (noise).

    Bounded at both ends, where the log signal-to-noise ratio is infinite. In float32 at least: the
    embedding takes it a hundred times.
    """
    x = wide(x)
    t = t.to(x)
    return torch.atan2(t.sigma, t.alpha).to(x).reshape(-1).expand(len(x))


def time_embedding(angle: Tensor, dim: int) -> Tensor:
    """Spell a number as sines and cosines of growing frequency: (B,) in, (B, dim) out.

    Frequencies grow from 1 to 100 in equal ratios. Raises ValueError unless dim is even and at
    least 4.
    """
    need("dim", dim, allowed="need an even number from 4 up", ok=lambda n: n >= 4 and n % 2 == 0)
    k = torch.arange(dim // 2, dtype=angle.dtype, device=angle.device)
    phase = angle[:, None] * 100 ** (k / (dim // 2 - 1))  # (B, dim / 2)
    return torch.cat([phase.sin(), phase.cos()], dim=1)


# --- what is asked for ----------------------------------------------------------------------------


def label_rows(c: Tensor | None, x: Tensor, classes: int) -> Tensor:
    """Rows of the label table, (B,): no label is the last row."""
    if c is None:
        return torch.full((len(x),), classes, device=x.device)
    c = condition(c, x)
    if c.is_floating_point() or bool((c < NO_LABEL).any()) or bool((c >= classes).any()):
        raise ValueError(f"c: {c.tolist()} given; allowed are -1 (no label) to {classes - 1}")
    return torch.where(c == NO_LABEL, classes, c)


class Attributes(nn.Embedding):
    """One table for all attributes; each has a row per value, then one for "not given".

    c (B, A), of which the k-th is one of values[k] values, or −1 for "not given" (None: none of
    them is) -> (B, width), the sum of their rows. Raises ValueError for attributes without a row.
    """

    def __init__(self, values: Sequence[int], width: int):
        each = lambda values: len(values) > 0 and min(values) > 0
        need("values", values, allowed="need how many each attribute has, as in (8, 3)", ok=each)
        super().__init__(sum(values) + len(values), width)
        self.values = tuple(values)

    def forward(self, c: Tensor | None, x: Tensor) -> Tensor:
        return super().forward(attribute_rows(c, x, self.values)).sum(1)


def attribute_rows(c: Tensor | None, x: Tensor, values: Sequence[int]) -> Tensor:
    """Rows of the one table of all attributes, (B, A); "not given" is the last of each."""
    count = torch.tensor(values, device=x.device)
    first = (count + 1).cumsum(0) - (count + 1)
    if c is None:
        return (first + count).expand(len(x), -1)
    c = numbers("c", c, device=x.device)
    if c.is_floating_point() or c.shape != (len(x), len(values)):
        raise ValueError(
            f"c: {c.dtype} {tuple(c.shape)} given; need integers ({len(x)}, {len(values)})"
        )
    if bool((c < NO_LABEL).any()) or bool((c >= count).any()):
        k = int(((c < NO_LABEL) | (c >= count)).any(0).nonzero()[0])
        raise ValueError(
            f"c: {c[:, k].tolist()} given for attribute {k}; "
            f"allowed are -1 (not given) to {values[k] - 1}"
        )
    return first + torch.where(c == NO_LABEL, count, c)


class Words(nn.EmbeddingBag):
    """One row per word of a vocabulary: it knows which were said, not in which order.

    c (B, L) tokens, 0 or −1 where there is none (None: no word) -> (B, width), the sum of their
    rows, 0 for no word. Raises ValueError for tokens that are not in the vocabulary.
    """

    def __init__(self, words: int, width: int):
        super().__init__(whole("words", words), width, mode="sum", padding_idx=0)

    def forward(self, c: Tensor | None, x: Tensor) -> Tensor:
        return super().forward(_tokens(c, x, self.num_embeddings))


def _tokens(c: Tensor | None, x: Tensor, words: int) -> Tensor:
    """Tokens (B, L), 0 where there is none."""
    if c is None:
        return torch.zeros(len(x), 1, dtype=torch.long, device=x.device)
    c = numbers("c", c, device=x.device)
    if c.is_floating_point() or c.ndim != 2 or len(c) != len(x):
        raise ValueError(f"c: {c.dtype} {tuple(c.shape)} given; need integers ({len(x)}, L)")
    if bool((c < NO_LABEL).any()) or bool((c >= words).any()):
        odd = c[(c < NO_LABEL) | (c >= words)].tolist()
        raise ValueError(f"c: {odd[:5]} given; allowed are -1 and 0 (no word) to {words - 1}")
    return c.clamp(min=0) if c.shape[1] else _tokens(None, x, words)


# --- in the middle of a picture -------------------------------------------------------------------


class GroupNorm(nn.GroupNorm):
    """Group normalisation in float32 at least: bfloat16 would round the variance away."""

    def __init__(self, width: int, per_group: int = 16):
        super().__init__(width // per_group, width, affine=False)

    def forward(self, h: Tensor) -> Tensor:
        return super().forward(wide(h))


class Attention(nn.Module):
    """Every place of the picture looks at every other: (B, width, H, W) in and out."""

    def __init__(self, width: int, heads: int = 2):
        super().__init__()
        self.heads, self.norm = heads, GroupNorm(width)
        self.ask = nn.Conv2d(width, 3 * width, 1)
        self.tell = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.tell.weight)
        nn.init.zeros_(self.tell.bias)

    def forward(self, h: Tensor) -> Tensor:
        asked = self.ask(self.norm(h).to(self.ask.weight.dtype)).flatten(2)
        asked = asked.unflatten(1, (3, self.heads, -1))
        q, k, v = asked.unbind(1)  # (B, heads, width / heads, H·W) each
        look = wide(q.transpose(2, 3) @ k / math.sqrt(q.shape[2])).softmax(dim=-1)
        seen = v @ look.to(v.dtype).transpose(2, 3)  # (B, heads, width / heads, H·W)
        return h + self.tell(seen.reshape(h.shape))
