"""Every slide of every deck in a browser: nothing cut off, nothing too small, all formulas set."""

import re

import pytest
from barriers import barriers
from click.testing import CliRunner

from lessons_lib.course.cli import main, pages
from lessons_lib.course.cli.which import course
from lessons_lib.course.pages.assets import copy_assets
from lessons_lib.course.pages.pdf import print_deck
from lessons_lib.course.pages.slides import HEIGHT, WIDTH, decks, load_notes

SMALLEST = 24  # pixels of 900: what the back row still reads

# Each slide with all of its parts shown: how far its content reaches, and its smallest letters.
MEASURE = """() => {
  const words = (each) => each.textContent.trim().slice(0, 40);
  const top = (list, size) => list.map((each) => [size(each), words(each)])
    .reduce((most, each) => (each[0] > most[0] ? each : most), [-Infinity, ""]);
  const measured = [];
  for (let last = false; !last; Reveal.next()) {
    while (Reveal.availableFragments().next) Reveal.nextFragment();
    const slide = Reveal.getCurrentSlide(), scale = Reveal.getScale();
    const corner = slide.getBoundingClientRect();
    const seen = [...slide.querySelectorAll("*")].filter((each) =>
      each.getBoundingClientRect().width && !each.closest("aside, mjx-assistive-mml"));
    const written = seen.filter((each) =>
      [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()));
    measured.push({
      id: slide.id,
      tall: slide.scrollHeight,
      wide: top(seen, (each) => (each.getBoundingClientRect().right - corner.left) / scale),
      small: top(written, (each) => -parseFloat(getComputedStyle(each).fontSize)),
    });
    last = Reveal.isLastSlide();
  }
  return measured;
}"""

# What MathJax could not set, and what looks like a formula that nobody has set.
UNSET = r"""() => [
  ...[...document.querySelectorAll("mjx-merror")].map((each) => each.textContent),
  ...[...document.querySelectorAll("section p, section li, section td")]
    .map((each) => each.textContent)
    .filter((text) => /\\(frac|sigma|alpha|hat)|\$\$/.test(text)),
]"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder with the scripts that decks need."""
    made = tmp_path_factory.mktemp("slides")
    copy_assets(made / "assets", "reveal", "mathjax")
    return made


def shown(look, page, query=""):
    """A deck in a browser, when its formulas are set and its pictures fit."""
    made = look(page.as_uri() + query, width=WIDTH, height=HEIGHT)
    made.wait_for_selector("body[data-ready]", state="attached")
    return made


@pytest.mark.parametrize("edition", ["room", "lecturer"])
@pytest.mark.parametrize("path", course(), ids=lambda path: path.stem)
def test_no_slide_is_cut_off_or_shut_to_anybody(path, edition, folder, look):
    page = folder / f"{path.stem}.{edition}.html"
    page.write_text(decks(path)[edition == "lecturer"], "utf-8")
    on_screen = shown(look, page)
    assert on_screen.evaluate(UNSET) == []
    assert on_screen.locator("img:not([alt]), img[alt='']").count() == 0
    assert on_screen.locator(".reveal").bounding_box()["height"] == HEIGHT  # else all is white
    slides = on_screen.evaluate(MEASURE)
    assert len(slides) > 5
    wrong = []
    for slide in slides:
        (wide, what), (small, which) = slide["wide"], slide["small"]
        if slide["tall"] > HEIGHT:
            wrong.append(f"{slide['id']}: {slide['tall']} pixels tall")
        if wide > WIDTH:
            wrong.append(f"{slide['id']}: {wide:.0f} pixels wide: {what}")
        if -small < SMALLEST:
            wrong.append(f"{slide['id']}: letters of {-small} pixels: {which}")
    assert wrong == []
    if edition == "lecturer":  # which has all slides of the other; on paper they are seen at once
        assert barriers(shown(look, page, "?paper")) == []


@pytest.fixture
def first(folder):
    """The lecturer's deck of the first notebook, and how many slides it has."""
    page = folder / "first.html"
    page.write_text(decks(course()[0])[1], "utf-8")
    return page, page.read_text("utf-8").count('<section id="')


def test_the_lecturers_window_says_what_to_say(first, look):
    screen = shown(look, first[0])
    with screen.expect_popup() as opened:
        screen.keyboard.press("s")
    notes = opened.value.locator(".speaker-controls-notes .value")
    said = list(load_notes("00").values())
    assert len(said) > 5
    for note in said[:3]:
        wanted = " ".join(note.say.split())[:30]
        opened.value.wait_for_function(
            "(text) => document.querySelector('.speaker-controls-notes .value')"
            ".textContent.replace(/\\s+/g, ' ').includes(text)",
            arg=wanted,
        )
        assert f"{note.minutes:g} min" in notes.inner_text()
        while screen.evaluate("Reveal.availableFragments().next"):
            screen.keyboard.press("Space")
        screen.keyboard.press("Space")


def test_the_lecturers_pages_have_each_slide_and_its_notes(first, chromium, look, tmp_path):
    page, count = first
    paper = shown(look, page, "?paper")
    assert paper.locator(".said").count() == count == paper.locator("section section").count()
    assert all(len(text) > 20 for text in paper.locator(".said").all_inner_texts()[:5])
    print_deck(chromium, page, tmp_path / "deck.pdf")
    content = (tmp_path / "deck.pdf").read_bytes()
    sheets = len(re.findall(rb"/Type\s*/Page\b", content))
    assert content.startswith(b"%PDF") and count / 2 <= sheets <= count


def test_no_browser_no_pdf_and_the_decks_are_made_all_the_same(monkeypatch, tmp_path):
    monkeypatch.setattr(pages, "SLIDES", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    done = CliRunner().invoke(main, ["slides", "00", "--pdf"])
    assert done.exit_code == 1 and "no PDF: no browser is installed" in done.output
    assert sorted(file.suffix for file in tmp_path.glob("00*")) == [".html", ".html"]
