"""What was measured, with its error bars: quality against evaluations, or beside pictures."""

import itertools
from collections.abc import Mapping

import matplotlib as mpl
import matplotlib.ticker
from matplotlib.axes import Axes
from torch import Tensor

from lessons_lib.viz.images import film
from lessons_lib.viz.look import COLOURS, DASHES


def measured(rows, key: str, ax: Axes, ylabel: str, samplers, floor=None, title="") -> Axes:
    """A measurement with its error bars against calls: one line per sampler, and the floor."""
    ends = _lines(rows, "calls", key, ax, samplers, capsize=3)
    ends = [(x, y, name.replace(", ", "\n"), colour) for x, y, name, colour in ends]
    calls = sorted({row["calls"] for row in rows if row["sampler"] in samplers})
    if floor is None:
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter("{x:g}")
    else:
        real_against_real(floor, ax)
        ax.set_ylim(0, None)
    ax.set_xscale("log")
    ax.set_xticks(calls, [str(n) for n in calls])
    ax.set_xticks([], minor=True)
    ax.set(xlabel="network evaluations per picture", ylabel=ylabel, title=title)
    return name_ends(ends, ax, gap=0.09)


def frontier(
    rows, key: str, ax: Axes, samplers, ylabel="", best=None, here=None, floor=None, spoken=None
) -> Axes:
    """Quality against evaluations on double log paper: a line per sampler, lower is better.

    samplers give each its colour, in every picture; those that are spoken of (all, if left out) are
    named where their lines end, the others stay grey. best are the points of the frontier, as
    (evaluations, qualities), which get rings; here is one system, as (evaluations, quality or None
    where it was never measured); floor is what real data get.
    """
    ends = _lines(rows, "evaluations", key, ax, samplers, spoken)
    if best is not None:
        ax.plot(*best, "o", color="black", markersize=11, markerfacecolor="none", zorder=4)
    if floor is not None:
        real_against_real(floor, ax)
    if here is not None:
        ax.axvline(here[0], color="0.3", linestyle=":", linewidth=1.5, zorder=0)
        if here[1] is not None:
            ax.plot(*here, "*", color="black", markersize=17, zorder=5)
    ax.set(xscale="log", yscale="log", ylabel=ylabel, xlabel="network evaluations per picture")
    near = ax.get_ylim()[1] < 30 * ax.get_ylim()[0]
    ax.yaxis.set_major_locator(mpl.ticker.LogLocator(subs=(1, 1.5, 2, 3, 5, 7) if near else (1,)))
    ax.yaxis.set_minor_formatter(mpl.ticker.NullFormatter())
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:g}")
    name_ends(ends, ax)
    return ax


def _lines(rows, x: str, key: str, ax: Axes, samplers, spoken=None, capsize=2) -> list[tuple]:
    """A line with its error bars for each sampler that was measured: its key against its x.

    Those that are not spoken of stay grey. Of the others the ends, as `name_ends` takes them.
    """
    ends = []
    for i, name in enumerate(samplers):
        mine = sorted((row for row in rows if row["sampler"] == name), key=lambda row: row[x])
        if not mine:
            continue
        number = [row[key] if isinstance(row[key], dict) else {"value": row[key]} for row in mine]
        at, y = [row[x] for row in mine], [each["value"] for each in number]
        half = [each["half"] for each in number] if "half" in number[0] else None
        look = {"color": "0.8", "linestyle": "-", "linewidth": 1, "zorder": 1}
        if spoken is None or name in spoken:
            look = {"color": COLOURS[i], "linestyle": DASHES[i], "marker": "os^DvPX"[i]}
            ends.append((at[-1], y[-1], name, COLOURS[i]))
        ax.errorbar(at, y, half, capsize=capsize, markersize=5, **look)
    return ends


def real_against_real(floor: float, ax: Axes) -> Axes:
    """The floor of a distance, a grey line with its name: what real data get against real data."""
    ax.axhline(floor, color="0.5", linestyle="-", linewidth=1, zorder=0)
    words = {"xycoords": ax.get_yaxis_transform(), "textcoords": "offset points"}
    words |= {"va": "top", "fontsize": 10, "color": "0.35"}
    ax.annotate("real against real", (0, floor), (4, -3), **words)
    return ax


def name_ends(ends, ax: Axes, gap: float = 0.075) -> Axes:
    """Write the names of lines at the right edge, each at the height of its end or near it.

    ends: (x, y, name, colour) of each line; gap: the least distance of two names, as a share of the
    height. The limits of ax must be those that stay.
    """
    flat = ax.transData + ax.transAxes.inverted()
    lines = sorted([*flat.transform((x, y)), name, colour] for x, y, name, colour in ends)
    lines.sort(key=lambda line: line[1])
    heights = [line[1] for line in lines]
    for _ in range(100):
        for i, (low, high) in enumerate(itertools.pairwise(heights)):
            push = max(0.0, gap - (high - low)) / 2
            heights[i : i + 2] = low - push, high + push
    for i, height in enumerate(heights):
        heights[i] = max(height, heights[i - 1] + gap if i else 0.0)
    for (x, y, name, colour), height in zip(lines, heights, strict=True):
        thin = {"color": colour, "linewidth": 0.6, "linestyle": "-", "zorder": 0}
        place = {"transform": ax.transAxes, "clip_on": False}
        ax.plot([x, 0.99, 1.02], [y, y, height], **place, **thin)
        ax.text(1.03, height, name, **place, va="center", color=colour)
    return ax


def scoreboard(x: Tensor, names, at, measured: Mapping, ax: Axes, xlabel: str) -> Axes:
    """Film strips x, one a setting, and beside them what was measured: name -> (values, errors)."""
    film(x, ax.inset_axes((0, 0, 0.52, 1)), names, holes=False)
    tall = 1 / len(measured)
    for i, (name, (value, error)) in enumerate(measured.items()):
        panel = ax.inset_axes((0.62, 1 - (i + 0.87) * tall, 0.38, 0.66 * tall))
        panel.errorbar(at, value, error, fmt="o-", capsize=3, color=COLOURS[i])
        panel.set_title(name, loc="left", fontsize=11)
        panel.set_ylim(0, 1.15 * max(value))
        panel.set_xlabel(xlabel if i == len(measured) - 1 else "")
    ax.set_axis_off()
    return ax
