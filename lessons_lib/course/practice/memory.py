"""What a reader has solved: kept between sessions, on this machine, in the user's data folder.

One table of events, only ever added to, each in a transaction of its own, so that several kernels
may write at once. Where nothing can be kept (read-only or full disk, a locked or broken file) the
course works without, and says so once. LESSONS_PROGRESS=off keeps nothing; nor do runs whose
outputs are committed or that are strict. LESSONS_HOME names another folder.
"""

import datetime
import os
import sqlite3
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import platformdirs

from lessons_lib.course.say import OPEN, RIGHT, WRONG

TABLE = "create table if not exists event (at real, id text, outcome text, note text)"
EVENT = "insert into event values (?, ?, ?, ?)"
WAIT = 5.0  # seconds for another kernel to finish its line

_complained = False
_session: dict[str, list["Event"]] = {}  # id -> what happened since this kernel was started


class Event(NamedTuple):
    """Something that happened to an exercise or a question: ✓, ✗, a hint, a rating; and when."""

    at: float
    id: str
    outcome: str
    note: str | None


# --- the database ---------------------------------------------------------------------------------


def home() -> Path:
    """The folder of this reader's own things: progress and copies of notebooks."""
    named = os.environ.get("LESSONS_HOME")
    return Path(named) if named else platformdirs.user_data_path("diffusion-lessons", False)


def path() -> Path:
    """The file that the progress is kept in."""
    return home() / "progress.sqlite3"


def is_kept() -> bool:
    """Whether this session remembers anything."""
    return not switched_off()


def switched_off() -> str:
    """The variable that lets this session remember nothing, "" if there is none."""
    off = {"LESSONS_PROGRESS": "off", "LESSONS_PLAIN": "1", "LESSONS_STRICT": "1"}
    return next((f"{k}={v}" for k, v in off.items() if os.environ.get(k) == v), "")


def record(id: str, outcome: str, note: str | None = None) -> bool:
    """Remember one event, and say whether it is; where that fails, say so once and go on."""
    event, kept = Event(time.time(), id, outcome, note), False
    _session.setdefault(id, []).append(event)
    if is_kept():
        with _told_once():
            with _opened() as db:
                db.execute(EVENT, event)
            kept = True
    return kept


def session() -> dict[str, list[Event]]:
    """id -> its events since this kernel was started, kept or not."""
    return _session


def history() -> dict[str, list[Event]]:
    """id -> its events, oldest first; empty where nothing is kept."""
    found: dict[str, list[Event]] = {}
    with _told_once():
        if is_kept() and path().exists():
            with closing(_connected()) as db:
                for row in db.execute("select at, id, outcome, note from event order by at"):
                    found.setdefault(row[1], []).append(Event(*row))
    return found


def forget() -> bool:
    """Delete what was kept, and say whether there was anything; OSError if that is forbidden."""
    there = path().exists()
    path().unlink(missing_ok=True)
    return there


def trouble() -> str:
    """Why nothing can be kept here; empty where it can. It tries to write, and leaves no trace."""
    try:
        _check_home()
        folder = next(each for each in path().parents if each.exists())
        if not folder.is_dir():
            return f"{folder} is no folder to write in"
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4 * 4096))  # the pages of a small database; a full disk has no room
            file.flush()
        if path().exists():
            with _opened() as db:
                db.execute(EVENT, (time.time(), "doctor", OPEN, None))
                db.rollback()
        return ""
    except (sqlite3.Error, OSError) as error:
        return str(error)


def whereabouts() -> str:
    """Where the progress is kept, or that it is not and why: a sentence."""
    if off := switched_off():
        return f"Nothing is kept, since {off} is set."
    if problem := trouble():
        return f"Nothing can be kept in {path()}: {problem}."
    return (
        f"Kept in {path()}." if path().exists() else f"Nothing is kept yet; it will be in {path()}."
    )


def _check_home() -> None:
    if not home().is_absolute():
        raise OSError("no home folder is known; LESSONS_HOME may name one")


@contextmanager
def _opened():
    """The database, made where there is none; what is done with it is one transaction."""
    _check_home()
    home().mkdir(parents=True, exist_ok=True)
    with closing(_connected()) as db, db:
        db.execute("begin immediate")  # waits for its turn at once, and not half way
        db.execute(TABLE)
        yield db


def _connected() -> sqlite3.Connection:
    """Waits for a lock, but not long in a session that has waited in vain already."""
    return sqlite3.connect(path(), timeout=WAIT / 10 if _complained else WAIT)


@contextmanager
def _told_once():
    """Go on where nothing can be kept or read, and say so the first time."""
    global _complained
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        if not _complained:
            print(f"(Your progress is not kept, {path()}: {error}. Everything else works.)")
        _complained = True


# --- what it says about an exercise ---------------------------------------------------------------


class State(NamedTuple):
    """Where a reader stands with one exercise: its symbol, and the same in words."""

    symbol: str
    words: str
    tries: int = 0
    failed: bool = False  # was it ever wrong?


def state(events: list[Event]) -> State:
    """Sum up the events of one exercise."""
    judged = [e for e in events if e.outcome in (RIGHT, WRONG)]
    if not judged:
        hints = sum(e.outcome.startswith("hint") for e in events)
        return State(OPEN, f"not yet; {times(hints, 'hint')} read" if hints else "not yet")
    failed = [e for e in judged if e.outcome == WRONG]
    if judged[-1].outcome == WRONG:
        why = f": {failed[-1].note}" if failed[-1].note else ""
        words = f"not right yet{why}; {times(len(judged), 'try')}, last on {day(judged[-1])}"
        return State(WRONG, words, len(judged), True)
    first = next(i for i, e in enumerate(judged, 1) if e.outcome == RIGHT)
    seen = any(e.outcome == "revealed" and e.at < judged[first - 1].at for e in events)
    words = f"right at try {first}, on {day(judged[first - 1])}" + ", answer seen first" * seen
    return State(RIGHT, words, first, bool(failed))


def times(count: int, what: str) -> str:
    plural = {"try": "tries"}.get(what, f"{what}s")
    return f"{count} {what if count == 1 else plural}"


def day(event: Event) -> str:
    return datetime.date.fromtimestamp(event.at).isoformat()
