"""The editions of a notebook: the student's, with stubs, and the solved one, with answers."""

import copy
import re

from lessons_lib.course.execute import printed
from lessons_lib.course.grading import OPEN, RIGHT, WRONG
from lessons_lib.course.rules import tags

STRICT = {"LESSONS_STRICT": "1"}  # under which a check that is not passed raises


def marked(nb, kind: str) -> list[tuple[str, dict]]:
    """(exercise id, cell) for each cell tagged `kind:<id>`, where kind is exercise or check."""
    pairs = [(tag, cell) for cell in nb.cells for tag in tags(cell)]
    return [(tag.split(":", 1)[1], cell) for tag, cell in pairs if tag.startswith(f"{kind}:")]


def solved(nb):
    """A copy of a student's notebook with each exercise's own answer in its stub.

    Raises whatever `find` raises when an exercise's id is not known.
    """
    from lessons_lib.course.exercises import find  # slow to import, and only needed here

    nb = copy.deepcopy(nb)
    for name, cell in marked(nb, "exercise"):
        cell.source = find(name).solution()
    return nb


def results(nb) -> list[tuple[str, str, str]]:
    """(exercise id, ✓ ✗ or ○, what was said) for each check of an executed notebook."""
    found = []
    for name, cell in marked(nb, "check"):
        text = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(printed(o) for o in cell.outputs))
        said = [line.strip() for line in text.splitlines()]
        lines = [line for line in said if line[:1] in (RIGHT, WRONG, OPEN)]
        if lines:
            found.append((name, lines[0][0], lines[0][1:].strip().removeprefix(f"{name}: ")))
        else:
            errors = [f"{o.ename}: {o.evalue}" for o in cell.outputs if o.output_type == "error"]
            found.append((name, WRONG, errors[0] if errors else "the check printed nothing"))
    return found
