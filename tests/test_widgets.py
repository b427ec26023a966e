"""Widgets leave a picture, keep one figure and answer; the playground walks and can be stopped."""

import asyncio
import base64
import gc
import io
import math
import re

import ipywidgets
import matplotlib as mpl
import matplotlib.figure
import numpy as np
import pytest
import torch
from family import seeded
from PIL import Image

from lessons_lib import data, learn, metrics, viz
from lessons_lib.exact import MixtureDenoiser
from lessons_lib.levels import SPACINGS, at_ratio, edm
from lessons_lib.solvers import SAMPLERS
from lessons_lib.widgets import (
    captions_of,
    drawing,
    drop,
    explore,
    models,
    pictured,
    playground,
    shape_model,
)
from lessons_lib.widgets.exploring import value_of
from lessons_lib.widgets.playing import gallery


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


def test_a_slider_gives_numbers_on_its_scale():
    seen, walked = [], sum([0.1] * 3)  # 0.30000000000000004
    widget = explore(
        lambda ax, w, n: seen.append((w, n)), "numbers", w=(0.0, 1.05, 0.1), n=(0, 9, 3)
    )
    w, n = widget.children[:2]
    for w.value in (walked, math.nextafter(0.3, 0), 0.33, 1.05):
        assert seen[-1][0] == (0.3 if w.value < 1 else 1.05)
    n.value = 7
    assert seen[-1] == (1.05, 6) and type(seen[-1][1]) is int
    for low, step in ((-1.0, 0.5), (0.01, 0.01), (0.02, 0.02), (-3.0, 0.3)):
        slider = ipywidgets.FloatSlider(low, min=low, max=low + 20 * step, step=step)
        for k in range(21):
            slider.value = sum([step] * k, low)
            assert value_of(slider) == round(low + k * step, 6)  # the key as it is written


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
    return models.Model(Blind(), (1, 4, 4), models.digits_in, models.labels_of, "1 2")


def test_a_walk_can_be_watched_and_ends_in_the_words():
    model = blind()
    seen = list(drawing.draw(model, "1 2 3", sampler="DDIM", steps=5, w=1.0, n=4))
    assert [g.step for g in seen] == [1, 2, 3, 4, 5] and seen[-1].steps == 5
    torch.testing.assert_close(seen[-1].x0[:, 0, 0, 0], torch.tensor([0.1, 0.2, 0.3, 0.1]))


def test_guidance_doubles_the_evaluations_and_goes_further():
    for w, each, reached in ((0.0, 1, 0.0), (1.0, 1, 0.2), (3.0, 2, 0.6)):
        model = blind()
        *_, last = drawing.draw(model, "2", sampler="2M", steps=6, w=w, n=3)
        assert last.evaluations == 6 * each and model.denoise.asked == 3 * 6 * each
        torch.testing.assert_close(last.x0, torch.full((3, 1, 4, 4), reached))


def test_words_to_avoid_push_the_other_way():
    *_, last = drawing.draw(blind(), "", avoid="2", steps=4, w=3.0, n=2)
    torch.testing.assert_close(last.x0, torch.full((2, 1, 4, 4), 0.2 + 3 * (0 - 0.2)))
    *_, last = drawing.draw(blind(), "4", avoid="2", steps=4, w=2.0, n=2)
    torch.testing.assert_close(last.x0, torch.full((2, 1, 4, 4), 0.6))


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_choice_reaches_the_data_and_a_seed_repeats_it(sampler, spacing):
    ask = lambda seed: (
        list(drawing.draw(blind(), "3", "", sampler, 4, spacing, 1.0, seed, n=2))[-1].x0
    )
    torch.testing.assert_close(ask(1), torch.full((2, 1, 4, 4), 0.3))
    first = lambda seed: (
        next(drawing.draw(drifting(), "", "", sampler, 4, spacing, 1.0, seed, n=2)).x0
    )
    assert torch.equal(first(1), first(1)) and not torch.equal(first(1), first(2))


def drifting():
    return blind()._replace(denoise=lambda x, t, c=None: x / 2)


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
        drawing.draw(blind(), words, **choice)


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
    assert (
        "stopped after 2" in widget._alt and "after 2 steps: 2 evaluations" in widget.status.value
    )
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


def test_a_mistake_is_said_and_no_old_picture_pretends_to_be_the_answer():
    widget = playground({"blind": blind})
    widget.words.value = "ten"
    widget.draw_button.click()
    said = widget.status.value
    assert "words: &#x27;ten&#x27;" in said and 'role="status"' in said
    assert widget.seen.layout.visibility == "hidden" and not widget.draw_button.disabled
    widget.words.value = "2"
    widget.draw_button.click()
    assert widget.seen.layout.visibility == "visible" and "ten" not in widget.status.value


def test_an_unknown_word_is_answered_with_those_near_it():
    for wrong, right in (
        ("gren", "green"),
        ("grey", "green"),
        ("sqare", "square"),
        ("Moons", "moon"),
    ):
        with pytest.raises(ValueError, match=f"{wrong.lower()!r} is unknown; near it: .*{right}"):
            captions_of(f"a {wrong} star")
    with pytest.raises(
        ValueError, match="'xylophone' is unknown; shapes are circle, .*colours red"
    ):
        captions_of("a xylophone")


