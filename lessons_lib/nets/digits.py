"""The network of the digits: 64 numbers in, 64 out, and three residual blocks between them."""

from torch import Tensor, nn

from lessons_lib.guards import whole
from lessons_lib.levels import Level
from lessons_lib.nets.parts import label_rows, level_angle, own_precision, time_embedding


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
        emb = emb + self.label(label_rows(c, x, self.classes))
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
