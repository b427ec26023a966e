"""The `lessons` command, on small notebooks of its own."""

import os
import re
import signal
import subprocess
import sys
import types
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from conftest import cell

from lessons_lib import files
from lessons_lib.course import cli, doctor
from lessons_lib.course.cli import lab, which
from lessons_lib.course.notebooks.execute import load, save
from lessons_lib.course.practice.memory import record


def asked(id, source="...", name=None):
    """A stub, or an answer, and its check."""
    name = name or id.split(".")[1]
    return [
        cell("code", f"{name} = {source}", f"exercise:{id}", id=f"{name}-stub"),
        cell("code", f'check("{id}", {name})', f"check:{id}", id=f"{name}-check"),
    ]


def handed_in(**answers):
    """The cells of a small notebook with two exercises: start.q1 is "c", start.guess is "b"."""
    first = cell("code", "from lessons_lib.course import check\n\nprint('hello')", id="first")
    known = {"q1": "...", "guess": "..."} | answers
    return [first, *(c for name, said in known.items() for c in asked(f"start.{name}", said))]


@pytest.fixture
def course(tmp_path, write, monkeypatch):
    """A course of its own: two notebooks, one of them broken."""
    (tmp_path / "notebooks").mkdir()
    write(handed_in(), "notebooks/00_good.ipynb")
    write([cell("code", "unknown"), *asked("start.q2")], "notebooks/01_bad.ipynb")
    monkeypatch.setattr(which, "ROOT", tmp_path)
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


def test_check_lists_every_exercise_and_fails_only_on_a_wrong_one(course, own_home):
    mine = own_home / "notebooks"
    call("copy", "00")
    place(mine / "00_good.ipynb", handed_in(q1="'c'"))
    done = call("check", "00")
    assert done.exit_code == 0, done.output
    assert "○ start.guess" in done.output and "✓ start.q1" in done.output
    assert "1 right, 1 not written yet (of 2)" in done.output
    assert f"your copy, {mine / '00_good.ipynb'}" in done.output
    assert call("check", "00", "--strict").exit_code == 1
    place(mine / "00_good.ipynb", handed_in(q1="'c'", guess="'a'"))
    done = call("check", "0")
    assert done.exit_code == 1 and "✗ start.guess" in done.output and "1 wrong" in done.output
    place(mine / "00_good.ipynb", handed_in(q1="'c'", guess="'b'"))
    assert call("check", "00", "--strict").exit_code == 0
    done = call("check", "00", "--shipped")
    assert done.exit_code == 0 and "00_good, the course's file: 2 not written yet" in done.output


def test_strict_marks_every_file_and_is_content_with_nothing_less_than_all(course, tmp_path, write):
    sub = tmp_path / "sub"
    good = {"q1": "'c'", "guess": "'b'"}
    for name in ("ann", "ben", "cem"):
        (sub / name).mkdir(parents=True)
    write(handed_in(**good), "sub/ann/00_good.ipynb")
    (sub / "ben" / "00_good.ipynb").write_text("")  # handed in, and empty
    write(handed_in(**good)[:3], "sub/cem/00_good.ipynb")  # one exercise deleted
    write([cell("code", "x = 1", id="mine")], "sub/dan.ipynb")
    files = [str(sub / name / "00_good.ipynb") for name in ("ben", "cem", "ann")]
    done = call("check", "--strict", *files, str(sub / "dan.ipynb"))
    assert done.exit_code == 1
    assert f"00_good, {files[2]}: 2 right (of 2)" in done.output  # the rest goes on
    assert f"00_good, {files[1]}: 1 right, 1 not run (of 2)" in done.output
    assert "– start.guess" in done.output and "has no cell with this answer" in done.output
    assert f"✗ {files[0]} is not a Jupyter notebook" in done.output
    assert f"{sub / 'dan.ipynb'} is none of the course's notebooks" in done.output
    assert call("check", "--strict", files[2]).exit_code == 0
    assert call("check", "--strict", files[0]).exit_code == 1
    done = call("check", str(sub / "dan.ipynb"))  # a notebook of one's own
    assert done.exit_code == 0 and "no exercises (of 0)" in done.output


