"""The files the course ships: found, hashed and checked before a byte of them is believed."""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]  # the repository
DATA = ROOT / "data"
MANIFEST = "manifest.json"


class FileProblem(ValueError):
    """A file is missing, or is not what it should be; says what was found and what to do."""


@contextmanager
def reading(path: Path, what: str, repair: str) -> Iterator[None]:
    """Whatever goes wrong while a file is read under `with` is a FileProblem."""
    try:
        yield
    except FileProblem:
        raise
    except Exception as error:
        found = "no such file" if not path.exists() else "a folder" if path.is_dir() else None
        first = re.split(r"\.\s|\n", str(error))[0]  # of torch's long messages, one sentence
        found = found or f"something else ({type(error).__name__}: {first[:300]})"
        raise FileProblem(f"{path}: expected {what}; found {found}. {repair}") from error


@contextmanager
def shipped(name: str, what: str, folder: Path = DATA) -> Iterator[Path]:
    """The path of a shipped file, verified; what goes wrong under `with` is a FileProblem too."""
    path = verified(name, folder)
    with reading(path, what, f"Make it again with `{manifest(folder)[name]['made_by']}`"):
        yield path


def verified(name: str, folder: Path = DATA) -> Path:
    """The path of a shipped file, once its length and sha256 are those of the manifest.

    Raises FileProblem naming the file, what was expected, what was found, and the repair.
    """
    path = folder / name
    entries = manifest(folder)
    if name not in entries:
        raise FileProblem(f"{path}: not in the manifest; it lists {', '.join(sorted(entries))}")
    entry = entries[name]
    expected = f"{entry['bytes']} bytes, sha256 {entry['sha256'][:12]}…"
    repair = f"Repair it with `git restore data/{name}`, or make it again with `{entry['made_by']}`"
    with reading(path, expected, repair):
        content = path.read_bytes()
    if content.startswith(b"version ") and b"git-lfs" in content[:100]:
        raise FileProblem(f"{path}: expected {expected}; found a git-lfs pointer. {repair}")
    found = f"{len(content)} bytes, sha256 {sha256(content)[:12]}…"
    if len(content) != entry["bytes"]:
        what = "a truncated" if len(content) < entry["bytes"] else "another"
        raise FileProblem(f"{path}: expected {expected}; found {what} file, {found}. {repair}")
    if sha256(content) != entry["sha256"]:
        raise FileProblem(f"{path}: expected {expected}; found altered bytes, {found}. {repair}")
    return path


def verify_all(folder: Path = DATA) -> list[tuple[str, str | None]]:
    """Every shipped file with its problem, or None if it has none."""
    return [(name, _problem(name, folder)) for name in sorted(manifest(folder))]


def manifest(folder: Path = DATA) -> dict[str, dict]:
    """What the course ships: name -> bytes, sha256, made_by, licence, source."""
    path = folder / MANIFEST
    repair = (
        "The course runs from its checkout (`pip install -e .`); repair it with "
        f"`git restore data/{MANIFEST}`"
    )
    with reading(path, "the list of shipped files, JSON", repair):
        entries = json.loads(path.read_text(encoding="utf-8"))
        for name, entry in entries.items():
            if missing := {"bytes", "sha256", "made_by"} - set(entry):
                raise ValueError(f"{name} without {', '.join(sorted(missing))}")
    return entries


def record(name: str, facts: dict[str, str], folder: Path = DATA) -> None:
    """Write a file's length, sha256 and facts (made_by, licence, source) into the manifest."""
    entries = manifest(folder) if (folder / MANIFEST).is_file() else {}
    content = (folder / name).read_bytes()
    entries[name] = {"bytes": len(content), "sha256": sha256(content), **facts}
    text = json.dumps(dict(sorted(entries.items())), indent=2, ensure_ascii=False) + "\n"
    write(folder / MANIFEST, text.encode())


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: an interrupt never leaves half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)  # mkstemp makes it readable by its owner alone
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _problem(name: str, folder: Path) -> str | None:
    try:
        verified(name, folder)
    except FileProblem as problem:
        return str(problem)
    return None
