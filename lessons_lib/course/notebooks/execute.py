"""Run a notebook in a fresh kernel, and write it so that the same code gives the same bytes."""

import copy
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nbformat
import psutil
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError
from nbformat.v4.rwbase import rejoin_lines

from lessons_lib.files import ROOT, write

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# Set for every headless run: plain checks, no bars, threads that sleep when they wait (on a busy
# machine spinning ones are three times slower), inline figures, the same order of sets each time.
HEADLESS = {
    "LESSONS_PLAIN": "1",
    "TQDM_DISABLE": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PYTHONHASHSEED": "0",
}

# What an output must not hold, because it differs from machine to machine or from run to run.
FOREIGN = re.compile(
    r"(?<![\w.~-])/(?:home|Users|root|tmp|usr|opt|var|private|mnt|srv)/[^\s\"'<>]*"
    r"|[A-Z]:\\+(?:Users|Windows|Program Files|ProgramData)\b[^\s\"'<>]*"
    r"|\bat 0x[0-9A-Fa-f]{6,}"
)

# What a kernel says of its language, but for its version; with it nbconvert makes a .py script.
LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}

# Written by front ends and kernels while they work; none of it was written by an author.
TRANSIENT = ("execution", "ExecuteTime", "collapsed", "scrolled", "trusted", "widgets")


class Ran(NamedTuple):
    """What one run gave: how long, how much memory, the executed notebook, and what went wrong."""

    seconds: float
    peak_bytes: int
    notebook: nbformat.NotebookNode
    error: str | None


class ThisPython(KernelSpecManager):
    """Finds one kernel only, the interpreter that is running, whatever is registered elsewhere."""

    def get_kernel_spec(self, kernel_name):
        return KernelSpec(**get_kernel_dict())  # argv starts with sys.executable


class ThisKernel(AsyncKernelManager):
    """Starts that kernel."""

    def __init__(self, **kwargs):
        super().__init__(kernel_spec_manager=ThisPython(), **kwargs)


def load(path) -> nbformat.NotebookNode:
    """Read a notebook as it stands on disk, repairing nothing.

    Raises ValueError, naming the file, when it cannot be read, or is no notebook in format 4.
    """
    try:
        raw = json.loads(Path(path).read_text(encoding="utf-8"))
        if raw["nbformat"] != 4:
            raise ValueError(f"nbformat is {raw['nbformat']}, and must be 4")
        nb = rejoin_lines(nbformat.from_dict(raw))
        for cell in nb.cells:
            words = [cell.source, cell.get("id", ""), *tags(cell)]
            if not all(isinstance(word, str) for word in words):
                raise ValueError("a source, an id or a tag is no text")
            if cell.cell_type == "code":
                cell.setdefault("outputs", [])
        return nb
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} is not a Jupyter notebook: {error!r}") from error


def tags(cell) -> list[str]:
    """The tags of a cell."""
    return cell.get("metadata", {}).get("tags", [])


def dumps(nb) -> str:
    """The text of a notebook's file."""
    return nbformat.v4.writes(nb) + "\n"


def save(nb, path) -> None:
    """Write a notebook whole or not at all, so that an interrupt never leaves half a file."""
    write(Path(path), dumps(nb).encode())


def run(
    path,
    env: dict[str, str] | None = None,
    timeout: float = 600,
    progress: Callable[[int, int], object] | None = None,
    keep_going: bool = False,
    notebook=None,
) -> Ran:
    """Run a notebook top to bottom in a fresh kernel of this Python, and leave the file alone.

    path: the notebook; its folder is the kernel's working folder.
    env: variables on top of this process's and HEADLESS; timeout: seconds for one cell.
    progress: called with (cells done, cells in all); keep_going: run on after an error.
    notebook: run these cells instead of the file's.
    An error in a cell is returned in Ran.error, as "cell 7 (id): NameError: ...", not raised.
    """
    path = Path(path).resolve()
    nb = load(path) if notebook is None else copy.deepcopy(notebook)
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs = []  # what is not reached has no output, and not an old one
    # Our own loop over the cells, because nbclient's replaces the handler of Ctrl-C while it runs.
    client = NotebookClient(
        nb,
        timeout=timeout,
        kernel_name="python3",
        kernel_manager_class=ThisKernel,
        resources={"metadata": {"path": str(path.parent)}},
        allow_errors=keep_going,
    )
    client.reset_execution_trackers()
    error, begin = None, time.perf_counter()
    # What the kernel process itself says is about sockets; what cells print comes as messages.
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with client.setup_kernel(env=os.environ | HEADLESS | (env or {}), cleanup_kc=True, **quiet):
        with Peak(client.km.provisioner.pid) as peak:
            for i, cell in enumerate(nb.cells):
                try:
                    client.execute_cell(cell, i, execution_count=client.code_cells_executed + 1)
                except (CellControlSignal, DeadKernelError) as problem:
                    error = f"cell {i + 1} ({cell.get('id', 'no id')}): {reason(problem)}"
                    break
                if progress:
                    progress(i + 1, len(nb.cells))
    return Ran(time.perf_counter() - begin, peak.bytes, nb, error)


