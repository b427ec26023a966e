"""Every control of a widget, found by itself and moved over its range, by mouse and keyboard."""

from collections.abc import Iterator
from contextlib import suppress

from driver import LONG
from playwright.sync_api import TimeoutError

VIEW = ".jp-OutputArea-child:has(.jupyter-widgets)"

# The kinds of control, and where a reader takes hold of one.
KINDS = {
    "slider": ".noUi-handle",
    "choice": ".widget-dropdown select",
    "box": "input[type=checkbox]",
    "number": "input[type=number]",
    "words": "input[type=text].widget-input",
    "button": "button.jupyter-button:not(.widget-toggle-button)",
}

# What a reader sees of an output, as a number; when a move was made, and its picture changed.
WATCH = """(output) => {
  window.seen = (output) => {
    const pictures = [...output.querySelectorAll("img")].map((each) => each.src);
    const words = [...output.querySelectorAll(".widget-html, .widget-htmlmath")];
    const text = pictures.concat(words.map((each) => each.textContent)).join("|");
    let sum = 0;
    for (let i = 0; i < text.length; i++) sum = (sum * 31 + text.charCodeAt(i)) | 0;
    return sum;
  };
  if (!("moved" in window)) {
    const move = () => { window.moved = performance.now(); window.answered = 0; };
    for (const kind of ["keydown", "pointerdown"]) document.addEventListener(kind, move, true);
  }
  window.moved = window.answered = 0;
  let last = window.seen(output);  // a slider's own number changes at once, and is no picture
  new MutationObserver(() => {
    const now = window.seen(output);
    if (now !== last) window.answered ||= performance.now();
    last = now;
  }).observe(output, { childList: true, subtree: true });
}"""
WAITED = "() => window.answered - window.moved"  # milliseconds
VALUE = """(each) =>
  each.getAttribute("aria-valuetext") ?? (each.type === "checkbox" ? each.checked : each.value)"""
LABEL = """(each) => (each.closest(".widget-inline-hbox")?.querySelector("label") ?? each)
  .textContent.trim().slice(0, 40)"""


