"""How the course speaks: one plain line, or a card with a coloured edge where a notebook shows it.

Under LESSONS_PLAIN=1, and outside a notebook, everything is printed. What is committed with a
notebook must be the same each time and hold no widget. Nothing here knows a button: whoever speaks
says what may be offered, and whoever makes buttons is handed it.
"""

import html
import os
import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote

OPEN, WRONG, RIGHT = "○", "✗", "✓"
EDGES = {OPEN: "--jp-warn-color1", WRONG: "--jp-error-color1", RIGHT: "--jp-success-color1"}


class Card(NamedTuple):
    """What is said about one exercise: a symbol, its head in words, a sentence, more, and code."""

    symbol: str
    id: str
    head: str
    message: str = ""
    more: str = ""
    code: str = ""

    def text(self) -> str:
        """One plain line, and the code below it."""
        line = f"{self.symbol} {self.id}: {self.message or self.head}"
        return f"{line}\n{self.code}" if self.code else line

    def html(self) -> str:
        """A card; only its edge is coloured, since symbol and words say the same."""
        edge, said = EDGES.get(self.symbol, "--jp-border-color1"), self.message
        return (
            f'<div role="status" style="border-left:4px solid var({edge}, gray);'
            'padding:.2em .8em;margin:.2em 0">'
            f"<b>{self.symbol} {html.escape(self.head)}</b> · <code>{html.escape(self.id)}</code>"
            + (f"<br>{linked(marked_up(said))}" if said and said != self.head else "")
            + (f"<br><small>{marked_up(self.more)}</small>" if self.more else "")
            + (f'<pre style="margin:.4em 0 0">{html.escape(self.code)}</pre>' if self.code else "")
            + "</div>"
        )


class Offers(NamedTuple):
    """What a reader is offered below a card, where there can be buttons.

    hint, again    one more hint; the check's own cell once more
    answer, sure   an answer, after asking; it has been asked for already: one press shows it
    numbers, box   the exercise with other numbers, if it has them; a box for what is asked above
    """

    hint: bool = False
    answer: bool = False
    sure: bool = False
    numbers: bool = False
    again: bool = False
    box: bool = False


TRY = Offers(hint=True, answer=True, numbers=True, again=True)  # below ○ and ✗
DONE = Offers(numbers=True)  # below ✓
below: Callable[[Card, Offers], None] | None = None  # shows a card and its buttons; course/__init__


def committed() -> bool:
    """Whether outputs must be the same each time, because they are committed."""
    return os.environ.get("LESSONS_PLAIN") == "1"


def plain() -> bool:
    """Whether to print only: for committed outputs, and where no notebook renders HTML."""
    return committed() or not in_notebook()


def in_notebook() -> bool:
    """Whether this runs in a notebook's kernel."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return type(get_ipython()).__name__ == "ZMQInteractiveShell"


def put(text: str, rich: str):
    """Print the text; in a notebook show the HTML, and give a handle with which it can change."""
    if plain():
        print(text)
        return None
    from IPython.display import display

    return display({"text/plain": text, "text/html": rich}, raw=True, display_id=True)


def tell(said: Card, offers: Offers | None = None) -> None:
    """Say it; in a notebook with buttons below for what is offered."""
    if plain() or offers is None or below is None:
        put(said.text(), said.html())
    else:
        below(said, offers)


def marked_up(text: str) -> str:
    """Escape for HTML, and set `code`, **bold** and *stressed* words as what they are."""

    def tag(found) -> str:
        name = ("code", "b", "em")[found.lastindex - 1]
        return f"<{name}>{found[found.lastindex]}</{name}>"

    marks = r"`([^`]+)`|\*\*(\S[^*]*)\*\*|(?<![\w*])\*([^\s*][^*]*)\*(?!\w)"
    return re.sub(marks, tag, html.escape(text))


def linked(text: str) -> str:
    """Make “a section” after "read again", in HTML, a link to that section of the notebook."""
    wanted = r"([Rr]ead again:? )“([^”]+)”"
    return re.sub(wanted, lambda found: found[1] + anchor(html.unescape(found[2])), text)


def anchor(section: str, words: str = "") -> str:
    """A link, in HTML, to a section of the notebook in which it is shown.

    A heading's address is its words with a hyphen for each blank. JupyterLab does not find one with
    letters that a browser encodes, as β: such a section is quoted. In a widget it makes a link look
    like any other word, but for the line below it.
    """
    said, place = html.escape(words or section), section.replace(" ", "-")
    if quote(place, safe="!#$%&'()*+,/:;=?@[]^{|}~") != place:
        return said if words else f"“{said}”"
    return f'<a href="#{html.escape(place)}" style="text-decoration:underline">{said}</a>'
