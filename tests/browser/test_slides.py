"""Every slide of every deck in a browser: nothing cut off, nothing too small, all formulas set."""

import pytest

from lessons_lib.course.cli.which import course
from lessons_lib.course.pages.slides import HEIGHT, WIDTH, copy_assets, decks

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
    copy_assets(made / "assets")
    return made


@pytest.mark.parametrize("edition", ["room", "lecturer"])
@pytest.mark.parametrize("path", course(), ids=lambda path: path.stem)
def test_no_slide_is_cut_off(path, edition, folder, look):
    page = folder / f"{path.stem}.{edition}.html"
    page.write_text(decks(path)[edition == "lecturer"], "utf-8")
    shown = look(page.as_uri(), width=WIDTH, height=HEIGHT)
    shown.wait_for_selector("body[data-ready]", state="attached")
    assert shown.evaluate(UNSET) == []
    assert shown.locator("img:not([alt]), img[alt='']").count() == 0
    slides = shown.evaluate(MEASURE)
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