def reason(problem: Exception) -> str:
    """One line that says why a cell stopped."""
    if hasattr(problem, "ename"):
        return f"{problem.ename}: {problem.evalue}"
    return f"{type(problem).__name__}: {str(problem).strip().splitlines()[0]}"


class Peak:
    """The most memory that a process and its children held, looked at ten times a second."""

    def __init__(self, pid: int):
        self.bytes = 0
        self._process = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._stop.set()
        self._thread.join()

    def _watch(self):
        while True:
            try:
                family = [self._process, *self._process.children(recursive=True)]
                self.bytes = max(self.bytes, sum(p.memory_info().rss for p in family))
            except psutil.Error:
                pass  # a process ended between being listed and being asked
            if self._stop.wait(0.1):
                return


def normalise(nb) -> nbformat.NotebookNode:
    """A copy of a notebook without anything that would differ if it were run again.

    No timing, widget state, widget view or stderr; counts 1, 2, 3...; an id for each cell.
    Raises ValueError, naming the cell, when an output still holds an absolute path or an address.
    """
    nb = copy.deepcopy(nb)
    nb.nbformat, nb.nbformat_minor = 4, 5
    nb.metadata = nbformat.from_dict(
        {k: v for k, v in nb.get("metadata", {}).items() if k not in TRANSIENT}
        | {
            "kernelspec": {
                "display_name": "Python 3 (ipykernel)",  # JupyterLab's words: no false "unsaved"
                "language": "python",
                "name": "python3",
            },
            "language_info": LANGUAGE,
        }
    )
    count, seen = 0, set()
    for i, cell in enumerate(nb.cells):
        cell.id = cell.get("id") or f"cell-{i + 1}"
        while cell.id in seen:
            cell.id += "-2"
        seen.add(cell.id)
        cell.metadata = nbformat.from_dict(
            {k: v for k, v in cell.get("metadata", {}).items() if k not in TRANSIENT}
        )
        if cell.cell_type != "code":
            continue
        cell.outputs = kept(cell.get("outputs", []))
        cell.execution_count = None
        if cell.source.strip():
            count += 1
            cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
        if found := foreign(cell.outputs):
            raise ValueError(
                f"cell {i + 1} ({cell.id}) prints {found!r}: an output may hold no absolute path "
                "and no memory address, they differ on every machine"
            )
    return nb


def kept(outputs) -> list:
    """The outputs that are committed: no stderr, no widget views, neighbouring prints joined."""
    result = []
    for output in outputs:
        if output.output_type == "stream":
            if output.name == "stderr":
                continue
            last = result[-1] if result else None
            if last and last.output_type == "stream" and last.name == output.name:
                last.text += output.text
                continue
        elif "data" in output:
            output.data.pop(WIDGET_VIEW, None)
            output.metadata.pop(WIDGET_VIEW, None)
            if not output.data:
                continue
        result.append(output)
    return result


def foreign(outputs) -> str | None:
    """The first absolute path or memory address in some outputs, if there is one."""
    for output in outputs:
        text = printed(output)
        for here in (str(ROOT), sys.prefix):
            if here in text:
                return here
        if match := FOREIGN.search(text):
            return match.group()
    return None


def printed(output) -> str:
    """All the text of one output: what was printed, each text form of a value, a traceback."""
    if output.output_type == "stream":
        return output.text
    if output.output_type == "error":
        return "\n".join([output.ename, output.evalue, *output.traceback])
    texts = (v for k, v in output.data.items() if not k.startswith("image/") or "svg" in k)
    return "\n".join(v if isinstance(v, str) else json.dumps(v) for v in texts)
