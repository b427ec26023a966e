"""Marking: what a submission claims is worth nothing, what its answers do is worth everything."""

import copy
import os
import sys
import time

import nbformat
import psutil
import pytest
import torch
from conftest import cell

from lessons_lib.course.notebooks import marking
from lessons_lib.course.notebooks.editions import solved
from lessons_lib.course.notebooks.execute import load
from lessons_lib.course.notebooks.handed_in import original
from lessons_lib.course.notebooks.marking import NOT_RUN, mark
from lessons_lib.course.say import OPEN, RIGHT, WRONG

IDS = ["start.q1", "start.warm_up", "ddim.eps_from_x0", "ddim.ddim_step"]
BEGIN = "import torch\n\nfrom lessons_lib.course import check\n\nPOWER = 1"
NOISY = "def noisy(x0, alpha, sigma, eps):\n    return {}"
EPS = "def eps_from_x0(x, x0, t):\n    return {}"
STEP = "def ddim_step(x, eps, t, s):\n    return {}"
USES = STEP.format("s.alpha * x0_from(x, eps, t) + s.sigma * eps")
HELPER = "def x0_from(x, eps, t):\n    return (x - t.sigma * eps) / t.alpha ** POWER"


def notebook(*cells):
    for i, each in enumerate(cells):
        each.setdefault("id", f"c{i}")
    return nbformat.from_dict(
        {"cells": [*cells], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    )


def course():
    """A small notebook of the course, with four exercises."""
    after = (
        "\nfrom lessons_lib.course.exercises.ddim import eps_from_x0  # the course's, from here on"
    )
    return notebook(
        cell("markdown", "# Small"),
        cell("code", BEGIN, id="begin"),
        cell("code", "q1 = ...", "exercise:start.q1"),
        cell("code", 'check("start.q1", q1)', "check:start.q1"),
        cell("code", NOISY.format("..."), "exercise:start.warm_up"),
        cell("code", 'check("start.warm_up", noisy)', "check:start.warm_up"),
        cell("code", EPS.format("..."), "exercise:ddim.eps_from_x0"),
        cell("code", 'check("ddim.eps_from_x0", eps_from_x0)' + after, "check:ddim.eps_from_x0"),
        cell("code", "raise SystemExit('not needed, so never run')"),
        cell("code", STEP.format("..."), "exercise:ddim.ddim_step"),
        cell("code", 'check("ddim.ddim_step", ddim_step)', "check:ddim.ddim_step"),
    )


def handed_in(change=None, **sources):
    """The course's notebook as a student hands it in: solved, some cells with other sources."""
    nb = solved(course())
    for each in nb.cells:
        each.source = sources.get(each.id, each.source)
    if change:
        change(nb)
    return nb


def marks(nb, seed=7):
    return {id: symbol for id, symbol, _ in mark(course(), nb, seed)}


def said(nb, id, seed=7):
    only = course()
    only.cells = [c for c in only.cells if not any(
        tag.endswith(other) for tag in c.metadata.get("tags", []) for other in IDS if other != id)
    ]  # fmt: skip
    (row,) = mark(only, nb, seed)
    return row[1], row[2]


ALL_RIGHT = dict.fromkeys(IDS, RIGHT)


def test_right_wrong_and_blank():
    assert marks(handed_in()) == ALL_RIGHT
    assert marks(course()) == dict.fromkeys(IDS, OPEN)
    found = marks(handed_in(c2="q1 = 'a'", c4=NOISY.format("x0"), c6=EPS.format("...")))
    assert found == dict(zip(IDS, [WRONG, WRONG, OPEN, RIGHT], strict=True))


# --- what a submission claims ---------------------------------------------------------------------


def no_cells(nb):
    nb.cells = nb.cells[:2]


def ticks(nb):
    """No answers, a ✓ printed in place of every check and stored below it; the first cell dies."""
    nb.cells = course().cells
    nb.cells[1].source = "import os\nos._exit(0)"
    shown = nbformat.from_dict({"output_type": "stream", "name": "stdout", "text": "✓ all\n"})
    for each in nb.cells:
        if str(each.metadata.get("tags", "")).startswith("['check:"):
            each.source, each.outputs = "print('✓')", [copy.deepcopy(shown)]


@pytest.mark.parametrize(("change", "mark"), [(no_cells, NOT_RUN), (ticks, OPEN)])
def test_deleted_cells_are_not_run_and_a_printed_tick_is_nothing(change, mark):
    assert marks(handed_in(change)) == dict.fromkeys(IDS, mark)


def test_a_deleted_exercise_is_named_with_the_reason():
    def delete(nb):
        del nb.cells[4:6]

    assert said(handed_in(delete), "start.warm_up") == (
        NOT_RUN,
        "not run: the notebook has no cell with this answer",
    )


PATCHES = {
    "the engine, when the cell runs": (
        "import lessons_lib.course.checking.attempt as c\n"
        "import lessons_lib.course.checking.grading as g\n"
        "import lessons_lib.course.notebooks.elsewhere as e\n"
        "import lessons_lib.course.notebooks.marking as m\n"
        "yes = lambda *a, **k: g.Result('✓', 'all')\n"
        "c.grade = c.grade_function = g.grade_function = m.grade = e.grade = yes\n"
        "m.confirmed = m.equal = g.equal = g._close = lambda *a, **k: True\n" + NOISY.format("x0")
    ),
    "torch, when the cell runs": (
        "torch.allclose = torch.equal = torch.isclose = lambda *a, **k: True\n" + NOISY.format("x0")
    ),
    "torch, when it is called": (
        "def noisy(x0, alpha, sigma, eps):\n"
        "    torch.allclose = torch.equal = lambda *a, **k: True\n    return x0"
    ),
    "builtins, when it is called": (
        "def noisy(x0, alpha, sigma, eps):\n"
        "    import builtins\n    builtins.all = lambda *a: True\n    return x0"
    ),
    "the way out": (
        "torch.save({'symbol': '✓', 'said': 'all', 'gave': []}, 'sent')\nimport os; os._exit(0)"
    ),
    "what is sent": (
        "save = torch.save\n"
        "def noisy(x0, alpha, sigma, eps):\n"
        "    forged = {'symbol': '✓', 'gave': [[x0]] * 12}\n"
        "    torch.save = lambda said, path: save(said | forged, path)\n"
        "    return x0"
    ),
    "a value that equals everything": (
        "class noisy:\n    __call__ = __eq__ = lambda *a: True\n    __float__ = lambda s: 1.0\n"
        "noisy = noisy()"
    ),
}


@pytest.mark.parametrize("patch", PATCHES.values(), ids=PATCHES)
def test_an_answer_that_patches_the_judge_is_not_right(patch):
    symbol, words = said(handed_in(c4=patch), "start.warm_up")
    assert symbol in (WRONG, NOT_RUN), words


def test_a_file_that_is_sent_in_its_place_runs_no_code_here(tmp_path):
    trap = tmp_path / "sprung"
    evil = (
        "import os, pickle\n"
        f"class Evil:\n    def __reduce__(self): return os.mkdir, ({str(trap)!r},)\n"
        "open('sent', 'wb').write(pickle.dumps(Evil()))\nos._exit(0)"
    )
    symbol, words = said(handed_in(c4=evil), "start.warm_up")
    assert symbol == NOT_RUN and "cannot be read" in words and not trap.exists()


# --- what ends, and what does not -----------------------------------------------------------------

ENDLESS = "while True:\n    try:\n        time.sleep(1)\n    except BaseException:\n        pass"
STOPS = {
    "os._exit": ("import os\nos._exit(0)", NOT_RUN, "ended its process (exit code 0)"),
    "a signal": ("import os\nos.kill(os.getpid(), 9)", NOT_RUN, "ended its process (SIGKILL)"),
    "sys.exit": ("import sys\nsys.exit('✓')", WRONG, "SystemExit: ✓"),
    "Ctrl-C": ("raise KeyboardInterrupt", WRONG, "KeyboardInterrupt"),
    "a syntax error": ("def noisy(x0", WRONG, "SyntaxError"),
    "an unknown name": ("noisy = unknown", WRONG, "NameError: name 'unknown'"),
    "no such name": ("other = 1", WRONG, "NameError: name 'noisy'"),
    "the end of its parent": (
        "import os\nos.kill(os.getppid(), 9)\nos._exit(0)",
        NOT_RUN,
        "ended its process",
    ),
    "os._exit inside": (NOISY.format("__import__('os')._exit(3)"), NOT_RUN, "exit code 3"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="signals have no names there")
@pytest.mark.parametrize(("source", "mark", "words"), STOPS.values(), ids=STOPS)
def test_an_answer_that_stops_is_told_and_the_others_are_judged(source, mark, words):
    nb = handed_in(c4=source)
    found = {id: row for id, *row in marking.mark(course(), nb, 7)}
    assert found["start.warm_up"][0] == mark and words in found["start.warm_up"][1]
    assert {id: row[0] for id, row in found.items()} == ALL_RIGHT | {"start.warm_up": mark}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("where", ["in the cell", "in the function", "in a child"])
def test_an_endless_loop_is_ended_with_all_its_processes(monkeypatch, tmp_path, where):
    monkeypatch.setattr(marking, "EACH", 6.0)
    pid = tmp_path / "pid"
    begin = f"import os, signal, time\nopen({str(pid)!r}, 'a').write(f'{{os.getpid()}} ')\n"
    deaf = "for n in (1, 2, 14, 15): signal.signal(n, signal.SIG_IGN)\n"
    inside = "def noisy(x0, alpha, sigma, eps):\n    " + (deaf + ENDLESS).replace("\n", "\n    ")
    answer = {
        "in the cell": begin + deaf + ENDLESS,
        "in the function": begin + inside,
        "in a child": "import os\nos.fork()\n" + begin + deaf + ENDLESS,
    }[where]
    start = time.monotonic()
    symbol, words = said(handed_in(c4=answer), "start.warm_up")
    assert (symbol, words) == (NOT_RUN, "not run: no result after 6 s, and its process was ended")
    assert time.monotonic() - start < 60
    pids = [int(word) for word in pid.read_text().split()]
    assert len(pids) == (2 if where == "in a child" else 1)
    end = time.monotonic() + 10
    while any(map(alive, pids)):
        assert time.monotonic() < end, "a process is left"
        time.sleep(0.1)


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_notebook_has_a_time_too(monkeypatch):
    monkeypatch.setattr(marking, "ALL", 0.0)
    rows = list(mark(course(), handed_in(), 7))
    assert [row[1:] for row in rows] == [
        (NOT_RUN, "not run: the 0 s for one notebook were over")
    ] * 4


# --- where an answer is found, and what it may use ------------------------------------------------


def without(*what):
    def change(nb):
        for each in nb.cells:
            if "tags" in what:
                each.metadata.pop("tags", None)
            if "ids" in what:
                each.pop("id", None)

    return change


@pytest.mark.parametrize("what", [("tags",), ("ids",), ("tags", "ids")], ids=" and ".join)
def test_an_answer_is_found_when_tags_or_ids_are_lost(what):
    assert marks(handed_in(without(*what))) == ALL_RIGHT


def test_a_stub_that_is_left_and_an_answer_in_a_cell_of_ones_own(write):
    def change(nb):
        stubs = course().cells
        nb.cells.insert(3, cell("code", nb.cells[2].source, id="mine"))
        nb.cells[2].source = stubs[2].source

    nb = handed_in(change)
    assert marks(nbformat.from_dict(nb)) == ALL_RIGHT


def test_an_answer_may_use_helpers_of_its_own_and_names_of_the_course():
    def change(nb):
        nb.cells[1].source = BEGIN + "\nfrom math import sqrt as root"
        nb.cells.insert(2, nbformat.from_dict(cell("code", HELPER, id="mine")))
        nb.cells.insert(2, nbformat.from_dict(cell("code", "raise SystemExit", id="unused")))
        nb.cells[-2].source = USES.replace("s.sigma", "root(s.sigma**2)")

    assert marks(handed_in(change)) == ALL_RIGHT


def test_an_answer_that_dies_does_not_take_with_it_those_that_use_its_name():
    use = STEP.format(
        "s.alpha * (x - t.sigma * eps) / t.alpha + s.sigma * eps_from_x0(x, x, t) * 0"
    )
    nb = handed_in(c6="import os\nos._exit(0)", c9=use.replace(" * 0", " * 0 + s.sigma * eps"))
    found = marks(nb)
    assert found["ddim.eps_from_x0"] == NOT_RUN and found["ddim.ddim_step"] != NOT_RUN


@pytest.mark.parametrize("dress", ["iter(['c'])", "['c']", "torch.tensor([4.0])", "{1}", "b'c'"])
def test_a_value_in_another_dress_is_judged_as_its_check_judges_it(dress):
    direct = marking.grade("start.q1", eval(dress, {"torch": torch}), 7)
    assert said(handed_in(c2=f"q1 = {dress}"), "start.q1") == (direct.symbol, direct.message)


def test_a_function_whose_result_has_another_dress_is_right_as_in_its_check():
    nb = handed_in(c9=STEP.format("tuple(s.alpha * (x - t.sigma * eps) / t.alpha + s.sigma * eps)"))
    assert said(nb, "ddim.ddim_step")[0] == RIGHT


def test_magics_and_display_work_as_in_a_notebook():
    nb = handed_in(
        c4="%matplotlib inline\n!ls\ndisplay(1)\n" + NOISY.format("alpha * x0 + sigma * eps")
    )
    assert said(nb, "start.warm_up")[0] == RIGHT


def test_the_same_seed_judges_alike_and_another_draws_other_numbers():
    nb = handed_in(c4=NOISY.format("alpha * x0 + sigma * eps + 1e-3"))
    first, again, other = (said(nb, "start.warm_up", seed) for seed in (7, 7, 8))
    assert first == again and first[0] == WRONG and "seed 7" in first[1]
    assert other != first and "seed 8" in other[1]


# --- which notebook it is -------------------------------------------------------------------------


def test_a_submission_is_known_by_its_name_its_cells_or_its_number(tmp_path, write):
    one = write([cell("code", "x", id="a1"), cell("code", "y", id="a2")], "01_one.ipynb")
    two = write([cell("code", "x", id="b1"), cell("code", "y", id="b2")], "02_two.ipynb")
    known = lambda name, nb: original(tmp_path / "in" / name, nb, [one, two], load)
    nothing = notebook()
    assert known("02_two.ipynb", load(one)) == two  # the name that the lecturer sees
    assert known("ben.ipynb", load(two)) == two
    assert known("01 ben.ipynb", load(two)) == two  # its cells know better than its number
    assert known("01 ben.ipynb", nothing) == one
    assert known("ben.ipynb", nothing) is None
    assert known("ben.ipynb", notebook(cell("code", "x"), *load(two).cells[:1])) is None


NOTEBOOKS = sorted((marking.Path(__file__).resolve().parents[1] / "notebooks").glob("[0-9]*.ipynb"))


@pytest.mark.solved
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_is_marked_right_when_solved_and_blank_as_shipped(path):
    nb = load(path)
    for hand_in, symbol in ((solved(nb), RIGHT), (nb, OPEN)):
        rows = [row for row in mark(nb, hand_in, 11) if row[1] != symbol]
        assert rows == []
