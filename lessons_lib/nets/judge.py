"""Judges: small classifiers, the instruments that say what a model has drawn."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lessons_lib.nets.parts import own_precision


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
    """As `parts.GroupNorm`, but in the judge's own precision: the next layer takes no other."""
    return nn.GroupNorm(width // 16, width, affine=False)


def _seen(enter: int, leave: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(enter, leave, 3, padding=1, bias=False), nn.BatchNorm2d(leave), nn.ReLU()
