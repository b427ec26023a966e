"""Points and arrows of the plane, and what is dense there."""

import torch
from matplotlib.axes import Axes
from torch import Tensor

from lessons_lib.viz.look import COLOURS, DATA, MODEL, NOISE


def points(x: Tensor, ax: Axes, title: str = "", color: str = DATA, label=None) -> Axes:
    """Points of the plane, (N, 2)."""
    ax.scatter(*x.T.cpu(), s=4, alpha=0.5, color=color, label=label, linewidths=0)
    ax.set(xlabel="first coordinate", ylabel="second coordinate", title=title, aspect="equal")
    return ax


def law(x: Tensor, y: Tensor, p: Tensor, drawn: Tensor, ax: Axes, title="", color=DATA) -> Axes:
    """A density p (len(y), len(x)) over the plane as contours, and points (N, 2) drawn."""
    points(drawn, ax, title, color)
    contours(x, y, p, ax).set(xlim=(float(x[0]), float(x[-1])), ylim=(float(y[0]), float(y[-1])))
    return ax


def contours(x: Tensor, y: Tensor, p: Tensor, ax: Axes, color: str = "black") -> Axes:
    """A density p (len(y), len(x)) over the plane, as three lines of equal height."""
    levels = [float(p.max()) * share for share in (0.05, 0.3, 0.7)]
    ax.contour(x, y, p, levels=levels, colors=color, linewidths=1, linestyles="-")
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
