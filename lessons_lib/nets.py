"""Networks: (x, t, c) in, a tensor like x out; `NetDenoiser` knows what that tensor means.

A network computes in the precision of its own weights, and answers in that of x.
"""

import functools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from lessons_lib.guards import condition, need, numbers, whole
from lessons_lib.levels import Level
from lessons_lib.wrap import NO_LABEL


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


def time_embedding(angle: Tensor, dim: int) -> Tensor:
    """Spell a number as sines and cosines of growing frequency: (B,) in, (B, dim) out.

    Frequencies grow from 1 to 100 in equal ratios. Raises ValueError unless dim is even and at
    least 4.
    """
    need("dim", dim, allowed="need an even number from 4 up", ok=lambda n: n >= 4 and n % 2 == 0)
    k = torch.arange(dim // 2, dtype=angle.dtype, device=angle.device)
    phase = angle[:, None] * 100 ** (k / (dim // 2 - 1))  # (B, dim / 2)
    return torch.cat([phase.sin(), phase.cos()], dim=1)


class DigitNet(nn.Module):
    """A small residual network for 8×8 pictures that knows its noise level and, perhaps, a label.

    x (B, 1, 8, 8), t a level, c (B,) labels 0 ... classes-1, −1 or None for "no label".
    """

    def __init__(self, width: int = 256, blocks: int = 3, classes: int = 10, pixels: int = 64):
        super().__init__()
        sizes = {"width": width, "blocks": blocks, "classes": classes, "pixels": pixels}
        for name, size in sizes.items():
            whole(name, size)
        self.classes = classes
        self.time = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(classes + 1, width)  # the last row is "no label"
        self.enter = nn.Linear(pixels, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(blocks))
        self.leave = nn.Linear(width, pixels)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    @own_precision
    def forward(self, x: Tensor, t: Level, c: Tensor | None = None) -> Tensor:
        emb = self.time(time_embedding(level_angle(x, t), 64).to(x.dtype))  # (B, width)
        emb = emb + self.label(_rows(c, x, self.classes))
        h = self.enter(x.flatten(1))
        for block in self.blocks:
            h = block(h, emb)
        return self.leave(h).reshape(x.shape)


class Block(nn.Module):
    """A residual block whose scale and shift are set by the embedding of level and label."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.film = nn.Linear(width, 2 * width)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, h: Tensor, emb: Tensor) -> Tensor:
        scale, shift = self.film(nn.functional.silu(emb)).chunk(2, dim=1)
        return h + self.mlp(nn.functional.silu(self.norm(h) * (1 + scale) + shift))


class DigitJudge(nn.Module):
    """A small classifier of 8×8 digits: the instrument that recognises what a model has drawn.

    x (B, 1, 8, 8) in [-1, 1]; forward gives (B, 10) logits, features (B, 64).
    """

    def __init__(self):
        super().__init__()
        self.features = self._features()
        self.logits = nn.Linear(64, 10)

    def _features(self) -> nn.Module:
        return Features(
            *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),  # (B, 32, 4, 4)
            *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),  # (B, 64, 2, 2)
            *(nn.Flatten(), nn.Dropout(0.2), nn.Linear(256, 64), nn.ReLU()),
        )

    @own_precision
    def forward(self, x: Tensor) -> Tensor:
        return self.logits(self.features(x))


class SecondDigitJudge(DigitJudge):
    """Another classifier of digits, without a convolution: a second opinion on every ranking."""

    def _features(self) -> nn.Module:
        return Features(
            *(nn.Flatten(), nn.Linear(64, 256), nn.SiLU(), nn.Dropout(0.2)),
            *(nn.Linear(256, 128), nn.SiLU(), nn.Dropout(0.2)),
            *(nn.Linear(128, 64), nn.SiLU()),
        )


class Features(nn.Sequential):
    """What a judge looks at, (B, features), before it decides."""

    forward = own_precision(nn.Sequential.forward)


# --- pictures: a U-Net ----------------------------------------------------------------------------


class UNet(nn.Module):
    """A network that looks at a picture coarsely to decide, and finely to draw.

    x (B, 3, H, W), H and W multiples of 8; t a level; c (B, A) attributes, of which the k-th is one
    of values[k] values, or −1 for "not given" (None: none of them is). With words, the size of a
    vocabulary, in the place of values: c (B, L) tokens, 0 or −1 where there is none; it knows which
    words were said, not in which order. Shapes below are for 32×32.

    Raises ValueError for another shape of x, for attributes or tokens it does not know, and unless
    there are either values or words.
    """

    def __init__(
        self, values: Sequence[int] = (), widths: Sequence[int] = (32, 64, 96), words: int = 0
    ):
        super().__init__()
        either = lambda values, words: bool(len(values)) != (whole("words", words, 0) > 0)
        need("values, words", values, words, allowed="need one of the two", ok=either)
        groups = lambda widths: len(widths) == 3 and all(n > 0 and n % 16 == 0 for n in widths)
        need("widths", widths, allowed="need three multiples of 16", ok=groups)
        fine, middle, coarse = widths
        width = 2 * coarse
        self.values, self.words = tuple(values), words
        self.time = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))
        if words:
            self.word = nn.EmbeddingBag(words, width, mode="sum", padding_idx=0)
        else:  # One table for all attributes; each has a row per value, then one for "not given".
            self.attribute = nn.Embedding(sum(self.values) + len(self.values), width)
        self.enter = nn.Conv2d(12 + 2, fine, 3, padding=1)
        self.down_fine = ConvBlock(fine, fine, width)
        self.down_middle = ConvBlock(fine, middle, width)
        self.look_down = Attention(middle)
        self.down_coarse = ConvBlock(middle, coarse, width)
        self.bottom = ConvBlock(coarse, coarse, width)
        self.up_coarse = ConvBlock(coarse + coarse, coarse, width)
        self.up_middle = ConvBlock(coarse + middle, middle, width)
        self.look_up = Attention(middle)
        self.up_fine = ConvBlock(middle + fine, fine, width)
        self.spread = nn.Conv2d(fine, 2 * fine, 3, padding=1)
        self.smooth = nn.Conv2d(fine // 2 + 3, fine // 2, 3, padding=1)
        self.leave = nn.Conv2d(fine // 2 + 3, 3, 3, padding=1)
        with torch.no_grad():  # the four pixels of a patch start equal: no checkerboard to unlearn
            for start in (self.spread.weight, self.spread.bias):
                start.copy_(start[::4].repeat_interleave(4, dim=0))
        for last in (self.smooth, self.leave):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        self.to(memory_format=torch.channels_last)  # the layout convolutions are fastest in

    @own_precision
    def forward(self, x: Tensor, t: Level, c: Tensor | None = None) -> Tensor:
        if x.ndim != 4 or x.shape[1] != 3 or any(n % 8 or n == 0 for n in x.shape[2:]):
            raise ValueError(f"x: shape {tuple(x.shape)} given; need (B, 3, H, W), multiples of 8")
        emb = self.time(time_embedding(level_angle(x, t), 64).to(x.dtype))  # (B, 192)
        emb = emb + self._said(c, x)
        if len(x) == 0:  # pixel_unshuffle loses the channels of an empty batch
            return x.clone()
        t = t.to(x)
        x = x / torch.hypot(t.alpha, t.sigma)  # as large on every level; changes nothing when VP
        x = x.contiguous(memory_format=torch.channels_last)

        patches = nn.functional.pixel_unshuffle(x, 2)  # (B, 12, 16, 16): 2×2 pixels are one
        h = self.enter(torch.cat([patches, _coordinates(patches)], dim=1))  # (B, 32, 16, 16)
        fine = self.down_fine(h, emb)
        middle = self.look_down(self.down_middle(_shrink(fine), emb))  # (B, 64, 8, 8)
        coarse = self.down_coarse(_shrink(middle), emb)  # (B, 96, 4, 4)
        h = self.bottom(coarse, emb)
        h = self.up_coarse(torch.cat([h, coarse], dim=1), emb)
        h = self.look_up(self.up_middle(torch.cat([_grow(h), middle], dim=1), emb))
        h = self.up_fine(torch.cat([_grow(h), fine], dim=1), emb)  # (B, 32, 16, 16)
        h = nn.functional.pixel_shuffle(nn.functional.silu(self.spread(h)), 2)  # (B, 16, 32, 32)
        # Two layers see across the seams of the patches, so that none need show.
        h = h + self.smooth(nn.functional.silu(torch.cat([h, x], dim=1)))
        return self.leave(torch.cat([h, x], dim=1)).contiguous()

    def _said(self, c: Tensor | None, x: Tensor) -> Tensor:
        """What the condition says, as an embedding: (B, 192), or 0 for no words."""
        if not self.words:
            return self.attribute(attribute_rows(c, x, self.values)).sum(1)
        return self.word(_tokens(c, x, self.words))


class ConvBlock(nn.Module):
    """A residual block of two convolutions; level and attributes scale and shift each channel."""

    def __init__(self, enter: int, leave: int, width: int):
        super().__init__()
        self.norm1, self.film1 = GroupNorm(enter), nn.Linear(width, 2 * enter)
        self.conv1 = nn.Conv2d(enter, leave, 3, padding=1)
        self.norm2, self.film2 = GroupNorm(leave), nn.Linear(width, 2 * leave)
        self.conv2 = nn.Conv2d(leave, leave, 3, padding=1)
        self.skip = nn.Identity() if enter == leave else nn.Conv2d(enter, leave, 1)
        nn.init.zeros_(self.conv2.weight)  # at first the block only passes on
        nn.init.zeros_(self.conv2.bias)

    def forward(self, h: Tensor, emb: Tensor) -> Tensor:
        emb, own = nn.functional.silu(emb), self.conv1.weight.dtype
        r = self.conv1(nn.functional.silu(_film(self.norm1(h), self.film1(emb))).to(own))
        r = self.conv2(nn.functional.silu(_film(self.norm2(r), self.film2(emb))).to(own))
        return self.skip(h) + r


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
        look = (q.transpose(2, 3) @ k / math.sqrt(q.shape[2])).to(_wide(q)).softmax(dim=-1)
        seen = v @ look.to(v.dtype).transpose(2, 3)  # (B, heads, width / heads, H·W)
        return h + self.tell(seen.reshape(h.shape))


class GroupNorm(nn.GroupNorm):
    """Group normalisation in float32 at least: bfloat16 would round the variance away."""

    def __init__(self, width: int, per_group: int = 16):
        super().__init__(width // per_group, width, affine=False)

    def forward(self, h: Tensor) -> Tensor:
        return super().forward(h.to(_wide(h)))


class ShapeJudge(nn.Module):
    """A small classifier of pictures of shapes: the instrument that says what a model has drawn.

    x (B, 3, 32, 32) in [-1, 1]; forward gives one (B, values[k]) of logits per attribute, features
    (B, 128), and read the attributes (B, A) that it sees.
    """

    def __init__(self, values: Sequence[int]):
        super().__init__()
        self.values = tuple(values)
        self.features = self._features()
        self.logits = nn.Linear(128, sum(self.values))

    def _features(self) -> nn.Module:
        return Features(
            *(*_seen(3, 32), nn.MaxPool2d(2)),  # (B, 32, 16, 16)
            *(*_seen(32, 64), *_seen(64, 64), nn.MaxPool2d(2)),  # (B, 64, 8, 8)
            *(*_seen(64, 96), nn.MaxPool2d(2)),  # (B, 96, 4, 4)
            *(nn.Flatten(), nn.Linear(96 * 16, 128), nn.ReLU()),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return self._decided(x).split(self.values, dim=1)

    @own_precision
    def _decided(self, x: Tensor) -> Tensor:
        return self.logits(self.features(x))

    @torch.no_grad()
    def read(self, x: Tensor) -> Tensor:
        return torch.stack([logits.argmax(1) for logits in self(x)], dim=1)


class SecondShapeJudge(ShapeJudge):
    """Another classifier of shapes, which strides over 4×4 patches in the place of pooling."""

    def _features(self) -> nn.Module:
        return Features(
            *(nn.Conv2d(3, 64, 6, stride=4, padding=1), nn.SiLU()),  # (B, 64, 8, 8)
            *(_evened(64), nn.Conv2d(64, 128, 3, padding=1), nn.SiLU()),
            *(_evened(128), nn.Conv2d(128, 128, 3, stride=2, padding=1), nn.SiLU()),
            *(_evened(128), nn.Flatten(), nn.Linear(128 * 16, 128), nn.SiLU()),
        )


def _evened(width: int) -> nn.Module:
    return nn.GroupNorm(width // 16, width, affine=False)


def _seen(enter: int, leave: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(enter, leave, 3, padding=1, bias=False), nn.BatchNorm2d(leave), nn.ReLU()


# --- helpers that several networks share ----------------------------------------------------------


def level_angle(x: Tensor, t: Level) -> Tensor:
    """The noise level as an angle, atan2(sigma, alpha): (B,), from 0 (data) to π/2 (noise).

    Bounded at both ends, where the log signal-to-noise ratio is infinite. In float32 at least: the
    embedding takes it a hundred times.
    """
    t = t.to(x.to(_wide(x)))
    angle = torch.atan2(t.sigma, t.alpha).to(x.device, _wide(x))
    return angle.reshape(-1).expand(len(x))


def _wide(x: Tensor) -> torch.dtype:
    """The precision of x, but no less than float32."""
    return torch.promote_types(x.dtype, torch.float32)


def _rows(c: Tensor | None, x: Tensor, classes: int) -> Tensor:
    """Rows of the label table, (B,): no label is the last row."""
    if c is None:
        return torch.full((len(x),), classes, device=x.device)
    c = condition(c, x)
    if c.is_floating_point() or bool((c < NO_LABEL).any()) or bool((c >= classes).any()):
        raise ValueError(f"c: {c.tolist()} given; allowed are -1 (no label) to {classes - 1}")
    return torch.where(c == NO_LABEL, classes, c)


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


def _coordinates(h: Tensor) -> Tensor:
    """Where each place is, down and across, −1 to 1: (B, 2, H, W). A convolution cannot tell."""
    down, across = (torch.linspace(-1, 1, n, device=h.device, dtype=h.dtype) for n in h.shape[2:])
    return torch.stack(torch.meshgrid(down, across, indexing="ij")).expand(len(h), -1, -1, -1)


def _film(h: Tensor, film: Tensor) -> Tensor:
    scale, shift = film[:, :, None, None].chunk(2, dim=1)
    return torch.addcmul(shift, h, 1 + scale)  # h (1 + scale) + shift


def _shrink(h: Tensor) -> Tensor:
    return nn.functional.avg_pool2d(h, 2)


def _grow(h: Tensor) -> Tensor:
    return nn.functional.interpolate(h, scale_factor=2)  # each value four times