class Output:
    """What a widget shows under its cell, and how it answers."""

    def __init__(self, page, output, name: str):
        self.page, self.output, self.name = page, output, name
        output.scroll_into_view_if_needed()
        self.handle = output.element_handle()
        page.evaluate(WATCH, self.handle)
        self.draw = output.locator("button.mod-primary")  # where there is one, it is waited for
        self._typed = 0

    def sweep(self) -> list[str]:
        """Move everything; a sentence for each move that nothing answered."""
        for unfold in self.output.locator(".widget-toggle-button").all():
            unfold.click()
        wrong = []
        for kind, control in list(self.controls()):
            for what in getattr(self, kind)(control):
                wrong.append(f"{self.name}, {kind} {control.evaluate(LABEL)!r}: {what}")
            if kind != "button" and self.draw.count() and not self.drawn():
                wrong.append(f"{self.name}, {kind} {control.evaluate(LABEL)!r}: drew nothing")
        return wrong

    def controls(self) -> Iterator[tuple[str, object]]:
        """(kind, place) for each control that can be reached."""
        for kind, where in KINDS.items():
            for each in self.output.locator(where).all():
                if each.is_visible():
                    yield kind, each

    def seen(self) -> int:
        """What is seen now."""
        return self.page.evaluate("(output) => seen(output)", self.handle)

    def changes(self, before: int, timeout: float = 20_000) -> bool:
        """Whether something else than before is seen soon."""
        asked = "([output, before]) => seen(output) !== before"
        try:
            self.page.wait_for_function(asked, arg=[self.handle, before], timeout=timeout)
        except TimeoutError:
            return False
        return True

    def drawn(self) -> bool:
        """Press Draw, and Stop when the first guess is seen; whether one was."""
        before = self.seen()
        self.draw.click()
        changed = self.changes(before, LONG)
        stop = self.output.locator("button", has_text="Stop")
        with suppress(TimeoutError):  # it may have been done before Stop was pressed
            if stop.is_enabled():
                stop.click(timeout=2_000)
        ready = "(draw) => !draw.disabled"
        self.page.wait_for_function(ready, arg=self.draw.element_handle(), timeout=LONG)
        return changed

    def move(self, control, what: str, do) -> list[str]:
        """Make a move; what is wrong, if another value of the control leaves all as it was."""
        value, before = control.evaluate(VALUE), self.seen()
        do()
        now = control.evaluate(VALUE)
        if now == value or self.draw.count() or self.changes(before):
            return []
        return [f"{what}: {value} → {now}, and nothing changed"]

    def slider(self, handle) -> list[str]:
        """Dragged to both ends, clicked between; the same by the keys."""
        low, high = (handle.get_attribute(f"aria-value{end}") for end in ("min", "max"))
        now = lambda: handle.evaluate(VALUE)
        wrong = []

        def made(what, do, end=None):
            found = self.move(handle, what, do)
            if end is not None and f"{float(now()):.1f}" != end:  # as it is rounded for the ear
                found.append(f"{what}: at {now()}, not at its end, {end}")
            wrong.extend(found)

        def point(share):
            handle.scroll_into_view_if_needed()
            box = handle.locator("xpath=../../..").bounding_box()  # of the whole track
            x, y = box["x"] + share * box["width"], box["y"] + box["height"] / 2
            if 0 < share < 1:
                self.page.mouse.click(x, y)
                return
            mine = handle.bounding_box()
            self.page.mouse.move(mine["x"] + mine["width"] / 2, mine["y"] + mine["height"] / 2)
            self.page.mouse.down()
            self.page.mouse.move(x + (200 * share - 100), y, steps=4)  # past the end
            self.page.mouse.up()

        def press(key):
            handle.focus()
            self.page.keyboard.press(key)

        for share, end in ((0, low), (1, high), (0.5, None), (0.2, None), (0.8, None)):
            made(f"mouse at {share:.0%}", lambda share=share: point(share), end)
        for key, end in (
            *(("Home", low), ("ArrowRight", None), ("ArrowRight", None), ("ArrowUp", None)),
            *(("End", high), ("ArrowLeft", None), ("ArrowDown", None), ("PageDown", None)),
        ):
            before = now()
            made(key, lambda key=key: press(key), end)
            if end is None and now() == before:
                wrong.append(f"{key} moved nothing")
        return wrong

    def choice(self, select) -> list[str]:
        """Each of the first, the last and the ones between, by mouse; another by keyboard."""
        last, wrong = select.locator("option").count() - 1, []
        for i in dict.fromkeys((last, last // 2, 0)):
            wrong += self.move(select, f"option {i}", lambda i=i: select.select_option(index=i))

        def press():
            select.focus()
            for key in ("Space", "ArrowDown", "Enter"):
                self.page.keyboard.press(key)

        before = select.evaluate(VALUE)
        wrong += self.move(select, "keyboard", press)
        return wrong + ["the keyboard chose nothing"] * (select.evaluate(VALUE) == before)

    def box(self, box) -> list[str]:
        """On and off, by mouse, and by keyboard."""
        press = lambda: (box.focus(), self.page.keyboard.press("Space"))
        return [w for do in (box.click, box.click, press, press) for w in self.move(box, "box", do)]

    def number(self, entry) -> list[str]:
        """The keys up and down, and what is beyond its ends."""
        wrong, old = [], entry.input_value()
        for text in ("7", "-5", "99999999"):
            wrong += self.move(
                entry, text, lambda text=text: (entry.fill(text), entry.press("Tab"))
            )
        key = lambda: (entry.focus(), self.page.keyboard.press("ArrowDown"), entry.press("Tab"))
        wrong += self.move(entry, "ArrowDown", key)
        entry.fill(str(int(old) + 1))
        return wrong

    def words(self, entry) -> list[str]:
        """Something that is hardly right; then what stood there."""
        old, before = entry.input_value(), self.seen()
        self.type(entry)
        entry.press("Enter")
        wrong = [] if self.changes(before) else ["Enter: nothing changed"]
        if self.draw.count():
            entry.fill(old)
        return wrong

    def type(self, entry) -> None:
        """A number that was not there before."""
        self._typed += 1
        entry.fill(f"7.{self._typed:03}")

    def button(self, button) -> list[str]:
        """Press it by mouse, and by keyboard."""
        wrong = []
        for what in ("mouse", "Enter"):
            if not button.is_enabled():
                return wrong
            for entry in self.output.locator(KINDS["words"]).all():
                if entry.is_enabled() and not self.draw.count():
                    self.type(entry)
            before = self.seen()
            if self.draw.count():
                wrong += [] if self.drawn() else ["drew nothing"]
                continue
            button.click() if what == "mouse" else button.press(what)
            wrong += [] if self.changes(before) else [f"{what}: nothing changed"]
        return wrong
