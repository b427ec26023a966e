"""JupyterLab, driven as a reader drives it: by mouse and keyboard, in a reader's own copies.

Everything waits for what it wants to see, never for a time.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lessons_lib.course.notebooks.execute import load, tags
from lessons_lib.files import ROOT

LONG = 300_000  # milliseconds for what computes
START = "from lessons_lib.course.cli import main; main()"

# All cells are in the page, not only those in sight; no line of news; nothing is saved unasked.
SETTINGS = {
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}

# A reader's machine on which no kernel can be started.
NO_KERNEL = {"KernelSpecManager": {"ensure_native_kernel": False, "allowed_kernelspecs": ["none"]}}


@contextmanager
def lab(home: Path, notebook: str, kernel: bool = True) -> Iterator[str]:
    """Start `lessons lab` for a reader who lives in `home`, and give the address that it prints."""
    settings = home / "settings"
    for plugin, values in SETTINGS.items():
        package, name = plugin.split(":")
        put(settings / package / f"{name}.jupyterlab-settings", values)
    put(home / ".jupyter/jupyter_server_config.json", {} if kernel else NO_KERNEL)
    env = os.environ | {
        "HOME": str(home),
        "LESSONS_HOME": str(home / "lessons"),
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "PYTHONPATH": str(ROOT),
    }
    for name in ("LESSONS_PLAIN", "LESSONS_STRICT", "JUPYTER_CONFIG_DIR", "TQDM_DISABLE"):
        env.pop(name, None)
    words = [sys.executable, "-c", START, "lab", notebook, "--no-browser"]
    log = home / "lab.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            words, stdout=out, stderr=subprocess.STDOUT, env=env, start_new_session=True
        )
    try:
        yield address(server, log)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


def put(file: Path, values: dict) -> None:
    """Write a file of settings."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(values), encoding="utf-8")


def address(server, log: Path) -> str:
    """The address that the server prints when it is ready."""
    until = time.monotonic() + 90
    while time.monotonic() < until:
        if found := re.search(r"http://(?:localhost|127\.0\.0\.1):\S+", log.read_text()):
            return found[0]
        assert server.poll() is None, log.read_text()
        time.sleep(0.2)
    raise AssertionError(f"no address within 90 s: {log.read_text()}")


class Notebook:
    """A notebook that is open in JupyterLab; `page` is the browser's."""

    def __init__(self, page, file: Path):
        self.page, self.file, self.home, self.problems = page, file, file.parents[2], []
        self.cells = load(file).cells
        self.panel = page.locator(".jp-NotebookPanel:visible")
        self.panel.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=LONG)
        page.wait_for_function(
            "(count) => document.querySelectorAll('.jp-Notebook .jp-Cell').length === count",
            arg=len(self.cells),
        )

    def idle(self) -> None:
        """Wait until the kernel has nothing to do."""
        self.panel.locator("[data-status='idle']").first.wait_for(timeout=LONG)

    def menu(self, *words: str) -> None:
        """Choose from the menus: menu("Run", "Restart Kernel and Run All Cells…")."""
        self.page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{words[0]}$")).click()
        for word in words[1:]:
            label = re.compile(f"^{re.escape(word)}")
            self.page.locator(".lm-Menu-itemLabel:visible", has_text=label).first.click()

    def accept(self) -> None:
        """Say yes to what a dialog asks."""
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.page.locator(".jp-Dialog").wait_for(state="detached")

    def run_all(self) -> None:
        """Restart the kernel and run every cell, from top to bottom.

        Once more where JupyterLab has lost a cell: what it sends while a kernel's connection is
        only beginning may reach nobody, and the cell then waits for ever.
        """
        self.idle()
        for _ in range(4):
            self.menu("Run", "Restart Kernel and Run All Cells")
            self.accept()
            self.panel.locator(".jp-InputPrompt", has_text="[*]").first.wait_for(state="attached")
            if self.finishes():
                self.idle()
                return
        raise AssertionError("cells wait, and the kernel has nothing to do")

    def finishes(self) -> bool:
        """Whether every cell runs; False when some wait, and for 15 s nobody has worked."""
        idle = 0
        while self.panel.locator(".jp-InputPrompt", has_text="[*]").count():
            idle = 0 if self.panel.locator("[data-status='busy']").count() else idle + 1
            if idle > 60:
                return False
            self.page.wait_for_timeout(250)
        return True

    def cell(self, i: int):
        """The i-th cell."""
        return self.panel.locator(".jp-Notebook .jp-Cell").nth(i)

    def at(self, tag: str) -> int:
        """The place of the cell with this tag."""
        return next(i for i, cell in enumerate(self.cells) if tag in tags(cell))

    def output(self, i: int):
        """What stands below the i-th cell."""
        return self.cell(i).locator(".jp-Cell-outputArea")

    def write(self, i: int, source: str) -> None:
        """Put other text into a cell."""
        editor = self.cell(i).locator(".cm-content")
        editor.click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(source)

    def type(self, i: int, source: str) -> None:
        """Put other text into a cell, key by key; what follows a colon is indented by itself."""
        self.cell(i).locator(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(re.sub(r"\n +", "\n", source))

    def tab_to(self, wanted) -> None:
        """Go by the Tab key, on or back, until this has the focus."""
        where = """(wanted) => {
            const now = document.activeElement
            if (now === wanted) return ""
            return now.compareDocumentPosition(wanted) & 2 ? "Shift+Tab" : "Tab"
        }"""
        for _ in range(30):
            if not (key := wanted.evaluate(where)):
                return
            self.page.keyboard.press(key)
        raise AssertionError(f"Tab does not lead to {wanted}")

    def run(self, i: int) -> None:
        """Run one cell, and wait until it is done."""
        prompt = self.cell(i).locator(".jp-InputPrompt")
        before = prompt.inner_text()
        self.cell(i).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function(
            """([prompt, before]) =>
                prompt.innerText !== before && /\\d/.test(prompt.innerText)""",
            arg=[prompt.element_handle(), before],
            timeout=LONG,
        )
        self.idle()

    def save(self) -> None:
        """Save, and wait until it is saved."""
        before = self.file.stat().st_mtime_ns
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+s")
        until = time.monotonic() + 60
        while self.file.stat().st_mtime_ns == before:
            assert time.monotonic() < until, "not saved within a minute"
            self.page.wait_for_timeout(100)

    def dark(self, on: bool = True) -> None:
        """Take the dark theme, or the light one again."""
        theme = "Dark" if on else "Light"
        self.menu("Settings", "Theme", f"JupyterLab {theme}")
        self.page.wait_for_function(
            "(light) => document.body.dataset.jpThemeLight === light", arg=str(not on).lower()
        )
