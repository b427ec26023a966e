"""Plots: ax in, ax out. They draw what they are given and compute nothing.

`figure` opens a picture and shows it with its alt text; every other function draws into an ax:

    with figure("A digit fades into noise in eight frames") as ax:
        pictures(frames, ax)
"""

import base64
import io
import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import matplotlib as mpl
import matplotlib.ticker
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

# Okabe & Ito's palette, which colour-blind readers can tell apart; lines differ in dashes too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
DATA, NOISE, MODEL = COLOURS[0], COLOURS[1], COLOURS[2]
GLOW = mpl.colormaps["magma"].resampled(24)  # from dark to bright; few colours make small files


def style() -> dict:
    """The look of every figure of the course, as matplotlib parameters."""
    return {
        "figure.dpi": 100,
        "figure.facecolor": "white",
        "font.size": 11,
        "axes.titlesize": 12,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": mpl.cycler(color=COLOURS, linestyle=DASHES),
        "legend.frameon": False,
        "lines.linewidth": 2,
    }


def new_figure(rows: int = 1, cols: int = 1, size: tuple[float, float] | None = None):
    """A figure that nothing else holds on to, and its ax (or array of axes)."""
    with mpl.rc_context(style()):
        figure = Figure(figsize=size or (min(9.0, 3.2 + 2.9 * cols), 2.9 * rows + 0.4))
        figure.set_layout_engine("constrained")
        return figure, figure.subplots(rows, cols)


def png(figure: Figure, crop: bool = False) -> bytes:
    """The figure as PNG bytes that do not name the program that wrote them; crop cuts margins."""
    with mpl.rc_context(style()), io.BytesIO() as file:
        if crop:
            options = {"bbox_inches": "tight", "pad_inches": 0.05, "metadata": {"Software": None}}
            figure.savefig(file, format="png", **options)
        else:  # savefig draws everything twice; a slider has no time for that
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
            drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
            drawn.save(file, format="png", compress_level=3)
        return file.getvalue()


@contextmanager
def figure(alt: str, rows: int = 1, cols: int = 1, size=None) -> Iterator[Axes]:
    """Open a figure, give its ax (or array of axes), and show it when the block ends.

    alt says in a sentence what the picture shows, for readers who cannot see it.
    Raises ValueError without an alt text.
    """
    if not alt.strip():
        raise ValueError("alt: empty; say in a sentence what the picture shows")
    drawn, axes = new_figure(rows, cols, size)
    with mpl.rc_context(style()):
        yield axes
    show_png(png(drawn, crop=True), alt)


def show_png(content: bytes, alt: str) -> None:
    """Show a picture in the notebook, with its alt text; outside a notebook show nothing."""
    from IPython.display import display

    bundle = {"image/png": base64.b64encode(content).decode(), "text/plain": alt}
    display(bundle, metadata={"image/png": {"alt": alt}}, raw=True)


# --- pictures -------------------------------------------------------------------------------------


