"""What is remembered, what is never remembered, and that nothing breaks where nothing can be."""

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from click.testing import CliRunner

from lessons_lib.course import doctor
from lessons_lib.course.checking.attempt import check
from lessons_lib.course.checking.hints import hint, reveal
from lessons_lib.course.cli import main
from lessons_lib.course.practice import memory
from lessons_lib.course.practice.form import Question
from lessons_lib.course.practice.memory import Event, forget, history, path, record, state, trouble
from lessons_lib.course.practice.overview import as_text, overview, progress
from lessons_lib.course.say import OPEN, RIGHT, WRONG

ID = "forward.two_steps"
pytestmark = pytest.mark.usefixtures("reader")


def outcomes(id=ID):
    return [(event.outcome, event.note) for event in history().get(id, [])]


# --- what is remembered ---------------------------------------------------------------------------


def test_a_check_is_remembered_with_its_mistake_and_a_blank_is_not(capsys):
    for answer in (..., (0.81, 0.19), (7, 7), (0.9, 0.436)):
        check(ID, answer)
    hint(ID)
    reveal(ID)
    assert (WRONG, "no root") == outcomes()[0]
    assert outcomes()[1:] == [(WRONG, None), (RIGHT, None), ("hint 1", None)]
    reveal(ID)
    assert outcomes()[-1] == ("revealed", None)


@pytest.mark.parametrize(
    "name, value", [("LESSONS_PLAIN", "1"), ("LESSONS_STRICT", "1"), ("LESSONS_PROGRESS", "off")]
)
def test_nothing_is_remembered_where_outputs_are_committed_or_it_is_off(
    name, value, monkeypatch, capsys
):
    check(ID, (0.9, 0.436))
    monkeypatch.setenv(name, value)
    check(ID, (0.9, 0.436))
    hint(ID)
    assert history() == {}  # a committed map looks the same for everybody
    monkeypatch.delenv(name)
    assert outcomes() == [(RIGHT, None)]


def test_looking_makes_no_file():
    assert history() == {} and "0 of" in as_text(overview())
    assert not path().parent.exists()


def test_kernels_write_at_the_same_time(monkeypatch):
    monkeypatch.setattr(memory, "WAIT", 30)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: record(ID, WRONG, str(i)), range(80)))
    assert sorted(int(note) for _, note in outcomes()) == list(range(80))


def test_forget():
    assert forget() is False
    record(ID, RIGHT)
    assert forget() is True and history() == {}


# --- where nothing can be kept --------------------------------------------------------------------


def no_folder(home):
    home.write_text("a file where the folder should be")


def broken(home):
    home.mkdir()
    path().write_bytes(b"this is no database, " * 100)


def another_table(home):
    home.mkdir()
    with closing(sqlite3.connect(path())) as db, db:
        db.execute("create table event (what text)")


@pytest.mark.parametrize("spoil", [no_folder, broken, another_table])
def test_without_a_database_everything_works_and_it_is_said_once(spoil, tmp_path, capsys):
    spoil(tmp_path / "home")
    check(ID, (0.9, 0.436))
    check(ID, (0.9, 0.436))
    progress()
    said = capsys.readouterr().out
    assert said.count("✓ forward.two_steps") == 2 and "Start here" in said
    lines = [line for line in said.splitlines() if "Your progress is not kept" in line]
    assert len(lines) == 1 and str(path()) in lines[0]


def test_looking_for_trouble_leaves_no_trace(tmp_path, monkeypatch):
    assert trouble() == "" and not (tmp_path / "home").exists()
    no_folder(tmp_path / "home")
    assert "home is no folder to write in" in trouble()


def relative(home):
    os.environ["LESSONS_HOME"] = "here"  # undone by own_home


def a_folder(home):
    path().mkdir(parents=True)


@pytest.mark.parametrize("spoil", [no_folder, broken, another_table, relative, a_folder])
def test_what_cannot_be_kept_is_never_called_kept(spoil, tmp_path, monkeypatch, capsys):
    """By whoever speaks of it: the command, the doctor, the questions."""
    monkeypatch.chdir(tmp_path)
    spoil(tmp_path / "home")
    reason = trouble()
    assert record(ID, RIGHT) is False and "not kept" in capsys.readouterr().out
    assert reason and trouble() == reason
    said = CliRunner().invoke(main, ["progress"]).output
    assert f"Nothing can be kept in {path()}: {reason}." in said and "Kept in" not in said
    assert "not kept" in doctor.progress().found
    form = Question("01.question.1", "Why?", {"answer": "So.", "must": []})
    form._set_beside()
    form._rated("got it")
    assert "Not kept: got it" in form.said.value


