"""A box for each written answer, the model answer beside it, and how it went: ipywidgets, thin."""

import html

import ipywidgets

from lessons_lib.course.practice.memory import history, record
from lessons_lib.course.say import marked_up

RATINGS = ("again", "nearly", "got it")


class Worded(ipywidgets.VBox):
    """A box of widgets that leaves a sentence where no widget can be shown."""

    words = ""

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs) or {}
        rich = f"<small>{marked_up(self.words)}</small>"
        return bundle | {"text/plain": self.words, "text/html": rich}


def button(words: str, act) -> ipywidgets.Button:
    """A button that does something."""
    made = ipywidgets.Button(description=words)
    made.layout.width, made.layout.align_self = "auto", "flex-start"
    made.on_click(lambda _: act())
    return made


class Form(Worded):
    """A notebook's questions, one below the other."""

    def __init__(self, notebook: str, rows: list[dict]):
        asked = [f"{i}. {row['question']}" for i, row in enumerate(rows, 1)]
        self.words = "\n".join(asked)
        ids = [f"{notebook}.question.{i}" for i, _ in enumerate(rows, 1)]
        super().__init__([Question(*three) for three in zip(ids, asked, rows, strict=True)])


class Question(ipywidgets.VBox):
    """One question: a box for the answer, then the model answer below it, and how it went."""

    def __init__(self, id: str, question: str, row: dict):
        self._id, self._row = id, row
        past = history().get(id, [])
        self._before = past[-1].note if past else None
        last = f" <small>(last time: {past[-1].outcome})</small>" if past else ""
        self.answer = ipywidgets.Textarea(placeholder="Two sentences, in your own words", rows=3)
        self.answer.layout.width = "40em"
        self.below = ipywidgets.VBox()
        self.compare = button("Compare", self._set_beside)
        asked = ipywidgets.HTMLMath(f"<b>{marked_up(question)}</b>{last}")
        super().__init__([asked, self.answer, self.compare, self.below])
        self.layout.margin = "0 0 1em 0"

    def _set_beside(self) -> None:
        rate = lambda rating: button(rating.capitalize(), lambda: self._rated(rating))
        self.said = ipywidgets.HTML("How was yours?")
        line = ipywidgets.HBox([self.said, *(rate(rating) for rating in RATINGS)])
        self.below.children = [ipywidgets.HTMLMath(compared(self._row, self._before)), line]

    def _rated(self, rating: str) -> None:
        kept = record(self._id, rating, self.answer.value.strip() or None)
        noted = "Noted" if kept else "Not kept"
        self.said.value = f'<span role="status">{noted}: {rating}.</span>'


def compared(row: dict, before: str | None) -> str:
    """The model answer, what must be in it, and what was written the last time, as HTML."""
    points = "".join(f"<li>{marked_up(point)}</li>" for point in row["must"])
    last = f"<p><small>Last time you wrote: {html.escape(before)}</small></p>" if before else ""
    return (
        f'<div role="status"><p><b>A model answer.</b> {marked_up(row["answer"])}</p>'
        f"<p>Yours is complete if it says:</p><ul>{points}</ul>{last}</div>"
    )
