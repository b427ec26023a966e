"""The book as a reader meets it: from a file, without a network, light, dark and narrow."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import pytest
from barriers import barriers

from lessons_lib.course.exercises.bank import find
from lessons_lib.course.pages import book
from lessons_lib.course.pages.book import glossary, library, links, sources
from lessons_lib.course.practice.flash import load_cards
from lessons_lib.course.practice.written import load_questions
from lessons_lib.files import ROOT

# Its theme and its parser call what Sphinx is about to rename.
pytestmark = pytest.mark.filterwarnings("ignore:.*Check CHANGES for Sphinx API")

GITHUB = "https://github.com/OWNER/NAME"
NOTEBOOKS = links.notebooks()
STEMS = [path.stem for path in NOTEBOOKS]
THEMES = {"light": {}, "dark": {"dark": True}}
# One of each kind: all of them, in both themes, take ten minutes.
KINDS = ["index", "notebooks/00_start_here", "docs/glossary", "docs/errata", "docs/teaching"]
KINDS += ["docs/part_one/recall", "library/learn", "search", "genindex"]


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """The book, made once, in a folder where an older one lies."""
    folder = tmp_path_factory.mktemp("book")
    (folder / "html").mkdir()
    (folder / "html" / "stale.html").write_text("an older book's")
    return book.make(folder, GITHUB).front.parent


# --- what stands in the files ---------------------------------------------------------------------


class Page(HTMLParser):
    """What a page holds: ids, links (with the tags around each), pictures, and its words."""

    VOID = {"img", "meta", "link", "input", "br", "hr", "source", "wbr", "col"}

    def __init__(self, path: Path):
        super().__init__()
        self.ids, self.links, self.pictures, self.words, self.around = set(), [], [], [], []
        self.path, self.terms, self.heads = path, [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        about = dict(attrs)
        self.ids |= {about[name] for name in ("id", "name") if about.get(name)}
        self.links += [about[name] for name in ("href", "src") if about.get(name)]
        if tag == "th":
            self.heads.append("")
        if tag == "img":
            self.pictures.append(about)
        if "std-term" in (about.get("class") or ""):
            self.terms.append((self.links[-1], list(self.around)))
        if tag not in self.VOID:
            self.around.append(tag)

    def handle_endtag(self, tag):
        while self.around and self.around.pop() != tag:
            pass

    def handle_data(self, data):
        self.words.append(data)
        if "th" in self.around:
            self.heads[-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


class Site(NamedTuple):
    """The folder of the book, and each of its pages by its path."""

    folder: Path
    pages: dict[str, Page]


@pytest.fixture(scope="session")
def read(site) -> Site:
    """Every page, read."""
    found = {p.relative_to(site).with_suffix("").as_posix(): Page(p) for p in site.rglob("*.html")}
    return Site(site, {name: page for name, page in found.items() if "_static" not in name})


def test_nothing_of_an_older_book_is_left(read):
    assert "stale" not in read.pages
    written = [*(read.folder.parent / "source").rglob("*.md"), *NOTEBOOKS]
    made = [name for name in read.pages if name not in ("search", "genindex")]
    assert len(made) == len(written)


def test_every_link_leads_somewhere(read):
    broken, seen = [], 0
    for name, page in read.pages.items():
        for link in page.links:
            parts, seen = urlsplit(link), seen + 1
            if parts.scheme:
                if not (parts.scheme == "https" and "." in parts.netloc and " " not in link):
                    broken.append((name, link))
                continue
            target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
            there = read.pages.get(
                target.relative_to(read.folder.resolve()).with_suffix("").as_posix()
            )
            whole = target.is_file() and target.suffix not in (".ipynb", ".md", ".yaml")
            whole |= "_downloads" in target.parts and target.is_file()
            if not whole or (parts.fragment and there and unquote(parts.fragment) not in there.ids):
                broken.append((name, link))
    assert broken == [] and seen > 5000


@pytest.mark.parametrize("stem", STEMS)
def test_a_picture_says_what_the_notebook_says_of_it(read, stem):
    cells = json.loads((ROOT / "notebooks" / f"{stem}.ipynb").read_text(encoding="utf-8"))["cells"]
    told = [o["metadata"]["image/png"]["alt"] for c in cells for o in c.get("outputs", [])
            if "image/png" in o.get("data", {})]  # fmt: skip
    assert [picture["alt"] for picture in read.pages[f"notebooks/{stem}"].pictures] == told


def test_no_head_of_a_table_is_without_words(read):
    heads = [head for page in read.pages.values() for head in page.heads]
    assert len(heads) > 100 and not [head for head in heads if not head.strip()]


def test_no_picture_is_without_words(read):
    pictures = [p for page in read.pages.values() for p in page.pictures]
    assert pictures and not [p for p in pictures if not re.search(r"\w \w", p.get("alt") or "")]


@pytest.mark.parametrize("stem", STEMS)
def test_a_notebook_may_be_taken_along_and_opened_in_colab(read, stem):
    page = read.pages[f"notebooks/{stem}"]
    (taken,) = [link for link in page.links if link.endswith(".ipynb") and "_downloads" in link]
    there = (page.path.parent / unquote(taken)).read_bytes()
    assert there == (ROOT / "notebooks" / f"{stem}.ipynb").read_bytes()
    colab = f"https://colab.research.google.com/github/OWNER/NAME/blob/main/notebooks/{stem}.ipynb"
    assert colab in page.links and f"git clone --depth 1 {GITHUB}" in page.text


@pytest.mark.parametrize("stem", STEMS)
def test_hints_stand_below_each_check_and_notes_to_the_lecturer_nowhere(read, stem):
    page = read.pages[f"notebooks/{stem}"]
    cells = json.loads((ROOT / "notebooks" / f"{stem}.ipynb").read_text(encoding="utf-8"))["cells"]
    tags = [tag for cell in cells for tag in cell["metadata"].get("tags", [])]
    checks = [tag.removeprefix("check:") for tag in tags if tag.startswith("check:")]
    assert page.text.count("Hint 1 of 3") == page.text.count("Hint 3 of 3") == len(checks)
    for cell in cells:
        if cell["metadata"]["slideshow"]["slide_type"] == "notes":
            first = "".join(cell["source"]).splitlines()[0]
            assert re.sub(r"[*`$]", "", first) not in page.text


def test_every_notebook_stands_in_its_part_with_one_number(read):
    front = read.pages["index"].text
    at = [front.index(name) for name in sources.parts()]
    assert at == sorted(at)
    for path in NOTEBOOKS:
        number, title = path.stem[:2], read.pages[f"notebooks/{path.stem}"].text
        assert f" {number} " in title and not re.search(rf"\d\.\d* {number} ", front)


def test_a_term_leads_to_the_glossary_once_a_page_and_only_from_prose(read):
    total = 0
    for name, page in read.pages.items():
        links = [link for link, _ in page.terms]
        assert len(links) == len(set(links)), name
        for _, around in page.terms:
            assert not {"code", "pre", "h1", "h2", "h3", "summary"} & set(around), name
            assert around.count("a") == 1, name
        total += len(links)
    assert total > 300
    terms = [id for id in read.pages["docs/glossary"].ids if id.startswith("term-")]
    assert len(terms) == len(glossary.entries())
    assert {urlsplit(link).fragment for p in read.pages.values() for link, _ in p.terms} <= set(
        terms
    )


def test_every_public_function_has_an_address(read):
    for room in library.rooms():
        page = read.pages[f"library/{room}"]
        for file in library.modules(room):
            names = [node.name for node in library.public(library.parsed(file).body)]
            homes = {library.home(room, file, name) for name in names}
            assert homes <= page.ids


def test_a_function_named_in_a_notebook_leads_to_its_lines(read):
    links = read.pages["notebooks/04_ddim_by_hand"].links
    assert "../library/diffuse.html#lessons_lib.diffuse.eps_from_x0" in links
    assert "../library/samplers.html#lessons_lib.samplers.ddim_inversion" in links


# --- as a browser shows it ------------------------------------------------------------------------


def typeset(page) -> None:
    """Wait until a page's formulas are set."""
    page.evaluate("window.MathJax && MathJax.startup.promise")


