"""The sources of the book, for which no Sphinx is needed; tests/browser/test_book.py reads it."""

import json
import re

import pytest
from click.testing import CliRunner

from lessons_lib.course.cli import main
from lessons_lib.course.pages.book import glossary, library, links, sources
from lessons_lib.files import ROOT

GITHUB = "https://github.com/OWNER/NAME"
NOTEBOOKS = links.notebooks()


def read(path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def text(nb) -> str:
    """All that stands in a notebook's cells."""
    return "\n".join("".join(cell["source"]) for cell in nb["cells"])


# --- notebooks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_page_of_a_notebook_leaves_out_ways_and_notes_alone(path):
    before, after = read(path)["cells"], sources.notebook(read(path), path.name)["cells"]
    notes = [c["id"] for c in before if c["metadata"]["slideshow"]["slide_type"] == "notes"]
    kept = [c["id"] for c in after]
    assert {c["id"] for c in before} - set(kept) == {"way-in", "way-on", *notes}
    made = [id for id in kept if id not in {c["id"] for c in before}]
    assert made[0].endswith("-get") and all(id.endswith("-hints") for id in made[1:])


def test_what_a_page_is_made_of_stays_as_it_was():
    nb = read(NOTEBOOKS[4])
    sources.notebook(nb, NOTEBOOKS[4].name)
    assert nb == read(NOTEBOOKS[4])


def test_an_address_for_colab_is_never_invented():
    name = NOTEBOOKS[4].name
    assert "olab" not in text(sources.notebook(read(NOTEBOOKS[4]), name))
    said = text(sources.notebook(read(NOTEBOOKS[4]), name, GITHUB))
    assert f"colab.research.google.com/github/OWNER/NAME/blob/main/notebooks/{name}" in said
    assert f"git clone --depth 1 {GITHUB} && pip install -q -e NAME\n%cd NAME" in said


def test_a_link_that_shows_a_file_s_name_shows_the_page_s_title():
    said = sources.markdown(
        "See [plan.md](plan.md), [the plan](plan.md), [../glossary.yaml](../glossary.yaml)."
    )
    assert said == "See [](plan.md), [the plan](plan.md), [](../glossary.md)."


@pytest.mark.parametrize(
    "address",
    [GITHUB, f"{GITHUB}.git", "git@github.com:OWNER/NAME.git", "ssh://git@github.com/OWNER/NAME"],
)
def test_an_address_of_the_course_is_read(address):
    from lessons_lib.course.cli.pages import public

    assert public(address) == GITHUB


@pytest.mark.parametrize(
    "address", ["", "/srv/course", "https://example.org/OWNER/NAME", "https://github.com/OWNER"]
)
def test_another_address_gives_no_button(address):
    from lessons_lib.course.cli.pages import public

    assert public(address) == ""


def test_an_address_that_is_none_is_refused():
    done = CliRunner().invoke(main, ["book", "--repository", "course"])
    assert done.exit_code == 2
    assert "'course'; allowed is https://github.com/OWNER/NAME" in done.output


# --- contents -------------------------------------------------------------------------------------


def test_every_notebook_and_every_page_is_in_the_contents(tmp_path):
    sources.write(tmp_path)
    listed = []
    for page in tmp_path.rglob("*.md"):
        for block in page.read_text(encoding="utf-8").split("```{toctree}")[1:]:
            entries = [
                line for line in block.split("```")[0].splitlines() if line and line[0] != ":"
            ]
            listed += [(page.parent / entry).relative_to(tmp_path).as_posix() for entry in entries]
    pages = [*tmp_path.rglob("*.md"), *tmp_path.glob("notebooks/*.ipynb")]
    there = [page.relative_to(tmp_path).with_suffix("").as_posix() for page in pages]
    assert sorted(listed) == sorted(set(there) - {"index"})


def test_the_parts_are_those_of_the_map():
    found = sources.parts()
    assert list(found)[:2] == ["I. Diffusion by hand", "II. Why it works"]
    assert sum(found.values(), []) == [path.stem for path in NOTEBOOKS]


# --- the glossary ---------------------------------------------------------------------------------


def test_the_first_mention_of_a_term_is_found_and_no_second():
    known = set()
    said = "A sampler walks; samplers differ. The guidance scale is w."
    found = [(said[a:b], symbol) for a, b, symbol in glossary.first_terms(said, known)]
    assert ("sampler", "sampler") in found and [s for _, s in found].count("sampler") == 1
    assert "guidance scale" in [words for words, _ in found]
    assert "sampler" not in [s for *_, s in glossary.first_terms("Another sampler.", known)]


def test_what_stands_in_quotes_is_no_mention():
    assert glossary.first_terms("03, “The sampler”", set()) == []
    assert len(glossary.first_terms("03, “The sampler”: a sampler", set())) == 1


def test_the_glossary_says_of_each_term_where_it_is_explained():
    page = glossary.page()
    assert page.count("\n  Explained in [") == len(glossary.entries())


# --- the library ----------------------------------------------------------------------------------


def test_every_public_function_of_the_library_has_its_place():
    made = library.pages()
    for room in library.rooms():
        heads = re.findall(r"^:+\{py:(?:function|class)\} [\w.]+\.(\w+)\(", made[room], re.M)
        there = [n.name for f in library.modules(room) for n in library.parsed(f).body
                 if isinstance(n, library.KINDS) and n.name[0] != "_"]  # fmt: skip
        assert heads == there and there, room


def test_a_signature_is_what_the_file_says():
    page = library.pages()["samplers"]
    assert (
        "lessons_lib.samplers.ddim(denoise, x, t, s, last=None, generator=None, eta=0.0) -> Step"
        in page
    )
    assert "lessons_lib.levels.Level(time: Tensor, alpha: Tensor, sigma: Tensor)" in library.page(
        "levels"
    )


def test_a_docstring_s_columns_stay_columns():
    assert library.paragraph("a    the first\nb    the second").startswith("```text\n")
    assert links.prose("x_t = `a` * <b>, *so*") == "x\\_t = `a` \\* \\<b>, *so*"


def test_the_library_leads_to_the_lessons_that_write_it_out():
    said = library.lessons_of("reverse_var")
    assert "“Why going back needs the data”" in said
    assert ROOT.joinpath("notebooks", said.split("notebooks/")[1].split("#")[0]).is_file()


@pytest.mark.parametrize(
    "code, name",
    [
        ("Level", "lessons_lib.levels.Level"),
        ("eps_from_x0(x, x0, t)", "lessons_lib.diffuse.eps_from_x0"),
        ('learn.load("digits")', "lessons_lib.learn.load"),
        ("digits", ""),  # a data set in the library, a network in a notebook
        ("t.alpha", ""),
    ],
)
def test_code_means_a_function_where_it_can_mean_nothing_else(code, name):
    assert library.meant(code) == name
