"""What is cut off in a notebook, and what is too pale to read, as its page measures it."""

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

# Contrast as WCAG defines it, of every text in an output; what is disabled is free of it.
PALE = """(least) => {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = ([r, g, b, a], below) =>
    [r, g, b].map((each, i) => each * a + below[i] * (1 - a)).concat(1);
  const light = (color) => {
    const [r, g, b] = color.map((each) => each / 255)
      .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (each) => {
    const layers = [];
    for (let at = each; at; at = at.parentElement)
      layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const contrast = (each) => {
    const below = ground(each), color = parse(getComputedStyle(each).color);
    for (let at = each; at; at = at.parentElement) color[3] *= getComputedStyle(at).opacity;
    const [low, high] = [light(below), light(over(color, below))].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const written = (each) => each.matches("input, select, textarea")
    || [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  const all = [...document.querySelectorAll(".jp-OutputArea-output *")]
    .filter((each) => each.checkVisibility() && each.getBoundingClientRect().width > 1
      && written(each) && !each.closest(":disabled, mjx-container, option, script, style"));
  const pale = all.map((each) => [contrast(each), each]).filter(([ratio]) => ratio < least)
    .map(([ratio, each]) => `${ratio.toFixed(2)} : 1, ${each.tagName} `
      + (each.textContent || each.value || "").trim().slice(0, 40));
  return { looked: all.length, pale: [...new Set(pale)] };
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


def pale(page, least: float = 4.5) -> list[str]:
    """The texts of outputs whose contrast with what lies behind them is below this."""
    found = page.evaluate(PALE, least)
    assert found["looked"], "no text was found"
    return found["pale"]
