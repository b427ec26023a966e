"""Asking for one number at a time: a box, a picture that moves on, and what a tutor says."""

import base64
import html
import math
from typing import NamedTuple

import ipywidgets

from lessons_lib.course.practice.anew import written
from lessons_lib.widgets import Pictured

EXACT = 0.0006  # a value rounded to three decimals


class Blank(NamedTuple):
    """A number to fill in: name, value, the slack of rounding, known mistakes, and two hints."""

    name: str
    value: float
    slack: float
    mistakes: list[tuple[float, str]]
    hints: tuple[str, str]


def judge(blank: Blank, text: str) -> tuple[float | None, str]:
    """The number if it is right (else None), and a sentence about it."""
    try:
        given = float(text.strip().replace("−", "-")) + 0.0
    except ValueError:
        return None, f"“{text}” is not a number; write it like 2.09"
    if not math.isfinite(given):
        return None, f"“{text}” is not a finite number"
    if abs(given - blank.value) <= EXACT:
        return given, f"✓ {blank.name} = {written(given)}"
    for value, hint in blank.mistakes:
        if abs(given - value) <= EXACT:
            return None, f"✗ {written(given)}: {hint}"
    if abs(given - blank.value) <= blank.slack:
        return given, f"✓ {blank.name} = {written(given)} (rounded on the way)"
    said = f"✗ {written(given)} is not {blank.name}."
    return None, f"{said} Write the formula down first, then put in."


def put_in(number: float) -> str:
    """A number in a formula, to three decimals, in brackets where it has a minus."""
    text = written(round(number, 3))
    return f"({text})" if text.startswith("−") else text


def apart(mistakes, right: float) -> list[tuple[float, str]]:
    """The mistakes that do not happen to give the right number."""
    return [m for m in mistakes if abs(m[0] - right) > 2 * EXACT]


class Asking(Pictured, ipywidgets.VBox):
    """A picture, a question, a box for the number, a hint, a way out, and what a tutor says.

    Subclasses give `draw(axes)`, `blank()` (None when all is done), `accept(number)`, `done()`,
    and `unfilled()`, the same task at its start. Where no kernel runs, the finished one is shown.
    """

    def __init__(self, alt: str, rows: int, cols: int, size, extra=()):
        self._open(alt, rows, cols, size)
        self._figure.get_layout_engine().set(w_pad=0.25)  # inches: later ticks may be longer
        self.entry = ipywidgets.Text(continuous_update=False, placeholder="a number, then Enter")
        self.button = ipywidgets.Button(description="Check")
        self.hint = ipywidgets.Button(description="Hint")
        self.skip = ipywidgets.Button(description="Show this number")
        for each in (self.button, self.hint, self.skip):
            each.layout.width = "auto"  # also with the sign that no kernel runs
        self._hinted = 0  # hints that were given for this number
        self.prompt, self.message = ipywidgets.HTML(), ipywidgets.HTML()
        self.entry.observe(self._entered, "value")
        self.button.on_click(lambda _: self._entered({"new": self.entry.value}))
        self.hint.on_click(lambda _: self._nudge())
        self.skip.on_click(lambda _: self._shown_one())
        line = ipywidgets.HBox([self.prompt, self.entry, self.button, self.hint, self.skip])
        line.layout.flex_flow = "row wrap"
        super().__init__([self.picture, line, self.message, *extra])
        self.refresh("")

    def _entered(self, change) -> None:
        blank = self.blank()
        if blank is None or not change["new"].strip():
            return
        number, said = judge(blank, change["new"])
        if number is not None:
            self._take(number)
        self.refresh(said)

    def _take(self, number: float) -> None:
        self.accept(number)
        self.entry.value, self._hinted = "", 0

    def _nudge(self) -> None:
        """The line first, then the line with its numbers."""
        if blank := self.blank():
            self._hinted = min(self._hinted + 1, 2)
            self._say(f"? {blank.hints[self._hinted - 1]}")

    def _shown_one(self) -> None:
        """Fill in the number that is asked, and say where it comes from."""
        if blank := self.blank():
            number = round(blank.value, 3) + 0.0
            self._take(number)
            self.refresh(f"= {blank.name} = {blank.hints[1]} = {written(number)}")

    def _say(self, said: str) -> None:
        self.message.value = f'<div role="status">{html.escape(said)}</div>'

    def refresh(self, said: str) -> None:
        """Draw the picture anew and ask for the next number."""
        blank = self.blank()
        ask = self.done() if blank is None else f"Your number for <b>{blank.name}</b>:"
        self.prompt.value = ask
        for each in (self.entry, self.button, self.hint, self.skip):
            each.disabled = blank is None
        self._say(said)
        self._redraw(self.draw)

    def _repr_mimebundle_(self, **kwargs):
        bundle, metadata = super()._repr_mimebundle_(**kwargs)
        still = self.unfilled()
        while (blank := still.blank()) is not None:
            still.accept(blank.value)
        still.refresh("")
        bundle["image/png"] = base64.b64encode(still._png).decode()
        return bundle, metadata


def tabled(ax, head, rows, widths, scale) -> None:
    """A table in the place of a plot."""
    ax.set_axis_off()
    drawn = ax.table(rows, colLabels=head, colWidths=widths, loc="center", cellLoc="center")
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(11)
    drawn.scale(*scale)
