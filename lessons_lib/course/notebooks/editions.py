"""The editions of a notebook: reader's, solved, lecturer's; and what its checks need and said."""

import ast
import contextlib
import copy
import re

import nbformat

from lessons_lib.course.exercises import bank
from lessons_lib.course.notebooks.execute import printed, tags
from lessons_lib.course.notebooks.names import feeding, names_of, rebound
from lessons_lib.course.notebooks.reading import code_cells, tree, values
from lessons_lib.course.say import OPEN, RIGHT, WRONG

STRICT = {"LESSONS_STRICT": "1"}  # under which a check that is not passed raises


def marked(nb, kind: str) -> list[tuple[str, dict]]:
    """(exercise id, cell) for each cell tagged `kind:<id>`, where kind is exercise or check."""
    pairs = [(tag, cell) for cell in nb.cells for tag in tags(cell)]
    return [(tag.split(":", 1)[1], cell) for tag, cell in pairs if tag.startswith(f"{kind}:")]


def solved(nb):
    """A copy of a student's notebook with each exercise's own answer in its stub.

    Raises whatever `find` raises when an exercise's id is not known.
    """
    nb = copy.deepcopy(nb)
    for name, cell in marked(nb, "exercise"):
        cell.source = bank.find(name).solution()
    return nb


def readers(nb):
    """A copy for the reader, in which no output answers a question above it.

    Below a guess or a calculation by hand there is none to the section's end, nor later where a
    number that was asked for is printed. Elsewhere outputs stay, so that it can be read at once.
    """
    nb, hidden, numbers = copy.deepcopy(nb), False, []
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            hidden = asks(cell) or (hidden and not re.search(r"^#+ ", cell.source, re.M))
        elif cell.cell_type == "code":
            hidden = hidden or asks(cell)
            numbers += asked_for(cell)
            shown = [x for output in cell.outputs for x in values(printed(output))]
            if hidden or any(abs(x - abs(y)) <= slack for x in shown for y, slack in numbers):
                cell.outputs, cell.execution_count = [], None
    return nb


def asked_for(cell) -> list[tuple[float, float]]:
    """(number, tolerance) for each that a cell asks for by hand; small integers are everywhere."""
    found = []
    for tag in tags(cell):
        with contextlib.suppress(ValueError):  # an exercise that nobody knows
            task = bank.find(tag.removeprefix("exercise:")) if tag.startswith("exercise:") else None
            answer = task.answer if isinstance(task, bank.OnPaper) else ()
            parts = answer if isinstance(answer, tuple | list) else (answer,)
            parts = [float(part) for part in parts if isinstance(part, int | float)]
            found += [(p, task.tolerance + 1e-9) for p in parts if p % 1 or abs(p) >= 10]
    return found


def asks(cell) -> bool:
    """Whether a cell asks for something that outputs below would tell: a guess, or a number."""
    if cell.cell_type == "markdown":
        return bool(re.search(r"before you run|\bpredict (its|the|each)\b", cell.source, re.I))
    lines = tree(cell.source).body if any(t.startswith("exercise:") for t in tags(cell)) else []
    values = [line.value for line in lines if isinstance(line, ast.Assign)]
    return any(isinstance(value, ast.Constant) and value.value is ... for value in values)


def lecturers(nb, questions=()):
    """The solved edition with every answer unfolded, and what an answer in words must mention.

    questions: the notebook's, as `load_questions` gives them; their answers and points stand in a
    cell of their own, behind the cell that asks them.
    """
    nb = solved(nb)
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace("<details>", "<details open>")
    asks = [i for i, cell in code_cells(nb) if cell.source.startswith("questions(")]
    if questions and asks:
        lines = [
            f"{k}. {row['answer']} *It must mention:* {'; '.join(row['must'])}."
            for k, row in enumerate(questions, 1)
        ]
        slide, text = {"slideshow": {"slide_type": "notes"}}, "\n".join(lines)
        points = nbformat.v4.new_markdown_cell(text, id="must-mention", metadata=slide)
        nb.cells.insert(asks[0], points)  # cells are counted from 1
    return nb


def answering(nb):
    """A copy with that code only on which an answer bears; the rest runs in each edition alike.

    Stubs and checks, each cell that reads what an answer set, and whatever these need.
    """
    nb, wanted, answers = copy.deepcopy(nb), [], set()
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    for cell in cells:
        sets, reads = names_of(cell.source)
        if answers & reads or any(tag.startswith(("exercise:", "check:")) for tag in tags(cell)):
            wanted.append(cell.source)
            answers |= sets
            answers -= rebound(cell.source) - rebound(cell.source, imports=False)
        else:
            answers -= rebound(cell.source)
    kept = feeding([cell.source for cell in cells], set(), wanted)
    nb.cells = [cell for cell in cells if cell.source in kept]
    return nb


def results(nb) -> list[tuple[str, str, str]]:
    """(exercise id, ✓ ✗ or ○, what was said) for each check of an executed notebook."""
    found, stubs = [], dict(marked(nb, "exercise"))
    for name, cell in marked(nb, "check"):
        text = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(printed(o) for o in cell.outputs))
        said = [line.strip() for line in text.splitlines()]
        lines = [line for line in said if line[:1] in (RIGHT, WRONG, OPEN)]
        if lines:
            found.append((name, lines[0][0], lines[0][1:].strip().removeprefix(f"{name}: ")))
        else:
            told = [*stubs.get(name, cell).get("outputs", []), *cell.outputs]
            errors = [f"{o.ename}: {o.evalue}" for o in told if o.output_type == "error"]
            found.append((name, WRONG, errors[0] if errors else "the check printed nothing"))
    return found
