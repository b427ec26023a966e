"""One figure that is redrawn in place: what every widget of the course shares."""

import base64
import html
from collections.abc import Callable

import ipywidgets
import matplotlib as mpl
import numpy as np

from lessons_lib import viz


class Pictured:
    """One figure, redrawn in place, with its alt text.

    As the last line of a cell it leaves picture, alt text and widget in a single output. The figure
    is laid out once and its axes then stand still; fifty moves take no more memory than one.
    """

    def _open(self, alt: str, rows: int, cols: int, size) -> None:
        self._alt, self.picture = alt, ipywidgets.HTML()
        self._figure, self._axes = viz.new_figure(rows, cols, size)

    def _redraw(self, draw: Callable) -> None:
        with mpl.rc_context(viz.style()):
            for ax in np.ravel(self._axes):
                _empty(ax)  # inside, so that the axes keep the palette and its dashes
            draw(self._axes)
        self._png = viz.png(self._figure)
        self._figure.set_layout_engine("none")
        source = base64.b64encode(self._png).decode()
        alt = html.escape(self._alt, quote=True)
        shown = f'<img alt="{alt}" style="max-width:100%" src="data:image/png;base64,{source}">'
        self.picture.value = shown

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs) or {}
        bundle["image/png"] = base64.b64encode(self._png).decode()
        bundle["text/plain"] = f"{self._alt} (with a kernel, this picture answers you)"
        return bundle, {"image/png": {"alt": self._alt}}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._alt!r})"


def _empty(ax) -> None:
    """Take everything off an ax but its ticks and frame: to make those anew takes twice as long."""
    for drawn in ("lines", "patches", "images", "texts", "collections", "tables", "artists"):
        for artist in list(getattr(ax, drawn)):
            artist.remove()
    for inset in list(ax.child_axes):
        inset.remove()
    if ax.get_legend():
        ax.get_legend().remove()
    ax.containers.clear()
    for side in ("left", "center", "right"):
        ax.set_title("", loc=side)
    ax.set_prop_cycle(None)
    ax.relim()
    if ax.get_xscale() == ax.get_yscale() == "linear":
        ax.set(xlim=(0, 1), ylim=(0, 1))  # as a new ax has them, for words that stand at a place
    ax.set_autoscale_on(True)
