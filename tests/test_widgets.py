"""Widgets leave a picture, keep one figure and answer; the playground walks and can be stopped."""

import asyncio
import gc
import io

import matplotlib.figure
import numpy as np
import pytest
import torch
from PIL import Image

from lessons_lib import data, learn, metrics, widgets
from lessons_lib import playground as play
from lessons_lib.widgets import explore, playground


def draw(ax, t):
    ax.plot([0, 1], [0, t])


def test_one_bundle_holds_picture_words_and_widget():
    bundle, metadata = explore(draw, "a line", t=(0.0, 1.0))._repr_mimebundle_()
    assert {"image/png", "text/plain", "application/vnd.jupyter.widget-view+json"} == set(bundle)
    assert metadata["image/png"]["alt"] == "a line" and "a line" in bundle["text/plain"]


def test_moving_a_slider_redraws_the_one_figure():
    widget = explore(draw, "a line", t=(0.0, 1.0))
    slider, before = widget.children[0], widget.children[-2].value
    slider.value = 0.9
    assert widget.children[-2].value != before and 'alt="a line"' in widget.children[-2].value
    count = lambda: sum(type(o) is matplotlib.figure.Figure for o in gc.get_objects())
    gc.collect()
    figures = count()
    for i in range(50):
        slider.value = i / 50
    gc.collect()
    assert count() <= figures and len(widget._axes.lines) == 1


def test_the_repr_is_readable():
    assert repr(explore(draw, "a line", t=(0.0, 1.0))) == "explore('a line')"


def test_several_axes():
    widget = explore(lambda axes, t: axes[1].plot([0, t]), "two", cols=2, t=(0.0, 1.0))
    assert len(widget._axes[1].lines) == 1


# --- the playground -------------------------------------------------------------------------------


class Blind:
    """A denoiser of one-number pictures that believes in its label, in 0 without one."""

    def __init__(self):
        self.asked = 0

    def __call__(self, x, t, c=None):
        self.asked += len(x)
        return torch.zeros_like(x) if c is None else label_picture(c).expand_as(x)


def label_picture(c):
    return torch.where(c < 0, 0, c).to(torch.float32).reshape(-1, 1, 1, 1) / 10


def blind():
    return play.Model(Blind(), (1, 4, 4), play.labels_of, "1 2")


def test_a_walk_can_be_watched_and_ends_in_the_words():
    model = blind()
    seen = list(play.draw(model, "1 2 3", sampler="DDIM", steps=5, w=1.0, n=4))
    assert [g.step for g in seen] == [1, 2, 3, 4, 5] and seen[-1].steps == 5
    torch.testing.assert_close(seen[-1].x0[:, 0, 0, 0], torch.tensor([0.1, 0.2, 0.3, 0.1]))


def test_guidance_doubles_the_evaluations_and_goes_further():
    for w, each, reached in ((0.0, 1, 0.0), (1.0, 1, 0.2), (3.0, 2, 0.6)):
        model = blind()
        *_, last = play.draw(model, "2", sampler="2M", steps=6, w=w, n=3)
        assert last.evaluations == 6 * each and model.denoise.asked == 3 * 6 * each
        torch.testing.assert_close(last.x0, torch.full((3, 1, 4, 4), reached))


def test_words_to_avoid_push_the_other_way():
    *_, last = play.draw(blind(), "", avoid="2", steps=4, w=3.0, n=2)
    torch.testing.assert_close(last.x0, torch.full((2, 1, 4, 4), 0.2 + 3 * (0 - 0.2)))
    *_, last = play.draw(blind(), "4", avoid="2", steps=4, w=2.0, n=2)
    torch.testing.assert_close(last.x0, torch.full((2, 1, 4, 4), 0.6))


@pytest.mark.parametrize("spacing", play.SPACINGS)
@pytest.mark.parametrize("sampler", play.SAMPLERS)
def test_every_choice_reaches_the_data_and_a_seed_repeats_it(sampler, spacing):
    ask = lambda seed: list(play.draw(blind(), "3", "", sampler, 4, spacing, 1.0, seed, n=2))[-1].x0
    torch.testing.assert_close(ask(1), torch.full((2, 1, 4, 4), 0.3))
    first = lambda seed: next(play.draw(drifting(), "", "", sampler, 4, spacing, 1.0, seed, n=2)).x0
    assert torch.equal(first(1), first(1)) and not torch.equal(first(1), first(2))


def drifting():
    return play.Model(lambda x, t, c=None: x / 2, (1, 4, 4), play.labels_of, "")


