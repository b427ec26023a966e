"""Saved, closed and opened again, with a kernel and without: what was seen still stands."""

from driver import Notebook, lab

# Which cells show pictures; and what says that something cannot be shown.
PICTURES = """() => [...document.querySelectorAll(".jp-Notebook .jp-Cell")].map((cell) =>
  +[...cell.querySelectorAll(".jp-OutputArea img")].some((img) => img.naturalWidth > 1)
).join("")"""
LOST = """() => [...document.querySelectorAll(".jp-OutputArea")].map((each) => each.innerText)
  .filter((text) => /model not found|Error displaying widget|Loading widget/i.test(text))"""


def stands(notebook, pictures: str) -> None:
    """Wait until all pictures are there; no widget may be lost."""
    expect = f"(pictures) => ({PICTURES})() === pictures"
    notebook.page.wait_for_function(expect, arg=pictures)
    assert notebook.page.evaluate(LOST) == []


def described(cells) -> list[str]:
    """What a file says of each picture in its outputs."""
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    about = [output.get("metadata", {}).get("image/png") for output in outputs]
    return [each["alt"] for each in about if each]


def test_what_was_seen_is_there_tomorrow(notebook, chromium):
    page, pictures = notebook.page, notebook.page.evaluate(PICTURES)
    assert "1" in pictures
    notebook.save()
    page.reload()
    stands(Notebook(page, notebook.file), pictures)
    assert notebook.problems == []
    with lab(notebook.home, notebook.file.stem, kernel=False) as address:
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        page.locator(".jp-Dialog button", has_text="No Kernel").click()
        again = Notebook(page, notebook.file)
        stands(again, pictures)
        says = [each.get_attribute("alt") for each in page.locator(".jp-OutputArea img").all()]
        assert set(described(again.cells)) <= set(says)
        page.close()
