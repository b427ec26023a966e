"""Roads between data and noise: over time on a line, or seen from above in the plane."""

import matplotlib as mpl
from matplotlib.axes import Axes
from torch import Tensor

from lessons_lib.viz.look import COLOURS, DATA, NOISE


def roads(time: Tensor, x: Tensor, p: Tensor, lines: Tensor, ax: Axes, title: str = "") -> Axes:
    """Lines (len(time), k) on a line of data, over a density p (len(x), len(time)) in time."""
    edges = float(time[0]), float(time[-1]), float(x[0]), float(x[-1])
    glow, shade = mpl.colormaps["Greys"].resampled(24), mpl.colors.PowerNorm(0.5, 0, 1.6 * p.max())
    ax.imshow(p, origin="lower", aspect="auto", extent=edges, cmap=glow, norm=shade)
    ax.plot(time, lines, color=COLOURS[0], alpha=0.8, linewidth=0.9, linestyle="-")
    ax.set(xlabel="time: 0 is data, 1 is noise", ylabel="x", title=title, xlim=edges[:2])
    ax.set_ylim(edges[2:])
    return ax


def tracks(stations: Tensor, ax: Axes, title: str = "") -> Axes:
    """Walks of the plane, (steps + 1, k, 2), from their noise (crosses) to their data (dots)."""
    ax.plot(*stations.permute(2, 0, 1), color="0.6", linewidth=0.7, linestyle="-", zorder=1)
    ax.plot(*stations[0].T, "x", color=NOISE, markersize=4, label="noise")
    ax.plot(*stations[-1].T, "o", color=DATA, markersize=3.5, label="where the walk ends")
    ax.set(xlabel="first coordinate", ylabel="second coordinate", title=title, aspect="equal")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2)
    return ax
