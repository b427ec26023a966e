"""A new notebook is six files: itself, its exercises' code, and four files of words.

In the two maps it gets its row, and its neighbour a way to it; what is not there yet is named.
The next notebook that the map has planned is put, small, into a copy of the course; then a piece
of it is taken away.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import cell
from pieces import map_of, missing, row

from lessons_lib.course.notebooks.execute import load, save
from lessons_lib.course.notebooks.rules import way

ROOT = Path(__file__).resolve().parents[1]
README, HOME = "README.md", "notebooks/00_start_here.ipynb"
PLANNED = re.findall(r"^\| (\d\d) \| ([^|\[]+) \|.*○ \|$", map_of(ROOT / README), re.M)
if not PLANNED:
    pytest.skip("every notebook of the plan is here", allow_module_level=True)
N, TITLE = PLANNED[0]
BEFORE = f"{int(N) - 1:02}"
NAME = f"{N}_{re.sub('[^a-z]+', '_', TITLE.lower())}.ipynb"
NOTEBOOK, CODE = f"notebooks/{NAME}", "lessons_lib/course/exercises/newcomer.py"
FILES = {
    CODE: '''"""Exercises of a new notebook."""

from lessons_lib.course.exercises.bank import on_paper

on_paper(
    "newcomer.score_by_hand",
    lambda x, std: -x / std**2,
    given={"x": 3.0, "std": 2.0},
    digits=2,
    slips={
        "sign": lambda x, std: x / std**2,
        "not squared": lambda x, std: -x / std,
        "spread left out": lambda x, std: -x,
    },
)
''',
    f"data/exercises/{N}.yaml": """newcomer.score_by_hand:
  section: "Where the density climbs"
  tested: ["the score of a bell"]
  hints: ["Which way is the middle?", "−x / std².", "-3 / 4."]
  slips:
    "sign": "You walked away from the middle."
    "not squared": "The variance is std²."
    "spread left out": "That is the score of a bell of spread one."
""",
    f"data/cards/{N}.yaml": """- question: "What is a score?"
  answer: "The slope of the log of the density."
  cell: stub
""",
    f"data/questions/{N}.yaml": "".join(
        f'- question: "What is asked {n}?"\n  answer: "That is answered {n}."\n'
        '  must: ["one point", "another point"]\n'
        for n in ("first", "second", "third", "fourth", "fifth", "sixth")
    ),
    f"data/notes/{N}.yaml": """head:
  minutes: 2
  say: "Who has climbed a hill in the fog?"
