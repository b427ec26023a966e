"""A shipped file is believed only when it is the file that was shipped."""

import io
import json
import os
import pickle

import numpy as np
import pytest
import torch

from lessons_lib import data, files, learn
from lessons_lib.course.measure import result
from lessons_lib.course.practice.flash import load_cards
from lessons_lib.levels import cosine
from lessons_lib.nets import DigitNet


@pytest.fixture
def folder(tmp_path):
    files.write(tmp_path / "a.bin", b"0123456789" * 20)
    files.record("a.bin", {"made_by": "lessons train a"}, tmp_path)
    return tmp_path


def test_a_whole_file_is_found(folder):
    assert files.verified("a.bin", folder).read_bytes().startswith(b"0123")
    assert files.verify_all(folder) == [("a.bin", None)]


@pytest.mark.parametrize(
    "content, found",
    [
        (b"0123456789" * 19, "a truncated file, 190 bytes"),
        (b"", "a truncated file, 0 bytes"),
        (b"0123456789" * 19 + b"0123456780", "altered bytes, 200 bytes"),
        (b"0123456789" * 21, "another file, 210 bytes"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "a git-lfs pointer"),
    ],
)
def test_what_is_wrong_is_said_with_the_repair(folder, content, found):
    (folder / "a.bin").write_bytes(content)
    with pytest.raises(files.FileProblem) as caught:
        files.verified("a.bin", folder)
    text = str(caught.value)
    assert "a.bin: expected 200 bytes, sha256" in text and f"found {found}" in text
    assert "git restore data/a.bin" in text and "lessons train a" in text
    assert files.verify_all(folder)[0][1] == text


def test_a_missing_file_and_a_missing_manifest(folder):
    (folder / "a.bin").unlink()
    with pytest.raises(files.FileProblem, match="found no such file"):
        files.verified("a.bin", folder)
    with pytest.raises(files.FileProblem, match="b.bin: not in the manifest; it lists a.bin"):
        files.verified("b.bin", folder)
    (folder / files.MANIFEST).write_text("{")
    with pytest.raises(files.FileProblem, match="expected the list of shipped files, JSON; found"):
        files.verified("a.bin", folder)
    (folder / files.MANIFEST).unlink()
    with pytest.raises(files.FileProblem, match="expected the list of shipped files.*no such file"):
        files.verified("a.bin", folder)


@pytest.mark.parametrize("entry", [{}, {"bytes": 200, "sha256": "00"}, 3, None])
def test_a_manifest_that_says_too_little(folder, entry):
    files.write(folder / files.MANIFEST, json.dumps({"a.bin": entry}).encode())
    with pytest.raises(files.FileProblem, match="manifest.json: expected .*git restore"):
        files.verified("a.bin", folder)


def test_a_folder_in_the_place_of_a_file(folder):
    for name in ("a.bin", files.MANIFEST):
        (folder / name).unlink()
        (folder / name).mkdir()
        with pytest.raises(files.FileProblem, match=f"{name}: expected .*; found a folder. .*git"):
            files.verified("a.bin", folder)


