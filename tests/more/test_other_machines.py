"""The notebooks elsewhere: one plain core, no network, nothing writable; twice; four at once."""

import copy
import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import cell

from lessons_lib.course.notebooks.execute import load, run

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.more


def of(number):
    """The notebook with this number."""
    return next((ROOT / "notebooks").glob(f"{number}_*.ipynb"))


def printed(cells):
    """What each code cell prints, pictures and values aside."""
    code = [cell for cell in cells if cell.cell_type == "code"]
    texts = ((o.text for o in cell.outputs if o.get("name") == "stdout") for cell in code)
    return ["".join(each) for each in texts]


def state(folder):
    """path -> sha256 of each file under a folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@pytest.fixture
def elsewhere(tmp_path):
    """(a read-only copy of the checkout, the environment of another machine)."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    copied = tmp_path / "checkout"
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (copied / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copied / name)
    hook = tmp_path / "hook"
    hook.mkdir()
    shutil.copy(Path(__file__).with_name("offline.py"), hook / "sitecustomize.py")
    env = {
        "PYTHONPATH": os.pathsep.join([str(copied), str(hook)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "ATEN_CPU_CAPABILITY": "default",
        "LESSONS_PLAIN": "1",
        "TQDM_DISABLE": "1",
        "PYTHONHASHSEED": "0",
        "JUPYTER_PREFER_ENV_PATH": "1",
    }
    writable(copied, False)
    yield copied, env
    writable(copied, True)  # so that pytest can remove it


def writable(folder, yes):
    """Let a folder and all in it be written, or not."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200 if yes else path.stat().st_mode & ~0o222)


def test_the_hook_is_in_force_in_a_kernel(write, elsewhere):
    copied, env = elsewhere
    source = [
        # 0.0.0.0 never leaves the machine, should the hook be missing.
        "import socket\nsocket.create_connection(('0.0.0.0', 9), timeout=1)",
        "import lessons_lib; print(lessons_lib.__file__)",
        "import torch; print(torch.get_num_threads(), torch.backends.cpu.get_cpu_capability())",
    ]
    done = run(write([cell("code", text) for text in source]), env=env, keep_going=True)
    blocked, where, machine = (c.outputs[0] for c in done.notebook.cells)
    assert "no network in this test" in blocked.evalue
    assert where.text.strip() == str(copied / "lessons_lib" / "__init__.py")
    assert machine.text.strip() == "1 DEFAULT"


def test_the_notebooks_on_another_machine(elsewhere):
    copied, env = elsewhere
    before = state(copied)
    words = ["-q", "-n2", "--dist=loadfile"]
    words += ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=600"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "-p", "no:cacheprovider", "notebooks"],
        cwd=copied,
        env=os.environ | env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert state(copied) == before  # root writes through any permission, so compare


@pytest.mark.parametrize("number", ["01", "03"])
def test_twice_in_one_kernel_gives_the_same_twice(number):
    nb = load(of(number))
    half = len(nb.cells)
    nb.cells += copy.deepcopy(nb.cells)
    done = run(of(number), notebook=nb)
    assert done.error is None
    first, second = done.notebook.cells[:half], done.notebook.cells[half:]
    assert printed(first) == printed(second)


@pytest.mark.parametrize("number", ["01", "03"])
def test_four_kernels_at_once_agree(number):
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: run(of(number), timeout=1200), range(4)))
    assert [each.error for each in done] == [None] * 4
    assert all(printed(each.notebook.cells) == printed(load(of(number)).cells) for each in done)
