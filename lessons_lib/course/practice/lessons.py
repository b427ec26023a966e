"""Which notebooks the course has, and what is in each: its title, its exercises, its questions."""

import json
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from lessons_lib.course.practice.written import load_questions
from lessons_lib.files import ROOT, reading

NOTEBOOKS = ROOT / "notebooks"


class Lesson(NamedTuple):
    """A notebook: its number, its title, the ids of its exercises and of its questions."""

    number: str
    title: str
    exercises: list[str]
    questions: list[str]


@cache
def lessons() -> list[Lesson]:
    """The notebooks of the course, in order, read from their files."""
    found = []
    for file in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")):
        number, tags = file.name[:2], [tag for cell in cells(file) for tag in cell["tags"]]
        asked = [tag.removeprefix("exercise:") for tag in tags if tag.startswith("exercise:")]
        try:
            count = len(load_questions(number))
        except ValueError:
            count = 0
        rated = [f"{number}.question.{i}" for i in range(1, count + 1)]
        found.append(Lesson(number, title(file) or file.stem, asked, rated))
    return found


def lesson(number: str) -> Lesson:
    """One notebook of the course; ValueError, with those there are, for any other number."""
    wanted = str(number)[:2].zfill(2)
    for each in lessons():
        if each.number == wanted:
            return each
    known = ", ".join(each.number for each in lessons())
    raise ValueError(f"notebook: {number!r} is not one of the course's, {known}")


def title(file: Path) -> str:
    """The title in a notebook's file, without its number; "" if it has none."""
    prose = [cell["source"] for cell in cells(file) if cell["cell_type"] == "markdown"]
    heads = re.search(r"^# (?:\d\d )?(.+)", "\n".join(prose), re.M)
    return heads[1] if heads else ""


def cells(file: Path) -> list[dict]:
    """The kind, the text and the tags of each cell in a notebook's file."""
    # Not by nbformat, which is slow to import: a lesson's first cell imports this.
    with reading(file, "a notebook", f"Repair it with `git restore notebooks/{file.name}`"):
        return [
            {
                "cell_type": cell["cell_type"],
                "source": "".join(cell["source"]),
                "tags": cell["metadata"].get("tags", []),
            }
            for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]
        ]
