"""Which notebooks the words on the command line mean, and where what is made of them goes."""

import os
from pathlib import Path

import click

from lessons_lib.files import ROOT

names_of_notebooks = click.argument("names", nargs=-1, metavar="[NN]...")


def course() -> list[Path]:
    """The course's own notebooks."""
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def notebooks(names: tuple[str, ...], own: bool = False) -> list[Path]:
    """The notebooks that the words on the command line mean: 3, 03, 03_name; none is all.

    A word with a folder or .ipynb in it is a path and means that file, whatever its name is.
    own: of the course's, take the reader's copy where there is one.
    Raises click.BadParameter naming the word and what there is.
    """
    mine = lambda path: copies() / path.name
    ours = [mine(path) if own and mine(path).is_file() else path for path in course()]
    found = []
    for name in names:
        if is_path(name):
            if not Path(name).is_file():
                raise click.BadParameter(f"there is no file {name!r}")
            found.append(Path(name).resolve())
            continue
        stem = name.zfill(2) if name.isdecimal() else name
        hits = [p for p in ours if stem and stem in (p.stem, p.stem.split("_")[0])]
        if not hits:
            known = ", ".join(p.stem for p in ours) or "none"
            raise click.BadParameter(f"no notebook {name!r}; there are: {known}")
        found += hits
    return found if names else ours


def is_path(name: str) -> bool:
    """Whether a word names a file, and not one of the course's notebooks."""
    return name.endswith(".ipynb") or any(mark in name for mark in (os.sep, os.altsep) if mark)


def copies() -> Path:
    """The folder of the reader's own copies."""
    from lessons_lib.course.practice.memory import home

    return home().resolve() / "notebooks"


def whose(path: Path) -> str:
    """Which file that is, in words."""
    if path in course():
        return "the course's file"
    return f"your copy, {path}" if path.parent == copies() else str(path)


def made(kind: str, path: Path) -> Path:
    """Where something made from a notebook is put; strangers' are kept apart, by their folder."""
    folder = ROOT / "build" / kind
    return folder / path.name if path in course() else folder / path.parent.name / path.name
