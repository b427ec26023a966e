"""Every widget of every notebook answers what a browser sends, over a kernel's own messages.

A kernel runs a notebook as a reader does. Then every control is moved to its ends and between, with
floats that are off its step; every box is written into; every button is pressed.
"""

import ast
import json
import math
import os
import queue
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell
from test_notebooks import each_notebook

from lessons_lib.course.cli.lab import lab_options
from lessons_lib.course.notebooks.execute import HEADLESS, ROOT, ThisKernel, load, tags
from lessons_lib.course.notebooks.keeping import STATE, VIEW, keep, states
from lessons_lib.course.notebooks.names import feeding, names_of
from lessons_lib.course.notebooks.reading import tree

# Whatever makes a widget is imported from these; what is told is the same in a browser and out.
MAKERS = ("ipywidgets", "lessons_lib.widgets", "lessons_lib.course", "lessons_lib.course.practice")
TOLD = {"begin", "show", "show_table"}


def with_widgets(nb) -> list:
    """The code cells that may make a widget, and those on which they hang.

    All others do in a browser what they do out of it, and nbval runs them.
    """
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    lines = [line for cell in cells for line in tree(cell.source).body]
    taken = [line for line in lines if isinstance(line, ast.ImportFrom) and made_in(line.module)]
    makers = {alias.asname or alias.name for line in taken for alias in line.names} - TOLD
    sources = [cell.source for cell in cells]
    wanted = [source for source in sources if names_of(source)[1] & makers]
    kept = feeding(sources, set(), wanted)
    return [cell for cell in cells if cell.source in kept or "widget" in tags(cell)]


def made_in(module: str) -> bool:
    """Whether a notebook may get widgets from this module."""
    return module in MAKERS or module.startswith(("lessons_lib.widgets.", f"{MAKERS[-1]}."))


# What a widget shows of a network in training does not hang on how long it was trained: under nbval
# every training runs in full.
IN_A_HURRY = """
from lessons_lib.learn.training import Training
in_full = Training.__init__

def hurried(run, denoiser, batches, schedule, steps, *rest, **options):
    in_full(run, denoiser, batches, schedule, min(steps, 200), *rest, **options)

Training.__init__ = hurried
del hurried, Training
"""