def test_the_seed_is_fresh_printed_and_may_be_given_again(course):
    drawn = {re.search(r"--seed (\d+)", call("check", "00").output)[1] for _ in range(3)}
    assert len(drawn) > 1
    assert "with --seed 12." in call("check", "00", "--seed", "12").output
    assert call("check", "00", "--seed", "-1").exit_code == 2


def test_check_again_puts_what_failed_before_first(course):
    record("start.guess", "✗", "swapped"), record("start.guess", "✓"), record("start.q2", "✗")
    lines = call("check", "--again").output.splitlines()
    order = [line.split()[1] for line in lines if line[:3].strip() in ("✓", "✗", "○")]
    assert order == ["start.q2", "start.guess", "start.q1"]


# --- which file is meant --------------------------------------------------------------------------


def test_a_path_means_that_file_whatever_it_is_called(course, own_home, write, monkeypatch):
    monkeypatch.chdir(course)
    call("copy")
    mine = own_home / "notebooks" / "00_good.ipynb"
    theirs = write(handed_in(), "00_good.ipynb")
    shipped = course / "notebooks" / "00_good.ipynb"
    for words, meant in {
        ("00",): mine,
        ("0",): mine,
        ("00_good",): mine,
        ("00_good.ipynb",): theirs,
        ("./00_good.ipynb",): theirs,
        ("notebooks/00_good.ipynb",): shipped,
        (str(mine),): mine,
        (str(shipped), "00_good.ipynb"): (shipped, theirs),
    }.items():
        found = which.notebooks(words, own=True)
        assert found == (list(meant) if isinstance(meant, tuple) else [meant])
    assert which.notebooks(("00",)) == [shipped]
    assert which.notebooks((), own=True) == [mine, mine.with_name("01_bad.ipynb")]


@pytest.mark.parametrize("command", ["check", "run", "notebooks", "solve", "lab", "copy"])
@pytest.mark.parametrize(
    "word", ["sub/ben/00_good.ipynb", "00_good.ipynb", "./00", "sub/00_good", "notebooks", "", "7"]
)
def test_a_file_that_is_not_there_is_an_error_and_not_the_courses_own(
    course, monkeypatch, command, word
):
    (course / "sub" / "ben").mkdir(parents=True)
    monkeypatch.chdir(course)
    monkeypatch.setattr(lab.subprocess, "Popen", None)
    done = call(command, word)
    assert done.exit_code == 2 and repr(word) in done.output, done.output
    assert not (course / "build").exists()


def test_files_of_one_name_do_not_overwrite_each_others_pages(course, write):
    for name in ("ann", "ben"):
        (course / name).mkdir()
        write([cell("code", f"print('{name}!')")], f"{name}/00_good.ipynb")
    done = call("run", *(str(course / name / "00_good.ipynb") for name in ("ann", "ben")))
    assert done.exit_code == 0, done.output
    for name in ("ann", "ben"):
        page = course / "build" / "html" / name / "00_good.html"
        assert f"{name}!" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["check", "run", "notebooks", "solve"])
def test_one_broken_file_does_not_stop_the_rest(course, tmp_path, command):
    bad = tmp_path / "bad.ipynb"
    bad.write_text("{")
    done = call(command, str(bad), "00")
    assert done.exit_code == 1 and f"{bad} is not a Jupyter notebook" in done.output
    assert "00_good" in done.output.replace(str(bad), "")


# --- the reader's copies --------------------------------------------------------------------------


def test_a_copy_is_made_once_and_what_is_in_it_stays(course, own_home):
    mine = own_home / "notebooks" / "00_good.ipynb"
    done = call("copy", "0")
    assert done.exit_code == 0 and f"copies are in {mine.parent}" in done.output
    assert "✓ 00_good.ipynb: made" in done.output
    place(mine, handed_in(q1="'a'  # my slip"))
    before = mine.read_bytes()
    assert "00_good" not in call("copy").output and mine.read_bytes() == before
    assert (own_home / "notebooks" / "01_bad.ipynb").exists()
    place(course / "notebooks" / "00_good.ipynb", [*handed_in(), cell("code", "new", id="new")])
    assert "✓ 00_good.ipynb: renewed, with what you wrote in it" in call("copy").output
    sources = [c.source for c in load(mine).cells]
    assert sources[1] == "q1 = 'a'  # my slip" and sources[-1] == "new" and len(sources) == 6


