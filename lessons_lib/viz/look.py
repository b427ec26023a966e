"""The look of every figure: its palette and style, how it is opened, how it becomes PNG."""

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

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