def moves(control: dict) -> list[dict]:
    """What a reader can do to a control, given its state, as the data of comm messages."""
    kind = control["_model_name"].removesuffix("Model")
    if kind == "Button":
        return [custom("click")] * (not control["disabled"])
    if kind == "Checkbox":
        return [update(value=v) for v in (not control["value"], control["value"])]
    if kind in ("Dropdown", "SelectionSlider"):
        last = len(control["_options_labels"]) - 1
        return [update(index=i) for i in dict.fromkeys((last, last // 2, 0))]
    if kind in ("Text", "Textarea"):
        words = "", "1", "−0.5, (2", "a word & <b>another</b>", control["value"]
        return [each for w in words for each in (update(value=w), custom("submit"))]
    if kind in ("BoundedIntText", "IntSlider"):
        between = (control["min"] + control["max"]) // 2
        return [update(value=v) for v in (control["min"], control["max"], between)]
    if kind == "FloatSlider":
        return [update(value=v) for v in floats(control["min"], control["max"], control["step"])]
    return []


def custom(event: str) -> dict:
    return {"method": "custom", "content": {"event": event}}


def update(**state) -> dict:
    return {"method": "update", "state": state, "buffer_paths": []}


def floats(low: float, high: float, step: float) -> list[float]:
    """The ends and some places between, each as sums of steps make it, and a hair beside."""
    last = round((high - low) / step)
    reached = [low]
    for _ in range(last):
        reached.append(reached[-1] + step)
    chosen = [reached[round(last * share)] for share in (0, 0.1, 0.35, 0.5, 0.8, 0.95, 1)]
    beside = [math.nextafter(x, to) for x in chosen for to in (-math.inf, math.inf)]
    return [*chosen, *beside]


class Browser:
    """What a browser is to a kernel: it knows the widgets' states, and sends what a reader does."""

    def __init__(self, client):
        self.client, self.models, self.problems = client, client.widget_state, []

    def use(self, id: str) -> None:
        """Do to one control all that a reader can do to it."""
        name = self.models[id].get("description") or self.models[id]["_model_name"]
        for data in moves(self.models[id]):
            self.send(id, data, f"{name}, {data.get('state') or data['content']}")
            while any(
                m.get("description") == "Draw" and m["disabled"] for m in self.models.values()
            ):
                self.listen("the playground's walk", lambda _: True)

    def send(self, id: str, data: dict, what: str) -> None:
        """Send a message to a widget, and listen until the kernel has done with it."""
        session, channel = self.client.kc.session, self.client.kc.shell_channel
        message = session.msg("comm_msg", {"comm_id": id, "data": data})
        channel.send(message)
        ours = lambda said: said["parent_header"].get("msg_id") == message["header"]["msg_id"]
        self.listen(
            what, lambda said: ours(said) and said["content"].get("execution_state") == "idle"
        )

    def listen(self, what: str, done) -> None:
        """Read what the kernel says until it has said enough; keep what went wrong."""
        while True:
            try:
                said = run_sync(self.client.kc.get_iopub_msg)(timeout=60)
            except queue.Empty:
                raise AssertionError(f"{what}: no answer within a minute") from None
            kind, content = said["msg_type"], said["content"]
            if kind == "error":
                self.problems.append(f"{what}: {content['ename']}: {content['evalue']}")
            elif kind == "stream" and content["name"] == "stderr":
                self.problems.append(f"{what}: {content['text']}")
            elif kind in ("comm_open", "comm_msg"):
                self.client.handle_comm_msg([], said, 0)
            if done(said):
                return


@pytest.mark.solved
@each_notebook
def test_every_widget_answers_wherever_a_browser_moves_it(path, tmp_path):
    nb = load(path)
    nb.cells = with_widgets(nb)
    client = NotebookClient(
        nb, timeout=300, kernel_manager_class=ThisKernel, kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
    )  # fmt: skip
    env = os.environ | HEADLESS | {"LESSONS_PLAIN": "0", "LESSONS_HOME": str(tmp_path)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    client.reset_execution_trackers()
    nb.cells.insert(0, new_code_cell(IN_A_HURRY))
    with client.setup_kernel(env=env, **quiet):
        for i, cell in enumerate(nb.cells):
            client.execute_cell(cell, i)
            assert "widget" not in tags(cell) or "widget-view" in str(cell.outputs), cell.source
        browser = Browser(client)
        used = set()
        for _ in range(3):  # a button may bring others, and "Again" brings itself
            fresh = [id for id in browser.models if id not in used]
            for id in fresh:
                browser.use(id)
            used.update(fresh)
    assert browser.problems == []


def test_widgets_come_from_nowhere_else():
    """Buttons stand under a check, which is imported from the course."""
    found = set()
    for file in (ROOT / "lessons_lib").rglob("*.py"):
        if re.search(r"^\s*(import|from) ipywidgets", file.read_text(encoding="utf-8"), re.M):
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            found.add(name.removesuffix(".__init__"))
    assert len(found) > 2
    assert {name for name in found if not made_in(name)} == {"lessons_lib.course.checking.buttons"}


def test_jupyterlab_knows_every_setting_that_the_course_makes():
    ours = json.loads((ROOT / "lessons_lib/course/cli/settings/overrides.json").read_text())
    assert ours["@jupyter-widgets/jupyterlab-manager:plugin"] == {"saveState": True}
    for plugin, settings in ours.items():
        package, name = plugin.split(":")
        found = Path(sys.prefix, "share/jupyter").glob(f"**/schemas/{package}/{name}.json")
        schema = json.loads(next(found).read_text())
        assert settings.keys() <= schema["properties"].keys()


def widgets_saved(states: dict, *views: str) -> dict:
    """A notebook as JupyterLab saves it: states of widgets, and a cell for each view."""
    shown = [{"data": {VIEW: {"model_id": id}, "image/png": "a picture"}} for id in views]
    cells = [{"cell_type": "code", "outputs": [output]} for output in shown]
    return {"metadata": {"widgets": {STATE: {"state": states}}}, "cells": cells}


def test_what_widgets_showed_stands_after_an_evening_in_which_their_cells_did_not_run():
    box = {"state": {"children": ["IPY_MODEL_inner"]}}
    first = widgets_saved({"box": box, "inner": {"state": {}}, "gone": {}}, "box")
    second = widgets_saved({"new": {"state": {}}}, "new", "box", "lost")
    second["cells"].append({"cell_type": "markdown"})
    keep(second, first)
    assert states(second) == {"new": {"state": {}}, "box": box, "inner": {"state": {}}}
    shown = [cell["outputs"][0]["data"] for cell in second["cells"][:3]]
    assert [VIEW in data for data in shown] == [True, True, False]
    assert all(data["image/png"] == "a picture" for data in shown)


def test_what_comes_on_a_closed_connection_is_read_as_before(tmp_path, monkeypatch):
    """The server's own no longer knows how to read it: a number becomes a huge length."""
    from jupyter_server.serverapp import ServerApp
    from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
    from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

    app = ServerApp()
    app.parse_command_line(lab_options(tmp_path / "mine.ipynb"))
    newer = "v1.kernel.websocket.jupyter.org"
    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "connect", lambda _: None)
    both = ZMQChannelsWebsocketConnection, app.kernel_websocket_connection_class
    for kind, known in zip(both, (None, newer), strict=True):
        handler = KernelWebsocketHandler.__new__(KernelWebsocketHandler)  # no request behind it
        handler.ws_connection = SimpleNamespace(selected_subprotocol=newer)
        connection = kind(parent=app, websocket_handler=handler)
        connection.connect()
        assert connection.subprotocol == newer
        handler.ws_connection = None  # as tornado has it when the socket is closed
        assert connection.subprotocol == known


def test_jupyterlab_is_told_to_keep_what_widgets_show(tmp_path):
    from jupyter_server.serverapp import ServerApp

    app = ServerApp()
    app.parse_command_line(lab_options(tmp_path / "mine.ipynb"))
    manager = app.contents_manager_class(config=app.config, root_dir=str(tmp_path))
    (tmp_path / "mine.ipynb").write_text(json.dumps(widgets_saved({"box": {}}, "box")))
    saved = {"type": "notebook", "content": widgets_saved({}, "box", "lost")}
    manager.run_pre_save_hooks(model=saved, path="/mine.ipynb")
    assert states(saved["content"]) == {"box": {}}
    assert [VIEW in c["outputs"][0]["data"] for c in saved["content"]["cells"]] == [True, False]
