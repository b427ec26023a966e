"""Buttons under a check and a box for new numbers: ipywidgets, thin.

A card is an output of its own, so that a notebook opened without a kernel still shows it; the
widget stands below it, and where no widget can be shown its words stand instead.
"""

import re
from contextvars import ContextVar

import ipywidgets

from lessons_lib.course import say
from lessons_lib.course.checking.attempt import attempt, card, exercise, given
from lessons_lib.course.checking.grading import BORROWED, Result
from lessons_lib.course.checking.hints import next_hint, solution
from lessons_lib.course.practice.anew import has_new_numbers, pick
from lessons_lib.course.practice.form import Worded, button
from lessons_lib.course.practice.memory import record
from lessons_lib.course.say import RIGHT, TRY, WRONG, Card, Offers

SAME = "The same answer as the last time: run its own cell first, if you have changed it there."
_running: ContextVar["Buttons | None"] = ContextVar("row", default=None)  # whose "Again" runs


def show_with_buttons(said: Card, offers: Offers) -> None:
    """Show a card, and below it the buttons for what is offered."""
    row = _running.get()
    if row and row.id == said.id:
        row.refill(said, offers)
        return
    handle = say.put(said.text(), said.html())
    from IPython.display import display as shown

    if offers.box:
        shown(NewNumbers(said.id, asked=True))
    elif (row := Buttons(handle, said.id, offers)).first.children:
        shown(row)


class Helped(Worded):
    """Hint and Show an answer, and below them what they said, for one exercise and its numbers."""

    LOOKS = {  # of the button for an answer: its words and its colour
        "closed": ("Show an answer", ""),
        "asking": ("Sure? Show it", "warning"),
        "open": ("Shown", "warning"),
    }

    def __init__(self, id: str):
        self.id = id
        self.first, self.below = ipywidgets.HBox(), ipywidgets.VBox()
        self.first.layout.flex_flow = "row wrap"
        super().__init__()

    def _help(self, offers: Offers) -> list[ipywidgets.Button]:
        made = []
        if offers.hint:
            made += [button("Hint", self._hint)]
        if offers.answer:
            self._answer = button("", self._ask)
            self._turn("asking" if offers.sure else "closed")
            made += [self._answer]
        return made

    def _turn(self, state: str) -> None:
        self._state = state
        self._answer.description, self._answer.button_style = self.LOOKS[state]
        self._answer.disabled = state == "open"

    def _add(self, widget) -> None:
        self.below.children = (*self.below.children, widget)

    def _hint(self) -> None:
        if self._state == "asking":  # second thoughts
            self._turn("closed")
        said = next_hint(self.id)
        shown = [child.value for child in self.below.children if hasattr(child, "value")]
        if said.html() not in shown:  # the last one, once more
            self._add(ipywidgets.HTMLMath(said.html()))

    def _ask(self) -> None:
        """The first press asks, the second one shows."""
        if self._state == "closed":
            self._turn("asking")
            return
        record(self.id, "revealed")
        self._turn("open")
        self._add(ipywidgets.HTML(solution(self.id).html()))


class Buttons(Helped):
    """Hint, Show an answer, New numbers, Again: what a check offers, and what they said."""

    def __init__(self, handle, id: str, offers: Offers):
        from IPython import get_ipython

        super().__init__(id)
        self._shell, self._handle, self._before = get_ipython(), handle, None
        self._cell = self._shell.user_ns.get("In", [""])[-1]  # the cell with this check
        self.words = f"`hint({id!r})` gives a nudge, `reveal({id!r})` an answer."
        self.children = [self.first, self.below]
        self._offer(offers)

    def _offer(self, offers: Offers) -> None:
        """Put the buttons for what is offered, as far as it can be done here, in a row."""
        help, self._more = self._help(offers), []
        if offers.numbers and has_new_numbers(self.id.partition("#")[0]):
            self._more += [button("New numbers", self._new)]
        if offers.again and self._cell:
            self._more += [button("Again", self._again)]
        self.first.children = help + self._more

    def refill(self, said: Card, offers: Offers) -> None:
        """Put a new result where the old one stood; hints that were given stay."""
        same = given.get(self.id) is self._before is not None and said.message != BORROWED
        if same and said.symbol != RIGHT:
            said = said._replace(more=SAME)
        self._handle.update({"text/plain": said.text(), "text/html": said.html()}, raw=True)
        self._offer(offers)

    def _new(self) -> None:
        """Ask with other numbers, and leave the help to them: one Hint, of what is asked now."""
        self.below.children = [c for c in self.below.children if not isinstance(c, NewNumbers)]
        self._add(NewNumbers(f"{self.id.partition('#')[0]}#{pick()}"))
        self.first.children = self._more

    def _again(self) -> None:
        """Run the cell with the check once more, in place; its imports belong to it.

        One of them may have put the library's function in the place of the answer: the answer that
        was checked last goes back there first.
        """
        names, name = self._shell.user_ns, exercise(self.id).name
        self._before = given.get(self.id)
        if self._before is not None and is_librarys(names.get(name)):
            names[name] = self._before
        mine = _running.set(self)
        try:
            done = self._shell.run_cell(self._cell, store_history=False)
        finally:
            _running.reset(mine)
        if done.error_in_exec or done.error_before_exec:
            problem = done.error_in_exec or done.error_before_exec
            self._before = None
            said = f"this cell stops with {problem!r}: run the notebook from its first cell"
            self.refill(card(self.id, Result(WRONG, said)), TRY)


def is_librarys(thing) -> bool:
    """Whether something is defined in this library, and not in the notebook."""
    return str(getattr(thing, "__module__", "")).startswith("lessons_lib.")


class NewNumbers(Helped):
    """An exercise with new numbers, unless they stand above, a box for the answer, and help."""

    def __init__(self, id: str, asked: bool = False):
        super().__init__(id)
        self.words = f"`check({id!r}, your answer)` checks it, `hint({id!r})` gives a nudge."
        task = Card("#", id, "new numbers", exercise(id).ask).html()
        self.entry = ipywidgets.Text(continuous_update=False, placeholder="numbers, then Enter")
        self.message, self._judged = ipywidgets.HTMLMath(), ""
        self.entry.observe(lambda change: self._entered(change["new"]), "value")
        pressed = button("Check", lambda: self._entered(self.entry.value))
        line = ipywidgets.HBox([self.entry, pressed])
        above = [] if asked else [ipywidgets.HTMLMath(task)]
        self.first.children = self._help(Offers(hint=True, answer=True))
        self.children = [*above, line, self.message, self.first, self.below]

    def _entered(self, text: str) -> None:
        """Judge it once: whoever goes from the box to Check leaves the box first, and presses."""
        if text.strip() and text != self._judged:
            self._judged = text
            self.message.value = card(self.id, attempt(self.id, numbers(text))).html()


def numbers(text: str):
    """The numbers in "(2.09, −1)", as a tuple, or as a number where there is only one."""
    found = re.findall(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?", text.replace("−", "-"))
    values = tuple(map(float, found))
    return values[0] if len(values) == 1 else values
