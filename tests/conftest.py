import signal
import zlib

import hypothesis
import nbformat
import pytest

from lessons_lib.course.checking import hints
from lessons_lib.course.notebooks.execute import save
from lessons_lib.course.practice import memory

# The same examples every time, and never a time limit: this machine may be busy.
hypothesis.settings.register_profile("lessons", deadline=None, derandomize=True)
hypothesis.settings.load_profile("lessons")

# A shell that runs the tests in the background ignores Ctrl-C, and so would all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption("--part", default="1/1", help="K/N: the K-th of N parts of the tests")


def pytest_collection_modifyitems(config, items):
    """Keep one part of the tests, drawn by their names: every other one might be all of a kind."""
    k, n = map(int, config.getoption("part").split("/"))
    mine = lambda item: zlib.crc32(item.nodeid.encode()) % n == k - 1
    config.hook.pytest_deselected(items=[item for item in items if not mine(item)])
    items[:] = filter(mine, items)


def cell(kind, source, *tags, outputs=(), **extra):
    """One cell of a small notebook, with all that the rules ask for."""
    metadata = {"slideshow": {"slide_type": "skip"}}
    if tags:
        metadata["tags"] = list(tags)
    made = {"cell_type": kind, "metadata": metadata, "source": source} | extra
    if kind == "code":
        made = {"execution_count": None, "outputs": list(outputs)} | made
    return made


@pytest.fixture
def write(tmp_path):
    """write(cells, name) -> the path of a small notebook with these cells, on disk."""

    def write(cells, name="01_small.ipynb"):
        for i, each in enumerate(cells):
            each.setdefault("id", f"small-{i}")
        nb = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        path = tmp_path / name
        save(nbformat.from_dict(nb), path)
        return path

    return write


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A reader with an empty folder of their own, in a session that remembers."""
    for name in ("PLAIN", "STRICT", "PROGRESS"):
        monkeypatch.delenv(f"LESSONS_{name}", raising=False)
    monkeypatch.setenv("LESSONS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(memory, "_complained", False)
    monkeypatch.setattr(memory, "_session", {})
    monkeypatch.setattr(memory, "WAIT", 0.1)
    hints._given.clear()
    hints._asked.clear()
