"""Pictures by themselves: are they what was asked for, are they varied, are they off the scale?"""

import math

import torch
from torch import Tensor

from lessons_lib.guards import need, whole
from lessons_lib.metrics.distances import check_finite


def fidelity(predicted, asked: Tensor) -> Tensor:
    """How often a judge sees what was asked for: each attribute, and last all of them at once.

    predicted (n, A) integers, or a list of A logits (n, classes); asked (n, A), -1 where nothing
    was asked -> (A + 1,) shares of the pictures that were asked for it; nan if none was. The last
    is the share of pictures with every attribute asked for right.

    Raises ValueError unless the shapes are equal and something was asked.
    """
    if not isinstance(predicted, Tensor):
        predicted = [logits.argmax(1) for logits in predicted]
        predicted = torch.stack(predicted, 1) if predicted else asked[:, :0]
    if predicted.ndim != 2 or predicted.shape != asked.shape:
        shapes = tuple(predicted.shape), tuple(asked.shape)
        raise ValueError(f"predicted, asked: shapes {shapes[0]}, {shapes[1]}; need (n, A) each")
    counts = asked != -1
    if not bool(counts.any()):
        raise ValueError("asked: nothing but -1 given; need an attribute asked for")
    right = (predicted == asked) & counts
    each = right.sum(0).double() / counts.sum(0)
    whole = (right == counts)[counts.any(1)].all(1).double().mean()
    return torch.cat([each, whole[None]])


def within_class_distance(x: Tensor, label: Tensor) -> float:
    """How unlike each other two pictures of the same class are: their mean distance in pixels.

    x (B, ...), label (B,), or (B, A) attributes, where equal rows are one class: the mean L2
    distance of every pair of a class, then of the classes. Divide by the real data's: 1 is as
    varied as real, 0 is one picture per class.

    Raises ValueError unless x is finite, there is one label per picture, and two of each class.
    """
    check_finite("x", x)
    if label.shape[:1] != x.shape[:1] or label.ndim not in (1, 2):
        raise ValueError(
            f"label: shape {tuple(label.shape)} given; need ({len(x)},) or ({len(x)}, A), one each"
        )
    _, member, count = label.unique(dim=0, return_inverse=True, return_counts=True)
    if len(x) == 0 or int(count.min()) < 2:
        raise ValueError(f"label: classes of {count.tolist()} pictures given; need 2 or more each")
    flat = x.flatten(1).double()
    mean = [torch.nn.functional.pdist(flat[member == k]).mean() for k in range(len(count))]
    return float(torch.stack(mean).mean())


def saturated(x: Tensor, edge: float = 1.05) -> float:
    """The share of pixels that left [-edge, edge], and would be cut off when the picture is shown.

    Data fills [-1, 1] and sits at both ends, so an edge of 1 would count what is only rounding.

    Raises ValueError unless x is finite and not empty, and edge is above 0.
    """
    check_finite("x", x)
    sound = lambda pixels, edge: pixels > 0 and 0 < edge < math.inf
    line = "need 1 pixel or more, and edge > 0"
    need("x, edge", x.numel(), edge, allowed=line, ok=sound)
    return float((x.abs() > edge).double().mean())


def coarse(x: Tensor, cell: int = 4) -> Tensor:
    """Look at pictures from far away: the mean colour of every cell × cell block, as features.

    x (B, C, H, W) -> (B, C · H/cell · W/cell). A classifier's features say what is shown; these
    say where, how large, and on which background.

    Raises ValueError unless x is 4-D and cell divides its height and width.
    """
    cell = whole("cell", cell)
    if x.ndim != 4 or x.shape[2] % cell or x.shape[3] % cell:
        raise ValueError(
            f"x, cell: shape {tuple(x.shape)}, {cell} given; need (B, C, H, W) and a cell that "
            "divides H and W"
        )
    return torch.nn.functional.avg_pool2d(x, cell).flatten(1)