@pytest.mark.parametrize("name, value", [("PLAIN", "1"), ("STRICT", "1"), ("PROGRESS", "off")])
def test_a_session_that_keeps_nothing_says_which_variable_it_is(name, value, monkeypatch):
    monkeypatch.setenv(f"LESSONS_{name}", value)
    assert record(ID, RIGHT) is False
    said = CliRunner().invoke(main, ["progress"]).output
    assert f"Nothing is kept, since LESSONS_{name}={value} is set." in said


def test_where_it_is_kept_is_said_once_it_is(tmp_path):
    said = lambda: CliRunner().invoke(main, ["progress"]).output.splitlines()[-1]
    assert said() == f"Nothing is kept yet; it will be in {path()}."
    assert not path().parent.exists()
    assert record(ID, RIGHT) is True
    assert said() == f"Kept in {path()}."
    assert [event.outcome for event in history()[ID]] == [RIGHT]  # looking left no trace


def test_a_locked_database_is_waited_for_once(tmp_path, capsys):
    record(ID, RIGHT)
    with closing(sqlite3.connect(path(), isolation_level=None)) as other:
        other.execute("begin exclusive")
        record(ID, WRONG)
        record(ID, WRONG)
        assert capsys.readouterr().out.count("database is locked") == 1
        assert "locked" in trouble()
        other.execute("rollback")
    record(ID, WRONG)
    assert outcomes() == [(RIGHT, None), (WRONG, None)] and trouble() == ""


def test_no_home_folder_means_no_file_in_the_working_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LESSONS_HOME", "here")
    record(ID, RIGHT)
    assert "no home folder" in capsys.readouterr().out and not (tmp_path / "here").exists()


FULL = """
import resource, signal
from lessons_lib.course import check, progress
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # from here on every write fails
check("forward.two_steps", (0.9, 0.436))
check("forward.two_steps", (0.9, 0.436))
progress()
from click.testing import CliRunner
from lessons_lib.course.cli import main
print(CliRunner().invoke(main, ["progress"]).output)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files the POSIX way")
def test_a_full_disk():
    done = subprocess.run([sys.executable, "-c", FULL], stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0
    assert done.stdout.count("✓ forward.two_steps") == 2
    assert done.stdout.count("Your progress is not kept") == 1
    assert "Nothing can be kept in" in done.stdout and "File too large" in done.stdout


# --- what it says ---------------------------------------------------------------------------------


def events(*outcomes):
    """Events one second apart, on the second of January 1970."""
    split = [each.split(":") for each in outcomes]
    return [
        Event(86400.0 * 1.5 + i, ID, each[0], each[1] if len(each) > 1 else None)
        for i, each in enumerate(split)
    ]


@pytest.mark.parametrize(
    "happened, symbol, words",
    [
        ([], OPEN, "not yet"),
        (["hint 1"], OPEN, "not yet; 1 hint read"),
        (["✗:swapped"], WRONG, "not right yet: swapped; 1 try, last on 1970-01-02"),
        (["✗:swapped", "✗"], WRONG, "not right yet; 2 tries, last on 1970-01-02"),
        (["✓"], RIGHT, "right at try 1, on 1970-01-02"),
        (["✗", "hint 1", "✗", "✓", "✓"], RIGHT, "right at try 3, on 1970-01-02"),
        (["✗", "revealed", "✓"], RIGHT, "right at try 2, on 1970-01-02, answer seen first"),
        (["✓", "revealed"], RIGHT, "right at try 1, on 1970-01-02"),
        (["✓", "✗:no root"], WRONG, "not right yet: no root; 2 tries, last on 1970-01-02"),
    ],
)
def test_state(happened, symbol, words):
    found = state(events(*happened))
    assert (found.symbol, found.words) == (symbol, words)
    assert found.failed == any(each.startswith("✗") for each in happened)
