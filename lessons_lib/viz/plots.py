"""Numbers over one variable: curves, densities, bars; and a table of numbers as colours."""

from collections.abc import Mapping

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from torch import Tensor

from lessons_lib.viz.look import COLOURS


def curves(x, ys: Mapping[str, Tensor], ax: Axes, xlabel: str, ylabel: str, title="") -> Axes:
    """One labelled line per entry of ys over the same x; colours and dashes both differ."""
    for name, y in ys.items():
        ax.plot(x, y, label=name)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if len(ys) > 1:
        ax.legend()
    return ax


def losses(history: Tensor, ax: Axes, every: int = 50) -> Axes:
    """The loss of each step, faint, and its mean over blocks of steps, bold."""
    blocks = history[: len(history) // every * every].reshape(-1, every).mean(dim=1)
    ax.plot(history, color=COLOURS[0], alpha=0.25, linewidth=0.5, linestyle="-")
    ax.plot(torch.arange(len(blocks)) * every + every / 2, blocks, color=COLOURS[0], linestyle="-")
    ax.set(xlabel="training step", ylabel="loss", ylim=(0, 1.2 * float(blocks.max())))
    return ax


def density(grid: Tensor, p: Mapping[str, Tensor], ax: Axes, title: str = "") -> Axes:
    """One-dimensional densities over a grid of x."""
    curves(grid, p, ax, "x", "density", title).set_ylim(0, None)
    return ax


def hills(x: Tensor, p: Mapping[str, Tensor], ax: Axes, title: str = "", total=None) -> Axes:
    """Densities over x as see-through hills, one per entry of p; total, if given, as a line."""
    for name, height in p.items():
        (line,) = ax.plot(x, height, label=name)
        ax.fill_between(x, height, color=line.get_color(), alpha=0.25, linewidth=0)
    if total is not None:
        ax.plot(x, total, color="black", linestyle="-", linewidth=1.5, label="all together")
    ax.set(xlabel="x", ylabel="density", title=title, ylim=(0, None))
    if len(p) > 1:
        ax.legend()
    return ax


def histogram(samples: Tensor, ax: Axes, grid=None, p=None, title: str = "", bins=60) -> Axes:
    """Samples as grey bars; the density they should follow, if it is known, as a line."""
    ax.hist(samples.flatten().numpy(), bins=bins, density=True, color="0.8", label="samples")
    if p is not None:
        ax.plot(grid, p, color=COLOURS[1], label="exact")
        ax.legend()
    ax.set(xlabel="x", ylabel="density", title=title)
    return ax


def bars(names, heights, ax: Axes, ylabel: str, title: str = "") -> Axes:
    """One bar per name, with its value on top."""
    drawn = ax.bar([str(name) for name in names], heights, color=COLOURS[0])
    ax.bar_label(drawn, fmt="%.3g", padding=2)
    ax.margins(y=0.12)  # room for the numbers below the title
    ax.set(ylabel=ylabel, title=title)
    return ax


def heat(values: Tensor, ax: Axes, xlabel: str, ylabel: str, span=None, title="") -> Axes:
    """A table of values (rows, cols) as colours: purple below 0, orange above; x runs to span."""
    top = float(values.abs().max())
    rows, cols = values.shape
    shown = {"aspect": "auto", "interpolation": "nearest", "extent": (0, span or cols, rows, 0)}
    colours = mpl.colormaps["PuOr_r"].resampled(33)
    drawn = ax.imshow(values, cmap=colours, vmin=-top, vmax=top, **shown)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.figure.colorbar(drawn, ax=ax, label="value")
    return ax
