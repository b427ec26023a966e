"""Buttons under a check, a box for new numbers, a box for a written answer: ipywidgets, thin.

A card is an output of its own, so that a notebook opened without a kernel still shows it; the
widget stands below it, and where no widget can be shown its words stand instead.
"""

import re

import ipywidgets

from lessons_lib.course import say
from lessons_lib.course.checking.attempt import card, exercise, given, judged
from lessons_lib.course.checking.grading import BORROWED, Result
from lessons_lib.course.checking.hints import next_hint, solution
from lessons_lib.course.practice.memory import history, record
from lessons_lib.course.practice.new_numbers import has_new_numbers, pick
from lessons_lib.course.say import OPEN, WRONG, Card, marked_up

SAME = "The same answer as the last time: run its own cell first, if you have changed it there."
_refilled: dict[str, "Buttons"] = {}  # id -> the row whose "Again" is running its cell


class Worded(ipywidgets.VBox):
    """A box of widgets that leaves a sentence where no widget can be shown."""

    words = ""

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs) or {}
        rich = f"<small>{marked_up(self.words)}</small>"
        return bundle | {"text/plain": self.words, "text/html": rich}


def button(words: str, act, style: str = "") -> ipywidgets.Button:
    """A button that does something."""
    made = ipywidgets.Button(description=words, button_style=style)
    made.layout.width, made.layout.align_self = "auto", "flex-start"
    made.on_click(lambda _: act())
    return made


def show_with_buttons(said: Card, symbol: str) -> None:
    """Show a card, and below it the buttons that belong there."""
    if row := _refilled.get(said.id):
        row.refill(said, symbol)
        return
    handle = say.put(said.text(), said.html())
    from IPython.display import display as shown

    if symbol == "#":
        shown(Practice(said.id, asked=True))
    elif (row := Buttons(handle, said.id, symbol)).first.children:
        shown(row)


class Helped(Worded):
    """Hint and Show an answer, and below them what they said, for one exercise and its numbers."""

    def __init__(self, id: str):
        self._id = id
        self.first, self.below = ipywidgets.HBox(), ipywidgets.VBox()
        self.first.layout.flex_flow = "row wrap"
        super().__init__()

    def _help(self) -> list[ipywidgets.Button]:
        self._answer = button("Show an answer", self._ask)
        return [button("Hint", self._hint), self._answer]

    def _add(self, widget) -> None:
        self.below.children = (*self.below.children, widget)

    def _hint(self) -> None:
        if not self._answer.disabled:
            self._answer.description, self._answer.button_style = "Show an answer", ""
        said = next_hint(self._id)
        shown = [child.value for child in self.below.children if hasattr(child, "value")]
        if said.html() not in shown:  # the last one, once more
            self._add(ipywidgets.HTMLMath(said.html()))

    def _ask(self) -> None:
        """The first press asks, the second one shows."""
        if self._answer.button_style:
            record(self._id, "revealed")
            self._answer.description, self._answer.disabled = "Shown", True
            self._add(ipywidgets.HTML(solution(self._id).html()))
        else:
            self._answer.description, self._answer.button_style = "Sure? Show it", "warning"


