"""A shipped file is believed only when it is the file that was shipped."""

import pytest

from lessons_lib import files


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
    with pytest.raises(files.FileProblem, match="expected JSON"):
        files.verified("a.bin", folder)
    (folder / files.MANIFEST).unlink()
    with pytest.raises(files.FileProblem, match="expected the list of shipped files; found none"):
        files.verified("a.bin", folder)


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
