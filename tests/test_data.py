"""The digits are the real ones, and the toys are where they say they are."""

import importlib.util

import numpy as np
import pytest
import torch
from family import seeded

from lessons_lib import data, files


def test_the_digits_are_those_that_scikit_learn_ships():
    source = pytest.importorskip("sklearn.datasets").load_digits()
    x0, label = data.digits()
    assert x0.shape == (1797, 1, 8, 8) and x0.dtype == torch.float32
    np.testing.assert_array_equal((x0[:, 0].numpy() + 1) * 8, source.images)
    np.testing.assert_array_equal(label.numpy(), source.target)
    assert x0.min() == -1 and x0.max() == 1


def test_the_script_remakes_the_shipped_file(tmp_path, monkeypatch):
    pytest.importorskip("sklearn.datasets")
    script = files.DATA / "make_digits.py"
    spec = importlib.util.spec_from_file_location("__main__", script)
    monkeypatch.setattr(files, "DATA", tmp_path)
    record = files.record
    monkeypatch.setattr(files, "record", lambda name, facts: record(name, facts, tmp_path))
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    with np.load(tmp_path / "digits.npz") as made, np.load(script.parent / "digits.npz") as shipped:
        for name in ("pictures", "label"):
            np.testing.assert_array_equal(made[name], shipped[name])


def test_the_toys():
    g = seeded(0)
    for draw in (data.moons, data.spiral):
        x = draw(500, g)
        assert x.shape == (500, 2) and x.abs().max() < 2
        again = draw(500, seeded(0))
        assert torch.equal(again, draw(500, seeded(0)))
    ring = data.ring(k=5, radius=2.0, std=0.01)
    x = ring.sample(200, g)
    assert (x.norm(dim=1) - 2).abs().max() < 0.06
