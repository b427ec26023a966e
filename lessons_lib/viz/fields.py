"""Vector fields on the plane: arrows over what is dense there, and trails of those who follow."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from torch import Tensor

from lessons_lib.viz.look import COLOURS, GLOW, MODEL, NOISE
from lessons_lib.viz.plane import contours, points


def places(reach: float = 2.0, n: int = 17) -> Tensor:
    """Even places of the square from -reach to reach, row by row from below: (n·n, 2), float64."""
    side = torch.linspace(-reach, reach, n, dtype=torch.float64)
    second, first = torch.meshgrid(side, side, indexing="ij")
    return torch.stack([first, second], dim=-1).reshape(-1, 2)


def arrows(x: Tensor, v: Tensor, ax: Axes, title: str = "", color: str = MODEL) -> Axes:
    """A field v (N, 2) at places x (N, 2): true directions, lengths that level off.

    An arrow's length is |v| / (|v| + the median of |v|), so that steep and flat can both be seen.
    """
    size = v.norm(dim=1, keepdim=True)
    drawn = v / (size + size.median() + 1e-12)
    gap = float((x.max() - x.min()) / max(len(x) ** 0.5 - 1, 1))
    shown = {"angles": "xy", "scale_units": "xy", "scale": 0.75 / gap, "width": 0.0035}
    shown |= {"headwidth": 4, "headlength": 4, "headaxislength": 3.5}
    ax.quiver(*x.T, *drawn.T, color=color, **shown)
    edge, ticks = float(x.abs().max()) + gap / 2, range(-int(x.abs().max()), int(x.abs().max()) + 1)
    ax.set(xlim=(-edge, edge), ylim=(-edge, edge), title=title, aspect="equal")
    ax.set(xlabel="first coordinate", ylabel="second coordinate", xticks=ticks, yticks=ticks)
    return ax


def vector_fields(x: Tensor, v: Mapping[str, Tensor], axes: Sequence[Axes]) -> Sequence[Axes]:
    """Fields at the same places x (N, 2), each in an ax of its own, under its name."""
    for ax, (name, each) in zip(axes, v.items(), strict=True):
        arrows(x, each, ax, name)
    return axes


def clouds(x: Mapping[str, Tensor], axes: Sequence[Axes], reach: float) -> Sequence[Axes]:
    """Clouds of points (N, 2), each in an ax of its own, from -reach to reach, under its name."""
    for ax, (name, each) in zip(axes, x.items(), strict=True):
        points(each, ax, name).set(xlim=(-reach, reach), ylim=(-reach, reach))
    return axes


def ground(values: Tensor, ax: Axes, reach: float, label: str = "", top=None) -> Axes:
    """Values at the places of `places`, (n·n,), as a glowing map; with a label, also a scale."""
    n = round(len(values) ** 0.5)
    edge = reach * n / (n - 1)  # half a cell beyond the outermost places
    shown = {"origin": "lower", "extent": (-edge, edge, -edge, edge), "cmap": GLOW, "zorder": 0}
    drawn = ax.imshow(values.reshape(n, n).numpy(), vmin=0, vmax=top, **shown)
    ax.set(aspect="equal", xlabel="first coordinate", ylabel="second coordinate")
    if label:
        ax.figure.colorbar(drawn, ax=ax, label=label, shrink=0.8)
    return ax


def outline(p: Tensor, ax: Axes, reach: float) -> Axes:
    """A density at the places of `places`, (n·n,), as three contours."""
    n = round(len(p) ** 0.5)
    side = torch.linspace(-reach, reach, n)
    return contours(side, side, p.reshape(n, n), ax, "0.55")


def trails(x: Tensor, ax: Axes) -> Axes:
    """Walks (steps + 1, k, 2) as thin lines: a ring where all begin, a dot where each has come."""
    ax.plot(x[..., 0], x[..., 1], color=COLOURS[0], linewidth=0.8, linestyle="-", alpha=0.6)
    ax.plot(*x[0, :1].T, "o", color="black", markerfacecolor="none", markersize=11)
    ax.plot(*x[-1].T, "o", color=NOISE, markersize=5, linestyle="none")
    return ax
