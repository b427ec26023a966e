"""The recipes: the same from the same seed, and what they made goes where it is found."""

import builtins
import json

import pytest
import torch

from lessons_lib import data, files, learn, metrics
from lessons_lib.course import recipes
from lessons_lib.course.recipes import record
from lessons_lib.levels import cosine, grid
from lessons_lib.nets import DigitNet
from lessons_lib.samplers import ddim, sample
from lessons_lib.wrap import cfg


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_judge_is_trained_before_what_it_measures():
    names = list(recipes.RECIPES)
    assert names.index("judge") < names.index("digits")
    assert names.index("shapes_judge") < names.index("shapes") < names.index("shapes_few")


def test_the_batches_come_from_the_generator_alone_and_never_twice():
    draw = recipes.fresh(64)
    x, c = draw(1, seeded())
    again, later = draw(9, seeded()), draw(1, seeded(1))
    assert torch.equal(x, again[0]) and torch.equal(c, again[1])
    assert not torch.equal(c, later[1])
    assert x.shape == (64, 3, 32, 32) and not data.held_out(c).any()


def test_the_first_weights_are_always_the_same_and_touch_no_global_generator():
    before = torch.get_rng_state()
    one, other = recipes.shape_denoiser(), recipes.shape_denoiser()
    assert torch.equal(before, torch.get_rng_state())
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_curve_keeps_the_mean_and_stays_short():
    for steps in (150, 3000, 9000):
        history = torch.rand(steps, generator=seeded())
        ((title, curve),) = record._curve(history).items()
        assert len(curve) <= 100
        assert sum(curve) / len(curve) == pytest.approx(float(history.mean()), rel=1e-3), title


def shipped(folder):
    denoiser = learn.NetDenoiser(DigitNet(width=16, blocks=1), "v")
    about = {"net": "DigitNet", "arguments": {"width": 16, "blocks": 1}, "predicts": "v"}
    record.ship(
        folder, "small", denoiser, about, {"seed": 0}, 1.0, torch.ones(100), {"right": 0.5}, "here"
    )
    return denoiser


def test_what_is_shipped_is_found_and_says_how_it_was_made(tmp_path, capsys):
    files.write(tmp_path / files.MANIFEST, b"{}")
    denoiser = shipped(tmp_path / "checkpoints")
    back = learn.load("small", tmp_path)
    for a, b in zip(denoiser.parameters(), back.parameters(), strict=True):
        assert torch.equal(a, b)
    lines = json.loads((tmp_path / "checkpoints/small.json").read_text(encoding="utf-8"))
    assert lines["made by"] == "lessons train small" and lines["measured"] == {"right": 0.5}
    assert files.manifest(tmp_path)["checkpoints/small.json"]["source"] == "here"


@pytest.mark.parametrize("answers", [["elsewhere"], ["full", "elsewhere"], []])
def test_a_folder_that_cannot_be_written_is_named_and_another_asked_for(
    tmp_path, monkeypatch, capsys, answers
):
    for name in ("full", "small"):
        (tmp_path / name).write_text("a file where a folder should be")
    monkeypatch.setattr(record.tempfile, "mkdtemp", lambda prefix: str(tmp_path / "temporary"))

    def answer(question):
        if not answers:
            raise EOFError
        return str(tmp_path / answers.pop(0))

    monkeypatch.setattr(builtins, "input", answer)
    expected = "elsewhere" if answers else "temporary"
    shipped(tmp_path / "small")
    assert (tmp_path / expected / "small.safetensors").is_file()
    assert "small could not be written there" in capsys.readouterr().out


# --- what is shipped ------------------------------------------------------------------------------


def test_the_shipped_judge_reads_shapes_it_never_saw():
    drawn = data.shapes(2000, seeded(17), split="all")
    read = learn.load("shapes_judge").read(drawn.pictures)
    assert (metrics.fidelity(read, drawn.attributes)[:-1] >= 0.995).all()


def test_the_shipped_shapes_are_what_was_asked_for():
    asked = data.choose(48, seeded(18))
    noise = torch.randn(48, 3, 32, 32, generator=seeded(19))
    drawn = sample(ddim, cfg(learn.load("shapes"), asked, 2.0), noise, grid(cosine, 12))
    right = metrics.fidelity(learn.load("shapes_judge").read(drawn), asked)
    assert right[-1] > 0.6  # by chance, one in 3,456
