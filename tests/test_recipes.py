"""The recipes: the same from the same seed, and what they made goes where it is found."""

import builtins
import inspect
import json
import os
import signal

import pytest
import torch
from family import seeded

from lessons_lib import data, files, learn, metrics
from lessons_lib.course import recipes
from lessons_lib.course.recipes import digits, likelihood, record, shapes
from lessons_lib.levels import cosine, grid, rectified
from lessons_lib.nets import DigitNet
from lessons_lib.samplers import ddim, sample
from lessons_lib.wrap import cfg


def test_a_judge_is_trained_before_what_it_measures():
    names = list(recipes.RECIPES)
    assert names.index("judge") < names.index("digits")
    assert names.index("shapes_judge") < names.index("shapes") < names.index("shapes_few")


def test_the_batches_come_from_the_generator_alone_and_never_twice():
    draw = recipes.shape_batches(64)
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


@pytest.fixture
def small(tmp_path, monkeypatch):
    """The recipes of the shapes, three steps long, in a folder of their own."""
    tiny = shapes.Recipe(steps=3, batch=2, lr=1e-3)
    monkeypatch.setattr(shapes, "SHAPES", tiny)
    monkeypatch.setattr(shapes, "STUDENT", tiny)
    monkeypatch.setattr(shapes, "measure_shapes", lambda denoiser, steps, **_: {f"{steps}": 1.0})
    files.write(tmp_path / "data" / files.MANIFEST, b"{}")
    return tmp_path


def test_a_recipe_that_is_stopped_ships_nothing_and_goes_on_where_it_was(small, monkeypatch):
    folder, waiting = small / "data" / "checkpoints", small / "build" / "train"
    threads, draw = torch.get_num_threads(), data.shapes

    def stop(*arguments, **options):
        os.kill(os.getpid(), signal.SIGINT)
        return draw(*arguments, **options)

    with monkeypatch.context() as interrupted:
        interrupted.setattr(shapes.data, "shapes", stop)
        shapes.train_shapes(folder, progress=False)
    assert not folder.exists() and [path.name for path in waiting.iterdir()] == ["shapes.pt"]
    shapes.train_shapes(folder, progress=False)
    shapes.train_shapes_few(folder, progress=False)
    torch.set_num_threads(threads)
    assert list(waiting.iterdir()) == []
    teacher, student = (
        json.loads((folder / f"{name}.json").read_text()) for name in ("shapes", "shapes_few")
    )
    assert teacher["recipe"]["steps"] == 3 and student["recipe"]["students"] == [16, 8, 4]
    assert student["measured"] == {"8": 1.0, "4": 1.0} and teacher["seconds"] > 0
    taught = learn.load("shapes_few", small / "data").state_dict()
    assert any(not w.equal(taught[k]) for k, w in shapes.shape_denoiser().state_dict().items())


# --- what is shipped ------------------------------------------------------------------------------


def test_the_shipped_judge_reads_shapes_it_never_saw():
    drawn = data.shapes(2000, seeded(17), split="all")
    read = learn.load("shapes_judge").read(drawn.pictures)
    assert (metrics.fidelity(read, drawn.attributes)[:-1] >= 0.995).all()


@pytest.mark.parametrize("name, steps, w", [("shapes", 12, 2.0), ("shapes_few", 4, 1.0)])
def test_the_shipped_shapes_are_what_was_asked_for(name, steps, w):
    asked = data.choose(48, seeded(18))
    noise = torch.randn(48, 3, 32, 32, generator=seeded(19))
    drawn = sample(ddim, cfg(learn.load(name), asked, w), noise, grid(cosine, steps))
    right = metrics.fidelity(learn.load("shapes_judge").read(drawn), asked)
    assert right[-1] > 0.75  # by chance, one in 3,456


def test_the_shipped_shapes_understand_a_caption_that_leaves_something_open():
    asked = data.choose(48, seeded(18))
    asked[:, [0, 2, 3]] = -1  # a colour on a background, no more
    noise = torch.randn(48, 3, 32, 32, generator=seeded(19))
    drawn = sample(ddim, cfg(learn.load("shapes"), asked, 1.0), noise, grid(cosine, 12))
    seen = learn.load("shapes_judge").read(drawn)
    assert metrics.fidelity(seen, asked)[-1] > 0.9
    assert len(seen[:, 2:4].unique(dim=0)) > 15  # of 27 sizes and places


# --- the model card -------------------------------------------------------------------------------


def test_the_card_says_what_the_records_say_and_shows_what_the_networks_draw():
    """Whoever trains one again gets a new card: this one must be of the weights beside it."""
    folder = files.DATA / "checkpoints"
    page = (folder / "README.md").read_text(encoding="utf-8")
    for name in recipes.RECIPES:
        record = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        part = page.split(f"## `{name}`")[1].split("\n## ")[0]
        assert f"{record['weights']:,}" in part and record["machine"] in part
        for key, value in record["measured"].items():
            assert f"| {key} | {value:g} |" in part
        assert (f"{name}.png" in part) == (folder / f"{name}.png").is_file()
        assert (f"{name}.png" in part) != ("judge" in name)


