"""What `lessons doctor` looks at, and what to do about each thing it does not like."""

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import psutil

from lessons_lib.files import ROOT

PACKAGES = ("torch", "numpy", "matplotlib", "jupyterlab", "ipywidgets")
INSTALL = "pip install -c constraints.txt -e ."
MIB = 2**20


class Finding(NamedTuple):
    """One line of the report: what, what was found, what to do, and whether it stops the course."""

    what: str
    found: str
    advice: str = ""
    broken: bool = False


def report() -> Iterator[Finding]:
    """Everything there is to say about this machine, line by line as it is found."""
    yield python()
    for name in PACKAGES:
        yield package(name)
    yield from torch_device()
    yield memory()
    yield checkout()
    yield progress()
    yield from data_files()


def python() -> Finding:
    """Which Python runs the course."""
    return Finding("python", f"{platform.python_version()} ({sys.executable})")


def package(name: str) -> Finding:
    """Which version of a package is installed, beside the one that the course is tested with."""
    try:
        found = version(name)
    except PackageNotFoundError:
        return Finding(name, "missing", f"run `{INSTALL}`", broken=True)
    tested = pinned().get(name)
    if tested and found.split("+")[0] != tested:
        return Finding(name, found, f"tested with {tested}: `{INSTALL}` brings it")
    return Finding(name, found)


def pinned() -> dict[str, str]:
    """name -> version, as constraints.txt has them."""
    file = ROOT / "constraints.txt"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return {name.lower(): number for name, number in re.findall(r"^([\w.-]+)==(\S+)", text, re.M)}


def torch_device() -> Iterator[Finding]:
    """Where torch computes, and with how many threads."""
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Finding("device", f"torch does not import: {error}", f"run `{INSTALL}`", broken=True)
        return
    if torch.cuda.is_available():
        yield Finding("device", f"cuda: {torch.cuda.get_device_name()}")
    elif torch.backends.mps.is_available():
        yield Finding("device", "cpu (mps is there, but not tested with this course)")
    elif shutil.which("nvidia-smi"):
        advice = "this torch cannot use the NVIDIA card: see `TORCH_INDEX` in the README"
        yield Finding("device", "cpu", advice)
    else:
        yield Finding("device", "cpu (all that the course needs)")
    from lessons_lib.course.start import usable_cores

    threads, cores = torch.get_num_threads(), usable_cores()
    found = f"torch uses {threads}; this process may use {cores} core{'s' * (cores != 1)}"
    advice = f"set OMP_NUM_THREADS={cores}: more threads than cores is slow"
    yield Finding("threads", found, advice if threads > cores else "")


def memory() -> Finding:
    """How much memory is free; a notebook needs up to 2 GiB."""
    free = psutil.virtual_memory().available
    try:
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text())
        free = min(free, limit - int((group / "memory.current").read_text()))
    except (OSError, ValueError):
        pass
    advice = "close other programs: a notebook may need 2 GiB" if free < 2048 * MIB else ""
    return Finding("memory", f"{free / MIB:,.0f} MiB free", advice)


def checkout() -> Finding:
    """Where the course lies, and whether answers can be saved there."""
    if os.access(ROOT / "notebooks", os.W_OK):
        return Finding("checkout", str(ROOT))
    advice = "everything runs; your answers are kept in copies of your own: `lessons lab`"
    return Finding("checkout", f"{ROOT} (read-only)", advice)


def progress() -> Finding:
    """Where the reader's progress is kept, and whether it can be."""
    from lessons_lib.course.practice.memory import is_kept, path, trouble

    if not is_kept():
        return Finding("progress", "off (LESSONS_PROGRESS, LESSONS_PLAIN or LESSONS_STRICT is set)")
    if problem := trouble():
        advice = "the course works without; LESSONS_HOME may name another folder"
        return Finding("progress", f"not kept, {path()}: {problem}", advice)
    return Finding("progress", str(path()))


def data_files() -> Iterator[Finding]:
    """Whether the files the course ships are whole; each problem says how to repair it."""
    from lessons_lib.files import FileProblem, verify_all

    try:
        for name, problem in verify_all():
            yield Finding("data", problem or f"{name}: whole", broken=bool(problem))
    except FileProblem as problem:
        yield Finding("data", str(problem), broken=True)