def overflow(page) -> int:
    """By how many pixels a page is wider than its window."""
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", KINDS)
def test_nothing_serious_stands_between_a_reader_and_the_page(site, look, name, theme):
    # With reduced motion no colour is caught half way to another.
    page = look(f"file://{site}/{name}.html", reduced_motion="reduce", **THEMES[theme])
    typeset(page)
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    assert barriers(page) == []


def test_no_page_is_wider_than_a_phone(site, read, look):
    page = look(width=390, height=844)
    wide, formulas = {}, 0
    for name in read.pages:
        page.goto(f"file://{site}/{name}.html")
        typeset(page)
        formulas += page.evaluate("document.querySelectorAll('mjx-container').length")
        slips = page.evaluate("document.querySelectorAll('[data-mml-node=merror]').length")
        raw = page.evaluate("document.querySelectorAll('.math:not(:has(mjx-container))').length")
        if over := max(overflow(page), 0) or slips or raw:
            wide[name] = over, slips, raw
    assert wide == {} and formulas > 1000


@pytest.mark.parametrize(
    "words, first, there",
    [
        ("x̂0", "Glossary", "02 The reverse process and the loss"),
        ("eps_from_x0", "lessons_lib.diffuse.eps_from_x0", "04 DDIM by hand: three steps"),
        ("guidance", "", "05 Classifier-free guidance: three scales"),
    ],
)
def test_the_search_finds(site, look, words, first, there):
    page = look(f"file://{site}/index.html")
    page.locator(".search-button-field:visible, .search-button:visible").first.click()
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a")
    page.wait_for_function(
        "document.querySelector('.search-summary').textContent.includes('found')"
    )
    found = page.locator("#search-results li a").all_inner_texts()
    assert there in found and (not first or found[0] == first)


