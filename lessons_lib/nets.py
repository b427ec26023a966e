"""Networks: (x, t, c) in, a tensor like x out; `NetDenoiser` knows what that tensor means."""

import torch
from torch import Tensor, nn

from lessons_lib.levels import Level
from lessons_lib.wrap import NO_LABEL


def time_embedding(angle: Tensor, dim: int) -> Tensor:
    """Spell a number as sines and cosines of growing frequency: (B,) in, (B, dim) out.

    Frequencies grow from 1 to 100 in equal ratios; dim is even and at least 4.
    """
    k = torch.arange(dim // 2, dtype=angle.dtype, device=angle.device)
    phase = angle[:, None] * 100 ** (k / (dim // 2 - 1))  # (B, dim / 2)
    return torch.cat([phase.sin(), phase.cos()], dim=1)


class DigitNet(nn.Module):
    """A small residual network for 8×8 pictures that knows its noise level and, perhaps, a label.

    x (B, 1, 8, 8), t a level, c (B,) labels 0 ... classes-1, −1 or None for "no label".
    """

    def __init__(self, width: int = 256, blocks: int = 3, classes: int = 10, pixels: int = 64):
        super().__init__()
        self.classes = classes
        self.time = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(classes + 1, width)  # the last row is "no label"
        self.enter = nn.Linear(pixels, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(blocks))
        self.leave = nn.Linear(width, pixels)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, x: Tensor, t: Level, c: Tensor | None = None) -> Tensor:
        emb = self.time(time_embedding(level_angle(x, t), 64))  # (B, width)
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
        self.features = nn.Sequential(
            *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),  # (B, 32, 4, 4)
            *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),  # (B, 64, 2, 2)
            *(nn.Flatten(), nn.Dropout(0.2), nn.Linear(256, 64), nn.ReLU()),
        )
        self.logits = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(self.features(x))


def level_angle(x: Tensor, t: Level) -> Tensor:
    """The noise level as an angle, atan2(sigma, alpha): (B,), from 0 (data) to π/2 (noise).

    Bounded at both ends, where the log signal-to-noise ratio is infinite.
    """
    angle = torch.atan2(t.sigma, t.alpha).to(x.device, x.dtype)
    return angle.reshape(-1).expand(len(x))


def _rows(c: Tensor | None, x: Tensor, classes: int) -> Tensor:
    """Rows of the label table, (B,): no label is the last row."""
    if c is None:
        return torch.full((len(x),), classes, device=x.device)
    if c.is_floating_point() or bool((c < NO_LABEL).any()) or bool((c >= classes).any()):
        raise ValueError(f"c: {c.tolist()} given; allowed are -1 (no label) to {classes - 1}")
    return torch.where(c == NO_LABEL, classes, c)
