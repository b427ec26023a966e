"""What a notebook saved in JupyterLab keeps of its widgets, for an evening without that kernel.

JupyterLab saves the states of the widgets that it knows, and forgets them when a kernel restarts.
Of a widget without a state it shows an error line, whatever picture stands beside it.
"""

import json
import re
from pathlib import Path

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"


def before_saving(model: dict, path: str, contents_manager, **kwargs) -> None:
    """JupyterLab's server calls this with what it is about to save."""
    if model["type"] != "notebook" or not model.get("content"):
        return
    try:
        before = json.loads(Path(contents_manager.root_dir, path.strip("/")).read_bytes())
    except (OSError, ValueError):  # saved for the first time
        before = {}
    keep(model["content"], before)


def keep(now: dict, before: dict) -> None:
    """Give a notebook the states that it had when last saved, wherever a view still needs them.

    A view whose widget is lost is taken out, so that the picture or the words beside it are shown.
    """
    outputs = [output for cell in now["cells"] for output in cell.get("outputs", [])]
    views = [output["data"] for output in outputs if VIEW in output.get("data", {})]
    old, kept = states(before), states(now)
    wanted = [data[VIEW]["model_id"] for data in views]
    while wanted:
        id = wanted.pop()
        if id in old and id not in kept:
            kept[id] = old[id]
            wanted += re.findall(r"IPY_MODEL_(\w+)", json.dumps(old[id]))
    for data in views:
        if data[VIEW]["model_id"] not in kept:
            del data[VIEW]
    if kept:
        whole = {"version_major": 2, "version_minor": 0, "state": kept}
        now["metadata"]["widgets"] = {STATE: whole}


def states(notebook: dict) -> dict:
    """The states that were saved with a notebook, by the widgets' ids."""
    return dict(notebook.get("metadata", {}).get("widgets", {}).get(STATE, {}).get("state", {}))