def test_a_card_is_written_for_what_is_there(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    record = (files.DATA / "checkpoints/judge.json").read_bytes()
    (tmp_path / "checkpoints/judge.json").write_bytes(record)
    page = recipes.write_card(tmp_path / "checkpoints").read_text(encoding="utf-8")
    assert "## `judge`" in page and "`digits`" not in page


# --- the record says what was trained -------------------------------------------------------------


def given_to(monkeypatch, module, name):
    """What a function of a module is called with from now on, by keyword or by place."""
    told, function = [], getattr(module, name)

    def spy(*arguments, **options):
        told.append(inspect.signature(function).bind(*arguments, **options).arguments)
        raise StopIteration

    monkeypatch.setattr(module, name, spy)
    return told


@pytest.mark.parametrize("steps, batch, lr, drop", [(3, 8, 1e-3, 0.5), (7, 5, 2e-3, 0.0)])
def test_what_the_record_of_the_digits_says_is_what_trains(monkeypatch, steps, batch, lr, drop):
    other = {"steps": steps, "batch": batch, "lr": lr, "labels dropped, per sample": drop}
    monkeypatch.setattr(digits, "DIGITS", digits.DIGITS | other | {"schedule": "rectified"})
    told = given_to(monkeypatch, learn, "fit")
    with pytest.raises(StopIteration):
        digits.fit_digits(None, steps)
    (told,) = told
    assert (told["steps"], told["options"]["lr"], told["options"]["drop"]) == (steps, lr, drop)
    assert told["schedule"] is rectified and len(told["batches"](1, seeded())[0]) == batch
    assert told["options"]["ema"] == digits.DIGITS["ema"]


@pytest.mark.parametrize("name", ["DIGITS", "JUDGE", "SECOND_JUDGE"])
def test_the_recipes_of_the_digits_are_those_of_their_records(name):
    shipped = files.DATA / "checkpoints" / f"{name.lower()}.json"
    said = json.loads(shipped.read_text(encoding="utf-8"))["recipe"]
    assert said == getattr(digits, name)


def test_the_recipe_of_the_dequantised_digits_is_that_of_its_record():
    shipped = files.DATA / "checkpoints/digits_dequantised.json"
    said = json.loads(shipped.read_text(encoding="utf-8"))
    assert said["recipe"] == recipes.DEQUANTISED
    learned, held_out = said["measured"].values()
    assert 2.5 < learned < held_out < 2.8


def test_what_is_held_out_is_not_learned_from_and_no_cell_is_left():
    held_out, kept = recipes.split()
    assert len(held_out) == 360 and sorted([*held_out, *kept]) == list(range(1797))
    x0, label = data.digits()
    draw = likelihood.dequantised_batches(x0[kept], label[kept], 64)
    x, c = draw(1, seeded())
    cell = (x * 8).round() / 8
    assert (x - cell).abs().max() <= recipes.WIDTH / 2 and not torch.equal(x, cell)
    near = (x0[kept].flatten(1)[None] - cell.flatten(1)[:, None]).abs().amax(2)
    assert bool((near.min(1).values < 1e-6).all()) and torch.equal(c, label[kept][near.argmin(1)])


@pytest.mark.parametrize("name", ["SHAPES", "STUDENT", "JUDGE", "SECOND_JUDGE"])
def test_the_recipes_of_the_shapes_are_those_of_their_records(name):
    file = {"JUDGE": "shapes_judge", "SECOND_JUDGE": "second_shapes_judge"}
    file |= {"SHAPES": "shapes", "STUDENT": "shapes_few"}
    shipped = files.DATA / "checkpoints" / f"{file[name]}.json"
    said = json.loads(shipped.read_text(encoding="utf-8"))["recipe"]
    recipe = getattr(shapes, name)
    assert said.items() >= (recipe if isinstance(recipe, dict) else recipe._asdict()).items()


@pytest.mark.parametrize("room", [digits, shapes])
def test_a_judge_is_trained_with_what_its_record_says_in_whatever_order(monkeypatch, room):
    recipe = dict(reversed(room.JUDGE.items())) | {"batch": 6, "lr": 3e-4}
    seen, told = [], given_to(monkeypatch, room, "fit_judge")

    def judge(x):
        seen.append(x)
        raise StopIteration

    real = data.digits() if room is digits else ()
    more = (seeded(), False) if room is digits else ("cpu", False)
    with pytest.raises(StopIteration):
        room._fit_judge(judge, *real, recipe, *more)
    assert (told[0]["steps"], told[0]["lr"]) == (recipe["steps"], 3e-4)
    with pytest.raises(StopIteration):
        told[0]["loss"](0)
    assert len(seen[0]) == 6
