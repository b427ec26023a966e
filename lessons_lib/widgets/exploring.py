"""Sliders around a drawing function."""

from collections.abc import Callable

import ipywidgets

from lessons_lib.widgets.pictured import Pictured


class explore(Pictured, ipywidgets.interactive):
    """Redraw one picture while a reader moves sliders: explore(draw, "what it shows", t=(0, 1)).

    draw(ax, **values) draws into an ax (an array of axes for rows, cols > 1) that is cleared
    between calls; keywords are ipywidgets' abbreviations or widgets.
    """

    def __init__(self, draw: Callable, alt: str, rows=1, cols=1, size=None, **controls):
        self._open(alt, rows, cols, size)

        def moved(**values):
            values = dict(zip(values, map(value_of, self.kwargs_widgets), strict=True))
            self._redraw(lambda axes: draw(axes, **values))

        super().__init__(moved, **controls)
        self.children = (*self.children[:-1], self.picture, self.out)
        for control in self.children[:-2]:
            control.style.description_width = "10em"
            control.layout.width = "32em"
            control.layout.max_width = "98%"  # of a narrow window
        self.update()  # the first picture is there before the widget is shown


def value_of(control):
    """A control's value; a slider's is a number on its scale, as one would write it.

    A browser adds steps up in floats, 4.500000000000001 for 4.5, and a reader may type any number.
    """
    value = control.get_interact_value()
    if not isinstance(control, ipywidgets.FloatSlider | ipywidgets.IntSlider):
        return value
    if value < control.max:  # the end may lie off the scale
        steps = round((value - control.min) / control.step)
        value = min(control.min + steps * control.step, control.max)
    return round(value, 9)
