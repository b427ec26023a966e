"""What is cut off in a notebook, as its page measures it."""

# Sizes in pixels: a narrow window; 1280 × 800 at 150 % zoom, which lays out as 853 × 533.
SIZES = {"narrow": (700, 900), "zoomed": (853, 533)}
USUAL = (1280, 900)

OURS = ".jp-OutputArea-output, .jp-MarkdownOutput, .cm-content"

# An element is cut off where it reaches beyond the panel, or beyond what hides its overflow, and
# nothing around it scrolls sideways. Code is to wrap: its bar is out of sight, too. What only a
# screen reader sees, and the insides of a slider's track, are no such elements.
CUT = """(ours) => {
  const seen = (each) => each.getBoundingClientRect().width > 1 && each.checkVisibility()
    && !each.closest("mjx-assistive-mml, .noUi-target, .jp-mod-hidden");
  const words = (each) => `${each.tagName} ${each.textContent.trim().slice(0, 40)}`;
  const panel = [...document.querySelectorAll(".jp-NotebookPanel")]
    .find((each) => each.checkVisibility()).querySelector(".jp-WindowedPanel-outer");
  const edge = panel.getBoundingClientRect().left + panel.clientWidth;
  const cut = (each) => {
    const right = each.getBoundingClientRect().right - 1;
    for (let around = each.parentElement; around !== panel; around = around.parentElement) {
      if (around.matches(".cm-scroller")) return right > around.getBoundingClientRect().right;
      const flow = getComputedStyle(around).overflowX;
      if (flow === "auto" || flow === "scroll")
        return around.getBoundingClientRect().right - 1 > edge;
      if (flow !== "visible" && right > around.getBoundingClientRect().right) return true;
    }
    return right > edge;
  };
  const all = [...panel.querySelectorAll(ours)].filter(seen);
  const inside = all.flatMap((each) => [each, ...each.querySelectorAll("*")]).filter(seen);
  return { looked: all.length, cut: [...new Set(inside.filter(cut).map(words))] };
}"""


def resize(page, width: int, height: int) -> None:
    """Make the window so large, and wait until the notebook has followed."""
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_function(
        """([width]) => innerWidth === width
          && [...document.querySelectorAll(".jp-NotebookPanel")].some((each) =>
            each.checkVisibility() && Math.abs(each.getBoundingClientRect().right - width) < 60)""",
        arg=[width],
    )


def cut_off(page) -> list[str]:
    """Whatever of cells and outputs runs out of sight with no scroll bar of its own."""
    found = page.evaluate(CUT, OURS)
    assert found["looked"] > 10, "no cells were found"
    return found["cut"]