def test_copies_go_to_another_folder_but_not_into_the_course(course, tmp_path_factory):
    there = tmp_path_factory.mktemp("there") / "new"
    assert call("copy", "00", "--to", str(there)).exit_code == 0
    assert [file.name for file in there.glob("*.ipynb")] == ["00_good.ipynb"]
    done = call("copy", "--to", str(course / "notebooks"))
    assert done.exit_code == 2 and "inside the course's own folder" in done.output
    done = call("copy", "--to", str(there / "00_good.ipynb"))  # a file, not a folder
    assert done.exit_code == 1 and "cannot copy to" in done.output
    done = call("copy", str(there / "00_good.ipynb"))
    assert done.exit_code == 2 and "only the course's own are copied" in done.output


@pytest.fixture
def opened(monkeypatch):
    """What JupyterLab would be started with: words and environment."""
    found = {}

    class Child:
        def __init__(self, words, env):
            found.update(words=words, env=env)

        def wait(self):
            return 0

    monkeypatch.setattr(lab.subprocess, "Popen", Child)
    monkeypatch.setattr(lab.signal, "signal", lambda *_: None)
    return found


def test_lab_makes_the_readers_copies_and_opens_them_in_their_folder(course, own_home, opened):
    folder = own_home / "notebooks"
    before = {path: path.read_bytes() for path in (course / "notebooks").iterdir()}
    done = call("lab", "00")
    assert done.exit_code == 0, done.output
    assert f"Your own copies are in {folder}" in done.output
    assert f"Opening your copy, {folder / '00_good.ipynb'}; --shipped" in done.output
    assert {path.name for path in folder.glob("*.ipynb")} == {path.name for path in before}
    assert f"--ServerApp.root_dir={folder}" in opened["words"]
    assert "--LabApp.default_url=/lab/tree/00_good.ipynb" in opened["words"]
    assert "Your own copies" not in call("lab", "00").output  # said once
    assert {path: path.read_bytes() for path in (course / "notebooks").iterdir()} == before
    done = call("lab", "00", "--shipped")
    assert "the course's file" in done.output
    assert "--LabApp.default_url=/lab/tree/notebooks/00_good.ipynb" in opened["words"]


def test_lab_opens_any_file_and_makes_no_copies_for_it(course, own_home, opened, write):
    path = write(handed_in(), "theirs.ipynb")
    assert call("lab", str(path)).exit_code == 0
    assert "--LabApp.default_url=/lab/tree/theirs.ipynb" in opened["words"]
    assert f"--ServerApp.root_dir={path.parent}" in opened["words"]
    assert not (own_home / "notebooks").exists()


def test_lab_opens_the_courses_own_where_no_copy_can_be_kept(course, own_home, opened):
    (own_home / "notebooks").write_text("a file in the way")
    done = call("lab", "00")
    assert done.exit_code == 0 and "No copies can be kept" in done.output
    assert "--LabApp.default_url=/lab/tree/notebooks/00_good.ipynb" in opened["words"]


def place(path, cells):
    nb = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    save(nbformat.from_dict(nb), path)


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
    path = files.ROOT / "notebooks" / "00_start_here.ipynb"
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 0, raising=False)
    options = lab.lab_options(path)
    assert "--no-browser" in options and "--allow-root" in options
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb" in options
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(os, "getuid", lambda: 1000, raising=False)
    options = lab.lab_options(path)
    assert "--no-browser" not in options and "--allow-root" not in options
    assert "--no-browser" in lab.lab_options(path, no_browser=True)


def test_in_a_terminal_of_the_lab_the_command_is_found(monkeypatch, course, opened):
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


def wait_for(done, seconds=120):
    import time

    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