@pytest.mark.parametrize(
    ("words", "choice", "said"),
    [
        ("12", {}, "words: '12'"),
        ("x", {}, "words: 'x'"),
        ("1", {"sampler": "best"}, "sampler: 'best'"),
        ("1", {"spacing": "none"}, "spacing: 'none'"),
        ("1", {"steps": 0}, "steps: 0"),
        ("1", {"w": float("nan")}, "w: nan"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_the_first_step(words, choice, said):
    with pytest.raises(ValueError, match=said):
        play.draw(blind(), words, **choice)


def waiting(**controls):
    """A playground that has been asked for something and has not taken a step."""
    widget = playground({"blind": blind})
    for name, value in controls.items():
        getattr(widget, name).value = value
    assert widget.start()
    return widget


def test_stop_ends_a_walk_between_two_steps():
    widget = waiting(steps=20, w=1.0)
    assert widget.draw_button.disabled and not widget.stop_button.disabled
    assert widget.advance() and widget.advance() and widget.bar.value == 2
    widget.stop_button.click()
    assert not widget.advance() and not widget.draw_button.disabled
    assert "stopped after 2" in widget._alt and "2 evaluations per picture" in widget.status.value
    assert widget.start() and widget.advance()


def test_stop_is_heard_while_the_walk_goes_on():
    async def press():
        widget = playground({"blind": blind})
        widget.steps.value = 1000
        widget.draw_button.click()
        await asyncio.sleep(0.02)
        widget.stop_button.click()
        await widget._task
        return widget

    widget = asyncio.run(press())
    assert 0 < widget.bar.value < 1000 and "stopped" in widget._alt


def test_another_model_brings_its_own_words():
    dark = blind()._replace(words="3", denoise=lambda x, t, c=None: torch.full_like(x, -1.0))
    widget = playground({"blind": blind, "dark": lambda: dark})
    widget.model.value = "dark"
    assert widget.words.value == "3" and widget.model in widget.children
    widget.draw_button.click()
    assert bool((widget._glimpse.x0 == -1).all())
    assert playground({"blind": blind}).words.value == "1 2"


def test_controls_may_change_during_a_walk():
    widget = waiting(steps=3)
    widget.sampler.value, widget.words.value = "Heun", "7"
    while widget.advance():
        pass
    assert "of 1 2 by 2M in 3 steps" in widget._alt


def test_a_mistake_is_said_and_the_picture_stays():
    widget = playground({"blind": blind})
    before = widget._png
    widget.words.value = "ten"
    widget.draw_button.click()
    assert (
        "words: &#x27;ten&#x27;" in widget.status.value and 'role="status"' in widget.status.value
    )
    assert widget._png == before and not widget.draw_button.disabled


def test_the_first_picture_is_there_without_a_kernel():
    bundle, metadata = playground({"blind": blind})._repr_mimebundle_()
    assert {"image/png", "text/plain", "application/vnd.jupyter.widget-view+json"} == set(bundle)
    assert "16 pictures of 1 2 by 2M in 20 steps" in metadata["image/png"]["alt"]
    assert " s for" not in bundle["text/plain"]  # seconds differ from run to run


def test_the_star_stands_where_it_was_measured_and_nowhere_else():
    row = {"sampler": "2M", "spacing": "even in time", "evaluations": 20}
    rows = [row | {"frechet": {"value": 0.5, "half": 0.1}}]
    widget = playground({"blind": blind}, {"blind": rows})
    assert widget.here() == (20, 0.5)
    for name, value, here in (
        ("w", 3.0, (40, None)),
        ("w", 1.0, (20, 0.5)),
        ("avoid", "2", (40, None)),
        ("avoid", "", (20, 0.5)),
        ("spacing", "Karras", (20, None)),
        ("spacing", "even in time", (20, 0.5)),
        ("steps", 10, (10, None)),
    ):
        getattr(widget, name).value = value
        widget.draw_button.click()
        assert widget.here() == here


def test_the_preview_tiles_pictures_row_by_row():
    x = torch.linspace(-1, 1, 4).reshape(4, 1, 1, 1).expand(4, 1, 2, 2)
    tiles = np.asarray(Image.open(io.BytesIO(widgets.tiles(x))))
    assert tiles[::2, ::2].tolist() == [[0, 85], [170, 255]]
    line = np.asarray(Image.open(io.BytesIO(widgets.tiles(x, cols=4, zoom=3))))
    assert line.shape == (6, 24) and line[0, ::6].tolist() == [0, 85, 170, 255]
    assert Image.open(io.BytesIO(widgets.tiles(torch.zeros(3, 3, 2, 2)))).size == (4, 4)


def test_the_playground_reads_captions_and_what_they_leave_open():
    whole = "a small blue moon at the top, dark background"
    rows = play.captions_of(f"{whole} | a red star")
    assert rows[0].min() >= 0 and data.caption(rows[1]) == "a red star"
    with pytest.raises(ValueError, match="grey"):
        play.captions_of("a small grey moon at the top, dark background")
    with pytest.raises(ValueError, match="2 objects in one caption; this model draws one"):
        play.captions_of("a red star | a red star and a blue moon")


def test_no_eye_sees_that_the_playground_rounds(monkeypatch):
    exact, model = learn.load("shapes"), play.shape_model()
    asked = {"steps": 5, "w": 2.0, "n": 4}
    *_, rounded = play.draw(model, model.words, **asked)
    *_, plain = play.draw(model._replace(denoise=exact), model.words, **asked)
    assert (rounded.x0 - plain.x0).abs().mean() < 0.01  # of 2, from black to white
    monkeypatch.setattr(learn, "has_bf16", lambda *_: False)
    assert play.rough(exact) is exact


@pytest.mark.parametrize(
    "name, sampler, w", [("shapes", "2M", 2.0), ("shapes, student", "DDIM", 1)]
)
def test_the_playground_draws_the_shapes_it_is_asked_for(name, sampler, w):
    model = play.MODELS[name]()
    *_, last = play.draw(model, model.words, sampler=sampler, steps=8, w=w, n=4)
    judge = learn.load("shapes_judge")
    right = metrics.fidelity(judge.read(last.x0.clamp(-1, 1)), play.captions_of(model.words))
    assert right[-1] >= 0.5 and last.evaluations == (8 if w == 1 else 16)
