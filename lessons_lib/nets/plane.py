"""The network of the plane: two numbers and a level in, two numbers out."""

import torch
from torch import Tensor, nn

from lessons_lib.guards import whole
from lessons_lib.levels import Level
from lessons_lib.nets.parts import label_rows, level_angle, own_precision, time_embedding


class PlaneNet(nn.Module):
    """A small perceptron for points of the plane that knows its noise level and, perhaps, a label.

    x (B, 2), t a level, c (B,) labels 0 ... classes-1, −1 or None for "no label". It sees
    x / |(alpha, sigma)|, whose spread stays near one on every level.

    Raises ValueError for another shape of x, and for labels it has no row for.
    """

    def __init__(self, width: int = 128, layers: int = 3, classes: int = 2):
        super().__init__()
        for name, size in {"width": width, "layers": layers, "classes": classes}.items():
            whole(name, size)
        self.classes = classes
        self.enter = nn.Linear(2 + 32, width)
        self.label = nn.Embedding(classes + 1, width)  # the last row is "no label"
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.leave = nn.Linear(width, 2)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    @own_precision
    def forward(self, x: Tensor, t: Level, c: Tensor | None = None) -> Tensor:
        if x.ndim != 2 or x.shape[1] != 2:
            raise ValueError(f"x: shape {tuple(x.shape)} given; need (B, 2)")
        t_x = t.to(x)
        emb = time_embedding(level_angle(x, t), 32).to(x.dtype)  # (B, 32)
        seen = (x / torch.hypot(t_x.alpha, t_x.sigma)).to(x.dtype)
        h = self.enter(torch.cat([seen, emb], dim=1)) + self.label(label_rows(c, x, self.classes))
        for layer in self.layers:
            h = h + layer(nn.functional.silu(h))
        return self.leave(nn.functional.silu(h))