def test_a_kept_training_that_is_not_there_and_one_that_is_a_folder(tmp_path):
    for path, found in ((tmp_path / "none.pt", "no such file"), (tmp_path, "a folder")):
        with pytest.raises(files.FileProblem, match=f"a training to resume; found {found}. Move"):
            training().resume(path)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(folder, monkeypatch):
    def refuse(*_):
        raise OSError("disk full")

    monkeypatch.setattr(files.os, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        files.write(folder / "a.bin", b"new")
    assert (folder / "a.bin").stat().st_size == 200
    assert sorted(p.name for p in folder.iterdir()) == ["a.bin", "manifest.json"]


def test_every_file_of_the_course_is_whole():
    assert [problem for _, problem in files.verify_all() if problem] == []


def test_the_data_folder_stays_small():
    shipped = files.manifest()
    assert all(entry["bytes"] < 8 * 2**20 for entry in shipped.values())
    assert sum(entry["bytes"] for entry in shipped.values()) < 60 * 2**20
    tracked = {p.relative_to(files.DATA).as_posix() for p in files.DATA.rglob("*")
               if p.suffix in (".npz", ".safetensors")}  # fmt: skip
    assert tracked <= set(shipped), "a data file is not in the manifest"


def test_the_readme_of_the_data_names_every_data_file_with_its_licence_and_its_command():
    text = (files.DATA / "README.md").read_text(encoding="utf-8")
    for name, entry in files.manifest().items():
        if name.endswith((".npz", ".safetensors")):
            assert f"| `{name}` | {entry['licence']} | `{entry['made_by']}` |" in text, name


# --- files of another kind ------------------------------------------------------------------------


def saved(write, thing):
    """What write(file, thing) leaves in a file."""
    content = io.BytesIO()
    write(content, thing)
    return content.getvalue()


def torched(thing):
    return saved(lambda file, thing: torch.save(thing, file), thing)


def small():
    return learn.NetDenoiser(DigitNet(width=16, blocks=1), "v")


def training():
    draw = lambda step, generator: (torch.zeros(2, 1, 8, 8), None)
    return learn.Training(small(), draw, cosine, 9, torch.Generator().manual_seed(0))


def kept(folder):
    run = training()
    next(iter(run))
    run.save(folder / "made")
    return (folder / "made").read_bytes()


def checkpoint(folder, about):
    learn.save(folder / "made", small(), about)
    return (folder / "made").read_bytes()


ABOUT = {"net": "DigitNet", "arguments": {"width": 16, "blocks": 1}, "predicts": "v"}
CONTENTS = {  # what a file may hold -> a function of a folder that gives its bytes
    "nothing": lambda _: b"",
    "text": lambda _: "x̂0 = 3\n".encode(),
    "text of old": lambda _: "é".encode("latin-1") * 99,
    "bytes": lambda _: b"\x08" * 99,
    "json": lambda _: b'{"a": 1}',
    "json list": lambda _: b"[1, 2]",
    "pickle": lambda _: pickle.dumps({"a": 1}),
    "pickle of code": lambda _: pickle.dumps(os.getcwd),
    "npz": lambda _: saved(np.savez, np.zeros(3)),
    "npz, cut": lambda _: saved(np.savez, np.zeros(3))[:90],
    "npy": lambda _: saved(np.save, np.zeros(3)),
    "tensor": lambda _: torched(torch.zeros(3)),
    "list of tensors": lambda _: torched([torch.zeros(3)]),
    "state dict": lambda _: torched(small().state_dict()),
    "training": kept,
    "training, cut": lambda folder: kept(folder)[:500],
    "training, of before": lambda _: torched({"settings": {}, "live": {}}),
    "checkpoint": lambda folder: checkpoint(folder, ABOUT),
    "checkpoint, cut": lambda folder: checkpoint(folder, ABOUT)[:-9],
    "checkpoint of nothing": lambda folder: checkpoint(folder, {}),
    "checkpoint of a list": lambda folder: checkpoint(folder, []),
    "checkpoint of no network": lambda folder: checkpoint(folder, {"net": "os", "arguments": {}}),
    "checkpoint of no width": lambda folder: checkpoint(
        folder, ABOUT | {"arguments": {"width": -1}}
    ),
}
RIGHT = {  # whose content is right in which file
    "training": ["kept.pt"],
    "checkpoint": ["checkpoints/small.safetensors"],
    "json": ["results/digits-walk.json"],
    "json list": ["results/digits-walk.json", "cards/01.yaml"],
}


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("kind", CONTENTS)
def test_a_file_of_another_kind_is_a_file_problem_whoever_reads_it(kind, tmp_path, monkeypatch):
    """Those of the manifest come with the right hash, so that only what is in them can speak."""
    readers = {
        "checkpoints/small.safetensors": lambda: learn.load("small", tmp_path),
        "digits.npz": data.digits,
        "pictographs.npz": data.pictographs,
        "results/digits-walk.json": lambda: result("digits-walk", tmp_path),
        "cards/01.yaml": lambda: load_cards("01"),
        "kept.pt": lambda: training().resume(tmp_path / "kept.pt"),
        files.MANIFEST: lambda: files.verified("digits.npz", tmp_path),
    }
    shipped = files.shipped
    monkeypatch.setattr(files, "shipped", lambda name, what, *_: shipped(name, what, tmp_path))
    monkeypatch.setattr(files, "DATA", tmp_path)
    content, failed = CONTENTS[kind](tmp_path), []
    for name, read in readers.items():
        (tmp_path / files.MANIFEST).unlink(missing_ok=True)
        files.write(tmp_path / name, content)
        if name != files.MANIFEST:
            files.record(name, {"made_by": "lessons train small"}, tmp_path)
        try:
            read()
        except files.FileProblem as problem:
            assert str(problem).startswith(f"{tmp_path / name}: expected "), problem
            assert "; found something else (" in str(problem) and len(str(problem)) < 700, problem
            failed.append(name)
    assert failed == [name for name in readers if name not in RIGHT.get(kind, [])]
