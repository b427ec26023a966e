"""Every plot draws into the ax it is given, and every figure says what it shows."""

import inspect

import pytest
import torch

from lessons_lib import viz


def shown(monkeypatch):
    import IPython.display

    out = []
    monkeypatch.setattr(
        IPython.display, "display", lambda bundle, **more: out.append((bundle, more))
    )
    return out


def test_a_figure_carries_its_alt_text(monkeypatch):
    out = shown(monkeypatch)
    with viz.figure("two dots", cols=2) as axes:
        assert len(axes) == 2
    ((bundle, more),) = out
    assert bundle["text/plain"] == "two dots" and "image/png" in bundle
    assert more["metadata"]["image/png"]["alt"] == "two dots"


def test_a_figure_without_alt_text_is_refused():
    with pytest.raises(ValueError, match="alt: empty"), viz.figure(" "):
        pass


def test_the_same_figure_is_the_same_bytes():
    def draw():
        figure, ax = viz.new_figure()
        viz.curves([0, 1, 2], {"a": [0, 1, 4], "b": [4, 1, 0]}, ax, "x", "y")
        return viz.png(figure)

    assert draw() == draw()


def test_every_plot_takes_an_ax_and_gives_it_back():
    plots = [
        f
        for f in vars(viz).values()
        if inspect.isfunction(f) and "ax" in inspect.signature(f).parameters
    ]
    assert len(plots) >= 8
    for plot in plots:
        assert inspect.signature(plot).return_annotation.__name__ == "Axes", plot.__name__


def test_pictures_are_tiled_in_order():
    x = torch.linspace(-1, 1, 6).reshape(6, 1, 1, 1).expand(6, 1, 8, 8)
    _, ax = viz.new_figure()
    viz.pictures(x, ax, cols=3)
    canvas = ax.images[0].get_array()
    centres = [float(canvas[4 + 9 * row, 4 + 9 * col]) for row in (0, 1) for col in (0, 1, 2)]
    assert centres == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    viz.pictures(torch.zeros(2, 3, 8, 8), ax, labels=["a", "b"])
    assert [text.get_text() for text in ax.texts] == ["a", "b"]
