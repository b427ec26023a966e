"""What the book is built from: notebooks and pages of the repository, made ready for Sphinx."""

import copy
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from lessons_lib.course.exercises.bank import find
from lessons_lib.course.pages.book import glossary, library
from lessons_lib.course.pages.book.links import notebooks
from lessons_lib.files import ROOT

WAYS = ("way-in", "way-on")  # links to the neighbours, which every page of the book has anyway
BESIDE = {  # the pages around the notebooks, each with its title above them in the margin
    "To look things up": ("docs/glossary", "docs/errata", "library/index"),
    "For lecturers": ("docs/teaching",),
    "For whoever builds on": (
        *("docs/architecture", "docs/exercises", "docs/benchmarks"),
        *("data/README", "data/checkpoints/README", "LICENSE-text"),
    ),
}


def write(folder: Path, repository: str = "") -> None:
    """Write every source page of the book into a folder, laid out as the repository is."""
    for path in notebooks():
        page = notebook(json.loads(path.read_text(encoding="utf-8")), path.name, repository)
        put(folder / "notebooks" / path.name, json.dumps(page, ensure_ascii=False))
        put(folder / "notebooks" / "downloads" / path.name, path.read_text(encoding="utf-8"))
    for path in pages():
        where = path.relative_to(ROOT)
        put(folder / where, markdown(path.read_text(encoding="utf-8")) + inside(path))
    front = markdown((ROOT / "README.md").read_text(encoding="utf-8"))
    put(folder / "index.md", front + contents())
    put(folder / "docs" / "glossary.md", glossary.page())
    for name, text in library.pages().items():
        put(folder / "library" / f"{name}.md", text)
    pictures = [*(ROOT / "docs").rglob("*.png"), *(ROOT / "data").rglob("*.png")]
    for path in [ROOT / "LICENSE", *pictures]:
        shutil.copyfile(path, folder / path.relative_to(ROOT))


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def pages() -> list[Path]:
    """The pages around the notebooks; not README, which is the front, nor docs' own."""
    found = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "data").rglob("*.md")]
    return [ROOT / "LICENSE-text.md", *sorted(set(found) - {ROOT / "docs" / "README.md"})]


# --- contents -------------------------------------------------------------------------------------


def parts() -> dict[str, list[str]]:
    """Each part of the course that has notebooks, and their files' names, from README's map."""
    found, part = {}, ""
    for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines():
        if head := re.match(r"\| \| \*\*([IVX]+\. .+?)\*\* \|", line):
            part = head[1]
        elif row := re.match(r"\| \d\d \| \[.+?\]\(notebooks/(.+?)\.ipynb\)", line):
            found.setdefault(part, []).append(row[1])
    return found


def contents() -> str:
    """The table of contents: the parts of the course, then the pages around it."""
    found = {name: [f"notebooks/{each}" for each in inside] for name, inside in parts().items()}
    for name, page in zip(found, sorted((ROOT / "docs").glob("part_*")), strict=False):
        found[name].append(f"docs/{page.name}/README")
    return "".join(tree(entries, name) for name, entries in (found | BESIDE).items())


def inside(path: Path) -> str:
    """A part's front page leads to the other pages of its folder, in the order of its links."""
    if path.name != "README.md" or not path.parent.name.startswith("part_"):
        return ""
    linked = re.findall(r"\]\((\w+)\.md\)", path.read_text(encoding="utf-8"))
    return tree(dict.fromkeys(linked))


def tree(entries, caption: str = "") -> str:
    """A table of contents that stands in the margin alone."""
    head = f":caption: {caption}\n" if caption else ""
    return "\n\n```{toctree}\n:hidden:\n" + head + "\n" + "\n".join(entries) + "\n```\n"


# --- pages ----------------------------------------------------------------------------------------


def markdown(text: str) -> str:
    """A page whose links lead to pages of the book: a bare file's name becomes the page's title."""
    text = text.replace("glossary.yaml](", "glossary.md](").replace(
        "glossary.yaml)", "glossary.md)"
    )
    text = re.sub("^```(rooms|order)$", "```text", text, flags=re.M)
    return re.sub(r"\[([\w./-]+\.md)\]\(\1\)", r"[](\1)", text)


# --- notebooks ------------------------------------------------------------------------------------


def notebook(nb: dict, name: str, repository: str = "") -> dict:
    """A notebook as a page: its download below its title, its hints below its checks.

    Its pictures get the words that say what they show; notes to the lecturer are left out.
    """
    nb, cells = copy.deepcopy(nb), []
    for cell in nb["cells"]:
        about = cell["metadata"]
        if cell["id"] in WAYS or about.get("slideshow", {}).get("slide_type") == "notes":
            continue
        cells.append(cell)
        if cell["cell_type"] == "markdown":
            if re.match(r"# ", "".join(cell["source"])):
                cells.append(words(f"{cell['id']}-get", ways_to_get(name, repository)))
            continue
        if about.get("jupyter", {}).get("source_hidden"):
            about.setdefault("tags", []).append("hide-input")
        for output in cell["outputs"]:
            if alt := output.get("metadata", {}).get("image/png", {}).get("alt"):
                about["mystnb"] = {"image": {"alt": alt}}
        for tag in about.get("tags", []):
            if tag.startswith("check:"):
                hints = find(tag.removeprefix("check:")).hints
                cells.append(words(f"{cell['id']}-hints", folded(hints)))
    nb["cells"] = cells
    return nb


def words(id: str, text: str) -> dict:
    """A cell of text."""
    return {"cell_type": "markdown", "id": id, "metadata": {}, "source": text}


def folded(hints: Sequence[str]) -> str:
    """Hints that unfold one after the other."""
    return "\n\n".join(
        f":::{{dropdown}} Hint {i} of {len(hints)}\n:class-container: hint\n\n{hint}\n:::"
        for i, hint in enumerate(hints, 1)
    )


def ways_to_get(name: str, repository: str) -> str:
    """The notebook to take along; and Colab, where the course has a public address."""
    take = f"{{download}}`Download this notebook <downloads/{name}>`"
    if not repository:
        return f":::{{div}} get\n{take}\n:::"
    place = repository.removeprefix("https://github.com/")
    colab = f"https://colab.research.google.com/github/{place}/blob/main/notebooks/{name}"
    course = place.rpartition("/")[2]
    return f"""::::{{div}} get
{take}
[Open in Colab]({colab})

:::{{dropdown}} In Colab, run this first
:class-container: hint

A notebook needs the course around it, its data and trained models. Make a cell above the first:

```text
!git clone --depth 1 {repository} && pip install -q -e {course}
%cd {course}
```
:::
::::"""
