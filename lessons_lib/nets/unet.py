"""The network of larger pictures: a U-Net that is told the level, and what is asked for."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from lessons_lib.guards import function, need
from lessons_lib.levels import Level
from lessons_lib.nets.parts import Attention, GroupNorm, level_angle, own_precision, time_embedding


class UNet(nn.Module):
    """A network that looks at a picture coarsely to decide, and finely to draw.

    x (B, 3, H, W), H and W multiples of 8; t a level; c is what the condition reads. condition(D)
    makes the module that does, (c, x) -> (B, D): partial(Attributes, (8, 3)), or another whose c
    may be None. Shapes below are for 32×32.

    Raises ValueError for another shape of x, and for a c that the condition refuses.
    """

    def __init__(self, condition: Callable[[int], nn.Module], widths: Sequence[int] = (32, 64, 96)):
        super().__init__()
        function("condition", condition, "partial(Attributes, (8, 3))")
        groups = lambda widths: len(widths) == 3 and all(n > 0 and n % 16 == 0 for n in widths)
        need("widths", widths, allowed="need three multiples of 16", ok=groups)
        fine, middle, coarse = widths
        width = 2 * coarse
        self.time = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))
        self.condition = condition(width)
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
        emb = emb + self.condition(c, x)
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
