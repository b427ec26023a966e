"""The `lessons` command, on small notebooks of its own."""

import os
import signal
import subprocess
import sys
import types
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import cell

from lessons_lib import files
from lessons_lib.course import cli, doctor
from lessons_lib.course.execute import load
from lessons_lib.course.progress import record


@pytest.fixture
def course(tmp_path, write, monkeypatch):
    """A course of its own: three notebooks, one of them broken."""
    (tmp_path / "notebooks").mkdir()
    marks = ["○ not written yet", "✗ forgot the root", "✓ all"]
    checks = [cell("code", f"print({m!r})", f"check:toy.f{i}") for i, m in enumerate(marks)]
    write([cell("code", "print('hello')"), checks[0], checks[2]], "notebooks/00_good.ipynb")
    write([cell("code", "unknown"), checks[1]], "notebooks/01_bad.ipynb")
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory, monkeypatch):
    """A reader with an empty folder of their own."""
    monkeypatch.delenv("LESSONS_PLAIN", raising=False)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("LESSONS_HOME", str(home))
    return home


def call(*words):
    return CliRunner().invoke(cli.main, words)


def test_run_gives_a_table_pages_and_names_what_failed(course):
    done = call("run")
    assert done.exit_code == 1
    assert "00_good" in done.output and "peak MiB" in done.output
    assert "✗ 01_bad: cell 1 (small-0): NameError: name 'unknown' is not defined" in done.output
    assert "hello" in (course / "build" / "html" / "00_good.html").read_text(encoding="utf-8")
    assert call("run", "0").exit_code == 0


def test_check_lists_every_exercise_and_fails_only_on_a_wrong_one(course):
    done = call("check", "00")
    assert done.exit_code == 0
    assert "○ toy.f0" in done.output and "✓ toy.f2" in done.output
    assert "1 of 2 right, 0 wrong, 1 not written yet" in done.output
    assert call("check", "00", "--strict").exit_code == 1
    done = call("check", "01_bad")
    assert done.exit_code == 1 and "✗ toy.f1" in done.output and "forgot the root" in done.output


def test_check_again_puts_what_failed_before_first(course):
    record("toy.f2", "✗", "swapped"), record("toy.f2", "✓"), record("toy.f1", "✗")
    lines = call("check", "--again").output.splitlines()
    order = [line.split()[1] for line in lines if line[:3].strip() in ("✓", "✗", "○")]
    assert order == ["toy.f1", "toy.f2", "toy.f0"]


def test_a_copy_is_made_once_and_then_checked(course, own_home, write):
    done = call("copy", "0")
    mine = own_home / "notebooks" / "00_good.ipynb"
    assert done.exit_code == 0 and f"✓ {mine}: copied" in done.output
    write([cell("code", "print('✗ my slip')", "check:toy.f0")], mine)
    before = mine.read_bytes()
    assert "yours: left alone" in call("copy").output and mine.read_bytes() == before
    assert (own_home / "notebooks" / "01_bad.ipynb").exists()
    done = call("check", "00")
    assert done.exit_code == 1 and "my slip" in done.output and f"your copy, {mine}" in done.output
    done = call("check", "00", "--shipped")
    assert done.exit_code == 0 and "the course's file" in done.output
    done = call("check", str(mine))  # a path means that file
    assert "my slip" in done.output


def test_copies_go_to_another_folder_but_not_into_the_course(course, tmp_path_factory):
    there = tmp_path_factory.mktemp("there") / "new"
    assert call("copy", "00", "--to", str(there)).exit_code == 0
    assert [file.name for file in there.iterdir()] == ["00_good.ipynb"]
    done = call("copy", "--to", str(course / "notebooks"))
    assert done.exit_code == 2 and "inside the course's own folder" in done.output
    done = call("copy", "--to", str(there / "00_good.ipynb"))  # a file, not a folder
    assert done.exit_code == 1 and "cannot copy to" in done.output


def test_a_file_that_is_no_notebook_is_named(course, tmp_path):
    bad = tmp_path / "bad.ipynb"
    bad.write_text("{")
    done = call("check", str(bad))
    assert done.exit_code == 1 and f"{bad} is not a Jupyter notebook" in done.output


def test_solve_writes_the_lecturers_edition_of_what_runs(course):
    done = call("solve")
    made = course / "build" / "lecturer"
    assert done.exit_code == 1 and "✗ 01_bad: cell 1" in done.output
    assert [file.name for file in made.iterdir()] == ["00_good.ipynb"]
    assert load(made / "00_good.ipynb").cells[0].outputs[0].text == "hello\n"


def test_progress_is_shown_and_forgotten_only_after_asking(own_home):
    record("forward.hidden", "✗", "one early")
    done = call("progress")
    assert done.exit_code == 0 and "1 not right yet" in done.output
    assert "not right yet: one early" in call("progress", "1").output
    done = call("progress", "xx")
    assert done.exit_code == 2 and "'xx' is not one of the course's" in done.output
    runner = CliRunner()
    assert runner.invoke(cli.main, ["progress", "--forget"], input="n\n").exit_code == 1
    assert (own_home / "progress.sqlite3").exists()
    done = runner.invoke(cli.main, ["progress", "--forget"], input="y\n")
    assert "Deleted" in done.output and not (own_home / "progress.sqlite3").exists()


