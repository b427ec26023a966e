"""The editions of a notebook: student's, solved, lecturer's, and what checks need of it."""

import ast
import copy
import re
import symtable

import nbformat

from lessons_lib.course.execute import printed
from lessons_lib.course.grading import OPEN, RIGHT, WRONG
from lessons_lib.course.rules import code_cells, tags, tree

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


def needed(nb):
    """A copy with only those cells that the exercises need: they, and what defines their names.

    Going back from the last check, a code cell stays if it sets, or may change, a name that a later
    cell of those that stay reads; one that is no Python stays too. No training, no pictures.
    """
    nb, kept, names = copy.deepcopy(nb), [], set()
    for _, cell in reversed(code_cells(nb)):
        ours = any(tag.split(":")[0] in ("exercise", "check") for tag in tags(cell))
        try:
            sets, reads = names_of(cell.source)
        except SyntaxError:
            sets, reads = names, set()
        if ours or sets & names:
            kept.insert(0, cell)
            names |= reads
    nb.cells = kept
    return nb


def names_of(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell sets or may change in place, and those that it reads."""
    module = tree(re.sub(r"^%%.*\n?", "", source))  # %%time and its like
    table = symtable.symtable(ast.unparse(module), "<cell>", "exec")
    sets = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    reads = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    inner = table.get_children()
    while inner:
        scope = inner.pop()
        reads |= {s.get_name() for s in scope.get_symbols() if s.is_global() and s.is_referenced()}
        inner += scope.get_children()
    for node in ast.walk(module):  # xs.append(x), table[3] = x, net.weight = x, x += 1
        changed = []
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            changed = [node.value.func]
        elif isinstance(node, ast.Assign):
            changed = node.targets
        elif isinstance(node, ast.AugAssign):
            changed = [node.target]
        for part in changed:
            while isinstance(part, ast.Attribute | ast.Subscript):
                part = part.value
                if isinstance(part, ast.Name):
                    sets.add(part.id)
    return sets, reads


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