def pictures(x: Tensor, ax: Axes, cols: int | None = None, labels=None, title: str = "") -> Axes:
    """Tile pictures (N, C, H, W) in [-1, 1], pixel by pixel; labels go below each.

    Grey ones glow as on film: one look for digits everywhere.
    """
    x = (x.detach().cpu().float().clamp(-1, 1) + 1) / 2
    if x.shape[1] == 1:
        x = torch.from_numpy(GLOW(x[:, 0].numpy())[..., :3]).permute(0, 3, 1, 2)
    n, channels, height, width = x.shape
    cols = cols or min(n, 10)
    rows = -(-n // cols)
    gap = max(1, width // 16)
    # A quarter of a picture's height is left for the labels.
    line = height + (height // 4 + gap if labels is not None else gap)
    canvas = torch.ones(rows * line, cols * (width + gap) - gap, channels)
    for i, picture in enumerate(x):
        top, left = i // cols * line, i % cols * (width + gap)
        canvas[top : top + height, left : left + width] = picture.permute(1, 2, 0)
    ax.imshow(canvas.numpy(), interpolation="nearest")
    for i, label in enumerate(labels if labels is not None else []):
        place = i % cols * (width + gap) + width / 2 - 0.5, i // cols * line + height
        ax.text(*place, str(label), ha="center", va="top", fontsize=10)
    ax.set_axis_off()
    ax.set_title(title)
    return ax


# --- curves ---------------------------------------------------------------------------------------


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
    for name, height in p.items():
        ax.plot(grid, height, label=name)
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


def points(x: Tensor, ax: Axes, title: str = "", color: str = DATA, label=None) -> Axes:
    """Points of the plane, (N, 2)."""
    ax.scatter(*x.T.cpu(), s=4, alpha=0.5, color=color, label=label, linewidths=0)
    ax.set(xlabel="first coordinate", ylabel="second coordinate", title=title, aspect="equal")
    return ax


def arrows(x: Tensor, towards: Tensor, ax: Axes, color: str = MODEL) -> Axes:
    """An arrow from each point x (N, 2) to its partner."""
    step = (towards - x).T
    ax.quiver(*x.T, *step, angles="xy", scale_units="xy", scale=1, width=0.003, color=color)
    return ax


def bars(names, heights, ax: Axes, ylabel: str, title: str = "") -> Axes:
    """One bar per name, with its value on top."""
    drawn = ax.bar([str(name) for name in names], heights, color=COLOURS[0])
    ax.bar_label(drawn, fmt="%.3g", padding=2)
    ax.margins(y=0.12)  # room for the numbers below the title
    ax.set(ylabel=ylabel, title=title)
    return ax


def film(x: Tensor, ax: Axes, names=(), below=(), holes: bool = True, smooth=True) -> Axes:
    """Strips of pictures (rows, N, C, H, W) in [-1, 1] on film; grey ones glow, colours stay.

    names go left of each strip, below under each column; smooth enlarges pixels without edges.
    """
    rows, cols, channels, height, width = x.shape
    mode, k = "bicubic" if smooth else "nearest", 8 if channels == 1 else 4
    big = torch.nn.functional.interpolate(x.detach().cpu().float().flatten(0, 1), None, k, mode)
    big = (big.clamp(-1, 1) + 1) / 2
    if channels == 1:
        big = torch.from_numpy(GLOW(big[:, 0].numpy(), bytes=True)[..., :3])
    else:
        big = (big * 63).round().mul(255 / 63).byte().permute(0, 2, 3, 1)
    unit = width * k // 8
    gap, edge = unit * 3 // 4, 2 * unit if holes else unit // 2
    tall = height * k + 2 * edge
    line = height * k + (2 * edge + unit if holes else edge)
    shape = line * (rows - 1) + tall, cols * (width * k + gap) + gap, 3
    canvas = torch.full(shape, 255, dtype=torch.uint8)
    for i, frame in enumerate(big):
        top, left = i // cols * line, gap + i % cols * (width * k + gap)
        if i % cols == 0:
            canvas[top : top + tall] = torch.tensor(GLOW(0, bytes=True)[:3])
        canvas[top + edge : top + tall - edge, left : left + width * k] = frame
    hole_tops = (unit // 2, tall - unit * 3 // 2)
    for top in [a + b for a in range(0, rows * line, line) for b in hole_tops]:
        for left in range(unit // 2, canvas.shape[1] - unit if holes else 0, 2 * unit):
            canvas[top : top + unit, left : left + unit] = 255
    ax.imshow(canvas, interpolation="nearest")
    for i, name in enumerate(names):
        ax.text(-2 * unit, i * line + tall / 2, name, ha="right", va="center")
    for i, label in enumerate(below):
        place = gap + (i + 0.5) * width * k + i * gap, canvas.shape[0] + unit
        ax.text(*place, str(label), ha="center", va="top")
    ax.set_axis_off()
    return ax


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


def quarter_circle(alpha: Tensor, sigma: Tensor, labels, ax: Axes, title: str = "") -> Axes:
    """Levels as points (alpha, sigma) on the quarter circle from data to noise, each labelled."""
    turn = torch.linspace(0, torch.pi / 2, 91)
    ax.plot(turn.cos(), turn.sin(), color="0.75", linestyle="-", zorder=1)
    ax.scatter(alpha, sigma, color=COLOURS[0], zorder=2)
    for a, s, label in zip(alpha.tolist(), sigma.tolist(), labels, strict=True):
        ax.plot([0, a], [0, s], color=COLOURS[0], alpha=0.25, linewidth=1, linestyle="-")
        ax.text(1.04 * a + 0.01, 1.04 * s + 0.01, str(label), fontsize=9)
    ax.set(xlabel="signal α", ylabel="noise σ", title=title, xlim=(0, 1.18), ylim=(0, 1.15))
    ax.set_aspect("equal")
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


def blends(u, c, tips, names, ax: Axes) -> Axes:
    """Two guesses u and c (2,) as arrows from 0, the line through them, and tips (k, 2) on it."""
    ax.axline(u, c, color="0.6", linestyle=":", linewidth=1.5)
    ax.plot([0, *tips[:, 0]], [0, *tips[:, 1]], linestyle="none")  # makes room
    for tip, name in zip(tips.tolist(), names, strict=True):
        ax.plot(*tip, "o", color=NOISE)
        ax.annotate(str(name), tip, (4, 6), textcoords="offset points")
    for tip, name, color, side in ((u, "u", DATA, "right"), (c, "c", MODEL, "left")):
        ax.annotate("", tip, (0, 0), arrowprops={"arrowstyle": "->", "color": color, "lw": 2})
        place = (-5, 0) if side == "right" else (5, -12)
        ax.annotate(name, tip / 2, place, textcoords="offset points", color=color, ha=side)
    ax.set(xlabel="first coordinate of the guess", ylabel="second coordinate")
    ax.margins(0.12)
    return ax


def law(x: Tensor, y: Tensor, p: Tensor, drawn: Tensor, ax: Axes, title="", color=DATA) -> Axes:
    """A density p (len(y), len(x)) over the plane as contours, and points (N, 2) drawn."""
    points(drawn, ax, title, color)
    levels = [float(p.max()) * share for share in (0.05, 0.3, 0.7)]
    ax.contour(x, y, p, levels=levels, colors="black", linewidths=1, linestyles="-")
    ax.set(xlim=(float(x[0]), float(x[-1])), ylim=(float(y[0]), float(y[-1])))
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


def paths(fine: Tensor, coarse: Tensor, ax: Axes) -> Axes:
    """Paths from time 1 to 0, (steps + 1, k): fine ones as white lines, coarse ones with dots."""
    ax.plot(torch.linspace(1, 0, len(fine)), fine, color="white", linewidth=1.5, linestyle="-")
    dotted = {"color": COLOURS[5], "linestyle": "-", "marker": "o", "markersize": 4}
    ax.plot(torch.linspace(1, 0, len(coarse)), coarse, linewidth=1, **dotted)
    ax.set(xlabel="time, from noise to data", xlim=(1, 0))
    return ax


def measured(rows, key: str, ax: Axes, ylabel: str, samplers, floor=None, title="") -> Axes:
    """A measurement with its error bars against calls: one line per sampler, and the floor."""
    ends = []
    for i, name in enumerate(samplers):
        mine = [row for row in rows if row["sampler"] == name]
        calls = [row["calls"] for row in mine]
        y, half = ([row[key][part] for row in mine] for part in ("value", "half"))
        look = {"color": COLOURS[i], "linestyle": DASHES[i], "marker": "os^D"[i], "markersize": 5}
        ax.errorbar(calls, y, half, capsize=3, **look)
        ends.append((calls[-1], y[-1], name.replace(", ", "\n"), COLOURS[i]))
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


def real_against_real(floor: float, ax: Axes) -> Axes:
    """The floor of a distance, a grey line with its name: what real data get against real data."""
    ax.axhline(floor, color="0.5", linestyle="-", linewidth=1, zorder=0)
    words = {"xycoords": ax.get_yaxis_transform(), "textcoords": "offset points"}
    words |= {"va": "top", "fontsize": 10, "color": "0.35"}
    ax.annotate("real against real", (0, floor), (4, -3), **words)
    return ax


def frontier(
    rows, key: str, ax: Axes, samplers, ylabel="", best=None, here=None, floor=None, spoken=None
) -> Axes:
    """Quality against evaluations on double log paper: a line per sampler, lower is better.

    samplers give each its colour, in every picture; those that are spoken of (all, if left out) are
    named where their lines end, the others stay grey. best are the points of the frontier, as
    (evaluations, qualities), which get rings; here is one system, as (evaluations, quality or None
    where it was never measured); floor is what real data get.
    """
    ends = []
    for i, name in enumerate(samplers):
        mine = sorted((r for r in rows if r["sampler"] == name), key=lambda r: r["evaluations"])
        if not mine:
            continue
        number = [row[key] if isinstance(row[key], dict) else {"value": row[key]} for row in mine]
        x, y = [row["evaluations"] for row in mine], [each["value"] for each in number]
        look = {"color": "0.8", "linestyle": "-", "linewidth": 1, "zorder": 1}
        if spoken is None or name in spoken:
            look = {"color": COLOURS[i], "linestyle": DASHES[i], "marker": "os^DvPX"[i]}
            ends.append((x[-1], y[-1], name, COLOURS[i]))
        half = [each["half"] for each in number] if "half" in number[0] else None
        ax.errorbar(x, y, half, capsize=2, markersize=5, **look)
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


def ladders(ratios: Mapping[str, Tensor], ax: Axes) -> Axes:
    """One row of dots per ladder: its noisy levels along noise over signal, noisiest first."""
    for i, (name, ratio) in enumerate(ratios.items()):
        ax.plot(ratio, [-i] * len(ratio), "o-", color=COLOURS[i], linewidth=0.75, label=name)
    ax.set(xscale="log", xlabel="σ/α, noise over signal", ylim=(0.6 - len(ratios), 0.4))
    ax.set_yticks(range(0, -len(ratios), -1), list(ratios))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.invert_xaxis()
    return ax


# --- the clinic -----------------------------------------------------------------------------------


def chart(x: Tensor, names, table: Mapping, columns, ax: Axes, title: str = "") -> Axes:
    """A patient's chart: strips of pictures x (rows, N, C, H, W), named, and beside them a table.

    table holds a row per name: its numbers, one for each of the columns, the first one bold. An
    empty table leaves all the room to the strips.
    """
    left, height = ax.inset_axes((0, 0, 0.53 if table else 1, 1)), x.shape[3]
    pictures(x.flatten(0, 1), left, cols=x.shape[1])
    for i, name in enumerate(names):
        place = -1, i * (height + max(1, height // 16)) + height / 2 - 0.5
        left.text(*place, name, ha="right", va="center", fontsize=10)
    tall, small = 1 / (len(table) + 1), {"fontsize": 9, "va": "center"}
    for row, (name, values) in enumerate({"": columns, **table}.items()):
        y = 1 - (row + 0.5) * tall
        ax.text(0.56, y, name, **small)
        for i, value in enumerate(values):
            said = value if isinstance(value, str) else f"{value:.2f}"
            at = 1 - 0.075 * (len(values) - 1 - i)
            ax.text(at, y, said, ha="right", fontweight="normal" if i else "bold", **small)
    ax.set_axis_off()
    ax.set_title(title, loc="left")
    return ax


def key(root, names: Mapping[str, str], ax: Axes, wide: float = 9.4) -> Axes:
    """A decision tree as a key: a line a question, its yes and no to the right or further down.

    root and its answers above and below have ask, statistic, limit, above, below; a str is a leaf.
    """
    looks = {"yes": {"color": COLOURS[0], "ls": "-"}, "no": {"color": COLOURS[1], "ls": "--"}}
    row, waiting = 0, [(root, 0, None, "")]
    while waiting:
        node, depth, before, word = waiting.pop()
        x, y = 0.42 * depth, -row
        if before is not None:  # a line down from the question before, and to the right
            down = [x - 0.36] * 2 + [x - 0.03], [before - 0.36, y - 0.08, y - 0.08]
            ax.plot(*down, linewidth=1.5, **looks[word])
            ax.text(x - 0.04, y + 0.08, word, ha="right", fontsize=8, color=looks[word]["color"])
        ax.text(x, y + 0.13, node.ask, va="center", fontsize=9)
        limit = f"{node.statistic} above {node.limit:g}"
        ax.text(x, y - 0.23, limit, va="center", fontsize=8, color="0.35")
        for word, answer, back in (("no", node.below, 1.3), ("yes", node.above, 3.1)):
            if isinstance(answer, str):
                said, box = f"{word}: {names[answer]}", {"boxstyle": "round", "fc": "white"}
                box |= {"ec": looks[word]["color"], "ls": looks[word]["ls"]}
                ax.text(wide - back, y, said, va="center", fontsize=9, fontweight="bold", bbox=box)
            else:
                waiting.append((answer, depth + 1, y, word))
        row += 1
    ax.set(xlim=(0, wide), ylim=(0.5 - row, 0.5))
    ax.set_axis_off()
    return ax