@pytest.mark.parametrize("entry", ["words", "avoid"])
def test_enter_draws_and_asks_nothing_twice(entry):
    widget = playground({"blind": blind})
    enter = lambda: getattr(widget, entry)._handle_custom_msg({"event": "submit"}, [])
    widget.words.value = "3"
    enter()
    assert widget._alt.startswith("16 pictures of 3 ") and not widget.draw_button.disabled
    assert widget.start()
    walk = widget._glimpses
    enter()
    assert widget._glimpses is walk  # Draw is disabled, and so is Enter


@pytest.mark.parametrize(
    "words, pictures, drawn", [("1 2 3 4 5", 4, 5), ("1 2 3", 4, 6), ("7", 4, 4), ("", 4, 4)]
)
def test_every_caption_is_drawn_equally_often_and_stands_below_its_pictures(words, pictures, drawn):
    widget = playground({"blind": blind}, pictures=pictures)
    widget.words.value = words
    widget.draw_button.click()
    names = words.split() or ["anything"]
    groups = re.findall(r"<figure.*?</figure>", widget.gallery.value)
    assert len(widget._glimpse.x0) == drawn and f"{drawn} pictures" in widget.status.value
    for name, group in zip(names, groups, strict=True):
        assert f">{name}</figcaption>" in group
        assert group.count(f'<img alt="{name}"') == drawn // len(names)
        shade = viz.tiles(
            label_picture(torch.tensor([int(name) if words else 0])).expand(1, 1, 4, 4)
        )
        assert base64.b64encode(shade).decode() in group


def test_words_become_text_and_never_markup():
    assert "<b>" not in gallery(torch.zeros(1, 1, 2, 2), ["<b>"])


def test_the_cost_is_said_in_words():
    widget = playground({"blind": blind}, pictures=4)
    widget.steps.value, widget.words.value = 1, "1"
    widget.draw_button.click()
    assert "4 pictures, after 1 step: 1 evaluation of the network for each" in widget.status.value
    widget.w.value = 3.0
    widget.draw_button.click()
    assert "2 evaluations of" in widget.status.value
    widget.steps.value, widget.words.value = 2, "1 2"
    widget.draw_button.click()
    assert "4 pictures, 2 of each, after 2 steps: 4 evaluations of" in widget.status.value


def test_all_but_words_and_seed_is_folded():
    widget = playground({"blind": blind})
    assert widget.more.layout.display == "none" and widget.w in widget.more.children
    assert not {widget.words, widget.seed, widget.draw_button} & set(widget.more.children)
    widget.unfold.value = True
    assert widget.more.layout.display == "flex"


def test_a_guess_is_shown_while_the_walk_goes_on():
    widget = waiting(words="5")
    before, widget._shown = widget.gallery.value, 0
    assert (
        widget.advance()
        and widget.gallery.value != before
        and ">5</figcaption>" in (widget.gallery.value)
    )


def test_the_first_picture_is_there_without_a_kernel():
    widget = playground({"blind": blind})
    bundle, metadata = widget._repr_mimebundle_()
    assert {"image/png", "text/plain", "application/vnd.jupyter.widget-view+json"} == set(bundle)
    assert "16 pictures of 1 2 by 2M in 20 steps" in metadata["image/png"]["alt"]
    assert " s for" not in str(bundle) and " s for" not in str(metadata)  # they differ each time
    assert widget._repr_mimebundle_()[0]["image/png"] == bundle["image/png"]


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
    tiles = np.asarray(Image.open(io.BytesIO(viz.tiles(x))))
    assert tiles[::2, ::2].tolist() == [[0, 85], [170, 255]]
    line = np.asarray(Image.open(io.BytesIO(viz.tiles(x, cols=4, zoom=3))))
    assert line.shape == (6, 24) and line[0, ::6].tolist() == [0, 85, 170, 255]
    assert Image.open(io.BytesIO(viz.tiles(torch.zeros(3, 3, 2, 2)))).size == (4, 4)


def test_the_playground_reads_captions_and_what_they_leave_open():
    whole = "a small blue moon at the top, dark background"
    rows = captions_of(f"{whole} | a red star")
    assert rows[0].min() >= 0 and data.caption(rows[1]) == "a red star"
    with pytest.raises(ValueError, match="grey"):
        captions_of("a small grey moon at the top, dark background")
    with pytest.raises(ValueError, match="2 objects in one caption; this model draws one"):
        captions_of("a red star | a red star and a blue moon")


def test_no_eye_sees_that_the_playground_rounds(monkeypatch):
    exact, model = learn.load("shapes"), shape_model()
    asked = {"steps": 5, "w": 2.0, "n": 4}
    *_, rounded = drawing.draw(model, model.words, **asked)
    *_, plain = drawing.draw(model._replace(denoise=exact), model.words, **asked)
    assert (rounded.x0 - plain.x0).abs().mean() < 0.01  # of 2, from black to white
    monkeypatch.setattr(learn, "has_bf16", lambda *_: False)
    assert models.rough(exact) is exact


