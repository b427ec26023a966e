"""Sliders and buttons around drawing functions. Each leaves a picture where no kernel runs."""

import base64
import html
from collections.abc import Callable

import ipywidgets
import matplotlib as mpl

from lessons_lib import viz


class explore(ipywidgets.interactive):
    """Redraw one picture while a reader moves sliders: explore(draw, "what it shows", t=(0, 1)).

    draw(ax, **values) draws into an ax (an array of axes for rows, cols > 1) that is cleared
    between calls; keywords are ipywidgets' abbreviations or widgets. The one figure is drawn anew
    in place, so fifty moves take no more memory than one. As the last line of a cell it leaves its
    first picture, its alt text and its widget in a single output.
    """

    def __init__(self, draw: Callable, alt: str, rows=1, cols=1, size=None, **controls):
        self._draw, self._alt = draw, alt
        self._figure, self._axes = viz.new_figure(rows, cols, size)
        self._picture = ipywidgets.HTML()
        super().__init__(self._redraw, **controls)
        self.children = (*self.children[:-1], self._picture, self.out)
        for control in self.children[:-2]:
            control.style.description_width = "10em"
            control.layout.width = "32em"
        self.update()  # the first picture is there before the widget is shown

    def _redraw(self, **values) -> None:
        for ax in self._figure.axes:
            ax.clear()
        with mpl.rc_context(viz.style()):
            self._draw(self._axes, **values)
        self._png = viz.png(self._figure)
        source = base64.b64encode(self._png).decode()
        alt = html.escape(self._alt, quote=True)
        self._picture.value = f'<img alt="{alt}" src="data:image/png;base64,{source}">'

    def _repr_mimebundle_(self, include=None, exclude=None, **kwargs):
        bundle = super()._repr_mimebundle_(include=include, exclude=exclude, **kwargs) or {}
        bundle["image/png"] = base64.b64encode(self._png).decode()
        bundle["text/plain"] = f"{self._alt} (with a kernel: move the sliders)"
        return bundle, {"image/png": {"alt": self._alt}}

    def __repr__(self) -> str:
        return f"explore({self._alt!r})"