""",
    NOTEBOOK: "",  # written below
}


def cells() -> list[dict]:
    """The cells of the small notebook, whose first and last lead to its neighbours."""
    table = "| This lesson | In short |\n|---|---|\n| **Time** | 5 minutes; 6 in all |"
    head = f"# {N} {TITLE}\n\n{table}"
    begin = cell(
        "code",
        "from lessons_lib.course import begin, cards, check, questions, tally\n\n"
        "device, generator = begin(seed=1)",
        id="begin",
    )
    head = cell("markdown", head, "given", id="head")
    head["metadata"]["slideshow"]["slide_type"] = "slide"
    begin["metadata"]["jupyter"] = {"source_hidden": True}
    return [
        cell("markdown", "", id="way-in"),
        head,
        begin,
        cell("markdown", "## Where the density climbs\n\n**Before you run**: up?", id="asks"),
        cell("code", "print('down')", id="told"),
        cell("code", "score_by_hand = ...", "exercise:newcomer.score_by_hand", id="stub"),
        cell(
            "code",
            'check("newcomer.score_by_hand", score_by_hand)',
            "check:newcomer.score_by_hand",
            id="check",
        ),
        cell("markdown", "## Six questions", id="six"),
        cell("code", f'questions("{N}")', id="questions"),
        cell("code", f'cards("{N}")', id="cards"),
        cell("code", f'tally("{N}")', id="tally"),
        cell("markdown", "", id="way-on"),
    ]


def ends(path: Path) -> None:
    """Let a notebook's first and last cell lead to its neighbours, as its rules ask."""
    nb = load(path)
    nb.cells[-1].source = way(path)
    if not nb.cells[0].source.startswith("#"):
        nb.cells[0].source = way(path)
    save(nb, path)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course with the six files, its rows in the two maps, and ways to it."""
    root = tmp_path_factory.mktemp("course")
    for name in ("lessons_lib", "tests", "notebooks", "docs"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "data").mkdir()
    for path in (ROOT / "data").iterdir():  # words are copied; weights and pictures are the same
        copied = path.name in ("exercises", "cards", "questions", "notes")
        (shutil.copytree if copied else os.symlink)(path, root / "data" / path.name)
    for name in ("README.md", "LICENSE", "LICENSE-text.md", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    for name, text in FILES.items():
        (root / name).write_text(text, encoding="utf-8")
    path = root / NOTEBOOK
    nb = {"cells": cells(), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    save(nbformat.from_dict(nb), path)
    for each in sorted((root / "notebooks").glob("[0-9]*.ipynb"))[-2:]:
        ends(each)
    for name in (README, HOME):  # both maps have planned it, and now it is there
        text = (root / name).read_text(encoding="utf-8")
        begin, end = row(path, name)
        planned = re.search(rf"\| {N} \| {re.escape(TITLE)} \|.*? ○ \|", text)[0]
        text = text.replace(planned, f"{begin} ... {end}" if name == HOME else f"{begin}{end[1:]}")
        (root / name).write_text(text, encoding="utf-8")
    return root


def test_nothing_is_missing_here():
    assert missing(ROOT) == []


def test_six_files_and_a_row_in_each_map_are_a_notebook(course):
    assert missing(course) == []


LACKS = {
    CODE: f"data/exercises/{N}.yaml speaks of newcomer, and {CODE} is missing",
    f"data/exercises/{N}.yaml": f"data/exercises/{N}.yaml is missing",
    f"data/cards/{N}.yaml": f"data/cards/{N}.yaml is missing",
    f"data/questions/{N}.yaml": f"data/questions/{N}.yaml is missing",
    f"data/notes/{N}.yaml": f"data/notes/{N}.yaml is missing",
    NOTEBOOK: f"README.md has ● at {N}, and no notebook {N} is there",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing_is_named(course, name, tmp_path):
    taken = shutil.move(course / name, tmp_path / "taken")
    try:
        assert any(LACKS[name] in line for line in missing(course))
    finally:
        shutil.move(taken, course / name)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (README, f"](notebooks/{NAME}) | 5 | 6 |", " | | |",
         f"README.md: {NAME} is here; its row must read: | {N} | [{TITLE}](notebooks/{NAME}) | ..."
         " | 5 | 6 | ● |"),
        (HOME, "| 5 / 6 |", "| 6 / 7 |", f"00_start_here.ipynb: {NAME} is "),
        (README, f"| {BEFORE} |", "| 99 |", "README.md: the map's numbers are 00, 01"),
        (HOME, f"[{TITLE}]", "[Another]", f"README.md's map says '{TITLE}' where 00's says 'Anoth"),
        (f"data/exercises/{N}.yaml", "newcomer.score_by_hand", "newcomer.score_of_hand",
         "asks newcomer.score_by_hand, and data/exercises has no words for it"),
        (f"data/exercises/{N}.yaml", "newcomer.score_by_hand", "newcomer.score_of_hand",
         f"data/exercises/{N}.yaml has newcomer.score_of_hand, and no cell"),
        (NOTEBOOK, f'cards(\\"{N}\\")', "1", f'no cell cards("{N}") for data/cards/{N}.yaml'),
        (NOTEBOOK, f'questions(\\"{N}\\")', "1", f'no cell questions("{N}") for data/questions'),
        (NOTEBOOK, f'tally(\\"{N}\\")', "1", f'has no cell tally("{N}")'),
    ],
)  # fmt: skip
def test_a_piece_that_is_missing_is_named(course, name, old, new, said):
    path = course / name
    before = path.read_text(encoding="utf-8")
    assert old in before
    path.write_text(before.replace(old, new), encoding="utf-8")
    try:
        assert any(said in line for line in missing(course)), missing(course)
    finally:
        path.write_text(before, encoding="utf-8")


MADE = f"""
from click.testing import CliRunner
from lessons_lib.course.cli import main
from lessons_lib.course.practice.overview import as_text, overview

for words in (["notebooks", "{N}"], ["check", "{N}", "--shipped"]):
    print(CliRunner().invoke(main, words).output)
print(as_text(overview()))
"""


# How a test that is about whatever there is speaks of it.
ALL = re.compile(r"all_exercises|NOTEBOOKS|each_notebook|bank\.bank")


@pytest.mark.more
def test_it_is_run_checked_solved_marked_and_on_the_map_and_every_test_finds_it(course, tmp_path):
    """Nothing else is listed by hand: the tests of all notebooks and exercises take it in."""
    env = os.environ | {"PYTHONPATH": str(course), "LESSONS_HOME": str(tmp_path)}
    env.pop("PYTEST_ADDOPTS", None)

    def python(*words):
        done = subprocess.run(
            [sys.executable, *words], cwd=course, env=env, capture_output=True, text=True
        )
        return done.returncode, done.stdout + done.stderr

    code, said = python("-c", MADE)
    assert code == 0, said
    assert f"✓ {NAME.removesuffix('.ipynb')}" in said and "1 not written yet (of 1)" in said, said
    assert f"{N} {TITLE}" in said
    tests = [
        path.as_posix()
        for path in sorted((course / "tests").glob("test_*.py"))
        if path.name != Path(__file__).name and ALL.search(path.read_text(encoding="utf-8"))
    ]
    assert len(tests) > 6
    which = f"{N} or newcomer or ids_are_unique or test_bank or test_docs"
    code, said = python(
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not more", "-k", which, *tests)
    )
    assert code == 0, said[-6000:]