def test_the_theme_has_a_switch(site, look):
    page = look(f"file://{site}/index.html")
    for mode in ("dark", "light"):
        page.locator(".theme-switch-button:visible").click()
        page.locator(f".theme-change-button[data-mode={mode}]:visible").click()
        assert page.evaluate("document.documentElement.dataset.theme") == mode


def test_questions_and_hints_are_folded_and_hints_unfold_one_by_one(site, look):
    page = look(f"file://{site}/notebooks/04_ddim_by_hand.html")
    for folded in (load_questions("04")[0]["question"], load_cards("04")[0]["question"]):
        assert page.locator("details:not([open]) > summary", has_text=folded).count() == 1
    hint = page.locator("details.hint", has_text="Hint 1 of 3").first
    said = hint.get_by_text(find("ddim.one_step_by_hand").hints[0][:20])
    assert not said.is_visible()
    hint.locator("summary").click()
    assert said.is_visible() and page.locator("details.hint[open]").count() == 1


def test_on_a_phone_every_button_does_something(site, look):
    page = look(f"file://{site}/notebooks/04_ddim_by_hand.html", width=390, height=844)
    page.locator(".primary-toggle:visible").click()
    page.get_by_role("link", name="05 Classifier-free guidance").first.wait_for()
    page.keyboard.press("Escape")
    page.reload()
    page.locator(".secondary-toggle:visible").click()
    page.get_by_role("link", name="Three steps by hand").first.wait_for()
    page.keyboard.press("Escape")
    page.reload()
    page.locator(".search-button:visible").click()
    page.locator("input[type=search]:visible").first.wait_for()


def test_in_the_dark_a_picture_is_no_glaring_plate(site, look):
    page = look(f"file://{site}/notebooks/04_ddim_by_hand.html", dark=True)
    style = "const s = getComputedStyle(document.querySelector('.cell_output img')); "
    dim, round_, pad = page.evaluate(
        f"() => {{{style} return [s.filter, s.borderRadius, s.padding]}}"
    )
    assert "brightness(0" in dim and round_ != "0px" and pad != "0px"
    table = "getComputedStyle(document.querySelector('.text_html')).backgroundColor"
    assert page.evaluate(table) == "rgba(0, 0, 0, 0)"
