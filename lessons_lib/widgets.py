"""Sliders and buttons around drawing functions. Each leaves a picture where no kernel runs."""

import base64
import html
from collections.abc import Callable

import ipywidgets
import matplotlib as mpl

from lessons_lib import viz


class Pictured:
    """What every widget of the course shares: one figure, redrawn in place, with its alt text.

    As the last line of a cell it leaves picture, alt text and widget in a single output. The figure
    is laid out once and its axes then stand still; fifty moves take no more memory than one.
    """

    def _open(self, alt: str, rows: int, cols: int, size) -> None:
        self._alt, self.picture = alt, ipywidgets.HTML()
        self._figure, self._axes = viz.new_figure(rows, cols, size)

    def _redraw(self, draw: Callable) -> None:
        with mpl.rc_context(viz.style()):
            for ax in self._figure.axes:
                ax.clear()  # inside, so that the axes keep the palette and its dashes
            draw(self._axes)
        self._png = viz.png(self._figure)
        self._figure.set_layout_engine("none")
        source = base64.b64encode(self._png).decode()
        alt = html.escape(self._alt, quote=True)
        self.picture.value = f'<img alt="{alt}" src="data:image/png;base64,{source}">'

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs) or {}
        bundle["image/png"] = base64.b64encode(self._png).decode()
        bundle["text/plain"] = f"{self._alt} (with a kernel, this picture answers you)"
        return bundle, {"image/png": {"alt": self._alt}}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._alt!r})"


class explore(Pictured, ipywidgets.interactive):
    """Redraw one picture while a reader moves sliders: explore(draw, "what it shows", t=(0, 1)).

    draw(ax, **values) draws into an ax (an array of axes for rows, cols > 1) that is cleared
    between calls; keywords are ipywidgets' abbreviations or widgets.
    """

    def __init__(self, draw: Callable, alt: str, rows=1, cols=1, size=None, **controls):
        self._open(alt, rows, cols, size)
        moved = lambda **values: self._redraw(lambda axes: draw(axes, **values))
        super().__init__(moved, **controls)
        self.children = (*self.children[:-1], self.picture, self.out)
        for control in self.children[:-2]:
            control.style.description_width = "10em"
            control.layout.width = "32em"
        self.update()  # the first picture is there before the widget is shown
