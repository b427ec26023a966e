"""The reader's own copies: renewed with the course, and no answer is ever lost."""

import copy
import os
from pathlib import Path

import nbformat
import pytest
from conftest import cell

from lessons_lib.course.exercises.bank import OnPaper, find
from lessons_lib.course.notebooks import copies
from lessons_lib.course.notebooks.editions import marked, readers
from lessons_lib.course.notebooks.execute import load, printed, save
from lessons_lib.course.notebooks.reading import values

STUB, ANSWER = "def noisy(x0, alpha, sigma, eps):\n    return ...", "def noisy(*a):\n    return 1"
NAME = "00_small.ipynb"


def stream(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


@pytest.fixture
def shelf(tmp_path):
    """A course with one small notebook, and the reader's folder."""
    return Shelf(tmp_path / "course", tmp_path / "copies")


class Shelf:
    """The course's notebook is `now`, the reader's copy `mine`; `renew` is what `lab` does."""

    def __init__(self, course, folder):
        self.course, self.folder = course, folder
        course.mkdir()
        self.change(
            [
                cell("markdown", "# Small", id="head"),
                cell("code", "import torch", id="begin"),
                cell("code", STUB, "exercise:start.warm_up", id="stub"),
                cell("code", "check(...)", "check:start.warm_up", id="check"),
                cell("markdown", "Prose.", id="prose"),
                cell("code", "print(1)", id="demo", execution_count=5, outputs=[stream("1\n")]),
            ]
        )

    def change(self, cells, name=NAME):
        nb = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        save(nbformat.from_dict(copy.deepcopy(nb)), self.course / name)

    def renew(self):
        names = sorted(self.course.glob("*.ipynb"))
        done = list(copies.renew(names, self.folder))
        for path, _ in done:
            nbformat.validate(load(path))
        return [said for _, said in done]

    def now(self, name=NAME):
        return load(self.course / name).cells

    def mine(self, name=NAME):
        return load(self.folder / name).cells

    def write(self, change, name=NAME):
        """What the reader does to the copy: change gets the cells by id, and the list of them."""
        nb = load(self.folder / name)
        change({c.id: c for c in nb.cells}, nb.cells)
        save(nb, self.folder / name)

    def edit(self, **sources):
        """What the author does to the course: other sources, by id."""
        cells = self.now()
        for each in cells:
            each.source = sources.get(each.id, each.source)
        self.change(cells)

    def sources(self, name=NAME):
        return {c.id: c.source for c in self.mine(name)}


def answer(by_id, cells):
    by_id["stub"].source = ANSWER


def test_a_copy_is_made_once_and_nothing_is_done_when_nothing_changed(shelf):
    assert shelf.renew() == ["made"] and shelf.mine() == shelf.now()
    shelf.write(answer)
    before = (shelf.folder / NAME).read_bytes()
    assert shelf.renew() == [""] and (shelf.folder / NAME).read_bytes() == before


def test_what_the_reader_has_not_touched_is_renewed_and_the_answer_stays(shelf):
    shelf.renew(), shelf.write(answer)
    shelf.edit(prose="Better prose.", demo="print(2)", begin="import torch, math")
    assert shelf.renew() == ["renewed, with what you wrote in it"]
    assert shelf.sources() == {
        "head": "# Small",
        "begin": "import torch, math",
        "stub": ANSWER,
        "check": "check(...)",
        "prose": "Better prose.",
        "demo": "print(2)",
    }
    assert shelf.mine()[2].metadata.tags == ["exercise:start.warm_up"]


def test_outputs_that_the_reader_has_seen_stay_unless_the_cell_is_another(shelf):
    def ran(by_id, cells):
        by_id["demo"].outputs = [nbformat.from_dict(stream("1, here\n"))]
        by_id["demo"].execution_count = 9

    shelf.renew(), shelf.write(ran)
    shelf.edit(prose="Better prose.")
    shelf.renew()
    assert shelf.mine()[-1].outputs[0].text == "1, here\n"
    cells = shelf.now()
    cells[-1].source, cells[-1].outputs[0].text = "print(2)", "2\n"
    shelf.change(cells), shelf.renew()
    assert shelf.mine()[-1].outputs[0].text == "2\n"


def test_outputs_that_nobody_touched_are_renewed(shelf):
    shelf.renew()
    cells = shelf.now()
    cells[-1].outputs[0].text = "1.0\n"
    shelf.change(cells), shelf.renew()
    assert shelf.mine()[-1].outputs[0].text == "1.0\n"


def test_where_both_changed_a_cell_the_readers_wins_and_the_new_text_is_added(shelf):
    def write(by_id, cells):
        answer(by_id, cells)
        by_id["prose"].source = "Prose, and my note."

    shelf.renew(), shelf.write(write)
    new = STUB.replace("x0", "x")
    shelf.edit(stub=new, prose="Better prose.")
    shelf.renew()
    found = shelf.sources()
    assert found["stub"] == ANSWER and found["prose"] == "Prose, and my note."
    assert found["stub-new-1"].endswith(new) and found["prose-new-1"].endswith("Better prose.")
    ids = list(found)
    assert ids.index("stub") == ids.index("stub-new-1") + 1  # so the answer has the last word
    (only,) = marked(load(shelf.folder / NAME), "exercise")
    assert only[1].source == ANSWER
    shelf.renew()
    assert shelf.sources() == found  # said once


def test_cells_that_the_reader_added_stay_behind_the_cell_they_stood_behind(shelf):
    def add(by_id, cells):
        own = lambda i: nbformat.from_dict(cell("code", f"own = {i}", id=f"own-{i}"))
        cells.insert(0, own(0)), cells.insert(4, own(1)), cells.append(own(2))

    shelf.renew(), shelf.write(add)
    cells = shelf.now()
    del cells[2]  # the course drops the cell above the reader's own
    cells.insert(4, cell("markdown", "New.", id="new"))
    shelf.change(cells), shelf.renew()
    order = ["own-0", "head", "begin", "own-1", "check", "prose", "new", "demo", "own-2"]
    assert list(shelf.sources()) == order


def test_a_cell_that_the_reader_deleted_stays_away_until_it_changes(shelf):
    shelf.renew(), shelf.write(lambda by_id, cells: cells.remove(by_id["prose"]))
    shelf.edit(demo="print(2)"), shelf.renew()
    assert "prose" not in shelf.sources()
    shelf.edit(prose="Better prose."), shelf.renew()
    assert shelf.sources()["prose"] == "Better prose."


def test_a_cell_that_the_course_dropped_goes_unless_the_reader_wrote_in_it(shelf):
    shelf.renew(), shelf.write(answer)
    shelf.change([c for c in shelf.now() if c.id not in ("stub", "demo")]), shelf.renew()
    assert shelf.sources()["stub"] == ANSWER and "demo" not in shelf.sources()
    shelf.edit(prose="Better prose."), shelf.renew()
    assert shelf.sources()["stub"] == ANSWER


def test_two_updates_in_a_row_with_answers_between(shelf):
    shelf.renew()
    shelf.edit(prose="Second prose."), shelf.renew()
    shelf.write(answer)
    shelf.edit(prose="Third prose.", stub=STUB + "  # shape (B,)"), shelf.renew()
    shelf.write(lambda by_id, cells: by_id["demo"].update(source="print(3)"))
    shelf.edit(prose="Fourth prose.", stub=STUB + "  # shape (B, C)"), shelf.renew()
    found = shelf.sources()
    assert found["prose"] == "Fourth prose." and found["stub"] == ANSWER
    assert found["demo"] == "print(3)"
    assert found["stub-new-1"].endswith("(B,)") and found["stub-new-2"].endswith("(B, C)")


def test_a_renamed_notebook_takes_the_answers_with_it(shelf):
    shelf.renew(), shelf.write(answer)
    shelf.edit(prose="Better prose.")
    (shelf.course / NAME).rename(shelf.course / "01_other.ipynb")
    shelf.renew()
    found = shelf.sources("01_other.ipynb")
    assert found["stub"] == ANSWER and found["prose"] == "Better prose."
    assert [path.name for path in shelf.folder.glob("*.ipynb")] == ["01_other.ipynb"]


def test_a_notebook_that_is_new_takes_nothing_from_another(shelf):
    shelf.renew(), shelf.write(answer)
    shelf.change([cell("code", "x", id="begin"), cell("code", "y", id="y")], "01_other.ipynb")
    assert shelf.renew() == ["", "made"]
    assert shelf.sources()["stub"] == ANSWER and len(shelf.sources("01_other.ipynb")) == 2


@pytest.mark.parametrize("content", [b"", b"{", b'{"nbformat": 3}', b"\xff\x00"])
def test_a_copy_that_cannot_be_read_is_kept_beside_a_new_one(shelf, content):
    for i in (1, 2):
        shelf.renew()
        (shelf.folder / NAME).write_bytes(content)
        aside = f"00_small.unreadable-{i}.ipynb"
        assert shelf.renew() == [f"could not be read, and is now {aside}; made again"]
        assert (shelf.folder / aside).read_bytes() == content
        assert shelf.mine() == shelf.now()


@pytest.mark.parametrize("lost", ["absent", "broken"])
def test_without_the_old_text_answers_and_own_words_stay(shelf, lost):
    def write(by_id, cells):
        answer(by_id, cells)
        by_id["prose"].source = "Prose, and my note."

    shelf.renew(), shelf.write(write)
    kept = shelf.folder / copies.KEPT / NAME
    kept.unlink() if lost == "absent" else kept.write_text("{")
    shelf.edit(demo="print(2)"), shelf.renew()
    found = shelf.sources()
    assert found["stub"] == ANSWER and found["prose"] == "Prose, and my note."
    assert "stub-new-1" not in found  # an answer is no change of the course's
    shelf.edit(demo="print(3)"), shelf.renew()  # and from then on as ever
    assert {i: s for i, s in shelf.sources().items() if "demo" not in i} == {
        i: s for i, s in found.items() if "demo" not in i
    }


def test_a_copy_whose_ids_an_old_editor_dropped(shelf):
    def drop(by_id, cells):
        answer(by_id, cells)
        for each in cells:
            del each["id"]

    shelf.renew(), shelf.write(drop)
    shelf.edit(prose="Better prose.", demo="print(2)"), shelf.renew()
    found = shelf.sources()
    assert found["stub"] == ANSWER and found["prose"] == "Better prose."
    assert len(found) == 6 and found["demo"] == "print(2)"


def test_a_renewal_interrupted_at_any_write_is_done_again_and_nothing_twice(tmp_path, monkeypatch):
    replace, results = os.replace, []

    def story(folder, stop_at):
        folder.mkdir()
        shelf, calls = Shelf(folder / "course", folder / "copies"), iter(range(1000))

        def failing(*paths):
            if next(calls) == stop_at:
                raise KeyboardInterrupt
            return replace(*paths)

        def renew():
            nonlocal calls
            calls = iter(range(1000))
            with monkeypatch.context() as patch:
                patch.setattr(os, "replace", failing)
                try:
                    shelf.renew()
                except KeyboardInterrupt:
                    patch.setattr(os, "replace", replace)
                    shelf.renew()
                    return True
            return False

        stopped = [renew()]
        shelf.write(answer)
        shelf.edit(stub=STUB + "  # new", prose="Better prose.")
        stopped.append(renew())
        shelf.edit(prose="Best prose.")
        (shelf.course / NAME).rename(shelf.course / "01_other.ipynb")
        stopped.append(renew())
        results.append(shelf.sources("01_other.ipynb"))
        assert not [p for p in shelf.folder.rglob("*") if p.is_file() and p.suffix != ".ipynb"]
        return any(stopped)

    story(tmp_path / "whole", None)
    assert results[0]["stub"] == ANSWER and results[0]["prose"] == "Best prose."
    at = 0
    while story(tmp_path / str(at), at):
        at += 1
    assert at == 4 and all(result == results[0] for result in results)


# --- no answer stands under its question ----------------------------------------------------------

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("[0-9]*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@each_notebook
def test_no_output_is_seen_below_a_guess_until_the_next_prose(path):
    fresh, boxes = readers(load(path)).cells, 0
    for i, each in enumerate(fresh):
        if each.cell_type == "markdown" and "before you run" in each.source.lower():
            boxes += 1
            below = i + 1
            while below < len(fresh) and fresh[below].cell_type == "code":
                assert not fresh[below].outputs and fresh[below].execution_count is None
                below += 1
            assert below > i + 1, f"{each.id} asks for a guess, and no code cell follows"
    assert boxes >= 1


@each_notebook
def test_no_number_that_a_pencil_is_to_find_is_seen_below(path):
    fresh, asked = readers(load(path)), []
    for each in fresh.cells:
        for id, _ in marked(type(fresh)(cells=[each]), "exercise"):
            task = find(id)
            if isinstance(task, OnPaper):
                assert not each.outputs
                parts = task.answer if isinstance(task.answer, tuple) else (task.answer,)
                numbers = [p for p in parts if not isinstance(p, str) and p != round(p)]
                asked += [(id, abs(p), task.tolerance) for p in numbers]
        for output in each.get("outputs", []):
            for x in values(printed(output)):
                told = [id for id, y, slack in asked if abs(x - y) <= slack + 1e-12]
                assert not told, f"{each.id} prints {x}, the answer to {told}"


@each_notebook
def test_the_reader_still_finds_pictures_to_read_by(path):
    whole, fresh = (
        [c for c in nb.cells if c.get("outputs")] for nb in (load(path), readers(load(path)))
    )
    assert len(fresh) >= len(whole) / 5 and [c.source for c in load(path).cells] == [
        c.source for c in readers(load(path)).cells
    ]
