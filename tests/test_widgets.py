"""explore leaves a picture, keeps one figure, and answers its sliders."""

import gc

import matplotlib.figure

from lessons_lib.widgets import explore


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