def test_notebooks_writes_outputs_back_unless_one_failed(course):
    before = (course / "notebooks" / "01_bad.ipynb").read_bytes()
    done = call("notebooks")
    assert done.exit_code == 1 and "01_bad, left as it was" in done.output
    assert load(course / "notebooks" / "00_good.ipynb").cells[0].outputs[0].text == "hello\n"
    assert (course / "notebooks" / "01_bad.ipynb").read_bytes() == before


def test_an_unknown_notebook_is_named_with_those_there_are(course):
    done = call("run", "17")
    assert done.exit_code == 2 and "'17'" in done.output and "00_good, 01_bad" in done.output


def test_train_calls_its_recipe_and_names_the_ones_there_are(monkeypatch):
    calls = []
    recipes = types.ModuleType("lessons_lib.course.recipes")
    recipes.RECIPES = {"digits": lambda out, progress: calls.append((out.name, progress))}
    recipes.write_card = lambda out: calls.append(f"card in {out.name}")
    monkeypatch.setitem(sys.modules, recipes.__name__, recipes)
    assert call("train", "digits").exit_code == 0 and call("train", "all").exit_code == 0
    assert calls == [("checkpoints", True), "card in checkpoints"] * 2
    done = call("train", "cats")
    assert done.exit_code == 2 and "'cats'" in done.output and "digits, all" in done.output


def test_a_model_card_that_cannot_be_written_is_said_in_a_line(monkeypatch):
    def full(folder):
        raise OSError("no space left")

    recipes = types.ModuleType("lessons_lib.course.recipes")
    recipes.RECIPES, recipes.write_card = {"digits": lambda out, progress: None}, full
    monkeypatch.setitem(sys.modules, recipes.__name__, recipes)
    done = call("train", "digits")
    assert done.exit_code == 1 and "card could not be written: no space left" in done.output


def test_doctor_says_what_to_do_and_fails_when_something_is_broken(monkeypatch):
    monkeypatch.setattr(files, "verify_all", lambda: [("digits.npz", None)])
    done = call("doctor")
    assert done.exit_code == 0, done.output
    for word in ("python", "torch", "jupyterlab", "device", "threads", "memory", "digits.npz"):
        assert word in done.output
    problem = "digits.npz: expected 1 byte; found altered bytes. Repair it with `git restore`"
    monkeypatch.setattr(files, "verify_all", lambda: [("digits.npz", problem)])
    done = call("doctor")
    assert done.exit_code == 1 and f"✗ data        {problem}" in done.output
    monkeypatch.setattr(doctor, "PACKAGES", ("no-such-package",))
    assert "missing\n              → run `pip install" in call("doctor").output


def test_lab_opens_a_browser_only_with_a_display_and_root_only_for_root(monkeypatch):
    path = cli.ROOT / "notebooks" / "00_start_here.ipynb"
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 0, raising=False)
    options = cli.lab_options(path)
    assert "--no-browser" in options and "--allow-root" in options
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb" in options
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(os, "getuid", lambda: 1000, raising=False)
    options = cli.lab_options(path)
    assert "--no-browser" not in options and "--allow-root" not in options
    assert "--no-browser" in cli.lab_options(path, no_browser=True)


def test_lab_opens_the_readers_copy_in_its_own_folder(own_home):
    mine = own_home / "notebooks" / "00_start_here.ipynb"
    assert cli.chosen(("00",), shipped=False)[0].parent == cli.ROOT / "notebooks"
    call("copy", "00")
    assert cli.chosen(("00",), shipped=False) == [mine]
    assert cli.chosen(("00",), shipped=True)[0].parent == cli.ROOT / "notebooks"
    options = cli.lab_options(mine)
    assert f"--ServerApp.root_dir={mine.parent}" in options
    assert "--LabApp.default_url=/lab/tree/00_start_here.ipynb" in options


def test_in_a_terminal_of_the_lab_the_command_is_found(monkeypatch, own_home):
    opened = {}

    class Child:
        def __init__(self, words, env):
            opened.update(env=env)

        def wait(self):
            return 0

    monkeypatch.setattr(cli.subprocess, "Popen", Child)
    monkeypatch.setattr(cli.signal, "signal", lambda *_: None)
    monkeypatch.setenv("PATH", os.pathsep.join(["first", "second"]))
    assert call("lab", "00").exit_code == 0
    here, *rest = opened["env"]["PATH"].split(os.pathsep)
    assert here == str(Path(sys.executable).parent) and rest == ["first", "second"]


@pytest.mark.skipif(sys.platform == "win32", reason="sends Ctrl-C the POSIX way")
def test_ctrl_c_in_a_run_ends_it_and_its_kernel(tmp_path, write):
    path = write([cell("code", "import os, time; open('pid', 'w').write(str(os.getpid()))\n"
                               "time.sleep(60)")])  # fmt: skip
    words = [sys.executable, "-c", "from lessons_lib.course.cli import main; main()"]
    listen = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)
    child = subprocess.Popen(  # a test run in the background inherits an ignored Ctrl-C
        [*words, "notebooks", str(path)], stderr=subprocess.PIPE, preexec_fn=listen
    )
    wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    before = path.read_bytes()
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 1 and b"Aborted" in err and b"Traceback" not in err, err
    assert path.read_bytes() == before
    import psutil

    pid = int((tmp_path / "pid").read_text())
    wait_for(lambda: not psutil.pid_exists(pid))


def wait_for(done, seconds=30):
    import time

    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