class Buttons(Helped):
    """Hint, Show an answer, New numbers, Again: what a check offers, and what they said."""

    def __init__(self, handle, id: str, symbol: str):
        from IPython import get_ipython

        super().__init__(id)
        self._shell, self._handle, self._before = get_ipython(), handle, None
        self._cell = self._shell.user_ns.get("In", [""])[-1]  # the cell with this check
        self.words = f"`hint({id!r})` gives a nudge, `reveal({id!r})` an answer."
        self.children = [self.first, self.below]
        self._offer(symbol)

    def _offer(self, symbol: str) -> None:
        """The buttons for ○ and ✗ (all), ✓ (only practice) and = (the answer, after asking)."""
        offers = self._help() if symbol in (OPEN, WRONG) else []
        if symbol == "=":
            offers = self._help()[1:]
            self._ask()
        self._more = []
        if has_new_numbers(self._id.partition("#")[0]) and symbol != "=":
            self._more += [button("New numbers", self._new)]
        if symbol in (OPEN, WRONG) and self._cell:
            self._more += [button("Again", self._again)]
        self.first.children = offers + self._more

    def refill(self, said: Card, symbol: str) -> None:
        """Put a new result where the old one stood; hints that were given stay."""
        same = given.get(self._id) is self._before is not None and said.message != BORROWED
        if same and symbol in (OPEN, WRONG):
            said = said._replace(more=SAME)
        self._handle.update({"text/plain": said.text(), "text/html": said.html()}, raw=True)
        self._offer(symbol)

    def _new(self) -> None:
        """Ask with other numbers, and leave the help to them: one Hint, of what is asked now."""
        self.below.children = [c for c in self.below.children if not isinstance(c, Practice)]
        self._add(Practice(f"{self._id.partition('#')[0]}#{pick()}"))
        self.first.children = self._more

    def _again(self) -> None:
        """Run the cell with the check once more, in place; its imports belong to it.

        One of them may have put the library's function in the place of the answer: the answer that
        was checked last goes back there first.
        """
        names, name = self._shell.user_ns, exercise(self._id).name
        self._before = given.get(self._id)
        if self._before is not None and is_librarys(names.get(name)):
            names[name] = self._before
        _refilled[self._id] = self
        try:
            done = self._shell.run_cell(self._cell, store_history=False)
        finally:
            del _refilled[self._id]
        if done.error_in_exec or done.error_before_exec:
            problem = done.error_in_exec or done.error_before_exec
            self._before = None
            said = f"this cell stops with {problem!r}: run the notebook from its first cell"
            self.refill(card(self._id, Result(WRONG, said)), WRONG)


def is_librarys(thing) -> bool:
    """Whether something is defined in this library, and not in the notebook."""
    return str(getattr(thing, "__module__", "")).startswith("lessons_lib.")


class Practice(Helped):
    """An exercise with new numbers, unless they stand above, a box for the answer, and help."""

    def __init__(self, id: str, asked: bool = False):
        super().__init__(id)
        self.words = f"`check({id!r}, your answer)` checks it, `hint({id!r})` gives a nudge."
        task = Card("#", id, "new numbers", exercise(id).ask).html()
        self.entry = ipywidgets.Text(continuous_update=False, placeholder="numbers, then Enter")
        self.message = ipywidgets.HTMLMath()
        self.entry.observe(lambda change: self._entered(change["new"]), "value")
        pressed = button("Check", lambda: self._entered(self.entry.value))
        line = ipywidgets.HBox([self.entry, pressed])
        above = [] if asked else [ipywidgets.HTMLMath(task)]
        self.first.children = self._help()
        self.children = [*above, line, self.message, self.first, self.below]

    def _entered(self, text: str) -> None:
        if text.strip():
            self.message.value = card(self._id, judged(self._id, numbers(text))).html()


def numbers(text: str):
    """The numbers in "(2.09, −1)", as a tuple, or as a number where there is only one."""
    found = re.findall(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?", text.replace("−", "-"))
    values = tuple(map(float, found))
    return values[0] if len(values) == 1 else values


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
        from lessons_lib.course.practice.written import RATINGS, compared

        rate = lambda rating: button(rating.capitalize(), lambda: self._rated(rating))
        self.said = ipywidgets.HTML("How was yours?")
        line = ipywidgets.HBox([self.said, *(rate(rating) for rating in RATINGS)])
        self.below.children = [ipywidgets.HTMLMath(compared(self._row, self._before)), line]

    def _rated(self, rating: str) -> None:
        kept = record(self._id, rating, self.answer.value.strip() or None)
        noted = "Noted" if kept else "Not kept"
        self.said.value = f'<span role="status">{noted}: {rating}.</span>'
