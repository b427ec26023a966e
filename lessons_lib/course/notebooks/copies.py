"""The reader's own copies of the notebooks: made at first use, and renewed when the course is.

Beside each copy the course's text is kept as it was when the copy was last renewed. From these two
and the course's text of today, cell by cell, by the cells' ids: what the reader has not touched is
the course's of today; what they wrote, ran or added stays; where both changed a cell, both stand.
Every file is written whole or not at all, the copy before what is kept beside it, so that a renewal
that was interrupted is done again and changes nothing twice.
"""

import copy
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import nbformat

from lessons_lib.course.notebooks.editions import marked, readers
from lessons_lib.course.notebooks.execute import load, save, tags
from lessons_lib.files import write

KEPT = ".shipped"  # the folder beside the copies
NEW_TEXT = (
    "> **New in the course.** You have changed the cell below. The course's own is now:\n\n{}"
)
NEW_CODE = "# New in the course. You have changed this cell, and yours stands below.\n{}"


def renew(shipped: list[Path], folder: Path) -> Iterator[tuple[Path, str]]:
    """Make or renew the copies of some notebooks: (the copy, what was done, in words) for each.

    The words are empty where there was nothing to do. Raises OSError where nothing can be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in shipped:
        mine, before = folder / path.name, folder / KEPT / path.name
        if not before.exists():
            carry_over(path, mine, before)
        yield mine, renew_one(path, mine, before)


def renew_one(path: Path, mine: Path, before: Path) -> str:
    """Make or renew one copy, and say what was done."""
    yours, said = None, "made"
    if os.path.lexists(mine):
        try:
            yours = load(mine)
        except ValueError:  # never deleted: perhaps somebody can read it
            free = (mine.with_name(f"{mine.stem}.unreadable-{i}.ipynb") for i in count(1))
            aside = next(each for each in free if not os.path.lexists(each))
            os.replace(mine, aside)
            said = f"could not be read, and is now {aside.name}; made again"
    now = path.read_bytes()
    if yours is None:
        save(readers(load(path)), mine)
    elif before.is_file() and before.read_bytes() == now:
        return ""
    else:
        try:
            then = readers(load(before))
        except ValueError:
            then = None
        save(merge(then, readers(load(path)), yours), mine)
        said = "renewed, with what you wrote in it"
    write(before, now)
    return said


def carry_over(path: Path, mine: Path, before: Path) -> None:
    """Give the copy of a notebook that the course has renamed its new name."""
    ids = {cell.get("id") for cell in load(path).cells}
    for old in sorted(before.parent.glob("*.ipynb")):
        if (path.parent / old.name).exists():
            continue
        try:
            shared = ids & {cell.get("id") for cell in load(old).cells}
        except ValueError:
            continue
        if len(shared) > len(ids) / 2:
            if not mine.exists() and (mine.parent / old.name).exists():
                os.replace(mine.parent / old.name, mine)
            os.replace(old, before)
            return


# --- three notebooks into one ---------------------------------------------------------------------


def merge(then, now, mine):
    """The reader's notebook with the course's changes in it, as a new one.

    then: the course's when the reader's was last renewed, or None if that is lost; now: the
    course's today.
    """
    mine = identified(mine, then, now)
    old = {cell.id: cell for cell in then.cells} if then else {}
    new = {cell.id: cell for cell in now.cells}
    have = {cell.id: cell for cell in mine.cells}
    own, above = {}, None  # the reader's own cells, by the cell of the course above them
    for cell in mine.cells:
        if cell.id in new:
            above = cell.id
        elif cell.id not in old or cell.source != old[cell.id].source:
            own.setdefault(above, []).append(cell)
    cells = [*own.get(None, [])]
    for id, cell in new.items():
        if (
            then is None
            and id in have
            and any(id == stub.id for _, stub in marked(now, "exercise"))
        ):
            old[id] = cell  # nobody knows what it was: an answer is no change of the course's
        cells += settled(old.get(id), cell, have.get(id), mine)
        cells += own.get(id, [])
    merged = copy.deepcopy(now)
    merged.metadata = nbformat.from_dict({**now.metadata, **mine.metadata})
    merged.cells = cells
    return merged


def settled(then, now, mine, notebook) -> list:
    """What stands for one cell of today's course: it, the reader's, or both."""
    if mine is None:  # new, or deleted by the reader; back if it has changed since
        return [now] if then is None or then.source != now.source else []
    if mine.source == now.source:
        seen = then is None or any(
            mine.get(k) != then.get(k) for k in ("outputs", "execution_count")
        )
        return [mine if seen else now]
    if then is not None and mine.source == then.source:
        return [now]
    if then is not None and now.source == then.source:
        return [mine]
    note = copy.deepcopy(now)
    note.source = (NEW_CODE if now.cell_type == "code" else NEW_TEXT).format(now.source)
    if any(cell.source == note.source for cell in notebook.cells):
        return [mine]  # said already, in a renewal that was interrupted
    taken = {cell.get("id") for cell in notebook.cells}
    note.id = next(id for i in count(1) if (id := f"{now.id[:50]}-new-{i}") not in taken)
    note.metadata.tags = [tag for tag in tags(note) if ":" not in tag]  # the answer is the reader's
    if note.cell_type == "code":
        note.outputs, note.execution_count = [], None
    return [note, mine]


def identified(mine, then, now):
    """A copy of the reader's notebook in which every cell has an id, and no two the same.

    Editors of long ago drop ids: a cell is then known by its exercise or its text.
    """
    mine, taken, nameless = copy.deepcopy(mine), set(), []
    for cell in mine.cells:
        if cell.get("id") and cell.id not in taken:
            taken.add(cell.id)
        else:
            nameless.append(cell)
    known = [*(then.cells if then else []), *now.cells]
    unused = (f"yours-{i}" for i in count(1))
    for cell in nameless:
        marks = {tag for tag in tags(cell) if ":" in tag}
        alike = lambda c, cell=cell, marks=marks: (
            marks & set(tags(c)) or (cell.source.strip() and c.source == cell.source)
        )
        free = (c.id for c in known if c.id not in taken and alike(c))
        cell.id = next(free, None) or next(id for id in unused if id not in taken)
        taken.add(cell.id)
    return mine
