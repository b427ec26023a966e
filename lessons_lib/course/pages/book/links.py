"""Links to notebooks, as pages of the book write them, and words that are no markup."""

import re
from pathlib import Path

from lessons_lib.course.practice.lessons import NOTEBOOKS

KEPT = r"(``[^`]+``|`[^`]+`|(?<![\w*])\*[^\s*][^*]*\*(?!\w))"  # code, and *stress*


def notebooks() -> list[Path]:
    """The notebooks of the course, in order."""
    return sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def slug(title: str) -> str:
    """A heading's address: its words with a hyphen for each blank, as JupyterLab has it."""
    return title.strip().replace(" ", "-")


def place(name: str, words: str, section: str = "") -> str:
    """A link from a folder beside notebooks/ to one of them, or to a section of it."""
    if not section:
        return f"[{words}](../notebooks/{name})"
    return f"[{words}, “{escaped(section)}”](<../notebooks/{name}#{slug(section)}>)"


def prose(text: str) -> str:
    """A sentence in which `code` and *stress* stay, and nothing else is markup."""
    parts = re.split(KEPT, text)
    return "".join(part if i % 2 else escaped(part) for i, part in enumerate(parts))


def escaped(text: str) -> str:
    """Words of which nothing is markup."""
    return re.sub(r"([*`_<\[\]|$\\{}#])", r"\\\1", text)
