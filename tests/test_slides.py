"""What a deck shows, and in which order; tests/browser/test_slides.py looks at it."""

import nbformat
import pytest
from conftest import cell
from test_notebooks import each_notebook

from lessons_lib import files
from lessons_lib.course.notebooks.editions import asks
from lessons_lib.course.notebooks.execute import load
from lessons_lib.course.pages.slides import kind, load_notes, prepared, with_answers

MOST = 3  # fragments on one slide


def slides(nb) -> list[list]:
    """The cells of each slide, but for those that only the lecturer sees."""
    found = []
    for each in nb.cells:
        if kind(each) in ("slide", "subslide"):
            found.append([])
        if kind(each) not in ("skip", "notes"):
            found[-1].append(each)
    return found


@each_notebook
def test_every_slide_has_minutes_and_words_for_the_lecturer(path):
    begin = [cells[0].id for cells in slides(load(path))]
    assert list(load_notes(path.name[:2])) == begin


@each_notebook
def test_a_slide_shows_little_at_a_time(path):
    many = {cells[0].id: sum(kind(c) == "fragment" for c in cells) for cells in slides(load(path))}
    assert {id: count for id, count in many.items() if count > MOST} == {}


@each_notebook
def test_a_guess_comes_before_its_picture(path):
    """What stands under a question on one slide appears when the room has answered."""
    for cells in slides(load(path)):
        for question, below in zip(cells, cells[1:], strict=False):
            if asks(question):
                assert kind(below) == "fragment", f"{below.id} shows at once what is asked above"


def test_an_answer_is_on_the_lecturers_slides_only_and_behind_its_question():
    tagged = {"tags": ["exercise:ddim.one_step_by_hand"], "slideshow": {"slide_type": "skip"}}
    stub = cell("code", "one_step_by_hand = ...") | {"metadata": tagged}
    shown = {"slideshow": {"slide_type": "slide"}}
    question = cell("markdown", "## How far?") | {"metadata": shown}
    for each, id in ((question, "q"), (stub, "s")):
        each["id"] = id
    nb = nbformat.from_dict({"cells": [question, stub], "metadata": {}, "nbformat": 4})
    assert [c.id for c in prepared(nb, {}).cells] == ["q"]
    answers = prepared(with_answers(nb), {}).cells
    assert [c.id for c in answers] == ["q", "s"] and "..." not in answers[1].source
    assert "Answer" in answers[1].metadata["before"] and kind(answers[1]) == "subslide"
    nb.cells[0].metadata = {"slideshow": {"slide_type": "skip"}}
    nb.cells.insert(0, nbformat.from_dict(cell("markdown", "# A title", id="t")))
    nb.cells[0].metadata = shown
    assert [c.id for c in prepared(with_answers(nb), {}).cells] == ["t"]


def test_what_stands_under_a_question_stays_with_it_where_its_answer_follows():
    nb = small("slide", "skip", "fragment", "notes", "slide")
    nb.cells[1] |= {"cell_type": "code", "source": "one_step_by_hand = ...", "outputs": []}
    nb.cells[1].metadata.tags = ["exercise:ddim.one_step_by_hand"]
    assert [c.id for c in with_answers(nb).cells] == ["c0", "c2", "c3", "c1", "c4"]


def small(*kinds: str):
    """A notebook with one line of prose in each cell."""
    cells = [cell("markdown", f"line {i}", id=f"c{i}") for i in range(len(kinds))]
    for each, which in zip(cells, kinds, strict=True):
        each["metadata"] = {"slideshow": {"slide_type": which}}
    return nbformat.from_dict({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_every_part_of_a_deck_that_begins_also_ends():
    kinds = "slide - fragment - fragment subslide notes fragment slide skip subslide".split()
    cells = prepared(small(*kinds), {}).cells
    text = "".join(c.metadata["before"] + c.metadata["after"] for c in cells)
    assert text.count("<section") == text.count("</section>") == 6
    assert text.count('<div class="fragment">') == text.count("</div>") == 3
    assert cells[-1].metadata["after"] == "</section></section>"


def test_code_that_only_draws_or_tells_is_not_on_a_slide():
    nb = small("slide", "-", "-", "-")
    sources = "show(x)\nshow_table(rows)", "def f(x):\n    return 2 * x", "print(f(3))", "y = 2"
    for each, source in zip(nb.cells, sources, strict=True):
        each |= {"cell_type": "code", "source": source, "outputs": []}
    nb.cells[3].metadata.slideshow.code = False
    assert [c.metadata["code"] for c in prepared(nb, {}).cells] == [False, True, False, False]
    nb.cells[1].outputs = [{"output_type": "display_data", "data": {"image/png": ""}}]
    assert not prepared(nb, {}).cells[1].metadata["code"]


@pytest.mark.parametrize("row", ["minutes: 0\n  say: so", "minutes: 2\n  say: ''", "minutes: 2"])
def test_a_note_without_minutes_or_words_is_refused_with_its_place(row, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "DATA", tmp_path)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/04.yaml").write_text(f"first:\n  {row}\n")
    with pytest.raises(files.FileProblem, match=r"data/notes/04.yaml, line 1: first is"):
        load_notes("04")
