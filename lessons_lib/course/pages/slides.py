"""A deck of slides for each notebook, and one for its lecturer, with the answers."""

import ast
import copy
import html
import re
from pathlib import Path
from typing import NamedTuple

import nbformat

from lessons_lib.course import words
from lessons_lib.course.notebooks.editions import lecturers, marked
from lessons_lib.course.notebooks.execute import load
from lessons_lib.course.notebooks.reading import tree
from lessons_lib.course.pages.page import colours, exported
from lessons_lib.course.practice.lessons import title
from lessons_lib.course.practice.written import load_questions
from lessons_lib.files import FileProblem

WIDTH, HEIGHT = 1600, 900  # a slide, in its own pixels; the browser scales it to the screen

# Colours of code, of accessible-pygments, which comes with the book's theme.
COLOURS = "a11y-high-contrast-light"

# The kinds of cell that begin a slide: to the right of the one before, or below it.
ENDS = ("slide", "subslide")

# What tells a reader something, and teaches no formula: its code stays off the slides.
TELLS = {"show", "show_table", "explore", "print", "questions", "cards", "tally"}


class Note(NamedTuple):
    """What the lecturer says beside a slide, and for how many minutes."""

    minutes: float
    say: str


def load_notes(notebook: str) -> dict[str, Note]:
    """The notes of a notebook ("04"): id of the cell that begins a slide -> its note.

    Raises ValueError if it has none; FileProblem for a note that is not minutes and words.
    """
    found = {}
    for id, row in words.load("notes", notebook, dict).items():
        if set(row) != {"minutes", "say"} or not 0 < row["minutes"] <= 60 or not row["say"].strip():
            wanted = "minutes: above 0, at most 60, and say: some words"
            raise FileProblem(f"{row.where}: {id} is {dict(row)}; a note is {wanted}")
        found[id] = Note(row["minutes"], row["say"].strip())
    return found


def kind(cell) -> str:
    """What a cell is in a deck: slide, subslide, fragment, -, notes or skip."""
    return cell.metadata.get("slideshow", {}).get("slide_type", "-")


def prepared(nb, notes: dict[str, Note]):
    """A copy with the cells of a deck, each with what stands before and behind it.

    A slide that begins with no heading shows the last one. Code that only draws or tells is left
    out. Behind the cell that begins a slide stand its notes, with the minutes so far.
    """
    nb = copy.deepcopy(nb)
    nb.cells = notes_first([cell for cell in nb.cells if kind(cell) != "skip"])
    shown, heading, minutes, opened = [], "", 0, []
    for cell in nb.cells:
        heads = re.findall(r"^#+ (.+)$", cell.source, re.M) if cell.cell_type == "markdown" else []
        begin = ""
        if kind(cell) in ENDS:
            if shown:
                shown[-1].metadata["after"] = closed(opened, kind(cell))
            for tag in [each for each in ("slide", "subslide") if each not in opened]:
                opened.append(tag)
                begin += f'<section id="{cell.id}">' if tag == "subslide" else "<section>"
            if "answer" in cell.metadata:
                begin += f"<h3>Answer: <code>{cell.metadata['answer']}</code></h3>"
            elif not cell.source.startswith("#"):
                begin += f'<p class="where">{html.escape(heading)}</p>'
        elif kind(cell) == "fragment":
            shown[-1].metadata["after"] = closed(opened, "fragment")
            opened.append("fragment")
            begin = '<div class="fragment">'
        heading = heads[-1] if heads else heading
        cell.metadata |= {"before": begin, "after": "", "code": teaches(cell)}
        shown.append(cell)
        if begin.startswith("<section") and cell.id in notes:
            minutes += notes[cell.id].minutes
            said = f"**{notes[cell.id].minutes:g} min** (to {minutes:g}). {notes[cell.id].say}"
            shown.append(aside(said, f"lecturer-{cell.id}"))
    shown[-1].metadata["after"] = closed(opened, "slide")
    nb.cells = shown
    return nb


def notes_first(cells: list) -> list:
    """The cells with what only the lecturer sees moved up, behind the cell that begins its slide.

    Inside a fragment it would be shown in place of the slide's own notes.
    """
    found, at = [], 0
    for cell in cells:
        if kind(cell) == "notes":
            found.insert(at, cell)
        else:
            found.append(cell)
        at = at + 1 if kind(cell) == "notes" else len(found) if kind(cell) in ENDS else at
    return found


def closed(opened: list[str], upto: str) -> str:
    """The ends of what is open, inside out, up to a kind of part; they are open no more."""
    ends = ""
    while upto in opened:
        ends += "</div>" if opened.pop() == "fragment" else "</section>"
    return ends


def aside(text: str, id: str):
    """A cell that only the lecturer sees."""
    about = {"slideshow": {"slide_type": "notes"}, "before": "", "after": "", "code": False}
    return nbformat.v4.new_markdown_cell(text, id=id, metadata=about)


def teaches(cell) -> bool:
    """Whether a cell is code that is part of the lesson: it does more than draw, or tell.

    A cell whose slideshow metadata say `"code": false` prepares what it tells: a table of results.
    """
    if cell.cell_type != "code" or not cell.metadata.get("slideshow", {}).get("code", True):
        return False
    if any("image/png" in output.get("data", {}) for output in cell.outputs):
        return False
    calls = [line.value for line in tree(cell.source).body if isinstance(line, ast.Expr)]
    told = [call for call in calls if isinstance(call, ast.Call) and name(call) in TELLS]
    return len(told) < len(tree(cell.source).body)


def name(call: ast.Call) -> str:
    """The name of what is called."""
    return ast.unparse(call.func)


def with_answers(nb, questions=()):
    """The lecturer's copy: behind each slide that asks its answers, each on a slide of its own."""
    nb = lecturers(nb, questions)
    asked, cells, waiting = None, [], []
    answers = {cell.id: name for name, cell in marked(nb, "exercise")}
    for cell in nb.cells:
        if kind(cell) in ENDS:  # what belongs to the slide that asks has been shown
            cells, waiting = cells + waiting, []
        if cell.cell_type == "markdown":
            asked = kind(cell) != "skip"
        elif asked and cell.id in answers:
            cell.metadata["slideshow"] = {"slide_type": "subslide"}
            cell.metadata["answer"] = answers[cell.id]
            waiting.append(cell)
            continue
        cells.append(cell)
    nb.cells = cells + waiting
    return nb


def decks(path: Path) -> tuple[str, str]:
    """A notebook's two pages: the room's deck, and the lecturer's, with answers.

    Their scripts lie beside them, in a folder `assets`.
    Raises ValueError for a notebook without notes or questions, or a file that is no notebook.
    """
    nb, number = load(path), path.name[:2]
    notes, called = load_notes(number), f"{number} {title(path)}"
    ours = with_answers(nb, load_questions(number))
    return (
        deck(prepared(nb, notes), f"{called}: slides"),
        deck(prepared(ours, notes), f"{called}: slides with answers"),
    )


def deck(nb, title: str) -> str:
    """The page that is a notebook's deck."""
    about = {"colours": colours(COLOURS), "assets": "assets", "width": WIDTH, "height": HEIGHT}
    body = exported(nb, "deck", title, about)
    return re.sub(r'<a href="#[^"]*">(.*?)</a>', r"\1", body)  # a section may be on no slide
