"""The pictographs are those of the font, whole, on white, and their captions fit."""

import importlib.util
import unicodedata
from pathlib import Path

import pytest
import torch
from family import seeded

from lessons_lib import data, files


def test_the_pictographs():
    x0, captions, category, categories, mirrors = data.pictographs()
    assert x0.shape == (1280, 3, 32, 32) and x0.dtype == torch.float32
    assert x0.min() == -1 and x0.max() == 1
    assert len(captions) == len(category) == len(mirrors) == 1280
    assert len(set(captions)) == 1278  # two clouded suns and two check marks share a caption
    assert (category.bincount() > 50).all() and category.max() + 1 == len(categories) == 8
    assert len(x0.flatten(1).unique(dim=0)) > 1270  # a few characters look alike


def test_the_pictographs_stand_on_white():
    x0 = data.pictographs().pictures
    corners = x0[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert corners.min() > 0.95 and corners.mean() > 0.9999
    assert (x0.flatten(1).min(1).values < 0.9).all()  # and none is empty


def test_captions_say_what_is_there():
    x0, captions, category, categories, mirrors = data.pictographs()
    for caption, group in (
        ("fox face", "nature"),
        ("grinning face", "faces"),
        ("slice of pizza", "food"),
        ("violin", "objects"),
    ):
        assert categories[category[captions.index(caption)]] == group
    for caption, colour in (("heart", 0), ("green heart", 1), ("blue heart", 2)):
        middle = x0[captions.index(caption)][:, 12:20, 12:20].mean((1, 2))
        assert middle.argmax() == colour
    for caption in ("left pointing magnifying glass", "chart with downwards trend", "black heart"):
        assert mirrors[captions.index(caption)] == (caption == "black heart")


def test_augment_moves_and_mirrors():
    x0 = data.pictographs().pictures[300:400]
    assert torch.equal(data.augment(x0, seeded(1)), data.augment(x0, seeded(1)))
    assert not torch.equal(data.augment(x0, seeded(1)), data.augment(x0, seeded(2)))
    still = data.augment(x0, seeded(), shift=0)
    same = (still == x0).flatten(1).all(1)
    turned = (still == x0.flip(3)).flatten(1).all(1)
    assert (same | turned).all() and 30 < same.sum() < 70
    padded = torch.nn.functional.pad(x0, (2,) * 4, value=1.0)
    windows = padded.unfold(2, 32, 1).unfold(3, 32, 1).flatten(2, 3)  # (n, 3, 25, 32, 32)
    moved = data.augment(x0, seeded(), mirrors=torch.zeros(100, dtype=torch.bool))
    found = (windows == moved[:, :, None]).flatten(3).all(3).all(1)  # (n, 25)
    assert found.any(1).all() and found.any(0).all()
    assert data.augment(x0[:0], seeded()).shape == (0, 3, 32, 32)


def test_bad_requests_to_augment_are_named():
    x0 = torch.ones(3, 1, 4, 4)
    with pytest.raises(ValueError, match="shift: -1 given"):
        data.augment(x0, seeded(), shift=-1)
    with pytest.raises(ValueError, match=r"mirrors: shape \(2,\) given; need \(3,\)"):
        data.augment(x0, seeded(), mirrors=torch.ones(2, dtype=torch.bool))


def script():
    path = files.DATA / "make_pictographs.py"
    spec = importlib.util.spec_from_file_location("make_pictographs", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_groups_names_each_character_once_and_makes_the_captions():
    made = script()
    numbers = [n for ranges in made.GROUPS.values() for n in made.numbers(ranges)]
    assert len(numbers) == len(set(numbers))
    named = {made.caption(chr(n)) for n in numbers if unicodedata.name(chr(n), "")}
    assert set(data.pictographs().captions) <= named


def test_the_script_remakes_the_shipped_file_bit_for_bit(tmp_path, monkeypatch):
    font = script().FONT
    if not font.is_file():
        pytest.skip(f"needs the font {font}")
    monkeypatch.setattr(files, "DATA", tmp_path)
    monkeypatch.setattr("sys.argv", ["make_pictographs.py"])
    record = files.record
    monkeypatch.setattr(files, "record", lambda name, facts: record(name, facts, tmp_path))
    path = Path(__file__).parent.parent / "data"
    spec = importlib.util.spec_from_file_location("__main__", path / "make_pictographs.py")
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    name = "pictographs.npz"
    assert files.manifest(tmp_path)[name] == files.manifest(path)[name]
    assert (tmp_path / name).read_bytes() == (path / name).read_bytes()
