"""What a notebook needs besides its own file, and what of it is missing: read from files only."""

import re
from itertools import zip_longest
from pathlib import Path

import yaml

from lessons_lib.course.notebooks.execute import load, tags
from lessons_lib.course.practice.lessons import title

WORDS = {  # what is said of a notebook, and the cell in it that shows it
    "exercises": None,
    "notes": None,
    "cards": 'cards("{}")',
    "questions": 'questions("{}")',
}


def missing(root: Path) -> list[str]:
    """A sentence for each piece that is missing of the notebooks under a folder; [] if none is."""
    paths = {path.name[:2]: path for path in sorted((root / "notebooks").glob("[0-9]*.ipynb"))}
    asked = {n: exercises(path) for n, path in paths.items()}
    words = {n: said(root, "exercises", n) for n in paths}
    known = {id for each in words.values() for id in each}
    everywhere = {each for ids in asked.values() for id in ids for each in (id, alike(id))}
    found = []
    for n, path in paths.items():
        sources = [cell.source for cell in load(path).cells]
        for kind, cell in WORDS.items():
            if not (root / "data" / kind / f"{n}.yaml").is_file():
                found.append(f"{path.name}: data/{kind}/{n}.yaml is missing")
            elif cell and cell.format(n) not in sources:
                found.append(f"{path.name} has no cell {cell.format(n)} for data/{kind}/{n}.yaml")
        if f'tally("{n}")' not in sources:
            found.append(f'{path.name} has no cell tally("{n}")')
        for id in sorted(asked[n]):
            if not {id, alike(id)} & known:
                found.append(f"{path.name} asks {id}, and data/exercises has no words for it")
        for id in words[n]:
            everywhere = {
                each for ids in asked.values() for one in ids for each in (one, alike(one))
            }
            if id not in everywhere:
                found.append(
                    f"data/exercises/{n}.yaml has {id}, and no cell `exercise:{id}` asks it"
                )
        for module in sorted({id.split(".")[0] for id in words[n]}):
            file = f"lessons_lib/course/exercises/{module}.py"
            if not (root / file).is_file():
                found.append(f"data/exercises/{n}.yaml speaks of {module}, and {file} is missing")
    for kind in WORDS:
        for path in sorted((root / "data" / kind).glob("*.yaml")):
            if path.stem not in paths:
                found.append(f"data/{kind}/{path.name} is there, and no notebook {path.stem}")
    return found + plan(root, paths)


def plan(root: Path, paths: dict[str, Path]) -> list[str]:
    """What the maps, README's and 00's, say otherwise than the notebooks, and than each other."""
    found, titles = [], []
    for name in ("README.md", paths["00"].relative_to(root).as_posix()):
        lines = re.findall(r"^\| \d\d \| .*\|$", map_of(root / name), re.M)
        numbers = [line[2:4] for line in lines]
        titles.append([re.sub(r"\[(.*)\].*", r"\1", line.split(" | ")[1]) for line in lines])
        if numbers != [f"{n:02}" for n in range(len(lines))]:
            found.append(f"{name}: the map's numbers are {', '.join(numbers)}, not 00, 01, 02, ...")
        for n, path in paths.items():
            begin, end = row(path, name)
            if not any(line.startswith(begin) and line.endswith(end) for line in lines):
                found.append(f"{name}: {path.name} is here; its row must read: {begin} ... {end}")
        for line in lines:
            if "●" in line and line[2:4] not in paths:
                found.append(f"{name} has ● at {line[2:4]}, and no notebook {line[2:4]} is there")
    for here, there in zip_longest(*titles):
        if here != there:
            found.append(f"README.md's map says {here!r} where 00's says {there!r}")
    return found


def map_of(path: Path) -> str:
    """The text of the map of the course: a page's, or that of a notebook's cell."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    return next(cell.source for cell in load(path).cells if cell.id == "the-map-of-the-course")


def row(path: Path, name: str) -> tuple[str, str]:
    """How a notebook's row in a map begins and ends: its title, and the minutes its head says."""
    prose = [cell.source for cell in load(path).cells if cell.cell_type == "markdown"]
    time = re.search(r"\| \*\*Time\*\* \|(.*)", "\n".join(prose))
    core, whole = re.findall(r"\d+", time[1])[:2] if time else ("minutes", "minutes")
    if name == "README.md":
        begin, end = f"[{title(path)}](notebooks/{path.name}) |", f"| {core} | {whole} | ● |"
    else:
        link = f"[{title(path)}]({path.name})" if path.name not in name else title(path)
        begin, end = f"{link} |", f"| {core} / {whole} | **●** |"
    return f"| {path.name[:2]} | {begin}", end


def exercises(path: Path) -> set[str]:
    """The ids of the exercises that a notebook asks."""
    found = [tag for cell in load(path).cells for tag in tags(cell)]
    return {tag.removeprefix("exercise:") for tag in found if tag.startswith("exercise:")}


def alike(id: str) -> str:
    """The one entry of words of exercises that are alike: clinic.diagnose of clinic.diagnose_3."""
    return re.sub(r"_\d+$", "", id)


def said(root: Path, kind: str, number: str) -> dict:
    """The words of one kind for a notebook; {} if there are none."""
    path = root / "data" / kind / f"{number}.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