@pytest.mark.parametrize("caption", ["a small green moon", "a small red cross"])
def test_small_things_are_there_wherever_they_are_left_to_stand(caption):
    model, n = shape_model(), 16
    *_, last = drawing.draw(model, caption, steps=8, n=n)
    judge = learn.load("shapes_judge")
    right = metrics.fidelity(judge.read(last.x0.clamp(-1, 1)), captions_of(caption).expand(n, -1))
    assert right[-1] >= 0.7


def test_what_is_left_open_is_drawn_by_lot_evenly_and_what_is_said_stays():
    c = captions_of("a small green moon").expand(9000, -1)
    full = models.by_lot(c, seeded(0))
    assert torch.equal(full[:, :3], c[:, :3])
    for column, values in ((3, 9), (4, 2)):
        share = full[:, column].bincount() / 9000
        assert share.shape == (values,) and (share * values - 1).abs().max() < 0.12
    assert torch.equal(models.by_lot(full, torch.Generator()), full)


@pytest.mark.parametrize(
    "name, sampler, w", [("shapes", "2M", 2.0), ("shapes, student", "DDIM", 1)]
)
def test_the_playground_draws_the_shapes_it_is_asked_for(name, sampler, w):
    model = models.MODELS[name]()
    *_, last = drawing.draw(model, model.words, sampler=sampler, steps=8, w=w, n=4)
    judge = learn.load("shapes_judge")
    right = metrics.fidelity(judge.read(last.x0.clamp(-1, 1)), captions_of(model.words))
    assert right[-1] >= 0.5 and last.evaluations == (8 if w == 1 else 16)


def looks():
    """What notebooks draw into an explored ax, each in two states."""
    g = seeded(0)
    x, t = torch.randn(1, 4, 1, 8, 8, generator=g), torch.linspace(0, 1, 50)
    yield lambda ax, k: viz.film(x * k, ax, ["row"], "abcd"[:k] * 4, holes=False).set_title(f"{k}")
    yield lambda ax, k: viz.curves(t, {f"t + {i}": k * t + i for i in range(k)}, ax, "time", "y")
    yield lambda ax, k: ax.bar(range(3 * k), range(3 * k)) and ax.set(ylim=(0, 9), title=f"{k} × 3")
    yield lambda ax, k: viz.histogram(x * k, ax, t, k * t, f"{k}")
    yield lambda ax, k: viz.chart(x, ["a"], {"a": [k]} if k == 1 else {}, ["n"], ax, "chart")
    yield lambda ax, k: viz.law(t, t, k * t[:, None] * t, x.reshape(-1, 2)[: 9 * k], ax, f"{k}")
    yield lambda ax, k: ax.table([["a", f"{k}"]], loc="center") and ax.annotate("b", (0, 0), (k, k))


@pytest.mark.parametrize("draw", list(looks()))
def test_a_redrawn_picture_is_the_one_that_a_new_figure_shows(draw):
    def shown(*states):
        figure, ax = viz.new_figure()
        figure.set_layout_engine("none")
        with mpl.rc_context(viz.style()):
            for i, k in enumerate(states):
                if i:  # a new figure needs no emptying
                    pictured._empty(ax)
                draw(ax, k)
        return viz.png(figure)

    assert shown(1, 2) == shown(2) != shown(1) == shown(2, 1)


# --- particles ------------------------------------------------------------------------------------


@pytest.fixture
def dropped():
    hills = MixtureDenoiser([[1.0, 1.0], [-1.0, -1.0]], [0.2, 0.2], [0.2, 0.8])
    named = {f"{sigma:g}": at_ratio(edm, sigma) for sigma in (2, 0.7, 0.05)}
    return drop(hills, named, "0.7", "arrows and particles")


def test_particles_are_dropped_where_the_sliders_say_and_walk_as_many_steps(dropped):
    level, first, second, steps = dropped.children[:4]
    assert level.value == "0.7" and 'alt="arrows and particles"' in dropped.picture.value
    first.value, second.value, steps.value = 0.30000000000000004, -1.0, 7
    *walks, ring, dots = dropped._axes.lines
    assert ring.get_xydata().tolist() == [[0.3, -1.0]]
    assert all(len(each.get_xydata()) == 8 for each in walks) and len(walks) == 6
    np.testing.assert_allclose(dots.get_xydata(), [each.get_xydata()[-1] for each in walks])


def test_more_steps_go_on_with_the_same_dice(dropped):
    steps = dropped.children[3]
    steps.value = 10
    short = [each.get_xydata() for each in dropped._axes.lines[:6]]
    steps.value = 30
    for before, now in zip(short, dropped._axes.lines[:6], strict=True):
        np.testing.assert_array_equal(now.get_xydata()[:11], before)


def test_no_step_leaves_all_where_they_were_dropped(dropped):
    dropped.children[3].value = 0
    np.testing.assert_allclose(dropped._axes.lines[-1].get_xydata(), [[0.4, 0.0]] * 6)
