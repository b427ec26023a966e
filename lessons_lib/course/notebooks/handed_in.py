"""What was handed in: which notebook of the course it is, its answers, and the cells they need."""

import ast
import builtins
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from lessons_lib.course.notebooks.editions import marked
from lessons_lib.course.notebooks.execute import tags
from lessons_lib.course.notebooks.names import bound, feeding, reads
from lessons_lib.course.notebooks.reading import code_cells, tree


class Task(NamedTuple):
    """One exercise: the cells to run, and the expression that its check is given."""

    id: str
    cells: list[str]
    answer: str


class NotRun(Exception):
    """Why an exercise was not reached."""


def original(path: Path, nb, course: list[Path], load) -> Path | None:
    """Which of the course's notebooks a file is: by its name, by its cells, by its number.

    load: reads one of the course's. None where it is none of them.
    """
    if same := [p for p in course if p.stem == path.stem]:
        return same[0]
    mine = known_by(nb)
    shared = {p: len(mine & known_by(load(p))) for p in course}
    best = max(shared, key=shared.get, default=None)
    if best and shared[best] > len(mine) / 2:  # a few, such as `begin`, are in every notebook
        return best
    number = path.stem[:2]
    return next((p for p in course if number.isdecimal() and p.stem.startswith(number)), None)


def known_by(nb) -> set[str]:
    """What a notebook's cells are known by: their ids, and the exercises in them."""
    return {c.id for c in nb.cells if c.get("id")} | {id for id, _ in marked(nb, "exercise")}


def task(id: str, shipped, submitted) -> Task:
    """What to run for one exercise: the course's cells, the submitted answers in their places.

    Helpers that the student wrote in other cells come before the answer. Raises NotRun where the
    submitted notebook has no cell for this exercise.
    """
    before, handed_in = [], dict(found(shipped, submitted))
    for _, cell in code_cells(shipped):
        if f"check:{id}" in tags(cell):
            answer = checked(cell.source)
            break
        answers = [handed_in.get(t.removeprefix("exercise:")) for t in tags(cell)]
        before.append(next(filter(None, answers), unchecked(cell.source)))
    else:
        raise NotRun("the course's notebook has no check for it")
    if handed_in.get(id) is None:
        raise NotRun("the notebook has no cell with this answer")
    own = handed_in[id]
    rest = [source for source in before if source is not own]
    wanted = reads(own) | reads(answer)
    known = set(dir(builtins)).union(*(bound(source) for source in rest))
    helpers = []
    for source in reversed(extras(shipped, submitted, handed_in)):
        if bound(source) & (wanted - known):
            helpers.insert(0, source)
            wanted |= reads(source)
    return Task(id, [*feeding(rest, wanted), *helpers, own], answer)


def found(shipped, submitted) -> Iterator[tuple[str, str | None]]:
    """(exercise id, the submitted answer's source) for each exercise; None where there is none.

    Looked for by tag, by the stub's cell id, by the name that the stub defines, and before the
    check; the first that is no longer the stub is taken, and of equals the last.
    """
    theirs = [cell for _, cell in code_cells(submitted)]
    ours = [cell for _, cell in code_cells(shipped)]
    ids, sources = {cell.get("id") for cell in ours}, {cell.source.strip() for cell in ours}
    foreign = [c for c in theirs if c.get("id") not in ids and c.source.strip() not in sources]
    for id, stub in marked(shipped, "exercise"):
        wanted = bound(stub.source, imports=False)
        calls = re.compile(rf"""check\(\s*["']{re.escape(id)}["']""")
        candidates = [
            *reversed([c for c in theirs if f"exercise:{id}" in tags(c)]),
            *(c for c in theirs if c.get("id") == stub.get("id")),
            *reversed([c for c in foreign if wanted & bound(c.source, imports=False)]),
            *(a for a, b in pairwise(theirs) if calls.search(b.source) and a in foreign),
        ]
        written = (c.source for c in candidates if c.source.strip() != stub.source.strip())
        yield id, next(written, stub.source if candidates else None)


def extras(shipped, submitted, handed_in: dict) -> list[str]:
    """The submitted code cells that are neither the course's nor an answer nor a check."""
    known = {cell.source.strip() for _, cell in code_cells(shipped)} | set(handed_in.values())
    sources = [cell.source for _, cell in code_cells(submitted)]
    return [s for s in sources if s not in known and s.strip() not in known and "check(" not in s]


def is_check(line) -> bool:
    """Whether a statement is a call of `check` with an id and an answer."""
    call = line.value if isinstance(line, ast.Expr) else None
    name = call.func.id if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else ""
    return name == "check" and len(call.args) == 2


def checked(source: str) -> str:
    """The expression that a check cell hands to `check`."""
    for line in tree(source).body:
        if is_check(line):
            return ast.unparse(line.value.args[1])
    raise NotRun("the course's notebook has no call of check for it")


def unchecked(source: str) -> str:
    """A cell of the course without its check: the import of the library's function is left."""
    lines = [line for line in tree(source).body if not is_check(line)]
    return "\n".join(map(ast.unparse, lines))


def modules(nb) -> list[str]:
    """The modules that a notebook of the course imports at its top level."""
    found = {}
    for _, cell in code_cells(nb):
        for line in tree(cell.source).body:
            if isinstance(line, ast.Import):
                found |= dict.fromkeys(alias.name for alias in line.names)
            elif isinstance(line, ast.ImportFrom) and line.module:
                found[line.module] = None
    return [name for name in found if name != "__main__"]
