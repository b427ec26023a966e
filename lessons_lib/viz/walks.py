"""Walks between data and noise: their paths, their law, their levels."""

from collections.abc import Mapping

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from torch import Tensor

from lessons_lib.viz.look import COLOURS, DATA, NOISE


def walkers(paths: Tensor, mean: Tensor, std: Tensor, ax: Axes, title: str = "") -> Axes:
    """Random walks (steps + 1, k) as thin lines, and the band mean ± 2 std they should stay in."""
    n = torch.arange(len(paths))
    band = {"color": COLOURS[1], "linestyle": "-"}
    ax.plot(n, paths, color=COLOURS[0], alpha=0.22, linewidth=0.6, linestyle="-")
    ax.plot(n, mean, label="predicted mean", **band)
    for sign, label in ((2, "predicted mean ± 2 standard deviations"), (-2, None)):
        ax.plot(n, mean + sign * std, **(band | {"linestyle": "--"}), linewidth=1.5, label=label)
    ax.set(xlabel="step n", ylabel="x", title=title, xlim=(0, len(paths) - 1))
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return ax


def spread(n: Tensor, x: Tensor, p: Tensor, ax: Axes, paths=None, title: str = "") -> Axes:
    """A density p (len(x), len(n)) over n as a glowing map; paths (len(n), k) as thin lines."""
    shade = mpl.colors.PowerNorm(0.5, vmin=0)
    glow = mpl.colormaps["magma"].resampled(48)
    edges = float(n[0]), float(n[-1]), float(x[0]), float(x[-1])
    ax.imshow(p, origin="lower", aspect="auto", extent=edges, cmap=glow, norm=shade)
    if paths is not None:
        ax.plot(n, paths, color="white", alpha=0.75, linewidth=0.8, linestyle="-")
    ax.set(xlabel="step n", ylabel="x", title=title, ylim=edges[2:])
    return ax


def paths(fine: Tensor, coarse: Tensor, ax: Axes) -> Axes:
    """Paths from time 1 to 0, (steps + 1, k): fine ones as white lines, coarse ones with dots."""
    ax.plot(torch.linspace(1, 0, len(fine)), fine, color="white", linewidth=1.5, linestyle="-")
    dotted = {"color": COLOURS[5], "linestyle": "-", "marker": "o", "markersize": 4}
    ax.plot(torch.linspace(1, 0, len(coarse)), coarse, linewidth=1, **dotted)
    ax.set(xlabel="time, from noise to data", xlim=(1, 0))
    return ax


def hand_steps(noise, x, x0, ax: Axes) -> Axes:
    """A walk from noise to data: stations x, and the guess x0 that each of them points at."""
    words = {"textcoords": "offset points", "va": "center"}
    for i, guess in enumerate(x0):
        label = r"$\hat{x}_0$, the guess made there" if i == 0 else None
        ax.plot([noise[i], 0], [x[i], guess], color=NOISE, linestyle=":", linewidth=1.5)
        ax.plot(0, guess, "D", color=NOISE, markerfacecolor="white", label=label, zorder=3)
        ax.annotate(f"{guess:.3f}", (0, guess), (9, 0), color=NOISE, **words)
    ax.plot(noise, x, "o-", color=DATA, label="x, the walk")
    for level, value in zip(noise[:-1], x[:-1], strict=True):
        ax.annotate(f"{value:.3f}", (level, value), (-6, 9), color=DATA, ha="right", **words)
    ax.set(xlabel="σ, how much noise is on", ylabel="x", xlim=(1.12, -0.14))
    ax.margins(y=0.12)
    ax.legend(loc="upper left", bbox_to_anchor=(0, 1.04))
    return ax


def ladders(ratios: Mapping[str, Tensor], ax: Axes) -> Axes:
    """One row of dots per ladder: its noisy levels along noise over signal, noisiest first."""
    for i, (name, ratio) in enumerate(ratios.items()):
        ax.plot(ratio, [-i] * len(ratio), "o-", color=COLOURS[i], linewidth=0.75, label=name)
    ax.set(xscale="log", xlabel="σ/α, noise over signal", ylim=(0.6 - len(ratios), 0.4))
    ax.set_yticks(range(0, -len(ratios), -1), list(ratios))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.invert_xaxis()
    return ax


def strands(time, x, p, calm, shaken, ax: Axes, title: str = "") -> Axes:
    """Walks over the density p (len(x), len(time)) that they share: calm white, shaken blue.

    Walks are (len(time), k); time runs evenly from data to noise.
    """
    spread(time, x, p, ax, title=title)
    ax.plot(time, shaken, color=COLOURS[5], alpha=0.9, linewidth=0.7, linestyle="-")
    ax.plot(time, calm, color="white", linewidth=1.6, linestyle="-")
    ax.set(xlabel="time, from data to noise", ylabel="x")
    return ax


def so_far(at: Tensor, x: Tensor, now: int, ax: Axes, xlabel: str = "", title: str = "") -> Axes:
    """Walks x (n, k) over their places `at` (n,): faint, and in colour up to the moment `now`."""
    line = {"linestyle": "-", "linewidth": 0.8}
    ax.plot(at, x, color="0.82", **line)
    ax.plot(at[: now + 1], x[: now + 1], color=COLOURS[0], **line)
    ax.plot(at[now].expand(x.shape[1]), x[now], "o", color=NOISE, markersize=4)
    ax.set(xlabel=xlabel, ylabel="x", title=title)
    return ax
